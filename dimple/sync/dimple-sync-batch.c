/* dimple-sync-batch.c: packs that came in, merged some at a time
 *
 * Small packs are merged together, up to the size of a full one: a commit then holds the write lock for milliseconds,
 * and memory is bounded.  Any order gives the same result, but a row may come before the one that it references: a
 * batch that a constraint refuses waits for what comes next.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-batch-private.h"

#include "dimple-error.h"

struct _DimpleSyncBatch
{
  DimpleSyncSession *session;
  GPtrArray         *packs;        /* of DimplePack, with only the transactions that are not held */
  GHashTable        *ids;          /* set of the transactions in them; the ids are theirs */
  gsize              size;
  gsize              wait_until;   /* a refused batch is tried again at this size */
  GPtrArray         *bad;          /* keys */
};

DimpleSyncBatch *
dimple_sync_batch_new (DimpleSyncSession *session)
{
  DimpleSyncBatch *self = g_new0 (DimpleSyncBatch, 1);

  self->session = session;
  self->packs = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_pack_free);
  self->ids = g_hash_table_new (g_str_hash, g_str_equal);
  self->wait_until = dimple_pack_get_size ();
  self->bad = g_ptr_array_new_with_free_func (g_free);
  return self;
}

void
dimple_sync_batch_free (DimpleSyncBatch *self)
{
  g_hash_table_unref (self->ids);
  g_ptr_array_unref (self->packs);
  g_ptr_array_unref (self->bad);
  g_free (self);
}

GPtrArray *
dimple_sync_batch_get_bad (DimpleSyncBatch *self)
{
  return self->bad;
}

/* -- Taking in ----------------------------------------------------------------------------------------------------- */

static gboolean
is_known (DimpleSyncBatch   *self,
          DimpleTransaction *transaction)
{
  return dimple_held_has (self->session->held, transaction->id) || g_hash_table_contains (self->ids, transaction->id);
}

/* Drops the transactions that are known. */
static void
keep_unknown (DimpleSyncBatch *self,
              DimplePack      *pack)
{
  gsize n;
  g_autofree gpointer *transactions = g_ptr_array_steal (pack->transactions, &n);

  for (gsize i = 0; i < n; i++)
    {
      if (is_known (self, transactions[i]))
        dimple_transaction_free (transactions[i]);
      else
        g_ptr_array_add (pack->transactions, transactions[i]);
    }
}

static gboolean
is_own_author (DimpleSyncBatch  *self,
               const char       *author,
               gboolean         *is_own,
               GError          **error)
{
  g_auto(GStrv) authors = dimple_store_dup_authors (self->session->store, error);

  if (authors == NULL)
    return FALSE;
  *is_own = g_strv_contains ((const char * const *) authors, author);
  return TRUE;
}

/* Transactions of ours that we don't know: this database was copied or restored, and somebody else goes on writing
 * under its author id. */
static gboolean
check_fork (DimpleSyncBatch  *self,
            DimplePack       *pack,
            GError          **error)
{
  gboolean is_own = FALSE;

  if (pack->transactions->len == 0)
    return TRUE;
  if (!is_own_author (self, pack->name.author, &is_own, error))
    return FALSE;
  if (!is_own)
    return TRUE;

  /* Another process may have written and uploaded them since the log was read. */
  if (!dimple_sync_session_update_held (self->session, error))
    return FALSE;
  keep_unknown (self, pack);
  return pack->transactions->len == 0 || dimple_store_take_new_author (self->session->store, error);
}

static gboolean flush (DimpleSyncBatch  *self,
                       gboolean          is_last,
                       GError          **error);

gboolean
dimple_sync_batch_add (DimpleSyncBatch  *self,
                       DimplePack       *pack,
                       GError          **error)
{
  g_autoptr(DimplePack) owned = pack;

  keep_unknown (self, pack);
  if (!check_fork (self, pack, error))
    return FALSE;

  for (guint i = 0; i < pack->transactions->len; i++)
    {
      DimpleTransaction *transaction = g_ptr_array_index (pack->transactions, i);

      g_hash_table_add (self->ids, transaction->id);
      self->size += dimple_transaction_measure (transaction);
    }
  g_ptr_array_add (self->packs, g_steal_pointer (&owned));
  return self->size < self->wait_until || flush (self, FALSE, error);
}

gboolean
dimple_sync_batch_finish (DimpleSyncBatch  *self,
                          GError          **error)
{
  return self->packs->len == 0 || flush (self, TRUE, error);
}

/* -- Merging ------------------------------------------------------------------------------------------------------- */

static gboolean
name_author (DimpleSyncBatch  *self,
             DimplePack       *pack,
             GError          **error)
{
  GHashTable *names = self->session->author_names;
  const char *known = g_hash_table_lookup (names, pack->name.author);

  if (pack->author_name == NULL || g_strcmp0 (known, pack->author_name) == 0)
    return TRUE;
  g_hash_table_insert (names, g_strdup (pack->name.author), g_strdup (pack->author_name));
  return dimple_store_set_author_name (self->session->store, pack->name.author, pack->author_name, error);
}

static gboolean
apply (DimpleSyncBatch  *self,
       GPtrArray        *packs,
       GError          **error)
{
  g_autoptr(GPtrArray) transactions = g_ptr_array_new ();

  for (guint i = 0; i < packs->len; i++)
    {
      DimplePack *pack = g_ptr_array_index (packs, i);

      g_ptr_array_extend (transactions, pack->transactions, NULL, NULL);
    }
  if (transactions->len > 0 &&
      !dimple_store_apply (self->session->store, transactions, dimple_held_get_seq (self->session->held), error))
    return FALSE;
  self->session->downloaded += transactions->len;

  /* First by the log, so that only what it does not say counts as news. */
  if (!dimple_sync_session_update_held (self->session, error))
    return FALSE;
  for (guint i = 0; i < packs->len; i++)
    {
      DimplePack *pack = g_ptr_array_index (packs, i);

      for (guint run = 0; run < pack->runs->len; run++)
        {
          const DimplePackRun *interval = &g_array_index (pack->runs, DimplePackRun, run);

          dimple_held_add (self->session->held, pack->name.author, interval->after, interval->last);
        }
      if (pack->transactions->len > 0 && !name_author (self, pack, error))
        return FALSE;
      if (pack->name.part > 0 && !dimple_sync_staging_forget (self->session->staging, &pack->name, error))
        return FALSE;
    }
  return TRUE;
}

/* What is wrong with parts is found out when all are there, and cannot be told of one of them: all are fetched anew,
 * and if they were fetched just now, all are bad. */
static gboolean
set_aside (DimpleSyncBatch  *self,
           DimplePack       *pack,
           GError          **error)
{
  DimplePackName name = pack->name;

  if (name.part == 0)
    {
      g_ptr_array_add (self->bad, dimple_pack_name_format (&name));
      return TRUE;
    }
  for (name.part = 1; pack->is_fetched && name.part <= name.n_parts; name.part++)
    g_ptr_array_add (self->bad, dimple_pack_name_format (&name));
  return dimple_sync_staging_forget (self->session->staging, &name, error);
}

/* One of the packs is bad: the others are merged. */
static gboolean
apply_one_by_one (DimpleSyncBatch  *self,
                  GError          **error)
{
  for (guint i = 0; i < self->packs->len; i++)
    {
      DimplePack *pack = g_ptr_array_index (self->packs, i);
      g_autoptr(GPtrArray) one = g_ptr_array_new ();
      g_autoptr(GError) failure = NULL;

      g_ptr_array_add (one, pack);
      if (apply (self, one, &failure))
        continue;
      if (!g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
      dimple_sync_session_note (self->session, g_steal_pointer (&failure));
      if (!set_aside (self, pack, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
flush (DimpleSyncBatch  *self,
       gboolean          is_last,
       GError          **error)
{
  g_autoptr(GError) failure = NULL;
  gboolean done;

  if (g_cancellable_set_error_if_cancelled (self->session->cancellable, error))
    return FALSE;

  done = apply (self, self->packs, &failure);
  if (!done && g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT) && !is_last)
    {
      self->wait_until = self->size + MAX (self->size / 2, dimple_pack_get_size ());
      return TRUE;
    }
  if (!done && g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK))
    {
      g_clear_error (&failure);
      done = apply_one_by_one (self, &failure);
    }
  if (!done)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }

  g_hash_table_remove_all (self->ids);
  g_ptr_array_set_size (self->packs, 0);
  self->size = 0;
  self->wait_until = dimple_pack_get_size ();
  return TRUE;
}
