/* leaks.c: what must be gone at the end
 *
 * Objects tell themselves when they go; that every statement and connection is closed shows in that SQLite has no
 * memory in use any more.  LeakSanitizer looks for all the rest, when asked to.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <sqlite3.h>

#include "simulator.h"

#define MAX_TURNS 20000
#define MAX_LOOKS 200

extern int __lsan_do_recoverable_leak_check (void) __attribute__ ((weak));

static int n_alive;
static gboolean close_look;

static void
on_gone (gpointer  unused,
         GObject  *object)
{
  g_atomic_int_dec_and_test (&n_alive);
}

void
leaks_watch (gpointer object)
{
  g_atomic_int_inc (&n_alive);
  g_object_weak_ref (object, on_gone, NULL);
}

/* What an idle thread of GLib's pool has of its own seems to leak now and then, until the thread ends. */
static void
look_closely (void)
{
  for (guint i = 0; __lsan_do_recoverable_leak_check () != 0; i++)
    {
      if (i == MAX_LOOKS)
        sim_fail ("LeakSanitizer found something");
      g_usleep (100000);
    }
}

void
leaks_check (void)
{
  /* A thread of the library may be about to end. */
  for (guint i = 0; g_atomic_int_get (&n_alive) > 0 || sqlite3_memory_used () > 0; i++)
    {
      if (i == MAX_TURNS)
        sim_fail ("%d objects are never freed, and SQLite has %" G_GINT64_FORMAT " bytes in use",
                  g_atomic_int_get (&n_alive), (gint64) sqlite3_memory_used ());
      if (!g_main_context_iteration (NULL, FALSE))
        g_usleep (100);
    }
  if (close_look)
    look_closely ();
}

gboolean
leaks_look_closely (void)
{
  close_look = __lsan_do_recoverable_leak_check != NULL;
  g_thread_pool_set_max_idle_time (10);
  return close_look;
}
