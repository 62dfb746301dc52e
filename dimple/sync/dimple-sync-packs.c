/* dimple-sync-packs.c: the packs of a listing, and which of them are superfluous
 *
 * A pack is replaced if another listed one has its whole path, or, of own ones, has the same path with more of it
 * pruned.  That is a strict order: whoever removes what is replaced, and on whatever stale listing, of all packs that
 * have a transaction one is left.  The parts of a transaction are one pack, which replaces nothing unless all are
 * listed, but is replaced by the same as if they were.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-packs-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-storage-private.h"

/* An author removes what its own packs replace; others only so many, which it must have left for good. */
#define MIN_FOREIGN 64

static int
compare_packs (gconstpointer a,
               gconstpointer b)
{
  const DimpleListedPack *one = a, *other = b;
  int order = dimple_id_compare (&one->first, &other->first);

  return order != 0 ? order : strcmp (one->key, other->key);
}

/* Appends a pack's path. */
static gboolean
find_path (DimpleSyncPacks   *self,
           DimpleListedPack  *pack,
           DimpleConnection  *reader,
           GError           **error)
{
  DimpleHeld *held = self->session->held;

  pack->path = self->intervals->len;
  if (pack->parts != NULL && !dimple_part_set_is_complete (pack->parts))
    return TRUE;
  pack->is_whole = dimple_held_get_path (held, &pack->first, &pack->last, self->intervals);
  pack->n_intervals = self->intervals->len - pack->path;
  return !pack->is_whole ||
         dimple_held_find_before (held, reader, pack->name->author, pack->is_own, &pack->first, &pack->before, error);
}

static gboolean
is_on_path (DimpleSyncPacks        *self,
            const DimpleListedPack *pack,
            const DimpleId         *id)
{
  for (guint i = 0; i < pack->n_intervals; i++)
    {
      const DimpleInterval *interval = &g_array_index (self->intervals, DimpleInterval, pack->path + i);

      if (interval->tail == id->tail && interval->first <= id->time && id->time <= interval->last)
        return TRUE;
    }
  return FALSE;
}

/* Of two own packs with the same path: what was written here is known.  Without that any order will do, as long as it
 * is one; if it came before, the pack that was written last might be removed, and written again, for ever. */
static gboolean
is_pruned_further (DimpleSyncPacks        *self,
                   const DimpleListedPack *pack,
                   const DimpleListedPack *other)
{
  const DimplePackSize *size = g_hash_table_lookup (self->session->sizes, pack->key);
  const DimplePackSize *other_size = g_hash_table_lookup (self->session->sizes, other->key);

  if (*pack->name->digest == '\0')
    return TRUE;
  if (size != NULL && other_size != NULL && size->size != other_size->size)
    return other_size->size < size->size;
  if (pack->name->n_parts != other->name->n_parts)
    return other->name->n_parts < pack->name->n_parts;
  return strcmp (other->name->digest, pack->name->digest) < 0;
}

static gboolean
is_replaced_by (DimpleSyncPacks        *self,
                const DimpleListedPack *small,
                const DimpleListedPack *big)
{
  if (dimple_id_compare (&small->first, &big->first) != 0 || dimple_id_compare (&small->last, &big->last) != 0)
    return is_on_path (self, big, &small->first) && is_on_path (self, big, &small->last);
  return big->is_own && *big->name->digest != '\0' && is_pruned_further (self, small, big);
}

/* The packs by the runs that they begin in, so that those that begin on a path are found without looking at all. */
static int
compare_beginnings (gconstpointer a,
                    gconstpointer b)
{
  const DimpleListedPack *one = *(const DimpleListedPack * const *) a, *other = *(const DimpleListedPack * const *) b;

  if (one->first.tail != other->first.tail)
    return one->first.tail < other->first.tail ? -1 : 1;
  return one->first.time < other->first.time ? -1 : one->first.time > other->first.time;
}

static guint
find_beginning (GPtrArray            *beginnings,
                const DimpleInterval *interval)
{
  guint low = 0, high = beginnings->len;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;
      const DimpleListedPack *pack = g_ptr_array_index (beginnings, middle);

      if (pack->first.tail < interval->tail ||
          (pack->first.tail == interval->tail && pack->first.time < interval->first))
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

static void
find_replaced_by (DimpleSyncPacks  *self,
                  GPtrArray        *beginnings,
                  DimpleListedPack *big)
{
  for (guint i = 0; i < big->n_intervals; i++)
    {
      const DimpleInterval *interval = &g_array_index (self->intervals, DimpleInterval, big->path + i);

      for (guint at = find_beginning (beginnings, interval); at < beginnings->len; at++)
        {
          DimpleListedPack *small = g_ptr_array_index (beginnings, at);

          if (small->first.tail != interval->tail || small->first.time > interval->last)
            break;
          if (small != big && is_replaced_by (self, small, big))
            small->is_replaced = TRUE;
        }
    }
}

static void
find_replaced (DimpleSyncPacks *self)
{
  g_autoptr(GPtrArray) beginnings = g_ptr_array_sized_new (self->packs->len);

  for (guint i = 0; i < self->packs->len; i++)
    g_ptr_array_add (beginnings, &g_array_index (self->packs, DimpleListedPack, i));
  g_ptr_array_sort (beginnings, compare_beginnings);
  for (guint i = 0; i < self->packs->len; i++)
    {
      DimpleListedPack *pack = &g_array_index (self->packs, DimpleListedPack, i);

      if (pack->is_whole)
        find_replaced_by (self, beginnings, pack);
    }
}

/* What is replaced here may be all there is in another storage, which notes it then. */
static void
note_listed (DimpleSyncPacks *self)
{
  for (guint i = 0; i < self->packs->len; i++)
    {
      const DimpleListedPack *pack = &g_array_index (self->packs, DimpleListedPack, i);

      if (pack->is_own && !pack->is_replaced)
        g_hash_table_add (self->session->listed, g_strdup (pack->key));
    }
}

static gboolean
add_pack (DimpleSyncPacks       *self,
          const DimplePackName  *name,
          const char            *key,
          const DimplePartSet   *parts,
          DimpleConnection      *reader,
          GError               **error)
{
  DimpleListedPack pack = { .name = name, .key = key, .parts = parts };

  if (!dimple_id_parse (&pack.first, name->first) || !dimple_id_parse (&pack.last, name->last))
    return TRUE;
  pack.is_own = g_strv_contains ((const char * const *) self->session->authors, name->author);
  if (!find_path (self, &pack, reader, error))
    return FALSE;
  g_array_append_val (self->packs, pack);
  return TRUE;
}

static gboolean
add_packs (DimpleSyncPacks   *self,
           DimpleListing     *listing,
           DimpleConnection  *reader,
           GError           **error)
{
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init (&iter, listing->packs);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      const DimplePackName *name = value;

      if (name->part == 0 && !add_pack (self, name, key, NULL, reader, error))
        return FALSE;
    }
  g_hash_table_iter_init (&iter, self->part_sets);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      const DimplePartSet *parts = value;

      if (!add_pack (self, &parts->name, parts->key, parts, reader, error))
        return FALSE;
    }
  return TRUE;
}

DimpleSyncPacks *
dimple_sync_packs_new (DimpleSyncSession  *session,
                       DimpleListing      *listing,
                       DimpleConnection   *reader,
                       GError            **error)
{
  g_autoptr(DimpleSyncPacks) self = g_new0 (DimpleSyncPacks, 1);

  self->session = session;
  self->packs = g_array_sized_new (FALSE, TRUE, sizeof (DimpleListedPack), g_hash_table_size (listing->packs));
  self->intervals = g_array_new (FALSE, FALSE, sizeof (DimpleInterval));
  self->part_sets = dimple_part_sets_new (listing);
  if (!add_packs (self, listing, reader, error))
    return NULL;
  g_array_sort (self->packs, compare_packs);
  find_replaced (self);
  note_listed (self);
  return g_steal_pointer (&self);
}

void
dimple_sync_packs_free (DimpleSyncPacks *self)
{
  g_array_unref (self->packs);
  g_array_unref (self->intervals);
  g_hash_table_unref (self->part_sets);
  g_free (self);
}

/* Up to what the log has before the pack there is nothing to be put, so intervals of neighbours are let touch. */
static void
append_cover (DimpleSyncPacks        *self,
              const DimpleListedPack *pack,
              GArray                 *covered)
{
  DimpleInterval *oldest;

  if (pack->n_intervals == 0)
    return;
  g_array_append_vals (covered, &g_array_index (self->intervals, DimpleInterval, pack->path), pack->n_intervals);
  if (!pack->is_whole)
    return;
  oldest = &g_array_index (covered, DimpleInterval, covered->len - 1);
  oldest->first = pack->before.tail == oldest->tail ? pack->before.time + 1
                                                    : dimple_held_get_first (self->session->held, &pack->first);
}

GArray *
dimple_sync_packs_cover (DimpleSyncPacks *self)
{
  GArray *covered = g_array_sized_new (FALSE, FALSE, sizeof (DimpleInterval), self->intervals->len);

  for (guint i = 0; i < self->packs->len; i++)
    {
      const DimpleListedPack *pack = &g_array_index (self->packs, DimpleListedPack, i);

      /* What is replaced is covered by what replaces it, and if that is written anew, by what comes of it. */
      if (!pack->is_replaced && !pack->is_chosen)
        append_cover (self, pack, covered);
    }
  return covered;
}

/* -- Removing what is replaced ------------------------------------------------------------------------------------- */

static void
list_replaced (DimpleSyncPacks *self,
               gboolean         is_own,
               GPtrArray       *keys)
{
  for (guint i = 0; i < self->packs->len && keys->len < DIMPLE_STORAGE_PAGE_SIZE; i++)
    {
      const DimpleListedPack *pack = &g_array_index (self->packs, DimpleListedPack, i);

      if (!pack->is_replaced || pack->is_own != is_own)
        continue;
      if (pack->parts == NULL)
        g_ptr_array_add (keys, (gpointer) pack->key);
      for (guint part = 0; pack->parts != NULL && part < pack->parts->keys->len; part++)
        g_ptr_array_add (keys, g_ptr_array_index (pack->parts->keys, part));
    }
}

gboolean
dimple_sync_packs_clean (DimpleSyncPacks  *self,
                         DimpleStorage    *storage,
                         GError          **error)
{
  g_autoptr(GPtrArray) keys = g_ptr_array_new ();
  g_autoptr(GError) failure = NULL;

  list_replaced (self, FALSE, keys);
  if (keys->len < MIN_FOREIGN)
    g_ptr_array_set_size (keys, 0);
  list_replaced (self, TRUE, keys);
  if (keys->len == 0)
    return TRUE;
  /* What is left of a transaction's parts is replaced, too, and goes in the next sync. */
  g_ptr_array_set_size (keys, (int) MIN (keys->len, DIMPLE_STORAGE_PAGE_SIZE));

  g_ptr_array_add (keys, NULL);
  if (dimple_requests_remove_now (self->session->requests, storage, (const char * const *) keys->pdata, &failure))
    return TRUE;
  /* Whoever may not remove leaves it to others: everything is synced all the same. */
  if (g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_DENIED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}
