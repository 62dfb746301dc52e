/* verify.c: what the library itself says of it
 *
 * At rest it has to find nothing, between stores and against buckets; and of a row that was changed behind its back,
 * that one and no other.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "dimple-key-private.h"
#include "dimple-sync-verify-private.h"

#include "simulator.h"

#define MAX_REPAIRS 10

/* -- Asking -------------------------------------------------------------------------------------------------------- */

static void
expect (char       **differing,
        const char  *expected,
        const char  *what,
        guint        device)
{
  g_autofree char *text = g_strjoinv (" ", differing);

  if (strcmp (text, expected) != 0)
    sim_fail ("between device %u and %s “%s” differ instead of “%s”", device, what, text, expected);
}

static void
compare_with (Device     *one,
              Device     *other,
              const char *expected)
{
  g_auto(DimpleSyncFindings) findings = { NULL };
  g_auto(GStrv) differing = NULL;
  g_autoptr(GError) error = NULL;

  count_add (COUNT_COMPARED, 1);
  dimple_sync_findings_init (&findings);
  if (!dimple_sync_compare (one->store, other->store, &findings, NULL, &error))
    sim_fail ("devices %u and %u cannot be compared: %s", one->number, other->number, error->message);
  differing = dimple_sync_findings_steal (&findings);
  expect (differing, expected, "another one", one->number);
  if (*expected == '\0' && findings.n_compared > 0)
    sim_fail ("rows of devices %u and %u were compared, though nothing differs", one->number, other->number);
}

/* A pack that somebody damaged may be noticed only now, as all devices held what was in it: the next sync mends
 * that. */
static void
verify (Device     *device,
        const char *expected)
{
  g_auto(GStrv) differing = NULL;
  g_autoptr(GError) error = NULL;

  count_add (COUNT_VERIFIED, 1);
  for (guint i = 0; !dimple_sync_client_verify (device->client, NULL, &differing, &error); i++)
    {
      if (i == MAX_REPAIRS || !device->world->harmed || !g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK))
        sim_fail ("device %u cannot be verified: %s", device->number, error->message);
      sim_trace ("  verifying device %u: %s", device->number, error->message);
      g_clear_error (&error);
      count_add (COUNT_REPAIRED, 1);
      device_sync (device, FALSE);
    }
  expect (differing, expected, "its buckets", device->number);
}

/* -- Changing a row behind the library's back ---------------------------------------------------------------------- */

typedef struct
{
  const DimpleTable  *table;
  const DimpleColumn *column;
  guint               offset;
  GString            *name;          /* "table/key" of what was changed */
} Plant;

static gboolean
change_row (DimpleConnection  *connection,
            gpointer           user_data,
            GError           **error)
{
  Plant *plant = user_data;
  g_autoptr(GString) key = g_string_new ("");
  g_autoptr(GByteArray) record = g_byte_array_new ();
  g_autofree char *select = NULL, *update = NULL;
  g_autoptr(DimpleStatement) statement = NULL, writing = NULL;

  for (guint k = 0; k < plant->table->key->len; k++)
    g_string_append_printf (key, "%s%s", k > 0 ? ", " : "", dimple_table_get_key_column (plant->table, k)->quoted);
  select = g_strdup_printf ("SELECT %s FROM %s ORDER BY %s LIMIT 1 OFFSET %u", key->str, plant->table->quoted, key->str,
                            plant->offset);
  statement = dimple_connection_prepare (connection, select, error);
  if (statement == NULL || !dimple_statement_step (statement, error))
    return FALSE;
  dimple_record_append_row (record, statement, plant->table->key->len);
  sqlite3_reset (statement);

  update = g_strdup_printf ("UPDATE %s SET %s = 'planted' WHERE (%s) = (%s)", plant->table->quoted,
                            plant->column->quoted, key->str, select);
  writing = dimple_connection_prepare (connection, update, error);
  if (writing == NULL || !dimple_statement_run (writing, error))
    return FALSE;
  plant->name = g_string_new (plant->table->name);
  g_string_append_c (plant->name, '/');
  dimple_key_append_record (plant->name, plant->table, record->data);
  return TRUE;
}

/* “x”, whatever a migration has called it: it takes any value. */
static const DimpleColumn *
find_column (const DimpleTable *table)
{
  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, i);

      if (column->name[0] == 'x')
        return column;
    }
  return NULL;
}

static gboolean
pick_row (Device       *device,
          DimpleSchema *schema,
          Dice         *dice,
          Plant        *plant)
{
  g_autofree char *sql = NULL;
  guint n;

  plant->table = dimple_schema_get_table (schema, dice_below (dice, dimple_schema_get_n_tables (schema)));
  plant->column = plant->table->tracked ? find_column (plant->table) : NULL;
  if (plant->column == NULL)
    return FALSE;
  sql = g_strdup_printf ("SELECT count (*) FROM %s", plant->table->quoted);
  n = (guint) device_select_number (device, sql);
  if (n > 0)
    plant->offset = dice_below (dice, n);
  return n > 0;
}

/* NULL: there is no such row, or a constraint refuses it. */
static char *
plant_row (Device *device,
           Dice   *dice)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (device->store);
  g_autoptr(GError) error = NULL;
  Plant plant = { NULL };

  if (!pick_row (device, schema, dice, &plant) || !dimple_store_write_own (device->store, change_row, &plant, &error))
    return NULL;
  sim_trace ("%s of device %u is changed behind its back", plant.name->str, device->number);
  return g_string_free (plant.name, FALSE);
}

/* -- Checking ------------------------------------------------------------------------------------------------------ */

static void
compare_all (World      *world,
             Device     *device,
             const char *expected)
{
  for (guint i = 0; i < world->devices->len; i++)
    {
      Device *other = g_ptr_array_index (world->devices, i);

      if (other != device && other->version == device->version)
        compare_with (device, other, expected);
    }
}

void
check_verify (World *world,
              Dice  *dice)
{
  Device *device = g_ptr_array_index (world->devices, dice_below (dice, world->devices->len));
  g_autofree char *planted = NULL;

  compare_all (world, device, "");
  /* As dear as a new device's first sync. */
  if (!dice_chance (dice, 250))
    return;
  verify (device, "");
  if (dice_chance (dice, 500))
    return;
  planted = plant_row (device, dice);
  if (planted == NULL)
    return;
  count_add (COUNT_PLANTED, 1);
  compare_all (world, device, planted);
  verify (device, planted);
}
