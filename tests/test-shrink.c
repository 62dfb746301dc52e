/* test-shrink.c: after pruning, the pages that are free go back to the file system
 *
 *   test-shrink [--rounds=N] [--seed=N]
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dimple-free-pages-private.h"
#include "random-test.h"
#include "store-exchange.h"

static guint n_rounds = 40;
static guint seed;

static const char * const migrations[] = { "CREATE TABLE note (key TEXT PRIMARY KEY, body TEXT)", NULL };

static char *
make_path (const char *name)
{
  g_mkdir_with_parents (g_get_user_data_dir (), 0700);
  return g_build_filename (g_get_user_data_dir (), name, NULL);
}

static DimpleStore *
open_file (const char *path)
{
  g_autoptr(GError) error = NULL;
  DimpleStore *store = dimple_store_open (path, &error);

  g_assert_no_error (error);
  dimple_store_migrate (store, migrations, &error);
  g_assert_no_error (error);
  return store;
}

/* Each edit leaves its old text in the history. */
static void
edit_often (DimpleStore *store,
            guint        n_edits)
{
  g_autofree char *text = g_strnfill (2000, 'x');

  execute (store, "INSERT OR IGNORE INTO note VALUES ('a', NULL), ('b', 'stays')");
  for (guint i = 0; i < n_edits; i++)
    {
      g_autofree char *sql = g_strdup_printf ("UPDATE note SET body = '%u %s' WHERE key = 'a'", i, text);

      execute (store, sql);
    }
}

static void
prune (DimpleStore *store)
{
  g_autoptr(GError) error = NULL;

  g_usleep (2000);                                /* an id counts milliseconds */
  g_object_set (store, "history-max-age", G_GINT64_CONSTANT (1), NULL);
  dimple_store_prune (store, FALSE, &error);
  g_assert_no_error (error);
}

static gint64
number (DimpleStore *store,
        const char  *sql)
{
  g_autoptr(GError) error = NULL;
  DimpleConnection *reader = dimple_store_acquire_reader (store, &error);
  gint64 value = 0;

  g_assert_no_error (error);
  dimple_connection_get_int64 (reader, sql, 0, &value, &error);
  g_assert_no_error (error);
  dimple_store_release_reader (store, reader);
  return value;
}

static void
assert_sound (DimpleStore *store)
{
  assert_values (store, "SELECT integrity_check FROM pragma_integrity_check", "ok");
  assert_values (store, "SELECT body FROM note WHERE key = 'b'", "stays");
  assert_values (store, "SELECT substr (body, 1, 4) FROM note WHERE key = 'a'", "1499");
}

/* -- Files --------------------------------------------------------------------------------------------------------- */

static void
test_file (void)
{
  g_autofree char *path = make_path ("shrinks.db");
  g_autoptr(DimpleStore) store = open_file (path);
  gint64 n_grown, n_left;
  GStatBuf file;

  edit_often (store, 1500);
  n_grown = number (store, "PRAGMA page_count");
  g_assert_cmpint (n_grown, >, 1000);
  prune (store);
  n_left = number (store, "PRAGMA page_count");
  g_assert_cmpint (n_left, <, 100);
  g_assert_cmpint (number (store, "PRAGMA freelist_count"), <, n_left / 4);
  g_assert_cmpint (g_stat (path, &file), ==, 0);
  g_assert_cmpint (file.st_size, ==, n_left * number (store, "PRAGMA page_size"));
  assert_sound (store);

  /* and so again, with the file open all the time */
  edit_often (store, 1500);
  prune (store);
  g_assert_cmpint (number (store, "PRAGMA page_count"), <, 100);
  assert_sound (store);
}

/* A store in memory gives memory back. */
static void
test_memory (void)
{
  g_autoptr(DimpleStore) store = open_file (NULL);

  edit_often (store, 1500);
  prune (store);
  g_assert_cmpint (number (store, "PRAGMA page_count"), <, 100);
  assert_sound (store);
}

/* Not for little: what comes next needs pages. */
static void
test_little (void)
{
  g_autofree char *path = make_path ("little.db");
  g_autoptr(DimpleStore) store = open_file (path);
  gint64 n_grown;

  edit_often (store, 150);
  n_grown = number (store, "PRAGMA page_count");
  prune (store);
  g_assert_cmpint (number (store, "PRAGMA freelist_count"), >, n_grown / 4);
  g_assert_cmpint (number (store, "PRAGMA page_count"), >=, n_grown);
}

/* Nor for a small share of the file. */
static void
test_small_share (void)
{
  g_autofree char *path = make_path ("share.db");
  g_autoptr(DimpleStore) store = open_file (path);
  gint64 n_grown;

  edit_often (store, 800);
  execute (store, "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
                  " INSERT INTO note SELECT 'n' || i, hex (randomblob (1000)) FROM n");
  n_grown = number (store, "PRAGMA page_count");
  prune (store);
  g_assert_cmpint (number (store, "PRAGMA freelist_count") * number (store, "PRAGMA page_size"), >, 1024 * 1024);
  g_assert_cmpint (number (store, "PRAGMA page_count"), >=, n_grown);
}

/* A file that SQLite made without auto_vacuum works as ever, and uses what is free in it. */
static void
test_older_file (void)
{
  g_autofree char *path = make_path ("older.db");
  g_autoptr(DimpleStore) store = NULL;
  sqlite3 *handle = NULL;
  gint64 n_grown;

  g_assert_cmpint (sqlite3_open (path, &handle), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (handle, "PRAGMA journal_mode = WAL; CREATE TABLE old (key TEXT PRIMARY KEY)", NULL,
                                 NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (handle);
  store = open_file (path);
  edit_often (store, 1500);
  n_grown = number (store, "PRAGMA page_count");
  prune (store);
  g_assert_cmpint (number (store, "PRAGMA page_count"), >=, n_grown);
  g_assert_cmpint (number (store, "PRAGMA freelist_count"), >, n_grown / 2);
  edit_often (store, 1500);
  g_assert_cmpint (number (store, "PRAGMA page_count"), <=, n_grown + 10);
  assert_sound (store);
}

/* -- Steps --------------------------------------------------------------------------------------------------------- */

/* One step is as long as it is told to be, so nobody waits longer for the write lock. */
static void
test_steps (void)
{
  g_autofree char *path = make_path ("steps.db");
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleConnection) connection = dimple_connection_open (path, DIMPLE_CONNECTION_WRITER, &error);
  gint64 n_before, n_after, n_pages;

  g_assert_no_error (error);
  dimple_connection_exec (connection, "CREATE TABLE t (x); "
                                      "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n "
                                      "WHERE i < 4000) INSERT INTO t SELECT randomblob (1000) FROM n; "
                                      "DELETE FROM t WHERE rowid % 8", &error);
  g_assert_no_error (error);
  dimple_connection_exec (connection, "DELETE FROM t WHERE rowid < 3000", &error);
  g_assert_no_error (error);
  dimple_free_pages_count (connection, &n_pages, &error);
  g_assert_no_error (error);
  g_assert_cmpint (n_pages, >, 256);

  dimple_connection_get_int64 (connection, "PRAGMA page_count", 0, &n_before, &error);
  dimple_free_pages_give_back (connection, 10, &error);
  g_assert_no_error (error);
  dimple_connection_get_int64 (connection, "PRAGMA page_count", 0, &n_after, &error);
  g_assert_no_error (error);
  g_assert_cmpint (n_before - n_after, >=, 10);
  g_assert_cmpint (n_before - n_after, <=, 11);              /* with one that only said who points at others */
}

typedef struct
{
  DimpleStore *store;
  gint         stop;
  guint        n_writes;
} Writer;

static gpointer
write_on (gpointer user_data)
{
  Writer *writer = user_data;

  while (!g_atomic_int_get (&writer->stop))
    {
      g_autofree char *sql = g_strdup_printf ("UPDATE note SET body = '%u' WHERE key = 'b'", ++writer->n_writes);

      execute (writer->store, sql);
    }
  return NULL;
}

/* Others write while it goes on. */
static void
test_with_writers (void)
{
  g_autofree char *path = make_path ("writers.db");
  g_autoptr(DimpleStore) store = open_file (path);
  Writer writer = { store, FALSE, 0 };
  GThread *thread;
  gint64 n_grown;

  edit_often (store, 3000);
  n_grown = number (store, "PRAGMA page_count");
  thread = g_thread_new ("writer", write_on, &writer);
  prune (store);
  g_atomic_int_set (&writer.stop, TRUE);
  g_thread_join (thread);
  g_assert_cmpuint (writer.n_writes, >, 0);
  g_assert_cmpint (number (store, "PRAGMA page_count"), <, n_grown / 2);
  assert_values (store, "SELECT integrity_check FROM pragma_integrity_check", "ok");
  g_assert_cmpint (number (store, "SELECT body FROM note WHERE key = 'b'"), ==, writer.n_writes);
}

/* -- Killed -------------------------------------------------------------------------------------------------------- */

/* A process is killed at any moment of it, and the next one finds everything. */
static void
test_killed (void)
{
  g_autofree char *path = make_path ("killed.db");
  g_autoptr(GRand) rand = g_rand_new_with_seed (seed);
  gint64 n_grown;
  guint round = 0;

  g_test_message ("seed %u", seed);
  {
    g_autoptr(DimpleStore) store = open_file (path);

    edit_often (store, 1500);
    n_grown = number (store, "PRAGMA page_count");
  }
  for (round = 0; round < n_rounds; round++)
    {
      g_autoptr(DimpleStore) store = NULL;
      pid_t child = fork ();
      int status;

      if (child == 0)
        {
          store = open_file (path);
          prune (store);
          _exit (0);
        }
      g_usleep ((gulong) g_rand_int_range (rand, 0, 30000));
      kill (child, SIGKILL);
      g_assert_cmpint (waitpid (child, &status, 0), ==, child);
      store = open_file (path);
      assert_sound (store);
      if (WIFEXITED (status) || number (store, "PRAGMA page_count") < n_grown / 4)
        edit_often (store, 1500);
    }
  {
    g_autoptr(DimpleStore) store = open_file (path);

    prune (store);
    g_assert_cmpint (number (store, "PRAGMA page_count"), <, n_grown / 4);
    assert_sound (store);
  }
}

int
main (int   argc,
      char *argv[])
{
  seed = take_option (&argc, argv, "--seed", (guint) g_get_real_time ());
  n_rounds = take_option (&argc, argv, "--rounds", n_rounds);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/shrink/killed", test_killed);
  g_test_add_func ("/shrink/file", test_file);
  g_test_add_func ("/shrink/memory", test_memory);
  g_test_add_func ("/shrink/little", test_little);
  g_test_add_func ("/shrink/small-share", test_small_share);
  g_test_add_func ("/shrink/older-file", test_older_file);
  g_test_add_func ("/shrink/steps", test_steps);
  g_test_add_func ("/shrink/with-writers", test_with_writers);
  return g_test_run ();
}
