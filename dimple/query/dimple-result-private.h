/* dimple-result-private.h: all rows of a query at one commit, as records
 *
 * Made on any thread, never changed after it was compared with the one before it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-query-plan-private.h"
#include "dimple-row-shape-private.h"

G_BEGIN_DECLS

typedef struct _DimpleResult DimpleResult;

/* What became of a result: the rows from `position` on, `n_removed` of the old one, are `n_added` others now; the rows
 * around them are the same rows. */
typedef struct
{
  guint   position;
  guint   n_removed;
  guint   n_added;
  GArray *updated;        /* of guint: new positions of rows that were there before, with other values */
  GArray *gone;           /* of gint64: the ids of rows that are not there any more */
} DimpleResultChange;

DimpleResult   *dimple_result_run             (DimpleConnection    *reader,
                                               DimpleQueryPlan     *plan,
                                               GVariant            *parameters,
                                               GError             **error);
DimpleResult   *dimple_result_ref             (DimpleResult        *self);
void            dimple_result_unref           (DimpleResult        *self);
guint           dimple_result_get_n_rows      (DimpleResult        *self);
DimpleRowShape *dimple_result_get_shape       (DimpleResult        *self);
const guint8   *dimple_result_get_record      (DimpleResult        *self,
                                               guint                position,
                                               gsize               *size);
/* A number that stays with the row from result to result, after compare(). */
gint64          dimple_result_get_id          (DimpleResult        *self,
                                               guint                position);
/* Rows are the same if they have the same key (the n-th of several with that key); in a result without keys, if they have
 * the same position.  Gives the rows of `self` the ids of those of `old`, or new ones. */
void            dimple_result_compare         (DimpleResult        *self,
                                               DimpleResult        *old,         /* (nullable) */
                                               DimpleResultChange  *change);
void            dimple_result_change_clear    (DimpleResultChange  *change);
/* The first row with this public key. */
gboolean        dimple_result_find            (DimpleResult        *self,
                                               const char          *key,
                                               guint               *position);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleResult, dimple_result_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleResultChange, dimple_result_change_clear)

G_END_DECLS
