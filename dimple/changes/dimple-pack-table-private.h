/* dimple-pack-table-private.h: what this device knows of packs of its own
 *
 * A pack's name says which transactions it has and not how large they are.  Noted is the size of what was put into it,
 * and how much of that the log still has since it was pruned: so compaction needs neither read the log nor the storage.
 * Pruning keeps the ends of these packs, as without them no pack that has all of theirs can be named.
 *
 * Only what saves work is lost with a row: which packs there are is what listings say.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-connection-private.h"
#include "dimple-log-private.h"

G_BEGIN_DECLS

typedef struct
{
  gint64 size;     /* bytes, as dimple_transaction_measure() counts */
  gint64 left;     /* of them, in the log */
} DimplePackSize;

/* The bytes that a transaction takes in a pack. */
gsize       dimple_transaction_measure       (const DimpleTransaction *transaction);

gboolean    dimple_pack_table_create         (DimpleConnection      *connection,
                                              GError               **error);
/* key of the object -> DimplePackSize */
GHashTable *dimple_pack_table_load           (DimpleConnection      *connection,
                                              GError               **error);
gboolean    dimple_pack_table_note           (DimpleConnection      *connection,
                                              const char            *key,
                                              const char            *first,
                                              const char            *last,
                                              const DimplePackSize  *size,
                                              GError               **error);
gboolean    dimple_pack_table_forget         (DimpleConnection      *connection,
                                              const char            *key,
                                              GError               **error);
/* The log was pruned: measures all of them anew. */
gboolean    dimple_pack_table_refresh        (DimpleConnection      *connection,
                                              GError               **error);
/* How much of an own pack the log has; negative if it lacks one of its ends. */
gboolean    dimple_pack_table_measure        (DimpleConnection      *connection,
                                              const char            *first,
                                              const char            *last,
                                              gint64                *size,
                                              GError               **error);

G_END_DECLS
