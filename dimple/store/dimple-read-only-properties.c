/* dimple-read-only-properties.c: what the objects of the history and of conflicts tell alike
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-read-only-properties-private.h"

#define FLAGS (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)

GParamSpec *
dimple_property_new_string (const char *name)
{
  return g_param_spec_string (name, NULL, NULL, NULL, FLAGS);
}

GParamSpec *
dimple_property_new_time (const char *name)
{
  return g_param_spec_boxed (name, NULL, NULL, G_TYPE_DATE_TIME, FLAGS);
}

GParamSpec *
dimple_property_new_enum (const char *name,
                          GType       type,
                          int         fallback)
{
  return g_param_spec_enum (name, NULL, NULL, type, fallback, FLAGS);
}

GParamSpec *
dimple_property_new_object (const char *name,
                            GType       type)
{
  return g_param_spec_object (name, NULL, NULL, type, FLAGS);
}

GDateTime *
dimple_time_new_from_milliseconds (gint64 milliseconds)
{
  g_autoptr(GDateTime) second = g_date_time_new_from_unix_utc (milliseconds / 1000);

  return second != NULL ? g_date_time_add (second, milliseconds % 1000 * 1000) : NULL;
}
