/* bench-queries-latency.c: from a commit to items-changed
 *
 * The clock starts when the call that writes has returned.  Live queries also work inside that call, before COMMIT: so
 * the same writes are measured without a query, too, and what the open query adds to them is told by itself.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "bench-queries.h"

#include "bench-peers.h"
#include "bench.h"

#define N_QUERIES 50
/* What runs again on each change is given less to do. */
#define MAX_SECONDS 3
#define N_CHANGES 200
#define N_PEER_CHANGES 5

typedef struct
{
  BenchSeries *write;        /* the call that writes, without a live query */
  BenchSeries *call;         /* the same with it */
  BenchSeries *latency;      /* from its return to items-changed */
  BenchSeries *naive;
} Measured;

static guint version;        /* no change is like another */

static Measured *
measured_new (void)
{
  Measured *self = g_new0 (Measured, 1);

  self->write = bench_series_new ();
  self->call = bench_series_new ();
  self->latency = bench_series_new ();
  self->naive = bench_series_new ();
  return self;
}

static void
measured_free (Measured *self)
{
  bench_series_free (self->write);
  bench_series_free (self->call);
  bench_series_free (self->latency);
  bench_series_free (self->naive);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Measured, measured_free)

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
on_notify (GObject    *row,
           GParamSpec *pspec,
           gboolean   *heard)
{
  *heard = TRUE;
}

static guint
pick (guint n_rows)
{
  return ++version * 7919u % n_rows;
}

/* One change after the other; `call` and `latency` receive the medians. */
static void
follow (DimpleStore *store,
        gboolean    *heard,
        guint        n_rows,
        BenchSeries *call,
        BenchSeries *latency)
{
  g_autoptr(BenchSeries) calls = bench_series_new (), latencies = bench_series_new ();
  gint64 end = g_get_monotonic_time () + MAX_SECONDS * G_USEC_PER_SEC;

  for (guint i = 0; i < N_CHANGES && (i < 3 || g_get_monotonic_time () < end); i++)
    {
      guint row = pick (n_rows);

      *heard = FALSE;
      bench_series_start (calls);
      bench_queries_move (store, row, version);
      bench_series_stop (calls);
      bench_series_start (latencies);
      while (!*heard)
        g_main_context_iteration (NULL, TRUE);
      bench_series_stop (latencies);
    }
  bench_series_add (call, bench_series_median (calls));
  bench_series_add (latency, bench_series_median (latencies));
}

static void
write_only (DimpleStore *store,
            guint        n_rows,
            BenchSeries *write)
{
  g_autoptr(BenchSeries) calls = bench_series_new ();

  for (guint i = 0; i < N_CHANGES; i++)
    {
      guint row = pick (n_rows);

      bench_series_start (calls);
      bench_queries_move (store, row, version);
      bench_series_stop (calls);
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
  bench_series_add (write, bench_series_median (calls));
}

static void
run_again (DimpleStore *store,
           BenchNaive  *naive,
           guint        n_rows,
           BenchSeries *series)
{
  g_autoptr(BenchSeries) turns = bench_series_new ();
  gint64 end = g_get_monotonic_time () + MAX_SECONDS * G_USEC_PER_SEC;

  for (guint i = 0; i < N_CHANGES && (i < 2 || g_get_monotonic_time () < end); i++)
    {
      BenchDifference difference;
      guint row = pick (n_rows);

      bench_queries_move (store, row, version);
      bench_series_start (turns);
      difference = bench_naive_refresh (naive);
      bench_series_stop (turns);
      g_assert (difference.n_added == difference.n_moved && difference.n_updated == 1);
    }
  bench_series_add (series, bench_series_median (turns));
}

static void
measure_size (guint     n_rows,
              Measured *measured)
{
  g_autofree char *path = bench_queries_new_file (n_rows);
  DimpleStore *store = bench_queries_open (path);

  for (int round = 0; round < bench_get_n_rounds (); round++)
    {
      g_autoptr(DimpleQuery) query = NULL;
      g_autoptr(BenchNaive) naive = NULL;
      gboolean heard = FALSE;

      write_only (store, n_rows, measured->write);
      query = dimple_query_new (store, BENCH_LIST, NULL);
      bench_queries_wait (query);
      g_assert (g_list_model_get_n_items (G_LIST_MODEL (query)) == n_rows);
      g_signal_connect (query, "items-changed", G_CALLBACK (on_items_changed), &heard);
      follow (store, &heard, n_rows, measured->call, measured->latency);
      g_clear_object (&query);
      dimple_test_wait_idle (store);

      naive = bench_naive_new (path, BENCH_LIST);
      bench_naive_refresh (naive);
      run_again (store, naive, n_rows, measured->naive);
    }
  bench_queries_close (store);
}

/* From the call that writes to items-changed, in µs */
static double
get_total (const Measured *measured)
{
  return (bench_series_median (measured->call) + bench_series_median (measured->latency)) * 1e6;
}

static void
report_size (guint           n_rows,
             const Measured *measured,
             BenchChart     *chart)
{
  g_autofree char *rows = bench_queries_format (n_rows);
  g_autofree char *id = g_strdup_printf ("query-latency-%u", n_rows);
  g_autofree char *work_id = g_strdup_printf ("query-work-%u", n_rows);
  g_autofree char *naive_id = g_strdup_printf ("query-against-naive-%u", n_rows);
  g_autofree char *title = g_strdup_printf ("commit to items-changed, %s rows", rows);
  g_autofree char *work_title = g_strdup_printf ("all that the live query adds to the change, %s rows", rows);
  g_autofree char *naive_title = g_strdup_printf ("commit to items-changed against running again, %s rows", rows);

  bench_report_value (id, title, 100, bench_series_median (measured->latency) * 1e6, "µs");
  bench_report_value (work_id, work_title, BENCH_NO_BUDGET,
                      get_total (measured) - bench_series_median (measured->write) * 1e6, "µs");
  bench_report_ratio (naive_id, naive_title, BENCH_NO_BUDGET, measured->latency, measured->naive, 1, "changes");
  bench_chart_add (chart, "Dimple", n_rows, bench_series_median (measured->latency) * 1e3);
  bench_chart_add (chart, "SQLite, run again and compared", n_rows, bench_series_median (measured->naive) * 1e3);
}

static void
measure_peers (BenchChart *chart,
               guint       max_rows)
{
  for (const BenchPeer *peer = bench_peers; peer->id != NULL; peer++)
    for (guint n_rows = 1000; n_rows <= max_rows; n_rows *= 10)
      {
        g_autofree char *rows = bench_queries_format (n_rows);
        g_autofree char *id = g_strdup_printf ("query-peer-%s-%u", peer->id, n_rows);
        g_autofree char *title = g_strdup_printf ("commit to the new list, %s rows: %s", rows, peer->name);
        g_autofree char *folder = bench_new_file (id);
        double seconds;

        g_mkdir_with_parents (folder, 0700);
        seconds = peer->measure (folder, n_rows, N_PEER_CHANGES);
        bench_report_value (id, title, BENCH_NO_BUDGET, seconds * 1e3, "ms");
        bench_chart_add (chart, peer->name, n_rows, seconds * 1e3);
      }
}

void
bench_queries_latency (BenchChart *chart,
                       guint       max_rows,
                       guint       max_peer_rows)
{
  g_autoptr(Measured) small = NULL, large = NULL;

  for (guint n_rows = 1000; n_rows <= max_rows; n_rows *= 10)
    {
      g_autoptr(Measured) measured = measured_new ();

      measure_size (n_rows, measured);
      report_size (n_rows, measured, chart);
      if (n_rows == 1000)
        small = g_steal_pointer (&measured);
      else if (n_rows == 100000)
        large = g_steal_pointer (&measured);
    }
  if (large != NULL)
    bench_report_ratio ("query-growth", "commit to items-changed, 100,000 rows against 1,000", 1.2, large->latency,
                        small->latency, 1, "changes");
  measure_peers (chart, max_peer_rows);
}

/* -- Many queries ------------------------------------------------------------------------------------------------- */

/* They read the column that changes, of rows that it does not change in. */
void
bench_queries_many (guint n_rows)
{
  g_autofree char *path = bench_queries_new_file (n_rows);
  g_autofree char *rows = bench_queries_format (n_rows);
  g_autofree char *title = g_strdup_printf ("each further open query that a change does not affect, %s rows", rows);
  DimpleStore *store = bench_queries_open (path);
  g_autoptr(Measured) alone = measured_new (), together = measured_new ();

  for (int round = 0; round < bench_get_n_rounds (); round++)
    {
      g_autoptr(DimpleQuery) query = dimple_query_new (store, BENCH_LIST, NULL);
      g_autoptr(GPtrArray) others = g_ptr_array_new_with_free_func (g_object_unref);
      gboolean heard = FALSE;

      bench_queries_wait (query);
      g_signal_connect (query, "items-changed", G_CALLBACK (on_items_changed), &heard);
      follow (store, &heard, n_rows, alone->call, alone->latency);
      for (guint i = 1; i < N_QUERIES; i++)
        {
          DimpleQuery *other = dimple_query_new (store, "SELECT key, title FROM note WHERE folder = ? AND modified > 0 "
                                                        "ORDER BY modified", g_variant_new ("(s)", "no such folder"));

          bench_queries_wait (other);
          g_ptr_array_add (others, other);
        }
      dimple_test_wait_idle (store);
      follow (store, &heard, n_rows, together->call, together->latency);
    }
  bench_queries_close (store);
  bench_report_value ("query-further", title, 2, (get_total (together) - get_total (alone)) / (N_QUERIES - 1), "µs");
  bench_report_ratio ("query-50-open", "commit to items-changed with 50 open queries, against 1", BENCH_NO_BUDGET,
                      together->latency, alone->latency, 1, "changes");
}

/* -- One that has to run again ------------------------------------------------------------------------------------ */

void
bench_queries_rerun (guint n_rows)
{
  static const char sql[] = "SELECT count (*) AS n, sum (modified) AS total FROM note WHERE body NOT LIKE '%summer%'";
  g_autofree char *path = bench_queries_new_file (n_rows);
  g_autofree char *rows = bench_queries_format (n_rows);
  g_autofree char *title = g_strdup_printf ("a query that runs again, against running it once, %s rows", rows);
  DimpleStore *store = bench_queries_open (path);
  g_autoptr(DimpleQuery) query = dimple_query_new (store, sql, NULL);
  g_autoptr(BenchNaive) naive = bench_naive_new (path, sql);
  g_autoptr(Measured) measured = measured_new ();
  gboolean heard = FALSE;

  bench_queries_wait (query);
  g_signal_connect (dimple_query_get_first (query), "notify::total", G_CALLBACK (on_notify), &heard);
  for (int round = 0; round < 3 * bench_get_n_rounds (); round++)
    {
      guint row = pick (n_rows);

      heard = FALSE;
      bench_queries_move (store, row, version);
      bench_series_start (measured->latency);
      while (!heard)
        g_main_context_iteration (NULL, TRUE);
      bench_series_stop (measured->latency);
      bench_series_start (measured->naive);
      bench_naive_run_once (naive);
      bench_series_stop (measured->naive);
    }
  g_clear_object (&query);
  bench_queries_close (store);
  bench_report_ratio ("query-rerun", title, 1.2, measured->latency, measured->naive, 1, "runs");
}
