/* dimple-result-private.h: all rows of a query at one commit, as records
 *
 * Made on any thread, never changed after it was compared with the one before it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-query-plan-private.h"
#include "dimple-rows-private.h"

G_BEGIN_DECLS

typedef struct _DimpleResult DimpleResult;

/* Is a DimpleRows. */
DimpleResult *dimple_result_run     (DimpleConnection  *reader,
                                     DimpleQueryPlan   *plan,
                                     GVariant          *parameters,
                                     GError           **error);
/* Rows that were kept otherwise, and their ids: `statement` is the plan's SQL, `sizes` (of guint32) are those of the
 * rows in `records`. */
DimpleResult *dimple_result_new     (DimpleQueryPlan   *plan,
                                     sqlite3_stmt      *statement,
                                     const GByteArray  *records,
                                     const GArray      *sizes,
                                     gint64            *ids);
/* In place of compare(): the ids of all rows, or 0 for a new one, greater than `last_id`. */
void          dimple_result_take_ids (DimpleResult     *self,
                                      gint64           *ids,
                                      gint64            last_id);
/* Of a table whose key is its rowid, if that is in the result. */
gboolean      dimple_result_get_rowid (DimpleResult    *self,
                                       guint            position,
                                       const char      *table,
                                       gint64          *rowid);
/* NULL: `rows` are kept otherwise. */
DimpleResult *dimple_result_of      (DimpleRows        *rows);
/* Rows are the same if they have the same key (the n-th of several with that key); in a result without keys, if they
 * have the same position.  Gives the rows of `self` the ids of those of `old`, or new ones. */
void          dimple_result_compare (DimpleResult      *self,
                                     DimpleResult      *old,         /* (nullable) */
                                     DimpleRowsChange  *change);

G_END_DECLS
