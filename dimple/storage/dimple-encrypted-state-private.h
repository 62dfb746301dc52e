/* dimple-encrypted-state-private.h: what an encrypted storage is made of, for its own files alone
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-encrypted-storage-private.h"
#include "dimple-keyring-private.h"
#include "dimple-task-storage-private.h"

G_BEGIN_DECLS

struct _DimpleEncryptedStorage
{
  GObject parent_instance;

  DimpleStorage *storage;
  DimpleKeyring *keyring;
};

/* The operations that take several steps; each answers the task in the end. */
void dimple_encrypted_storage_list         (DimpleEncryptedStorage *self,
                                            GTask                  *task);
void dimple_encrypted_storage_open_object  (DimpleEncryptedStorage *self,
                                            GTask                  *task);
/* Takes the task and the error */
void dimple_encrypted_storage_answer_error (GTask                  *task,
                                            GError                 *error);

G_END_DECLS
