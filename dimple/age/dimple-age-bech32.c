/* dimple-age-bech32.c: Bech32 (BIP 173), as age writes its keys
 *
 * A key is 32 bytes, which are 52 symbols of 5 bits, and 6 symbols of a checksum follow.  What is read may be a secret,
 * so everything in between is wiped.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-age-bech32-private.h"

#include <string.h>

#define N_SYMBOLS          52
#define N_CHECKSUM_SYMBOLS 6
#define N_ALL_SYMBOLS      (N_SYMBOLS + N_CHECKSUM_SYMBOLS)

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static guint32
checksum_add (guint32 checksum,
              guint8  symbol)
{
  static const guint32 generators[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3 };
  guint32 top = checksum >> 25;

  checksum = (checksum & 0x1ffffff) << 5 ^ symbol;
  for (gsize i = 0; i < G_N_ELEMENTS (generators); i++)
    if (top >> i & 1)
      checksum ^= generators[i];

  return checksum;
}

/* The checksum is of the lower-case text, whatever the case */
static guint32
checksum_of (const char   *prefix,
             const guint8 *symbols,
             gsize         n_symbols)
{
  guint32 checksum = 1;

  for (const char *c = prefix; *c != '\0'; c++)
    checksum = checksum_add (checksum, (guint8) g_ascii_tolower (*c) >> 5);
  checksum = checksum_add (checksum, 0);
  for (const char *c = prefix; *c != '\0'; c++)
    checksum = checksum_add (checksum, (guint8) g_ascii_tolower (*c) & 0x1f);
  for (gsize i = 0; i < n_symbols; i++)
    checksum = checksum_add (checksum, symbols[i]);

  return checksum;
}

static gboolean
is_upper_case (const char *prefix)
{
  return g_ascii_isupper (prefix[0]);
}

static void
symbols_from_key (const DimpleAgeKey *key,
                  guint8              symbols[N_SYMBOLS])
{
  guint32 bits = 0;
  guint n_bits = 0;
  gsize n = 0;

  for (gsize i = 0; i < sizeof key->bytes; i++)
    {
      bits = bits << 8 | key->bytes[i];
      for (n_bits += 8; n_bits >= 5; n_bits -= 5)
        symbols[n++] = bits >> (n_bits - 5) & 0x1f;
    }
  symbols[n++] = bits << (5 - n_bits) & 0x1f;
  g_assert (n == N_SYMBOLS);
}

/* FALSE if the bits that do not fill a byte are not zero */
static gboolean
key_from_symbols (const guint8  symbols[N_SYMBOLS],
                  DimpleAgeKey *key)
{
  guint32 bits = 0;
  guint n_bits = 0;
  gsize n = 0;

  for (gsize i = 0; i < N_SYMBOLS; i++)
    {
      bits = bits << 5 | symbols[i];
      n_bits += 5;
      if (n_bits >= 8)
        {
          n_bits -= 8;
          key->bytes[n++] = bits >> n_bits & 0xff;
        }
    }
  return (bits & ((1u << n_bits) - 1)) == 0;
}

gsize
dimple_age_bech32_encode (const char         *prefix,
                          const DimpleAgeKey *key,
                          char                text[DIMPLE_AGE_BECH32_MAX_LENGTH + 1])
{
  gsize prefix_length = strlen (prefix);
  guint8 symbols[N_ALL_SYMBOLS] = { 0 };
  guint32 checksum;
  char *end = text + prefix_length;

  g_assert (prefix_length + 1 + N_ALL_SYMBOLS <= DIMPLE_AGE_BECH32_MAX_LENGTH);

  symbols_from_key (key, symbols);
  checksum = checksum_of (prefix, symbols, N_ALL_SYMBOLS) ^ 1;
  for (gsize i = 0; i < N_CHECKSUM_SYMBOLS; i++)
    symbols[N_SYMBOLS + i] = checksum >> (5 * (N_CHECKSUM_SYMBOLS - 1 - i)) & 0x1f;

  memcpy (text, prefix, prefix_length);
  *end++ = '1';
  for (gsize i = 0; i < N_ALL_SYMBOLS; i++)
    *end++ = is_upper_case (prefix) ? g_ascii_toupper (alphabet[symbols[i]]) : alphabet[symbols[i]];
  *end = '\0';

  explicit_bzero (symbols, sizeof symbols);
  return end - text;
}

static gboolean
symbols_from_text (const char *text,
                   gboolean    upper_case,
                   guint8      symbols[N_ALL_SYMBOLS])
{
  for (gsize i = 0; i < N_ALL_SYMBOLS; i++)
    {
      const char *found;

      if (text[i] == '\0' || (upper_case ? g_ascii_islower (text[i]) : g_ascii_isupper (text[i])))
        return FALSE;
      found = strchr (alphabet, g_ascii_tolower (text[i]));
      if (found == NULL)
        return FALSE;
      symbols[i] = found - alphabet;
    }
  return TRUE;
}

gboolean
dimple_age_bech32_decode (const char   *text,
                          gsize         length,
                          const char   *prefix,
                          DimpleAgeKey *key)
{
  gsize prefix_length = strlen (prefix);
  guint8 symbols[N_ALL_SYMBOLS];
  gboolean valid;

  if (length != prefix_length + 1 + N_ALL_SYMBOLS || strncmp (text, prefix, prefix_length) != 0 ||
      text[prefix_length] != '1')
    return FALSE;

  valid = symbols_from_text (text + prefix_length + 1, is_upper_case (prefix), symbols) &&
          checksum_of (prefix, symbols, N_ALL_SYMBOLS) == 1 &&
          key_from_symbols (symbols, key);
  explicit_bzero (symbols, sizeof symbols);
  return valid;
}
