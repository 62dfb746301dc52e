/* bench-queries-large.c: what a live query of very many rows takes: memory, and time until it is there
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "bench-queries.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"

/* -- Memory ------------------------------------------------------------------------------------------------------- */

/* What the process has of the machine's memory, in bytes, free lists given back before. */
static gsize
get_resident (void)
{
  g_autofree char *contents = NULL;
  gulong size = 0, resident = 0;

  malloc_trim (0);
  if (!g_file_get_contents ("/proc/self/statm", &contents, NULL, NULL) ||
      sscanf (contents, "%lu %lu", &size, &resident) != 2)
    g_error ("The memory of this process is not known");
  return (gsize) resident * (gsize) sysconf (_SC_PAGESIZE);
}

/* Fills the page cache of the reader that the query will use, as that is no part of a query. */
static void
warm (DimpleStore *store)
{
  g_autoptr(GListModel) result = NULL;
  GError *error = NULL;

  result = dimple_store_select (store, "SELECT max (modified + length (body)) FROM note NOT INDEXED", NULL, &error);
  bench_check (result != NULL, error);
}

static void
report_memory (const char *id,
               const char *what,
               guint       n_rows,
               double      budget,
               gsize       before)
{
  g_autofree char *rows = bench_queries_format (n_rows);
  g_autofree char *title = g_strdup_printf ("memory of %s of %s rows", what, rows);
  gsize after = get_resident ();

  bench_report_value (id, title, budget, after > before ? (double) (after - before) / n_rows : 0, "B/row");
}

void
bench_queries_memory (guint n_rows)
{
  g_autofree char *path = bench_queries_new_file (n_rows);
  DimpleStore *store = bench_queries_open (path);
  g_autoptr(DimpleQuery) query = NULL;
  g_autoptr(BenchNaive) naive = NULL;
  gsize before;

  warm (store);
  before = get_resident ();
  query = dimple_query_new (store, BENCH_LIST, NULL);
  bench_queries_wait (query);
  dimple_test_wait_idle (store);
  g_assert (g_list_model_get_n_items (G_LIST_MODEL (query)) == n_rows);
  report_memory ("query-memory", "a live query", n_rows, 64, before);
  g_clear_object (&query);
  bench_queries_close (store);

  before = get_resident ();
  naive = bench_naive_new (path, BENCH_LIST);
  bench_naive_refresh (naive);
  report_memory ("query-memory-naive", "the rows to compare with, by hand,", n_rows, BENCH_NO_BUDGET, before);
}

/* -- The first result --------------------------------------------------------------------------------------------- */

typedef struct
{
  const char *id;
  const char *what;
  const char *sql;
  double      budget;      /* in seconds, of 1,000,000 rows */
} FirstResult;

static void
measure_first (DimpleStore       *store,
               const char        *path,
               guint              n_rows,
               const FirstResult *first)
{
  g_autoptr(BenchNaive) naive = bench_naive_new (path, first->sql);
  g_autoptr(BenchSeries) measured = bench_series_new (), baseline = bench_series_new ();
  g_autofree char *rows = bench_queries_format (n_rows);
  g_autofree char *id = g_strdup_printf ("query-first-%s-%u", first->id, n_rows);
  g_autofree char *ratio_id = g_strdup_printf ("%s-ratio", id);
  g_autofree char *title = g_strdup_printf ("first result of %s rows, sorted by a column %s", rows, first->what);
  g_autofree char *ratio_title = g_strdup_printf ("the same against reading all rows once, %s rows", rows);

  for (int round = 0; round < bench_get_n_rounds (); round++)
    {
      g_autoptr(DimpleQuery) query = NULL;

      bench_series_start (baseline);
      g_assert (bench_naive_run_once (naive) == n_rows);
      bench_series_stop (baseline);
      bench_series_start (measured);
      query = dimple_query_new (store, first->sql, NULL);
      bench_queries_wait (query);
      bench_series_stop (measured);
      g_assert (g_list_model_get_n_items (G_LIST_MODEL (query)) == n_rows);
    }
  bench_report_value (id, title, n_rows == 1000000 ? first->budget : BENCH_NO_BUDGET, bench_series_median (measured),
                      "s");
  bench_report_ratio (ratio_id, ratio_title, BENCH_NO_BUDGET, measured, baseline, n_rows, "rows");
}

void
bench_queries_first (guint n_rows)
{
  static const FirstResult results[] = {
    { "index", "with an index", BENCH_LIST, 0.5 },
    { "sorted", "without one", "SELECT key, title, folder, modified FROM note ORDER BY title, key", BENCH_NO_BUDGET },
  };
  g_autofree char *path = bench_queries_new_file (n_rows);
  DimpleStore *store = bench_queries_open (path);

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    measure_first (store, path, n_rows, &results[i]);
  bench_queries_close (store);
}
