/* dimple-storage-request.h: one request to a storage of the app's own
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-enums.h"
#include "dimple-types.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_STORAGE_REQUEST (dimple_storage_request_get_type ())
DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (DimpleStorageRequest, dimple_storage_request, DIMPLE, STORAGE_REQUEST, GObject)

DIMPLE_AVAILABLE_IN_1_0
DimpleStorageOperation  dimple_storage_request_get_operation   (DimpleStorageRequest *self);
DIMPLE_AVAILABLE_IN_1_0
const char             *dimple_storage_request_get_key         (DimpleStorageRequest *self);
DIMPLE_AVAILABLE_IN_1_0
const char * const     *dimple_storage_request_get_keys        (DimpleStorageRequest *self);
DIMPLE_AVAILABLE_IN_1_0
const char             *dimple_storage_request_get_start_after (DimpleStorageRequest *self);
DIMPLE_AVAILABLE_IN_1_0
GBytes                 *dimple_storage_request_get_contents    (DimpleStorageRequest *self);
DIMPLE_AVAILABLE_IN_1_0
GCancellable           *dimple_storage_request_get_cancellable (DimpleStorageRequest *self);

DIMPLE_AVAILABLE_IN_1_0
void                    dimple_storage_request_complete        (DimpleStorageRequest *self,
                                                                GBytes               *contents);
DIMPLE_AVAILABLE_IN_1_0
void                    dimple_storage_request_complete_list   (DimpleStorageRequest *self,
                                                                const char * const   *keys);
DIMPLE_AVAILABLE_IN_1_0
void                    dimple_storage_request_fail            (DimpleStorageRequest *self,
                                                                const GError         *error);

G_END_DECLS
