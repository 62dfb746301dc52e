/* test-shelf-work.c: with rows on the shelf a commit settles them if it wakes one, and else costs what it always does
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "store-exchange.h"

#include "dimple-error.h"
#include "dimple-store-internal-private.h"

static const char * const migrations[] = {
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT UNIQUE, stars INTEGER CHECK (stars < 9));"
  "CREATE TABLE note (key TEXT PRIMARY KEY, folder TEXT REFERENCES folder ON DELETE CASCADE, title TEXT);"
  "CREATE TABLE tag (key TEXT PRIMARY KEY, name TEXT)",
  NULL
};

/* -- Counting ------------------------------------------------------------------------------------------------------ */

static sqlite3 *
get_handle (DimpleStore *store)
{
  return dimple_connection_get_handle (dimple_writer_get_connection (store->writer));
}

/* How often statements that are prepared were prepared once more. */
static int
count_reprepared (DimpleStore *store)
{
  int n = 0;

  for (sqlite3_stmt *statement = sqlite3_next_stmt (get_handle (store), NULL); statement != NULL;
       statement = sqlite3_next_stmt (get_handle (store), statement))
    n += sqlite3_stmt_status (statement, SQLITE_STMTSTATUS_REPREPARE, FALSE);
  return n;
}

static int
count_commit (gpointer user_data)
{
  ++*(guint *) user_data;
  return 0;
}

/* Runs the SQL, and tells how many transactions were committed. */
static guint
count_commits (DimpleStore *store,
               const char  *sql)
{
  guint n = 0;

  sqlite3_commit_hook (get_handle (store), count_commit, &n);
  execute (store, sql);
  sqlite3_commit_hook (get_handle (store), NULL, NULL);
  return n;
}

/* One with a folder "Work", which keeps another one from being shown. */
static DimpleStore *
open_with_conflict (void)
{
  g_autoptr(DimpleStore) other = open_store (migrations);
  DimpleStore *store = open_store (migrations);

  set_second (store, 1);
  execute (store, "INSERT INTO folder (key, name) VALUES ('f1', 'Work'), ('f2', 'Home')");
  execute (store, "INSERT INTO note VALUES ('n1', 'f2', 'A')");
  execute (store, "INSERT INTO tag VALUES ('t1', 'A')");
  set_second (other, 2);
  execute (other, "INSERT INTO folder (key, name) VALUES ('f3', 'Work')");
  bring (other, store);
  assert_values (store, "SELECT json_extract (key, '$[0]') FROM dimple_shelf", "f3");
  return store;
}

/* -- Nothing to do ------------------------------------------------------------------------------------------------- */

static void
test_unconcerned (void)
{
  const char * const edits[] = {
    "UPDATE tag SET name = name || 'x' WHERE key = 't1'",
    "UPDATE note SET title = title || 'x' WHERE key = 'n1'",
    "UPDATE folder SET name = name || 'x' WHERE key = 'f2'",
  };
  g_autoptr(DimpleStore) store = open_with_conflict ();
  int n_reprepared;

  /* what was prepared while FOREIGN KEYs were off is prepared anew, once */
  for (guint i = 0; i < G_N_ELEMENTS (edits); i++)
    execute (store, edits[i]);
  n_reprepared = count_reprepared (store);
  for (guint i = 0; i < G_N_ELEMENTS (edits); i++)
    {
      g_assert_cmpuint (count_commits (store, edits[i]), ==, 1);
      g_assert_cmpint (count_reprepared (store), ==, n_reprepared);
    }
  assert_values (store, "SELECT json_extract (key, '$[0]') FROM dimple_shelf", "f3");
}

/* What Dimple writes to its own tables has no FOREIGN KEYs to be spared of. */
static void
test_own_writes (void)
{
  g_autoptr(DimpleStore) store = open_with_conflict ();
  g_autoptr(GError) error = NULL;
  g_autofree char *value = NULL;
  int n_reprepared;

  dimple_store_set_state (store, "state", "one", &error);
  g_assert_no_error (error);
  execute (store, "UPDATE tag SET name = 'B'");
  n_reprepared = count_reprepared (store);
  dimple_store_set_state (store, "state", "two", &error);
  g_assert_no_error (error);
  execute (store, "UPDATE tag SET name = 'C'");
  g_assert_cmpint (count_reprepared (store), ==, n_reprepared);
  value = dimple_store_dup_state (store, "state", &error);
  g_assert_cmpstr (value, ==, "two");
}

static void
test_own_write_inside (void)
{
  g_autoptr(DimpleStore) store = open_store (migrations);
  g_autoptr(GError) error = NULL;

  g_assert_true (dimple_store_begin (store, &error));
  g_assert_false (dimple_store_set_state (store, "state", "one", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_clear_error (&error);
  g_assert_true (dimple_store_rollback (store, &error));
}

/* -- Something to do ----------------------------------------------------------------------------------------------- */

static void
test_rival_goes (void)
{
  g_autoptr(DimpleStore) store = open_with_conflict ();

  g_assert_cmpuint (count_commits (store, "UPDATE folder SET name = 'Play' WHERE key = 'f1'"), ==, 2);
  assert_values (store, "SELECT key FROM folder ORDER BY key", "f1 f2 f3");
  assert_values (store, "SELECT json_extract (key, '$[0]') FROM dimple_shelf", "");
  /* from then on there is nothing to ask */
  g_assert_cmpuint (count_commits (store, "UPDATE folder SET name = 'Pause' WHERE key = 'f1'"), ==, 1);
}

/* The row that waits and the one that it waits for are of different tables. */
static void
test_parent_comes (void)
{
  g_autoptr(DimpleStore) store = open_store (migrations), other = open_store (migrations);

  set_second (other, 1);
  execute (other, "INSERT INTO folder (key, name) VALUES ('f1', 'Work')");
  execute (other, "INSERT INTO note VALUES ('n1', 'f1', 'A')");
  bring (other, store);
  set_second (store, 2);
  execute (store, "DELETE FROM folder");
  set_second (other, 3);
  execute (other, "UPDATE note SET title = 'B'");
  bring (other, store);
  assert_values (store, "SELECT json_extract (key, '$[0]') FROM dimple_shelf", "n1");
  g_assert_cmpuint (count_commits (store, "INSERT INTO folder VALUES ('f2', 'Home', 1)"), ==, 1);
  g_assert_cmpuint (count_commits (store, "INSERT INTO folder VALUES ('f1', 'Work', 1)"), ==, 2);
  assert_values (store, "SELECT title FROM note", "B");
}

/* A row that waits for nobody is inserted anew. */
static void
test_key_taken (void)
{
  g_autoptr(DimpleStore) store = open_store (migrations), other = NULL;
  const char *loose[] = { "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT UNIQUE, stars INTEGER)", NULL };

  other = open_store (loose);
  execute (other, "INSERT INTO folder VALUES ('f1', 'Work', 10)");
  bring (other, store);
  assert_values (store, "SELECT reason FROM dimple_shelf", "check");
  g_assert_cmpuint (count_commits (store, "INSERT INTO folder VALUES ('f2', 'Home', 1)"), ==, 1);
  g_assert_cmpuint (count_commits (store, "INSERT INTO folder VALUES ('f1', 'Play', 1)"), ==, 2);
  assert_values (store, "SELECT reason FROM dimple_shelf", "");
}

/* Of a commit of many rows it is not told which they are. */
static void
test_unnamed_rows (void)
{
  g_autoptr(DimpleStore) store = open_with_conflict ();

  dimple_table_changes_set_max_named (1);
  g_assert_cmpuint (count_commits (store, "UPDATE folder SET name = name || 'x'"), ==, 2);
  dimple_table_changes_set_max_named (0);
  assert_values (store, "SELECT key FROM folder ORDER BY key", "f1 f2 f3");
}

/* Rows that are woken while they cannot be looked at are looked at after any later commit. */
static void
test_failure (void)
{
  g_autoptr(DimpleStore) store = open_with_conflict ();

  sqlite3_exec (get_handle (store), "ALTER TABLE dimple_wait RENAME TO dimple_elsewhere", NULL, NULL, NULL);
  g_test_expect_message ("Dimple", G_LOG_LEVEL_WARNING, "Shelved rows could not be looked at: *dimple_wait*");
  execute (store, "UPDATE folder SET name = 'Play' WHERE key = 'f1'");
  g_test_assert_expected_messages ();
  assert_values (store, "SELECT name FROM folder ORDER BY key", "Play Home");
  sqlite3_exec (get_handle (store), "ALTER TABLE dimple_elsewhere RENAME TO dimple_wait", NULL, NULL, NULL);

  g_assert_cmpuint (count_commits (store, "UPDATE tag SET name = 'B'"), ==, 2);
  assert_values (store, "SELECT name FROM folder ORDER BY key", "Play Home Work");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/shelf-work/unconcerned", test_unconcerned);
  g_test_add_func ("/shelf-work/own-writes", test_own_writes);
  g_test_add_func ("/shelf-work/own-write-inside", test_own_write_inside);
  g_test_add_func ("/shelf-work/rival-goes", test_rival_goes);
  g_test_add_func ("/shelf-work/parent-comes", test_parent_comes);
  g_test_add_func ("/shelf-work/key-taken", test_key_taken);
  g_test_add_func ("/shelf-work/unnamed-rows", test_unnamed_rows);
  g_test_add_func ("/shelf-work/failure", test_failure);
  return g_test_run ();
}
