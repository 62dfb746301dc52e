/* test-merge-schema.c: merging into schemas with triggers, full-text indexes and local tables, and older or newer ones
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "merge-changes.h"
#include "merge-utils.h"

/* -- Triggers ------------------------------------------------------------------------------------------------------ */

#define TRIGGERS \
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, parent TEXT);" \
  "CREATE TABLE tag (key TEXT PRIMARY KEY, note TEXT, n INTEGER);" \
  "CREATE TABLE journal (what, key);" \
  "INSERT INTO dimple_local VALUES ('journal');" \
  "CREATE VIRTUAL TABLE search USING fts5 (title, content = 'note');" \
  "CREATE TRIGGER note_insert AFTER INSERT ON note BEGIN" \
  "  INSERT INTO search (rowid, title) VALUES (new.rowid, new.title);" \
  "  INSERT INTO tag VALUES ('auto ' || new.key, new.key, 0);" \
  "  UPDATE tag SET n = n + 100;" \
  "  DELETE FROM tag WHERE note IS NULL;" \
  "  INSERT INTO journal VALUES ('insert', new.key);" \
  "  INSERT OR REPLACE INTO tag VALUES ('u1', 'replaced', 9); END;" \
  "CREATE TRIGGER note_update AFTER UPDATE ON note BEGIN" \
  "  INSERT INTO search (search, rowid, title) VALUES ('delete', old.rowid, old.title);" \
  "  INSERT INTO search (rowid, title) VALUES (new.rowid, new.title);" \
  "  DELETE FROM tag;" \
  "  INSERT INTO journal VALUES ('update', new.key); END;" \
  "CREATE TRIGGER note_delete AFTER DELETE ON note BEGIN" \
  "  INSERT INTO search (search, rowid, title) VALUES ('delete', old.rowid, old.title);" \
  "  DELETE FROM note WHERE parent = old.key;" \
  "  DELETE FROM journal WHERE what = 'insert'; END;" \
  "CREATE TRIGGER tag_delete AFTER DELETE ON tag BEGIN" \
  "  INSERT INTO journal VALUES ('tag gone', old.key); END"

static void
test_triggers (void)
{
  g_auto(Database) database = { 0 };
  g_autoptr(DimpleChangeSet) told = NULL;

  open_database (&database, TRIGGERS);
  exec (&database, "PRAGMA trusted_schema = ON");      /* without it SQLite lets no trigger write to FTS5 */
  told = dimple_change_set_new (database.schema, DIMPLE_ORIGIN_SYNC);
  merge_one (&database, 1, 0,
             "[" INSERT ("tag", "\"note\",\"n\"", "u1", "\"n1\",1") ","
             INSERT ("tag", "\"note\",\"n\"", "u2", "null,1") "]",
             told);
  g_assert_null (dimple_change_set_find (told, "search"));
  merge_one (&database, 2, 0,
             "[" INSERT ("note", "\"title\",\"parent\"", "n1", "\"one\",null") ","
             INSERT ("note", "\"title\",\"parent\"", "n2", "\"two\",\"n1\"") "]", told);
  g_assert_true (dimple_change_set_find (told, "search")->anything);
  g_assert_true (dimple_change_set_find (told, "journal")->anything);
  assert_query (&database, "SELECT key, note, n FROM tag", "[\"u1\",\"n1\",1]\n[\"u2\",null,1]");
  assert_query (&database, "SELECT * FROM journal", "[\"insert\",\"n1\"]\n[\"insert\",\"n2\"]");
  assert_query (&database, "SELECT rowid FROM search WHERE search MATCH 'one'", "[1]");

  merge_one (&database, 3, 0, "[" UPDATE ("note", "\"title\"", "n1", "\"uno\"") "]", NULL);
  assert_query (&database, "SELECT count(*) FROM tag", "[2]");
  assert_query (&database, "SELECT rowid FROM search WHERE search MATCH 'one'", "");
  assert_query (&database, "SELECT rowid FROM search WHERE search MATCH 'uno'", "[1]");

  /* its trigger would delete n2 and journal's rows: only what is local follows */
  merge_one (&database, 4, 0, "[" DELETE ("note", "n1") "]", NULL);
  assert_query (&database, "SELECT key FROM note", "[\"n2\"]");
  assert_query (&database, "SELECT * FROM journal", "[\"update\",\"n1\"]");
  merge_one (&database, 5, 0, "[" DELETE ("tag", "u1") "]", NULL);
  assert_query (&database, "SELECT * FROM journal", "[\"tag gone\",\"u1\"]\n[\"update\",\"n1\"]");
  exec (&database, "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)");

  /* out of a merge the triggers are the app's again */
  exec (&database, "INSERT INTO note VALUES ('n3', 'three', NULL)");
  assert_query (&database, "SELECT key, n FROM tag", "[\"auto n3\",100]\n[\"u1\",9]");
}

static void
test_trigger_refuses (void)
{
  g_auto(Database) database = { 0 };

  open_database (&database,
                 "CREATE TABLE note (key TEXT PRIMARY KEY, n);"
                 "CREATE TRIGGER one BEFORE INSERT ON note WHEN new.n = 1 BEGIN SELECT RAISE (ABORT, 'no'); END;"
                 "CREATE TRIGGER two BEFORE INSERT ON note WHEN new.n = 2 BEGIN SELECT RAISE (IGNORE); END");
  merge_one (&database, 1, 0, "[" INSERT ("note", "\"n\"", "a", "1") "," INSERT ("note", "\"n\"", "b", "2") ","
                              INSERT ("note", "\"n\"", "c", "3") "]", NULL);
  assert_query (&database, "SELECT key FROM note", "[\"c\"]");
  assert_query (&database, "SELECT key, reason FROM dimple_shelf",
                "[\"[\\\"a\\\"]\",\"check\"]\n[\"[\\\"b\\\"]\",\"check\"]");
  merge_one (&database, 2, 0, "[" UPDATE ("note", "\"n\"", "a", "4") "]", NULL);
  assert_query (&database, "SELECT key FROM note", "[\"a\"]\n[\"c\"]");
}

/* -- What is told -------------------------------------------------------------------------------------------------- */

static void
assert_told (DimpleChangeSet *told,
             guint            position,
             gint64           rowid,
             DimpleOperation  operation,
             guint64          columns)
{
  const DimpleTableChanges *changes = dimple_change_set_find (told, "note");
  const DimpleChangedRow *row = &g_array_index (changes->rows, DimpleChangedRow, position);

  g_assert_cmpuint (position, <, changes->rows->len);
  g_assert_cmpint (row->rowid, ==, rowid);
  g_assert_cmpint (row->operation, ==, operation);
  g_assert_cmpuint (row->columns, ==, columns);
}

static void
test_change_set (void)
{
  g_auto(Database) database = { 0 };
  g_autoptr(DimpleChangeSet) told = NULL;
  const DimpleTableChanges *changes;

  open_database (&database, "CREATE TABLE note (key TEXT PRIMARY KEY, title, n)");
  exec (&database, "INSERT INTO note VALUES ('x', NULL, NULL)");
  told = dimple_change_set_new (database.schema, DIMPLE_ORIGIN_SYNC);
  merge_one (&database, 1, 0, "[" INSERT ("note", "\"title\",\"n\"", "k", "\"A\",1") "]", told);
  merge_one (&database, 2, 0, "[" UPDATE ("note", "\"n\",\"later\"", "k", "2,3") "]", told);
  merge_one (&database, 3, 0, "[" DELETE ("note", "k") "," DELETE ("note", "never") "]", told);
  assert_told (told, 0, 2, DIMPLE_OPERATION_INSERT, DIMPLE_ALL_COLUMNS);
  assert_told (told, 1, 2, DIMPLE_OPERATION_UPDATE, DIMPLE_COLUMN_BIT (2));
  assert_told (told, 2, 2, DIMPLE_OPERATION_DELETE, DIMPLE_ALL_COLUMNS);
  changes = dimple_change_set_find (told, "note");
  g_assert_cmpuint (changes->rows->len, ==, 3);
  g_assert_cmpmem (changes->keys->str, changes->keys->len, "k\0k\0k\0", 6);
}

/* -- Schemas that differ ------------------------------------------------------------------------------------------- */

static void
test_newer_app (void)
{
  g_auto(Database) database = { 0 };

  open_database (&database, "CREATE TABLE note (key TEXT PRIMARY KEY, title)");
  merge_one (&database, 1, 0, "[" INSERT ("note", "\"title\",\"colour\"", "k1", "\"A\",\"red\"") ","
                              INSERT ("Folder", "\"name\"", "f1", "\"Home\"") ","
                              INSERT ("folder", "\"name\"", "f2", "\"Work\"") "]", NULL);
  merge_one (&database, 2, 0, "[" UPDATE ("note", "\"colour\"", "k1", "\"blue\"") "," DELETE ("folder", "f2") "]",
             NULL);
  merge_one (&database, 3, 0, "[" INSERT ("note", "\"title\"", "k2", "\"B\"") "]", NULL);
  assert_query (&database, "SELECT * FROM note", "[\"k1\",\"A\"]\n[\"k2\",\"B\"]");

  migrate (&database, "ALTER TABLE note ADD COLUMN colour DEFAULT 'grey';"
                      "CREATE TABLE folder (key TEXT PRIMARY KEY, name)");
  assert_query (&database, "SELECT * FROM note", "[\"k1\",\"A\",\"blue\"]\n[\"k2\",\"B\",\"grey\"]");
  assert_query (&database, "SELECT * FROM folder", "[\"f1\",\"Home\"]");
}

static void
test_constraint_goes (void)
{
  g_auto(Database) database = { 0 };

  open_database (&database, "CREATE TABLE note (key TEXT PRIMARY KEY, slug); CREATE UNIQUE INDEX slugs ON note (slug)");
  merge_one (&database, 1, 0, "[" INSERT ("note", "\"slug\"", "a", "\"s\"") "]", NULL);
  merge_one (&database, 2, 0, "[" INSERT ("note", "\"slug\"", "b", "\"s\"") "]", NULL);
  assert_query (&database, "SELECT key FROM note", "[\"a\"]");
  assert_query (&database, "SELECT key, reason, rival, row FROM dimple_shelf",
                "[\"[\\\"b\\\"]\",\"unique\",\"[\\\"a\\\"]\",\"{\\\"slug\\\":\\\"s\\\"}\"]");
  migrate (&database, "DROP INDEX slugs");
  assert_query (&database, "SELECT key FROM note", "[\"a\"]\n[\"b\"]");
  assert_query (&database, "SELECT count(*) FROM dimple_shelf", "[0]");
}

static void
test_late_migration (void)
{
  g_auto(Database) database = { 0 };
  char first[DIMPLE_UUID_SIZE];
  g_autofree char *changes = NULL;

  /* a script of a device that saw the first edit and not the second, a month later */
  open_database (&database, "CREATE TABLE note (key TEXT PRIMARY KEY, title, n)");
  dimple_uuid7_format (1, 7, first);
  merge_one (&database, 1, 0, "[" INSERT ("note", "\"title\",\"n\"", "k", "\"A\",1") "]", NULL);
  merge_one (&database, 2, 0, "[" UPDATE ("note", "\"title\"", "k", "\"typed\"") "]", NULL);
  changes = g_strdup_printf ("[" GROUP ("note", "update", "\"title\",\"n\"",
                                        "[[\"k\"],[\"script\",2],null,[\"%s\",\"%s\",\"%s\"]]") "]",
                             first, first, first);
  merge_one (&database, 1000, 3, changes, NULL);
  assert_query (&database, "SELECT * FROM note", "[\"k\",\"typed\",2]");
}

static void
test_keys_that_sqlite_takes_for_equal (void)
{
  g_auto(Database) database = { 0 };

  open_database (&database, "CREATE TABLE free (key PRIMARY KEY, x)");
  merge_one (&database, 1, 0, "[" GROUP ("free", "insert", "\"x\"", "[[1],[\"integer\"]]") "]", NULL);
  merge_one (&database, 2, 0, "[" GROUP ("free", "insert", "\"x\"", "[[1.0],[\"real\"]]") "]", NULL);
  assert_query (&database, "SELECT x FROM free", "[\"integer\"]");
  assert_query (&database, "SELECT key, reason FROM dimple_shelf", "[\"[1.0]\",\"unique\"]");
  merge_one (&database, 3, 0, "[" GROUP ("free", "delete", "", "[[1]]") "]", NULL);
  assert_query (&database, "SELECT x FROM free", "[\"real\"]");
}

/* -- What is refused ----------------------------------------------------------------------------------------------- */

static void
test_damaged (void)
{
  g_auto(Database) database = { 0 };
  g_autoptr(GPtrArray) transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);
  g_autoptr(GError) error = NULL;

  open_database (&database, "CREATE TABLE note (key TEXT PRIMARY KEY, title)");
  g_ptr_array_add (transactions, make_transaction (1, 0, "[" INSERT ("note", "\"title\"", "k", "1") "]"));
  g_ptr_array_add (transactions, make_transaction (2, 0, "[" INSERT ("note", "\"title\"", "k", "1,2") "]"));
  g_assert_false (apply (&database, transactions, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
  assert_query (&database, "SELECT count(*) FROM dimple_log", "[0]");
  assert_query (&database, "SELECT count(*) FROM note", "[0]");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/merge-schema/triggers", test_triggers);
  g_test_add_func ("/merge-schema/trigger-refuses", test_trigger_refuses);
  g_test_add_func ("/merge-schema/change-set", test_change_set);
  g_test_add_func ("/merge-schema/newer-app", test_newer_app);
  g_test_add_func ("/merge-schema/constraint-goes", test_constraint_goes);
  g_test_add_func ("/merge-schema/late-migration", test_late_migration);
  g_test_add_func ("/merge-schema/equal-keys", test_keys_that_sqlite_takes_for_equal);
  g_test_add_func ("/merge-schema/damaged", test_damaged);
  return g_test_run ();
}
