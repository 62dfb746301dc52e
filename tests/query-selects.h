/* query-selects.h: random SELECTs of every kind, for the tests of live queries
 *
 * About half of them are of one table, where a live query can be kept row by row: any select list, WHERE and ORDER BY.
 * A query remembers which columns its parameters are compared with, so that it can be given others.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "query-world.h"

typedef enum
{
  PARAMETERS_PLAIN,          /* ? */
  PARAMETERS_NUMBERED,       /* ?1 */
  PARAMETERS_NAMED,          /* :p1 */
  N_PARAMETER_STYLES
} ParameterStyle;

/* What a parameter is given instead of a value for a column */
static const Column a_count = { .references = -1 };
static const Column a_search = { .references = -1 };

typedef struct
{
  World          *world;     /* not owned */
  GString        *sql;
  char           *identity_sql;  /* (nullable) the same with n_hidden more columns: what its rows are, and their rank */
  guint           n_hidden;
  char           *total_sql;     /* (nullable) if a LIMIT cuts where ORDER BY leaves something open: the same by rowid then */
  GPtrArray      *slots;     /* of Column: what each parameter is compared with */
  ParameterStyle  style;
  gboolean        is_ordered;    /* ORDER BY leaves nothing open */

  /* Of one table: what set_sql() keeps */
  const Table    *table;     /* (nullable) */
  const char     *alias;
  char           *list;
  gboolean        is_keyed;  /* the key is in the list */
  gboolean        is_plain;  /* no name of the list means something else than in the table */
} Select;

static inline void
select_free (Select *select)
{
  g_string_free (select->sql, TRUE);
  g_ptr_array_unref (select->slots);
  g_free (select->identity_sql);
  g_free (select->total_sql);
  g_free (select->list);
  g_free (select);
}

static inline Select *
select_begin (World *world)
{
  Select *select = g_new0 (Select, 1);

  select->world = world;
  select->sql = g_string_new (NULL);
  select->slots = g_ptr_array_new ();
  select->style = (ParameterStyle) pick (world, N_PARAMETER_STYLES);
  select->is_ordered = TRUE;
  return select;
}

static inline Value
random_parameter (World        *world,
                  const Column *slot)
{
  static const char * const searches[] = { "a", "al", "alpha", "beta", "alpha b", "z", "", "bulk", "100%", "\"x" };

  if (slot == &a_count)
    return value_of_integer (pick (world, 12));
  if (slot == &a_search)
    return value_of_text (SQLITE_TEXT, PICK (world, searches));
  if (slot->is_key && chance (world, 80))
    return key_value (&world->tables[THINGS], 0, pick (world, N_KEYS));
  return random_value (world, slot);
}

/* New values for its parameters; NULL if it has none.  A floating reference. */
static inline GVariant *
select_make_parameters (Select *select)
{
  GVariantBuilder tuple, dictionary;

  if (select->slots->len == 0)
    return NULL;
  g_variant_builder_init (&tuple, G_VARIANT_TYPE_TUPLE);
  g_variant_builder_init (&dictionary, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < select->slots->len; i++)
    {
      g_autofree char *name = g_strdup_printf ("p%u", i + 1);
      Value value = random_parameter (select->world, g_ptr_array_index (select->slots, i));
      g_autoptr(GVariant) variant = g_variant_ref_sink (value_to_variant (&value));

      g_variant_builder_add_value (&tuple, variant);
      g_variant_builder_add (&dictionary, "{sv}", name, variant);
    }
  if (select->style == PARAMETERS_NAMED)
    {
      g_variant_builder_clear (&tuple);
      return g_variant_builder_end (&dictionary);
    }
  g_variant_builder_clear (&dictionary);
  return g_variant_builder_end (&tuple);
}

static inline void
put_parameter (Select       *select,
               const Column *slot)
{
  g_ptr_array_add (select->slots, (gpointer) slot);
  g_string_append (select->sql, select->style == PARAMETERS_NAMED ? ":p" : "?");
  if (select->style != PARAMETERS_PLAIN)
    g_string_append_printf (select->sql, "%u", select->slots->len);
}

static inline void
put_value (Select       *select,
           const Column *column)
{
  Value value;

  if (chance (select->world, 35))
    {
      put_parameter (select, column);
      return;
    }
  value = random_parameter (select->world, column);
  append_value (select->sql, &value);
}

/* -- Expressions --------------------------------------------------------------------------------------------------- */

/* Columns of a table by the name that it has in the query */
typedef struct
{
  const Table *table;
  const char  *alias;
  gboolean     bare;         /* columns may be written without it */
} Source;

static inline void
put_column (Select       *select,
            const Source *source,
            const Column *column)
{
  if (source->bare && chance (select->world, 50))
    g_string_append (select->sql, column->name);
  else
    g_string_append_printf (select->sql, "%s.%s", source->alias, column->name);
}

/* Appends a template: @ is a column, & another one, $ a value to compare the first with. */
static inline void
put_template (Select       *select,
              const Source *source,
              const char   *template)
{
  const Column *column = pick_column (select->world, source->table);
  const Column *other = pick_column (select->world, source->table);

  if (strstr (template, "KEY") != NULL)
    column = &source->table->columns[0];
  for (const char *c = template; *c != '\0'; c++)
    if (*c == '@')
      put_column (select, source, column);
    else if (*c == '&')
      put_column (select, source, other);
    else if (*c == '$')
      put_value (select, column);
    else
      g_string_append_c (select->sql, *c);
}

static inline void
put_condition (Select       *select,
               const Source *source,
               guint         depth)
{
  static const char * const templates[] = {
    "@ = $", "@ = $", "$ = @", "@ <> $", "@ < $", "@ <= $", "@ > $", "@ >= $", "@ BETWEEN $ AND $",
    "@ NOT BETWEEN $ AND $", "@ IN ($, $)", "@ NOT IN ($)", "@ IS NULL", "@ IS NOT NULL", "@ NOTNULL", "@ LIKE 'al%'",
    "@ LIKE '%a'", "@ GLOB 'a*'", "length (@) > 3", "@ COLLATE NOCASE = $", "@ = $ COLLATE RTRIM",
    "typeof (@) = 'text'", "coalesce (@, &) = $", "CASE WHEN & IS NULL THEN 1 ELSE @ = $ END", "@ IS $", "@ IS NOT $",
    "@ IS NOT DISTINCT FROM $", "(@, &) = ($, 1)", "@ = &", "@ < &", "@ + 1 > $", "@ || '' = $", "@ % 2 = 0",
    "lower (@) = $ -- a comment\n", "instr (@, 'a')", "/*KEY*/ @ = $", "/*KEY*/ @ IN ($, $, $)", "/*KEY*/ @ > $", "1",
    "@", "/*KEY*/ @ = $ AND 1 OR & = 1", "& IS NULL OR 1 AND /*KEY*/ @ IN ($)",
    "nullif (@, $) IS NULL", "iif (@ > $, &, 1)",
  };
  guint kind = depth > 0 ? pick (select->world, 10) : 9;

  if (kind < 4)
    {
      g_string_append_c (select->sql, '(');
      put_condition (select, source, depth - 1);
      g_string_append (select->sql, kind < 2 ? "\nAND " : ") OR (");
      put_condition (select, source, depth - 1);
      g_string_append_c (select->sql, ')');
    }
  else if (kind == 4)
    {
      g_string_append (select->sql, "NOT (");
      put_condition (select, source, depth - 1);
      g_string_append_c (select->sql, ')');
    }
  else
    put_template (select, source, PICK (select->world, templates));
}

/* WHERE in SELECTs of tables with aliases of their own */
static inline void
put_where (Select       *select,
           const Source *source)
{
  if (chance (select->world, 40))
    return;
  g_string_append (select->sql, " WHERE ");
  put_condition (select, source, 2);
}

/* Terms that are not yet, or need not be, a whole order. */
static inline void
put_order_terms (Select       *select,
                 const Source *source,
                 guint         n)
{
  static const char * const templates[] = {
    "@", "@", "@", "@ COLLATE NOCASE", "@ COLLATE RTRIM", "@ COLLATE BINARY", "@ COLLATE LOCALE", "length (@)",
    "@ || &", "@ % 3", "-@", "coalesce (@, &)", "@ IS NULL", "lower (@)", "@ = 'alpha'",
    "CASE WHEN @ > & THEN 0 ELSE 1 END", "substr (@, 1, 1) COLLATE NOCASE", "abs (length (@))", "(@)", "+@",
    "typeof (@)", "CAST (@ AS TEXT)", "@ /* so */",
  };
  static const char * const directions[] = {
    "", "", "", " ASC", " DESC", " DESC", " NULLS FIRST", " NULLS LAST", " DESC NULLS FIRST", " DESC NULLS LAST"
  };

  for (guint i = 0; i < n; i++)
    {
      g_string_append (select->sql, i > 0 ? ", " : "");
      put_template (select, source, PICK (select->world, templates));
      g_string_append (select->sql, PICK (select->world, directions));
    }
}

static inline void
put_key (Select       *select,
         const Source *source,
         const char   *before,
         gboolean      ordered)
{
  static const char * const directions[] = { "", "", " DESC" };

  for (guint i = 0; i < source->table->n_key; i++)
    g_string_append_printf (select->sql, "%s%s.%s%s", i > 0 ? ", " : before, source->alias,
                            source->table->columns[i].name, ordered ? PICK (select->world, directions) : "");
}

/* -- Of one table -------------------------------------------------------------------------------------------------- */

static inline void
add_item (Select       *select,
          const Source *source,
          GString      *list)
{
  static const char * const templates[] = {
    "@", "@", "@", "@", "upper (@) AS loud", "coalesce (@, &) AS best", "CAST (@ AS TEXT) AS text", "length (@)",
    "@ AS renamed", "@ || '!' AS title", "-@ AS n", "@ IS NULL AS missing", "& > @", "'fixed' AS fixed",
    "quote (@) AS quoted", "@ = & AS same"
  };
  const char *template = PICK (select->world, templates);
  GString *sql = select->sql;

  /* These give the names of columns to something else. */
  if (strstr (template, "AS title") != NULL || strstr (template, "AS n") != NULL)
    select->is_plain = FALSE;
  select->sql = list;
  put_template (select, source, template);
  select->sql = sql;
}

static inline void
make_list (Select       *select,
           const Source *source,
           gboolean      is_keyed)
{
  GString *list = g_string_new (NULL);
  World *world = select->world;

  select->is_keyed = is_keyed;
  select->is_plain = TRUE;
  if (select->is_keyed && chance (world, 25))
    g_string_append_printf (list, chance (world, 50) ? "*" : "%s.*", source->alias);
  else
    {
      GString *sql = select->sql;

      select->sql = list;
      if (select->is_keyed)
        put_key (select, source, "", FALSE);
      select->sql = sql;
      for (guint n = select->is_keyed ? pick (world, 4) : 1 + pick (world, 3); n > 0; n--)
        {
          g_string_append (list, list->len > 0 ? ", " : "");
          add_item (select, source, list);
        }
      if (source->table->has_rowid && !source->table->is_local && chance (world, 8))
        g_string_append_printf (list, ", %s.rowid", source->alias);
    }
  g_free (select->list);
  select->list = g_string_free (list, FALSE);
}

/* The query again, and for each row its key, rowid and rank. */
static inline void
add_identity (Select       *select,
              const Source *source,
              const char   *rest,
              const char   *terms)
{
  GString *sql = g_string_new (NULL), *kept = select->sql;

  select->sql = sql;
  g_string_append_printf (sql, "SELECT %s", select->list);
  put_key (select, source, ", ", FALSE);
  g_string_append_printf (sql, ", %s%s", source->table->has_rowid ? source->alias : "0",
                          source->table->has_rowid ? ".rowid" : "");
  if (*terms != '\0' && !select->is_ordered)
    g_string_append_printf (sql, ", dense_rank () OVER (ORDER BY %s)", terms);
  else
    g_string_append (sql, ", 0");
  g_string_append (sql, rest);
  select->sql = kept;
  select->n_hidden = source->table->n_key + 2;
  g_free (select->identity_sql);
  select->identity_sql = g_string_free (sql, FALSE);
}

/* FROM to ORDER BY, for the list that there is. */
static inline void
select_fill_in (Select *select)
{
  static const char * const shadows[] = { "ORDER BY 1", "ORDER BY title DESC", "ORDER BY n NULLS LAST" };
  World *world = select->world;
  Source source = { select->table, select->alias, TRUE };
  g_autoptr(GString) terms = g_string_new (NULL);
  guint n_terms = pick (world, 4), from;
  gboolean has_alias = strcmp (select->alias, select->table->name) != 0;

  g_ptr_array_set_size (select->slots, 0);
  g_string_printf (select->sql, "SELECT %s", select->list);
  from = select->sql->len;
  g_string_append_printf (select->sql, " FROM %s%s%s%s", chance (world, 10) ? "main." : "", select->table->name,
                          has_alias ? chance (world, 50) ? " AS " : " " : "", has_alias ? select->alias : "");
  if (chance (world, 5))
    g_string_append (select->sql, " NOT INDEXED");
  put_where (select, &source);

  select->is_ordered = !select->is_keyed || !select->is_plain || chance (world, 75);
  if (!select->is_plain && chance (world, 40))
    g_string_append_printf (select->sql, " %s",
                            select->table != &world->tables[LINKS] ? PICK (world, shadows) : shadows[0]);
  else if (n_terms > 0)
    {
      GString *sql = select->sql;

      select->sql = terms;
      put_order_terms (select, &source, n_terms);
      select->sql = sql;
      g_string_append_printf (select->sql, " ORDER BY %s", terms->str);
    }
  if (select->is_ordered)
    put_key (select, &source, strstr (select->sql->str + from, " ORDER BY ") != NULL ? ", " : " ORDER BY ", TRUE);
  add_identity (select, &source, select->sql->str + from, terms->str);
}

static inline Select *
select_of_table (World    *world,
                 gboolean  is_keyed)
{
  static const char * const aliases[] = { "t", "\"an alias\"", "x" };
  static const guint tables[] = { THINGS, THINGS, THINGS, GROUPS, LINKS };
  Select *select = select_begin (world);
  Source source;

  select->table = &world->tables[PICK (world, tables)];
  select->alias = chance (world, 50) ? select->table->name : PICK (world, aliases);
  source = (Source) { select->table, select->alias, TRUE };
  make_list (select, &source, is_keyed);
  select_fill_in (select);
  return select;
}

/* A page of a query of one table */
static inline Select *
select_window (World *world)
{
  Select *select = select_of_table (world, TRUE);
  guint end;

  /* What SQLite takes by itself may hang on columns that are not read, by the index that it uses. */
  while (!select->is_ordered && !select->table->has_rowid)
    select_fill_in (select);
  end = select->sql->len;
  g_string_append (select->sql, " LIMIT ");
  if (chance (world, 50))
    put_parameter (select, &a_count);
  else
    g_string_append_printf (select->sql, "%u", pick (world, 9));
  if (chance (world, 50))
    {
      g_string_append (select->sql, " OFFSET ");
      if (chance (world, 50))
        put_parameter (select, &a_count);
      else
        g_string_append_printf (select->sql, "%u", pick (world, 6));
    }
  if (!select->is_ordered)
    {
      gboolean has_order = strstr (select->sql->str, " ORDER BY ") != NULL;

      select->total_sql = g_strdup_printf ("%.*s%s%s.rowid%s", (int) end, select->sql->str,
                                           has_order ? ", " : " ORDER BY ", select->alias, select->sql->str + end);
      select->is_ordered = TRUE;
    }
  g_clear_pointer (&select->identity_sql, g_free);
  return select;
}
