/* dimple-query-hub.c: what the queries of one store have in common in one main context
 *
 * The hub is one observer of the store for all its queries, so that a commit costs one call and, for each query that it
 * does not matter to, a comparison of bits.
 *
 * Queries that are kept row by row read their rows when they are asked for, so what they show and what they read must
 * be of the same commit.  In the main-loop turn after a commit, all of them go to a new read point at once: each takes
 * what its evaluator has seen since, and reads at the old point until it has shown that.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-query-hub-private.h"

#define MAX_THREADS 2

struct _DimpleSubscription
{
  DimpleQueryHub         *hub;
  DimpleSubscriptionFunc  func;           /* NULL once it has ended; of the main context alone */
  DimpleSubscriptionFunc  before_close;
  gpointer                user_data;

  /* Under the hub's lock. */
  DimpleQueryPlan        *plan;           /* (nullable) */
  DimpleRowFilter        *filter;         /* (nullable) */
  DimpleEvaluator        *evaluator;      /* (nullable) */
  gboolean                frozen;
  gboolean                changed;

  /* Of the main context, set by advance(). */
  DimpleRowChanges       *taken;          /* (nullable) */
  DimpleReadPoint        *point;          /* (nullable) */
};

struct _DimpleQueryHub
{
  gatomicrefcount  ref_count;
  DimpleStore     *store;
  GMainContext    *context;

  DimpleReadPoints *points;

  GMutex           lock;                  /* of all below; taken before that of the points */
  GCond            committed;             /* `committing` is FALSE again */
  GPtrArray       *subscriptions;         /* of DimpleSubscription */
  GPtrArray       *evaluators;            /* of DimpleEvaluator: of the subscriptions, and of runs under way */
  gboolean         committing;            /* between before_commit and after_commit */
  gboolean         advancing;             /* something was committed since the last advance() that it is for */
  gboolean         must_dispatch;         /* dispatch was put off */
  GSource         *dispatch;              /* (nullable) */
  DimpleSchema    *schema;                /* (nullable) what a reader saw last */
  gint64           schema_version;
};

static void schedule_dispatch (DimpleQueryHub *self);

static GMutex hubs_lock;
static GPtrArray *hubs;                   /* all that there are; not owned */

/* -- Commits ------------------------------------------------------------------------------------------------------- */

static void
subscription_clear (gpointer data)
{
  DimpleSubscription *self = data;

  g_clear_pointer (&self->plan, dimple_query_plan_unref);
  g_clear_pointer (&self->filter, dimple_row_filter_unref);
  g_clear_pointer (&self->evaluator, dimple_evaluator_unref);
  g_clear_pointer (&self->taken, dimple_row_changes_free);
  g_clear_pointer (&self->point, dimple_read_point_unref);
}

static void
subscription_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, subscription_clear);
}

static gpointer
acquire_subscription (gconstpointer subscription,
                      gpointer      unused)
{
  return g_atomic_rc_box_acquire ((gpointer) subscription);
}

/* Under the lock.  What came after advance() is shown the next time. */
static gboolean
has_something_to_show (DimpleQueryHub     *self,
                       DimpleSubscription *subscription)
{
  if (subscription->evaluator == NULL || subscription->frozen)
    return subscription->changed;
  subscription->changed = dimple_evaluator_has_published (subscription->evaluator);
  if (subscription->changed)
    schedule_dispatch (self);
  return subscription->taken != NULL;
}

static gboolean
dispatch (gpointer user_data)
{
  DimpleQueryHub *self = user_data;
  g_autoptr(GPtrArray) changed = g_ptr_array_new_with_free_func (subscription_unref);

  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->dispatch, g_source_unref);
  g_mutex_unlock (&self->lock);
  if (!dimple_query_hub_advance (self, FALSE))
    return G_SOURCE_REMOVE;

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->subscriptions->len; i++)
    {
      DimpleSubscription *subscription = g_ptr_array_index (self->subscriptions, i);

      if (has_something_to_show (self, subscription))
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
  self->must_dispatch = FALSE;
  if (self->dispatch == NULL)
    self->dispatch = dimple_query_hub_schedule (self, G_PRIORITY_DEFAULT, "[dimple] live queries", dispatch, self);
}

/* Evaluating takes a while, in which queries may come and go. */
static void
before_commit (DimpleConnection *writer,
               DimpleChangeSet  *changes,
               gpointer          user_data)
{
  DimpleQueryHub *self = user_data;
  g_autoptr(GPtrArray) evaluators = NULL;

  g_mutex_lock (&self->lock);
  self->committing = TRUE;
  if (self->evaluators->len > 0)
    evaluators = g_ptr_array_copy (self->evaluators, (GCopyFunc) dimple_evaluator_ref, NULL);
  g_mutex_unlock (&self->lock);
  if (evaluators == NULL)
    return;

  g_ptr_array_set_free_func (evaluators, (GDestroyNotify) dimple_evaluator_unref);
  for (guint i = 0; i < evaluators->len; i++)
    dimple_evaluator_evaluate (g_ptr_array_index (evaluators, i), writer, changes);
}

static void
publish (DimpleQueryHub  *self,
         DimpleChangeSet *changes,
         gboolean         committed)
{
  for (guint i = 0; i < self->evaluators->len; i++)
    {
      DimpleEvaluator *evaluator = g_ptr_array_index (self->evaluators, i);

      if (self->committing)
        self->advancing |= dimple_evaluator_publish (evaluator, committed);
      /* Another process has committed it, before anybody could look. */
      else if (committed)
        self->advancing |= dimple_evaluator_hear (evaluator, changes);
    }
}

static gboolean
is_concerned (DimpleSubscription *subscription,
              DimpleChangeSet    *changes)
{
  if (subscription->evaluator != NULL && !subscription->frozen)
    return dimple_evaluator_has_published (subscription->evaluator);
  return subscription->plan == NULL || subscription->frozen ||
         dimple_watch_set_matches (&subscription->plan->watch, changes, subscription->filter);
}

static void
after_commit (DimpleChangeSet *changes,
              gboolean         committed,
              gpointer         user_data)
{
  DimpleQueryHub *self = user_data;
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  publish (self, changes, committed);
  for (guint i = 0; committed && i < self->subscriptions->len; i++)
    {
      DimpleSubscription *subscription = g_ptr_array_index (self->subscriptions, i);

      if (subscription->changed || !is_concerned (subscription, changes))
        continue;
      subscription->changed = TRUE;
      schedule_dispatch (self);
    }
  if (self->must_dispatch)
    schedule_dispatch (self);
  self->committing = FALSE;
  g_cond_broadcast (&self->committed);
}

static void
tell_closing (DimpleQueryHub *self)
{
  g_autoptr(GPtrArray) subscriptions = NULL;

  g_mutex_lock (&self->lock);
  subscriptions = g_ptr_array_copy (self->subscriptions, acquire_subscription, NULL);
  g_mutex_unlock (&self->lock);
  g_ptr_array_set_free_func (subscriptions, subscription_unref);
  for (guint i = 0; i < subscriptions->len; i++)
    {
      DimpleSubscription *subscription = g_ptr_array_index (subscriptions, i);

      if (subscription->func != NULL)
        subscription->before_close (subscription->user_data);
    }
}

/* A reader or statement of ours would keep the file open. */
static void
closing (gpointer user_data)
{
  DimpleQueryHub *self = user_data;

  if (g_main_context_acquire (self->context))
    {
      tell_closing (self);
      g_main_context_release (self->context);
    }
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->evaluators->len; i++)
    dimple_evaluator_forget_writer (g_ptr_array_index (self->evaluators, i));
  g_mutex_unlock (&self->lock);
  dimple_read_points_close (self->points);
}

/* Between commits: what was shown last is the last commit, unless there is something to show. */
static void
renew (gpointer user_data)
{
  DimpleQueryHub *self = user_data;
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (!self->advancing && !self->committing)
    dimple_read_points_renew (self->points, dimple_store_get_last_seq (self->store));
}

static const DimpleObserver observer = {
  .before_commit = before_commit, .after_commit = after_commit, .closing = closing, .renew = renew
};

/* -- Life ---------------------------------------------------------------------------------------------------------- */

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
  self->evaluators = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_evaluator_unref);
  self->points = dimple_read_points_new (store);
  g_mutex_init (&self->lock);
  g_cond_init (&self->committed);
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
  g_ptr_array_unref (self->evaluators);
  dimple_read_points_free (self->points);
  g_clear_pointer (&self->schema, dimple_schema_unref);
  g_main_context_unref (self->context);
  g_cond_clear (&self->committed);
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

/* -- The main context ---------------------------------------------------------------------------------------------- */

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

/* -- Threads ------------------------------------------------------------------------------------------------------- */

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

/* -- Rows that are kept row by row --------------------------------------------------------------------------------- */

static gboolean
run_statement (DimpleConnection  *reader,
               const char        *sql,
               GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (reader, sql, error);

  return statement != NULL && dimple_statement_run (statement, error);
}

/* The transaction begins with the first page that is read. */
static gboolean
begin_transaction (DimpleConnection  *reader,
                   gint64            *seq,
                   GError           **error)
{
  if (!run_statement (reader, "BEGIN", error))
    return FALSE;
  if (dimple_connection_get_int64 (reader, "SELECT max (seq) FROM dimple_log", 0, seq, error))
    return TRUE;
  run_statement (reader, "ROLLBACK", NULL);
  return FALSE;
}

/* The same commit for both, as another process may make one in between. */
static gboolean
begin_both (DimpleQueryHub    *self,
            DimpleConnection  *reader,
            DimpleReadPoint  **point,
            GError           **error)
{
  gint64 seq;

  while (begin_transaction (reader, &seq, error))
    {
      if (point == NULL)
        return TRUE;
      *point = dimple_read_points_add (self->points);
      if (dimple_read_point_get_seq (*point) == seq)
        return TRUE;
      g_clear_pointer (point, dimple_read_point_unref);
      run_statement (reader, "ROLLBACK", NULL);
    }
  return FALSE;
}

gboolean
dimple_query_hub_enter (DimpleQueryHub    *self,
                        DimpleConnection  *reader,
                        DimpleEvaluator   *evaluator,
                        DimpleReadPoint  **point,
                        DimpleEvaluator   *before,
                        DimpleRowChanges  *missed,
                        GError           **error)
{
  g_autoptr(GMutexLocker) locker = NULL;

  if (evaluator != NULL && !dimple_read_points_prepare (self->points, error))
    return FALSE;
  locker = g_mutex_locker_new (&self->lock);
  while (self->committing)
    g_cond_wait (&self->committed, &self->lock);
  if (!begin_both (self, reader, evaluator != NULL ? point : NULL, error))
    return FALSE;
  if (before != NULL)
    dimple_row_changes_join (missed, dimple_evaluator_peek (before));
  if (evaluator != NULL)
    g_ptr_array_add (self->evaluators, dimple_evaluator_ref (evaluator));
  return TRUE;
}

static void
remove_evaluator (DimpleQueryHub  *self,
                  DimpleEvaluator *evaluator)
{
  g_ptr_array_remove_fast (self->evaluators, evaluator);
  if (self->evaluators->len == 0)
    dimple_read_points_rest (self->points);
}

void
dimple_query_hub_leave (DimpleQueryHub  *self,
                        DimpleEvaluator *evaluator)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  remove_evaluator (self, evaluator);
}

/* Takes what is there; the rows shown are read where they were. */
static void
take_published (DimpleSubscription *subscription,
                DimpleReadPoint    *point)
{
  g_autoptr(DimpleRowChanges) published = NULL;

  if (subscription->evaluator == NULL || !dimple_evaluator_has_published (subscription->evaluator))
    return;
  if (subscription->point == NULL)
    subscription->point = dimple_read_point_ref (point);
  if (subscription->frozen)
    return;
  subscription->changed = FALSE;
  published = dimple_evaluator_take (subscription->evaluator);
  if (subscription->taken == NULL)
    subscription->taken = g_steal_pointer (&published);
  else
    dimple_row_changes_join (subscription->taken, published);
}

/* Under the lock.  FALSE: another process has committed what this one has not heard of yet. */
static gboolean
advance (DimpleQueryHub *self)
{
  g_autoptr(DimpleReadPoint) old = dimple_read_points_ref_head (self->points);

  if (!dimple_read_points_advance (self->points, dimple_store_get_last_seq (self->store)))
    return FALSE;
  self->advancing = FALSE;
  for (guint i = 0; i < self->subscriptions->len; i++)
    {
      DimpleSubscription *subscription = g_ptr_array_index (self->subscriptions, i);

      take_published (subscription, old);
      /* What was shown first in between has nothing newer to show. */
      if (subscription->taken == NULL && !subscription->frozen)
        g_clear_pointer (&subscription->point, dimple_read_point_unref);
    }
  return TRUE;
}

gboolean
dimple_query_hub_advance (DimpleQueryHub *self,
                          gboolean        wait)
{
  g_mutex_lock (&self->lock);
  while (self->advancing)
    {
      while (wait && self->committing)
        g_cond_wait (&self->committed, &self->lock);
      if (self->committing)
        {
          self->must_dispatch = TRUE;
          break;
        }
      if (advance (self))
        break;
      if (!wait)
        {
          self->must_dispatch = TRUE;
          dimple_store_hear_others_soon (self->store);
          break;
        }
      g_mutex_unlock (&self->lock);
      dimple_store_hear_others (self->store);
      g_mutex_lock (&self->lock);
    }
  wait = !self->advancing;
  g_mutex_unlock (&self->lock);
  return wait;
}

DimpleConnection *
dimple_query_hub_begin_reading (DimpleQueryHub  *self,
                                DimpleReadPoint *point)
{
  return dimple_read_points_begin (self->points, point);
}

void
dimple_query_hub_end_reading (DimpleQueryHub *self)
{
  dimple_read_points_end (self->points);
}

/* -- Subscriptions ------------------------------------------------------------------------------------------------- */

DimpleSubscription *
dimple_query_hub_subscribe (DimpleQueryHub         *self,
                            DimpleSubscriptionFunc  func,
                            DimpleSubscriptionFunc  before_close,
                            gpointer                user_data)
{
  DimpleSubscription *subscription = g_atomic_rc_box_new0 (DimpleSubscription);

  subscription->hub = self;
  subscription->func = func;
  subscription->before_close = before_close;
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

  return self->changed || self->taken != NULL;
}

void
dimple_subscription_set_evaluator (DimpleSubscription *self,
                                   DimpleEvaluator    *evaluator,
                                   DimpleReadPoint    *point)
{
  DimpleQueryHub *hub = self->hub;
  g_autoptr(DimpleEvaluator) old = NULL;
  g_autoptr(DimpleReadPoint) old_point = g_steal_pointer (&self->point);

  g_clear_pointer (&self->taken, dimple_row_changes_free);
  g_mutex_lock (&hub->lock);
  old = g_steal_pointer (&self->evaluator);
  if (old != NULL)
    remove_evaluator (hub, old);
  if (evaluator != NULL)
    {
      self->evaluator = dimple_evaluator_ref (evaluator);
      self->changed = dimple_evaluator_has_published (evaluator);
      /* What is read now may be older than what was loaded, as no other query minded. */
      if (!dimple_read_points_begin_at (hub->points, point) || self->changed || hub->committing)
        {
          self->point = dimple_read_point_ref (point);
          hub->advancing = TRUE;
          schedule_dispatch (hub);
        }
    }
  g_mutex_unlock (&hub->lock);
}

DimpleEvaluator *
dimple_subscription_get_evaluator (DimpleSubscription *self)
{
  return self->evaluator;
}

void
dimple_subscription_set_frozen (DimpleSubscription *self,
                                gboolean            frozen)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->hub->lock);

  self->frozen = frozen;
}

DimpleRowChanges *
dimple_subscription_get_changes (DimpleSubscription *self)
{
  return self->taken;
}

DimpleReadPoint *
dimple_subscription_settle (DimpleSubscription *self)
{
  g_clear_pointer (&self->taken, dimple_row_changes_free);
  return g_steal_pointer (&self->point);
}

DimpleReadPoint *
dimple_subscription_ref_point (DimpleSubscription *self)
{
  return self->point != NULL ? dimple_read_point_ref (self->point) : dimple_read_points_ref_head (self->hub->points);
}

DimpleConnection *
dimple_subscription_begin_reading (DimpleSubscription *self)
{
  return dimple_query_hub_begin_reading (self->hub, self->point);
}

void
dimple_subscription_end_reading (DimpleSubscription *self)
{
  dimple_query_hub_end_reading (self->hub);
}
