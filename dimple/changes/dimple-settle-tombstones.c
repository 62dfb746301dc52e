/* dimple-settle-tombstones.c: which rows the log knows and no table shows
 *
 * That is in dimple_tombstone.  Local deletes are not written there at commit, which would cost a page; their log rows
 * carry a flag, and are read here before the next merge.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-settle-private.h"

static gboolean
bury_deleted_rows (DimpleSettling           *self,
                   const DimpleTransaction  *transaction,
                   GError                  **error)
{
  g_auto(DimpleChangeReader) reader = { 0 };
  g_auto(DimpleChangeGroup) group = { 0 };
  g_autoptr(GError) local_error = NULL;

  dimple_change_group_init (&group);
  dimple_change_reader_init (&reader, transaction->changes, transaction->script);
  while (local_error == NULL && dimple_change_reader_next_group (&reader, &local_error))
    {
      DimpleMergeTable *table = NULL;

      dimple_change_group_set (&group, self->fold, &reader);
      if (group.table != NULL && reader.operation == DIMPLE_OPERATION_DELETE)
        {
          table = dimple_settling_get_table (self, group.table, &local_error);
          if (table == NULL)
            break;
        }
      while (dimple_change_reader_next_row (&reader, &local_error))
        {
          dimple_change_group_set_key (&group, &reader);
          if (table != NULL && !dimple_merge_table_bury (table, group.key->data, &local_error))
            break;
        }
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* The seqs of local log rows with deletes that have not been looked at. */
static GArray *
list_deletes (DimpleConnection  *connection,
              gint64             after,
              GError           **error)
{
  g_autoptr(GArray) seqs = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  /* `changes` is not read here: it lies behind the flags, mostly on other pages */
  statement = dimple_connection_prepare (connection,
                                         "SELECT seq FROM dimple_log WHERE seq > ? AND flags & 8", error);
  if (statement == NULL)
    return NULL;
  sqlite3_bind_int64 (statement, 1, after);
  while (dimple_statement_step (statement, &local_error))
    {
      gint64 seq = sqlite3_column_int64 (statement, 0);

      g_array_append_val (seqs, seq);
    }
  if (local_error == NULL)
    return g_steal_pointer (&seqs);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}

gboolean
dimple_settling_bury_local_deletes (DimpleSettling  *self,
                                    GError         **error)
{
  g_autoptr(GArray) seqs = NULL;
  g_autoptr(DimpleStatement) note = NULL;
  gint64 after = 0;

  if (!dimple_connection_get_int64 (self->connection, "SELECT value FROM dimple_state WHERE name = 'buried'", 0, &after,
                                    error))
    return FALSE;
  seqs = list_deletes (self->connection, after, error);
  if (seqs == NULL)
    return FALSE;
  for (guint i = 0; i < seqs->len; i++)
    {
      g_autoptr(DimpleTransaction) transaction = NULL;

      transaction = dimple_log_read_piece (self->connection, g_array_index (seqs, gint64, i), error);
      if (transaction == NULL || !bury_deleted_rows (self, transaction, error))
        return FALSE;
    }

  note = dimple_connection_prepare (self->connection,
                                    "INSERT OR REPLACE INTO dimple_state SELECT 'buried', max (seq) FROM dimple_log",
                                    error);
  return note != NULL && dimple_statement_run (note, error);
}

/* Whether the log has changes of a script that comes after `script`: they win where both changed something. */
static gboolean
knows_later_script (DimpleSettling  *self,
                    int              script,
                    gboolean        *later,
                    GError         **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (self->connection, "SELECT 1 FROM dimple_log WHERE script > ? LIMIT 1", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int (statement, 1, script);
  return dimple_statement_has_row (statement, later, error);
}

static gboolean
touch_group (DimpleSettling      *self,
             DimpleChangeReader  *reader,
             DimpleChangeGroup   *group,
             gboolean             all,
             GError             **error)
{
  g_autoptr(GError) local_error = NULL;
  DimpleMergeTable *table = NULL;

  if (group->table != NULL)
    {
      table = dimple_settling_get_table (self, group->table, error);
      if (table == NULL)
        return FALSE;
    }
  while (dimple_change_reader_next_row (reader, &local_error))
    {
      gboolean touch = all;

      dimple_change_group_set_key (group, reader);
      if (table == NULL)
        continue;
      if (!all && reader->operation == DIMPLE_OPERATION_INSERT &&
          !dimple_merge_table_is_buried (table, group->key->data, &touch, &local_error))
        break;
      if (touch)
        dimple_settling_touch (self, table->table, group->key->data, group->key->len, NULL);
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static gboolean
touch_piece (DimpleTransaction  *owned,
             gpointer            user_data,
             GError            **error)
{
  g_autoptr(DimpleTransaction) piece = owned;
  DimpleSettling *self = user_data;
  g_auto(DimpleChangeReader) reader = { 0 };
  g_auto(DimpleChangeGroup) group = { 0 };
  g_autoptr(GError) local_error = NULL;
  gboolean all;

  if (!knows_later_script (self, piece->script, &all, error))
    return FALSE;
  dimple_change_group_init (&group);
  dimple_change_reader_init (&reader, piece->changes, piece->script);
  while (dimple_change_reader_next_group (&reader, &local_error))
    {
      dimple_change_group_set (&group, self->fold, &reader);
      if (!touch_group (self, &reader, &group, all, &local_error))
        break;
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

gboolean
dimple_settling_touch_migrated (DimpleSettling  *self,
                                const char      *id,
                                GError         **error)
{
  guint64 time = 0;

  /* what is written here has its time as seq */
  dimple_uuid7_parse (id, &time, NULL);
  return dimple_log_visit_one (self->connection, (gint64) time, touch_piece, self, error);
}
