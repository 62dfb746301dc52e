/* dimple-s3-error-private.h: what went wrong with a request, for the caller and the user
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-s3-client-private.h"
#include "dimple-s3-xml-private.h"

G_BEGIN_DECLS

/* Whether the same request may succeed a little later */
gboolean dimple_s3_error_is_transient           (guint                 status,
                                                 const char           *code);
gboolean dimple_s3_transport_error_is_transient (const GError         *error);

/* Whether the server lacks DeleteObjects */
gboolean dimple_s3_error_is_unsupported         (guint                 status,
                                                 const char           *code);

/* (transfer full): from an answer; `answer` is NULL if it was none of S3's, `key` if it was about the bucket */
GError  *dimple_s3_error_to_gerror              (DimpleS3Client       *client,
                                                 DimpleS3Address      *address,
                                                 guint                 status,
                                                 const DimpleS3Error  *answer,
                                                 const char           *key);
/* (transfer full): from an error of libsoup's or GIO's; a cancellation stays one */
GError  *dimple_s3_transport_error_to_gerror    (DimpleS3Client       *client,
                                                 DimpleS3Address      *address,
                                                 const GError         *error,
                                                 GTlsCertificateFlags  flags);

G_END_DECLS
