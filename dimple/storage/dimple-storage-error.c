/* dimple-storage-error.c: errors of other libraries as errors of Dimple
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gi18n-lib.h>

#include "dimple-error.h"
#include "dimple-storage-private.h"

static DimpleError
translate_io_code (int code)
{
  switch (code)
    {
    case G_IO_ERROR_NOT_FOUND:
      return DIMPLE_ERROR_NOT_FOUND;

    case G_IO_ERROR_PERMISSION_DENIED:
    case G_IO_ERROR_READ_ONLY:
    case G_IO_ERROR_PROXY_AUTH_FAILED:
    case G_IO_ERROR_PROXY_NEED_AUTH:
    case G_IO_ERROR_PROXY_NOT_ALLOWED:
      return DIMPLE_ERROR_DENIED;

    case G_IO_ERROR_NO_SPACE:
      return DIMPLE_ERROR_FULL;

    case G_IO_ERROR_NOT_MOUNTED:
      return DIMPLE_ERROR_NO_SUCH_STORAGE;

    case G_IO_ERROR_HOST_NOT_FOUND:
    case G_IO_ERROR_HOST_UNREACHABLE:
    case G_IO_ERROR_NETWORK_UNREACHABLE:
    case G_IO_ERROR_CONNECTION_REFUSED:
    case G_IO_ERROR_CONNECTION_CLOSED:
    case G_IO_ERROR_NOT_CONNECTED:
    case G_IO_ERROR_PROXY_FAILED:
    case G_IO_ERROR_TIMED_OUT:
      return DIMPLE_ERROR_OFFLINE;

    default:
      return DIMPLE_ERROR_STORAGE;
    }
}

void
dimple_storage_translate_error (GError **error)
{
  g_autoptr (GError) original = NULL;
  DimpleError code = DIMPLE_ERROR_STORAGE;

  if (error == NULL || *error == NULL)
    return;
  if ((*error)->domain == DIMPLE_ERROR || g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  original = g_steal_pointer (error);
  if (original->domain == G_IO_ERROR)
    code = translate_io_code (original->code);
  else if (original->domain == G_RESOLVER_ERROR)
    code = DIMPLE_ERROR_OFFLINE;
  g_set_error_literal (error, DIMPLE_ERROR, code, original->message);
}

GError *
dimple_storage_not_found_error (const char *key)
{
  return g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND, _("There is no object “%s” in the storage."), key);
}
