/* dimple-s3-storage-private.h: a bucket on an S3 server, for the rest of the library
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-s3-storage.h"

G_BEGIN_DECLS

/* In dimple-s3-credentials.c, which says what the URI is like */
DimpleStorage *dimple_s3_storage_new_for_uri     (GUri             *uri,
                                                  GError          **error);

/* For tests: the longest wait before the second try, in milliseconds */
void           dimple_s3_storage_set_retry_delay (DimpleS3Storage  *self,
                                                  guint             milliseconds);

G_END_DECLS
