/* dimple-custom-storage.h: a storage of the app's own, in any language
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-storage-request.h"
#include "dimple-storage.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_CUSTOM_STORAGE (dimple_custom_storage_get_type ())
DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (DimpleCustomStorage, dimple_custom_storage, DIMPLE, CUSTOM_STORAGE, GObject)

/**
 * DimpleCustomStorageClass:
 * @parent_class: the parent
 * @request: answers a request, at once or later, if no handler of the signal has taken it
 *
 * What a storage of the app's own may override.
 */
struct _DimpleCustomStorageClass
{
  GObjectClass parent_class;

  void (*request) (DimpleCustomStorage  *self,
                   DimpleStorageRequest *request);
};

DIMPLE_AVAILABLE_IN_1_0
DimpleStorage *dimple_custom_storage_new (void);

G_END_DECLS
