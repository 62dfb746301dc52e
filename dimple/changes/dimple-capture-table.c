/* dimple-capture-table.c: the rows of one table that a transaction touched
 *
 * Kept is only how each row was before the transaction first touched it; how it is now is read back at the end.  So what a
 * statement undid, or a savepoint, or a trigger changed again, needs no attention.
 *
 * A rowid table is kept by rowid, and rows that are plainly appended only as a stretch of rowids; a WITHOUT ROWID table
 * by the bytes of its key.  Old rows are read by a SELECT inside the hook: sqlite3_preupdate_old() is wrong for rows that
 * are older than an ADD COLUMN … DEFAULT, and counts columns wrongly behind a VIRTUAL one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-capture-table-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-record-private.h"

#define ABSENT G_MAXSIZE

typedef struct
{
  gint64  rowid;
  gsize   key;          /* WITHOUT ROWID: where its key starts in self->keys */
  gsize   key_size;
  gsize   old;          /* where its old record starts in self->records; ABSENT: there was no such row */
} Entry;

typedef struct
{
  gint64 first;
  gint64 last;
} Stretch;

struct _DimpleCaptureTable
{
  const DimpleTable *table;
  GArray            *stored;       /* of guint: the columns of a record, as indexes into table->columns */
  GArray            *key;          /* of guint: the key's columns, as indexes into a record */
  GArray            *preupdate;    /* of int: of each column of the key, how the preupdate hook counts it */
  GArray            *real;         /* of gboolean: whether that column has REAL affinity */
  sqlite3_stmt      *select_old;   /* for the hook: the row may be asked for while `select_row` stands on another */
  sqlite3_stmt      *select_row;
  sqlite3_stmt      *select_stretch;

  GArray            *entries;      /* of Entry */
  guint32           *slots;        /* open hash: index into entries + 1; 0: free */
  gsize              n_slots;      /* a power of two */
  GArray            *stretches;    /* of Stretch, ascending: rows appended in this transaction */
  GByteArray        *records;
  GByteArray        *keys;
  GByteArray        *scratch;
};

/* -- Making --------------------------------------------------------------------------------------------------------- */

static const DimpleColumn *
get_column (const DimpleTable *table,
            guint              position)
{
  return g_ptr_array_index (table->columns, position);
}

/* SQLite's rules of affinity (datatype3.html, section 3.1), as far as REAL is concerned. */
static gboolean
has_real_affinity (const char *declared_type)
{
  g_autofree char *upper = g_ascii_strup (declared_type, -1);
  static const char * const stronger[] = { "INT", "CHAR", "CLOB", "TEXT", "BLOB" };

  for (guint i = 0; i < G_N_ELEMENTS (stronger); i++)
    if (strstr (upper, stronger[i]) != NULL)
      return FALSE;
  return strstr (upper, "REAL") != NULL || strstr (upper, "FLOA") != NULL || strstr (upper, "DOUB") != NULL;
}

static void
find_columns (DimpleCaptureTable *self)
{
  gboolean counts_virtual = sqlite3_libversion_number () >= 3050000;
  g_autofree int *counted = g_new0 (int, self->table->columns->len);
  int n_counted = 0;

  for (guint i = 0; i < self->table->columns->len; i++)
    {
      const DimpleColumn *column = get_column (self->table, i);

      counted[i] = n_counted;
      if (!column->is_virtual || counts_virtual)
        n_counted++;
      if (!column->generated)
        g_array_append_val (self->stored, i);
    }
  for (guint k = 0; k < self->table->key->len; k++)
    {
      guint position = g_array_index (self->table->key, guint, k);
      gboolean real = has_real_affinity (get_column (self->table, position)->declared_type);

      g_array_append_val (self->preupdate, counted[position]);
      g_array_append_val (self->real, real);
      for (guint i = 0; i < self->stored->len; i++)
        if (g_array_index (self->stored, guint, i) == position)
          g_array_append_val (self->key, i);
    }
}

static char *
build_select (DimpleCaptureTable *self,
              gboolean            stretch)
{
  g_autofree char *name = dimple_quote (self->table->name);
  GString *sql = g_string_new ("SELECT ");

  for (guint i = 0; i < self->stored->len; i++)
    {
      g_autofree char *column = dimple_quote (get_column (self->table, g_array_index (self->stored, guint, i))->name);

      g_string_append_printf (sql, "%s%s", i > 0 ? ", " : "", column);
    }
  if (self->table->without_rowid)
    {
      g_string_append_printf (sql, " FROM main.%s WHERE ", name);
      for (guint k = 0; k < self->table->key->len; k++)
        {
          g_autofree char *column =
            dimple_quote (get_column (self->table, g_array_index (self->table->key, guint, k))->name);

          g_string_append_printf (sql, "%s%s = ? COLLATE BINARY", k > 0 ? " AND " : "", column);
        }
    }
  else if (stretch)
    g_string_append_printf (sql, ", %s FROM main.%s WHERE %s BETWEEN ? AND ?", self->table->rowid_name, name,
                            self->table->rowid_name);
  else
    g_string_append_printf (sql, " FROM main.%s WHERE %s = ?", name, self->table->rowid_name);
  return g_string_free (sql, FALSE);
}

static gboolean
prepare_statements (DimpleCaptureTable  *self,
                    DimpleConnection    *connection,
                    GError             **error)
{
  g_autofree char *row = NULL, *stretch = NULL;

  /* A table of which every column is generated, or that hides all names of its rowid, cannot be read back. */
  if (self->stored->len == 0 || (!self->table->without_rowid && self->table->rowid_name == NULL))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_UNTRACKABLE,
                   "Table “%s” has columns named rowid, _rowid_ and oid: rename one", self->table->name);
      return FALSE;
    }
  row = build_select (self, FALSE);
  self->select_old = dimple_connection_prepare (connection, row, error);
  self->select_row = self->select_old != NULL ? dimple_connection_prepare (connection, row, error) : NULL;
  if (self->select_row == NULL)
    return FALSE;
  if (self->table->without_rowid)
    return TRUE;
  stretch = build_select (self, TRUE);
  self->select_stretch = dimple_connection_prepare (connection, stretch, error);
  return self->select_stretch != NULL;
}

DimpleCaptureTable *
dimple_capture_table_new (DimpleConnection   *connection,
                          const DimpleTable  *table,
                          GError            **error)
{
  DimpleCaptureTable *self = g_new0 (DimpleCaptureTable, 1);

  self->table = table;
  self->stored = g_array_new (FALSE, FALSE, sizeof (guint));
  self->key = g_array_new (FALSE, FALSE, sizeof (guint));
  self->preupdate = g_array_new (FALSE, FALSE, sizeof (int));
  self->real = g_array_new (FALSE, FALSE, sizeof (gboolean));
  self->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  self->stretches = g_array_new (FALSE, FALSE, sizeof (Stretch));
  self->records = g_byte_array_new ();
  self->keys = g_byte_array_new ();
  self->scratch = g_byte_array_new ();
  find_columns (self);
  if (!prepare_statements (self, connection, error))
    {
      dimple_capture_table_free (self);
      return NULL;
    }
  return self;
}

void
dimple_capture_table_free (DimpleCaptureTable *self)
{
  dimple_statement_release (self->select_old);
  dimple_statement_release (self->select_row);
  dimple_statement_release (self->select_stretch);
  g_array_unref (self->stored);
  g_array_unref (self->key);
  g_array_unref (self->preupdate);
  g_array_unref (self->real);
  g_array_unref (self->entries);
  g_array_unref (self->stretches);
  g_byte_array_unref (self->records);
  g_byte_array_unref (self->keys);
  g_byte_array_unref (self->scratch);
  g_free (self->slots);
  g_free (self);
}

void
dimple_capture_table_clear (DimpleCaptureTable *self)
{
  g_array_set_size (self->entries, 0);
  g_array_set_size (self->stretches, 0);
  g_byte_array_set_size (self->records, 0);
  g_byte_array_set_size (self->keys, 0);
  if (self->n_slots > 1 << 16)
    {
      /* A bulk transaction's memory is not kept for the small ones after it. */
      g_clear_pointer (&self->slots, g_free);
      self->n_slots = 0;
      g_byte_array_unref (self->records);
      self->records = g_byte_array_new ();
    }
  else if (self->slots != NULL)
    memset (self->slots, 0, self->n_slots * sizeof *self->slots);
}

gboolean
dimple_capture_table_is_empty (DimpleCaptureTable *self)
{
  return self->entries->len == 0 && self->stretches->len == 0;
}

/* -- Keeping -------------------------------------------------------------------------------------------------------- */

static guint64
hash_bytes (const guint8 *bytes,
            gsize         size)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);       /* FNV-1a */

  for (gsize i = 0; i < size; i++)
    hash = (hash ^ bytes[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash;
}

static guint64
mix (guint64 hash)
{
  hash ^= hash >> 33;
  hash *= G_GUINT64_CONSTANT (0xff51afd7ed558ccd);
  return hash ^ hash >> 33;
}

static guint64
hash_entry (DimpleCaptureTable *self,
            const Entry        *entry)
{
  return mix (self->table->without_rowid ? hash_bytes (self->keys->data + entry->key, entry->key_size)
                                         : (guint64) entry->rowid);
}

static void
grow_slots (DimpleCaptureTable *self)
{
  self->n_slots = MAX (64, self->n_slots * 2);
  g_free (self->slots);
  self->slots = g_new0 (guint32, self->n_slots);
  for (guint32 i = 0; i < self->entries->len; i++)
    {
      gsize slot = hash_entry (self, &g_array_index (self->entries, Entry, i)) & (self->n_slots - 1);

      while (self->slots[slot] != 0)
        slot = (slot + 1) & (self->n_slots - 1);
      self->slots[slot] = i + 1;
    }
}

static gboolean
is_same_row (DimpleCaptureTable *self,
             const Entry        *a,
             const Entry        *b)
{
  if (!self->table->without_rowid)
    return a->rowid == b->rowid;
  return a->key_size == b->key_size &&
         memcmp (self->keys->data + a->key, self->keys->data + b->key, a->key_size) == 0;
}

/* The slot where the row of `entry` is (TRUE), or would go. */
static gboolean
find_slot (DimpleCaptureTable *self,
           const Entry        *entry,
           gsize              *slot)
{
  if (self->n_slots == 0 || self->entries->len * 2 >= self->n_slots)
    grow_slots (self);
  *slot = hash_entry (self, entry) & (self->n_slots - 1);
  for (; self->slots[*slot] != 0; *slot = (*slot + 1) & (self->n_slots - 1))
    if (is_same_row (self, &g_array_index (self->entries, Entry, self->slots[*slot] - 1), entry))
      return TRUE;
  return FALSE;
}

static void
add_entry (DimpleCaptureTable *self,
           const Entry        *entry,
           gsize               slot)
{
  g_array_append_val (self->entries, *entry);
  self->slots[slot] = self->entries->len;
}

static gboolean
is_in_stretches (DimpleCaptureTable *self,
                 gint64              rowid)
{
  guint low = 0, high = self->stretches->len;

  while (low < high)
    {
      guint middle = (low + high) / 2;

      if (g_array_index (self->stretches, Stretch, middle).last < rowid)
        low = middle + 1;
      else
        high = middle;
    }
  return low < self->stretches->len && g_array_index (self->stretches, Stretch, low).first <= rowid;
}

static void
append_row (GByteArray   *record,
            sqlite3_stmt *statement,
            guint         n_columns)
{
  for (guint i = 0; i < n_columns; i++)
    dimple_record_append_column (record, statement, (int) i);
}

static void
bind_key (sqlite3_stmt *statement,
          const guint8 *key,
          guint         n_values)
{
  DimpleValue value;

  for (guint k = 0; k < n_values; k++)
    {
      key = dimple_record_read (key, &value);
      dimple_value_bind (&value, statement, (int) k + 1);
    }
}

/* Stands on the row of `entry`, or FALSE.  The caller resets. */
static gboolean
step_to_row (DimpleCaptureTable *self,
             sqlite3_stmt       *statement,
             const Entry        *entry)
{
  if (self->table->without_rowid)
    bind_key (statement, self->keys->data + entry->key, self->table->key->len);
  else
    sqlite3_bind_int64 (statement, 1, entry->rowid);
  return sqlite3_step (statement) == SQLITE_ROW;
}

/* A row that is there, and is about to change. */
static gboolean
keep_old_row (DimpleCaptureTable *self,
              Entry              *entry)
{
  gsize slot;
  gboolean found;

  if (!self->table->without_rowid && is_in_stretches (self, entry->rowid))
    return TRUE;
  if (find_slot (self, entry, &slot))
    return TRUE;

  found = step_to_row (self, self->select_old, entry);
  if (found)
    {
      entry->old = self->records->len;
      append_row (self->records, self->select_old, self->stored->len);
      add_entry (self, entry, slot);
    }
  sqlite3_reset (self->select_old);
  return found;
}

/* A row that is not there, and is about to be. */
static void
keep_absent_row (DimpleCaptureTable *self,
                 Entry              *entry)
{
  gsize slot;

  if (!self->table->without_rowid && is_in_stretches (self, entry->rowid))
    return;
  if (find_slot (self, entry, &slot))
    return;

  if (!self->table->without_rowid)
    {
      Stretch *newest = self->stretches->len > 0
        ? &g_array_index (self->stretches, Stretch, self->stretches->len - 1) : NULL;

      if (newest != NULL && newest->last < G_MAXINT64 && entry->rowid == newest->last + 1)
        {
          newest->last = entry->rowid;
          return;
        }
      if (newest == NULL || entry->rowid > newest->last)
        {
          Stretch stretch = { entry->rowid, entry->rowid };

          g_array_append_val (self->stretches, stretch);
          return;
        }
    }
  entry->old = ABSENT;
  add_entry (self, entry, slot);
}

/* Reads the key that the hook is about; preupdate_new gives INTEGER for what a REAL column will hold. */
static gboolean
read_hook_key (DimpleCaptureTable *self,
               sqlite3            *handle,
               gboolean            new_key,
               Entry              *entry)
{
  entry->key = self->keys->len;
  for (guint k = 0; k < self->preupdate->len; k++)
    {
      int position = g_array_index (self->preupdate, int, k);
      sqlite3_value *value;
      int result = new_key ? sqlite3_preupdate_new (handle, position, &value)
                           : sqlite3_preupdate_old (handle, position, &value);

      if (result != SQLITE_OK)
        return FALSE;
      if (g_array_index (self->real, gboolean, k) && sqlite3_value_type (value) == SQLITE_INTEGER)
        {
          DimpleValue real = { .type = SQLITE_FLOAT, .real = (double) sqlite3_value_int64 (value) };

          dimple_record_append (self->keys, &real);
        }
      else
        dimple_record_append_sqlite (self->keys, value);
    }
  entry->key_size = self->keys->len - entry->key;
  return TRUE;
}

static gboolean
touch_by_key (DimpleCaptureTable *self,
              sqlite3            *handle,
              int                 operation)
{
  Entry entry = { 0 };

  if (operation != SQLITE_INSERT &&
      !(read_hook_key (self, handle, FALSE, &entry) && keep_old_row (self, &entry)))
    return FALSE;
  if (operation == SQLITE_DELETE)
    return TRUE;
  if (!read_hook_key (self, handle, TRUE, &entry))
    return FALSE;
  keep_absent_row (self, &entry);
  return TRUE;
}

gboolean
dimple_capture_table_touch (DimpleCaptureTable *self,
                            sqlite3            *handle,
                            int                 operation,
                            gint64              old_rowid,
                            gint64              new_rowid)
{
  Entry old_row = { .rowid = old_rowid };
  Entry new_row = { .rowid = new_rowid };

  if (self->table->without_rowid)
    return touch_by_key (self, handle, operation);

  if (operation != SQLITE_INSERT && !keep_old_row (self, &old_row))
    return FALSE;
  if (operation == SQLITE_INSERT || (operation == SQLITE_UPDATE && new_rowid != old_rowid))
    keep_absent_row (self, &new_row);
  return TRUE;
}

/* -- Netting -------------------------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleCaptureTable *self;
  DimpleCaptureFunc   func;
  gpointer            user_data;
  GError            **error;
  GHashTable         *gone;      /* rows that are not where they were: Entry * by their key's bytes */
} Netting;

static void
append_key (DimpleCaptureTable *self,
            const guint8       *record,
            GByteArray         *key)
{
  for (guint k = 0; k < self->key->len; k++)
    {
      const guint8 *value = dimple_record_skip (record, g_array_index (self->key, guint, k));
      const guint8 *after = dimple_record_skip (value, 1);

      g_byte_array_append (key, value, (guint) (after - value));
    }
}

static GBytes *
dup_key (DimpleCaptureTable *self,
         const guint8       *record)
{
  GByteArray *key = g_byte_array_new ();

  append_key (self, record, key);
  return g_byte_array_free_to_bytes (key);
}

static gboolean
has_same_key (DimpleCaptureTable *self,
              const guint8       *a,
              const guint8       *b)
{
  for (guint k = 0; k < self->key->len; k++)
    {
      guint position = g_array_index (self->key, guint, k);
      const guint8 *in_a = dimple_record_skip (a, position);
      const guint8 *in_b = dimple_record_skip (b, position);
      gsize size = (gsize) (dimple_record_skip (in_a, 1) - in_a);

      if ((gsize) (dimple_record_skip (in_b, 1) - in_b) != size || memcmp (in_a, in_b, size) != 0)
        return FALSE;
    }
  return TRUE;
}

static guint64
compare_rows (DimpleCaptureTable *self,
              const guint8       *old,
              const guint8       *now)
{
  guint64 changed = 0;

  for (guint i = 0; i < self->stored->len; i++)
    {
      const guint8 *old_end = dimple_record_skip (old, 1);
      const guint8 *now_end = dimple_record_skip (now, 1);

      if (old_end - old != now_end - now || memcmp (old, now, (gsize) (now_end - now)) != 0)
        changed |= DIMPLE_COLUMN_BIT (g_array_index (self->stored, guint, i));
      old = old_end;
      now = now_end;
    }
  return changed;
}

static gboolean
check_key (DimpleCaptureTable  *self,
           const guint8        *record,
           GError             **error)
{
  for (guint k = 0; k < self->key->len; k++)
    {
      DimpleValue value;

      dimple_record_read (dimple_record_skip (record, g_array_index (self->key, guint, k)), &value);
      if (value.type == SQLITE_NULL)
        {
          g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT,
                       "The key column “%s” of table “%s” may not be NULL: give it a value, or a DEFAULT (uuid7 ())",
                       get_column (self->table, g_array_index (self->table->key, guint, k))->name, self->table->name);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
emit (Netting      *netting,
      const guint8 *old,
      const guint8 *now,
      gint64        old_rowid,
      gint64        rowid)
{
  DimpleCaptureTable *self = netting->self;
  DimpleCapturedRow row = { self->table, old, now, now != NULL ? rowid : old_rowid, old_rowid, DIMPLE_ALL_COLUMNS };

  if (old != NULL && now != NULL)
    {
      row.changed = compare_rows (self, old, now);
      if (row.changed == 0 && old_rowid == rowid)
        return TRUE;
    }
  if (now != NULL && self->table->tracked && !check_key (self, now, netting->error))
    return FALSE;
  return netting->func (&row, netting->user_data, netting->error);
}

/* A row where none was: new, or come from another rowid with its key. */
static gboolean
emit_arrived (Netting      *netting,
              const guint8 *now,
              gint64        rowid)
{
  DimpleCaptureTable *self = netting->self;
  const Entry *from = NULL;

  if (netting->gone != NULL)
    {
      g_autoptr(GBytes) key = dup_key (self, now);
      gpointer found_key, found;

      if (g_hash_table_steal_extended (netting->gone, key, &found_key, &found))
        {
          g_bytes_unref (found_key);
          from = found;
        }
    }
  if (from == NULL)
    return emit (netting, NULL, now, 0, rowid);
  return emit (netting, self->records->data + from->old, now, from->rowid, rowid);
}

static void
read_row (DimpleCaptureTable *self,
          sqlite3_stmt       *statement)
{
  g_byte_array_set_size (self->scratch, 0);
  append_row (self->scratch, statement, self->stored->len);
}

/* The rows that are where they were are done with at once; of the others, those that are `gone` are noted by key, so
 * that an arrived row can be recognised, and the places that are taken now are put into `arrived`. */
static gboolean
net_entry (Netting *netting,
           Entry   *entry,
           GArray  *arrived)
{
  DimpleCaptureTable *self = netting->self;
  const guint8 *old = entry->old == ABSENT ? NULL : self->records->data + entry->old;
  gboolean is_there = step_to_row (self, self->select_row, entry);
  gboolean stays = FALSE;

  if (is_there)
    read_row (self, self->select_row);
  sqlite3_reset (self->select_row);

  if (is_there && old != NULL)
    stays = self->key->len == 0 || has_same_key (self, old, self->scratch->data);
  if (stays)
    return emit (netting, old, self->scratch->data, entry->rowid, entry->rowid);
  if (old != NULL && self->key->len == 0)
    return emit (netting, old, NULL, entry->rowid, 0);
  if (old != NULL)
    {
      if (netting->gone == NULL)
        netting->gone = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, NULL);
      g_hash_table_insert (netting->gone, dup_key (self, old), entry);
    }
  if (is_there)
    g_array_append_val (arrived, *entry);
  return TRUE;
}

static gboolean
net_stretch (Netting       *netting,
             const Stretch *stretch)
{
  DimpleCaptureTable *self = netting->self;
  gboolean succeeded = TRUE;

  sqlite3_bind_int64 (self->select_stretch, 1, stretch->first);
  sqlite3_bind_int64 (self->select_stretch, 2, stretch->last);
  while (succeeded && sqlite3_step (self->select_stretch) == SQLITE_ROW)
    {
      read_row (self, self->select_stretch);
      succeeded = emit_arrived (netting, self->scratch->data,
                                sqlite3_column_int64 (self->select_stretch, (int) self->stored->len));
    }
  sqlite3_reset (self->select_stretch);
  return succeeded;
}

static int
compare_entries (gconstpointer a,
                 gconstpointer b)
{
  gint64 left = ((const Entry *) a)->rowid, right = ((const Entry *) b)->rowid;

  return left < right ? -1 : left > right;
}

static gboolean
net_arrived (Netting *netting,
             GArray  *arrived)
{
  DimpleCaptureTable *self = netting->self;

  for (guint i = 0; i < arrived->len; i++)
    {
      const Entry *entry = &g_array_index (arrived, Entry, i);
      gboolean is_there = step_to_row (self, self->select_row, entry);

      if (is_there)
        read_row (self, self->select_row);
      sqlite3_reset (self->select_row);
      if (is_there && !emit_arrived (netting, self->scratch->data, entry->rowid))
        return FALSE;
    }
  for (guint i = 0; i < self->stretches->len; i++)
    if (!net_stretch (netting, &g_array_index (self->stretches, Stretch, i)))
      return FALSE;
  return TRUE;
}

/* In the order in which the rows stood, and not in that of a hash: the log of the same changes is the same. */
static gboolean
net_gone (Netting *netting)
{
  DimpleCaptureTable *self = netting->self;

  for (guint i = 0; netting->gone != NULL && i < self->entries->len; i++)
    {
      Entry *entry = &g_array_index (self->entries, Entry, i);
      g_autoptr(GBytes) key = NULL;

      if (entry->old == ABSENT)
        continue;
      key = dup_key (self, self->records->data + entry->old);
      if (g_hash_table_lookup (netting->gone, key) == entry &&
          !emit (netting, self->records->data + entry->old, NULL, entry->rowid, 0))
        return FALSE;
    }
  return TRUE;
}

gboolean
dimple_capture_table_net (DimpleCaptureTable  *self,
                          DimpleCaptureFunc    func,
                          gpointer             user_data,
                          GError             **error)
{
  Netting netting = { self, func, user_data, error, NULL };
  g_autoptr(GArray) arrived = g_array_new (FALSE, FALSE, sizeof (Entry));
  gboolean succeeded = TRUE;

  /* In the order of the table, its pages are read once each.  The hash is not asked any more. */
  if (!self->table->without_rowid)
    g_array_sort (self->entries, compare_entries);
  for (guint i = 0; succeeded && i < self->entries->len; i++)
    succeeded = net_entry (&netting, &g_array_index (self->entries, Entry, i), arrived);

  succeeded = succeeded && net_arrived (&netting, arrived) && net_gone (&netting);
  g_clear_pointer (&netting.gone, g_hash_table_unref);
  return succeeded;
}
