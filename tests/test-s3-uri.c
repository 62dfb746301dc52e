/* test-s3-uri.c: buckets by s3:// URIs, and where their keys come from
 *
 * What a storage was made of is seen by a request's first lines at a server, where a property does not tell.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include <dimple.h>
#include <glib/gstdio.h>

static const char * const variables[] = {
  "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
  "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE",
};

static void
clear_environment (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (variables); i++)
    g_unsetenv (variables[i]);
}

static void
set_keys (void)
{
  g_setenv ("AWS_ACCESS_KEY_ID", "env-key", TRUE);
  g_setenv ("AWS_SECRET_ACCESS_KEY", "env-secret", TRUE);
}

static DimpleStorage *
make_storage (const char *uri)
{
  g_autoptr (GError) error = NULL;
  DimpleStorage *storage = dimple_storage_new_for_uri (uri, &error);

  g_assert_no_error (error);
  g_assert_true (DIMPLE_IS_S3_STORAGE (storage));
  return storage;
}

static void
assert_property (DimpleStorage *storage,
                 const char    *name,
                 const char    *expected)
{
  g_autofree char *value = NULL;

  g_object_get (storage, name, &value, NULL);
  g_assert_cmpstr (value, ==, expected);
}

static const struct
{
  const char *uri;
  const char *endpoint;
  const char *bucket;
  const char *prefix;
  const char *access_key;
  const char *region;
} uris[] = {
  { "s3://k:s@s3.example.org/notes", "https://s3.example.org", "notes", NULL, "k", NULL },
  { "s3://k:s@s3.example.org/notes/", "https://s3.example.org", "notes", NULL, "k", NULL },
  { "s3://k:s@s3.example.org/notes/a/b", "https://s3.example.org", "notes", "a/b/", "k", NULL },
  { "s3://k:s@s3.example.org:8443/notes/a/?region=fr", "https://s3.example.org:8443", "notes", "a/", "k", "fr" },
  { "s3://k:s@host/notes?tls=no", "http://host", "notes", NULL, "k", NULL },
  { "s3://localhost:9000/notes?tls=no&region=x", "http://localhost:9000", "notes", NULL, "env-key", "x" },
  { "s3://localhost/notes", "https://localhost", "notes", NULL, "env-key", NULL },
  { "s3://host:9000/notes?tls=yes", "https://host:9000", "notes", NULL, "env-key", NULL },
  { "s3://[::1]:7480/notes?tls=no", "http://[::1]:7480", "notes", NULL, "env-key", NULL },
  { "s3://a%3Ab:s@host/notes", "https://host", "notes", NULL, "a:b", NULL },
  { "s3://a%2Fb%2Bc:s%2F%40%3A%2B@host/notes/with%20space", "https://host", "notes", "with space/", "a/b+c", NULL },
  { "s3://notes", NULL, "notes", NULL, "env-key", NULL },
  { "s3://notes/", NULL, "notes", NULL, "env-key", NULL },
  { "s3://notes/a", NULL, "notes", "a/", "env-key", NULL },
  { "s3://notes/a/b/?region=eu-west-1", NULL, "notes", "a/b/", "env-key", "eu-west-1" },
};

static void
test_forms (void)
{
  clear_environment ();
  set_keys ();

  for (gsize i = 0; i < G_N_ELEMENTS (uris); i++)
    {
      g_autoptr (DimpleStorage) storage = make_storage (uris[i].uri);

      assert_property (storage, "endpoint", uris[i].endpoint);
      assert_property (storage, "bucket", uris[i].bucket);
      assert_property (storage, "prefix", uris[i].prefix);
      assert_property (storage, "access-key", uris[i].access_key);
      assert_property (storage, "region", uris[i].region);
    }
}

static void
test_malformed (void)
{
  static const char * const malformed[] = {
    "s3:", "s3://", "s3:///bucket", "s3://k:s@host", "s3://k:s@host/", "s3://host:9000/", "s3://k@host/b",
    "s3://:s@host/b", "s3://k:s@host/b?tls=maybe", "s3://k:s@host/b?unknown=1", "s3://k:s@host/b?region=",
    "s3://k:s@host/b?style=other", "s3://k:sec/ret@host/b", "s3://k:s@host:99999/b", "s3://k:s%ZZ@host/b",
  };

  clear_environment ();
  set_keys ();

  for (gsize i = 0; i < G_N_ELEMENTS (malformed); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (DimpleStorage) storage = dimple_storage_new_for_uri (malformed[i], &error);

      if (storage != NULL)
        g_error ("“%s” makes a storage", malformed[i]);
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
      g_assert_null (strstr (error->message, "sec/ret"));
    }
}

static void
test_style (void)
{
  g_autoptr (DimpleStorage) by_host = NULL;
  g_autoptr (DimpleStorage) by_path = NULL;
  gboolean path_style;

  clear_environment ();
  set_keys ();

  by_host = make_storage ("s3://k:s@host/notes?style=host");
  g_object_get (by_host, "path-style", &path_style, NULL);
  g_assert_false (path_style);
  by_path = make_storage ("s3://notes?style=path");
  g_object_get (by_path, "path-style", &path_style, NULL);
  g_assert_true (path_style);
}

static void
test_environment (void)
{
  g_autoptr (DimpleStorage) amazon = NULL;
  g_autoptr (DimpleStorage) named = NULL;
  g_autoptr (DimpleStorage) server = NULL;

  clear_environment ();
  set_keys ();
  g_setenv ("AWS_DEFAULT_REGION", "eu-default-1", TRUE);
  amazon = make_storage ("s3://notes");
  assert_property (amazon, "region", "eu-default-1");
  assert_property (amazon, "endpoint", NULL);

  g_setenv ("AWS_REGION", "eu-env-1", TRUE);
  g_setenv ("AWS_ENDPOINT_URL", "http://localhost:9000", TRUE);
  named = make_storage ("s3://notes/p");
  assert_property (named, "region", "eu-env-1");
  assert_property (named, "endpoint", "http://localhost:9000");

  /* A server of one's own is not described by what is meant for AWS */
  server = make_storage ("s3://s3.example.org/notes");
  assert_property (server, "region", NULL);
  assert_property (server, "endpoint", "https://s3.example.org");
  assert_property (server, "access-key", "env-key");
}

static void
write_file (const char *name,
            const char *text)
{
  g_autofree char *folder = g_build_filename (g_get_home_dir (), ".aws", NULL);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static void
test_credentials_file (void)
{
  g_autoptr (DimpleStorage) usual = NULL;
  g_autoptr (DimpleStorage) work = NULL;
  g_autoptr (DimpleStorage) environment = NULL;

  clear_environment ();
  write_file ("credentials",
              "# A comment\r\n"
              "; Another one, which GKeyFile does not know\r\n"
              "[default]\r\n"
              "aws_access_key_id = file-key\r\n"
              "aws_secret_access_key=a/b+c\\d==\r\n"
              "\r\n"
              "[work]\n"
              "  aws_access_key_id=work-key\n"
              "aws_secret_access_key = work-secret  \n"
              "aws_session_token = work-token\n"
              "s3 =\n"
              "  max_concurrent_requests = 20\n");
  write_file ("config",
              "[default]\nregion = eu-default-1\n[profile work]\nregion = eu-work-1\n");

  usual = make_storage ("s3://notes");
  assert_property (usual, "access-key", "file-key");
  assert_property (usual, "region", "eu-default-1");

  g_setenv ("AWS_PROFILE", "work", TRUE);
  work = make_storage ("s3://notes");
  assert_property (work, "access-key", "work-key");
  assert_property (work, "region", "eu-work-1");

  set_keys ();
  environment = make_storage ("s3://notes");
  assert_property (environment, "access-key", "env-key");
}

static void
assert_no_keys (const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dimple_storage_new_for_uri ("s3://notes", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_DENIED);
  g_assert_nonnull (strstr (error->message, message));
  g_assert_null (strstr (error->message, "very-secret"));
}

static void
test_no_keys (void)
{
  g_autofree char *folder = g_build_filename (g_get_home_dir (), ".aws", "folder", NULL);

  clear_environment ();
  assert_no_keys ("AWS_ACCESS_KEY_ID");

  g_setenv ("AWS_ACCESS_KEY_ID", "half", TRUE);
  assert_no_keys ("AWS_ACCESS_KEY_ID");

  write_file ("credentials", "[default]\naws_access_key_id = half\n");
  assert_no_keys ("AWS_ACCESS_KEY_ID");

  write_file ("credentials", "[default]\naws_access_key_id = k\naws_secret_access_key = very-secret\n");
  g_setenv ("AWS_PROFILE", "other", TRUE);
  assert_no_keys ("“other”");
  g_unsetenv ("AWS_PROFILE");

  write_file ("credentials", "[default]\nthe key is very-secret, and this is no INI file\n");
  assert_no_keys ("INI");
  write_file ("credentials", "[default]\naws_secret_access_key = \xff\xfe very-secret\n");
  assert_no_keys ("AWS_ACCESS_KEY_ID");

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_setenv ("AWS_SHARED_CREDENTIALS_FILE", folder, TRUE);
  assert_no_keys ("cannot be read");
  g_setenv ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/at/all", TRUE);
  assert_no_keys ("AWS_ACCESS_KEY_ID");
}

/* Keys with all that is special in a URI, against a real server */
static void
test_round_trip (void)
{
  const char *endpoint = g_getenv ("DIMPLE_TEST_S3_ENDPOINT");
  g_autofree char *key = NULL;
  g_autofree char *secret = NULL;
  g_autofree char *uri = NULL;
  g_autoptr (DimpleStorage) storage = NULL;
  g_autoptr (GError) error = NULL;

  if (endpoint == NULL)
    {
      g_test_skip ("no server: see tests/s3/start-s3");
      return;
    }

  clear_environment ();
  key = g_uri_escape_string (g_getenv ("DIMPLE_TEST_S3_ACCESS_KEY"), NULL, FALSE);
  secret = g_uri_escape_string (g_getenv ("DIMPLE_TEST_S3_SECRET_KEY"), NULL, FALSE);
  uri = g_strdup_printf ("s3://%s:%s@%s/%s/test-uri?tls=no", key, secret, endpoint + strlen ("http://"),
                         g_getenv ("DIMPLE_TEST_S3_BUCKET"));
  storage = make_storage (uri);
  dimple_storage_check (storage, NULL, &error);
  g_assert_no_error (error);
}

int
main (int   argc,
      char *argv[])
{
  /* The desktop's own needs schemas, which no test finds */
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/s3-uri/forms", test_forms);
  g_test_add_func ("/s3-uri/malformed", test_malformed);
  g_test_add_func ("/s3-uri/style", test_style);
  g_test_add_func ("/s3-uri/environment", test_environment);
  g_test_add_func ("/s3-uri/credentials-file", test_credentials_file);
  g_test_add_func ("/s3-uri/no-keys", test_no_keys);
  g_test_add_func ("/s3-uri/round-trip", test_round_trip);

  return g_test_run ();
}
