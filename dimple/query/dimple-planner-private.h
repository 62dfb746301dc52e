/* dimple-planner-private.h: how it is decided whether a query can be kept row by row
 *
 * Three subjects read what the query says, each in a file of its own: the tables of FROM, the terms of ORDER BY, and
 * the program that SQLite makes of a statement.  dimple-query-plan.c puts them together.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-query-plan-private.h"
#include "dimple-sql-reader-private.h"

G_BEGIN_DECLS

/* One of the tables of FROM. */
typedef struct
{
  const DimpleTable *table;
  char              *alias;        /* what it is called in the query, quoted */
  gboolean           may_be_null;  /* it is LEFT JOINed: there may be no row of it */
  guint              end;          /* of its part of FROM: where the next table is joined */
} DimplePlannerTable;

/* While it is being decided. */
typedef struct
{
  DimpleConnection *connection;
  DimpleQueryPlan  *plan;
  DimpleSqlReader  *reader;        /* of the SQL with numbered parameters */
  DimpleSqlSelect   select;
  sqlite3_stmt     *statement;     /* the query itself */
  GArray           *tables;        /* of DimplePlannerTable */
  guint             from_end;      /* after a single table and its alias, before INDEXED BY */
  guint             base;          /* which of the tables each row of the result comes from one row of */
  char             *rowid;         /* of that: alias.rowid */
  GPtrArray        *expressions;   /* of char: of each term; NULL: a column of the select list, by … */
  GArray           *ordinals;      /* of int: … this, else -1 */
  gboolean          keep_list;     /* the hidden columns come after those of the select list */
} DimplePlanner;

/* Says why the query is run again; always FALSE. */
gboolean                  dimple_planner_refuse        (DimplePlanner      *self,
                                                        const char         *format,
                                                        ...) G_GNUC_PRINTF (2, 3);

/* dimple-planner-tables.c */
gboolean                  dimple_planner_read_tables   (DimplePlanner      *self);
const DimplePlannerTable *dimple_planner_get_table     (DimplePlanner      *self,
                                                        guint               position);
/* The table of FROM that has this name, or NULL if none or several have. */
const DimplePlannerTable *dimple_planner_find_table    (DimplePlanner      *self,
                                                        const char         *name);
/* Whether it is one of them, once or more often. */
gboolean                  dimple_planner_has_table     (DimplePlanner      *self,
                                                        const char         *name);

/* dimple-planner-order.c: fills in the terms of the plan, and what they are made from. */
gboolean                  dimple_planner_read_order    (DimplePlanner      *self);

/* dimple-planner-program.c: whether the program of `sql` looks at nothing but the tables of FROM, with no aggregate or
 * subquery; and, if `one_row`, whether it surely gives one row at the most. */
gboolean                  dimple_planner_check_program (DimplePlanner      *self,
                                                        const char         *sql,
                                                        gboolean            one_row);
/* Whether SQLite finds all that `sql` reads by keys and indexes. */
gboolean                  dimple_planner_is_searched   (DimplePlanner      *self,
                                                        const char         *sql);
sqlite3_stmt             *dimple_planner_explain       (DimplePlanner      *self,
                                                        const char         *explain,
                                                        const char         *sql);

G_END_DECLS
