/* dimple-age-base64.c: base64 as age has it: the standard alphabet, no padding, canonical
 *
 * GLib's decoder skips what it does not know, and a header that can be written in two ways could be changed unnoticed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-age-base64-private.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
dimple_age_base64_append (GString      *text,
                          const guint8 *bytes,
                          gsize         size)
{
  guint32 bits = 0;
  guint n_bits = 0;

  for (gsize i = 0; i < size; i++)
    {
      bits = bits << 8 | bytes[i];
      for (n_bits += 8; n_bits >= 6; n_bits -= 6)
        g_string_append_c (text, alphabet[bits >> (n_bits - 6) & 0x3f]);
    }
  if (n_bits > 0)
    g_string_append_c (text, alphabet[bits << (6 - n_bits) & 0x3f]);
}

/* -1 for a character outside of the alphabet */
static int
value_of (char c)
{
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  if (c == '+')
    return 62;
  return c == '/' ? 63 : -1;
}

/* Appends to `bytes`, also where it fails */
gboolean
dimple_age_base64_decode (const char *text,
                          gsize       length,
                          GByteArray *bytes)
{
  guint32 bits = 0;
  guint n_bits = 0;

  /* A single character is no byte yet */
  if (length % 4 == 1)
    return FALSE;

  for (gsize i = 0; i < length; i++)
    {
      int value = value_of (text[i]);

      if (value < 0)
        return FALSE;
      bits = bits << 6 | (guint32) value;
      n_bits += 6;
      if (n_bits >= 8)
        {
          guint8 byte;

          n_bits -= 8;
          byte = bits >> n_bits & 0xff;
          g_byte_array_append (bytes, &byte, 1);
        }
    }

  /* Bits left over would be a second way to write the same bytes */
  return (bits & ((1u << n_bits) - 1)) == 0;
}

gboolean
dimple_age_base64_decode_fixed (const char *text,
                                gsize       length,
                                guint8     *bytes,
                                gsize       size)
{
  g_autoptr (GByteArray) decoded = g_byte_array_new ();

  if (!dimple_age_base64_decode (text, length, decoded) || decoded->len != size)
    return FALSE;

  memcpy (bytes, decoded->data, size);
  return TRUE;
}
