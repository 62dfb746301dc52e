/* dimple-merge-refresh.c: settling without transactions from elsewhere
 *
 * After a local commit rows on the shelf may have found their place; after a migration the log may know rows and values
 * that had no table or column before.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-merge-private.h"

#include <string.h>

#include "dimple-merge-mode-private.h"

static gboolean
run (DimpleSettling  *settling,
     GError         **error)
{
  g_autoptr(DimpleMergeMode) mode = dimple_merge_mode_enter (settling, error);

  if (mode == NULL || !dimple_settling_run (settling, error))
    return FALSE;
  if (settling->changes != NULL)
    dimple_merge_mode_report (mode, settling->changes);
  return TRUE;
}

/* -- After a local commit ------------------------------------------------------------------------------------------ */

gboolean
dimple_merge_is_waiting (DimpleConnection  *connection,
                         gboolean          *waiting,
                         GError           **error)
{
  gint64 any = 0;

  /* also what waits for nobody: the app may insert a row of its key */
  if (!dimple_connection_get_int64 (connection, "SELECT EXISTS (SELECT 1 FROM dimple_shelf)", 0, &any, error))
    return FALSE;
  *waiting = any != 0;
  return TRUE;
}

static gboolean
has_changed (DimpleChangeSet *committed,
             const char      *table)
{
  return committed == NULL || dimple_change_set_is_all (committed) || dimple_change_set_find (committed, table) != NULL;
}

gboolean
dimple_merge_settle (DimpleConnection  *connection,
                     DimpleSchema      *schema,
                     DimpleChangeSet   *committed,
                     DimpleChangeSet   *changes,
                     GError           **error)
{
  g_auto(DimpleSettling) settling = { 0 };

  dimple_settling_init (&settling, connection, schema, changes);
  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *definition = dimple_schema_get_table (schema, i);
      const DimpleTableChanges *of_table;
      DimpleMergeTable *table;

      if (!definition->tracked || !has_changed (committed, definition->name))
        continue;
      table = dimple_settling_get_table (&settling, definition, error);
      if (table == NULL)
        return FALSE;
      of_table = committed != NULL && !dimple_change_set_is_all (committed)
                 ? dimple_change_set_find (committed, definition->name) : NULL;
      if (!dimple_merge_table_unshelve_shown (table, of_table, error))
        return FALSE;
      dimple_merge_table_note_committed (table, of_table);
      /* rows of its own may find room now, and rows that reference it their parents */
      table->freed = table->gained = TRUE;
    }
  return run (&settling, error);
}

/* -- After a migration --------------------------------------------------------------------------------------------- */

/* What there is in a schema that there was not before. */
typedef struct
{
  DimpleSchema   *before;
  DimpleSettling *settling;
  gboolean        any;
} News;

static gboolean
is_new_table (DimpleSchema      *before,
              const DimpleTable *table)
{
  const DimpleTable *then = dimple_schema_find (before, table->name);

  return then == NULL || !then->tracked || then->key->len != table->key->len;
}

static gboolean
is_new_column (DimpleSchema       *before,
               const DimpleTable  *table,
               const DimpleColumn *column)
{
  return !column->generated && dimple_table_find_column (dimple_schema_find (before, table->name), column->name) < 0;
}

static gboolean
is_news (DimpleSchema      *before,
         const DimpleTable *table)
{
  if (!table->tracked)
    return FALSE;
  if (is_new_table (before, table))
    return TRUE;
  for (guint i = 0; i < table->columns->len; i++)
    if (is_new_column (before, table, g_ptr_array_index (table->columns, i)))
      return TRUE;
  return FALSE;
}

static DimpleFoldedRow *
want_news (DimpleFold              *fold,
           const DimpleChangeGroup *group,
           gpointer                 user_data)
{
  News *self = user_data;
  gboolean wanted;

  if (group->table == NULL)
    return NULL;
  wanted = is_new_table (self->before, group->table);
  for (guint i = 0; i < group->numbers->len && !wanted; i++)
    {
      int number = g_array_index (group->numbers, int, i);

      wanted = number >= 0 && is_new_column (self->before, group->table,
                                             g_ptr_array_index (group->table->columns, (guint) number));
    }
  return wanted ? dimple_settling_touch (self->settling, group->table, group->key->data, group->key->len, NULL) : NULL;
}

/* Constraints may be others now: all that is shelved is judged anew. */
static gboolean
touch_shelved (DimpleSettling  *settling,
               GError         **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GByteArray) key = g_byte_array_new ();
  g_autoptr(GError) local_error = NULL;

  statement = dimple_connection_prepare (settling->connection, "SELECT \"table\", key FROM dimple_shelf", error);
  if (statement == NULL)
    return FALSE;
  while (dimple_statement_step (statement, &local_error))
    {
      const DimpleTable *table = dimple_schema_find (settling->schema,
                                                     (const char *) sqlite3_column_text (statement, 0));

      if (table != NULL && table->tracked &&
          dimple_key_from_json ((const char *) sqlite3_column_text (statement, 1), table->key->len, key))
        dimple_settling_touch (settling, table, key->data, key->len, NULL);
    }
  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  return dimple_connection_exec (settling->connection, "DELETE FROM dimple_shelf; DELETE FROM dimple_wait", error);
}

/* FOREIGN KEYs were off while the script ran, and one may be new: where children lack their parents, these count as
 * gone. */
static gboolean
lose_missing_parents (DimpleSettling  *settling,
                      GError         **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  statement = dimple_connection_prepare (settling->connection, "SELECT DISTINCT parent FROM pragma_foreign_key_check",
                                         error);
  if (statement == NULL)
    return FALSE;
  while (dimple_statement_step (statement, &local_error))
    {
      const DimpleTable *definition = dimple_schema_find (settling->schema,
                                                          (const char *) sqlite3_column_text (statement, 0));
      DimpleMergeTable *table = NULL;

      if (definition == NULL || !definition->tracked)
        continue;
      table = dimple_settling_get_table (settling, definition, &local_error);
      if (table == NULL)
        break;
      table->lost = TRUE;
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

gboolean
dimple_merge_refresh (DimpleConnection  *connection,
                      DimpleSchema      *before,
                      DimpleSchema      *schema,
                      const char        *id,
                      DimpleChangeSet   *changes,
                      GError           **error)
{
  g_auto(DimpleSettling) settling = { 0 };
  News news = { before, &settling, FALSE };

  dimple_settling_init (&settling, connection, schema, changes);
  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    news.any |= is_news (before, dimple_schema_get_table (schema, i));
  if (news.any && !dimple_fold_join_log (settling.fold, connection, NULL, want_news, &news, error))
    return FALSE;
  /* no script brings back a row that somebody deleted, or undoes a later script that ran elsewhere */
  if (*id != '\0' && !(dimple_settling_bury_local_deletes (&settling, error) &&
                       dimple_settling_touch_migrated (&settling, id, error)))
    return FALSE;
  return touch_shelved (&settling, error) && lose_missing_parents (&settling, error) && run (&settling, error);
}
