/* dimple-query-run.c: one run of a query
 *
 * Reads in one transaction, so that the schema, the plan and the rows are of the same commit.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-query-run-private.h"

#include "dimple-error.h"
#include "dimple-profile-private.h"
#include "dimple-sql-reader-private.h"

DimpleQueryRun *
dimple_query_run_new (DimpleQueryHub *hub,
                      const char     *sql,
                      GVariant       *parameters)
{
  DimpleQueryRun *self = g_atomic_rc_box_new0 (DimpleQueryRun);

  self->hub = dimple_query_hub_ref (hub);
  self->sql = g_strdup (sql);
  self->parameters = parameters != NULL ? g_variant_ref (parameters) : NULL;
  self->cancellable = g_cancellable_new ();
  return self;
}

DimpleQueryRun *
dimple_query_run_ref (DimpleQueryRun *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
run_clear (gpointer data)
{
  DimpleQueryRun *self = data;

  g_free (self->sql);
  g_clear_pointer (&self->parameters, g_variant_unref);
  g_free (self->section_column);
  g_clear_pointer (&self->plan, dimple_query_plan_unref);
  g_clear_pointer (&self->filter, dimple_row_filter_unref);
  g_clear_pointer (&self->old, dimple_rows_unref);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_clear_pointer (&self->rows, dimple_rows_unref);
  dimple_rows_change_clear (&self->change);
  g_clear_error (&self->error);
  dimple_query_hub_unref (self->hub);
}

void
dimple_query_run_unref (DimpleQueryRun *self)
{
  g_atomic_rc_box_release_full (self, run_clear);
}

/* -- In a thread that reads ----------------------------------------------------------------------------------------- */

/* The section is what the list is ordered by first, or sections would come more than once. */
static gboolean
check_section (DimpleQueryRun  *self,
               GError         **error)
{
  g_autoptr(DimpleSqlReader) reader = NULL;
  g_autoptr(GArray) terms = NULL;
  g_autofree char *name = NULL;
  DimpleSqlSelect select;

  if (self->section_column == NULL)
    return TRUE;
  reader = dimple_sql_reader_new (self->sql);
  if (reader != NULL && dimple_sql_reader_find_clauses (reader, &select))
    {
      terms = dimple_sql_reader_split (reader, select.order_by);
      if (terms->len > 0)
        {
          guint i = g_array_index (terms, DimpleSqlSpan, 0).first;

          /* It may be written as table.column. */
          if (dimple_sql_reader_is_operator (reader, i + 1, "."))
            i += 2;
          name = dimple_sql_reader_dup_name (reader, i);
        }
    }
  if (name != NULL && g_ascii_strcasecmp (name, self->section_column) == 0)
    return TRUE;
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL,
               "The section column “%s” is not the first term of ORDER BY: %s", self->section_column, self->sql);
  return FALSE;
}

/* Which rows the parameters ask for. */
static void
find_filter (DimpleQueryRun   *self,
             DimpleConnection *reader)
{
  g_autoptr(DimpleStatement) statement = NULL;

  if (self->is_filter_known)
    return;
  g_clear_pointer (&self->filter, dimple_row_filter_unref);
  self->is_filter_known = TRUE;
  /* What these read of a table is not in the SQL. */
  if (self->plan->watch.has_view || self->plan->watch.has_virtual)
    return;
  statement = dimple_connection_prepare (reader, self->plan->sql, NULL);
  if (statement != NULL)
    self->filter = dimple_row_filter_new (reader, self->plan->schema, statement, self->parameters);
}

static gboolean
read_rows (DimpleQueryRun    *self,
           DimpleConnection  *reader,
           GError           **error)
{
  g_autoptr(DimpleSchema) schema = dimple_query_hub_ref_schema (self->hub, reader, error);

  if (schema == NULL)
    return FALSE;
  if (self->plan == NULL || self->plan->schema != schema)
    {
      g_clear_pointer (&self->plan, dimple_query_plan_unref);
      self->is_filter_known = FALSE;
      if (!check_section (self, error))
        return FALSE;
      self->plan = dimple_query_plan_new (reader, schema, self->sql, error);
    }
  if (self->plan == NULL)
    return FALSE;
  self->rows = (DimpleRows *) dimple_result_run (reader, self->plan, self->parameters, error);
  if (self->rows == NULL)
    return FALSE;
  find_filter (self, reader);
  return TRUE;
}

static gboolean
execute_sql (DimpleConnection  *reader,
             const char        *sql,
             GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (reader, sql, error);

  return statement != NULL && dimple_statement_run (statement, error);
}

void
dimple_query_run_execute (DimpleQueryRun *self)
{
  DimpleStore *store = dimple_query_hub_get_store (self->hub);
  gint64 start = g_get_monotonic_time (), mark = dimple_profile_begin ();
  DimpleConnection *reader = dimple_store_acquire_reader (store, &self->error);

  if (reader == NULL)
    return;
  dimple_connection_set_cancellable (reader, self->cancellable);
  if (execute_sql (reader, "BEGIN", &self->error))
    {
      read_rows (self, reader, &self->error);
      dimple_connection_set_cancellable (reader, NULL);
      execute_sql (reader, "COMMIT", NULL);
    }
  dimple_connection_set_cancellable (reader, NULL);
  dimple_store_release_reader (store, reader);
  if (self->rows != NULL && !g_cancellable_is_cancelled (self->cancellable))
    dimple_result_compare (dimple_result_of (self->rows), dimple_result_of (self->old), &self->change);
  self->duration = g_get_monotonic_time () - start;
  dimple_profile_end (mark, "query run", self->sql);
}

/* -- There and back ------------------------------------------------------------------------------------------------- */

static gboolean
finish (gpointer user_data)
{
  DimpleQueryRun *self = user_data;

  if (self->done != NULL)
    self->done (self, self->user_data);
  return G_SOURCE_REMOVE;
}

/* Also of a main context that is gone before it could be told. */
static void
end_work (gpointer user_data)
{
  DimpleQueryRun *self = user_data;

  dimple_store_end_work (dimple_query_hub_get_store (self->hub));
  dimple_query_run_unref (self);
}

static void
execute_in_thread (gpointer data,
                   gpointer unused)
{
  DimpleQueryRun *self = data;
  g_autoptr(GSource) source = g_idle_source_new ();

  if (!g_cancellable_is_cancelled (self->cancellable))
    dimple_query_run_execute (self);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (source, "[dimple] result of a live query");
  g_source_set_callback (source, finish, self, end_work);
  g_source_attach (source, self->context);
}

void
dimple_query_run_start (DimpleQueryRun     *self,
                        GMainContext       *context,
                        DimpleQueryRunFunc  done,
                        gpointer            user_data)
{
  self->context = g_main_context_ref (context);
  self->done = done;
  self->user_data = user_data;
  dimple_store_begin_work (dimple_query_hub_get_store (self->hub));
  dimple_query_hub_run (execute_in_thread, dimple_query_run_ref (self));
}

void
dimple_query_run_drop (DimpleQueryRun *self)
{
  self->done = NULL;
  self->user_data = NULL;
  g_cancellable_cancel (self->cancellable);
}
