/* test-merge.c: merging, against the model
 *
 * tests/model/ says in plain Python what a set of transactions must show.  Its generated cases are merged here in several
 * orders and batches, and the tables and the shelf compared.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>

#include "dimple-error.h"
#include "dimple-json-private.h"
#include "dimple-merge-private.h"

static int first_seed = -1;
static int n_seeds = 300;

typedef struct
{
  DimpleConnection *connection;
  DimpleSchema     *schema;
  DimpleClock       clock;
  DimpleLogWriter  *log;
} Database;

static void
exec (Database   *self,
      const char *sql)
{
  g_autoptr(GError) error = NULL;

  dimple_connection_exec (self->connection, sql, &error);
  g_assert_no_error (error);
}

static void
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

static void
close_database (Database *self)
{
  g_clear_pointer (&self->log, dimple_log_writer_free);
  g_clear_pointer (&self->schema, dimple_schema_unref);
  g_clear_pointer (&self->connection, dimple_connection_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Database, close_database)

/* One write transaction as the store makes it for a merge; FALSE: rolled back. */
static gboolean
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

/* -- What there is, as sorted lines of JSON ---------------------------------------------------------------------------- */

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
query (Database   *self,
       const char *sql)
{
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) error = NULL;

  statement = dimple_connection_prepare (self->connection, sql, &error);
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

/* The same of the model's rows. */
static char *
lines_from_json (JsonArray *rows)
{
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < json_array_get_length (rows); i++)
    {
      JsonArray *row = json_array_get_array_element (rows, i);
      GString *line = g_string_new ("[");

      for (guint j = 0; j < json_array_get_length (row); j++)
        {
          JsonNode *node = json_array_get_element (row, j);

          if (j > 0)
            g_string_append_c (line, ',');
          if (JSON_NODE_HOLDS_NULL (node))
            g_string_append (line, "null");
          else if (json_node_get_value_type (node) == G_TYPE_INT64)
            g_string_append_printf (line, "%" G_GINT64_FORMAT, json_node_get_int (node));
          else if (JSON_NODE_HOLDS_ARRAY (node))
            {
              g_autofree char *text = json_to_string (node, FALSE);

              dimple_json_append_string (line, text, -1);
            }
          else
            dimple_json_append_string (line, json_node_get_string (node), -1);
        }
      g_string_append_c (line, ']');
      g_ptr_array_add (lines, g_string_free (line, FALSE));
    }
  return join_lines (lines);
}

/* -- Cases of the model ------------------------------------------------------------------------------------------------ */

static DimpleTransaction *
read_transaction (JsonObject *object)
{
  DimpleTransaction *self = g_new0 (DimpleTransaction, 1);
  char *changes = json_to_string (json_object_get_member (object, "changes"), FALSE);

  g_strlcpy (self->id, json_object_get_string_member (object, "id"), sizeof self->id);
  g_strlcpy (self->author, json_object_get_string_member (object, "author"), sizeof self->author);
  g_strlcpy (self->previous, json_object_get_string_member (object, "previous"), sizeof self->previous);
  self->script = (int) json_object_get_int_member (object, "script");
  self->pruned = json_object_get_boolean_member (object, "pruned");
  self->changes = g_bytes_new_take (changes, strlen (changes));
  return self;
}

static void
assert_clean (Database *self)
{
  g_autofree char *foreign_keys = query (self, "PRAGMA foreign_key_check");
  g_autofree char *integrity = query (self, "PRAGMA integrity_check");

  g_assert_cmpstr (foreign_keys, ==, "");
  g_assert_cmpstr (integrity, ==, "[\"ok\"]");
}

static void
compare_with_model (Database   *self,
                    JsonObject *test_case,
                    guint       order)
{
  JsonArray *tables = json_object_get_array_member (test_case, "tables");
  g_autofree char *shelf = query (self, "SELECT \"table\", key, reason FROM dimple_shelf");
  g_autofree char *expected_shelf = lines_from_json (json_object_get_array_member (test_case, "shelved"));
  g_autofree char *failed = NULL;

  for (guint i = 0; i < json_array_get_length (tables) && failed == NULL; i++)
    {
      JsonObject *table = json_array_get_object_element (tables, i);
      JsonArray *columns = json_object_get_array_member (table, "columns");
      g_autoptr(GString) sql = g_string_new ("SELECT ");
      g_autofree char *shown = NULL;
      g_autofree char *expected = lines_from_json (json_object_get_array_member (table, "rows"));

      for (guint j = 0; j < json_array_get_length (columns); j++)
        g_string_append_printf (sql, "%s\"%s\"", j > 0 ? ", " : "", json_array_get_string_element (columns, j));
      g_string_append_printf (sql, " FROM \"%s\"", json_object_get_string_member (table, "name"));
      shown = query (self, sql->str);
      if (strcmp (shown, expected) != 0)
        failed = g_strdup_printf ("table %s shows\n%s\nand not\n%s", json_object_get_string_member (table, "name"),
                                  shown, expected);
    }
  if (failed == NULL && strcmp (shelf, expected_shelf) != 0)
    failed = g_strdup_printf ("the shelf holds\n%s\nand not\n%s", shelf, expected_shelf);
  if (failed != NULL)
    g_error ("seed %" G_GINT64_FORMAT ", order %u: %s\n%s", json_object_get_int_member (test_case, "seed"), order, failed,
             json_object_get_string_member (test_case, "sql"));
}

static void
run_order (JsonObject *test_case,
           guint       order)
{
  JsonArray *batches = json_array_get_array_element (json_object_get_array_member (test_case, "batches"), order);
  g_auto(Database) database = { 0 };
  g_autoptr(GError) error = NULL;

  open_database (&database, json_object_get_string_member (test_case, "sql"));
  for (guint i = 0; i < json_array_get_length (batches); i++)
    {
      JsonArray *batch = json_array_get_array_element (batches, i);
      g_autoptr(GPtrArray) transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);

      for (guint j = 0; j < json_array_get_length (batch); j++)
        g_ptr_array_add (transactions, read_transaction (json_array_get_object_element (batch, j)));
      if (!apply (&database, transactions, NULL, &error))
        g_error ("seed %" G_GINT64_FORMAT ", order %u: %s\n%s", json_object_get_int_member (test_case, "seed"), order,
                 error->message, json_object_get_string_member (test_case, "sql"));
    }
  compare_with_model (&database, test_case, order);
  assert_clean (&database);
}

static void
test_against_model (void)
{
  g_autofree char *generator = g_test_build_filename (G_TEST_DIST, "model", "generate_merges.py", NULL);
  g_autofree char *first = g_strdup_printf ("%d", MAX (first_seed, 0));
  g_autofree char *last = g_strdup_printf ("%d", first_seed >= 0 ? first_seed + 1 : n_seeds);
  g_autoptr(GError) error = NULL;
  g_autoptr(GSubprocess) process = NULL;
  g_autoptr(GDataInputStream) lines = NULL;
  char *line;
  int n_cases = 0;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, "python3", generator, first, last, NULL);
  g_assert_no_error (error);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  while ((line = g_data_input_stream_read_line (lines, NULL, NULL, &error)) != NULL)
    {
      g_autofree char *owned = line;
      g_autoptr(JsonNode) node = json_from_string (owned, &error);

      g_assert_no_error (error);
      for (guint order = 0; order < 3; order++)
        run_order (json_node_get_object (node), order);
      n_cases++;
    }
  g_assert_no_error (error);
  g_subprocess_wait_check (process, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (n_cases, ==, first_seed >= 0 ? 1 : n_seeds);
}

/* Takes our own options out, as GTest has a --seed of another form. */
static void
parse_options (int    *argc,
               char ***argv)
{
  int left = 1;

  for (int i = 1; i < *argc; i++)
    if (g_str_has_prefix ((*argv)[i], "--seed="))
      first_seed = atoi ((*argv)[i] + strlen ("--seed="));
    else if (g_str_has_prefix ((*argv)[i], "--seeds="))
      n_seeds = atoi ((*argv)[i] + strlen ("--seeds="));
    else
      (*argv)[left++] = (*argv)[i];
  *argc = left;
}

int
main (int   argc,
      char *argv[])
{
  parse_options (&argc, &argv);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/merge/against-model", test_against_model);
  return g_test_run ();
}
