/* dimple-writer.c: the one connection that writes, and what happens at COMMIT
 *
 * Blocking calls run on the caller's own thread under one lock, as handing a small insert to another thread costs four
 * times the insert.  At COMMIT what was captured is netted into the log and into a change set, those who follow it may
 * look, and only then SQLite commits: so the log never tells of what was not done, and nothing is done that it lacks.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-writer-private.h"

#include <string.h>

#include "dimple-debug-private.h"
#include "dimple-error.h"
#include "dimple-held-private.h"
#include "dimple-merge-private.h"
#include "dimple-pack-table-private.h"
#include "dimple-process-changes-private.h"
#include "dimple-shelf-private.h"
#include "dimple-statement-policy-private.h"
#include "dimple-transaction-watch-private.h"

/* SQLite's own default */
#define CHECKPOINT_FRAMES 1000

struct _DimpleWriter
{
  char              *path;
  DimpleConnectionFlags flags;
  GRecMutex          lock;
  DimpleConnection  *connection;
  DimpleCapture     *capture;
  DimpleLogWriter   *log;
  DimpleClock        clock;
  GMutex             schema_lock;    /* for those who read it without the write lock, which may be held for long */
  DimpleSchema      *schema;
  DimpleWriterHooks  hooks;
  gpointer           user_data;

  GArray            *levels;         /* of gboolean, one a begin: whether it set a savepoint */
  gboolean           may_fail_half;  /* the schema says FAIL somewhere: a statement may fail and leave work behind */
  GThread           *owner;          /* while there are levels */
  gint64             data_version;   /* of SQLite's: another process wrote if it differs */
  gint64             last_seq;       /* of the log, when it was last looked at */
  gboolean           waiting;        /* rows are shelved: a commit may let them be shown */
  DimpleTransactionWatch watch;
  gboolean           shelf_edited;   /* by the transaction at hand */
  int                n_wal_frames;   /* after the last COMMIT … */
  int                n_tried_frames; /* … and when it was last emptied, or could not be */
  GMutex             unused_lock;
  GPtrArray         *unused;         /* of sqlite3_stmt, to be given back under the write lock; NULL: closed */

  /* Run for every transaction, so kept at hand. */
  sqlite3_stmt      *begin;
  sqlite3_stmt      *commit;
  sqlite3_stmt      *get_data_version;
  sqlite3_stmt      *get_last_seq;
};

static void     settle_shelved (DimpleWriter     *self,
                                DimpleChangeSet  *committed);
static gboolean read_last_seq  (DimpleWriter     *self,
                                GError          **error);

/* -- Life ----------------------------------------------------------------------------------------------------------- */

gboolean
dimple_writer_load_schema (DimpleWriter  *self,
                           GError       **error)
{
  DimpleSchema *schema = dimple_schema_load (self->connection, error);
  gint64 n_failing;

  if (schema == NULL)
    return FALSE;
  if (!dimple_connection_get_int64 (self->connection,
                                    "SELECT count (*) FROM main.sqlite_schema"
                                    " WHERE sql LIKE '%fail%' AND name NOT LIKE 'dimple\\_%' ESCAPE '\\'",
                                    0, &n_failing, error))
    {
      dimple_schema_unref (schema);
      return FALSE;
    }
  self->may_fail_half = n_failing > 0;
  dimple_capture_set_schema (self->capture, schema);
  g_mutex_lock (&self->schema_lock);
  g_clear_pointer (&self->schema, dimple_schema_unref);
  self->schema = schema;
  g_mutex_unlock (&self->schema_lock);
  return TRUE;
}

static gboolean
prepare_statements (DimpleWriter  *self,
                    GError       **error)
{
  const struct
  {
    sqlite3_stmt **statement;
    const char    *sql;
  } statements[] = {
    { &self->begin, "BEGIN IMMEDIATE" },
    { &self->commit, "COMMIT" },
    { &self->get_data_version, "PRAGMA data_version" },
    { &self->get_last_seq, "SELECT coalesce (max (seq), 0) FROM dimple_log" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (statements); i++)
    {
      *statements[i].statement = dimple_connection_prepare (self->connection, statements[i].sql, error);
      if (*statements[i].statement == NULL)
        return FALSE;
    }
  return TRUE;
}

/* The one number that a statement gives. */
static gboolean
read_number (sqlite3_stmt  *statement,
             gint64        *number,
             GError       **error)
{
  gboolean found = dimple_statement_step (statement, error);

  if (found)
    *number = sqlite3_column_int64 (statement, 0);
  sqlite3_reset (statement);
  return found;
}

/* As SQLite does it by itself, but we know how long the WAL is. */
static int
on_wal (gpointer    user_data,
        sqlite3    *handle,
        const char *database,
        int         n_frames)
{
  DimpleWriter *self = user_data;

  if (n_frames < self->n_wal_frames)
    self->n_tried_frames = 0;
  self->n_wal_frames = n_frames;
  if (n_frames >= CHECKPOINT_FRAMES)
    sqlite3_wal_checkpoint_v2 (handle, database, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  return SQLITE_OK;
}

static gboolean
open_connection (DimpleWriter  *self,
                 GError       **error)
{
  self->connection = dimple_connection_open (self->path, self->flags, error);
  if (self->connection == NULL)
    return FALSE;
  g_mutex_lock (&self->unused_lock);
  self->unused = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_statement_release);
  g_mutex_unlock (&self->unused_lock);
  sqlite3_wal_hook (dimple_connection_get_handle (self->connection), on_wal, self);
  /* Before any statement is prepared: one prepared earlier could truncate a table unseen. */
  dimple_connection_drop_statements (self->connection);
  self->capture = dimple_capture_new (self->connection);
  if (!dimple_log_create_tables (self->connection, error) ||
      !dimple_held_create_tables (self->connection, error) ||
      !dimple_pack_table_create (self->connection, error))
    return FALSE;
  self->log = dimple_log_writer_new (self->connection, &self->clock);
  return prepare_statements (self, error) &&
         read_number (self->get_data_version, &self->data_version, error) &&
         dimple_log_writer_load (self->log, error) &&
         dimple_writer_load_schema (self, error) &&
         read_last_seq (self, error) &&
         dimple_merge_is_waiting (self->connection, &self->waiting, error);
}

DimpleWriter *
dimple_writer_open (const char               *path,
                    gboolean                  in_memory,
                    const DimpleWriterHooks  *hooks,
                    gpointer                  user_data,
                    GError                  **error)
{
  g_autoptr(DimpleWriter) self = g_new0 (DimpleWriter, 1);

  g_rec_mutex_init (&self->lock);
  g_mutex_init (&self->schema_lock);
  g_mutex_init (&self->unused_lock);
  self->levels = g_array_new (FALSE, FALSE, sizeof (gboolean));
  self->path = g_strdup (path);
  self->flags = DIMPLE_CONNECTION_WRITER | (in_memory ? DIMPLE_CONNECTION_IN_MEMORY : 0);
  self->hooks = *hooks;
  self->user_data = user_data;
  dimple_clock_init (&self->clock);
  if (!open_connection (self, error))
    return NULL;
  /* The last process may have ended between a commit and this. */
  settle_shelved (self, NULL);
  return g_steal_pointer (&self);
}

void
dimple_writer_close (DimpleWriter *self)
{
  g_rec_mutex_lock (&self->lock);
  g_clear_pointer (&self->log, dimple_log_writer_free);
  if (self->capture != NULL)
    dimple_capture_set_schema (self->capture, NULL);
  g_clear_pointer (&self->capture, dimple_capture_free);
  g_clear_pointer (&self->begin, dimple_statement_release);
  g_clear_pointer (&self->commit, dimple_statement_release);
  g_clear_pointer (&self->get_data_version, dimple_statement_release);
  g_clear_pointer (&self->get_last_seq, dimple_statement_release);
  g_mutex_lock (&self->unused_lock);
  g_clear_pointer (&self->unused, g_ptr_array_unref);
  g_clear_pointer (&self->connection, dimple_connection_free);
  g_mutex_unlock (&self->unused_lock);
  g_rec_mutex_unlock (&self->lock);
}

void
dimple_writer_free (DimpleWriter *self)
{
  dimple_writer_close (self);
  g_clear_pointer (&self->schema, dimple_schema_unref);
  g_array_unref (self->levels);
  g_mutex_clear (&self->unused_lock);
  g_mutex_clear (&self->schema_lock);
  g_rec_mutex_clear (&self->lock);
  g_free (self->path);
  g_free (self);
}

static gboolean
erase_database (DimpleConnection  *connection,
                GError           **error)
{
  sqlite3 *handle = dimple_connection_get_handle (connection);
  gboolean erased;

  /* With this VACUUM leaves nothing; whoever else has the file open sees it empty. */
  sqlite3_db_config (handle, SQLITE_DBCONFIG_RESET_DATABASE, 1, NULL);
  erased = dimple_connection_exec (connection, "VACUUM", error);
  sqlite3_db_config (handle, SQLITE_DBCONFIG_RESET_DATABASE, 0, NULL);
  return erased;
}

gboolean
dimple_writer_erase (DimpleWriter  *self,
                     GError       **error)
{
  g_autoptr(DimpleConnection) connection = NULL;

  dimple_writer_close (self);
  connection = dimple_connection_open (self->path, self->flags, error);
  if (connection == NULL || !erase_database (connection, error))
    return FALSE;
  g_clear_pointer (&connection, dimple_connection_free);
  return open_connection (self, error);
}

void
dimple_writer_lock (DimpleWriter *self)
{
  g_rec_mutex_lock (&self->lock);
}

void
dimple_writer_unlock (DimpleWriter *self)
{
  g_rec_mutex_unlock (&self->lock);
}

gboolean
dimple_writer_is_mine (DimpleWriter *self)
{
  return g_atomic_pointer_get (&self->owner) == g_thread_self ();
}

DimpleConnection *
dimple_writer_get_connection (DimpleWriter *self)
{
  return self->connection;
}

DimpleLogWriter *
dimple_writer_get_log (DimpleWriter *self)
{
  return self->log;
}

DimpleClock *
dimple_writer_get_clock (DimpleWriter *self)
{
  return &self->clock;
}

DimpleSchema *
dimple_writer_get_schema (DimpleWriter *self)
{
  return self->schema;
}

DimpleSchema *
dimple_writer_ref_schema (DimpleWriter *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->schema_lock);

  return dimple_schema_ref (self->schema);
}

/* -- What changed --------------------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleWriter    *self;
  DimpleChangeSet *changes;
} Flush;

static gboolean
flush_row (const DimpleCapturedRow  *row,
           gpointer                  user_data,
           GError                  **error)
{
  Flush *flush = user_data;

  dimple_change_set_add_row (flush->changes, row);
  /* A tracked row that only moved to another rowid is no change for anybody else. */
  if (!row->table->tracked || row->changed == 0)
    return TRUE;
  return dimple_log_writer_add (flush->self->log, row, NULL, error);
}

static void
flush_virtual (gpointer name,
               gpointer user_data)
{
  dimple_change_set_add_virtual (user_data, name);
}

/* -- Statements of others ------------------------------------------------------------------------------------------- */

void
dimple_writer_release_later (DimpleWriter *self,
                             sqlite3_stmt *statement)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->unused_lock);

  if (self->unused != NULL)
    g_ptr_array_add (self->unused, statement);
  else
    dimple_statement_release (statement);
}

static void
release_unused (DimpleWriter *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->unused_lock);

  if (self->unused->len > 0)
    g_ptr_array_set_size (self->unused, 0);
}

/* -- Transactions --------------------------------------------------------------------------------------------------- */

static gboolean
read_last_seq (DimpleWriter  *self,
               GError       **error)
{
  gint64 last_seq;

  if (!read_number (self->get_last_seq, &last_seq, error))
    return FALSE;
  g_mutex_lock (&self->schema_lock);
  self->last_seq = last_seq;
  g_mutex_unlock (&self->schema_lock);
  return TRUE;
}

gint64
dimple_writer_get_last_seq (DimpleWriter *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->schema_lock);

  return self->last_seq;
}

/* What is told is committed already, by the other process; nobody can look before it is. */
static gboolean
tell_others_changes (DimpleWriter  *self,
                     GError       **error)
{
  g_autoptr(DimpleChangeSet) changes = dimple_change_set_new (self->schema, DIMPLE_ORIGIN_PROCESS);

  if (!dimple_process_changes_collect (self->connection, self->schema, self->last_seq, changes, error) ||
      !read_last_seq (self, error))
    return FALSE;
  self->hooks.after_commit (changes, TRUE, self->user_data);
  return TRUE;
}

/* Another process may have written: its ids are newer than our clock, and its migrations change the schema. */
static gboolean
catch_up (DimpleWriter  *self,
          GError       **error)
{
  gint64 data_version;

  if (!read_number (self->get_data_version, &data_version, error))
    return FALSE;
  if (data_version == self->data_version)
    return TRUE;
  self->data_version = data_version;
  return dimple_log_writer_load (self->log, error) &&
         dimple_writer_load_schema (self, error) &&
         dimple_merge_is_waiting (self->connection, &self->waiting, error) &&
         tell_others_changes (self, error);
}

static gboolean
run_sql (DimpleWriter  *self,
         const char    *sql,
         GError       **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (self->connection, sql, error);
  return statement != NULL && dimple_statement_run (statement, error);
}

static gboolean
check_open (DimpleWriter  *self,
            GError       **error)
{
  if (self->connection != NULL)
    return TRUE;
  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED, "The store is closed");
  return FALSE;
}

/* SAVEPOINT, RELEASE or ROLLBACK TO of the level that stands on `n_below` others; the authorizer would refuse it. */
static gboolean
run_savepoint (DimpleWriter  *self,
               const char    *verb,
               guint          n_below,
               GError       **error)
{
  g_autofree char *sql = g_strdup_printf ("%s dimple_%u", verb, n_below);
  gboolean succeeded;

  dimple_connection_set_authorizer (self->connection, NULL, NULL);
  succeeded = run_sql (self, sql, error);
  dimple_connection_set_authorizer (self->connection, dimple_statement_policy_authorize, NULL);
  return succeeded;
}

gboolean
dimple_writer_write_own (DimpleWriter        *self,
                         DimpleWriterOwnFunc  func,
                         gpointer             user_data,
                         GError             **error)
{
  gboolean succeeded;

  g_return_val_if_fail (dimple_writer_is_mine (self), FALSE);

  dimple_connection_set_authorizer (self->connection, NULL, NULL);
  succeeded = func (self->connection, user_data, error);
  dimple_connection_set_authorizer (self->connection, dimple_statement_policy_authorize, NULL);
  return succeeded;
}

void
dimple_writer_note_shelf_edit (DimpleWriter *self)
{
  self->shelf_edited = TRUE;
}

/* A reader keeps SQLite's own checkpoint, which is a part of COMMIT, from getting to the end of the WAL, and so the WAL from
 * beginning anew: it is too long until those that see the last commit begin again, before the checkpoint and after it. */
static void
empty_wal (DimpleWriter *self)
{
  self->n_tried_frames = self->n_wal_frames;
  self->hooks.renew (self->user_data);
  sqlite3_wal_checkpoint_v2 (dimple_connection_get_handle (self->connection), "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  self->hooks.renew (self->user_data);
}

static gboolean
begin_immediate (DimpleWriter  *self,
                 GError       **error)
{
  release_unused (self);
  if (self->n_wal_frames >= self->n_tried_frames + CHECKPOINT_FRAMES)
    empty_wal (self);
  return dimple_statement_run (self->begin, error);
}

static gboolean
begin_outermost (DimpleWriter  *self,
                 GError       **error)
{
  if (!begin_immediate (self, error))
    return FALSE;
  if (catch_up (self, error))
    {
      dimple_connection_set_authorizer (self->connection, dimple_statement_policy_authorize, NULL);
      return TRUE;
    }
  run_sql (self, "ROLLBACK", NULL);
  return FALSE;
}

static gboolean
begin_level (DimpleWriter  *self,
             gboolean       savepoint,
             GError       **error)
{
  gint64 start = dimple_debug_start ();
  gboolean begun;

  g_rec_mutex_lock (&self->lock);
  dimple_transaction_watch_waited (start);
  if (!check_open (self, error))
    begun = FALSE;
  else if (self->levels->len == 0)
    begun = begin_outermost (self, error);
  else
    begun = !savepoint || run_savepoint (self, "SAVEPOINT", self->levels->len, error);

  if (!begun)
    {
      g_rec_mutex_unlock (&self->lock);
      return FALSE;
    }
  if (self->levels->len == 0)
    dimple_transaction_watch_begin (&self->watch);
  g_array_append_val (self->levels, savepoint);
  g_atomic_pointer_set (&self->owner, g_thread_self ());
  return TRUE;
}

gboolean
dimple_writer_begin (DimpleWriter  *self,
                     GError       **error)
{
  return begin_level (self, TRUE, error);
}

/* FAIL as a conflict clause or in a RAISE, in the statement or in what it sets off. */
static gboolean
may_fail_half (DimpleWriter *self,
               const char   *sql)
{
  return self->may_fail_half || strcasestr (sql, "fail") != NULL;
}

gboolean
dimple_writer_begin_statement (DimpleWriter  *self,
                               const char    *sql,
                               GError       **error)
{
  return begin_level (self, may_fail_half (self, sql), error);
}

/* Ends the innermost level; whether it had set a savepoint. */
static gboolean
pop_level (DimpleWriter *self)
{
  gboolean savepoint = g_array_index (self->levels, gboolean, self->levels->len - 1);

  g_array_set_size (self->levels, self->levels->len - 1);
  return savepoint;
}

static void
leave (DimpleWriter *self)
{
  if (self->levels->len == 0)
    {
      dimple_connection_set_authorizer (self->connection, NULL, NULL);
      g_atomic_pointer_set (&self->owner, NULL);
      dimple_transaction_watch_end (&self->watch);
    }
  g_rec_mutex_unlock (&self->lock);
}

/* SQLite itself rolls back on some errors (a full disk); then there is nothing left to do. */
static void
abandon (DimpleWriter *self)
{
  if (!sqlite3_get_autocommit (dimple_connection_get_handle (self->connection)))
    run_sql (self, "ROLLBACK", NULL);
  dimple_capture_clear (self->capture);
  self->shelf_edited = FALSE;
}

static gboolean
commit_changes (DimpleWriter     *self,
                DimpleChangeSet  *changes,
                GError          **error)
{
  gboolean tell = !dimple_change_set_is_empty (changes);
  gboolean committed;

  if (tell)
    self->hooks.before_commit (self->connection, changes, self->user_data);
  /* What this process has written is told by its own hooks.  Read here it costs no lock of its own; and if COMMIT fails,
   * what comes next under these numbers is this process's too. */
  committed = read_last_seq (self, error) && dimple_statement_run (self->commit, error);
  if (!committed)
    {
      abandon (self);
      /* What the log's writer believes was written was not. */
      dimple_log_writer_load (self->log, NULL);
    }
  if (tell)
    self->hooks.after_commit (changes, committed, self->user_data);
  return committed;
}

static gboolean
flush_shelved (const DimpleCapturedRow  *row,
               gpointer                  user_data,
               GError                  **error)
{
  Flush *flush = user_data;

  return dimple_log_writer_add (flush->self->log, row, NULL, error);
}

static gboolean
flush_edits (DimpleWriter  *self,
             Flush         *flush,
             GError       **error)
{
  if (!self->shelf_edited)
    return TRUE;
  self->shelf_edited = FALSE;
  self->waiting = TRUE;
  return dimple_shelf_flush_edits (self->connection, self->schema, flush->changes, flush_shelved, flush, error);
}

static gboolean
flush_and_commit (DimpleWriter     *self,
                  DimpleChangeSet  *changes,
                  GError          **error)
{
  Flush flush = { self, changes };
  char id[DIMPLE_UUID_SIZE];

  dimple_connection_set_authorizer (self->connection, NULL, NULL);
  if (!dimple_capture_is_empty (self->capture) || self->shelf_edited)
    {
      dimple_log_writer_begin (self->log, NULL, 0);
      if (!flush_edits (self, &flush, error) ||
          !dimple_capture_net (self->capture, flush_row, &flush, error) ||
          !dimple_log_writer_end (self->log, id, error))
        {
          dimple_log_writer_undo (self->log);
          abandon (self);
          return FALSE;
        }
      dimple_capture_net_virtual (self->capture, flush_virtual, changes);
    }
  return commit_changes (self, changes, error);
}

/* -- Without capture: migrations and merges ------------------------------------------------------------------------- */

static gboolean
run_func (DimpleWriter      *self,
          DimpleChangeSet   *changes,
          DimpleWriterFunc   func,
          gpointer           user_data,
          GError           **error)
{
  if (!begin_immediate (self, error))
    return FALSE;
  if (!catch_up (self, error) || !func (self, changes, user_data, error))
    {
      abandon (self);
      /* What the writer believes was written was not, and the schema is as it was. */
      dimple_log_writer_load (self->log, NULL);
      dimple_writer_load_schema (self, NULL);
      return FALSE;
    }
  if (!commit_changes (self, changes, error))
    return FALSE;
  /* What came may have lost everywhere, or be on the shelf: no row differs, and yet there is something new. */
  if (dimple_change_set_is_empty (changes))
    self->hooks.after_silent_commit (self->user_data);
  return TRUE;
}

static gboolean
run_uncaptured (DimpleWriter      *self,
                DimpleOrigin       origin,
                DimpleWriterFunc   func,
                gpointer           user_data,
                GError           **error)
{
  g_autoptr(DimpleChangeSet) changes = dimple_change_set_new (self->schema, origin);
  gboolean succeeded;

  dimple_capture_set_paused (self->capture, TRUE);
  /* Does nothing inside a transaction, so before it. */
  succeeded = dimple_connection_exec (self->connection, "PRAGMA foreign_keys = OFF", error) &&
              run_func (self, changes, func, user_data, error);
  dimple_connection_exec (self->connection, "PRAGMA foreign_keys = ON", NULL);
  dimple_capture_set_paused (self->capture, FALSE);
  /* Only here rows get onto the shelf, or off it.  Not being able to tell is answered by looking. */
  if (!dimple_merge_is_waiting (self->connection, &self->waiting, NULL))
    self->waiting = TRUE;
  return succeeded;
}

gboolean
dimple_writer_run_uncaptured (DimpleWriter      *self,
                              DimpleOrigin       origin,
                              DimpleWriterFunc   func,
                              gpointer           user_data,
                              GError           **error)
{
  gboolean succeeded = FALSE;

  g_rec_mutex_lock (&self->lock);
  if (!check_open (self, error))
    succeeded = FALSE;
  else if (self->levels->len > 0)
    g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL,
                         "This cannot be done inside a transaction: commit or roll back first");
  else
    succeeded = run_uncaptured (self, origin, func, user_data, error);
  g_rec_mutex_unlock (&self->lock);
  return succeeded;
}

static gboolean
settle (DimpleWriter     *self,
        DimpleChangeSet  *changes,
        gpointer          user_data,
        GError          **error)
{
  return dimple_merge_settle (self->connection, self->schema, user_data, changes, error);
}

/* After a local commit, or (`committed` NULL) after opening: rows that wait on the shelf may be shown now.  The commit has
 * succeeded whatever comes of this, and the next one tries again. */
static void
settle_shelved (DimpleWriter    *self,
                DimpleChangeSet *committed)
{
  g_autoptr(GError) error = NULL;

  if (!self->waiting)
    return;
  dimple_connection_set_authorizer (self->connection, NULL, NULL);
  if (!run_uncaptured (self, DIMPLE_ORIGIN_SYNC, settle, committed, &error))
    g_warning ("Shelved rows could not be looked at: %s", error->message);
}

/* -- Commit and roll back ------------------------------------------------------------------------------------------- */

static gboolean
commit_outermost (DimpleWriter  *self,
                  GError       **error)
{
  g_autoptr(DimpleChangeSet) changes = dimple_change_set_new (self->schema, DIMPLE_ORIGIN_LOCAL);

  if (!flush_and_commit (self, changes, error))
    return FALSE;
  if (!dimple_change_set_is_empty (changes))
    settle_shelved (self, changes);
  return TRUE;
}

gboolean
dimple_writer_commit (DimpleWriter  *self,
                      GError       **error)
{
  gboolean savepoint = pop_level (self);
  gboolean succeeded = TRUE;

  if (self->levels->len == 0)
    succeeded = commit_outermost (self, error);
  else if (savepoint)
    succeeded = run_savepoint (self, "RELEASE", self->levels->len, error);
  leave (self);
  return succeeded;
}

void
dimple_writer_rollback (DimpleWriter *self)
{
  gboolean savepoint = pop_level (self);
  gboolean gone = sqlite3_get_autocommit (dimple_connection_get_handle (self->connection));

  if (self->levels->len == 0)
    {
      dimple_connection_set_authorizer (self->connection, NULL, NULL);
      abandon (self);
    }
  else if (savepoint && !gone)
    {
      run_savepoint (self, "ROLLBACK TO", self->levels->len, NULL);
      run_savepoint (self, "RELEASE", self->levels->len, NULL);
    }
  leave (self);
}

/* -- Other processes ------------------------------------------------------------------------------------------------ */

gboolean
dimple_writer_notice_others (DimpleWriter  *self,
                             GError       **error)
{
  gint64 data_version;
  gboolean succeeded = TRUE;

  g_rec_mutex_lock (&self->lock);
  /* Inside a transaction of this thread nobody else can have committed since it began. */
  if (self->connection != NULL && self->levels->len == 0)
    {
      succeeded = read_number (self->get_data_version, &data_version, error);
      if (succeeded && data_version != self->data_version)
        {
          /* One snapshot for the log and the catalogue. */
          succeeded = dimple_connection_exec (self->connection, "BEGIN", error) && catch_up (self, error);
          dimple_connection_exec (self->connection, "ROLLBACK", NULL);
        }
    }
  g_rec_mutex_unlock (&self->lock);
  return succeeded;
}

/* -- Power cuts ----------------------------------------------------------------------------------------------------- */

gboolean
dimple_writer_sync_to_disk (DimpleWriter  *self,
                            GError       **error)
{
  sqlite3_file *wal = NULL;
  int result = SQLITE_OK;
  gboolean open;

  g_rec_mutex_lock (&self->lock);
  open = check_open (self, error);
  if (open)
    {
      /* In WAL mode the journal is the WAL; it has no methods until it was opened. */
      sqlite3_file_control (dimple_connection_get_handle (self->connection), "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
      if (wal != NULL && wal->pMethods != NULL)
        result = wal->pMethods->xSync (wal, SQLITE_SYNC_NORMAL);
      if (result != SQLITE_OK)
        dimple_connection_set_error (self->connection, result, error);
    }
  g_rec_mutex_unlock (&self->lock);
  return open && result == SQLITE_OK;
}

void
dimple_writer_empty_wal (DimpleWriter *self)
{
  g_rec_mutex_lock (&self->lock);
  if (self->connection != NULL && self->levels->len == 0)
    empty_wal (self);
  g_rec_mutex_unlock (&self->lock);
}
