/* dimple-table-changes.c: which rows of a table changed
 *
 * The keys stand one after the other in one buffer: a transaction of 10,000 rows costs one block of memory for them and
 * not 10,000.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-table-changes-private.h"

#include "dimple-key-private.h"

/* Some 10 MB.  No live query looks up as many rows one by one. */
#define MAX_NAMED 100000

static guint max_named = MAX_NAMED;

void
dimple_table_changes_init (DimpleTableChanges *self,
                           const char         *table)
{
  *self = (DimpleTableChanges) {
    .table = g_strdup (table),
    .rows = g_array_new (FALSE, FALSE, sizeof (DimpleChangedRow)),
    .keys = g_string_new (NULL),
  };
}

void
dimple_table_changes_clear (DimpleTableChanges *self)
{
  g_free (self->table);
  g_array_unref (self->rows);
  g_string_free (self->keys, TRUE);
}

static gboolean
count_rows (DimpleTableChanges *self,
            guint               n_rows)
{
  if (self->n_rows + n_rows <= max_named)
    {
      self->n_rows += n_rows;
      return TRUE;
    }
  /* From now on no more fit; emptied once, they give their memory back. */
  self->n_rows = max_named;
  self->anything = self->unnamed = TRUE;
  if (self->rows->len > 0 || self->keys->len > 0)
    {
      g_array_unref (self->rows);
      g_string_free (self->keys, TRUE);
      self->rows = g_array_new (FALSE, FALSE, sizeof (DimpleChangedRow));
      self->keys = g_string_new (NULL);
    }
  return FALSE;
}

gboolean
dimple_table_changes_count (DimpleTableChanges *self)
{
  return count_rows (self, 1);
}

void
dimple_table_changes_add_key (DimpleTableChanges *self,
                              const DimpleTable  *table,
                              const DimpleValue  *values)
{
  dimple_key_append (self->keys, table, values);
  g_string_append_c (self->keys, '\0');
}

void
dimple_table_changes_add_record (DimpleTableChanges *self,
                                 const DimpleTable  *table,
                                 const guint8       *key)
{
  dimple_key_append_record (self->keys, table, key);
  g_string_append_c (self->keys, '\0');
}

void
dimple_table_changes_join (DimpleTableChanges       *self,
                           const DimpleTableChanges *other)
{
  self->columns |= other->columns;
  self->anything |= other->anything;
  self->unnamed |= other->unnamed;
  if (!count_rows (self, other->n_rows))
    return;
  g_array_append_vals (self->rows, other->rows->data, other->rows->len);
  g_string_append_len (self->keys, other->keys->str, (gssize) other->keys->len);
}

void
dimple_table_changes_set_all (DimpleTableChanges *self)
{
  self->columns = DIMPLE_ALL_COLUMNS;
  self->anything = self->unnamed = TRUE;
}

void
dimple_table_changes_set_max_named (guint n_rows)
{
  max_named = n_rows > 0 ? n_rows : MAX_NAMED;
}
