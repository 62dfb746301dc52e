/* dimple-store-shelf.c: editing rows that are on the shelf
 *
 * No SQL of the app's reaches such a row, so that what it is set to is put through a table of one row with the same
 * columns and no constraints: values are converted as they would be in the table.  Whether the row may be shown then, and
 * why not, settling finds out after the commit.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include "dimple-error.h"
#include "dimple-key-private.h"
#include "dimple-parameters-private.h"
#include "dimple-row-value-private.h"
#include "dimple-shelf-private.h"

typedef struct
{
  DimpleShelvedRow *row;
  GVariant         *values;      /* (nullable) a{sv}; NULL: to be deleted */
  GVariant         *renamed;     /* receives a{sv} of the whole row if its key is another now */
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
set_value (DimpleConnection  *connection,
           const char        *column,
           GVariant          *value,
           GError           **error)
{
  g_autofree char *name = dimple_quote (column);
  g_autofree char *sql = g_strdup_printf ("UPDATE temp.dimple_edit SET %s = ?", name);
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (connection, sql, error);

  return statement != NULL && dimple_parameter_bind (statement, 1, value, error) &&
         dimple_statement_run (statement, error);
}

/* The whole row as an insert takes it, from the copy that the statement stands on. */
static GVariant *
collect_values (const DimpleTable *table,
                sqlite3_stmt      *statement)
{
  GVariantBuilder values;

  g_variant_builder_init (&values, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < table->columns->len; i++)
    {
      DimpleValue value;

      if (get_column (table, i)->generated)
        continue;
      dimple_value_from_column (&value, statement, (int) i);
      g_variant_builder_add (&values, "{sv}", get_column (table, i)->name, dimple_value_to_variant (&value));
    }
  return g_variant_ref_sink (g_variant_builder_end (&values));
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
  GVariantIter iter;
  const char *column;
  GVariant *value;

  if (!create_copy (connection, edit->row, error))
    return NULL;
  g_variant_iter_init (&iter, edit->values);
  while (g_variant_iter_loop (&iter, "{&sv}", &column, &value))
    if (!set_value (connection, column, value, error))
      {
        g_variant_unref (value);
        return NULL;
      }
  statement = dimple_connection_prepare (connection, "SELECT * FROM temp.dimple_edit", error);
  if (statement == NULL || !dimple_statement_step (statement, error))
    return NULL;
  dimple_record_append_row (record, statement, edit->row->table->columns->len);
  if (is_same_key (edit->row->table, edit->row->key->data, statement))
    return g_steal_pointer (&record);
  edit->renamed = collect_values (edit->row->table, statement);
  return NULL;
}

/* -- Edits --------------------------------------------------------------------------------------------------------- */

static gboolean
is_nothing (GVariant *value)
{
  return g_variant_is_of_type (value, G_VARIANT_TYPE_MAYBE) && g_variant_n_children (value) == 0;
}

/* What a statement would refuse, too, whatever else there is in the row. */
static gboolean
check_value (const DimpleTable   *table,
             const DimpleColumn  *column,
             GVariant            *value,
             GError             **error)
{
  if (column->generated)
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL, "The column “%s” is generated, and cannot be set", column->name);
  else if ((column->not_null || column->key_position > 0) && is_nothing (value))
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT, "NOT NULL constraint failed: %s.%s", table->name,
                 column->name);
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_values (const DimpleTable  *table,
              GVariant           *values,
              GError            **error)
{
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_iter_init (&iter, values);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    if (!check_value (table, get_column (table, (guint) dimple_table_find_column (table, name)), value, error))
      {
        g_variant_unref (value);
        return FALSE;
      }
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
edit_row (DimpleStore       *self,
          DimpleShelvedRow  *row,
          GVariant          *values,
          GError           **error)
{
  Edit edit = { row, values, NULL };
  g_autoptr(GVariant) renamed = NULL;
  g_autofree char *new_key = NULL;

  if (!dimple_writer_write_own (self->writer, write_edit, &edit, error))
    return FALSE;
  dimple_writer_note_shelf_edit (self->writer);
  renamed = edit.renamed;
  if (renamed == NULL)
    return TRUE;
  new_key = dimple_store_insert (self, row->table->name, renamed, error);
  return new_key != NULL;
}

static gboolean
edit_shelved (DimpleStore        *self,
              const DimpleTable  *table,
              const char         *key,
              GVariant           *values,
              gboolean           *found,
              GError            **error)
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

gboolean
dimple_store_update_shelved (DimpleStore        *self,
                             const DimpleTable  *table,
                             const char         *key,
                             GVariant           *values,
                             gboolean           *found,
                             GError            **error)
{
  return edit_shelved (self, table, key, values, found, error);
}

gboolean
dimple_store_delete_shelved (DimpleStore        *self,
                             const DimpleTable  *table,
                             const char         *key,
                             gboolean           *found,
                             GError            **error)
{
  return edit_shelved (self, table, key, NULL, found, error);
}
