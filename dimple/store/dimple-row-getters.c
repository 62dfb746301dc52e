/* dimple-row-getters.c: a row's values, converted as they are asked for
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-row-private.h"

/**
 * dimple_row_get_value:
 * @self: a row
 * @column: a column, as in SQL
 *
 * Gets a column as what it holds: an int64, a double, a string, a [struct@GLib.Bytes], or a boolean if the column is
 * declared as one and holds an integer.  It is valid until the column changes.
 *
 * Returns: (nullable) (transfer none): the value, or %NULL if it is NULL
 */
const GValue *
dimple_row_get_value (DimpleRow  *self,
                      const char *column)
{
  DimpleValue value;
  int index;
  DimpleRowLent *lent;

  g_return_val_if_fail (DIMPLE_IS_ROW (self), NULL);
  g_return_val_if_fail (column != NULL, NULL);

  index = dimple_row_read (self, column, &value);
  if (index < 0 || value.type == SQLITE_NULL)
    return NULL;
  lent = dimple_row_get_lent (self, (guint) index);
  if (!G_IS_VALUE (&lent->value))
    dimple_value_init_gvalue (&value, dimple_row_get_binding (self)->shape->columns[index].kind, &lent->value);
  return &lent->value;
}

/**
 * dimple_row_get_string:
 * @self: a row
 * @column: a column, as in SQL
 *
 * Gets a column as text, whatever it holds: all digits of an integer, too.  It is valid until the column changes.
 *
 * Returns: (nullable): the text, or %NULL if the column is NULL
 */
const char *
dimple_row_get_string (DimpleRow  *self,
                       const char *column)
{
  DimpleValue value;
  int index;
  DimpleRowLent *lent;

  g_return_val_if_fail (DIMPLE_IS_ROW (self), NULL);
  g_return_val_if_fail (column != NULL, NULL);

  index = dimple_row_read (self, column, &value);
  if (index < 0)
    return NULL;
  lent = dimple_row_get_lent (self, (guint) index);
  if (lent->string == NULL)
    lent->string = dimple_value_dup_string (&value);
  return lent->string;
}

/**
 * dimple_row_get_int64:
 * @self: a row
 * @column: a column, as in SQL
 *
 * Gets a column as an integer.
 *
 * Returns: the integer; 0 if the column is NULL
 */
gint64
dimple_row_get_int64 (DimpleRow  *self,
                      const char *column)
{
  DimpleValue value;

  g_return_val_if_fail (DIMPLE_IS_ROW (self), 0);
  g_return_val_if_fail (column != NULL, 0);

  return dimple_row_read (self, column, &value) >= 0 ? dimple_value_to_int64 (&value) : 0;
}

/**
 * dimple_row_get_double:
 * @self: a row
 * @column: a column, as in SQL
 *
 * Gets a column as a number.
 *
 * Returns: the number; 0 if the column is NULL
 */
double
dimple_row_get_double (DimpleRow  *self,
                       const char *column)
{
  DimpleValue value;

  g_return_val_if_fail (DIMPLE_IS_ROW (self), 0.0);
  g_return_val_if_fail (column != NULL, 0.0);

  return dimple_row_read (self, column, &value) >= 0 ? dimple_value_to_double (&value) : 0.0;
}

/**
 * dimple_row_get_boolean:
 * @self: a row
 * @column: a column, as in SQL
 *
 * Gets whether a column is a number other than 0.
 *
 * Returns: %TRUE if it is; %FALSE if it is 0, NULL, or no number
 */
gboolean
dimple_row_get_boolean (DimpleRow  *self,
                        const char *column)
{
  DimpleValue value;

  g_return_val_if_fail (DIMPLE_IS_ROW (self), FALSE);
  g_return_val_if_fail (column != NULL, FALSE);

  return dimple_row_read (self, column, &value) >= 0 && dimple_value_to_boolean (&value);
}

/**
 * dimple_row_get_bytes:
 * @self: a row
 * @column: a column, as in SQL
 *
 * Gets a column as bytes: a blob, or the text of anything else.  It is valid until the column changes.
 *
 * Returns: (nullable) (transfer none): the bytes, or %NULL if the column is NULL
 */
GBytes *
dimple_row_get_bytes (DimpleRow  *self,
                      const char *column)
{
  DimpleValue value;
  int index;
  DimpleRowLent *lent;

  g_return_val_if_fail (DIMPLE_IS_ROW (self), NULL);
  g_return_val_if_fail (column != NULL, NULL);

  index = dimple_row_read (self, column, &value);
  if (index < 0)
    return NULL;
  lent = dimple_row_get_lent (self, (guint) index);
  if (lent->bytes == NULL)
    lent->bytes = dimple_value_dup_bytes (&value);
  return lent->bytes;
}

/**
 * dimple_row_dup_date_time:
 * @self: a row
 * @column: a column, as in SQL
 *
 * Gets a column as a time, in UTC: a date or a date and time in ISO 8601, which is in UTC if it names no time zone, or
 * a number of seconds since 1970.
 *
 * Returns: (nullable) (transfer full): the time, or %NULL if the column is NULL or no time
 */
GDateTime *
dimple_row_dup_date_time (DimpleRow  *self,
                          const char *column)
{
  DimpleValue value;

  g_return_val_if_fail (DIMPLE_IS_ROW (self), NULL);
  g_return_val_if_fail (column != NULL, NULL);

  return dimple_row_read (self, column, &value) >= 0 ? dimple_value_dup_date_time (&value) : NULL;
}

/**
 * dimple_row_is_null:
 * @self: a row
 * @column: a column, as in SQL
 *
 * Gets whether a column is NULL, which numbers and booleans cannot say.
 *
 * Returns: %TRUE if it is NULL
 */
gboolean
dimple_row_is_null (DimpleRow  *self,
                    const char *column)
{
  DimpleValue value;

  g_return_val_if_fail (DIMPLE_IS_ROW (self), TRUE);
  g_return_val_if_fail (column != NULL, TRUE);

  return dimple_row_read (self, column, &value) < 0 || value.type == SQLITE_NULL;
}
