/* dimple-clock.c: the hybrid logical clock
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-clock-private.h"

void
dimple_clock_init (DimpleClock *self)
{
  self->last = 0;
  self->test_time = -1;
  dimple_clock_new_run (self);
}

void
dimple_clock_new_run (DimpleClock *self)
{
  self->tail = dimple_random_tail ();
}

void
dimple_clock_observe (DimpleClock *self,
                      guint64      time)
{
  self->last = MAX (self->last, time);
}

guint64
dimple_clock_next (DimpleClock *self)
{
  gint64 milliseconds = self->test_time >= 0 ? self->test_time : g_get_real_time () / 1000;
  guint64 wall = DIMPLE_UUID_TIME (CLAMP (milliseconds, 0, DIMPLE_CLOCK_WALL_LIMIT), 0);

  /* Past the last count of a millisecond the sum runs over into the next one, as it should. */
  self->last = wall > self->last ? wall : self->last + 1;
  return self->last;
}
