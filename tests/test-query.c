/* test-query.c: what an app asks of a live query
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "query-fixture.h"

/* -- Telling ------------------------------------------------------------------------------------------------------- */

static void
test_load (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(Record) record = NULL;

  fixture_add (store, "cab");
  query = dimple_query_new (store, BY_TITLE, NULL);
  record = record_new (query);
  g_assert_true (query->loading);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (query)), ==, 0);
  g_assert_null (g_list_model_get_item (G_LIST_MODEL (query), 0));
  dimple_test_wait_idle (store);

  fixture_assert_rows (query, "a b c");
  g_assert_false (query->loading);
  g_assert_null (dimple_query_get_error (query));
  record_assert (record, "0 -0 +3, n-items, first, incremental, loading");
}

static void
test_commits (void)
{
  static const struct
  {
    const char *sql;
    const char *told;
    const char *rows;
  } steps[] = {
    { "INSERT INTO note (key, title) VALUES ('c', 'c')", "2 -0 +1, n-items", "a b c d" },
    { "INSERT INTO note (key, title) VALUES ('0', '0')", "0 -0 +1, n-items, first", "0 a b c d" },
    { "DELETE FROM note WHERE key = 'b'", "2 -1 +0, n-items", "0 a c d" },
    { "UPDATE note SET title = 'z' WHERE key = 'a'", "1 -3 +3", "0 c d a" },
    { "UPDATE note SET title = 'y' WHERE key = 'a'", "", "0 c d a" },
    { "UPDATE note SET body = 'text'", "", "0 c d a" },
    { "UPDATE note SET title = title", "", "0 c d a" },
    { "DELETE FROM note WHERE key IN ('0', 'a')", "0 -4 +2, n-items, first", "c d" },
    { "DELETE FROM note", "0 -2 +0, n-items, first", "" },
    { "INSERT INTO folder VALUES ('f', 'F')", "", "" },
  };
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(Record) record = NULL;

  fixture_add (store, "abd");
  dimple_test_wait_idle (store);
  record = record_new (query);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      g_test_message ("%s", steps[i].sql);
      fixture_execute (store, steps[i].sql);
      dimple_test_wait_idle (store);
      fixture_assert_rows (query, steps[i].rows);
      record_assert (record, steps[i].told);
    }
}

static void
test_rollback (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(Record) record = NULL;

  fixture_add (store, "a");
  dimple_test_wait_idle (store);
  record = record_new (query);
  g_assert_true (dimple_store_begin (store, NULL));
  fixture_add (store, "b");
  dimple_query_refresh (query);
  fixture_assert_rows (query, "a");
  g_assert_true (dimple_store_rollback (store, NULL));
  dimple_test_wait_idle (store);
  record_assert (record, "");
}

static void
count_notify (GObject    *object,
              GParamSpec *pspec,
              guint      *count)
{
  ++*count;
}

/* The same object wherever its row goes, and a notify for the columns that changed alone. */
static void
test_objects (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(GObject) row = NULL, again = NULL, moved = NULL;
  guint n_titles = 0, n_keys = 0;

  fixture_add (store, "abc");
  dimple_query_refresh (query);
  row = g_list_model_get_item (G_LIST_MODEL (query), 0);
  again = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_assert_true (row == again);
  g_signal_connect (row, "notify::title", G_CALLBACK (count_notify), &n_titles);
  g_signal_connect (row, "notify::key", G_CALLBACK (count_notify), &n_keys);

  fixture_execute (store, "UPDATE note SET title = 'x', body = 'y' WHERE key = 'a'");
  dimple_query_refresh (query);
  moved = g_list_model_get_item (G_LIST_MODEL (query), 2);
  g_assert_true (moved == row);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "title"), ==, "x");
  g_assert_cmpuint (n_titles, ==, 1);
  g_assert_cmpuint (n_keys, ==, 0);
}

static void
test_replace (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(GObject) row = NULL, replaced = NULL;
  g_autoptr(Record) record = NULL;

  fixture_add (store, "abc");
  dimple_query_refresh (query);
  row = g_list_model_get_item (G_LIST_MODEL (query), 1);
  record = record_new (query);
  fixture_execute (store, "INSERT OR REPLACE INTO note (key, title) VALUES ('b', 'bb')");
  dimple_query_refresh (query);
  replaced = g_list_model_get_item (G_LIST_MODEL (query), 1);
  g_assert_true (replaced == row);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "title"), ==, "bb");
  record_assert (record, "");
}

/* A row with another key is another row. */
static void
test_key_change (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(GObject) row = NULL, other = NULL;
  g_autoptr(Record) record = NULL;

  fixture_add (store, "abc");
  dimple_query_refresh (query);
  row = g_list_model_get_item (G_LIST_MODEL (query), 1);
  record = record_new (query);
  fixture_execute (store, "UPDATE note SET key = 'B' WHERE key = 'b'");
  dimple_query_refresh (query);
  other = g_list_model_get_item (G_LIST_MODEL (query), 1);
  g_assert_true (other != row);
  g_assert_cmpstr (dimple_row_get_key (DIMPLE_ROW (other)), ==, "B");
  g_assert_cmpstr (dimple_row_get_key (DIMPLE_ROW (row)), ==, "b");
  record_assert (record, "1 -1 +1");
}

static void
test_edited_columns (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, "SELECT key, title, body FROM note", NULL);
  g_autoptr(GObject) row = NULL;

  fixture_add (store, "a");
  dimple_query_refresh (query);
  row = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_object_set (row, "title", "typed", NULL);
  fixture_execute (store, "UPDATE note SET title = 'merged', body = 'merged'");
  dimple_query_refresh (query);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "title"), ==, "typed");
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "body"), ==, "merged");
  g_assert_true (dimple_store_save (store, row, NULL));
  dimple_query_refresh (query);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "title"), ==, "typed");
  g_assert_false (dimple_row_is_edited (DIMPLE_ROW (row)));
}

static void
test_first (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) count = dimple_query_new (store, "SELECT count (*) AS n FROM note", NULL);
  g_autoptr(DimpleQuery) one = dimple_query_new (store, "SELECT * FROM note WHERE key = ?", g_variant_new_string ("b"));
  g_autoptr(Record) count_record = NULL, one_record = NULL;
  GObject *n, *row;

  g_assert_null (dimple_query_get_first (count));
  dimple_test_wait_idle (store);
  count_record = record_new (count);
  one_record = record_new (one);
  n = dimple_query_get_first (count);
  g_assert_cmpint (dimple_row_get_int64 (DIMPLE_ROW (n), "n"), ==, 0);
  g_assert_null (dimple_query_get_first (one));

  fixture_add (store, "ab");
  dimple_test_wait_idle (store);
  g_assert_true (dimple_query_get_first (count) == n);
  g_assert_cmpint (dimple_row_get_int64 (DIMPLE_ROW (n), "n"), ==, 2);
  record_assert (count_record, "");
  record_assert (one_record, "0 -0 +1, n-items, first");

  row = dimple_query_get_first (one);
  fixture_execute (store, "UPDATE note SET title = 'new' WHERE key = 'b'");
  dimple_test_wait_idle (store);
  g_assert_true (dimple_query_get_first (one) == row);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "title"), ==, "new");
  record_assert (one_record, "");

  fixture_execute (store, "DELETE FROM note WHERE key = 'b'");
  dimple_test_wait_idle (store);
  g_assert_null (dimple_query_get_first (one));
  record_assert (one_record, "0 -1 +0, n-items, first");
}

/* -- Asking for something else ------------------------------------------------------------------------------------- */

static void
test_set_parameters (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, "SELECT key FROM note WHERE key >= ? ORDER BY key",
                                                   g_variant_new ("(s)", "c"));
  g_autoptr(GVariant) parameters = NULL;
  g_autoptr(GObject) row = NULL, same = NULL;
  g_autoptr(Record) record = NULL;

  fixture_add (store, "abcdef");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "c d e f");
  row = g_list_model_get_item (G_LIST_MODEL (query), 3);
  record = record_new (query);

  dimple_query_set_parameters (query, g_variant_new ("(s)", "e"));
  g_assert_true (query->loading);
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "e f");
  same = g_list_model_get_item (G_LIST_MODEL (query), 1);
  g_assert_true (same == row);
  record_assert (record, "loading, parameters, 0 -2 +0, n-items, first, loading");

  g_object_set (query, "parameters", g_variant_new_string ("b"), NULL);
  dimple_query_refresh (query);
  fixture_assert_rows (query, "b c d e f");
  record_assert (record, "parameters, loading, 0 -0 +3, n-items, first, loading");
  g_object_get (query, "parameters", &parameters, NULL);
  g_assert_cmpstr (g_variant_get_string (parameters, NULL), ==, "b");

  /* The same again is nothing. */
  dimple_query_set_parameters (query, g_variant_new_string ("b"));
  dimple_test_wait_idle (store);
  record_assert (record, "");
}

static void
test_set_sql (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, "SELECT key, title FROM note ORDER BY key", NULL);
  g_autoptr(GObject) row = NULL, same = NULL;
  g_autoptr(Record) record = NULL;
  g_autofree char *sql = NULL;

  fixture_add (store, "abcd");
  dimple_query_refresh (query);
  row = g_list_model_get_item (G_LIST_MODEL (query), 1);
  record = record_new (query);
  dimple_query_set_sql (query, "SELECT key, title FROM note ORDER BY key DESC");
  dimple_query_refresh (query);
  fixture_assert_rows (query, "d c b a");
  same = g_list_model_get_item (G_LIST_MODEL (query), 2);
  g_assert_true (same == row);
  g_clear_object (&same);
  record_assert (record, "loading, sql, 0 -4 +4, first, loading");

  /* From one way to be kept up to date to the other, and back. */
  dimple_query_set_sql (query, "SELECT key, title FROM note ORDER BY key DESC LIMIT 3");
  dimple_query_refresh (query);
  fixture_assert_rows (query, "d c b");
  same = g_list_model_get_item (G_LIST_MODEL (query), 2);
  g_assert_true (same == row);
  g_clear_object (&same);
  record_assert (record, "loading, sql, 3 -1 +0, n-items, loading");
  dimple_query_set_sql (query, "SELECT key, title FROM note WHERE key < 'd' ORDER BY key DESC");
  dimple_query_refresh (query);
  fixture_assert_rows (query, "c b a");
  same = g_list_model_get_item (G_LIST_MODEL (query), 1);
  g_assert_true (same == row);
  record_assert (record, "loading, sql, 0 -3 +3, first, loading");
  g_object_get (query, "sql", &sql, NULL);
  g_assert_cmpstr (sql, ==, "SELECT key, title FROM note WHERE key < 'd' ORDER BY key DESC");
}

static void
test_refresh (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(Record) record = record_new (query);
  g_autoptr(GError) error = NULL;
  g_autofree char *key = NULL;
  guint n_runs, position = 99;

  /* Without a main loop. */
  dimple_query_refresh (query);
  record_assert (record, "incremental, loading");
  key = dimple_store_insert (store, "note", g_variant_new_parsed ("{'key': <'n'>, 'title': <'n'>}"), &error);
  g_assert_no_error (error);
  dimple_query_refresh (query);
  record_assert (record, "0 -0 +1, n-items, first");
  g_assert_true (dimple_query_find (query, key, &position));
  g_assert_cmpuint (position, ==, 0);

  /* Where nothing changed it is nothing. */
  n_runs = query->statistics.n_runs;
  dimple_query_refresh (query);
  dimple_test_wait_idle (store);
  g_assert_cmpuint (query->statistics.n_runs, ==, n_runs);
  record_assert (record, "");

  /* Inside a transaction it shows the commits before it. */
  fixture_add (store, "m");
  g_assert_true (dimple_store_begin (store, &error));
  fixture_add (store, "a");
  dimple_query_refresh (query);
  fixture_assert_rows (query, "m n");
  record_assert (record, "0 -0 +1, n-items, first");
  g_assert_true (dimple_store_commit (store, &error));
  dimple_query_refresh (query);
  fixture_assert_rows (query, "a m n");
  record_assert (record, "0 -0 +1, n-items, first");
}

/* -- Looking up ---------------------------------------------------------------------------------------------------- */

static void
test_find (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(DimpleQuery) titles = dimple_query_new (store, "SELECT title FROM note ORDER BY title", NULL);
  guint position = 99;

  g_assert_false (dimple_query_find (query, "a", &position));
  fixture_add (store, "abc");
  dimple_query_refresh (query);
  dimple_query_refresh (titles);
  g_assert_true (dimple_query_find (query, "b", &position));
  g_assert_cmpuint (position, ==, 1);
  g_assert_true (dimple_query_find (query, "c", NULL));
  g_assert_false (dimple_query_find (query, "x", &position));
  g_assert_cmpuint (position, ==, 1);

  fixture_execute (store, "UPDATE note SET title = 'z' WHERE key = 'b'");
  dimple_query_refresh (query);
  g_assert_true (dimple_query_find (query, "b", &position));
  g_assert_cmpuint (position, ==, 2);

  /* Without its key nothing can be found. */
  g_assert_false (dimple_query_find (titles, "b", &position));
  g_assert_null (dimple_query_get_key (titles, 0));
}

static void
test_get_key (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, "SELECT title, key FROM note ORDER BY title DESC", NULL);

  fixture_add (store, "abc");
  dimple_query_refresh (query);
  g_assert_cmpstr (dimple_query_get_key (query, 0), ==, "c");
  g_assert_cmpstr (dimple_query_get_key (query, 2), ==, "a");
  g_assert_null (dimple_query_get_key (query, 3));
}

static void
test_composite_key (void)
{
  static const char * const migrations[] = {
    "CREATE TABLE tagged (note TEXT, tag INTEGER, weight INTEGER, PRIMARY KEY (note, tag))", NULL
  };
  g_autoptr(DimpleStore) store = dimple_store_open (NULL, NULL);
  g_autoptr(DimpleQuery) query = dimple_query_new (store, "SELECT tag, note FROM tagged ORDER BY weight", NULL);
  guint position;

  g_assert_true (dimple_store_migrate (store, migrations, NULL));
  fixture_execute (store, "INSERT INTO tagged VALUES ('a', 1, 3), ('a', 2, 2), ('b', 1, 1)");
  dimple_query_refresh (query);
  g_assert_cmpstr (dimple_query_get_key (query, 0), ==, "[\"b\",1]");
  g_assert_true (dimple_query_find (query, "[\"a\",2]", &position));
  g_assert_cmpuint (position, ==, 1);
  g_assert_false (dimple_query_find (query, "[\"a\",3]", &position));
  g_assert_false (dimple_query_find (query, "a", &position));
}

static void
assert_explains (DimpleQuery *query,
                 const char  *words)
{
  g_autofree char *text = dimple_query_explain (query);

  if (strstr (text, words) == NULL)
    g_error ("“%s” is not in:\n%s", words, text);
}

static void
test_explain (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, "SELECT key FROM note WHERE stars > 0 ORDER BY title", NULL);
  g_autoptr(DimpleQuery) count = dimple_query_new (store, "SELECT count (*) AS n FROM note", NULL);
  g_autoptr(DimpleQuery) none = dimple_query_new (NULL, NULL, NULL);
  gboolean incremental;

  assert_explains (query, "Not loaded yet");
  assert_explains (none, "Not loaded yet");
  fixture_add (store, "ab");
  dimple_test_wait_idle (store);

  assert_explains (query, "Incremental: only the rows of note that change");
  assert_explains (query, "Watches note (key, title, stars)");
  assert_explains (query, "Rows: 2");
  assert_explains (query, "SCAN note");
  g_object_get (query, "incremental", &incremental, NULL);
  g_assert_true (incremental);
  assert_explains (count, "Run again when something changes");
  assert_explains (count, "only which rows there are");
  g_object_get (count, "incremental", &incremental, NULL);
  g_assert_false (incremental);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/query/load", test_load);
  g_test_add_func ("/query/commits", test_commits);
  g_test_add_func ("/query/rollback", test_rollback);
  g_test_add_func ("/query/objects", test_objects);
  g_test_add_func ("/query/replace", test_replace);
  g_test_add_func ("/query/key-change", test_key_change);
  g_test_add_func ("/query/edited-columns", test_edited_columns);
  g_test_add_func ("/query/first", test_first);
  g_test_add_func ("/query/set-parameters", test_set_parameters);
  g_test_add_func ("/query/set-sql", test_set_sql);
  g_test_add_func ("/query/refresh", test_refresh);
  g_test_add_func ("/query/find", test_find);
  g_test_add_func ("/query/get-key", test_get_key);
  g_test_add_func ("/query/composite-key", test_composite_key);
  g_test_add_func ("/query/explain", test_explain);
  return g_test_run ();
}
