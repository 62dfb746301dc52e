/* dimple-row-object.c: rows shown by objects of the app's own classes
 *
 * Such a class knows nothing of rows: its properties are set by their names.  What the row was when it was last loaded
 * or saved is kept beside the object, and tells which properties the app has set since.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-row-private.h"

#include <string.h>

typedef struct
{
  DimpleRowBinding *binding;
  guint8           *record;
  gsize             size;
} Loaded;

static void
loaded_free (gpointer data)
{
  Loaded *loaded = data;

  g_free (loaded->record);
  g_free (loaded);
}

static GQuark
loaded_quark (void)
{
  static GQuark quark;

  if (G_UNLIKELY (quark == 0))
    quark = g_quark_from_static_string ("dimple-row-loaded");
  return quark;
}

static void
set_loaded (GObject          *object,
            DimpleRowBinding *binding,
            const guint8     *record,
            gsize             size)
{
  Loaded *loaded = g_object_get_qdata (object, loaded_quark ());

  if (loaded == NULL)
    {
      loaded = g_new0 (Loaded, 1);
      g_object_set_qdata_full (object, loaded_quark (), loaded, loaded_free);
    }
  g_free (loaded->record);
  *loaded = (Loaded) { .binding = binding, .record = g_memdup2 (record, size), .size = size };
}

/* The class's own default says what NULL is. */
static void
init_property_value (DimpleRowBinding  *binding,
                     guint              column,
                     const DimpleValue *value,
                     GValue            *target)
{
  g_value_init (target, binding->properties[column]->value_type);
  if (value->type == SQLITE_NULL)
    g_param_value_set_default (binding->properties[column], target);
  else
    dimple_value_set_gvalue (value, binding->shape->columns[column].kind, target);
}

/* What a column would be if the property that shows `value` were saved: a class may hold less than SQL can say. */
static void
append_as_shown (GByteArray        *record,
                 DimpleRowBinding  *binding,
                 guint              column,
                 const DimpleValue *value)
{
  g_auto(GValue) shown = G_VALUE_INIT;

  init_property_value (binding, column, value, &shown);
  dimple_record_append_gvalue (record, &shown, binding->shape->columns[column].kind);
}

static gboolean
append_property (GByteArray       *record,
                 DimpleRowBinding *binding,
                 GObject          *object,
                 guint             column)
{
  GParamSpec *property = binding->properties[column];
  g_auto(GValue) value = G_VALUE_INIT;

  if (property == NULL || (property->flags & G_PARAM_READABLE) == 0)
    return FALSE;
  g_object_get_property (object, property->name, g_value_init (&value, property->value_type));
  return dimple_record_append_gvalue (record, &value, binding->shape->columns[column].kind);
}

/* Whether the app has set a property since the row was loaded; its value is appended to `record`. */
static gboolean
is_edited (GObject          *object,
           DimpleRowBinding *binding,
           guint             column,
           const guint8     *loaded,
           GByteArray       *record)
{
  g_autoptr(GByteArray) as_shown = g_byte_array_new ();
  DimpleValue value;

  if (!append_property (record, binding, object, column) ||
      (binding->properties[column]->flags & G_PARAM_CONSTRUCT_ONLY) != 0)
    return FALSE;
  dimple_row_read_column (loaded, column, &value);
  append_as_shown (as_shown, binding, column, &value);
  return record->len != as_shown->len || memcmp (record->data, as_shown->data, record->len) != 0;
}

GObject *
dimple_row_object_create (DimpleRowBinding *binding,
                          const guint8     *record,
                          gsize             size)
{
  guint n_columns = binding->shape->n_columns;
  g_autofree const char **names = g_new (const char *, n_columns + 1);
  g_autofree GValue *values = g_new0 (GValue, n_columns + 1);
  const guint8 *position = record;
  GObject *object;
  guint n = 0;

  for (guint i = 0; i < n_columns; i++)
    {
      DimpleValue value;

      position = dimple_record_read (position, &value);
      if (binding->properties[i] == NULL || value.type == SQLITE_NULL)
        continue;
      names[n] = binding->properties[i]->name;
      init_property_value (binding, i, &value, &values[n++]);
    }
  object = g_object_new_with_properties (binding->gtype, n, names, values);
  for (guint i = 0; i < n; i++)
    g_value_unset (&values[i]);

  /* As widgets do, for a class of the app that derives from GInitiallyUnowned. */
  if (g_object_is_floating (object))
    g_object_ref_sink (object);
  set_loaded (object, binding, record, size);
  return object;
}

static void
set_property (GObject           *object,
              DimpleRowBinding  *binding,
              guint              column,
              const DimpleValue *value)
{
  GParamSpec *property = binding->properties[column];
  g_auto(GValue) target = G_VALUE_INIT;

  if (property == NULL || (property->flags & G_PARAM_CONSTRUCT_ONLY) != 0)
    return;
  init_property_value (binding, column, value, &target);
  g_object_set_property (object, property->name, &target);
}

/* Sets the properties of columns that differ from what was loaded; those that the app has set are kept. */
void
dimple_row_object_update (GObject      *object,
                          const guint8 *record,
                          gsize         size)
{
  Loaded *loaded = g_object_get_qdata (object, loaded_quark ());
  DimpleRowBinding *binding = loaded->binding;
  g_autofree guint8 *before = NULL;
  const guint8 *old_position, *new_position;

  if (loaded->record != NULL && loaded->size == size && memcmp (loaded->record, record, size) == 0)
    return;

  before = g_steal_pointer (&loaded->record);
  set_loaded (object, binding, record, size);
  old_position = before;
  new_position = loaded->record;
  g_object_freeze_notify (object);
  for (guint i = 0; i < binding->shape->n_columns; i++)
    {
      g_autoptr(GByteArray) current = g_byte_array_new ();
      DimpleValue old_value = { .type = SQLITE_NULL }, new_value;

      if (old_position != NULL)
        old_position = dimple_record_read (old_position, &old_value);
      new_position = dimple_record_read (new_position, &new_value);
      if (binding->properties[i] != NULL && !dimple_value_equal (&old_value, &new_value) &&
          !is_edited (object, binding, i, before, current))
        set_property (object, binding, i, &new_value);
    }
  g_object_thaw_notify (object);
}

DimpleRowBinding *
dimple_row_object_get_binding (GObject *object)
{
  Loaded *loaded = g_object_get_qdata (object, loaded_quark ());

  return loaded != NULL ? loaded->binding : dimple_row_binding_of_type (G_OBJECT_TYPE (object));
}

char *
dimple_row_object_dup_key (GObject *object)
{
  Loaded *loaded = g_object_get_qdata (object, loaded_quark ());
  g_autoptr(GString) key = g_string_new (NULL);

  if (loaded == NULL || !dimple_row_shape_append_key (loaded->binding->shape, loaded->record, key))
    return NULL;
  return g_string_free (g_steal_pointer (&key), FALSE);
}

gboolean
dimple_row_object_collect_edits (GObject          *object,
                                 DimpleRowEdits   *edits,
                                 GError          **error)
{
  Loaded *loaded = g_object_get_qdata (object, loaded_quark ());
  DimpleRowBinding *binding = dimple_row_object_get_binding (object);

  for (guint i = 0; binding != NULL && i < binding->shape->n_columns; i++)
    {
      g_autoptr(GByteArray) record = g_byte_array_new ();
      DimpleValue value;

      if (loaded != NULL)
        {
          if (!is_edited (object, binding, i, loaded->record, record))
            continue;
          dimple_record_read (record->data, &value);
        }
      else
        {
          /* NULL leaves a new row's column to its DEFAULT. */
          if (!binding->shape->columns[i].writable || !append_property (record, binding, object, i))
            continue;
          dimple_record_read (record->data, &value);
          if (value.type == SQLITE_NULL)
            continue;
        }
      if (!dimple_row_shape_add_edit (binding->shape, i, &value, edits, error))
        return FALSE;
    }
  return TRUE;
}

/* What the column was when it was saved: without `edits` what it is now. */
static void
read_saved (GObject              *object,
            DimpleRowBinding     *binding,
            guint                 column,
            const DimpleRowEdits *edits,
            GByteArray           *property,
            DimpleValue          *value)
{
  Loaded *loaded = g_object_get_qdata (object, loaded_quark ());
  const guint8 *record = loaded != NULL ? loaded->record : NULL;
  gboolean from_property;

  if (edits != NULL && dimple_row_edits_find (edits, column, value))
    return;
  if (edits != NULL)
    from_property = FALSE;
  else if (loaded != NULL)
    from_property = is_edited (object, binding, column, record, property);
  else
    from_property = append_property (property, binding, object, column);
  if (from_property)
    dimple_record_read (property->data, value);
  else
    dimple_row_read_column (record, column, value);
}

/* What was set while it was being saved differs from what was saved, and stays edited. */
void
dimple_row_object_become_saved (GObject              *object,
                                const DimpleRowEdits *edits,
                                const char           *key,
                                const guint8         *record,
                                gsize                 size)
{
  DimpleRowBinding *binding = dimple_row_object_get_binding (object);
  guint n_columns = binding->shape->n_columns;
  g_autofree DimpleValue *values = g_new0 (DimpleValue, n_columns + 1);
  g_autoptr(GPtrArray) properties = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  g_autoptr(GByteArray) saved = g_byte_array_new ();

  for (guint i = 0; i < n_columns; i++)
    {
      g_ptr_array_add (properties, g_byte_array_new ());
      read_saved (object, binding, i, edits, g_ptr_array_index (properties, i), &values[i]);
    }
  dimple_row_shape_append_saved (binding->shape, values, key, saved);

  /* The new key is shown first; what else saving changed is then an update like any other. */
  for (guint i = 0; i < n_columns; i++)
    {
      DimpleValue value;

      dimple_row_read_column (saved->data, i, &value);
      if (!dimple_value_equal (&value, &values[i]))
        set_property (object, binding, i, &value);
    }
  set_loaded (object, binding, saved->data, saved->len);
  if (record != NULL)
    dimple_row_object_update (object, record, size);
}
