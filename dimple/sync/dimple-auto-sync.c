/* dimple-auto-sync.c: when to sync by itself
 *
 * One timer, for whichever of three is due first: the change, the retry, the next look at what others did.  A folder or
 * a server in the house can be reached without the internet, so what the network monitor says never forbids a try; that
 * the network came back is only a good moment for one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-auto-sync-private.h"

#define DEBOUNCE_MS 2000
#define MAX_DEBOUNCES 5             /* typing on does not put it off forever */
#define RETRY_MS 5000
#define MAX_RETRY_MS (15 * 60 * 1000)
#define NETWORK_MS 1000             /* after the network came back, until it works */

struct _DimpleAutoSync
{
  GMainContext        *context;
  DimpleAutoSyncFuncs  funcs;
  gpointer             user_data;
  gboolean             enabled;
  guint                interval;    /* s */
  gboolean             allow_metered;
  guint                debounce;    /* ms */
  guint                retry;       /* ms, after the first failure */

  /* monotonic times; 0: not due */
  gint64               change_due;
  gint64               change_limit;
  gint64               retry_due;
  gint64               interval_due;
  guint                n_failures;  /* in a row */
  gboolean             is_running;
  gboolean             is_paused;

  GSource             *timer;
  GNetworkMonitor     *monitor;
  gulong               network_handler;
  GSource             *network_source;
  GMutex               network_lock;   /* of network_source */
};

DimpleAutoSync *
dimple_auto_sync_new (GMainContext              *context,
                      const DimpleAutoSyncFuncs *funcs,
                      gpointer                   user_data)
{
  DimpleAutoSync *self = g_new0 (DimpleAutoSync, 1);

  self->context = g_main_context_ref (context);
  self->funcs = *funcs;
  self->user_data = user_data;
  self->debounce = DEBOUNCE_MS;
  self->retry = RETRY_MS;
  g_mutex_init (&self->network_lock);
  return self;
}

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void unwatch_network (DimpleAutoSync *self);

void
dimple_auto_sync_free (DimpleAutoSync *self)
{
  unwatch_network (self);
  clear_source (&self->timer);
  g_mutex_clear (&self->network_lock);
  g_main_context_unref (self->context);
  g_free (self);
}

/* -- The timer ----------------------------------------------------------------------------------------------------- */

static gint64
earlier (gint64 a,
         gint64 b)
{
  return a == 0 ? b : b == 0 ? a : MIN (a, b);
}

static gboolean
is_metered (DimpleAutoSync *self)
{
  return !self->allow_metered && self->monitor != NULL && g_network_monitor_get_network_metered (self->monitor);
}

static void
fire (DimpleAutoSync *self)
{
  self->is_paused = is_metered (self);
  if (self->is_paused)
    self->funcs.changed (self->user_data);
  else
    self->funcs.due (self->user_data);
}

static gboolean
on_timer (gpointer user_data)
{
  DimpleAutoSync *self = user_data;

  clear_source (&self->timer);
  fire (self);
  return G_SOURCE_REMOVE;
}

/* Sets the timer for what is due first. */
static void
arm (DimpleAutoSync *self)
{
  gint64 soon = earlier (self->change_due, self->retry_due);
  gint64 due = earlier (soon, self->interval_due);

  clear_source (&self->timer);
  self->is_paused = self->enabled && !self->is_running && soon != 0 && is_metered (self);
  if (self->enabled && !self->is_running && !self->is_paused && due != 0)
    {
      gint64 delay = MAX (0, due - g_get_monotonic_time ()) / 1000;

      self->timer = g_timeout_source_new ((guint) MIN (delay, G_MAXINT));
      g_source_set_static_name (self->timer, "[Dimple] automatic sync");
      g_source_set_callback (self->timer, on_timer, self, NULL);
      g_source_attach (self->timer, self->context);
    }
  self->funcs.changed (self->user_data);
}

static gint64
in_milliseconds (guint delay)
{
  return g_get_monotonic_time () + (gint64) delay * 1000;
}

static void
set_interval_due (DimpleAutoSync *self)
{
  self->interval_due = self->interval > 0 ? in_milliseconds (MIN (self->interval, G_MAXINT / 1000) * 1000) : 0;
}

/* Doubles with each failure in a row; a fifth of it is chance, so that devices don't come all at once. */
static guint
get_retry_delay (DimpleAutoSync *self)
{
  guint delay = self->retry;

  for (guint i = 1; i < self->n_failures && delay < MAX_RETRY_MS; i++)
    delay *= 2;
  delay = MIN (delay, MAX_RETRY_MS);
  return delay - (guint) g_random_int_range (0, (gint32) delay / 5 + 1);
}

/* -- The network --------------------------------------------------------------------------------------------------- */

static gboolean
on_network_turn (gpointer user_data)
{
  DimpleAutoSync *self = user_data;

  g_mutex_lock (&self->network_lock);
  clear_source (&self->network_source);
  g_mutex_unlock (&self->network_lock);

  if (self->is_paused != is_metered (self))
    {
      if (self->is_paused)
        fire (self);
      else
        arm (self);
    }
  else if (self->retry_due != 0 && g_network_monitor_get_network_available (self->monitor))
    {
      self->retry_due = MIN (self->retry_due, in_milliseconds (NETWORK_MS));
      arm (self);
    }
  return G_SOURCE_REMOVE;
}

/* In whatever thread the monitor lives. */
static void
on_network_changed (GNetworkMonitor *monitor,
                    gboolean         available,
                    gpointer         user_data)
{
  DimpleAutoSync *self = user_data;

  g_mutex_lock (&self->network_lock);
  if (self->network_source == NULL && self->network_handler != 0)
    {
      self->network_source = g_idle_source_new ();
      g_source_set_callback (self->network_source, on_network_turn, self, NULL);
      g_source_attach (self->network_source, self->context);
    }
  g_mutex_unlock (&self->network_lock);
}

static void
watch_network (DimpleAutoSync *self)
{
  if (self->monitor != NULL)
    return;
  self->monitor = g_object_ref (g_network_monitor_get_default ());
  g_mutex_lock (&self->network_lock);
  self->network_handler = g_signal_connect (self->monitor, "network-changed", G_CALLBACK (on_network_changed), self);
  g_mutex_unlock (&self->network_lock);
}

static void
unwatch_network (DimpleAutoSync *self)
{
  if (self->monitor == NULL)
    return;
  g_signal_handlers_disconnect_by_data (self->monitor, self);
  g_mutex_lock (&self->network_lock);
  self->network_handler = 0;
  clear_source (&self->network_source);
  g_mutex_unlock (&self->network_lock);
  g_clear_object (&self->monitor);
}

/* -- What is told -------------------------------------------------------------------------------------------------- */

void
dimple_auto_sync_set_enabled (DimpleAutoSync *self,
                              gboolean        enabled)
{
  if (self->enabled == enabled)
    return;
  self->enabled = enabled;
  if (enabled)
    {
      watch_network (self);
      self->n_failures = 0;
      self->change_due = g_get_monotonic_time ();
    }
  else
    {
      unwatch_network (self);
      self->change_due = self->change_limit = self->retry_due = self->interval_due = 0;
    }
  arm (self);
}

void
dimple_auto_sync_set_interval (DimpleAutoSync *self,
                               guint           interval)
{
  self->interval = interval;
  set_interval_due (self);
  arm (self);
}

void
dimple_auto_sync_set_allow_metered (DimpleAutoSync *self,
                                    gboolean        allow_metered)
{
  self->allow_metered = allow_metered;
  arm (self);
}

void
dimple_auto_sync_set_delays (DimpleAutoSync *self,
                             guint           debounce,
                             guint           retry)
{
  self->debounce = debounce;
  self->retry = retry;
}

void
dimple_auto_sync_note_change (DimpleAutoSync *self)
{
  if (!self->enabled)
    return;
  if (self->change_limit == 0)
    self->change_limit = in_milliseconds (self->debounce * MAX_DEBOUNCES);
  self->change_due = MIN (in_milliseconds (self->debounce), self->change_limit);
  /* After a failure the retry decides: what just failed would fail again. */
  if (self->retry_due != 0)
    self->change_due = 0;
  arm (self);
}

void
dimple_auto_sync_note_begin (DimpleAutoSync *self)
{
  self->is_running = TRUE;
  self->change_due = self->change_limit = self->retry_due = self->interval_due = 0;
  arm (self);
}

void
dimple_auto_sync_note_end (DimpleAutoSync *self,
                           gboolean        success,
                           gboolean        is_final)
{
  self->is_running = FALSE;
  if (success)
    {
      self->n_failures = 0;
    }
  else if (self->enabled)
    {
      self->n_failures++;
      self->retry_due = in_milliseconds (is_final ? MAX_RETRY_MS : get_retry_delay (self));
    }
  set_interval_due (self);
  arm (self);
}

gboolean
dimple_auto_sync_is_waiting (DimpleAutoSync *self)
{
  return self->enabled && !self->is_running && (self->change_due != 0 || self->retry_due != 0);
}

gboolean
dimple_auto_sync_is_paused (DimpleAutoSync *self)
{
  return self->is_paused;
}
