/* test-shelf-waits.c: of the rows on the shelf a commit looks at those that wait for what it changed
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "merge-changes.h"

static void
merge_insert (Database   *self,
              guint64     time,
              const char *table,
              const char *key,
              const char *columns,
              const char *values)
{
  g_autofree char *changes = g_strdup_printf ("[{\"table\":\"%s\",\"key\":[\"key\"],\"op\":\"insert\",\"columns\":[%s],"
                                              "\"rows\":[[[\"%s\"],[%s]]]}]", table, columns, key, values);

  merge_one (self, time, 0, changes, NULL);
}

/* A local commit without its log, as the store makes it: runs the SQL, and settles what it says has changed if that
 * wakes anything. */
static void
commit (Database   *self,
        const char *sql,
        const char *table,
        const char *key)
{
  g_autoptr(DimpleChangeSet) committed = dimple_change_set_new (self->schema, DIMPLE_ORIGIN_LOCAL);
  DimpleTableChanges *changes = dimple_change_set_add_table (committed, table);
  g_autoptr(GError) error = NULL;
  gboolean wakes;

  g_string_append_len (changes->keys, key, (gssize) strlen (key) + 1);
  exec (self, "BEGIN IMMEDIATE");
  exec (self, sql);
  dimple_merge_wakes (self->connection, self->schema, committed, &wakes, &error);
  g_assert_no_error (error);
  exec (self, "COMMIT");
  if (!wakes)
    return;
  exec (self, "PRAGMA foreign_keys = OFF");
  exec (self, "BEGIN IMMEDIATE");
  dimple_merge_settle (self->connection, self->schema, committed, NULL, &error);
  g_assert_no_error (error);
  exec (self, "COMMIT");
  exec (self, "PRAGMA foreign_keys = ON");
}

/* -- Work ---------------------------------------------------------------------------------------------------------- */

static int
count_step (gpointer user_data)
{
  ++*(guint *) user_data;
  return 0;
}

/* How many instructions of SQLite's a commit and a merge take that concern no shelved row, and then (`wakes`) a commit
 * that wakes one of the last: with `n_shelved` rows on the shelf. */
static void
measure (const char *sql,
         guint       n_shelved,
         gboolean    wakes,
         guint       steps[3])
{
  g_auto(Database) database = { 0 };
  guint64 time = 0;

  open_database (&database, sql);
  merge_insert (&database, ++time, "note", "other", "\"slug\"", "\"other\"");
  for (guint i = 0; i < n_shelved; i++)
    {
      g_autofree char *slug = g_strdup_printf ("\"s%u\"", i);
      g_autofree char *older = g_strdup_printf ("a%u", i);
      g_autofree char *younger = g_strdup_printf ("b%u", i);

      merge_insert (&database, ++time, "note", older, "\"slug\"", slug);
      merge_insert (&database, ++time, "note", younger, "\"slug\"", slug);
    }
  sqlite3_progress_handler (dimple_connection_get_handle (database.connection), 1, count_step, &steps[0]);
  commit (&database, "UPDATE note SET slug = 'new' WHERE key = 'other'", "note", "other");
  sqlite3_progress_handler (dimple_connection_get_handle (database.connection), 1, count_step, &steps[1]);
  merge_one (&database, ++time, 0, "[" UPDATE ("note", "\"slug\"", "other", "\"newer\"") "]", NULL);
  sqlite3_progress_handler (dimple_connection_get_handle (database.connection), 1, count_step, &steps[2]);
  if (wakes)
    commit (&database, "UPDATE note SET slug = 'free' WHERE key = 'a9'", "note", "a9");
  sqlite3_progress_handler (dimple_connection_get_handle (database.connection), 0, NULL, NULL);
  assert_query (&database, "SELECT slug FROM note WHERE key = 'b9'", wakes ? "[\"s9\"]" : "");
}

static void
assert_counts (const char *sql,
               guint       n_few,
               guint       n_many,
               gboolean    wakes)
{
  guint few[3] = { 0 }, many[3] = { 0 };

  measure (sql, n_few, wakes, few);
  measure (sql, n_many, wakes, many);
  for (guint i = 0; i < G_N_ELEMENTS (few); i++)
    {
      g_test_message ("%u steps with %u shelved rows, %u with %u", few[i], n_few, many[i], n_many);
      g_assert_cmpuint (many[i], <=, few[i] + few[i] / 4);
    }
}

static void
test_counts (void)
{
  assert_counts ("CREATE TABLE note (key TEXT PRIMARY KEY, slug TEXT UNIQUE)", 20, 400, TRUE);
}

/* Rows that reference each other are decided together once one is woken; where none is, they cost nothing either. */
static void
test_counts_tree (void)
{
  assert_counts ("CREATE TABLE note (key TEXT PRIMARY KEY, slug TEXT UNIQUE, parent TEXT REFERENCES note)", 10, 60,
                 FALSE);
}

/* -- What wakes a row ---------------------------------------------------------------------------------------------- */

#define PARENTS \
  "CREATE TABLE folder (key TEXT COLLATE NOCASE PRIMARY KEY, name TEXT UNIQUE, n INTEGER UNIQUE);" \
  "CREATE TABLE note (key TEXT PRIMARY KEY, folder REFERENCES folder, name REFERENCES folder (name)," \
  "                   n INTEGER REFERENCES folder (n), slug TEXT UNIQUE)"

static void
test_parents (void)
{
  g_auto(Database) database = { 0 };

  open_database (&database, PARENTS);
  merge_insert (&database, 1, "note", "n1", "\"folder\"", "\"F1\"");
  merge_insert (&database, 2, "note", "n2", "\"name\"", "\"Work\"");
  merge_insert (&database, 3, "note", "n3", "\"n\"", "7");
  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *key = g_strdup_printf ("z%u", i);

      merge_insert (&database, 4 + i, "note", key, "\"folder\"", "\"never\"");
    }
  assert_query (&database, "SELECT key FROM note", "");
  commit (&database, "INSERT INTO folder VALUES ('f1', NULL, NULL)", "folder", "f1");
  assert_query (&database, "SELECT key FROM note", "[\"n1\"]");
  commit (&database, "UPDATE folder SET name = 'Work'", "folder", "f1");
  assert_query (&database, "SELECT key FROM note", "[\"n1\"]\n[\"n2\"]");
  merge_insert (&database, 100, "folder", "f2", "\"n\"", "7");
  assert_query (&database, "SELECT key FROM note", "[\"n1\"]\n[\"n2\"]\n[\"n3\"]");
  assert_query (&database, "SELECT count (*) FROM dimple_shelf", "[10]");
  assert_query (&database, "SELECT count (DISTINCT key) FROM dimple_wait", "[10]");
}

/* Whose rival goes is shown, and what waited for it now waits for the next. */
static void
test_chain (void)
{
  g_auto(Database) database = { 0 };

  open_database (&database, "CREATE TABLE note (key TEXT PRIMARY KEY, slug TEXT UNIQUE)");
  for (guint i = 0; i < 9; i++)
    {
      g_autofree char *key = g_strdup_printf ("n%u", i);
      g_autofree char *slug = g_strdup_printf ("\"s%u\"", i / 3);

      merge_insert (&database, 1 + i, "note", key, "\"slug\"", slug);
    }
  assert_query (&database, "SELECT key FROM note", "[\"n0\"]\n[\"n3\"]\n[\"n6\"]");
  commit (&database, "DELETE FROM note WHERE key = 'n0'", "note", "n0");
  assert_query (&database, "SELECT key FROM note", "[\"n1\"]\n[\"n3\"]\n[\"n6\"]");
  commit (&database, "DELETE FROM note WHERE key = 'n1'", "note", "n1");
  assert_query (&database, "SELECT key FROM note", "[\"n2\"]\n[\"n3\"]\n[\"n6\"]");
  /* an older row that takes the place of one that others waited for */
  merge_one (&database, 20, 0, "[" UPDATE ("note", "\"slug\"", "n3", "\"s2\"") "]", NULL);
  assert_query (&database, "SELECT key FROM note", "[\"n2\"]\n[\"n3\"]\n[\"n4\"]");
  assert_query (&database, "SELECT count (*) FROM dimple_wait", "[4]");
}

/* Two rows that are each other's parents, one of which has a rival: then both lack their parent, and still it is the
 * rival that they wait for. */
static void
test_circle (void)
{
  g_auto(Database) database = { 0 };

  open_database (&database, "CREATE TABLE note (key TEXT PRIMARY KEY, slug TEXT UNIQUE, parent TEXT REFERENCES note)");
  merge_insert (&database, 1, "note", "old", "\"slug\"", "\"s\"");
  merge_insert (&database, 2, "note", "a", "\"slug\"", "\"t\"");
  merge_insert (&database, 3, "note", "b", "\"parent\"", "\"a\"");
  merge_one (&database, 4, 0, "[" UPDATE ("note", "\"parent\"", "a", "\"b\"") "]", NULL);
  assert_query (&database, "SELECT key FROM note ORDER BY key", "[\"a\"]\n[\"b\"]\n[\"old\"]");

  merge_one (&database, 5, 0, "[" UPDATE ("note", "\"slug\"", "a", "\"s\"") "]", NULL);
  assert_query (&database, "SELECT key FROM note", "[\"old\"]");
  assert_query (&database, "SELECT DISTINCT reason, rival FROM dimple_shelf", "[\"foreign-key\",null]");
  merge_one (&database, 6, 0, "[" UPDATE ("note", "\"slug\"", "old", "\"u\"") "]", NULL);
  assert_query (&database, "SELECT key FROM note ORDER BY key", "[\"a\"]\n[\"b\"]\n[\"old\"]");
}

/* Rows that come to wait in a circle for their own rivals, by a row that is nobody's rival: `winner` stays only with
 * its parent `between`, that with its parent `young`, and that if `child` is hidden, whose parent has `winner` for a
 * rival.  Then the oldest decides, which is a mere child of `child`; when it goes, the next one does. */
static void
test_knot (void)
{
  g_auto(Database) database = { 0 };

  open_database (&database, "CREATE TABLE note (key TEXT PRIMARY KEY, slug TEXT UNIQUE, parent TEXT REFERENCES note)");
  merge_insert (&database, 1, "note", "leaf", "\"parent\"", "\"child\"");
  merge_insert (&database, 2, "note", "between", "\"parent\"", "null");
  merge_insert (&database, 3, "note", "child", "\"slug\",\"parent\"", "\"s\",\"parent\"");
  merge_insert (&database, 4, "note", "winner", "\"slug\",\"parent\"", "\"t\",\"between\"");
  merge_insert (&database, 6, "note", "parent", "\"slug\"", "\"t\"");
  merge_insert (&database, 5, "note", "young", "\"slug\"", "\"s\"");
  assert_query (&database, "SELECT key FROM note ORDER BY key", "[\"between\"]\n[\"winner\"]\n[\"young\"]");

  merge_one (&database, 7, 0, "[" UPDATE ("note", "\"parent\"", "between", "\"young\"") "]", NULL);
  assert_query (&database, "SELECT key FROM note ORDER BY key", "[\"child\"]\n[\"leaf\"]\n[\"parent\"]");
  merge_one (&database, 8, 0, "[" DELETE ("note", "leaf") "]", NULL);
  assert_query (&database, "SELECT key FROM note ORDER BY key", "[\"between\"]\n[\"winner\"]\n[\"young\"]");
}

/* The reason is the first that applies, also for a row that lacks a parent. */
static void
test_first_reason (void)
{
  g_auto(Database) database = { 0 };

  open_database (&database, "CREATE TABLE folder (key TEXT PRIMARY KEY);"
                            "CREATE TABLE note (key TEXT PRIMARY KEY, folder TEXT REFERENCES folder, n CHECK (n < 9))");
  merge_insert (&database, 1, "note", "n1", "\"folder\",\"n\"", "\"f\",1");
  exec (&database, "UPDATE dimple_shelf SET was = \"row\", \"row\" = '{\"folder\":\"f\",\"n\":10}', reason = 'unique',"
                   " created = '0'");
  exec (&database, "UPDATE dimple_shelf SET was = NULL; UPDATE dimple_wait SET hash = 0");
  commit (&database, "SELECT 1", "note", "n1");
  assert_query (&database, "SELECT reason FROM dimple_shelf", "[\"check\"]");
}

/* A file of an older version has a shelf, and does not know what its rows wait for. */
static void
test_older_file (void)
{
  g_auto(Database) database = { 0 };
  g_autoptr(GError) error = NULL;

  open_database (&database, "CREATE TABLE note (key TEXT PRIMARY KEY, slug TEXT UNIQUE)");
  merge_insert (&database, 1, "note", "n1", "\"slug\"", "\"a\"");
  merge_insert (&database, 2, "note", "n2", "\"slug\"", "\"a\"");
  exec (&database, "DROP TABLE dimple_wait");
  dimple_log_create_tables (database.connection, &error);
  g_assert_no_error (error);
  commit (&database, "DELETE FROM note WHERE key = 'n1'", "note", "n1");
  assert_query (&database, "SELECT key FROM note", "[\"n2\"]");
  assert_query (&database, "SELECT count (*) FROM dimple_wait", "[0]");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/shelf-waits/counts", test_counts);
  g_test_add_func ("/shelf-waits/counts-tree", test_counts_tree);
  g_test_add_func ("/shelf-waits/parents", test_parents);
  g_test_add_func ("/shelf-waits/chain", test_chain);
  g_test_add_func ("/shelf-waits/circle", test_circle);
  g_test_add_func ("/shelf-waits/knot", test_knot);
  g_test_add_func ("/shelf-waits/first-reason", test_first_reason);
  g_test_add_func ("/shelf-waits/older-file", test_older_file);
  return g_test_run ();
}
