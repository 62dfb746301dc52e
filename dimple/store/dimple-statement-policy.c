/* dimple-statement-policy.c: what SQL an app may run through a store
 *
 * Whatever would go past capture is refused: transactions of the app's own, other databases, changes of the schema
 * outside migrations, and writing to Dimple's own tables.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-statement-policy-private.h"

#include <string.h>

#include "dimple-error.h"

/* PRAGMAs that only tell; with an argument most of them would set something. */
static const char * const harmless_pragmas[] = {
  "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
  "foreign_key_check", "integrity_check", "quick_check", "data_version", "page_count", "freelist_count",
  "compile_options", "function_list", "collation_list", "module_list", "pragma_list", NULL
};

static gboolean
is_name_of_ours (const char *name)
{
  return name != NULL && g_ascii_strncasecmp (name, "dimple_", strlen ("dimple_")) == 0;
}

int
dimple_statement_policy_authorize (gpointer    user_data,
                                   int         action,
                                   const char *first,
                                   const char *second,
                                   const char *database,
                                   const char *trigger)
{
  switch (action)
    {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
      return is_name_of_ours (first) ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_PRAGMA:
      return g_strv_contains (harmless_pragmas, first) ? SQLITE_OK : SQLITE_DENY;
    /* At its first use an eponymous virtual table (json_each …) is made, and announced as these. */
    case SQLITE_CREATE_VTABLE:
    case SQLITE_DROP_VTABLE:
      return SQLITE_DENY;
    default:
      return SQLITE_DENY;
    }
}

static const char *
skip_blank (const char *sql)
{
  for (;;)
    {
      while (g_ascii_isspace (*sql) || *sql == ';')
        sql++;
      if (g_str_has_prefix (sql, "--"))
        sql += strcspn (sql, "\n");
      else if (g_str_has_prefix (sql, "/*"))
        {
          const char *end = strstr (sql + 2, "*/");

          sql = end != NULL ? end + 2 : sql + strlen (sql);
        }
      else
        return sql;
    }
}

/* VACUUM is not announced to the authorizer. */
static gboolean
check_vacuum (const char  *sql,
              GError     **error)
{
  if (g_ascii_strncasecmp (skip_blank (sql), "VACUUM", strlen ("VACUUM")) != 0)
    return TRUE;
  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL,
                       "VACUUM is refused, as it renumbers rows: pruning the history makes the file smaller");
  return FALSE;
}

/* Says which rule refused a statement. */
static void
explain_refusal (const char  *sql,
                 GError     **error)
{
  static const struct
  {
    const char *word;
    const char *advice;
  } rules[] = {
    { "BEGIN", "use dimple_store_begin() or dimple_store_transaction()" },
    { "COMMIT", "use dimple_store_commit()" },
    { "END", "use dimple_store_commit()" },
    { "ROLLBACK", "use dimple_store_rollback()" },
    { "SAVEPOINT", "use dimple_store_begin(), which nests" },
    { "RELEASE", "use dimple_store_commit()" },
    { "ATTACH", "a store is one file" },
    { "DETACH", "a store is one file" },
    { "CREATE", "change the schema in a migration" },
    { "ALTER", "change the schema in a migration" },
    { "DROP", "change the schema in a migration" },
    { "REINDEX", "change the schema in a migration" },
    { "PRAGMA", "Dimple sets what it needs" },
  };

  sql = skip_blank (sql);
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    if (g_ascii_strncasecmp (sql, rules[i].word, strlen (rules[i].word)) == 0)
      {
        g_clear_error (error);
        g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL, "%s is refused here: %s", rules[i].word, rules[i].advice);
        return;
      }
  g_prefix_error (error, "The statement is refused, as Dimple's own tables may only be read: ");
}

sqlite3_stmt *
dimple_statement_policy_prepare (DimpleConnection  *connection,
                                 const char        *sql,
                                 GError           **error)
{
  g_autoptr(GError) prepare_error = NULL;
  sqlite3_stmt *statement;

  if (!check_vacuum (sql, error))
    return NULL;
  statement = dimple_connection_prepare (connection, sql, &prepare_error);
  if (statement != NULL)
    return statement;
  if (sqlite3_errcode (dimple_connection_get_handle (connection)) == SQLITE_AUTH)
    explain_refusal (sql, &prepare_error);
  g_propagate_error (error, g_steal_pointer (&prepare_error));
  return NULL;
}

sqlite3_stmt *
dimple_statement_policy_prepare_select (DimpleConnection  *connection,
                                        const char        *sql,
                                        GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_statement_policy_prepare (connection, sql, error);

  if (statement == NULL)
    return NULL;
  if (sqlite3_stmt_readonly (statement) && sqlite3_column_count (statement) > 0)
    return g_steal_pointer (&statement);
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL,
               "The statement has no result to read: use dimple_store_execute() for “%s”", sql);
  return NULL;
}
