/* dimple-post-private.h: work handed to another thread's main context
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Calls `func` once in `context`, in `delay` milliseconds, never before this returns. */
void dimple_post (GMainContext   *context,
                  guint           delay,
                  GSourceFunc     func,
                  gpointer        data,
                  GDestroyNotify  destroy);

G_END_DECLS
