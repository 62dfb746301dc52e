/* dimple-row-edits-private.h: what was set of a row since it was loaded, on its way into the table
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

#include "dimple-record-private.h"

G_BEGIN_DECLS

typedef struct _DimpleRowEdits DimpleRowEdits;

DimpleRowEdits *dimple_row_edits_new   (void);
void            dimple_row_edits_free  (DimpleRowEdits       *self);
/* `column` is the row's, `origin` the name of the table's column that it is; the name has to live as long. */
void            dimple_row_edits_add   (DimpleRowEdits       *self,
                                        guint                 column,
                                        const char           *origin,
                                        const DimpleValue    *value);
guint           dimple_row_edits_get_n (const DimpleRowEdits *self);
/* The n-th edit: its value, which points into `self`, and (nullable) the row's column.  Returns the table's column. */
const char     *dimple_row_edits_get   (const DimpleRowEdits *self,
                                        guint                 n,
                                        guint                *column,
                                        DimpleValue          *value);
/* The value of a column of the row; FALSE if it is not among them. */
gboolean        dimple_row_edits_find  (const DimpleRowEdits *self,
                                        guint                 column,
                                        DimpleValue          *value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleRowEdits, dimple_row_edits_free)

G_END_DECLS
