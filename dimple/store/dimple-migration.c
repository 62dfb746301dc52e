/* dimple-migration.c: bringing a database's schema to what the app wants
 *
 * Each script runs once, in a transaction of its own.  What it changed in tracked tables is not what its statements did
 * but the difference between the tables before and after it, by table and column name: so a rename or a rebuild of a
 * table (CREATE, INSERT … SELECT, DROP, RENAME) deletes nothing, and a column that is new is compared with its DEFAULT.
 * These changes are recorded as the script's, with the stamps of what they replaced: they lose to every edit that the
 * script did not see.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-fold-private.h"
#include "dimple-merge-private.h"
#include "dimple-record-private.h"

/* -- The tables as they were ---------------------------------------------------------------------------------------- */

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
static gboolean
keep_tables (DimpleConnection  *connection,
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

static void
drop_kept_tables (DimpleConnection *connection,
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

/* -- The difference ------------------------------------------------------------------------------------------------- */

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
  DimpleCapturedRow row = { table, was ? self->old->data : NULL, is ? self->now->data : NULL, 0, 0, DIMPLE_ALL_COLUMNS };
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
  g_string_append_printf (sql, "0, 1 FROM temp.%s AS b WHERE NOT EXISTS (SELECT 1 FROM main.%s AS n WHERE ", copy, name);
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

static gboolean
record_difference (DimpleWriter  *writer,
                   DimpleSchema  *before,
                   int            number,
                   GError       **error)
{
  DimpleSchema *after = dimple_writer_get_schema (writer);
  g_autoptr(DimpleFold) known = dimple_fold_new (after);
  g_autoptr(GByteArray) old = g_byte_array_new ();
  g_autoptr(GByteArray) now = g_byte_array_new ();
  Difference difference = { writer, known, TRUE, old, now };
  char id[DIMPLE_UUID_SIZE];

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

/* -- Scripts -------------------------------------------------------------------------------------------------------- */

typedef struct
{
  int         number;          /* from 1 */
  const char *script;
  const char *digest;
} Migration;

static int
authorize_script (gpointer    user_data,
                  int         action,
                  const char *first,
                  const char *second,
                  const char *database,
                  const char *trigger)
{
  switch (action)
    {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
      return SQLITE_DENY;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
    case SQLITE_DROP_TABLE:
    case SQLITE_CREATE_TABLE:
      return g_ascii_strncasecmp (first, "dimple_", strlen ("dimple_")) == 0 ? SQLITE_DENY : SQLITE_OK;
    default:
      return SQLITE_OK;
    }
}

static gboolean
check_foreign_keys (DimpleConnection  *connection,
                    GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) step_error = NULL;

  statement = dimple_connection_prepare (connection, "SELECT \"table\", parent FROM pragma_foreign_key_check", error);
  if (statement == NULL)
    return FALSE;
  if (dimple_statement_step (statement, &step_error))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION,
                   "rows of “%s” reference rows of “%s” that are not there",
                   sqlite3_column_text (statement, 0), sqlite3_column_text (statement, 1));
      return FALSE;
    }
  if (step_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&step_error));
  return FALSE;
}

/* SELECT dimple_set_local ('table'): only noted, as a script may not write to Dimple's tables. */
static void
set_local (sqlite3_context  *context,
           int               n_arguments,
           sqlite3_value   **arguments)
{
  GPtrArray *locals = sqlite3_user_data (context);
  const char *table = (const char *) sqlite3_value_text (arguments[0]);

  if (table != NULL)
    g_ptr_array_add (locals, g_strdup (table));
}

static gboolean
add_locals (DimpleConnection  *connection,
            GPtrArray         *locals,
            GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "INSERT OR IGNORE INTO dimple_local VALUES (?)", error);
  if (statement == NULL)
    return FALSE;
  for (guint i = 0; i < locals->len; i++)
    {
      sqlite3_bind_text (statement, 1, g_ptr_array_index (locals, i), -1, SQLITE_STATIC);
      if (!dimple_statement_run (statement, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
run_script (DimpleConnection  *connection,
            const Migration   *migration,
            GError           **error)
{
  sqlite3 *handle = dimple_connection_get_handle (connection);
  g_autoptr(GPtrArray) locals = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GError) script_error = NULL;
  gboolean succeeded;

  sqlite3_create_function_v2 (handle, "dimple_set_local", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, locals, set_local,
                              NULL, NULL, NULL);
  dimple_connection_set_authorizer (connection, authorize_script, NULL);
  succeeded = dimple_connection_exec (connection, migration->script, &script_error);
  dimple_connection_set_authorizer (connection, NULL, NULL);
  sqlite3_create_function_v2 (handle, "dimple_set_local", 1, SQLITE_UTF8, NULL, NULL, NULL, NULL, NULL);
  if (succeeded)
    return add_locals (connection, locals, error);
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION, "%s", script_error->message);
  return FALSE;
}

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

static gboolean
migrate_once (DimpleWriter     *writer,
              DimpleChangeSet  *changes,
              gpointer          user_data,
              GError          **error)
{
  const Migration *migration = user_data;
  DimpleConnection *connection = dimple_writer_get_connection (writer);
  g_autoptr(DimpleSchema) before = dimple_schema_ref (dimple_writer_get_schema (writer));
  gboolean succeeded;

  succeeded = keep_tables (connection, before, error) &&
              run_script (connection, migration, error) &&
              dimple_writer_load_schema (writer, error) &&
              dimple_schema_check (dimple_writer_get_schema (writer), error) &&
              check_foreign_keys (connection, error) &&
              record_difference (writer, before, migration->number, error) &&
              dimple_merge_refresh (connection, before, dimple_writer_get_schema (writer), changes, error) &&
              note_migration (connection, migration, error);
  dimple_connection_drop_statements (connection);
  drop_kept_tables (connection, before);
  dimple_change_set_add_all (changes);
  if (!succeeded)
    g_prefix_error (error, "Migration %d: ", migration->number);
  return succeeded;
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
               "The database was written by a newer version of this app (its schema is version %" G_GINT64_FORMAT
               ", this one knows %u). Update the app", n_run, n_migrations);
  return FALSE;
}

static gboolean
migrate_if_needed (DimpleStore      *self,
                   const Migration  *migration,
                   GError          **error)
{
  g_autoptr(GError) find_error = NULL;
  g_autofree char *known = NULL;

  known = find_digest (dimple_writer_get_connection (self->writer), migration->number, &find_error);
  if (find_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&find_error));
      return FALSE;
    }
  if (known == NULL)
    return dimple_writer_run_uncaptured (self->writer, DIMPLE_ORIGIN_LOCAL, migrate_once, (gpointer) migration, error);
  if (g_str_equal (known, migration->digest))
    return TRUE;
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION,
               "Migration %d has changed since it ran on this database: leave it as it was, and add another after it",
               migration->number);
  return FALSE;
}

/**
 * dimple_store_migrate:
 * @self: a store
 * @migrations: (array zero-terminated=1): all scripts ever, in order
 * @error: return location for an error
 *
 * Runs those of the app's migrations that have not run on this database yet; blocking.  Each is one or more SQL statements,
 * and runs in a transaction of its own: if one fails, those before it are done and it has changed nothing.
 *
 * What a script changes in rows is synced, but loses to every edit that it did not see.
 *
 * Fails with %DIMPLE_ERROR_MIGRATION if a script fails or has changed since it ran, %DIMPLE_ERROR_UNTRACKABLE if it leaves
 * a table without a key that can be synced, and %DIMPLE_ERROR_TOO_NEW if the database has seen more scripts than these.
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
  succeeded = succeeded && check_not_newer (dimple_writer_get_connection (self->writer), n_migrations, error);
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
 * Makes a table local, neither tracked nor synced, or tracked again; blocking, and remembered in the file.  To be called
 * before [method@Store.migrate] makes the table.  A migration can say the same with
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
