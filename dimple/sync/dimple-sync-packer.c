/* dimple-sync-packer.c: making packs of parts of the log
 *
 * A piece is an interval of a run that a storage lacks.  One that begins with its run goes on from a piece that ends
 * where the run's author was then; of several (a branch) the oldest does.  Pieces that go on from each other share
 * packs, so that an app that was opened often does not leave a pack for each time.  A transaction that is too large for
 * a pack ends the one before it, and comes in parts.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-packer-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "dimple-error.h"
#include "dimple-sync-split-private.h"

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
  GArray            *places;       /* of its transactions in the log; NULL: not looked for yet */
  guint              position;     /* in `places`: the first one not read yet */
  DimpleSyncSplit   *split;        /* what is being given in parts */
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
  g_clear_pointer (&self->places, g_array_unref);
  g_clear_pointer (&self->split, dimple_sync_split_free);
  g_array_unref (self->pieces);
  g_free (self);
}

double
dimple_sync_packer_get_progress (DimpleSyncPacker *self)
{
  double done = self->n_done, within = self->position;

  if (self->split != NULL)
    within += dimple_sync_split_get_progress (self->split) - 1;
  if (self->places != NULL && self->places->len > 0)
    done += within / self->places->len;
  return self->pieces->len > 0 ? done / self->pieces->len : 1;
}

/* -- Filling a pack ------------------------------------------------------------------------------------------------ */

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
  g_clear_pointer (&self->places, g_array_unref);
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
  self->places = dimple_log_find_range (reader, author, first, last, error);
  return self->places != NULL;
}

/* Takes the transaction at `place` into the pack, unless that is full: then it waits. */
static gboolean
take (Filling               *filling,
      const DimpleLogPlace  *place,
      DimpleConnection      *reader,
      GError               **error)
{
  DimpleSyncPacker *self = filling->packer;
  g_autoptr(GError) failure = NULL;
  DimpleTransaction *transaction = NULL;

  if (place->more)
    self->split = dimple_sync_split_new (reader, place->seq, &failure);
  if (self->split == NULL && failure == NULL)
    transaction = dimple_log_read_transaction (reader, place->seq, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }

  filling->is_full = self->split != NULL;
  /* NULL: it comes in parts, or another process has pruned it. */
  if (transaction == NULL)
    return TRUE;
  if (filling->pack->transactions->len > 0 &&
      filling->size + dimple_transaction_measure (transaction) > dimple_pack_get_size ())
    {
      self->overflow = transaction;
      filling->is_full = TRUE;
      return TRUE;
    }
  add_transaction (filling, transaction);
  return TRUE;
}

/* Reads the present piece into the pack, till its end or till the pack is full. */
static gboolean
fill (Filling           *filling,
      DimpleConnection  *reader,
      GError           **error)
{
  DimpleSyncPacker *self = filling->packer;

  if (self->places == NULL && !find_transactions (self, reader, error))
    return FALSE;
  if (self->overflow != NULL)
    add_transaction (filling, g_steal_pointer (&self->overflow));
  while (self->position < self->places->len && !filling->is_full)
    {
      const DimpleLogPlace *place = &g_array_index (self->places, DimpleLogPlace, self->position++);

      if (!take (filling, place, reader, error))
        return FALSE;
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

/* -- The pack's head ----------------------------------------------------------------------------------------------- */

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

static gboolean
add_head (DimpleSyncPacker  *self,
          DimplePack        *pack,
          DimpleConnection  *reader,
          GError           **error)
{
  if (!add_runs (self, pack))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CORRUPT,
                   _("The database is damaged: what came before transaction %s is missing. Restore a backup."),
                   ((DimpleTransaction *) g_ptr_array_index (pack->transactions, pack->transactions->len - 1))->id);
      return FALSE;
    }
  return add_author (pack, reader, error);
}

static DimplePack *
make_part (DimpleSyncPacker  *self,
           DimpleConnection  *reader,
           GError           **error)
{
  DimplePack *part = dimple_sync_split_next (self->split, reader, error);

  if (part == NULL)
    g_clear_pointer (&self->split, dimple_sync_split_free);
  return part;
}

/* What fits into one pack; NULL without an error if that is nothing. */
static DimplePack *
make_pack (DimpleSyncPacker  *self,
           DimpleConnection  *reader,
           GError           **error)
{
  g_autoptr(DimplePack) pack = dimple_pack_new ();
  Filling filling = { .packer = self, .pack = pack };

  if (!fill_chain (&filling, reader, error) || pack->transactions->len == 0)
    return NULL;
  return g_steal_pointer (&pack);
}

DimplePack *
dimple_sync_packer_next (DimpleSyncPacker  *self,
                         DimpleConnection  *reader,
                         GError           **error)
{
  g_autoptr(DimplePack) pack = NULL;

  /* Pruning may have left nothing of a piece, and a transaction in parts comes after an empty pack. */
  while (pack == NULL)
    {
      g_autoptr(GError) failure = NULL;

      if (self->split == NULL && self->piece == NULL && !begin_chain (self))
        return NULL;
      pack = self->split != NULL ? make_part (self, reader, &failure) : make_pack (self, reader, &failure);
      if (failure != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return NULL;
        }
    }
  return add_head (self, pack, reader, error) ? g_steal_pointer (&pack) : NULL;
}
