/* dimple-kept-rows-private.h: the rows of a query that is kept row by row
 *
 * Only rowids and sort keys are held, in order; what a row shows is read when it is asked for, with the rows around it.
 * Loaded on any thread; then of the main context of its query.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-query-hub-private.h"
#include "dimple-rows-private.h"

G_BEGIN_DECLS

typedef struct _DimpleKeptRows DimpleKeptRows;

/* Is a DimpleRows.  NULL without an error: SQLite does not give the rows in the order of their sort keys. */
DimpleKeptRows  *dimple_kept_rows_load             (DimpleConnection  *reader,
                                                    DimpleQueryPlan   *plan,
                                                    GVariant          *parameters,
                                                    GError           **error);
/* NULL: `rows` are kept otherwise. */
DimpleKeptRows  *dimple_kept_rows_of               (DimpleRows        *rows);
DimpleQueryPlan *dimple_kept_rows_get_plan         (DimpleKeptRows    *self);
/* (nullable) those of the query that they are of. */
GVariant        *dimple_kept_rows_get_parameters   (DimpleKeptRows    *self);
/* Where rows are read from now on: where the subscription (nullable) says, or at `point` (nullable). */
void             dimple_kept_rows_set_reading      (DimpleKeptRows     *self,
                                                    DimpleSubscription *subscription,
                                                    DimpleQueryHub     *hub,
                                                    DimpleReadPoint    *point);

/* The rows around one with the same first value of ORDER BY, which is `value`; FALSE if that does not tell. */
gboolean         dimple_kept_rows_find_section     (DimpleKeptRows     *self,
                                                    guint               position,
                                                    const DimpleValue  *value,
                                                    guint              *start,
                                                    guint              *end);
/* All of them as records, read at `point`; on any thread, as long as nobody changes them.  NULL if they cannot be
 * read. */
DimpleRows      *dimple_kept_rows_copy             (DimpleKeptRows     *self,
                                                    DimpleQueryHub     *hub,
                                                    DimpleReadPoint    *point);

/* -- Changes: `net` of DimpleRowChange, with their sort keys in `keys` --------------------------------------------- */

/* Whether the change is of a row that is shown, and that is shown afterwards. */
gboolean         dimple_kept_rows_stays            (DimpleKeptRows         *self,
                                                    const DimpleRowChange  *change);
/* What the row shows at the present commit; empty if it cannot be read. */
void             dimple_kept_rows_read             (DimpleKeptRows         *self,
                                                    DimpleConnection       *reader,
                                                    gint64                  rowid,
                                                    GByteArray             *record);
/* Puts rows where they belong now.  Only position, n_removed and n_added of `change` are set.  FALSE: the rows must be
 * read anew, as more of them would be shown than are known. */
gboolean         dimple_kept_rows_apply            (DimpleKeptRows         *self,
                                                    GArray                 *net,
                                                    GByteArray             *keys,
                                                    DimpleRowsChange       *change);

G_END_DECLS
