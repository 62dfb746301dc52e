/* age-fixture.h: identities, and opening by both forms, for the tests of the age format
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <string.h>

#include <dimple.h>

#include "dimple-age-base64-private.h"
#include "dimple-age-bech32-private.h"
#include "dimple-age-payload-private.h"
#include "dimple-age-private.h"
#include "dimple-age-scrypt-private.h"
#include "dimple-age-x25519-private.h"

#define PASSPHRASE  "correct horse"
#define WORK_FACTOR 2

static DimpleAgeIdentity *identity;     /* that opens what the tests seal */
static DimpleAgeIdentity *stranger;
static DimpleAgeIdentity *passphrase;
static inline void
bytes_from_hex (const char *hex,
                guint8     *bytes,
                gsize       size)
{
  g_assert_cmpuint (strlen (hex), ==, 2 * size);
  for (gsize i = 0; i < size; i++)
    bytes[i] = g_ascii_xdigit_value (hex[2 * i]) << 4 | g_ascii_xdigit_value (hex[2 * i + 1]);
}

static inline GBytes *
make_plaintext (gsize size)
{
  guint8 *data = g_malloc (MAX (size, 1));

  for (gsize i = 0; i < size; i++)
    data[i] = (i * 7 + i / 65536) & 0xff;
  return g_bytes_new_take (data, size);
}

static inline GBytes *
seal_for (DimpleAgeIdentity *whom,
          GBytes            *plaintext)
{
  g_autoptr (DimpleAgeRecipient) recipient = dimple_age_identity_get_recipient (whom);
  g_autoptr (GError) error = NULL;
  GBytes *sealed = dimple_age_seal (plaintext, &recipient, 1, &error);

  g_assert_no_error (error);
  return sealed;
}

static inline int
code_of (DimpleAgeFailure failure)
{
  return failure == DIMPLE_AGE_FAILURE_NO_MATCH ? DIMPLE_ERROR_PASSPHRASE : DIMPLE_ERROR_BAD_PACK;
}

static inline void
assert_failure (GError           *error,
                DimpleAgeFailure  failure,
                DimpleAgeFailure  expected)
{
  g_assert_error (error, DIMPLE_ERROR, code_of (expected));
  g_assert_cmpint (failure, ==, expected);
}

/* Opens by both forms, which have to agree.  Of a stream, `n_released` bytes come out. */
static inline void
assert_open (GBytes              *sealed,
             DimpleAgeIdentity  **identities,
             gsize                n_identities,
             DimpleAgeFailure     expected,
             GBytes              *plaintext,
             gsize                n_released)
{
  g_autoptr (GInputStream) input = g_memory_input_stream_new_from_bytes (sealed);
  g_autoptr (GOutputStream) output = g_memory_output_stream_new_resizable ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) stream_error = NULL;
  DimpleAgeFailure failure = 99;
  g_autoptr (GBytes) opened = dimple_age_open (sealed, identities, n_identities, &failure, &error);
  GMemoryOutputStream *memory = G_MEMORY_OUTPUT_STREAM (output);

  if (expected == DIMPLE_AGE_FAILURE_NONE)
    {
      g_assert_no_error (error);
      g_assert_cmpint (failure, ==, DIMPLE_AGE_FAILURE_NONE);
      g_assert_true (g_bytes_equal (opened, plaintext));
    }
  else
    {
      g_assert_null (opened);
      assert_failure (error, failure, expected);
    }

  failure = 99;
  g_assert_cmpint (dimple_age_open_stream (input, output, identities, n_identities, NULL, &failure, &stream_error),
                   ==, expected == DIMPLE_AGE_FAILURE_NONE);
  g_assert_cmpint (failure, ==, expected);
  if (expected != DIMPLE_AGE_FAILURE_NONE)
    g_assert_cmpstr (stream_error->message, ==, error->message);
  g_assert_cmpuint (g_memory_output_stream_get_data_size (memory), ==, n_released);
  if (n_released > 0)
    g_assert_cmpmem (g_memory_output_stream_get_data (memory), n_released,
                     g_bytes_get_data (plaintext, NULL), n_released);
}

/* Runs the tests with the identities. */
static inline int
age_test_run (void)
{
  int result;

  identity = dimple_age_identity_generate (NULL);
  stranger = dimple_age_identity_generate (NULL);
  passphrase = dimple_age_identity_new_for_passphrase (PASSPHRASE);
  result = g_test_run ();
  dimple_age_identity_unref (identity);
  dimple_age_identity_unref (stranger);
  dimple_age_identity_unref (passphrase);
  return result;
}
