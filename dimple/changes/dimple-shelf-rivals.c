/* dimple-shelf-rivals.c: the rows of a table that a shelved row collides with
 *
 * What a UNIQUE index would hold for the row is computed from its values; then the rows of the table are looked for
 * that hold the same.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-shelf-private.h"

#include <string.h>

#include "dimple-index-terms-private.h"

#define MAX_RIVALS 100

/* The cast gives the expression the column's affinity; of a value that the column's type would convert it is left
 * out. */
static void
append_value (GString            *sql,
              const DimpleColumn *column,
              const DimpleValue  *value,
              guint               parameter)
{
  const char *type = column->declared_type;
  gboolean integer = value->type == SQLITE_INTEGER && strcasestr (type, "INT") != NULL;
  gboolean text = value->type == SQLITE_TEXT &&
                  (strcasestr (type, "CHAR") != NULL || strcasestr (type, "CLOB") != NULL ||
                   strcasestr (type, "TEXT") != NULL);
  g_autofree char *name = dimple_quote (column->name);

  g_string_append_printf (sql, "%s", parameter > 1 ? ", " : "SELECT ");
  if (integer || text)
    g_string_append_printf (sql, "CAST (?%u AS %s)", parameter, integer ? "INTEGER" : "TEXT");
  else
    g_string_append_printf (sql, "?%u", parameter);
  if (g_ascii_strcasecmp (column->collation, "BINARY") != 0)
    g_string_append_printf (sql, " COLLATE %s", column->collation);
  g_string_append_printf (sql, " AS %s", name);
}

/* A statement that gives the index's terms for the row, and whether the row is in the index. */
static sqlite3_stmt *
prepare_terms (DimpleConnection        *connection,
               const DimpleShelvedRow  *row,
               const DimpleIndexTerms  *terms,
               GError                 **error)
{
  g_autoptr(GString) values = g_string_new (NULL);
  g_autoptr(GString) sql = g_string_new ("SELECT ");
  const guint8 *position = row->record->data;
  sqlite3_stmt *statement;

  for (guint i = 0; i < terms->terms->len; i++)
    g_string_append_printf (sql, "(%s\n), ", (const char *) g_ptr_array_index (terms->terms, i));
  g_string_append_printf (sql, "(%s\n) IS TRUE FROM (", terms->condition != NULL ? terms->condition : "1");
  for (guint i = 0; i < row->table->columns->len; i++)
    {
      DimpleValue value;

      position = dimple_record_read (position, &value);
      append_value (values, g_ptr_array_index (row->table->columns, i), &value, i + 1);
    }
  g_string_append_printf (sql, "%s)", values->str);
  statement = dimple_connection_prepare (connection, sql->str, error);
  if (statement == NULL)
    return NULL;
  position = row->record->data;
  for (guint i = 0; i < row->table->columns->len; i++)
    {
      DimpleValue value;

      position = dimple_record_read (position, &value);
      dimple_value_bind (&value, statement, (int) i + 1);
    }
  return statement;
}

static sqlite3_stmt *
prepare_search (DimpleConnection        *connection,
                const DimpleTable       *table,
                const DimpleIndexTerms  *terms,
                const guint8            *entry,
                GError                 **error)
{
  g_autofree char *name = dimple_quote (table->name);
  g_autoptr(GString) sql = g_string_new (NULL);
  sqlite3_stmt *statement;

  g_string_printf (sql, "SELECT * FROM main.%s WHERE (%s\n)", name, terms->condition != NULL ? terms->condition : "1");
  for (guint i = 0; i < terms->terms->len; i++)
    g_string_append_printf (sql, " AND (%s\n) COLLATE %s = ?%u", (const char *) g_ptr_array_index (terms->terms, i),
                            (const char *) g_ptr_array_index (terms->collations, i), i + 1);
  g_string_append_printf (sql, " LIMIT %d", MAX_RIVALS);
  statement = dimple_connection_prepare (connection, sql->str, error);
  for (guint i = 0; statement != NULL && i < terms->terms->len; i++)
    {
      DimpleValue value;

      entry = dimple_record_read (entry, &value);
      dimple_value_bind (&value, statement, (int) i + 1);
    }
  return statement;
}

/* A row may be in the way in several indexes. */
static void
add_row (GPtrArray         *rows,
         const DimpleTable *table,
         sqlite3_stmt      *statement)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  g_autoptr(GBytes) bytes = NULL;

  dimple_record_append_row (record, statement, table->columns->len);
  bytes = g_byte_array_free_to_bytes (g_steal_pointer (&record));
  if (!g_ptr_array_find_with_equal_func (rows, bytes, g_bytes_equal, NULL))
    g_ptr_array_add (rows, g_steal_pointer (&bytes));
}

static gboolean
search_index (DimpleConnection         *connection,
              const DimpleShelvedRow   *row,
              const DimpleUniqueIndex  *index,
              GPtrArray                *rows,
              GError                  **error)
{
  g_autoptr(DimpleIndexTerms) terms = dimple_index_terms_load (connection, row->table, index, error);
  g_autoptr(DimpleStatement) read = NULL;
  g_autoptr(DimpleStatement) search = NULL;
  g_autoptr(GByteArray) entry = g_byte_array_new ();
  g_autoptr(GError) local_error = NULL;

  if (terms == NULL)
    return FALSE;
  read = prepare_terms (connection, row, terms, &local_error);
  /* NULL equals nothing, and a term of a generated column is not known here */
  if (read == NULL || !dimple_statement_step (read, NULL) || !sqlite3_column_int (read, (int) terms->terms->len))
    return TRUE;
  for (guint i = 0; i < terms->terms->len; i++)
    if (sqlite3_column_type (read, (int) i) == SQLITE_NULL)
      return TRUE;
  dimple_record_append_row (entry, read, terms->terms->len);

  search = prepare_search (connection, row->table, terms, entry->data, error);
  if (search == NULL)
    return FALSE;
  while (dimple_statement_step (search, &local_error))
    add_row (rows, row->table, search);
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

GPtrArray *
dimple_shelf_find_rivals (DimpleConnection        *connection,
                          const DimpleShelvedRow  *row,
                          GError                 **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  for (guint i = 0; i < row->table->unique_indexes->len; i++)
    if (!search_index (connection, row, g_ptr_array_index (row->table->unique_indexes, i), rows, error))
      return NULL;
  return g_steal_pointer (&rows);
}
