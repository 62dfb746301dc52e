/* dimple-store-shelf.c: editing rows that are on the shelf
 *
 * No SQL of the app's reaches such a row, so that what it is set to is put through a table of one row with the same
 * columns and no constraints: values are converted as they would be in the table.  Whether the row may be shown then,
 * and why not, settling finds out after the commit.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include "dimple-error.h"
#include "dimple-key-private.h"
#include "dimple-shelf-private.h"

typedef struct
{
  DimpleShelvedRow        *row;
  const DimpleGivenValues *values;      /* (nullable) NULL: to be deleted */
  GByteArray              *renamed;     /* receives the whole row if its key is another now */
} Edit;

static const DimpleColumn *
get_column (const DimpleTable *table,
            guint              number)
{
  return g_ptr_array_index (table->columns, number);
}

/* -- Conversion ---------------------------------------------------------------------------------------------------- */

static gboolean
create_copy (DimpleConnection        *connection,
             const DimpleShelvedRow  *row,
             GError                 **error)
{
  g_autoptr(GString) create = g_string_new ("CREATE TEMP TABLE dimple_edit (");
  g_autoptr(GString) insert = g_string_new ("INSERT INTO temp.dimple_edit VALUES (");
  g_autoptr(DimpleStatement) statement = NULL;
  const guint8 *position = row->record->data;

  for (guint i = 0; i < row->table->columns->len; i++)
    {
      const DimpleColumn *column = get_column (row->table, i);
      g_autofree char *name = dimple_quote (column->name);

      g_string_append_printf (create, "%s%s %s", i > 0 ? ", " : "", name, column->declared_type);
      g_string_append (insert, i > 0 ? ", ?" : "?");
    }
  g_string_append_c (create, ')');
  g_string_append_c (insert, ')');
  if (!dimple_connection_exec (connection, create->str, error))
    return FALSE;
  statement = dimple_connection_prepare (connection, insert->str, error);
  if (statement == NULL)
    return FALSE;
  for (guint i = 0; i < row->table->columns->len; i++)
    {
      DimpleValue value;

      position = dimple_record_read (position, &value);
      dimple_value_bind (&value, statement, (int) i + 1);
    }
  return dimple_statement_run (statement, error);
}

static gboolean
set_value (DimpleConnection    *connection,
           const DimpleColumn  *column,
           const DimpleValue   *value,
           GError             **error)
{
  g_autofree char *sql = g_strdup_printf ("UPDATE temp.dimple_edit SET %s = ?", column->quoted);
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (connection, sql, error);

  if (statement == NULL)
    return FALSE;
  dimple_value_bind (value, statement, 1);
  return dimple_statement_run (statement, error);
}

static gboolean
is_same_key (const DimpleTable *table,
             const guint8      *key,
             sqlite3_stmt      *statement)
{
  for (guint k = 0; k < table->key->len; k++)
    {
      DimpleValue before, after;

      key = dimple_record_read (key, &before);
      dimple_value_from_column (&after, statement, (int) g_array_index (table->key, guint, k));
      if (!dimple_value_equal (&before, &after))
        return FALSE;
    }
  return TRUE;
}

/* What the row is with the values set; NULL with no error: its key is another, see `renamed`. */
static GByteArray *
convert (DimpleConnection  *connection,
         Edit              *edit,
         GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GByteArray) record = g_byte_array_new ();

  if (!create_copy (connection, edit->row, error))
    return NULL;
  for (guint i = 0; i < edit->values->n_values; i++)
    {
      const DimpleGivenValue *given = &edit->values->values[i];

      if (!set_value (connection, get_column (edit->row->table, given->column), &given->value, error))
        return NULL;
    }
  statement = dimple_connection_prepare (connection, "SELECT * FROM temp.dimple_edit", error);
  if (statement == NULL || !dimple_statement_step (statement, error))
    return NULL;
  dimple_record_append_row (record, statement, edit->row->table->columns->len);
  if (is_same_key (edit->row->table, edit->row->key->data, statement))
    return g_steal_pointer (&record);
  edit->renamed = g_steal_pointer (&record);
  return NULL;
}

/* -- Edits --------------------------------------------------------------------------------------------------------- */

/* What a statement would refuse, too, whatever else there is in the row. */
static gboolean
check_value (const DimpleTable   *table,
             const DimpleColumn  *column,
             const DimpleValue   *value,
             GError             **error)
{
  if (column->generated)
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL, "The column “%s” is generated, and cannot be set",
                 column->name);
  else if ((column->not_null || column->key_position > 0) && value->type == SQLITE_NULL)
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT, "NOT NULL constraint failed: %s.%s", table->name,
                 column->name);
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_values (const DimpleTable        *table,
              const DimpleGivenValues  *values,
              GError                  **error)
{
  for (guint i = 0; i < values->n_values; i++)
    if (!check_value (table, get_column (table, values->values[i].column), &values->values[i].value, error))
      return FALSE;
  return TRUE;
}

static gboolean
write_edit (DimpleConnection  *connection,
            gpointer           user_data,
            GError           **error)
{
  Edit *edit = user_data;
  g_autoptr(GByteArray) record = NULL;
  g_autoptr(GError) local_error = NULL;

  if (edit->values != NULL)
    {
      if (!check_values (edit->row->table, edit->values, error))
        return FALSE;
      record = convert (connection, edit, &local_error);
      dimple_connection_exec (connection, "DROP TABLE IF EXISTS temp.dimple_edit", NULL);
      if (local_error != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }
    }
  /* another key is another row: this one goes */
  return dimple_shelf_edit (connection, edit->row, record != NULL ? record->data : NULL, error);
}

static gboolean
edit_row (DimpleStore              *self,
          DimpleShelvedRow         *row,
          const DimpleGivenValues  *values,
          GError                  **error)
{
  Edit edit = { row, values, NULL };
  g_autoptr(GByteArray) renamed = NULL;
  g_auto(DimpleGivenValues) whole = { NULL };
  g_autofree char *new_key = NULL;

  if (!dimple_writer_write_own (self->writer, write_edit, &edit, error))
    return FALSE;
  dimple_writer_note_shelf_edit (self->writer);
  renamed = edit.renamed;
  if (renamed == NULL)
    return TRUE;
  dimple_given_values_init_from_row (&whole, row->table, renamed->data);
  new_key = dimple_store_insert_row (self, row->table, &whole, error);
  return new_key != NULL;
}

gboolean
dimple_store_write_shelved (DimpleStore              *self,
                            const DimpleTable        *table,
                            const char               *key,
                            const DimpleGivenValues  *values,
                            gboolean                 *found,
                            GError                  **error)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  g_autoptr(DimpleShelvedRow) row = NULL;
  g_autoptr(GError) local_error = NULL;

  *found = FALSE;
  if (!table->tracked)
    return TRUE;
  if (!dimple_key_parse (table, key, record, error))
    return FALSE;
  row = dimple_shelf_find (dimple_writer_get_connection (self->writer), table, record->data, &local_error);
  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  if (row == NULL)
    return TRUE;
  *found = TRUE;
  /* several statements: all or nothing */
  if (!dimple_writer_begin (self->writer, error))
    return FALSE;
  if (edit_row (self, row, values, error))
    return dimple_writer_commit (self->writer, error);
  dimple_writer_rollback (self->writer);
  return FALSE;
}
