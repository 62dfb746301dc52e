/* encrypted-fixture.h: encrypted storages, and what is in them, for tests
 *
 * Work factors are small, but where the `age` command takes part.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <string.h>

#include <dimple.h>

#include "dimple-age-private.h"
#include "dimple-encrypted-storage-private.h"

#define PASSPHRASE   "correct horse"
#define WORK_FACTOR  2
#define PACK         "changes/a/1_2.json.gz"
#define MARKER       "dimple/0190163d-8694-739b-aea5-966c26f8ad91.json"
#define MARKER_TEXT  "{\"format\":1,\"encryption\":\"age\"}"
#define CLEAR_MARKER "{\"format\":1,\"encryption\":null}"
static inline DimpleStorage *
open_storage (DimpleStorage *inner,
              const char    *passphrase)
{
  DimpleStorage *storage = dimple_encrypted_storage_new (inner, passphrase);

  dimple_encrypted_storage_set_work_factor (DIMPLE_ENCRYPTED_STORAGE (storage), WORK_FACTOR);
  return storage;
}

static inline void
put (DimpleStorage *storage,
     const char    *key,
     const char    *text)
{
  g_autoptr (GBytes) contents = g_bytes_new (text, strlen (text));
  g_autoptr (GError) error = NULL;

  dimple_storage_put (storage, key, contents, NULL, &error);
  g_assert_no_error (error);
}

static inline void
assert_get (DimpleStorage *storage,
            const char    *key,
            const char    *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) contents = dimple_storage_get (storage, key, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (contents, NULL), g_bytes_get_size (contents), expected, strlen (expected));
}

static inline void
assert_get_fails (DimpleStorage *storage,
                  const char    *key,
                  int            code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dimple_storage_get (storage, key, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, code);
  g_assert_nonnull (strstr (error->message, code == DIMPLE_ERROR_BAD_PACK ? key : ""));
  g_assert_null (strstr (error->message, PASSPHRASE));
}

/* All keys, by as many pages as it takes */
static inline char *
list_all (DimpleStorage *storage,
          const char    *prefix)
{
  g_autoptr (GString) all = g_string_new (NULL);
  g_autofree char *last = NULL;

  while (TRUE)
    {
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) keys = dimple_storage_list (storage, prefix, last, NULL, &error);

      g_assert_no_error (error);
      if (keys[0] == NULL)
        return g_string_free (g_steal_pointer (&all), FALSE);
      for (gsize i = 0; keys[i] != NULL; i++)
        g_string_append_printf (all, "%s ", keys[i]);
      g_free (last);
      last = g_strdup (keys[g_strv_length (keys) - 1]);
    }
}

static inline void
assert_list (DimpleStorage *storage,
             const char    *prefix,
             const char    *expected)
{
  g_autofree char *all = list_all (storage, prefix);

  g_assert_cmpstr (all, ==, expected);
}

static inline guint
count_keys (DimpleStorage *storage,
            const char    *prefix)
{
  g_autofree char *all = list_all (storage, prefix);
  guint n = 0;

  for (const char *c = all; *c != '\0'; c++)
    n += *c == ' ';
  return n;
}

static inline char *
first_identity (DimpleStorage *inner)
{
  g_autofree char *all = list_all (inner, "identities/");

  return g_strndup (all, strcspn (all, " "));
}

static inline void
copy_object (DimpleStorage *from,
             DimpleStorage *to,
             const char    *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) contents = dimple_storage_get (from, key, NULL, &error);

  g_assert_no_error (error);
  dimple_storage_put (to, key, contents, NULL, &error);
  g_assert_no_error (error);
}

static inline void
remove_object (DimpleStorage *storage,
               const char    *key)
{
  const char * const keys[] = { key, NULL };
  g_autoptr (GError) error = NULL;

  dimple_storage_remove (storage, keys, NULL, &error);
  g_assert_no_error (error);
}

static inline gboolean
change_passphrase (DimpleStorage  *storage,
                   const char     *passphrase,
                   GError        **error)
{
  return dimple_encrypted_storage_change_passphrase (DIMPLE_ENCRYPTED_STORAGE (storage), passphrase, NULL, error);
}
