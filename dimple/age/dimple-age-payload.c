/* dimple-age-payload.c: the payload of an age file: chunks of 64 KiB, each authentic by itself and in its place
 *
 * Each chunk has its number in its nonce, and the last one says that it is the last, so that none can be left out,
 * doubled or moved.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-age-payload-private.h"

#include <string.h>

#define N_COUNTER_BYTES 11
#define LAST_FLAG       11

void
dimple_age_payload_begin (DimpleAgePayload   *self,
                          const DimpleAgeKey *file_key,
                          const guint8        nonce[DIMPLE_AGE_NONCE_SIZE])
{
  g_autoptr (DimpleAgeKey) key = dimple_age_key_new ();

  dimple_age_hkdf (file_key->bytes, DIMPLE_AGE_FILE_KEY_SIZE, nonce, DIMPLE_AGE_NONCE_SIZE, "payload", key);
  self->cipher = dimple_age_cipher_open (key);
  memset (self->nonce, 0, sizeof self->nonce);
}

void
dimple_age_payload_end (DimpleAgePayload *self)
{
  g_clear_pointer (&self->cipher, gcry_cipher_close);
}

static gboolean
is_first (const DimpleAgePayload *self)
{
  for (gsize i = 0; i < N_COUNTER_BYTES; i++)
    if (self->nonce[i] != 0)
      return FALSE;

  return TRUE;
}

static void
count (DimpleAgePayload *self)
{
  for (gsize i = N_COUNTER_BYTES; i-- > 0 && ++self->nonce[i] == 0;)
    ;
}

void
dimple_age_payload_seal (DimpleAgePayload *self,
                         DimpleAgeChunk    chunk,
                         const guint8     *plaintext,
                         gsize             size,
                         guint8           *sealed)
{
  self->nonce[LAST_FLAG] = chunk == DIMPLE_AGE_CHUNK_LAST;
  dimple_age_cipher_seal (self->cipher, self->nonce, plaintext, size, sealed);
  count (self);
}

gboolean
dimple_age_payload_open (DimpleAgePayload *self,
                         DimpleAgeChunk    chunk,
                         const guint8     *sealed,
                         gsize             size,
                         guint8           *plaintext)
{
  /* An empty chunk would be a second way to end the same payload */
  if (size == 0 && !is_first (self))
    return FALSE;

  self->nonce[LAST_FLAG] = chunk == DIMPLE_AGE_CHUNK_LAST;
  if (!dimple_age_cipher_unseal (self->cipher, self->nonce, sealed, size, plaintext))
    return FALSE;

  count (self);
  return TRUE;
}
