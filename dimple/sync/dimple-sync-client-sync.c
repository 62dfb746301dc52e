/* dimple-sync-client-sync.c: syncing when the app asks for it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-client-private.h"

/**
 * dimple_sync_client_sync:
 * @self: the client
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Syncs with all storages, and waits for it.
 *
 * If a sync is under way, waits for that one's end instead.  One storage that fails does not stop the others, and what
 * was moved before a failure stays moved; the first error is returned in the end.  The next sync repairs whatever was
 * left undone.
 *
 * Can be called on any thread.  If no other thread runs the main context in which the client was made, this one does so
 * meanwhile, as storages of the app's own are called there: then other sources of that context, such as timers and
 * drawing, are dispatched during the call.  In an app with a main loop use dimple_sync_client_sync_async().
 *
 * A cancelled call fails with %G_IO_ERROR_CANCELLED, every other error is one of [error@Dimple.Error], such as
 * %DIMPLE_ERROR_OFFLINE, %DIMPLE_ERROR_DENIED, %DIMPLE_ERROR_REPOSITORY or %DIMPLE_ERROR_PASSPHRASE; without a storage
 * it is %DIMPLE_ERROR_NO_SUCH_STORAGE.
 *
 * Returns: whether all storages and the store have the same now
 */
gboolean
dimple_sync_client_sync (DimpleSyncClient  *self,
                         GCancellable      *cancellable,
                         GError           **error)
{
  g_return_val_if_fail (DIMPLE_IS_SYNC_CLIENT (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return dimple_sync_runner_run (dimple_sync_client_get_runner (self), G_OBJECT (self), cancellable, error);
}

static void
end_task (const GError *error,
          gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;

  if (error != NULL)
    g_task_return_error (task, g_error_copy (error));
  else
    g_task_return_boolean (task, TRUE);
}

/**
 * dimple_sync_client_sync_async:
 * @self: the client
 * @cancellable: (nullable): a cancellable
 * @callback: (nullable) (scope async): called when the sync has ended
 * @user_data: data for @callback
 *
 * Syncs with all storages.
 *
 * The async form of [method@Dimple.SyncClient.sync]; the callback comes in the thread-default main context of the call.
 */
void
dimple_sync_client_sync_async (DimpleSyncClient    *self,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (DIMPLE_IS_SYNC_CLIENT (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, dimple_sync_client_sync_async);
  /* What was done is told, also if it was cancelled just then. */
  g_task_set_check_cancellable (task, FALSE);
  dimple_sync_runner_request (dimple_sync_client_get_runner (self), G_OBJECT (self), cancellable, end_task, task);
}

/**
 * dimple_sync_client_sync_finish:
 * @self: the client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends dimple_sync_client_sync_async().
 *
 * Returns: whether all storages and the store have the same now
 */
gboolean
dimple_sync_client_sync_finish (DimpleSyncClient  *self,
                                GAsyncResult      *result,
                                GError           **error)
{
  g_return_val_if_fail (DIMPLE_IS_SYNC_CLIENT (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
