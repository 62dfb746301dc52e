/* dimple-row-changes.c: what commits did to the rows that a query may show
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-row-changes-private.h"

#include <string.h>

/* Beyond this it costs less not to know. */
#define MAX_ROWS 500000

DimpleRowChanges *
dimple_row_changes_new (void)
{
  DimpleRowChanges *self = g_new0 (DimpleRowChanges, 1);

  self->rows = g_array_new (FALSE, FALSE, sizeof (DimpleRowChange));
  self->keys = g_byte_array_new ();
  self->names = g_string_new (NULL);
  self->others = g_array_new (FALSE, FALSE, sizeof (DimpleOtherChange));
  self->other_keys = g_string_new (NULL);
  return self;
}

void
dimple_row_changes_free (DimpleRowChanges *self)
{
  g_array_unref (self->rows);
  g_byte_array_unref (self->keys);
  g_string_free (self->names, TRUE);
  g_array_unref (self->others);
  g_string_free (self->other_keys, TRUE);
  g_free (self);
}

gboolean
dimple_row_changes_is_empty (DimpleRowChanges *self)
{
  return dimple_row_changes_count (self) == 0 && !self->lost;
}

void
dimple_row_changes_clear (DimpleRowChanges *self)
{
  g_array_set_size (self->rows, 0);
  g_byte_array_set_size (self->keys, 0);
  g_string_truncate (self->names, 0);
  g_array_set_size (self->others, 0);
  g_string_truncate (self->other_keys, 0);
  self->lost = self->unknown = FALSE;
}

guint
dimple_row_changes_count (DimpleRowChanges *self)
{
  return self->rows->len + self->others->len;
}

void
dimple_row_changes_add_other (DimpleRowChanges *self,
                              guint             table,
                              const char       *key)
{
  DimpleOtherChange other = { table, (guint32) self->other_keys->len };

  g_array_append_val (self->others, other);
  g_string_append_len (self->other_keys, key, (gssize) strlen (key) + 1);
}

const char *
dimple_row_changes_get_other (DimpleRowChanges *self,
                              guint             position,
                              guint            *table)
{
  const DimpleOtherChange *other = &g_array_index (self->others, DimpleOtherChange, position);

  *table = other->table;
  return self->other_keys->str + other->key;
}

gboolean
dimple_row_changes_has_named (DimpleRowChanges *self)
{
  for (guint i = 0; i < self->others->len; i++)
    if (g_array_index (self->others, DimpleOtherChange, i).table == 0)
      return TRUE;
  return FALSE;
}

gboolean
dimple_row_changes_name_all (DimpleRowChanges *self)
{
  const char *end = self->names->str + self->names->len;

  if (self->rows->len > 0 && self->names->len == 0)
    return FALSE;
  for (const char *name = self->names->str; name < end; name += strlen (name) + 1)
    dimple_row_changes_add_other (self, 0, name);
  g_array_set_size (self->rows, 0);
  g_byte_array_set_size (self->keys, 0);
  g_string_truncate (self->names, 0);
  return TRUE;
}

void
dimple_row_changes_set_unknown (DimpleRowChanges *self)
{
  dimple_row_changes_clear (self);
  self->lost = self->unknown = TRUE;
}

void
dimple_row_changes_join (DimpleRowChanges *self,
                         DimpleRowChanges *later)
{
  guint n_rows = self->rows->len;
  guint32 shift = self->keys->len;

  if (self->unknown || later->unknown || dimple_row_changes_count (self) + dimple_row_changes_count (later) > MAX_ROWS)
    {
      dimple_row_changes_set_unknown (self);
      return;
    }
  self->lost |= later->lost;
  g_array_append_vals (self->rows, later->rows->data, later->rows->len);
  g_byte_array_append (self->keys, later->keys->data, later->keys->len);
  g_string_append_len (self->names, later->names->str, (gssize) later->names->len);
  for (guint i = n_rows; shift > 0 && i < self->rows->len; i++)
    g_array_index (self->rows, DimpleRowChange, i).key += shift;
  for (guint i = 0; i < later->others->len; i++)
    {
      guint table;
      const char *key = dimple_row_changes_get_other (later, i, &table);

      dimple_row_changes_add_other (self, table, key);
    }
}

/* -- Netting ------------------------------------------------------------------------------------------------------- */

/* The row that `change` is of, among those that are there or new. */
static DimpleRowChange *
find_row (GArray                *rows,
          GHashTable            *positions,
          gpointer               name,
          const DimpleRowChange *change)
{
  guint position = GPOINTER_TO_UINT (g_hash_table_lookup (positions, name));
  DimpleRowChange added = { .from = change->from, .had_row = change->had_row };

  if (position == 0)
    {
      g_array_append_val (rows, added);
      position = rows->len;
      g_hash_table_insert (positions, name, GUINT_TO_POINTER (position));
    }
  return &g_array_index (rows, DimpleRowChange, position - 1);
}

static void
follow (DimpleRowChange       *row,
        const DimpleRowChange *change)
{
  row->has_row = change->has_row;
  if (!change->has_row)
    {
      row->is_placed = row->belongs = FALSE;
      return;
    }
  row->to = change->to;
  if (!change->is_placed)
    return;
  row->is_placed = TRUE;
  row->belongs = change->belongs;
  row->key = change->key;
  row->key_size = change->key_size;
}

static gboolean
is_anything (const DimpleRowChange *row)
{
  return row->had_row || row->has_row;
}

GArray *
dimple_row_changes_net (DimpleRowChanges *self)
{
  GArray *rows = g_array_sized_new (FALSE, FALSE, sizeof (DimpleRowChange), self->rows->len), *net;
  g_autoptr(GHashTable) positions = NULL;
  const char *name = self->names->str;
  gboolean are_named = self->names->len > 0;

  if (self->rows->len < 2)
    {
      g_array_append_vals (rows, self->rows->data, self->rows->len);
      return rows;
    }
  positions = are_named ? g_hash_table_new (g_str_hash, g_str_equal) : g_hash_table_new (g_int64_hash, g_int64_equal);
  for (guint i = 0; i < self->rows->len; i++)
    {
      DimpleRowChange *change = &g_array_index (self->rows, DimpleRowChange, i);
      gpointer rowid = change->had_row ? &change->from : &change->to;

      follow (find_row (rows, positions, are_named ? (gpointer) name : rowid, change), change);
      name += are_named ? strlen (name) + 1 : 0;
    }

  net = g_array_sized_new (FALSE, FALSE, sizeof (DimpleRowChange), rows->len);
  for (guint i = 0; i < rows->len; i++)
    if (is_anything (&g_array_index (rows, DimpleRowChange, i)))
      g_array_append_vals (net, &g_array_index (rows, DimpleRowChange, i), 1);
  g_array_unref (rows);
  return net;
}
