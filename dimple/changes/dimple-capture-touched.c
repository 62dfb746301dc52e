/* dimple-capture-touched.c: which rows of a table a transaction touched, and what they were before
 *
 * This is asked for every row that is written, so it is a plain hash table without an allocation a row.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-capture-touched-private.h"

#include <string.h>

#include "dimple-capture-spill-private.h"

#define MIN_SLOTS 64
/* What an ordinary transaction may keep for the next one */
#define KEPT_ROWS 1024

static void
allocate (DimpleTouched *self)
{
  *self = (DimpleTouched) { 0 };
  self->rows = g_array_new (FALSE, FALSE, sizeof (DimpleTouchedRow));
  self->runs = g_array_new (FALSE, FALSE, sizeof (DimpleTouchedRun));
  self->keys = g_byte_array_new ();
  self->key_ends = g_array_new (FALSE, FALSE, sizeof (guint));
}

void
dimple_touched_init (DimpleTouched *self)
{
  allocate (self);
}

void
dimple_touched_clear (DimpleTouched *self)
{
  g_array_unref (self->rows);
  g_array_unref (self->runs);
  g_byte_array_unref (self->keys);
  g_array_unref (self->key_ends);
  g_free (self->slots);
  *self = (DimpleTouched) { 0 };
}

void
dimple_touched_empty (DimpleTouched *self)
{
  if (self->rows->len > KEPT_ROWS || self->runs->len > KEPT_ROWS)
    {
      dimple_touched_clear (self);
      allocate (self);
      return;
    }
  if (self->rows->len > 0)
    memset (self->slots, 0, self->n_slots * sizeof *self->slots);
  g_array_set_size (self->rows, 0);
  g_array_set_size (self->runs, 0);
  g_byte_array_set_size (self->keys, 0);
  g_array_set_size (self->key_ends, 0);
}

static DimpleTouchedRow *
row_at (DimpleTouched *self,
        guint          row)
{
  return &g_array_index (self->rows, DimpleTouchedRow, row);
}

/* -- Hashing ------------------------------------------------------------------------------------------------------- */

/* Multiplies by 2^64 over the golden ratio, and takes the high bits down: neighbours are spread. */
static guint64
mix (guint64 bits)
{
  bits *= G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  return bits ^ bits >> 32;
}

static guint64
hash_bytes (const guint8 *bytes,
            gsize         size)
{
  guint64 hash = size, word;

  for (; size >= sizeof word; bytes += sizeof word, size -= sizeof word)
    {
      memcpy (&word, bytes, sizeof word);
      hash = mix (hash ^ word);
    }
  word = 0;
  memcpy (&word, bytes, size);
  return mix (hash ^ word);
}

const guint8 *
dimple_touched_get_key (DimpleTouched *self,
                        guint          row,
                        gsize         *size)
{
  guint start = row > 0 ? g_array_index (self->key_ends, guint, row - 1) : 0;

  *size = g_array_index (self->key_ends, guint, row) - start;
  return self->keys->data + start;
}

static guint64
hash_of_row (DimpleTouched *self,
             guint          row)
{
  const guint8 *key;
  gsize size;

  if (self->key_ends->len == 0)
    return mix ((guint64) row_at (self, row)->rowid);
  key = dimple_touched_get_key (self, row, &size);
  return hash_bytes (key, size);
}

static void
grow_slots (DimpleTouched *self)
{
  self->n_slots = MAX (self->n_slots * 2, MIN_SLOTS);
  g_free (self->slots);
  self->slots = g_new0 (guint32, self->n_slots);
  for (guint row = 0; row < self->rows->len; row++)
    {
      guint slot = (guint) hash_of_row (self, row) & (self->n_slots - 1);

      while (self->slots[slot] != 0)
        slot = (slot + 1) & (self->n_slots - 1);
      self->slots[slot] = row + 1;
    }
}

/* The slot that holds the rowid, or the free one where it belongs. */
static guint32 *
slot_for_rowid (DimpleTouched *self,
                gint64         rowid)
{
  guint slot = (guint) mix ((guint64) rowid) & (self->n_slots - 1);

  while (self->slots[slot] != 0 && row_at (self, self->slots[slot] - 1)->rowid != rowid)
    slot = (slot + 1) & (self->n_slots - 1);
  return &self->slots[slot];
}

static guint32 *
slot_for_key (DimpleTouched *self,
              const guint8  *key,
              gsize          size)
{
  guint slot = (guint) hash_bytes (key, size) & (self->n_slots - 1);

  for (; self->slots[slot] != 0; slot = (slot + 1) & (self->n_slots - 1))
    {
      gsize other_size;
      const guint8 *other = dimple_touched_get_key (self, self->slots[slot] - 1, &other_size);

      if (other_size == size && memcmp (other, key, size) == 0)
        break;
    }
  return &self->slots[slot];
}

/* At least half of the slots stay free. */
static void
make_room (DimpleTouched *self)
{
  if (self->rows->len * 2 >= self->n_slots)
    grow_slots (self);
}

static DimpleTouchedRow *
append_row (DimpleTouched *self,
            guint32       *slot,
            gint64         rowid)
{
  DimpleTouchedRow row = { .rowid = rowid, .old = DIMPLE_CAPTURE_SPILL_NONE };

  g_array_append_val (self->rows, row);
  *slot = self->rows->len;
  return row_at (self, self->rows->len - 1);
}

/* -- Rowids -------------------------------------------------------------------------------------------------------- */

static gboolean
is_in_run (DimpleTouched *self,
           gint64         rowid)
{
  guint low = 0, high = self->runs->len;

  while (low < high)
    {
      guint middle = (low + high) / 2;
      const DimpleTouchedRun *run = &g_array_index (self->runs, DimpleTouchedRun, middle);

      if (rowid < run->first)
        high = middle;
      else if (rowid > run->last)
        low = middle + 1;
      else
        return TRUE;
    }
  return FALSE;
}

DimpleTouchedRow *
dimple_touched_add_rowid (DimpleTouched *self,
                          gint64         rowid)
{
  guint32 *slot;

  if (is_in_run (self, rowid))
    return NULL;
  make_room (self);
  slot = slot_for_rowid (self, rowid);
  return *slot != 0 ? NULL : append_row (self, slot, rowid);
}

void
dimple_touched_add_fresh (DimpleTouched *self,
                          gint64         rowid)
{
  DimpleTouchedRun *last = NULL;
  DimpleTouchedRun run = { .first = rowid, .last = rowid };

  if (self->runs->len > 0)
    last = &g_array_index (self->runs, DimpleTouchedRun, self->runs->len - 1);

  /* Runs only grow upwards; whatever comes below their end is a row of its own. */
  if (last != NULL && rowid <= last->last)
    dimple_touched_add_rowid (self, rowid);
  else if (self->rows->len > 0 && *slot_for_rowid (self, rowid) != 0)
    return;
  else if (last != NULL && rowid - 1 == last->last)
    last->last = rowid;
  else
    g_array_append_val (self->runs, run);
}

static int
compare_rowids (gconstpointer a,
                gconstpointer b)
{
  const DimpleTouchedRow *row_a = a, *row_b = b;

  return (row_a->rowid > row_b->rowid) - (row_a->rowid < row_b->rowid);
}

void
dimple_touched_sort (DimpleTouched *self)
{
  for (guint i = 1; i < self->rows->len; i++)
    if (row_at (self, i - 1)->rowid > row_at (self, i)->rowid)
      {
        g_array_sort (self->rows, compare_rowids);
        return;
      }
}

/* -- Keys ---------------------------------------------------------------------------------------------------------- */

DimpleTouchedRow *
dimple_touched_add_key (DimpleTouched *self,
                        const guint8  *key,
                        gsize          size)
{
  guint32 *slot;

  make_room (self);
  slot = slot_for_key (self, key, size);
  if (*slot != 0)
    return NULL;
  g_byte_array_append (self->keys, key, (guint) size);
  g_array_append_val (self->key_ends, self->keys->len);
  return append_row (self, slot, 0);
}

DimpleTouchedRow *
dimple_touched_find_key (DimpleTouched *self,
                         const guint8  *key,
                         gsize          size)
{
  guint32 *slot;

  if (self->rows->len == 0)
    return NULL;
  slot = slot_for_key (self, key, size);
  return *slot != 0 ? row_at (self, *slot - 1) : NULL;
}
