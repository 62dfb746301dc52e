/* dimple-row-filter-private.h: which rows a SELECT reads, where it says so by their keys
 *
 * `WHERE key = ?` and `WHERE key IN (…)` let through no row with another key, whatever else the statement does: then
 * changes of other rows of that table are nothing to it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-change-set-private.h"
#include "dimple-schema-private.h"

G_BEGIN_DECLS

/* Immutable; any thread. */
typedef struct _DimpleRowFilter DimpleRowFilter;

/* (nullable) NULL: any row may matter.  `statement` is of these parameters, and reads no view. */
DimpleRowFilter *dimple_row_filter_new      (DimpleConnection          *reader,
                                             DimpleSchema              *schema,
                                             sqlite3_stmt              *statement,
                                             GVariant                  *parameters);
DimpleRowFilter *dimple_row_filter_ref      (DimpleRowFilter           *self);
void             dimple_row_filter_unref    (DimpleRowFilter           *self);
/* Whether it says anything of this table. */
gboolean         dimple_row_filter_names    (DimpleRowFilter           *self,
                                             const char                *table);
/* Whether none of the rows that changed can be read. */
gboolean         dimple_row_filter_excludes (DimpleRowFilter           *self,
                                             const DimpleTableChanges  *changes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleRowFilter, dimple_row_filter_unref)

G_END_DECLS
