/* dimple-sync-staging-private.h: parts that were fetched and wait for the others
 *
 * They wait in the store (see dimple-part-table-private.h), so a sync that was cut off goes on where it was.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-pack-private.h"
#include "dimple-store-private.h"

G_BEGIN_DECLS

typedef struct _DimpleSyncStaging DimpleSyncStaging;

/* Of what an earlier sync has left, too. */
DimpleSyncStaging *dimple_sync_staging_new    (DimpleStore           *store,
                                               GError               **error);
void               dimple_sync_staging_free   (DimpleSyncStaging     *self);

gboolean           dimple_sync_staging_is_empty (DimpleSyncStaging   *self);
gboolean           dimple_sync_staging_has    (DimpleSyncStaging     *self,
                                               const DimplePackName  *name);
/* How many parts of a transaction are there; `name` is of any. */
guint              dimple_sync_staging_count  (DimpleSyncStaging     *self,
                                               const DimplePackName  *name);
/* The names of first parts: of the transactions of which all parts are there. */
GArray            *dimple_sync_staging_list_whole (DimpleSyncStaging *self);
/* `contents` is the object.  Some are written at a time. */
gboolean           dimple_sync_staging_add    (DimpleSyncStaging     *self,
                                               const DimplePackName  *name,
                                               GBytes                *contents,
                                               GError               **error);
gboolean           dimple_sync_staging_flush  (DimpleSyncStaging     *self,
                                               GError               **error);
/* All parts are there: a pack of one transaction, which the merge reads part by part.  What is wrong with them comes to
 * light then (DIMPLE_ERROR_BAD_PACK). */
DimplePack        *dimple_sync_staging_open   (DimpleSyncStaging     *self,
                                               const DimplePackName  *name,
                                               GError               **error);
gboolean           dimple_sync_staging_forget (DimpleSyncStaging     *self,
                                               const DimplePackName  *name,
                                               GError               **error);
/* Forgets the transactions for which `func` says so. */
typedef gboolean (*DimpleStagedFunc)          (const DimplePackName  *name,
                                               gpointer               user_data);
gboolean           dimple_sync_staging_clean  (DimpleSyncStaging     *self,
                                               DimpleStagedFunc       func,
                                               gpointer               user_data,
                                               GError               **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleSyncStaging, dimple_sync_staging_free)

G_END_DECLS
