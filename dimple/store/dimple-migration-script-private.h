/* dimple-migration-script-private.h: running the SQL of one migration
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-connection-private.h"

G_BEGIN_DECLS

/* A CREATE UNIQUE INDEX that fails as rows collide makes an index that is not UNIQUE; its name is added to `postponed`,
 * of char *, for the caller to make room and call make_unique(). */
gboolean dimple_migration_run_script  (DimpleConnection  *connection,
                                       const char        *script,
                                       GPtrArray         *postponed,
                                       GError           **error);
/* Does nothing if the script has dropped the index since. */
gboolean dimple_migration_make_unique (DimpleConnection  *connection,
                                       const char        *index,
                                       GError           **error);

G_END_DECLS
