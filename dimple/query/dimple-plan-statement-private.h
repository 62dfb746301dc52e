/* dimple-plan-statement-private.h: the statements of a query that is kept row by row, ready to be stepped
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-query-plan-private.h"
#include "dimple-row-changes-private.h"

G_BEGIN_DECLS

/* One of the plan's statements with the query's parameters bound, from the connection's cache; DIMPLE_ERROR_PARAMETERS
 * if they do not fit.  They stay bound as long as it is only reset. */
sqlite3_stmt *dimple_plan_prepare     (DimpleQueryPlan   *plan,
                                       DimpleConnection  *connection,
                                       const char        *sql,
                                       GVariant          *parameters,
                                       GError           **error);
/* Where :dimple_row is bound in one of them. */
int           dimple_plan_find_row    (sqlite3_stmt      *statement);
/* Appends the sort key of the row that load_sql or test_sql stands on. */
void          dimple_plan_append_key  (DimpleQueryPlan   *plan,
                                       sqlite3_stmt      *statement,
                                       GByteArray        *key);
/* Whether the row belongs to the result, and its sort key, by test_sql.  FALSE: SQLite cannot tell. */
gboolean      dimple_plan_place_row   (DimpleQueryPlan   *plan,
                                       sqlite3_stmt      *test,
                                       int                parameter,
                                       DimpleRowChange   *row,
                                       GByteArray        *keys);
/* Of tables with a PRIMARY KEY: the record of its values in a row, … */
gboolean      dimple_plan_read_key    (DimpleQueryPlan   *plan,
                                       DimpleConnection  *reader,
                                       gint64             rowid,
                                       GByteArray        *key);
/* … and back. */
gboolean      dimple_plan_find_rowid  (DimpleQueryPlan   *plan,
                                       DimpleConnection  *reader,
                                       const guint8      *key,
                                       gint64            *rowid);
/* The rowid of the row of the plan's table with this public key. */
gboolean      dimple_plan_find_key    (DimpleQueryPlan   *plan,
                                       DimpleConnection  *reader,
                                       const char        *key,
                                       gint64            *rowid);
gint64        dimple_plan_get_rowid   (DimpleQueryPlan   *plan,
                                       sqlite3_stmt      *statement);

G_END_DECLS
