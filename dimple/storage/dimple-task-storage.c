/* dimple-task-storage.c: storages that take each request as a task
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-task-storage-private.h"

G_DEFINE_INTERFACE (DimpleTaskStorage, dimple_task_storage, DIMPLE_TYPE_STORAGE)

static void
dimple_task_storage_default_init (DimpleTaskStorageInterface *iface)
{
}

static void
request_free (gpointer data)
{
  DimpleTaskRequest *request = data;

  g_free (request->key);
  g_free (request->start_after);
  g_strfreev (request->keys);
  g_clear_pointer (&request->contents, g_bytes_unref);
  g_clear_pointer (&request->cancellation, g_source_unref);
  g_free (request);
}

/* TRUE for one caller: the answer and the cancellation may race */
static gboolean
claim_answer (GTask *task)
{
  DimpleTaskRequest *request = dimple_task_storage_request (task);

  if (!g_atomic_int_compare_and_exchange (&request->answered, FALSE, TRUE))
    return FALSE;

  if (request->cancellation != NULL)
    g_source_destroy (request->cancellation);
  return TRUE;
}

static gboolean
on_cancelled (GCancellable *cancellable,
              gpointer      user_data)
{
  GTask *task = user_data;

  if (claim_answer (task))
    g_task_return_error_if_cancelled (task);
  return G_SOURCE_REMOVE;
}

static void
watch_cancellable (GTask *task)
{
  DimpleTaskRequest *request = dimple_task_storage_request (task);
  GCancellable *cancellable = g_task_get_cancellable (task);

  if (cancellable == NULL)
    return;

  request->cancellation = g_cancellable_source_new (cancellable);
  g_source_set_callback (request->cancellation, G_SOURCE_FUNC (on_cancelled), g_object_ref (task), g_object_unref);
  g_source_attach (request->cancellation, g_task_get_context (task));
}

/* Takes the request */
static void
run (DimpleStorage       *self,
     DimpleTaskRequest   *request,
     GCancellable        *cancellable,
     GAsyncReadyCallback  callback,
     gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, run);
  g_task_set_task_data (task, request, request_free);
  watch_cancellable (task);
  DIMPLE_TASK_STORAGE_GET_IFACE (self)->run (DIMPLE_TASK_STORAGE (self), task);
}

static DimpleTaskRequest *
request_new (DimpleStorageOperation  operation,
             const char * const     *keys)
{
  DimpleTaskRequest *request = g_new0 (DimpleTaskRequest, 1);

  request->operation = operation;
  request->key = g_strdup (keys[0]);
  request->keys = g_strdupv ((char **) keys);
  return request;
}

static DimpleTaskRequest *
request_new_for_key (DimpleStorageOperation  operation,
                     const char             *key)
{
  const char * const keys[] = { key, NULL };

  return request_new (operation, keys);
}

static void
dimple_task_storage_list_async (DimpleStorage       *storage,
                                const char          *prefix,
                                const char          *start_after,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  DimpleTaskRequest *request = g_new0 (DimpleTaskRequest, 1);

  request->operation = DIMPLE_STORAGE_LIST;
  request->key = g_strdup (prefix);
  request->keys = g_new0 (char *, 1);
  request->start_after = g_strdup (start_after);
  run (storage, request, cancellable, callback, user_data);
}

static void
dimple_task_storage_put_async (DimpleStorage       *storage,
                               const char          *key,
                               GBytes              *contents,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  DimpleTaskRequest *request = request_new_for_key (DIMPLE_STORAGE_PUT, key);

  request->contents = g_bytes_ref (contents);
  run (storage, request, cancellable, callback, user_data);
}

static void
dimple_task_storage_get_async (DimpleStorage       *storage,
                               const char          *key,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  run (storage, request_new_for_key (DIMPLE_STORAGE_GET, key), cancellable, callback, user_data);
}

static void
dimple_task_storage_remove_async (DimpleStorage       *storage,
                                  const char * const  *keys,
                                  GCancellable        *cancellable,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data)
{
  run (storage, request_new (DIMPLE_STORAGE_REMOVE, keys), cancellable, callback, user_data);
}

static gboolean
finish_boolean (DimpleStorage  *storage,
                GAsyncResult   *result,
                GError        **error)
{
  g_return_val_if_fail (g_task_is_valid (result, storage), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static char **
finish_keys (DimpleStorage  *storage,
             GAsyncResult   *result,
             GError        **error)
{
  g_return_val_if_fail (g_task_is_valid (result, storage), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

static GBytes *
finish_contents (DimpleStorage  *storage,
                 GAsyncResult   *result,
                 GError        **error)
{
  g_return_val_if_fail (g_task_is_valid (result, storage), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

void
dimple_task_storage_init_iface (DimpleStorageInterface *iface)
{
  iface->list_async = dimple_task_storage_list_async;
  iface->list_finish = finish_keys;
  iface->put_async = dimple_task_storage_put_async;
  iface->put_finish = finish_boolean;
  iface->get_async = dimple_task_storage_get_async;
  iface->get_finish = finish_contents;
  iface->remove_async = dimple_task_storage_remove_async;
  iface->remove_finish = finish_boolean;
}

DimpleTaskRequest *
dimple_task_storage_request (GTask *task)
{
  return g_task_get_task_data (task);
}

gboolean
dimple_task_storage_is_answered (GTask *task)
{
  return g_atomic_int_get (&dimple_task_storage_request (task)->answered);
}

void
dimple_task_storage_answer_keys (GTask  *task,
                                 char  **keys)
{
  if (claim_answer (task))
    g_task_return_pointer (task, keys, (GDestroyNotify) g_strfreev);
  else
    g_strfreev (keys);
}

void
dimple_task_storage_answer_contents (GTask  *task,
                                     GBytes *contents)
{
  if (claim_answer (task))
    g_task_return_pointer (task, contents, (GDestroyNotify) g_bytes_unref);
  else
    g_bytes_unref (contents);
}

void
dimple_task_storage_answer_done (GTask *task)
{
  if (claim_answer (task))
    g_task_return_boolean (task, TRUE);
}

void
dimple_task_storage_answer_error (GTask  *task,
                                  GError *error)
{
  if (claim_answer (task))
    g_task_return_error (task, error);
  else
    g_error_free (error);
}
