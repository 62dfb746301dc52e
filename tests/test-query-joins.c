/* test-query-joins.c: joins that are kept row by row: which are, what a change costs, and when they are run again
 * instead
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "query-fixture.h"

static const char * const migrations[] = {
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT, parent TEXT, archived INTEGER DEFAULT 0);"
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, folder TEXT, other TEXT, body TEXT);"
  "CREATE INDEX note_folder ON note (folder);"
  "CREATE INDEX note_other ON note (other);"
  "CREATE INDEX note_title ON note (title);"
  "CREATE TABLE tag (key TEXT PRIMARY KEY, name TEXT UNIQUE);"
  "CREATE TABLE tagging (note TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (note, tag));"
  "CREATE INDEX tagging_tag ON tagging (tag);"
  "CREATE TABLE mood (name TEXT, strength INTEGER, face TEXT, PRIMARY KEY (name, strength)) WITHOUT ROWID;"
  "CREATE TABLE seen (key TEXT PRIMARY KEY, title TEXT UNIQUE NOT NULL, colour TEXT);"
  "SELECT dimple_set_local ('seen');"
  "CREATE TABLE long (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, title TEXT UNIQUE NOT NULL, colour TEXT, "
  "PRIMARY KEY (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q)) WITHOUT ROWID;"
  "CREATE VIEW coloured AS SELECT n.key, s.colour FROM note n JOIN seen s USING (title);"
  "INSERT INTO folder (key, name) VALUES ('f0', 'Zero'), ('f1', 'One'), ('f2', 'Two');"
  "INSERT INTO note (key, title, folder) VALUES ('a', 'A', 'f0'), ('b', 'B', 'f1'), ('c', 'C', 'f1'), ('d', 'D', 'f9');"
  "INSERT INTO tag VALUES ('t0', 'red'), ('t1', 'blue'), ('t2', 'green');"
  "INSERT INTO tagging VALUES ('a', 't0'), ('b', 't0'), ('b', 't1'), ('c', 't2');"
  "INSERT INTO mood VALUES ('A', 1, ':)'), ('A', 2, ':D'), ('B', 1, ':|')",
  NULL
};

static DimpleStore *
open_store (void)
{
  g_autoptr(GError) error = NULL;
  DimpleStore *store = dimple_store_open (NULL, &error);

  g_assert_no_error (error);
  dimple_store_migrate (store, migrations, &error);
  g_assert_no_error (error);
  return store;
}

static DimpleQuery *
new_query (DimpleStore *store,
           const char  *sql)
{
  DimpleQuery *query = dimple_query_new (store, sql, NULL);

  dimple_query_refresh (query);
  g_assert_null (dimple_query_get_error (query));
  return query;
}

static DimpleQuery *
new_kept_query (DimpleStore *store,
                const char  *sql)
{
  DimpleQuery *query = new_query (store, sql);

  if (!query->incremental)
    g_error ("%s: %s", sql, query->plan->reason);
  return query;
}

static guint
count_asked (DimpleQuery *query)
{
  return dimple_evaluator_get_n_asked (dimple_subscription_get_evaluator (query->subscription));
}

/* Both in one transaction. */
static void
execute_both (DimpleStore *store,
              const char  *sql,
              const char  *other_sql,
              gboolean     commit)
{
  g_autoptr(GError) error = NULL;

  dimple_store_begin (store, &error);
  g_assert_no_error (error);
  fixture_execute (store, sql);
  fixture_execute (store, other_sql);
  if (commit)
    dimple_store_commit (store, &error);
  else
    dimple_store_rollback (store, &error);
  g_assert_no_error (error);
}

/* All columns of all rows: "a|Zero b|One". */
static char *
dup_rows (DimpleQuery *query)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (query)); i++)
    {
      g_autoptr(DimpleRow) row = g_list_model_get_item (G_LIST_MODEL (query), i);
      const char * const *columns = dimple_row_get_columns (row);

      for (guint c = 0; columns[c] != NULL; c++)
        {
          const char *value = dimple_row_get_string (row, columns[c]);

          g_string_append_printf (text, "%s%s", c > 0 ? "|" : i > 0 ? " " : "", value != NULL ? value : "-");
        }
    }
  return g_string_free (text, FALSE);
}

#define assert_rows(query, expected) \
  G_STMT_START { \
    g_autofree char *rows = dup_rows (query); \
    g_assert_cmpstr (rows, ==, expected); \
  } G_STMT_END

/* Writes, waits, and compares what was told, what is shown, and how many rows were asked for. */
#define assert_write(record, sql, told, expected, n_asked) \
  G_STMT_START { \
    guint asked_before = count_asked ((record)->query); \
    fixture_execute ((record)->query->store, sql); \
    dimple_test_wait_idle ((record)->query->store); \
    record_assert (record, told); \
    assert_rows ((record)->query, expected); \
    g_assert_cmpuint (count_asked ((record)->query) - asked_before, ==, n_asked); \
    g_assert_cmpuint ((record)->query->statistics.n_runs, ==, 1); \
  } G_STMT_END

/* -- What a change costs ------------------------------------------------------------------------------------------- */

static void
add_many (DimpleStore *store)
{
  fixture_execute (store, "INSERT INTO folder (key, name) WITH RECURSIVE i (x) AS (SELECT 10 UNION ALL SELECT x + 1 "
                          "FROM i LIMIT 1000) SELECT 'f' || x, printf ('folder %04d', x) FROM i");
  fixture_execute (store, "INSERT INTO note (key, title, folder) WITH RECURSIVE i (x) AS (SELECT 0 UNION ALL "
                          "SELECT x + 1 FROM i LIMIT 20000) "
                          "SELECT printf ('%05d', x), printf ('title %05d', x), 'f' || (10 + x % 1000) FROM i");
}

static void
test_cost (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(Record) record = NULL;
  g_autoptr(DimpleRow) shown = NULL;

  add_many (store);
  query = new_kept_query (store, "SELECT note.key, title, folder.name FROM note LEFT JOIN folder "
                                 "ON folder.key = note.folder ORDER BY title");
  record = record_new (query);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (query)), ==, 20004);

  /* A row of the base table */
  fixture_execute (store, "UPDATE note SET title = 'title 00000 again' WHERE key = '00007'");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (count_asked (query), ==, 1);
  record_assert (record, "5 -7 +7");

  /* One that twenty rows hold, none of which moves */
  shown = g_list_model_get_item (G_LIST_MODEL (query), 1008);
  g_assert_cmpstr (dimple_row_get_string (shown, "name"), ==, "folder 0014");
  fixture_execute (store, "UPDATE folder SET name = 'other' WHERE key = 'f14'");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (count_asked (query), ==, 21);
  g_assert_cmpstr (dimple_row_get_string (shown, "name"), ==, "other");
  record_assert (record, "");

  /* A column that is not read; and a row that nobody holds */
  fixture_execute (store, "UPDATE folder SET archived = 1");
  fixture_execute (store, "INSERT INTO folder (key, name) VALUES ('new', 'new')");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (count_asked (query), ==, 21);
  g_assert_cmpuint (query->statistics.n_runs, ==, 1);
  record_assert (record, "");
}

/* More rows than are worth looking at one by one */
static void
test_many_holders (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(GObject) first = NULL, again = NULL;

  add_many (store);
  fixture_execute (store, "UPDATE note SET folder = 'f0'");
  query = new_kept_query (store, "SELECT note.key, name FROM note JOIN folder ON folder.key = note.folder "
                                 "ORDER BY note.key");
  first = g_list_model_get_item (G_LIST_MODEL (query), 0);
  fixture_execute (store, "UPDATE folder SET name = 'other' WHERE key = 'f0'");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (query->statistics.n_runs, ==, 2);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (first), "name"), ==, "other");
  again = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_assert_true (first == again);
}

/* An index finds them, but among very many others. */
static void
test_wide_search (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(GObject) first = NULL;

  add_many (store);
  fixture_execute (store, "UPDATE note SET other = 'x', body = folder");
  query = new_kept_query (store, "SELECT note.key, name FROM note JOIN folder ON folder.key = note.body "
                                 "WHERE note.other = 'x' ORDER BY note.key");
  first = g_list_model_get_item (G_LIST_MODEL (query), 0);
  fixture_execute (store, "UPDATE folder SET name = 'other' WHERE key BETWEEN 'f10' AND 'f101'");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (query->statistics.n_runs, ==, 2);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (first), "name"), ==, "other");
}

/* -- Kinds of joins ------------------------------------------------------------------------------------------------ */

static void
test_inner (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = new_kept_query (store, "SELECT n.key, f.name FROM folder f, note n "
                                                        "WHERE f.key = n.folder AND NOT f.archived "
                                                        "ORDER BY f.name, n.key");
  g_autoptr(Record) record = record_new (query);

  assert_rows (query, "b|One c|One a|Zero");
  assert_write (record, "UPDATE note SET folder = 'f2' WHERE key = 'c'", "", "b|One c|Two a|Zero", 1);
  assert_write (record, "UPDATE folder SET name = 'Last' || name WHERE key = 'f1'", "", "b|LastOne c|Two a|Zero", 1);
  assert_write (record, "UPDATE folder SET name = 'Zz' WHERE key = 'f1'", "0 -3 +3, first", "c|Two a|Zero b|Zz", 1);
  assert_write (record, "UPDATE folder SET archived = 1 WHERE key = 'f0'", "1 -1 +0, n-items", "c|Two b|Zz", 1);
  assert_write (record, "UPDATE folder SET archived = 0 WHERE key = 'f0'", "1 -0 +1, n-items", "c|Two a|Zero b|Zz", 1);
  /* A row that waits for its folder; a folder that is called otherwise */
  assert_write (record, "INSERT INTO folder (key, name) VALUES ('f9', 'Nine')", "0 -0 +1, n-items, first",
                "d|Nine c|Two a|Zero b|Zz", 1);
  assert_write (record, "UPDATE folder SET key = 'f8' WHERE key = 'f9'", "0 -1 +0, n-items, first", "c|Two a|Zero b|Zz",
                1);
  assert_write (record, "DELETE FROM folder WHERE key = 'f2'", "0 -1 +0, n-items, first", "a|Zero b|Zz", 1);
}

static void
test_left (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = new_kept_query (store, "SELECT n.key, f.name FROM note n LEFT JOIN folder f "
                                                        "ON f.key = n.folder AND f.archived = 0 "
                                                        "ORDER BY f.name DESC, n.key");
  g_autoptr(Record) record = record_new (query);

  assert_rows (query, "a|Zero b|One c|One d|-");
  assert_write (record, "DELETE FROM folder WHERE key = 'f0'", "0 -3 +3, first", "b|One c|One a|- d|-", 1);
  assert_write (record, "INSERT INTO folder (key, name) VALUES ('f9', 'Nine')", "2 -2 +2", "b|One c|One d|Nine a|-", 1);
  assert_write (record, "UPDATE folder SET archived = 1 WHERE key = 'f1'", "0 -4 +4, first", "d|Nine a|- b|- c|-", 2);
  assert_write (record, "UPDATE folder SET archived = 0, name = 'A' WHERE key = 'f1'", "1 -3 +3", "d|Nine b|A c|A a|-",
                2);
}

/* A row that was kept out by one that goes */
static void
test_without_partner (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = new_kept_query (store,
                                                 "SELECT n.key FROM note n LEFT JOIN folder f ON f.key = n.folder "
                                                 "WHERE f.name IS NULL ORDER BY n.key");
  g_autoptr(Record) record = record_new (query);

  assert_rows (query, "d");
  assert_write (record, "DELETE FROM folder WHERE key = 'f1'", "0 -0 +2, n-items, first", "b c d", 2);
  assert_write (record, "UPDATE folder SET name = NULL WHERE key = 'f0'", "0 -0 +1, n-items, first", "a b c d", 1);
  assert_write (record, "INSERT INTO folder (key, name) VALUES ('f1', 'Uno')", "1 -2 +0, n-items", "a d", 2);
}

/* One that a later join kept out; and a table that is joined before the one whose rows these are */
static void
test_join_after_left (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = new_kept_query (store, "SELECT n.key, t.name FROM note n LEFT JOIN folder f ON f.key = n.folder "
                                                        "JOIN tag t ON t.name = coalesce (f.name, 'red') ORDER BY n.key");
  g_autoptr(DimpleQuery) of_tags = NULL;
  g_autoptr(Record) record = record_new (query);

  assert_rows (query, "d|red");
  assert_write (record, "DELETE FROM folder WHERE key = 'f1'", "0 -0 +2, n-items, first", "b|red c|red d|red", 2);
  assert_write (record, "UPDATE folder SET name = 'blue' WHERE key = 'f0'", "0 -0 +1, n-items, first",
                "a|blue b|red c|red d|red", 1);
  assert_write (record, "INSERT INTO folder (key, name) VALUES ('f9', 'Nine')", "3 -1 +0, n-items", "a|blue b|red c|red", 1);

  of_tags = new_kept_query (store, "SELECT l.note, l.tag, f.name FROM note n LEFT JOIN folder f ON f.key = n.folder "
                                   "JOIN tagging l ON l.note = n.key WHERE l.tag > coalesce (f.name, 't') ORDER BY l.note, l.tag");
  assert_rows (of_tags, "a|t0|blue b|t0|- b|t1|- c|t2|-");
  fixture_execute (store, "UPDATE folder SET name = 'z' WHERE key = 'f0'");
  dimple_test_wait_idle (store);
  assert_rows (of_tags, "b|t0|- b|t1|- c|t2|-");
}

/* Columns that nothing but NATURAL and USING name, in a query that is kept, one that is run again, and a view */
static void
test_by_name (void)
{
  static const char * const all[] = {
    "SELECT n.key, s.colour FROM note n JOIN seen s USING (title) ORDER BY n.key",
    "SELECT n.key, s.colour FROM note n JOIN seen s USING (title) GROUP BY n.key ORDER BY n.key",
    "SELECT n.key, s.colour FROM (SELECT key, title FROM note) n NATURAL JOIN (SELECT title, colour FROM seen) s ORDER BY n.key",
    "SELECT key, colour FROM coloured ORDER BY key",
  };
  /* Of these it tells no column of one of the tables, or of none. */
  static const char * const counts[] = {
    "SELECT count (*) AS n FROM coloured WHERE key <> 'a'",
    "WITH c AS (SELECT n.key FROM note n NATURAL JOIN (SELECT title FROM seen) s) SELECT count (key) AS n FROM c WHERE key <> 'a'",
  };
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(GPtrArray) queries = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(DimpleQuery) first = NULL, second = NULL;

  fixture_execute (store, "INSERT INTO seen VALUES ('s', 'A', 'red'), ('t', 'new', 'blue')");
  g_ptr_array_add (queries, new_kept_query (store, all[0]));
  for (guint i = 1; i < G_N_ELEMENTS (all); i++)
    g_ptr_array_add (queries, new_query (store, all[i]));
  first = new_query (store, counts[0]);
  second = new_query (store, counts[1]);
  assert_rows (first, "0");
  assert_rows (second, "0");
  fixture_execute (store, "UPDATE note SET title = 'new' WHERE key = 'c'");
  dimple_test_wait_idle (store);
  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    assert_rows (g_ptr_array_index (queries, i), "a|red c|blue");
  assert_rows (first, "1");
  assert_rows (second, "1");
  fixture_execute (store, "UPDATE seen SET title = 'B' WHERE key = 's'");
  dimple_test_wait_idle (store);
  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    assert_rows (g_ptr_array_index (queries, i), "b|red c|blue");
  assert_rows (first, "2");
  assert_rows (second, "2");
}

/* NULL names no row of a local table. */
static void
test_null_keys (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = NULL, of_seen = NULL;

  fixture_execute (store, "INSERT INTO seen VALUES (NULL, 'A', 'red'), (NULL, 'B', 'blue')");
  query = new_kept_query (store, "SELECT n.key, s.colour FROM note n JOIN seen s ON s.title = n.title ORDER BY s.colour");
  of_seen = new_kept_query (store, "SELECT title, colour FROM seen ORDER BY title");
  assert_rows (query, "b|blue a|red");
  fixture_execute (store, "UPDATE seen SET colour = 'aqua' WHERE title = 'A'");
  dimple_test_wait_idle (store);
  assert_rows (query, "a|aqua b|blue");
  fixture_execute (store, "UPDATE seen SET colour = colour || title, title = lower (title)");
  dimple_test_wait_idle (store);
  assert_rows (query, "");
  assert_rows (of_seen, "a|aquaA b|blueB");
}

/* A key of more columns than most have, of a table without rowids */
static void
test_long_key (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = new_kept_query (store, "SELECT n.key, l.colour FROM note n JOIN long l ON l.title = n.title "
                                                        "ORDER BY n.key");

  fixture_execute (store, "INSERT INTO long VALUES (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 'A', 'red')");
  dimple_test_wait_idle (store);
  assert_rows (query, "a|red");
  fixture_execute (store, "UPDATE long SET colour = 'blue'");
  dimple_test_wait_idle (store);
  assert_rows (query, "a|blue");
  g_assert_cmpuint (query->statistics.n_runs, ==, 1);
}

/* The base table is the one that links the two others. */
static void
test_many_to_many (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = new_kept_query (store, "SELECT l.note, l.tag, n.title, t.name FROM tagging l "
                                                        "JOIN note n ON n.key = l.note JOIN tag t ON t.key = l.tag "
                                                        "ORDER BY t.name, n.title");
  g_autoptr(DimpleQuery) of_tag = new_kept_query (store,
                                                  "SELECT n.key, n.title FROM note n JOIN tagging l ON l.note = n.key "
                                                  "WHERE l.tag = 't0' ORDER BY n.title");
  g_autoptr(Record) record = record_new (query), of_tag_record = record_new (of_tag);

  assert_rows (query, "b|t1|B|blue c|t2|C|green a|t0|A|red b|t0|B|red");
  assert_write (record, "UPDATE tag SET name = 'aqua' WHERE key = 't2'", "0 -2 +2, first",
                "c|t2|C|aqua b|t1|B|blue a|t0|A|red b|t0|B|red", 1);
  assert_write (record, "UPDATE note SET title = 'Z' WHERE key = 'b'", "",
                "c|t2|C|aqua b|t1|Z|blue a|t0|A|red b|t0|Z|red", 2);
  assert_write (record, "DELETE FROM tagging WHERE note = 'b'", "1 -3 +1, n-items", "c|t2|C|aqua a|t0|A|red", 0);
  dimple_test_wait_idle (store);
  record_assert (of_tag_record, "1 -1 +0, n-items");
  assert_write (of_tag_record, "INSERT INTO tagging VALUES ('c', 't0')", "1 -0 +1, n-items", "a|A c|C", 1);
  g_assert_cmpstr (of_tag->plan->table->name, ==, "note");
}

/* One table twice, and one whose keys have no rowid; a search by two columns */
static void
test_several_tables (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = NULL, moods = NULL;
  g_autoptr(Record) record = NULL, mood_record = NULL;

  fixture_execute (store, "UPDATE note SET other = 'f1' WHERE key IN ('a', 'b')");
  query = new_kept_query (store, "SELECT n.key, f.name, o.name AS other_name FROM note n JOIN folder f "
                                 "ON f.key = n.folder LEFT JOIN folder o ON o.key = n.other ORDER BY n.key");
  record = record_new (query);
  assert_rows (query, "a|Zero|One b|One|One c|One|-");
  assert_write (record, "UPDATE folder SET name = 'Uno' WHERE key = 'f1'", "", "a|Zero|Uno b|Uno|Uno c|Uno|-", 3);
  assert_write (record, "DELETE FROM folder WHERE key = 'f1'", "1 -2 +0, n-items", "a|Zero|-", 3);

  moods = new_kept_query (store, "SELECT n.key, m.face FROM note n JOIN mood m ON m.name = n.title AND m.strength = 1 "
                                 "ORDER BY n.key");
  mood_record = record_new (moods);
  assert_rows (moods, "a|:) b|:|");
  assert_write (mood_record, "UPDATE mood SET face = ':P' WHERE name = 'A'", "", "a|:P b|:|", 1);
  assert_write (mood_record, "DELETE FROM mood WHERE name = 'B'", "1 -1 +0, n-items", "a|:P", 1);
}

static void
test_window (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = new_kept_query (store,
                                                 "SELECT n.key, f.name FROM note n JOIN folder f ON f.key = n.folder "
                                                 "ORDER BY f.name, n.key LIMIT 2");
  g_autoptr(Record) record = record_new (query);

  assert_rows (query, "b|One c|One");
  assert_write (record, "UPDATE folder SET name = 'A' WHERE key = 'f0'", "0 -2 +2, first", "a|A b|One", 1);
  assert_write (record, "UPDATE folder SET name = 'Z' WHERE key = 'f1'", "", "a|A b|Z", 2);
  assert_write (record, "DELETE FROM note WHERE key = 'a'", "0 -2 +2, first", "b|Z c|Z", 0);
}

/* -- Several changes at once --------------------------------------------------------------------------------------- */

/* Both sides of a join in one commit, and in several before anybody looks */
static void
test_together (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = new_kept_query (store,
                                                 "SELECT n.key, f.name FROM note n JOIN folder f ON f.key = n.folder "
                                                 "WHERE NOT f.archived ORDER BY n.key");
  g_autoptr(Record) record = record_new (query);

  execute_both (store, "UPDATE folder SET archived = 1 WHERE key = 'f1'",
                "UPDATE note SET folder = 'f0' WHERE key = 'c'", TRUE);
  dimple_test_wait_idle (store);
  record_assert (record, "1 -1 +0, n-items");
  assert_rows (query, "a|Zero c|Zero");
  /* First the row goes to a folder, which is then hidden. */
  fixture_execute (store, "UPDATE note SET folder = 'f2' WHERE key = 'c'");
  assert_write (record, "UPDATE folder SET archived = 1 WHERE key = 'f2'", "1 -1 +0, n-items", "a|Zero", 1);
  fixture_execute (store, "UPDATE folder SET archived = 0");
  fixture_execute (store, "DELETE FROM folder WHERE key = 'f1'");
  assert_write (record, "INSERT INTO folder (key, name) VALUES ('f1', 'Uno')", "1 -0 +2, n-items", "a|Zero b|Uno c|Two",
                2);
  fixture_execute (store, "DELETE FROM note WHERE key = 'a'");
  assert_write (record, "UPDATE folder SET name = 'Nil' WHERE key = 'f0'", "0 -1 +0, n-items, first", "b|Uno c|Two", 0);
}

static void
test_rollback (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = new_kept_query (store,
                                                 "SELECT n.key, f.name FROM note n JOIN folder f ON f.key = n.folder "
                                                 "ORDER BY n.key");
  g_autoptr(Record) record = record_new (query);

  execute_both (store, "UPDATE folder SET name = 'other'", "DELETE FROM folder WHERE key = 'f0'", FALSE);
  assert_write (record, "UPDATE folder SET name = 'Uno' WHERE key = 'f1'", "", "a|Zero b|Uno c|Uno", 2);
}

/* -- Run again instead --------------------------------------------------------------------------------------------- */

/* Which rows hold a folder no index tells; a note that changes is looked up all the same. */
static void
test_no_index (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(GObject) first = NULL;
  g_autofree char *explained = NULL;

  fixture_execute (store, "UPDATE note SET body = folder");
  query = new_kept_query (store, "SELECT n.key, f.name FROM note n JOIN folder f ON f.key = n.body ORDER BY n.key");
  first = g_list_model_get_item (G_LIST_MODEL (query), 0);
  fixture_execute (store, "UPDATE note SET body = 'f2' WHERE key = 'c'");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (query->statistics.n_runs, ==, 1);
  assert_rows (query, "a|Zero b|One c|Two");

  fixture_execute (store, "UPDATE folder SET name = 'Nil' WHERE key = 'f0'");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (query->statistics.n_runs, ==, 2);
  assert_rows (query, "a|Nil b|One c|Two");
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (first), "name"), ==, "Nil");
  explained = dimple_query_explain (query);
  g_assert_nonnull (strstr (explained, "no index finds the rows of note that hold it"));
}

static void
test_not_kept (void)
{
  static const struct
  {
    const char *sql;
    const char *reason;
  } cases[] = {
    { "SELECT f.key, n.title FROM folder f LEFT JOIN note n ON n.folder = f.key", "several times" },
    { "SELECT f.key, n.title FROM note n JOIN folder f ON f.key = n.folder", "have the key of folder" },
    { "SELECT n.key FROM note n JOIN folder f ON f.key > n.folder", "several times" },
    { "SELECT n.key FROM note n LEFT JOIN folder f ON f.key IN (n.folder, n.other)", "several times" },
    { "SELECT n.key FROM note n JOIN folder f ON f.key = n.folder OR f.key = n.other", "several times" },
    { "SELECT n.key FROM note n JOIN folder f ON f.name = n.title", "several times" },
    { "SELECT n.key, l.tag FROM note n LEFT JOIN tagging l ON l.note = n.key", "several times" },
    { "SELECT a.key, b.name FROM folder a LEFT JOIN folder b ON b.key = a.parent", "to itself" },
    { "SELECT n.key FROM note n RIGHT JOIN folder f ON f.key = n.folder", "RIGHT JOIN" },
    { "SELECT n.key FROM note n FULL OUTER JOIN folder f ON f.key = n.folder", "FULL JOIN" },
    { "SELECT n.key FROM note n JOIN (tagging l JOIN tag t ON t.key = l.tag) ON l.note = n.key", "plain tables" },
    { "SELECT n.key FROM note n INDEXED BY note_folder JOIN folder f ON f.key = n.folder WHERE n.folder > ''",
      "names an index" },
    { "SELECT n.key, value FROM note n JOIN json_each (n.other)", "table-valued function" },
    { "SELECT m.name, f.key FROM mood m JOIN folder f ON f.key = m.face", "no rowid" },
    { "SELECT f.name, count (*) FROM note n JOIN folder f ON f.key = n.folder", "aggregate" },
  };
  g_autoptr(DimpleStore) store = open_store ();

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(DimpleQuery) query = new_query (store, cases[i].sql);

      if (query->incremental || strstr (query->plan->reason, cases[i].reason) == NULL)
        g_error ("%s: %s", cases[i].sql, query->incremental ? "is kept" : query->plan->reason);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/query/joins/cost", test_cost);
  g_test_add_func ("/query/joins/many-holders", test_many_holders);
  g_test_add_func ("/query/joins/wide-search", test_wide_search);
  g_test_add_func ("/query/joins/inner", test_inner);
  g_test_add_func ("/query/joins/left", test_left);
  g_test_add_func ("/query/joins/without-partner", test_without_partner);
  g_test_add_func ("/query/joins/join-after-left", test_join_after_left);
  g_test_add_func ("/query/joins/by-name", test_by_name);
  g_test_add_func ("/query/joins/long-key", test_long_key);
  g_test_add_func ("/query/joins/null-keys", test_null_keys);
  g_test_add_func ("/query/joins/many-to-many", test_many_to_many);
  g_test_add_func ("/query/joins/several-tables", test_several_tables);
  g_test_add_func ("/query/joins/window", test_window);
  g_test_add_func ("/query/joins/together", test_together);
  g_test_add_func ("/query/joins/rollback", test_rollback);
  g_test_add_func ("/query/joins/no-index", test_no_index);
  g_test_add_func ("/query/joins/not-kept", test_not_kept);
  return g_test_run ();
}
