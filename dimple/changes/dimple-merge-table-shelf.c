/* dimple-merge-table-shelf.c: what the merge notes of rows that a table does not show: tombstones and the shelf
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-merge-table-private.h"

#include <string.h>

#include "dimple-shelf-private.h"

#define SELECT_WAITING "SELECT key, created, rival, \"row\" FROM dimple_shelf WHERE \"table\" = ? " \
                       "AND reason IN ('unique', 'foreign-key') AND \"row\" IS NOT NULL"

/* A statement that begins with the table's name and a key. */
static sqlite3_stmt *
prepare_for_key (DimpleMergeTable  *self,
                 const char        *sql,
                 const guint8      *key,
                 GError           **error)
{
  sqlite3_stmt *statement = dimple_connection_prepare (self->connection, sql, error);

  if (statement == NULL)
    return NULL;
  sqlite3_bind_text (statement, 1, self->table->name, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, dimple_key_to_json (key, self->table->key->len), -1, g_free);
  return statement;
}

gboolean
dimple_merge_table_bury (DimpleMergeTable  *self,
                         const guint8      *key,
                         GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = prepare_for_key (self, "INSERT OR IGNORE INTO dimple_tombstone VALUES (?, ?)", key, error);
  self->any_tombstones = TRUE;
  return statement != NULL && dimple_statement_run (statement, error);
}

gboolean
dimple_merge_table_is_buried (DimpleMergeTable  *self,
                              const guint8      *key,
                              gboolean          *buried,
                              GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  *buried = FALSE;
  if (!self->any_tombstones)
    return TRUE;
  statement = prepare_for_key (self, "SELECT 1 FROM dimple_tombstone WHERE \"table\" = ? AND key = ?", key, error);
  if (statement == NULL)
    return FALSE;
  return dimple_statement_has_row (statement, buried, error);
}

gboolean
dimple_merge_table_shelve (DimpleMergeTable       *self,
                           const guint8           *key,
                           const char             *reason,
                           const char             *created,
                           const guint8           *rival,
                           const DimpleRowValues  *values,
                           GError                **error)
{
  gboolean orphan = strcmp (reason, "foreign-key") == 0;
  gboolean waits = orphan || strcmp (reason, "unique") == 0;
  g_autofree char *key_json = dimple_key_to_json (key, self->table->key->len);
  g_autoptr(DimpleStatement) statement = NULL;

  statement = prepare_for_key (self, "INSERT OR REPLACE INTO dimple_shelf VALUES (?, ?, ?, ?, ?, ?, NULL)", key, error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 3, reason, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 4, created, -1, SQLITE_STATIC);
  if (rival != NULL && !orphan)
    sqlite3_bind_text (statement, 5, dimple_key_to_json (rival, self->table->key->len), -1, g_free);
  if (values != NULL)
    sqlite3_bind_text (statement, 6, dimple_shelf_values_to_json (self->table, values), -1, g_free);
  self->any_shelved = TRUE;
  self->any_waiting |= waits;
  return dimple_statement_run (statement, error) && dimple_merge_table_drop_waits (self, key_json, error) &&
         (!waits || dimple_merge_table_add_waits (self, key, key_json, rival, orphan, values, error));
}

gboolean
dimple_merge_table_unshelve (DimpleMergeTable  *self,
                             const guint8      *key,
                             GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autofree char *key_json = NULL;

  if (!self->any_shelved)
    return TRUE;
  statement = prepare_for_key (self, "DELETE FROM dimple_shelf WHERE \"table\" = ? AND key = ?", key, error);
  if (statement == NULL || !dimple_statement_run (statement, error))
    return FALSE;
  if (sqlite3_changes (dimple_connection_get_handle (self->connection)) == 0)
    return TRUE;
  key_json = dimple_key_to_json (key, self->table->key->len);
  return dimple_merge_table_drop_waits (self, key_json, error);
}

static gboolean
unshelve_if_shown (DimpleMergeTable  *self,
                   const guint8      *key,
                   GError           **error)
{
  gboolean shown = FALSE;
  gint64 rowid;

  return dimple_merge_table_find (self, key, &shown, &rowid, NULL, NULL, error) &&
         (!shown || dimple_merge_table_unshelve (self, key, error));
}

gboolean
dimple_merge_table_unshelve_shown (DimpleMergeTable          *self,
                                   const DimpleTableChanges  *changes,
                                   GError                   **error)
{
  g_autoptr(GPtrArray) keys = NULL;

  if (!self->any_shelved)
    return TRUE;
  keys = dimple_shelf_list_named (self->connection, self->table, changes, error);
  if (keys == NULL)
    return FALSE;
  for (guint i = 0; i < keys->len; i++)
    if (!unshelve_if_shown (self, g_bytes_get_data (g_ptr_array_index (keys, i), NULL), error))
      return FALSE;
  return TRUE;
}

/* Columns that are new since the row was shelved have their default. */
static gboolean
read_values (DimpleMergeTable *self,
             const char       *json,
             DimpleFold       *fold,
             DimpleRowValues  *values)
{
  g_autoptr(GPtrArray) read = dimple_shelf_values_from_json (self->table, json);

  if (read == NULL)
    return FALSE;
  for (guint i = 0; i < self->table->columns->len; i++)
    {
      const guint8 *value = g_ptr_array_index (read, i);

      values->pdata[i] = value == NULL ? g_ptr_array_index (self->defaults, i)
                                       : (gpointer) dimple_fold_keep (fold, value,
                                                                      dimple_record_skip (value, 1) - value);
    }
  return TRUE;
}

/* A row that the statement stands on; FALSE only by an error. */
static gboolean
visit_row (DimpleMergeTable   *self,
           sqlite3_stmt       *statement,
           DimpleFold         *fold,
           DimpleWaitingFunc   func,
           gpointer            user_data,
           GError            **error)
{
  const char *rival_json = (const char *) sqlite3_column_text (statement, 2);
  g_autoptr(GByteArray) key = g_byte_array_new ();
  g_autoptr(GByteArray) rival = g_byte_array_new ();
  g_autoptr(GPtrArray) values = g_ptr_array_sized_new (self->table->columns->len);
  DimpleWaitingRow row = { .key = key, .values = values };
  guint n_values = self->table->key->len;

  g_ptr_array_set_size (values, (int) self->table->columns->len);
  row.created = (const char *) sqlite3_column_text (statement, 1);
  if (!dimple_key_from_json ((const char *) sqlite3_column_text (statement, 0), n_values, key) ||
      !read_values (self, (const char *) sqlite3_column_text (statement, 3), fold, values))
    return TRUE;
  if (rival_json != NULL && dimple_key_from_json (rival_json, n_values, rival))
    row.rival = rival->data;
  return func (self, &row, user_data, error);
}

gboolean
dimple_merge_table_visit_waiting (DimpleMergeTable   *self,
                                  GHashTable         *keys,
                                  DimpleFold         *fold,
                                  DimpleWaitingFunc   func,
                                  gpointer            user_data,
                                  GError            **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;
  GHashTableIter iter;
  gpointer key;

  if (!self->any_waiting)
    return TRUE;
  statement = dimple_connection_prepare (self->connection,
                                         keys != NULL ? SELECT_WAITING " AND key = ?" : SELECT_WAITING, error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, self->table->name, -1, SQLITE_STATIC);
  if (keys == NULL)
    while (dimple_statement_step (statement, &local_error) &&
           visit_row (self, statement, fold, func, user_data, &local_error))
      ;
  else
    {
      g_hash_table_iter_init (&iter, keys);
      while (local_error == NULL && g_hash_table_iter_next (&iter, &key, NULL))
        {
          sqlite3_bind_text (statement, 2, key, -1, SQLITE_STATIC);
          if (dimple_statement_step (statement, &local_error))
            visit_row (self, statement, fold, func, user_data, &local_error);
          sqlite3_reset (statement);
        }
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}
