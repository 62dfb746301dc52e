/* dimple-s3-address.c: where a bucket is
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-s3-address-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>
#include <libsoup/soup.h>

#include "dimple-aws-signature-private.h"
#include "dimple-error.h"

#define DEFAULT_REGION "us-east-1"

struct _DimpleS3Address
{
  gboolean is_amazon;
  gboolean path_style;
  char *scheme;
  char *server;
  int port;
  char *base_path;
  char *bucket;
  char *region;
};

static void
free_fields (gpointer data)
{
  DimpleS3Address *self = data;

  g_free (self->scheme);
  g_free (self->server);
  g_free (self->base_path);
  g_free (self->bucket);
  g_free (self->region);
}

DimpleS3Address *
dimple_s3_address_ref (DimpleS3Address *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
dimple_s3_address_unref (DimpleS3Address *self)
{
  g_atomic_rc_box_release_full (self, free_fields);
}

static DimpleS3Address *
copy_address (DimpleS3Address *self)
{
  DimpleS3Address *copy = g_atomic_rc_box_new0 (DimpleS3Address);

  copy->is_amazon = self->is_amazon;
  copy->path_style = self->path_style;
  copy->scheme = g_strdup (self->scheme);
  copy->server = g_strdup (self->server);
  copy->port = self->port;
  copy->base_path = g_strdup (self->base_path);
  copy->bucket = g_strdup (self->bucket);
  copy->region = g_strdup (self->region);

  return copy;
}

/* Providers name their servers as AWS does: “s3.eu-west-1.example.com”, or “s3-eu-west-1.example.com” formerly */
static char *
guess_region (const char *host)
{
  g_auto (GStrv) labels = g_strsplit (host, ".", -1);

  for (gsize i = 0; labels[i] != NULL && labels[i + 1] != NULL; i++)
    {
      if (g_str_has_prefix (labels[i], "s3-"))
        return g_strdup (labels[i] + strlen ("s3-"));
      if (strcmp (labels[i], "s3") == 0 && strchr (labels[i + 1], '-') != NULL)
        return g_strdup (labels[i + 1]);
    }

  return NULL;
}

static char *
make_amazon_server (const char *region)
{
  if (region == NULL)
    return g_strdup ("s3.amazonaws.com");

  return g_strdup_printf ("s3.%s.amazonaws.com%s", region, g_str_has_prefix (region, "cn-") ? ".cn" : "");
}

/* What the name of a host is made of, and a region too */
static gboolean
is_host_name (const char *name)
{
  static const char allowed[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-_";

  return *name != '\0' && name[strspn (name, allowed)] == '\0';
}

/* GLib lets everything be the zone behind the “%” of an address, also the end of a line */
static gboolean
is_ip_address (const char *name)
{
  static const char allowed[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-_:%";

  return g_hostname_is_ip_address (name) && name[strspn (name, allowed)] == '\0';
}

/* (transfer full) (nullable): as it is signed and sent: in lower case, and in ASCII where a name is in another
 * script */
static char *
normalize_host (const char *host)
{
  g_autofree char *ascii = g_hostname_is_ip_address (host) ? g_strdup (host) : g_hostname_to_ascii (host);

  if (ascii == NULL || (!is_host_name (ascii) && !is_ip_address (ascii)))
    return NULL;

  return g_ascii_strdown (ascii, -1);
}

/* A URI, or a host with or without port */
static GUri *
parse_server (const char *text,
              const char *default_scheme)
{
  g_autofree char *with_scheme = NULL;
  g_autoptr (GUri) uri = NULL;

  if (strstr (text, "://") == NULL)
    with_scheme = g_strconcat (default_scheme, "://", text, NULL);

  uri = g_uri_parse (with_scheme != NULL ? with_scheme : text, SOUP_HTTP_URI_FLAGS, NULL);
  if (uri == NULL || g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0' || g_uri_get_userinfo (uri) != NULL)
    return NULL;
  if (strcmp (g_uri_get_scheme (uri), "http") != 0 && strcmp (g_uri_get_scheme (uri), "https") != 0)
    return NULL;

  return g_steal_pointer (&uri);
}

/* -1 for the usual one */
static int
get_port (GUri *uri)
{
  int default_port = strcmp (g_uri_get_scheme (uri), "https") == 0 ? 443 : 80;

  return g_uri_get_port (uri) != default_port ? g_uri_get_port (uri) : -1;
}

static gboolean
set_endpoint (DimpleS3Address  *self,
              const char       *endpoint,
              GError          **error)
{
  g_autoptr (GUri) uri = parse_server (endpoint, "https");
  g_autofree char *host = uri != NULL ? normalize_host (g_uri_get_host (uri)) : NULL;
  gsize length;

  if (host == NULL || g_uri_get_query (uri) != NULL || g_uri_get_fragment (uri) != NULL)
    {
      /* What was typed is not repeated: there may be a password in it */
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_NO_SUCH_STORAGE,
                           _("This is not the address of an S3 server. Write it like https://s3.example.org."));
      return FALSE;
    }

  self->scheme = g_strdup (g_uri_get_scheme (uri));
  self->server = g_steal_pointer (&host);
  self->port = get_port (uri);
  self->base_path = g_strdup (g_uri_get_path (uri));
  length = strlen (self->base_path);
  while (length > 0 && self->base_path[length - 1] == '/')
    self->base_path[--length] = '\0';
  if (self->region == NULL)
    self->region = guess_region (self->server);

  return TRUE;
}

/* “.” and “..” would be folders in a path */
static gboolean
is_bucket_name (const char    *name,
                DimpleS3Style  style)
{
  if (name == NULL || *name == '\0' || strpbrk (name, "/?#\\") != NULL || name[strspn (name, ".")] == '\0')
    return FALSE;

  return style != DIMPLE_S3_STYLE_HOST || is_host_name (name);
}

DimpleS3Address *
dimple_s3_address_new (const char     *endpoint,
                       const char     *region,
                       const char     *bucket,
                       DimpleS3Style   style,
                       GError        **error)
{
  g_autoptr (DimpleS3Address) self = g_atomic_rc_box_new0 (DimpleS3Address);

  if (!is_bucket_name (bucket, style))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NO_SUCH_STORAGE,
                   _("“%s” cannot be the name of a bucket."), bucket != NULL ? bucket : "");
      return NULL;
    }
  if (region != NULL && *region != '\0' && !is_host_name (region))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NO_SUCH_STORAGE,
                   _("“%s” cannot be the name of a region."), region);
      return NULL;
    }

  self->bucket = g_strdup (bucket);
  self->region = region != NULL && *region != '\0' ? g_strdup (region) : NULL;
  self->is_amazon = endpoint == NULL || *endpoint == '\0';

  if (!self->is_amazon)
    {
      if (!set_endpoint (self, endpoint, error))
        return NULL;
      self->path_style = style != DIMPLE_S3_STYLE_HOST;
    }
  else
    {
      self->scheme = g_strdup ("https");
      self->server = make_amazon_server (self->region);
      self->port = -1;
      self->base_path = g_strdup ("");
      /* The certificate of AWS is for one label before the server's name */
      self->path_style = style == DIMPLE_S3_STYLE_PATH ||
                         (style == DIMPLE_S3_STYLE_AUTOMATIC && (strchr (bucket, '.') || !is_host_name (bucket)));
    }

  return g_steal_pointer (&self);
}

DimpleS3Address *
dimple_s3_address_with_region (DimpleS3Address *self,
                               const char      *region)
{
  DimpleS3Address *changed;

  if (region == NULL || !is_host_name (region) || strcmp (region, dimple_s3_address_get_region (self)) == 0)
    return NULL;

  changed = copy_address (self);
  g_free (changed->region);
  changed->region = g_strdup (region);
  if (changed->is_amazon)
    {
      g_free (changed->server);
      changed->server = make_amazon_server (region);
    }

  return changed;
}

static gboolean
is_of_amazon (const char *host)
{
  return g_str_has_suffix (host, ".amazonaws.com") || g_str_has_suffix (host, ".amazonaws.com.cn");
}

DimpleS3Address *
dimple_s3_address_redirect (DimpleS3Address *self,
                            const char      *target)
{
  g_autoptr (GUri) uri = target != NULL ? parse_server (target, self->scheme) : NULL;
  g_autofree char *bucket_label = g_strconcat (self->bucket, ".", NULL);
  g_autofree char *host = uri != NULL ? normalize_host (g_uri_get_host (uri)) : NULL;
  g_autofree char *region = NULL;
  DimpleS3Address *changed;
  const char *server = host;
  gboolean path_style;

  if (host == NULL)
    return NULL;

  /* Nobody may lead us, and the session token, out of TLS, or away from AWS */
  if ((strcmp (self->scheme, "https") == 0 && strcmp (g_uri_get_scheme (uri), "https") != 0) ||
      (self->is_amazon && !is_of_amazon (server)))
    return NULL;

  path_style = self->path_style;
  if (g_str_has_prefix (server, bucket_label))
    {
      server += strlen (bucket_label);
      path_style = FALSE;
    }
  if (strcmp (server, self->server) == 0 && get_port (uri) == self->port &&
      path_style == self->path_style && strcmp (g_uri_get_scheme (uri), self->scheme) == 0)
    return NULL;

  changed = copy_address (self);
  g_free (changed->scheme);
  g_free (changed->server);
  changed->scheme = g_strdup (g_uri_get_scheme (uri));
  changed->server = g_strdup (server);
  changed->port = get_port (uri);
  changed->path_style = path_style;
  region = guess_region (server);
  if (region != NULL)
    {
      g_free (changed->region);
      changed->region = g_steal_pointer (&region);
    }

  return changed;
}

static char *
make_host (DimpleS3Address *self)
{
  return self->path_style ? g_strdup (self->server) : g_strconcat (self->bucket, ".", self->server, NULL);
}

GUri *
dimple_s3_address_build_uri (DimpleS3Address *self,
                             const char      *key,
                             const char      *query)
{
  g_autofree char *host = make_host (self);
  g_autofree char *encoded_bucket = dimple_aws_uri_encode (self->bucket, FALSE);
  g_autofree char *encoded_key = dimple_aws_uri_encode (key != NULL ? key : "", TRUE);
  g_autofree char *path = NULL;

  path = g_strconcat (self->base_path,
                      self->path_style ? "/" : "",
                      self->path_style ? encoded_bucket : "",
                      key != NULL || !self->path_style ? "/" : "",
                      encoded_key,
                      NULL);

  return g_uri_build (SOUP_HTTP_URI_FLAGS, self->scheme, NULL, host, self->port, path,
                      query != NULL && *query != '\0' ? query : NULL, NULL);
}

char *
dimple_s3_address_dup_host (DimpleS3Address *self)
{
  g_autofree char *host = make_host (self);
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, strchr (host, ':') != NULL ? "[%s]" : "%s", host);
  if (self->port != -1)
    g_string_append_printf (text, ":%d", self->port);

  return g_string_free (text, FALSE);
}

const char *
dimple_s3_address_get_server (DimpleS3Address *self)
{
  return self->server;
}

const char *
dimple_s3_address_get_bucket (DimpleS3Address *self)
{
  return self->bucket;
}

const char *
dimple_s3_address_get_region (DimpleS3Address *self)
{
  return self->region != NULL ? self->region : DEFAULT_REGION;
}

gboolean
dimple_s3_address_is_path_style (DimpleS3Address *self)
{
  return self->path_style;
}

gboolean
dimple_s3_address_is_same_server (DimpleS3Address *self,
                                  DimpleS3Address *other)
{
  return strcmp (self->server, other->server) == 0;
}
