/* dimple-age-scrypt.c: the recipient type scrypt: a passphrase
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-age-scrypt-private.h"

#include <string.h>

#include "dimple-age-base64-private.h"

#define SALT_LABEL       "age-encryption.org/v1/scrypt"
#define SALT_LABEL_SIZE  (sizeof SALT_LABEL - 1)
#define SALT_SIZE        16
#define PARALLELIZATION  1

static int n_runs;      /* atomic */

guint
dimple_age_get_n_scrypt_runs (void)
{
  return (guint) g_atomic_int_get (&n_runs);
}

static gboolean
derive_wrap_key (const char   *passphrase,
                 const guint8  salt[SALT_SIZE],
                 guint         work_factor,
                 DimpleAgeKey *wrap_key)
{
  guint8 labelled_salt[SALT_LABEL_SIZE + SALT_SIZE];

  memcpy (labelled_salt, SALT_LABEL, SALT_LABEL_SIZE);
  memcpy (labelled_salt + SALT_LABEL_SIZE, salt, SALT_SIZE);
  g_atomic_int_inc (&n_runs);
  return gcry_kdf_derive (passphrase, strlen (passphrase), GCRY_KDF_SCRYPT, 1 << work_factor,
                          labelled_salt, sizeof labelled_salt, PARALLELIZATION,
                          sizeof wrap_key->bytes, wrap_key->bytes) == 0;
}

DimpleAgeStanza *
dimple_age_scrypt_wrap (const char         *passphrase,
                        guint               work_factor,
                        const DimpleAgeKey *file_key)
{
  g_autoptr (DimpleAgeKey) wrap_key = dimple_age_key_new ();
  g_autoptr (GString) salt_text = g_string_new (NULL);
  g_autofree char *work_factor_text = g_strdup_printf ("%u", work_factor);
  guint8 salt[SALT_SIZE];
  guint8 wrapped[DIMPLE_AGE_WRAPPED_SIZE];
  DimpleAgeStanza *stanza;

  dimple_age_random (salt, sizeof salt);
  if (!derive_wrap_key (passphrase, salt, work_factor, wrap_key))
    return NULL;
  dimple_age_wrap (wrap_key, file_key, wrapped);

  dimple_age_base64_append (salt_text, salt, sizeof salt);
  stanza = dimple_age_stanza_new (DIMPLE_AGE_SCRYPT_TYPE, wrapped, sizeof wrapped);
  dimple_age_stanza_add_arg (stanza, salt_text->str);
  dimple_age_stanza_add_arg (stanza, work_factor_text);
  return stanza;
}

/* 0 for what is no work factor, or one that is too large: digits only, and no zero in front */
static guint
parse_work_factor (const char *text)
{
  guint work_factor = 0;

  if (text[0] == '0')
    return 0;
  for (const char *c = text; *c != '\0'; c++)
    {
      if (!g_ascii_isdigit (*c))
        return 0;
      work_factor = work_factor * 10 + (guint) (*c - '0');
      if (work_factor > DIMPLE_AGE_MAX_WORK_FACTOR)
        return 0;
    }
  return work_factor;
}

DimpleAgeMatch
dimple_age_scrypt_unwrap (const char            *passphrase,
                          const DimpleAgeHeader *header,
                          DimpleAgeKey          *file_key)
{
  const DimpleAgeStanza *stanza = g_ptr_array_index (header->stanzas, 0);
  g_autoptr (DimpleAgeKey) wrap_key = dimple_age_key_new ();
  guint8 salt[SALT_SIZE];
  guint work_factor;

  /* The header has seen to it that there is no other beside it */
  if (!dimple_age_stanza_is (stanza, DIMPLE_AGE_SCRYPT_TYPE))
    return DIMPLE_AGE_MATCH_NO;
  if (g_strv_length (stanza->args) != 3 || stanza->body->len != DIMPLE_AGE_WRAPPED_SIZE ||
      !dimple_age_base64_decode_fixed (stanza->args[1], strlen (stanza->args[1]), salt, sizeof salt))
    return DIMPLE_AGE_MATCH_MALFORMED;
  work_factor = parse_work_factor (stanza->args[2]);
  if (work_factor == 0)
    return DIMPLE_AGE_MATCH_MALFORMED;

  if (!derive_wrap_key (passphrase, salt, work_factor, wrap_key))
    return DIMPLE_AGE_MATCH_NO_MEMORY;
  return dimple_age_unwrap (wrap_key, stanza->body->data, file_key) ? DIMPLE_AGE_MATCH_YES : DIMPLE_AGE_MATCH_NO;
}
