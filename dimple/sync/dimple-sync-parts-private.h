/* dimple-sync-parts-private.h: the parts of transactions that a listing shows
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-repository-private.h"

G_BEGIN_DECLS

/* The parts of one transaction, of one digest. */
typedef struct
{
  DimplePackName  name;         /* of the first part, listed or not; it stands for all of them */
  char           *key;
  GPtrArray      *keys;         /* of those that are listed; the listing's */
  gboolean        has_last;     /* so they all were there once */
} DimplePartSet;

/* key of the first part -> DimplePartSet; as long as the listing's packs are there. */
GHashTable *dimple_part_sets_new        (DimpleListing       *listing);
gboolean    dimple_part_set_is_complete (const DimplePartSet *self);

G_END_DECLS
