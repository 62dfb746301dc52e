/* dimple-storage.c: what is the same for every storage
 *
 * The async forms check their arguments and hand them to the implementation; the blocking ones run the async ones in a
 * main context of their own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-blocking-call-private.h"
#include "dimple-error.h"
#include "dimple-storage-private.h"

/**
 * DimpleStorage:
 *
 * A place that holds objects by name: a bucket, a folder, or what an app makes of it.
 *
 * An object is a series of bytes under a key, which is UTF-8 text of at most 1024 bytes in segments divided by `/`.  A
 * key is not empty, neither starts nor ends with `/`, has no segment that is empty, `.` or `..`, and no ASCII control
 * character; another one fails with %DIMPLE_ERROR_PARAMETERS.
 *
 * Sync needs little of a storage: an object is stored whole or not at all, and once stored it is listed *eventually*.
 * There are no locks and no conditional writes, and nothing is ever overwritten with something else.
 *
 * Every operation has a blocking form, which can be called on any thread, and an async one, whose callback comes in the
 * thread-default main context of the call.  Several calls may be under way at once.  A cancelled call fails with
 * %G_IO_ERROR_CANCELLED (it may have had its effect), every other error is one of [error@Dimple.Error]:
 *
 * - %DIMPLE_ERROR_OFFLINE: the storage cannot be reached now
 * - %DIMPLE_ERROR_DENIED: it refuses what is asked
 * - %DIMPLE_ERROR_NO_SUCH_STORAGE: the bucket or folder does not exist
 * - %DIMPLE_ERROR_FULL: it has no space left
 * - %DIMPLE_ERROR_STORAGE: anything else that is wrong with it
 *
 * [class@Dimple.MemoryStorage], [class@Dimple.LocalStorage] and S3 come with Dimple; [class@Dimple.CustomStorage] is
 * for one of your own, in any language.
 */
G_DEFINE_INTERFACE (DimpleStorage, dimple_storage, G_TYPE_OBJECT)

static void
dimple_storage_default_init (DimpleStorageInterface *iface)
{
}

/* TRUE if the call ends here, and the callback has been scheduled */
static gboolean
reject_call (DimpleStorage       *self,
             GError              *error,
             GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             user_data,
             gpointer             source_tag)
{
  g_autoptr (GError) fault = error;

  if (fault == NULL && !g_cancellable_set_error_if_cancelled (cancellable, &fault))
    return FALSE;

  g_task_report_error (self, callback, user_data, source_tag, g_steal_pointer (&fault));
  return TRUE;
}

/* A listing out of order would make its reader skip objects, or never end */
static gboolean
is_ascending (char **keys)
{
  for (gsize i = 0; keys[0] != NULL && keys[i + 1] != NULL; i++)
    if (strcmp (keys[i], keys[i + 1]) >= 0)
      return FALSE;

  return TRUE;
}

/**
 * dimple_storage_list_async:
 * @self: a storage
 * @prefix: (nullable): what the keys start with, %NULL for all
 * @start_after: (nullable): only keys that sort after this one, in byte order; %NULL for all
 * @cancellable: (nullable): cancels the call
 * @callback: (scope async) (closure user_data): called with the result
 * @user_data: for @callback
 *
 * Lists keys.
 *
 * See dimple_storage_list() for the blocking form.
 */
void
dimple_storage_list_async (DimpleStorage       *self,
                           const char          *prefix,
                           const char          *start_after,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  GError *error = NULL;

  g_return_if_fail (DIMPLE_IS_STORAGE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  if (prefix == NULL)
    prefix = "";
  if (start_after == NULL)
    start_after = "";

  if (dimple_storage_validate_prefix (prefix, &error))
    dimple_storage_validate_prefix (start_after, &error);
  if (!reject_call (self, error, cancellable, callback, user_data, dimple_storage_list_async))
    DIMPLE_STORAGE_GET_IFACE (self)->list_async (self, prefix, start_after, cancellable, callback, user_data);
}

/**
 * dimple_storage_list_finish:
 * @self: a storage
 * @result: what the callback was given
 * @error: where to put an error
 *
 * Ends dimple_storage_list_async().
 *
 * Returns: (transfer full) (array zero-terminated=1): the keys in byte order, as many as one request gives; an empty
 *   array if there are no more; %NULL with an error
 */
char **
dimple_storage_list_finish (DimpleStorage  *self,
                            GAsyncResult   *result,
                            GError        **error)
{
  g_auto (GStrv) keys = NULL;
  g_autoptr (GError) local_error = NULL;

  g_return_val_if_fail (DIMPLE_IS_STORAGE (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  if (g_async_result_is_tagged (result, dimple_storage_list_async))
    return g_task_propagate_pointer (G_TASK (result), error);

  keys = DIMPLE_STORAGE_GET_IFACE (self)->list_finish (self, result, &local_error);
  if (keys == NULL)
    {
      dimple_storage_translate_error (&local_error);
      g_propagate_error (error, g_steal_pointer (&local_error));
      return NULL;
    }
  if (!is_ascending (keys))
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                           _("The storage lists its objects in the wrong order, so they cannot be read."));
      return NULL;
    }
  return g_steal_pointer (&keys);
}

/**
 * dimple_storage_list:
 * @self: a storage
 * @prefix: (nullable): what the keys start with, %NULL for all
 * @start_after: (nullable): only keys that sort after this one, in byte order; %NULL for all
 * @cancellable: (nullable): cancels the call
 * @error: where to put an error
 *
 * Lists keys; blocks.
 *
 * One call gives as many keys as one request does, at most 1000 with the storages of Dimple.  Ask again with the last
 * key as @start_after until the array is empty:
 *
 * ```c
 * g_autofree char *last = NULL;
 *
 * while (TRUE)
 *   {
 *     g_auto (GStrv) keys = dimple_storage_list (storage, "changes/", last, NULL, &error);
 *     guint n_keys = keys != NULL ? g_strv_length (keys) : 0;
 *
 *     if (n_keys == 0)
 *       break;
 *     g_free (last);
 *     last = g_strdup (keys[n_keys - 1]);
 *     …
 *   }
 * ```
 *
 * Returns: (transfer full) (array zero-terminated=1): the keys in byte order; an empty array if there are no more;
 *   %NULL with an error
 */
char **
dimple_storage_list (DimpleStorage  *self,
                     const char     *prefix,
                     const char     *start_after,
                     GCancellable   *cancellable,
                     GError        **error)
{
  g_auto (DimpleBlockingCall) call = { NULL };

  g_return_val_if_fail (DIMPLE_IS_STORAGE (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  dimple_blocking_call_begin (&call);
  dimple_storage_list_async (self, prefix, start_after, cancellable, dimple_blocking_call_ready, &call);
  return dimple_storage_list_finish (self, dimple_blocking_call_wait (&call), error);
}

/**
 * dimple_storage_put_async:
 * @self: a storage
 * @key: the name of the object
 * @contents: its contents
 * @cancellable: (nullable): cancels the call
 * @callback: (scope async) (closure user_data): called with the result
 * @user_data: for @callback
 *
 * Stores an object.
 *
 * See dimple_storage_put() for the blocking form.
 */
void
dimple_storage_put_async (DimpleStorage       *self,
                          const char          *key,
                          GBytes              *contents,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  GError *error = NULL;

  g_return_if_fail (DIMPLE_IS_STORAGE (self));
  g_return_if_fail (key != NULL);
  g_return_if_fail (contents != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  dimple_storage_validate_key (key, &error);
  if (!reject_call (self, error, cancellable, callback, user_data, dimple_storage_put_async))
    DIMPLE_STORAGE_GET_IFACE (self)->put_async (self, key, contents, cancellable, callback, user_data);
}

/**
 * dimple_storage_put_finish:
 * @self: a storage
 * @result: what the callback was given
 * @error: where to put an error
 *
 * Ends dimple_storage_put_async().
 *
 * Returns: whether the object is stored; %FALSE with an error, and then it may be stored all the same (an answer can
 *   get lost)
 */
gboolean
dimple_storage_put_finish (DimpleStorage  *self,
                           GAsyncResult   *result,
                           GError        **error)
{
  g_autoptr (GError) local_error = NULL;

  g_return_val_if_fail (DIMPLE_IS_STORAGE (self), FALSE);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), FALSE);

  if (g_async_result_is_tagged (result, dimple_storage_put_async))
    return g_task_propagate_boolean (G_TASK (result), error);
  if (DIMPLE_STORAGE_GET_IFACE (self)->put_finish (self, result, &local_error))
    return TRUE;

  dimple_storage_translate_error (&local_error);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/**
 * dimple_storage_put:
 * @self: a storage
 * @key: the name of the object
 * @contents: its contents
 * @cancellable: (nullable): cancels the call
 * @error: where to put an error
 *
 * Stores an object in place of the one of that name, if there is one; blocks.
 *
 * The object is stored whole or not at all: nobody ever reads half of it.
 *
 * Returns: whether the object is stored; %FALSE with an error, and then it may be stored all the same (an answer can
 *   get lost)
 */
gboolean
dimple_storage_put (DimpleStorage  *self,
                    const char     *key,
                    GBytes         *contents,
                    GCancellable   *cancellable,
                    GError        **error)
{
  g_auto (DimpleBlockingCall) call = { NULL };

  g_return_val_if_fail (DIMPLE_IS_STORAGE (self), FALSE);
  g_return_val_if_fail (key != NULL, FALSE);
  g_return_val_if_fail (contents != NULL, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  dimple_blocking_call_begin (&call);
  dimple_storage_put_async (self, key, contents, cancellable, dimple_blocking_call_ready, &call);
  return dimple_storage_put_finish (self, dimple_blocking_call_wait (&call), error);
}

/**
 * dimple_storage_get_async:
 * @self: a storage
 * @key: the name of the object
 * @cancellable: (nullable): cancels the call
 * @callback: (scope async) (closure user_data): called with the result
 * @user_data: for @callback
 *
 * Reads an object.
 *
 * See dimple_storage_get() for the blocking form.
 */
void
dimple_storage_get_async (DimpleStorage       *self,
                          const char          *key,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  GError *error = NULL;

  g_return_if_fail (DIMPLE_IS_STORAGE (self));
  g_return_if_fail (key != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  dimple_storage_validate_key (key, &error);
  if (!reject_call (self, error, cancellable, callback, user_data, dimple_storage_get_async))
    DIMPLE_STORAGE_GET_IFACE (self)->get_async (self, key, cancellable, callback, user_data);
}

/**
 * dimple_storage_get_finish:
 * @self: a storage
 * @result: what the callback was given
 * @error: where to put an error
 *
 * Ends dimple_storage_get_async().
 *
 * Returns: (transfer full): the contents; %NULL with an error, %DIMPLE_ERROR_NOT_FOUND if there is no such object
 */
GBytes *
dimple_storage_get_finish (DimpleStorage  *self,
                           GAsyncResult   *result,
                           GError        **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GBytes) contents = NULL;

  g_return_val_if_fail (DIMPLE_IS_STORAGE (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  if (g_async_result_is_tagged (result, dimple_storage_get_async))
    return g_task_propagate_pointer (G_TASK (result), error);

  contents = DIMPLE_STORAGE_GET_IFACE (self)->get_finish (self, result, &local_error);
  if (contents != NULL)
    return g_steal_pointer (&contents);

  dimple_storage_translate_error (&local_error);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}

/**
 * dimple_storage_get:
 * @self: a storage
 * @key: the name of the object
 * @cancellable: (nullable): cancels the call
 * @error: where to put an error
 *
 * Reads an object; blocks.
 *
 * Returns: (transfer full): the contents; %NULL with an error, %DIMPLE_ERROR_NOT_FOUND if there is no such object
 */
GBytes *
dimple_storage_get (DimpleStorage  *self,
                    const char     *key,
                    GCancellable   *cancellable,
                    GError        **error)
{
  g_auto (DimpleBlockingCall) call = { NULL };

  g_return_val_if_fail (DIMPLE_IS_STORAGE (self), NULL);
  g_return_val_if_fail (key != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  dimple_blocking_call_begin (&call);
  dimple_storage_get_async (self, key, cancellable, dimple_blocking_call_ready, &call);
  return dimple_storage_get_finish (self, dimple_blocking_call_wait (&call), error);
}

/**
 * dimple_storage_remove_async:
 * @self: a storage
 * @keys: (array zero-terminated=1): the names of the objects
 * @cancellable: (nullable): cancels the call
 * @callback: (scope async) (closure user_data): called with the result
 * @user_data: for @callback
 *
 * Removes objects.
 *
 * See dimple_storage_remove() for the blocking form.
 */
void
dimple_storage_remove_async (DimpleStorage       *self,
                             const char * const  *keys,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  GError *error = NULL;

  g_return_if_fail (DIMPLE_IS_STORAGE (self));
  g_return_if_fail (keys != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  for (gsize i = 0; keys[i] != NULL && error == NULL; i++)
    dimple_storage_validate_key (keys[i], &error);

  if (reject_call (self, error, cancellable, callback, user_data, dimple_storage_remove_async))
    return;

  if (keys[0] != NULL)
    DIMPLE_STORAGE_GET_IFACE (self)->remove_async (self, keys, cancellable, callback, user_data);
  else
    {
      g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

      g_task_set_source_tag (task, dimple_storage_remove_async);
      g_task_return_boolean (task, TRUE);
    }
}

/**
 * dimple_storage_remove_finish:
 * @self: a storage
 * @result: what the callback was given
 * @error: where to put an error
 *
 * Ends dimple_storage_remove_async().
 *
 * Returns: whether all of the objects are gone; %FALSE with an error, and then any of them may be gone
 */
gboolean
dimple_storage_remove_finish (DimpleStorage  *self,
                              GAsyncResult   *result,
                              GError        **error)
{
  g_autoptr (GError) local_error = NULL;

  g_return_val_if_fail (DIMPLE_IS_STORAGE (self), FALSE);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), FALSE);

  if (g_async_result_is_tagged (result, dimple_storage_remove_async))
    return g_task_propagate_boolean (G_TASK (result), error);
  if (DIMPLE_STORAGE_GET_IFACE (self)->remove_finish (self, result, &local_error))
    return TRUE;

  dimple_storage_translate_error (&local_error);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/**
 * dimple_storage_remove:
 * @self: a storage
 * @keys: (array zero-terminated=1): the names of the objects
 * @cancellable: (nullable): cancels the call
 * @error: where to put an error
 *
 * Removes objects; blocks.
 *
 * An object that is not there counts as removed.
 *
 * Returns: whether all of the objects are gone; %FALSE with an error, and then any of them may be gone
 */
gboolean
dimple_storage_remove (DimpleStorage       *self,
                       const char * const  *keys,
                       GCancellable        *cancellable,
                       GError             **error)
{
  g_auto (DimpleBlockingCall) call = { NULL };

  g_return_val_if_fail (DIMPLE_IS_STORAGE (self), FALSE);
  g_return_val_if_fail (keys != NULL, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  dimple_blocking_call_begin (&call);
  dimple_storage_remove_async (self, keys, cancellable, dimple_blocking_call_ready, &call);
  return dimple_storage_remove_finish (self, dimple_blocking_call_wait (&call), error);
}

/**
 * dimple_storage_dup_description:
 * @self: a storage
 *
 * Says where the storage is, for the user, in their language: “Bucket notes at s3.example.org”.
 *
 * There is never a secret in it.
 *
 * Returns: (transfer full): a text without markup
 */
char *
dimple_storage_dup_description (DimpleStorage *self)
{
  g_return_val_if_fail (DIMPLE_IS_STORAGE (self), NULL);

  return DIMPLE_STORAGE_GET_IFACE (self)->dup_description (self);
}
