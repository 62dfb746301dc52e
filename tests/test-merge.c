/* test-merge.c: merging, against the model
 *
 * tests/model/ says in plain Python what a set of transactions must show.  Its generated cases are merged here in
 * several orders and batches, with migrations at different times, and the tables and the shelf compared.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "merge-cases.h"
#include "merge-utils.h"
#include "random-test.h"

static guint first_seed, n_seeds;

/* A value of the model's; objects are what JSON cannot say. */
static void
append_node (GString  *line,
             JsonNode *node)
{
  if (JSON_NODE_HOLDS_ARRAY (node))
    {
      g_autofree char *text = json_to_string (node, FALSE);

      dimple_json_append_string (line, text, -1);
    }
  else if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    dimple_json_append_string (line, json_node_get_string (node), -1);
  else
    {
      g_autofree char *text = json_to_string (node, FALSE);

      g_string_append (line, text);
    }
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
          if (j > 0)
            g_string_append_c (line, ',');
          append_node (line, json_array_get_element (row, j));
        }
      g_string_append_c (line, ']');
      g_ptr_array_add (lines, g_string_free (line, FALSE));
    }
  return join_lines (lines);
}

/* -- Cases of the model -------------------------------------------------------------------------------------------- */

/* A group of its changes. */
static GBytes *
read_piece (DimpleConnection  *connection,
            guint              piece,
            gpointer           user_data,
            GError           **error)
{
  g_autofree char *group = json_to_string (json_array_get_element (user_data, piece), FALSE);
  char *changes = g_strconcat ("[", group, "]", NULL);

  return g_bytes_new_take (changes, strlen (changes));
}

static DimpleTransaction *
read_transaction (JsonObject *object,
                  gboolean    in_pieces)
{
  DimpleTransaction *self = g_new0 (DimpleTransaction, 1);
  char *changes;

  g_strlcpy (self->id, json_object_get_string_member (object, "id"), sizeof self->id);
  g_strlcpy (self->author, json_object_get_string_member (object, "author"), sizeof self->author);
  g_strlcpy (self->previous, json_object_get_string_member (object, "previous"), sizeof self->previous);
  self->script = (int) json_object_get_int_member (object, "script");
  self->pruned = json_object_get_boolean_member (object, "pruned");
  self->piece_data = json_object_get_array_member (object, "changes");
  self->n_pieces = json_array_get_length (self->piece_data);
  self->read_piece = read_piece;
  if (in_pieces && self->n_pieces > 1)
    return self;
  changes = json_to_string (json_object_get_member (object, "changes"), FALSE);
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
    g_error ("seed %" G_GINT64_FORMAT ": %s %s", json_object_get_int_member (test_case, "seed"), foreign_keys,
             integrity);
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
    g_error ("seed %" G_GINT64_FORMAT ", order %u: %s\n%s", json_object_get_int_member (test_case, "seed"), order,
             failed, dup_scripts (test_case));
}

static void
run_order (JsonObject *test_case,
           guint       order)
{
  JsonArray *batches = json_array_get_array_element (json_object_get_array_member (test_case, "batches"), order);
  JsonArray *scripts = json_object_get_array_member (test_case, "scripts");
  g_auto(Database) database = { 0 };
  g_autoptr(GError) error = NULL;
  guint n_scripts = 0;

  /* Once as all large transactions come, and with hardly any memory */
  dimple_merge_set_max_touched (order == 1 ? 2 : 0);
  dimple_table_changes_set_max_named (order == 1 ? 2 : 0);
  open_database (&database, json_array_get_string_element (scripts, n_scripts++));
  for (guint i = 0; i < json_array_get_length (batches); i++)
    {
      g_autoptr(GPtrArray) transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);
      JsonArray *batch;

      if (json_array_get_null_element (batches, i))
        {
          migrate (&database, json_array_get_string_element (scripts, n_scripts++));
          continue;
        }
      batch = json_array_get_array_element (batches, i);
      for (guint j = 0; j < json_array_get_length (batch); j++)
        g_ptr_array_add (transactions, read_transaction (json_array_get_object_element (batch, j), order == 1));
      if (!apply (&database, transactions, NULL, &error))
        g_error ("seed %" G_GINT64_FORMAT ", order %u: %s\n%s", json_object_get_int_member (test_case, "seed"), order,
                 error->message, dup_scripts (test_case));
    }
  compare_with_model (&database, test_case, order);
  assert_clean (&database, test_case);
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
  for_each_case ("cases", first_seed, n_seeds, run_all_orders, NULL);
}

int
main (int   argc,
      char *argv[])
{
  /* one seed is given to look at it again, unless it is said how many from there on */
  first_seed = take_option (&argc, argv, "--seed", G_MAXUINT);
  n_seeds = take_option (&argc, argv, "--seeds", first_seed == G_MAXUINT ? 2000 : 1);
  first_seed = first_seed == G_MAXUINT ? 0 : first_seed;
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/merge/against-model", test_against_model);
  return g_test_run ();
}
