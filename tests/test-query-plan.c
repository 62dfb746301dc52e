/* test-query-plan.c: which queries can be kept row by row, proved by random writes; and what queries read
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-query-plan-private.h"

#include <stdlib.h>
#include <string.h>

#include "dimple-error.h"
#include "dimple-row-sequence-private.h"

static int n_rounds = 40;

typedef enum
{
  NEVER,        /* must not be kept row by row */
  MAYBE,        /* could be, may be refused */
  ALWAYS
} Eligible;

static const struct
{
  Eligible    eligible;
  const char *sql;
} queries[] = {
  { ALWAYS, "SELECT * FROM note" },
  { ALWAYS, "SELECT key, title FROM note WHERE folder = 'f1' ORDER BY modified DESC" },
  { ALWAYS, "select title from note where starred order by title collate nocase, modified desc" },
  { ALWAYS, "SELECT * FROM note AS n WHERE n.folder = ?1 ORDER BY n.modified DESC, n.title" },
  { ALWAYS, "SELECT n.* FROM note n WHERE n.folder = :f ORDER BY n.title" },
  { ALWAYS, "SELECT \"title\" FROM \"note\" WHERE \"folder\" = 'f1' ORDER BY \"title\" DESC" },
  { ALWAYS, "SELECT [title], `folder` FROM [note] ORDER BY [modified]" },
  { ALWAYS, "SELECT title -- FROM other\n, body /* FROM x */ FROM note /* WHERE */ WHERE folder = 'f1' "
            "ORDER BY modified --" },
  { ALWAYS, "SELECT 'a FROM b' AS s, title FROM note WHERE title <> 'ORDER BY 1' ORDER BY title" },
  { ALWAYS, "SELECT *, length (body) AS len FROM note ORDER BY len DESC" },
  { ALWAYS, "SELECT *, title || '!' FROM note ORDER BY 2, 1 DESC" },
  { ALWAYS, "SELECT upper (title) AS title, key FROM note ORDER BY title" },
  { MAYBE, "SELECT upper (title) AS title, key FROM note ORDER BY title || 'x'" },
  { MAYBE, "SELECT -modified AS modified FROM note ORDER BY +modified" },
  { ALWAYS, "SELECT length (body) AS len, key FROM note WHERE len > 1 ORDER BY title" },
  { ALWAYS, "SELECT key FROM note ORDER BY modified NULLS LAST" },
  { ALWAYS, "SELECT key FROM note ORDER BY modified DESC NULLS FIRST, title ASC NULLS LAST" },
  { ALWAYS, "SELECT key FROM note ORDER BY modified ASC NULLS FIRST, title DESC NULLS LAST" },
  { ALWAYS, "SELECT key FROM note ORDER BY CASE WHEN starred THEN 0 ELSE 1 END, title COLLATE NOCASE DESC" },
  { ALWAYS, "SELECT key FROM note WHERE folder = ? ORDER BY abs (modified - ?), title" },
  { ALWAYS, "SELECT key, ? AS p FROM note WHERE folder = ? ORDER BY modified * ?" },
  { ALWAYS, "SELECT key FROM note WHERE folder = :f AND modified > :m ORDER BY (modified > :m), title" },
  { NEVER, "SELECT key FROM note WHERE folder = ? ORDER BY modified * :m" },
  { ALWAYS, "SELECT key FROM note WHERE title LIKE 'a%' OR body GLOB '*b*' ORDER BY title" },
  { ALWAYS, "SELECT key FROM note WHERE folder IN ('f1', 'f2', 'f3') AND modified BETWEEN 1 AND 90 "
            "ORDER BY folder, modified" },
  { ALWAYS, "SELECT key FROM note WHERE (folder, starred) = ('f1', 1)" },
  { ALWAYS, "SELECT key FROM note WHERE folder IS DISTINCT FROM 'f1' ORDER BY title" },
  { ALWAYS, "SELECT folder IS NOT DISTINCT FROM 'f1' AS d, key FROM note ORDER BY d, title" },
  { ALWAYS, "SELECT key FROM main.note WHERE starred = 1" },
  { ALWAYS, "SELECT note.title FROM note ORDER BY note.modified" },
  { ALWAYS, "SELECT max (modified, starred) AS m FROM note ORDER BY m" },
  { ALWAYS, "SELECT json_extract (body, '$.a') FROM note WHERE json_valid (body)" },
  { ALWAYS, "SELECT ifnull (title, '') t FROM note ORDER BY t COLLATE RTRIM" },
  { ALWAYS, "SELECT key FROM note ORDER BY title COLLATE NOCASE ASC, key DESC;" },
  { ALWAYS, "SELECT rowid, * FROM note ORDER BY rowid DESC" },
  { ALWAYS, "SELECT key FROM note ORDER BY rowid" },
  { ALWAYS, "SELECT key FROM note ORDER BY _rowid_ DESC, title" },
  { ALWAYS, "SELECT ncol FROM note ORDER BY ncol" },
  { ALWAYS, "SELECT key FROM note NOT INDEXED ORDER BY modified" },
  { ALWAYS, "SELECT key FROM note INDEXED BY note_modified WHERE modified > 10 ORDER BY modified" },
  { ALWAYS, "SELECT CAST (modified AS TEXT) FROM note ORDER BY CAST (modified AS TEXT)" },
  { ALWAYS, "SELECT key FROM note WHERE NOT starred ORDER BY substr (title, 2, 3), length (title)" },
  { ALWAYS, "SELECT printf ('%d-%s', modified, title) AS label FROM note ORDER BY label DESC" },
  { ALWAYS, "SELECT ALL key FROM note" },
  { ALWAYS, "SELECT key AS \"from\", title AS [order by] FROM note ORDER BY \"from\"" },
  { ALWAYS, "SELECT title 'a FROM b' FROM note" },
  { ALWAYS, "SELECT key FROM note WHERE json_valid (body) AND body ->> '$.x' = 1" },
  { ALWAYS, "SELECT key FROM note ORDER BY modified % 7 DESC, modified / 2.0" },
  { ALWAYS, "SELECT key FROM note WHERE starred = 1 ORDER BY title COLLATE NOCASE COLLATE BINARY" },
  { ALWAYS, "SELECT real FROM note ORDER BY real" },
  { ALWAYS, "SELECT key FROM note \"n\" WHERE \"n\".title <> 'x' ORDER BY \"n\".title" },
  { ALWAYS, "SELECT \"a\"\"b\" FROM \"we\"\"ird\" ORDER BY \"a\"\"b\" DESC" },
  { ALWAYS, "SELECT key FROM note WHERE title <> x'46524f4d' /* -- */ ORDER BY title /* ; */ ;" },
  { ALWAYS, "SELECT key FROM note n WHERE (n.title) > ('a') AND ((starred)) ORDER BY ((n.title)), ((modified)) DESC" },
  { ALWAYS, "SELECT KEY, TITLE FROM NOTE ORDER BY TITLE" },
  { ALWAYS, "SELECT n.key k, n.title t FROM note n ORDER BY n.title, k" },
  { ALWAYS, "SELECT key, title AS folder FROM note ORDER BY note.folder, folder" },
  { ALWAYS, "SELECT key FROM note ORDER BY note.title COLLATE \"nocase\"" },
  { ALWAYS, "SELECT key FROM note ORDER BY ncol COLLATE BINARY, ncol" },
  { ALWAYS, "SELECT key, ncol || '' FROM note ORDER BY 2, ncol || ''" },
  { ALWAYS, "SELECT key, title COLLATE NOCASE AS t FROM note ORDER BY t" },
  { ALWAYS, "SELECT gen FROM gent ORDER BY gen DESC" },
  { ALWAYS, "SELECT id FROM num ORDER BY id" },
  { ALWAYS, "SELECT * FROM num WHERE x > 1 ORDER BY x, id DESC" },
  { MAYBE, "SELECT key FROM note ORDER BY likelihood (title, 0.5)" },
  { MAYBE, "SELECT key FROM note ORDER BY title, 'x', 1 DESC" },
  { MAYBE, "SELECT key FROM note ORDER BY NULL" },
  { MAYBE, "SELECT key FROM note ORDER BY 'title'" },
  { MAYBE, "SELECT key FROM note ORDER BY ?1" },
  { MAYBE, "SELECT key FROM note ORDER BY 1 + 1" },
  { MAYBE, "SELECT key, key FROM note ORDER BY key" },
  { MAYBE, "SELECT title AS a, folder AS a FROM note ORDER BY a" },
  { MAYBE, "SELECT * FROM wr ORDER BY b" },
  { ALWAYS, "SELECT key FROM note WHERE modified = 0x10 OR modified = 1e1 OR modified = .5 ORDER BY -1 * modified" },
  { ALWAYS, "SELECT key FROM note WHERE title IS NULL OR title ISNULL OR body NOTNULL ORDER BY title IS NULL, title" },
  { ALWAYS, "SELECT key, (modified) FROM note ORDER BY 2 DESC, 1" },
  { ALWAYS, "SELECT key, iif (starred, title, folder) FROM note ORDER BY iif (starred, title, folder)" },

  { ALWAYS, "SELECT f.name, n.key FROM note n, folder f WHERE f.key = n.folder AND n.title > 'a' "
            "ORDER BY f.name, 2 DESC" },
  { ALWAYS, "SELECT n.*, f.name AS f FROM note AS n LEFT OUTER JOIN folder AS f ON f.key = n.folder "
            "ORDER BY f, n.title" },
  { ALWAYS, "SELECT title, name FROM note INNER JOIN folder ON note.folder = folder.key WHERE name IS NOT NULL" },
  { ALWAYS, "SELECT key, name, title FROM note LEFT JOIN folder USING (key) ORDER BY title COLLATE NOCASE, name DESC" },
  { ALWAYS, "SELECT n.key, f.name FROM note n CROSS JOIN main.folder f ON f.key = n.folder ORDER BY lower (f.name)" },
  { ALWAYS, "SELECT n.key, f.name, g.name FROM note n JOIN folder f ON f.key = n.folder LEFT JOIN folder g "
            "ON g.key = n.title" },
  { ALWAYS, "SELECT n.key, x, b FROM note n LEFT JOIN num ON num.id = n.modified LEFT JOIN wr ON wr.a = n.title "
            "ORDER BY x, b" },
  { ALWAYS, "SELECT n.key FROM note n JOIN folder f ON f.key = n.folder AND f.name BETWEEN 'a' AND 'h' "
            "WHERE f.name <> ?" },
  { MAYBE, "SELECT n.key FROM note n JOIN folder f ON f.key IS n.folder" },
  { MAYBE, "SELECT n.key FROM note n JOIN folder f ON f.rowid = n.modified ORDER BY f.name" },
  { MAYBE, "SELECT n.key FROM note n JOIN folder f ON f.key = lower (n.folder) OR f.key = 'f1' AND n.folder = f.key" },

  { NEVER, "SELECT n.key FROM note n JOIN folder f ON f.key IN (n.folder, n.title)" },
  { NEVER, "SELECT n.key FROM note n LEFT JOIN folder f ON f.key > n.folder" },
  { NEVER, "SELECT n.key FROM note n JOIN folder f ON f.key = n.folder OR f.key = n.title" },
  { NEVER, "SELECT n.key FROM folder f LEFT JOIN note n ON n.folder = f.key" },
  { NEVER, "SELECT n.key, o.key FROM note n JOIN note o ON o.key = n.title" },
  { NEVER, "SELECT f.key, n.title FROM note n JOIN folder f ON f.key = n.folder" },
  { NEVER, "SELECT n.key FROM note n RIGHT JOIN folder f ON f.key = n.folder" },
  { NEVER, "SELECT n.key FROM note n FULL JOIN folder f ON f.key = n.folder" },
  { NEVER, "SELECT n.key FROM note n JOIN (folder f JOIN one ON x = f.key) ON f.key = n.folder" },
  { NEVER, "SELECT DISTINCT folder FROM note" },
  { NEVER, "SELECT count (*) FROM note" },
  { NEVER, "SELECT max (modified) FROM note" },
  { NEVER, "SELECT key, max (modified) FROM note" },
  { NEVER, "SELECT folder, count (*) FROM note GROUP BY folder" },
  { NEVER, "SELECT key FROM note WHERE folder IN one" },
  { NEVER, "SELECT key FROM note WHERE folder IN main.one ORDER BY title" },
  { NEVER, "SELECT key FROM note WHERE folder NOT IN onev" },
  { NEVER, "SELECT x FROM one WHERE x IN one" },
  { NEVER, "SELECT key FROM note ORDER BY key IN one" },
  { NEVER, "SELECT key FROM (note)" },
  { NEVER, "SELECT key FROM note WHERE rowid IN fts" },
  { NEVER, "SELECT key FROM note CROSS JOIN one" },
  { NEVER, "SELECT title FROM note, json_each (body)" },
  { NEVER, "SELECT title, value FROM note JOIN json_each ('[1]')" },
  { NEVER, "SELECT title FROM note WHERE key = (VALUES ('k1'))" },
  { ALWAYS, "SELECT n.key, f.name FROM note n JOIN folder f ON f.key = n.folder" },
  { NEVER, "SELECT * FROM note, folder" },
  { ALWAYS, "SELECT * FROM note n LEFT JOIN folder f ON f.key = n.folder" },
  { MAYBE, "SELECT * FROM note NATURAL JOIN folder" },
  { NEVER, "SELECT a.key FROM note a, note b" },
  { NEVER, "SELECT key FROM note UNION SELECT key FROM folder" },
  { NEVER, "SELECT key FROM note UNION ALL SELECT key FROM note" },
  { NEVER, "SELECT key FROM note EXCEPT SELECT key FROM folder ORDER BY key" },
  { NEVER, "WITH s AS (SELECT * FROM note) SELECT * FROM s" },
  { NEVER, "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 3) SELECT * FROM r" },
  { NEVER, "SELECT * FROM (SELECT * FROM note) ORDER BY title" },
  { NEVER, "SELECT key FROM note WHERE folder IN (SELECT key FROM folder)" },
  { NEVER, "SELECT key FROM note n WHERE EXISTS (SELECT 1 FROM folder f WHERE f.key = n.folder)" },
  { NEVER, "SELECT key, (SELECT name FROM folder f WHERE f.key = note.folder) FROM note" },
  { NEVER, "SELECT key FROM note ORDER BY (SELECT count (*) FROM note)" },
  { NEVER, "SELECT key FROM note WHERE modified = (SELECT max (modified) FROM note)" },
  { NEVER, "SELECT row_number () OVER (ORDER BY title) FROM note" },
  { NEVER, "SELECT sum (modified) OVER w FROM note WINDOW w AS (PARTITION BY folder)" },
  { NEVER, "SELECT count (*) FILTER (WHERE starred) FROM note" },
  { NEVER, "SELECT * FROM notev" },
  { NEVER, "SELECT key FROM note WHERE random () > 0" },
  { NEVER, "SELECT key FROM note WHERE modified > unixepoch ('now')" },
  { NEVER, "SELECT key, CURRENT_TIMESTAMP FROM note" },
  { NEVER, "SELECT key, uuid7 () FROM note" },
  { NEVER, "SELECT * FROM json_each ('[1, 2]')" },
  { NEVER, "SELECT * FROM fts WHERE fts MATCH 'a'" },
  { NEVER, "SELECT * FROM pragma_table_info ('note')" },
  { NEVER, "SELECT 1" },
  { NEVER, "SELECT 'key FROM note'" },
  { NEVER, "SELECT group_concat (title) FROM note ORDER BY title" },
  { NEVER, "SELECT total_changes (), key FROM note" },
  { NEVER, "SELECT iif (1, max (modified), 2) FROM note ORDER BY 1" },
  { NEVER, "SELECT min (title), key FROM note WHERE folder = 'f1' ORDER BY 2" },
};

static const char schema_sql[] =
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body TEXT, folder TEXT, modified, starred INTEGER, "
  "                   ncol TEXT COLLATE NOCASE, real REAL);"
  "CREATE INDEX note_modified ON note (modified);"
  "CREATE INDEX note_folder ON note (folder, modified DESC);"
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name);"
  "CREATE VIEW notev AS SELECT * FROM note;"
  "CREATE VIRTUAL TABLE fts USING fts5 (title);"
  "CREATE TABLE one (x); INSERT INTO one VALUES ('f1');"
  "CREATE VIEW onev AS SELECT x FROM one;"
  "CREATE TABLE \"we\"\"ird\" (key TEXT PRIMARY KEY, \"a\"\"b\");"
  "INSERT INTO \"we\"\"ird\" VALUES (1, 2), (2, NULL), (3, 'x'), (4, 1);"
  "CREATE TABLE gent (key TEXT PRIMARY KEY, b, gen AS (b * 2));"
  "INSERT INTO gent (key, b) VALUES (1, 5), (2, 4), (3, NULL);"
  "CREATE TABLE num (id INTEGER PRIMARY KEY, x);"
  "INSERT INTO num VALUES (5, 2), (1, NULL), (9, 2), (7, 'x');"
  "CREATE TABLE wr (a TEXT, b, PRIMARY KEY (a)) WITHOUT ROWID";

/* -- Random writes ------------------------------------------------------------------------------------------------- */

static char *
random_value (GRand *random)
{
  static const char * const texts[] = { "Alpha", "alpha", "ALPHA ", "beta", "Beta", "gamma  ", "", "ä", "a%b",
                                        "{\"a\":1,\"x\":1}" };

  switch (g_rand_int_range (random, 0, 8))
    {
    case 0:
      return g_strdup ("NULL");
    case 1:
      return g_strdup_printf ("%d", g_rand_int_range (random, 0, 9));
    case 2:
      return g_strdup_printf ("%d.5", g_rand_int_range (random, 0, 9));
    case 3:
      return g_strdup_printf ("x'%02x'", g_rand_int_range (random, 0, 250));
    default:
      return g_strdup_printf ("'%s'", texts[g_rand_int_range (random, 0, G_N_ELEMENTS (texts))]);
    }
}

static void
write_something (DimpleConnection *connection,
                 GRand            *random)
{
  g_autofree char *a = random_value (random), *b = random_value (random), *c = random_value (random);
  int key = g_rand_int_range (random, 0, 120), other = g_rand_int_range (random, 0, 120);
  int folder = g_rand_int_range (random, 0, 4);
  g_autofree char *sql = NULL;
  g_autoptr(GError) error = NULL;

  switch (g_rand_int_range (random, 0, 7))
    {
    case 6:
      sql = g_strdup_printf ("DELETE FROM folder WHERE key = 'f%d'; UPDATE folder SET name = %s WHERE key = 'f%d';"
                             "INSERT OR REPLACE INTO folder VALUES ('f%d', %s)", folder, a, other % 4, key % 4, b);
      break;
    case 0:
      sql = g_strdup_printf ("INSERT OR REPLACE INTO note VALUES ('k%d', %s, %s, 'f%d', %s, %d, %s, %s)", key, a, b,
                             folder, c, folder & 1, a, b);
      break;
    case 1:
      sql = g_strdup_printf ("DELETE FROM note WHERE key = 'k%d'", key);
      break;
    case 2:
      sql = g_strdup_printf ("UPDATE note SET title = %s, modified = %s WHERE key = 'k%d'", a, b, key);
      break;
    case 3:
      sql = g_strdup_printf ("UPDATE note SET folder = 'f%d', starred = 1 - starred, ncol = %s WHERE key = 'k%d'",
                             folder, a, key);
      break;
    case 4:
      sql = g_strdup_printf ("UPDATE OR IGNORE note SET key = 'k%d' WHERE key = 'k%d'", other, key);
      break;
    default:
      sql = g_strdup_printf ("UPDATE note SET body = %s, real = %s WHERE key = 'k%d'; "
                             "UPDATE num SET x = %s WHERE id = %d; UPDATE gent SET b = %s WHERE key = %d",
                             a, b, key, c, key % 10, b, key % 4);
      break;
    }
  dimple_connection_exec (connection, sql, &error);
  g_assert_no_error (error);
}

/* -- Proving ------------------------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleQueryPlan *plan;
  GArray          *rowids;         /* of the base table */
  gboolean         joined_changed; /* any row of a table that is joined to it */
} Changes;

static void
note_change (gpointer       user_data,
             sqlite3       *db,
             int            operation,
             const char    *database,
             const char    *table,
             sqlite3_int64  rowid,
             sqlite3_int64  new_rowid)
{
  Changes *changes = user_data;

  for (guint i = 0; i < changes->plan->joined->len; i++)
    if (g_ascii_strcasecmp (table, g_array_index (changes->plan->joined, DimpleJoinedTable, i).table->name) == 0)
      changes->joined_changed = TRUE;
  if (g_ascii_strcasecmp (table, changes->plan->table->name) != 0)
    return;
  g_array_append_val (changes->rowids, rowid);
  g_array_append_val (changes->rowids, new_rowid);
}

static void
bind_all (sqlite3_stmt *statement)
{
  for (int i = 1; i <= sqlite3_bind_parameter_count (statement); i++)
    {
      const char *name = sqlite3_bind_parameter_name (statement, i);

      if (g_strcmp0 (name, ":m") == 0)
        sqlite3_bind_int (statement, i, 4);
      else if (i <= 2 || (name != NULL && *name == ':'))
        sqlite3_bind_text (statement, i, "f1", -1, SQLITE_STATIC);
      else
        sqlite3_bind_int (statement, i, 4);
    }
}

static sqlite3_stmt *
prepare (DimpleConnection *connection,
         const char       *sql)
{
  g_autoptr(GError) error = NULL;
  sqlite3_stmt *statement = dimple_connection_prepare (connection, sql, &error);

  g_assert_no_error (error);
  return statement;
}

static GByteArray *
read_key (DimpleQueryPlan *plan,
          sqlite3_stmt    *statement)
{
  GByteArray *key = g_byte_array_new ();

  for (guint i = 0; i < plan->terms->len; i++)
    {
      DimpleValue value;

      dimple_value_from_column (&value, statement, (int) g_array_index (plan->term_columns, guint, i));
      dimple_sort_key_append (key, &g_array_index (plan->terms, DimpleSortTerm, i), &value);
    }
  return key;
}

static GPtrArray *
read_records (sqlite3_stmt *statement,
              guint         n_columns)
{
  GPtrArray *records = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  while (dimple_statement_step (statement, NULL))
    {
      GByteArray *record = g_byte_array_new ();

      for (guint i = 0; i < n_columns; i++)
        dimple_record_append_column (record, statement, (int) i);
      g_ptr_array_add (records, g_byte_array_free_to_bytes (record));
    }
  return records;
}

static int
compare_records (gconstpointer a,
                 gconstpointer b)
{
  return g_bytes_compare (*(GBytes **) a, *(GBytes **) b);
}

/* The rows kept are in the order of load_sql, and row_sql shows of them what the query itself shows. */
static void
check_result (DimpleConnection  *connection,
              DimpleQueryPlan   *plan,
              DimpleRowSequence *sequence,
              const char        *context)
{
  g_autoptr(DimpleStatement) load = prepare (connection, plan->load_sql);
  g_autoptr(DimpleStatement) query = prepare (connection, plan->sql);
  g_autoptr(DimpleStatement) row = prepare (connection, plan->row_sql);
  guint n_columns = (guint) sqlite3_column_count (query);
  g_autoptr(GPtrArray) expected = NULL, shown = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  guint n = 0;

  bind_all (load);
  bind_all (query);
  bind_all (row);
  for (; dimple_statement_step (load, NULL); n++)
    {
      g_autoptr(GPtrArray) one = NULL;
      gint64 rowid = sqlite3_column_int64 (load, (int) plan->first_hidden);

      if (n >= dimple_row_sequence_get_n_rows (sequence) || dimple_row_sequence_get (sequence, n) != rowid)
        g_error ("%s: %s: row %u is another", context, plan->sql, n);
      sqlite3_bind_int64 (row, sqlite3_bind_parameter_index (row, ":dimple_row"), rowid);
      one = read_records (row, n_columns);
      sqlite3_reset (row);
      g_assert_cmpuint (one->len, ==, 1);
      g_ptr_array_add (shown, g_bytes_ref (one->pdata[0]));
    }
  g_assert_cmpuint (n, ==, dimple_row_sequence_get_n_rows (sequence));

  expected = read_records (query, n_columns);
  g_assert_cmpuint (expected->len, ==, n);
  g_ptr_array_sort (expected, compare_records);
  g_ptr_array_sort (shown, compare_records);
  for (guint i = 0; i < n; i++)
    if (!g_bytes_equal (expected->pdata[i], shown->pdata[i]))
      g_error ("%s: %s: the rows differ", context, plan->sql);
}

static void
test_again (DimpleQueryPlan   *plan,
            sqlite3_stmt      *test,
            DimpleRowSequence *sequence,
            gint64             rowid)
{
  dimple_row_sequence_remove (sequence, rowid, NULL);
  sqlite3_bind_int64 (test, sqlite3_bind_parameter_index (test, ":dimple_row"), rowid);
  if (dimple_statement_step (test, NULL))
    {
      g_autoptr(GByteArray) key = read_key (plan, test);

      g_assert_cmpint (sqlite3_column_int64 (test, (int) plan->first_hidden), ==, rowid);
      dimple_row_sequence_insert (sequence, rowid, key->data, key->len);
      g_assert_false (dimple_statement_step (test, NULL));
    }
  sqlite3_reset (test);
}

/* Any row may hold one of a joined table that changed. */
static void
test_all_again (DimpleConnection  *connection,
                DimpleQueryPlan   *plan,
                sqlite3_stmt      *test,
                DimpleRowSequence *sequence)
{
  g_autofree char *sql = g_strdup_printf ("SELECT rowid FROM %s", plan->table->quoted);
  g_autoptr(DimpleStatement) all = prepare (connection, sql);

  while (dimple_statement_step (all, NULL))
    test_again (plan, test, sequence, sqlite3_column_int64 (all, 0));
}

static void
prove (DimpleConnection *connection,
       DimpleQueryPlan  *plan,
       GRand            *random)
{
  g_autoptr(DimpleRowSequence) sequence = dimple_row_sequence_new ();
  g_autoptr(DimpleStatement) load = prepare (connection, plan->load_sql);
  g_autoptr(DimpleStatement) test = prepare (connection, plan->test_sql);
  g_autoptr(GArray) rowids = g_array_new (FALSE, FALSE, sizeof (gint64));
  Changes changes = { plan, rowids, FALSE };

  bind_all (load);
  bind_all (test);
  while (dimple_statement_step (load, NULL))
    {
      g_autoptr(GByteArray) key = read_key (plan, load);

      if (!dimple_row_sequence_append (sequence, sqlite3_column_int64 (load, (int) plan->first_hidden), key->data,
                                       key->len))
        g_error ("%s: the order of SQLite is not ours", plan->sql);
    }
  sqlite3_reset (load);
  check_result (connection, plan, sequence, "loaded");

  sqlite3_preupdate_hook (dimple_connection_get_handle (connection), note_change, &changes);
  for (int i = 0; i < n_rounds; i++)
    {
      int n = g_rand_int_range (random, 1, 4);

      g_array_set_size (rowids, 0);
      dimple_connection_exec (connection, "BEGIN", NULL);
      while (n-- > 0)
        write_something (connection, random);
      dimple_connection_exec (connection, g_rand_int_range (random, 0, 7) > 0 ? "COMMIT" : "ROLLBACK", NULL);
      for (guint r = 0; r < rowids->len; r++)
        test_again (plan, test, sequence, g_array_index (rowids, gint64, r));
      if (changes.joined_changed)
        test_all_again (connection, plan, test, sequence);
      changes.joined_changed = FALSE;
      check_result (connection, plan, sequence, "written");
    }
  sqlite3_preupdate_hook (dimple_connection_get_handle (connection), NULL, NULL);
}

static DimpleConnection *
open_connection (DimpleSchema **schema)
{
  g_autoptr(GError) error = NULL;
  DimpleConnection *connection = dimple_connection_open ("/test-query-plan",
                                                         DIMPLE_CONNECTION_WRITER | DIMPLE_CONNECTION_IN_MEMORY,
                                                         &error);

  g_assert_no_error (error);
  dimple_connection_exec (connection, schema_sql, &error);
  g_assert_no_error (error);
  *schema = dimple_schema_load (connection, &error);
  g_assert_no_error (error);
  return connection;
}

static void
test_eligible (void)
{
  g_autoptr(DimpleSchema) schema = NULL;
  g_autoptr(DimpleConnection) connection = open_connection (&schema);
  g_autoptr(GRand) random = g_rand_new_with_seed (g_test_rand_int ());
  guint n_kept = 0;

  for (int i = 0; i < 300; i++)
    write_something (connection, random);
  for (guint i = 0; i < G_N_ELEMENTS (queries); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(DimpleQueryPlan) plan = dimple_query_plan_new (connection, schema, queries[i].sql, &error);

      g_assert_no_error (error);
      if (queries[i].eligible == NEVER && plan->reason == NULL)
        g_error ("%s: is taken as eligible", queries[i].sql);
      if (queries[i].eligible == ALWAYS && plan->reason != NULL)
        g_error ("%s: is not taken as eligible: %s", queries[i].sql, plan->reason);
      g_test_message ("%s: %s", queries[i].sql, plan->reason != NULL ? plan->reason : "kept");
      if (plan->reason == NULL)
        {
          n_kept++;
          prove (connection, plan, random);
        }
    }
  g_test_message ("%u of %u queries are kept row by row", n_kept, (guint) G_N_ELEMENTS (queries));
}

/* -- What is read -------------------------------------------------------------------------------------------------- */

static int
compare_texts (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char **) a, *(const char **) b);
}

static void
test_watches (void)
{
  /* The columns of note: key 1, title 2, body 4, folder 8, modified 10, starred 20, ncol 40, real 80 (hexadecimal). */
  static const struct
  {
    const char *sql;
    const char *watches;
  } cases[] = {
    { "SELECT title FROM note", "note:2" },
    { "SELECT count (*) FROM note", "note:0" },
    { "SELECT 1 FROM note", "note:0" },
    { "SELECT rowid FROM note", "note:0" },
    { "SELECT key FROM note WHERE folder = 'x' ORDER BY modified", "note:19" },
    { "SELECT title FROM notev", "note:ff" },
    { "SELECT n.title, f.name FROM note n JOIN folder f ON f.key = n.folder", "folder:3 note:a" },
    { "SELECT key FROM note WHERE folder IN (SELECT key FROM folder)", "folder:1 note:9" },
    { "SELECT key FROM note WHERE EXISTS (SELECT 1 FROM folder)", "folder:0 note:1" },
    { "SELECT key FROM note WHERE folder IN one", "note:9 one:1" },
    { "WITH s AS (SELECT title AS t FROM note) SELECT t FROM s", "note:2" },
    { "SELECT key FROM note UNION SELECT name FROM folder", "folder:2 note:1" },
    { "SELECT * FROM fts WHERE fts MATCH 'a'", "fts:7fffffffffffffff" },
    { "SELECT n.title FROM fts JOIN note n ON n.rowid = fts.rowid WHERE fts MATCH 'a'", "fts:7fffffffffffffff note:2" },
    { "SELECT value FROM json_each ('[1]')", "" },
    { "SELECT name FROM sqlite_schema", "everything" },
    { "SELECT gen FROM gent", "gent:7fffffffffffffff" },
    { "SELECT id FROM num", "num:1" },
    { "SELECT b FROM wr", "wr:2" },
  };
  g_autoptr(DimpleSchema) schema = NULL;
  g_autoptr(DimpleConnection) connection = open_connection (&schema);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(DimpleQueryPlan) plan = dimple_query_plan_new (connection, schema, cases[i].sql, &error);
      g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
      g_autofree char *text = NULL;

      g_assert_no_error (error);
      for (guint w = 0; w < plan->watch.watches->len; w++)
        {
          const DimpleWatch *watch = &g_array_index (plan->watch.watches, DimpleWatch, w);

          g_assert_true ((watch->columns & DIMPLE_COLUMN_BIT (63)) != 0);
          g_ptr_array_add (texts, g_strdup_printf ("%s:%" G_GINT64_MODIFIER "x", watch->table,
                                                   watch->columns & ~DIMPLE_COLUMN_BIT (63)));
        }
      if (plan->watch.everything)
        g_ptr_array_add (texts, g_strdup ("everything"));
      g_ptr_array_sort (texts, compare_texts);
      g_ptr_array_add (texts, NULL);
      text = g_strjoinv (" ", (char **) texts->pdata);
      g_assert_cmpstr (text, ==, cases[i].watches);
    }
}

static void
test_matches (void)
{
  g_autoptr(DimpleSchema) schema = NULL;
  g_autoptr(DimpleConnection) connection = open_connection (&schema);
  g_autoptr(DimpleQueryPlan) titles = dimple_query_plan_new (connection, schema, "SELECT title FROM note", NULL);
  g_autoptr(DimpleQueryPlan) count = dimple_query_plan_new (connection, schema, "SELECT count (*) FROM note", NULL);
  g_autoptr(DimpleChangeSet) changes = dimple_change_set_new (schema, DIMPLE_ORIGIN_LOCAL);
  DimpleTableChanges *table = dimple_change_set_add_table (changes, "note");

  table->columns = 4;
  g_assert_false (dimple_watch_set_matches (&titles->watch, changes, NULL));
  g_assert_false (dimple_watch_set_matches (&count->watch, changes, NULL));
  table->columns = 6;
  g_assert_true (dimple_watch_set_matches (&titles->watch, changes, NULL));
  g_assert_false (dimple_watch_set_matches (&count->watch, changes, NULL));
  table->columns = DIMPLE_ALL_COLUMNS;
  g_assert_true (dimple_watch_set_matches (&titles->watch, changes, NULL));
  g_assert_true (dimple_watch_set_matches (&count->watch, changes, NULL));
}

static void
test_refused (void)
{
  static const char * const cases[] = {
    "DELETE FROM note", "DELETE FROM note RETURNING *", "INSERT INTO one VALUES (1)", "BEGIN",
    "PRAGMA user_version = 1", "EXPLAIN SELECT * FROM note", "SELECT nothing FROM note", "SELECT", "",
    "SELECT key FROM note; SELECT 1", "ATTACH 'x' AS y", "CREATE TABLE x (y)", "VACUUM", "SELECT key FROM note IN",
    "SELECT \"nothing\" FROM note",
  };
  g_autoptr(DimpleSchema) schema = NULL;
  g_autoptr(DimpleConnection) connection = open_connection (&schema);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(DimpleQueryPlan) plan = dimple_query_plan_new (connection, schema, cases[i], &error);

      g_assert_null (plan);
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
    }
}

int
main (int    argc,
      char **argv)
{
  const GOptionEntry entries[] = {
    { "rounds", 0, 0, G_OPTION_ARG_INT, &n_rounds, "How many transactions prove each query", "N" },
    { NULL }
  };
  g_autoptr(GOptionContext) options = g_option_context_new (NULL);

  g_option_context_add_main_entries (options, entries, NULL);
  g_option_context_set_ignore_unknown_options (options, TRUE);
  g_option_context_parse (options, &argc, &argv, NULL);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/query-plan/eligible", test_eligible);
  g_test_add_func ("/query-plan/watches", test_watches);
  g_test_add_func ("/query-plan/matches", test_matches);
  g_test_add_func ("/query-plan/refused", test_refused);
  return g_test_run ();
}
