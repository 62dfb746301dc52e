/* test-s3-servers.c: what real servers answer to what is wrong
 *
 * They are those that tests/s3/start-s3 has started; without them the tests are skipped.  What is asked of them when
 * all is well is in test-storage.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "s3/fixtures.h"
#include "s3/real-servers.h"

typedef struct
{
  const char *name;
  const char *property;         /* what is wrong about the storage */
  const char *value;
  int code;
} RealFault;

static const RealFault real_faults[] = {
  { "wrong-secret", "secret-key", "wrong/secret+key", DIMPLE_ERROR_DENIED },
  { "wrong-access-key", "access-key", "nobody:here", DIMPLE_ERROR_DENIED },
  { "no-bucket", "bucket", "no-such-bucket", DIMPLE_ERROR_NO_SUCH_STORAGE },
};

static void
assert_real_fault (const char      *flavor,
                   const RealFault *fault)
{
  g_autoptr (DimpleStorage) storage = NULL;
  g_autoptr (GError) get_error = NULL;
  g_autoptr (GError) put_error = NULL;
  g_autoptr (GError) list_error = NULL;
  g_auto (GStrv) keys = NULL;

  storage = dimple_s3_storage_new (get_variable (flavor, "ENDPOINT"), NULL, get_variable (flavor, "BUCKET"),
                                   get_variable (flavor, "ACCESS_KEY"), get_variable (flavor, "SECRET_KEY"));
  g_object_set (storage, fault->property, fault->value, NULL);

  g_assert_false (get_contents (storage, "key", &get_error));
  g_assert_error (get_error, DIMPLE_ERROR, fault->code);
  g_assert_false (put_contents (storage, "key", &put_error));
  g_assert_error (put_error, DIMPLE_ERROR, fault->code);
  keys = dimple_storage_list (storage, NULL, NULL, NULL, &list_error);
  g_assert_error (list_error, DIMPLE_ERROR, fault->code);

  assert_no_secret (get_error->message);
  g_assert_null (strstr (get_error->message, "wrong/secret+key"));
  g_test_message ("%s: %s: %s", flavor, fault->name, get_error->message);
}

static void
test_real_faults (gconstpointer data)
{
  const RealFault *fault = data;
  static const char * const flavors[] = { "S3", "SWIFT" };
  guint n_servers = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (flavors); i++)
    if (get_variable (flavors[i], "ENDPOINT") != NULL)
      {
        assert_real_fault (flavors[i], fault);
        n_servers++;
      }

  if (n_servers == 0)
    g_test_skip ("no server: see tests/s3/start-s3");
}

static void
test_real_region (void)
{
  g_autoptr (DimpleStorage) storage = NULL;
  g_autoptr (GError) error = NULL;

  if (get_variable ("SWIFT", "ENDPOINT") == NULL)
    {
      g_test_skip ("no server that checks the region: see tests/s3/start-s3");
      return;
    }

  storage = dimple_s3_storage_new (get_variable ("SWIFT", "ENDPOINT"), "eu-wrong-1", get_variable ("SWIFT", "BUCKET"),
                                   get_variable ("SWIFT", "ACCESS_KEY"), get_variable ("SWIFT", "SECRET_KEY"));
  dimple_storage_check (storage, NULL, &error);
  g_assert_no_error (error);
}

static void
test_real_server_without_tls (void)
{
  g_autofree char *endpoint = NULL;
  g_autoptr (DimpleStorage) storage = NULL;

  if (get_variable ("S3", "ENDPOINT") == NULL)
    {
      g_test_skip ("no server: see tests/s3/start-s3");
      return;
    }

  endpoint = g_strconcat ("https://", get_variable ("S3", "ENDPOINT") + strlen ("http://"), NULL);
  storage = make_storage_for (endpoint);
  assert_call_fails (storage, DIMPLE_ERROR_STORAGE, "no secure connection");
}

int
main (int   argc,
      char *argv[])
{
  s3_test_init (&argc, &argv);

  for (gsize i = 0; i < G_N_ELEMENTS (real_faults); i++)
    {
      g_autofree char *path = g_strconcat ("/s3-servers/", real_faults[i].name, NULL);

      g_test_add_data_func (path, &real_faults[i], test_real_faults);
    }
  g_test_add_func ("/s3-servers/region", test_real_region);
  g_test_add_func ("/s3-servers/without-tls", test_real_server_without_tls);

  return g_test_run ();
}
