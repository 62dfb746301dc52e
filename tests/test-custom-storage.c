/* test-custom-storage.c: storages of an app's own, and how requests are answered
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <dimple.h>

#define TEST_TYPE_STORAGE (test_storage_get_type ())
G_DECLARE_FINAL_TYPE (TestStorage, test_storage, TEST, STORAGE, DimpleCustomStorage)

/* Keeps the requests for the test to answer */
struct _TestStorage
{
  DimpleCustomStorage parent_instance;

  GPtrArray *requests;
  GThread *thread;
};

G_DEFINE_FINAL_TYPE (TestStorage, test_storage, DIMPLE_TYPE_CUSTOM_STORAGE)

static void
test_storage_request (DimpleCustomStorage  *storage,
                      DimpleStorageRequest *request)
{
  TestStorage *self = TEST_STORAGE (storage);

  self->thread = g_thread_self ();
  g_ptr_array_add (self->requests, g_object_ref (request));
}

static void
test_storage_finalize (GObject *object)
{
  g_ptr_array_unref (TEST_STORAGE (object)->requests);

  G_OBJECT_CLASS (test_storage_parent_class)->finalize (object);
}

static void
test_storage_class_init (TestStorageClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = test_storage_finalize;
  DIMPLE_CUSTOM_STORAGE_CLASS (klass)->request = test_storage_request;
}

static void
test_storage_init (TestStorage *self)
{
  self->requests = g_ptr_array_new_with_free_func (g_object_unref);
}

/* One that implements the interface itself, and gets the order wrong */

#define DISORDERED_TYPE_STORAGE (disordered_storage_get_type ())
G_DECLARE_FINAL_TYPE (DisorderedStorage, disordered_storage, DISORDERED, STORAGE, GObject)

struct _DisorderedStorage
{
  GObject parent_instance;
};

static void
disordered_storage_list_async (DimpleStorage       *storage,
                               const char          *prefix,
                               const char          *start_after,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (storage, cancellable, callback, user_data);

  g_task_return_pointer (task, g_strsplit (prefix, ",", -1), (GDestroyNotify) g_strfreev);
}

static char **
disordered_storage_list_finish (DimpleStorage  *storage,
                                GAsyncResult   *result,
                                GError        **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
storage_iface_init (DimpleStorageInterface *iface)
{
  iface->list_async = disordered_storage_list_async;
  iface->list_finish = disordered_storage_list_finish;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (DisorderedStorage, disordered_storage, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_STORAGE, storage_iface_init))

static void
disordered_storage_class_init (DisorderedStorageClass *klass)
{
}

static void
disordered_storage_init (DisorderedStorage *self)
{
}

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
wait_for (GAsyncResult **answer)
{
  while (*answer == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static DimpleStorageRequest *
take_request (TestStorage *storage)
{
  g_assert_cmpuint (storage->requests->len, ==, 1);
  return g_ptr_array_steal_index (storage->requests, 0);
}

static void
assert_get_fails (DimpleStorage *storage,
                  GAsyncResult  *answer,
                  GQuark         domain,
                  int            code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dimple_storage_get_finish (storage, answer, &error));
  g_assert_error (error, domain, code);
}

static void
test_arguments (void)
{
  g_autoptr (TestStorage) self = g_object_new (TEST_TYPE_STORAGE, NULL);
  DimpleStorage *storage = DIMPLE_STORAGE (self);
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  const char *keys[] = { "a", "b", NULL };
  DimpleStorageRequest *request;

  dimple_storage_list_async (storage, "prefix/", "prefix/a", NULL, NULL, NULL);
  request = take_request (self);
  g_assert_cmpint (dimple_storage_request_get_operation (request), ==, DIMPLE_STORAGE_LIST);
  g_assert_cmpstr (dimple_storage_request_get_key (request), ==, "prefix/");
  g_assert_cmpstr (dimple_storage_request_get_start_after (request), ==, "prefix/a");
  g_assert_null (dimple_storage_request_get_keys (request)[0]);
  g_assert_null (dimple_storage_request_get_contents (request));
  g_assert_null (dimple_storage_request_get_cancellable (request));
  g_object_unref (request);

  dimple_storage_list_async (storage, NULL, NULL, NULL, NULL, NULL);
  request = take_request (self);
  g_assert_cmpstr (dimple_storage_request_get_key (request), ==, "");
  g_assert_cmpstr (dimple_storage_request_get_start_after (request), ==, "");
  g_object_unref (request);

  dimple_storage_put_async (storage, "a", contents, cancellable, NULL, NULL);
  request = take_request (self);
  g_assert_cmpint (dimple_storage_request_get_operation (request), ==, DIMPLE_STORAGE_PUT);
  g_assert_cmpstr (dimple_storage_request_get_key (request), ==, "a");
  g_assert_true (dimple_storage_request_get_contents (request) == contents);
  g_assert_true (dimple_storage_request_get_cancellable (request) == cancellable);
  g_assert_null (dimple_storage_request_get_start_after (request));
  g_object_unref (request);

  dimple_storage_get_async (storage, "a", NULL, NULL, NULL);
  request = take_request (self);
  g_assert_cmpint (dimple_storage_request_get_operation (request), ==, DIMPLE_STORAGE_GET);
  g_assert_cmpstr (dimple_storage_request_get_key (request), ==, "a");
  g_object_unref (request);

  dimple_storage_remove_async (storage, keys, NULL, NULL, NULL);
  request = take_request (self);
  g_assert_cmpint (dimple_storage_request_get_operation (request), ==, DIMPLE_STORAGE_REMOVE);
  g_assert_cmpstr (dimple_storage_request_get_key (request), ==, "a");
  g_assert_cmpstr (dimple_storage_request_get_keys (request)[1], ==, "b");
  g_assert_null (dimple_storage_request_get_keys (request)[2]);
  g_object_unref (request);
}

static void
test_answered_later (void)
{
  g_autoptr (TestStorage) self = g_object_new (TEST_TYPE_STORAGE, NULL);
  DimpleStorage *storage = DIMPLE_STORAGE (self);
  g_autoptr (DimpleStorageRequest) request = NULL;
  g_autoptr (GAsyncResult) answer = NULL;
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);
  g_autoptr (GBytes) got = NULL;
  g_autoptr (GError) error = NULL;

  dimple_storage_get_async (storage, "a", NULL, on_answer, &answer);
  request = take_request (self);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (answer);

  dimple_storage_request_complete (request, contents);
  g_assert_null (answer);
  wait_for (&answer);
  got = dimple_storage_get_finish (storage, answer, &error);
  g_assert_no_error (error);
  g_assert_true (got == contents);
}

/* An app may give all that it has, in any order */
static void
test_list_is_put_in_order (void)
{
  static const char * const all[] = { "b/2", "a", "b/1", "b/3", "b/3", "c", "b", NULL };
  g_autoptr (TestStorage) self = g_object_new (TEST_TYPE_STORAGE, NULL);
  g_autoptr (DimpleStorageRequest) request = NULL;
  g_autoptr (GAsyncResult) answer = NULL;
  g_auto (GStrv) keys = NULL;
  g_autofree char *joined = NULL;

  dimple_storage_list_async (DIMPLE_STORAGE (self), "b/", "b/1", NULL, on_answer, &answer);
  request = take_request (self);
  dimple_storage_request_complete_list (request, all);
  wait_for (&answer);
  keys = dimple_storage_list_finish (DIMPLE_STORAGE (self), answer, NULL);
  joined = g_strjoinv (" ", keys);
  g_assert_cmpstr (joined, ==, "b/2 b/3");
}

/* A listing out of order would be read wrongly, so it is an error; this storage lists what the prefix says */
static void
test_list_out_of_order (void)
{
  static const char * const wrong[] = { "b,a", "a,c,b", "a,a" };
  g_autoptr (DimpleStorage) storage = g_object_new (DISORDERED_TYPE_STORAGE, NULL);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) keys = dimple_storage_list (storage, "a,b,c", NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (keys), ==, 3);

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) wrong_error = NULL;

      g_assert_null (dimple_storage_list (storage, wrong[i], NULL, NULL, &wrong_error));
      g_assert_error (wrong_error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
    }
}

static void
test_failed (void)
{
  static const struct
  {
    GQuark (*domain) (void);
    int code;
    DimpleError expected;
  } errors[] = {
    { dimple_error_quark, DIMPLE_ERROR_DENIED, DIMPLE_ERROR_DENIED },
    { g_io_error_quark, G_IO_ERROR_NOT_FOUND, DIMPLE_ERROR_NOT_FOUND },
    { g_io_error_quark, G_IO_ERROR_CONNECTION_REFUSED, DIMPLE_ERROR_OFFLINE },
    { g_io_error_quark, G_IO_ERROR_TIMED_OUT, DIMPLE_ERROR_OFFLINE },
    { g_resolver_error_quark, G_RESOLVER_ERROR_NOT_FOUND, DIMPLE_ERROR_OFFLINE },
    { g_io_error_quark, G_IO_ERROR_PERMISSION_DENIED, DIMPLE_ERROR_DENIED },
    { g_io_error_quark, G_IO_ERROR_NO_SPACE, DIMPLE_ERROR_FULL },
    { g_io_error_quark, G_IO_ERROR_NOT_MOUNTED, DIMPLE_ERROR_NO_SUCH_STORAGE },
    { g_io_error_quark, G_IO_ERROR_INVALID_DATA, DIMPLE_ERROR_STORAGE },
    { g_file_error_quark, G_FILE_ERROR_NOENT, DIMPLE_ERROR_STORAGE },
  };
  g_autoptr (TestStorage) self = g_object_new (TEST_TYPE_STORAGE, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (errors); i++)
    {
      g_autoptr (GError) error = g_error_new_literal (errors[i].domain (), errors[i].code, "The reason.");
      g_autoptr (DimpleStorageRequest) request = NULL;
      g_autoptr (GAsyncResult) answer = NULL;
      g_autoptr (GError) got = NULL;

      dimple_storage_get_async (DIMPLE_STORAGE (self), "a", NULL, on_answer, &answer);
      request = take_request (self);
      dimple_storage_request_fail (request, error);
      wait_for (&answer);
      g_assert_null (dimple_storage_get_finish (DIMPLE_STORAGE (self), answer, &got));
      g_assert_error (got, DIMPLE_ERROR, (int) errors[i].expected);
      g_assert_cmpstr (got->message, ==, "The reason.");
    }
}

static void
test_dropped (void)
{
  g_autoptr (TestStorage) self = g_object_new (TEST_TYPE_STORAGE, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) answer = NULL;

  dimple_storage_get_async (DIMPLE_STORAGE (self), "a", cancellable, on_answer, &answer);
  g_object_unref (take_request (self));
  wait_for (&answer);
  assert_get_fails (DIMPLE_STORAGE (self), answer, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
}

static void
test_cancelled (void)
{
  g_autoptr (TestStorage) self = g_object_new (TEST_TYPE_STORAGE, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (DimpleStorageRequest) request = NULL;
  g_autoptr (GAsyncResult) answer = NULL;
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);

  dimple_storage_get_async (DIMPLE_STORAGE (self), "a", cancellable, on_answer, &answer);
  request = take_request (self);
  g_cancellable_cancel (cancellable);
  wait_for (&answer);
  assert_get_fails (DIMPLE_STORAGE (self), answer, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  /* The app need not know */
  dimple_storage_request_complete (request, contents);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static gboolean
on_request_ignored (DimpleCustomStorage  *storage,
                    DimpleStorageRequest *request,
                    gpointer              user_data)
{
  ++*(guint *) user_data;
  return FALSE;
}

static gboolean
on_request_forgotten_to_return (DimpleCustomStorage  *storage,
                                DimpleStorageRequest *request,
                                gpointer              user_data)
{
  dimple_storage_request_complete (request, user_data);
  return FALSE;
}

static gboolean
on_request_taken (DimpleCustomStorage  *storage,
                  DimpleStorageRequest *request,
                  gpointer              user_data)
{
  dimple_storage_request_complete (request, user_data);
  return TRUE;
}

static void
test_signal (void)
{
  g_autoptr (DimpleStorage) storage = dimple_custom_storage_new ();
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) got = NULL;
  g_autoptr (GBytes) again = NULL;
  guint n_ignored = 0;
  gulong id;

  g_assert_null (dimple_storage_get (storage, "a", NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
  g_clear_error (&error);

  g_signal_connect (storage, "request", G_CALLBACK (on_request_ignored), &n_ignored);
  g_assert_null (dimple_storage_get (storage, "a", NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
  g_clear_error (&error);
  g_assert_cmpuint (n_ignored, ==, 1);

  id = g_signal_connect (storage, "request", G_CALLBACK (on_request_forgotten_to_return), contents);
  got = dimple_storage_get (storage, "a", NULL, &error);
  g_assert_no_error (error);
  g_assert_true (got == contents);
  g_signal_handler_disconnect (storage, id);

  g_signal_connect (storage, "request", G_CALLBACK (on_request_taken), contents);
  g_signal_connect (storage, "request", G_CALLBACK (on_request_taken), contents);
  again = dimple_storage_get (storage, "a", NULL, &error);
  g_assert_no_error (error);
}

static gpointer
get_in_thread (gpointer data)
{
  g_autoptr (GError) error = NULL;
  GBytes *contents = dimple_storage_get (data, "a", NULL, &error);

  g_assert_no_error (error);
  return contents;
}

/* JS may not be called in another thread than its own */
static void
test_home_thread (void)
{
  g_autoptr (TestStorage) self = g_object_new (TEST_TYPE_STORAGE, NULL);
  g_autoptr (GThread) thread = g_thread_new ("caller", get_in_thread, self);
  g_autoptr (DimpleStorageRequest) request = NULL;
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);
  g_autoptr (GBytes) got = NULL;

  while (self->requests->len == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (self->thread == g_thread_self ());
  request = take_request (self);
  dimple_storage_request_complete (request, contents);
  got = g_thread_join (g_steal_pointer (&thread));
  g_assert_true (got == contents);
}

static void
test_out_of_order (void)
{
  static const char * const keys[] = { "b", "a", NULL };
  g_autoptr (TestStorage) self = g_object_new (TEST_TYPE_STORAGE, NULL);
  g_autoptr (GAsyncResult) answer = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) listed = NULL;
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);
  g_autoptr (GAsyncResult) put_answer = NULL;

  /* The second request is answered first */
  dimple_storage_list_async (DIMPLE_STORAGE (self), NULL, NULL, NULL, on_answer, &answer);
  dimple_storage_put_async (DIMPLE_STORAGE (self), "c", contents, NULL, on_answer, &put_answer);
  g_assert_cmpuint (self->requests->len, ==, 2);
  dimple_storage_request_complete (self->requests->pdata[1], NULL);
  wait_for (&put_answer);
  g_assert_null (answer);
  dimple_storage_request_complete_list (self->requests->pdata[0], keys);
  wait_for (&answer);

  g_assert_true (dimple_storage_put_finish (DIMPLE_STORAGE (self), put_answer, &error));
  g_assert_no_error (error);
  listed = dimple_storage_list_finish (DIMPLE_STORAGE (self), answer, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (listed[0], ==, "a");
}

static void
answer_wrongly (guint mistake)
{
  static const char * const keys[] = { NULL };
  g_autoptr (TestStorage) self = g_object_new (TEST_TYPE_STORAGE, NULL);
  g_autoptr (DimpleStorageRequest) request = NULL;

  if (mistake == 2)
    dimple_storage_list_async (DIMPLE_STORAGE (self), NULL, NULL, NULL, NULL, NULL);
  else
    dimple_storage_get_async (DIMPLE_STORAGE (self), "a", NULL, NULL, NULL);
  request = take_request (self);

  if (mistake == 0)
    {
      g_autoptr (GError) error = g_error_new_literal (DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE, "Nobody is there.");

      dimple_storage_request_fail (request, error);
      dimple_storage_request_fail (request, error);
    }
  else if (mistake == 1 || mistake == 2)
    dimple_storage_request_complete (request, NULL);
  else
    dimple_storage_request_complete_list (request, keys);
}

/* Answering twice; without contents; without keys; with keys instead of contents */
static void
test_mistakes (void)
{
  if (g_test_subprocess ())
    {
      answer_wrongly (atoi (g_getenv ("DIMPLE_TEST_MISTAKE")));
      return;
    }

  for (guint mistake = 0; mistake < 4; mistake++)
    {
      g_autofree char *number = g_strdup_printf ("%u", mistake);

      g_setenv ("DIMPLE_TEST_MISTAKE", number, TRUE);
      g_test_trap_subprocess (NULL, 0, 0);
      g_test_trap_assert_failed ();
      g_test_trap_assert_stderr ("*CRITICAL*dimple_storage_request_*");
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/custom-storage/arguments", test_arguments);
  g_test_add_func ("/custom-storage/answered-later", test_answered_later);
  g_test_add_func ("/custom-storage/list-is-put-in-order", test_list_is_put_in_order);
  g_test_add_func ("/custom-storage/list-out-of-order", test_list_out_of_order);
  g_test_add_func ("/custom-storage/failed", test_failed);
  g_test_add_func ("/custom-storage/dropped", test_dropped);
  g_test_add_func ("/custom-storage/cancelled", test_cancelled);
  g_test_add_func ("/custom-storage/signal", test_signal);
  g_test_add_func ("/custom-storage/home-thread", test_home_thread);
  g_test_add_func ("/custom-storage/out-of-order", test_out_of_order);
  g_test_add_func ("/custom-storage/mistakes", test_mistakes);

  return g_test_run ();
}
