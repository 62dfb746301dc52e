/* dimple-sync-compare.c: the rows that differ between two stores
 *
 * Of each table both stores make a digest: the SHA-256 of its rows as records, type and content of every value, in the
 * order of the key.  Only a table of which the two are not the same is read once more, both sides abreast, to name the
 * rows that differ.  So of a table of any size there is one row of each side in memory.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-verify-private.h"

#include <string.h>

#include "dimple-key-private.h"

#define DIGEST_SIZE 32

enum { ONE, OTHER, N_SIDES };

/* One table of one store, row by row. */
typedef struct
{
  DimpleConnection *reader;
  sqlite3_stmt     *rows;            /* the key's values, then those of the other columns */
  GByteArray       *record;          /* of the row it is at; empty: at the end */
  guint64          *n_read;
} Side;

/* One table of two stores. */
typedef struct
{
  const DimpleTable  *table;
  guint               n_values;
  Side                sides[N_SIDES];
  sqlite3_stmt       *order;         /* (nullable) whether one key comes before another */
  DimpleSyncFindings *findings;
  GCancellable       *cancellable;
} Comparison;

/* -- A table ------------------------------------------------------------------------------------------------------- */

/* The key's columns first, then the others that are stored, and in both. */
static char *
list_columns (const DimpleTable *table,
              const DimpleTable *twin,
              guint             *n_columns)
{
  GString *list = g_string_new (NULL);

  for (guint k = 0; k < table->key->len; k++)
    g_string_append_printf (list, "%s%s", k > 0 ? ", " : "", dimple_table_get_key_column (table, k)->quoted);
  *n_columns = table->key->len;
  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, i);

      if (column->key_position > 0 || column->generated || dimple_table_find_column (twin, column->name) < 0)
        continue;
      g_string_append_printf (list, ", %s", column->quoted);
      ++*n_columns;
    }
  return g_string_free (list, FALSE);
}

static gboolean
is_binary (const DimpleColumn *column)
{
  return g_ascii_strcasecmp (column->collation, "BINARY") == 0;
}

/* The order of the key's own index, so that nothing need be sorted; what its collations think equal, by its bytes.  The
 * values are the columns, or parameters from `parameter` on. */
static char *
list_order (const DimpleTable *table,
            guint              parameter)
{
  GString *list = g_string_new (NULL);

  for (guint pass = 0; pass < 2; pass++)
    for (guint k = 0; k < table->key->len; k++)
      {
        const DimpleColumn *column = dimple_table_get_key_column (table, k);
        g_autofree char *collation = dimple_quote (pass == 0 ? column->collation : "BINARY");
        g_autofree char *value = parameter > 0 ? g_strdup_printf ("?%u", parameter + k) : g_strdup (column->quoted);

        if (pass == 0 || !is_binary (column))
          g_string_append_printf (list, "%s%s COLLATE %s", list->len > 0 ? ", " : "", value, collation);
      }
  return g_string_free (list, FALSE);
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

static gboolean
set_if_cancelled (Comparison  *self,
                  GError     **error)
{
  return g_cancellable_set_error_if_cancelled (self->cancellable, error);
}

static gboolean
read_row (Comparison  *self,
          Side        *side,
          GError     **error)
{
  g_autoptr(GError) failure = NULL;

  g_byte_array_set_size (side->record, 0);
  if (set_if_cancelled (self, error))
    return FALSE;
  if (dimple_statement_step (side->rows, &failure))
    {
      dimple_record_append_row (side->record, side->rows, self->n_values);
      ++*side->n_read;
    }
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
digest_side (Comparison  *self,
             Side        *side,
             guint8      *digest,
             GError     **error)
{
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize size = DIGEST_SIZE;

  side->n_read = &self->findings->n_digested;
  sqlite3_reset (side->rows);
  do
    {
      if (!read_row (self, side, error))
        return FALSE;
      g_checksum_update (checksum, side->record->data, side->record->len);
    }
  while (side->record->len > 0);
  g_checksum_get_digest (checksum, digest, &size);
  return TRUE;
}

/* -- Naming -------------------------------------------------------------------------------------------------------- */

static void
add_differing (Comparison *self,
               Side       *side)
{
  GString *name = g_string_new (self->table->name);

  g_string_append_c (name, '/');
  dimple_key_append_record (name, self->table, side->record->data);
  g_hash_table_add (self->findings->differing, g_string_free (name, FALSE));
}

static gsize
key_size (Comparison *self,
          Side       *side)
{
  return (gsize) (dimple_record_skip (side->record->data, self->table->key->len) - side->record->data);
}

static void
bind_key (Comparison *self,
          Side       *side,
          int         parameter)
{
  const guint8 *position = side->record->data;

  for (guint k = 0; k < self->table->key->len; k++)
    {
      DimpleValue value;

      position = dimple_record_read (position, &value);
      dimple_value_bind (&value, self->order, parameter + (int) k);
    }
}

/* Whether the row of the one side comes before that of the other one, as SQLite has it; the keys differ. */
static gboolean
ask_order (Comparison  *self,
           gboolean    *before,
           GError     **error)
{
  sqlite3_reset (self->order);
  bind_key (self, &self->sides[ONE], 1);
  bind_key (self, &self->sides[OTHER], 1 + (int) self->table->key->len);
  if (!dimple_statement_step (self->order, error))
    return FALSE;
  *before = sqlite3_column_int (self->order, 0) != 0;
  sqlite3_reset (self->order);
  return TRUE;
}

/* Which of the rows that both sides are at comes first. */
static gboolean
find_first (Comparison  *self,
            gboolean    *first,
            GError     **error)
{
  Side *one = &self->sides[ONE], *other = &self->sides[OTHER];
  gsize size;

  first[ONE] = one->record->len > 0;
  first[OTHER] = other->record->len > 0;
  if (!first[ONE] || !first[OTHER])
    return TRUE;
  size = key_size (self, one);
  if (size == key_size (self, other) && memcmp (one->record->data, other->record->data, size) == 0)
    return TRUE;
  if (!ask_order (self, &first[ONE], error))
    return FALSE;
  first[OTHER] = !first[ONE];
  return TRUE;
}

/* Both sides abreast. */
static gboolean
name_rows (Comparison  *self,
           GError     **error)
{
  Side *one = &self->sides[ONE], *other = &self->sides[OTHER];
  gboolean first[N_SIDES] = { TRUE, TRUE };

  for (guint i = 0; i < N_SIDES; i++)
    {
      self->sides[i].n_read = &self->findings->n_compared;
      sqlite3_reset (self->sides[i].rows);
    }
  for (;;)
    {
      for (guint i = 0; i < N_SIDES; i++)
        if (first[i] && !read_row (self, &self->sides[i], error))
          return FALSE;
      if (one->record->len == 0 && other->record->len == 0)
        return TRUE;
      if (!find_first (self, first, error))
        return FALSE;
      if (!first[ONE] || !first[OTHER] || one->record->len != other->record->len ||
          memcmp (one->record->data, other->record->data, one->record->len) != 0)
        add_differing (self, first[ONE] ? one : other);
    }
}

/* -- Comparing ----------------------------------------------------------------------------------------------------- */

static gboolean
prepare (Comparison         *self,
         const DimpleTable  *twin,
         GError            **error)
{
  g_autofree char *columns = list_columns (self->table, twin, &self->n_values);
  g_autofree char *order = list_order (self->table, 0);
  g_autofree char *key = list_order (self->table, 1), *other_key = list_order (self->table, 1 + self->table->key->len);
  g_autofree char *rows = g_strdup_printf ("SELECT %s FROM main.%s ORDER BY %s", columns, self->table->quoted, order);
  g_autofree char *before = g_strdup_printf ("SELECT (%s) < (%s)", key, other_key);

  for (guint i = 0; i < N_SIDES; i++)
    {
      self->sides[i].record = g_byte_array_new ();
      self->sides[i].rows = dimple_connection_prepare (self->sides[i].reader, rows, error);
      if (self->sides[i].rows == NULL)
        return FALSE;
    }
  self->order = dimple_connection_prepare (self->sides[ONE].reader, before, error);
  return self->order != NULL;
}

static void
comparison_clear (Comparison *self)
{
  for (guint i = 0; i < N_SIDES; i++)
    {
      g_clear_pointer (&self->sides[i].rows, dimple_statement_release);
      g_clear_pointer (&self->sides[i].record, g_byte_array_unref);
    }
  g_clear_pointer (&self->order, dimple_statement_release);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Comparison, comparison_clear)

static gboolean
compare_table (const DimpleTable   *table,
               const DimpleTable   *twin,
               DimpleConnection   **readers,
               DimpleSyncFindings  *findings,
               GCancellable        *cancellable,
               GError             **error)
{
  g_auto(Comparison) self = { .table = table, .findings = findings, .cancellable = cancellable };
  guint8 digests[N_SIDES][DIGEST_SIZE];

  for (guint i = 0; i < N_SIDES; i++)
    self.sides[i].reader = readers[i];
  if (!prepare (&self, twin, error))
    return FALSE;
  for (guint i = 0; i < N_SIDES; i++)
    if (!digest_side (&self, &self.sides[i], digests[i], error))
      return FALSE;
  return memcmp (digests[ONE], digests[OTHER], DIGEST_SIZE) == 0 || name_rows (&self, error);
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

static gboolean
compare_all (DimpleStore         *one,
             DimpleStore         *other,
             DimpleConnection   **readers,
             DimpleSyncFindings  *findings,
             GCancellable        *cancellable,
             GError             **error)
{
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (one), other_schema = dimple_store_ref_schema (other);

  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *table = dimple_schema_get_table (schema, i);
      const DimpleTable *twin = table->tracked ? dimple_schema_find (other_schema, table->name) : NULL;

      if (twin != NULL && twin->tracked && !compare_table (table, twin, readers, findings, cancellable, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
dimple_sync_compare (DimpleStore         *one,
                     DimpleStore         *other,
                     DimpleSyncFindings  *findings,
                     GCancellable        *cancellable,
                     GError             **error)
{
  DimpleConnection *readers[N_SIDES] = { NULL, NULL };
  gboolean compared = FALSE;

  readers[ONE] = begin_reading (one, error);
  if (readers[ONE] == NULL)
    return FALSE;
  readers[OTHER] = begin_reading (other, error);
  if (readers[OTHER] != NULL)
    {
      compared = compare_all (one, other, readers, findings, cancellable, error);
      end_reading (other, readers[OTHER]);
    }
  end_reading (one, readers[ONE]);
  return compared;
}
