/* dimple-encrypted-storage-private.h: what sync and tests need of an encrypted storage
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-encrypted-storage.h"

G_BEGIN_DECLS

/* So what cannot be opened is sealed for an identity that is not there. */
gboolean dimple_encrypted_storage_knows_passphrase (DimpleEncryptedStorage *self);

/* A listing has shown that somebody has deleted an identity that is known here, or all.  It is put there again, or one
 * is made, before the next object is put. */
gboolean dimple_encrypted_storage_lacks_identity   (DimpleEncryptedStorage *self);

/* Of scrypt, for identities that are made from now on */
void     dimple_encrypted_storage_set_work_factor  (DimpleEncryptedStorage *self,
                                                    guint                   work_factor);

G_END_DECLS
