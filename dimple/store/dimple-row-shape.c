/* dimple-row-shape.c: the columns of a result, and the objects that show its rows
 *
 * Shapes are never freed, as GObject cannot unload the class that one has: so equal ones are one, found by a text that
 * says all there is about them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-row-private.h"

#include <string.h>

#include "dimple-debug-private.h"
#include "dimple-error.h"
#include "dimple-key-private.h"
#include "dimple-row-names-private.h"
#include "dimple-sql-reader-private.h"

#define MANY_SHAPES 1000

static GMutex shapes_lock;
static GHashTable *shapes;          /* DimpleRowShape by its description */

/* -- Shapes -------------------------------------------------------------------------------------------------------- */

/* A shape that is being made, and may turn out to be known. */
typedef struct
{
  guint            n_columns;
  DimpleRowColumn *columns;
  const char      *table;           /* (nullable) where save() writes */
  const DimpleTable *keyed;         /* (nullable) */
  guint           *key;
} Draft;

static void
draft_clear (Draft *draft)
{
  g_free (draft->columns);
  g_free (draft->key);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Draft, draft_clear)

/* All that tells shapes apart.  Names hold no NUL, but anything else. */
static GBytes *
describe (const Draft *draft)
{
  GByteArray *text = g_byte_array_new ();
  guint head[3] = { draft->table != NULL, draft->keyed != NULL && draft->keyed->text_key,
                    draft->keyed != NULL ? draft->keyed->key->len : 0 };

  g_byte_array_append (text, (const guint8 *) head, sizeof head);
  if (draft->keyed != NULL)
    {
      g_byte_array_append (text, (const guint8 *) draft->keyed->name, (guint) strlen (draft->keyed->name) + 1);
      g_byte_array_append (text, (const guint8 *) draft->key, draft->keyed->key->len * (guint) sizeof *draft->key);
    }
  for (guint i = 0; i < draft->n_columns; i++)
    {
      const DimpleRowColumn *column = &draft->columns[i];
      const char *origin = column->origin != NULL ? column->origin : "";
      guint8 rest[3] = { (guint8) column->kind, column->origin != NULL, column->writable != FALSE };

      g_byte_array_append (text, (const guint8 *) column->name, (guint) strlen (column->name) + 1);
      g_byte_array_append (text, (const guint8 *) origin, (guint) strlen (origin) + 1);
      g_byte_array_append (text, rest, sizeof rest);
    }
  return g_byte_array_free_to_bytes (text);
}

static void
name_properties (DimpleRowShape *self)
{
  g_autoptr(GHashTable) taken = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < self->n_columns; i++)
    {
      g_autofree char *property = dimple_row_name_property (self->columns[i].name, i, taken);

      self->columns[i].property = g_intern_string (property);
      g_hash_table_add (taken, (gpointer) self->columns[i].property);
    }
}

static DimpleTable *
copy_key_table (const DimpleTable *table)
{
  DimpleTable *copy = g_new0 (DimpleTable, 1);

  copy->name = g_strdup (table->name);
  copy->text_key = table->text_key;
  copy->key = g_array_copy (table->key);
  return copy;
}

static DimpleRowShape *
shape_new (const Draft *draft)
{
  DimpleRowShape *self = g_new0 (DimpleRowShape, 1);

  self->n_columns = draft->n_columns;
  self->columns = g_memdup2 (draft->columns, draft->n_columns * sizeof *draft->columns);
  self->names = g_new0 (const char *, draft->n_columns + 1);
  for (guint i = 0; i < self->n_columns; i++)
    {
      self->columns[i].name = g_intern_string (self->columns[i].name);
      self->columns[i].origin = g_intern_string (self->columns[i].origin);
      self->names[i] = self->columns[i].name;
    }
  name_properties (self);
  self->table = g_intern_string (draft->table);
  if (draft->keyed != NULL)
    {
      self->keyed = copy_key_table (draft->keyed);
      self->key = g_memdup2 (draft->key, draft->keyed->key->len * sizeof *draft->key);
    }
  self->bindings = g_ptr_array_new ();
  return self;
}

static DimpleRowShape *
intern (const Draft *draft)
{
  g_autoptr(GBytes) description = describe (draft);
  DimpleRowShape *self;
  guint n;

  g_mutex_lock (&shapes_lock);
  if (shapes == NULL)
    shapes = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, NULL);
  self = g_hash_table_lookup (shapes, description);
  n = g_hash_table_size (shapes);
  if (self == NULL)
    {
      self = shape_new (draft);
      g_hash_table_insert (shapes, g_steal_pointer (&description), self);
      n++;
    }
  g_mutex_unlock (&shapes_lock);

  if (n == MANY_SHAPES && description == NULL && dimple_debug_is_on (DIMPLE_DEBUG_TYPES))
    g_warning ("There are %u different row types, which are never freed.  Give statements that are put together at run "
               "time the same columns, or use parameters.", n);
  return self;
}

/* -- Of a statement ------------------------------------------------------------------------------------------------ */

/* The column of a table of `schema` that a result's column is, or NULL: an expression, or of another database. */
static const DimpleColumn *
find_origin (sqlite3_stmt       *statement,
             int                 column,
             DimpleSchema       *schema,
             const DimpleTable **table)
{
  const char *database = sqlite3_column_database_name (statement, column);
  const char *table_name = sqlite3_column_table_name (statement, column);
  const char *origin = sqlite3_column_origin_name (statement, column);
  int index;

  *table = NULL;
  if (origin == NULL || table_name == NULL || g_strcmp0 (database, "main") != 0)
    return NULL;
  *table = dimple_schema_find (schema, table_name);
  index = *table != NULL ? dimple_table_find_column (*table, origin) : -1;
  return index >= 0 ? g_ptr_array_index ((*table)->columns, index) : NULL;
}

/* Where the key's columns of a table are in the result, or NULL if one is missing. */
static guint *
find_key (const DimpleTable        *table,
          const DimpleTable * const *tables,
          const DimpleColumn * const *origins,
          guint                     n_columns)
{
  g_autofree guint *key = g_new (guint, table->key->len + 1);

  for (guint k = 0; k < table->key->len; k++)
    {
      const DimpleColumn *wanted = g_ptr_array_index (table->columns, g_array_index (table->key, guint, k));

      for (key[k] = 0; key[k] < n_columns; key[k]++)
        if (tables[key[k]] == table && origins[key[k]] == wanted)
          break;
      if (key[k] == n_columns)
        return NULL;
    }
  return g_steal_pointer (&key);
}

static void
add_key (Draft                     *draft,
         const DimpleTable * const *tables,
         const DimpleColumn * const *origins)
{
  for (guint i = 0; i < draft->n_columns && draft->keyed == NULL; i++)
    {
      if (tables[i] == NULL || tables[i]->key->len == 0)
        continue;
      draft->key = find_key (tables[i], tables, origins, draft->n_columns);
      if (draft->key != NULL)
        draft->keyed = tables[i];
    }
}

/* Expressions have no declared type, but a CAST at the top of one says it. */
static void
add_cast_kinds (Draft           *draft,
                DimpleSqlReader *reader,
                sqlite3_stmt    *statement)
{
  for (guint i = 0; reader != NULL && i < draft->n_columns; i++)
    if (sqlite3_column_decltype (statement, (int) i) == NULL)
      {
        g_autofree char *type = dimple_sql_reader_dup_cast_type (reader, i);

        draft->columns[i].kind = dimple_kind_from_declared_type (type);
      }
}

static gboolean
is_compound (DimpleSqlReader *reader)
{
  DimpleSqlSelect select;

  return reader != NULL && dimple_sql_reader_find_clauses (reader, &select) && select.is_compound;
}

DimpleRowShape *
dimple_row_shape_for_statement (sqlite3_stmt *statement,
                                DimpleSchema *schema)
{
  g_autoptr(DimpleSqlReader) reader = dimple_sql_reader_new (sqlite3_sql (statement));
  guint n = (guint) sqlite3_column_count (statement);
  g_autofree const DimpleTable **tables = g_new0 (const DimpleTable *, n + 1);
  g_autofree const DimpleColumn **origins = g_new0 (const DimpleColumn *, n + 1);
  g_auto(Draft) draft = { .n_columns = n, .columns = g_new0 (DimpleRowColumn, n + 1) };

  for (guint i = 0; i < n; i++)
    {
      origins[i] = find_origin (statement, (int) i, schema, &tables[i]);
      draft.columns[i].name = sqlite3_column_name (statement, (int) i);
      draft.columns[i].kind = dimple_kind_from_declared_type (sqlite3_column_decltype (statement, (int) i));
    }
  add_cast_kinds (&draft, reader, statement);
  add_key (&draft, tables, origins);

  if (draft.keyed != NULL && !is_compound (reader))
    {
      draft.table = draft.keyed->name;
      for (guint i = 0; i < n; i++)
        if (origins[i] != NULL && tables[i] == draft.keyed)
          {
            draft.columns[i].origin = origins[i]->name;
            draft.columns[i].writable = !origins[i]->generated;
          }
    }
  return intern (&draft);
}

static DimpleRowShape *
make_shape_for_table (const DimpleTable *table)
{
  g_auto(Draft) draft = { .n_columns = table->columns->len,
                          .columns = g_new0 (DimpleRowColumn, table->columns->len + 1) };

  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, i);

      draft.columns[i].name = column->name;
      draft.columns[i].kind = dimple_kind_from_declared_type (column->declared_type);
      if (table->key->len > 0)
        {
          draft.columns[i].origin = column->name;
          draft.columns[i].writable = !column->generated;
        }
    }
  if (table->key->len > 0)
    {
      draft.table = table->name;
      draft.keyed = table;
      draft.key = g_memdup2 (table->key->data, table->key->len * sizeof (guint));
    }
  return intern (&draft);
}

DimpleRowShape *
dimple_row_shape_for_table (const DimpleTable *table)
{
  gpointer *kept = &((DimpleTable *) table)->row_shape;
  DimpleRowShape *shape = g_atomic_pointer_get (kept);

  /* Shapes live for ever, and whoever makes one of the same table gets the same. */
  if (shape == NULL)
    {
      shape = make_shape_for_table (table);
      g_atomic_pointer_set (kept, shape);
    }
  return shape;
}

guint
dimple_row_shape_get_n_columns (DimpleRowShape *self)
{
  return self->n_columns;
}

const char * const *
dimple_row_shape_get_columns (DimpleRowShape *self)
{
  return self->names;
}

const char *
dimple_row_shape_get_table (DimpleRowShape *self)
{
  return self->table;
}

/* -- Records of a shape -------------------------------------------------------------------------------------------- */

void
dimple_row_read_column (const guint8 *record,
                        guint         column,
                        DimpleValue  *value)
{
  if (record != NULL)
    dimple_record_read (dimple_record_skip (record, column), value);
  else
    *value = (DimpleValue) { .type = SQLITE_NULL };
}

gboolean
dimple_row_shape_append_key (DimpleRowShape *self,
                             const guint8   *record,
                             GString        *key)
{
  DimpleValue single;
  g_autofree DimpleValue *several = NULL;
  DimpleValue *values = &single;

  if (self->keyed == NULL || record == NULL)
    return FALSE;
  if (self->keyed->key->len > 1)
    values = several = g_new (DimpleValue, self->keyed->key->len);
  for (guint k = 0; k < self->keyed->key->len; k++)
    {
      dimple_row_read_column (record, self->key[k], &values[k]);
      if (values[k].type == SQLITE_NULL)
        return FALSE;
    }
  dimple_key_append (key, self->keyed, values);
  return TRUE;
}

void
dimple_row_shape_append_saved (DimpleRowShape    *self,
                               const DimpleValue *values,
                               const char        *key,
                               GByteArray        *record)
{
  g_autofree DimpleValue *saved = g_memdup2 (values, self->n_columns * sizeof *values);
  g_autoptr(GByteArray) key_record = g_byte_array_new ();

  if (key != NULL && self->keyed != NULL && dimple_key_parse (self->keyed, key, key_record, NULL))
    {
      const guint8 *position = key_record->data;

      for (guint k = 0; k < self->keyed->key->len; k++)
        position = dimple_record_read (position, &saved[self->key[k]]);
    }
  for (guint i = 0; i < self->n_columns; i++)
    dimple_record_append (record, &saved[i]);
}

gboolean
dimple_row_shape_add_edit (DimpleRowShape     *self,
                           guint               column,
                           const DimpleValue  *value,
                           DimpleRowEdits     *edits,
                           GError            **error)
{
  const DimpleRowColumn *edited = &self->columns[column];
  g_autofree char *valid = NULL;
  DimpleValue text;

  if (!edited->writable)
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_READ_ONLY,
                   "The column “%s” cannot be saved: it is computed, or of another table than the row's key",
                   edited->name);
      return FALSE;
    }
  if (value->type == SQLITE_TEXT && !g_utf8_validate_len (value->bytes, value->size, NULL))
    {
      valid = dimple_value_dup_string (value);
      text = (DimpleValue) { .type = SQLITE_TEXT, .bytes = valid, .size = strlen (valid) };
      value = &text;
    }
  dimple_row_edits_add (edits, column, edited->origin, value);
  return TRUE;
}

/* -- Objects ------------------------------------------------------------------------------------------------------- */

GObject *
dimple_row_shape_create (DimpleRowShape *self,
                         GType           type,
                         const guint8   *record,
                         gsize           size)
{
  DimpleRowBinding *binding = dimple_row_shape_bind (self, type);
  GObject *object;

  if (!g_type_is_a (binding->gtype, DIMPLE_TYPE_ROW))
    return dimple_row_object_create (binding, record, size);
  object = g_object_new (binding->gtype, NULL);
  dimple_row_load (DIMPLE_ROW (object), binding, record, size);
  return object;
}

void
dimple_row_shape_update (DimpleRowShape *self,
                         GObject        *object,
                         const guint8   *record,
                         gsize           size)
{
  g_return_if_fail (dimple_row_shape_of (object) == self);

  if (DIMPLE_IS_ROW (object))
    dimple_row_update (DIMPLE_ROW (object), record, size);
  else
    dimple_row_object_update (object, record, size);
}

DimpleRow *
dimple_row_new_unsaved (DimpleRowShape *shape)
{
  return g_object_new (dimple_row_shape_get_gtype (shape), NULL);
}

static DimpleRowBinding *
binding_of (GObject *object)
{
  return DIMPLE_IS_ROW (object) ? dimple_row_get_binding (DIMPLE_ROW (object)) : dimple_row_object_get_binding (object);
}

DimpleRowShape *
dimple_row_shape_of (GObject *object)
{
  DimpleRowBinding *binding = binding_of (object);

  return binding != NULL ? binding->shape : NULL;
}

char *
dimple_row_dup_key (GObject *object)
{
  if (DIMPLE_IS_ROW (object))
    return g_strdup (dimple_row_get_key (DIMPLE_ROW (object)));
  return dimple_row_object_dup_key (object);
}

gboolean
dimple_row_dup_edits (GObject         *object,
                      DimpleRowEdits **edits,
                      GError         **error)
{
  g_autoptr(DimpleRowEdits) collected = dimple_row_edits_new ();
  gboolean ok;

  *edits = NULL;
  if (DIMPLE_IS_ROW (object))
    ok = dimple_row_collect_edits (DIMPLE_ROW (object), collected, error);
  else
    ok = dimple_row_object_collect_edits (object, collected, error);
  if (!ok)
    return FALSE;
  if (dimple_row_edits_get_n (collected) > 0)
    *edits = g_steal_pointer (&collected);
  return TRUE;
}

void
dimple_row_set_saved (GObject              *object,
                      const DimpleRowEdits *edits,
                      const char           *key,
                      const guint8         *record,
                      gsize                 size)
{
  if (DIMPLE_IS_ROW (object))
    dimple_row_become_saved (DIMPLE_ROW (object), edits, key, record, size);
  else
    dimple_row_object_become_saved (object, edits, key, record, size);
}
