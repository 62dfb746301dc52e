/* dimple-change-reader.c: the changes of a transaction, one row at a time
 *
 * What it reads may come from another device, so nothing is taken for granted: every array has the length that the
 * group's columns call for, or the whole is refused.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-change-reader-private.h"

#include <glib/gi18n-lib.h>

#include "dimple-error.h"

static const char * const operation_names[] = { "insert", "update", "delete" };

const char *
dimple_operation_get_name (DimpleOperation operation)
{
  return operation_names[operation];
}

void
dimple_change_reader_init (DimpleChangeReader *self,
                           GBytes             *changes,
                           int                 script)
{
  *self = (DimpleChangeReader) {
    .key = g_ptr_array_new_with_free_func (g_free),
    .columns = g_ptr_array_new_with_free_func (g_free),
    .key_values = g_byte_array_new (),
    .new_values = g_byte_array_new (),
    .old_values = g_byte_array_new (),
    .anchors = g_ptr_array_new_with_free_func (g_free),
  };
  dimple_change_reader_restart (self, changes, script);
}

void
dimple_change_reader_restart (DimpleChangeReader *self,
                              GBytes             *changes,
                              int                 script)
{
  gsize size;
  const char *json = g_bytes_get_data (changes, &size);

  dimple_json_reader_clear (&self->json);
  dimple_json_reader_init (&self->json, json, size);
  self->migration = script > 0;
}

void
dimple_change_reader_clear (DimpleChangeReader *self)
{
  dimple_json_reader_clear (&self->json);
  g_clear_pointer (&self->table, g_free);
  g_clear_pointer (&self->key, g_ptr_array_unref);
  g_clear_pointer (&self->columns, g_ptr_array_unref);
  g_clear_pointer (&self->key_values, g_byte_array_unref);
  g_clear_pointer (&self->new_values, g_byte_array_unref);
  g_clear_pointer (&self->old_values, g_byte_array_unref);
  g_clear_pointer (&self->anchors, g_ptr_array_unref);
}

static gboolean
refuse (DimpleChangeReader  *self,
        GError             **error)
{
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK,
               _("The changes of a transaction are damaged near byte %u."),
               (guint) (self->json.position - self->json.start));
  return FALSE;
}

/* -- Groups -------------------------------------------------------------------------------------------------------- */

/* An array of strings. */
static gboolean
read_names (DimpleChangeReader *self,
            GPtrArray          *names)
{
  DimpleJsonToken token;

  g_ptr_array_set_size (names, 0);
  if (!dimple_json_reader_expect (&self->json, DIMPLE_JSON_BEGIN_ARRAY))
    return FALSE;
  while ((token = dimple_json_reader_next (&self->json)) == DIMPLE_JSON_STRING)
    g_ptr_array_add (names, g_strndup (self->json.text, self->json.size));
  return token == DIMPLE_JSON_END_ARRAY;
}

static gboolean
read_operation (DimpleChangeReader *self)
{
  if (!dimple_json_reader_expect (&self->json, DIMPLE_JSON_STRING))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (operation_names); i++)
    if (dimple_json_reader_is (&self->json, operation_names[i]))
      {
        self->operation = (DimpleOperation) i;
        return TRUE;
      }
  return FALSE;
}

/* Reads the members of a group up to the opening bracket of its rows, which must come last. */
static gboolean
read_group (DimpleChangeReader *self)
{
  enum { TABLE = 1, KEY = 2, OPERATION = 4, COLUMNS = 8, ALL = 15 } seen = 0;

  while (dimple_json_reader_expect (&self->json, DIMPLE_JSON_NAME))
    {
      if (dimple_json_reader_is (&self->json, "rows"))
        return seen == ALL && self->key->len > 0 && dimple_json_reader_expect (&self->json, DIMPLE_JSON_BEGIN_ARRAY);
      if (dimple_json_reader_is (&self->json, "table"))
        {
          if (!dimple_json_reader_expect (&self->json, DIMPLE_JSON_STRING))
            return FALSE;
          g_free (self->table);
          self->table = g_strndup (self->json.text, self->json.size);
          seen |= TABLE;
        }
      else if (dimple_json_reader_is (&self->json, "key"))
        {
          if (!read_names (self, self->key))
            return FALSE;
          seen |= KEY;
        }
      else if (dimple_json_reader_is (&self->json, "op"))
        {
          if (!read_operation (self))
            return FALSE;
          seen |= OPERATION;
        }
      else if (dimple_json_reader_is (&self->json, "columns"))
        {
          if (!read_names (self, self->columns))
            return FALSE;
          seen |= COLUMNS;
        }
      else if (!dimple_json_reader_skip (&self->json))
        return FALSE;
    }
  return FALSE;
}

gboolean
dimple_change_reader_next_group (DimpleChangeReader  *self,
                                 GError             **error)
{
  gboolean first = self->json.position == self->json.start;

  /* the group before ended with its rows */
  if (first ? !dimple_json_reader_expect (&self->json, DIMPLE_JSON_BEGIN_ARRAY)
            : !dimple_json_reader_expect (&self->json, DIMPLE_JSON_END_OBJECT))
    return refuse (self, error);

  switch (dimple_json_reader_next (&self->json))
    {
    case DIMPLE_JSON_BEGIN_OBJECT:
      return read_group (self) || refuse (self, error);
    case DIMPLE_JSON_END_ARRAY:
      return dimple_json_reader_expect (&self->json, DIMPLE_JSON_END) ? FALSE : refuse (self, error);
    default:
      return refuse (self, error);
    }
}

/* -- Rows ---------------------------------------------------------------------------------------------------------- */

/* The values of an array that has been opened. */
static gboolean
read_values (DimpleChangeReader *self,
             guint               n_values,
             GByteArray         *record)
{
  g_byte_array_set_size (record, 0);
  for (guint i = 0; i < n_values; i++)
    {
      DimpleValue value = { 0 };

      if (!dimple_json_reader_next_value (&self->json, &value))
        return FALSE;
      dimple_record_append (record, &value);
    }
  return dimple_json_reader_expect (&self->json, DIMPLE_JSON_END_ARRAY);
}

static gboolean
read_anchors (DimpleChangeReader *self)
{
  guint n_anchors = self->operation == DIMPLE_OPERATION_DELETE ? 1 : 1 + self->columns->len;

  if (!dimple_json_reader_expect (&self->json, DIMPLE_JSON_BEGIN_ARRAY))
    return FALSE;
  for (guint i = 0; i < n_anchors; i++)
    {
      if (!dimple_json_reader_expect (&self->json, DIMPLE_JSON_STRING))
        return FALSE;
      g_ptr_array_add (self->anchors, g_strndup (self->json.text, self->json.size));
    }
  return dimple_json_reader_expect (&self->json, DIMPLE_JSON_END_ARRAY);
}

/* The old values, which may be null or missing, the anchors, and the end of the row. */
static gboolean
read_rest (DimpleChangeReader *self)
{
  if (self->operation != DIMPLE_OPERATION_INSERT)
    switch (dimple_json_reader_next (&self->json))
      {
      case DIMPLE_JSON_BEGIN_ARRAY:
        if (!read_values (self, self->columns->len, self->old_values))
          return FALSE;
        self->has_old = TRUE;
        break;
      case DIMPLE_JSON_NULL:
        break;
      case DIMPLE_JSON_END_ARRAY:
        return !self->migration;
      default:
        return FALSE;
      }

  if (self->migration && !read_anchors (self))
    return FALSE;
  return dimple_json_reader_expect (&self->json, DIMPLE_JSON_END_ARRAY);
}

static gboolean
key_is_whole (DimpleChangeReader *self)
{
  const guint8 *position = self->key_values->data;

  for (guint i = 0; i < self->key->len; i++)
    {
      DimpleValue value;

      position = dimple_record_read (position, &value);
      if (value.type == SQLITE_NULL || value.type == DIMPLE_VALUE_PRUNED)
        return FALSE;
    }
  return TRUE;
}

/* Reads the row whose opening bracket has been read. */
static gboolean
read_row (DimpleChangeReader *self)
{
  if (!dimple_json_reader_expect (&self->json, DIMPLE_JSON_BEGIN_ARRAY) ||
      !read_values (self, self->key->len, self->key_values) || !key_is_whole (self))
    return FALSE;
  if (self->operation != DIMPLE_OPERATION_DELETE)
    if (!dimple_json_reader_expect (&self->json, DIMPLE_JSON_BEGIN_ARRAY) ||
        !read_values (self, self->columns->len, self->new_values))
      return FALSE;
  return read_rest (self);
}

gboolean
dimple_change_reader_next_row (DimpleChangeReader  *self,
                               GError             **error)
{
  g_byte_array_set_size (self->old_values, 0);
  g_byte_array_set_size (self->new_values, 0);
  g_ptr_array_set_size (self->anchors, 0);
  self->has_old = FALSE;

  switch (dimple_json_reader_next (&self->json))
    {
    case DIMPLE_JSON_BEGIN_ARRAY:
      return read_row (self) || refuse (self, error);
    case DIMPLE_JSON_END_ARRAY:
      return FALSE;
    default:
      return refuse (self, error);
    }
}
