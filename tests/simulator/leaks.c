/* leaks.c: what must be gone at the end
 *
 * Objects tell themselves when they go; that every statement and connection is closed shows in that SQLite has no
 * memory in use any more.  It is counted here: SQLite's own account takes a mutex at every allocation.  LeakSanitizer
 * looks for all the rest, when asked to.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <sqlite3.h>

#include "simulator.h"

#define MAX_TURNS 20000
#define MAX_LOOKS 200

extern int __lsan_do_recoverable_leak_check (void) __attribute__ ((weak));

static int n_alive;
static int n_allocated;                /* by SQLite */
static sqlite3_mem_methods below;
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

static void *
allocate (int size)
{
  void *memory = below.xMalloc (size);

  if (memory != NULL)
    g_atomic_int_inc (&n_allocated);
  return memory;
}

static void
release (void *memory)
{
  g_atomic_int_add (&n_allocated, -1);
  below.xFree (memory);
}

void
leaks_count_memory (void)
{
  sqlite3_mem_methods methods;

  g_assert_cmpint (sqlite3_config (SQLITE_CONFIG_GETMALLOC, &below), ==, SQLITE_OK);
  methods = below;
  methods.xMalloc = allocate;
  methods.xFree = release;
  g_assert_cmpint (sqlite3_config (SQLITE_CONFIG_MALLOC, &methods), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_config (SQLITE_CONFIG_MEMSTATUS, FALSE), ==, SQLITE_OK);
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
  for (guint i = 0; g_atomic_int_get (&n_alive) > 0 || g_atomic_int_get (&n_allocated) > 0; i++)
    {
      if (i == MAX_TURNS)
        sim_fail ("%d objects are never freed, and %d allocations of SQLite", g_atomic_int_get (&n_alive),
                  g_atomic_int_get (&n_allocated));
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
