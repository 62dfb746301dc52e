/* dimple-store-watcher-private.h: a store's ear for other processes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-types.h"
#include "dimple-worker-private.h"

G_BEGIN_DECLS

typedef struct _DimpleStoreWatcher DimpleStoreWatcher;

/* Listens in the thread of the store's worker from now on. */
DimpleStoreWatcher *dimple_store_watcher_new   (DimpleStore         *store);
/* This process has committed; any thread.  While it goes on to, the watcher does not listen: a transaction looks for
 * others' commits itself when it begins. */
void                dimple_store_watcher_pause (DimpleStoreWatcher  *self);
/* Frees it, in the worker's thread. */
void                dimple_store_watcher_stop  (DimpleStoreWatcher  *self);

G_END_DECLS
