/* dimple-query-hub-private.h: what the queries of one store have in common in one main context
 *
 * Hears of commits on whatever thread they are made, finds out which queries they matter to, and tells these in their main
 * context, all in one turn.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-query-plan-private.h"
#include "dimple-store-private.h"

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
/* Calls `func` in the main context, a little later; until then tests wait.  The hub lives until then, `user_data` is the
 * caller's to see to.  Any thread. */
GSource            *dimple_query_hub_schedule        (DimpleQueryHub          *self,
                                                      int                      priority,
                                                      const char              *name,
                                                      GSourceFunc              func,
                                                      gpointer                 user_data);
/* Calls `func` with `data` on one of the threads that queries are run on. */
void                dimple_query_hub_run             (GFunc                    func,
                                                      gpointer                 data);

/* At first every commit matters. */
DimpleSubscription *dimple_query_hub_subscribe       (DimpleQueryHub          *self,
                                                      DimpleSubscriptionFunc   func,
                                                      gpointer                 user_data);
void                dimple_subscription_end          (DimpleSubscription      *self);
/* (nullable) from now on only what the plan watches matters. */
void                dimple_subscription_set_plan     (DimpleSubscription      *self,
                                                      DimpleQueryPlan         *plan);
/* (nullable) of what the plan watches, only these rows. */
void                dimple_subscription_set_filter   (DimpleSubscription      *self,
                                                      DimpleRowFilter         *filter);
/* Whether something was committed that matters, since the last time. */
gboolean            dimple_subscription_take_changed (DimpleSubscription      *self);
gboolean            dimple_subscription_is_changed   (DimpleSubscription      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleQueryHub, dimple_query_hub_unref)

G_END_DECLS
