/* dimple-sync-session.c: one sync, as straight code on a thread of its own
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-packs-private.h"

#include "dimple-debug-private.h"
#include "dimple-error.h"
#include "dimple-profile-private.h"

/* How much of the progress the downloads make up. */
#define PULL_SHARE 0.6

DimpleSyncSession *
dimple_sync_session_new (DimpleStore  *store,
                         GPtrArray    *storages,
                         DimpleHeld   *held,
                         GCancellable *cancellable)
{
  DimpleSyncSession *self = g_new0 (DimpleSyncSession, 1);

  self->store = g_object_ref (store);
  self->storages = g_ptr_array_ref (storages);
  self->held = held;
  g_set_object (&self->cancellable, cancellable);
  self->author_names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->unsaved = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->listed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->lost = g_array_new (FALSE, FALSE, sizeof (DimpleLostPack));
  self->part_sets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

void
dimple_sync_session_free (DimpleSyncSession *self)
{
  g_object_unref (self->store);
  g_ptr_array_unref (self->storages);
  g_clear_object (&self->cancellable);
  g_hash_table_unref (self->author_names);
  g_hash_table_unref (self->unsaved);
  g_hash_table_unref (self->listed);
  g_array_unref (self->lost);
  g_hash_table_unref (self->part_sets);
  g_clear_pointer (&self->staging, dimple_sync_staging_free);
  g_clear_pointer (&self->sizes, g_hash_table_unref);
  g_strfreev (self->authors);
  g_clear_error (&self->note);
  g_free (self);
}

static void
begin_phase (DimpleSyncSession *self,
             double             start,
             double             size)
{
  self->phase_start = start;
  self->phase_size = size;
  dimple_sync_session_report (self, 0);
}

void
dimple_sync_session_report (DimpleSyncSession *self,
                            double             fraction)
{
  double progress = self->phase_start + self->phase_size * CLAMP (fraction, 0, 1);

  if (progress <= self->progress)
    return;
  self->progress = progress;
  if (self->progress_func != NULL)
    self->progress_func (progress, self->progress_data);
}

void
dimple_sync_session_note (DimpleSyncSession *self,
                          GError            *error)
{
  if (self->note == NULL)
    self->note = error;
  else
    g_error_free (error);
}

gboolean
dimple_sync_session_update_held (DimpleSyncSession  *self,
                                 GError            **error)
{
  DimpleConnection *reader = dimple_store_acquire_reader (self->store, error);
  gboolean updated;

  if (reader == NULL)
    return FALSE;
  updated = dimple_held_update (self->held, reader, error);
  dimple_store_release_reader (self->store, reader);
  return updated;
}

static gboolean
write_held (DimpleConnection  *connection,
            gpointer           user_data,
            GError           **error)
{
  return dimple_held_save (user_data, connection, error);
}

/* Saves time, and what packs said of transactions that were pruned; without it they are only fetched again. */
static void
save_held (DimpleSyncSession *self)
{
  g_autoptr(GError) error = NULL;

  if (dimple_held_needs_save (self->held) && !dimple_store_write_own (self->store, write_held, self->held, &error))
    {
      /* It cannot be told any more what the table has. */
      dimple_held_reset (self->held);
      g_debug ("What is held was not saved: %s", error->message);
    }
}

static DimpleStorage *
get_storage (DimpleSyncSession *self,
             guint              position)
{
  return g_ptr_array_index (self->storages, position);
}

/* FALSE if all else is to stop: the user has cancelled. */
static gboolean
keep_first_error (GError **first,
                  GError  *error)
{
  gboolean go_on = !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  if (*first == NULL)
    {
      *first = error;
    }
  else if (!go_on)
    {
      g_error_free (*first);
      *first = error;
    }
  else
    {
      g_error_free (error);
    }
  return go_on;
}

static gboolean
pull_one (DimpleSyncSession  *self,
          DimpleStorage      *storage,
          DimpleListing     **listing,
          GError            **error)
{
  *listing = dimple_listing_load (self->requests, storage, error);
  return *listing != NULL &&
         dimple_repository_identify (self->store, self->requests, storage, *listing, error) &&
         dimple_sync_pull (self, storage, listing, error);
}

/* What the app does not want to keep is not uploaded either. */
static void
prune_history (DimpleSyncSession *self)
{
  g_autoptr(GError) error = NULL;

  if (!dimple_store_prune (self->store, TRUE, &error))
    g_debug ("The history was not pruned: %s", error->message);
  /* By whomever, and whenever. */
  if (dimple_store_has_history_limits (self->store))
    dimple_held_forget_before (self->held);
}

/* Fills `listings`, by storage; NULL where something failed. */
static gboolean
pull_all (DimpleSyncSession  *self,
          GPtrArray          *listings,
          GError            **first_error)
{
  gboolean is_complete = TRUE;
  GError *failure = NULL;

  for (guint i = 0; i < self->storages->len; i++)
    {
      DimpleListing *listing = NULL;
      GError *error = NULL;

      begin_phase (self, PULL_SHARE * i / self->storages->len, PULL_SHARE / self->storages->len);
      if (!pull_one (self, get_storage (self, i), &listing, &error))
        {
          g_clear_pointer (&listing, dimple_listing_free);
          if (!keep_first_error (first_error, error))
            return FALSE;
        }
      is_complete = is_complete && listing != NULL;
      g_ptr_array_add (listings, listing);
    }
  if (!dimple_sync_end_pull (self, is_complete, &failure))
    keep_first_error (first_error, failure);
  return TRUE;
}

static void
push_all (DimpleSyncSession  *self,
          GPtrArray          *listings,
          GError            **first_error)
{
  double share = (1 - PULL_SHARE) / self->storages->len;
  gint64 seq = dimple_held_get_seq (self->held);
  gboolean is_complete = TRUE;
  GError *failure = NULL;

  for (guint i = 0; i < self->storages->len; i++)
    {
      DimpleListing *listing = g_ptr_array_index (listings, i);
      GError *error = NULL;

      begin_phase (self, PULL_SHARE + share * i, share);
      is_complete = is_complete && listing != NULL;
      if (listing == NULL)
        continue;
      if (dimple_sync_push (self, get_storage (self, i), listing, &error) &&
          dimple_sync_note_uploaded (self->store, self->storages, i, seq, &error))
        continue;
      is_complete = FALSE;
      if (!keep_first_error (first_error, error))
        break;
    }
  if (!dimple_sync_sizes_save (self, is_complete, &failure))
    keep_first_error (first_error, failure);
}

static void
free_listing (gpointer data)
{
  if (data != NULL)
    dimple_listing_free (data);
}

static void
run (DimpleSyncSession  *self,
     GError            **first_error)
{
  g_autoptr(GPtrArray) listings = g_ptr_array_new_with_free_func (free_listing);
  GError *error = NULL;

  if (!dimple_sync_session_update_held (self, first_error) || !pull_all (self, listings, first_error))
    return;
  prune_history (self);
  /* What is held now is what gets pushed; edits made meanwhile are for the next sync. */
  if (!dimple_sync_session_update_held (self, &error) || !dimple_sync_sizes_load (self, &error))
    keep_first_error (first_error, error);
  else
    push_all (self, listings, first_error);
}

static void
debug_end (DimpleSyncSession *self,
           gint64             start,
           const GError      *error)
{
  if (dimple_debug_is_on (DIMPLE_DEBUG_SYNC))
    dimple_debug_print (DIMPLE_DEBUG_SYNC,
                        "%u storages, %u transactions uploaded, %u downloaded, %u still to upload, %.1f ms%s%s",
                        self->storages->len, self->uploaded, self->downloaded, self->pending,
                        (double) (g_get_monotonic_time () - start) / 1000, error != NULL ? ": " : "",
                        error != NULL ? error->message : "");
}

/* TRUE if everything is everywhere.  What was moved before a failure stays moved. */
gboolean
dimple_sync_session_run (DimpleSyncSession  *self,
                         GError            **error)
{
  g_autoptr(GError) failure = NULL;
  gint64 start = g_get_monotonic_time (), mark = dimple_profile_begin ();

  self->requests = dimple_requests_new (self->cancellable);
  run (self, &failure);
  g_clear_pointer (&self->requests, dimple_requests_free);
  save_held (self);

  dimple_sync_count_pending (self->store, self->storages, &self->pending, NULL);
  if (failure == NULL)
    failure = g_steal_pointer (&self->note);
  debug_end (self, start, failure);
  dimple_profile_end (mark, "sync", failure != NULL ? failure->message : NULL);
  if (failure == NULL)
    {
      begin_phase (self, 1, 0);
      return TRUE;
    }
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}
