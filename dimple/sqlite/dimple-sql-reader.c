/* dimple-sql-reader.c: the tokens of an SQL statement, and the clauses of a SELECT
 *
 * The tokens are those of SQLite's own tokenizer.  A clause begins at its keyword outside all parentheses; SQLite
 * reserves these words, so none of them is a plain name there.  The exceptions (WINDOW, OVER, FILTER, and DISTINCT FROM
 * as an operator) are told by what stands around them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sql-reader-private.h"

#include <string.h>

/* A blank to SQLite, wherever a token may begin. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct _DimpleSqlReader
{
  char   *sql;
  GArray *tokens;       /* of DimpleSqlToken; END is the last */
  guint   n_tokens;     /* before END and a last semicolon */
};

/* -- Tokens -------------------------------------------------------------------------------------------------------- */

static gboolean
is_space (char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* What may stand inside a name; SQLite takes every byte above 127. */
static gboolean
is_name_char (char c)
{
  return g_ascii_isalnum (c) || c == '_' || c == '$' || (guchar) c >= 0x80;
}

static const char *
skip_blanks (const char *p)
{
  while (TRUE)
    {
      if (is_space (*p))
        p++;
      else if (g_str_has_prefix (p, BYTE_ORDER_MARK))
        p += strlen (BYTE_ORDER_MARK);
      else if (p[0] == '-' && p[1] == '-')
        p += strcspn (p, "\n");
      else if (p[0] == '/' && p[1] == '*')
        {
          const char *end = strstr (p + 2, "*/");

          p = end != NULL ? end + 2 : p + strlen (p);
        }
      else
        return p;
    }
}

/* The end of what is quoted by `quote`, which is written twice where it is meant; NULL if there is none. */
static const char *
skip_quoted (const char *p,
             char        quote)
{
  for (p++; *p != '\0'; p++)
    if (*p == quote)
      {
        if (p[1] != quote)
          return p + 1;
        p++;
      }
  return NULL;
}

static const char *
skip_digits (const char *p)
{
  while (g_ascii_isdigit (*p) || (*p == '_' && g_ascii_isdigit (p[1])))
    p++;
  return p;
}

static const char *
skip_number (const char *p)
{
  if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && g_ascii_isxdigit (p[2]))
    {
      for (p += 2; g_ascii_isxdigit (*p); p++)
        ;
    }
  else
    {
      p = skip_digits (p);
      if (*p == '.')
        p = skip_digits (p + 1);
      if (*p == 'e' || *p == 'E')
        {
          const char *exponent = p + (p[1] == '+' || p[1] == '-' ? 2 : 1);

          if (g_ascii_isdigit (*exponent))
            p = skip_digits (exponent);
        }
    }
  return is_name_char (*p) ? NULL : p;
}

static const char *
skip_parameter (const char *p)
{
  const char *start = p++;

  if (*start == '?')
    {
      while (g_ascii_isdigit (*p))
        p++;
      return p;
    }
  while (is_name_char (*p))
    p++;
  /* :name::more and :name(more) are Tcl's: not for us. */
  if (p == start + 1 || *p == '(' || (p[0] == ':' && p[1] == ':'))
    return NULL;
  return p;
}

static const char *
skip_operator (const char *p)
{
  static const char * const long_operators[] = { "->>", "->", "||", "<=", "<>", "<<", ">=", ">>", "!=", "==" };

  for (guint i = 0; i < G_N_ELEMENTS (long_operators); i++)
    if (g_str_has_prefix (p, long_operators[i]))
      return p + strlen (long_operators[i]);
  return strchr ("()+-*/%,;.<>=&|~", *p) != NULL ? p + 1 : NULL;
}

static const char *
read_token (const char     *p,
            DimpleSqlToken *token)
{
  if (*p == '\'')
    {
      token->kind = DIMPLE_SQL_STRING;
      return skip_quoted (p, '\'');
    }
  if ((*p == 'x' || *p == 'X') && p[1] == '\'')
    {
      token->kind = DIMPLE_SQL_STRING;
      for (p += 2; g_ascii_isxdigit (*p); p++)
        ;
      return *p == '\'' ? p + 1 : NULL;
    }
  if (*p == '"' || *p == '`' || *p == '[')
    {
      const char *end = *p == '[' ? strchr (p, ']') : skip_quoted (p, *p);

      token->kind = DIMPLE_SQL_QUOTED;
      return *p == '[' && end != NULL ? end + 1 : end;
    }
  if (g_ascii_isdigit (*p) || (*p == '.' && g_ascii_isdigit (p[1])))
    {
      token->kind = DIMPLE_SQL_NUMBER;
      return skip_number (p);
    }
  if (*p == '?' || *p == ':' || *p == '@' || *p == '$')
    {
      token->kind = DIMPLE_SQL_PARAMETER;
      return skip_parameter (p);
    }
  if (is_name_char (*p))
    {
      token->kind = DIMPLE_SQL_WORD;
      while (is_name_char (*p))
        p++;
      return p;
    }
  token->kind = DIMPLE_SQL_OPERATOR;
  return skip_operator (p);
}

static gboolean
read_tokens (DimpleSqlReader *self)
{
  DimpleSqlToken token = { 0, };
  const char *p = skip_blanks (self->sql);
  guint depth = 0;

  while (*p != '\0')
    {
      const char *end = read_token (p, &token);

      if (end == NULL)
        return FALSE;
      token.text = p;
      token.length = (guint) (end - p);
      if (*p == ')')
        {
          if (depth == 0)
            return FALSE;
          depth--;
        }
      token.depth = depth;
      if (*p == '(')
        depth++;
      g_array_append_val (self->tokens, token);
      p = skip_blanks (end);
    }
  if (depth > 0)
    return FALSE;

  self->n_tokens = self->tokens->len;
  token = (DimpleSqlToken) { DIMPLE_SQL_END, 0, p, 0 };
  g_array_append_val (self->tokens, token);
  return TRUE;
}

DimpleSqlReader *
dimple_sql_reader_new (const char *sql)
{
  g_autoptr(DimpleSqlReader) self = g_new0 (DimpleSqlReader, 1);

  self->sql = g_strdup (sql);
  self->tokens = g_array_new (FALSE, FALSE, sizeof (DimpleSqlToken));
  if (!read_tokens (self))
    return NULL;

  while (self->n_tokens > 0 && dimple_sql_reader_is_operator (self, self->n_tokens - 1, ";"))
    self->n_tokens--;
  for (guint i = 0; i < self->n_tokens; i++)
    if (dimple_sql_reader_is_operator (self, i, ";"))
      return NULL;
  return g_steal_pointer (&self);
}

void
dimple_sql_reader_free (DimpleSqlReader *self)
{
  g_array_unref (self->tokens);
  g_free (self->sql);
  g_free (self);
}

guint
dimple_sql_reader_get_n_tokens (DimpleSqlReader *self)
{
  return self->n_tokens;
}

const DimpleSqlToken *
dimple_sql_reader_get_token (DimpleSqlReader *self,
                             guint            position)
{
  guint last = self->tokens->len - 1;

  return &g_array_index (self->tokens, DimpleSqlToken, position < self->n_tokens ? position : last);
}

gboolean
dimple_sql_reader_is_word (DimpleSqlReader *self,
                           guint            position,
                           const char      *word)
{
  const DimpleSqlToken *token = dimple_sql_reader_get_token (self, position);

  return token->kind == DIMPLE_SQL_WORD && strlen (word) == token->length &&
         g_ascii_strncasecmp (token->text, word, token->length) == 0;
}

gboolean
dimple_sql_reader_is_operator (DimpleSqlReader *self,
                               guint            position,
                               const char      *text)
{
  const DimpleSqlToken *token = &g_array_index (self->tokens, DimpleSqlToken, MIN (position, self->tokens->len - 1));

  return token->kind == DIMPLE_SQL_OPERATOR && strlen (text) == token->length &&
         memcmp (token->text, text, token->length) == 0;
}

gboolean
dimple_sql_reader_is_name (DimpleSqlReader *self,
                           guint            position)
{
  DimpleSqlKind kind = dimple_sql_reader_get_token (self, position)->kind;

  return kind == DIMPLE_SQL_WORD || kind == DIMPLE_SQL_QUOTED;
}

char *
dimple_sql_reader_dup_name (DimpleSqlReader *self,
                            guint            position)
{
  const DimpleSqlToken *token = dimple_sql_reader_get_token (self, position);
  char quote = *token->text;
  GString *name;

  if (token->kind != DIMPLE_SQL_QUOTED)
    return g_strndup (token->text, token->length);
  if (quote == '[')
    return g_strndup (token->text + 1, token->length - 2);

  name = g_string_sized_new (token->length);
  for (guint i = 1; i < token->length - 1; i++)
    {
      g_string_append_c (name, token->text[i]);
      if (token->text[i] == quote)
        i++;
    }
  return g_string_free (name, FALSE);
}

char *
dimple_sql_reader_dup_span (DimpleSqlReader *self,
                            DimpleSqlSpan    span)
{
  const DimpleSqlToken *first, *last;

  if (span.first >= span.end)
    return g_strdup ("");
  first = dimple_sql_reader_get_token (self, span.first);
  last = dimple_sql_reader_get_token (self, span.end - 1);
  return g_strndup (first->text, (gsize) (last->text + last->length - first->text));
}

GArray *
dimple_sql_reader_split (DimpleSqlReader *self,
                         DimpleSqlSpan    span)
{
  GArray *parts = g_array_new (FALSE, FALSE, sizeof (DimpleSqlSpan));
  DimpleSqlSpan part = { span.first, span.first };

  if (span.first >= span.end)
    return parts;

  for (guint i = span.first; i < span.end; i++)
    if (dimple_sql_reader_get_token (self, i)->depth == dimple_sql_reader_get_token (self, span.first)->depth &&
        dimple_sql_reader_is_operator (self, i, ","))
      {
        part.end = i;
        g_array_append_val (parts, part);
        part.first = i + 1;
      }
  part.end = span.end;
  g_array_append_val (parts, part);
  return parts;
}

/* -- Clauses ------------------------------------------------------------------------------------------------------- */

/* In the order in which SQL has them. */
typedef enum
{
  CLAUSE_SELECT,
  CLAUSE_FROM,
  CLAUSE_WHERE,
  CLAUSE_GROUP_BY,
  CLAUSE_HAVING,
  CLAUSE_WINDOW,
  CLAUSE_COMPOUND,
  CLAUSE_ORDER_BY,
  CLAUSE_LIMIT,
  N_CLAUSES
} Clause;

static const struct
{
  const char *word;
  const char *second;         /* (nullable) the word that must follow */
  Clause      clause;
} clause_words[] = {
  { "SELECT", NULL, CLAUSE_SELECT },
  { "FROM", NULL, CLAUSE_FROM },
  { "WHERE", NULL, CLAUSE_WHERE },
  { "GROUP", "BY", CLAUSE_GROUP_BY },
  { "HAVING", NULL, CLAUSE_HAVING },
  { "WINDOW", NULL, CLAUSE_WINDOW },
  { "UNION", NULL, CLAUSE_COMPOUND },
  { "INTERSECT", NULL, CLAUSE_COMPOUND },
  { "EXCEPT", NULL, CLAUSE_COMPOUND },
  { "ORDER", "BY", CLAUSE_ORDER_BY },
  { "LIMIT", NULL, CLAUSE_LIMIT },
};

/* x IS [NOT] DISTINCT FROM y is an operator. */
static gboolean
is_distinct_from (DimpleSqlReader *self,
                  guint            position)
{
  if (position < 2 || !dimple_sql_reader_is_word (self, position - 1, "DISTINCT"))
    return FALSE;
  return dimple_sql_reader_is_word (self, position - 2, "IS") ||
         (position >= 3 && dimple_sql_reader_is_word (self, position - 2, "NOT") &&
          dimple_sql_reader_is_word (self, position - 3, "IS"));
}

/* WINDOW is a clause only as WINDOW name AS (; elsewhere it may be a name. */
static gboolean
is_window_clause (DimpleSqlReader *self,
                  guint            position)
{
  return dimple_sql_reader_is_name (self, position + 1) && dimple_sql_reader_is_word (self, position + 2, "AS") &&
         dimple_sql_reader_is_operator (self, position + 3, "(");
}

/* The index into clause_words of the clause that begins here, or -1. */
static int
find_clause_word (DimpleSqlReader *self,
                  guint            position)
{
  if (dimple_sql_reader_get_token (self, position)->depth > 0)
    return -1;
  for (guint i = 0; i < G_N_ELEMENTS (clause_words); i++)
    if (dimple_sql_reader_is_word (self, position, clause_words[i].word))
      {
        if (clause_words[i].clause == CLAUSE_FROM && is_distinct_from (self, position))
          return -1;
        if (clause_words[i].clause == CLAUSE_WINDOW && !is_window_clause (self, position))
          return -1;
        return (int) i;
      }
  return -1;
}

/* Where the outermost SELECT begins: at once, or after WITH name AS (…), …  G_MAXUINT if nowhere. */
static guint
find_select (DimpleSqlReader *self)
{
  if (dimple_sql_reader_is_word (self, 0, "SELECT"))
    return 0;
  if (!dimple_sql_reader_is_word (self, 0, "WITH"))
    return G_MAXUINT;
  for (guint i = 1; i < self->n_tokens; i++)
    {
      if (dimple_sql_reader_get_token (self, i)->depth > 0)
        continue;
      if (dimple_sql_reader_is_word (self, i, "SELECT"))
        return i;
      /* INSERT and REPLACE may end in a SELECT, but are none.  SQLite reserves the word. */
      if (dimple_sql_reader_is_word (self, i, "INTO"))
        return G_MAXUINT;
    }
  return G_MAXUINT;
}

static gboolean
find_spans (DimpleSqlReader *self,
            guint            start,
            DimpleSqlSpan    spans[N_CLAUSES],
            gboolean        *is_compound)
{
  Clause clause = CLAUSE_SELECT;

  spans[CLAUSE_SELECT].first = start + 1;
  for (guint i = start + 1; i < self->n_tokens; i++)
    {
      int found = find_clause_word (self, i);

      if (found < 0)
        continue;
      if (clause_words[found].second != NULL && !dimple_sql_reader_is_word (self, i + 1, clause_words[found].second))
        return FALSE;
      if (spans[clause].end == 0)
        spans[clause].end = i;

      /* The parts of a compound have clauses of their own: only what comes after the last of them is the whole's. */
      if (clause_words[found].clause == CLAUSE_COMPOUND)
        *is_compound = TRUE;
      else if (clause_words[found].clause <= clause && !*is_compound)
        return FALSE;
      if (*is_compound && clause_words[found].clause <= CLAUSE_COMPOUND)
        {
          clause = CLAUSE_COMPOUND;
          continue;
        }
      clause = clause_words[found].clause;
      spans[clause].first = i + (clause_words[found].second != NULL ? 2 : 1);
      spans[clause].end = 0;
    }
  if (spans[clause].end == 0)
    spans[clause].end = self->n_tokens;
  return TRUE;
}

gboolean
dimple_sql_reader_find_clauses (DimpleSqlReader *self,
                                DimpleSqlSelect *select)
{
  DimpleSqlSpan spans[N_CLAUSES] = { { 0, } };
  guint start = find_select (self);

  *select = (DimpleSqlSelect) { 0, };
  if (start == G_MAXUINT || !find_spans (self, start, spans, &select->is_compound))
    return FALSE;

  select->has_with = start > 0;
  select->select_list = spans[CLAUSE_SELECT];
  if (dimple_sql_reader_is_word (self, start + 1, "DISTINCT") || dimple_sql_reader_is_word (self, start + 1, "ALL"))
    {
      select->is_distinct = dimple_sql_reader_is_word (self, start + 1, "DISTINCT");
      select->select_list.first++;
    }
  if (!select->is_compound)
    {
      select->from = spans[CLAUSE_FROM];
      select->where = spans[CLAUSE_WHERE];
      select->group_by = spans[CLAUSE_GROUP_BY];
      select->having = spans[CLAUSE_HAVING];
      select->window = spans[CLAUSE_WINDOW];
    }
  select->order_by = spans[CLAUSE_ORDER_BY];
  select->limit = spans[CLAUSE_LIMIT];
  return select->select_list.first < select->select_list.end;
}

/* -- Parameters and casts ------------------------------------------------------------------------------------------ */

char *
dimple_sql_reader_number_parameters (DimpleSqlReader *self)
{
  g_autoptr(GString) sql = g_string_new (NULL);
  const char *copied = self->sql;
  guint n_bare = 0, n_other = 0;

  for (guint i = 0; i < self->n_tokens; i++)
    {
      const DimpleSqlToken *token = dimple_sql_reader_get_token (self, i);

      if (token->kind != DIMPLE_SQL_PARAMETER)
        continue;
      if (token->length > 1)
        {
          n_other++;
          continue;
        }
      g_string_append_len (sql, copied, token->text - copied);
      g_string_append_printf (sql, "?%u", ++n_bare);
      copied = token->text + token->length;
    }
  if (n_bare > 0 && n_other > 0)
    return NULL;
  g_string_append (sql, copied);
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

/* `*` or `name.*`; elsewhere a star multiplies. */
static gboolean
is_star (DimpleSqlReader *self,
         DimpleSqlSpan    item)
{
  return dimple_sql_reader_is_operator (self, item.end - 1, "*");
}

/* AS, or a name at once; ISNULL and NOTNULL are operators. */
static gboolean
is_alias (DimpleSqlReader *self,
          guint            position)
{
  return (dimple_sql_reader_is_name (self, position) ||
          dimple_sql_reader_get_token (self, position)->kind == DIMPLE_SQL_STRING) &&
         !dimple_sql_reader_is_word (self, position, "ISNULL") &&
         !dimple_sql_reader_is_word (self, position, "NOTNULL");
}

char *
dimple_sql_reader_dup_cast_type (DimpleSqlReader *self,
                                 guint            column)
{
  g_autoptr(GArray) items = NULL;
  DimpleSqlSelect select;
  DimpleSqlSpan item, type;

  if (!dimple_sql_reader_find_clauses (self, &select))
    return NULL;
  items = dimple_sql_reader_split (self, select.select_list);
  if (column >= items->len)
    return NULL;
  for (guint i = 0; i < items->len; i++)
    if (is_star (self, g_array_index (items, DimpleSqlSpan, i)))
      return NULL;

  item = g_array_index (items, DimpleSqlSpan, column);
  if (!dimple_sql_reader_is_word (self, item.first, "CAST") ||
      !dimple_sql_reader_is_operator (self, item.first + 1, "("))
    return NULL;
  /* The parenthesis that ends the CAST; after it only the column's name may come. */
  for (type.end = item.first + 2; type.end < item.end; type.end++)
    if (dimple_sql_reader_get_token (self, type.end)->depth == 0 && dimple_sql_reader_is_operator (self, type.end, ")"))
      break;
  if (type.end == item.end || type.end + 3 < item.end ||
      (type.end + 3 == item.end && !dimple_sql_reader_is_word (self, type.end + 1, "AS")) ||
      (type.end + 1 < item.end && !is_alias (self, type.end + 1)))
    return NULL;
  for (type.first = type.end; type.first > item.first + 2; type.first--)
    if (dimple_sql_reader_get_token (self, type.first - 1)->depth == 1 &&
        dimple_sql_reader_is_word (self, type.first - 1, "AS"))
      return dimple_sql_reader_dup_span (self, type);
  return NULL;
}
