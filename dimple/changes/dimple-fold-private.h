/* dimple-fold-private.h: rows as the sum of the changes known to them
 *
 * Every change of a cell, and every edit or delete of a row, has a stamp; the greater wins.  Joining is commutative,
 * associative and idempotent, so changes may be joined in any order and more than once.
 *
 *   an edit by transaction T                             (T, 0, T)
 *   what migration script n changed in transaction M     (the anchor of what it replaced, n, M)
 *
 * So a migration beats what it saw and nothing else.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-change-reader-private.h"
#include "dimple-log-private.h"

G_BEGIN_DECLS

/* The texts live as long as the fold. */
typedef struct
{
  const char *anchor;          /* NULL: never */
  int         script;
  const char *id;
} DimpleStamp;

int dimple_stamp_compare (const DimpleStamp *a,
                          const DimpleStamp *b);

typedef struct
{
  const char   *column;        /* as in the schema; lower case where the schema has none of that name */
  DimpleStamp   stamp;
  const guint8 *value;         /* a record of one */
} DimpleFoldedCell;

typedef struct
{
  const DimpleTable *table;        /* NULL: not tracked here */
  const char        *table_name;
  const guint8      *key;          /* record, in the order of the schema's PRIMARY KEY */
  gsize              key_size;

  const char        *created;      /* the earliest insert known; NULL: none */
  DimpleStamp        edit;         /* the greatest */
  DimpleStamp        delete;       /* the greatest */
  DimpleFoldedCell  *cells;
  guint              n_cells, n_allocated;

  gboolean           whole;        /* all that the log has of the row is in */
  gpointer           data;         /* the folder's own */
} DimpleFoldedRow;

/* It exists if its greatest edit is greater than its greatest delete. */
gboolean                dimple_folded_row_exists (const DimpleFoldedRow  *self);
/* (nullable) by its name in the schema */
const DimpleFoldedCell *dimple_folded_row_find   (const DimpleFoldedRow  *self,
                                                  const char             *column);

/* What a group of a DimpleChangeReader means in this schema. */
typedef struct
{
  const DimpleTable *table;          /* NULL: not tracked here */
  const char        *table_name;
  GPtrArray         *columns;        /* of const char *, NULL: in the key */
  GArray            *numbers;        /* of int: index into table->columns, -1: unknown, generated or in the key */
  GArray            *key_order;      /* of guint: where in the group's key the schema's key columns are; empty: in order */
  GByteArray        *key;            /* of the row at hand, in the schema's order */
} DimpleChangeGroup;

typedef struct _DimpleFold DimpleFold;

DimpleFold      *dimple_fold_new        (DimpleSchema             *schema);
void             dimple_fold_free       (DimpleFold               *self);
DimpleFoldedRow *dimple_fold_find       (DimpleFold               *self,
                                         const char               *table_name,
                                         const guint8             *key,
                                         gsize                     key_size);
/* The same, made if it is not there. */
DimpleFoldedRow *dimple_fold_want       (DimpleFold               *self,
                                         const DimpleTable        *table,
                                         const char               *table_name,
                                         const guint8             *key,
                                         gsize                     key_size);
guint            dimple_fold_get_n_rows (DimpleFold               *self);
/* In the order in which they were wanted. */
DimpleFoldedRow *dimple_fold_get_row    (DimpleFold               *self,
                                         guint                     position);
/* Memory that lives as long as the fold. */
const guint8    *dimple_fold_keep       (DimpleFold               *self,
                                         const guint8             *bytes,
                                         gsize                     size);
const char      *dimple_fold_intern     (DimpleFold               *self,
                                         const char               *text);

void             dimple_change_group_init  (DimpleChangeGroup        *self);
void             dimple_change_group_clear (DimpleChangeGroup        *self);
void             dimple_change_group_set   (DimpleChangeGroup        *self,
                                            DimpleFold               *fold,
                                            const DimpleChangeReader *reader);
/* Takes the key of the reader's row. */
void             dimple_change_group_set_key (DimpleChangeGroup        *self,
                                              const DimpleChangeReader *reader);
/* Joins the reader's row into `row`; changes anchored before `since` (nullable) are left out. */
void             dimple_fold_join_row   (DimpleFold               *self,
                                         DimpleFoldedRow          *row,
                                         const char               *id,
                                         int                       script,
                                         const char               *since,
                                         const DimpleChangeGroup  *group,
                                         const DimpleChangeReader *reader);

typedef DimpleFoldedRow *(*DimpleFoldFilter) (DimpleFold              *fold,
                                              const DimpleChangeGroup *group,
                                              gpointer                 user_data);

/* Joins what the log has, from the entries on that may be newer than `since` (NULL: all), into the rows wanted.
 * `filter` (nullable) is asked for rows that are not, and may want them; NULL: not this one. */
gboolean         dimple_fold_join_log   (DimpleFold               *self,
                                         DimpleConnection         *connection,
                                         const char               *since,
                                         DimpleFoldFilter          filter,
                                         gpointer                  user_data,
                                         GError                  **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleFold, dimple_fold_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleChangeGroup, dimple_change_group_clear)

G_END_DECLS
