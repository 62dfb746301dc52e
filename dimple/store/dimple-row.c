/* dimple-row.c: one row of a result
 *
 * A row keeps its values as one packed record and reads them when they are asked for.  What was set since loading
 * stands beside it, one small record a column, so that the record may follow the database meanwhile.  What getters lend
 * out (strings, GValues, GBytes) is made when first asked for, and kept until the column changes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-row-private.h"

#include <string.h>

/**
 * DimpleRow:
 *
 * One row of a result: an object with one property for each column.
 *
 * Every distinct list of columns has a class of its own, made when it is first needed, so the properties work with
 * GtkExpression, GBinding and `.ui` files, and no class has to be written.  A property's name is the column's in
 * GObject's style: `modified_at` and `modifiedAt` are `modified-at`.  `column-` comes before a digit, and before a name
 * that would hide a method (`connect`, `notify`, `ref`, `constructor` …); a column without a usable letter is
 * `column-N` by its position, and the second of equal names ends in `-2`.
 *
 * Its type comes from the declared type of the column, or of a `CAST` at the top of the select list: `BOOL` a boolean,
 * `INT` an int64, `CHAR`, `CLOB` and `TEXT` a string, `REAL`, `FLOA` and `DOUB` a double, `BLOB` a [struct@GLib.Bytes].
 * Anything else, as any other expression, is a [struct@GObject.Value] that holds what there is; for NULL it holds a
 * string that is %NULL.
 *
 * The getters take the name of a column as it is in SQL, exactly or else without regard to case, and convert from
 * whatever the row holds as SQL's `CAST` does.
 *
 * Setting a property or a value marks the column as edited: [method@Store.save] writes it, and a live query does not
 * change it meanwhile.  Setting what the column holds already does nothing.
 *
 * A class of the app may derive from `DimpleRow`.  Objects of such a class are made as they are; properties that it has
 * with the names of columns are set, and setting them edits the row.
 *
 * A row belongs to the thread whose main context its query or store has.
 */

/* A column's value that was set since loading */
typedef struct
{
  guint       column;
  GByteArray *record;
} Edit;

typedef struct
{
  DimpleRowBinding *binding;     /* (nullable) not known before it is needed */
  guint8           *record;      /* (nullable) NULL: an unsaved row */
  GArray           *edits;       /* (nullable) of Edit */
  DimpleRowLent    *lent;        /* (nullable) as many as columns */
  char             *key;         /* (nullable) made when asked for */
  guint32           size;        /* of the record */
  gboolean          is_loading;  /* properties of a derived class are being set from the row */
} DimpleRowPrivate;

G_DEFINE_TYPE_WITH_PRIVATE (DimpleRow, dimple_row, G_TYPE_OBJECT)

#define PRIVATE(self) ((DimpleRowPrivate *) dimple_row_get_instance_private (self))

/* -- Values -------------------------------------------------------------------------------------------------------- */

DimpleRowBinding *
dimple_row_get_binding (DimpleRow *self)
{
  DimpleRowPrivate *priv = PRIVATE (self);

  if (priv->binding == NULL)
    priv->binding = dimple_row_binding_of_type (G_OBJECT_TYPE (self));
  return priv->binding;
}

static guint
get_n_columns (DimpleRow *self)
{
  DimpleRowBinding *binding = dimple_row_get_binding (self);

  return binding != NULL ? binding->shape->n_columns : 0;
}

/* By SQL's name: exactly, else without regard to case; -1 if there is none. */
static int
find_column (DimpleRow  *self,
             const char *name)
{
  DimpleRowBinding *binding = dimple_row_get_binding (self);
  guint n_columns = get_n_columns (self);

  for (guint i = 0; i < n_columns; i++)
    if (g_str_equal (binding->shape->columns[i].name, name))
      return (int) i;
  for (guint i = 0; i < n_columns; i++)
    if (g_ascii_strcasecmp (binding->shape->columns[i].name, name) == 0)
      return (int) i;
  return -1;
}

static int
expect_column (DimpleRow  *self,
               const char *name)
{
  int column = find_column (self, name);
  g_autofree char *columns = NULL;

  if (column >= 0)
    return column;
  if (dimple_row_get_binding (self) == NULL)
    g_critical ("The row has no columns, as its class “%s” belongs to no table: use dimple_store_register_type()",
                G_OBJECT_TYPE_NAME (self));
  else
    {
      columns = g_strjoinv (", ", (char **) dimple_row_get_columns (self));
      g_critical ("The row has no column “%s”, only: %s", name, columns);
    }
  return -1;
}

static Edit *
find_edit (DimpleRow *self,
           guint      column)
{
  DimpleRowPrivate *priv = PRIVATE (self);

  for (guint i = 0; priv->edits != NULL && i < priv->edits->len; i++)
    {
      Edit *edit = &g_array_index (priv->edits, Edit, i);

      if (edit->column == column)
        return edit;
    }
  return NULL;
}

static void
read_value (DimpleRow   *self,
            guint        column,
            DimpleValue *value)
{
  const Edit *edit = find_edit (self, column);

  if (edit != NULL)
    dimple_record_read (edit->record->data, value);
  else
    dimple_row_read_column (PRIVATE (self)->record, column, value);
}

int
dimple_row_read (DimpleRow   *self,
                 const char  *name,
                 DimpleValue *value)
{
  int column = expect_column (self, name);

  if (column >= 0)
    read_value (self, (guint) column, value);
  return column;
}

DimpleRowLent *
dimple_row_get_lent (DimpleRow *self,
                     guint      column)
{
  DimpleRowPrivate *priv = PRIVATE (self);

  if (priv->lent == NULL)
    priv->lent = g_new0 (DimpleRowLent, get_n_columns (self));
  return &priv->lent[column];
}

static void
clear_lent (DimpleRow *self,
            guint      column)
{
  DimpleRowPrivate *priv = PRIVATE (self);
  DimpleRowLent *lent;

  if (priv->lent == NULL)
    return;
  lent = &priv->lent[column];
  g_clear_pointer (&lent->string, g_free);
  g_clear_pointer (&lent->bytes, g_bytes_unref);
  if (G_IS_VALUE (&lent->value))
    g_value_unset (&lent->value);
}

static void
edit_clear (gpointer data)
{
  g_byte_array_unref (((Edit *) data)->record);
}

static void
drop_edit (DimpleRow *self,
           Edit      *edit)
{
  DimpleRowPrivate *priv = PRIVATE (self);

  g_array_remove_index_fast (priv->edits, (guint) (edit - (Edit *) (gpointer) priv->edits->data));
  if (priv->edits->len == 0)
    g_clear_pointer (&priv->edits, g_array_unref);
}

static void
put_edit (DimpleRow  *self,
          guint       column,
          GByteArray *record)
{
  DimpleRowPrivate *priv = PRIVATE (self);
  Edit *edit = find_edit (self, column);
  Edit added = { column, g_byte_array_ref (record) };

  if (edit != NULL)
    {
      edit_clear (edit);
      *edit = added;
      return;
    }
  if (priv->edits == NULL)
    {
      priv->edits = g_array_new (FALSE, FALSE, sizeof (Edit));
      g_array_set_clear_func (priv->edits, edit_clear);
    }
  g_array_append_val (priv->edits, added);
}

/* -- Properties ---------------------------------------------------------------------------------------------------- */

/* Shows a column's value in a property of a derived class; those of generated classes are the columns. */
static void
show_in_property (DimpleRow *self,
                  guint      column)
{
  DimpleRowPrivate *priv = PRIVATE (self);
  GParamSpec *property = priv->binding->properties[column];
  g_auto(GValue) target = G_VALUE_INIT;
  DimpleValue value;

  if (property == NULL || (property->flags & G_PARAM_CONSTRUCT_ONLY) != 0)
    return;
  read_value (self, column, &value);
  g_value_init (&target, property->value_type);
  if (value.type == SQLITE_NULL)
    g_param_value_set_default (property, &target);
  else
    dimple_value_set_gvalue (&value, priv->binding->shape->columns[column].kind, &target);

  priv->is_loading = TRUE;
  g_object_set_property (G_OBJECT (self), property->name, &target);
  priv->is_loading = FALSE;
}

/* The visible value of a column is another one now. */
static void
column_changed (DimpleRow *self,
                guint      column)
{
  DimpleRowBinding *binding = PRIVATE (self)->binding;

  clear_lent (self, column);
  if (binding->generated)
    g_object_notify_by_pspec (G_OBJECT (self), binding->properties[column]);
  else
    show_in_property (self, column);
}

/* Takes a value that somebody set.  FALSE if the column has it already. */
static gboolean
edit_column (DimpleRow  *self,
             guint       column,
             GByteArray *record)
{
  DimpleRowPrivate *priv = PRIVATE (self);
  DimpleValue before, after, loaded;
  Edit *edit;
  gboolean changed;

  read_value (self, column, &before);
  dimple_record_read (record->data, &after);
  dimple_row_read_column (priv->record, column, &loaded);
  changed = !dimple_value_equal (&before, &after);

  /* In an unsaved row even NULL is said on purpose: it is not the DEFAULT. */
  edit = find_edit (self, column);
  if (priv->record == NULL || !dimple_value_equal (&loaded, &after))
    put_edit (self, column, record);
  else if (edit != NULL)
    drop_edit (self, edit);
  return changed;
}

static gboolean
append_value (DimpleRow    *self,
              GByteArray   *record,
              guint         column,
              const GValue *value)
{
  const DimpleRowColumn *info = &dimple_row_get_binding (self)->shape->columns[column];

  if (dimple_record_append_gvalue (record, value, info->kind))
    return TRUE;
  g_critical ("The column “%s” cannot hold a value of type “%s”: use a string, number, boolean, GBytes or GDateTime",
              info->name, G_VALUE_TYPE_NAME (value));
  return FALSE;
}

static void
get_column_property (GObject    *object,
                     guint       property_id,
                     GValue     *value,
                     GParamSpec *pspec)
{
  DimpleRow *self = DIMPLE_ROW (object);
  DimpleRowBinding *binding = dimple_row_get_binding (self);
  DimpleValue column;

  read_value (self, property_id - 1, &column);
  dimple_value_set_gvalue (&column, binding->shape->columns[property_id - 1].kind, value);
}

static void
set_column_property (GObject      *object,
                     guint         property_id,
                     const GValue *value,
                     GParamSpec   *pspec)
{
  DimpleRow *self = DIMPLE_ROW (object);
  g_autoptr(GByteArray) record = g_byte_array_new ();

  if (append_value (self, record, property_id - 1, value) && edit_column (self, property_id - 1, record))
    column_changed (self, property_id - 1);
}

static GParamSpec *
create_property (const DimpleRowColumn *column)
{
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  switch (column->kind)
    {
    case DIMPLE_KIND_BOOLEAN:
      return g_param_spec_boolean (column->property, NULL, NULL, FALSE, flags);
    case DIMPLE_KIND_INT64:
      return g_param_spec_int64 (column->property, NULL, NULL, G_MININT64, G_MAXINT64, 0, flags);
    case DIMPLE_KIND_STRING:
      return g_param_spec_string (column->property, NULL, NULL, NULL, flags);
    case DIMPLE_KIND_DOUBLE:
      return g_param_spec_double (column->property, NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, 0.0, flags);
    default:
      return g_param_spec_boxed (column->property, NULL, NULL, dimple_kind_get_gtype (column->kind), flags);
    }
}

/* The class of a row type that is made at run time */
void
dimple_row_class_install (GObjectClass     *object_class,
                          DimpleRowBinding *binding)
{
  object_class->constructor = G_OBJECT_CLASS (dimple_row_parent_class)->constructor;
  object_class->get_property = get_column_property;
  object_class->set_property = set_column_property;
  for (guint i = 0; i < binding->shape->n_columns; i++)
    {
      binding->properties[i] = create_property (&binding->shape->columns[i]);
      g_object_class_install_property (object_class, i + 1, binding->properties[i]);
    }
}

void
dimple_row_edit (DimpleRow         *self,
                 guint              column,
                 const DimpleValue *value)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();

  dimple_record_append (record, value);
  if (edit_column (self, column, record))
    column_changed (self, column);
}

/* The app set a property of its own class: that edits the column. */
static void
property_notified (DimpleRow  *self,
                   GParamSpec *pspec)
{
  DimpleRowPrivate *priv = PRIVATE (self);
  DimpleRowBinding *binding = dimple_row_get_binding (self);
  int column = binding != NULL && !priv->is_loading ? dimple_row_binding_find (binding, pspec) : -1;
  g_autoptr(GByteArray) record = g_byte_array_new ();
  g_auto(GValue) value = G_VALUE_INIT;

  if (column < 0 || (pspec->flags & G_PARAM_READABLE) == 0)
    return;
  g_object_get_property (G_OBJECT (self), pspec->name, g_value_init (&value, pspec->value_type));
  if (append_value (self, record, (guint) column, &value) && edit_column (self, (guint) column, record))
    clear_lent (self, (guint) column);
}

/* -- Loading and saving -------------------------------------------------------------------------------------------- */

static void
set_record (DimpleRow    *self,
            const guint8 *record,
            gsize         size)
{
  DimpleRowPrivate *priv = PRIVATE (self);

  g_free (priv->record);
  priv->record = g_memdup2 (record, MAX (size, 1));
  priv->size = (guint32) size;
  g_clear_pointer (&priv->key, g_free);
}

/* Fills a new object; nobody can be listening yet. */
void
dimple_row_load (DimpleRow        *self,
                 DimpleRowBinding *binding,
                 const guint8     *record,
                 gsize             size)
{
  DimpleRowPrivate *priv = PRIVATE (self);

  priv->binding = binding;
  set_record (self, record, size);
  if (!binding->generated)
    for (guint i = 0; i < binding->shape->n_columns; i++)
      show_in_property (self, i);
}

/* Replaces the record.  Edits are kept, but for those that the row has by itself now. */
static void
replace_record (DimpleRow    *self,
                const guint8 *record,
                gsize         size)
{
  DimpleRowPrivate *priv = PRIVATE (self);
  g_autofree guint8 *before = g_steal_pointer (&priv->record);
  const guint8 *old_position = before, *new_position;

  set_record (self, record, size);
  new_position = priv->record;
  g_object_freeze_notify (G_OBJECT (self));
  for (guint i = 0; i < priv->binding->shape->n_columns; i++)
    {
      Edit *edit = find_edit (self, i);
      DimpleValue old_value = { .type = SQLITE_NULL }, new_value, edited;

      if (old_position != NULL)
        old_position = dimple_record_read (old_position, &old_value);
      new_position = dimple_record_read (new_position, &new_value);
      if (edit == NULL)
        {
          if (!dimple_value_equal (&old_value, &new_value))
            column_changed (self, i);
          continue;
        }
      dimple_record_read (edit->record->data, &edited);
      if (dimple_value_equal (&edited, &new_value))
        drop_edit (self, edit);
    }
  g_object_thaw_notify (G_OBJECT (self));
}

void
dimple_row_update (DimpleRow    *self,
                   const guint8 *record,
                   gsize         size)
{
  DimpleRowPrivate *priv = PRIVATE (self);

  if (priv->record == NULL || priv->size != size || memcmp (priv->record, record, size) != 0)
    replace_record (self, record, size);
}

gboolean
dimple_row_collect_edits (DimpleRow        *self,
                          DimpleRowEdits   *edits,
                          GError          **error)
{
  guint n_columns = get_n_columns (self);

  for (guint i = 0; i < n_columns; i++)
    {
      const Edit *edit = find_edit (self, i);
      DimpleValue value;

      if (edit == NULL)
        continue;
      dimple_record_read (edit->record->data, &value);
      if (!dimple_row_shape_add_edit (PRIVATE (self)->binding->shape, i, &value, edits, error))
        return FALSE;
    }
  return TRUE;
}

/* What the row is if it is not read back: as it was loaded, with what was saved. */
static GByteArray *
make_saved_record (DimpleRow            *self,
                   const DimpleRowEdits *edits,
                   const char           *key)
{
  DimpleRowShape *shape = dimple_row_get_binding (self)->shape;
  g_autofree DimpleValue *values = g_new (DimpleValue, shape->n_columns + 1);
  GByteArray *record = g_byte_array_new ();

  for (guint i = 0; i < shape->n_columns; i++)
    if (edits == NULL)
      read_value (self, i, &values[i]);
    else if (!dimple_row_edits_find (edits, i, &values[i]))
      dimple_row_read_column (PRIVATE (self)->record, i, &values[i]);
  dimple_row_shape_append_saved (shape, values, key, record);
  return record;
}

/* Replaces the record and drops the edits.  Only columns that look another way now notify. */
void
dimple_row_become_saved (DimpleRow            *self,
                         const DimpleRowEdits *edits,
                         const char           *key,
                         const guint8         *record,
                         gsize                 size)
{
  DimpleRowPrivate *priv = PRIVATE (self);
  guint n_columns = get_n_columns (self);
  g_autofree gboolean *changed = g_new (gboolean, n_columns + 1);
  g_autoptr(GByteArray) made = record == NULL ? make_saved_record (self, edits, key) : NULL;
  const guint8 *position;

  if (made != NULL)
    {
      record = made->data;
      size = made->len;
    }
  position = record;
  for (guint i = 0; i < n_columns; i++)
    {
      DimpleValue before, after;

      read_value (self, i, &before);
      position = dimple_record_read (position, &after);
      changed[i] = !dimple_value_equal (&before, &after);
    }

  set_record (self, record, size);
  g_clear_pointer (&priv->edits, g_array_unref);
  g_object_freeze_notify (G_OBJECT (self));
  for (guint i = 0; i < n_columns; i++)
    if (changed[i])
      column_changed (self, i);
  g_object_thaw_notify (G_OBJECT (self));
}

/* -- The object ---------------------------------------------------------------------------------------------------- */

static void
dimple_row_finalize (GObject *object)
{
  DimpleRow *self = DIMPLE_ROW (object);
  DimpleRowPrivate *priv = PRIVATE (self);

  if (priv->lent != NULL)
    for (guint i = 0; i < priv->binding->shape->n_columns; i++)
      clear_lent (self, i);
  g_free (priv->lent);
  g_clear_pointer (&priv->edits, g_array_unref);
  g_free (priv->record);
  g_free (priv->key);

  G_OBJECT_CLASS (dimple_row_parent_class)->finalize (object);
}

/* What is set by g_object_new() is told of only if somebody listens by the time the constructor returns: constructed()
 * would be too late.  Only classes of the app come here; their properties are those that the row does not know of. */
static GObject *
dimple_row_constructor (GType                  type,
                        guint                  n_properties,
                        GObjectConstructParam *properties)
{
  GObject *object = G_OBJECT_CLASS (dimple_row_parent_class)->constructor (type, n_properties, properties);

  g_signal_connect (object, "notify", G_CALLBACK (property_notified), NULL);
  return object;
}

static void
dimple_row_class_init (DimpleRowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = dimple_row_finalize;
  object_class->constructor = dimple_row_constructor;
  dimple_value_register_transforms ();
}

static void
dimple_row_init (DimpleRow *self)
{
}

/* -- What can be asked and set ------------------------------------------------------------------------------------- */

/**
 * dimple_row_set_value:
 * @self: a row
 * @column: a column, as in SQL
 * @value: (nullable): a string, number, boolean, enum, flags, [struct@GLib.Bytes] or [struct@GLib.DateTime]
 *
 * Sets a column, which is edited from now on, and notifies its property.
 *
 * %NULL, an empty value and any %NULL pointer are NULL.  A time becomes ISO 8601 text in UTC with milliseconds, or Unix
 * seconds if the column is declared as a number.
 */
void
dimple_row_set_value (DimpleRow    *self,
                      const char   *column,
                      const GValue *value)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  int index;

  g_return_if_fail (DIMPLE_IS_ROW (self));
  g_return_if_fail (column != NULL);

  index = expect_column (self, column);
  if (index >= 0 && append_value (self, record, (guint) index, value) && edit_column (self, (guint) index, record))
    column_changed (self, (guint) index);
}

/**
 * dimple_row_get_key:
 * @self: a row
 *
 * Gets the key with which the row was loaded or saved: the text of its primary key, or a JSON array of its values.
 *
 * Returns: (nullable): the key; %NULL if the row is unsaved, or the result has no key
 */
const char *
dimple_row_get_key (DimpleRow *self)
{
  DimpleRowPrivate *priv;

  g_return_val_if_fail (DIMPLE_IS_ROW (self), NULL);

  priv = PRIVATE (self);
  if (priv->key == NULL && priv->record != NULL)
    {
      g_autoptr(GString) key = g_string_new (NULL);

      if (dimple_row_shape_append_key (priv->binding->shape, priv->record, key))
        priv->key = g_string_free (g_steal_pointer (&key), FALSE);
    }
  return priv->key;
}

/**
 * dimple_row_get_table:
 * @self: a row
 *
 * Gets the table that [method@Store.save] writes the row to: the first one all of whose key columns are in the result.
 *
 * Returns: (nullable): the table; %NULL if there is none
 */
const char *
dimple_row_get_table (DimpleRow *self)
{
  DimpleRowBinding *binding;

  g_return_val_if_fail (DIMPLE_IS_ROW (self), NULL);

  binding = dimple_row_get_binding (self);
  return binding != NULL ? binding->shape->table : NULL;
}

/**
 * dimple_row_get_columns:
 * @self: a row
 *
 * Gets the names of the columns, as in SQL, in their order.
 *
 * Returns: (array zero-terminated=1) (transfer none): the names
 */
const char * const *
dimple_row_get_columns (DimpleRow *self)
{
  static const char * const none[] = { NULL };
  DimpleRowBinding *binding;

  g_return_val_if_fail (DIMPLE_IS_ROW (self), none);

  binding = dimple_row_get_binding (self);
  return binding != NULL ? binding->shape->names : none;
}

/**
 * dimple_row_get_property_name:
 * @self: a row
 * @column: a column, as in SQL
 *
 * Gets the name of the property that shows a column.
 *
 * Returns: (nullable): the name; %NULL if there is no such column
 */
const char *
dimple_row_get_property_name (DimpleRow  *self,
                              const char *column)
{
  int index;

  g_return_val_if_fail (DIMPLE_IS_ROW (self), NULL);
  g_return_val_if_fail (column != NULL, NULL);

  index = find_column (self, column);
  return index >= 0 ? PRIVATE (self)->binding->shape->columns[index].property : NULL;
}

/**
 * dimple_row_is_edited:
 * @self: a row
 *
 * Gets whether a column was set since the row was loaded, and not saved.
 *
 * Returns: %TRUE if it was
 */
gboolean
dimple_row_is_edited (DimpleRow *self)
{
  g_return_val_if_fail (DIMPLE_IS_ROW (self), FALSE);

  return PRIVATE (self)->edits != NULL;
}

/**
 * dimple_row_revert:
 * @self: a row
 *
 * Drops what was set since the row was loaded, and shows the row as the database has it.
 */
void
dimple_row_revert (DimpleRow *self)
{
  DimpleRowPrivate *priv;
  g_autoptr(GArray) edits = NULL;

  g_return_if_fail (DIMPLE_IS_ROW (self));

  priv = PRIVATE (self);
  edits = g_steal_pointer (&priv->edits);
  g_object_freeze_notify (G_OBJECT (self));
  for (guint i = 0; edits != NULL && i < edits->len; i++)
    {
      const Edit *edit = &g_array_index (edits, Edit, i);
      DimpleValue edited, loaded;

      dimple_record_read (edit->record->data, &edited);
      dimple_row_read_column (priv->record, edit->column, &loaded);
      if (!dimple_value_equal (&edited, &loaded))
        column_changed (self, edit->column);
    }
  g_object_thaw_notify (G_OBJECT (self));
}
