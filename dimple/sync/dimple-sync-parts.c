/* dimple-sync-parts.c: the parts of transactions that a listing shows
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-parts-private.h"

static void
set_free (gpointer data)
{
  DimplePartSet *self = data;

  g_free (self->key);
  g_ptr_array_unref (self->keys);
  g_free (self);
}

static void
add_part (GHashTable           *sets,
          const char           *key,
          const DimplePackName *name)
{
  g_autofree char *first = dimple_pack_name_format_part (name, 1);
  DimplePartSet *set = g_hash_table_lookup (sets, first);

  if (set == NULL)
    {
      set = g_new0 (DimplePartSet, 1);
      set->name = *name;
      set->name.part = 1;
      set->key = g_steal_pointer (&first);
      set->keys = g_ptr_array_new ();
      g_hash_table_insert (sets, set->key, set);
    }
  g_ptr_array_add (set->keys, (gpointer) key);
  set->has_last |= name->part == name->n_parts;
}

GHashTable *
dimple_part_sets_new (DimpleListing *listing)
{
  GHashTable *sets = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, set_free);
  GHashTableIter iter;
  gpointer key, name;

  g_hash_table_iter_init (&iter, listing->packs);
  while (g_hash_table_iter_next (&iter, &key, &name))
    {
      if (((const DimplePackName *) name)->part > 0)
        add_part (sets, key, name);
    }
  return sets;
}

/* No two names are of one part. */
gboolean
dimple_part_set_is_complete (const DimplePartSet *self)
{
  return self->keys->len == self->name.n_parts;
}
