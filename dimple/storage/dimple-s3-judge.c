/* dimple-s3-judge.c: what is made of the answer to a request, or of there being none
 *
 * It is a result, an error, or a reason to ask again: at once where something was learnt from it, such as the region or
 * the time, or after a while where the fault may pass.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-s3-request-state-private.h"

#include <glib/gi18n-lib.h>

#include "dimple-error.h"
#include "dimple-s3-error-private.h"

#define MAX_TRIES 5
/* Of a new region, another server, and the time there may be one each */
#define MAX_LESSONS 4

static void
request_fail (DimpleS3Request *self,
              GError          *error)
{
  self->error = error;
  self->state = DIMPLE_S3_STATE_DONE;
}

static gboolean
request_may_try_again (DimpleS3Request *self)
{
  const guint64 max = DIMPLE_S3_MAX_BACK_OFF / 1000;
  const char *retry_after;

  if (++self->n_tries >= MAX_TRIES)
    return FALSE;

  /* In seconds; nobody sends the other form, a date */
  retry_after = soup_message_headers_get_one (soup_message_get_response_headers (self->message), "Retry-After");
  self->retry_after = retry_after != NULL ? MIN (g_ascii_strtoull (retry_after, NULL, 10), max) : 0;
  self->state = DIMPLE_S3_STATE_BACK_OFF;
  return TRUE;
}

static void
request_judge_transport (DimpleS3Request *self)
{
  GTlsCertificateFlags flags;

  if (self->stalled)
    {
      g_clear_error (&self->transport_error);
      g_set_error_literal (&self->transport_error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "No progress");
    }

  if (dimple_s3_transport_error_is_transient (self->transport_error) && request_may_try_again (self))
    return;

  flags = soup_message_get_tls_peer_certificate_errors (self->message);
  request_fail (self, dimple_s3_transport_error_to_gerror (self->client, self->address, self->transport_error, flags));
}

/* Whether a server's clock, as the answer tells it, is another than was thought */
static gboolean
request_learn_time (DimpleS3Request     *self,
                    const DimpleS3Error *answer)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers (self->message);
  const char *date = soup_message_headers_get_one (headers, "Date");
  g_autoptr (GDateTime) time = date != NULL ? soup_date_time_new_from_http_string (date) : NULL;

  if (time == NULL && answer->server_time != NULL)
    time = g_date_time_new_from_iso8601 (answer->server_time, NULL);

  return time != NULL && dimple_s3_client_learn_time (self->client, g_date_time_to_unix (time));
}

/* Whether the answer leads to another region or server.  A temporary one is not remembered: AWS leads so from a new
 * bucket until its name is known everywhere. */
static gboolean
request_learn_address (DimpleS3Request     *self,
                       const DimpleS3Error *answer,
                       gboolean             temporary)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers (self->message);
  const char *region = soup_message_headers_get_one (headers, "x-amz-bucket-region");
  const char *target = soup_message_headers_get_one (headers, "Location");
  g_autoptr (DimpleS3Address) with_region = NULL;
  g_autoptr (DimpleS3Address) elsewhere = NULL;
  DimpleS3Address *learnt;

  if (region == NULL && answer != NULL)
    region = answer->region;
  if (answer != NULL && answer->endpoint != NULL)
    target = answer->endpoint;

  with_region = dimple_s3_address_with_region (self->address, region);
  elsewhere = dimple_s3_address_redirect (with_region != NULL ? with_region : self->address, target);
  /* A stranger who is not S3 may at most ask for TLS */
  if (answer == NULL && elsewhere != NULL && !dimple_s3_address_is_same_server (elsewhere, self->address))
    return FALSE;
  learnt = elsewhere != NULL ? elsewhere : with_region;
  if (learnt == NULL)
    return FALSE;

  g_clear_pointer (&self->redirected, dimple_s3_address_unref);
  if (temporary)
    self->redirected = dimple_s3_address_ref (learnt);
  else
    dimple_s3_client_learn_address (self->client, learnt);
  return TRUE;
}

static gboolean
request_learn (DimpleS3Request     *self,
               const DimpleS3Error *answer)
{
  guint status = soup_message_get_status (self->message);
  const char *code = answer != NULL ? answer->code : NULL;

  if (self->n_lessons++ >= MAX_LESSONS)
    return FALSE;
  if (g_strcmp0 (code, "RequestTimeTooSkewed") == 0)
    return request_learn_time (self, answer);
  if (status == SOUP_STATUS_TEMPORARY_REDIRECT)
    return request_learn_address (self, answer, TRUE);
  if (status == SOUP_STATUS_MOVED_PERMANENTLY || status == SOUP_STATUS_PERMANENT_REDIRECT)
    return request_learn_address (self, answer, FALSE);
  if (g_strcmp0 (code, "AuthorizationHeaderMalformed") == 0 || g_strcmp0 (code, "PermanentRedirect") == 0)
    return request_learn_address (self, answer, FALSE);

  return FALSE;
}

/* An answer that is an error, or `answer` NULL if it is none of S3's */
static void
request_judge_error (DimpleS3Request     *self,
                     const DimpleS3Error *answer)
{
  guint status = soup_message_get_status (self->message);
  const char *code = answer != NULL ? answer->code : NULL;

  if (request_learn (self, answer))
    {
      self->state = DIMPLE_S3_STATE_QUEUE;
      return;
    }
  if (dimple_s3_error_is_transient (status, code) && request_may_try_again (self))
    return;

  self->unsupported = dimple_s3_error_is_unsupported (status, code);
  request_fail (self, dimple_s3_error_to_gerror (self->client, self->address, status, answer, self->key));
}

/* Whatever else answers for S3, such as the login page of a train, has no ETag */
static gboolean
request_is_answered_by_s3 (DimpleS3Request *self)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers (self->message);

  if (self->answer != DIMPLE_S3_ANSWER_OBJECT && self->answer != DIMPLE_S3_ANSWER_STORED)
    return TRUE;

  return soup_message_headers_get_one (headers, "ETag") != NULL;
}

static void
request_judge_answer (DimpleS3Request *self)
{
  g_autoptr (GBytes) body = g_byte_array_free_to_bytes (g_steal_pointer (&self->received));
  g_auto (DimpleS3Error) answer = { NULL };
  gboolean succeeded = dimple_s3_request_succeeded (self);
  gboolean is_error = FALSE;

  /* S3 may begin an answer with 200 before it knows that it fails */
  if (!succeeded || self->answer == DIMPLE_S3_ANSWER_DOCUMENT)
    is_error = dimple_s3_error_parse (body, &answer);

  if (is_error || !succeeded)
    {
      request_judge_error (self, is_error ? &answer : NULL);
    }
  else if (request_is_answered_by_s3 (self))
    {
      self->result = g_steal_pointer (&body);
      self->state = DIMPLE_S3_STATE_DONE;
    }
  else
    {
      request_fail (self, dimple_s3_error_to_gerror (self->client, self->address,
                                                     soup_message_get_status (self->message), NULL, self->key));
    }
}

void
dimple_s3_request_judge (DimpleS3Request *self)
{
  if (self->transport_error != NULL)
    request_judge_transport (self);
  else
    request_judge_answer (self);
}
