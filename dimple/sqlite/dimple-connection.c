/* dimple-connection.c: one connection to a database
 *
 * Connections are opened without SQLite's own mutexes: each belongs to one thread at a time.  Statements are kept
 * prepared by their SQL; one in use is out of the cache, so the same SQL can be run inside itself.  SQLite has no way
 * from a statement to whoever opened its connection, so the open connections are listed here by their handle.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-connection-private.h"

#include <errno.h>
#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-error.h"
#include "dimple-free-pages-private.h"
#include "dimple-functions-private.h"
#include "dimple-memory-vfs-private.h"
#include "dimple-statement-trace-private.h"

#define MAX_CACHED_STATEMENTS 256
#define N_RECENT 4
#define BUSY_TIMEOUT_MS 5000
#define BUSY_RETRY_US 2000
#define PROGRESS_OPCODES 2000

struct _DimpleConnection
{
  sqlite3          *handle;
  GHashTable       *statements;      /* of sqlite3_stmt by its SQL, those not in use */
  GHashTable       *functions;       /* (nullable) whether each gives the same for the same, by its lower-case name */
  sqlite3_stmt     *recent[N_RECENT]; /* (nullable) those used last, which are not among them */
  guint             next_recent;     /* the place of the one that came first */
  gint64            schema_version;  /* that they were prepared for, if somebody asked */
  DimpleAuthorizer  authorizer;
  gpointer          authorizer_data;
  GCancellable     *cancellable;
  gint              stopped;         /* atomic */
  DimpleStatementTrace *trace;       /* (nullable) */
};

static GRWLock open_lock;
static GHashTable *open_connections; /* DimpleConnection by sqlite3 */

static void
list_connection (DimpleConnection *self)
{
  g_rw_lock_writer_lock (&open_lock);
  if (open_connections == NULL)
    open_connections = g_hash_table_new (NULL, NULL);
  g_hash_table_insert (open_connections, self->handle, self);
  g_rw_lock_writer_unlock (&open_lock);
}

static void
unlist_connection (DimpleConnection *self)
{
  g_rw_lock_writer_lock (&open_lock);
  if (open_connections != NULL)
    g_hash_table_remove (open_connections, self->handle);
  g_rw_lock_writer_unlock (&open_lock);
}

static DimpleConnection *
find_connection (sqlite3 *handle)
{
  DimpleConnection *self;

  g_rw_lock_reader_lock (&open_lock);
  self = g_hash_table_lookup (open_connections, handle);
  g_rw_lock_reader_unlock (&open_lock);
  return self;
}

static DimpleError
error_code_for (int result_code)
{
  switch (result_code & 0xff)
    {
    case SQLITE_CONSTRAINT:
      return DIMPLE_ERROR_CONSTRAINT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return DIMPLE_ERROR_BUSY;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return DIMPLE_ERROR_READ_ONLY;
    case SQLITE_FULL:
      return DIMPLE_ERROR_FULL;
    case SQLITE_CORRUPT:
      return DIMPLE_ERROR_CORRUPT;
    case SQLITE_NOTADB:
      return DIMPLE_ERROR_NOT_A_DATABASE;
    case SQLITE_ERROR:
    case SQLITE_AUTH:
    case SQLITE_SCHEMA:
      return DIMPLE_ERROR_SQL;
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
      return DIMPLE_ERROR_PARAMETERS;
    default:
      return DIMPLE_ERROR_FAILED;
    }
}

/* What the user or the developer can do about it, before what SQLite says. */
static const char *
advice_for (int result_code)
{
  switch (result_code & 0xff)
    {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return _("The database is in use by another program. Try again when it has finished");
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return _("The database may not be written. Check the permissions of its file and folder");
    case SQLITE_FULL:
      return _("There is no space left for the database. Make room and try again");
    case SQLITE_CORRUPT:
      return _("The database file is damaged. Restore a backup");
    case SQLITE_NOTADB:
      return _("The file is not a database. Choose another file");
    case SQLITE_CANTOPEN:
      return _("The database file cannot be opened. Check that its folder exists and may be written");
    case SQLITE_IOERR:
      return _("The database file cannot be read or written. Check the disk");
    default:
      return NULL;
    }
}

static gboolean
is_stopped (sqlite3 *handle)
{
  DimpleConnection *self = find_connection (handle);

  return self != NULL && g_atomic_int_get (&self->stopped);
}

static void
set_handle_error (sqlite3  *handle,
                  int       result_code,
                  GError  **error)
{
  const char *advice = advice_for (result_code);
  const char *message = handle != NULL ? sqlite3_errmsg (handle) : sqlite3_errstr (result_code);
  DimpleError code = error_code_for (result_code);

  if ((result_code & 0xff) == SQLITE_INTERRUPT && is_stopped (handle))
    g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED, "The store is closed");
  else if ((result_code & 0xff) == SQLITE_INTERRUPT)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, _("The operation was cancelled"));
  else if ((result_code & 0xff) == SQLITE_IOERR && handle != NULL && sqlite3_system_errno (handle) == ENOSPC)
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_FULL, "%s: %s", advice_for (SQLITE_FULL), message);
  else if (advice != NULL)
    g_set_error (error, DIMPLE_ERROR, code, "%s: %s", advice, message);
  else
    g_set_error_literal (error, DIMPLE_ERROR, code, message);
}

void
dimple_connection_set_error (DimpleConnection  *self,
                             int                result_code,
                             GError           **error)
{
  set_handle_error (self->handle, result_code, error);
}

static int
authorize (gpointer    user_data,
           int         action,
           const char *first,
           const char *second,
           const char *database,
           const char *trigger)
{
  DimpleConnection *self = user_data;

  if (self->authorizer == NULL)
    return SQLITE_OK;
  return self->authorizer (self->authorizer_data, action, first, second, database, trigger);
}

/* Of several processes that open a new file at once, SQLite lets one begin the WAL, and does not let the others
 * wait. */
static gboolean
begin_wal (DimpleConnection  *self,
           GError           **error)
{
  gint64 end = g_get_monotonic_time () + BUSY_TIMEOUT_MS * 1000;
  int result;

  while (TRUE)
    {
      result = sqlite3_exec (self->handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
      if ((result & 0xff) != SQLITE_BUSY || g_get_monotonic_time () > end)
        break;
      g_usleep (BUSY_RETRY_US);
    }
  if (result == SQLITE_OK)
    return TRUE;
  dimple_connection_set_error (self, result, error);
  return FALSE;
}

static gboolean
configure (DimpleConnection       *self,
           DimpleConnectionFlags   flags,
           GError                **error)
{
  int result;

  sqlite3_extended_result_codes (self->handle, TRUE);
  sqlite3_busy_timeout (self->handle, BUSY_TIMEOUT_MS);
  /* A dropped column in double quotes would silently become a string. */
  sqlite3_db_config (self->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
  sqlite3_db_config (self->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
  sqlite3_set_authorizer (self->handle, authorize, self);
  result = dimple_functions_register (self->handle);
  if (result != SQLITE_OK)
    {
      dimple_connection_set_error (self, result, error);
      return FALSE;
    }

  self->trace = dimple_statement_trace_new (self->handle, flags & DIMPLE_CONNECTION_WRITER ? "writer" : "reader");
  if (!dimple_connection_exec (self, "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY", error))
    return FALSE;
  if ((flags & DIMPLE_CONNECTION_WRITER) == 0)
    return dimple_connection_exec (self, "PRAGMA query_only = ON", error);
  return dimple_free_pages_prepare (self, error) &&
         begin_wal (self, error) &&
         dimple_connection_exec (self, "PRAGMA synchronous = NORMAL;"
                                       "PRAGMA foreign_keys = ON;"
                                       "PRAGMA recursive_triggers = ON", error);
}

DimpleConnection *
dimple_connection_open (const char             *path,
                        DimpleConnectionFlags   flags,
                        GError                **error)
{
  g_autoptr(DimpleConnection) self = g_new0 (DimpleConnection, 1);
  const char *vfs = flags & DIMPLE_CONNECTION_IN_MEMORY ? dimple_memory_vfs_get_name () : NULL;
  int open_flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
  int result;

  if (flags & DIMPLE_CONNECTION_WRITER)
    open_flags |= SQLITE_OPEN_CREATE;

  self->statements = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, NULL);
  result = sqlite3_open_v2 (path, &self->handle, open_flags, vfs);
  if (result != SQLITE_OK)
    {
      set_handle_error (self->handle, result, error);
      return NULL;
    }
  list_connection (self);
  if (!configure (self, flags, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
dimple_connection_free (DimpleConnection *self)
{
  dimple_connection_drop_statements (self);
  g_hash_table_unref (self->statements);
  g_clear_pointer (&self->functions, g_hash_table_unref);
  unlist_connection (self);
  dimple_statement_trace_free (self->trace);
  /* close_v2 waits for statements that somebody has not given back yet, instead of failing. */
  sqlite3_close_v2 (self->handle);
  g_clear_object (&self->cancellable);
  g_free (self);
}

sqlite3 *
dimple_connection_get_handle (DimpleConnection *self)
{
  return self->handle;
}

gboolean
dimple_connection_exec (DimpleConnection  *self,
                        const char        *sql,
                        GError           **error)
{
  int result = sqlite3_exec (self->handle, sql, NULL, NULL, NULL);

  if (result != SQLITE_OK)
    dimple_connection_set_error (self, result, error);
  dimple_statement_trace_report (self->trace);
  return result == SQLITE_OK;
}

/* -- Statements ---------------------------------------------------------------------------------------------------- */

/* SQLite gives back what follows the first statement; white space, comments and semicolons are nothing. */
static gboolean
is_blank (DimpleConnection *self,
          const char       *tail)
{
  sqlite3_stmt *statement = NULL;
  const char *rest = tail;

  while (*rest != '\0')
    {
      tail = rest;
      if (sqlite3_prepare_v2 (self->handle, tail, -1, &statement, &rest) != SQLITE_OK || statement != NULL)
        {
          sqlite3_finalize (statement);
          return FALSE;
        }
      if (rest == tail)
        break;
    }
  return TRUE;
}

/* An app that writes many rows runs the same few statements again and again: they are found without a look into the
 * table. */
static sqlite3_stmt *
take_kept (DimpleConnection *self,
           const char       *sql)
{
  gpointer statement = NULL;

  for (guint i = 0; i < N_RECENT; i++)
    if (self->recent[i] != NULL && strcmp (sqlite3_sql (self->recent[i]), sql) == 0)
      return g_steal_pointer (&self->recent[i]);
  g_hash_table_steal_extended (self->statements, sql, NULL, &statement);
  return statement;
}

static void
keep_in_table (DimpleConnection *self,
               sqlite3_stmt     *statement)
{
  const char *sql = sqlite3_sql (statement);

  if (g_hash_table_size (self->statements) >= MAX_CACHED_STATEMENTS || g_hash_table_contains (self->statements, sql))
    sqlite3_finalize (statement);
  else
    g_hash_table_insert (self->statements, (char *) sql, statement);
}

static void
keep (DimpleConnection *self,
      sqlite3_stmt     *statement)
{
  for (guint i = 0; i < N_RECENT; i++)
    if (self->recent[i] == NULL)
      {
        self->recent[i] = statement;
        return;
      }
  keep_in_table (self, self->recent[self->next_recent]);
  self->recent[self->next_recent] = statement;
  self->next_recent = (self->next_recent + 1) % N_RECENT;
}

sqlite3_stmt *
dimple_connection_prepare (DimpleConnection  *self,
                           const char        *sql,
                           GError           **error)
{
  sqlite3_stmt *statement = take_kept (self, sql);
  const char *tail = NULL;
  int result;

  if (statement != NULL)
    return statement;

  result = sqlite3_prepare_v3 (self->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, &tail);
  if (result != SQLITE_OK)
    {
      dimple_connection_set_error (self, result, error);
      return NULL;
    }
  if (statement == NULL)
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL, "There is no SQL statement to run");
      return NULL;
    }
  if (*tail != '\0' && !is_blank (self, tail))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL,
                   "Only one SQL statement can be run at a time; there is more after it: %.60s", tail);
      sqlite3_finalize (statement);
      return NULL;
    }
  return statement;
}

void
dimple_statement_release (sqlite3_stmt *statement)
{
  DimpleConnection *self;

  if (statement == NULL)
    return;

  self = find_connection (sqlite3_db_handle (statement));
  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);
  if (self == NULL)
    {
      sqlite3_finalize (statement);
      return;
    }
  keep (self, statement);
  dimple_statement_trace_report (self->trace);
}

void
dimple_connection_drop_statements (DimpleConnection *self)
{
  GHashTableIter iter;
  gpointer statement;

  for (guint i = 0; i < N_RECENT; i++)
    g_clear_pointer (&self->recent[i], sqlite3_finalize);
  g_hash_table_iter_init (&iter, self->statements);
  while (g_hash_table_iter_next (&iter, NULL, &statement))
    {
      g_hash_table_iter_steal (&iter);
      sqlite3_finalize (statement);
    }
}

gboolean
dimple_connection_check_schema (DimpleConnection  *self,
                                gint64            *version,
                                GError           **error)
{
  if (!dimple_connection_get_int64 (self, "PRAGMA schema_version", 0, version, error))
    return FALSE;
  if (self->schema_version == *version)
    return TRUE;
  dimple_connection_drop_statements (self);
  /* SQLite prepares by the schema that it read last, and finds out that there is another one when it steps. */
  if (!dimple_connection_exec (self, "SELECT 1 FROM sqlite_schema LIMIT 1", error))
    return FALSE;
  self->schema_version = *version;
  return TRUE;
}

gboolean
dimple_statement_step (sqlite3_stmt  *statement,
                       GError       **error)
{
  int result = sqlite3_step (statement);

  if (result == SQLITE_ROW)
    return TRUE;
  if (result != SQLITE_DONE)
    set_handle_error (sqlite3_db_handle (statement), result, error);
  return FALSE;
}

gboolean
dimple_statement_has_row (sqlite3_stmt  *statement,
                          gboolean      *has_row,
                          GError       **error)
{
  g_autoptr(GError) step_error = NULL;

  *has_row = dimple_statement_step (statement, &step_error);
  if (step_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&step_error));
  return FALSE;
}

gboolean
dimple_statement_run (sqlite3_stmt  *statement,
                      GError       **error)
{
  int result;

  do
    result = sqlite3_step (statement);
  while (result == SQLITE_ROW);

  if (result != SQLITE_DONE)
    set_handle_error (sqlite3_db_handle (statement), result, error);
  sqlite3_reset (statement);
  return result == SQLITE_DONE;
}

gboolean
dimple_connection_get_int64 (DimpleConnection  *self,
                             const char        *sql,
                             gint64             fallback,
                             gint64            *value,
                             GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (self, sql, error);
  g_autoptr(GError) step_error = NULL;

  if (statement == NULL)
    return FALSE;

  *value = fallback;
  if (dimple_statement_step (statement, &step_error) && sqlite3_column_type (statement, 0) != SQLITE_NULL)
    *value = sqlite3_column_int64 (statement, 0);
  if (step_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&step_error));
      return FALSE;
    }
  return TRUE;
}

/* -- Functions ----------------------------------------------------------------------------------------------------- */

/* A name may stand for several functions, with other numbers of arguments. */
static gboolean
list_functions (DimpleConnection *self,
                GHashTable       *functions)
{
  sqlite3_stmt *statement;
  int result;

  if (sqlite3_prepare_v2 (self->handle, "PRAGMA function_list", -1, &statement, NULL) != SQLITE_OK)
    return FALSE;
  while ((result = sqlite3_step (statement)) == SQLITE_ROW)
    {
      char *name = g_ascii_strdown ((const char *) sqlite3_column_text (statement, 0), -1);
      gboolean is_deterministic = (sqlite3_column_int (statement, 5) & SQLITE_DETERMINISTIC) != 0;
      gpointer others;

      if (g_hash_table_lookup_extended (functions, name, NULL, &others))
        is_deterministic &= GPOINTER_TO_INT (others);
      g_hash_table_insert (functions, name, GINT_TO_POINTER (is_deterministic));
    }
  sqlite3_finalize (statement);
  return result == SQLITE_DONE;
}

/* There are hundreds, and a reader gets no more once it is open: so they are listed once. */
gboolean
dimple_connection_is_deterministic (DimpleConnection *self,
                                    const char       *function)
{
  g_autofree char *name = g_ascii_strdown (function, -1);

  if (self->functions == NULL)
    {
      g_autoptr(GHashTable) functions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

      if (!list_functions (self, functions))
        return FALSE;
      self->functions = g_steal_pointer (&functions);
    }
  return GPOINTER_TO_INT (g_hash_table_lookup (self->functions, name));
}

/* -- What may run, and for how long -------------------------------------------------------------------------------- */

void
dimple_connection_set_authorizer (DimpleConnection *self,
                                  DimpleAuthorizer  authorizer,
                                  gpointer          user_data)
{
  self->authorizer = authorizer;
  self->authorizer_data = user_data;
}

void
dimple_connection_stop (DimpleConnection *self)
{
  g_atomic_int_set (&self->stopped, TRUE);
  sqlite3_interrupt (self->handle);
}

static int
stop_if_cancelled (gpointer user_data)
{
  return g_cancellable_is_cancelled (user_data);
}

void
dimple_connection_set_cancellable (DimpleConnection *self,
                                   GCancellable     *cancellable)
{
  g_set_object (&self->cancellable, cancellable);
  if (cancellable != NULL)
    sqlite3_progress_handler (self->handle, PROGRESS_OPCODES, stop_if_cancelled, cancellable);
  else
    sqlite3_progress_handler (self->handle, 0, NULL, NULL);
}
