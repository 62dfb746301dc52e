/* test-age.c: the age file format: its parts, and files that are as they should be
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "age-fixture.h"

/* --- Helpers --- */

static void
assert_hex (const guint8 *bytes,
            gsize         size,
            const char   *expected)
{
  g_autoptr (GString) hex = g_string_new (NULL);

  for (gsize i = 0; i < size; i++)
    g_string_append_printf (hex, "%02x", bytes[i]);
  g_assert_cmpstr (hex->str, ==, expected);
}

/* --- The parts --- */

static void
test_base64 (void)
{
  static const char * const good[][2] = {
    { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg" }, { "\xfb\xff\xfe", "+//+" },
  };
  static const char * const bad[] = {
    "Z", "Zm9vY", "Zg==", "Zm8=", "Zh", "Zm9", "Zm 8", "Zm8\n", "Zm-_", "Z\xc3\xa9", "====",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      g_autoptr (GByteArray) bytes = g_byte_array_new ();

      dimple_age_base64_append (text, (const guint8 *) good[i][0], strlen (good[i][0]));
      g_assert_cmpstr (text->str, ==, good[i][1]);
      g_assert_true (dimple_age_base64_decode (text->str, text->len, bytes));
      g_assert_cmpmem (bytes->data, bytes->len, good[i][0], strlen (good[i][0]));
    }

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GByteArray) bytes = g_byte_array_new ();

      g_test_message ("%" G_GSIZE_FORMAT, i);
      g_assert_false (dimple_age_base64_decode (bad[i], strlen (bad[i]), bytes));
    }
}

/* The example of the specification: a key of 32 times 0x42 */
#define SPEC_IDENTITY  "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define SPEC_RECIPIENT "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

static void
test_keys (void)
{
  static const char * const bad[] = {
    "",
    "AGE-SECRET-KEY-1",
    SPEC_RECIPIENT,
    SPEC_IDENTITY " ",
    "age-secret-key-1gfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpq4egaex",
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEx",
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEY",
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAE",
    "AGE-SECRET-KEY-1BFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
    "AGE-SECRET-KEX-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
    /* With a checksum that fits: bits that fill no byte and are not zero, a byte more, a byte less, another prefix */
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPPG0UGY5",
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYYS582C",
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGGEGVYQK",
    "AGE-SECRET-KEX-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ59KYDD",
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (DimpleAgeIdentity) example = dimple_age_identity_new_for_text (SPEC_IDENTITY, strlen (SPEC_IDENTITY),
                                                                            &error);
  g_autoptr (DimpleAgeRecipient) recipient = NULL;
  g_autoptr (DimpleAgeRecipient) parsed = NULL;
  g_autofree char *recipient_text = NULL;
  g_autofree char *parsed_text = NULL;
  char text[DIMPLE_AGE_BECH32_MAX_LENGTH + 1];

  g_assert_no_error (error);
  g_assert_cmpuint (dimple_age_identity_write_text (example, text, sizeof text), ==, strlen (SPEC_IDENTITY));
  g_assert_cmpstr (text, ==, SPEC_IDENTITY);
  recipient = dimple_age_identity_get_recipient (example);
  recipient_text = dimple_age_recipient_dup_text (recipient);
  g_assert_cmpstr (recipient_text, ==, SPEC_RECIPIENT);
  parsed = dimple_age_recipient_new_for_text (SPEC_RECIPIENT, &error);
  g_assert_no_error (error);
  parsed_text = dimple_age_recipient_dup_text (parsed);
  g_assert_cmpstr (parsed_text, ==, SPEC_RECIPIENT);

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_test_message ("%s", bad[i]);
      g_assert_null (dimple_age_identity_new_for_text (bad[i], strlen (bad[i]), &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE);
      g_assert_null (strstr (error->message, "PYYSJZ"));
      g_clear_error (&error);
    }
  /* All of a text counts, also behind a NUL */
  g_assert_null (dimple_age_identity_new_for_text (SPEC_IDENTITY "\0x", strlen (SPEC_IDENTITY) + 2, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE);
  g_clear_error (&error);
  g_assert_null (dimple_age_recipient_new_for_text (SPEC_IDENTITY, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
}

static void
test_primitives (void)
{
  g_autoptr (DimpleAgeKey) key = dimple_age_key_new ();
  guint8 material[22];
  guint8 salt[13];
  guint8 scalar[32];
  guint8 point[32];
  guint8 product[32];

  /* RFC 5869, A.1 and A.3: the first 32 bytes */
  memset (material, 0x0b, sizeof material);
  for (gsize i = 0; i < sizeof salt; i++)
    salt[i] = i;
  dimple_age_hkdf (material, sizeof material, salt, sizeof salt, "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9", key);
  assert_hex (key->bytes, 32, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  dimple_age_hkdf (material, sizeof material, NULL, 0, "", key);
  assert_hex (key->bytes, 32, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");

  /* RFC 7748, 5.2; in the second the unused bit of the point is set */
  bytes_from_hex ("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", scalar, 32);
  bytes_from_hex ("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", point, 32);
  g_assert_true (dimple_age_x25519_multiply (scalar, point, product));
  assert_hex (product, 32, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  bytes_from_hex ("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", scalar, 32);
  bytes_from_hex ("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493", point, 32);
  g_assert_true (dimple_age_x25519_multiply (scalar, point, product));
  assert_hex (product, 32, "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

/* What holds keys is in the pool that libgcrypt locks */
static void
test_secure_memory (void)
{
  g_autoptr (DimpleAgeKey) key = dimple_age_key_new ();
  guint8 *text = dimple_age_secret_alloc (100);
  g_autoptr (GBytes) plaintext = make_plaintext (100);
  g_autoptr (GBytes) sealed = seal_for (identity, plaintext);
  g_autoptr (GBytes) secret = dimple_age_open_secret (sealed, &identity, 1, NULL, NULL);

  g_assert_true (gcry_is_secure (key));
  g_assert_true (gcry_is_secure (text));
  g_assert_true (gcry_is_secure (g_bytes_get_data (secret, NULL)));
  dimple_age_secret_free (text, 100);
}

/* --- Good files --- */

static const gsize sizes[] = { 0, 1, 15, 65535, 65536, 65537, 131072, 131073, 1000000 };

static void
test_round_trip (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) plaintext = make_plaintext (sizes[i]);
      g_autoptr (GBytes) sealed = seal_for (identity, plaintext);
      g_autoptr (GBytes) secret = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_true (dimple_age_is_sealed (sealed));
      assert_open (sealed, &identity, 1, DIMPLE_AGE_FAILURE_NONE, plaintext, sizes[i]);
      assert_open (sealed, &stranger, 1, DIMPLE_AGE_FAILURE_NO_MATCH, plaintext, 0);
      assert_open (sealed, NULL, 0, DIMPLE_AGE_FAILURE_NO_MATCH, plaintext, 0);
      secret = dimple_age_open_secret (sealed, &identity, 1, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (secret, plaintext));
    }
}

static void
test_seal_stream (void)
{
  g_autoptr (DimpleAgeRecipient) recipient = dimple_age_identity_get_recipient (identity);

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) plaintext = make_plaintext (sizes[i]);
      g_autoptr (GInputStream) input = g_memory_input_stream_new_from_bytes (plaintext);
      g_autoptr (GOutputStream) output = g_memory_output_stream_new_resizable ();
      g_autoptr (GBytes) sealed = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_true (dimple_age_seal_stream (input, output, &recipient, 1, NULL, &error));
      g_assert_no_error (error);
      g_output_stream_close (output, NULL, NULL);
      sealed = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (output));
      assert_open (sealed, &identity, 1, DIMPLE_AGE_FAILURE_NONE, plaintext, sizes[i]);
    }
}

static void
test_stream_cancelled (void)
{
  g_autoptr (GBytes) plaintext = make_plaintext (100000);
  g_autoptr (GBytes) sealed = seal_for (identity, plaintext);
  g_autoptr (GInputStream) input = g_memory_input_stream_new_from_bytes (sealed);
  g_autoptr (GOutputStream) output = g_memory_output_stream_new_resizable ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  DimpleAgeFailure failure = 99;

  g_cancellable_cancel (cancellable);
  g_assert_false (dimple_age_open_stream (input, output, &identity, 1, cancellable, &failure, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (failure, ==, DIMPLE_AGE_FAILURE_NONE);
}

static void
test_recipients (void)
{
  g_autoptr (GBytes) plaintext = make_plaintext (100);
  DimpleAgeRecipient *recipients[3] = {
    dimple_age_identity_get_recipient (stranger),
    dimple_age_identity_get_recipient (identity),
    dimple_age_recipient_new_for_passphrase (PASSPHRASE, WORK_FACTOR),
  };
  DimpleAgeIdentity *identities[] = { passphrase, stranger };
  g_autoptr (GBytes) sealed = NULL;
  g_autoptr (GBytes) sealed_by_passphrase = NULL;
  g_autoptr (GError) error = NULL;

  sealed = dimple_age_seal (plaintext, recipients, 2, &error);
  g_assert_no_error (error);
  assert_open (sealed, &identity, 1, DIMPLE_AGE_FAILURE_NONE, plaintext, 100);
  assert_open (sealed, &stranger, 1, DIMPLE_AGE_FAILURE_NONE, plaintext, 100);
  assert_open (sealed, identities, 2, DIMPLE_AGE_FAILURE_NONE, plaintext, 100);
  assert_open (sealed, &passphrase, 1, DIMPLE_AGE_FAILURE_NO_MATCH, plaintext, 0);

  sealed_by_passphrase = dimple_age_seal (plaintext, &recipients[2], 1, &error);
  g_assert_no_error (error);
  assert_open (sealed_by_passphrase, &passphrase, 1, DIMPLE_AGE_FAILURE_NONE, plaintext, 100);
  assert_open (sealed_by_passphrase, &identity, 1, DIMPLE_AGE_FAILURE_NO_MATCH, plaintext, 0);

  g_assert_null (dimple_age_seal (plaintext, recipients, 3, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
  g_clear_error (&error);
  g_assert_null (dimple_age_seal (plaintext, recipients, 0, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);

  for (gsize i = 0; i < G_N_ELEMENTS (recipients); i++)
    dimple_age_recipient_unref (recipients[i]);
}

static void
test_wrong_passphrase (void)
{
  g_autoptr (GBytes) plaintext = make_plaintext (10);
  g_autoptr (DimpleAgeRecipient) recipient = dimple_age_recipient_new_for_passphrase (PASSPHRASE, WORK_FACTOR);
  g_autoptr (DimpleAgeIdentity) wrong = dimple_age_identity_new_for_passphrase (PASSPHRASE "!");
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) sealed = dimple_age_seal (plaintext, &recipient, 1, &error);
  guint n_runs = dimple_age_get_n_scrypt_runs ();

  g_assert_no_error (error);
  assert_open (sealed, &wrong, 1, DIMPLE_AGE_FAILURE_NO_MATCH, plaintext, 0);
  g_assert_cmpuint (dimple_age_get_n_scrypt_runs (), ==, n_runs + 2);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/age/base64", test_base64);
  g_test_add_func ("/age/keys", test_keys);
  g_test_add_func ("/age/primitives", test_primitives);
  g_test_add_func ("/age/secure-memory", test_secure_memory);
  g_test_add_func ("/age/round-trip", test_round_trip);
  g_test_add_func ("/age/seal-stream", test_seal_stream);
  g_test_add_func ("/age/stream-cancelled", test_stream_cancelled);
  g_test_add_func ("/age/recipients", test_recipients);
  g_test_add_func ("/age/wrong-passphrase", test_wrong_passphrase);
  return age_test_run ();
}
