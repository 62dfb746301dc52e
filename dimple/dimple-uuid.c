/* dimple-uuid.c: UUIDs of version 7 (RFC 9562, section 5.7)
 *
 * Keys of rows come from here: each has a fresh random tail, and within the process each is greater than the one before
 * (the count is the fixed-length counter of RFC 9562, section 6.2, method 1).  The ids of transactions are made by the
 * hybrid clock instead, which shares only the format.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-uuid-private.h"

#include <gcrypt.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

static char *
put_hex (char    *text,
         guint64  value,
         int      digits)
{
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
    *text++ = hex_digits[(value >> shift) & 0xf];
  return text;
}

void
dimple_uuid7_format (guint64 time,
                     guint64 tail,
                     char    text[DIMPLE_UUID_SIZE])
{
  guint64 milliseconds = time >> 12;
  guint64 low = G_GUINT64_CONSTANT (0x8000000000000000) | (tail & DIMPLE_UUID_TAIL_MASK);

  text = put_hex (text, milliseconds >> 16, 8);
  *text++ = '-';
  text = put_hex (text, milliseconds & 0xffff, 4);
  *text++ = '-';
  *text++ = '7';
  text = put_hex (text, time & 0xfff, 3);
  *text++ = '-';
  text = put_hex (text, low >> 48, 4);
  *text++ = '-';
  text = put_hex (text, low, 12);
  *text = '\0';
}

/* Reads `digits` lower-case hexadecimal digits; FALSE if one is not. */
static gboolean
take_hex (const char **text,
          int          digits,
          guint64     *value)
{
  for (int i = 0; i < digits; i++, (*text)++)
    {
      char c = **text;

      if (c >= '0' && c <= '9')
        *value = *value << 4 | (guint64) (c - '0');
      else if (c >= 'a' && c <= 'f')
        *value = *value << 4 | (guint64) (c - 'a' + 10);
      else
        return FALSE;
    }
  return TRUE;
}

/* Reads the canonical text of an id; FALSE for anything else, upper case and other versions included. */
gboolean
dimple_uuid7_parse (const char *text,
                    guint64    *time,
                    guint64    *tail)
{
  guint64 milliseconds = 0, count = 0, low = 0;

  if (strnlen (text, DIMPLE_UUID_SIZE) != DIMPLE_UUID_LENGTH)
    return FALSE;
  if (text[8] != '-' || text[13] != '-' || text[14] != '7' || text[18] != '-' || text[23] != '-')
    return FALSE;

  if (!take_hex (&text, 8, &milliseconds))
    return FALSE;
  text++;
  if (!take_hex (&text, 4, &milliseconds))
    return FALSE;
  text += 2;
  if (!take_hex (&text, 3, &count))
    return FALSE;
  text++;
  if (!take_hex (&text, 4, &low))
    return FALSE;
  text++;
  if (!take_hex (&text, 12, &low) || low >> 62 != 2)
    return FALSE;

  if (time != NULL)
    *time = DIMPLE_UUID_TIME (milliseconds, count);
  if (tail != NULL)
    *tail = low & DIMPLE_UUID_TAIL_MASK;
  return TRUE;
}

static GMutex uuid_lock;                 /* of what follows */
static guint64 last_time;
static gboolean is_repeatable;
static guint64 repeatable_state;

/* SplitMix64: what a simulation needs is other ids for another seed, and the same for the same. */
static guint64
draw_repeatable (void)
{
  guint64 bits = repeatable_state += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  bits = (bits ^ bits >> 30) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  bits = (bits ^ bits >> 27) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return bits ^ bits >> 31;
}

/* Random bytes are drawn in blocks: one call into libgcrypt costs as much as a hundred ids. */
static guint64
draw_tail (void)
{
  static guint64 pool[64];
  static guint left;

  if (is_repeatable)
    return draw_repeatable () & DIMPLE_UUID_TAIL_MASK;
  if (left == 0)
    {
      gcry_create_nonce (pool, sizeof pool);
      left = G_N_ELEMENTS (pool);
    }
  return pool[--left] & DIMPLE_UUID_TAIL_MASK;
}

guint64
dimple_random_tail (void)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&uuid_lock);

  return draw_tail ();
}

void
dimple_uuid7_new (char text[DIMPLE_UUID_SIZE])
{
  guint64 now = DIMPLE_UUID_TIME (g_get_real_time () / 1000, 0);
  guint64 tail;

  g_mutex_lock (&uuid_lock);
  last_time = is_repeatable ? last_time + 1 : MAX (now, last_time + 1);
  now = last_time;
  tail = draw_tail ();
  g_mutex_unlock (&uuid_lock);

  dimple_uuid7_format (now, tail, text);
}

void
dimple_uuid_repeat (guint64 seed)
{
  g_mutex_lock (&uuid_lock);
  is_repeatable = TRUE;
  repeatable_state = seed;
  last_time = DIMPLE_UUID_TIME (0, 0);
  g_mutex_unlock (&uuid_lock);
}
