/* dimple-evaluator.c: where changed rows belong in the result of one query
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-evaluator-private.h"

#include <string.h>

#include "dimple-plan-statement-private.h"

/* Of the changes that wait for one main-loop turn: a share of the result, but so many at least and at most.  One more
 * and the result is read anew, in a thread that disturbs nobody. */
#define MIN_CHANGES 256
#define MAX_CHANGES 4096
#define SHARE 4

struct _DimpleEvaluator
{
  gatomicrefcount    ref_count;
  DimpleStore       *store;           /* not owned */
  DimpleQueryPlan   *plan;
  GVariant          *parameters;      /* (nullable) */
  guint64            columns;         /* of the base table, that the query reads */
  gint               n_rows;          /* atomic */
  gint               n_asked;         /* atomic */
  gint               n_published;     /* atomic: how many changes wait; G_MAXINT once they are lost */

  /* Of the write lock. */
  sqlite3_stmt      *test;            /* (nullable) on the writer */
  int                row_parameter;
  DimpleRowChanges  *staged;

  /* Of the hub's lock. */
  DimpleRowChanges  *published;
};

DimpleEvaluator *
dimple_evaluator_new (DimpleStore     *store,
                      DimpleQueryPlan *plan,
                      GVariant        *parameters)
{
  DimpleEvaluator *self = g_new0 (DimpleEvaluator, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->store = store;
  self->plan = dimple_query_plan_ref (plan);
  self->parameters = parameters != NULL ? g_variant_ref (parameters) : NULL;
  self->columns = dimple_watch_set_get_columns (&plan->watch, plan->table->name);
  self->staged = dimple_row_changes_new ();
  self->published = dimple_row_changes_new ();
  return self;
}

DimpleEvaluator *
dimple_evaluator_ref (DimpleEvaluator *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
dimple_evaluator_unref (DimpleEvaluator *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  if (self->test != NULL)
    dimple_store_release_later (self->store, self->test);
  dimple_row_changes_free (self->staged);
  dimple_row_changes_free (self->published);
  g_clear_pointer (&self->parameters, g_variant_unref);
  dimple_query_plan_unref (self->plan);
  g_free (self);
}

/* -- Evaluating ---------------------------------------------------------------------------------------------------- */

/* FALSE: SQLite cannot tell; reading the result anew will say why. */
static gboolean
place_row (DimpleEvaluator  *self,
           DimpleConnection *writer,
           DimpleRowChange  *row)
{
  if (self->test == NULL)
    {
      self->test = dimple_plan_prepare (self->plan, writer, self->plan->test_sql, self->parameters, NULL);
      if (self->test == NULL)
        return FALSE;
      self->row_parameter = dimple_plan_find_row (self->test);
    }
  g_atomic_int_inc (&self->n_asked);
  return dimple_plan_place_row (self->plan, self->test, self->row_parameter, row, self->staged->keys);
}

static gboolean
must_place (DimpleEvaluator        *self,
            const DimpleChangedRow *changed)
{
  return changed->operation == DIMPLE_OPERATION_INSERT || changed->rowid != changed->old_rowid ||
         (changed->operation == DIMPLE_OPERATION_UPDATE && (changed->columns & self->plan->place_columns) != 0);
}

static void
stage_row (DimpleEvaluator        *self,
           DimpleConnection       *writer,
           const DimpleChangedRow *changed)
{
  DimpleRowChange row = {
    .from = changed->operation == DIMPLE_OPERATION_DELETE ? changed->rowid : changed->old_rowid,
    .to = changed->rowid,
    .had_row = changed->operation != DIMPLE_OPERATION_INSERT,
    .has_row = changed->operation != DIMPLE_OPERATION_DELETE,
  };

  if (!self->staged->lost && row.has_row && must_place (self, changed))
    self->staged->lost = !place_row (self, writer, &row);
  g_array_append_val (self->staged->rows, row);
}

static gboolean
is_too_much (DimpleEvaluator *self,
             guint            n_rows)
{
  guint share = (guint) g_atomic_int_get (&self->n_rows) / SHARE;

  return (guint) g_atomic_int_get (&self->n_published) + n_rows > CLAMP (share, MIN_CHANGES, MAX_CHANGES);
}

static void
stage_rows (DimpleEvaluator          *self,
            DimpleConnection         *writer,
            const DimpleTableChanges *table)
{
  const char *name = table->keys->len > 0 ? table->keys->str : NULL;

  self->staged->lost = is_too_much (self, table->rows->len);
  for (guint i = 0; i < table->rows->len; i++)
    {
      const DimpleChangedRow *changed = &g_array_index (table->rows, DimpleChangedRow, i);
      gsize size = name != NULL ? strlen (name) + 1 : 0;

      if ((changed->columns & self->columns) != 0)
        {
          stage_row (self, writer, changed);
          g_string_append_len (self->staged->names, name, (gssize) size);
        }
      name = name != NULL ? name + size : NULL;
    }
}

/* Rows without a key are known by their rowid. */
static void
stage_rowid (DimpleEvaluator *self,
             guint            joined,
             gint64           rowid)
{
  char text[24];

  g_snprintf (text, sizeof text, "%" G_GINT64_FORMAT, rowid);
  dimple_row_changes_add_other (self->staged, joined + 1, text);
}

/* Of a joined table only which rows changed: the rows that hold them may be many, for which the writer is not to
 * wait. */
static void
stage_joined (DimpleEvaluator          *self,
              guint                     joined,
              const DimpleTableChanges *table)
{
  guint64 columns = g_array_index (self->plan->joined, DimpleJoinedTable, joined).columns;
  const char *name = table->keys->str, *end = name + table->keys->len;

  for (guint i = 0; i < table->rows->len || name < end; i++)
    {
      const DimpleChangedRow *row = i < table->rows->len ? &g_array_index (table->rows, DimpleChangedRow, i) : NULL;
      gboolean matters = row == NULL || (row->columns & columns) != 0;

      if (matters && name < end)
        dimple_row_changes_add_other (self->staged, joined + 1, name);
      else if (matters)
        stage_rowid (self, joined, row->rowid);
      if (matters && name == end && row->operation == DIMPLE_OPERATION_UPDATE && row->old_rowid != row->rowid)
        stage_rowid (self, joined, row->old_rowid);
      name += name < end ? strlen (name) + 1 : 0;
    }
  self->staged->lost |= is_too_much (self, dimple_row_changes_count (self->staged));
}

static void
evaluate_joined (DimpleEvaluator *self,
                 guint            joined,
                 DimpleChangeSet *changes)
{
  const DimpleJoinedTable *table = &g_array_index (self->plan->joined, DimpleJoinedTable, joined);
  const DimpleTableChanges *changed = dimple_change_set_find (changes, table->table->name);

  if (changed == NULL || (!changed->anything && (changed->columns & table->columns) == 0) || self->staged->unknown)
    return;
  if (changed->anything)
    dimple_row_changes_set_unknown (self->staged);
  else if (table->holders_sql == NULL)
    self->staged->lost = TRUE;
  else
    stage_joined (self, joined, changed);
}

void
dimple_evaluator_evaluate (DimpleEvaluator  *self,
                           DimpleConnection *writer,
                           DimpleChangeSet  *changes)
{
  const DimpleTableChanges *table = dimple_change_set_find (changes, self->plan->table->name);

  if (dimple_change_set_is_all (changes) || (table != NULL && table->anything))
    {
      dimple_row_changes_set_unknown (self->staged);
      return;
    }
  if (table != NULL && (table->columns & self->columns) != 0)
    stage_rows (self, writer, table);
  for (guint i = 0; i < self->plan->joined->len; i++)
    evaluate_joined (self, i, changes);
}

void
dimple_evaluator_forget_writer (DimpleEvaluator *self)
{
  g_clear_pointer (&self->test, dimple_statement_release);
}

/* -- Handing over -------------------------------------------------------------------------------------------------- */

static void
count_published (DimpleEvaluator *self)
{
  g_atomic_int_set (&self->n_published, self->published->lost ? G_MAXINT / 2
                                                                  : (gint) dimple_row_changes_count (self->published));
}

gboolean
dimple_evaluator_publish (DimpleEvaluator *self,
                          gboolean         committed)
{
  if (dimple_row_changes_is_empty (self->staged))
    return FALSE;
  if (committed && dimple_row_changes_is_empty (self->published))
    {
      DimpleRowChanges *empty = self->published;

      self->published = self->staged;
      self->staged = empty;
    }
  else if (committed)
    dimple_row_changes_join (self->published, self->staged);
  dimple_row_changes_clear (self->staged);
  count_published (self);
  return committed;
}

/* FALSE: not all of the rows that matter are named by their keys, or there are too many. */
static gboolean
add_named (DimpleEvaluator *self,
           DimpleChangeSet *changes,
           guint            number)
{
  const DimpleJoinedTable *joined = number > 0 ? &g_array_index (self->plan->joined, DimpleJoinedTable, number - 1)
                                               : NULL;
  guint64 columns = joined != NULL ? joined->columns : self->columns;
  const DimpleTableChanges *table =
    dimple_change_set_find (changes, joined != NULL ? joined->table->name : self->plan->table->name);

  if (table == NULL || (table->columns & columns) == 0)
    return TRUE;
  if (table->unnamed || (joined != NULL && joined->holders_sql == NULL))
    return FALSE;
  for (const char *key = table->keys->str; key < table->keys->str + table->keys->len; key += strlen (key) + 1)
    dimple_row_changes_add_other (self->published, number, key);
  return !is_too_much (self, dimple_row_changes_count (self->published));
}

gboolean
dimple_evaluator_hear (DimpleEvaluator *self,
                       DimpleChangeSet *changes)
{
  gboolean is_known = !dimple_change_set_is_all (changes);

  if (!dimple_watch_set_matches (&self->plan->watch, changes, NULL))
    return FALSE;
  for (guint i = 0; is_known && !self->published->lost && i <= self->plan->joined->len; i++)
    is_known = add_named (self, changes, i);
  if (!is_known || self->published->lost)
    dimple_row_changes_set_unknown (self->published);
  count_published (self);
  return TRUE;
}

gboolean
dimple_evaluator_has_published (DimpleEvaluator *self)
{
  return !dimple_row_changes_is_empty (self->published);
}

DimpleRowChanges *
dimple_evaluator_take (DimpleEvaluator *self)
{
  DimpleRowChanges *taken = self->published;

  self->published = dimple_row_changes_new ();
  count_published (self);
  return taken;
}

DimpleRowChanges *
dimple_evaluator_peek (DimpleEvaluator *self)
{
  return self->published;
}

void
dimple_evaluator_set_n_rows (DimpleEvaluator *self,
                             guint            n_rows)
{
  g_atomic_int_set (&self->n_rows, (gint) n_rows);
}

void
dimple_evaluator_add_asked (DimpleEvaluator *self,
                            guint            n_asked)
{
  g_atomic_int_add (&self->n_asked, (gint) n_asked);
}

guint
dimple_evaluator_get_n_asked (DimpleEvaluator *self)
{
  return (guint) g_atomic_int_get (&self->n_asked);
}
