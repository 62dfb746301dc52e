/* dimple-row-value.c: SQL values as GValues, and back
 *
 * SQLite stores any value in any column, so each conversion takes whatever there is, by the rules of SQL's CAST.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-row-value-private.h"

#include <math.h>
#include <string.h>

/* Up to 2^53 every integer is a double. */
#define MAX_EXACT_DOUBLE 9007199254740992.0

/* -- Kinds --------------------------------------------------------------------------------------------------------- */

DimpleKind
dimple_kind_from_declared_type (const char *declared_type)
{
  static const struct { const char *part; DimpleKind kind; } parts[] = {
    { "BOOL", DIMPLE_KIND_BOOLEAN },
    { "INT", DIMPLE_KIND_INT64 },
    { "CHAR", DIMPLE_KIND_STRING },
    { "CLOB", DIMPLE_KIND_STRING },
    { "TEXT", DIMPLE_KIND_STRING },
    { "REAL", DIMPLE_KIND_DOUBLE },
    { "FLOA", DIMPLE_KIND_DOUBLE },
    { "DOUB", DIMPLE_KIND_DOUBLE },
    { "BLOB", DIMPLE_KIND_BYTES },
  };
  g_autofree char *upper = declared_type != NULL ? g_ascii_strup (declared_type, -1) : NULL;

  for (guint i = 0; upper != NULL && i < G_N_ELEMENTS (parts); i++)
    if (strstr (upper, parts[i].part) != NULL)
      return parts[i].kind;
  return DIMPLE_KIND_ANY;
}

GType
dimple_kind_get_gtype (DimpleKind kind)
{
  switch (kind)
    {
    case DIMPLE_KIND_BOOLEAN:
      return G_TYPE_BOOLEAN;
    case DIMPLE_KIND_INT64:
      return G_TYPE_INT64;
    case DIMPLE_KIND_STRING:
      return G_TYPE_STRING;
    case DIMPLE_KIND_DOUBLE:
      return G_TYPE_DOUBLE;
    case DIMPLE_KIND_BYTES:
      return G_TYPE_BYTES;
    default:
      return G_TYPE_VALUE;
    }
}

/* -- SQL values as C's --------------------------------------------------------------------------------------------- */

/* The bytes of a text or blob, with a NUL after them. */
static char *
dup_bytes_as_text (const DimpleValue *value)
{
  char *text = g_malloc (value->size + 1);

  if (value->size > 0)
    memcpy (text, value->bytes, value->size);
  text[value->size] = '\0';
  return text;
}

static gint64
clamp_to_int64 (double number)
{
  if (number >= 9223372036854775808.0)
    return G_MAXINT64;
  return number > -9223372036854775808.0 ? (gint64) number : G_MININT64;
}

gint64
dimple_value_to_int64 (const DimpleValue *value)
{
  g_autofree char *text = NULL;

  switch (value->type)
    {
    case SQLITE_INTEGER:
      return value->integer;
    case SQLITE_FLOAT:
      return clamp_to_int64 (value->real);
    case SQLITE_TEXT:
    case SQLITE_BLOB:
      text = dup_bytes_as_text (value);
      return g_ascii_strtoll (text, NULL, 10);
    default:
      return 0;
    }
}

/* The number that a text begins with.  g_ascii_strtod() would also read hexadecimal, infinities and NaNs. */
static double
parse_double (const char *text)
{
  g_autofree char *number = NULL;
  const char *end = text;

  while (g_ascii_isspace (*text))
    text++;
  end = text + strspn (text, "+-.0123456789eE");
  number = g_strndup (text, (gsize) (end - text));
  return g_ascii_strtod (number, NULL);
}

double
dimple_value_to_double (const DimpleValue *value)
{
  g_autofree char *text = NULL;

  switch (value->type)
    {
    case SQLITE_INTEGER:
      return (double) value->integer;
    case SQLITE_FLOAT:
      return value->real;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
      text = dup_bytes_as_text (value);
      return parse_double (text);
    default:
      return 0.0;
    }
}

gboolean
dimple_value_to_boolean (const DimpleValue *value)
{
  return value->type == SQLITE_INTEGER ? value->integer != 0 : dimple_value_to_double (value) != 0.0;
}

char *
dimple_value_dup_string (const DimpleValue *value)
{
  char number[64];

  switch (value->type)
    {
    case SQLITE_INTEGER:
      return g_strdup_printf ("%" G_GINT64_FORMAT, value->integer);
    case SQLITE_FLOAT:
      /* As CAST (x AS TEXT) has it, without the locale's decimal point */
      return g_strdup (sqlite3_snprintf (sizeof number, number, "%!.15g", value->real));
    case SQLITE_TEXT:
    case SQLITE_BLOB:
      if (value->size == 0)
        return g_strdup ("");
      if (g_utf8_validate_len (value->bytes, value->size, NULL))
        return g_strndup (value->bytes, value->size);
      return g_utf8_make_valid (value->bytes, (gssize) value->size);
    default:
      return NULL;
    }
}

GBytes *
dimple_value_dup_bytes (const DimpleValue *value)
{
  char *text;

  switch (value->type)
    {
    case SQLITE_TEXT:
    case SQLITE_BLOB:
      return g_bytes_new (value->bytes, value->size);
    case SQLITE_NULL:
      return NULL;
    default:
      text = dimple_value_dup_string (value);
      return text != NULL ? g_bytes_new_take (text, strlen (text)) : NULL;
    }
}

static GDateTime *
date_time_from_seconds (double seconds)
{
  g_autoptr(GDateTime) whole = NULL;
  double floored = floor (seconds);

  if (!(ABS (floored) < 1e12))
    return NULL;
  whole = g_date_time_new_from_unix_utc ((gint64) floored);
  return whole != NULL ? g_date_time_add (whole, (GTimeSpan) ((seconds - floored) * G_USEC_PER_SEC + 0.5)) : NULL;
}

GDateTime *
dimple_value_dup_date_time (const DimpleValue *value)
{
  g_autoptr(GDateTime) date_time = NULL;
  g_autoptr(GTimeZone) utc = g_time_zone_new_utc ();
  g_autofree char *text = NULL;
  g_autofree char *midnight = NULL;

  switch (value->type)
    {
    case SQLITE_INTEGER:
      return g_date_time_new_from_unix_utc (value->integer);
    case SQLITE_FLOAT:
      return date_time_from_seconds (value->real);
    case SQLITE_TEXT:
      text = dup_bytes_as_text (value);
      date_time = g_date_time_new_from_iso8601 (text, utc);
      if (date_time == NULL)
        {
          /* A date alone, as SQLite's date () gives */
          midnight = g_strconcat (text, "T00:00:00", NULL);
          date_time = g_date_time_new_from_iso8601 (midnight, utc);
        }
      return date_time != NULL ? g_date_time_to_utc (date_time) : NULL;
    default:
      return NULL;
    }
}

GVariant *
dimple_value_to_variant (const DimpleValue *value)
{
  switch (value->type)
    {
    case SQLITE_INTEGER:
      return g_variant_new_int64 (value->integer);
    case SQLITE_FLOAT:
      return g_variant_new_double (value->real);
    case SQLITE_TEXT:
      return g_variant_new_take_string (dimple_value_dup_string (value));
    case SQLITE_BLOB:
      return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, value->bytes, value->size, 1);
    default:
      return g_variant_new_maybe (G_VARIANT_TYPE_STRING, NULL);
    }
}

/* -- GValues ------------------------------------------------------------------------------------------------------- */

void
dimple_value_init_gvalue (const DimpleValue *value,
                          DimpleKind         kind,
                          GValue            *target)
{
  switch (value->type)
    {
    case SQLITE_INTEGER:
      if (kind == DIMPLE_KIND_BOOLEAN)
        g_value_set_boolean (g_value_init (target, G_TYPE_BOOLEAN), value->integer != 0);
      else
        g_value_set_int64 (g_value_init (target, G_TYPE_INT64), value->integer);
      break;
    case SQLITE_FLOAT:
      g_value_set_double (g_value_init (target, G_TYPE_DOUBLE), value->real);
      break;
    case SQLITE_BLOB:
      g_value_take_boxed (g_value_init (target, G_TYPE_BYTES), dimple_value_dup_bytes (value));
      break;
    default:
      g_value_take_string (g_value_init (target, G_TYPE_STRING), dimple_value_dup_string (value));
      break;
    }
}

gboolean
dimple_value_is_type_supported (GType type)
{
  switch (G_TYPE_FUNDAMENTAL (type))
    {
    case G_TYPE_BOOLEAN:
    case G_TYPE_CHAR:
    case G_TYPE_UCHAR:
    case G_TYPE_INT:
    case G_TYPE_UINT:
    case G_TYPE_LONG:
    case G_TYPE_ULONG:
    case G_TYPE_INT64:
    case G_TYPE_UINT64:
    case G_TYPE_ENUM:
    case G_TYPE_FLAGS:
    case G_TYPE_FLOAT:
    case G_TYPE_DOUBLE:
    case G_TYPE_STRING:
      return TRUE;
    default:
      return type == G_TYPE_BYTES || type == G_TYPE_DATE_TIME || type == G_TYPE_VALUE;
    }
}

static void
set_boxed (const DimpleValue *value,
           DimpleKind         kind,
           GValue            *target)
{
  if (G_VALUE_TYPE (target) == G_TYPE_BYTES)
    g_value_take_boxed (target, dimple_value_dup_bytes (value));
  else if (G_VALUE_TYPE (target) == G_TYPE_DATE_TIME)
    g_value_take_boxed (target, dimple_value_dup_date_time (value));
  else
    {
      GValue *boxed = g_new0 (GValue, 1);

      dimple_value_init_gvalue (value, kind, boxed);
      g_value_take_boxed (target, boxed);
    }
}

void
dimple_value_set_gvalue (const DimpleValue *value,
                         DimpleKind         kind,
                         GValue            *target)
{
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (target)))
    {
    case G_TYPE_BOOLEAN:
      g_value_set_boolean (target, dimple_value_to_boolean (value));
      break;
    case G_TYPE_CHAR:
      g_value_set_schar (target, (gint8) dimple_value_to_int64 (value));
      break;
    case G_TYPE_UCHAR:
      g_value_set_uchar (target, (guchar) dimple_value_to_int64 (value));
      break;
    case G_TYPE_INT:
      g_value_set_int (target, (int) CLAMP (dimple_value_to_int64 (value), G_MININT, G_MAXINT));
      break;
    case G_TYPE_UINT:
      g_value_set_uint (target, (guint) CLAMP (dimple_value_to_int64 (value), 0, (gint64) G_MAXUINT));
      break;
    case G_TYPE_LONG:
      g_value_set_long (target, (glong) dimple_value_to_int64 (value));
      break;
    case G_TYPE_ULONG:
      g_value_set_ulong (target, (gulong) MAX (dimple_value_to_int64 (value), 0));
      break;
    case G_TYPE_INT64:
      g_value_set_int64 (target, dimple_value_to_int64 (value));
      break;
    case G_TYPE_UINT64:
      g_value_set_uint64 (target, (guint64) MAX (dimple_value_to_int64 (value), 0));
      break;
    case G_TYPE_ENUM:
      g_value_set_enum (target, (int) dimple_value_to_int64 (value));
      break;
    case G_TYPE_FLAGS:
      g_value_set_flags (target, (guint) dimple_value_to_int64 (value));
      break;
    case G_TYPE_FLOAT:
      g_value_set_float (target, (float) dimple_value_to_double (value));
      break;
    case G_TYPE_DOUBLE:
      g_value_set_double (target, dimple_value_to_double (value));
      break;
    case G_TYPE_STRING:
      g_value_take_string (target, dimple_value_dup_string (value));
      break;
    default:
      set_boxed (value, kind, target);
      break;
    }
}

/* ISO 8601 in UTC, always as long, so that the order of texts is that of times; or Unix seconds in a column of
 * numbers. */
static void
append_date_time (GByteArray *record,
                  GDateTime  *date_time,
                  DimpleKind  kind)
{
  g_autoptr(GDateTime) utc = g_date_time_to_utc (date_time);
  g_autofree char *seconds = g_date_time_format (utc, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *text = g_strdup_printf ("%s.%03dZ", seconds, g_date_time_get_microsecond (utc) / 1000);
  DimpleValue value = { .type = SQLITE_TEXT, .bytes = text, .size = strlen (text) };

  if (kind == DIMPLE_KIND_INT64)
    value = (DimpleValue) { .type = SQLITE_INTEGER, .integer = g_date_time_to_unix (utc) };
  else if (kind == DIMPLE_KIND_DOUBLE)
    value = (DimpleValue) { .type = SQLITE_FLOAT,
                            .real = (double) g_date_time_to_unix (utc) +
                                    g_date_time_get_microsecond (utc) / (double) G_USEC_PER_SEC };
  dimple_record_append (record, &value);
}

static gboolean
append_boxed (GByteArray   *record,
              const GValue *source,
              DimpleKind    kind)
{
  gpointer boxed = g_value_get_boxed (source);
  DimpleValue value = { .type = SQLITE_BLOB };

  if (G_VALUE_TYPE (source) == G_TYPE_VALUE)
    return dimple_record_append_gvalue (record, boxed, kind);
  if (G_VALUE_TYPE (source) == G_TYPE_DATE_TIME)
    append_date_time (record, boxed, kind);
  else if (G_VALUE_TYPE (source) == G_TYPE_BYTES)
    {
      value.bytes = g_bytes_get_data (boxed, &value.size);
      dimple_record_append (record, &value);
    }
  else
    return FALSE;
  return TRUE;
}

/* What has no pointer in it: a number.  FALSE if it is none, or beyond what SQL can say. */
static gboolean
number_from_gvalue (const GValue *source,
                    DimpleValue  *value)
{
  *value = (DimpleValue) { .type = SQLITE_INTEGER };
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (source)))
    {
    case G_TYPE_BOOLEAN:
      value->integer = g_value_get_boolean (source) != FALSE;
      return TRUE;
    case G_TYPE_CHAR:
      value->integer = g_value_get_schar (source);
      return TRUE;
    case G_TYPE_UCHAR:
      value->integer = g_value_get_uchar (source);
      return TRUE;
    case G_TYPE_INT:
      value->integer = g_value_get_int (source);
      return TRUE;
    case G_TYPE_UINT:
      value->integer = g_value_get_uint (source);
      return TRUE;
    case G_TYPE_LONG:
      value->integer = g_value_get_long (source);
      return TRUE;
    case G_TYPE_INT64:
      value->integer = g_value_get_int64 (source);
      return TRUE;
    case G_TYPE_ULONG:
      value->integer = (gint64) g_value_get_ulong (source);
      return value->integer >= 0;
    case G_TYPE_UINT64:
      value->integer = (gint64) g_value_get_uint64 (source);
      return value->integer >= 0;
    case G_TYPE_ENUM:
      value->integer = g_value_get_enum (source);
      return TRUE;
    case G_TYPE_FLAGS:
      value->integer = g_value_get_flags (source);
      return TRUE;
    case G_TYPE_FLOAT:
      *value = (DimpleValue) { .type = SQLITE_FLOAT, .real = g_value_get_float (source) };
      break;
    case G_TYPE_DOUBLE:
      *value = (DimpleValue) { .type = SQLITE_FLOAT, .real = g_value_get_double (source) };
      break;
    default:
      return FALSE;
    }

  /* SQLite stores NULL for what is no number. */
  if (isnan (value->real))
    value->type = SQLITE_NULL;
  return TRUE;
}

/* As storing does in a column that is declared so: what was set is then what will be read. */
static void
apply_kind (DimpleValue *value,
            DimpleKind   kind)
{
  if (kind == DIMPLE_KIND_DOUBLE && value->type == SQLITE_INTEGER)
    *value = (DimpleValue) { .type = SQLITE_FLOAT, .real = (double) value->integer };
  else if (kind == DIMPLE_KIND_INT64 && value->type == SQLITE_FLOAT &&
           ABS (value->real) <= MAX_EXACT_DOUBLE && floor (value->real) == value->real)
    *value = (DimpleValue) { .type = SQLITE_INTEGER, .integer = (gint64) value->real };
}

gboolean
dimple_record_append_gvalue (GByteArray   *record,
                             const GValue *source,
                             DimpleKind    kind)
{
  DimpleValue value = { .type = SQLITE_NULL };
  const char *text;

  if (source == NULL || !G_IS_VALUE (source) ||
      (g_value_fits_pointer (source) && g_value_peek_pointer (source) == NULL))
    {
      dimple_record_append (record, &value);
      return TRUE;
    }
  if (G_VALUE_HOLDS_STRING (source))
    {
      text = g_value_get_string (source);
      value = (DimpleValue) { .type = SQLITE_TEXT, .bytes = text, .size = strlen (text) };
    }
  else if (G_VALUE_HOLDS_BOXED (source))
    return append_boxed (record, source, kind);
  else if (!number_from_gvalue (source, &value))
    return FALSE;
  else
    apply_kind (&value, kind);
  dimple_record_append (record, &value);
  return TRUE;
}

/* -- Transforms ---------------------------------------------------------------------------------------------------- */

static void
unbox (const GValue *source,
       GValue       *target)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  DimpleValue value = { .type = SQLITE_NULL };

  if (dimple_record_append_gvalue (record, source, DIMPLE_KIND_ANY))
    dimple_record_read (record->data, &value);
  dimple_value_set_gvalue (&value, DIMPLE_KIND_ANY, target);
}

static void
box (const GValue *source,
     GValue       *target)
{
  g_value_set_boxed (target, source);
}

void
dimple_value_register_transforms (void)
{
  static const GType types[] = {
    G_TYPE_STRING, G_TYPE_INT, G_TYPE_INT64, G_TYPE_UINT, G_TYPE_DOUBLE, G_TYPE_BOOLEAN
  };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_value_register_transform_func (G_TYPE_VALUE, types[i], unbox);
      g_value_register_transform_func (types[i], G_TYPE_VALUE, box);
    }
}
