/* dimple-sync-pull.c: getting what a storage has and this device does not hold
 *
 * Several objects are under way at once, and each is merged as it arrives.  One that is not there any more was replaced by
 * others since it was listed: then the storage is listed again.
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

#define MAX_OPEN 6
/* Each further one is due to a compaction that came between its listing and its downloads. */
#define MAX_LISTINGS 3

typedef struct
{
  DimpleSyncSession *session;
  DimpleStorage     *storage;
  DimpleListing     *listing;
  DimpleSyncBatch   *batch;
  GPtrArray         *wanted;        /* of (const DimplePackName *), of the listing */
  guint              next;          /* in `wanted` */
  guint              n_done;
  GPtrArray         *damaged;       /* keys that could not be read */
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
  return result != 0 ? result : strcmp (one->digest, other->digest);
}

static void
find_wanted (Pull *self)
{
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, self->listing->packs);
  while (g_hash_table_iter_next (&iter, NULL, &name))
    {
      if (!is_held (self, name))
        g_ptr_array_add (self->wanted, name);
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

/* An object whose name says that it is sealed, and that is not, was written by none of ours: it is damaged like others. */
static gboolean
take_as_damage (GError *failure)
{
  if (g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_ENCRYPTION))
    failure->code = DIMPLE_ERROR_BAD_PACK;
  return g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
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
      self->list_again = TRUE;
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

static gboolean
receive (Pull           *self,
         DimpleRequest  *request,
         GError        **error)
{
  g_autoptr(GError) failure = g_steal_pointer (&request->error);
  g_autoptr(DimplePack) pack = NULL;

  self->n_done++;
  if (failure == NULL)
    pack = dimple_pack_decode (request->key, request->contents, &failure);
  g_clear_pointer (&request->contents, g_bytes_unref);
  if (failure != NULL)
    return handle_failure (self, request->key, g_steal_pointer (&failure), error);
  if (!dimple_sync_batch_add (self->batch, g_steal_pointer (&pack), error))
    return FALSE;
  dimple_sync_session_report (self->session, self->n_done / (double) self->wanted->len);
  return TRUE;
}

static gboolean
get_all (Pull    *self,
         GError **error)
{
  DimpleRequests *requests = self->session->requests;
  gboolean fine = TRUE;

  ask (self);
  while (dimple_requests_get_n_open (requests) > 0)
    {
      g_autoptr(DimpleRequest) request = dimple_requests_wait (requests);

      /* After a failure nothing more is asked, but what was has to be answered. */
      fine = fine && receive (self, request, error);
      if (fine)
        ask (self);
    }
  return fine && dimple_sync_batch_finish (self->batch, error);
}

/* -- Damaged objects -------------------------------------------------------------------------------------------------- */

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
    return dimple_sync_batch_add (self->batch, g_steal_pointer (&pack), error) &&
           dimple_sync_batch_finish (self->batch, error);
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

  self->batch = dimple_sync_batch_new (self->session);
  self->wanted = g_ptr_array_new ();
  self->damaged = g_ptr_array_new_with_free_func (g_free);
  find_wanted (self);
  debug_listing (self);
  pulled = get_all (self, error) && mend (self, error);
  g_ptr_array_unref (self->damaged);
  g_ptr_array_unref (self->wanted);
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
