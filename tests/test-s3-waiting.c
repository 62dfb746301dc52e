/* test-s3-waiting.c: requests that wait: for their turn, until they are cancelled, or for an answer that takes too long
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "s3/fixtures.h"

/* --- Several at once --- */

typedef struct
{
  int n_pending;
  GError *error;
} Calls;

static void
on_put (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  Calls *calls = user_data;

  calls->n_pending--;
  dimple_storage_put_finish (DIMPLE_STORAGE (source), result, calls->error == NULL ? &calls->error : NULL);
}

static void
wait_for (Calls *calls)
{
  while (calls->n_pending > 0)
    g_main_context_iteration (NULL, TRUE);
}

typedef struct
{
  GMutex lock;
  GCond changed;
  guint n_now;
  guint max;
} Crowd;

/* Nobody is answered before eight have come, and then a moment more is given to those who should not come */
static void
answer_crowd (FaultRequest *request,
              gpointer      user_data)
{
  Crowd *crowd = user_data;
  gint64 end = g_get_monotonic_time () + 10 * G_TIME_SPAN_SECOND;

  g_mutex_lock (&crowd->lock);
  crowd->n_now++;
  crowd->max = MAX (crowd->max, crowd->n_now);
  g_cond_broadcast (&crowd->changed);
  while (crowd->max < 8 && g_cond_wait_until (&crowd->changed, &crowd->lock, end))
    ;
  g_mutex_unlock (&crowd->lock);

  g_usleep (2000);
  g_mutex_lock (&crowd->lock);
  crowd->n_now--;
  g_mutex_unlock (&crowd->lock);
  answer_well (request, NULL);
}

static void
test_at_most_eight (void)
{
  Crowd crowd = { .n_now = 0 };
  g_autoptr (FaultServer) server = fault_server_new (answer_crowd, &crowd);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GBytes) contents = g_bytes_new_static ("contents", 8);
  Calls calls = { .n_pending = 100 };

  for (guint i = 0; i < 100; i++)
    dimple_storage_put_async (storage, "key", contents, NULL, on_put, &calls);
  wait_for (&calls);
  g_assert_no_error (calls.error);
  g_assert_cmpuint (crowd.max, ==, 8);
  g_assert_cmpuint (fault_server_get_n_connections (server), ==, 8);
}

/* --- Cancellation, in each state of a request --- */

/* Answers the first request so, and the others well */
static void
hang_at_first (FaultRequest *request,
               gpointer      user_data)
{
  if (request->number > 0)
    answer_well (request, NULL);
  else
    {
      fault_server_wait_for_end (request->server);
      fault_request_close (request);
    }
}

static void
hang_in_body_at_first (FaultRequest *request,
                       gpointer      user_data)
{
  if (request->number > 0)
    answer_well (request, NULL);
  else
    {
      fault_request_write (request, "HTTP/1.1 200 OK\r\nETag: \"0\"\r\nContent-Length: 8\r\n\r\ncont");
      fault_server_wait_for_end (request->server);
      fault_request_close (request);
    }
}

static void
fail_at_first (FaultRequest *request,
               gpointer      user_data)
{
  if (request->number > 0)
    answer_well (request, NULL);
  else
    fault_request_fail (request, 503, "SlowDown", NULL);
}

static gboolean
cancel (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

static void
assert_put_is_cancelled (DimpleStorage *storage,
                         GBytes        *contents,
                         GCancellable  *cancellable)
{
  Calls calls = { .n_pending = 1 };

  dimple_storage_put_async (storage, "key", contents, cancellable, on_put, &calls);
  wait_for (&calls);
  g_assert_error (calls.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&calls.error);
}

static void
test_cancel_hashing (void)
{
  g_autoptr (FaultServer) server = fault_server_new (answer_well, NULL);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GBytes) contents = g_bytes_new_take (g_malloc0 (8 * 1024 * 1024), 8 * 1024 * 1024);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  g_idle_add_full (G_PRIORITY_HIGH, cancel, cancellable, NULL);
  assert_put_is_cancelled (storage, contents, cancellable);
  g_assert_cmpuint (fault_server_get_n_requests (server), ==, 0);
  assert_works (storage);
}

typedef struct
{
  FaultHandler answer;
  guint retry_delay;
} CancelCase;

/* Long after the request has come to the state in question */
static const CancelCase cancel_cases[] = {
  { hang_at_first, 0 },
  { hang_in_body_at_first, 0 },
  { fail_at_first, 10000000 },
};

static void
test_cancel_under_way (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cancel_cases); i++)
    {
      g_autoptr (FaultServer) server = fault_server_new (cancel_cases[i].answer, NULL);
      g_autoptr (DimpleStorage) storage = make_storage (server);
      g_autoptr (GBytes) contents = g_bytes_new_static ("contents", 8);
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();

      if (cancel_cases[i].retry_delay > 0)
        dimple_s3_storage_set_retry_delay (DIMPLE_S3_STORAGE (storage), cancel_cases[i].retry_delay);
      g_timeout_add (100, cancel, cancellable);
      assert_put_is_cancelled (storage, contents, cancellable);
      g_assert_cmpuint (fault_server_get_n_requests (server), ==, 1);
      assert_works (storage);
    }
}

static void
hang_first_eight (FaultRequest *request,
                  gpointer      user_data)
{
  if (request->number >= 8)
    answer_well (request, NULL);
  else
    {
      fault_server_wait_for_end (request->server);
      fault_request_close (request);
    }
}

static void
test_cancel_queued (void)
{
  g_autoptr (FaultServer) server = fault_server_new (hang_first_eight, NULL);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GBytes) contents = g_bytes_new_static ("contents", 8);
  g_autoptr (GCancellable) hanging = g_cancellable_new ();
  g_autoptr (GCancellable) queued = g_cancellable_new ();
  Calls calls = { .n_pending = 8 };

  for (guint i = 0; i < 8; i++)
    dimple_storage_put_async (storage, "key", contents, hanging, on_put, &calls);
  while (fault_server_get_n_requests (server) < 8)
    g_main_context_iteration (NULL, FALSE);

  g_timeout_add (50, cancel, queued);
  assert_put_is_cancelled (storage, contents, queued);
  g_assert_cmpint (calls.n_pending, ==, 8);
  g_assert_cmpuint (fault_server_get_n_requests (server), ==, 8);

  g_cancellable_cancel (hanging);
  wait_for (&calls);
  g_assert_error (calls.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&calls.error);
  assert_works (storage);
}

/* --- Time --- */

static void
drip_at_first (FaultRequest *request,
               gpointer      user_data)
{
  if (request->number > 0)
    {
      answer_well (request, NULL);
      return;
    }

  fault_request_write (request, "HTTP/1.1 200 OK\r\nETag: \"0\"\r\nContent-Length: 1000000\r\n\r\n");
  while (fault_request_write (request, "x"))
    g_usleep (20000);
}

static void
hang (FaultRequest *request,
      gpointer      user_data)
{
  fault_server_wait_for_end (request->server);
  fault_request_close (request);
}

static void
test_time_out (void)
{
  static const FaultHandler handlers[] = { hang_at_first, hang_in_body_at_first, drip_at_first };

  for (gsize i = 0; i < G_N_ELEMENTS (handlers); i++)
    {
      g_autoptr (FaultServer) server = fault_server_new (handlers[i], NULL);
      g_autoptr (DimpleStorage) storage = make_storage (server);

      g_object_set (storage, "timeout", 1, NULL);
      assert_works (storage);
      g_assert_cmpuint (fault_server_get_n_requests (server), ==, 2);
    }
}

static void
test_time_out_for_ever (void)
{
  g_autoptr (FaultServer) server = fault_server_new (hang, NULL);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GError) error = NULL;

  g_object_set (storage, "timeout", 1, NULL);
  g_assert_false (get_contents (storage, "key", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE);
  g_assert_cmpuint (fault_server_get_n_requests (server), ==, 5);
}

/* Slow is not stuck: this takes longer than the time-out */
static void
answer_slowly (FaultRequest *request,
               gpointer      user_data)
{
  g_autofree char *kilobyte = g_strnfill (1024, 'x');

  fault_request_write (request, "HTTP/1.1 200 OK\r\nETag: \"0\"\r\nContent-Length: 25600\r\n\r\n");
  for (guint i = 0; i < 25; i++)
    {
      fault_request_write (request, kilobyte);
      g_usleep (100000);
    }
}

static void
test_slow_answer (void)
{
  g_autoptr (FaultServer) server = fault_server_new (answer_slowly, NULL);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) contents = NULL;

  g_object_set (storage, "timeout", 1, NULL);
  contents = dimple_storage_get (storage, "key", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (contents), ==, 25600);
  g_assert_cmpuint (fault_server_get_n_requests (server), ==, 1);
}

int
main (int   argc,
      char *argv[])
{
  s3_test_init (&argc, &argv);

  g_test_add_func ("/s3-waiting/at-most-eight", test_at_most_eight);
  g_test_add_func ("/s3-waiting/cancel-hashing", test_cancel_hashing);
  g_test_add_func ("/s3-waiting/cancel-under-way", test_cancel_under_way);
  g_test_add_func ("/s3-waiting/cancel-queued", test_cancel_queued);
  g_test_add_func ("/s3-waiting/time-out", test_time_out);
  g_test_add_func ("/s3-waiting/time-out-for-ever", test_time_out_for_ever);
  g_test_add_func ("/s3-waiting/slow-answer", test_slow_answer);

  return g_test_run ();
}
