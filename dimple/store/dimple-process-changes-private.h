/* dimple-process-changes-private.h: what another process has committed to the file
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-change-set-private.h"
#include "dimple-log-private.h"

G_BEGIN_DECLS

/* Collects what the log has after `seq`.  Without anything there somebody wrote past Dimple: then all may have changed,
 * as where *n_unnamed commits were known to have changes that no transaction names, and now there are others. */
gboolean dimple_process_changes_collect       (DimpleConnection  *connection,
                                               DimpleSchema      *schema,
                                               gint64             seq,
                                               gint64            *n_unnamed,
                                               DimpleChangeSet   *changes,
                                               GError           **error);
gboolean dimple_process_changes_count_unnamed (DimpleConnection  *connection,
                                               gint64            *n_unnamed,
                                               GError           **error);
/* The transaction at hand is one. */
gboolean dimple_process_changes_note_unnamed  (DimpleConnection  *connection,
                                               GError           **error);

G_END_DECLS
