/* dimple-s3-remove-private.h: removes any number of objects from a bucket
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-s3-client-private.h"

G_BEGIN_DECLS

/* `base` stands before every key in the bucket */
void     dimple_s3_remove_async  (DimpleS3Client       *client,
                                  const char           *base,
                                  const char * const   *keys,
                                  GCancellable         *cancellable,
                                  GAsyncReadyCallback   callback,
                                  gpointer              user_data);
gboolean dimple_s3_remove_finish (DimpleS3Client       *client,
                                  GAsyncResult         *result,
                                  GError              **error);

G_END_DECLS
