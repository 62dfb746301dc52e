/* dimple-local-storage.c: objects as files in a folder
 *
 * The requests are done by threads of the storage's own: GIO's async calls and g_task_run_in_thread() share ten threads
 * with the rest of the process, and a long listing, or a drive that hangs, would keep one of those.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gi18n-lib.h>

#include "dimple-local-folder-private.h"
#include "dimple-local-storage.h"
#include "dimple-task-storage-private.h"

#define N_THREADS 8

/**
 * DimpleLocalStorage:
 *
 * A storage in a folder: one that Nextcloud or Syncthing carries to other devices, a USB stick, or a network drive.
 *
 * Each object is a file whose path is its key.  Letters other than a to z, and whatever some file system does not take
 * in names, are written as `=` and two hexadecimal digits.  Files that Dimple did not write are left alone; those with
 * names that no key has are not listed.  Since a folder has one thing under a name, an object `a` and an object `a/b`
 * cannot both be stored: %DIMPLE_ERROR_STORAGE.
 *
 * An object is on the disk, and outlasts a power cut, once it is stored.  A folder that is not there, such as one on a
 * stick that is not plugged in, is %DIMPLE_ERROR_NO_SUCH_STORAGE: only folders below it are made.
 *
 * It can be used from any thread, and never blocks the main loop.
 */
struct _DimpleLocalStorage
{
  GObject parent_instance;

  GFile *folder;
  GThreadPool *threads;
};

enum
{
  PROP_FOLDER = 1,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static void storage_iface_init      (DimpleStorageInterface     *iface);
static void task_storage_iface_init (DimpleTaskStorageInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (DimpleLocalStorage, dimple_local_storage, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_STORAGE, storage_iface_init)
                               G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_TASK_STORAGE, task_storage_iface_init))

static void
run_in_thread (gpointer data,
               gpointer user_data)
{
  g_autoptr (GTask) task = data;
  DimpleTaskRequest *request = dimple_task_storage_request (task);
  GFile *folder = DIMPLE_LOCAL_STORAGE (g_task_get_source_object (task))->folder;
  GCancellable *cancellable = g_task_get_cancellable (task);
  GError *error = NULL;
  char **keys;
  GBytes *contents;

  if (dimple_task_storage_is_answered (task))
    return;

  switch (request->operation)
    {
    case DIMPLE_STORAGE_LIST:
      keys = dimple_local_folder_list (folder, request->key, request->start_after, cancellable, &error);
      if (keys != NULL)
        dimple_task_storage_answer_keys (task, keys);
      break;

    case DIMPLE_STORAGE_PUT:
      if (dimple_local_folder_put (folder, request->key, request->contents, cancellable, &error))
        dimple_task_storage_answer_done (task);
      break;

    case DIMPLE_STORAGE_GET:
      contents = dimple_local_folder_get (folder, request->key, cancellable, &error);
      if (contents != NULL)
        dimple_task_storage_answer_contents (task, contents);
      break;

    case DIMPLE_STORAGE_REMOVE:
      if (dimple_local_folder_remove (folder, (const char * const *) request->keys, cancellable, &error))
        dimple_task_storage_answer_done (task);
      break;

    default:
      g_assert_not_reached ();
    }

  if (error != NULL)
    dimple_task_storage_answer_error (task, error);
}

static void
dimple_local_storage_run (DimpleTaskStorage *storage,
                          GTask             *task)
{
  DimpleLocalStorage *self = DIMPLE_LOCAL_STORAGE (storage);

  /* If no thread can be started now, one that runs takes it later */
  g_thread_pool_push (self->threads, g_object_ref (task), NULL);
}

static char *
dimple_local_storage_dup_description (DimpleStorage *storage)
{
  DimpleLocalStorage *self = DIMPLE_LOCAL_STORAGE (storage);
  g_autofree char *name = g_file_get_parse_name (self->folder);

  /* The address of a network drive may hold a password */
  if (!g_file_is_native (self->folder))
    {
      g_autoptr (GUri) uri = g_uri_parse (name, G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_PARSE_RELAXED, NULL);

      if (uri != NULL)
        {
          g_free (name);
          name = g_uri_to_string_partial (uri, G_URI_HIDE_PASSWORD | G_URI_HIDE_AUTH_PARAMS | G_URI_HIDE_QUERY);
        }
    }

  return g_strdup_printf (_("Folder %s"), name);
}

static void
dimple_local_storage_finalize (GObject *object)
{
  DimpleLocalStorage *self = DIMPLE_LOCAL_STORAGE (object);

  /* No task is left, for each holds a reference; but this may be one of the threads, so don't wait for them */
  g_thread_pool_free (self->threads, FALSE, FALSE);
  g_clear_object (&self->folder);

  G_OBJECT_CLASS (dimple_local_storage_parent_class)->finalize (object);
}

static void
dimple_local_storage_get_property (GObject    *object,
                                   guint       property_id,
                                   GValue     *value,
                                   GParamSpec *pspec)
{
  DimpleLocalStorage *self = DIMPLE_LOCAL_STORAGE (object);

  switch (property_id)
    {
    case PROP_FOLDER:
      g_value_set_object (value, self->folder);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
dimple_local_storage_set_property (GObject      *object,
                                   guint         property_id,
                                   const GValue *value,
                                   GParamSpec   *pspec)
{
  DimpleLocalStorage *self = DIMPLE_LOCAL_STORAGE (object);

  switch (property_id)
    {
    case PROP_FOLDER:
      self->folder = g_value_dup_object (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
dimple_local_storage_class_init (DimpleLocalStorageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = dimple_local_storage_finalize;
  object_class->get_property = dimple_local_storage_get_property;
  object_class->set_property = dimple_local_storage_set_property;

  /**
   * DimpleLocalStorage:folder:
   *
   * The folder that the objects are in.
   */
  properties[PROP_FOLDER] =
    g_param_spec_object ("folder", NULL, NULL, G_TYPE_FILE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
storage_iface_init (DimpleStorageInterface *iface)
{
  dimple_task_storage_init_iface (iface);
  iface->dup_description = dimple_local_storage_dup_description;
}

static void
task_storage_iface_init (DimpleTaskStorageInterface *iface)
{
  iface->run = dimple_local_storage_run;
}

static void
dimple_local_storage_init (DimpleLocalStorage *self)
{
  self->threads = g_thread_pool_new (run_in_thread, NULL, N_THREADS, FALSE, NULL);
}

/**
 * dimple_local_storage_new:
 * @folder: the folder, local or of a GVfs mount; it need not be there yet
 *
 * Makes a storage in a folder.
 *
 * Returns: (transfer full) (type DimpleLocalStorage): the storage
 */
DimpleStorage *
dimple_local_storage_new (GFile *folder)
{
  g_return_val_if_fail (G_IS_FILE (folder), NULL);

  return g_object_new (DIMPLE_TYPE_LOCAL_STORAGE, "folder", folder, NULL);
}
