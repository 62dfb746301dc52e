/* dimple-row-filter.c: which rows a SELECT reads, where it says so by their keys
 *
 * Only what is surely so counts: the table is named once in the whole statement, and the condition is one of those that
 * AND joins at the outermost level of WHERE.  So a join may bring other tables in, and a change of a row with another
 * key can neither add nor remove a row of the result.  Values that SQLite may find equal are never told apart.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-row-filter-private.h"

#include <string.h>

#include "dimple-key-private.h"
#include "dimple-parameters-private.h"
#include "dimple-record-private.h"
#include "dimple-sql-reader-private.h"

/* To look at more would cost the commit more than it can save. */
#define MAX_KEYS 64
#define MAX_VALUES 64
#define MAX_KEY_COLUMNS 8

/* What a column of the key may be, as records of one value each; NULL: anything. */
typedef struct
{
  const DimpleTable *table;
  GPtrArray         *values[MAX_KEY_COLUMNS];   /* of GByteArray */
} TableFilter;

struct _DimpleRowFilter
{
  DimpleSchema *schema;       /* of the tables */
  GPtrArray    *tables;       /* of TableFilter */
};

static void
table_filter_free (gpointer data)
{
  TableFilter *self = data;

  for (guint i = 0; i < MAX_KEY_COLUMNS; i++)
    g_clear_pointer (&self->values[i], g_ptr_array_unref);
  g_free (self);
}

static void
row_filter_clear (gpointer data)
{
  DimpleRowFilter *self = data;

  g_ptr_array_unref (self->tables);
  dimple_schema_unref (self->schema);
}

DimpleRowFilter *
dimple_row_filter_ref (DimpleRowFilter *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
dimple_row_filter_unref (DimpleRowFilter *self)
{
  g_atomic_rc_box_release_full (self, row_filter_clear);
}

/* -- Reading the statement ----------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleConnection *connection;
  DimpleSqlReader  *reader;
  DimpleSqlSelect   select;
  sqlite3_stmt     *statement;
  GVariant         *parameters;     /* (nullable) */
} Reading;

static gboolean
is_named (Reading    *reading,
          guint       position,
          const char *name)
{
  g_autofree char *found = NULL;

  if (!dimple_sql_reader_is_name (reading->reader, position))
    return FALSE;
  found = dimple_sql_reader_dup_name (reading->reader, position);
  return g_ascii_strcasecmp (found, name) == 0;
}

/* A text in single quotes may be a name, too. */
static gboolean
is_quoted_name (const DimpleSqlToken *token,
                const char           *name)
{
  return token->kind == DIMPLE_SQL_STRING && token->length == strlen (name) + 2 &&
         g_ascii_strncasecmp (token->text + 1, name, strlen (name)) == 0;
}

/* note.folder is a column, main.folder is a table. */
static gboolean
is_column (Reading *reading,
           guint    position)
{
  return position >= 2 && dimple_sql_reader_is_operator (reading->reader, position - 1, ".") &&
         !is_named (reading, position - 2, "main") && !is_named (reading, position - 2, "temp");
}

/* Where the table is named in FROM; FALSE if this is not the only time. */
static gboolean
find_table (Reading    *reading,
            const char *name,
            guint      *position)
{
  guint n = 0, n_tokens = dimple_sql_reader_get_n_tokens (reading->reader);

  *position = 0;
  for (guint i = 0; i < n_tokens; i++)
    {
      if (is_quoted_name (dimple_sql_reader_get_token (reading->reader, i), name))
        return FALSE;
      if (!is_named (reading, i, name) || dimple_sql_reader_is_operator (reading->reader, i + 1, ".") ||
          is_column (reading, i))
        continue;
      *position = i;
      n++;
    }
  return n == 1 && *position >= reading->select.from.first && *position < reading->select.from.end &&
         dimple_sql_reader_get_token (reading->reader, *position)->depth ==
         dimple_sql_reader_get_token (reading->reader, reading->select.from.first)->depth;
}

/* What the table is called: by its alias if it has one. */
static char *
dup_table_name (Reading *reading,
                guint    position)
{
  static const char * const keywords[] = {
    "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "OUTER", "CROSS", "NATURAL", "ON", "USING", "INDEXED", "NOT",
  };
  guint next = position + 1;

  if (dimple_sql_reader_is_word (reading->reader, next, "AS"))
    return dimple_sql_reader_dup_name (reading->reader, next + 1);
  for (guint i = 0; i < G_N_ELEMENTS (keywords); i++)
    if (dimple_sql_reader_is_word (reading->reader, next, keywords[i]))
      return dimple_sql_reader_dup_name (reading->reader, position);
  if (next < reading->select.from.end && dimple_sql_reader_is_name (reading->reader, next))
    return dimple_sql_reader_dup_name (reading->reader, next);
  return dimple_sql_reader_dup_name (reading->reader, position);
}

static gboolean
is_only_table (Reading *reading,
               guint    position)
{
  guint depth = dimple_sql_reader_get_token (reading->reader, position)->depth;

  for (guint i = reading->select.from.first; i < reading->select.from.end; i++)
    if (dimple_sql_reader_get_token (reading->reader, i)->depth != depth ||
        dimple_sql_reader_is_operator (reading->reader, i, ",") ||
        dimple_sql_reader_is_word (reading->reader, i, "JOIN"))
      return FALSE;
  return TRUE;
}

/* -- Values -------------------------------------------------------------------------------------------------------- */

static GVariant *
find_parameter (Reading    *reading,
                const char *name)
{
  int index = sqlite3_bind_parameter_index (reading->statement, name);

  if (reading->parameters == NULL)
    return NULL;
  if (g_variant_is_of_type (reading->parameters, G_VARIANT_TYPE_VARDICT))
    return g_variant_lookup_value (reading->parameters, name + 1, NULL);
  if (*name == '?')
    index = atoi (name + 1);
  if (!g_variant_is_of_type (reading->parameters, G_VARIANT_TYPE_TUPLE))
    return index == 1 ? g_variant_ref (reading->parameters) : NULL;
  return index > 0 && (gsize) index <= g_variant_n_children (reading->parameters)
           ? g_variant_get_child_value (reading->parameters, (gsize) index - 1) : NULL;
}

/* What SQLite takes a value for: an array of one value, or NULL if it is not known. */
static GByteArray *
read_value (Reading              *reading,
            const DimpleSqlToken *token)
{
  g_autofree char *text = g_strndup (token->text, token->length), *sql = NULL;
  g_autoptr(GVariant) parameter = NULL;
  g_autoptr(DimpleStatement) statement = NULL;
  GByteArray *record = NULL;
  int type;

  if (token->kind == DIMPLE_SQL_PARAMETER)
    {
      parameter = find_parameter (reading, text);
      if (parameter == NULL)
        return NULL;
    }
  else if (token->kind != DIMPLE_SQL_STRING && token->kind != DIMPLE_SQL_NUMBER)
    return NULL;
  sql = g_strconcat ("SELECT ", parameter != NULL ? "?1" : text, NULL);
  statement = dimple_connection_prepare (reading->connection, sql, NULL);
  if (statement == NULL ||
      (parameter != NULL && !dimple_parameter_bind (statement, 1, parameter, NULL)) ||
      !dimple_statement_step (statement, NULL))
    return NULL;

  type = sqlite3_column_type (statement, 0);
  if (type == SQLITE_FLOAT || type == SQLITE_BLOB)
    return NULL;
  record = g_byte_array_new ();
  dimple_record_append_column (record, statement, 0);
  return record;
}

/* Adds the value of a token to `values`; NULL equals nothing. */
static gboolean
add_value (Reading   *reading,
           guint      position,
           GPtrArray *values)
{
  GByteArray *record = read_value (reading, dimple_sql_reader_get_token (reading->reader, position));

  if (record == NULL || values->len == MAX_VALUES)
    {
      g_clear_pointer (&record, g_byte_array_unref);
      return FALSE;
    }
  if (record->data[0] == SQLITE_NULL)
    g_byte_array_unref (record);
  else
    g_ptr_array_add (values, record);
  return TRUE;
}

/* -- Conditions ---------------------------------------------------------------------------------------------------- */

/* The column of the key at this place, as [name.]column, and the position after it: -1 if it is none. */
static int
read_key_column (Reading           *reading,
                 const DimpleTable *table,
                 const char        *name,
                 gboolean           is_only,
                 guint             *position)
{
  guint i = *position;

  if (dimple_sql_reader_is_operator (reading->reader, i + 1, "."))
    {
      if (!is_named (reading, i, name))
        return -1;
      i += 2;
    }
  else if (!is_only)
    return -1;
  for (guint k = 0; k < MIN (table->key->len, MAX_KEY_COLUMNS); k++)
    if (is_named (reading, i, dimple_table_get_key_column (table, k)->name))
      {
        *position = i + 1;
        return (int) k;
      }
  return -1;
}

static gboolean
is_equals (Reading *reading,
           guint    position)
{
  return dimple_sql_reader_is_operator (reading->reader, position, "=") ||
         dimple_sql_reader_is_operator (reading->reader, position, "==");
}

/* column = value, or column IN (value, …) */
static GPtrArray *
read_condition (Reading           *reading,
                const DimpleTable *table,
                const char        *name,
                gboolean           is_only,
                DimpleSqlSpan      span,
                int               *column)
{
  g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  guint i = span.first;

  /* value = column */
  if (span.end - i >= 3 && is_equals (reading, i + 1))
    {
      guint after = i + 2;

      *column = read_key_column (reading, table, name, is_only, &after);
      if (*column >= 0 && after == span.end)
        return add_value (reading, i, values) ? g_steal_pointer (&values) : NULL;
    }

  *column = read_key_column (reading, table, name, is_only, &i);
  if (*column < 0 || span.end - i < 2)
    return NULL;
  if (is_equals (reading, i))
    return i + 2 == span.end && add_value (reading, i + 1, values) ? g_steal_pointer (&values) : NULL;
  if (!dimple_sql_reader_is_word (reading->reader, i, "IN") ||
      !dimple_sql_reader_is_operator (reading->reader, i + 1, "(") ||
      !dimple_sql_reader_is_operator (reading->reader, span.end - 1, ")"))
    return NULL;
  for (i += 2; i < span.end; i += 2)
    if (!add_value (reading, i, values) ||
        !dimple_sql_reader_is_operator (reading->reader, i + 1, i + 2 == span.end ? ")" : ","))
      return NULL;
  return g_steal_pointer (&values);
}

/* NULL if WHERE is not just conditions with AND between them: an array of DimpleSqlSpan. */
static GArray *
split_where (Reading *reading)
{
  /* Of these, the first has an AND of its own, the next may have, and the last lets more through. */
  static const char * const refused[] = { "BETWEEN", "CASE", "OR" };
  DimpleSqlSpan where = reading->select.where;
  g_autoptr(GArray) spans = g_array_new (FALSE, FALSE, sizeof (DimpleSqlSpan));
  guint depth = dimple_sql_reader_get_token (reading->reader, where.first)->depth, first = where.first;

  if (where.first == where.end)
    return NULL;
  for (guint i = where.first; i <= where.end; i++)
    {
      DimpleSqlSpan span = { first, i };

      if (i < where.end && dimple_sql_reader_get_token (reading->reader, i)->depth != depth)
        continue;
      for (guint w = 0; i < where.end && w < G_N_ELEMENTS (refused); w++)
        if (dimple_sql_reader_is_word (reading->reader, i, refused[w]))
          return NULL;
      if (i < where.end && !dimple_sql_reader_is_word (reading->reader, i, "AND"))
        continue;
      g_array_append_val (spans, span);
      first = i + 1;
    }
  return g_steal_pointer (&spans);
}

static TableFilter *
read_table (Reading           *reading,
            GArray            *conditions,
            const DimpleTable *table)
{
  TableFilter *filter = NULL;
  g_autofree char *name = NULL;
  gboolean is_only;
  guint position;

  if (table->key->len == 0 || !find_table (reading, table->name, &position))
    return NULL;
  name = dup_table_name (reading, position);
  is_only = is_only_table (reading, position);
  for (guint i = 0; i < conditions->len; i++)
    {
      DimpleSqlSpan span = g_array_index (conditions, DimpleSqlSpan, i);
      int column;
      GPtrArray *values = read_condition (reading, table, name, is_only, span, &column);

      if (values == NULL)
        continue;
      if (filter == NULL)
        filter = g_new0 (TableFilter, 1);
      filter->table = table;
      /* Of two for one column, either says enough. */
      g_clear_pointer (&filter->values[column], g_ptr_array_unref);
      filter->values[column] = values;
    }
  return filter;
}

DimpleRowFilter *
dimple_row_filter_new (DimpleConnection *reader,
                       DimpleSchema     *schema,
                       sqlite3_stmt     *statement,
                       GVariant         *parameters)
{
  Reading reading = { .connection = reader, .statement = statement, .parameters = parameters };
  g_autoptr(DimpleSqlReader) unnumbered = dimple_sql_reader_new (sqlite3_sql (statement));
  g_autofree char *sql = unnumbered != NULL ? dimple_sql_reader_number_parameters (unnumbered) : NULL;
  g_autoptr(DimpleSqlReader) numbered = sql != NULL ? dimple_sql_reader_new (sql) : NULL;
  g_autoptr(GPtrArray) tables = g_ptr_array_new_with_free_func (table_filter_free);
  g_autoptr(GArray) conditions = NULL;
  DimpleRowFilter *self;

  reading.reader = numbered;
  if (numbered == NULL || !dimple_sql_reader_find_clauses (numbered, &reading.select) || reading.select.has_with ||
      reading.select.is_compound)
    return NULL;
  conditions = split_where (&reading);
  for (guint i = 0; conditions != NULL && i < dimple_schema_get_n_tables (schema); i++)
    {
      TableFilter *filter = read_table (&reading, conditions, dimple_schema_get_table (schema, i));

      if (filter != NULL)
        g_ptr_array_add (tables, filter);
    }
  if (tables->len == 0)
    return NULL;
  self = g_atomic_rc_box_new0 (DimpleRowFilter);
  self->schema = dimple_schema_ref (schema);
  self->tables = g_steal_pointer (&tables);
  return self;
}

/* -- Against changes ----------------------------------------------------------------------------------------------- */

/* Whether SQLite may find them equal, whatever the column's affinity and collation. */
static gboolean
may_be_equal (const DimpleValue *value,
              const DimpleValue *wanted)
{
  char number[32];

  if (value->type == SQLITE_NULL || value->type == SQLITE_BLOB)
    return FALSE;
  if (value->type == SQLITE_TEXT && wanted->type == SQLITE_TEXT)
    {
      gsize size = value->size, wanted_size = wanted->size;

      while (size > 0 && value->bytes[size - 1] == ' ')
        size--;
      while (wanted_size > 0 && wanted->bytes[wanted_size - 1] == ' ')
        wanted_size--;
      return size == wanted_size && g_ascii_strncasecmp (value->bytes, wanted->bytes, size) == 0;
    }
  if (value->type == SQLITE_TEXT)
    {
      g_snprintf (number, sizeof number, "%" G_GINT64_FORMAT, wanted->integer);
      return value->size == strlen (number) && memcmp (value->bytes, number, value->size) == 0;
    }
  if (wanted->type == SQLITE_TEXT)
    return TRUE;
  return value->type == SQLITE_FLOAT || value->integer == wanted->integer;
}

static gboolean
is_among (const DimpleValue *value,
          GPtrArray         *values)
{
  for (guint i = 0; i < values->len; i++)
    {
      DimpleValue wanted;

      dimple_record_read (((GByteArray *) g_ptr_array_index (values, i))->data, &wanted);
      if (may_be_equal (value, &wanted))
        return TRUE;
    }
  return FALSE;
}

static gboolean
lets_through (TableFilter *self,
              const char  *key)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  const guint8 *position;

  if (!dimple_key_parse (self->table, key, record, NULL))
    return TRUE;
  position = record->data;
  for (guint k = 0; k < MIN (self->table->key->len, MAX_KEY_COLUMNS); k++)
    {
      DimpleValue value;

      position = dimple_record_read (position, &value);
      if (self->values[k] != NULL && !is_among (&value, self->values[k]))
        return FALSE;
    }
  return TRUE;
}

static TableFilter *
find_filter (DimpleRowFilter *self,
             const char      *table)
{
  for (guint i = 0; i < self->tables->len; i++)
    {
      TableFilter *filter = g_ptr_array_index (self->tables, i);

      if (g_ascii_strcasecmp (filter->table->name, table) == 0)
        return filter;
    }
  return NULL;
}

gboolean
dimple_row_filter_names (DimpleRowFilter *self,
                         const char      *table)
{
  return find_filter (self, table) != NULL;
}

gboolean
dimple_row_filter_excludes (DimpleRowFilter          *self,
                            const DimpleTableChanges *changes)
{
  TableFilter *filter = find_filter (self, changes->table);
  const char *end = changes->keys->str + changes->keys->len;
  guint n = 0;

  if (filter == NULL || changes->anything || changes->keys->len == 0)
    return FALSE;
  for (const char *key = changes->keys->str; key < end; key += strlen (key) + 1)
    if (++n > MAX_KEYS || lets_through (filter, key))
      return FALSE;
  return TRUE;
}
