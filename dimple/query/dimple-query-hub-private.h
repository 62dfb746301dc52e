/* dimple-query-hub-private.h: what the queries of one store have in common in one main context
 *
 * Hears of commits on whatever thread they are made, finds out which queries they matter to, and tells these in their
 * main context, all in one turn.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-evaluator-private.h"
#include "dimple-query-plan-private.h"
#include "dimple-read-point-private.h"

G_BEGIN_DECLS

typedef struct _DimpleQueryHub DimpleQueryHub;
typedef struct _DimpleSubscription DimpleSubscription;

/* In the main context of the hub: something was committed that matters. */
typedef void (*DimpleSubscriptionFunc) (gpointer user_data);

/* The hub of the store in the main context; made if there is none. */
DimpleQueryHub     *dimple_query_hub_get             (DimpleStore             *store,
                                                      GMainContext            *context);
DimpleQueryHub     *dimple_query_hub_ref             (DimpleQueryHub          *self);
void                dimple_query_hub_unref           (DimpleQueryHub          *self);
DimpleStore        *dimple_query_hub_get_store       (DimpleQueryHub          *self);
/* The schema as a reader sees it inside its transaction. */
DimpleSchema       *dimple_query_hub_ref_schema      (DimpleQueryHub          *self,
                                                      DimpleConnection        *reader,
                                                      GError                 **error);
/* Calls `func` in the main context, a little later; until then tests wait.  The hub lives until then, `user_data` is
 * the caller's to see to.  Any thread. */
GSource            *dimple_query_hub_schedule        (DimpleQueryHub          *self,
                                                      int                      priority,
                                                      const char              *name,
                                                      GSourceFunc              func,
                                                      gpointer                 user_data);
/* Calls `func` with `data` on one of the threads that queries are run on. */
void                dimple_query_hub_run             (GFunc                    func,
                                                      gpointer                 data);

/* -- Rows that are kept row by row --------------------------------------------------------------------------------- */

/* Begins a read transaction on `reader`, between two commits.  `evaluator` (nullable) sees every commit from then on,
 * and what was committed until then is `point`; `missed` gets what `before` (nullable) has seen so far and nobody has
 * taken.  Waits while a commit is under way; any thread. */
gboolean            dimple_query_hub_enter           (DimpleQueryHub          *self,
                                                      DimpleConnection        *reader,
                                                      DimpleEvaluator         *evaluator,
                                                      DimpleReadPoint        **point,
                                                      DimpleEvaluator         *before,
                                                      DimpleRowChanges        *missed,
                                                      GError                 **error);
/* It sees no more commits. */
void                dimple_query_hub_leave           (DimpleQueryHub          *self,
                                                      DimpleEvaluator         *evaluator);
/* From now on what all of them have seen is what is read; those that have not shown it yet go on reading what it was.
 * FALSE if a commit is under way: then dispatch comes again after it.  `wait`: waits for it instead. */
gboolean            dimple_query_hub_advance         (DimpleQueryHub          *self,
                                                      gboolean                 wait);
/* A reader at what is read now, or at `point` (nullable); NULL if the store is closed. */
DimpleConnection   *dimple_query_hub_begin_reading   (DimpleQueryHub          *self,
                                                      DimpleReadPoint         *point);
void                dimple_query_hub_end_reading     (DimpleQueryHub          *self);

/* -- Subscriptions ------------------------------------------------------------------------------------------------- */

/* At first every commit matters.  `before_close` is called when the store is about to be closed by the thread of the
 * main context: what is not read then cannot be read any more. */
DimpleSubscription *dimple_query_hub_subscribe       (DimpleQueryHub          *self,
                                                      DimpleSubscriptionFunc   func,
                                                      DimpleSubscriptionFunc   before_close,
                                                      gpointer                 user_data);
void                dimple_subscription_end          (DimpleSubscription      *self);
/* (nullable) from now on only what the plan watches matters. */
void                dimple_subscription_set_plan     (DimpleSubscription      *self,
                                                      DimpleQueryPlan         *plan);
/* (nullable) of what the plan watches, only these rows. */
void                dimple_subscription_set_filter   (DimpleSubscription      *self,
                                                      DimpleRowFilter         *filter);
/* (nullable) from now on only what the evaluator sees matters, and what the one before has seen is forgotten.  Rows are
 * read at `point` (nullable) until nothing newer is to be shown. */
void                dimple_subscription_set_evaluator (DimpleSubscription     *self,
                                                       DimpleEvaluator        *evaluator,
                                                       DimpleReadPoint        *point);
DimpleEvaluator    *dimple_subscription_get_evaluator (DimpleSubscription     *self);
/* While frozen, what the evaluator sees is left to it, and every commit matters. */
void                dimple_subscription_set_frozen   (DimpleSubscription      *self,
                                                      gboolean                 frozen);
/* (nullable) what was seen up to the last advance() and is not shown. */
DimpleRowChanges   *dimple_subscription_get_changes  (DimpleSubscription      *self);
/* They are shown: from now on rows are read at what is read now.  Gives the point where they were read, if it is
 * another. */
DimpleReadPoint    *dimple_subscription_settle       (DimpleSubscription      *self);
/* Where the rows that are shown are read. */
DimpleReadPoint    *dimple_subscription_ref_point    (DimpleSubscription      *self);
/* A reader there, for the caller alone; NULL if the store is closed. */
DimpleConnection   *dimple_subscription_begin_reading (DimpleSubscription     *self);
void                dimple_subscription_end_reading  (DimpleSubscription      *self);
/* Whether something was committed that matters, since the last time. */
gboolean            dimple_subscription_take_changed (DimpleSubscription      *self);
gboolean            dimple_subscription_is_changed   (DimpleSubscription      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleQueryHub, dimple_query_hub_unref)

G_END_DECLS
