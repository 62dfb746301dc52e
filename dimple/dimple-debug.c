/* dimple-debug.c: what DIMPLE_DEBUG asks to be told
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-debug-private.h"

#include <unistd.h>

/* A frame at 60 Hz */
#define DEFAULT_SLOW_MS 16

/* No part of "all": it deletes. */
static const char erase_word[] = "erase-on-schema-change";

static const GDebugKey keys[] = {
  { "sql", DIMPLE_DEBUG_SQL },
  { "slow", DIMPLE_DEBUG_SLOW },
  { "query", DIMPLE_DEBUG_QUERY },
  { "sync", DIMPLE_DEBUG_SYNC },
  { "s3", DIMPLE_DEBUG_S3 },
  { "types", DIMPLE_DEBUG_TYPES },
};

static guint flags;
static double slow_ms = DEFAULT_SLOW_MS;

static gboolean
has_erase_word (const char *words)
{
  g_auto(GStrv) list = g_strsplit_set (words, ":;, \t", -1);

  return g_strv_contains ((const char * const *) list, erase_word);
}

static void
read_environment (void)
{
  const char *words = g_getenv ("DIMPLE_DEBUG"), *milliseconds = g_getenv ("DIMPLE_SLOW_MS");

  flags = g_parse_debug_string (words, keys, G_N_ELEMENTS (keys));
#ifdef G_ENABLE_DEBUG
  if (words != NULL && has_erase_word (words))
    flags |= DIMPLE_DEBUG_ERASE_ON_SCHEMA_CHANGE;
#else
  if (words != NULL && has_erase_word (words))
    g_message ("DIMPLE_DEBUG=%s does nothing here: Dimple was built without debugging", erase_word);
#endif
  if (milliseconds != NULL)
    slow_ms = g_ascii_strtod (milliseconds, NULL);
}

gboolean
dimple_debug_is_on (DimpleDebugFlags flag)
{
  static gsize initialized;

  if (g_once_init_enter (&initialized))
    {
      read_environment ();
      g_once_init_leave (&initialized, 1);
    }
  return (flags & flag) != 0;
}

void
dimple_debug_print (DimpleDebugFlags  flag,
                    const char       *format,
                    ...)
{
  g_autofree char *text = NULL;
  const char *word = "";
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (keys[i].value == flag)
      word = keys[i].key;
  g_message ("%s: %s", word, text);
}

gboolean
dimple_debug_is_main_thread (void)
{
#ifdef __linux__
  return gettid () == getpid ();
#else
  return g_main_context_is_owner (g_main_context_default ());
#endif
}

gint64
dimple_debug_start (void)
{
  return dimple_debug_is_on (DIMPLE_DEBUG_SLOW) && dimple_debug_is_main_thread () ? g_get_monotonic_time () : 0;
}

gboolean
dimple_debug_is_slow (gint64  start,
                      double *milliseconds)
{
  if (start == 0)
    return FALSE;
  *milliseconds = (double) (g_get_monotonic_time () - start) / 1000;
  return *milliseconds >= slow_ms;
}
