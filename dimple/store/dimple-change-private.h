/* dimple-change-private.h: the history as objects
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-change.h"
#include "dimple-history-private.h"
#include "dimple-store-private.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_HISTORY_LIST (dimple_history_list_get_type ())

G_DECLARE_FINAL_TYPE (DimpleHistoryList, dimple_history_list, DIMPLE, HISTORY_LIST, GObject)

/* `table` and `key` are nullable: all tables, all rows. */
DimpleHistoryList *dimple_history_list_new     (DimpleStore          *store,
                                                const char           *table,
                                                const char           *key);
DimpleStore       *dimple_history_list_get_store (DimpleHistoryList  *self);
/* Whether nothing of a change that the list has was lost. */
gboolean           dimple_history_list_has_won (DimpleHistoryList    *self,
                                                gint64                seq,
                                                DimpleRowHash         row);

/* Takes `logged`; in the main context of the list. */
DimpleChange      *dimple_change_new           (DimpleHistoryList    *list,
                                                DimpleLoggedChange   *logged,
                                                char                 *author_name);
/* Something new is known of the row. */
void               dimple_change_judge_again   (DimpleChange         *self);

/* What restoring is about; any thread. */
gboolean           dimple_change_write_back    (DimpleStore               *store,
                                                const DimpleLoggedChange  *logged,
                                                const char                *column,
                                                GError                   **error);

G_END_DECLS
