/* dimple-capture.c: which rows a transaction changed, whatever changed them
 *
 * The preupdate hook sees what neither the update hook nor triggers do: REPLACE, WITHOUT ROWID tables, cascades, a DELETE
 * without WHERE.  Here a change is brought to its table; dimple-capture-table.c keeps and nets it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-capture-private.h"

#include <string.h>

#include "dimple-capture-table-private.h"
#include "dimple-error.h"

struct _DimpleCapture
{
  DimpleConnection   *connection;
  DimpleSchema       *schema;
  GHashTable         *tables;        /* DimpleCaptureTable by its name */
  GHashTable         *virtuals;      /* names of the virtual tables written to */
  DimpleCaptureTable *last;          /* changes come in stretches of one table */
  const char         *last_name;
  gboolean            paused;
  gboolean            failed;        /* an old row could not be read: the transaction must not commit */
};

static void
touch_unlisted (DimpleCapture *self,
                const char    *name)
{
  const char *owner = dimple_schema_find_owner (self->schema, name);

  if (owner != NULL)
    g_hash_table_add (self->virtuals, (gpointer) owner);
}

static void
on_preupdate (gpointer       user_data,
              sqlite3       *handle,
              int            operation,
              const char    *database,
              const char    *name,
              sqlite3_int64  old_rowid,
              sqlite3_int64  new_rowid)
{
  DimpleCapture *self = user_data;

  if (self->paused || self->schema == NULL || strcmp (database, "main") != 0)
    return;

  if (self->last == NULL || strcmp (self->last_name, name) != 0)
    {
      gpointer listed_name, table;

      if (!g_hash_table_lookup_extended (self->tables, name, &listed_name, &table))
        {
          touch_unlisted (self, name);
          return;
        }
      self->last = table;
      self->last_name = listed_name;
    }
  if (!dimple_capture_table_touch (self->last, handle, operation, old_rowid, new_rowid))
    self->failed = TRUE;
}

static void
on_rollback (gpointer user_data)
{
  dimple_capture_clear (user_data);
}

DimpleCapture *
dimple_capture_new (DimpleConnection *connection)
{
  DimpleCapture *self = g_new0 (DimpleCapture, 1);
  sqlite3 *handle = dimple_connection_get_handle (connection);

  self->connection = connection;
  self->tables = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                        (GDestroyNotify) dimple_capture_table_free);
  self->virtuals = g_hash_table_new (g_str_hash, g_str_equal);
  sqlite3_preupdate_hook (handle, on_preupdate, self);
  sqlite3_rollback_hook (handle, on_rollback, self);
  return self;
}

void
dimple_capture_free (DimpleCapture *self)
{
  sqlite3 *handle = dimple_connection_get_handle (self->connection);

  sqlite3_preupdate_hook (handle, NULL, NULL);
  sqlite3_rollback_hook (handle, NULL, NULL);
  g_hash_table_unref (self->tables);
  g_hash_table_unref (self->virtuals);
  g_clear_pointer (&self->schema, dimple_schema_unref);
  g_free (self);
}

void
dimple_capture_set_schema (DimpleCapture *self,
                           DimpleSchema  *schema)
{
  g_hash_table_remove_all (self->tables);
  g_hash_table_remove_all (self->virtuals);
  self->last = NULL;
  self->failed = FALSE;
  g_clear_pointer (&self->schema, dimple_schema_unref);
  if (schema == NULL)
    return;

  self->schema = dimple_schema_ref (schema);
  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *table = dimple_schema_get_table (schema, i);
      g_autoptr(GError) error = NULL;
      DimpleCaptureTable *captured = dimple_capture_table_new (self->connection, table, &error);

      /* Only a schema that SQLite itself cannot read brings this; then nothing may be committed unseen. */
      if (captured == NULL)
        {
          g_warning ("Changes of table “%s” cannot be followed: %s", table->name, error->message);
          self->failed = TRUE;
        }
      else
        g_hash_table_insert (self->tables, table->name, captured);
    }
}

void
dimple_capture_set_paused (DimpleCapture *self,
                           gboolean       paused)
{
  self->paused = paused;
}

gboolean
dimple_capture_is_empty (DimpleCapture *self)
{
  GHashTableIter iter;
  gpointer table;

  if (self->failed || g_hash_table_size (self->virtuals) > 0)
    return FALSE;
  g_hash_table_iter_init (&iter, self->tables);
  while (g_hash_table_iter_next (&iter, NULL, &table))
    if (!dimple_capture_table_is_empty (table))
      return FALSE;
  return TRUE;
}

gboolean
dimple_capture_net (DimpleCapture      *self,
                    DimpleCaptureFunc   func,
                    gpointer            user_data,
                    GError            **error)
{
  if (self->failed)
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED,
                           "The change could not be recorded in the history, so it was not made");
      return FALSE;
    }
  if (self->schema == NULL)
    return TRUE;

  /* In the order of the schema, so that the same changes always give the same log. */
  for (guint i = 0; i < dimple_schema_get_n_tables (self->schema); i++)
    {
      DimpleCaptureTable *table =
        g_hash_table_lookup (self->tables, dimple_schema_get_table (self->schema, i)->name);

      if (table == NULL || dimple_capture_table_is_empty (table))
        continue;
      if (!dimple_capture_table_net (table, func, user_data, error))
        return FALSE;
      dimple_capture_table_clear (table);
    }
  return TRUE;
}

void
dimple_capture_net_virtual (DimpleCapture *self,
                            GFunc          func,
                            gpointer       user_data)
{
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, self->virtuals);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    func (name, user_data);
  g_hash_table_remove_all (self->virtuals);
}

void
dimple_capture_clear (DimpleCapture *self)
{
  GHashTableIter iter;
  gpointer table;

  g_hash_table_iter_init (&iter, self->tables);
  while (g_hash_table_iter_next (&iter, NULL, &table))
    dimple_capture_table_clear (table);
  g_hash_table_remove_all (self->virtuals);
  self->failed = FALSE;
}
