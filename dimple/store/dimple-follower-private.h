/* dimple-follower-private.h: keeping a list of a store's own tables up to date
 *
 * After commits, whoever made them, something is read in another thread and then taken over in the owner's main
 * context; several commits in a row are one reading.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-store-private.h"

G_BEGIN_DECLS

typedef struct _DimpleFollower DimpleFollower;

typedef struct
{
  /* In the main context: what is to be read. */
  gpointer (*prepare)  (GObject     *owner);
  /* On a thread of the store's: reads it; frees `request`.  NULL: nothing to take over. */
  gpointer (*read)     (DimpleStore *store,
                        gpointer     request);
  /* In the main context: takes the result, unless the owner is gone.  TRUE: there is more to be read. */
  gboolean (*take)     (GObject     *owner,
                        gpointer     result);
  void     (*free_result) (gpointer  result);
} DimpleFollowerFuncs;

/* `context` is the owner's; the owner frees the follower when it goes. */
DimpleFollower *dimple_follower_new    (DimpleStore               *store,
                                        GMainContext              *context,
                                        const DimpleFollowerFuncs *funcs,
                                        GObject                   *owner);
void            dimple_follower_free   (DimpleFollower            *self);
/* Reads soon, as after a commit. */
void            dimple_follower_start  (DimpleFollower            *self);

G_END_DECLS
