/* dimple-row-sequence.c: rows in order, by rowid and sort key
 *
 * The rows lie in leaves of at most 256; an array has the leaves in order, another how many rows each has, and a third
 * the sums of 64 of these, so that a position is found by a few short additions over memory that lies together.  From a
 * rowid to its leaf leads a hash table that keeps no rowids: its entries are the leaf's number and, in the bits that
 * this leaves, some of the hash; the leaf itself says whether the row is there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-row-sequence-private.h"

#include <string.h>

#include "dimple-sort-key-private.h"

#define LEAF_ROWS 256
/* While loading, leaves are left with room for inserts. */
#define LOADED_ROWS 192
#define GROUP_LEAVES 64

/* No leaf has such a number. */
#define NO_SLOT G_MAXUINT32
#define GONE_SLOT (G_MAXUINT32 - 1)
#define MIN_LEAF_BITS 8

typedef struct
{
  guint32  number;        /* the same all its life, for the hash table */
  guint32  place;         /* among the leaves in order */
  guint16  n_rows;
  guint16  rows_size;     /* of what is allocated */
  guint32  keys_size;
  gint64  *rowids;
  guint32 *ends;          /* where each row's sort key ends in `keys`; it begins where the one before ends */
  guint8  *keys;
} Leaf;

struct _DimpleRowSequence
{
  guint      n_rows;
  GPtrArray *order;        /* of Leaf, in order */
  GArray    *counts;       /* of guint16: the rows of each leaf in order */
  GArray    *groups;       /* of guint: the rows of each GROUP_LEAVES leaves */
  GPtrArray *numbered;     /* of Leaf, by number; NULL where the number is free */
  GArray    *free_numbers; /* of guint32 */

  guint32   *slots;        /* the number of a leaf, and above that bits of the hash; or NO_SLOT or GONE_SLOT */
  guint      n_slots;      /* a power of two */
  guint      n_used;       /* slots that are not NO_SLOT */
  guint      leaf_bits;    /* of a slot */
};

/* -- Leaves -------------------------------------------------------------------------------------------------------- */

static void
leaf_free (gpointer data)
{
  Leaf *leaf = data;

  if (leaf == NULL)
    return;
  g_free (leaf->rowids);
  g_free (leaf->ends);
  g_free (leaf->keys);
  g_free (leaf);
}

static guint32
key_start (const Leaf *leaf,
           guint       row)
{
  return row > 0 ? leaf->ends[row - 1] : 0;
}

/* Makes room for `n_rows` rows and `keys_size` bytes of keys; `spare` rounds up for what will come. */
static void
leaf_reserve (Leaf     *leaf,
              guint     n_rows,
              guint32   keys_size,
              gboolean  spare)
{
  if (n_rows > leaf->rows_size)
    {
      leaf->rows_size = (guint16) (spare ? MIN (LEAF_ROWS, n_rows + n_rows / 4 + 8) : n_rows);
      leaf->rowids = g_renew (gint64, leaf->rowids, leaf->rows_size);
      leaf->ends = g_renew (guint32, leaf->ends, leaf->rows_size);
    }
  if (keys_size > leaf->keys_size)
    {
      leaf->keys_size = spare ? keys_size + keys_size / 4 + 64 : keys_size;
      leaf->keys = g_realloc (leaf->keys, leaf->keys_size);
    }
}

static void
leaf_insert (Leaf         *leaf,
             guint         row,
             gint64        rowid,
             const guint8 *key,
             guint32       size)
{
  guint32 start = key_start (leaf, row);
  guint32 used = key_start (leaf, leaf->n_rows);

  leaf_reserve (leaf, leaf->n_rows + 1u, used + size, TRUE);
  /* Without ORDER BY there are no keys at all. */
  if (used > start)
    memmove (leaf->keys + start + size, leaf->keys + start, used - start);
  if (size > 0)
    memcpy (leaf->keys + start, key, size);
  memmove (leaf->rowids + row + 1, leaf->rowids + row, (leaf->n_rows - row) * sizeof (gint64));
  memmove (leaf->ends + row + 1, leaf->ends + row, (leaf->n_rows - row) * sizeof (guint32));
  leaf->rowids[row] = rowid;
  leaf->ends[row] = start;
  leaf->n_rows++;
  for (guint i = row; i < leaf->n_rows; i++)
    leaf->ends[i] += size;
}

static void
leaf_remove (Leaf  *leaf,
             guint  row)
{
  guint32 start = key_start (leaf, row);
  guint32 size = leaf->ends[row] - start;
  guint32 n_after = key_start (leaf, leaf->n_rows) - start - size;

  if (n_after > 0)
    memmove (leaf->keys + start, leaf->keys + start + size, n_after);
  leaf->n_rows--;
  memmove (leaf->rowids + row, leaf->rowids + row + 1, (leaf->n_rows - row) * sizeof (gint64));
  memmove (leaf->ends + row, leaf->ends + row + 1, (leaf->n_rows - row) * sizeof (guint32));
  for (guint i = row; i < leaf->n_rows; i++)
    leaf->ends[i] -= size;
}

static int
leaf_compare (const Leaf   *leaf,
              guint         row,
              gint64        rowid,
              const guint8 *key,
              guint32       size)
{
  guint32 start = key_start (leaf, row);
  int order = dimple_sort_key_compare (leaf->keys + start, leaf->ends[row] - start, key, size);

  if (order != 0)
    return order;
  return leaf->rowids[row] < rowid ? -1 : leaf->rowids[row] > rowid;
}

static int
leaf_find (const Leaf *leaf,
           gint64      rowid)
{
  for (guint i = 0; i < leaf->n_rows; i++)
    if (leaf->rowids[i] == rowid)
      return (int) i;
  return -1;
}

/* -- From a rowid to its leaf -------------------------------------------------------------------------------------- */

static guint64
hash_rowid (gint64 rowid)
{
  guint64 hash = (guint64) rowid * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  return hash ^ (hash >> 29);
}

static guint32
make_slot (DimpleRowSequence *self,
           guint64            hash,
           guint32            leaf)
{
  return (guint32) (hash >> 32) << self->leaf_bits | leaf;
}

static guint32
slot_leaf (DimpleRowSequence *self,
           guint32            slot)
{
  return slot & ((1u << self->leaf_bits) - 1);
}

static void
add_slot (DimpleRowSequence *self,
          gint64             rowid,
          guint32            leaf)
{
  guint64 hash = hash_rowid (rowid);
  guint i = (guint) hash & (self->n_slots - 1);

  while (self->slots[i] < GONE_SLOT)
    i = (i + 1) & (self->n_slots - 1);
  self->n_used += self->slots[i] == NO_SLOT;
  self->slots[i] = make_slot (self, hash, leaf);
}

/* Makes room for one more row, in one more leaf: the table is at most two thirds full, what is gone included, and the
 * greatest numbers stand for no leaf. */
static void
reserve_slot (DimpleRowSequence *self)
{
  guint n_slots = 1024;

  if (self->n_used + 1 < self->n_slots / 3 * 2 && self->numbered->len + 3 < 1u << self->leaf_bits)
    return;
  while (n_slots / 2 < self->n_rows + 1)
    n_slots *= 2;
  for (self->leaf_bits = MIN_LEAF_BITS; 1u << self->leaf_bits < 2 * self->numbered->len + 4; self->leaf_bits++)
    ;
  g_free (self->slots);
  self->n_slots = n_slots;
  self->n_used = 0;
  self->slots = g_new (guint32, n_slots);
  memset (self->slots, 0xff, n_slots * sizeof (guint32));
  for (guint i = 0; i < self->order->len; i++)
    {
      const Leaf *leaf = g_ptr_array_index (self->order, i);

      for (guint row = 0; row < leaf->n_rows; row++)
        add_slot (self, leaf->rowids[row], leaf->number);
    }
}

static guint32 *
find_slot (DimpleRowSequence  *self,
           gint64              rowid,
           Leaf              **leaf,
           guint              *row)
{
  guint64 hash = hash_rowid (rowid);

  if (self->n_slots == 0)
    return NULL;
  for (guint i = (guint) hash & (self->n_slots - 1); self->slots[i] != NO_SLOT; i = (i + 1) & (self->n_slots - 1))
    {
      guint32 number = slot_leaf (self, self->slots[i]);

      if (self->slots[i] != GONE_SLOT && self->slots[i] == make_slot (self, hash, number))
        {
          Leaf *candidate = g_ptr_array_index (self->numbered, number);
          int found = leaf_find (candidate, rowid);

          if (found >= 0)
            {
              *leaf = candidate;
              *row = (guint) found;
              return &self->slots[i];
            }
        }
    }
  return NULL;
}

/* The rows of `from` that have moved to `to`. */
static void
move_slots (DimpleRowSequence *self,
            const Leaf        *from,
            const Leaf        *to)
{
  for (guint row = 0; row < to->n_rows; row++)
    {
      guint64 hash = hash_rowid (to->rowids[row]);
      guint i = (guint) hash & (self->n_slots - 1);

      /* Two rows of `from` may share the bits of a hash: which slot is whose does not matter if both moved. */
      while (self->slots[i] != make_slot (self, hash, from->number))
        i = (i + 1) & (self->n_slots - 1);
      self->slots[i] = make_slot (self, hash, to->number);
    }
}

/* -- Positions ----------------------------------------------------------------------------------------------------- */

static void
sum_groups (DimpleRowSequence *self)
{
  g_array_set_size (self->groups, 0);
  g_array_set_size (self->groups, (self->order->len + GROUP_LEAVES - 1) / GROUP_LEAVES);
  for (guint i = 0; i < self->order->len; i++)
    g_array_index (self->groups, guint, i / GROUP_LEAVES) += g_array_index (self->counts, guint16, i);
}

static void
add_count (DimpleRowSequence *self,
           const Leaf        *leaf,
           int                change)
{
  g_array_index (self->counts, guint16, leaf->place) = leaf->n_rows;
  g_array_index (self->groups, guint, leaf->place / GROUP_LEAVES) += (guint) change;
  self->n_rows += (guint) change;
}

static guint
leaf_position (DimpleRowSequence *self,
               const Leaf        *leaf)
{
  guint group = leaf->place / GROUP_LEAVES;
  guint position = 0;

  for (guint i = 0; i < group; i++)
    position += g_array_index (self->groups, guint, i);
  for (guint i = group * GROUP_LEAVES; i < leaf->place; i++)
    position += g_array_index (self->counts, guint16, i);
  return position;
}

static const Leaf *
leaf_at (DimpleRowSequence *self,
         guint              position,
         guint             *row)
{
  guint group = 0, place;

  while (position >= g_array_index (self->groups, guint, group))
    position -= g_array_index (self->groups, guint, group++);
  place = group * GROUP_LEAVES;
  while (position >= g_array_index (self->counts, guint16, place))
    position -= g_array_index (self->counts, guint16, place++);
  *row = position;
  return g_ptr_array_index (self->order, place);
}

static Leaf *
add_leaf (DimpleRowSequence *self,
          guint              place)
{
  Leaf *leaf = g_new0 (Leaf, 1);
  guint16 count = 0;

  if (self->free_numbers->len > 0)
    {
      leaf->number = g_array_index (self->free_numbers, guint32, self->free_numbers->len - 1);
      g_array_set_size (self->free_numbers, self->free_numbers->len - 1);
      g_ptr_array_index (self->numbered, leaf->number) = leaf;
    }
  else
    {
      leaf->number = self->numbered->len;
      g_ptr_array_add (self->numbered, leaf);
    }
  g_ptr_array_insert (self->order, (int) place, leaf);
  g_array_insert_val (self->counts, place, count);
  for (guint i = place; i < self->order->len; i++)
    ((Leaf *) g_ptr_array_index (self->order, i))->place = i;
  if (place + 1 == self->order->len && place % GROUP_LEAVES == 0)
    {
      guint sum = 0;

      g_array_append_val (self->groups, sum);
    }
  return leaf;
}

static void
drop_leaf (DimpleRowSequence *self,
           Leaf              *leaf)
{
  guint place = leaf->place;

  /* Its slots are all gone, so that another leaf may take its number. */
  g_array_append_val (self->free_numbers, leaf->number);
  g_ptr_array_index (self->numbered, leaf->number) = NULL;
  g_ptr_array_remove_index (self->order, place);
  g_array_remove_index (self->counts, place);
  for (guint i = place; i < self->order->len; i++)
    ((Leaf *) g_ptr_array_index (self->order, i))->place = i;
  leaf_free (leaf);
  sum_groups (self);
}

/* -- Public -------------------------------------------------------------------------------------------------------- */

DimpleRowSequence *
dimple_row_sequence_new (void)
{
  DimpleRowSequence *self = g_new0 (DimpleRowSequence, 1);

  self->order = g_ptr_array_new ();
  self->counts = g_array_new (FALSE, TRUE, sizeof (guint16));
  self->groups = g_array_new (FALSE, TRUE, sizeof (guint));
  self->numbered = g_ptr_array_new_with_free_func (leaf_free);
  self->free_numbers = g_array_new (FALSE, FALSE, sizeof (guint32));
  return self;
}

void
dimple_row_sequence_free (DimpleRowSequence *self)
{
  g_ptr_array_unref (self->order);
  g_ptr_array_unref (self->numbered);
  g_array_unref (self->free_numbers);
  g_array_unref (self->counts);
  g_array_unref (self->groups);
  g_free (self->slots);
  g_free (self);
}

guint
dimple_row_sequence_get_n_rows (DimpleRowSequence *self)
{
  return self->n_rows;
}

gboolean
dimple_row_sequence_append (DimpleRowSequence *self,
                            gint64             rowid,
                            const guint8      *key,
                            guint              size)
{
  Leaf *leaf = self->order->len > 0 ? g_ptr_array_index (self->order, self->order->len - 1) : NULL;

  if (leaf != NULL && leaf_compare (leaf, leaf->n_rows - 1u, rowid, key, size) >= 0)
    return FALSE;

  reserve_slot (self);
  if (leaf == NULL || leaf->n_rows >= LOADED_ROWS)
    {
      if (leaf != NULL)
        {
          /* Full as it is going to be: gives back what is not used. */
          leaf->keys_size = key_start (leaf, leaf->n_rows);
          leaf->keys = g_realloc (leaf->keys, MAX (leaf->keys_size, 1));
        }
      leaf = add_leaf (self, self->order->len);
      leaf_reserve (leaf, LOADED_ROWS, size * LOADED_ROWS, FALSE);
    }
  leaf_insert (leaf, leaf->n_rows, rowid, key, size);
  add_count (self, leaf, 1);
  add_slot (self, rowid, leaf->number);
  return TRUE;
}

/* The last leaf that does not begin after the row. */
static Leaf *
find_leaf (DimpleRowSequence *self,
           gint64             rowid,
           const guint8      *key,
           guint              size)
{
  guint low = 0, high = self->order->len;

  while (high - low > 1)
    {
      guint middle = low + (high - low) / 2;

      if (leaf_compare (g_ptr_array_index (self->order, middle), 0, rowid, key, size) <= 0)
        low = middle;
      else
        high = middle;
    }
  return g_ptr_array_index (self->order, low);
}

static Leaf *
split_leaf (DimpleRowSequence *self,
            Leaf              *leaf)
{
  Leaf *right = add_leaf (self, leaf->place + 1);
  guint half = leaf->n_rows / 2u;
  guint32 start = leaf->ends[half - 1];

  leaf_reserve (right, leaf->n_rows - half, leaf->ends[leaf->n_rows - 1] - start, TRUE);
  right->n_rows = (guint16) (leaf->n_rows - half);
  memcpy (right->rowids, leaf->rowids + half, right->n_rows * sizeof (gint64));
  memcpy (right->keys, leaf->keys + start, leaf->ends[leaf->n_rows - 1] - start);
  for (guint i = 0; i < right->n_rows; i++)
    right->ends[i] = leaf->ends[half + i] - start;
  leaf->n_rows = (guint16) half;
  g_array_index (self->counts, guint16, leaf->place) = leaf->n_rows;
  g_array_index (self->counts, guint16, right->place) = right->n_rows;
  sum_groups (self);
  move_slots (self, leaf, right);
  return right;
}

guint
dimple_row_sequence_insert (DimpleRowSequence *self,
                            gint64             rowid,
                            const guint8      *key,
                            guint              size)
{
  Leaf *leaf;
  guint low = 0, high;

  reserve_slot (self);
  leaf = self->order->len > 0 ? find_leaf (self, rowid, key, size) : add_leaf (self, 0);

  if (leaf->n_rows == LEAF_ROWS)
    {
      Leaf *right = split_leaf (self, leaf);

      if (leaf_compare (right, 0, rowid, key, size) <= 0)
        leaf = right;
    }
  for (high = leaf->n_rows; low < high;)
    {
      guint middle = (low + high) / 2;

      if (leaf_compare (leaf, middle, rowid, key, size) < 0)
        low = middle + 1;
      else
        high = middle;
    }
  leaf_insert (leaf, low, rowid, key, size);
  add_count (self, leaf, 1);
  add_slot (self, rowid, leaf->number);
  return leaf_position (self, leaf) + low;
}

gboolean
dimple_row_sequence_remove (DimpleRowSequence *self,
                            gint64             rowid,
                            guint             *position)
{
  Leaf *leaf;
  guint row;
  guint32 *slot = find_slot (self, rowid, &leaf, &row);

  if (slot == NULL)
    return FALSE;
  if (position != NULL)
    *position = leaf_position (self, leaf) + row;
  *slot = GONE_SLOT;
  leaf_remove (leaf, row);
  add_count (self, leaf, -1);
  if (leaf->n_rows == 0)
    drop_leaf (self, leaf);
  return TRUE;
}

gboolean
dimple_row_sequence_find (DimpleRowSequence *self,
                          gint64             rowid,
                          guint             *position)
{
  Leaf *leaf;
  guint row;

  if (find_slot (self, rowid, &leaf, &row) == NULL)
    return FALSE;
  if (position != NULL)
    *position = leaf_position (self, leaf) + row;
  return TRUE;
}

gboolean
dimple_row_sequence_has_key (DimpleRowSequence *self,
                             gint64             rowid,
                             const guint8      *key,
                             guint              size)
{
  Leaf *leaf;
  guint row;

  return find_slot (self, rowid, &leaf, &row) != NULL && leaf_compare (leaf, row, rowid, key, size) == 0;
}

gint64
dimple_row_sequence_get (DimpleRowSequence *self,
                         guint              position)
{
  guint row;
  const Leaf *leaf = leaf_at (self, position, &row);

  return leaf->rowids[row];
}

const guint8 *
dimple_row_sequence_get_key (DimpleRowSequence *self,
                             guint              position,
                             guint             *size)
{
  guint row;
  const Leaf *leaf = leaf_at (self, position, &row);
  guint32 start = key_start (leaf, row);

  *size = leaf->ends[row] - start;
  return leaf->keys + start;
}
