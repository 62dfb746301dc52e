/* dimple-sync-split-private.h: a transaction that is too large for one pack, as parts
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-pack-private.h"

G_BEGIN_DECLS

typedef struct _DimpleSyncSplit DimpleSyncSplit;

/* Of the transaction that begins at `seq`; NULL without an error if it fits into one pack, or is not there any more. */
DimpleSyncSplit *dimple_sync_split_new          (DimpleConnection  *reader,
                                                 gint64             seq,
                                                 GError           **error);
void             dimple_sync_split_free         (DimpleSyncSplit   *self);
/* The next part, without its runs and author; NULL without an error after the last one, or if the transaction has
 * changed since: then it is for the next sync. */
DimplePack      *dimple_sync_split_next         (DimpleSyncSplit   *self,
                                                 DimpleConnection  *reader,
                                                 GError           **error);
/* How much of it was given, 0 to 1. */
double           dimple_sync_split_get_progress (DimpleSyncSplit   *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleSyncSplit, dimple_sync_split_free)

G_END_DECLS
