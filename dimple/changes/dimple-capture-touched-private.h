/* dimple-capture-touched-private.h: which rows of a table a transaction touched, and what they were before
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  gint64  rowid;      /* in rowid tables */
  guint64 old;        /* position in the spill; DIMPLE_CAPTURE_SPILL_NONE: it was not there */
} DimpleTouchedRow;

/* Consecutive rowids that were not there before: what a bulk insert makes, at no cost a row. */
typedef struct
{
  gint64 first;
  gint64 last;        /* inclusive */
} DimpleTouchedRun;

/* The rows of one table, each once: of a rowid table by rowid, of a WITHOUT ROWID table by the bytes of its key. */
typedef struct
{
  GArray     *rows;         /* of DimpleTouchedRow */
  GArray     *runs;         /* of DimpleTouchedRun, ascending; none of them in `rows` */
  GByteArray *keys;         /* one after the other */
  GArray     *key_ends;     /* of guint: where in `keys` the key of each row ends */
  guint32    *slots;        /* open addressing: index into `rows` plus one; 0: free */
  guint       n_slots;      /* a power of two, or 0 */
} DimpleTouched;

void              dimple_touched_init       (DimpleTouched *self);
void              dimple_touched_clear      (DimpleTouched *self);
void              dimple_touched_empty      (DimpleTouched *self);

/* The new entry of a row, or NULL if it has been touched already.  Valid until the next one is added. */
DimpleTouchedRow *dimple_touched_add_rowid  (DimpleTouched *self,
                                             gint64         rowid);
DimpleTouchedRow *dimple_touched_add_key    (DimpleTouched *self,
                                             const guint8  *key,
                                             gsize          size);
/* A row has come to be at `rowid`; if it has not been touched before, nothing was there. */
void              dimple_touched_add_fresh  (DimpleTouched *self,
                                             gint64         rowid);

/* (nullable) */
DimpleTouchedRow *dimple_touched_find_key   (DimpleTouched *self,
                                             const guint8  *key,
                                             gsize          size);
const guint8     *dimple_touched_get_key    (DimpleTouched *self,
                                             guint          row,
                                             gsize         *size);
/* For reading them back; no row can be added or found any more before the next empty(). */
void              dimple_touched_sort       (DimpleTouched *self);

G_END_DECLS
