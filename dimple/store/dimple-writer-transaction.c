/* dimple-writer-transaction.c: transactions of the app, and what happens at COMMIT
 *
 * What was captured is netted into the log and into a change set, those who follow it may look, and only then SQLite
 * commits: so the log never tells of what was not done, and nothing is done that it lacks.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-writer-internal-private.h"

#include <string.h>

#include "dimple-debug-private.h"
#include "dimple-parent-check-private.h"
#include "dimple-process-changes-private.h"
#include "dimple-shelf-private.h"
#include "dimple-statement-policy-private.h"

/* -- Beginning ----------------------------------------------------------------------------------------------------- */

static void
release_unused (DimpleWriter *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->unused_lock);

  if (self->unused->len > 0)
    g_ptr_array_set_size (self->unused, 0);
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
dimple_writer_begin_immediate (DimpleWriter  *self,
                               GError       **error)
{
  release_unused (self);
  if (dimple_wal_is_long (&self->wal))
    dimple_wal_empty (&self->wal, self->connection, self->hooks.renew, self->user_data);
  return dimple_statement_run (self->begin, error);
}

static gboolean
begin_outermost (DimpleWriter  *self,
                 GError       **error)
{
  if (!dimple_writer_begin_immediate (self, error))
    return FALSE;
  if (dimple_writer_catch_up (self, error))
    {
      dimple_connection_set_authorizer (self->connection, dimple_statement_policy_authorize, NULL);
      return TRUE;
    }
  run_sql (self, "ROLLBACK", NULL);
  return FALSE;
}

/* `first` are its first letter's two cases. */
static gboolean
has_word (const char *sql,
          const char *word,
          const char *first)
{
  for (sql = strpbrk (sql, first); sql != NULL; sql = strpbrk (sql + 1, first))
    if (g_ascii_strncasecmp (sql, word, strlen (word)) == 0)
      return TRUE;
  return FALSE;
}

/* FAIL as a conflict clause or in a RAISE, in the statement or in what it sets off. */
static gboolean
may_fail_half (DimpleWriter *self,
               const char   *sql)
{
  return self->may_fail_half || has_word (sql, "fail", "fF");
}

/* REPLACE in the same places, where it matters. */
static gboolean
may_miss_parents (DimpleWriter *self,
                  const char   *sql)
{
  return dimple_schema_may_miss_parents (self->schema) && (self->may_replace || has_word (sql, "replace", "rR"));
}

/* `sql` (nullable): the one statement that the level is for */
static gboolean
begin_level (DimpleWriter  *self,
             const char    *sql,
             GError       **error)
{
  gint64 start = dimple_debug_start ();
  gboolean savepoint, begun;

  g_rec_mutex_lock (&self->lock);
  dimple_transaction_watch_waited (start);
  savepoint = self->levels->len > 0 && (sql == NULL || may_fail_half (self, sql));
  if (!dimple_writer_check_open (self, error))
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
  if (sql != NULL && may_miss_parents (self, sql))
    self->check_parents = TRUE;
  g_array_append_val (self->levels, savepoint);
  g_atomic_pointer_set (&self->owner, g_thread_self ());
  return TRUE;
}

gboolean
dimple_writer_begin (DimpleWriter  *self,
                     GError       **error)
{
  return begin_level (self, NULL, error);
}

gboolean
dimple_writer_begin_statement (DimpleWriter  *self,
                               const char    *sql,
                               GError       **error)
{
  return begin_level (self, sql, error);
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
      self->check_parents = FALSE;
      dimple_transaction_watch_end (&self->watch);
    }
  g_rec_mutex_unlock (&self->lock);
}

/* SQLite itself rolls back on some errors (a full disk); then there is nothing left to do. */
void
dimple_writer_abandon (DimpleWriter *self)
{
  if (!sqlite3_get_autocommit (dimple_connection_get_handle (self->connection)))
    run_sql (self, "ROLLBACK", NULL);
  dimple_capture_clear (self->capture);
  self->shelf_edited = FALSE;
}

/* -- In between ---------------------------------------------------------------------------------------------------- */

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

/* -- What changed -------------------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleWriter      *self;
  DimpleChangeSet   *changes;
  gboolean           has_moved;  /* a row has another rowid, and no other value */
  DimpleParentCheck *parents;    /* (nullable) */
} Flush;

static gboolean
flush_row (const DimpleCapturedRow  *row,
           gpointer                  user_data,
           GError                  **error)
{
  Flush *flush = user_data;

  dimple_change_set_add_row (flush->changes, row);
  /* A tracked row that only moved to another rowid is no change for other devices. */
  flush->has_moved |= row->table->tracked && row->changed == 0;
  if (flush->parents != NULL && !dimple_parent_check_row (flush->parents, row, error))
    return FALSE;
  if (!row->table->tracked || row->changed == 0)
    return TRUE;
  return dimple_log_writer_add (flush->self->log, row, NULL, error);
}

static void
flush_virtual (gpointer name,
               gpointer user_data)
{
  dimple_change_set_add_any (user_data, name);
}

gboolean
dimple_writer_commit_changes (DimpleWriter     *self,
                              DimpleChangeSet  *changes,
                              gint64            last_seq,
                              GError          **error)
{
  gboolean tell = !dimple_change_set_is_empty (changes);
  gint64 last_seq_before = self->last_seq;
  gboolean committed;

  if (tell)
    self->hooks.before_commit (self->connection, changes, self->user_data);
  /* Before anybody can see the commit: what this process has written is told by its own hooks. */
  dimple_writer_set_last_seq (self, last_seq);
  committed = dimple_statement_run (self->commit, error);
  if (committed)
    dimple_writer_note_version (self);
  else
    {
      dimple_writer_abandon (self);
      /* What the log's writer believes was written was not. */
      dimple_log_writer_load (self->log, NULL);
      dimple_writer_set_last_seq (self, last_seq_before);
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
                  gboolean         *wakes,
                  GError          **error)
{
  g_autoptr(DimpleParentCheck) parents = NULL;
  Flush flush = { self, changes, FALSE, NULL };
  char id[DIMPLE_UUID_SIZE] = "";
  gint64 last_seq = self->last_seq;

  dimple_connection_set_authorizer (self->connection, NULL, NULL);
  if (self->check_parents)
    flush.parents = parents = dimple_parent_check_new (self->connection, self->schema);
  if (!dimple_capture_is_empty (self->capture) || self->shelf_edited)
    {
      dimple_log_writer_begin (self->log, NULL, 0);
      if (!flush_edits (self, &flush, error) ||
          !dimple_capture_net (self->capture, flush_row, &flush, error) ||
          !dimple_log_writer_end (self->log, id, error) ||
          (flush.has_moved && !dimple_process_changes_note_unnamed (self->connection, error)))
        {
          dimple_log_writer_undo (self->log);
          dimple_writer_abandon (self);
          return FALSE;
        }
      dimple_capture_net_virtual (self->capture, flush_virtual, changes);
    }
  if (*id != '\0')
    last_seq = dimple_log_writer_get_last_own (self->log);
  *wakes = dimple_writer_wakes_shelved (self, changes);
  if (!dimple_writer_commit_changes (self, changes, last_seq, error))
    return FALSE;
  self->n_unnamed += flush.has_moved;
  return TRUE;
}

/* -- Commit and roll back ------------------------------------------------------------------------------------------ */

static gboolean
commit_outermost (DimpleWriter  *self,
                  GError       **error)
{
  g_autoptr(DimpleChangeSet) changes = dimple_change_set_new (self->schema, DIMPLE_ORIGIN_LOCAL);
  gboolean wakes;

  if (!flush_and_commit (self, changes, &wakes, error))
    return FALSE;
  if (wakes)
    dimple_writer_settle_shelved (self, changes);
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
      dimple_writer_abandon (self);
    }
  else if (savepoint && !gone)
    {
      run_savepoint (self, "ROLLBACK TO", self->levels->len, NULL);
      run_savepoint (self, "RELEASE", self->levels->len, NULL);
    }
  leave (self);
}
