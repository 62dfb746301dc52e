/* dimple-sync-compare.c: the rows that differ between two stores
 *
 * Each row of the one is looked up in the other by its key, and compared byte for byte: type and content of every value.
 * Only where the other has more rows than were found are its rows looked up in turn.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-verify-private.h"

#include "dimple-key-private.h"

/* Looks rows of one store up in another. */
typedef struct
{
  const DimpleTable *table;
  DimpleConnection  *reader;
  sqlite3_stmt      *rows;          /* the key's values, then those of the other columns */
  DimpleConnection  *other_reader;
  sqlite3_stmt      *other_row;     /* the same of the row with a key */
  guint              n_values;
  GHashTable        *differing;
  GCancellable      *cancellable;
  guint64            n_found;
} Search;

/* The key's columns first, then the others that are stored. */
static char *
list_columns (const DimpleTable *table,
              guint             *n_columns)
{
  GString *list = g_string_new (NULL);

  for (guint k = 0; k < table->key->len; k++)
    {
      g_autofree char *name = dimple_quote (dimple_table_get_key_column (table, k)->name);

      g_string_append_printf (list, "%s%s", k > 0 ? ", " : "", name);
    }
  *n_columns = table->key->len;
  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, i);
      g_autofree char *name = dimple_quote (column->name);

      if (column->key_position > 0 || column->generated)
        continue;
      g_string_append_printf (list, ", %s", name);
      ++*n_columns;
    }
  return g_string_free (list, FALSE);
}

static gboolean
search_begin (Search  *self,
              GError **error)
{
  g_autofree char *columns = list_columns (self->table, &self->n_values);
  g_autofree char *name = dimple_quote (self->table->name);
  g_autofree char *all = g_strdup_printf ("SELECT %s FROM main.%s", columns, name);
  g_autoptr(GString) one = g_string_new (all);

  for (guint k = 0; k < self->table->key->len; k++)
    {
      g_autofree char *column = dimple_quote (dimple_table_get_key_column (self->table, k)->name);

      /* the column's own collation for the index, and then byte for byte */
      g_string_append_printf (one, "%s%s = ?%u AND %s = ?%u COLLATE BINARY", k > 0 ? " AND " : " WHERE ", column, k + 1,
                              column, k + 1);
    }
  self->rows = dimple_connection_prepare (self->reader, all, error);
  if (self->rows == NULL)
    return FALSE;
  self->other_row = dimple_connection_prepare (self->other_reader, one->str, error);
  return self->other_row != NULL;
}

static void
search_clear (Search *self)
{
  g_clear_pointer (&self->rows, dimple_statement_release);
  g_clear_pointer (&self->other_row, dimple_statement_release);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Search, search_clear)

static void
add_differing (Search       *self,
               const guint8 *record)
{
  g_autoptr(GString) name = g_string_new (self->table->name);

  g_string_append_c (name, '/');
  dimple_key_append_record (name, self->table, record);
  g_hash_table_add (self->differing, g_strdup (name->str));
}

/* Looks up the row that `rows` is at. */
static gboolean
check_row (Search      *self,
           GByteArray  *record,
           GByteArray  *other,
           GError     **error)
{
  g_autoptr(GError) failure = NULL;
  const guint8 *position;
  gboolean found, equal;

  g_byte_array_set_size (record, 0);
  dimple_record_append_row (record, self->rows, self->n_values);
  position = record->data;
  sqlite3_reset (self->other_row);
  for (guint k = 0; k < self->table->key->len; k++)
    {
      DimpleValue value;

      position = dimple_record_read (position, &value);
      dimple_value_bind (&value, self->other_row, (int) k + 1);
    }

  found = dimple_statement_step (self->other_row, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  g_byte_array_set_size (other, 0);
  if (found)
    dimple_record_append_row (other, self->other_row, self->n_values);
  equal = found && record->len == other->len && memcmp (record->data, other->data, record->len) == 0;
  if (!equal)
    add_differing (self, record->data);
  self->n_found += found;
  return TRUE;
}

static gboolean
check_rows (Search  *self,
            GError **error)
{
  g_autoptr(GByteArray) record = g_byte_array_new (), other = g_byte_array_new ();
  g_autoptr(GError) failure = NULL;

  if (!search_begin (self, error))
    return FALSE;
  while (dimple_statement_step (self->rows, &failure))
    {
      if (g_cancellable_set_error_if_cancelled (self->cancellable, error) || !check_row (self, record, other, error))
        return FALSE;
    }
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
count_rows (Search   *self,
            guint64  *n,
            GError  **error)
{
  g_autofree char *name = dimple_quote (self->table->name);
  g_autofree char *sql = g_strdup_printf ("SELECT count(*) FROM main.%s", name);
  gint64 count;

  if (!dimple_connection_get_int64 (self->other_reader, sql, 0, &count, error))
    return FALSE;
  *n = (guint64) count;
  return TRUE;
}

static gboolean
compare_table (const DimpleTable  *table,
               DimpleConnection   *one,
               DimpleConnection   *other,
               GHashTable         *differing,
               GCancellable       *cancellable,
               GError            **error)
{
  g_auto(Search) forth = { .table = table, .reader = one, .other_reader = other, .differing = differing,
                           .cancellable = cancellable };
  g_auto(Search) back = { .table = table, .reader = other, .other_reader = one, .differing = differing,
                          .cancellable = cancellable };
  guint64 n_other;

  if (!check_rows (&forth, error) || !count_rows (&forth, &n_other, error))
    return FALSE;
  return n_other == forth.n_found || check_rows (&back, error);
}

static gboolean
compare_all (DimpleSchema      *schema,
             DimpleConnection  *one,
             DimpleConnection  *other,
             GHashTable        *differing,
             GCancellable      *cancellable,
             GError           **error)
{
  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *table = dimple_schema_get_table (schema, i);

      if (table->tracked && !compare_table (table, one, other, differing, cancellable, error))
        return FALSE;
    }
  return TRUE;
}

/* Takes a reader that sees one commit till it is given back. */
static DimpleConnection *
begin_reading (DimpleStore  *store,
               GError      **error)
{
  DimpleConnection *reader = dimple_store_acquire_reader (store, error);

  if (reader == NULL || dimple_connection_exec (reader, "BEGIN", error))
    return reader;
  dimple_store_release_reader (store, reader);
  return NULL;
}

static void
end_reading (DimpleStore      *store,
             DimpleConnection *reader)
{
  dimple_connection_exec (reader, "COMMIT", NULL);
  dimple_store_release_reader (store, reader);
}

gboolean
dimple_sync_compare (DimpleStore   *one,
                     DimpleStore   *other,
                     GHashTable    *differing,
                     GCancellable  *cancellable,
                     GError       **error)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (other);
  DimpleConnection *reader, *other_reader;
  gboolean compared = FALSE;

  reader = begin_reading (one, error);
  if (reader == NULL)
    return FALSE;
  other_reader = begin_reading (other, error);
  if (other_reader != NULL)
    {
      compared = compare_all (schema, reader, other_reader, differing, cancellable, error);
      end_reading (other, other_reader);
    }
  end_reading (one, reader);
  return compared;
}
