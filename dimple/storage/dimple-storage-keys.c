/* dimple-storage-keys.c: which keys are valid, and how a page of a listing is made
 *
 * The rules are the strictest of all kinds of storage, so that what works in a folder works in a bucket too.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-error.h"
#include "dimple-storage-private.h"

static gboolean
is_dots (const char *segment,
         gsize       length)
{
  return (length == 1 && segment[0] == '.') || (length == 2 && segment[0] == '.' && segment[1] == '.');
}

static const char *
find_fault_in_segments (const char *key)
{
  const char *segment = key;

  while (TRUE)
    {
      const char *end = strchrnul (segment, '/');

      if (end == segment)
        return _("it starts or ends with “/”, or has “//” in it");
      if (is_dots (segment, end - segment))
        return _("“.” and “..” are no names");
      if (*end == '\0')
        return NULL;
      segment = end + 1;
    }
}

/* XML, in which S3 lists keys, has no way to write most of them */
static gboolean
has_control_character (const char *key)
{
  while (*key != '\0' && !g_ascii_iscntrl (*key))
    key++;

  return *key != '\0';
}

static gboolean
set_fault (const char  *key,
           const char  *fault,
           GError     **error)
{
  g_autofree char *shown = g_utf8_make_valid (key, strnlen (key, 80));

  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS, _("“%s” cannot be the name of an object: %s."),
               shown, fault);
  return FALSE;
}

gboolean
dimple_storage_validate_prefix (const char  *prefix,
                                GError     **error)
{
  if (strlen (prefix) > DIMPLE_STORAGE_KEY_LENGTH)
    return set_fault (prefix, _("it is longer than 1024 bytes"), error);
  if (!g_utf8_validate (prefix, -1, NULL))
    return set_fault (prefix, _("it is not UTF-8"), error);
  return TRUE;
}

gboolean
dimple_storage_validate_key (const char  *key,
                             GError     **error)
{
  const char *fault;

  if (*key == '\0')
    return set_fault (key, _("it is empty"), error);
  if (!dimple_storage_validate_prefix (key, error))
    return FALSE;
  if (has_control_character (key))
    return set_fault (key, _("it has a control character in it"), error);

  fault = find_fault_in_segments (key);
  return fault == NULL || set_fault (key, fault, error);
}

static int
compare_keys (gconstpointer a,
              gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

char **
dimple_storage_page_of_keys (GPtrArray  *keys,
                             const char *prefix,
                             const char *start_after)
{
  g_autoptr (GPtrArray) page = g_ptr_array_new_with_free_func (g_free);
  const char *last = start_after;

  g_ptr_array_sort (keys, compare_keys);
  for (guint i = 0; i < keys->len && page->len < DIMPLE_STORAGE_PAGE_SIZE; i++)
    {
      char *key = g_ptr_array_index (keys, i);

      if (g_str_has_prefix (key, prefix) && strcmp (key, last) > 0)
        {
          g_ptr_array_add (page, g_steal_pointer (&g_ptr_array_index (keys, i)));
          last = key;
        }
    }

  g_ptr_array_add (page, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&page), FALSE);
}
