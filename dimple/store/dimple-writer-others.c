/* dimple-writer-others.c: what other processes have written
 *
 * Every transaction finds out at its beginning, as the ids of others are newer than our clock, and their migrations
 * change the schema.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-writer-internal-private.h"

#include "dimple-merge-private.h"
#include "dimple-process-changes-private.h"

/* -- Versions ------------------------------------------------------------------------------------------------------ */

/* Moves with each commit that this connection makes or sees.  Costs a tenth of PRAGMA data_version, which says whose it
 * was. */
static guint32
get_file_version (DimpleWriter *self)
{
  guint32 version = 0;

  sqlite3_file_control (dimple_connection_get_handle (self->connection), "main", SQLITE_FCNTL_DATA_VERSION, &version);
  return version;
}

void
dimple_writer_note_version (DimpleWriter *self)
{
  self->file_version = get_file_version (self);
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

void
dimple_writer_set_last_seq (DimpleWriter *self,
                            gint64        last_seq)
{
  g_mutex_lock (&self->schema_lock);
  self->last_seq = last_seq;
  g_mutex_unlock (&self->schema_lock);
}

gboolean
dimple_writer_read_last_seq (DimpleWriter  *self,
                             gint64        *last_seq,
                             GError       **error)
{
  return read_number (self->get_last_seq, last_seq, error);
}

gboolean
dimple_writer_load_versions (DimpleWriter  *self,
                             GError       **error)
{
  self->file_version = 0;
  return read_number (self->get_data_version, &self->data_version, error) &&
         read_number (self->get_last_seq, &self->last_seq, error) &&
         dimple_process_changes_count_unnamed (self->connection, &self->n_unnamed, error);
}

gint64
dimple_writer_get_last_seq (DimpleWriter *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->schema_lock);

  return self->last_seq;
}

/* -- Catching up --------------------------------------------------------------------------------------------------- */

/* What is told is committed already, by the other process; nobody can look before it is. */
static gboolean
tell_others_changes (DimpleWriter  *self,
                     GError       **error)
{
  g_autoptr(DimpleChangeSet) changes = dimple_change_set_new (self->schema, DIMPLE_ORIGIN_PROCESS);
  gint64 last_seq;

  if (!dimple_process_changes_collect (self->connection, self->schema, self->last_seq, &self->n_unnamed, changes,
                                       error) ||
      !dimple_writer_read_last_seq (self, &last_seq, error))
    return FALSE;
  dimple_writer_set_last_seq (self, last_seq);
  self->hooks.after_commit (changes, TRUE, self->user_data);
  return TRUE;
}

static gboolean
take_over (DimpleWriter  *self,
           GError       **error)
{
  return dimple_log_writer_load (self->log, error) &&
         dimple_writer_load_schema (self, error) &&
         dimple_merge_is_waiting (self->connection, &self->waiting, error) &&
         tell_others_changes (self, error);
}

gboolean
dimple_writer_catch_up (DimpleWriter  *self,
                        GError       **error)
{
  guint32 file_version = get_file_version (self);
  gint64 data_version;

  if (file_version == self->file_version && file_version != 0)
    return TRUE;
  if (!read_number (self->get_data_version, &data_version, error))
    return FALSE;
  if (data_version != self->data_version && !take_over (self, error))
    return FALSE;
  self->data_version = data_version;
  self->file_version = file_version;
  return TRUE;
}

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
          succeeded = dimple_connection_exec (self->connection, "BEGIN", error) && dimple_writer_catch_up (self, error);
          dimple_connection_exec (self->connection, "ROLLBACK", NULL);
        }
    }
  g_rec_mutex_unlock (&self->lock);
  return succeeded;
}
