/* dimple-row-edits.c: what was set of a row since it was loaded, on its way into the table
 *
 * A save may run on another thread than the row's, so the values are copied once: into one record, from which they are
 * bound as they are.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-row-edits-private.h"

typedef struct
{
  guint       column;
  const char *origin;
  guint       position;      /* of the value, in the record */
} Edit;

struct _DimpleRowEdits
{
  GArray     *edits;         /* of Edit */
  GByteArray *record;
};

DimpleRowEdits *
dimple_row_edits_new (void)
{
  DimpleRowEdits *self = g_new (DimpleRowEdits, 1);

  self->edits = g_array_new (FALSE, FALSE, sizeof (Edit));
  self->record = g_byte_array_new ();
  return self;
}

void
dimple_row_edits_free (DimpleRowEdits *self)
{
  g_array_unref (self->edits);
  g_byte_array_unref (self->record);
  g_free (self);
}

void
dimple_row_edits_add (DimpleRowEdits    *self,
                      guint              column,
                      const char        *origin,
                      const DimpleValue *value)
{
  Edit edit = { column, origin, self->record->len };

  dimple_record_append (self->record, value);
  g_array_append_val (self->edits, edit);
}

guint
dimple_row_edits_get_n (const DimpleRowEdits *self)
{
  return self->edits->len;
}

const char *
dimple_row_edits_get (const DimpleRowEdits *self,
                      guint                 n,
                      guint                *column,
                      DimpleValue          *value)
{
  const Edit *edit = &g_array_index (self->edits, Edit, n);

  if (column != NULL)
    *column = edit->column;
  dimple_record_read (self->record->data + edit->position, value);
  return edit->origin;
}

gboolean
dimple_row_edits_find (const DimpleRowEdits *self,
                       guint                 column,
                       DimpleValue          *value)
{
  for (guint i = 0; i < self->edits->len; i++)
    {
      guint edited;

      dimple_row_edits_get (self, i, &edited, value);
      if (edited == column)
        return TRUE;
    }
  return FALSE;
}
