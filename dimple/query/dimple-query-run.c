/* dimple-query-run.c: one run of a query
 *
 * Reads in one transaction, so that the schema, the plan and the rows are of the same commit.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-query-run-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-plan-statement-private.h"
#include "dimple-process-changes-private.h"
#include "dimple-profile-private.h"
#include "dimple-sql-reader-private.h"

/* Bytes of keys */
#define MAX_UNSEEN (4 * 1024 * 1024)
#define MAX_COMPARED 20000
#define MANY_ROWS 50000

DimpleQueryRun *
dimple_query_run_new (DimpleQueryHub *hub,
                      const char     *sql,
                      GVariant       *parameters)
{
  DimpleQueryRun *self = g_atomic_rc_box_new0 (DimpleQueryRun);

  self->hub = dimple_query_hub_ref (hub);
  self->sql = g_strdup (sql);
  self->parameters = parameters != NULL ? g_variant_ref (parameters) : NULL;
  self->taken = dimple_row_changes_new ();
  self->cancellable = g_cancellable_new ();
  return self;
}

DimpleQueryRun *
dimple_query_run_ref (DimpleQueryRun *self)
{
  return g_atomic_rc_box_acquire (self);
}

/* Nobody has taken it over. */
static void
drop_evaluator (DimpleQueryRun *self)
{
  if (self->evaluator != NULL)
    dimple_query_hub_leave (self->hub, self->evaluator);
  g_clear_pointer (&self->evaluator, dimple_evaluator_unref);
  g_clear_pointer (&self->point, dimple_read_point_unref);
}

static void
run_clear (gpointer data)
{
  DimpleQueryRun *self = data;

  g_free (self->sql);
  g_clear_pointer (&self->parameters, g_variant_unref);
  g_free (self->section_column);
  drop_evaluator (self);
  g_clear_pointer (&self->plan, dimple_query_plan_unref);
  g_clear_pointer (&self->filter, dimple_row_filter_unref);
  g_clear_pointer (&self->old, dimple_rows_unref);
  g_clear_pointer (&self->old_plan, dimple_query_plan_unref);
  g_clear_pointer (&self->old_evaluator, dimple_evaluator_unref);
  g_clear_pointer (&self->old_point, dimple_read_point_unref);
  g_clear_pointer (&self->copy, dimple_rows_unref);
  g_clear_pointer (&self->missed, dimple_row_changes_free);
  dimple_row_changes_free (self->taken);
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

/* -- In a thread that reads ---------------------------------------------------------------------------------------- */

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
execute_sql (DimpleConnection  *reader,
             const char        *sql,
             GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (reader, sql, error);

  return statement != NULL && dimple_statement_run (statement, error);
}

static gboolean
is_kept (DimpleQueryRun *self)
{
  return self->plan != NULL && self->plan->reason == NULL;
}

/* Begins a transaction; the evaluator must see every commit after it, so the plan must be known before. */
static gboolean
enter (DimpleQueryRun    *self,
       DimpleConnection  *reader,
       GError           **error)
{
  drop_evaluator (self);
  g_clear_pointer (&self->missed, dimple_row_changes_free);
  self->missed = dimple_row_changes_new ();
  dimple_row_changes_join (self->missed, self->taken);
  if (is_kept (self))
    self->evaluator = dimple_evaluator_new (dimple_query_hub_get_store (self->hub), self->plan, self->parameters);
  if (dimple_query_hub_enter (self->hub, reader, self->evaluator, &self->point, self->old_evaluator, self->missed,
                              error))
    return TRUE;
  g_clear_pointer (&self->evaluator, dimple_evaluator_unref);
  return FALSE;
}

/* Makes the plan, if there is none for the schema of the transaction. */
static gboolean
make_plan (DimpleQueryRun    *self,
           DimpleConnection  *reader,
           gboolean          *is_new,
           GError           **error)
{
  g_autoptr(DimpleSchema) schema = dimple_query_hub_ref_schema (self->hub, reader, error);

  *is_new = FALSE;
  if (schema == NULL)
    return FALSE;
  if (self->plan != NULL && self->plan->schema == schema)
    return TRUE;
  *is_new = TRUE;
  g_clear_pointer (&self->plan, dimple_query_plan_unref);
  self->is_filter_known = FALSE;
  if (!check_section (self, error))
    return FALSE;
  self->plan = dimple_query_plan_new (reader, schema, self->sql, error);
  if (self->plan != NULL && self->never_kept)
    dimple_query_plan_refuse (self->plan, "SQLite does not give its rows in the order that was expected");
  return self->plan != NULL;
}

/* Reads the rows, and what became of those before.  *again: once more in another transaction. */
static gboolean
read_rows (DimpleQueryRun    *self,
           DimpleConnection  *reader,
           gboolean          *again,
           GError           **error)
{
  g_autoptr(GError) load_error = NULL;
  gboolean is_new;

  *again = FALSE;
  if (!make_plan (self, reader, &is_new, error))
    return FALSE;
  *again = is_new && (is_kept (self) || self->evaluator != NULL);
  if (*again)
    return TRUE;
  if (!is_kept (self))
    {
      self->rows = (DimpleRows *) dimple_result_run (reader, self->plan, self->parameters, error);
      if (self->rows != NULL)
        find_filter (self, reader);
      return self->rows != NULL;
    }

  self->rows = (DimpleRows *) dimple_kept_rows_load (reader, self->plan, self->parameters, &load_error);
  if (self->rows == NULL && load_error == NULL)
    {
      *again = self->never_kept = TRUE;
      g_clear_pointer (&self->plan, dimple_query_plan_unref);
      return TRUE;
    }
  if (load_error != NULL)
    g_propagate_error (error, g_steal_pointer (&load_error));
  return self->rows != NULL;
}

/* Rows that are read when they are asked for, as they were, for when that will not be possible any more. */
static void
copy_old (DimpleQueryRun *self)
{
  if (dimple_kept_rows_of (self->old) != NULL && self->copy == NULL)
    self->copy = dimple_kept_rows_copy (dimple_kept_rows_of (self->old), self->hub, self->old_point);
}

/* Whether there may be rows that only have another rowid now, as a REPLACE gives it: no log tells of these. */
static gboolean
has_moved (DimpleConnection *reader,
           DimpleConnection *old_reader)
{
  gint64 n_before, n_now;

  return !dimple_process_changes_count_unnamed (old_reader, &n_before, NULL) ||
         !dimple_process_changes_count_unnamed (reader, &n_now, NULL) || n_before != n_now;
}

/* Adds rows that the log does not name.  They are missed where they were, or another one has taken their place; if rows
 * have moved, that may be one that is not named either, so all are looked up. */
static void
add_moved (DimpleQueryRun   *self,
           DimpleConnection *reader,
           DimpleConnection *old_reader,
           GArray           *net)
{
  g_autoptr(GHashTable) gone = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_autoptr(GHashTable) taken = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_autoptr(GByteArray) key = g_byte_array_new ();
  gboolean any_moved = has_moved (reader, old_reader);
  guint n_asked = 0, position;

  for (guint i = 0; i < net->len; i++)
    {
      DimpleRowChange *row = &g_array_index (net, DimpleRowChange, i);

      if (row->had_row)
        g_hash_table_add (gone, g_memdup2 (&row->from, sizeof row->from));
      if (row->has_row)
        g_hash_table_add (taken, g_memdup2 (&row->to, sizeof row->to));
    }
  for (guint i = 0; i < dimple_rows_get_n_rows (self->old) && n_asked < MAX_COMPARED; i++)
    {
      DimpleRowChange row = { .from = dimple_rows_get_id (self->old, i), .had_row = TRUE };

      if (g_hash_table_contains (gone, &row.from) ||
          (!any_moved && dimple_rows_find_id (self->rows, row.from, &position) &&
           !g_hash_table_contains (taken, &row.from)))
        continue;
      n_asked++;
      row.has_row = dimple_plan_read_key (self->old_plan, old_reader, row.from, key) &&
                    dimple_plan_find_rowid (self->plan, reader, key->data, &row.to);
      if (!row.has_row || row.to != row.from)
        g_array_append_val (net, row);
    }
}

/* What was committed since the old point, or NULL.  Rows that no transaction names are told by add_moved(). */
static DimpleChangeSet *
collect_unseen (DimpleQueryRun   *self,
                DimpleConnection *reader)
{
  g_autoptr(DimpleChangeSet) changes = dimple_change_set_new (self->plan->schema, DIMPLE_ORIGIN_PROCESS);
  gint64 n_unnamed;

  if (!dimple_process_changes_count_unnamed (reader, &n_unnamed, NULL) ||
      !dimple_process_changes_collect (reader, self->plan->schema, dimple_read_point_get_seq (self->old_point),
                                       &n_unnamed, changes, NULL))
    return NULL;
  return g_steal_pointer (&changes);
}

/* Of commits that nobody saw the log tells the keys: where the rows were, and where they are.  NULL if it does not, or
 * if there are too many. */
static GArray *
net_unseen (DimpleQueryRun   *self,
            DimpleConnection *reader)
{
  g_autoptr(DimpleChangeSet) changes = collect_unseen (self, reader);
  const DimpleTableChanges *table;
  DimpleConnection *old_reader;
  const char *end;
  GArray *net;

  if (changes == NULL)
    return NULL;
  table = dimple_change_set_find (changes, self->old_plan->table->name);
  if (dimple_change_set_is_all (changes) || (table != NULL && (table->keys->len == 0 || table->keys->len > MAX_UNSEEN)))
    return NULL;
  old_reader = dimple_query_hub_begin_reading (self->hub, self->old_point);
  if (old_reader == NULL)
    return NULL;
  net = g_array_new (FALSE, FALSE, sizeof (DimpleRowChange));
  end = table != NULL ? table->keys->str + table->keys->len : NULL;
  for (const char *key = table != NULL ? table->keys->str : NULL; key < end; key += strlen (key) + 1)
    {
      DimpleRowChange row = { 0, };

      row.had_row = dimple_plan_find_key (self->old_plan, old_reader, key, &row.from);
      row.has_row = dimple_plan_find_key (self->old_plan, reader, key, &row.to);
      g_array_append_val (net, row);
    }
  add_moved (self, reader, old_reader, net);
  dimple_query_hub_end_reading (self->hub);
  return net;
}

/* Where the rows of each key were, and where they are. */
static GArray *
net_by_keys (DimpleQueryRun   *self,
             DimpleConnection *reader)
{
  g_autoptr(GByteArray) key = g_byte_array_new ();
  DimpleConnection *old_reader = dimple_query_hub_begin_reading (self->hub, self->old_point);
  GArray *net;

  if (old_reader == NULL)
    return NULL;
  net = g_array_new (FALSE, FALSE, sizeof (DimpleRowChange));
  for (guint i = 0; i < dimple_rows_get_n_rows (self->old); i++)
    {
      DimpleRowChange row = { .from = dimple_rows_get_id (self->old, i), .had_row = TRUE };

      row.has_row = dimple_plan_read_key (self->old_plan, old_reader, row.from, key) &&
                    dimple_plan_find_rowid (self->plan, reader, key->data, &row.to);
      g_array_append_val (net, row);
    }
  dimple_query_hub_end_reading (self->hub);
  return net;
}

/* What became of rows that were kept row by row, and still are. */
static GArray *
net_kept (DimpleQueryRun   *self,
          DimpleConnection *reader)
{
  const DimpleTable *table = self->plan->table, *old_table = self->old_plan->table;
  gboolean is_other_schema = self->plan->schema != self->old_plan->schema;
  GArray *net = NULL;

  if (!self->missed->unknown && !dimple_row_changes_has_named (self->missed) && !is_other_schema)
    return dimple_row_changes_net (self->missed);
  if (!g_str_equal (table->name, old_table->name) || table->key->len == 0 || table->key->len != old_table->key->len)
    return NULL;
  /* A migration may have given other rowids to the rows. */
  if (!is_other_schema)
    net = net_unseen (self, reader);
  /* Beyond so many it costs too much to look at each: then rows with the same rowid are taken as the same. */
  if (net == NULL && dimple_rows_get_n_rows (self->old) <= MAX_COMPARED)
    net = net_by_keys (self, reader);
  return net;
}

static void
compare (DimpleQueryRun   *self,
         DimpleConnection *reader)
{
  g_autoptr(GArray) net = NULL;
  DimpleRowsBefore before = { self->old, self->old_plan, NULL };

  if (self->old_plan != NULL && is_kept (self))
    net = net_kept (self, reader);
  else if (self->old_plan != NULL)
    net = dimple_row_changes_net (self->missed);
  before.net = net;
  dimple_rows_compare (self->rows, self->plan, reader, &before, &self->change);
}

static void
execute_in_transaction (DimpleQueryRun   *self,
                        DimpleConnection *reader)
{
  gboolean again = TRUE;

  while (again && enter (self, reader, &self->error))
    {
      if (!read_rows (self, reader, &again, &self->error))
        again = FALSE;
      else if (!again && !g_cancellable_is_cancelled (self->cancellable))
        compare (self, reader);
      dimple_connection_set_cancellable (reader, NULL);
      execute_sql (reader, "COMMIT", NULL);
      dimple_connection_set_cancellable (reader, self->cancellable);
    }
}

/* What was read of a big table to find its order is not read again soon. */
static void
drop_pages (DimpleQueryRun   *self,
            DimpleConnection *reader)
{
  if (dimple_kept_rows_of (self->rows) != NULL && dimple_rows_get_n_rows (self->rows) >= MANY_ROWS)
    sqlite3_db_release_memory (dimple_connection_get_handle (reader));
}

void
dimple_query_run_execute (DimpleQueryRun *self)
{
  DimpleStore *store = dimple_query_hub_get_store (self->hub);
  gint64 start = g_get_monotonic_time (), mark = dimple_profile_begin ();
  DimpleConnection *reader = dimple_store_acquire_reader (store, &self->error);

  if (reader != NULL)
    {
      dimple_connection_set_cancellable (reader, self->cancellable);
      execute_in_transaction (self, reader);
      dimple_connection_set_cancellable (reader, NULL);
      drop_pages (self, reader);
      dimple_store_release_reader (store, reader);
    }
  if (self->error != NULL && !g_cancellable_is_cancelled (self->cancellable))
    copy_old (self);
  self->duration = g_get_monotonic_time () - start;
  dimple_profile_end (mark, "query run", self->sql);
}

/* -- There and back ------------------------------------------------------------------------------------------------ */

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
