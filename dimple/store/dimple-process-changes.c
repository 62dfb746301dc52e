/* dimple-process-changes.c: what another process has committed to the file
 *
 * The log tells tables, keys and columns, but no rowids, and nothing of local tables.  So of each table named the rows
 * are known by their keys alone, local and virtual tables are taken as changed, and after a merge, which may show and
 * hide rows that it does not name, everything.  Besides, the state “unnamed” counts the commits with changes that no
 * transaction names.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-process-changes-private.h"

#include "dimple-change-reader-private.h"
#include "dimple-key-private.h"

typedef struct
{
  DimpleSchema    *schema;
  DimpleChangeSet *changes;
  guint            n_transactions;
  gboolean         everything;
} Collection;

/* A row that has another rowid is taken as wholly changed, as if it was seen being written. */
static guint64
mask_of_columns (const DimpleTable        *table,
                 const DimpleChangeReader *reader,
                 gboolean                  moved)
{
  guint64 mask = 0;

  if (reader->operation != DIMPLE_OPERATION_UPDATE || moved)
    return DIMPLE_ALL_COLUMNS;
  for (guint i = 0; i < reader->columns->len; i++)
    {
      int column = dimple_table_find_column (table, g_ptr_array_index (reader->columns, i));

      if (column >= 0)
        mask |= DIMPLE_COLUMN_BIT (column);
    }
  return mask;
}

/* Whether the key's values stand in the order of the schema's PRIMARY KEY. */
static gboolean
is_key_in_order (const DimpleTable        *table,
                 const DimpleChangeReader *reader)
{
  if (reader->key->len != table->key->len)
    return FALSE;
  for (guint k = 0; k < table->key->len; k++)
    if (g_ascii_strcasecmp (dimple_table_get_key_column (table, k)->name, g_ptr_array_index (reader->key, k)) != 0)
      return FALSE;
  return TRUE;
}

static gboolean
collect_group (Collection          *self,
               DimpleChangeReader  *reader,
               gboolean             moved,
               GError             **error)
{
  const DimpleTable *table = dimple_schema_find (self->schema, reader->table);
  DimpleTableChanges *changes = NULL;
  g_autoptr(GError) row_error = NULL;

  if (table != NULL && table->tracked)
    {
      changes = dimple_change_set_add_table (self->changes, table->name);
      changes->columns |= mask_of_columns (table, reader, moved);
      changes->anything = TRUE;
    }
  while (dimple_change_reader_next_row (reader, &row_error))
    if (changes == NULL)
      continue;
    else if (!is_key_in_order (table, reader))
      changes->unnamed = TRUE;
    else if (dimple_table_changes_count (changes))
      dimple_table_changes_add_record (changes, table, reader->key_values->data);
  if (row_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&row_error));
  return FALSE;
}

static gboolean
collect_transaction (DimpleTransaction  *transaction,
                     gpointer            user_data,
                     GError            **error)
{
  Collection *self = user_data;
  g_autoptr(DimpleTransaction) owned = transaction;
  g_auto(DimpleChangeReader) reader = { 0 };
  g_autoptr(GError) group_error = NULL;

  self->n_transactions++;
  self->everything |= owned->foreign || owned->pruned || owned->script > 0;
  if (self->everything)
    return TRUE;

  dimple_change_reader_init (&reader, owned->changes, owned->script);
  while (dimple_change_reader_next_group (&reader, &group_error))
    if (!collect_group (self, &reader, owned->moved, error))
      return FALSE;
  if (group_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&group_error));
  return FALSE;
}

static gboolean
add_virtual_tables (DimpleConnection  *connection,
                    DimpleChangeSet   *changes,
                    GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) step_error = NULL;

  statement = dimple_connection_prepare (connection,
                                         "SELECT name FROM pragma_table_list WHERE schema = 'main' "
                                         "AND type = 'virtual'", error);
  if (statement == NULL)
    return FALSE;
  while (dimple_statement_step (statement, &step_error))
    dimple_change_set_add_any (changes, (const char *) sqlite3_column_text (statement, 0));
  if (step_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&step_error));
  return FALSE;
}

static void
add_local_tables (DimpleSchema    *schema,
                  DimpleChangeSet *changes)
{
  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *table = dimple_schema_get_table (schema, i);

      if (!table->tracked)
        dimple_table_changes_set_all (dimple_change_set_add_table (changes, table->name));
    }
}

gboolean
dimple_process_changes_count_unnamed (DimpleConnection  *connection,
                                      gint64            *n_unnamed,
                                      GError           **error)
{
  return dimple_connection_get_int64 (connection, "SELECT value FROM dimple_state WHERE name = 'unnamed'", 0, n_unnamed,
                                      error);
}

gboolean
dimple_process_changes_note_unnamed (DimpleConnection  *connection,
                                     GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "INSERT INTO dimple_state VALUES ('unnamed', 1) "
                                                     "ON CONFLICT (name) DO UPDATE SET value = value + 1", error);
  return statement != NULL && dimple_statement_run (statement, error);
}

gboolean
dimple_process_changes_collect (DimpleConnection  *connection,
                                DimpleSchema      *schema,
                                gint64             seq,
                                gint64            *n_unnamed,
                                DimpleChangeSet   *changes,
                                GError           **error)
{
  Collection collection = { schema, changes, 0, FALSE };
  gint64 n_now;

  if (!dimple_log_visit_since (connection, seq, collect_transaction, &collection, error) ||
      !dimple_process_changes_count_unnamed (connection, &n_now, error) ||
      !add_virtual_tables (connection, changes, error))
    return FALSE;
  add_local_tables (schema, changes);
  if (collection.everything || collection.n_transactions == 0 || n_now != *n_unnamed)
    dimple_change_set_add_all (changes);
  *n_unnamed = n_now;
  return TRUE;
}
