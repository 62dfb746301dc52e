/* dimple-read-only-properties-private.h: what the objects of the history and of conflicts tell alike
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* `name` is static. */
GParamSpec *dimple_property_new_string       (const char *name);
GParamSpec *dimple_property_new_time         (const char *name);
GParamSpec *dimple_property_new_enum         (const char *name,
                                              GType       type,
                                              int         fallback);
GParamSpec *dimple_property_new_object       (const char *name,
                                              GType       type);

/* (nullable) the time that is so long after 1970, in UTC; NULL if no calendar has it. */
GDateTime  *dimple_time_new_from_milliseconds (gint64     milliseconds);

G_END_DECLS
