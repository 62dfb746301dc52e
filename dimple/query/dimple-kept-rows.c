/* dimple-kept-rows.c: the rows of a query that is kept row by row
 *
 * Reading goes by pages: the first row of a run is read alone, as a widget asks for one when one has changed, then
 * twice as many each time, as it asks for the next ones when it is scrolled.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-kept-rows-private.h"

#include <string.h>

#include "dimple-parameters-private.h"
#include "dimple-plan-statement-private.h"
#include "dimple-record-cache-private.h"
#include "dimple-row-sequence-private.h"
#include "dimple-sort-key-private.h"

#define MAX_PAGE 64
/* Rows that are known beyond a LIMIT, for those that go: a share of it, but so many at least and at most. */
#define MIN_MARGIN 16
#define MAX_MARGIN 1024

struct _DimpleKeptRows
{
  DimpleRows          rows;
  DimpleQueryPlan    *plan;
  GVariant           *parameters;     /* (nullable) */
  DimpleRowSequence  *sequence;

  /* What is shown of them. */
  guint               offset;
  guint               limit;          /* G_MAXUINT: all */
  gboolean            is_complete;    /* there are no more rows than those in the sequence */
  gboolean            is_by_column;   /* ORDER BY begins with a column, and compares it as bytes */

  DimpleSubscription *subscription;   /* (nullable) not owned: where it says rows are read … */
  DimpleQueryHub     *hub;            /* … or else, if there is one, … */
  DimpleReadPoint    *point;          /* … there */

  DimpleRecordCache  *records;
  guint               page_start;     /* what was read last */
  guint               page_end;
};

static const DimpleRowsClass kept_rows_class;

/* -- Loading ------------------------------------------------------------------------------------------------------- */

static gboolean
load_rows (DimpleKeptRows  *self,
           sqlite3_stmt    *statement,
           gboolean        *in_order,
           GError         **error)
{
  g_autoptr(GByteArray) key = g_byte_array_new ();
  g_autoptr(GError) step_error = NULL;

  *in_order = TRUE;
  while (*in_order && dimple_statement_step (statement, &step_error))
    {
      g_byte_array_set_size (key, 0);
      dimple_plan_append_key (self->plan, statement, key);
      *in_order = dimple_row_sequence_append (self->sequence, dimple_plan_get_rowid (self->plan, statement), key->data,
                                              key->len);
    }
  if (step_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&step_error));
  return FALSE;
}

/* FALSE: they are no plain integers, and SQLite may make something else of them. */
static gboolean
load_limit (DimpleKeptRows    *self,
            DimpleConnection  *reader,
            GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  gint64 limit, offset;

  statement = dimple_plan_prepare (self->plan, reader, self->plan->limit_sql, self->parameters, error);
  if (statement == NULL || !dimple_statement_step (statement, error) ||
      sqlite3_column_type (statement, 0) != SQLITE_INTEGER || sqlite3_column_type (statement, 1) != SQLITE_INTEGER)
    return FALSE;
  limit = sqlite3_column_int64 (statement, 0);
  offset = sqlite3_column_int64 (statement, 1);
  if (limit > G_MAXINT32 / 2 || offset > G_MAXINT32 / 2)
    return FALSE;
  self->limit = limit < 0 ? G_MAXUINT : (guint) limit;
  self->offset = offset < 0 ? 0 : (guint) offset;
  return TRUE;
}

/* How many rows are worth to be known. */
static guint
get_wanted (DimpleKeptRows *self)
{
  guint end;

  if (self->limit == G_MAXUINT)
    return G_MAXUINT;
  end = self->offset + self->limit;
  return end + CLAMP (end / 4, MIN_MARGIN, MAX_MARGIN);
}

/* Then rows with the same value of it stand together. */
static gboolean
begins_with_column (DimpleQueryPlan *plan,
                    sqlite3_stmt    *load)
{
  return plan->terms->len > 0 &&
         g_array_index (plan->terms, DimpleSortTerm, 0).collation == DIMPLE_COLLATION_BINARY &&
         sqlite3_column_origin_name (load, (int) g_array_index (plan->term_columns, guint, 0)) != NULL;
}

DimpleKeptRows *
dimple_kept_rows_load (DimpleConnection  *reader,
                       DimpleQueryPlan   *plan,
                       GVariant          *parameters,
                       GError           **error)
{
  DimpleKeptRows *self = g_atomic_rc_box_new0 (DimpleKeptRows);
  g_autoptr(DimpleRows) owned = &self->rows;
  g_autoptr(DimpleStatement) whole = NULL;
  g_autoptr(DimpleStatement) load = NULL;
  gboolean in_order;

  self->rows.class = &kept_rows_class;
  self->plan = dimple_query_plan_ref (plan);
  self->parameters = parameters != NULL ? g_variant_ref (parameters) : NULL;
  self->sequence = dimple_row_sequence_new ();
  self->records = dimple_record_cache_new ();
  self->limit = G_MAXUINT;

  whole = dimple_connection_prepare (reader, plan->sql, error);
  if (whole == NULL || !dimple_parameters_bind (whole, parameters, error))
    return NULL;
  self->rows.shape = dimple_row_shape_for_statement (whole, plan->schema);
  if (plan->limit_sql != NULL && !load_limit (self, reader, error))
    return NULL;
  load = dimple_plan_prepare (plan, reader, plan->load_sql, parameters, error);
  if (load == NULL)
    return NULL;
  if (plan->limit_sql != NULL)
    sqlite3_bind_int64 (load, sqlite3_bind_parameter_index (load, ":dimple_limit"),
                        self->limit == G_MAXUINT ? -1 : (gint64) get_wanted (self));
  self->is_by_column = begins_with_column (plan, load);
  if (!load_rows (self, load, &in_order, error) || !in_order)
    return NULL;
  self->is_complete = dimple_row_sequence_get_n_rows (self->sequence) < get_wanted (self);
  return (DimpleKeptRows *) g_steal_pointer (&owned);
}

DimpleKeptRows *
dimple_kept_rows_of (DimpleRows *rows)
{
  return rows != NULL && rows->class == &kept_rows_class ? (DimpleKeptRows *) rows : NULL;
}

DimpleQueryPlan *
dimple_kept_rows_get_plan (DimpleKeptRows *self)
{
  return self->plan;
}

GVariant *
dimple_kept_rows_get_parameters (DimpleKeptRows *self)
{
  return self->parameters;
}

void
dimple_kept_rows_set_reading (DimpleKeptRows     *self,
                              DimpleSubscription *subscription,
                              DimpleQueryHub     *hub,
                              DimpleReadPoint    *point)
{
  self->subscription = subscription;
  g_clear_pointer (&self->point, dimple_read_point_unref);
  g_clear_pointer (&self->hub, dimple_query_hub_unref);
  self->hub = hub != NULL ? dimple_query_hub_ref (hub) : NULL;
  self->point = point != NULL ? dimple_read_point_ref (point) : NULL;
}

static DimpleConnection *
begin_reading (DimpleKeptRows *self)
{
  if (self->subscription != NULL)
    return dimple_subscription_begin_reading (self->subscription);
  return self->hub != NULL ? dimple_query_hub_begin_reading (self->hub, self->point) : NULL;
}

static void
end_reading (DimpleKeptRows *self)
{
  if (self->subscription != NULL)
    dimple_subscription_end_reading (self->subscription);
  else
    dimple_query_hub_end_reading (self->hub);
}

/* -- Records ------------------------------------------------------------------------------------------------------- */

/* The row is not there: only where another process has just removed it, of which nobody has told yet, or after the
 * store was closed. */
static void
append_nothing (DimpleKeptRows *self,
                GByteArray     *record)
{
  static const DimpleValue null = { .type = SQLITE_NULL };

  for (guint i = 0; i < dimple_row_shape_get_n_columns (self->rows.shape); i++)
    dimple_record_append (record, &null);
}

static void
read_row (DimpleKeptRows *self,
          sqlite3_stmt   *statement,
          int             parameter,
          gint64          rowid,
          GByteArray     *record)
{
  guint n_columns = dimple_row_shape_get_n_columns (self->rows.shape);

  g_byte_array_set_size (record, 0);
  sqlite3_bind_int64 (statement, parameter, rowid);
  if (sqlite3_step (statement) == SQLITE_ROW && (guint) sqlite3_column_count (statement) == n_columns)
    dimple_record_append_row (record, statement, n_columns);
  else
    append_nothing (self, record);
  sqlite3_reset (statement);
}

void
dimple_kept_rows_read (DimpleKeptRows   *self,
                       DimpleConnection *reader,
                       gint64            rowid,
                       GByteArray       *record)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_plan_prepare (self->plan, reader, self->plan->row_sql, self->parameters, NULL);
  if (statement != NULL)
    read_row (self, statement, dimple_plan_find_row (statement), rowid, record);
}

static void
read_rows (DimpleKeptRows   *self,
           DimpleConnection *reader,
           guint             start,
           guint             end)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  g_autoptr(DimpleStatement) statement = NULL;
  int parameter;

  statement = dimple_plan_prepare (self->plan, reader, self->plan->row_sql, self->parameters, NULL);
  if (statement == NULL)
    return;
  parameter = dimple_plan_find_row (statement);
  for (guint i = start; i < end; i++)
    {
      gint64 rowid = dimple_rows_get_id (&self->rows, i);

      if (dimple_record_cache_find (self->records, rowid) != NULL)
        continue;
      read_row (self, statement, parameter, rowid, record);
      dimple_record_cache_add (self->records, rowid, record);
    }
}

/* Which rows to read when one is asked for. */
static void
turn_page (DimpleKeptRows *self,
           guint           position)
{
  guint n_rows = dimple_rows_get_n_rows (&self->rows);
  guint size = MIN (MAX_PAGE, 2 * (self->page_end - self->page_start));

  if (position == self->page_end && size > 0)
    {
      self->page_start = position;
      self->page_end = MIN (n_rows, position + size);
    }
  else if (position + 1 == self->page_start)
    {
      self->page_end = self->page_start;
      self->page_start -= MIN (size, self->page_start);
    }
  else
    {
      self->page_start = position;
      self->page_end = position + 1;
    }
}

static const DimpleCachedRecord *
read_page (DimpleKeptRows *self,
           guint           position,
           gint64          rowid)
{
  DimpleConnection *reader;

  dimple_record_cache_make_room (self->records);
  turn_page (self, position);
  reader = begin_reading (self);
  if (reader != NULL)
    {
      read_rows (self, reader, self->page_start, self->page_end);
      end_reading (self);
    }
  if (dimple_record_cache_find (self->records, rowid) == NULL)
    {
      g_autoptr(GByteArray) nothing = g_byte_array_new ();

      append_nothing (self, nothing);
      dimple_record_cache_add (self->records, rowid, nothing);
    }
  return dimple_record_cache_find (self->records, rowid);
}

/* -- As rows ------------------------------------------------------------------------------------------------------- */

static void
clear (DimpleRows *rows)
{
  DimpleKeptRows *self = (DimpleKeptRows *) rows;

  dimple_record_cache_free (self->records);
  dimple_row_sequence_free (self->sequence);
  g_clear_pointer (&self->point, dimple_read_point_unref);
  g_clear_pointer (&self->hub, dimple_query_hub_unref);
  g_clear_pointer (&self->parameters, g_variant_unref);
  dimple_query_plan_unref (self->plan);
}

static guint
get_n_rows (DimpleRows *rows)
{
  DimpleKeptRows *self = (DimpleKeptRows *) rows;
  guint n_rows = dimple_row_sequence_get_n_rows (self->sequence);

  return MIN (self->limit, n_rows - MIN (n_rows, self->offset));
}

static gint64
get_id (DimpleRows *rows,
        guint       position)
{
  DimpleKeptRows *self = (DimpleKeptRows *) rows;

  return dimple_row_sequence_get (self->sequence, self->offset + position);
}

static gboolean
find_id (DimpleRows *rows,
         gint64      id,
         guint      *position)
{
  DimpleKeptRows *self = (DimpleKeptRows *) rows;

  if (!dimple_row_sequence_find (self->sequence, id, position) || *position < self->offset)
    return FALSE;
  *position -= self->offset;
  return *position < self->limit;
}

static const guint8 *
get_record (DimpleRows *rows,
            guint       position,
            gsize      *size)
{
  DimpleKeptRows *self = (DimpleKeptRows *) rows;
  gint64 rowid = get_id (rows, position);
  const DimpleCachedRecord *record = dimple_record_cache_find (self->records, rowid);

  if (record == NULL)
    record = read_page (self, position, rowid);
  *size = record->size;
  return record->bytes;
}

static gboolean
has_key (DimpleRows *rows,
         guint       position,
         const char *key)
{
  g_autoptr(GString) text = g_string_new (NULL);
  gsize size;

  return dimple_row_shape_append_key (rows->shape, get_record (rows, position, &size), text) &&
         strcmp (text->str, key) == 0;
}

static gboolean
find_key (DimpleRows *rows,
          const char *key,
          guint      *position)
{
  DimpleKeptRows *self = (DimpleKeptRows *) rows;
  DimpleConnection *reader;
  gboolean found = FALSE;
  gint64 rowid;

  if (g_strcmp0 (dimple_row_shape_get_table (rows->shape), self->plan->table->name) != 0)
    return FALSE;
  reader = begin_reading (self);
  if (reader != NULL)
    {
      found = dimple_plan_find_key (self->plan, reader, key, &rowid);
      end_reading (self);
    }
  return found && find_id (rows, rowid, position) && has_key (rows, *position, key);
}

static const DimpleRowsClass kept_rows_class = { clear, get_n_rows, get_id, find_id, get_record, find_key };

/* Whether the sort key at a position begins with `prefix`. */
static gboolean
begins_with (DimpleKeptRows   *self,
             guint             position,
             const GByteArray *prefix)
{
  guint size;
  const guint8 *key = dimple_row_sequence_get_key (self->sequence, self->offset + position, &size);

  return size >= prefix->len && memcmp (key, prefix->data, prefix->len) == 0;
}

gboolean
dimple_kept_rows_find_section (DimpleKeptRows    *self,
                               guint              position,
                               const DimpleValue *value,
                               guint             *start,
                               guint             *end)
{
  g_autoptr(GByteArray) prefix = g_byte_array_new ();
  guint low, high;

  if (!self->is_by_column)
    return FALSE;
  dimple_sort_key_append (prefix, &g_array_index (self->plan->terms, DimpleSortTerm, 0), value);
  if (!begins_with (self, position, prefix))
    return FALSE;
  for (low = 0, high = position; low < high;)
    {
      guint middle = low + (high - low) / 2;

      if (begins_with (self, middle, prefix))
        high = middle;
      else
        low = middle + 1;
    }
  *start = low;
  for (low = position + 1, high = get_n_rows (&self->rows); low < high;)
    {
      guint middle = low + (high - low) / 2;

      if (begins_with (self, middle, prefix))
        low = middle + 1;
      else
        high = middle;
    }
  *end = low;
  return TRUE;
}

/* -- Changes ------------------------------------------------------------------------------------------------------- */

gboolean
dimple_kept_rows_stays (DimpleKeptRows        *self,
                        const DimpleRowChange *change)
{
  guint position;

  return change->had_row && change->has_row && (!change->is_placed || change->belongs) &&
         find_id (&self->rows, change->from, &position);
}

/* A row that comes, goes or moves: where it was or will be. */
typedef struct
{
  guint                  position;
  const DimpleRowChange *change;
} Move;

static int
compare_moves (gconstpointer a,
               gconstpointer b)
{
  const Move *a_move = a, *b_move = b;

  return a_move->position < b_move->position ? -1 : a_move->position > b_move->position;
}

static gboolean
is_unmoved (DimpleKeptRows        *self,
            const DimpleRowChange *change,
            GByteArray            *keys)
{
  if (!change->had_row || !change->has_row || change->from != change->to)
    return FALSE;
  if (!change->is_placed)
    return TRUE;
  return change->belongs && dimple_row_sequence_has_key (self->sequence, change->to, keys->data + change->key,
                                                         change->key_size);
}

/* Rows behind the last one that is known are not, unless all are. */
static gboolean
is_known (DimpleKeptRows        *self,
          const DimpleRowChange *change,
          GByteArray            *keys)
{
  guint n_rows = dimple_row_sequence_get_n_rows (self->sequence), size;
  const guint8 *key;
  int order;

  if (self->is_complete)
    return TRUE;
  if (n_rows == 0)
    return FALSE;
  key = dimple_row_sequence_get_key (self->sequence, n_rows - 1, &size);
  order = dimple_sort_key_compare (keys->data + change->key, change->key_size, key, size);
  return order < 0 || (order == 0 && change->to < dimple_row_sequence_get (self->sequence, n_rows - 1));
}

/* Sorts out which rows leave their places, and which then come to new ones; before anything is moved. */
static void
collect_moves (DimpleKeptRows *self,
               GArray         *net,
               GByteArray     *keys,
               GArray         *went,
               GArray         *came)
{
  for (guint i = 0; i < net->len; i++)
    {
      const DimpleRowChange *change = &g_array_index (net, DimpleRowChange, i);
      Move move = { 0, change };

      if (change->had_row)
        dimple_record_cache_remove (self->records, change->from);
      if (change->has_row)
        dimple_record_cache_remove (self->records, change->to);
      if (is_unmoved (self, change, keys))
        continue;
      if (change->had_row && dimple_row_sequence_find (self->sequence, change->from, &move.position))
        g_array_append_val (went, move);
      if (change->has_row && change->is_placed && change->belongs && is_known (self, change, keys))
        g_array_append_val (came, move);
    }
}

static void
move_rows (DimpleKeptRows *self,
           GByteArray     *keys,
           GArray         *went,
           GArray         *came)
{
  for (guint i = 0; i < went->len; i++)
    dimple_row_sequence_remove (self->sequence, g_array_index (went, Move, i).change->from, NULL);
  for (guint i = 0; i < came->len; i++)
    {
      const DimpleRowChange *change = g_array_index (came, Move, i).change;

      dimple_row_sequence_insert (self->sequence, change->to, keys->data + change->key, change->key_size);
    }
  for (guint i = 0; i < came->len; i++)
    {
      Move *move = &g_array_index (came, Move, i);

      dimple_row_sequence_find (self->sequence, move->change->to, &move->position);
    }
  g_array_sort (went, compare_moves);
  g_array_sort (came, compare_moves);
}

/* How many rows before the first (after the last) that is another: all up to the first that went or came, unless that
 * is one that went and came back to the same place, seen from that end. */
static guint
count_same (DimpleKeptRows *self,
            GArray         *went,
            GArray         *came,
            guint           n_old,
            gboolean        from_end)
{
  guint n_new = dimple_row_sequence_get_n_rows (self->sequence);

  for (guint i = 0;; i++)
    {
      const Move *gone = NULL, *arrived = NULL;
      guint before_gone = G_MAXUINT, before_arrived = G_MAXUINT;

      if (i < went->len)
        {
          gone = &g_array_index (went, Move, from_end ? went->len - 1 - i : i);
          before_gone = from_end ? n_old - 1 - gone->position : gone->position;
        }
      if (i < came->len)
        {
          arrived = &g_array_index (came, Move, from_end ? came->len - 1 - i : i);
          before_arrived = from_end ? n_new - 1 - arrived->position : arrived->position;
        }
      if (gone == NULL && arrived == NULL)
        return G_MAXUINT;
      if (gone == NULL || arrived == NULL || gone->change != arrived->change || before_gone != before_arrived)
        return MIN (before_gone, before_arrived);
    }
}

/* -- What is shown of them: LIMIT and OFFSET ----------------------------------------------------------------------- */

static GArray *
copy_shown (DimpleKeptRows *self)
{
  guint n_rows = get_n_rows (&self->rows);
  GArray *ids = g_array_sized_new (FALSE, FALSE, sizeof (gint64), n_rows);

  for (guint i = 0; i < n_rows; i++)
    {
      gint64 id = get_id (&self->rows, i);

      g_array_append_val (ids, id);
    }
  return ids;
}

/* Gives the rows that were shown before the ids that they have now; those that went have none, and are told to be gone
 * by the ids that they had. */
static void
follow_shown (DimpleKeptRows   *self,
              GArray           *shown,
              gboolean         *is_there,
              GArray           *net,
              DimpleRowsChange *change)
{
  g_autoptr(GHashTable) changes = g_hash_table_new (g_int64_hash, g_int64_equal);

  for (guint i = 0; i < net->len; i++)
    {
      DimpleRowChange *row = &g_array_index (net, DimpleRowChange, i);

      if (row->had_row)
        g_hash_table_insert (changes, &row->from, row);
    }
  for (guint i = 0; i < shown->len; i++)
    {
      gint64 before = g_array_index (shown, gint64, i), now = before;
      const DimpleRowChange *row = g_hash_table_lookup (changes, &before);
      guint position;

      if (row != NULL && row->has_row)
        now = row->to;
      is_there[i] = (row == NULL || row->has_row) && find_id (&self->rows, now, &position);
      if (!is_there[i])
        g_array_append_val (change->gone, before);
      g_array_index (shown, gint64, i) = now;
    }
}

/* Rows enter and leave at both edges, so all that is shown is compared. */
static void
compare_shown (DimpleKeptRows   *self,
               GArray           *shown,
               GArray           *net,
               DimpleRowsChange *change)
{
  guint n_rows = get_n_rows (&self->rows), common = MIN (shown->len, n_rows), head, tail;
  g_autofree gboolean *is_there = g_new0 (gboolean, shown->len + 1);

  follow_shown (self, shown, is_there, net, change);
  for (head = 0; head < common; head++)
    if (!is_there[head] || g_array_index (shown, gint64, head) != get_id (&self->rows, head))
      break;
  for (tail = 0; head + tail < common; tail++)
    if (!is_there[shown->len - tail - 1] ||
        g_array_index (shown, gint64, shown->len - tail - 1) != get_id (&self->rows, n_rows - tail - 1))
      break;
  change->position = head;
  change->n_removed = shown->len - head - tail;
  change->n_added = n_rows - head - tail;
}

/* Whether so many would be known that some of those to be shown are not. */
static gboolean
runs_short (DimpleKeptRows *self,
            GArray         *went,
            GArray         *came)
{
  guint n_rows = dimple_row_sequence_get_n_rows (self->sequence);

  return !self->is_complete && n_rows - went->len + came->len < self->offset + self->limit;
}

/* Lets go of rows far beyond the limit. */
static void
drop_surplus (DimpleKeptRows *self)
{
  guint wanted = get_wanted (self), n_rows = dimple_row_sequence_get_n_rows (self->sequence);

  if (self->limit == G_MAXUINT || n_rows < wanted + wanted / 4 + MAX_MARGIN)
    return;
  for (; n_rows > wanted; n_rows--)
    dimple_row_sequence_remove (self->sequence, dimple_row_sequence_get (self->sequence, n_rows - 1), NULL);
  self->is_complete = FALSE;
}

gboolean
dimple_kept_rows_apply (DimpleKeptRows   *self,
                        GArray           *net,
                        GByteArray       *keys,
                        DimpleRowsChange *change)
{
  g_autoptr(GArray) went = g_array_new (FALSE, FALSE, sizeof (Move));
  g_autoptr(GArray) came = g_array_new (FALSE, FALSE, sizeof (Move));
  g_autoptr(GArray) shown = NULL;
  guint n_old = dimple_row_sequence_get_n_rows (self->sequence), head, tail;

  collect_moves (self, net, keys, went, came);
  change->position = change->n_removed = change->n_added = 0;
  if (went->len == 0 && came->len == 0)
    return TRUE;
  if (runs_short (self, went, came))
    return FALSE;
  if (self->limit != G_MAXUINT || self->offset > 0)
    shown = copy_shown (self);
  move_rows (self, keys, went, came);
  self->page_start = self->page_end = 0;
  if (shown != NULL)
    {
      drop_surplus (self);
      compare_shown (self, shown, net, change);
      return TRUE;
    }
  head = count_same (self, went, came, n_old, FALSE);
  if (head == G_MAXUINT)
    return TRUE;
  tail = count_same (self, went, came, n_old, TRUE);
  change->position = head;
  change->n_removed = n_old - head - tail;
  change->n_added = dimple_row_sequence_get_n_rows (self->sequence) - head - tail;
  return TRUE;
}
