/* dimple-local-names-private.h: keys as paths that every file system takes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define DIMPLE_LOCAL_PATH_CONTINUES "="

/* The path of an object below the folder */
char *dimple_local_path_from_key (const char *key);

/* (nullable): the key of a path; NULL for a path that is of no key, so that the file is somebody else's */
char *dimple_local_key_from_path (const char *path);

G_END_DECLS
