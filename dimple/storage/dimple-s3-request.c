/* dimple-s3-request.c: one request to S3, with all it takes to get an answer
 *
 * A request is an item with a state, and request_advance() is the only one that goes from state to state:
 *
 *   HASH -> QUEUE -> SEND -> READ -> CLOSE -> JUDGE -> DONE
 *             ^                                |  |
 *             |  <--- learnt ------------------+  +-> BACK_OFF
 *             +------------------------------------------+
 *
 * Each state has a function, which does its work and sets the next state.  It returns TRUE to go on at once, or FALSE
 * if a callback will.  While a callback is awaited it holds a reference on the task, which owns the item; so an item
 * lives until its last callback, and there is never more than one on the way.
 *
 * Cancellation ends each state early, and request_judge() turns it into the result.  What an answer means is in
 * dimple-s3-judge.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-s3-request-state-private.h"

#include <glib/gi18n-lib.h>

#include "dimple-aws-signature-private.h"
#include "dimple-debug-private.h"
#include "dimple-error.h"

/* What is larger is hashed on another thread */
#define HASH_AT_ONCE (32 * 1024)

#define CHUNK_SIZE         (64 * 1024)
#define MAX_ERROR_SIZE     (64 * 1024)
#define MAX_DOCUMENT_SIZE  (8 * 1024 * 1024)
/* Without a length, an object may go on for ever: packs are of about a MiB */
#define MAX_UNSIZED_OBJECT (64 * 1024 * 1024)
#define MAX_OBJECT_SIZE    (1024 * 1024 * 1024)

/* Who moves fewer bytes in the time of a time-out drips rather than sends */
#define MIN_PROGRESS 1024

static void request_advance (DimpleS3Request *self);

static GCancellable *
get_cancellable (DimpleS3Request *self)
{
  return g_task_get_cancellable (self->task);
}

/* Ends what belongs to one attempt.  The connection is kept for the next one if the answer was read to its end. */
static void
request_clear_attempt (DimpleS3Request *self)
{
  if (self->watchdog != NULL)
    g_source_destroy (self->watchdog);
  g_clear_pointer (&self->watchdog, g_source_unref);

  if (self->cancelled_id != 0)
    g_cancellable_disconnect (get_cancellable (self), self->cancelled_id);
  self->cancelled_id = 0;

  g_clear_object (&self->stream);
  if (self->message != NULL)
    g_signal_handlers_disconnect_by_data (self->message, self);
  g_clear_object (&self->message);
  g_clear_object (&self->attempt);
  g_clear_pointer (&self->received, g_byte_array_unref);
  g_clear_pointer (&self->address, dimple_s3_address_unref);
  g_clear_error (&self->transport_error);
  self->moved = 0;
  self->stalled = FALSE;
}

static void
request_free (gpointer data)
{
  DimpleS3Request *self = data;

  g_clear_object (&self->client);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_free (self->method);
  g_free (self->key);
  g_free (self->query);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_free (self->content_type);
  g_free (self->md5);
  g_free (self->payload_hash);
  g_clear_pointer (&self->redirected, dimple_s3_address_unref);
  g_clear_pointer (&self->result, g_bytes_unref);
  g_clear_error (&self->error);
  g_free (self);
}

/* The state HASH */

static void
hash_in_thread (GTask        *task,
                gpointer      source,
                gpointer      task_data,
                GCancellable *cancellable)
{
  g_task_return_pointer (task, g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, task_data), g_free);
}

static void
on_hashed (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  DimpleS3Request *self = g_task_get_task_data (task);

  self->payload_hash = g_task_propagate_pointer (G_TASK (result), NULL);
  self->state = DIMPLE_S3_STATE_QUEUE;
  request_advance (self);
}

static gboolean
request_hash (DimpleS3Request *self)
{
  g_autoptr (GTask) hashing = NULL;

  if (self->body == NULL || g_bytes_get_size (self->body) <= HASH_AT_ONCE)
    {
      self->payload_hash = self->body == NULL ? g_strdup (DIMPLE_AWS_HASH_OF_NOTHING)
                                              : g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, self->body);
      self->state = DIMPLE_S3_STATE_QUEUE;
      return TRUE;
    }

  hashing = g_task_new (NULL, NULL, on_hashed, g_object_ref (self->task));
  g_task_set_source_tag (hashing, request_hash);
  g_task_set_task_data (hashing, g_bytes_ref (self->body), (GDestroyNotify) g_bytes_unref);
  g_task_run_in_thread (hashing, hash_in_thread);
  return FALSE;
}

/* Waiting: a source that is made ready by a time, by another thread, or by cancellation */

static gboolean
dispatch_wait (GSource     *source,
               GSourceFunc  callback,
               gpointer     user_data)
{
  return callback (user_data);
}

static gboolean
on_cancellable_ready (GCancellable *cancellable,
                      gpointer      user_data)
{
  /* The source that waits is dispatched along with this one */
  return G_SOURCE_CONTINUE;
}

static gboolean
on_wait_over (gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  DimpleS3Request *self = g_task_get_task_data (task);
  gboolean has_place = self->state == DIMPLE_S3_STATE_QUEUE && dimple_s3_lane_stop_waiting (self->lane, self->wait);

  g_clear_pointer (&self->wait, g_source_unref);
  /* Cancelled or rested: the queue looks which */
  self->state = has_place ? DIMPLE_S3_STATE_SEND : DIMPLE_S3_STATE_QUEUE;
  request_advance (self);

  return G_SOURCE_REMOVE;
}

/* `ready_time` as g_source_set_ready_time() has it */
static void
request_wait (DimpleS3Request *self,
              gint64   ready_time)
{
  static GSourceFuncs funcs = { NULL, NULL, dispatch_wait, NULL };

  self->wait = g_source_new (&funcs, sizeof (GSource));
  g_source_set_static_name (self->wait, "DimpleS3Request");
  g_source_set_ready_time (self->wait, ready_time);
  g_source_set_callback (self->wait, on_wait_over, g_object_ref (self->task), g_object_unref);
  if (get_cancellable (self) != NULL)
    {
      g_autoptr (GSource) cancelled = g_cancellable_source_new (get_cancellable (self));

      g_source_set_callback (cancelled, G_SOURCE_FUNC (on_cancellable_ready), NULL, NULL);
      g_source_add_child_source (self->wait, cancelled);
    }
  g_source_attach (self->wait, self->context);
}

/* The state QUEUE */

static gboolean
request_queue (DimpleS3Request *self)
{
  if (g_cancellable_set_error_if_cancelled (get_cancellable (self), &self->error))
    {
      self->state = DIMPLE_S3_STATE_DONE;
      return TRUE;
    }

  request_wait (self, -1);
  if (!dimple_s3_lane_enter (self->lane, self->wait))
    return FALSE;

  g_source_destroy (self->wait);
  g_clear_pointer (&self->wait, g_source_unref);
  self->state = DIMPLE_S3_STATE_SEND;
  return TRUE;
}

/* The state SEND */

static void
on_cancelled (GCancellable *cancellable,
              gpointer      user_data)
{
  g_cancellable_cancel (user_data);
}

static gboolean
on_watchdog (gpointer user_data)
{
  DimpleS3Request *self = user_data;

  if (self->moved >= MIN_PROGRESS)
    {
      self->moved = 0;
      return G_SOURCE_CONTINUE;
    }

  self->stalled = TRUE;
  g_cancellable_cancel (self->attempt);
  return G_SOURCE_REMOVE;
}

/* A socket's own time-out is content with a byte now and then */
static void
request_watch_progress (DimpleS3Request *self)
{
  guint timeout = dimple_s3_client_get_timeout (self->client);

  if (timeout == 0)
    return;

  self->watchdog = g_timeout_source_new_seconds (timeout);
  g_source_set_callback (self->watchdog, on_watchdog, self, NULL);
  g_source_attach (self->watchdog, self->context);
}

static void
on_wrote_body_data (SoupMessage *message,
                    guint        size,
                    gpointer     user_data)
{
  DimpleS3Request *self = user_data;

  self->moved += size;
}

static void
on_sent (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  DimpleS3Request *self = g_task_get_task_data (task);

  self->stream = soup_session_send_finish (SOUP_SESSION (source), result, &self->transport_error);
  self->state = self->stream != NULL ? DIMPLE_S3_STATE_READ : DIMPLE_S3_STATE_JUDGE;
  request_advance (self);
}

static gboolean
request_send (DimpleS3Request *self)
{
  g_autoptr (GUri) uri = NULL;
  SoupMessageHeaders *headers;

  self->address = self->redirected != NULL ? dimple_s3_address_ref (self->redirected)
                                           : dimple_s3_client_dup_address (self->client);
  uri = dimple_s3_address_build_uri (self->address, self->key, self->query);
  self->message = soup_message_new_from_uri (self->method, uri);
  /* All that we ask may be asked twice, DeleteObjects too; libsoup would give that a connection of its own */
  soup_message_set_flags (self->message, SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_IDEMPOTENT);
  headers = soup_message_get_request_headers (self->message);
  if (self->body != NULL)
    soup_message_set_request_body_from_bytes (self->message, self->content_type, self->body);
  if (self->md5 != NULL)
    soup_message_headers_replace (headers, "Content-MD5", self->md5);
  dimple_s3_client_sign (self->client, self->message, self->address, self->payload_hash);
  g_signal_connect (self->message, "wrote-body-data", G_CALLBACK (on_wrote_body_data), self);

  self->start_time = g_get_monotonic_time ();
  self->attempt = g_cancellable_new ();
  if (get_cancellable (self) != NULL)
    self->cancelled_id = g_cancellable_connect (get_cancellable (self), G_CALLBACK (on_cancelled),
                                                g_object_ref (self->attempt), g_object_unref);
  request_watch_progress (self);
  soup_session_send_async (dimple_s3_lane_get_session (self->lane), self->message, G_PRIORITY_DEFAULT,
                           self->attempt, on_sent, g_object_ref (self->task));
  return FALSE;
}

/* The state READ */

gboolean
dimple_s3_request_succeeded (DimpleS3Request *self)
{
  return SOUP_STATUS_IS_SUCCESSFUL (soup_message_get_status (self->message));
}

/* The size from the headers; -1 if they don't tell */
static goffset
request_get_announced_size (DimpleS3Request *self)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers (self->message);

  if (soup_message_headers_get_encoding (headers) != SOUP_ENCODING_CONTENT_LENGTH)
    return -1;

  return soup_message_headers_get_content_length (headers);
}

static goffset
request_get_max_size (DimpleS3Request *self)
{
  if (!dimple_s3_request_succeeded (self))
    return MAX_ERROR_SIZE;
  if (self->answer != DIMPLE_S3_ANSWER_OBJECT)
    return MAX_DOCUMENT_SIZE;

  return request_get_announced_size (self) >= 0 ? MAX_OBJECT_SIZE : MAX_UNSIZED_OBJECT;
}

/* Of an error, the beginning will do, or nothing at all */
static void
request_refuse_size (DimpleS3Request *self)
{
  g_byte_array_set_size (self->received, 0);
  if (dimple_s3_request_succeeded (self))
    g_set_error (&self->transport_error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                 _("The answer of the server %s is too long to be true. Check its address."),
                 dimple_s3_address_get_server (self->address));
  self->state = DIMPLE_S3_STATE_CLOSE;
}

static void
on_read (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  DimpleS3Request *self = g_task_get_task_data (task);
  gssize size = g_input_stream_read_finish (G_INPUT_STREAM (source), result, &self->transport_error);

  g_byte_array_set_size (self->received, self->received->len - CHUNK_SIZE + MAX (size, 0));
  self->moved += MAX (size, 0);

  if (size <= 0)
    self->state = DIMPLE_S3_STATE_CLOSE;
  else if (self->received->len > request_get_max_size (self))
    request_refuse_size (self);
  request_advance (self);
}

static gboolean
request_read (DimpleS3Request *self)
{
  guint8 *chunk;

  if (self->received == NULL)
    self->received = g_byte_array_new ();
  if (request_get_announced_size (self) > request_get_max_size (self))
    {
      request_refuse_size (self);
      return TRUE;
    }

  g_byte_array_set_size (self->received, self->received->len + CHUNK_SIZE);
  chunk = self->received->data + self->received->len - CHUNK_SIZE;
  g_input_stream_read_async (self->stream, chunk, CHUNK_SIZE, G_PRIORITY_DEFAULT, self->attempt,
                             on_read, g_object_ref (self->task));
  return FALSE;
}

/* DIMPLE_S3_STATE_CLOSE: only then the connection is free for the next request */

static void
on_closed (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  DimpleS3Request *self = g_task_get_task_data (task);

  /* What was to be known has been read */
  g_input_stream_close_finish (G_INPUT_STREAM (source), result, NULL);
  self->state = DIMPLE_S3_STATE_JUDGE;
  request_advance (self);
}

static gboolean
request_close (DimpleS3Request *self)
{
  g_input_stream_close_async (self->stream, G_PRIORITY_DEFAULT, self->attempt, on_closed, g_object_ref (self->task));
  return FALSE;
}

/* The state JUDGE */

static void
request_log (DimpleS3Request *self)
{
  g_autoptr (GUri) uri = NULL;
  gint64 duration = (g_get_monotonic_time () - self->start_time) / 1000;
  gsize size = self->received != NULL ? self->received->len : 0;

  if (!dimple_debug_is_on (DIMPLE_DEBUG_S3))
    return;

  uri = dimple_s3_address_build_uri (self->address, self->key, NULL);
  if (self->body != NULL)
    size += g_bytes_get_size (self->body);
  dimple_debug_print (DIMPLE_DEBUG_S3, "%s %s: %u, %" G_GINT64_FORMAT " ms, %" G_GSIZE_FORMAT " bytes", self->method,
                      g_uri_get_path (uri), soup_message_get_status (self->message), duration, size);
}

static gboolean
request_judge (DimpleS3Request *self)
{
  dimple_s3_lane_leave (self->lane);
  request_log (self);

  if (g_cancellable_set_error_if_cancelled (get_cancellable (self), &self->error))
    self->state = DIMPLE_S3_STATE_DONE;
  else
    dimple_s3_request_judge (self);

  request_clear_attempt (self);
  return TRUE;
}

/* The state BACK_OFF */

/* Full jitter, so that many devices that failed together don't come back together:
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
static gboolean
request_back_off (DimpleS3Request *self)
{
  guint longest = MIN (dimple_s3_client_get_retry_delay (self->client) << (self->n_tries - 1), DIMPLE_S3_MAX_BACK_OFF);
  gint64 delay = MAX (g_random_double_range (0, longest), self->retry_after * 1000.0);

  request_wait (self, g_get_monotonic_time () + delay * 1000);
  return FALSE;
}

/* The state DONE */

static gboolean
request_finish (DimpleS3Request *self)
{
  dimple_s3_lanes_give_back (dimple_s3_client_get_lanes (self->client), g_steal_pointer (&self->lane));
  if (self->error != NULL)
    g_task_return_error (self->task, g_steal_pointer (&self->error));
  else
    g_task_return_pointer (self->task, g_steal_pointer (&self->result), (GDestroyNotify) g_bytes_unref);

  return FALSE;
}

static void
request_advance (DimpleS3Request *self)
{
  gboolean ready = TRUE;

  while (ready)
    {
      switch (self->state)
        {
        case DIMPLE_S3_STATE_HASH:
          ready = request_hash (self);
          break;

        case DIMPLE_S3_STATE_QUEUE:
          ready = request_queue (self);
          break;

        case DIMPLE_S3_STATE_SEND:
          ready = request_send (self);
          break;

        case DIMPLE_S3_STATE_READ:
          ready = request_read (self);
          break;

        case DIMPLE_S3_STATE_CLOSE:
          ready = request_close (self);
          break;

        case DIMPLE_S3_STATE_JUDGE:
          ready = request_judge (self);
          break;

        case DIMPLE_S3_STATE_BACK_OFF:
          ready = request_back_off (self);
          break;

        case DIMPLE_S3_STATE_DONE:
          ready = request_finish (self);
          break;

        default:
          g_assert_not_reached ();
        }
    }
}

static char *
compute_md5 (GBytes *bytes)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_MD5);
  guint8 digest[16];
  gsize size = sizeof digest;

  g_checksum_update (checksum, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_checksum_get_digest (checksum, digest, &size);
  return g_base64_encode (digest, size);
}

void
dimple_s3_request_send_async (DimpleS3Client      *client,
                              const DimpleS3Call  *call,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (client, cancellable, callback, user_data);
  DimpleS3Request *self = g_new0 (DimpleS3Request, 1);

  g_task_set_source_tag (task, dimple_s3_request_send_async);
  g_task_set_task_data (task, self, request_free);
  /* Whether it was cancelled is judged here */
  g_task_set_check_cancellable (task, FALSE);

  self->state = DIMPLE_S3_STATE_HASH;
  self->task = task;
  self->client = g_object_ref (client);
  self->context = g_main_context_ref_thread_default ();
  self->lane = dimple_s3_lanes_take (dimple_s3_client_get_lanes (client), self->context);
  self->method = g_strdup (call->method);
  self->key = g_strdup (call->key);
  self->query = call->parameters != NULL ? dimple_aws_canonical_query (call->parameters) : NULL;
  self->body = call->body != NULL ? g_bytes_ref (call->body) : NULL;
  self->content_type = g_strdup (call->content_type);
  self->md5 = call->with_md5 ? compute_md5 (call->body) : NULL;
  self->answer = call->answer;

  request_advance (self);
}

GBytes *
dimple_s3_request_send_finish (DimpleS3Client  *client,
                               GAsyncResult    *result,
                               GError         **error)
{
  g_return_val_if_fail (g_task_is_valid (result, client), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, dimple_s3_request_send_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

gboolean
dimple_s3_request_is_unsupported (GAsyncResult *result)
{
  DimpleS3Request *self = g_task_get_task_data (G_TASK (result));

  return self->unsupported;
}
