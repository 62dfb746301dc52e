/* dimple-table-changes-private.h: which rows of a table changed
 *
 * So many rows are named; of more it is only said that there are, so that what a commit costs in memory is bounded, and
 * whoever follows them reads anew, which is cheaper then.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

#include "dimple-record-private.h"
#include "dimple-schema-private.h"

G_BEGIN_DECLS

/* One row of a rowid table that changed.  One whose PRIMARY KEY changed is the delete of one row and the insert of
 * another, maybe with the same rowid.  The same row may come several times, in the order in which that happened. */
typedef struct
{
  gint64  rowid;               /* of a delete: where it was */
  gint64  old_rowid;           /* of an update: where it was, mostly the same */
  guint64 columns;             /* bit n: column n of the table changed (bit 63: any column from 63 on) */
  int     operation;           /* DimpleOperation */
} DimpleChangedRow;

typedef struct
{
  char      *table;            /* as in the schema; for FTS5 the virtual table's name */
  guint64    columns;          /* of all rows; an insert or delete sets all bits */
  gboolean   anything;         /* the rows are not known: take all of the table as changed … */
  gboolean   unnamed;          /* … and not even `keys` names all of them */
  guint      n_rows;           /* how many were to be named */
  GArray    *rows;             /* of DimpleChangedRow; empty for WITHOUT ROWID and virtual tables */
  GString   *keys;             /* the public keys of the rows, each ended by NUL; empty for tables without a key */
} DimpleTableChanges;

void     dimple_table_changes_init       (DimpleTableChanges       *self,
                                          const char               *table);
void     dimple_table_changes_clear      (DimpleTableChanges       *self);
/* One more row; FALSE: there are too many to name it.  Else the caller does, by what follows. */
gboolean dimple_table_changes_count      (DimpleTableChanges       *self);
/* The key's values, or those of them that a record holds. */
void     dimple_table_changes_add_key    (DimpleTableChanges       *self,
                                          const DimpleTable        *table,
                                          const DimpleValue        *values);
void     dimple_table_changes_add_record (DimpleTableChanges       *self,
                                          const DimpleTable        *table,
                                          const guint8             *key);
void     dimple_table_changes_join       (DimpleTableChanges       *self,
                                          const DimpleTableChanges *other);
/* Any row may have changed in any column. */
void     dimple_table_changes_set_all    (DimpleTableChanges       *self);

/* For tests: how many rows of a table are named; 0: as ever. */
void     dimple_table_changes_set_max_named (guint n_rows);

G_END_DECLS
