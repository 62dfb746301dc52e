/* dimple-evaluator-private.h: where changed rows belong in the result of one query
 *
 * Asked on the writer's connection in the write transaction just before COMMIT, where the pages are at hand and nothing
 * but this commit is seen.  What it found is kept until COMMIT succeeded, and then until the query takes it.  Which
 * rows a change of a joined table means is left to the query.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-query-plan-private.h"
#include "dimple-row-changes-private.h"
#include "dimple-store-private.h"

G_BEGIN_DECLS

typedef struct _DimpleEvaluator DimpleEvaluator;

DimpleEvaluator  *dimple_evaluator_new           (DimpleStore       *store,      /* lives longer */
                                                  DimpleQueryPlan   *plan,
                                                  GVariant          *parameters);
DimpleEvaluator  *dimple_evaluator_ref           (DimpleEvaluator   *self);
void              dimple_evaluator_unref         (DimpleEvaluator   *self);

/* -- Under the write lock ---------------------------------------------------------------------------------------------
 * Stages what `changes` did to rows that the query may show. */
void              dimple_evaluator_evaluate      (DimpleEvaluator   *self,
                                                  DimpleConnection  *writer,
                                                  DimpleChangeSet   *changes);
/* Gives the writer's statement back. */
void              dimple_evaluator_forget_writer (DimpleEvaluator   *self);

/* -- Under the lock of the hub ----------------------------------------------------------------------------------------
 * What was staged is committed, or undone.  Whether there is anything to take. */
gboolean          dimple_evaluator_publish       (DimpleEvaluator   *self,
                                                  gboolean           committed);
/* What `changes` says was committed by another process: at best the keys are known.  Whether it matters. */
gboolean          dimple_evaluator_hear          (DimpleEvaluator   *self,
                                                  DimpleChangeSet   *changes);
gboolean          dimple_evaluator_has_published (DimpleEvaluator   *self);
/* What was published and not taken yet. */
DimpleRowChanges *dimple_evaluator_take          (DimpleEvaluator   *self);
DimpleRowChanges *dimple_evaluator_peek          (DimpleEvaluator   *self);

/* Any thread.  How many rows the result has, to judge when reading it anew costs less than looking at each change. */
void              dimple_evaluator_set_n_rows    (DimpleEvaluator   *self,
                                                  guint              n_rows);
/* Somebody else has asked for so many rows. */
void              dimple_evaluator_add_asked     (DimpleEvaluator   *self,
                                                  guint              n_asked);
/* How many rows were asked for, ever. */
guint             dimple_evaluator_get_n_asked   (DimpleEvaluator   *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleEvaluator, dimple_evaluator_unref)

G_END_DECLS
