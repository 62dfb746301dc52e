/* dimple-query-run-private.h: one run of a query
 *
 * Takes what a query is at one moment to a thread that reads, and what came of it back to the query's main context.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-query-hub-private.h"
#include "dimple-rows-compare-private.h"

G_BEGIN_DECLS

typedef struct _DimpleQueryRun DimpleQueryRun;

/* In the main context of the query. */
typedef void (*DimpleQueryRunFunc) (DimpleQueryRun *run,
                                    gpointer        user_data);

struct _DimpleQueryRun
{
  /* What to run. */
  DimpleQueryHub      *hub;
  char                *sql;
  GVariant            *parameters;       /* (nullable) */
  char                *section_column;   /* (nullable) */
  DimpleQueryPlan     *plan;             /* (nullable) of the same SQL, from the last time; then that of this time */
  DimpleRowFilter     *filter;           /* (nullable) of the same parameters, if they were run before, and then of these */
  gboolean             is_filter_known;
  gboolean             never_kept;       /* not row by row, whatever the plan says */

  /* What is shown, to compare with. */
  DimpleRows          *old;              /* (nullable) */
  DimpleQueryPlan     *old_plan;         /* (nullable) of it */
  DimpleEvaluator     *old_evaluator;    /* (nullable) */
  DimpleReadPoint     *old_point;        /* (nullable) where it is read */
  DimpleRowChanges    *taken;            /* what happened to it since, as far as it was taken from its evaluator */

  GCancellable        *cancellable;
  GMainContext        *context;
  DimpleQueryRunFunc   done;
  gpointer             user_data;

  /* What came of it: rows or an error. */
  DimpleRows          *rows;
  DimpleRowsChange     change;
  DimpleEvaluator     *evaluator;        /* (nullable) sees every commit since */
  DimpleReadPoint     *point;            /* (nullable) where the rows are read */
  DimpleRowChanges    *missed;           /* (nullable) all that happened to `old` until then */
  DimpleRows          *copy;             /* (nullable) with an error: `old`, as it can be kept for ever */
  GError              *error;
  gint64               duration;         /* µs */
};

DimpleQueryRun *dimple_query_run_new     (DimpleQueryHub      *hub,
                                          const char          *sql,
                                          GVariant            *parameters);
DimpleQueryRun *dimple_query_run_ref     (DimpleQueryRun      *self);
void            dimple_query_run_unref   (DimpleQueryRun      *self);
/* Runs it in this thread. */
void            dimple_query_run_execute (DimpleQueryRun      *self);
/* Runs it in another thread, and calls `done` unless it is dropped. */
void            dimple_query_run_start   (DimpleQueryRun      *self,
                                          GMainContext        *context,
                                          DimpleQueryRunFunc   done,
                                          gpointer             user_data);
/* Nobody wants to know any more.  In the main context. */
void            dimple_query_run_drop    (DimpleQueryRun      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleQueryRun, dimple_query_run_unref)

G_END_DECLS
