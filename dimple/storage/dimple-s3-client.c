/* dimple-s3-client.c: what all requests to one bucket share
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-s3-client-private.h"

#include <string.h>

#include "dimple-aws-signature-private.h"

/* A server's own clock may tick a little while it answers */
#define SKEW_TOLERANCE 30
#define MAX_SHOWN_TEXT 300

struct _DimpleS3Client
{
  GObject parent_instance;

  DimpleS3Lanes *lanes;
  char *access_key;
  char *secret_key;
  char *session_token;
  guint timeout;
  guint retry_delay;

  GMutex lock;
  DimpleS3Address *address;
  gint64 skew;
  gboolean removes_one;
};

G_DEFINE_FINAL_TYPE (DimpleS3Client, dimple_s3_client, G_TYPE_OBJECT)

static void
dimple_s3_client_finalize (GObject *object)
{
  DimpleS3Client *self = DIMPLE_S3_CLIENT (object);

  g_clear_pointer (&self->lanes, dimple_s3_lanes_free);
  g_free (self->access_key);
  dimple_aws_secret_free (self->secret_key);
  dimple_aws_secret_free (self->session_token);
  g_clear_pointer (&self->address, dimple_s3_address_unref);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (dimple_s3_client_parent_class)->finalize (object);
}

static void
dimple_s3_client_class_init (DimpleS3ClientClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = dimple_s3_client_finalize;
}

static void
dimple_s3_client_init (DimpleS3Client *self)
{
  g_mutex_init (&self->lock);
}

DimpleS3Client *
dimple_s3_client_new (DimpleS3Address             *address,
                      const DimpleS3ClientOptions *options)
{
  DimpleS3Client *self = g_object_new (DIMPLE_TYPE_S3_CLIENT, NULL);

  self->address = dimple_s3_address_ref (address);
  self->access_key = g_strdup (options->access_key != NULL ? options->access_key : "");
  self->secret_key = g_strdup (options->secret_key != NULL ? options->secret_key : "");
  self->session_token = g_strdup (options->session_token);
  self->timeout = options->timeout;
  self->retry_delay = options->retry_delay;
  self->lanes = dimple_s3_lanes_new (options->timeout, options->tls_database, options->proxy_resolver);

  return self;
}

DimpleS3Lanes *
dimple_s3_client_get_lanes (DimpleS3Client *self)
{
  return self->lanes;
}

guint
dimple_s3_client_get_timeout (DimpleS3Client *self)
{
  return self->timeout;
}

guint
dimple_s3_client_get_retry_delay (DimpleS3Client *self)
{
  return self->retry_delay;
}

DimpleS3Address *
dimple_s3_client_dup_address (DimpleS3Client *self)
{
  DimpleS3Address *address;

  g_mutex_lock (&self->lock);
  address = dimple_s3_address_ref (self->address);
  g_mutex_unlock (&self->lock);

  return address;
}

void
dimple_s3_client_learn_address (DimpleS3Client  *self,
                                DimpleS3Address *address)
{
  DimpleS3Address *old;

  g_mutex_lock (&self->lock);
  old = self->address;
  self->address = dimple_s3_address_ref (address);
  g_mutex_unlock (&self->lock);

  dimple_s3_address_unref (old);
}

static gint64
get_unix_time (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

gboolean
dimple_s3_client_learn_time (DimpleS3Client *self,
                             gint64          unix_time)
{
  gint64 skew = unix_time - get_unix_time ();
  gboolean changed;

  g_mutex_lock (&self->lock);
  changed = ABS (skew - self->skew) > SKEW_TOLERANCE;
  if (changed)
    self->skew = skew;
  g_mutex_unlock (&self->lock);

  return changed;
}

gboolean
dimple_s3_client_removes_many (DimpleS3Client *self)
{
  gboolean removes_many;

  g_mutex_lock (&self->lock);
  removes_many = !self->removes_one;
  g_mutex_unlock (&self->lock);

  return removes_many;
}

void
dimple_s3_client_learn_removes_one (DimpleS3Client *self)
{
  g_mutex_lock (&self->lock);
  self->removes_one = TRUE;
  g_mutex_unlock (&self->lock);
}

void
dimple_s3_client_sign (DimpleS3Client  *self,
                       SoupMessage     *message,
                       DimpleS3Address *address,
                       const char      *payload_hash)
{
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);
  GUri *uri = soup_message_get_uri (message);
  g_autofree char *host = dimple_s3_address_dup_host (address);
  g_autofree char *authorization = NULL;
  char time[DIMPLE_AWS_TIME_SIZE];
  const DimpleAwsCredentials credentials = {
    .access_key = self->access_key,
    .secret_key = self->secret_key,
    .region = dimple_s3_address_get_region (address),
    .service = "s3",
  };
  const char * const signed_headers[] = {
    "host", host,
    "x-amz-content-sha256", payload_hash,
    "x-amz-date", time,
    self->session_token != NULL ? "x-amz-security-token" : NULL, self->session_token,
    NULL,
  };
  const DimpleAwsRequest request = {
    .method = soup_message_get_method (message),
    .path = g_uri_get_path (uri),
    .query = g_uri_get_query (uri) != NULL ? g_uri_get_query (uri) : "",
    .headers = signed_headers,
    .payload_hash = payload_hash,
  };
  gint64 skew;

  g_mutex_lock (&self->lock);
  skew = self->skew;
  g_mutex_unlock (&self->lock);
  dimple_aws_format_time (get_unix_time () + skew, time);

  authorization = dimple_aws_authorize (&request, &credentials, time);
  for (gsize i = 2; signed_headers[i] != NULL; i += 2)
    soup_message_headers_replace (headers, signed_headers[i], signed_headers[i + 1]);
  soup_message_headers_replace (headers, "Authorization", authorization);
}

static void
hide (GString    *text,
      const char *secret)
{
  if (secret != NULL && *secret != '\0')
    g_string_replace (text, secret, "…", 0);
}

/* A server may repeat the Authorization header */
static void
hide_signatures (GString *text)
{
  static const char name[] = "Signature=";
  char *found;

  while ((found = strstr (text->str, name)) != NULL)
    {
      gsize length = strlen (name) + strspn (found + strlen (name), G_CSET_DIGITS "abcdefABCDEF");

      g_string_erase (text, found - text->str, length);
    }
}

char *
dimple_s3_client_clean_text (DimpleS3Client *self,
                             const char     *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *cleaned = g_string_new (valid);

  /* Before it is cut, so that no half of one stays */
  hide (cleaned, self->secret_key);
  hide (cleaned, self->session_token);
  hide_signatures (cleaned);

  for (char *c = cleaned->str; *c != '\0'; c++)
    if (g_ascii_iscntrl (*c))
      *c = ' ';
  if (g_utf8_strlen (cleaned->str, -1) > MAX_SHOWN_TEXT)
    {
      g_string_truncate (cleaned, g_utf8_offset_to_pointer (cleaned->str, MAX_SHOWN_TEXT) - cleaned->str);
      g_string_append (cleaned, "…");
    }

  return g_strstrip (g_string_free (cleaned, FALSE));
}
