/* dimple-query-lookup.c: what can be asked about the rows of a query
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-query-internal-private.h"

/**
 * dimple_query_find:
 * @self: a query
 * @key: the key of a row, as [method@Dimple.Row.get_key] gives it
 * @position: (out) (optional): return location for its position
 *
 * Finds a row by its key, without making its object.  Where the key comes several times, the first is found.
 *
 * Returns: %TRUE if there is such a row
 */
gboolean
dimple_query_find (DimpleQuery *self,
                   const char  *key,
                   guint       *position)
{
  guint found = 0;

  g_return_val_if_fail (DIMPLE_IS_QUERY (self), FALSE);
  g_return_val_if_fail (key != NULL, FALSE);

  if (self->rows == NULL || !dimple_rows_find_key (self->rows, key, &found))
    return FALSE;
  if (position != NULL)
    *position = found;
  return TRUE;
}

/**
 * dimple_query_get_key:
 * @self: a query
 * @position: a position
 *
 * Gets the key of a row, without making its object: to delete the 5,000 that are selected, for example.
 *
 * Returns: (nullable) (transfer none): the key, valid until the next call; %NULL if there is no such row, or if the
 * result
 *   lacks a column of the key
 */
const char *
dimple_query_get_key (DimpleQuery *self,
                      guint        position)
{
  const guint8 *record;
  gsize size;

  g_return_val_if_fail (DIMPLE_IS_QUERY (self), NULL);

  if (position >= dimple_query_count_rows (self))
    return NULL;
  g_string_truncate (self->key, 0);
  record = dimple_rows_get_record (self->rows, position, &size);
  return dimple_row_shape_append_key (dimple_rows_get_shape (self->rows), record, self->key) ? self->key->str : NULL;
}

/**
 * dimple_query_get_first:
 * @self: a query
 *
 * Gets the object of the first row.  For a query of one row this is a live value: the count of `SELECT count (*) AS n`,
 * or the note that an editor shows.
 *
 * Returns: (transfer none) (nullable): the object, which stays as long as the row is the first one
 */
GObject *
dimple_query_get_first (DimpleQuery *self)
{
  g_return_val_if_fail (DIMPLE_IS_QUERY (self), NULL);

  if (self->first == NULL && dimple_query_count_rows (self) > 0)
    self->first = dimple_query_get_object (self, 0);
  return self->first;
}

/* The index of the section column in the result, or -1. */
static int
find_section_column (DimpleQuery *self)
{
  const char * const *columns;

  if (self->section_column == NULL || self->rows == NULL)
    return -1;
  columns = dimple_row_shape_get_columns (dimple_rows_get_shape (self->rows));
  for (int i = 0; columns[i] != NULL; i++)
    if (g_ascii_strcasecmp (columns[i], self->section_column) == 0)
      return i;
  return -1;
}

static gboolean
has_value (DimpleQuery       *self,
           int                column,
           guint              position,
           const DimpleValue *value)
{
  DimpleValue other;
  gsize size;

  dimple_record_read (dimple_record_skip (dimple_rows_get_record (self->rows, position, &size), (guint) column),
                      &other);
  return dimple_value_equal (&other, value);
}

/**
 * dimple_query_get_section:
 * @self: a query
 * @position: a position
 * @start: (out): return location for the position of the first row of the section
 * @end: (out): return location for the position after its last row
 *
 * Gets the section that a row is in: the rows around it with the same value of
 * [property@Dimple.Query:section-column].  Without a section column all rows are one section; outside the list @start is
 * its end and @end is %G_MAXUINT, as GtkSectionModel has it.
 */
void
dimple_query_get_section (DimpleQuery *self,
                          guint        position,
                          guint       *start,
                          guint       *end)
{
  g_autofree guint8 *record = NULL;
  const guint8 *shown;
  DimpleValue value;
  guint n_rows;
  gsize size;
  int column;

  g_return_if_fail (DIMPLE_IS_QUERY (self));
  g_return_if_fail (start != NULL);
  g_return_if_fail (end != NULL);

  n_rows = dimple_query_count_rows (self);
  column = find_section_column (self);
  *start = position < n_rows ? 0 : n_rows;
  *end = position < n_rows ? n_rows : G_MAXUINT;
  if (position >= n_rows || column < 0)
    return;
  shown = dimple_rows_get_record (self->rows, position, &size);
  record = g_memdup2 (shown, size);
  dimple_record_read (dimple_record_skip (record, (guint) column), &value);
  if (dimple_kept_rows_of (self->rows) != NULL &&
      dimple_kept_rows_find_section (dimple_kept_rows_of (self->rows), position, &value, start, end))
    return;
  for (*start = position; *start > 0 && has_value (self, column, *start - 1, &value); --*start)
    ;
  for (*end = position + 1; *end < n_rows && has_value (self, column, *end, &value); ++*end)
    ;
}

/**
 * dimple_query_explain:
 * @self: a query
 *
 * Says how the query is kept up to date, for its developer: whether only the rows that changed are looked at or the
 * whole is run again and why, what it watches, how SQLite finds its rows, and how long that took.  The text may differ
 * from version to version.
 *
 * Blocks for as long as it takes to prepare the statement.
 *
 * Returns: (transfer full): several lines of text
 */
char *
dimple_query_explain (DimpleQuery *self)
{
  g_return_val_if_fail (DIMPLE_IS_QUERY (self), NULL);

  return dimple_query_explain_plan (self->store, self->sql, self->plan, self->filter, dimple_query_count_rows (self),
                                    &self->statistics);
}

/**
 * dimple_query_get_error:
 * @self: a query
 *
 * Gets why the list is not up to date: %DIMPLE_ERROR_SQL, %DIMPLE_ERROR_PARAMETERS or %DIMPLE_ERROR_TYPE for what was
 * asked for, %DIMPLE_ERROR_CLOSED once the store is closed, or what is wrong with the file.
 *
 * Returns: (nullable) (transfer none): the error; %NULL if all is well
 */
const GError *
dimple_query_get_error (DimpleQuery *self)
{
  g_return_val_if_fail (DIMPLE_IS_QUERY (self), NULL);

  return self->error;
}
