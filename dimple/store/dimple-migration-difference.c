/* dimple-migration-difference.c: what a migration's script changed
 *
 * Not what its statements did, but the difference between the tracked tables before and after it, by table and column
 * name: so a rename or a rebuild of a table (CREATE, INSERT … SELECT, DROP, RENAME) deletes nothing, and a column that
 * is new is compared with its DEFAULT.  The changes are recorded as the script's, with the stamps of what they
 * replaced: they lose to every edit that the script did not see.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-migration-difference-private.h"

#include <string.h>

#include "dimple-fold-private.h"
#include "dimple-record-private.h"

/* -- The tables as they were --------------------------------------------------------------------------------------- */

static const DimpleColumn *
get_column (const DimpleTable *table,
            guint              position)
{
  return g_ptr_array_index (table->columns, position);
}

static char *
build_key_list (const DimpleTable *table)
{
  GString *list = g_string_new (NULL);

  for (guint k = 0; k < table->key->len; k++)
    {
      g_autofree char *column = dimple_quote (get_column (table, g_array_index (table->key, guint, k))->name);

      g_string_append_printf (list, "%s%s", k > 0 ? ", " : "", column);
    }
  return g_string_free (list, FALSE);
}

/* Copies every tracked table to TEMP, under its own name behind a prefix that no app uses. */
gboolean
dimple_migration_keep_tables (DimpleConnection  *connection,
                              DimpleSchema      *schema,
                              GError           **error)
{
  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *table = dimple_schema_get_table (schema, i);
      g_autofree char *prefixed = g_strconcat ("dimple_before_", table->name, NULL);
      g_autofree char *copy = dimple_quote (prefixed);
      g_autofree char *name = dimple_quote (table->name);
      g_autofree char *keys = build_key_list (table);
      g_autofree char *sql = NULL;

      if (!table->tracked)
        continue;
      sql = g_strdup_printf ("DROP TABLE IF EXISTS temp.%s;"
                             "CREATE TEMP TABLE %s AS SELECT * FROM main.%s;"
                             "CREATE INDEX temp.\"dimple_before_%u\" ON %s (%s)", copy, copy, name, i, copy, keys);
      if (!dimple_connection_exec (connection, sql, error))
        return FALSE;
    }
  return TRUE;
}

void
dimple_migration_drop_kept_tables (DimpleConnection *connection,
                                   DimpleSchema     *schema)
{
  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *table = dimple_schema_get_table (schema, i);
      g_autofree char *prefixed = g_strconcat ("dimple_before_", table->name, NULL);
      g_autofree char *copy = dimple_quote (prefixed);
      g_autofree char *sql = g_strdup_printf ("DROP TABLE IF EXISTS temp.%s", copy);

      dimple_connection_exec (connection, sql, NULL);
    }
}

/* -- The difference ------------------------------------------------------------------------------------------------ */

typedef struct
{
  DimpleWriter    *writer;
  DimpleFold      *known;            /* the stamps of what was there before */
  gboolean         collecting;       /* the first pass only says whose are wanted */
  GByteArray      *old;
  GByteArray      *now;
} Difference;

static void
append_key (const DimpleTable *table,
            const guint8      *record,
            GByteArray        *key)
{
  for (guint k = 0; k < table->key->len; k++)
    {
      guint column = g_array_index (table->key, guint, k);
      guint stored = 0;
      const guint8 *value;

      for (guint i = 0; i < column; i++)
        stored += !get_column (table, i)->generated;
      value = dimple_record_skip (record, stored);
      g_byte_array_append (key, value, (guint) (dimple_record_skip (value, 1) - value));
    }
}

/* Which columns differ; records hold those that are not generated, in table order. */
static guint64
compare_records (const DimpleTable *table,
                 const guint8      *old,
                 const guint8      *now)
{
  guint64 changed = 0;

  for (guint i = 0; i < table->columns->len; i++)
    {
      const guint8 *old_end, *now_end;

      if (get_column (table, i)->generated)
        continue;
      old_end = dimple_record_skip (old, 1);
      now_end = dimple_record_skip (now, 1);
      if (old_end - old != now_end - now || memcmp (old, now, (gsize) (now_end - now)) != 0)
        changed |= DIMPLE_COLUMN_BIT (i);
      old = old_end;
      now = now_end;
    }
  return changed;
}

/* Of the row, or (`column` given) of one of its values; "" where the log knows of none. */
static const char *
get_anchor (const DimpleFoldedRow *row,
            const char            *column)
{
  const DimpleFoldedCell *cell;
  const char *anchor = NULL;

  if (row != NULL && column == NULL)
    anchor = row->edit.anchor;
  else if (row != NULL && (cell = dimple_folded_row_find (row, column)) != NULL)
    anchor = cell->stamp.anchor;
  return anchor != NULL ? anchor : "";
}

/* The row's stamp, then that of each column that the log will hold; nothing was seen of a row that is new. */
static GPtrArray *
find_anchors (Difference              *self,
              const DimpleCapturedRow *row)
{
  const DimpleTable *table = row->table;
  GPtrArray *anchors = g_ptr_array_new ();
  const DimpleFoldedRow *seen = NULL;
  g_autoptr(GByteArray) key = g_byte_array_new ();

  append_key (table, row->now != NULL ? row->now : row->old, key);
  if (row->old != NULL)
    seen = dimple_fold_find (self->known, table->name, key->data, key->len);
  g_ptr_array_add (anchors, (gpointer) get_anchor (seen, NULL));
  for (guint i = 0; row->now != NULL && i < table->columns->len; i++)
    {
      const DimpleColumn *column = get_column (table, i);

      if (column->generated || column->key_position > 0 || (row->changed & DIMPLE_COLUMN_BIT (i)) == 0)
        continue;
      g_ptr_array_add (anchors, (gpointer) get_anchor (seen, column->name));
    }
  return anchors;
}

static gboolean
add_difference (Difference         *self,
                const DimpleTable  *table,
                gboolean            was,
                gboolean            is,
                GError            **error)
{
  DimpleCapturedRow row = { table, was ? self->old->data : NULL, is ? self->now->data : NULL, 0, 0,
                            DIMPLE_ALL_COLUMNS };
  g_autoptr(GPtrArray) anchors = NULL;

  if (was && is)
    row.changed = compare_records (table, row.old, row.now);
  if (row.changed == 0)
    return TRUE;
  if (self->collecting)
    {
      g_autoptr(GByteArray) key = g_byte_array_new ();

      append_key (table, is ? row.now : row.old, key);
      if (was)
        dimple_fold_want (self->known, table, table->name, key->data, key->len);
      return TRUE;
    }
  anchors = find_anchors (self, &row);
  return dimple_log_writer_add (dimple_writer_get_log (self->writer), &row,
                                (const char * const *) anchors->pdata, error);
}

/* The stored columns of `table`, as `alias` has them; one that is not in `kept` reads as its DEFAULT. */
static void
append_columns (GString           *sql,
                const DimpleTable *table,
                const DimpleTable *kept,
                const char        *alias)
{
  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = get_column (table, i);
      g_autofree char *name = dimple_quote (column->name);

      if (column->generated)
        continue;
      if (kept == NULL || dimple_table_find_column (kept, column->name) >= 0)
        g_string_append_printf (sql, "%s.%s, ", alias, name);
      else
        g_string_append_printf (sql, "(%s), ", column->default_sql != NULL ? column->default_sql : "NULL");
    }
}

static void
append_key_join (GString           *sql,
                 const DimpleTable *table)
{
  for (guint k = 0; k < table->key->len; k++)
    {
      g_autofree char *name = dimple_quote (get_column (table, g_array_index (table->key, guint, k))->name);

      g_string_append_printf (sql, "%sb.%s IS n.%s COLLATE BINARY", k > 0 ? " AND " : "", name, name);
    }
}

static guint
count_stored (const DimpleTable *table)
{
  guint n = 0;

  for (guint i = 0; i < table->columns->len; i++)
    n += !get_column (table, i)->generated;
  return n;
}

static void
read_record (GByteArray   *record,
             sqlite3_stmt *statement,
             guint         first,
             guint         n)
{
  g_byte_array_set_size (record, 0);
  for (guint i = 0; i < n; i++)
    dimple_record_append_column (record, statement, (int) (first + i));
}

/* `sql` gives: the row now, the row before, whether it is, whether it was. */
static gboolean
visit_difference (Difference         *self,
                  const DimpleTable  *table,
                  const char         *sql,
                  GError            **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) step_error = NULL;
  guint n = count_stored (table);

  statement = dimple_connection_prepare (dimple_writer_get_connection (self->writer), sql, error);
  if (statement == NULL)
    return FALSE;
  while (dimple_statement_step (statement, &step_error))
    {
      gboolean is = sqlite3_column_int (statement, (int) (2 * n));
      gboolean was = sqlite3_column_int (statement, (int) (2 * n + 1));

      read_record (self->now, statement, 0, n);
      read_record (self->old, statement, n, n);
      if (!add_difference (self, table, was, is, error))
        return FALSE;
    }
  if (step_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&step_error));
  return FALSE;
}

/* A table that is kept, and whose key's columns already were there: else its rows cannot be told to be the same. */
static const DimpleTable *
find_kept (DimpleSchema      *before,
           const DimpleTable *table)
{
  const DimpleTable *kept = dimple_schema_find (before, table->name);

  if (kept == NULL || !kept->tracked)
    return NULL;
  for (guint k = 0; k < table->key->len; k++)
    if (dimple_table_find_column (kept, get_column (table, g_array_index (table->key, guint, k))->name) < 0)
      return NULL;
  return kept;
}

static gboolean
compare_table (Difference         *self,
               const DimpleTable  *table,
               const DimpleTable  *kept,
               GError            **error)
{
  g_autoptr(GString) sql = g_string_new ("SELECT ");
  g_autofree char *name = dimple_quote (table->name);
  g_autofree char *prefixed = NULL;
  g_autofree char *copy = NULL;

  append_columns (sql, table, NULL, "n");
  if (kept == NULL)
    {
      append_columns (sql, table, NULL, "n");
      g_string_append_printf (sql, "1, 0 FROM main.%s AS n", name);
      return visit_difference (self, table, sql->str, error);
    }

  prefixed = g_strconcat ("dimple_before_", kept->name, NULL);
  copy = dimple_quote (prefixed);
  append_columns (sql, table, kept, "b");
  g_string_append_printf (sql, "1, b.rowid IS NOT NULL FROM main.%s AS n LEFT JOIN temp.%s AS b ON ", name, copy);
  append_key_join (sql, table);
  if (!visit_difference (self, table, sql->str, error))
    return FALSE;

  g_string_assign (sql, "SELECT ");
  append_columns (sql, table, kept, "b");
  append_columns (sql, table, kept, "b");
  g_string_append_printf (sql, "0, 1 FROM temp.%s AS b WHERE NOT EXISTS (SELECT 1 FROM main.%s AS n WHERE ", copy,
                          name);
  append_key_join (sql, table);
  g_string_append_c (sql, ')');
  return visit_difference (self, table, sql->str, error);
}

static gboolean
compare_tables (Difference    *self,
                DimpleSchema  *before,
                DimpleSchema  *after,
                GError       **error)
{
  for (guint i = 0; i < dimple_schema_get_n_tables (after); i++)
    {
      const DimpleTable *table = dimple_schema_get_table (after, i);

      if (table->tracked && !compare_table (self, table, find_kept (before, table), error))
        return FALSE;
    }
  return TRUE;
}

gboolean
dimple_migration_record_difference (DimpleWriter  *writer,
                                    DimpleSchema  *before,
                                    int            number,
                                    char           id[DIMPLE_UUID_SIZE],
                                    GError       **error)
{
  DimpleSchema *after = dimple_writer_get_schema (writer);
  g_autoptr(DimpleFold) known = dimple_fold_new (after);
  g_autoptr(GByteArray) old = g_byte_array_new ();
  g_autoptr(GByteArray) now = g_byte_array_new ();
  Difference difference = { writer, known, TRUE, old, now };

  if (!compare_tables (&difference, before, after, error) ||
      !dimple_fold_join_log (known, dimple_writer_get_connection (writer), NULL, NULL, NULL, error))
    return FALSE;

  difference.collecting = FALSE;
  dimple_log_writer_begin (dimple_writer_get_log (writer), NULL, number);
  if (compare_tables (&difference, before, after, error) &&
      dimple_log_writer_end (dimple_writer_get_log (writer), id, error))
    return TRUE;
  dimple_log_writer_undo (dimple_writer_get_log (writer));
  return FALSE;
}
