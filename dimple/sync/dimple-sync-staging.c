/* dimple-sync-staging.c: parts that were fetched and wait for the others
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-staging-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "dimple-error.h"
#include "dimple-part-table-private.h"

struct _DimpleSyncStaging
{
  DimpleStore *store;
  GHashTable  *packs;        /* key of the first part -> set of the numbers of those that are there */
  GPtrArray   *unwritten;    /* of Part: of these, those that are not in the store yet */
  gsize        size;         /* of their contents */
};

typedef struct
{
  char   *pack;
  guint   number;
  GBytes *contents;
} Part;

static void
part_free (gpointer data)
{
  Part *part = data;

  g_free (part->pack);
  g_bytes_unref (part->contents);
  g_free (part);
}

static void
note_part (const char *pack,
           guint       part,
           gpointer    user_data)
{
  DimpleSyncStaging *self = user_data;
  GHashTable *parts = g_hash_table_lookup (self->packs, pack);

  if (parts == NULL)
    {
      parts = g_hash_table_new (NULL, NULL);
      g_hash_table_insert (self->packs, g_strdup (pack), parts);
    }
  g_hash_table_add (parts, GUINT_TO_POINTER (part));
}

DimpleSyncStaging *
dimple_sync_staging_new (DimpleStore  *store,
                         GError      **error)
{
  g_autoptr(DimpleSyncStaging) self = g_new0 (DimpleSyncStaging, 1);
  DimpleConnection *reader = NULL;
  gboolean listed;

  self->store = g_object_ref (store);
  self->packs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_hash_table_unref);
  self->unwritten = g_ptr_array_new_with_free_func (part_free);
  reader = dimple_store_acquire_reader (store, error);
  if (reader == NULL)
    return NULL;
  listed = dimple_part_table_list (reader, note_part, self, error);
  dimple_store_release_reader (store, reader);
  return listed ? g_steal_pointer (&self) : NULL;
}

void
dimple_sync_staging_free (DimpleSyncStaging *self)
{
  g_object_unref (self->store);
  g_hash_table_unref (self->packs);
  g_ptr_array_unref (self->unwritten);
  g_free (self);
}

static GHashTable *
find_parts (DimpleSyncStaging    *self,
            const DimplePackName *name)
{
  g_autofree char *pack = dimple_pack_name_format_part (name, 1);

  return g_hash_table_lookup (self->packs, pack);
}

gboolean
dimple_sync_staging_is_empty (DimpleSyncStaging *self)
{
  return g_hash_table_size (self->packs) == 0;
}

gboolean
dimple_sync_staging_has (DimpleSyncStaging    *self,
                         const DimplePackName *name)
{
  GHashTable *parts = find_parts (self, name);

  return parts != NULL && g_hash_table_contains (parts, GUINT_TO_POINTER (name->part));
}

guint
dimple_sync_staging_count (DimpleSyncStaging    *self,
                           const DimplePackName *name)
{
  GHashTable *parts = find_parts (self, name);

  return parts != NULL ? g_hash_table_size (parts) : 0;
}

GArray *
dimple_sync_staging_list_whole (DimpleSyncStaging *self)
{
  GArray *whole = g_array_new (FALSE, FALSE, sizeof (DimplePackName));
  GHashTableIter iter;
  gpointer pack, parts;

  g_hash_table_iter_init (&iter, self->packs);
  while (g_hash_table_iter_next (&iter, &pack, &parts))
    {
      DimplePackName name;

      if (dimple_pack_name_parse (&name, pack) && g_hash_table_size (parts) == name.n_parts)
        g_array_append_val (whole, name);
    }
  return whole;
}

/* -- Writing ------------------------------------------------------------------------------------------------------- */

static gboolean
write_parts (DimpleConnection  *connection,
             gpointer           user_data,
             GError           **error)
{
  GPtrArray *parts = user_data;

  for (guint i = 0; i < parts->len; i++)
    {
      const Part *part = g_ptr_array_index (parts, i);

      if (!dimple_part_table_add (connection, part->pack, part->number, part->contents, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
dimple_sync_staging_flush (DimpleSyncStaging  *self,
                           GError            **error)
{
  if (self->unwritten->len == 0)
    return TRUE;
  if (!dimple_store_write_own (self->store, write_parts, self->unwritten, error))
    return FALSE;
  g_ptr_array_set_size (self->unwritten, 0);
  self->size = 0;
  return TRUE;
}

gboolean
dimple_sync_staging_add (DimpleSyncStaging     *self,
                         const DimplePackName  *name,
                         GBytes                *contents,
                         GError               **error)
{
  Part *part = g_new0 (Part, 1);

  part->pack = dimple_pack_name_format_part (name, 1);
  part->number = name->part;
  part->contents = g_bytes_ref (contents);
  g_ptr_array_add (self->unwritten, part);
  note_part (part->pack, part->number, self);
  self->size += g_bytes_get_size (contents);
  return self->size < dimple_pack_get_size () || dimple_sync_staging_flush (self, error);
}

static gboolean
forget_pack (DimpleConnection  *connection,
             gpointer           user_data,
             GError           **error)
{
  return dimple_part_table_forget (connection, user_data, error);
}

gboolean
dimple_sync_staging_forget (DimpleSyncStaging     *self,
                            const DimplePackName  *name,
                            GError               **error)
{
  g_autofree char *pack = dimple_pack_name_format_part (name, 1);

  if (!g_hash_table_contains (self->packs, pack))
    return TRUE;
  if (!dimple_sync_staging_flush (self, error) || !dimple_store_write_own (self->store, forget_pack, pack, error))
    return FALSE;
  g_hash_table_remove (self->packs, pack);
  return TRUE;
}

gboolean
dimple_sync_staging_clean (DimpleSyncStaging  *self,
                           DimpleStagedFunc    func,
                           gpointer            user_data,
                           GError            **error)
{
  guint n;
  g_autofree gpointer *packs = g_hash_table_get_keys_as_array (self->packs, &n);

  for (guint i = 0; i < n; i++)
    {
      DimplePackName name;

      if (dimple_pack_name_parse (&name, packs[i]) && func (&name, user_data) &&
          !dimple_sync_staging_forget (self, &name, error))
        return FALSE;
    }
  return TRUE;
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

static DimplePack *
read_part (DimpleConnection      *connection,
           const DimplePackName  *name,
           guint                  part,
           GError               **error)
{
  g_autofree char *pack = dimple_pack_name_format_part (name, 1);
  g_autofree char *key = dimple_pack_name_format_part (name, part);
  g_autoptr(GError) failure = NULL;
  g_autoptr(GBytes) contents = dimple_part_table_read (connection, pack, part, &failure);

  if (contents != NULL)
    return dimple_pack_decode (key, contents, error);
  /* Another process has merged it, and cleaned up. */
  if (failure == NULL)
    g_set_error_literal (&failure, DIMPLE_ERROR, DIMPLE_ERROR_BUSY, _("Another sync is running. Try again later."));
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

/* A transaction whose parts are read while it is merged. */
typedef struct
{
  DimplePackName     name;
  DimpleTransaction *first;      /* its first part, without the changes */
  GChecksum         *digest;     /* of the parts read */
} Staged;

static void
staged_free (gpointer data)
{
  Staged *self = data;

  g_clear_pointer (&self->digest, g_checksum_free);
  dimple_transaction_free (self->first);
  g_free (self);
}

static void
set_damaged (Staged      *self,
             guint        part,
             const char  *fault,
             GError     **error)
{
  g_autofree char *key = dimple_pack_name_format_part (&self->name, part);

  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK,
               _("“%s” in the repository is damaged: %s. Sync the device that its changes were made on."), key, fault);
}

/* Whether all that was read is what the names say. */
static gboolean
check_digest (Staged  *self,
              GError **error)
{
  char digest[DIMPLE_PACK_DIGEST_LENGTH + 1];

  dimple_pack_digest_get (self->digest, digest);
  if (g_str_equal (digest, self->name.digest))
    return TRUE;
  set_damaged (self, self->name.n_parts, "with the other parts it makes another transaction", error);
  return FALSE;
}

static GBytes *
read_piece (DimpleConnection  *connection,
            guint              piece,
            gpointer           user_data,
            GError           **error)
{
  Staged *self = user_data;
  g_autoptr(DimplePack) pack = read_part (connection, &self->name, piece + 1, error);
  const DimpleTransaction *transaction;

  if (pack == NULL)
    return NULL;
  transaction = g_ptr_array_index (pack->transactions, 0);
  if (!g_str_equal (transaction->previous, self->first->previous) || transaction->script != self->first->script ||
      transaction->pruned != self->first->pruned)
    {
      set_damaged (self, piece + 1, "it is of another transaction than the parts before it", error);
      return NULL;
    }
  if (piece == 0)
    {
      g_clear_pointer (&self->digest, g_checksum_free);
      self->digest = g_checksum_new (G_CHECKSUM_SHA256);
    }
  dimple_pack_digest_add (self->digest, piece == 0, transaction->id, transaction->changes);
  if (piece + 1 == self->name.n_parts && !check_digest (self, error))
    return NULL;
  return g_bytes_ref (transaction->changes);
}

/* The transaction of a pack comes from the parts from now on. */
static void
defer_changes (DimplePack *pack)
{
  DimpleTransaction *transaction = g_ptr_array_index (pack->transactions, 0);
  Staged *staged = g_new0 (Staged, 1);

  staged->name = pack->name;
  staged->first = g_memdup2 (transaction, sizeof *transaction);
  staged->first->label = NULL;
  staged->first->changes = NULL;
  g_clear_pointer (&transaction->changes, g_bytes_unref);
  transaction->n_pieces = pack->name.n_parts;
  transaction->size = pack->name.n_parts * dimple_pack_get_size ();
  transaction->read_piece = read_piece;
  transaction->piece_data = staged;
  transaction->free_piece_data = staged_free;
}

DimplePack *
dimple_sync_staging_open (DimpleSyncStaging     *self,
                          const DimplePackName  *name,
                          GError               **error)
{
  g_autoptr(DimplePack) pack = NULL;
  DimpleConnection *reader;

  if (!dimple_sync_staging_flush (self, error))
    return NULL;
  reader = dimple_store_acquire_reader (self->store, error);
  if (reader == NULL)
    return NULL;
  pack = read_part (reader, name, 1, error);
  dimple_store_release_reader (self->store, reader);
  if (pack != NULL)
    defer_changes (pack);
  return g_steal_pointer (&pack);
}
