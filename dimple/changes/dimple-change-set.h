/* dimple-change-set.h: what one or several commits changed
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-enums.h"
#include "dimple-types.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_CHANGE_SET (dimple_change_set_get_type ())

DIMPLE_AVAILABLE_IN_1_0
GType                dimple_change_set_get_type   (void) G_GNUC_CONST;

DIMPLE_AVAILABLE_IN_1_0
DimpleChangeSet     *dimple_change_set_ref        (DimpleChangeSet *self);
DIMPLE_AVAILABLE_IN_1_0
void                 dimple_change_set_unref      (DimpleChangeSet *self);
DIMPLE_AVAILABLE_IN_1_0
DimpleOrigin         dimple_change_set_get_origin (DimpleChangeSet *self);
DIMPLE_AVAILABLE_IN_1_0
const char * const  *dimple_change_set_get_tables (DimpleChangeSet *self);
DIMPLE_AVAILABLE_IN_1_0
char               **dimple_change_set_dup_keys   (DimpleChangeSet *self,
                                                   const char      *table);
DIMPLE_AVAILABLE_IN_1_0
gboolean             dimple_change_set_has_column (DimpleChangeSet *self,
                                                   const char      *table,
                                                   const char      *column);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleChangeSet, dimple_change_set_unref)

G_END_DECLS
