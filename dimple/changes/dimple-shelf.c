/* dimple-shelf.c: the rows that exist and are not shown
 *
 * An edit of such a row is written to the shelf at once, with what the row was before beside it, so that savepoints
 * undo both.  Before COMMIT the two are compared and logged as any other change.  After it the row waits to be judged
 * anew, as one that another row was in the way of.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-shelf-private.h"

#include <string.h>

#include "dimple-json-private.h"
#include "dimple-key-private.h"

/* -- As JSON ------------------------------------------------------------------------------------------------------- */

char *
dimple_key_to_json (const guint8 *key,
                    guint         n_values)
{
  GString *json = g_string_new ("[");

  for (guint i = 0; i < n_values; i++)
    {
      DimpleValue value;

      if (i > 0)
        g_string_append_c (json, ',');
      key = dimple_record_read (key, &value);
      dimple_json_append_value (json, &value);
    }
  g_string_append_c (json, ']');
  return g_string_free (json, FALSE);
}

gboolean
dimple_key_from_json (const char *json,
                      guint       n_values,
                      GByteArray *key)
{
  g_auto(DimpleJsonReader) reader = { 0 };

  g_byte_array_set_size (key, 0);
  dimple_json_reader_init (&reader, json, strlen (json));
  if (!dimple_json_reader_expect (&reader, DIMPLE_JSON_BEGIN_ARRAY))
    return FALSE;
  for (guint i = 0; i < n_values; i++)
    {
      DimpleValue value = { 0 };

      if (!dimple_json_reader_next_value (&reader, &value))
        return FALSE;
      dimple_record_append (key, &value);
    }
  return dimple_json_reader_expect (&reader, DIMPLE_JSON_END_ARRAY);
}

static const DimpleColumn *
get_column (const DimpleTable *table,
            guint              number)
{
  return g_ptr_array_index (table->columns, number);
}

char *
dimple_shelf_values_to_json (const DimpleTable     *table,
                             const DimpleRowValues *values)
{
  GString *json = g_string_new ("{");

  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = get_column (table, i);
      DimpleValue value;

      if (column->generated || column->key_position > 0)
        continue;
      if (json->len > 1)
        g_string_append_c (json, ',');
      dimple_json_append_string (json, column->name, -1);
      g_string_append_c (json, ':');
      dimple_record_read (g_ptr_array_index (values, i), &value);
      dimple_json_append_value (json, &value);
    }
  g_string_append_c (json, '}');
  return g_string_free (json, FALSE);
}

DimpleRowValues *
dimple_shelf_values_from_json (const DimpleTable *table,
                               const char        *json)
{
  g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func (g_free);
  g_auto(DimpleJsonReader) reader = { 0 };
  DimpleJsonToken token;

  g_ptr_array_set_size (values, (int) table->columns->len);
  dimple_json_reader_init (&reader, json, strlen (json));
  if (!dimple_json_reader_expect (&reader, DIMPLE_JSON_BEGIN_OBJECT))
    return NULL;
  while ((token = dimple_json_reader_next (&reader)) == DIMPLE_JSON_NAME)
    {
      g_autofree char *name = g_strndup (reader.text, reader.size);
      int number = dimple_table_find_column (table, name);
      g_autoptr(GByteArray) record = g_byte_array_new ();
      DimpleValue value = { 0 };

      if (!dimple_json_reader_next_value (&reader, &value))
        return NULL;
      if (number < 0)
        continue;
      dimple_record_append (record, &value);
      g_free (values->pdata[number]);
      values->pdata[number] = g_byte_array_free (g_steal_pointer (&record), FALSE);
    }
  return token == DIMPLE_JSON_END_OBJECT ? g_steal_pointer (&values) : NULL;
}

/* A record of the table's columns: all, or only the stored ones. */
static GByteArray *
make_record (const DimpleTable     *table,
             const guint8          *key,
             const DimpleRowValues *values,
             gboolean               all)
{
  GByteArray *record = g_byte_array_new ();

  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = get_column (table, i);
      const guint8 *position = g_ptr_array_index (values, i);
      DimpleValue value = { .type = SQLITE_NULL };

      if (column->generated && !all)
        continue;
      if (column->key_position > 0)
        position = dimple_record_skip (key, (guint) column->key_position - 1);
      if (position != NULL)
        dimple_record_read (position, &value);
      dimple_record_append (record, &value);
    }
  return record;
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

void
dimple_shelved_row_free (DimpleShelvedRow *self)
{
  g_free (self->key_json);
  g_byte_array_unref (self->key);
  g_free (self->reason);
  g_free (self->created);
  g_free (self->json);
  g_clear_pointer (&self->record, g_byte_array_unref);
  g_free (self);
}

#define SELECT_SHELF "SELECT \"table\", key, reason, created, \"row\" FROM dimple_shelf WHERE \"row\" IS NOT NULL"

/* NULL: of a table that is not here any more, or not understood. */
static DimpleShelvedRow *
read_row (sqlite3_stmt      *statement,
          const DimpleTable *table)
{
  const char *key_json = (const char *) sqlite3_column_text (statement, 1);
  const char *json = (const char *) sqlite3_column_text (statement, 4);
  g_autoptr(DimpleShelvedRow) row = g_new0 (DimpleShelvedRow, 1);
  g_autoptr(GPtrArray) values = NULL;

  row->key = g_byte_array_new ();
  values = dimple_shelf_values_from_json (table, json);
  if (values == NULL || !dimple_key_from_json (key_json, table->key->len, row->key))
    return NULL;
  row->table = table;
  row->key_json = g_strdup (key_json);
  row->reason = g_strdup ((const char *) sqlite3_column_text (statement, 2));
  row->created = g_strdup ((const char *) sqlite3_column_text (statement, 3));
  row->json = g_strdup (json);
  row->record = make_record (table, row->key->data, values, TRUE);
  return g_steal_pointer (&row);
}

GPtrArray *
dimple_shelf_read (DimpleConnection  *connection,
                   DimpleSchema      *schema,
                   GError           **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_shelved_row_free);
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  statement = dimple_connection_prepare (connection, SELECT_SHELF " ORDER BY \"table\", key", error);
  if (statement == NULL)
    return NULL;
  while (dimple_statement_step (statement, &local_error))
    {
      const DimpleTable *table = dimple_schema_find (schema, (const char *) sqlite3_column_text (statement, 0));
      DimpleShelvedRow *row = table != NULL && table->tracked ? read_row (statement, table) : NULL;

      if (row != NULL)
        g_ptr_array_add (rows, row);
    }
  if (local_error == NULL)
    return g_steal_pointer (&rows);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}

DimpleShelvedRow *
dimple_shelf_find (DimpleConnection   *connection,
                   const DimpleTable  *table,
                   const guint8       *key,
                   GError            **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, SELECT_SHELF " AND \"table\" = ? AND key = ?", error);
  if (statement == NULL)
    return NULL;
  sqlite3_bind_text (statement, 1, table->name, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, dimple_key_to_json (key, table->key->len), -1, g_free);
  return dimple_statement_step (statement, error) ? read_row (statement, table) : NULL;
}

/* Adds the keys that the statement gives. */
static gboolean
add_keys (sqlite3_stmt       *statement,
          const DimpleTable  *table,
          GPtrArray          *keys,
          GError            **error)
{
  g_autoptr(GError) local_error = NULL;

  while (dimple_statement_step (statement, &local_error))
    {
      g_autoptr(GByteArray) key = g_byte_array_new ();

      if (dimple_key_from_json ((const char *) sqlite3_column_text (statement, 0), table->key->len, key))
        g_ptr_array_add (keys, g_byte_array_free_to_bytes (g_steal_pointer (&key)));
    }
  sqlite3_reset (statement);
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* Of the public keys in `texts`, each ended by NUL, those that are on the shelf. */
static gboolean
add_named_keys (sqlite3_stmt       *statement,
                const DimpleTable  *table,
                const GString      *texts,
                GPtrArray          *keys,
                GError            **error)
{
  g_autoptr(GByteArray) key = g_byte_array_new ();

  for (const char *text = texts->str; text < texts->str + texts->len; text += strlen (text) + 1)
    {
      g_byte_array_set_size (key, 0);
      if (!dimple_key_parse (table, text, key, error))
        return FALSE;
      sqlite3_bind_text (statement, 2, dimple_key_to_json (key->data, table->key->len), -1, g_free);
      if (!add_keys (statement, table, keys, error))
        return FALSE;
    }
  return TRUE;
}

GPtrArray *
dimple_shelf_list_named (DimpleConnection          *connection,
                         const DimpleTable         *table,
                         const DimpleTableChanges  *changes,
                         GError                   **error)
{
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  gboolean named = changes != NULL && !changes->anything;
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection,
                                         named ? "SELECT key FROM dimple_shelf WHERE \"table\" = ? AND key = ?"
                                               : "SELECT key FROM dimple_shelf WHERE \"table\" = ?"
                                                 " AND reason NOT IN ('unique', 'foreign-key')", error);
  if (statement == NULL)
    return NULL;
  sqlite3_bind_text (statement, 1, table->name, -1, SQLITE_STATIC);
  if (named ? add_named_keys (statement, table, changes->keys, keys, error)
            : add_keys (statement, table, keys, error))
    return g_steal_pointer (&keys);
  return NULL;
}

/* -- Editing ------------------------------------------------------------------------------------------------------- */

gboolean
dimple_shelf_edit (DimpleConnection  *connection,
                   DimpleShelvedRow  *row,
                   const guint8      *record,
                   GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GPtrArray) values = NULL;
  g_autofree char *json = NULL;

  if (record != NULL)
    {
      values = g_ptr_array_new ();
      for (guint i = 0; i < row->table->columns->len; i++)
        {
          g_ptr_array_add (values, (gpointer) record);
          record = dimple_record_skip (record, 1);
        }
      json = dimple_shelf_values_to_json (row->table, values);
      if (g_str_equal (json, row->json))
        return TRUE;
    }
  /* A row that waits for another one to go is judged after the commit. */
  statement = dimple_connection_prepare (connection,
                                         "UPDATE dimple_shelf SET \"row\" = ?3, was = coalesce (was, \"row\"),"
                                         " reason = 'unique', rival = NULL WHERE \"table\" = ?1 AND key = ?2", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, row->table->name, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, row->key_json, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 3, json, -1, SQLITE_STATIC);
  return dimple_statement_run (statement, error);
}

/* Whether the app has inserted a row of this key meanwhile: that stands for what was on the shelf. */
static gboolean
is_in_table (DimpleConnection   *connection,
             const DimpleTable  *table,
             const guint8       *key,
             gboolean           *found,
             GError            **error)
{
  g_autofree char *name = dimple_quote (table->name);
  g_autoptr(GString) sql = g_string_new ("SELECT 1 FROM main.");
  g_autoptr(DimpleStatement) statement = NULL;

  g_string_append (sql, name);
  for (guint k = 0; k < table->key->len; k++)
    {
      g_autofree char *column = dimple_quote (dimple_table_get_key_column (table, k)->name);

      g_string_append_printf (sql, "%s%s = ? COLLATE BINARY", k > 0 ? " AND " : " WHERE ", column);
    }
  statement = dimple_connection_prepare (connection, sql->str, error);
  if (statement == NULL)
    return FALSE;
  for (guint k = 0; k < table->key->len; k++)
    {
      DimpleValue value;

      key = dimple_record_read (key, &value);
      dimple_value_bind (&value, statement, (int) k + 1);
    }
  return dimple_statement_has_row (statement, found, error);
}

/* A column that is new on the shelf since the row was put there reads as NULL on both sides. */
static gboolean
flush_row (DimpleConnection   *connection,
           const DimpleTable  *table,
           const char         *key_json,
           const char         *was,
           const char         *now,
           DimpleCaptureFunc   func,
           gpointer            user_data,
           GError            **error)
{
  g_autoptr(GByteArray) key = g_byte_array_new ();
  g_autoptr(GPtrArray) old_values = dimple_shelf_values_from_json (table, was);
  g_autoptr(GPtrArray) new_values = now != NULL ? dimple_shelf_values_from_json (table, now) : NULL;
  g_autoptr(GByteArray) old_record = NULL;
  g_autoptr(GByteArray) new_record = NULL;
  DimpleCapturedRow row = { .table = table, .changed = now != NULL ? 0 : DIMPLE_ALL_COLUMNS };
  gboolean found;

  if (old_values == NULL || (now != NULL && new_values == NULL) ||
      !dimple_key_from_json (key_json, table->key->len, key))
    return TRUE;
  if (!is_in_table (connection, table, key->data, &found, error))
    return FALSE;
  if (found)
    return TRUE;
  old_record = make_record (table, key->data, old_values, FALSE);
  row.old = old_record->data;
  if (now != NULL)
    {
      new_record = make_record (table, key->data, new_values, FALSE);
      row.now = new_record->data;
      for (guint i = 0; i < table->columns->len; i++)
        {
          const guint8 *a = g_ptr_array_index (old_values, i), *b = g_ptr_array_index (new_values, i);
          gsize size = a != NULL ? dimple_record_skip (a, 1) - a : 0;

          if (b != NULL && (a == NULL || size != (gsize) (dimple_record_skip (b, 1) - b) || memcmp (a, b, size) != 0))
            row.changed |= DIMPLE_COLUMN_BIT (i);
        }
    }
  return row.changed == 0 || func (&row, user_data, error);
}

gboolean
dimple_shelf_flush_edits (DimpleConnection   *connection,
                          DimpleSchema       *schema,
                          DimpleChangeSet    *changes,
                          DimpleCaptureFunc   func,
                          gpointer            user_data,
                          GError            **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  statement = dimple_connection_prepare (connection,
                                         "SELECT \"table\", key, was, \"row\" FROM dimple_shelf WHERE was IS NOT NULL",
                                         error);
  if (statement == NULL)
    return FALSE;
  while (dimple_statement_step (statement, &local_error))
    {
      const DimpleTable *table = dimple_schema_find (schema, (const char *) sqlite3_column_text (statement, 0));

      /* No table shows it: who follows rows need not know, but settling must, though it may be as it was again. */
      if (table != NULL)
        dimple_change_set_add_table (changes, table->name);
      if (table != NULL && !flush_row (connection, table, (const char *) sqlite3_column_text (statement, 1),
                                       (const char *) sqlite3_column_text (statement, 2),
                                       (const char *) sqlite3_column_text (statement, 3), func, user_data,
                                       &local_error))
        break;
    }
  sqlite3_reset (statement);
  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  return dimple_connection_exec (connection, "DELETE FROM dimple_wait WHERE (\"table\", key) IN"
                                             " (SELECT \"table\", key FROM dimple_shelf WHERE was IS NOT NULL);"
                                             "DELETE FROM dimple_shelf WHERE was IS NOT NULL AND \"row\" IS NULL;"
                                             /* 0: for any change of its table, see dimple-merge-table-waits.c */
                                             "INSERT INTO dimple_wait SELECT 0, \"table\", key FROM dimple_shelf"
                                             " WHERE was IS NOT NULL;"
                                             "UPDATE dimple_shelf SET was = NULL WHERE was IS NOT NULL", error);
}
