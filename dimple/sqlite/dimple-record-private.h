/* dimple-record-private.h: the values of a row, packed
 *
 * A record is its values one after the other, each a type byte (SQLITE_INTEGER … SQLITE_NULL) and then: a zigzag
 * varint, 8 bytes of double, or a varint length and that many bytes.  Equal values (type and content, as SQL's IS would
 * without numeric conversion) are equal bytes, so records are compared and hashed as they are.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/* One value, read out of a record; text and blob point into it and are not NUL-terminated. */
typedef struct
{
  int         type;       /* SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_BLOB, SQLITE_NULL */
  gint64      integer;
  double      real;
  const char *bytes;
  gsize       size;
} DimpleValue;

/* What changes/ keeps of a value that pruning has dropped; never in a table. */
#define DIMPLE_VALUE_PRUNED 6

void          dimple_record_append_column (GByteArray    *record,
                                           sqlite3_stmt  *statement,
                                           int            column);
void          dimple_record_append_values (GByteArray    *record,
                                           sqlite3_value **values,
                                           guint          n_values);
/* The first `n_values` columns. */
void          dimple_record_append_row    (GByteArray    *record,
                                           sqlite3_stmt  *statement,
                                           guint          n_values);
void          dimple_record_append_sqlite (GByteArray    *record,
                                           sqlite3_value *value);
void          dimple_record_append        (GByteArray    *record,
                                           const DimpleValue *value);
/* Reads the value at `position`, and returns the position after it. */
const guint8 *dimple_record_read          (const guint8  *position,
                                           DimpleValue   *value);
const guint8 *dimple_record_skip          (const guint8  *position,
                                           guint          n_values);
/* The text and blobs must stay until the statement is reset or bound anew. */
int           dimple_value_bind           (const DimpleValue *value,
                                           sqlite3_stmt  *statement,
                                           int            parameter);
void          dimple_value_from_column    (DimpleValue   *value,
                                           sqlite3_stmt  *statement,
                                           int            column);
void          dimple_value_from_sqlite    (DimpleValue   *value,
                                           sqlite3_value *source);
gboolean      dimple_value_equal          (const DimpleValue *a,
                                           const DimpleValue *b);

G_END_DECLS
