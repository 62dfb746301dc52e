/* bench-queries.h: what the parts of the benchmark of live queries share
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <dimple.h>

#include "bench-chart.h"
#include "bench-naive.h"

G_BEGIN_DECLS

/* Sorted by a column that has an index, so that nobody has to sort. */
#define BENCH_LIST "SELECT key, title, folder, modified FROM note ORDER BY modified DESC, key"

/* A file with the notes 0 to n_rows - 1, and an index of their times. */
char        *bench_queries_new_file  (guint         n_rows);
DimpleStore *bench_queries_open      (const char   *path);
void         bench_queries_close     (DimpleStore  *store);
/* Moves a note to the beginning or the end of the list, by turns of `version`, which no two changes share: one
 * commit. */
void         bench_queries_move      (DimpleStore  *store,
                                      guint         number,
                                      guint         version);
void         bench_queries_wait      (DimpleQuery  *query);
/* "1,000" */
char        *bench_queries_format    (guint         n_rows);

/* From a commit to items-changed, by the size of the result: bench-queries-latency.c */
void         bench_queries_latency   (BenchChart   *chart,
                                      guint         max_rows,
                                      guint         max_peer_rows);
/* The same where a row changes that others are joined to: bench-queries-join.c */
void         bench_queries_join      (guint         n_rows);
/* 50 queries open, and one that has to run again */
void         bench_queries_many      (guint         n_rows);
void         bench_queries_rerun     (guint         n_rows);

/* Memory, and the first result: bench-queries-large.c */
void         bench_queries_memory    (guint         n_rows);
void         bench_queries_first     (guint         n_rows);

G_END_DECLS
