/* test-local-storage.c: what is special about a folder
 *
 * What goes wrong with its disk is in test-local-disk.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "local-fixture.h"

/* --- Other files in the folder --- */

static void
test_foreign_files (Fixture       *fixture,
                    gconstpointer  data)
{
  static const char * const foreign[] = {
    ".DS_Store", "desktop.ini", "Thumbs.db", ".stfolder/marker", "name (conflicted copy).json",
    "folder/a.sync-conflict-20260101-120000-ABCDEFG.json", "folder/.~lock.a.json#", "A", "=41=4", "long=/rest",
    "caf\xe9",
  };
  g_autofree char *loop = g_build_filename (fixture->path, "folder", "loop", NULL);
  g_autofree char *pipe = g_build_filename (fixture->path, "pipe", NULL);

  put (fixture->storage, "a.json", "ours");
  put (fixture->storage, "folder/b.json", "ours");
  for (gsize i = 0; i < G_N_ELEMENTS (foreign); i++)
    {
      g_autofree char *path = write_file (fixture, foreign[i], "theirs");
    }
  g_assert_cmpint (symlink ("..", loop), ==, 0);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);

  assert_keys (fixture->storage, "a.json folder/b.json");
  assert_contents (fixture->storage, "a.json", "ours");

  /* What somebody else put there under a name of ours is an object */
  g_free (write_file (fixture, "folder/c.json", "copied by hand"));
  assert_keys (fixture->storage, "a.json folder/b.json folder/c.json");
  assert_contents (fixture->storage, "folder/c.json", "copied by hand");
}

static void
test_abandoned_files (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autofree char *young = write_file (fixture, "folder/.dimple-1.tmp", "being written");
  g_autofree char *old = write_file (fixture, "folder/.dimple-2.tmp", "its writer died");
  g_autofree char *other = write_file (fixture, "folder/.other-2.tmp", "not ours");
  struct timespec two_days_ago[2] = { { time (NULL) - 2 * 24 * 3600 }, { time (NULL) - 2 * 24 * 3600 } };

  g_assert_cmpint (utimensat (AT_FDCWD, old, two_days_ago, 0), ==, 0);
  g_assert_cmpint (utimensat (AT_FDCWD, other, two_days_ago, 0), ==, 0);

  assert_keys (fixture->storage, "");
  g_assert_true (g_file_test (young, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (old, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (other, G_FILE_TEST_EXISTS));
}

static void
test_object_in_the_way (Fixture       *fixture,
                        gconstpointer  data)
{
  put (fixture->storage, "a", "x");
  assert_put_fails (fixture->storage, "a/b", DIMPLE_ERROR_STORAGE);
  put (fixture->storage, "c/d", "x");
  assert_put_fails (fixture->storage, "c", DIMPLE_ERROR_STORAGE);
  assert_keys (fixture->storage, "a c/d");
}

/* --- Threads --- */

typedef struct
{
  GAsyncResult *result;
} Answer;

static void
on_answer (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Answer *answer = user_data;

  g_assert_null (answer->result);
  answer->result = g_object_ref (result);
}

static void
answer_wait (Answer *answer)
{
  while (answer->result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

/* Reading a pipe waits until somebody writes: as long as a drive that hangs */
static void
test_does_not_block (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autofree char *path = g_build_filename (fixture->path, "pipe", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GBytes) contents = NULL;
  g_autoptr (GError) error = NULL;
  Answer late = { NULL };
  Answer cancelled = { NULL };

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  dimple_storage_get_async (fixture->storage, "pipe", NULL, on_answer, &late);
  dimple_storage_get_async (fixture->storage, "pipe", cancellable, on_answer, &cancelled);

  put (fixture->storage, "other", "x");
  assert_contents (fixture->storage, "other", "x");
  assert_keys (fixture->storage, "other");
  g_cancellable_cancel (cancellable);
  answer_wait (&cancelled);
  g_assert_null (dimple_storage_get_finish (fixture->storage, cancelled.result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  g_assert_null (late.result);
  {
    int fd = open (path, O_WRONLY);

    g_assert_cmpint (fd, >=, 0);
    close (fd);
  }
  answer_wait (&late);
  contents = dimple_storage_get_finish (fixture->storage, late.result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (contents), ==, 0);

  g_object_unref (late.result);
  g_object_unref (cancelled.result);
}

static void
wait_for_end (GTask        *task,
              gpointer      source,
              gpointer      task_data,
              GCancellable *cancellable)
{
  GMutex *mutex = task_data;

  g_mutex_lock (mutex);
  g_mutex_unlock (mutex);
  g_task_return_boolean (task, TRUE);
}

/* The threads that all of the process shares may be taken */
static void
test_own_threads (Fixture       *fixture,
                  gconstpointer  data)
{
  GMutex mutex;
  Answer answers[40] = { { NULL } };

  g_mutex_init (&mutex);
  g_mutex_lock (&mutex);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      g_autoptr (GTask) task = g_task_new (NULL, NULL, on_answer, &answers[i]);

      g_task_set_task_data (task, &mutex, NULL);
      g_task_run_in_thread (task, wait_for_end);
    }

  put (fixture->storage, "folder/a", "x");
  assert_contents (fixture->storage, "folder/a", "x");
  assert_keys (fixture->storage, "folder/a");

  g_mutex_unlock (&mutex);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      answer_wait (&answers[i]);
      g_object_unref (answers[i].result);
    }
  g_mutex_clear (&mutex);
}

/* A storage may be let go while it works */
static void
test_dropped (Fixture       *fixture,
              gconstpointer  data)
{
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);
  g_autoptr (GFile) folder = g_file_new_for_path (fixture->path);

  for (guint i = 0; i < 50; i++)
    {
      DimpleStorage *storage = dimple_local_storage_new (folder);
      Answer answer = { NULL };

      dimple_storage_put_async (storage, "a", contents, NULL, on_answer, &answer);
      g_object_unref (storage);
      answer_wait (&answer);
      g_assert_true (dimple_storage_put_finish (storage, answer.result, NULL));
      g_object_unref (answer.result);
    }
}

/* --- Addresses --- */

static void
test_uri (Fixture       *fixture,
          gconstpointer  data)
{
  g_autofree char *uri = g_filename_to_uri (fixture->path, NULL, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (DimpleStorage) storage = dimple_storage_new_for_uri (uri, &error);
  g_autoptr (DimpleStorage) memory = NULL;
  g_autoptr (GFile) folder = NULL;
  g_autofree char *path = NULL;

  g_assert_no_error (error);
  g_object_get (storage, "folder", &folder, NULL);
  path = g_file_get_path (folder);
  g_assert_cmpstr (path, ==, fixture->path);

  memory = dimple_storage_new_for_uri ("memory:", &error);
  g_assert_no_error (error);
  g_assert_true (DIMPLE_IS_MEMORY_STORAGE (memory));
}

static void
test_bad_uri (void)
{
  static const char * const bad[] = {
    "", "folder", "/tmp/folder", "http://example.org/", "file:relative", "file://elsewhere/folder", "file:///a%00b",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (dimple_storage_new_for_uri (bad[i], &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
    }
}

static void
test_description (void)
{
  g_autoptr (GFile) remote = g_file_new_for_uri ("dav://user:geheim@example.org/folder");
  g_autoptr (DimpleStorage) storage = dimple_local_storage_new (remote);
  g_autofree char *description = dimple_storage_dup_description (storage);

  g_assert_null (strstr (description, "geheim"));
  g_assert_nonnull (strstr (description, "example.org"));
}

#define ADD(path, test) g_test_add ("/local-storage/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  ADD ("foreign-files", test_foreign_files);
  ADD ("abandoned-files", test_abandoned_files);
  ADD ("object-in-the-way", test_object_in_the_way);
  ADD ("does-not-block", test_does_not_block);
  ADD ("own-threads", test_own_threads);
  ADD ("dropped", test_dropped);
  ADD ("uri", test_uri);
  g_test_add_func ("/local-storage/bad-uri", test_bad_uri);
  g_test_add_func ("/local-storage/description", test_description);

  return g_test_run ();
}
