/* app.c: generated schemas and migrations
 *
 * A few tables with few columns, and most of what SQLite can refuse: UNIQUE, partial and NOCASE indexes, NOT NULL,
 * CHECK, composite keys, FOREIGN KEYs with every action, to the table itself and in cycles.  The scripts after the
 * first add columns, tables and indexes, rename, rebuild, and change data.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "simulator.h"

#define MAX_TABLES 4

typedef struct
{
  Dice     *dice;
  GString  *sql;
  guint     n_tables;
  gboolean  cyclic;
  gboolean  is_plain[MAX_TABLES];         /* has one text as its key */
  gboolean  has_unique_value[MAX_TABLES]; /* v0 is UNIQUE, so it may be referenced */
  gboolean  has_x[MAX_TABLES];
  char     *body[MAX_TABLES];             /* (nullable) what CREATE TABLE says after the name, while that is true */
  char     *indexes[MAX_TABLES];          /* and what comes with it */
} App;

/* -- The first script ---------------------------------------------------------------------------------------------- */

static void
add_reference (App   *self,
               guint  table,
               guint  n)
{
  guint parent = dice_below (self->dice, self->cyclic ? table + 1 : table);
  gboolean not_null = dice_chance (self->dice, 250);
  gboolean by_value = parent < table && self->has_unique_value[parent] && dice_chance (self->dice, 500);
  static const char * const actions[] = { "CASCADE", "CASCADE", "RESTRICT", "NO ACTION", "SET NULL", "SET NULL" };

  if (!self->is_plain[parent])
    return;
  g_string_append_printf (self->sql, ", f%u %s%s REFERENCES t%u (%s) ON DELETE %s ON UPDATE %s%s", n,
                          by_value ? "INTEGER" : "TEXT", not_null ? " NOT NULL" : "", parent, by_value ? "v0" : "key",
                          actions[dice_below (self->dice, not_null ? 4 : 6)],
                          dice_chance (self->dice, 500) ? "CASCADE" : "NO ACTION",
                          self->cyclic || dice_chance (self->dice, 300) ? " DEFERRABLE INITIALLY DEFERRED" : "");
}

/* What merges must not run again when it writes to tracked tables, and must when it writes to local ones. */
static void
add_triggers (App     *self,
              guint    table,
              GString *after)
{
  if (dice_chance (self->dice, 100))
    g_string_append_printf (after, "CREATE TRIGGER t%u_touch AFTER UPDATE OF v0 ON t%u BEGIN "
                            "UPDATE t%u SET x = new.v0 WHERE key = new.key; END;\n", table, table, table);
  if (table > 0 || !dice_chance (self->dice, 200))
    return;
  g_string_append (self->sql, "CREATE VIRTUAL TABLE words USING fts5 (key UNINDEXED, x);\n");
  g_string_append (after,
                   "CREATE TRIGGER words_insert AFTER INSERT ON t0 BEGIN "
                   "INSERT INTO words (key, x) VALUES (new.key, new.x); END;\n"
                   "CREATE TRIGGER words_update AFTER UPDATE ON t0 BEGIN "
                   "UPDATE words SET key = new.key, x = new.x WHERE key = old.key COLLATE BINARY; END;\n"
                   "CREATE TRIGGER words_delete AFTER DELETE ON t0 BEGIN "
                   "DELETE FROM words WHERE key = old.key COLLATE BINARY; END;\n");
}

static void
add_plain_table (App   *self,
                 guint  table)
{
  Dice *dice = self->dice;
  g_autoptr(GString) after = g_string_new ("");
  guint n_values = 1 + dice_below (dice, 3), n_references;
  gsize start;

  self->is_plain[table] = self->has_x[table] = TRUE;
  g_string_append_printf (self->sql, "CREATE TABLE t%u ", table);
  start = self->sql->len;
  g_string_append_printf (self->sql, "(key TEXT PRIMARY KEY%s", dice_chance (dice, 200) ? " COLLATE NOCASE" : "");
  for (guint n = 0; n < n_values; n++)
    {
      gboolean not_null = dice_chance (dice, 300);

      g_string_append_printf (self->sql, ", v%u INTEGER%s", n, not_null ? " NOT NULL" : "");
      if (not_null || dice_chance (dice, 300))
        g_string_append_printf (self->sql, " DEFAULT %u", dice_below (dice, 2));
    }
  g_string_append (self->sql, ", x");
  n_references = table > 0 || self->cyclic ? dice_pick (dice, 0, 1, 1, 2) : 0;
  for (guint n = 0; n < n_references; n++)
    add_reference (self, table, n);

  if (dice_chance (dice, 400))
    {
      g_string_append (self->sql, ", UNIQUE (v0)");
      self->has_unique_value[table] = TRUE;
    }
  if (n_values > 1 && dice_chance (dice, 300))
    g_string_append (self->sql, ", UNIQUE (v1, v0)");
  if (n_values > 1 && dice_chance (dice, 300))
    g_string_append (self->sql, ", CHECK (v0 + v1 <> 3)");
  if (dice_chance (dice, 250))
    g_string_append_printf (after, "CREATE UNIQUE INDEX t%u_partial ON t%u (x) WHERE v0 > 0;\n", table, table);
  if (dice_chance (dice, 150))
    g_string_append_printf (after, "CREATE UNIQUE INDEX t%u_folded ON t%u (x COLLATE NOCASE);\n", table, table);
  if (n_values > 2 && dice_chance (dice, 300))
    g_string_append_printf (after, "CREATE UNIQUE INDEX t%u_half ON t%u (v2 / 2);\n", table, table);
  g_string_append (self->sql, dice_chance (dice, 200) ? ") WITHOUT ROWID;\n" : ");\n");
  self->body[table] = g_strdup (self->sql->str + start);
  add_triggers (self, table, after);
  self->indexes[table] = g_strdup (after->str);
  g_string_append (self->sql, after->str);
}

static void
add_junction (App   *self,
              guint  table)
{
  guint a = dice_below (self->dice, table), b = dice_below (self->dice, table);

  if (!self->is_plain[a] || !self->is_plain[b])
    {
      add_plain_table (self, table);
      return;
    }
  g_string_append_printf (self->sql,
                          "CREATE TABLE t%u (a TEXT NOT NULL REFERENCES t%u (key) ON DELETE CASCADE ON UPDATE CASCADE, "
                          "b TEXT NOT NULL REFERENCES t%u (key) ON DELETE CASCADE ON UPDATE CASCADE, v0 INTEGER%s, x, "
                          "PRIMARY KEY (a, b));\n", table, a, b, dice_chance (self->dice, 500) ? " UNIQUE" : "");
}

/* The first table gets a column that references the last one, which may reference it. */
static void
close_cycle (App *self)
{
  guint last = self->n_tables - 1;

  if (last == 0 || !self->is_plain[last])
    return;
  g_string_append_printf (self->sql, "ALTER TABLE t0 ADD COLUMN g TEXT REFERENCES t%u (key) ON DELETE SET NULL "
                          "DEFERRABLE INITIALLY DEFERRED;\n", last);
  g_clear_pointer (&self->body[0], g_free);
}

static char *
make_first_script (App *self)
{
  self->sql = g_string_new ("");
  self->cyclic = dice_chance (self->dice, 400);
  self->n_tables = 1 + dice_below (self->dice, MAX_TABLES);
  for (guint table = 0; table < self->n_tables; table++)
    {
      if (table > 1 && dice_chance (self->dice, 300))
        add_junction (self, table);
      else
        add_plain_table (self, table);
    }
  if (self->cyclic && dice_chance (self->dice, 500))
    close_cycle (self);
  return g_string_free (g_steal_pointer (&self->sql), FALSE);
}

/* -- The others ---------------------------------------------------------------------------------------------------- */

static guint
pick_plain (App *self)
{
  guint table;

  do
    table = dice_below (self->dice, self->n_tables);
  while (!self->is_plain[table]);
  return table;
}

/* What would leave a child without its parent is refused, and the app's fault. */
static void
change_data (App   *self,
             guint  table,
             guint  number)
{
  if (!self->has_unique_value[table] && dice_chance (self->dice, 400))
    g_string_append_printf (self->sql, "UPDATE OR IGNORE t%u SET v0 = %u WHERE v0 = %u;\n", table, number,
                            dice_below (self->dice, 4));
  if (number > 1 && dice_chance (self->dice, 300))
    g_string_append_printf (self->sql, "DELETE FROM n%u WHERE v0 = %u;\n", number - 1, dice_below (self->dice, 4));
  if (dice_chance (self->dice, 250))
    g_string_append_printf (self->sql, "INSERT OR IGNORE INTO t%u (key, v0) VALUES ('k%u', 1);\n", table,
                            dice_below (self->dice, 4));
}

static void
change_columns (App   *self,
                guint  table,
                guint  number)
{
  if (dice_chance (self->dice, 400))
    {
      g_string_append_printf (self->sql, "ALTER TABLE t%u ADD COLUMN w%u INTEGER%s DEFAULT 1;\n", table, number,
                              dice_chance (self->dice, 500) ? " NOT NULL" : "");
      g_string_append_printf (self->sql, "UPDATE OR IGNORE t%u SET w%u = v0 + 10 WHERE v0 > 0;\n", table, number);
      g_clear_pointer (&self->body[table], g_free);
    }
  if (self->has_x[table] && dice_chance (self->dice, 250))
    {
      g_string_append_printf (self->sql, "ALTER TABLE t%u RENAME COLUMN x TO x%u;\n", table, number);
      self->has_x[table] = FALSE;
      g_clear_pointer (&self->body[table], g_free);
    }
}

/* As SQLite's documentation says to change what ALTER TABLE cannot: children must not notice. */
static void
rebuild (App   *self,
         guint  table)
{
  if (self->body[table] != NULL)
    g_string_append_printf (self->sql,
                            "CREATE TABLE rebuilt %s"
                            "INSERT INTO rebuilt SELECT * FROM t%u;\n"
                            "DROP TABLE t%u;\n"
                            "ALTER TABLE rebuilt RENAME TO t%u;\n%s", self->body[table], table, table, table,
                            self->indexes[table]);
}

static char *
make_script (App   *self,
             guint  number)
{
  guint table = pick_plain (self);

  self->sql = g_string_new ("");
  change_columns (self, table, number);
  change_data (self, table, number);
  if (dice_chance (self->dice, 400))
    rebuild (self, pick_plain (self));
  if (number > 1 && dice_chance (self->dice, 400))
    g_string_append_printf (self->sql, "DELETE FROM n%u WHERE v0 IS NOT NULL AND key NOT IN "
                            "(SELECT min (key) FROM n%u WHERE v0 IS NOT NULL GROUP BY v0);\n"
                            "CREATE UNIQUE INDEX n%u_unique ON n%u (v0);\n",
                            number - 1, number - 1, number - 1, number - 1);
  g_string_append_printf (self->sql, "CREATE TABLE n%u (key TEXT PRIMARY KEY, v0 INTEGER%s, x", number,
                          dice_chance (self->dice, 300) ? " UNIQUE" : "");
  if (dice_chance (self->dice, 500))
    g_string_append_printf (self->sql, ", f0 TEXT REFERENCES t%u (key) ON DELETE CASCADE", table);
  g_string_append (self->sql, ");\n");
  return g_string_free (g_steal_pointer (&self->sql), FALSE);
}

GStrv
app_new (Dice *dice)
{
  App self = { .dice = dice };
  GStrv scripts = g_new0 (char *, N_VERSIONS + 1);

  scripts[0] = make_first_script (&self);
  for (guint number = 1; number < N_VERSIONS; number++)
    scripts[number] = make_script (&self, number);
  for (guint table = 0; table < MAX_TABLES; table++)
    {
      g_free (self.body[table]);
      g_free (self.indexes[table]);
    }
  return scripts;
}
