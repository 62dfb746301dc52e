/* dimple-sync-packer-private.h: making packs of parts of the log
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-sync-session-private.h"

G_BEGIN_DECLS

typedef struct _DimpleSyncPacker DimpleSyncPacker;

/* `intervals` are held. */
DimpleSyncPacker *dimple_sync_packer_new          (DimpleHeld        *held,
                                                   GArray            *intervals);
void              dimple_sync_packer_free         (DimpleSyncPacker  *self);
/* The next pack, not empty; NULL without an error at the end. */
DimplePack       *dimple_sync_packer_next         (DimpleSyncPacker  *self,
                                                   DimpleConnection  *reader,
                                                   GError           **error);
/* How much of the log was read, 0 to 1. */
double            dimple_sync_packer_get_progress (DimpleSyncPacker  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleSyncPacker, dimple_sync_packer_free)

G_END_DECLS
