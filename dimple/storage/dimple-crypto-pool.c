/* dimple-crypto-pool.c: threads for sealing and opening
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-crypto-pool-private.h"

/* One may run scrypt while the others go on */
#define MAX_THREADS 4

typedef struct
{
  GTask *task;
  GTaskThreadFunc func;
} Job;

static gboolean is_inline;

static void
run_job (gpointer data,
         gpointer user_data)
{
  Job *job = data;

  if (!g_task_return_error_if_cancelled (job->task))
    job->func (job->task, g_task_get_source_object (job->task), g_task_get_task_data (job->task),
               g_task_get_cancellable (job->task));

  g_object_unref (job->task);
  g_free (job);
}

static gpointer
create_pool (gpointer unused)
{
  guint n_threads = CLAMP (g_get_num_processors (), 2, MAX_THREADS);

  return g_thread_pool_new (run_job, NULL, n_threads, FALSE, NULL);
}

void
dimple_crypto_pool_run (GTask           *task,
                        GTaskThreadFunc  func)
{
  static GOnce once = G_ONCE_INIT;
  Job *job = g_new0 (Job, 1);

  job->task = g_object_ref (task);
  job->func = func;
  if (is_inline)
    run_job (job, NULL);
  else
    g_thread_pool_push (g_once (&once, create_pool, NULL), job, NULL);
}

void
dimple_crypto_pool_run_inline (void)
{
  is_inline = TRUE;
}
