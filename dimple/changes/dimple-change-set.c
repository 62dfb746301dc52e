/* dimple-change-set.c: what one or several commits changed
 *
 * Collected on the thread that commits, then only read, by whoever holds a reference: so it may travel between threads
 * without a lock.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-change-set-private.h"

typedef struct _TableEntry TableEntry;

struct _TableEntry
{
  DimpleTableChanges  changes;
  TableEntry         *next;
};

/* One is made for every transaction, so it has no more blocks of memory than it needs. */
struct _DimpleChangeSet
{
  DimpleSchema *schema;
  DimpleOrigin  origin;
  gboolean      all;          /* everything may have changed */
  TableEntry   *tables;       /* (nullable) in the order in which they were met */
  TableEntry   *last;         /* (nullable) of them */
  char        **names;        /* (nullable) atomic: their names, once somebody has asked */
};

G_DEFINE_BOXED_TYPE (DimpleChangeSet, dimple_change_set, dimple_change_set_ref, dimple_change_set_unref)

static void
change_set_clear (gpointer data)
{
  DimpleChangeSet *self = data;

  while (self->tables != NULL)
    {
      TableEntry *next = self->tables->next;

      dimple_table_changes_clear (&self->tables->changes);
      g_free (self->tables);
      self->tables = next;
    }
  g_free (self->names);
  dimple_schema_unref (self->schema);
}

DimpleChangeSet *
dimple_change_set_new (DimpleSchema *schema,
                       DimpleOrigin  origin)
{
  DimpleChangeSet *self = g_atomic_rc_box_new0 (DimpleChangeSet);

  self->schema = dimple_schema_ref (schema);
  self->origin = origin;
  return self;
}

DimpleChangeSet *
dimple_change_set_new_like (DimpleChangeSet *other)
{
  return dimple_change_set_new (other->schema, other->origin);
}

/**
 * dimple_change_set_ref:
 * @self: a change set
 *
 * Takes a reference.  May be called on any thread.
 *
 * Returns: (transfer full): @self
 */
DimpleChangeSet *
dimple_change_set_ref (DimpleChangeSet *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return g_atomic_rc_box_acquire (self);
}

/**
 * dimple_change_set_unref:
 * @self: (transfer full): a change set
 *
 * Drops a reference; the last one frees the change set.  May be called on any thread.
 */
void
dimple_change_set_unref (DimpleChangeSet *self)
{
  g_return_if_fail (self != NULL);

  g_atomic_rc_box_release_full (self, change_set_clear);
}

/* -- Collecting ---------------------------------------------------------------------------------------------------- */

static DimpleTableChanges *
find_changes (DimpleChangeSet *self,
              const char      *table)
{
  for (TableEntry *entry = self->tables; entry != NULL; entry = entry->next)
    if (g_str_equal (entry->changes.table, table) || g_ascii_strcasecmp (entry->changes.table, table) == 0)
      return &entry->changes;
  return NULL;
}

DimpleTableChanges *
dimple_change_set_add_table (DimpleChangeSet *self,
                             const char      *table)
{
  DimpleTableChanges *changes = find_changes (self, table);
  TableEntry *entry;

  if (changes != NULL)
    return changes;

  entry = g_new0 (TableEntry, 1);
  dimple_table_changes_init (&entry->changes, table);
  if (self->last != NULL)
    self->last->next = entry;
  else
    self->tables = entry;
  self->last = entry;
  g_clear_pointer (&self->names, g_free);
  return &entry->changes;
}

static void
append_key (DimpleTableChanges      *changes,
            const DimpleCapturedRow *row)
{
  const DimpleTable *table = row->table;
  const guint8 *record = row->now != NULL ? row->now : row->old;
  DimpleValue few[16];
  g_autofree DimpleValue *many = table->key->len > G_N_ELEMENTS (few) ? g_new (DimpleValue, table->key->len) : NULL;
  DimpleValue *values = many != NULL ? many : few;

  if (table->key->len == 0)
    return;
  for (guint k = 0; k < table->key->len; k++)
    {
      dimple_captured_record_read (table, record, g_array_index (table->key, guint, k), &values[k]);
      /* In a local table several rows may have NULL there: it names none of them. */
      if (values[k].type == SQLITE_NULL)
        changes->anything = changes->unnamed = TRUE;
    }
  dimple_table_changes_add_key (changes, table, values);
}

void
dimple_change_set_add_row (DimpleChangeSet         *self,
                           const DimpleCapturedRow *row)
{
  DimpleTableChanges *table = dimple_change_set_add_table (self, row->table->name);
  DimpleChangedRow changed = { row->rowid, row->old_rowid, row->changed, DIMPLE_OPERATION_UPDATE };

  if (row->old == NULL)
    changed.operation = DIMPLE_OPERATION_INSERT;
  else if (row->now == NULL)
    changed.operation = DIMPLE_OPERATION_DELETE;

  table->columns |= row->changed;
  if (row->old_rowid != row->rowid && row->old != NULL && row->now != NULL)
    table->columns = changed.columns = DIMPLE_ALL_COLUMNS;
  if (!dimple_table_changes_count (table))
    return;
  append_key (table, row);
  if (!row->table->without_rowid)
    g_array_append_val (table->rows, changed);
}

void
dimple_change_set_add_any (DimpleChangeSet *self,
                           const char      *table)
{
  dimple_table_changes_set_all (dimple_change_set_add_table (self, table));
}

void
dimple_change_set_add_all (DimpleChangeSet *self)
{
  self->all = TRUE;
  for (guint i = 0; i < dimple_schema_get_n_tables (self->schema); i++)
    dimple_change_set_add_any (self, dimple_schema_get_table (self->schema, i)->name);
}

void
dimple_change_set_join (DimpleChangeSet *self,
                        DimpleChangeSet *other)
{
  /* Whose origin is not of this process is the rarer and the more telling. */
  self->origin = MAX (self->origin, other->origin);
  self->all |= other->all;
  for (const TableEntry *entry = other->tables; entry != NULL; entry = entry->next)
    dimple_table_changes_join (dimple_change_set_add_table (self, entry->changes.table), &entry->changes);
}

gboolean
dimple_change_set_is_all (DimpleChangeSet *self)
{
  return self->all;
}

gboolean
dimple_change_set_is_empty (DimpleChangeSet *self)
{
  return !self->all && self->tables == NULL;
}

const DimpleTableChanges *
dimple_change_set_find (DimpleChangeSet *self,
                        const char      *table)
{
  return find_changes (self, table);
}

/* -- Asking -------------------------------------------------------------------------------------------------------- */

/**
 * dimple_change_set_get_origin:
 * @self: a change set
 *
 * Gets who made the changes.  Where commits of several were taken together, whoever is farthest away is named.
 *
 * Returns: the origin
 */
DimpleOrigin
dimple_change_set_get_origin (DimpleChangeSet *self)
{
  g_return_val_if_fail (self != NULL, DIMPLE_ORIGIN_LOCAL);

  return self->origin;
}

/* Several threads may be the first to ask. */
static char **
ensure_names (DimpleChangeSet *self)
{
  char **names = g_atomic_pointer_get (&self->names);
  g_autoptr(GPtrArray) made = NULL;

  if (names != NULL)
    return names;
  made = g_ptr_array_new ();
  for (TableEntry *entry = self->tables; entry != NULL; entry = entry->next)
    g_ptr_array_add (made, entry->changes.table);
  g_ptr_array_add (made, NULL);
  names = (char **) g_ptr_array_free (g_steal_pointer (&made), FALSE);
  if (g_atomic_pointer_compare_and_exchange (&self->names, NULL, names))
    return names;
  g_free (names);
  return g_atomic_pointer_get (&self->names);
}

/**
 * dimple_change_set_get_tables:
 * @self: a change set
 *
 * Gets the names of the tables in which something changed, local and virtual ones included.
 *
 * Returns: (transfer none) (array zero-terminated=1): the tables
 */
const char * const *
dimple_change_set_get_tables (DimpleChangeSet *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return (const char * const *) ensure_names (self);
}

/**
 * dimple_change_set_dup_keys:
 * @self: a change set
 * @table: a table
 *
 * Gets the keys of the rows of @table that changed, each once.  Where it is not known which rows changed (a virtual
 * table, a table without a key, the schema changed), or there are more than 100,000 of them, there are none: take any
 * row as changed then, if the table is among those of dimple_change_set_get_tables().
 *
 * Returns: (transfer full) (array zero-terminated=1): the keys
 */
char **
dimple_change_set_dup_keys (DimpleChangeSet *self,
                            const char      *table)
{
  const DimpleTableChanges *changes;
  g_autoptr(GHashTable) seen = NULL;
  g_autoptr(GPtrArray) keys = NULL;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (table != NULL, NULL);

  keys = g_ptr_array_new_with_free_func (g_free);
  seen = g_hash_table_new (g_str_hash, g_str_equal);
  changes = find_changes (self, table);
  if (changes != NULL)
    for (const char *key = changes->keys->str; key < changes->keys->str + changes->keys->len; key += strlen (key) + 1)
      if (g_hash_table_add (seen, (gpointer) key))
        g_ptr_array_add (keys, g_strdup (key));
  g_ptr_array_add (keys, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&keys), FALSE);
}

/**
 * dimple_change_set_has_column:
 * @self: a change set
 * @table: a table
 * @column: one of its columns
 *
 * Gets whether @column changed in any row of @table; in rows that came or went every column has.
 *
 * Returns: %TRUE if it changed, or if it is not known
 */
gboolean
dimple_change_set_has_column (DimpleChangeSet *self,
                              const char      *table,
                              const char      *column)
{
  const DimpleTableChanges *changes;
  const DimpleTable *known;
  int position;

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (table != NULL, FALSE);
  g_return_val_if_fail (column != NULL, FALSE);

  changes = find_changes (self, table);
  if (changes == NULL)
    return FALSE;
  known = dimple_schema_find (self->schema, table);
  if (known == NULL || changes->anything)
    return TRUE;
  position = dimple_table_find_column (known, column);
  return position >= 0 && (changes->columns & DIMPLE_COLUMN_BIT (position)) != 0;
}
