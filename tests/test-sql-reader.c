/* test-sql-reader.c: tokens and clauses, checked against hand-made answers and against SQLite
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sql-reader-private.h"

#include <sqlite3.h>
#include <string.h>

static void
test_tokens (void)
{
  static const struct
  {
    const char    *sql;
    DimpleSqlKind  kinds[8];
  } cases[] = {
    { "SELECT 'it''s' -- FROM x\n /* a ; b */", { DIMPLE_SQL_WORD, DIMPLE_SQL_STRING } },
    { "x'00' [a b] `c``d` \"e\"", { DIMPLE_SQL_STRING, DIMPLE_SQL_QUOTED, DIMPLE_SQL_QUOTED, DIMPLE_SQL_QUOTED } },
    { "1 1.5 .5 1e10 1.5E-3 0xFf", { DIMPLE_SQL_NUMBER, DIMPLE_SQL_NUMBER, DIMPLE_SQL_NUMBER, DIMPLE_SQL_NUMBER,
                                     DIMPLE_SQL_NUMBER, DIMPLE_SQL_NUMBER } },
    { "? ?12 :name @name $name", { DIMPLE_SQL_PARAMETER, DIMPLE_SQL_PARAMETER, DIMPLE_SQL_PARAMETER,
                                   DIMPLE_SQL_PARAMETER, DIMPLE_SQL_PARAMETER } },
    { "a->>'$.x'", { DIMPLE_SQL_WORD, DIMPLE_SQL_OPERATOR, DIMPLE_SQL_STRING } },
    { "ä$1 || b", { DIMPLE_SQL_WORD, DIMPLE_SQL_OPERATOR, DIMPLE_SQL_WORD } },
    { "t.* ;", { DIMPLE_SQL_WORD, DIMPLE_SQL_OPERATOR, DIMPLE_SQL_OPERATOR } },
    { "", { DIMPLE_SQL_END } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(DimpleSqlReader) reader = dimple_sql_reader_new (cases[i].sql);
      guint n = 0;

      g_assert_nonnull (reader);
      while (n < G_N_ELEMENTS (cases[i].kinds) && cases[i].kinds[n] != DIMPLE_SQL_END)
        {
          g_assert_cmpint (dimple_sql_reader_get_token (reader, n)->kind, ==, cases[i].kinds[n]);
          n++;
        }
      g_assert_cmpuint (dimple_sql_reader_get_n_tokens (reader), ==, n);
      g_assert_cmpint (dimple_sql_reader_get_token (reader, n)->kind, ==, DIMPLE_SQL_END);
    }
}

static void
test_refused (void)
{
  static const char * const cases[] = {
    "SELECT 'open", "SELECT \"open", "SELECT [open", "SELECT `open", "SELECT x'00", "SELECT (1", "SELECT 1)",
    "SELECT 1; SELECT 2", "SELECT 1a", "SELECT #x", "SELECT $a::b", "SELECT $a(b)", "SELECT :", "SELECT !x",
    "SELECT \\", "SELECT {x}", "SELECT 0x", "SELECT 1e",
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(DimpleSqlReader) reader = dimple_sql_reader_new (cases[i]);

      g_assert_null (reader);
    }
}

static void
test_names (void)
{
  g_autoptr(DimpleSqlReader) reader = dimple_sql_reader_new ("plain \"a\"\"b\" [c]] `d``e` \"\"");
  static const char * const names[] = { "plain", "a\"b", "c" };

  /* A bracket cannot be escaped. */
  g_assert_null (reader);
  reader = dimple_sql_reader_new ("plain \"a\"\"b\" [c] `d``e` \"\"");
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *name = dimple_sql_reader_dup_name (reader, i);

      g_assert_cmpstr (name, ==, names[i]);
    }
}

static char *
describe (const char *sql)
{
  g_autoptr(DimpleSqlReader) reader = dimple_sql_reader_new (sql);
  g_autoptr(GString) text = g_string_new (NULL);
  DimpleSqlSelect select;

  if (reader == NULL || !dimple_sql_reader_find_clauses (reader, &select))
    return g_strdup ("none");

  const struct { const char *name; DimpleSqlSpan span; } spans[] = {
    { "S", select.select_list }, { "F", select.from }, { "W", select.where }, { "G", select.group_by },
    { "H", select.having }, { "N", select.window }, { "O", select.order_by }, { "L", select.limit },
  };

  if (select.has_with)
    g_string_append (text, "with;");
  if (select.is_compound)
    g_string_append (text, "compound;");
  if (select.is_distinct)
    g_string_append (text, "distinct;");
  for (guint i = 0; i < G_N_ELEMENTS (spans); i++)
    if (spans[i].span.end > spans[i].span.first)
      {
        g_autoptr(GArray) parts = dimple_sql_reader_split (reader, spans[i].span);

        g_string_append_printf (text, "%s", spans[i].name);
        for (guint p = 0; p < parts->len; p++)
          {
            g_autofree char *part = dimple_sql_reader_dup_span (reader, g_array_index (parts, DimpleSqlSpan, p));

            g_string_append_printf (text, "<%s>", part);
          }
      }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
test_clauses (void)
{
  static const char * const cases[][2] = {
    { "SELECT * FROM note", "S<*>F<note>" },
    { "select a, b AS c from note as n where x = 1 order by a desc, f(b, c);",
      "S<a><b AS c>F<note as n>W<x = 1>O<a desc><f(b, c)>" },
    { "SELECT DISTINCT a FROM t GROUP BY a, b HAVING count (*) > 1 LIMIT 5 OFFSET 2",
      "distinct;S<a>F<t>G<a><b>H<count (*) > 1>L<5 OFFSET 2>" },
    { "SELECT ALL a FROM t LIMIT 1, 2", "S<a>F<t>L<1><2>" },
    { "SELECT 'FROM x', \"WHERE\", [ORDER BY] FROM t -- WHERE\n", "S<'FROM x'><\"WHERE\"><[ORDER BY]>F<t>" },
    { "SELECT (SELECT a FROM u WHERE b) FROM t WHERE c IN (SELECT d FROM v ORDER BY 1 LIMIT 1)",
      "S<(SELECT a FROM u WHERE b)>F<t>W<c IN (SELECT d FROM v ORDER BY 1 LIMIT 1)>" },
    { "SELECT a IS DISTINCT FROM b, a IS NOT DISTINCT FROM c FROM t WHERE a IS DISTINCT FROM b",
      "S<a IS DISTINCT FROM b><a IS NOT DISTINCT FROM c>F<t>W<a IS DISTINCT FROM b>" },
    { "SELECT sum (a) OVER w, window FROM t WINDOW w AS (PARTITION BY b), v AS (w) ORDER BY 1",
      "S<sum (a) OVER w><window>F<t>N<w AS (PARTITION BY b)><v AS (w)>O<1>" },
    { "WITH s (a) AS (SELECT 1 FROM x), r AS (SELECT 2) SELECT a FROM s, r ORDER BY a",
      "with;S<a>F<s><r>O<a>" },
    { "WITH RECURSIVE c (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c) SELECT n FROM c LIMIT 3",
      "with;S<n>F<c>L<3>" },
    { "SELECT a FROM t WHERE b UNION ALL SELECT c FROM u GROUP BY d ORDER BY 1 LIMIT 2",
      "compound;S<a>O<1>L<2>" },
    { "SELECT 1 EXCEPT SELECT 2 INTERSECT VALUES (3)", "compound;S<1>" },
    { "SELECT 1", "S<1>" },
    { "\xef\xbb\xbfSELECT a \xef\xbb\xbf" "FROM t", "S<a>F<t>" },
    { "SELECT a FROM t JOIN u ON t.a = u.b LEFT JOIN v USING (c) WHERE d",
      "S<a>F<t JOIN u ON t.a = u.b LEFT JOIN v USING (c)>W<d>" },
    { "SELECT", "none" },
    { "SELECT FROM t", "none" },
    { "INSERT INTO t SELECT 1", "none" },
    { "WITH x AS (SELECT 1) INSERT OR IGNORE INTO t SELECT a FROM x RETURNING b", "none" },
    { "WITH x AS (SELECT 1) REPLACE INTO t SELECT a FROM x", "none" },
    { "EXPLAIN SELECT 1", "none" },
    { "SELECT a FROM t ORDER a", "none" },
    { "SELECT a FROM t WHERE b FROM u", "none" },
    { "VALUES (1)", "none" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = describe (cases[i][0]);

      g_assert_cmpstr (text, ==, cases[i][1]);
    }
}

static void
test_parameters (void)
{
  static const char * const cases[][2] = {
    { "SELECT ? , '?' FROM t WHERE a = ? -- ?\n ORDER BY ?", "SELECT ?1 , '?' FROM t WHERE a = ?2 -- ?\n ORDER BY ?3" },
    { "SELECT ?2, ?1", "SELECT ?2, ?1" },
    { "SELECT :a, :b", "SELECT :a, :b" },
    { "SELECT ?, :a", NULL },
    { "SELECT ?, ?3", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(DimpleSqlReader) reader = dimple_sql_reader_new (cases[i][0]);
      g_autofree char *sql = dimple_sql_reader_number_parameters (reader);

      g_assert_cmpstr (sql, ==, cases[i][1]);
    }
}

static void
test_casts (void)
{
  static const struct
  {
    const char *sql;
    guint       column;
    const char *type;
  } cases[] = {
    { "SELECT CAST (a AS TEXT) FROM t", 0, "TEXT" },
    { "SELECT a, CAST (count (*) AS VARCHAR (20)) AS n FROM t", 1, "VARCHAR (20)" },
    { "SELECT a, cast(CAST (b AS REAL) as big int) n FROM t", 1, "big int" },
    { "WITH x AS (SELECT 1) SELECT CAST (1 AS INTEGER) \"n\" FROM x", 0, "INTEGER" },
    { "SELECT CAST (a AS TEXT) UNION SELECT CAST (b AS INTEGER)", 0, "TEXT" },
    { "SELECT DISTINCT CAST (a AS BLOB) FROM t", 0, "BLOB" },
    { "SELECT CAST (a AS TEXT) || 'x' FROM t", 0, NULL },
    { "SELECT CAST (a AS TEXT) ISNULL FROM t", 0, NULL },
    { "SELECT CAST (a AS TEXT) IS NULL FROM t", 0, NULL },
    { "SELECT CAST (a AS TEXT) = CAST (b AS TEXT) FROM t", 0, NULL },
    { "SELECT *, CAST (a AS TEXT) FROM t", 1, NULL },
    { "SELECT t.*, CAST (a AS TEXT) FROM t", 1, NULL },
    { "SELECT a * 2, CAST (a AS TEXT) FROM t", 1, "TEXT" },
    { "SELECT a, CAST (a AS TEXT) FROM t", 0, NULL },
    { "SELECT a FROM t", 1, NULL },
    { "VALUES (CAST (1 AS TEXT))", 0, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(DimpleSqlReader) reader = dimple_sql_reader_new (cases[i].sql);
      g_autofree char *type = dimple_sql_reader_dup_cast_type (reader, cases[i].column);

      g_assert_cmpstr (type, ==, cases[i].type);
    }
}

/* Random statements made of every kind of token: what SQLite accepts, the reader must tokenize to the same
 * statement. */
static void
test_against_sqlite (void)
{
  static const char * const pieces[] = {
    "SELECT", " ", " ", " ", " ", "a", "1", "'x'", "\"a\"", "[a]", ",", "+", "(", ")", "-- c\n", "/* c */", "?", ":p",
    "FROM t", "WHERE", "ORDER BY", "LIMIT", "x'00'", "||", "->", ".5", "*", ";", "0x1F", "AS b", "NOT", "IS", "~", "<>",
  };
  g_autoptr(GRand) random = g_rand_new_with_seed (7);
  sqlite3 *db = NULL;
  guint n_accepted = 0;

  g_assert_cmpint (sqlite3_open (":memory:", &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "CREATE TABLE t (a, b)", NULL, NULL, NULL), ==, SQLITE_OK);
  for (guint i = 0; i < 60000; i++)
    {
      g_autoptr(GString) sql = g_string_new ("SELECT ");
      g_autoptr(DimpleSqlReader) reader = NULL;
      sqlite3_stmt *statement = NULL;
      const char *tail = NULL;
      int n = g_rand_int_range (random, 1, 9);

      while (n-- > 0)
        g_string_append (sql, pieces[g_rand_int_range (random, 0, G_N_ELEMENTS (pieces))]);
      if (sqlite3_prepare_v2 (db, sql->str, -1, &statement, &tail) == SQLITE_OK && statement != NULL && *tail == '\0')
        {
          reader = dimple_sql_reader_new (sql->str);
          if (reader != NULL)
            {
              g_autoptr(GString) again = g_string_new (NULL);
              sqlite3_stmt *second = NULL;

              n_accepted++;
              for (guint t = 0; t < dimple_sql_reader_get_n_tokens (reader); t++)
                {
                  const DimpleSqlToken *token = dimple_sql_reader_get_token (reader, t);

                  g_string_append_len (again, token->text, token->length);
                  g_string_append_c (again, '\n');
                }
              if (sqlite3_prepare_v2 (db, again->str, -1, &second, NULL) != SQLITE_OK)
                g_error ("%s was read as %s: %s", sql->str, again->str, sqlite3_errmsg (db));
              g_assert_cmpint (sqlite3_column_count (second), ==, sqlite3_column_count (statement));
              g_assert_cmpint (sqlite3_bind_parameter_count (second), ==, sqlite3_bind_parameter_count (statement));
              sqlite3_finalize (second);
            }
          /* SQLite forgives a number that runs into a name, and has a parameter of Tcl's. */
          else if (strchr (sql->str, ';') == NULL && !g_regex_match_simple ("[0-9][A-Za-z_.]|:p[(]", sql->str, 0, 0))
            g_error ("SQLite takes this, the reader does not: %s", sql->str);
        }
      sqlite3_finalize (statement);
    }
  g_assert_cmpuint (n_accepted, >, 1000);
  sqlite3_close (db);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/sql-reader/tokens", test_tokens);
  g_test_add_func ("/sql-reader/refused", test_refused);
  g_test_add_func ("/sql-reader/names", test_names);
  g_test_add_func ("/sql-reader/clauses", test_clauses);
  g_test_add_func ("/sql-reader/parameters", test_parameters);
  g_test_add_func ("/sql-reader/casts", test_casts);
  g_test_add_func ("/sql-reader/against-sqlite", test_against_sqlite);
  return g_test_run ();
}
