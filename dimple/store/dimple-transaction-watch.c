/* dimple-transaction-watch.c: DIMPLE_DEBUG=slow, and marks for Sysprof, for transactions
 *
 * One that is still open when its thread's main loop comes round was forgotten, or is held over a dialog: everybody
 * else who wants to write waits for it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-transaction-watch-private.h"

#include "dimple-debug-private.h"
#include "dimple-profile-private.h"

void
dimple_transaction_watch_waited (gint64 start)
{
  double milliseconds;

  if (dimple_debug_is_slow (start, &milliseconds))
    g_warning ("slow: the main thread waited %.1f ms for another thread's transaction.  Use the asynchronous call.",
               milliseconds);
}

static gboolean
on_turn (gpointer user_data)
{
  g_warning ("A transaction is still open at a turn of the main loop, and everybody else who wants to write waits.  "
             "Commit it or roll it back before going back to the main loop.");
  return G_SOURCE_REMOVE;
}

void
dimple_transaction_watch_begin (DimpleTransactionWatch *self)
{
  self->mark = dimple_profile_begin ();
  if (!dimple_debug_is_on (DIMPLE_DEBUG_SLOW))
    return;
  self->start = dimple_debug_start ();
  self->turn = g_idle_source_new ();
  g_source_set_priority (self->turn, G_MININT);
  g_source_set_static_name (self->turn, "[dimple] open transaction");
  g_source_set_callback (self->turn, on_turn, NULL, NULL);
  g_source_attach (self->turn, g_main_context_get_thread_default ());
}

void
dimple_transaction_watch_end (DimpleTransactionWatch *self)
{
  double milliseconds;

  dimple_profile_end (self->mark, "transaction", NULL);
  if (self->turn == NULL)
    return;
  g_source_destroy (self->turn);
  g_clear_pointer (&self->turn, g_source_unref);
  if (dimple_debug_is_slow (self->start, &milliseconds))
    g_warning ("slow: a transaction kept the main thread for %.1f ms.  Use a DimpleBatch or an asynchronous call.",
               milliseconds);
  self->start = 0;
}
