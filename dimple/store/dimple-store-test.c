/* dimple-store-test.c: a store in the hands of a test
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include "dimple-test.h"

#define POLL_INTERVAL_US 200

/**
 * dimple_test_set_time:
 * @store: a store
 * @time: (nullable): the time that its clock shows from now on; %NULL for the time that it is
 *
 * Sets the wall clock of the store's transactions, for tests.  Time stands still until it is set again; ids are unique
 * and ascending all the same.  Before 1970 it is 1970.
 */
void
dimple_test_set_time (DimpleStore *store,
                      GDateTime   *time)
{
  gint64 milliseconds = -1;

  g_return_if_fail (DIMPLE_IS_STORE (store));

  if (time != NULL)
    milliseconds = MAX (g_date_time_to_unix (time) * 1000 + g_date_time_get_microsecond (time) / 1000, 0);
  dimple_writer_lock (store->writer);
  dimple_writer_get_clock (store->writer)->test_time = milliseconds;
  dimple_writer_unlock (store->writer);
}

static gboolean
is_idle (DimpleStore *store)
{
  gboolean emitted;

  g_mutex_lock (&store->pending_lock);
  emitted = store->pending == NULL;
  g_mutex_unlock (&store->pending_lock);
  return emitted && dimple_worker_get_n_queued (store->worker) == 0 &&
         dimple_worker_get_n_queued (store->reading_worker) == 0 && g_atomic_int_get (&store->n_busy) == 0 &&
         !g_main_context_pending (store->context);
}

/**
 * dimple_test_wait_idle:
 * @store: a store
 *
 * Runs the store's main context until nothing of the store is queued, loading or to be told, for tests.  To be called
 * in the thread of that context.
 */
void
dimple_test_wait_idle (DimpleStore *store)
{
  g_return_if_fail (DIMPLE_IS_STORE (store));

  do
    {
      while (g_main_context_iteration (store->context, FALSE))
        ;
      if (!is_idle (store))
        g_usleep (POLL_INTERVAL_US);
    }
  while (!is_idle (store));
}
