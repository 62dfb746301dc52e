/* dimple-capture-table-private.h: the rows of one table that a transaction touched
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-capture-private.h"

G_BEGIN_DECLS

typedef struct _DimpleCaptureTable DimpleCaptureTable;

DimpleCaptureTable *dimple_capture_table_new       (DimpleConnection    *connection,
                                                    const DimpleTable   *table,
                                                    GError             **error);
void                dimple_capture_table_free      (DimpleCaptureTable  *self);
/* Of the preupdate hook, with its arguments. */
gboolean            dimple_capture_table_touch     (DimpleCaptureTable  *self,
                                                    sqlite3             *handle,
                                                    int                  operation,
                                                    gint64               old_rowid,
                                                    gint64               new_rowid);
gboolean            dimple_capture_table_is_empty  (DimpleCaptureTable  *self);
gboolean            dimple_capture_table_net       (DimpleCaptureTable  *self,
                                                    DimpleCaptureFunc    func,
                                                    gpointer             user_data,
                                                    GError             **error);
void                dimple_capture_table_clear     (DimpleCaptureTable  *self);

G_END_DECLS
