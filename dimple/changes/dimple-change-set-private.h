/* dimple-change-set-private.h: what one or several commits changed, as it is collected
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-capture-private.h"
#include "dimple-change-set.h"
#include "dimple-enums.h"
#include "dimple-schema-private.h"
#include "dimple-table-changes-private.h"

G_BEGIN_DECLS

DimpleChangeSet          *dimple_change_set_new         (DimpleSchema          *schema,
                                                         DimpleOrigin           origin);
/* An empty one of the same schema and origin. */
DimpleChangeSet          *dimple_change_set_new_like    (DimpleChangeSet       *other);
/* The entry of a table, made if there is none.  Only while collecting. */
DimpleTableChanges       *dimple_change_set_add_table   (DimpleChangeSet       *self,
                                                         const char            *table);
/* What was captured of a row. */
void                      dimple_change_set_add_row     (DimpleChangeSet       *self,
                                                         const DimpleCapturedRow *row);
/* Any row of the table may have changed: a virtual one was written to. */
void                      dimple_change_set_add_any     (DimpleChangeSet       *self,
                                                         const char            *table);
/* Everything changed: the schema, an untracked writer. */
void                      dimple_change_set_add_all     (DimpleChangeSet       *self);
gboolean                  dimple_change_set_is_all      (DimpleChangeSet       *self);
gboolean                  dimple_change_set_is_empty    (DimpleChangeSet       *self);
const DimpleTableChanges *dimple_change_set_find        (DimpleChangeSet       *self,
                                                         const char            *table);
/* Adds what `other` says to `self` (a turn with several commits).  Only while `self` has one owner. */
void                      dimple_change_set_join        (DimpleChangeSet       *self,
                                                         DimpleChangeSet       *other);

G_END_DECLS
