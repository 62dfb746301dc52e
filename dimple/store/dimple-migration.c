/* dimple-migration.c: bringing a database's schema to what the app wants
 *
 * Each script runs once, in a transaction of its own, with FOREIGN KEYs off (a DROP TABLE would delete and cascade),
 * and is not captured: what it changed is found out afterwards (dimple-migration-difference.c).  Rows that the new
 * schema has no place for are set aside as a merge would do it, so that devices agree on them whichever upgraded first.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "dimple-debug-private.h"
#include "dimple-error.h"
#include "dimple-merge-private.h"
#include "dimple-migration-difference-private.h"
#include "dimple-migration-script-private.h"

/* -- Scripts ------------------------------------------------------------------------------------------------------- */

typedef struct
{
  int         number;          /* from 1 */
  const char *script;
  const char *digest;
} Migration;

static gboolean
note_migration (DimpleConnection  *connection,
                const Migration   *migration,
                GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "INSERT INTO dimple_migration VALUES (?, ?, ?)", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int (statement, 1, migration->number);
  sqlite3_bind_text (statement, 2, migration->digest, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 3, g_get_real_time () / 1000);
  return dimple_statement_run (statement, error);
}

/* The digest of a script that has run, or NULL. */
static char *
find_digest (DimpleConnection  *connection,
             int                number,
             GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "SELECT digest FROM dimple_migration WHERE number = ?", error);
  if (statement == NULL)
    return NULL;
  sqlite3_bind_int (statement, 1, number);
  return dimple_statement_step (statement, error) ? g_strdup ((const char *) sqlite3_column_text (statement, 0)) : NULL;
}

/* Whether a script has run; FALSE with an error if it has changed since. */
static gboolean
find_out (DimpleConnection  *connection,
          const Migration   *migration,
          gboolean          *has_run,
          GError           **error)
{
  g_autoptr(GError) find_error = NULL;
  g_autofree char *known = find_digest (connection, migration->number, &find_error);

  if (find_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&find_error));
      return FALSE;
    }
  *has_run = known != NULL;
  if (known == NULL || g_str_equal (known, migration->digest))
    return TRUE;
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION,
               "Migration %d has changed since it ran on this database: leave it as it was, and add another after it",
               migration->number);
  return FALSE;
}

/* The UNIQUE indexes that the script could not make: they are made when the rows that collide are out of their way. */
static gboolean
create_postponed (DimpleWriter     *writer,
                  GPtrArray        *postponed,
                  DimpleChangeSet  *changes,
                  GError          **error)
{
  DimpleConnection *connection = dimple_writer_get_connection (writer);

  for (guint i = 0; i < postponed->len; i++)
    {
      const char *index = g_ptr_array_index (postponed, i);

      if (!dimple_merge_set_aside_duplicates (connection, dimple_writer_get_schema (writer), index, changes, error) ||
          !dimple_migration_make_unique (connection, index, error))
        return FALSE;
    }
  return postponed->len == 0 || dimple_writer_load_schema (writer, error);
}

/* No conflict can keep a row of a local table, and nobody else has it. */
static gboolean
check_local_references (DimpleConnection  *connection,
                        DimpleSchema      *schema,
                        GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  statement = dimple_connection_prepare (connection, "SELECT \"table\", parent, rowid FROM pragma_foreign_key_check",
                                         error);
  if (statement == NULL)
    return FALSE;
  while (dimple_statement_step (statement, &local_error))
    {
      const char *name = (const char *) sqlite3_column_text (statement, 0);
      const DimpleTable *table = dimple_schema_find (schema, name);

      if (table != NULL && table->tracked)
        continue;
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION,
                   "Rows of the local table “%s” (rowid %s is one) reference rows of “%s” that are not there: delete "
                   "them in the script", name,
                   sqlite3_column_type (statement, 2) == SQLITE_NULL
                   ? "?" : (const char *) sqlite3_column_text (statement, 2),
                   (const char *) sqlite3_column_text (statement, 1));
      return FALSE;
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static gboolean
migrate_once (DimpleWriter     *writer,
              DimpleChangeSet  *changes,
              gpointer          user_data,
              GError          **error)
{
  const Migration *migration = user_data;
  DimpleConnection *connection = dimple_writer_get_connection (writer);
  g_autoptr(DimpleSchema) before = dimple_schema_ref (dimple_writer_get_schema (writer));
  g_autoptr(GPtrArray) postponed = g_ptr_array_new_with_free_func (g_free);
  gboolean has_run, succeeded;
  char id[DIMPLE_UUID_SIZE] = "";

  /* Another process that starts now may have been first. */
  if (!find_out (connection, migration, &has_run, error))
    return FALSE;
  if (has_run)
    return TRUE;

  succeeded = dimple_migration_keep_tables (connection, before, error) &&
              dimple_migration_run_script (connection, migration->script, postponed, error) &&
              dimple_writer_load_schema (writer, error) &&
              dimple_migration_record_difference (writer, before, migration->number, id, error) &&
              create_postponed (writer, postponed, changes, error) &&
              dimple_schema_check (dimple_writer_get_schema (writer), error) &&
              check_local_references (connection, dimple_writer_get_schema (writer), error) &&
              dimple_merge_refresh (connection, before, dimple_writer_get_schema (writer), id, changes, error) &&
              note_migration (connection, migration, error);
  dimple_connection_drop_statements (connection);
  dimple_migration_drop_kept_tables (connection, before);
  dimple_change_set_add_all (changes);
  if (!succeeded)
    g_prefix_error (error, "Migration %d: ", migration->number);
  return succeeded;
}

static gboolean
check_not_newer (DimpleConnection  *connection,
                 guint              n_migrations,
                 GError           **error)
{
  gint64 n_run;

  if (!dimple_connection_get_int64 (connection, "SELECT max (number) FROM dimple_migration", 0, &n_run, error))
    return FALSE;
  if (n_run <= n_migrations)
    return TRUE;
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TOO_NEW,
               _("The database was written by a newer version of this app (its schema is version %u, this one knows "
                 "%u). Update the app."), (guint) n_run, n_migrations);
  return FALSE;
}

/* DIMPLE_DEBUG=erase-on-schema-change: while an app's newest script is still being written, its database begins anew
 * each time. */
static gboolean
erase_if_edited (DimpleStore         *self,
                 const char * const  *migrations,
                 guint                n_migrations,
                 GError             **error)
{
  g_autofree char *known = NULL, *digest = NULL;

  if (!dimple_debug_is_on (DIMPLE_DEBUG_ERASE_ON_SCHEMA_CHANGE) || n_migrations == 0 ||
      dimple_writer_is_mine (self->writer))
    return TRUE;
  known = find_digest (dimple_writer_get_connection (self->writer), (int) n_migrations, NULL);
  digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, migrations[n_migrations - 1], -1);
  if (known == NULL || g_str_equal (known, digest))
    return TRUE;
  g_message ("erase-on-schema-change: migration %u was edited, and all rows of “%s” are erased", n_migrations,
             self->path != NULL ? self->path : "a store in memory");
  dimple_store_tell_closing (self);
  if (!dimple_writer_erase (self->writer, error) || !dimple_store_load_author (self, error))
    return FALSE;
  dimple_store_notify_author (self);
  return TRUE;
}

static gboolean
migrate_if_needed (DimpleStore      *self,
                   const Migration  *migration,
                   GError          **error)
{
  gboolean has_run;

  if (!find_out (dimple_writer_get_connection (self->writer), migration, &has_run, error))
    return FALSE;
  return has_run || dimple_writer_run_uncaptured (self->writer, DIMPLE_ORIGIN_LOCAL, migrate_once, (gpointer) migration,
                                                  error);
}

/**
 * dimple_store_migrate:
 * @self: a store
 * @migrations: (array zero-terminated=1): all scripts ever, in order
 * @error: return location for an error
 *
 * Runs those of the app's migrations that have not run on this database yet; blocking.  Each is one or more SQL
 * statements, and runs in a transaction of its own: if one fails, those before it are done and it has changed nothing.
 *
 * What a script changes in rows is synced, but loses to every edit that it did not see.  Rows that lack a parent for a
 * FOREIGN KEY that the script adds, and the younger of those that collide in an index made by its CREATE UNIQUE INDEX,
 * are set aside: [method@Store.get_conflicts] lists them.
 *
 * Fails with %DIMPLE_ERROR_MIGRATION if a script fails or has changed since it ran, %DIMPLE_ERROR_UNTRACKABLE if it
 * leaves a table without a key that can be synced, and %DIMPLE_ERROR_TOO_NEW if the database has seen more scripts than
 * these.
 *
 * Returns: %TRUE if the schema is what the scripts say
 */
gboolean
dimple_store_migrate (DimpleStore         *self,
                      const char * const  *migrations,
                      GError             **error)
{
  guint n_migrations;
  gboolean succeeded = TRUE;

  g_return_val_if_fail (DIMPLE_IS_STORE (self), FALSE);
  g_return_val_if_fail (migrations != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  n_migrations = g_strv_length ((char **) migrations);
  dimple_writer_lock (self->writer);
  if (dimple_writer_get_connection (self->writer) == NULL)
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED, "The store is closed");
      succeeded = FALSE;
    }
  succeeded = succeeded && check_not_newer (dimple_writer_get_connection (self->writer), n_migrations, error) &&
              erase_if_edited (self, migrations, n_migrations, error);
  for (guint i = 0; succeeded && i < n_migrations; i++)
    {
      g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, migrations[i], -1);
      Migration migration = { (int) i + 1, migrations[i], digest };

      succeeded = migrate_if_needed (self, &migration, error);
    }
  dimple_writer_unlock (self->writer);
  return succeeded;
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

/* The *.sql of a GResource folder, by name; NULL with an error. */
static char **
read_migrations (const char  *resource_path,
                 GError     **error)
{
  g_auto(GStrv) names = NULL;
  g_autoptr(GPtrArray) scripts = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GError) resource_error = NULL;

  names = g_resources_enumerate_children (resource_path, G_RESOURCE_LOOKUP_FLAGS_NONE, &resource_error);
  if (names != NULL)
    qsort (names, g_strv_length (names), sizeof *names, compare_names);
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      g_autofree char *path = g_build_path ("/", resource_path, names[i], NULL);
      g_autoptr(GBytes) contents = NULL;

      if (!g_str_has_suffix (names[i], ".sql"))
        continue;
      contents = g_resources_lookup_data (path, G_RESOURCE_LOOKUP_FLAGS_NONE, &resource_error);
      if (contents == NULL)
        break;
      g_ptr_array_add (scripts, g_strndup (g_bytes_get_data (contents, NULL), g_bytes_get_size (contents)));
    }
  if (resource_error == NULL && scripts->len == 0)
    g_set_error_literal (&resource_error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION, "it has no files that end in .sql");
  if (resource_error != NULL)
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION, "The migrations in the resource folder “%s” cannot be "
                   "read: %s", resource_path, resource_error->message);
      return NULL;
    }
  g_ptr_array_add (scripts, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&scripts), FALSE);
}

/**
 * dimple_store_migrate_resource:
 * @self: a store
 * @resource_path: a folder of the app's GResource
 * @error: return location for an error
 *
 * Runs the files of a resource folder whose names end in `.sql`, in the order of their names, as
 * [method@Store.migrate] runs scripts; blocking.  Fails with %DIMPLE_ERROR_MIGRATION if there are none.
 *
 * Returns: %TRUE if the schema is what the scripts say
 */
gboolean
dimple_store_migrate_resource (DimpleStore  *self,
                               const char   *resource_path,
                               GError      **error)
{
  g_auto(GStrv) scripts = NULL;

  g_return_val_if_fail (DIMPLE_IS_STORE (self), FALSE);
  g_return_val_if_fail (resource_path != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  scripts = read_migrations (resource_path, error);
  return scripts != NULL && dimple_store_migrate (self, (const char * const *) scripts, error);
}

/**
 * dimple_store_set_local:
 * @self: a store
 * @table: a table, which need not exist yet
 * @local: whether it stays on this device
 *
 * Makes a table local, neither tracked nor synced, or tracked again; blocking, and remembered in the file.  To be
 * called before [method@Store.migrate] makes the table.  A migration can say the same with
 * `SELECT dimple_set_local ('draft')`.
 *
 * Returns: %TRUE if that is how it is now
 */
gboolean
dimple_store_set_local (DimpleStore *self,
                        const char  *table,
                        gboolean     local)
{
  g_autoptr(DimpleStatement) statement = NULL;
  gboolean succeeded = FALSE;

  g_return_val_if_fail (DIMPLE_IS_STORE (self), FALSE);
  g_return_val_if_fail (table != NULL, FALSE);

  dimple_writer_lock (self->writer);
  if (dimple_writer_get_connection (self->writer) != NULL && !dimple_writer_is_mine (self->writer))
    statement = dimple_connection_prepare (dimple_writer_get_connection (self->writer),
                                           local ? "INSERT OR IGNORE INTO dimple_local VALUES (?)"
                                                 : "DELETE FROM dimple_local WHERE name = ? COLLATE NOCASE", NULL);
  if (statement != NULL)
    {
      sqlite3_bind_text (statement, 1, table, -1, SQLITE_STATIC);
      succeeded = dimple_statement_run (statement, NULL) && dimple_writer_load_schema (self->writer, NULL);
      sqlite3_clear_bindings (statement);
    }
  g_clear_pointer (&statement, dimple_statement_release);
  dimple_writer_unlock (self->writer);
  return succeeded;
}
