/* dimple-s3-credentials.c: a bucket from an s3:// URI, with keys from wherever AWS's own tools take them
 *
 * Two forms, told apart by the host:
 *
 *   s3://[KEY:SECRET@]host[:port]/bucket[/prefix]   the host has a dot, or there is a port or a user: it is a server
 *   s3://bucket[/prefix]                            the bucket of AWS, or of the server in AWS_ENDPOINT_URL
 *
 * Keys come from the URI, or from AWS_ACCESS_KEY_ID and its like, or from the shared credentials file.  That file is an
 * INI file as GKeyFile reads them, but for lines that start with “;”.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 * https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-aws-signature-private.h"
#include "dimple-error.h"
#include "dimple-s3-storage-private.h"

typedef struct
{
  char *endpoint;
  char *region;
  char *bucket;
  char *prefix;
  char *access_key;
  char *secret_key;
  char *session_token;
  gboolean has_style;
  gboolean path_style;
} Place;

static void
place_clear (Place *place)
{
  g_free (place->endpoint);
  g_free (place->region);
  g_free (place->bucket);
  g_free (place->prefix);
  g_free (place->access_key);
  dimple_aws_secret_free (place->secret_key);
  dimple_aws_secret_free (place->session_token);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Place, place_clear)

/* NULL if it is not set, or empty */
static const char *
get_variable (const char *name)
{
  const char *value = g_getenv (name);

  return value != NULL && *value != '\0' ? value : NULL;
}

static const char *
get_profile (void)
{
  const char *profile = get_variable ("AWS_PROFILE");

  return profile != NULL ? profile : "default";
}

/* The text of an INI file without the comments that GKeyFile does not know */
static char *
drop_comments (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GString *kept = g_string_new (NULL);

  for (gsize i = 0; lines[i] != NULL; i++)
    if (*g_strchug (lines[i]) != ';')
      g_string_append_printf (kept, "%s\n", g_strchomp (lines[i]));

  return g_string_free (kept, FALSE);
}

/* (transfer full): one of AWS's files; NULL without an error if there is none */
static GKeyFile *
load_file (const char  *variable,
           const char  *name,
           GError     **error)
{
  g_autofree char *default_path = g_build_filename (g_get_home_dir (), ".aws", name, NULL);
  const char *path = get_variable (variable) != NULL ? get_variable (variable) : default_path;
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) local_error = NULL;
  g_autofree char *contents = NULL;
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &contents, NULL, &local_error))
    {
      if (g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return NULL;
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_DENIED, _("The keys cannot be read: %s"), local_error->message);
      return NULL;
    }

  text = drop_comments (contents);
  /* GKeyFile's own message may show a line, and with it a secret */
  if (!g_key_file_load_from_data (file, text, -1, G_KEY_FILE_NONE, NULL))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_DENIED,
                   _("The keys in %s cannot be read: it is not an INI file."), path);
      return NULL;
    }

  return g_steal_pointer (&file);
}

/* (transfer full) (nullable) */
static char *
get_value (GKeyFile   *file,
           const char *group,
           const char *key)
{
  g_autofree char *value = g_key_file_get_value (file, group, key, NULL);

  return value != NULL && *g_strstrip (value) != '\0' ? g_steal_pointer (&value) : NULL;
}

static gboolean
read_keys_from_file (Place   *place,
                     GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GKeyFile) file = load_file ("AWS_SHARED_CREDENTIALS_FILE", "credentials", &local_error);

  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }

  if (file != NULL)
    {
      place->access_key = get_value (file, get_profile (), "aws_access_key_id");
      place->secret_key = get_value (file, get_profile (), "aws_secret_access_key");
      place->session_token = get_value (file, get_profile (), "aws_session_token");
    }
  if (place->access_key != NULL && place->secret_key != NULL)
    return TRUE;

  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_DENIED,
               _("There are no keys for the bucket “%s”. Put them into the URI, into AWS_ACCESS_KEY_ID and "
                 "AWS_SECRET_ACCESS_KEY, or into the profile “%s” of ~/.aws/credentials."),
               place->bucket, get_profile ());
  return FALSE;
}

static gboolean
find_keys (Place   *place,
           GError **error)
{
  const char *access_key = get_variable ("AWS_ACCESS_KEY_ID");
  const char *secret_key = get_variable ("AWS_SECRET_ACCESS_KEY");

  if (place->access_key != NULL)
    return TRUE;

  if (access_key == NULL || secret_key == NULL)
    return read_keys_from_file (place, error);

  place->access_key = g_strdup (access_key);
  place->secret_key = g_strdup (secret_key);
  place->session_token = g_strdup (get_variable ("AWS_SESSION_TOKEN"));
  return TRUE;
}

/* (transfer full) (nullable): the region; the configuration names its profiles another way than the credentials do */
static char *
find_region (void)
{
  static const char * const variables[] = { "AWS_REGION", "AWS_DEFAULT_REGION" };
  const char *profile = get_profile ();
  g_autoptr (GKeyFile) file = NULL;
  g_autofree char *group = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (variables); i++)
    if (get_variable (variables[i]) != NULL)
      return g_strdup (get_variable (variables[i]));

  /* A region can be learnt, so a file that cannot be read is no harm */
  file = load_file ("AWS_CONFIG_FILE", "config", NULL);
  if (file == NULL)
    return NULL;

  group = g_strconcat (strcmp (profile, "default") == 0 ? "" : "profile ", profile, NULL);
  return get_value (file, group, "region");
}

static gboolean
set_fault (GError     **error,
           const char  *fault)
{
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
               _("The s3:// URI cannot be used: %s. Write it like s3://KEY:SECRET@s3.example.org/bucket/prefix."),
               fault);
  return FALSE;
}

/* "first/rest" */
static void
split_path (const char  *path,
            char       **first,
            char       **rest)
{
  const char *slash;

  while (*path == '/')
    path++;
  slash = strchrnul (path, '/');
  *first = g_strndup (path, slash - path);
  *rest = g_strdup (*slash == '/' ? slash + 1 : slash);
}

static gboolean
is_server (GUri *uri)
{
  const char *host = g_uri_get_host (uri);

  return strpbrk (host, ".:") != NULL || strcmp (host, "localhost") == 0 || g_uri_get_port (uri) != -1 ||
         g_uri_get_user (uri) != NULL;
}

static char *
make_endpoint (GUri     *uri,
               gboolean  tls)
{
  g_autoptr (GUri) endpoint = g_uri_build (G_URI_FLAGS_NONE, tls ? "https" : "http", NULL, g_uri_get_host (uri),
                                           g_uri_get_port (uri), "", NULL, NULL);

  return g_uri_to_string (endpoint);
}

static gboolean
read_parameters (Place     *place,
                 GUri      *uri,
                 gboolean  *tls,
                 GError   **error)
{
  const char *query = g_uri_get_query (uri) != NULL ? g_uri_get_query (uri) : "";
  GUriParamsIter iter;
  char *name;
  char *value;

  *tls = TRUE;
  g_uri_params_iter_init (&iter, query, -1, "&", G_URI_PARAMS_NONE);
  while (g_uri_params_iter_next (&iter, &name, &value, NULL))
    {
      g_autofree char *own_name = name;
      g_autofree char *own_value = value;

      if (strcmp (name, "region") == 0 && *value != '\0' && place->region == NULL)
        place->region = g_steal_pointer (&own_value);
      else if (strcmp (name, "tls") == 0 && (strcmp (value, "yes") == 0 || strcmp (value, "no") == 0))
        *tls = strcmp (value, "yes") == 0;
      else if (strcmp (name, "style") == 0 && (strcmp (value, "path") == 0 || strcmp (value, "host") == 0))
        {
          place->has_style = TRUE;
          place->path_style = strcmp (value, "path") == 0;
        }
      else
        return set_fault (error, _("after “?” may stand region=NAME, tls=yes or no, and style=path or host"));
    }

  return TRUE;
}

static gboolean
read_server (Place     *place,
             GUri      *uri,
             gboolean   tls,
             GError   **error)
{
  place->endpoint = make_endpoint (uri, tls);
  split_path (g_uri_get_path (uri), &place->bucket, &place->prefix);

  if (g_uri_get_user (uri) == NULL)
    return TRUE;
  if (*g_uri_get_user (uri) == '\0' || g_uri_get_password (uri) == NULL)
    return set_fault (error, _("before “@” stand the access key, “:” and the secret key"));

  place->access_key = g_strdup (g_uri_get_user (uri));
  place->secret_key = g_strdup (g_uri_get_password (uri));
  return TRUE;
}

static void
read_amazon (Place *place,
             GUri  *uri)
{
  place->endpoint = g_strdup (get_variable ("AWS_ENDPOINT_URL_S3"));
  if (place->endpoint == NULL)
    place->endpoint = g_strdup (get_variable ("AWS_ENDPOINT_URL"));
  if (place->region == NULL)
    place->region = find_region ();

  place->bucket = g_strdup (g_uri_get_host (uri));
  place->prefix = g_strdup (g_uri_get_path (uri) + (*g_uri_get_path (uri) == '/' ? 1 : 0));
}

/* A prefix in a URI is a folder */
static void
end_prefix (Place *place)
{
  g_autofree char *prefix = g_steal_pointer (&place->prefix);

  if (*prefix != '\0')
    place->prefix = g_strconcat (prefix, g_str_has_suffix (prefix, "/") ? "" : "/", NULL);
}

static gboolean
read_place (Place   *place,
            GUri    *uri,
            GError **error)
{
  gboolean tls;

  if (g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0')
    return set_fault (error, _("after “s3://” stands a server or a bucket"));
  if (!read_parameters (place, uri, &tls, error))
    return FALSE;

  if (!is_server (uri))
    read_amazon (place, uri);
  else if (!read_server (place, uri, tls, error))
    return FALSE;

  if (*place->bucket == '\0')
    return set_fault (error, _("after the server stands “/” and the bucket"));

  end_prefix (place);
  return find_keys (place, error);
}

/* `uri` was parsed with G_URI_FLAGS_HAS_PASSWORD and G_URI_FLAGS_ENCODED_QUERY */
DimpleStorage *
dimple_s3_storage_new_for_uri (GUri    *uri,
                               GError **error)
{
  g_auto (Place) place = { NULL };
  DimpleStorage *storage;

  if (!read_place (&place, uri, error))
    return NULL;

  storage = dimple_s3_storage_new (place.endpoint, place.region, place.bucket, place.access_key, place.secret_key);
  g_object_set (storage,
                "session-token", place.session_token,
                "prefix", place.prefix,
                NULL);
  if (place.has_style)
    g_object_set (storage, "path-style", place.path_style, NULL);

  return storage;
}
