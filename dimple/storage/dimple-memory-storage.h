/* dimple-memory-storage.h: objects in memory
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-storage.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_MEMORY_STORAGE (dimple_memory_storage_get_type ())
DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (DimpleMemoryStorage, dimple_memory_storage, DIMPLE, MEMORY_STORAGE, GObject)

DIMPLE_AVAILABLE_IN_1_0
DimpleStorage *dimple_memory_storage_new (void);

G_END_DECLS
