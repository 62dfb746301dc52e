/* dimple-settle.c: which rows are shown
 *
 * Tables are settled one by one, parents first.  In a table a row is shown if it exists, is complete, NOT NULL and
 * CHECK accept it, its parents are shown, and no older shown row holds one of its UNIQUE values.  Most rows collide
 * with nothing, so all that were touched are simply tried, in any order; only those that SQLite refuses, the rows in
 * their way and the rows that waited are then judged oldest first, for which the log is asked when they were created.
 * Younger rows in the way are taken out and judged in their turn.  So conclusions only ever go forward: to younger rows
 * of the table, or to later tables.
 *
 * What the log says of a row that is in its table need not be read whole: what is not in the part read is older than
 * all that is, and the table holds what won of it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-settle-private.h"

#include <string.h>

/* The rows of a table whose parents are looked for one by one; of more, all of the table are. */
#define MAX_UNCHECKED 100000

typedef struct
{
  DimpleMergeTable *table;
  GByteArray       *keys;
  guint             n_rows;
} UncheckedRows;

static guint max_unchecked = MAX_UNCHECKED;

static void
free_unchecked (gpointer pointer)
{
  UncheckedRows *rows = pointer;

  g_byte_array_unref (rows->keys);
  g_free (rows);
}

void
dimple_settling_init (DimpleSettling   *self,
                      DimpleConnection *connection,
                      DimpleSchema     *schema,
                      DimpleChangeSet  *changes)
{
  *self = (DimpleSettling) {
    .connection = connection,
    .schema = schema,
    .changes = changes,
    .fold = dimple_fold_new (schema),
    .tables = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) dimple_merge_table_free),
    .unchecked = g_ptr_array_new_with_free_func (free_unchecked),
  };
}

static void
free_standing (DimpleRowStanding *standing)
{
  if (standing == NULL)
    return;
  g_clear_pointer (&standing->current, g_ptr_array_unref);
  g_clear_pointer (&standing->wanted, g_ptr_array_unref);
  g_free (standing);
}

void
dimple_settling_clear (DimpleSettling *self)
{
  for (guint i = 0; self->fold != NULL && i < dimple_fold_get_n_rows (self->fold); i++)
    free_standing (dimple_fold_get_row (self->fold, i)->data);
  g_clear_pointer (&self->unchecked, g_ptr_array_unref);
  g_clear_pointer (&self->tables, g_hash_table_unref);
  g_clear_pointer (&self->fold, dimple_fold_free);
}

void
dimple_settling_restart (DimpleSettling *self)
{
  DimpleConnection *connection = self->connection;
  DimpleSchema *schema = self->schema;
  DimpleChangeSet *changes = self->changes;

  dimple_settling_clear (self);
  dimple_settling_init (self, connection, schema, changes);
}

DimpleMergeTable *
dimple_settling_get_table (DimpleSettling     *self,
                           const DimpleTable  *table,
                           GError            **error)
{
  DimpleMergeTable *found = g_hash_table_lookup (self->tables, table);

  if (found != NULL)
    return found;
  found = dimple_merge_table_new (self->connection, self->schema, table, self->changes, error);
  if (found != NULL)
    g_hash_table_insert (self->tables, (gpointer) table, found);
  return found;
}

DimpleFoldedRow *
dimple_settling_add (DimpleSettling    *self,
                     const DimpleTable *table,
                     const guint8      *key,
                     gsize              key_size)
{
  DimpleFoldedRow *row = dimple_fold_want (self->fold, table, table->name, key, key_size);

  if (row->data == NULL)
    row->data = g_new0 (DimpleRowStanding, 1);
  return row;
}

DimpleFoldedRow *
dimple_settling_touch (DimpleSettling    *self,
                       const DimpleTable *table,
                       const guint8      *key,
                       gsize              key_size,
                       const char        *since)
{
  DimpleFoldedRow *row = dimple_settling_add (self, table, key, key_size);

  if (since == NULL)
    since = "";
  if (self->since == NULL || strcmp (since, self->since) < 0)
    self->since = dimple_fold_intern (self->fold, since);
  return row;
}

void
dimple_settling_check (DimpleSettling   *self,
                       DimpleMergeTable *table,
                       const guint8     *key,
                       gsize             key_size)
{
  UncheckedRows *rows = NULL;

  if (table->orphan_sql == NULL)
    return;
  for (guint i = 0; i < self->unchecked->len && rows == NULL; i++)
    {
      UncheckedRows *other = g_ptr_array_index (self->unchecked, i);

      rows = other->table == table ? other : NULL;
    }
  if (rows == NULL)
    {
      rows = g_new0 (UncheckedRows, 1);
      rows->table = table;
      rows->keys = g_byte_array_new ();
      g_ptr_array_add (self->unchecked, rows);
    }
  if (++rows->n_rows <= max_unchecked)
    g_byte_array_append (rows->keys, key, (guint) key_size);
}

void
dimple_settling_set_max_unchecked (guint n_rows)
{
  max_unchecked = n_rows > 0 ? n_rows : MAX_UNCHECKED;
}

/* -- What the log has ---------------------------------------------------------------------------------------------- */

gboolean
dimple_settling_load (DimpleSettling  *self,
                      GError         **error)
{
  guint n_rows = dimple_fold_get_n_rows (self->fold);
  gboolean all_whole = TRUE;

  for (guint i = 0; i < n_rows; i++)
    all_whole &= dimple_fold_get_row (self->fold, i)->whole;
  if (all_whole)
    return TRUE;
  if (!dimple_fold_join_log (self->fold, self->connection, NULL, NULL, NULL, error))
    return FALSE;
  for (guint i = 0; i < n_rows; i++)
    dimple_fold_get_row (self->fold, i)->whole = TRUE;
  return TRUE;
}

/* The part of the log that can matter is enough, unless a row is known of which no table holds what won. */
static gboolean
load_touched (DimpleSettling  *self,
              GError         **error)
{
  gboolean need_all = self->since != NULL && *self->since == '\0';

  for (guint i = 0; i < dimple_fold_get_n_rows (self->fold) && !need_all; i++)
    {
      DimpleFoldedRow *row = dimple_fold_get_row (self->fold, i);
      DimpleRowStanding *standing;

      if (row->whole)
        continue;
      standing = dimple_settling_look (self, row, error);
      if (standing == NULL)
        return FALSE;
      if (!standing->shown &&
          !dimple_merge_table_is_buried (g_hash_table_lookup (self->tables, row->table), row->key, &need_all, error))
        return FALSE;
    }
  if (need_all)
    return dimple_settling_load (self, error);
  return self->since == NULL || dimple_fold_join_log (self->fold, self->connection, self->since, NULL, NULL, error);
}

/* -- One table ----------------------------------------------------------------------------------------------------- */

/* Shows or hides a touched row as far as it alone decides; the rest is added to `contested`. */
static gboolean
settle_row (DimpleSettling    *self,
            DimpleMergeTable  *table,
            DimpleFoldedRow   *row,
            gboolean           parents_settled,
            GPtrArray         *contested,
            GError           **error)
{
  DimpleRowStanding *standing = dimple_settling_look (self, row, error);
  DimpleRefusal refusal;
  const char *reason;
  gboolean lacks = FALSE;

  if (standing == NULL)
    return FALSE;
  reason = dimple_settling_judge (self, table, row);
  if (reason != NULL)
    return dimple_settling_hide (self, table, row, reason, NULL, error);
  if (!dimple_settling_show (self, table, row, &refusal, error))
    return FALSE;
  if (refusal == DIMPLE_REFUSED_UNIQUE)
    {
      g_ptr_array_add (contested, row);
      return dimple_settling_take_out (self, table, row, error);
    }
  if (refusal != DIMPLE_TAKEN)
    return dimple_settling_hide (self, table, row, dimple_refusal_get_reason (refusal), NULL, error);
  if (!parents_settled)
    return TRUE;
  if (!dimple_merge_table_is_orphan (table, row->key, &lacks, error))
    return FALSE;
  return !lacks || dimple_settling_hide (self, table, row, "foreign-key", NULL, error);
}

/* Fails only by an error; `orphans` receives the rows of the table that lack a parent. */
static gboolean
collect_orphans (DimpleSettling    *self,
                 DimpleMergeTable  *table,
                 gboolean           all,
                 GPtrArray         *orphans,
                 GError           **error)
{
  g_autoptr(GPtrArray) keys = NULL;

  for (guint i = 0; i < self->unchecked->len; i++)
    {
      UncheckedRows *rows = g_ptr_array_index (self->unchecked, i);

      all |= rows->table == table && rows->n_rows > max_unchecked;
    }
  if (all)
    {
      keys = dimple_merge_table_list_orphans (table, error);
      if (keys == NULL)
        return FALSE;
    }
  else
    keys = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  for (guint i = 0; i < self->unchecked->len && !all; i++)
    {
      UncheckedRows *rows = g_ptr_array_index (self->unchecked, i);
      const guint8 *key = rows->keys->data, *end = key + rows->keys->len;

      while (rows->table == table && key < end)
        {
          const guint8 *next = dimple_record_skip (key, table->table->key->len);
          gboolean orphan;

          if (!dimple_merge_table_is_orphan (table, key, &orphan, error))
            return FALSE;
          if (orphan)
            g_ptr_array_add (keys, g_bytes_new (key, (gsize) (next - key)));
          key = next;
        }
    }
  for (guint i = 0; i < keys->len; i++)
    {
      gsize size;
      const guint8 *key = g_bytes_get_data (g_ptr_array_index (keys, i), &size);

      g_ptr_array_add (orphans, dimple_settling_add (self, table->table, key, size));
    }
  return TRUE;
}

static DimpleMergeTable *
find_parent (DimpleSettling    *self,
             const DimpleTable *table,
             guint              number)
{
  const DimpleForeignKey *key = g_ptr_array_index (table->foreign_keys, number);
  const DimpleTable *parent = dimple_schema_find (self->schema, key->parent);

  return parent != NULL ? g_hash_table_lookup (self->tables, parent) : NULL;
}

static void
ask_parents (DimpleSettling    *self,
             const DimpleTable *table,
             gboolean          *gained,
             gboolean          *lost)
{
  for (guint i = 0; i < table->foreign_keys->len; i++)
    {
      DimpleMergeTable *parent = find_parent (self, table, i);

      *gained |= parent != NULL && parent->gained;
      *lost |= parent != NULL && parent->lost;
    }
}

static gboolean
settle_table (DimpleSettling     *self,
              const DimpleTable  *definition,
              GPtrArray          *touched,
              GError            **error)
{
  DimpleMergeTable *table = dimple_settling_get_table (self, definition, error);
  g_autoptr(GPtrArray) contested = g_ptr_array_new ();
  g_autoptr(GPtrArray) orphans = g_ptr_array_new ();
  gboolean parent_gained = FALSE, parent_lost = FALSE;

  if (table == NULL)
    return FALSE;
  ask_parents (self, definition, &parent_gained, &parent_lost);
  for (guint i = 0; i < touched->len; i++)
    if (!settle_row (self, table, g_ptr_array_index (touched, i), TRUE, contested, error))
      return FALSE;

  if (!collect_orphans (self, table, parent_lost, orphans, error))
    return FALSE;
  for (guint i = 0; i < orphans->len; i++)
    {
      DimpleFoldedRow *row = g_ptr_array_index (orphans, i);

      if (dimple_settling_look (self, row, error) == NULL ||
          !dimple_settling_hide (self, table, row, "foreign-key", NULL, error))
        return FALSE;
    }

  if ((parent_gained || parent_lost || table->freed || contested->len > 0) &&
      !dimple_settling_wake (self, table, contested, error))
    return FALSE;
  return contested->len == 0 || dimple_settling_judge_contested (self, table, contested, error);
}

/* -- Tables that reference each other ------------------------------------------------------------------------------ */

/* Shows what was touched if nothing comes in the way of anything; FALSE in `simple` if the whole must be decided. */
static gboolean
settle_simply (DimpleSettling  *self,
               GPtrArray       *tables,
               GPtrArray       *touched,
               gboolean        *simple,
               GError         **error)
{
  g_autoptr(GPtrArray) contested = g_ptr_array_new ();
  g_autoptr(GPtrArray) orphans = g_ptr_array_new ();
  gboolean lost = FALSE, waiting = FALSE;

  for (guint i = 0; i < touched->len; i++)
    {
      DimpleFoldedRow *row = g_ptr_array_index (touched, i);
      DimpleMergeTable *table = dimple_settling_get_table (self, row->table, error);

      if (table == NULL || !settle_row (self, table, row, FALSE, contested, error))
        return FALSE;
    }
  for (guint i = 0; i < tables->len; i++)
    {
      gboolean gained = FALSE;

      ask_parents (self, g_ptr_array_index (tables, i), &gained, &lost);
    }
  for (guint i = 0; i < tables->len; i++)
    {
      DimpleMergeTable *table = dimple_settling_get_table (self, g_ptr_array_index (tables, i), error);
      gboolean woken;

      if (table == NULL || !collect_orphans (self, table, lost, orphans, error) ||
          !dimple_settling_is_any_woken (self, table, &woken, error))
        return FALSE;
      waiting |= woken;
    }
  for (guint i = 0; i < touched->len && !lost && orphans->len == 0; i++)
    {
      DimpleFoldedRow *row = g_ptr_array_index (touched, i);
      gboolean orphan;

      if (!dimple_merge_table_is_orphan (g_hash_table_lookup (self->tables, row->table), row->key, &orphan, error))
        return FALSE;
      if (orphan)
        g_ptr_array_add (orphans, row);
    }
  *simple = contested->len == 0 && orphans->len == 0 && !waiting;
  return TRUE;
}

static gboolean
settle_cycle (DimpleSettling  *self,
              GPtrArray       *tables,
              GPtrArray       *touched,
              GError         **error)
{
  gboolean simple;

  if (!settle_simply (self, tables, touched, &simple, error))
    return FALSE;
  return simple || dimple_settling_run_cycle (self, tables, error);
}

/* -- All tables ---------------------------------------------------------------------------------------------------- */

/* The tables that `table` references, directly or not. */
static void
collect_ancestors (DimpleSchema      *schema,
                   const DimpleTable *table,
                   GHashTable        *ancestors)
{
  for (guint i = 0; i < table->foreign_keys->len; i++)
    {
      const DimpleForeignKey *key = g_ptr_array_index (table->foreign_keys, i);
      const DimpleTable *parent = dimple_schema_find (schema, key->parent);

      if (parent != NULL && parent->tracked && g_hash_table_add (ancestors, (gpointer) parent))
        collect_ancestors (schema, parent, ancestors);
    }
}

/* All tables in an order in which parents come first; each element is an array of tables that reference each other. */
static GPtrArray *
order_tables (DimpleSchema *schema)
{
  g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
  g_autoptr(GHashTable) ancestors = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_hash_table_unref);
  g_autoptr(GHashTable) done = g_hash_table_new (NULL, NULL);
  guint n_tables = dimple_schema_get_n_tables (schema);
  gboolean progress = TRUE;

  for (guint i = 0; i < n_tables; i++)
    {
      GHashTable *set = g_hash_table_new (NULL, NULL);

      collect_ancestors (schema, dimple_schema_get_table (schema, i), set);
      g_hash_table_insert (ancestors, (gpointer) dimple_schema_get_table (schema, i), set);
    }
  while (progress)
    {
      progress = FALSE;
      for (guint i = 0; i < n_tables; i++)
        {
          const DimpleTable *table = dimple_schema_get_table (schema, i);
          GHashTable *above = g_hash_table_lookup (ancestors, table);
          g_autoptr(GPtrArray) group = g_ptr_array_new ();
          GHashTableIter iter;
          gpointer ancestor;
          gboolean ready = TRUE;

          if (!table->tracked || g_hash_table_contains (done, table))
            continue;
          g_ptr_array_add (group, (gpointer) table);
          g_hash_table_iter_init (&iter, above);
          while (g_hash_table_iter_next (&iter, &ancestor, NULL))
            if (ancestor != table && g_hash_table_contains (g_hash_table_lookup (ancestors, ancestor), table))
              g_ptr_array_add (group, ancestor);
            else if (ancestor != table && !g_hash_table_contains (done, ancestor))
              ready = FALSE;
          if (!ready)
            continue;
          for (guint j = 0; j < group->len; j++)
            g_hash_table_add (done, g_ptr_array_index (group, j));
          g_ptr_array_add (groups, g_steal_pointer (&group));
          progress = TRUE;
        }
    }
  return g_steal_pointer (&groups);
}

static gboolean
is_cycle (DimpleSchema *schema,
          GPtrArray    *group)
{
  const DimpleTable *table = g_ptr_array_index (group, 0);

  for (guint i = 0; i < table->foreign_keys->len; i++)
    {
      const DimpleForeignKey *key = g_ptr_array_index (table->foreign_keys, i);

      if (dimple_schema_find (schema, key->parent) == table)
        return TRUE;
    }
  return group->len > 1;
}

/* Whether anything that concerns the tables of a group has happened. */
static gboolean
is_concerned (DimpleSettling *self,
              GPtrArray      *group,
              GPtrArray      *touched)
{
  gboolean gained = FALSE, lost = FALSE;

  for (guint i = 0; i < group->len; i++)
    {
      const DimpleTable *table = g_ptr_array_index (group, i);
      DimpleMergeTable *known = g_hash_table_lookup (self->tables, table);

      gained |= known != NULL && (known->gained || known->lost || known->freed);
      ask_parents (self, table, &gained, &lost);
    }
  return touched->len > 0 || gained || lost;
}

static GPtrArray *
collect_touched (DimpleSettling *self,
                 GPtrArray      *group)
{
  GPtrArray *touched = g_ptr_array_new ();

  for (guint i = 0; i < dimple_fold_get_n_rows (self->fold); i++)
    {
      DimpleFoldedRow *row = dimple_fold_get_row (self->fold, i);

      if (g_ptr_array_find (group, row->table, NULL))
        g_ptr_array_add (touched, row);
    }
  return touched;
}

gboolean
dimple_settling_run (DimpleSettling  *self,
                     GError         **error)
{
  g_autoptr(GPtrArray) groups = order_tables (self->schema);

  if (!load_touched (self, error))
    return FALSE;
  for (guint i = 0; i < groups->len; i++)
    {
      GPtrArray *group = g_ptr_array_index (groups, i);
      g_autoptr(GPtrArray) touched = collect_touched (self, group);
      gboolean settled;

      if (!is_concerned (self, group, touched))
        continue;
      settled = is_cycle (self->schema, group) ? settle_cycle (self, group, touched, error)
                                               : settle_table (self, g_ptr_array_index (group, 0), touched, error);
      if (!settled)
        return FALSE;
    }
  return TRUE;
}
