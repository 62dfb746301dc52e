/* dimple-local-names.c: keys as paths that every file system takes
 *
 * A folder may lie on FAT, on NTFS, or behind WebDAV, and be copied from one to another.  So only lower-case letters,
 * digits, `-`, `_` and `.` stand for themselves; any other byte is `=` and two hexadecimal digits, and so are a dot at
 * either end of a name and the first letter of a name that Windows reserves.  A name that would become too long goes on
 * in a folder: `start=/rest`.
 *
 * A key has one path.  Whatever file has a path that is not the one of its key was not written by us.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "dimple-local-names-private.h"
#include "dimple-storage-private.h"

/* File systems take 255 bytes or more; the name of a pack (up to about 160) must fit */
#define NAME_LENGTH 200

static gboolean
is_plain (char c)
{
  return g_ascii_islower (c) || g_ascii_isdigit (c) || c == '-' || c == '_' || c == '.';
}

static gboolean
is_equal (const char *name,
          gsize       length,
          const char *other)
{
  return length == strlen (other) && strncmp (name, other, length) == 0;
}

/* Windows takes some names for devices, whatever follows the first dot, and puts some files into folders by itself */
static gboolean
is_reserved (const char *name,
             gsize       length)
{
  static const char * const devices[] = { "con", "prn", "aux", "nul" };
  const char *dot = memchr (name, '.', length);
  gsize stem = dot != NULL ? (gsize) (dot - name) : length;

  for (gsize i = 0; i < G_N_ELEMENTS (devices); i++)
    if (is_equal (name, stem, devices[i]))
      return TRUE;

  if (stem == 4 && g_ascii_isdigit (name[3]))
    return is_equal (name, 3, "com") || is_equal (name, 3, "lpt");
  return is_equal (name, length, "desktop.ini") || is_equal (name, length, "thumbs.db");
}

static void
append_name (GString    *path,
             const char *name,
             gsize       length)
{
  gboolean reserved = is_reserved (name, length);
  gsize start = path->len;

  for (gsize i = 0; i < length; i++)
    {
      gboolean plain = is_plain (name[i]) && !(reserved && i == 0);

      if (path->len - start + 3 > NAME_LENGTH)
        {
          g_string_append (path, DIMPLE_LOCAL_PATH_CONTINUES "/");
          start = path->len;
        }
      if (name[i] == '.' && (path->len == start || i == length - 1))
        plain = FALSE;

      if (plain)
        g_string_append_c (path, name[i]);
      else
        g_string_append_printf (path, "=%02x", (guchar) name[i]);
    }
}

char *
dimple_local_path_from_key (const char *key)
{
  GString *path = g_string_sized_new (strlen (key) + 16);

  while (TRUE)
    {
      gsize length = strcspn (key, "/");

      append_name (path, key, length);
      key += length;
      if (*key == '\0')
        return g_string_free (path, FALSE);
      g_string_append_c (path, *key++);
    }
}

char *
dimple_local_key_from_path (const char *path)
{
  g_autoptr (GString) key = g_string_sized_new (strlen (path));
  g_autofree char *same = NULL;

  for (const char *p = path; *p != '\0'; p++)
    {
      if (*p != '=')
        g_string_append_c (key, *p);
      else if (p[1] == '/')
        p++;
      else if (g_ascii_isxdigit (p[1]) && g_ascii_isxdigit (p[2]))
        {
          g_string_append_c (key, (char) (g_ascii_xdigit_value (p[1]) << 4 | g_ascii_xdigit_value (p[2])));
          p += 2;
        }
      else
        return NULL;
    }

  if (strlen (key->str) != key->len || !dimple_storage_validate_key (key->str, NULL))
    return NULL;

  same = dimple_local_path_from_key (key->str);
  if (!g_str_equal (same, path))
    return NULL;
  return g_string_free (g_steal_pointer (&key), FALSE);
}
