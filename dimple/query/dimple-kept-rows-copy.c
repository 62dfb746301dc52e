/* dimple-kept-rows-copy.c: rows that are kept row by row, as records
 *
 * For when they cannot be read any more, and must not go away all the same.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-kept-rows-private.h"

#include "dimple-result-private.h"

/* Read at once; meanwhile nobody else can read at the same point. */
#define PAGE_ROWS 64

/* The columns of the result are those of the schema that is read. */
static DimpleResult *
make_result (DimpleKeptRows   *self,
             DimpleConnection *reader,
             GByteArray       *records,
             GArray           *sizes,
             gint64           *ids)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (reader, dimple_kept_rows_get_plan (self)->sql,
                                                                    NULL);

  return statement != NULL ? dimple_result_new (dimple_kept_rows_get_plan (self), statement, records, sizes, ids)
                           : NULL;
}

/* A few at a time, as somebody else may want to read meanwhile. */
static gboolean
copy_records (DimpleKeptRows  *self,
              DimpleQueryHub  *hub,
              DimpleReadPoint *point,
              gint64          *ids,
              GByteArray      *records,
              GArray          *sizes)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  guint n_rows = dimple_rows_get_n_rows ((DimpleRows *) self);

  for (guint i = 0; i < n_rows;)
    {
      DimpleConnection *reader = dimple_query_hub_begin_reading (hub, point);

      if (reader == NULL)
        return FALSE;
      for (guint end = MIN (n_rows, i + PAGE_ROWS); i < end; i++)
        {
          dimple_kept_rows_read (self, reader, ids[i], record);
          g_byte_array_append (records, record->data, record->len);
          g_array_append_val (sizes, record->len);
        }
      dimple_query_hub_end_reading (hub);
    }
  return TRUE;
}

DimpleRows *
dimple_kept_rows_copy (DimpleKeptRows  *self,
                       DimpleQueryHub  *hub,
                       DimpleReadPoint *point)
{
  g_autoptr(GByteArray) records = g_byte_array_new ();
  g_autoptr(GArray) sizes = g_array_new (FALSE, FALSE, sizeof (guint32));
  guint n_rows = dimple_rows_get_n_rows ((DimpleRows *) self);
  g_autofree gint64 *ids = g_new (gint64, n_rows + 1);
  DimpleResult *result = NULL;
  DimpleConnection *reader;

  for (guint i = 0; i < n_rows; i++)
    ids[i] = dimple_rows_get_id ((DimpleRows *) self, i);
  if (!copy_records (self, hub, point, ids, records, sizes))
    return NULL;
  reader = dimple_query_hub_begin_reading (hub, point);
  if (reader == NULL)
    return NULL;
  result = make_result (self, reader, records, sizes, ids);
  dimple_query_hub_end_reading (hub);
  if (result != NULL)
    g_steal_pointer (&ids);
  return (DimpleRows *) result;
}
