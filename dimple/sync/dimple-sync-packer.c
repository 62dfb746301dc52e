/* dimple-sync-packer.c: making packs of parts of the log
 *
 * A piece is an interval of a run that a storage lacks.  One that begins with its run goes on from a piece that ends
 * where the run's author was then; of several (a branch) the oldest does.  Pieces that go on from each other share packs,
 * so that an app that was opened often does not leave a pack for each time.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-packer-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "dimple-error.h"

typedef struct _Piece Piece;

struct _Piece
{
  DimpleInterval  interval;
  Piece          *next;            /* goes on from this one */
  gboolean        goes_on;         /* from another */
};

struct _DimpleSyncPacker
{
  DimpleHeld        *held;
  GArray            *pieces;       /* of Piece, the oldest first */
  guint              n_begun;      /* of those that go on from none */
  guint              n_done;       /* of all */
  Piece             *piece;        /* being read; NULL: begin the next */
  GArray            *seqs;         /* of its transactions in the log; NULL: not looked for yet */
  guint              position;     /* in `seqs`: the first one not read yet */
  DimpleTransaction *overflow;     /* read, and did not fit into the last pack */
};

static int
compare_pieces (gconstpointer a,
                gconstpointer b)
{
  const DimpleInterval *one = &((const Piece *) a)->interval, *other = &((const Piece *) b)->interval;

  if (one->last != other->last)
    return one->last < other->last ? -1 : 1;
  return one->tail < other->tail ? -1 : one->tail > other->tail;
}

static guint
hash_end (gconstpointer data)
{
  const Piece *piece = data;

  return g_int64_hash (&piece->interval.tail) ^ g_int64_hash (&piece->interval.last);
}

static gboolean
equal_ends (gconstpointer a,
            gconstpointer b)
{
  const DimpleInterval *one = &((const Piece *) a)->interval, *other = &((const Piece *) b)->interval;

  return one->tail == other->tail && one->last == other->last;
}

static void
link_pieces (DimpleSyncPacker *self)
{
  g_autoptr(GHashTable) ends = g_hash_table_new (hash_end, equal_ends);

  for (guint i = 0; i < self->pieces->len; i++)
    g_hash_table_add (ends, &g_array_index (self->pieces, Piece, i));
  for (guint i = 0; i < self->pieces->len; i++)
    {
      Piece *piece = &g_array_index (self->pieces, Piece, i), *before, end = { 0 };
      const char *start = dimple_held_get_start (self->held, piece->interval.tail);
      DimpleId id;

      if (piece->interval.first > 0 || start == NULL || !dimple_id_parse (&id, start))
        continue;
      end.interval = (DimpleInterval) { id.tail, 0, id.time };
      before = g_hash_table_lookup (ends, &end);
      if (before == NULL || before->next != NULL ||
          g_strcmp0 (dimple_held_get_author (self->held, id.tail),
                     dimple_held_get_author (self->held, piece->interval.tail)) != 0)
        continue;
      before->next = piece;
      piece->goes_on = TRUE;
    }
}

DimpleSyncPacker *
dimple_sync_packer_new (DimpleHeld *held,
                        GArray     *intervals)
{
  DimpleSyncPacker *self = g_new0 (DimpleSyncPacker, 1);

  self->held = held;
  self->pieces = g_array_sized_new (FALSE, FALSE, sizeof (Piece), intervals->len);
  for (guint i = 0; i < intervals->len; i++)
    {
      Piece piece = { .interval = g_array_index (intervals, DimpleInterval, i) };

      g_array_append_val (self->pieces, piece);
    }
  g_array_sort (self->pieces, compare_pieces);
  link_pieces (self);
  return self;
}

void
dimple_sync_packer_free (DimpleSyncPacker *self)
{
  g_clear_pointer (&self->overflow, dimple_transaction_free);
  g_clear_pointer (&self->seqs, g_array_unref);
  g_array_unref (self->pieces);
  g_free (self);
}

double
dimple_sync_packer_get_progress (DimpleSyncPacker *self)
{
  double done = self->n_done;

  if (self->seqs != NULL && self->seqs->len > 0)
    done += self->position / (double) self->seqs->len;
  return self->pieces->len > 0 ? done / self->pieces->len : 1;
}

/* -- Filling a pack --------------------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleSyncPacker *packer;
  DimplePack       *pack;
  gsize             size;
  gboolean          is_full;
} Filling;

static void
begin_piece (DimpleSyncPacker *self,
             Piece            *piece)
{
  self->piece = piece;
  self->position = 0;
  g_clear_pointer (&self->seqs, g_array_unref);
}

/* Begins the next piece that goes on from none; FALSE at the end. */
static gboolean
begin_chain (DimpleSyncPacker *self)
{
  while (self->n_begun < self->pieces->len)
    {
      Piece *piece = &g_array_index (self->pieces, Piece, self->n_begun++);

      if (!piece->goes_on)
        {
          begin_piece (self, piece);
          return TRUE;
        }
    }
  return FALSE;
}

static void
add_transaction (Filling           *filling,
                 DimpleTransaction *transaction)
{
  filling->size += dimple_transaction_measure (transaction);
  g_ptr_array_add (filling->pack->transactions, transaction);
}

static gboolean
find_transactions (DimpleSyncPacker  *self,
                   DimpleConnection  *reader,
                   GError           **error)
{
  const DimpleInterval *interval = &self->piece->interval;
  const char *author = dimple_held_get_author (self->held, interval->tail);
  char first[DIMPLE_UUID_SIZE], last[DIMPLE_UUID_SIZE];

  dimple_uuid7_format (interval->first, interval->tail, first);
  dimple_uuid7_format (interval->last, interval->tail, last);
  self->seqs = dimple_log_find_range (reader, author, first, last, error);
  return self->seqs != NULL;
}

/* Reads the present piece into the pack, till its end or till the pack is full. */
static gboolean
fill (Filling           *filling,
      DimpleConnection  *reader,
      GError           **error)
{
  DimpleSyncPacker *self = filling->packer;

  if (self->seqs == NULL && !find_transactions (self, reader, error))
    return FALSE;
  if (self->overflow != NULL)
    add_transaction (filling, g_steal_pointer (&self->overflow));

  while (self->position < self->seqs->len)
    {
      g_autoptr(GError) failure = NULL;
      gint64 seq = g_array_index (self->seqs, gint64, self->position++);
      DimpleTransaction *transaction = dimple_log_read_transaction (reader, seq, &failure);

      if (failure != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
      /* NULL: another process has pruned it. */
      if (transaction == NULL)
        continue;
      if (filling->pack->transactions->len > 0 &&
          filling->size + dimple_transaction_measure (transaction) > DIMPLE_PACK_SIZE)
        {
          self->overflow = transaction;
          filling->is_full = TRUE;
          break;
        }
      add_transaction (filling, transaction);
    }
  return TRUE;
}

static gboolean
fill_chain (Filling           *filling,
            DimpleConnection  *reader,
            GError           **error)
{
  DimpleSyncPacker *self = filling->packer;

  while (self->piece != NULL && !filling->is_full)
    {
      if (!fill (filling, reader, error))
        return FALSE;
      if (!filling->is_full)
        {
          self->n_done++;
          begin_piece (self, self->piece->next);
        }
    }
  return TRUE;
}

/* -- The pack's head -------------------------------------------------------------------------------------------------- */

/* The intervals that the pack's path consists of. */
static gboolean
add_runs (DimpleSyncPacker *self,
          DimplePack       *pack)
{
  const DimpleTransaction *first = g_ptr_array_index (pack->transactions, 0);
  const DimpleTransaction *last = g_ptr_array_index (pack->transactions, pack->transactions->len - 1);
  g_autoptr(GArray) path = g_array_new (FALSE, FALSE, sizeof (DimpleInterval));
  DimpleId first_id, last_id;

  if (!dimple_id_parse (&first_id, first->id) || !dimple_id_parse (&last_id, last->id) ||
      !dimple_held_get_path (self->held, &first_id, &last_id, path))
    return FALSE;

  for (guint i = path->len; i-- > 0;)
    {
      const DimpleInterval *interval = &g_array_index (path, DimpleInterval, i);
      const char *after = i == path->len - 1 ? first->previous : dimple_held_get_start (self->held, interval->tail);
      char end[DIMPLE_UUID_SIZE];

      dimple_uuid7_format (interval->last, interval->tail, end);
      dimple_pack_add_run (pack, after, end);
    }
  return TRUE;
}

static gboolean
add_author (DimplePack        *pack,
            DimpleConnection  *reader,
            GError           **error)
{
  const DimpleTransaction *first = g_ptr_array_index (pack->transactions, 0);
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) failure = NULL;

  g_strlcpy (pack->name.author, first->author, DIMPLE_UUID_SIZE);
  statement = dimple_connection_prepare (reader, "SELECT name FROM dimple_author WHERE id = ?1", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, first->author, -1, SQLITE_STATIC);
  if (dimple_statement_step (statement, &failure))
    pack->author_name = g_strdup ((const char *) sqlite3_column_text (statement, 0));
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

DimplePack *
dimple_sync_packer_next (DimpleSyncPacker  *self,
                         DimpleConnection  *reader,
                         GError           **error)
{
  g_autoptr(DimplePack) pack = dimple_pack_new ();
  Filling filling = { .packer = self, .pack = pack };

  /* Pruning may have left nothing of a piece. */
  while (pack->transactions->len == 0)
    {
      if (self->piece == NULL && !begin_chain (self))
        return NULL;
      if (!fill_chain (&filling, reader, error))
        return NULL;
    }

  if (!add_runs (self, pack))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CORRUPT,
                   _("The database is damaged: what came before transaction %s is missing. Restore a backup."),
                   ((DimpleTransaction *) g_ptr_array_index (pack->transactions, pack->transactions->len - 1))->id);
      return NULL;
    }
  if (!add_author (pack, reader, error))
    return NULL;
  return g_steal_pointer (&pack);
}
