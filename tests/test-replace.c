/* test-replace.c: REPLACE where ON DELETE SET NULL leads back to the same table
 *
 * SQLite (3.40.1) commits a row whose parent is missing then; Dimple must not, as it would be on the shelf elsewhere.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "store-exchange.h"

#include "dimple-error.h"

static void
assert_refused (DimpleStore *store,
                const char  *sql)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (dimple_store_execute (store, sql, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
  g_assert_nonnull (strstr (error->message, "FOREIGN KEY"));
}

static void
test_tree (void)
{
  static const char * const scripts[] = {
    "CREATE TABLE folder (key TEXT PRIMARY KEY, u UNIQUE, parent TEXT REFERENCES folder ON DELETE SET NULL)", NULL
  };
  g_autoptr(DimpleStore) store = open_store (scripts);
  g_autoptr(GError) error = NULL;

  execute (store, "INSERT INTO folder VALUES ('a', 1, NULL), ('b', 2, 'a')");
  assert_refused (store, "REPLACE INTO folder VALUES ('c', 1, 'gone')");
  assert_refused (store, "insert or replace into folder VALUES ('a', 5, 'gone')");
  assert_refused (store, "UPDATE OR REPLACE folder SET u = 1, parent = 'gone' WHERE key = 'b'");
  assert_refused (store, "REPLACE INTO folder VALUES ('c', 1, 'a')");
  assert_values (store, "SELECT key || u || coalesce (parent, '') AS x FROM folder ORDER BY key", "a1 b2a");

  /* also in the middle of a longer transaction, which goes as a whole */
  g_assert_true (dimple_store_begin (store, &error));
  execute (store, "INSERT INTO folder VALUES ('d', 3, NULL)");
  execute (store, "REPLACE INTO folder VALUES ('c', 1, 'gone')");
  execute (store, "INSERT INTO folder VALUES ('e', 4, NULL)");
  g_assert_false (dimple_store_commit (store, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
  assert_values (store, "SELECT count (*) AS n FROM folder", "2");
  assert_values (store, "SELECT count (*) AS n FROM dimple_history", "2");

  /* what has its parent, or finds it before the end, is taken */
  execute (store, "REPLACE INTO folder VALUES ('c', 1, 'b')");
  g_clear_error (&error);
  g_assert_true (dimple_store_begin (store, &error));
  execute (store, "REPLACE INTO folder VALUES ('c', 1, 'late')");
  execute (store, "INSERT INTO folder VALUES ('late', 9, NULL)");
  g_assert_true (dimple_store_commit (store, &error));
  g_assert_no_error (error);
  assert_values (store, "SELECT key || coalesce (parent, '') AS x FROM folder ORDER BY key", "b clate late");
}

/* Over another table, and by the schema's own conflict clause. */
static void
test_circle (void)
{
  static const char * const scripts[] = {
    "CREATE TABLE person (key TEXT PRIMARY KEY, u UNIQUE ON CONFLICT REPLACE,"
    "                     team TEXT REFERENCES team ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED);"
    "CREATE TABLE team (key TEXT PRIMARY KEY, head TEXT REFERENCES person ON DELETE SET NULL)",
    NULL
  };
  g_autoptr(DimpleStore) store = open_store (scripts);
  g_autoptr(GError) error = NULL;
  g_autofree char *key = NULL;

  execute (store, "INSERT INTO person VALUES ('p', 1, NULL)");
  execute (store, "INSERT INTO team VALUES ('t', 'p')");
  execute (store, "UPDATE person SET team = 't'");
  assert_refused (store, "INSERT INTO person VALUES ('q', 1, 'gone')");
  key = dimple_store_insert (store, "person", g_variant_new_parsed ("{'u': <1>, 'team': <'gone'>}"), &error);
  g_assert_null (key);
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
  execute (store, "INSERT INTO person VALUES ('q', 1, 't')");
  assert_values (store, "SELECT key || team AS x FROM person", "qt");
  assert_values (store, "SELECT count (*) AS n FROM pragma_foreign_key_check", "0");
}

#define NOTE "CREATE TABLE note (key TEXT PRIMARY KEY DEFAULT 'n', "

/* Not the row that came misses its parent, but the child of one that went: synced or local, whatever the child's column
 * is compared by. */
static void
test_child (gconstpointer data)
{
  const char *note = data;
  const char * const scripts[] = {
    "CREATE TABLE folder (key TEXT COLLATE NOCASE PRIMARY KEY, u UNIQUE, upper TEXT AS (upper (key)) UNIQUE,"
    "                     parent TEXT REFERENCES folder ON DELETE SET NULL)",
    note, NULL
  };
  g_autoptr(DimpleStore) store = open_store (scripts);
  g_autoptr(GError) error = NULL;

  execute (store, "INSERT INTO folder VALUES ('b', 0, 'b'), ('d', 4, NULL)");
  execute (store, "INSERT INTO note (folder) VALUES ('B')");
  g_assert_true (dimple_store_begin (store, &error));
  execute (store, "REPLACE INTO folder VALUES ('a', 2, 'c')");
  execute (store, "REPLACE INTO folder VALUES ('c', 0, 'c')");
  g_assert_false (dimple_store_commit (store, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
  assert_values (store, "SELECT key AS x FROM folder ORDER BY key", "b d");
  assert_values (store, "SELECT count (*) AS n FROM pragma_foreign_key_check", "0");

  /* a child that goes too, or finds another parent, is none */
  g_clear_error (&error);
  g_assert_true (dimple_store_begin (store, &error));
  execute (store, "REPLACE INTO folder VALUES ('a', 2, 'c')");
  execute (store, "UPDATE note SET folder = 'D'");
  execute (store, "REPLACE INTO folder VALUES ('c', 0, 'c')");
  g_assert_true (dimple_store_commit (store, &error));
  g_assert_no_error (error);
  assert_values (store, "SELECT key AS x FROM folder ORDER BY key", "a c d");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/replace/tree", test_tree);
  g_test_add_func ("/replace/circle", test_circle);
  g_test_add_data_func ("/replace/child", NOTE "folder TEXT REFERENCES folder)", test_child);
  g_test_add_data_func ("/replace/child-indexed", NOTE "folder TEXT COLLATE NOCASE REFERENCES folder);"
                        "CREATE INDEX note_folder ON note (folder)", test_child);
  g_test_add_data_func ("/replace/child-of-generated", NOTE "folder TEXT REFERENCES folder (upper))", test_child);
  g_test_add_data_func ("/replace/child-local", "SELECT dimple_set_local ('note');" NOTE
                        "folder TEXT REFERENCES folder)", test_child);
  return g_test_run ();
}
