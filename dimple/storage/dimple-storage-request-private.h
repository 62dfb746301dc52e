/* dimple-storage-request-private.h: makes the requests of a custom storage
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-storage-request.h"

G_BEGIN_DECLS

/* `task` is one of a DimpleTaskStorage */
DimpleStorageRequest *dimple_storage_request_new         (GTask                *task);
gboolean              dimple_storage_request_is_answered (DimpleStorageRequest *self);

G_END_DECLS
