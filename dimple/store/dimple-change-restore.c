/* dimple-change-restore.c: writing the values of a change back
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-change-private.h"

#include "dimple-error.h"
#include "dimple-key-private.h"
#include "dimple-row-value-private.h"
#include "dimple-store-internal-private.h"

typedef struct
{
  const DimpleLoggedChange *logged;
  const char               *column;     /* (nullable) */
} Restoring;

static GVariant *
to_variant (const guint8 *record)
{
  DimpleValue value;

  dimple_record_read (record, &value);
  return dimple_value_to_variant (&value);
}

/* Where a value of the change goes: the column of the table, or NULL if it has none of that name that can be
 * written. */
static const DimpleColumn *
find_column (const DimpleTable *table,
             const char        *name)
{
  int number = dimple_table_find_column (table, name);
  const DimpleColumn *column = number >= 0 ? g_ptr_array_index (table->columns, (guint) number) : NULL;

  return column != NULL && !column->generated && column->key_position == 0 ? column : NULL;
}

/* a{sv} of what is to be written back; NULL with an error. */
static GVariant *
collect_values (const Restoring    *restoring,
                const DimpleTable  *table,
                GError            **error)
{
  const DimpleLoggedChange *logged = restoring->logged;
  const GByteArray *values = logged->operation == DIMPLE_OPERATION_DELETE ? logged->old_values : logged->new_values;
  GVariantBuilder builder;
  gboolean pruned = values == NULL && logged->columns->len > 0;
  guint n_found = 0;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; values != NULL && i < logged->columns->len; i++)
    {
      const char *name = g_ptr_array_index (logged->columns, i);
      const DimpleColumn *column = find_column (table, name);
      const guint8 *record = dimple_record_skip (values->data, i);

      if (column == NULL || (restoring->column != NULL && g_ascii_strcasecmp (name, restoring->column) != 0))
        continue;
      n_found++;
      pruned |= *record == DIMPLE_VALUE_PRUNED;
      if (*record != DIMPLE_VALUE_PRUNED)
        g_variant_builder_add (&builder, "{sv}", column->name, to_variant (record));
    }
  if (!pruned && (n_found > 0 || restoring->column == NULL))
    return g_variant_ref_sink (g_variant_builder_end (&builder));

  g_variant_builder_clear (&builder);
  if (pruned)
    g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND,
                         "The change cannot be restored: its values were dropped when the history was pruned");
  else
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL,
                 "The column “%s” is none that the change and the table “%s” have", restoring->column, table->name);
  return NULL;
}

/* The row as it was last: what `values` does not say is as the log has it. */
static GVariant *
complete_values (DimpleStore               *store,
                 const DimpleTable         *table,
                 const DimpleLoggedChange  *logged,
                 GVariant                  *values,
                 GError                   **error)
{
  DimpleSchema *schema = dimple_writer_get_schema (store->writer);
  g_autoptr(DimpleFold) fold = dimple_fold_new (schema);
  DimpleFoldedRow *row = dimple_fold_want (fold, table, table->name, logged->key->data, logged->key->len);
  const guint8 *key = logged->key->data;
  GVariantBuilder builder;

  if (!dimple_fold_join_log (fold, dimple_writer_get_connection (store->writer), NULL, NULL, NULL, error))
    return NULL;
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint k = 0; k < table->key->len; k++)
    {
      g_variant_builder_add (&builder, "{sv}", dimple_table_get_key_column (table, k)->name, to_variant (key));
      key = dimple_record_skip (key, 1);
    }
  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, i);
      g_autoptr(GVariant) value = g_variant_lookup_value (values, column->name, NULL);
      const DimpleFoldedCell *cell = dimple_folded_row_find (row, column->name);

      if (column->generated || column->key_position > 0)
        continue;
      if (value != NULL)
        g_variant_builder_add (&builder, "{sv}", column->name, value);
      else if (cell != NULL && *cell->value != DIMPLE_VALUE_PRUNED)
        g_variant_builder_add (&builder, "{sv}", column->name, to_variant (cell->value));
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static gboolean
restore (DimpleStore  *store,
         gpointer      user_data,
         GError      **error)
{
  const Restoring *restoring = user_data;
  const DimpleLoggedChange *logged = restoring->logged;
  const DimpleTable *table = dimple_store_find_keyed_table (dimple_writer_get_schema (store->writer), logged->table,
                                                            error);
  g_autoptr(GVariant) values = NULL;
  g_autoptr(GVariant) whole = NULL;
  g_autoptr(GString) key = g_string_new (NULL);
  g_autofree char *inserted = NULL;
  g_autoptr(GError) update_error = NULL;

  if (table == NULL)
    return FALSE;
  values = collect_values (restoring, table, error);
  if (values == NULL)
    return FALSE;
  dimple_key_append_record (key, table, logged->key->data);
  if (dimple_store_update (store, table->name, key->str, values, &update_error))
    return TRUE;
  if (!g_error_matches (update_error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&update_error));
      return FALSE;
    }
  whole = complete_values (store, table, logged, values, error);
  if (whole == NULL)
    return FALSE;
  inserted = dimple_store_insert (store, table->name, whole, error);
  return inserted != NULL;
}

gboolean
dimple_change_write_back (DimpleStore               *store,
                          const DimpleLoggedChange  *logged,
                          const char                *column,
                          GError                   **error)
{
  Restoring restoring = { logged, column };

  return dimple_store_transaction (store, restore, &restoring, error);
}
