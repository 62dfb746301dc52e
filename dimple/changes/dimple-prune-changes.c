/* dimple-prune-changes.c: a transaction's changes without what is superseded
 *
 * A change that is left whole is copied as it stands; one of which only some columns are left goes into a group of
 * those.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-prune-changes-private.h"

#include <string.h>

typedef enum
{
  DROPPED,
  REDUCED,
  WHOLE
} Fate;

typedef struct
{
  DimpleFold          *fold;
  const char          *id;
  int                  script;
  DimplePrunableFunc   prunable;
  gpointer             user_data;

  DimpleChangeReader   reader;
  DimpleChangeGroup    group;
  GArray              *live;         /* of gboolean, by column: its value is in the row, or would be if that came back */
  gboolean             is_first;     /* the row's first insert */

  GString             *json;
  GString             *head;         /* of the group that is open in it; empty: none */
  GString             *wanted;
  gboolean             changed;
} Pruning;

/* -- What is left of a row ----------------------------------------------------------------------------------------- */

static gboolean
has_stamp (Pruning           *self,
           guint              position,
           const DimpleStamp *stamp)
{
  DimpleStamp own = { self->id, 0, self->id };

  if (self->script > 0)
    own = (DimpleStamp) { g_ptr_array_index (self->reader.anchors, position), self->script, self->id };
  return dimple_stamp_compare (&own, stamp) == 0;
}

/* What the key has, and what does not simply have the last value, is never superseded. */
static gboolean
is_live (Pruning               *self,
         const DimpleFoldedRow *row,
         guint                  position)
{
  const char *column = g_ptr_array_index (self->group.columns, position);
  const DimpleFoldedCell *cell;

  if (column == NULL || !self->prunable (self->group.table_name, column, self->user_data))
    return TRUE;
  cell = dimple_folded_row_find (row, column);
  return cell == NULL || has_stamp (self, 1 + position, &cell->stamp);
}

static Fate
judge (Pruning               *self,
       const DimpleFoldedRow *row)
{
  guint n_columns = self->reader.columns->len, n_live = 0;

  if (row == NULL)
    return WHOLE;
  if (self->reader.operation == DIMPLE_OPERATION_DELETE)
    return has_stamp (self, 0, &row->delete) ? WHOLE : DROPPED;

  g_array_set_size (self->live, n_columns);
  for (guint i = 0; i < n_columns; i++)
    {
      g_array_index (self->live, gboolean, i) = is_live (self, row, i);
      n_live += g_array_index (self->live, gboolean, i);
    }
  self->is_first = self->reader.operation == DIMPLE_OPERATION_INSERT && g_strcmp0 (row->created, self->id) == 0;
  if (n_live == n_columns && (n_live > 0 || self->is_first || has_stamp (self, 0, &row->edit)))
    return WHOLE;
  return self->is_first || n_live > 0 || has_stamp (self, 0, &row->edit) ? REDUCED : DROPPED;
}

/* -- Writing ------------------------------------------------------------------------------------------------------- */

static gboolean
is_kept (Pruning *self,
         Fate     fate,
         guint    position)
{
  return fate == WHOLE || self->is_first || g_array_index (self->live, gboolean, position);
}

static void
append_names (GString   *json,
              GPtrArray *names)
{
  for (guint i = 0; i < names->len; i++)
    {
      if (i > 0)
        g_string_append_c (json, ',');
      dimple_json_append_string (json, g_ptr_array_index (names, i), -1);
    }
}

static void
close_group (Pruning *self)
{
  if (self->head->len > 0)
    g_string_append (self->json, "]}");
  g_string_truncate (self->head, 0);
}

/* Begins a group, unless the open one is of just these columns. */
static void
ensure_group (Pruning *self,
              Fate     fate)
{
  gboolean any = FALSE;

  g_string_assign (self->wanted, "{\"table\":");
  dimple_json_append_string (self->wanted, self->reader.table, -1);
  g_string_append (self->wanted, ",\"key\":[");
  append_names (self->wanted, self->reader.key);
  g_string_append_printf (self->wanted, "],\"op\":\"%s\",\"columns\":[",
                          dimple_operation_get_name (self->reader.operation));
  for (guint i = 0; i < self->reader.columns->len; i++)
    {
      if (!is_kept (self, fate, i))
        continue;
      if (any)
        g_string_append_c (self->wanted, ',');
      dimple_json_append_string (self->wanted, g_ptr_array_index (self->reader.columns, i), -1);
      any = TRUE;
    }
  g_string_append (self->wanted, "],\"rows\":[");

  if (g_string_equal (self->wanted, self->head))
    {
      g_string_append_c (self->json, ',');
      return;
    }
  close_group (self);
  g_string_append_c (self->json, self->json->len == 0 ? '[' : ',');
  g_string_append_len (self->json, self->wanted->str, (gssize) self->wanted->len);
  g_string_assign (self->head, self->wanted->str);
}

static const guint8 *
append_value (GString      *json,
              const guint8 *record)
{
  DimpleValue value;

  record = dimple_record_read (record, &value);
  dimple_json_append_value (json, &value);
  return record;
}

static void
append_key (Pruning *self)
{
  const guint8 *value = self->reader.key_values->data;

  g_string_append_c (self->json, '[');
  for (guint i = 0; i < self->reader.key->len; i++)
    {
      if (i > 0)
        g_string_append_c (self->json, ',');
      value = append_value (self->json, value);
    }
  g_string_append_c (self->json, ']');
}

static void
append_new_values (Pruning *self)
{
  const guint8 *value = self->reader.new_values->data;
  gboolean any = FALSE;

  g_string_append (self->json, ",[");
  for (guint i = 0; i < self->reader.columns->len; i++)
    {
      gboolean live = g_array_index (self->live, gboolean, i);

      if (live || self->is_first)
        {
          if (any)
            g_string_append_c (self->json, ',');
          if (live)
            append_value (self->json, value);
          else
            g_string_append (self->json, "{\"pruned\":true}");
          any = TRUE;
        }
      value = dimple_record_skip (value, 1);
    }
  g_string_append_c (self->json, ']');
}

static void
append_anchors (Pruning *self)
{
  if (self->reader.operation == DIMPLE_OPERATION_UPDATE)
    g_string_append (self->json, ",null");
  g_string_append (self->json, ",[");
  dimple_json_append_string (self->json, g_ptr_array_index (self->reader.anchors, 0), -1);
  for (guint i = 0; i < self->reader.columns->len; i++)
    {
      if (!is_kept (self, REDUCED, i))
        continue;
      g_string_append_c (self->json, ',');
      dimple_json_append_string (self->json, g_ptr_array_index (self->reader.anchors, 1 + i), -1);
    }
  g_string_append_c (self->json, ']');
}

/* The old values go: whoever asks for them asks what the history was. */
static void
append_reduced (Pruning *self)
{
  g_string_append_c (self->json, '[');
  append_key (self);
  append_new_values (self);
  if (self->script > 0)
    append_anchors (self);
  g_string_append_c (self->json, ']');
}

/* -- Going over the changes ---------------------------------------------------------------------------------------- */

/* Whether a first insert's stub is as it would be written now. */
static gboolean
is_stub_already (Pruning *self)
{
  const guint8 *value = self->reader.new_values->data;

  if (!self->is_first || self->reader.has_old)
    return FALSE;
  for (guint i = 0; i < self->reader.columns->len; i++)
    {
      if (!g_array_index (self->live, gboolean, i) && *value != DIMPLE_VALUE_PRUNED)
        return FALSE;
      value = dimple_record_skip (value, 1);
    }
  return TRUE;
}

static void
take_row (Pruning    *self,
          const char *start)
{
  const DimpleFoldedRow *row;
  Fate fate;

  self->is_first = FALSE;
  dimple_change_group_set_key (&self->group, &self->reader);
  row = dimple_fold_find (self->fold, self->group.table_name, self->group.key->data, self->group.key->len);
  fate = judge (self, row);
  if (fate == REDUCED && is_stub_already (self))
    fate = WHOLE;
  self->changed |= fate != WHOLE;
  if (fate == DROPPED)
    return;

  ensure_group (self, fate);
  if (fate == REDUCED)
    {
      append_reduced (self);
      return;
    }
  while (*start != '[')
    start++;
  g_string_append_len (self->json, start, self->reader.json.position - start);
}

static gboolean
take_groups (Pruning  *self,
             GError  **error)
{
  g_autoptr(GError) failure = NULL;

  while (dimple_change_reader_next_group (&self->reader, &failure))
    {
      const char *start = self->reader.json.position;

      dimple_change_group_set (&self->group, self->fold, &self->reader);
      while (dimple_change_reader_next_row (&self->reader, &failure))
        {
          take_row (self, start);
          start = self->reader.json.position;
        }
      if (failure != NULL)
        break;
    }
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

gboolean
dimple_prune_changes (DimpleFold          *fold,
                      const char          *id,
                      int                  script,
                      GBytes              *changes,
                      DimplePrunableFunc   prunable,
                      gpointer             user_data,
                      GBytes             **left,
                      gboolean            *is_empty,
                      GError             **error)
{
  Pruning self = { .fold = fold, .id = id, .script = script, .prunable = prunable, .user_data = user_data };
  gboolean done;

  *left = NULL;
  dimple_change_reader_init (&self.reader, changes, script);
  dimple_change_group_init (&self.group);
  self.live = g_array_new (FALSE, FALSE, sizeof (gboolean));
  self.json = g_string_new (NULL);
  self.head = g_string_new (NULL);
  self.wanted = g_string_new (NULL);

  done = take_groups (&self, error);
  if (done)
    {
      *is_empty = self.json->len == 0;
      close_group (&self);
      g_string_append (self.json, *is_empty ? "[]" : "]");
      if (self.changed)
        *left = g_string_free_to_bytes (g_steal_pointer (&self.json));
    }

  if (self.json != NULL)
    g_string_free (self.json, TRUE);
  g_string_free (self.head, TRUE);
  g_string_free (self.wanted, TRUE);
  g_array_unref (self.live);
  dimple_change_group_clear (&self.group);
  dimple_change_reader_clear (&self.reader);
  return done;
}
