/* dimple-age-x25519.c: the recipient type X25519
 *
 * A stanza has a public key that was made for it alone.  What it and the recipient have in common wraps the file key.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-age-x25519-private.h"

#include <string.h>

#include "dimple-age-base64-private.h"

#define INFO "age-encryption.org/v1/X25519"

gboolean
dimple_age_x25519_multiply (const guint8  scalar[DIMPLE_AGE_KEY_SIZE],
                            const guint8 *point,
                            guint8        product[DIMPLE_AGE_POINT_SIZE])
{
  guint8 bits = 0;

  if (gcry_ecc_mul_point (GCRY_ECC_CURVE25519, product, scalar, point) != 0)
    return FALSE;

  for (gsize i = 0; i < DIMPLE_AGE_POINT_SIZE; i++)
    bits |= product[i];
  return bits != 0;
}

static void
derive_wrap_key (const DimpleAgeKey *shared,
                 const guint8        share[DIMPLE_AGE_POINT_SIZE],
                 const guint8        recipient[DIMPLE_AGE_POINT_SIZE],
                 DimpleAgeKey       *wrap_key)
{
  guint8 salt[2 * DIMPLE_AGE_POINT_SIZE];

  memcpy (salt, share, DIMPLE_AGE_POINT_SIZE);
  memcpy (salt + DIMPLE_AGE_POINT_SIZE, recipient, DIMPLE_AGE_POINT_SIZE);
  dimple_age_hkdf (shared->bytes, sizeof shared->bytes, salt, sizeof salt, INFO, wrap_key);
}

DimpleAgeStanza *
dimple_age_x25519_wrap (const guint8        recipient[DIMPLE_AGE_POINT_SIZE],
                        const DimpleAgeKey *file_key)
{
  g_autoptr (DimpleAgeKey) secret = dimple_age_key_new ();
  g_autoptr (DimpleAgeKey) shared = dimple_age_key_new ();
  g_autoptr (DimpleAgeKey) wrap_key = dimple_age_key_new ();
  g_autoptr (GString) share_text = g_string_new (NULL);
  guint8 share[DIMPLE_AGE_POINT_SIZE];
  guint8 wrapped[DIMPLE_AGE_WRAPPED_SIZE];
  DimpleAgeStanza *stanza;

  dimple_age_random (secret->bytes, sizeof secret->bytes);
  if (!dimple_age_x25519_multiply (secret->bytes, NULL, share) ||
      !dimple_age_x25519_multiply (secret->bytes, recipient, shared->bytes))
    return NULL;

  derive_wrap_key (shared, share, recipient, wrap_key);
  dimple_age_wrap (wrap_key, file_key, wrapped);

  dimple_age_base64_append (share_text, share, sizeof share);
  stanza = dimple_age_stanza_new (DIMPLE_AGE_X25519_TYPE, wrapped, sizeof wrapped);
  dimple_age_stanza_add_arg (stanza, share_text->str);
  return stanza;
}

static gboolean
parse_share (const DimpleAgeStanza *stanza,
             guint8                 share[DIMPLE_AGE_POINT_SIZE])
{
  return g_strv_length (stanza->args) == 2 && stanza->body->len == DIMPLE_AGE_WRAPPED_SIZE &&
         dimple_age_base64_decode_fixed (stanza->args[1], strlen (stanza->args[1]), share, DIMPLE_AGE_POINT_SIZE);
}

static DimpleAgeMatch
unwrap_stanza (const DimpleAgeKey    *secret,
               const guint8           recipient[DIMPLE_AGE_POINT_SIZE],
               const DimpleAgeStanza *stanza,
               DimpleAgeKey          *file_key)
{
  g_autoptr (DimpleAgeKey) shared = dimple_age_key_new ();
  g_autoptr (DimpleAgeKey) wrap_key = dimple_age_key_new ();
  guint8 share[DIMPLE_AGE_POINT_SIZE];

  if (!parse_share (stanza, share) || !dimple_age_x25519_multiply (secret->bytes, share, shared->bytes))
    return DIMPLE_AGE_MATCH_MALFORMED;

  derive_wrap_key (shared, share, recipient, wrap_key);
  return dimple_age_unwrap (wrap_key, stanza->body->data, file_key) ? DIMPLE_AGE_MATCH_YES : DIMPLE_AGE_MATCH_NO;
}

DimpleAgeMatch
dimple_age_x25519_unwrap (const DimpleAgeKey    *secret,
                          const guint8           recipient[DIMPLE_AGE_POINT_SIZE],
                          const DimpleAgeHeader *header,
                          DimpleAgeKey          *file_key)
{
  DimpleAgeMatch match = DIMPLE_AGE_MATCH_NO;
  guint8 share[DIMPLE_AGE_POINT_SIZE];

  /* A malformed stanza is refused wherever it is, also behind one that fits */
  for (guint i = 0; i < header->stanzas->len; i++)
    {
      const DimpleAgeStanza *stanza = g_ptr_array_index (header->stanzas, i);

      if (dimple_age_stanza_is (stanza, DIMPLE_AGE_X25519_TYPE) && !parse_share (stanza, share))
        return DIMPLE_AGE_MATCH_MALFORMED;
    }

  for (guint i = 0; match == DIMPLE_AGE_MATCH_NO && i < header->stanzas->len; i++)
    {
      const DimpleAgeStanza *stanza = g_ptr_array_index (header->stanzas, i);

      if (dimple_age_stanza_is (stanza, DIMPLE_AGE_X25519_TYPE))
        match = unwrap_stanza (secret, recipient, stanza, file_key);
    }
  return match;
}
