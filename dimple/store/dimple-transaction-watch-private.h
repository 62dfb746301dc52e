/* dimple-transaction-watch-private.h: DIMPLE_DEBUG=slow, and marks for Sysprof, for transactions
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Of one transaction, from its outermost begin to its end */
typedef struct
{
  gint64   start;     /* 0: not measured */
  gint64   mark;      /* of dimple_profile_begin() */
  GSource *turn;      /* (nullable) comes round if the thread goes back to its main loop before the end */
} DimpleTransactionWatch;

/* Warns of having waited too long for others since `start`, of dimple_debug_start(). */
void dimple_transaction_watch_waited (gint64                  start);
void dimple_transaction_watch_begin  (DimpleTransactionWatch *self);
void dimple_transaction_watch_end    (DimpleTransactionWatch *self);

G_END_DECLS
