/* dimple-watch-set.c: what a SELECT reads, so that it is known which changes can matter to it
 *
 * SQLite's authorizer is asked about every column while a statement is prepared, views and subqueries included; a table
 * of which only the rows count (`count (*)`) is named with an empty column.  Only the columns that NATURAL and USING
 * compare it is not asked about: where there is one of these, all columns are watched of the tables that the bytecode
 * opens.  Inserts and deletes change all columns of a row, so the last bit of a watch stands for them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-watch-set-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-statement-policy-private.h"

#define EXISTENCE DIMPLE_COLUMN_BIT (63)

static void
clear_watch (gpointer data)
{
  DimpleWatch *watch = data;

  g_free (watch->table);
}

void
dimple_watch_set_init (DimpleWatchSet *self)
{
  *self = (DimpleWatchSet) { 0, };
  self->watches = g_array_new (FALSE, FALSE, sizeof (DimpleWatch));
  g_array_set_clear_func (self->watches, clear_watch);
  self->functions = g_ptr_array_new_with_free_func (g_free);
}

void
dimple_watch_set_clear (DimpleWatchSet *self)
{
  g_clear_pointer (&self->watches, g_array_unref);
  g_clear_pointer (&self->functions, g_ptr_array_unref);
}

static DimpleWatch *
find_watch (DimpleWatchSet *self,
            const char     *table)
{
  for (guint i = 0; i < self->watches->len; i++)
    {
      DimpleWatch *watch = &g_array_index (self->watches, DimpleWatch, i);

      if (g_ascii_strcasecmp (watch->table, table) == 0)
        return watch;
    }
  return NULL;
}

static void
add_watch (DimpleWatchSet *self,
           const char     *table,
           guint64         columns)
{
  DimpleWatch *watch = find_watch (self, table);

  if (watch != NULL)
    watch->columns |= columns;
  else
    {
      DimpleWatch added = { g_strdup (table), columns | EXISTENCE };

      g_array_append_val (self->watches, added);
    }
}

/* -- Columns that SQLite does not tell ------------------------------------------------------------------------------ */

/* Whether the SELECT, or some view if it reads one, has NATURAL or USING: a word too many does no harm. */
static gboolean
may_join_by_name (DimpleWatchSet   *self,
                  DimpleConnection *reader,
                  const char       *sql)
{
  const char *pattern = "\\b(NATURAL|USING)\\b";
  gboolean found = g_regex_match_simple (pattern, sql, G_REGEX_CASELESS, 0);
  g_autoptr(DimpleStatement) views = NULL;

  if (found || !self->has_view)
    return found;
  views = dimple_connection_prepare (reader, "SELECT sql FROM sqlite_schema WHERE type = 'view'", NULL);
  if (views == NULL)
    return TRUE;
  while (!found && dimple_statement_step (views, NULL))
    found = g_regex_match_simple (pattern, (const char *) sqlite3_column_text (views, 0), G_REGEX_CASELESS, 0);
  return found;
}

static gboolean
watch_tree (DimpleWatchSet    *self,
            DimpleConnection  *reader,
            DimpleSchema      *schema,
            int                root_page,
            GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  const DimpleTable *table = NULL;

  statement = dimple_connection_prepare (reader, "SELECT tbl_name FROM sqlite_schema WHERE rootpage = ?", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int (statement, 1, root_page);
  if (dimple_statement_step (statement, NULL))
    table = dimple_schema_find (schema, (const char *) sqlite3_column_text (statement, 0));
  if (table != NULL)
    add_watch (self, table->name, DIMPLE_ALL_COLUMNS);
  else
    self->everything = TRUE;
  return TRUE;
}

static gboolean
watch_opened (DimpleWatchSet    *self,
              DimpleConnection  *reader,
              DimpleSchema      *schema,
              const char        *sql,
              GError           **error)
{
  g_autofree char *explain_sql = g_strdup_printf ("EXPLAIN %s", sql);
  g_autoptr(DimpleStatement) program = dimple_connection_prepare (reader, explain_sql, error);
  g_autoptr(GError) step_error = NULL;

  while (program != NULL && dimple_statement_step (program, &step_error))
    {
      const char *opcode = (const char *) sqlite3_column_text (program, 1);

      self->everything |= g_str_equal (opcode, "VOpen");
      if (g_str_equal (opcode, "OpenRead") &&
          !watch_tree (self, reader, schema, sqlite3_column_int (program, 3), error))
        return FALSE;
    }
  if (step_error == NULL)
    return program != NULL;
  g_propagate_error (error, g_steal_pointer (&step_error));
  return FALSE;
}

/* -- Asking SQLite ------------------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleWatchSet *set;
  DimpleSchema   *schema;
  GHashTable     *others;    /* tables that the schema does not know */
  gboolean        is_first;  /* the first use of a table-valued function */
} Preparation;

static guint64
columns_for (const DimpleTable *table,
             const char        *column)
{
  int position = *column != '\0' ? dimple_table_find_column (table, column) : -1;

  /* The rowid, or nothing but that the row is there. */
  if (position < 0)
    return 0;
  /* A generated column depends on any; no change names it. */
  if (((DimpleColumn *) g_ptr_array_index (table->columns, position))->generated)
    return DIMPLE_ALL_COLUMNS;
  return DIMPLE_COLUMN_BIT (position);
}

static void
note_read (Preparation *preparation,
           const char  *name,
           const char  *column)
{
  const DimpleTable *table = dimple_schema_find (preparation->schema, name);

  if (table != NULL)
    add_watch (preparation->set, table->name, columns_for (table, column));
  else
    g_hash_table_add (preparation->others, g_ascii_strdown (name, -1));
}

static int
authorize (gpointer    user_data,
           int         action,
           const char *first,
           const char *second,
           const char *database,
           const char *trigger)
{
  Preparation *preparation = user_data;
  DimpleWatchSet *self = preparation->set;

  switch (action)
    {
    case SQLITE_SELECT:
      self->n_selects++;
      return SQLITE_OK;
    case SQLITE_READ:
      self->has_view |= trigger != NULL;
      note_read (preparation, first, second != NULL ? second : "");
      return SQLITE_OK;
    case SQLITE_FUNCTION:
      g_ptr_array_add (self->functions, g_strdup (second));
      return SQLITE_OK;
    case SQLITE_RECURSIVE:
      self->is_recursive = TRUE;
      return SQLITE_OK;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
      /* The first use of json_each and such is told as a change of the catalogue. */
      preparation->is_first = TRUE;
      return first != NULL && g_str_has_prefix (first, "sqlite_") ? SQLITE_OK : SQLITE_DENY;
    default:
      return dimple_statement_policy_authorize (NULL, action, first, second, database, trigger);
    }
}

/* Whether an option of the index, content=…, may name the table. */
static gboolean
may_be_content (const char *sql,
                const char *table)
{
  g_autofree char *lower = g_ascii_strdown (sql, -1), *name = g_ascii_strdown (table, -1);
  const char *option = strstr (lower, "content");

  return option != NULL && strstr (option, name) != NULL;
}

/* An index of texts that are in a table of the app's shows that table's, whatever the index was told. */
static gboolean
add_content (DimpleWatchSet    *self,
             DimpleConnection  *reader,
             DimpleSchema      *schema,
             const char        *name,
             const char        *sql,
             GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) step_error = NULL;

  statement = dimple_connection_prepare (reader, "SELECT name FROM pragma_table_info (?)", error);
  if (statement == NULL)
    return FALSE;
  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *table = dimple_schema_get_table (schema, i);

      if (!may_be_content (sql, table->name))
        continue;
      sqlite3_reset (statement);
      sqlite3_bind_text (statement, 1, name, -1, SQLITE_STATIC);
      while (dimple_statement_step (statement, &step_error))
        add_watch (self, table->name, columns_for (table, (const char *) sqlite3_column_text (statement, 0)));
    }
  if (step_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&step_error));
  return FALSE;
}

/* A table that is none of the app's: virtual, a view, Dimple's or SQLite's own, or made up by a table-valued
 * function. */
static gboolean
add_other (DimpleWatchSet    *self,
           DimpleConnection  *reader,
           DimpleSchema      *schema,
           const char        *name,
           GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) step_error = NULL;
  const char *type, *sql;

  statement = dimple_connection_prepare (reader, "SELECT type, sql FROM sqlite_schema "
                                                 "WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view')", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, name, -1, SQLITE_STATIC);
  if (!dimple_statement_step (statement, &step_error))
    {
      /* json_each, a CTE …: their reads are those of what they are made from. */
      self->has_virtual = TRUE;
      if (g_str_has_prefix (name, "sqlite_") || g_str_has_prefix (name, "dimple_"))
        self->everything = TRUE;
      if (step_error != NULL)
        g_propagate_error (error, g_steal_pointer (&step_error));
      return step_error == NULL;
    }

  type = (const char *) sqlite3_column_text (statement, 0);
  sql = (const char *) sqlite3_column_text (statement, 1);
  if (g_str_equal (type, "view"))
    self->has_view = TRUE;
  else if (sql != NULL && g_ascii_strncasecmp (sql, "CREATE VIRTUAL", strlen ("CREATE VIRTUAL")) == 0)
    {
      self->has_virtual = TRUE;
      add_watch (self, name, DIMPLE_ALL_COLUMNS);
      /* Only of a full-text index is it known that its changes are told by its own name. */
      self->everything |= !g_regex_match_simple ("USING\\s+fts[345]\\s*\\(", sql, G_REGEX_CASELESS, 0);
      return add_content (self, reader, schema, name, sql, error);
    }
  else
    self->everything = TRUE;
  return TRUE;
}

static gboolean
add_others (DimpleWatchSet    *self,
            DimpleConnection  *reader,
            DimpleSchema      *schema,
            GHashTable        *others,
            GError           **error)
{
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, others);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (!add_other (self, reader, schema, name, error))
      return FALSE;
  return TRUE;
}

static gboolean
check_statement (sqlite3_stmt  *statement,
                 GError       **error)
{
  if (statement != NULL && sqlite3_stmt_readonly (statement) && !sqlite3_stmt_isexplain (statement) &&
      sqlite3_column_count (statement) > 0)
    return TRUE;
  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL, "A live query must be a SELECT");
  return FALSE;
}

static int
prepare_once (Preparation       *preparation,
              DimpleConnection  *reader,
              const char        *sql,
              sqlite3_stmt     **statement)
{
  int result;

  /* Not from the connection's cache: what is there asks nobody any more. */
  dimple_connection_set_authorizer (reader, authorize, preparation);
  result = sqlite3_prepare_v3 (dimple_connection_get_handle (reader), sql, -1, SQLITE_PREPARE_PERSISTENT, statement,
                               NULL);
  dimple_connection_set_authorizer (reader, NULL, NULL);
  return result;
}

sqlite3_stmt *
dimple_watch_set_prepare (DimpleWatchSet    *self,
                          DimpleConnection  *reader,
                          DimpleSchema      *schema,
                          const char        *sql,
                          GError           **error)
{
  g_autoptr(GHashTable) others = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Preparation preparation = { self, schema, others, FALSE };
  sqlite3_stmt *statement = NULL;
  int result = prepare_once (&preparation, reader, sql, &statement);

  if (result == SQLITE_OK && preparation.is_first)
    {
      /* What was told then was not of this statement alone. */
      g_clear_pointer (&statement, sqlite3_finalize);
      g_hash_table_remove_all (others);
      dimple_watch_set_clear (self);
      dimple_watch_set_init (self);
      result = prepare_once (&preparation, reader, sql, &statement);
    }

  if (result == SQLITE_AUTH)
    g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL, "A live query must be a SELECT");
  else if (result != SQLITE_OK)
    dimple_connection_set_error (reader, result, error);
  else if (check_statement (statement, error) && add_others (self, reader, schema, others, error) &&
           (!may_join_by_name (self, reader, sql) || watch_opened (self, reader, schema, sql, error)))
    return statement;
  sqlite3_finalize (statement);
  return NULL;
}

/* -- Against changes ----------------------------------------------------------------------------------------------- */

guint64
dimple_watch_set_get_columns (DimpleWatchSet *self,
                              const char     *table)
{
  const DimpleWatch *watch = find_watch (self, table);

  return watch != NULL ? watch->columns : 0;
}

gboolean
dimple_watch_set_matches (DimpleWatchSet  *self,
                          DimpleChangeSet *changes,
                          DimpleRowFilter *filter)
{
  if (self->everything || dimple_change_set_is_all (changes))
    return TRUE;
  for (guint i = 0; i < self->watches->len; i++)
    {
      const DimpleWatch *watch = &g_array_index (self->watches, DimpleWatch, i);
      const DimpleTableChanges *table = dimple_change_set_find (changes, watch->table);

      if (table != NULL && (table->anything || (table->columns & watch->columns) != 0) &&
          (filter == NULL || !dimple_row_filter_excludes (filter, table)))
        return TRUE;
    }
  return FALSE;
}
