/* edits.c: what users do to rows
 *
 * Random SQL against what a device shows, under its own constraints: few keys and few values, so that everything
 * collides.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "dimple-schema-private.h"

#include "simulator.h"

typedef struct
{
  Device       *device;
  Dice         *dice;
  DimpleSchema *schema;
} Editor;

/* The nth of the values that a column shows, as SQL; NULL if there is none. */
static char *
pick_shown (Editor     *self,
            const char *table,
            const char *columns)
{
  g_autofree char *count = g_strdup_printf ("SELECT count (*) FROM %s", table);
  guint n = (guint) device_select_number (self->device, count);
  g_autofree char *sql = NULL;
  char *value;

  if (n == 0)
    return NULL;
  sql = g_strdup_printf ("SELECT %s FROM %s ORDER BY 1, 2 LIMIT 1 OFFSET %u", columns, table,
                         dice_below (self->dice, n));
  value = device_select (self->device, sql);
  g_strchomp (value);
  return value;
}

static const DimpleForeignKey *
find_reference (const DimpleTable *table,
                const char        *column)
{
  for (guint i = 0; i < table->foreign_keys->len; i++)
    {
      const DimpleForeignKey *key = g_ptr_array_index (table->foreign_keys, i);

      if (strcmp (key->columns[0], column) == 0)
        return key;
    }
  return NULL;
}

static char *
pick_reference (Editor                 *self,
                const DimpleForeignKey *reference)
{
  g_autofree char *columns = g_strdup_printf ("%s, 0", reference->parent_columns[0]);
  char *value = dice_chance (self->dice, 850) ? pick_shown (self, reference->parent, columns) : NULL;

  if (value != NULL)
    *strrchr (value, ' ') = '\0';
  return value != NULL ? value : g_strdup (dice_chance (self->dice, 500) ? "NULL" : "'k1'");
}

/* A value for a column, as SQL. */
static char *
pick_value (Editor             *self,
            const DimpleTable  *table,
            const DimpleColumn *column)
{
  const DimpleForeignKey *reference = find_reference (table, column->name);
  static const char * const texts[] = { "'a'", "'A'", "'b'", "'Größe'", "''", "1.5", "x'00ff'", "'\"'" };

  if (reference != NULL)
    return pick_reference (self, reference);
  if (column->key_position > 0)
    {
      /* Keys that several devices make up alike, and others. */
      if (dice_chance (self->dice, 350))
        return g_strdup_printf ("'%c%u'", dice_chance (self->dice, 800) ? 'k' : 'K', dice_below (self->dice, 5));
      return g_strdup_printf ("'%08x'", (guint) dice_roll (self->dice));
    }
  if (column->name[0] == 'x' && self->device->world->pruning && dice_chance (self->dice, 300))
    {
      /* Big enough for a pack that has lost it to be worth another request. */
      g_autofree char *big = g_strnfill (500 + dice_below (self->dice, 1500),
                                         (char) ('a' + dice_below (self->dice, 26)));

      return g_strdup_printf ("'%s'", big);
    }
  if (column->name[0] == 'x' && dice_chance (self->dice, 400))
    return g_strdup (texts[dice_below (self->dice, G_N_ELEMENTS (texts))]);
  if (dice_chance (self->dice, 100))
    return g_strdup ("NULL");
  return g_strdup_printf ("%u", dice_below (self->dice, dice_chance (self->dice, 700) ? 6 : 30));
}

static const DimpleColumn *
pick_column (Editor            *self,
             const DimpleTable *table)
{
  const DimpleColumn *column;

  do
    column = g_ptr_array_index (table->columns, dice_below (self->dice, table->columns->len));
  while (column->key_position > 0 || column->generated);
  return column;
}

/* “key = 'k1'”: of a row that is shown; NULL if none is. */
static char *
pick_row (Editor            *self,
          const DimpleTable *table)
{
  const char *first = dimple_table_get_key_column (table, 0)->name;
  const char *second = table->key->len > 1 ? dimple_table_get_key_column (table, 1)->name : NULL;
  g_autofree char *columns = g_strdup_printf ("%s, %s", first, second != NULL ? second : "0");
  g_autofree char *key = pick_shown (self, table->name, columns);
  char *space = key != NULL ? strrchr (key, ' ') : NULL;

  if (key == NULL)
    return NULL;
  *space = '\0';
  if (second == NULL)
    return g_strdup_printf ("%s = %s", first, key);
  return g_strdup_printf ("%s = %s AND %s = %s", first, key, second, space + 1);
}

/* -- Statements ---------------------------------------------------------------------------------------------------- */

static char *
make_insert (Editor            *self,
             const DimpleTable *table,
             const char        *verb)
{
  g_autoptr(GString) columns = g_string_new ("");
  g_autoptr(GString) values = g_string_new ("");

  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, i);
      g_autofree char *value = NULL;

      if (column->generated || (column->key_position == 0 && dice_chance (self->dice, 150)))
        continue;
      value = pick_value (self, table, column);
      g_string_append_printf (columns, "%s%s", columns->len > 0 ? ", " : "", column->name);
      g_string_append_printf (values, "%s%s", values->len > 0 ? ", " : "", value);
    }
  return g_strdup_printf ("%s INTO %s (%s) VALUES (%s)", verb, table->name, columns->str, values->str);
}

static char *
make_update (Editor            *self,
             const DimpleTable *table,
             const char        *where)
{
  const DimpleColumn *column = pick_column (self, table), *other = pick_column (self, table);
  g_autofree char *value = pick_value (self, table, column), *other_value = pick_value (self, table, other);
  const char *verb = dice_chance (self->dice, 100) ? "UPDATE OR REPLACE" : "UPDATE";

  if (column != other && dice_chance (self->dice, 300))
    return g_strdup_printf ("%s %s SET %s = %s, %s = %s WHERE %s", verb, table->name, column->name, value, other->name,
                            other_value, where);
  return g_strdup_printf ("%s %s SET %s = %s WHERE %s", verb, table->name, column->name, value, where);
}

static char *
make_sweep (Editor            *self,
            const DimpleTable *table)
{
  const DimpleColumn *column = pick_column (self, table);
  g_autofree char *value = pick_value (self, table, column), *other = pick_value (self, table, column);

  if (dice_chance (self->dice, 300))
    return g_strdup_printf ("DELETE FROM %s", table->name);
  return g_strdup_printf ("UPDATE %s SET %s = %s WHERE %s = %s", table->name, column->name, value, column->name, other);
}

static const DimpleTable *
pick_table (Editor *self)
{
  const DimpleTable *table;

  do
    table = dimple_schema_get_table (self->schema, dice_below (self->dice, dimple_schema_get_n_tables (self->schema)));
  while (!table->tracked);
  return table;
}

static char *
make_statement (Editor *self)
{
  const DimpleTable *table = pick_table (self);
  guint kind = dice_below (self->dice, 140);
  const DimpleColumn *key = dimple_table_get_key_column (table, 0);
  g_autofree char *where = NULL, *value = NULL;

  if (kind < 50)
    return make_insert (self, table, "INSERT");
  if (kind < 57)
    return make_insert (self, table, "INSERT OR REPLACE");
  if (kind < 60)
    return make_sweep (self, table);
  where = pick_row (self, table);
  if (where == NULL)
    return make_insert (self, table, "INSERT");
  if (kind < 75)
    return g_strdup_printf ("DELETE FROM %s WHERE %s", table->name, where);
  if (kind > 80)
    return make_update (self, table, where);
  value = pick_value (self, table, key);
  return g_strdup_printf ("UPDATE %s SET %s = %s WHERE %s", table->name, key->name, value, where);
}

/* FALSE: the device died. */
static gboolean
run_statement (Editor *self)
{
  g_autofree char *sql = make_statement (self);
  g_autoptr(GError) error = NULL;

  if (dimple_store_execute (self->device->store, sql, NULL, &error))
    {
      sim_trace ("    %s", sql);
      count_add (COUNT_STATEMENTS, 1);
      return TRUE;
    }
  sim_trace ("    %s -- %s", sql, error->message);
  if (disk_is_dead (self->device->disk))
    return FALSE;
  if (!g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT))
    sim_fail ("“%s” failed: %s", sql, error->message);
  count_add (COUNT_REFUSED_STATEMENTS, 1);
  return TRUE;
}

/* -- Shelved rows -------------------------------------------------------------------------------------------------- */

/* What a text of SQL is as a value of the API; NULL: nothing that is tried here. */
static GVariant *
parse_value (const char *sql)
{
  gsize length = strlen (sql);

  if (strcmp (sql, "NULL") == 0)
    return g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
  if (sql[0] == '\'' && strchr (sql + 1, '\'') == sql + length - 1)
    return g_variant_new_take_string (g_strndup (sql + 1, length - 2));
  if (g_ascii_isdigit (sql[0]) && strchr (sql, '.') == NULL)
    return g_variant_new_int64 (g_ascii_strtoll (sql, NULL, 10));
  return NULL;
}

/* `key` as the shelf has it: '["k1"]'. */
static char *
get_public_key (const DimpleTable *table,
                const char        *key)
{
  return table->text_key ? g_strndup (key + 2, strlen (key) - 4) : g_strdup (key);
}

static gboolean
edit_shelved (Editor            *self,
              const DimpleTable *table,
              const char        *key,
              GError           **error)
{
  const DimpleColumn *column = pick_column (self, table);
  g_autofree char *sql = pick_value (self, table, column);
  GVariant *value = parse_value (sql);
  GVariantBuilder values;

  if (value == NULL || dice_chance (self->dice, 300))
    {
      g_clear_pointer (&value, g_variant_unref);
      sim_trace ("    the shelved %s %s is deleted", table->name, key);
      return dimple_store_delete (self->device->store, table->name, key, error);
    }
  sim_trace ("    the shelved %s %s gets %s = %s", table->name, key, column->name, sql);
  g_variant_builder_init (&values, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&values, "{sv}", column->name, value);
  return dimple_store_update (self->device->store, table->name, key, g_variant_builder_end (&values), error);
}

/* The user settles a conflict. */
static void
resolve (Editor *self)
{
  g_autofree char *shelf = device_select (self->device, "SELECT \"table\", key FROM dimple_shelf ORDER BY 1, 2");
  g_auto(GStrv) lines = g_strsplit (shelf, "\n", -1);
  /* what comes after the last newline is empty */
  guint n = MAX (g_strv_length (lines), 1) - 1;
  g_auto(GStrv) words = n > 0 ? g_strsplit (lines[dice_below (self->dice, n)], "'", -1) : NULL;
  const DimpleTable *table = n > 0 ? dimple_schema_find (self->schema, words[1]) : NULL;
  g_autofree char *key = NULL;
  g_autoptr(GError) error = NULL;

  if (table == NULL)
    return;
  key = get_public_key (table, words[3]);
  if (edit_shelved (self, table, key, &error))
    count_add (COUNT_RESOLVED, 1);
  else if (!disk_is_dead (self->device->disk) && !g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT) &&
           !g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND))
    sim_fail ("the shelved row %s of %s cannot be edited: %s", key, table->name, error->message);
}

/* -- Transactions -------------------------------------------------------------------------------------------------- */

static void
end_transaction (Editor   *self,
                 gboolean  commit)
{
  DimpleStore *store = self->device->store;
  g_autoptr(GError) error = NULL;

  sim_trace ("    %s", commit ? "COMMIT" : "ROLLBACK");
  if (commit ? dimple_store_commit (store, &error) : dimple_store_rollback (store, &error))
    {
      if (!commit)
        count_add (COUNT_ROLLBACKS, 1);
      return;
    }
  sim_trace ("      %s", error->message);
  if (disk_is_dead (self->device->disk))
    return;
  if (!commit || !g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT))
    sim_fail ("a transaction could not be ended: %s", error->message);
  count_add (COUNT_REFUSED_COMMITS, 1);
}

/* Some statements, some of them in a savepoint. */
static gboolean
run_transaction (Editor *self,
                 guint   depth)
{
  guint n = dice_pick (self->dice, 1, 1, 2, 3, 5);
  g_autoptr(GError) error = NULL;
  gboolean alive = TRUE;

  if (!dimple_store_begin (self->device->store, &error))
    {
      if (!disk_is_dead (self->device->disk))
        sim_fail ("no transaction can be begun: %s", error->message);
      return FALSE;
    }
  sim_trace ("    BEGIN");
  for (guint i = 0; alive && i < n; i++)
    {
      if (depth < 2 && dice_chance (self->dice, 80))
        alive = run_transaction (self, depth + 1);
      else
        alive = run_statement (self);
    }
  end_transaction (self, alive && dice_chance (self->dice, 880));
  return !disk_is_dead (self->device->disk);
}

void
device_edit (Device *self,
             Dice   *dice)
{
  Editor editor = { self, dice, dimple_store_ref_schema (self->store) };
  guint n = dice_pick (dice, 1, 1, 1, 2, 4);

  for (guint i = 0; i < n && !disk_is_dead (self->disk); i++)
    {
      if (dice_chance (dice, 60))
        resolve (&editor);
      else if (dice_chance (dice, 500))
        run_statement (&editor);
      else
        run_transaction (&editor, 0);
    }
  dimple_schema_unref (editor.schema);
}
