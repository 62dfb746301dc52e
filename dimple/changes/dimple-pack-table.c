/* dimple-pack-table.c: what this device knows of packs of its own
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-pack-table-private.h"

#include <string.h>

/* What a pack writes around the changes of a transaction: two ids and the names of members. */
#define TRANSACTION_OVERHEAD (2 * DIMPLE_UUID_LENGTH + 48)

gsize
dimple_transaction_measure (const DimpleTransaction *transaction)
{
  gsize size = transaction->changes != NULL ? g_bytes_get_size (transaction->changes) : transaction->size;

  return size + TRANSACTION_OVERHEAD +
         (transaction->label != NULL ? strlen (transaction->label) : 0);
}

gboolean
dimple_pack_table_create (DimpleConnection  *connection,
                          GError           **error)
{
  return dimple_connection_exec (connection,
                                 "CREATE TABLE IF NOT EXISTS dimple_pack (key TEXT PRIMARY KEY, first TEXT NOT NULL,"
                                 " last TEXT NOT NULL, size INTEGER NOT NULL, left INTEGER NOT NULL) WITHOUT ROWID",
                                 error);
}

GHashTable *
dimple_pack_table_load (DimpleConnection  *connection,
                        GError           **error)
{
  g_autoptr(GHashTable) sizes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) failure = NULL;

  statement = dimple_connection_prepare (connection, "SELECT key, size, left FROM dimple_pack", error);
  if (statement == NULL)
    return NULL;
  while (dimple_statement_step (statement, &failure))
    {
      DimplePackSize size = { sqlite3_column_int64 (statement, 1), sqlite3_column_int64 (statement, 2) };

      g_hash_table_insert (sizes, g_strdup ((const char *) sqlite3_column_text (statement, 0)),
                           g_memdup2 (&size, sizeof size));
    }
  if (failure == NULL)
    return g_steal_pointer (&sizes);
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

gboolean
dimple_pack_table_note (DimpleConnection      *connection,
                        const char            *key,
                        const char            *first,
                        const char            *last,
                        const DimplePackSize  *size,
                        GError               **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "INSERT OR REPLACE INTO dimple_pack VALUES (?, ?, ?, ?, ?)",
                                         error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, first, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 3, last, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 4, size->size);
  sqlite3_bind_int64 (statement, 5, size->left);
  return dimple_statement_run (statement, error);
}

gboolean
dimple_pack_table_forget (DimpleConnection  *connection,
                          const char        *key,
                          GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "DELETE FROM dimple_pack WHERE key = ?", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, key, -1, SQLITE_STATIC);
  return dimple_statement_run (statement, error);
}

/* By seq, and so with the runs of other authors of ours in between, if there are: an estimate. */
gboolean
dimple_pack_table_measure (DimpleConnection  *connection,
                           const char        *first,
                           const char        *last,
                           gint64            *size,
                           GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) failure = NULL;
  guint64 first_time = 0, last_time = 0;

  statement = dimple_connection_prepare (connection,
                                         "SELECT coalesce (sum (length (changes) + ?3), 0), total (id = ?4) > 0,"
                                         " total (id = ?5) > 0 "
                                         "FROM dimple_log WHERE NOT flags & 1 AND seq BETWEEN ?1 AND"
                                         /* a large transaction has rows after its first one */
                                         " coalesce ((SELECT seq FROM dimple_log WHERE seq > ?2 AND id <> ?5"
                                         " ORDER BY seq LIMIT 1) - 1, 9223372036854775807)", error);
  if (statement == NULL)
    return FALSE;
  dimple_uuid7_parse (first, &first_time, NULL);
  dimple_uuid7_parse (last, &last_time, NULL);
  sqlite3_bind_int64 (statement, 1, (gint64) first_time);
  sqlite3_bind_int64 (statement, 2, (gint64) last_time);
  sqlite3_bind_int (statement, 3, TRANSACTION_OVERHEAD);
  sqlite3_bind_text (statement, 4, first, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 5, last, -1, SQLITE_STATIC);
  if (dimple_statement_step (statement, &failure))
    *size = sqlite3_column_int (statement, 1) && sqlite3_column_int (statement, 2) ? sqlite3_column_int64 (statement, 0)
                                                                                   : -1;
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* The packs of the table, a copy: it is written to meanwhile. */
static GPtrArray *
list_packs (DimpleConnection  *connection,
            GError           **error)
{
  g_autoptr(GPtrArray) packs = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) failure = NULL;

  statement = dimple_connection_prepare (connection, "SELECT key, first, last FROM dimple_pack", error);
  if (statement == NULL)
    return NULL;
  while (dimple_statement_step (statement, &failure))
    {
      char **pack = g_new0 (char *, 4);

      for (int i = 0; i < 3; i++)
        pack[i] = g_strdup ((const char *) sqlite3_column_text (statement, i));
      g_ptr_array_add (packs, pack);
    }
  if (failure == NULL)
    return g_steal_pointer (&packs);
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

gboolean
dimple_pack_table_refresh (DimpleConnection  *connection,
                           GError           **error)
{
  g_autoptr(GPtrArray) packs = list_packs (connection, error);

  if (packs == NULL)
    return FALSE;
  for (guint i = 0; i < packs->len; i++)
    {
      g_autoptr(DimpleStatement) statement = NULL;
      char **pack = g_ptr_array_index (packs, i);
      gint64 left = 0;

      if (!dimple_pack_table_measure (connection, pack[1], pack[2], &left, error))
        return FALSE;
      statement = dimple_connection_prepare (connection, "UPDATE dimple_pack SET left = ?2 WHERE key = ?1", error);
      if (statement == NULL)
        return FALSE;
      sqlite3_bind_text (statement, 1, pack[0], -1, SQLITE_STATIC);
      sqlite3_bind_int64 (statement, 2, left);
      if (!dimple_statement_run (statement, error))
        return FALSE;
    }
  return TRUE;
}
