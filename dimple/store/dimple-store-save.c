/* dimple-store-save.c: objects that are rows, written back
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include "dimple-error.h"
#include "dimple-record-private.h"

/* What a save is about: taken from the object in its own context, done on any thread, and told to the object again. */
typedef struct
{
  DimpleRowShape *shape;
  char           *table;
  char           *key;          /* NULL: to be inserted */
  GVariant       *edits;        /* (nullable) a{sv} */
  char           *new_key;      /* once inserted */
  GBytes         *record;       /* (nullable) how the row is now */
  gboolean        at_once;      /* blocking: the object cannot have been edited meanwhile */
} Save;

static void
save_free (Save *save)
{
  g_free (save->table);
  g_free (save->key);
  g_free (save->new_key);
  g_clear_pointer (&save->edits, g_variant_unref);
  g_clear_pointer (&save->record, g_bytes_unref);
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

/* Reads back what the table made of it: defaults, conversions, generated columns, triggers. */
static gboolean
read_back (DimpleStore  *self,
           Save         *save,
           GError      **error)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (self);
  const DimpleTable *table = dimple_schema_find (schema, save->table);
  g_autoptr(DimpleSnapshot) snapshot = NULL;
  g_autoptr(GError) read_error = NULL;

  if (table == NULL || dimple_row_shape_for_table (table) != save->shape)
    return TRUE;
  snapshot = dimple_store_read_by_key (self, save->table, save->new_key != NULL ? save->new_key : save->key, NULL,
                                       &read_error);
  /* A shelved row is written though it is in no table; it stays as it was set. */
  if (g_error_matches (read_error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND) && save->key != NULL)
    return TRUE;
  if (snapshot == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&read_error));
      return FALSE;
    }
  save->record = dimple_snapshot_dup_record (snapshot, 0);
  return TRUE;
}

static gboolean
write_row (DimpleStore  *self,
           gpointer      user_data,
           GError      **error)
{
  Save *save = user_data;

  if (save->key == NULL)
    {
      GVariant *values = save->edits != NULL ? save->edits : g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0);

      save->new_key = dimple_store_insert (self, save->table, values, error);
      return save->new_key != NULL && read_back (self, save, error);
    }
  if (save->edits == NULL)
    return TRUE;
  return dimple_store_update (self, save->table, save->key, save->edits, error) && read_back (self, save, error);
}

static gboolean
save_run (DimpleStore  *self,
          Save         *save,
          GError      **error)
{
  /* Nothing was set: nothing is written, not even a transaction begun. */
  if (save->key != NULL && save->edits == NULL)
    return TRUE;
  return dimple_store_transaction (self, write_row, save, error);
}

static void
set_again (DimpleRow  *row,
           const char *column,
           GVariant   *variant)
{
  g_auto(GValue) value = G_VALUE_INIT;

  if (g_variant_is_of_type (variant, G_VARIANT_TYPE_BYTESTRING))
    {
      g_value_init (&value, G_TYPE_BYTES);
      g_value_take_boxed (&value, g_variant_get_data_as_bytes (variant));
    }
  else if (!g_variant_is_of_type (variant, G_VARIANT_TYPE_MAYBE))
    g_dbus_gvariant_to_gvalue (variant, &value);
  dimple_row_set_value (row, column, G_IS_VALUE (&value) ? &value : NULL);
}

/* What was set while the save was under way is not saved: it stays edited. */
static void
restore_later_edits (GObject  *object,
                     GVariant *later,
                     GVariant *saved)
{
  GVariantIter iter;
  const char *column;
  GVariant *value;

  if (later == NULL || !DIMPLE_IS_ROW (object))
    return;
  g_variant_iter_init (&iter, later);
  while (g_variant_iter_loop (&iter, "{&sv}", &column, &value))
    {
      g_autoptr(GVariant) before = saved != NULL ? g_variant_lookup_value (saved, column, NULL) : NULL;

      if (before == NULL || !g_variant_equal (before, value))
        set_again (DIMPLE_ROW (object), column, value);
    }
}

static void
save_tell (Save    *save,
           GObject *object)
{
  g_autoptr(GVariant) later = NULL;
  gconstpointer bytes = NULL;
  gsize size = 0;

  if (save->key != NULL && save->edits == NULL)
    return;
  if (!save->at_once)
    dimple_row_dup_edits (object, &later, NULL);
  if (save->record != NULL)
    bytes = g_bytes_get_data (save->record, &size);
  /* Whoever is bound to the object sees only how it ends up. */
  g_object_freeze_notify (object);
  dimple_row_set_saved (object, save->new_key, bytes, size);
  restore_later_edits (object, later, save->edits);
  g_object_thaw_notify (object);
}

/**
 * dimple_store_save:
 * @self: a store
 * @object: a row, or an object of a class given to [method@Store.register_type]
 * @error: return location for an error
 *
 * Saves a row; blocking.  One that is new is inserted; of one that was loaded only the columns set since then are written,
 * and nothing if none was.
 *
 * Fails with %DIMPLE_ERROR_READ_ONLY for a row that is of no table, %DIMPLE_ERROR_TYPE for an object that is no row,
 * %DIMPLE_ERROR_NOT_FOUND if the row was deleted meanwhile, and as [method@Store.insert] does.  The object is then as it
 * was, its edits included.
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
