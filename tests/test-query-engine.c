/* test-query-engine.c: queries that are kept row by row: what a change costs, and what is read when
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "query-fixture.h"

#include <glib/gstdio.h>

static const char *program;

static void
add_many (DimpleStore *store,
          guint        n)
{
  g_autofree char *sql =
    g_strdup_printf ("INSERT INTO note (key, title, body, folder, stars) "
                     "WITH RECURSIVE i (x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM i WHERE x < %u) "
                     "SELECT printf ('%%06d', x), printf ('title %%06d', x), 'body', 'f' || (x %% 10), x %% 5 FROM i",
                     n - 1);

  fixture_execute (store, sql);
}

static DimpleQuery *
new_query (DimpleStore *store,
           const char  *sql)
{
  DimpleQuery *query = dimple_query_new (store, sql, NULL);

  dimple_query_refresh (query);
  g_assert_null (dimple_query_get_error (query));
  g_assert_true (query->incremental);
  return query;
}

static guint
count_asked (DimpleQuery *query)
{
  return dimple_evaluator_get_n_asked (dimple_subscription_get_evaluator (query->subscription));
}

static char *
dup_title (DimpleQuery *query,
           guint        position)
{
  g_autoptr(DimpleRow) row = g_list_model_get_item (G_LIST_MODEL (query), position);

  return g_strdup (dimple_row_get_string (row, "title"));
}

#define assert_title(query, position, expected) \
  G_STMT_START { \
    g_autofree char *title = dup_title (query, position); \
    g_assert_cmpstr (title, ==, expected); \
  } G_STMT_END

/* -- What a change costs ------------------------------------------------------------------------------------------- */

static void
test_one_row (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(Record) record = NULL;

  add_many (store, 100000);
  query = new_query (store, "SELECT key, title FROM note ORDER BY title");
  record = record_new (query);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (query)), ==, 100000);
  g_assert_cmpuint (count_asked (query), ==, 0);

  fixture_execute (store, "UPDATE note SET title = 'title 000000 again' WHERE key = '070000'");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (count_asked (query), ==, 1);
  record_assert (record, "1 -70000 +70000");

  /* Not a column that it reads */
  fixture_execute (store, "UPDATE note SET body = 'other'");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (count_asked (query), ==, 1);

  fixture_execute (store, "DELETE FROM note WHERE key = '000002'");
  fixture_execute (store, "INSERT INTO note (key, title) VALUES ('new', 'title 000000 more')");
  dimple_test_wait_idle (store);
  /* That a row is gone needs no question. */
  g_assert_cmpuint (count_asked (query), ==, 2);
  record_assert (record, "2 -2 +2");
  g_assert_cmpuint (query->statistics.n_runs, ==, 1);
}

/* Each asks for the row once, and only the one that shows it tells anything. */
static void
test_many_queries (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(GPtrArray) queries = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func ((GDestroyNotify) record_free);

  add_many (store, 1000);
  for (guint i = 0; i < 50; i++)
    {
      g_autofree char *sql = g_strdup_printf ("SELECT key, title FROM note WHERE key %% 50 = %u ORDER BY title", i);

      g_ptr_array_add (queries, new_query (store, sql));
      g_ptr_array_add (records, record_new (g_ptr_array_index (queries, i)));
    }
  fixture_execute (store, "UPDATE note SET title = 'a' WHERE key = '000107'");
  fixture_execute (store, "UPDATE note SET body = 'a'");
  dimple_test_wait_idle (store);
  for (guint i = 0; i < 50; i++)
    {
      g_assert_cmpuint (count_asked (g_ptr_array_index (queries, i)), ==, 1);
      g_assert_cmpuint (((DimpleQuery *) g_ptr_array_index (queries, i))->statistics.n_runs, ==, 1);
      record_assert ((Record *) g_ptr_array_index (records, i), i == 7 ? "0 -3 +3, first" : "");
    }
}

/* More changes than are worth looking at one by one: the rows are read anew, in one emission, and stay the same. */
static void
test_bulk (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(Record) record = NULL;
  g_autoptr(GObject) first = NULL, last = NULL;

  add_many (store, 2000);
  query = new_query (store, "SELECT key, title FROM note ORDER BY title");
  record = record_new (query);
  first = g_list_model_get_item (G_LIST_MODEL (query), 0);
  fixture_execute (store, "UPDATE note SET title = printf ('%06d', 5000 - key)");
  dimple_test_wait_idle (store);
  record_assert (record, "0 -2000 +2000, first");
  last = g_list_model_get_item (G_LIST_MODEL (query), 1999);
  g_assert_true (first == last);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (last), "title"), ==, "005000");
  g_assert_cmpuint (query->statistics.n_runs, ==, 2);

  /* With other keys they are other rows. */
  fixture_execute (store, "UPDATE note SET key = 'x' || key");
  dimple_test_wait_idle (store);
  record_assert (record, "0 -2000 +2000, first");
  g_clear_object (&first);
  first = g_list_model_get_item (G_LIST_MODEL (query), 1999);
  g_assert_true (first != last);
}

/* -- Windows ------------------------------------------------------------------------------------------------------- */

static void
test_window (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(Record) record = NULL;
  g_autoptr(GObject) held = NULL, again = NULL;

  add_many (store, 1000);
  query = new_query (store, "SELECT key, title FROM note ORDER BY title, key LIMIT 4 OFFSET 2");
  record = record_new (query);
  fixture_assert_rows (query, "000002 000003 000004 000005");
  held = g_list_model_get_item (G_LIST_MODEL (query), 3);

  /* Before it, in it, behind it, and far behind it, where nobody knows the rows */
  fixture_execute (store, "DELETE FROM note WHERE key = '000000'");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "000003 000004 000005 000006");
  record_assert (record, "0 -4 +4, first");
  fixture_execute (store, "UPDATE note SET title = 'title 0000045' WHERE key = '000900'");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "000003 000004 000900 000005");
  record_assert (record, "2 -2 +2");
  again = g_list_model_get_item (G_LIST_MODEL (query), 3);
  g_assert_true (again == held);
  fixture_execute (store, "UPDATE note SET title = 'title 000010 too' WHERE key = '000700'");
  fixture_execute (store, "UPDATE note SET title = 'title 000650 too' WHERE key = '000600'");
  dimple_test_wait_idle (store);
  record_assert (record, "");
  fixture_execute (store, "DELETE FROM note WHERE key IN ('000900', '000004')");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "000003 000005 000006 000007");
  record_assert (record, "1 -3 +3");
  g_assert_cmpuint (query->statistics.n_runs, ==, 1);

  /* More than the margin: it is read anew. */
  fixture_execute (store, "DELETE FROM note WHERE key BETWEEN '000006' AND '000060'");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "000003 000005 000700 000061");
  record_assert (record, "2 -2 +2");
  g_assert_cmpuint (query->statistics.n_runs, ==, 2);
  fixture_execute (store, "DELETE FROM note WHERE key > '000003'");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "000003");
  record_assert (record, "1 -3 +0, n-items");
  fixture_add (store, "ab");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "000001 000002 000003");
  record_assert (record, "0 -0 +2, n-items, first");
}

/* A row that stays may get the number of one that goes, and one that is pushed out comes back as it is by then. */
static void
test_window_identity (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(GObject) held = NULL, again = NULL, back = NULL;

  fixture_add (store, "abcdef");
  query = new_query (store, "SELECT key, title FROM note ORDER BY key DESC LIMIT 2");
  fixture_assert_rows (query, "f e");
  held = g_list_model_get_item (G_LIST_MODEL (query), 1);

  g_assert_true (dimple_store_begin (store, NULL));
  fixture_execute (store, "DELETE FROM note");
  fixture_execute (store, "INSERT INTO note (rowid, key, title) VALUES (6, 'e', 'anew')");
  g_assert_true (dimple_store_commit (store, NULL));
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "e");
  again = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_assert_true (again == held);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (held), "title"), ==, "anew");

  g_assert_true (dimple_store_begin (store, NULL));
  fixture_execute (store, "UPDATE note SET title = 'pushed out'");
  fixture_add (store, "xy");
  g_assert_true (dimple_store_commit (store, NULL));
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "y x");
  fixture_execute (store, "UPDATE note SET title = 'behind' WHERE key = 'e'");
  dimple_test_wait_idle (store);
  fixture_execute (store, "DELETE FROM note WHERE key > 'e'");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "e");
  back = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (back), "title"), ==, "behind");
}

static void
test_window_forms (void)
{
  static const struct
  {
    const char *sql;
    gboolean    is_kept;
    const char *rows;
  } forms[] = {
    { "SELECT key FROM note ORDER BY key LIMIT 2", TRUE, "a b" },
    { "SELECT key FROM note ORDER BY key LIMIT 2 OFFSET 1", TRUE, "b c" },
    { "SELECT key FROM note ORDER BY key LIMIT 1, 2", TRUE, "b c" },
    { "SELECT key FROM note ORDER BY folder, key DESC LIMIT 1 + 1 -- two\n", TRUE, "d c" },
    { "SELECT key FROM note ORDER BY key LIMIT -1 OFFSET 3", TRUE, "d" },
    { "SELECT key FROM note ORDER BY key LIMIT 2 OFFSET -3", TRUE, "a b" },
    { "SELECT key FROM note ORDER BY key LIMIT 0", TRUE, "" },
    { "SELECT key FROM note ORDER BY key LIMIT 5 OFFSET 9", TRUE, "" },
    { "SELECT key FROM note WHERE key > 'a' ORDER BY rowid LIMIT 2", TRUE, "b c" },
    /* Which of the rows with one title it shows nobody can say. */
    { "SELECT key FROM note ORDER BY folder LIMIT 4", TRUE, "a b c d" },
    { "SELECT key FROM note ORDER BY key COLLATE NOCASE LIMIT 2", TRUE, "a b" },
    { "SELECT key FROM note LIMIT 9", TRUE, "a b c d" },
    { "SELECT key FROM note ORDER BY key LIMIT (SELECT 2)", FALSE, "a b" },
    { "SELECT key FROM note ORDER BY key LIMIT '2'", FALSE, "a b" },
  };
  g_autoptr(DimpleStore) store = fixture_open ();

  fixture_add (store, "abcd");
  for (guint i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      g_autoptr(DimpleQuery) query = dimple_query_new (store, forms[i].sql, NULL);

      dimple_query_refresh (query);
      g_assert_null (dimple_query_get_error (query));
      g_test_message ("%s", forms[i].sql);
      fixture_assert_rows (query, forms[i].rows);
      g_assert_cmpint (query->incremental, ==, forms[i].is_kept);
    }
}

/* Against fresh runs, with parameters that change */
static void
test_window_random (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(GRand) random = g_rand_new_with_seed (1);
  g_autoptr(DimpleQuery) query = NULL;

  add_many (store, 300);
  query = dimple_query_new (store, "SELECT key, title FROM note WHERE stars < ? ORDER BY title DESC, key "
                                   "LIMIT ? OFFSET ?",
                            g_variant_new ("(iii)", 3, 10, 5));
  for (guint i = 0; i < 400; i++)
    {
      g_autofree char *sql =
        g_strdup_printf (i % 3 == 0 ? "DELETE FROM note WHERE key %% 97 = %d"
                                    : "INSERT OR REPLACE INTO note (key, title, stars) "
                                      "VALUES (printf ('%%06d', %d), %d, %d)",
                         g_rand_int_range (random, 0, 300), g_rand_int_range (random, 0, 50),
                         g_rand_int_range (random, 0, 5));
      g_autoptr(DimpleQuery) fresh = NULL;
      g_autofree char *expected = NULL;

      if (i % 20 == 0)
        dimple_query_set_parameters (query, g_variant_new ("(iii)", g_rand_int_range (random, 1, 6),
                                                           g_rand_int_range (random, -1, 40),
                                                           g_rand_int_range (random, 0, 60)));
      fixture_execute (store, sql);
      if (i % 4 > 0)
        dimple_query_refresh (query);
      else
        dimple_test_wait_idle (store);
      fresh = dimple_query_new (store, query->sql, query->parameters);
      dimple_query_refresh (fresh);
      expected = fixture_dup_rows (fresh);
      fixture_assert_rows (query, expected);
    }
}

/* -- What is never seen -------------------------------------------------------------------------------------------- */

static void
test_rollback (void)
{
  static const char * const migrations[] = {
    "CREATE TABLE folder (key TEXT PRIMARY KEY);"
    "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, "
    "                   folder TEXT REFERENCES folder DEFERRABLE INITIALLY DEFERRED)",
    NULL
  };
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStore) store = dimple_store_open (NULL, &error);
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(Record) record = NULL;

  g_assert_no_error (error);
  dimple_store_migrate (store, migrations, &error);
  g_assert_no_error (error);
  fixture_execute (store, "INSERT INTO note VALUES ('a', 'A', NULL), ('b', 'B', NULL)");
  query = new_query (store, "SELECT key, title FROM note ORDER BY title");
  record = record_new (query);

  /* The evaluator has seen it when COMMIT finds that it may not be. */
  dimple_store_execute (store, "UPDATE note SET title = 'Z', folder = 'none' WHERE key = 'a'", NULL, &error);
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
  g_clear_error (&error);
  g_assert_cmpuint (count_asked (query), ==, 1);
  dimple_test_wait_idle (store);
  record_assert (record, "");
  fixture_assert_rows (query, "a b");

  fixture_execute (store, "UPDATE note SET title = 'C' WHERE key = 'a'");
  dimple_test_wait_idle (store);
  record_assert (record, "0 -2 +2, first");
  fixture_assert_rows (query, "b a");
}

/* Between a commit and the turn that shows it, rows that nobody has asked for yet are read as they are shown. */
static void
test_between_commits (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;

  add_many (store, 1000);
  query = new_query (store, "SELECT key, title FROM note ORDER BY key");
  fixture_execute (store, "UPDATE note SET title = 'other' WHERE key = '000500'");
  fixture_execute (store, "DELETE FROM note WHERE key = '000600'");
  assert_title (query, 500, "title 000500");
  assert_title (query, 600, "title 000600");
  dimple_test_wait_idle (store);
  assert_title (query, 500, "other");
  assert_title (query, 600, "title 000601");

  fixture_execute (store, "UPDATE note SET title = 'all others'");
  assert_title (query, 700, "title 000701");
  dimple_test_wait_idle (store);
  assert_title (query, 700, "all others");
}

/* -- Big results --------------------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleStore *store;
  GMutex       lock;
  GCond        changed;
  gboolean     is_writing;
  gboolean     may_end;
} Writing;

static gboolean
write_long (DimpleStore  *store,
            gpointer      user_data,
            GError      **error)
{
  Writing *writing = user_data;

  fixture_execute (store, "UPDATE note SET title = 'other' WHERE key > '000100'");
  g_mutex_lock (&writing->lock);
  writing->is_writing = TRUE;
  g_cond_broadcast (&writing->changed);
  while (!writing->may_end)
    g_cond_wait (&writing->changed, &writing->lock);
  g_mutex_unlock (&writing->lock);
  return TRUE;
}

static gpointer
write_in_thread (gpointer user_data)
{
  Writing *writing = user_data;
  g_autoptr(GError) error = NULL;

  dimple_store_transaction (writing->store, write_long, writing, &error);
  g_assert_no_error (error);
  return NULL;
}

/* Would hang if reading waited for who writes. */
static void
test_while_writing (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  Writing writing = { .store = store };
  GThread *thread;

  add_many (store, 10000);
  query = new_query (store, "SELECT key, title FROM note ORDER BY key");
  g_mutex_init (&writing.lock);
  g_cond_init (&writing.changed);
  thread = g_thread_new ("writer", write_in_thread, &writing);
  g_mutex_lock (&writing.lock);
  while (!writing.is_writing)
    g_cond_wait (&writing.changed, &writing.lock);
  g_mutex_unlock (&writing.lock);

  for (guint i = 0; i < 10000; i += 7)
    {
      g_autofree char *expected = g_strdup_printf ("title %06u", i);

      assert_title (query, i, expected);
    }
  g_mutex_lock (&writing.lock);
  writing.may_end = TRUE;
  g_cond_broadcast (&writing.changed);
  g_mutex_unlock (&writing.lock);
  g_thread_join (thread);
  dimple_test_wait_idle (store);
  assert_title (query, 9000, "other");
  g_mutex_clear (&writing.lock);
  g_cond_clear (&writing.changed);
}

/* Objects are made when they are asked for, and go when nobody holds them. */
static void
test_objects (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  GObject *object;
  guint position;

  add_many (store, 50000);
  query = new_query (store, "SELECT key, title FROM note ORDER BY title");
  g_assert_true (dimple_query_find (query, "042000", &position));
  g_assert_cmpuint (position, ==, 42000);
  g_assert_cmpstr (dimple_query_get_key (query, 49999), ==, "049999");
  g_assert_false (dimple_query_find (query, "none", NULL));
  g_assert_true (dimple_live_objects_is_empty (query->objects));
  object = g_list_model_get_item (G_LIST_MODEL (query), 42000);
  g_object_add_weak_pointer (object, (gpointer *) &object);
  g_object_unref (object);
  g_assert_null (object);
  /* All of them, as a widget that is scrolled through */
  for (guint i = 0; i < 50000; i++)
    {
      g_autoptr(GObject) row = g_list_model_get_item (G_LIST_MODEL (query), i);

      g_assert_nonnull (dimple_row_get_string (DIMPLE_ROW (row), "title"));
    }
}

static goffset
get_size (const char *path)
{
  GStatBuf buffer;

  return g_stat (path, &buffer) == 0 ? buffer.st_size : 0;
}

/* While a list is open that reads its rows when they are asked for, the WAL begins anew. */
static void
test_wal (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("dimple-XXXXXX", &error);
  g_autofree char *path = g_build_filename (folder, "notes.db", NULL);
  g_autofree char *wal = g_strconcat (path, "-wal", NULL);
  g_autoptr(DimpleStore) store = fixture_open_at (path);
  g_autoptr(DimpleQuery) query = NULL;
  goffset written = 0;

  add_many (store, 5000);
  query = new_query (store, "SELECT * FROM note ORDER BY title");
  for (guint i = 0; i < 600; i++)
    {
      g_autofree char *sql =
        g_strdup_printf ("UPDATE note SET title = 'moved', body = hex (zeroblob (50000)) WHERE key = '%06u'", i);

      fixture_execute (store, sql);
      written += 100000;
      /* Also while nobody is looking for a few commits */
      if (i % 3 == 0)
        dimple_test_wait_idle (store);
    }
  g_assert_cmpint (written, >, 50 * 1024 * 1024);
  g_assert_cmpint (get_size (wal), <, 16 * 1024 * 1024);

  /* And for commits that the list has nothing to do with */
  for (guint i = 0; i < 600; i++)
    {
      g_autofree char *sql = g_strdup_printf ("INSERT INTO folder VALUES ('%u', hex (zeroblob (50000)))", i);

      fixture_execute (store, sql);
      if (i % 3 == 0)
        dimple_test_wait_idle (store);
    }
  g_assert_cmpint (get_size (wal), <, 16 * 1024 * 1024);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (query)), ==, 5000);
  g_clear_object (&query);
  dimple_store_close (store, &error);
  g_assert_no_error (error);
  g_unlink (path);
  g_rmdir (folder);
}

/* -- Other statements ---------------------------------------------------------------------------------------------- */

#define KEPT "SELECT key, title FROM note WHERE title > '' ORDER BY title"
#define RUN_AGAIN "SELECT DISTINCT key, title FROM note WHERE folder = 'f1' ORDER BY title"

/* A search that is typed and cleared: rows that stay are the same, however they are kept. */
static void
test_other_sql (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(GObject) object = NULL, again = NULL;
  guint position;

  add_many (store, 100);
  query = new_query (store, KEPT);
  object = g_list_model_get_item (G_LIST_MODEL (query), 41);
  for (guint i = 0; i < 3; i++)
    {
      dimple_query_set_sql (query, RUN_AGAIN);
      dimple_query_refresh (query);
      g_assert_false (query->incremental);
      g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (query)), ==, 10);
      g_assert_true (dimple_query_find (query, "000041", &position));
      again = g_list_model_get_item (G_LIST_MODEL (query), position);
      g_assert_true (again == object);
      g_clear_object (&again);
      /* In between rows may get other rowids. */
      fixture_execute (store,
                       "INSERT OR REPLACE INTO note (key, title, folder) VALUES ('000041', 'title 000041', 'f1')");

      dimple_query_set_sql (query, KEPT);
      dimple_query_refresh (query);
      g_assert_true (query->incremental);
      again = g_list_model_get_item (G_LIST_MODEL (query), 41);
      g_assert_true (again == object);
      g_clear_object (&again);
      fixture_execute (store,
                       "INSERT OR REPLACE INTO note (key, title, folder) VALUES ('000041', 'title 000041', 'f1')");
    }
}

/* Rows of a table that is gone are there to the end, whether anybody had asked for them or not. */
static void
test_dropped_table (void)
{
  static const char * const migrations[] = {
    "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body TEXT, folder TEXT, stars INTEGER DEFAULT 1);"
    "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT)",
    "DROP TABLE note",
    NULL
  };
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(Record) record = NULL;

  add_many (store, 500);
  query = new_query (store, "SELECT key, title FROM note ORDER BY title");
  record = record_new (query);
  dimple_store_migrate (store, migrations, &error);
  g_assert_no_error (error);
  dimple_test_wait_idle (store);
  g_assert_error (dimple_query_get_error (query), DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  record_assert (record, "error");
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (query)), ==, 500);
  assert_title (query, 321, "title 000321");
}

/* -- Another process ----------------------------------------------------------------------------------------------- */

#define N_COUNTS 300

/* Both rows always have the same number. */
static int
count_in_process (const char *path)
{
  g_autoptr(DimpleStore) store = fixture_open_at (path);

  for (guint i = 0; i < N_COUNTS; i++)
    {
      fixture_execute (store, "UPDATE note SET stars = stars + 1");
      if (i % 10 == 0)
        g_usleep (1000);
    }
  return 0;
}

static void
test_another_process (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("dimple-XXXXXX", &error);
  g_autofree char *path = g_build_filename (folder, "notes.db", NULL);
  g_autoptr(DimpleStore) store = fixture_open_at (path);
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(DimpleRow) held = NULL;
  g_autoptr(GSubprocess) process = NULL;
  gint64 n = 0;

  fixture_execute (store, "INSERT INTO note (key, title, stars) VALUES ('a', 'A', 0), ('b', 'B', 0)");
  query = new_query (store, "SELECT key, stars FROM note ORDER BY key");
  held = g_list_model_get_item (G_LIST_MODEL (query), 0);
  process = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, program, "--count", path, NULL);
  g_assert_no_error (error);
  while (n < N_COUNTS)
    {
      g_autoptr(DimpleRow) other = NULL;

      g_main_context_iteration (NULL, TRUE);
      /* What is held and what is read now are of one commit. */
      other = g_list_model_get_item (G_LIST_MODEL (query), 1);
      g_assert_cmpint (dimple_row_get_int64 (held, "stars"), ==, dimple_row_get_int64 (other, "stars"));
      g_assert_cmpint (dimple_row_get_int64 (held, "stars"), >=, n);
      n = dimple_row_get_int64 (held, "stars");
    }
  g_subprocess_wait_check (process, NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&query);
  dimple_store_close (store, &error);
  g_assert_no_error (error);
  g_unlink (path);
  g_rmdir (folder);
}

int
main (int   argc,
      char *argv[])
{
  if (argc == 3 && g_str_equal (argv[1], "--count"))
    return count_in_process (argv[2]);
  program = argv[0];
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/query/engine/one-row", test_one_row);
  g_test_add_func ("/query/engine/many-queries", test_many_queries);
  g_test_add_func ("/query/engine/bulk", test_bulk);
  g_test_add_func ("/query/engine/window", test_window);
  g_test_add_func ("/query/engine/window-identity", test_window_identity);
  g_test_add_func ("/query/engine/window-forms", test_window_forms);
  g_test_add_func ("/query/engine/window-random", test_window_random);
  g_test_add_func ("/query/engine/rollback", test_rollback);
  g_test_add_func ("/query/engine/between-commits", test_between_commits);
  g_test_add_func ("/query/engine/while-writing", test_while_writing);
  g_test_add_func ("/query/engine/objects", test_objects);
  g_test_add_func ("/query/engine/wal", test_wal);
  g_test_add_func ("/query/engine/other-sql", test_other_sql);
  g_test_add_func ("/query/engine/dropped-table", test_dropped_table);
  g_test_add_func ("/query/engine/another-process", test_another_process);
  return g_test_run ();
}
