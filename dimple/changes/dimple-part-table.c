/* dimple-part-table.c: parts of transactions that came in, until all are there
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-part-table-private.h"

gboolean
dimple_part_table_create (DimpleConnection  *connection,
                          GError           **error)
{
  return dimple_connection_exec (connection,
                                 "CREATE TABLE IF NOT EXISTS dimple_part (pack TEXT NOT NULL, part INTEGER NOT NULL,"
                                 " contents BLOB NOT NULL, PRIMARY KEY (pack, part))", error);
}

gboolean
dimple_part_table_list (DimpleConnection  *connection,
                        DimplePartFunc     func,
                        gpointer           user_data,
                        GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (connection, "SELECT pack, part FROM dimple_part",
                                                                    error);
  g_autoptr(GError) failure = NULL;

  if (statement == NULL)
    return FALSE;
  while (dimple_statement_step (statement, &failure))
    func ((const char *) sqlite3_column_text (statement, 0), (guint) sqlite3_column_int (statement, 1), user_data);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

gboolean
dimple_part_table_add (DimpleConnection  *connection,
                       const char        *pack,
                       guint              part,
                       GBytes            *contents,
                       GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  gsize size;
  const void *bytes = g_bytes_get_data (contents, &size);

  statement = dimple_connection_prepare (connection, "INSERT OR REPLACE INTO dimple_part VALUES (?, ?, ?)", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, pack, -1, SQLITE_STATIC);
  sqlite3_bind_int (statement, 2, (int) part);
  sqlite3_bind_blob64 (statement, 3, bytes, size, SQLITE_STATIC);
  return dimple_statement_run (statement, error);
}

GBytes *
dimple_part_table_read (DimpleConnection  *connection,
                        const char        *pack,
                        guint              part,
                        GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "SELECT contents FROM dimple_part WHERE pack = ? AND part = ?",
                                         error);
  if (statement == NULL)
    return NULL;
  sqlite3_bind_text (statement, 1, pack, -1, SQLITE_STATIC);
  sqlite3_bind_int (statement, 2, (int) part);
  if (!dimple_statement_step (statement, error))
    return NULL;
  return g_bytes_new (sqlite3_column_blob (statement, 0), (gsize) sqlite3_column_bytes (statement, 0));
}

gboolean
dimple_part_table_forget (DimpleConnection  *connection,
                          const char        *pack,
                          GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "DELETE FROM dimple_part WHERE pack = ?", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, pack, -1, SQLITE_STATIC);
  return dimple_statement_run (statement, error);
}
