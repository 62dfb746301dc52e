/* dimple-encrypted-storage-private.h: what tests need of an encrypted storage
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-encrypted-storage.h"

G_BEGIN_DECLS

/* Of scrypt, for identities that are made from now on */
void dimple_encrypted_storage_set_work_factor (DimpleEncryptedStorage *self,
                                               guint                   work_factor);

G_END_DECLS
