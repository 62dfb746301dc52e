/* dimple-fold.c: rows as the sum of the changes known to them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-fold-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "dimple-error.h"

struct _DimpleFold
{
  DimpleSchema *schema;
  GHashTable   *index;         /* set of DimpleFoldedRow by table and key */
  GPtrArray    *rows;
  GStringChunk *texts;         /* interned: ids, names */
  GStringChunk *bytes;         /* keys and values */
};

/* -- Stamps and rows ----------------------------------------------------------------------------------------------- */

static int
compare_ids (const char *a,
             const char *b)
{
  return a == b ? 0 : strcmp (a, b);
}

int
dimple_stamp_compare (const DimpleStamp *a,
                      const DimpleStamp *b)
{
  int order;

  if (a->anchor == NULL || b->anchor == NULL)
    return (a->anchor != NULL) - (b->anchor != NULL);
  order = compare_ids (a->anchor, b->anchor);
  if (order == 0)
    order = (a->script > b->script) - (a->script < b->script);
  return order != 0 ? order : compare_ids (a->id, b->id);
}

gboolean
dimple_folded_row_exists (const DimpleFoldedRow *self)
{
  return dimple_stamp_compare (&self->edit, &self->delete) > 0;
}

const DimpleFoldedCell *
dimple_folded_row_find (const DimpleFoldedRow *self,
                        const char            *column)
{
  for (guint i = 0; i < self->n_cells; i++)
    if (self->cells[i].column == column || strcmp (self->cells[i].column, column) == 0)
      return &self->cells[i];
  return NULL;
}

static guint
hash_row (gconstpointer pointer)
{
  const DimpleFoldedRow *row = pointer;
  guint64 hash = g_str_hash (row->table_name);

  for (gsize i = 0; i < row->key_size; i++)
    hash = (hash ^ row->key[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return (guint) (hash ^ hash >> 32);
}

static gboolean
same_row (gconstpointer a,
          gconstpointer b)
{
  const DimpleFoldedRow *x = a, *y = b;

  return x->key_size == y->key_size && memcmp (x->key, y->key, x->key_size) == 0 &&
         compare_ids (x->table_name, y->table_name) == 0;
}

static void
free_row (gpointer pointer)
{
  DimpleFoldedRow *row = pointer;

  g_free (row->cells);
  g_free (row);
}

/* -- The fold ------------------------------------------------------------------------------------------------------ */

DimpleFold *
dimple_fold_new (DimpleSchema *schema)
{
  DimpleFold *self = g_new0 (DimpleFold, 1);

  self->schema = dimple_schema_ref (schema);
  self->index = g_hash_table_new (hash_row, same_row);
  self->rows = g_ptr_array_new_with_free_func (free_row);
  self->texts = g_string_chunk_new (4096);
  self->bytes = g_string_chunk_new (64 * 1024);
  return self;
}

void
dimple_fold_free (DimpleFold *self)
{
  g_hash_table_unref (self->index);
  g_ptr_array_unref (self->rows);
  g_string_chunk_free (self->texts);
  g_string_chunk_free (self->bytes);
  dimple_schema_unref (self->schema);
  g_free (self);
}

const guint8 *
dimple_fold_keep (DimpleFold   *self,
                  const guint8 *bytes,
                  gsize         size)
{
  return (const guint8 *) g_string_chunk_insert_len (self->bytes, (const char *) bytes, (gssize) size);
}

const char *
dimple_fold_intern (DimpleFold *self,
                    const char *text)
{
  return g_string_chunk_insert_const (self->texts, text);
}

DimpleFoldedRow *
dimple_fold_find (DimpleFold   *self,
                  const char   *table_name,
                  const guint8 *key,
                  gsize         key_size)
{
  DimpleFoldedRow wanted = { .table_name = table_name, .key = key, .key_size = key_size };

  return g_hash_table_lookup (self->index, &wanted);
}

DimpleFoldedRow *
dimple_fold_want (DimpleFold        *self,
                  const DimpleTable *table,
                  const char        *table_name,
                  const guint8      *key,
                  gsize              key_size)
{
  DimpleFoldedRow *row = dimple_fold_find (self, table_name, key, key_size);

  if (row != NULL)
    return row;
  row = g_new0 (DimpleFoldedRow, 1);
  row->table = table;
  row->table_name = table_name;
  row->key = dimple_fold_keep (self, key, key_size);
  row->key_size = key_size;
  g_ptr_array_add (self->rows, row);
  g_hash_table_add (self->index, row);
  return row;
}

guint
dimple_fold_get_n_rows (DimpleFold *self)
{
  return self->rows->len;
}

DimpleFoldedRow *
dimple_fold_get_row (DimpleFold *self,
                     guint       position)
{
  return g_ptr_array_index (self->rows, position);
}

/* -- Groups -------------------------------------------------------------------------------------------------------- */

void
dimple_change_group_init (DimpleChangeGroup *self)
{
  *self = (DimpleChangeGroup) {
    .columns = g_ptr_array_new (),
    .numbers = g_array_new (FALSE, FALSE, sizeof (int)),
    .key_order = g_array_new (FALSE, FALSE, sizeof (guint)),
    .key = g_byte_array_new (),
  };
}

void
dimple_change_group_clear (DimpleChangeGroup *self)
{
  g_clear_pointer (&self->columns, g_ptr_array_unref);
  g_clear_pointer (&self->numbers, g_array_unref);
  g_clear_pointer (&self->key_order, g_array_unref);
  g_clear_pointer (&self->key, g_byte_array_unref);
}

static const DimpleColumn *
key_column (const DimpleTable *table,
            guint              position)
{
  return g_ptr_array_index (table->columns, g_array_index (table->key, guint, position));
}

static int
find_name (GPtrArray  *names,
           const char *name)
{
  for (guint i = 0; i < names->len; i++)
    if (g_ascii_strcasecmp (g_ptr_array_index (names, i), name) == 0)
      return (int) i;
  return -1;
}

/* The schema's key columns by name where all are there, else by position (a key column was renamed).  FALSE if the key
 * cannot be one of the table. */
static gboolean
order_key (DimpleChangeGroup *self,
           const DimpleTable *table,
           GPtrArray         *names)
{
  gboolean in_order = TRUE;

  g_array_set_size (self->key_order, 0);
  if (names->len != table->key->len)
    return FALSE;
  for (guint i = 0; i < names->len; i++)
    {
      int position = find_name (names, key_column (table, i)->name);
      guint number = (guint) position;

      if (position < 0)
        {
          in_order = TRUE;
          break;
        }
      in_order &= number == i;
      g_array_append_val (self->key_order, number);
    }
  if (in_order)
    g_array_set_size (self->key_order, 0);
  return TRUE;
}

void
dimple_change_group_set (DimpleChangeGroup        *self,
                         DimpleFold               *fold,
                         const DimpleChangeReader *reader)
{
  const DimpleTable *table = dimple_schema_find (fold->schema, reader->table);

  g_ptr_array_set_size (self->columns, 0);
  g_array_set_size (self->numbers, 0);
  self->table = table != NULL && table->tracked && order_key (self, table, reader->key) ? table : NULL;
  if (self->table != NULL)
    self->table_name = self->table->name;
  else
    {
      g_autofree char *lower = g_ascii_strdown (reader->table, -1);

      g_array_set_size (self->key_order, 0);
      self->table_name = dimple_fold_intern (fold, lower);
    }

  for (guint i = 0; i < reader->columns->len; i++)
    {
      const char *name = g_ptr_array_index (reader->columns, i);
      int number = self->table != NULL ? dimple_table_find_column (self->table, name) : -1;
      const char *canonical = NULL;

      if (number >= 0)
        {
          const DimpleColumn *column = g_ptr_array_index (self->table->columns, (guint) number);

          if (column->key_position == 0)
            canonical = column->name;
          if (column->key_position > 0 || column->generated)
            number = -1;
        }
      else
        {
          g_autofree char *lower = g_ascii_strdown (name, -1);

          canonical = dimple_fold_intern (fold, lower);
        }
      g_ptr_array_add (self->columns, (gpointer) canonical);
      g_array_append_val (self->numbers, number);
    }
}

void
dimple_change_group_set_key (DimpleChangeGroup        *self,
                             const DimpleChangeReader *reader)
{
  g_byte_array_set_size (self->key, 0);
  if (self->key_order->len == 0)
    {
      g_byte_array_append (self->key, reader->key_values->data, reader->key_values->len);
      return;
    }
  for (guint i = 0; i < self->key_order->len; i++)
    {
      const guint8 *value = dimple_record_skip (reader->key_values->data, g_array_index (self->key_order, guint, i));

      g_byte_array_append (self->key, value, (guint) (dimple_record_skip (value, 1) - value));
    }
}

/* -- Joining ------------------------------------------------------------------------------------------------------- */

static DimpleStamp
make_stamp (DimpleFold *self,
            const char *id,
            int         script,
            GPtrArray  *anchors,
            guint       position)
{
  if (script == 0)
    return (DimpleStamp) { id, 0, id };
  return (DimpleStamp) { dimple_fold_intern (self, g_ptr_array_index (anchors, position)), script, id };
}

static gboolean
is_pruned (const guint8 *value)
{
  return *value == DIMPLE_VALUE_PRUNED;
}

static void
join_cell (DimpleFold        *self,
           DimpleFoldedRow   *row,
           const char        *column,
           const DimpleStamp *stamp,
           const guint8      *value)
{
  DimpleFoldedCell *cell = (DimpleFoldedCell *) dimple_folded_row_find (row, column);
  int order = cell == NULL ? 1 : dimple_stamp_compare (stamp, &cell->stamp);

  /* the same change may come whole from one and pruned from another */
  if (order < 0 || (order == 0 && !is_pruned (cell->value)))
    return;
  if (cell == NULL)
    {
      if (row->n_cells == row->n_allocated)
        {
          row->n_allocated += 4 + row->n_allocated / 2;
          row->cells = g_renew (DimpleFoldedCell, row->cells, row->n_allocated);
        }
      cell = &row->cells[row->n_cells++];
    }
  cell->column = column;
  cell->stamp = *stamp;
  cell->value = dimple_fold_keep (self, value, dimple_record_skip (value, 1) - value);
}

static gboolean
is_before (const DimpleStamp *stamp,
           const char        *since)
{
  return since != NULL && strcmp (stamp->anchor, since) < 0;
}

void
dimple_fold_join_row (DimpleFold               *self,
                      DimpleFoldedRow          *row,
                      const char               *id,
                      int                       script,
                      const char               *since,
                      const DimpleChangeGroup  *group,
                      const DimpleChangeReader *reader)
{
  DimpleStamp stamp;
  const guint8 *value = reader->new_values->data;

  id = dimple_fold_intern (self, id);
  stamp = make_stamp (self, id, script, reader->anchors, 0);

  if (reader->operation == DIMPLE_OPERATION_DELETE)
    {
      if (!is_before (&stamp, since) && dimple_stamp_compare (&stamp, &row->delete) > 0)
        row->delete = stamp;
      return;
    }
  if (!is_before (&stamp, since) && dimple_stamp_compare (&stamp, &row->edit) > 0)
    row->edit = stamp;
  if (reader->operation == DIMPLE_OPERATION_INSERT && (row->created == NULL || strcmp (id, row->created) < 0))
    row->created = id;

  for (guint i = 0; i < reader->columns->len; i++)
    {
      const char *column = g_ptr_array_index (group->columns, i);

      stamp = make_stamp (self, id, script, reader->anchors, 1 + i);
      if (column != NULL && !is_before (&stamp, since))
        join_cell (self, row, column, &stamp, value);
      value = dimple_record_skip (value, 1);
    }
}

typedef struct
{
  DimpleFold         *fold;
  const char         *since;
  DimpleFoldFilter    filter;
  gpointer            user_data;
  DimpleChangeReader  reader;        /* a log has many small transactions: their memory is the same */
  DimpleChangeGroup   group;
} LogPass;

static void
log_pass_clear (LogPass *self)
{
  dimple_change_reader_clear (&self->reader);
  dimple_change_group_clear (&self->group);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LogPass, log_pass_clear)

static gboolean
join_transaction (DimpleTransaction  *owned,
                  gpointer            user_data,
                  GError            **error)
{
  g_autoptr(DimpleTransaction) transaction = owned;
  LogPass *pass = user_data;
  DimpleFold *fold = pass->fold;
  DimpleChangeReader *reader = &pass->reader;
  DimpleChangeGroup *group = &pass->group;
  g_autoptr(GError) local_error = NULL;

  if (reader->key == NULL)
    dimple_change_reader_init (reader, transaction->changes, transaction->script);
  else
    dimple_change_reader_restart (reader, transaction->changes, transaction->script);
  while (dimple_change_reader_next_group (reader, &local_error))
    {
      dimple_change_group_set (group, fold, reader);
      while (dimple_change_reader_next_row (reader, &local_error))
        {
          DimpleFoldedRow *row;

          dimple_change_group_set_key (group, reader);
          row = dimple_fold_find (fold, group->table_name, group->key->data, group->key->len);
          if (row == NULL && pass->filter != NULL)
            row = pass->filter (fold, group, pass->user_data);
          if (row != NULL)
            dimple_fold_join_row (fold, row, transaction->id, transaction->script, pass->since, group, reader);
        }
      if (local_error != NULL)
        break;
    }
  if (local_error == NULL)
    return TRUE;
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CORRUPT,
               _("The database is damaged: what transaction %s changed cannot be read (%s). Restore a backup."),
               transaction->id, local_error->message);
  return FALSE;
}

/* Anchors are never greater than the id, so what is older than `since` in its id is older in every stamp. */
gboolean
dimple_fold_join_log (DimpleFold        *self,
                      DimpleConnection  *connection,
                      const char        *since,
                      DimpleFoldFilter   filter,
                      gpointer           user_data,
                      GError           **error)
{
  g_auto(LogPass) pass = { .fold = self, .since = since, .filter = filter, .user_data = user_data };

  if (self->rows->len == 0 && filter == NULL)
    return TRUE;
  dimple_change_group_init (&pass.group);
  if (since != NULL && *since != '\0')
    return dimple_log_visit_newer (connection, since, join_transaction, &pass, error);
  return dimple_log_visit_since (connection, 0, join_transaction, &pass, error);
}
