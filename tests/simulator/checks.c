/* checks.c: what must hold
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "dimple-schema-private.h"

#include "../log-utils.h"
#include "simulator.h"

/* -- What a store shows -------------------------------------------------------------------------------------------- */

static char *
dump_tables (DimpleStore *store)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (store);
  GString *text = g_string_new ("");

  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *table = dimple_schema_get_table (schema, i);
      g_autofree char *sql = NULL, *rows = NULL;

      if (!table->tracked)
        continue;
      sql = g_strdup_printf ("SELECT * FROM %s ORDER BY %s COLLATE BINARY, 2", table->name,
                             dimple_table_get_key_column (table, 0)->name);
      rows = store_select (store, sql);
      g_string_append_printf (text, "%s:\n%s", table->name, rows);
    }
  return g_string_free (text, FALSE);
}

/* `created` and `rival` need not be the same: one may be left to the log, the other is one of several. */
static char *
dump_shelf (DimpleStore *store)
{
  return store_select (store, "SELECT \"table\", key, reason, \"row\" FROM dimple_shelf ORDER BY 1, 2");
}

static void
compare (const char *what,
         char       *one,
         char       *other)
{
  if (strcmp (one, other) != 0)
    sim_fail ("%s:\n%s\nand\n%s", what, one, other);
}

static void
compare_stores (const char  *what,
                DimpleStore *one,
                DimpleStore *other)
{
  g_autofree char *tables = dump_tables (one), *other_tables = dump_tables (other);
  g_autofree char *shelf = dump_shelf (one), *other_shelf = dump_shelf (other);

  compare (what, tables, other_tables);
  compare (what, shelf, other_shelf);
}

/* The full-text index has what its table has, though merges run no trigger that writes to a table of the app's. */
static void
check_words (DimpleStore *store)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (store);
  const DimpleTable *table = dimple_schema_find (schema, "t0");
  g_autofree char *there = store_select (store, "SELECT 1 FROM sqlite_schema WHERE name = 'words'");
  g_autofree char *sql = NULL, *rows = NULL, *words = NULL;
  const char *x = NULL;

  if (*there == '\0')
    return;
  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, i);

      if (column->name[0] == 'x')
        x = column->name;
    }
  sql = g_strdup_printf ("SELECT key, %s FROM t0 ORDER BY key COLLATE BINARY", x);
  rows = store_select (store, sql);
  words = store_select (store, "SELECT key, x FROM words ORDER BY key");
  compare ("a table and its full-text index have", rows, words);
}

/* -- One device ---------------------------------------------------------------------------------------------------- */

void
check_device (Device *device)
{
  g_autofree char *integrity = device_select (device, "PRAGMA integrity_check");
  g_autofree char *references = device_select (device, "PRAGMA foreign_key_check");

  if (strcmp (integrity, "'ok'\n") != 0)
    sim_fail ("device %u: integrity_check says %s", device->number, integrity);
  if (*references != '\0')
    sim_fail ("device %u: foreign_key_check says %s", device->number, references);
  check_words (device->store);
}

static GPtrArray *
read_log (DimpleStore *store)
{
  GPtrArray *transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);
  g_autoptr(GError) error = NULL;
  DimpleConnection *reader = dimple_store_acquire_reader (store, &error);

  if (reader == NULL || !dimple_log_visit_since (reader, 0, log_collect, transactions, &error))
    sim_fail ("the log cannot be read: %s", error->message);
  dimple_store_release_reader (store, reader);
  return transactions;
}

static void
shuffle (GPtrArray *items,
         Dice      *dice)
{
  for (guint i = items->len; i > 1; i--)
    {
      guint other = dice_below (dice, i);
      gpointer item = g_ptr_array_index (items, i - 1);

      g_ptr_array_index (items, i - 1) = g_ptr_array_index (items, other);
      g_ptr_array_index (items, other) = item;
    }
}

/* A store with the schema of another one, and nothing in it. */
static DimpleStore *
open_like (DimpleStore *other)
{
  g_autoptr(GString) script = g_string_new ("");
  g_autoptr(GError) error = NULL;
  DimpleConnection *reader = dimple_store_acquire_reader (other, &error);
  sqlite3_stmt *statement = dimple_connection_prepare (
    reader, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'dimple_%' "
            "AND tbl_name NOT LIKE 'dimple_%' AND name NOT LIKE 'words\\__%' ESCAPE '\\' OR type = 'trigger' "
            "ORDER BY type <> 'table', rowid", &error);
  const char *scripts[2] = { NULL, NULL };
  DimpleStore *store;

  g_assert_no_error (error);
  while (dimple_statement_step (statement, &error))
    g_string_append_printf (script, "%s;\n", (const char *) sqlite3_column_text (statement, 0));
  g_assert_no_error (error);
  dimple_statement_release (statement);
  dimple_store_release_reader (other, reader);

  store = dimple_store_open (NULL, &error);
  g_assert_no_error (error);
  scripts[0] = script->str;
  if (!dimple_store_migrate (store, scripts, &error))
    sim_fail ("the schema cannot be made again: %s\n%s", error->message, script->str);
  return store;
}

static void
apply_batches (DimpleStore *store,
               GPtrArray   *transactions,
               Dice        *dice)
{
  for (guint done = 0; done < transactions->len; )
    {
      guint size = dice_pick (dice, 1, 1, 2, 5, 20, 1000), n = MIN (size, transactions->len - done);
      g_autoptr(GPtrArray) batch = g_ptr_array_new ();
      g_autofree char *seq = store_select (store, "SELECT max (seq) FROM dimple_log");
      g_autoptr(GError) error = NULL;

      for (guint i = 0; i < n; i++)
        g_ptr_array_add (batch, g_ptr_array_index (transactions, done + i));
      if (!dimple_store_apply (store, batch, g_ascii_strtoll (seq, NULL, 10), &error))
        sim_fail ("transactions cannot be applied in another order: %s", error->message);
      done += n;
    }
}

void
check_replay (Device *device,
              Dice   *dice)
{
  g_autoptr(GPtrArray) transactions = read_log (device->store);
  DimpleStore *store = open_like (device->store);

  count_add (COUNT_REPLAYS, 1);
  shuffle (transactions, dice);
  apply_batches (store, transactions, dice);
  compare_stores ("a device shows, and what the same transactions give in another order, is", device->store, store);
  check_words (store);
  dimple_store_close (store, NULL);
  g_object_unref (store);
}

void
check_deletes (Device *device)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (device->store);

  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *table = dimple_schema_get_table (schema, i);
      g_autoptr(GString) same_key = g_string_new ("");
      g_autofree char *sql = NULL, *gone = NULL;

      if (!table->tracked)
        continue;
      for (guint j = 0; j < table->key->len; j++)
        g_string_append_printf (same_key, "%sshown.%s COLLATE BINARY = json_extract (h.k, '$[%u]')",
                                j > 0 ? " AND " : "", dimple_table_get_key_column (table, j)->name, j);
      sql = g_strdup_printf (
        "WITH h AS MATERIALIZED (SELECT key AS k, operation AS o FROM dimple_history WHERE \"table\" = '%s') "
        "SELECT k FROM h WHERE o = 'insert' AND k NOT IN (SELECT k FROM h WHERE o = 'delete') "
        "AND k NOT IN (SELECT key FROM dimple_shelf WHERE \"table\" = '%s') "
        "AND NOT EXISTS (SELECT 1 FROM %s AS shown WHERE %s)", table->name, table->name, table->name, same_key->str);
      gone = device_select (device, sql);
      if (*gone != '\0')
        sim_fail ("device %u: of %s nobody deleted %s", device->number, table->name, gone);
    }
}

/* -- All of them --------------------------------------------------------------------------------------------------- */

typedef struct
{
  GHashTable *ids;             /* of the log */
  DimpleHeld *held;            /* what was dropped, too */
} Knowledge;

static void
knowledge_free (gpointer data)
{
  Knowledge *self = data;

  g_hash_table_unref (self->ids);
  dimple_held_free (self->held);
  g_free (self);
}

static GPtrArray *
collect_knowledge (World *world)
{
  GPtrArray *all = g_ptr_array_new_with_free_func (knowledge_free);

  for (guint i = 0; i < world->devices->len; i++)
    {
      Knowledge *knowledge = g_new (Knowledge, 1);

      knowledge->ids = device_get_ids (g_ptr_array_index (world->devices, i));
      knowledge->held = device_get_held (g_ptr_array_index (world->devices, i));
      g_ptr_array_add (all, knowledge);
    }
  return all;
}

/* Superseded in all that it changed, and dropped by somebody, perhaps before others could see it. */
static gboolean
is_dropped (GPtrArray  *knowledge,
            const char *id)
{
  for (guint i = 0; i < knowledge->len; i++)
    {
      Knowledge *one = g_ptr_array_index (knowledge, i);

      if (dimple_held_has (one->held, id) && !g_hash_table_contains (one->ids, id))
        return TRUE;
    }
  return FALSE;
}

static void
check_log (Device     *device,
           GPtrArray  *knowledge,
           const char *when)
{
  World *world = device->world;
  GHashTable *ids = ((Knowledge *) g_ptr_array_index (knowledge, device->number))->ids;
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, world->committed);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    {
      if (g_hash_table_contains (ids, id) || g_hash_table_contains (world->destroyed, id))
        continue;
      if (!world->pruning || !is_dropped (knowledge, id))
        sim_fail ("%s: device %u lacks %s", when, device->number, (char *) id);
      count_add (COUNT_DROPPED, 1);
    }
  g_hash_table_iter_init (&iter, ids);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    {
      if (!g_hash_table_contains (world->committed, id))
        sim_fail ("%s: device %u has %s, which nobody committed", when, device->number, (char *) id);
    }
}

void
check_equal (World      *world,
             const char *when)
{
  Device *first[N_VERSIONS + 1] = { NULL };
  g_autoptr(GPtrArray) knowledge = collect_knowledge (world);

  for (guint i = 0; i < world->devices->len; i++)
    {
      Device *device = g_ptr_array_index (world->devices, i);
      g_autofree char *what = NULL;

      check_log (device, knowledge, when);
      if (first[device->version] == NULL)
        {
          first[device->version] = device;
          continue;
        }
      what = g_strdup_printf ("%s: device %u and device %u show", when, first[device->version]->number, device->number);
      compare_stores (what, first[device->version]->store, device->store);
    }
}

void
check_idle (World *world)
{
  for (guint i = 0; i < world->devices->len; i++)
    {
      Device *device = g_ptr_array_index (world->devices, i);
      guint n_buckets = (guint) __builtin_popcount (device->reaches);

      if (!device_sync (device, FALSE))
        sim_fail ("device %u cannot sync at the end", device->number);
      if (device->n_requests[DIMPLE_STORAGE_LIST] != n_buckets || device->n_requests[DIMPLE_STORAGE_GET] > 0 ||
          device->n_requests[DIMPLE_STORAGE_PUT] > 0 || device->n_requests[DIMPLE_STORAGE_REMOVE] > 0)
        sim_fail ("an idle sync of device %u made %u LIST, %u GET, %u PUT, %u REMOVE", device->number,
                  device->n_requests[DIMPLE_STORAGE_LIST], device->n_requests[DIMPLE_STORAGE_GET],
                  device->n_requests[DIMPLE_STORAGE_PUT], device->n_requests[DIMPLE_STORAGE_REMOVE]);
    }
}

void
check_foreign (World *world,
               Dice  *dice)
{
  static const char marker[] = "{\"format\":1,\"encryption\":null}\n";
  Device *device = g_ptr_array_index (world->devices, dice_below (dice, world->devices->len));
  Bucket *bucket = bucket_new (world, "foreign");
  g_autoptr(DimpleStorage) storage = bucket_get_storage (bucket, device);
  g_autoptr(DimpleSyncClient) client = dimple_sync_client_new (device->store, storage);
  gint64 seq = device_select_number (device, "SELECT max (seq) FROM dimple_log");
  g_autoptr(GError) error = NULL;

  leaks_watch (client);
  g_hash_table_insert (bucket->objects, g_strdup ("dimple/0190a000-0000-7000-8000-000000000000.json"),
                       g_bytes_new_static (marker, strlen (marker)));
  if (dimple_sync_client_sync (client, NULL, &error) || !g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_REPOSITORY))
    sim_fail ("device %u synced with another repository: %s", device->number, error != NULL ? error->message : "fine");
  if (g_hash_table_size (bucket->objects) != 1 ||
      seq != device_select_number (device, "SELECT max (seq) FROM dimple_log"))
    sim_fail ("device %u or another repository was touched", device->number);
  g_clear_object (&client);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_clear_object (&storage);
  bucket_free (bucket);
}
