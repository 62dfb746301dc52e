/* dimple-query-model.c: the list that a query shows
 *
 * A new result takes the place of the old in one turn of the main loop, with one items-changed for what lies between the
 * first and the last row that is another, and a notify for each column that changed of the rows that somebody holds.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-query-internal-private.h"

guint
dimple_query_count_rows (DimpleQuery *self)
{
  return self->rows != NULL ? dimple_rows_get_n_rows (self->rows) : 0;
}

GObject *
dimple_query_get_object (DimpleQuery *self,
                         guint        position)
{
  gint64 id = dimple_rows_get_id (self->rows, position);
  GObject *object = dimple_live_objects_get (self->objects, id);
  const guint8 *record;
  gsize size;

  if (object != NULL)
    return object;
  record = dimple_rows_get_record (self->rows, position, &size);
  object = dimple_row_shape_create (dimple_rows_get_shape (self->rows), self->type, record, size);
  dimple_live_objects_add (self->objects, id, object);
  return object;
}

static gpointer
dimple_query_get_item (GListModel *model,
                       guint       position)
{
  DimpleQuery *self = DIMPLE_QUERY (model);

  return position < dimple_query_count_rows (self) ? dimple_query_get_object (self, position) : NULL;
}

static guint
dimple_query_get_n_items (GListModel *model)
{
  return dimple_query_count_rows (DIMPLE_QUERY (model));
}

/* The class of a result that has not been read yet. */
static GType
ask_item_type (DimpleQuery *self)
{
  DimpleConnection *reader = self->hub != NULL && self->sql != NULL ? dimple_store_acquire_reader (self->store, NULL) : NULL;
  g_autoptr(DimpleSchema) schema = NULL;
  sqlite3_stmt *statement = NULL;
  GType type = G_TYPE_INVALID;

  if (reader == NULL)
    return G_TYPE_INVALID;
  schema = dimple_query_hub_ref_schema (self->hub, reader, NULL);
  if (schema != NULL)
    statement = dimple_connection_prepare (reader, self->sql, NULL);
  if (statement != NULL)
    type = dimple_row_shape_get_gtype (dimple_row_shape_for_statement (statement, schema));
  dimple_statement_release (statement);
  dimple_store_release_reader (self->store, reader);
  return type;
}

static GType
dimple_query_get_item_type (GListModel *model)
{
  DimpleQuery *self = DIMPLE_QUERY (model);

  if (self->type != DIMPLE_TYPE_ROW)
    return self->type;
  if (self->item_type == G_TYPE_INVALID)
    self->item_type = self->rows != NULL ? dimple_row_shape_get_gtype (dimple_rows_get_shape (self->rows))
                                           : ask_item_type (self);
  return self->item_type != G_TYPE_INVALID ? self->item_type : DIMPLE_TYPE_ROW;
}

void
dimple_query_list_model_init (GListModelInterface *iface)
{
  iface->get_item = dimple_query_get_item;
  iface->get_n_items = dimple_query_get_n_items;
  iface->get_item_type = dimple_query_get_item_type;
}

/* -- A new result --------------------------------------------------------------------------------------------------- */

static void
set_error (DimpleQuery  *self,
           const GError *error)
{
  if (self->error == NULL && error == NULL)
    return;
  g_clear_error (&self->error);
  self->error = error != NULL ? g_error_copy (error) : NULL;
  dimple_query_notify (self, DIMPLE_QUERY_PROP_ERROR);
}

static void
set_incremental (DimpleQuery *self,
                 gboolean     incremental)
{
  if (self->incremental == incremental)
    return;
  self->incremental = incremental;
  dimple_query_notify (self, DIMPLE_QUERY_PROP_INCREMENTAL);
}

void
dimple_query_set_plan (DimpleQuery     *self,
                       DimpleQueryPlan *plan)
{
  if (self->plan == plan)
    return;
  g_clear_pointer (&self->plan, dimple_query_plan_unref);
  self->plan = plan != NULL ? dimple_query_plan_ref (plan) : NULL;
  dimple_subscription_set_plan (self->subscription, plan);
}

static void
update_object (DimpleQuery *self,
               DimpleRows  *rows,
               guint        position)
{
  g_autoptr(GObject) object = dimple_live_objects_get (self->objects, dimple_rows_get_id (rows, position));
  const guint8 *record;
  gsize size;

  if (object == NULL)
    return;
  record = dimple_rows_get_record (rows, position, &size);
  dimple_row_shape_update (dimple_rows_get_shape (rows), object, record, size);
}

/* Any row may be another: only those matter that somebody holds. */
static void
update_all_objects (DimpleQuery *self,
                    DimpleRows  *rows)
{
  g_autoptr(GArray) ids = dimple_live_objects_dup_ids (self->objects);

  for (guint i = 0; i < ids->len; i++)
    {
      gint64 id = g_array_index (ids, gint64, i);
      guint position;

      if (dimple_rows_find_id (rows, id, &position))
        update_object (self, rows, position);
      else
        dimple_live_objects_forget (self->objects, id);
    }
}

void
dimple_query_set_filter (DimpleQuery     *self,
                         DimpleRowFilter *filter,
                         gboolean         is_known)
{
  self->is_filter_known = is_known;
  if (self->filter == filter)
    return;
  g_clear_pointer (&self->filter, dimple_row_filter_unref);
  self->filter = filter != NULL ? dimple_row_filter_ref (filter) : NULL;
  if (self->subscription != NULL)
    dimple_subscription_set_filter (self->subscription, filter);
}

/* The objects that somebody holds of rows that stayed. */
static void
update_objects (DimpleQuery            *self,
                DimpleRows             *rows,
                const DimpleRowsChange *change)
{
  if (dimple_live_objects_is_empty (self->objects))
    return;
  if (change->any_updated)
    {
      update_all_objects (self, rows);
      return;
    }
  for (guint i = 0; i < change->updated->len; i++)
    update_object (self, rows, g_array_index (change->updated, guint, i));
  for (guint i = 0; i < change->gone->len; i++)
    dimple_live_objects_forget (self->objects, g_array_index (change->gone, gint64, i));
}

/* Tells of the rows that are others now; the list has them already. */
static void
emit_change (DimpleQuery *self,
             guint        position,
             guint        n_removed,
             guint        n_added)
{
  g_autoptr(GObject) first = NULL;

  if (n_removed == 0 && n_added == 0)
    return;
  dimple_query_debug_change (self, position, n_removed, n_added);
  g_list_model_items_changed (G_LIST_MODEL (self), position, n_removed, n_added);
  if (n_removed != n_added)
    dimple_query_notify (self, DIMPLE_QUERY_PROP_N_ITEMS);
  if (position > 0)
    return;
  first = g_steal_pointer (&self->first);
  dimple_query_notify (self, DIMPLE_QUERY_PROP_FIRST);
}

static void
show_rows (DimpleQuery            *self,
           DimpleRows             *rows,
           const DimpleRowsChange *change)
{
  /* While rows tell of their new values, the list is still the old one: nobody sees it changed before it says so. */
  update_objects (self, rows, change);
  g_clear_pointer (&self->rows, dimple_rows_unref);
  self->rows = dimple_rows_ref (rows);
  emit_change (self, change->position, change->n_removed, change->n_added);
}

static gboolean
check_type (DimpleQuery     *self,
            DimpleQueryRun  *run,
            GError         **error)
{
  return self->type == DIMPLE_TYPE_ROW ||
         dimple_row_shape_check_type (dimple_rows_get_shape (run->rows), self->type, error);
}

void
dimple_query_take_run (DimpleQuery    *self,
                       DimpleQueryRun *run)
{
  g_autoptr(GError) type_error = NULL;

  self->statistics.n_runs++;
  self->statistics.last_duration = run->duration;
  dimple_query_debug_run (self, run);
  if (run->error != NULL || !check_type (self, run, &type_error))
    set_error (self, run->error != NULL ? run->error : type_error);
  else
    {
      self->statistics.n_rows += dimple_rows_get_n_rows (run->rows);
      dimple_query_set_plan (self, run->plan);
      dimple_query_set_filter (self, run->filter, run->is_filter_known);
      show_rows (self, run->rows, &run->change);
      set_error (self, NULL);
      set_incremental (self, run->plan->reason == NULL);
    }
}
