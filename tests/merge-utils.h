/* merge-utils.h: databases to merge into, for tests
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <string.h>

#include "dimple-error.h"
#include "dimple-json-private.h"
#include "dimple-merge-private.h"

typedef struct
{
  DimpleConnection *connection;
  DimpleSchema     *schema;
  DimpleClock       clock;
  DimpleLogWriter  *log;
} Database;

static inline void
exec (Database   *self,
      const char *sql)
{
  g_autoptr(GError) error = NULL;

  dimple_connection_exec (self->connection, sql, &error);
  g_assert_no_error (error);
}

static inline void
open_database (Database   *self,
               const char *sql)
{
  static int number;
  g_autofree char *path = g_strdup_printf ("/test-merge-%d", number++);
  g_autoptr(GError) error = NULL;

  self->connection = dimple_connection_open (path, DIMPLE_CONNECTION_WRITER | DIMPLE_CONNECTION_IN_MEMORY, &error);
  g_assert_no_error (error);
  dimple_log_create_tables (self->connection, &error);
  g_assert_no_error (error);
  exec (self, sql);
  self->schema = dimple_schema_load (self->connection, &error);
  g_assert_no_error (error);
  dimple_clock_init (&self->clock);
  self->log = dimple_log_writer_new (self->connection, &self->clock);
  dimple_log_writer_load (self->log, &error);
  g_assert_no_error (error);
}

static inline void
close_database (Database *self)
{
  g_clear_pointer (&self->log, dimple_log_writer_free);
  g_clear_pointer (&self->schema, dimple_schema_unref);
  g_clear_pointer (&self->connection, dimple_connection_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Database, close_database)

/* One write transaction as the store makes it for a merge; FALSE: rolled back. */
static inline gboolean
apply (Database         *self,
       GPtrArray        *transactions,
       DimpleChangeSet  *changes,
       GError          **error)
{
  gboolean applied;

  exec (self, "PRAGMA foreign_keys = OFF");
  exec (self, "BEGIN IMMEDIATE");
  applied = dimple_merge_apply (self->connection, self->schema, self->log, transactions, changes, error);
  exec (self, applied ? "COMMIT" : "ROLLBACK");
  exec (self, "PRAGMA foreign_keys = ON");
  if (!applied)
    dimple_log_writer_load (self->log, NULL);
  return applied;
}

/* Changes the schema as a migration does that changes no row. */
static inline void
migrate (Database   *self,
         const char *sql)
{
  DimpleSchema *before = g_steal_pointer (&self->schema);
  g_autoptr(GError) error = NULL;

  exec (self, "PRAGMA foreign_keys = OFF");
  exec (self, "BEGIN IMMEDIATE");
  exec (self, sql);
  self->schema = dimple_schema_load (self->connection, &error);
  g_assert_no_error (error);
  dimple_merge_refresh (self->connection, before, self->schema, "", NULL, &error);
  g_assert_no_error (error);
  exec (self, "COMMIT");
  exec (self, "PRAGMA foreign_keys = ON");
  dimple_schema_unref (before);
}

/* -- What there is, as sorted lines of JSON ------------------------------------------------------------------------ */

static int
compare_lines (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

static char *
join_lines (GPtrArray *lines)
{
  g_ptr_array_sort (lines, compare_lines);
  g_ptr_array_add (lines, NULL);
  return g_strjoinv ("\n", (char **) lines->pdata);
}

static char *
query_connection (DimpleConnection *connection,
                  const char       *sql)
{
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) error = NULL;

  statement = dimple_connection_prepare (connection, sql, &error);
  g_assert_no_error (error);
  while (dimple_statement_step (statement, &error))
    {
      GString *line = g_string_new ("[");

      for (int i = 0; i < sqlite3_column_count (statement); i++)
        {
          DimpleValue value;

          if (i > 0)
            g_string_append_c (line, ',');
          dimple_value_from_column (&value, statement, i);
          dimple_json_append_value (line, &value);
        }
      g_string_append_c (line, ']');
      g_ptr_array_add (lines, g_string_free (line, FALSE));
    }
  g_assert_no_error (error);
  return join_lines (lines);
}

static inline char *
query (Database   *self,
       const char *sql)
{
  return query_connection (self->connection, sql);
}
