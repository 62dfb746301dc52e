/* dimple-sql-reader-private.h: the tokens of an SQL statement, and the clauses of a SELECT
 *
 * Finds where the parts of a statement begin and end, so that others can ask SQLite about a statement slightly changed.
 * It does not judge what a part means, and whatever it does not know it refuses: a caller must be able to do without.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  DIMPLE_SQL_END,
  DIMPLE_SQL_WORD,          /* a keyword or a plain name */
  DIMPLE_SQL_QUOTED,        /* "name", [name], `name` */
  DIMPLE_SQL_STRING,        /* 'text', x'00' */
  DIMPLE_SQL_NUMBER,
  DIMPLE_SQL_PARAMETER,     /* ?, ?1, :name, @name, $name */
  DIMPLE_SQL_OPERATOR
} DimpleSqlKind;

typedef struct
{
  DimpleSqlKind  kind;
  guint          depth;     /* in how many parentheses; one itself is as deep as what is around it */
  const char    *text;      /* in the reader's SQL */
  guint          length;
} DimpleSqlToken;

/* Tokens from `first` up to, not including, `end`. */
typedef struct
{
  guint first;
  guint end;
} DimpleSqlSpan;

/* The clauses of a statement whose outermost part is one SELECT; those that are missing are empty spans.  The keywords
 * belong to none of them. */
typedef struct
{
  gboolean       has_with;       /* a WITH stands before the SELECT */
  gboolean       is_compound;    /* UNION and such: all but `select_list` is that of the whole, or nothing */
  gboolean       is_distinct;
  DimpleSqlSpan  select_list;
  DimpleSqlSpan  from;
  DimpleSqlSpan  where;
  DimpleSqlSpan  group_by;
  DimpleSqlSpan  having;
  DimpleSqlSpan  window;
  DimpleSqlSpan  order_by;
  DimpleSqlSpan  limit;          /* with OFFSET */
} DimpleSqlSelect;

typedef struct _DimpleSqlReader DimpleSqlReader;

/* NULL if there is anything that SQLite's tokenizer does not know, an unbalanced parenthesis, or more than one
 * statement. */
DimpleSqlReader      *dimple_sql_reader_new               (const char            *sql);
void                  dimple_sql_reader_free              (DimpleSqlReader       *self);

/* Without the END, and without a semicolon at the end. */
guint                 dimple_sql_reader_get_n_tokens      (DimpleSqlReader       *self);
/* END for any position after the last token. */
const DimpleSqlToken *dimple_sql_reader_get_token         (DimpleSqlReader       *self,
                                                           guint                  position);
/* Whether the token is this keyword, in any case, not quoted. */
gboolean              dimple_sql_reader_is_word           (DimpleSqlReader       *self,
                                                           guint                  position,
                                                           const char            *word);
gboolean              dimple_sql_reader_is_operator       (DimpleSqlReader       *self,
                                                           guint                  position,
                                                           const char            *text);
gboolean              dimple_sql_reader_is_name           (DimpleSqlReader       *self,
                                                           guint                  position);
/* A name without its quotes. */
char                 *dimple_sql_reader_dup_name          (DimpleSqlReader       *self,
                                                           guint                  position);
/* The SQL of a span, comments inside it included. */
char                 *dimple_sql_reader_dup_span          (DimpleSqlReader       *self,
                                                           DimpleSqlSpan          span);
/* The parts of a span between its outermost commas: an array of DimpleSqlSpan. */
GArray               *dimple_sql_reader_split             (DimpleSqlReader       *self,
                                                           DimpleSqlSpan          span);

/* FALSE if the statement is no SELECT, or its clauses are not told apart surely. */
gboolean              dimple_sql_reader_find_clauses      (DimpleSqlReader       *self,
                                                           DimpleSqlSelect       *select);

/* The SQL with every bare `?` numbered (?1, ?2 …), so that an expression copied elsewhere keeps its values.  NULL if
 * bare ones are mixed with numbered or named ones. */
char                 *dimple_sql_reader_number_parameters (DimpleSqlReader       *self);

/* The type that the n-th column of a result is cast to at the top of its expression: TEXT for `CAST (x AS TEXT) AS y`.
 * NULL: it is not, or the select list has a `*`, so that its items cannot be counted. */
char                 *dimple_sql_reader_dup_cast_type     (DimpleSqlReader       *self,
                                                           guint                  column);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleSqlReader, dimple_sql_reader_free)

G_END_DECLS
