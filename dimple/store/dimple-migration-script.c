/* dimple-migration-script.c: running the SQL of one migration
 *
 * The app says what its schema is, and the rows came from anywhere, also from older versions of the app: so a UNIQUE
 * index has to be made even where rows collide in it.  If SQLite refuses, the same index is made without UNIQUE, so
 * that the rest of the script finds it and SQLite keeps it up to date with renames; when the script is through it is
 * made anew.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-migration-script-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-schema-private.h"
#include "dimple-sql-reader-private.h"

typedef struct
{
  DimpleConnection *connection;
  GPtrArray        *locals;       /* of char *: tables that are to be local */
  GPtrArray        *postponed;
  char             *index;        /* (nullable) that the statement at hand creates */
} Script;

static int
authorize (gpointer    user_data,
           int         action,
           const char *first,
           const char *second,
           const char *database,
           const char *trigger)
{
  Script *self = user_data;

  switch (action)
    {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
      return SQLITE_DENY;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
    case SQLITE_DROP_TABLE:
    case SQLITE_CREATE_TABLE:
      return g_ascii_strncasecmp (first, "dimple_", strlen ("dimple_")) == 0 ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_CREATE_INDEX:
      g_free (self->index);
      self->index = g_strdup (first);
      return SQLITE_OK;
    default:
      return SQLITE_OK;
    }
}

/* SELECT dimple_set_local ('table'): only noted, as a script may not write to Dimple's tables. */
static void
set_local (sqlite3_context  *context,
           int               n_arguments,
           sqlite3_value   **arguments)
{
  Script *self = sqlite3_user_data (context);
  const char *table = (const char *) sqlite3_value_text (arguments[0]);

  if (table != NULL)
    g_ptr_array_add (self->locals, g_strdup (table));
}

static gboolean
add_locals (DimpleConnection  *connection,
            GPtrArray         *locals,
            GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "INSERT OR IGNORE INTO dimple_local VALUES (?)", error);
  if (statement == NULL)
    return FALSE;
  for (guint i = 0; i < locals->len; i++)
    {
      sqlite3_bind_text (statement, 1, g_ptr_array_index (locals, i), -1, SQLITE_STATIC);
      if (!dimple_statement_run (statement, error))
        return FALSE;
    }
  return TRUE;
}

/* -- Statements ---------------------------------------------------------------------------------------------------- */

/* What the app's author can do, where it is not what the message says anyway. */
static const char *
advise (int result)
{
  switch (result)
    {
    case SQLITE_CONSTRAINT_UNIQUE:
      return ".  Leave the UNIQUE out of the table and write a CREATE UNIQUE INDEX: where rows collide it sets "
             "the younger one aside";
    case SQLITE_CONSTRAINT_NOTNULL:
    case SQLITE_CONSTRAINT_CHECK:
    case SQLITE_CONSTRAINT_DATATYPE:
      return ".  Give such rows a value that is accepted before the script copies them";
    default:
      return "";
    }
}

/* CREATE INDEX for a CREATE UNIQUE INDEX, or NULL. */
static char *
remove_unique (const char *sql,
               gsize       size)
{
  g_autofree char *statement = g_strndup (sql, size);
  g_autoptr(DimpleSqlReader) reader = dimple_sql_reader_new (statement);
  g_autofree char *rest = NULL;

  if (reader == NULL || !dimple_sql_reader_is_word (reader, 0, "CREATE") ||
      !dimple_sql_reader_is_word (reader, 1, "UNIQUE") || !dimple_sql_reader_is_word (reader, 2, "INDEX"))
    return NULL;
  rest = dimple_sql_reader_dup_span (reader, (DimpleSqlSpan) { 2, dimple_sql_reader_get_n_tokens (reader) });
  return g_strconcat ("CREATE ", rest, NULL);
}

static gboolean
postpone (Script      *self,
          const char  *sql,
          gsize        size)
{
  g_autofree char *without = self->index != NULL ? remove_unique (sql, size) : NULL;

  if (without == NULL || !dimple_connection_exec (self->connection, without, NULL))
    return FALSE;
  g_ptr_array_add (self->postponed, g_steal_pointer (&self->index));
  return TRUE;
}

static void
set_error (Script  *self,
           int      result,
           GError **error)
{
  g_autoptr(GError) local_error = NULL;

  dimple_connection_set_error (self->connection, result, &local_error);
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION, "%s%s", local_error->message, advise (result));
}

/* Runs the first statement of `sql`, and sets `tail` to what follows it. */
static gboolean
run_next (Script      *self,
          const char  *sql,
          const char **tail,
          GError     **error)
{
  sqlite3_stmt *statement = NULL;
  g_autoptr(GError) local_error = NULL;
  int result;

  g_clear_pointer (&self->index, g_free);
  result = sqlite3_prepare_v2 (dimple_connection_get_handle (self->connection), sql, -1, &statement, tail);
  if (result == SQLITE_OK)
    do
      result = statement != NULL ? sqlite3_step (statement) : SQLITE_DONE;
    while (result == SQLITE_ROW);
  if (result != SQLITE_DONE)
    set_error (self, result, &local_error);
  sqlite3_finalize (statement);
  if (result == SQLITE_DONE || (result == SQLITE_CONSTRAINT_UNIQUE && postpone (self, sql, (gsize) (*tail - sql))))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

gboolean
dimple_migration_run_script (DimpleConnection  *connection,
                             const char        *script,
                             GPtrArray         *postponed,
                             GError           **error)
{
  sqlite3 *handle = dimple_connection_get_handle (connection);
  g_autoptr(GPtrArray) locals = g_ptr_array_new_with_free_func (g_free);
  Script self = { connection, locals, postponed, NULL };
  gboolean succeeded = TRUE;

  sqlite3_create_function_v2 (handle, "dimple_set_local", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, &self, set_local,
                              NULL, NULL, NULL);
  dimple_connection_set_authorizer (connection, authorize, &self);
  while (succeeded && *script != '\0')
    succeeded = run_next (&self, script, &script, error);
  dimple_connection_set_authorizer (connection, NULL, NULL);
  sqlite3_create_function_v2 (handle, "dimple_set_local", 1, SQLITE_UTF8, NULL, NULL, NULL, NULL, NULL);
  g_free (self.index);
  return succeeded && add_locals (connection, locals, error);
}

gboolean
dimple_migration_make_unique (DimpleConnection  *connection,
                              const char        *index,
                              GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;
  g_autofree char *quoted = dimple_quote (index);
  g_autofree char *drop = g_strdup_printf ("DROP INDEX main.%s", quoted);
  g_autofree char *create = NULL;

  /* what SQLite keeps begins so, however it was written */
  statement = dimple_connection_prepare (connection, "SELECT 'CREATE UNIQUE' || substr (sql, 7) FROM main.sqlite_schema"
                                         " WHERE type = 'index' AND name = ? COLLATE NOCASE", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, index, -1, SQLITE_STATIC);
  if (!dimple_statement_step (statement, &local_error))
    {
      if (local_error == NULL)
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  create = g_strdup ((const char *) sqlite3_column_text (statement, 0));
  g_clear_pointer (&statement, dimple_statement_release);
  if (dimple_connection_exec (connection, drop, error) && dimple_connection_exec (connection, create, &local_error))
    return TRUE;
  if (local_error != NULL)
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION, "%s", local_error->message);
  return FALSE;
}
