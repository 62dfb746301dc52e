/* test-storage-async.c: several requests to a storage at once, from one thread or several, and requests that are
 * cancelled
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "storage-cases.h"

/* A blocking call runs only its own context: it may not wait for what goes on, or has not quite ended, in that of its
 * caller. */
static void
test_block_amid_others (Place *place)
{
  const guint n_others = 12;
  g_autofree char *key = key_of (place, "amid");

  put (place, key, "Amid");
  for (guint round = 0; round < 4; round++)
    {
      g_auto (Answers) answers = { NULL };

      answers_init (&answers, n_others);
      for (guint i = 0; i < n_others; i++)
        dimple_storage_get_async (place->storage, key, NULL, on_answer, &answers);
      /* In the last round the answers are all there, and nothing else has been done since */
      while (answers.n_pending > n_others - round * n_others / 3)
        g_main_context_iteration (NULL, TRUE);
      assert_contents (place, key, "Amid");
      answers_wait (&answers);
      assert_contents (place, key, "Amid");
    }
}

#define N_CONCURRENT 40

static void
test_concurrent_requests (Place *place)
{
  g_autoptr (GError) error = NULL;

  for (guint round = 0; round < 2; round++)
    {
      g_auto (Answers) answers = { NULL };

      answers_init (&answers, N_CONCURRENT);
      for (guint i = 0; i < N_CONCURRENT; i++)
        {
          g_autofree char *name = g_strdup_printf ("folder-%u/object-%u", i % 7, i);
          g_autofree char *key = key_of (place, name);
          g_autoptr (GBytes) contents = g_bytes_new (name, strlen (name));

          if (round == 0)
            dimple_storage_put_async (place->storage, key, contents, NULL, on_answer, &answers);
          else
            dimple_storage_get_async (place->storage, key, NULL, on_answer, &answers);
        }
      /* Not before the calls have returned */
      g_assert_cmpuint (answers.n_pending, ==, N_CONCURRENT);
      answers_wait (&answers);

      for (guint i = 0; i < N_CONCURRENT; i++)
        {
          g_autoptr (GBytes) contents = NULL;

          if (round == 0)
            dimple_storage_put_finish (place->storage, answers.results->pdata[i], &error);
          else
            contents = dimple_storage_get_finish (place->storage, answers.results->pdata[i], &error);
          g_assert_no_error (error);
        }
    }

  for (guint i = 0; i < N_CONCURRENT; i++)
    {
      g_autofree char *name = g_strdup_printf ("folder-%u/object-%u", i % 7, i);
      g_autofree char *key = key_of (place, name);

      assert_contents (place, key, name);
    }
}

typedef struct
{
  Place *place;
  guint number;
  int *n_running;               /* atomic */
} Worker;

static gpointer
work (gpointer data)
{
  Worker *worker = data;

  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *name = g_strdup_printf ("same-folder/%u-%u", worker->number, i);
      g_autofree char *key = key_of (worker->place, name);

      put (worker->place, key, name);
      assert_contents (worker->place, key, name);
    }

  g_atomic_int_add (worker->n_running, -1);
  g_main_context_wakeup (NULL);
  return NULL;
}

static void
test_threads (Place *place)
{
  Worker workers[4];
  GThread *threads[G_N_ELEMENTS (workers)];
  g_auto (GStrv) names = NULL;
  int n_running = G_N_ELEMENTS (workers);

  for (gsize i = 0; i < G_N_ELEMENTS (workers); i++)
    {
      workers[i] = (Worker) { place, i, &n_running };
      threads[i] = g_thread_new ("worker", work, &workers[i]);
    }
  /* A custom storage answers in this thread */
  while (g_atomic_int_get (&n_running) > 0)
    g_main_context_iteration (NULL, TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (workers); i++)
    g_thread_join (threads[i]);

  names = list_names (place, "same-folder/", NULL, NULL);
  g_assert_cmpuint (g_strv_length (names), ==, 10 * G_N_ELEMENTS (workers));
}

static void
assert_cancelled (GError *error)
{
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_error_free (error);
}

static void
test_cancelled_before (Place *place)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *key = key_of (place, "never");
  const char *keys[] = { key, NULL };
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);
  GError *error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (dimple_storage_list (place->storage, NULL, NULL, cancellable, &error));
  assert_cancelled (g_steal_pointer (&error));
  g_assert_false (dimple_storage_put (place->storage, key, contents, cancellable, &error));
  assert_cancelled (g_steal_pointer (&error));
  g_assert_null (dimple_storage_get (place->storage, key, cancellable, &error));
  assert_cancelled (g_steal_pointer (&error));
  g_assert_false (dimple_storage_remove (place->storage, keys, cancellable, &error));
  assert_cancelled (g_steal_pointer (&error));
  g_assert_false (dimple_storage_check (place->storage, cancellable, &error));
  assert_cancelled (g_steal_pointer (&error));

  assert_missing (place, key);
}

static void
assert_nothing_but_cancelled (const GError *error)
{
  if (error != NULL)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* A request may be done before the cancellation comes; but it is answered once, and the storage goes on to work */
static void
test_cancelled_during (Place *place)
{
  g_autofree guint8 *data = g_malloc0 (1024 * 1024);
  g_autoptr (GBytes) contents = g_bytes_new (data, 1024 * 1024);
  g_autofree char *key = key_of (place, "perhaps");
  g_auto (Answers) puts = { NULL };
  g_auto (Answers) lists = { NULL };

  answers_init (&puts, 10);
  answers_init (&lists, 10);
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();

      dimple_storage_put_async (place->storage, key, contents, cancellable, on_answer, &puts);
      dimple_storage_list_async (place->storage, place->base, NULL, cancellable, on_answer, &lists);
      for (guint turns = 0; turns < i; turns++)
        g_main_context_iteration (NULL, FALSE);
      g_cancellable_cancel (cancellable);
    }
  answers_wait (&puts);
  answers_wait (&lists);

  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (GError) put_error = NULL;
      g_autoptr (GError) list_error = NULL;
      g_auto (GStrv) keys = NULL;

      dimple_storage_put_finish (place->storage, puts.results->pdata[i], &put_error);
      assert_nothing_but_cancelled (put_error);
      keys = dimple_storage_list_finish (place->storage, lists.results->pdata[i], &list_error);
      assert_nothing_but_cancelled (list_error);
    }
  put (place, key, "still alive");
  assert_contents (place, key, "still alive");
}

static const Case cases[] = {
  { "block-amid-others", test_block_amid_others },
  { "concurrent-requests", test_concurrent_requests },
  { "threads", test_threads },
  { "cancelled-before", test_cancelled_before },
  { "cancelled-during", test_cancelled_during },
};

int
main (int   argc,
      char *argv[])
{
  return run_cases (argc, argv, "storage-async", cases, G_N_ELEMENTS (cases));
}
