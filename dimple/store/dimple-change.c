/* dimple-change.c: one change of one row, as the history has it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-change-private.h"

#include "dimple-enum-types.h"
#include "dimple-error.h"
#include "dimple-key-private.h"
#include "dimple-read-only-properties-private.h"
#include "dimple-row-value-private.h"
#include "dimple-shelf-private.h"
#include "dimple-store-internal-private.h"

/**
 * DimpleChange:
 *
 * One change of one row, as the history has it: see [method@Store.get_history].
 *
 * Nothing that was ever committed is lost, even if another device changed the same at the same time and its change won
 * the merge: [property@Change:won] tells, and [method@Change.restore] writes the values back.
 *
 * A change belongs to the thread whose main context its list has.
 */
struct _DimpleChange
{
  GObject             parent_instance;
  DimpleHistoryList  *list;
  DimpleLoggedChange *logged;
  char               *key;
  char               *author_name;   /* (nullable) */
  GHashTable         *lent;          /* GValue by column's name in lower case, after "o" or "n" */
  gboolean            judged;        /* `logged->won` is known */
};

enum
{
  PROP_0,
  PROP_TRANSACTION,
  PROP_TIME,
  PROP_LABEL,
  PROP_AUTHOR,
  PROP_AUTHOR_NAME,
  PROP_TABLE,
  PROP_KEY,
  PROP_OPERATION,
  PROP_COLUMNS,
  PROP_WON,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_FINAL_TYPE (DimpleChange, dimple_change, G_TYPE_OBJECT)

/* The public one; of a table that is not here, as it would be. */
static char *
make_key (DimpleStore              *store,
          const DimpleLoggedChange *logged)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (store);
  const DimpleTable *table = dimple_schema_find (schema, logged->table);
  const guint8 *end = logged->key->data + logged->key->len;
  DimpleValue value;
  guint n_values = 0;

  if (table != NULL && table->tracked)
    {
      GString *key = g_string_new (NULL);

      dimple_key_append_record (key, table, logged->key->data);
      return g_string_free (key, FALSE);
    }
  for (const guint8 *position = logged->key->data; position < end; n_values++)
    position = dimple_record_read (position, &value);
  if (n_values == 0)
    return g_strdup ("");
  if (n_values == 1 && value.type == SQLITE_TEXT)
    return dimple_value_dup_string (&value);
  return dimple_key_to_json (logged->key->data, n_values);
}

DimpleChange *
dimple_change_new (DimpleHistoryList  *list,
                   DimpleLoggedChange *logged,
                   char               *author_name)
{
  DimpleChange *self = g_object_new (DIMPLE_TYPE_CHANGE, NULL);

  self->list = g_object_ref (list);
  self->logged = logged;
  self->author_name = author_name;
  self->key = make_key (dimple_history_list_get_store (list), logged);
  return self;
}

void
dimple_change_judge_again (DimpleChange *self)
{
  if (!self->judged)
    return;
  self->judged = FALSE;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_WON]);
}

static gboolean
has_won (DimpleChange *self)
{
  if (!self->judged)
    {
      self->logged->won = dimple_history_list_has_won (self->list, self->logged->seq, self->logged->row);
      self->judged = TRUE;
    }
  return self->logged->won;
}

static GDateTime *
make_time (const char *id)
{
  guint64 time = 0;

  dimple_uuid7_parse (id, &time, NULL);
  return dimple_time_new_from_milliseconds (DIMPLE_UUID_MILLISECONDS (time));
}

/* -- Values -------------------------------------------------------------------------------------------------------- */

static DimpleKind
find_kind (DimpleChange *self,
           const char   *column)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (dimple_history_list_get_store (self->list));
  const DimpleTable *table = dimple_schema_find (schema, self->logged->table);
  int number = table != NULL ? dimple_table_find_column (table, column) : -1;
  const DimpleColumn *found = number >= 0 ? g_ptr_array_index (table->columns, (guint) number) : NULL;

  return found != NULL ? dimple_kind_from_declared_type (found->declared_type) : DIMPLE_KIND_ANY;
}

static void
free_value (gpointer value)
{
  g_value_unset (value);
  g_free (value);
}

static const GValue *
lend_value (DimpleChange     *self,
            const GByteArray *values,
            const char       *prefix,
            const char       *column)
{
  g_autofree char *lower = g_ascii_strdown (column, -1);
  g_autofree char *name = g_strconcat (prefix, lower, NULL);
  GValue *lent = self->lent != NULL ? g_hash_table_lookup (self->lent, name) : NULL;
  DimpleValue value = { .type = SQLITE_NULL };

  if (lent != NULL)
    return lent;
  for (guint i = 0; values != NULL && i < self->logged->columns->len; i++)
    if (g_ascii_strcasecmp (g_ptr_array_index (self->logged->columns, i), column) == 0)
      dimple_record_read (dimple_record_skip (values->data, i), &value);
  if (value.type == SQLITE_NULL || value.type == DIMPLE_VALUE_PRUNED)
    return NULL;
  if (self->lent == NULL)
    self->lent = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_value);
  lent = g_new0 (GValue, 1);
  dimple_value_init_gvalue (&value, find_kind (self, column), lent);
  g_hash_table_insert (self->lent, g_steal_pointer (&name), lent);
  return lent;
}

/**
 * dimple_change_get_old_value:
 * @self: a change
 * @column: a column, as in SQL
 *
 * Gets what a column was before the change, in the types of [method@Row.get_value]; it is valid as long as the change.
 *
 * Returns: (nullable) (transfer none): the value; %NULL if it was NULL, the change did not touch the column, or the
 * value
 *   was pruned
 */
const GValue *
dimple_change_get_old_value (DimpleChange *self,
                             const char   *column)
{
  g_return_val_if_fail (DIMPLE_IS_CHANGE (self), NULL);
  g_return_val_if_fail (column != NULL, NULL);

  return lend_value (self, self->logged->old_values, "o", column);
}

/**
 * dimple_change_get_new_value:
 * @self: a change
 * @column: a column, as in SQL
 *
 * Gets what the change made of a column, in the types of [method@Row.get_value]; it is valid as long as the change.
 *
 * Returns: (nullable) (transfer none): the value; %NULL if it is NULL, the change did not touch the column or deleted
 * the
 *   row, or the value was pruned
 */
const GValue *
dimple_change_get_new_value (DimpleChange *self,
                             const char   *column)
{
  g_return_val_if_fail (DIMPLE_IS_CHANGE (self), NULL);
  g_return_val_if_fail (column != NULL, NULL);

  return lend_value (self, self->logged->new_values, "n", column);
}

/* -- Restoring ----------------------------------------------------------------------------------------------------- */

/**
 * dimple_change_restore:
 * @self: a change
 * @column: (nullable): a column that it changed, or %NULL for all of them
 * @error: return location for an error
 *
 * Writes the values that a change set back, even if they lost a merge; blocking.  Of a delete the values that the row
 * had are written, so that the row is there again.  A row that is deleted comes back with all its other columns as they
 * were last.  That is a change like any other: it is synced, and can be restored from in its turn.
 *
 * Fails with %DIMPLE_ERROR_SQL if the change or the table does not have the column (any more), %DIMPLE_ERROR_NOT_FOUND
 * if its values were pruned, and as [method@Store.update] does.
 *
 * Returns: %TRUE if the values are written
 */
gboolean
dimple_change_restore (DimpleChange  *self,
                       const char    *column,
                       GError       **error)
{
  g_return_val_if_fail (DIMPLE_IS_CHANGE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return dimple_change_write_back (dimple_history_list_get_store (self->list), self->logged, column, error);
}

static void
run_restore (GTask *task)
{
  DimpleChange *self = g_task_get_source_object (task);
  GError *error = NULL;

  /* what was logged never changes, so it may be read here */
  if (dimple_change_write_back (dimple_history_list_get_store (self->list), self->logged, g_task_get_task_data (task),
                                &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/**
 * dimple_change_restore_async:
 * @self: a change
 * @column: (nullable): a column that it changed, or %NULL for all of them
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when the values are written
 * @user_data: for @callback
 *
 * Writes the values that a change set back without blocking; see [method@Change.restore].
 */
void
dimple_change_restore_async (DimpleChange        *self,
                             const char          *column,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (DIMPLE_IS_CHANGE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, dimple_change_restore_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, g_strdup (column), g_free);
  dimple_worker_push (dimple_history_list_get_store (self->list)->worker, task, run_restore);
}

/**
 * dimple_change_restore_finish:
 * @self: a change
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Change.restore_async].
 *
 * Returns: %TRUE if the values are written
 */
gboolean
dimple_change_restore_finish (DimpleChange  *self,
                              GAsyncResult  *result,
                              GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* -- The object ---------------------------------------------------------------------------------------------------- */

static void
dimple_change_get_property (GObject    *object,
                            guint       property_id,
                            GValue     *value,
                            GParamSpec *pspec)
{
  DimpleChange *self = DIMPLE_CHANGE (object);
  g_autoptr(GPtrArray) columns = NULL;

  switch (property_id)
    {
    case PROP_TRANSACTION:
      g_value_set_string (value, self->logged->id);
      break;
    case PROP_TIME:
      g_value_take_boxed (value, make_time (self->logged->id));
      break;
    case PROP_LABEL:
      g_value_set_string (value, self->logged->label);
      break;
    case PROP_AUTHOR:
      g_value_set_string (value, self->logged->author);
      break;
    case PROP_AUTHOR_NAME:
      g_value_set_string (value, self->author_name);
      break;
    case PROP_TABLE:
      g_value_set_string (value, self->logged->table);
      break;
    case PROP_KEY:
      g_value_set_string (value, self->key);
      break;
    case PROP_OPERATION:
      g_value_set_enum (value, (int) self->logged->operation);
      break;
    case PROP_COLUMNS:
      columns = g_ptr_array_new ();
      for (guint i = 0; i < self->logged->columns->len; i++)
        g_ptr_array_add (columns, g_ptr_array_index (self->logged->columns, i));
      g_ptr_array_add (columns, NULL);
      g_value_set_boxed (value, columns->pdata);
      break;
    case PROP_WON:
      g_value_set_boolean (value, has_won (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
dimple_change_finalize (GObject *object)
{
  DimpleChange *self = DIMPLE_CHANGE (object);

  g_clear_pointer (&self->logged, dimple_logged_change_free);
  g_clear_pointer (&self->lent, g_hash_table_unref);
  g_clear_object (&self->list);
  g_free (self->key);
  g_free (self->author_name);

  G_OBJECT_CLASS (dimple_change_parent_class)->finalize (object);
}

static void
dimple_change_class_init (DimpleChangeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->finalize = dimple_change_finalize;
  object_class->get_property = dimple_change_get_property;

  /**
   * DimpleChange:transaction:
   *
   * The id of the transaction that it is part of, a UUIDv7.
   */
  properties[PROP_TRANSACTION] = dimple_property_new_string ("transaction");

  /**
   * DimpleChange:time:
   *
   * When it was committed, in UTC, by the clock of the device that did so.
   */
  properties[PROP_TIME] = dimple_property_new_time ("time");

  /**
   * DimpleChange:label:
   *
   * What the app called what the user did; %NULL if it called it nothing.
   */
  properties[PROP_LABEL] = dimple_property_new_string ("label");

  /**
   * DimpleChange:author:
   *
   * The UUID of the device that made the change.
   */
  properties[PROP_AUTHOR] = dimple_property_new_string ("author");

  /**
   * DimpleChange:author-name:
   *
   * What that device is called; %NULL if that is not known.
   */
  properties[PROP_AUTHOR_NAME] = dimple_property_new_string ("author-name");

  /**
   * DimpleChange:table:
   *
   * The row's table.
   */
  properties[PROP_TABLE] = dimple_property_new_string ("table");

  /**
   * DimpleChange:key:
   *
   * The row's key.
   */
  properties[PROP_KEY] = dimple_property_new_string ("key");

  /**
   * DimpleChange:operation:
   *
   * What happened to the row.
   */
  properties[PROP_OPERATION] =
    dimple_property_new_enum ("operation", DIMPLE_TYPE_OPERATION, DIMPLE_OPERATION_INSERT);

  /**
   * DimpleChange:columns:
   *
   * The columns that changed; of an insert or a delete all but those of the key.
   */
  properties[PROP_COLUMNS] = g_param_spec_boxed ("columns", NULL, NULL, G_TYPE_STRV, flags);

  /**
   * DimpleChange:won:
   *
   * %FALSE if something of it was lost in a merge: another device changed the same without knowing of this change, and
   * its change won.  That a change was overwritten later by somebody who had seen it is no loss.
   */
  properties[PROP_WON] = g_param_spec_boolean ("won", NULL, NULL, TRUE, flags);

  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
dimple_change_init (DimpleChange *self)
{
}
