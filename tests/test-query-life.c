/* test-query-life.c: when a live query is read, by which thread, and what ends it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "query-fixture.h"

/* Never ends by itself. */
#define ENDLESS "WITH RECURSIVE i (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i) SELECT count (*) AS n FROM i, note"

/* -- Loading ------------------------------------------------------------------------------------------------------- */

typedef struct
{
  guint     n_calls;
  gboolean  succeeded;
  GError   *error;
} Loaded;

static void
loaded_clear (Loaded *loaded)
{
  g_clear_error (&loaded->error);
  *loaded = (Loaded) { 0, };
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Loaded, loaded_clear)

static void
on_loaded (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Loaded *loaded = user_data;

  loaded->n_calls++;
  loaded->succeeded = dimple_query_load_finish (DIMPLE_QUERY (source), result, &loaded->error);
}

static void
wait_for_load (Loaded *loaded)
{
  while (loaded->n_calls == 0)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_load_async (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);
  g_auto(Loaded) loaded = { 0, };

  fixture_add (store, "ab");
  dimple_query_load_async (query, NULL, on_loaded, &loaded);
  wait_for_load (&loaded);
  g_assert_true (loaded.succeeded);
  fixture_assert_rows (query, "a b");
  loaded_clear (&loaded);

  fixture_add (store, "c");
  dimple_query_load_async (query, NULL, on_loaded, &loaded);
  g_assert_cmpuint (loaded.n_calls, ==, 0);
  wait_for_load (&loaded);
  g_assert_true (loaded.succeeded);
  fixture_assert_rows (query, "a b c");
  loaded_clear (&loaded);

  /* With nothing to wait for it still comes later. */
  dimple_query_load_async (query, NULL, on_loaded, &loaded);
  g_assert_cmpuint (loaded.n_calls, ==, 0);
  wait_for_load (&loaded);
  g_assert_true (loaded.succeeded);

  loaded_clear (&loaded);
  dimple_query_set_sql (query, "SELECT nothing");
  dimple_query_load_async (query, NULL, on_loaded, &loaded);
  wait_for_load (&loaded);
  g_assert_error (loaded.error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
}

static void
test_load_cancelled (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_auto(Loaded) loaded = { 0, };
  DimpleQuery *unheld;

  fixture_add (store, "a");
  query = dimple_query_new (store, ENDLESS, NULL);
  dimple_query_load_async (query, cancellable, on_loaded, &loaded);
  g_cancellable_cancel (cancellable);
  wait_for_load (&loaded);
  g_assert_error (loaded.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (query->loading);
  g_clear_object (&query);
  loaded_clear (&loaded);

  /* A cancellable that lives on holds no query. */
  g_cancellable_reset (cancellable);
  unheld = dimple_query_new (store, BY_TITLE, NULL);
  g_object_add_weak_pointer (G_OBJECT (unheld), (gpointer *) &unheld);
  dimple_query_load_async (unheld, cancellable, on_loaded, &loaded);
  wait_for_load (&loaded);
  g_assert_true (loaded.succeeded);
  g_object_unref (unheld);
  dimple_test_wait_idle (store);
  g_assert_null (unheld);
}

/* Several commits before the main loop comes to it are one run. */
static void
test_bursts (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, "SELECT DISTINCT key, title FROM note ORDER BY title", NULL);
  g_autoptr(Record) record = NULL;
  guint n_runs;

  dimple_test_wait_idle (store);
  record = record_new (query);
  n_runs = query->statistics.n_runs;
  fixture_add (store, "abcdefgh");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (query->statistics.n_runs, ==, n_runs + 1);
  record_assert (record, "0 -0 +8, n-items, first");
}

static void
test_superseded (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(DimpleQueryRun) run = NULL;
  g_autoptr(Record) record = NULL;

  fixture_add (store, "abc");
  query = dimple_query_new (store, ENDLESS, NULL);
  record = record_new (query);
  while (query->run == NULL)
    g_main_context_iteration (NULL, TRUE);
  run = dimple_query_run_ref (query->run);
  dimple_query_set_sql (query, "SELECT count (*) AS n FROM note");
  dimple_test_wait_idle (store);
  g_assert_true (g_cancellable_is_cancelled (run->cancellable));
  g_assert_null (run->rows);
  fixture_assert_rows (query, "3");
  record_assert (record, "sql, 0 -0 +1, n-items, first, loading");
  g_assert_cmpuint (query->statistics.n_runs, ==, 1);

  /* What is typed fast is asked for once. */
  dimple_query_set_sql (query, BY_TITLE);
  dimple_query_set_sql (query, "SELECT key FROM note WHERE key > ? ORDER BY key");
  dimple_query_set_parameters (query, g_variant_new_string ("a"));
  dimple_query_set_parameters (query, g_variant_new_string ("b"));
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "c");
  g_assert_cmpuint (query->statistics.n_runs, ==, 2);
}

/* What the changed columns have nothing to do with is not run again. */
static void
test_invalidation (void)
{
  static const struct
  {
    const char *sql;
    const char *change;
    gboolean    matters;
  } cases[] = {
    { "SELECT DISTINCT title FROM note", "UPDATE note SET body = 'x'", FALSE },
    { "SELECT DISTINCT title FROM note", "UPDATE note SET title = 'x'", TRUE },
    { "SELECT DISTINCT title FROM note WHERE stars > 0", "UPDATE note SET stars = 3", TRUE },
    { "SELECT DISTINCT title FROM note ORDER BY body", "UPDATE note SET body = 'y'", TRUE },
    { "SELECT count (*) AS n FROM note", "UPDATE note SET title = 'z', body = 'z', stars = 9", FALSE },
    { "SELECT count (*) AS n FROM note", "DELETE FROM note WHERE key = 'a'", TRUE },
    { "SELECT count (*) AS n FROM note", "INSERT INTO folder VALUES ('1', '1')", FALSE },
    { "SELECT n.key, f.name FROM note n JOIN folder f ON f.key = n.folder", "UPDATE note SET title = 'q'", FALSE },
    { "SELECT n.key, f.name FROM note n JOIN folder f ON f.key = n.folder", "UPDATE folder SET name = 'q'", TRUE },
    { "SELECT key, (SELECT max (name) FROM folder) AS m FROM note", "INSERT INTO folder VALUES ('2', '2')", TRUE },
    { "SELECT DISTINCT title FROM note", "INSERT OR IGNORE INTO note (key) VALUES ('b')", FALSE },
  };
  g_autoptr(DimpleStore) store = fixture_open ();

  fixture_add (store, "ab");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(DimpleQuery) query = dimple_query_new (store, cases[i].sql, NULL);
      guint n_runs;

      g_test_message ("%s; %s", cases[i].sql, cases[i].change);
      dimple_test_wait_idle (store);
      g_assert_no_error (dimple_query_get_error (query));
      n_runs = query->statistics.n_runs;
      fixture_execute (store, cases[i].change);
      dimple_test_wait_idle (store);
      g_assert_cmpuint (query->statistics.n_runs, ==, n_runs + cases[i].matters);
    }
}

/* -- Errors -------------------------------------------------------------------------------------------------------- */

static void
test_errors (void)
{
  static const struct
  {
    const char *sql;
    const char *parameters;
    int         code;
  } cases[] = {
    { "SELECT", NULL, DIMPLE_ERROR_SQL },
    { "SELECT x FROM note", NULL, DIMPLE_ERROR_SQL },
    { "SELECT * FROM nothing", NULL, DIMPLE_ERROR_SQL },
    { "SELECT \"x\" FROM note", NULL, DIMPLE_ERROR_SQL },
    { "DELETE FROM note", NULL, DIMPLE_ERROR_SQL },
    { "INSERT INTO note (key) VALUES (1) RETURNING key", NULL, DIMPLE_ERROR_SQL },
    { "SELECT 1; SELECT 2", NULL, DIMPLE_ERROR_SQL },
    { "PRAGMA user_version", NULL, DIMPLE_ERROR_SQL },
    { "EXPLAIN SELECT 1", NULL, DIMPLE_ERROR_SQL },
    { "SELECT key FROM note WHERE key = ?", NULL, DIMPLE_ERROR_PARAMETERS },
    { "SELECT key FROM note WHERE key = ?", "('a', 'b')", DIMPLE_ERROR_PARAMETERS },
    { "SELECT key FROM note WHERE key = :key", "{'other': <'a'>}", DIMPLE_ERROR_PARAMETERS },
  };
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(Record) record = NULL;

  fixture_add (store, "ab");
  query = dimple_query_new (store, BY_TITLE, NULL);
  dimple_query_refresh (query);
  record = record_new (query);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const GError *error;

      g_test_message ("%s", cases[i].sql);
      dimple_query_set_sql (query, cases[i].sql);
      dimple_query_set_parameters (query,
                                   cases[i].parameters != NULL ? g_variant_new_parsed (cases[i].parameters) : NULL);
      dimple_test_wait_idle (store);
      error = dimple_query_get_error (query);
      g_assert_error (error, DIMPLE_ERROR, cases[i].code);
      g_assert_cmpstr (error->message, !=, "");
      g_assert_false (query->loading);
      fixture_assert_rows (query, "a b");
    }

  /* It gets well again. */
  g_string_truncate (record->text, 0);
  dimple_query_set_parameters (query, NULL);
  dimple_query_set_sql (query, BY_TITLE);
  dimple_test_wait_idle (store);
  g_assert_null (dimple_query_get_error (query));
  g_assert_nonnull (strstr (record->text->str, "error"));
  g_assert_null (strstr (record->text->str, "-"));
  fixture_add (store, "c");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "a b c");
}

static void
migrate_further (DimpleStore *store,
                 const char  *script)
{
  const char * const scripts[] = { fixture_migrations[0], script, NULL };
  g_autoptr(GError) error = NULL;

  dimple_store_migrate (store, scripts, &error);
  g_assert_no_error (error);
}

static void
test_migrations (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) all = dimple_query_new (store, "SELECT * FROM note ORDER BY key", NULL);
  g_autoptr(DimpleQuery) folders = dimple_query_new (store, "SELECT key, name FROM folder ORDER BY key", NULL);
  g_autoptr(GObject) row = NULL;

  fixture_add (store, "ab");
  fixture_execute (store, "INSERT INTO folder VALUES ('f', 'F')");
  dimple_test_wait_idle (store);
  fixture_assert_rows (folders, "f");
  migrate_further (store, "ALTER TABLE note ADD COLUMN colour TEXT DEFAULT 'red'; DROP TABLE folder");
  dimple_test_wait_idle (store);

  /* Another column, and a table that is gone: there the rows stay. */
  g_assert_no_error (dimple_query_get_error (all));
  row = g_list_model_get_item (G_LIST_MODEL (all), 0);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "colour"), ==, "red");
  g_assert_error (dimple_query_get_error (folders), DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  fixture_assert_rows (folders, "f");
  fixture_add (store, "c");
  dimple_test_wait_idle (store);
  fixture_assert_rows (all, "a b c");
}

/* -- Stores -------------------------------------------------------------------------------------------------------- */

static void
test_without_store (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleStore) other = fixture_open ();
  g_autoptr(DimpleQuery) query = g_object_new (DIMPLE_TYPE_QUERY, NULL);
  g_autoptr(DimpleStore) got = NULL;
  g_auto(Loaded) loaded = { 0, };

  fixture_add (store, "ab");
  fixture_add (other, "xy");
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (query)), ==, 0);
  g_assert_true (g_list_model_get_item_type (G_LIST_MODEL (query)) == DIMPLE_TYPE_ROW);
  g_assert_null (dimple_query_get_first (query));
  g_assert_false (dimple_query_find (query, "a", NULL));
  dimple_query_refresh (query);
  dimple_query_load_async (query, NULL, on_loaded, &loaded);
  wait_for_load (&loaded);
  g_assert_true (loaded.succeeded);
  loaded_clear (&loaded);

  /* Properties come in any order. */
  g_object_set (query, "parameters", g_variant_new_string ("a"), NULL);
  g_object_set (query, "store", store, NULL);
  g_assert_false (query->loading);
  g_object_set (query, "sql", "SELECT key FROM note WHERE key >= ? ORDER BY key", NULL);
  g_assert_true (query->loading);
  dimple_query_load_async (query, NULL, on_loaded, &loaded);
  wait_for_load (&loaded);
  g_assert_true (loaded.succeeded);
  fixture_assert_rows (query, "a b");

  g_object_set (query, "store", other, NULL);
  dimple_test_wait_idle (other);
  fixture_assert_rows (query, "x y");
  fixture_add (store, "c");
  fixture_add (other, "z");
  dimple_test_wait_idle (store);
  dimple_test_wait_idle (other);
  fixture_assert_rows (query, "x y z");

  g_object_set (query, "store", NULL, NULL);
  g_object_get (query, "store", &got, NULL);
  g_assert_null (got);
  fixture_add (other, "w");
  dimple_test_wait_idle (other);
  fixture_assert_rows (query, "x y z");
  loaded_clear (&loaded);
  dimple_query_load_async (query, NULL, on_loaded, &loaded);
  wait_for_load (&loaded);
  g_assert_true (loaded.succeeded);
}

static void
test_closed (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(DimpleQuery) late = NULL;
  g_autoptr(GObject) row = NULL;

  fixture_add (store, "abc");
  dimple_query_refresh (query);
  row = g_list_model_get_item (G_LIST_MODEL (query), 1);
  fixture_add (store, "d");
  g_assert_true (dimple_store_close (store, NULL));

  /* The rows stay, those too that nobody has looked at yet. */
  fixture_assert_rows (query, "a b c");
  g_assert_cmpstr (dimple_query_get_key (query, 2), ==, "c");
  g_assert_true (dimple_query_find (query, "c", NULL));
  dimple_query_refresh (query);
  g_assert_error (dimple_query_get_error (query), DIMPLE_ERROR, DIMPLE_ERROR_CLOSED);
  fixture_assert_rows (query, "a b c");

  late = dimple_query_new (store, BY_TITLE, NULL);
  dimple_test_wait_idle (store);
  g_assert_error (dimple_query_get_error (late), DIMPLE_ERROR, DIMPLE_ERROR_CLOSED);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (late)), ==, 0);
}

/* What would take for ever is stopped. */
static void
test_closed_meanwhile (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(GError) error = NULL;

  fixture_add (store, "ab");
  dimple_query_refresh (query);
  dimple_query_set_sql (query, ENDLESS);
  while (query->run == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (dimple_store_close (store, &error));
  g_assert_no_error (error);
  dimple_test_wait_idle (store);
  g_assert_error (dimple_query_get_error (query), DIMPLE_ERROR, DIMPLE_ERROR_CLOSED);
  g_assert_false (query->loading);
  fixture_assert_rows (query, "a b");
}

/* A query, and what it is about, live as long as somebody holds the query. */
static void
test_outlives_store (void)
{
  DimpleStore *store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);

  fixture_add (store, "ab");
  dimple_test_wait_idle (store);
  g_object_add_weak_pointer (G_OBJECT (store), (gpointer *) &store);
  g_object_unref (store);
  g_assert_nonnull (store);
  fixture_assert_rows (query, "a b");
  fixture_add (store, "c");
  dimple_query_refresh (query);
  fixture_assert_rows (query, "a b c");
  g_clear_object (&query);
  while (store != NULL)
    g_main_context_iteration (NULL, TRUE);
}

/* Let go of while a run is under way, or by a handler of its own. */
static void
on_last_change (GListModel *model,
                guint       position,
                guint       n_removed,
                guint       n_added,
                gpointer    user_data)
{
  g_clear_object ((GObject **) user_data);
}

static void
test_let_go (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  DimpleQuery *query;

  fixture_add (store, "a");
  query = dimple_query_new (store, ENDLESS, NULL);
  while (query->run == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_object_unref (query);
  dimple_test_wait_idle (store);

  query = dimple_query_new (store, BY_TITLE, NULL);
  g_signal_connect (query, "items-changed", G_CALLBACK (on_last_change), &query);
  dimple_test_wait_idle (store);
  g_assert_null (query);
}

/* A handler that makes the query show what it just did, in the middle of being told. */
static void
on_title (GObject     *row,
          GParamSpec  *pspec,
          DimpleQuery *query)
{
  g_signal_handlers_disconnect_by_data (row, query);
  fixture_execute (query->store, "DELETE FROM note WHERE key = 'a'");
  fixture_execute (query->store, "UPDATE note SET title = 'y' WHERE key = 'd'");
  dimple_query_refresh (query);
}

static void
test_refresh_in_handler (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, "SELECT DISTINCT key, title FROM note ORDER BY key", NULL);
  g_autoptr(GListStore) replayed = g_list_store_new (DIMPLE_TYPE_ROW);
  g_autoptr(GObject) row = NULL, other = NULL;

  fixture_add (store, "abcd");
  dimple_query_refresh (query);
  row = g_list_model_get_item (G_LIST_MODEL (query), 1);
  other = g_list_model_get_item (G_LIST_MODEL (query), 3);
  g_signal_connect (row, "notify::title", G_CALLBACK (on_title), query);
  fixture_execute (store, "UPDATE note SET title = 'x' WHERE key IN ('b', 'd')");
  fixture_execute (store, "INSERT INTO note (key, title) VALUES ('e', 'e')");
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "b c d e");
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "title"), ==, "x");
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (other), "title"), ==, "y");
}

/* -- Threads ------------------------------------------------------------------------------------------------------- */

#define N_WRITERS 3
#define N_WRITES 40

static gpointer
write_notes (gpointer data)
{
  DimpleStore *store = data;

  for (guint i = 0; i < N_WRITES; i++)
    {
      g_autofree char *sql = g_strdup_printf ("INSERT INTO note (title) SELECT 'by %p: %u'", g_thread_self (), i);
      g_autoptr(GError) error = NULL;
      g_autofree char *key = dimple_store_insert (store, "note", g_variant_new_parsed ("{'title': <%s>}", sql), &error);

      g_assert_no_error (error);
    }
  return NULL;
}

static void
assert_owner (GListModel *model,
              guint       position,
              guint       n_removed,
              guint       n_added,
              GThread    *owner)
{
  g_assert_true (g_thread_self () == owner);
}

static void
test_writing_threads (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(DimpleQuery) count = dimple_query_new (store, "SELECT count (*) AS n FROM note", NULL);
  GThread *threads[N_WRITERS];

  g_signal_connect (query, "items-changed", G_CALLBACK (assert_owner), g_thread_self ());
  for (guint i = 0; i < N_WRITERS; i++)
    threads[i] = g_thread_new ("writer", write_notes, store);
  for (guint i = 0; i < 50; i++)
    {
      dimple_query_refresh (query);
      g_main_context_iteration (NULL, FALSE);
    }
  for (guint i = 0; i < N_WRITERS; i++)
    g_thread_join (threads[i]);
  dimple_test_wait_idle (store);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (query)), ==, N_WRITERS * N_WRITES);
  g_assert_cmpint (dimple_row_get_int64 (DIMPLE_ROW (dimple_query_get_first (count)), "n"), ==, N_WRITERS * N_WRITES);
}

typedef struct
{
  DimpleStore *store;
  GMainLoop   *loop;
  gboolean     done;
} Elsewhere;

static void
on_elsewhere_changed (GListModel *model,
                      guint       position,
                      guint       n_removed,
                      guint       n_added,
                      Elsewhere  *elsewhere)
{
  g_assert_true (g_main_context_is_owner (g_main_loop_get_context (elsewhere->loop)));
  if (g_list_model_get_n_items (model) == 3)
    g_main_loop_quit (elsewhere->loop);
}

/* A query of a thread with a main context of its own */
static gpointer
follow_elsewhere (gpointer data)
{
  Elsewhere *elsewhere = data;
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(DimpleQuery) query = NULL;

  g_main_context_push_thread_default (context);
  elsewhere->loop = g_main_loop_new (context, FALSE);
  query = dimple_query_new (elsewhere->store, BY_TITLE, NULL);
  g_signal_connect (query, "items-changed", G_CALLBACK (on_elsewhere_changed), elsewhere);
  dimple_query_refresh (query);
  g_atomic_int_set (&elsewhere->done, TRUE);
  g_main_loop_run (elsewhere->loop);
  fixture_assert_rows (query, "a b c");
  g_clear_object (&query);
  while (g_main_context_iteration (context, FALSE))
    ;
  g_main_context_pop_thread_default (context);
  g_main_loop_unref (elsewhere->loop);
  return NULL;
}

static void
test_other_context (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) here = dimple_query_new (store, BY_TITLE, NULL);
  Elsewhere elsewhere = { store, NULL, FALSE };
  GThread *thread;

  fixture_add (store, "a");
  thread = g_thread_new ("elsewhere", follow_elsewhere, &elsewhere);
  while (!g_atomic_int_get (&elsewhere.done))
    g_main_context_iteration (NULL, FALSE);
  fixture_add (store, "bc");
  dimple_test_wait_idle (store);
  fixture_assert_rows (here, "a b c");
  g_thread_join (thread);
}

/* What a test waits for is also what is under way elsewhere. */
static void
test_wait_idle (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(DimpleQuery) query = NULL;

  fixture_add (store, "a");
  g_main_context_push_thread_default (context);
  query = dimple_query_new (store, BY_TITLE, NULL);
  g_main_context_pop_thread_default (context);
  dimple_query_refresh (query);
  dimple_test_wait_idle (store);

  fixture_add (store, "b");
  g_assert_true (dimple_subscription_is_changed (query->subscription));
  g_assert_true (g_main_context_pending (context));
  g_main_context_iteration (context, FALSE);
  while (g_main_context_iteration (context, query->run != NULL))
    ;
  dimple_test_wait_idle (store);
  fixture_assert_rows (query, "a b");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/query-life/load-async", test_load_async);
  g_test_add_func ("/query-life/load-cancelled", test_load_cancelled);
  g_test_add_func ("/query-life/bursts", test_bursts);
  g_test_add_func ("/query-life/superseded", test_superseded);
  g_test_add_func ("/query-life/invalidation", test_invalidation);
  g_test_add_func ("/query-life/errors", test_errors);
  g_test_add_func ("/query-life/migrations", test_migrations);
  g_test_add_func ("/query-life/without-store", test_without_store);
  g_test_add_func ("/query-life/closed", test_closed);
  g_test_add_func ("/query-life/closed-meanwhile", test_closed_meanwhile);
  g_test_add_func ("/query-life/outlives-store", test_outlives_store);
  g_test_add_func ("/query-life/let-go", test_let_go);
  g_test_add_func ("/query-life/refresh-in-handler", test_refresh_in_handler);
  g_test_add_func ("/query-life/writing-threads", test_writing_threads);
  g_test_add_func ("/query-life/other-context", test_other_context);
  g_test_add_func ("/query-life/wait-idle", test_wait_idle);
  return g_test_run ();
}
