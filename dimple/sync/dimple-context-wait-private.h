/* dimple-context-wait-private.h: waits for something that may need a main context to run
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  GMainContext *context;
  GMutex        lock;
  GCond         cond;
  gboolean      is_done;
} DimpleContextWait;

void dimple_context_wait_init  (DimpleContextWait *self,
                                GMainContext      *context);
void dimple_context_wait_clear (DimpleContextWait *self);
/* It is done; any thread. */
void dimple_context_wait_end   (DimpleContextWait *self);
/* Waits for the end.  If no other thread runs the context, this one does meanwhile. */
void dimple_context_wait_run   (DimpleContextWait *self);

G_END_DECLS
