/* dimple-prune-changes-private.h: a transaction's changes without what is superseded
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-fold-private.h"

G_BEGIN_DECLS

/* Whether values of a column may be dropped at all. */
typedef gboolean (*DimplePrunableFunc) (const char *table,
                                        const char *column,
                                        gpointer    user_data);

/* What is left of `changes`, which are those of transaction `id`, by what `fold` knows of their rows; rows that it does
 * not know are left as they are.  NULL: all of it.  `is_empty`: there are no changes left (or were none). */
gboolean dimple_prune_changes (DimpleFold          *fold,
                               const char          *id,
                               int                  script,
                               GBytes              *changes,
                               DimplePrunableFunc   prunable,
                               gpointer             user_data,
                               GBytes             **left,
                               gboolean            *is_empty,
                               GError             **error);

G_END_DECLS
