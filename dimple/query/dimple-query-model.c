/* dimple-query-model.c: the list that a query shows
 *
 * A new result takes the place of the old in one turn of the main loop, with one items-changed for what lies between
 * the first and the last row that is another, and a notify for each column that changed of the rows that somebody
 * holds.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-changes-lookup-private.h"
#include "dimple-query-internal-private.h"

/* Rows that can still be asked for when the store is closed */
#define MAX_COPIED 10000

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
  DimpleConnection *reader = self->hub != NULL && self->sql != NULL ? dimple_store_acquire_reader (self->store, NULL)
                                                                    : NULL;
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

/* -- A new result -------------------------------------------------------------------------------------------------- */

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
show_record (DimpleQuery *self,
             DimpleRows  *rows,
             guint        position,
             GObject     *object)
{
  gsize size;
  const guint8 *record = dimple_rows_get_record (rows, position, &size);

  dimple_row_shape_update (dimple_rows_get_shape (rows), object, record, size);
}

static void
update_object (DimpleQuery *self,
               DimpleRows  *rows,
               guint        position)
{
  g_autoptr(GObject) object = dimple_live_objects_get (self->objects, dimple_rows_get_id (rows, position));

  if (object != NULL)
    show_record (self, rows, position, object);
}

/* Any row may be another: only those matter that somebody holds.  First all are told, then they get their new ids, as
 * one may be what another one was. */
static void
update_all_objects (DimpleQuery            *self,
                    DimpleRows             *rows,
                    const DimpleRowsChange *change)
{
  g_autoptr(GArray) ids = dimple_live_objects_dup_ids (self->objects);
  g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GArray) successors = g_array_new (FALSE, FALSE, sizeof (gint64));

  for (guint i = 0; i < ids->len; i++)
    {
      g_autoptr(GObject) object = dimple_live_objects_get (self->objects, g_array_index (ids, gint64, i));
      gint64 successor;
      guint position;

      if (object == NULL ||
          !dimple_rows_change_find_successor (change, g_array_index (ids, gint64, i), &successor) ||
          !dimple_rows_find_id (rows, successor, &position))
        continue;
      show_record (self, rows, position, object);
      g_array_append_val (successors, successor);
      g_ptr_array_add (objects, g_steal_pointer (&object));
    }
  dimple_live_objects_forget_all (self->objects);
  for (guint i = 0; i < objects->len; i++)
    dimple_live_objects_add (self->objects, g_array_index (successors, gint64, i), g_ptr_array_index (objects, i));
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
      update_all_objects (self, rows, change);
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
replace_rows (DimpleQuery *self,
              DimpleRows  *rows)
{
  g_clear_pointer (&self->rows, dimple_rows_unref);
  self->rows = rows != NULL ? dimple_rows_ref (rows) : NULL;
}

static void
show_rows (DimpleQuery            *self,
           DimpleRows             *rows,
           const DimpleRowsChange *change)
{
  /* While rows tell of their new values, the list is still the old one: nobody sees it changed before it says so. */
  self->is_showing = TRUE;
  update_objects (self, rows, change);
  self->is_showing = FALSE;
  replace_rows (self, rows);
  emit_change (self, change->position, change->n_removed, change->n_added);
}

/* -- What came of a run -------------------------------------------------------------------------------------------- */

static gboolean
check_type (DimpleQuery     *self,
            DimpleQueryRun  *run,
            GError         **error)
{
  return self->type == DIMPLE_TYPE_ROW ||
         dimple_row_shape_check_type (dimple_rows_get_shape (run->rows), self->type, error);
}

/* The rows shown go on being read where they were, those of the run where it read them. */
static void
change_point (DimpleQuery    *self,
              DimpleQueryRun *run)
{
  DimpleKeptRows *old = dimple_kept_rows_of (self->rows), *rows = dimple_kept_rows_of (run->rows);

  if (old != NULL)
    dimple_kept_rows_set_reading (old, NULL, self->hub, run->old_point);
  if (rows != NULL)
    {
      dimple_kept_rows_set_reading (rows, self->subscription, NULL, NULL);
      dimple_evaluator_set_n_rows (run->evaluator, dimple_rows_get_n_rows (run->rows));
    }
  dimple_subscription_set_evaluator (self->subscription, run->evaluator, run->point);
  g_clear_pointer (&run->evaluator, dimple_evaluator_unref);
  g_clear_pointer (&run->point, dimple_read_point_unref);
}

/* Rows that nobody follows any more cannot go on being read. */
static void
keep_copy (DimpleQuery    *self,
           DimpleQueryRun *run)
{
  if (dimple_kept_rows_of (self->rows) == NULL)
    return;
  dimple_kept_rows_set_reading (dimple_kept_rows_of (self->rows), NULL, NULL, NULL);
  dimple_subscription_set_evaluator (self->subscription, NULL, NULL);
  if (run->copy != NULL)
    replace_rows (self, run->copy);
}

void
dimple_query_take_run (DimpleQuery    *self,
                       DimpleQueryRun *run)
{
  g_autoptr(GError) type_error = NULL;

  self->statistics.n_runs++;
  self->statistics.last_duration = run->duration;
  dimple_query_debug_run (self, run);
  dimple_subscription_set_frozen (self->subscription, FALSE);
  if (run->error != NULL || !check_type (self, run, &type_error))
    {
      keep_copy (self, run);
      set_error (self, run->error != NULL ? run->error : type_error);
      return;
    }
  self->statistics.n_rows += dimple_rows_get_n_rows (run->rows);
  change_point (self, run);
  dimple_query_set_plan (self, run->plan);
  dimple_query_set_filter (self, run->filter, run->is_filter_known);
  show_rows (self, run->rows, &run->change);
  set_error (self, NULL);
  set_incremental (self, run->plan->reason == NULL);
}

void
dimple_query_let_go_of_rows (DimpleQuery *self)
{
  g_autoptr(DimpleReadPoint) point = dimple_subscription_ref_point (self->subscription);

  if (dimple_kept_rows_of (self->rows) != NULL)
    dimple_kept_rows_set_reading (dimple_kept_rows_of (self->rows), NULL, self->hub, point);
  dimple_subscription_set_evaluator (self->subscription, NULL, NULL);
}

void
dimple_query_keep_rows (DimpleQuery *self)
{
  g_autoptr(DimpleReadPoint) point = dimple_subscription_ref_point (self->subscription);
  g_autoptr(DimpleRows) copy = NULL;

  if (dimple_kept_rows_of (self->rows) == NULL || dimple_query_count_rows (self) > MAX_COPIED)
    return;
  copy = dimple_kept_rows_copy (dimple_kept_rows_of (self->rows), self->hub, point);
  if (copy == NULL)
    return;
  replace_rows (self, copy);
  dimple_subscription_set_evaluator (self->subscription, NULL, NULL);
}

/* -- What became of single rows ------------------------------------------------------------------------------------ */

typedef struct
{
  GObject    *object;
  gint64      id;          /* from now on */
  GByteArray *record;
} Staying;

static void
staying_clear (gpointer data)
{
  Staying *staying = data;

  g_object_unref (staying->object);
  g_byte_array_unref (staying->record);
}

/* The objects that somebody holds of rows that changed and stay. */
static GArray *
find_staying (DimpleQuery *self,
              GArray      *net)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (Staying));

  g_array_set_clear_func (all, staying_clear);
  for (guint i = 0; i < net->len && !dimple_live_objects_is_empty (self->objects); i++)
    {
      const DimpleRowChange *change = &g_array_index (net, DimpleRowChange, i);
      Staying staying = { NULL, change->to, NULL };

      if (!change->had_row)
        continue;
      if (dimple_kept_rows_stays (dimple_kept_rows_of (self->rows), change))
        staying.object = dimple_live_objects_get (self->objects, change->from);
      if (staying.object == NULL)
        continue;
      staying.record = g_byte_array_new ();
      g_array_append_val (all, staying);
    }
  return all;
}

/* All are read before anybody is told. */
static void
read_staying (DimpleQuery *self,
              GArray      *all)
{
  DimpleConnection *reader = all->len > 0 ? dimple_query_hub_begin_reading (self->hub, NULL) : NULL;

  if (reader == NULL)
    return;
  for (guint i = 0; i < all->len; i++)
    {
      const Staying *staying = &g_array_index (all, Staying, i);

      dimple_kept_rows_read (dimple_kept_rows_of (self->rows), reader, staying->id, staying->record);
    }
  dimple_query_hub_end_reading (self->hub);
}

static void
tell_staying (DimpleQuery *self,
              GArray      *all)
{
  for (guint i = 0; i < all->len; i++)
    {
      const Staying *staying = &g_array_index (all, Staying, i);

      if (staying->record->len > 0)
        dimple_row_shape_update (dimple_rows_get_shape (self->rows), staying->object, staying->record->data,
                                 staying->record->len);
    }
}

/* First all are forgotten, as a row may now be where another one was.  What a LIMIT has pushed out stays forgotten:
 * nobody tells its object of changes any more. */
static void
move_objects (DimpleQuery *self,
              GArray      *net,
              GArray      *gone,
              GArray      *staying)
{
  for (guint i = 0; i < net->len && !dimple_live_objects_is_empty (self->objects); i++)
    if (g_array_index (net, DimpleRowChange, i).had_row)
      dimple_live_objects_forget (self->objects, g_array_index (net, DimpleRowChange, i).from);
  for (guint i = 0; i < gone->len; i++)
    dimple_live_objects_forget (self->objects, g_array_index (gone, gint64, i));
  for (guint i = 0; i < staying->len; i++)
    {
      const Staying *stays = &g_array_index (staying, Staying, i);
      guint position;

      if (dimple_rows_find_id (self->rows, stays->id, &position))
        dimple_live_objects_add (self->objects, stays->id, stays->object);
    }
}

static GArray *
net_changes (DimpleQuery      *self,
             DimpleRowChanges *changes)
{
  return changes->others->len == 0 ? dimple_row_changes_net (changes)
                                   : dimple_changes_look_up (changes, dimple_kept_rows_of (self->rows),
                                                             self->subscription, self->hub);
}

gboolean
dimple_query_show_changes (DimpleQuery      *self,
                           DimpleRowChanges *changes)
{
  g_autoptr(DimpleRows) rows = dimple_rows_ref (self->rows);
  g_autoptr(GArray) net = net_changes (self, changes);
  g_autoptr(GArray) staying = NULL;
  g_autoptr(DimpleReadPoint) old_point = NULL;
  g_auto(DimpleRowsChange) change = { 0, };

  if (net == NULL)
    return FALSE;
  dimple_rows_change_init (&change);
  staying = find_staying (self, net);
  read_staying (self, staying);
  self->is_showing = TRUE;
  dimple_subscription_set_frozen (self->subscription, TRUE);
  tell_staying (self, staying);
  self->is_showing = FALSE;
  /* Whoever was told may have asked for another list. */
  if (self->rows != rows || self->subscription == NULL || self->run != NULL ||
      dimple_subscription_get_changes (self->subscription) != changes)
    return TRUE;
  dimple_subscription_set_frozen (self->subscription, FALSE);
  if (!dimple_kept_rows_apply (dimple_kept_rows_of (rows), net, changes->keys, &change))
    return FALSE;
  move_objects (self, net, change.gone, staying);
  dimple_evaluator_set_n_rows (dimple_subscription_get_evaluator (self->subscription), dimple_rows_get_n_rows (rows));
  self->statistics.n_shown++;
  old_point = dimple_subscription_settle (self->subscription);
  emit_change (self, change.position, change.n_removed, change.n_added);
  return TRUE;
}
