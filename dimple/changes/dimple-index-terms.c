/* dimple-index-terms.c: what a UNIQUE index compares, as SQL
 *
 * SQLite tells the columns and collations of an index, but not its expressions and its WHERE: those are taken from the
 * text of its CREATE INDEX, which SQLite has parsed before, so finding brackets and commas outside of quotes and
 * comments is enough.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-index-terms-private.h"

#include <string.h>

#include "dimple-error.h"

void
dimple_index_terms_free (DimpleIndexTerms *self)
{
  g_ptr_array_unref (self->terms);
  g_ptr_array_unref (self->collations);
  g_free (self->condition);
  g_free (self);
}

/* The position after the quoted text, comment or character at `sql`. */
static const char *
skip_token (const char *sql)
{
  char end = *sql == '[' ? ']' : *sql;

  if (sql[0] == '-' && sql[1] == '-')
    return sql + strcspn (sql, "\n");
  if (sql[0] == '/' && sql[1] == '*')
    {
      const char *close = strstr (sql + 2, "*/");

      return close != NULL ? close + 2 : sql + strlen (sql);
    }
  if (strchr ("'\"`[", *sql) == NULL)
    return sql + 1;
  do
    {
      sql = strchr (sql + 1, end);
      if (sql == NULL)
        return "";
      sql++;
    }
  while (end != ']' && *sql == end);
  return sql;
}

/* The first opening bracket outside of quotes. */
static const char *
find_bracket (const char *sql)
{
  while (*sql != '\0' && *sql != '(')
    sql = skip_token (sql);
  return sql;
}

static gboolean
ends_with_word (GString    *text,
                const char *word)
{
  gsize length = strlen (word);

  return text->len > length && g_ascii_strcasecmp (text->str + text->len - length, word) == 0 &&
         !g_ascii_isalnum (text->str[text->len - length - 1]) && text->str[text->len - length - 1] != '_';
}

/* A term without its direction. */
static char *
make_term (const char *start,
           const char *end)
{
  g_autoptr(GString) term = g_string_new_len (start, end - start);

  while (term->len > 0 && g_ascii_isspace (term->str[term->len - 1]))
    g_string_truncate (term, term->len - 1);
  if (ends_with_word (term, "ASC"))
    g_string_truncate (term, term->len - 3);
  else if (ends_with_word (term, "DESC"))
    g_string_truncate (term, term->len - 4);
  return g_string_free (g_steal_pointer (&term), FALSE);
}

/* Takes the terms of "CREATE UNIQUE INDEX … ON … (terms) WHERE condition" apart. */
static void
parse_index (const char *sql,
             GPtrArray  *terms,
             char      **condition)
{
  const char *position = find_bracket (sql);
  const char *start = position + 1;
  int depth = 0;

  while (*position != '\0')
    {
      if (*position == '(')
        depth++;
      else if (*position == ')')
        depth--;
      if (depth == 0 || (depth == 1 && *position == ','))
        {
          g_ptr_array_add (terms, make_term (start, position));
          start = position + 1;
        }
      position = skip_token (position);
      if (depth == 0)
        break;
    }
  while (*position != '\0')
    {
      if (g_ascii_strncasecmp (position, "WHERE", 5) == 0)
        {
          *condition = g_strdup (position + 5);
          return;
        }
      position = skip_token (position);
    }
}

static char *
load_sql (DimpleConnection  *connection,
          const char        *type,
          const char        *name,
          GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  statement = dimple_connection_prepare (connection,
                                         "SELECT sql FROM main.sqlite_master WHERE type = ? AND name = ? "
                                         "COLLATE NOCASE", error);
  if (statement == NULL)
    return NULL;
  sqlite3_bind_text (statement, 1, type, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, name, -1, SQLITE_STATIC);
  if (dimple_statement_step (statement, &local_error))
    return g_strdup ((const char *) sqlite3_column_text (statement, 0));
  if (local_error == NULL)
    g_set_error (&local_error, DIMPLE_ERROR, DIMPLE_ERROR_CORRUPT, "There is no %s %s", type, name);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}

char *
dimple_index_terms_get_table_body (DimpleConnection  *connection,
                                   const char        *table,
                                   GError           **error)
{
  g_autofree char *sql = load_sql (connection, "table", table, error);

  return sql != NULL ? g_strdup (find_bracket (sql)) : NULL;
}

DimpleIndexTerms *
dimple_index_terms_load (DimpleConnection         *connection,
                         const DimpleTable        *table,
                         const DimpleUniqueIndex  *index,
                         GError                  **error)
{
  g_autoptr(DimpleIndexTerms) self = g_new0 (DimpleIndexTerms, 1);
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  self->terms = g_ptr_array_new_with_free_func (g_free);
  self->collations = g_ptr_array_new_with_free_func (g_free);

  if (index->has_expression || index->partial)
    {
      g_autofree char *sql = load_sql (connection, "index", index->name, error);

      if (sql == NULL)
        return NULL;
      parse_index (sql, self->terms, &self->condition);
    }
  else
    for (guint i = 0; i < index->columns->len; i++)
      {
        const DimpleColumn *column = g_ptr_array_index (table->columns, g_array_index (index->columns, guint, i));

        g_ptr_array_add (self->terms, dimple_quote (column->name));
      }

  statement = dimple_connection_prepare (connection, "SELECT coll FROM pragma_index_xinfo (?) WHERE key ORDER BY seqno",
                                         error);
  if (statement == NULL)
    return NULL;
  sqlite3_bind_text (statement, 1, index->name, -1, SQLITE_STATIC);
  while (dimple_statement_step (statement, &local_error))
    g_ptr_array_add (self->collations, g_strdup ((const char *) sqlite3_column_text (statement, 0)));
  if (local_error == NULL && self->collations->len != self->terms->len)
    g_set_error (&local_error, DIMPLE_ERROR, DIMPLE_ERROR_CORRUPT, "The index %s could not be understood", index->name);
  if (local_error == NULL)
    return g_steal_pointer (&self);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}
