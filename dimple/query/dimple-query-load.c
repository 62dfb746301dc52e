/* dimple-query-load.c: when a query is read, and when it is up to date
 *
 * One run at a time is made in another thread.  Commits while it is under way lead to one more after it; a query that
 * asks for something else now drops it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-query-internal-private.h"

#include "dimple-debug-private.h"
#include "dimple-profile-private.h"

static void start_run (DimpleQuery *self);

void
dimple_query_set_loading (DimpleQuery *self,
                          gboolean     loading)
{
  if (self->loading == loading)
    return;
  self->loading = loading;
  dimple_query_notify (self, DIMPLE_QUERY_PROP_LOADING);
}

static gboolean
is_settled (DimpleQuery *self)
{
  /* Without a store or SQL there is nothing to wait for. */
  return self->hub == NULL || self->sql == NULL ||
         (self->run == NULL && self->start == NULL && !self->is_asked_anew &&
          !dimple_subscription_is_changed (self->subscription));
}

/* From here on its cancellable holds it no more. */
static void
return_load (GTask        *task,
             const GError *error)
{
  GSource *source = g_task_get_task_data (task);

  if (source != NULL)
    g_source_destroy (source);
  if (g_task_return_error_if_cancelled (task))
    return;
  if (error != NULL)
    g_task_return_error (task, g_error_copy (error));
  else
    g_task_return_boolean (task, TRUE);
}

/* Tells those who wait for it that everything committed is shown, or why it is not. */
static void
complete_loads (DimpleQuery *self)
{
  g_autoptr(GPtrArray) loads = NULL;

  if (self->loads->len == 0 || !is_settled (self))
    return;
  loads = g_steal_pointer (&self->loads);
  self->loads = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < loads->len; i++)
    return_load (g_ptr_array_index (loads, i), self->error);
}

/* Until the run is there, the rows that are kept row by row stay as they are. */
static void
freeze_rows (DimpleQuery    *self,
             DimpleQueryRun *run)
{
  DimpleEvaluator *evaluator = dimple_subscription_get_evaluator (self->subscription);
  DimpleRowChanges *changes = dimple_subscription_get_changes (self->subscription);

  dimple_subscription_set_frozen (self->subscription, TRUE);
  run->old_plan = dimple_query_plan_ref (dimple_kept_rows_get_plan (dimple_kept_rows_of (self->rows)));
  run->old_evaluator = evaluator != NULL ? dimple_evaluator_ref (evaluator) : NULL;
  run->old_point = dimple_subscription_ref_point (self->subscription);
  if (changes != NULL)
    dimple_row_changes_join (run->taken, changes);
}

static DimpleQueryRun *
new_run (DimpleQuery *self)
{
  DimpleQueryRun *run = dimple_query_run_new (self->hub, self->sql, self->parameters);

  /* From here on what is committed may not be in it. */
  dimple_subscription_take_changed (self->subscription);
  self->is_asked_anew = FALSE;
  run->section_column = g_strdup (self->section_column);
  run->plan = self->plan != NULL ? dimple_query_plan_ref (self->plan) : NULL;
  run->filter = self->filter != NULL ? dimple_row_filter_ref (self->filter) : NULL;
  run->is_filter_known = self->is_filter_known;
  run->old = self->rows != NULL ? dimple_rows_ref (self->rows) : NULL;
  if (dimple_kept_rows_of (self->rows) != NULL)
    freeze_rows (self, run);
  return run;
}

static void
drop_run (DimpleQuery *self)
{
  if (self->run == NULL)
    return;
  self->statistics.n_dropped++;
  dimple_query_run_drop (self->run);
  g_clear_pointer (&self->run, dimple_query_run_unref);
}

static void
drop_start (DimpleQuery *self)
{
  if (self->start == NULL)
    return;
  g_source_destroy (self->start);
  g_clear_pointer (&self->start, g_source_unref);
}

static void
run_done (DimpleQueryRun *run,
          gpointer        user_data)
{
  g_autoptr(DimpleQuery) self = g_object_ref (DIMPLE_QUERY (user_data));
  gint64 start = dimple_debug_start (), mark = dimple_profile_begin ();

  g_clear_pointer (&self->run, dimple_query_run_unref);
  dimple_query_take_run (self, run);
  dimple_query_debug_slow (self, "showing a live query", start);
  dimple_profile_end (mark, "query shown", run->sql);
  /* Several commits meanwhile are one run more. */
  if (self->subscription != NULL && dimple_subscription_is_changed (self->subscription) &&
      dimple_subscription_get_evaluator (self->subscription) == NULL)
    start_run (self);
  if (self->run == NULL && !self->is_asked_anew)
    dimple_query_set_loading (self, FALSE);
  complete_loads (self);
}

static void
start_run (DimpleQuery *self)
{
  drop_start (self);
  if (self->hub == NULL || self->sql == NULL)
    return;
  /* It may end: the commits since are seen then. */
  if (self->run != NULL)
    return;
  self->run = new_run (self);
  dimple_query_run_start (self->run, self->context, run_done, self);
}

static gboolean
on_start (gpointer user_data)
{
  start_run (user_data);
  return G_SOURCE_REMOVE;
}

/* What was committed is shown at once where it is known which rows changed. */
static gboolean
catch_up (DimpleQuery *self)
{
  DimpleRowChanges *changes;

  if (dimple_kept_rows_of (self->rows) == NULL || self->run != NULL || self->is_asked_anew ||
      dimple_subscription_get_evaluator (self->subscription) == NULL)
    return FALSE;
  changes = dimple_subscription_get_changes (self->subscription);
  if (changes != NULL && changes->lost)
    return FALSE;
  return changes == NULL || dimple_query_show_changes (self, changes);
}

static void
on_changed (gpointer user_data)
{
  g_autoptr(DimpleQuery) self = g_object_ref (DIMPLE_QUERY (user_data));
  gint64 start = dimple_debug_start (), mark = dimple_profile_begin ();

  if (self->is_showing)
    return;
  if (!catch_up (self))
    start_run (self);
  else
    {
      dimple_query_debug_slow (self, "showing a live query", start);
      dimple_profile_end (mark, "query shown", self->sql);
    }
  complete_loads (self);
}

static void
on_closing (gpointer user_data)
{
  dimple_query_keep_rows (user_data);
}

void
dimple_query_ask_anew (DimpleQuery *self)
{
  self->is_asked_anew = TRUE;
  /* What was asked for before is not wanted any more, and says nothing of which rows matter. */
  drop_run (self);
  dimple_query_set_filter (self, NULL, FALSE);
  if (self->hub == NULL || self->sql == NULL)
    {
      dimple_query_set_loading (self, FALSE);
      complete_loads (self);
      return;
    }
  dimple_query_set_loading (self, TRUE);
  if (self->start == NULL)
    self->start = dimple_query_hub_schedule (self->hub, G_PRIORITY_HIGH, "[dimple] start of a live query", on_start,
                                             self);
}

void
dimple_query_connect (DimpleQuery *self)
{
  if (self->store == NULL)
    return;
  self->hub = dimple_query_hub_get (self->store, self->context);
  self->subscription = dimple_query_hub_subscribe (self->hub, on_changed, on_closing, self);
}

void
dimple_query_disconnect (DimpleQuery *self)
{
  drop_start (self);
  drop_run (self);
  if (self->subscription != NULL)
    dimple_query_let_go_of_rows (self);
  g_clear_pointer (&self->subscription, dimple_subscription_end);
  g_clear_pointer (&self->hub, dimple_query_hub_unref);
}

static void
run_now (DimpleQuery *self)
{
  g_autoptr(DimpleQueryRun) run = NULL;

  drop_start (self);
  drop_run (self);
  run = new_run (self);
  dimple_query_run_execute (run);
  dimple_query_take_run (self, run);
  if (!self->is_asked_anew)
    dimple_query_set_loading (self, FALSE);
}

/**
 * dimple_query_refresh:
 * @self: a query
 *
 * Blocks until the list shows every commit made so far, and emits now what changed.  So a row that was just inserted
 * can be found and selected:
 *
 * ```c
 * key = dimple_store_insert (store, "note", values, &error);
 * dimple_query_refresh (query);
 * if (dimple_query_find (query, key, &position))
 *   gtk_single_selection_set_selected (selection, position);
 * ```
 *
 * Where nothing changed this costs nothing.  It needs no main loop.  Inside a transaction of this thread the list shows
 * the last commit, without what the transaction did so far.
 */
void
dimple_query_refresh (DimpleQuery *self)
{
  g_autoptr(DimpleQuery) kept = NULL;
  gint64 start = dimple_debug_start (), mark = dimple_profile_begin ();

  g_return_if_fail (DIMPLE_IS_QUERY (self));

  if (is_settled (self))
    return;
  kept = g_object_ref (self);
  if (self->is_showing)
    return;
  dimple_query_hub_advance (self->hub, TRUE);
  if (!catch_up (self))
    run_now (self);
  dimple_query_debug_slow (self, "refreshing a live query", start);
  dimple_profile_end (mark, "query refreshed", self->sql);
  complete_loads (self);
}

static gboolean
on_load_cancelled (GCancellable *cancellable,
                   gpointer      user_data)
{
  GTask *task = user_data;
  DimpleQuery *self = g_task_get_source_object (task);

  if (g_ptr_array_find (self->loads, task, NULL))
    {
      return_load (task, NULL);
      g_ptr_array_remove (self->loads, task);
    }
  return G_SOURCE_REMOVE;
}

/**
 * dimple_query_load_async:
 * @self: a query
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the list shows every commit made before this call
 * @user_data: for @callback
 *
 * Waits, without blocking, until the list shows every commit made so far.
 */
void
dimple_query_load_async (DimpleQuery         *self,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (DIMPLE_IS_QUERY (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, dimple_query_load_async);
  if (cancellable != NULL)
    {
      GSource *source = g_cancellable_source_new (cancellable);

      g_task_attach_source (task, source, G_SOURCE_FUNC (on_load_cancelled));
      g_task_set_task_data (task, source, (GDestroyNotify) g_source_unref);
    }
  g_ptr_array_add (self->loads, g_steal_pointer (&task));
  complete_loads (self);
  if (self->loads->len > 0 && self->start == NULL)
    start_run (self);
}

/**
 * dimple_query_load_finish:
 * @self: a query
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Dimple.Query.load_async].
 *
 * Fails with the query's [property@Dimple.Query:error], if it has one, and with %G_IO_ERROR_CANCELLED.
 *
 * Returns: %TRUE if the list shows what was committed
 */
gboolean
dimple_query_load_finish (DimpleQuery   *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (DIMPLE_IS_QUERY (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
