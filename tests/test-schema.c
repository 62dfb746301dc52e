/* test-schema.c: connections, and what the catalogue says of tables
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-connection-private.h"
#include "dimple-error.h"
#include "dimple-schema-private.h"

static DimpleConnection *
open_memory (void)
{
  g_autoptr(GError) error = NULL;
  DimpleConnection *connection = dimple_connection_open ("/test-schema",
                                                         DIMPLE_CONNECTION_WRITER | DIMPLE_CONNECTION_IN_MEMORY,
                                                         &error);

  g_assert_no_error (error);
  return connection;
}

static DimpleSchema *
load_schema (DimpleConnection *connection,
             const char       *sql)
{
  g_autoptr(GError) error = NULL;
  DimpleSchema *schema;

  dimple_connection_exec (connection, sql, &error);
  g_assert_no_error (error);
  schema = dimple_schema_load (connection, &error);
  g_assert_no_error (error);
  return schema;
}

static void
test_keys (void)
{
  g_autoptr(DimpleConnection) connection = open_memory ();
  g_autoptr(DimpleSchema) schema = load_schema (connection,
    "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT COLLATE NOCASE, rowid INTEGER, n AS (length (title)));"
    "CREATE TABLE tag (b INT, a TEXT, x, PRIMARY KEY (a, b)) WITHOUT ROWID;"
    "CREATE TABLE plain (x);"
    "CREATE TABLE alias (id INTEGER PRIMARY KEY);"
    "CREATE TABLE child (key BLOB PRIMARY KEY, note REFERENCES note, UNIQUE (note) )");
  const DimpleTable *note = dimple_schema_find (schema, "NOTE");
  const DimpleTable *tag = dimple_schema_find (schema, "tag");
  const DimpleTable *child = dimple_schema_find (schema, "child");
  const DimpleForeignKey *foreign_key;

  g_assert_cmpuint (dimple_schema_get_n_tables (schema), ==, 5);
  g_assert_true (note->tracked && note->text_key);
  g_assert_cmpstr (note->rowid_name, ==, "_rowid_");
  g_assert_true (((DimpleColumn *) g_ptr_array_index (note->columns, 3))->generated);
  g_assert_cmpstr (((DimpleColumn *) g_ptr_array_index (note->columns, 1))->collation, ==, "NOCASE");

  g_assert_true (tag->tracked && tag->without_rowid && !tag->text_key);
  g_assert_cmpuint (tag->key->len, ==, 2);
  g_assert_cmpuint (g_array_index (tag->key, guint, 0), ==, 1);
  g_assert_null (tag->rowid_name);

  g_assert_false (dimple_schema_find (schema, "plain")->tracked);
  g_assert_false (dimple_schema_find (schema, "alias")->tracked);

  g_assert_false (child->text_key);
  foreign_key = g_ptr_array_index (child->foreign_keys, 0);
  g_assert_cmpstr (foreign_key->parent, ==, "note");
  g_assert_cmpstr (foreign_key->parent_columns[0], ==, "key");
}

static void
test_check (void)
{
  static const struct
  {
    const char *sql;
    int         code;          /* -1: fine */
  } cases[] = {
    { "CREATE TABLE a (key TEXT PRIMARY KEY)", -1 },
    { "CREATE TABLE a (id INTEGER PRIMARY KEY)", DIMPLE_ERROR_UNTRACKABLE },
    { "CREATE TABLE a (x)", DIMPLE_ERROR_UNTRACKABLE },
    { "CREATE TABLE a (x); CREATE TABLE dimple_local (name TEXT PRIMARY KEY); "
      "INSERT INTO dimple_local VALUES ('A')", -1 },
    { "CREATE TABLE a (x TEXT PRIMARY KEY); CREATE TABLE b (key TEXT PRIMARY KEY, a REFERENCES a);"
      "CREATE TABLE dimple_local (name TEXT PRIMARY KEY); INSERT INTO dimple_local VALUES ('a')",
      DIMPLE_ERROR_UNTRACKABLE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(DimpleConnection) connection = open_memory ();
      g_autoptr(DimpleSchema) schema = load_schema (connection, cases[i].sql);
      g_autoptr(GError) error = NULL;

      g_assert_cmpint (dimple_schema_check (schema, &error), ==, cases[i].code < 0);
      if (cases[i].code >= 0)
        g_assert_error (error, DIMPLE_ERROR, cases[i].code);
    }
}

static void
test_shadows (void)
{
  g_autoptr(DimpleConnection) connection = open_memory ();
  g_autoptr(DimpleSchema) schema = load_schema (connection,
    "CREATE VIRTUAL TABLE text USING fts5 (body); CREATE VIRTUAL TABLE text_more USING fts5 (body)");

  g_assert_cmpuint (dimple_schema_get_n_tables (schema), ==, 0);
  g_assert_cmpstr (dimple_schema_find_owner (schema, "text_data"), ==, "text");
  g_assert_cmpstr (dimple_schema_find_owner (schema, "TEXT_MORE_data"), ==, "text_more");
  g_assert_null (dimple_schema_find_owner (schema, "other"));
}

static void
test_statements (void)
{
  g_autoptr(DimpleConnection) connection = open_memory ();
  g_autoptr(GError) error = NULL;
  sqlite3_stmt *first, *second;
  gint64 value;

  first = dimple_connection_prepare (connection, "SELECT 1; -- a comment\n ;", &error);
  g_assert_no_error (error);
  second = dimple_connection_prepare (connection, "SELECT 1; -- a comment\n ;", &error);
  g_assert_no_error (error);
  g_assert_true (first != second);
  dimple_statement_release (first);
  dimple_statement_release (second);

  g_assert_null (dimple_connection_prepare (connection, "SELECT 1; SELECT 2", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_clear_error (&error);
  g_assert_null (dimple_connection_prepare (connection, "  -- nothing", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_clear_error (&error);
  g_assert_null (dimple_connection_prepare (connection, "SELECT \"no such column\"", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_clear_error (&error);

  g_assert_true (dimple_connection_get_int64 (connection, "SELECT NULL", 7, &value, &error));
  g_assert_cmpint (value, ==, 7);
}

static void
test_cancel (void)
{
  g_autoptr(DimpleConnection) connection = open_memory ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  gint64 value;

  g_cancellable_cancel (cancellable);
  dimple_connection_set_cancellable (connection, cancellable);
  g_assert_false (dimple_connection_get_int64 (connection,
    "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count (*) FROM n", 0, &value, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  dimple_connection_set_cancellable (connection, NULL);
}

static guint
count_columns (DimpleConnection *connection)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (connection, "SELECT * FROM t", &error);

  g_assert_no_error (error);
  return (guint) sqlite3_column_count (statement);
}

/* What another connection has made of a table is known before anything is stepped. */
static void
test_check_schema (void)
{
  g_autoptr(DimpleConnection) connection = open_memory ();
  g_autoptr(DimpleConnection) other = open_memory ();
  g_autoptr(GError) error = NULL;
  gint64 version, later;

  dimple_connection_exec (connection, "CREATE TABLE t (a)", &error);
  g_assert_no_error (error);
  g_assert_true (dimple_connection_check_schema (other, &version, &error));
  g_assert_cmpuint (count_columns (other), ==, 1);

  dimple_connection_exec (connection, "ALTER TABLE t ADD COLUMN b", &error);
  g_assert_no_error (error);
  g_assert_true (dimple_connection_check_schema (other, &later, &error));
  g_assert_cmpint (later, !=, version);
  g_assert_cmpuint (count_columns (other), ==, 2);
}

static void
test_not_a_database (void)
{
  g_autofree char *path = g_build_filename (g_get_user_data_dir (), "text.db", NULL);
  g_autofree char *text = g_strnfill (4096, 'x');
  g_autoptr(GError) error = NULL;

  g_mkdir_with_parents (g_get_user_data_dir (), 0700);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_null (dimple_connection_open (path, DIMPLE_CONNECTION_WRITER, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_A_DATABASE);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/schema/keys", test_keys);
  g_test_add_func ("/schema/check", test_check);
  g_test_add_func ("/schema/shadows", test_shadows);
  g_test_add_func ("/connection/statements", test_statements);
  g_test_add_func ("/connection/cancel", test_cancel);
  g_test_add_func ("/connection/check-schema", test_check_schema);
  g_test_add_func ("/connection/not-a-database", test_not_a_database);
  return g_test_run ();
}
