/* dimple-snapshot-private.h: the rows of one SELECT, as they were when it ran
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-row-shape-private.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_SNAPSHOT (dimple_snapshot_get_type ())

G_DECLARE_FINAL_TYPE (DimpleSnapshot, dimple_snapshot, DIMPLE, SNAPSHOT, GObject)

DimpleSnapshot *dimple_snapshot_new     (DimpleRowShape *shape,
                                         GType           type);     /* 0: the shape's own */
/* The row that the statement stands on.  On any thread, before anybody else has the snapshot. */
void            dimple_snapshot_add_row (DimpleSnapshot *self,
                                         sqlite3_stmt   *statement);

G_END_DECLS
