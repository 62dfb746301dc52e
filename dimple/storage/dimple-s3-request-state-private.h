/* dimple-s3-request-state-private.h: what a request is made of, for its own files alone
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-s3-request-private.h"

G_BEGIN_DECLS

/* Milliseconds */
#define DIMPLE_S3_MAX_BACK_OFF 20000

typedef enum
{
  DIMPLE_S3_STATE_HASH,
  DIMPLE_S3_STATE_QUEUE,
  DIMPLE_S3_STATE_SEND,
  DIMPLE_S3_STATE_READ,
  DIMPLE_S3_STATE_CLOSE,
  DIMPLE_S3_STATE_JUDGE,
  DIMPLE_S3_STATE_BACK_OFF,
  DIMPLE_S3_STATE_DONE
} DimpleS3State;

typedef struct
{
  DimpleS3State state;
  GTask *task;          /* not owned: the owner */
  DimpleS3Client *client;
  GMainContext *context;
  DimpleS3Lane *lane;   /* until it is done */

  /* What is asked */
  char *method;
  char *key;
  char *query;
  GBytes *body;
  char *content_type;
  char *md5;
  char *payload_hash;
  DimpleS3Answer answer;

  /* This attempt */
  DimpleS3Address *address;
  SoupMessage *message;
  GInputStream *stream;
  GByteArray *received;
  GCancellable *attempt;
  gulong cancelled_id;
  GSource *watchdog;
  gsize moved;
  gboolean stalled;
  gint64 start_time;
  GError *transport_error;

  /* All attempts */
  GSource *wait;
  DimpleS3Address *redirected;
  guint n_tries;        /* those that failed */
  guint n_lessons;
  guint retry_after;

  GBytes *result;
  GError *error;
  gboolean unsupported;
} DimpleS3Request;

/* Sets the next state by what came back, and the result or the error if it is the end. */
void     dimple_s3_request_judge     (DimpleS3Request *self);
/* Whether the server says so; of an answer that is there */
gboolean dimple_s3_request_succeeded (DimpleS3Request *self);

G_END_DECLS
