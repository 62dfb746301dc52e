/* test-merge-devices.c: devices that edit, migrate and merge, against the model
 *
 * Each device is a store whose app runs at one of several versions.  They edit with random SQL, upgrade at different
 * times (migrations change rows, too), change and delete rows that are on the shelf, and bring each other transactions
 * in any order.  In the end all must show the same, and what the model makes of all their transactions.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple.h"

#include "dimple-store-private.h"
#include "dimple-test.h"
#include "merge-cases.h"
#include "merge-utils.h"
#include "random-test.h"

static guint first_seed, n_seeds;

typedef struct
{
  DimpleStore *store;
  GHashTable  *known;        /* ids */
  JsonArray   *scripts;
  guint        version;      /* how many of them have run */
  gint64       time;         /* milliseconds */
} Device;

static void
free_device (gpointer pointer)
{
  Device *self = pointer;

  /* what is to be told holds the store */
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_finalize_object (self->store);
  g_hash_table_unref (self->known);
  g_free (self);
}

/* -- What a device does -------------------------------------------------------------------------------------------- */

static void
tick (Device *self,
      GRand  *rand)
{
  g_autoptr(GDateTime) second = NULL;
  g_autoptr(GDateTime) time = NULL;

  self->time += g_rand_int_range (rand, 0, 3);
  second = g_date_time_new_from_unix_utc (self->time / 1000);
  time = g_date_time_add (second, self->time % 1000 * 1000);
  dimple_test_set_time (self->store, time);
}

/* The app comes in a version that has one script more; FALSE: what the device shows does not let it run. */
static gboolean
upgrade (Device *self,
         GRand  *rand)
{
  g_autoptr(GPtrArray) scripts = g_ptr_array_new ();
  g_autoptr(GError) error = NULL;

  if (self->version == json_array_get_length (self->scripts))
    return TRUE;
  tick (self, rand);
  for (guint i = 0; i <= self->version; i++)
    g_ptr_array_add (scripts, (gpointer) json_array_get_string_element (self->scripts, i));
  g_ptr_array_add (scripts, NULL);
  if (!dimple_store_migrate (self->store, (const char * const *) scripts->pdata, &error))
    {
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION);
      return FALSE;
    }
  self->version++;
  return TRUE;
}

static Device *
new_device (JsonArray *scripts,
            gint64     skew,
            GRand     *rand)
{
  Device *self = g_new0 (Device, 1);
  g_autoptr(GError) error = NULL;

  self->store = dimple_store_open (NULL, &error);
  g_assert_no_error (error);
  self->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->scripts = scripts;
  self->time = G_GINT64_CONSTANT (1700000000000) + skew;
  g_assert_true (upgrade (self, rand));
  return self;
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
  else if (strcmp (column->name, "y") == 0)
    {
      static const char * const values[] = { "0", "1.5", "'a'", "x'61'", "1152921504606846976" };

      g_string_append (sql, values[g_rand_int_range (rand, 0, G_N_ELEMENTS (values))]);
    }
  else if (text && column->name[0] != 'x')
    g_string_append_printf (sql, "'%s%d'", g_rand_int_range (rand, 0, 4) == 0 ? "K" : "k",
                            g_rand_int_range (rand, 0, 4));
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
      if (column->key_position > 0)
        {
          g_string_append_printf (where, "%s%s = ", where->len > 0 ? " AND " : "", column->name);
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
has_orphans (Device *self)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GListModel) orphans = dimple_store_select (self->store, "SELECT 1 FROM pragma_foreign_key_check", NULL,
                                                       &error);

  g_assert_no_error (error);
  return g_list_model_get_n_items (orphans) > 0;
}

/* One transaction of random statements; what is refused does nothing. */
static void
edit (Device *self,
      GRand  *rand)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (self->store);
  g_autoptr(GError) error = NULL;

  tick (self, rand);
  dimple_store_begin (self->store, &error);
  g_assert_no_error (error);
  for (int n = g_rand_int_range (rand, 1, 4); n > 0; n--)
    {
      g_autofree char *sql = random_statement (rand, schema);

      dimple_store_execute (self->store, sql, NULL, NULL);
    }
  if (has_orphans (self))
    dimple_store_rollback (self->store, NULL);
  else if (!dimple_store_commit (self->store, &error))
    g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
}

/* A row that no SQL reaches is changed or deleted; what other reason there may be, it is there to be found. */
static void
edit_shelved (Device *self,
              GRand  *rand)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (self->store);
  g_autoptr(GObject) row = NULL;
  g_autoptr(GError) error = NULL;
  const DimpleTable *table;
  const char *key;
  g_autofree char *bare = NULL;

  tick (self, rand);
  row = dimple_store_select_first (self->store, "SELECT \"table\", key FROM dimple_shelf WHERE row IS NOT NULL "
                                   "ORDER BY key DESC LIMIT 1", NULL, &error);
  g_assert_no_error (error);
  if (row == NULL)
    return;
  table = dimple_schema_find (schema, dimple_row_get_string (DIMPLE_ROW (row), "table"));
  key = dimple_row_get_string (DIMPLE_ROW (row), "key");
  if (table->text_key)
    key = bare = g_strndup (key + 2, strlen (key) - 4);
  if (g_rand_int_range (rand, 0, 4) == 0)
    dimple_store_delete (self->store, table->name, key, &error);
  else
    dimple_store_update (self->store, table->name, key,
                         g_variant_new_parsed ("{'v0': <%i>}", g_rand_int_range (rand, 0, 4)), &error);
  g_assert_no_error (error);
}

typedef struct
{
  Device    *to;
  GPtrArray *transactions;
} Pull;

static gboolean
collect_unknown (DimpleTransaction  *transaction,
                 gpointer            user_data,
                 GError            **error)
{
  Pull *pull = user_data;

  if (pull->to == NULL || transaction->continues || g_hash_table_add (pull->to->known, g_strdup (transaction->id)))
    g_ptr_array_add (pull->transactions, transaction);
  else
    dimple_transaction_free (transaction);
  return TRUE;
}

/* The log's transactions that `to` does not know (nullable: all). */
static GPtrArray *
read_log (Device *self,
          Device *to)
{
  Pull pull = { to, g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free) };
  g_autoptr(GError) error = NULL;
  DimpleConnection *reader = dimple_store_acquire_reader (self->store, &error);

  g_assert_no_error (error);
  dimple_log_visit_since (reader, 0, collect_unknown, &pull, &error);
  g_assert_no_error (error);
  dimple_store_release_reader (self->store, reader);
  return pull.transactions;
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
  g_autoptr(GPtrArray) transactions = NULL;
  g_autoptr(GError) error = NULL;

  g_ptr_array_unref (read_log (to, to));                  /* its own are known to it */
  transactions = read_log (from, to);
  if (g_rand_boolean (rand))
    shuffle (transactions, rand);
  for (guint i = 0; i < transactions->len;)
    {
      g_autoptr(GPtrArray) batch = g_ptr_array_new ();
      guint size = (guint) g_rand_int_range (rand, 1, 20);

      for (; i < transactions->len && batch->len < size; i++)
        g_ptr_array_add (batch, g_ptr_array_index (transactions, i));
      dimple_store_apply (to->store, batch, G_MAXINT64, &error);
      g_assert_no_error (error);
    }
}

/* -- What a device holds ------------------------------------------------------------------------------------------- */

static void
append_rows (GString           *text,
             DimpleConnection  *reader,
             const DimpleTable *table)
{
  g_autoptr(GString) sql = g_string_new ("SELECT ");
  g_autofree char *rows = NULL;

  for (guint j = 0, n = 0; j < table->columns->len; j++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, j);

      if (!column->generated)
        g_string_append_printf (sql, "%s%s", n++ > 0 ? ", " : "", column->name);
    }
  g_string_append_printf (sql, " FROM %s", table->name);
  rows = query_connection (reader, sql->str);
  g_strdelimit (rows, "\n", ',');
  g_string_append_printf (text, "\"%s\": {\"columns\": [", table->name);
  for (guint j = 0, n = 0; j < table->columns->len; j++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, j);

      if (!column->generated)
        g_string_append_printf (text, "%s\"%s\"", n++ > 0 ? ", " : "", column->name);
    }
  g_string_append_printf (text, "], \"rows\": [%s]}", rows);
}

/* What is shown and shelved, as members of a JSON object; and that SQLite finds nothing wrong. */
static char *
describe (Device *self,
          gint64  seed)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (self->store);
  g_autoptr(GString) text = g_string_new ("\"tables\": {");
  g_autoptr(GError) error = NULL;
  DimpleConnection *reader = dimple_store_acquire_reader (self->store, &error);
  g_autofree char *shelf = NULL;
  g_autofree char *orphans = NULL;
  g_autofree char *integrity = NULL;
  gboolean first = TRUE;

  g_assert_no_error (error);
  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *table = dimple_schema_get_table (schema, i);

      if (!table->tracked)
        continue;
      g_string_append (text, first ? "" : ", ");
      append_rows (text, reader, table);
      first = FALSE;
    }
  shelf = query_connection (reader, "SELECT \"table\", key, reason FROM dimple_shelf");
  orphans = query_connection (reader, "SELECT * FROM pragma_foreign_key_check");
  integrity = query_connection (reader, "SELECT * FROM pragma_integrity_check");
  dimple_store_release_reader (self->store, reader);
  if (*orphans != '\0' || strcmp (integrity, "[\"ok\"]") != 0)
    g_error ("seed %" G_GINT64_FORMAT ": %s %s", seed, orphans, integrity);
  g_strdelimit (shelf, "\n", ',');
  g_string_append_printf (text, "}, \"shelved\": [%s]", shelf);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* A line for check_merges.py: what a device knows, and what it shows. */
static char *
report (Device     *self,
        const char *description,
        gint64      seed)
{
  g_autoptr(GPtrArray) transactions = read_log (self, NULL);
  g_autoptr(GString) line = g_string_new (NULL);

  g_string_printf (line, "{\"seed\": %" G_GINT64_FORMAT ", \"transactions\": [", seed);
  for (guint i = 0; i < transactions->len; i++)
    {
      DimpleTransaction *transaction = g_ptr_array_index (transactions, i);

      g_string_append_printf (line, "%s{\"id\": \"%s\", \"author\": \"%s\", \"script\": %d, \"changes\": %.*s}",
                              i > 0 ? ", " : "", transaction->id, transaction->author, transaction->script,
                              (int) g_bytes_get_size (transaction->changes),
                              (const char *) g_bytes_get_data (transaction->changes, NULL));
    }
  g_string_append_printf (line, "], %s}\n", description);
  return g_string_free (g_steal_pointer (&line), FALSE);
}

/* -- The test ------------------------------------------------------------------------------------------------------ */

typedef struct
{
  GOutputStream *checker;
  guint          n_stuck;
} Run;

static void
act (GPtrArray *devices,
     GRand     *rand)
{
  Device *device = g_ptr_array_index (devices, (guint) g_rand_int_range (rand, 0, (gint32) devices->len));
  int action = g_rand_int_range (rand, 0, 13);

  if (action == 0)
    upgrade (device, rand);
  else if (action == 12)
    edit_shelved (device, rand);
  else if (action < 4)
    pull (device, g_ptr_array_index (devices, (guint) g_rand_int_range (rand, 0, (gint32) devices->len)), rand);
  else
    edit (device, rand);
}

static void
exchange_all (GPtrArray *devices,
              GRand     *rand)
{
  for (guint i = 0; i < devices->len * devices->len * 2; i++)
    pull (g_ptr_array_index (devices, i % devices->len), g_ptr_array_index (devices, i / devices->len % devices->len),
          rand);
}

/* FALSE: some device cannot upgrade (a script that needs what the device does not show). */
static gboolean
upgrade_all (GPtrArray *devices,
             GRand     *rand)
{
  for (guint i = 0; i < devices->len; i++)
    {
      Device *device = g_ptr_array_index (devices, i);

      while (device->version < json_array_get_length (device->scripts))
        if (!upgrade (device, rand))
          return FALSE;
    }
  return TRUE;
}

static void
run_devices (JsonObject *test_case,
             gpointer    user_data)
{
  Run *run = user_data;
  gint64 seed = json_object_get_int_member (test_case, "seed");
  JsonArray *scripts = json_object_get_array_member (test_case, "scripts");
  g_autoptr(GRand) rand = g_rand_new_with_seed ((guint32) seed);
  g_autoptr(GPtrArray) devices = g_ptr_array_new_with_free_func (free_device);
  g_autofree char *first = NULL;
  g_autofree char *line = NULL;
  guint n_devices = (guint) g_rand_int_range (rand, 2, 4);

  for (guint i = 0; i < n_devices; i++)
    g_ptr_array_add (devices, new_device (scripts, g_rand_int_range (rand, -100, 100), rand));
  for (int n = g_rand_int_range (rand, 5, 60); n > 0; n--)
    act (devices, rand);
  g_ptr_array_add (devices, new_device (scripts, 0, rand));
  if (g_rand_boolean (rand))
    exchange_all (devices, rand);
  if (!upgrade_all (devices, rand))
    {
      run->n_stuck++;
      return;
    }
  exchange_all (devices, rand);

  for (guint i = 0; i < devices->len; i++)
    {
      g_autofree char *text = describe (g_ptr_array_index (devices, i), seed);

      if (first == NULL)
        first = g_steal_pointer (&text);
      else if (strcmp (text, first) != 0)
        g_error ("seed %" G_GINT64_FORMAT ": device %u shows\n%s\nand device 0\n%s\n%s", seed, i, text, first,
                 dup_scripts (test_case));
    }
  line = report (g_ptr_array_index (devices, 0), first, seed);
  g_output_stream_write_all (run->checker, line, strlen (line), NULL, NULL, NULL);
}

static void
test_devices (void)
{
  g_autofree char *script = g_test_build_filename (G_TEST_DIST, "model", "check_merges.py", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(GSubprocess) checker = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE, &error, "/usr/bin/python3", script,
                                                     NULL);
  Run run = { 0 };

  g_assert_no_error (error);
  run.checker = g_subprocess_get_stdin_pipe (checker);
  for_each_case ("apps", first_seed, n_seeds, run_devices, &run);
  g_output_stream_close (run.checker, NULL, NULL);
  g_subprocess_wait_check (checker, NULL, &error);
  g_assert_no_error (error);
  g_test_message ("%u of %u with a device that could not upgrade", run.n_stuck, n_seeds);
  g_assert_cmpuint (run.n_stuck, <=, MAX (n_seeds / 10, 1));
}

int
main (int   argc,
      char *argv[])
{
  /* one seed is given to look at it again, unless it is said how many from there on */
  first_seed = take_option (&argc, argv, "--seed", G_MAXUINT);
  n_seeds = take_option (&argc, argv, "--seeds", first_seed == G_MAXUINT ? 400 : 1);
  first_seed = first_seed == G_MAXUINT ? 0 : first_seed;
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/merge-devices/against-model", test_devices);
  return g_test_run ();
}
