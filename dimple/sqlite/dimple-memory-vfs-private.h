/* dimple-memory-vfs-private.h: databases in the heap that behave like files
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The name to open databases with; registers the VFS at the first call.  Connections that open the same path share one
 * database, with WAL: one writer, many readers, real snapshots.  It is gone with its last connection. */
const char *dimple_memory_vfs_get_name    (void);

/* For tests: how many files there are now and what they take, and from how much on there is no space left. */
guint       dimple_memory_vfs_get_n_files (void);
gsize       dimple_memory_vfs_get_size    (void);
void        dimple_memory_vfs_set_limit   (gsize limit);

G_END_DECLS
