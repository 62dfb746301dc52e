/* dimple-merge-mode.c: keeping the app's triggers from tracked tables during a merge
 *
 * What a trigger did to tracked tables came with the transaction, so it must not be done again; but full-text indexes
 * and local tables have to follow.  The authorizer answers IGNORE to INSERT and UPDATE inside triggers.  To DELETE,
 * IGNORE means something else, so tables that some trigger deletes from get a TEMP trigger of ours, which lets nothing
 * be deleted but the row that the merge deletes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-merge-mode-private.h"

#include <string.h>

#define GUARD_FUNCTION "dimple_merge_guard"

struct _DimpleMergeMode
{
  DimpleSettling    *settling;
  GHashTable        *written;      /* GPtrArray of the names of tables that triggers write to, by DimpleTable */
  GPtrArray         *guarded;      /* of const DimpleTable */
  const DimpleTable *looking_at;   /* whose triggers the authorizer hears of */
};

static void
note_written (DimpleMergeMode *self,
              const char      *name)
{
  GPtrArray *names = g_hash_table_lookup (self->written, self->looking_at);

  if (names == NULL)
    {
      names = g_ptr_array_new_with_free_func (g_free);
      g_hash_table_insert (self->written, (gpointer) self->looking_at, names);
    }
  if (!g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
    g_ptr_array_add (names, g_strdup (name));
}

static int
authorize (gpointer    user_data,
           int         action,
           const char *first,
           const char *second,
           const char *database,
           const char *trigger)
{
  DimpleMergeMode *self = user_data;
  const DimpleTable *table;

  if (trigger == NULL || (action != SQLITE_INSERT && action != SQLITE_UPDATE && action != SQLITE_DELETE) ||
      g_strcmp0 (database, "main") != 0)
    return SQLITE_OK;

  table = dimple_schema_find (self->settling->schema, first);
  if (table == NULL || !table->tracked)
    {
      if (self->looking_at != NULL)
        note_written (self, first);
      return SQLITE_OK;
    }
  if (action != SQLITE_DELETE)
    return SQLITE_IGNORE;
  if (self->looking_at != NULL && !g_ptr_array_find (self->guarded, table, NULL))
    g_ptr_array_add (self->guarded, (gpointer) table);
  return SQLITE_OK;
}

/* Has the authorizer hear of all that the triggers of a table do. */
static gboolean
look_at_statement (DimpleMergeMode  *self,
                   const char       *sql,
                   GError          **error)
{
  sqlite3_stmt *statement = NULL;
  int result = sqlite3_prepare_v2 (dimple_connection_get_handle (self->settling->connection), sql, -1, &statement,
                                   NULL);

  sqlite3_finalize (statement);
  if (result == SQLITE_OK)
    return TRUE;
  dimple_connection_set_error (self->settling->connection, result, error);
  return FALSE;
}

static gboolean
look_at_table (DimpleMergeMode   *self,
               const DimpleTable *table,
               GError           **error)
{
  g_autofree char *name = dimple_quote (table->name);
  g_autofree char *insert = g_strdup_printf ("INSERT INTO main.%s DEFAULT VALUES", name);
  g_autofree char *delete = g_strdup_printf ("DELETE FROM main.%s", name);
  g_autoptr(GString) update = g_string_new (NULL);
  gboolean looked;

  g_string_printf (update, "UPDATE main.%s SET ", name);
  for (guint i = 0, n = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, i);
      g_autofree char *quoted = dimple_quote (column->name);

      if (!column->generated)
        g_string_append_printf (update, "%s%s = %s", n++ > 0 ? ", " : "", quoted, quoted);
    }
  self->looking_at = table;
  looked = look_at_statement (self, insert, error) && look_at_statement (self, update->str, error) &&
           look_at_statement (self, delete, error);
  self->looking_at = NULL;
  return looked;
}

/* 1: a trigger deletes the row; 0: the merge does. */
static void
guard (sqlite3_context  *context,
       int               n_values,
       sqlite3_value   **values)
{
  DimpleMergeMode *self = sqlite3_user_data (context);
  const DimpleTable *table = dimple_schema_find (self->settling->schema, (const char *) sqlite3_value_text (values[0]));
  DimpleMergeTable *merged = g_hash_table_lookup (self->settling->tables, table);
  g_autoptr(GByteArray) key = g_byte_array_new ();
  gboolean ours;

  for (int i = 1; i < n_values; i++)
    dimple_record_append_sqlite (key, values[i]);
  ours = merged != NULL && merged->deleting != NULL &&
         dimple_record_skip (merged->deleting, table->key->len) == merged->deleting + key->len &&
         memcmp (merged->deleting, key->data, key->len) == 0;
  sqlite3_result_int (context, !ours);
}

static gboolean
create_guard (DimpleMergeMode  *self,
              guint             number,
              GError          **error)
{
  const DimpleTable *table = g_ptr_array_index (self->guarded, number);
  g_autofree char *name = dimple_quote (table->name);
  g_autoptr(GString) sql = g_string_new (NULL);
  char *text = sqlite3_mprintf ("%Q", table->name);

  g_string_printf (sql, "CREATE TEMP TRIGGER dimple_guard_%u BEFORE DELETE ON main.%s WHEN " GUARD_FUNCTION " (%s",
                   number, name, text);
  sqlite3_free (text);
  for (guint i = 0; i < table->key->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, g_array_index (table->key, guint, i));
      g_autofree char *quoted = dimple_quote (column->name);

      g_string_append_printf (sql, ", old.%s", quoted);
    }
  g_string_append (sql, ") BEGIN SELECT RAISE (IGNORE); END");
  return dimple_connection_exec (self->settling->connection, sql->str, error);
}

static gboolean
create_guards (DimpleMergeMode  *self,
               GError          **error)
{
  sqlite3 *handle = dimple_connection_get_handle (self->settling->connection);

  if (self->guarded->len == 0)
    return TRUE;
  sqlite3_create_function_v2 (handle, GUARD_FUNCTION, -1, SQLITE_UTF8 | SQLITE_INNOCUOUS, self, guard, NULL, NULL,
                              NULL);
  for (guint i = 0; i < self->guarded->len; i++)
    if (!create_guard (self, i, error))
      return FALSE;
  return TRUE;
}

static gboolean
look_at_triggers (DimpleMergeMode  *self,
                  GError          **error)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  statement = dimple_connection_prepare (self->settling->connection,
                                         "SELECT DISTINCT tbl_name FROM main.sqlite_master WHERE type = 'trigger'",
                                         error);
  if (statement == NULL)
    return FALSE;
  while (dimple_statement_step (statement, &local_error))
    g_ptr_array_add (names, g_strdup ((const char *) sqlite3_column_text (statement, 0)));
  for (guint i = 0; i < names->len && local_error == NULL; i++)
    {
      const DimpleTable *table = dimple_schema_find (self->settling->schema, g_ptr_array_index (names, i));

      if (table != NULL && table->tracked)
        look_at_table (self, table, &local_error);
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

DimpleMergeMode *
dimple_merge_mode_enter (DimpleSettling  *settling,
                         GError         **error)
{
  g_autoptr(DimpleMergeMode) self = g_new0 (DimpleMergeMode, 1);

  self->settling = settling;
  self->written = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_ptr_array_unref);
  self->guarded = g_ptr_array_new ();
  dimple_connection_set_authorizer (settling->connection, authorize, self);
  if (!look_at_triggers (self, error) || !create_guards (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
dimple_merge_mode_leave (DimpleMergeMode *self)
{
  sqlite3 *handle = dimple_connection_get_handle (self->settling->connection);

  for (guint i = 0; i < self->guarded->len; i++)
    {
      g_autofree char *sql = g_strdup_printf ("DROP TRIGGER IF EXISTS temp.dimple_guard_%u", i);

      dimple_connection_exec (self->settling->connection, sql, NULL);
    }
  if (self->guarded->len > 0)
    sqlite3_create_function_v2 (handle, GUARD_FUNCTION, -1, SQLITE_UTF8, NULL, NULL, NULL, NULL, NULL);
  dimple_connection_set_authorizer (self->settling->connection, NULL, NULL);
  g_ptr_array_unref (self->guarded);
  g_hash_table_unref (self->written);
  g_free (self);
}

void
dimple_merge_mode_report (DimpleMergeMode *self,
                          DimpleChangeSet *changes)
{
  GHashTableIter iter;
  gpointer table, names;

  g_hash_table_iter_init (&iter, self->written);
  while (g_hash_table_iter_next (&iter, &table, &names))
    {
      const DimpleTableChanges *merged = dimple_change_set_find (changes, ((const DimpleTable *) table)->name);

      if (merged == NULL || merged->n_rows == 0)
        continue;
      for (guint i = 0; i < ((GPtrArray *) names)->len; i++)
        dimple_change_set_add_any (changes, g_ptr_array_index ((GPtrArray *) names, i));
    }
}
