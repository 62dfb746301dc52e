/* dimple-store-write.c: writing through a store: transactions, and SQL
 *
 * Every call is a transaction of its own, or a savepoint of the one that the thread has open: so a call that fails
 * changes nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include "dimple-error.h"
#include "dimple-parameters-private.h"
#include "dimple-statement-policy-private.h"

/* -- Transactions -------------------------------------------------------------------------------------------------- */

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
 * Ends what the last [method@Store.begin] of this thread began, and keeps it.  If it fails (%DIMPLE_ERROR_CONSTRAINT
 * for a deferred FOREIGN KEY or a NULL key, %DIMPLE_ERROR_FULL …) it has been rolled back.
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

/* Runs one statement to its end in a (nested) transaction. */
static gboolean
run_statement (DimpleStore  *self,
               const char   *sql,
               GVariant     *parameters,
               GError      **error)
{
  DimpleConnection *connection = dimple_writer_get_connection (self->writer);
  g_auto(DimpleHeldParameters) held = { NULL };
  g_autoptr(DimpleStatement) statement = dimple_statement_policy_prepare (connection, sql, error);

  return statement != NULL && dimple_parameters_bind_held (statement, parameters, &held, error) &&
         dimple_statement_run (statement, error);
}

/**
 * dimple_store_execute:
 * @self: a store
 * @sql: one statement
 * @parameters: (nullable): its parameters: a tuple for `?`, `a{sv}` for `:name`, one value for one `?`; sunk if
 *   floating
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
  if (run_statement (self, sql, sunk, error))
    return dimple_writer_commit (self->writer, error);
  dimple_writer_rollback (self->writer);
  return FALSE;
}
