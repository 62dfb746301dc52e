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

/* `text` is UTF-8; what is not comes out as U+FFFD. */
void dimple_json_append_string        (GString           *json,
                                       const char        *text,
                                       gssize             length);
void dimple_json_append_value         (GString           *json,
                                       const DimpleValue *value);
/* As {"text":…}, also where it could be a string. */
void dimple_json_append_bytes_of_text (GString           *json,
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

/* Strict (RFC 8259): control characters, bad escapes, lone surrogates, invalid UTF-8, trailing commas, numbers beyond
 * double and nesting beyond 64 levels are errors.  After an error every further token is one. */
typedef struct
{
  const char *start;
  const char *position;        /* after an error: near it */
  const char *end;
  int         depth;
  guint64     is_object;       /* bit n: nesting level n + 1 is an object */
  int         expected;        /* what the grammar allows next, see dimple-json.c */
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
/* Reads one SQL value, objects like {"hex":…} included; {"pruned":true} is of type DIMPLE_VALUE_PRUNED.  Its bytes are
 * valid until the next call.  FALSE for anything else. */
gboolean        dimple_json_reader_next_value (DimpleJsonReader *self,
                                               DimpleValue      *value);
/* Skips the value that begins with the next token. */
gboolean        dimple_json_reader_skip       (DimpleJsonReader *self);
/* For callers that know what must come: whether the next token is `token`. */
gboolean        dimple_json_reader_expect     (DimpleJsonReader *self,
                                               DimpleJsonToken   token);
/* Whether the last NAME or STRING is `text`. */
gboolean        dimple_json_reader_is         (DimpleJsonReader *self,
                                               const char       *text);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleJsonReader, dimple_json_reader_clear)

G_END_DECLS
