/* dimple-query-explain.c: how a query is kept up to date, in words
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-query-explain-private.h"

#include "dimple-store-private.h"

static void
append_watch (GString           *text,
              DimpleSchema      *schema,
              DimpleRowFilter   *filter,
              const DimpleWatch *watch)
{
  const DimpleTable *table = dimple_schema_find (schema, watch->table);
  gboolean any = FALSE;

  g_string_append_printf (text, "Watches %s (", watch->table);
  if (watch->columns == DIMPLE_ALL_COLUMNS)
    g_string_append (text, "all columns");
  else
    for (guint i = 0; table != NULL && i < table->columns->len; i++)
      if ((watch->columns & DIMPLE_COLUMN_BIT (i)) != 0 && i < 63)
        {
          g_string_append_printf (text, "%s%s", any ? ", " : "",
                                  ((DimpleColumn *) g_ptr_array_index (table->columns, i))->name);
          any = TRUE;
        }
  if (!any && watch->columns != DIMPLE_ALL_COLUMNS)
    g_string_append (text, "only which rows there are");
  if (filter != NULL && dimple_row_filter_names (filter, watch->table))
    g_string_append (text, "), the rows with its keys\n");
  else
    g_string_append (text, ")\n");
}

/* As SQLite tells it: each step below the one that it is part of. */
static void
append_query_plan (GString          *text,
                   DimpleConnection *reader,
                   const char       *sql)
{
  g_autofree char *explain_sql = g_strconcat ("EXPLAIN QUERY PLAN ", sql, NULL);
  g_autoptr(GHashTable) depths = g_hash_table_new (NULL, NULL);
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (reader, explain_sql, NULL);

  if (statement == NULL)
    return;
  g_string_append (text, "SQLite’s plan:\n");
  while (dimple_statement_step (statement, NULL))
    {
      int depth = 1 + GPOINTER_TO_INT (g_hash_table_lookup (depths,
                                                            GINT_TO_POINTER (sqlite3_column_int (statement, 1))));

      g_hash_table_insert (depths, GINT_TO_POINTER (sqlite3_column_int (statement, 0)), GINT_TO_POINTER (depth));
      g_string_append_printf (text, "%*s%s\n", 2 * depth, "", (const char *) sqlite3_column_text (statement, 3));
    }
}

static void
append_incremental (GString         *text,
                    DimpleQueryPlan *plan)
{
  g_string_append_printf (text, "Incremental: only the rows of %s that change are looked at\n", plan->table->name);
  for (guint i = 0; i < plan->joined->len; i++)
    {
      const DimpleJoinedTable *joined = &g_array_index (plan->joined, DimpleJoinedTable, i);

      if (joined->holders_sql != NULL)
        g_string_append_printf (text, "Where a row of %s changes, the rows that hold it are looked at\n",
                                joined->table->name);
      else
        g_string_append_printf (text, "Where a row of %s changes, it is run again: no index finds the rows of %s "
                                      "that hold it\n",
                                joined->table->name, plan->table->name);
    }
}

char *
dimple_query_explain_plan (DimpleStore                 *store,
                           const char                  *sql,
                           DimpleQueryPlan             *plan,
                           DimpleRowFilter             *filter,
                           guint                        n_rows,
                           const DimpleQueryStatistics *statistics)
{
  GString *text = g_string_new (NULL);
  DimpleConnection *reader;

  if (plan == NULL)
    g_string_append (text, "Not loaded yet\n");
  else if (plan->reason != NULL)
    g_string_append_printf (text, "Run again when something changes, as %s\n", plan->reason);
  else
    append_incremental (text, plan);

  if (plan != NULL && plan->watch.everything)
    g_string_append (text, "Watches everything, as it reads what no change tells of\n");
  else if (plan != NULL)
    for (guint i = 0; i < plan->watch.watches->len; i++)
      append_watch (text, plan->schema, filter, &g_array_index (plan->watch.watches, DimpleWatch, i));

  g_string_append_printf (text, "Rows: %u; runs: %u, and %u that were overtaken; the last took %.3f ms\n", n_rows,
                          statistics->n_runs, statistics->n_dropped, (double) statistics->last_duration / 1000);
  reader = store != NULL && sql != NULL ? dimple_store_acquire_reader (store, NULL) : NULL;
  if (reader != NULL)
    {
      append_query_plan (text, reader, sql);
      dimple_store_release_reader (store, reader);
    }
  return g_string_free (text, FALSE);
}
