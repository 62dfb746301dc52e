/* dimple-encrypted-storage.h: seals what another storage keeps
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-storage.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_ENCRYPTED_STORAGE (dimple_encrypted_storage_get_type ())
DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (DimpleEncryptedStorage, dimple_encrypted_storage, DIMPLE, ENCRYPTED_STORAGE, GObject)

DIMPLE_AVAILABLE_IN_1_0
DimpleStorage *dimple_encrypted_storage_new                      (DimpleStorage           *storage,
                                                                  const char              *passphrase);
DIMPLE_AVAILABLE_IN_1_0
DimpleStorage *dimple_encrypted_storage_new_for_identity         (DimpleStorage           *storage,
                                                                  const char              *identity,
                                                                  GError                 **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean       dimple_encrypted_storage_change_passphrase        (DimpleEncryptedStorage  *self,
                                                                  const char              *passphrase,
                                                                  GCancellable            *cancellable,
                                                                  GError                 **error);
DIMPLE_AVAILABLE_IN_1_0
void           dimple_encrypted_storage_change_passphrase_async  (DimpleEncryptedStorage  *self,
                                                                  const char              *passphrase,
                                                                  GCancellable            *cancellable,
                                                                  GAsyncReadyCallback      callback,
                                                                  gpointer                 user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean       dimple_encrypted_storage_change_passphrase_finish (DimpleEncryptedStorage  *self,
                                                                  GAsyncResult            *result,
                                                                  GError                 **error);

G_END_DECLS
