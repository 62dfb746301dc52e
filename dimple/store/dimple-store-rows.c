/* dimple-store-rows.c: writing rows by their keys
 *
 * Every call is a transaction of its own, or part of the one that the thread has open; one that fails changes nothing.
 *
 * Where the key of a new row is known beforehand it is not asked back: RETURNING would keep each row in a table of its own,
 * and SQLite would open a journal for the statement.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include "dimple-error.h"
#include "dimple-given-values-private.h"
#include "dimple-key-private.h"
#include "dimple-statement-policy-private.h"
#include "dimple-uuid-private.h"

static const DimpleColumn *
get_column (const DimpleTable *table,
            guint              position)
{
  return g_ptr_array_index (table->columns, position);
}

/* Runs a statement that has no result; `n_changed` receives how many rows it changed. */
static gboolean
run (DimpleStore   *self,
     sqlite3_stmt  *statement,
     int           *n_changed,
     GError       **error)
{
  if (!dimple_statement_run (statement, error))
    return FALSE;
  *n_changed = sqlite3_changes (dimple_connection_get_handle (dimple_writer_get_connection (self->writer)));
  return TRUE;
}

/* -- Insert --------------------------------------------------------------------------------------------------------- */

/* The key that the new row will have: the one that is given, or a new UUIDv7 in `fresh` where neither the app nor the schema
 * gives one; NULL if only the table can tell. */
static const char *
choose_key (const DimpleTable       *table,
            const DimpleGivenValues *values,
            char                     fresh[DIMPLE_UUID_SIZE])
{
  GVariant *given;

  *fresh = '\0';
  if (!table->text_key)
    return NULL;
  given = dimple_given_values_find (values, g_array_index (table->key, guint, 0));
  if (given != NULL)
    return g_variant_is_of_type (given, G_VARIANT_TYPE_STRING) ? g_variant_get_string (given, NULL) : NULL;
  if (dimple_table_get_key_column (table, 0)->default_sql != NULL)
    return NULL;
  dimple_uuid7_new (fresh);
  return fresh;
}

/* `fresh_key`: behind the values comes the key. */
static void
append_columns (GString                 *sql,
                const DimpleTable       *table,
                const DimpleGivenValues *values,
                gboolean                 fresh_key)
{
  guint n = values->n_values + (fresh_key ? 1 : 0);

  if (n == 0)
    {
      g_string_append (sql, " DEFAULT VALUES");
      return;
    }
  for (guint i = 0; i < values->n_values; i++)
    {
      g_string_append (sql, i == 0 ? " (" : ", ");
      g_string_append (sql, get_column (table, values->values[i].column)->quoted);
    }
  if (fresh_key)
    {
      g_string_append (sql, values->n_values == 0 ? " (" : ", ");
      g_string_append (sql, dimple_table_get_key_column (table, 0)->quoted);
    }
  g_string_append (sql, ") VALUES (?");
  for (guint i = 1; i < n; i++)
    g_string_append (sql, ", ?");
  g_string_append_c (sql, ')');
}

static sqlite3_stmt *
prepare_insert (DimpleStore              *self,
                const DimpleTable        *table,
                const DimpleGivenValues  *values,
                gboolean                  fresh_key,
                gboolean                  returns_key,
                GError                  **error)
{
  g_autoptr(GString) sql = g_string_sized_new (256);

  g_string_append (sql, "INSERT INTO main.");
  g_string_append (sql, table->quoted);
  append_columns (sql, table, values, fresh_key);
  for (guint k = 0; returns_key && k < table->key->len; k++)
    {
      g_string_append (sql, k == 0 ? " RETURNING " : ", ");
      g_string_append (sql, dimple_table_get_key_column (table, k)->quoted);
    }
  return dimple_statement_policy_prepare (dimple_writer_get_connection (self->writer), sql->str, error);
}

/* Runs an INSERT … RETURNING the key. */
static gboolean
run_for_key (sqlite3_stmt       *statement,
             const DimpleTable  *table,
             char              **key,
             GError            **error)
{
  g_autoptr(GError) step_error = NULL;

  while (dimple_statement_step (statement, &step_error))
    if (*key == NULL)
      {
        g_autoptr(GString) text = g_string_new (NULL);
        g_autofree DimpleValue *values = g_new (DimpleValue, table->key->len);

        for (guint k = 0; k < table->key->len; k++)
          dimple_value_from_column (&values[k], statement, (int) k);
        dimple_key_append (text, table, values);
        *key = g_string_free (g_steal_pointer (&text), FALSE);
      }
  if (step_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&step_error));
  return FALSE;
}

static char *
insert_row (DimpleStore  *self,
            const char   *table_name,
            GVariant     *dictionary,
            GError      **error)
{
  const DimpleTable *table = dimple_store_find_keyed_table (dimple_writer_get_schema (self->writer), table_name, error);
  g_auto(DimpleGivenValues) values = { NULL };
  char fresh[DIMPLE_UUID_SIZE];
  g_autoptr(DimpleStatement) statement = NULL;
  g_autofree char *key = NULL;
  const char *known;
  int n_changed = 0;

  if (table == NULL || !dimple_given_values_init (&values, table, dictionary, error))
    return NULL;
  known = choose_key (table, &values, fresh);
  statement = prepare_insert (self, table, &values, *fresh != '\0', known == NULL, error);
  if (statement == NULL || !dimple_given_values_bind (&values, statement, error))
    return NULL;
  if (*fresh != '\0')
    sqlite3_bind_text (statement, (int) values.n_values + 1, fresh, DIMPLE_UUID_LENGTH, SQLITE_STATIC);

  if (known == NULL ? !run_for_key (statement, table, &key, error) : !run (self, statement, &n_changed, error))
    return NULL;
  if (n_changed > 0)
    key = g_strdup (known);
  if (key == NULL)
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT,
                 "A trigger of the table “%s” has left the new row out", table->name);
  return g_steal_pointer (&key);
}

/**
 * dimple_store_insert:
 * @self: a store
 * @table: a table with a key
 * @values: the row's values by column, as `a{sv}`; sunk if floating
 * @error: return location for an error
 *
 * Inserts a row; blocking.  A text key that is neither in @values nor has a DEFAULT is a new UUIDv7.
 *
 * Fails with %DIMPLE_ERROR_SQL for an unknown table or column, %DIMPLE_ERROR_PARAMETERS for a value that cannot be stored,
 * and %DIMPLE_ERROR_CONSTRAINT where the schema refuses the row.
 *
 * Returns: (transfer full): the key of the new row
 */
char *
dimple_store_insert (DimpleStore  *self,
                     const char   *table,
                     GVariant     *values,
                     GError      **error)
{
  g_autoptr(GVariant) sunk = g_variant_ref_sink (values);
  g_autofree char *key = NULL;

  g_return_val_if_fail (DIMPLE_IS_STORE (self), NULL);
  g_return_val_if_fail (table != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!dimple_writer_begin_statement (self->writer, table, error))
    return NULL;
  key = insert_row (self, table, sunk, error);
  if (key == NULL)
    {
      dimple_writer_rollback (self->writer);
      return NULL;
    }
  return dimple_writer_commit (self->writer, error) ? g_steal_pointer (&key) : NULL;
}

/* -- Update and delete ---------------------------------------------------------------------------------------------- */

/* Runs an UPDATE or DELETE of the row with a key, which is the last of its parameters, behind `n_before` others. */
static gboolean
run_by_key (DimpleStore        *self,
            const DimpleTable  *table,
            sqlite3_stmt       *statement,
            guint               n_before,
            const char         *key,
            int                *n_changed,
            GError            **error)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  gboolean succeeded = dimple_store_bind_key (statement, n_before, table, key, record, error) &&
                       run (self, statement, n_changed, error);

  /* The record goes now. */
  sqlite3_clear_bindings (statement);
  return succeeded;
}

/* A row that is not in the table may be on the shelf; `dictionary` is what it is set to there, NULL: it is to be deleted. */
static gboolean
write_shelved (DimpleStore        *self,
               const DimpleTable  *table,
               const char         *key,
               GVariant           *dictionary,
               GError            **error)
{
  gboolean found = FALSE;

  if (dictionary != NULL ? !dimple_store_update_shelved (self, table, key, dictionary, &found, error)
                         : !dimple_store_delete_shelved (self, table, key, &found, error))
    return FALSE;
  if (!found)
    dimple_store_set_not_found (table, key, error);
  return found;
}

static gboolean
update_row (DimpleStore  *self,
            const char   *table_name,
            const char   *key,
            GVariant     *dictionary,
            GError      **error)
{
  const DimpleTable *table = dimple_store_find_keyed_table (dimple_writer_get_schema (self->writer), table_name, error);
  g_auto(DimpleGivenValues) values = { NULL };
  g_autoptr(GString) sql = g_string_sized_new (256);
  g_autoptr(DimpleStatement) statement = NULL;
  int n_changed = 0;

  if (table == NULL || !dimple_given_values_init (&values, table, dictionary, error))
    return FALSE;
  g_string_append (sql, "UPDATE main.");
  g_string_append (sql, table->quoted);
  for (guint i = 0; i < values.n_values; i++)
    {
      g_string_append (sql, i == 0 ? " SET " : ", ");
      g_string_append (sql, get_column (table, values.values[i].column)->quoted);
      g_string_append (sql, " = ?");
    }
  if (values.n_values == 0)
    {
      const char *column = dimple_table_get_key_column (table, 0)->quoted;

      /* Nothing to set: only whether the row is there matters. */
      g_string_append_printf (sql, " SET %s = %s", column, column);
    }
  dimple_store_append_key_condition (sql, table);

  statement = dimple_statement_policy_prepare (dimple_writer_get_connection (self->writer), sql->str, error);
  if (statement == NULL || !dimple_given_values_bind (&values, statement, error) ||
      !run_by_key (self, table, statement, values.n_values, key, &n_changed, error))
    return FALSE;
  return n_changed > 0 || write_shelved (self, table, key, dictionary, error);
}

static gboolean
delete_row (DimpleStore  *self,
            const char   *table_name,
            const char   *key,
            GError      **error)
{
  const DimpleTable *table = dimple_store_find_keyed_table (dimple_writer_get_schema (self->writer), table_name, error);
  g_autoptr(GString) sql = g_string_new ("DELETE FROM main.");
  g_autoptr(DimpleStatement) statement = NULL;
  int n_changed = 0;

  if (table == NULL)
    return FALSE;
  g_string_append (sql, table->quoted);
  dimple_store_append_key_condition (sql, table);
  statement = dimple_statement_policy_prepare (dimple_writer_get_connection (self->writer), sql->str, error);
  if (statement == NULL || !run_by_key (self, table, statement, 0, key, &n_changed, error))
    return FALSE;
  return n_changed > 0 || write_shelved (self, table, key, NULL, error);
}

/**
 * dimple_store_update:
 * @self: a store
 * @table: a table with a key
 * @key: the row's key
 * @values: the values to set by column, as `a{sv}`; sunk if floating
 * @error: return location for an error
 *
 * Sets columns of a row; blocking.  Values that are as they were change nothing and write nothing.  Works on rows that
 * are shelved, too (see [method@Store.get_conflicts]): such a row is shown as soon as nothing is in its way any more.
 *
 * Fails with %DIMPLE_ERROR_NOT_FOUND if there is no such row, and as [method@Store.insert] does.
 *
 * Returns: %TRUE if the row is as wanted
 */
gboolean
dimple_store_update (DimpleStore  *self,
                     const char   *table,
                     const char   *key,
                     GVariant     *values,
                     GError      **error)
{
  g_autoptr(GVariant) sunk = g_variant_ref_sink (values);

  g_return_val_if_fail (DIMPLE_IS_STORE (self), FALSE);
  g_return_val_if_fail (table != NULL, FALSE);
  g_return_val_if_fail (key != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!dimple_writer_begin_statement (self->writer, table, error))
    return FALSE;
  if (update_row (self, table, key, sunk, error))
    return dimple_writer_commit (self->writer, error);
  dimple_writer_rollback (self->writer);
  return FALSE;
}

/**
 * dimple_store_delete:
 * @self: a store
 * @table: a table with a key
 * @key: the row's key
 * @error: return location for an error
 *
 * Deletes a row, shelved ones too; blocking.  Fails with %DIMPLE_ERROR_NOT_FOUND if there is no such row, and with
 * %DIMPLE_ERROR_CONSTRAINT if others reference it.
 *
 * Returns: %TRUE if the row is deleted
 */
gboolean
dimple_store_delete (DimpleStore  *self,
                     const char   *table,
                     const char   *key,
                     GError      **error)
{
  g_return_val_if_fail (DIMPLE_IS_STORE (self), FALSE);
  g_return_val_if_fail (table != NULL, FALSE);
  g_return_val_if_fail (key != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!dimple_writer_begin_statement (self->writer, table, error))
    return FALSE;
  if (delete_row (self, table, key, error))
    return dimple_writer_commit (self->writer, error);
  dimple_writer_rollback (self->writer);
  return FALSE;
}
