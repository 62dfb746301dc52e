/* dimple-post.c: work handed to another thread's main context
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-post-private.h"

void
dimple_post (GMainContext   *context,
             guint           delay,
             GSourceFunc     func,
             gpointer        data,
             GDestroyNotify  destroy)
{
  g_autoptr(GSource) source = delay > 0 ? g_timeout_source_new (delay) : g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (source, "[Dimple] sync");
  g_source_set_callback (source, func, data, destroy);
  g_source_attach (source, context);
}
