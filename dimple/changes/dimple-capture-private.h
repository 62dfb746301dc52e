/* dimple-capture-private.h: which rows a transaction changed, whatever changed them
 *
 * The preupdate hook keeps the first old row of each key; the rows are read back once, just before COMMIT; what differs
 * is the change.  So whatever was undone in between nets itself out.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-record-private.h"
#include "dimple-schema-private.h"

G_BEGIN_DECLS

typedef struct _DimpleCapture DimpleCapture;

/* One netted change.  `old` and `now` are records of all columns that are not generated, in table order; NULL: the row
 * was, or is, not there.  `rowid` is the present one (the old one for a delete), `old_rowid` the one before; both 0 in
 * WITHOUT ROWID tables.  `changed`: DIMPLE_COLUMN_BIT per column of table->columns; all for an insert or delete.
 * Generated columns have their bits set whenever another one has; all bits clear: only the rowid differs.
 * A row whose PRIMARY KEY changed comes as the delete of the old key and the insert of the new one. */
typedef struct
{
  const DimpleTable *table;
  const guint8      *old;
  const guint8      *now;
  gint64             rowid;
  gint64             old_rowid;
  guint64            changed;
} DimpleCapturedRow;

typedef gboolean (*DimpleCaptureFunc) (const DimpleCapturedRow  *row,
                                       gpointer                  user_data,
                                       GError                  **error);

/* Puts the hooks on; must come before any statement is prepared on the connection. */
DimpleCapture *dimple_capture_new        (DimpleConnection   *connection);
void           dimple_capture_free       (DimpleCapture      *self);
/* Which tables there are, tracked and local; drops what was collected.  NULL: collect nothing. */
void           dimple_capture_set_schema (DimpleCapture      *self,
                                          DimpleSchema       *schema);
/* While paused nothing is collected (merging collects for itself). */
void           dimple_capture_set_paused (DimpleCapture      *self,
                                          gboolean            paused);
gboolean       dimple_capture_is_empty   (DimpleCapture      *self);
/* Calls `func` for each row that differs, table by table, rows of one kind together where that is cheap; then forgets
 * them, so that a later call in the same transaction reports only what came after (one queued unit each).  A NULL in
 * the PRIMARY KEY of a tracked table is a DIMPLE_ERROR_CONSTRAINT.  After an error they are forgotten too: the caller
 * rolls back to where the unit began.  `func` may write, but not to the tables that are captured. */
gboolean       dimple_capture_net        (DimpleCapture      *self,
                                          DimpleCaptureFunc   func,
                                          gpointer            user_data,
                                          GError            **error);
/* Calls `func` for each virtual table whose shadow tables were written to. */
void           dimple_capture_net_virtual (DimpleCapture     *self,
                                           GFunc              func,         /* (const char *table, user_data) */
                                           gpointer           user_data);
void           dimple_capture_clear      (DimpleCapture      *self);        /* also done by the rollback hook */
/* How many bytes of old rows are kept in memory, the rest going to a temporary file; 64 MiB by default. */
void           dimple_capture_set_spill_limit (DimpleCapture *self,
                                               gsize          limit);

/* A column of a captured `old` or `now`; none that is generated. */
void           dimple_captured_record_read   (const DimpleTable  *table,
                                              const guint8       *record,
                                              guint               column,
                                              DimpleValue        *value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleCapture, dimple_capture_free)

G_END_DECLS
