/* dimple-query-hub.c: what the queries of one store have in common in one main context
 *
 * The hub is one observer of the store for all its queries, so that a commit costs one call and, for each query that it
 * does not matter to, a comparison of bits.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-query-hub-private.h"

#define MAX_THREADS 2

struct _DimpleSubscription
{
  DimpleQueryHub         *hub;
  DimpleSubscriptionFunc  func;           /* NULL once it has ended; of the main context alone */
  gpointer                user_data;

  /* Under the hub's lock. */
  DimpleQueryPlan        *plan;           /* (nullable) */
  DimpleRowFilter        *filter;         /* (nullable) */
  gboolean                changed;
};

struct _DimpleQueryHub
{
  gatomicrefcount  ref_count;
  DimpleStore     *store;
  GMainContext    *context;

  GMutex           lock;                  /* of all below */
  GPtrArray       *subscriptions;         /* of DimpleSubscription */
  GSource         *dispatch;              /* (nullable) */
  DimpleSchema    *schema;                /* (nullable) what a reader saw last */
  gint64           schema_version;
};

static GMutex hubs_lock;
static GPtrArray *hubs;                   /* all that there are; not owned */

/* -- Commits -------------------------------------------------------------------------------------------------------- */

static void
subscription_clear (gpointer data)
{
  DimpleSubscription *self = data;

  g_clear_pointer (&self->plan, dimple_query_plan_unref);
  g_clear_pointer (&self->filter, dimple_row_filter_unref);
}

static void
subscription_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, subscription_clear);
}

static gboolean
dispatch (gpointer user_data)
{
  DimpleQueryHub *self = user_data;
  g_autoptr(GPtrArray) changed = g_ptr_array_new_with_free_func (subscription_unref);

  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->dispatch, g_source_unref);
  for (guint i = 0; i < self->subscriptions->len; i++)
    {
      DimpleSubscription *subscription = g_ptr_array_index (self->subscriptions, i);

      if (subscription->changed)
        g_ptr_array_add (changed, g_atomic_rc_box_acquire (subscription));
    }
  g_mutex_unlock (&self->lock);

  /* What is told may end subscriptions, its own and others. */
  for (guint i = 0; i < changed->len; i++)
    {
      DimpleSubscription *subscription = g_ptr_array_index (changed, i);

      if (subscription->func != NULL)
        subscription->func (subscription->user_data);
    }
  return G_SOURCE_REMOVE;
}

static void
schedule_dispatch (DimpleQueryHub *self)
{
  if (self->dispatch == NULL)
    self->dispatch = dimple_query_hub_schedule (self, G_PRIORITY_DEFAULT, "[dimple] live queries", dispatch, self);
}

static void
after_commit (DimpleChangeSet *changes,
              gboolean         committed,
              gpointer         user_data)
{
  DimpleQueryHub *self = user_data;
  g_autoptr(GMutexLocker) locker = NULL;

  if (!committed)
    return;
  locker = g_mutex_locker_new (&self->lock);
  for (guint i = 0; i < self->subscriptions->len; i++)
    {
      DimpleSubscription *subscription = g_ptr_array_index (self->subscriptions, i);

      if (subscription->changed ||
          (subscription->plan != NULL &&
           !dimple_watch_set_matches (&subscription->plan->watch, changes, subscription->filter)))
        continue;
      subscription->changed = TRUE;
      schedule_dispatch (self);
    }
}

static const DimpleObserver observer = { NULL, after_commit };

/* -- Life ----------------------------------------------------------------------------------------------------------- */

static DimpleQueryHub *
find_hub (DimpleStore  *store,
          GMainContext *context)
{
  for (guint i = 0; hubs != NULL && i < hubs->len; i++)
    {
      DimpleQueryHub *hub = g_ptr_array_index (hubs, i);

      if (hub->store == store && hub->context == context)
        return hub;
    }
  return NULL;
}

DimpleQueryHub *
dimple_query_hub_get (DimpleStore  *store,
                      GMainContext *context)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&hubs_lock);
  DimpleQueryHub *self = find_hub (store, context);

  if (self != NULL)
    return dimple_query_hub_ref (self);

  self = g_new0 (DimpleQueryHub, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->store = g_object_ref (store);
  self->context = g_main_context_ref (context);
  self->subscriptions = g_ptr_array_new_with_free_func (subscription_unref);
  g_mutex_init (&self->lock);
  if (hubs == NULL)
    hubs = g_ptr_array_new ();
  g_ptr_array_add (hubs, self);
  dimple_store_add_observer (store, &observer, self);
  return self;
}

DimpleQueryHub *
dimple_query_hub_ref (DimpleQueryHub *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
dimple_query_hub_unref (DimpleQueryHub *self)
{
  g_mutex_lock (&hubs_lock);
  if (!g_atomic_ref_count_dec (&self->ref_count))
    {
      g_mutex_unlock (&hubs_lock);
      return;
    }
  g_ptr_array_remove_fast (hubs, self);
  g_mutex_unlock (&hubs_lock);

  /* From here on no commit reaches it any more. */
  dimple_store_remove_observer (self->store, &observer, self);
  g_clear_pointer (&self->dispatch, g_source_unref);
  g_ptr_array_unref (self->subscriptions);
  g_clear_pointer (&self->schema, dimple_schema_unref);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  g_object_unref (self->store);
  g_free (self);
}

DimpleStore *
dimple_query_hub_get_store (DimpleQueryHub *self)
{
  return self->store;
}

static DimpleSchema *
find_schema (DimpleQueryHub *self,
             gint64          version)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->schema != NULL && self->schema_version == version ? dimple_schema_ref (self->schema) : NULL;
}

DimpleSchema *
dimple_query_hub_ref_schema (DimpleQueryHub    *self,
                             DimpleConnection  *reader,
                             GError           **error)
{
  g_autoptr(DimpleSchema) loaded = NULL;
  DimpleSchema *schema;
  gint64 version;

  if (!dimple_connection_check_schema (reader, &version, error))
    return NULL;
  schema = find_schema (self, version);
  if (schema != NULL)
    return schema;

  /* Not under the lock, for which commits wait; another run may have loaded it meanwhile, too. */
  loaded = dimple_schema_load (reader, error);
  if (loaded == NULL)
    return NULL;
  g_mutex_lock (&self->lock);
  if (self->schema == NULL || self->schema_version != version)
    {
      g_clear_pointer (&self->schema, dimple_schema_unref);
      self->schema = g_steal_pointer (&loaded);
      self->schema_version = version;
    }
  schema = dimple_schema_ref (self->schema);
  g_mutex_unlock (&self->lock);
  return schema;
}

/* -- The main context ----------------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleQueryHub *hub;
  GSourceFunc     func;
  gpointer        user_data;
} Scheduled;

static gboolean
run_scheduled (gpointer user_data)
{
  Scheduled *scheduled = user_data;

  return scheduled->func (scheduled->user_data);
}

/* Also of a main context that is gone before it came to it. */
static void
scheduled_free (gpointer data)
{
  Scheduled *scheduled = data;

  dimple_store_end_work (scheduled->hub->store);
  dimple_query_hub_unref (scheduled->hub);
  g_free (scheduled);
}

GSource *
dimple_query_hub_schedule (DimpleQueryHub *self,
                           int             priority,
                           const char     *name,
                           GSourceFunc     func,
                           gpointer        user_data)
{
  Scheduled *scheduled = g_new (Scheduled, 1);
  GSource *source = g_idle_source_new ();

  *scheduled = (Scheduled) { dimple_query_hub_ref (self), func, user_data };
  dimple_store_begin_work (self->store);
  g_source_set_priority (source, priority);
  g_source_set_static_name (source, name);
  g_source_set_callback (source, run_scheduled, scheduled, scheduled_free);
  g_source_attach (source, self->context);
  return source;
}

/* -- Threads -------------------------------------------------------------------------------------------------------- */

typedef struct
{
  GFunc    func;
  gpointer data;
} Job;

static void
run_job (gpointer data,
         gpointer user_data)
{
  Job *job = data;

  job->func (job->data, NULL);
  g_free (job);
}

void
dimple_query_hub_run (GFunc    func,
                      gpointer data)
{
  static GThreadPool *pool;
  static gsize initialized;
  Job *job = g_new (Job, 1);

  /* Not GTask's threads, which the whole process shares: a query may be long. */
  if (g_once_init_enter (&initialized))
    {
      pool = g_thread_pool_new (run_job, NULL, MAX_THREADS, FALSE, NULL);
      g_once_init_leave (&initialized, 1);
    }
  *job = (Job) { func, data };
  g_thread_pool_push (pool, job, NULL);
}

/* -- Subscriptions -------------------------------------------------------------------------------------------------- */

DimpleSubscription *
dimple_query_hub_subscribe (DimpleQueryHub         *self,
                            DimpleSubscriptionFunc  func,
                            gpointer                user_data)
{
  DimpleSubscription *subscription = g_atomic_rc_box_new0 (DimpleSubscription);

  subscription->hub = self;
  subscription->func = func;
  subscription->user_data = user_data;
  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->subscriptions, subscription);
  g_mutex_unlock (&self->lock);
  return subscription;
}

void
dimple_subscription_end (DimpleSubscription *self)
{
  DimpleQueryHub *hub = self->hub;

  self->func = NULL;
  g_mutex_lock (&hub->lock);
  g_ptr_array_remove_fast (hub->subscriptions, self);
  g_mutex_unlock (&hub->lock);
}

void
dimple_subscription_set_plan (DimpleSubscription *self,
                              DimpleQueryPlan    *plan)
{
  DimpleQueryPlan *old;

  g_mutex_lock (&self->hub->lock);
  old = self->plan;
  self->plan = plan != NULL ? dimple_query_plan_ref (plan) : NULL;
  g_mutex_unlock (&self->hub->lock);
  g_clear_pointer (&old, dimple_query_plan_unref);
}

void
dimple_subscription_set_filter (DimpleSubscription *self,
                                DimpleRowFilter    *filter)
{
  DimpleRowFilter *old;

  g_mutex_lock (&self->hub->lock);
  old = self->filter;
  self->filter = filter != NULL ? dimple_row_filter_ref (filter) : NULL;
  g_mutex_unlock (&self->hub->lock);
  g_clear_pointer (&old, dimple_row_filter_unref);
}

gboolean
dimple_subscription_take_changed (DimpleSubscription *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->hub->lock);
  gboolean changed = self->changed;

  self->changed = FALSE;
  return changed;
}

gboolean
dimple_subscription_is_changed (DimpleSubscription *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->hub->lock);

  return self->changed;
}
