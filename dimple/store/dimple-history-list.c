/* dimple-history-list.c: the history, as a live list
 *
 * Of each change the list keeps forty bytes; the rest is read from the log when somebody asks for the item.  The newest
 * changes are read when the list is made, the others in the store's own thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-change-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-follower-private.h"
#include "dimple-key-private.h"
#include "dimple-store-internal-private.h"

/* How many rows of the log are looked at when the list is made. */
#define N_FIRST 64

/* One change.  The list is in this order: the newest transaction first, in it as the log has it. */
typedef struct
{
  guint64       time;          /* of the transaction's id */
  guint64       tail;
  guint         position;      /* in the transaction */
  guint32       contents;      /* a hash of what it says, which becomes less by pruning */
  gint64        seq;
  DimpleRowHash row;
} Entry;

/* What the list is about. */
typedef struct
{
  char *table;                 /* (nullable) */
  char *key;                   /* (nullable) */
} Subject;

struct _DimpleHistoryList
{
  GObject         parent_instance;
  DimpleStore    *store;
  DimpleFollower *follower;
  Subject         subject;
  GArray         *entries;     /* of Entry */
  gint64          newest;      /* the seq of the last row of the log that was read */
  gint64          oldest;      /* that of the first; 0: all were */
  char           *pruned;      /* (nullable) when the log was pruned last, as dimple_state has it */
  GHashTable     *items;       /* of ItemKey: those that somebody has */
  GHashTable     *verdicts;    /* by DimpleRowHash: GHashTable, of the seqs of changes that lost something */
};

typedef struct
{
  gint64        seq;
  DimpleRowHash row;
  DimpleChange *change;        /* not owned */
  guint32       contents;
  gboolean      stays;         /* while the list is replaced */
} ItemKey;

static void list_model_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (DimpleHistoryList, dimple_history_list, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

DimpleStore *
dimple_history_list_get_store (DimpleHistoryList *self)
{
  return self->store;
}

/* -- Items --------------------------------------------------------------------------------------------------------- */

static guint
hash_item (gconstpointer pointer)
{
  const ItemKey *key = pointer;

  return g_int64_hash (&key->seq) ^ g_int64_hash (&key->row);
}

static gboolean
equal_items (gconstpointer a,
             gconstpointer b)
{
  const ItemKey *x = a, *y = b;

  return x->seq == y->seq && x->row == y->row;
}

static void
item_gone (gpointer  user_data,
           GObject  *item)
{
  ItemKey *key = user_data;
  DimpleHistoryList *self = g_object_get_data (item, "dimple-list");

  g_hash_table_remove (self->items, key);
}

/* Of a transaction that is not there any more, only what is left. */
static DimpleLoggedChange *
make_empty (const Entry *entry)
{
  DimpleLoggedChange *logged = g_new0 (DimpleLoggedChange, 1);

  dimple_uuid7_format (entry->time, entry->tail, logged->id);
  logged->seq = entry->seq;
  logged->row = entry->row;
  logged->operation = DIMPLE_OPERATION_UPDATE;
  logged->table = g_strdup ("");
  logged->key = g_byte_array_new ();
  logged->columns = g_ptr_array_new_with_free_func (g_free);
  logged->anchors = g_ptr_array_new_with_free_func (g_free);
  return logged;
}

static DimpleChange *
read_item (DimpleHistoryList *self,
           const Entry       *entry)
{
  DimpleConnection *reader = dimple_store_acquire_reader (self->store, NULL);
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (self->store);
  DimpleLoggedChange *logged = NULL;
  g_autofree char *author = NULL;
  char *name = NULL;

  if (reader != NULL)
    {
      logged = dimple_history_read (reader, schema, entry->seq, entry->row, NULL);
      if (logged != NULL)
        dimple_log_find_author (reader, logged->id, &author, &name, NULL);
      dimple_store_release_reader (self->store, reader);
    }
  return dimple_change_new (self, logged != NULL ? logged : make_empty (entry), name);
}

static DimpleChange *
get_change (DimpleHistoryList *self,
            const Entry       *entry)
{
  ItemKey wanted = { .seq = entry->seq, .row = entry->row, .contents = entry->contents };
  ItemKey *key = g_hash_table_lookup (self->items, &wanted);

  if (key != NULL)
    return g_object_ref (key->change);
  key = g_memdup2 (&wanted, sizeof wanted);
  key->change = read_item (self, entry);
  g_object_set_data (G_OBJECT (key->change), "dimple-list", self);
  g_object_weak_ref (G_OBJECT (key->change), item_gone, key);
  g_hash_table_add (self->items, key);
  return key->change;
}

/* -- The list ------------------------------------------------------------------------------------------------------ */

static GType
dimple_history_list_get_item_type (GListModel *model)
{
  return DIMPLE_TYPE_CHANGE;
}

static guint
dimple_history_list_get_n_items (GListModel *model)
{
  return DIMPLE_HISTORY_LIST (model)->entries->len;
}

static gpointer
dimple_history_list_get_item (GListModel *model,
                              guint       position)
{
  DimpleHistoryList *self = DIMPLE_HISTORY_LIST (model);

  return position < self->entries->len ? get_change (self, &g_array_index (self->entries, Entry, position)) : NULL;
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = dimple_history_list_get_item_type;
  iface->get_n_items = dimple_history_list_get_n_items;
  iface->get_item = dimple_history_list_get_item;
}

static int
compare_entries (gconstpointer a,
                 gconstpointer b)
{
  const Entry *x = a, *y = b;

  if (x->time != y->time)
    return x->time > y->time ? -1 : 1;
  if (x->tail != y->tail)
    return x->tail > y->tail ? -1 : 1;
  return x->position < y->position ? -1 : x->position > y->position;
}

/* -- What won ------------------------------------------------------------------------------------------------------ */

/* The changes of a row that lost something. */
static GHashTable *
judge_row (DimpleHistoryList *self,
           DimpleRowHash      row)
{
  DimpleConnection *reader = dimple_store_acquire_reader (self->store, NULL);
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (self->store);
  g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_logged_change_free);
  GHashTable *lost = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);

  for (guint i = 0; reader != NULL && i < self->entries->len; i++)
    {
      const Entry *entry = &g_array_index (self->entries, Entry, i);
      DimpleLoggedChange *change = NULL;

      if (entry->row == row)
        change = dimple_history_read (reader, schema, entry->seq, row, NULL);
      if (change != NULL)
        g_ptr_array_add (changes, change);
    }
  if (reader != NULL)
    dimple_store_release_reader (self->store, reader);
  dimple_history_judge (changes);
  for (guint i = 0; i < changes->len; i++)
    {
      const DimpleLoggedChange *change = g_ptr_array_index (changes, i);

      if (!change->won)
        g_hash_table_add (lost, g_memdup2 (&change->seq, sizeof change->seq));
    }
  return lost;
}

gboolean
dimple_history_list_has_won (DimpleHistoryList *self,
                             gint64             seq,
                             DimpleRowHash      row)
{
  GHashTable *lost = g_hash_table_lookup (self->verdicts, &row);

  if (lost == NULL)
    {
      lost = judge_row (self, row);
      g_hash_table_insert (self->verdicts, g_memdup2 (&row, sizeof row), lost);
    }
  return !g_hash_table_contains (lost, &seq);
}

/* Of the rows of `added`, what was found out may be otherwise now. */
static void
judge_again (DimpleHistoryList *self,
             GArray            *added)
{
  g_autoptr(GHashTable) rows = NULL;
  g_autoptr(GPtrArray) changes = NULL;
  GHashTableIter iter;
  gpointer key;

  if (g_hash_table_size (self->verdicts) == 0)
    return;
  rows = g_hash_table_new (g_int64_hash, g_int64_equal);
  changes = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < added->len; i++)
    {
      Entry *entry = &g_array_index (added, Entry, i);

      if (g_hash_table_remove (self->verdicts, &entry->row))
        g_hash_table_add (rows, &entry->row);
    }
  g_hash_table_iter_init (&iter, self->items);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (g_hash_table_contains (rows, &((ItemKey *) key)->row))
      g_ptr_array_add (changes, g_object_ref (((ItemKey *) key)->change));
  for (guint i = 0; i < changes->len; i++)
    dimple_change_judge_again (g_ptr_array_index (changes, i));
}

/* -- Reading the log ----------------------------------------------------------------------------------------------- */

static void
subject_clear (Subject *self)
{
  g_free (self->table);
  g_free (self->key);
}

/* A part of the log: the rows behind `after`, and (`before` > 0) those in front of `before`. */
typedef struct
{
  Subject  subject;
  gint64   after;
  gint64   before;
  gboolean first;              /* nothing was read before */
  char    *pruned;             /* (nullable) as it was, and then as it is */

  GArray  *entries;
  gint64   newest;
  gboolean whole;              /* the log was pruned since: `entries` are all that there are now */

  DimpleFold    *fold;
  DimpleRowHash  wanted;       /* with a key */
  gboolean       nothing;      /* no such row can be */
  gboolean       limited;
  guint          position;
} Reading;

static void
reading_free (gpointer data)
{
  Reading *reading = data;

  subject_clear (&reading->subject);
  g_array_unref (reading->entries);
  g_clear_pointer (&reading->fold, dimple_fold_free);
  g_free (reading->pruned);
  g_free (reading);
}

static Reading *
reading_new (const Subject *subject,
             gint64         after,
             gint64         before)
{
  Reading *reading = g_new0 (Reading, 1);

  reading->subject = (Subject) { g_strdup (subject->table), g_strdup (subject->key) };
  reading->after = reading->newest = after;
  reading->before = before;
  reading->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  return reading;
}

static guint32
hash_bytes (guint32       hash,
            gconstpointer data,
            gsize         size)
{
  for (gsize i = 0; i < size; i++)
    hash = (hash ^ ((const guint8 *) data)[i]) * 0x01000193u;
  return hash;
}

static guint32
hash_contents (const DimpleChangeReader *reader)
{
  guint32 hash = hash_bytes (0x811c9dc5u, &reader->operation, sizeof reader->operation);

  for (guint i = 0; i < reader->columns->len; i++)
    {
      const char *column = g_ptr_array_index (reader->columns, i);

      hash = hash_bytes (hash, column, strlen (column) + 1);
    }
  hash = hash_bytes (hash, reader->new_values->data, reader->new_values->len);
  return hash_bytes (hash, reader->old_values->data, reader->old_values->len);
}

static void
add_entry (const DimpleTransaction   *transaction,
           const DimpleChangeReader  *reader,
           const DimpleChangeGroup   *group,
           DimpleRowHash              row,
           gpointer                   user_data)
{
  Reading *reading = user_data;
  Entry entry = { .position = reading->position++, .seq = transaction->seq, .row = row };

  if (reading->subject.table != NULL && g_ascii_strcasecmp (group->table_name, reading->subject.table) != 0)
    return;
  if (reading->subject.key != NULL && row != reading->wanted)
    return;
  dimple_uuid7_parse (transaction->id, &entry.time, &entry.tail);
  entry.contents = hash_contents (reader);
  g_array_append_val (reading->entries, entry);
}

static gboolean
visit_transaction (DimpleTransaction  *owned,
                   gpointer            user_data,
                   GError            **error)
{
  g_autoptr(DimpleTransaction) transaction = owned;
  Reading *reading = user_data;

  if (reading->limited && transaction->seq >= reading->before)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "The rest is known");
      return FALSE;
    }
  if (!reading->limited)
    reading->newest = MAX (reading->newest, transaction->seq);
  if (!transaction->continues)
    reading->position = 0;
  /* what cannot be read is no history */
  dimple_history_visit (transaction, reading->fold, add_entry, reading, NULL);
  return TRUE;
}

/* With a key, the hash of the row. */
static void
find_wanted (Reading      *reading,
             DimpleSchema *schema)
{
  const DimpleTable *table = reading->subject.table != NULL ? dimple_schema_find (schema, reading->subject.table)
                                                            : NULL;
  g_autoptr(GByteArray) key = g_byte_array_new ();

  if (reading->subject.key == NULL)
    return;
  reading->nothing = table == NULL || !dimple_key_parse (table, reading->subject.key, key, NULL);
  if (!reading->nothing)
    reading->wanted = dimple_row_hash (table->name, key->data, key->len);
}

/* What pruning has dropped is nothing that a part of the log tells: then all of it is read anew. */
static void
look_for_pruning (Reading          *reading,
                  DimpleConnection *reader)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autofree char *before = g_steal_pointer (&reading->pruned);

  statement = dimple_connection_prepare (reader, "SELECT value FROM dimple_state WHERE name = 'pruned'", NULL);
  if (statement != NULL && dimple_statement_step (statement, NULL))
    reading->pruned = g_strdup ((const char *) sqlite3_column_text (statement, 0));
  reading->whole = !reading->first && g_strcmp0 (before, reading->pruned) != 0;
  if (reading->whole)
    reading->after = reading->before = reading->newest = 0;
}

static void
run_reading (Reading          *reading,
             DimpleConnection *reader,
             DimpleSchema     *schema)
{
  reading->fold = dimple_fold_new (schema);
  look_for_pruning (reading, reader);
  find_wanted (reading, schema);
  if (!reading->nothing)
    {
      dimple_log_visit_since (reader, reading->after, visit_transaction, reading, NULL);
      if (reading->before > 0)
        {
          reading->limited = TRUE;
          dimple_log_visit_since (reader, 0, visit_transaction, reading, NULL);
        }
    }
  g_clear_pointer (&reading->fold, dimple_fold_free);
  g_array_sort (reading->entries, compare_entries);
}

/* -- Following ----------------------------------------------------------------------------------------------------- */

/* Merges what was read into the list; one emission. */
static void
take_entries (DimpleHistoryList *self,
              GArray            *added)
{
  g_autoptr(GArray) old = NULL;
  GArray *now;
  guint i = 0, j = 0, start = 0, end = 0;

  if (added->len == 0)
    return;
  old = self->entries;
  self->entries = now = g_array_sized_new (FALSE, FALSE, sizeof (Entry), old->len + added->len);
  while (i < old->len || j < added->len)
    {
      gboolean take_old = j == added->len ||
                          (i < old->len && compare_entries (&g_array_index (old, Entry, i),
                                                            &g_array_index (added, Entry, j)) <= 0);

      g_array_append_vals (now, take_old ? &g_array_index (old, Entry, i++) : &g_array_index (added, Entry, j++), 1);
      start += take_old && j == 0;
    }
  while (end < old->len - start && compare_entries (&g_array_index (old, Entry, old->len - 1 - end),
                                                    &g_array_index (now, Entry, now->len - 1 - end)) == 0)
    end++;
  g_list_model_items_changed (G_LIST_MODEL (self), start, old->len - start - end, now->len - start - end);
  judge_again (self, added);
}

static gboolean
is_same (const Entry *a,
         const Entry *b)
{
  return compare_entries (a, b) == 0 && a->seq == b->seq && a->row == b->row && a->contents == b->contents;
}

/* Whoever has an item of a change that is gone, or of which values are, keeps what it was; the list forgets it. */
static void
forget_items (DimpleHistoryList *self,
              GArray            *now)
{
  GHashTableIter iter;
  gpointer pointer;

  if (g_hash_table_size (self->items) == 0)
    return;
  g_hash_table_iter_init (&iter, self->items);
  while (g_hash_table_iter_next (&iter, &pointer, NULL))
    ((ItemKey *) pointer)->stays = FALSE;
  for (guint i = 0; i < now->len; i++)
    {
      const Entry *entry = &g_array_index (now, Entry, i);
      ItemKey wanted = { .seq = entry->seq, .row = entry->row };
      ItemKey *key = g_hash_table_lookup (self->items, &wanted);

      if (key != NULL)
        key->stays = key->contents == entry->contents;
    }
  g_hash_table_iter_init (&iter, self->items);
  while (g_hash_table_iter_next (&iter, &pointer, NULL))
    {
      ItemKey *key = pointer;

      if (key->stays)
        continue;
      g_object_weak_unref (G_OBJECT (key->change), item_gone, key);
      g_hash_table_iter_remove (&iter);
    }
}

/* The same of all that there is after pruning. */
static void
replace_entries (DimpleHistoryList *self,
                 GArray            *now)
{
  g_autoptr(GArray) old = self->entries;
  guint start = 0, end = 0;

  self->entries = g_array_ref (now);
  while (start < MIN (old->len, now->len) &&
         is_same (&g_array_index (old, Entry, start), &g_array_index (now, Entry, start)))
    start++;
  while (end < MIN (old->len, now->len) - start &&
         is_same (&g_array_index (old, Entry, old->len - 1 - end), &g_array_index (now, Entry, now->len - 1 - end)))
    end++;
  forget_items (self, now);
  if (old->len - start - end > 0 || now->len - start - end > 0)
    g_list_model_items_changed (G_LIST_MODEL (self), start, old->len - start - end, now->len - start - end);
  judge_again (self, now);
}

static gpointer
prepare (GObject *owner)
{
  DimpleHistoryList *self = DIMPLE_HISTORY_LIST (owner);
  Reading *reading = reading_new (&self->subject, self->newest, self->oldest);

  reading->pruned = g_strdup (self->pruned);
  return reading;
}

static gpointer
read_changes (DimpleStore *store,
              gpointer     request)
{
  DimpleConnection *reader = dimple_store_acquire_reader (store, NULL);
  g_autoptr(DimpleSchema) schema = NULL;

  if (reader == NULL)
    {
      reading_free (request);
      return NULL;
    }
  schema = dimple_store_ref_schema (store);
  if (dimple_connection_exec (reader, "BEGIN", NULL))
    run_reading (request, reader, schema);
  dimple_connection_exec (reader, "ROLLBACK", NULL);
  dimple_store_release_reader (store, reader);
  return request;
}

static gboolean
take (GObject  *owner,
      gpointer  result)
{
  DimpleHistoryList *self = DIMPLE_HISTORY_LIST (owner);
  Reading *reading = result;

  self->newest = MAX (self->newest, reading->newest);
  if (reading->limited || reading->nothing || reading->whole)
    self->oldest = 0;
  g_free (self->pruned);
  self->pruned = g_strdup (reading->pruned);
  if (reading->whole)
    replace_entries (self, reading->entries);
  else
    take_entries (self, reading->entries);
  reading_free (reading);
  return FALSE;
}

static const DimpleFollowerFuncs follower_funcs = { prepare, read_changes, take, reading_free };

/* Where the last rows of the log begin, at the beginning of a transaction. */
static gboolean
find_first (DimpleConnection *reader,
            gint64           *seq)
{
  g_autofree char *sql = g_strdup_printf (
    "SELECT coalesce (min (l.seq), 0) FROM (SELECT seq, id FROM dimple_log ORDER BY seq DESC LIMIT %d) AS l"
    " WHERE NOT EXISTS (SELECT 1 FROM dimple_log AS b WHERE b.seq < l.seq AND b.id = l.id"
    "                   AND b.seq = (SELECT max (seq) FROM dimple_log WHERE seq < l.seq))", N_FIRST);

  return dimple_connection_get_int64 (reader, sql, 0, seq, NULL) && *seq > 0;
}

static void
read_first (DimpleHistoryList *self)
{
  DimpleConnection *reader = dimple_store_acquire_reader (self->store, NULL);
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (self->store);
  Reading *reading = NULL;
  gint64 first;

  if (reader == NULL)
    return;
  if (dimple_connection_exec (reader, "BEGIN", NULL) && find_first (reader, &first))
    {
      reading = reading_new (&self->subject, first - 1, 0);
      reading->first = TRUE;
      run_reading (reading, reader, schema);
      self->oldest = first;
    }
  dimple_connection_exec (reader, "ROLLBACK", NULL);
  dimple_store_release_reader (self->store, reader);
  if (reading == NULL)
    return;
  self->newest = reading->newest;
  self->pruned = g_strdup (reading->pruned);
  take_entries (self, reading->entries);
  reading_free (reading);
}

/* -- The object ---------------------------------------------------------------------------------------------------- */

DimpleHistoryList *
dimple_history_list_new (DimpleStore *store,
                         const char  *table,
                         const char  *key)
{
  DimpleHistoryList *self = g_object_new (DIMPLE_TYPE_HISTORY_LIST, NULL);
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default ();

  self->store = g_object_ref (store);
  self->subject = (Subject) { g_strdup (table), g_strdup (key) };
  self->follower = dimple_follower_new (store, context, &follower_funcs, G_OBJECT (self));
  read_first (self);
  dimple_follower_start (self->follower);
  return self;
}

static void
dimple_history_list_finalize (GObject *object)
{
  DimpleHistoryList *self = DIMPLE_HISTORY_LIST (object);

  g_clear_pointer (&self->follower, dimple_follower_free);
  /* each item that somebody has keeps the list */
  g_assert (g_hash_table_size (self->items) == 0);
  g_hash_table_unref (self->items);
  g_hash_table_unref (self->verdicts);
  g_array_unref (self->entries);
  subject_clear (&self->subject);
  g_free (self->pruned);
  g_clear_object (&self->store);

  G_OBJECT_CLASS (dimple_history_list_parent_class)->finalize (object);
}

static void
dimple_history_list_class_init (DimpleHistoryListClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = dimple_history_list_finalize;
}

static void
dimple_history_list_init (DimpleHistoryList *self)
{
  self->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  self->items = g_hash_table_new_full (hash_item, equal_items, g_free, NULL);
  self->verdicts = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, (GDestroyNotify) g_hash_table_unref);
}

/**
 * dimple_store_get_history:
 * @self: a store
 * @table: (nullable): a table, or %NULL for all of them
 * @key: (nullable): the key of one of its rows, or %NULL for all of them
 *
 * Lists what was changed, on all devices, the newest first.  The list is live: what is committed or merged later
 * appears in its place, and what pruning has dropped goes; where only values of a change were dropped, another item
 * comes in its place.  Its newest items are there at once; of a long history the others follow soon.
 *
 * What lost a merge is listed, too: see [property@Change:won].
 *
 * Returns: (transfer full): the changes, of [class@Change]
 */
GListModel *
dimple_store_get_history (DimpleStore *self,
                          const char  *table,
                          const char  *key)
{
  g_return_val_if_fail (DIMPLE_IS_STORE (self), NULL);
  g_return_val_if_fail (key == NULL || table != NULL, NULL);

  return G_LIST_MODEL (dimple_history_list_new (self, table, key));
}
