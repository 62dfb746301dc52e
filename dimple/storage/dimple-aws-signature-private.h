/* dimple-aws-signature-private.h: AWS Signature, version 4, in the Authorization header
 *
 * Pure functions over strings, for any service; S3's own rules are those of dimple_aws_uri_encode().
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The SHA-256 of nothing, in hexadecimal */
#define DIMPLE_AWS_HASH_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* "20130524T000000Z" */
#define DIMPLE_AWS_TIME_SIZE 17

typedef struct
{
  const char *access_key;
  const char *secret_key;
  const char *region;
  const char *service;
} DimpleAwsCredentials;

/* What is signed.  `path` and `query` are encoded already; `headers` are names in lower case and values by turns, then
 * NULL */
typedef struct
{
  const char *method;
  const char *path;
  const char *query;
  const char * const *headers;
  const char *payload_hash;
} DimpleAwsRequest;

/* Wiped first; may be NULL */
void  dimple_aws_secret_free       (char                       *secret);

char *dimple_aws_uri_encode        (const char                 *text,
                                    gboolean                    keep_slashes);
/* `parameters` are names and values by turns, then NULL */
char *dimple_aws_canonical_query   (const char * const         *parameters);
void  dimple_aws_format_time       (gint64                      unix_time,
                                    char                        text[DIMPLE_AWS_TIME_SIZE]);

char *dimple_aws_canonical_request (const DimpleAwsRequest     *request);
char *dimple_aws_string_to_sign    (const DimpleAwsRequest     *request,
                                    const DimpleAwsCredentials *credentials,
                                    const char                 *time);
/* The value of the Authorization header */
char *dimple_aws_authorize         (const DimpleAwsRequest     *request,
                                    const DimpleAwsCredentials *credentials,
                                    const char                 *time);

G_END_DECLS
