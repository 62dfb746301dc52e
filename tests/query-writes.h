/* query-writes.h: random writes for the tests of live queries
 *
 * Every write is noted in the world's log.  What a constraint refuses is no failure.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "query-world.h"

static inline void
note (World      *world,
      const char *format,
      ...) G_GNUC_PRINTF (2, 3);

static inline void
note (World      *world,
      const char *format,
      ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_string_append_vprintf (world->log, format, arguments);
  va_end (arguments);
  g_string_append_c (world->log, '\n');
}

/* -- Statements ---------------------------------------------------------------------------------------------------- */

static inline void
append_key_condition (World       *world,
                      const Table *table,
                      guint        key,
                      GString     *sql)
{
  for (guint i = 0; i < table->n_key; i++)
    {
      Value value = key_value (table, i, key);

      if (table->columns[i].references >= 0)
        value = key_value (&world->tables[table->columns[i].references], 0, i == 0 ? key : key % 6);
      g_string_append_printf (sql, "%s%s = ", i > 0 ? " AND " : "", table->columns[i].name);
      append_value (sql, &value);
    }
}

/* (columns) VALUES (values) */
static inline void
append_row (World       *world,
            const Table *table,
            guint        key,
            GString     *sql)
{
  const char *separator = "";
  g_autoptr(GString) values = g_string_new (NULL);

  for (guint i = 0; i < table->n_columns; i++)
    {
      const Column *column = &table->columns[i];
      Value value = random_value (world, column);

      /* Some are left to DEFAULT. */
      if (column->is_generated || (i >= table->n_key && column->references < 0 && chance (world, 20)))
        continue;
      if (i < table->n_key && column->references < 0)
        value = key_value (table, i, key);
      g_string_append_printf (sql, "%s%s", i > 0 ? ", " : "(", column->name);
      g_string_append (values, separator);
      append_value (values, &value);
      separator = ", ";
    }
  g_string_append_printf (sql, ") VALUES (%s)", values->str);
}

static inline const Column *
pick_written_column (World       *world,
                     const Table *table)
{
  const Column *column;

  do
    column = &table->columns[table->n_key + pick (world, table->n_columns - table->n_key)];
  while (column->is_generated);
  return column;
}

static inline void
append_assignment (World       *world,
                   const Table *table,
                   GString     *sql)
{
  const Column *column = pick_written_column (world, table);
  Value value = random_value (world, column);

  g_string_append_printf (sql, "%s = ", column->name);
  append_value (sql, &value);
}

static inline void
append_key_change (World       *world,
                   const Table *table,
                   guint        key,
                   GString     *sql)
{
  for (guint i = 0; i < table->n_key; i++)
    {
      Value value = table->columns[i].references >= 0 ? random_value (world, &table->columns[i])
                                                      : key_value (table, i, key);

      g_string_append_printf (sql, "%s%s = ", i > 0 ? ", " : "", table->columns[i].name);
      append_value (sql, &value);
    }
}

/* A write to one row, or to none */
static inline char *
random_write (World *world)
{
  static const char * const inserts[] = { "INSERT OR REPLACE", "INSERT OR REPLACE", "INSERT", "INSERT OR IGNORE" };
  static const char * const updates[] = { "UPDATE OR IGNORE", "UPDATE OR REPLACE", "UPDATE" };
  static const guint tables[] = { THINGS, THINGS, THINGS, GROUPS, LINKS };
  const guint which = PICK (world, tables);
  const Table *table = &world->tables[which];
  guint key = pick (world, which == GROUPS ? 6 : N_KEYS), kind = pick (world, 20);
  GString *sql = g_string_new (NULL);

  if (kind < 6)
    {
      g_string_append_printf (sql, "%s INTO %s ", PICK (world, inserts), table->name);
      append_row (world, table, key, sql);
      return g_string_free (sql, FALSE);
    }
  if (kind < 8)
    g_string_append_printf (sql, "DELETE FROM %s", table->name);
  else
    g_string_append_printf (sql, "%s %s SET ", PICK (world, updates), table->name);
  if (kind >= 8 && kind < 17)
    append_assignment (world, table, sql);
  if (kind >= 17)
    append_key_change (world, table, pick (world, which == GROUPS ? 6 : N_KEYS), sql);
  if (kind == 15 || kind == 16)
    {
      g_string_append (sql, ", ");
      append_assignment (world, table, sql);
    }
  g_string_append (sql, " WHERE ");
  append_key_condition (world, table, key, sql);
  return g_string_free (sql, FALSE);
}

/* Rows with many keys */
static inline char *
random_bulk_insert (World *world)
{
  const Table *table = &world->tables[THINGS];
  const Column *text = &table->columns[world->text_column], *other = pick_written_column (world, table);
  GString *sql = g_string_new (NULL);
  Value value = random_value (world, other);

  g_string_append_printf (sql, "INSERT OR %s INTO %s (key, %s%s, grp%s%s) ", chance (world, 50) ? "IGNORE" : "REPLACE",
                          table->name, table->n_key > 1 ? "\"key two\", " : "", text->name,
                          other == text || other->references >= 0 ? "" : ", ",
                          other == text || other->references >= 0 ? "" : other->name);
  g_string_append_printf (sql, "WITH RECURSIVE i (i) AS (SELECT %u UNION ALL SELECT i + 1 FROM i LIMIT %u) SELECT ",
                          pick (world, N_KEYS), 2 + pick (world, N_KEYS));
  g_string_append (sql, g_str_has_prefix (table->columns[0].type, "INT") ? "i" : "printf ('k%02d', i)");
  g_string_append_printf (sql, "%s, 'bulk ' || (i %% 4), printf ('k%%02d', i %% 6)", table->n_key > 1 ? ", i % 4" : "");
  if (other != text && other->references < 0)
    {
      g_string_append (sql, ", ");
      append_value (sql, &value);
    }
  g_string_append (sql, " FROM i");
  return g_string_free (sql, FALSE);
}

static inline char *
random_bulk_write (World *world)
{
  static const guint tables[] = { THINGS, THINGS, THINGS, GROUPS, LINKS };
  const Table *table = &world->tables[PICK (world, tables)];
  GString *sql = g_string_new (NULL);
  const Column *column = pick_column (world, table);

  switch (pick (world, 8))
    {
    case 0:
      g_string_append_printf (sql, "DELETE FROM %s", table->name);
      break;
    case 1:
      g_string_append_printf (sql, "DELETE FROM %s WHERE %s IS NULL OR length (%s) > 4", table->name, column->name,
                              column->name);
      break;
    case 2:
      g_string_append_printf (sql, "UPDATE %s SET ", table->name);
      append_assignment (world, table, sql);
      break;
    case 3:
      g_string_append_printf (sql, "UPDATE OR IGNORE %s SET ", table->name);
      append_assignment (world, table, sql);
      g_string_append_printf (sql, " WHERE %s > 'b' OR %s < 2", column->name, column->name);
      break;
    case 4:
      column = pick_written_column (world, table);
      g_string_append_printf (sql, "UPDATE OR IGNORE %s SET %s = -%s", table->name, column->name, column->name);
      break;
    default:
      g_string_free (sql, TRUE);
      return random_bulk_insert (world);
    }
  return g_string_free (sql, FALSE);
}

/* -- Commits ------------------------------------------------------------------------------------------------------- */

static inline gboolean
expect (World     *world,
        gboolean   succeeded,
        GError   **error)
{
  if (!succeeded && !g_error_matches (*error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT))
    {
      g_printerr ("%s\n", world->log->str);
      g_error ("%s", (*error)->message);
    }
  g_clear_error (error);
  return succeeded;
}

static inline void
execute (World       *world,
         DimpleStore *store,
         char        *sql)
{
  g_autofree char *owned = sql;
  GError *error = NULL;

  note (world, "%s;", sql);
  if (!expect (world, dimple_store_execute (store, sql, NULL, &error), &error))
    note (world, "-- refused");
}

static inline void
execute_several (World       *world,
                 DimpleStore *store)
{
  for (guint n = 1 + pick (world, 7); n > 0; n--)
    execute (world, store, chance (world, 90) ? random_write (world) : random_bulk_write (world));
}

/* FALSE: it was rolled back. */
static inline gboolean
end_transaction (World       *world,
                 DimpleStore *store)
{
  GError *error = NULL;

  if (chance (world, 25))
    {
      note (world, "ROLLBACK;");
      expect (world, dimple_store_rollback (store, &error), &error);
      return FALSE;
    }
  note (world, "COMMIT;");
  /* What is deferred is refused here. */
  if (expect (world, dimple_store_commit (store, &error), &error))
    return TRUE;
  note (world, "-- refused");
  return FALSE;
}

static inline void
run_transaction (World       *world,
                 DimpleStore *store,
                 guint        depth)
{
  GError *error = NULL;

  note (world, depth > 0 ? "BEGIN; -- a savepoint" : "BEGIN;");
  expect (world, dimple_store_begin (store, &error), &error);
  execute_several (world, store);
  if (depth < 2 && chance (world, 40))
    {
      run_transaction (world, store, depth + 1);
      execute_several (world, store);
    }
  end_transaction (world, store);
}

static inline void
on_executed (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  GError *error = NULL;

  expect (user_data, dimple_store_execute_finish (DIMPLE_STORE (source), result, &error), &error);
}

/* On the writer's thread, where several are one commit of SQLite's. */
static inline void
run_elsewhere (World       *world,
               DimpleStore *store)
{
  for (guint n = 2 + pick (world, 4); n > 0; n--)
    {
      g_autofree char *sql = chance (world, 80) ? random_write (world) : random_bulk_write (world);

      note (world, "%s; -- asynchronously", sql);
      dimple_store_execute_async (store, sql, NULL, NULL, on_executed, world);
    }
}

/* One commit, or none */
static inline void
write_once (World       *world,
            DimpleStore *store)
{
  guint kind = pick (world, 18);

  if (kind < 10)
    execute (world, store, random_write (world));
  else if (kind < 13)
    execute (world, store, random_bulk_write (world));
  else
    run_transaction (world, store, 0);
}
