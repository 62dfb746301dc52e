/* dimple-storage-check.c: "Test connection"
 *
 * Does once, with a small object of its own, each thing that sync asks of a storage.  Whatever goes wrong after the
 * object may have been stored, it is removed again if the storage still answers.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gi18n-lib.h>

#include "dimple-blocking-call-private.h"
#include "dimple-error.h"
#include "dimple-storage-private.h"
#include "dimple-uuid-private.h"

/* Without a slash, so that no empty folder is left where keys are paths */
#define CHECK_PREFIX "dimple-check-"

typedef struct
{
  char *key;
  GBytes *contents;
  GError *error;
} Check;

static void
check_free (gpointer data)
{
  Check *check = data;

  g_free (check->key);
  g_bytes_unref (check->contents);
  g_clear_error (&check->error);
  g_free (check);
}

static void
on_removed (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  Check *check = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  dimple_storage_remove_finish (DIMPLE_STORAGE (source), result, &error);
  /* The first error says what is wrong; that cleaning up failed too says nothing new */
  if (check->error != NULL)
    g_task_return_error (task, g_steal_pointer (&check->error));
  else if (error != NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_boolean (task, TRUE);
}

static void
remove_object (GTask        *task,
               GCancellable *cancellable)
{
  Check *check = g_task_get_task_data (task);
  const char * const keys[] = { check->key, NULL };

  dimple_storage_remove_async (g_task_get_source_object (task), keys, cancellable, on_removed, task);
}

/* Takes the task and the error */
static void
clean_up_and_fail (GTask  *task,
                   GError *error)
{
  Check *check = g_task_get_task_data (task);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
      g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE))
    {
      /* Nobody would want to wait for this one: it is tried, and that is all */
      const char * const keys[] = { check->key, NULL };

      dimple_storage_remove_async (g_task_get_source_object (task), keys, NULL, NULL, NULL);
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  check->error = error;
  remove_object (task, NULL);
}

static void
on_got (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  Check *check = g_task_get_task_data (task);
  g_autoptr (GBytes) contents = NULL;
  g_autoptr (GError) error = NULL;

  contents = dimple_storage_get_finish (DIMPLE_STORAGE (source), result, &error);
  if (g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND))
    {
      g_clear_error (&error);
      g_set_error_literal (&error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                           _("The storage does not find what it has just stored."));
    }
  else if (contents != NULL && !g_bytes_equal (contents, check->contents))
    {
      g_set_error_literal (&error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                           _("The storage gives back something else than it was given."));
    }

  if (error != NULL)
    clean_up_and_fail (g_steal_pointer (&task), g_steal_pointer (&error));
  else
    {
      GTask *next = g_steal_pointer (&task);

      remove_object (next, g_task_get_cancellable (next));
    }
}

static void
on_put (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  Check *check = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!dimple_storage_put_finish (DIMPLE_STORAGE (source), result, &error))
    clean_up_and_fail (g_steal_pointer (&task), g_steal_pointer (&error));
  else
    {
      GTask *next = g_steal_pointer (&task);

      dimple_storage_get_async (DIMPLE_STORAGE (source), check->key, g_task_get_cancellable (next), on_got, next);
    }
}

static void
on_listed (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  Check *check = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) keys = NULL;

  keys = dimple_storage_list_finish (DIMPLE_STORAGE (source), result, &error);
  if (keys == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    {
      GTask *next = g_steal_pointer (&task);

      dimple_storage_put_async (DIMPLE_STORAGE (source), check->key, check->contents, g_task_get_cancellable (next),
                                on_put, next);
    }
}

/**
 * dimple_storage_check_async:
 * @self: a storage
 * @cancellable: (nullable): cancels the call
 * @callback: (scope async) (closure user_data): called with the result
 * @user_data: for @callback
 *
 * Tries whether the storage does all that is needed.
 *
 * See dimple_storage_check() for the blocking form.
 */
void
dimple_storage_check_async (DimpleStorage       *self,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  GTask *task;
  Check *check;
  g_autofree char *uuid = NULL;

  g_return_if_fail (DIMPLE_IS_STORAGE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  uuid = g_uuid_string_random ();
  check = g_new0 (Check, 1);
  check->key = g_strconcat (CHECK_PREFIX, uuid, NULL);
  check->contents = g_bytes_new (uuid, DIMPLE_UUID_LENGTH);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, dimple_storage_check_async);
  g_task_set_task_data (task, check, check_free);
  /* The error that is told is the one that the storage gave */
  g_task_set_check_cancellable (task, FALSE);

  dimple_storage_list_async (self, NULL, NULL, cancellable, on_listed, task);
}

/**
 * dimple_storage_check_finish:
 * @self: a storage
 * @result: what the callback was given
 * @error: where to put an error
 *
 * Ends dimple_storage_check_async().
 *
 * Returns: whether the storage can be used; %FALSE with an error
 */
gboolean
dimple_storage_check_finish (DimpleStorage  *self,
                             GAsyncResult   *result,
                             GError        **error)
{
  g_return_val_if_fail (DIMPLE_IS_STORAGE (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, dimple_storage_check_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * dimple_storage_check:
 * @self: a storage
 * @cancellable: (nullable): cancels the call
 * @error: where to put an error
 *
 * Tries whether the storage does all that is needed; blocks.
 *
 * Lists, stores, reads and removes one small object whose name starts with `dimple-check-`: what a “Test connection”
 * button does.  The error's message is for the user.
 *
 * Returns: whether the storage can be used; %FALSE with an error
 */
gboolean
dimple_storage_check (DimpleStorage  *self,
                      GCancellable   *cancellable,
                      GError        **error)
{
  g_auto (DimpleBlockingCall) call = { NULL };

  g_return_val_if_fail (DIMPLE_IS_STORAGE (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  dimple_blocking_call_begin (&call);
  dimple_storage_check_async (self, cancellable, dimple_blocking_call_ready, &call);
  return dimple_storage_check_finish (self, dimple_blocking_call_wait (&call), error);
}
