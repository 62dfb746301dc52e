/* dimple-storage-uri.c: a storage by its address
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gi18n-lib.h>

#include "dimple-error.h"
#include "dimple-local-storage.h"
#include "dimple-memory-storage.h"
#include "dimple-s3-storage-private.h"
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

static DimpleStorage *
new_for_s3_uri (const char  *text,
                GError     **error)
{
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_ENCODED_QUERY, NULL);

  if (uri != NULL)
    return dimple_s3_storage_new_for_uri (uri, error);

  /* Neither is this one shown, nor what GLib has to say about it */
  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
                       _("The s3:// address is malformed. In a key, write %2F for “/”, %2B for “+”, %3A for “:”."));
  return NULL;
}

/**
 * dimple_storage_new_for_uri:
 * @uri: the address
 * @error: where to put an error
 *
 * Makes a storage from its address: `memory:`, `file:///path/of/a/folder`, or a bucket by `s3://`:
 *
 * - `s3://KEY:SECRET@host:port/bucket/prefix` is a bucket on a server, where the prefix, the port, and the keys may be
 *   left out. It is taken for this form if the host has a dot in it or is `localhost`, or if there are keys or a port.
 * - `s3://bucket/prefix` is a bucket of AWS, or of the server that `AWS_ENDPOINT_URL` names.
 *
 * After a `?` may follow `region=NAME`, `tls=no` for a server without TLS, and `style=path` or `style=host` (see
 * [property@Dimple.S3Storage:path-style]), with `&` between them. What is special in a URI is written as `%XY`: `%2F`
 * for a `/` in a secret key, `%2B` for a `+`.
 *
 * Where there are no keys in the address, they come from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
 * `AWS_SESSION_TOKEN`, or else from the profile `AWS_PROFILE` in `~/.aws/credentials` (or in the file named by
 * `AWS_SHARED_CREDENTIALS_FILE`). In the second form the region comes from `AWS_REGION`, `AWS_DEFAULT_REGION` or the
 * configuration in `~/.aws/config` too.
 *
 * Nothing is looked up: whether the storage can be used is known by dimple_storage_check().
 *
 * Returns: (transfer full): a storage; %NULL with %DIMPLE_ERROR_PARAMETERS if the address is malformed, or with
 *   %DIMPLE_ERROR_DENIED if there are no keys
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
  if (g_strcmp0 (scheme, "s3") == 0)
    return new_for_s3_uri (uri, error);

  /* The address itself stays out of the message, for it may hold a secret */
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
               _("The address of a storage starts with memory:, file:/// or s3://, not with “%s”."),
               scheme != NULL ? scheme : "");
  return NULL;
}
