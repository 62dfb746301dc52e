/* bench.h: times as ratios to a baseline of the same run
 *
 * A machine's speed drifts, and other programs run beside us.  So what is measured and its baseline take turns, a few
 * times, and the medians are compared.  Results go to standard output, one JSON object a line; benchmarks/run makes the
 * table of them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <dimple.h>
#include <glib/gstdio.h>
#include <sqlite3.h>

#define BENCH_ROWS 100000
#define BENCH_ROUNDS 5

/* The notes schema that all rows of the table are measured on. */
#define BENCH_SCHEMA \
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body TEXT, folder TEXT, modified INTEGER, starred INTEGER)"

/* Does its work once, and returns how long it took, in seconds; what is prepared before is not counted. */
typedef double (*BenchFunc) (gpointer user_data);

static inline double
bench_now (void)
{
  return (double) g_get_monotonic_time () / G_USEC_PER_SEC;
}

static inline int
bench_compare (gconstpointer a,
               gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

static inline double
bench_median (double *times,
              guint   n)
{
  qsort (times, n, sizeof *times, bench_compare);
  return n % 2 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2;
}

/* One line of the table; `budget` 0: none; `unit` says what `value` is ("x", "rows/s", "ms", "%"). */
static inline void
bench_print (const char *name,
             double      value,
             const char *unit,
             double      budget)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE], limit[G_ASCII_DTOSTR_BUF_SIZE];

  g_print ("{\"name\":\"%s\",\"value\":%s,\"unit\":\"%s\",\"budget\":%s}\n", name,
           g_ascii_formatd (number, sizeof number, "%.4g", value), unit,
           budget > 0 ? g_ascii_formatd (limit, sizeof limit, "%.4g", budget) : "null");
}

/* Measures both in turns, prints the ratio of their medians, and (`n` > 0) how many rows a second each does. */
static inline void
bench_ratio (const char *name,
             BenchFunc   func,
             BenchFunc   baseline,
             gpointer    user_data,
             double      budget,
             double      n)
{
  g_autofree char *plain = g_strconcat (name, ": plain", NULL);
  g_autofree char *base = g_strconcat (name, ": baseline", NULL);
  double ours[BENCH_ROUNDS], theirs[BENCH_ROUNDS];
  double our_median, their_median;

  for (guint i = 0; i < BENCH_ROUNDS; i++)
    {
      theirs[i] = baseline (user_data);
      ours[i] = func (user_data);
    }
  our_median = bench_median (ours, BENCH_ROUNDS);
  their_median = bench_median (theirs, BENCH_ROUNDS);
  bench_print (name, our_median / their_median, "x", budget);
  if (n <= 0)
    return;
  bench_print (plain, n / our_median, "rows/s", 0);
  bench_print (base, n / their_median, "rows/s", 0);
}

/* -- Files and stores ----------------------------------------------------------------------------------------------- */

static inline void
bench_remove (const char *path)
{
  static const char * const suffixes[] = { "", "-wal", "-shm", "-journal" };

  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *file = g_strconcat (path, suffixes[i], NULL);

      g_remove (file);
    }
}

static inline gint64
bench_size (const char *path)
{
  GStatBuf info;

  return g_stat (path, &info) == 0 ? (gint64) info.st_size : 0;
}

static inline void
bench_check (GError *error)
{
  if (error != NULL)
    g_error ("%s", error->message);
}

/* A new store with the schema; `path` NULL: in memory. */
static inline DimpleStore *
bench_open (const char *path)
{
  static const char * const migrations[] = { BENCH_SCHEMA, NULL };
  GError *error = NULL;
  DimpleStore *store;

  if (path != NULL)
    bench_remove (path);
  store = dimple_store_open (path, &error);
  bench_check (error);
  dimple_store_migrate (store, migrations, &error);
  bench_check (error);
  return store;
}
