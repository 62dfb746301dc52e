/* dimple-json-private.h: SQL values as JSON, written and read fast
 *
 * json-glib parses 54 MB/s, which alone would take longer than inserting the rows; this reader pulls one token at a
 * time from the text at memory speed and keeps nothing.  The format of values is in dimple-log-private.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-record-private.h"

G_BEGIN_DECLS

void dimple_json_append_string (GString           *json,
                                const char        *text,
                                gssize             length);
void dimple_json_append_value  (GString           *json,
                                const DimpleValue *value);

typedef enum
{
  DIMPLE_JSON_END,             /* of the text */
  DIMPLE_JSON_ERROR,
  DIMPLE_JSON_BEGIN_ARRAY,
  DIMPLE_JSON_END_ARRAY,
  DIMPLE_JSON_BEGIN_OBJECT,
  DIMPLE_JSON_END_OBJECT,
  DIMPLE_JSON_NAME,            /* of a member: text, size */
  DIMPLE_JSON_STRING,          /* text, size */
  DIMPLE_JSON_NUMBER,          /* value */
  DIMPLE_JSON_TRUE,
  DIMPLE_JSON_FALSE,
  DIMPLE_JSON_NULL
} DimpleJsonToken;

/* Strict (RFC 8259): control characters, bad escapes, lone surrogates, invalid UTF-8, trailing commas and nesting beyond
 * 64 levels are errors. */
typedef struct
{
  const char *start;
  const char *position;
  const char *end;
  int         depth;
  guint64     is_object;       /* bit n: nesting level n is an object */
  gboolean    want_comma;
  gboolean    want_value;
  const char *text;            /* of the last NAME or STRING; in the JSON or in scratch; until the next token */
  gsize       size;
  DimpleValue value;           /* of the last NUMBER */
  GString    *scratch;         /* unescaped strings, hex */
} DimpleJsonReader;

void            dimple_json_reader_init       (DimpleJsonReader *self,
                                               const char       *json,
                                               gsize             size);
void            dimple_json_reader_clear      (DimpleJsonReader *self);
DimpleJsonToken dimple_json_reader_next       (DimpleJsonReader *self);
/* Reads one SQL value, objects like {"hex":…} included.  Its bytes are valid until the next call. */
gboolean        dimple_json_reader_next_value (DimpleJsonReader *self,
                                               DimpleValue      *value);
/* Skips the value that begins with the next token. */
gboolean        dimple_json_reader_skip       (DimpleJsonReader *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleJsonReader, dimple_json_reader_clear)

G_END_DECLS
