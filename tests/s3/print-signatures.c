/* print-signatures.c: signs random requests for check-signatures to check
 *
 * print-signatures SEED COUNT prints a JSON object a line: what is asked, in plain words, and what would be sent.  The
 * requests take the way of real ones, so the check is of addresses and encodings too.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <stdio.h>

#include <json-glib/json-glib.h>

#include "dimple-aws-signature-private.h"
#include "dimple-s3-client-private.h"

#define PICK(rand, array) ((array)[g_rand_int_range ((rand), 0, G_N_ELEMENTS (array))])

/* Weighted towards what is awkward; never empty */
static char *
random_text (GRand      *rand,
             const char *never)
{
  static const char * const parts[] = {
    "a", "Z", "0", "folder", "/", "//", ".", "..", " ", "  ", "+", "%", "%20", "%2F", "&", "=", "?", "#", ":", ";", "@",
    "!", "$", "'", "(", ")", "*", ",", "-", "_", "~", "\"", "<", ">", "[", "]", "{", "}", "|", "\\", "^", "`", "\t",
    "\x7f", "\xc3\xa9", "e\xcc\x81", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x97\x92",
  };
  GString *text = g_string_new (NULL);
  guint length = g_rand_int_range (rand, 1, 12);

  while (text->len == 0 || length-- > 0)
    {
      const char *part = PICK (rand, parts);

      if (strpbrk (part, never) == NULL)
        g_string_append (text, part);
    }

  return g_string_free (text, FALSE);
}

static void
add_member (JsonBuilder *builder,
            const char  *name,
            const char  *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
add_header (JsonBuilder *builder,
            SoupMessage *message,
            const char  *name)
{
  add_member (builder, name, soup_message_headers_get_one (soup_message_get_request_headers (message), name));
}

static DimpleS3Address *
random_address (GRand       *rand,
                JsonBuilder *builder)
{
  static const char * const endpoints[] = {
    "http://127.0.0.1:9000", "https://s3.example.org", "https://s3.example.org:443", "http://localhost:80",
    "http://localhost:443", "https://storage.example.com:8443", "http://[::1]:7480", "https://S3.Example.ORG",
  };
  static const char * const regions[] = { "us-east-1", "eu-west-1", "garage", "fr-par" };
  static const char * const buckets[] = { "notes", "my-bucket", "a.b.c", "bucket0" };
  const char *endpoint = PICK (rand, endpoints);
  const char *region = PICK (rand, regions);
  const char *bucket = PICK (rand, buckets);
  DimpleS3Style style = strchr (endpoint, '[') == NULL && g_rand_boolean (rand) ? DIMPLE_S3_STYLE_HOST
                                                                                : DIMPLE_S3_STYLE_PATH;

  add_member (builder, "endpoint", endpoint);
  add_member (builder, "region", region);
  add_member (builder, "bucket", bucket);
  add_member (builder, "style", style == DIMPLE_S3_STYLE_HOST ? "host" : "path");

  return dimple_s3_address_new (endpoint, region, bucket, style, NULL);
}

static char *
random_query (GRand       *rand,
              JsonBuilder *builder)
{
  static const char * const names[] = {
    "prefix", "start-after", "list-type", "delete", "max-keys", "continuation-token", "X", "a", "a-b", "a.b",
  };
  g_autoptr (GPtrArray) parameters = g_ptr_array_new_with_free_func (g_free);
  guint n_parameters = g_rand_int_range (rand, 0, 5);

  json_builder_set_member_name (builder, "parameters");
  json_builder_begin_array (builder);
  for (guint i = 0; i < n_parameters; i++)
    {
      const char *name = PICK (rand, names);
      char *value = g_rand_int_range (rand, 0, 4) == 0 ? g_strdup ("") : random_text (rand, "\n");

      g_ptr_array_add (parameters, g_strdup (name));
      g_ptr_array_add (parameters, value);
      json_builder_begin_array (builder);
      json_builder_add_string_value (builder, name);
      json_builder_add_string_value (builder, value);
      json_builder_end_array (builder);
    }
  json_builder_end_array (builder);

  g_ptr_array_add (parameters, NULL);
  return dimple_aws_canonical_query ((const char * const *) parameters->pdata);
}

static DimpleS3Client *
random_client (GRand           *rand,
               JsonBuilder     *builder,
               DimpleS3Address *address)
{
  g_autofree char *access_key = random_text (rand, "/ \t\x7f,");
  g_autofree char *secret_key = random_text (rand, "\n");
  g_autofree char *session_token = g_rand_boolean (rand) ? random_text (rand, " \t\x7f\"") : NULL;
  DimpleS3Client *client = dimple_s3_client_new (address, &(const DimpleS3ClientOptions) {
                                                   .access_key = access_key,
                                                   .secret_key = secret_key,
                                                   .session_token = session_token,
                                                 });

  add_member (builder, "access-key", access_key);
  add_member (builder, "secret-key", secret_key);
  if (session_token != NULL)
    add_member (builder, "session-token", session_token);
  /* Any day from 1970 to 2100 */
  dimple_s3_client_learn_time (client, (gint64) (g_rand_double (rand) * 4102444800.0));

  return client;
}

static void
print_request (GRand *rand)
{
  static const char * const methods[] = { "GET", "PUT", "DELETE", "POST" };
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (DimpleS3Address) address = NULL;
  g_autoptr (DimpleS3Client) client = NULL;
  g_autofree char *key = g_rand_int_range (rand, 0, 5) > 0 ? random_text (rand, "\n") : NULL;
  g_autofree char *body = g_rand_boolean (rand) ? random_text (rand, "\n") : g_strdup ("");
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, body, -1);
  g_autofree char *query = NULL;
  g_autofree char *sent = NULL;
  g_autofree char *line = NULL;
  g_autoptr (GUri) uri = NULL;
  g_autoptr (SoupMessage) message = NULL;
  g_autoptr (JsonNode) root = NULL;
  const char *method = PICK (rand, methods);

  json_builder_begin_object (builder);
  address = random_address (rand, builder);
  query = random_query (rand, builder);
  client = random_client (rand, builder, address);

  uri = dimple_s3_address_build_uri (address, key, query);
  message = soup_message_new_from_uri (method, uri);
  dimple_s3_client_sign (client, message, address, hash);
  sent = g_uri_to_string (soup_message_get_uri (message));

  add_member (builder, "method", method);
  if (key != NULL)
    add_member (builder, "key", key);
  add_member (builder, "body", body);
  add_member (builder, "url", sent);
  add_header (builder, message, "x-amz-date");
  add_header (builder, message, "x-amz-content-sha256");
  add_header (builder, message, "Authorization");
  json_builder_end_object (builder);

  root = json_builder_get_root (builder);
  line = json_to_string (root, FALSE);
  /* In UTF-8, whatever the locale */
  puts (line);
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (GRand) rand = NULL;

  if (argc != 3)
    {
      g_printerr ("usage: print-signatures SEED COUNT\n");
      return 2;
    }

  rand = g_rand_new_with_seed (g_ascii_strtoull (argv[1], NULL, 10));
  for (guint64 i = 0; i < g_ascii_strtoull (argv[2], NULL, 10); i++)
    print_request (rand);

  return 0;
}
