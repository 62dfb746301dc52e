/* bench.c: what every benchmark has
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "bench.h"

#include <ftw.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <stdlib.h>
#include <time.h>

static int n_rounds = 5;
static gboolean as_json;
static char *folder;

/* -- The program --------------------------------------------------------------------------------------------------- */

static int
remove_entry (const char        *path,
              const struct stat *status,
              int                flag,
              struct FTW        *walk)
{
  return g_remove (path);
}

static void
remove_folder (void)
{
  if (folder == NULL)
    return;
  nftw (folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  g_clear_pointer (&folder, g_free);
}

void
bench_init (int                  *argc,
            char               ***argv,
            const char           *summary,
            const GOptionEntry   *entries)
{
  const GOptionEntry common[] = {
    { "rounds", 0, 0, G_OPTION_ARG_INT, &n_rounds, "How many turns each thing takes", "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print one JSON object a line", NULL },
    { NULL }
  };
  g_autoptr(GOptionContext) context = g_option_context_new (summary);
  g_autoptr(GError) error = NULL;

  setlocale (LC_ALL, "");
  g_option_context_add_main_entries (context, common, NULL);
  if (entries != NULL)
    g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, &error))
    {
      g_printerr ("%s\n", error->message);
      exit (EXIT_FAILURE);
    }
  n_rounds = MAX (n_rounds, 1);
}

int
bench_get_n_rounds (void)
{
  return n_rounds;
}

const char *
bench_get_folder (void)
{
  g_autoptr(GError) error = NULL;

  if (folder == NULL)
    {
      folder = g_dir_make_tmp ("dimple-bench-XXXXXX", &error);
      if (folder == NULL)
        g_error ("%s", error->message);
      atexit (remove_folder);
    }
  return folder;
}

char *
bench_new_file (const char *name)
{
  static const char * const endings[] = { "", "-wal", "-shm" };
  char *path = g_build_filename (bench_get_folder (), name, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    {
      g_autofree char *file = g_strconcat (path, endings[i], NULL);

      g_unlink (file);
    }
  return path;
}

double
bench_get_memory (const char *name)
{
  g_autofree char *status = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/self/status", &status, NULL, NULL))
    return 0;
  line = strstr (status, name);
  return line != NULL ? g_ascii_strtod (line + strlen (name), NULL) / 1024 : 0;
}

void
bench_check (gboolean  succeeded,
             GError   *error)
{
  if (!succeeded)
    g_error ("%s", error != NULL ? error->message : "failed");
}

/* -- Timing -------------------------------------------------------------------------------------------------------- */

static gint64
get_nanoseconds (clockid_t clock)
{
  struct timespec now;

  clock_gettime (clock, &now);
  return (gint64) now.tv_sec * G_GINT64_CONSTANT (1000000000) + now.tv_nsec;
}

BenchSeries *
bench_series_new (void)
{
  BenchSeries *self = g_new0 (BenchSeries, 1);

  self->wall = g_array_new (FALSE, FALSE, sizeof (double));
  self->cpu = g_array_new (FALSE, FALSE, sizeof (double));
  return self;
}

void
bench_series_free (BenchSeries *self)
{
  g_array_unref (self->wall);
  g_array_unref (self->cpu);
  g_free (self);
}

void
bench_series_start (BenchSeries *self)
{
  self->cpu_start = get_nanoseconds (CLOCK_PROCESS_CPUTIME_ID);
  self->wall_start = get_nanoseconds (CLOCK_MONOTONIC);
}

void
bench_series_stop (BenchSeries *self)
{
  double wall = (double) (get_nanoseconds (CLOCK_MONOTONIC) - self->wall_start) / 1e9;
  double cpu = (double) (get_nanoseconds (CLOCK_PROCESS_CPUTIME_ID) - self->cpu_start) / 1e9;

  g_array_append_val (self->wall, wall);
  g_array_append_val (self->cpu, cpu);
}

void
bench_series_add (BenchSeries *self,
                  double       seconds)
{
  g_array_append_val (self->wall, seconds);
  g_array_append_val (self->cpu, seconds);
}

static int
compare_doubles (const void *a,
                 const void *b)
{
  double left = *(const double *) a, right = *(const double *) b;

  return (left > right) - (left < right);
}

static double
get_median (const double *values,
            guint         n)
{
  g_autofree double *sorted = g_memdup2 (values, n * sizeof *values);

  qsort (sorted, n, sizeof *sorted, compare_doubles);
  return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double
bench_series_median (const BenchSeries *self)
{
  return get_median ((const double *) self->wall->data, self->wall->len);
}

static double
get_median_ratio (GArray *measured,
                  GArray *baseline)
{
  g_autofree double *ratios = g_new (double, measured->len);

  g_assert (measured->len == baseline->len);
  for (guint i = 0; i < measured->len; i++)
    ratios[i] = g_array_index (measured, double, i) / g_array_index (baseline, double, i);
  return get_median (ratios, measured->len);
}

/* -- The report ---------------------------------------------------------------------------------------------------- */

static char *
format_rate (double      per_second,
             const char *unit)
{
  if (per_second < 100)
    return g_strdup_printf ("%.2f %s/s", per_second, unit);
  return g_strdup_printf ("%'.0f %s/s", per_second, unit);
}

static void
print_line (const char *title,
            double      value,
            const char *unit,
            double      budget,
            const char *figures)
{
  g_autofree char *shown = g_strdup_printf (value < 100 ? "%.2f %s" : "%'.0f %s", value, unit);
  g_autofree char *allowed = g_strdup ("");
  const char *verdict = "";

  if (budget > BENCH_NO_BUDGET)
    {
      g_free (allowed);
      allowed = g_strdup_printf ("%g %s", budget, unit);
      verdict = value <= budget ? "ok" : "OVER";
    }
  g_print ("%-72s %12s %10s %-4s %s\n", title, shown, allowed, verdict, figures);
}

/* JSON wants a dot, whatever the locale says. */
static void
append_number (GString    *json,
               const char *name,
               double      value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_printf (json, ", \"%s\": %s", name, g_ascii_formatd (text, sizeof text, "%.6g", value));
}

static GString *
begin_json (const char *id,
            const char *title,
            double      value,
            const char *unit,
            double      budget)
{
  GString *json = g_string_new (NULL);

  /* Ids, titles and units are plain text of these programs. */
  g_string_append_printf (json, "{\"id\": \"%s\", \"title\": \"%s\", \"unit\": \"%s\"", id, title, unit);
  append_number (json, "value", value);
  if (budget > BENCH_NO_BUDGET)
    {
      append_number (json, "budget", budget);
      g_string_append_printf (json, ", \"met\": %s", value <= budget ? "true" : "false");
    }
  return json;
}

static void
print_json (GString *json)
{
  g_print ("%s}\n", json->str);
  g_string_free (json, TRUE);
}

void
bench_report_ratio (const char        *id,
                    const char        *title,
                    double             budget,
                    const BenchSeries *measured,
                    const BenchSeries *baseline,
                    double             n_units,
                    const char        *unit)
{
  double ratio = get_median_ratio (measured->wall, baseline->wall);
  double cpu_ratio = get_median_ratio (measured->cpu, baseline->cpu);
  double rate = n_units / bench_series_median (measured);
  double baseline_rate = n_units / bench_series_median (baseline);

  if (as_json)
    {
      GString *json = begin_json (id, title, ratio, "x", budget);

      append_number (json, "processor_ratio", cpu_ratio);
      append_number (json, "per_second", rate);
      append_number (json, "baseline_per_second", baseline_rate);
      g_string_append_printf (json, ", \"counted\": \"%s\", \"rounds\": %u", unit, measured->wall->len);
      print_json (json);
    }
  else
    {
      g_autofree char *mine = format_rate (rate, unit);
      g_autofree char *other = format_rate (baseline_rate, unit);
      g_autofree char *figures = g_strdup_printf ("%s, baseline %s; processor time %.2f x", mine, other, cpu_ratio);

      print_line (title, ratio, "x", budget, figures);
    }
}

void
bench_report_value (const char *id,
                    const char *title,
                    double      budget,
                    double      value,
                    const char *unit)
{
  if (as_json)
    print_json (begin_json (id, title, value, unit, budget));
  else
    print_line (title, value, unit, budget, "");
}
