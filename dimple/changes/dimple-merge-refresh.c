/* dimple-merge-refresh.c: settling without transactions from elsewhere
 *
 * After a local commit rows on the shelf may have found their place, which is asked before, as it is seldom so; after a
 * migration the log may know rows and values that had no table or column before.
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

/* What `committed` (NULL: anything) says of a table; FALSE: that it is as it was.  NULL in `changes`: any of its rows
 * may be another. */
static gboolean
has_changed (DimpleChangeSet            *committed,
             const DimpleTable          *table,
             const DimpleTableChanges  **changes)
{
  *changes = NULL;
  if (!table->tracked)
    return FALSE;
  if (committed == NULL || dimple_change_set_is_all (committed))
    return TRUE;
  *changes = dimple_change_set_find (committed, table->name);
  return *changes != NULL;
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

      if (!has_changed (committed, definition, &of_table))
        continue;
      table = dimple_settling_get_table (&settling, definition, error);
      if (table == NULL || !dimple_merge_table_unshelve_shown (table, of_table, error))
        return FALSE;
      dimple_changed_rows_add_committed (&table->changed, of_table);
      /* rows of its own may find room now, and rows that reference it their parents */
      table->freed = table->gained = TRUE;
    }
  return run (&settling, error);
}

/* -- Before a local commit ----------------------------------------------------------------------------------------- */

/* Asks what settling would find first, without any of its preparations. */
typedef struct
{
  DimpleConnection *connection;
  DimpleSchema     *schema;
  DimpleChangeSet  *committed;
  GHashTable       *changed;       /* DimpleChangedRows by DimpleTable, of those that somebody asked for */
} Question;

static void
free_changed (gpointer pointer)
{
  dimple_changed_rows_clear (pointer);
  g_free (pointer);
}

static const DimpleChangedRows *
find_changed (const DimpleTable *table,
              gpointer           user_data)
{
  Question *self = user_data;
  DimpleChangedRows *rows = g_hash_table_lookup (self->changed, table);
  const DimpleTableChanges *changes;

  if (rows != NULL || !has_changed (self->committed, table, &changes))
    return rows;
  rows = g_new0 (DimpleChangedRows, 1);
  dimple_changed_rows_init (rows, table);
  dimple_changed_rows_add_committed (rows, changes);
  g_hash_table_insert (self->changed, (gpointer) table, rows);
  return rows;
}

/* Tables that reference each other are settled together, so what matters is whether any ancestor has changed. */
static gboolean
is_concerned (Question          *self,
              const DimpleTable *table,
              GHashTable        *seen)
{
  const DimpleTableChanges *changes;
  gboolean concerned = has_changed (self->committed, table, &changes);

  if (!g_hash_table_add (seen, (gpointer) table))
    return FALSE;
  for (guint i = 0; i < table->foreign_keys->len && !concerned; i++)
    {
      const DimpleForeignKey *key = g_ptr_array_index (table->foreign_keys, i);
      const DimpleTable *parent = dimple_schema_find (self->schema, key->parent);

      concerned = parent != NULL && is_concerned (self, parent, seen);
    }
  return concerned;
}

/* Of one table, whether the app has inserted a row that is on the shelf, or one waits there for what changed. */
static gboolean
ask_table (Question           *self,
           const DimpleTable  *table,
           gboolean           *wakes,
           GError            **error)
{
  g_autoptr(GHashTable) seen = g_hash_table_new (NULL, NULL);
  g_autoptr(GHashTable) woken = NULL;
  const DimpleTableChanges *changes;

  if (!is_concerned (self, table, seen))
    return TRUE;
  if (has_changed (self->committed, table, &changes))
    {
      g_autoptr(GPtrArray) named = dimple_shelf_list_named (self->connection, table, changes, error);

      if (named == NULL)
        return FALSE;
      *wakes = named->len > 0;
    }
  if (*wakes)
    return TRUE;
  if (!dimple_waits_list_woken (self->connection, self->schema, table, find_changed, self, &woken, error))
    return FALSE;
  *wakes = woken == NULL || g_hash_table_size (woken) > 0;
  return TRUE;
}

/* The first table after `name` that has rows on the shelf. */
static gboolean
find_next_shelved (DimpleConnection  *connection,
                   char             **name,
                   GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autofree char *before = g_steal_pointer (name);
  gboolean found;

  statement = dimple_connection_prepare (connection, "SELECT \"table\" FROM dimple_shelf WHERE \"table\" > ?"
                                         " ORDER BY \"table\" LIMIT 1", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, before, -1, SQLITE_STATIC);
  if (!dimple_statement_has_row (statement, &found, error))
    return FALSE;
  if (found)
    *name = g_strdup ((const char *) sqlite3_column_text (statement, 0));
  return TRUE;
}

gboolean
dimple_merge_wakes (DimpleConnection  *connection,
                    DimpleSchema      *schema,
                    DimpleChangeSet   *committed,
                    gboolean          *wakes,
                    GError           **error)
{
  g_autoptr(GHashTable) changed = g_hash_table_new_full (NULL, NULL, NULL, free_changed);
  Question question = { connection, schema, committed, changed };
  g_autofree char *name = g_strdup ("");

  *wakes = FALSE;
  while (!*wakes)
    {
      const DimpleTable *table;

      if (!find_next_shelved (connection, &name, error))
        return FALSE;
      if (name == NULL)
        break;
      table = dimple_schema_find (schema, name);
      if (table != NULL && table->tracked && !ask_table (&question, table, wakes, error))
        return FALSE;
    }
  return TRUE;
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
