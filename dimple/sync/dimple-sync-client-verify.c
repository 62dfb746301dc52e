/* dimple-sync-client-verify.c: the client's part in comparing a store with its storages
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-client-private.h"

#include "dimple-context-wait-private.h"
#include "dimple-post-private.h"
#include "dimple-sync-verify-private.h"

typedef struct _Verification Verification;

/* Begun and ended in the client's main context, between that on a thread of its own. */
struct _Verification
{
  DimpleSyncClient   *client;
  GCancellable       *cancellable;       /* (nullable) */
  DimpleStore        *store;
  GPtrArray          *storages;
  DimpleSyncFindings  findings;
  GError             *error;             /* (nullable) */
  void              (*done) (Verification *self);
  gpointer            user_data;
};

static Verification *
verification_new (DimpleSyncClient *client,
                  GCancellable     *cancellable,
                  void            (*done) (Verification *self),
                  gpointer          user_data)
{
  Verification *self = g_new0 (Verification, 1);

  self->client = g_object_ref (client);
  g_set_object (&self->cancellable, cancellable);
  dimple_sync_findings_init (&self->findings);
  self->done = done;
  self->user_data = user_data;
  return self;
}

static void
verification_free (Verification *self)
{
  g_object_unref (self->client);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->store);
  g_clear_pointer (&self->storages, g_ptr_array_unref);
  dimple_sync_findings_clear (&self->findings);
  g_clear_error (&self->error);
  g_free (self);
}

static gboolean
end (gpointer data)
{
  Verification *self = data;

  self->done (self);
  return G_SOURCE_REMOVE;
}

static gpointer
run_in_thread (gpointer data)
{
  Verification *self = data;
  gboolean verified = TRUE;

  for (guint i = 0; verified && i < self->storages->len; i++)
    verified = dimple_sync_verify (self->store, g_ptr_array_index (self->storages, i), &self->findings,
                                   self->cancellable, &self->error);
  /* Not here: the client may end with it. */
  dimple_post (dimple_sync_client_get_context (self->client), 0, end, self, NULL);
  return NULL;
}

static gboolean
begin (gpointer data)
{
  Verification *self = data;

  self->storages = dimple_sync_client_copy_storages (self->client);
  g_object_get (self->client, "store", &self->store, NULL);
  if (self->storages->len == 0 || self->store == NULL)
    {
      dimple_sync_client_set_not_set_up (&self->error);
      self->done (self);
    }
  else
    {
      g_thread_unref (g_thread_new ("dimple-verify", run_in_thread, self));
    }
  return G_SOURCE_REMOVE;
}

static void
verification_begin (Verification *self)
{
  GMainContext *context = dimple_sync_client_get_context (self->client);

  if (g_main_context_is_owner (context))
    begin (self);
  else
    dimple_post (context, 0, begin, self, NULL);
}

/* -- Blocking ------------------------------------------------------------------------------------------------------ */

static void
end_wait (Verification *self)
{
  dimple_context_wait_end (self->user_data);
}

/**
 * dimple_sync_client_verify:
 * @self: the client
 * @cancellable: (nullable): a cancellable
 * @differing: (out) (optional) (transfer full) (array zero-terminated=1): return location for `table/key` of the rows
 *   that differ, in order; empty if none does
 * @error: return location for an error
 *
 * Compares the store with what its storages hold, and waits for it.
 *
 * Each storage is read as a new device would: everything is fetched, and merged into an empty database with the same
 * tables.  Then of each table that is synced the digests of all its rows are compared, and only where they are not the
 * same is looked which rows differ.  So this takes as long as the first sync of a new device, and as much room in the
 * user's cache folder.  The store is only read.
 *
 * What has not been synced yet differs, too: call [method@Dimple.SyncClient.sync] before.
 *
 * An object that is damaged is set aside, to `damaged/` in the storage, and named by the error, %DIMPLE_ERROR_BAD_PACK:
 * the next sync of a device that has what was in it repairs that.  Other errors, and on which threads it can be called,
 * are as for [method@Dimple.SyncClient.sync].
 *
 * Returns: whether the comparison could be made
 */
gboolean
dimple_sync_client_verify (DimpleSyncClient   *self,
                           GCancellable       *cancellable,
                           char             ***differing,
                           GError            **error)
{
  DimpleContextWait wait;
  Verification *verification;
  gboolean verified;

  g_return_val_if_fail (DIMPLE_IS_SYNC_CLIENT (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  dimple_context_wait_init (&wait, dimple_sync_client_get_context (self));
  verification = verification_new (self, cancellable, end_wait, &wait);
  verification_begin (verification);
  dimple_context_wait_run (&wait);
  dimple_context_wait_clear (&wait);

  verified = verification->error == NULL;
  if (!verified)
    g_propagate_error (error, g_steal_pointer (&verification->error));
  if (differing != NULL)
    *differing = verified ? dimple_sync_findings_steal (&verification->findings) : NULL;
  verification_free (verification);
  return verified;
}

/* -- Async --------------------------------------------------------------------------------------------------------- */

static void
end_task (Verification *self)
{
  g_autoptr(GTask) task = self->user_data;

  if (self->error != NULL)
    g_task_return_error (task, g_steal_pointer (&self->error));
  else
    g_task_return_pointer (task, dimple_sync_findings_steal (&self->findings), (GDestroyNotify) g_strfreev);
  verification_free (self);
}

/**
 * dimple_sync_client_verify_async:
 * @self: the client
 * @cancellable: (nullable): a cancellable
 * @callback: (nullable) (scope async): called when the comparison has ended
 * @user_data: data for @callback
 *
 * Compares the store with what its storages hold.
 *
 * The async form of [method@Dimple.SyncClient.verify]; the callback comes in the thread-default main context of the
 * call.
 */
void
dimple_sync_client_verify_async (DimpleSyncClient    *self,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (DIMPLE_IS_SYNC_CLIENT (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, dimple_sync_client_verify_async);
  verification_begin (verification_new (self, cancellable, end_task, task));
}

/**
 * dimple_sync_client_verify_finish:
 * @self: the client
 * @result: what the callback was given
 * @differing: (out) (optional) (transfer full) (array zero-terminated=1): return location for `table/key` of the rows
 *   that differ, in order; empty if none does
 * @error: return location for an error
 *
 * Ends dimple_sync_client_verify_async().
 *
 * Returns: whether the comparison could be made
 */
gboolean
dimple_sync_client_verify_finish (DimpleSyncClient   *self,
                                  GAsyncResult       *result,
                                  char             ***differing,
                                  GError            **error)
{
  g_auto(GStrv) found = NULL;

  g_return_val_if_fail (DIMPLE_IS_SYNC_CLIENT (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  found = g_task_propagate_pointer (G_TASK (result), error);
  if (differing != NULL)
    *differing = g_strdupv (found);
  return found != NULL;
}
