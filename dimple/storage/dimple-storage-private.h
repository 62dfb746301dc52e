/* dimple-storage-private.h: what the kinds of storage share
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-storage.h"

G_BEGIN_DECLS

/* How many keys a list gives at most, and how long a key is at most: what S3 says */
#define DIMPLE_STORAGE_PAGE_SIZE  1000
#define DIMPLE_STORAGE_KEY_LENGTH 1024

/* FALSE and DIMPLE_ERROR_PARAMETERS if no object may be called so */
gboolean dimple_storage_validate_key      (const char  *key,
                                           GError     **error);
gboolean dimple_storage_validate_prefix   (const char  *prefix,
                                           GError     **error);

/* Makes an error of any domain one of DIMPLE_ERROR, keeping its message; a cancellation stays one */
void     dimple_storage_translate_error   (GError     **error);

/* What every storage says of an object that is not there */
GError  *dimple_storage_not_found_error   (const char  *key);

/* Steals the strings of a list of keys: sorts them, and drops doubles, what lacks the prefix, what does not sort after
 * `start_after`, and what is too much for one page.  (element-type utf8), with g_free as free function */
char   **dimple_storage_page_of_keys      (GPtrArray   *keys,
                                           const char  *prefix,
                                           const char  *start_after);

G_END_DECLS
