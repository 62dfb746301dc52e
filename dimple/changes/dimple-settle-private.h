/* dimple-settle-private.h: which rows are shown
 *
 * Rows whose known changes are different now are touched; running then makes the tables hold what the set of known
 * transactions and the schema say, and shelves what they have no place for.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-merge-table-private.h"

G_BEGIN_DECLS

typedef struct
{
  DimpleConnection *connection;
  DimpleSchema     *schema;
  DimpleChangeSet  *changes;       /* (nullable) */
  DimpleFold       *fold;          /* of the rows touched */
  const char       *since;         /* what the log has new of them is not anchored before this; NULL: nothing */
  GHashTable       *tables;        /* DimpleMergeTable by DimpleTable */
  GPtrArray        *unchecked;     /* of UncheckedRows, see dimple_settling_check() */
} DimpleSettling;

/* How a touched row stands; DimpleFoldedRow.data. */
typedef struct
{
  gboolean          looked;        /* the rest is known */
  gboolean          shown;         /* in the table now */
  gint64            rowid;
  DimpleRowValues  *current;       /* as it is, or last was, in the table; NULL: it has not been there */
  DimpleRowValues  *wanted;        /* as it should be, if it may be shown */
  const guint8     *known_rival;   /* the key of an older row that was in its way before */
} DimpleRowStanding;

void              dimple_settling_init      (DimpleSettling     *self,
                                             DimpleConnection   *connection,
                                             DimpleSchema       *schema,
                                             DimpleChangeSet    *changes);
void              dimple_settling_clear     (DimpleSettling     *self);
/* After run(): as init() leaves it. */
void              dimple_settling_restart   (DimpleSettling     *self);
DimpleMergeTable *dimple_settling_get_table (DimpleSettling     *self,
                                             const DimpleTable  *table,
                                             GError            **error);
/* The row is to be judged; what is known of it is as it was, or `whole`. */
DimpleFoldedRow  *dimple_settling_add       (DimpleSettling     *self,
                                             const DimpleTable  *table,
                                             const guint8       *key,
                                             gsize               key_size);
/* The log has something new of the row that is anchored at `since` or later; NULL: wherever. */
DimpleFoldedRow  *dimple_settling_touch     (DimpleSettling     *self,
                                             const DimpleTable  *table,
                                             const guint8       *key,
                                             gsize               key_size,
                                             const char         *since);
/* A row was written to the table already: its parents have to be looked for at the end. */
void              dimple_settling_check     (DimpleSettling     *self,
                                             DimpleMergeTable   *table,
                                             const guint8       *key,
                                             gsize               key_size);
/* For tests: of how many rows of a table the parents are looked for one by one; 0: as ever. */
void              dimple_settling_set_max_unchecked (guint          n_rows);
/* Before what is in dimple_tombstone matters: adds what was deleted here since the last time. */
gboolean          dimple_settling_bury_local_deletes (DimpleSettling  *self,
                                                      GError         **error);
/* Touches those of the rows that the local migration `id` changed where something known before may win: deletes over
 * what it inserted, and later scripts over all. */
gboolean          dimple_settling_touch_migrated     (DimpleSettling  *self,
                                                      const char      *id,
                                                      GError         **error);
gboolean          dimple_settling_run       (DimpleSettling     *self,
                                             GError            **error);

/* -- Between the files of settling --------------------------------------------------------------------------------- */

DimpleRowStanding *dimple_settling_look     (DimpleSettling     *self,
                                             DimpleFoldedRow    *row,
                                             GError            **error);
/* Why a row cannot be shown whatever others there are ("deleted", "incomplete"), or NULL; then `wanted` is set. */
const char        *dimple_settling_judge    (DimpleSettling     *self,
                                             DimpleMergeTable   *table,
                                             DimpleFoldedRow    *row);
gboolean           dimple_settling_show     (DimpleSettling     *self,
                                             DimpleMergeTable   *table,
                                             DimpleFoldedRow    *row,
                                             DimpleRefusal      *refusal,
                                             GError            **error);
/* What the shelf calls it. */
const char        *dimple_refusal_get_reason (DimpleRefusal      refusal);
gboolean           dimple_settling_hide     (DimpleSettling     *self,
                                             DimpleMergeTable   *table,
                                             DimpleFoldedRow    *row,
                                             const char         *reason,
                                             const guint8       *rival,
                                             GError            **error);
/* Takes a row out of its table for the time being. */
gboolean           dimple_settling_take_out (DimpleSettling     *self,
                                             DimpleMergeTable   *table,
                                             DimpleFoldedRow    *row,
                                             GError            **error);
/* All that the log has of the rows touched. */
gboolean           dimple_settling_load     (DimpleSettling     *self,
                                             GError            **error);
/* Older first: by creation, table, key. */
int                dimple_settling_compare  (const DimpleFoldedRow *a,
                                             const DimpleFoldedRow *b);
/* Adds those of the table's shelved rows that wait for something that has changed to `contested` (of
 * DimpleFoldedRow). */
gboolean           dimple_settling_wake     (DimpleSettling     *self,
                                             DimpleMergeTable   *table,
                                             GPtrArray          *contested,
                                             GError            **error);
/* Whether there are any such rows. */
gboolean           dimple_settling_is_any_woken (DimpleSettling     *self,
                                                 DimpleMergeTable   *table,
                                                 gboolean           *woken,
                                                 GError            **error);
gboolean           dimple_settling_judge_contested (DimpleSettling     *self,
                                                    DimpleMergeTable   *table,
                                                    GPtrArray          *contested,
                                                    GError            **error);
gboolean           dimple_settling_run_cycle (DimpleSettling    *self,
                                              GPtrArray         *tables,   /* of const DimpleTable */
                                              GError           **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleSettling, dimple_settling_clear)

G_END_DECLS
