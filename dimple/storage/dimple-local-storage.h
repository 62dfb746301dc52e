/* dimple-local-storage.h: objects as files in a folder
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-storage.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_LOCAL_STORAGE (dimple_local_storage_get_type ())
DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (DimpleLocalStorage, dimple_local_storage, DIMPLE, LOCAL_STORAGE, GObject)

DIMPLE_AVAILABLE_IN_1_0
DimpleStorage *dimple_local_storage_new (GFile *folder);

G_END_DECLS
