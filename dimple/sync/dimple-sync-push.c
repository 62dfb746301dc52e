/* dimple-sync-push.c: putting what this device holds and a storage lacks
 *
 * Own transactions and everybody's: so every device carries everybody's log to every storage.  Transactions that follow
 * each other go into one pack, over runs too, and so do those of packs that are better written anew.
 *
 * A transaction that is too large for that goes in parts.  Those that are there already are not put again, and the last
 * one comes when all others are there: who finds it listed can tell a part that was lost from one that is still to
 * come.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "dimple-error.h"
#include "dimple-sync-packer-private.h"
#include "dimple-sync-packs-private.h"

#define MAX_OPEN 4

typedef struct
{
  DimpleSyncSession *session;
  DimpleStorage     *storage;
  DimpleListing     *listing;
  DimpleSyncPacks   *packs;        /* of the listing */
  GArray            *missing;      /* what the storage lacks, in the order of dimple_held_subtract() */
  GArray            *written;      /* that, and what is written anew */
  DimpleSyncPacker  *packer;
  GHashTable        *sizes;        /* key of an object being put -> its size before compression */
  DimplePack        *last_part;    /* waits till all others are there */
  guint              n_parts;      /* of that transaction, that were put */
  char               too_large[DIMPLE_UUID_SIZE];      /* the one of which a part is */
} Push;

/* Leaves out of `missing` that of which pruning has left nothing. */
static gboolean
drop_empty (Push             *self,
            DimpleConnection *reader,
            GError          **error)
{
  DimpleHeld *held = self->session->held;
  guint n = 0;

  for (guint i = 0; i < self->missing->len; i++)
    {
      DimpleInterval interval = g_array_index (self->missing, DimpleInterval, i);
      char first[DIMPLE_UUID_SIZE], last[DIMPLE_UUID_SIZE];
      gboolean has;

      dimple_uuid7_format (interval.first, interval.tail, first);
      dimple_uuid7_format (interval.last, interval.tail, last);
      if (!dimple_log_has_range (reader, dimple_held_get_author (held, interval.tail), first, last, &has, error))
        return FALSE;
      if (has)
        g_array_index (self->missing, DimpleInterval, n++) = interval;
    }
  g_array_set_size (self->missing, n);
  return TRUE;
}

static gboolean
look (Push             *self,
      DimpleConnection *reader,
      GError          **error)
{
  DimpleHeld *held = self->session->held;
  g_autoptr(GArray) covered = NULL, kept = NULL;

  self->packs = dimple_sync_packs_new (self->session, self->listing, reader, error);
  if (self->packs == NULL || !dimple_sync_packs_measure (self->packs, reader, error))
    return FALSE;
  covered = dimple_sync_packs_cover (self->packs);
  self->missing = dimple_held_subtract (held, covered);
  if (!drop_empty (self, reader, error))
    return FALSE;
  if (!dimple_sync_packs_choose (self->packs, self->missing->len > 0))
    {
      self->written = g_array_ref (self->missing);
      return TRUE;
    }
  kept = dimple_sync_packs_cover (self->packs);
  self->written = dimple_held_subtract (held, kept);
  return TRUE;
}

/* Finds out what there is to do. */
static gboolean
prepare (Push    *self,
         GError **error)
{
  DimpleConnection *reader = dimple_store_acquire_reader (self->session->store, error);
  gboolean looked;

  if (reader == NULL)
    return FALSE;
  looked = look (self, reader, error);
  dimple_store_release_reader (self->session->store, reader);
  return looked;
}

static gboolean
is_missing (Push       *self,
            const char *id)
{
  guint low = 0, high = self->missing->len;
  DimpleId parsed;

  if (!dimple_id_parse (&parsed, id))
    return FALSE;
  while (low < high)
    {
      guint middle = low + (high - low) / 2;
      const DimpleInterval *interval = &g_array_index (self->missing, DimpleInterval, middle);

      if (interval->tail < parsed.tail || (interval->tail == parsed.tail && interval->last < parsed.time))
        low = middle + 1;
      else
        high = middle;
    }
  if (low == self->missing->len)
    return FALSE;
  return g_array_index (self->missing, DimpleInterval, low).tail == parsed.tail &&
         g_array_index (self->missing, DimpleInterval, low).first <= parsed.time;
}

/* How many of a pack's transactions are news to the storage, and how large all of them are. */
static guint
weigh (Push       *self,
       DimplePack *pack,
       gsize      *size)
{
  guint n_missing = 0;

  *size = 0;
  for (guint i = 0; i < pack->transactions->len; i++)
    {
      const DimpleTransaction *transaction = g_ptr_array_index (pack->transactions, i);

      n_missing += is_missing (self, transaction->id);
      *size += dimple_transaction_measure (transaction);
    }
  return n_missing;
}

static gboolean
is_last_part (const DimplePack *pack)
{
  return pack->name.part > 0 && pack->name.part == pack->name.n_parts;
}

/* One that is too large waits for a better library, and nothing waits for it. */
static gboolean
handle_failure (Push              *self,
                const DimplePack  *pack,
                GError            *failure,      /* (transfer full) */
                GError           **error)
{
  if (!g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_FAILED))
    {
      g_propagate_error (error, failure);
      return FALSE;
    }
  g_strlcpy (self->too_large, pack->name.first, sizeof self->too_large);
  dimple_sync_session_note (self->session, failure);
  return TRUE;
}

static gboolean
put (Push        *self,
     DimplePack  *pack,
     GError     **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(GBytes) contents = NULL;
  g_autofree char *key = NULL;
  gsize size;
  guint weight = weigh (self, pack, &size);

  dimple_pack_set_name (pack);
  key = dimple_pack_name_format (&pack->name);
  if (pack->name.part == 1)
    self->n_parts = 0;
  if (pack->name.part > 0)
    {
      weight = is_last_part (pack) ? weight : 0;
      size = pack->whole_size;
    }
  /* A part of an earlier sync that was cut off, or nothing has changed about what was to be written anew. */
  if (g_hash_table_contains (self->listing->packs, key))
    {
      self->session->uploaded += self->n_parts > 0 ? weight : 0;
      return TRUE;
    }

  if (pack->name.part > 0 && g_str_equal (pack->name.first, self->too_large))
    return TRUE;
  contents = dimple_pack_encode (pack, &failure);
  if (contents == NULL)
    return handle_failure (self, pack, g_steal_pointer (&failure), error);
  self->n_parts += pack->name.part > 0;
  g_hash_table_insert (self->sizes, g_strdup (key), GSIZE_TO_POINTER (size));
  dimple_requests_put (self->session->requests, self->storage, key, contents, weight);
  return TRUE;
}

/* Makes the next pack and asks to put it, unless it has to wait; FALSE without an error if there is none. */
static gboolean
put_next (Push    *self,
          GError **error)
{
  g_autoptr(DimplePack) pack = g_steal_pointer (&self->last_part);
  DimpleConnection *reader;

  if (pack != NULL)
    return put (self, pack, error);
  reader = dimple_store_acquire_reader (self->session->store, error);
  if (reader == NULL)
    return FALSE;
  pack = dimple_sync_packer_next (self->packer, reader, error);
  dimple_store_release_reader (self->session->store, reader);
  if (pack != NULL && is_last_part (pack) && dimple_requests_get_n_open (self->session->requests) > 0)
    {
      self->last_part = g_steal_pointer (&pack);
      return TRUE;
    }
  return pack != NULL && put (self, pack, error);
}

static gboolean
may_put (Push *self)
{
  guint n_open = dimple_requests_get_n_open (self->session->requests);

  return self->last_part != NULL ? n_open == 0 : n_open < MAX_OPEN;
}

static gboolean
put_all (Push    *self,
         GError **error)
{
  DimpleSyncSession *session = self->session;
  g_autoptr(GError) failure = NULL;
  gboolean more = TRUE;

  while (TRUE)
    {
      g_autoptr(DimpleRequest) request = NULL;

      while (more && may_put (self))
        more = put_next (self, &failure);
      if (dimple_requests_get_n_open (session->requests) == 0)
        break;

      request = dimple_requests_wait (session->requests);
      if (request->error == NULL)
        {
          session->uploaded += request->weight;
          dimple_sync_sizes_note (session, request->key,
                                  GPOINTER_TO_SIZE (g_hash_table_lookup (self->sizes, request->key)));
        }
      else if (failure == NULL)
        {
          failure = g_steal_pointer (&request->error);
        }
      more = more && failure == NULL;
      dimple_sync_session_report (session, dimple_sync_packer_get_progress (self->packer));
    }

  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
write_packs (Push    *self,
             GError **error)
{
  if (self->written->len == 0)
    return TRUE;
  /* The repository may never know what a power cut could still take from this device. */
  if (!dimple_store_sync_to_disk (self->session->store, error))
    return FALSE;
  self->packer = dimple_sync_packer_new (self->session->held, self->written);
  return put_all (self, error);
}

gboolean
dimple_sync_push (DimpleSyncSession  *session,
                  DimpleStorage      *storage,
                  DimpleListing      *listing,
                  GError            **error)
{
  Push self = { .session = session, .storage = storage, .listing = listing };
  gboolean pushed;

  self.sizes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  pushed = prepare (&self, error) && write_packs (&self, error) && dimple_sync_packs_clean (self.packs, storage, error);
  g_clear_pointer (&self.packer, dimple_sync_packer_free);
  g_clear_pointer (&self.last_part, dimple_pack_free);
  g_clear_pointer (&self.packs, dimple_sync_packs_free);
  g_clear_pointer (&self.missing, g_array_unref);
  g_clear_pointer (&self.written, g_array_unref);
  g_hash_table_unref (self.sizes);
  return pushed;
}
