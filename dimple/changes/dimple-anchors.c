/* dimple-anchors.c: what a migration saw of the rows that it changes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-fold-private.h"
#include "dimple-merge-private.h"

struct _DimpleAnchors
{
  DimpleSchema *schema;
  DimpleFold   *fold;
};

DimpleAnchors *
dimple_anchors_new (DimpleSchema *schema)
{
  DimpleAnchors *self = g_new0 (DimpleAnchors, 1);

  self->schema = dimple_schema_ref (schema);
  self->fold = dimple_fold_new (schema);
  return self;
}

void
dimple_anchors_free (DimpleAnchors *self)
{
  dimple_fold_free (self->fold);
  dimple_schema_unref (self->schema);
  g_free (self);
}

void
dimple_anchors_want (DimpleAnchors *self,
                     const char    *table,
                     const guint8  *key,
                     gsize          key_size)
{
  const DimpleTable *definition = dimple_schema_find (self->schema, table);

  if (definition != NULL)
    dimple_fold_want (self->fold, definition, definition->name, key, key_size);
}

gboolean
dimple_anchors_load (DimpleAnchors     *self,
                     DimpleConnection  *connection,
                     GError           **error)
{
  return dimple_fold_join_log (self->fold, connection, NULL, NULL, NULL, error);
}

const char *
dimple_anchors_get (DimpleAnchors *self,
                    const char    *table,
                    const guint8  *key,
                    gsize          key_size,
                    const char    *column)
{
  const DimpleTable *definition = dimple_schema_find (self->schema, table);
  const DimpleFoldedRow *row = NULL;
  const DimpleStamp *stamp = NULL;

  if (definition != NULL)
    row = dimple_fold_find (self->fold, definition->name, key, key_size);
  if (row != NULL && column == NULL)
    stamp = &row->edit;
  else if (row != NULL)
    {
      int number = dimple_table_find_column (definition, column);
      const DimpleFoldedCell *cell = NULL;

      if (number >= 0)
        cell = dimple_folded_row_find (row, ((DimpleColumn *) g_ptr_array_index (definition->columns, number))->name);
      stamp = cell != NULL ? &cell->stamp : NULL;
    }
  return stamp != NULL && stamp->anchor != NULL ? stamp->anchor : "";
}
