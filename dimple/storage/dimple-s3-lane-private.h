/* dimple-s3-lane-private.h: the connections that the requests of one main context share
 *
 * A request moves on only while its main context is run, and a blocking call runs one of its own.  So that none ever
 * waits for what goes on in another context of the same thread, each context has a lane for itself while it has
 * requests: a session of libsoup's, and places for so many requests at once.  Later the lane is lent to another
 * context, as its connections are still open.
 *
 * The limit on requests at once is ours, not the session's: with HTTP/2, many requests share one connection, and a
 * request that libsoup keeps waiting would have been signed long before it is sent.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

/* In one lane */
#define DIMPLE_S3_MAX_REQUESTS 8

typedef struct _DimpleS3Lane DimpleS3Lane;
typedef struct _DimpleS3Lanes DimpleS3Lanes;

/* Both may be NULL; `timeout` in seconds.  Lanes may be used from any thread. */
DimpleS3Lanes *dimple_s3_lanes_new         (guint            timeout,
                                            GTlsDatabase    *tls_database,
                                            GProxyResolver  *proxy_resolver);
void           dimple_s3_lanes_free        (DimpleS3Lanes   *self);

/* The lane of this context; give it back when the request has ended, connection and all. */
DimpleS3Lane  *dimple_s3_lanes_take        (DimpleS3Lanes   *self,
                                            GMainContext    *context);
void           dimple_s3_lanes_give_back   (DimpleS3Lanes   *self,
                                            DimpleS3Lane    *lane);

/* The rest: in the lane's context. */
SoupSession   *dimple_s3_lane_get_session  (DimpleS3Lane    *self);
/* Whether there is a place now.  If not, `wake` is made ready when one is given; ask stop_waiting() then. */
gboolean       dimple_s3_lane_enter        (DimpleS3Lane    *self,
                                            GSource         *wake);
/* Whether a place was given, which is to be left; if not, none will be */
gboolean       dimple_s3_lane_stop_waiting (DimpleS3Lane    *self,
                                            GSource         *wake);
void           dimple_s3_lane_leave        (DimpleS3Lane    *self);

G_END_DECLS
