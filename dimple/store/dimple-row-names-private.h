/* dimple-row-names-private.h: the GObject properties of columns, by their names
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The property of the column `position` (from 0) of a result; `taken` holds those of the columns before it. */
char *dimple_row_name_property (const char *column,
                                guint       position,
                                GHashTable *taken);

G_END_DECLS
