/* dimple-capture-table-private.h: what capture keeps of one table while a transaction runs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-capture-private.h"
#include "dimple-capture-spill-private.h"
#include "dimple-capture-touched-private.h"
#include "dimple-record-private.h"

G_BEGIN_DECLS

/* Where a column of the key is found */
typedef struct
{
  int value;           /* in a record */
  int column;          /* in the table: for sqlite3_preupdate_old(), and _new() of an insert */
  int updated_column;  /* for sqlite3_preupdate_new() of an update */
} DimpleCaptureKey;

typedef struct
{
  const DimpleTable *table;
  guint              n_values;         /* of a record: the columns that are not generated */
  guint64           *bits;             /* the column bit of each value */
  guint64            key_bits;
  guint64            generated_bits;
  GArray            *key;              /* of DimpleCaptureKey */
  gboolean           has_doubtful_key; /* see find_key() */
  gboolean           has_virtual;      /* columns that are not stored */
  gboolean           has_default;      /* columns of which an old row may lack the value */
  sqlite3_stmt      *select_one;       /* by rowid, or by key */
  sqlite3_stmt      *select_range;     /* by rowids, which comes after the values; by nothing in WITHOUT ROWID tables */
  DimpleTouched      touched;
} DimpleCaptureTable;

DimpleCaptureTable *dimple_capture_table_new        (DimpleConnection    *connection,
                                                     const DimpleTable   *table,
                                                     GError             **error);
void                dimple_capture_table_free       (DimpleCaptureTable  *self);
/* Appends the row that a SELECT stands on. */
void                dimple_capture_table_read       (DimpleCaptureTable  *self,
                                                     sqlite3_stmt        *select,
                                                     GByteArray          *record);
/* The same from within the preupdate hook, of the row that is about to change; FALSE, with nothing appended, where
 * SQLite might not tell it right. */
gboolean            dimple_capture_table_read_old   (DimpleCaptureTable  *self,
                                                     sqlite3             *handle,
                                                     GByteArray          *record);
/* Appends the key of a record such that keys that SQLite takes as the same number are the same bytes: 1 and 1.0. */
void                dimple_capture_table_append_key (DimpleCaptureTable  *self,
                                                     const guint8        *record,
                                                     GByteArray          *key);
/* The same for one value. */
void                dimple_capture_append_key_value (GByteArray          *key,
                                                     const DimpleValue   *value);

/* What reading back needs, kept from one transaction to the next: to make it anew would cost as much as reading a
 * row */
typedef struct
{
  GByteArray    *now;       /* the row read last */
  GByteArray    *key;       /* of a row */
  GArray        *came;      /* of guint: the touched rows that are there with another key than before, or none */
  GArray        *went;      /* of guint: those that were there and are not any more, likewise */
  DimpleTouched  gone;      /* the keys of `went`; `rowid` is an index into it, or -1 once the row was found again */
} DimpleCaptureScratch;

void                dimple_capture_scratch_init     (DimpleCaptureScratch *self);
void                dimple_capture_scratch_clear    (DimpleCaptureScratch *self);

/* Reads back what was touched, and tells `func` what differs. */
gboolean            dimple_capture_table_net        (DimpleCaptureTable  *self,
                                                     DimpleConnection    *connection,
                                                     DimpleCaptureSpill  *spill,
                                                     DimpleCaptureScratch *scratch,
                                                     DimpleCaptureFunc    func,
                                                     gpointer             user_data,
                                                     GError             **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleCaptureTable, dimple_capture_table_free)

G_END_DECLS
