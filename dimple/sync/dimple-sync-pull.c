/* dimple-sync-pull.c: getting what a storage has and this device does not hold
 *
 * Several objects are under way at once, and each is merged as it arrives.  One that is not there any more was replaced
 * by others since it was listed: then the storage is listed again.
 *
 * Parts of a transaction are put away in the store (see dimple-sync-staging.c) until all are there.  Where the last
 * part is listed the others were, so one that is not listed is asked for by its name, and if it is not there, it was
 * lost (see dimple-sync-lost.c).
 *
 * An object that is damaged is read again, and if it stays so, moved to damaged/ in the storage: every device then sees
 * it missing, and the one that holds its transactions puts them there again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "dimple-debug-private.h"
#include "dimple-error.h"
#include "dimple-sync-batch-private.h"
#include "dimple-sync-parts-private.h"

#define MAX_OPEN 6
/* Each further one is due to a compaction that came between its listing and its downloads. */
#define MAX_LISTINGS 3
/* So many parts that are not listed are asked for: a listing may be stale, or cut short. */
#define MAX_UNLISTED 32

typedef struct
{
  DimpleSyncSession *session;
  DimpleStorage     *storage;
  DimpleListing     *listing;
  DimpleSyncBatch   *batch;
  GPtrArray         *wanted;        /* of DimplePackName */
  guint              next;          /* in `wanted` */
  guint              n_done;
  GPtrArray         *damaged;       /* keys that could not be read */
  GHashTable        *fetched;       /* key of a first part -> how many parts were fetched just now */
  gboolean           list_again;
} Pull;

static gboolean
is_held (Pull                 *self,
         const DimplePackName *name)
{
  g_autoptr(GArray) path = g_array_new (FALSE, FALSE, sizeof (DimpleInterval));
  DimpleId first, last;

  /* A name that no Dimple can have written gets looked at once, and set aside. */
  return dimple_id_parse (&first, name->first) && dimple_id_parse (&last, name->last) &&
         dimple_held_get_path (self->session->held, &first, &last, path);
}

/* The oldest first, so that hardly a row comes before what it references; of those that begin together the longest, as
 * it may have all of the others. */
static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  const DimplePackName *one = *(const DimplePackName * const *) a, *other = *(const DimplePackName * const *) b;
  int result = strcmp (one->first, other->first);

  if (result == 0)
    result = strcmp (other->last, one->last);
  if (result == 0)
    result = strcmp (one->author, other->author);
  if (result == 0)
    result = strcmp (one->digest, other->digest);
  return result != 0 ? result : (one->part > other->part) - (one->part < other->part);
}

static const DimplePackName *
get_listed (Pull       *self,
            const char *key)
{
  return g_hash_table_lookup (self->listing->packs, key);
}

static void
want (Pull                 *self,
      const DimplePackName *name)
{
  g_ptr_array_add (self->wanted, g_memdup2 (name, sizeof *name));
}

/* How many of a transaction's parts are neither listed nor here. */
static guint
count_missing (Pull                *self,
               const DimplePartSet *parts)
{
  guint n = dimple_sync_staging_count (self->session->staging, &parts->name);

  for (guint i = 0; i < parts->keys->len; i++)
    n += !dimple_sync_staging_has (self->session->staging, get_listed (self, g_ptr_array_index (parts->keys, i)));
  return parts->name.n_parts - n;
}

/* All of a transaction's parts, or, where one was lost, what there is of them; another storage may have it. */
static void
want_parts (Pull                *self,
            const DimplePartSet *parts)
{
  DimpleSyncStaging *staging = self->session->staging;
  DimplePackName name = parts->name;
  guint n_missing = count_missing (self, parts);

  /* It may still be on its way there. */
  if (n_missing > 0 && !parts->has_last)
    return;
  for (guint i = 0; i < parts->keys->len; i++)
    {
      const DimplePackName *listed = get_listed (self, g_ptr_array_index (parts->keys, i));

      if (!dimple_sync_staging_has (staging, listed))
        want (self, listed);
    }
  for (guint left = MIN (n_missing, MAX_UNLISTED); left > 0; name.part++)
    {
      g_autofree char *key = dimple_pack_name_format (&name);

      if (get_listed (self, key) != NULL || dimple_sync_staging_has (staging, &name))
        continue;
      want (self, &name);
      left--;
    }
}

static void
note_listed (Pull                *self,
             const DimplePartSet *parts)
{
  GHashTable *part_sets = self->session->part_sets;
  gboolean has_last = GPOINTER_TO_INT (g_hash_table_lookup (part_sets, parts->key)) || parts->has_last;

  g_hash_table_insert (part_sets, g_strdup (parts->key), GINT_TO_POINTER (has_last));
}

static void
find_wanted (Pull *self)
{
  g_autoptr(GHashTable) part_sets = dimple_part_sets_new (self->listing);
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init (&iter, self->listing->packs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const DimplePackName *name = value;

      if (name->part == 0 && !is_held (self, name))
        want (self, name);
    }
  g_hash_table_iter_init (&iter, part_sets);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      const DimplePartSet *parts = value;

      note_listed (self, parts);
      if (!is_held (self, &parts->name))
        want_parts (self, parts);
    }
  g_ptr_array_sort (self->wanted, compare_names);
}

static void
ask (Pull *self)
{
  DimpleRequests *requests = self->session->requests;

  while (self->next < self->wanted->len && dimple_requests_get_n_open (requests) < MAX_OPEN)
    {
      const DimplePackName *name = g_ptr_array_index (self->wanted, self->next++);
      g_autofree char *key = NULL;

      /* Another pack may have brought it meanwhile. */
      if (is_held (self, name))
        {
          self->n_done++;
          continue;
        }
      key = dimple_pack_name_format (name);
      dimple_requests_get (requests, self->storage, key);
    }
}

/* An object whose name says that it is sealed, and that is not, was written by none of ours: it is damaged like
 * others. */
static gboolean
take_as_damage (GError *failure)
{
  if (g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_ENCRYPTION))
    failure->code = DIMPLE_ERROR_BAD_PACK;
  return g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
}

/* What was listed and is not there was replaced; a part that was not even listed was lost. */
static void
handle_absence (Pull       *self,
                const char *key)
{
  DimplePackName name;

  if (get_listed (self, key) != NULL)
    self->list_again = TRUE;
  else if (dimple_pack_name_parse (&name, key))
    dimple_sync_session_add_lost (self->session, self->storage, &name, FALSE);
}

/* What it is sealed for may have been deleted, or may still come. */
static gboolean
take_as_lost (Pull         *self,
              const char   *key,
              const GError *failure)
{
  DimplePackName name;

  if (!g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE) || !dimple_storage_lacks_key (self->storage) ||
      !dimple_pack_name_parse (&name, key))
    return FALSE;
  dimple_sync_session_add_lost (self->session, self->storage, &name, TRUE);
  return TRUE;
}

/* Notes what is wrong with an object, and goes on.  FALSE if it is not the object's fault. */
static gboolean
handle_failure (Pull        *self,
                const char  *key,
                GError      *failure,        /* (transfer full) */
                GError     **error)
{
  if (g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND))
    {
      handle_absence (self, key);
      g_error_free (failure);
      return TRUE;
    }
  if (take_as_lost (self, key, failure))
    {
      g_error_free (failure);
      return TRUE;
    }
  if (take_as_damage (failure))
    {
      g_ptr_array_add (self->damaged, g_strdup (key));
      g_error_free (failure);
      return TRUE;
    }
  if (g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_TOO_NEW))
    {
      dimple_sync_session_note (self->session, failure);
      return TRUE;
    }
  g_propagate_error (error, failure);
  return FALSE;
}

/* All parts of a transaction are here. */
static gboolean
add_whole (Pull                  *self,
           const DimplePackName  *name,
           GError               **error)
{
  g_autofree char *first = dimple_pack_name_format_part (name, 1);
  g_autoptr(DimplePack) pack = NULL;

  /* Another process may be syncing, too. */
  if (!dimple_sync_session_update_held (self->session, error))
    return FALSE;
  if (is_held (self, name))
    return TRUE;
  pack = dimple_sync_staging_open (self->session->staging, name, error);
  if (pack == NULL)
    return FALSE;
  pack->is_fetched = GPOINTER_TO_UINT (g_hash_table_lookup (self->fetched, first)) == name->n_parts;
  return dimple_sync_batch_add (self->batch, g_steal_pointer (&pack), error);
}

/* Takes what an object has, which was read well. */
static gboolean
take (Pull        *self,
      DimplePack  *owned,
      GBytes      *contents,
      GError     **error)
{
  g_autoptr(DimplePack) pack = owned;
  DimplePackName name = pack->name;
  char *first;
  guint n;

  if (name.part == 0)
    return dimple_sync_batch_add (self->batch, g_steal_pointer (&pack), error);
  if (is_held (self, &name))
    return TRUE;
  g_clear_pointer (&pack, dimple_pack_free);
  if (!dimple_sync_staging_add (self->session->staging, &name, contents, error))
    return FALSE;
  first = dimple_pack_name_format_part (&name, 1);
  n = GPOINTER_TO_UINT (g_hash_table_lookup (self->fetched, first)) + 1;
  g_hash_table_insert (self->fetched, first, GUINT_TO_POINTER (n));
  return dimple_sync_staging_count (self->session->staging, &name) < name.n_parts || add_whole (self, &name, error);
}

static gboolean
receive (Pull           *self,
         DimpleRequest  *request,
         GError        **error)
{
  g_autoptr(GError) failure = g_steal_pointer (&request->error);
  g_autoptr(GBytes) contents = g_steal_pointer (&request->contents);
  g_autoptr(DimplePack) pack = NULL;

  self->n_done++;
  if (failure == NULL)
    pack = dimple_pack_decode (request->key, contents, &failure);
  if (failure != NULL)
    return handle_failure (self, request->key, g_steal_pointer (&failure), error);
  if (pack->name.part == 0)
    g_clear_pointer (&contents, g_bytes_unref);
  if (!take (self, g_steal_pointer (&pack), contents, error))
    return FALSE;
  dimple_sync_session_report (self->session, self->n_done / (double) self->wanted->len);
  return TRUE;
}

/* Of what an earlier sync has left all parts may be here. */
static gboolean
add_staged (Pull    *self,
            GError **error)
{
  g_autoptr(GArray) whole = dimple_sync_staging_list_whole (self->session->staging);

  for (guint i = 0; i < whole->len; i++)
    {
      if (!add_whole (self, &g_array_index (whole, DimplePackName, i), error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
get_all (Pull    *self,
         GError **error)
{
  DimpleRequests *requests = self->session->requests;
  gboolean fine = add_staged (self, error);

  if (fine)
    ask (self);
  while (dimple_requests_get_n_open (requests) > 0)
    {
      g_autoptr(DimpleRequest) request = dimple_requests_wait (requests);

      /* After a failure nothing more is asked, but what was has to be answered. */
      fine = fine && receive (self, request, error);
      if (fine)
        ask (self);
    }
  /* What came is kept, whatever has failed. */
  if (!dimple_sync_staging_flush (self->session->staging, fine ? error : NULL))
    return FALSE;
  return fine && dimple_sync_batch_finish (self->batch, error);
}

/* -- Damaged objects ----------------------------------------------------------------------------------------------- */

/* An answer may have been cut off on the way: asks once more. */
static gboolean
read_again (Pull        *self,
            const char  *key,
            GError     **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(GBytes) contents = dimple_requests_get_now (self->session->requests, self->storage, key, &failure);
  g_autoptr(DimplePack) pack = contents != NULL ? dimple_pack_decode (key, contents, &failure) : NULL;

  if (pack != NULL)
    return take (self, g_steal_pointer (&pack), contents, error) &&
           dimple_sync_staging_flush (self->session->staging, error) && dimple_sync_batch_finish (self->batch, error);
  if (!take_as_damage (failure))
    return handle_failure (self, key, g_steal_pointer (&failure), error);

  dimple_sync_session_note (self->session, g_steal_pointer (&failure));
  g_hash_table_remove (self->listing->packs, key);
  return dimple_repository_set_aside (self->session->requests, self->storage, key, error);
}

static gboolean
mend (Pull    *self,
      GError **error)
{
  GPtrArray *bad = dimple_sync_batch_get_bad (self->batch);

  for (guint i = 0; i < self->damaged->len; i++)
    {
      if (!read_again (self, g_ptr_array_index (self->damaged, i), error))
        return FALSE;
    }
  /* These were read well, but say nonsense. */
  for (guint i = 0; i < bad->len; i++)
    {
      const char *key = g_ptr_array_index (bad, i);

      g_hash_table_remove (self->listing->packs, key);
      if (!dimple_repository_set_aside (self->session->requests, self->storage, key, error))
        return FALSE;
    }
  return TRUE;
}

static void
debug_listing (Pull *self)
{
  g_autofree char *description = NULL;

  if (!dimple_debug_is_on (DIMPLE_DEBUG_SYNC))
    return;
  description = dimple_storage_dup_description (self->storage);
  dimple_debug_print (DIMPLE_DEBUG_SYNC, "%s has %u packs, of which %u are new here", description,
                      g_hash_table_size (self->listing->packs), self->wanted->len);
}

static gboolean
pull_listing (Pull    *self,
              GError **error)
{
  gboolean pulled;

  if (self->session->staging == NULL)
    self->session->staging = dimple_sync_staging_new (self->session->store, error);
  if (self->session->staging == NULL)
    return FALSE;
  self->batch = dimple_sync_batch_new (self->session);
  self->wanted = g_ptr_array_new_with_free_func (g_free);
  self->fetched = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->damaged = g_ptr_array_new_with_free_func (g_free);
  find_wanted (self);
  debug_listing (self);
  pulled = get_all (self, error) && mend (self, error);
  g_ptr_array_unref (self->damaged);
  g_ptr_array_unref (self->wanted);
  g_hash_table_unref (self->fetched);
  dimple_sync_batch_free (self->batch);
  return pulled;
}

gboolean
dimple_sync_pull (DimpleSyncSession  *session,
                  DimpleStorage      *storage,
                  DimpleListing     **listing,
                  GError            **error)
{
  for (guint n = 1; ; n++)
    {
      Pull self = { .session = session, .storage = storage, .listing = *listing };
      DimpleListing *again;

      if (!pull_listing (&self, error))
        return FALSE;
      if (!self.list_again || n == MAX_LISTINGS)
        return TRUE;

      again = dimple_listing_load (session->requests, storage, error);
      if (again == NULL)
        return FALSE;
      dimple_listing_free (*listing);
      *listing = again;
    }
}
