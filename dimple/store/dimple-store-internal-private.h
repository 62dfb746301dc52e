/* dimple-store-internal-private.h: the store's own parts, for the files of the store alone
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-reader-pool-private.h"
#include "dimple-row-sql-private.h"
#include "dimple-snapshot-private.h"
#include "dimple-store-private.h"
#include "dimple-store-watcher-private.h"
#include "dimple-worker-private.h"
#include "dimple-writer-private.h"

G_BEGIN_DECLS

struct _DimpleStore
{
  GObject           parent_instance;

  char             *path;             /* (nullable) */
  char             *name;             /* the path, or what connections in memory are opened by */
  GMainContext     *context;          /* signals are emitted here */
  DimpleWriter     *writer;
  DimpleRowSql     *row_sql;          /* of the write lock */
  DimpleReaderPool *readers;
  DimpleWorker     *worker;           /* runs what is asynchronous */
  DimpleStoreWatcher *watcher;        /* (nullable) */
  DimpleWorker     *reading_worker;   /* and what only reads: it does not wait for writes */

  GRecMutex         listeners_lock;
  GArray           *listeners;

  GMutex            pending_lock;     /* of this group */
  DimpleChangeSet  *pending;          /* (nullable) what `changed` has not told yet */
  GSource          *emission;         /* (nullable) */
  guint64           generation;
  char             *author;
  GHashTable       *row_types;        /* GType by a table's lower-case name; of the lock above */
  guint             n_busy;           /* what is under way, see dimple_store_begin_work() */
  GWeakRef          conflicts;        /* the list of them, while somebody has it */

  GMutex            prune_lock;       /* of this group */
  gint64            history_max_age;
  guint64           history_max_size;
  DimpleWorker     *history_worker;   /* (nullable) drops what is superseded */
  GMutex            pass_lock;        /* held while the history is gone over */
  gint              heard_others;     /* atomic: another process has committed since the last one */
};

/* Goes over the history soon, if the app wants it bounded; any thread. */
void               dimple_store_schedule_prune       (DimpleStore        *self);

const DimpleTable *dimple_store_find_keyed_table     (DimpleSchema       *schema,
                                                      const char         *name,
                                                      GError            **error);
GVariant          *dimple_store_key_to_parameters    (const DimpleTable  *table,
                                                      const char         *key,
                                                      GError            **error);
gboolean           dimple_store_bind_key             (sqlite3_stmt       *statement,
                                                      guint               n_before,
                                                      const DimpleTable  *table,
                                                      const char         *key,
                                                      GByteArray         *record,
                                                      GError            **error);
void               dimple_store_set_not_found        (const DimpleTable  *table,
                                                      const char         *key,
                                                      GError            **error);
DimpleSnapshot    *dimple_store_read                 (DimpleStore        *self,
                                                      const char         *sql,
                                                      GVariant           *parameters,
                                                      GType               type,
                                                      guint               at_most,
                                                      GCancellable       *cancellable,
                                                      GError            **error);
DimpleSnapshot    *dimple_store_read_by_key          (DimpleStore        *self,
                                                      const char         *table_name,
                                                      const char         *key,
                                                      GCancellable       *cancellable,
                                                      GError            **error);

/* One row, in a transaction, with a table of the writer's schema.  Insert returns the key, and may add it to
 * `values`. */
char              *dimple_store_insert_row           (DimpleStore        *self,
                                                      const DimpleTable  *table,
                                                      DimpleGivenValues  *values,
                                                      GError            **error);
gboolean           dimple_store_update_row           (DimpleStore        *self,
                                                      const DimpleTable  *table,
                                                      const char         *key,
                                                      const DimpleGivenValues *values,
                                                      GError            **error);
/* As dimple_store_insert(), with a value more: `key_column` (nullable) is to be `key`. */
char              *dimple_store_insert_with_key      (DimpleStore        *self,
                                                      const char         *table,
                                                      GVariant           *dictionary,
                                                      const char         *key_column,
                                                      const char         *key,
                                                      GError            **error);
/* A row that is on the shelf, in a transaction: sets `values`, or deletes it (NULL); `found` FALSE: there is none of
 * that key. */
gboolean           dimple_store_write_shelved        (DimpleStore        *self,
                                                      const DimpleTable  *table,
                                                      const char         *key,
                                                      const DimpleGivenValues *values,
                                                      gboolean           *found,
                                                      GError            **error);

DimpleStore *dimple_store_open_for_context   (const char           *path,
                                              GMainContext         *context,
                                              GError              **error);
char        *dimple_store_dup_author         (DimpleStore          *self);
/* Of a database just opened: reads who writes, and gives it a name if it has none. */
gboolean     dimple_store_load_author        (DimpleStore          *self,
                                              GError              **error);
/* The writer's connection will be closed, now that no reader is lent. */
void         dimple_store_tell_closing       (DimpleStore          *self);
/* The log's writer has another author now. */
void         dimple_store_notify_author      (DimpleStore          *self);

G_END_DECLS
