/* test-age-malformed.c: everything that the specification of the age format says must be refused
 *
 * Malformed files are built from good parts, with a MAC that fits, so that each is refused for its one fault and for no
 * other.  What is expected is told in the words of the specification's own test vectors.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "age-fixture.h"

/* --- Malformed headers --- */

/* What stands for good parts in the headers below */
#define SHARE       "SHARE"             /* of a stanza for `identity` */
#define BODY        "BODY"
#define OTHER_SHARE "OTHERS_SHARE"      /* of one for `stranger` */
#define OTHER_BODY  "OTHERS_BODY"
#define SALT        "SALT"              /* of one for `passphrase` */
#define SEALED      "SEALED"
#define MAC         "MAC"               /* of all that comes before it */
#define V1          "age-encryption.org/v1\n"
#define GOOD        "-> X25519 " SHARE "\n" BODY "\n"
#define GOOD_OTHER  "-> X25519 " OTHER_SHARE "\n" OTHER_BODY "\n"
#define GOOD_SCRYPT "-> scrypt " SALT " 2\n" SEALED "\n"
#define END         "--- " MAC "\n"
#define COLUMNS_60  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define COLUMNS_64  COLUMNS_60 "AAAA"
#define COLUMNS_43  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define COLUMNS_42  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

typedef struct
{
  const char *name;
  const char *header;
  DimpleAgeFailure expected;
} HeaderCase;

#define OPENS    DIMPLE_AGE_FAILURE_NONE
#define HEADER   DIMPLE_AGE_FAILURE_HEADER
#define NO_MATCH DIMPLE_AGE_FAILURE_NO_MATCH
#define BAD_MAC  DIMPLE_AGE_FAILURE_MAC

static const HeaderCase header_cases[] = {
  { "good", V1 GOOD END, OPENS },
  { "good-scrypt", V1 GOOD_SCRYPT END, OPENS },

  { "empty", "", HEADER },
  { "version-only", V1, HEADER },
  { "version-without-end", "age-encryption.org/v1", HEADER },
  { "version-unknown", "age-encryption.org/v1234\n" GOOD END, HEADER },
  { "version-upper-case", "age-encryption.org/V1\n" GOOD END, HEADER },
  { "version-trailing-space", "age-encryption.org/v1 \n" GOOD END, HEADER },
  { "version-crlf", "age-encryption.org/v1\r\n" GOOD END, HEADER },
  { "version-empty-line-before", "\n" V1 GOOD END, HEADER },
  { "header-crlf", "age-encryption.org/v1\r\n-> X25519 " SHARE "\r\n" BODY "\r\n--- " MAC "\r\n", HEADER },
  { "armour", "-----BEGIN AGE ENCRYPTED FILE-----\n", HEADER },
  { "no-stanza", V1 END, HEADER },

  { "stanza-unknown-beside", V1 "-> grease a b!~\n\n" GOOD END, OPENS },
  { "stanza-unknown-only", V1 "-> grease a\nAAAA\n" END, NO_MATCH },
  { "stanza-unknown-long-body", V1 "-> grease\n" COLUMNS_64 "\n" COLUMNS_64 "\nAA\n" GOOD END, OPENS },
  { "stanza-body-ends-empty", V1 "-> grease\n" COLUMNS_64 "\n\n" GOOD END, OPENS },
  { "stanza-doubled", V1 GOOD GOOD END, OPENS },
  { "stanza-of-others-first", V1 GOOD_OTHER GOOD END, OPENS },
  { "stanza-of-others", V1 GOOD_OTHER END, NO_MATCH },
  { "stanza-missing-body", V1 "-> grease\n" GOOD END, HEADER },
  { "stanza-missing-final-line", V1 "-> grease\n" COLUMNS_64 "\n" GOOD END, HEADER },
  { "stanza-missing-final-line-at-end", V1 GOOD "-> grease\n" COLUMNS_64 "\n" END, HEADER },
  { "stanza-line-65", V1 "-> grease\n" COLUMNS_64 "A\nAA\n" GOOD END, HEADER },
  { "stanza-line-68", V1 "-> grease\n" COLUMNS_64 "AAAA\nAA\n" GOOD END, HEADER },
  { "stanza-short-line-inside", V1 "-> grease\n" COLUMNS_60 "\n" COLUMNS_64 "\nAA\n" GOOD END, HEADER },
  { "stanza-padding", V1 "-> grease\nAA==\n" GOOD END, HEADER },
  { "stanza-not-canonical", V1 "-> grease\nAB\n" GOOD END, HEADER },
  { "stanza-single-character", V1 "-> grease\nA\n" GOOD END, HEADER },
  { "stanza-body-space", V1 "-> grease\nAA \n" GOOD END, HEADER },
  { "stanza-body-crlf", V1 "-> grease\nAA\r\n" GOOD END, HEADER },
  { "stanza-no-argument", V1 "->\nAA\n" GOOD END, HEADER },
  { "stanza-no-argument-but-space", V1 "-> \nAA\n" GOOD END, HEADER },
  { "stanza-empty-argument", V1 "-> grease  a\nAA\n" GOOD END, HEADER },
  { "stanza-leading-space", V1 "->  grease a\nAA\n" GOOD END, HEADER },
  { "stanza-trailing-space", V1 "-> grease a \nAA\n" GOOD END, HEADER },
  { "stanza-tab", V1 "-> grease\ta\nAA\n" GOOD END, HEADER },
  { "stanza-delete", V1 "-> grease \x7f\nAA\n" GOOD END, HEADER },
  { "stanza-not-ascii", V1 "-> grease \xc3\xa9\nAA\n" GOOD END, HEADER },
  { "stanza-crlf", V1 "-> grease\r\nAA\n" GOOD END, HEADER },
  { "stanza-bad-start", V1 "=> grease\nAA\n" GOOD END, HEADER },
  { "stanza-no-space", V1 "->grease\nAA\n" GOOD END, HEADER },
  { "stanza-indented", V1 " -> grease\nAA\n" GOOD END, HEADER },
  { "line-between-stanzas", V1 "\n" GOOD END, HEADER },

  { "mac-wrong", V1 GOOD "--- " COLUMNS_43 "\n", BAD_MAC },
  { "mac-missing", V1 GOOD, HEADER },
  { "mac-mark-only", V1 GOOD "---\n", HEADER },
  { "mac-empty", V1 GOOD "--- \n", HEADER },
  { "mac-no-space", V1 GOOD "---" MAC "\n", HEADER },
  { "mac-two-spaces", V1 GOOD "---  " MAC "\n", HEADER },
  { "mac-trailing-space", V1 GOOD "--- " MAC " \n", HEADER },
  { "mac-crlf", V1 GOOD "--- " MAC "\r\n", HEADER },
  { "mac-padding", V1 GOOD "--- " MAC "=\n", HEADER },
  { "mac-long", V1 GOOD "--- " MAC "A\n", HEADER },
  { "mac-short", V1 GOOD "--- " COLUMNS_42 "\n", HEADER },
  { "mac-not-canonical", V1 GOOD "--- " COLUMNS_42 "B\n", HEADER },
  { "mac-garbage", V1 GOOD "--- " COLUMNS_42 "?\n", HEADER },
  { "mac-without-end", V1 GOOD "--- " COLUMNS_43, HEADER },

  { "x25519-no-argument", V1 "-> X25519\n" BODY "\n" END, HEADER },
  { "x25519-extra-argument", V1 "-> X25519 " SHARE " a\n" BODY "\n" END, HEADER },
  { "x25519-lower-case", V1 "-> x25519 " SHARE "\n" BODY "\n" END, NO_MATCH },
  { "x25519-share-short", V1 "-> X25519 " COLUMNS_42 "\n" BODY "\n" END, HEADER },
  { "x25519-share-long", V1 "-> X25519 " COLUMNS_43 "A\n" BODY "\n" END, HEADER },
  { "x25519-share-not-canonical", V1 "-> X25519 " COLUMNS_42 "B\n" BODY "\n" END, HEADER },
  { "x25519-share-padding", V1 "-> X25519 " SHARE "=\n" BODY "\n" END, HEADER },
  { "x25519-body-short", V1 "-> X25519 " SHARE "\n" COLUMNS_42 "\n" END, HEADER },
  { "x25519-body-long", V1 "-> X25519 " SHARE "\n" COLUMNS_64 "\n\n" END, HEADER },
  { "x25519-body-empty", V1 "-> X25519 " SHARE "\n\n" END, HEADER },
  { "x25519-body-not-canonical", V1 "-> X25519 " SHARE "\n" COLUMNS_42 "B\n" END, HEADER },
  { "x25519-body-wrong", V1 "-> X25519 " SHARE "\n" COLUMNS_43 "\n" END, NO_MATCH },
  { "x25519-bad-behind-good", V1 GOOD "-> X25519 a\n" BODY "\n" END, HEADER },

  { "scrypt-and-x25519", V1 GOOD_SCRYPT GOOD END, HEADER },
  { "x25519-and-scrypt", V1 GOOD GOOD_SCRYPT END, HEADER },
  { "scrypt-and-unknown", V1 GOOD_SCRYPT "-> grease\n\n" END, HEADER },
  { "scrypt-doubled", V1 GOOD_SCRYPT GOOD_SCRYPT END, HEADER },
  { "scrypt-upper-case", V1 "-> Scrypt " SALT " 2\n" SEALED "\n" END, NO_MATCH },
  { "scrypt-no-argument", V1 "-> scrypt\n" SEALED "\n" END, HEADER },
  { "scrypt-no-work-factor", V1 "-> scrypt " SALT "\n" SEALED "\n" END, HEADER },
  { "scrypt-extra-argument", V1 "-> scrypt " SALT " 2 a\n" SEALED "\n" END, HEADER },
  { "scrypt-salt-short", V1 "-> scrypt AAAAAAAAAAAAAAAAAAAA 2\n" SEALED "\n" END, HEADER },
  { "scrypt-salt-long", V1 "-> scrypt AAAAAAAAAAAAAAAAAAAAAAA 2\n" SEALED "\n" END, HEADER },
  { "scrypt-salt-not-canonical", V1 "-> scrypt AAAAAAAAAAAAAAAAAAAAAB 2\n" SEALED "\n" END, HEADER },
  { "scrypt-body-short", V1 "-> scrypt " SALT " 2\n" COLUMNS_42 "\n" END, HEADER },
  { "scrypt-body-long", V1 "-> scrypt " SALT " 2\n" COLUMNS_64 "\n\n" END, HEADER },
  { "scrypt-body-not-canonical", V1 "-> scrypt " SALT " 2\n" COLUMNS_42 "B\n" END, HEADER },
  { "scrypt-body-wrong", V1 "-> scrypt " SALT " 2\n" COLUMNS_43 "\n" END, NO_MATCH },
  { "scrypt-work-factor-other", V1 "-> scrypt " SALT " 3\n" SEALED "\n" END, NO_MATCH },
  { "scrypt-work-factor-0", V1 "-> scrypt " SALT " 0\n" SEALED "\n" END, HEADER },
  { "scrypt-work-factor-23", V1 "-> scrypt " SALT " 23\n" SEALED "\n" END, HEADER },
  { "scrypt-work-factor-overflow", V1 "-> scrypt " SALT " 18446744073709551618\n" SEALED "\n" END, HEADER },
  { "scrypt-work-factor-negative", V1 "-> scrypt " SALT " -2\n" SEALED "\n" END, HEADER },
  { "scrypt-work-factor-plus", V1 "-> scrypt " SALT " +2\n" SEALED "\n" END, HEADER },
  { "scrypt-work-factor-leading-zero", V1 "-> scrypt " SALT " 02\n" SEALED "\n" END, HEADER },
  { "scrypt-work-factor-octal", V1 "-> scrypt " SALT " 012\n" SEALED "\n" END, HEADER },
  { "scrypt-work-factor-hex", V1 "-> scrypt " SALT " 0x2\n" SEALED "\n" END, HEADER },
  { "scrypt-work-factor-garbage", V1 "-> scrypt " SALT " 2a\n" SEALED "\n" END, HEADER },
  { "scrypt-work-factor-garbage-first", V1 "-> scrypt " SALT " a2\n" SEALED "\n" END, HEADER },
};

static char *
body_text (const DimpleAgeStanza *stanza)
{
  g_autoptr (GString) text = g_string_new (NULL);

  dimple_age_base64_append (text, stanza->body->data, stanza->body->len);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
replace_stanza (GString               *text,
                const DimpleAgeStanza *stanza,
                const char            *share,
                const char            *body)
{
  g_autofree char *encoded_body = body_text (stanza);

  g_string_replace (text, share, stanza->args[1], 0);
  g_string_replace (text, body, encoded_body, 0);
}

static DimpleAgeStanza *
wrap_for (DimpleAgeIdentity  *whom,
          const DimpleAgeKey *file_key)
{
  g_autoptr (DimpleAgeRecipient) recipient = dimple_age_identity_get_recipient (whom);

  return dimple_age_recipient_wrap (recipient, file_key, NULL);
}

/* The MAC is right wherever it stands in the line */
static void
replace_mac (GString            *text,
             const DimpleAgeKey *file_key)
{
  g_autoptr (DimpleAgeKey) key = dimple_age_key_new ();
  g_autoptr (GString) encoded = g_string_new (NULL);
  const char *mark = g_strrstr (text->str, "---");
  guint8 mac[DIMPLE_AGE_MAC_SIZE];

  if (mark == NULL)
    return;

  dimple_age_hkdf (file_key->bytes, DIMPLE_AGE_FILE_KEY_SIZE, NULL, 0, "header", key);
  dimple_age_hmac (key->bytes, sizeof key->bytes, (const guint8 *) text->str, mark - text->str + 3, mac);
  dimple_age_base64_append (encoded, mac, sizeof mac);
  g_string_replace (text, MAC, encoded->str, 0);
}

/* A header in which the good parts are filled in */
static GString *
fill_header (const char         *template,
             const DimpleAgeKey *file_key)
{
  GString *text = g_string_new (template);
  g_autoptr (DimpleAgeStanza) own = wrap_for (identity, file_key);
  g_autoptr (DimpleAgeStanza) others = wrap_for (stranger, file_key);
  g_autoptr (DimpleAgeStanza) scrypt = dimple_age_scrypt_wrap (PASSPHRASE, WORK_FACTOR, file_key);

  replace_stanza (text, others, OTHER_SHARE, OTHER_BODY);
  replace_stanza (text, own, SHARE, BODY);
  replace_stanza (text, scrypt, SALT, SEALED);
  replace_mac (text, file_key);
  return text;
}

static DimpleAgeKey *
new_file_key (void)
{
  DimpleAgeKey *file_key = dimple_age_key_new ();

  dimple_age_random (file_key->bytes, DIMPLE_AGE_FILE_KEY_SIZE);
  return file_key;
}

/* `chunks` is what a chunk is for each of its characters: 'i' inner, 'l' last, 'I' and 'L' the same but empty; all but
 * the last character are of full chunks */
static void
append_payload (GString            *file,
                const DimpleAgeKey *file_key,
                const char         *chunks,
                GBytes             *plaintext)
{
  g_auto (DimpleAgePayload) payload = { NULL };
  g_autofree guint8 *sealed = g_malloc (DIMPLE_AGE_SEALED_CHUNK_SIZE);
  guint8 nonce[DIMPLE_AGE_NONCE_SIZE] = { 0 };
  gsize size;
  const guint8 *data = g_bytes_get_data (plaintext, &size);

  g_string_append_len (file, (const char *) nonce, sizeof nonce);
  dimple_age_payload_begin (&payload, file_key, nonce);
  for (const char *c = chunks; *c != '\0'; c++)
    {
      gsize chunk_size = g_ascii_isupper (*c) ? 0 : MIN (size, DIMPLE_AGE_CHUNK_SIZE);

      dimple_age_payload_seal (&payload, g_ascii_tolower (*c) == 'l' ? DIMPLE_AGE_CHUNK_LAST : DIMPLE_AGE_CHUNK_INNER,
                               data, chunk_size, sealed);
      g_string_append_len (file, (const char *) sealed, chunk_size + DIMPLE_AGE_TAG_SIZE);
      data += chunk_size;
      size -= chunk_size;
    }
}

static GBytes *
bytes_of (GString *string)
{
  return g_bytes_new (string->str, string->len);
}

static void
test_header (gconstpointer user_data)
{
  const HeaderCase *test_case = user_data;
  g_autoptr (DimpleAgeKey) file_key = new_file_key ();
  g_autoptr (GString) file = fill_header (test_case->header, file_key);
  g_autoptr (GBytes) plaintext = make_plaintext (3);
  g_autoptr (GBytes) sealed = NULL;
  DimpleAgeIdentity *identities[] = { identity, passphrase };

  append_payload (file, file_key, "l", plaintext);
  sealed = bytes_of (file);
  assert_open (sealed, identities, G_N_ELEMENTS (identities), test_case->expected, plaintext,
               test_case->expected == OPENS ? 3 : 0);
}

/* A malformed stanza of a type that one holds no identity of is not looked at */
static void
test_foreign_type (void)
{
  g_autoptr (DimpleAgeKey) file_key = new_file_key ();
  g_autoptr (GString) file = fill_header (V1 "-> scrypt a b c\n\n" END, file_key);
  g_autoptr (GString) x25519_file = fill_header (V1 "-> X25519\n\n" END, file_key);
  g_autoptr (GBytes) plaintext = make_plaintext (0);
  g_autoptr (GBytes) sealed = bytes_of (file);
  g_autoptr (GBytes) x25519_sealed = bytes_of (x25519_file);

  assert_open (sealed, &identity, 1, NO_MATCH, plaintext, 0);
  assert_open (sealed, &passphrase, 1, HEADER, plaintext, 0);
  assert_open (x25519_sealed, &passphrase, 1, NO_MATCH, plaintext, 0);
  assert_open (x25519_sealed, &identity, 1, HEADER, plaintext, 0);
}

static void
test_low_order_points (void)
{
  /* The points of small order, and the two that are not reduced: 0, 1, p - 1, p, p + 1, and both of order 8 */
  static const char * const points[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  };
  g_autoptr (DimpleAgeKey) file_key = new_file_key ();
  g_autoptr (GBytes) plaintext = make_plaintext (0);

  for (gsize i = 0; i < G_N_ELEMENTS (points); i++)
    {
      g_autoptr (GString) share = g_string_new (NULL);
      g_autofree char *header = NULL;
      g_autoptr (GString) file = NULL;
      g_autoptr (GBytes) sealed = NULL;
      guint8 point[DIMPLE_AGE_POINT_SIZE];

      g_test_message ("%s", points[i]);
      bytes_from_hex (points[i], point, sizeof point);
      dimple_age_base64_append (share, point, sizeof point);
      header = g_strdup_printf (V1 "-> X25519 %s\n" BODY "\n" END, share->str);
      file = fill_header (header, file_key);
      sealed = bytes_of (file);
      assert_open (sealed, &identity, 1, HEADER, plaintext, 0);
      g_assert_null (dimple_age_x25519_wrap (point, file_key));
    }
}

static void
test_large_header (void)
{
  g_autoptr (DimpleAgeKey) file_key = new_file_key ();
  g_autoptr (GBytes) plaintext = make_plaintext (5);

  for (guint n_lines = 900; n_lines <= 1100; n_lines += 200)
    {
      g_autoptr (GString) template = g_string_new (V1 "-> grease\n");
      g_autoptr (GString) file = NULL;
      g_autoptr (GBytes) sealed = NULL;

      for (guint i = 0; i < n_lines; i++)
        g_string_append (template, COLUMNS_64 "\n");
      g_string_append (template, "\n" GOOD END);
      file = fill_header (template->str, file_key);
      append_payload (file, file_key, "l", plaintext);
      sealed = bytes_of (file);
      assert_open (sealed, &identity, 1, n_lines < 1000 ? OPENS : HEADER, plaintext, n_lines < 1000 ? 5 : 0);
    }
}

/* --- Malformed payloads --- */

static GString *
make_file (DimpleAgeKey *file_key,
           const char   *chunks,
           GBytes       *plaintext)
{
  GString *file = fill_header (V1 GOOD END, file_key);

  append_payload (file, file_key, chunks, plaintext);
  return file;
}

static void
assert_payload (GString *file,
                GBytes  *plaintext,
                gsize    n_released)
{
  g_autoptr (GBytes) sealed = bytes_of (file);

  assert_open (sealed, &identity, 1, DIMPLE_AGE_FAILURE_PAYLOAD, plaintext, n_released);
}

#define CHUNK DIMPLE_AGE_CHUNK_SIZE

static void
test_chunks (void)
{
  static const struct
  {
    const char *chunks;
    gsize size;
    gboolean opens;
    gsize n_released;
  } cases[] = {
    { "L", 0, TRUE, 0 },
    { "I", 0, FALSE, 0 },               /* no last chunk */
    { "i", 10, FALSE, 0 },
    { "i", CHUNK, FALSE, 0 },
    { "ii", 2 * CHUNK, FALSE, CHUNK },
    { "iL", CHUNK, FALSE, CHUNK },      /* the last chunk may not be empty */
    { "IL", 0, FALSE, 0 },
    { "Il", 10, FALSE, 0 },
    { "iIl", CHUNK + 10, FALSE, CHUNK },
    { "ll", CHUNK + 10, FALSE, CHUNK }, /* something behind the last chunk */
    { "lL", CHUNK, FALSE, CHUNK },
    { "li", CHUNK + 10, FALSE, CHUNK },
    { "iil", 2 * CHUNK + 1, TRUE, 2 * CHUNK + 1 },
    { "ill", 2 * CHUNK + 1, FALSE, 2 * CHUNK },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (DimpleAgeKey) file_key = new_file_key ();
      g_autoptr (GBytes) plaintext = make_plaintext (cases[i].size);
      g_autoptr (GString) file = make_file (file_key, cases[i].chunks, plaintext);
      g_autoptr (GBytes) sealed = bytes_of (file);

      g_test_message ("%s of %" G_GSIZE_FORMAT, cases[i].chunks, cases[i].size);
      assert_open (sealed, &identity, 1, cases[i].opens ? OPENS : DIMPLE_AGE_FAILURE_PAYLOAD, plaintext,
                   cases[i].n_released);
    }
}

static void
test_cut_payload (void)
{
  g_autoptr (DimpleAgeKey) file_key = new_file_key ();
  g_autoptr (GString) header = fill_header (V1 GOOD END, file_key);
  g_autoptr (GBytes) plaintext = make_plaintext (40);
  g_autoptr (GString) file = g_string_new_len (header->str, header->len);

  append_payload (file, file_key, "l", plaintext);
  for (gsize size = 0; size < file->len; size++)
    {
      g_autoptr (GBytes) sealed = g_bytes_new (file->str, size);
      gsize nonce_end = header->len + DIMPLE_AGE_NONCE_SIZE;

      assert_open (sealed, &identity, 1, size < nonce_end ? HEADER : DIMPLE_AGE_FAILURE_PAYLOAD, plaintext, 0);
    }
}

static void
test_changed_payload (void)
{
  g_autoptr (DimpleAgeKey) file_key = new_file_key ();
  g_autoptr (GBytes) plaintext = make_plaintext (2 * CHUNK + 100);
  g_autoptr (GString) file = make_file (file_key, "iil", plaintext);
  gsize start = file->len - (2 * CHUNK + 100) - 3 * DIMPLE_AGE_TAG_SIZE;
  gsize sealed_chunk = DIMPLE_AGE_SEALED_CHUNK_SIZE;
  g_autoptr (GString) swapped = g_string_new_len (file->str, file->len);
  g_autoptr (GString) doubled = g_string_new_len (file->str, file->len);
  g_autoptr (GString) left_out = g_string_new_len (file->str, file->len);
  g_autoptr (GString) extended = g_string_new_len (file->str, file->len);
  g_autoptr (GString) cut = g_string_new_len (file->str, start + 2 * sealed_chunk);
  g_autoptr (GString) nonce_changed = g_string_new_len (file->str, file->len);
  gsize changed[] = { 0, CHUNK, sealed_chunk - 1, sealed_chunk, 2 * sealed_chunk, 2 * sealed_chunk + 115 };

  memcpy (swapped->str + start, file->str + start + sealed_chunk, sealed_chunk);
  memcpy (swapped->str + start + sealed_chunk, file->str + start, sealed_chunk);
  assert_payload (swapped, plaintext, 0);

  g_string_insert_len (doubled, start, file->str + start, sealed_chunk);
  assert_payload (doubled, plaintext, CHUNK);
  g_string_erase (left_out, start, sealed_chunk);
  assert_payload (left_out, plaintext, 0);
  g_string_append_c (extended, '\0');
  assert_payload (extended, plaintext, 2 * CHUNK);
  assert_payload (cut, plaintext, CHUNK);
  nonce_changed->str[start - 1] ^= 1;
  assert_payload (nonce_changed, plaintext, 0);

  for (gsize i = 0; i < G_N_ELEMENTS (changed); i++)
    {
      g_autoptr (GString) damaged = g_string_new_len (file->str, file->len);

      damaged->str[start + changed[i]] ^= 0x80;
      assert_payload (damaged, plaintext, changed[i] / sealed_chunk * CHUNK);
    }
}

/* No single bit of the header can be changed unnoticed */
static void
test_changed_header (void)
{
  g_autoptr (DimpleAgeKey) file_key = new_file_key ();
  g_autoptr (GBytes) plaintext = make_plaintext (10);
  g_autoptr (GString) header = fill_header (V1 "-> grease a\nAAAA\n" GOOD END, file_key);
  g_autoptr (GString) file = g_string_new_len (header->str, header->len);

  append_payload (file, file_key, "l", plaintext);
  for (gsize bit = 0; bit < 8 * header->len; bit++)
    {
      g_autoptr (GString) damaged = g_string_new_len (file->str, file->len);
      g_autoptr (GBytes) sealed = NULL;
      g_autoptr (GBytes) opened = NULL;
      g_autoptr (GError) error = NULL;
      DimpleAgeFailure failure;

      damaged->str[bit / 8] ^= 1 << bit % 8;
      sealed = bytes_of (damaged);
      opened = dimple_age_open (sealed, &identity, 1, &failure, &error);
      g_assert_null (opened);
      assert_failure (error, failure, failure);
      g_assert_cmpint (failure, !=, DIMPLE_AGE_FAILURE_PAYLOAD);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (header_cases); i++)
    {
      g_autofree char *path = g_strconcat ("/age-malformed/header/", header_cases[i].name, NULL);

      g_test_add_data_func (path, &header_cases[i], test_header);
    }
  g_test_add_func ("/age-malformed/header/foreign-type", test_foreign_type);
  g_test_add_func ("/age-malformed/header/low-order-points", test_low_order_points);
  g_test_add_func ("/age-malformed/header/large", test_large_header);
  g_test_add_func ("/age-malformed/header/changed", test_changed_header);
  g_test_add_func ("/age-malformed/payload/chunks", test_chunks);
  g_test_add_func ("/age-malformed/payload/cut", test_cut_payload);
  g_test_add_func ("/age-malformed/payload/changed", test_changed_payload);
  return age_test_run ();
}
