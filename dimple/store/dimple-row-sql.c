/* dimple-row-sql.c: the SQL that writes, and reads back, rows by their keys
 *
 * An app mostly writes the same columns of the same table again and again: the last statement of each kind is kept, as
 * writing it anew costs a fifth of what SQLite needs to run it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-row-sql-private.h"

typedef struct
{
  DimpleSchema      *schema;       /* (nullable) held, so that no other table can be where this one was */
  const DimpleTable *table;
  GArray            *columns;      /* of guint: those that have values */
  GString           *sql;
} Kept;

struct _DimpleRowSql
{
  Kept kept[DIMPLE_N_ROW_SQLS];
};

DimpleRowSql *
dimple_row_sql_new (void)
{
  DimpleRowSql *self = g_new0 (DimpleRowSql, 1);

  for (guint i = 0; i < G_N_ELEMENTS (self->kept); i++)
    {
      self->kept[i].columns = g_array_new (FALSE, FALSE, sizeof (guint));
      self->kept[i].sql = g_string_new (NULL);
    }
  return self;
}

void
dimple_row_sql_free (DimpleRowSql *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->kept); i++)
    {
      g_clear_pointer (&self->kept[i].schema, dimple_schema_unref);
      g_array_unref (self->kept[i].columns);
      g_string_free (self->kept[i].sql, TRUE);
    }
  g_free (self);
}

/* -- Writing it ---------------------------------------------------------------------------------------------------- */

static const char *
get_column (const DimpleTable       *table,
            const DimpleGivenValues *values,
            guint                    n)
{
  return ((DimpleColumn *) g_ptr_array_index (table->columns, values->values[n].column))->quoted;
}

static void
append_insert (GString                 *sql,
               const DimpleTable       *table,
               const DimpleGivenValues *values)
{
  g_string_append_printf (sql, "INSERT INTO main.%s", table->quoted);
  if (values->n_values == 0)
    {
      g_string_append (sql, " DEFAULT VALUES");
      return;
    }
  for (guint i = 0; i < values->n_values; i++)
    g_string_append_printf (sql, "%s%s", i == 0 ? " (" : ", ", get_column (table, values, i));
  g_string_append (sql, ") VALUES (?");
  for (guint i = 1; i < values->n_values; i++)
    g_string_append (sql, ", ?");
  g_string_append_c (sql, ')');
}

static void
append_returning (GString           *sql,
                  const DimpleTable *table)
{
  for (guint k = 0; k < table->key->len; k++)
    g_string_append_printf (sql, "%s%s", k == 0 ? " RETURNING " : ", ", dimple_table_get_key_column (table, k)->quoted);
}

static void
append_key_condition (GString           *sql,
                      const DimpleTable *table)
{
  /* The key of a NOCASE column is one row's all the same. */
  for (guint k = 0; k < table->key->len; k++)
    g_string_append_printf (sql, "%s%s = ? COLLATE BINARY", k == 0 ? " WHERE " : " AND ",
                            dimple_table_get_key_column (table, k)->quoted);
}

static void
append_update (GString                 *sql,
               const DimpleTable       *table,
               const DimpleGivenValues *values)
{
  const char *key = dimple_table_get_key_column (table, 0)->quoted;

  g_string_append_printf (sql, "UPDATE main.%s SET ", table->quoted);
  for (guint i = 0; i < values->n_values; i++)
    g_string_append_printf (sql, "%s%s = ?", i == 0 ? "" : ", ", get_column (table, values, i));
  /* Nothing to set: only whether the row is there matters. */
  if (values->n_values == 0)
    g_string_append_printf (sql, "%s = %s", key, key);
  append_key_condition (sql, table);
}

void
dimple_row_sql_append_select (GString           *sql,
                              const DimpleTable *table)
{
  g_string_append_printf (sql, "SELECT * FROM main.%s", table->quoted);
  append_key_condition (sql, table);
}

static void
append (GString                 *sql,
        DimpleRowSqlKind         kind,
        const DimpleTable       *table,
        const DimpleGivenValues *values)
{
  switch (kind)
    {
    case DIMPLE_ROW_SQL_INSERT:
      append_insert (sql, table, values);
      break;
    case DIMPLE_ROW_SQL_INSERT_RETURNING:
      append_insert (sql, table, values);
      append_returning (sql, table);
      break;
    case DIMPLE_ROW_SQL_UPDATE:
      append_update (sql, table, values);
      break;
    case DIMPLE_ROW_SQL_DELETE:
      g_string_append_printf (sql, "DELETE FROM main.%s", table->quoted);
      append_key_condition (sql, table);
      break;
    default:
      dimple_row_sql_append_select (sql, table);
      break;
    }
}

/* -- Keeping it ---------------------------------------------------------------------------------------------------- */

static gboolean
is_of (const Kept              *kept,
       DimpleSchema            *schema,
       const DimpleTable       *table,
       const DimpleGivenValues *values)
{
  guint n_values = values != NULL ? values->n_values : 0;

  if (kept->schema != schema || kept->table != table || kept->columns->len != n_values)
    return FALSE;
  for (guint i = 0; i < n_values; i++)
    if (g_array_index (kept->columns, guint, i) != values->values[i].column)
      return FALSE;
  return TRUE;
}

const char *
dimple_row_sql_get (DimpleRowSql             *self,
                    DimpleRowSqlKind          kind,
                    DimpleSchema             *schema,
                    const DimpleTable        *table,
                    const DimpleGivenValues  *values)
{
  Kept *kept = &self->kept[kind];

  if (is_of (kept, schema, table, values))
    return kept->sql->str;

  dimple_schema_ref (schema);
  g_clear_pointer (&kept->schema, dimple_schema_unref);
  kept->schema = schema;
  kept->table = table;
  g_array_set_size (kept->columns, 0);
  for (guint i = 0; values != NULL && i < values->n_values; i++)
    g_array_append_val (kept->columns, values->values[i].column);
  g_string_truncate (kept->sql, 0);
  append (kept->sql, kind, table, values);
  return kept->sql->str;
}
