/* dimple-profile-private.h: marks for Sysprof
 *
 * Only where Dimple was built with Sysprof's capture library; a mark costs nothing else while nobody records.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#ifdef HAVE_SYSPROF

/* When something begins that will be a mark; 0 if nobody records. */
gint64 dimple_profile_begin (void);
/* `name` is what is done, `message` (nullable) to what. */
void   dimple_profile_end   (gint64      begin,
                             const char *name,
                             const char *message);

#else

#define dimple_profile_begin() ((gint64) 0)
#define dimple_profile_end(begin, name, message) ((void) (begin))

#endif

G_END_DECLS
