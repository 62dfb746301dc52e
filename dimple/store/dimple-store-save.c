/* dimple-store-save.c: objects that are rows, written back
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include "dimple-error.h"
#include "dimple-record-private.h"
#include "dimple-statement-policy-private.h"

/* What a save is about: taken from the object in its own context, done on any thread, and told to the object again. */
typedef struct
{
  DimpleRowShape *shape;
  char           *table;
  char           *key;          /* NULL: to be inserted */
  DimpleRowEdits *edits;        /* (nullable) */
  char           *new_key;      /* once inserted */
  GByteArray     *record;       /* (nullable) how the row is now */
  gboolean        at_once;      /* blocking: the object cannot have been edited meanwhile */
} Save;

static void
save_free (Save *save)
{
  g_free (save->table);
  g_free (save->key);
  g_free (save->new_key);
  g_clear_pointer (&save->edits, dimple_row_edits_free);
  g_clear_pointer (&save->record, g_byte_array_unref);
  g_free (save);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Save, save_free)

static Save *
save_new (GObject  *object,
          GError  **error)
{
  g_autoptr(Save) save = g_new0 (Save, 1);

  save->shape = dimple_row_shape_of (object);
  if (save->shape == NULL)
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE,
                   "Objects of the class %s are no rows: name its table with dimple_store_register_type()",
                   G_OBJECT_TYPE_NAME (object));
      return NULL;
    }
  save->table = g_strdup (dimple_row_shape_get_table (save->shape));
  if (save->table == NULL)
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_READ_ONLY,
                           "The row cannot be saved: its statement does not select the key of a table");
      return NULL;
    }
  save->key = dimple_row_dup_key (object);
  if (!dimple_row_dup_edits (object, &save->edits, error))
    return NULL;
  return g_steal_pointer (&save);
}

/* Reads back what the table made of it: defaults, conversions, generated columns, triggers.  A shelved row is written
 * though it is in no table; it stays as it was set.  So does a row that cannot be read: it is saved all the same,
 * unless COMMIT, which reads it too, says otherwise. */
static void
read_back (DimpleStore       *self,
           const DimpleTable *table,
           Save              *save)
{
  g_autoptr(GByteArray) key = g_byte_array_new ();
  g_autoptr(DimpleStatement) statement = NULL;
  const char *sql;

  if (dimple_row_shape_for_table (table) != save->shape)
    return;
  sql = dimple_row_sql_get (self->row_sql, DIMPLE_ROW_SQL_SELECT, dimple_writer_get_schema (self->writer), table, NULL);
  statement = dimple_statement_policy_prepare (dimple_writer_get_connection (self->writer), sql, NULL);
  if (statement == NULL ||
      !dimple_store_bind_key (statement, 0, table, save->new_key != NULL ? save->new_key : save->key, key, NULL) ||
      !dimple_statement_step (statement, NULL))
    return;
  save->record = g_byte_array_new ();
  dimple_record_append_row (save->record, statement, (guint) sqlite3_column_count (statement));
}

static gboolean
write_row (DimpleStore  *self,
           Save         *save,
           GError      **error)
{
  const DimpleTable *table = NULL;
  g_auto(DimpleGivenValues) values = { NULL };

  table = dimple_store_find_keyed_table (dimple_writer_get_schema (self->writer), save->table, error);
  if (table == NULL || !dimple_given_values_init_from_edits (&values, table, save->edits, error))
    return FALSE;
  if (save->key == NULL)
    save->new_key = dimple_store_insert_row (self, table, &values, error);
  else if (!dimple_store_update_row (self, table, save->key, &values, error))
    return FALSE;
  if (save->key == NULL && save->new_key == NULL)
    return FALSE;
  read_back (self, table, save);
  return TRUE;
}

static gboolean
save_run (DimpleStore  *self,
          Save         *save,
          GError      **error)
{
  /* Nothing was set: nothing is written, not even a transaction begun. */
  if (save->key != NULL && save->edits == NULL)
    return TRUE;
  if (!dimple_writer_begin_statement (self->writer, save->table, error))
    return FALSE;
  if (write_row (self, save, error))
    return dimple_writer_commit (self->writer, error);
  dimple_writer_rollback (self->writer);
  return FALSE;
}

/* What was set of a DimpleRow while the save was under way is not saved: it stays edited. */
static void
restore_later_edits (GObject              *object,
                     const DimpleRowEdits *later,
                     const DimpleRowEdits *saved)
{
  if (later == NULL || !DIMPLE_IS_ROW (object))
    return;
  for (guint i = 0; i < dimple_row_edits_get_n (later); i++)
    {
      guint column;
      DimpleValue value, before;

      dimple_row_edits_get (later, i, &column, &value);
      if (saved == NULL || !dimple_row_edits_find (saved, column, &before) || !dimple_value_equal (&before, &value))
        dimple_row_edit (DIMPLE_ROW (object), column, &value);
    }
}

static void
save_tell (Save    *save,
           GObject *object)
{
  g_autoptr(DimpleRowEdits) later = NULL;

  if (save->key != NULL && save->edits == NULL)
    return;
  if (!save->at_once)
    dimple_row_dup_edits (object, &later, NULL);
  /* Whoever is bound to the object sees only how it ends up. */
  if (later != NULL)
    g_object_freeze_notify (object);
  dimple_row_set_saved (object, save->edits, save->new_key, save->record != NULL ? save->record->data : NULL,
                        save->record != NULL ? save->record->len : 0);
  restore_later_edits (object, later, save->edits);
  if (later != NULL)
    g_object_thaw_notify (object);
}

/**
 * dimple_store_save:
 * @self: a store
 * @object: a row, or an object of a class given to [method@Store.register_type]
 * @error: return location for an error
 *
 * Saves a row; blocking.  One that is new is inserted; of one that was loaded only the columns set since then are
 * written, and nothing if none was.
 *
 * Fails with %DIMPLE_ERROR_READ_ONLY for a row that is of no table, %DIMPLE_ERROR_TYPE for an object that is no row,
 * %DIMPLE_ERROR_NOT_FOUND if the row was deleted meanwhile, and as [method@Store.insert] does.  The object is then as
 * it was, its edits included.
 *
 * Returns: %TRUE if the row is saved
 */
gboolean
dimple_store_save (DimpleStore  *self,
                   GObject      *object,
                   GError      **error)
{
  g_autoptr(Save) save = NULL;

  g_return_val_if_fail (DIMPLE_IS_STORE (self), FALSE);
  g_return_val_if_fail (G_IS_OBJECT (object), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  save = save_new (object, error);
  if (save == NULL || !save_run (self, save, error))
    return FALSE;
  save->at_once = TRUE;
  save_tell (save, object);
  return TRUE;
}

static void
run_save (GTask *task)
{
  GError *error = NULL;

  if (save_run (g_task_get_source_object (task), g_object_get_data (G_OBJECT (task), "save"), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/**
 * dimple_store_save_async:
 * @self: a store
 * @object: a row, or an object of a class given to [method@Store.register_type]
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the row is committed
 * @user_data: for @callback
 *
 * Saves a row without blocking; see [method@Store.save].  What is set while that is under way is not saved, and stays
 * edited.
 */
void
dimple_store_save_async (DimpleStore         *self,
                         GObject             *object,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  g_autoptr(Save) save = NULL;
  GError *error = NULL;

  g_return_if_fail (DIMPLE_IS_STORE (self));
  g_return_if_fail (G_IS_OBJECT (object));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, dimple_store_save_async);
  g_task_set_check_cancellable (task, FALSE);
  /* Kept until finish(), which runs where the object may be touched. */
  g_task_set_task_data (task, g_object_ref (object), g_object_unref);
  save = save_new (object, &error);
  if (save == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  g_object_set_data_full (G_OBJECT (task), "save", g_steal_pointer (&save), (GDestroyNotify) save_free);
  dimple_worker_push (self->worker, task, run_save);
}

/**
 * dimple_store_save_finish:
 * @self: a store
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Store.save_async].
 *
 * Returns: %TRUE if the row is saved
 */
gboolean
dimple_store_save_finish (DimpleStore   *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  save_tell (g_object_get_data (G_OBJECT (result), "save"), g_task_get_task_data (G_TASK (result)));
  return TRUE;
}

/**
 * dimple_store_create_row:
 * @self: a store
 * @table: a table with a key
 * @error: return location for an error
 *
 * Makes a row that is not in the table yet: set its properties, then [method@Store.save] it.
 *
 * Returns: (transfer full): the row
 */
DimpleRow *
dimple_store_create_row (DimpleStore  *self,
                         const char   *table,
                         GError      **error)
{
  g_autoptr(DimpleSchema) schema = NULL;
  const DimpleTable *found;

  g_return_val_if_fail (DIMPLE_IS_STORE (self), NULL);
  g_return_val_if_fail (table != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  schema = dimple_store_ref_schema (self);
  found = dimple_store_find_keyed_table (schema, table, error);
  return found != NULL ? dimple_row_new_unsaved (dimple_row_shape_for_table (found)) : NULL;
}
