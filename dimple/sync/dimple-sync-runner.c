/* dimple-sync-runner.c: one sync at a time, and everybody who waits for it
 *
 * A sync has a thread of its own, and is begun, joined and ended in the owner's main context.  Who gives up need not
 * wait for its end, unless nobody else waits: then it is cancelled, and has left the store alone when the call returns.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-runner-private.h"

#include "dimple-context-wait-private.h"
#include "dimple-post-private.h"

#define PROGRESS_INTERVAL_MS 100

struct _DimpleSyncRunner
{
  GWeakRef               owner;
  GMainContext          *context;
  DimpleSyncRunnerFuncs  funcs;
  GPtrArray             *waiters;          /* of Waiter */
  GCancellable          *running;          /* of the sync that runs; NULL: none does */

  GMutex                 progress_lock;    /* of what follows */
  gboolean               has_progress;     /* on_progress() is scheduled */
  double                 progress;
  gint64                 progress_time;    /* when it was last told */
};

/* Somebody who waits for the end of a sync. */
typedef struct
{
  GCancellable       *cancellable;         /* (nullable) */
  GSource            *cancel_source;       /* (nullable) */
  gboolean            is_cancelled;
  DimpleSyncDoneFunc  done;
  gpointer            user_data;
} Waiter;

/* Goes to the thread of a sync and back. */
typedef struct
{
  DimpleSyncRunner  *runner;
  GObject           *owner;
  DimpleSyncSession *session;
  GError            *error;                /* (nullable) */
} Run;

DimpleSyncRunner *
dimple_sync_runner_new (GObject                     *owner,
                        GMainContext                *context,
                        const DimpleSyncRunnerFuncs *funcs)
{
  DimpleSyncRunner *self = g_atomic_rc_box_new0 (DimpleSyncRunner);

  g_weak_ref_init (&self->owner, owner);
  self->context = g_main_context_ref (context);
  self->funcs = *funcs;
  self->waiters = g_ptr_array_new ();
  g_mutex_init (&self->progress_lock);
  return self;
}

static void
runner_clear (gpointer data)
{
  DimpleSyncRunner *self = data;

  g_weak_ref_clear (&self->owner);
  g_main_context_unref (self->context);
  g_ptr_array_unref (self->waiters);
  g_clear_object (&self->running);
  g_mutex_clear (&self->progress_lock);
}

void
dimple_sync_runner_unref (DimpleSyncRunner *self)
{
  g_atomic_rc_box_release_full (self, runner_clear);
}

static void
unref_runner (gpointer data)
{
  dimple_sync_runner_unref (data);
}

gboolean
dimple_sync_runner_is_running (DimpleSyncRunner *self)
{
  return self->running != NULL;
}

/* -- Who waits ----------------------------------------------------------------------------------------------------- */

static void
finish_waiter (Waiter       *waiter,
               const GError *error)
{
  g_autoptr(GError) cancelled = NULL;

  if (waiter->is_cancelled && g_cancellable_set_error_if_cancelled (waiter->cancellable, &cancelled))
    error = cancelled;
  if (waiter->cancel_source != NULL)
    {
      g_source_destroy (waiter->cancel_source);
      g_source_unref (waiter->cancel_source);
    }
  g_clear_object (&waiter->cancellable);
  waiter->done (error, waiter->user_data);
  g_free (waiter);
}

static gboolean
is_anybody_waiting (DimpleSyncRunner *self)
{
  for (guint i = 0; i < self->waiters->len; i++)
    {
      if (!((Waiter *) g_ptr_array_index (self->waiters, i))->is_cancelled)
        return TRUE;
    }
  return FALSE;
}

static Waiter *
find_cancelled (DimpleSyncRunner *self)
{
  for (guint i = 0; i < self->waiters->len; i++)
    {
      Waiter *waiter = g_ptr_array_index (self->waiters, i);

      if (!waiter->is_cancelled && waiter->cancellable != NULL && g_cancellable_is_cancelled (waiter->cancellable))
        return waiter;
    }
  return NULL;
}

static gboolean
on_cancelled (GCancellable *cancellable,
              gpointer      user_data)
{
  DimpleSyncRunner *self = user_data;
  Waiter *waiter;

  while ((waiter = find_cancelled (self)) != NULL)
    {
      waiter->is_cancelled = TRUE;
      if (self->running != NULL && !is_anybody_waiting (self))
        {
          g_cancellable_cancel (self->running);
          continue;
        }
      g_ptr_array_remove (self->waiters, waiter);
      finish_waiter (waiter, NULL);
    }
  return G_SOURCE_REMOVE;
}

static void
watch_cancellable (DimpleSyncRunner *self,
                   Waiter           *waiter)
{
  if (waiter->cancellable == NULL)
    return;
  waiter->cancel_source = g_cancellable_source_new (waiter->cancellable);
  g_source_set_static_name (waiter->cancel_source, "[Dimple] sync cancelled");
  g_source_set_callback (waiter->cancel_source, G_SOURCE_FUNC (on_cancelled), g_atomic_rc_box_acquire (self),
                         unref_runner);
  g_source_attach (waiter->cancel_source, self->context);
}

static void start (DimpleSyncRunner *self,
                   GObject          *owner);

static void
finish_waiters (DimpleSyncRunner *self,
                GObject          *owner,
                const GError     *error)
{
  g_autoptr(GPtrArray) waiters = g_steal_pointer (&self->waiters);
  gboolean is_cancelled = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  self->waiters = g_ptr_array_new ();
  for (guint i = 0; i < waiters->len; i++)
    {
      Waiter *waiter = g_ptr_array_index (waiters, i);

      /* Who joined a sync that was being cancelled waits for another one. */
      if (is_cancelled && !waiter->is_cancelled)
        g_ptr_array_add (self->waiters, waiter);
      else
        finish_waiter (waiter, error);
    }
  if (self->waiters->len > 0 && self->running == NULL)
    start (self, owner);
}

/* -- Running one --------------------------------------------------------------------------------------------------- */

static gboolean
on_progress (gpointer user_data)
{
  DimpleSyncRunner *self = user_data;
  g_autoptr(GObject) owner = g_weak_ref_get (&self->owner);
  double progress;

  g_mutex_lock (&self->progress_lock);
  self->has_progress = FALSE;
  self->progress_time = g_get_monotonic_time ();
  progress = self->progress;
  g_mutex_unlock (&self->progress_lock);

  if (owner != NULL && self->running != NULL)
    self->funcs.progress (owner, progress);
  return G_SOURCE_REMOVE;
}

/* On the thread of the sync. */
static void
take_progress (double   fraction,
               gpointer user_data)
{
  DimpleSyncRunner *self = user_data;
  gint64 since;

  g_mutex_lock (&self->progress_lock);
  self->progress = fraction;
  if (!self->has_progress)
    {
      since = (g_get_monotonic_time () - self->progress_time) / 1000;
      dimple_post (self->context, (guint) CLAMP (PROGRESS_INTERVAL_MS - since, 0, PROGRESS_INTERVAL_MS), on_progress,
                   g_atomic_rc_box_acquire (self), unref_runner);
      self->has_progress = TRUE;
    }
  g_mutex_unlock (&self->progress_lock);
}

static void
run_free (gpointer data)
{
  Run *run = data;

  dimple_sync_session_free (run->session);
  g_clear_error (&run->error);
  g_object_unref (run->owner);
  dimple_sync_runner_unref (run->runner);
  g_free (run);
}

static gboolean
on_ended (gpointer user_data)
{
  Run *run = user_data;

  g_clear_object (&run->runner->running);
  run->runner->funcs.end (run->owner, run->session, run->error);
  finish_waiters (run->runner, run->owner, run->error);
  return G_SOURCE_REMOVE;
}

static gpointer
run_in_thread (gpointer data)
{
  Run *run = data;

  dimple_sync_session_run (run->session, &run->error);
  dimple_post (run->runner->context, 0, on_ended, run, run_free);
  return NULL;
}

static void
start (DimpleSyncRunner *self,
       GObject          *owner)
{
  g_autoptr(GError) error = NULL;
  DimpleSyncSession *session;
  Run *run;

  g_mutex_lock (&self->progress_lock);
  self->progress = 0;
  g_mutex_unlock (&self->progress_lock);

  self->running = g_cancellable_new ();
  session = self->funcs.begin (owner, self->running, &error);
  if (session == NULL)
    {
      g_clear_object (&self->running);
      finish_waiters (self, owner, error);
      return;
    }
  session->progress_func = take_progress;
  session->progress_data = self;

  run = g_new0 (Run, 1);
  run->runner = g_atomic_rc_box_acquire (self);
  run->owner = g_object_ref (owner);
  run->session = session;
  g_thread_unref (g_thread_new ("dimple-sync", run_in_thread, run));
}

/* -- Requests ------------------------------------------------------------------------------------------------------ */

typedef struct
{
  DimpleSyncRunner *runner;
  GObject          *owner;
  Waiter           *waiter;
} Joining;

static void
joining_free (gpointer data)
{
  Joining *joining = data;

  dimple_sync_runner_unref (joining->runner);
  g_object_unref (joining->owner);
  g_free (joining);
}

static void
join (DimpleSyncRunner *self,
      GObject          *owner,
      Waiter           *waiter)
{
  g_ptr_array_add (self->waiters, waiter);
  watch_cancellable (self, waiter);
  if (self->running == NULL)
    start (self, owner);
}

static gboolean
on_join (gpointer user_data)
{
  Joining *joining = user_data;

  join (joining->runner, joining->owner, joining->waiter);
  return G_SOURCE_REMOVE;
}

void
dimple_sync_runner_request (DimpleSyncRunner   *self,
                            GObject            *owner,
                            GCancellable       *cancellable,
                            DimpleSyncDoneFunc  done,
                            gpointer            user_data)
{
  Waiter *waiter = g_new0 (Waiter, 1);
  Joining *joining;

  g_set_object (&waiter->cancellable, cancellable);
  waiter->done = done;
  waiter->user_data = user_data;
  if (g_main_context_is_owner (self->context))
    {
      join (self, owner, waiter);
      return;
    }

  joining = g_new0 (Joining, 1);
  joining->runner = g_atomic_rc_box_acquire (self);
  joining->owner = g_object_ref (owner);
  joining->waiter = waiter;
  dimple_post (self->context, 0, on_join, joining, joining_free);
}

/* -- Blocking ------------------------------------------------------------------------------------------------------ */

typedef struct
{
  DimpleContextWait  wait;
  GError            *error;       /* (nullable) */
} Blocking;

static void
on_done (const GError *error,
         gpointer      user_data)
{
  Blocking *blocking = user_data;

  blocking->error = error != NULL ? g_error_copy (error) : NULL;
  dimple_context_wait_end (&blocking->wait);
}

gboolean
dimple_sync_runner_run (DimpleSyncRunner  *self,
                        GObject           *owner,
                        GCancellable      *cancellable,
                        GError           **error)
{
  Blocking blocking = { .error = NULL };

  dimple_context_wait_init (&blocking.wait, self->context);
  dimple_sync_runner_request (self, owner, cancellable, on_done, &blocking);
  dimple_context_wait_run (&blocking.wait);
  dimple_context_wait_clear (&blocking.wait);

  if (blocking.error == NULL)
    return TRUE;
  g_propagate_error (error, blocking.error);
  return FALSE;
}
