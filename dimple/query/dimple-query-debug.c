/* dimple-query-debug.c: DIMPLE_DEBUG=query,slow for live queries
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-query-internal-private.h"

#include "dimple-debug-private.h"

void
dimple_query_debug_run (DimpleQuery    *self,
                        DimpleQueryRun *run)
{
  const char *how = "";

  if (!dimple_debug_is_on (DIMPLE_DEBUG_QUERY))
    return;
  if (run->error != NULL)
    how = run->error->message;
  else if (run->plan != NULL)
    how = run->plan->reason != NULL ? run->plan->reason : "incremental";
  dimple_debug_print (DIMPLE_DEBUG_QUERY, "%p run, %.3f ms, %u rows: %s: %s", (void *) self,
                      (double) run->duration / 1000, run->rows != NULL ? dimple_rows_get_n_rows (run->rows) : 0, how,
                      run->sql);
}

void
dimple_query_debug_change (DimpleQuery *self,
                           guint        position,
                           guint        n_removed,
                           guint        n_added)
{
  if (dimple_debug_is_on (DIMPLE_DEBUG_QUERY))
    dimple_debug_print (DIMPLE_DEBUG_QUERY, "%p at %u: %u removed, %u added: %s", (void *) self, position, n_removed,
                        n_added, self->sql);
}

void
dimple_query_debug_slow (DimpleQuery *self,
                         const char  *what,
                         gint64       start)
{
  g_autofree char *explanation = NULL;
  double milliseconds;

  if (!dimple_debug_is_slow (start, &milliseconds))
    return;
  explanation = dimple_query_explain (self);
  g_warning ("slow: %s kept the main thread for %.1f ms: %s\n%s", what, milliseconds, self->sql, explanation);
}
