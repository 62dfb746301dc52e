/* dimple-row-binding.c: the classes that show the rows of a shape
 *
 * A binding says by which of a class's properties each column is shown: of the shape's own class, which is registered
 * when it is first asked for, of one that was given a name, or of a class of the app.  GObject cannot unload a class, so
 * bindings are never freed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-row-private.h"

#include <string.h>

#include "dimple-error.h"

/* Guards the bindings and the class of every shape. */
static GMutex bindings_lock;

/* On a generated or registered type: the binding of its new objects */
static GQuark
binding_quark (void)
{
  static GQuark quark;

  if (G_UNLIKELY (quark == 0))
    quark = g_quark_from_static_string ("dimple-row-binding");
  return quark;
}

DimpleRowBinding *
dimple_row_binding_of_type (GType type)
{
  return g_type_get_qdata (type, binding_quark ());
}

int
dimple_row_binding_find (DimpleRowBinding *self,
                         GParamSpec       *property)
{
  for (guint i = 0; i < self->shape->n_columns; i++)
    if (self->properties[i] == property)
      return (int) i;
  return -1;
}

static DimpleRowBinding *
binding_new (DimpleRowShape *shape,
             GType           type)
{
  DimpleRowBinding *self = g_new0 (DimpleRowBinding, 1);

  self->shape = shape;
  self->gtype = type;
  self->properties = g_new0 (GParamSpec *, shape->n_columns + 1);
  g_ptr_array_add (shape->bindings, self);
  return self;
}

static void
generated_class_init (gpointer klass,
                      gpointer class_data)
{
  dimple_row_class_install (klass, class_data);
}

/* Registers a row type.  Its class comes to be when it is first used, outside the lock. */
static GType
register_generated (DimpleRowShape *self,
                    const char     *type_name)
{
  DimpleRowBinding *binding = binding_new (self, 0);
  const GTypeInfo info = {
    .class_size = sizeof (DimpleRowClass),
    .class_init = generated_class_init,
    .class_data = binding,
    .instance_size = sizeof (DimpleRow)
  };

  binding->generated = TRUE;
  binding->gtype = g_type_register_static (DIMPLE_TYPE_ROW, g_intern_string (type_name), &info, 0);
  g_type_set_qdata (binding->gtype, binding_quark (), binding);
  return binding->gtype;
}

GType
dimple_row_shape_get_gtype (DimpleRowShape *self)
{
  static guint n_types;
  g_autoptr(GMutexLocker) locker = NULL;

  /* Takes GObject's own lock, which is never taken inside ours. */
  g_type_ensure (DIMPLE_TYPE_ROW);
  locker = g_mutex_locker_new (&bindings_lock);
  while (self->gtype == 0)
    {
      g_autofree char *type_name = g_strdup_printf ("DimpleRow-%u", ++n_types);

      if (g_type_from_name (type_name) == 0)
        self->gtype = register_generated (self, type_name);
    }
  return self->gtype;
}

static gboolean
has_same_columns (DimpleRowShape *a,
                  DimpleRowShape *b)
{
  if (a->n_columns != b->n_columns)
    return FALSE;
  for (guint i = 0; i < a->n_columns; i++)
    if (a->columns[i].name != b->columns[i].name || a->columns[i].kind != b->columns[i].kind)
      return FALSE;
  return TRUE;
}

/* What a column is called in messages to the programmer */
static char *
list_columns (DimpleRowShape *self)
{
  static const char * const kinds[] = { "", " BOOLEAN", " INTEGER", " TEXT", " REAL", " BLOB" };
  g_autoptr(GString) list = g_string_new (NULL);

  for (guint i = 0; i < self->n_columns; i++)
    g_string_append_printf (list, "%s%s%s", i > 0 ? ", " : "", self->columns[i].name, kinds[self->columns[i].kind]);
  return g_string_free (g_steal_pointer (&list), FALSE);
}

static gboolean
check_generated (DimpleRowShape    *self,
                 DimpleRowBinding  *binding,
                 GError           **error)
{
  g_autofree char *own = NULL;
  g_autofree char *others = NULL;

  if (has_same_columns (self, binding->shape))
    return TRUE;
  own = list_columns (self);
  others = list_columns (binding->shape);
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE,
               "The row type “%s” has the columns (%s), but the result has (%s)",
               g_type_name (binding->gtype), others, own);
  return FALSE;
}

/* As g_type_register_static() wants it; it only warns. */
static gboolean
is_type_name (const char *name)
{
  if (!g_ascii_isalpha (*name) && *name != '_')
    return FALSE;
  for (const char *p = name; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && strchr ("_-+", *p) == NULL)
      return FALSE;
  return strlen (name) >= 3;
}

GType
dimple_row_shape_define_type (DimpleRowShape  *self,
                              const char      *type_name,
                              GError         **error)
{
  g_autoptr(GMutexLocker) locker = NULL;
  DimpleRowBinding *binding;
  GType type;

  if (!is_type_name (type_name))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE,
                   "“%s” is no name for a type: it has at least three ASCII letters, digits, and - + _, the first of "
                   "them a letter or _", type_name);
      return 0;
    }

  g_type_ensure (DIMPLE_TYPE_ROW);
  locker = g_mutex_locker_new (&bindings_lock);
  type = g_type_from_name (type_name);
  if (type == 0)
    {
      type = register_generated (self, type_name);
      /* Objects made from now on are of the type with a name, so that templates may rely on it. */
      if (self->gtype == 0 || g_str_has_prefix (g_type_name (self->gtype), "DimpleRow-"))
        self->gtype = type;
      return type;
    }

  binding = dimple_row_binding_of_type (type);
  if (binding != NULL && binding->generated)
    return check_generated (self, binding, error) ? type : 0;
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE,
               "There is a type “%s” already that is no row type: choose another name", type_name);
  return 0;
}

static gboolean
is_own_class (GType type)
{
  return type == 0 || type == DIMPLE_TYPE_ROW;
}

/* The property by which a class of the app shows a column, or NULL. */
static GParamSpec *
find_property (GObjectClass          *object_class,
               const DimpleRowColumn *column)
{
  GParamSpec *property = g_object_class_find_property (object_class, column->property);

  return property != NULL && (property->flags & G_PARAM_WRITABLE) != 0 ? property : NULL;
}

static gboolean
check_properties (DimpleRowShape  *self,
                  GType            type,
                  GError         **error)
{
  g_autoptr(GTypeClass) klass = g_type_class_ref (type);
  guint n_found = 0;

  for (guint i = 0; i < self->n_columns; i++)
    {
      GParamSpec *property = find_property (G_OBJECT_CLASS (klass), &self->columns[i]);

      if (property == NULL)
        continue;
      if (!dimple_value_is_type_supported (property->value_type))
        {
          g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE,
                       "The property “%s” of “%s” cannot show a column: make it a string, number, boolean, GBytes, "
                       "GDateTime or GValue, not “%s”",
                       property->name, g_type_name (type), g_type_name (property->value_type));
          return FALSE;
        }
      n_found++;
    }
  if (n_found > 0 || g_type_is_a (type, DIMPLE_TYPE_ROW))
    return TRUE;
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE, "“%s” has no writable property with the name of a column",
               g_type_name (type));
  return FALSE;
}

gboolean
dimple_row_shape_check_type (DimpleRowShape  *self,
                             GType            type,
                             GError         **error)
{
  DimpleRowBinding *binding;

  if (is_own_class (type))
    return TRUE;
  binding = dimple_row_binding_of_type (type);
  if (binding != NULL && binding->generated)
    return check_generated (self, binding, error);
  if (!G_TYPE_IS_OBJECT (type) || G_TYPE_IS_ABSTRACT (type))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE, "“%s” is no class of objects that can be made",
                   g_type_name (type));
      return FALSE;
    }
  return check_properties (self, type, error);
}

/* Called with the lock held */
static DimpleRowBinding *
find_binding (DimpleRowShape *self,
              GType           type)
{
  for (guint i = 0; i < self->bindings->len; i++)
    {
      DimpleRowBinding *binding = g_ptr_array_index (self->bindings, i);

      if (binding->gtype == type)
        return binding;
    }
  return NULL;
}

DimpleRowBinding *
dimple_row_shape_bind (DimpleRowShape *self,
                       GType           type)
{
  DimpleRowBinding *binding;
  DimpleRowBinding *of_type;
  GObjectClass *object_class;
  gboolean ready;

  if (is_own_class (type))
    type = dimple_row_shape_get_gtype (self);

  g_mutex_lock (&bindings_lock);
  binding = find_binding (self, type);
  ready = binding != NULL && binding->ready;
  g_mutex_unlock (&bindings_lock);
  if (ready)
    return binding;

  /* For good: a binding holds the class's properties.  The class of a generated type fills its own binding in. */
  object_class = g_type_class_ref (type);
  of_type = dimple_row_binding_of_type (type);
  g_mutex_lock (&bindings_lock);
  binding = find_binding (self, type);
  if (binding == NULL)
    {
      binding = binding_new (self, type);
      binding->generated = of_type != NULL && of_type->generated;
      for (guint i = 0; i < self->n_columns; i++)
        binding->properties[i] = binding->generated ? of_type->properties[i]
                                                    : find_property (object_class, &self->columns[i]);
    }
  binding->ready = TRUE;
  g_mutex_unlock (&bindings_lock);
  return binding;
}

void
dimple_row_shape_register (DimpleRowShape *self,
                           GType           type)
{
  g_type_set_qdata (type, binding_quark (), dimple_row_shape_bind (self, type));
}
