/* test-aws-signature.c: Signature V4 against the examples that AWS has published
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, “Examples: Signature Calculations”.
 * tests/s3/check-signatures compares many more with what AWS's own Python library signs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include <glib.h>

#include "dimple-aws-signature-private.h"

#define TIME "20130524T000000Z"
#define HOST "examplebucket.s3.amazonaws.com"

static const DimpleAwsCredentials credentials = {
  .access_key = "AKIAIOSFODNN7EXAMPLE",
  .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  .region = "us-east-1",
  .service = "s3",
};

static void
assert_authorization (const DimpleAwsRequest *request,
                      const char             *signed_headers,
                      const char             *signature)
{
  g_autofree char *authorization = dimple_aws_authorize (request, &credentials, TIME);
  g_autofree char *expected = NULL;

  expected = g_strdup_printf ("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                              "SignedHeaders=%s, Signature=%s", signed_headers, signature);
  g_assert_cmpstr (authorization, ==, expected);
}

static void
test_get_object (void)
{
  static const char * const headers[] = {
    "host", HOST,
    "range", "bytes=0-9",
    "x-amz-content-sha256", DIMPLE_AWS_HASH_OF_NOTHING,
    "x-amz-date", TIME,
    NULL,
  };
  const DimpleAwsRequest request = { "GET", "/test.txt", "", headers, DIMPLE_AWS_HASH_OF_NOTHING };
  g_autofree char *canonical = dimple_aws_canonical_request (&request);
  g_autofree char *to_sign = dimple_aws_string_to_sign (&request, &credentials, TIME);

  g_assert_cmpstr (canonical, ==,
                   "GET\n"
                   "/test.txt\n"
                   "\n"
                   "host:" HOST "\n"
                   "range:bytes=0-9\n"
                   "x-amz-content-sha256:" DIMPLE_AWS_HASH_OF_NOTHING "\n"
                   "x-amz-date:" TIME "\n"
                   "\n"
                   "host;range;x-amz-content-sha256;x-amz-date\n"
                   DIMPLE_AWS_HASH_OF_NOTHING);
  g_assert_cmpstr (to_sign, ==,
                   "AWS4-HMAC-SHA256\n"
                   TIME "\n"
                   "20130524/us-east-1/s3/aws4_request\n"
                   "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
  assert_authorization (&request, "host;range;x-amz-content-sha256;x-amz-date",
                        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void
test_put_object (void)
{
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, "Welcome to Amazon S3.", -1);
  g_autofree char *path = dimple_aws_uri_encode ("/test$file.text", TRUE);
  const char * const headers[] = {
    "x-amz-storage-class", "REDUCED_REDUNDANCY",
    "x-amz-date", TIME,
    "x-amz-content-sha256", hash,
    "host", HOST,
    "date", "  Fri, 24  May 2013 00:00:00 GMT ",
    NULL,
  };
  const DimpleAwsRequest request = { "PUT", path, "", headers, hash };

  g_assert_cmpstr (path, ==, "/test%24file.text");
  assert_authorization (&request, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static const char * const plain_headers[] = {
  "host", HOST,
  "x-amz-content-sha256", DIMPLE_AWS_HASH_OF_NOTHING,
  "x-amz-date", TIME,
  NULL,
};

static void
test_query_without_value (void)
{
  static const char * const parameters[] = { "lifecycle", "", NULL };
  g_autofree char *query = dimple_aws_canonical_query (parameters);
  const DimpleAwsRequest request = { "GET", "/", query, plain_headers, DIMPLE_AWS_HASH_OF_NOTHING };

  g_assert_cmpstr (query, ==, "lifecycle=");
  assert_authorization (&request, "host;x-amz-content-sha256;x-amz-date",
                        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

static void
test_list_objects (void)
{
  static const char * const parameters[] = { "prefix", "J", "max-keys", "2", NULL };
  g_autofree char *query = dimple_aws_canonical_query (parameters);
  const DimpleAwsRequest request = { "GET", "/", query, plain_headers, DIMPLE_AWS_HASH_OF_NOTHING };

  g_assert_cmpstr (query, ==, "max-keys=2&prefix=J");
  assert_authorization (&request, "host;x-amz-content-sha256;x-amz-date",
                        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void
test_encoding (void)
{
  static const char all_kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  g_autofree char *kept = dimple_aws_uri_encode (all_kept, FALSE);
  g_autofree char *path = dimple_aws_uri_encode ("a b/c+d/%41/\xc3\xa9//.", TRUE);
  g_autofree char *value = dimple_aws_uri_encode ("a/b=c&d", FALSE);

  g_assert_cmpstr (kept, ==, all_kept);
  g_assert_cmpstr (path, ==, "a%20b/c%2Bd/%2541/%C3%A9//.");
  g_assert_cmpstr (value, ==, "a%2Fb%3Dc%26d");
}

static void
test_query_order (void)
{
  static const char * const parameters[] = {
    "b", "1", "a-c", "2", "a", "z", "a", "b", "A", "3", "a.", "4", "a0", "5", "\xc3\xa9", "6", NULL,
  };
  g_autofree char *query = dimple_aws_canonical_query (parameters);
  static const char * const none[] = { NULL };
  g_autofree char *nothing = dimple_aws_canonical_query (none);

  g_assert_cmpstr (query, ==, "%C3%A9=6&A=3&a=b&a=z&a-c=2&a.=4&a0=5&b=1");
  g_assert_cmpstr (nothing, ==, "");
}

static void
test_time (void)
{
  char text[DIMPLE_AWS_TIME_SIZE];

  dimple_aws_format_time (1369353600, text);
  g_assert_cmpstr (text, ==, TIME);
  dimple_aws_format_time (0, text);
  g_assert_cmpstr (text, ==, "19700101T000000Z");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/aws-signature/get-object", test_get_object);
  g_test_add_func ("/aws-signature/put-object", test_put_object);
  g_test_add_func ("/aws-signature/query-without-value", test_query_without_value);
  g_test_add_func ("/aws-signature/list-objects", test_list_objects);
  g_test_add_func ("/aws-signature/encoding", test_encoding);
  g_test_add_func ("/aws-signature/query-order", test_query_order);
  g_test_add_func ("/aws-signature/time", test_time);

  return g_test_run ();
}
