/* dimple-functions-locale.c: the collation LOCALE, the order in which the user's language lists words
 *
 * It compares GLib's collation keys, of which one costs more than a hundred comparisons.  A sort compares each text
 * many times, and mostly with those next to it, so each connection keeps the last keys in a table where a text has one
 * place, by its hash.
 *
 * Texts whose keys are equal are ordered by their bytes: only the same text is equal to itself.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-functions-private.h"

#include <string.h>

#define N_PLACES 16384
#define MAX_CACHED_SIZE 1024

typedef struct
{
  guint32     hash;
  guint32     size;      /* of the text */
  GRefString *key;
  char        text[];
} CollationKey;

typedef struct
{
  CollationKey **places;    /* N_PLACES, made when first needed */
} KeyCache;

static void
collation_key_free (CollationKey *entry)
{
  g_ref_string_release (entry->key);
  g_free (entry);
}

static void
key_cache_free (gpointer data)
{
  KeyCache *cache = data;

  for (guint i = 0; cache->places != NULL && i < N_PLACES; i++)
    g_clear_pointer (&cache->places[i], collation_key_free);
  g_free (cache->places);
  g_free (cache);
}

static GRefString *
make_key (const char *text,
          gsize       size)
{
  g_autofree char *valid = NULL;
  g_autofree char *key = NULL;

  if (g_utf8_validate_len (text, size, NULL))
    key = g_utf8_collate_key (text, (gssize) size);
  else
    {
      valid = g_utf8_make_valid (text, (gssize) size);
      key = g_utf8_collate_key (valid, -1);
    }
  return g_ref_string_new (key);
}

/* FNV-1a */
static guint32
hash_text (const char *text,
           gsize       size)
{
  guint32 hash = 2166136261u;

  for (gsize i = 0; i < size; i++)
    hash = (hash ^ (guint8) text[i]) * 16777619u;
  return hash ^ hash >> 16;
}

static GRefString *
ref_key (KeyCache   *cache,
         const char *text,
         gsize       size)
{
  guint32 hash;
  CollationKey **place;

  if (size > MAX_CACHED_SIZE)
    return make_key (text, size);

  if (cache->places == NULL)
    cache->places = g_new0 (CollationKey *, N_PLACES);
  hash = hash_text (text, size);
  place = &cache->places[hash % N_PLACES];
  if (*place == NULL || (*place)->hash != hash || (*place)->size != size || memcmp ((*place)->text, text, size) != 0)
    {
      g_clear_pointer (place, collation_key_free);
      *place = g_malloc (sizeof (CollationKey) + size);
      **place = (CollationKey) { .hash = hash, .size = (guint32) size, .key = make_key (text, size) };
      memcpy ((*place)->text, text, size);
    }
  return g_ref_string_acquire ((*place)->key);
}

static int
compare_bytes (gconstpointer a,
               int           size_a,
               gconstpointer b,
               int           size_b)
{
  int common = MIN (size_a, size_b);
  int result = common > 0 ? memcmp (a, b, (gsize) common) : 0;

  return result != 0 ? result : size_a - size_b;
}

static int
compare (gpointer      user_data,
         int           size_a,
         gconstpointer a,
         int           size_b,
         gconstpointer b)
{
  KeyCache *cache = user_data;
  int by_bytes = compare_bytes (a, size_a, b, size_b);
  g_autoptr(GRefString) key_a = NULL;
  g_autoptr(GRefString) key_b = NULL;
  int result;

  if (by_bytes == 0 || size_a == 0 || size_b == 0)
    return by_bytes;
  key_a = ref_key (cache, a, (gsize) size_a);
  key_b = ref_key (cache, b, (gsize) size_b);
  result = strcmp (key_a, key_b);
  return result != 0 ? result : by_bytes;
}

int
dimple_functions_register_locale (sqlite3 *handle)
{
  KeyCache *cache = g_new0 (KeyCache, 1);
  int result = sqlite3_create_collation_v2 (handle, "LOCALE", SQLITE_UTF8, cache, compare, key_cache_free);

  /* The one call of SQLite that does not free what it could not take. */
  if (result != SQLITE_OK)
    key_cache_free (cache);
  return result;
}
