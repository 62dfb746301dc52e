/* query-world.h: random schemas for the tests of live queries, and values for their columns
 *
 * Three tables: things, groups that a column of things names, and links between the two, or a local table that is not
 * synced.  Keys of every kind, columns of every declared type and collation, generated ones, indexes, and one full-text
 * index of some kind.  There are few keys and few values, so that rows meet.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <dimple.h>
#include <sqlite3.h>
#include <string.h>

#define N_KEYS 24
#define MAX_COLUMNS 12

typedef struct
{
  char       *name;          /* as it is written in SQL */
  const char *type;
  int         references;    /* the table that it names rows of; -1: none */
  gboolean    is_generated;
  gboolean    is_key;
} Column;

typedef struct
{
  const char *name;          /* as it is written in SQL */
  Column      columns[MAX_COLUMNS];
  guint       n_columns;
  guint       n_key;         /* columns of the key, which stand first */
  gboolean    has_rowid;
  gboolean    is_local;      /* an INTEGER PRIMARY KEY */
} Table;

enum { THINGS, GROUPS, LINKS, N_TABLES };

typedef enum
{
  FULLTEXT_NONE,
  FULLTEXT_EXTERNAL,         /* content = things */
  FULLTEXT_OWN,              /* holds copies of its texts */
  FULLTEXT_CONTENTLESS,
} Fulltext;

typedef struct
{
  GRand      *random;
  Table       tables[N_TABLES];
  Fulltext    fulltext;
  guint       text_column;   /* of things: what is in the index */
  GPtrArray  *scripts;       /* of char: the migrations */
  GString    *log;           /* everything that was run */
} World;

static inline guint
pick (World *world,
      guint  n)
{
  return (guint) g_rand_int_range (world->random, 0, (gint32) n);
}

static inline gboolean
chance (World *world,
        guint  percent)
{
  return pick (world, 100) < percent;
}

#define PICK(world, array) ((array)[pick ((world), G_N_ELEMENTS (array))])

static inline const Column *
pick_column (World       *world,
             const Table *table)
{
  return &table->columns[pick (world, table->n_columns)];
}

/* -- Values -------------------------------------------------------------------------------------------------------- */

typedef struct
{
  int         type;          /* SQLITE_INTEGER … */
  gint64      integer;
  double      real;
  char        text[24];      /* of a blob too */
} Value;

static inline Value
value_of_text (int         type,
               const char *text)
{
  Value value = { .type = type };

  g_strlcpy (value.text, text, sizeof value.text);
  return value;
}

static inline Value
value_of_integer (gint64 integer)
{
  return (Value) { .type = SQLITE_INTEGER, .integer = integer };
}

/* The n-th key that a column of a key can hold. */
static inline Value
key_value (const Table *table,
           guint        column,
           guint        n)
{
  const char *type = table->columns[column].type;
  char text[24];

  /* Of two columns, the first is the same for several rows. */
  if (table->n_key > 1)
    n = column == 0 ? n / 4 : n % 4;
  g_snprintf (text, sizeof text, "k%02u", n);
  if (g_str_has_prefix (type, "INT") || (*type == '\0' && n % 2 == 1))
    return value_of_integer (n);
  return value_of_text (g_str_has_prefix (type, "BLOB") ? SQLITE_BLOB : SQLITE_TEXT, text);
}

static inline Value
random_key_value (World        *world,
                  const Column *column)
{
  /* Keys that are no key of a table are nothing special. */
  if (column->references >= 0)
    {
      const Table *parent = &world->tables[column->references];

      return key_value (parent, 0, pick (world, column->references == GROUPS ? 6 : N_KEYS));
    }
  return value_of_integer (pick (world, N_KEYS));
}

static inline Value
random_number (World *world)
{
  static const double reals[] = { 0.5, -1.5, 2.0, 1e300, -1e300, 9007199254740992.0, 2.25 };
  static const gint64 integers[] = { G_GINT64_CONSTANT (9007199254740993), G_GINT64_CONSTANT (-9007199254740993) };

  if (chance (world, 4))
    return value_of_integer (PICK (world, integers));
  if (chance (world, 25))
    return (Value) { .type = SQLITE_FLOAT, .real = PICK (world, reals) };
  return value_of_integer ((gint64) pick (world, 9) - 3);
}

static inline Value
random_value (World        *world,
              const Column *column)
{
  static const char * const words[] = {
    "Alpha", "alpha", "alpha  ", "ALPHA", "beta", "Beta ", "beta ", "gamma", "", " ", "ä", "Ä", "Zeta", "zeta", "a b",
    "alpha beta", "10", "9", "2.5", "it's", "100%", "日本"
  };

  if (column != NULL && column->references >= 0)
    return random_key_value (world, column);
  if (chance (world, 12))
    return (Value) { .type = SQLITE_NULL };
  if (chance (world, 5))
    return value_of_text (SQLITE_BLOB, PICK (world, words));
  if (column != NULL && (*column->type == '\0' || g_str_has_prefix (column->type, "NUM")))
    return chance (world, 50) ? random_number (world) : value_of_text (SQLITE_TEXT, PICK (world, words));
  if (column != NULL && g_str_has_prefix (column->type, "BOOL"))
    return value_of_integer (pick (world, 2));
  if (column == NULL || g_str_has_prefix (column->type, "INT") || g_str_has_prefix (column->type, "REAL"))
    return chance (world, 95) ? random_number (world) : value_of_text (SQLITE_TEXT, PICK (world, words));
  if (g_str_has_prefix (column->type, "BLOB"))
    return value_of_text (chance (world, 70) ? SQLITE_BLOB : SQLITE_TEXT, PICK (world, words));
  return chance (world, 95) ? value_of_text (SQLITE_TEXT, PICK (world, words)) : random_number (world);
}

static inline void
append_value (GString     *sql,
              const Value *value)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  switch (value->type)
    {
    case SQLITE_INTEGER:
      g_string_append_printf (sql, "%" G_GINT64_FORMAT, value->integer);
      break;
    case SQLITE_FLOAT:
      g_ascii_dtostr (number, sizeof number, value->real);
      g_string_append_printf (sql, "CAST (%s AS REAL)", number);
      break;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
      g_string_append (sql, value->type == SQLITE_BLOB ? "CAST ('" : "'");
      for (const char *c = value->text; *c != '\0'; c++)
        g_string_append_printf (sql, *c == '\'' ? "''" : "%c", *c);
      g_string_append (sql, value->type == SQLITE_BLOB ? "' AS BLOB)" : "'");
      break;
    default:
      g_string_append (sql, "NULL");
    }
}

static inline GVariant *
value_to_variant (const Value *value)
{
  switch (value->type)
    {
    case SQLITE_INTEGER:
      return g_variant_new_int64 (value->integer);
    case SQLITE_FLOAT:
      return g_variant_new_double (value->real);
    case SQLITE_TEXT:
      return g_variant_new_string (value->text);
    case SQLITE_BLOB:
      return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, value->text, strlen (value->text), 1);
    default:
      return g_variant_new_maybe (G_VARIANT_TYPE_STRING, NULL);
    }
}

/* -- Tables -------------------------------------------------------------------------------------------------------- */

static inline Column *
add_column (Table      *table,
            const char *name,
            const char *type)
{
  Column *column = &table->columns[table->n_columns++];

  *column = (Column) { .name = g_strdup (name), .type = type, .references = -1 };
  return column;
}

static inline void
add_columns (World   *world,
             Table   *table,
             GString *sql)
{
  static const char * const types[] = {
    "TEXT", "TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM", "VARCHAR (20)", "INTEGER", "INTEGER DEFAULT 3", "REAL", "REAL",
    "BOOLEAN DEFAULT 1", "NUMERIC", "BLOB", "", "TEXT DEFAULT 'new' NOT NULL", "INTEGER CHECK (typeof (n) <> 'blob')"
  };
  static const char * const names[] = { "title", "n", "\"order\"", "\"a \"\"b\"\"\"", "\"Größe\"", "bodyText", "x" };
  guint n = 2 + pick (world, 4);

  for (guint i = 0; i < n; i++)
    {
      const char *type = i == 0 ? types[pick (world, 3)] : PICK (world, types);

      if (strstr (type, "CHECK") != NULL && i != 1)
        type = "INTEGER";
      add_column (table, names[i], type);
      g_string_append_printf (sql, ", %s %s", names[i], type);
    }
  if (chance (world, 30))
    {
      add_column (table, "made", "TEXT")->is_generated = TRUE;
      g_string_append_printf (sql, ", made TEXT AS (lower (%s) || coalesce (%s, '-')) %s", names[0], names[1],
                              chance (world, 50) ? "STORED" : "VIRTUAL");
    }
}

static inline void
end_table (World   *world,
           Table   *table,
           GString *sql)
{
  if (!table->is_local)
    {
      g_string_append (sql, ", PRIMARY KEY (");
      for (guint i = 0; i < table->n_key; i++)
        {
          table->columns[i].is_key = TRUE;
          g_string_append_printf (sql, "%s%s", i > 0 ? ", " : "", table->columns[i].name);
        }
      g_string_append_c (sql, ')');
    }
  table->has_rowid = table->is_local || chance (world, 75);
  g_string_append_printf (sql, ")%s;\n", table->has_rowid ? "" : " WITHOUT ROWID");
  if (table->is_local)
    g_string_append_printf (sql, "SELECT dimple_set_local ('%s');\n", table->name);
}

static inline void
make_things (World   *world,
             GString *sql)
{
  static const char * const key_types[] = { "TEXT", "TEXT", "TEXT", "TEXT COLLATE NOCASE", "BLOB", "INT", "" };
  Table *table = &world->tables[THINGS];
  const char *type = PICK (world, key_types);

  *table = (Table) { .name = chance (world, 70) ? "thing" : "\"some thing\"", .n_key = 1 };
  add_column (table, "key", type);
  g_string_append_printf (sql, "CREATE TABLE %s (key %s NOT NULL", table->name, type);
  if (chance (world, 20))
    {
      table->n_key = 2;
      add_column (table, "\"key two\"", "INT");
      g_string_append (sql, ", \"key two\" INT NOT NULL");
    }
  world->text_column = table->n_columns;
  add_columns (world, table, sql);
  add_column (table, "grp", "TEXT")->references = GROUPS;
  g_string_append (sql, ", grp TEXT");
  end_table (world, table, sql);
}

static inline void
make_groups (World   *world,
             GString *sql)
{
  Table *table = &world->tables[GROUPS];

  *table = (Table) { .name = "grp", .n_key = 1 };
  add_column (table, "id", "TEXT");
  g_string_append (sql, "CREATE TABLE grp (id TEXT NOT NULL");
  add_columns (world, table, sql);
  end_table (world, table, sql);
}

static inline void
make_links (World   *world,
            GString *sql)
{
  Table *table = &world->tables[LINKS];

  *table = (Table) { .name = "link", .n_key = 2, .is_local = chance (world, 25) };
  g_string_append (sql, "CREATE TABLE link (");
  if (table->is_local)
    {
      table->n_key = 1;
      add_column (table, "id", "INTEGER");
      g_string_append (sql, "id INTEGER PRIMARY KEY, ");
    }
  add_column (table, "thing", world->tables[THINGS].columns[0].type)->references = THINGS;
  add_column (table, "grp", "TEXT")->references = GROUPS;
  add_column (table, "weight", "INTEGER");
  g_string_append_printf (sql, "thing %s NOT NULL, grp TEXT NOT NULL, weight INTEGER",
                          world->tables[THINGS].columns[0].type);
  if (chance (world, 30))
    {
      add_column (table, "owner", "TEXT")->references = GROUPS;
      g_string_append_printf (sql, ", owner TEXT REFERENCES grp (id) ON DELETE %s",
                              chance (world, 50) ? "CASCADE" : "SET NULL DEFERRABLE INITIALLY DEFERRED");
    }
  end_table (world, table, sql);
}

/* -- What stands around tables ------------------------------------------------------------------------------------- */

static inline void
add_index (World    *world,
           guint     n,
           gboolean  is_unique,
           GString  *sql)
{
  static const char * const orders[] = { "", "", " DESC", " COLLATE NOCASE", " COLLATE RTRIM DESC" };
  const Table *table = &world->tables[pick (world, N_TABLES)];
  const char *first = pick_column (world, table)->name, *second = pick_column (world, table)->name;

  g_string_append_printf (sql, "CREATE %sINDEX index_%u ON %s (%s%s", is_unique ? "UNIQUE " : "", n, table->name, first,
                          PICK (world, orders));
  if (chance (world, 40))
    g_string_append_printf (sql, ", %s%s", second, PICK (world, orders));
  if (chance (world, 20))
    g_string_append_printf (sql, ", length (%s)", first);
  g_string_append (sql, ")");
  if (chance (world, 25))
    g_string_append_printf (sql, " WHERE %s IS NOT NULL", second);
  g_string_append (sql, ";\n");
}

/* Written by triggers, as the index of an app is. */
static inline void
add_fulltext (World   *world,
              GString *sql)
{
  const char *things = world->tables[THINGS].name, *column = world->tables[THINGS].columns[world->text_column].name;
  const char *deletion = "DELETE FROM words WHERE rowid = old.rowid; ";
  g_autofree char *command = NULL;

  if (!world->tables[THINGS].has_rowid)
    return;
  world->fulltext = (Fulltext) pick (world, FULLTEXT_CONTENTLESS + 1);
  if (world->fulltext == FULLTEXT_NONE)
    return;

  g_string_append_printf (sql, "CREATE VIRTUAL TABLE words USING fts5 (%s", column);
  if (world->fulltext == FULLTEXT_EXTERNAL)
    g_string_append_printf (sql, ", content = %s", things);
  else if (world->fulltext == FULLTEXT_CONTENTLESS)
    g_string_append (sql, ", content = ''");
  g_string_append (sql, ");\n");
  if (world->fulltext != FULLTEXT_OWN)
    deletion = command = g_strdup_printf ("INSERT INTO words (words, rowid, %s) VALUES ('delete', old.rowid, old.%s); ",
                                          column, column);
  g_string_append_printf (sql, "CREATE TRIGGER words_insert AFTER INSERT ON %s BEGIN "
                               "INSERT INTO words (rowid, %s) VALUES (new.rowid, new.%s); END;\n", things, column,
                               column);
  g_string_append_printf (sql, "CREATE TRIGGER words_delete AFTER DELETE ON %s BEGIN %sEND;\n", things, deletion);
  g_string_append_printf (sql, "CREATE TRIGGER words_update AFTER UPDATE ON %s BEGIN %s"
                               "INSERT INTO words (rowid, %s) VALUES (new.rowid, new.%s); END;\n", things, deletion,
                          column, column);
}

static inline void
add_script (World   *world,
            GString *sql)
{
  g_ptr_array_insert (world->scripts, (int) world->scripts->len - 1, g_string_free (sql, FALSE));
}

/* One more migration: another index, or another column that SELECT * shows. */
static inline void
world_extend (World *world)
{
  GString *sql = g_string_new (NULL);
  Table *table = &world->tables[THINGS];

  if (chance (world, 50) || table->n_columns == MAX_COLUMNS)
    add_index (world, 10 + world->scripts->len, FALSE, sql);
  else
    {
      g_autofree char *name = g_strdup_printf ("added%u", world->scripts->len);

      add_column (table, name, "TEXT");
      g_string_append_printf (sql, "ALTER TABLE %s ADD COLUMN %s TEXT DEFAULT 'given'", table->name, name);
    }
  add_script (world, sql);
}

static inline World *
world_new (guint32 seed)
{
  World *world = g_new0 (World, 1);
  GString *sql = g_string_new (NULL);

  world->random = g_rand_new_with_seed (seed);
  world->log = g_string_new (NULL);
  world->scripts = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (world->scripts, NULL);
  make_things (world, sql);
  make_groups (world, sql);
  make_links (world, sql);
  for (guint i = pick (world, 4); i > 0; i--)
    add_index (world, i, chance (world, 15), sql);
  add_fulltext (world, sql);
  if (chance (world, 20))
    g_string_append_printf (sql, "CREATE TRIGGER counted AFTER UPDATE OF %s ON %s BEGIN "
                                 "UPDATE link SET weight = weight + 1 WHERE thing = new.key; END;\n",
                            world->tables[THINGS].columns[world->text_column].name, world->tables[THINGS].name);
  g_string_append_printf (sql, "CREATE VIEW shown AS SELECT * FROM %s WHERE grp IS NOT NULL;\n",
                          world->tables[THINGS].name);
  add_script (world, sql);
  return world;
}

static inline void
world_free (World *world)
{
  for (guint t = 0; t < N_TABLES; t++)
    for (guint i = 0; i < world->tables[t].n_columns; i++)
      g_free (world->tables[t].columns[i].name);
  g_ptr_array_unref (world->scripts);
  g_string_free (world->log, TRUE);
  g_rand_free (world->random);
  g_free (world);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (World, world_free)

/* Brings a store to the schema of now. */
static inline void
world_migrate (World       *world,
               DimpleStore *store)
{
  g_autoptr(GError) error = NULL;

  dimple_store_migrate (store, (const char * const *) world->scripts->pdata, &error);
  if (error != NULL)
    g_printerr ("%s\n", world->log->str);
  g_assert_no_error (error);
}
