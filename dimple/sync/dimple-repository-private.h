/* dimple-repository-private.h: what a storage holds, and whether it is ours
 *
 *   dimple/{repository}.json     {"format":1,"encryption":null} or "age"
 *
 * A marker's name is the id of the repository, which each of its storages has.  Two devices that start at once write
 * two; both stay valid.  A store adopts the markers it finds if it knows none, or any one of them; it writes those that
 * are missing, and remembers one only after the storage has answered.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-pack-private.h"
#include "dimple-requests-private.h"
#include "dimple-store-private.h"

G_BEGIN_DECLS

#define DIMPLE_REPOSITORY_FORMAT 1

/* One listing of a storage. */
typedef struct
{
  GHashTable *markers;      /* set of repository ids */
  GHashTable *packs;        /* key -> DimplePackName */
  gboolean    has_sealed;   /* there are objects that only age can open */
} DimpleListing;

DimpleListing *dimple_listing_new         (void);
void           dimple_listing_free        (DimpleListing        *self);
void           dimple_listing_add         (DimpleListing        *self,
                                           const char * const   *keys);
/* Lists all of a storage. */
DimpleListing *dimple_listing_load        (DimpleRequests       *requests,
                                           DimpleStorage        *storage,
                                           GError              **error);

/* Whether a storage is a folder, which others may carry from device to device, file by file. */
gboolean       dimple_storage_is_folder   (DimpleStorage        *storage);
/* Whether an object that a storage cannot open is sealed for a key that it lacks, and not for another passphrase. */
gboolean       dimple_storage_lacks_key   (DimpleStorage        *storage);
/* Whether what is put into a storage gets sealed. */
gboolean       dimple_storage_is_sealed   (DimpleStorage        *storage);

/* Makes sure that the storage holds this store's repository, or begins it there; nothing else may be asked before.
 * Fails, with nothing written, with DIMPLE_ERROR_REPOSITORY, DIMPLE_ERROR_ENCRYPTION or DIMPLE_ERROR_TOO_NEW. */
gboolean       dimple_repository_identify (DimpleStore          *store,
                                           DimpleRequests       *requests,
                                           DimpleStorage        *storage,
                                           DimpleListing        *listing,
                                           GError              **error);

/* The same, but that nothing is written; a storage that holds nothing yet is fine. */
gboolean       dimple_repository_check    (DimpleStore          *store,
                                           DimpleRequests       *requests,
                                           DimpleStorage        *storage,
                                           DimpleListing        *listing,
                                           GError              **error);

/* Moves an object that cannot be read, or is of no use, to damaged/, as it is. */
gboolean       dimple_repository_set_aside (DimpleRequests      *requests,
                                            DimpleStorage       *storage,
                                            const char          *key,
                                            GError             **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleListing, dimple_listing_free)

G_END_DECLS
