/* test-functions.c: the SQL functions and the collation that Dimple adds
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <locale.h>
#include <string.h>

#include "dimple-connection-private.h"
#include "dimple-functions-private.h"
#include "dimple-uuid-private.h"

static DimpleConnection *
open_memory (void)
{
  g_autoptr(GError) error = NULL;
  DimpleConnection *connection = dimple_connection_open ("/test-functions",
                                                         DIMPLE_CONNECTION_WRITER | DIMPLE_CONNECTION_IN_MEMORY,
                                                         &error);

  g_assert_no_error (error);
  return connection;
}

static void
run (DimpleConnection *connection,
     const char       *sql)
{
  g_autoptr(GError) error = NULL;

  dimple_connection_exec (connection, sql, &error);
  g_assert_no_error (error);
}

/* The first column of all rows, divided by bars; NULL reads "NULL". */
static char *
ask (DimpleConnection *connection,
     const char       *sql,
     const char       *parameter)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (connection, sql, &error);
  g_autoptr(GString) answer = g_string_new (NULL);

  g_assert_no_error (error);
  if (parameter != NULL)
    sqlite3_bind_text (statement, 1, parameter, -1, SQLITE_TRANSIENT);
  while (dimple_statement_step (statement, &error))
    {
      const char *text = (const char *) sqlite3_column_text (statement, 0);

      g_string_append_printf (answer, "%s%s", answer->len > 0 ? "|" : "", text != NULL ? text : "NULL");
    }
  g_assert_no_error (error);
  return g_string_free (g_steal_pointer (&answer), FALSE);
}

static void
assert_answer (DimpleConnection *connection,
               const char       *sql,
               const char       *parameter,
               const char       *expected)
{
  g_autofree char *answer = ask (connection, sql, parameter);

  g_assert_cmpstr (answer, ==, expected);
}

static void
test_uuid7 (void)
{
  g_autoptr(DimpleConnection) connection = open_memory ();
  g_autofree char *first = ask (connection, "SELECT uuid7 ()", NULL);
  g_autofree char *second = ask (connection, "SELECT uuid7 ()", NULL);

  g_assert_true (dimple_uuid7_parse (first, NULL, NULL));
  g_assert_cmpstr (first, <, second);
  /* Asked anew for each row */
  assert_answer (connection, "WITH t (n) AS (VALUES (1), (2), (3)) SELECT count(DISTINCT id) "
                             "FROM (SELECT uuid7 () AS id FROM t)",
                 NULL, "3");
}

/* Where a schema may use the functions, though it is not trusted. */
static void
test_in_schema (void)
{
  g_autoptr(DimpleConnection) connection = open_memory ();

  run (connection,
       "CREATE TABLE note (key TEXT PRIMARY KEY DEFAULT (uuid7 ()), title TEXT, made AS (uuid7_time (key)),"
       "  CHECK (uuid7_time (key) IS NOT NULL));"
       "CREATE INDEX by_title ON note (casefold (title));"
       "CREATE TABLE seen (key TEXT PRIMARY KEY, title TEXT);"
       "CREATE TRIGGER note_seen AFTER INSERT ON note BEGIN"
       "  INSERT INTO seen VALUES (uuid7 (), casefold (new.title)); END;"
       "CREATE VIEW folded AS SELECT casefold (title) AS title FROM note;"
       "INSERT INTO note (title) VALUES ('GRÜẞE'), ('Noch eine')");
  assert_answer (connection, "SELECT count(DISTINCT key) FROM note WHERE made LIKE '20__-%'", NULL, "2");
  assert_answer (connection, "SELECT title FROM seen ORDER BY key", NULL, "grüsse|noch eine");
  assert_answer (connection, "SELECT title FROM folded ORDER BY title", NULL, "grüsse|noch eine");
}

static void
test_uuid7_time (void)
{
  static const char * const others[] = {
    "", "x", "017f22e2-79b0-4cc3-98c4-dc0c0c07398f", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
    "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f "
  };
  g_autoptr(DimpleConnection) connection = open_memory ();

  /* The example of RFC 9562, A.6 */
  assert_answer (connection, "SELECT uuid7_time (?)", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
                 "2022-02-22T19:22:22.000Z");
  assert_answer (connection, "SELECT uuid7_time (?)", "017f22e2-79b7-7cc3-98c4-dc0c0c07398f",
                 "2022-02-22T19:22:22.007Z");
  /* After the year 9999 */
  assert_answer (connection, "SELECT uuid7_time (?)", "ffffffff-ffff-7fff-bfff-ffffffffffff", "NULL");
  assert_answer (connection, "SELECT abs (julianday (uuid7_time (uuid7 ())) - julianday ('now')) < 1", NULL, "1");
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    assert_answer (connection, "SELECT uuid7_time (?)", others[i], "NULL");
  assert_answer (connection, "SELECT uuid7_time (NULL)", NULL, "NULL");
  assert_answer (connection, "SELECT uuid7_time (12)", NULL, "NULL");
  assert_answer (connection, "SELECT uuid7_time (uuid7 () || char (0) || 'x')", NULL, "NULL");
}

static void
test_casefold (void)
{
  g_autoptr(DimpleConnection) connection = open_memory ();

  assert_answer (connection, "SELECT casefold (?)", "Straße ΣΊΣΥΦΟΣ", "strasse σίσυφοσ");
  assert_answer (connection, "SELECT casefold ('')", NULL, "");
  assert_answer (connection, "SELECT casefold (NULL)", NULL, "NULL");
  assert_answer (connection, "SELECT casefold (12)", NULL, "12");
  /* What is no UTF-8 comes back as it is. */
  assert_answer (connection, "SELECT hex (casefold (CAST (x'41ff42' AS TEXT)))", NULL, "41FF42");
}

static void
test_fts_query_text (void)
{
  static const struct { const char *typed, *query; } cases[] = {
    { "foo", "\"foo\" *" },
    { "foo bar", "\"foo\" \"bar\" *" },
    { "  foo\tbar\n", "\"foo\" \"bar\" *" },
    { "foo\"bar\"", "\"foo\"\"bar\"\"\" *" },
    { "\"", "\"\"\"\" *" },
    { "NEAR(a b) AND x:y* ^z", "\"NEAR(a\" \"b)\" \"AND\" \"x:y*\" \"^z\" *" },
    { "", "\"\"" },
    { " \u00a0\u3000 ", "\"\"" },
    { "Grüße\u00a0日本", "\"Grüße\" \"日本\" *" },
  };
  g_autoptr(DimpleConnection) connection = open_memory ();

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_answer (connection, "SELECT fts_query (?)", cases[i].typed, cases[i].query);
  assert_answer (connection, "SELECT fts_query (NULL)", NULL, "\"\"");
  assert_answer (connection, "SELECT fts_query (42)", NULL, "\"42\" *");
}

static void
test_fts_query_match (void)
{
  static const struct { const char *typed, *found; } cases[] = {
    { "hel", "1" },
    { "world hel", "1" },
    { "hel world", "" },              /* only the last is a beginning */
    { "well-known", "2" },
    { "known-well", "" },
    { "foo\" OR a:hello", "" },
    { "NOT", "3" },
    { "hello !", "1" },
    { "! hel", "1" },
    { "!", "" }, { "\"", "" }, { "* ^ -", "" }, { "", "" }, { " ", "" },
    { "(", "" }, { "a:", "3" }, { "a: hello", "" }, { "'", "" }, { "\\", "" }, { "hello\"", "1" },
  };
  g_autoptr(DimpleConnection) connection = open_memory ();
  g_autoptr(GString) long_text = g_string_new (NULL);

  run (connection,
       "CREATE VIRTUAL TABLE search USING fts5 (a, b);"
       "INSERT INTO search VALUES ('hello world', ''), ('the well known place', 'x'), ('not a hit', 'y')");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_answer (connection, "SELECT rowid FROM search WHERE search MATCH fts_query (?) ORDER BY rowid",
                   cases[i].typed, cases[i].found);
  assert_answer (connection, "SELECT count(*) FROM search WHERE search MATCH fts_query (NULL)", NULL, "0");
  assert_answer (connection, "SELECT count(*) FROM search WHERE search MATCH fts_query (CAST (x'ff22ff' AS TEXT))",
                 NULL, "0");
  assert_answer (connection, "SELECT count(*) FROM search WHERE search MATCH fts_query (char (0, 34))", NULL, "0");

  for (guint i = 0; i < 2000; i++)
    g_string_append (long_text, "hello world ");
  assert_answer (connection, "SELECT rowid FROM search WHERE search MATCH fts_query (?)", long_text->str, "1");
}

/* Whatever is typed is a valid query. */
static void
test_fts_query_random (void)
{
  static const char * const pieces[] = {
    "\"", "'", "*", "^", ":", "(", ")", "{", "}", "+", "-", ",", ";", " ", "AND", "OR", "NOT", "NEAR", "a", "ß", "日",
    "\\", "%", "/*", "--", "[", "]", "`", "\xff", "\xc3", "\u0301", "1", "\n"
  };
  g_autoptr(DimpleConnection) connection = open_memory ();

  run (connection, "CREATE VIRTUAL TABLE search USING fts5 (a, b); INSERT INTO search VALUES ('hello world', '')");
  for (guint i = 0; i < 5000; i++)
    {
      g_autoptr(GString) typed = g_string_new (NULL);
      g_autofree char *answer = NULL;

      for (guint n = (guint) g_test_rand_int_range (0, 12); n > 0; n--)
        g_string_append (typed, pieces[g_test_rand_int_range (0, G_N_ELEMENTS (pieces))]);
      answer = ask (connection, "SELECT count(*) FROM search WHERE search MATCH fts_query (?)", typed->str);
    }
}

static void
test_locale_order (void)
{
  g_autoptr(DimpleConnection) connection = open_memory ();
  g_autofree char *expected = NULL;
  const char *words[] = { "Zebra", "apfel", "Äpfel", "zebra", "Apfel", "öl", "Oel", "", "10", "9", NULL };
  g_autoptr(GPtrArray) sorted = g_ptr_array_new ();

  run (connection, "CREATE TABLE word (key TEXT PRIMARY KEY)");
  for (guint i = 0; words[i] != NULL; i++)
    {
      g_autofree char *answer = ask (connection, "INSERT INTO word VALUES (?)", words[i]);

      g_ptr_array_add (sorted, (gpointer) words[i]);
    }
  /* The keys of these words differ, so their order is the whole truth. */
  for (guint i = 0; i < sorted->len; i++)
    for (guint j = i + 1; j < sorted->len; j++)
      {
        g_autofree char *a = g_utf8_collate_key (g_ptr_array_index (sorted, i), -1);
        g_autofree char *b = g_utf8_collate_key (g_ptr_array_index (sorted, j), -1);

        if (strcmp (a, b) > 0)
          {
            gpointer swapped = sorted->pdata[i];

            sorted->pdata[i] = sorted->pdata[j];
            sorted->pdata[j] = swapped;
          }
      }
  g_ptr_array_add (sorted, NULL);
  expected = g_strjoinv (",", (char **) sorted->pdata);
  assert_answer (connection, "SELECT group_concat (key) FROM (SELECT key FROM word ORDER BY key COLLATE LOCALE)", NULL,
                 expected);
  assert_answer (connection, "SELECT count(*) FROM word WHERE key = 'ÄPFEL' COLLATE LOCALE", NULL, "0");
  assert_answer (connection, "SELECT count(*) FROM word WHERE key = 'Äpfel' COLLATE LOCALE", NULL, "1");
}

/* A total order on any bytes, long texts and more texts than the cache has places. */
static void
test_locale_many (void)
{
  g_autoptr(DimpleConnection) connection = open_memory ();

  run (connection,
       "CREATE TABLE word (id INTEGER PRIMARY KEY, w TEXT);"
       "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)"
       "  INSERT INTO word (w) SELECT hex (i * 7919 % 30011) FROM n;"
       "INSERT INTO word (w) VALUES (CAST (x'ff' AS TEXT)), (CAST (x'feff' AS TEXT)), ('a' || char (0) || 'b'),"
       "  ('a' || char (0) || 'a'), ('e' || char (769)), (char (233)), (CAST (zeroblob (3000) AS TEXT)),"
       "  (replace (hex (zeroblob (2000)), '0', 'x')), (replace (hex (zeroblob (2000)), '0', 'x') || 'y')");
  assert_answer (connection,
                 "SELECT count(*) FROM (SELECT w, lag (w) OVER (ORDER BY w COLLATE LOCALE) AS before FROM word)"
                 "  WHERE before >= w COLLATE LOCALE", NULL, "0");
  assert_answer (connection, "SELECT count(DISTINCT w COLLATE LOCALE) FROM word", NULL, "30009");
}

int
main (int    argc,
      char **argv)
{
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/functions/uuid7", test_uuid7);
  g_test_add_func ("/functions/in-schema", test_in_schema);
  g_test_add_func ("/functions/uuid7-time", test_uuid7_time);
  g_test_add_func ("/functions/casefold", test_casefold);
  g_test_add_func ("/functions/fts-query/text", test_fts_query_text);
  g_test_add_func ("/functions/fts-query/match", test_fts_query_match);
  g_test_add_func ("/functions/fts-query/random", test_fts_query_random);
  g_test_add_func ("/functions/locale/order", test_locale_order);
  g_test_add_func ("/functions/locale/many", test_locale_many);
  return g_test_run ();
}
