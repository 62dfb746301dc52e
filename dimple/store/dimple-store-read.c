/* dimple-store-read.c: reading through a store
 *
 * Readers see the last commit, and never wait for the writer.  Inside a transaction the thread reads through the
 * writer, so that it sees its own work.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include "dimple-error.h"
#include "dimple-parameters-private.h"
#include "dimple-snapshot-private.h"
#include "dimple-statement-policy-private.h"

/* A connection to read through: the writer inside a transaction of this thread, else a reader. */
static DimpleConnection *
borrow (DimpleStore   *self,
        GCancellable  *cancellable,
        GError       **error)
{
  DimpleConnection *connection;

  if (dimple_writer_is_mine (self->writer))
    return dimple_writer_get_connection (self->writer);
  connection = dimple_store_acquire_reader (self, error);
  if (connection != NULL)
    {
      dimple_connection_set_authorizer (connection, dimple_statement_policy_authorize, NULL);
      dimple_connection_set_cancellable (connection, cancellable);
    }
  return connection;
}

static void
give_back (DimpleStore      *self,
           DimpleConnection *connection)
{
  if (dimple_writer_is_mine (self->writer))
    return;
  dimple_connection_set_authorizer (connection, NULL, NULL);
  dimple_connection_set_cancellable (connection, NULL);
  dimple_store_release_reader (self, connection);
}

static GType
find_registered_type (DimpleStore *self,
                      const char  *table)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->pending_lock);
  g_autofree char *lower = g_ascii_strdown (table, -1);

  return GPOINTER_TO_SIZE (g_hash_table_lookup (self->row_types, lower));
}

static DimpleSnapshot *
read_rows (DimpleStore       *self,
           DimpleConnection  *connection,
           const char        *sql,
           GVariant          *parameters,
           GType              type,
           guint              at_most,
           GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_statement_policy_prepare_select (connection, sql, error);
  g_autoptr(DimpleSchema) schema = NULL;
  g_autoptr(DimpleSnapshot) snapshot = NULL;
  g_autoptr(GError) step_error = NULL;
  gboolean has_row;

  if (statement == NULL || !dimple_parameters_bind (statement, parameters, error))
    return NULL;
  /* A statement that was prepared before a migration learns of its columns with the first step. */
  has_row = dimple_statement_step (statement, &step_error);
  schema = dimple_store_ref_schema (self);
  snapshot = dimple_snapshot_new (dimple_row_shape_for_statement (statement, schema), type);
  for (guint n_rows = 0; has_row && n_rows < at_most; n_rows++)
    {
      dimple_snapshot_add_row (snapshot, statement);
      has_row = n_rows + 1 < at_most && dimple_statement_step (statement, &step_error);
    }
  if (step_error == NULL)
    return g_steal_pointer (&snapshot);
  g_propagate_error (error, g_steal_pointer (&step_error));
  return NULL;
}

DimpleSnapshot *
dimple_store_read (DimpleStore   *self,
                   const char    *sql,
                   GVariant      *parameters,
                   GType          type,
                   guint          at_most,
                   GCancellable  *cancellable,
                   GError       **error)
{
  DimpleConnection *connection = borrow (self, cancellable, error);
  DimpleSnapshot *snapshot;

  if (connection == NULL)
    return NULL;
  snapshot = read_rows (self, connection, sql, parameters, type, at_most, error);
  give_back (self, connection);
  return snapshot;
}

/**
 * dimple_store_select:
 * @self: a store
 * @sql: a SELECT
 * @parameters: (nullable): its parameters: a tuple for `?`, `a{sv}` for `:name`, one value for one `?`; sunk if
 *   floating
 * @error: return location for an error
 *
 * Reads rows; blocking.  The list is how things are now and does not change; for a live one make a [class@Query].
 * Inside a transaction it sees what that has written.
 *
 * Returns: (transfer full): the rows, of [class@Row]
 */
GListModel *
dimple_store_select (DimpleStore  *self,
                     const char   *sql,
                     GVariant     *parameters,
                     GError      **error)
{
  g_autoptr(GVariant) sunk = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;

  g_return_val_if_fail (DIMPLE_IS_STORE (self), NULL);
  g_return_val_if_fail (sql != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return (GListModel *) dimple_store_read (self, sql, sunk, 0, G_MAXUINT, NULL, error);
}

/**
 * dimple_store_select_first:
 * @self: a store
 * @sql: a SELECT
 * @parameters: (nullable): its parameters, as for [method@Store.select]; sunk if floating
 * @error: return location for an error
 *
 * Reads the first row; blocking.
 *
 * Returns: (transfer full) (nullable): the row, a [class@Row]; %NULL without an error if there is none
 */
GObject *
dimple_store_select_first (DimpleStore  *self,
                           const char   *sql,
                           GVariant     *parameters,
                           GError      **error)
{
  g_autoptr(GVariant) sunk = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;
  g_autoptr(DimpleSnapshot) snapshot = NULL;

  g_return_val_if_fail (DIMPLE_IS_STORE (self), NULL);
  g_return_val_if_fail (sql != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  snapshot = dimple_store_read (self, sql, sunk, 0, 1, NULL, error);
  return snapshot != NULL ? g_list_model_get_item (G_LIST_MODEL (snapshot), 0) : NULL;
}

/* A snapshot of the one row, in the class that get() makes; DIMPLE_ERROR_NOT_FOUND if there is none. */
DimpleSnapshot *
dimple_store_read_by_key (DimpleStore   *self,
                          const char    *table_name,
                          const char    *key,
                          GCancellable  *cancellable,
                          GError       **error)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (self);
  const DimpleTable *table = dimple_store_find_keyed_table (schema, table_name, error);
  g_autoptr(GVariant) parameters = NULL;
  g_autoptr(DimpleSnapshot) snapshot = NULL;
  g_autoptr(GString) sql = g_string_new (NULL);

  if (table == NULL)
    return NULL;
  dimple_row_sql_append_select (sql, table);
  parameters = dimple_store_key_to_parameters (table, key, error);
  if (parameters == NULL)
    return NULL;
  g_variant_ref_sink (parameters);
  snapshot = dimple_store_read (self, sql->str, parameters, find_registered_type (self, table->name), 1, cancellable,
                                error);
  if (snapshot == NULL || g_list_model_get_n_items (G_LIST_MODEL (snapshot)) > 0)
    return g_steal_pointer (&snapshot);
  dimple_store_set_not_found (table, key, error);
  return NULL;
}

/**
 * dimple_store_get:
 * @self: a store
 * @table: a table with a key
 * @key: the row's key
 * @error: return location for an error
 *
 * Reads one row by its key; blocking.  Fails with %DIMPLE_ERROR_NOT_FOUND if there is none.
 *
 * Returns: (transfer full): the row: a [class@Row], or of the class given to [method@Store.register_type]
 */
GObject *
dimple_store_get (DimpleStore  *self,
                  const char   *table,
                  const char   *key,
                  GError      **error)
{
  g_autoptr(DimpleSnapshot) snapshot = NULL;

  g_return_val_if_fail (DIMPLE_IS_STORE (self), NULL);
  g_return_val_if_fail (table != NULL, NULL);
  g_return_val_if_fail (key != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  snapshot = dimple_store_read_by_key (self, table, key, NULL, error);
  return snapshot != NULL ? g_list_model_get_item (G_LIST_MODEL (snapshot), 0) : NULL;
}

/* -- Types --------------------------------------------------------------------------------------------------------- */

/**
 * dimple_store_define_row_type:
 * @self: a store
 * @type_name: a name for the type, that nothing else has
 * @sql: a SELECT with the columns of the rows
 * @error: return location for an error
 *
 * Names the type of the rows that a statement gives, so that templates can speak of it, as in
 * `<lookup type="NoteRow">`.  To be called before such templates are read, and after [method@Store.migrate].  Defining
 * the same again gives the same type; other columns under the same name are a %DIMPLE_ERROR_TYPE.
 *
 * Returns: the type; %G_TYPE_INVALID on an error
 */
GType
dimple_store_define_row_type (DimpleStore  *self,
                              const char   *type_name,
                              const char   *sql,
                              GError      **error)
{
  g_autoptr(DimpleSchema) schema = NULL;
  DimpleConnection *connection;
  sqlite3_stmt *statement;
  GType type = G_TYPE_INVALID;

  g_return_val_if_fail (DIMPLE_IS_STORE (self), G_TYPE_INVALID);
  g_return_val_if_fail (type_name != NULL, G_TYPE_INVALID);
  g_return_val_if_fail (sql != NULL, G_TYPE_INVALID);
  g_return_val_if_fail (error == NULL || *error == NULL, G_TYPE_INVALID);

  connection = borrow (self, NULL, error);
  if (connection == NULL)
    return G_TYPE_INVALID;
  schema = dimple_store_ref_schema (self);
  statement = dimple_statement_policy_prepare_select (connection, sql, error);
  if (statement != NULL)
    type = dimple_row_shape_define_type (dimple_row_shape_for_statement (statement, schema), type_name, error);
  dimple_statement_release (statement);
  give_back (self, connection);
  return type;
}

/**
 * dimple_store_register_type:
 * @self: a store
 * @table: a table
 * @type: a class of the app, whose properties are named like the columns
 *
 * Makes [method@Store.get] give objects of the app's own class for rows of @table, and [method@Store.save] take them.
 */
void
dimple_store_register_type (DimpleStore *self,
                            const char  *table,
                            GType        type)
{
  g_autoptr(DimpleSchema) schema = NULL;
  const DimpleTable *found;

  g_return_if_fail (DIMPLE_IS_STORE (self));
  g_return_if_fail (table != NULL);
  g_return_if_fail (g_type_is_a (type, G_TYPE_OBJECT));

  schema = dimple_store_ref_schema (self);
  found = dimple_schema_find (schema, table);
  if (found == NULL)
    {
      g_critical ("There is no table “%s” to register the type %s for", table, g_type_name (type));
      return;
    }
  dimple_row_shape_register (dimple_row_shape_for_table (found), type);
  g_mutex_lock (&self->pending_lock);
  g_hash_table_insert (self->row_types, g_ascii_strdown (table, -1), GSIZE_TO_POINTER (type));
  g_mutex_unlock (&self->pending_lock);
}
