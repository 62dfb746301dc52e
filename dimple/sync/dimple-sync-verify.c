/* dimple-sync-verify.c: whether a store and its storages hold the same
 *
 * What a storage holds is found out as a new device would: everything is fetched into an empty store with the same
 * tables, and the two stores are compared.  So it also tells whether this device has merged like others do.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-verify-private.h"

#include <string.h>

#include "dimple-repository-private.h"
#include "dimple-sync-session-private.h"

/* -- What was found ------------------------------------------------------------------------------------------------ */

void
dimple_sync_findings_init (DimpleSyncFindings *self)
{
  *self = (DimpleSyncFindings) { .differing = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
}

void
dimple_sync_findings_clear (DimpleSyncFindings *self)
{
  g_clear_pointer (&self->differing, g_hash_table_unref);
}

static int
compare_texts (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

char **
dimple_sync_findings_steal (DimpleSyncFindings *self)
{
  guint n;
  char **differing = (char **) g_hash_table_get_keys_as_array (self->differing, &n);

  g_hash_table_steal_all (self->differing);
  if (n > 0)
    qsort (differing, n, sizeof *differing, compare_texts);
  return differing;
}

/* -- Verifying ----------------------------------------------------------------------------------------------------- */

/* What the store has is put there again by its next sync. */
static gboolean
note_kept (DimpleSyncSession  *session,
           DimpleStore        *store,
           GError            **error)
{
  g_autoptr(DimpleHeld) held = dimple_held_new ();
  DimpleConnection *reader;
  gboolean updated;

  if (session->lost->len == 0)
    return TRUE;
  reader = dimple_store_acquire_reader (store, error);
  if (reader == NULL)
    return FALSE;
  updated = dimple_held_update (held, reader, error);
  dimple_store_release_reader (store, reader);
  for (guint i = 0; updated && i < session->lost->len; i++)
    {
      DimpleLostPack *lost = &g_array_index (session->lost, DimpleLostPack, i);

      lost->is_kept = dimple_held_has (held, lost->name.first) && dimple_held_has (held, lost->name.last);
    }
  return updated;
}

static gboolean
fetch_all (DimpleSyncSession  *session,
           DimpleStore        *store,
           DimpleStorage      *storage,
           GError            **error)
{
  g_autoptr(DimpleListing) listing = dimple_listing_load (session->requests, storage, error);

  if (listing == NULL ||
      !dimple_repository_check (store, session->requests, storage, listing, error) ||
      !dimple_sync_session_update_held (session, error) ||
      !dimple_sync_pull (session, storage, &listing, error) ||
      !note_kept (session, store, error) ||
      !dimple_sync_end_pull (session, TRUE, error))
    return FALSE;
  if (session->note == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&session->note));
  return FALSE;
}

static gboolean
compare_with (DimpleStore         *store,
              DimpleRequests      *requests,
              DimpleStorage       *storage,
              DimpleSyncFindings  *findings,
              GCancellable        *cancellable,
              GError             **error)
{
  g_autoptr(DimpleSyncScratch) scratch = dimple_sync_scratch_new (store, error);
  g_autoptr(DimpleHeld) held = dimple_held_new ();
  g_autoptr(GPtrArray) storages = g_ptr_array_new ();
  g_autoptr(DimpleSyncSession) session = NULL;

  if (scratch == NULL)
    return FALSE;
  g_ptr_array_add (storages, storage);
  session = dimple_sync_session_new (scratch->store, storages, held, cancellable);
  session->requests = requests;
  return fetch_all (session, store, storage, error) &&
         dimple_sync_compare (store, scratch->store, findings, cancellable, error);
}

gboolean
dimple_sync_verify (DimpleStore         *store,
                    DimpleStorage       *storage,
                    DimpleSyncFindings  *findings,
                    GCancellable        *cancellable,
                    GError             **error)
{
  /* First, as the scratch store is to belong to its main context. */
  DimpleRequests *requests = dimple_requests_new (cancellable);
  gboolean compared = compare_with (store, requests, storage, findings, cancellable, error);

  dimple_requests_free (requests);
  return compared;
}
