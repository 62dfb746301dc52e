/* dimple-query-plan-private.h: what a query reads, and whether its result can be kept row by row
 *
 * A query can be kept row by row if each row of its result comes from one row of its base table, and depends on nothing
 * else but rows that are joined to it by their keys: then after a commit only the changed rows are asked for, and those
 * that hold changed ones.  Whatever is not surely so is run again instead.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-sort-key-private.h"
#include "dimple-watch-set-private.h"

G_BEGIN_DECLS

/* A table whose rows are joined to those of the base table; one that is joined twice is there twice. */
typedef struct
{
  const DimpleTable *table;
  guint64            columns;         /* that the query reads */
  char              *holders_sql;     /* (nullable) rowids of the base table whose rows hold the row with the key :dimple_key0 …,
                                         or with this rowid, if it has none; NULL: all rows would have to be looked at */
} DimpleJoinedTable;

typedef struct
{
  char              *sql;
  GPtrArray         *parameters;      /* of char: what each is called, "?1" where it has no name */
  DimpleSchema      *schema;
  DimpleWatchSet     watch;

  char              *reason;          /* (nullable) why it is run again; NULL: it is kept row by row */

  /* Only if it is kept row by row. */
  const DimpleTable *table;           /* the base table */
  GArray            *joined;          /* of DimpleJoinedTable */
  guint64            place_columns;   /* what WHERE and ORDER BY read: else a row stays where it is */
  GArray            *terms;           /* of DimpleSortTerm */
  guint              first_hidden;    /* in load_sql and test_sql: the rowid, then the value of each term */
  GArray            *term_columns;    /* of guint: where each term's value is */
  char              *limit_sql;       /* (nullable) the values of LIMIT and OFFSET; NULL: it has none */
  char              *load_sql;        /* all rows, in order; of a query with LIMIT :dimple_limit of them */
  char              *test_sql;        /* one row, :dimple_row; no row if it does not belong */
  char              *row_sql;         /* what the query shows of the row :dimple_row */
} DimpleQueryPlan;

DimpleQueryPlan *dimple_query_plan_new   (DimpleConnection  *reader,
                                          DimpleSchema      *schema,
                                          const char        *sql,
                                          GError           **error);
/* It was decided so, but cannot be: from now on the query is run again.  Before anybody else has the plan. */
void             dimple_query_plan_refuse (DimpleQueryPlan *self,
                                           const char      *reason);
DimpleQueryPlan *dimple_query_plan_ref   (DimpleQueryPlan   *self);
void             dimple_query_plan_unref (DimpleQueryPlan   *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleQueryPlan, dimple_query_plan_unref)

G_END_DECLS
