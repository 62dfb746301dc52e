/* dimple-merge-duplicates.c: making room for a UNIQUE index that comes later than the rows
 *
 * The index is there already, but not UNIQUE, so SQLite knows its columns, its expressions and its condition.  All rows
 * that share what it holds go to the shelf.  Which of them may come back is for settling to say, as it is for rows that
 * come from other devices: so all devices keep the same ones.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-merge-private.h"

#include "dimple-index-terms-private.h"
#include "dimple-merge-mode-private.h"

/* The table that an index is of; NULL without an error: there is no such index. */
static char *
find_table (DimpleConnection  *connection,
            const char        *index,
            GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "SELECT tbl_name FROM main.sqlite_schema"
                                                     " WHERE type = 'index' AND name = ? COLLATE NOCASE", error);
  if (statement == NULL)
    return NULL;
  sqlite3_bind_text (statement, 1, index, -1, SQLITE_STATIC);
  return dimple_statement_step (statement, error) ? g_strdup ((const char *) sqlite3_column_text (statement, 0)) : NULL;
}

/* Gives the keys of the rows that share their entry in the index with another one; NULL equals nothing. */
static char *
make_sql (const DimpleTable       *table,
          const DimpleIndexTerms  *terms)
{
  g_autoptr(GString) keys = g_string_new (NULL);
  g_autoptr(GString) partition = g_string_new (NULL);
  g_autoptr(GString) condition = g_string_new (NULL);

  for (guint i = 0; i < table->key->len; i++)
    g_string_append_printf (keys, "%s, ", dimple_table_get_key_column (table, i)->quoted);
  g_string_append_printf (condition, "(%s\n)", terms->condition != NULL ? terms->condition : "1");
  for (guint i = 0; i < terms->terms->len; i++)
    {
      const char *term = g_ptr_array_index (terms->terms, i);
      const char *collation = g_ptr_array_index (terms->collations, i);

      g_string_append_printf (partition, "%s(%s\n) COLLATE %s", i > 0 ? ", " : "", term, collation);
      g_string_append_printf (condition, " AND (%s\n) IS NOT NULL", term);
    }
  return g_strdup_printf ("SELECT * FROM (SELECT %scount (*) OVER (PARTITION BY %s) AS dimple_n FROM main.%s WHERE %s)"
                          " WHERE dimple_n > 1", keys->str, partition->str, table->quoted, condition->str);
}

/* The keys (GBytes). */
static GPtrArray *
list_duplicates (DimpleConnection   *connection,
                 const DimpleTable  *table,
                 const char         *index,
                 GError            **error)
{
  DimpleUniqueIndex written = { .name = (char *) index, .has_expression = TRUE };
  g_autoptr(DimpleIndexTerms) terms = dimple_index_terms_load (connection, table, &written, error);
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;
  g_autofree char *sql = NULL;

  if (terms == NULL)
    return NULL;
  sql = make_sql (table, terms);
  statement = dimple_connection_prepare (connection, sql, error);
  if (statement == NULL)
    return NULL;
  while (dimple_statement_step (statement, &local_error))
    {
      GByteArray *key = g_byte_array_new ();

      dimple_record_append_row (key, statement, table->key->len);
      g_ptr_array_add (keys, g_byte_array_free_to_bytes (key));
    }
  if (local_error == NULL)
    return g_steal_pointer (&keys);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}

static gboolean
set_aside (DimpleSettling     *settling,
           const DimpleTable  *definition,
           GPtrArray          *keys,
           GError            **error)
{
  g_autoptr(DimpleMergeMode) mode = NULL;
  DimpleMergeTable *table = dimple_settling_get_table (settling, definition, error);

  if (table == NULL)
    return FALSE;
  mode = dimple_merge_mode_enter (settling, error);
  if (mode == NULL)
    return FALSE;
  for (guint i = 0; i < keys->len; i++)
    {
      gsize size;
      const guint8 *key = g_bytes_get_data (g_ptr_array_index (keys, i), &size);
      DimpleFoldedRow *row = dimple_settling_add (settling, definition, key, size);

      if (dimple_settling_look (settling, row, error) == NULL ||
          !dimple_settling_hide (settling, table, row, "unique", NULL, error))
        return FALSE;
    }
  dimple_merge_mode_report (mode, settling->changes);
  return TRUE;
}

gboolean
dimple_merge_set_aside_duplicates (DimpleConnection  *connection,
                                   DimpleSchema      *schema,
                                   const char        *index,
                                   DimpleChangeSet   *changes,
                                   GError           **error)
{
  g_auto(DimpleSettling) settling = { 0 };
  g_autoptr(GPtrArray) keys = NULL;
  g_autoptr(GError) local_error = NULL;
  g_autofree char *name = find_table (connection, index, &local_error);
  const DimpleTable *table = name != NULL ? dimple_schema_find (schema, name) : NULL;

  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  if (table == NULL || !table->tracked)
    return TRUE;
  keys = list_duplicates (connection, table, index, error);
  if (keys == NULL)
    return FALSE;
  dimple_settling_init (&settling, connection, schema, changes);
  return set_aside (&settling, table, keys, error);
}
