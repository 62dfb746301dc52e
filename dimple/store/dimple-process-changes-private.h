/* dimple-process-changes-private.h: what another process has committed to the file
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-change-set-private.h"
#include "dimple-log-private.h"

G_BEGIN_DECLS

/* Collects what the log has after `seq`.  Without anything there somebody wrote past Dimple: then all may have changed. */
gboolean dimple_process_changes_collect (DimpleConnection  *connection,
                                         DimpleSchema      *schema,
                                         gint64             seq,
                                         DimpleChangeSet   *changes,
                                         GError           **error);

G_END_DECLS
