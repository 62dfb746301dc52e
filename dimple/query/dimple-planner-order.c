/* dimple-planner-order.c: what a query is ordered by
 *
 * Each term of ORDER BY becomes a hidden column with the value that is sorted by.  How values are compared is asked of
 * SQLite: a sorter's KeyInfo tells directions, NULLs and collations.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-planner-private.h"

#include <string.h>

#define MAX_TERMS 32

/* Takes NULLS … and ASC or DESC off the end of a term. */
static gboolean
read_direction (DimplePlanner  *self,
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
        return dimple_planner_refuse (self, "its ORDER BY is not fully understood");
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
  return span->first < span->end || dimple_planner_refuse (self, "its ORDER BY is not fully understood");
}

/* The column of the result that has this name: -1 for none, -2 for several. */
static int
find_result_column (DimplePlanner *self,
                    const char    *name)
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

/* A term that is a column of the result: where that is a column of one of the tables, this. */
static void
take_ordinal (DimplePlanner *self,
              int            ordinal)
{
  const char *origin = sqlite3_column_origin_name (self->statement, ordinal);
  const char *name = sqlite3_column_table_name (self->statement, ordinal);
  const DimplePlannerTable *table = name != NULL ? dimple_planner_find_table (self, name) : NULL;

  if (table != NULL && dimple_table_find_column (table->table, origin) >= 0)
    {
      g_autofree char *column = dimple_quote (origin);
      int none = -1;

      g_ptr_array_add (self->expressions, g_strdup_printf ("%s.%s", table->alias, column));
      g_array_append_val (self->ordinals, none);
      return;
    }
  g_ptr_array_add (self->expressions, NULL);
  g_array_append_val (self->ordinals, ordinal);
  self->keep_list = TRUE;
}

/* In an expression, a name that the select list gives to something else would mean that, and only in ORDER BY. */
static gboolean
check_names (DimplePlanner *self,
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
              return dimple_planner_refuse (self, "an expression of ORDER BY uses the name “%s” of the select list",
                                            name);
          }
    }
  return TRUE;
}

static gboolean
read_term (DimplePlanner *self,
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
        return dimple_planner_refuse (self, "ORDER BY %s is no column", text);
      take_ordinal (self, (int) ordinal - 1);
      return TRUE;
    }
  if (end == span.first + 1 && dimple_sql_reader_is_name (self->reader, span.first))
    {
      g_autofree char *name = dimple_sql_reader_dup_name (self->reader, span.first);
      int column = find_result_column (self, name);

      if (column == -2)
        return dimple_planner_refuse (self, "ORDER BY %s may be one of several columns", name);
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
read_terms (DimplePlanner *self)
{
  g_autoptr(GArray) spans = dimple_sql_reader_split (self->reader, self->select.order_by);

  if (spans->len > MAX_TERMS)
    return dimple_planner_refuse (self, "it has more than %d terms in ORDER BY", MAX_TERMS);
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
read_key_info_term (DimplePlanner  *self,
                    const char     *text,
                    DimpleSortTerm *term)
{
  gboolean descending = *text == '-', big_null;

  text += descending;
  big_null = g_str_has_prefix (text, "N.");
  text += big_null ? 2 : 0;
  if (descending != term->descending || big_null != term->null_is_greatest)
    return dimple_planner_refuse (self, "SQLite sorts its ORDER BY otherwise");
  if (*text == '\0' || g_str_equal (text, "B"))
    text = "BINARY";
  return dimple_collation_from_name (text, &term->collation) ||
         dimple_planner_refuse (self, "the collation %s is not known", text);
}

/* k(3,B,-NOCASE,N.B): the first key is random (). */
static gboolean
read_key_info (DimplePlanner *self,
               const char    *key_info)
{
  const char *list = strchr (key_info, ',');
  const char *end = strrchr (key_info, ')');
  g_autofree char *text = NULL;
  g_auto(GStrv) keys = NULL;

  if (!g_str_has_prefix (key_info, "k(") || list == NULL || end == NULL)
    return dimple_planner_refuse (self, "SQLite does not tell how it sorts");
  text = g_strndup (list + 1, (gsize) (end - list - 1));
  keys = g_strsplit (text, ",", -1);
  if (g_strv_length (keys) < self->plan->terms->len + 1)
    return dimple_planner_refuse (self, "SQLite sorts by fewer terms");
  for (guint i = 0; i < self->plan->terms->len; i++)
    if (!read_key_info_term (self, keys[i + 1], &g_array_index (self->plan->terms, DimpleSortTerm, i)))
      return FALSE;
  return TRUE;
}

/* Directions, NULLs and collations, from the sorter that SQLite would use; a random first term makes it use one. */
static gboolean
ask_sorter (DimplePlanner *self)
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
  statement = dimple_planner_explain (self, "EXPLAIN", sql);
  if (statement == NULL)
    return dimple_planner_refuse (self, "SQLite does not explain how it sorts");
  while (dimple_statement_step (statement, NULL))
    {
      const char *opcode = (const char *) sqlite3_column_text (statement, 1);

      if (!g_str_equal (opcode, "SorterOpen") && !g_str_equal (opcode, "OpenEphemeral"))
        continue;
      if (key_info != NULL)
        return dimple_planner_refuse (self, "SQLite sorts more than once");
      key_info = g_strdup ((const char *) sqlite3_column_text (statement, 5));
    }
  return key_info != NULL ? read_key_info (self, key_info) : dimple_planner_refuse (self, "SQLite does not sort");
}

gboolean
dimple_planner_read_order (DimplePlanner *self)
{
  return read_terms (self) && ask_sorter (self);
}
