/* dimple-merge-mode-private.h: keeping the app's triggers from tracked tables during a merge
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-settle-private.h"

G_BEGIN_DECLS

typedef struct _DimpleMergeMode DimpleMergeMode;

/* Until it is left, what triggers write to tracked tables is left out; to virtual and local ones it is not. */
DimpleMergeMode *dimple_merge_mode_enter  (DimpleSettling    *settling,
                                           GError           **error);
void             dimple_merge_mode_leave  (DimpleMergeMode   *self);
/* Tells which tables triggers may have written to, now that the tables of `settling` have changed. */
void             dimple_merge_mode_report (DimpleMergeMode   *self,
                                           DimpleChangeSet   *changes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleMergeMode, dimple_merge_mode_leave)

G_END_DECLS
