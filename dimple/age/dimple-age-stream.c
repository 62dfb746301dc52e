/* dimple-age-stream.c: seals and opens streams, a chunk at a time
 *
 * Whether a full chunk is the last one shows only when nothing follows it, so one byte more than a chunk is read.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-age-private.h"

#include <string.h>

#include "dimple-age-file-private.h"

/* What is read at once: a chunk in either form, and the byte that follows it */
typedef struct
{
  GInputStream *stream;
  guint8 *data;
  gsize chunk_size;
  gsize size;                   /* of the chunk */
  gboolean has_next;            /* the byte behind the chunk: it is not the last one */
} ChunkReader;

static void
chunk_reader_clear (ChunkReader *self)
{
  g_clear_pointer (&self->data, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ChunkReader, chunk_reader_clear)

static gboolean
chunk_reader_next (ChunkReader   *self,
                   GCancellable  *cancellable,
                   GError       **error)
{
  gsize n_kept = self->has_next ? 1 : 0;
  gsize n_read;

  if (self->data == NULL)
    self->data = g_malloc (self->chunk_size + 1);
  if (self->has_next)
    self->data[0] = self->data[self->chunk_size];

  /* Not every stream looks at it */
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (!g_input_stream_read_all (self->stream, self->data + n_kept, self->chunk_size + 1 - n_kept, &n_read,
                                cancellable, error))
    return FALSE;

  self->size = MIN (n_kept + n_read, self->chunk_size);
  self->has_next = n_kept + n_read > self->chunk_size;
  return TRUE;
}

gboolean
dimple_age_seal_stream (GInputStream                *plaintext,
                        GOutputStream               *sealed,
                        DimpleAgeRecipient * const  *recipients,
                        gsize                        n_recipients,
                        GCancellable                *cancellable,
                        GError                     **error)
{
  g_auto (DimpleAgePayload) payload = { NULL };
  g_auto (ChunkReader) reader = { .stream = plaintext, .chunk_size = DIMPLE_AGE_CHUNK_SIZE };
  g_autofree guint8 *chunk = g_malloc (DIMPLE_AGE_SEALED_CHUNK_SIZE);
  g_autoptr (GString) start = dimple_age_file_begin (recipients, n_recipients, &payload, error);

  if (start == NULL || !g_output_stream_write_all (sealed, start->str, start->len, NULL, cancellable, error))
    return FALSE;

  do
    {
      if (!chunk_reader_next (&reader, cancellable, error))
        return FALSE;
      dimple_age_payload_seal (&payload, reader.has_next ? DIMPLE_AGE_CHUNK_INNER : DIMPLE_AGE_CHUNK_LAST,
                               reader.data, reader.size, chunk);
      if (!g_output_stream_write_all (sealed, chunk, reader.size + DIMPLE_AGE_TAG_SIZE, NULL, cancellable, error))
        return FALSE;
    }
  while (reader.has_next);

  return TRUE;
}

/* Leaves the start of the file in the buffer: the header if it has an end, and the nonce if there is one */
static gboolean
fill_start (GBufferedInputStream  *buffered,
            GCancellable          *cancellable,
            GError               **error)
{
  while (TRUE)
    {
      gsize available;
      const guint8 *data = g_buffered_input_stream_peek_buffer (buffered, &available);
      gsize header_size = available > 0 ? dimple_age_header_find_end (data, available) : 0;
      gssize n_read;

      if (header_size > 0 && available - header_size >= DIMPLE_AGE_NONCE_SIZE)
        return TRUE;
      if (available >= g_buffered_input_stream_get_buffer_size (buffered))
        return TRUE;

      n_read = g_buffered_input_stream_fill (buffered, -1, cancellable, error);
      if (n_read <= 0)
        return n_read == 0;
    }
}

static gboolean
open_chunk (DimpleAgePayload *payload,
            ChunkReader      *reader,
            guint8           *plaintext,
            gboolean         *has_rest)
{
  gsize size = reader->size - DIMPLE_AGE_TAG_SIZE;

  *has_rest = FALSE;
  if (reader->size < DIMPLE_AGE_TAG_SIZE)
    return FALSE;
  if (!reader->has_next)
    return dimple_age_payload_open (payload, DIMPLE_AGE_CHUNK_LAST, reader->data, size, plaintext);
  if (dimple_age_payload_open (payload, DIMPLE_AGE_CHUNK_INNER, reader->data, size, plaintext))
    return TRUE;

  /* The payload may end here and something else follow: then this chunk is good, and the file is not */
  *has_rest = dimple_age_payload_open (payload, DIMPLE_AGE_CHUNK_LAST, reader->data, size, plaintext);
  return *has_rest;
}

gboolean
dimple_age_open_stream (GInputStream                *sealed,
                        GOutputStream               *plaintext,
                        DimpleAgeIdentity * const   *identities,
                        gsize                        n_identities,
                        GCancellable                *cancellable,
                        DimpleAgeFailure            *failure,
                        GError                     **error)
{
  gsize max_start = DIMPLE_AGE_HEADER_MAX_SIZE + DIMPLE_AGE_NONCE_SIZE;
  g_autoptr (GInputStream) buffered = g_buffered_input_stream_new_sized (sealed, max_start);
  g_auto (DimpleAgePayload) payload = { NULL };
  g_auto (ChunkReader) reader = { .stream = buffered, .chunk_size = DIMPLE_AGE_SEALED_CHUNK_SIZE };
  g_autofree guint8 *chunk = g_malloc (DIMPLE_AGE_CHUNK_SIZE);
  gboolean has_rest = FALSE;
  const guint8 *data;
  gsize available;
  gsize start;

  if (failure != NULL)
    *failure = DIMPLE_AGE_FAILURE_NONE;
  g_filter_input_stream_set_close_base_stream (G_FILTER_INPUT_STREAM (buffered), FALSE);
  if (!fill_start (G_BUFFERED_INPUT_STREAM (buffered), cancellable, error))
    return FALSE;
  data = g_buffered_input_stream_peek_buffer (G_BUFFERED_INPUT_STREAM (buffered), &available);
  start = dimple_age_file_unlock (data, available, identities, n_identities, &payload, failure, error);
  if (start == 0 || g_input_stream_skip (buffered, start, cancellable, error) < 0)
    return FALSE;

  do
    {
      if (!chunk_reader_next (&reader, cancellable, error))
        return FALSE;
      if (!open_chunk (&payload, &reader, chunk, &has_rest))
        {
          dimple_age_set_payload_error (failure, error);
          return FALSE;
        }
      if (!g_output_stream_write_all (plaintext, chunk, reader.size - DIMPLE_AGE_TAG_SIZE, NULL, cancellable, error))
        return FALSE;
    }
  while (reader.has_next && !has_rest);

  if (has_rest)
    dimple_age_set_payload_error (failure, error);
  return !has_rest;
}
