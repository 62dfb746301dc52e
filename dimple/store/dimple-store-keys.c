/* dimple-store-keys.c: speaking of a row by its key
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include "dimple-error.h"
#include "dimple-key-private.h"
#include "dimple-record-private.h"

/* The table, or DIMPLE_ERROR_SQL: rows without a key cannot be spoken of. */
const DimpleTable *
dimple_store_find_keyed_table (DimpleSchema  *schema,
                               const char    *name,
                               GError       **error)
{
  const DimpleTable *table = dimple_schema_find (schema, name);

  if (table == NULL)
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL, "There is no table “%s”", name);
  else if (table->key->len > 0)
    return table;
  else
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL,
                 "Table “%s” has no key but its rowid: use SQL instead", table->name);
  return NULL;
}

void
dimple_store_set_not_found (const DimpleTable  *table,
                            const char         *key,
                            GError            **error)
{
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND, "Table “%s” has no row with the key “%s”", table->name,
               key);
}

static GVariant *
value_to_variant (const DimpleValue *value)
{
  switch (value->type)
    {
    case SQLITE_INTEGER:
      return g_variant_new_int64 (value->integer);
    case SQLITE_FLOAT:
      return g_variant_new_double (value->real);
    case SQLITE_TEXT:
      return g_variant_new_take_string (g_strndup (value->bytes, value->size));
    case SQLITE_BLOB:
      return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, value->bytes, value->size, 1);
    default:
      return g_variant_new_maybe (G_VARIANT_TYPE_STRING, NULL);
    }
}

/* The values of a key as a tuple, floating. */
GVariant *
dimple_store_key_to_parameters (const DimpleTable  *table,
                                const char         *key,
                                GError            **error)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  const guint8 *position;
  GVariantBuilder tuple;

  if (!dimple_key_parse (table, key, record, error))
    return NULL;
  position = record->data;
  g_variant_builder_init (&tuple, G_VARIANT_TYPE_TUPLE);
  for (guint k = 0; k < table->key->len; k++)
    {
      DimpleValue value;

      position = dimple_record_read (position, &value);
      g_variant_builder_add_value (&tuple, value_to_variant (&value));
    }
  return g_variant_builder_end (&tuple);
}

/* The same as a statement's parameters behind `n_before` others; `record`, which they are in, has to live as long. */
gboolean
dimple_store_bind_key (sqlite3_stmt       *statement,
                       guint               n_before,
                       const DimpleTable  *table,
                       const char         *key,
                       GByteArray         *record,
                       GError            **error)
{
  const guint8 *position;

  if (!dimple_key_parse (table, key, record, error))
    return FALSE;
  position = record->data;
  for (guint k = 0; k < table->key->len; k++)
    {
      DimpleValue value;

      position = dimple_record_read (position, &value);
      dimple_value_bind (&value, statement, (int) (n_before + k + 1));
    }
  return TRUE;
}
