/* fuzz-sql-reader.c: the reader of SQL, against SQLite
 *
 * Of a statement that SQLite accepts, three others must compile to the same program, unless the reader refuses it: its
 * tokens with one space between them, its clauses put together again, and the statement with its parameters numbered.
 * And a SELECT has as many columns as the reader finds in its list, and one more with one put at the list's end.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "fuzz.h"

#include <string.h>

#include <sqlite3.h>

#include "dimple-sql-reader-private.h"

static const char schema[] =
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body TEXT, starred INT, parent TEXT);"
  "CREATE TABLE tag (note TEXT, label TEXT, PRIMARY KEY (note, label)) WITHOUT ROWID;"
  "CREATE VIEW starred AS SELECT key, title FROM note WHERE starred;";

static int
authorize (gpointer    user_data,
           int         action,
           const char *a,
           const char *b,
           const char *c,
           const char *d)
{
  switch (action)
    {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
      return SQLITE_OK;

    default:
      /* Some pragmas do their work while they are prepared */
      return SQLITE_DENY;
    }
}

static sqlite3 *
get_database (void)
{
  static sqlite3 *database = NULL;

  if (database == NULL)
    {
      g_assert_cmpint (sqlite3_open (":memory:", &database), ==, SQLITE_OK);
      g_assert_cmpint (sqlite3_exec (database, schema, NULL, NULL, NULL), ==, SQLITE_OK);
      sqlite3_set_authorizer (database, authorize, NULL);
    }
  return database;
}

static sqlite3_stmt *
compile (const char *sql)
{
  sqlite3_stmt *statement = NULL;

  sqlite3_prepare_v2 (get_database (), sql, -1, &statement, NULL);
  return statement;
}

/* (nullable): what SQLite makes of it */
static char *
dup_program (const char *sql)
{
  g_autofree char *explain = g_strconcat ("EXPLAIN ", sql, NULL);
  sqlite3_stmt *statement = compile (explain);
  GString *program;

  if (statement == NULL)
    return NULL;

  program = g_string_new (NULL);
  while (sqlite3_step (statement) == SQLITE_ROW)
    {
      gboolean is_variable = g_str_equal (sqlite3_column_text (statement, 1), "Variable");

      /* opcode, p1 to p4; p4 of a parameter is but its name */
      for (int column = 1; column < (is_variable ? 5 : 6); column++)
        {
          const char *text = (const char *) sqlite3_column_text (statement, column);

          g_string_append_printf (program, "%s ", text != NULL ? text : "");
        }
      g_string_append_c (program, '\n');
    }
  sqlite3_finalize (statement);
  return g_string_free (program, FALSE);
}

static void
check_program (const char *sql,
               const char *expected)
{
  g_autofree char *program = dup_program (sql);

  g_assert_cmpstr (program, ==, expected);
}

/* (nullable): NULL where names are quoted, for they may name a column of a subquery by its text, spaces included */
static char *
respace (DimpleSqlReader *reader)
{
  g_autoptr (GString) sql = g_string_new (NULL);

  for (guint i = 0; i < dimple_sql_reader_get_n_tokens (reader); i++)
    {
      const DimpleSqlToken *token = dimple_sql_reader_get_token (reader, i);

      if (token->kind == DIMPLE_SQL_QUOTED)
        return NULL;
      g_string_append_len (sql, token->text, token->length);
      g_string_append_c (sql, ' ');
    }
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

static void
append_clause (GString         *sql,
               DimpleSqlReader *reader,
               const char      *keyword,
               DimpleSqlSpan    span,
               const char      *more)
{
  g_autofree char *text = dimple_sql_reader_dup_span (reader, span);

  if (*text != '\0')
    g_string_append_printf (sql, "%s %s%s ", keyword, text, more);
}

/* With one more column, and one more condition, if `is_longer` */
static char *
join_clauses (DimpleSqlReader       *reader,
              const DimpleSqlSelect *select,
              gboolean               is_longer)
{
  GString *sql = g_string_new (NULL);

  append_clause (sql, reader, select->is_distinct ? "SELECT DISTINCT" : "SELECT", select->select_list,
                 is_longer ? ", 1" : "");
  append_clause (sql, reader, "FROM", select->from, "");
  append_clause (sql, reader, is_longer ? "WHERE (" : "WHERE", select->where, is_longer ? ") AND 1" : "");
  append_clause (sql, reader, "GROUP BY", select->group_by, "");
  append_clause (sql, reader, "HAVING", select->having, "");
  append_clause (sql, reader, "WINDOW", select->window, "");
  append_clause (sql, reader, "ORDER BY", select->order_by, "");
  append_clause (sql, reader, "LIMIT", select->limit, "");
  return g_string_free (sql, FALSE);
}

static void
check_n_columns (const char *sql,
                 int         expected)
{
  sqlite3_stmt *statement = compile (sql);

  g_assert_cmpint (sqlite3_column_count (statement), ==, expected);
  sqlite3_finalize (statement);
}

static gboolean
has_star (DimpleSqlReader *reader,
          GArray          *items)
{
  for (guint i = 0; i < items->len; i++)
    if (dimple_sql_reader_is_operator (reader, g_array_index (items, DimpleSqlSpan, i).end - 1, "*"))
      return TRUE;
  return FALSE;
}

static void
check_select (DimpleSqlReader *reader,
              int              n_columns,
              const char      *program)
{
  DimpleSqlSelect select;
  g_autoptr (GArray) items = NULL;
  g_autofree char *joined = NULL;
  g_autofree char *longer = NULL;

  if (!dimple_sql_reader_find_clauses (reader, &select))
    return;

  items = dimple_sql_reader_split (reader, select.select_list);
  if (!has_star (reader, items))
    g_assert_cmpint (items->len, ==, n_columns);
  if (!select.has_with && !select.is_compound)
    {
      joined = join_clauses (reader, &select, FALSE);
      check_program (joined, program);
      longer = join_clauses (reader, &select, TRUE);
      check_n_columns (longer, n_columns + 1);
    }
}

/* Every part of the reader, whatever SQLite makes of the statement */
static void
read_all (DimpleSqlReader *reader)
{
  g_autofree char *numbered = dimple_sql_reader_number_parameters (reader);
  DimpleSqlSelect select;

  for (guint i = 0; i <= dimple_sql_reader_get_n_tokens (reader); i++)
    {
      g_autofree char *name = dimple_sql_reader_dup_name (reader, i);
      g_autofree char *type = dimple_sql_reader_dup_cast_type (reader, i);

      g_assert_cmpuint (strlen (name), <=, dimple_sql_reader_get_token (reader, i)->length);
    }
  dimple_sql_reader_find_clauses (reader, &select);
}

static void
compare_with_sqlite (DimpleSqlReader *reader,
                     const char      *sql)
{
  sqlite3_stmt *statement = compile (sql);
  g_autofree char *program = statement != NULL ? dup_program (sql) : NULL;
  g_autofree char *numbered = dimple_sql_reader_number_parameters (reader);
  g_autofree char *respaced = respace (reader);

  /* NULL: an EXPLAIN cannot be explained */
  if (program != NULL)
    {
      check_select (reader, sqlite3_column_count (statement), program);
      if (numbered != NULL)
        check_program (numbered, program);
      if (respaced != NULL)
        check_program (respaced, program);
    }
  sqlite3_finalize (statement);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  g_autofree char *sql = g_strndup ((const char *) data, size);
  g_autoptr (DimpleSqlReader) reader = dimple_sql_reader_new (sql);

  if (reader != NULL)
    {
      read_all (reader);
      compare_with_sqlite (reader, sql);
    }
  return 0;
}
