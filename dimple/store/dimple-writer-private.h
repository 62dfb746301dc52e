/* dimple-writer-private.h: the one connection that writes, and what happens at COMMIT
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-capture-private.h"
#include "dimple-change-set-private.h"
#include "dimple-log-private.h"

G_BEGIN_DECLS

typedef struct _DimpleWriter DimpleWriter;

/* Called in the transaction just before COMMIT, and after it (or after it failed). */
typedef struct
{
  void (*before_commit) (DimpleConnection *connection,
                         DimpleChangeSet  *changes,
                         gpointer          user_data);
  void (*after_commit)  (DimpleChangeSet  *changes,
                         gboolean          committed,
                         gpointer          user_data);
  /* After one in which no row became different, though the log or the shelf may have. */
  void (*after_silent_commit) (gpointer    user_data);
  /* Between transactions: readers that see the last commit begin again, so that the WAL can begin anew. */
  void (*renew)         (gpointer          user_data);
} DimpleWriterHooks;

DimpleWriter     *dimple_writer_open           (const char               *path,
                                                gboolean                  in_memory,
                                                const DimpleWriterHooks  *hooks,
                                                gpointer                  user_data,
                                                GError                  **error);
/* Ends the connection; begin fails with DIMPLE_ERROR_CLOSED from then on. */
void              dimple_writer_close          (DimpleWriter             *self);
void              dimple_writer_free           (DimpleWriter             *self);
/* Makes the database as good as new, with nothing in it, not even an author.  Needs the lock, outside of transactions;
 * closed if it fails. */
gboolean          dimple_writer_erase          (DimpleWriter             *self,
                                                GError                  **error);

/* The write lock; recursive.  Everything below needs it. */
void              dimple_writer_lock           (DimpleWriter             *self);
void              dimple_writer_unlock         (DimpleWriter             *self);
/* Whether this thread is inside a transaction. */
gboolean          dimple_writer_is_mine        (DimpleWriter             *self);

DimpleConnection *dimple_writer_get_connection (DimpleWriter             *self);
DimpleLogWriter  *dimple_writer_get_log        (DimpleWriter             *self);
DimpleClock      *dimple_writer_get_clock      (DimpleWriter             *self);
DimpleSchema     *dimple_writer_get_schema     (DimpleWriter             *self);
/* Without the lock; after the writer is closed too. */
DimpleSchema     *dimple_writer_ref_schema     (DimpleWriter             *self);
gboolean          dimple_writer_load_schema    (DimpleWriter             *self,
                                                GError                  **error);

/* begin takes the lock and keeps it until the matching commit or rollback; nested ones are savepoints. */
gboolean          dimple_writer_begin          (DimpleWriter             *self,
                                                GError                  **error);
/* The same for one statement of the app.  SQLite undoes a statement that fails by itself, so inside a transaction a
 * savepoint, which copies every page that is written to, is set only where that may not be so. */
gboolean          dimple_writer_begin_statement (DimpleWriter            *self,
                                                 const char              *sql,
                                                 GError                 **error);
gboolean          dimple_writer_commit         (DimpleWriter             *self,
                                                GError                  **error);
void              dimple_writer_rollback       (DimpleWriter             *self);

/* In the transaction at hand, writes to tables of Dimple's own, which the app may not. */
typedef gboolean (*DimpleWriterOwnFunc) (DimpleConnection  *connection,
                                         gpointer           user_data,
                                         GError           **error);
gboolean          dimple_writer_write_own      (DimpleWriter             *self,
                                                DimpleWriterOwnFunc       func,
                                                gpointer                  user_data,
                                                GError                  **error);
/* The same in a transaction for it alone, outside of others: neither captured nor told to anybody. */
gboolean          dimple_writer_run_own        (DimpleWriter             *self,
                                                DimpleWriterOwnFunc       func,
                                                gpointer                  user_data,
                                                GError                  **error);
/* The transaction at hand has edited a row that is on the shelf: see dimple_shelf_edit(). */
void              dimple_writer_note_shelf_edit (DimpleWriter            *self);

/* A transaction whose changes are not captured but told by `func`: migrations and merges.  FOREIGN KEYs are off, the
 * authorizer is free. */
typedef gboolean (*DimpleWriterFunc) (DimpleWriter     *self,
                                      DimpleChangeSet  *changes,
                                      gpointer          user_data,
                                      GError          **error);
gboolean          dimple_writer_run_uncaptured (DimpleWriter             *self,
                                                DimpleOrigin              origin,
                                                DimpleWriterFunc          func,
                                                gpointer                  user_data,
                                                GError                  **error);

/* Looks whether another process has committed, and if so tells the hooks' after_commit; 1 µs if not.  Takes the
 * lock. */
gboolean          dimple_writer_notice_others  (DimpleWriter             *self,
                                                GError                  **error);

/* Where the log ended at the last commit that this process made or heard of.  Any thread, without the lock. */
gint64            dimple_writer_get_last_seq   (DimpleWriter             *self);

/* Makes all that is committed survive a power cut; 0.2 to 5 ms.  Takes the lock. */
gboolean          dimple_writer_sync_to_disk   (DimpleWriter             *self,
                                                GError                  **error);

/* Moves what is in the WAL into the database file, and lets the WAL begin anew.  This happens by itself when it has
 * become long by commits of this process.  Takes the lock. */
void              dimple_writer_empty_wal      (DimpleWriter             *self);

/* Gives a statement of the connection back at the next transaction, or at once if it is closed.  Any thread, without
 * the lock. */
void              dimple_writer_release_later  (DimpleWriter             *self,
                                                sqlite3_stmt             *statement);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleWriter, dimple_writer_free)

G_END_DECLS
