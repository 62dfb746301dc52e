/* test-merge.c: merging, against the model
 *
 * tests/model/ says in plain Python what a set of transactions must show.  Its generated cases are merged here in several
 * orders and batches, and the tables and the shelf compared.  Then devices edit and merge, and must agree with each other
 * and with the model.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <json-glib/json-glib.h>

#include "merge-utils.h"
#include "random-test.h"

static int first_seed = -1;
static int n_seeds = 300;

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
assert_clean (Database   *self,
              JsonObject *test_case)
{
  g_autofree char *foreign_keys = query (self, "PRAGMA foreign_key_check");
  g_autofree char *integrity = query (self, "PRAGMA integrity_check");

  if (strcmp (foreign_keys, "") != 0 || strcmp (integrity, "[\"ok\"]") != 0)
    g_error ("seed %" G_GINT64_FORMAT ": %s %s", json_object_get_int_member (test_case, "seed"), foreign_keys, integrity);
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
  assert_clean (&database, test_case);
}

typedef void (*CaseFunc) (JsonObject *test_case,
                          gpointer    user_data);

/* Has the model make cases, and calls `func` for each. */
static void
for_each_case (CaseFunc func,
               gpointer user_data)
{
  g_autofree char *generator = g_test_build_filename (G_TEST_DIST, "model", "generate_merges.py", NULL);
  g_autofree char *first = g_strdup_printf ("%d", MAX (first_seed, 0));
  g_autofree char *last = g_strdup_printf ("%d", first_seed >= 0 ? first_seed + 1 : n_seeds);
  g_autoptr(GError) error = NULL;
  g_autoptr(GSubprocess) process = NULL;
  g_autoptr(GDataInputStream) lines = NULL;
  char *line;
  int n_cases = 0;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, "/usr/bin/python3", generator, first, last, NULL);
  g_assert_no_error (error);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  while ((line = g_data_input_stream_read_line (lines, NULL, NULL, &error)) != NULL)
    {
      g_autofree char *owned = line;
      g_autoptr(JsonNode) node = json_from_string (owned, &error);

      g_assert_no_error (error);
      func (json_node_get_object (node), user_data);
      n_cases++;
    }
  g_assert_no_error (error);
  g_subprocess_wait_check (process, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (n_cases, ==, first_seed >= 0 ? 1 : n_seeds);
}

static void
run_all_orders (JsonObject *test_case,
                gpointer    user_data)
{
  for (guint order = 0; order < 3; order++)
    run_order (test_case, order);
}

static void
test_against_model (void)
{
  for_each_case (run_all_orders, NULL);
}

/* -- Devices that edit and merge ---------------------------------------------------------------------------------------
 * Edits are random SQL against what a device shows, captured and logged as the store does it.  In the end all must show the
 * same, and what the model makes of all their transactions. */

typedef struct
{
  Database       database;
  DimpleCapture *capture;
  GHashTable    *known;        /* ids */
} Device;

static void
free_device (gpointer pointer)
{
  Device *self = pointer;

  g_clear_pointer (&self->database.log, dimple_log_writer_free);
  g_clear_pointer (&self->capture, dimple_capture_free);
  close_database (&self->database);
  g_hash_table_unref (self->known);
  g_free (self);
}

static Device *
new_device (const char *sql,
            gint64      skew)
{
  Device *self = g_new0 (Device, 1);

  open_database (&self->database, sql);
  self->capture = dimple_capture_new (self->database.connection);
  dimple_connection_drop_statements (self->database.connection);
  dimple_capture_set_schema (self->capture, self->database.schema);
  self->database.clock.test_time = G_GINT64_CONSTANT (1700000000000) + skew;
  self->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

static void
settle (Device *self)
{
  g_autoptr(GError) error = NULL;
  gboolean waiting;

  g_assert_true (dimple_merge_is_waiting (self->database.connection, &waiting, &error));
  if (!waiting)
    return;
  dimple_capture_set_paused (self->capture, TRUE);
  exec (&self->database, "PRAGMA foreign_keys = OFF");
  exec (&self->database, "BEGIN IMMEDIATE");
  dimple_merge_settle (self->database.connection, self->database.schema, NULL, NULL, &error);
  g_assert_no_error (error);
  exec (&self->database, "COMMIT");
  exec (&self->database, "PRAGMA foreign_keys = ON");
  dimple_capture_set_paused (self->capture, FALSE);
}

static gboolean
log_row (const DimpleCapturedRow  *row,
         gpointer                  user_data,
         GError                  **error)
{
  return dimple_log_writer_add (user_data, row, NULL, error);
}

static void
append_random_value (GString           *sql,
                     GRand             *rand,
                     const DimpleTable *table,
                     guint              number)
{
  const DimpleColumn *column = g_ptr_array_index (table->columns, number);
  gboolean text = strstr (column->declared_type, "TEXT") != NULL;

  if (column->key_position == 0 && g_rand_int_range (rand, 0, 8) == 0)
    g_string_append (sql, "NULL");
  else if (text && strcmp (column->name, "x") != 0)
    g_string_append_printf (sql, "'%s%d'", g_rand_int_range (rand, 0, 4) == 0 ? "K" : "k", g_rand_int_range (rand, 0, 4));
  else if (text)
    g_string_append_printf (sql, "'%c'", "aAb"[g_rand_int_range (rand, 0, 3)]);
  else
    g_string_append_printf (sql, "%d", g_rand_int_range (rand, 0, 4));
}

static char *
random_statement (GRand        *rand,
                  DimpleSchema *schema)
{
  const DimpleTable *table = dimple_schema_get_table (schema, (guint) g_rand_int_range (rand, 0,
                                                                       (gint32) dimple_schema_get_n_tables (schema)));
  int kind = g_rand_int_range (rand, 0, 10);
  g_autoptr(GString) columns = g_string_new (NULL);
  g_autoptr(GString) values = g_string_new (NULL);
  GString *where = g_string_new (NULL);
  GString *sql = g_string_new (NULL);

  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, i);

      if (column->generated)
        continue;
      if (column->key_position == 1)
        {
          g_string_append_printf (where, "%s = ", column->name);
          append_random_value (where, rand, table, i);
        }
      if (kind >= 5 && g_rand_int_range (rand, 0, 3) > (column->key_position > 0 ? 0 : 1))
        continue;
      g_string_append_printf (columns, "%s%s", columns->len > 0 ? ", " : "", column->name);
      if (kind >= 5)
        g_string_append_printf (values, "%s%s = ", values->len > 0 ? ", " : "", column->name);
      else if (values->len > 0)
        g_string_append (values, ", ");
      append_random_value (values, rand, table, i);
    }
  if (kind < 5)
    g_string_printf (sql, "INSERT %sINTO %s (%s) VALUES (%s)", kind == 0 ? "OR REPLACE " : "", table->name,
                     columns->str, values->str);
  else if (kind < 8 && values->len > 0)
    g_string_printf (sql, "UPDATE %s SET %s WHERE %s", table->name, values->str, where->str);
  else
    g_string_printf (sql, "DELETE FROM %s WHERE %s", table->name, where->str);
  g_string_free (where, TRUE);
  return g_string_free (sql, FALSE);
}

/* SQLite 3.40 commits orphans that REPLACE leaves in a table with deferred FOREIGN KEYs to itself. */
static gboolean
has_orphans (Database *database)
{
  g_autofree char *orphans = query (database, "PRAGMA foreign_key_check");

  return *orphans != '\0';
}

/* One transaction of random statements; FALSE: a constraint refused it. */
static gboolean
edit (Device *self,
      GRand  *rand)
{
  Database *database = &self->database;
  g_autoptr(GError) error = NULL;
  char id[DIMPLE_UUID_SIZE] = "";
  gboolean done = TRUE;

  database->clock.test_time += g_rand_int_range (rand, 0, 3);
  exec (database, "BEGIN IMMEDIATE");
  dimple_log_writer_begin (database->log, NULL, 0);
  for (int n = g_rand_int_range (rand, 1, 4); n > 0; n--)
    {
      g_autofree char *sql = random_statement (rand, database->schema);

      dimple_connection_exec (database->connection, sql, NULL);       /* what is refused does nothing */
    }
  if (has_orphans (database))
    {
      exec (database, "ROLLBACK");
      dimple_log_writer_undo (database->log);
      return FALSE;
    }
  done = dimple_capture_net (self->capture, log_row, database->log, &error);
  done = done && dimple_log_writer_end (database->log, id, &error);
  done = done && dimple_connection_exec (database->connection, "COMMIT", &error);
  if (done)
    {
      if (*id != '\0')
        g_hash_table_add (self->known, g_strdup (id));
      settle (self);
      return TRUE;
    }
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
  exec (database, "ROLLBACK");
  dimple_log_writer_undo (database->log);
  return FALSE;
}

static gboolean
collect_unknown (DimpleTransaction  *transaction,
                 gpointer            user_data,
                 GError            **error)
{
  g_ptr_array_add (user_data, transaction);
  return TRUE;
}

static void
shuffle (GPtrArray *array,
         GRand     *rand)
{
  for (guint i = array->len; i > 1; i--)
    {
      guint j = (guint) g_rand_int_range (rand, 0, (gint32) i);
      gpointer swapped = array->pdata[i - 1];

      array->pdata[i - 1] = array->pdata[j];
      array->pdata[j] = swapped;
    }
}

/* Brings what `from` has and `to` has not, in batches of any size and order. */
static void
pull (Device *to,
      Device *from,
      GRand  *rand)
{
  g_autoptr(GPtrArray) transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);
  g_autoptr(GError) error = NULL;

  g_assert_true (dimple_log_visit_since (from->database.connection, 0, collect_unknown, transactions, &error));
  if (g_rand_boolean (rand))
    shuffle (transactions, rand);
  for (guint i = 0; i < transactions->len;)
    {
      g_autoptr(GPtrArray) batch = g_ptr_array_new ();
      guint size = (guint) g_rand_int_range (rand, 1, 20);

      for (; i < transactions->len && batch->len < size; i++)
        {
          DimpleTransaction *transaction = g_ptr_array_index (transactions, i);

          if (g_hash_table_add (to->known, g_strdup (transaction->id)))
            g_ptr_array_add (batch, transaction);
        }
      dimple_capture_set_paused (to->capture, TRUE);
      if (!apply (&to->database, batch, NULL, &error))
        g_error ("%s", error->message);
      dimple_capture_set_paused (to->capture, FALSE);
    }
}

static char *
describe (Device *self)
{
  g_autoptr(GString) text = g_string_new (NULL);
  g_autofree char *shelf = query (&self->database, "SELECT \"table\", key, reason FROM dimple_shelf");

  for (guint i = 0; i < dimple_schema_get_n_tables (self->database.schema); i++)
    {
      const char *name = dimple_schema_get_table (self->database.schema, i)->name;
      g_autofree char *sql = g_strdup_printf ("SELECT * FROM %s", name);
      g_autofree char *rows = query (&self->database, sql);

      g_string_append_printf (text, "%s:\n%s\n", name, rows);
    }
  g_string_append_printf (text, "shelf:\n%s\n", shelf);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* A line for check_merges.py: what a device knows, and what it shows. */
static char *
report_device (Device *self,
               gint64  case_seed)
{
  g_autoptr(GPtrArray) transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);
  g_autoptr(GString) line = g_string_new (NULL);
  g_autofree char *shelf = query (&self->database, "SELECT \"table\", key, reason FROM dimple_shelf");

  dimple_log_visit_since (self->database.connection, 0, collect_unknown, transactions, NULL);
  g_string_printf (line, "{\"seed\": %" G_GINT64_FORMAT ", \"transactions\": [", case_seed);
  for (guint i = 0; i < transactions->len; i++)
    {
      DimpleTransaction *transaction = g_ptr_array_index (transactions, i);

      g_string_append_printf (line, "%s{\"id\": \"%s\", \"author\": \"%s\", \"script\": %d, \"changes\": %.*s}",
                              i > 0 ? ", " : "", transaction->id, transaction->author, transaction->script,
                              (int) g_bytes_get_size (transaction->changes),
                              (const char *) g_bytes_get_data (transaction->changes, NULL));
    }
  g_string_append (line, "], \"tables\": {");
  for (guint i = 0; i < dimple_schema_get_n_tables (self->database.schema); i++)
    {
      const DimpleTable *table = dimple_schema_get_table (self->database.schema, i);
      g_autoptr(GString) sql = g_string_new ("SELECT ");
      g_autofree char *rows = NULL;

      for (guint j = 0, n = 0; j < table->columns->len; j++)
        {
          const DimpleColumn *column = g_ptr_array_index (table->columns, j);

          if (!column->generated)
            g_string_append_printf (sql, "%s%s", n++ > 0 ? ", " : "", column->name);
        }
      g_string_append_printf (sql, " FROM %s", table->name);
      rows = query (&self->database, sql->str);
      g_strdelimit (rows, "\n", ',');
      g_string_append_printf (line, "%s\"%s\": [%s]", i > 0 ? ", " : "", table->name, rows);
    }
  g_strdelimit (shelf, "\n", ',');
  g_string_append_printf (line, "}, \"shelved\": [%s]}\n", shelf);
  return g_string_free (g_steal_pointer (&line), FALSE);
}

static void
run_devices (JsonObject *test_case,
             gpointer    checker)
{
  gint64 case_seed = json_object_get_int_member (test_case, "seed");
  const char *sql = json_object_get_string_member (test_case, "sql");
  g_autoptr(GRand) rand = g_rand_new_with_seed ((guint32) case_seed);
  g_autoptr(GPtrArray) devices = g_ptr_array_new_with_free_func (free_device);
  g_autofree char *first = NULL;
  g_autofree char *line = NULL;
  guint n_devices = (guint) g_rand_int_range (rand, 2, 4);

  for (guint i = 0; i < n_devices; i++)
    g_ptr_array_add (devices, new_device (sql, g_rand_int_range (rand, -100, 100)));
  for (int n = g_rand_int_range (rand, 5, 60); n > 0; n--)
    {
      Device *device = g_ptr_array_index (devices, (guint) g_rand_int_range (rand, 0, (gint32) n_devices));

      if (g_rand_int_range (rand, 0, 4) > 0)
        edit (device, rand);
      else
        pull (device, g_ptr_array_index (devices, (guint) g_rand_int_range (rand, 0, (gint32) n_devices)), rand);
    }
  g_ptr_array_add (devices, new_device (sql, 0));
  for (guint i = 0; i < devices->len * devices->len * 2; i++)
    pull (g_ptr_array_index (devices, i % devices->len), g_ptr_array_index (devices, i / devices->len % devices->len), rand);

  for (guint i = 0; i < devices->len; i++)
    {
      g_autofree char *text = describe (g_ptr_array_index (devices, i));

      assert_clean (&((Device *) g_ptr_array_index (devices, i))->database, test_case);
      if (first == NULL)
        first = g_steal_pointer (&text);
      else if (strcmp (text, first) != 0)
        g_error ("seed %" G_GINT64_FORMAT ": device %u shows\n%s\nand device 0\n%s\n%s", case_seed, i, text, first, sql);
    }
  line = report_device (g_ptr_array_index (devices, 0), case_seed);
  g_output_stream_write_all (checker, line, strlen (line), NULL, NULL, NULL);
}

static void
test_devices (void)
{
  g_autofree char *script = g_test_build_filename (G_TEST_DIST, "model", "check_merges.py", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(GSubprocess) checker = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE, &error, "/usr/bin/python3", script, NULL);

  g_assert_no_error (error);
  n_seeds = MAX (n_seeds / 3, 1);
  for_each_case (run_devices, g_subprocess_get_stdin_pipe (checker));
  g_output_stream_close (g_subprocess_get_stdin_pipe (checker), NULL, NULL);
  g_subprocess_wait_check (checker, NULL, &error);
  g_assert_no_error (error);
}

int
main (int   argc,
      char *argv[])
{
  first_seed = (int) take_option (&argc, argv, "--seed", G_MAXUINT);       /* -1: from 0 on */
  n_seeds = (int) take_option (&argc, argv, "--seeds", (guint) n_seeds);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/merge/against-model", test_against_model);
  g_test_add_func ("/merge/devices", test_devices);
  return g_test_run ();
}
