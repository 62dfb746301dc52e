/* test-s3-xml.c: the documents of S3, well-formed and otherwise
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include <dimple.h>

#include "dimple-s3-xml-private.h"

static GBytes *
make_document (const char *text)
{
  return g_bytes_new (text, strlen (text));
}

static void
test_error (void)
{
  g_autoptr (GBytes) document = make_document (
    "<?xml version='1.0' encoding='UTF-8'?>\n<Error>\n <Code>Odd</Code><Message>a &lt;b&gt; &#233;</Message>"
    "<Deep><Code>not this</Code></Deep><Region>eu</Region><Endpoint>e:1</Endpoint><ServerTime>t</ServerTime>"
    "<Code>nor this</Code><Secret>no</Secret></Error>\n");
  g_auto (DimpleS3Error) error = { NULL };

  g_assert_true (dimple_s3_error_parse (document, &error));
  g_assert_cmpstr (error.code, ==, "Odd");
  g_assert_cmpstr (error.message, ==, "a <b> \xc3\xa9");
  g_assert_cmpstr (error.region, ==, "eu");
  g_assert_cmpstr (error.endpoint, ==, "e:1");
  g_assert_cmpstr (error.server_time, ==, "t");
}

static void
test_no_error (void)
{
  static const char * const documents[] = {
    "", " ", "text", "<", "<Error>", "<Error/>", "<Error></Error>", "<Error><Message>m</Message></Error>",
    "<Error><Code>c</Code>", "<error><Code>c</Code></error>", "<Errors><Code>c</Code></Errors>",
    "<Error><Code>c</Code></Error><Error/>", "<html><Error><Code>c</Code></Error></html>",
    "<Error><Code>\xff</Code></Error>", "{\"Code\": \"c\"}", "<Error><Code>&unknown;</Code></Error>",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (documents); i++)
    {
      g_autoptr (GBytes) document = make_document (documents[i]);
      DimpleS3Error error;

      if (dimple_s3_error_parse (document, &error))
        g_error ("“%s” is taken for an error", documents[i]);
      g_assert_null (error.code);
      g_assert_null (error.message);
    }
}

static void
test_listing (void)
{
  g_autoptr (GBytes) document = make_document (
    "<s3:ListBucketResult xmlns:s3='x'>"
    "<s3:Contents><s3:Key>a%2Bb</s3:Key><s3:Owner><s3:Key>no</s3:Key></s3:Owner></s3:Contents>"
    "<CommonPrefixes><Prefix>no</Prefix></CommonPrefixes>"
    "<Contents><Size>1</Size><Key><![CDATA[c]]>&amp;</Key></Contents>"
    "<IsTruncated>True</IsTruncated><NextContinuationToken>t+/=</NextContinuationToken></s3:ListBucketResult>");
  g_auto (DimpleS3Listing) listing = { NULL };
  g_autoptr (GError) error = NULL;

  dimple_s3_listing_parse (document, &listing, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (listing.keys->len, ==, 2);
  /* It does not say that keys are encoded */
  g_assert_cmpstr (listing.keys->pdata[0], ==, "a%2Bb");
  g_assert_cmpstr (listing.keys->pdata[1], ==, "c&");
  g_assert_true (listing.truncated);
  g_assert_cmpstr (listing.continuation_token, ==, "t+/=");
}

static void
test_encoded_listing (void)
{
  g_autoptr (GBytes) document = make_document (
    "<ListBucketResult><Contents><Key>a%2Bb+c%20d%2f%C3%a9</Key></Contents><Contents><Key>%</Key></Contents>"
    "<Contents><Key>%00</Key></Contents><Contents><Key>%FF</Key></Contents><Contents><Key>a%0Ab</Key></Contents>"
    "<EncodingType>url</EncodingType></ListBucketResult>");
  g_auto (DimpleS3Listing) listing = { NULL };
  g_autoptr (GError) error = NULL;

  dimple_s3_listing_parse (document, &listing, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (listing.keys->len, ==, 2);
  g_assert_cmpstr (listing.keys->pdata[0], ==, "a+b c d/\xc3\xa9");
  g_assert_cmpstr (listing.keys->pdata[1], ==, "a\nb");
  g_assert_false (listing.truncated);
  g_assert_null (listing.continuation_token);
}

static char *
repeat (const char *before,
        const char *text,
        guint       n_times,
        const char *after)
{
  GString *document = g_string_new (before);

  for (guint i = 0; i < n_times; i++)
    g_string_append (document, text);
  g_string_append (document, after);
  return g_string_free (document, FALSE);
}

static void
test_limits (void)
{
  g_autofree char *deep = repeat ("<ListBucketResult>", "<a>", 20, "");
  g_autofree char *long_text = repeat ("<ListBucketResult><Contents><Key>", "0123456789", 2000,
                                       "</Key></Contents></ListBucketResult>");
  g_autofree char *long_name = repeat ("<ListBucketResult><", "0123456789", 200, "");
  g_autofree char *many = repeat ("<ListBucketResult>", "<a/>", 200001, "</ListBucketResult>");
  const char *documents[] = {
    deep, long_text, long_name, many, "", "<html/>", "<ListBucketResult>", "<ListBucketResult><a></ListBucketResult>",
    "<ListBucketResult/><ListBucketResult/>",
    /* The billion laughs: GMarkup knows no entities of a document's own */
    "<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><ListBucketResult>&b;</ListBucketResult>",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (documents); i++)
    {
      g_autoptr (GBytes) document = make_document (documents[i]);
      DimpleS3Listing listing;
      g_autoptr (GError) error = NULL;

      g_assert_false (dimple_s3_listing_parse (document, &listing, &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
      g_assert_null (listing.keys);
    }
}

static void
test_delete_result (void)
{
  g_autoptr (GBytes) document = make_document (
    "<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key><Code>NoSuchKey</Code></Error>"
    "<Error><Code>First</Code><Message>m</Message><Key>c</Key></Error><Error><Key>d</Key><Code>Second</Code></Error>"
    "</DeleteResult>");
  g_autoptr (GBytes) empty = make_document ("<DeleteResult xmlns=\"x\"></DeleteResult>");
  g_autoptr (GBytes) truncated = make_document ("<DeleteResult><Error><Key>a</Key><Code>c</Code></Error>");
  g_auto (DimpleS3DeleteResult) result = { NULL };
  DimpleS3DeleteResult nothing;
  g_autoptr (GError) error = NULL;

  dimple_s3_delete_result_parse (document, &result, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (result.key, ==, "c");
  g_assert_cmpstr (result.error.code, ==, "First");
  g_assert_cmpstr (result.error.message, ==, "m");

  dimple_s3_delete_result_parse (empty, &nothing, &error);
  g_assert_no_error (error);
  g_assert_null (nothing.key);

  g_assert_false (dimple_s3_delete_result_parse (truncated, &nothing, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
  g_assert_null (nothing.key);
}

static void
test_delete (void)
{
  static const char * const keys[] = { "a<b>&\"c'", "\xc3\xa9 +" };
  g_autoptr (GBytes) document = dimple_s3_delete_build (keys, G_N_ELEMENTS (keys));
  g_autofree char *text = g_strndup (g_bytes_get_data (document, NULL), g_bytes_get_size (document));

  g_assert_nonnull (strstr (text, "<Quiet>true</Quiet><Object><Key>a&lt;b&gt;&amp;&quot;c&apos;</Key></Object>"
                            "<Object><Key>\xc3\xa9 +</Key></Object></Delete>"));

  g_assert_true (dimple_s3_delete_can_hold ("\xc3\xa9 <+>"));
  g_assert_true (dimple_s3_delete_can_hold ("\xf0\x9f\x97\x92"));
  g_assert_false (dimple_s3_delete_can_hold ("a\nb"));
  g_assert_false (dimple_s3_delete_can_hold ("\x01"));
  g_assert_false (dimple_s3_delete_can_hold ("\xef\xbf\xbf"));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/s3-xml/error", test_error);
  g_test_add_func ("/s3-xml/no-error", test_no_error);
  g_test_add_func ("/s3-xml/listing", test_listing);
  g_test_add_func ("/s3-xml/encoded-listing", test_encoded_listing);
  g_test_add_func ("/s3-xml/limits", test_limits);
  g_test_add_func ("/s3-xml/delete-result", test_delete_result);
  g_test_add_func ("/s3-xml/delete", test_delete);

  return g_test_run ();
}
