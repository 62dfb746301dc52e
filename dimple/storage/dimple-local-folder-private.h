/* dimple-local-folder-private.h: the operations of a storage on a folder, blocking
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

char   **dimple_local_folder_list   (GFile               *folder,
                                     const char          *prefix,
                                     const char          *start_after,
                                     GCancellable        *cancellable,
                                     GError             **error);
gboolean dimple_local_folder_put    (GFile               *folder,
                                     const char          *key,
                                     GBytes              *contents,
                                     GCancellable        *cancellable,
                                     GError             **error);
GBytes  *dimple_local_folder_get    (GFile               *folder,
                                     const char          *key,
                                     GCancellable        *cancellable,
                                     GError             **error);
gboolean dimple_local_folder_remove (GFile               *folder,
                                     const char * const  *keys,
                                     GCancellable        *cancellable,
                                     GError             **error);

G_END_DECLS
