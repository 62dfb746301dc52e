/* bench-disk.c: how much room tracking takes in the file, against the same rows in a file of raw SQLite
 *
 * The history is what an app asks for, so it is told apart from what merging needs besides.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "bench-stores.h"
#include "bench.h"

#define N_EDITS 10000
#define N_DELETED 1000

static int n_rows = 100000;

static double
get_pages_size (const char *path,
                const char *condition)
{
  g_autofree char *sql = g_strdup_printf ("SELECT total (pgsize) FROM dbstat WHERE %s", condition);
  sqlite3_stmt *statement = NULL;
  sqlite3 *db = NULL;
  double size;

  if (sqlite3_open_v2 (path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
      sqlite3_prepare_v2 (db, sql, -1, &statement, NULL) != SQLITE_OK || sqlite3_step (statement) != SQLITE_ROW)
    g_error ("%s", sqlite3_errmsg (db));
  size = sqlite3_column_double (statement, 0);
  sqlite3_finalize (statement);
  sqlite3_close (db);
  return size;
}

static void
write_notes (DimpleStore *store,
             BenchRaw    *raw)
{
  g_autoptr(DimpleBatch) batch = dimple_batch_new (store);
  GError *error = NULL;
  BenchNote note;

  bench_raw_begin (raw);
  for (int i = 0; i < n_rows; i++)
    {
      bench_note_fill (&note, (guint) i);
      bench_raw_insert (raw, &note);
      g_free (dimple_batch_insert (batch, "note", bench_note_to_variant (&note)));
    }
  bench_raw_commit (raw);
  bench_check (dimple_batch_commit (batch, &error), error);
}

static void
edit_notes (DimpleStore *store)
{
  for (int i = 0; i < N_EDITS; i++)
    {
      g_autofree char *sql = g_strdup_printf ("UPDATE note SET title = 'Edit %d' WHERE rowid = %d", i, i + 1);

      bench_store_execute (store, sql, NULL);
    }
  for (int i = 0; i < N_DELETED; i++)
    {
      g_autofree char *sql = g_strdup_printf ("DELETE FROM note WHERE rowid = %d", n_rows - i);

      bench_store_execute (store, sql, NULL);
    }
}

static void
sync_stores (DimpleStore *from,
             DimpleStore *to)
{
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();

  bench_store_sync (from, storage);
  bench_store_sync (to, storage);
  bench_store_sync (from, storage);
}

static void
report_metadata (const char *id,
                 const char *title,
                 const char *path,
                 double      untracked)
{
  double size = get_pages_size (path, "name LIKE '%dimple\\_%' ESCAPE '\\' AND name <> 'dimple_log'");

  bench_report_value (id, title, 5, 100 * size / untracked, "%");
}

int
main (int   argc,
      char *argv[])
{
  const GOptionEntry entries[] = {
    { "rows", 0, 0, G_OPTION_ARG_INT, &n_rows, "How many notes", "N" },
    { NULL }
  };
  g_autofree char *raw_path = NULL, *path = NULL, *other_path = NULL;
  DimpleStore *store, *other;
  BenchRaw *raw;
  double untracked;

  bench_init (&argc, &argv, "- the room that tracking takes in a file", entries);
  raw_path = bench_new_file ("raw.db");
  path = bench_new_file ("tracked.db");
  other_path = bench_new_file ("other.db");
  raw = bench_raw_open (raw_path);
  store = bench_store_open (path, NULL);
  other = bench_store_open (other_path, NULL);

  write_notes (store, raw);
  bench_raw_close (raw);
  untracked = get_pages_size (raw_path, "1");
  edit_notes (store);
  sync_stores (store, other);
  bench_store_close (store);
  bench_store_close (other);

  report_metadata ("metadata", "merge metadata on disk, history not counted: the device that wrote", path, untracked);
  report_metadata ("metadata-merged", "merge metadata on disk, history not counted: the device that merged", other_path,
                   untracked);
  bench_report_value ("history", "the history on disk, against the notes without it", BENCH_NO_BUDGET,
                      100 * get_pages_size (path, "name = 'dimple_log'") / untracked, "%");
  return 0;
}
