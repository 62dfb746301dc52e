/* dimple-sync-client.h: keeps a store in sync with storages
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-storage.h"
#include "dimple-store.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_SYNC_CLIENT (dimple_sync_client_get_type ())
DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (DimpleSyncClient, dimple_sync_client, DIMPLE, SYNC_CLIENT, GObject)

DIMPLE_AVAILABLE_IN_1_0
DimpleSyncClient *dimple_sync_client_new            (DimpleStore          *store,
                                                     DimpleStorage        *storage);
DIMPLE_AVAILABLE_IN_1_0
void              dimple_sync_client_add_storage    (DimpleSyncClient     *self,
                                                     DimpleStorage        *storage);
DIMPLE_AVAILABLE_IN_1_0
void              dimple_sync_client_remove_storage (DimpleSyncClient     *self,
                                                     DimpleStorage        *storage);
DIMPLE_AVAILABLE_IN_1_0
GListModel       *dimple_sync_client_get_storages   (DimpleSyncClient     *self);
DIMPLE_AVAILABLE_IN_1_0
gboolean          dimple_sync_client_sync           (DimpleSyncClient     *self,
                                                     GCancellable         *cancellable,
                                                     GError              **error);
DIMPLE_AVAILABLE_IN_1_0
void              dimple_sync_client_sync_async     (DimpleSyncClient     *self,
                                                     GCancellable         *cancellable,
                                                     GAsyncReadyCallback   callback,
                                                     gpointer              user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean          dimple_sync_client_sync_finish    (DimpleSyncClient     *self,
                                                     GAsyncResult         *result,
                                                     GError              **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean          dimple_sync_client_verify         (DimpleSyncClient     *self,
                                                     GCancellable         *cancellable,
                                                     char               ***differing,
                                                     GError              **error);
DIMPLE_AVAILABLE_IN_1_0
void              dimple_sync_client_verify_async   (DimpleSyncClient     *self,
                                                     GCancellable         *cancellable,
                                                     GAsyncReadyCallback   callback,
                                                     gpointer              user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean          dimple_sync_client_verify_finish  (DimpleSyncClient     *self,
                                                     GAsyncResult         *result,
                                                     char               ***differing,
                                                     GError              **error);

G_END_DECLS
