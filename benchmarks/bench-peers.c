/* bench-peers.c: which other libraries are installed
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "bench-peers.h"

const BenchPeer bench_peers[] = {
#ifdef HAVE_GOM
  { "gom", "gom 0.4, asked again", bench_gom_measure },
#endif
#ifdef HAVE_TRACKER
  { "tinysparql", "TinySPARQL’s notifier, asked again", bench_tracker_measure },
#endif
  { NULL }
};
