/* test-query-random.c: live queries of every kind under random writes, checked by the oracle
 *
 * A seed makes a schema, some queries, and then writes: of the app, in one or several transactions, on this thread or
 * the writer's; by another device, merged by a sync; by another store on the same file.  In between, queries are given
 * other parameters or another WHERE and ORDER BY, and the schema grows.  --seeds=N runs so many in
 * --jobs=N processes, --seed=N one in this process, --first=N says which is the first of many.  What fails prints
 * everything that was run.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "query-kinds.h"
#include "query-oracle-check.h"
#include "query-writes.h"
#include "random-jobs.h"
#include "random-test.h"

#include <glib/gstdio.h>

#include "dimple-store-internal-private.h"
#include "dimple-test.h"

#define START_OF_TIME G_GINT64_CONSTANT (1700000000)

static guint n_seeds, n_jobs, first_seed, only_seed;

/* How many commits by another store there are to one that is waited for, on average. */
#define EAR_INTERVAL 50

/* A query, and what it was made from */
typedef struct
{
  Oracle *oracle;
  Select *select;
} Subject;

typedef struct
{
  World            *world;
  guint32           seed;
  gint64            now;            /* s */
  char             *path;           /* (nullable) of a file, and … */
  sqlite3          *probe;          /* (nullable) … a connection that nobody uses */
  guint             n_beside;       /* commits to it by `other` */
  DimpleStore      *store;
  DimpleStore      *other;          /* (nullable) on the same file, or on another device */
  DimpleSyncClient *client;         /* (nullable) of `store` */
  DimpleSyncClient *other_client;   /* (nullable) of `other` */
  GPtrArray        *subjects;       /* of Subject */
} Run;

static void
subject_free (gpointer data)
{
  Subject *subject = data;

  oracle_free (subject->oracle);
  select_free (subject->select);
  g_free (subject);
}

static void
add_subject (Run *run)
{
  World *world = run->world;
  static const guint held[] = { 0, 40, 100, 100 };
  Subject *subject = g_new0 (Subject, 1);
  Select *select = random_select (world);

  subject->select = select;
  subject->oracle = oracle_new (run->store, select->sql->str, select_make_parameters (select), select->is_ordered,
                                PICK (world, held));
  subject->oracle->identity_sql = g_strdup (select->identity_sql);
  subject->oracle->total_sql = g_strdup (select->total_sql);
  subject->oracle->n_hidden = select->n_hidden;
  subject->oracle->asks_first = chance (world, 30);
  subject->oracle->log = world->log;
  note (world, "-- a query: %s", select->sql->str);
  g_ptr_array_add (run->subjects, subject);
}

/* -- Stores -------------------------------------------------------------------------------------------------------- */

static DimpleStore *
open_store (Run        *run,
            const char *path)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc (run->now);
  DimpleStore *store = dimple_store_open (path, &error);

  g_assert_no_error (error);
  dimple_test_set_time (store, time);
  world_migrate (run->world, store);
  return store;
}

static void
tick (Run *run)
{
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc (++run->now);

  dimple_test_set_time (run->store, time);
  if (run->other != NULL)
    dimple_test_set_time (run->other, time);
}

static DimpleSyncClient *
add_client (DimpleStore   *store,
            DimpleStorage *storage)
{
  DimpleSyncClient *client = dimple_sync_client_new (store, storage);

  g_object_set (client, "auto-sync", FALSE, NULL);
  return client;
}

static void
run_begin (Run     *run,
           guint32  seed)
{
  World *world = world_new (seed);
  guint kind = pick (world, 16);

  *run = (Run) { .world = world, .seed = seed, .now = START_OF_TIME };
  /* Now and then nearly every commit has more rows than are named. */
  dimple_table_changes_set_max_named (seed % 16 == 7 ? 2 : 0);
  run->subjects = g_ptr_array_new_with_free_func (subject_free);
  note (world, "-- replay with --seed=%u\n%s", seed, (char *) g_ptr_array_index (world->scripts, 0));
  if (kind == 0)
    {
      g_autoptr(GError) error = NULL;
      g_autofree char *folder = g_dir_make_tmp ("dimple-query-XXXXXX", &error);

      g_assert_no_error (error);
      run->path = g_build_filename (folder, "store.db", NULL);
    }
  run->store = open_store (run, run->path);
  if (kind == 0)
    {
      run->other = open_store (run, run->path);
      g_assert_cmpint (sqlite3_open_v2 (run->path, &run->probe, SQLITE_OPEN_READWRITE, NULL), ==, SQLITE_OK);
    }
  if (kind == 1 || kind == 2)
    {
      g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();

      run->other = open_store (run, NULL);
      run->client = add_client (run->store, storage);
      run->other_client = add_client (run->other, storage);
    }
}

static void
remove_folder (char *path)
{
  g_autofree char *owned = path, *folder = g_path_get_dirname (path);
  static const char * const suffixes[] = { "", "-wal", "-shm" };

  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *name = g_strconcat (path, suffixes[i], NULL);

      g_remove (name);
    }
  g_rmdir (folder);
}

static void
run_end (Run *run)
{
  g_ptr_array_unref (run->subjects);
  g_clear_object (&run->client);
  g_clear_object (&run->other_client);
  if (run->other != NULL)
    g_assert_true (dimple_store_close (run->other, NULL));
  g_clear_object (&run->other);
  g_clear_pointer (&run->probe, sqlite3_close);
  g_assert_true (dimple_store_close (run->store, NULL));
  g_object_unref (run->store);
  g_clear_pointer (&run->path, remove_folder);
  world_free (run->world);
}

/* -- Steps --------------------------------------------------------------------------------------------------------- */

static Oracle *
oracle_at (Run   *run,
           guint  i)
{
  return ((Subject *) g_ptr_array_index (run->subjects, i))->oracle;
}

static void
settle (Run *run)
{
  if (chance (run->world, 35))
    {
      note (run->world, "-- refresh");
      /* What was begun on the writer's thread is committed first. */
      while (dimple_worker_get_n_queued (run->store->worker) > 0)
        g_usleep (50);
      for (guint i = 0; i < run->subjects->len; i++)
        dimple_query_refresh (oracle_at (run, i)->query);
    }
  dimple_test_wait_idle (run->store);
}

static void
check_all (Run   *run,
           guint  max_emissions)
{
  for (guint i = 0; i < run->subjects->len; i++)
    oracle_check (oracle_at (run, i), max_emissions);
}

static void
sync_now (Run              *run,
          DimpleSyncClient *client)
{
  g_autoptr(GError) error = NULL;

  dimple_sync_client_sync (client, NULL, &error);
  if (error != NULL)
    g_printerr ("%s\n", run->world->log->str);
  g_assert_no_error (error);
}

/* Another device writes, and what it wrote is merged here. */
static void
write_on_device (Run *run)
{
  note (run->world, "-- on the other device:");
  for (guint n = 1 + pick (run->world, 3); n > 0; n--)
    write_once (run->world, run->other);
  note (run->world, "-- sync");
  if (chance (run->world, 30))
    sync_now (run, run->client);
  sync_now (run, run->other_client);
  sync_now (run, run->client);
}

static gboolean
shows_all (Oracle *oracle)
{
  g_autofree char *state = oracle_dup_state (oracle);
  gboolean is_shown;

  oracle_allow_state (oracle);
  is_shown = strcmp (state, g_ptr_array_index (oracle->states, 0)) == 0;
  g_ptr_array_set_size (oracle->states, 0);
  return is_shown;
}

/* Grows with every commit of anybody. */
static int
read_data_version (Run *run)
{
  sqlite3_stmt *statement;
  int version;

  g_assert_cmpint (sqlite3_prepare_v2 (run->probe, "PRAGMA data_version", -1, &statement, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_step (statement), ==, SQLITE_ROW);
  version = sqlite3_column_int (statement, 0);
  sqlite3_finalize (statement);
  return version;
}

/* Another store writes to the file, as another process would; this one hears of it when it does. */
static void
write_beside (Run *run)
{
  gint64 patience = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;
  guint64 generation = dimple_store_get_generation (run->store);
  int version = read_data_version (run);

  note (run->world, "-- by another store on the same file:");
  write_once (run->world, run->other);
  if (read_data_version (run) == version)
    return;
  /* It pricks its ears only some time after its own last commit.  That is waited for now and then; else it is told, as
   * it would find out by itself in its next transaction. */
  if ((run->seed + run->n_beside++) % EAR_INTERVAL != 0)
    dimple_writer_notice_others (run->store->writer, NULL);
  while (dimple_store_get_generation (run->store) == generation && g_get_monotonic_time () < patience)
    {
      g_main_context_iteration (NULL, FALSE);
      g_usleep (500);
    }
  /* Also where it was heard of something else first. */
  for (guint i = 0; i < run->subjects->len; i++)
    while (!shows_all (oracle_at (run, i)) && g_get_monotonic_time () < patience)
      {
        g_main_context_iteration (NULL, FALSE);
        g_usleep (500);
      }
}

/* Several commits one after the other, with some of what they lead to in between: whatever is shown, some commit
 * made. */
static guint
write_burst (Run *run)
{
  guint n = 2 + pick (run->world, 3);

  for (guint write = 0; write <= n; write++)
    {
      if (write > 0)
        write_once (run->world, run->store);
      for (guint i = 0; i < run->subjects->len; i++)
        oracle_allow_state (oracle_at (run, i));
      for (guint turns = pick (run->world, 4); turns > 0; turns--)
        g_main_context_iteration (NULL, FALSE);
    }
  return n + 1;
}

static void
change_query (Run *run)
{
  Subject *subject = g_ptr_array_index (run->subjects, pick (run->world, run->subjects->len));
  Select *select = subject->select;

  if (select->table != NULL && select->identity_sql != NULL && chance (run->world, 50))
    {
      select_fill_in (select);
      note (run->world, "-- other SQL: %s", select->sql->str);
      oracle_set_sql (subject->oracle, select->sql->str, select_make_parameters (select), select->is_ordered);
      subject->oracle->identity_sql = g_strdup (select->identity_sql);
    }
  else
    {
      note (run->world, "-- other parameters of: %s", select->sql->str);
      oracle_set_parameters (subject->oracle, select_make_parameters (select));
    }
}

static void
extend_schema (Run *run)
{
  world_extend (run->world);
  note (run->world, "%s", (char *) g_ptr_array_index (run->world->scripts, run->world->scripts->len - 2));
  if (run->other != NULL && run->path == NULL)
    world_migrate (run->world, run->other);
  world_migrate (run->world, run->store);
}

/* Returns how many emissions it may lead to. */
static guint
step (Run *run)
{
  World *world = run->world;
  guint kind = pick (world, 20);

  if (run->other != NULL && kind < 12)
    {
      if (run->client != NULL)
        write_on_device (run);
      else
        write_beside (run);
      return run->client != NULL ? 1 : G_MAXUINT;
    }
  if (kind < 12)
    write_once (world, run->store);
  else if (kind < 14)
    return write_burst (run);
  else if (kind < 16)
    {
      run_elsewhere (world, run->store);
      return G_MAXUINT;
    }
  else if (kind < 19)
    {
      change_query (run);
      if (chance (world, 40))
        write_once (world, run->store);
    }
  else if (chance (world, 30) && run->path == NULL)
    extend_schema (run);
  else
    add_subject (run);
  return 1;
}

/* -- Seeds --------------------------------------------------------------------------------------------------------- */

static void
run_seed (guint32 seed)
{
  Run run;

  run_begin (&run, seed);
  for (guint n = pick (run.world, 6); n > 0; n--)
    write_once (run.world, run.store);
  execute (run.world, run.store, random_bulk_insert (run.world));
  for (guint n = 2 + pick (run.world, 4); n > 0; n--)
    add_subject (&run);
  settle (&run);
  check_all (&run, 1);
  for (guint n = 4 + pick (run.world, 8); n > 0; n--)
    {
      guint max_emissions;

      tick (&run);
      max_emissions = step (&run);
      settle (&run);
      check_all (&run, max_emissions);
    }
  run_end (&run);
}

static void
test_random (void)
{
  if (only_seed != G_MAXUINT)
    {
      run_seed (only_seed);
      return;
    }
  run_seeds (first_seed, first_seed + n_seeds, n_jobs, run_seed);
}

int
main (int   argc,
      char *argv[])
{
  n_seeds = take_option (&argc, argv, "--seeds", 5000);
  n_jobs = take_option (&argc, argv, "--jobs", 2);
  first_seed = take_option (&argc, argv, "--first", 0);
  only_seed = take_option (&argc, argv, "--seed", G_MAXUINT);
  /* Nobody asks how much memory SQLite uses; to count it, the threads would take turns at each piece. */
  g_assert_cmpint (sqlite3_config (SQLITE_CONFIG_MEMSTATUS, 0), ==, SQLITE_OK);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/query/random", test_random);
  return g_test_run ();
}
