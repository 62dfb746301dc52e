/* dimple-profile.c: marks for Sysprof
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-profile-private.h"

#include <sysprof-capture.h>

gint64
dimple_profile_begin (void)
{
  return sysprof_collector_is_active () ? SYSPROF_CAPTURE_CURRENT_TIME : 0;
}

void
dimple_profile_end (gint64      begin,
                    const char *name,
                    const char *message)
{
  if (begin != 0)
    sysprof_collector_mark (begin, SYSPROF_CAPTURE_CURRENT_TIME - begin, "Dimple", name, message);
}
