/* dimple-clock-private.h: the hybrid logical clock
 *
 * The next id is greater than every id written or merged here, whatever the wall clock says.  The tail is drawn anew
 * each time a database is opened: ids of one tail are one run of one process, in order.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-uuid-private.h"

G_BEGIN_DECLS

/* A wall clock beyond year 4199 is read as that, so that counting on never runs out; an id beyond twice that was
 * written by no Dimple, and its pack is bad for all devices alike.  In milliseconds. */
#define DIMPLE_CLOCK_WALL_LIMIT (G_GINT64_CONSTANT (1) << 46)
#define DIMPLE_CLOCK_ID_LIMIT   (G_GINT64_CONSTANT (1) << 47)

typedef struct
{
  guint64 last;         /* the greatest time (see dimple-uuid-private.h) seen */
  guint64 tail;         /* of this run */
  gint64  test_time;    /* ms, -1: the wall clock */
} DimpleClock;

void    dimple_clock_init    (DimpleClock *self);
void    dimple_clock_new_run (DimpleClock *self);
void    dimple_clock_observe (DimpleClock *self,
                              guint64      time);
/* The time of the next id; it counts as seen. */
guint64 dimple_clock_next    (DimpleClock *self);

G_END_DECLS
