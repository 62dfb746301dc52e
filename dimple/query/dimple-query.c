/* dimple-query.c: a live result of SQL as a list model
 *
 * The list is always the result at one commit.  Commits that matter lead to a new one, made in another thread; it takes the
 * place of the old in one turn of the main loop, with one items-changed for what lies between the first and the last row
 * that is another, and a notify for each column that changed of the rows that somebody holds.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-query.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-live-objects-private.h"
#include "dimple-query-explain-private.h"
#include "dimple-query-run-private.h"
#include "dimple-row.h"
#include "dimple-store.h"

/**
 * DimpleQuery:
 *
 * The result of a SELECT as a [iface@Gio.ListModel] that follows the database.
 *
 * ```c
 * DimpleQuery *notes = dimple_query_new (store, "SELECT key, title FROM note WHERE folder = ? ORDER BY title",
 *                                        g_variant_new ("(s)", "Inbox"));
 * ```
 *
 * The items are [class@Dimple.Row] objects, with one property for each column, or objects of a class of the app's own.
 * They are made when somebody asks for them and are gone when nobody holds them; as long as somebody does, a row has the
 * same object, wherever it moves.
 *
 * A query loads by itself, without blocking: it is empty and [property@Dimple.Query:loading] until its rows are there.
 * [method@Dimple.Query.refresh] blocks until they are, and until what was just committed is in them.
 *
 * Whatever is committed, by this process, another one or a sync, is shown a main-loop turn later: with one
 * [signal@Gio.ListModel::items-changed] at most, from the first to the last row that came, went or moved, and with
 * `notify` of just those properties of the row objects whose columns changed.  Work that is rolled back is never seen.
 * Changes that cannot matter to the query, of other tables or columns, cost nothing.
 *
 * Rows are the same if they have the same key: for this, the key columns of a table should be in the result.  A result
 * without any, such as `SELECT count (*) AS n FROM note`, keeps its objects by position.
 *
 * A query belongs to the thread-default main context in which it was made: its signals are emitted there, and it may only
 * be used there.
 */

struct _DimpleQuery
{
  GObject             parent_instance;

  /* What was asked for. */
  DimpleStore        *store;            /* (nullable) */
  char               *sql;              /* (nullable) */
  GVariant           *parameters;       /* (nullable) */
  GType               type;             /* DIMPLE_TYPE_ROW: the result's own */
  char               *section_column;   /* (nullable) */
  GMainContext       *context;

  /* What is shown. */
  DimpleQueryPlan    *plan;             /* (nullable) of `sql` */
  DimpleResult       *result;           /* (nullable) */
  DimpleLiveObjects  *objects;
  GObject            *first;            /* (nullable) held once somebody asked */
  GType               item_type;        /* G_TYPE_INVALID until somebody asked */
  GError             *error;            /* (nullable) */
  GString            *key;              /* of the last get_key() */
  DimpleQueryStatistics statistics;

  /* What is under way. */
  DimpleQueryHub     *hub;              /* (nullable) */
  DimpleSubscription *subscription;     /* (nullable) */
  DimpleQueryRun     *run;              /* (nullable) */
  GSource            *start;            /* (nullable) will start a run */
  gboolean            is_asked_anew;    /* store, SQL or parameters are not those of the last run */
  gboolean            loading;
  GPtrArray          *loads;            /* of GTask */
};

enum
{
  PROP_0,
  PROP_STORE,
  PROP_SQL,
  PROP_PARAMETERS,
  PROP_ITEM_TYPE,
  PROP_N_ITEMS,
  PROP_FIRST,
  PROP_LOADING,
  PROP_ERROR,
  PROP_INCREMENTAL,
  PROP_SECTION_COLUMN,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static void dimple_query_list_model_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (DimpleQuery, dimple_query, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, dimple_query_list_model_init))

static void start_run (DimpleQuery *self);

/* -- The list ------------------------------------------------------------------------------------------------------- */

static guint
count_rows (DimpleQuery *self)
{
  return self->result != NULL ? dimple_result_get_n_rows (self->result) : 0;
}

static GObject *
get_object (DimpleQuery *self,
            guint        position)
{
  gint64 id = dimple_result_get_id (self->result, position);
  GObject *object = dimple_live_objects_get (self->objects, id);
  const guint8 *record;
  gsize size;

  if (object != NULL)
    return object;
  record = dimple_result_get_record (self->result, position, &size);
  object = dimple_row_shape_create (dimple_result_get_shape (self->result), self->type, record, size);
  dimple_live_objects_add (self->objects, id, object);
  return object;
}

static gpointer
dimple_query_get_item (GListModel *model,
                       guint       position)
{
  DimpleQuery *self = DIMPLE_QUERY (model);

  return position < count_rows (self) ? get_object (self, position) : NULL;
}

static guint
dimple_query_get_n_items (GListModel *model)
{
  return count_rows (DIMPLE_QUERY (model));
}

/* The class of a result that has not been read yet. */
static GType
ask_item_type (DimpleQuery *self)
{
  DimpleConnection *reader;
  sqlite3_stmt *statement;
  GType type = G_TYPE_INVALID;

  reader = self->store != NULL && self->sql != NULL ? dimple_store_acquire_reader (self->store, NULL) : NULL;
  if (reader == NULL)
    return G_TYPE_INVALID;
  statement = dimple_connection_prepare (reader, self->sql, NULL);
  if (statement != NULL)
    {
      g_autoptr(DimpleSchema) schema = dimple_query_hub_ref_schema (self->hub, reader, NULL);

      if (schema != NULL)
        type = dimple_row_shape_get_gtype (dimple_row_shape_for_statement (statement, schema));
      dimple_statement_release (statement);
    }
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
    self->item_type = self->result != NULL ? dimple_row_shape_get_gtype (dimple_result_get_shape (self->result))
                                           : ask_item_type (self);
  return self->item_type != G_TYPE_INVALID ? self->item_type : DIMPLE_TYPE_ROW;
}

static void
dimple_query_list_model_init (GListModelInterface *iface)
{
  iface->get_item = dimple_query_get_item;
  iface->get_n_items = dimple_query_get_n_items;
  iface->get_item_type = dimple_query_get_item_type;
}

/* -- A new result --------------------------------------------------------------------------------------------------- */

static void
set_loading (DimpleQuery *self,
             gboolean     loading)
{
  if (self->loading == loading)
    return;
  self->loading = loading;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LOADING]);
}

static void
set_error (DimpleQuery  *self,
           const GError *error)
{
  if (self->error == NULL && error == NULL)
    return;
  g_clear_error (&self->error);
  self->error = error != NULL ? g_error_copy (error) : NULL;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ERROR]);
}

static void
set_plan (DimpleQuery     *self,
          DimpleQueryPlan *plan)
{
  if (self->plan == plan)
    return;
  g_clear_pointer (&self->plan, dimple_query_plan_unref);
  self->plan = plan != NULL ? dimple_query_plan_ref (plan) : NULL;
  dimple_subscription_set_plan (self->subscription, plan);
}

static gboolean
is_settled (DimpleQuery *self)
{
  return self->run == NULL && self->start == NULL && !self->is_asked_anew &&
         (self->subscription == NULL || !dimple_subscription_is_changed (self->subscription));
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
    {
      GTask *task = g_ptr_array_index (loads, i);

      if (g_task_return_error_if_cancelled (task))
        continue;
      if (self->error != NULL)
        g_task_return_error (task, g_error_copy (self->error));
      else
        g_task_return_boolean (task, TRUE);
    }
}

/* The objects that somebody holds of rows that stayed. */
static void
update_objects (DimpleQuery              *self,
                DimpleResult             *result,
                const DimpleResultChange *change)
{
  if (dimple_live_objects_is_empty (self->objects))
    return;
  for (guint i = 0; i < change->updated->len; i++)
    {
      guint position = g_array_index (change->updated, guint, i);
      g_autoptr(GObject) object = dimple_live_objects_get (self->objects, dimple_result_get_id (result, position));
      const guint8 *record;
      gsize size;

      if (object == NULL)
        continue;
      record = dimple_result_get_record (result, position, &size);
      dimple_row_shape_update (dimple_result_get_shape (result), object, record, size);
    }
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
  g_list_model_items_changed (G_LIST_MODEL (self), position, n_removed, n_added);
  if (n_removed != n_added)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_N_ITEMS]);
  if (position > 0)
    return;
  first = g_steal_pointer (&self->first);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_FIRST]);
}

static void
show_result (DimpleQuery              *self,
             DimpleResult             *result,
             const DimpleResultChange *change)
{
  /* While rows tell of their new values, the list is still the old one: nobody sees it changed before it says so. */
  update_objects (self, result, change);
  g_clear_pointer (&self->result, dimple_result_unref);
  self->result = dimple_result_ref (result);
  emit_change (self, change->position, change->n_removed, change->n_added);
}

static gboolean
check_type (DimpleQuery     *self,
            DimpleQueryRun  *run,
            GError         **error)
{
  return self->type == DIMPLE_TYPE_ROW ||
         dimple_row_shape_check_type (dimple_result_get_shape (run->result), self->type, error);
}

static void
take_run (DimpleQuery    *self,
          DimpleQueryRun *run)
{
  g_autoptr(GError) type_error = NULL;
  gboolean was_incremental = self->plan != NULL && self->plan->reason == NULL;

  self->statistics.n_runs++;
  self->statistics.last_duration = run->duration;
  if (run->error != NULL || !check_type (self, run, &type_error))
    set_error (self, run->error != NULL ? run->error : type_error);
  else
    {
      set_plan (self, run->plan);
      show_result (self, run->result, &run->change);
      set_error (self, NULL);
    }
  if (was_incremental != (self->plan != NULL && self->plan->reason == NULL))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_INCREMENTAL]);
}

/* -- Running -------------------------------------------------------------------------------------------------------- */

static DimpleQueryRun *
new_run (DimpleQuery *self)
{
  DimpleQueryRun *run = dimple_query_run_new (self->hub, self->sql, self->parameters);

  /* From here on what is committed may not be in it. */
  dimple_subscription_take_changed (self->subscription);
  self->is_asked_anew = FALSE;
  run->section_column = g_strdup (self->section_column);
  run->plan = self->plan != NULL ? dimple_query_plan_ref (self->plan) : NULL;
  run->old = self->result != NULL ? dimple_result_ref (self->result) : NULL;
  return run;
}

static void
drop_run (DimpleQuery *self)
{
  if (self->run == NULL)
    return;
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

  g_clear_pointer (&self->run, dimple_query_run_unref);
  take_run (self, run);
  /* Several commits meanwhile are one run more. */
  if (self->subscription != NULL && dimple_subscription_is_changed (self->subscription))
    start_run (self);
  if (self->run == NULL && !self->is_asked_anew)
    set_loading (self, FALSE);
  complete_loads (self);
}

static void
start_run (DimpleQuery *self)
{
  drop_start (self);
  if (self->hub == NULL || self->sql == NULL)
    return;
  /* One that has not been overtaken may end: the commits since are seen then. */
  if (self->run != NULL && !self->is_asked_anew)
    return;
  drop_run (self);
  self->run = new_run (self);
  dimple_query_run_start (self->run, self->context, run_done, self);
}

static gboolean
on_start (gpointer user_data)
{
  start_run (user_data);
  return G_SOURCE_REMOVE;
}

static void
on_changed (gpointer user_data)
{
  start_run (user_data);
}

/* The store, the SQL or the parameters are others: several may be set before it is run. */
static void
ask_anew (DimpleQuery *self)
{
  self->is_asked_anew = TRUE;
  if (self->hub == NULL || self->sql == NULL)
    return;
  set_loading (self, TRUE);
  if (self->start != NULL)
    return;
  self->start = g_idle_source_new ();
  g_source_set_priority (self->start, G_PRIORITY_HIGH);
  g_source_set_static_name (self->start, "[dimple] start of a live query");
  g_source_set_callback (self->start, on_start, self, NULL);
  g_source_attach (self->start, self->context);
}

/**
 * dimple_query_refresh:
 * @self: a query
 *
 * Blocks until the list shows every commit made so far, and emits now what changed.  So a row that was just inserted can
 * be found and selected:
 *
 * ```c
 * key = dimple_store_insert (store, "note", values, &error);
 * dimple_query_refresh (query);
 * if (dimple_query_find (query, key, &position))
 *   gtk_single_selection_set_selected (selection, position);
 * ```
 *
 * Where nothing changed this costs nothing.  It needs no main loop.  Inside a transaction of this thread the list shows the
 * last commit, without what the transaction did so far.
 */
void
dimple_query_refresh (DimpleQuery *self)
{
  g_autoptr(DimpleQueryRun) run = NULL;
  g_autoptr(DimpleQuery) kept = NULL;

  g_return_if_fail (DIMPLE_IS_QUERY (self));

  if (self->hub == NULL || self->sql == NULL || is_settled (self))
    return;
  kept = g_object_ref (self);
  drop_start (self);
  drop_run (self);
  run = new_run (self);
  dimple_query_run_execute (run);
  take_run (self, run);
  if (!self->is_asked_anew)
    set_loading (self, FALSE);
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
      g_task_return_error_if_cancelled (task);
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
      g_autoptr(GSource) source = g_cancellable_source_new (cancellable);

      g_task_attach_source (task, source, G_SOURCE_FUNC (on_load_cancelled));
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

/* -- What is asked for ---------------------------------------------------------------------------------------------- */

static void
set_store (DimpleQuery *self,
           DimpleStore *store)
{
  if (self->store == store)
    return;

  drop_start (self);
  drop_run (self);
  g_clear_pointer (&self->subscription, dimple_subscription_end);
  g_clear_pointer (&self->hub, dimple_query_hub_unref);
  g_clear_pointer (&self->plan, dimple_query_plan_unref);
  g_set_object (&self->store, store);
  if (store != NULL)
    {
      self->hub = dimple_query_hub_get (store, self->context);
      self->subscription = dimple_query_hub_subscribe (self->hub, on_changed, self);
    }
  ask_anew (self);
  if (store == NULL)
    set_loading (self, FALSE);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STORE]);
}

/**
 * dimple_query_set_sql:
 * @self: a query
 * @sql: (nullable): a SELECT
 *
 * Sets the SELECT, such as the same one with another ORDER BY or WHERE.  What stays in the result keeps its objects, and
 * only the difference is emitted, a little later.
 */
void
dimple_query_set_sql (DimpleQuery *self,
                      const char  *sql)
{
  g_return_if_fail (DIMPLE_IS_QUERY (self));

  if (g_strcmp0 (self->sql, sql) == 0)
    return;

  g_free (self->sql);
  self->sql = g_strdup (sql);
  if (self->subscription != NULL)
    set_plan (self, NULL);
  ask_anew (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SQL]);
}

static gboolean
are_equal (GVariant *a,
           GVariant *b)
{
  return a == b || (a != NULL && b != NULL && g_variant_equal (a, b));
}

/**
 * dimple_query_set_parameters:
 * @self: a query
 * @parameters: (nullable): a tuple for `?`, an `a{sv}` for `:name`, one plain value for one `?`, or %NULL for none
 *
 * Sets the values of the parameters of the SELECT, as for a search that is being typed.  What stays in the result keeps its
 * objects, and only the difference is emitted, a little later.
 */
void
dimple_query_set_parameters (DimpleQuery *self,
                             GVariant    *parameters)
{
  g_autoptr(GVariant) sunk = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;

  g_return_if_fail (DIMPLE_IS_QUERY (self));

  if (are_equal (self->parameters, parameters))
    return;

  g_clear_pointer (&self->parameters, g_variant_unref);
  self->parameters = g_steal_pointer (&sunk);
  ask_anew (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PARAMETERS]);
}

/* -- Asking --------------------------------------------------------------------------------------------------------- */

/**
 * dimple_query_find:
 * @self: a query
 * @key: the key of a row, as [method@Dimple.Row.get_key] gives it
 * @position: (out) (optional): return location for its position
 *
 * Finds a row by its key, without making its object.  Where the key comes several times, the first is found.
 *
 * Returns: %TRUE if there is such a row
 */
gboolean
dimple_query_find (DimpleQuery *self,
                   const char  *key,
                   guint       *position)
{
  guint found = 0;

  g_return_val_if_fail (DIMPLE_IS_QUERY (self), FALSE);
  g_return_val_if_fail (key != NULL, FALSE);

  if (self->result == NULL || !dimple_result_find (self->result, key, &found))
    return FALSE;
  if (position != NULL)
    *position = found;
  return TRUE;
}

/**
 * dimple_query_get_key:
 * @self: a query
 * @position: a position
 *
 * Gets the key of a row, without making its object: to delete the 5,000 that are selected, for example.
 *
 * Returns: (nullable) (transfer none): the key, valid until the next call; %NULL if there is no such row, or if the result
 *   lacks a column of the key
 */
const char *
dimple_query_get_key (DimpleQuery *self,
                      guint        position)
{
  const guint8 *record;
  gsize size;

  g_return_val_if_fail (DIMPLE_IS_QUERY (self), NULL);

  if (position >= count_rows (self))
    return NULL;
  g_string_truncate (self->key, 0);
  record = dimple_result_get_record (self->result, position, &size);
  return dimple_row_shape_append_key (dimple_result_get_shape (self->result), record, self->key) ? self->key->str : NULL;
}

/**
 * dimple_query_get_first:
 * @self: a query
 *
 * Gets the object of the first row.  For a query of one row this is a live value: the count of `SELECT count (*) AS n`,
 * or the note that an editor shows.
 *
 * Returns: (transfer none) (nullable): the object, which stays as long as the row is the first one
 */
GObject *
dimple_query_get_first (DimpleQuery *self)
{
  g_return_val_if_fail (DIMPLE_IS_QUERY (self), NULL);

  if (self->first == NULL && count_rows (self) > 0)
    self->first = get_object (self, 0);
  return self->first;
}

/* The index of the section column in the result, or -1. */
static int
find_section_column (DimpleQuery *self)
{
  const char * const *columns;

  if (self->section_column == NULL || self->result == NULL)
    return -1;
  columns = dimple_row_shape_get_columns (dimple_result_get_shape (self->result));
  for (int i = 0; columns[i] != NULL; i++)
    if (g_ascii_strcasecmp (columns[i], self->section_column) == 0)
      return i;
  return -1;
}

static gboolean
have_equal_values (DimpleQuery *self,
                   int          column,
                   guint        a,
                   guint        b)
{
  DimpleValue a_value, b_value;
  gsize size;

  dimple_record_read (dimple_record_skip (dimple_result_get_record (self->result, a, &size), (guint) column), &a_value);
  dimple_record_read (dimple_record_skip (dimple_result_get_record (self->result, b, &size), (guint) column), &b_value);
  return dimple_value_equal (&a_value, &b_value);
}

/**
 * dimple_query_get_section:
 * @self: a query
 * @position: a position
 * @start: (out): return location for the position of the first row of the section
 * @end: (out): return location for the position after its last row
 *
 * Gets the section that a row is in: the rows around it with the same value of
 * [property@Dimple.Query:section-column].  Without a section column all rows are one section; outside the list @start is
 * its end and @end is %G_MAXUINT, as GtkSectionModel has it.
 */
void
dimple_query_get_section (DimpleQuery *self,
                          guint        position,
                          guint       *start,
                          guint       *end)
{
  guint n_rows;
  int column;

  g_return_if_fail (DIMPLE_IS_QUERY (self));
  g_return_if_fail (start != NULL);
  g_return_if_fail (end != NULL);

  n_rows = count_rows (self);
  column = find_section_column (self);
  *start = position < n_rows ? 0 : n_rows;
  *end = position < n_rows ? n_rows : G_MAXUINT;
  if (position >= n_rows || column < 0)
    return;
  for (*start = position; *start > 0 && have_equal_values (self, column, *start - 1, position); --*start)
    ;
  for (*end = position + 1; *end < n_rows && have_equal_values (self, column, *end, position); ++*end)
    ;
}

/**
 * dimple_query_explain:
 * @self: a query
 *
 * Says how the query is kept up to date, for its developer: whether only the rows that changed are looked at or the whole
 * is run again and why, what it watches, how SQLite finds its rows, and how long that took.  The text may differ from
 * version to version.
 *
 * Blocks for as long as it takes to prepare the statement.
 *
 * Returns: (transfer full): several lines of text
 */
char *
dimple_query_explain (DimpleQuery *self)
{
  g_return_val_if_fail (DIMPLE_IS_QUERY (self), NULL);

  return dimple_query_explain_plan (self->store, self->sql, self->plan, count_rows (self), &self->statistics);
}

/**
 * dimple_query_get_error:
 * @self: a query
 *
 * Gets why the list is not up to date: %DIMPLE_ERROR_SQL, %DIMPLE_ERROR_PARAMETERS or %DIMPLE_ERROR_TYPE for what was asked
 * for, %DIMPLE_ERROR_CLOSED once the store is closed, or what is wrong with the file.
 *
 * Returns: (nullable) (transfer none): the error; %NULL if all is well
 */
const GError *
dimple_query_get_error (DimpleQuery *self)
{
  g_return_val_if_fail (DIMPLE_IS_QUERY (self), NULL);

  return self->error;
}

/**
 * dimple_query_new:
 * @store: (nullable): a store
 * @sql: (nullable): a SELECT
 * @parameters: (nullable): a tuple for `?`, an `a{sv}` for `:name`, one plain value for one `?`, or %NULL for none
 *
 * Makes a live query.  It starts to load at once, without blocking.  What is wrong with @sql or @parameters is told by
 * [property@Dimple.Query:error].
 *
 * Returns: (transfer full): the query
 */
DimpleQuery *
dimple_query_new (DimpleStore *store,
                  const char  *sql,
                  GVariant    *parameters)
{
  return dimple_query_new_with_type (store, DIMPLE_TYPE_ROW, sql, parameters);
}

/**
 * dimple_query_new_with_type:
 * @store: (nullable): a store
 * @type: the class of the items: a type made by [method@Dimple.Store.define_row_type], or any class of the app, whose
 *   properties are set by name
 * @sql: (nullable): a SELECT
 * @parameters: (nullable): a tuple for `?`, an `a{sv}` for `:name`, one plain value for one `?`, or %NULL for none
 *
 * Makes a live query whose items are of a given class.
 *
 * Returns: (transfer full): the query
 */
DimpleQuery *
dimple_query_new_with_type (DimpleStore *store,
                            GType        type,
                            const char  *sql,
                            GVariant    *parameters)
{
  g_autoptr(GVariant) sunk = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;

  g_return_val_if_fail (store == NULL || DIMPLE_IS_STORE (store), NULL);
  g_return_val_if_fail (g_type_is_a (type, G_TYPE_OBJECT), NULL);

  return g_object_new (DIMPLE_TYPE_QUERY, "store", store, "item-type", type, "sql", sql, "parameters", sunk, NULL);
}

/* -- Properties ----------------------------------------------------------------------------------------------------- */

static void
dimple_query_get_property (GObject    *object,
                           guint       property_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  DimpleQuery *self = DIMPLE_QUERY (object);

  switch (property_id)
    {
    case PROP_STORE:
      g_value_set_object (value, self->store);
      break;
    case PROP_SQL:
      g_value_set_string (value, self->sql);
      break;
    case PROP_PARAMETERS:
      g_value_set_variant (value, self->parameters);
      break;
    case PROP_ITEM_TYPE:
      g_value_set_gtype (value, dimple_query_get_item_type (G_LIST_MODEL (self)));
      break;
    case PROP_N_ITEMS:
      g_value_set_uint (value, count_rows (self));
      break;
    case PROP_FIRST:
      g_value_set_object (value, dimple_query_get_first (self));
      break;
    case PROP_LOADING:
      g_value_set_boolean (value, self->loading);
      break;
    case PROP_ERROR:
      g_value_set_boxed (value, self->error);
      break;
    case PROP_INCREMENTAL:
      g_value_set_boolean (value, self->plan != NULL && self->plan->reason == NULL);
      break;
    case PROP_SECTION_COLUMN:
      g_value_set_string (value, self->section_column);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
dimple_query_set_property (GObject      *object,
                           guint         property_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  DimpleQuery *self = DIMPLE_QUERY (object);

  switch (property_id)
    {
    case PROP_STORE:
      set_store (self, g_value_get_object (value));
      break;
    case PROP_SQL:
      dimple_query_set_sql (self, g_value_get_string (value));
      break;
    case PROP_PARAMETERS:
      dimple_query_set_parameters (self, g_value_get_variant (value));
      break;
    case PROP_ITEM_TYPE:
      /* What is no more special than an object is left to the result. */
      if (g_value_get_gtype (value) > G_TYPE_OBJECT)
        self->type = g_value_get_gtype (value);
      break;
    case PROP_SECTION_COLUMN:
      self->section_column = g_value_dup_string (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
dimple_query_dispose (GObject *object)
{
  DimpleQuery *self = DIMPLE_QUERY (object);

  drop_start (self);
  drop_run (self);
  g_clear_pointer (&self->subscription, dimple_subscription_end);
  g_clear_pointer (&self->hub, dimple_query_hub_unref);
  g_clear_object (&self->first);

  G_OBJECT_CLASS (dimple_query_parent_class)->dispose (object);
}

static void
dimple_query_finalize (GObject *object)
{
  DimpleQuery *self = DIMPLE_QUERY (object);

  g_clear_pointer (&self->plan, dimple_query_plan_unref);
  g_clear_pointer (&self->result, dimple_result_unref);
  g_clear_pointer (&self->parameters, g_variant_unref);
  g_clear_object (&self->store);
  g_clear_error (&self->error);
  dimple_live_objects_free (self->objects);
  g_ptr_array_unref (self->loads);
  g_string_free (self->key, TRUE);
  g_main_context_unref (self->context);
  g_free (self->section_column);
  g_free (self->sql);

  G_OBJECT_CLASS (dimple_query_parent_class)->finalize (object);
}

static void
dimple_query_class_init (DimpleQueryClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags read = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;
  const GParamFlags construct = G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
  const GParamFlags construct_only = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->dispose = dimple_query_dispose;
  object_class->finalize = dimple_query_finalize;
  object_class->get_property = dimple_query_get_property;
  object_class->set_property = dimple_query_set_property;

  /**
   * DimpleQuery:store:
   *
   * The store that is asked.  It may be set later, by a binding in a template for example; until then the list is empty.
   */
  properties[PROP_STORE] = g_param_spec_object ("store", NULL, NULL, DIMPLE_TYPE_STORE, construct);

  /**
   * DimpleQuery:sql: (setter set_sql)
   *
   * The SELECT.
   */
  properties[PROP_SQL] = g_param_spec_string ("sql", NULL, NULL, NULL, construct);

  /**
   * DimpleQuery:parameters: (setter set_parameters)
   *
   * The values of the parameters of the SELECT: a tuple for `?`, an `a{sv}` for `:name`, one plain value for one `?`.  In a
   * template a search entry is bound to it by `<closure type="GVariant">`.
   */
  properties[PROP_PARAMETERS] =
    g_param_spec_variant ("parameters", NULL, NULL, G_VARIANT_TYPE_ANY, NULL, construct);

  /**
   * DimpleQuery:item-type:
   *
   * The class of the items: a type made by [method@Dimple.Store.define_row_type], or any class of the app.  By default
   * the result's own, with one property for each column.
   */
  properties[PROP_ITEM_TYPE] = g_param_spec_gtype ("item-type", NULL, NULL, G_TYPE_OBJECT, construct_only);

  /**
   * DimpleQuery:n-items:
   *
   * The number of rows.
   */
  properties[PROP_N_ITEMS] = g_param_spec_uint ("n-items", NULL, NULL, 0, G_MAXUINT, 0, read);

  /**
   * DimpleQuery:first: (getter get_first)
   *
   * The object of the first row; notified when another row comes there.
   */
  properties[PROP_FIRST] = g_param_spec_object ("first", NULL, NULL, G_TYPE_OBJECT, read);

  /**
   * DimpleQuery:loading:
   *
   * Whether the rows of what was asked for are still to come: after construction, and after the SQL or the parameters were
   * set.  What is shown meanwhile are the rows of before.  Not set while commits are followed.
   */
  properties[PROP_LOADING] = g_param_spec_boolean ("loading", NULL, NULL, FALSE, read);

  /**
   * DimpleQuery:error: (getter get_error)
   *
   * Why the list is not up to date; the rows are those of before.
   */
  properties[PROP_ERROR] = g_param_spec_boxed ("error", NULL, NULL, G_TYPE_ERROR, read);

  /**
   * DimpleQuery:incremental:
   *
   * Whether a commit costs only what it changed, as the rows come one by one from the rows of one table.  Other queries are
   * run again, in another thread; [method@Dimple.Query.explain] says why.
   */
  properties[PROP_INCREMENTAL] = g_param_spec_boolean ("incremental", NULL, NULL, FALSE, read);

  /**
   * DimpleQuery:section-column:
   *
   * The column whose equal values make a section; it must be the first term of ORDER BY.
   */
  properties[PROP_SECTION_COLUMN] = g_param_spec_string ("section-column", NULL, NULL, NULL, construct_only);

  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
dimple_query_init (DimpleQuery *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->type = DIMPLE_TYPE_ROW;
  self->objects = dimple_live_objects_new ();
  self->loads = g_ptr_array_new_with_free_func (g_object_unref);
  self->key = g_string_new (NULL);
}
