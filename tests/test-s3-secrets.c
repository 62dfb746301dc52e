/* test-s3-secrets.c: secrets of an S3 storage: in no message, no log, no description and no property that can be read
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "s3/fixtures.h"

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

int
main (int   argc,
      char *argv[])
{
  s3_test_init (&argc, &argv);

  g_test_add_func ("/s3-secrets/secrets", test_secrets);
  g_test_add_func ("/s3-secrets/properties", test_properties);

  return g_test_run ();
}
