/* dimple-query-plan.c: what a query reads, and whether its result can be kept row by row
 *
 * The reader finds the parts of the statement, and refuses whatever is not SELECT … FROM tables [WHERE] [ORDER BY]
 * [LIMIT].  Of these parts statements are made, with the rowid of the base table and the sort values as hidden columns.
 * Then SQLite is asked whether they mean what we think: the authorizer which tables and functions they use, EXPLAIN
 * whether the bytecode looks at anything but these tables, and a sorter's KeyInfo how ORDER BY compares.  Any doubt,
 * and the query is run again on each change instead; that is slower and never wrong.
 *
 * In a join, the base table is one of which each row is in the result once at the most.  A row of another table that
 * changes may change the rows that hold it: these are found by its key.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-planner-private.h"

#include "dimple-row-shape-private.h"

static void
planner_table_clear (gpointer data)
{
  DimplePlannerTable *table = data;

  g_free (table->alias);
}

static void
planner_clear (DimplePlanner *self)
{
  g_clear_pointer (&self->reader, dimple_sql_reader_free);
  g_clear_pointer (&self->statement, sqlite3_finalize);
  g_clear_pointer (&self->tables, g_array_unref);
  g_clear_pointer (&self->rowid, g_free);
  g_clear_pointer (&self->expressions, g_ptr_array_unref);
  g_clear_pointer (&self->ordinals, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimplePlanner, planner_clear)

gboolean
dimple_planner_refuse (DimplePlanner *self,
                       const char    *format,
                       ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_free (self->plan->reason);
  self->plan->reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  return FALSE;
}

/* -- The statement's parts ----------------------------------------------------------------------------------------- */

static gboolean
check_clauses (DimplePlanner *self)
{
  const struct { DimpleSqlSpan span; const char *name; } refused[] = {
    { self->select.group_by, "GROUP BY" },
    { self->select.having, "HAVING" },
    { self->select.window, "WINDOW" },
  };

  if (self->select.has_with)
    return dimple_planner_refuse (self, "it has a WITH");
  if (self->select.is_compound)
    return dimple_planner_refuse (self, "it has a UNION, INTERSECT or EXCEPT");
  if (self->select.is_distinct)
    return dimple_planner_refuse (self, "it has a DISTINCT");
  if (self->select.from.first == self->select.from.end)
    return dimple_planner_refuse (self, "it reads no table");
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    if (refused[i].span.first < refused[i].span.end)
      return dimple_planner_refuse (self, "it has a %s", refused[i].name);
  return TRUE;
}

/* Subqueries and window functions, at any depth. */
static gboolean
check_words (DimplePlanner *self)
{
  static const char * const words[] = { "SELECT", "VALUES", "OVER", "FILTER", "RETURNING" };

  for (guint i = self->select.select_list.first; i < dimple_sql_reader_get_n_tokens (self->reader); i++)
    for (guint w = 0; w < G_N_ELEMENTS (words); w++)
      if (dimple_sql_reader_is_word (self->reader, i, words[w]))
        return dimple_planner_refuse (self, "it has a subquery or window function (%s)", words[w]);
  return TRUE;
}

static gboolean
read_clauses (DimplePlanner *self)
{
  g_autoptr(DimpleSqlReader) reader = dimple_sql_reader_new (self->plan->sql);
  g_autofree char *sql = NULL;

  if (reader == NULL)
    return dimple_planner_refuse (self, "its SQL is not fully understood");
  sql = dimple_sql_reader_number_parameters (reader);
  if (sql == NULL)
    return dimple_planner_refuse (self, "it mixes ? with other parameters");
  self->reader = dimple_sql_reader_new (sql);
  if (self->reader == NULL || !dimple_sql_reader_find_clauses (self->reader, &self->select))
    return dimple_planner_refuse (self, "its clauses are not fully understood");
  return check_clauses (self) && check_words (self);
}

/* LIMIT limit [OFFSET offset], or LIMIT offset, limit */
static void
read_limit (DimplePlanner *self)
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

/* -- What SQLite says of the statement ----------------------------------------------------------------------------- */

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

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    if (g_ascii_strcasecmp (refused[i], function) == 0)
      return FALSE;

  /* As aggregates they are not, but then the bytecode tells. */
  if (g_ascii_strcasecmp (function, "max") == 0 || g_ascii_strcasecmp (function, "min") == 0)
    return TRUE;

  return dimple_connection_is_deterministic (connection, function);
}

static gboolean
check_watch (DimplePlanner  *self,
             DimpleWatchSet *watch)
{
  if (watch->has_view || watch->has_virtual || watch->is_recursive || watch->everything)
    return dimple_planner_refuse (self, "it reads a view or virtual table");
  if (watch->n_selects != 1)
    return dimple_planner_refuse (self, "it has a subquery");
  for (guint i = 0; i < watch->watches->len; i++)
    if (!dimple_planner_has_table (self, g_array_index (watch->watches, DimpleWatch, i).table))
      return dimple_planner_refuse (self, "it reads other tables than those of its FROM");
  for (guint i = 0; i < watch->functions->len; i++)
    if (!is_deterministic (self->connection, g_ptr_array_index (watch->functions, i)))
      return dimple_planner_refuse (self, "%s () is an aggregate or gives something else each time",
                                    (char *) g_ptr_array_index (watch->functions, i));
  return TRUE;
}

/* -- The statements that are made ---------------------------------------------------------------------------------- */

static void
append_hidden (DimplePlanner *self,
               GString       *sql)
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
append_where (DimplePlanner *self,
              GString       *sql)
{
  g_autofree char *where = dimple_sql_reader_dup_span (self->reader, self->select.where);

  if (*where != '\0')
    g_string_append_printf (sql, "\nWHERE (%s\n)", where);
}

/* Rows that ORDER BY leaves equal are in the order of their rowids, so that it is known which of them a LIMIT cuts
 * off. */
static void
append_order (DimplePlanner *self,
              GString       *sql)
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

/* FROM, up to a token, and WHERE, with one more condition. */
static void
append_rows (DimplePlanner *self,
             GString       *sql,
             guint          from_end,
             gboolean       with_where,
             const char    *condition)
{
  g_autofree char *from = dimple_sql_reader_dup_span (self->reader, (DimpleSqlSpan) { self->select.from.first, from_end });
  gboolean has_where = with_where && self->select.where.first < self->select.where.end;

  g_string_append_printf (sql, "\nFROM %s", from);
  if (has_where)
    append_where (self, sql);
  g_string_append_printf (sql, "\n%s %s", has_where ? "AND" : "WHERE", condition);
}

static void
make_statements (DimplePlanner *self)
{
  DimpleQueryPlan *plan = self->plan;
  g_autofree char *list = dimple_sql_reader_dup_span (self->reader, self->select.select_list);
  g_autofree char *from = dimple_sql_reader_dup_span (self->reader, self->select.from);
  g_autofree char *condition = g_strdup_printf ("%s = :dimple_row", self->rowid);
  g_autoptr(GString) load = g_string_new ("SELECT ");
  g_autoptr(GString) test = g_string_new ("SELECT ");
  g_autoptr(GString) row = g_string_new ("SELECT ");

  append_hidden (self, load);
  g_string_append_printf (load, "\nFROM %s", from);
  append_where (self, load);
  append_order (self, load);
  if (plan->limit_sql != NULL)
    g_string_append (load, "\nLIMIT :dimple_limit");

  append_hidden (self, test);
  append_rows (self, test, self->from_end, TRUE, condition);

  /* In a join, WHERE may say which rows belong together. */
  g_string_append (row, list);
  append_rows (self, row, self->from_end, self->tables->len > 1, condition);

  g_free (plan->load_sql);
  g_free (plan->test_sql);
  g_free (plan->row_sql);
  plan->load_sql = g_string_free (g_steal_pointer (&load), FALSE);
  plan->test_sql = g_string_free (g_steal_pointer (&test), FALSE);
  plan->row_sql = g_string_free (g_steal_pointer (&row), FALSE);
}

/* The columns of the select list must be those of the query, from `first` on. */
static gboolean
check_columns (DimplePlanner *self,
               sqlite3_stmt  *made)
{
  for (int i = 0; i < sqlite3_column_count (self->statement); i++)
    if (g_strcmp0 (sqlite3_column_name (self->statement, i), sqlite3_column_name (made, i)) != 0 ||
        g_strcmp0 (sqlite3_column_origin_name (self->statement, i), sqlite3_column_origin_name (made, i)) != 0)
      return dimple_planner_refuse (self, "the select list means something else when it is rewritten");
  return TRUE;
}

/* Whether SQLite understands a statement that was made as it is meant. */
static gboolean
check_made (DimplePlanner *self,
            const char    *sql,
            gboolean       has_hidden)
{
  g_auto(DimpleWatchSet) watch = { 0, };
  g_autoptr(GError) error = NULL;
  sqlite3_stmt *made;
  gboolean succeeded;

  dimple_watch_set_init (&watch);
  made = dimple_watch_set_prepare (&watch, self->connection, self->plan->schema, sql, &error);
  if (made == NULL)
    return dimple_planner_refuse (self, "it cannot be rewritten: %s", error->message);

  succeeded = check_watch (self, &watch) &&
              dimple_planner_check_program (self, sql, self->tables->len > 1 && sql == self->plan->test_sql);
  if (succeeded && (!has_hidden || self->keep_list))
    succeeded = check_columns (self, made);
  if (succeeded && has_hidden)
    {
      const char *table = sqlite3_column_table_name (made, (int) self->plan->first_hidden);

      if (g_strcmp0 (table, self->plan->table->name) != 0)
        succeeded = dimple_planner_refuse (self, "its rows cannot be named");
      self->plan->place_columns = dimple_watch_set_get_columns (&watch, self->plan->table->name);
    }
  sqlite3_finalize (made);
  return succeeded;
}

/* WHERE may use names of the select list: then this is kept. */
static gboolean
check_all_made (DimplePlanner *self)
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

/* -- Tables that are joined ---------------------------------------------------------------------------------------- */

/* Which rows of the base table hold the row of another one with the key :dimple_key0, :dimple_key1 …; NULL if it has
 * none.  Where that row may be missing, a row that WHERE or a later join kept out because of it may come in once it is
 * gone: so of these only the tables up to this one are asked. */
static char *
make_holders (DimplePlanner *self,
              guint          position)
{
  const DimplePlannerTable *joined = dimple_planner_get_table (self, position);
  const DimpleTable *table = joined->table;
  g_autoptr(GString) sql = g_string_new ("SELECT ");
  g_autoptr(GString) condition = g_string_new (NULL);

  if ((table->key->len == 0 && table->rowid_name == NULL) || (joined->may_be_null && self->base > position))
    return NULL;
  for (guint k = 0; k < table->key->len; k++)
    g_string_append_printf (condition, "%s%s.%s = :dimple_key%u", k > 0 ? " AND " : "", joined->alias,
                            dimple_table_get_key_column (table, k)->quoted, k);
  if (table->key->len == 0)
    g_string_append_printf (condition, "%s.%s = :dimple_key0", joined->alias, table->rowid_name);
  g_string_append (sql, self->rowid);
  append_rows (self, sql, joined->may_be_null ? joined->end : self->from_end, !joined->may_be_null, condition->str);
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

/* Whether it can be asked, and without reading whole tables. */
static gboolean
check_holders (DimplePlanner *self,
               const char    *sql)
{
  g_auto(DimpleWatchSet) watch = { 0, };
  sqlite3_stmt *made;

  if (sql == NULL)
    return FALSE;
  dimple_watch_set_init (&watch);
  made = dimple_watch_set_prepare (&watch, self->connection, self->plan->schema, sql, NULL);
  sqlite3_finalize (made);
  return made != NULL && check_watch (self, &watch) && dimple_planner_check_program (self, sql, FALSE) &&
         dimple_planner_is_searched (self, sql);
}

static void
add_joined (DimplePlanner *self)
{
  for (guint i = 0; i < self->tables->len; i++)
    {
      const DimplePlannerTable *table = dimple_planner_get_table (self, i);
      DimpleJoinedTable joined = { table->table, 0, NULL };

      if (i == self->base)
        continue;
      joined.columns = dimple_watch_set_get_columns (&self->plan->watch, table->table->name);
      joined.holders_sql = make_holders (self, i);
      if (!check_holders (self, joined.holders_sql))
        g_clear_pointer (&joined.holders_sql, g_free);
      g_array_append_val (self->plan->joined, joined);
    }
  g_clear_pointer (&self->plan->reason, g_free);
}

/* -- Deciding ------------------------------------------------------------------------------------------------------ */

static gboolean
check_base (DimplePlanner *self)
{
  const DimplePlannerTable *base = dimple_planner_get_table (self, self->base);
  const char *keyed = dimple_row_shape_get_table (dimple_row_shape_for_statement (self->statement, self->plan->schema));
  const DimpleTable *table = base->table;

  if (table->without_rowid || table->rowid_name == NULL)
    return dimple_planner_refuse (self, "table “%s” has no rowid", table->name);
  if (base->may_be_null)
    return dimple_planner_refuse (self, "a row of %s may be missing from a row of it", table->name);
  if (dimple_planner_find_table (self, table->name) == NULL)
    return dimple_planner_refuse (self, "it joins %s to itself", table->name);
  if (self->tables->len > 1 && keyed != NULL && !g_str_equal (keyed, table->name))
    return dimple_planner_refuse (self, "its rows have the key of %s, but may be several of each", keyed);
  return TRUE;
}

static gboolean
try_base (DimplePlanner *self,
          guint          base)
{
  const DimplePlannerTable *table = dimple_planner_get_table (self, base);

  self->base = base;
  self->plan->table = table->table;
  if (!check_base (self))
    return FALSE;
  g_free (self->rowid);
  self->rowid = g_strdup_printf ("%s.%s", table->alias, table->table->rowid_name);
  return check_all_made (self);
}

/* If none will do, the reason told is that of the first. */
static gboolean
choose_base (DimplePlanner *self)
{
  gboolean keep_list = self->keep_list;
  g_autofree char *reason = NULL;

  for (guint i = 0; i < self->tables->len; i++)
    {
      self->keep_list = keep_list;
      if (try_base (self, i))
        return TRUE;
      if (i == 0)
        reason = g_strdup (self->plan->reason);
    }
  return dimple_planner_refuse (self, "%s", reason);
}

static void
decide (DimpleQueryPlan  *plan,
        DimpleConnection *reader,
        sqlite3_stmt     *statement)
{
  g_auto(DimplePlanner) planner = { 0, };

  planner.connection = reader;
  planner.plan = plan;
  planner.statement = statement;
  planner.tables = g_array_new (FALSE, FALSE, sizeof (DimplePlannerTable));
  g_array_set_clear_func (planner.tables, planner_table_clear);
  planner.expressions = g_ptr_array_new_with_free_func (g_free);
  planner.ordinals = g_array_new (FALSE, FALSE, sizeof (int));
  if (read_clauses (&planner))
    {
      read_limit (&planner);
      if (dimple_planner_read_tables (&planner) && check_watch (&planner, &plan->watch) &&
          dimple_planner_read_order (&planner) && choose_base (&planner))
        {
          add_joined (&planner);
          return;
        }
    }
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

static void
joined_clear (gpointer data)
{
  DimpleJoinedTable *joined = data;

  g_free (joined->holders_sql);
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
  self->joined = g_array_new (FALSE, FALSE, sizeof (DimpleJoinedTable));
  g_array_set_clear_func (self->joined, joined_clear);
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
  g_array_unref (self->joined);
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
