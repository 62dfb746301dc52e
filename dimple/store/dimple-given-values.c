/* dimple-given-values.c: the values that an app gives for the columns of a row
 *
 * GLib's own ways to walk a dictionary (g_variant_iter_loop() and its like) would first write all of it into one block of
 * memory, and cut it in pieces again: six times the work of taking the children that are there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-given-values-private.h"

#include "dimple-error.h"
#include "dimple-parameters-private.h"

/* Most apps name the columns in the table's order, so it is looked for behind the last one first. */
static int
find_column (const DimpleTable *table,
             guint              expected,
             const char        *name)
{
  if (expected < table->columns->len &&
      g_str_equal (((DimpleColumn *) g_ptr_array_index (table->columns, expected))->name, name))
    return (int) expected;
  return dimple_table_find_column (table, name);
}

static gboolean
read_entry (DimpleGivenValue   *self,
            const DimpleTable  *table,
            guint               expected,
            GVariant           *entry,
            GError            **error)
{
  g_autoptr(GVariant) name = g_variant_get_child_value (entry, 0);
  g_autoptr(GVariant) box = g_variant_get_child_value (entry, 1);
  int column = find_column (table, expected, g_variant_get_string (name, NULL));

  if (column < 0)
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL, "Table “%s” has no column “%s”", table->name,
                   g_variant_get_string (name, NULL));
      return FALSE;
    }
  self->column = (guint) column;
  self->value = g_variant_get_variant (box);
  return TRUE;
}

gboolean
dimple_given_values_init (DimpleGivenValues  *self,
                          const DimpleTable  *table,
                          GVariant           *dictionary,
                          GError            **error)
{
  gsize n;
  guint expected = 0;

  if (!g_variant_is_of_type (dictionary, G_VARIANT_TYPE_VARDICT))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
                   "The values of a row are a dictionary (a{sv}), not “%s”", g_variant_get_type_string (dictionary));
      return FALSE;
    }

  n = g_variant_n_children (dictionary);
  self->values = g_new (DimpleGivenValue, n);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr(GVariant) entry = g_variant_get_child_value (dictionary, i);

      if (!read_entry (&self->values[i], table, expected, entry, error))
        return FALSE;
      expected = self->values[i].column + 1;
      self->n_values++;
    }
  return TRUE;
}

void
dimple_given_values_clear (DimpleGivenValues *self)
{
  for (guint i = 0; i < self->n_values; i++)
    g_variant_unref (self->values[i].value);
  g_clear_pointer (&self->values, g_free);
  self->n_values = 0;
}

GVariant *
dimple_given_values_find (const DimpleGivenValues *self,
                          guint                    column)
{
  for (guint i = 0; i < self->n_values; i++)
    if (self->values[i].column == column)
      return self->values[i].value;
  return NULL;
}

gboolean
dimple_given_values_bind (const DimpleGivenValues  *self,
                          sqlite3_stmt             *statement,
                          GError                  **error)
{
  for (guint i = 0; i < self->n_values; i++)
    if (!dimple_parameter_bind_static (statement, (int) i + 1, self->values[i].value, error))
      return FALSE;
  return TRUE;
}
