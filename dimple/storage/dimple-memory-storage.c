/* dimple-memory-storage.c: objects in memory
 *
 * A tree from key to contents.  Nothing takes long, so requests are answered where they are made.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-memory-storage.h"
#include "dimple-task-storage-private.h"

/**
 * DimpleMemoryStorage:
 *
 * A storage that lasts as long as the object: for tests, and to try sync out.
 *
 * It can be used from any thread.
 */
struct _DimpleMemoryStorage
{
  GObject parent_instance;

  GMutex mutex;
  GTree *objects;       /* key -> GBytes */
};

static void storage_iface_init      (DimpleStorageInterface     *iface);
static void task_storage_iface_init (DimpleTaskStorageInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (DimpleMemoryStorage, dimple_memory_storage, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_STORAGE, storage_iface_init)
                               G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_TASK_STORAGE, task_storage_iface_init))

static char **
list_keys (DimpleMemoryStorage *self,
           const char          *prefix,
           const char          *start_after)
{
  g_autoptr (GStrvBuilder) keys = g_strv_builder_new ();
  GTreeNode *node;

  if (strcmp (start_after, prefix) < 0)
    node = g_tree_lower_bound (self->objects, prefix);
  else
    node = g_tree_upper_bound (self->objects, start_after);

  for (guint n = 0; node != NULL && n < DIMPLE_STORAGE_PAGE_SIZE; n++)
    {
      const char *key = g_tree_node_key (node);

      if (!g_str_has_prefix (key, prefix))
        break;
      g_strv_builder_add (keys, key);
      node = g_tree_node_next (node);
    }

  return g_strv_builder_end (keys);
}

static void
dimple_memory_storage_run (DimpleTaskStorage *storage,
                           GTask             *task)
{
  DimpleMemoryStorage *self = DIMPLE_MEMORY_STORAGE (storage);
  DimpleTaskRequest *request = dimple_task_storage_request (task);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);
  GBytes *contents;

  switch (request->operation)
    {
    case DIMPLE_STORAGE_LIST:
      dimple_task_storage_answer_keys (task, list_keys (self, request->key, request->start_after));
      break;

    case DIMPLE_STORAGE_PUT:
      g_tree_replace (self->objects, g_strdup (request->key), g_bytes_ref (request->contents));
      dimple_task_storage_answer_done (task);
      break;

    case DIMPLE_STORAGE_GET:
      contents = g_tree_lookup (self->objects, request->key);
      if (contents != NULL)
        dimple_task_storage_answer_contents (task, g_bytes_ref (contents));
      else
        dimple_task_storage_answer_error (task, dimple_storage_not_found_error (request->key));
      break;

    case DIMPLE_STORAGE_REMOVE:
      for (gsize i = 0; request->keys[i] != NULL; i++)
        g_tree_remove (self->objects, request->keys[i]);
      dimple_task_storage_answer_done (task);
      break;

    default:
      g_assert_not_reached ();
    }
}

static char *
dimple_memory_storage_dup_description (DimpleStorage *storage)
{
  return g_strdup (_("Memory of this program"));
}

static void
dimple_memory_storage_finalize (GObject *object)
{
  DimpleMemoryStorage *self = DIMPLE_MEMORY_STORAGE (object);

  g_tree_unref (self->objects);
  g_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (dimple_memory_storage_parent_class)->finalize (object);
}

static void
dimple_memory_storage_class_init (DimpleMemoryStorageClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = dimple_memory_storage_finalize;
}

static void
storage_iface_init (DimpleStorageInterface *iface)
{
  dimple_task_storage_init_iface (iface);
  iface->dup_description = dimple_memory_storage_dup_description;
}

static void
task_storage_iface_init (DimpleTaskStorageInterface *iface)
{
  iface->run = dimple_memory_storage_run;
}

static int
compare_keys (gconstpointer a,
              gconstpointer b,
              gpointer      user_data)
{
  return strcmp (a, b);
}

static void
dimple_memory_storage_init (DimpleMemoryStorage *self)
{
  g_mutex_init (&self->mutex);
  self->objects = g_tree_new_full (compare_keys, NULL, g_free, (GDestroyNotify) g_bytes_unref);
}

/**
 * dimple_memory_storage_new:
 *
 * Makes an empty storage in memory.
 *
 * Returns: (transfer full) (type DimpleMemoryStorage): the storage
 */
DimpleStorage *
dimple_memory_storage_new (void)
{
  return g_object_new (DIMPLE_TYPE_MEMORY_STORAGE, NULL);
}
