/* dimple-query-explain-private.h: how a query is kept up to date, in words
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-query-plan-private.h"
#include "dimple-types.h"

G_BEGIN_DECLS

typedef struct
{
  guint   n_runs;           /* that came to an end */
  guint   n_dropped;        /* runs that were overtaken by other parameters or SQL */
  guint64 n_rows;           /* that they read */
  gint64  last_duration;    /* µs, of the last run */
  guint   n_shown;          /* times that the change of single rows was shown */
} DimpleQueryStatistics;

/* `store`, `sql` and `plan` may be NULL, as long as they are not known; `filter`, too: any row. */
char *dimple_query_explain_plan (DimpleStore                  *store,
                                 const char                   *sql,
                                 DimpleQueryPlan              *plan,
                                 DimpleRowFilter              *filter,
                                 guint                         n_rows,
                                 const DimpleQueryStatistics  *statistics);

G_END_DECLS
