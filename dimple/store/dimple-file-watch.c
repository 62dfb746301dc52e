/* dimple-file-watch.c: hearing that a database's file was written to
 *
 * The system tells when the WAL is written, which is a moment before the commit can be seen, and it tells of our own
 * commits too.  So it is looked at a little later, and once more a while after; whether anything is new costs a
 * microsecond to find out.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-file-watch-private.h"

#define FIRST_LOOK_MS 2
#define SECOND_LOOK_MS 25

struct _DimpleFileWatch
{
  GFileMonitor *monitor;
  GSourceFunc   func;
  gpointer      user_data;
  GMainContext *context;
  GSource      *looks[2];      /* (nullable) those that are due */
};

static gboolean
look (DimpleFileWatch *self,
      guint            n)
{
  g_clear_pointer (&self->looks[n], g_source_unref);
  self->func (self->user_data);
  return G_SOURCE_REMOVE;
}

static gboolean
look_first (gpointer self)
{
  return look (self, 0);
}

static gboolean
look_again (gpointer self)
{
  return look (self, 1);
}

static void
schedule (DimpleFileWatch *self,
          guint            n,
          guint            milliseconds,
          GSourceFunc      func)
{
  if (self->looks[n] != NULL)
    return;
  self->looks[n] = g_timeout_source_new (milliseconds);
  g_source_set_callback (self->looks[n], func, self, NULL);
  g_source_attach (self->looks[n], self->context);
}

static void
on_changed (GFileMonitor      *monitor,
            GFile             *file,
            GFile             *other,
            GFileMonitorEvent  event,
            DimpleFileWatch   *self)
{
  schedule (self, 0, FIRST_LOOK_MS, look_first);
  schedule (self, 1, SECOND_LOOK_MS, look_again);
}

DimpleFileWatch *
dimple_file_watch_new (const char  *path,
                       GSourceFunc  func,
                       gpointer     user_data)
{
  g_autofree char *wal = g_strconcat (path, "-wal", NULL);
  g_autoptr(GFile) file = g_file_new_for_path (wal);
  g_autoptr(GError) error = NULL;
  g_autoptr(GFileMonitor) monitor = g_file_monitor_file (file, G_FILE_MONITOR_NONE, NULL, &error);
  DimpleFileWatch *self;

  if (monitor == NULL)
    {
      g_debug ("The commits of other processes cannot be watched: %s", error->message);
      return NULL;
    }
  self = g_new0 (DimpleFileWatch, 1);
  self->monitor = g_steal_pointer (&monitor);
  self->func = func;
  self->user_data = user_data;
  self->context = g_main_context_ref_thread_default ();
  g_file_monitor_set_rate_limit (self->monitor, 0);
  g_signal_connect (self->monitor, "changed", G_CALLBACK (on_changed), self);
  return self;
}

void
dimple_file_watch_free (DimpleFileWatch *self)
{
  g_signal_handlers_disconnect_by_data (self->monitor, self);
  g_file_monitor_cancel (self->monitor);
  g_object_unref (self->monitor);
  for (guint i = 0; i < G_N_ELEMENTS (self->looks); i++)
    if (self->looks[i] != NULL)
      {
        g_source_destroy (self->looks[i]);
        g_source_unref (self->looks[i]);
      }
  g_main_context_unref (self->context);
  g_free (self);
}
