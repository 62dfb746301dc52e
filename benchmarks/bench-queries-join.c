/* bench-queries-join.c: from a commit to items-changed, where the row that changed is joined to others
 *
 * A folder of twenty notes gets another name, by which the list is sorted, so that twenty rows move.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "bench-queries.h"

#include "bench-stores.h"
#include "bench.h"

#define FOLDER_NOTES 20
#define N_CHANGES 100
#define MAX_SECONDS 3

static const char list[] =
  "SELECT note.key, title, folder.name FROM note JOIN folder ON folder.key = note.folder "
  "ORDER BY folder.name, note.key";

static DimpleStore *
open_store (const char *path)
{
  static const char * const migrations[] = {
    BENCH_NOTES_SCHEMA ";"
    "CREATE INDEX note_by_modified ON note (modified DESC, key)",
    "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT);"
    "CREATE INDEX note_folder ON note (folder)", NULL
  };

  return bench_store_open (path, migrations);
}

static char *
new_file (guint n_rows)
{
  char *path = bench_queries_new_file (n_rows);
  g_autofree char *folders = NULL, *notes = NULL;
  g_autoptr(BenchRaw) raw = NULL;

  bench_queries_close (open_store (path));
  folders = g_strdup_printf ("INSERT INTO folder WITH RECURSIVE i (x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM i "
                             "LIMIT %u) SELECT 'f' || x, printf ('name %%06d', x) FROM i", n_rows / FOLDER_NOTES);
  notes = g_strdup_printf ("UPDATE note SET folder = 'f' || (rowid %% %u)", n_rows / FOLDER_NOTES);
  raw = bench_raw_open_existing (path);
  bench_raw_execute (raw, folders);
  bench_raw_execute (raw, notes);
  return path;
}

/* Before or after all others, by turns. */
static void
rename_folder (DimpleStore *store,
               guint        n_rows,
               guint        version)
{
  g_autofree char *key = g_strdup_printf ("f%u", version * 7919u % (n_rows / FOLDER_NOTES));
  g_autofree char *name = g_strdup_printf ("%c %08u", version % 2 == 0 ? 'z' : 'a', version);
  GVariantBuilder builder;
  GError *error = NULL;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string (name));
  bench_check (dimple_store_update (store, "folder", key, g_variant_builder_end (&builder), &error), error);
}

static void
on_items_changed (GListModel *model,
                  guint       position,
                  guint       n_removed,
                  guint       n_added,
                  gboolean   *heard)
{
  *heard = TRUE;
}

static void
follow (DimpleStore *store,
        DimpleQuery *query,
        BenchNaive  *naive,
        guint        n_rows,
        BenchSeries *latency,
        BenchSeries *again)
{
  static guint version;
  gint64 end = g_get_monotonic_time () + MAX_SECONDS * G_USEC_PER_SEC;
  gboolean heard;

  g_signal_connect (query, "items-changed", G_CALLBACK (on_items_changed), &heard);
  for (guint i = 0; i < N_CHANGES && (i < 3 || g_get_monotonic_time () < end); i++)
    {
      heard = FALSE;
      rename_folder (store, n_rows, ++version);
      bench_series_start (latency);
      while (!heard)
        g_main_context_iteration (NULL, TRUE);
      bench_series_stop (latency);
      bench_series_start (again);
      bench_naive_refresh (naive);
      bench_series_stop (again);
    }
  g_signal_handlers_disconnect_by_func (query, on_items_changed, &heard);
}

void
bench_queries_join (guint n_rows)
{
  g_autofree char *path = new_file (n_rows);
  g_autofree char *rows = bench_queries_format (n_rows);
  g_autofree char *id = g_strdup_printf ("query-join-%u", n_rows);
  g_autofree char *naive_id = g_strdup_printf ("query-join-against-naive-%u", n_rows);
  g_autofree char *title = g_strdup_printf ("a joined row changes: commit to items-changed of the %u rows that hold "
                                            "it, of %s", FOLDER_NOTES, rows);
  g_autofree char *naive_title = g_strdup_printf ("the same against running the join again, %s rows", rows);
  g_autoptr(BenchSeries) latency = bench_series_new (), again = bench_series_new ();
  DimpleStore *store = open_store (path);

  for (int round = 0; round < bench_get_n_rounds (); round++)
    {
      g_autoptr(DimpleQuery) query = dimple_query_new (store, list, NULL);
      g_autoptr(BenchNaive) naive = bench_naive_new (path, list);

      bench_queries_wait (query);
      g_assert (g_list_model_get_n_items (G_LIST_MODEL (query)) == n_rows);
      bench_naive_refresh (naive);
      follow (store, query, naive, n_rows, latency, again);
    }
  bench_queries_close (store);
  bench_report_value (id, title, BENCH_NO_BUDGET, bench_series_median (latency) * 1e6, "µs");
  bench_report_ratio (naive_id, naive_title, BENCH_NO_BUDGET, latency, again, 1, "changes");
}
