/* dimple-store-prune.c: keeping the history within the limits that the app has set
 *
 * Going over the history takes as long as reading it.  So it is done when it has grown by a part since the last time,
 * or when much of it may have become too old since; on a thread of its own, or by a sync before it uploads.  What is
 * found superseded is dropped some transactions at a time, so that nobody waits for the write lock.
 *
 * Where a good share of the file is free then, its pages are given back, some at a time, too.
 *
 * When that was done last is in dimple_state: 'pruned', as "time size seq": in microseconds, and the size of the
 * history up to that seq.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include "dimple-free-pages-private.h"
#include "dimple-held-private.h"
#include "dimple-pack-table-private.h"
#include "dimple-prune-private.h"

#define DELAY_MS 10000
/* So many transactions are rewritten in one write transaction. */
#define BATCH 100
/* It has to have grown by a quarter, and by so many bytes. */
#define GROWTH 4
#define MIN_GROWTH (32 * 1024)
#define MIN_INTERVAL G_TIME_SPAN_HOUR
/* Of a history that is too large so much more is dropped, lest it is too large again at once. */
#define SLACK 4

/* So many pages are given back in one write transaction, and then others may write for so long. */
#define PAGES_AT_ONCE 256
#define PAUSE_US 1000

#define STATE "pruned"

typedef struct
{
  gint64  max_age;          /* of the policy */
  guint64 max_size;
  gint64  time;             /* when the history was last gone over; 0: never */
  guint64 size_then;        /* what its size was afterwards */
  gint64  seq;              /* up to where `size` was measured */
  guint64 size;
} History;

static void
read_limits (DimpleStore *self,
             History     *history)
{
  g_mutex_lock (&self->prune_lock);
  history->max_age = self->history_max_age;
  history->max_size = self->history_max_size;
  g_mutex_unlock (&self->prune_lock);
}

static gboolean
has_limits (const History *history)
{
  return history->max_age > 0 || history->max_size > 0;
}

static gboolean
read_state (DimpleStore  *self,
            History      *history,
            GError      **error)
{
  g_autoptr(GError) failure = NULL;
  g_autofree char *state = dimple_store_dup_state (self, STATE, &failure);
  g_auto(GStrv) words = NULL;

  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  words = g_strsplit (state != NULL ? state : "", " ", -1);
  if (g_strv_length (words) == 3)
    {
      history->time = g_ascii_strtoll (words[0], NULL, 10);
      history->size_then = history->size = g_ascii_strtoull (words[1], NULL, 10);
      history->seq = g_ascii_strtoll (words[2], NULL, 10);
    }
  return TRUE;
}

/* Adds what came since. */
static gboolean
measure (History           *history,
         DimpleConnection  *reader,
         GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) failure = NULL;

  statement = dimple_connection_prepare (reader, "SELECT coalesce (sum (length (CAST (changes AS BLOB))), 0),"
                                                 " coalesce (max (seq), ?1) FROM dimple_log WHERE seq > ?1", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, history->seq);
  if (dimple_statement_step (statement, &failure))
    {
      history->size += (guint64) sqlite3_column_int64 (statement, 0);
      history->seq = sqlite3_column_int64 (statement, 1);
    }
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
is_due (const History *history)
{
  gint64 since = g_get_real_time () - history->time;
  gboolean has_grown = history->size >= history->size_then + MAX (history->size_then / GROWTH, MIN_GROWTH);

  if (history->max_size > 0 && history->size > history->max_size && has_grown)
    return TRUE;
  return history->max_age > 0 && (has_grown || since >= MAX (history->max_age / GROWTH, MIN_INTERVAL) || since < 0);
}

/* -- One pass ------------------------------------------------------------------------------------------------------ */

/* What is dropped goes on being held. */
static gboolean
save_held (DimpleConnection  *connection,
           gpointer           user_data,
           GError           **error)
{
  g_autoptr(DimpleHeld) held = dimple_held_new ();

  return dimple_held_update (held, connection, error) && dimple_held_save (held, connection, error);
}

typedef struct
{
  DimplePruner *pruner;
  GArray       *seqs;
  guint         position;
} Batch;

static gboolean
rewrite_batch (DimpleConnection  *connection,
               gpointer           user_data,
               GError           **error)
{
  Batch *batch = user_data;
  guint end = MIN (batch->position + BATCH, batch->seqs->len);

  for (guint i = batch->position; i < end; i++)
    {
      if (!dimple_pruner_rewrite (batch->pruner, connection, g_array_index (batch->seqs, gint64, i), error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
prune_part (DimpleStore   *self,
            DimplePruner  *pruner,
            guint          part,
            GError       **error)
{
  DimpleConnection *reader = dimple_store_acquire_reader (self, error);
  g_autoptr(GArray) seqs = NULL;
  Batch batch = { pruner };

  if (reader == NULL)
    return FALSE;
  seqs = dimple_pruner_choose (pruner, part, reader, error);
  dimple_store_release_reader (self, reader);
  if (seqs == NULL)
    return FALSE;
  for (batch.seqs = seqs; batch.position < seqs->len; batch.position += BATCH)
    {
      if (!dimple_store_write_own (self, rewrite_batch, &batch, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
refresh_packs (DimpleConnection  *connection,
               gpointer           user_data,
               GError           **error)
{
  return dimple_pack_table_refresh (connection, error);
}

static gboolean
look (DimpleStore   *self,
      DimplePruner  *pruner,
      GError       **error)
{
  DimpleConnection *reader = dimple_store_acquire_reader (self, error);
  gboolean looked;

  if (reader == NULL)
    return FALSE;
  looked = dimple_pruner_look (pruner, reader, error);
  dimple_store_release_reader (self, reader);
  return looked;
}

/* Transactions made before `before` (ms) lose what is superseded, until `enough` bytes are freed. */
static gboolean
prune (DimpleStore  *self,
       History      *history,
       gint64        before,
       guint64       enough,
       GError      **error)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (self);
  g_autoptr(DimplePruner) pruner = dimple_pruner_new (schema, before, enough);

  if (!look (self, pruner, error) || !dimple_store_write_own (self, save_held, NULL, error))
    return FALSE;
  for (guint part = 0; part < dimple_pruner_get_n_parts (pruner); part++)
    {
      if (!prune_part (self, pruner, part, error))
        return FALSE;
    }
  history->size -= MIN (history->size, dimple_pruner_get_freed (pruner));
  return dimple_pruner_get_freed (pruner) == 0 || dimple_store_write_own (self, refresh_packs, NULL, error);
}

typedef struct
{
  gint64 n_pages;      /* that are left to be given back */
} Shrinking;

static gboolean
give_back (DimpleConnection  *connection,
           gpointer           user_data,
           GError           **error)
{
  Shrinking *shrinking = user_data;
  gint64 n_pages = MIN (shrinking->n_pages, PAGES_AT_ONCE);

  shrinking->n_pages -= n_pages;
  return dimple_free_pages_give_back (connection, n_pages, error);
}

/* Whoever writes meanwhile takes free pages, and frees others: so it may end sooner or later than it was reckoned. */
static gboolean
shrink_file (DimpleStore  *self,
             GError      **error)
{
  DimpleConnection *reader = dimple_store_acquire_reader (self, error);
  Shrinking shrinking = { 0 };
  gboolean counted, shrinks;

  if (reader == NULL)
    return FALSE;
  counted = dimple_free_pages_count (reader, &shrinking.n_pages, error);
  dimple_store_release_reader (self, reader);
  if (!counted)
    return FALSE;
  shrinks = shrinking.n_pages > 0;
  while (shrinking.n_pages > 0)
    {
      if (!dimple_store_write_own (self, give_back, &shrinking, error))
        return FALSE;
      g_usleep (PAUSE_US);
    }
  /* It is the checkpoint that cuts the file off. */
  if (shrinks)
    dimple_writer_empty_wal (self->writer);
  return TRUE;
}

static gboolean
go_over (DimpleStore  *self,
         History      *history,
         GError      **error)
{
  gint64 now = g_get_real_time ();
  g_autofree char *state = NULL;

  if (history->max_age > 0 && !prune (self, history, (now - history->max_age) / 1000, G_MAXUINT64, error))
    return FALSE;
  if (history->max_size > 0 && history->size > history->max_size &&
      !prune (self, history, G_MAXINT64, history->size - history->max_size + history->max_size / SLACK, error))
    return FALSE;

  state = g_strdup_printf ("%" G_GINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT, now, history->size,
                           history->seq);
  return dimple_store_set_state (self, STATE, state, error) && shrink_file (self, error);
}

static gboolean
prune_within (DimpleStore  *self,
              gboolean      only_if_due,
              GError      **error)
{
  History history = { 0 };
  DimpleConnection *reader;
  gboolean measured;

  read_limits (self, &history);
  if (!has_limits (&history))
    return TRUE;
  if (!read_state (self, &history, error))
    return FALSE;
  reader = dimple_store_acquire_reader (self, error);
  if (reader == NULL)
    return FALSE;
  measured = measure (&history, reader, error);
  dimple_store_release_reader (self, reader);
  if (!measured)
    return FALSE;
  return (only_if_due && !is_due (&history)) || go_over (self, &history, error);
}

gboolean
dimple_store_prune (DimpleStore  *self,
                    gboolean      only_if_due,
                    GError      **error)
{
  gboolean pruned;

  g_mutex_lock (&self->pass_lock);
  pruned = prune_within (self, only_if_due, error);
  g_mutex_unlock (&self->pass_lock);
  return pruned;
}

gboolean
dimple_store_has_history_limits (DimpleStore *self)
{
  History history;

  read_limits (self, &history);
  return has_limits (&history);
}

/* -- By itself ----------------------------------------------------------------------------------------------------- */

static gboolean
on_due (gpointer user_data)
{
  g_autoptr(GError) error = NULL;

  if (!dimple_store_prune (user_data, TRUE, &error))
    g_debug ("The history was not pruned: %s", error->message);
  return G_SOURCE_REMOVE;
}

void
dimple_store_schedule_prune (DimpleStore *self)
{
  if (dimple_store_has_history_limits (self))
    dimple_worker_schedule (self->history_worker, DELAY_MS, on_due, self);
}
