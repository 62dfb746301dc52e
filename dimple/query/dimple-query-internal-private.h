/* dimple-query-internal-private.h: a query's own parts, for its files alone
 *
 * dimple-query.c is the object, dimple-query-model.c the list that it shows, dimple-query-load.c when and how it is
 * read, dimple-query-lookup.c what can be asked about its rows.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-live-objects-private.h"
#include "dimple-query-explain-private.h"
#include "dimple-query-run-private.h"
#include "dimple-query.h"

G_BEGIN_DECLS

struct _DimpleQuery
{
  GObject                parent_instance;

  /* What was asked for. */
  DimpleStore           *store;            /* (nullable) */
  char                  *sql;              /* (nullable) */
  GVariant              *parameters;       /* (nullable) */
  GType                  type;             /* DIMPLE_TYPE_ROW: the result's own */
  char                  *section_column;   /* (nullable) */
  GMainContext          *context;

  /* What is shown. */
  DimpleQueryPlan       *plan;             /* (nullable) of `sql` */
  DimpleRowFilter       *filter;           /* (nullable) of `parameters` too: the rows that matter; NULL: all, … */
  gboolean               is_filter_known;  /* … or, if FALSE, not known yet */
  DimpleRows            *rows;             /* (nullable) */
  gboolean               incremental;      /* how it is kept up to date */
  DimpleLiveObjects     *objects;
  GObject               *first;            /* (nullable) held once somebody asked */
  GType                  item_type;        /* G_TYPE_INVALID until somebody asked */
  GError                *error;            /* (nullable) */
  GString               *key;              /* of the last get_key() */
  DimpleQueryStatistics  statistics;

  /* What is under way. */
  DimpleQueryHub        *hub;              /* (nullable) */
  DimpleSubscription    *subscription;     /* (nullable) */
  DimpleQueryRun        *run;              /* (nullable) */
  GSource               *start;            /* (nullable) will start a run */
  gboolean               is_asked_anew;    /* store, SQL or parameters are not those of the last run */
  gboolean               is_showing;       /* rows are telling of their new values */
  gboolean               loading;
  GPtrArray             *loads;            /* of GTask */
};

enum
{
  DIMPLE_QUERY_PROP_0,
  DIMPLE_QUERY_PROP_STORE,
  DIMPLE_QUERY_PROP_SQL,
  DIMPLE_QUERY_PROP_PARAMETERS,
  DIMPLE_QUERY_PROP_ITEM_TYPE,
  DIMPLE_QUERY_PROP_N_ITEMS,
  DIMPLE_QUERY_PROP_FIRST,
  DIMPLE_QUERY_PROP_LOADING,
  DIMPLE_QUERY_PROP_ERROR,
  DIMPLE_QUERY_PROP_INCREMENTAL,
  DIMPLE_QUERY_PROP_SECTION_COLUMN,
  DIMPLE_QUERY_N_PROPERTIES
};

void     dimple_query_notify             (DimpleQuery         *self,
                                          guint                property_id);

/* -- dimple-query-model.c ------------------------------------------------------------------------------------------ */

void     dimple_query_list_model_init    (GListModelInterface *iface);
guint    dimple_query_count_rows         (DimpleQuery         *self);
/* A new reference. */
GObject *dimple_query_get_object         (DimpleQuery         *self,
                                          guint                position);
void     dimple_query_set_plan           (DimpleQuery         *self,
                                          DimpleQueryPlan     *plan);
void     dimple_query_set_filter         (DimpleQuery         *self,
                                          DimpleRowFilter     *filter,
                                          gboolean             is_known);
/* Shows what came of a run, and tells what changed. */
void     dimple_query_take_run           (DimpleQuery         *self,
                                          DimpleQueryRun      *run);

/* -- dimple-query-debug.c ------------------------------------------------------------------------------------------ */

/* DIMPLE_DEBUG=query: what came of a run, and what was emitted. */
void     dimple_query_debug_run          (DimpleQuery         *self,
                                          DimpleQueryRun      *run);
void     dimple_query_debug_change       (DimpleQuery         *self,
                                          guint                position,
                                          guint                n_removed,
                                          guint                n_added);
/* DIMPLE_DEBUG=slow: warns if `what` has kept the main thread too long since `start`, of dimple_debug_start(). */
void     dimple_query_debug_slow         (DimpleQuery         *self,
                                          const char          *what,
                                          gint64               start);

/* Shows what commits did to rows that are kept row by row.  FALSE if they must be read anew. */
gboolean dimple_query_show_changes       (DimpleQuery         *self,
                                          DimpleRowChanges    *changes);
/* The rows shown are not followed any more. */
void     dimple_query_let_go_of_rows     (DimpleQuery         *self);
/* The store will be closed: they are read now, unless they are too many. */
void     dimple_query_keep_rows          (DimpleQuery         *self);

/* -- dimple-query-load.c ------------------------------------------------------------------------------------------- */

void     dimple_query_set_loading        (DimpleQuery         *self,
                                          gboolean             loading);
/* The store, the SQL or the parameters are others: it is run a little later, as several may be set one after the
 * other. */
void     dimple_query_ask_anew           (DimpleQuery         *self);
/* Hears of commits of the store, which is another one. */
void     dimple_query_connect            (DimpleQuery         *self);
/* Ends what is under way, and hears of no more commits. */
void     dimple_query_disconnect         (DimpleQuery         *self);

G_END_DECLS
