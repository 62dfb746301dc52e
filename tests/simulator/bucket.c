/* bucket.c: storages, and all that may happen to a request
 *
 * A request may fail before its effect or after it, take long, show a listing of some time ago or only the beginning of
 * one, give half of an object, and be the last thing that its process did.  Objects are whole or not there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "dimple-task-storage-private.h"

#include "simulator.h"

#define PAST_LISTINGS 12

/* -- One device's way to one bucket -------------------------------------------------------------------------------- */

#define SIM_TYPE_STORAGE (sim_storage_get_type ())
G_DECLARE_FINAL_TYPE (SimStorage, sim_storage, SIM, STORAGE, GObject)

struct _SimStorage
{
  GObject parent_instance;

  const char *name;     /* what counts pending changes may ask for it when all else is gone */
  Bucket     *bucket;
  Device     *device;
};

static void storage_iface_init      (DimpleStorageInterface     *iface);
static void task_storage_iface_init (DimpleTaskStorageInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (SimStorage, sim_storage, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_STORAGE, storage_iface_init)
                               G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_TASK_STORAGE, task_storage_iface_init))

static const char * const operations[] = {
  [DIMPLE_STORAGE_LIST] = "LIST",
  [DIMPLE_STORAGE_GET] = "GET",
  [DIMPLE_STORAGE_PUT] = "PUT",
  [DIMPLE_STORAGE_REMOVE] = "REMOVE",
};

/* -- What is there ------------------------------------------------------------------------------------------------- */

/* As a device sees it. */
static GHashTable *
get_objects (Bucket *self,
             Device *device)
{
  return self->carrier != NULL ? carrier_get_objects (self->carrier, device) : self->objects;
}

static int
compare_keys (gconstpointer a,
              gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

static GPtrArray *
list_keys (GHashTable *objects,
           const char *prefix)
{
  GPtrArray *keys = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, objects);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      if (g_str_has_prefix (key, prefix))
        g_ptr_array_add (keys, g_strdup (key));
    }
  g_ptr_array_sort (keys, compare_keys);
  return keys;
}

GPtrArray *
bucket_get_keys (Bucket     *self,
                 const char *prefix)
{
  return list_keys (self->objects, prefix);
}

/* Without any, markers are looked at in every sync. */
static gboolean
has_packs (Bucket *self)
{
  g_autoptr(GPtrArray) keys = bucket_get_keys (self, "changes/");

  return keys->len > 0;
}

void
bucket_note_past (Bucket *self)
{
  GHashTable *keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->objects);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    g_hash_table_add (keys, g_strdup (key));
  g_queue_push_head (&self->past, keys);
  if (self->past.length > PAST_LISTINGS)
    g_hash_table_unref (g_queue_pop_tail (&self->past));
}

Bucket *
bucket_new (World      *world,
            const char *name)
{
  Bucket *self = g_new0 (Bucket, 1);

  self->world = world;
  self->name = name;
  self->objects = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  g_queue_init (&self->past);
  bucket_note_past (self);
  return self;
}

void
bucket_free (Bucket *self)
{
  g_clear_pointer (&self->carrier, carrier_free);
  g_queue_clear_full (&self->past, (GDestroyNotify) g_hash_table_unref);
  g_hash_table_unref (self->objects);
  g_clear_pointer (&self->identities, g_ptr_array_unref);
  g_free (self);
}

/* -- What may happen ----------------------------------------------------------------------------------------------- */

static GError *
make_fault (Dice *dice)
{
  static const DimpleError codes[] = {
    DIMPLE_ERROR_OFFLINE, DIMPLE_ERROR_STORAGE, DIMPLE_ERROR_DENIED, DIMPLE_ERROR_FULL, DIMPLE_ERROR_FAILED
  };

  return g_error_new (DIMPLE_ERROR, codes[dice_below (dice, G_N_ELEMENTS (codes))], "It is simulated that this fails");
}

/* Before its effect, or after it. */
static GError *
roll_fault (Device *device,
            Count   what)
{
  World *world = device->world;

  if (!device->faulty)
    return NULL;
  if (dice_chance (&device->dice, world->fault_rate))
    {
      count_add (what, 1);
      sim_trace ("      … fails %s its effect", what == COUNT_FAULT_BEFORE ? "before" : "after");
      return make_fault (&device->dice);
    }
  if (dice_chance (&device->dice, world->fault_rate / 3))
    {
      count_add (COUNT_CRASH_REQUEST, 1);
      sim_trace ("      … and the process is killed %s its effect", what == COUNT_FAULT_BEFORE ? "before" : "after");
      disk_die (device->disk);
    }
  return NULL;
}

/* Each key as it is now or as it was then. */
static gboolean
is_shown (Bucket     *self,
          Device     *device,
          const char *key,
          GHashTable *past)
{
  return g_hash_table_contains (past != NULL && dice_chance (&device->dice, 500) ? past : self->objects, key);
}

static GPtrArray *
list (Bucket *self,
      Device *device)
{
  GPtrArray *keys = list_keys (get_objects (self, device), "");
  GHashTable *past = NULL;
  GHashTableIter iter;
  gpointer key;

  if (!device->faulty)
    return keys;
  if (dice_chance (&device->dice, self->world->stale_rate))
    {
      count_add (COUNT_FAULT_STALE, 1);
      sim_trace ("      … is stale");
      past = g_queue_peek_nth (&self->past, dice_below (&device->dice, self->past.length));
      g_hash_table_iter_init (&iter, past);
      while (g_hash_table_iter_next (&iter, &key, NULL))
        {
          if (!g_hash_table_contains (self->objects, key))
            g_ptr_array_add (keys, g_strdup (key));
        }
      g_ptr_array_sort (keys, compare_keys);
      for (guint i = keys->len; i > 0; i--)
        {
          if (!is_shown (self, device, g_ptr_array_index (keys, i - 1), past))
            g_ptr_array_remove_index (keys, i - 1);
        }
    }
  if (keys->len > 0 && dice_chance (&device->dice, self->world->stale_rate / 2))
    {
      count_add (COUNT_FAULT_TRUNCATED_LIST, 1);
      sim_trace ("      … is cut short");
      g_ptr_array_set_size (keys, (int) dice_below (&device->dice, keys->len));
    }
  return keys;
}

static char **
list_page (Bucket            *self,
           Device            *device,
           DimpleTaskRequest *request)
{
  g_autoptr(GPtrArray) keys = list (self, device);
  g_autoptr(GStrvBuilder) page = g_strv_builder_new ();

  for (guint i = 0; i < keys->len; i++)
    {
      const char *key = g_ptr_array_index (keys, i);

      if (g_str_has_prefix (key, request->key) && strcmp (key, request->start_after) > 0)
        g_strv_builder_add (page, key);
    }
  return g_strv_builder_end (page);
}

DimplePack *
bucket_read_pack (Bucket     *self,
                  const char *key,
                  GBytes     *contents)
{
  g_autoptr(GBytes) opened = NULL;
  g_autofree char *name = NULL;

  if (!self->sealed)
    return dimple_pack_decode (key, contents, NULL);
  opened = seal_open (contents, self->identities);
  name = g_str_has_suffix (key, ".age") ? g_strndup (key, strlen (key) - strlen (".age")) : NULL;
  return opened != NULL && name != NULL ? dimple_pack_decode (name, opened, NULL) : NULL;
}

/* A whole one. */
gboolean
bucket_is_marker (GBytes *contents)
{
  static const char beginning[] = "{\"format\"";
  gsize size;
  const char *text = g_bytes_get_data (contents, &size);

  return size >= 20 && memcmp (text, beginning, strlen (beginning)) == 0;
}

gboolean
bucket_has_key (Bucket *self,
                GBytes *contents)
{
  g_autoptr(GPtrArray) keys = NULL;
  g_autoptr(GPtrArray) identities = g_ptr_array_new ();

  if (self->identities == NULL)
    return TRUE;
  keys = bucket_get_keys (self, "identities/");
  for (guint i = 0; i < keys->len; i++)
    {
      GBytes *object = g_hash_table_lookup (self->objects, g_ptr_array_index (keys, i));
      g_autoptr(GPtrArray) some = seal_read_identities (object);
      g_autoptr(GBytes) opened = some->len > 0 ? seal_open (contents, some) : NULL;

      if (opened != NULL)
        return TRUE;
    }
  return FALSE;
}

/* What a pack says, whatever its bytes are; NULL: nothing.  `device` (nullable) has uploaded it. */
static char *
digest (Bucket     *self,
        Device     *device,
        const char *key,
        GBytes     *contents)
{
  g_autoptr(DimplePack) pack = bucket_read_pack (self, key, contents);
  char *text;

  if (pack == NULL)
    return NULL;
  if (device != NULL)
    count_add (COUNT_PARTS, pack->name.part > 0);
  for (guint i = 0; device != NULL && i < pack->transactions->len; i++)
    g_hash_table_add (device->uploaded,
                      g_strdup (((DimpleTransaction *) g_ptr_array_index (pack->transactions, i))->id));
  text = g_malloc (DIMPLE_PACK_DIGEST_LENGTH + 1);
  dimple_pack_digest (pack, text);
  return text;
}

/* Nothing is ever overwritten by something else. */
static void
put (Bucket     *self,
     Device     *device,
     const char *key,
     GBytes     *contents)
{
  GBytes *before = g_hash_table_lookup (get_objects (self, device), key);
  g_autofree char *old = before != NULL ? digest (self, NULL, key, before) : NULL;
  g_autofree char *new = digest (self, device, key, contents);

  if (g_str_has_prefix (key, "identities/"))
    g_ptr_array_extend_and_steal (self->identities, seal_read_identities (contents));
  if (g_str_has_prefix (key, "changes/") && new == NULL)
    sim_fail ("%s was written, and cannot be read", key);
  if (old != NULL && g_strcmp0 (old, new) != 0)
    sim_fail ("%s was overwritten by something else", key);
  g_hash_table_insert (self->objects, g_strdup (key), g_bytes_ref (contents));
  if (self->carrier != NULL)
    carrier_take (self->carrier, device, key, contents);
}

static void
remove_objects (Bucket  *self,
                Device  *device,
                char   **keys)
{
  for (guint i = 0; keys[i] != NULL; i++)
    {
      g_autofree char *damaged = g_strconcat ("damaged/", keys[i], NULL);

      if (!g_hash_table_contains (get_objects (self, device), keys[i]))
        continue;
      if (!g_hash_table_contains (get_objects (self, device), damaged))
        count_add (COUNT_COMPACTIONS, 1);
      g_hash_table_remove (self->objects, keys[i]);
      if (self->carrier != NULL)
        carrier_take (self->carrier, device, keys[i], NULL);
    }
}

static GBytes *
get (Bucket     *self,
     Device     *device,
     const char *key)
{
  GBytes *contents = g_hash_table_lookup (get_objects (self, device), key);

  if (contents == NULL)
    return NULL;
  if (device->faulty && dice_chance (&device->dice, self->world->fault_rate / 4))
    {
      count_add (COUNT_FAULT_TRUNCATED_GET, 1);
      sim_trace ("      … gives only half of it");
      return g_bytes_new_from_bytes (contents, 0, g_bytes_get_size (contents) / 2);
    }
  return g_bytes_ref (contents);
}

/* -- Requests ------------------------------------------------------------------------------------------------------ */

/* Half of the time before the request's effect, the other half after it. */
static void
count_down (Device *device)
{
  if (device->requests_left >= 0 && device->requests_left-- == 0)
    device_cancel (device, COUNT_CANCELLED_AT_REQUEST);
}

static void
perform (SimStorage *self,
         GTask      *task)
{
  DimpleTaskRequest *request = dimple_task_storage_request (task);
  g_autoptr(GError) fault = roll_fault (self->device, COUNT_FAULT_BEFORE);
  g_auto(GStrv) keys = NULL;
  g_autoptr(GBytes) contents = NULL;

  count_down (self->device);
  if (fault == NULL && disk_is_dead (self->device->disk))
    fault = make_fault (&self->device->dice);
  if (fault == NULL && request->operation == DIMPLE_STORAGE_LIST)
    keys = list_page (self->bucket, self->device, request);
  if (fault == NULL && request->operation == DIMPLE_STORAGE_GET)
    contents = get (self->bucket, self->device, request->key);
  if (fault == NULL && request->operation == DIMPLE_STORAGE_PUT)
    put (self->bucket, self->device, request->key, request->contents);
  if (fault == NULL && request->operation == DIMPLE_STORAGE_REMOVE)
    remove_objects (self->bucket, self->device, request->keys);
  if (fault == NULL && (request->operation == DIMPLE_STORAGE_PUT || request->operation == DIMPLE_STORAGE_REMOVE))
    bucket_note_past (self->bucket);

  count_down (self->device);
  if (fault == NULL)
    fault = roll_fault (self->device, COUNT_FAULT_AFTER);
  if (fault == NULL && disk_is_dead (self->device->disk))
    fault = make_fault (&self->device->dice);
  if (fault == NULL && request->operation == DIMPLE_STORAGE_GET && contents == NULL)
    fault = g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND, "There is no object “%s”", request->key);

  if (fault != NULL)
    dimple_task_storage_answer_error (task, g_steal_pointer (&fault));
  else if (keys != NULL)
    dimple_task_storage_answer_keys (task, g_steal_pointer (&keys));
  else if (contents != NULL)
    dimple_task_storage_answer_contents (task, g_steal_pointer (&contents));
  else
    dimple_task_storage_answer_done (task);
}

static gboolean
on_late (gpointer user_data)
{
  GTask *task = user_data;

  perform (g_task_get_source_object (task), task);
  return G_SOURCE_REMOVE;
}

static void
sim_storage_run (DimpleTaskStorage *storage,
                 GTask             *task)
{
  SimStorage *self = SIM_STORAGE (storage);
  DimpleTaskRequest *request = dimple_task_storage_request (task);
  static const Count counts[] = {
    [DIMPLE_STORAGE_LIST] = COUNT_LISTS,
    [DIMPLE_STORAGE_GET] = COUNT_GETS,
    [DIMPLE_STORAGE_PUT] = COUNT_PUTS,
    [DIMPLE_STORAGE_REMOVE] = COUNT_REMOVALS,
  };

  if (self->device->is_cancelled)
    sim_fail ("device %u asks for %s after its sync was cancelled", self->device->number, request->key);
  self->device->running = g_task_get_cancellable (task);
  count_add (counts[request->operation], 1);
  if (has_packs (self->bucket) || !g_str_has_prefix (request->key, "dimple/"))
    self->device->n_requests[request->operation]++;
  sim_trace ("      %s %s/%s", operations[request->operation], self->bucket->name, request->key);

  /* Others are answered first. */
  if (self->device->faulty && dice_chance (&self->device->dice, 200))
    {
      g_autoptr(GSource) source = g_idle_source_new ();

      count_add (COUNT_FAULT_LATE, 1);
      g_source_set_callback (source, on_late, g_object_ref (task), g_object_unref);
      g_source_attach (source, g_task_get_context (task));
    }
  else
    {
      perform (self, task);
    }
}

static char *
sim_storage_dup_description (DimpleStorage *storage)
{
  return g_strdup (SIM_STORAGE (storage)->name);
}

static void
storage_iface_init (DimpleStorageInterface *iface)
{
  dimple_task_storage_init_iface (iface);
  iface->dup_description = sim_storage_dup_description;
}

static void
task_storage_iface_init (DimpleTaskStorageInterface *iface)
{
  iface->run = sim_storage_run;
}

static void
sim_storage_class_init (SimStorageClass *klass)
{
}

static void
sim_storage_init (SimStorage *self)
{
}

DimpleStorage *
bucket_get_storage (Bucket *self,
                    Device *device)
{
  SimStorage *storage = g_object_new (SIM_TYPE_STORAGE, NULL);

  storage->name = self->name;
  storage->bucket = self;
  storage->device = device;
  leaks_watch (storage);
  return self->sealed ? seal_storage (DIMPLE_STORAGE (storage), self->identities != NULL) : DIMPLE_STORAGE (storage);
}
