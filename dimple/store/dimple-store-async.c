/* dimple-store-async.c: the calls of a store that need not be waited for
 *
 * Each is its blocking form, run in order on the store's own thread; the callback comes in the thread-default main
 * context of the caller.  Cancelling takes what is still queued away; what has begun is finished, so that a commit is
 * never reported as cancelled.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

typedef struct
{
  char                  *subject;      /* path, table or SQL */
  char                  *key;
  char                 **scripts;
  GVariant              *values;
  DimpleTransactionFunc  func;
  gpointer               func_data;
  GDestroyNotify         func_destroy;
} Arguments;

static void
arguments_free (Arguments *arguments)
{
  g_free (arguments->subject);
  g_free (arguments->key);
  g_strfreev (arguments->scripts);
  g_clear_pointer (&arguments->values, g_variant_unref);
  if (arguments->func_destroy != NULL)
    arguments->func_destroy (arguments->func_data);
  g_free (arguments);
}

static Arguments *
arguments_new (const char *subject,
               const char *key,
               GVariant   *values)
{
  Arguments *arguments = g_new0 (Arguments, 1);

  arguments->subject = g_strdup (subject);
  arguments->key = g_strdup (key);
  arguments->values = values != NULL ? g_variant_ref_sink (values) : NULL;
  return arguments;
}

/* Takes `arguments`. */
static void
start (DimpleStore         *self,
       DimpleWorker        *worker,
       gpointer             source_tag,
       DimpleWorkerFunc     func,
       Arguments           *arguments,
       GCancellable        *cancellable,
       GAsyncReadyCallback  callback,
       gpointer             user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, source_tag);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, arguments, (GDestroyNotify) arguments_free);
  dimple_worker_push (worker, task, func);
}

static void
return_boolean (GTask    *task,
                gboolean  succeeded,
                GError   *error)
{
  if (succeeded)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* -- Open and close ------------------------------------------------------------------------------------------------ */

static gpointer
open_in_thread (gpointer data)
{
  g_autoptr(GTask) task = data;
  Arguments *arguments = g_task_get_task_data (task);
  GError *error = NULL;
  DimpleStore *store;

  if (g_task_return_error_if_cancelled (task))
    return NULL;
  store = dimple_store_open_for_context (arguments->subject, g_task_get_context (task), &error);
  if (store != NULL)
    g_task_return_pointer (task, store, g_object_unref);
  else
    g_task_return_error (task, error);
  return NULL;
}

/**
 * dimple_store_open_async:
 * @path: (nullable) (type filename): the database file, or %NULL for a store in memory
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the store is open
 * @user_data: for @callback
 *
 * Opens a store without blocking; see [func@Store.open].  Its signals come in the thread-default main context of this
 * call.
 */
void
dimple_store_open_async (const char          *path,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, dimple_store_open_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, arguments_new (path, NULL, NULL), (GDestroyNotify) arguments_free);
  g_thread_unref (g_thread_new ("dimple-open", open_in_thread, g_object_ref (task)));
}

/**
 * dimple_store_open_finish:
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [func@Store.open_async].
 *
 * Returns: (transfer full): the store
 */
DimpleStore *
dimple_store_open_finish (GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
close_store (GTask *task)
{
  GError *error = NULL;
  gboolean succeeded = dimple_store_close (g_task_get_source_object (task), &error);

  return_boolean (task, succeeded, error);
}

/**
 * dimple_store_close_async:
 * @self: a store
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the store is closed
 * @user_data: for @callback
 *
 * Closes the store after what is queued before, without blocking; see [method@Store.close].
 */
void
dimple_store_close_async (DimpleStore         *self,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  g_return_if_fail (DIMPLE_IS_STORE (self));

  start (self, self->worker, dimple_store_close_async, close_store, arguments_new (NULL, NULL, NULL), cancellable,
         callback, user_data);
}

/* Every other finish function of a boolean. */
static gboolean
finish_boolean (DimpleStore   *self,
                GAsyncResult  *result,
                GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * dimple_store_close_finish:
 * @self: a store
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Store.close_async].
 *
 * Returns: %TRUE if the store is closed
 */
gboolean
dimple_store_close_finish (DimpleStore   *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  return finish_boolean (self, result, error);
}

/* -- Migrate ------------------------------------------------------------------------------------------------------- */

static void
migrate (GTask *task)
{
  Arguments *arguments = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean succeeded = dimple_store_migrate (g_task_get_source_object (task),
                                             (const char * const *) arguments->scripts, &error);

  return_boolean (task, succeeded, error);
}

/**
 * dimple_store_migrate_async:
 * @self: a store
 * @migrations: (array zero-terminated=1): all scripts ever, in order
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the scripts have run
 * @user_data: for @callback
 *
 * Runs the migrations without blocking; see [method@Store.migrate].
 */
void
dimple_store_migrate_async (DimpleStore         *self,
                            const char * const  *migrations,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  Arguments *arguments;

  g_return_if_fail (DIMPLE_IS_STORE (self));
  g_return_if_fail (migrations != NULL);

  arguments = arguments_new (NULL, NULL, NULL);
  arguments->scripts = g_strdupv ((char **) migrations);
  start (self, self->worker, dimple_store_migrate_async, migrate, arguments, cancellable, callback, user_data);
}

/**
 * dimple_store_migrate_finish:
 * @self: a store
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Store.migrate_async].
 *
 * Returns: %TRUE if the schema is what the scripts say
 */
gboolean
dimple_store_migrate_finish (DimpleStore   *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  return finish_boolean (self, result, error);
}

static void
migrate_resource (GTask *task)
{
  Arguments *arguments = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean succeeded = dimple_store_migrate_resource (g_task_get_source_object (task), arguments->subject, &error);

  return_boolean (task, succeeded, error);
}

/**
 * dimple_store_migrate_resource_async:
 * @self: a store
 * @resource_path: a folder of the app's GResource
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the scripts have run
 * @user_data: for @callback
 *
 * Runs the migrations of a resource folder without blocking; see [method@Store.migrate_resource].
 */
void
dimple_store_migrate_resource_async (DimpleStore         *self,
                                     const char          *resource_path,
                                     GCancellable        *cancellable,
                                     GAsyncReadyCallback  callback,
                                     gpointer             user_data)
{
  g_return_if_fail (DIMPLE_IS_STORE (self));
  g_return_if_fail (resource_path != NULL);

  start (self, self->worker, dimple_store_migrate_resource_async, migrate_resource,
         arguments_new (resource_path, NULL, NULL), cancellable, callback, user_data);
}

/**
 * dimple_store_migrate_resource_finish:
 * @self: a store
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Store.migrate_resource_async].
 *
 * Returns: %TRUE if the schema is what the scripts say
 */
gboolean
dimple_store_migrate_resource_finish (DimpleStore   *self,
                                      GAsyncResult  *result,
                                      GError       **error)
{
  return finish_boolean (self, result, error);
}

/* -- Rows by key --------------------------------------------------------------------------------------------------- */

static void
insert (GTask *task)
{
  Arguments *arguments = g_task_get_task_data (task);
  GError *error = NULL;
  char *key = dimple_store_insert (g_task_get_source_object (task), arguments->subject, arguments->values, &error);

  if (key != NULL)
    g_task_return_pointer (task, key, g_free);
  else
    g_task_return_error (task, error);
}

/**
 * dimple_store_insert_async:
 * @self: a store
 * @table: a table with a key
 * @values: the row's values by column, as `a{sv}`; sunk if floating
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the row is committed
 * @user_data: for @callback
 *
 * Inserts a row without blocking; see [method@Store.insert].
 */
void
dimple_store_insert_async (DimpleStore         *self,
                           const char          *table,
                           GVariant            *values,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_return_if_fail (DIMPLE_IS_STORE (self));
  g_return_if_fail (table != NULL);
  g_return_if_fail (values != NULL);

  start (self, self->worker, dimple_store_insert_async, insert, arguments_new (table, NULL, values), cancellable,
         callback, user_data);
}

/**
 * dimple_store_insert_finish:
 * @self: a store
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Store.insert_async].
 *
 * Returns: (transfer full): the key of the new row
 */
char *
dimple_store_insert_finish (DimpleStore   *self,
                            GAsyncResult  *result,
                            GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
update (GTask *task)
{
  Arguments *arguments = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean succeeded = dimple_store_update (g_task_get_source_object (task), arguments->subject, arguments->key,
                                            arguments->values, &error);

  return_boolean (task, succeeded, error);
}

/**
 * dimple_store_update_async:
 * @self: a store
 * @table: a table with a key
 * @key: the row's key
 * @values: the values to set by column, as `a{sv}`; sunk if floating
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the change is committed
 * @user_data: for @callback
 *
 * Sets columns of a row without blocking; see [method@Store.update].
 */
void
dimple_store_update_async (DimpleStore         *self,
                           const char          *table,
                           const char          *key,
                           GVariant            *values,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_return_if_fail (DIMPLE_IS_STORE (self));
  g_return_if_fail (table != NULL);
  g_return_if_fail (key != NULL);
  g_return_if_fail (values != NULL);

  start (self, self->worker, dimple_store_update_async, update, arguments_new (table, key, values), cancellable,
         callback, user_data);
}

/**
 * dimple_store_update_finish:
 * @self: a store
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Store.update_async].
 *
 * Returns: %TRUE if the row is as wanted
 */
gboolean
dimple_store_update_finish (DimpleStore   *self,
                            GAsyncResult  *result,
                            GError       **error)
{
  return finish_boolean (self, result, error);
}

static void
delete_row (GTask *task)
{
  Arguments *arguments = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean succeeded = dimple_store_delete (g_task_get_source_object (task), arguments->subject, arguments->key,
                                            &error);

  return_boolean (task, succeeded, error);
}

/**
 * dimple_store_delete_async:
 * @self: a store
 * @table: a table with a key
 * @key: the row's key
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the deletion is committed
 * @user_data: for @callback
 *
 * Deletes a row without blocking; see [method@Store.delete].
 */
void
dimple_store_delete_async (DimpleStore         *self,
                           const char          *table,
                           const char          *key,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_return_if_fail (DIMPLE_IS_STORE (self));
  g_return_if_fail (table != NULL);
  g_return_if_fail (key != NULL);

  start (self, self->worker, dimple_store_delete_async, delete_row, arguments_new (table, key, NULL), cancellable,
         callback, user_data);
}

/**
 * dimple_store_delete_finish:
 * @self: a store
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Store.delete_async].
 *
 * Returns: %TRUE if the row is deleted
 */
gboolean
dimple_store_delete_finish (DimpleStore   *self,
                            GAsyncResult  *result,
                            GError       **error)
{
  return finish_boolean (self, result, error);
}

/* -- Reading: on a thread that does not wait for writes ------------------------------------------------------------ */

static void
read_row (GTask *task)
{
  Arguments *arguments = g_task_get_task_data (task);
  GError *error = NULL;
  DimpleSnapshot *snapshot = dimple_store_read_by_key (g_task_get_source_object (task), arguments->subject,
                                                       arguments->key, g_task_get_cancellable (task), &error);

  if (snapshot != NULL)
    g_task_return_pointer (task, snapshot, g_object_unref);
  else
    g_task_return_error (task, error);
}

/**
 * dimple_store_get_async:
 * @self: a store
 * @table: a table with a key
 * @key: the row's key
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the row is read
 * @user_data: for @callback
 *
 * Reads one row by its key without blocking; see [method@Store.get].  It does not wait for writes that are queued.
 */
void
dimple_store_get_async (DimpleStore         *self,
                        const char          *table,
                        const char          *key,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  g_return_if_fail (DIMPLE_IS_STORE (self));
  g_return_if_fail (table != NULL);
  g_return_if_fail (key != NULL);

  start (self, self->reading_worker, dimple_store_get_async, read_row, arguments_new (table, key, NULL), cancellable,
         callback, user_data);
}

/**
 * dimple_store_get_finish:
 * @self: a store
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Store.get_async].
 *
 * Returns: (transfer full): the row
 */
GObject *
dimple_store_get_finish (DimpleStore   *self,
                         GAsyncResult  *result,
                         GError       **error)
{
  g_autoptr(DimpleSnapshot) snapshot = NULL;

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  /* The object is made here, in the context that it belongs to. */
  snapshot = g_task_propagate_pointer (G_TASK (result), error);
  return snapshot != NULL ? g_list_model_get_item (G_LIST_MODEL (snapshot), 0) : NULL;
}

static void
read_rows (GTask *task)
{
  Arguments *arguments = g_task_get_task_data (task);
  GError *error = NULL;
  DimpleSnapshot *snapshot = dimple_store_read (g_task_get_source_object (task), arguments->subject, arguments->values,
                                                0, G_MAXUINT, g_task_get_cancellable (task), &error);

  if (snapshot != NULL)
    g_task_return_pointer (task, snapshot, g_object_unref);
  else
    g_task_return_error (task, error);
}

/**
 * dimple_store_select_async:
 * @self: a store
 * @sql: a SELECT
 * @parameters: (nullable): its parameters, as for [method@Store.select]; sunk if floating
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the rows are read
 * @user_data: for @callback
 *
 * Reads rows without blocking; see [method@Store.select].  It does not wait for writes that are queued.
 */
void
dimple_store_select_async (DimpleStore         *self,
                           const char          *sql,
                           GVariant            *parameters,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_return_if_fail (DIMPLE_IS_STORE (self));
  g_return_if_fail (sql != NULL);

  start (self, self->reading_worker, dimple_store_select_async, read_rows, arguments_new (sql, NULL, parameters),
         cancellable, callback, user_data);
}

/**
 * dimple_store_select_finish:
 * @self: a store
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Store.select_async].
 *
 * Returns: (transfer full): the rows, of [class@Row]
 */
GListModel *
dimple_store_select_finish (DimpleStore   *self,
                            GAsyncResult  *result,
                            GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/* -- SQL and transactions ------------------------------------------------------------------------------------------ */

static void
execute (GTask *task)
{
  Arguments *arguments = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean succeeded = dimple_store_execute (g_task_get_source_object (task), arguments->subject, arguments->values,
                                             &error);

  return_boolean (task, succeeded, error);
}

/**
 * dimple_store_execute_async:
 * @self: a store
 * @sql: one statement
 * @parameters: (nullable): its parameters, as for [method@Store.execute]; sunk if floating
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when what it does is committed
 * @user_data: for @callback
 *
 * Runs one SQL statement without blocking; see [method@Store.execute].
 */
void
dimple_store_execute_async (DimpleStore         *self,
                            const char          *sql,
                            GVariant            *parameters,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_return_if_fail (DIMPLE_IS_STORE (self));
  g_return_if_fail (sql != NULL);

  start (self, self->worker, dimple_store_execute_async, execute, arguments_new (sql, NULL, parameters), cancellable,
         callback, user_data);
}

/**
 * dimple_store_execute_finish:
 * @self: a store
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Store.execute_async].
 *
 * Returns: %TRUE if it ran
 */
gboolean
dimple_store_execute_finish (DimpleStore   *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  return finish_boolean (self, result, error);
}

static void
run_transaction (GTask *task)
{
  Arguments *arguments = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean succeeded = dimple_store_transaction (g_task_get_source_object (task), arguments->func, arguments->func_data,
                                                 &error);

  return_boolean (task, succeeded, error);
}

/**
 * dimple_store_transaction_async:
 * @self: a store
 * @func: (scope notified) (closure func_data) (destroy func_destroy): the work; it runs on the store's own thread
 * @func_data: for @func
 * @func_destroy: (nullable): frees @func_data; may run on any thread
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the transaction is committed or rolled back
 * @user_data: for @callback
 *
 * Runs @func in a transaction on the store's own thread.  JavaScript cannot run functions there: use a
 * [class@Batch].
 */
void
dimple_store_transaction_async (DimpleStore           *self,
                                DimpleTransactionFunc  func,
                                gpointer               func_data,
                                GDestroyNotify         func_destroy,
                                GCancellable          *cancellable,
                                GAsyncReadyCallback    callback,
                                gpointer               user_data)
{
  Arguments *arguments;

  g_return_if_fail (DIMPLE_IS_STORE (self));
  g_return_if_fail (func != NULL);

  arguments = arguments_new (NULL, NULL, NULL);
  arguments->func = func;
  arguments->func_data = func_data;
  arguments->func_destroy = func_destroy;
  start (self, self->worker, dimple_store_transaction_async, run_transaction, arguments, cancellable, callback,
         user_data);
}

/**
 * dimple_store_transaction_finish:
 * @self: a store
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Store.transaction_async].
 *
 * Returns: %TRUE if it is committed
 */
gboolean
dimple_store_transaction_finish (DimpleStore   *self,
                                 GAsyncResult  *result,
                                 GError       **error)
{
  return finish_boolean (self, result, error);
}
