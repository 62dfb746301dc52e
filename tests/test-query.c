/* test-query.c: what an app asks of a live query
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "query-fixture.h"

#define BY_TITLE "SELECT key, title FROM note ORDER BY title, key"

/* -- Telling -------------------------------------------------------------------------------------------------------- */

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

/* -- Asking for something else -------------------------------------------------------------------------------------- */

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

/* -- Looking up ----------------------------------------------------------------------------------------------------- */

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

#define assert_section(query, position, expected_start, expected_end) \
  G_STMT_START { \
    guint section_start, section_end; \
    dimple_query_get_section ((query), (position), &section_start, &section_end); \
    g_assert_cmpuint (section_start, ==, (expected_start)); \
    g_assert_cmpuint (section_end, ==, (expected_end)); \
  } G_STMT_END

static void
test_sections (void)
{
  static const char * const statements[] = {
    "SELECT key, folder FROM note ORDER BY folder, key",
    "SELECT DISTINCT key, folder FROM note ORDER BY note.folder, key",
  };
  g_autoptr(DimpleStore) store = fixture_open ();

  fixture_add (store, "abcdefg");
  fixture_execute (store, "UPDATE note SET folder = CASE WHEN key < 'c' THEN NULL WHEN key < 'f' THEN 'x' ELSE 'y' END");
  for (guint i = 0; i < G_N_ELEMENTS (statements); i++)
    {
      g_autoptr(DimpleQuery) query = g_object_new (DIMPLE_TYPE_QUERY, "store", store, "sql", statements[i],
                                                   "section-column", "folder", NULL);

      assert_section (query, 0, 0, G_MAXUINT);
      dimple_query_refresh (query);
      g_assert_no_error (dimple_query_get_error (query));
      assert_section (query, 0, 0, 2);
      assert_section (query, 1, 0, 2);
      assert_section (query, 2, 2, 5);
      assert_section (query, 3, 2, 5);
      assert_section (query, 4, 2, 5);
      assert_section (query, 6, 5, 7);
      assert_section (query, 7, 7, G_MAXUINT);
    }
}

static gboolean
are_in_one_section (DimpleQuery *query,
                    guint        a,
                    guint        b)
{
  g_autoptr(DimpleRow) row = g_list_model_get_item (G_LIST_MODEL (query), a);
  g_autoptr(DimpleRow) other = g_list_model_get_item (G_LIST_MODEL (query), b);

  return g_strcmp0 (dimple_row_get_string (row, "folder"), dimple_row_get_string (other, "folder")) == 0;
}

/* They are what looking at each row would find, however they are ordered. */
static void
test_section_order (void)
{
  static const char * const statements[] = {
    "SELECT key, folder FROM note ORDER BY folder, key",
    "SELECT key, folder FROM note ORDER BY folder DESC NULLS FIRST, title",
    "SELECT key, folder FROM note ORDER BY folder NULLS LAST",
    "SELECT key, folder FROM note ORDER BY folder || '', key",
    "SELECT key, folder FROM note ORDER BY folder, key LIMIT 90 OFFSET 25",
    "SELECT DISTINCT key, folder FROM note ORDER BY folder, key",
  };
  g_autoptr(DimpleStore) store = fixture_open ();

  fixture_execute (store, "INSERT INTO note (key, title, folder) WITH RECURSIVE i (x) AS (SELECT 0 UNION ALL SELECT x + 1 "
                          "FROM i LIMIT 200) SELECT x, x * 7 % 5, nullif ('f' || (x * x % 17), 'f0') FROM i");
  for (guint i = 0; i < G_N_ELEMENTS (statements); i++)
    {
      g_autoptr(DimpleQuery) query = g_object_new (DIMPLE_TYPE_QUERY, "store", store, "sql", statements[i],
                                                   "section-column", "folder", NULL);
      guint n_rows;

      dimple_query_refresh (query);
      g_assert_no_error (dimple_query_get_error (query));
      n_rows = g_list_model_get_n_items (G_LIST_MODEL (query));
      for (guint first = 0, last; first < n_rows; first = last)
        {
          for (last = first + 1; last < n_rows && are_in_one_section (query, first, last); last++)
            ;
          for (guint position = first; position < last; position++)
            assert_section (query, position, first, last);
        }
    }
}

static void
test_section_column (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) plain = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(DimpleQuery) wrong = g_object_new (DIMPLE_TYPE_QUERY, "store", store, "sql", BY_TITLE,
                                               "section-column", "key", NULL);

  fixture_add (store, "abc");
  dimple_query_refresh (plain);
  assert_section (plain, 1, 0, 3);
  dimple_query_refresh (wrong);
  g_assert_error (dimple_query_get_error (wrong), DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_assert_nonnull (strstr (dimple_query_get_error (wrong)->message, "section column"));
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

/* -- Types of items ------------------------------------------------------------------------------------------------- */

static void
test_item_type (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(DimpleQuery) defined = NULL, wrong = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GObject) row = NULL, defined_row = NULL;
  GType type = g_list_model_get_item_type (G_LIST_MODEL (query));

  /* Known before the rows are. */
  g_assert_true (g_type_is_a (type, DIMPLE_TYPE_ROW));
  g_assert_true (type != DIMPLE_TYPE_ROW);
  fixture_add (store, "a");
  dimple_query_refresh (query);
  row = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_assert_true (G_OBJECT_TYPE (row) == type);
  g_assert_true (g_list_model_get_item_type (G_LIST_MODEL (query)) == type);

  type = dimple_store_define_row_type (store, "TestNoteRow", "SELECT key, title, stars FROM note", &error);
  g_assert_no_error (error);
  defined = dimple_query_new_with_type (store, type, "SELECT key, title, stars FROM note", NULL);
  g_assert_true (g_list_model_get_item_type (G_LIST_MODEL (defined)) == type);
  dimple_query_refresh (defined);
  g_assert_no_error (dimple_query_get_error (defined));
  defined_row = g_list_model_get_item (G_LIST_MODEL (defined), 0);
  g_assert_true (G_OBJECT_TYPE (defined_row) == type);

  wrong = dimple_query_new_with_type (store, type, "SELECT key FROM note", NULL);
  dimple_query_refresh (wrong);
  g_assert_error (dimple_query_get_error (wrong), DIMPLE_ERROR, DIMPLE_ERROR_TYPE);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (wrong)), ==, 0);
}

/* A class of an app, which knows nothing of Dimple */
typedef struct
{
  GObject  parent_instance;
  char    *key;
  char    *title;
  char    *body;
  guint    n_sets;
} AppNote;

typedef GObjectClass AppNoteClass;

static GType app_note_get_type (void);

G_DEFINE_TYPE (AppNote, app_note, G_TYPE_OBJECT)

static char **
app_note_get_field (AppNote *self,
                    guint    property_id)
{
  return property_id == 1 ? &self->key : property_id == 2 ? &self->title : &self->body;
}

static void
app_note_set_property (GObject      *object,
                       guint         property_id,
                       const GValue *value,
                       GParamSpec   *pspec)
{
  AppNote *self = (AppNote *) object;
  char **field = app_note_get_field (self, property_id);

  g_free (*field);
  *field = g_value_dup_string (value);
  self->n_sets++;
}

static void
app_note_get_property (GObject    *object,
                       guint       property_id,
                       GValue     *value,
                       GParamSpec *pspec)
{
  AppNote *self = (AppNote *) object;

  g_value_set_string (value, *app_note_get_field (self, property_id));
}

static void
app_note_finalize (GObject *object)
{
  AppNote *self = (AppNote *) object;

  g_free (self->key);
  g_free (self->title);
  g_free (self->body);
  G_OBJECT_CLASS (app_note_parent_class)->finalize (object);
}

static void
app_note_class_init (AppNoteClass *klass)
{
  klass->set_property = app_note_set_property;
  klass->get_property = app_note_get_property;
  klass->finalize = app_note_finalize;
  g_object_class_install_property (klass, 1, g_param_spec_string ("key", NULL, NULL, NULL, G_PARAM_READWRITE));
  g_object_class_install_property (klass, 2, g_param_spec_string ("title", NULL, NULL, NULL, G_PARAM_READWRITE));
  g_object_class_install_property (klass, 3, g_param_spec_string ("body", NULL, NULL, NULL, G_PARAM_READWRITE));
}

static void
app_note_init (AppNote *self)
{
}

static void
test_app_class (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new_with_type (store, app_note_get_type (), BY_TITLE, NULL);
  g_autoptr(GObject) note = NULL, again = NULL;
  guint n_sets;

  fixture_add (store, "ab");
  dimple_query_refresh (query);
  g_assert_no_error (dimple_query_get_error (query));
  note = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_assert_true (G_OBJECT_TYPE (note) == app_note_get_type ());
  g_assert_cmpstr (((AppNote *) note)->title, ==, "a");
  n_sets = ((AppNote *) note)->n_sets;

  fixture_execute (store, "UPDATE note SET title = 'z' WHERE key = 'a'");
  dimple_query_refresh (query);
  again = g_list_model_get_item (G_LIST_MODEL (query), 1);
  g_assert_true (again == note);
  g_assert_cmpstr (((AppNote *) note)->title, ==, "z");
  g_assert_cmpuint (((AppNote *) note)->n_sets, ==, n_sets + 1);
}

static void
note_what_is_seen (AppNote    *note,
                   GParamSpec *pspec,
                   GString    *seen)
{
  g_string_append_printf (seen, "%s: %s, %s; ", pspec->name, note->title, note->body);
}

/* Whoever is told of one column sees the others already as they are now; a row that did not change tells nothing. */
static void
test_app_class_notify (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new_with_type (store, app_note_get_type (),
                                                             "SELECT key, title, body FROM note ORDER BY key", NULL);
  g_autoptr(GObject) note = NULL, other = NULL;
  g_autoptr(GString) seen = g_string_new (NULL), seen_of_other = g_string_new (NULL);

  fixture_add (store, "ab");
  dimple_query_refresh (query);
  note = g_list_model_get_item (G_LIST_MODEL (query), 0);
  other = g_list_model_get_item (G_LIST_MODEL (query), 1);
  g_signal_connect (note, "notify", G_CALLBACK (note_what_is_seen), seen);
  g_signal_connect (other, "notify", G_CALLBACK (note_what_is_seen), seen_of_other);

  fixture_execute (store, "UPDATE note SET title = 'T', body = 'B' WHERE key = 'a'");
  dimple_query_refresh (query);
  g_assert_cmpuint (seen->len, ==, strlen ("title: T, B; body: T, B; "));
  g_assert_nonnull (strstr (seen->str, "title: T, B"));
  g_assert_nonnull (strstr (seen->str, "body: T, B"));
  g_assert_cmpstr (seen_of_other->str, ==, "");

  g_string_truncate (seen, 0);
  fixture_execute (store, "UPDATE note SET body = 'C', title = 'T' WHERE key = 'a'");
  dimple_query_refresh (query);
  g_assert_cmpstr (seen->str, ==, "body: T, C; ");
}

/* What the app has set stays, and what it has not set follows, until it is saved. */
static void
test_app_class_edited (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new_with_type (store, app_note_get_type (),
                                                             "SELECT key, title, body FROM note ORDER BY key", NULL);
  g_autoptr(GObject) note = NULL;
  g_autoptr(GError) error = NULL;

  fixture_add (store, "a");
  dimple_query_refresh (query);
  note = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_object_set (note, "title", "typed", NULL);
  fixture_execute (store, "UPDATE note SET title = 'merged', body = 'merged'");
  dimple_query_refresh (query);
  g_assert_cmpstr (((AppNote *) note)->title, ==, "typed");
  g_assert_cmpstr (((AppNote *) note)->body, ==, "merged");

  dimple_store_save (store, note, &error);
  g_assert_no_error (error);
  fixture_execute (store, "UPDATE note SET title = title || '!'");
  dimple_query_refresh (query);
  g_assert_cmpstr (((AppNote *) note)->title, ==, "typed!");
}

typedef DimpleRow AppRow;
typedef DimpleRowClass AppRowClass;

static GType app_row_get_type (void);

G_DEFINE_TYPE (AppRow, app_row, DIMPLE_TYPE_ROW)

static void
app_row_class_init (AppRowClass *klass)
{
}

static void
app_row_init (AppRow *self)
{
}

static void
test_row_subclass (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new_with_type (store, app_row_get_type (), BY_TITLE, NULL);
  g_autoptr(GObject) row = NULL;

  fixture_add (store, "a");
  dimple_query_refresh (query);
  row = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_assert_true (G_OBJECT_TYPE (row) == app_row_get_type ());
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "title"), ==, "a");
  fixture_execute (store, "UPDATE note SET title = 'b'");
  dimple_query_refresh (query);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "title"), ==, "b");
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
  g_test_add_func ("/query/sections", test_sections);
  g_test_add_func ("/query/section-order", test_section_order);
  g_test_add_func ("/query/section-column", test_section_column);
  g_test_add_func ("/query/explain", test_explain);
  g_test_add_func ("/query/item-type", test_item_type);
  g_test_add_func ("/query/app-class", test_app_class);
  g_test_add_func ("/query/app-class-notify", test_app_class_notify);
  g_test_add_func ("/query/app-class-edited", test_app_class_edited);
  g_test_add_func ("/query/row-subclass", test_row_subclass);
  return g_test_run ();
}
