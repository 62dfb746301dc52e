/* test-capture-random.c: random transactions on random schemas, against an oracle that compares whole tables
 *
 * Schemas have keys of every kind, constraints that refuse, conflict clauses that replace, triggers that write, fail
 * and recurse, and foreign keys that cascade.  Transactions are made of units, each netted by itself, some of them
 * undone.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "capture-oracle.h"
#include "random-test.h"

#define TRANSACTIONS_A_SCHEMA 40
#define MAX_ROWS 60

static guint32 seed;
static guint n_transactions = 2000;

typedef struct
{
  const char *name;
  gboolean    without_rowid;
  gboolean    integer_key;       /* of the rowid */
  const char *key[4];            /* ended by NULL */
  const char *columns[8];        /* ordinary ones */
} Table;

typedef struct
{
  GRand   *random;
  Subject  subject;
  Table    tables[4];
  guint    n_tables;
  GString *log;                  /* what was run since the schema was made */
  guint    n_statements;
  guint    n_failed;
  guint    n_changes;
} Fuzz;

static guint
pick (Fuzz  *fuzz,
      guint  n)
{
  return (guint) g_rand_int_range (fuzz->random, 0, (int) n);
}

static gboolean
chance (Fuzz  *fuzz,
        guint  percent)
{
  return pick (fuzz, 100) < percent;
}

#define PICK(fuzz, array) ((array)[pick ((fuzz), G_N_ELEMENTS (array))])

/* -- Schemas ------------------------------------------------------------------------------------------------------- */

static const char * const names[] = { "t", "\"a \"\"b\"\" c\"", "\"Größe\"", "\"select\"" };
static const char * const key_names[] = { "k", "\"key two\"", "\"rowid\"" };
static const char * const column_names[] = { "a", "\"b\"\"c\"", "d", "e", "\"oid\"", "f", "h" };

static void
add_key_columns (Fuzz    *fuzz,
                 Table   *table,
                 GString *sql)
{
  static const char * const types[] = { "TEXT", "TEXT", "TEXT COLLATE NOCASE", "", "REAL", "NUMERIC", "INTEGER" };
  guint n_key = chance (fuzz, 35) ? 2 + pick (fuzz, 2) : 1;

  for (guint i = 0; i < n_key; i++)
    {
      table->key[i] = key_names[i];
      g_string_append_printf (sql, "%s %s%s, ", key_names[i], PICK (fuzz, types), chance (fuzz, 70) ? " NOT NULL" : "");
    }
}

static void
add_columns (Fuzz    *fuzz,
             Table   *table,
             GString *sql)
{
  static const char * const kinds[] = {
    "", "", "TEXT", "REAL DEFAULT 5", "INTEGER", "NUMERIC", "UNIQUE", "TEXT UNIQUE", "INTEGER CHECK (\"a\" < 8)",
    "NOT NULL DEFAULT 'x'", "TEXT COLLATE NOCASE UNIQUE ON CONFLICT REPLACE", "BLOB"
  };
  guint n = 1 + pick (fuzz, 4);

  for (guint i = 0; i < n; i++)
    {
      const char *kind = PICK (fuzz, kinds);

      table->columns[i] = column_names[i];
      g_string_append_printf (sql, "%s %s, ", column_names[i], strstr (kind, "CHECK") != NULL && i > 0 ? "" : kind);
      if (chance (fuzz, 15))
        g_string_append_printf (sql, "g%u AS (%s || '!') %s, ", i, column_names[pick (fuzz, i + 1)],
                                chance (fuzz, 50) ? "VIRTUAL" : "STORED");
    }
}

static void
end_table (Fuzz    *fuzz,
           Table   *table,
           GString *sql)
{
  static const char * const conflicts[] = { "", "", "", " ON CONFLICT REPLACE", " ON CONFLICT IGNORE" };
  static const char * const actions[] = { "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION" };
  const Table *parent = fuzz->n_tables > 0 ? &fuzz->tables[pick (fuzz, fuzz->n_tables)] : NULL;

  if (table->key[0] != NULL && !table->integer_key)
    {
      g_string_append (sql, "PRIMARY KEY (");
      /* In another order than the columns stand */
      for (guint i = g_strv_length ((char **) table->key); i > 0; i--)
        g_string_append_printf (sql, "%s%s%s", table->key[i - 1], chance (fuzz, 10) ? " DESC" : "", i > 1 ? ", " : ")");
      g_string_append_printf (sql, "%s, ", PICK (fuzz, conflicts));
    }
  if (parent != NULL && parent->key[0] != NULL && parent->key[1] == NULL && chance (fuzz, 60))
    g_string_append_printf (sql, "FOREIGN KEY (%s) REFERENCES %s (%s) ON DELETE %s ON UPDATE %s%s, ",
                            table->columns[0], parent->name, parent->key[0], PICK (fuzz, actions), PICK (fuzz, actions),
                            chance (fuzz, 20) ? " DEFERRABLE INITIALLY DEFERRED" : "");
  g_string_truncate (sql, sql->len - 2);
  g_string_append_printf (sql, ")%s;\n", table->without_rowid ? " WITHOUT ROWID" : "");
}

static void
add_table (Fuzz    *fuzz,
           GString *sql)
{
  Table *table = &fuzz->tables[fuzz->n_tables];
  gboolean key_last = chance (fuzz, 40);

  *table = (Table) { .name = names[fuzz->n_tables] };
  g_string_append_printf (sql, "CREATE TABLE %s (", table->name);
  switch (pick (fuzz, 10))
    {
    case 0:
      break;
    case 1:
      table->integer_key = TRUE;
      table->key[0] = "i";
      g_string_append (sql, "i INTEGER PRIMARY KEY, ");
      break;
    case 2:
    case 3:
    case 4:
    case 5:
      table->without_rowid = TRUE;
      /* fall through */
    default:
      if (!key_last)
        add_key_columns (fuzz, table, sql);
    }
  add_columns (fuzz, table, sql);
  if (key_last && table->key[0] == NULL && (table->without_rowid || chance (fuzz, 70)))
    add_key_columns (fuzz, table, sql);
  end_table (fuzz, table, sql);
  fuzz->n_tables++;
}

static const char *
any_column (Fuzz        *fuzz,
            const Table *table,
            guint        key_percent)
{
  guint n_key = g_strv_length ((char **) table->key);
  guint n = g_strv_length ((char **) table->columns);

  if (n_key > 0 && chance (fuzz, key_percent))
    return table->key[pick (fuzz, n_key)];
  return table->columns[pick (fuzz, n)];
}

static void
append_value (Fuzz    *fuzz,
              GString *sql)
{
  guint n = pick (fuzz, 12);

  switch (pick (fuzz, 14))
    {
    case 0:
      g_string_append (sql, "NULL");
      break;
    case 1:
      g_string_append_printf (sql, "%u.0", n);
      break;
    case 2:
      g_string_append_printf (sql, "%u.5", n);
      break;
    case 3:
      g_string_append_printf (sql, "x'%02x'", n);
      break;
    case 4:
      g_string_append (sql, chance (fuzz, 50) ? "-0.0" : "9e999");
      break;
    case 5:
      g_string_append_printf (sql, "%" G_GINT64_FORMAT, G_GINT64_CONSTANT (9007199254740990) + n);
      break;
    case 6:
      g_string_append_printf (sql, "'V%u'", n);
      break;
    case 7:
      g_string_append_printf (sql, "'%u'", n);
      break;
    case 8:
    case 9:
    case 10:
      g_string_append_printf (sql, "%u", n);
      break;
    default:
      g_string_append_printf (sql, "'v%u'", n);
      break;
    }
}

static void
append_condition (Fuzz        *fuzz,
                  const Table *table,
                  GString     *sql)
{
  static const char * const operators[] = { "=", "=", ">", "<", "<>", "IS" };

  if (chance (fuzz, 8))
    return;
  g_string_append_printf (sql, " WHERE %s %s ", any_column (fuzz, table, 60), PICK (fuzz, operators));
  append_value (fuzz, sql);
}

static const char *
any_conflict (Fuzz *fuzz)
{
  static const char * const conflicts[] = { "", "", "", " OR ABORT", " OR FAIL", " OR IGNORE", " OR REPLACE",
                                            " OR REPLACE" };

  return chance (fuzz, 1) ? " OR ROLLBACK" : PICK (fuzz, conflicts);
}

static void append_insert (Fuzz *fuzz, const Table *table, GString *sql);
static void append_update (Fuzz *fuzz, const Table *table, GString *sql);

static void
append_delete (Fuzz        *fuzz,
               const Table *table,
               GString     *sql)
{
  g_string_append_printf (sql, "DELETE FROM %s", table->name);
  append_condition (fuzz, table, sql);
}

static void
add_trigger (Fuzz    *fuzz,
             guint    number,
             GString *sql)
{
  static const char * const times[] = { "BEFORE", "AFTER", "AFTER" };
  static const char * const events[] = { "INSERT", "UPDATE", "DELETE" };
  static const char * const raises[] = { "RAISE (IGNORE)", "RAISE (FAIL, 'f')", "RAISE (ABORT, 'a')",
                                         "RAISE (ROLLBACK, 'r')" };
  const Table *table = &fuzz->tables[pick (fuzz, fuzz->n_tables)], *other = &fuzz->tables[pick (fuzz, fuzz->n_tables)];
  const char *event = PICK (fuzz, events);

  g_string_append_printf (sql, "CREATE TRIGGER g%u %s %s ON %s WHEN %s.%s = ", number, PICK (fuzz, times), event,
                          table->name, event[0] == 'D' ? "old" : "new", any_column (fuzz, table, 30));
  append_value (fuzz, sql);
  g_string_append (sql, " BEGIN ");
  if (chance (fuzz, 30))
    g_string_append_printf (sql, "SELECT %s", raises[pick (fuzz, chance (fuzz, 20) ? 4 : 3)]);
  else if (chance (fuzz, 40))
    append_insert (fuzz, other, sql);
  else if (chance (fuzz, 50))
    append_update (fuzz, other, sql);
  else
    append_delete (fuzz, other, sql);
  g_string_append (sql, "; END;\n");
}

/* -- Statements ---------------------------------------------------------------------------------------------------- */

static void
append_columns (const Table *table,
                gboolean     with_rowid,
                GString     *sql)
{
  if (with_rowid)
    g_string_append (sql, "_rowid_, ");
  for (guint i = 0; table->key[i] != NULL; i++)
    g_string_append_printf (sql, "%s, ", table->key[i]);
  for (guint i = 0; table->columns[i] != NULL; i++)
    g_string_append_printf (sql, "%s%s", table->columns[i], table->columns[i + 1] != NULL ? ", " : "");
}

static void
append_insert (Fuzz        *fuzz,
               const Table *table,
               GString     *sql)
{
  guint n_rows = 1 + pick (fuzz, 4);
  guint n_values = g_strv_length ((char **) table->key) + g_strv_length ((char **) table->columns);
  gboolean with_rowid = !table->without_rowid && !table->integer_key && chance (fuzz, 15);

  g_string_append_printf (sql, "INSERT%s INTO %s (", any_conflict (fuzz), table->name);
  append_columns (table, with_rowid, sql);
  g_string_append (sql, ") VALUES ");
  for (guint row = 0; row < n_rows; row++)
    {
      g_string_append (sql, row > 0 ? ", (" : "(");
      if (with_rowid)
        g_string_append_printf (sql, "%u, ", pick (fuzz, 30));
      for (guint i = 0; i < n_values; i++)
        {
          append_value (fuzz, sql);
          g_string_append (sql, i + 1 < n_values ? ", " : ")");
        }
    }
}

static void
append_assignment (Fuzz        *fuzz,
                   const Table *table,
                   GString     *sql)
{
  const char *column = any_column (fuzz, table, 25);

  g_string_append_printf (sql, "%s = ", column);
  switch (pick (fuzz, 6))
    {
    case 0:
      g_string_append_printf (sql, "%s || 'x'", column);
      break;
    case 1:
      g_string_append_printf (sql, "%s + 1", column);
      break;
    case 2:
      g_string_append_printf (sql, "upper (%s)", column);
      break;
    default:
      append_value (fuzz, sql);
      break;
    }
}

static void
append_update (Fuzz        *fuzz,
               const Table *table,
               GString     *sql)
{
  g_string_append_printf (sql, "UPDATE%s %s SET ", any_conflict (fuzz), table->name);
  append_assignment (fuzz, table, sql);
  if (chance (fuzz, 20))
    {
      g_string_append (sql, ", ");
      append_assignment (fuzz, table, sql);
    }
  append_condition (fuzz, table, sql);
}

static void
append_upsert (Fuzz        *fuzz,
               const Table *table,
               GString     *sql)
{
  append_insert (fuzz, table, sql);
  g_string_append (sql, " ON CONFLICT DO ");
  if (chance (fuzz, 30))
    g_string_append (sql, "NOTHING");
  else
    {
      g_string_append (sql, "UPDATE SET ");
      append_assignment (fuzz, table, sql);
    }
}

static void
append_rowid_update (Fuzz        *fuzz,
                     const Table *table,
                     GString     *sql)
{
  static const char * const expressions[] = { "_rowid_ + 1", "-_rowid_", "_rowid_ + 100", "40 - _rowid_", "7" };

  if (table->without_rowid)
    append_update (fuzz, table, sql);
  else
    {
      g_string_append_printf (sql, "UPDATE%s %s SET _rowid_ = %s", any_conflict (fuzz), table->name,
                              PICK (fuzz, expressions));
      append_condition (fuzz, table, sql);
    }
}

static void
append_copy (Fuzz        *fuzz,
             const Table *table,
             GString     *sql)
{
  g_string_append_printf (sql, "INSERT%s INTO %s (", any_conflict (fuzz), table->name);
  append_columns (table, FALSE, sql);
  g_string_append (sql, ") SELECT ");
  for (guint i = 0; table->key[i] != NULL; i++)
    g_string_append_printf (sql, "%s || %u, ", table->key[i], pick (fuzz, 10));
  for (guint i = 0; table->columns[i] != NULL; i++)
    g_string_append_printf (sql, "%s%s", table->columns[i], table->columns[i + 1] != NULL ? ", " : "");
  g_string_append_printf (sql, " FROM %s LIMIT %u", table->name, 1 + pick (fuzz, 12));
}

static void
append_statement (Fuzz    *fuzz,
                  GString *sql)
{
  const Table *table = &fuzz->tables[pick (fuzz, fuzz->n_tables)];

  switch (pick (fuzz, 16))
    {
    case 0:
    case 1:
    case 2:
    case 3:
      append_insert (fuzz, table, sql);
      break;
    case 4:
    case 5:
    case 6:
      append_update (fuzz, table, sql);
      break;
    case 7:
    case 8:
      append_delete (fuzz, table, sql);
      break;
    case 9:
      append_upsert (fuzz, table, sql);
      break;
    case 10:
      append_rowid_update (fuzz, table, sql);
      break;
    case 11:
      append_copy (fuzz, table, sql);
      break;
    case 12:
      append_update (fuzz, table, sql);
      g_string_append (sql, " RETURNING *");
      break;
    case 13:
      g_string_append_printf (sql, "SAVEPOINT s%u", pick (fuzz, 3));
      break;
    case 14:
      g_string_append_printf (sql, "ROLLBACK TO s%u", pick (fuzz, 3));
      break;
    default:
      g_string_append_printf (sql, "RELEASE s%u", pick (fuzz, 3));
      break;
    }
}

/* -- Running ------------------------------------------------------------------------------------------------------- */

static sqlite3 *
handle_of (Fuzz *fuzz)
{
  return dimple_connection_get_handle (fuzz->subject.connection);
}

/* What a statement may fail with; anything else is a mistake of the generator, or of capture. */
static gboolean
is_expected (Fuzz *fuzz,
             int   result)
{
  static const char * const messages[] = {
    "no such savepoint", "foreign key mismatch", "too many levels of trigger recursion", "cannot commit"
  };

  if ((result & 0xff) == SQLITE_CONSTRAINT || (result & 0xff) == SQLITE_MISMATCH)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (messages); i++)
    if (strstr (sqlite3_errmsg (handle_of (fuzz)), messages[i]) != NULL)
      return TRUE;
  return FALSE;
}

static void
run (Fuzz       *fuzz,
     const char *sql)
{
  int result = subject_exec (&fuzz->subject, sql);

  g_string_append_printf (fuzz->log, "%s;%s\n", sql, result != SQLITE_OK ? "  -- fails" : "");
  fuzz->n_statements++;
  fuzz->n_failed += result != SQLITE_OK;
  if (result != SQLITE_OK && !is_expected (fuzz, result))
    g_error ("%s\n%s", fuzz->log->str, sqlite3_errmsg (handle_of (fuzz)));
}

/* Columns that the rows which are there already do not have in the file */
static void
add_late_columns (Fuzz *fuzz)
{
  static const char * const kinds[] = { "", "DEFAULT 'late'", "REAL DEFAULT 7", "NOT NULL DEFAULT 1", "DEFAULT NULL" };

  for (guint i = 0; i < fuzz->n_tables; i++)
    {
      guint n = chance (fuzz, 40) ? 1 + pick (fuzz, 2) : 0;

      for (guint k = 0; n > 0 && k < 5; k++)
        {
          g_autoptr(GString) sql = g_string_new (NULL);

          append_insert (fuzz, &fuzz->tables[i], sql);
          run (fuzz, sql->str);
        }
      for (guint k = 0; k < n; k++)
        {
          Table *table = &fuzz->tables[i];
          g_autofree char *sql = g_strdup_printf ("ALTER TABLE %s ADD COLUMN z%u %s", table->name, k,
                                                  PICK (fuzz, kinds));

          run (fuzz, sql);
          table->columns[g_strv_length ((char **) table->columns)] = k == 0 ? "z0" : "z1";
        }
    }
}

static void
make_schema (Fuzz *fuzz)
{
  g_autoptr(GString) sql = g_string_new (NULL);
  guint n_tables = 2 + pick (fuzz, 3), n_triggers = pick (fuzz, 5);

  fuzz->n_tables = 0;
  for (guint i = 0; i < n_tables; i++)
    add_table (fuzz, sql);
  for (guint i = 0; i < n_triggers; i++)
    add_trigger (fuzz, i, sql);

  subject_open (&fuzz->subject, ":memory:");
  g_string_truncate (fuzz->log, 0);
  g_string_append_printf (fuzz->log, "PRAGMA foreign_keys = %d; PRAGMA recursive_triggers = %d;\n",
                          chance (fuzz, 75), chance (fuzz, 50));
  /* Rows with a NULL in the key are let in, so nothing is tracked. */
  g_string_append (fuzz->log, "CREATE TABLE dimple_local (name);\n");
  g_string_append (fuzz->log, sql->str);
  subject_must_exec (&fuzz->subject, fuzz->log->str);
  add_late_columns (fuzz);
  subject_must_exec (&fuzz->subject, "INSERT INTO dimple_local SELECT name FROM sqlite_schema WHERE type = 'table'");
  subject_load_schema (&fuzz->subject);
}

static void
compare (Fuzz *fuzz,
         Dump *before,
         Dump *after)
{
  g_autoptr(GError) error = NULL;
  guint n_changes;
  g_autofree char *expected = describe_difference (before, after, &n_changes);
  g_autofree char *captured = describe_captured (&fuzz->subject, &error);

  if (captured == NULL || !g_str_equal (captured, expected))
    g_error ("--seed=%u\n%s\nexpected:\n%s\ncaptured:\n%s", seed, fuzz->log->str, expected,
             captured != NULL ? captured : error->message);
  fuzz->n_changes += n_changes;
}

/* Runs one unit; FALSE if the transaction is over. */
static gboolean
run_unit (Fuzz *fuzz)
{
  g_autoptr(GHashTable) before = dump_all (&fuzz->subject);
  g_autoptr(GHashTable) after = NULL;
  guint n = 1 + pick (fuzz, 8);
  gboolean undo = chance (fuzz, 10), alive;

  run (fuzz, "SAVEPOINT unit");
  for (guint i = 0; i < n && !sqlite3_get_autocommit (handle_of (fuzz)); i++)
    {
      g_autoptr(GString) sql = g_string_new (NULL);

      append_statement (fuzz, sql);
      run (fuzz, sql->str);
    }
  alive = !sqlite3_get_autocommit (handle_of (fuzz));
  if (alive && undo)
    run (fuzz, "ROLLBACK TO unit");
  /* A rollback undid the earlier units too. */
  if (!alive)
    {
      g_assert_true (dimple_capture_is_empty (fuzz->subject.capture));
      return FALSE;
    }
  run (fuzz, "RELEASE unit");
  if (undo && chance (fuzz, 50))
    return TRUE;
  after = dump_all (&fuzz->subject);
  compare (fuzz, before, after);
  return TRUE;
}

static void
keep_small (Fuzz *fuzz)
{
  for (guint i = 0; i < fuzz->n_tables; i++)
    {
      g_autofree char *sql = g_strdup_printf ("DELETE FROM %s WHERE (SELECT count (*) FROM %s) > %d",
                                              fuzz->tables[i].name, fuzz->tables[i].name, MAX_ROWS);

      subject_exec (&fuzz->subject, sql);
    }
  dimple_capture_clear (fuzz->subject.capture);
}

static void
run_transaction (Fuzz *fuzz)
{
  guint n_units = 1 + (chance (fuzz, 30) ? pick (fuzz, 3) : 0);
  gboolean alive = TRUE;

  run (fuzz, "BEGIN");
  dimple_capture_set_spill_limit (fuzz->subject.capture, chance (fuzz, 20) ? pick (fuzz, 200) : 1000000);
  for (guint i = 0; i < n_units && alive; i++)
    alive = run_unit (fuzz);
  if (alive)
    {
      /* What was undone may have been left. */
      g_autoptr(GHashTable) now = dump_all (&fuzz->subject);

      compare (fuzz, now, now);
      run (fuzz, chance (fuzz, 90) ? "COMMIT" : "ROLLBACK");
    }
  if (!sqlite3_get_autocommit (handle_of (fuzz)))
    run (fuzz, "ROLLBACK");
  g_assert_true (dimple_capture_is_empty (fuzz->subject.capture));
  keep_small (fuzz);
}

static void
test_random (void)
{
  Fuzz fuzz = { .random = g_rand_new_with_seed (seed), .log = g_string_new (NULL) };

  for (guint i = 0; i < n_transactions; i++)
    {
      if (i % TRANSACTIONS_A_SCHEMA == 0)
        {
          subject_close (&fuzz.subject);
          make_schema (&fuzz);
        }
      run_transaction (&fuzz);
    }
  g_test_message ("%u transactions, %u statements, %u failed, %u changes: 0 wrong", n_transactions, fuzz.n_statements,
                  fuzz.n_failed, fuzz.n_changes);
  /* Or nothing was tested. */
  g_assert_cmpuint (fuzz.n_failed, <, fuzz.n_statements / 2);
  g_assert_cmpuint (fuzz.n_changes, >, n_transactions);

  subject_close (&fuzz.subject);
  g_string_free (fuzz.log, TRUE);
  g_rand_free (fuzz.random);
}

int
main (int   argc,
      char *argv[])
{
  seed = take_option (&argc, argv, "--seed", g_random_int ());
  n_transactions = take_option (&argc, argv, "--transactions", n_transactions);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_message ("--seed=%u --transactions=%u", seed, n_transactions);

  g_test_add_func ("/capture/random", test_random);

  return g_test_run ();
}
