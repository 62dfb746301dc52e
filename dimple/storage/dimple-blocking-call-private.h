/* dimple-blocking-call-private.h: waits for an async call, on any thread
 *
 *   g_auto (DimpleBlockingCall) call = { NULL };
 *
 *   dimple_blocking_call_begin (&call);
 *   thing_async (self, cancellable, dimple_blocking_call_ready, &call);
 *   return thing_finish (self, dimple_blocking_call_wait (&call), error);
 *
 * The call runs in a main context of its own, so nothing else of the thread runs meanwhile.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct
{
  GMainContext *context;
  GAsyncResult *result;
} DimpleBlockingCall;

void          dimple_blocking_call_begin (DimpleBlockingCall *self);
void          dimple_blocking_call_ready (GObject            *source,
                                          GAsyncResult       *result,
                                          gpointer            user_data);
/* (transfer none) */
GAsyncResult *dimple_blocking_call_wait  (DimpleBlockingCall *self);
void          dimple_blocking_call_end   (DimpleBlockingCall *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleBlockingCall, dimple_blocking_call_end)

G_END_DECLS
