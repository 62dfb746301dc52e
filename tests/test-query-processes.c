/* test-query-processes.c: live queries over what another process commits to the same file
 *
 * A second store on the file is what another process would be: it tells this one nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "query-fixture.h"

#include <glib/gstdio.h>

#include "store-exchange.h"

static const char * const scripts[] = {
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT);"
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, stars INTEGER, folder TEXT REFERENCES folder (key));"
  "CREATE INDEX note_folder ON note (folder)",
  NULL
};

typedef struct
{
  char        *folder;
  char        *path;
  DimpleStore *store;
  DimpleStore *other;
} Fixture;

static DimpleStore *
open_at (const char *path)
{
  g_autoptr(GError) error = NULL;
  DimpleStore *store = dimple_store_open (path, &error);

  g_assert_no_error (error);
  dimple_store_migrate (store, scripts, &error);
  g_assert_no_error (error);
  return store;
}

static void
set_up (Fixture       *fixture,
        gconstpointer  data)
{
  g_autoptr(GError) error = NULL;

  fixture->folder = g_dir_make_tmp ("dimple-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->path = g_build_filename (fixture->folder, "notes.db", NULL);
  fixture->store = open_at (fixture->path);
  execute (fixture->store, "INSERT INTO folder VALUES ('f0', 'Zero'), ('f1', 'One')");
  execute (fixture->store, "INSERT INTO note WITH RECURSIVE i (x) AS (SELECT 0 UNION ALL SELECT x + 1 "
                           "FROM i LIMIT 10000) "
                           "SELECT printf ('%05d', x), printf ('title %05d', x), 0, iif (x < 3, 'f0', NULL) FROM i");
  fixture->other = open_at (fixture->path);
  /* That it was opened is a commit, too, and not one to be heard of while something is counted. */
  dimple_store_hear_others (fixture->store);
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr(GError) error = NULL;

  dimple_store_close (fixture->other, &error);
  g_assert_no_error (error);
  dimple_store_close (fixture->store, &error);
  g_assert_no_error (error);
  g_object_unref (fixture->other);
  g_object_unref (fixture->store);
  g_unlink (fixture->path);
  g_rmdir (fixture->folder);
  g_free (fixture->path);
  g_free (fixture->folder);
}

static DimpleQuery *
new_query (Fixture    *fixture,
           const char *sql)
{
  DimpleQuery *query = dimple_query_new (fixture->store, sql, NULL);

  dimple_query_refresh (query);
  g_assert_true (query->incremental);
  return query;
}

/* As if the file had been seen to change. */
static void
hear (Fixture *fixture)
{
  dimple_store_hear_others (fixture->store);
  dimple_test_wait_idle (fixture->store);
}

static guint
count_asked (DimpleQuery *query)
{
  return dimple_evaluator_get_n_asked (dimple_subscription_get_evaluator (query->subscription));
}

/* -- Rows whose keys the log names --------------------------------------------------------------------------------- */

static void
test_one_row (Fixture       *fixture,
              gconstpointer  data)
{
  g_autoptr(DimpleQuery) query = new_query (fixture, "SELECT key, title, stars FROM note ORDER BY title");
  g_autoptr(Record) record = record_new (query);
  g_autoptr(DimpleRow) held = g_list_model_get_item (G_LIST_MODEL (query), 10);

  execute (fixture->other, "UPDATE note SET stars = 5 WHERE key = '00010'");
  hear (fixture);
  g_assert_cmpint (dimple_row_get_int64 (held, "stars"), ==, 5);
  g_assert_cmpuint (count_asked (query), ==, 1);
  record_assert (record, "");

  execute (fixture->other, "UPDATE note SET title = 'title 0' WHERE key = '00010'");
  execute (fixture->other, "DELETE FROM note WHERE key = '09999'");
  execute (fixture->other, "INSERT INTO note (key, title) VALUES ('new', 'title 00005 and a half')");
  execute (fixture->store, "UPDATE note SET stars = 6 WHERE key = '00010'");
  dimple_test_wait_idle (fixture->store);
  record_assert (record, "0 -10000 +10000, first");
  g_assert_cmpint (dimple_row_get_int64 (held, "stars"), ==, 6);
  g_assert_cmpuint (count_asked (query), <=, 5);
  g_assert_cmpuint (query->statistics.n_runs, ==, 1);
}

/* Its rowid is another, and the log tells just the key. */
static void
test_replaced (Fixture       *fixture,
               gconstpointer  data)
{
  g_autoptr(DimpleQuery) query = new_query (fixture, "SELECT key, title, stars FROM note ORDER BY title");
  g_autoptr(Record) record = record_new (query);
  g_autoptr(DimpleRow) held = g_list_model_get_item (G_LIST_MODEL (query), 10), again = NULL;

  execute (fixture->other, "REPLACE INTO note (key, title, stars) VALUES ('00010', 'title 00010', 5)");
  hear (fixture);
  g_assert_cmpint (dimple_row_get_int64 (held, "stars"), ==, 5);
  again = g_list_model_get_item (G_LIST_MODEL (query), 10);
  g_assert_true (held == again);
  g_assert_cmpuint (query->statistics.n_runs, ==, 1);
  record_assert (record, "");

  /* Also where nothing changed that is read */
  execute (fixture->other, "REPLACE INTO note (key, title, stars, folder) VALUES ('00010', 'title 00010', 5, 'f1')");
  hear (fixture);
  execute (fixture->other, "UPDATE note SET stars = 6 WHERE key = '00010'");
  hear (fixture);
  g_assert_cmpint (dimple_row_get_int64 (held, "stars"), ==, 6);
  g_assert_cmpuint (query->statistics.n_runs, ==, 1);
  record_assert (record, "");
}

/* A row that was moved here and deleted there, and one that took its place */
static void
test_place_taken (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr(DimpleQuery) query = new_query (fixture, "SELECT key, title FROM note WHERE key < '00003' OR key > 'a' "
                                                     "ORDER BY key");
  g_autoptr(Record) record = record_new (query);
  g_autoptr(DimpleRow) first = NULL;

  execute (fixture->store, "REPLACE INTO note (key, title) VALUES ('00001', 'moved')");
  execute (fixture->other, "DELETE FROM note WHERE key = '00001'");
  execute (fixture->other, "INSERT INTO note (key, title) VALUES ('new', 'new')");
  hear (fixture);
  fixture_assert_rows (query, "00000 00002 new");
  g_assert_cmpuint (query->statistics.n_runs, ==, 1);
  record_assert (record, "1 -2 +2");

  /* Heard of after what this store did later, and twice */
  execute (fixture->other, "REPLACE INTO note (key, title) VALUES ('00000', 'a'), ('new', 'b')");
  execute (fixture->store, "REPLACE INTO note (key, title) VALUES ('00000', 'c')");
  execute (fixture->other, "UPDATE note SET title = 'd' WHERE key = '00000'");
  execute (fixture->other, "DELETE FROM note WHERE key = 'new'");
  hear (fixture);
  fixture_assert_rows (query, "00000 00002");
  first = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_assert_cmpstr (dimple_row_get_string (first, "title"), ==, "d");
}

static void
test_joined (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr(DimpleQuery) query = new_query (fixture,
                                            "SELECT note.key, name FROM note JOIN folder ON folder.key = note.folder "
                                            "ORDER BY note.key");
  g_autoptr(Record) record = record_new (query);
  g_autoptr(DimpleRow) held = g_list_model_get_item (G_LIST_MODEL (query), 2);

  execute (fixture->other, "UPDATE folder SET name = 'Nil' WHERE key = 'f0'");
  execute (fixture->other, "UPDATE note SET folder = 'f1' WHERE key = '00002'");
  hear (fixture);
  g_assert_cmpstr (dimple_row_get_string (held, "name"), ==, "One");
  g_assert_cmpuint (count_asked (query), ==, 3);
  execute (fixture->other, "UPDATE note SET folder = 'f1' WHERE key IN ('00007', '00008')");
  hear (fixture);
  record_assert (record, "3 -0 +2, n-items");
  g_assert_cmpuint (query->statistics.n_runs, ==, 1);
}

/* More than are worth to be looked at one by one */
static void
test_many (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr(DimpleQuery) query = new_query (fixture, "SELECT key, stars FROM note ORDER BY key");
  g_autoptr(DimpleRow) held = g_list_model_get_item (G_LIST_MODEL (query), 10), again = NULL;

  execute (fixture->other, "UPDATE note SET stars = 7");
  hear (fixture);
  g_assert_cmpint (dimple_row_get_int64 (held, "stars"), ==, 7);
  again = g_list_model_get_item (G_LIST_MODEL (query), 10);
  g_assert_true (held == again);
  g_assert_cmpuint (query->statistics.n_runs, ==, 2);
}

/* -- Rows that it does not name ------------------------------------------------------------------------------------ */

/* A row that only got another rowid is in no transaction, whether it comes with one or before one. */
static void
test_moved (Fixture       *fixture,
            gconstpointer  data)
{
  g_autoptr(DimpleQuery) query = new_query (fixture, "SELECT key, title, stars FROM note ORDER BY title");
  g_autoptr(DimpleRow) first = g_list_model_get_item (G_LIST_MODEL (query), 10);
  g_autoptr(DimpleRow) second = g_list_model_get_item (G_LIST_MODEL (query), 20);
  g_autoptr(DimpleRow) again = NULL, second_again = NULL;

  execute (fixture->other,
           "REPLACE INTO note (key, title, stars) VALUES ('00010', 'title 00010', 0), ('00011', 'title 00011', 1)");
  hear (fixture);
  g_assert_cmpuint (query->statistics.n_runs, ==, 2);
  execute (fixture->other, "REPLACE INTO note (key, title, stars) VALUES ('00020', 'title 00020', 0)");
  execute (fixture->other, "UPDATE note SET stars = 2 WHERE key IN ('00010', '00020')");
  hear (fixture);
  g_assert_cmpuint (query->statistics.n_runs, ==, 3);

  again = g_list_model_get_item (G_LIST_MODEL (query), 10);
  second_again = g_list_model_get_item (G_LIST_MODEL (query), 20);
  g_assert_true (first == again);
  g_assert_true (second == second_again);
  g_assert_cmpint (dimple_row_get_int64 (first, "stars"), ==, 2);
  g_assert_cmpint (dimple_row_get_int64 (second, "stars"), ==, 2);

  /* What came after it is looked at row by row again. */
  execute (fixture->other, "UPDATE note SET stars = 3 WHERE key = '00020'");
  hear (fixture);
  g_assert_cmpint (dimple_row_get_int64 (second, "stars"), ==, 3);
  g_assert_cmpuint (query->statistics.n_runs, ==, 3);
}

/* Two rows have each other's rowid now, and a third one has gone from where nobody is missed. */
static void
test_moved_round (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr(DimpleQuery) query = new_query (fixture, "SELECT key, title FROM note WHERE key < '00003' ORDER BY title");
  g_autoptr(Record) record = record_new (query);
  g_autoptr(GError) error = NULL;
  DimpleRow *held[3];

  for (guint i = 0; i < G_N_ELEMENTS (held); i++)
    held[i] = g_list_model_get_item (G_LIST_MODEL (query), i);
  dimple_store_begin (fixture->other, &error);
  execute (fixture->other, "DELETE FROM note");
  execute (fixture->other, "INSERT INTO note (key, title, stars, folder) VALUES "
                           "('00001', 'title 00001', 0, 'f0'), ('00000', 'title 00000', 0, 'f0'), "
                           "('new', 'title', 0, 'f0'), ('00002', 'title 00002', 0, 'f0')");
  dimple_store_commit (fixture->other, &error);
  g_assert_no_error (error);
  hear (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (held); i++)
    {
      g_autoptr(DimpleRow) again = g_list_model_get_item (G_LIST_MODEL (query), i);

      g_assert_true (held[i] == again);
      g_object_unref (held[i]);
    }
  record_assert (record, "");
}

/* A note waits on the shelf for its folder; when that comes, it is shown by a commit that the log has nothing of. */
static void
test_shelved (Fixture       *fixture,
              gconstpointer  data)
{
  g_autoptr(DimpleStore) device = open_store (scripts);
  g_autoptr(DimpleQuery) query = NULL;

  execute (fixture->store, "DELETE FROM folder WHERE key = 'f1'");
  bring (fixture->store, device);
  execute (device, "INSERT INTO folder VALUES ('f2', 'Two')");
  execute (device, "INSERT INTO note (key, title, folder) VALUES ('shelved', 'A', 'f2')");
  execute (fixture->store, "INSERT INTO folder VALUES ('f2', 'Zwei')");
  execute (fixture->store, "DELETE FROM folder WHERE key = 'f2'");
  bring (device, fixture->store);
  query = new_query (fixture, "SELECT key, title FROM note WHERE key > 'a' ORDER BY key");
  fixture_assert_rows (query, "");

  execute (fixture->other, "INSERT OR REPLACE INTO folder VALUES ('f2', 'Deux')");
  hear (fixture);
  fixture_assert_rows (query, "shelved");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
#define ADD(path, func) g_test_add ("/query/processes/" path, Fixture, NULL, set_up, func, tear_down)
  ADD ("one-row", test_one_row);
  ADD ("replaced", test_replaced);
  ADD ("place-taken", test_place_taken);
  ADD ("joined", test_joined);
  ADD ("many", test_many);
  ADD ("moved", test_moved);
  ADD ("moved-round", test_moved_round);
  ADD ("shelved", test_shelved);
  return g_test_run ();
}
