/* test-debug.c: what DIMPLE_DEBUG tells, each word in a process of its own
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "query-fixture.h"

/* -- What the process does ---------------------------------------------------------------------------------------- */

static void
write_and_read (DimpleStore *store)
{
  g_autoptr(GListModel) rows = NULL;
  g_autoptr(GError) error = NULL;

  dimple_store_execute (store, "INSERT INTO note (key, title) VALUES (?, ?)",
                        g_variant_new ("(ss)", "k", "Secret diary"), &error);
  g_assert_no_error (error);
  rows = dimple_store_select (store, "SELECT title FROM note WHERE stars > 0", NULL, &error);
  g_assert_no_error (error);
}

static void
follow (DimpleStore *store)
{
  g_autoptr(DimpleQuery) query = dimple_query_new (store, "SELECT key, title FROM note ORDER BY title", NULL);
  g_autoptr(DimpleQuery) count = dimple_query_new (store, "SELECT count (*) AS n FROM note", NULL);

  dimple_test_wait_idle (store);
  fixture_add (store, "a");
  dimple_query_refresh (query);
  dimple_test_wait_idle (store);
}

static gpointer
write_and_read_in_thread (gpointer store)
{
  write_and_read (store);
  return NULL;
}

static void
use_other_thread (DimpleStore *store)
{
  g_thread_join (g_thread_new (NULL, write_and_read_in_thread, store));
}

static void
hold_over_turn (DimpleStore *store)
{
  g_assert_true (dimple_store_begin (store, NULL));
  g_main_context_iteration (NULL, FALSE);
  g_assert_true (dimple_store_rollback (store, NULL));
}

static void
hold_between_turns (DimpleStore *store)
{
  g_assert_true (dimple_store_begin (store, NULL));
  fixture_add (store, "a");
  g_assert_true (dimple_store_commit (store, NULL));
  dimple_test_wait_idle (store);
}

typedef struct
{
  DimpleStore *store;
  GMutex       lock;
  GCond        begun_cond;
  gboolean     begun;
} Holder;

static gpointer
hold_for_a_second (gpointer data)
{
  Holder *holder = data;

  g_assert_true (dimple_store_begin (holder->store, NULL));
  g_mutex_lock (&holder->lock);
  holder->begun = TRUE;
  g_cond_signal (&holder->begun_cond);
  g_mutex_unlock (&holder->lock);
  g_usleep (G_USEC_PER_SEC);
  g_assert_true (dimple_store_rollback (holder->store, NULL));
  return NULL;
}

static void
wait_for_other (DimpleStore *store)
{
  Holder holder = { .store = store };
  GThread *thread;

  g_mutex_init (&holder.lock);
  g_cond_init (&holder.begun_cond);
  thread = g_thread_new (NULL, hold_for_a_second, &holder);
  g_mutex_lock (&holder.lock);
  while (!holder.begun)
    g_cond_wait (&holder.begun_cond, &holder.lock);
  g_mutex_unlock (&holder.lock);
  fixture_add (store, "a");
  g_thread_join (thread);
  g_mutex_clear (&holder.lock);
  g_cond_clear (&holder.begun_cond);
}

static void
sync_once (DimpleStore *store)
{
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();
  g_autoptr(DimpleSyncClient) client = dimple_sync_client_new (store, storage);
  g_autoptr(GError) error = NULL;

  fixture_add (store, "ab");
  g_assert_true (dimple_sync_client_sync (client, NULL, &error));
}

/* -- What is told ------------------------------------------------------------------------------------------------- */

typedef struct
{
  const char *name;
  const char *words;       /* (nullable) DIMPLE_DEBUG */
  const char *slow_ms;     /* (nullable) */
  void      (*work)        (DimpleStore *store);
  const char *told[4];
  const char *untold[3];
} Case;

static const Case cases[] = {
  { "nothing", NULL, NULL, follow, { NULL }, { "*ql: *", "*query: *", "*slow: *" } },
  { "sql", "sql", NULL, write_and_read,
    { "*sql: writer, *.* ms: INSERT INTO note (key, title) VALUES (?, ?)*",
      "*sql: reader, *.* ms: SELECT title FROM note WHERE stars > 0*" }, { "*Secret*", "*slow: *" } },
  { "slow/statement", "slow", "0", write_and_read,
    { "*slow: a statement kept the main thread for * ms: SELECT title FROM note WHERE stars > 0\n  SCAN note*" },
    { "*Secret*", "*sql: *" } },
  { "slow/limit", "slow", "100000", write_and_read, { NULL }, { "*slow: *" } },
  { "slow/default-limit", "slow", NULL, wait_for_other, { "*slow: the main thread waited *" } },
  { "slow/other-thread", "slow", "0", use_other_thread, { NULL },
    { "*slow: *INSERT INTO note*", "*slow: *SELECT title*" } },
  { "slow/query", "slow", "0", follow,
    { "*slow: showing a live query kept the main thread for * ms: SELECT key, title FROM note ORDER BY title\n"
      "Incremental*",
      "*slow: refreshing a live query kept the main thread for *SCAN note*" }, { "*query: *" } },
  { "slow/transaction", "slow", "0", hold_between_turns, { "*slow: a transaction kept the main thread for *" },
    { "*still open at a turn*" } },
  { "slow/open-transaction", "slow", NULL, hold_over_turn,
    { "*A transaction is still open at a turn of the main loop*" }, { "*still open*still open*" } },
  { "query", "query", NULL, follow,
    { "*query: * run, *.* ms, 0 rows: incremental: SELECT key, title*",
      "*query: * at 0: 0 removed, 1 added: SELECT key*", "*query: * run, *: SELECT count (*" }, { "*sql: *" } },
  { "sync", "sync", NULL, sync_once,
    { "*sync: * has 0 packs, of which 0 are new here*",
      "*sync: 1 storages, 2 transactions uploaded, 0 downloaded, 0 still to upload*" }, { "*s3: *" } },
  { "several", "sync,sql", NULL, sync_once, { "*sql: *", "*sync: *" } },
};

static void
set_variable (const char *name,
              const char *value)
{
  if (value != NULL)
    g_setenv (name, value, TRUE);
  else
    g_unsetenv (name);
}

static void
test_told (gconstpointer data)
{
  const Case *as = data;

  if (g_test_subprocess ())
    {
      g_autoptr(DimpleStore) store = NULL;

      /* Warnings are what is looked for. */
      g_log_set_always_fatal (G_LOG_FATAL_MASK);
      store = fixture_open ();
      as->work (store);
      return;
    }

  set_variable ("DIMPLE_DEBUG", as->words);
  set_variable ("DIMPLE_SLOW_MS", as->slow_ms);
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
  for (guint i = 0; i < G_N_ELEMENTS (as->told) && as->told[i] != NULL; i++)
    g_test_trap_assert_stderr (as->told[i]);
  for (guint i = 0; i < G_N_ELEMENTS (as->untold) && as->untold[i] != NULL; i++)
    g_test_trap_assert_stderr_unmatched (as->untold[i]);
}

/* -- erase-on-schema-change --------------------------------------------------------------------------------------- */

static const char * const first_version[] = {
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT)",
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT)", NULL
};
static const char * const edited_newest[] = {
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT)",
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body TEXT)", NULL
};
static const char * const edited_older[] = {
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT, icon TEXT)",
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT)", NULL
};

static void
edit_newest (DimpleStore *store)
{
  g_autoptr(DimpleQuery) folders = dimple_query_new (store, "SELECT key FROM folder", NULL);
  g_autoptr(DimpleQuery) history = dimple_query_new (store, "SELECT count (*) AS n FROM dimple_history", NULL);
  g_autoptr(GError) error = NULL;
  g_autofree char *author = NULL, *new_author = NULL, *name = NULL;

  g_assert_true (dimple_store_migrate (store, first_version, &error));
  fixture_execute (store, "INSERT INTO folder VALUES ('f', 'Old')");
  dimple_query_refresh (folders);
  fixture_assert_rows (folders, "f");
  g_object_get (store, "author", &author, NULL);

  /* The older ones stay an error, and nothing is lost. */
  g_assert_false (dimple_store_migrate (store, edited_older, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION);
  g_clear_error (&error);
  g_assert_true (dimple_store_migrate (store, first_version, &error));
  dimple_query_refresh (folders);
  fixture_assert_rows (folders, "f");

  dimple_store_migrate (store, edited_newest, &error);
  g_assert_no_error (error);
  fixture_execute (store, "INSERT INTO note VALUES ('n', 'New', 'has a body')");
  dimple_query_refresh (folders);
  fixture_assert_rows (folders, "");
  dimple_query_refresh (history);
  fixture_assert_rows (history, "1");
  g_object_get (store, "author", &new_author, "author-name", &name, NULL);
  g_assert_cmpstr (new_author, !=, author);
  g_assert_nonnull (name);
  g_assert_true (dimple_store_migrate (store, edited_newest, &error));
  dimple_query_refresh (history);
  fixture_assert_rows (history, "1");
}

static void
erase_in_process (void)
{
  g_autofree char *folder = g_dir_make_tmp ("dimple-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "erased.db", NULL);
  g_autoptr(DimpleStore) in_memory = dimple_store_open (NULL, NULL);
  g_autoptr(DimpleStore) in_file = dimple_store_open (path, NULL);
  g_autoptr(DimpleStore) again = NULL;
  g_autoptr(GError) error = NULL;

  edit_newest (in_memory);
  edit_newest (in_file);
  g_assert_true (dimple_store_close (in_file, NULL));
  again = dimple_store_open (path, &error);
  g_assert_no_error (error);
  g_assert_true (dimple_store_migrate (again, edited_newest, &error));
  fixture_execute (again, "UPDATE note SET body = 'kept' WHERE key = 'n'");
}

static void
refuse_in_process (void)
{
  g_autoptr(DimpleStore) store = dimple_store_open (NULL, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_true (dimple_store_migrate (store, first_version, &error));
  g_assert_false (dimple_store_migrate (store, edited_newest, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION);
}

static void
test_erase (void)
{
  if (g_test_subprocess ())
    {
      erase_in_process ();
      return;
    }

#ifdef G_ENABLE_DEBUG
  set_variable ("DIMPLE_DEBUG", "erase-on-schema-change");
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*migration 2 was edited, and all rows of*erased.db*are erased*");
#else
  g_test_skip ("built without debugging");
#endif
}

/* "all" tells everything, and deletes nothing. */
static void
test_no_erase (void)
{
  if (g_test_subprocess ())
    {
      g_log_set_always_fatal (G_LOG_FATAL_MASK);
      refuse_in_process ();
      return;
    }

  set_variable ("DIMPLE_DEBUG", "all");
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
  set_variable ("DIMPLE_DEBUG", NULL);
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/debug/%s", cases[i].name);

      g_test_add_data_func (path, &cases[i], test_told);
    }
  g_test_add_func ("/debug/erase", test_erase);
  g_test_add_func ("/debug/no-erase", test_no_erase);
  return g_test_run ();
}
