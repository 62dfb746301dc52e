/* dimple-age.c: seals and opens whole buffers
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-age-private.h"

#include <string.h>

#include "dimple-age-file-private.h"

gboolean
dimple_age_is_sealed (GBytes *contents)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (contents, &size);

  return size >= strlen (DIMPLE_AGE_MAGIC) && memcmp (data, DIMPLE_AGE_MAGIC, strlen (DIMPLE_AGE_MAGIC)) == 0;
}

/* --- Sealing --- */

/* A payload of nothing is one empty chunk */
static gsize
count_chunks (gsize size,
              gsize chunk_size)
{
  return MAX (size / chunk_size + (size % chunk_size != 0), 1);
}

static void
seal_chunks (DimpleAgePayload *payload,
             const guint8     *plaintext,
             gsize             size,
             guint8           *sealed)
{
  for (gsize n = count_chunks (size, DIMPLE_AGE_CHUNK_SIZE); n > 0; n--)
    {
      gsize chunk_size = MIN (size, DIMPLE_AGE_CHUNK_SIZE);

      dimple_age_payload_seal (payload, n == 1 ? DIMPLE_AGE_CHUNK_LAST : DIMPLE_AGE_CHUNK_INNER,
                               plaintext, chunk_size, sealed);
      plaintext += chunk_size;
      size -= chunk_size;
      sealed += chunk_size + DIMPLE_AGE_TAG_SIZE;
    }
}

GBytes *
dimple_age_seal (GBytes                      *plaintext,
                 DimpleAgeRecipient * const  *recipients,
                 gsize                        n_recipients,
                 GError                     **error)
{
  g_auto (DimpleAgePayload) payload = { NULL };
  g_autoptr (GString) start = NULL;
  gsize size;
  const guint8 *data = g_bytes_get_data (plaintext, &size);
  gsize sealed_size;
  guint8 *sealed;

  start = dimple_age_file_begin (recipients, n_recipients, &payload, error);
  if (start == NULL)
    return NULL;

  sealed_size = start->len + size + count_chunks (size, DIMPLE_AGE_CHUNK_SIZE) * DIMPLE_AGE_TAG_SIZE;
  sealed = g_malloc (sealed_size);
  memcpy (sealed, start->str, start->len);
  seal_chunks (&payload, size > 0 ? data : (const guint8 *) "", size, sealed + start->len);
  return g_bytes_new_take (sealed, sealed_size);
}

/* --- Opening --- */

/* Where the plaintext goes */
typedef struct
{
  guint8 *data;
  gsize size;
  gboolean secret;
} Buffer;

static void
buffer_free (gpointer user_data)
{
  Buffer *self = user_data;

  if (self->secret)
    dimple_age_secret_free (self->data, self->size);
  else
    g_free (self->data);
  g_free (self);
}

static Buffer *
buffer_new (gsize    size,
            gboolean secret)
{
  Buffer *self = g_new0 (Buffer, 1);

  self->data = secret ? dimple_age_secret_alloc (size) : g_malloc (MAX (size, 1));
  self->size = size;
  self->secret = secret;
  return self;
}

static gboolean
open_chunks (DimpleAgePayload *payload,
             const guint8     *sealed,
             gsize             size,
             guint8           *plaintext)
{
  for (gsize n = count_chunks (size, DIMPLE_AGE_SEALED_CHUNK_SIZE); n > 0; n--)
    {
      gsize sealed_size = MIN (size, DIMPLE_AGE_SEALED_CHUNK_SIZE);
      gsize chunk_size = sealed_size - DIMPLE_AGE_TAG_SIZE;

      if (!dimple_age_payload_open (payload, n == 1 ? DIMPLE_AGE_CHUNK_LAST : DIMPLE_AGE_CHUNK_INNER,
                                    sealed, chunk_size, plaintext))
        return FALSE;
      sealed += sealed_size;
      size -= sealed_size;
      plaintext += chunk_size;
    }
  return TRUE;
}

/* The size of the plaintext of chunks; FALSE if they are cut within a tag */
static gboolean
measure_plaintext (gsize  sealed_size,
                   gsize *size)
{
  gsize n_chunks = count_chunks (sealed_size, DIMPLE_AGE_SEALED_CHUNK_SIZE);
  gsize last_size = sealed_size - (n_chunks - 1) * DIMPLE_AGE_SEALED_CHUNK_SIZE;

  *size = sealed_size - n_chunks * DIMPLE_AGE_TAG_SIZE;
  return last_size >= DIMPLE_AGE_TAG_SIZE;
}

static GBytes *
open_into (GBytes                      *sealed,
           DimpleAgeIdentity * const   *identities,
           gsize                        n_identities,
           gboolean                     secret,
           DimpleAgeFailure            *failure,
           GError                     **error)
{
  g_auto (DimpleAgePayload) payload = { NULL };
  gsize sealed_size;
  const guint8 *data = g_bytes_get_data (sealed, &sealed_size);
  gsize start = dimple_age_file_unlock (data, sealed_size, identities, n_identities, &payload, failure, error);
  gsize size;
  Buffer *buffer;

  if (start == 0)
    return NULL;
  if (!measure_plaintext (sealed_size - start, &size))
    {
      dimple_age_set_payload_error (failure, error);
      return NULL;
    }

  buffer = buffer_new (size, secret);
  if (!open_chunks (&payload, data + start, sealed_size - start, buffer->data))
    {
      explicit_bzero (buffer->data, buffer->size);
      buffer_free (buffer);
      dimple_age_set_payload_error (failure, error);
      return NULL;
    }
  return g_bytes_new_with_free_func (buffer->data, buffer->size, buffer_free, buffer);
}

GBytes *
dimple_age_open (GBytes                      *sealed,
                 DimpleAgeIdentity * const   *identities,
                 gsize                        n_identities,
                 DimpleAgeFailure            *failure,
                 GError                     **error)
{
  return open_into (sealed, identities, n_identities, FALSE, failure, error);
}

GBytes *
dimple_age_open_secret (GBytes                      *sealed,
                        DimpleAgeIdentity * const   *identities,
                        gsize                        n_identities,
                        DimpleAgeFailure            *failure,
                        GError                     **error)
{
  return open_into (sealed, identities, n_identities, TRUE, failure, error);
}
