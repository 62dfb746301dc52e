/* dimple-storage-uri.c: a storage by its address
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gi18n-lib.h>

#include "dimple-error.h"
#include "dimple-local-storage.h"
#include "dimple-memory-storage.h"
#include "dimple-storage-private.h"

static DimpleStorage *
new_for_file_uri (const char  *uri,
                  GError     **error)
{
  g_autofree char *host = NULL;
  g_autofree char *path = g_filename_from_uri (uri, &host, NULL);
  g_autoptr (GFile) folder = NULL;

  if (path == NULL || (host != NULL && !g_str_equal (host, "localhost")))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
                   _("“%s” is not the address of a folder of this computer. Write file:///path/of/the/folder."), uri);
      return NULL;
    }

  folder = g_file_new_for_path (path);
  return dimple_local_storage_new (folder);
}

/**
 * dimple_storage_new_for_uri:
 * @uri: the address
 * @error: where to put an error
 *
 * Makes a storage from its address: `memory:`, or `file:///path/of/a/folder`.
 *
 * Nothing is looked up: whether the storage can be used is known by dimple_storage_check().
 *
 * Returns: (transfer full): a storage; %NULL with %DIMPLE_ERROR_PARAMETERS if the address is malformed
 */
DimpleStorage *
dimple_storage_new_for_uri (const char  *uri,
                            GError     **error)
{
  g_autofree char *scheme = NULL;

  g_return_val_if_fail (uri != NULL, NULL);

  scheme = g_uri_parse_scheme (uri);
  if (g_strcmp0 (scheme, "memory") == 0)
    return dimple_memory_storage_new ();
  if (g_strcmp0 (scheme, "file") == 0)
    return new_for_file_uri (uri, error);

  /* The address itself stays out of the message, for it may hold a secret */
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
               _("The address of a storage starts with memory: or file:///, not with “%s”."),
               scheme != NULL ? scheme : "");
  return NULL;
}
