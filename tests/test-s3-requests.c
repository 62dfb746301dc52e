/* test-s3-requests.c: what an S3 storage asks for, and how it puts many keys into few requests
 *
 * The servers are our own (s3/fault-server.h), and look at what they are asked.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "s3/fixtures.h"

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
                       "<Error><Key>base/locked</Key><Code>AccessDenied</Code>"
                       "<Message>Locked for a year</Message></Error>"
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

int
main (int   argc,
      char *argv[])
{
  s3_test_init (&argc, &argv);

  g_test_add_func ("/s3-requests/put-request", test_put_request);
  g_test_add_func ("/s3-requests/list-request", test_list_request);
  g_test_add_func ("/s3-requests/pages", test_pages);
  g_test_add_func ("/s3-requests/pages-without-start-after", test_pages_without_start_after);
  g_test_add_func ("/s3-requests/pages-without-end", test_pages_without_end);
  g_test_add_func ("/s3-requests/remove-batches", test_remove_batches);
  g_test_add_func ("/s3-requests/remove-without-batches", test_remove_without_batches);
  g_test_add_func ("/s3-requests/remove-partly", test_remove_partly);
  g_test_add_func ("/s3-requests/remove-singly-partly", test_remove_singly_partly);

  return g_test_run ();
}
