/* dimple-custom-storage.c: a storage of the app's own, in any language
 *
 * Python cannot hand the callback of an async function to a GTask, and JS cannot implement such functions at all.  So
 * each request is an object here, given to the app by a signal or a virtual function, in the thread in which the
 * storage was made: JS may not be called in any other.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gi18n-lib.h>

#include "dimple-custom-storage.h"
#include "dimple-error.h"
#include "dimple-storage-request-private.h"
#include "dimple-task-storage-private.h"

typedef struct
{
  GThread *thread;
  GMainContext *context;
} DimpleCustomStoragePrivate;

/**
 * DimpleCustomStorage:
 *
 * A storage that the app implements, in C or any other language.
 *
 * Connect to [signal@Dimple.CustomStorage::request], or derive a class and override `request`.  Either is given a
 * [class@Dimple.StorageRequest] for each thing to do, and answers it at once or later:
 *
 * ```python
 * class DictStorage(Dimple.CustomStorage):
 *     def __init__(self):
 *         super().__init__()
 *         self.objects = {}
 *
 *     def do_request(self, request):
 *         operation = request.get_operation()
 *         if operation == Dimple.StorageOperation.LIST:
 *             request.complete_list(list(self.objects))
 *         elif operation == Dimple.StorageOperation.PUT:
 *             self.objects[request.get_key()] = request.get_contents()
 *             request.complete(None)
 *         elif operation == Dimple.StorageOperation.GET:
 *             contents = self.objects.get(request.get_key())
 *             if contents is not None:
 *                 request.complete(contents)
 *             else:
 *                 request.fail(GLib.Error.new_literal(Dimple.Error.quark(), 'There is no such object.',
 *                                                     Dimple.Error.NOT_FOUND))
 *         elif operation == Dimple.StorageOperation.REMOVE:
 *             for key in request.get_keys():
 *                 self.objects.pop(key, None)
 *             request.complete(None)
 * ```
 *
 * What sync needs: an object is stored whole or not at all, and is listed eventually once it is stored; removing one
 * that is not there is no error.  Keys have been checked and are what [iface@Dimple.Storage] says.  Several requests
 * may be under way at once.
 *
 * Requests come in the thread in which the storage was made, whose main context must run if they are made in other
 * threads, as sync does.  A blocking call such as [method@Dimple.Storage.check] in that thread itself waits in a main
 * context of its own: then answer at once, or by async calls of GIO that are started in the handler; what waits for the
 * app's main loop would wait for ever.
 */
static void storage_iface_init      (DimpleStorageInterface     *iface);
static void task_storage_iface_init (DimpleTaskStorageInterface *iface);

G_DEFINE_TYPE_WITH_CODE (DimpleCustomStorage, dimple_custom_storage, G_TYPE_OBJECT,
                         G_ADD_PRIVATE (DimpleCustomStorage)
                         G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_STORAGE, storage_iface_init)
                         G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_TASK_STORAGE, task_storage_iface_init))

enum
{
  SIGNAL_REQUEST,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static void
give_to_app (GTask *task)
{
  DimpleCustomStorage *self = g_task_get_source_object (task);
  g_autoptr (DimpleStorageRequest) request = dimple_storage_request_new (task);
  gboolean handled = FALSE;

  g_signal_emit (self, signals[SIGNAL_REQUEST], 0, request, &handled);
  /* A handler that has answered has handled it, whatever it returned */
  if (!handled && !dimple_storage_request_is_answered (request))
    DIMPLE_CUSTOM_STORAGE_GET_CLASS (self)->request (self, request);
}

static gboolean
on_turn (gpointer user_data)
{
  GTask *task = user_data;

  if (!dimple_task_storage_is_answered (task))
    give_to_app (task);
  return G_SOURCE_REMOVE;
}

static void
dimple_custom_storage_run (DimpleTaskStorage *storage,
                           GTask             *task)
{
  DimpleCustomStorage *self = DIMPLE_CUSTOM_STORAGE (storage);
  DimpleCustomStoragePrivate *priv = dimple_custom_storage_get_instance_private (self);
  g_autoptr (GSource) turn = NULL;

  if (g_thread_self () == priv->thread)
    {
      give_to_app (task);
      return;
    }

  turn = g_idle_source_new ();
  g_source_set_priority (turn, G_PRIORITY_DEFAULT);
  g_source_set_callback (turn, on_turn, g_object_ref (task), g_object_unref);
  g_source_set_static_name (turn, "[Dimple] request of a custom storage");
  g_source_attach (turn, priv->context);
}

static void
dimple_custom_storage_request (DimpleCustomStorage  *self,
                               DimpleStorageRequest *request)
{
  g_autoptr (GError) error =
    g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                 _("The app's storage did not take a request: no handler of “request” returned true, and %s does not "
                   "override it."),
                 G_OBJECT_TYPE_NAME (self));

  dimple_storage_request_fail (request, error);
}

static char *
dimple_custom_storage_dup_description (DimpleStorage *storage)
{
  const char *name = g_get_application_name ();

  return name != NULL ? g_strdup_printf (_("Storage of %s"), name) : g_strdup (_("Storage of this app"));
}

static void
dimple_custom_storage_finalize (GObject *object)
{
  DimpleCustomStorage *self = DIMPLE_CUSTOM_STORAGE (object);
  DimpleCustomStoragePrivate *priv = dimple_custom_storage_get_instance_private (self);

  g_thread_unref (priv->thread);
  g_main_context_unref (priv->context);

  G_OBJECT_CLASS (dimple_custom_storage_parent_class)->finalize (object);
}

static void
dimple_custom_storage_class_init (DimpleCustomStorageClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = dimple_custom_storage_finalize;
  klass->request = dimple_custom_storage_request;

  /**
   * DimpleCustomStorage::request:
   * @self: the storage
   * @request: what to do
   *
   * Asks the app to do something with the objects.
   *
   * Comes in the thread in which the storage was made.
   *
   * Returns: whether the request is, or will be, answered by this handler; others are not asked then
   */
  signals[SIGNAL_REQUEST] =
    g_signal_new ("request", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                  g_signal_accumulator_true_handled, NULL, NULL,
                  G_TYPE_BOOLEAN, 1, DIMPLE_TYPE_STORAGE_REQUEST);
}

static void
storage_iface_init (DimpleStorageInterface *iface)
{
  dimple_task_storage_init_iface (iface);
  iface->dup_description = dimple_custom_storage_dup_description;
}

static void
task_storage_iface_init (DimpleTaskStorageInterface *iface)
{
  iface->run = dimple_custom_storage_run;
}

static void
dimple_custom_storage_init (DimpleCustomStorage *self)
{
  DimpleCustomStoragePrivate *priv = dimple_custom_storage_get_instance_private (self);

  priv->thread = g_thread_ref (g_thread_self ());
  priv->context = g_main_context_ref_thread_default ();
}

/**
 * dimple_custom_storage_new:
 *
 * Makes a storage whose requests are answered by handlers of [signal@Dimple.CustomStorage::request].
 *
 * Returns: (transfer full) (type DimpleCustomStorage): the storage
 */
DimpleStorage *
dimple_custom_storage_new (void)
{
  return g_object_new (DIMPLE_TYPE_CUSTOM_STORAGE, NULL);
}
