/* test-query-rerun.c: what queries cost that are run again: how often they run, what they read and tell
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "query-fixture.h"

/* Takes long, but ends. */
#define SLOW \
  "WITH RECURSIVE i (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i WHERE x < 20000000) " \
  "SELECT count (*) AS n FROM i WHERE x > ?"

/* -- Which rows matter --------------------------------------------------------------------------------------------- */

static const char * const row_migrations[] = {
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, folder TEXT);"
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT);"
  "CREATE TABLE tagged (note TEXT, tag TEXT, weight INTEGER, PRIMARY KEY (note, tag)) WITHOUT ROWID;"
  "CREATE TABLE numbered (key INT PRIMARY KEY, name TEXT);"
  "CREATE TABLE loose (key TEXT COLLATE NOCASE PRIMARY KEY, name TEXT);"
  "CREATE VIEW shown AS SELECT * FROM note;"
  "INSERT INTO note VALUES ('a', 'A', 'f'), ('b', 'B', 'f'), ('c', 'C', 'g'), ('7', 'seven', 'g'), ('it''s', 'I', 'f');"
  "INSERT INTO folder VALUES ('f', 'F'), ('g', 'G');"
  "INSERT INTO tagged VALUES ('a', 'x', 1), ('a', 'y', 2), ('b', 'x', 3);"
  "INSERT INTO numbered VALUES (1, 'one'), (2, 'two'), (3, 'three');"
  "INSERT INTO loose VALUES ('Aa', 'one'), ('Bb', 'two')",
  NULL
};

typedef struct
{
  const char *sql;
  const char *parameters;       /* (nullable) */
  const char *write;
  gboolean    matters;
} RowCase;

/* DISTINCT, aggregates and such keep these from being kept row by row. */
static const RowCase row_cases[] = {
  { "SELECT DISTINCT title FROM note WHERE key = ?", "'a'", "UPDATE note SET title = 'x' WHERE key = 'b'", FALSE },
  { "SELECT DISTINCT title FROM note WHERE key = ?", "'a'", "UPDATE note SET title = 'x' WHERE key = 'a'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE key = ?", "'a'", "UPDATE note SET title = 'x'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE key = ?", "'a'", "DELETE FROM note WHERE key = 'b'", FALSE },
  { "SELECT DISTINCT title FROM note WHERE key = ?", "'a'", "DELETE FROM note", TRUE },
  { "SELECT DISTINCT title FROM note WHERE key = ?", "'new'", "INSERT INTO note (key) VALUES ('other')", FALSE },
  { "SELECT DISTINCT title FROM note WHERE key = ?", "'new'", "INSERT INTO note (key) VALUES ('new')", TRUE },
  { "SELECT DISTINCT title FROM note WHERE key = ?", "'new'", "UPDATE note SET key = 'new' WHERE key = 'a'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE key = ?", "'a'", "UPDATE note SET key = 'new' WHERE key = 'a'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE key = ?", "@ms nothing", "DELETE FROM note", FALSE },
  { "SELECT DISTINCT title FROM note WHERE key = :key", "{'key': <'a'>}", "DELETE FROM note WHERE key = 'b'", FALSE },
  { "SELECT DISTINCT title FROM note WHERE key = :key", "{'key': <'a'>}", "DELETE FROM note WHERE key = 'a'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE title > ?2 AND key = ?1", "('a', '')",
    "DELETE FROM note WHERE key = 'b'", FALSE },
  { "SELECT DISTINCT title FROM note WHERE title > ?2 AND key = ?1", "('a', '')",
    "DELETE FROM note WHERE key = 'a'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE ? == key", "'a'", "DELETE FROM note WHERE key = 'b'", FALSE },
  { "SELECT DISTINCT title FROM note WHERE ? == key", "'a'", "DELETE FROM note WHERE key = 'a'", TRUE },
  { "SELECT count (*) AS n FROM note WHERE key = 'it''s'", NULL, "DELETE FROM note WHERE key = 'a'", FALSE },
  { "SELECT count (*) AS n FROM note WHERE key = 'it''s'", NULL, "DELETE FROM note WHERE key = 'it''s'", TRUE },
  { "SELECT count (*) AS n FROM note WHERE key = 7", NULL, "DELETE FROM note WHERE key = 'a'", FALSE },
  { "SELECT count (*) AS n FROM note WHERE key = 7", NULL, "DELETE FROM note WHERE key = '7'", TRUE },
  { "SELECT count (*) AS n FROM note WHERE key IN ('a', ?)", "'c'", "DELETE FROM note WHERE key = 'b'", FALSE },
  { "SELECT count (*) AS n FROM note WHERE key IN ('a', ?)", "'c'", "DELETE FROM note WHERE key = 'c'", TRUE },
  { "SELECT count (*) AS n FROM note WHERE key IN ('a', ?)", "'c'", "DELETE FROM note WHERE key = 'a'", TRUE },
  { "SELECT count (*) AS n FROM note WHERE key IN ()", NULL, "DELETE FROM note WHERE key = 'a'", TRUE },

  /* Parts of a key */
  { "SELECT sum (weight) AS n FROM tagged WHERE note = ?", "'a'", "DELETE FROM tagged WHERE note = 'b'", FALSE },
  { "SELECT sum (weight) AS n FROM tagged WHERE note = ?", "'a'", "DELETE FROM tagged WHERE tag = 'y'", TRUE },
  { "SELECT sum (weight) AS n FROM tagged WHERE tag = ?", "'y'", "DELETE FROM tagged WHERE note = 'b'", FALSE },
  { "SELECT sum (weight) AS n FROM tagged WHERE tag = 'x' AND note = 'a'", NULL,
    "DELETE FROM tagged WHERE tag = 'y'", FALSE },
  { "SELECT sum (weight) AS n FROM tagged WHERE tag = 'x' AND note = 'a'", NULL,
    "DELETE FROM tagged WHERE tag = 'x'", TRUE },

  /* Numbers, and what is equal to SQLite */
  { "SELECT max (name) AS n FROM numbered WHERE key = ?", "2", "DELETE FROM numbered WHERE key = 3", FALSE },
  { "SELECT max (name) AS n FROM numbered WHERE key = ?", "2", "DELETE FROM numbered WHERE key = 2", TRUE },
  { "SELECT max (name) AS n FROM numbered WHERE key = ?", "'2'", "DELETE FROM numbered WHERE key = 2", TRUE },
  { "SELECT max (name) AS n FROM numbered WHERE key = ?", "2.0", "DELETE FROM numbered WHERE key = 2", TRUE },
  { "SELECT max (name) AS n FROM numbered WHERE key = ?", "true", "DELETE FROM numbered WHERE key = 1", TRUE },
  { "SELECT max (name) AS n FROM loose WHERE key = ?", "'aA'", "DELETE FROM loose WHERE key = 'AA'", TRUE },
  { "SELECT max (name) AS n FROM loose WHERE key = ?", "'aA'", "DELETE FROM loose WHERE key = 'BB'", FALSE },

  /* Joins: the other table matters as ever */
  { "SELECT DISTINCT n.title, f.name FROM note n JOIN folder f ON f.key = n.folder WHERE n.key = ?", "'a'",
    "UPDATE note SET title = 'x' WHERE key = 'b'", FALSE },
  { "SELECT DISTINCT n.title, f.name FROM note n JOIN folder f ON f.key = n.folder WHERE n.key = ?", "'a'",
    "UPDATE note SET title = 'x' WHERE key = 'a'", TRUE },
  { "SELECT DISTINCT n.title, f.name FROM note n JOIN folder f ON f.key = n.folder WHERE n.key = ?", "'a'",
    "UPDATE folder SET name = 'x' WHERE key = 'g'", TRUE },
  { "SELECT DISTINCT n.title, f.name FROM note AS n LEFT JOIN folder AS f ON f.key = n.folder WHERE f.key = ?", "'f'",
    "UPDATE folder SET name = 'x' WHERE key = 'g'", FALSE },
  { "SELECT DISTINCT n.title, f.name FROM note AS n LEFT JOIN folder AS f ON f.key = n.folder WHERE f.key = ?", "'f'",
    "UPDATE folder SET name = 'x' WHERE key = 'f'", TRUE },
  { "SELECT DISTINCT n.title, f.name FROM note AS n LEFT JOIN folder AS f ON f.key = n.folder AND f.key = ?", "'f'",
    "UPDATE folder SET name = 'x' WHERE key = 'g'", TRUE },

  /* Whatever may let other rows through */
  { "SELECT DISTINCT title FROM note WHERE key = 'a' OR title = 'B'", NULL, "DELETE FROM note WHERE key = 'b'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE key = 'a' AND 1 OR title = 'B'", NULL, "DELETE FROM note WHERE key = 'b'",
    TRUE },
  { "SELECT DISTINCT title FROM note WHERE title = 'B' OR 0 AND key = 'a'", NULL, "DELETE FROM note WHERE key = 'b'",
    TRUE },
  { "SELECT DISTINCT title FROM note WHERE NOT key = 'a'", NULL, "DELETE FROM note WHERE key = 'b'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE key <> 'a'", NULL, "DELETE FROM note WHERE key = 'b'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE key NOT IN ('a')", NULL, "DELETE FROM note WHERE key = 'b'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE 1 BETWEEN 0 AND key = 'a'", NULL, "DELETE FROM note WHERE key = 'b'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE CASE WHEN 1 AND key = 'a' THEN 0 ELSE 1 END", NULL,
    "DELETE FROM note WHERE key = 'b'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE key = 'a' || ''", NULL, "DELETE FROM note WHERE key = 'a'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE key = 'A' COLLATE NOCASE", NULL, "DELETE FROM note WHERE key = 'a'", TRUE },
  { "SELECT DISTINCT title FROM note WHERE title = 'A' AND folder = 'f'", NULL,
    "DELETE FROM note WHERE key = 'b'", TRUE },
  { "SELECT title, (SELECT count (*) FROM note) AS n FROM note WHERE key = 'a'", NULL,
    "DELETE FROM note WHERE key = 'b'", TRUE },
  { "SELECT title, (SELECT count (*) FROM 'note') AS n FROM note WHERE key = 'a'", NULL,
    "DELETE FROM note WHERE key = 'b'", TRUE },
  { "SELECT DISTINCT n.title, m.title FROM note n, note m WHERE n.key = 'a'", NULL,
    "DELETE FROM note WHERE key = 'b'", TRUE },
  { "SELECT title, (SELECT count (*) FROM shown) AS n FROM note WHERE key = 'a'", NULL,
    "DELETE FROM note WHERE key = 'b'", TRUE },
  { "SELECT title FROM note WHERE key = 'a' UNION SELECT 'x'", NULL, "DELETE FROM note WHERE key = 'a'", TRUE },
  { "WITH n AS (SELECT * FROM note) SELECT DISTINCT title FROM n WHERE key = 'a'", NULL,
    "DELETE FROM note WHERE key = 'a'", TRUE },
};

static DimpleStore *
open_with (const char * const *migrations)
{
  g_autoptr(GError) error = NULL;
  DimpleStore *store = dimple_store_open (NULL, &error);

  g_assert_no_error (error);
  dimple_store_migrate (store, migrations, &error);
  g_assert_no_error (error);
  return store;
}

static void
test_rows (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (row_cases); i++)
    {
      const RowCase *row_case = &row_cases[i];
      g_autoptr(DimpleStore) store = open_with (row_migrations);
      GVariant *parameters = row_case->parameters != NULL ? g_variant_new_parsed (row_case->parameters) : NULL;
      g_autoptr(DimpleQuery) query = dimple_query_new (store, row_case->sql, parameters);

      g_test_message ("%s; %s; %s", row_case->sql, row_case->parameters, row_case->write);
      dimple_test_wait_idle (store);
      g_assert_no_error (dimple_query_get_error (query));
      g_assert_false (query->incremental);
      g_assert_cmpuint (query->statistics.n_runs, ==, 1);
      fixture_execute (store, row_case->write);
      dimple_test_wait_idle (store);
      g_assert_cmpuint (query->statistics.n_runs, ==, 1 + row_case->matters);
    }
}

/* With other parameters other rows matter, from the moment they are set. */
static void
test_other_rows (void)
{
  g_autoptr(DimpleStore) store = open_with (row_migrations);
  g_autoptr(DimpleQuery) query = dimple_query_new (store, "SELECT max (title) AS t FROM note WHERE key = ?",
                                                   g_variant_new_string ("a"));
  g_autofree char *explanation = NULL;

  dimple_test_wait_idle (store);
  explanation = dimple_query_explain (query);
  g_assert_nonnull (strstr (explanation, "Watches note (key, title), the rows with its keys\n"));
  dimple_query_set_parameters (query, g_variant_new_string ("b"));
  fixture_execute (store, "UPDATE note SET title = 'before' WHERE key = 'b'");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "before");
  g_assert_cmpuint (query->statistics.n_runs, ==, 2);
  fixture_execute (store, "UPDATE note SET title = 'x' WHERE key = 'a'");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (query->statistics.n_runs, ==, 2);
  fixture_execute (store, "UPDATE note SET title = 'after' WHERE key = 'b'");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "after");

  /* SQL without such a condition: any row. */
  dimple_query_set_sql (query, "SELECT min (title) AS t FROM note WHERE title > ?");
  dimple_test_wait_idle (store);
  fixture_execute (store, "UPDATE note SET title = 'c' WHERE key = '7'");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "c");
}

/* A commit of many rows is not searched for some. */
static void
test_many_rows (void)
{
  g_autoptr(DimpleStore) store = open_with (row_migrations);
  g_autoptr(DimpleQuery) query = dimple_query_new (store, "SELECT count (*) AS n FROM note WHERE key = 'a'", NULL);

  dimple_test_wait_idle (store);
  fixture_execute (store, "WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i LIMIT 60) "
                          "INSERT INTO note (key) SELECT 'n' || i FROM i");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (query->statistics.n_runs, ==, 1);
  fixture_execute (store, "WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i LIMIT 70) "
                          "INSERT INTO note (key) SELECT 'm' || i FROM i");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (query->statistics.n_runs, ==, 2);
}

/* -- Full-text indexes --------------------------------------------------------------------------------------------- */

typedef struct
{
  const char *name;
  const char *index;            /* … USING fts5 (title, body…) */
  const char *deletion;         /* in a trigger */
} Index;

static const Index indexes[] = {
  { "own", "", "DELETE FROM words WHERE rowid = old.rowid;" },
  { "external", ", content = 'note'",
    "INSERT INTO words (words, rowid, title, body) VALUES ('delete', old.rowid, old.title, old.body);" },
  { "contentless", ", content = ''",
    "INSERT INTO words (words, rowid, title, body) VALUES ('delete', old.rowid, old.title, old.body);" },
};

static DimpleStore *
open_with_index (const Index *index)
{
  g_autofree char *script = g_strdup_printf (
    "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body TEXT, stars INTEGER);"
    "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT);"
    "CREATE VIRTUAL TABLE words USING fts5 (title, body%s);"
    "CREATE TRIGGER note_insert AFTER INSERT ON note BEGIN "
    "  INSERT INTO words (rowid, title, body) VALUES (new.rowid, new.title, new.body); END;"
    "CREATE TRIGGER note_delete AFTER DELETE ON note BEGIN %s END;"
    "CREATE TRIGGER note_update AFTER UPDATE OF title, body ON note BEGIN %s "
    "  INSERT INTO words (rowid, title, body) VALUES (new.rowid, new.title, new.body); END;",
    index->index, index->deletion, index->deletion);
  const char * const migrations[] = { script, NULL };

  return open_with (migrations);
}

static void
add_notes (DimpleStore *store,
           guint        n)
{
  static const char * const titles[] = {
    "apple pie", "apple tart", "apricot jam", "banana bread", "bread", "alpine walk", "applause", "a walk", "pie chart",
    "jam"
  };

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *sql = g_strdup_printf ("INSERT INTO note (key, title, body) VALUES ('n%02u', '%s', 'number %u')",
                                              i, titles[i % G_N_ELEMENTS (titles)], i);

      fixture_execute (store, sql);
    }
}

#define SEARCH \
  "SELECT note.key, note.title FROM words JOIN note ON note.rowid = words.rowid WHERE words MATCH fts_query (?) " \
  "ORDER BY note.key"

/* Every change of the index is heard of, and nothing else. */
static void
test_index (gconstpointer data)
{
  const Index *index = data;
  g_autoptr(DimpleStore) store = open_with_index (index);
  g_autoptr(DimpleQuery) query = dimple_query_new (store, SEARCH, g_variant_new_string ("apple"));
  g_autoptr(Record) record = NULL;
  g_autoptr(GError) error = NULL;

  add_notes (store, 5);
  dimple_query_refresh (query);
  fixture_assert_rows (query, "n00 n01");
  record = record_new (query);

  fixture_execute (store, "INSERT INTO note (key, title) VALUES ('x', 'an apple')");
  dimple_test_wait_idle (store);
  record_assert (record, "2 -0 +1, n-items");
  fixture_execute (store, "UPDATE note SET body = 'apple, too' WHERE key = 'n04'");
  dimple_test_wait_idle (store);
  record_assert (record, "2 -0 +1, n-items");
  fixture_execute (store, "UPDATE note SET title = 'pear pie' WHERE key = 'n00'");
  dimple_test_wait_idle (store);
  record_assert (record, "0 -1 +0, n-items, first");
  fixture_execute (store, "DELETE FROM note WHERE key = 'x'");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "n01 n04");
  record_assert (record, "2 -1 +0, n-items");
  g_assert_cmpuint (query->statistics.n_runs, ==, 5);

  dimple_store_begin (store, &error);
  g_assert_no_error (error);
  fixture_execute (store, "INSERT INTO note (key, title) VALUES ('y', 'apple')");
  dimple_store_rollback (store, &error);
  g_assert_no_error (error);
  fixture_execute (store, "INSERT INTO folder VALUES ('f', 'apple')");
  fixture_execute (store, "UPDATE note SET stars = 3");
  dimple_test_wait_idle (store);
  record_assert (record, "");
  g_assert_cmpuint (query->statistics.n_runs, ==, 5);

  fixture_execute (store, "INSERT INTO words (words) VALUES ('optimize')");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "n01 n04");
}

/* Without triggers, an index shows what its table holds now. */
static void
test_content (void)
{
  static const char * const migrations[] = {
    "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body TEXT);"
    "CREATE VIRTUAL TABLE words USING fts5 (title, content = note);"
    "INSERT INTO note VALUES ('a', 'apple', 'b')",
    NULL
  };
  g_autoptr(DimpleStore) store = open_with (migrations);
  g_autoptr(DimpleQuery) query = dimple_query_new (store, "SELECT title FROM words WHERE words MATCH 'apple'", NULL);

  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "");
  fixture_execute (store, "INSERT INTO words (words) VALUES ('rebuild')");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "apple");
  fixture_execute (store, "UPDATE note SET title = 'pear'");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "pear");
  fixture_execute (store, "UPDATE note SET body = 'c'");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (query->statistics.n_runs, ==, 3);
  fixture_execute (store, "INSERT INTO words (words) VALUES ('rebuild')");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "");
}

/* -- Search as you type -------------------------------------------------------------------------------------------- */

static void
type (DimpleQuery *query,
      const char  *text)
{
  dimple_query_set_parameters (query, g_variant_new_string (text));
}

/* Each letter is one run, which tells of the difference alone; what stays in the list is the same object. */
static void
test_typing (gconstpointer data)
{
  g_autoptr(DimpleStore) store = open_with_index (data);
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(Record) record = NULL;
  g_autoptr(GObject) kept = NULL, same = NULL;

  add_notes (store, 10);
  query = dimple_query_new (store, SEARCH, g_variant_new_string ("a"));
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "n00 n01 n02 n05 n06 n07");
  kept = g_list_model_get_item (G_LIST_MODEL (query), 1);
  record = record_new (query);

  type (query, "ap");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "n00 n01 n02 n06");
  record_assert (record, "loading, parameters, 3 -3 +1, n-items, loading");
  type (query, "app");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "n00 n01 n06");
  record_assert (record, "loading, parameters, 2 -1 +0, n-items, loading");
  type (query, "apple t");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "n01");
  same = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_assert_true (same == kept);
  g_assert_cmpuint (query->statistics.n_runs, ==, 4);
  g_assert_cmpuint (query->statistics.n_dropped, ==, 0);
  g_assert_cmpuint (query->statistics.n_rows, ==, 6 + 4 + 3 + 1);
  g_string_truncate (record->text, 0);

  /* Within one turn of the main loop, only the last counts; what is as it was is not run at all. */
  type (query, "a");
  type (query, "ap");
  type (query, "app");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "n00 n01 n06");
  g_assert_cmpuint (query->statistics.n_runs, ==, 5);
  type (query, "app");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (query->statistics.n_runs, ==, 5);

  /* Anything can be typed. */
  type (query, "\"app* (OR");
  dimple_test_wait_idle (store);
  g_assert_no_error (dimple_query_get_error (query));
}

/* Letters that come while the last search still runs: it is stopped, and what it would have found is never shown. */
static void
test_overtaken (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, SLOW, g_variant_new_int64 (0));
  g_autoptr(Record) record = record_new (query);
  g_autoptr(GPtrArray) runs = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_query_run_unref);

  for (gint64 i = 1; i <= 5; i++)
    {
      while (query->run == NULL)
        g_main_context_iteration (NULL, TRUE);
      g_ptr_array_add (runs, dimple_query_run_ref (query->run));
      dimple_query_set_parameters (query, g_variant_new_int64 (i));
      /* At once, and not when the next one starts. */
      g_assert_null (query->run);
    }
  dimple_query_set_sql (query, "SELECT ? AS n, count (*) AS m FROM note");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "5");
  for (guint i = 0; i < runs->len; i++)
    g_assert_null (((DimpleQueryRun *) g_ptr_array_index (runs, i))->rows);
  g_assert_cmpuint (query->statistics.n_runs, ==, 1);
  g_assert_cmpuint (query->statistics.n_dropped, ==, 5);
  g_assert_cmpuint (query->statistics.n_rows, ==, 1);
  g_assert_nonnull (strstr (record->text->str, "0 -0 +1, n-items, first, loading"));
  g_assert_null (strstr (strstr (record->text->str, "+1") + 2, "+"));
}

/* Nothing to search for any more while a search runs */
static void
test_nothing_wanted (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, SLOW, g_variant_new_int64 (0));

  while (query->run == NULL)
    g_main_context_iteration (NULL, TRUE);
  dimple_query_set_sql (query, NULL);
  g_assert_false (query->loading);
  g_assert_null (query->run);
  dimple_test_wait_idle (store);
  g_assert_cmpuint (query->statistics.n_runs, ==, 0);
  g_assert_cmpuint (query->statistics.n_dropped, ==, 1);
}

/* -- Commits ------------------------------------------------------------------------------------------------------- */

/* While a run is under way the main loop turns, and any number of commits leads to one run more. */
static void
test_commits_meanwhile (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store,
    "WITH RECURSIVE i (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i WHERE x < 1000000) "
    "SELECT (SELECT count (*) FROM i) + (SELECT count (*) FROM note) AS n", NULL);
  DimpleQueryRun *run;
  guint n_commits = 0;

  while (query->run == NULL)
    g_main_context_iteration (NULL, TRUE);
  run = query->run;
  while (query->run == run)
    {
      if (n_commits < 20)
        {
          g_autofree char *sql = g_strdup_printf ("INSERT INTO note (key) VALUES ('%u')", n_commits++);

          fixture_execute (store, sql);
        }
      g_main_context_iteration (NULL, FALSE);
    }
  dimple_test_wait_idle (store);
  g_assert_cmpuint (n_commits, ==, 20);
  g_assert_cmpuint (query->statistics.n_runs, ==, 2);
  g_assert_cmpuint (query->statistics.n_dropped, ==, 0);
  fixture_assert_rows (query, "1000020");
}

#define N_TRANSFERS 300

static gpointer
transfer (gpointer data)
{
  DimpleStore *store = data;

  for (guint i = 0; i < N_TRANSFERS; i++)
    {
      g_autoptr(GError) error = NULL;

      dimple_store_begin (store, &error);
      g_assert_no_error (error);
      fixture_execute (store, i % 2 == 0 ? "UPDATE note SET stars = stars - 1 WHERE key = 'a'"
                                         : "UPDATE note SET stars = stars + 1 WHERE key = 'a'");
      fixture_execute (store, i % 2 == 0 ? "INSERT INTO folder (key) VALUES ('coin')" : "DELETE FROM folder");
      dimple_store_commit (store, &error);
      g_assert_no_error (error);
    }
  return NULL;
}

static void
assert_total (DimpleRow  *row,
              GParamSpec *pspec,
              guint      *n_told)
{
  g_assert_cmpint (dimple_row_get_int64 (row, "n") + dimple_row_get_int64 (row, "m"), ==, 100);
  (*n_told)++;
}

/* What is shown is of one commit, however many there are while it is read. */
static void
test_snapshots (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  GThread *thread;
  guint n_told = 0;

  fixture_execute (store, "INSERT INTO note (key, stars) VALUES ('a', 100)");
  query = dimple_query_new (store,
    "WITH RECURSIVE i (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i WHERE x < 3000) "
    "SELECT (SELECT sum (stars) FROM note) AS n, (SELECT count (*) FROM i) AS k, (SELECT count (*) FROM folder) AS m",
    NULL);
  dimple_query_refresh (query);
  g_signal_connect (dimple_query_get_first (query), "notify", G_CALLBACK (assert_total), &n_told);
  thread = g_thread_new ("transfer", transfer, store);
  for (guint i = 0; i < 100; i++)
    {
      g_main_context_iteration (NULL, FALSE);
      dimple_query_refresh (query);
    }
  g_thread_join (thread);
  dimple_test_wait_idle (store);
  g_assert_cmpint (dimple_row_get_int64 (DIMPLE_ROW (dimple_query_get_first (query)), "n"), ==, 100);
  g_signal_handlers_disconnect_by_data (dimple_query_get_first (query), &n_told);
}

/* Of many rows, only the one that is another is told of, and only if somebody holds it. */
static void
test_differences (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(Record) record = NULL, row_record = NULL;
  g_autoptr(GObject) row = NULL, other = NULL;
  guint n_told = 0;

  fixture_execute (store, "WITH RECURSIVE i (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM i LIMIT 5000) "
                          "INSERT INTO note (key, title, body, folder) SELECT i, 'title ' || i, 'body', 'in' FROM i");
  query = dimple_query_new (store, "SELECT DISTINCT key, title, body FROM note ORDER BY key", NULL);
  dimple_test_wait_idle (store);
  record = record_new (query);
  row = g_list_model_get_item (G_LIST_MODEL (query), 2345);
  other = g_list_model_get_item (G_LIST_MODEL (query), 2346);
  g_signal_connect (other, "notify", G_CALLBACK (assert_total), &n_told);

  fixture_execute (store, "UPDATE note SET title = 'other' WHERE key = '3345'");
  dimple_test_wait_idle (store);
  record_assert (record, "");
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "title"), ==, "other");
  fixture_execute (store, "DELETE FROM note WHERE key = '3000'");
  dimple_test_wait_idle (store);
  record_assert (record, "2000 -1 +0, n-items");
  fixture_execute (store, "UPDATE note SET key = '1000a' WHERE key = '5999'");
  dimple_test_wait_idle (store);
  record_assert (record, "1 -4998 +4998");
  g_assert_cmpuint (query->statistics.n_runs, ==, 4);
  g_assert_cmpuint (n_told, ==, 0);
  g_signal_handlers_disconnect_by_data (other, &n_told);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/query-rerun/rows", test_rows);
  g_test_add_func ("/query-rerun/other-rows", test_other_rows);
  g_test_add_func ("/query-rerun/many-rows", test_many_rows);
  for (guint i = 0; i < G_N_ELEMENTS (indexes); i++)
    {
      g_autofree char *index = g_strdup_printf ("/query-rerun/index/%s", indexes[i].name);
      g_autofree char *typing = g_strdup_printf ("/query-rerun/typing/%s", indexes[i].name);

      g_test_add_data_func (index, &indexes[i], test_index);
      g_test_add_data_func (typing, &indexes[i], test_typing);
    }
  g_test_add_func ("/query-rerun/content", test_content);
  g_test_add_func ("/query-rerun/overtaken", test_overtaken);
  g_test_add_func ("/query-rerun/nothing-wanted", test_nothing_wanted);
  g_test_add_func ("/query-rerun/commits-meanwhile", test_commits_meanwhile);
  g_test_add_func ("/query-rerun/snapshots", test_snapshots);
  g_test_add_func ("/query-rerun/differences", test_differences);
  return g_test_run ();
}
