/* dimple-parameters.c: GVariants as the values of SQL parameters
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-parameters-private.h"

#include "dimple-error.h"

static gboolean
bind_number (sqlite3_stmt *statement,
             int           position,
             GVariant     *value)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BOOLEAN:
      sqlite3_bind_int64 (statement, position, g_variant_get_boolean (value));
      return TRUE;
    case G_VARIANT_CLASS_BYTE:
      sqlite3_bind_int64 (statement, position, g_variant_get_byte (value));
      return TRUE;
    case G_VARIANT_CLASS_INT16:
      sqlite3_bind_int64 (statement, position, g_variant_get_int16 (value));
      return TRUE;
    case G_VARIANT_CLASS_UINT16:
      sqlite3_bind_int64 (statement, position, g_variant_get_uint16 (value));
      return TRUE;
    case G_VARIANT_CLASS_INT32:
      sqlite3_bind_int64 (statement, position, g_variant_get_int32 (value));
      return TRUE;
    case G_VARIANT_CLASS_UINT32:
      sqlite3_bind_int64 (statement, position, g_variant_get_uint32 (value));
      return TRUE;
    case G_VARIANT_CLASS_INT64:
      sqlite3_bind_int64 (statement, position, g_variant_get_int64 (value));
      return TRUE;
    case G_VARIANT_CLASS_UINT64:
      /* SQLite has no integer beyond this. */
      if (g_variant_get_uint64 (value) > G_MAXINT64)
        return FALSE;
      sqlite3_bind_int64 (statement, position, (gint64) g_variant_get_uint64 (value));
      return TRUE;
    case G_VARIANT_CLASS_DOUBLE:
      sqlite3_bind_double (statement, position, g_variant_get_double (value));
      return TRUE;
    default:
      return FALSE;
    }
}

static void
bind_blob (sqlite3_stmt             *statement,
           int                       position,
           GVariant                 *value,
           sqlite3_destructor_type   lifetime)
{
  gsize size;
  gconstpointer bytes = g_variant_get_fixed_array (value, &size, 1);

  sqlite3_bind_blob64 (statement, position, size > 0 ? bytes : "", size, lifetime);
}

/* A variant and a maybe hold one value; a maybe may hold nothing. */
static gboolean
bind_held (sqlite3_stmt  *statement,
           int            position,
           GVariant      *value,
           GError       **error)
{
  g_autoptr(GVariant) held = g_variant_n_children (value) > 0 ? g_variant_get_child_value (value, 0) : NULL;

  if (held != NULL)
    return dimple_parameter_bind (statement, position, held, error);
  sqlite3_bind_null (statement, position);
  return TRUE;
}

static gboolean
refuse (GVariant  *value,
        GError   **error)
{
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
               "A value of type “%s” cannot be stored: use a string, number, boolean, ay for a blob, or an empty maybe "
               "for NULL", g_variant_get_type_string (value));
  return FALSE;
}

static gboolean
bind_value (sqlite3_stmt             *statement,
            int                       position,
            GVariant                 *value,
            sqlite3_destructor_type   lifetime,
            GError                  **error)
{
  const char *text;
  gsize size;

  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_STRING:
      text = g_variant_get_string (value, &size);
      sqlite3_bind_text64 (statement, position, text, size, lifetime, SQLITE_UTF8);
      return TRUE;
    case G_VARIANT_CLASS_VARIANT:
    case G_VARIANT_CLASS_MAYBE:
      return bind_held (statement, position, value, error);
    case G_VARIANT_CLASS_ARRAY:
      if (!g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
        return refuse (value, error);
      bind_blob (statement, position, value, lifetime);
      return TRUE;
    default:
      return bind_number (statement, position, value) || refuse (value, error);
    }
}

gboolean
dimple_parameter_bind (sqlite3_stmt  *statement,
                       int            position,
                       GVariant      *value,
                       GError       **error)
{
  return bind_value (statement, position, value, SQLITE_TRANSIENT, error);
}

gboolean
dimple_parameter_bind_static (sqlite3_stmt  *statement,
                              int            position,
                              GVariant      *value,
                              GError       **error)
{
  return bind_value (statement, position, value, SQLITE_STATIC, error);
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
bind_tuple (sqlite3_stmt  *statement,
            GVariant      *parameters,
            GError       **error)
{
  gsize n = g_variant_n_children (parameters);

  if (!check_count (statement, n, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr(GVariant) value = g_variant_get_child_value (parameters, i);

      if (!dimple_parameter_bind (statement, (int) i + 1, value, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
bind_dictionary (sqlite3_stmt  *statement,
                 GVariant      *parameters,
                 GError       **error)
{
  int n = sqlite3_bind_parameter_count (statement);

  if (!check_count (statement, g_variant_n_children (parameters), error))
    return FALSE;
  for (int i = 1; i <= n; i++)
    {
      const char *name = sqlite3_bind_parameter_name (statement, i);
      g_autoptr(GVariant) value = name != NULL ? g_variant_lookup_value (parameters, name + 1, NULL) : NULL;

      if (value == NULL)
        {
          g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS, "No value was given for the parameter %s: %s",
                       name != NULL ? name : "?", sqlite3_sql (statement));
          return FALSE;
        }
      if (!dimple_parameter_bind (statement, i, value, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
dimple_parameters_bind (sqlite3_stmt  *statement,
                        GVariant      *parameters,
                        GError       **error)
{
  if (parameters == NULL)
    return check_count (statement, 0, error);
  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE_VARDICT))
    return bind_dictionary (statement, parameters, error);
  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE_TUPLE))
    return bind_tuple (statement, parameters, error);
  return check_count (statement, 1, error) && dimple_parameter_bind (statement, 1, parameters, error);
}
