/* dimple-test.h: helpers for the tests of apps
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#ifndef DIMPLE_INSIDE
#include "dimple.h"
#endif

#include "dimple-storage.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_TEST_STORAGE (dimple_test_storage_get_type ())
DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (DimpleTestStorage, dimple_test_storage, DIMPLE, TEST_STORAGE, GObject)

DIMPLE_AVAILABLE_IN_1_0
DimpleStorage *dimple_test_storage_new            (DimpleStorage          *storage);
DIMPLE_AVAILABLE_IN_1_0
void           dimple_test_storage_fail           (DimpleTestStorage      *self,
                                                   DimpleStorageOperation  operation,
                                                   guint                   after,
                                                   gboolean                applied,
                                                   const GError           *error);
DIMPLE_AVAILABLE_IN_1_0
void           dimple_test_storage_set_latency    (DimpleTestStorage      *self,
                                                   guint                   milliseconds);
DIMPLE_AVAILABLE_IN_1_0
guint          dimple_test_storage_get_n_requests (DimpleTestStorage      *self);

DIMPLE_AVAILABLE_IN_1_0
void           dimple_test_set_time               (DimpleStore            *store,
                                                   GDateTime              *time);
DIMPLE_AVAILABLE_IN_1_0
void           dimple_test_wait_idle              (DimpleStore            *store);

G_END_DECLS
