/* dimple-wal-private.h: the write-ahead log of the connection that writes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-connection-private.h"

G_BEGIN_DECLS

/* How long it is, in frames */
typedef struct
{
  int n_frames;      /* after the last COMMIT … */
  int next_try;      /* frames; 0: as soon as it is long */
} DimpleWal;

/* Counts the frames of the connection's commits from now on; `self` has to live as long as the connection. */
void     dimple_wal_watch      (DimpleWal         *self,
                                DimpleConnection  *connection);
/* Whether SQLite's own checkpoints do not let it begin anew. */
gboolean dimple_wal_is_long    (const DimpleWal   *self);
/* Moves what is in it into the database file, and lets it begin anew.  `renew` makes readers that see the last commit
 * begin again, as each of them keeps it. */
void     dimple_wal_empty      (DimpleWal         *self,
                                DimpleConnection  *connection,
                                void             (*renew) (gpointer),
                                gpointer           user_data);
/* Makes all that is committed survive a power cut. */
gboolean dimple_wal_sync       (DimpleConnection  *connection,
                                GError           **error);

G_END_DECLS
