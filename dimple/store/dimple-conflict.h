/* dimple-conflict.h: a row that cannot be shown, as another one is in its way
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-types.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_CONFLICT (dimple_conflict_get_type ())

DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (DimpleConflict, dimple_conflict, DIMPLE, CONFLICT, GObject)

G_END_DECLS
