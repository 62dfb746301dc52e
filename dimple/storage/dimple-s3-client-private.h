/* dimple-s3-client-private.h: what all requests to one bucket share
 *
 * The connections, the keys, and what has been learnt from the server so far.  May be used from any thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <libsoup/soup.h>

#include "dimple-s3-address-private.h"
#include "dimple-s3-lane-private.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_S3_CLIENT (dimple_s3_client_get_type ())
G_DECLARE_FINAL_TYPE (DimpleS3Client, dimple_s3_client, DIMPLE, S3_CLIENT, GObject)

typedef struct
{
  const char *access_key;
  const char *secret_key;
  const char *session_token;
  guint timeout;
  guint retry_delay;
  GTlsDatabase *tls_database;
  GProxyResolver *proxy_resolver;
} DimpleS3ClientOptions;

DimpleS3Client  *dimple_s3_client_new              (DimpleS3Address             *address,
                                                    const DimpleS3ClientOptions *options);

DimpleS3Lanes   *dimple_s3_client_get_lanes        (DimpleS3Client  *self);
/* Seconds without progress */
guint            dimple_s3_client_get_timeout      (DimpleS3Client  *self);
/* Milliseconds */
guint            dimple_s3_client_get_retry_delay  (DimpleS3Client  *self);

/* (transfer full) */
DimpleS3Address *dimple_s3_client_dup_address      (DimpleS3Client  *self);
void             dimple_s3_client_learn_address    (DimpleS3Client  *self,
                                                    DimpleS3Address *address);
/* FALSE if the clock was right already */
gboolean         dimple_s3_client_learn_time       (DimpleS3Client  *self,
                                                    gint64           unix_time);
/* Whether DeleteObjects is worth a try */
gboolean         dimple_s3_client_removes_many     (DimpleS3Client  *self);
void             dimple_s3_client_learn_removes_one (DimpleS3Client *self);

/* Adds the headers that prove who asks */
void             dimple_s3_client_sign             (DimpleS3Client  *self,
                                                    SoupMessage     *message,
                                                    DimpleS3Address *address,
                                                    const char      *payload_hash);
/* What a server said, fit to be shown: short, without control characters, without secrets */
char            *dimple_s3_client_clean_text       (DimpleS3Client  *self,
                                                    const char      *text);

G_END_DECLS
