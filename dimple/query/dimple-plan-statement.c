/* dimple-plan-statement.c: the statements of a query that is kept row by row, ready to be stepped
 *
 * They are parts of the query with a parameter of their own, so the query's parameters have other numbers in them, or
 * are missing; they are found by what they are called in the query.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-plan-statement-private.h"

#include "dimple-key-private.h"
#include "dimple-parameters-private.h"

/* The value of the query's n-th parameter, which fits, as the query itself was bound. */
static GVariant *
dup_value (GVariant   *parameters,
           guint       position,
           const char *name)
{
  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE_VARDICT))
    return g_variant_lookup_value (parameters, name + 1, NULL);
  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE_TUPLE))
    return position < g_variant_n_children (parameters) ? g_variant_get_child_value (parameters, position) : NULL;
  return g_variant_ref (parameters);
}

sqlite3_stmt *
dimple_plan_prepare (DimpleQueryPlan   *plan,
                     DimpleConnection  *connection,
                     const char        *sql,
                     GVariant          *parameters,
                     GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (connection, sql, error);

  if (statement == NULL)
    return NULL;
  for (guint i = 0; parameters != NULL && i < plan->parameters->len; i++)
    {
      const char *name = g_ptr_array_index (plan->parameters, i);
      int position = sqlite3_bind_parameter_index (statement, name);
      g_autoptr(GVariant) value = position > 0 ? dup_value (parameters, i, name) : NULL;

      if (value != NULL && !dimple_parameter_bind (statement, position, value, error))
        return NULL;
    }
  return g_steal_pointer (&statement);
}

int
dimple_plan_find_row (sqlite3_stmt *statement)
{
  return sqlite3_bind_parameter_index (statement, ":dimple_row");
}

void
dimple_plan_append_key (DimpleQueryPlan *plan,
                        sqlite3_stmt    *statement,
                        GByteArray      *key)
{
  for (guint i = 0; i < plan->terms->len; i++)
    {
      DimpleValue value;

      dimple_value_from_column (&value, statement, (int) g_array_index (plan->term_columns, guint, i));
      dimple_sort_key_append (key, &g_array_index (plan->terms, DimpleSortTerm, i), &value);
    }
}

gboolean
dimple_plan_place_row (DimpleQueryPlan *plan,
                       sqlite3_stmt    *test,
                       int              parameter,
                       DimpleRowChange *row,
                       GByteArray      *keys)
{
  int result;

  sqlite3_bind_int64 (test, parameter, row->to);
  result = sqlite3_step (test);
  row->is_placed = TRUE;
  row->belongs = result == SQLITE_ROW;
  row->key = keys->len;
  if (row->belongs)
    dimple_plan_append_key (plan, test, keys);
  row->key_size = keys->len - row->key;
  sqlite3_reset (test);
  return result == SQLITE_ROW || result == SQLITE_DONE;
}

gint64
dimple_plan_get_rowid (DimpleQueryPlan *plan,
                       sqlite3_stmt    *statement)
{
  return sqlite3_column_int64 (statement, (int) plan->first_hidden);
}

/* SELECT `what` FROM the table WHERE … */
static sqlite3_stmt *
prepare_lookup (DimpleQueryPlan  *plan,
                DimpleConnection *reader,
                const char       *what,
                const char       *condition)
{
  g_autofree char *name = dimple_quote (plan->table->name);
  g_autofree char *sql = g_strdup_printf ("SELECT %s FROM %s WHERE %s", what, name, condition);

  return dimple_connection_prepare (reader, sql, NULL);
}

static char *
join_key (const DimpleTable *table,
          const char        *separator,
          const char        *suffix)
{
  GString *text = g_string_new (NULL);

  for (guint k = 0; k < table->key->len; k++)
    {
      g_autofree char *column = dimple_quote (dimple_table_get_key_column (table, k)->name);

      g_string_append_printf (text, "%s%s%s", k > 0 ? separator : "", column, suffix);
    }
  return g_string_free (text, FALSE);
}

gboolean
dimple_plan_find_rowid (DimpleQueryPlan  *plan,
                        DimpleConnection *reader,
                        const guint8     *key,
                        gint64           *rowid)
{
  /* Keys that differ only for BINARY are two rows' all the same. */
  g_autofree char *condition = join_key (plan->table, " AND ", " = ? COLLATE BINARY");
  g_autoptr(DimpleStatement) statement = prepare_lookup (plan, reader, plan->table->rowid_name, condition);

  if (statement == NULL)
    return FALSE;
  for (guint k = 0; k < plan->table->key->len; k++)
    {
      DimpleValue value;

      key = dimple_record_read (key, &value);
      dimple_value_bind (&value, statement, (int) k + 1);
    }
  if (!dimple_statement_step (statement, NULL))
    return FALSE;
  *rowid = sqlite3_column_int64 (statement, 0);
  return TRUE;
}

gboolean
dimple_plan_find_key (DimpleQueryPlan  *plan,
                      DimpleConnection *reader,
                      const char       *key,
                      gint64           *rowid)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();

  return plan->table->key->len > 0 && dimple_key_parse (plan->table, key, record, NULL) &&
         dimple_plan_find_rowid (plan, reader, record->data, rowid);
}

gboolean
dimple_plan_read_key (DimpleQueryPlan  *plan,
                      DimpleConnection *reader,
                      gint64            rowid,
                      GByteArray       *key)
{
  g_autofree char *columns = join_key (plan->table, ", ", "");
  g_autofree char *condition = g_strdup_printf ("%s = ?", plan->table->rowid_name);
  g_autoptr(DimpleStatement) statement = prepare_lookup (plan, reader, columns, condition);

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, rowid);
  if (!dimple_statement_step (statement, NULL))
    return FALSE;
  g_byte_array_set_size (key, 0);
  dimple_record_append_row (key, statement, plan->table->key->len);
  return TRUE;
}
