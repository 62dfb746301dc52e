/* bench-writes.c: writing through a store, against raw SQLite with the same schema and settings
 *
 * The baseline prepares its statement once and steps it; ours runs the same SQL through dimple_store_execute(), which
 * captures, keeps history and stamps.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "bench.h"

#define ONE_BY_ONE 5000
#define INSERT "INSERT INTO note VALUES (?, ?, ?, ?, ?, ?)"
#define UPDATE "UPDATE note SET title = ? WHERE key = ?"
#define UPDATE_ALL "UPDATE note SET title = title || '.'"

typedef struct
{
  char *folder;
  char *ours;
  char *theirs;
  char *body;
} Bench;

static char *
key_of (guint i)
{
  return g_strdup_printf ("01890a5d-ac96-774b-bcce-%012x", i * 7919);
}

/* -- Raw ------------------------------------------------------------------------------------------------------------ */

static void
check (sqlite3 *handle,
       int      result)
{
  if (result != SQLITE_OK && result != SQLITE_DONE && result != SQLITE_ROW)
    g_error ("%s", sqlite3_errmsg (handle));
}

static void
run (sqlite3_stmt *statement)
{
  check (sqlite3_db_handle (statement), sqlite3_step (statement));
  sqlite3_reset (statement);
}

static sqlite3_stmt *
prepare (sqlite3    *handle,
         const char *sql)
{
  sqlite3_stmt *statement = NULL;

  check (handle, sqlite3_prepare_v2 (handle, sql, -1, &statement, NULL));
  return statement;
}

static sqlite3 *
raw_open (const char *path)
{
  sqlite3 *handle = NULL;

  bench_remove (path);
  check (handle, sqlite3_open_v2 (path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL));
  check (handle, sqlite3_exec (handle, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                               "PRAGMA cache_size = -16384;" BENCH_SCHEMA, NULL, NULL, NULL));
  return handle;
}

static void
raw_insert (Bench    *bench,
            sqlite3  *handle,
            guint     first,
            guint     n,
            gboolean  each)
{
  sqlite3_stmt *insert = prepare (handle, INSERT);
  sqlite3_stmt *begin = prepare (handle, "BEGIN IMMEDIATE");
  sqlite3_stmt *commit = prepare (handle, "COMMIT");

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *key = key_of (first + i);

      if (each || i == 0)
        run (begin);
      sqlite3_bind_text (insert, 1, key, -1, SQLITE_STATIC);
      sqlite3_bind_text (insert, 2, "A title of a note", -1, SQLITE_STATIC);
      sqlite3_bind_text (insert, 3, bench->body, -1, SQLITE_STATIC);
      sqlite3_bind_text (insert, 4, "folder", -1, SQLITE_STATIC);
      sqlite3_bind_int64 (insert, 5, i);
      sqlite3_bind_int64 (insert, 6, 0);
      run (insert);
      if (each || i + 1 == n)
        run (commit);
    }
  sqlite3_finalize (insert);
  sqlite3_finalize (begin);
  sqlite3_finalize (commit);
}

static double
raw_bulk_insert (gpointer user_data)
{
  Bench *bench = user_data;
  sqlite3 *handle = raw_open (bench->theirs);
  double start = bench_now ();

  raw_insert (bench, handle, 0, BENCH_ROWS, FALSE);
  start = bench_now () - start;
  sqlite3_close (handle);
  return start;
}

static double
raw_single_inserts (gpointer user_data)
{
  Bench *bench = user_data;
  sqlite3 *handle = raw_open (bench->theirs);
  double start;

  raw_insert (bench, handle, BENCH_ROWS, BENCH_ROWS / 10, FALSE);
  start = bench_now ();
  raw_insert (bench, handle, 0, ONE_BY_ONE, TRUE);
  start = bench_now () - start;
  sqlite3_close (handle);
  return start;
}

static double
raw_single_updates (gpointer user_data)
{
  Bench *bench = user_data;
  sqlite3 *handle = raw_open (bench->theirs);
  sqlite3_stmt *update;
  double start;

  raw_insert (bench, handle, 0, BENCH_ROWS / 10, FALSE);
  update = prepare (handle, UPDATE);
  start = bench_now ();
  for (guint i = 0; i < ONE_BY_ONE; i++)
    {
      g_autofree char *key = key_of (i);

      sqlite3_bind_text (update, 1, "Another title", -1, SQLITE_STATIC);
      sqlite3_bind_text (update, 2, key, -1, SQLITE_STATIC);
      run (update);
    }
  start = bench_now () - start;
  sqlite3_finalize (update);
  sqlite3_close (handle);
  return start;
}

static double
raw_bulk_update (gpointer user_data)
{
  Bench *bench = user_data;
  sqlite3 *handle = raw_open (bench->theirs);
  double start;

  raw_insert (bench, handle, 0, BENCH_ROWS, FALSE);
  start = bench_now ();
  check (handle, sqlite3_exec (handle, UPDATE_ALL, NULL, NULL, NULL));
  start = bench_now () - start;
  sqlite3_close (handle);
  return start;
}

/* -- Ours ----------------------------------------------------------------------------------------------------------- */

static void
execute (DimpleStore *store,
         const char  *sql,
         GVariant    *parameters)
{
  GError *error = NULL;

  dimple_store_execute (store, sql, parameters, &error);
  bench_check (error);
}

static void
our_insert (Bench       *bench,
            DimpleStore *store,
            guint        first,
            guint        n,
            gboolean     each)
{
  GError *error = NULL;

  if (!each)
    dimple_store_begin (store, &error);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *key = key_of (first + i);

      execute (store, INSERT, g_variant_new ("(ssssxx)", key, "A title of a note", bench->body, "folder", (gint64) i,
                                             (gint64) 0));
    }
  if (!each)
    dimple_store_commit (store, &error);
  bench_check (error);
}

static double
our_bulk_insert (gpointer user_data)
{
  Bench *bench = user_data;
  g_autoptr(DimpleStore) store = bench_open (bench->ours);
  double start = bench_now ();

  our_insert (bench, store, 0, BENCH_ROWS, FALSE);
  return bench_now () - start;
}

static double
our_single_inserts (gpointer user_data)
{
  Bench *bench = user_data;
  g_autoptr(DimpleStore) store = bench_open (bench->ours);
  double start;

  our_insert (bench, store, BENCH_ROWS, BENCH_ROWS / 10, FALSE);
  start = bench_now ();
  our_insert (bench, store, 0, ONE_BY_ONE, TRUE);
  return bench_now () - start;
}

static double
our_single_updates (gpointer user_data)
{
  Bench *bench = user_data;
  g_autoptr(DimpleStore) store = bench_open (bench->ours);
  double start;

  our_insert (bench, store, 0, BENCH_ROWS / 10, FALSE);
  start = bench_now ();
  for (guint i = 0; i < ONE_BY_ONE; i++)
    {
      g_autofree char *key = key_of (i);

      execute (store, UPDATE, g_variant_new ("(ss)", "Another title", key));
    }
  return bench_now () - start;
}

static double
our_bulk_update (gpointer user_data)
{
  Bench *bench = user_data;
  g_autoptr(DimpleStore) store = bench_open (bench->ours);
  double start;

  our_insert (bench, store, 0, BENCH_ROWS, FALSE);
  start = bench_now ();
  execute (store, UPDATE_ALL, NULL);
  return bench_now () - start;
}

/* -- On disk -------------------------------------------------------------------------------------------------------- */

static void
measure_files (Bench *bench)
{
  sqlite3 *handle = raw_open (bench->theirs);
  DimpleStore *store = bench_open (bench->ours);
  sqlite3_stmt *statement;
  double metadata;

  raw_insert (bench, handle, 0, BENCH_ROWS, FALSE);
  sqlite3_close (handle);
  our_insert (bench, store, 0, BENCH_ROWS, FALSE);
  dimple_store_close (store, NULL);
  g_object_unref (store);

  check (NULL, sqlite3_open (bench->ours, &handle));
  statement = prepare (handle, "SELECT total (pgsize) FROM dbstat WHERE name LIKE 'dimple%' AND name <> 'dimple_log'");
  check (handle, sqlite3_step (statement));
  metadata = sqlite3_column_double (statement, 0);
  sqlite3_finalize (statement);
  sqlite3_close (handle);
  bench_print ("merge metadata on disk, history not counted", 100 * metadata / (double) bench_size (bench->theirs), "%", 5);
  bench_print ("the file with its history, against the untracked one",
               (double) bench_size (bench->ours) / (double) bench_size (bench->theirs), "x", 0);
}

int
main (void)
{
  Bench bench = { .folder = g_dir_make_tmp ("dimple-bench-XXXXXX", NULL) };

  bench.ours = g_build_filename (bench.folder, "ours.db", NULL);
  bench.theirs = g_build_filename (bench.folder, "theirs.db", NULL);
  bench.body = g_strnfill (200, 'b');

  bench_ratio ("insert 100,000 rows in one transaction", our_bulk_insert, raw_bulk_insert, &bench, 1.6, BENCH_ROWS);
  bench_ratio ("insert, one row a transaction", our_single_inserts, raw_single_inserts, &bench, 1.5, ONE_BY_ONE);
  bench_ratio ("update one column, one row a transaction", our_single_updates, raw_single_updates, &bench, 1.5, ONE_BY_ONE);
  bench_ratio ("update one column of 100,000 rows in one transaction", our_bulk_update, raw_bulk_update, &bench, 1.9,
               BENCH_ROWS);
  measure_files (&bench);

  bench_remove (bench.ours);
  bench_remove (bench.theirs);
  g_rmdir (bench.folder);
  g_free (bench.folder);
  g_free (bench.ours);
  g_free (bench.theirs);
  g_free (bench.body);
  return 0;
}
