/* dimple-merge-table-defaults.c: what a column holds of which no transaction says anything
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-merge-table-private.h"

/* A literal is the same on all devices; an expression need not be, and counts as NULL. */
static gboolean
is_literal (const char *sql)
{
  if (*sql == '+' || *sql == '-')
    sql++;
  if (g_ascii_isdigit (*sql) || *sql == '.' || *sql == '\'')
    return TRUE;
  return ((*sql == 'x' || *sql == 'X') && sql[1] == '\'') ||
         g_ascii_strcasecmp (sql, "true") == 0 || g_ascii_strcasecmp (sql, "false") == 0;
}

gboolean
dimple_merge_table_load_defaults (DimpleMergeTable  *self,
                                  GError           **error)
{
  for (guint i = 0; i < self->table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (self->table->columns, i);
      g_autoptr(DimpleStatement) statement = NULL;
      g_autoptr(GByteArray) record = g_byte_array_new ();
      g_autofree char *sql = NULL;
      g_autoptr(GError) local_error = NULL;
      DimpleValue null = { .type = SQLITE_NULL };

      if (column->default_sql != NULL && is_literal (column->default_sql))
        {
          sql = g_strdup_printf ("SELECT %s", column->default_sql);
          statement = dimple_connection_prepare (self->connection, sql, error);
          if (statement == NULL)
            return FALSE;
          if (dimple_statement_step (statement, &local_error))
            dimple_record_append_column (record, statement, 0);
          if (local_error != NULL)
            {
              g_propagate_error (error, g_steal_pointer (&local_error));
              return FALSE;
            }
        }
      else
        dimple_record_append (record, &null);
      g_ptr_array_add (self->defaults, g_byte_array_free (g_steal_pointer (&record), FALSE));
    }
  return TRUE;
}
