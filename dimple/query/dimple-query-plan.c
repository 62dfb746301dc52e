/* dimple-query-plan.c: what a query reads, and whether its result can be kept row by row
 *
 * The reader finds the parts of the statement, and refuses whatever is not SELECT … FROM one table [WHERE] [ORDER BY]
 * [LIMIT].  Of
 * these parts three statements are made, with the rowid and the sort values as hidden columns.  Then SQLite is asked
 * whether they mean what we think: the authorizer which tables and functions they use, EXPLAIN whether the bytecode looks
 * at anything but this one table, and a sorter's KeyInfo how ORDER BY compares.  Any doubt, and the query is run again on
 * each change instead; that is slower and never wrong.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-query-plan-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-sql-reader-private.h"

#define MAX_TERMS 32

/* While it is being decided. */
typedef struct
{
  DimpleConnection *connection;
  DimpleQueryPlan  *plan;
  DimpleSqlReader  *reader;        /* of the SQL with numbered parameters */
  DimpleSqlSelect   select;
  sqlite3_stmt     *statement;     /* the query itself */
  char             *alias;         /* what the table is called in the query, quoted */
  char             *rowid;         /* alias.rowid */
  guint             from_end;      /* after the table and its alias, before INDEXED BY */
  GPtrArray        *expressions;   /* of char: of each term; NULL: a column of the select list, by … */
  GArray           *ordinals;      /* of int: … this, else -1 */
  gboolean          keep_list;     /* the hidden columns come after those of the select list */
} Planner;

static void
planner_clear (Planner *self)
{
  g_clear_pointer (&self->reader, dimple_sql_reader_free);
  g_clear_pointer (&self->statement, sqlite3_finalize);
  g_clear_pointer (&self->alias, g_free);
  g_clear_pointer (&self->rowid, g_free);
  g_clear_pointer (&self->expressions, g_ptr_array_unref);
  g_clear_pointer (&self->ordinals, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Planner, planner_clear)

static gboolean G_GNUC_PRINTF (2, 3)
refuse (Planner    *self,
        const char *format,
        ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_free (self->plan->reason);
  self->plan->reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  return FALSE;
}

/* -- The statement's parts ------------------------------------------------------------------------------------------ */

static gboolean
check_clauses (Planner *self)
{
  const struct { DimpleSqlSpan span; const char *name; } refused[] = {
    { self->select.group_by, "GROUP BY" },
    { self->select.having, "HAVING" },
    { self->select.window, "WINDOW" },
  };

  if (self->select.has_with)
    return refuse (self, "it has a WITH");
  if (self->select.is_compound)
    return refuse (self, "it has a UNION, INTERSECT or EXCEPT");
  if (self->select.is_distinct)
    return refuse (self, "it has a DISTINCT");
  if (self->select.from.first == self->select.from.end)
    return refuse (self, "it reads no table");
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    if (refused[i].span.first < refused[i].span.end)
      return refuse (self, "it has a %s", refused[i].name);
  return TRUE;
}

/* Subqueries and window functions, at any depth. */
static gboolean
check_words (Planner *self)
{
  static const char * const words[] = { "SELECT", "VALUES", "OVER", "FILTER", "RETURNING" };

  for (guint i = self->select.select_list.first; i < dimple_sql_reader_get_n_tokens (self->reader); i++)
    for (guint w = 0; w < G_N_ELEMENTS (words); w++)
      if (dimple_sql_reader_is_word (self->reader, i, words[w]))
        return refuse (self, "it has a subquery or window function (%s)", words[w]);
  return TRUE;
}

static gboolean
read_clauses (Planner *self)
{
  g_autoptr(DimpleSqlReader) reader = dimple_sql_reader_new (self->plan->sql);
  g_autofree char *sql = NULL;

  if (reader == NULL)
    return refuse (self, "its SQL is not fully understood");
  sql = dimple_sql_reader_number_parameters (reader);
  if (sql == NULL)
    return refuse (self, "it mixes ? with other parameters");
  self->reader = dimple_sql_reader_new (sql);
  if (self->reader == NULL || !dimple_sql_reader_find_clauses (self->reader, &self->select))
    return refuse (self, "its clauses are not fully understood");
  return check_clauses (self) && check_words (self);
}

/* LIMIT limit [OFFSET offset], or LIMIT offset, limit */
static void
read_limit (Planner *self)
{
  DimpleSqlSpan span = self->select.limit, parts[2] = { span, { span.end, span.end } };
  g_autoptr(GArray) split = dimple_sql_reader_split (self->reader, span);
  g_autofree char *limit = NULL, *offset = NULL;

  if (span.first == span.end)
    return;
  for (guint i = span.first; i < span.end; i++)
    if (dimple_sql_reader_is_word (self->reader, i, "OFFSET"))
      {
        parts[0].end = i;
        parts[1].first = i + 1;
        break;
      }
  if (split->len == 2)
    {
      parts[0] = g_array_index (split, DimpleSqlSpan, 1);
      parts[1] = g_array_index (split, DimpleSqlSpan, 0);
    }
  limit = dimple_sql_reader_dup_span (self->reader, parts[0]);
  offset = dimple_sql_reader_dup_span (self->reader, parts[1]);
  self->plan->limit_sql = g_strdup_printf ("SELECT (%s\n), (%s\n)", limit, *offset != '\0' ? offset : "0");
}

/* [main.]table [[AS] alias] [INDEXED BY index | NOT INDEXED] */
static gboolean
read_table (Planner *self)
{
  DimpleSqlReader *reader = self->reader;
  guint i = self->select.from.first;
  g_autofree char *name = NULL, *alias = NULL;

  if (!dimple_sql_reader_is_name (reader, i))
    return refuse (self, "it does not read a plain table");
  name = dimple_sql_reader_dup_name (reader, i++);
  if (dimple_sql_reader_is_operator (reader, i, ".") && i < self->select.from.end)
    {
      if (g_ascii_strcasecmp (name, "main") != 0 || !dimple_sql_reader_is_name (reader, i + 1))
        return refuse (self, "it reads another database");
      g_free (name);
      name = dimple_sql_reader_dup_name (reader, i + 1);
      i += 2;
    }

  if (i < self->select.from.end && dimple_sql_reader_is_word (reader, i, "AS"))
    i++;
  if (i < self->select.from.end && dimple_sql_reader_is_name (reader, i) &&
      !dimple_sql_reader_is_word (reader, i, "INDEXED") && !dimple_sql_reader_is_word (reader, i, "NOT"))
    alias = dimple_sql_reader_dup_name (reader, i++);
  self->from_end = i;
  if (dimple_sql_reader_is_word (reader, i, "NOT") && dimple_sql_reader_is_word (reader, i + 1, "INDEXED"))
    i += 2;
  else if (dimple_sql_reader_is_word (reader, i, "INDEXED") && dimple_sql_reader_is_word (reader, i + 1, "BY"))
    i += 3;
  if (i != self->select.from.end)
    return refuse (self, "it reads more than one table");

  self->alias = dimple_quote (alias != NULL ? alias : name);
  self->plan->table = dimple_schema_find (self->plan->schema, name);
  if (self->plan->table == NULL)
    return refuse (self, "“%s” is no table", name);
  if (self->plan->table->without_rowid || self->plan->table->rowid_name == NULL)
    return refuse (self, "table “%s” has no rowid", name);
  self->rowid = g_strdup_printf ("%s.%s", self->alias, self->plan->table->rowid_name);
  return TRUE;
}

/* -- What SQLite says of the statement ------------------------------------------------------------------------------ */

/* Whether a function gives the same for the same arguments; FALSE if it is not known. */
static gboolean
is_deterministic (DimpleConnection *connection,
                  const char       *function)
{
  /* Registered as deterministic, as they are within one statement. */
  static const char * const refused[] = {
    "date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff", "current_timestamp", "current_date",
    "current_time", "changes", "total_changes", "last_insert_rowid", "sqlite_offset", "match",
  };
  g_autoptr(DimpleStatement) statement = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    if (g_ascii_strcasecmp (refused[i], function) == 0)
      return FALSE;

  /* As aggregates they are not, but then the bytecode tells. */
  if (g_ascii_strcasecmp (function, "max") == 0 || g_ascii_strcasecmp (function, "min") == 0)
    return TRUE;

  /* 0x800 is SQLITE_DETERMINISTIC. */
  statement = dimple_connection_prepare (connection,
                                         "SELECT count (*) > 0 AND min (flags & 0x800) > 0 FROM pragma_function_list "
                                         "WHERE name = lower (?)", NULL);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, function, -1, SQLITE_STATIC);
  return dimple_statement_step (statement, NULL) && sqlite3_column_int (statement, 0);
}

static gboolean
check_watch (Planner        *self,
             DimpleWatchSet *watch)
{
  if (watch->has_view || watch->has_virtual || watch->is_recursive || watch->everything)
    return refuse (self, "it reads a view or virtual table");
  if (watch->n_selects != 1 || watch->watches->len != 1 || dimple_watch_set_get_columns (watch, self->plan->table->name) == 0)
    return refuse (self, "it reads more than one table");
  for (guint i = 0; i < watch->functions->len; i++)
    if (!is_deterministic (self->connection, g_ptr_array_index (watch->functions, i)))
      return refuse (self, "%s () is an aggregate or gives something else each time", (char *) g_ptr_array_index (watch->functions, i));
  return TRUE;
}

/* -- ORDER BY ------------------------------------------------------------------------------------------------------- */

/* Takes NULLS … and ASC or DESC off the end of a term. */
static gboolean
read_direction (Planner        *self,
                DimpleSqlSpan  *span,
                DimpleSortTerm *term)
{
  DimpleSqlReader *reader = self->reader;
  gboolean nulls_last = FALSE, nulls_given = FALSE;

  *term = (DimpleSortTerm) { 0, };
  if (span->end - span->first > 2 && dimple_sql_reader_is_word (reader, span->end - 2, "NULLS"))
    {
      nulls_last = dimple_sql_reader_is_word (reader, span->end - 1, "LAST");
      if (!nulls_last && !dimple_sql_reader_is_word (reader, span->end - 1, "FIRST"))
        return refuse (self, "its ORDER BY is not fully understood");
      nulls_given = TRUE;
      span->end -= 2;
    }
  if (span->end - span->first > 1 &&
      (dimple_sql_reader_is_word (reader, span->end - 1, "ASC") ||
       dimple_sql_reader_is_word (reader, span->end - 1, "DESC")))
    {
      term->descending = dimple_sql_reader_is_word (reader, span->end - 1, "DESC");
      span->end--;
    }
  term->null_is_greatest = nulls_given && nulls_last != term->descending;
  return span->first < span->end || refuse (self, "its ORDER BY is not fully understood");
}

/* The column of the result that has this name: -1 for none, -2 for several. */
static int
find_result_column (Planner    *self,
                    const char *name)
{
  int found = -1;

  for (int i = 0; i < sqlite3_column_count (self->statement); i++)
    if (g_ascii_strcasecmp (sqlite3_column_name (self->statement, i), name) == 0)
      {
        if (found >= 0)
          return -2;
        found = i;
      }
  return found;
}

/* A term that is a column of the result: where that is a column of the table, this. */
static void
take_ordinal (Planner *self,
              int      ordinal)
{
  const char *origin = sqlite3_column_origin_name (self->statement, ordinal);
  int table_column = origin != NULL ? dimple_table_find_column (self->plan->table, origin) : -1;

  if (table_column >= 0)
    {
      g_autofree char *column = dimple_quote (origin);
      int none = -1;

      g_ptr_array_add (self->expressions, g_strdup_printf ("%s.%s", self->alias, column));
      g_array_append_val (self->ordinals, none);
      return;
    }
  g_ptr_array_add (self->expressions, NULL);
  g_array_append_val (self->ordinals, ordinal);
  self->keep_list = TRUE;
}

/* In an expression, a name that the select list gives to something else would mean that, and only in ORDER BY. */
static gboolean
check_names (Planner       *self,
             DimpleSqlSpan  span)
{
  for (guint i = span.first; i < span.end; i++)
    {
      g_autofree char *name = NULL;

      if (!dimple_sql_reader_is_name (self->reader, i) || dimple_sql_reader_is_operator (self->reader, i + 1, "(") ||
          (i > span.first && dimple_sql_reader_is_operator (self->reader, i - 1, ".")))
        continue;
      name = dimple_sql_reader_dup_name (self->reader, i);
      for (int c = 0; c < sqlite3_column_count (self->statement); c++)
        if (g_ascii_strcasecmp (sqlite3_column_name (self->statement, c), name) == 0)
          {
            const char *origin = sqlite3_column_origin_name (self->statement, c);

            if (origin == NULL || g_ascii_strcasecmp (origin, name) != 0)
              return refuse (self, "an expression of ORDER BY uses the name “%s” of the select list", name);
          }
    }
  return TRUE;
}

static gboolean
read_term (Planner       *self,
           DimpleSqlSpan  span)
{
  const DimpleSqlToken *token = dimple_sql_reader_get_token (self->reader, span.first);
  guint end = span.end;
  int none = -1;

  /* COLLATE is no part of what a name or number stands for. */
  while (end - span.first > 2 && dimple_sql_reader_is_word (self->reader, end - 2, "COLLATE"))
    end -= 2;

  if (end == span.first + 1 && token->kind == DIMPLE_SQL_NUMBER)
    {
      guint64 ordinal;
      g_autofree char *text = g_strndup (token->text, token->length);

      if (!g_ascii_string_to_unsigned (text, 10, 1, (guint64) sqlite3_column_count (self->statement), &ordinal, NULL))
        return refuse (self, "ORDER BY %s is no column", text);
      take_ordinal (self, (int) ordinal - 1);
      return TRUE;
    }
  if (end == span.first + 1 && dimple_sql_reader_is_name (self->reader, span.first))
    {
      g_autofree char *name = dimple_sql_reader_dup_name (self->reader, span.first);
      int column = find_result_column (self, name);

      if (column == -2)
        return refuse (self, "ORDER BY %s may be one of several columns", name);
      if (column >= 0)
        {
          take_ordinal (self, column);
          return TRUE;
        }
    }
  else if (!check_names (self, span))
    return FALSE;

  g_ptr_array_add (self->expressions, dimple_sql_reader_dup_span (self->reader, span));
  g_array_append_val (self->ordinals, none);
  return TRUE;
}

static gboolean
read_terms (Planner *self)
{
  g_autoptr(GArray) spans = dimple_sql_reader_split (self->reader, self->select.order_by);

  if (spans->len > MAX_TERMS)
    return refuse (self, "it has more than %d terms in ORDER BY", MAX_TERMS);
  for (guint i = 0; i < spans->len; i++)
    {
      DimpleSqlSpan span = g_array_index (spans, DimpleSqlSpan, i);
      DimpleSortTerm term;

      if (!read_direction (self, &span, &term) || !read_term (self, span))
        return FALSE;
      g_array_append_val (self->plan->terms, term);
    }
  return TRUE;
}

/* The comparison of one term in a KeyInfo: [-][N.]collation */
static gboolean
read_key_info_term (Planner         *self,
                    const char      *text,
                    DimpleSortTerm  *term)
{
  gboolean descending = *text == '-', big_null;

  text += descending;
  big_null = g_str_has_prefix (text, "N.");
  text += big_null ? 2 : 0;
  if (descending != term->descending || big_null != term->null_is_greatest)
    return refuse (self, "SQLite sorts its ORDER BY otherwise");
  if (*text == '\0' || g_str_equal (text, "B"))
    text = "BINARY";
  return dimple_collation_from_name (text, &term->collation) || refuse (self, "the collation %s is not known", text);
}

/* k(3,B,-NOCASE,N.B): the first key is random (). */
static gboolean
read_key_info (Planner    *self,
               const char *key_info)
{
  const char *list = strchr (key_info, ',');
  const char *end = strrchr (key_info, ')');
  g_autofree char *text = NULL;
  g_auto(GStrv) keys = NULL;

  if (!g_str_has_prefix (key_info, "k(") || list == NULL || end == NULL)
    return refuse (self, "SQLite does not tell how it sorts");
  text = g_strndup (list + 1, (gsize) (end - list - 1));
  keys = g_strsplit (text, ",", -1);
  if (g_strv_length (keys) < self->plan->terms->len + 1)
    return refuse (self, "SQLite sorts by fewer terms");
  for (guint i = 0; i < self->plan->terms->len; i++)
    if (!read_key_info_term (self, keys[i + 1], &g_array_index (self->plan->terms, DimpleSortTerm, i)))
      return FALSE;
  return TRUE;
}

static sqlite3_stmt *
explain (Planner    *self,
         const char *sql)
{
  g_autofree char *explain_sql = g_strconcat ("EXPLAIN ", sql, NULL);

  return dimple_connection_prepare (self->connection, explain_sql, NULL);
}

/* Directions, NULLs and collations, from the sorter that SQLite would use; a random first term makes it use one. */
static gboolean
ask_sorter (Planner *self)
{
  g_autofree char *list = dimple_sql_reader_dup_span (self->reader, self->select.select_list);
  g_autofree char *from = dimple_sql_reader_dup_span (self->reader, (DimpleSqlSpan) { self->select.from.first,
                                                                                     self->from_end });
  g_autofree char *order = dimple_sql_reader_dup_span (self->reader, self->select.order_by);
  g_autofree char *sql = g_strdup_printf ("SELECT %s\nFROM %s\nORDER BY random (), %s", list, from, order);
  g_autoptr(DimpleStatement) statement = NULL;
  g_autofree char *key_info = NULL;

  if (self->plan->terms->len == 0)
    return TRUE;
  statement = explain (self, sql);
  if (statement == NULL)
    return refuse (self, "SQLite does not explain how it sorts");
  while (dimple_statement_step (statement, NULL))
    {
      const char *opcode = (const char *) sqlite3_column_text (statement, 1);

      if (!g_str_equal (opcode, "SorterOpen") && !g_str_equal (opcode, "OpenEphemeral"))
        continue;
      if (key_info != NULL)
        return refuse (self, "SQLite sorts more than once");
      key_info = g_strdup ((const char *) sqlite3_column_text (statement, 5));
    }
  return key_info != NULL ? read_key_info (self, key_info) : refuse (self, "SQLite does not sort");
}

/* -- The statements that are made ----------------------------------------------------------------------------------- */

static void
append_hidden (Planner *self,
               GString *sql)
{
  DimpleQueryPlan *plan = self->plan;
  guint column;

  if (self->keep_list)
    {
      g_autofree char *list = dimple_sql_reader_dup_span (self->reader, self->select.select_list);

      g_string_append_printf (sql, "%s\n,", list);
    }
  plan->first_hidden = self->keep_list ? (guint) sqlite3_column_count (self->statement) : 0;
  g_string_append_printf (sql, "%s AS \"dimple:row\"", self->rowid);

  g_array_set_size (plan->term_columns, 0);
  column = plan->first_hidden + 1;
  for (guint i = 0; i < plan->terms->len; i++)
    {
      const char *expression = g_ptr_array_index (self->expressions, i);
      guint place = expression != NULL ? column++ : (guint) g_array_index (self->ordinals, int, i);

      g_array_append_val (plan->term_columns, place);
      /* The line break ends a comment that may be in the expression. */
      if (expression != NULL)
        g_string_append_printf (sql, ",(%s\n) AS \"dimple:sort%u\"", expression, i);
    }
}

static void
append_where (Planner *self,
              GString *sql)
{
  g_autofree char *where = dimple_sql_reader_dup_span (self->reader, self->select.where);

  if (*where != '\0')
    g_string_append_printf (sql, "\nWHERE (%s\n)", where);
}

static void
append_order (Planner *self,
              GString *sql)
{
  static const char * const collations[] = { "BINARY", "NOCASE", "RTRIM", "LOCALE" };
  DimpleQueryPlan *plan = self->plan;

  g_string_append (sql, "\nORDER BY ");
  for (guint i = 0; i < plan->terms->len; i++)
    {
      const DimpleSortTerm *term = &g_array_index (plan->terms, DimpleSortTerm, i);

      g_string_append_printf (sql, "%u COLLATE %s %s", g_array_index (plan->term_columns, guint, i) + 1,
                              collations[term->collation], term->descending ? "DESC" : "ASC");
      if (term->null_is_greatest)
        g_string_append (sql, term->descending ? " NULLS FIRST" : " NULLS LAST");
      g_string_append (sql, ", ");
    }
  g_string_append_printf (sql, "%s", self->rowid);
}

static void
make_statements (Planner *self)
{
  DimpleQueryPlan *plan = self->plan;
  g_autofree char *list = dimple_sql_reader_dup_span (self->reader, self->select.select_list);
  g_autofree char *from = dimple_sql_reader_dup_span (self->reader, self->select.from);
  g_autofree char *table = dimple_sql_reader_dup_span (self->reader, (DimpleSqlSpan) { self->select.from.first,
                                                                                      self->from_end });
  g_autoptr(GString) load = g_string_new ("SELECT ");
  g_autoptr(GString) test = g_string_new ("SELECT ");

  append_hidden (self, load);
  g_string_append_printf (load, "\nFROM %s", from);
  append_where (self, load);
  append_order (self, load);
  if (plan->limit_sql != NULL)
    g_string_append (load, "\nLIMIT :dimple_limit");

  append_hidden (self, test);
  g_string_append_printf (test, "\nFROM %s", table);
  append_where (self, test);
  g_string_append_printf (test, "\n%s %s = :dimple_row", self->select.where.first < self->select.where.end ? "AND" : "WHERE",
                          self->rowid);

  g_free (plan->load_sql);
  g_free (plan->test_sql);
  g_free (plan->row_sql);
  plan->load_sql = g_string_free (g_steal_pointer (&load), FALSE);
  plan->test_sql = g_string_free (g_steal_pointer (&test), FALSE);
  plan->row_sql = g_strdup_printf ("SELECT %s\nFROM %s\nWHERE %s = :dimple_row", list, table, self->rowid);
}

/* Whether a b-tree is the table or one of its indexes. */
static gboolean
is_of_table (Planner *self,
             int      root_page)
{
  g_autoptr(DimpleStatement) statement =
    dimple_connection_prepare (self->connection, "SELECT 1 FROM sqlite_schema WHERE rootpage = ? AND tbl_name = ?", NULL);

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int (statement, 1, root_page);
  sqlite3_bind_text (statement, 2, self->plan->table->name, -1, SQLITE_STATIC);
  return dimple_statement_step (statement, NULL);
}

static gboolean
check_bytecode (Planner    *self,
                const char *sql)
{
  static const char * const refused[] = {
    "AggStep", "AggStep1", "AggInverse", "AggFinal", "AggValue", "Count", "InitCoroutine", "Program", "VOpen", "VFilter",
  };
  g_autoptr(DimpleStatement) statement = explain (self, sql);

  if (statement == NULL)
    return refuse (self, "SQLite does not explain it");
  while (dimple_statement_step (statement, NULL))
    {
      const char *opcode = (const char *) sqlite3_column_text (statement, 1);

      for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
        if (g_str_equal (opcode, refused[i]))
          return refuse (self, "its bytecode has %s: an aggregate, subquery or virtual table", opcode);
      if (g_str_equal (opcode, "OpenRead") && !is_of_table (self, sqlite3_column_int (statement, 3)))
        return refuse (self, "it reads more than one table");
    }
  return TRUE;
}

/* The columns of the select list must be those of the query, from `first` on. */
static gboolean
check_columns (Planner      *self,
               sqlite3_stmt *made)
{
  for (int i = 0; i < sqlite3_column_count (self->statement); i++)
    if (g_strcmp0 (sqlite3_column_name (self->statement, i), sqlite3_column_name (made, i)) != 0 ||
        g_strcmp0 (sqlite3_column_origin_name (self->statement, i), sqlite3_column_origin_name (made, i)) != 0)
      return refuse (self, "the select list means something else when it is rewritten");
  return TRUE;
}

static gboolean
is_ordered_by (Planner      *self,
               sqlite3_stmt *load,
               const char   *column,
               const char   *collation)
{
  for (guint i = 0; i < self->plan->terms->len; i++)
    {
      const char *origin = sqlite3_column_origin_name (load, (int) g_array_index (self->plan->term_columns, guint, i));
      DimpleCollation expected;

      if (g_strcmp0 (origin, column) == 0 && dimple_collation_from_name (collation, &expected) &&
          expected == g_array_index (self->plan->terms, DimpleSortTerm, i).collation)
        return TRUE;
    }
  return FALSE;
}

/* A LIMIT may cut between rows that ORDER BY leaves equal, and which of them SQLite takes nobody knows. */
static gboolean
check_total_order (Planner      *self,
                   sqlite3_stmt *load)
{
  const DimpleTable *table = self->plan->table;

  if (is_ordered_by (self, load, sqlite3_column_origin_name (load, (int) self->plan->first_hidden), "BINARY"))
    return TRUE;
  for (guint k = 0; k < table->key->len; k++)
    {
      const DimpleColumn *column = dimple_table_get_key_column (table, k);

      if ((!table->tracked && !column->not_null) || !is_ordered_by (self, load, column->name, column->collation))
        return refuse (self, "its LIMIT may cut between rows that ORDER BY leaves equal: end that with the PRIMARY KEY");
    }
  return table->key->len > 0 || refuse (self, "its LIMIT may cut between rows that ORDER BY leaves equal");
}

/* Whether SQLite understands a statement that was made as it is meant. */
static gboolean
check_made (Planner    *self,
            const char *sql,
            gboolean    has_hidden)
{
  g_auto(DimpleWatchSet) watch = { 0, };
  g_autoptr(GError) error = NULL;
  sqlite3_stmt *made;
  gboolean succeeded;

  dimple_watch_set_init (&watch);
  made = dimple_watch_set_prepare (&watch, self->connection, self->plan->schema, sql, &error);
  if (made == NULL)
    return refuse (self, "it cannot be rewritten: %s", error->message);

  succeeded = check_watch (self, &watch) && check_bytecode (self, sql);
  if (succeeded && (!has_hidden || self->keep_list))
    succeeded = check_columns (self, made);
  if (succeeded && has_hidden)
    {
      const char *table = sqlite3_column_table_name (made, (int) self->plan->first_hidden);

      if (g_strcmp0 (table, self->plan->table->name) != 0)
        succeeded = refuse (self, "its rows cannot be named");
      self->plan->place_columns = dimple_watch_set_get_columns (&watch, self->plan->table->name);
    }
  if (succeeded && self->plan->limit_sql != NULL && sql == self->plan->load_sql)
    succeeded = check_total_order (self, made);
  sqlite3_finalize (made);
  return succeeded;
}

/* WHERE may use names of the select list: then this is kept. */
static gboolean
check_all_made (Planner *self)
{
  make_statements (self);
  if (!self->keep_list && !check_made (self, self->plan->test_sql, TRUE))
    {
      self->keep_list = TRUE;
      make_statements (self);
    }
  g_clear_pointer (&self->plan->reason, g_free);
  return check_made (self, self->plan->row_sql, FALSE) && check_made (self, self->plan->load_sql, TRUE) &&
         check_made (self, self->plan->test_sql, TRUE);
}

/* -- Deciding ------------------------------------------------------------------------------------------------------- */

static void
decide (DimpleQueryPlan  *plan,
        DimpleConnection *reader,
        sqlite3_stmt     *statement)
{
  g_auto(Planner) planner = { 0, };

  planner.connection = reader;
  planner.plan = plan;
  planner.statement = statement;
  planner.expressions = g_ptr_array_new_with_free_func (g_free);
  planner.ordinals = g_array_new (FALSE, FALSE, sizeof (int));
  if (!read_clauses (&planner))
    {
      plan->table = NULL;
      return;
    }
  read_limit (&planner);
  if (read_table (&planner) && check_watch (&planner, &plan->watch) &&
      read_terms (&planner) && ask_sorter (&planner) && check_all_made (&planner))
    return;
  g_assert (plan->reason != NULL);
  plan->table = NULL;
}

static void
read_parameters (DimpleQueryPlan *plan,
                 sqlite3_stmt    *statement)
{
  for (int i = 1; i <= sqlite3_bind_parameter_count (statement); i++)
    {
      const char *name = sqlite3_bind_parameter_name (statement, i);

      g_ptr_array_add (plan->parameters, name != NULL ? g_strdup (name) : g_strdup_printf ("?%d", i));
    }
}

DimpleQueryPlan *
dimple_query_plan_new (DimpleConnection  *reader,
                       DimpleSchema      *schema,
                       const char        *sql,
                       GError           **error)
{
  g_autoptr(DimpleQueryPlan) self = g_atomic_rc_box_new0 (DimpleQueryPlan);
  g_autoptr(DimpleStatement) checked = NULL;
  sqlite3_stmt *statement;

  self->sql = g_strdup (sql);
  self->schema = dimple_schema_ref (schema);
  self->parameters = g_ptr_array_new_with_free_func (g_free);
  self->terms = g_array_new (FALSE, FALSE, sizeof (DimpleSortTerm));
  self->term_columns = g_array_new (FALSE, FALSE, sizeof (guint));
  dimple_watch_set_init (&self->watch);
  /* This one refuses a second statement. */
  checked = dimple_connection_prepare (reader, sql, error);
  if (checked == NULL)
    return NULL;
  read_parameters (self, checked);
  statement = dimple_watch_set_prepare (&self->watch, reader, schema, sql, error);
  if (statement == NULL)
    return NULL;
  decide (self, reader, statement);
  return g_steal_pointer (&self);
}

void
dimple_query_plan_refuse (DimpleQueryPlan *self,
                          const char      *reason)
{
  g_free (self->reason);
  self->reason = g_strdup (reason);
  self->table = NULL;
}

DimpleQueryPlan *
dimple_query_plan_ref (DimpleQueryPlan *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
query_plan_clear (gpointer data)
{
  DimpleQueryPlan *self = data;

  g_free (self->sql);
  g_ptr_array_unref (self->parameters);
  g_free (self->reason);
  g_free (self->limit_sql);
  g_free (self->load_sql);
  g_free (self->test_sql);
  g_free (self->row_sql);
  g_array_unref (self->terms);
  g_array_unref (self->term_columns);
  dimple_watch_set_clear (&self->watch);
  dimple_schema_unref (self->schema);
}

void
dimple_query_plan_unref (DimpleQueryPlan *self)
{
  g_atomic_rc_box_release_full (self, query_plan_clear);
}
