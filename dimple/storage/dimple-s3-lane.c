/* dimple-s3-lane.c: the connections that the requests of one main context share
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-s3-lane-private.h"

/* Never reached: how many requests there may be is said by the places */
#define MAX_CONNECTIONS (4 * DIMPLE_S3_MAX_REQUESTS)

struct _DimpleS3Lane
{
  SoupSession *session;
  GMainContext *context;    /* (nullable) whose it is now */
  guint n_requests;         /* of that context */

  guint n_inside;
  GQueue waiting;           /* of GSource */
};

struct _DimpleS3Lanes
{
  guint timeout;
  GTlsDatabase *tls_database;
  GProxyResolver *proxy_resolver;

  GMutex lock;              /* of the lanes' owners */
  GPtrArray *lanes;
};

static SoupSession *
make_session (DimpleS3Lanes *lanes)
{
  SoupSession *session = soup_session_new_with_options ("timeout", lanes->timeout,
                                                        "max-conns", MAX_CONNECTIONS,
                                                        "max-conns-per-host", MAX_CONNECTIONS,
                                                        "user-agent", "Dimple ",
                                                        NULL);

  /* Objects are given as they were stored, whatever Content-Encoding somebody has put on them */
  soup_session_remove_feature_by_type (session, SOUP_TYPE_CONTENT_DECODER);
  if (lanes->tls_database != NULL)
    soup_session_set_tls_database (session, lanes->tls_database);
  if (lanes->proxy_resolver != NULL)
    soup_session_set_proxy_resolver (session, lanes->proxy_resolver);

  return session;
}

static DimpleS3Lane *
lane_new (DimpleS3Lanes *lanes)
{
  DimpleS3Lane *self = g_new0 (DimpleS3Lane, 1);

  self->session = make_session (lanes);
  g_queue_init (&self->waiting);

  return self;
}

static void
lane_free (gpointer data)
{
  DimpleS3Lane *self = data;

  g_object_unref (self->session);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_free (self);
}

SoupSession *
dimple_s3_lane_get_session (DimpleS3Lane *self)
{
  return self->session;
}

gboolean
dimple_s3_lane_enter (DimpleS3Lane *self,
                      GSource      *wake)
{
  if (self->n_inside == DIMPLE_S3_MAX_REQUESTS)
    {
      g_queue_push_tail (&self->waiting, g_source_ref (wake));
      return FALSE;
    }

  self->n_inside++;
  return TRUE;
}

gboolean
dimple_s3_lane_stop_waiting (DimpleS3Lane *self,
                             GSource      *wake)
{
  if (!g_queue_remove (&self->waiting, wake))
    return TRUE;

  g_source_unref (wake);
  return FALSE;
}

void
dimple_s3_lane_leave (DimpleS3Lane *self)
{
  g_autoptr (GSource) next = g_queue_pop_head (&self->waiting);

  /* The place is handed on, so that nobody who comes now takes it first */
  if (next != NULL)
    g_source_set_ready_time (next, 0);
  else
    self->n_inside--;
}

DimpleS3Lanes *
dimple_s3_lanes_new (guint           timeout,
                     GTlsDatabase   *tls_database,
                     GProxyResolver *proxy_resolver)
{
  DimpleS3Lanes *self = g_new0 (DimpleS3Lanes, 1);

  self->timeout = timeout;
  g_set_object (&self->tls_database, tls_database);
  g_set_object (&self->proxy_resolver, proxy_resolver);
  g_mutex_init (&self->lock);
  self->lanes = g_ptr_array_new_with_free_func (lane_free);

  return self;
}

void
dimple_s3_lanes_free (DimpleS3Lanes *self)
{
  g_ptr_array_unref (self->lanes);
  g_clear_object (&self->tls_database);
  g_clear_object (&self->proxy_resolver);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* The one that the context has, or else one that nobody has */
static DimpleS3Lane *
find_lane (DimpleS3Lanes *self,
           GMainContext  *context)
{
  DimpleS3Lane *found = NULL;

  for (guint i = 0; i < self->lanes->len; i++)
    {
      DimpleS3Lane *lane = g_ptr_array_index (self->lanes, i);

      if (lane->context == context)
        return lane;
      if (lane->context == NULL)
        found = lane;
    }

  return found;
}

DimpleS3Lane *
dimple_s3_lanes_take (DimpleS3Lanes *self,
                      GMainContext  *context)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  DimpleS3Lane *lane = find_lane (self, context);

  if (lane == NULL)
    {
      lane = lane_new (self);
      g_ptr_array_add (self->lanes, lane);
    }
  if (lane->context == NULL)
    lane->context = g_main_context_ref (context);
  lane->n_requests++;

  return lane;
}

void
dimple_s3_lanes_give_back (DimpleS3Lanes *self,
                           DimpleS3Lane  *lane)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (--lane->n_requests == 0)
    g_clear_pointer (&lane->context, g_main_context_unref);
}
