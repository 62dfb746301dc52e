/* bench.h: what every benchmark has: options, timing in turns, and one line for each promise of speed
 *
 * A promise is a ratio between two things measured in the same run, as absolute figures differ between machines and
 * between hours of one machine.  What is compared takes turns, and each line gives the median of the turns' ratios.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define BENCH_NO_BUDGET 0

/* How long the turns of one thing took */
typedef struct
{
  GArray *wall;       /* of double, in seconds */
  GArray *cpu;        /* the same, of all threads of the process */
  gint64  wall_start;
  gint64  cpu_start;
} BenchSeries;

/* Reads --rounds, --json and what the program adds.  Ends the program if they are wrong. */
void         bench_init          (int                 *argc,
                                  char              ***argv,
                                  const char          *summary,
                                  const GOptionEntry  *entries);
int          bench_get_n_rounds  (void);
/* A folder that is removed when the program ends */
const char  *bench_get_folder    (void);
/* A file in that folder, which is not there (any more) */
char        *bench_new_file      (const char          *name);
/* A figure of this process in /proc/self/status, by its name there, in MiB */
double       bench_get_memory    (const char          *name);
/* Takes `error`: a benchmark whose work fails has nothing to tell. */
void         bench_check         (gboolean             succeeded,
                                  GError              *error);

BenchSeries *bench_series_new    (void);
void         bench_series_free   (BenchSeries         *self);
void         bench_series_start  (BenchSeries         *self);
void         bench_series_stop   (BenchSeries         *self);
/* A turn that was measured in another way */
void         bench_series_add    (BenchSeries         *self,
                                  double               seconds);
double       bench_series_median (const BenchSeries   *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchSeries, bench_series_free)

/* `measured` against `baseline`, turn by turn.  `n_units` of `unit` are done in a turn: that gives the plain
 * figures. */
void         bench_report_ratio  (const char          *id,
                                  const char          *title,
                                  double               budget,
                                  const BenchSeries   *measured,
                                  const BenchSeries   *baseline,
                                  double               n_units,
                                  const char          *unit);
/* A figure by itself; `unit` stands behind it. */
void         bench_report_value  (const char          *id,
                                  const char          *title,
                                  double               budget,
                                  double               value,
                                  const char          *unit);

G_END_DECLS
