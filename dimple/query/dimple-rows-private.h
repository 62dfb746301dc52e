/* dimple-rows-private.h: the rows that a query shows, however they are kept
 *
 * Either all of them as records, run again when something changes (dimple-result.c), or in order by rowid and sort key,
 * each row read when it is asked for.  What a query tells and answers is made from this alone.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-row-shape-private.h"

G_BEGIN_DECLS

typedef struct _DimpleRows DimpleRows;

typedef struct
{
  void           (*clear)      (DimpleRows  *self);
  guint          (*get_n_rows) (DimpleRows  *self);
  gint64         (*get_id)     (DimpleRows  *self,
                                guint        position);
  gboolean       (*find_id)    (DimpleRows  *self,
                                gint64       id,
                                guint       *position);
  const guint8  *(*get_record) (DimpleRows  *self,
                                guint        position,
                                gsize       *size);
  gboolean       (*find_key)   (DimpleRows  *self,
                                const char  *key,
                                guint       *position);
} DimpleRowsClass;

/* The first member of what is allocated by g_atomic_rc_box_new0(). */
struct _DimpleRows
{
  const DimpleRowsClass *class;
  DimpleRowShape        *shape;
};

/* What became of the rows: those from `position` on, `n_removed` of the old, are `n_added` others now; the rows around
 * them are the same rows. */
typedef struct
{
  guint     position;
  guint     n_removed;
  guint     n_added;
  GArray   *updated;        /* of guint: new positions of rows that were there before, with other values */
  GArray   *gone;           /* of gint64: the ids of rows that are not there any more */

  /* Or any row may have other values or be gone, and both arrays are empty. */
  gboolean    any_updated;
  GHashTable *successors;   /* (nullable) of gint64 by the id it had before; NULL: the row is gone */
  gboolean    others_stay;  /* others have the id that they had, if they are still there; else they are gone */
} DimpleRowsChange;

/* What id a row has now, as far as `change` says: FALSE if it is gone. */
gboolean        dimple_rows_change_find_successor (const DimpleRowsChange *change,
                                                   gint64            id,
                                                   gint64           *successor);

DimpleRows     *dimple_rows_ref           (DimpleRows        *self);
void            dimple_rows_unref         (DimpleRows        *self);
DimpleRowShape *dimple_rows_get_shape     (DimpleRows        *self);
guint           dimple_rows_get_n_rows    (DimpleRows        *self);
/* A number that stays with the row as long as it is shown, whatever takes the place of these rows. */
gint64          dimple_rows_get_id        (DimpleRows        *self,
                                           guint              position);
gboolean        dimple_rows_find_id       (DimpleRows        *self,
                                           gint64             id,
                                           guint             *position);
/* Valid until the next call of any of these. */
const guint8   *dimple_rows_get_record    (DimpleRows        *self,
                                           guint              position,
                                           gsize             *size);
/* The first row with this public key. */
gboolean        dimple_rows_find_key      (DimpleRows        *self,
                                           const char        *key,
                                           guint             *position);

void            dimple_rows_change_init   (DimpleRowsChange  *change);
void            dimple_rows_change_clear  (DimpleRowsChange  *change);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleRows, dimple_rows_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleRowsChange, dimple_rows_change_clear)

G_END_DECLS
