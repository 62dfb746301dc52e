/* dimple-sort-key.c: the values that rows are ordered by, as bytes that memcmp() orders the same
 *
 * A value is its class (NULL < numbers < text < blobs), then what orders it in its class; a descending term has all its
 * bits turned round.  So comparing two rows needs to know nothing of types, collations and directions.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sort-key-private.h"

#include <math.h>
#include <string.h>

enum
{
  CLASS_NULL = 1,
  CLASS_NUMBER,
  CLASS_TEXT,
  CLASS_BLOB,
  CLASS_GREATEST_NULL
};

/* Beyond this a double does not tell neighbouring integers apart. */
#define EXACT_LIMIT 9007199254740992.0

gboolean
dimple_collation_from_name (const char      *name,
                            DimpleCollation *collation)
{
  static const char * const names[] = { "BINARY", "NOCASE", "RTRIM", "LOCALE" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (name, names[i]) == 0)
      {
        *collation = (DimpleCollation) i;
        return TRUE;
      }
  return FALSE;
}

/* Big-endian, with the sign bit turned round for what is positive and all bits for what is negative. */
static void
append_double (GByteArray *key,
               double      number)
{
  guint64 bits;

  if (number == 0)
    number = 0;         /* -0.0 too */
  memcpy (&bits, &number, sizeof bits);
  bits = bits >> 63 ? ~bits : bits | G_GUINT64_CONSTANT (1) << 63;
  bits = GUINT64_TO_BE (bits);
  g_byte_array_append (key, (const guint8 *) &bits, sizeof bits);
}

/* What rounding to a double took from a large integer; a 64-bit integer loses less than 2^10. */
static void
append_rest (GByteArray *key,
             gint16      rest)
{
  guint16 biased = GUINT16_TO_BE ((guint16) (rest + 0x4000));

  g_byte_array_append (key, (const guint8 *) &biased, sizeof biased);
}

static void
append_number (GByteArray        *key,
               const DimpleValue *value)
{
  double number = value->type == SQLITE_FLOAT ? value->real : (double) value->integer;
  gint16 rest = 0;

  append_double (key, number);
  if (fabs (number) < EXACT_LIMIT)
    return;
  /* 2^63 itself is no int64, but what is rounded to it is less by so little that the difference is exact. */
  if (value->type == SQLITE_INTEGER)
    rest = number >= 9223372036854775808.0 ? (gint16) (value->integer - G_MAXINT64 - 1)
                                           : (gint16) (value->integer - (gint64) number);
  append_rest (key, rest);
}

/* A zero byte is written as 00 ff; 00 00 ends. */
static void
append_bytes (GByteArray *key,
              const char *bytes,
              gsize       size)
{
  static const guint8 zero[] = { 0x00, 0xff }, end[] = { 0x00, 0x00 };

  while (size > 0)
    {
      const char *found = memchr (bytes, 0, size);
      gsize plain = found != NULL ? (gsize) (found - bytes) : size;

      g_byte_array_append (key, (const guint8 *) bytes, (guint) plain);
      if (found == NULL)
        break;
      g_byte_array_append (key, zero, sizeof zero);
      bytes = found + 1;
      size -= plain + 1;
    }
  g_byte_array_append (key, end, sizeof end);
}

/* SQLite's NOCASE folds ASCII, and looks at nothing behind a zero byte but the length. */
static void
append_nocase (GByteArray *key,
               const char *text,
               gsize       size)
{
  gsize plain = strnlen (text, size);
  guint start = key->len;

  append_bytes (key, text, plain);
  for (guint i = start; i < key->len; i++)
    key->data[i] = (guint8) g_ascii_tolower ((char) key->data[i]);
  if (plain < size)
    {
      guint64 length = GUINT64_TO_BE ((guint64) size);

      /* Takes the place of the end, so that it comes after the same text without a zero byte. */
      key->data[key->len - 1] = 0x01;
      g_byte_array_append (key, (const guint8 *) &length, sizeof length);
    }
}

static void
append_text (GByteArray      *key,
             DimpleCollation  collation,
             const char      *text,
             gsize            size)
{
  g_autofree char *collate_key = NULL;

  switch (collation)
    {
    case DIMPLE_COLLATION_NOCASE:
      append_nocase (key, text != NULL ? text : "", size);
      break;
    case DIMPLE_COLLATION_RTRIM:
      while (size > 0 && text[size - 1] == ' ')
        size--;
      append_bytes (key, text, size);
      break;
    case DIMPLE_COLLATION_LOCALE:
      collate_key = g_utf8_collate_key (text != NULL ? text : "", (gssize) size);
      append_bytes (key, collate_key, strlen (collate_key));
      break;
    default:
      append_bytes (key, text, size);
      break;
    }
}

void
dimple_sort_key_append (GByteArray           *key,
                        const DimpleSortTerm *term,
                        const DimpleValue    *value)
{
  guint start = key->len;
  guint8 class = CLASS_NULL;

  if (value->type == SQLITE_INTEGER || value->type == SQLITE_FLOAT)
    class = CLASS_NUMBER;
  else if (value->type == SQLITE_TEXT)
    class = CLASS_TEXT;
  else if (value->type == SQLITE_BLOB)
    class = CLASS_BLOB;
  else if (term->null_is_greatest)
    class = CLASS_GREATEST_NULL;

  g_byte_array_append (key, &class, 1);
  if (class == CLASS_NUMBER)
    append_number (key, value);
  else if (class == CLASS_TEXT)
    append_text (key, term->collation, value->bytes, value->size);
  else if (class == CLASS_BLOB)
    append_bytes (key, value->bytes, value->size);

  if (term->descending)
    for (guint i = start; i < key->len; i++)
      key->data[i] = (guint8) ~key->data[i];
}

int
dimple_sort_key_compare (const guint8 *a,
                         gsize         a_size,
                         const guint8 *b,
                         gsize         b_size)
{
  gsize common = MIN (a_size, b_size);
  int order = common > 0 ? memcmp (a, b, common) : 0;

  if (order != 0)
    return order;
  return a_size < b_size ? -1 : a_size > b_size;
}
