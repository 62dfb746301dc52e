/* dimple-read-point-private.h: commits that can still be read
 *
 * A list whose rows are read when they are asked for must go on reading the commit that it shows, until it shows the
 * next one.  A read point is a read transaction that keeps one commit readable.  The present one goes along with the
 * commits, a main-loop turn behind; an older one stays as long as somebody needs it.  A read transaction keeps the WAL
 * from beginning anew, so whenever it has become long the store moves it into the database, and the present point
 * begins its transaction again, at the same commit.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-store-private.h"

G_BEGIN_DECLS

typedef struct _DimpleReadPoints DimpleReadPoints;
typedef struct _DimpleReadPoint DimpleReadPoint;

DimpleReadPoints *dimple_read_points_new       (DimpleStore       *store);
void              dimple_read_points_free      (DimpleReadPoints  *self);
/* Opens a reader, if there is none, so that pinning is quick. */
gboolean          dimple_read_points_prepare   (DimpleReadPoints  *self,
                                                GError           **error);
/* The readers are closed; what was pinned is not any more. */
void              dimple_read_points_close     (DimpleReadPoints  *self);

/* A point of what is committed now.  To be called while no commit is under way. */
DimpleReadPoint  *dimple_read_points_add       (DimpleReadPoints  *self);
/* From now on the present point is what is committed now.  While no commit is under way, too.  FALSE if it has more in
 * the log than `last_seq`, which nobody has heard of. */
gboolean          dimple_read_points_advance   (DimpleReadPoints  *self,
                                                gint64             last_seq);
/* The present point is this one; FALSE if there is one. */
gboolean          dimple_read_points_begin_at  (DimpleReadPoints  *self,
                                                DimpleReadPoint   *point);
/* Nobody needs a present point; the next time it is read it is what is committed then. */
void              dimple_read_points_rest      (DimpleReadPoints  *self);
/* Nothing that matters was committed since the present point, but its transaction is in the way.  It stays as it is if
 * there is more in the log than `last_seq`. */
void              dimple_read_points_renew     (DimpleReadPoints  *self,
                                                gint64             last_seq);
DimpleReadPoint  *dimple_read_points_ref_head  (DimpleReadPoints  *self);
DimpleReadPoint  *dimple_read_point_ref        (DimpleReadPoint   *self);
void              dimple_read_point_unref      (DimpleReadPoint   *self);

/* Where the log ended then. */
gint64            dimple_read_point_get_seq    (DimpleReadPoint   *self);

/* A reader at the point (NULL: the present one), for the caller alone until end(); NULL if the store is closed.
 * Any thread. */
DimpleConnection *dimple_read_points_begin     (DimpleReadPoints  *self,
                                                DimpleReadPoint   *point);
void              dimple_read_points_end       (DimpleReadPoints  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleReadPoint, dimple_read_point_unref)

G_END_DECLS
