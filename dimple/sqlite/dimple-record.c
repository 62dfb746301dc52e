/* dimple-record.c: the values of a row, packed
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-record-private.h"

#include <string.h>

static void
append_varint (GByteArray *record,
               guint64     number)
{
  guint8 bytes[10];
  guint n = 0;

  for (; number >= 0x80; number >>= 7)
    bytes[n++] = (guint8) (number | 0x80);
  bytes[n++] = (guint8) number;
  g_byte_array_append (record, bytes, n);
}

static const guint8 *
read_varint (const guint8 *position,
             guint64      *number)
{
  *number = 0;
  for (guint shift = 0;; shift += 7, position++)
    {
      *number |= (guint64) (*position & 0x7f) << shift;
      if ((*position & 0x80) == 0)
        return position + 1;
    }
}

/* Zigzag: numbers near zero, of either sign, are short. */
static guint64
encode_sign (gint64 number)
{
  return (guint64) number << 1 ^ (guint64) (number >> 63);
}

static gint64
decode_sign (guint64 number)
{
  return (gint64) (number >> 1) ^ -(gint64) (number & 1);
}

void
dimple_record_append (GByteArray        *record,
                      const DimpleValue *value)
{
  guint8 type = (guint8) value->type;

  g_byte_array_append (record, &type, 1);
  switch (value->type)
    {
    case SQLITE_INTEGER:
      append_varint (record, encode_sign (value->integer));
      break;
    case SQLITE_FLOAT:
      g_byte_array_append (record, (const guint8 *) &value->real, sizeof value->real);
      break;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
      append_varint (record, value->size);
      if (value->size > 0)
        g_byte_array_append (record, (const guint8 *) value->bytes, (guint) value->size);
      break;
    default:
      break;
    }
}

/* A column's text must be asked for before its size, or SQLite may convert in between. */
static void
value_from_sqlite (DimpleValue   *value,
                   sqlite3_value *sqlite)
{
  value->type = sqlite3_value_type (sqlite);
  switch (value->type)
    {
    case SQLITE_INTEGER:
      value->integer = sqlite3_value_int64 (sqlite);
      break;
    case SQLITE_FLOAT:
      value->real = sqlite3_value_double (sqlite);
      break;
    case SQLITE_TEXT:
      value->bytes = (const char *) sqlite3_value_text (sqlite);
      value->size = (gsize) sqlite3_value_bytes (sqlite);
      break;
    case SQLITE_BLOB:
      value->bytes = sqlite3_value_blob (sqlite);
      value->size = (gsize) sqlite3_value_bytes (sqlite);
      break;
    default:
      break;
    }
}

void
dimple_value_from_column (DimpleValue  *value,
                          sqlite3_stmt *statement,
                          int           column)
{
  value->type = sqlite3_column_type (statement, column);
  switch (value->type)
    {
    case SQLITE_INTEGER:
      value->integer = sqlite3_column_int64 (statement, column);
      break;
    case SQLITE_FLOAT:
      value->real = sqlite3_column_double (statement, column);
      break;
    case SQLITE_TEXT:
      value->bytes = (const char *) sqlite3_column_text (statement, column);
      value->size = (gsize) sqlite3_column_bytes (statement, column);
      break;
    case SQLITE_BLOB:
      value->bytes = sqlite3_column_blob (statement, column);
      value->size = (gsize) sqlite3_column_bytes (statement, column);
      break;
    default:
      break;
    }
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

void
dimple_record_append_sqlite (GByteArray    *record,
                             sqlite3_value *value)
{
  DimpleValue unpacked;

  value_from_sqlite (&unpacked, value);
  dimple_record_append (record, &unpacked);
}

const guint8 *
dimple_record_read (const guint8 *position,
                    DimpleValue  *value)
{
  guint64 number;

  value->type = *position++;
  switch (value->type)
    {
    case SQLITE_INTEGER:
      position = read_varint (position, &number);
      value->integer = decode_sign (number);
      return position;
    case SQLITE_FLOAT:
      memcpy (&value->real, position, sizeof value->real);
      return position + sizeof value->real;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
      position = read_varint (position, &number);
      value->bytes = (const char *) position;
      value->size = (gsize) number;
      return position + number;
    default:
      return position;
    }
}

const guint8 *
dimple_record_skip (const guint8 *position,
                    guint         n_values)
{
  DimpleValue value;

  while (n_values-- > 0)
    position = dimple_record_read (position, &value);
  return position;
}

int
dimple_value_bind (const DimpleValue *value,
                   sqlite3_stmt      *statement,
                   int                parameter)
{
  switch (value->type)
    {
    case SQLITE_INTEGER:
      return sqlite3_bind_int64 (statement, parameter, value->integer);
    case SQLITE_FLOAT:
      return sqlite3_bind_double (statement, parameter, value->real);
    case SQLITE_TEXT:
      return sqlite3_bind_text64 (statement, parameter, value->bytes, value->size, SQLITE_STATIC, SQLITE_UTF8);
    case SQLITE_BLOB:
      /* A NULL pointer would bind NULL. */
      return sqlite3_bind_blob64 (statement, parameter, value->size > 0 ? value->bytes : "", value->size,
                                  SQLITE_STATIC);
    default:
      return sqlite3_bind_null (statement, parameter);
    }
}

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
