/* dimple-live-objects.c: the row objects that somebody holds
 *
 * Objects may be let go of on any thread (a garbage collector's), so they are held by GWeakRefs and not by callbacks.
 * What is dead is swept out whenever the table has grown to twice what was alive at the last sweep.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-live-objects-private.h"

#define MIN_SWEEP 128

typedef struct
{
  gint64   id;
  GWeakRef object;
} Entry;

struct _DimpleLiveObjects
{
  GHashTable *entries;      /* of Entry by its id */
  guint       sweep_at;
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_weak_ref_clear (&entry->object);
  g_free (entry);
}

DimpleLiveObjects *
dimple_live_objects_new (void)
{
  DimpleLiveObjects *self = g_new0 (DimpleLiveObjects, 1);

  self->entries = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, entry_free);
  self->sweep_at = MIN_SWEEP;
  return self;
}

void
dimple_live_objects_free (DimpleLiveObjects *self)
{
  g_hash_table_unref (self->entries);
  g_free (self);
}

GObject *
dimple_live_objects_get (DimpleLiveObjects *self,
                         gint64             id)
{
  Entry *entry = g_hash_table_lookup (self->entries, &id);

  return entry != NULL ? g_weak_ref_get (&entry->object) : NULL;
}

static gboolean
is_dead (gpointer key,
         gpointer value,
         gpointer user_data)
{
  g_autoptr(GObject) object = g_weak_ref_get (&((Entry *) value)->object);

  return object == NULL;
}

static void
sweep (DimpleLiveObjects *self)
{
  if (g_hash_table_size (self->entries) < self->sweep_at)
    return;
  g_hash_table_foreach_remove (self->entries, is_dead, NULL);
  self->sweep_at = MAX (MIN_SWEEP, 2 * g_hash_table_size (self->entries));
}

void
dimple_live_objects_add (DimpleLiveObjects *self,
                         gint64             id,
                         GObject           *object)
{
  Entry *entry = g_hash_table_lookup (self->entries, &id);

  if (entry != NULL)
    {
      g_weak_ref_set (&entry->object, object);
      return;
    }
  sweep (self);
  entry = g_new0 (Entry, 1);
  entry->id = id;
  g_weak_ref_init (&entry->object, object);
  g_hash_table_insert (self->entries, &entry->id, entry);
}

void
dimple_live_objects_forget (DimpleLiveObjects *self,
                            gint64             id)
{
  g_hash_table_remove (self->entries, &id);
}

void
dimple_live_objects_forget_all (DimpleLiveObjects *self)
{
  g_hash_table_remove_all (self->entries);
}

GArray *
dimple_live_objects_dup_ids (DimpleLiveObjects *self)
{
  GArray *ids = g_array_sized_new (FALSE, FALSE, sizeof (gint64), g_hash_table_size (self->entries));
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    g_array_append_val (ids, ((Entry *) value)->id);
  return ids;
}

gboolean
dimple_live_objects_is_empty (DimpleLiveObjects *self)
{
  return g_hash_table_size (self->entries) == 0;
}
