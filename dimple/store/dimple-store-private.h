/* dimple-store-private.h: what the store offers to the layers above it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-change-set-private.h"
#include "dimple-log-private.h"
#include "dimple-store.h"

G_BEGIN_DECLS

/* -- Reading ----------------------------------------------------------------------------------------------------------
 * Readers see the last commit.  Any thread may take one; it waits while all are lent.  Fails when the store is
 * closed. */
DimpleConnection *dimple_store_acquire_reader (DimpleStore       *self,
                                               GError           **error);
void              dimple_store_release_reader (DimpleStore       *self,
                                               DimpleConnection  *reader);
/* A reader of one's own, for a snapshot that is kept; to be freed before `closing` returns.  Any thread. */
DimpleConnection *dimple_store_open_reader    (DimpleStore       *self,
                                               GError           **error);
DimpleSchema     *dimple_store_ref_schema     (DimpleStore       *self);

/* -- Hearing of commits -------------------------------------------------------------------------------------------- */

typedef struct
{
  /* In the write transaction, just before COMMIT, on whatever thread commits.  May read through `writer`; the commit
   * may still fail. */
  void (*before_commit) (DimpleConnection *writer,
                         DimpleChangeSet  *changes,
                         gpointer          user_data);
  /* After COMMIT, under the write lock, on whatever thread committed, in the order of commits: only note and schedule.
   * `committed` FALSE: what before_commit saw was rolled back. */
  void (*after_commit)  (DimpleChangeSet  *changes,
                         gboolean          committed,
                         gpointer          user_data);
  /* The same after a commit in which no row became different, though the log or the shelf may have. */
  void (*after_silent_commit) (gpointer    user_data);
  /* (nullable) The writer will be closed, under the write lock, on whatever thread does so: its statements and readers
   * of one's own must be given back now. */
  void (*closing)       (gpointer          user_data);
  /* (nullable) The WAL is long, and can begin anew only if readers that see the last commit begin again now.  Between
   * transactions, under the write lock, on some thread. */
  void (*renew)         (gpointer          user_data);
} DimpleObserver;

/* Safe against a commit in progress: after remove() returns, nothing is called any more. */
void dimple_store_add_observer    (DimpleStore           *self,
                                   const DimpleObserver  *observer,
                                   gpointer               user_data);
void dimple_store_remove_observer (DimpleStore           *self,
                                   const DimpleObserver  *observer,
                                   gpointer               user_data);

/* Gives a statement of the writer back, on any thread, at the next transaction. */
void dimple_store_release_later   (DimpleStore           *self,
                                   sqlite3_stmt          *statement);

/* Between the two something is under way that dimple_test_wait_idle() waits for; any thread. */
void    dimple_store_begin_work     (DimpleStore *self);
void    dimple_store_end_work       (DimpleStore *self);

/* For tests: grows with every commit that this process makes or hears of, once everybody was told of it. */
guint64 dimple_store_get_generation (DimpleStore *self);

/* Where the log ended at the last of them. */
gint64  dimple_store_get_last_seq   (DimpleStore *self);
/* Hears of what other processes have committed, before the watcher does: now, waiting for who writes, or soon. */
void    dimple_store_hear_others    (DimpleStore *self);
void    dimple_store_hear_others_soon (DimpleStore *self);

/* -- Syncing ------------------------------------------------------------------------------------------------------- */

/* Merges transactions from elsewhere in one commit; blocking, any thread.  They must have been missing when the log
 * ended with the row `known_seq`; what another process has merged since is left out.  Emits `changed` with
 * DIMPLE_ORIGIN_SYNC. */
gboolean dimple_store_apply            (DimpleStore   *self,
                                        GPtrArray     *transactions,
                                        gint64         known_seq,
                                        GError       **error);
/* Makes all that is committed survive a power cut: called after reading what is to be uploaded, before the first
 * PUT. */
gboolean dimple_store_sync_to_disk     (DimpleStore   *self,
                                        GError       **error);
/* Writes to tables of Dimple's own, in a transaction that is neither captured nor told to anybody. */
typedef gboolean (*DimpleOwnWriteFunc) (DimpleConnection  *connection,
                                        gpointer           user_data,
                                        GError           **error);
gboolean dimple_store_write_own        (DimpleStore         *self,
                                        DimpleOwnWriteFunc   func,
                                        gpointer             user_data,
                                        GError             **error);
/* A small persistent value (the table dimple_state); NULL if there is none. */
char    *dimple_store_dup_state        (DimpleStore   *self,
                                        const char    *name,
                                        GError       **error);
gboolean dimple_store_set_state        (DimpleStore   *self,
                                        const char    *name,
                                        const char    *value,
                                        GError       **error);
/* Drops from the history what the properties history-max-age and history-max-size say; `only_if_due`: if enough has
 * come since that was last done.  Takes as long as reading the history, but holds the write lock for moments only. */
gboolean dimple_store_prune            (DimpleStore   *self,
                                        gboolean       only_if_due,
                                        GError       **error);
gboolean dimple_store_has_history_limits (DimpleStore *self);
/* The author ids that this database has written under, the present one last. */
char   **dimple_store_dup_authors      (DimpleStore   *self,
                                        GError       **error);
/* From now on a new author id and a new run (transactions of ours came from elsewhere that we do not know). */
gboolean dimple_store_take_new_author  (DimpleStore   *self,
                                        GError       **error);
/* What an author is called, for DimpleChange and packs; NULL if that is not known. */
char    *dimple_store_dup_author_name  (DimpleStore   *self,
                                        const char    *author,
                                        GError       **error);
gboolean dimple_store_set_author_name  (DimpleStore   *self,
                                        const char    *author,
                                        const char    *name,
                                        GError       **error);

G_END_DECLS
