/* test-s3-connection.c: how an S3 storage reaches its server: addresses, connections that are kept, proxies and TLS
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "s3/fixtures.h"

/* --- Addresses --- */

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
  static const char * const endpoints[] = { "ftp://example.org", "http://", "https://a b", "http://u:p@host", "?",
                                            "https://h/?q" };
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

/* --- Connections --- */

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

int
main (int   argc,
      char *argv[])
{
  s3_test_init (&argc, &argv);

  g_test_add_func ("/s3-connection/styles", test_styles);
  g_test_add_func ("/s3-connection/keep-alive", test_keep_alive);
  g_test_add_func ("/s3-connection/nobody-there", test_nobody_there);
  g_test_add_func ("/s3-connection/nonsense", test_nonsense);
  g_test_add_func ("/s3-connection/proxy", test_proxy);
  g_test_add_func ("/s3-connection/tls", test_tls);

  return g_test_run ();
}
