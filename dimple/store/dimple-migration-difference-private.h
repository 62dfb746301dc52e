/* dimple-migration-difference-private.h: what a migration's script changed
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-writer-private.h"

G_BEGIN_DECLS

/* All inside the migration's transaction.  Before the script: copies the tracked tables aside. */
gboolean dimple_migration_keep_tables       (DimpleConnection  *connection,
                                             DimpleSchema      *schema,
                                             GError           **error);
/* After it, with the new schema loaded: writes what differs into the log, as that of script `number`; `id`
 * receives the transaction's, "" if nothing does. */
gboolean dimple_migration_record_difference (DimpleWriter      *writer,
                                             DimpleSchema      *before,
                                             int                number,
                                             char               id[DIMPLE_UUID_SIZE],
                                             GError           **error);
void     dimple_migration_drop_kept_tables  (DimpleConnection  *connection,
                                             DimpleSchema      *schema);

G_END_DECLS
