/* dimple-key.c: the public key of a row
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-key-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-json-private.h"

/* How keys begin that are no plain text though their column is one of text. */
static gboolean
is_special (const char *text,
            gsize       size)
{
  static const char * const beginnings[] = { "[{\"hex\":", "[{\"text\":" };

  for (guint i = 0; i < G_N_ELEMENTS (beginnings); i++)
    if (size >= strlen (beginnings[i]) && memcmp (text, beginnings[i], strlen (beginnings[i])) == 0)
      return TRUE;
  return FALSE;
}

/* What begins like a special key is told as one, so that it is read back as what it is. */
static gboolean
is_plain_text (const DimpleValue *value)
{
  return value->type == SQLITE_TEXT && !is_special (value->bytes, value->size) &&
         g_utf8_validate_len (value->bytes, value->size, NULL);
}

void
dimple_key_append (GString           *key,
                   const DimpleTable *table,
                   const DimpleValue *values)
{
  if (table->text_key && is_plain_text (values))
    {
      g_string_append_len (key, values->bytes, (gssize) values->size);
      return;
    }

  for (guint i = 0; i < table->key->len; i++)
    {
      g_string_append_c (key, i == 0 ? '[' : ',');
      if (table->text_key && values[i].type == SQLITE_TEXT)
        dimple_json_append_bytes_of_text (key, &values[i]);
      else
        dimple_json_append_value (key, &values[i]);
    }
  g_string_append_c (key, ']');
}

void
dimple_key_append_record (GString           *key,
                          const DimpleTable *table,
                          const guint8      *record)
{
  g_autofree DimpleValue *values = g_new (DimpleValue, table->key->len);

  for (guint i = 0; i < table->key->len; i++)
    record = dimple_record_read (record, &values[i]);
  dimple_key_append (key, table, values);
}

/* A JSON array of `n_values` values that may be in a key. */
static gboolean
parse_array (const char *text,
             guint       n_values,
             GByteArray *record)
{
  g_auto(DimpleJsonReader) reader = { 0 };

  dimple_json_reader_init (&reader, text, strlen (text));
  if (!dimple_json_reader_expect (&reader, DIMPLE_JSON_BEGIN_ARRAY))
    return FALSE;
  for (guint i = 0; i < n_values; i++)
    {
      DimpleValue value = { 0 };

      if (!dimple_json_reader_next_value (&reader, &value) ||
          value.type == SQLITE_NULL || value.type == DIMPLE_VALUE_PRUNED)
        return FALSE;
      dimple_record_append (record, &value);
    }
  return dimple_json_reader_expect (&reader, DIMPLE_JSON_END_ARRAY) &&
         dimple_json_reader_expect (&reader, DIMPLE_JSON_END);
}

gboolean
dimple_key_parse (const DimpleTable  *table,
                  const char         *text,
                  GByteArray         *record,
                  GError            **error)
{
  guint size = record->len;
  DimpleValue value = { .type = SQLITE_TEXT, .bytes = text, .size = strlen (text) };

  if (table->text_key)
    {
      if (!is_special (value.bytes, value.size) || !parse_array (text, 1, record))
        {
          g_byte_array_set_size (record, size);
          dimple_record_append (record, &value);
        }
      return TRUE;
    }

  if (parse_array (text, table->key->len, record))
    return TRUE;
  g_byte_array_set_size (record, size);
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
               "“%s” is no key of the table %s: write a JSON array of the %u values of its PRIMARY KEY, none "
               "of them null", text, table->name, table->key->len);
  return FALSE;
}
