/* dimple-sync-push.c: putting what this device holds and a storage lacks
 *
 * Own transactions and everybody's: so every device carries everybody's log to every storage.  Transactions that follow
 * each other go into one pack, over runs too.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "dimple-error.h"
#include "dimple-sync-packer-private.h"

#define MAX_OPEN 4

/* Adds the path of each listed pack. */
static gboolean
cover (DimpleSyncSession  *session,
       DimpleConnection   *reader,
       DimpleListing      *listing,
       GArray             *covered,
       GError            **error)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, listing->packs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const DimplePackName *name = value;
      DimpleId first, last;

      if (!dimple_id_parse (&first, name->first) || !dimple_id_parse (&last, name->last) ||
          !dimple_held_get_path (session->held, &first, &last, covered))
        continue;
      if (!dimple_held_extend (session->held, reader, name->author, name->first,
                               &g_array_index (covered, DimpleInterval, covered->len - 1), error))
        return FALSE;
    }
  return TRUE;
}

static GArray *
find_missing (DimpleSyncSession  *session,
              DimpleListing      *listing,
              GError            **error)
{
  g_autoptr(GArray) covered = g_array_new (FALSE, FALSE, sizeof (DimpleInterval));
  DimpleConnection *reader = dimple_store_acquire_reader (session->store, error);
  gboolean found;

  if (reader == NULL)
    return NULL;
  found = cover (session, reader, listing, covered, error);
  dimple_store_release_reader (session->store, reader);
  return found ? dimple_held_subtract (session->held, covered) : NULL;
}

/* Makes the next pack and asks to put it; FALSE without an error if there is none. */
static gboolean
put_next (DimpleSyncSession  *session,
          DimpleStorage      *storage,
          DimpleSyncPacker   *packer,
          GError            **error)
{
  g_autoptr(DimplePack) pack = NULL;
  g_autoptr(GBytes) contents = NULL;
  g_autofree char *key = NULL;
  DimpleConnection *reader = dimple_store_acquire_reader (session->store, error);

  if (reader == NULL)
    return FALSE;
  pack = dimple_sync_packer_next (packer, reader, error);
  dimple_store_release_reader (session->store, reader);
  if (pack == NULL)
    return FALSE;

  contents = dimple_pack_encode (pack, error);
  if (contents == NULL)
    return FALSE;
  key = dimple_pack_name_format (&pack->name);
  dimple_requests_put (session->requests, storage, key, contents, pack->transactions->len);
  return TRUE;
}

static gboolean
put_all (DimpleSyncSession  *session,
         DimpleStorage      *storage,
         DimpleSyncPacker   *packer,
         GError            **error)
{
  DimpleRequests *requests = session->requests;
  g_autoptr(GError) failure = NULL;
  gboolean more = TRUE;

  while (TRUE)
    {
      g_autoptr(DimpleRequest) request = NULL;

      while (more && dimple_requests_get_n_open (requests) < MAX_OPEN)
        more = put_next (session, storage, packer, &failure);
      if (dimple_requests_get_n_open (requests) == 0)
        break;

      request = dimple_requests_wait (requests);
      if (request->error == NULL)
        session->uploaded += request->weight;
      else if (failure == NULL)
        failure = g_steal_pointer (&request->error);
      more = more && failure == NULL;
      dimple_sync_session_report (session, dimple_sync_packer_get_progress (packer));
    }

  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

gboolean
dimple_sync_push (DimpleSyncSession  *session,
                  DimpleStorage      *storage,
                  DimpleListing      *listing,
                  GError            **error)
{
  g_autoptr(GArray) missing = find_missing (session, listing, error);
  g_autoptr(DimpleSyncPacker) packer = NULL;

  if (missing == NULL)
    return FALSE;
  if (missing->len == 0)
    return TRUE;
  /* The repository may never know what a power cut could still take from this device. */
  if (!dimple_store_sync_to_disk (session->store, error))
    return FALSE;
  packer = dimple_sync_packer_new (session->held, missing);
  return put_all (session, storage, packer, error);
}
