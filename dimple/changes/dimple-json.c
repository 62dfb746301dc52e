/* dimple-json.c: SQL values as JSON, written and read fast
 *
 * Most text needs no escape, and most of it is ASCII, so both directions look at eight bytes at a time for anything
 * that does, and copy (or lend) whole runs.  The reader is a state machine of what the grammar allows next; nesting is
 * a bit per level.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-json-private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ONES  G_GUINT64_CONSTANT (0x0101010101010101)
#define HIGHS G_GUINT64_CONSTANT (0x8080808080808080)

/* JSON numbers are doubles to many readers (jq, JavaScript), so a larger integer is not written as one. */
#define LARGEST_EXACT_INTEGER (G_GINT64_CONSTANT (1) << 53)

#define MAXIMUM_DEPTH 64

static const char hex_digits[] = "0123456789abcdef";

/* -- Looking at many bytes at once --------------------------------------------------------------------------------- */

static inline guint64
load_word (const char *text)
{
  guint64 word;

  memcpy (&word, text, sizeof word);
  return word;
}

/* The high bit of (at least the first of) the bytes that equal `byte`. */
static inline guint64
bytes_equal (guint64 word,
             guint8  byte)
{
  guint64 difference = word ^ (ONES * byte);

  return (difference - ONES) & ~difference & HIGHS;
}

/* The high bit of (at least the first of) the bytes that cannot stand in a string as they are. */
static inline guint64
bytes_special (guint64 word)
{
  guint64 control = (word - ONES * 0x20) & ~word & HIGHS;

  return control | bytes_equal (word, '"') | bytes_equal (word, '\\');
}

static inline gboolean
is_special (char c)
{
  return (guchar) c < 0x20 || c == '"' || c == '\\';
}

/* The first byte of [text, end) that cannot stand in a string as it is, or `end`; tells whether any byte before it is
 * not ASCII. */
static const char *
find_special (const char *text,
              const char *end,
              gboolean   *non_ascii)
{
  guint64 high = 0;

  while (end - text >= 8)
    {
      guint64 word = load_word (text);

      if (bytes_special (word) != 0)
        break;
      high |= word;
      text += 8;
    }
  while (text < end && !is_special (*text))
    high |= (guint64) (guchar) *text++;

  *non_ascii |= (high & HIGHS) != 0;
  return text;
}

/* -- Writing ------------------------------------------------------------------------------------------------------- */

static void
append_escape (GString *json,
               guchar   c)
{
  static const char short_escapes[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
                                        ['"'] = '"', ['\\'] = '\\' };

  g_string_append_c (json, '\\');
  if (short_escapes[c] != 0)
    {
      g_string_append_c (json, short_escapes[c]);
      return;
    }
  g_string_append_len (json, "u00", 3);
  g_string_append_c (json, hex_digits[c >> 4]);
  g_string_append_c (json, hex_digits[c & 0xf]);
}

static void
append_valid_string (GString    *json,
                     const char *text,
                     const char *end)
{
  gboolean ignored = FALSE;

  g_string_append_c (json, '"');
  while (text < end)
    {
      const char *special = find_special (text, end, &ignored);

      g_string_append_len (json, text, special - text);
      if (special == end)
        break;
      append_escape (json, (guchar) *special);
      text = special + 1;
    }
  g_string_append_c (json, '"');
}

/* Appends a string if it is UTF-8 without NUL; most are ASCII, which one look shows. */
static gboolean
append_string_if_valid (GString    *json,
                        const char *text,
                        gsize       size)
{
  const char *end = text + size;
  gboolean non_ascii = FALSE;

  if (find_special (text, end, &non_ascii) == end && !non_ascii)
    {
      gsize at = json->len;

      g_string_set_size (json, at + size + 2);
      json->str[at] = '"';
      if (size > 0)
        memcpy (json->str + at + 1, text, size);
      json->str[at + 1 + size] = '"';
      return TRUE;
    }
  if (!g_utf8_validate_len (text, size, NULL))
    return FALSE;
  append_valid_string (json, text, end);
  return TRUE;
}

void
dimple_json_append_string (GString    *json,
                           const char *text,
                           gssize      length)
{
  gsize size = length < 0 ? strlen (text) : (gsize) length;
  g_autofree char *valid = NULL;

  if (append_string_if_valid (json, text, size))
    return;
  valid = g_utf8_make_valid (text, size);
  append_valid_string (json, valid, valid + strlen (valid));
}

static void
append_hex (GString    *json,
            const char *name,
            const char *bytes,
            gsize       size)
{
  gsize at;

  g_string_append_printf (json, "{\"%s\":\"", name);
  at = json->len;
  g_string_set_size (json, at + size * 2);
  for (gsize i = 0; i < size; i++)
    {
      json->str[at++] = hex_digits[(guchar) bytes[i] >> 4];
      json->str[at++] = hex_digits[(guchar) bytes[i] & 0xf];
    }
  g_string_append_len (json, "\"}", 2);
}

static void
append_digits (GString *json,
               gint64   number)
{
  char digits[24];
  char *first = digits + sizeof digits;
  guint64 rest = number < 0 ? -(guint64) number : (guint64) number;

  do
    *--first = (char) ('0' + rest % 10);
  while ((rest /= 10) != 0);
  if (number < 0)
    *--first = '-';
  g_string_append_len (json, first, digits + sizeof digits - first);
}

static void
append_integer (GString *json,
                gint64   number)
{
  gboolean exact = number >= -LARGEST_EXACT_INTEGER && number <= LARGEST_EXACT_INTEGER;

  if (!exact)
    g_string_append (json, "{\"integer\":\"");
  append_digits (json, number);
  if (!exact)
    g_string_append (json, "\"}");
}

/* The shortest digits that read back as the same double, always with a point or an exponent. */
static void
append_real (GString *json,
             double   number)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  if (isnan (number))
    g_string_append (json, "null");         /* as SQLite has it */
  else if (isinf (number))
    g_string_append (json, number > 0 ? "{\"real\":\"inf\"}" : "{\"real\":\"-inf\"}");
  else if (number == floor (number) && fabs (number) < 1e15 && !(number == 0 && signbit (number)))
    {
      append_digits (json, (gint64) number);
      g_string_append_len (json, ".0", 2);
    }
  else
    {
      static const char * const formats[] = { "%.15g", "%.16g", "%.17g" };

      for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
        {
          g_ascii_formatd (buffer, sizeof buffer, formats[i], number);
          if (g_ascii_strtod (buffer, NULL) == number)
            break;
        }
      g_string_append (json, buffer);
      if (strpbrk (buffer, ".e") == NULL)
        g_string_append_len (json, ".0", 2);
    }
}

void
dimple_json_append_bytes_of_text (GString           *json,
                                  const DimpleValue *value)
{
  append_hex (json, "text", value->bytes, value->size);
}

void
dimple_json_append_value (GString           *json,
                          const DimpleValue *value)
{
  switch (value->type)
    {
    case SQLITE_INTEGER:
      append_integer (json, value->integer);
      break;
    case SQLITE_FLOAT:
      append_real (json, value->real);
      break;
    case SQLITE_TEXT:
      if (memchr (value->bytes, '\0', value->size) != NULL ||
          !append_string_if_valid (json, value->bytes, value->size))
        dimple_json_append_bytes_of_text (json, value);
      break;
    case SQLITE_BLOB:
      append_hex (json, "hex", value->bytes, value->size);
      break;
    case DIMPLE_VALUE_PRUNED:
      g_string_append (json, "{\"pruned\":true}");
      break;
    default:
      g_string_append_len (json, "null", 4);
    }
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

enum
{
  EXPECT_VALUE,
  EXPECT_FIRST_ELEMENT,        /* a value or ] */
  EXPECT_FIRST_MEMBER,         /* a name or } */
  EXPECT_SEPARATOR,            /* a comma, the end of the container, or of the text */
  EXPECT_NOTHING               /* after an error */
};

void
dimple_json_reader_init (DimpleJsonReader *self,
                         const char       *json,
                         gsize             size)
{
  memset (self, 0, sizeof *self);
  /* Text of nothing may be nowhere */
  self->start = self->position = json != NULL ? json : "";
  self->end = self->start + size;
  self->expected = EXPECT_VALUE;
}

void
dimple_json_reader_clear (DimpleJsonReader *self)
{
  if (self->scratch != NULL)
    g_string_free (self->scratch, TRUE);
  memset (self, 0, sizeof *self);
}

static DimpleJsonToken
fail (DimpleJsonReader *self)
{
  self->expected = EXPECT_NOTHING;
  return DIMPLE_JSON_ERROR;
}

static void
reset_scratch (DimpleJsonReader *self)
{
  if (self->scratch == NULL)
    self->scratch = g_string_new (NULL);
  g_string_truncate (self->scratch, 0);
}

/* Four hexadecimal digits, or -1. */
static int
read_unit (const char *text,
           const char *end)
{
  int unit = 0;

  if (end - text < 4)
    return -1;
  for (int i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (text[i]);

      if (digit < 0)
        return -1;
      unit = unit << 4 | digit;
    }
  return unit;
}

/* Appends what the escape after a backslash stands for; returns the position after it, or NULL. */
static const char *
unescape (DimpleJsonReader *self,
          const char       *text)
{
  static const char meanings[128] = { ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f',
                                      ['n'] = '\n', ['r'] = '\r', ['t'] = '\t' };
  int unit, low;

  if (text == self->end || (guchar) *text >= 128)
    return NULL;
  if (meanings[(guchar) *text] != 0)
    {
      g_string_append_c (self->scratch, meanings[(guchar) *text]);
      return text + 1;
    }
  if (*text != 'u')
    return NULL;

  unit = read_unit (text + 1, self->end);
  text += 5;
  if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000))
    return NULL;
  if (unit >= 0xd800 && unit < 0xdc00)
    {
      if (self->end - text < 6 || text[0] != '\\' || text[1] != 'u')
        return NULL;
      low = read_unit (text + 2, self->end);
      if (low < 0xdc00 || low >= 0xe000)
        return NULL;
      unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      text += 6;
    }
  g_string_append_unichar (self->scratch, (gunichar) unit);
  return text;
}

/* Reads the string whose opening quote is at the position. */
static gboolean
read_string (DimpleJsonReader *self)
{
  const char *first = self->position + 1;
  gboolean non_ascii = FALSE;
  const char *special = find_special (first, self->end, &non_ascii);
  const char *run = first;

  if (special < self->end && *special != '"')
    reset_scratch (self);
  while (special < self->end && *special == '\\')
    {
      g_string_append_len (self->scratch, run, special - run);
      run = unescape (self, special + 1);
      if (run == NULL)
        return FALSE;
      special = find_special (run, self->end, &non_ascii);
    }
  if (special == self->end || *special != '"')
    return FALSE;
  if (non_ascii && !g_utf8_validate_len (first, special - first, NULL))
    return FALSE;

  if (run == first)
    {
      self->text = first;
      self->size = special - first;
    }
  else
    {
      g_string_append_len (self->scratch, run, special - run);
      self->text = self->scratch->str;
      self->size = self->scratch->len;
    }
  self->position = special + 1;
  return TRUE;
}

static const char *
skip_digits (const char *text,
             const char *end)
{
  while (text < end && g_ascii_isdigit (*text))
    text++;
  return text;
}

static gboolean
read_real (DimpleJsonReader *self,
           const char       *after)
{
  gsize size = after - self->position;

  /* strtod() wants a NUL */
  reset_scratch (self);
  g_string_append_len (self->scratch, self->position, size);
  self->value.type = SQLITE_FLOAT;
  self->value.real = g_ascii_strtod (self->scratch->str, NULL);
  self->position = after;
  return !isinf (self->value.real);
}

/* A number without point and exponent that an int64 holds is INTEGER, any other REAL. */
static gboolean
read_number (DimpleJsonReader *self)
{
  const char *text = self->position;
  gboolean negative = *text == '-';
  const char *digits = text + negative;
  const char *after = skip_digits (digits, self->end);
  gboolean whole = TRUE;
  guint64 number = 0;

  if (after == digits || (*digits == '0' && after - digits > 1))
    return FALSE;
  text = after;
  if (after < self->end && *after == '.')
    {
      whole = FALSE;
      text = skip_digits (after + 1, self->end);
      if (text == after + 1)
        return FALSE;
    }
  if (text < self->end && (*text == 'e' || *text == 'E'))
    {
      const char *exponent = text + 1;

      whole = FALSE;
      if (exponent < self->end && (*exponent == '+' || *exponent == '-'))
        exponent++;
      text = skip_digits (exponent, self->end);
      if (text == exponent)
        return FALSE;
    }
  if (!whole || after - digits > 19)
    return read_real (self, text);

  for (; digits < after; digits++)
    number = number * 10 + (guint64) (*digits - '0');      /* 19 digits fit an unsigned one */
  if (number > (guint64) G_MAXINT64 + negative)
    return read_real (self, text);
  self->value.type = SQLITE_INTEGER;
  self->value.integer = (gint64) (negative ? -number : number);
  self->position = text;
  return TRUE;
}

static DimpleJsonToken
read_word (DimpleJsonReader *self,
           const char       *word,
           DimpleJsonToken   token)
{
  gsize size = strlen (word);

  if ((gsize) (self->end - self->position) < size || memcmp (self->position, word, size) != 0)
    return fail (self);
  self->position += size;
  self->expected = EXPECT_SEPARATOR;
  return token;
}

static DimpleJsonToken
open_container (DimpleJsonReader *self,
                gboolean          is_object)
{
  guint64 level = G_GUINT64_CONSTANT (1) << (self->depth & 63);

  if (self->depth == MAXIMUM_DEPTH)
    return fail (self);
  self->is_object = is_object ? self->is_object | level : self->is_object & ~level;
  self->depth++;
  self->position++;
  self->expected = is_object ? EXPECT_FIRST_MEMBER : EXPECT_FIRST_ELEMENT;
  return is_object ? DIMPLE_JSON_BEGIN_OBJECT : DIMPLE_JSON_BEGIN_ARRAY;
}

static gboolean
in_object (DimpleJsonReader *self)
{
  return (self->is_object >> (self->depth - 1) & 1) != 0;
}

static DimpleJsonToken
close_container (DimpleJsonReader *self)
{
  gboolean is_object = in_object (self);

  if (*self->position != (is_object ? '}' : ']'))
    return fail (self);
  self->position++;
  self->depth--;
  self->expected = EXPECT_SEPARATOR;
  return is_object ? DIMPLE_JSON_END_OBJECT : DIMPLE_JSON_END_ARRAY;
}

static DimpleJsonToken
read_value (DimpleJsonReader *self)
{
  switch (*self->position)
    {
    case '"':
      if (!read_string (self))
        return fail (self);
      self->expected = EXPECT_SEPARATOR;
      return DIMPLE_JSON_STRING;
    case '[':
      return open_container (self, FALSE);
    case '{':
      return open_container (self, TRUE);
    case 'n':
      return read_word (self, "null", DIMPLE_JSON_NULL);
    case 't':
      return read_word (self, "true", DIMPLE_JSON_TRUE);
    case 'f':
      return read_word (self, "false", DIMPLE_JSON_FALSE);
    default:
      if (!read_number (self))
        return fail (self);
      self->expected = EXPECT_SEPARATOR;
      return DIMPLE_JSON_NUMBER;
    }
}

static inline gboolean
skip_space (DimpleJsonReader *self)
{
  while (self->position < self->end &&
         (*self->position == ' ' || *self->position == '\n' || *self->position == '\t' || *self->position == '\r'))
    self->position++;
  return self->position < self->end;
}

static DimpleJsonToken
read_name (DimpleJsonReader *self)
{
  if (*self->position != '"' || !read_string (self) || !skip_space (self) || *self->position != ':')
    return fail (self);
  self->position++;
  self->expected = EXPECT_VALUE;
  return DIMPLE_JSON_NAME;
}

DimpleJsonToken
dimple_json_reader_next (DimpleJsonReader *self)
{
  gboolean more = skip_space (self);

  if (self->expected == EXPECT_SEPARATOR && self->depth == 0)
    return more ? fail (self) : DIMPLE_JSON_END;
  if (!more)
    return fail (self);

  switch (self->expected)
    {
    case EXPECT_SEPARATOR:
      if (*self->position != ',')
        return close_container (self);
      self->position++;
      if (!skip_space (self))
        return fail (self);
      return in_object (self) ? read_name (self) : read_value (self);
    case EXPECT_FIRST_ELEMENT:
      return *self->position == ']' ? close_container (self) : read_value (self);
    case EXPECT_FIRST_MEMBER:
      return *self->position == '}' ? close_container (self) : read_name (self);
    case EXPECT_VALUE:
      return read_value (self);
    default:
      return fail (self);
    }
}

gboolean
dimple_json_reader_expect (DimpleJsonReader *self,
                           DimpleJsonToken   token)
{
  return dimple_json_reader_next (self) == token;
}

gboolean
dimple_json_reader_is (DimpleJsonReader *self,
                       const char       *text)
{
  gsize size = strlen (text);

  return self->size == size && memcmp (self->text, text, size) == 0;
}

gboolean
dimple_json_reader_skip (DimpleJsonReader *self)
{
  int depth = self->depth;

  do
    {
      DimpleJsonToken token = dimple_json_reader_next (self);

      if (token == DIMPLE_JSON_ERROR || token == DIMPLE_JSON_END || self->depth < depth)
        return FALSE;
    }
  while (self->depth > depth || self->expected == EXPECT_VALUE);

  return TRUE;
}

/* -- Reading SQL values -------------------------------------------------------------------------------------------- */

/* Takes the last STRING apart into bytes. */
static gboolean
read_hex (DimpleJsonReader *self,
          int               type,
          DimpleValue      *value)
{
  gsize size = self->size / 2;

  if (self->size % 2 != 0)
    return FALSE;
  if (self->scratch == NULL || self->text != self->scratch->str)
    {
      const char *text = self->text;

      reset_scratch (self);
      g_string_set_size (self->scratch, size);
      self->text = text;
    }
  for (gsize i = 0; i < size; i++)
    {
      int high = g_ascii_xdigit_value (self->text[i * 2]);
      int low = g_ascii_xdigit_value (self->text[i * 2 + 1]);

      if (high < 0 || low < 0)
        return FALSE;
      self->scratch->str[i] = (char) (high << 4 | low);
    }
  value->type = type;
  value->bytes = self->scratch->str;
  value->size = size;
  return TRUE;
}

static gboolean
read_large_integer (DimpleJsonReader *self,
                    DimpleValue      *value)
{
  g_autofree char *digits = g_strndup (self->text, self->size);

  value->type = SQLITE_INTEGER;
  return g_ascii_string_to_signed (digits, 10, G_MININT64, G_MAXINT64, &value->integer, NULL);
}

static gboolean
read_infinity (DimpleJsonReader *self,
               DimpleValue      *value)
{
  value->type = SQLITE_FLOAT;
  value->real = dimple_json_reader_is (self, "-inf") ? -INFINITY : INFINITY;
  return dimple_json_reader_is (self, "inf") || dimple_json_reader_is (self, "-inf");
}

/* What an object of one member stands for. */
static gboolean
read_special_value (DimpleJsonReader *self,
                    DimpleValue      *value)
{
  enum { HEX, TEXT, INTEGER, REAL, PRUNED } kind;
  gboolean valid;

  if (!dimple_json_reader_expect (self, DIMPLE_JSON_NAME))
    return FALSE;
  if (dimple_json_reader_is (self, "hex"))
    kind = HEX;
  else if (dimple_json_reader_is (self, "text"))
    kind = TEXT;
  else if (dimple_json_reader_is (self, "integer"))
    kind = INTEGER;
  else if (dimple_json_reader_is (self, "real"))
    kind = REAL;
  else if (dimple_json_reader_is (self, "pruned"))
    kind = PRUNED;
  else
    return FALSE;

  if (!dimple_json_reader_expect (self, kind == PRUNED ? DIMPLE_JSON_TRUE : DIMPLE_JSON_STRING))
    return FALSE;
  switch (kind)
    {
    case HEX:
      valid = read_hex (self, SQLITE_BLOB, value);
      break;
    case TEXT:
      valid = read_hex (self, SQLITE_TEXT, value);
      break;
    case INTEGER:
      valid = read_large_integer (self, value);
      break;
    case REAL:
      valid = read_infinity (self, value);
      break;
    case PRUNED:
    default:
      value->type = DIMPLE_VALUE_PRUNED;
      valid = TRUE;
    }
  return valid && dimple_json_reader_expect (self, DIMPLE_JSON_END_OBJECT);
}

gboolean
dimple_json_reader_next_value (DimpleJsonReader *self,
                               DimpleValue      *value)
{
  switch (dimple_json_reader_next (self))
    {
    case DIMPLE_JSON_STRING:
      value->type = SQLITE_TEXT;
      value->bytes = self->text;
      value->size = self->size;
      return TRUE;
    case DIMPLE_JSON_NUMBER:
      *value = self->value;
      return TRUE;
    case DIMPLE_JSON_NULL:
      value->type = SQLITE_NULL;
      return TRUE;
    case DIMPLE_JSON_BEGIN_OBJECT:
      if (read_special_value (self, value))
        return TRUE;
      break;
    default:
      break;
    }
  fail (self);
  return FALSE;
}
