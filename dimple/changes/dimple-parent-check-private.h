/* dimple-parent-check-private.h: rows without a parent that SQLite lets through
 *
 * Where ON DELETE SET NULL leads from a table back to itself, SQLite loses count when REPLACE takes a row out of the
 * way, and lets through rows whose parent is missing (seen in 3.40.1).  Every other device would put them on the shelf.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-capture-private.h"

G_BEGIN_DECLS

typedef struct _DimpleParentCheck DimpleParentCheck;

/* Within one transaction; the connection and the schema must stay. */
DimpleParentCheck *dimple_parent_check_new  (DimpleConnection         *connection,
                                             DimpleSchema             *schema);
void               dimple_parent_check_free (DimpleParentCheck        *self);
/* What was netted, before COMMIT: fails with DIMPLE_ERROR_CONSTRAINT if the row lacks a parent that it refers to anew,
 * or if it was the parent of a row that lacks it now. */
gboolean           dimple_parent_check_row  (DimpleParentCheck        *self,
                                             const DimpleCapturedRow  *row,
                                             GError                  **error);

/* Writes the condition that the row c of `child`, or one whose column n is the parameter ?n+1, refers by `key` to a row
 * that is not in `parent`. */
void               dimple_append_misses_parent (GString                *sql,
                                                const DimpleTable      *child,
                                                const DimpleForeignKey *key,
                                                const DimpleTable      *parent,
                                                gboolean                as_parameters);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleParentCheck, dimple_parent_check_free)

G_END_DECLS
