/* dimple-s3-error.c: what went wrong with a request, for the caller and the user
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-s3-error-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-error.h"
#include "dimple-storage-private.h"

static gboolean
is_one_of (const char         *code,
           const char * const *codes)
{
  return code != NULL && g_strv_contains (codes, code);
}

gboolean
dimple_s3_error_is_transient (guint       status,
                              const char *code)
{
  static const char * const codes[] = {
    "BandwidthLimitExceeded", "InternalError", "OperationAborted", "PriorRequestNotComplete", "RequestLimitExceeded",
    "RequestTimeout", "ServiceUnavailable", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequests", NULL,
  };

  switch (status)
    {
    case SOUP_STATUS_REQUEST_TIMEOUT:
    case 429:
    case SOUP_STATUS_INTERNAL_SERVER_ERROR:
    case SOUP_STATUS_BAD_GATEWAY:
    case SOUP_STATUS_SERVICE_UNAVAILABLE:
    case SOUP_STATUS_GATEWAY_TIMEOUT:
      return TRUE;

    default:
      return is_one_of (code, codes);
    }
}

gboolean
dimple_s3_transport_error_is_transient (const GError *error)
{
  static const int io_codes[] = {
    G_IO_ERROR_TIMED_OUT, G_IO_ERROR_CONNECTION_CLOSED, G_IO_ERROR_PARTIAL_INPUT, G_IO_ERROR_NOT_CONNECTED,
  };

  for (gsize i = 0; i < G_N_ELEMENTS (io_codes); i++)
    if (g_error_matches (error, G_IO_ERROR, io_codes[i]))
      return TRUE;

  return g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_EOF) ||
         g_error_matches (error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_TEMPORARY_FAILURE) ||
         g_error_matches (error, SOUP_SESSION_ERROR, SOUP_SESSION_ERROR_PARSING);
}

gboolean
dimple_s3_error_is_unsupported (guint       status,
                                const char *code)
{
  static const char * const codes[] = {
    "InvalidRequest", "MalformedXML", "MethodNotAllowed", "NotImplemented", "UnsupportedOperation", NULL,
  };

  return status == SOUP_STATUS_NOT_IMPLEMENTED || status == SOUP_STATUS_METHOD_NOT_ALLOWED || is_one_of (code, codes);
}

static gboolean
is_full (guint       status,
         const char *code)
{
  static const char * const codes[] = {
    "InsufficientStorage", "QuotaExceeded", "ServiceQuotaExceeded", "StorageFull", "XMinioStorageFull", NULL,
  };

  return status == 507 || is_one_of (code, codes);
}

static gboolean
is_denied (guint       status,
           const char *code)
{
  static const char * const codes[] = {
    "AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", NULL,
  };

  return status == SOUP_STATUS_UNAUTHORIZED || status == SOUP_STATUS_FORBIDDEN || is_one_of (code, codes);
}

static char *
explain_denial (DimpleS3Address *address,
                const char      *code)
{
  static const char * const token_codes[] = { "ExpiredToken", "InvalidToken", NULL };

  if (g_strcmp0 (code, "InvalidAccessKeyId") == 0)
    return g_strdup (_("The server does not know the access key. Check the access key."));
  if (g_strcmp0 (code, "SignatureDoesNotMatch") == 0)
    return g_strdup (_("The server does not accept the keys. Check the access key and the secret key."));
  if (is_one_of (code, token_codes))
    return g_strdup (_("The session has ended. Sign in again."));
  if (g_strcmp0 (code, "RequestTimeTooSkewed") == 0)
    return g_strdup (_("The clock of this computer differs too much from the server’s. Set the date and time."));

  return g_strdup_printf (_("The server does not allow this in the bucket “%s”. Check the keys and what they permit."),
                          dimple_s3_address_get_bucket (address));
}

/* The sentence, followed by what the server said itself */
static GError *
make_error (DimpleS3Client      *client,
            DimpleError          error_code,
            const char          *sentence,
            const DimpleS3Error *answer)
{
  g_autofree char *code = NULL;
  g_autofree char *message = NULL;

  if (answer == NULL)
    return g_error_new_literal (DIMPLE_ERROR, error_code, sentence);

  code = dimple_s3_client_clean_text (client, answer->code);
  message = dimple_s3_client_clean_text (client, answer->message != NULL ? answer->message : "");
  if (*message == '\0')
    return g_error_new (DIMPLE_ERROR, error_code, "%s (%s)", sentence, code);

  return g_error_new (DIMPLE_ERROR, error_code, "%s (%s: %s)", sentence, code, message);
}

GError *
dimple_s3_error_to_gerror (DimpleS3Client      *client,
                           DimpleS3Address     *address,
                           guint                status,
                           const DimpleS3Error *answer,
                           const char          *key)
{
  const char *code = answer != NULL ? answer->code : NULL;
  const char *server = dimple_s3_address_get_server (address);
  g_autofree char *sentence = NULL;

  if (g_strcmp0 (code, "NoSuchKey") == 0 && key != NULL)
    return dimple_storage_not_found_error (key);

  if (g_strcmp0 (code, "NoSuchBucket") == 0 || g_strcmp0 (code, "InvalidBucketName") == 0)
    {
      sentence = g_strdup_printf (_("There is no bucket “%s” at %s. Check its name, or make it."),
                                  dimple_s3_address_get_bucket (address), server);
      return make_error (client, DIMPLE_ERROR_NO_SUCH_STORAGE, sentence, answer);
    }
  if (is_full (status, code))
    return make_error (client, DIMPLE_ERROR_FULL, _("The storage is full. Make room, and try again."), answer);
  if (is_denied (status, code))
    {
      sentence = explain_denial (address, code);
      return make_error (client, DIMPLE_ERROR_DENIED, sentence, answer);
    }
  if (dimple_s3_error_is_transient (status, code))
    {
      sentence = g_strdup_printf (_("The server %s cannot answer at the moment (%u). Try again later."),
                                  server, status);
      return make_error (client, DIMPLE_ERROR_STORAGE, sentence, answer);
    }
  if (answer == NULL)
    {
      return g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                          _("%s does not answer as an S3 server does (%u). Check its address, and whether a proxy or a "
                            "login page is in between."), server, status);
    }

  sentence = g_strdup_printf (_("The server %s refuses the request (%u)."), server, status);
  return make_error (client, DIMPLE_ERROR_STORAGE, sentence, answer);
}

static const char *
explain_certificate (GTlsCertificateFlags flags)
{
  if (flags & G_TLS_CERTIFICATE_EXPIRED)
    return _("it has expired");
  if (flags & G_TLS_CERTIFICATE_NOT_ACTIVATED)
    return _("it is not valid yet; check the date of this computer");
  if (flags & G_TLS_CERTIFICATE_BAD_IDENTITY)
    return _("it is for another server");
  if (flags & G_TLS_CERTIFICATE_REVOKED)
    return _("it has been revoked");
  if (flags & G_TLS_CERTIFICATE_UNKNOWN_CA)
    return _("nobody who is trusted has signed it");

  return _("it is not safe");
}

static gboolean
is_unreachable (const GError *error)
{
  GError *copy = g_error_copy (error);
  gboolean offline;

  dimple_storage_translate_error (&copy);
  offline = g_error_matches (copy, DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE);
  g_error_free (copy);

  return offline;
}

GError *
dimple_s3_transport_error_to_gerror (DimpleS3Client       *client,
                                     DimpleS3Address      *address,
                                     const GError         *error,
                                     GTlsCertificateFlags  flags)
{
  const char *server = dimple_s3_address_get_server (address);
  g_autofree char *reason = NULL;

  if (error->domain == DIMPLE_ERROR || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_error_copy (error);

  reason = dimple_s3_client_clean_text (client, error->message);
  if (g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
    {
      return g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_STORAGE, _("The certificate of %s cannot be trusted: %s."),
                          server, explain_certificate (flags));
    }
  if (error->domain == G_TLS_ERROR && !dimple_s3_transport_error_is_transient (error))
    {
      return g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                          _("There is no secure connection to %s. Check its address and port. (%s)"), server, reason);
    }
  if (error->domain == G_RESOLVER_ERROR)
    {
      return g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE,
                          _("The server %s cannot be found. Check its address, or try again when online."), server);
    }
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    return g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE, _("The server %s takes too long to answer."), server);
  if (is_unreachable (error) || dimple_s3_transport_error_is_transient (error))
    {
      return g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE, _("The server %s cannot be reached: %s"), server, reason);
    }

  return g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_STORAGE, _("The request to %s failed: %s"), server, reason);
}
