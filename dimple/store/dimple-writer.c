/* dimple-writer.c: the one connection that writes
 *
 * Blocking calls run on the caller's own thread under one lock, as handing a small insert to another thread costs four
 * times the insert.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-writer-internal-private.h"

#include "dimple-error.h"
#include "dimple-held-private.h"
#include "dimple-merge-private.h"
#include "dimple-pack-table-private.h"
#include "dimple-part-table-private.h"

/* -- Life ---------------------------------------------------------------------------------------------------------- */

/* Whether the app's tables and triggers have a word somewhere. */
static gboolean
is_in_schema (DimpleConnection  *connection,
              const char        *pattern,
              gboolean          *found,
              GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "SELECT count (*) FROM main.sqlite_schema"
                                         " WHERE sql LIKE ? AND name NOT LIKE 'dimple\\_%' ESCAPE '\\'", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, pattern, -1, SQLITE_STATIC);
  if (!dimple_statement_step (statement, error))
    return FALSE;
  *found = sqlite3_column_int (statement, 0) > 0;
  return TRUE;
}

gboolean
dimple_writer_load_schema (DimpleWriter  *self,
                           GError       **error)
{
  DimpleSchema *schema = dimple_schema_load (self->connection, error);

  if (schema == NULL)
    return FALSE;
  if (!is_in_schema (self->connection, "%fail%", &self->may_fail_half, error) ||
      !is_in_schema (self->connection, "%replace%", &self->may_replace, error))
    {
      dimple_schema_unref (schema);
      return FALSE;
    }
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
  dimple_wal_watch (&self->wal, self->connection);
  /* Before any statement is prepared: one prepared earlier could truncate a table unseen. */
  dimple_connection_drop_statements (self->connection);
  self->capture = dimple_capture_new (self->connection);
  if (!dimple_log_create_tables (self->connection, error) ||
      !dimple_held_create_tables (self->connection, error) ||
      !dimple_pack_table_create (self->connection, error) ||
      !dimple_part_table_create (self->connection, error))
    return FALSE;
  self->log = dimple_log_writer_new (self->connection, &self->clock);
  return prepare_statements (self, error) &&
         dimple_log_writer_load (self->log, error) &&
         dimple_writer_load_schema (self, error) &&
         dimple_writer_load_versions (self, error) &&
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
  dimple_writer_settle_shelved (self, NULL);
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

gboolean
dimple_writer_check_open (DimpleWriter  *self,
            GError       **error)
{
  if (self->connection != NULL)
    return TRUE;
  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED, "The store is closed");
  return FALSE;
}

/* -- Statements of others ------------------------------------------------------------------------------------------ */

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

/* -- The disk ------------------------------------------------------------------------------------------------------ */

gboolean
dimple_writer_sync_to_disk (DimpleWriter  *self,
                            GError       **error)
{
  gboolean synced;

  g_rec_mutex_lock (&self->lock);
  synced = dimple_writer_check_open (self, error) && dimple_wal_sync (self->connection, error);
  g_rec_mutex_unlock (&self->lock);
  return synced;
}

void
dimple_writer_empty_wal (DimpleWriter *self)
{
  g_rec_mutex_lock (&self->lock);
  if (self->connection != NULL && self->levels->len == 0)
    dimple_wal_empty (&self->wal, self->connection, self->hooks.renew, self->user_data);
  g_rec_mutex_unlock (&self->lock);
}
