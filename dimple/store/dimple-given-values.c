/* dimple-given-values.c: the values that an app gives for the columns of a row
 *
 * GLib's own ways to walk a dictionary (g_variant_iter_loop(), g_variant_lookup() and their like) would first write all
 * of it into one block of memory, and cut it in pieces again: six times the work of taking the children that are there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-given-values-private.h"

#include "dimple-error.h"
#include "dimple-parameters-private.h"

/* Most apps name the columns in the table's order, so it is looked for behind the last one first. */
static int
find_column (const DimpleTable  *table,
             guint               expected,
             const char         *name,
             GError            **error)
{
  int column;

  if (expected < table->columns->len &&
      g_str_equal (((DimpleColumn *) g_ptr_array_index (table->columns, expected))->name, name))
    return (int) expected;
  column = dimple_table_find_column (table, name);
  if (column < 0)
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL, "Table “%s” has no column “%s”", table->name, name);
  return column;
}

/* A place for one value more, of the column of this name. */
static DimpleGivenValue *
append (DimpleGivenValues  *self,
        const DimpleTable  *table,
        const char         *name,
        GError            **error)
{
  guint expected = self->n_values > 0 ? self->values[self->n_values - 1].column + 1 : 0;
  int column = find_column (table, expected, name, error);

  if (column < 0)
    return NULL;
  self->values[self->n_values] = (DimpleGivenValue) { .column = (guint) column };
  return &self->values[self->n_values++];
}

/* One more than `n`, for a key that was not given. */
static void
allocate (DimpleGivenValues *self,
          gsize              n)
{
  self->values = g_new (DimpleGivenValue, n + 1);
  self->n_values = 0;
}

static gboolean
append_entry (DimpleGivenValues  *self,
              const DimpleTable  *table,
              GVariant           *entry,
              GError            **error)
{
  g_autoptr(GVariant) name = g_variant_get_child_value (entry, 0);
  DimpleGivenValue *given = append (self, table, g_variant_get_string (name, NULL), error);

  if (given == NULL)
    return FALSE;
  given->held = dimple_parameter_unwrap (g_variant_get_child_value (entry, 1));
  return dimple_parameter_read (given->held, &given->value, error);
}

gboolean
dimple_given_values_init (DimpleGivenValues  *self,
                          const DimpleTable  *table,
                          GVariant           *dictionary,
                          GError            **error)
{
  gsize n;

  if (!g_variant_is_of_type (dictionary, G_VARIANT_TYPE_VARDICT))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
                   "The values of a row are a dictionary (a{sv}), not “%s”", g_variant_get_type_string (dictionary));
      return FALSE;
    }

  n = g_variant_n_children (dictionary);
  allocate (self, n);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr(GVariant) entry = g_variant_get_child_value (dictionary, i);

      if (!append_entry (self, table, entry, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
dimple_given_values_init_from_edits (DimpleGivenValues     *self,
                                     const DimpleTable     *table,
                                     const DimpleRowEdits  *edits,
                                     GError               **error)
{
  guint n = edits != NULL ? dimple_row_edits_get_n (edits) : 0;

  allocate (self, n);
  for (guint i = 0; i < n; i++)
    {
      DimpleValue value;
      const char *column = dimple_row_edits_get (edits, i, NULL, &value);

      if (!dimple_given_values_add (self, table, column, &value, error))
        return FALSE;
    }
  return TRUE;
}

void
dimple_given_values_init_from_row (DimpleGivenValues *self,
                                   const DimpleTable *table,
                                   const guint8      *record)
{
  allocate (self, table->columns->len);
  for (guint i = 0; i < table->columns->len; i++)
    {
      DimpleValue value;

      record = dimple_record_read (record, &value);
      if (!((DimpleColumn *) g_ptr_array_index (table->columns, i))->generated)
        self->values[self->n_values++] = (DimpleGivenValue) { .column = i, .value = value };
    }
}

void
dimple_given_values_clear (DimpleGivenValues *self)
{
  for (guint i = 0; i < self->n_values; i++)
    g_clear_pointer (&self->values[i].held, g_variant_unref);
  g_clear_pointer (&self->values, g_free);
  self->n_values = 0;
}

gboolean
dimple_given_values_add (DimpleGivenValues  *self,
                         const DimpleTable  *table,
                         const char         *column,
                         const DimpleValue  *value,
                         GError            **error)
{
  DimpleGivenValue *given = append (self, table, column, error);

  if (given != NULL)
    given->value = *value;
  return given != NULL;
}

const DimpleValue *
dimple_given_values_find (const DimpleGivenValues *self,
                          guint                    column)
{
  for (guint i = 0; i < self->n_values; i++)
    if (self->values[i].column == column)
      return &self->values[i].value;
  return NULL;
}

void
dimple_given_values_bind (const DimpleGivenValues *self,
                          sqlite3_stmt            *statement)
{
  for (guint i = 0; i < self->n_values; i++)
    dimple_value_bind (&self->values[i].value, statement, (int) i + 1);
}

GVariant *
dimple_given_values_look_up (GVariant   *dictionary,
                             const char *column)
{
  gsize n = g_variant_n_children (dictionary);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr(GVariant) entry = g_variant_get_child_value (dictionary, i);
      g_autoptr(GVariant) name = g_variant_get_child_value (entry, 0);

      if (g_ascii_strcasecmp (g_variant_get_string (name, NULL), column) == 0)
        {
          g_autoptr(GVariant) box = g_variant_get_child_value (entry, 1);

          return g_variant_get_variant (box);
        }
    }
  return NULL;
}
