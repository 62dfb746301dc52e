/* dimple-live-objects-private.h: the row objects that somebody holds
 *
 * A row has one object as long as somebody holds it, so that it is the same wherever the row moves.  Rows are told by a
 * number that stays with the row: its rowid, or one that was given to it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

typedef struct _DimpleLiveObjects DimpleLiveObjects;

DimpleLiveObjects *dimple_live_objects_new      (void);
void               dimple_live_objects_free     (DimpleLiveObjects *self);
/* A new reference, or NULL if nobody holds one. */
GObject           *dimple_live_objects_get      (DimpleLiveObjects *self,
                                                 gint64             id);
void               dimple_live_objects_add      (DimpleLiveObjects *self,
                                                 gint64             id,
                                                 GObject           *object);
/* The row is gone; its object, if there is one, is nobody's. */
void               dimple_live_objects_forget   (DimpleLiveObjects *self,
                                                 gint64             id);
void               dimple_live_objects_forget_all (DimpleLiveObjects *self);
/* The numbers of all rows that may have an object. */
GArray            *dimple_live_objects_dup_ids  (DimpleLiveObjects *self);
gboolean           dimple_live_objects_is_empty (DimpleLiveObjects *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleLiveObjects, dimple_live_objects_free)

G_END_DECLS
