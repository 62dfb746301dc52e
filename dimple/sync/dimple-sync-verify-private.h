/* dimple-sync-verify-private.h: whether a store and its storages hold the same
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-storage.h"
#include "dimple-store-private.h"

G_BEGIN_DECLS

/* Adds to `differing` (a set of texts) "table/key" of the rows that a new device would show otherwise after syncing with
 * `storage`.  On a thread of its own; writes nothing but that it sets damaged objects aside. */
gboolean     dimple_sync_verify         (DimpleStore    *store,
                                         DimpleStorage  *storage,
                                         GHashTable     *differing,
                                         GCancellable   *cancellable,
                                         GError        **error);

/* The rows of tables that are tracked in both and differ. */
gboolean     dimple_sync_compare        (DimpleStore    *one,
                                         DimpleStore    *other,
                                         GHashTable     *differing,
                                         GCancellable   *cancellable,
                                         GError        **error);

/* An empty store with the tables of another one. */
typedef struct
{
  DimpleStore *store;
  char        *folder;
} DimpleSyncScratch;

DimpleSyncScratch *dimple_sync_scratch_new  (DimpleStore        *store,
                                             GError            **error);
void               dimple_sync_scratch_free (DimpleSyncScratch  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleSyncScratch, dimple_sync_scratch_free)

G_END_DECLS
