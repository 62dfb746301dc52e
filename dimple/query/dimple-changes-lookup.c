/* dimple-changes-lookup.c: what became of the rows of a result, looked up before and now
 *
 * Where a row of a joined table changed, the rows of the result that may be others are those that held it before and
 * those that hold it now.  Of rows that another process changed only the keys are known: where they were before, and
 * where they are now.  Before is the read point of what is shown, now is the one that it goes to: between the two
 * nothing happened but the changes.  So each of these rows is asked for once, now, whatever the order of the commits
 * was.  As a commit of another process may be heard of after later ones of this, then nothing that was seen of rows in
 * between is relied on: all are looked up by their keys.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-changes-lookup-private.h"

#include "dimple-key-private.h"
#include "dimple-plan-statement-private.h"

/* Beyond this the result is read anew, in a thread that disturbs nobody. */
#define MAX_ROWS 4096
/* Of SQLite's virtual machine, for those that hold others: an index may narrow a search, and still leave many rows. */
#define MAX_STEPS 250000

typedef struct
{
  DimpleQueryPlan  *plan;
  GVariant         *parameters;   /* (nullable) */
  DimpleRowChanges *changes;
  GArray           *named;        /* of DimpleRowChange: rows of the base table of which only the key is known */
  GArray           *holders;      /* of gint64: rowids of the base table */
  GArray           *net;          /* of DimpleRowChange */
  GHashTable       *before;       /* of gint64: the rowids that its rows had … */
  GHashTable       *now;          /* … and have */
  guint             n_asked;
  gint64            n_steps;
} Lookup;

static void
lookup_init (Lookup           *self,
             DimpleKeptRows   *rows,
             DimpleRowChanges *changes)
{
  self->plan = dimple_kept_rows_get_plan (rows);
  self->parameters = dimple_kept_rows_get_parameters (rows);
  self->changes = changes;
  self->named = g_array_new (FALSE, TRUE, sizeof (DimpleRowChange));
  self->holders = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->net = dimple_row_changes_net (changes);
  self->before = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->now = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
}

static void
lookup_clear (Lookup *self)
{
  g_clear_pointer (&self->named, g_array_unref);
  g_clear_pointer (&self->holders, g_array_unref);
  g_clear_pointer (&self->net, g_array_unref);
  g_clear_pointer (&self->before, g_hash_table_unref);
  g_clear_pointer (&self->now, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Lookup, lookup_clear)

/* -- At one read point: before, and then now ----------------------------------------------------------------------- */

/* `record` is where the values are, for as long as they are bound. */
static gboolean
bind_key (sqlite3_stmt      *statement,
          const DimpleTable *table,
          const char        *key,
          GByteArray        *record)
{
  const guint8 *values;

  if (table->key->len == 0)
    {
      sqlite3_bind_int64 (statement, sqlite3_bind_parameter_index (statement, ":dimple_key0"),
                          g_ascii_strtoll (key, NULL, 10));
      return TRUE;
    }
  if (!dimple_key_parse (table, key, record, NULL))
    return FALSE;
  values = record->data;
  for (guint k = 0; k < table->key->len; k++)
    {
      char name[24];
      DimpleValue value;

      g_snprintf (name, sizeof name, ":dimple_key%u", k);
      values = dimple_record_read (values, &value);
      dimple_value_bind (&value, statement, sqlite3_bind_parameter_index (statement, name));
    }
  return TRUE;
}

/* Adds the rows that hold this one. */
static gboolean
find_holders (Lookup                  *self,
              DimpleConnection        *reader,
              const DimpleJoinedTable *joined,
              const char              *key)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) error = NULL;

  statement = dimple_plan_prepare (self->plan, reader, joined->holders_sql, self->parameters, NULL);
  if (statement == NULL || !bind_key (statement, joined->table, key, record))
    return FALSE;
  sqlite3_stmt_status (statement, SQLITE_STMTSTATUS_VM_STEP, TRUE);
  while (self->holders->len <= 2 * MAX_ROWS && dimple_statement_step (statement, &error))
    {
      gint64 rowid = sqlite3_column_int64 (statement, 0);

      g_array_append_val (self->holders, rowid);
    }
  self->n_steps += sqlite3_stmt_status (statement, SQLITE_STMTSTATUS_VM_STEP, TRUE);
  return error == NULL && self->holders->len <= 2 * MAX_ROWS && self->n_steps <= MAX_STEPS;
}

/* Where the n-th row that is known by its key was, or is. */
static void
find_named (Lookup           *self,
            DimpleConnection *reader,
            guint             n,
            const char       *key,
            gboolean          is_now)
{
  DimpleRowChange *row;
  gint64 rowid = 0;
  gboolean found = dimple_plan_find_key (self->plan, reader, key, &rowid);

  if (n >= self->named->len)
    g_array_set_size (self->named, n + 1);
  row = &g_array_index (self->named, DimpleRowChange, n);
  if (is_now)
    {
      row->to = rowid;
      row->has_row = found;
    }
  else
    {
      row->from = rowid;
      row->had_row = found;
    }
}

static gboolean
find_others (Lookup           *self,
             DimpleConnection *reader,
             gboolean          is_now)
{
  guint n_named = 0;

  for (guint i = 0; i < self->changes->others->len; i++)
    {
      guint table;
      const char *key = dimple_row_changes_get_other (self->changes, i, &table);

      if (table == 0)
        find_named (self, reader, n_named++, key, is_now);
      else if (!find_holders (self, reader, &g_array_index (self->plan->joined, DimpleJoinedTable, table - 1), key))
        return FALSE;
    }
  return TRUE;
}

/* -- Put together -------------------------------------------------------------------------------------------------- */

static void
index_row (Lookup                *self,
           const DimpleRowChange *row)
{
  if (row->had_row)
    g_hash_table_add (self->before, g_memdup2 (&row->from, sizeof row->from));
  if (row->has_row)
    g_hash_table_add (self->now, g_memdup2 (&row->to, sizeof row->to));
}

/* The same key may have been named several times. */
static void
add_named (Lookup                *self,
           const DimpleRowChange *named)
{
  if (!named->had_row && !named->has_row)
    return;
  if (named->had_row ? g_hash_table_contains (self->before, &named->from) : g_hash_table_contains (self->now, &named->to))
    return;
  g_array_append_vals (self->net, named, 1);
  index_row (self, named);
}

/* One that is there already has changed itself. */
static void
add_holder (Lookup *self,
            gint64  rowid)
{
  DimpleRowChange row = { .from = rowid, .to = rowid, .had_row = TRUE, .has_row = TRUE };

  if (g_hash_table_contains (self->before, &rowid) || g_hash_table_contains (self->now, &rowid))
    return;
  g_array_append_val (self->net, row);
  index_row (self, &row);
}

static gboolean
put_together (Lookup *self)
{
  for (guint i = 0; i < self->net->len; i++)
    index_row (self, &g_array_index (self->net, DimpleRowChange, i));
  for (guint i = 0; i < self->named->len; i++)
    add_named (self, &g_array_index (self->named, DimpleRowChange, i));
  for (guint i = 0; i < self->holders->len; i++)
    add_holder (self, g_array_index (self->holders, gint64, i));
  return self->net->len <= MAX_ROWS;
}

/* -- Where rows belong --------------------------------------------------------------------------------------------- */

static gboolean
place_all (Lookup           *self,
           DimpleConnection *reader)
{
  g_autoptr(DimpleStatement) test = dimple_plan_prepare (self->plan, reader, self->plan->test_sql, self->parameters,
                                                         NULL);
  int parameter;

  if (test == NULL)
    return FALSE;
  parameter = dimple_plan_find_row (test);
  for (guint i = 0; i < self->net->len; i++)
    {
      DimpleRowChange *row = &g_array_index (self->net, DimpleRowChange, i);

      if (!row->has_row)
        continue;
      self->n_asked++;
      if (!dimple_plan_place_row (self->plan, test, parameter, row, self->changes->keys))
        return FALSE;
    }
  return TRUE;
}

/* -- Public -------------------------------------------------------------------------------------------------------- */

GArray *
dimple_changes_look_up (DimpleRowChanges   *changes,
                        DimpleKeptRows     *rows,
                        DimpleSubscription *subscription,
                        DimpleQueryHub     *hub)
{
  g_auto(Lookup) self = { 0, };
  DimpleConnection *reader;
  gboolean succeeded;

  if (dimple_row_changes_has_named (changes) && !dimple_row_changes_name_all (changes))
    return NULL;
  lookup_init (&self, rows, changes);
  reader = dimple_subscription_begin_reading (subscription);
  if (reader == NULL)
    return NULL;
  succeeded = find_others (&self, reader, FALSE);
  dimple_subscription_end_reading (subscription);
  if (!succeeded)
    return NULL;

  reader = dimple_query_hub_begin_reading (hub, NULL);
  if (reader == NULL)
    return NULL;
  succeeded = find_others (&self, reader, TRUE) && put_together (&self) && place_all (&self, reader);
  dimple_query_hub_end_reading (hub);
  dimple_evaluator_add_asked (dimple_subscription_get_evaluator (subscription), self.n_asked);
  return succeeded ? g_steal_pointer (&self.net) : NULL;
}
