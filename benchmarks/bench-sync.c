/* bench-sync.c: a new device that gets 100,000 rows, or 1,000,000, against inserting them there
 *
 * The baseline is Dimple itself: the same rows, inserted into the same table and tracked, in as many transactions.  The
 * storage is memory, so what is left is the work of both.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <dimple-test.h>
#include <malloc.h>
#include <string.h>

#include "bench-stores.h"
#include "bench.h"

static int n_rows = 100000;

/* -- Stores -------------------------------------------------------------------------------------------------------- */

static DimpleStore *
open_new_file (void)
{
  g_autofree char *path = bench_new_file ("notes.db");

  return bench_store_open (path, NULL);
}

static void
insert_rows (DimpleStore *store,
             int          n_a_transaction)
{
  GError *error = NULL;

  for (int i = 0; i < n_rows; i++)
    {
      if (i % n_a_transaction == 0)
        bench_check (dimple_store_begin (store, &error), error);
      bench_store_insert (store, (guint) i);
      if ((i + 1) % n_a_transaction == 0 || i + 1 == n_rows)
        bench_check (dimple_store_commit (store, &error), error);
    }
}

static void
insert (BenchSeries *series,
        int          n_a_transaction)
{
  DimpleStore *store = open_new_file ();

  bench_series_start (series);
  insert_rows (store, n_a_transaction);
  bench_series_stop (series);
  bench_store_close (store);
}

static void
fill_storage (DimpleStorage *storage,
              int            n_a_transaction)
{
  DimpleStore *store = open_new_file ();

  insert_rows (store, n_a_transaction);
  bench_store_sync (store, storage);
  bench_store_close (store);
}

/* -- A new device, with a main loop that goes on ------------------------------------------------------------------- */

typedef struct
{
  gboolean is_done;
  gint64   last;        /* when it last came round, in microseconds */
  gint64   waited;      /* for a processor, up to then */
  gint64   longest;     /* between two times, less the waiting for a processor */
} Loop;

/* How long this thread was ready to run and did not, as other processes did, in microseconds; see sched-stats.rst of
 * the kernel.  It would else be measured how busy the machine is. */
static gint64
get_waited (void)
{
  g_autofree char *statistics = NULL;
  g_auto(GStrv) words = NULL;

  if (!g_file_get_contents ("/proc/thread-self/schedstat", &statistics, NULL, NULL))
    return 0;
  words = g_strsplit (statistics, " ", 3);
  return g_strv_length (words) == 3 ? g_ascii_strtoll (words[1], NULL, 10) / 1000 : 0;
}

static gboolean
on_tick (gpointer user_data)
{
  Loop *loop = user_data;
  gint64 waited = get_waited ();
  gint64 now = g_get_monotonic_time ();

  loop->longest = MAX (loop->longest, now - loop->last - (waited - loop->waited));
  loop->last = now;
  loop->waited = waited;
  return G_SOURCE_CONTINUE;
}

static void
on_synced (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Loop *loop = user_data;
  GError *error = NULL;

  bench_check (dimple_sync_client_sync_finish (DIMPLE_SYNC_CLIENT (source), result, &error), error);
  loop->is_done = TRUE;
}

/* With a list of them shown meanwhile, if `live`. */
static void
sync_new_device (BenchSeries   *series,
                 BenchSeries   *stalls,
                 DimpleStorage *storage,
                 gboolean       live)
{
  DimpleStore *store = open_new_file ();
  g_autoptr(DimpleSyncClient) client = dimple_sync_client_new (store, storage);
  g_autoptr(DimpleQuery) query = NULL;
  Loop loop = { FALSE };
  guint tick;

  if (live)
    query = dimple_query_new (store, "SELECT key, title FROM note ORDER BY modified DESC", NULL);

  while (g_main_context_iteration (NULL, FALSE))
    ;
  loop.waited = get_waited ();
  loop.last = g_get_monotonic_time ();
  tick = g_timeout_add (1, on_tick, &loop);
  bench_series_start (series);
  dimple_sync_client_sync_async (client, NULL, on_synced, &loop);
  while (!loop.is_done || (live && g_list_model_get_n_items (G_LIST_MODEL (query)) < (guint) n_rows))
    g_main_context_iteration (NULL, TRUE);
  bench_series_stop (series);
  on_tick (&loop);
  g_source_remove (tick);
  if (stalls != NULL)
    bench_series_add (stalls, (double) loop.longest / 1000);
  g_clear_object (&query);
  g_clear_object (&client);
  bench_store_close (store);
}

static void
measure_new_device (const char *id,
                    const char *title,
                    int         n_a_transaction,
                    gboolean    live)
{
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();
  g_autoptr(BenchSeries) measured = bench_series_new (), baseline = bench_series_new (), stalls = bench_series_new ();
  g_autofree char *stall_id = g_strconcat (id, "-stall", NULL);

  fill_storage (storage, n_a_transaction);
  for (int round = 0; round < bench_get_n_rounds (); round++)
    {
      insert (baseline, n_a_transaction);
      sync_new_device (measured, stalls, storage, live);
    }
  bench_report_ratio (id, title, 1.5, measured, baseline, n_rows, "rows");
  bench_report_value (stall_id, "  longest stall of the main loop meanwhile", 16, bench_series_median (stalls), "ms");
}

/* From now on the kernel counts the peak anew. */
static void
reset_peak (void)
{
  g_autoptr(GFile) file = g_file_new_for_path ("/proc/self/clear_refs");
  g_autoptr(GFileOutputStream) stream = g_file_append_to (file, G_FILE_CREATE_NONE, NULL, NULL);

  if (stream != NULL)
    g_output_stream_write_all (G_OUTPUT_STREAM (stream), "5", 1, NULL, NULL, NULL);
}

/* Ten times as many, once: time and memory grow with what is moved, or not at all. */
static void
measure_large (void)
{
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();
  g_autoptr(BenchSeries) measured = bench_series_new (), baseline = bench_series_new ();
  double before;

  n_rows *= 10;
  fill_storage (storage, 100);
#ifdef __GLIBC__
  malloc_trim (0);
#endif
  reset_peak ();
  before = bench_get_memory ("VmRSS:");
  sync_new_device (measured, NULL, storage, FALSE);
  bench_report_value ("sync-large-memory", "ten times as many rows to a new device: memory meanwhile", BENCH_NO_BUDGET,
                      bench_get_memory ("VmHWM:") - before, "MiB");
  insert (baseline, 100);
  bench_report_ratio ("sync-large", "  against inserting them there", 1.5, measured, baseline, n_rows, "rows");
  n_rows /= 10;
}

/* The passphrase has been checked before: that is done once a session. */
static void
measure_sealed (void)
{
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new (), inner = dimple_memory_storage_new ();
  g_autoptr(DimpleStorage) sealed = dimple_encrypted_storage_new (inner, "benchmark");
  g_autoptr(BenchSeries) measured = bench_series_new (), baseline = bench_series_new ();

  fill_storage (storage, 100);
  fill_storage (sealed, 100);
  for (int round = 0; round < bench_get_n_rounds (); round++)
    {
      sync_new_device (baseline, NULL, storage, FALSE);
      sync_new_device (measured, NULL, sealed, FALSE);
    }
  bench_report_ratio ("sync-sealed", "new device, sealed with age, against unsealed", 1.3, measured, baseline, n_rows,
                      "rows");
}

/* -- Requests ------------------------------------------------------------------------------------------------------ */

static void
report_requests (const char    *id,
                 const char    *title,
                 double         budget,
                 DimpleStorage *storage,
                 DimpleStore   *store)
{
  guint before = dimple_test_storage_get_n_requests (DIMPLE_TEST_STORAGE (storage));

  bench_store_sync (store, storage);
  bench_report_value (id, title, budget, dimple_test_storage_get_n_requests (DIMPLE_TEST_STORAGE (storage)) - before,
                      "requests");
}

static void
measure_requests (void)
{
  g_autoptr(DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr(DimpleStorage) storage = dimple_test_storage_new (memory);
  DimpleStore *one = bench_store_open (NULL, NULL), *other = bench_store_open (NULL, NULL);

  bench_store_insert (one, 0);
  bench_store_sync (one, storage);
  bench_store_sync (other, storage);
  report_requests ("requests-idle", "a sync with nothing to do", 1, storage, one);
  bench_store_insert (one, 1);
  report_requests ("requests-local", "a sync with one local change", 2, storage, one);
  report_requests ("requests-remote", "a sync with one remote change", 2, storage, other);
  bench_store_close (one);
  bench_store_close (other);
}

int
main (int   argc,
      char *argv[])
{
  const GOptionEntry entries[] = {
    { "rows", 0, 0, G_OPTION_ARG_INT, &n_rows, "Rows that the new device gets, and then ten times as many", "N" },
    { NULL }
  };

  bench_init (&argc, &argv, "- syncing, against writing the same", entries);
  measure_new_device ("sync-whole", "rows to a new device, one transaction, against inserting them there", n_rows,
                      FALSE);
  measure_new_device ("sync-parts", "the same, 100 a transaction", 100, FALSE);
  measure_new_device ("sync-live", "the same, with a live list of the rows", 100, TRUE);
  measure_sealed ();
  measure_requests ();
  measure_large ();
  return 0;
}
