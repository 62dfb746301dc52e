/* fixtures.h: what the tests of S3 share
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <dimple.h>

#include "dimple-s3-storage-private.h"
#include "fault-server.h"

#define ACCESS_KEY "AKTEST"
#define SECRET_KEY "a/secret+with/everything=="
#define TOKEN      "a+session/token=="

/* Instead of g_test_init() */
void           s3_test_init      (int            *argc,
                                  char         ***argv);

/* A bucket named “bucket”, with the keys above, that waits next to nothing before it tries again */
DimpleStorage *make_storage_for  (const char     *endpoint);
DimpleStorage *make_storage      (FaultServer    *server);

/* A handler: there is one object, whatever its key is, and it is not listed */
void           answer_well       (FaultRequest   *request,
                                  gpointer        user_data);

gboolean       get_contents      (DimpleStorage  *storage,
                                  const char     *key,
                                  GError        **error);
gboolean       put_contents      (DimpleStorage  *storage,
                                  const char     *key,
                                  GError        **error);
void           assert_works      (DimpleStorage  *storage);
void           assert_call_fails (DimpleStorage  *storage,
                                  int             code,
                                  const char     *message);
void           assert_no_secret  (const char     *text);
