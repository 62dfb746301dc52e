/* test-test-storage.c: the storage that counts, delays and fails
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <dimple.h>

typedef struct
{
  DimpleStorage *memory;
  DimpleStorage *storage;
  DimpleTestStorage *test;
  GError *offline;
} Fixture;

static void
set_up (Fixture       *fixture,
        gconstpointer  data)
{
  fixture->memory = dimple_memory_storage_new ();
  fixture->storage = dimple_test_storage_new (fixture->memory);
  fixture->test = DIMPLE_TEST_STORAGE (fixture->storage);
  fixture->offline = g_error_new_literal (DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE, "The cable is out.");
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  g_object_unref (fixture->storage);
  g_object_unref (fixture->memory);
  g_error_free (fixture->offline);
}

static gboolean
put (DimpleStorage  *storage,
     const char     *key,
     GError        **error)
{
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);

  return dimple_storage_put (storage, key, contents, NULL, error);
}

static gboolean
remove_key (DimpleStorage  *storage,
            const char     *key,
            GError        **error)
{
  const char *keys[] = { key, NULL };

  return dimple_storage_remove (storage, keys, NULL, error);
}

static gboolean
is_there (DimpleStorage *storage,
          const char    *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) contents = dimple_storage_get (storage, key, NULL, &error);

  if (contents == NULL)
    g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND);
  return contents != NULL;
}

static void
assert_put_offline (Fixture    *fixture,
                    const char *key)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (put (fixture->storage, key, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE);
  g_assert_cmpstr (error->message, ==, "The cable is out.");
}

static void
test_counts (Fixture       *fixture,
             gconstpointer  data)
{
  const char *keys[] = { "a", "b", NULL };

  g_assert_cmpuint (dimple_test_storage_get_n_requests (fixture->test), ==, 0);
  g_assert_true (put (fixture->storage, "a", NULL));
  g_assert_true (put (fixture->storage, "b", NULL));
  g_assert_true (is_there (fixture->storage, "a"));
  g_assert_true (dimple_storage_remove (fixture->storage, keys, NULL, NULL));
  g_strfreev (dimple_storage_list (fixture->storage, NULL, NULL, NULL, NULL));
  g_assert_cmpuint (dimple_test_storage_get_n_requests (fixture->test), ==, 5);
  g_assert_true (dimple_storage_check (fixture->storage, NULL, NULL));
  g_assert_cmpuint (dimple_test_storage_get_n_requests (fixture->test), ==, 9);

  dimple_test_storage_fail (fixture->test, DIMPLE_STORAGE_PUT, 0, FALSE, fixture->offline);
  assert_put_offline (fixture, "a");
  g_assert_cmpuint (dimple_test_storage_get_n_requests (fixture->test), ==, 10);
}

static void
test_fails_before (Fixture       *fixture,
                   gconstpointer  data)
{
  dimple_test_storage_fail (fixture->test, DIMPLE_STORAGE_PUT, 2, FALSE, fixture->offline);
  g_assert_true (put (fixture->storage, "a", NULL));
  g_assert_true (is_there (fixture->storage, "a"));
  g_assert_true (put (fixture->storage, "b", NULL));
  assert_put_offline (fixture, "c");
  g_assert_false (is_there (fixture->memory, "c"));
  g_assert_true (put (fixture->storage, "c", NULL));
}

static void
test_fails_after (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (GError) error = NULL;

  dimple_test_storage_fail (fixture->test, DIMPLE_STORAGE_PUT, 0, TRUE, fixture->offline);
  assert_put_offline (fixture, "a");
  g_assert_true (is_there (fixture->memory, "a"));

  dimple_test_storage_fail (fixture->test, DIMPLE_STORAGE_REMOVE, 0, TRUE, fixture->offline);
  g_assert_false (remove_key (fixture->storage, "a", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE);
  g_assert_false (is_there (fixture->memory, "a"));
}

static void
test_fails_all_operations (Fixture       *fixture,
                           gconstpointer  data)
{
  g_assert_true (put (fixture->storage, "a", NULL));

  for (guint applied = 0; applied < 2; applied++)
    {
      g_autoptr (GError) list_error = NULL;
      g_autoptr (GError) get_error = NULL;

      dimple_test_storage_fail (fixture->test, DIMPLE_STORAGE_LIST, 0, applied, fixture->offline);
      g_assert_null (dimple_storage_list (fixture->storage, NULL, NULL, NULL, &list_error));
      g_assert_error (list_error, DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE);
      dimple_test_storage_fail (fixture->test, DIMPLE_STORAGE_GET, 0, applied, fixture->offline);
      g_assert_null (dimple_storage_get (fixture->storage, "a", NULL, &get_error));
      g_assert_error (get_error, DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE);
    }
}

static void
test_several_faults (Fixture       *fixture,
                     gconstpointer  data)
{
  dimple_test_storage_fail (fixture->test, DIMPLE_STORAGE_PUT, 0, FALSE, fixture->offline);
  dimple_test_storage_fail (fixture->test, DIMPLE_STORAGE_PUT, 0, FALSE, fixture->offline);
  dimple_test_storage_fail (fixture->test, DIMPLE_STORAGE_PUT, 3, FALSE, fixture->offline);
  assert_put_offline (fixture, "a");
  assert_put_offline (fixture, "a");
  g_assert_true (put (fixture->storage, "a", NULL));
  assert_put_offline (fixture, "a");
  g_assert_true (put (fixture->storage, "a", NULL));

  dimple_test_storage_fail (fixture->test, DIMPLE_STORAGE_PUT, 0, FALSE, fixture->offline);
  dimple_test_storage_fail (fixture->test, DIMPLE_STORAGE_PUT, 0, FALSE, NULL);
  g_assert_true (put (fixture->storage, "a", NULL));
}

/* --- How dimple_storage_check() takes it --- */

static void
assert_check_fails (Fixture                *fixture,
                    DimpleStorageOperation  operation,
                    gboolean                applied,
                    DimpleError             code)
{
  g_autoptr (GError) fault = g_error_new_literal (DIMPLE_ERROR, code, "This is what is wrong.");
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) left = NULL;

  dimple_test_storage_fail (fixture->test, operation, 0, applied, fault);
  g_assert_false (dimple_storage_check (fixture->storage, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, (int) code);
  g_assert_cmpstr (error->message, ==, "This is what is wrong.");

  left = dimple_storage_list (fixture->memory, NULL, NULL, NULL, NULL);
  /* What the storage refuses to remove is left; nothing else is */
  g_assert_cmpuint (g_strv_length (left), ==, operation == DIMPLE_STORAGE_REMOVE && !applied ? 1 : 0);
}

static void
test_check_fails (Fixture       *fixture,
                  gconstpointer  data)
{
  static const DimpleError codes[] = { DIMPLE_ERROR_DENIED, DIMPLE_ERROR_OFFLINE, DIMPLE_ERROR_FULL };

  for (gsize i = 0; i < G_N_ELEMENTS (codes); i++)
    for (guint applied = 0; applied < 2; applied++)
      {
        assert_check_fails (fixture, DIMPLE_STORAGE_LIST, applied, codes[i]);
        assert_check_fails (fixture, DIMPLE_STORAGE_PUT, applied, codes[i]);
        assert_check_fails (fixture, DIMPLE_STORAGE_GET, applied, codes[i]);
      }
  assert_check_fails (fixture, DIMPLE_STORAGE_REMOVE, TRUE, DIMPLE_ERROR_DENIED);
  assert_check_fails (fixture, DIMPLE_STORAGE_REMOVE, FALSE, DIMPLE_ERROR_DENIED);
}

/* Forgets what it stores, or changes it */
static gboolean
on_request_lies (DimpleCustomStorage  *storage,
                 DimpleStorageRequest *request,
                 gpointer              user_data)
{
  static const char * const no_keys[] = { NULL };
  GBytes *wrong = user_data;
  g_autoptr (GError) error = g_error_new_literal (DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND, "There is none.");

  switch (dimple_storage_request_get_operation (request))
    {
    case DIMPLE_STORAGE_LIST:
      dimple_storage_request_complete_list (request, no_keys);
      break;

    case DIMPLE_STORAGE_GET:
      if (wrong != NULL)
        dimple_storage_request_complete (request, wrong);
      else
        dimple_storage_request_fail (request, error);
      break;

    default:
      dimple_storage_request_complete (request, NULL);
    }
  return TRUE;
}

static void
test_check_finds_lies (void)
{
  g_autoptr (GBytes) wrong = g_bytes_new_static ("something else", 14);

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (DimpleStorage) storage = dimple_custom_storage_new ();
      g_autoptr (GError) error = NULL;

      g_signal_connect (storage, "request", G_CALLBACK (on_request_lies), i == 0 ? wrong : NULL);
      g_assert_false (dimple_storage_check (storage, NULL, &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
    }
}

/* --- Latency --- */

static void
on_answer (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  GAsyncResult **answer = user_data;

  g_assert_null (*answer);
  *answer = g_object_ref (result);
}

static void
test_latency (Fixture       *fixture,
              gconstpointer  data)
{
  gint64 start = g_get_monotonic_time ();

  dimple_test_storage_set_latency (fixture->test, 20);
  g_assert_true (put (fixture->storage, "a", NULL));
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 20 * 1000);
}

/* A request that would take an hour ends at once */
static void
test_latency_is_cancelled (Fixture       *fixture,
                           gconstpointer  data)
{
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) answer = NULL;
  g_autoptr (GError) error = NULL;

  dimple_test_storage_set_latency (fixture->test, 3600 * 1000);
  dimple_storage_put_async (fixture->storage, "a", contents, cancellable, on_answer, &answer);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (answer);
  g_cancellable_cancel (cancellable);
  while (answer == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_false (dimple_storage_put_finish (fixture->storage, answer, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (is_there (fixture->memory, "a"));

  /* Nothing of it is waiting any more */
  g_clear_object (&answer);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (G_OBJECT (fixture->storage)->ref_count, ==, 1);
}

#define ADD(path, test) g_test_add ("/test-storage/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  ADD ("counts", test_counts);
  ADD ("fails-before", test_fails_before);
  ADD ("fails-after", test_fails_after);
  ADD ("fails-all-operations", test_fails_all_operations);
  ADD ("several-faults", test_several_faults);
  ADD ("check-fails", test_check_fails);
  g_test_add_func ("/test-storage/check-finds-lies", test_check_finds_lies);
  ADD ("latency", test_latency);
  ADD ("latency-is-cancelled", test_latency_is_cancelled);

  return g_test_run ();
}
