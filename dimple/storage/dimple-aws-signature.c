/* dimple-aws-signature.c: AWS Signature, version 4, in the Authorization header
 *
 * Four steps, each a function here, as the documentation numbers them: the request in a canonical form, its hash in a
 * string to sign, a key derived from the secret key, and the signature by that key.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-aws-signature-private.h"

#include <string.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define SHA256_SIZE 32
#define DATE_LENGTH 8

void
dimple_aws_secret_free (char *secret)
{
  if (secret != NULL)
    explicit_bzero (secret, strlen (secret));
  g_free (secret);
}

/* RFC 3986's unreserved characters stay, every other byte becomes %XY, in capitals */
char *
dimple_aws_uri_encode (const char *text,
                       gboolean    keep_slashes)
{
  GString *encoded = g_string_sized_new (strlen (text) + 16);

  for (const guchar *c = (const guchar *) text; *c != '\0'; c++)
    {
      if (g_ascii_isalnum (*c) || strchr ("-._~", *c) != NULL || (*c == '/' && keep_slashes))
        g_string_append_c (encoded, *c);
      else
        g_string_append_printf (encoded, "%%%02X", *c);
    }

  return g_string_free (encoded, FALSE);
}

static int
compare_strings (gconstpointer a,
                 gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

char *
dimple_aws_canonical_query (const char * const *parameters)
{
  g_autoptr (GPtrArray) pairs = g_ptr_array_new_with_free_func (g_free);
  char *query;

  /* Sorted by name and then by value: a byte below all others stands for the `=`, which would sort after `-` */
  for (gsize i = 0; parameters[i] != NULL; i += 2)
    {
      g_autofree char *name = dimple_aws_uri_encode (parameters[i], FALSE);
      g_autofree char *value = dimple_aws_uri_encode (parameters[i + 1], FALSE);

      g_ptr_array_add (pairs, g_strconcat (name, "\1", value, NULL));
    }
  g_ptr_array_sort (pairs, compare_strings);
  g_ptr_array_add (pairs, NULL);

  query = g_strjoinv ("&", (char **) pairs->pdata);
  return g_strdelimit (query, "\1", '=');
}

void
dimple_aws_format_time (gint64 unix_time,
                        char   text[DIMPLE_AWS_TIME_SIZE])
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (unix_time);
  g_autofree char *formatted = g_date_time_format (time, "%Y%m%dT%H%M%SZ");

  g_strlcpy (text, formatted, DIMPLE_AWS_TIME_SIZE);
}

/* Trimmed, and with each run of blanks as one */
static void
append_header_value (GString    *canonical,
                     const char *value)
{
  g_auto (GStrv) words = g_strsplit_set (value, " \t", -1);
  gboolean first = TRUE;

  for (gsize i = 0; words[i] != NULL; i++)
    {
      if (*words[i] == '\0')
        continue;
      if (!first)
        g_string_append_c (canonical, ' ');
      g_string_append (canonical, words[i]);
      first = FALSE;
    }
}

/* The names of a request's headers and its headers, both canonical */
static void
canonicalize_headers (const char * const  *headers,
                      char               **names,
                      char               **lines)
{
  g_autoptr (GPtrArray) sorted_lines = g_ptr_array_new_with_free_func (g_free);
  GString *all_names = g_string_new (NULL);
  GString *all_lines = g_string_new (NULL);

  for (gsize i = 0; headers[i] != NULL; i += 2)
    {
      GString *line = g_string_new (headers[i]);

      g_string_append_c (line, '\1');
      append_header_value (line, headers[i + 1]);
      g_ptr_array_add (sorted_lines, g_string_free (line, FALSE));
    }
  g_ptr_array_sort (sorted_lines, compare_strings);

  for (guint i = 0; i < sorted_lines->len; i++)
    {
      char *line = g_ptr_array_index (sorted_lines, i);
      char *end_of_name = strchr (line, '\1');

      if (i > 0)
        g_string_append_c (all_names, ';');
      g_string_append_len (all_names, line, end_of_name - line);
      *end_of_name = ':';
      g_string_append (all_lines, line);
      g_string_append_c (all_lines, '\n');
    }

  *names = g_string_free (all_names, FALSE);
  *lines = g_string_free (all_lines, FALSE);
}

char *
dimple_aws_canonical_request (const DimpleAwsRequest *request)
{
  g_autofree char *names = NULL;
  g_autofree char *lines = NULL;

  canonicalize_headers (request->headers, &names, &lines);
  return g_strdup_printf ("%s\n%s\n%s\n%s\n%s\n%s",
                          request->method, request->path, request->query, lines, names, request->payload_hash);
}

static char *
make_scope (const DimpleAwsCredentials *credentials,
            const char                 *time)
{
  return g_strdup_printf ("%.*s/%s/%s/aws4_request", DATE_LENGTH, time, credentials->region, credentials->service);
}

char *
dimple_aws_string_to_sign (const DimpleAwsRequest     *request,
                           const DimpleAwsCredentials *credentials,
                           const char                 *time)
{
  g_autofree char *canonical_request = dimple_aws_canonical_request (request);
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, canonical_request, -1);
  g_autofree char *scope = make_scope (credentials, time);

  return g_strdup_printf (ALGORITHM "\n%s\n%s\n%s", time, scope, hash);
}

static void
compute_hmac (const guint8 *key,
              gsize         key_size,
              const char   *text,
              gssize        length,
              guint8        digest[SHA256_SIZE])
{
  g_autoptr (GHmac) hmac = g_hmac_new (G_CHECKSUM_SHA256, key, key_size);
  gsize size = SHA256_SIZE;

  g_hmac_update (hmac, (const guchar *) text, length);
  g_hmac_get_digest (hmac, digest, &size);
}

static void
derive_key (const DimpleAwsCredentials *credentials,
            const char                 *time,
            guint8                      key[SHA256_SIZE])
{
  char *secret = g_strconcat ("AWS4", credentials->secret_key, NULL);

  compute_hmac ((const guint8 *) secret, strlen (secret), time, DATE_LENGTH, key);
  compute_hmac (key, SHA256_SIZE, credentials->region, -1, key);
  compute_hmac (key, SHA256_SIZE, credentials->service, -1, key);
  compute_hmac (key, SHA256_SIZE, "aws4_request", -1, key);

  dimple_aws_secret_free (secret);
}

static char *
sign (const DimpleAwsRequest     *request,
      const DimpleAwsCredentials *credentials,
      const char                 *time)
{
  g_autofree char *string_to_sign = dimple_aws_string_to_sign (request, credentials, time);
  guint8 key[SHA256_SIZE];
  char *signature;

  derive_key (credentials, time, key);
  signature = g_compute_hmac_for_string (G_CHECKSUM_SHA256, key, SHA256_SIZE, string_to_sign, -1);
  explicit_bzero (key, SHA256_SIZE);

  return signature;
}

char *
dimple_aws_authorize (const DimpleAwsRequest     *request,
                      const DimpleAwsCredentials *credentials,
                      const char                 *time)
{
  g_autofree char *scope = make_scope (credentials, time);
  g_autofree char *signature = sign (request, credentials, time);
  g_autofree char *names = NULL;
  g_autofree char *lines = NULL;

  canonicalize_headers (request->headers, &names, &lines);
  return g_strdup_printf (ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                          credentials->access_key, scope, names, signature);
}
