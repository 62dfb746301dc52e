/* dimple-parameters.c: GVariants as the values of SQL parameters
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-parameters-private.h"

#include "dimple-error.h"

/* -- One value ----------------------------------------------------------------------------------------------------- */

/* FALSE: it is no number that SQLite has. */
static gboolean
read_integer (GVariant *variant,
              gint64   *integer)
{
  switch (g_variant_classify (variant))
    {
    case G_VARIANT_CLASS_BOOLEAN:
      *integer = g_variant_get_boolean (variant);
      return TRUE;
    case G_VARIANT_CLASS_BYTE:
      *integer = g_variant_get_byte (variant);
      return TRUE;
    case G_VARIANT_CLASS_INT16:
      *integer = g_variant_get_int16 (variant);
      return TRUE;
    case G_VARIANT_CLASS_UINT16:
      *integer = g_variant_get_uint16 (variant);
      return TRUE;
    case G_VARIANT_CLASS_INT32:
      *integer = g_variant_get_int32 (variant);
      return TRUE;
    case G_VARIANT_CLASS_UINT32:
      *integer = g_variant_get_uint32 (variant);
      return TRUE;
    case G_VARIANT_CLASS_INT64:
      *integer = g_variant_get_int64 (variant);
      return TRUE;
    case G_VARIANT_CLASS_UINT64:
      /* SQLite has no integer beyond this. */
      *integer = (gint64) g_variant_get_uint64 (variant);
      return *integer >= 0;
    default:
      return FALSE;
    }
}

GVariant *
dimple_parameter_unwrap (GVariant *variant)
{
  GVariantClass class = g_variant_classify (variant);

  while (class == G_VARIANT_CLASS_VARIANT || class == G_VARIANT_CLASS_MAYBE)
    {
      g_autoptr(GVariant) wrapper = variant;

      if (g_variant_n_children (wrapper) == 0)
        return NULL;
      variant = g_variant_get_child_value (wrapper, 0);
      class = g_variant_classify (variant);
    }
  return variant;
}

gboolean
dimple_parameter_read (GVariant     *variant,
                       DimpleValue  *value,
                       GError      **error)
{
  *value = (DimpleValue) { .type = SQLITE_NULL };
  if (variant == NULL)
    return TRUE;

  switch (g_variant_classify (variant))
    {
    case G_VARIANT_CLASS_STRING:
      value->type = SQLITE_TEXT;
      value->bytes = g_variant_get_string (variant, &value->size);
      return TRUE;
    case G_VARIANT_CLASS_DOUBLE:
      value->type = SQLITE_FLOAT;
      value->real = g_variant_get_double (variant);
      return TRUE;
    case G_VARIANT_CLASS_ARRAY:
      value->type = SQLITE_BLOB;
      if (!g_variant_is_of_type (variant, G_VARIANT_TYPE_BYTESTRING))
        break;
      value->bytes = g_variant_get_fixed_array (variant, &value->size, 1);
      return TRUE;
    default:
      value->type = SQLITE_INTEGER;
      if (!read_integer (variant, &value->integer))
        break;
      return TRUE;
    }
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
               "A value of type “%s” cannot be stored: use a string, number, boolean, ay for a blob, or an empty maybe "
               "for NULL", g_variant_get_type_string (variant));
  return FALSE;
}

static void
bind_copy (sqlite3_stmt      *statement,
           int                position,
           const DimpleValue *value)
{
  const char *bytes = value->size > 0 ? value->bytes : "";

  if (value->type == SQLITE_TEXT)
    sqlite3_bind_text64 (statement, position, bytes, value->size, SQLITE_TRANSIENT, SQLITE_UTF8);
  else if (value->type == SQLITE_BLOB)
    sqlite3_bind_blob64 (statement, position, bytes, value->size, SQLITE_TRANSIENT);
  else
    dimple_value_bind (value, statement, position);
}

/* -- All of a statement -------------------------------------------------------------------------------------------- */

void
dimple_held_parameters_clear (DimpleHeldParameters *self)
{
  for (gsize i = 0; i < self->n; i++)
    g_clear_pointer (&self->variants[i], g_variant_unref);
  if (self->variants != self->few)
    g_free (self->variants);
  self->variants = NULL;
  self->n = 0;
}

/* Makes room for `n`. */
static void
held_parameters_begin (DimpleHeldParameters *self,
                       gsize                 n)
{
  if (self != NULL)
    self->variants = n <= G_N_ELEMENTS (self->few) ? self->few : g_new (GVariant *, n);
}

/* Takes `variant`.  What is held need not be copied. */
static gboolean
bind_next (sqlite3_stmt          *statement,
           int                    position,
           GVariant              *variant,
           DimpleHeldParameters  *held,
           GError               **error)
{
  g_autoptr(GVariant) plain = dimple_parameter_unwrap (variant);
  DimpleValue value;

  if (!dimple_parameter_read (plain, &value, error))
    return FALSE;
  if (held == NULL)
    bind_copy (statement, position, &value);
  else
    {
      dimple_value_bind (&value, statement, position);
      held->variants[held->n++] = g_steal_pointer (&plain);
    }
  return TRUE;
}

gboolean
dimple_parameter_bind (sqlite3_stmt  *statement,
                       int            position,
                       GVariant      *variant,
                       GError       **error)
{
  return bind_next (statement, position, g_variant_ref (variant), NULL, error);
}

static gboolean
check_count (sqlite3_stmt  *statement,
             gsize          n_given,
             GError       **error)
{
  gsize n_wanted = (gsize) sqlite3_bind_parameter_count (statement);

  if (n_given == n_wanted)
    return TRUE;
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
               "The statement has %" G_GSIZE_FORMAT " parameters, and %" G_GSIZE_FORMAT " values were given: %s",
               n_wanted, n_given, sqlite3_sql (statement));
  return FALSE;
}

static gboolean
bind_tuple (sqlite3_stmt          *statement,
            GVariant              *parameters,
            DimpleHeldParameters  *held,
            GError               **error)
{
  gsize n = g_variant_n_children (parameters);

  if (!check_count (statement, n, error))
    return FALSE;
  held_parameters_begin (held, n);
  for (gsize i = 0; i < n; i++)
    if (!bind_next (statement, (int) i + 1, g_variant_get_child_value (parameters, i), held, error))
      return FALSE;
  return TRUE;
}

static gboolean
bind_dictionary (sqlite3_stmt          *statement,
                 GVariant              *parameters,
                 DimpleHeldParameters  *held,
                 GError               **error)
{
  int n = sqlite3_bind_parameter_count (statement);

  if (!check_count (statement, g_variant_n_children (parameters), error))
    return FALSE;
  held_parameters_begin (held, (gsize) n);
  for (int i = 1; i <= n; i++)
    {
      const char *name = sqlite3_bind_parameter_name (statement, i);
      GVariant *value = name != NULL ? g_variant_lookup_value (parameters, name + 1, NULL) : NULL;

      if (value == NULL)
        {
          g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS, "No value was given for the parameter %s: %s",
                       name != NULL ? name : "?", sqlite3_sql (statement));
          return FALSE;
        }
      if (!bind_next (statement, i, value, held, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
bind_all (sqlite3_stmt          *statement,
          GVariant              *parameters,
          DimpleHeldParameters  *held,
          GError               **error)
{
  if (parameters == NULL)
    return check_count (statement, 0, error);
  if (g_variant_classify (parameters) == G_VARIANT_CLASS_TUPLE)
    return bind_tuple (statement, parameters, held, error);
  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE_VARDICT))
    return bind_dictionary (statement, parameters, held, error);
  if (!check_count (statement, 1, error))
    return FALSE;
  held_parameters_begin (held, 1);
  return bind_next (statement, 1, g_variant_ref (parameters), held, error);
}

gboolean
dimple_parameters_bind (sqlite3_stmt  *statement,
                        GVariant      *parameters,
                        GError       **error)
{
  return bind_all (statement, parameters, NULL, error);
}

gboolean
dimple_parameters_bind_held (sqlite3_stmt          *statement,
                             GVariant              *parameters,
                             DimpleHeldParameters  *held,
                             GError               **error)
{
  return bind_all (statement, parameters, held, error);
}
