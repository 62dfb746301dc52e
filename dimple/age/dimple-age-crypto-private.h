/* dimple-age-crypto-private.h: the primitives of age, over libgcrypt
 *
 * Keys live in libgcrypt's secure memory, which is locked where the system allows it, and are wiped when they are
 * freed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gcrypt.h>
#include <glib.h>

G_BEGIN_DECLS

#define DIMPLE_AGE_KEY_SIZE      32
#define DIMPLE_AGE_FILE_KEY_SIZE 16
#define DIMPLE_AGE_MAC_SIZE      32
#define DIMPLE_AGE_TAG_SIZE      16
/* A file key as a stanza carries it */
#define DIMPLE_AGE_WRAPPED_SIZE  (DIMPLE_AGE_FILE_KEY_SIZE + DIMPLE_AGE_TAG_SIZE)

/* A secret: a file key fills the first half only */
typedef struct
{
  guint8 bytes[DIMPLE_AGE_KEY_SIZE];
} DimpleAgeKey;

/* FALSE if libgcrypt is not fit for age: call it before anything else here */
gboolean         dimple_age_init          (GError             **error);

gpointer         dimple_age_secret_alloc  (gsize                size);
void             dimple_age_secret_free   (gpointer             secret,
                                           gsize                size);

DimpleAgeKey    *dimple_age_key_new       (void);
void             dimple_age_key_free      (DimpleAgeKey        *key);

void             dimple_age_random        (guint8              *bytes,
                                           gsize                size);
void             dimple_age_hmac          (const guint8        *key,
                                           gsize                key_size,
                                           const guint8        *data,
                                           gsize                size,
                                           guint8               mac[DIMPLE_AGE_MAC_SIZE]);
void             dimple_age_hkdf          (const guint8        *material,
                                           gsize                material_size,
                                           const guint8        *salt,
                                           gsize                salt_size,
                                           const char          *info,
                                           DimpleAgeKey        *key);

/* ChaCha20-Poly1305 */
gcry_cipher_hd_t dimple_age_cipher_open   (const DimpleAgeKey  *key);
void             dimple_age_cipher_seal   (gcry_cipher_hd_t     cipher,
                                           const guint8         nonce[12],
                                           const guint8        *plaintext,
                                           gsize                size,
                                           guint8              *sealed);
gboolean         dimple_age_cipher_unseal (gcry_cipher_hd_t     cipher,
                                           const guint8         nonce[12],
                                           const guint8        *sealed,
                                           gsize                size,
                                           guint8              *plaintext);

/* How both native recipient types carry the file key: sealed with a nonce of zeros */
void             dimple_age_wrap          (const DimpleAgeKey  *wrap_key,
                                           const DimpleAgeKey  *file_key,
                                           guint8               wrapped[DIMPLE_AGE_WRAPPED_SIZE]);
gboolean         dimple_age_unwrap        (const DimpleAgeKey  *wrap_key,
                                           const guint8         wrapped[DIMPLE_AGE_WRAPPED_SIZE],
                                           DimpleAgeKey        *file_key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleAgeKey, dimple_age_key_free)

G_END_DECLS
