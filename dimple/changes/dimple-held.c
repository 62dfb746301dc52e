/* dimple-held.c: which transactions a device holds
 *
 * The log is read once, from where the last reading ended; what was read is kept in dimple_run, an interval a row.  The
 * table can always be made again from the log, but for what packs said of transactions that pruning has dropped.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-held-private.h"

#include <string.h>

/* So many rows of the log are read again, at most, when a store is opened. */
#define UNSAVED_ROWS 2000

/* A run of one process.  Its intervals are in order, and neither overlap nor touch. */
typedef struct
{
  guint64  tail;
  char     author[DIMPLE_UUID_SIZE];
  char     start[DIMPLE_UUID_SIZE];    /* what its author wrote before, "" for nothing */
  gboolean has_start;
  gboolean changed;                    /* since the last save */
  GArray  *intervals;                  /* of DimpleInterval */
} Run;

struct _DimpleHeld
{
  GHashTable *runs;                    /* (guint64 *) tail -> Run */
  Run        *newest;                  /* the one found last: nearly always the one asked for next */
  gint64      seq;                     /* of the log, up to which it was read */
  gint64      loaded;                  /* what dimple_run said of that when it was read; -1: it was not */
  guint       unsaved;                 /* rows of the log that were read since the last save */
  gboolean    unlogged;                /* something was added that is not in the log */
  GHashTable *before;                  /* DimpleId of a transaction -> that of the one before it in the log */
};

gboolean
dimple_id_parse (DimpleId   *self,
                 const char *text)
{
  return dimple_uuid7_parse (text, &self->time, &self->tail);
}

int
dimple_id_compare (const DimpleId *a,
                   const DimpleId *b)
{
  if (a->time != b->time)
    return a->time < b->time ? -1 : 1;
  if (a->tail != b->tail)
    return a->tail < b->tail ? -1 : 1;
  return 0;
}

static guint
id_hash (gconstpointer data)
{
  const DimpleId *id = data;

  return g_int64_hash (&id->time) ^ g_int64_hash (&id->tail);
}

static gboolean
id_equal (gconstpointer a,
          gconstpointer b)
{
  return dimple_id_compare (a, b) == 0;
}

static void
run_free (gpointer data)
{
  Run *run = data;

  g_array_unref (run->intervals);
  g_free (run);
}

DimpleHeld *
dimple_held_new (void)
{
  DimpleHeld *self = g_new0 (DimpleHeld, 1);

  self->loaded = -1;
  self->runs = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, run_free);
  self->before = g_hash_table_new_full (id_hash, id_equal, g_free, g_free);
  return self;
}

void
dimple_held_reset (DimpleHeld *self)
{
  g_hash_table_remove_all (self->runs);
  g_hash_table_remove_all (self->before);
  self->newest = NULL;
  self->seq = 0;
  self->loaded = -1;
  self->unsaved = 0;
  self->unlogged = FALSE;
}

void
dimple_held_free (DimpleHeld *self)
{
  g_hash_table_unref (self->runs);
  g_hash_table_unref (self->before);
  g_free (self);
}

static Run *
find_run (DimpleHeld *self,
          guint64     tail)
{
  Run *run;

  if (self->newest != NULL && self->newest->tail == tail)
    return self->newest;

  run = g_hash_table_lookup (self->runs, &tail);
  if (run != NULL)
    self->newest = run;
  return run;
}

static Run *
ensure_run (DimpleHeld *self,
            guint64     tail,
            const char *author)
{
  Run *run = find_run (self, tail);

  if (run != NULL)
    return run;

  run = g_new0 (Run, 1);
  run->tail = tail;
  run->intervals = g_array_new (FALSE, FALSE, sizeof (DimpleInterval));
  g_strlcpy (run->author, author, sizeof run->author);
  g_hash_table_insert (self->runs, &run->tail, run);
  self->newest = run;
  return run;
}

/* The first interval that ends at `time` or later; their number if there is none. */
static guint
lower_bound (GArray  *intervals,
             guint64  time)
{
  guint low = 0, high = intervals->len;

  if (high > 0 && g_array_index (intervals, DimpleInterval, high - 1).last < time)
    return high;
  while (low < high)
    {
      guint middle = low + (high - low) / 2;

      if (g_array_index (intervals, DimpleInterval, middle).last < time)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

static const DimpleInterval *
find_interval (Run     *run,
               guint64  time)
{
  guint position = lower_bound (run->intervals, time);
  const DimpleInterval *interval;

  if (position == run->intervals->len)
    return NULL;
  interval = &g_array_index (run->intervals, DimpleInterval, position);
  return interval->first <= time ? interval : NULL;
}

/* Adds an interval to those of its run, and joins those that now touch.  FALSE if it was there already. */
static gboolean
add_interval (Run     *run,
              guint64  first,
              guint64  last)
{
  GArray *intervals = run->intervals;
  guint position = lower_bound (intervals, first > 0 ? first - 1 : 0);
  guint end = position;
  DimpleInterval joined = { run->tail, first, last };

  while (end < intervals->len && g_array_index (intervals, DimpleInterval, end).first <= last + 1)
    {
      const DimpleInterval *interval = &g_array_index (intervals, DimpleInterval, end);

      if (interval->first <= first && interval->last >= last)
        return FALSE;
      joined.first = MIN (joined.first, interval->first);
      joined.last = MAX (joined.last, interval->last);
      end++;
    }

  if (end == position)
    {
      g_array_insert_val (intervals, position, joined);
    }
  else
    {
      g_array_index (intervals, DimpleInterval, position) = joined;
      g_array_remove_range (intervals, position + 1, end - position - 1);
    }
  return TRUE;
}

static gboolean
add (DimpleHeld *self,
     const char *author,
     const char *after,
     const char *last,
     gboolean   *is_new)
{
  DimpleId after_id = { 0, 0 }, last_id;
  gboolean starts;
  Run *run;

  if (!dimple_id_parse (&last_id, last))
    return FALSE;
  if (*after != '\0' && (!dimple_id_parse (&after_id, after) || dimple_id_compare (&after_id, &last_id) >= 0))
    return FALSE;

  starts = *after == '\0' || after_id.tail != last_id.tail;
  run = ensure_run (self, last_id.tail, author);
  *is_new = add_interval (run, starts ? 0 : after_id.time + 1, last_id.time);
  if (starts && !run->has_start)
    {
      g_strlcpy (run->start, after, sizeof run->start);
      run->has_start = TRUE;
      *is_new = TRUE;
    }
  run->changed |= *is_new;
  return TRUE;
}

gboolean
dimple_held_add (DimpleHeld *self,
                 const char *author,
                 const char *after,
                 const char *last)
{
  gboolean is_new = FALSE;

  if (!add (self, author, after, last, &is_new))
    return FALSE;
  self->unlogged |= is_new;
  return TRUE;
}

gboolean
dimple_held_has (DimpleHeld *self,
                 const char *id)
{
  DimpleId parsed;
  Run *run;

  if (!dimple_id_parse (&parsed, id))
    return FALSE;
  run = find_run (self, parsed.tail);
  return run != NULL && find_interval (run, parsed.time) != NULL;
}

gboolean
dimple_held_get_path (DimpleHeld     *self,
                      const DimpleId *first,
                      const DimpleId *last,
                      GArray         *path)
{
  DimpleId id = *last;

  while (TRUE)
    {
      Run *run = find_run (self, id.tail);
      const DimpleInterval *interval = run != NULL ? find_interval (run, id.time) : NULL;
      DimpleInterval step;

      if (interval == NULL)
        return FALSE;
      step = (DimpleInterval) { id.tail, interval->first, id.time };
      if (id.tail == first->tail && interval->first <= first->time && first->time <= id.time)
        {
          step.first = first->time;
          g_array_append_val (path, step);
          return TRUE;
        }
      g_array_append_val (path, step);
      if (interval->first > 0 || !run->has_start || !dimple_id_parse (&id, run->start))
        return FALSE;
    }
}

const char *
dimple_held_get_start (DimpleHeld *self,
                       guint64     tail)
{
  Run *run = find_run (self, tail);

  return run != NULL && run->has_start ? run->start : NULL;
}

const char *
dimple_held_get_author (DimpleHeld *self,
                        guint64     tail)
{
  Run *run = find_run (self, tail);

  return run != NULL ? run->author : NULL;
}

/* -- What is held but not covered ---------------------------------------------------------------------------------- */

static int
compare_intervals (gconstpointer a,
                   gconstpointer b)
{
  const DimpleInterval *one = a, *other = b;

  if (one->tail != other->tail)
    return one->tail < other->tail ? -1 : 1;
  if (one->first != other->first)
    return one->first < other->first ? -1 : 1;
  return 0;
}

/* The position in `covered` of the first interval of a run or a later one. */
static guint
find_tail (GArray  *covered,
           guint64  tail)
{
  guint low = 0, high = covered->len;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;

      if (g_array_index (covered, DimpleInterval, middle).tail < tail)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

static void
subtract_run (Run    *run,
              GArray *covered,
              GArray *missing)
{
  guint position = find_tail (covered, run->tail);

  for (guint i = 0; i < run->intervals->len; i++)
    {
      DimpleInterval left = g_array_index (run->intervals, DimpleInterval, i);
      gboolean is_left = TRUE;

      for (; is_left && position < covered->len; position++)
        {
          const DimpleInterval *cover = &g_array_index (covered, DimpleInterval, position);

          if (cover->tail != run->tail || cover->first > left.last)
            break;
          if (cover->last < left.first)
            continue;
          if (cover->first > left.first)
            {
              DimpleInterval piece = { run->tail, left.first, cover->first - 1 };

              g_array_append_val (missing, piece);
            }
          left.first = cover->last + 1;
          is_left = left.first <= left.last;
        }
      if (is_left)
        g_array_append_val (missing, left);
    }
}

GArray *
dimple_held_subtract (DimpleHeld *self,
                      GArray     *covered)
{
  GArray *missing = g_array_new (FALSE, FALSE, sizeof (DimpleInterval));
  GHashTableIter iter;
  gpointer run;

  g_array_sort (covered, compare_intervals);
  g_hash_table_iter_init (&iter, self->runs);
  while (g_hash_table_iter_next (&iter, NULL, &run))
    subtract_run (run, covered, missing);
  g_array_sort (missing, compare_intervals);
  return missing;
}

static const char *
column_text (sqlite3_stmt *statement,
             int           column)
{
  const char *text = (const char *) sqlite3_column_text (statement, column);

  return text != NULL ? text : "";
}

gint64
dimple_held_get_seq (DimpleHeld *self)
{
  return self->seq;
}

/* -- Neighbours in the log ----------------------------------------------------------------------------------------- */

guint64
dimple_held_get_first (DimpleHeld     *self,
                       const DimpleId *id)
{
  Run *run = find_run (self, id->tail);
  const DimpleInterval *interval = run != NULL ? find_interval (run, id->time) : NULL;

  return interval != NULL ? interval->first : id->time;
}

/* The last transaction of a run that is in the log with low <= time < high; its time, or 0. */
static gboolean
find_in_log (DimpleConnection  *connection,
             const char        *sql,
             const char        *author,
             guint64            tail,
             guint64            low,
             guint64            high,
             guint64           *time,
             GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) failure = NULL;
  char first[DIMPLE_UUID_SIZE], end[DIMPLE_UUID_SIZE];
  DimpleId id;

  *time = 0;
  statement = dimple_connection_prepare (connection, sql, error);
  if (statement == NULL)
    return FALSE;
  dimple_uuid7_format (low, tail, first);
  dimple_uuid7_format (high, tail, end);
  sqlite3_bind_text (statement, 1, author, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, first, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 3, end, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 4, (gint64) low);
  sqlite3_bind_int64 (statement, 5, (gint64) high);
  if (dimple_statement_step (statement, &failure) && dimple_id_parse (&id, column_text (statement, 0)))
    *time = id.time;
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* Own rows are found by their seq, others by their index; only by way of it is it quick to find that there are none.  A
 * run may have both, after a backup was restored. */
static gboolean
find_last_in_run (DimpleConnection  *connection,
                  const char        *author,
                  gboolean           is_own,
                  guint64            tail,
                  guint64            low,
                  guint64            high,
                  guint64           *time,
                  GError           **error)
{
  guint64 own_time;

  if (!find_in_log (connection,
                    "SELECT id FROM dimple_log INDEXED BY dimple_log_foreign WHERE flags & 1 AND id >= ?2 AND id < ?3 "
                    "AND author = (SELECT number FROM dimple_author WHERE id = ?1) AND substr(id, 20) = substr(?3, 20) "
                    "ORDER BY id DESC LIMIT 1", author, tail, low, high, time, error))
    return FALSE;
  if (!is_own)
    return TRUE;
  if (!find_in_log (connection,
                    "SELECT id FROM dimple_log WHERE NOT flags & 1 AND seq >= ?4 AND seq < ?5 AND id < ?3 "
                    "AND substr(id, 20) = substr(?3, 20) ORDER BY seq DESC LIMIT 1", author, tail, MAX (low, *time),
                    high, &own_time, error))
    return FALSE;
  *time = MAX (*time, own_time);
  return TRUE;
}

/* `is_final`: what comes in the future changes nothing of it, as there is no gap before `first`. */
static gboolean
look_before (DimpleHeld        *self,
             DimpleConnection  *connection,
             const char        *author,
             gboolean           is_own,
             const DimpleId    *first,
             DimpleId          *before,
             gboolean          *is_final,
             GError           **error)
{
  DimpleId at = *first;
  guint64 end = first->time;

  *before = (DimpleId) { 0, 0 };
  *is_final = FALSE;
  while (TRUE)
    {
      Run *run = find_run (self, at.tail);
      const DimpleInterval *interval = run != NULL ? find_interval (run, at.time) : NULL;
      DimpleId start = { 0, 0 };
      gboolean is_whole, has_start;
      guint64 time;

      if (interval == NULL)
        return TRUE;
      is_whole = interval->first == 0 && run->has_start;
      has_start = is_whole && dimple_id_parse (&start, run->start);
      if (!find_last_in_run (connection, author, is_own, at.tail, MAX (interval->first, start.time), end, &time, error))
        return FALSE;
      if (time > 0)
        *before = (DimpleId) { time, at.tail };
      if (time > 0 || !has_start)
        {
          *is_final = time > 0 || is_whole;
          return TRUE;
        }
      /* The run that this one goes on from, up to there. */
      at = start;
      end = start.time + 1;
    }
}

gboolean
dimple_held_find_before (DimpleHeld        *self,
                         DimpleConnection  *connection,
                         const char        *author,
                         gboolean           is_own,
                         const DimpleId    *first,
                         DimpleId          *before,
                         GError           **error)
{
  const DimpleId *known = g_hash_table_lookup (self->before, first);
  gboolean is_final;

  if (known != NULL)
    {
      *before = *known;
      return TRUE;
    }
  if (!look_before (self, connection, author, is_own, first, before, &is_final, error))
    return FALSE;
  if (is_final)
    g_hash_table_insert (self->before, g_memdup2 (first, sizeof *first), g_memdup2 (before, sizeof *before));
  return TRUE;
}

void
dimple_held_forget_before (DimpleHeld *self)
{
  g_hash_table_remove_all (self->before);
}

/* -- Keeping it ---------------------------------------------------------------------------------------------------- */

/* `first` and `last` are the times of ids; `previous` is set where the run begins.  The row of tail -1 says in `last`
 * up to which seq the log was read. */
gboolean
dimple_held_create_tables (DimpleConnection  *connection,
                           GError           **error)
{
  return dimple_connection_exec (connection,
                                 "CREATE TABLE IF NOT EXISTS dimple_run (tail INTEGER, first INTEGER, last INTEGER,"
                                 " author TEXT, previous TEXT, PRIMARY KEY (tail, first)) WITHOUT ROWID",
                                 error);
}

static gboolean
load (DimpleHeld        *self,
      DimpleConnection  *connection,
      GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) failure = NULL;

  statement = dimple_connection_prepare (connection, "SELECT tail, first, last, author, previous FROM dimple_run",
                                         error);
  if (statement == NULL)
    return FALSE;
  self->loaded = MAX (self->loaded, 0);

  while (dimple_statement_step (statement, &failure))
    {
      gint64 tail = sqlite3_column_int64 (statement, 0);
      Run *run;

      if (tail < 0)
        {
          self->loaded = sqlite3_column_int64 (statement, 2);
          self->seq = MAX (self->seq, self->loaded);
          continue;
        }
      run = ensure_run (self, (guint64) tail, column_text (statement, 3));
      add_interval (run, (guint64) sqlite3_column_int64 (statement, 1), (guint64) sqlite3_column_int64 (statement, 2));
      if (sqlite3_column_type (statement, 4) != SQLITE_NULL && !run->has_start)
        {
          g_strlcpy (run->start, column_text (statement, 4), sizeof run->start);
          run->has_start = TRUE;
        }
    }
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  return TRUE;
}

/* The table is read again if somebody has saved since, as what it says may have been pruned from the log. */
static gboolean
load_if_newer (DimpleHeld        *self,
               DimpleConnection  *connection,
               GError           **error)
{
  gint64 saved = 0;

  if (!dimple_connection_get_int64 (connection, "SELECT last FROM dimple_run WHERE tail = -1", 0, &saved, error))
    return FALSE;
  return self->loaded >= saved || load (self, connection, error);
}

gboolean
dimple_held_update (DimpleHeld        *self,
                    DimpleConnection  *connection,
                    GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) failure = NULL;

  if (!load_if_newer (self, connection, error))
    return FALSE;

  statement = dimple_connection_prepare (connection,
                                         "SELECT l.seq, l.id, a.id, l.previous FROM dimple_log AS l "
                                         "JOIN dimple_author AS a ON a.number = l.author WHERE l.seq > ?1 "
                                         "ORDER BY l.seq", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, self->seq);
  while (dimple_statement_step (statement, &failure))
    {
      gboolean is_new = FALSE;

      if (!add (self, column_text (statement, 2), column_text (statement, 3), column_text (statement, 1), &is_new))
        g_warning ("The log has a transaction with a malformed id: %s", column_text (statement, 1));
      self->seq = sqlite3_column_int64 (statement, 0);
      self->unsaved++;
    }
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  return TRUE;
}

gboolean
dimple_held_needs_save (DimpleHeld *self)
{
  return self->unlogged || self->unsaved >= UNSAVED_ROWS;
}

static gboolean
save_row (DimpleConnection  *connection,
          gint64             tail,
          gint64             first,
          gint64             last,
          const char        *author,
          const char        *previous,
          GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "INSERT OR REPLACE INTO dimple_run VALUES (?1, ?2, ?3, ?4, ?5)",
                                         error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, tail);
  sqlite3_bind_int64 (statement, 2, first);
  sqlite3_bind_int64 (statement, 3, last);
  sqlite3_bind_text (statement, 4, author, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 5, previous, -1, SQLITE_STATIC);
  return dimple_statement_run (statement, error);
}

static gboolean
save_run (Run               *run,
          DimpleConnection  *connection,
          GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "DELETE FROM dimple_run WHERE tail = ?1", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, (gint64) run->tail);
  if (!dimple_statement_run (statement, error))
    return FALSE;

  for (guint i = 0; i < run->intervals->len; i++)
    {
      const DimpleInterval *interval = &g_array_index (run->intervals, DimpleInterval, i);
      const char *previous = interval->first == 0 && run->has_start ? run->start : NULL;

      if (!save_row (connection, (gint64) run->tail, (gint64) interval->first, (gint64) interval->last, run->author,
                     previous, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
dimple_held_save (DimpleHeld        *self,
                  DimpleConnection  *connection,
                  GError           **error)
{
  GHashTableIter iter;
  gpointer value;

  /* Another process may have saved what this one does not know. */
  if (!load (self, connection, error))
    return FALSE;

  g_hash_table_iter_init (&iter, self->runs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Run *run = value;

      if (run->changed && !save_run (run, connection, error))
        return FALSE;
    }
  if (!save_row (connection, -1, 0, self->seq, NULL, NULL, error))
    return FALSE;

  g_hash_table_iter_init (&iter, self->runs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    ((Run *) value)->changed = FALSE;
  self->loaded = self->seq;
  self->unsaved = 0;
  self->unlogged = FALSE;
  return TRUE;
}
