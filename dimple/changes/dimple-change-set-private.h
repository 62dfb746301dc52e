/* dimple-change-set-private.h: what one or several commits changed, as it is collected
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-capture-private.h"
#include "dimple-change-set.h"
#include "dimple-enums.h"
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
  GArray    *rows;             /* of DimpleChangedRow; empty for WITHOUT ROWID and virtual tables */
  GString   *keys;             /* the public keys of the rows, each ended by NUL; empty for tables without a key */
} DimpleTableChanges;

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
/* A virtual table was written to. */
void                      dimple_change_set_add_virtual (DimpleChangeSet       *self,
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
