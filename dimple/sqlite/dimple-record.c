/* dimple-record.c: the values of a row, packed
 *
 * Records are made for every row that is captured, so each value is written with one reservation and no further check.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-record-private.h"

#include <string.h>

/* A varint is 7 bits a byte, the lowest first; the top bit tells that more follow. */
#define MAX_VARINT_SIZE 10

#define VALUES_AT_ONCE 32

static guint8 *
put_varint (guint8  *position,
            guint64  number)
{
  while (number >= 0x80)
    {
      *position++ = (guint8) (number | 0x80);
      number >>= 7;
    }
  *position++ = (guint8) number;
  return position;
}

static const guint8 *
take_varint (const guint8 *position,
             guint64      *number)
{
  guint64 result = *position & 0x7f;

  for (int shift = 7; *position++ & 0x80; shift += 7)
    result |= (guint64) (*position & 0x7f) << shift;
  *number = result;
  return position;
}

/* Small negative numbers stay short: 0, -1, 1, -2 … become 0, 1, 2, 3 … */
static guint64
zigzag (gint64 number)
{
  return ((guint64) number << 1) ^ (number < 0 ? G_MAXUINT64 : 0);
}

static gint64
unzigzag (guint64 number)
{
  return (gint64) (number >> 1) ^ -(gint64) (number & 1);
}

/* Makes room for `size` more bytes and returns where they start. */
static guint8 *
reserve (GByteArray *record,
         gsize       size)
{
  guint start = record->len;

  if (G_UNLIKELY (size > G_MAXUINT - start))
    g_error ("A record of more than %u bytes", G_MAXUINT);
  g_byte_array_set_size (record, start + (guint) size);
  return record->data + start;
}

/* Gives back what was not needed of the reservation; the memory stays. */
static void
settle (GByteArray   *record,
        const guint8 *end)
{
  g_byte_array_set_size (record, (guint) (end - record->data));
}

/* At most this much is needed for a value. */
static gsize
size_for (gsize n_bytes)
{
  return 1 + MAX_VARINT_SIZE + n_bytes;
}

static guint8 *
put_value (guint8            *position,
           const DimpleValue *value)
{
  *position++ = (guint8) value->type;
  switch (value->type)
    {
    case SQLITE_INTEGER:
      return put_varint (position, zigzag (value->integer));
    case SQLITE_FLOAT:
      memcpy (position, &value->real, sizeof value->real);
      return position + sizeof value->real;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
      position = put_varint (position, value->size);
      if (value->size > 0)
        memcpy (position, value->bytes, value->size);
      return position + value->size;
    default:
      return position;
    }
}

/* Any type, DIMPLE_VALUE_PRUNED included. */
void
dimple_record_append (GByteArray        *record,
                      const DimpleValue *value)
{
  gboolean has_bytes = value->type == SQLITE_TEXT || value->type == SQLITE_BLOB;
  guint8 *position = reserve (record, size_for (has_bytes ? value->size : 0));

  settle (record, put_value (position, value));
}

void
dimple_record_append_column (GByteArray   *record,
                             sqlite3_stmt *statement,
                             int           column)
{
  DimpleValue value;

  dimple_value_from_column (&value, statement, column);
  dimple_record_append (record, &value);
}

/* SQLite gives no bytes either for an empty value or when memory is out: the latter ends the process, as in GLib. */
static void
set_bytes (DimpleValue *value,
           const void  *bytes,
           int          size)
{
  if (G_UNLIKELY (bytes == NULL && size > 0))
    g_error ("Out of memory for a value of %d bytes", size);
  value->bytes = bytes;
  value->size = size;
}

void
dimple_value_from_sqlite (DimpleValue   *value,
                          sqlite3_value *source)
{
  const void *bytes;

  *value = (DimpleValue) { .type = sqlite3_value_type (source) };
  switch (value->type)
    {
    case SQLITE_INTEGER:
      value->integer = sqlite3_value_int64 (source);
      break;
    case SQLITE_FLOAT:
      value->real = sqlite3_value_double (source);
      break;
    case SQLITE_TEXT:
      bytes = sqlite3_value_text (source);
      set_bytes (value, bytes, sqlite3_value_bytes (source));
      break;
    case SQLITE_BLOB:
      bytes = sqlite3_value_blob (source);
      set_bytes (value, bytes, sqlite3_value_bytes (source));
      break;
    default:
      break;
    }
}

void
dimple_record_append_sqlite (GByteArray    *record,
                             sqlite3_value *source)
{
  DimpleValue value;

  dimple_value_from_sqlite (&value, source);
  dimple_record_append (record, &value);
}

void
dimple_record_append_values (GByteArray     *record,
                             sqlite3_value **values,
                             guint           n_values)
{
  gsize size = 0;
  guint8 *position;

  for (guint i = 0; i < n_values; i++)
    {
      int type = sqlite3_value_type (values[i]);

      /* Asking for the text first, so that the size is that of UTF-8 */
      if (type == SQLITE_TEXT)
        sqlite3_value_text (values[i]);
      size += size_for (type == SQLITE_TEXT || type == SQLITE_BLOB ? (gsize) sqlite3_value_bytes (values[i]) : 0);
    }

  position = reserve (record, size);
  for (guint i = 0; i < n_values; i++)
    {
      DimpleValue value;

      dimple_value_from_sqlite (&value, values[i]);
      position = put_value (position, &value);
    }
  settle (record, position);
}

/* sqlite3_column_value() takes half the time of the functions that give what is in a column.  SQLite allows to look
 * into what it gives as long as nobody else uses the connection, and nobody does. */
void
dimple_record_append_row (GByteArray   *record,
                          sqlite3_stmt *statement,
                          guint         n_values)
{
  sqlite3_value *values[VALUES_AT_ONCE];

  for (guint start = 0; start < n_values; start += VALUES_AT_ONCE)
    {
      guint n = MIN (n_values - start, VALUES_AT_ONCE);

      for (guint i = 0; i < n; i++)
        values[i] = sqlite3_column_value (statement, (int) (start + i));
      dimple_record_append_values (record, values, n);
    }
}

const guint8 *
dimple_record_read (const guint8 *position,
                    DimpleValue  *value)
{
  guint64 number;

  *value = (DimpleValue) { .type = *position++ };
  switch (value->type)
    {
    case SQLITE_INTEGER:
      position = take_varint (position, &number);
      value->integer = unzigzag (number);
      break;
    case SQLITE_FLOAT:
      memcpy (&value->real, position, sizeof value->real);
      position += sizeof value->real;
      break;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
      position = take_varint (position, &number);
      value->bytes = (const char *) position;
      value->size = number;
      position += number;
      break;
    default:
      break;
    }
  return position;
}

const guint8 *
dimple_record_skip (const guint8 *position,
                    guint         n_values)
{
  guint64 number;

  for (; n_values > 0; n_values--)
    switch (*position++)
      {
      case SQLITE_INTEGER:
        while (*position++ & 0x80)
          ;
        break;
      case SQLITE_FLOAT:
        position += sizeof (double);
        break;
      case SQLITE_TEXT:
      case SQLITE_BLOB:
        position = take_varint (position, &number);
        position += number;
        break;
      default:
        break;
      }
  return position;
}

int
dimple_value_bind (const DimpleValue *value,
                   sqlite3_stmt      *statement,
                   int                parameter)
{
  /* A NULL pointer would bind NULL. */
  const char *bytes = value->bytes != NULL ? value->bytes : "";

  switch (value->type)
    {
    case SQLITE_INTEGER:
      return sqlite3_bind_int64 (statement, parameter, value->integer);
    case SQLITE_FLOAT:
      return sqlite3_bind_double (statement, parameter, value->real);
    case SQLITE_TEXT:
      return sqlite3_bind_text64 (statement, parameter, bytes, value->size, SQLITE_STATIC, SQLITE_UTF8);
    case SQLITE_BLOB:
      return sqlite3_bind_blob64 (statement, parameter, bytes, value->size, SQLITE_STATIC);
    case SQLITE_NULL:
      return sqlite3_bind_null (statement, parameter);
    default:
      return SQLITE_MISUSE;
    }
}

void
dimple_value_from_column (DimpleValue  *value,
                          sqlite3_stmt *statement,
                          int           column)
{
  const void *bytes;

  *value = (DimpleValue) { .type = sqlite3_column_type (statement, column) };
  switch (value->type)
    {
    case SQLITE_INTEGER:
      value->integer = sqlite3_column_int64 (statement, column);
      break;
    case SQLITE_FLOAT:
      value->real = sqlite3_column_double (statement, column);
      break;
    case SQLITE_TEXT:
      bytes = sqlite3_column_text (statement, column);
      set_bytes (value, bytes, sqlite3_column_bytes (statement, column));
      break;
    case SQLITE_BLOB:
      bytes = sqlite3_column_blob (statement, column);
      set_bytes (value, bytes, sqlite3_column_bytes (statement, column));
      break;
    default:
      break;
    }
}

/* 0.0 and -0.0 differ, as their bytes in the file do. */
gboolean
dimple_value_equal (const DimpleValue *a,
                    const DimpleValue *b)
{
  if (a->type != b->type)
    return FALSE;

  switch (a->type)
    {
    case SQLITE_INTEGER:
      return a->integer == b->integer;
    case SQLITE_FLOAT:
      return memcmp (&a->real, &b->real, sizeof a->real) == 0;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
      return a->size == b->size && (a->size == 0 || memcmp (a->bytes, b->bytes, a->size) == 0);
    default:
      return TRUE;
    }
}
