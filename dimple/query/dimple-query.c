/* dimple-query.c: a live result of SQL as a list model
 *
 * The object: what it is asked for, and its properties.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-query-internal-private.h"

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
 * They are made when somebody asks for them and are gone when nobody holds them; as long as somebody does, a row has
 * the same object, wherever it moves.
 *
 * A query loads by itself, without blocking: it is empty and [property@Dimple.Query:loading] until its rows are there.
 * [method@Dimple.Query.refresh] blocks until they are, and until what was just committed is in them.
 *
 * Whatever is committed, by this process, another one or a sync, is shown a main-loop turn later: with one
 * [signal@Gio.ListModel::items-changed] at most, from the first to the last row that came, went or moved, and with
 * `notify` of just those properties of the row objects whose columns changed.  Work that is rolled back is never seen.
 * Changes that cannot matter to the query, of other tables or columns, or of other rows than those of a `key = ?`, cost
 * nothing.
 *
 * Rows are the same if they have the same key: for this, the key columns of a table should be in the result.  A result
 * without any, such as `SELECT count (*) AS n FROM note`, keeps its objects by position, unless it is
 * [property@Dimple.Query:incremental].
 *
 * A query belongs to the thread-default main context in which it was made: its signals are emitted there, and it may
 * only be used there.
 */

static GParamSpec *properties[DIMPLE_QUERY_N_PROPERTIES];

G_DEFINE_FINAL_TYPE_WITH_CODE (DimpleQuery, dimple_query, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, dimple_query_list_model_init))

void
dimple_query_notify (DimpleQuery *self,
                     guint        property_id)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[property_id]);
}

/* -- What is asked for --------------------------------------------------------------------------------------------- */

static void
set_store (DimpleQuery *self,
           DimpleStore *store)
{
  if (self->store == store)
    return;

  dimple_query_disconnect (self);
  g_clear_pointer (&self->plan, dimple_query_plan_unref);
  g_set_object (&self->store, store);
  dimple_query_connect (self);
  dimple_query_ask_anew (self);
  dimple_query_notify (self, DIMPLE_QUERY_PROP_STORE);
}

/**
 * dimple_query_set_sql:
 * @self: a query
 * @sql: (nullable): a SELECT
 *
 * Sets the SELECT, such as the same one with another ORDER BY or WHERE.  What stays in the result keeps its objects,
 * and only the difference is emitted, a little later.
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
    dimple_query_set_plan (self, NULL);
  dimple_query_ask_anew (self);
  dimple_query_notify (self, DIMPLE_QUERY_PROP_SQL);
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
 * Sets the values of the parameters of the SELECT, as for a search that is being typed.  What stays in the result keeps
 * its objects, and only the difference is emitted, a little later.
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
  dimple_query_ask_anew (self);
  dimple_query_notify (self, DIMPLE_QUERY_PROP_PARAMETERS);
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

/* -- Properties ---------------------------------------------------------------------------------------------------- */

static void
dimple_query_get_property (GObject    *object,
                           guint       property_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  DimpleQuery *self = DIMPLE_QUERY (object);

  switch (property_id)
    {
    case DIMPLE_QUERY_PROP_STORE:
      g_value_set_object (value, self->store);
      break;
    case DIMPLE_QUERY_PROP_SQL:
      g_value_set_string (value, self->sql);
      break;
    case DIMPLE_QUERY_PROP_PARAMETERS:
      g_value_set_variant (value, self->parameters);
      break;
    case DIMPLE_QUERY_PROP_ITEM_TYPE:
      g_value_set_gtype (value, g_list_model_get_item_type (G_LIST_MODEL (self)));
      break;
    case DIMPLE_QUERY_PROP_N_ITEMS:
      g_value_set_uint (value, dimple_query_count_rows (self));
      break;
    case DIMPLE_QUERY_PROP_FIRST:
      g_value_set_object (value, dimple_query_get_first (self));
      break;
    case DIMPLE_QUERY_PROP_LOADING:
      g_value_set_boolean (value, self->loading);
      break;
    case DIMPLE_QUERY_PROP_ERROR:
      g_value_set_boxed (value, self->error);
      break;
    case DIMPLE_QUERY_PROP_INCREMENTAL:
      g_value_set_boolean (value, self->incremental);
      break;
    case DIMPLE_QUERY_PROP_SECTION_COLUMN:
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
    case DIMPLE_QUERY_PROP_STORE:
      set_store (self, g_value_get_object (value));
      break;
    case DIMPLE_QUERY_PROP_SQL:
      dimple_query_set_sql (self, g_value_get_string (value));
      break;
    case DIMPLE_QUERY_PROP_PARAMETERS:
      dimple_query_set_parameters (self, g_value_get_variant (value));
      break;
    case DIMPLE_QUERY_PROP_ITEM_TYPE:
      /* What is no more special than an object is left to the result. */
      if (g_value_get_gtype (value) > G_TYPE_OBJECT)
        self->type = g_value_get_gtype (value);
      break;
    case DIMPLE_QUERY_PROP_SECTION_COLUMN:
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

  dimple_query_disconnect (self);
  g_clear_object (&self->first);

  G_OBJECT_CLASS (dimple_query_parent_class)->dispose (object);
}

static void
dimple_query_finalize (GObject *object)
{
  DimpleQuery *self = DIMPLE_QUERY (object);

  g_clear_pointer (&self->plan, dimple_query_plan_unref);
  g_clear_pointer (&self->filter, dimple_row_filter_unref);
  g_clear_pointer (&self->rows, dimple_rows_unref);
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
  const GParamFlags construct =
    G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
  const GParamFlags construct_only = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->dispose = dimple_query_dispose;
  object_class->finalize = dimple_query_finalize;
  object_class->get_property = dimple_query_get_property;
  object_class->set_property = dimple_query_set_property;

  /**
   * DimpleQuery:store:
   *
   * The store that is asked.  It may be set later, by a binding in a template for example; until then the list is
   * empty.
   */
  properties[DIMPLE_QUERY_PROP_STORE] = g_param_spec_object ("store", NULL, NULL, DIMPLE_TYPE_STORE, construct);

  /**
   * DimpleQuery:sql: (setter set_sql)
   *
   * The SELECT.
   */
  properties[DIMPLE_QUERY_PROP_SQL] = g_param_spec_string ("sql", NULL, NULL, NULL, construct);

  /**
   * DimpleQuery:parameters: (setter set_parameters)
   *
   * The values of the parameters of the SELECT: a tuple for `?`, an `a{sv}` for `:name`, one plain value for one `?`.
   * In a template a search entry is bound to it by `<closure type="GVariant">`.
   */
  properties[DIMPLE_QUERY_PROP_PARAMETERS] =
    g_param_spec_variant ("parameters", NULL, NULL, G_VARIANT_TYPE_ANY, NULL, construct);

  /**
   * DimpleQuery:item-type:
   *
   * The class of the items: a type made by [method@Dimple.Store.define_row_type], or any class of the app.  By default
   * the result's own, with one property for each column.
   */
  properties[DIMPLE_QUERY_PROP_ITEM_TYPE] = g_param_spec_gtype ("item-type", NULL, NULL, G_TYPE_OBJECT, construct_only);

  /**
   * DimpleQuery:n-items:
   *
   * The number of rows.
   */
  properties[DIMPLE_QUERY_PROP_N_ITEMS] = g_param_spec_uint ("n-items", NULL, NULL, 0, G_MAXUINT, 0, read);

  /**
   * DimpleQuery:first: (getter get_first)
   *
   * The object of the first row; notified when another row comes there.
   */
  properties[DIMPLE_QUERY_PROP_FIRST] = g_param_spec_object ("first", NULL, NULL, G_TYPE_OBJECT, read);

  /**
   * DimpleQuery:loading:
   *
   * Whether the rows of what was asked for are still to come: after construction, and after the SQL or the parameters
   * were set.  What is shown meanwhile are the rows of before.  Not set while commits are followed.
   */
  properties[DIMPLE_QUERY_PROP_LOADING] = g_param_spec_boolean ("loading", NULL, NULL, FALSE, read);

  /**
   * DimpleQuery:error: (getter get_error)
   *
   * Why the list is not up to date; the rows are those of before.
   */
  properties[DIMPLE_QUERY_PROP_ERROR] = g_param_spec_boxed ("error", NULL, NULL, G_TYPE_ERROR, read);

  /**
   * DimpleQuery:incremental:
   *
   * Whether a commit costs only what it changed, as the rows come one by one from the rows of one table.  Other queries
   * are run again, in another thread; [method@Dimple.Query.explain] says why.
   */
  properties[DIMPLE_QUERY_PROP_INCREMENTAL] = g_param_spec_boolean ("incremental", NULL, NULL, FALSE, read);

  /**
   * DimpleQuery:section-column:
   *
   * The column whose equal values make a section; it must be the first term of ORDER BY.
   */
  properties[DIMPLE_QUERY_PROP_SECTION_COLUMN] = g_param_spec_string ("section-column", NULL, NULL, NULL,
                                                                      construct_only);

  g_object_class_install_properties (object_class, DIMPLE_QUERY_N_PROPERTIES, properties);
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
