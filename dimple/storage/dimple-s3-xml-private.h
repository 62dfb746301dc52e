/* dimple-s3-xml-private.h: the documents that S3 and its clients send each other
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* <Error>.  Every field may be NULL. */
typedef struct
{
  char *code;
  char *message;
  char *region;
  char *endpoint;
  char *server_time;
} DimpleS3Error;

/* <ListBucketResult>.  Keys are as they are in the bucket, decoded. */
typedef struct
{
  GPtrArray *keys;
  gboolean truncated;
  char *continuation_token;
} DimpleS3Listing;

/* <DeleteResult>: the first object that was not removed.  Both are NULL if there is none. */
typedef struct
{
  char *key;
  DimpleS3Error error;
} DimpleS3DeleteResult;

/* FALSE: it is no error of S3's; there is nothing to clear then */
gboolean dimple_s3_error_parse          (GBytes                *document,
                                         DimpleS3Error         *parsed);
void     dimple_s3_error_clear          (DimpleS3Error         *self);

/* FALSE and DIMPLE_ERROR_STORAGE if it is something else */
gboolean dimple_s3_listing_parse        (GBytes                *document,
                                         DimpleS3Listing       *parsed,
                                         GError               **error);
void     dimple_s3_listing_clear        (DimpleS3Listing       *self);

gboolean dimple_s3_delete_result_parse  (GBytes                *document,
                                         DimpleS3DeleteResult  *parsed,
                                         GError               **error);
void     dimple_s3_delete_result_clear  (DimpleS3DeleteResult  *self);

/* Whether a key can be written in XML at all: control characters cannot */
gboolean dimple_s3_delete_can_hold      (const char            *key);
GBytes  *dimple_s3_delete_build         (const char * const    *keys,
                                         gsize                  n_keys);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleS3Error, dimple_s3_error_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleS3Listing, dimple_s3_listing_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleS3DeleteResult, dimple_s3_delete_result_clear)

G_END_DECLS
