/* dimple-context-wait.c: waits for something that may need a main context to run
 *
 * A blocking call may come on any thread, while storages of the app's own are called in the context of the client:
 * whoever waits there has to run it, and whoever waits elsewhere may not.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-context-wait-private.h"

/* The thread that runs the context may stop to, so others look up from time to time. */
#define PATIENCE_MS 100

void
dimple_context_wait_init (DimpleContextWait *self,
                          GMainContext      *context)
{
  self->context = g_main_context_ref (context);
  self->is_done = FALSE;
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
}

void
dimple_context_wait_clear (DimpleContextWait *self)
{
  /* Whoever called end() may not have left it yet. */
  g_mutex_lock (&self->lock);
  g_mutex_unlock (&self->lock);
  g_cond_clear (&self->cond);
  g_mutex_clear (&self->lock);
  g_main_context_unref (self->context);
}

void
dimple_context_wait_end (DimpleContextWait *self)
{
  g_mutex_lock (&self->lock);
  self->is_done = TRUE;
  g_cond_signal (&self->cond);
  g_main_context_wakeup (self->context);
  g_mutex_unlock (&self->lock);
}

static gboolean
is_done (DimpleContextWait *self)
{
  gboolean done;

  g_mutex_lock (&self->lock);
  done = self->is_done;
  g_mutex_unlock (&self->lock);
  return done;
}

static gboolean
is_thread_default (GMainContext *context)
{
  GMainContext *present = g_main_context_get_thread_default ();

  return context == (present != NULL ? present : g_main_context_default ());
}

/* This thread has acquired the context. */
static void
run_context (DimpleContextWait *self)
{
  gboolean push = !is_thread_default (self->context);

  if (push)
    g_main_context_push_thread_default (self->context);
  while (!is_done (self))
    g_main_context_iteration (self->context, TRUE);
  if (push)
    g_main_context_pop_thread_default (self->context);
}

static void
wait_for_others (DimpleContextWait *self)
{
  gint64 end = g_get_monotonic_time () + PATIENCE_MS * G_TIME_SPAN_MILLISECOND;

  g_mutex_lock (&self->lock);
  while (!self->is_done && g_cond_wait_until (&self->cond, &self->lock, end))
    ;
  g_mutex_unlock (&self->lock);
}

void
dimple_context_wait_run (DimpleContextWait *self)
{
  while (!is_done (self))
    {
      if (g_main_context_acquire (self->context))
        {
          run_context (self);
          g_main_context_release (self->context);
        }
      else
        {
          wait_for_others (self);
        }
    }
}
