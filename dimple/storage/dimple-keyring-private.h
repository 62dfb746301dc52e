/* dimple-keyring-private.h: the identities of an encrypted repository
 *
 * A repository has an X25519 identity, sealed by the passphrase, in identities/{id}.age.  Two devices that start at
 * once make two: all are tried to open an object, and the one of the smallest id is for whom objects are sealed.  They
 * are read when they are first needed, and once only, because scrypt is slow on purpose.
 *
 * All of it can be used from any thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-age-private.h"
#include "dimple-storage.h"

G_BEGIN_DECLS

typedef enum
{
  DIMPLE_KEYRING_LOAD    = 0,           /* reads the identities if that was not done */
  DIMPLE_KEYRING_CREATE  = 1 << 0,      /* and makes one if there is none, or puts there again what is gone */
  DIMPLE_KEYRING_REFRESH = 1 << 1       /* also looks whether others have come */
} DimpleKeyringFlags;

#define DIMPLE_TYPE_KEYRING (dimple_keyring_get_type ())
G_DECLARE_FINAL_TYPE (DimpleKeyring, dimple_keyring, DIMPLE, KEYRING, GObject)

DimpleKeyring *dimple_keyring_new_for_passphrase       (DimpleStorage        *storage,
                                                        const char           *passphrase);
DimpleKeyring *dimple_keyring_new_for_identity         (DimpleStorage        *storage,
                                                        DimpleAgeIdentity    *identity);

/* For tests, which have no time for the one that is safe */
void           dimple_keyring_set_work_factor          (DimpleKeyring        *self,
                                                        guint                 work_factor);

/* Fails with DIMPLE_ERROR_PASSPHRASE if there are identities and the passphrase opens none of them, and with
 * DIMPLE_ERROR_ENCRYPTION if one would have to be made in a repository that is not encrypted. */
void           dimple_keyring_load_async               (DimpleKeyring        *self,
                                                        DimpleKeyringFlags    flags,
                                                        GCancellable         *cancellable,
                                                        GAsyncReadyCallback   callback,
                                                        gpointer              user_data);
gboolean       dimple_keyring_load_finish              (DimpleKeyring        *self,
                                                        GAsyncResult         *result,
                                                        GError              **error);
guint          dimple_keyring_get_n_identities         (DimpleKeyring        *self);
/* It has opened identities of the repository, and there are none that it does not open */
gboolean       dimple_keyring_knows_passphrase         (DimpleKeyring        *self);

/* What a whole listing has shown of identities/: a set of names */
void           dimple_keyring_note_listed              (DimpleKeyring        *self,
                                                        GHashTable           *listed);
/* One that is known was not among them, or there are none at all */
gboolean       dimple_keyring_lacks_identity           (DimpleKeyring        *self);

/* These two compute: not on the main thread */
GBytes        *dimple_keyring_seal                     (DimpleKeyring        *self,
                                                        GBytes               *plaintext,
                                                        GError              **error);
GBytes        *dimple_keyring_open                     (DimpleKeyring        *self,
                                                        GBytes               *sealed,
                                                        GError              **error);

void           dimple_keyring_change_passphrase_async  (DimpleKeyring        *self,
                                                        const char           *passphrase,
                                                        GCancellable         *cancellable,
                                                        GAsyncReadyCallback   callback,
                                                        gpointer              user_data);
gboolean       dimple_keyring_change_passphrase_finish (DimpleKeyring        *self,
                                                        GAsyncResult         *result,
                                                        GError              **error);

G_END_DECLS
