/* dimple-sync-batch-private.h: packs that came in, merged some at a time
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-sync-session-private.h"

G_BEGIN_DECLS

typedef struct _DimpleSyncBatch DimpleSyncBatch;

DimpleSyncBatch *dimple_sync_batch_new      (DimpleSyncSession  *session);
void             dimple_sync_batch_free     (DimpleSyncBatch    *self);
/* Takes a pack in, and merges what has come together when it is enough. */
gboolean         dimple_sync_batch_add      (DimpleSyncBatch    *self,
                                             DimplePack         *pack,        /* (transfer full) */
                                             GError            **error);
/* Merges the rest. */
gboolean         dimple_sync_batch_finish   (DimpleSyncBatch    *self,
                                             GError            **error);
/* The keys of packs whose changes the merge could not read.  (element-type utf8) */
GPtrArray       *dimple_sync_batch_get_bad  (DimpleSyncBatch    *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleSyncBatch, dimple_sync_batch_free)

G_END_DECLS
