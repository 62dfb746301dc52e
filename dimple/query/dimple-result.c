/* dimple-result.c: all rows of a query at one commit, as records
 *
 * The records of 256 rows lie in one block.  Each row has a hash of the key columns in it, so that two results are
 * compared without looking at the records where the rows are the same: from both ends inwards first, and what is
 * between by hash.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-result-private.h"

#include <string.h>

#include "dimple-parameters-private.h"

#define PAGE_ROWS 256

typedef struct
{
  guint8  *records;
  guint32  ends[PAGE_ROWS];
} Page;

struct _DimpleResult
{
  DimpleRows      rows;
  GPtrArray      *pages;          /* of Page */
  guint           n_rows;
  GArray         *key_columns;    /* of guint: what tells rows apart; empty: their position */
  GArray         *main_columns;   /* of guint: those of them that are of the first table … */
  char           *main_table;     /* (nullable) … which is this one */
  GArray         *hashes;         /* of guint64: of the key columns of each row */
  gint64         *ids;
  gint64          last_id;
  GHashTable     *positions;      /* (nullable) of a row by its public key, once somebody asked */
  GHashTable     *id_positions;   /* (nullable) of a row by its id, once somebody asked */
};

static const guint8 *get_record (DimpleRows *rows,
                                 guint       position,
                                 gsize      *size);

/* -- What tells rows apart ----------------------------------------------------------------------------------------- */

/* Whether a column of the result is (part of) the PRIMARY KEY of its table, or its rowid. */
static gboolean
is_key_column (sqlite3_stmt      *statement,
               int                column,
               const DimpleTable *table)
{
  const char *origin = sqlite3_column_origin_name (statement, column);
  int index = dimple_table_find_column (table, origin), is_key = FALSE;

  if (table->key->len > 0)
    return index >= 0 && ((DimpleColumn *) g_ptr_array_index (table->columns, index))->key_position > 0;
  if (index < 0)
    return TRUE;
  sqlite3_table_column_metadata (sqlite3_db_handle (statement), "main", table->name, origin, NULL, NULL, NULL, &is_key,
                                 NULL);
  return is_key;
}

static const DimpleTable *
find_table (sqlite3_stmt *statement,
            int           column,
            DimpleSchema *schema)
{
  const char *name = sqlite3_column_table_name (statement, column);

  return name != NULL ? dimple_schema_find (schema, name) : NULL;
}

/* How many different key columns of the table are in the result. */
static guint
count_key_columns (sqlite3_stmt      *statement,
                   DimpleSchema      *schema,
                   const DimpleTable *table)
{
  g_autoptr(GHashTable) origins = g_hash_table_new (g_str_hash, g_str_equal);

  for (int i = 0; i < sqlite3_column_count (statement); i++)
    if (find_table (statement, i, schema) == table && is_key_column (statement, i, table))
      g_hash_table_add (origins, (gpointer) sqlite3_column_origin_name (statement, i));
  return g_hash_table_size (origins);
}

static void
find_key_columns (DimpleResult *self,
                  sqlite3_stmt *statement,
                  DimpleSchema *schema)
{
  const DimpleTable *first = NULL;

  for (guint i = 0; i < (guint) sqlite3_column_count (statement); i++)
    {
      const DimpleTable *table = find_table (statement, (int) i, schema);

      if (table == NULL || !is_key_column (statement, (int) i, table) ||
          count_key_columns (statement, schema, table) < MAX (table->key->len, 1))
        continue;
      if (first == NULL)
        {
          first = table;
          self->main_table = g_strdup (table->name);
        }
      g_array_append_val (self->key_columns, i);
      if (table == first)
        g_array_append_val (self->main_columns, i);
    }
}

static guint64
hash_bytes (guint64       hash,
            const guint8 *bytes,
            gsize         size)
{
  for (gsize i = 0; i < size; i++)
    hash = (hash ^ bytes[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash;
}

static guint64
hash_columns (const guint8 *record,
              const GArray *columns)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);
  guint column = 0;

  for (guint i = 0; i < columns->len; i++)
    {
      guint wanted = g_array_index (columns, guint, i);
      const guint8 *value = dimple_record_skip (record, wanted - column);

      record = dimple_record_skip (value, 1);
      column = wanted + 1;
      hash = hash_bytes (hash, value, (gsize) (record - value));
    }
  return hash;
}

static gboolean
columns_equal (const guint8 *a,
               const guint8 *b,
               const GArray *columns)
{
  guint column = 0;

  for (guint i = 0; i < columns->len; i++)
    {
      guint wanted = g_array_index (columns, guint, i);
      const guint8 *a_value = dimple_record_skip (a, wanted - column);
      const guint8 *b_value = dimple_record_skip (b, wanted - column);

      a = dimple_record_skip (a_value, 1);
      b = dimple_record_skip (b_value, 1);
      column = wanted + 1;
      if (a - a_value != b - b_value || memcmp (a_value, b_value, (gsize) (a - a_value)) != 0)
        return FALSE;
    }
  return TRUE;
}

static gboolean
keys_equal (DimpleResult *self,
            guint         position,
            DimpleResult *other,
            guint         other_position)
{
  gsize size;

  return g_array_index (self->hashes, guint64, position) == g_array_index (other->hashes, guint64, other_position) &&
         columns_equal (get_record (&self->rows, position, &size),
                        get_record (&other->rows, other_position, &size), self->key_columns);
}

/* -- Running ------------------------------------------------------------------------------------------------------- */

static void
page_free (gpointer data)
{
  Page *page = data;

  g_free (page->records);
  g_free (page);
}

static void
add_page (DimpleResult *self,
          Page         *page,
          GByteArray   *records)
{
  if (records->len == 0)
    return;
  g_ptr_array_add (self->pages, g_memdup2 (page, sizeof *page));
  ((Page *) g_ptr_array_index (self->pages, self->pages->len - 1))->records = g_memdup2 (records->data, records->len);
  g_byte_array_set_size (records, 0);
}

/* The row from `start` on in `records`, which are those of one page. */
static void
add_row (DimpleResult *self,
         Page         *page,
         GByteArray   *records,
         guint         start)
{
  page->ends[self->n_rows % PAGE_ROWS] = records->len;
  if (self->key_columns->len > 0)
    {
      guint64 hash = hash_columns (records->data + start, self->key_columns);

      g_array_append_val (self->hashes, hash);
    }
  if (++self->n_rows % PAGE_ROWS == 0)
    add_page (self, page, records);
}

static gboolean
read_rows (DimpleResult  *self,
           sqlite3_stmt  *statement,
           GError       **error)
{
  g_autoptr(GByteArray) records = g_byte_array_new ();
  g_autoptr(GError) step_error = NULL;
  Page page = { 0, };
  int n_columns = sqlite3_column_count (statement);

  while (dimple_statement_step (statement, &step_error))
    {
      guint start = records->len;

      for (int i = 0; i < n_columns; i++)
        dimple_record_append_column (records, statement, i);
      add_row (self, &page, records, start);
    }
  add_page (self, &page, records);
  if (step_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&step_error));
  return FALSE;
}

/* -- Comparing ----------------------------------------------------------------------------------------------------- */

static gboolean
has_keys (DimpleResult *self)
{
  return self->key_columns->len > 0;
}

/* Whether rows of both have the same columns and are told apart by the same of them. */
static gboolean
are_comparable (DimpleResult *self,
                DimpleResult *old)
{
  return self->rows.shape == old->rows.shape && self->key_columns->len == old->key_columns->len &&
         (!has_keys (self) ||
          memcmp (self->key_columns->data, old->key_columns->data, self->key_columns->len * sizeof (guint)) == 0);
}

static void
take_id (DimpleResult       *self,
         guint               position,
         DimpleResult       *old,
         guint               old_position,
         DimpleRowsChange *change)
{
  gsize size, old_size;
  const guint8 *record = get_record (&self->rows, position, &size);
  const guint8 *old_record = get_record (&old->rows, old_position, &old_size);

  self->ids[position] = old->ids[old_position];
  if (size != old_size || memcmp (record, old_record, size) != 0)
    g_array_append_val (change->updated, position);
}

/* The rows between, of which any may have gone, come or moved; ids of 0 are not given yet. */
typedef struct
{
  DimpleResult *result;
  DimpleResult *old;
  guint         position;
  guint         n_old;
  guint         n_new;
  gboolean     *taken;          /* old rows whose id was given again */
} Middle;

static guint64
hash_middle (Middle       *middle,
             DimpleResult *result,
             const GArray *columns,
             guint         i)
{
  gsize size;

  return hash_columns (get_record (&result->rows, middle->position + i, &size), columns);
}

/* Gives the ids of old rows to new ones that have the same values in `columns`, in order where there are several. */
static void
match_middle (Middle             *middle,
              const GArray       *columns,
              DimpleRowsChange *change)
{
  g_autoptr(GHashTable) heads = g_hash_table_new (g_int64_hash, g_int64_equal);
  g_autofree guint *next = g_new (guint, middle->n_old + 1);
  g_autofree guint64 *hashes = g_new (guint64, middle->n_old + 1);

  /* Chains of old rows with the same hash, from the first to the last; 0 ends one. */
  for (guint i = middle->n_old; i > 0; i--)
    {
      if (middle->taken[i - 1])
        continue;
      hashes[i] = hash_middle (middle, middle->old, columns, i - 1);
      next[i] = GPOINTER_TO_UINT (g_hash_table_lookup (heads, &hashes[i]));
      g_hash_table_replace (heads, &hashes[i], GUINT_TO_POINTER (i));
    }
  for (guint i = 0; i < middle->n_new && g_hash_table_size (heads) > 0; i++)
    {
      guint position = middle->position + i, previous = 0, candidate;
      guint64 hash;
      gsize size;

      if (middle->result->ids[position] != 0)
        continue;
      hash = hash_middle (middle, middle->result, columns, i);
      candidate = GPOINTER_TO_UINT (g_hash_table_lookup (heads, &hash));
      for (; candidate > 0; previous = candidate, candidate = next[candidate])
        if (columns_equal (get_record (&middle->result->rows, position, &size),
                           get_record (&middle->old->rows, middle->position + candidate - 1, &size), columns))
          break;
      if (candidate == 0)
        continue;
      if (previous > 0)
        next[previous] = next[candidate];
      else if (next[candidate] > 0)
        g_hash_table_replace (heads, &hashes[next[candidate]], GUINT_TO_POINTER (next[candidate]));
      else
        g_hash_table_remove (heads, &hash);
      middle->taken[candidate - 1] = TRUE;
      take_id (middle->result, position, middle->old, middle->position + candidate - 1, change);
    }
}

/* In a join a row stays itself as long as it is of the same row of the first table, even if it is joined to another
 * now. */
static void
compare_middle (DimpleResult       *self,
                DimpleResult       *old,
                DimpleRowsChange *change)
{
  g_autofree gboolean *taken = g_new0 (gboolean, change->n_removed + 1);
  Middle middle = { self, old, change->position, change->n_removed, change->n_added, taken };

  match_middle (&middle, self->key_columns, change);
  if (self->main_columns->len < self->key_columns->len)
    match_middle (&middle, self->main_columns, change);
  for (guint i = 0; i < change->n_added; i++)
    if (self->ids[change->position + i] == 0)
      self->ids[change->position + i] = ++self->last_id;
  for (guint i = 0; i < change->n_removed; i++)
    if (!taken[i])
      g_array_append_val (change->gone, old->ids[change->position + i]);
}

/* The second way to match may have found rows that stayed at either end. */
static void
trim_change (DimpleResult       *self,
             DimpleResult       *old,
             DimpleRowsChange *change)
{
  while (change->n_removed > 0 && change->n_added > 0 && self->ids[change->position] == old->ids[change->position])
    {
      change->position++;
      change->n_removed--;
      change->n_added--;
    }
  while (change->n_removed > 0 && change->n_added > 0 &&
         self->ids[change->position + change->n_added - 1] == old->ids[change->position + change->n_removed - 1])
    {
      change->n_removed--;
      change->n_added--;
    }
}

void
dimple_result_compare (DimpleResult       *self,
                       DimpleResult       *old,
                       DimpleRowsChange *change)
{
  gboolean comparable = old != NULL && are_comparable (self, old);
  guint n_old = old != NULL ? old->n_rows : 0;
  guint common = MIN (self->n_rows, n_old), head = 0, tail = 0;

  dimple_rows_change_init (change);
  self->ids = g_new0 (gint64, self->n_rows + 1);
  self->last_id = old != NULL ? old->last_id : 0;

  if (comparable)
    for (; head < common && (!has_keys (self) || keys_equal (self, head, old, head)); head++)
      take_id (self, head, old, head, change);
  if (comparable && has_keys (self))
    for (; head + tail < common && keys_equal (self, self->n_rows - tail - 1, old, n_old - tail - 1); tail++)
      take_id (self, self->n_rows - tail - 1, old, n_old - tail - 1, change);

  change->position = head;
  change->n_removed = n_old - head - tail;
  change->n_added = self->n_rows - head - tail;
  if (comparable && has_keys (self))
    {
      compare_middle (self, old, change);
      trim_change (self, old, change);
      return;
    }
  for (guint i = 0; i < change->n_added; i++)
    self->ids[head + i] = ++self->last_id;
  if (change->n_removed > 0)
    g_array_append_vals (change->gone, old->ids + head, change->n_removed);
}

/* -- As rows ------------------------------------------------------------------------------------------------------- */

static void
clear (DimpleRows *rows)
{
  DimpleResult *self = (DimpleResult *) rows;

  g_ptr_array_unref (self->pages);
  g_array_unref (self->key_columns);
  g_array_unref (self->main_columns);
  g_free (self->main_table);
  g_array_unref (self->hashes);
  g_free (self->ids);
  g_clear_pointer (&self->positions, g_hash_table_unref);
  g_clear_pointer (&self->id_positions, g_hash_table_unref);
}

static guint
get_n_rows (DimpleRows *rows)
{
  return ((DimpleResult *) rows)->n_rows;
}

static gint64
get_id (DimpleRows *rows,
        guint       position)
{
  return ((DimpleResult *) rows)->ids[position];
}

static gboolean
find_id (DimpleRows *rows,
         gint64      id,
         guint      *position)
{
  DimpleResult *self = (DimpleResult *) rows;
  gpointer found;

  if (self->id_positions == NULL)
    {
      self->id_positions = g_hash_table_new (g_int64_hash, g_int64_equal);
      for (guint i = 0; i < self->n_rows; i++)
        g_hash_table_insert (self->id_positions, &self->ids[i], GUINT_TO_POINTER (i + 1));
    }
  found = g_hash_table_lookup (self->id_positions, &id);
  if (found == NULL)
    return FALSE;
  *position = GPOINTER_TO_UINT (found) - 1;
  return TRUE;
}

static const guint8 *
get_record (DimpleRows *rows,
            guint       position,
            gsize      *size)
{
  const Page *page = g_ptr_array_index (((DimpleResult *) rows)->pages, position / PAGE_ROWS);
  guint row = position % PAGE_ROWS;
  guint32 start = row > 0 ? page->ends[row - 1] : 0;

  *size = page->ends[row] - start;
  return page->records + start;
}

static gboolean
find_key (DimpleRows *rows,
          const char *key,
          guint      *position)
{
  DimpleResult *self = (DimpleResult *) rows;
  gpointer found;

  if (self->positions == NULL)
    {
      self->positions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      for (guint i = self->n_rows; i > 0; i--)
        {
          g_autoptr(GString) text = g_string_new (NULL);
          gsize size;

          if (dimple_row_shape_append_key (rows->shape, get_record (rows, i - 1, &size), text))
            g_hash_table_replace (self->positions, g_string_free (g_steal_pointer (&text), FALSE),
                                  GUINT_TO_POINTER (i));
        }
    }
  found = g_hash_table_lookup (self->positions, key);
  if (found == NULL)
    return FALSE;
  *position = GPOINTER_TO_UINT (found) - 1;
  return TRUE;
}

static const DimpleRowsClass result_class = { clear, get_n_rows, get_id, find_id, get_record, find_key };

static DimpleResult *
new_result (void)
{
  DimpleResult *self = g_atomic_rc_box_new0 (DimpleResult);

  self->rows.class = &result_class;
  self->pages = g_ptr_array_new_with_free_func (page_free);
  self->hashes = g_array_new (FALSE, FALSE, sizeof (guint64));
  self->key_columns = g_array_new (FALSE, FALSE, sizeof (guint));
  self->main_columns = g_array_new (FALSE, FALSE, sizeof (guint));
  return self;
}

DimpleResult *
dimple_result_run (DimpleConnection  *reader,
                   DimpleQueryPlan   *plan,
                   GVariant          *parameters,
                   GError           **error)
{
  DimpleResult *self = new_result ();
  g_autoptr(DimpleRows) owned = &self->rows;
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (reader, plan->sql, error);
  if (statement == NULL || !dimple_parameters_bind (statement, parameters, error))
    return NULL;
  self->rows.shape = dimple_row_shape_for_statement (statement, plan->schema);
  find_key_columns (self, statement, plan->schema);
  if (!read_rows (self, statement, error))
    return NULL;
  return (DimpleResult *) g_steal_pointer (&owned);
}

DimpleResult *
dimple_result_new (DimpleQueryPlan  *plan,
                   sqlite3_stmt     *statement,
                   const GByteArray *records,
                   const GArray     *sizes,
                   gint64           *ids)
{
  DimpleResult *self = new_result ();
  g_autoptr(GByteArray) page_records = g_byte_array_new ();
  const guint8 *record = records->data;
  gint64 last_id = 0;
  Page page = { 0, };

  self->rows.shape = dimple_row_shape_for_statement (statement, plan->schema);
  find_key_columns (self, statement, plan->schema);
  for (guint i = 0; i < sizes->len; i++)
    {
      guint start = page_records->len, size = g_array_index (sizes, guint32, i);

      g_byte_array_append (page_records, record, size);
      record += size;
      add_row (self, &page, page_records, start);
      last_id = MAX (last_id, ids[i]);
    }
  add_page (self, &page, page_records);
  dimple_result_take_ids (self, ids, last_id);
  return self;
}

void
dimple_result_take_ids (DimpleResult *self,
                        gint64       *ids,
                        gint64        last_id)
{
  self->ids = ids;
  self->last_id = last_id;
  for (guint i = 0; i < self->n_rows; i++)
    if (self->ids[i] == 0)
      self->ids[i] = ++self->last_id;
}

DimpleResult *
dimple_result_of (DimpleRows *rows)
{
  return rows != NULL && rows->class == &result_class ? (DimpleResult *) rows : NULL;
}

gboolean
dimple_result_get_rowid (DimpleResult *self,
                         guint         position,
                         const char   *table,
                         gint64       *rowid)
{
  DimpleValue value;
  gsize size;

  if (g_strcmp0 (self->main_table, table) != 0)
    return FALSE;
  dimple_record_read (dimple_record_skip (get_record (&self->rows, position, &size),
                                          g_array_index (self->main_columns, guint, 0)), &value);
  *rowid = value.integer;
  return value.type == SQLITE_INTEGER;
}
