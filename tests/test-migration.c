/* test-migration.c: migrations that add constraints which rows already break
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "store-exchange.h"

#include "dimple-error.h"

#define TABLES \
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT);" \
  "CREATE TABLE note (key TEXT PRIMARY KEY, folder TEXT, slug TEXT, n INTEGER)"

static void
migrate (DimpleStore        *store,
         const char * const *scripts)
{
  g_autoptr(GError) error = NULL;

  dimple_store_migrate (store, scripts, &error);
  g_assert_no_error (error);
}

static void
assert_refused (DimpleStore        *store,
                const char * const *scripts,
                const char         *message)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (dimple_store_migrate (store, scripts, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION);
  g_assert_nonnull (strstr (error->message, message));
}

/* "key:reason" of all that is set aside. */
static void
assert_conflicts (DimpleStore *store,
                  const char  *expected)
{
  assert_values (store, "SELECT (key ->> 0) || ':' || reason AS x FROM dimple_shelf ORDER BY x", expected);
}

/* -- FOREIGN KEY --------------------------------------------------------------------------------------------------- */

static const char * const with_reference[] = {
  TABLES,
  "CREATE TABLE new_note (key TEXT PRIMARY KEY, folder TEXT REFERENCES folder ON DELETE CASCADE, slug TEXT, n INTEGER);"
  "INSERT INTO new_note SELECT * FROM note; DROP TABLE note; ALTER TABLE new_note RENAME TO note",
  NULL
};

static void
test_foreign_key (void)
{
  static const char * const tables[] = { TABLES, NULL };
  g_autoptr(DimpleStore) store = open_store (tables);

  execute (store, "INSERT INTO folder VALUES ('f1', 'Work')");
  execute (store, "INSERT INTO note VALUES ('n1', 'f1', 'a', 1), ('n2', 'f2', 'b', 2), ('n3', NULL, 'c', 3)");
  migrate (store, with_reference);
  assert_values (store, "SELECT key FROM note ORDER BY key", "n1 n3");
  assert_conflicts (store, "n2:foreign-key");
  /* nobody deleted it */
  assert_values (store, "SELECT count (*) AS n FROM dimple_history WHERE operation = 'delete'", "0");

  execute (store, "INSERT INTO folder VALUES ('f2', 'Home')");
  assert_values (store, "SELECT key || n AS x FROM note ORDER BY key", "n11 n22 n33");
  assert_conflicts (store, "");
}

/* Rows that reference each other, and one whose parent lacks its own. */
static void
test_self_reference (void)
{
  static const char * const scripts[] = {
    "CREATE TABLE item (key TEXT PRIMARY KEY, parent TEXT)",
    "CREATE TABLE new_item (key TEXT PRIMARY KEY, parent TEXT REFERENCES item (key));"
    "INSERT INTO new_item SELECT * FROM item; DROP TABLE item; ALTER TABLE new_item RENAME TO item",
    NULL
  };
  static const char * const first[] = { scripts[0], NULL };
  g_autoptr(DimpleStore) store = open_store (first);

  execute (store, "INSERT INTO item VALUES ('a', 'b'), ('b', 'a'), ('c', 'd'), ('e', 'c'), ('f', 'a')");
  migrate (store, scripts);
  assert_values (store, "SELECT key FROM item ORDER BY key", "a b f");
  assert_conflicts (store, "c:foreign-key e:foreign-key");
  execute (store, "INSERT INTO item VALUES ('d', NULL)");
  assert_values (store, "SELECT key FROM item ORDER BY key", "a b c d e f");
}

/* What a script itself takes the parents from is set aside, too: it is what every other device does with it. */
static void
test_script_deletes_parents (void)
{
  static const char * const scripts[] = {
    "CREATE TABLE folder (key TEXT PRIMARY KEY); "
    "CREATE TABLE note (key TEXT PRIMARY KEY, folder TEXT REFERENCES folder)",
    "DELETE FROM folder WHERE key = 'f1'",
    NULL
  };
  static const char * const first[] = { scripts[0], NULL };
  g_autoptr(DimpleStore) a = open_store (first);
  g_autoptr(DimpleStore) b = open_store (first);

  execute (a, "INSERT INTO folder VALUES ('f1'), ('f2')");
  execute (a, "INSERT INTO note VALUES ('n1', 'f1'), ('n2', 'f2')");
  bring (a, b);
  migrate (a, scripts);
  bring (a, b);
  assert_values (a, "SELECT key FROM note", "n2");
  assert_values (b, "SELECT key FROM note", "n2");
  assert_conflicts (a, "n1:foreign-key");
  assert_conflicts (b, "n1:foreign-key");
}

static void
test_local_rows (void)
{
  static const char * const scripts[] = {
    "SELECT dimple_set_local ('draft'); CREATE TABLE draft (key TEXT PRIMARY KEY, note TEXT);"
    "SELECT dimple_set_local ('line'); CREATE TABLE line (key TEXT PRIMARY KEY, draft TEXT) WITHOUT ROWID",
    "CREATE TABLE new_draft (key TEXT PRIMARY KEY, note TEXT REFERENCES draft (key));"
    "INSERT INTO new_draft SELECT * FROM draft; DROP TABLE draft; ALTER TABLE new_draft RENAME TO draft",
    NULL
  };
  static const char * const other[] = {
    scripts[0],
    "CREATE TABLE new_line (key TEXT PRIMARY KEY, draft TEXT REFERENCES draft) WITHOUT ROWID;"
    "INSERT INTO new_line SELECT * FROM line; DROP TABLE line; ALTER TABLE new_line RENAME TO line",
    NULL
  };
  static const char * const unique[] = { scripts[0], "CREATE UNIQUE INDEX notes ON draft (note)", NULL };
  static const char * const first[] = { scripts[0], NULL };
  g_autoptr(DimpleStore) store = open_store (first);

  execute (store, "INSERT INTO draft VALUES ('a', NULL), ('b', 'z'), ('c', 'z')");
  execute (store, "INSERT INTO line VALUES ('l', 'z')");
  assert_refused (store, scripts, "Rows of the local table “draft” (rowid 2 is one)");
  assert_refused (store, other, "Rows of the local table “line”");
  assert_refused (store, unique, "UNIQUE constraint failed: draft.note");
  assert_values (store, "SELECT count (*) AS n FROM draft", "3");
}

/* -- UNIQUE -------------------------------------------------------------------------------------------------------- */

static const char * const with_index[] = {
  TABLES,
  "/* from now on */ CREATE  UNIQUE INDEX IF NOT EXISTS \"slug index\" ON note (lower (slug) DESC, n) WHERE n > 0;"
  "UPDATE note SET folder = 'seen'",
  NULL
};
static const char * const without_index[] = { TABLES, NULL };

static void
test_unique_index (void)
{
  g_autoptr(DimpleStore) store = open_store (without_index);
  g_autoptr(GError) error = NULL;

  set_second (store, 1);
  execute (store, "INSERT INTO note VALUES ('n9', NULL, 'a', 1)");
  set_second (store, 2);
  execute (store, "INSERT INTO note VALUES ('n1', NULL, 'A', 1), ('n2', NULL, 'a', 2), ('n3', NULL, NULL, 1),"
                  "                        ('n4', NULL, NULL, 1), ('n5', NULL, 'z', 0), ('n6', NULL, 'Z', 0)");
  migrate (store, with_index);
  /* the older one stays, and the script has changed both */
  assert_values (store, "SELECT key FROM note ORDER BY key", "n2 n3 n4 n5 n6 n9");
  assert_conflicts (store, "n1:unique");
  assert_values (store, "SELECT count (DISTINCT folder) AS n FROM note", "1");
  assert_values (store, "SELECT count (*) AS n FROM dimple_history WHERE operation = 'delete'", "0");
  dimple_store_execute (store, "INSERT INTO note VALUES ('n7', NULL, 'a', 2)", NULL, &error);
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
  assert_values (store, "SELECT sql FROM sqlite_schema WHERE name = 'slug index'",
                 "CREATE UNIQUE INDEX \"slug index\" ON note (lower (slug) DESC, n) WHERE n > 0");

  execute (store, "UPDATE note SET slug = 'b' WHERE key = 'n9'");
  assert_values (store, "SELECT folder FROM note WHERE key = 'n1'", "seen");
  assert_conflicts (store, "");
}

/* The index is dropped again, follows a rename, or comes twice. */
static void
test_unique_index_later (void)
{
  static const char * const scripts[] = {
    TABLES,
    "CREATE UNIQUE INDEX one ON note (slug); DROP INDEX one;"
    "CREATE UNIQUE INDEX two ON note (slug COLLATE NOCASE); CREATE UNIQUE INDEX three ON note (n);"
    "ALTER TABLE note RENAME COLUMN slug TO name; ALTER TABLE note RENAME TO page",
    NULL
  };
  g_autoptr(DimpleStore) store = open_store (without_index);

  execute (store, "INSERT INTO note VALUES ('n1', NULL, 'a', 1), ('n2', NULL, 'A', 2), ('n3', NULL, 'b', 1)");
  migrate (store, scripts);
  assert_values (store, "SELECT key FROM page", "n1");
  assert_conflicts (store, "n2:unique n3:unique");
}

/* A row that references one that has to go waits with it. */
static void
test_children_of_duplicates (void)
{
  static const char * const scripts[] = {
    "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT);"
    "CREATE TABLE note (key TEXT PRIMARY KEY, folder TEXT REFERENCES folder)",
    "CREATE UNIQUE INDEX names ON folder (name)",
    NULL
  };
  static const char * const first[] = { scripts[0], NULL };
  g_autoptr(DimpleStore) store = open_store (first);

  execute (store, "INSERT INTO folder VALUES ('f1', 'Work'), ('f2', 'Work')");
  execute (store, "INSERT INTO note VALUES ('n1', 'f1'), ('n2', 'f2')");
  migrate (store, scripts);
  assert_values (store, "SELECT key FROM note", "n1");
  assert_conflicts (store, "f2:unique n2:foreign-key");
  execute (store, "DELETE FROM note WHERE key = 'n1'");
  execute (store, "DELETE FROM folder WHERE key = 'f1'");
  assert_values (store, "SELECT key FROM note", "n2");
  assert_conflicts (store, "");
}

/* FTS follows what is set aside. */
static void
test_search (void)
{
  static const char * const scripts[] = {
    TABLES ";"
    "CREATE VIRTUAL TABLE search USING fts5 (slug, content = 'note');"
    "CREATE TRIGGER in_search AFTER INSERT ON note BEGIN"
    "  INSERT INTO search (rowid, slug) VALUES (new.rowid, new.slug); END;"
    "CREATE TRIGGER out_search AFTER DELETE ON note BEGIN"
    "  INSERT INTO search (search, rowid, slug) VALUES ('delete', old.rowid, old.slug); END",
    "CREATE UNIQUE INDEX slugs ON note (slug)",
    NULL
  };
  static const char * const first[] = { scripts[0], NULL };
  g_autoptr(DimpleStore) store = open_store (first);

  execute (store, "INSERT INTO note VALUES ('n1', NULL, 'apple', 1), ('n2', NULL, 'apple', 2)");
  migrate (store, scripts);
  assert_values (store, "SELECT n FROM note WHERE rowid IN (SELECT rowid FROM search WHERE search MATCH 'apple')", "1");
  execute (store, "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)");
}

/* -- Several devices ----------------------------------------------------------------------------------------------- */

static void
assert_same (DimpleStore *a,
             DimpleStore *b,
             const char  *sql)
{
  g_autofree char *values = list_values (a, sql);

  assert_values (b, sql, values);
}

/* One device upgrades before it hears of the other's rows, the other one after: both keep the same. */
static void
test_devices (gconstpointer user_data)
{
  const char * const *scripts = user_data;
  g_autoptr(DimpleStore) a = open_store (without_index);
  g_autoptr(DimpleStore) b = open_store (without_index);
  g_autoptr(DimpleStore) c = open_store (without_index);

  set_second (a, 1);
  execute (a, "INSERT INTO folder VALUES ('f1', 'Work')");
  execute (a, "INSERT INTO note VALUES ('n5', 'f1', 'a', 1), ('n6', 'f2', 'b', 1)");
  set_second (b, 2);
  execute (b, "INSERT INTO note VALUES ('n1', 'f1', 'A', 1), ('n2', 'f3', 'b', 1)");
  bring (a, c);
  migrate (a, scripts);
  set_second (a, 3);
  execute (a, "INSERT INTO folder VALUES ('f3', 'Home')");
  bring_both (a, b);
  migrate (b, scripts);
  bring (b, c);
  migrate (c, scripts);
  for (int round = 0; round < 2; round++)
    {
      bring_both (a, b);
      bring_both (b, c);
    }
  assert_same (a, b, "SELECT key || coalesce (folder, '') AS x FROM note ORDER BY key");
  assert_same (a, c, "SELECT key || coalesce (folder, '') AS x FROM note ORDER BY key");
  assert_same (a, b, "SELECT \"table\" || key || reason AS x FROM dimple_shelf ORDER BY 1");
  assert_same (a, c, "SELECT \"table\" || key || reason AS x FROM dimple_shelf ORDER BY 1");
  assert_values (a, "SELECT count (*) AS n FROM dimple_shelf", scripts == with_index ? "2" : "1");
}

/* -- What the author has to see to --------------------------------------------------------------------------------- */

static void
test_refused (void)
{
  static const char * const unique[] = {
    TABLES, "CREATE TABLE new_note (key TEXT PRIMARY KEY, slug TEXT UNIQUE); "
            "INSERT INTO new_note SELECT key, slug FROM note",
    NULL
  };
  static const char * const not_null[] = {
    TABLES, "CREATE TABLE new_note (key TEXT PRIMARY KEY, f TEXT NOT NULL); "
            "INSERT INTO new_note SELECT key, folder FROM note",
    NULL
  };
  static const char * const check[] = {
    TABLES, "CREATE TABLE new_note (key TEXT PRIMARY KEY, n CHECK (n < 2)); "
            "INSERT INTO new_note SELECT key, n FROM note",
    NULL
  };
  static const char * const no_room[] = { TABLES, "INSERT INTO folder VALUES ('f1', NULL), ('f1', NULL)", NULL };
  g_autoptr(DimpleStore) store = open_store (without_index);

  execute (store, "INSERT INTO note VALUES ('n1', NULL, 'a', 1), ('n2', NULL, 'a', 2)");
  assert_refused (store, unique, "UNIQUE constraint failed: new_note.slug.  Leave the UNIQUE out");
  assert_refused (store, not_null, "NOT NULL constraint failed: new_note.f.  Give such rows");
  assert_refused (store, check, "CHECK constraint failed: n < 2.  Give such rows");
  assert_refused (store, no_room, "Migration 2: UNIQUE constraint failed: folder.key");
  assert_values (store, "SELECT count (*) AS n FROM note", "2");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/migration/foreign-key", test_foreign_key);
  g_test_add_func ("/migration/self-reference", test_self_reference);
  g_test_add_func ("/migration/script-deletes-parents", test_script_deletes_parents);
  g_test_add_func ("/migration/local-rows", test_local_rows);
  g_test_add_func ("/migration/unique-index", test_unique_index);
  g_test_add_func ("/migration/unique-index-later", test_unique_index_later);
  g_test_add_func ("/migration/children-of-duplicates", test_children_of_duplicates);
  g_test_add_func ("/migration/search", test_search);
  g_test_add_data_func ("/migration/devices/unique-index", with_index, test_devices);
  g_test_add_data_func ("/migration/devices/foreign-key", with_reference, test_devices);
  g_test_add_func ("/migration/refused", test_refused);
  return g_test_run ();
}
