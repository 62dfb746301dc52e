/* dimple-s3-storage.h: a bucket on an S3 server
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-storage.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_S3_STORAGE (dimple_s3_storage_get_type ())
DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (DimpleS3Storage, dimple_s3_storage, DIMPLE, S3_STORAGE, GObject)

DIMPLE_AVAILABLE_IN_1_0
DimpleStorage *dimple_s3_storage_new (const char *endpoint,
                                      const char *region,
                                      const char *bucket,
                                      const char *access_key,
                                      const char *secret_key);

G_END_DECLS
