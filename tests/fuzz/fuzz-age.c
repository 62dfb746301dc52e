/* fuzz-age.c: the parser of age files
 *
 * No fuzzer finds a MAC.  So the first byte of the input says where the rest stands: it is a whole file; or stanzas
 * beside a good one, under a MAC that fits; or the payload behind a good header; or the text of a key.
 *
 * What has to hold: a header that is accepted is written again as it was read, both forms of opening agree, and nothing
 * leaves the one for whole buffers if opening fails.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "fuzz.h"

#include <string.h>

#include <gio/gio.h>

#include "dimple-age-base64-private.h"
#include "dimple-age-bech32-private.h"
#include "dimple-age-private.h"
#include "dimple-age-scrypt-private.h"

#define IDENTITY   "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define PASSPHRASE "password"

static DimpleAgeIdentity *identity;
static DimpleAgeIdentity *passphrase;
static DimpleAgeKey *file_key;

static void
set_up (void)
{
  if (identity != NULL)
    return;

  identity = dimple_age_identity_new_for_text (IDENTITY, strlen (IDENTITY), NULL);
  passphrase = dimple_age_identity_new_for_passphrase (PASSPHRASE);
  file_key = dimple_age_key_new ();
  memcpy (file_key->bytes, "YELLOW SUBMARINE", DIMPLE_AGE_FILE_KEY_SIZE);
}

static void
check_header (const guint8          *data,
              const DimpleAgeHeader *header)
{
  g_autoptr (GString) again = dimple_age_header_serialize (header, file_key);

  g_assert_cmpmem (again->str, header->covered, data, header->covered);
  g_assert_cmpuint (again->len, ==, header->size);
}

/* Most of the time would go into scrypt otherwise */
static gboolean
is_cheap (const DimpleAgeHeader *header)
{
  const DimpleAgeStanza *stanza = g_ptr_array_index (header->stanzas, 0);

  return !dimple_age_stanza_is (stanza, DIMPLE_AGE_SCRYPT_TYPE) || g_strv_length (stanza->args) < 3 ||
         strlen (stanza->args[2]) == 1;
}

static void
open_file (const guint8 *data,
           gsize         size)
{
  g_autoptr (GBytes) sealed = g_bytes_new (data, size);
  g_autoptr (GInputStream) input = g_memory_input_stream_new_from_bytes (sealed);
  g_autoptr (GOutputStream) output = g_memory_output_stream_new_resizable ();
  g_autoptr (DimpleAgeHeader) header = dimple_age_header_parse (data, size, NULL);
  DimpleAgeIdentity *identities[] = { identity, passphrase };
  gsize n_identities = header == NULL || is_cheap (header) ? 2 : 1;
  DimpleAgeFailure failure;
  DimpleAgeFailure stream_failure;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) opened = dimple_age_open (sealed, identities, n_identities, &failure, &error);

  if (header != NULL)
    check_header (data, header);
  g_assert_true ((opened != NULL) == (error == NULL));
  g_assert_true ((opened != NULL) == (failure == DIMPLE_AGE_FAILURE_NONE));
  g_assert_cmpint (dimple_age_open_stream (input, output, identities, n_identities, NULL, &stream_failure, NULL),
                   ==, opened != NULL);
  g_assert_cmpint (stream_failure, ==, failure);
}

static GString *
good_header (const guint8 *stanzas,
             gsize         size)
{
  g_autoptr (DimpleAgeRecipient) recipient = dimple_age_identity_get_recipient (identity);
  g_autoptr (DimpleAgeHeader) header = dimple_age_header_new ();
  g_autoptr (DimpleAgeKey) mac_key = dimple_age_key_new ();
  GString *text;
  guint8 mac[DIMPLE_AGE_MAC_SIZE];

  g_ptr_array_add (header->stanzas, dimple_age_recipient_wrap (recipient, file_key, NULL));
  text = dimple_age_header_serialize (header, file_key);
  g_string_truncate (text, g_strrstr (text->str, "---") - text->str);
  g_string_append_len (text, (const char *) stanzas, size);
  g_string_append (text, "---");

  dimple_age_hkdf (file_key->bytes, DIMPLE_AGE_FILE_KEY_SIZE, NULL, 0, "header", mac_key);
  dimple_age_hmac (mac_key->bytes, sizeof mac_key->bytes, (const guint8 *) text->str, text->len, mac);
  g_string_append_c (text, ' ');
  dimple_age_base64_append (text, mac, sizeof mac);
  g_string_append_c (text, '\n');
  return text;
}

static void
open_stanzas (const guint8 *data,
              gsize         size)
{
  g_autoptr (GString) file = good_header (data, size);

  g_string_append (file, "sixteen byte nonce and no chunk");
  open_file ((const guint8 *) file->str, file->len);
}

static void
open_payload (const guint8 *data,
              gsize         size)
{
  g_autoptr (GString) file = good_header (NULL, 0);

  g_string_append_len (file, (const char *) data, size);
  open_file ((const guint8 *) file->str, file->len);
}

static void
parse_key (const guint8 *data,
           gsize         size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr (DimpleAgeIdentity) parsed = dimple_age_identity_new_for_text (text, strlen (text), NULL);
  g_autoptr (DimpleAgeRecipient) recipient = dimple_age_recipient_new_for_text (text, NULL);
  g_autofree char *recipient_text = NULL;
  char again[DIMPLE_AGE_BECH32_MAX_LENGTH + 1];

  if (parsed != NULL)
    {
      dimple_age_identity_write_text (parsed, again, sizeof again);
      g_assert_cmpstr (again, ==, text);
    }
  if (recipient != NULL)
    {
      recipient_text = dimple_age_recipient_dup_text (recipient);
      g_assert_cmpstr (recipient_text, ==, text);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  set_up ();
  if (size == 0)
    return 0;

  switch (data[0])
    {
    case 's':
      open_stanzas (data + 1, size - 1);
      break;

    case 'p':
      open_payload (data + 1, size - 1);
      break;

    case 'k':
      parse_key (data + 1, size - 1);
      break;

    default:
      /* "age-encryption.org/…" as it is */
      open_file (data, size);
      break;
    }
  return 0;
}
