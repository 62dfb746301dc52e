/* dimple-merge.c: making the tables what the set of known transactions says
 *
 * A transaction that is newer than all that is known wins everywhere: it is written to the tables as it is read.  What
 * that leaves open (older transactions, migrations, rows that no table shows, rows that SQLite refuses) is touched and
 * settled at the end, with what the log has of those rows.  So the log is read only where something concurrent
 * happened.
 *
 * A large transaction comes in pieces, and what it has touched is settled now and then: what is settled so far is what
 * a smaller transaction would have given, so memory is bounded and the end is the same.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-merge-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-merge-mode-private.h"

/* So many rows are kept in memory before they are settled. */
#define MAX_TOUCHED 20000

static guint max_touched = MAX_TOUCHED;

typedef struct
{
  DimpleSettling     settling;
  DimpleLogWriter   *log;

  /* of the transaction at hand */
  const DimpleTransaction *transaction;
  gboolean                 fresh;        /* newer than all that is known */
  DimpleMergeTable        *table;        /* of the group; NULL: not tracked here */
  DimpleChangeGroup        group;
  DimpleRowValues         *values;
  GArray                  *numbers;      /* the columns to be written by an update */
} Merge;

static void
merge_init (Merge            *self,
            DimpleConnection *connection,
            DimpleSchema     *schema,
            DimpleLogWriter  *log,
            DimpleChangeSet  *changes)
{
  memset (self, 0, sizeof *self);
  dimple_settling_init (&self->settling, connection, schema, changes);
  dimple_change_group_init (&self->group);
  self->log = log;
  self->values = g_ptr_array_new ();
  self->numbers = g_array_new (FALSE, FALSE, sizeof (int));
}

static void
merge_clear (Merge *self)
{
  dimple_settling_clear (&self->settling);
  dimple_change_group_clear (&self->group);
  g_clear_pointer (&self->values, g_ptr_array_unref);
  g_clear_pointer (&self->numbers, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Merge, merge_clear)

/* -- Writing what is newer than all that is known ------------------------------------------------------------------ */

static gboolean
touch_row (Merge      *self,
           const char *since)
{
  dimple_settling_touch (&self->settling, self->table->table, self->group.key->data, self->group.key->len, since);
  return TRUE;
}

/* What is whole stays so by joining all that comes; of other rows the log will tell. */
static gboolean
join_row (Merge                    *self,
          const DimpleChangeReader *reader,
          DimpleFoldedRow          *row,
          const char               *since)
{
  if (!row->whole)
    return touch_row (self, since);
  dimple_fold_join_row (self->settling.fold, row, self->transaction->id, self->transaction->script, NULL, &self->group,
                        reader);
  return TRUE;
}

static DimpleFoldedRow *
find_touched (Merge *self)
{
  return dimple_fold_find (self->settling.fold, self->table->table->name, self->group.key->data, self->group.key->len);
}

/* What the row's values are, in the order of the table's columns; FALSE: one of them was pruned. */
static gboolean
place_values (Merge                    *self,
              const DimpleChangeReader *reader)
{
  const guint8 *value = reader->new_values->data;

  for (guint i = 0; i < reader->columns->len; i++)
    {
      int number = g_array_index (self->group.numbers, int, i);

      if (*value == DIMPLE_VALUE_PRUNED)
        return FALSE;
      if (number >= 0)
        self->values->pdata[number] = (gpointer) value;
      value = dimple_record_skip (value, 1);
    }
  return TRUE;
}

static gboolean
insert_fresh (Merge   *self,
              GError **error)
{
  DimpleRefusal refusal;
  gboolean buried;

  if (!dimple_merge_table_is_buried (self->table, self->group.key->data, &buried, error))
    return FALSE;
  if (buried)
    return touch_row (self, NULL);
  if (!dimple_merge_table_insert (self->table, self->group.key->data, self->values, &refusal, error))
    return FALSE;
  if (refusal != DIMPLE_TAKEN)
    return touch_row (self, self->transaction->id);
  dimple_settling_check (&self->settling, self->table, self->group.key->data, self->group.key->len);
  return TRUE;
}

static gboolean
update_fresh (Merge   *self,
              GError **error)
{
  DimpleRefusal refusal = DIMPLE_TAKEN;
  gboolean found;
  gint64 rowid;

  if (!dimple_merge_table_find (self->table, self->group.key->data, &found, &rowid, NULL, NULL, error))
    return FALSE;
  if (found && self->numbers->len > 0 &&
      !dimple_merge_table_update (self->table, self->group.key->data, rowid, self->values, self->numbers, &refusal,
                                  error))
    return FALSE;
  if (!found || refusal != DIMPLE_TAKEN)
    return touch_row (self, self->transaction->id);
  if (self->numbers->len > 0)
    dimple_settling_check (&self->settling, self->table, self->group.key->data, self->group.key->len);
  return TRUE;
}

static gboolean
delete_fresh (Merge   *self,
              GError **error)
{
  gboolean found;
  gint64 rowid;

  if (!dimple_merge_table_find (self->table, self->group.key->data, &found, &rowid, NULL, NULL, error))
    return FALSE;
  if (found && !dimple_merge_table_delete (self->table, self->group.key->data, rowid, error))
    return FALSE;
  return dimple_merge_table_bury (self->table, self->group.key->data, error) &&
         dimple_merge_table_unshelve (self->table, self->group.key->data, error);
}

static gboolean
write_fresh (Merge                     *self,
             const DimpleChangeReader  *reader,
             GError                   **error)
{
  DimpleFoldedRow *touched = find_touched (self);

  if (touched != NULL)
    return join_row (self, reader, touched, self->transaction->id);
  switch (reader->operation)
    {
    case DIMPLE_OPERATION_INSERT:
      return place_values (self, reader) ? insert_fresh (self, error) : touch_row (self, self->transaction->id);
    case DIMPLE_OPERATION_UPDATE:
      return place_values (self, reader) ? update_fresh (self, error) : touch_row (self, self->transaction->id);
    case DIMPLE_OPERATION_DELETE:
    default:
      return delete_fresh (self, error);
    }
}

/* -- Touching what has to be settled ------------------------------------------------------------------------------- */

/* The smallest anchor of a migration's row; NULL: it saw nothing of something. */
static const char *
smallest_anchor (const DimpleChangeReader *reader)
{
  const char *smallest = NULL;

  for (guint i = 0; i < reader->anchors->len; i++)
    {
      const char *anchor = g_ptr_array_index (reader->anchors, i);

      if (smallest == NULL || strcmp (anchor, smallest) < 0)
        smallest = anchor;
    }
  return smallest != NULL && *smallest != '\0' ? smallest : NULL;
}

/* Of a row that is in no table and was not, nothing is known, and what comes here is all. */
static gboolean
touch_late (Merge                     *self,
            const DimpleChangeReader  *reader,
            GError                   **error)
{
  const char *since = self->transaction->script > 0 ? smallest_anchor (reader) : self->transaction->id;
  DimpleFoldedRow *row = find_touched (self);
  DimpleRowStanding *standing;
  gboolean buried;

  if (row != NULL)
    return join_row (self, reader, row, since);
  row = dimple_settling_add (&self->settling, self->table->table, self->group.key->data, self->group.key->len);
  standing = dimple_settling_look (&self->settling, row, error);
  if (standing == NULL || !dimple_merge_table_is_buried (self->table, row->key, &buried, error))
    return FALSE;
  row->whole = !standing->shown && !buried;
  return join_row (self, reader, row, since);
}

/* -- Transactions -------------------------------------------------------------------------------------------------- */

static int
compare_numbers (gconstpointer a,
                 gconstpointer b)
{
  return *(const int *) a - *(const int *) b;
}

static gboolean
begin_group (Merge                     *self,
             const DimpleChangeReader  *reader,
             GError                   **error)
{
  dimple_change_group_set (&self->group, self->settling.fold, reader);
  self->table = NULL;
  if (self->group.table == NULL)
    return TRUE;
  self->table = dimple_settling_get_table (&self->settling, self->group.table, error);
  if (self->table == NULL)
    return FALSE;

  g_ptr_array_set_size (self->values, (int) self->table->table->columns->len);
  for (guint i = 0; i < self->values->len; i++)
    self->values->pdata[i] = g_ptr_array_index (self->table->defaults, i);
  g_array_set_size (self->numbers, 0);
  for (guint i = 0; i < self->group.numbers->len; i++)
    {
      int number = g_array_index (self->group.numbers, int, i);

      if (number >= 0)
        g_array_append_val (self->numbers, number);
    }
  g_array_sort (self->numbers, compare_numbers);
  return TRUE;
}

static gboolean
merge_changes (Merge   *self,
               GBytes  *changes,
               GError **error)
{
  g_auto(DimpleChangeReader) reader = { 0 };
  g_autoptr(GError) local_error = NULL;

  dimple_change_reader_init (&reader, changes, self->transaction->script);
  while (local_error == NULL && dimple_change_reader_next_group (&reader, &local_error))
    {
      if (!begin_group (self, &reader, &local_error))
        break;
      while (local_error == NULL && dimple_change_reader_next_row (&reader, &local_error))
        {
          if (self->table == NULL)
            continue;
          dimple_change_group_set_key (&self->group, &reader);
          if (self->fresh)
            write_fresh (self, &reader, &local_error);
          else
            touch_late (self, &reader, &local_error);
        }
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_prefixed_error (error, g_steal_pointer (&local_error), "%s: ", self->transaction->id);
  return FALSE;
}

/* Settles what was touched so far, if that is much. */
static gboolean
settle_much (Merge   *self,
             GError **error)
{
  if (dimple_fold_get_n_rows (self->settling.fold) < max_touched)
    return TRUE;
  if (!dimple_settling_run (&self->settling, error))
    return FALSE;
  self->table = NULL;
  dimple_settling_restart (&self->settling);
  return TRUE;
}

static gboolean
merge_piece (Merge     *self,
             GBytes    *changes,
             guint      piece,
             gboolean   more,
             GError   **error)
{
  return dimple_log_append_piece (self->log, self->transaction, changes, piece, more, error) &&
         merge_changes (self, changes, error) && settle_much (self, error);
}

static gboolean
merge_pieces (Merge   *self,
              GError **error)
{
  const DimpleTransaction *transaction = self->transaction;

  for (guint i = 0; i < transaction->n_pieces; i++)
    {
      g_autoptr(GBytes) changes = transaction->read_piece (self->settling.connection, i, transaction->piece_data,
                                                                error);

      if (changes == NULL || !merge_piece (self, changes, i, i + 1 < transaction->n_pieces, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
merge_transaction (Merge                    *self,
                   const DimpleTransaction  *transaction,
                   GError                  **error)
{
  guint64 time = 0;

  dimple_uuid7_parse (transaction->id, &time, NULL);
  self->transaction = transaction;
  self->fresh = time > dimple_log_writer_get_time (self->log) && transaction->script == 0 && !transaction->pruned;
  return transaction->changes != NULL ? merge_piece (self, transaction->changes, 0, FALSE, error)
                                      : merge_pieces (self, error);
}

static int
compare_transactions (gconstpointer a,
                      gconstpointer b)
{
  const DimpleTransaction * const *x = a, * const *y = b;

  return strcmp ((*x)->id, (*y)->id);
}

static gboolean
merge_all (Merge      *self,
           GPtrArray  *transactions,
           GError    **error)
{
  g_autoptr(DimpleMergeMode) mode = dimple_merge_mode_enter (&self->settling, error);

  if (mode == NULL || !dimple_settling_bury_local_deletes (&self->settling, error))
    return FALSE;
  for (guint i = 0; i < transactions->len; i++)
    if (!merge_transaction (self, g_ptr_array_index (transactions, i), error))
      return FALSE;
  if (!dimple_settling_run (&self->settling, error))
    return FALSE;
  if (self->settling.changes != NULL)
    dimple_merge_mode_report (mode, self->settling.changes);
  return TRUE;
}

gboolean
dimple_merge_apply (DimpleConnection  *connection,
                    DimpleSchema      *schema,
                    DimpleLogWriter   *log,
                    GPtrArray         *transactions,
                    DimpleChangeSet   *changes,
                    GError           **error)
{
  g_auto(Merge) self = { 0 };
  g_autoptr(GPtrArray) sorted = g_ptr_array_new ();

  for (guint i = 0; i < transactions->len; i++)
    g_ptr_array_add (sorted, g_ptr_array_index (transactions, i));
  g_ptr_array_sort (sorted, compare_transactions);
  merge_init (&self, connection, schema, log, changes);
  return merge_all (&self, sorted, error);
}

void
dimple_merge_set_max_touched (guint n_rows)
{
  max_touched = n_rows > 0 ? n_rows : MAX_TOUCHED;
  dimple_settling_set_max_unchecked (n_rows);
}
