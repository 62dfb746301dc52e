/* dimple-snapshot.c: the rows of one SELECT, as they were when it ran
 *
 * Rows stand packed one after the other, and objects are made when they are asked for: a thousand rows of which ten are
 * shown cost ten objects.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-snapshot-private.h"

#include "dimple-record-private.h"

struct _DimpleSnapshot
{
  GObject         parent_instance;
  DimpleRowShape *shape;
  GType           type;
  GByteArray     *records;
  GArray         *ends;       /* of gsize: where each row ends in `records` */
  GPtrArray      *objects;    /* (nullable) of GObject, as far as asked for; NULL: not yet */
};

static GType
dimple_snapshot_get_item_type (GListModel *model)
{
  return G_TYPE_OBJECT;
}

static guint
dimple_snapshot_get_n_items (GListModel *model)
{
  return DIMPLE_SNAPSHOT (model)->ends->len;
}

static const guint8 *
get_record (DimpleSnapshot *self,
            guint           position,
            gsize          *size)
{
  gsize start = position > 0 ? g_array_index (self->ends, gsize, position - 1) : 0;

  *size = g_array_index (self->ends, gsize, position) - start;
  return self->records->data + start;
}

static gpointer
dimple_snapshot_get_item (GListModel *model,
                          guint       position)
{
  DimpleSnapshot *self = DIMPLE_SNAPSHOT (model);

  if (position >= self->ends->len)
    return NULL;
  if (self->objects == NULL)
    {
      self->objects = g_ptr_array_new ();
      g_ptr_array_set_size (self->objects, (int) self->ends->len);
    }
  if (g_ptr_array_index (self->objects, position) == NULL)
    {
      gsize size;
      const guint8 *record = get_record (self, position, &size);

      g_ptr_array_index (self->objects, position) = dimple_row_shape_create (self->shape, self->type, record, size);
    }
  return g_object_ref (g_ptr_array_index (self->objects, position));
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = dimple_snapshot_get_item_type;
  iface->get_n_items = dimple_snapshot_get_n_items;
  iface->get_item = dimple_snapshot_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (DimpleSnapshot, dimple_snapshot, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

DimpleSnapshot *
dimple_snapshot_new (DimpleRowShape *shape,
                     GType           type)
{
  DimpleSnapshot *self = g_object_new (DIMPLE_TYPE_SNAPSHOT, NULL);

  self->shape = shape;
  self->type = type;
  return self;
}

void
dimple_snapshot_add_row (DimpleSnapshot *self,
                         sqlite3_stmt   *statement)
{
  guint n_columns = dimple_row_shape_get_n_columns (self->shape);
  gsize end;

  for (guint i = 0; i < n_columns; i++)
    dimple_record_append_column (self->records, statement, (int) i);
  end = self->records->len;
  g_array_append_val (self->ends, end);
}

static void
dimple_snapshot_finalize (GObject *object)
{
  DimpleSnapshot *self = DIMPLE_SNAPSHOT (object);

  for (guint i = 0; self->objects != NULL && i < self->objects->len; i++)
    g_clear_object ((GObject **) &g_ptr_array_index (self->objects, i));
  g_clear_pointer (&self->objects, g_ptr_array_unref);
  g_byte_array_unref (self->records);
  g_array_unref (self->ends);

  G_OBJECT_CLASS (dimple_snapshot_parent_class)->finalize (object);
}

static void
dimple_snapshot_class_init (DimpleSnapshotClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = dimple_snapshot_finalize;
}

static void
dimple_snapshot_init (DimpleSnapshot *self)
{
  self->records = g_byte_array_new ();
  self->ends = g_array_new (FALSE, FALSE, sizeof (gsize));
}
