/* dimple-s3-list-private.h: one page of the keys of a bucket
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-s3-client-private.h"

G_BEGIN_DECLS

/* `base` stands before every key in the bucket, and is neither in `prefix` and `start_after` nor in the keys given */
void    dimple_s3_list_async  (DimpleS3Client       *client,
                               const char           *base,
                               const char           *prefix,
                               const char           *start_after,
                               GCancellable         *cancellable,
                               GAsyncReadyCallback   callback,
                               gpointer              user_data);
char  **dimple_s3_list_finish (DimpleS3Client       *client,
                               GAsyncResult         *result,
                               GError              **error);

G_END_DECLS
