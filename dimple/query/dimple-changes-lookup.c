/* dimple-changes-lookup.c: what became of the rows of a result, looked up before and now
 *
 * Where a row of a joined table changed, the rows of the result that may be others are those that held it before and those
 * that hold it now.  Before is the read point of what is shown, now is the one that it goes to: between the two nothing
 * happened but the changes.  So each of these rows is asked for once, now, whatever the order of the commits was.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-changes-lookup-private.h"

#include "dimple-key-private.h"
#include "dimple-plan-statement-private.h"

/* Beyond this the result is read anew, in a thread that disturbs nobody. */
#define MAX_ROWS 4096

typedef struct
{
  DimpleQueryPlan  *plan;
  GVariant         *parameters;   /* (nullable) */
  DimpleRowChanges *changes;
  GArray           *net;          /* of DimpleRowChange */
  GHashTable       *before;       /* the rowids that these had … */
  GHashTable       *now;          /* … and have */
  guint             n_asked;
} Lookup;

static void
lookup_clear (Lookup *self)
{
  g_clear_pointer (&self->net, g_array_unref);
  g_clear_pointer (&self->before, g_hash_table_unref);
  g_clear_pointer (&self->now, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Lookup, lookup_clear)

static void
add_rowid (GHashTable *rowids,
           gint64      rowid)
{
  g_hash_table_add (rowids, g_memdup2 (&rowid, sizeof rowid));
}

static void
index_net (Lookup *self)
{
  self->before = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->now = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  for (guint i = 0; i < self->net->len; i++)
    {
      const DimpleRowChange *row = &g_array_index (self->net, DimpleRowChange, i);

      if (row->had_row)
        add_rowid (self->before, row->from);
      if (row->has_row)
        add_rowid (self->now, row->to);
    }
}

/* -- Rows that hold others ------------------------------------------------------------------------------------------ */

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

/* Adds the rows that hold this one, as `reader` sees it.  A row that is there already has changed itself. */
static gboolean
add_holders (Lookup                  *self,
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
  while (self->net->len <= MAX_ROWS && dimple_statement_step (statement, &error))
    {
      gint64 rowid = sqlite3_column_int64 (statement, 0);
      DimpleRowChange row = { .from = rowid, .to = rowid, .had_row = TRUE, .has_row = TRUE };

      if (g_hash_table_contains (self->before, &rowid) || g_hash_table_contains (self->now, &rowid))
        continue;
      add_rowid (self->before, rowid);
      add_rowid (self->now, rowid);
      g_array_append_val (self->net, row);
    }
  return error == NULL && self->net->len <= MAX_ROWS;
}

static gboolean
add_all_holders (Lookup           *self,
                 DimpleConnection *reader)
{
  for (guint i = 0; i < self->changes->others->len; i++)
    {
      guint table;
      const char *key = dimple_row_changes_get_other (self->changes, i, &table);
      const DimpleJoinedTable *joined = &g_array_index (self->plan->joined, DimpleJoinedTable, table - 1);

      if (!add_holders (self, reader, joined, key))
        return FALSE;
    }
  return TRUE;
}

/* -- Where rows belong ---------------------------------------------------------------------------------------------- */

static gboolean
place_row (Lookup          *self,
           sqlite3_stmt    *test,
           int              parameter,
           DimpleRowChange *row)
{
  GByteArray *keys = self->changes->keys;
  int result;

  self->n_asked++;
  sqlite3_bind_int64 (test, parameter, row->to);
  result = sqlite3_step (test);
  row->is_placed = TRUE;
  row->belongs = result == SQLITE_ROW;
  row->key = keys->len;
  if (row->belongs)
    dimple_plan_append_key (self->plan, test, keys);
  row->key_size = keys->len - row->key;
  sqlite3_reset (test);
  return result == SQLITE_ROW || result == SQLITE_DONE;
}

static gboolean
place_all (Lookup           *self,
           DimpleConnection *reader)
{
  g_autoptr(DimpleStatement) test = dimple_plan_prepare (self->plan, reader, self->plan->test_sql, self->parameters, NULL);
  int parameter;

  if (test == NULL)
    return FALSE;
  parameter = dimple_plan_find_row (test);
  for (guint i = 0; i < self->net->len; i++)
    {
      DimpleRowChange *row = &g_array_index (self->net, DimpleRowChange, i);

      if (row->has_row && !place_row (self, test, parameter, row))
        return FALSE;
    }
  return TRUE;
}

/* -- Public --------------------------------------------------------------------------------------------------------- */

GArray *
dimple_changes_look_up (DimpleRowChanges   *changes,
                        DimpleKeptRows     *rows,
                        DimpleSubscription *subscription,
                        DimpleQueryHub     *hub)
{
  g_auto(Lookup) self = { 0, };
  DimpleConnection *reader;
  gboolean succeeded;

  self.plan = dimple_kept_rows_get_plan (rows);
  self.parameters = dimple_kept_rows_get_parameters (rows);
  self.changes = changes;
  self.net = dimple_row_changes_net (changes);
  index_net (&self);

  reader = dimple_subscription_begin_reading (subscription);
  if (reader == NULL)
    return NULL;
  succeeded = add_all_holders (&self, reader);
  dimple_subscription_end_reading (subscription);
  if (!succeeded)
    return NULL;

  reader = dimple_query_hub_begin_reading (hub, NULL);
  if (reader == NULL)
    return NULL;
  succeeded = add_all_holders (&self, reader) && place_all (&self, reader);
  dimple_query_hub_end_reading (hub);
  dimple_evaluator_add_asked (dimple_subscription_get_evaluator (subscription), self.n_asked);
  return succeeded ? g_steal_pointer (&self.net) : NULL;
}
