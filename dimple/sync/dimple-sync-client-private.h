/* dimple-sync-client-private.h: the client's parts that are in files of their own
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-auto-sync-private.h"
#include "dimple-enums.h"
#include "dimple-sync-client.h"
#include "dimple-sync-runner-private.h"

G_BEGIN_DECLS

/* For tests. */
DimpleAutoSync   *dimple_sync_client_get_auto_sync  (DimpleSyncClient *self);
DimpleSyncRunner *dimple_sync_client_get_runner     (DimpleSyncClient *self);
/* Where its storages may be asked for, and where those of the app's own are called. */
GMainContext     *dimple_sync_client_get_context    (DimpleSyncClient *self);
GPtrArray        *dimple_sync_client_copy_storages  (DimpleSyncClient *self);
/* The error of anything that needs a storage. */
void              dimple_sync_client_set_not_set_up (GError          **error);

/* -- What to tell the user ----------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleSyncState  state;
  gboolean         has_storage;
  gboolean         has_synced;
  guint            pending;
  double           progress;
  const GError    *error;         /* (nullable) of the last sync */
} DimpleSyncCondition;

/* One translated sentence. */
char           *dimple_sync_status_format        (const DimpleSyncCondition *condition);
/* Whether the user has to do something about it, rather than wait. */
gboolean        dimple_sync_error_is_final       (const GError              *error);

G_END_DECLS
