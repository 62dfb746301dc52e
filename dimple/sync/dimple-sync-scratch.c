/* dimple-sync-scratch.c: an empty store with the tables of another one
 *
 * It lives in a folder of its own in the user's cache, as it may grow as large as the other one, and goes with it.
 * Triggers and virtual tables are left out: what syncs does not depend on them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-verify-private.h"

#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>

#include "dimple-error.h"

#define FILE_NAME "scratch.db"

/* The statements that make a table and its indexes. */
static gboolean
append_table (GString            *script,
              DimpleConnection   *reader,
              const DimpleTable  *table,
              GError            **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) failure = NULL;

  statement = dimple_connection_prepare (reader, "SELECT sql FROM sqlite_schema WHERE tbl_name = ? COLLATE NOCASE "
                                                 "AND type IN ('table', 'index') AND sql IS NOT NULL "
                                                 "ORDER BY type DESC",
                                         error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, table->name, -1, SQLITE_STATIC);
  while (dimple_statement_step (statement, &failure))
    g_string_append_printf (script, "%s;\n", (const char *) sqlite3_column_text (statement, 0));
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }

  if (!table->tracked)
    {
      char *sql = sqlite3_mprintf ("SELECT dimple_set_local (%Q);\n", table->name);

      g_string_append (script, sql);
      sqlite3_free (sql);
    }
  return TRUE;
}

/* Everything in one script. */
static char *
make_script (DimpleStore  *store,
             GError      **error)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (store);
  g_autoptr(GString) script = g_string_new (NULL);
  DimpleConnection *reader = dimple_store_acquire_reader (store, error);
  gboolean appended = TRUE;

  if (reader == NULL)
    return NULL;
  for (guint i = 0; appended && i < dimple_schema_get_n_tables (schema); i++)
    appended = append_table (script, reader, dimple_schema_get_table (schema, i), error);
  dimple_store_release_reader (store, reader);
  return appended ? g_string_free (g_steal_pointer (&script), FALSE) : NULL;
}

static char *
make_folder (GError **error)
{
  g_autofree char *folder = g_build_filename (g_get_user_cache_dir (), "dimple-verify-XXXXXX", NULL);

  if (g_mkdir_with_parents (g_get_user_cache_dir (), 0700) == 0 && g_mkdtemp (folder) != NULL)
    return g_steal_pointer (&folder);
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED, _("No folder can be made in “%s”: %s"),
               g_get_user_cache_dir (), g_strerror (errno));
  return NULL;
}

DimpleSyncScratch *
dimple_sync_scratch_new (DimpleStore  *store,
                         GError      **error)
{
  g_autoptr(DimpleSyncScratch) self = g_new0 (DimpleSyncScratch, 1);
  g_autofree char *script = make_script (store, error);
  g_autofree char *path = NULL;
  const char *scripts[] = { script, NULL };

  if (script == NULL)
    return NULL;
  self->folder = make_folder (error);
  if (self->folder == NULL)
    return NULL;
  path = g_build_filename (self->folder, FILE_NAME, NULL);
  self->store = dimple_store_open (path, error);
  if (self->store == NULL || !dimple_store_migrate (self->store, scripts, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
dimple_sync_scratch_free (DimpleSyncScratch *self)
{
  static const char * const names[] = { FILE_NAME, FILE_NAME "-wal", FILE_NAME "-shm" };

  if (self->store != NULL)
    dimple_store_close (self->store, NULL);
  g_clear_object (&self->store);
  if (self->folder != NULL)
    {
      for (guint i = 0; i < G_N_ELEMENTS (names); i++)
        {
          g_autofree char *path = g_build_filename (self->folder, names[i], NULL);

          g_unlink (path);
        }
      g_rmdir (self->folder);
    }
  g_free (self->folder);
  g_free (self);
}
