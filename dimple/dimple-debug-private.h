/* dimple-debug-private.h: what DIMPLE_DEBUG asks to be told
 *
 * DIMPLE_DEBUG is a list of words: sql, slow, query, sync, s3, types, erase-on-schema-change; or all, which does not
 * erase; or help.  It is read once.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  DIMPLE_DEBUG_SQL                    = 1 << 0,   /* each statement */
  DIMPLE_DEBUG_SLOW                   = 1 << 1,   /* what keeps the main thread for longer than DIMPLE_SLOW_MS */
  DIMPLE_DEBUG_QUERY                  = 1 << 2,   /* each run and each emission of live queries */
  DIMPLE_DEBUG_SYNC                   = 1 << 3,   /* each sync */
  DIMPLE_DEBUG_S3                     = 1 << 4,   /* each request */
  DIMPLE_DEBUG_TYPES                  = 1 << 5,   /* too many row types */
  DIMPLE_DEBUG_ERASE_ON_SCHEMA_CHANGE = 1 << 6    /* a database whose newest script was edited begins anew */
} DimpleDebugFlags;

gboolean dimple_debug_is_on          (DimpleDebugFlags  flag);
/* A line on the standard error, whatever G_MESSAGES_DEBUG says; `flag` is one that is on. */
void     dimple_debug_print          (DimpleDebugFlags  flag,
                                      const char       *format,
                                      ...) G_GNUC_PRINTF (2, 3);
/* The thread that an app's main loop is expected in. */
gboolean dimple_debug_is_main_thread (void);
/* Begins to measure something that may keep the main thread; 0 if nobody wants to know, or in another thread. */
gint64   dimple_debug_start          (void);
/* Whether that took longer than it may; how long, in ms. */
gboolean dimple_debug_is_slow        (gint64            start,
                                      double           *milliseconds);

G_END_DECLS
