/* dimple-sync-verify-private.h: whether a store and its storages hold the same
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-storage.h"
#include "dimple-store-private.h"

G_BEGIN_DECLS

/* What was found, and what was read for it. */
typedef struct
{
  GHashTable *differing;         /* set of "table/key" */
  guint64     n_digested;        /* rows of either side for the digests of tables */
  guint64     n_compared;        /* of tables whose digests differ, to name rows */
} DimpleSyncFindings;

void         dimple_sync_findings_init  (DimpleSyncFindings  *self);
void         dimple_sync_findings_clear (DimpleSyncFindings  *self);
/* What differs, in order; NULL-terminated. */
char       **dimple_sync_findings_steal (DimpleSyncFindings  *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleSyncFindings, dimple_sync_findings_clear)

/* Adds the rows that a new device would show otherwise after syncing with `storage`.  On a thread of its own; writes
 * nothing but that it sets damaged objects aside. */
gboolean     dimple_sync_verify         (DimpleStore         *store,
                                         DimpleStorage       *storage,
                                         DimpleSyncFindings  *findings,
                                         GCancellable        *cancellable,
                                         GError             **error);

/* Adds the rows that differ, of tables that are tracked in both, in columns that both have. */
gboolean     dimple_sync_compare        (DimpleStore         *one,
                                         DimpleStore         *other,
                                         DimpleSyncFindings  *findings,
                                         GCancellable        *cancellable,
                                         GError             **error);

/* An empty store with the tables of another one. */
typedef struct
{
  DimpleStore *store;
  char        *folder;
} DimpleSyncScratch;

DimpleSyncScratch *dimple_sync_scratch_new  (DimpleStore        *store,
                                             GError            **error);
void               dimple_sync_scratch_free (DimpleSyncScratch  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleSyncScratch, dimple_sync_scratch_free)

G_END_DECLS
