/* dimple-settle-cycle.c: which rows are shown of tables that reference each other
 *
 * In such a group a row's parent may be younger than the row's rival, so "oldest first" is not enough.  That is seldom
 * needed: only when something of the group is in the way of something else.  Then all rows of the group are loaded from
 * the log and decided in memory.  What SQLite would compare is asked of SQLite: each row is put into an empty copy of
 * its table, and the terms of the UNIQUE indexes are read there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-settle-decide-private.h"

#include "dimple-error.h"
#include "dimple-index-terms-private.h"

typedef struct
{
  DimpleSettling *settling;
  GPtrArray      *tables;      /* of const DimpleTable */
  GPtrArray      *candidates;  /* of DimpleCandidate, oldest first */
  GStringChunk   *texts;
  DimpleRowSet    shown;
  GHashTable     *parents;     /* DimpleCandidate that is shown, by offer */
  GHashTable     *wanted;      /* what those want that are not */
} Cycle;

static void
cycle_clear (Cycle *self)
{
  g_clear_pointer (&self->candidates, g_ptr_array_unref);
  g_clear_pointer (&self->texts, g_string_chunk_free);
  dimple_row_set_clear (&self->shown);
  g_clear_pointer (&self->parents, g_hash_table_unref);
  g_clear_pointer (&self->wanted, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Cycle, cycle_clear)

/* -- What rows hold, want and offer -------------------------------------------------------------------------------- */

/* Equal values give equal texts: numbers by value, text as the collation folds it. */
static void
append_folded (GString           *text,
               sqlite3_stmt      *statement,
               int                column,
               const char        *collation)
{
  DimpleValue value;
  g_autofree char *folded = NULL;

  dimple_value_from_column (&value, statement, column);
  if (value.type == SQLITE_FLOAT && value.real == (double) (gint64) value.real)
    {
      value.integer = (gint64) value.real;
      value.type = SQLITE_INTEGER;
    }
  if (value.type == SQLITE_TEXT && g_ascii_strcasecmp (collation, "NOCASE") == 0)
    value.bytes = folded = g_ascii_strdown (value.bytes, (gssize) value.size);
  while (value.type == SQLITE_TEXT && g_ascii_strcasecmp (collation, "RTRIM") == 0 &&
         value.size > 0 && value.bytes[value.size - 1] == ' ')
    value.size--;
  g_string_append_c (text, ',');
  dimple_json_append_value (text, &value);
}

/* Adds the text of a slot and `n` columns from `column` on, unless one of them is NULL: NULL equals nothing. */
static void
add_text (Cycle              *self,
          GPtrArray          *texts,
          const char         *slot,
          sqlite3_stmt       *statement,
          int                 column,
          guint               n,
          const char * const *collations)
{
  g_autoptr(GString) text = g_string_new (slot);
  char *kept;

  for (guint i = 0; i < n; i++)
    {
      if (sqlite3_column_type (statement, column + (int) i) == SQLITE_NULL)
        return;
      append_folded (text, statement, column + (int) i, collations[i]);
    }
  kept = g_string_chunk_insert_len (self->texts, text->str, (gssize) text->len);
  if (!g_ptr_array_find_with_equal_func (texts, kept, g_str_equal, NULL))
    g_ptr_array_add (texts, kept);
}

/* One run of columns in the statement that reads a row's terms. */
typedef struct
{
  enum { ENTRY, WANT, OFFER } kind;
  char      *slot;
  guint      n_columns;
  gboolean   partial;          /* a column more at the end: whether the row is in the index */
  GPtrArray *collations;
} Slot;

static void
free_slot (gpointer pointer)
{
  Slot *slot = pointer;

  g_free (slot->slot);
  g_ptr_array_unref (slot->collations);
  g_free (slot);
}

static Slot *
add_slot (GPtrArray *slots,
          int        kind,
          char      *name)
{
  Slot *slot = g_new0 (Slot, 1);

  slot->kind = kind;
  slot->slot = name;
  slot->collations = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (slots, slot);
  return slot;
}

static void
append_term (GString    *sql,
             const char *term)
{
  g_string_append_printf (sql, "%s(%s\n)", sql->len == 0 ? "" : ", ", term);
}

static void
add_column (Slot              *slot,
            GString           *sql,
            const DimpleTable *holder,
            const char        *column,
            const char        *collation)
{
  g_autofree char *quoted = dimple_quote (column);

  append_term (sql, quoted);
  g_ptr_array_add (slot->collations, g_strdup (collation));
  slot->n_columns++;
}

static const char *
get_collation (const DimpleTable *table,
               const char        *column)
{
  int number = dimple_table_find_column (table, column);

  return number < 0 ? "BINARY" : ((DimpleColumn *) g_ptr_array_index (table->columns, (guint) number))->collation;
}

static gboolean
add_index_slots (Cycle              *self,
                 const DimpleTable  *table,
                 GPtrArray          *slots,
                 GString            *sql,
                 GError            **error)
{
  for (guint i = 0; i < table->unique_indexes->len; i++)
    {
      const DimpleUniqueIndex *index = g_ptr_array_index (table->unique_indexes, i);
      g_autoptr(DimpleIndexTerms) terms = dimple_index_terms_load (self->settling->connection, table, index, error);
      Slot *slot;

      if (terms == NULL)
        return FALSE;
      slot = add_slot (slots, ENTRY, g_strdup_printf ("%s.%s", table->name, index->name));
      slot->n_columns = terms->terms->len;
      for (guint j = 0; j < terms->terms->len; j++)
        {
          append_term (sql, g_ptr_array_index (terms->terms, j));
          g_ptr_array_add (slot->collations, g_strdup (g_ptr_array_index (terms->collations, j)));
        }
      slot->partial = terms->condition != NULL;
      if (slot->partial)
        append_term (sql, terms->condition);
    }
  return TRUE;
}

static char *
name_reference (const DimpleForeignKey *key,
                const DimpleTable      *parent)
{
  g_autofree char *columns = g_strjoinv (",", key->parent_columns);
  g_autofree char *text = g_strdup_printf ("%s(%s)", parent->name, columns);

  return g_ascii_strdown (text, -1);
}

/* The FOREIGN KEYs within the group, from the side of `table` as child and as parent. */
static void
add_reference_slots (Cycle             *self,
                     const DimpleTable *table,
                     GPtrArray         *slots,
                     GString           *sql)
{
  for (guint i = 0; i < self->tables->len; i++)
    {
      const DimpleTable *child = g_ptr_array_index (self->tables, i);

      for (guint j = 0; j < child->foreign_keys->len; j++)
        {
          const DimpleForeignKey *key = g_ptr_array_index (child->foreign_keys, j);
          const DimpleTable *parent = dimple_schema_find (self->settling->schema, key->parent);
          Slot *slot;

          if (child == table && g_ptr_array_find (self->tables, parent, NULL))
            {
              slot = add_slot (slots, WANT, name_reference (key, parent));
              for (guint k = 0; key->columns[k] != NULL; k++)
                add_column (slot, sql, table, key->columns[k], get_collation (parent, key->parent_columns[k]));
            }
          if (parent == table)
            {
              slot = add_slot (slots, OFFER, name_reference (key, parent));
              for (guint k = 0; key->parent_columns[k] != NULL; k++)
                add_column (slot, sql, table, key->parent_columns[k], get_collation (parent, key->parent_columns[k]));
            }
        }
    }
}

static void
read_slots (Cycle        *self,
            DimpleCandidate    *candidate,
            GPtrArray    *slots,
            sqlite3_stmt *statement)
{
  int column = 0;

  for (guint i = 0; i < slots->len; i++)
    {
      Slot *slot = g_ptr_array_index (slots, i);
      GPtrArray *texts = slot->kind == ENTRY ? candidate->entries : slot->kind == WANT ? candidate->wants
                                                                                       : candidate->offers;

      if (!slot->partial || sqlite3_column_int (statement, column + (int) slot->n_columns) != 0)
        add_text (self, texts, slot->slot, statement, column, slot->n_columns,
                  (const char * const *) slot->collations->pdata);
      column += (int) slot->n_columns + slot->partial;
    }
}

/* An empty copy of a table, where one row at a time is looked at. */
static gboolean
create_copy (DimpleConnection   *connection,
             const DimpleTable  *table,
             GError            **error)
{
  g_autofree char *body = dimple_index_terms_get_table_body (connection, table->name, error);
  g_autofree char *name = dimple_quote (table->name);
  g_autofree char *sql = NULL;

  if (body == NULL)
    return FALSE;
  sql = g_strdup_printf ("CREATE TEMP TABLE %s %s", name, body);
  return dimple_connection_exec (connection, sql, error);
}

static void
drop_copy (DimpleConnection  *connection,
           const DimpleTable *table)
{
  g_autofree char *name = dimple_quote (table->name);
  g_autofree char *sql = g_strdup_printf ("DROP TABLE temp.%s", name);

  dimple_connection_exec (connection, sql, NULL);
}

/* Judges a row by itself: adds it to the candidates, or hides it. */
static gboolean
add_candidate (Cycle              *self,
               DimpleMergeTable   *table,
               DimpleMergeTable   *copy,
               DimpleFoldedRow    *row,
               GPtrArray          *slots,
               sqlite3_stmt       *read,
               GError            **error)
{
  DimpleRowStanding *standing = dimple_settling_look (self->settling, row, error);
  const char *reason;
  DimpleRefusal refusal;
  DimpleCandidate *candidate;
  gboolean lacks;

  if (standing == NULL)
    return FALSE;
  reason = dimple_settling_judge (self->settling, table, row);
  if (reason != NULL)
    return dimple_settling_hide (self->settling, table, row, reason, NULL, error);
  if (!dimple_merge_table_insert (copy, row->key, standing->wanted, &refusal, error))
    return FALSE;
  if (refusal != DIMPLE_TAKEN)
    return dimple_settling_hide (self->settling, table, row, dimple_refusal_get_reason (refusal), NULL, error);

  candidate = dimple_candidate_new (row);
  g_ptr_array_add (self->candidates, candidate);
  if (slots->len > 0 && dimple_statement_step (read, NULL))
    read_slots (self, candidate, slots, read);
  sqlite3_reset (read);

  /* what it wants of tables that are settled already, no row of the group can offer */
  if (!dimple_merge_table_lacks_parent (copy, row->key, standing->wanted, &lacks, error))
    return FALSE;
  if (lacks)
    g_ptr_array_add (candidate->wants, (gpointer) "outside");
  return dimple_merge_table_delete (copy, row->key, 0, error);
}

static gboolean
add_candidates (Cycle              *self,
                const DimpleTable  *definition,
                GError            **error)
{
  DimpleMergeTable *table = dimple_settling_get_table (self->settling, definition, error);
  DimpleFold *fold = self->settling->fold;
  g_autoptr(GPtrArray) slots = g_ptr_array_new_with_free_func (free_slot);
  g_autoptr(GString) terms = g_string_new (NULL);
  g_autofree char *name = dimple_quote (definition->name);
  g_autofree char *sql = NULL;
  g_autoptr(DimpleMergeTable) copy = NULL;
  g_autoptr(DimpleStatement) read = NULL;

  if (table == NULL || !add_index_slots (self, definition, slots, terms, error))
    return FALSE;
  add_reference_slots (self, definition, slots, terms);
  copy = dimple_merge_table_new_copy (table, self->settling->schema, self->tables, error);
  if (copy == NULL)
    return FALSE;
  sql = g_strdup_printf ("SELECT %s FROM temp.%s", terms->len > 0 ? terms->str : "1", name);
  read = dimple_connection_prepare (self->settling->connection, sql, error);
  if (read == NULL)
    return FALSE;
  for (guint i = 0; i < dimple_fold_get_n_rows (fold); i++)
    {
      DimpleFoldedRow *row = dimple_fold_get_row (fold, i);

      if (row->table == definition && !add_candidate (self, table, copy, row, slots, read, error))
        return FALSE;
    }
  return TRUE;
}

/* -- The whole ----------------------------------------------------------------------------------------------------- */

static DimpleFoldedRow *
want_of_group (DimpleFold              *fold,
               const DimpleChangeGroup *group,
               gpointer                 user_data)
{
  Cycle *self = user_data;

  if (group->table == NULL || !g_ptr_array_find (self->tables, group->table, NULL))
    return NULL;
  return dimple_settling_add (self->settling, group->table, group->key->data, group->key->len);
}

static int
compare_candidates (gconstpointer a,
                    gconstpointer b)
{
  const DimpleCandidate * const *x = a, * const *y = b;

  return dimple_settling_compare ((*x)->row, (*y)->row);
}

static gboolean
collect_candidates (Cycle   *self,
                    GError **error)
{
  DimpleSettling *settling = self->settling;

  if (!dimple_fold_join_log (settling->fold, settling->connection, NULL, want_of_group, self, error))
    return FALSE;
  for (guint i = 0; i < dimple_fold_get_n_rows (settling->fold); i++)
    dimple_fold_get_row (settling->fold, i)->whole = TRUE;

  for (guint i = 0; i < self->tables->len; i++)
    {
      const DimpleTable *table = g_ptr_array_index (self->tables, i);
      gboolean added;

      if (!create_copy (settling->connection, table, error))
        return FALSE;
      added = add_candidates (self, table, error);
      drop_copy (settling->connection, table);
      if (!added)
        return FALSE;
    }
  g_ptr_array_sort (self->candidates, compare_candidates);
  return TRUE;
}

/* -- What hidden rows wait for ------------------------------------------------------------------------------------- */

static void
collect_references (Cycle *self)
{
  self->parents = g_hash_table_new (g_str_hash, g_str_equal);
  self->wanted = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < self->candidates->len; i++)
    {
      DimpleCandidate *candidate = g_ptr_array_index (self->candidates, i);

      for (guint j = 0; candidate->shown && j < candidate->offers->len; j++)
        g_hash_table_insert (self->parents, g_ptr_array_index (candidate->offers, j), candidate);
      for (guint j = 0; !candidate->shown && j < candidate->wants->len; j++)
        g_hash_table_add (self->wanted, g_ptr_array_index (candidate->wants, j));
    }
}

/* A hidden row waits for a rival and all its ancestors. */
static gboolean
wait_for_line (DimpleMergeTable  *table,
               DimpleCandidate   *candidate,
               DimpleCandidate   *rival,
               GHashTable        *parents,
               GError           **error)
{
  g_autoptr(GPtrArray) line = g_ptr_array_new ();

  g_ptr_array_add (line, rival);
  for (guint next = 0; next < line->len; next++)
    {
      DimpleCandidate *member = g_ptr_array_index (line, next);

      if (!dimple_merge_table_add_wait (table, candidate->row->key, member->row->table, member->row->key, error))
        return FALSE;
      for (guint i = 0; i < member->wants->len; i++)
        {
          DimpleCandidate *parent = g_hash_table_lookup (parents, g_ptr_array_index (member->wants, i));

          if (parent != NULL && !g_ptr_array_find (line, parent, NULL))
            g_ptr_array_add (line, parent);
        }
    }
  return TRUE;
}

/* Rows can come to wait in a circle for their own rivals (step 3 of dimple-settle-decide.c) without a change of a rival
 * or a parent of any: an ancestor of the rival that hides one becomes the child of a younger rival of what is hidden
 * with it.  In such a circle the oldest wins, which may be a mere descendant: so any change may matter. */
static gboolean
add_waits (Cycle             *self,
           DimpleMergeTable  *table,
           DimpleCandidate   *candidate,
           GError           **error)
{
  gboolean holds_others = candidate->entries->len > 1;     /* it, or a child, is in the way of others, too */

  if (candidate->tied)
    return dimple_merge_table_add_wait (table, candidate->row->key, NULL, NULL, error);
  for (guint i = 0; i < candidate->offers->len; i++)
    holds_others |= g_hash_table_contains (self->wanted, g_ptr_array_index (candidate->offers, i));
  for (guint i = 0; i < candidate->entries->len && holds_others; i++)
    {
      DimpleCandidate *rival = g_hash_table_lookup (self->shown.holders, g_ptr_array_index (candidate->entries, i));

      if (rival != NULL && !wait_for_line (table, candidate, rival, self->parents, error))
        return FALSE;
    }
  return TRUE;
}

/* Rows that are each other's parents may all be missing only because one of them has a rival: so that is told also of
 * one that lacks a parent. */
static gboolean
hide_others (Cycle   *self,
             GError **error)
{
  collect_references (self);
  for (guint i = 0; i < self->candidates->len; i++)
    {
      DimpleCandidate *candidate = g_ptr_array_index (self->candidates, i);
      DimpleMergeTable *table = g_hash_table_lookup (self->settling->tables, candidate->row->table);
      gboolean orphan = dimple_row_set_find_missing (&self->shown, candidate) != NULL;
      DimpleCandidate *rival = dimple_row_set_find_rival (&self->shown, candidate);

      if (candidate->shown)
        continue;
      if (!dimple_settling_hide (self->settling, table, candidate->row, orphan ? "foreign-key" : "unique",
                                 rival != NULL ? rival->row->key : NULL, error) ||
          !add_waits (self, table, candidate, error))
        return FALSE;
    }
  return TRUE;
}

/* Shows what is to be shown; rows that are in each other's way only for now are taken out, and come in a later
 * round. */
static gboolean
show_all (Cycle   *self,
          GError **error)
{
  guint n_left = self->candidates->len + 1, n_before;

  do
    {
      n_before = n_left;
      n_left = 0;
      for (guint i = 0; i < self->candidates->len; i++)
        {
          DimpleCandidate *candidate = g_ptr_array_index (self->candidates, i);
          DimpleRowStanding *standing = candidate->row->data;
          DimpleMergeTable *table = g_hash_table_lookup (self->settling->tables, candidate->row->table);
          DimpleRefusal refusal;

          if (!candidate->shown || standing->wanted == NULL)
            continue;
          if (!dimple_settling_show (self->settling, table, candidate->row, &refusal, error))
            return FALSE;
          if (refusal == DIMPLE_TAKEN)
            continue;
          n_left++;
          if (!dimple_settling_take_out (self->settling, table, candidate->row, error))
            return FALSE;
        }
    }
  while (n_left > 0 && n_left < n_before);

  if (n_left == 0)
    return TRUE;
  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT,
                       "Rows that should fit together were refused: a UNIQUE index compares in a way "
                       "unknown to Dimple");
  return FALSE;
}

gboolean
dimple_settling_run_cycle (DimpleSettling  *settling,
                           GPtrArray       *tables,
                           GError         **error)
{
  g_auto(Cycle) self = {
    .settling = settling,
    .tables = tables,
    .candidates = g_ptr_array_new_with_free_func (dimple_candidate_free),
    .texts = g_string_chunk_new (4096),
  };

  dimple_row_set_init (&self.shown);
  if (!collect_candidates (&self, error))
    return FALSE;
  dimple_candidates_decide (self.candidates, &self.shown);
  return hide_others (&self, error) && show_all (&self, error);
}
