/* random-jobs.h: seeds of a randomised test, spread over some processes
 *
 * Processes and not threads, as a seed has the default main context for itself.  Whoever has finished one seed takes
 * the next: which process runs it makes no difference to a seed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define MAX_JOBS 16

typedef void (*SeedFunc) (guint32 seed);

/* In memory that the processes share */
typedef struct
{
  guint next;                /* atomic */
  guint running[MAX_JOBS];   /* the seed of each process */
} SharedSeeds;

static inline void
run_next_seeds (SharedSeeds *shared,
                guint        job,
                guint        end,
                SeedFunc     func)
{
  guint seed;

  while ((seed = (guint) g_atomic_int_add (&shared->next, 1)) < end)
    {
      shared->running[job] = seed;
      if (seed % 1000 == 0)
        g_test_message ("seed %u", seed);
      func (seed);
    }
}

/* What the process itself has printed says what is wrong. */
static inline void
wait_for_job (const SharedSeeds *shared,
              const pid_t       *jobs,
              guint              n_jobs)
{
  int status;
  pid_t ended = wait (&status);

  g_assert_cmpint (ended, >, 0);
  if (status == 0)
    return;
  for (guint i = 0; i < n_jobs; i++)
    if (jobs[i] == ended)
      g_test_message ("failed: replay with --seed=%u", shared->running[i]);
  g_test_fail ();
}

/* With one job, all in this process.  Before there is any thread. */
static inline void
run_seeds (guint    first,
           guint    end,
           guint    n_jobs,
           SeedFunc func)
{
  SharedSeeds *shared = mmap (NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t jobs[MAX_JOBS];

  g_assert_true (shared != MAP_FAILED);
  shared->next = first;
  n_jobs = CLAMP (n_jobs, 1, MAX_JOBS);
  if (n_jobs == 1)
    run_next_seeds (shared, 0, end, func);
  fflush (stdout);
  for (guint i = 0; i < n_jobs && n_jobs > 1; i++)
    {
      jobs[i] = fork ();
      g_assert_cmpint (jobs[i], >=, 0);
      if (jobs[i] > 0)
        continue;
      run_next_seeds (shared, i, end, func);
      /* And not _exit(), so that leaks are looked for. */
      exit (0);
    }
  for (guint i = 0; i < n_jobs && n_jobs > 1; i++)
    {
      wait_for_job (shared, jobs, n_jobs);
      /* The first failure is enough. */
      if (g_test_failed ())
        g_atomic_int_set (&shared->next, end);
    }
  munmap (shared, sizeof *shared);
}
