/* dimple-worker.c: a store's own thread
 *
 * GTask's threads are a pool of ten for the whole process: an app's other work would wait behind a long migration, and
 * two tasks of one store would take each other's lock.  A thread of the store's own keeps its tasks in order.  It is
 * started by the first task.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-worker-private.h"

struct _DimpleWorker
{
  GMutex        lock;            /* of thread, timeout, n_queued */
  GThread      *thread;          /* (nullable) */
  GMainContext *context;
  GMainLoop    *loop;
  GSource      *timeout;         /* (nullable) */
  guint         n_queued;
};

typedef struct
{
  DimpleWorker     *worker;
  GTask            *task;
  DimpleWorkerFunc  func;
} Job;

static gpointer
run_thread (gpointer user_data)
{
  GMainLoop *loop = user_data;
  GMainContext *context = g_main_loop_get_context (loop);

  g_main_context_push_thread_default (context);
  g_main_loop_run (loop);
  g_main_context_pop_thread_default (context);
  g_main_loop_unref (loop);
  return NULL;
}

DimpleWorker *
dimple_worker_new (void)
{
  DimpleWorker *self = g_new0 (DimpleWorker, 1);

  g_mutex_init (&self->lock);
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  return self;
}

static gboolean
quit (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static void
attach (DimpleWorker *self,
        GSource      *source)
{
  if (self->thread == NULL)
    self->thread = g_thread_new ("dimple-store", run_thread, g_main_loop_ref (self->loop));
  g_source_attach (source, self->context);
}

void
dimple_worker_free (DimpleWorker *self)
{
  g_autoptr(GSource) source = NULL;

  if (self->timeout != NULL)
    g_source_destroy (self->timeout);
  g_clear_pointer (&self->timeout, g_source_unref);

  /* An idle source of the lowest priority comes after all that is queued. */
  if (self->thread != NULL)
    {
      source = g_idle_source_new ();
      g_source_set_priority (source, G_PRIORITY_LOW);
      g_source_set_callback (source, quit, self->loop, NULL);
      g_source_attach (source, self->context);
      /* The last reference to a store may be dropped by its own thread, which cannot wait for itself. */
      if (self->thread == g_thread_self ())
        g_thread_unref (self->thread);
      else
        g_thread_join (self->thread);
    }
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static void
job_free (gpointer data)
{
  Job *job = data;

  g_clear_object (&job->task);
  g_free (job);
}

static gboolean
run_job (gpointer user_data)
{
  Job *job = user_data;

  if (!g_task_return_error_if_cancelled (job->task))
    job->func (job->task);

  /* Before the task is let go: with it may go the store, and its worker. */
  g_mutex_lock (&job->worker->lock);
  job->worker->n_queued--;
  g_mutex_unlock (&job->worker->lock);
  return G_SOURCE_REMOVE;
}

void
dimple_worker_push (DimpleWorker     *self,
                    GTask            *task,
                    DimpleWorkerFunc  func)
{
  g_autoptr(GSource) source = g_idle_source_new ();
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Job *job = g_new0 (Job, 1);

  job->worker = self;
  job->task = g_object_ref (task);
  job->func = func;
  self->n_queued++;
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, run_job, job, job_free);
  attach (self, source);
}

void
dimple_worker_schedule (DimpleWorker *self,
                        guint         milliseconds,
                        GSourceFunc   func,
                        gpointer      user_data)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->timeout != NULL && !g_source_is_destroyed (self->timeout))
    return;
  g_clear_pointer (&self->timeout, g_source_unref);
  self->timeout = g_timeout_source_new (milliseconds);
  g_source_set_callback (self->timeout, func, user_data, NULL);
  attach (self, self->timeout);
}

void
dimple_worker_invoke (DimpleWorker *self,
                      GSourceFunc   func,
                      gpointer      user_data)
{
  g_autoptr(GSource) source = g_idle_source_new ();
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, user_data, NULL);
  attach (self, source);
}

guint
dimple_worker_get_n_queued (DimpleWorker *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->n_queued;
}
