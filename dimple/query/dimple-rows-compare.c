/* dimple-rows-compare.c: which rows are the same in what was shown and what takes its place
 *
 * Rows that are kept row by row are told by their rowid, which stays as long as no row takes its place, as the changes
 * say; rows of a result by their key.  Between the two, the rowid is looked up for each key of the result.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-rows-compare-private.h"

#include "dimple-plan-statement-private.h"

/* The old rows as what they are now. */
typedef struct
{
  guint     n_rows;
  gint64   *ids;          /* of now */
  gboolean *is_there;     /* else the row is gone, or nobody can tell */
} Old;

static void
old_clear (Old *self)
{
  g_free (self->ids);
  g_free (self->is_there);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Old, old_clear)

static void
old_init (Old        *self,
          DimpleRows *rows)
{
  self->n_rows = rows != NULL ? dimple_rows_get_n_rows (rows) : 0;
  self->ids = g_new0 (gint64, self->n_rows + 1);
  self->is_there = g_new0 (gboolean, self->n_rows + 1);
  for (guint i = 0; i < self->n_rows; i++)
    self->ids[i] = dimple_rows_get_id (rows, i);
}

/* The rows that lie between those that are the same at both ends. */
static void
find_ends (const Old        *old,
           DimpleRows       *rows,
           DimpleRowsChange *change)
{
  guint n_rows = dimple_rows_get_n_rows (rows), common = MIN (old->n_rows, n_rows), head, tail;

  for (head = 0; head < common; head++)
    if (!old->is_there[head] || old->ids[head] != dimple_rows_get_id (rows, head))
      break;
  for (tail = 0; head + tail < common; tail++)
    if (!old->is_there[old->n_rows - tail - 1] ||
        old->ids[old->n_rows - tail - 1] != dimple_rows_get_id (rows, n_rows - tail - 1))
      break;
  change->position = head;
  change->n_removed = old->n_rows - head - tail;
  change->n_added = n_rows - head - tail;
}

static void
add_successor (DimpleRowsChange *change,
               gint64            id,
               gint64            successor,
               gboolean          is_there)
{
  if (change->successors == NULL)
    change->successors = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  g_hash_table_replace (change->successors, g_memdup2 (&id, sizeof id),
                        is_there ? g_memdup2 (&successor, sizeof successor) : NULL);
}

/* -- Both kept row by row ------------------------------------------------------------------------------------------ */

static void
compare_kept (DimpleRows             *rows,
              const DimpleRowsBefore *before,
              DimpleRowsChange       *change)
{
  g_auto(Old) old = { 0, };

  old_init (&old, before->old);
  change->others_stay = TRUE;
  for (guint i = 0; before->net != NULL && i < before->net->len; i++)
    {
      const DimpleRowChange *row = &g_array_index (before->net, DimpleRowChange, i);

      if (row->had_row && (!row->has_row || row->from != row->to))
        add_successor (change, row->from, row->to, row->has_row);
    }
  for (guint i = 0; i < old.n_rows; i++)
    old.is_there[i] = dimple_rows_change_find_successor (change, old.ids[i], &old.ids[i]);
  find_ends (&old, rows, change);
}

/* -- One kept row by row, the other run again ---------------------------------------------------------------------- */

static gboolean
find_rowid (DimpleRows       *result,
            guint             position,
            DimpleQueryPlan  *plan,
            DimpleConnection *reader,
            GString          *key,
            gint64           *rowid)
{
  gsize size;

  if (plan->table->key->len == 0)
    return dimple_result_get_rowid (dimple_result_of (result), position, plan->table->name, rowid);
  g_string_truncate (key, 0);
  return g_strcmp0 (dimple_row_shape_get_table (dimple_rows_get_shape (result)), plan->table->name) == 0 &&
         dimple_row_shape_append_key (dimple_rows_get_shape (result), dimple_rows_get_record (result, position, &size),
                                      key) &&
         dimple_plan_find_key (plan, reader, key->str, rowid);
}

/* The rowids of the rows of a result in the table of `plan`; FALSE in `found` where there is none.  Of several rows
 * with the same one the first is taken. */
static void
find_rowids (DimpleRows       *result,
             DimpleQueryPlan  *plan,
             DimpleConnection *reader,
             gint64           *rowids,
             gboolean         *found)
{
  g_autoptr(GString) key = g_string_new (NULL);
  g_autoptr(GHashTable) seen = g_hash_table_new (g_int64_hash, g_int64_equal);
  guint n_rows = dimple_rows_get_n_rows (result);

  for (guint i = 0; i < n_rows; i++)
    found[i] = find_rowid (result, i, plan, reader, key, &rowids[i]) && g_hash_table_add (seen, &rowids[i]);
}

static void
compare_with_result (DimpleRows             *rows,
                     DimpleQueryPlan        *plan,
                     DimpleConnection       *reader,
                     const DimpleRowsBefore *before,
                     DimpleRowsChange       *change)
{
  g_auto(Old) old = { 0, };
  g_autofree gint64 *ids = NULL;

  old_init (&old, before->old);
  ids = g_memdup2 (old.ids, (old.n_rows + 1) * sizeof (gint64));
  find_rowids (before->old, plan, reader, old.ids, old.is_there);
  for (guint i = 0; i < old.n_rows; i++)
    if (old.is_there[i])
      add_successor (change, ids[i], old.ids[i], TRUE);
  find_ends (&old, rows, change);
}

/* The rows of the result get the ids of the old rows, where these were before `net`. */
static void
compare_result (DimpleRows             *rows,
                DimpleConnection       *reader,
                const DimpleRowsBefore *before,
                DimpleRowsChange       *change)
{
  guint n_rows = dimple_rows_get_n_rows (rows), position;
  g_autoptr(GHashTable) origins = g_hash_table_new (g_int64_hash, g_int64_equal);
  g_autofree gboolean *found = g_new0 (gboolean, n_rows + 1);
  gint64 *ids = g_new0 (gint64, n_rows + 1), last_id = 0;
  g_auto(Old) old = { 0, };

  old_init (&old, before->old);
  for (guint i = 0; i < old.n_rows; i++)
    {
      last_id = MAX (last_id, old.ids[i]);
      old.is_there[i] = TRUE;
    }
  for (guint i = 0; before->net != NULL && i < before->net->len; i++)
    {
      const DimpleRowChange *row = &g_array_index (before->net, DimpleRowChange, i);

      if (row->has_row)
        g_hash_table_insert (origins, (gpointer) &row->to, (gpointer) row);
    }
  find_rowids (rows, before->old_plan, reader, ids, found);
  for (guint i = 0; i < n_rows; i++)
    {
      const DimpleRowChange *row = found[i] ? g_hash_table_lookup (origins, &ids[i]) : NULL;

      if (row != NULL)
        found[i] = row->had_row;
      if (row != NULL && row->had_row)
        ids[i] = row->from;
      if (!found[i] || !dimple_rows_find_id (before->old, ids[i], &position))
        ids[i] = 0;
    }
  dimple_result_take_ids (dimple_result_of (rows), ids, last_id);
  change->others_stay = TRUE;
  find_ends (&old, rows, change);
}

/* -- Any ----------------------------------------------------------------------------------------------------------- */

static void
replace_all (DimpleRows             *rows,
             const DimpleRowsBefore *before,
             DimpleRowsChange       *change)
{
  guint n_rows = dimple_rows_get_n_rows (rows);

  change->n_removed = before->old != NULL ? dimple_rows_get_n_rows (before->old) : 0;
  change->n_added = n_rows;
  if (dimple_result_of (rows) != NULL)
    dimple_result_take_ids (dimple_result_of (rows), g_new0 (gint64, n_rows + 1), 0);
}

void
dimple_rows_compare (DimpleRows             *rows,
                     DimpleQueryPlan        *plan,
                     DimpleConnection       *reader,
                     const DimpleRowsBefore *before,
                     DimpleRowsChange       *change)
{
  DimpleRows *old = before->old;
  DimpleKeptRows *kept = dimple_kept_rows_of (rows), *old_kept = dimple_kept_rows_of (old);

  if (kept == NULL && old_kept == NULL)
    {
      dimple_result_compare (dimple_result_of (rows), dimple_result_of (old), change);
      return;
    }
  dimple_rows_change_init (change);
  change->any_updated = TRUE;
  if (old == NULL || dimple_rows_get_shape (old) != dimple_rows_get_shape (rows))
    replace_all (rows, before, change);
  else if (kept != NULL && old_kept != NULL && g_str_equal (plan->table->name, before->old_plan->table->name))
    compare_kept (rows, before, change);
  else if (kept != NULL && old_kept == NULL)
    compare_with_result (rows, plan, reader, before, change);
  else if (kept == NULL)
    compare_result (rows, reader, before, change);
  else
    replace_all (rows, before, change);
}
