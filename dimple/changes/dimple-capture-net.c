/* dimple-capture-net.c: reading back the rows that were touched, and telling what differs
 *
 * Rows that are where they were are told at once.  The others went, came, or moved to another rowid: which of them are
 * one row is decided by their keys, when all are known.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-capture-table-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "dimple-error.h"

/* Touched rows this near to each other, and at least so many, are read by one range scan. */
#define MAX_GAP 3
#define MIN_STRETCH 8

typedef struct
{
  DimpleCaptureTable *self;
  DimpleConnection   *connection;
  DimpleCaptureSpill *spill;
  DimpleCaptureFunc   func;
  gpointer            user_data;
  DimpleCaptureScratch *scratch;
} Net;

/* What an ordinary transaction may leave for the next one */
#define KEPT_BYTES (64 * 1024)
#define KEPT_ROWS 1024

static void
scratch_allocate (DimpleCaptureScratch *self)
{
  self->now = g_byte_array_new ();
  self->key = g_byte_array_new ();
  self->came = g_array_new (FALSE, FALSE, sizeof (guint));
  self->went = g_array_new (FALSE, FALSE, sizeof (guint));
}

static void
scratch_release (DimpleCaptureScratch *self)
{
  g_array_unref (self->went);
  g_array_unref (self->came);
  g_byte_array_unref (self->key);
  g_byte_array_unref (self->now);
}

void
dimple_capture_scratch_init (DimpleCaptureScratch *self)
{
  scratch_allocate (self);
  dimple_touched_init (&self->gone);
}

void
dimple_capture_scratch_clear (DimpleCaptureScratch *self)
{
  dimple_touched_clear (&self->gone);
  scratch_release (self);
}

static void
scratch_empty (DimpleCaptureScratch *self)
{
  dimple_touched_empty (&self->gone);
  if (self->now->len > KEPT_BYTES || self->came->len > KEPT_ROWS || self->went->len > KEPT_ROWS)
    {
      scratch_release (self);
      scratch_allocate (self);
    }
  g_array_set_size (self->came, 0);
  g_array_set_size (self->went, 0);
}

static DimpleTouchedRow *
touched_row (Net   *net,
             guint  row)
{
  return &g_array_index (net->self->touched.rows, DimpleTouchedRow, row);
}

/* (nullable) */
static const guint8 *
old_record (Net                    *net,
            const DimpleTouchedRow *row)
{
  return row->old != DIMPLE_CAPTURE_SPILL_NONE ? dimple_capture_spill_at (net->spill, row->old) : NULL;
}

/* -- Telling ------------------------------------------------------------------------------------------------------- */

/* The columns that differ.  What a generated column depends on is not known, so it differs whenever something does. */
static guint64
compare_records (DimpleCaptureTable *self,
                 const guint8       *old,
                 const guint8       *now)
{
  guint64 changed = 0;

  for (guint i = 0; i < self->n_values; i++)
    {
      const guint8 *old_end = dimple_record_skip (old, 1);
      const guint8 *now_end = dimple_record_skip (now, 1);

      if (old_end - old != now_end - now || memcmp (old, now, (gsize) (old_end - old)) != 0)
        changed |= self->bits[i];
      old = old_end;
      now = now_end;
    }
  return changed != 0 ? changed | self->generated_bits : 0;
}

/* Byte for byte: 1 and 1.0 are different keys, as “a” and “A” are under NOCASE. */
static gboolean
has_same_key (DimpleCaptureTable *self,
              const guint8       *old,
              const guint8       *now)
{
  for (guint i = 0; i < self->key->len; i++)
    {
      guint value = (guint) g_array_index (self->key, DimpleCaptureKey, i).value;
      const guint8 *a = dimple_record_skip (old, value), *b = dimple_record_skip (now, value);
      gsize size = (gsize) (dimple_record_skip (a, 1) - a);

      if ((gsize) (dimple_record_skip (b, 1) - b) != size || memcmp (a, b, size) != 0)
        return FALSE;
    }
  return TRUE;
}

static gboolean
check_key (DimpleCaptureTable  *self,
           const guint8        *now,
           GError             **error)
{
  for (guint i = 0; i < self->key->len; i++)
    {
      const DimpleCaptureKey *part = &g_array_index (self->key, DimpleCaptureKey, i);
      const DimpleColumn *column = g_ptr_array_index (self->table->columns, part->column);

      if (*dimple_record_skip (now, (guint) part->value) == SQLITE_NULL)
        {
          g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT,
                       _("A row of table “%s” has no key: give column “%s” a value, or a DEFAULT"),
                       self->table->name, column->name);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
tell (Net           *net,
      const guint8  *old,
      const guint8  *now,
      gint64         old_rowid,
      gint64         rowid,
      guint64        changed,
      GError       **error)
{
  DimpleCaptureTable *self = net->self;
  DimpleCapturedRow row = {
    .table = self->table, .old = old, .now = now, .rowid = rowid, .old_rowid = old_rowid, .changed = changed
  };

  if (self->table->tracked && now != NULL && (changed & self->key_bits) != 0 && !check_key (self, now, error))
    return FALSE;
  return net->func (&row, net->user_data, error);
}

static gboolean
tell_insert (Net           *net,
             const guint8  *now,
             gint64         rowid,
             GError       **error)
{
  return tell (net, NULL, now, 0, rowid, DIMPLE_ALL_COLUMNS, error);
}

static gboolean
tell_delete (Net           *net,
             const guint8  *old,
             gint64         rowid,
             GError       **error)
{
  return tell (net, old, NULL, rowid, rowid, DIMPLE_ALL_COLUMNS, error);
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

/* Steps to the next row and reads it into net->scratch->now; *found: whether there is one. */
static gboolean
read_next (Net           *net,
           sqlite3_stmt  *select,
           gboolean      *found,
           GError       **error)
{
  int result = sqlite3_step (select);

  *found = result == SQLITE_ROW;
  g_byte_array_set_size (net->scratch->now, 0);
  if (*found)
    dimple_capture_table_read (net->self, select, net->scratch->now);
  else if (result != SQLITE_DONE)
    dimple_connection_set_error (net->connection, result, error);
  return result == SQLITE_ROW || result == SQLITE_DONE;
}

static gboolean
read_rowid (Net           *net,
            gint64         rowid,
            gboolean      *found,
            GError       **error)
{
  sqlite3_stmt *select = net->self->select_one;
  gboolean read;

  sqlite3_bind_int64 (select, 1, rowid);
  read = read_next (net, select, found, error);
  sqlite3_reset (select);
  return read;
}

static void
bind_range (Net    *net,
            gint64  first,
            gint64  last)
{
  sqlite3_bind_int64 (net->self->select_range, 1, first);
  sqlite3_bind_int64 (net->self->select_range, 2, last);
}

static gint64
range_rowid (Net *net)
{
  return sqlite3_column_int64 (net->self->select_range, (int) net->self->n_values);
}

/* -- Rowid tables -------------------------------------------------------------------------------------------------- */

/* A touched row, as it was (or not) and as it is (or not) at the same rowid */
static gboolean
net_in_place (Net           *net,
              guint          index,
              gboolean       found,
              GError       **error)
{
  DimpleCaptureTable *self = net->self;
  const DimpleTouchedRow *row = touched_row (net, index);
  const guint8 *old = old_record (net, row), *now = net->scratch->now->data;

  if (old != NULL && found)
    {
      guint64 changed = compare_records (self, old, now);

      if (changed == 0)
        return TRUE;
      if ((changed & self->key_bits) == 0 || has_same_key (self, old, now))
        return tell (net, old, now, row->rowid, row->rowid, changed, error);
    }
  if (old != NULL)
    g_array_append_val (net->scratch->went, index);
  if (found)
    g_array_append_val (net->scratch->came, index);
  return TRUE;
}

/* The end of the stretch of touched rows from `start` on that is worth a range scan */
static guint
find_stretch (Net   *net,
              guint  start)
{
  guint end = start + 1;

  while (end < net->self->touched.rows->len &&
         (guint64) touched_row (net, end)->rowid - (guint64) touched_row (net, end - 1)->rowid <= MAX_GAP)
    end++;
  return end - start >= MIN_STRETCH ? end : start + 1;
}

static gboolean
scan_stretch (Net     *net,
              guint    start,
              guint    end,
              GError **error)
{
  gboolean found = FALSE;

  bind_range (net, touched_row (net, start)->rowid, touched_row (net, end - 1)->rowid);
  if (!read_next (net, net->self->select_range, &found, error))
    return FALSE;
  for (guint i = start; i < end; i++)
    {
      gint64 rowid = touched_row (net, i)->rowid;

      while (found && range_rowid (net) < rowid)
        if (!read_next (net, net->self->select_range, &found, error))
          return FALSE;
      if (!net_in_place (net, i, found && range_rowid (net) == rowid, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
net_rows_in_place (Net     *net,
                   GError **error)
{
  dimple_touched_sort (&net->self->touched);
  for (guint i = 0; i < net->self->touched.rows->len;)
    {
      guint end = find_stretch (net, i);
      gboolean found, done;

      if (end > i + 1)
        {
          done = scan_stretch (net, i, end, error);
          sqlite3_reset (net->self->select_range);
        }
      else
        done = read_rowid (net, touched_row (net, i)->rowid, &found, error) && net_in_place (net, i, found, error);
      if (!done)
        return FALSE;
      i = end;
    }
  return TRUE;
}

/* Whether all columns of the key have a value: rows without one (in local tables) are never the same. */
static gboolean
take_key (Net          *net,
          const guint8 *record)
{
  for (guint i = 0; i < net->self->key->len; i++)
    if (*dimple_record_skip (record, (guint) g_array_index (net->self->key, DimpleCaptureKey, i).value) == SQLITE_NULL)
      return FALSE;
  g_byte_array_set_size (net->scratch->key, 0);
  dimple_capture_table_append_key (net->self, record, net->scratch->key);
  return TRUE;
}

/* Only if there are rows that came can those that went be among them. */
static void
index_gone (Net *net)
{
  if (net->self->key->len == 0 || (net->scratch->came->len == 0 && net->self->touched.runs->len == 0))
    return;

  for (guint i = 0; i < net->scratch->went->len; i++)
    {
      DimpleTouchedRow *gone;

      if (!take_key (net, old_record (net, touched_row (net, g_array_index (net->scratch->went, guint, i)))))
        continue;
      gone = dimple_touched_add_key (&net->scratch->gone, net->scratch->key->data, net->scratch->key->len);
      if (gone != NULL)
        gone->rowid = i;
    }
}

/* net->scratch->now is at a rowid where it was not: it is new, or was elsewhere. */
static gboolean
net_arrival (Net     *net,
             gint64   rowid,
             GError **error)
{
  const guint8 *now = net->scratch->now->data, *old;
  DimpleTouchedRow *gone = NULL;
  const DimpleTouchedRow *row;

  if (net->scratch->gone.rows->len > 0 && take_key (net, now))
    gone = dimple_touched_find_key (&net->scratch->gone, net->scratch->key->data, net->scratch->key->len);
  if (gone == NULL || gone->rowid < 0)
    return tell_insert (net, now, rowid, error);

  row = touched_row (net, g_array_index (net->scratch->went, guint, gone->rowid));
  old = old_record (net, row);
  if (!has_same_key (net->self, old, now))
    return tell_insert (net, now, rowid, error);
  g_array_index (net->scratch->went, guint, gone->rowid) = G_MAXUINT;
  gone->rowid = -1;
  return tell (net, old, now, row->rowid, rowid, compare_records (net->self, old, now), error);
}

static gboolean
net_run (Net                     *net,
         const DimpleTouchedRun  *run,
         GError                 **error)
{
  gboolean found, done;

  bind_range (net, run->first, run->last);
  do
    done = read_next (net, net->self->select_range, &found, error) &&
           (!found || net_arrival (net, range_rowid (net), error));
  while (done && found);
  sqlite3_reset (net->self->select_range);
  return done;
}

static gboolean
net_arrivals (Net     *net,
              GError **error)
{
  for (guint i = 0; i < net->scratch->came->len; i++)
    {
      gint64 rowid = touched_row (net, g_array_index (net->scratch->came, guint, i))->rowid;
      gboolean found;

      if (!read_rowid (net, rowid, &found, error) || (found && !net_arrival (net, rowid, error)))
        return FALSE;
    }
  for (guint i = 0; i < net->self->touched.runs->len; i++)
    if (!net_run (net, &g_array_index (net->self->touched.runs, DimpleTouchedRun, i), error))
      return FALSE;
  return TRUE;
}

static gboolean
net_departures (Net     *net,
                GError **error)
{
  for (guint i = 0; i < net->scratch->went->len; i++)
    {
      guint index = g_array_index (net->scratch->went, guint, i);

      if (index != G_MAXUINT &&
          !tell_delete (net, old_record (net, touched_row (net, index)), touched_row (net, index)->rowid, error))
        return FALSE;
    }
  return TRUE;
}

/* -- WITHOUT ROWID tables ------------------------------------------------------------------------------------------ */

static gboolean
read_key (Net           *net,
          guint          index,
          gboolean      *found,
          GError       **error)
{
  sqlite3_stmt *select = net->self->select_one;
  gsize size;
  const guint8 *key = dimple_touched_get_key (&net->self->touched, index, &size);
  const guint8 *position = key;
  gboolean read;

  for (guint i = 0; i < net->self->key->len; i++)
    {
      DimpleValue value;

      position = dimple_record_read (position, &value);
      dimple_value_bind (&value, select, (int) i + 1);
    }
  read = read_next (net, select, found, error);
  sqlite3_reset (select);

  /* Another key that its collation takes as the same has an entry of its own. */
  if (*found)
    {
      g_byte_array_set_size (net->scratch->key, 0);
      dimple_capture_table_append_key (net->self, net->scratch->now->data, net->scratch->key);
      *found = net->scratch->key->len == size && memcmp (net->scratch->key->data, key, size) == 0;
    }
  return read;
}

static gboolean
net_keyed_row (Net     *net,
               guint    index,
               GError **error)
{
  const guint8 *old = old_record (net, touched_row (net, index)), *now;
  guint64 changed;
  gboolean found;

  if (!read_key (net, index, &found, error))
    return FALSE;

  now = found ? net->scratch->now->data : NULL;
  if (old != NULL && now != NULL)
    {
      changed = compare_records (net->self, old, now);
      if (changed == 0)
        return TRUE;
      if ((changed & net->self->key_bits) == 0 || has_same_key (net->self, old, now))
        return tell (net, old, now, 0, 0, changed, error);
    }
  return (old == NULL || tell_delete (net, old, 0, error)) && (now == NULL || tell_insert (net, now, 0, error));
}

static gboolean
net_keyed_rows (Net     *net,
                GError **error)
{
  for (guint i = 0; i < net->self->touched.rows->len; i++)
    if (!net_keyed_row (net, i, error))
      return FALSE;
  return TRUE;
}

gboolean
dimple_capture_table_net (DimpleCaptureTable  *self,
                          DimpleConnection    *connection,
                          DimpleCaptureSpill  *spill,
                          DimpleCaptureScratch *scratch,
                          DimpleCaptureFunc    func,
                          gpointer             user_data,
                          GError             **error)
{
  Net net = {
    .self = self, .connection = connection, .spill = spill, .func = func, .user_data = user_data, .scratch = scratch
  };
  gboolean done;

  if (self->table->without_rowid)
    done = net_keyed_rows (&net, error);
  else
    {
      done = net_rows_in_place (&net, error);
      index_gone (&net);
      done = done && net_arrivals (&net, error) && net_departures (&net, error);
    }

  scratch_empty (scratch);
  return done;
}
