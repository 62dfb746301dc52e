/* dimple-store-write.c: writing through a store: rows by key, SQL, transactions
 *
 * Every call is a transaction of its own, or a savepoint of the one that the thread has open: so a call that fails
 * changes nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include "dimple-error.h"
#include "dimple-key-private.h"
#include "dimple-parameters-private.h"
#include "dimple-statement-policy-private.h"

/* -- Transactions --------------------------------------------------------------------------------------------------- */

/**
 * dimple_store_begin:
 * @self: a store
 * @error: return location for an error
 *
 * Begins a transaction of the calling thread; blocking, it waits for one that another thread has open.  Inside a
 * transaction it sets a savepoint, which [method@Store.commit] and [method@Store.rollback] end.  Do not go back to the
 * main loop before the end, as everybody else who wants to write waits.
 *
 * Returns: %TRUE if the transaction has begun
 */
gboolean
dimple_store_begin (DimpleStore  *self,
                    GError      **error)
{
  g_return_val_if_fail (DIMPLE_IS_STORE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return dimple_writer_begin (self->writer, error);
}

static gboolean
check_begun (DimpleStore  *self,
             GError      **error)
{
  if (dimple_writer_is_mine (self->writer))
    return TRUE;
  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL, "This thread has no transaction open");
  return FALSE;
}

/**
 * dimple_store_commit:
 * @self: a store
 * @error: return location for an error
 *
 * Ends what the last [method@Store.begin] of this thread began, and keeps it.  If it fails (%DIMPLE_ERROR_CONSTRAINT for a
 * deferred FOREIGN KEY or a NULL key, %DIMPLE_ERROR_FULL …) it has been rolled back.
 *
 * Returns: %TRUE if it is committed
 */
gboolean
dimple_store_commit (DimpleStore  *self,
                     GError      **error)
{
  g_return_val_if_fail (DIMPLE_IS_STORE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return check_begun (self, error) && dimple_writer_commit (self->writer, error);
}

/**
 * dimple_store_rollback:
 * @self: a store
 * @error: return location for an error
 *
 * Ends what the last [method@Store.begin] of this thread began, and undoes it.
 *
 * Returns: %TRUE if it is undone
 */
gboolean
dimple_store_rollback (DimpleStore  *self,
                       GError      **error)
{
  g_return_val_if_fail (DIMPLE_IS_STORE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!check_begun (self, error))
    return FALSE;
  dimple_writer_rollback (self->writer);
  return TRUE;
}

/**
 * dimple_store_transaction:
 * @self: a store
 * @func: (scope call): the work; it runs on this thread, before the call returns
 * @user_data: for @func
 * @error: return location for an error
 *
 * Runs @func in a transaction: committed if it returns %TRUE, else rolled back, with its error.
 *
 * Returns: %TRUE if it is committed
 */
gboolean
dimple_store_transaction (DimpleStore            *self,
                          DimpleTransactionFunc   func,
                          gpointer                user_data,
                          GError                **error)
{
  g_autoptr(GError) func_error = NULL;

  g_return_val_if_fail (DIMPLE_IS_STORE (self), FALSE);
  g_return_val_if_fail (func != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!dimple_writer_begin (self->writer, error))
    return FALSE;
  if (func (self, user_data, &func_error) && func_error == NULL)
    return dimple_writer_commit (self->writer, error);

  dimple_writer_rollback (self->writer);
  if (func_error == NULL)
    g_set_error_literal (&func_error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED, "The transaction's function returned FALSE");
  g_propagate_error (error, g_steal_pointer (&func_error));
  return FALSE;
}

/* Runs one statement to its end in a (nested) transaction.  `key_table`: the row returned is its key, put into `key`.
 * `n_changed` (nullable) receives how many rows it changed. */
static gboolean
run_statement (DimpleStore        *self,
               const char         *sql,
               GVariant           *parameters,
               const DimpleTable  *key_table,
               char              **key,
               int                *n_changed,
               GError            **error)
{
  DimpleConnection *connection = dimple_writer_get_connection (self->writer);
  g_autoptr(DimpleStatement) statement = dimple_statement_policy_prepare (connection, sql, error);
  g_autoptr(GError) step_error = NULL;

  if (statement == NULL || !dimple_parameters_bind (statement, parameters, error))
    return FALSE;
  while (dimple_statement_step (statement, &step_error))
    if (key_table != NULL && *key == NULL)
      {
        g_autoptr(GString) text = g_string_new (NULL);
        g_autofree DimpleValue *values = g_new (DimpleValue, key_table->key->len);

        for (guint k = 0; k < key_table->key->len; k++)
          dimple_value_from_column (&values[k], statement, (int) k);
        dimple_key_append (text, key_table, values);
        *key = g_string_free (g_steal_pointer (&text), FALSE);
      }
  if (step_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&step_error));
      return FALSE;
    }
  if (n_changed != NULL)
    *n_changed = sqlite3_changes (dimple_connection_get_handle (connection));
  return TRUE;
}

/**
 * dimple_store_execute:
 * @self: a store
 * @sql: one statement
 * @parameters: (nullable): its parameters: a tuple for `?`, `a{sv}` for `:name`, one value for one `?`; sunk if floating
 * @error: return location for an error
 *
 * Runs one SQL statement; blocking.  Whatever it changes in tracked tables is kept in the history and synced.
 *
 * Transactions, other databases, changes of the schema and writing to Dimple's own tables are refused with
 * %DIMPLE_ERROR_SQL.
 *
 * Returns: %TRUE if it ran
 */
gboolean
dimple_store_execute (DimpleStore  *self,
                      const char   *sql,
                      GVariant     *parameters,
                      GError      **error)
{
  g_autoptr(GVariant) sunk = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;

  g_return_val_if_fail (DIMPLE_IS_STORE (self), FALSE);
  g_return_val_if_fail (sql != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!dimple_writer_begin_statement (self->writer, sql, error))
    return FALSE;
  if (run_statement (self, sql, sunk, NULL, NULL, NULL, error))
    return dimple_writer_commit (self->writer, error);
  dimple_writer_rollback (self->writer);
  return FALSE;
}

/* -- Rows by key ---------------------------------------------------------------------------------------------------- */

static gboolean
check_values (const DimpleTable  *table,
              GVariant           *values,
              GError            **error)
{
  GVariantIter iter;
  const char *name;
  GVariant *value;

  if (!g_variant_is_of_type (values, G_VARIANT_TYPE_VARDICT))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
                   "The values of a row are a dictionary (a{sv}), not “%s”", g_variant_get_type_string (values));
      return FALSE;
    }
  g_variant_iter_init (&iter, values);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    if (dimple_table_find_column (table, name) < 0)
      {
        g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL, "Table “%s” has no column “%s”", table->name, name);
        g_variant_unref (value);
        return FALSE;
      }
  return TRUE;
}

/* A text key that nobody gives and the schema does not either is a new UUIDv7. */
static gboolean
needs_key (const DimpleTable *table,
           GVariant          *values)
{
  g_autoptr(GVariant) given = NULL;

  if (!table->text_key || dimple_table_get_key_column (table, 0)->default_sql != NULL)
    return FALSE;
  given = g_variant_lookup_value (values, dimple_table_get_key_column (table, 0)->name, NULL);
  return given == NULL;
}

static char *
build_insert (const DimpleTable  *table,
              GVariant           *values,
              GVariant          **parameters)
{
  g_autoptr(GString) columns = g_string_new (NULL);
  g_autoptr(GString) marks = g_string_new (NULL);
  g_autoptr(GString) sql = g_string_new ("INSERT INTO main.");
  g_autofree char *table_name = dimple_quote (table->name);
  GVariantBuilder tuple;
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_builder_init (&tuple, G_VARIANT_TYPE_TUPLE);
  g_variant_iter_init (&iter, values);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    {
      g_autofree char *column = dimple_quote (name);

      g_string_append_printf (columns, "%s%s", columns->len > 0 ? ", " : "", column);
      g_string_append (marks, marks->len > 0 ? ", ?" : "?");
      g_variant_builder_add_value (&tuple, value);
    }
  if (needs_key (table, values))
    {
      g_autofree char *column = dimple_quote (dimple_table_get_key_column (table, 0)->name);

      g_string_append_printf (columns, "%s%s", columns->len > 0 ? ", " : "", column);
      g_string_append (marks, marks->len > 0 ? ", uuid7 ()" : "uuid7 ()");
    }
  *parameters = g_variant_ref_sink (g_variant_builder_end (&tuple));

  g_string_append (sql, table_name);
  if (columns->len > 0)
    g_string_append_printf (sql, " (%s) VALUES (%s)", columns->str, marks->str);
  else
    g_string_append (sql, " DEFAULT VALUES");
  g_string_append (sql, " RETURNING ");
  for (guint k = 0; k < table->key->len; k++)
    {
      g_autofree char *column = dimple_quote (dimple_table_get_key_column (table, k)->name);

      g_string_append_printf (sql, "%s%s", k > 0 ? ", " : "", column);
    }
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

static char *
insert_row (DimpleStore  *self,
            const char   *table_name,
            GVariant     *values,
            GError      **error)
{
  const DimpleTable *table = dimple_store_find_keyed_table (dimple_writer_get_schema (self->writer), table_name, error);
  g_autoptr(GVariant) parameters = NULL;
  g_autofree char *sql = NULL;
  g_autofree char *key = NULL;

  if (table == NULL || !check_values (table, values, error))
    return NULL;
  sql = build_insert (table, values, &parameters);
  if (!run_statement (self, sql, parameters, table, &key, NULL, error))
    return NULL;
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

/* `sql` begins an UPDATE or DELETE, `tuple` its parameters; what follows is the key.  Takes `tuple`.  A row that is not
 * in the table may be on the shelf; `values` is what it is set to there, NULL: it is to be deleted. */
static gboolean
run_by_key (DimpleStore        *self,
            const DimpleTable  *table,
            GString            *sql,
            GVariantBuilder    *tuple,
            const char         *key,
            GVariant           *values,
            GError            **error)
{
  g_autoptr(GVariant) parameters = NULL;
  int n_changed = 0;
  gboolean found;

  if (!dimple_store_append_key_condition (sql, tuple, table, key, error))
    {
      g_variant_builder_clear (tuple);
      return FALSE;
    }
  parameters = g_variant_ref_sink (g_variant_builder_end (tuple));
  if (!run_statement (self, sql->str, parameters, NULL, NULL, &n_changed, error))
    return FALSE;
  if (n_changed > 0)
    return TRUE;
  if (values != NULL ? !dimple_store_update_shelved (self, table, key, values, &found, error)
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
            GVariant     *values,
            GError      **error)
{
  const DimpleTable *table = dimple_store_find_keyed_table (dimple_writer_get_schema (self->writer), table_name, error);
  g_autoptr(GString) sql = g_string_new ("UPDATE main.");
  g_autofree char *quoted = NULL;
  GVariantBuilder tuple;
  GVariantIter iter;
  const char *name;
  GVariant *value;
  guint n = 0;

  if (table == NULL || !check_values (table, values, error))
    return FALSE;
  quoted = dimple_quote (table->name);
  g_string_append_printf (sql, "%s SET ", quoted);
  g_variant_builder_init (&tuple, G_VARIANT_TYPE_TUPLE);
  g_variant_iter_init (&iter, values);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    {
      g_autofree char *column = dimple_quote (name);

      g_string_append_printf (sql, "%s%s = ?", n++ > 0 ? ", " : "", column);
      g_variant_builder_add_value (&tuple, value);
    }
  if (n == 0)
    {
      /* Nothing to set: only whether the row is there matters. */
      g_autofree char *column = dimple_quote (dimple_table_get_key_column (table, 0)->name);

      g_string_append_printf (sql, "%s = %s", column, column);
    }
  return run_by_key (self, table, sql, &tuple, key, values, error);
}

static gboolean
delete_row (DimpleStore  *self,
            const char   *table_name,
            const char   *key,
            GError      **error)
{
  const DimpleTable *table = dimple_store_find_keyed_table (dimple_writer_get_schema (self->writer), table_name, error);
  g_autoptr(GString) sql = g_string_new ("DELETE FROM main.");
  g_autofree char *quoted = NULL;
  GVariantBuilder tuple;

  if (table == NULL)
    return FALSE;
  quoted = dimple_quote (table->name);
  g_string_append (sql, quoted);
  g_variant_builder_init (&tuple, G_VARIANT_TYPE_TUPLE);
  return run_by_key (self, table, sql, &tuple, key, NULL, error);
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
