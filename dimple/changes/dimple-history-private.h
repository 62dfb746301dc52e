/* dimple-history-private.h: the log as changes of single rows, for reading
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-change-reader-private.h"
#include "dimple-fold-private.h"

G_BEGIN_DECLS

/* Which row a change is of: a hash of its table and key. */
typedef guint64 DimpleRowHash;

DimpleRowHash dimple_row_hash (const char   *table,
                               const guint8 *key,
                               gsize         key_size);

/* One change of one row. */
typedef struct
{
  char                id[DIMPLE_UUID_SIZE];
  char                author[DIMPLE_UUID_SIZE];
  int                 script;
  gint64              seq;
  char               *label;         /* (nullable) */
  char               *table;
  GByteArray         *key;           /* a record, in the schema's order if it has the table */
  DimpleRowHash       row;
  DimpleOperation     operation;
  GPtrArray          *columns;       /* of char * */
  GByteArray         *old_values;    /* (nullable) records, one a column; NULL: an insert, or pruned */
  GByteArray         *new_values;    /* (nullable) the same; NULL: a delete */
  GPtrArray          *anchors;       /* of a migration, else empty */
  gboolean            won;           /* see dimple_history_judge() */
} DimpleLoggedChange;

void                dimple_logged_change_free (DimpleLoggedChange  *self);

/* Calls `func` for each row of a transaction, in order. */
typedef void (*DimpleHistoryFunc) (const DimpleTransaction   *transaction,
                                   const DimpleChangeReader  *reader,
                                   const DimpleChangeGroup   *group,
                                   DimpleRowHash              row,
                                   gpointer                   user_data);
gboolean            dimple_history_visit      (const DimpleTransaction  *transaction,
                                               DimpleFold               *fold,
                                               DimpleHistoryFunc         func,
                                               gpointer                  user_data,
                                               GError                  **error);
/* The change of `row` in the piece of a transaction at `seq`; NULL without an error if there is none any more. */
DimpleLoggedChange *dimple_history_read       (DimpleConnection         *connection,
                                               DimpleSchema             *schema,
                                               gint64                    seq,
                                               DimpleRowHash             row,
                                               GError                  **error);
/* Sets `won` of all changes of one row: FALSE where something of it was lost to a change that did not know of it. */
void                dimple_history_judge      (GPtrArray                *changes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleLoggedChange, dimple_logged_change_free)

G_END_DECLS
