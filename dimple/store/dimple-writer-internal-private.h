/* dimple-writer-internal-private.h: the writer's own parts, for the files of the writer alone
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-transaction-watch-private.h"
#include "dimple-wal-private.h"
#include "dimple-writer-private.h"

G_BEGIN_DECLS

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
  gboolean           may_replace;    /* the same of REPLACE */
  GThread           *owner;          /* while there are levels */
  gint64             data_version;   /* of SQLite's: another process wrote if it differs … */
  guint32            file_version;   /* … and nobody did if this is as it was; 0: not known */
  gint64             last_seq;       /* of the log, when it was last looked at */
  gint64             n_unnamed;      /* of commits with changes that no transaction names, then */
  gboolean           waiting;        /* rows are shelved: a commit may let them be shown */
  gboolean           unsettled;      /* looking at them has failed: next time all are looked at */
  DimpleTransactionWatch watch;
  gboolean           shelf_edited;   /* by the transaction at hand */
  gboolean           check_parents;  /* SQLite may not see that the transaction at hand leaves a row without a parent */
  DimpleWal          wal;
  GMutex             unused_lock;
  GPtrArray         *unused;         /* of sqlite3_stmt, to be given back under the write lock; NULL: closed */

  /* Run for every transaction, so kept at hand. */
  sqlite3_stmt      *begin;
  sqlite3_stmt      *commit;
  sqlite3_stmt      *get_data_version;
  sqlite3_stmt      *get_last_seq;
};

/* FALSE with DIMPLE_ERROR_CLOSED. */
gboolean dimple_writer_check_open      (DimpleWriter     *self,
                                        GError          **error);

/* -- Transactions -------------------------------------------------------------------------------------------------- */

/* BEGIN IMMEDIATE, after what is to be done between transactions */
gboolean dimple_writer_begin_immediate (DimpleWriter     *self,
                                        GError          **error);
/* COMMIT, with what comes before and after it; rolled back if it fails.  `last_seq` is where the log ends now. */
gboolean dimple_writer_commit_changes  (DimpleWriter     *self,
                                        DimpleChangeSet  *changes,
                                        gint64            last_seq,
                                        GError          **error);
/* Rolls back, if SQLite has not done it by itself. */
void     dimple_writer_abandon         (DimpleWriter     *self);

/* -- Other processes ----------------------------------------------------------------------------------------------- */

/* In a transaction: takes over what another process has written since the last look. */
gboolean dimple_writer_catch_up        (DimpleWriter     *self,
                                        GError          **error);
/* Remembers what the database is like, after a commit of our own. */
void     dimple_writer_note_version    (DimpleWriter     *self);
/* Of a connection just opened. */
gboolean dimple_writer_load_versions   (DimpleWriter     *self,
                                        GError          **error);
void     dimple_writer_set_last_seq    (DimpleWriter     *self,
                                        gint64            last_seq);
/* Where the log ends. */
gboolean dimple_writer_read_last_seq   (DimpleWriter     *self,
                                        gint64           *last_seq,
                                        GError          **error);

/* -- Without capture ----------------------------------------------------------------------------------------------- */

/* In a local transaction that has changed `changes`, before COMMIT: whether settle_shelved() has to follow it. */
gboolean dimple_writer_wakes_shelved   (DimpleWriter     *self,
                                        DimpleChangeSet  *changes);
/* After a local commit, or (`committed` NULL) after opening: rows that wait on the shelf may be shown now.  The commit
 * has succeeded whatever comes of this, and the next one tries again. */
void     dimple_writer_settle_shelved  (DimpleWriter     *self,
                                        DimpleChangeSet  *committed);

G_END_DECLS
