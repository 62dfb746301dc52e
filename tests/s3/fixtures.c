/* fixtures.c: what the tests of S3 share
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "fixtures.h"

#include <string.h>

#define CONTENTS "contents"

DimpleStorage *
make_storage_for (const char *endpoint)
{
  DimpleStorage *storage = dimple_s3_storage_new (endpoint, NULL, "bucket", ACCESS_KEY, SECRET_KEY);

  dimple_s3_storage_set_retry_delay (DIMPLE_S3_STORAGE (storage), 2);
  return storage;
}

DimpleStorage *
make_storage (FaultServer *server)
{
  g_autofree char *endpoint = g_strdup_printf ("http://127.0.0.1:%u", fault_server_get_port (server));

  return make_storage_for (endpoint);
}

void
answer_well (FaultRequest *request,
             gpointer      user_data)
{
  g_autofree char *list_type = fault_request_dup_parameter (request, "list-type");

  if (list_type != NULL)
    fault_request_reply (request, 200, NULL, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
  else if (g_str_equal (request->method, "POST"))
    fault_request_reply (request, 200, NULL, "<DeleteResult/>");
  else if (g_str_equal (request->method, "DELETE"))
    fault_request_reply (request, 204, NULL, "");
  else
    fault_request_reply (request, 200, "ETag: \"0\"\r\n", g_str_equal (request->method, "GET") ? CONTENTS : "");
}

gboolean
get_contents (DimpleStorage  *storage,
              const char     *key,
              GError        **error)
{
  g_autoptr (GBytes) contents = dimple_storage_get (storage, key, NULL, error);

  if (contents != NULL)
    g_assert_cmpmem (g_bytes_get_data (contents, NULL), g_bytes_get_size (contents), CONTENTS, strlen (CONTENTS));
  return contents != NULL;
}

gboolean
put_contents (DimpleStorage  *storage,
              const char     *key,
              GError        **error)
{
  g_autoptr (GBytes) contents = g_bytes_new_static (CONTENTS, strlen (CONTENTS));

  return dimple_storage_put (storage, key, contents, NULL, error);
}

void
assert_works (DimpleStorage *storage)
{
  g_autoptr (GError) error = NULL;

  get_contents (storage, "key", &error);
  g_assert_no_error (error);
}

void
assert_no_secret (const char *text)
{
  g_assert_null (strstr (text, SECRET_KEY));
  g_assert_null (strstr (text, TOKEN));
  g_assert_null (strstr (text, "Signature="));
}

void
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

void
s3_test_init (int    *argc,
              char ***argv)
{
  /* The desktop's own needs schemas, which no test finds */
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  g_test_init (argc, argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
}
