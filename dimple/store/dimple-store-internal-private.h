/* dimple-store-internal-private.h: the store's own parts, for the files of the store alone
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-batch.h"
#include "dimple-store-private.h"
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
  DimpleWorker     *worker;           /* runs what is asynchronous */

  GMutex            readers_lock;     /* of this group */
  GCond             readers_changed;
  GPtrArray        *idle_readers;
  guint             n_readers;        /* lent ones too */
  gboolean          closed;

  GRecMutex         listeners_lock;
  GArray           *listeners;

  GMutex            pending_lock;     /* of this group */
  DimpleChangeSet  *pending;          /* (nullable) what `changed` has not told yet */
  GSource          *emission;         /* (nullable) */
  guint64           generation;
  char             *author;
  guint             n_busy;           /* what the layers above are about */
};

DimpleStore *dimple_store_open_for_context   (const char           *path,
                                              GMainContext         *context,
                                              GError              **error);
char        *dimple_store_dup_author         (DimpleStore          *self);
/* The log's writer has another author now. */
void         dimple_store_notify_author      (DimpleStore          *self);
void         dimple_store_commit_batch_async (DimpleStore          *self,
                                              DimpleBatch          *batch,
                                              gpointer              source_tag,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);

G_END_DECLS
