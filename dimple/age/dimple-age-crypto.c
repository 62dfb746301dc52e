/* dimple-age-crypto.c: the primitives of age, over libgcrypt
 *
 * libgcrypt is a library of the process, not ours: if the app has set it up, everything stays as the app wants it.
 *
 * Running out of memory ends the program, as everywhere in GLib.  A pool of secure memory that is too small does not:
 * its users fall back to memory that is not locked, but wiped all the same.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-age-crypto-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-error.h"

/* More is taken from the system when it is used up */
#define SECURE_POOL_SIZE (64 * 1024)

#define NONCE_SIZE 12

static gpointer
initialize (gpointer unused)
{
  if (!gcry_control (GCRYCTL_INITIALIZATION_FINISHED_P))
    {
      if (gcry_check_version ("1.10.0") == NULL)
        return GINT_TO_POINTER (FALSE);

      /* A process that may lock no memory is common in containers, and no news for the terminal */
      gcry_control (GCRYCTL_DISABLE_SECMEM_WARN);
      gcry_control (GCRYCTL_INIT_SECMEM, SECURE_POOL_SIZE, 0);
      gcry_control (GCRYCTL_AUTO_EXPAND_SECMEM, SECURE_POOL_SIZE, 0);
      gcry_control (GCRYCTL_INITIALIZATION_FINISHED, 0);
    }

  return GINT_TO_POINTER (gcry_cipher_test_algo (GCRY_CIPHER_CHACHA20) == 0 &&
                          gcry_md_test_algo (GCRY_MD_SHA256) == 0);
}

gboolean
dimple_age_init (GError **error)
{
  static GOnce once = G_ONCE_INIT;

  if (GPOINTER_TO_INT (g_once (&once, initialize, NULL)))
    return TRUE;

  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED,
                       _("Encryption needs ChaCha20-Poly1305, which libgcrypt does not offer on this system (it may be "
                         "in FIPS mode)."));
  return FALSE;
}

gpointer
dimple_age_secret_alloc (gsize size)
{
  /* Nothing is locked that does not fit in the pool; keys do */
  if (size > SECURE_POOL_SIZE / 4)
    return gcry_xcalloc (1, size);

  return gcry_xcalloc_secure (1, MAX (size, 1));
}

void
dimple_age_secret_free (gpointer secret,
                        gsize    size)
{
  if (secret == NULL)
    return;

  /* libgcrypt wipes what it frees in its pool, but an app may have turned the pool off */
  explicit_bzero (secret, size);
  gcry_free (secret);
}

DimpleAgeKey *
dimple_age_key_new (void)
{
  return dimple_age_secret_alloc (sizeof (DimpleAgeKey));
}

void
dimple_age_key_free (DimpleAgeKey *key)
{
  dimple_age_secret_free (key, sizeof *key);
}

void
dimple_age_random (guint8 *bytes,
                   gsize   size)
{
  gcry_randomize (bytes, size, GCRY_STRONG_RANDOM);
}

/* Nothing here fails but for a mistake of ours, or for memory */
static void
check (gcry_error_t code)
{
  if (G_UNLIKELY (code != 0))
    g_error ("libgcrypt: %s", gcry_strerror (code));
}

void
dimple_age_hmac (const guint8 *key,
                 gsize         key_size,
                 const guint8 *data,
                 gsize         size,
                 guint8        mac[DIMPLE_AGE_MAC_SIZE])
{
  gcry_md_hd_t hash;

  if (gcry_md_open (&hash, GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC | GCRY_MD_FLAG_SECURE) != 0)
    check (gcry_md_open (&hash, GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC));
  check (gcry_md_setkey (hash, key, key_size));
  gcry_md_write (hash, data, size);
  memcpy (mac, gcry_md_read (hash, GCRY_MD_SHA256), DIMPLE_AGE_MAC_SIZE);
  gcry_md_close (hash);
}

/* HKDF of RFC 5869 with SHA-256, for a key as long as the hash: one round of its second step is enough */
void
dimple_age_hkdf (const guint8 *material,
                 gsize         material_size,
                 const guint8 *salt,
                 gsize         salt_size,
                 const char   *info,
                 DimpleAgeKey *key)
{
  static const guint8 no_salt[DIMPLE_AGE_MAC_SIZE] = { 0 };
  g_autoptr (DimpleAgeKey) extracted = dimple_age_key_new ();
  gsize info_size = strlen (info);
  guint8 block[64];

  g_assert (info_size < sizeof block);

  if (salt_size == 0)
    dimple_age_hmac (no_salt, sizeof no_salt, material, material_size, extracted->bytes);
  else
    dimple_age_hmac (salt, salt_size, material, material_size, extracted->bytes);

  memcpy (block, info, info_size);
  block[info_size] = 1;
  dimple_age_hmac (extracted->bytes, sizeof extracted->bytes, block, info_size + 1, key->bytes);
}

/* To be closed with gcry_cipher_close() */
gcry_cipher_hd_t
dimple_age_cipher_open (const DimpleAgeKey *key)
{
  gcry_cipher_hd_t cipher;

  if (gcry_cipher_open (&cipher, GCRY_CIPHER_CHACHA20, GCRY_CIPHER_MODE_POLY1305, GCRY_CIPHER_SECURE) != 0)
    check (gcry_cipher_open (&cipher, GCRY_CIPHER_CHACHA20, GCRY_CIPHER_MODE_POLY1305, 0));
  check (gcry_cipher_setkey (cipher, key->bytes, sizeof key->bytes));
  return cipher;
}

/* Writes `size` and a tag's bytes */
void
dimple_age_cipher_seal (gcry_cipher_hd_t  cipher,
                        const guint8      nonce[NONCE_SIZE],
                        const guint8     *plaintext,
                        gsize             size,
                        guint8           *sealed)
{
  check (gcry_cipher_setiv (cipher, nonce, NONCE_SIZE));
  check (gcry_cipher_encrypt (cipher, sealed, size, plaintext, size));
  check (gcry_cipher_gettag (cipher, sealed + size, DIMPLE_AGE_TAG_SIZE));
}

/* Reads `size` and a tag's bytes; what is not authentic leaves nothing in `plaintext` */
gboolean
dimple_age_cipher_unseal (gcry_cipher_hd_t  cipher,
                          const guint8      nonce[NONCE_SIZE],
                          const guint8     *sealed,
                          gsize             size,
                          guint8           *plaintext)
{
  check (gcry_cipher_setiv (cipher, nonce, NONCE_SIZE));
  check (gcry_cipher_decrypt (cipher, plaintext, size, sealed, size));
  if (gcry_cipher_checktag (cipher, sealed + size, DIMPLE_AGE_TAG_SIZE) == 0)
    return TRUE;

  explicit_bzero (plaintext, size);
  return FALSE;
}

static const guint8 zero_nonce[NONCE_SIZE] = { 0 };

void
dimple_age_wrap (const DimpleAgeKey *wrap_key,
                 const DimpleAgeKey *file_key,
                 guint8              wrapped[DIMPLE_AGE_WRAPPED_SIZE])
{
  gcry_cipher_hd_t cipher = dimple_age_cipher_open (wrap_key);

  dimple_age_cipher_seal (cipher, zero_nonce, file_key->bytes, DIMPLE_AGE_FILE_KEY_SIZE, wrapped);
  gcry_cipher_close (cipher);
}

gboolean
dimple_age_unwrap (const DimpleAgeKey *wrap_key,
                   const guint8        wrapped[DIMPLE_AGE_WRAPPED_SIZE],
                   DimpleAgeKey       *file_key)
{
  gcry_cipher_hd_t cipher = dimple_age_cipher_open (wrap_key);
  gboolean authentic = dimple_age_cipher_unseal (cipher, zero_nonce, wrapped, DIMPLE_AGE_FILE_KEY_SIZE,
                                                 file_key->bytes);

  gcry_cipher_close (cipher);
  return authentic;
}
