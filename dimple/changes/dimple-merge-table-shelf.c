/* dimple-merge-table-shelf.c: what the merge notes of rows that a table does not show: tombstones and the shelf
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-merge-table-private.h"

#include <string.h>

#include "dimple-shelf-private.h"

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
  g_autoptr(GError) local_error = NULL;

  *buried = FALSE;
  if (!self->any_tombstones)
    return TRUE;
  statement = prepare_for_key (self, "SELECT 1 FROM dimple_tombstone WHERE \"table\" = ? AND key = ?", key, error);
  if (statement == NULL)
    return FALSE;
  *buried = dimple_statement_step (statement, &local_error);
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
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
  g_autoptr(DimpleStatement) statement = NULL;

  statement = prepare_for_key (self, "INSERT OR REPLACE INTO dimple_shelf VALUES (?, ?, ?, ?, ?, ?, NULL)", key, error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 3, reason, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 4, created, -1, SQLITE_STATIC);
  if (rival != NULL)
    sqlite3_bind_text (statement, 5, dimple_key_to_json (rival, self->table->key->len), -1, g_free);
  if (values != NULL)
    sqlite3_bind_text (statement, 6, dimple_shelf_values_to_json (self->table, values), -1, g_free);
  self->any_shelved = TRUE;
  self->any_waiting |= strcmp (reason, "unique") == 0 || strcmp (reason, "foreign-key") == 0;
  return dimple_statement_run (statement, error);
}

gboolean
dimple_merge_table_unshelve (DimpleMergeTable  *self,
                             const guint8      *key,
                             GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  if (!self->any_shelved)
    return TRUE;
  statement = prepare_for_key (self, "DELETE FROM dimple_shelf WHERE \"table\" = ? AND key = ?", key, error);
  return statement != NULL && dimple_statement_run (statement, error);
}

gboolean
dimple_merge_table_unshelve_shown (DimpleMergeTable  *self,
                                   GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GByteArray) key = g_byte_array_new ();
  g_autoptr(GError) local_error = NULL;

  if (!self->any_shelved)
    return TRUE;
  statement = dimple_connection_prepare (self->connection,
                                         "SELECT key FROM dimple_shelf WHERE \"table\" = ? "
                                         "AND reason NOT IN ('unique', 'foreign-key')", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, self->table->name, -1, SQLITE_STATIC);
  while (dimple_statement_step (statement, &local_error))
    {
      gboolean shown = FALSE;
      gint64 rowid;

      if (!dimple_key_from_json ((const char *) sqlite3_column_text (statement, 0), self->table->key->len, key))
        continue;
      if (!dimple_merge_table_find (self, key->data, &shown, &rowid, NULL, NULL, &local_error) ||
          (shown && !dimple_merge_table_unshelve (self, key->data, &local_error)))
        break;
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
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
                                       : (gpointer) dimple_fold_keep (fold, value, dimple_record_skip (value, 1) - value);
    }
  return TRUE;
}

gboolean
dimple_merge_table_visit_waiting (DimpleMergeTable   *self,
                                  DimpleFold         *fold,
                                  DimpleWaitingFunc   func,
                                  gpointer            user_data,
                                  GError            **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GByteArray) key = g_byte_array_new ();
  g_autoptr(GByteArray) rival = g_byte_array_new ();
  g_autoptr(GError) local_error = NULL;
  guint n_values = self->table->key->len;

  if (!self->any_waiting)
    return TRUE;
  statement = dimple_connection_prepare (self->connection,
                                         "SELECT key, created, rival, \"row\" FROM dimple_shelf WHERE \"table\" = ? "
                                         "AND reason IN ('unique', 'foreign-key') AND \"row\" IS NOT NULL", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, self->table->name, -1, SQLITE_STATIC);
  while (dimple_statement_step (statement, &local_error))
    {
      const char *rival_json = (const char *) sqlite3_column_text (statement, 2);
      g_autoptr(GPtrArray) values = g_ptr_array_sized_new (self->table->columns->len);
      DimpleWaitingRow row = { .key = key, .values = values };

      g_ptr_array_set_size (values, (int) self->table->columns->len);
      row.created = (const char *) sqlite3_column_text (statement, 1);
      if (!dimple_key_from_json ((const char *) sqlite3_column_text (statement, 0), n_values, key) ||
          !read_values (self, (const char *) sqlite3_column_text (statement, 3), fold, values))
        continue;
      if (rival_json != NULL && dimple_key_from_json (rival_json, n_values, rival))
        row.rival = rival->data;
      if (!func (self, &row, user_data, &local_error))
        break;
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}
