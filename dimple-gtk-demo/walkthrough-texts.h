/* walkthrough-texts.h: real text that is on every Debian system
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

GPtrArray *walkthrough_texts_find      (guint    at_least,
                                        GError **error);
char      *walkthrough_texts_dup_title (GFile    *file);

G_END_DECLS
