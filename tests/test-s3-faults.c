/* test-s3-faults.c: what an S3 storage makes of answers that are wrong
 *
 * A table of answers, each with what is to come of it, and how often the storage may ask.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "s3/fixtures.h"

/* --- Calls --- */

static gboolean
call_list (DimpleStorage  *storage,
           GError        **error)
{
  g_auto (GStrv) keys = dimple_storage_list (storage, NULL, NULL, NULL, error);

  return keys != NULL;
}

static gboolean
call_get (DimpleStorage  *storage,
          GError        **error)
{
  return get_contents (storage, "key", error);
}

static gboolean
call_put (DimpleStorage  *storage,
          GError        **error)
{
  return put_contents (storage, "key", error);
}

static gboolean
call_remove_one (DimpleStorage  *storage,
                 GError        **error)
{
  static const char * const keys[] = { "key", NULL };

  return dimple_storage_remove (storage, keys, NULL, error);
}

static gboolean
call_remove (DimpleStorage  *storage,
             GError        **error)
{
  static const char * const keys[] = { "first", "second", "third", NULL };

  return dimple_storage_remove (storage, keys, NULL, error);
}

/* --- One answer that is wrong --- */

static void
answer_500 (FaultRequest *request)
{
  fault_request_fail (request, 500, "InternalError", NULL);
}

static void
answer_502_html (FaultRequest *request)
{
  fault_request_reply (request, 502, "Content-Type: text/html\r\n", "<html><body>Bad gateway</body></html>");
}

static void
answer_slow_down (FaultRequest *request)
{
  fault_request_fail (request, 503, "SlowDown", NULL);
}

static void
answer_429 (FaultRequest *request)
{
  fault_request_reply (request, 429, "Retry-After: 0\r\n", "");
}

static void
answer_request_timeout (FaultRequest *request)
{
  fault_request_fail (request, 400, "RequestTimeout", NULL);
}

static void
answer_error_in_200 (FaultRequest *request)
{
  fault_request_fail (request, 200, "InternalError", NULL);
}

static void
answer_endless_500 (FaultRequest *request)
{
  fault_request_write (request, "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n");
  while (fault_request_write (request, "10\r\n<Error><Code>abc\r\n"))
    ;
}

static void
reset_at_once (FaultRequest *request)
{
  fault_request_reset (request);
}

static void
close_at_once (FaultRequest *request)
{
  fault_request_close (request);
}

static void
reset_in_headers (FaultRequest *request)
{
  fault_request_write (request, "HTTP/1.1 200 OK\r\nContent-Le");
  fault_request_reset (request);
}

static void
reset_in_body (FaultRequest *request)
{
  fault_request_write (request, "HTTP/1.1 200 OK\r\nETag: \"0\"\r\nContent-Length: 8\r\n\r\ncont");
  g_usleep (10000);
  fault_request_reset (request);
}

static void
close_in_body (FaultRequest *request)
{
  fault_request_write (request, "HTTP/1.1 200 OK\r\nETag: \"0\"\r\nContent-Length: 8\r\n\r\ncont");
  fault_request_close (request);
}

static void
close_in_chunk (FaultRequest *request)
{
  fault_request_write (request, "HTTP/1.1 200 OK\r\nETag: \"0\"\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ncont");
  fault_request_close (request);
}

static void
answer_garbage (FaultRequest *request)
{
  fault_request_write (request, "I am no server of HTTP\r\n\r\n");
  fault_request_close (request);
}

static void
answer_access_denied (FaultRequest *request)
{
  fault_request_fail (request, 403, "AccessDenied", NULL);
}

static void
answer_bare_403 (FaultRequest *request)
{
  fault_request_reply (request, 403, NULL, "");
}

static void
answer_bare_401 (FaultRequest *request)
{
  fault_request_reply (request, 401, "WWW-Authenticate: Basic realm=\"here\"\r\n", "");
}

static void
answer_wrong_access_key (FaultRequest *request)
{
  fault_request_fail (request, 403, "InvalidAccessKeyId", "<AWSAccessKeyId>" ACCESS_KEY "</AWSAccessKeyId>");
}

static void
answer_wrong_secret (FaultRequest *request)
{
  fault_request_fail (request, 403, "SignatureDoesNotMatch", "<SignatureProvided>Signature=abc</SignatureProvided>");
}

static void
answer_expired_token (FaultRequest *request)
{
  fault_request_fail (request, 400, "ExpiredToken", NULL);
}

static void
answer_no_bucket (FaultRequest *request)
{
  fault_request_fail (request, 404, "NoSuchBucket", NULL);
}

static void
answer_no_key (FaultRequest *request)
{
  fault_request_fail (request, 404, "NoSuchKey", NULL);
}

static void
answer_quota (FaultRequest *request)
{
  fault_request_fail (request, 403, "QuotaExceeded", NULL);
}

static void
answer_507 (FaultRequest *request)
{
  fault_request_reply (request, 507, NULL, "");
}

static void
answer_other_error (FaultRequest *request)
{
  fault_request_fail (request, 400, "SomethingNew", NULL);
}

static void
answer_html (FaultRequest *request)
{
  fault_request_reply (request, 200, "Content-Type: text/html\r\n",
                       "<!DOCTYPE html><html><head><title>Log in</title></head><body><br><p>Welcome</body></html>");
}

static void
answer_404_html (FaultRequest *request)
{
  fault_request_reply (request, 404, "Content-Type: text/html\r\n", "<html><body><h1>Not found</h1></body></html>");
}

static void
lead_to_login (FaultRequest *request)
{
  fault_request_reply (request, 302, "Location: http://login.invalid/\r\n", "");
}

static void
lead_to_itself (FaultRequest *request)
{
  g_autofree char *header = g_strdup_printf ("Location: http://%s%s\r\n",
                                             fault_request_get_header (request, "host"), request->target);

  fault_request_reply (request, 307, header, "");
}

static void
lead_to_stranger (FaultRequest *request)
{
  fault_request_reply (request, 307, "Location: http://stranger.invalid/bucket/\r\n", "");
}

static void
answer_truncated_xml (FaultRequest *request)
{
  fault_request_reply (request, 200, NULL,
                       "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents>");
}

static void
answer_nothing (FaultRequest *request)
{
  fault_request_reply (request, 200, NULL, "");
}

static void
answer_endless (FaultRequest *request)
{
  g_autofree char *kilobyte = g_strnfill (1024, 'x');
  g_autofree char *chunk = g_strdup_printf ("400\r\n%s\r\n", kilobyte);

  fault_request_write (request, "HTTP/1.1 200 OK\r\nETag: \"0\"\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "12\r\n<ListBucketResult>\r\n");
  while (fault_request_write (request, chunk))
    ;
}

static void
answer_huge_length (FaultRequest *request)
{
  fault_request_write (request, "HTTP/1.1 200 OK\r\nETag: \"0\"\r\nContent-Length: 999999999999999\r\n\r\n");
  while (fault_request_write (request, "x"))
    ;
}

static void
answer_deep_xml (FaultRequest *request)
{
  GString *body = g_string_new ("<ListBucketResult>");

  for (guint i = 0; i < 100000; i++)
    g_string_append (body, "<a>");
  fault_request_reply (request, 200, NULL, body->str);
  g_string_free (body, TRUE);
}

/* What the storage does about one kind of answer.  `code` -1: it succeeds.  `n_requests`: how often it asks. */
static const struct
{
  const char *name;
  gboolean (*call) (DimpleStorage *storage, GError **error);
  void (*answer) (FaultRequest *request);
  guint n_answers;              /* before the server answers well */
  int code;
  guint n_requests;
  const char *message;          /* a part of it */
} faults[] = {
  { "500-then-well", call_get, answer_500, 1, -1, 2 },
  { "502-then-well", call_get, answer_502_html, 1, -1, 2 },
  { "slow-down-then-well", call_put, answer_slow_down, 4, -1, 5 },
  { "429-then-well", call_list, answer_429, 1, -1, 2 },
  { "request-timeout-then-well", call_put, answer_request_timeout, 1, -1, 2 },
  { "error-in-200-then-well", call_list, answer_error_in_200, 1, -1, 2 },
  { "error-in-200-remove-then-well", call_remove, answer_error_in_200, 1, -1, 2 },
  { "endless-500-then-well", call_get, answer_endless_500, 1, -1, 2 },
  { "500-for-ever", call_get, answer_500, 99, DIMPLE_ERROR_STORAGE, 5, "InternalError: In the words of the server" },
  { "slow-down-for-ever", call_remove_one, answer_slow_down, 99, DIMPLE_ERROR_STORAGE, 5, "SlowDown" },
  { "error-in-200-for-ever", call_list, answer_error_in_200, 99, DIMPLE_ERROR_STORAGE, 5, "InternalError" },

  { "reset-then-well", call_get, reset_at_once, 1, -1, 2 },
  { "reset-put-then-well", call_put, reset_at_once, 1, -1, 2 },
  { "close-then-well", call_put, close_at_once, 1, -1, 2 },
  { "reset-in-headers-then-well", call_get, reset_in_headers, 1, -1, 2 },
  { "reset-in-body-then-well", call_get, reset_in_body, 1, -1, 2 },
  { "close-in-body-then-well", call_get, close_in_body, 1, -1, 2 },
  { "close-in-chunk-then-well", call_get, close_in_chunk, 1, -1, 2 },
  { "garbage-then-well", call_get, answer_garbage, 1, -1, 2 },
  { "reset-for-ever", call_put, reset_at_once, 99, DIMPLE_ERROR_OFFLINE, 5, "cannot be reached" },
  { "reset-in-body-for-ever", call_get, reset_in_body, 99, DIMPLE_ERROR_OFFLINE, 5, "cannot be reached" },
  { "close-in-body-for-ever", call_list, close_in_body, 99, DIMPLE_ERROR_OFFLINE, 5, "cannot be reached" },

  { "access-denied", call_get, answer_access_denied, 99, DIMPLE_ERROR_DENIED, 1, "AccessDenied" },
  { "bare-403", call_put, answer_bare_403, 99, DIMPLE_ERROR_DENIED, 1, "“bucket”" },
  { "bare-401", call_put, answer_bare_401, 99, DIMPLE_ERROR_DENIED, 1, "“bucket”" },
  { "wrong-access-key", call_list, answer_wrong_access_key, 99, DIMPLE_ERROR_DENIED, 1, "Check the access key" },
  { "wrong-secret", call_list, answer_wrong_secret, 99, DIMPLE_ERROR_DENIED, 1, "and the secret key" },
  { "expired-token", call_remove, answer_expired_token, 99, DIMPLE_ERROR_DENIED, 1, "Sign in again" },
  { "no-bucket", call_list, answer_no_bucket, 99, DIMPLE_ERROR_NO_SUCH_STORAGE, 1, "no bucket “bucket”" },
  { "no-bucket-get", call_get, answer_no_bucket, 99, DIMPLE_ERROR_NO_SUCH_STORAGE, 1, "no bucket “bucket”" },
  { "no-key", call_get, answer_no_key, 99, DIMPLE_ERROR_NOT_FOUND, 1, "“key”" },
  { "no-key-remove", call_remove_one, answer_no_key, 99, -1, 1 },
  { "quota", call_put, answer_quota, 99, DIMPLE_ERROR_FULL, 1, "Make room" },
  { "507", call_put, answer_507, 99, DIMPLE_ERROR_FULL, 1, "Make room" },
  { "other-error", call_put, answer_other_error, 99, DIMPLE_ERROR_STORAGE, 1, "SomethingNew: In the words" },

  { "html-list", call_list, answer_html, 99, DIMPLE_ERROR_STORAGE, 1, "login page" },
  { "html-get", call_get, answer_html, 99, DIMPLE_ERROR_STORAGE, 1, "login page" },
  { "html-put", call_put, answer_html, 99, DIMPLE_ERROR_STORAGE, 1, "login page" },
  { "html-remove", call_remove, answer_html, 99, DIMPLE_ERROR_STORAGE, 1, "login page" },
  { "404-html-get", call_get, answer_404_html, 99, DIMPLE_ERROR_STORAGE, 1, "login page" },
  { "302-login", call_get, lead_to_login, 99, DIMPLE_ERROR_STORAGE, 1, "login page" },
  { "307-itself", call_get, lead_to_itself, 99, DIMPLE_ERROR_STORAGE, 1, NULL },
  { "307-stranger", call_put, lead_to_stranger, 99, DIMPLE_ERROR_STORAGE, 1, "login page" },
  { "truncated-xml", call_list, answer_truncated_xml, 99, DIMPLE_ERROR_STORAGE, 1, "not one of S3" },
  { "empty-list", call_list, answer_nothing, 99, DIMPLE_ERROR_STORAGE, 1, "not one of S3" },
  { "deep-xml", call_list, answer_deep_xml, 99, DIMPLE_ERROR_STORAGE, 1, "not one of S3" },
  { "endless-list", call_list, answer_endless, 99, DIMPLE_ERROR_STORAGE, 1, "too long" },
  { "endless-get", call_get, answer_endless, 99, DIMPLE_ERROR_STORAGE, 1, "too long" },
  { "endless-put", call_put, answer_endless, 99, DIMPLE_ERROR_STORAGE, 1, "too long" },
  { "huge-length-get", call_get, answer_huge_length, 99, DIMPLE_ERROR_STORAGE, 1, "too long" },
  { "huge-length-list", call_list, answer_huge_length, 99, DIMPLE_ERROR_STORAGE, 1, "too long" },
};

static void
answer_fault (FaultRequest *request,
              gpointer      user_data)
{
  gsize i = GPOINTER_TO_SIZE (user_data);

  if (request->number < faults[i].n_answers)
    faults[i].answer (request);
  else
    answer_well (request, NULL);
}

static void
test_fault (gconstpointer data)
{
  gsize i = GPOINTER_TO_SIZE (data);
  g_autoptr (FaultServer) server = fault_server_new (answer_fault, GSIZE_TO_POINTER (i));
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GError) error = NULL;
  gboolean succeeded = faults[i].call (storage, &error);

  if (faults[i].code == -1)
    g_assert_no_error (error);
  else
    g_assert_error (error, DIMPLE_ERROR, faults[i].code);
  g_assert_true (succeeded == (faults[i].code == -1));
  g_assert_cmpuint (fault_server_get_n_requests (server), ==, faults[i].n_requests);

  if (error != NULL)
    assert_no_secret (error->message);
  if (faults[i].message != NULL && strstr (error->message, faults[i].message) == NULL)
    g_error ("“%s” is not in “%s”", faults[i].message, error->message);
}

int
main (int   argc,
      char *argv[])
{
  s3_test_init (&argc, &argv);

  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autofree char *path = g_strconcat ("/s3-faults/", faults[i].name, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_fault);
    }

  return g_test_run ();
}
