/* dimple-settle-row.c: one row, as it stands and as it should be
 *
 * Looks how a row stands in its table, judges what the log says of it, shows it there or takes it out, and tells the
 * shelf.  What that means for other rows, others know.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-settle-private.h"

#include <string.h>

DimpleRowStanding *
dimple_settling_look (DimpleSettling   *self,
                      DimpleFoldedRow  *row,
                      GError          **error)
{
  DimpleRowStanding *standing = row->data;
  DimpleMergeTable *table = dimple_settling_get_table (self, row->table, error);
  g_autoptr(GPtrArray) values = NULL;

  if (table == NULL || standing->looked)
    return table != NULL ? standing : NULL;
  values = g_ptr_array_new ();
  if (!dimple_merge_table_find (table, row->key, &standing->shown, &standing->rowid, self->fold, values, error))
    return NULL;
  standing->looked = TRUE;
  if (standing->shown)
    standing->current = g_steal_pointer (&values);
  return standing;
}

static int
compare_values (const DimpleValue *a,
                const DimpleValue *b)
{
  /* SQLite's own order of classes: numbers, text, blobs */
  int a_class = a->type == SQLITE_FLOAT ? SQLITE_INTEGER : a->type;
  int b_class = b->type == SQLITE_FLOAT ? SQLITE_INTEGER : b->type;
  int order;

  if (a_class != b_class)
    return a_class < b_class ? -1 : 1;
  if (a->type == SQLITE_INTEGER && b->type == SQLITE_INTEGER)
    return (a->integer > b->integer) - (a->integer < b->integer);
  if (a_class == SQLITE_INTEGER)
    {
      double x = a->type == SQLITE_FLOAT ? a->real : (double) a->integer;
      double y = b->type == SQLITE_FLOAT ? b->real : (double) b->integer;

      return x != y ? (x > y) - (x < y) : a->type - b->type;
    }
  order = memcmp (a->bytes, b->bytes, MIN (a->size, b->size));
  return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

static int
compare_keys (const DimpleFoldedRow *a,
              const DimpleFoldedRow *b)
{
  const guint8 *x = a->key, *y = b->key;

  while (x < a->key + a->key_size && y < b->key + b->key_size)
    {
      DimpleValue left, right;
      int order;

      x = dimple_record_read (x, &left);
      y = dimple_record_read (y, &right);
      order = compare_values (&left, &right);
      if (order != 0)
        return order;
    }
  return 0;
}

int
dimple_settling_compare (const DimpleFoldedRow *a,
                         const DimpleFoldedRow *b)
{
  int order = g_strcmp0 (a->created != NULL ? a->created : "~", b->created != NULL ? b->created : "~");

  if (order == 0)
    order = strcmp (a->table_name, b->table_name);
  return order != 0 ? order : compare_keys (a, b);
}

/* Sets what the row should be; FALSE if a value that won was pruned. */
static gboolean
collect_wanted (DimpleMergeTable  *table,
                DimpleFoldedRow   *row)
{
  DimpleRowStanding *standing = row->data;

  if (standing->wanted == NULL)
    standing->wanted = g_ptr_array_sized_new (table->table->columns->len);
  g_ptr_array_set_size (standing->wanted, (int) table->table->columns->len);
  for (guint i = 0; i < table->table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->table->columns, i);
      const DimpleFoldedCell *cell = NULL;

      standing->wanted->pdata[i] = NULL;
      if (column->generated || column->key_position > 0)
        continue;
      cell = dimple_folded_row_find (row, column->name);
      if (cell != NULL && *cell->value == DIMPLE_VALUE_PRUNED)
        return FALSE;
      standing->wanted->pdata[i] = cell != NULL ? (gpointer) cell->value
                                 : standing->current != NULL ? g_ptr_array_index (standing->current, i)
                                 : g_ptr_array_index (table->defaults, i);
    }
  return TRUE;
}

const char *
dimple_settling_judge (DimpleSettling   *self,
                       DimpleMergeTable *table,
                       DimpleFoldedRow  *row)
{
  DimpleRowStanding *standing = row->data;
  gboolean nothing_new = row->edit.anchor == NULL && row->delete.anchor == NULL;

  /* what has been in its table exists, and is complete, unless something newer than all that it was says otherwise */
  if (!dimple_folded_row_exists (row) && !(standing->current != NULL && nothing_new))
    return "deleted";
  if (!collect_wanted (table, row) || (row->created == NULL && standing->current == NULL))
    return "incomplete";
  return NULL;
}

static gboolean
same_value (const guint8 *a,
            const guint8 *b)
{
  gsize size = dimple_record_skip (a, 1) - a;

  return a == b || (size == (gsize) (dimple_record_skip (b, 1) - b) && memcmp (a, b, size) == 0);
}

/* Makes the table hold a row as it should be, if it takes it; if it does not, the row is as it was. */
gboolean
dimple_settling_show (DimpleSettling    *self,
                      DimpleMergeTable  *table,
                      DimpleFoldedRow   *row,
                      DimpleRefusal     *refusal,
                      GError           **error)
{
  DimpleRowStanding *standing = row->data;
  g_autoptr(GArray) numbers = NULL;

  *refusal = DIMPLE_TAKEN;
  if (!standing->shown)
    {
      if (!dimple_merge_table_insert (table, row->key, standing->wanted, refusal, error))
        return FALSE;
      if (*refusal == DIMPLE_TAKEN)
        standing->rowid = sqlite3_last_insert_rowid (dimple_connection_get_handle (self->connection));
    }
  else
    {
      numbers = g_array_new (FALSE, FALSE, sizeof (int));
      for (guint i = 0; i < standing->wanted->len; i++)
        {
          const guint8 *wanted = g_ptr_array_index (standing->wanted, i);
          int number = (int) i;

          if (wanted != NULL && !same_value (wanted, g_ptr_array_index (standing->current, i)))
            g_array_append_val (numbers, number);
        }
      if (numbers->len > 0 && !dimple_merge_table_update (table, row->key, standing->rowid, standing->wanted, numbers,
                                                          refusal, error))
        return FALSE;
    }
  if (*refusal != DIMPLE_TAKEN)
    return TRUE;
  standing->shown = TRUE;
  g_clear_pointer (&standing->current, g_ptr_array_unref);
  standing->current = g_steal_pointer (&standing->wanted);
  return dimple_merge_table_unshelve (table, row->key, error);
}

gboolean
dimple_settling_take_out (DimpleSettling    *self,
                          DimpleMergeTable  *table,
                          DimpleFoldedRow   *row,
                          GError           **error)
{
  DimpleRowStanding *standing = row->data;

  if (!standing->shown)
    return TRUE;
  standing->shown = FALSE;
  return dimple_merge_table_delete (table, row->key, standing->rowid, error);
}

gboolean
dimple_settling_hide (DimpleSettling    *self,
                      DimpleMergeTable  *table,
                      DimpleFoldedRow   *row,
                      const char        *reason,
                      const guint8      *rival,
                      GError           **error)
{
  DimpleRowStanding *standing = row->data;
  const DimpleRowValues *values = NULL;

  if (!dimple_settling_take_out (self, table, row, error) || !dimple_merge_table_bury (table, row->key, error))
    return FALSE;
  if (strcmp (reason, "deleted") == 0)
    return dimple_merge_table_unshelve (table, row->key, error);
  if (strcmp (reason, "incomplete") != 0)
    values = standing->wanted != NULL ? standing->wanted : standing->current;
  return dimple_merge_table_shelve (table, row->key, reason, row->created, rival, values, error);
}

const char *
dimple_refusal_get_reason (DimpleRefusal refusal)
{
  switch (refusal)
    {
    case DIMPLE_REFUSED_NOT_NULL:
      return "not-null";
    case DIMPLE_REFUSED_CHECK:
      return "check";
    case DIMPLE_REFUSED_TYPE:
      return "type";
    case DIMPLE_REFUSED_UNIQUE:
    case DIMPLE_TAKEN:
    default:
      return "unique";
    }
}
