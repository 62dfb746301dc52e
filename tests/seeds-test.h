/* seeds-test.h: tests that do the same with many seeds
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "random-test.h"

static guint seed;        /* the first */
static guint n_seeds;

/* Takes --seed and --seeds, and says how to do the same again; instead of g_test_init(). */
static inline void
seeds_test_init (int    *argc,
                 char ***argv,
                 guint   fallback_seeds)
{
  seed = take_option (argc, *argv, "--seed", (guint) g_get_real_time ());
  n_seeds = take_option (argc, *argv, "--seeds", fallback_seeds);
  g_test_init (argc, argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_message ("--seed=%u --seeds=%u", seed, n_seeds);
}

static inline void
run_seeds (void (*simulate) (guint number))
{
  for (guint i = 0; i < n_seeds; i++)
    {
      g_test_message ("--seed=%u --seeds=1", seed + i);
      simulate (seed + i);
    }
}
