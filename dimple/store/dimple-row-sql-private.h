/* dimple-row-sql-private.h: the SQL that writes, and reads back, rows by their keys
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-given-values-private.h"

G_BEGIN_DECLS

typedef enum
{
  DIMPLE_ROW_SQL_INSERT,             /* its parameters are the values */
  DIMPLE_ROW_SQL_INSERT_RETURNING,   /* the same; the result is the key */
  DIMPLE_ROW_SQL_UPDATE,             /* the values, then the key */
  DIMPLE_ROW_SQL_DELETE,             /* the key */
  DIMPLE_ROW_SQL_SELECT,             /* the key; the result is all columns */
  DIMPLE_N_ROW_SQLS
} DimpleRowSqlKind;

typedef struct _DimpleRowSql DimpleRowSql;

DimpleRowSql *dimple_row_sql_new           (void);
void          dimple_row_sql_free          (DimpleRowSql             *self);
/* `table` is of `schema`; `values` NULL where the kind has none.  Stays until the next call for the kind. */
const char   *dimple_row_sql_get           (DimpleRowSql             *self,
                                            DimpleRowSqlKind          kind,
                                            DimpleSchema             *schema,
                                            const DimpleTable        *table,
                                            const DimpleGivenValues  *values);
/* Without keeping it. */
void          dimple_row_sql_append_select (GString                  *sql,
                                            const DimpleTable        *table);

G_END_DECLS
