/* dimple-wal.c: the write-ahead log of the connection that writes
 *
 * SQLite empties it by itself as a part of COMMIT, but for readers: one that sees the last commit keeps it from
 * beginning anew, so that it would grow for as long as there is one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-wal-private.h"

/* SQLite's own default */
#define CHECKPOINT_FRAMES 1000
/* After that many more: readers cannot always begin again, as when they still have to show what was committed. */
#define RETRY_FRAMES 100

/* As SQLite does it by itself, but we know how long the WAL is. */
static int
on_commit (gpointer    user_data,
           sqlite3    *handle,
           const char *database,
           int         n_frames)
{
  DimpleWal *self = user_data;

  if (n_frames < self->n_frames)
    self->next_try = 0;
  self->n_frames = n_frames;
  if (n_frames >= CHECKPOINT_FRAMES)
    sqlite3_wal_checkpoint_v2 (handle, database, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  return SQLITE_OK;
}

void
dimple_wal_watch (DimpleWal        *self,
                  DimpleConnection *connection)
{
  sqlite3_wal_hook (dimple_connection_get_handle (connection), on_commit, self);
}

gboolean
dimple_wal_is_long (const DimpleWal *self)
{
  return self->n_frames >= MAX (self->next_try, CHECKPOINT_FRAMES);
}

/* Readers begin again before the checkpoint, so that it gets to the end, and after it. */
void
dimple_wal_empty (DimpleWal         *self,
                  DimpleConnection  *connection,
                  void             (*renew) (gpointer),
                  gpointer           user_data)
{
  self->next_try = self->n_frames + RETRY_FRAMES;
  renew (user_data);
  sqlite3_wal_checkpoint_v2 (dimple_connection_get_handle (connection), "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  renew (user_data);
}

gboolean
dimple_wal_sync (DimpleConnection  *connection,
                 GError           **error)
{
  sqlite3_file *wal = NULL;
  int result = SQLITE_OK;

  /* In WAL mode the journal is the WAL; it has no methods until it was opened. */
  sqlite3_file_control (dimple_connection_get_handle (connection), "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
  if (wal != NULL && wal->pMethods != NULL)
    result = wal->pMethods->xSync (wal, SQLITE_SYNC_NORMAL);
  if (result != SQLITE_OK)
    dimple_connection_set_error (connection, result, error);
  return result == SQLITE_OK;
}
