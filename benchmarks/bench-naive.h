/* bench-naive.h: a live query as it is done without Dimple: run again on each change, compare
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "bench-notes.h"

G_BEGIN_DECLS

typedef struct _BenchNaive BenchNaive;

/* What such an app would tell its list widget. */
typedef struct
{
  guint position;
  guint n_removed;
  guint n_added;
  guint n_moved;      /* rows of the added that were among the removed */
  guint n_updated;    /* rows with other values */
} BenchDifference;

/* `sql`'s first column is the key. */
BenchNaive      *bench_naive_new       (const char *path,
                                        const char *sql);
void             bench_naive_free      (BenchNaive *self);
guint            bench_naive_get_n_rows (BenchNaive *self);
BenchDifference  bench_naive_refresh   (BenchNaive *self);
/* Runs the statement, reads all columns of all rows, and keeps nothing; returns how many rows there were. */
guint            bench_naive_run_once  (BenchNaive *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchNaive, bench_naive_free)

G_END_DECLS
