/* bench-peers.h: the same job done by other libraries, where they are installed
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  const char *id;
  const char *name;
  /* How long it takes, in seconds (the median of `n_changes`), until an app has the new list in its hands after one of
   * `n_rows` rows was changed; `folder` is an empty one for its files. */
  double    (*measure) (const char *folder,
                        guint       n_rows,
                        guint       n_changes);
} BenchPeer;

/* Ends with one that has no id; empty where none is installed. */
extern const BenchPeer bench_peers[];

double bench_gom_measure     (const char *folder,
                              guint       n_rows,
                              guint       n_changes);
double bench_tracker_measure (const char *folder,
                              guint       n_rows,
                              guint       n_changes);

G_END_DECLS
