/* dimple-s3-request-private.h: one request to S3, with all it takes to get an answer
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-s3-client-private.h"

G_BEGIN_DECLS

/* What kind of answer is expected */
typedef enum
{
  DIMPLE_S3_ANSWER_NOTHING,   /* whatever the body says */
  DIMPLE_S3_ANSWER_STORED,    /* the headers say that an object was stored */
  DIMPLE_S3_ANSWER_OBJECT,    /* the body is an object */
  DIMPLE_S3_ANSWER_DOCUMENT   /* the body is XML */
} DimpleS3Answer;

typedef struct
{
  const char *method;
  const char *key;
  const char * const *parameters;
  GBytes *body;
  const char *content_type;
  gboolean with_md5;
  DimpleS3Answer answer;
} DimpleS3Call;

/* `call` is copied.  Retries, redirects and what is learnt from answers are all within. */
void     dimple_s3_request_send_async     (DimpleS3Client       *client,
                                           const DimpleS3Call   *call,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
/* (transfer full): the body */
GBytes  *dimple_s3_request_send_finish    (DimpleS3Client       *client,
                                           GAsyncResult         *result,
                                           GError              **error);
/* Whether the server said that it has no such call */
gboolean dimple_s3_request_is_unsupported (GAsyncResult         *result);

G_END_DECLS
