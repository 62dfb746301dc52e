/* frames.h: waiting until widgets show what the models have
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gtk/gtk.h>

#include "dimple.h"

#define N_FRAMES 3

static inline void
frames_on_painted (GdkFrameClock *clock,
                   guint         *n_frames)
{
  ++*n_frames;
}

/* Until nothing of the store is to be told, and the widgets of the window have come to rest. */
static inline void
frames_settle (GtkWidget   *window,
               DimpleStore *store)
{
  GdkFrameClock *clock = gtk_widget_get_frame_clock (window);
  guint n_frames = 0;
  gulong handler;

  dimple_test_wait_idle (store);
  handler = g_signal_connect (clock, "after-paint", G_CALLBACK (frames_on_painted), &n_frames);
  while (n_frames < N_FRAMES)
    {
      gdk_frame_clock_request_phase (clock, GDK_FRAME_CLOCK_PHASE_PAINT);
      g_main_context_iteration (NULL, TRUE);
    }
  g_signal_handler_disconnect (clock, handler);
}
