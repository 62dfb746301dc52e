/* dimple-rows.c: the rows that a query shows, however they are kept
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-rows-private.h"

DimpleRows *
dimple_rows_ref (DimpleRows *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
rows_clear (gpointer data)
{
  DimpleRows *self = data;

  self->class->clear (self);
}

void
dimple_rows_unref (DimpleRows *self)
{
  g_atomic_rc_box_release_full (self, rows_clear);
}

DimpleRowShape *
dimple_rows_get_shape (DimpleRows *self)
{
  return self->shape;
}

guint
dimple_rows_get_n_rows (DimpleRows *self)
{
  return self->class->get_n_rows (self);
}

gint64
dimple_rows_get_id (DimpleRows *self,
                    guint       position)
{
  return self->class->get_id (self, position);
}

gboolean
dimple_rows_find_id (DimpleRows *self,
                     gint64      id,
                     guint      *position)
{
  return self->class->find_id (self, id, position);
}

const guint8 *
dimple_rows_get_record (DimpleRows *self,
                        guint       position,
                        gsize      *size)
{
  return self->class->get_record (self, position, size);
}

gboolean
dimple_rows_find_key (DimpleRows *self,
                      const char *key,
                      guint      *position)
{
  return self->class->find_key (self, key, position);
}

void
dimple_rows_change_init (DimpleRowsChange *change)
{
  *change = (DimpleRowsChange) { 0, };
  change->updated = g_array_new (FALSE, FALSE, sizeof (guint));
  change->gone = g_array_new (FALSE, FALSE, sizeof (gint64));
}

void
dimple_rows_change_clear (DimpleRowsChange *change)
{
  g_clear_pointer (&change->updated, g_array_unref);
  g_clear_pointer (&change->gone, g_array_unref);
  g_clear_pointer (&change->successors, g_hash_table_unref);
}

gboolean
dimple_rows_change_find_successor (const DimpleRowsChange *change,
                                   gint64                  id,
                                   gint64                 *successor)
{
  gpointer found;

  if (change->successors != NULL && g_hash_table_lookup_extended (change->successors, &id, NULL, &found))
    {
      if (found != NULL)
        *successor = *(gint64 *) found;
      return found != NULL;
    }
  *successor = id;
  return change->others_stay;
}
