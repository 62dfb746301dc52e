/* dimple-change.h: one change of one row, as the history has it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-types.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_CHANGE (dimple_change_get_type ())

DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (DimpleChange, dimple_change, DIMPLE, CHANGE, GObject)

DIMPLE_AVAILABLE_IN_1_0
const GValue *dimple_change_get_old_value  (DimpleChange         *self,
                                            const char           *column);
DIMPLE_AVAILABLE_IN_1_0
const GValue *dimple_change_get_new_value  (DimpleChange         *self,
                                            const char           *column);
DIMPLE_AVAILABLE_IN_1_0
gboolean      dimple_change_restore        (DimpleChange         *self,
                                            const char           *column,
                                            GError              **error);
DIMPLE_AVAILABLE_IN_1_0
void          dimple_change_restore_async  (DimpleChange         *self,
                                            const char           *column,
                                            GCancellable         *cancellable,
                                            GAsyncReadyCallback   callback,
                                            gpointer              user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean      dimple_change_restore_finish (DimpleChange         *self,
                                            GAsyncResult         *result,
                                            GError              **error);

G_END_DECLS
