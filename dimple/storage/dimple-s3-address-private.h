/* dimple-s3-address-private.h: where a bucket is
 *
 * An address never changes: what is learnt from a server makes another one.  So requests on several threads can share
 * it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Whether the bucket is in the path or in the name of the host */
typedef enum
{
  DIMPLE_S3_STYLE_AUTOMATIC,
  DIMPLE_S3_STYLE_PATH,
  DIMPLE_S3_STYLE_HOST
} DimpleS3Style;

typedef struct _DimpleS3Address DimpleS3Address;

/* endpoint NULL: AWS; region NULL: to be learnt.  NULL and DIMPLE_ERROR_NO_SUCH_STORAGE if the parts make no sense. */
DimpleS3Address *dimple_s3_address_new           (const char             *endpoint,
                                                  const char             *region,
                                                  const char             *bucket,
                                                  DimpleS3Style           style,
                                                  GError                **error);
DimpleS3Address *dimple_s3_address_ref           (DimpleS3Address        *self);
void             dimple_s3_address_unref         (DimpleS3Address        *self);

/* Both are NULL if nothing new is learnt, or if it may not be followed.  `target` is a URI, or a host with or without
 * port. */
DimpleS3Address *dimple_s3_address_with_region   (DimpleS3Address        *self,
                                                  const char             *region);
DimpleS3Address *dimple_s3_address_redirect      (DimpleS3Address        *self,
                                                  const char             *target);

/* Of an object; of the bucket itself if `key` is NULL */
GUri            *dimple_s3_address_build_uri     (DimpleS3Address        *self,
                                                  const char             *key,
                                                  const char             *query);
/* As in the Host header */
char            *dimple_s3_address_dup_host      (DimpleS3Address        *self);
/* Of the server, for the user */
const char      *dimple_s3_address_get_server    (DimpleS3Address        *self);
const char      *dimple_s3_address_get_bucket    (DimpleS3Address        *self);
/* What to sign with: a guess while it is not known */
const char      *dimple_s3_address_get_region    (DimpleS3Address        *self);
gboolean         dimple_s3_address_is_path_style (DimpleS3Address        *self);
/* By name: the scheme and the port may differ */
gboolean         dimple_s3_address_is_same_server (DimpleS3Address       *self,
                                                   DimpleS3Address       *other);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleS3Address, dimple_s3_address_unref)

G_END_DECLS
