/* dimple-requests.c: several requests to a storage at once, made and awaited by one thread
 *
 * A sync is straight code on a thread of its own.  This is where it waits: the storages' callbacks come in the thread's
 * own main context, which runs only here.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-requests-private.h"

struct _DimpleRequests
{
  GMainContext *context;
  GCancellable *cancellable;
  GQueue        answered;        /* of DimpleRequest */
  guint         n_open;          /* asked and not yet handed out by wait() */
  guint         n_unanswered;
};

/* What a storage's callback gets. */
typedef struct
{
  DimpleRequests *requests;
  DimpleRequest  *request;
} Call;

void
dimple_request_free (DimpleRequest *self)
{
  g_free (self->key);
  g_strfreev (self->keys);
  g_clear_pointer (&self->contents, g_bytes_unref);
  g_clear_error (&self->error);
  g_free (self);
}

DimpleRequests *
dimple_requests_new (GCancellable *cancellable)
{
  DimpleRequests *self = g_new0 (DimpleRequests, 1);

  g_set_object (&self->cancellable, cancellable);
  g_queue_init (&self->answered);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  return self;
}

void
dimple_requests_free (DimpleRequests *self)
{
  /* A callback that comes later would find nothing. */
  while (self->n_unanswered > 0)
    g_main_context_iteration (self->context, TRUE);
  /* What requests left to do, such as closing a connection. */
  while (g_main_context_iteration (self->context, FALSE))
    ;
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
  g_queue_clear_full (&self->answered, (GDestroyNotify) dimple_request_free);
  g_clear_object (&self->cancellable);
  g_free (self);
}

static void
answer (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  g_autofree Call *call = user_data;
  DimpleStorage *storage = DIMPLE_STORAGE (source);
  DimpleRequest *request = call->request;

  switch (request->operation)
    {
    case DIMPLE_STORAGE_LIST:
      request->keys = dimple_storage_list_finish (storage, result, &request->error);
      break;
    case DIMPLE_STORAGE_GET:
      request->contents = dimple_storage_get_finish (storage, result, &request->error);
      break;
    case DIMPLE_STORAGE_PUT:
      dimple_storage_put_finish (storage, result, &request->error);
      break;
    case DIMPLE_STORAGE_REMOVE:
    default:
      dimple_storage_remove_finish (storage, result, &request->error);
    }
  call->requests->n_unanswered--;
  g_queue_push_tail (&call->requests->answered, request);
}

static Call *
begin (DimpleRequests         *self,
       DimpleStorageOperation  operation,
       const char             *key)
{
  Call *call = g_new0 (Call, 1);

  call->requests = self;
  call->request = g_new0 (DimpleRequest, 1);
  call->request->operation = operation;
  call->request->key = g_strdup (key);
  self->n_open++;
  self->n_unanswered++;
  return call;
}

void
dimple_requests_list (DimpleRequests *self,
                      DimpleStorage  *storage,
                      const char     *prefix,
                      const char     *start_after)
{
  dimple_storage_list_async (storage, prefix, start_after, self->cancellable, answer,
                             begin (self, DIMPLE_STORAGE_LIST, prefix));
}

void
dimple_requests_get (DimpleRequests *self,
                     DimpleStorage  *storage,
                     const char     *key)
{
  dimple_storage_get_async (storage, key, self->cancellable, answer, begin (self, DIMPLE_STORAGE_GET, key));
}

void
dimple_requests_put (DimpleRequests *self,
                     DimpleStorage  *storage,
                     const char     *key,
                     GBytes         *contents,
                     guint           weight)
{
  Call *call = begin (self, DIMPLE_STORAGE_PUT, key);

  call->request->contents = g_bytes_ref (contents);
  call->request->weight = weight;
  dimple_storage_put_async (storage, key, contents, self->cancellable, answer, call);
}

void
dimple_requests_remove (DimpleRequests     *self,
                        DimpleStorage      *storage,
                        const char * const *keys)
{
  dimple_storage_remove_async (storage, keys, self->cancellable, answer, begin (self, DIMPLE_STORAGE_REMOVE, keys[0]));
}

guint
dimple_requests_get_n_open (DimpleRequests *self)
{
  return self->n_open;
}

DimpleRequest *
dimple_requests_wait (DimpleRequests *self)
{
  g_return_val_if_fail (self->n_open > 0, NULL);

  while (g_queue_is_empty (&self->answered))
    g_main_context_iteration (self->context, TRUE);
  self->n_open--;
  return g_queue_pop_head (&self->answered);
}

/* The answer to the one request that is under way; NULL and its error if it failed. */
static DimpleRequest *
wait_for_success (DimpleRequests  *self,
                  GError         **error)
{
  g_autoptr(DimpleRequest) request = dimple_requests_wait (self);

  g_return_val_if_fail (self->n_open == 0, NULL);
  if (request->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&request->error));
      return NULL;
    }
  return g_steal_pointer (&request);
}

char **
dimple_requests_list_now (DimpleRequests  *self,
                          DimpleStorage   *storage,
                          const char      *prefix,
                          const char      *start_after,
                          GError         **error)
{
  g_autoptr(DimpleRequest) request = NULL;

  dimple_requests_list (self, storage, prefix, start_after);
  request = wait_for_success (self, error);
  return request != NULL ? g_steal_pointer (&request->keys) : NULL;
}

GBytes *
dimple_requests_get_now (DimpleRequests  *self,
                         DimpleStorage   *storage,
                         const char      *key,
                         GError         **error)
{
  g_autoptr(DimpleRequest) request = NULL;

  dimple_requests_get (self, storage, key);
  request = wait_for_success (self, error);
  return request != NULL ? g_steal_pointer (&request->contents) : NULL;
}

gboolean
dimple_requests_put_now (DimpleRequests  *self,
                         DimpleStorage   *storage,
                         const char      *key,
                         GBytes          *contents,
                         GError         **error)
{
  g_autoptr(DimpleRequest) request = NULL;

  dimple_requests_put (self, storage, key, contents, 0);
  request = wait_for_success (self, error);
  return request != NULL;
}

gboolean
dimple_requests_remove_now (DimpleRequests      *self,
                            DimpleStorage       *storage,
                            const char * const  *keys,
                            GError             **error)
{
  g_autoptr(DimpleRequest) request = NULL;

  dimple_requests_remove (self, storage, keys);
  request = wait_for_success (self, error);
  return request != NULL;
}
