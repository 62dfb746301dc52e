/* dimple-history.c: the log as changes of single rows, for reading
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-history-private.h"

#include <string.h>

/* FNV-1a of 64 bits: equal hashes of different rows are not to be met with. */
#define HASH_START G_GUINT64_CONSTANT (0xcbf29ce484222325)
#define HASH_PRIME G_GUINT64_CONSTANT (0x100000001b3)

static guint64
hash_byte (guint64 hash,
           guint8  byte)
{
  return (hash ^ byte) * HASH_PRIME;
}

DimpleRowHash
dimple_row_hash (const char   *table,
                 const guint8 *key,
                 gsize         key_size)
{
  guint64 hash = HASH_START;

  for (; *table != '\0'; table++)
    hash = hash_byte (hash, (guint8) g_ascii_tolower (*table));
  hash = hash_byte (hash, 0);
  for (gsize i = 0; i < key_size; i++)
    hash = hash_byte (hash, key[i]);
  return hash;
}

void
dimple_logged_change_free (DimpleLoggedChange *self)
{
  g_free (self->label);
  g_free (self->table);
  g_byte_array_unref (self->key);
  g_ptr_array_unref (self->columns);
  g_clear_pointer (&self->old_values, g_byte_array_unref);
  g_clear_pointer (&self->new_values, g_byte_array_unref);
  g_ptr_array_unref (self->anchors);
  g_free (self);
}

gboolean
dimple_history_visit (const DimpleTransaction  *transaction,
                      DimpleFold               *fold,
                      DimpleHistoryFunc         func,
                      gpointer                  user_data,
                      GError                  **error)
{
  g_auto(DimpleChangeReader) reader = { 0 };
  g_auto(DimpleChangeGroup) group = { 0 };
  g_autoptr(GError) local_error = NULL;

  dimple_change_group_init (&group);
  dimple_change_reader_init (&reader, transaction->changes, transaction->script);
  while (local_error == NULL && dimple_change_reader_next_group (&reader, &local_error))
    {
      dimple_change_group_set (&group, fold, &reader);
      while (dimple_change_reader_next_row (&reader, &local_error))
        {
          dimple_change_group_set_key (&group, &reader);
          func (transaction, &reader, &group, dimple_row_hash (group.table_name, group.key->data, group.key->len),
                user_data);
        }
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* -- One change ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleRowHash       row;
  DimpleLoggedChange *found;
} Search;

static GByteArray *
copy_bytes (const GByteArray *bytes)
{
  GByteArray *copy = g_byte_array_new ();

  g_byte_array_append (copy, bytes->data, bytes->len);
  return copy;
}

static GPtrArray *
copy_texts (const GPtrArray *texts)
{
  GPtrArray *copy = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < texts->len; i++)
    g_ptr_array_add (copy, g_strdup (g_ptr_array_index (texts, i)));
  return copy;
}

static void
take_if_found (const DimpleTransaction   *transaction,
               const DimpleChangeReader  *reader,
               const DimpleChangeGroup   *group,
               DimpleRowHash              row,
               gpointer                   user_data)
{
  Search *search = user_data;
  DimpleLoggedChange *change;

  if (row != search->row || search->found != NULL)
    return;
  change = search->found = g_new0 (DimpleLoggedChange, 1);
  memcpy (change->id, transaction->id, sizeof change->id);
  memcpy (change->author, transaction->author, sizeof change->author);
  change->script = transaction->script;
  change->seq = transaction->seq;
  change->label = g_strdup (transaction->label);
  change->table = g_strdup (group->table != NULL ? group->table->name : reader->table);
  change->key = copy_bytes (group->key);
  change->row = row;
  change->operation = reader->operation;
  change->columns = copy_texts (reader->columns);
  change->anchors = copy_texts (reader->anchors);
  if (reader->operation != DIMPLE_OPERATION_DELETE)
    change->new_values = copy_bytes (reader->new_values);
  if (reader->operation != DIMPLE_OPERATION_INSERT && reader->old_values->len > 0)
    change->old_values = copy_bytes (reader->old_values);
}

DimpleLoggedChange *
dimple_history_read (DimpleConnection  *connection,
                     DimpleSchema      *schema,
                     gint64             seq,
                     DimpleRowHash      row,
                     GError           **error)
{
  g_autoptr(DimpleTransaction) transaction = dimple_log_read_piece (connection, seq, error);
  g_autoptr(DimpleFold) fold = dimple_fold_new (schema);
  Search search = { row, NULL };

  if (transaction == NULL)
    return NULL;
  if (dimple_history_visit (transaction, fold, take_if_found, &search, error))
    return search.found;
  g_clear_pointer (&search.found, dimple_logged_change_free);
  return NULL;
}

/* -- What won ------------------------------------------------------------------------------------------------------ */

/* What a change did to one column; a delete looks at all columns and changes none. */
typedef struct
{
  DimpleLoggedChange *change;
  DimpleStamp         stamp;
  const guint8       *old;           /* (nullable) a value */
  const guint8       *now;           /* (nullable) */
} Event;

static DimpleStamp
get_stamp (const DimpleLoggedChange *change,
           guint                     anchor)
{
  if (change->script == 0 || anchor >= change->anchors->len)
    return (DimpleStamp) { change->id, change->script, change->id };
  return (DimpleStamp) { g_ptr_array_index (change->anchors, anchor), change->script, change->id };
}

static int
compare_events (gconstpointer a,
                gconstpointer b)
{
  const Event *x = a, *y = b;

  return dimple_stamp_compare (&x->stamp, &y->stamp);
}

static const guint8 *
skip_to (const GByteArray *values,
         guint             column)
{
  return values != NULL ? dimple_record_skip (values->data, column) : NULL;
}

static void
free_events (gpointer events)
{
  g_array_unref (events);
}

/* The events by column's name in lower case; those of the row as a whole by "". */
static GHashTable *
collect_events (GPtrArray *changes)
{
  GHashTable *columns = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_events);

  for (guint i = 0; i < changes->len; i++)
    {
      DimpleLoggedChange *change = g_ptr_array_index (changes, i);

      for (guint j = 0; j <= change->columns->len; j++)
        {
          const char *column = j > 0 ? g_ptr_array_index (change->columns, j - 1) : "";
          char *name = g_ascii_strdown (column, -1);
          gboolean is_delete = change->operation == DIMPLE_OPERATION_DELETE;
          GArray *events = g_hash_table_lookup (columns, name);
          Event event = { change, get_stamp (change, is_delete ? 0 : j), NULL, NULL };

          if (j > 0)
            {
              event.old = skip_to (change->old_values, j - 1);
              event.now = skip_to (change->new_values, j - 1);
            }
          if (events == NULL)
            g_hash_table_insert (columns, g_strdup (name), events = g_array_new (FALSE, FALSE, sizeof (Event)));
          g_array_append_val (events, event);
          g_free (name);
        }
    }
  return columns;
}

static guint
hash_value (gconstpointer value)
{
  const guint8 *bytes = value, *end = dimple_record_skip (bytes, 1);
  guint hash = 5381;

  while (bytes < end)
    hash = hash * 33 + *bytes++;
  return hash;
}

static gboolean
equal_values (gconstpointer a,
              gconstpointer b)
{
  gsize size = dimple_record_skip (a, 1) - (const guint8 *) a;

  return size == (gsize) (dimple_record_skip (b, 1) - (const guint8 *) b) && memcmp (a, b, size) == 0;
}

/* Whoever replaced a value that it had seen names it as the old one: a value that was replaced, and that nobody who
 * came after it names, was lost. */
static void
judge_column (GArray   *events,
              gboolean  exists)
{
  g_autoptr(GHashTable) seen = g_hash_table_new (hash_value, equal_values);
  gboolean replaced = FALSE, deleted = FALSE, unknown = FALSE;

  for (guint i = events->len; i-- > 0;)
    {
      const Event *event = &g_array_index (events, Event, i);

      if (event->now != NULL)
        {
          if ((replaced || (deleted && !exists)) && !unknown && *event->now != DIMPLE_VALUE_PRUNED &&
              !g_hash_table_contains (seen, event->now))
            event->change->won = FALSE;
          replaced = TRUE;
        }
      else
        deleted = TRUE;
      if (event->old != NULL)
        g_hash_table_add (seen, (gpointer) event->old);
      else if (event->change->operation != DIMPLE_OPERATION_INSERT)
        unknown = TRUE;                  /* pruned, and so are most that were lost to it */
    }
}

/* Whoever edits a row after a delete that it knows of inserts it. */
static gboolean
judge_deletes (GArray *events)
{
  const DimpleLoggedChange *next_edit = NULL;
  gboolean exists = FALSE, first = TRUE;

  for (guint i = events->len; i-- > 0;)
    {
      DimpleLoggedChange *change = g_array_index (events, Event, i).change;

      if (first)
        exists = change->operation != DIMPLE_OPERATION_DELETE;
      first = FALSE;
      if (change->operation != DIMPLE_OPERATION_DELETE)
        next_edit = change;
      else if (next_edit != NULL)
        change->won = next_edit->operation == DIMPLE_OPERATION_INSERT;
    }
  return exists;
}

/* A delete that was dropped from the log, or names fewer columns, has seen what it does not name. */
static void
add_deletes (GArray *events,
             GArray *of_row)
{
  for (guint i = 0; i < of_row->len; i++)
    {
      const Event *event = &g_array_index (of_row, Event, i);
      gboolean named = event->change->operation != DIMPLE_OPERATION_DELETE;

      for (guint j = 0; j < events->len && !named; j++)
        named = g_array_index (events, Event, j).change == event->change;
      if (!named)
        g_array_append_val (events, *event);
    }
}

void
dimple_history_judge (GPtrArray *changes)
{
  g_autoptr(GHashTable) columns = collect_events (changes);
  GArray *of_row = g_hash_table_lookup (columns, "");
  GHashTableIter iter;
  gpointer events;
  gboolean exists;

  if (of_row == NULL)
    return;
  for (guint i = 0; i < changes->len; i++)
    ((DimpleLoggedChange *) g_ptr_array_index (changes, i))->won = TRUE;
  g_array_sort (of_row, compare_events);
  exists = judge_deletes (of_row);
  g_hash_table_iter_init (&iter, columns);
  while (g_hash_table_iter_next (&iter, NULL, &events))
    {
      if (events == of_row)
        continue;
      add_deletes (events, of_row);
      g_array_sort (events, compare_events);
      judge_column (events, exists);
    }
}
