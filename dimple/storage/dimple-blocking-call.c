/* dimple-blocking-call.c: waits for an async call, on any thread
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-blocking-call-private.h"

void
dimple_blocking_call_begin (DimpleBlockingCall *self)
{
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
}

void
dimple_blocking_call_ready (GObject      *source,
                            GAsyncResult *result,
                            gpointer      user_data)
{
  DimpleBlockingCall *self = user_data;

  self->result = g_object_ref (result);
}

GAsyncResult *
dimple_blocking_call_wait (DimpleBlockingCall *self)
{
  while (self->result == NULL)
    g_main_context_iteration (self->context, TRUE);

  return self->result;
}

void
dimple_blocking_call_end (DimpleBlockingCall *self)
{
  if (self->context == NULL)
    return;

  g_clear_object (&self->result);
  /* What the call left to do, such as closing a connection */
  while (g_main_context_iteration (self->context, FALSE))
    ;
  g_main_context_pop_thread_default (self->context);
  g_clear_pointer (&self->context, g_main_context_unref);
}
