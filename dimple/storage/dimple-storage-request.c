/* dimple-storage-request.c: one request to a storage of the app's own
 *
 * The request object belongs to the app and holds the task, which the caller may have ended meanwhile by cancelling.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gi18n-lib.h>

#include "dimple-error.h"
#include "dimple-storage-request-private.h"
#include "dimple-task-storage-private.h"

/**
 * DimpleStorageRequest:
 *
 * What a [class@Dimple.CustomStorage] is asked to do.
 *
 * It is answered exactly once: by [method@Dimple.StorageRequest.complete_list] for %DIMPLE_STORAGE_LIST, by
 * [method@Dimple.StorageRequest.complete] for the other operations, or by [method@Dimple.StorageRequest.fail].  That
 * may be at once or later, in any order, and from any thread.  A request that the app lets go of without an answer
 * fails by itself.
 */
struct _DimpleStorageRequest
{
  GObject parent_instance;

  GTask *task;
  int answered;         /* atomic; by the app, even if the caller was no longer waiting */
};

G_DEFINE_FINAL_TYPE (DimpleStorageRequest, dimple_storage_request, G_TYPE_OBJECT)

DimpleStorageRequest *
dimple_storage_request_new (GTask *task)
{
  DimpleStorageRequest *self = g_object_new (DIMPLE_TYPE_STORAGE_REQUEST, NULL);

  self->task = g_object_ref (task);
  return self;
}

gboolean
dimple_storage_request_is_answered (DimpleStorageRequest *self)
{
  return g_atomic_int_get (&self->answered);
}

/* A second answer is a mistake of the app, one to a cancelled call is not */
static gboolean
claim_answer (DimpleStorageRequest *self,
              const char           *function)
{
  if (g_atomic_int_compare_and_exchange (&self->answered, FALSE, TRUE))
    return TRUE;

  g_critical ("%s: the request has already been answered", function);
  return FALSE;
}

static void
dimple_storage_request_dispose (GObject *object)
{
  DimpleStorageRequest *self = DIMPLE_STORAGE_REQUEST (object);

  if (self->task != NULL && !dimple_storage_request_is_answered (self))
    {
      self->answered = TRUE;
      dimple_task_storage_answer_error (self->task,
                                        g_error_new_literal (DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                                                             _("The app's storage gave no answer to a request.")));
    }

  G_OBJECT_CLASS (dimple_storage_request_parent_class)->dispose (object);
}

static void
dimple_storage_request_finalize (GObject *object)
{
  DimpleStorageRequest *self = DIMPLE_STORAGE_REQUEST (object);

  g_clear_object (&self->task);

  G_OBJECT_CLASS (dimple_storage_request_parent_class)->finalize (object);
}

static void
dimple_storage_request_class_init (DimpleStorageRequestClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = dimple_storage_request_dispose;
  object_class->finalize = dimple_storage_request_finalize;
}

static void
dimple_storage_request_init (DimpleStorageRequest *self)
{
}

/**
 * dimple_storage_request_get_operation:
 * @self: a request
 *
 * Says what is asked.
 *
 * Returns: the operation
 */
DimpleStorageOperation
dimple_storage_request_get_operation (DimpleStorageRequest *self)
{
  g_return_val_if_fail (DIMPLE_IS_STORAGE_REQUEST (self), DIMPLE_STORAGE_LIST);

  return dimple_task_storage_request (self->task)->operation;
}

/**
 * dimple_storage_request_get_key:
 * @self: a request
 *
 * Gives the name of the object to store or read, the first of those to remove, or the prefix of what to list.
 *
 * A prefix may be empty; it may end anywhere, also within a name.
 *
 * Returns: (transfer none): the key
 */
const char *
dimple_storage_request_get_key (DimpleStorageRequest *self)
{
  g_return_val_if_fail (DIMPLE_IS_STORAGE_REQUEST (self), NULL);

  return dimple_task_storage_request (self->task)->key;
}

/**
 * dimple_storage_request_get_keys:
 * @self: a request
 *
 * Gives the names of the objects that the request is about: all those to remove, or the one to store or read.
 *
 * Returns: (transfer none) (array zero-terminated=1): the keys; empty for %DIMPLE_STORAGE_LIST
 */
const char * const *
dimple_storage_request_get_keys (DimpleStorageRequest *self)
{
  g_return_val_if_fail (DIMPLE_IS_STORAGE_REQUEST (self), NULL);

  return (const char * const *) dimple_task_storage_request (self->task)->keys;
}

/**
 * dimple_storage_request_get_start_after:
 * @self: a request
 *
 * Gives the key after which a listing goes on.
 *
 * Returns: (transfer none) (nullable): the key, empty for a listing from the start; %NULL for other operations
 */
const char *
dimple_storage_request_get_start_after (DimpleStorageRequest *self)
{
  g_return_val_if_fail (DIMPLE_IS_STORAGE_REQUEST (self), NULL);

  return dimple_task_storage_request (self->task)->start_after;
}

/**
 * dimple_storage_request_get_contents:
 * @self: a request
 *
 * Gives what to store.
 *
 * Returns: (transfer none) (nullable): the contents; %NULL for operations other than %DIMPLE_STORAGE_PUT
 */
GBytes *
dimple_storage_request_get_contents (DimpleStorageRequest *self)
{
  g_return_val_if_fail (DIMPLE_IS_STORAGE_REQUEST (self), NULL);

  return dimple_task_storage_request (self->task)->contents;
}

/**
 * dimple_storage_request_get_cancellable:
 * @self: a request
 *
 * Gives what is cancelled when nobody waits for the answer any more.
 *
 * It may be ignored: the caller is told at once, and an answer that comes later is dropped.
 *
 * Returns: (transfer none) (nullable): the cancellable
 */
GCancellable *
dimple_storage_request_get_cancellable (DimpleStorageRequest *self)
{
  g_return_val_if_fail (DIMPLE_IS_STORAGE_REQUEST (self), NULL);

  return g_task_get_cancellable (self->task);
}

/**
 * dimple_storage_request_complete:
 * @self: a request
 * @contents: (nullable): what was read, for %DIMPLE_STORAGE_GET; %NULL for the other operations
 *
 * Answers that what was asked is done.
 *
 * An object that is not there is no answer to %DIMPLE_STORAGE_GET: use [method@Dimple.StorageRequest.fail] with
 * %DIMPLE_ERROR_NOT_FOUND.
 */
void
dimple_storage_request_complete (DimpleStorageRequest *self,
                                 GBytes               *contents)
{
  DimpleStorageOperation operation;

  g_return_if_fail (DIMPLE_IS_STORAGE_REQUEST (self));

  operation = dimple_storage_request_get_operation (self);
  g_return_if_fail (operation != DIMPLE_STORAGE_LIST);
  g_return_if_fail (operation != DIMPLE_STORAGE_GET || contents != NULL);

  if (!claim_answer (self, G_STRFUNC))
    return;

  if (operation == DIMPLE_STORAGE_GET)
    dimple_task_storage_answer_contents (self->task, g_bytes_ref (contents));
  else
    dimple_task_storage_answer_done (self->task);
}

/**
 * dimple_storage_request_complete_list:
 * @self: a request
 * @keys: (array zero-terminated=1): the keys, in any order
 *
 * Answers a request of %DIMPLE_STORAGE_LIST.
 *
 * The keys are sorted here, and those that were not asked for are left out, so it is enough to give all keys there are.
 * A storage of many objects gives a page: the next ones, in byte order, after
 * [method@Dimple.StorageRequest.get_start_after].  No key at all says that the listing has come to its end.
 */
void
dimple_storage_request_complete_list (DimpleStorageRequest *self,
                                      const char * const   *keys)
{
  DimpleTaskRequest *request;
  g_autoptr (GPtrArray) copies = NULL;

  g_return_if_fail (DIMPLE_IS_STORAGE_REQUEST (self));
  g_return_if_fail (keys != NULL);
  g_return_if_fail (dimple_storage_request_get_operation (self) == DIMPLE_STORAGE_LIST);

  if (!claim_answer (self, G_STRFUNC))
    return;

  copies = g_ptr_array_new_with_free_func (g_free);
  for (gsize i = 0; keys[i] != NULL; i++)
    g_ptr_array_add (copies, g_strdup (keys[i]));

  request = dimple_task_storage_request (self->task);
  dimple_task_storage_answer_keys (self->task,
                                   dimple_storage_page_of_keys (copies, request->key, request->start_after));
}

/**
 * dimple_storage_request_fail:
 * @self: a request
 * @error: what went wrong
 *
 * Answers that what was asked cannot be done.
 *
 * Use one of [error@Dimple.Error], with a message for the user: %DIMPLE_ERROR_NOT_FOUND for an object to read that is
 * not there, %DIMPLE_ERROR_OFFLINE if it is worth trying again by itself later, %DIMPLE_ERROR_DENIED,
 * %DIMPLE_ERROR_FULL, %DIMPLE_ERROR_NO_SUCH_STORAGE or %DIMPLE_ERROR_STORAGE otherwise.  Errors of GIO are translated.
 */
void
dimple_storage_request_fail (DimpleStorageRequest *self,
                             const GError         *error)
{
  g_return_if_fail (DIMPLE_IS_STORAGE_REQUEST (self));
  g_return_if_fail (error != NULL);

  if (claim_answer (self, G_STRFUNC))
    dimple_task_storage_answer_error (self->task, g_error_copy (error));
}
