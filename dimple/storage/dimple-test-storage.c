/* dimple-test-storage.c: a storage that counts, delays and fails, for tests
 *
 * Each request goes the same way: counted, delayed, failed before its effect or forwarded, and then perhaps failed
 * after its effect.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-task-storage-private.h"
#include "dimple-test.h"

#define FAULT_KEY "dimple-test-storage-fault"

typedef struct
{
  DimpleStorageOperation operation;
  guint after;
  gboolean applied;
  GError *error;
} Fault;

/**
 * DimpleTestStorage:
 *
 * A storage for tests: forwards to another one, counts requests, makes them slow, and makes them fail.
 *
 * It can be used from any thread.
 */
struct _DimpleTestStorage
{
  GObject parent_instance;

  DimpleStorage *storage;
  GMutex mutex;                 /* of what is below */
  GQueue faults;                /* of Fault, oldest first */
  guint latency;
  guint n_requests;
};

static void storage_iface_init      (DimpleStorageInterface     *iface);
static void task_storage_iface_init (DimpleTaskStorageInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (DimpleTestStorage, dimple_test_storage, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_STORAGE, storage_iface_init)
                               G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_TASK_STORAGE, task_storage_iface_init))

enum
{
  PROP_STORAGE = 1,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static void
fault_free (gpointer data)
{
  Fault *fault = data;

  g_error_free (fault->error);
  g_free (fault);
}

/* (nullable): the fault of this request; the other ones for its operation come a request nearer */
static Fault *
take_fault (DimpleTestStorage      *self,
            DimpleStorageOperation  operation)
{
  GList *due = NULL;
  Fault *fault;

  for (GList *l = self->faults.head; l != NULL; l = l->next)
    {
      fault = l->data;
      if (fault->operation == operation && fault->after == 0 && due == NULL)
        due = l;
      else if (fault->operation == operation && fault->after > 0)
        fault->after--;
    }

  if (due == NULL)
    return NULL;
  fault = due->data;
  g_queue_delete_link (&self->faults, due);
  return fault;
}

static void
on_answer (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  DimpleStorage *storage = DIMPLE_STORAGE (source);
  g_autoptr (GTask) task = user_data;
  Fault *fault = g_object_get_data (G_OBJECT (task), FAULT_KEY);
  g_auto (GStrv) keys = NULL;
  g_autoptr (GBytes) contents = NULL;
  g_autoptr (GError) error = NULL;

  switch (dimple_task_storage_request (task)->operation)
    {
    case DIMPLE_STORAGE_LIST:
      keys = dimple_storage_list_finish (storage, result, &error);
      break;

    case DIMPLE_STORAGE_PUT:
      dimple_storage_put_finish (storage, result, &error);
      break;

    case DIMPLE_STORAGE_GET:
      contents = dimple_storage_get_finish (storage, result, &error);
      break;

    case DIMPLE_STORAGE_REMOVE:
      dimple_storage_remove_finish (storage, result, &error);
      break;

    default:
      g_assert_not_reached ();
    }

  if (error != NULL)
    dimple_task_storage_answer_error (task, g_steal_pointer (&error));
  else if (fault != NULL)
    dimple_task_storage_answer_error (task, g_error_copy (fault->error));
  else if (keys != NULL)
    dimple_task_storage_answer_keys (task, g_steal_pointer (&keys));
  else if (contents != NULL)
    dimple_task_storage_answer_contents (task, g_steal_pointer (&contents));
  else
    dimple_task_storage_answer_done (task);
}

static void
forward (GTask *task)
{
  DimpleTestStorage *self = g_task_get_source_object (task);
  DimpleTaskRequest *request = dimple_task_storage_request (task);
  GCancellable *cancellable = g_task_get_cancellable (task);

  g_object_ref (task);
  switch (request->operation)
    {
    case DIMPLE_STORAGE_LIST:
      dimple_storage_list_async (self->storage, request->key, request->start_after, cancellable, on_answer, task);
      break;

    case DIMPLE_STORAGE_PUT:
      dimple_storage_put_async (self->storage, request->key, request->contents, cancellable, on_answer, task);
      break;

    case DIMPLE_STORAGE_GET:
      dimple_storage_get_async (self->storage, request->key, cancellable, on_answer, task);
      break;

    case DIMPLE_STORAGE_REMOVE:
      dimple_storage_remove_async (self->storage, (const char * const *) request->keys, cancellable, on_answer, task);
      break;

    default:
      g_assert_not_reached ();
    }
}

static void
forward_or_fail (GTask *task)
{
  Fault *fault = g_object_get_data (G_OBJECT (task), FAULT_KEY);

  if (dimple_task_storage_is_answered (task) || g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    return;

  if (fault != NULL && !fault->applied)
    dimple_task_storage_answer_error (task, g_error_copy (fault->error));
  else
    forward (task);
}

static gboolean
on_delayed (gpointer user_data)
{
  forward_or_fail (user_data);
  return G_SOURCE_REMOVE;
}

/* A cancellation ends the wait; the caller has been told by then, or is about to be */
static void
delay (GTask *task,
       guint  milliseconds)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  g_autoptr (GSource) timeout = g_timeout_source_new (milliseconds);

  if (cancellable != NULL)
    {
      g_autoptr (GSource) cancellation = g_cancellable_source_new (cancellable);

      g_source_set_dummy_callback (cancellation);
      g_source_add_child_source (timeout, cancellation);
    }

  g_source_set_static_name (timeout, "[Dimple] latency of a test storage");
  g_source_set_callback (timeout, on_delayed, g_object_ref (task), g_object_unref);
  g_source_attach (timeout, g_task_get_context (task));
}

static void
dimple_test_storage_run (DimpleTaskStorage *storage,
                         GTask             *task)
{
  DimpleTestStorage *self = DIMPLE_TEST_STORAGE (storage);
  Fault *fault;
  guint latency;

  g_mutex_lock (&self->mutex);
  self->n_requests++;
  latency = self->latency;
  fault = take_fault (self, dimple_task_storage_request (task)->operation);
  g_mutex_unlock (&self->mutex);

  if (fault != NULL)
    g_object_set_data_full (G_OBJECT (task), FAULT_KEY, fault, fault_free);

  if (latency > 0)
    delay (task, latency);
  else
    forward_or_fail (task);
}

static char *
dimple_test_storage_dup_description (DimpleStorage *storage)
{
  return dimple_storage_dup_description (DIMPLE_TEST_STORAGE (storage)->storage);
}

static void
dimple_test_storage_finalize (GObject *object)
{
  DimpleTestStorage *self = DIMPLE_TEST_STORAGE (object);

  g_queue_clear_full (&self->faults, fault_free);
  g_mutex_clear (&self->mutex);
  g_clear_object (&self->storage);

  G_OBJECT_CLASS (dimple_test_storage_parent_class)->finalize (object);
}

static void
dimple_test_storage_get_property (GObject    *object,
                                  guint       property_id,
                                  GValue     *value,
                                  GParamSpec *pspec)
{
  DimpleTestStorage *self = DIMPLE_TEST_STORAGE (object);

  switch (property_id)
    {
    case PROP_STORAGE:
      g_value_set_object (value, self->storage);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
dimple_test_storage_set_property (GObject      *object,
                                  guint         property_id,
                                  const GValue *value,
                                  GParamSpec   *pspec)
{
  DimpleTestStorage *self = DIMPLE_TEST_STORAGE (object);

  switch (property_id)
    {
    case PROP_STORAGE:
      self->storage = g_value_dup_object (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
dimple_test_storage_class_init (DimpleTestStorageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = dimple_test_storage_finalize;
  object_class->get_property = dimple_test_storage_get_property;
  object_class->set_property = dimple_test_storage_set_property;

  /**
   * DimpleTestStorage:storage:
   *
   * Where requests are forwarded to.
   */
  properties[PROP_STORAGE] =
    g_param_spec_object ("storage", NULL, NULL, DIMPLE_TYPE_STORAGE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
storage_iface_init (DimpleStorageInterface *iface)
{
  dimple_task_storage_init_iface (iface);
  iface->dup_description = dimple_test_storage_dup_description;
}

static void
task_storage_iface_init (DimpleTaskStorageInterface *iface)
{
  iface->run = dimple_test_storage_run;
}

static void
dimple_test_storage_init (DimpleTestStorage *self)
{
  g_mutex_init (&self->mutex);
  g_queue_init (&self->faults);
}

/**
 * dimple_test_storage_new:
 * @storage: where to forward requests to
 *
 * Makes a storage for tests.
 *
 * Returns: (transfer full) (type DimpleTestStorage): the storage
 */
DimpleStorage *
dimple_test_storage_new (DimpleStorage *storage)
{
  g_return_val_if_fail (DIMPLE_IS_STORAGE (storage), NULL);

  return g_object_new (DIMPLE_TYPE_TEST_STORAGE, "storage", storage, NULL);
}

static void
drop_faults_of (DimpleTestStorage      *self,
                DimpleStorageOperation  operation)
{
  GList *next;

  for (GList *l = self->faults.head; l != NULL; l = next)
    {
      Fault *fault = l->data;

      next = l->next;
      if (fault->operation == operation)
        {
          g_queue_delete_link (&self->faults, l);
          fault_free (fault);
        }
    }
}

/**
 * dimple_test_storage_fail:
 * @self: a test storage
 * @operation: which requests
 * @after: how many of them, from now on, come before the one that fails: 0 for the next one
 * @applied: whether the request has its effect, and only the answer is lost
 * @error: (nullable): what the request fails with; %NULL to make no more requests of @operation fail
 *
 * Makes one request fail.
 *
 * Call it again to make others fail too: each call is good for one request.
 */
void
dimple_test_storage_fail (DimpleTestStorage      *self,
                          DimpleStorageOperation  operation,
                          guint                   after,
                          gboolean                applied,
                          const GError           *error)
{
  g_autoptr (GMutexLocker) locker = NULL;
  Fault *fault;

  g_return_if_fail (DIMPLE_IS_TEST_STORAGE (self));

  locker = g_mutex_locker_new (&self->mutex);
  if (error == NULL)
    {
      drop_faults_of (self, operation);
      return;
    }

  fault = g_new (Fault, 1);
  fault->operation = operation;
  fault->after = after;
  fault->applied = applied;
  fault->error = g_error_copy (error);
  g_queue_push_tail (&self->faults, fault);
}

/**
 * dimple_test_storage_set_latency:
 * @self: a test storage
 * @milliseconds: how long each request waits before it is forwarded
 *
 * Makes requests slow.
 */
void
dimple_test_storage_set_latency (DimpleTestStorage *self,
                                 guint              milliseconds)
{
  g_return_if_fail (DIMPLE_IS_TEST_STORAGE (self));

  g_mutex_lock (&self->mutex);
  self->latency = milliseconds;
  g_mutex_unlock (&self->mutex);
}

/**
 * dimple_test_storage_get_n_requests:
 * @self: a test storage
 *
 * Counts requests of all operations, failed ones too.
 *
 * Removing several objects is one request.
 *
 * Returns: the number of requests so far
 */
guint
dimple_test_storage_get_n_requests (DimpleTestStorage *self)
{
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (DIMPLE_IS_TEST_STORAGE (self), 0);

  locker = g_mutex_locker_new (&self->mutex);
  return self->n_requests;
}
