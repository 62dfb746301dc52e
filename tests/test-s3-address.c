/* test-s3-address.c: where a bucket is, before and after a lesson
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <dimple.h>

#include "dimple-s3-address-private.h"

static DimpleS3Address *
make_address (const char    *endpoint,
              const char    *region,
              const char    *bucket,
              DimpleS3Style  style)
{
  g_autoptr (GError) error = NULL;
  DimpleS3Address *address = dimple_s3_address_new (endpoint, region, bucket, style, &error);

  g_assert_no_error (error);
  return address;
}

static void
assert_uri (DimpleS3Address *address,
            const char      *key,
            const char      *query,
            const char      *expected)
{
  g_autoptr (GUri) uri = dimple_s3_address_build_uri (address, key, query);
  g_autofree char *text = g_uri_to_string (uri);

  g_assert_cmpstr (text, ==, expected);
}

static const struct
{
  const char *endpoint;
  const char *region;
  const char *bucket;
  DimpleS3Style style;
  const char *uri;              /* of “k” */
  const char *host;
  const char *signed_region;
} addresses[] = {
  { NULL, NULL, "notes", DIMPLE_S3_STYLE_AUTOMATIC, "https://notes.s3.amazonaws.com/k", "notes.s3.amazonaws.com",
    "us-east-1" },
  { NULL, "eu-west-1", "notes", DIMPLE_S3_STYLE_AUTOMATIC,
    "https://notes.s3.eu-west-1.amazonaws.com/k", "notes.s3.eu-west-1.amazonaws.com", "eu-west-1" },
  { NULL, "cn-north-1", "notes", DIMPLE_S3_STYLE_AUTOMATIC,
    "https://notes.s3.cn-north-1.amazonaws.com.cn/k", "notes.s3.cn-north-1.amazonaws.com.cn", "cn-north-1" },
  { NULL, "eu-west-1", "a.b", DIMPLE_S3_STYLE_AUTOMATIC,
    "https://s3.eu-west-1.amazonaws.com/a.b/k", "s3.eu-west-1.amazonaws.com", "eu-west-1" },
  { NULL, "eu-west-1", "notes", DIMPLE_S3_STYLE_PATH,
    "https://s3.eu-west-1.amazonaws.com/notes/k", "s3.eu-west-1.amazonaws.com", "eu-west-1" },
  { "", "", "notes", DIMPLE_S3_STYLE_AUTOMATIC, "https://notes.s3.amazonaws.com/k", "notes.s3.amazonaws.com",
    "us-east-1" },
  { "http://localhost:9000", NULL, "notes", DIMPLE_S3_STYLE_AUTOMATIC,
    "http://localhost:9000/notes/k", "localhost:9000", "us-east-1" },
  { "http://localhost:9000", NULL, "notes", DIMPLE_S3_STYLE_HOST,
    "http://notes.localhost:9000/k", "notes.localhost:9000", "us-east-1" },
  { "s3.example.org", NULL, "notes", DIMPLE_S3_STYLE_AUTOMATIC,
    "https://s3.example.org/notes/k", "s3.example.org", "us-east-1" },
  { "https://S3.Example.ORG:443/", NULL, "notes", DIMPLE_S3_STYLE_AUTOMATIC,
    "https://s3.example.org/notes/k", "s3.example.org", "us-east-1" },
  { "http://s3.example.org:443", NULL, "notes", DIMPLE_S3_STYLE_AUTOMATIC,
    "http://s3.example.org:443/notes/k", "s3.example.org:443", "us-east-1" },
  { "https://example.org/deep/s3//", NULL, "notes", DIMPLE_S3_STYLE_AUTOMATIC,
    "https://example.org/deep/s3/notes/k", "example.org", "us-east-1" },
  { "http://[::1]:7480", NULL, "notes", DIMPLE_S3_STYLE_AUTOMATIC,
    "http://[::1]:7480/notes/k", "[::1]:7480", "us-east-1" },
  { "https://b\xc3\xbc" "cher.example", NULL, "notes", DIMPLE_S3_STYLE_AUTOMATIC,
    "https://xn--bcher-kva.example/notes/k", "xn--bcher-kva.example", "us-east-1" },
  { "https://s3.fr-par.scw.cloud", NULL, "notes", DIMPLE_S3_STYLE_AUTOMATIC,
    "https://s3.fr-par.scw.cloud/notes/k", "s3.fr-par.scw.cloud", "fr-par" },
  { "https://s3-eu-west-1.amazonaws.com", NULL, "notes", DIMPLE_S3_STYLE_AUTOMATIC,
    "https://s3-eu-west-1.amazonaws.com/notes/k", "s3-eu-west-1.amazonaws.com", "eu-west-1" },
  { "https://s3.fr-par.scw.cloud", "nl-ams", "notes", DIMPLE_S3_STYLE_AUTOMATIC,
    "https://s3.fr-par.scw.cloud/notes/k", "s3.fr-par.scw.cloud", "nl-ams" },
  { "http://h", NULL, "with space", DIMPLE_S3_STYLE_PATH, "http://h/with%20space/k", "h", "us-east-1" },
};

static void
test_addresses (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (addresses); i++)
    {
      g_autoptr (DimpleS3Address) address = make_address (addresses[i].endpoint, addresses[i].region,
                                                          addresses[i].bucket, addresses[i].style);
      g_autofree char *host = dimple_s3_address_dup_host (address);

      assert_uri (address, "k", NULL, addresses[i].uri);
      g_assert_cmpstr (host, ==, addresses[i].host);
      g_assert_cmpstr (dimple_s3_address_get_region (address), ==, addresses[i].signed_region);
    }
}

static void
test_keys (void)
{
  g_autoptr (DimpleS3Address) by_path = make_address ("http://h", NULL, "b", DIMPLE_S3_STYLE_PATH);
  g_autoptr (DimpleS3Address) by_host = make_address ("http://h", NULL, "b", DIMPLE_S3_STYLE_HOST);

  assert_uri (by_path, NULL, "list-type=2", "http://h/b?list-type=2");
  assert_uri (by_host, NULL, "list-type=2", "http://b.h/?list-type=2");
  assert_uri (by_path, "a//b/../c/./d e%+?#", NULL, "http://h/b/a//b/../c/./d%20e%25%2B%3F%23");
  assert_uri (by_host, "/a", "", "http://b.h//a");
}

static void
test_invalid (void)
{
  static const struct
  {
    const char *endpoint;
    const char *region;
    const char *bucket;
    DimpleS3Style style;
  } invalid[] = {
    { "http://h", NULL, NULL, DIMPLE_S3_STYLE_AUTOMATIC },
    { "http://h", NULL, "", DIMPLE_S3_STYLE_AUTOMATIC },
    { "http://h", NULL, "a/b", DIMPLE_S3_STYLE_AUTOMATIC },
    { "http://h", NULL, ".", DIMPLE_S3_STYLE_AUTOMATIC },
    { "http://h", NULL, "..", DIMPLE_S3_STYLE_PATH },
    { "http://h", NULL, "a b", DIMPLE_S3_STYLE_HOST },
    { "http://h", "eu west", "b", DIMPLE_S3_STYLE_AUTOMATIC },
    { NULL, "evil.example/", "b", DIMPLE_S3_STYLE_AUTOMATIC },
    { "ftp://h", NULL, "b", DIMPLE_S3_STYLE_AUTOMATIC },
    { "http://u:p@h", NULL, "b", DIMPLE_S3_STYLE_AUTOMATIC },
    { "http://h?q", NULL, "b", DIMPLE_S3_STYLE_AUTOMATIC },
    { "http://h#f", NULL, "b", DIMPLE_S3_STYLE_AUTOMATIC },
    { "http://h:99999", NULL, "b", DIMPLE_S3_STYLE_AUTOMATIC },
    { "http://", NULL, "b", DIMPLE_S3_STYLE_AUTOMATIC },
    { "http://a b", NULL, "b", DIMPLE_S3_STYLE_AUTOMATIC },
    { "http://a\r\nb", NULL, "b", DIMPLE_S3_STYLE_AUTOMATIC },
    { "http://[fe80::1%25a\nb]", NULL, "b", DIMPLE_S3_STYLE_AUTOMATIC },
    { "http://[fe80::1%25a%0ab]", NULL, "b", DIMPLE_S3_STYLE_AUTOMATIC },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (invalid); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (dimple_s3_address_new (invalid[i].endpoint, invalid[i].region, invalid[i].bucket, invalid[i].style,
                                            &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NO_SUCH_STORAGE);
    }
}

static void
test_region (void)
{
  g_autoptr (DimpleS3Address) amazon = make_address (NULL, NULL, "b", DIMPLE_S3_STYLE_AUTOMATIC);
  g_autoptr (DimpleS3Address) other = make_address ("http://h", NULL, "b", DIMPLE_S3_STYLE_AUTOMATIC);
  g_autoptr (DimpleS3Address) amazon_there = dimple_s3_address_with_region (amazon, "eu-west-1");
  g_autoptr (DimpleS3Address) other_there = dimple_s3_address_with_region (other, "eu-west-1");

  assert_uri (amazon_there, "k", NULL, "https://b.s3.eu-west-1.amazonaws.com/k");
  g_assert_cmpstr (dimple_s3_address_get_region (amazon_there), ==, "eu-west-1");
  assert_uri (other_there, "k", NULL, "http://h/b/k");
  g_assert_cmpstr (dimple_s3_address_get_region (other_there), ==, "eu-west-1");

  g_assert_null (dimple_s3_address_with_region (amazon, NULL));
  g_assert_null (dimple_s3_address_with_region (amazon, "us-east-1"));
  g_assert_null (dimple_s3_address_with_region (amazon, "evil.example/?"));
  g_assert_null (dimple_s3_address_with_region (amazon_there, "eu-west-1"));
}

static const struct
{
  const char *endpoint;
  const char *target;
  const char *uri;              /* NULL: not followed */
  const char *region;
} redirects[] = {
  { NULL, "b.s3-us-west-2.amazonaws.com", "https://b.s3-us-west-2.amazonaws.com/k", "us-west-2" },
  { NULL, "https://b.s3.us-west-2.amazonaws.com/k", "https://b.s3.us-west-2.amazonaws.com/k", "us-west-2" },
  { NULL, "s3.eu-west-1.amazonaws.com", "https://b.s3.eu-west-1.amazonaws.com/k", "eu-west-1" },
  { NULL, "b.s3.amazonaws.com", NULL, NULL },
  { NULL, "http://b.s3-us-west-2.amazonaws.com/k", NULL, NULL },
  { NULL, "https://b.s3.evil.example/k", NULL, NULL },
  { NULL, "https://amazonaws.com.evil.example/k", NULL, NULL },
  { NULL, NULL, NULL, NULL },
  { NULL, "", NULL, NULL },
  { "http://h:80", "other:81", "http://other:81/b/k", "us-east-1" },
  { "http://h:80", "https://h/b/k", "https://h/b/k", "us-east-1" },
  { "http://h:80", "http://b.other/k", "http://b.other/k", "us-east-1" },
  { "http://h:80", "http://H:80/elsewhere", NULL, NULL },
  { "http://h:80", "ftp://other/", NULL, NULL },
  { "http://h:80", "/b/k", NULL, NULL },
  { "https://h", "http://h/b/k", NULL, NULL },
  { "http://h:80", "[fe80::1%25eth0]:81", "http://[fe80::1%25eth0]:81/b/k", "us-east-1" },
  { "http://h:80", "[fe80::1%25a\nb]:81", NULL, NULL },
  { "http://h:80", "[fe80::1%25a b]:81", NULL, NULL },
};

static void
test_redirects (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (redirects); i++)
    {
      g_autoptr (DimpleS3Address) address = make_address (redirects[i].endpoint, NULL, "b", DIMPLE_S3_STYLE_AUTOMATIC);
      DimpleS3Address *there = dimple_s3_address_redirect (address, redirects[i].target);

      if (redirects[i].uri == NULL)
        {
          g_assert_null (there);
          continue;
        }
      g_assert_nonnull (there);
      assert_uri (there, "k", NULL, redirects[i].uri);
      g_assert_cmpstr (dimple_s3_address_get_region (there), ==, redirects[i].region);
      dimple_s3_address_unref (there);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/s3-address/addresses", test_addresses);
  g_test_add_func ("/s3-address/keys", test_keys);
  g_test_add_func ("/s3-address/invalid", test_invalid);
  g_test_add_func ("/s3-address/region", test_region);
  g_test_add_func ("/s3-address/redirects", test_redirects);

  return g_test_run ();
}
