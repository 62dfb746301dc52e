/* fuzz-s3-uri.c: addresses of storages, of servers, and where a server sends us
 *
 * The first byte says what the rest is: “u” the URI of a bucket; “s” what stands behind the keys in one; “r” the
 * address of a server, a bucket, and the target of a redirect, each in a line.
 *
 * What has to hold: no message holds a secret, a request's URI is one that GLib reads as it was meant, and no redirect
 * leads out of TLS or away from AWS.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "fuzz.h"

#include <string.h>

#include <libsoup/soup.h>

#include "dimple-error.h"
#include "dimple-s3-address-private.h"
#include "dimple-storage.h"

#define SECRET "wJalrXUtnFEMI"

static const char * const variables[] = {
  "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE",
};

static void
set_up (void)
{
  static gsize done = 0;

  if (!g_once_init_enter (&done))
    return;

  for (gsize i = 0; i < G_N_ELEMENTS (variables); i++)
    g_unsetenv (variables[i]);
  g_setenv ("AWS_ACCESS_KEY_ID", "key", TRUE);
  g_setenv ("AWS_SECRET_ACCESS_KEY", SECRET, TRUE);
  g_setenv ("AWS_CONFIG_FILE", "/dev/null", TRUE);
  g_once_init_leave (&done, 1);
}

static void
make_storage (const char *uri,
              const char *secret)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DimpleStorage) storage = dimple_storage_new_for_uri (uri, &error);

  g_assert_true ((storage != NULL) == (error == NULL));
  if (error != NULL && secret != NULL)
    g_assert_null (strstr (error->message, secret));
}

static void
make_storage_with_secret (const char *rest)
{
  g_autofree char *uri = g_strconcat ("s3://key:" SECRET "@", rest, NULL);

  /* Where it stands in clear is not ours to say */
  if (strstr (rest, SECRET) == NULL)
    make_storage (uri, SECRET);
}

static void
check_uri (DimpleS3Address *address,
           const char      *key)
{
  g_autoptr (GUri) uri = dimple_s3_address_build_uri (address, key, "a=b");
  g_autofree char *text = g_uri_to_string (uri);
  g_autofree char *host = dimple_s3_address_dup_host (address);
  g_autoptr (GError) error = NULL;
  g_autoptr (GUri) again = g_uri_parse (text, SOUP_HTTP_URI_FLAGS, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (g_uri_get_host (again), ==, g_uri_get_host (uri));
  g_assert_cmpstr (g_uri_get_path (again), ==, g_uri_get_path (uri));
  g_assert_cmpstr (g_uri_get_query (again), ==, "a=b");
  g_assert_null (g_uri_get_fragment (again));
  g_assert_null (g_uri_get_userinfo (again));
  g_assert_null (strpbrk (host, "\r\n /@"));
}

static gboolean
is_encrypted (DimpleS3Address *address)
{
  g_autoptr (GUri) uri = dimple_s3_address_build_uri (address, NULL, NULL);

  return g_str_equal (g_uri_get_scheme (uri), "https");
}

static void
follow (DimpleS3Address *address,
        const char      *target,
        gboolean         is_amazon)
{
  g_autoptr (DimpleS3Address) redirected = dimple_s3_address_redirect (address, target);
  g_autoptr (DimpleS3Address) of_region = dimple_s3_address_with_region (address, target);

  check_uri (address, "a//b c\"<>#?%2F\xc3\xa9");
  if (of_region != NULL)
    {
      check_uri (of_region, NULL);
      g_assert_cmpstr (dimple_s3_address_get_region (of_region), ==, target);
    }
  if (redirected != NULL)
    {
      check_uri (redirected, "key");
      g_assert_true (is_encrypted (redirected) || !is_encrypted (address));
      g_assert_true (!is_amazon || strstr (dimple_s3_address_get_server (redirected), "amazonaws.com") != NULL);
    }
}

static void
redirect (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", 3);

  if (g_strv_length (lines) < 3)
    return;

  for (DimpleS3Style style = DIMPLE_S3_STYLE_AUTOMATIC; style <= DIMPLE_S3_STYLE_HOST; style++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (DimpleS3Address) address = dimple_s3_address_new (lines[0], NULL, lines[1], style, &error);

      if (address != NULL)
        follow (address, lines[2], *lines[0] == '\0');
      else
        g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NO_SUCH_STORAGE);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  g_autofree char *text = size > 0 ? g_strndup ((const char *) data + 1, size - 1) : g_strdup ("");

  set_up ();
  /* What comes in is text always: by GObject's properties, or from XML */
  if (size == 0 || !g_utf8_validate (text, -1, NULL))
    return 0;

  switch (data[0])
    {
    case 's':
      make_storage_with_secret (text);
      break;

    case 'r':
      redirect (text);
      break;

    default:
      make_storage (text, NULL);
      break;
    }
  return 0;
}
