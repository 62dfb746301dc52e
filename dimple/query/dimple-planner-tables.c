/* dimple-planner-tables.c: the tables of a query's FROM
 *
 * Reads table [[AS] alias] { , | [NATURAL] [LEFT [OUTER] | INNER | CROSS] JOIN table … [ON … | USING (…)] }.  What
 * stands after ON means whatever SQLite says; only JOIN and the commas around tables are looked for.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-planner-private.h"

/* Words that may follow a table where its alias could stand. */
static gboolean
is_clause_word (DimpleSqlReader *reader,
                guint            position)
{
  static const char * const words[] = {
    "INDEXED", "NOT", "ON", "USING", "JOIN", "NATURAL", "LEFT", "OUTER", "INNER", "CROSS", "RIGHT", "FULL",
  };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (dimple_sql_reader_is_word (reader, position, words[i]))
      return TRUE;
  return FALSE;
}

static gboolean
add_table (DimplePlanner *self,
           const char    *name,
           const char    *alias,
           gboolean       may_be_null)
{
  DimplePlannerTable added = { dimple_schema_find (self->plan->schema, name), NULL, may_be_null, self->select.from.end };

  if (added.table == NULL)
    return dimple_planner_refuse (self, "“%s” is no table", name);
  added.alias = dimple_quote (alias != NULL ? alias : name);
  g_array_append_val (self->tables, added);
  return TRUE;
}

/* [main.]table [[AS] alias]; *position: where it begins, then what follows it. */
static gboolean
read_table (DimplePlanner *self,
            guint         *position,
            gboolean       may_be_null)
{
  DimpleSqlReader *reader = self->reader;
  guint i = *position, end = self->select.from.end;
  g_autofree char *name = NULL, *alias = NULL;

  if (i >= end || !dimple_sql_reader_is_name (reader, i))
    return dimple_planner_refuse (self, "it does not read plain tables");
  name = dimple_sql_reader_dup_name (reader, i++);
  if (dimple_sql_reader_is_operator (reader, i, ".") && i < end)
    {
      if (g_ascii_strcasecmp (name, "main") != 0 || !dimple_sql_reader_is_name (reader, i + 1))
        return dimple_planner_refuse (self, "it reads another database");
      g_free (name);
      name = dimple_sql_reader_dup_name (reader, i + 1);
      i += 2;
    }
  if (i < end && dimple_sql_reader_is_operator (reader, i, "("))
    return dimple_planner_refuse (self, "it reads a table-valued function");
  if (i < end && dimple_sql_reader_is_word (reader, i, "AS"))
    i++;
  if (i < end && dimple_sql_reader_is_name (reader, i) && !is_clause_word (reader, i))
    alias = dimple_sql_reader_dup_name (reader, i++);
  *position = i;
  return add_table (self, name, alias, may_be_null);
}

/* Goes to the next JOIN or comma, from `position` on: the end if there is none. */
static guint
find_join (DimplePlanner *self,
           guint          position)
{
  DimpleSqlReader *reader = self->reader;
  guint depth = dimple_sql_reader_get_token (reader, self->select.from.first)->depth;

  for (; position < self->select.from.end; position++)
    if (dimple_sql_reader_get_token (reader, position)->depth == depth &&
        (dimple_sql_reader_is_operator (reader, position, ",") || dimple_sql_reader_is_word (reader, position, "JOIN")))
      break;
  return position;
}

/* The words before JOIN that say of which kind it is.  What is before these belongs to the tables up to here. */
static gboolean
read_kind (DimplePlanner *self,
           guint          join,
           gboolean      *is_left)
{
  static const char * const kinds[] = { "LEFT", "OUTER", "INNER", "CROSS", "NATURAL", "RIGHT", "FULL" };
  guint i;

  *is_left = FALSE;
  for (i = join; i > self->select.from.first; i--)
    {
      guint kind = 0;

      while (kind < G_N_ELEMENTS (kinds) && !dimple_sql_reader_is_word (self->reader, i - 1, kinds[kind]))
        kind++;
      if (kind == G_N_ELEMENTS (kinds))
        break;
      if (kind >= 5)
        return dimple_planner_refuse (self, "it has a %s JOIN", kinds[kind]);
      *is_left |= kind == 0;
    }
  g_array_index (self->tables, DimplePlannerTable, self->tables->len - 1).end = i;
  return TRUE;
}

/* What a single table may have after it. */
static gboolean
read_hint (DimplePlanner *self,
           guint          i)
{
  DimpleSqlReader *reader = self->reader;

  self->from_end = i;
  if (dimple_sql_reader_is_word (reader, i, "NOT") && dimple_sql_reader_is_word (reader, i + 1, "INDEXED"))
    i += 2;
  else if (dimple_sql_reader_is_word (reader, i, "INDEXED") && dimple_sql_reader_is_word (reader, i + 1, "BY"))
    i += 3;
  return i == self->select.from.end || dimple_planner_refuse (self, "its FROM is not fully understood");
}

/* An index that is to be used would be in the way when a single row is looked for. */
static gboolean
check_hints (DimplePlanner *self)
{
  for (guint i = self->select.from.first; i < self->select.from.end; i++)
    if (dimple_sql_reader_is_word (self->reader, i, "INDEXED"))
      return dimple_planner_refuse (self, "it names an index in a join");
  return TRUE;
}

gboolean
dimple_planner_read_tables (DimplePlanner *self)
{
  guint position = self->select.from.first, join;

  if (!read_table (self, &position, FALSE))
    return FALSE;
  join = find_join (self, position);
  if (join == self->select.from.end)
    return read_hint (self, position);

  self->from_end = self->select.from.end;
  for (; join < self->select.from.end; join = find_join (self, position))
    {
      gboolean is_left;

      position = join + 1;
      if (!read_kind (self, join, &is_left) || !read_table (self, &position, is_left))
        return FALSE;
    }
  return check_hints (self);
}

const DimplePlannerTable *
dimple_planner_get_table (DimplePlanner *self,
                          guint          position)
{
  return &g_array_index (self->tables, DimplePlannerTable, position);
}

const DimplePlannerTable *
dimple_planner_find_table (DimplePlanner *self,
                           const char    *name)
{
  const DimplePlannerTable *found = NULL;

  for (guint i = 0; i < self->tables->len; i++)
    {
      const DimplePlannerTable *table = dimple_planner_get_table (self, i);

      if (g_ascii_strcasecmp (table->table->name, name) != 0)
        continue;
      if (found != NULL)
        return NULL;
      found = table;
    }
  return found;
}

gboolean
dimple_planner_has_table (DimplePlanner *self,
                          const char    *name)
{
  for (guint i = 0; i < self->tables->len; i++)
    if (g_ascii_strcasecmp (dimple_planner_get_table (self, i)->table->name, name) == 0)
      return TRUE;
  return FALSE;
}
