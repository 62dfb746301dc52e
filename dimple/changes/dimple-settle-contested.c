/* dimple-settle-contested.c: which of the rows that collide are shown
 *
 * Those that SQLite refused, the rows in their way and those that waited are judged oldest first.  Younger rows in the
 * way of one that is shown are taken out, and judged in their turn.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-settle-private.h"

#include <string.h>

static int
compare_contested (gconstpointer a,
                   gconstpointer b,
                   gpointer      user_data)
{
  return dimple_settling_compare (a, b);
}

static DimpleFoldedRow *
touch_shown (DimpleSettling    *self,
             DimpleMergeTable  *table,
             GByteArray        *key,
             GError           **error)
{
  DimpleFoldedRow *row = dimple_settling_add (self, table->table, key->data, key->len);

  return dimple_settling_look (self, row, error) != NULL ? row : NULL;
}

/* Takes everything out of a row's way within a savepoint, to learn who is, and puts it back. */
static gboolean
find_rivals (DimpleSettling    *self,
             DimpleMergeTable  *table,
             DimpleFoldedRow   *row,
             GError           **error)
{
  DimpleRowStanding *standing = row->data;
  g_autoptr(GByteArray) rival = g_byte_array_new ();
  DimpleTableChanges *changes = table->changes;
  DimpleRefusal refusal = DIMPLE_REFUSED_UNIQUE;
  DimpleMergeTable before = *table;
  guint n_changed = table->changed.hashes->len;
  gboolean found = TRUE;

  if (!dimple_connection_exec (self->connection, "SAVEPOINT dimple_rivals", error))
    return FALSE;
  table->changes = NULL;
  while (found)
    {
      DimpleFoldedRow *other;

      found = dimple_merge_table_try (table, row->key, standing->wanted, &refusal, rival, error);
      if (!found || refusal != DIMPLE_REFUSED_UNIQUE)
        break;
      other = touch_shown (self, table, rival, error);
      found = other != NULL && dimple_merge_table_delete (table, other->key, 0, error);
    }
  table->changes = changes;
  table->gained = before.gained;
  table->lost = before.lost;
  table->freed = before.freed;
  g_array_set_size (table->changed.hashes, n_changed);
  return dimple_connection_exec (self->connection, "ROLLBACK TO dimple_rivals", found ? error : NULL) &&
         dimple_connection_exec (self->connection, "RELEASE dimple_rivals", found ? error : NULL) && found;
}

static gboolean
same_key (const guint8 *key,
          GByteArray   *other)
{
  const guint8 *position = other->data;

  /* value by value, as either may be the longer one */
  while (position < other->data + other->len)
    {
      DimpleValue a, b;

      key = dimple_record_read (key, &a);
      position = dimple_record_read (position, &b);
      if (!dimple_value_equal (&a, &b))
        return FALSE;
    }
  return TRUE;
}

typedef struct
{
  DimpleSettling *settling;
  GPtrArray      *contested;
} Waking;

/* A row that waited is judged by what the shelf says of it, unless it was touched itself. */
static gboolean
wake (DimpleMergeTable        *table,
      const DimpleWaitingRow  *waiting,
      gpointer                 user_data,
      GError                 **error)
{
  Waking *waking = user_data;
  DimpleFold *fold = waking->settling->fold;
  DimpleFoldedRow *row = dimple_fold_find (fold, table->table->name, waiting->key->data, waiting->key->len);
  DimpleRowStanding *standing;

  if (row == NULL)
    {
      row = dimple_settling_add (waking->settling, table->table, waiting->key->data, waiting->key->len);
      row->created = waiting->created != NULL ? dimple_fold_intern (fold, waiting->created) : NULL;
      standing = row->data;
      standing->wanted = g_ptr_array_ref (waiting->values);
    }
  standing = dimple_settling_look (waking->settling, row, error);
  if (standing == NULL)
    return FALSE;
  if (standing->shown)                     /* inserted here since, by its key */
    return dimple_merge_table_unshelve (table, row->key, error);
  if (waiting->rival != NULL && row->n_cells == 0)
    standing->known_rival = dimple_fold_keep (fold, waiting->rival, dimple_record_skip (waiting->rival,
                                                                       table->table->key->len) - waiting->rival);
  if (!g_ptr_array_find (waking->contested, row, NULL))
    g_ptr_array_add (waking->contested, row);
  return TRUE;
}

/* The rows that waited for one which was taken out are judged in their turn: they are younger than it. */
static gboolean
wake_behind (DimpleSettling    *self,
             DimpleMergeTable  *table,
             DimpleFoldedRow   *gone,
             GSequence         *queue,
             GError           **error)
{
  g_autoptr(GPtrArray) woken = g_ptr_array_new ();
  Waking waking = { self, woken };
  g_autoptr(GHashTable) keys = NULL;
  gboolean need_log = FALSE;

  if (!table->any_waiting)
    return TRUE;
  if (!dimple_merge_table_list_waiting_for (table, gone->key, &keys, error) ||
      !dimple_merge_table_visit_waiting (table, keys, self->fold, wake, &waking, error))
    return FALSE;
  for (guint i = 0; i < woken->len; i++)
    need_log |= ((DimpleFoldedRow *) g_ptr_array_index (woken, i))->created == NULL;
  if (need_log && !dimple_settling_load (self, error))
    return FALSE;
  for (guint i = 0; i < woken->len; i++)
    g_sequence_insert_sorted (queue, g_ptr_array_index (woken, i), compare_contested, NULL);
  return TRUE;
}

/* Judges one contested row when all older ones have been; younger rows in its way go back into the queue. */
static gboolean
judge_contested (DimpleSettling    *self,
                 DimpleMergeTable  *table,
                 DimpleFoldedRow   *row,
                 GSequence         *queue,
                 GError           **error)
{
  DimpleRowStanding *standing = row->data;
  g_autoptr(GByteArray) rival = g_byte_array_new ();
  const char *reason = row->whole || standing->wanted == NULL ? dimple_settling_judge (self, table, row) : NULL;
  gboolean lacks = FALSE;

  if (reason != NULL)
    return dimple_settling_hide (self, table, row, reason, NULL, error);
  if (!dimple_settling_take_out (self, table, row, error) ||
      !dimple_merge_table_lacks_parent (table, row->key, standing->wanted, &lacks, error))
    return FALSE;

  for (;;)
    {
      DimpleRefusal refusal;
      DimpleFoldedRow *other;

      if (!dimple_merge_table_try (table, row->key, standing->wanted, &refusal, rival, error))
        return FALSE;
      if (refusal != DIMPLE_TAKEN && refusal != DIMPLE_REFUSED_UNIQUE)
        return dimple_settling_hide (self, table, row, dimple_refusal_get_reason (refusal), NULL, error);
      if (lacks)
        return dimple_settling_hide (self, table, row, "foreign-key", NULL, error);
      if (refusal == DIMPLE_TAKEN)
        return dimple_settling_show (self, table, row, &refusal, error);

      if (standing->known_rival != NULL && same_key (standing->known_rival, rival))
        return dimple_settling_hide (self, table, row, "unique", rival->data, error);
      other = touch_shown (self, table, rival, error);
      if (other == NULL || !dimple_settling_load (self, error))
        return FALSE;
      if (dimple_settling_compare (other, row) < 0)
        return dimple_settling_hide (self, table, row, "unique", rival->data, error);
      if (!dimple_settling_take_out (self, table, other, error) || !wake_behind (self, table, other, queue, error))
        return FALSE;
      g_sequence_insert_sorted (queue, other, compare_contested, NULL);
    }
}

/* Of a table that is not known here nothing has changed. */
static const DimpleChangedRows *
find_changed (const DimpleTable *table,
              gpointer           user_data)
{
  DimpleSettling *self = user_data;
  DimpleMergeTable *known = g_hash_table_lookup (self->tables, table);

  return known != NULL && (known->gained || known->lost || known->freed) ? &known->changed : NULL;
}

static gboolean
list_woken (DimpleSettling    *self,
            DimpleMergeTable  *table,
            GHashTable       **keys,
            GError           **error)
{
  return dimple_waits_list_woken (self->connection, self->schema, table->table, find_changed, self, keys, error);
}

gboolean
dimple_settling_is_any_woken (DimpleSettling    *self,
                              DimpleMergeTable  *table,
                              gboolean          *woken,
                              GError           **error)
{
  g_autoptr(GHashTable) keys = NULL;

  *woken = FALSE;
  if (!table->any_waiting)
    return TRUE;
  if (!list_woken (self, table, &keys, error))
    return FALSE;
  *woken = keys == NULL || g_hash_table_size (keys) > 0;
  return TRUE;
}

gboolean
dimple_settling_wake (DimpleSettling    *self,
                      DimpleMergeTable  *table,
                      GPtrArray         *contested,
                      GError           **error)
{
  Waking waking = { self, contested };
  g_autoptr(GHashTable) keys = NULL;

  return !table->any_waiting ||
         (list_woken (self, table, &keys, error) &&
          dimple_merge_table_visit_waiting (table, keys, self->fold, wake, &waking, error));
}

gboolean
dimple_settling_judge_contested (DimpleSettling    *self,
                                 DimpleMergeTable  *table,
                                 GPtrArray         *contested,
                                 GError           **error)
{
  g_autoptr(GSequence) queue = g_sequence_new (NULL);
  gboolean need_log = FALSE;

  /* who is in whose way is found first, so that one look into the log tells the age of all */
  for (guint i = 0; i < contested->len; i++)
    {
      DimpleFoldedRow *row = g_ptr_array_index (contested, i);
      DimpleRowStanding *standing = row->data;

      need_log |= !row->whole && (row->n_cells > 0 || row->created == NULL);
      if (standing->known_rival != NULL)
        continue;
      if (standing->wanted != NULL && !find_rivals (self, table, row, error))
        return FALSE;
    }
  if (need_log && !dimple_settling_load (self, error))
    return FALSE;

  for (guint i = 0; i < contested->len; i++)
    g_sequence_insert_sorted (queue, g_ptr_array_index (contested, i), compare_contested, NULL);
  while (!g_sequence_is_empty (queue))
    {
      GSequenceIter *first = g_sequence_get_begin_iter (queue);
      DimpleFoldedRow *row = g_sequence_get (first);

      g_sequence_remove (first);
      if (!judge_contested (self, table, row, queue, error))
        return FALSE;
    }
  return TRUE;
}
