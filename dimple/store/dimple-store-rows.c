/* dimple-store-rows.c: writing rows by their keys
 *
 * Every call is a transaction of its own, or part of the one that the thread has open; one that fails changes nothing.
 *
 * Where the key of a new row is known beforehand it is not asked back: RETURNING would keep each row in a table of its
 * own, and SQLite would open a journal for the statement.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-key-private.h"
#include "dimple-statement-policy-private.h"
#include "dimple-uuid-private.h"

/* The statement of a kind that writes these values to a table. */
static sqlite3_stmt *
prepare (DimpleStore              *self,
         DimpleRowSqlKind          kind,
         const DimpleTable        *table,
         const DimpleGivenValues  *values,
         GError                  **error)
{
  const char *sql = dimple_row_sql_get (self->row_sql, kind, dimple_writer_get_schema (self->writer), table, values);

  return dimple_statement_policy_prepare (dimple_writer_get_connection (self->writer), sql, error);
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

static const DimpleTable *
find_table (DimpleStore  *self,
            const char   *name,
            GError      **error)
{
  return dimple_store_find_keyed_table (dimple_writer_get_schema (self->writer), name, error);
}

/* -- Insert -------------------------------------------------------------------------------------------------------- */

/* The key that the new row will have: the one that is given, or else (where neither the app nor the schema gives one) a
 * new UUIDv7 in `fresh`, which is given too; NULL if only the table can tell. */
static const DimpleValue *
choose_key (const DimpleTable *table,
            DimpleGivenValues *values,
            char               fresh[DIMPLE_UUID_SIZE])
{
  const DimpleColumn *column;
  const DimpleValue *given;
  DimpleValue key = { .type = SQLITE_TEXT, .bytes = fresh, .size = DIMPLE_UUID_LENGTH };

  if (!table->text_key)
    return NULL;
  given = dimple_given_values_find (values, g_array_index (table->key, guint, 0));
  if (given != NULL)
    return given->type == SQLITE_TEXT ? given : NULL;
  column = dimple_table_get_key_column (table, 0);
  if (column->default_sql != NULL)
    return NULL;
  dimple_uuid7_new (fresh);
  dimple_given_values_add (values, table, column->name, &key, NULL);
  return dimple_given_values_find (values, g_array_index (table->key, guint, 0));
}

static char *
dup_key (const DimpleTable *table,
         const DimpleValue *values)
{
  GString *key = g_string_sized_new (DIMPLE_UUID_SIZE);

  dimple_key_append (key, table, values);
  return g_string_free (key, FALSE);
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
        g_autofree DimpleValue *values = g_new (DimpleValue, table->key->len);

        for (guint k = 0; k < table->key->len; k++)
          dimple_value_from_column (&values[k], statement, (int) k);
        *key = dup_key (table, values);
      }
  if (step_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&step_error));
  return FALSE;
}

char *
dimple_store_insert_row (DimpleStore        *self,
                         const DimpleTable  *table,
                         DimpleGivenValues  *values,
                         GError            **error)
{
  char fresh[DIMPLE_UUID_SIZE];
  const DimpleValue *known = choose_key (table, values, fresh);
  g_autoptr(DimpleStatement) statement = NULL;
  g_autofree char *key = NULL;
  int n_changed = 0;

  statement = prepare (self, known != NULL ? DIMPLE_ROW_SQL_INSERT : DIMPLE_ROW_SQL_INSERT_RETURNING, table, values,
                       error);
  if (statement == NULL)
    return NULL;
  dimple_given_values_bind (values, statement);
  if (known == NULL ? !run_for_key (statement, table, &key, error) : !run (self, statement, &n_changed, error))
    return NULL;
  if (n_changed > 0)
    key = dup_key (table, known);
  if (key == NULL)
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT,
                 "A trigger of the table “%s” has left the new row out", table->name);
  return g_steal_pointer (&key);
}

/* `key_column` (nullable): one that is to be `key`, though it is not in the dictionary */
static char *
insert_dictionary (DimpleStore  *self,
                   const char   *table_name,
                   GVariant     *dictionary,
                   const char   *key_column,
                   const char   *key,
                   GError      **error)
{
  const DimpleTable *table = find_table (self, table_name, error);
  g_auto(DimpleGivenValues) values = { NULL };
  DimpleValue value = { .type = SQLITE_TEXT, .bytes = key };

  if (table == NULL || !dimple_given_values_init (&values, table, dictionary, error))
    return NULL;
  if (key_column != NULL)
    {
      value.size = strlen (key);
      if (!dimple_given_values_add (&values, table, key_column, &value, error))
        return NULL;
    }
  return dimple_store_insert_row (self, table, &values, error);
}

char *
dimple_store_insert_with_key (DimpleStore  *self,
                              const char   *table,
                              GVariant     *dictionary,
                              const char   *key_column,
                              const char   *key,
                              GError      **error)
{
  g_autofree char *inserted = NULL;

  if (!dimple_writer_begin_statement (self->writer, table, error))
    return NULL;
  inserted = insert_dictionary (self, table, dictionary, key_column, key, error);
  if (inserted == NULL)
    {
      dimple_writer_rollback (self->writer);
      return NULL;
    }
  return dimple_writer_commit (self->writer, error) ? g_steal_pointer (&inserted) : NULL;
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
 * Fails with %DIMPLE_ERROR_SQL for an unknown table or column, %DIMPLE_ERROR_PARAMETERS for a value that cannot be
 * stored, and %DIMPLE_ERROR_CONSTRAINT where the schema refuses the row.
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

  g_return_val_if_fail (DIMPLE_IS_STORE (self), NULL);
  g_return_val_if_fail (table != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return dimple_store_insert_with_key (self, table, sunk, NULL, NULL, error);
}

/* -- Update and delete --------------------------------------------------------------------------------------------- */

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

/* A row that is not in the table may be on the shelf; `values` is what is set there, NULL: it is to be deleted. */
static gboolean
write_shelved (DimpleStore              *self,
               const DimpleTable        *table,
               const char               *key,
               const DimpleGivenValues  *values,
               GError                  **error)
{
  gboolean found = FALSE;

  if (!dimple_store_write_shelved (self, table, key, values, &found, error))
    return FALSE;
  if (!found)
    dimple_store_set_not_found (table, key, error);
  return found;
}

gboolean
dimple_store_update_row (DimpleStore              *self,
                         const DimpleTable        *table,
                         const char               *key,
                         const DimpleGivenValues  *values,
                         GError                  **error)
{
  g_autoptr(DimpleStatement) statement = prepare (self, DIMPLE_ROW_SQL_UPDATE, table, values, error);
  int n_changed = 0;

  if (statement == NULL)
    return FALSE;
  dimple_given_values_bind (values, statement);
  return run_by_key (self, table, statement, values->n_values, key, &n_changed, error) &&
         (n_changed > 0 || write_shelved (self, table, key, values, error));
}

static gboolean
update_row (DimpleStore  *self,
            const char   *table_name,
            const char   *key,
            GVariant     *dictionary,
            GError      **error)
{
  const DimpleTable *table = find_table (self, table_name, error);
  g_auto(DimpleGivenValues) values = { NULL };

  return table != NULL && dimple_given_values_init (&values, table, dictionary, error) &&
         dimple_store_update_row (self, table, key, &values, error);
}

static gboolean
delete_row (DimpleStore  *self,
            const char   *table_name,
            const char   *key,
            GError      **error)
{
  const DimpleTable *table = find_table (self, table_name, error);
  g_autoptr(DimpleStatement) statement = NULL;
  int n_changed = 0;

  if (table == NULL)
    return FALSE;
  statement = prepare (self, DIMPLE_ROW_SQL_DELETE, table, NULL, error);
  return statement != NULL && run_by_key (self, table, statement, 0, key, &n_changed, error) &&
         (n_changed > 0 || write_shelved (self, table, key, NULL, error));
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
