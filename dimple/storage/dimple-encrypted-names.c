/* dimple-encrypted-names.c: what objects are called in an encrypted repository
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-encrypted-names-private.h"

#include <string.h>

#define MARKER_SUFFIX ".json"
#define PACKS_PREFIX  "changes/"
#define PACK_SUFFIX   ".json.gz"

static gboolean
is_marker (const char *key)
{
  return g_str_has_prefix (key, DIMPLE_MARKERS_PREFIX) && g_str_has_suffix (key, MARKER_SUFFIX) &&
         strchr (key + strlen (DIMPLE_MARKERS_PREFIX), '/') == NULL;
}

DimpleNameKind
dimple_encrypted_name_classify (const char *key)
{
  if (g_str_has_prefix (key, DIMPLE_IDENTITIES_PREFIX))
    return DIMPLE_NAME_RESERVED;

  return is_marker (key) ? DIMPLE_NAME_MARKER : DIMPLE_NAME_SEALED;
}

char *
dimple_encrypted_name_seal (const char *key)
{
  return is_marker (key) ? g_strdup (key) : g_strconcat (key, DIMPLE_SEALED_SUFFIX, NULL);
}

char *
dimple_encrypted_name_unseal (const char *name)
{
  g_autofree char *key = NULL;

  if (is_marker (name))
    return g_strdup (name);
  if (!g_str_has_suffix (name, DIMPLE_SEALED_SUFFIX) || g_str_has_prefix (name, DIMPLE_IDENTITIES_PREFIX))
    return NULL;

  key = g_strndup (name, strlen (name) - strlen (DIMPLE_SEALED_SUFFIX));
  /* Nothing is sealed under these names, so it is somebody else's */
  if (*key == '\0' || g_str_has_suffix (key, "/") || is_marker (key))
    return NULL;
  return g_steal_pointer (&key);
}

gboolean
dimple_encrypted_name_is_clear_pack (const char *name)
{
  return g_str_has_prefix (name, PACKS_PREFIX) && g_str_has_suffix (name, PACK_SUFFIX);
}

/* In the folders of a repository only its own keys count: a sync with nothing to do has one request */
static gboolean
may_be_key (const char *key)
{
  if (g_str_has_prefix (key, PACKS_PREFIX))
    return g_str_has_suffix (key, PACK_SUFFIX);
  if (g_str_has_prefix (key, DIMPLE_MARKERS_PREFIX))
    return is_marker (key);

  return !g_str_has_suffix (key, "/") && !g_str_has_prefix (key, DIMPLE_IDENTITIES_PREFIX);
}

/* Names and their keys do not sort alike: "a-b.age" comes before "a.age", but "a" before "a-b".  So a name that is
 * still to come may have an earlier key than this one's, and then that key is a beginning of this name. */
gboolean
dimple_encrypted_name_ends_page (const char *name,
                                 const char *prefix,
                                 const char *start_after)
{
  for (gsize length = MAX (strlen (prefix), 1); name[length] != '\0'; length++)
    {
      g_autofree char *key = NULL;
      g_autofree char *sealed = NULL;

      if ((guchar) name[length] > '.')
        continue;
      key = g_strndup (name, length);
      sealed = g_strconcat (key, DIMPLE_SEALED_SUFFIX, NULL);
      if (may_be_key (key) && strcmp (key, start_after) > 0 && strcmp (sealed, name) > 0)
        return FALSE;
    }
  return TRUE;
}
