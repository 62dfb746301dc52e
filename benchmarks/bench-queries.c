/* bench-queries.c: live queries: from a commit to items-changed, memory, the first result
 *
 * Each beside running the same SELECT again in raw SQLite and comparing, in the same program on the same file; and
 * beside what other libraries offer, where they are installed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "bench-queries.h"

#include "bench-stores.h"
#include "bench.h"

static int max_rows = 1000000;
static int max_peer_rows = 100000;
static char *svg_path;

/* -- Notes -------------------------------------------------------------------------------------------------------- */

/* The rows are put there by raw SQLite: what is measured is following them, not writing them. */
static void
fill (const char *path,
      guint       n_rows)
{
  g_autoptr(BenchRaw) raw = NULL;

  raw = bench_raw_open_existing (path);
  bench_raw_begin (raw);
  for (guint i = 0; i < n_rows; i++)
    {
      BenchNote note;

      bench_note_fill (&note, i);
      bench_raw_insert (raw, &note);
    }
  bench_raw_commit (raw);
}

DimpleStore *
bench_queries_open (const char *path)
{
  static const char * const migrations[] = {
    BENCH_NOTES_SCHEMA ";"
    "CREATE INDEX note_by_modified ON note (modified DESC, key)", NULL
  };

  return bench_store_open (path, migrations);
}

void
bench_queries_close (DimpleStore *store)
{
  dimple_test_wait_idle (store);
  bench_store_close (store);
}

char *
bench_queries_new_file (guint n_rows)
{
  char *path = bench_new_file ("queries.db");

  bench_queries_close (bench_queries_open (path));
  fill (path, n_rows);
  return path;
}

void
bench_queries_move (DimpleStore *store,
                    guint        number,
                    guint        version)
{
  const gint64 first = G_GINT64_CONSTANT (1700000000000), last = first + 100000000;
  GVariantBuilder builder;
  GError *error = NULL;
  BenchNote note;

  /* Before or after all others: it may not happen to stay where it is. */
  bench_note_fill (&note, number);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "modified",
                         g_variant_new_int64 (version % 2 == 0 ? last + version : first - version));
  bench_check (dimple_store_update (store, "note", note.key, g_variant_builder_end (&builder), &error), error);
}

void
bench_queries_wait (DimpleQuery *query)
{
  gboolean loading = TRUE;

  while (loading)
    {
      g_main_context_iteration (NULL, TRUE);
      g_object_get (query, "loading", &loading, NULL);
    }
  if (dimple_query_get_error (query) != NULL)
    g_error ("%s", dimple_query_get_error (query)->message);
}

char *
bench_queries_format (guint n_rows)
{
  if (n_rows >= 1000000)
    return g_strdup_printf ("%u,%03u,%03u", n_rows / 1000000, n_rows / 1000 % 1000, n_rows % 1000);
  return n_rows >= 1000 ? g_strdup_printf ("%u,%03u", n_rows / 1000, n_rows % 1000) : g_strdup_printf ("%u", n_rows);
}

/* -- The program -------------------------------------------------------------------------------------------------- */

static void
save_chart (BenchChart *chart)
{
  GError *error = NULL;

  if (svg_path != NULL)
    bench_check (bench_chart_save_svg (chart, svg_path, &error), error);
}

int
main (int   argc,
      char *argv[])
{
  const GOptionEntry entries[] = {
    { "rows", 0, 0, G_OPTION_ARG_INT, &max_rows, "The most rows", "N" },
    { "peer-rows", 0, 0, G_OPTION_ARG_INT, &max_peer_rows, "The most rows for other libraries", "N" },
    { "svg", 0, 0, G_OPTION_ARG_FILENAME, &svg_path, "Draw the latencies by the number of rows", "FILE" },
    { NULL }
  };
  g_autoptr(BenchChart) chart = NULL;
  guint rows;

  bench_init (&argc, &argv, "- live queries, against running them again", entries);
  rows = (guint) max_rows;
  chart = bench_chart_new ("From a commit to the changed list", "rows in the result (all of them open in one list)",
                           "time after one row was changed so that it moves, logarithmic");

  /* Before anything else has taken memory */
  bench_queries_memory (rows);
  bench_queries_latency (chart, rows, (guint) max_peer_rows);
  save_chart (chart);
  bench_queries_join (1000);
  bench_queries_join (MIN (rows, 100000));
  bench_queries_many (MIN (rows, 100000));
  bench_queries_rerun (MIN (rows, 100000));
  bench_queries_first (MIN (rows, 100000));
  if (rows > 100000)
    bench_queries_first (rows);
  return 0;
}
