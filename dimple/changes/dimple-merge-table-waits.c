/* dimple-merge-table-waits.c: what has to change for a shelved row to be judged again
 *
 * A row is on the shelf for another row, its rival, or for parents.  So when it is put there, a hash of each of these
 * rows is noted in dimple_wait, and of all that is on the shelf only what waits for one of the changed rows is looked
 * at: a commit costs what it changed, however much is shelved.  Values that any collation takes for equal have the same
 * hash, and looking at a row in vain does no harm.
 *
 * A row that waits for something whose rows are not told by their key (a rival that is not known, a parent by columns
 * out of its key) waits for any change: of its own table with the hash 0, of a parent's with the hash of the table
 * alone.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-merge-table-private.h"

#include <string.h>

#include "dimple-key-private.h"

#define ANY_OF_ITS_TABLE 0

/* If more rows of a table changed, all that waits is looked at. */
#define MAX_CHANGED 100000

/* -- Hashes -------------------------------------------------------------------------------------------------------- */

/* FNV-1a */
static guint64
add_byte (guint64 hash,
          guint8  byte)
{
  return (hash ^ byte) * G_GUINT64_CONSTANT (0x100000001b3);
}

static guint64
add_text (guint64     hash,
          const char *text,
          gsize       size)
{
  while (size > 0 && text[size - 1] == ' ')
    size--;
  for (gsize i = 0; i < size; i++)
    hash = add_byte (hash, (guint8) g_ascii_tolower (text[i]));
  return add_byte (hash, 0);
}

/* An affinity may make a number of the text. */
static gboolean
is_number (const DimpleValue *value,
           double            *number)
{
  g_autofree char *text = NULL;
  char *end;

  if (value->type == SQLITE_INTEGER || value->type == SQLITE_FLOAT)
    {
      *number = value->type == SQLITE_FLOAT ? value->real : (double) value->integer;
      return TRUE;
    }
  text = g_strstrip (g_strndup (value->bytes, value->size));
  *number = g_ascii_strtod (text, &end);
  return *text != '\0' && *end == '\0';
}

static guint64
add_value (guint64            hash,
           const DimpleValue *value)
{
  double number;

  if (!is_number (value, &number))
    return add_text (hash, value->bytes, value->size);
  number += 0.0;                       /* -0.0 is 0.0 */
  for (guint i = 0; i < sizeof number; i++)
    hash = add_byte (hash, ((const guint8 *) &number)[i]);
  return hash;
}

static guint64
hash_table (const DimpleTable *table)
{
  return add_text (G_GUINT64_CONSTANT (0xcbf29ce484222325), table->name, strlen (table->name));
}

static gint64
finish (guint64 hash)
{
  return (gint64) (hash | 1);          /* never ANY_OF_ITS_TABLE */
}

static gint64
hash_key (const DimpleTable *table,
          const guint8      *key)
{
  guint64 hash = hash_table (table);

  for (guint i = 0; i < table->key->len; i++)
    {
      DimpleValue value;

      key = dimple_record_read (key, &value);
      hash = add_value (hash, &value);
    }
  return finish (hash);
}

/* -- What changed -------------------------------------------------------------------------------------------------- */

void
dimple_changed_rows_init (DimpleChangedRows *self,
                          const DimpleTable *table)
{
  *self = (DimpleChangedRows) { .table = table, .hashes = g_array_new (FALSE, FALSE, sizeof (gint64)) };
}

void
dimple_changed_rows_clear (DimpleChangedRows *self)
{
  g_clear_pointer (&self->hashes, g_array_unref);
}

void
dimple_changed_rows_add (DimpleChangedRows *self,
                         const guint8      *key)
{
  gint64 hash;

  if (self->any)
    return;
  if (self->hashes->len == MAX_CHANGED)
    {
      self->any = TRUE;
      return;
    }
  hash = hash_key (self->table, key);
  g_array_append_val (self->hashes, hash);
}

void
dimple_changed_rows_add_committed (DimpleChangedRows        *self,
                                   const DimpleTableChanges *changes)
{
  const char *end = changes != NULL ? changes->keys->str + changes->keys->len : NULL;
  g_autoptr(GByteArray) key = g_byte_array_new ();

  /* the rows of a table without known keys are not known either */
  self->any |= changes == NULL || changes->anything || (changes->keys->len == 0 && changes->n_rows > 0);
  if (self->any)
    return;
  for (const char *text = changes->keys->str; text < end; text += strlen (text) + 1)
    {
      g_byte_array_set_size (key, 0);
      if (!dimple_key_parse (self->table, text, key, NULL))
        {
          self->any = TRUE;
          return;
        }
      dimple_changed_rows_add (self, key->data);
    }
}

/* -- Noting what a row waits for ----------------------------------------------------------------------------------- */

gboolean
dimple_merge_table_drop_waits (DimpleMergeTable  *self,
                               const char        *key_json,
                               GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (self->connection, "DELETE FROM dimple_wait WHERE \"table\" = ? AND key = ?",
                                         error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, self->table->name, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, key_json, -1, SQLITE_STATIC);
  return dimple_statement_run (statement, error);
}

static gboolean
add_wait (DimpleMergeTable  *self,
          const char        *key_json,
          gint64             hash,
          GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (self->connection, "INSERT OR IGNORE INTO dimple_wait VALUES (?, ?, ?)", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, hash);
  sqlite3_bind_text (statement, 2, self->table->name, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 3, key_json, -1, SQLITE_STATIC);
  return dimple_statement_run (statement, error);
}

/* The child's column that stands for the n-th of the parent's key, or -1. */
static int
find_child_column (const DimpleTable      *table,
                   const DimpleForeignKey *key,
                   const DimpleTable      *parent,
                   guint                   n)
{
  const char *wanted = dimple_table_get_key_column (parent, n)->name;

  for (guint i = 0; key->columns[i] != NULL; i++)
    if (g_ascii_strcasecmp (key->parent_columns[i], wanted) == 0)
      return dimple_table_find_column (table, key->columns[i]);
  return -1;
}

/* The hash of the parent that a row of these values has by a FOREIGN KEY; FALSE: it needs none. */
static gboolean
hash_parent (DimpleMergeTable       *self,
             const DimpleForeignKey *key,
             const DimpleTable      *parent,
             const guint8           *row_key,
             const DimpleRowValues  *values,
             gint64                 *hash)
{
  guint64 by_key = hash_table (parent);
  gboolean known = g_strv_length (key->columns) == parent->key->len;

  *hash = finish (by_key);
  for (guint i = 0; i < parent->key->len && known; i++)
    {
      int number = find_child_column (self->table, key, parent, i);
      const guint8 *position = number >= 0 ? dimple_merge_table_get_value (self, row_key, values, (guint) number)
                                           : NULL;
      DimpleValue value;

      if (position == NULL)            /* out of the parent's key, or a generated column */
        return TRUE;
      dimple_record_read (position, &value);
      if (value.type == SQLITE_NULL)
        return FALSE;
      by_key = add_value (by_key, &value);
    }
  if (known)
    *hash = finish (by_key);
  return TRUE;
}

gboolean
dimple_merge_table_add_waits (DimpleMergeTable       *self,
                              const guint8           *key,
                              const char             *key_json,
                              const guint8           *rival,
                              gboolean                orphan,
                              const DimpleRowValues  *values,
                              GError                **error)
{
  if ((rival != NULL || !orphan) &&
      !add_wait (self, key_json, rival != NULL ? hash_key (self->table, rival) : ANY_OF_ITS_TABLE, error))
    return FALSE;
  for (guint i = 0; i < self->table->foreign_keys->len; i++)
    {
      const DimpleForeignKey *foreign_key = g_ptr_array_index (self->table->foreign_keys, i);
      const DimpleTable *parent = dimple_schema_find (self->schema, foreign_key->parent);
      gint64 hash;

      if (parent != NULL && parent->tracked && hash_parent (self, foreign_key, parent, key, values, &hash) &&
          !add_wait (self, key_json, hash, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
dimple_merge_table_add_wait (DimpleMergeTable   *self,
                             const guint8       *key,
                             const DimpleTable  *other,
                             const guint8       *other_key,
                             GError            **error)
{
  g_autofree char *key_json = dimple_key_to_json (key, self->table->key->len);
  gboolean near = other == self->table;

  /* of tables further off nobody looks up which rows changed */
  for (guint i = 0; i < self->table->foreign_keys->len && other != NULL && !near; i++)
    {
      const DimpleForeignKey *foreign_key = g_ptr_array_index (self->table->foreign_keys, i);

      near = dimple_schema_find (self->schema, foreign_key->parent) == other;
    }
  return add_wait (self, key_json, near ? hash_key (other, other_key) : ANY_OF_ITS_TABLE, error);
}

/* -- Who waited for it --------------------------------------------------------------------------------------------- */

/* What a row of the table may wait for of all that changed; FALSE: which rows did is not known. */
static gboolean
collect_hashes (DimpleSchema      *schema,
                const DimpleTable *table,
                DimpleFindChanged  find_changed,
                gpointer           user_data,
                GArray            *hashes)
{
  g_autoptr(GPtrArray) tables = g_ptr_array_new ();
  gint64 hash = ANY_OF_ITS_TABLE;

  g_array_append_val (hashes, hash);
  g_ptr_array_add (tables, (gpointer) table);
  for (guint i = 0; i < table->foreign_keys->len; i++)
    {
      const DimpleForeignKey *key = g_ptr_array_index (table->foreign_keys, i);
      const DimpleTable *parent = dimple_schema_find (schema, key->parent);

      if (parent != NULL && !g_ptr_array_find (tables, parent, NULL))
        g_ptr_array_add (tables, (gpointer) parent);
    }
  for (guint i = 0; i < tables->len; i++)
    {
      const DimpleChangedRows *changed = find_changed (g_ptr_array_index (tables, i), user_data);

      if (changed == NULL)
        continue;
      if (changed->any)
        return FALSE;
      hash = finish (hash_table (changed->table));
      g_array_append_val (hashes, hash);
      g_array_append_vals (hashes, changed->hashes->data, changed->hashes->len);
    }
  return TRUE;
}

/* Looks each of the hashes up. */
static gboolean
look_up (DimpleConnection   *connection,
         const DimpleTable  *table,
         const gint64       *hashes,
         guint               n_hashes,
         GHashTable         *woken,
         GError            **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  statement = dimple_connection_prepare (connection, "SELECT key FROM dimple_wait WHERE hash = ? AND \"table\" = ?",
                                         error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 2, table->name, -1, SQLITE_STATIC);
  for (guint i = 0; i < n_hashes && local_error == NULL; i++)
    {
      sqlite3_bind_int64 (statement, 1, hashes[i]);
      while (dimple_statement_step (statement, &local_error))
        g_hash_table_add (woken, g_strdup ((const char *) sqlite3_column_text (statement, 0)));
      sqlite3_reset (statement);
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* Goes over what waits instead, if that is not more than the hashes; else `complete` is FALSE. */
static gboolean
look_through (DimpleConnection   *connection,
              const DimpleTable  *table,
              GArray             *hashes,
              GHashTable         *woken,
              gboolean           *complete,
              GError            **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GHashTable) wanted = g_hash_table_new (g_int64_hash, g_int64_equal);
  g_autoptr(GError) local_error = NULL;
  guint n_waits = 0;

  statement = dimple_connection_prepare (connection, "SELECT hash, key FROM dimple_wait WHERE \"table\" = ? LIMIT ?",
                                         error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, table->name, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 2, (gint64) hashes->len + 1);
  for (guint i = 0; i < hashes->len; i++)
    g_hash_table_add (wanted, &g_array_index (hashes, gint64, i));
  for (; dimple_statement_step (statement, &local_error); n_waits++)
    {
      gint64 hash = sqlite3_column_int64 (statement, 0);

      if (g_hash_table_contains (wanted, &hash))
        g_hash_table_add (woken, g_strdup ((const char *) sqlite3_column_text (statement, 1)));
    }
  *complete = n_waits <= hashes->len;
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static GHashTable *
new_keys (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

gboolean
dimple_waits_list_woken (DimpleConnection   *connection,
                         DimpleSchema       *schema,
                         const DimpleTable  *table,
                         DimpleFindChanged   find_changed,
                         gpointer            user_data,
                         GHashTable        **woken,
                         GError            **error)
{
  g_autoptr(GArray) hashes = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autoptr(GHashTable) found = new_keys ();
  gboolean complete;

  *woken = NULL;
  if (!collect_hashes (schema, table, find_changed, user_data, hashes))
    return TRUE;
  if (!look_through (connection, table, hashes, found, &complete, error) ||
      (!complete && !look_up (connection, table, (const gint64 *) hashes->data, hashes->len, found, error)))
    return FALSE;
  *woken = g_steal_pointer (&found);
  return TRUE;
}

gboolean
dimple_merge_table_list_waiting_for (DimpleMergeTable  *self,
                                     const guint8      *rival,
                                     GHashTable       **woken,
                                     GError           **error)
{
  gint64 hash = hash_key (self->table, rival);

  *woken = new_keys ();
  if (!self->any_waits || look_up (self->connection, self->table, &hash, 1, *woken, error))
    return TRUE;
  g_clear_pointer (woken, g_hash_table_unref);
  return FALSE;
}
