/* test-s3.c: what an S3 storage learns, limits and keeps to itself
 *
 * Most servers here are our own (s3/fault-server.h) and look at what they are asked; where tests/s3/start-s3 has started
 * real ones, those are asked too.  Single answers that are wrong are in test-s3-faults.c, and what a storage promises when
 * all is well is in test-storage.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "s3/fixtures.h"

#include "dimple-aws-signature-private.h"

static gboolean
is_signed_for (FaultRequest *request,
               const char   *region)
{
  g_autofree char *scope = g_strdup_printf ("/%s/s3/aws4_request,", region);

  return strstr (fault_request_get_header (request, "authorization"), scope) != NULL;
}

/* --- What a request is like --- */

static void
check_put (FaultRequest *request,
           gpointer      user_data)
{
  g_autofree char *hash = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, request->body);

  g_assert_cmpstr (request->method, ==, "PUT");
  g_assert_cmpstr (request->target, ==, "/bucket/notes/a%20b%2B%25/%C3%A9");
  g_assert_cmpstr (fault_request_get_header (request, "content-length"), ==, "8");
  g_assert_cmpstr (fault_request_get_header (request, "x-amz-content-sha256"), ==, hash);
  g_assert_null (fault_request_get_header (request, "transfer-encoding"));
  g_assert_null (fault_request_get_header (request, "expect"));
  g_assert_null (fault_request_get_header (request, "x-amz-sdk-checksum-algorithm"));
  g_assert_null (fault_request_get_header (request, "accept-encoding"));
  g_assert_cmpstr (fault_request_get_header (request, "x-amz-security-token"), ==, TOKEN);
  g_assert_nonnull (strstr (fault_request_get_header (request, "authorization"),
                            "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token"));
  answer_well (request, NULL);
}

static void
test_put_request (void)
{
  g_autoptr (FaultServer) server = fault_server_new (check_put, NULL);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GError) error = NULL;

  g_object_set (storage, "prefix", "notes/", "session-token", TOKEN, NULL);
  put_contents (storage, "a b+%/\xc3\xa9", &error);
  g_assert_no_error (error);
}

static void
check_list (FaultRequest *request,
            gpointer      user_data)
{
  g_assert_cmpstr (request->target, ==, "/bucket?encoding-type=url&list-type=2&max-keys=1000&prefix=base%2Fch%26"
                   "&start-after=base%2Fch%26%2Fa%20b");
  fault_request_reply (request, 200, NULL,
                       "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                       "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
                       "<Contents><Key>base/ch%26/a+b</Key></Contents>"
                       "<Contents><Key>base/ch%26/a+b%2B</Key><Size>1</Size></Contents>"
                       "<Contents><Key>base/ch%26/%C3%A9</Key><Owner><ID>x</ID></Owner></Contents>"
                       "<Contents><Key>base/ch%26/%ff</Key></Contents>"
                       "<Contents><Key>elsewhere</Key></Contents>"
                       "</ListBucketResult>");
}

static void
test_list_request (void)
{
  g_autoptr (FaultServer) server = fault_server_new (check_list, NULL);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) keys = NULL;

  g_object_set (storage, "prefix", "base/", NULL);
  keys = dimple_storage_list (storage, "ch&", "ch&/a b", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (keys), ==, 2);
  g_assert_cmpstr (keys[0], ==, "ch&/a b+");
  g_assert_cmpstr (keys[1], ==, "ch&/\xc3\xa9");
}

static void
check_style (FaultRequest *request,
             gpointer      user_data)
{
  const char *expected_host = user_data;

  g_assert_true (g_str_has_prefix (fault_request_get_header (request, "host"), expected_host));
  g_assert_cmpstr (request->target, ==, g_str_equal (expected_host, "localhost:") ? "/bucket/key" : "/key");
  answer_well (request, NULL);
}

static void
test_styles (void)
{
  static char * const hosts[] = { "localhost:", "bucket.localhost:" };

  for (gsize i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      g_autoptr (FaultServer) server = fault_server_new (check_style, hosts[i]);
      g_autofree char *endpoint = g_strdup_printf ("http://LocalHost:%u/", fault_server_get_port (server));
      g_autoptr (DimpleStorage) storage = make_storage_for (endpoint);
      gboolean path_style;

      g_object_get (storage, "path-style", &path_style, NULL);
      g_assert_true (path_style);
      if (i == 1)
        g_object_set (storage, "path-style", FALSE, NULL);
      assert_works (storage);
    }
}

/* --- What is learnt --- */

/* The second server of a redirect */
typedef struct
{
  FaultServer *other;
  guint status;
  gboolean in_body;             /* <Endpoint>, without a Location */
} Redirect;

static void
redirect (FaultRequest *request,
          gpointer      user_data)
{
  Redirect *self = user_data;
  g_autofree char *endpoint = g_strdup_printf ("<Endpoint>127.0.0.1:%u</Endpoint>", fault_server_get_port (self->other));
  g_autofree char *location = g_strdup_printf ("Location: http://127.0.0.1:%u%s\r\n",
                                               fault_server_get_port (self->other), request->target);

  if (self->in_body)
    fault_request_fail (request, self->status, "PermanentRedirect", endpoint);
  else
    fault_request_reply (request, self->status, location, "<Error><Code>TemporaryRedirect</Code></Error>");
}

static void
test_redirects (void)
{
  static const struct
  {
    guint status;
    gboolean in_body;
    guint n_first;              /* requests to the first server, of two */
  } redirects[] = {
    { 307, FALSE, 2 },
    { 301, TRUE, 1 },
    { 301, FALSE, 1 },
    { 308, FALSE, 1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (redirects); i++)
    {
      g_autoptr (FaultServer) second = fault_server_new (answer_well, NULL);
      Redirect data = { second, redirects[i].status, redirects[i].in_body };
      g_autoptr (FaultServer) first = fault_server_new (redirect, &data);
      g_autoptr (DimpleStorage) storage = make_storage (first);
      g_autoptr (GError) error = NULL;

      put_contents (storage, "key", &error);
      g_assert_no_error (error);
      assert_works (storage);
      g_assert_cmpuint (fault_server_get_n_requests (first), ==, redirects[i].n_first);
      g_assert_cmpuint (fault_server_get_n_requests (second), ==, 2);
    }
}

/* How a server tells its region */
typedef enum
{
  REGION_IN_BODY,
  REGION_IN_HEADER,
  REGION_IN_301
} RegionSource;

static void
want_region (FaultRequest *request,
             gpointer      user_data)
{
  static const char header[] = "x-amz-bucket-region: eu-north-7\r\n";

  if (is_signed_for (request, "eu-north-7"))
    answer_well (request, NULL);
  else if (GPOINTER_TO_INT (user_data) == REGION_IN_BODY)
    fault_request_fail (request, 400, "AuthorizationHeaderMalformed", "<Region>eu-north-7</Region>");
  else if (GPOINTER_TO_INT (user_data) == REGION_IN_HEADER)
    fault_request_reply (request, 400, header, "<Error><Code>AuthorizationHeaderMalformed</Code></Error>");
  else
    fault_request_reply (request, 301, header, "<Error><Code>PermanentRedirect</Code></Error>");
}

static void
test_region (void)
{
  for (RegionSource source = REGION_IN_BODY; source <= REGION_IN_301; source++)
    {
      g_autoptr (FaultServer) server = fault_server_new (want_region, GINT_TO_POINTER (source));
      g_autoptr (DimpleStorage) storage = make_storage (server);

      assert_works (storage);
      g_assert_cmpuint (fault_server_get_n_requests (server), ==, 2);
      assert_works (storage);
      g_assert_cmpuint (fault_server_get_n_requests (server), ==, 3);

      /* What is known needs no lesson */
      g_object_set (storage, "region", "eu-north-7", NULL);
      assert_works (storage);
      g_assert_cmpuint (fault_server_get_n_requests (server), ==, 4);
    }
}

static void
change_region (FaultRequest *request,
               gpointer      user_data)
{
  g_autofree char *region = g_strdup_printf ("<Region>region-%u</Region>", request->number);

  fault_request_fail (request, 400, "AuthorizationHeaderMalformed", region);
}

static void
test_region_that_changes (void)
{
  g_autoptr (FaultServer) server = fault_server_new (change_region, NULL);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GError) error = NULL;

  g_assert_false (get_contents (storage, "key", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
  g_assert_cmpuint (fault_server_get_n_requests (server), <=, 5);
}

/* How a server's clock goes */
typedef struct
{
  int offset;                   /* seconds */
  gboolean stubborn;            /* it is never content */
} Clock;

static void
check_time (FaultRequest *request,
            gpointer      user_data)
{
  const Clock *clock = user_data;
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autoptr (GDateTime) time = g_date_time_add_seconds (now, clock->offset);
  g_autofree char *date = g_date_time_format (time, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n");
  g_autofree char *sent = g_strdup (fault_request_get_header (request, "x-amz-date"));
  g_autoptr (GDateTime) sent_time = g_date_time_new_from_iso8601 (sent, NULL);
  GTimeSpan difference = g_date_time_difference (time, sent_time);

  g_assert_nonnull (sent_time);
  if (!clock->stubborn && ABS (difference) < 60 * G_TIME_SPAN_SECOND)
    answer_well (request, NULL);
  else
    fault_request_reply (request, 403, date, "<Error><Code>RequestTimeTooSkewed</Code></Error>");
}

static void
test_clock (void)
{
  static Clock clocks[] = { { 20 * 60 }, { -20 * 60 }, { 400 * 24 * 3600 } };

  for (gsize i = 0; i < G_N_ELEMENTS (clocks); i++)
    {
      g_autoptr (FaultServer) server = fault_server_new (check_time, &clocks[i]);
      g_autoptr (DimpleStorage) storage = make_storage (server);
      g_autoptr (GError) error = NULL;

      put_contents (storage, "key", &error);
      g_assert_no_error (error);
      g_assert_cmpuint (fault_server_get_n_requests (server), ==, 2);
      assert_works (storage);
      g_assert_cmpuint (fault_server_get_n_requests (server), ==, 3);
    }
}

static void
test_clock_in_vain (void)
{
  Clock clock = { 20 * 60, TRUE };
  g_autoptr (FaultServer) server = fault_server_new (check_time, &clock);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GError) error = NULL;

  g_assert_false (put_contents (storage, "key", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_DENIED);
  g_assert_nonnull (strstr (error->message, "clock"));
  g_assert_cmpuint (fault_server_get_n_requests (server), ==, 2);
}

/* --- Lists --- */

/* A bucket with the keys 00000 to N - 1 */
typedef struct
{
  guint n_keys;
  gboolean ignores_start_after;
  gboolean hides_token;
  gboolean repeats_token;
} Bucket;

static void
answer_list (FaultRequest *request,
             gpointer      user_data)
{
  const Bucket *bucket = user_data;
  g_autofree char *start_after = fault_request_dup_parameter (request, "start-after");
  g_autofree char *token = fault_request_dup_parameter (request, "continuation-token");
  GString *body = g_string_new ("<ListBucketResult>");
  guint first = 0;
  guint end;

  if (token != NULL)
    first = g_ascii_strtoull (token, NULL, 10);
  else if (start_after != NULL && !bucket->ignores_start_after)
    first = g_ascii_strtoull (start_after, NULL, 10) + 1;
  if (bucket->repeats_token)
    first = 0;
  end = MIN (first + 1000, bucket->n_keys);

  for (guint i = first; i < end; i++)
    g_string_append_printf (body, "<Contents><Key>%05u</Key><Size>%u</Size></Contents>", i, i);
  g_string_append_printf (body, "<IsTruncated>%s</IsTruncated>", end < bucket->n_keys ? "true" : "false");
  if (!bucket->hides_token)
    g_string_append_printf (body, "<NextContinuationToken>%u</NextContinuationToken>", end);
  g_string_append (body, "</ListBucketResult>");

  fault_request_reply (request, 200, NULL, body->str);
  g_string_free (body, TRUE);
}

static guint
list_all (DimpleStorage  *storage,
          GError        **error)
{
  g_autofree char *last = NULL;
  guint n_keys = 0;

  while (TRUE)
    {
      g_auto (GStrv) keys = dimple_storage_list (storage, NULL, last, NULL, error);

      if (keys == NULL || keys[0] == NULL)
        return n_keys;
      for (gsize i = 0; keys[i] != NULL; i++, n_keys++)
        g_assert_cmpuint (g_ascii_strtoull (keys[i], NULL, 10), ==, n_keys);
      g_free (last);
      last = g_strdup_printf ("%05u", n_keys - 1);
    }
}

static void
test_pages (void)
{
  Bucket bucket = { .n_keys = 5000 };
  g_autoptr (FaultServer) server = fault_server_new (answer_list, &bucket);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (list_all (storage, &error), ==, 5000);
  g_assert_no_error (error);
  /* One of them finds that there is nothing more */
  g_assert_cmpuint (fault_server_get_n_requests (server), ==, 6);
}

static void
test_pages_without_start_after (void)
{
  Bucket bucket = { .n_keys = 3000, .ignores_start_after = TRUE };
  g_autoptr (FaultServer) server = fault_server_new (answer_list, &bucket);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (list_all (storage, &error), ==, 3000);
  g_assert_no_error (error);
}

static void
test_pages_without_end (void)
{
  static const Bucket buckets[] = {
    { .n_keys = 3000, .ignores_start_after = TRUE, .hides_token = TRUE },
    { .n_keys = 3000, .ignores_start_after = TRUE, .repeats_token = TRUE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (buckets); i++)
    {
      Bucket bucket = buckets[i];
      g_autoptr (FaultServer) server = fault_server_new (answer_list, &bucket);
      g_autoptr (DimpleStorage) storage = make_storage (server);
      g_autoptr (GError) error = NULL;

      g_assert_cmpuint (list_all (storage, &error), ==, 1000);
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
      g_assert_cmpuint (fault_server_get_n_requests (server), <=, 3);
    }
}

/* --- Removing --- */

static char **
make_keys (guint n_keys)
{
  char **keys = g_new0 (char *, n_keys + 1);

  for (guint i = 0; i < n_keys; i++)
    keys[i] = g_strdup_printf ("folder/<%04u> & “so”", i);
  return keys;
}

/* How many keys a batch has; fails if it is not as S3 wants it */
static guint
check_batch (FaultRequest *request)
{
  g_autofree char *hash = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, request->body);
  g_autoptr (GChecksum) md5 = g_checksum_new (G_CHECKSUM_MD5);
  g_autofree char *encoded_md5 = NULL;
  g_autofree char *body = g_strndup (g_bytes_get_data (request->body, NULL), g_bytes_get_size (request->body));
  g_auto (GStrv) parts = g_strsplit (body, "<Object><Key>folder/&lt;", -1);
  guint8 digest[16];
  gsize size = sizeof digest;

  g_assert_cmpstr (request->target, ==, "/bucket?delete=");
  g_assert_cmpstr (fault_request_get_header (request, "x-amz-content-sha256"), ==, hash);
  g_checksum_update (md5, g_bytes_get_data (request->body, NULL), g_bytes_get_size (request->body));
  g_checksum_get_digest (md5, digest, &size);
  encoded_md5 = g_base64_encode (digest, size);
  g_assert_cmpstr (fault_request_get_header (request, "content-md5"), ==, encoded_md5);

  return g_strv_length (parts) - 1;
}

static void
count_removed (FaultRequest *request,
               gpointer      user_data)
{
  int *n_removed = user_data;

  g_atomic_int_add (n_removed, g_str_equal (request->method, "POST") ? check_batch (request) : 1);
  answer_well (request, NULL);
}

static void
test_remove_batches (void)
{
  int n_removed = 0;
  g_autoptr (FaultServer) server = fault_server_new (count_removed, &n_removed);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_auto (GStrv) keys = make_keys (2501);
  g_autoptr (GError) error = NULL;

  dimple_storage_remove (storage, (const char * const *) keys, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (n_removed, ==, 2501);
  g_assert_cmpuint (fault_server_get_n_requests (server), ==, 3);
}

/* A server without DeleteObjects, and how it says so */
typedef struct
{
  guint status;
  const char *code;
  int n_removed;
  int n_batches;
} PlainServer;

static void
remove_singly (FaultRequest *request,
               gpointer      user_data)
{
  PlainServer *self = user_data;

  if (g_str_equal (request->method, "POST"))
    {
      g_atomic_int_inc (&self->n_batches);
      fault_request_fail (request, self->status, self->code, NULL);
    }
  else
    {
      g_assert_cmpstr (request->method, ==, "DELETE");
      g_atomic_int_inc (&self->n_removed);
      answer_well (request, NULL);
    }
}

static void
test_remove_without_batches (void)
{
  static const PlainServer servers[] = {
    { 501, "NotImplemented" },
    { 405, "MethodNotAllowed" },
    { 400, "MalformedXML" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (servers); i++)
    {
      PlainServer data = servers[i];
      g_autoptr (FaultServer) server = fault_server_new (remove_singly, &data);
      g_autoptr (DimpleStorage) storage = make_storage (server);
      g_auto (GStrv) keys = make_keys (50);
      g_autoptr (GError) error = NULL;

      dimple_storage_remove (storage, (const char * const *) keys, NULL, &error);
      g_assert_no_error (error);
      dimple_storage_remove (storage, (const char * const *) keys, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (data.n_removed, ==, 100);
      g_assert_cmpint (data.n_batches, ==, 1);
    }
}

static void
fail_partly (FaultRequest *request,
             gpointer      user_data)
{
  fault_request_reply (request, 200, NULL, "<DeleteResult>"
                       "<Error><Key>base/gone</Key><Code>NoSuchKey</Code><Message>m</Message></Error>"
                       "<Error><Key>base/locked</Key><Code>AccessDenied</Code><Message>Locked for a year</Message></Error>"
                       "<Error><Key>base/later</Key><Code>InternalError</Code><Message>m</Message></Error>"
                       "</DeleteResult>");
}

static void
test_remove_partly (void)
{
  static const char * const keys[] = { "gone", "locked", "later", "well", NULL };
  g_autoptr (FaultServer) server = fault_server_new (fail_partly, NULL);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GError) error = NULL;

  g_object_set (storage, "prefix", "base/", NULL);
  g_assert_false (dimple_storage_remove (storage, keys, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_DENIED);
  g_assert_nonnull (strstr (error->message, "“locked”"));
  g_assert_nonnull (strstr (error->message, "Locked for a year"));
}

static void
refuse_one (FaultRequest *request,
            gpointer      user_data)
{
  if (g_str_equal (request->method, "POST"))
    fault_request_fail (request, 501, "NotImplemented", NULL);
  else if (request->number == 10)
    fault_request_fail (request, 403, "AccessDenied", NULL);
  else
    answer_well (request, NULL);
}

static void
test_remove_singly_partly (void)
{
  g_autoptr (FaultServer) server = fault_server_new (refuse_one, NULL);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_auto (GStrv) keys = make_keys (500);
  g_autoptr (GError) error = NULL;

  g_assert_false (dimple_storage_remove (storage, (const char * const *) keys, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_DENIED);
  g_assert_cmpuint (fault_server_get_n_requests (server), <, 50);
}

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

static void
test_keep_alive (void)
{
  g_autoptr (FaultServer) server = fault_server_new (answer_well, NULL);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  static const char * const key[] = { "key", NULL };
  static const char * const keys[] = { "a", "b", NULL };
  g_autoptr (GError) error = NULL;

  /* Blocking calls have a main context each, and yet share connections */
  for (guint i = 0; i < 10; i++)
    {
      g_auto (GStrv) listed = dimple_storage_list (storage, NULL, NULL, NULL, &error);

      g_assert_no_error (error);
      put_contents (storage, "key", &error);
      g_assert_no_error (error);
      assert_works (storage);
      dimple_storage_remove (storage, key, NULL, &error);
      g_assert_no_error (error);
      dimple_storage_remove (storage, keys, NULL, &error);
      g_assert_no_error (error);
    }
  g_assert_cmpuint (fault_server_get_n_requests (server), ==, 50);
  g_assert_cmpuint (fault_server_get_n_connections (server), ==, 1);
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

/* --- Addresses, proxies and TLS --- */

static void
assert_call_fails (DimpleStorage *storage,
                   int            code,
                   const char    *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (get_contents (storage, "key", &error));
  g_assert_error (error, DIMPLE_ERROR, code);
  assert_no_secret (error->message);
  if (strstr (error->message, message) == NULL)
    g_error ("“%s” is not in “%s”", message, error->message);
}

static void
test_nobody_there (void)
{
  g_autoptr (FaultServer) server = fault_server_new (answer_well, NULL);
  g_autofree char *closed = g_strdup_printf ("http://127.0.0.1:%u", fault_server_get_port (server));
  g_autoptr (DimpleStorage) nowhere = make_storage_for ("https://dimple.invalid");
  g_autoptr (DimpleStorage) refused = make_storage_for (closed);

  g_clear_pointer (&server, fault_server_free);
  assert_call_fails (nowhere, DIMPLE_ERROR_OFFLINE, "dimple.invalid cannot be found");
  assert_call_fails (refused, DIMPLE_ERROR_OFFLINE, "127.0.0.1 cannot be reached");
}

static void
test_nonsense (void)
{
  static const char * const endpoints[] = { "ftp://example.org", "http://", "https://a b", "http://u:p@host", "?", "https://h/?q" };
  static const char * const buckets[] = { "", "a/b", "a?b", "a#b" };

  for (gsize i = 0; i < G_N_ELEMENTS (endpoints); i++)
    {
      g_autoptr (DimpleStorage) storage = make_storage_for (endpoints[i]);
      g_autofree char *description = dimple_storage_dup_description (storage);

      assert_call_fails (storage, DIMPLE_ERROR_NO_SUCH_STORAGE, "https://s3.example.org");
      g_assert_cmpstr (description, ==, "Bucket bucket");
    }
  for (gsize i = 0; i < G_N_ELEMENTS (buckets); i++)
    {
      g_autoptr (DimpleStorage) storage = make_storage_for ("http://127.0.0.1:1");

      g_object_set (storage, "bucket", buckets[i], NULL);
      assert_call_fails (storage, DIMPLE_ERROR_NO_SUCH_STORAGE, "cannot be the name of a bucket");
    }
}

static void
check_proxied (FaultRequest *request,
               gpointer      user_data)
{
  g_assert_cmpstr (request->target, ==, "http://s3.dimple.invalid/bucket/key");
  g_assert_cmpstr (fault_request_get_header (request, "host"), ==, "s3.dimple.invalid");
  answer_well (request, NULL);
}

static void
test_proxy (void)
{
  g_autoptr (FaultServer) proxy = fault_server_new (check_proxied, NULL);
  g_autofree char *uri = g_strdup_printf ("http://127.0.0.1:%u", fault_server_get_port (proxy));
  g_autoptr (GProxyResolver) resolver = g_simple_proxy_resolver_new (uri, NULL);
  g_autoptr (DimpleStorage) storage = make_storage_for ("http://s3.dimple.invalid");

  g_object_set (storage, "proxy-resolver", resolver, NULL);
  assert_works (storage);
  g_assert_cmpuint (fault_server_get_n_requests (proxy), ==, 1);
}

static void
test_tls (void)
{
  g_autofree char *certificate_path = g_test_build_filename (G_TEST_DIST, "s3", "localhost.pem", NULL);
  g_autofree char *authority_path = g_test_build_filename (G_TEST_DIST, "s3", "authority.pem", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GTlsCertificate) certificate = g_tls_certificate_new_from_file (certificate_path, &error);
  g_autoptr (GTlsDatabase) authority = g_tls_file_database_new (authority_path, &error);
  g_autoptr (FaultServer) server = fault_server_new_with_tls (answer_well, NULL, certificate);
  g_autofree char *endpoint = g_strdup_printf ("https://localhost:%u", fault_server_get_port (server));
  g_autofree char *other_name = g_strdup_printf ("https://127.0.0.1:%u", fault_server_get_port (server));
  g_autoptr (DimpleStorage) storage = make_storage_for (endpoint);

  g_assert_no_error (error);
  assert_call_fails (storage, DIMPLE_ERROR_STORAGE, "nobody who is trusted");

  g_object_set (storage, "tls-database", authority, NULL);
  assert_works (storage);
  assert_works (storage);
  g_assert_cmpuint (fault_server_get_n_requests (server), ==, 2);

  g_object_set (storage, "endpoint", other_name, NULL);
  assert_call_fails (storage, DIMPLE_ERROR_STORAGE, "for another server");
}

/* --- Secrets --- */

static void
repeat_secrets (FaultRequest *request,
                gpointer      user_data)
{
  g_autofree char *body = g_strdup_printf ("<Error><Code>Odd</Code><Message>I know %s\nand %s, %s</Message></Error>",
                                           SECRET_KEY, TOKEN, fault_request_get_header (request, "authorization"));

  fault_request_reply (request, 400, NULL, body);
}

static GString *logged;

static GLogWriterOutput
keep_log (GLogLevelFlags   level,
          const GLogField *fields,
          gsize            n_fields,
          gpointer         user_data)
{
  g_autofree char *text = g_log_writer_format_fields (level, fields, n_fields, FALSE);

  g_string_append_printf (logged, "%s\n", text);
  return G_LOG_WRITER_HANDLED;
}

static void
test_secrets_in_a_process (void)
{
  g_autoptr (FaultServer) server = fault_server_new (repeat_secrets, NULL);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GError) error = NULL;
  g_autofree char *description = dimple_storage_dup_description (storage);

  logged = g_string_new (NULL);
  g_log_set_writer_func (keep_log, NULL, NULL);
  g_setenv ("DIMPLE_DEBUG", "s3", TRUE);
  g_object_set (storage, "session-token", TOKEN, NULL);

  g_assert_false (get_contents (storage, "folder/a b", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
  g_assert_nonnull (strstr (error->message, "Odd: I know"));
  assert_no_secret (error->message);
  assert_no_secret (description);

  assert_no_secret (logged->str);
  g_assert_nonnull (strstr (logged->str, "s3: GET /bucket/folder/a%20b: 400, "));
}

static void
test_secrets (void)
{
  if (g_test_subprocess ())
    {
      test_secrets_in_a_process ();
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

static void
test_properties (void)
{
  g_autoptr (DimpleStorage) storage = make_storage_for ("http://localhost:9000");
  g_autofree char *access_key = NULL;
  g_autofree char *bucket = NULL;
  guint timeout;
  guint n_properties;
  g_autofree GParamSpec **properties = g_object_class_list_properties (G_OBJECT_GET_CLASS (storage), &n_properties);

  g_object_get (storage, "access-key", &access_key, "bucket", &bucket, "timeout", &timeout, NULL);
  g_assert_cmpstr (access_key, ==, ACCESS_KEY);
  g_assert_cmpstr (bucket, ==, "bucket");
  g_assert_cmpuint (timeout, ==, 30);

  for (guint i = 0; i < n_properties; i++)
    {
      gboolean is_secret = g_str_equal (properties[i]->name, "secret-key") ||
                           g_str_equal (properties[i]->name, "session-token");

      g_assert_true (properties[i]->flags & G_PARAM_WRITABLE);
      g_assert_true (is_secret == ((properties[i]->flags & G_PARAM_READABLE) == 0));
    }
}

/* --- Real servers --- */

typedef struct
{
  const char *name;
  const char *property;         /* what is wrong about the storage */
  const char *value;
  int code;
} RealFault;

static const RealFault real_faults[] = {
  { "wrong-secret", "secret-key", "wrong/secret+key", DIMPLE_ERROR_DENIED },
  { "wrong-access-key", "access-key", "nobody:here", DIMPLE_ERROR_DENIED },
  { "no-bucket", "bucket", "no-such-bucket", DIMPLE_ERROR_NO_SUCH_STORAGE },
};

static const char *
get_variable (const char *flavor,
              const char *name)
{
  g_autofree char *variable = g_strconcat ("DIMPLE_TEST_", flavor, "_", name, NULL);

  return g_getenv (variable);
}

static void
assert_real_fault (const char      *flavor,
                   const RealFault *fault)
{
  g_autoptr (DimpleStorage) storage = NULL;
  g_autoptr (GError) get_error = NULL;
  g_autoptr (GError) put_error = NULL;
  g_autoptr (GError) list_error = NULL;
  g_auto (GStrv) keys = NULL;

  storage = dimple_s3_storage_new (get_variable (flavor, "ENDPOINT"), NULL, get_variable (flavor, "BUCKET"),
                                   get_variable (flavor, "ACCESS_KEY"), get_variable (flavor, "SECRET_KEY"));
  g_object_set (storage, fault->property, fault->value, NULL);

  g_assert_false (get_contents (storage, "key", &get_error));
  g_assert_error (get_error, DIMPLE_ERROR, fault->code);
  g_assert_false (put_contents (storage, "key", &put_error));
  g_assert_error (put_error, DIMPLE_ERROR, fault->code);
  keys = dimple_storage_list (storage, NULL, NULL, NULL, &list_error);
  g_assert_error (list_error, DIMPLE_ERROR, fault->code);

  assert_no_secret (get_error->message);
  g_assert_null (strstr (get_error->message, "wrong/secret+key"));
  g_test_message ("%s: %s: %s", flavor, fault->name, get_error->message);
}

static void
test_real_faults (gconstpointer data)
{
  const RealFault *fault = data;
  static const char * const flavors[] = { "S3", "SWIFT" };
  guint n_servers = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (flavors); i++)
    if (get_variable (flavors[i], "ENDPOINT") != NULL)
      {
        assert_real_fault (flavors[i], fault);
        n_servers++;
      }

  if (n_servers == 0)
    g_test_skip ("no server: see tests/s3/start-s3");
}

static void
test_real_region (void)
{
  g_autoptr (DimpleStorage) storage = NULL;
  g_autoptr (GError) error = NULL;

  if (get_variable ("SWIFT", "ENDPOINT") == NULL)
    {
      g_test_skip ("no server that checks the region: see tests/s3/start-s3");
      return;
    }

  storage = dimple_s3_storage_new (get_variable ("SWIFT", "ENDPOINT"), "eu-wrong-1", get_variable ("SWIFT", "BUCKET"),
                                   get_variable ("SWIFT", "ACCESS_KEY"), get_variable ("SWIFT", "SECRET_KEY"));
  dimple_storage_check (storage, NULL, &error);
  g_assert_no_error (error);
}

static void
test_real_server_without_tls (void)
{
  g_autofree char *endpoint = NULL;
  g_autoptr (DimpleStorage) storage = NULL;

  if (get_variable ("S3", "ENDPOINT") == NULL)
    {
      g_test_skip ("no server: see tests/s3/start-s3");
      return;
    }

  endpoint = g_strconcat ("https://", get_variable ("S3", "ENDPOINT") + strlen ("http://"), NULL);
  storage = make_storage_for (endpoint);
  assert_call_fails (storage, DIMPLE_ERROR_STORAGE, "no secure connection");
}

int
main (int   argc,
      char *argv[])
{
  /* The desktop's own needs schemas, which no test finds */
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/s3/put-request", test_put_request);
  g_test_add_func ("/s3/list-request", test_list_request);
  g_test_add_func ("/s3/styles", test_styles);
  g_test_add_func ("/s3/redirects", test_redirects);
  g_test_add_func ("/s3/region", test_region);
  g_test_add_func ("/s3/region-that-changes", test_region_that_changes);
  g_test_add_func ("/s3/clock", test_clock);
  g_test_add_func ("/s3/clock-in-vain", test_clock_in_vain);
  g_test_add_func ("/s3/pages", test_pages);
  g_test_add_func ("/s3/pages-without-start-after", test_pages_without_start_after);
  g_test_add_func ("/s3/pages-without-end", test_pages_without_end);
  g_test_add_func ("/s3/remove-batches", test_remove_batches);
  g_test_add_func ("/s3/remove-without-batches", test_remove_without_batches);
  g_test_add_func ("/s3/remove-partly", test_remove_partly);
  g_test_add_func ("/s3/remove-singly-partly", test_remove_singly_partly);
  g_test_add_func ("/s3/at-most-eight", test_at_most_eight);
  g_test_add_func ("/s3/keep-alive", test_keep_alive);
  g_test_add_func ("/s3/cancel-hashing", test_cancel_hashing);
  g_test_add_func ("/s3/cancel-under-way", test_cancel_under_way);
  g_test_add_func ("/s3/cancel-queued", test_cancel_queued);
  g_test_add_func ("/s3/time-out", test_time_out);
  g_test_add_func ("/s3/time-out-for-ever", test_time_out_for_ever);
  g_test_add_func ("/s3/slow-answer", test_slow_answer);
  g_test_add_func ("/s3/nobody-there", test_nobody_there);
  g_test_add_func ("/s3/nonsense", test_nonsense);
  g_test_add_func ("/s3/proxy", test_proxy);
  g_test_add_func ("/s3/tls", test_tls);
  g_test_add_func ("/s3/secrets", test_secrets);
  g_test_add_func ("/s3/properties", test_properties);
  for (gsize i = 0; i < G_N_ELEMENTS (real_faults); i++)
    {
      g_autofree char *path = g_strconcat ("/s3/real/", real_faults[i].name, NULL);

      g_test_add_data_func (path, &real_faults[i], test_real_faults);
    }
  g_test_add_func ("/s3/real/region", test_real_region);
  g_test_add_func ("/s3/real/without-tls", test_real_server_without_tls);

  return g_test_run ();
}
