/* dimple-age-payload-private.h: the payload of an age file: chunks of 64 KiB, each authentic by itself and in its place
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-age-crypto-private.h"

G_BEGIN_DECLS

#define DIMPLE_AGE_NONCE_SIZE        16
#define DIMPLE_AGE_CHUNK_SIZE        (64 * 1024)
#define DIMPLE_AGE_SEALED_CHUNK_SIZE (DIMPLE_AGE_CHUNK_SIZE + DIMPLE_AGE_TAG_SIZE)

typedef struct
{
  gcry_cipher_hd_t cipher;
  guint8 nonce[12];             /* the number of the chunk, big-endian, and whether it is the last */
} DimpleAgePayload;

typedef enum
{
  DIMPLE_AGE_CHUNK_INNER,
  DIMPLE_AGE_CHUNK_LAST
} DimpleAgeChunk;

void     dimple_age_payload_begin (DimpleAgePayload   *self,
                                   const DimpleAgeKey *file_key,
                                   const guint8        nonce[DIMPLE_AGE_NONCE_SIZE]);
void     dimple_age_payload_end   (DimpleAgePayload   *self);
void     dimple_age_payload_seal  (DimpleAgePayload   *self,
                                   DimpleAgeChunk      chunk,
                                   const guint8       *plaintext,
                                   gsize               size,
                                   guint8             *sealed);
/* `size` is of the plaintext; after a FALSE the same chunk may be tried as the other kind */
gboolean dimple_age_payload_open  (DimpleAgePayload   *self,
                                   DimpleAgeChunk      chunk,
                                   const guint8       *sealed,
                                   gsize               size,
                                   guint8             *plaintext);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleAgePayload, dimple_age_payload_end)

G_END_DECLS
