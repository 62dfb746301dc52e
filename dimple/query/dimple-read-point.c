/* dimple-read-point.c: commits that can still be read
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-read-point-private.h"

#include "dimple-error.h"

struct _DimpleReadPoint
{
  gatomicrefcount    ref_count;
  DimpleReadPoints  *points;
  DimpleConnection  *reader;     /* (nullable) in a read transaction: pinned */
  gint64             seq;        /* of the log, if it was ever pinned */
};

struct _DimpleReadPoints
{
  DimpleStore       *store;      /* not owned */
  GMutex             reading;    /* held while rows are read; taken before `lock` */
  GMutex             lock;       /* of what follows */
  DimpleReadPoint   *head;
  GPtrArray         *pinned;     /* of DimpleReadPoint, not owned */
  GPtrArray         *spare;      /* of DimpleConnection */
};

/* -- Readers: under the lock --------------------------------------------------------------------------------------- */

/* One statement without parameters, to its end. */
static gboolean
run (DimpleConnection  *reader,
     const char        *sql,
     GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (reader, sql, error);

  return statement != NULL && dimple_statement_run (statement, error);
}

static DimpleConnection *
take_reader (DimpleReadPoints  *self,
             GError           **error)
{
  if (self->spare->len > 0)
    return g_ptr_array_steal_index_fast (self->spare, self->spare->len - 1);
  return dimple_store_open_reader (self->store, error);
}

/* A transaction begins with the first page that is read. */
static gboolean
begin_transaction (DimpleReadPoint   *point,
                   DimpleConnection  *reader,
                   GError           **error)
{
  if (!run (reader, "BEGIN", error))
    return FALSE;
  if (dimple_connection_get_int64 (reader, "SELECT max (seq) FROM dimple_log", 0, &point->seq, error))
    return TRUE;
  run (reader, "ROLLBACK", NULL);
  return FALSE;
}

static void
pin (DimpleReadPoints *self,
     DimpleReadPoint  *point)
{
  g_autoptr(GError) error = NULL;
  DimpleConnection *reader;

  if (point->reader != NULL)
    return;
  reader = take_reader (self, &error);
  if (reader != NULL && begin_transaction (point, reader, &error))
    {
      point->reader = g_steal_pointer (&reader);
      g_ptr_array_add (self->pinned, point);
      return;
    }
  g_clear_pointer (&reader, dimple_connection_free);
  if (!g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED))
    g_warning ("What a live query shows cannot be kept readable: %s", error->message);
}

static void
unpin (DimpleReadPoints *self,
       DimpleReadPoint  *point)
{
  if (point->reader == NULL)
    return;
  run (point->reader, "COMMIT", NULL);
  g_ptr_array_add (self->spare, g_steal_pointer (&point->reader));
  g_ptr_array_remove_fast (self->pinned, point);
}

/* -- Points -------------------------------------------------------------------------------------------------------- */

static DimpleReadPoint *
new_point (DimpleReadPoints *self)
{
  DimpleReadPoint *point = g_new0 (DimpleReadPoint, 1);

  g_atomic_ref_count_init (&point->ref_count);
  point->points = self;
  return point;
}

DimpleReadPoint *
dimple_read_point_ref (DimpleReadPoint *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
dimple_read_point_unref (DimpleReadPoint *self)
{
  DimpleReadPoints *points = self->points;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_mutex_lock (&points->lock);
  unpin (points, self);
  g_mutex_unlock (&points->lock);
  g_free (self);
}

DimpleReadPoint *
dimple_read_points_ref_head (DimpleReadPoints *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return dimple_read_point_ref (self->head);
}

DimpleReadPoint *
dimple_read_points_add (DimpleReadPoints *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  DimpleReadPoint *point = new_point (self);

  pin (self, point);
  return point;
}

gboolean
dimple_read_points_advance (DimpleReadPoints *self,
                            gint64            last_seq)
{
  DimpleReadPoint *fresh = dimple_read_points_add (self), *old;
  gboolean is_heard = fresh->seq <= last_seq;

  if (is_heard)
    {
      g_mutex_lock (&self->lock);
      old = self->head;
      self->head = fresh;
      g_mutex_unlock (&self->lock);
      fresh = old;
    }
  dimple_read_point_unref (fresh);
  return is_heard;
}

gboolean
dimple_read_points_begin_at (DimpleReadPoints *self,
                             DimpleReadPoint  *point)
{
  DimpleReadPoint *old = NULL;

  g_mutex_lock (&self->lock);
  if (self->head->reader == NULL)
    {
      old = self->head;
      self->head = dimple_read_point_ref (point);
    }
  g_mutex_unlock (&self->lock);
  if (old == NULL)
    return FALSE;
  dimple_read_point_unref (old);
  return TRUE;
}

void
dimple_read_points_rest (DimpleReadPoints *self)
{
  DimpleReadPoint *old;

  g_mutex_lock (&self->lock);
  old = self->head;
  self->head = new_point (self);
  g_mutex_unlock (&self->lock);
  dimple_read_point_unref (old);
}

void
dimple_read_points_renew (DimpleReadPoints *self,
                          gint64            last_seq)
{
  DimpleReadPoint *fresh = NULL;

  g_mutex_lock (&self->reading);
  g_mutex_lock (&self->lock);
  if (self->head->reader != NULL)
    {
      fresh = new_point (self);
      pin (self, fresh);
    }
  if (fresh != NULL && fresh->reader != NULL && fresh->seq <= last_seq)
    {
      DimpleConnection *reader = self->head->reader;

      self->head->reader = fresh->reader;
      self->head->seq = fresh->seq;
      fresh->reader = reader;
    }
  g_mutex_unlock (&self->lock);
  g_mutex_unlock (&self->reading);
  g_clear_pointer (&fresh, dimple_read_point_unref);
}

gint64
dimple_read_point_get_seq (DimpleReadPoint *self)
{
  return self->seq;
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

DimpleConnection *
dimple_read_points_begin (DimpleReadPoints *self,
                          DimpleReadPoint  *point)
{
  DimpleConnection *reader;

  g_mutex_lock (&self->reading);
  g_mutex_lock (&self->lock);
  if (point == NULL)
    point = self->head;
  pin (self, point);
  reader = point->reader;
  g_mutex_unlock (&self->lock);
  if (reader == NULL)
    g_mutex_unlock (&self->reading);
  return reader;
}

void
dimple_read_points_end (DimpleReadPoints *self)
{
  g_mutex_unlock (&self->reading);
}

/* -- Life ---------------------------------------------------------------------------------------------------------- */

DimpleReadPoints *
dimple_read_points_new (DimpleStore *store)
{
  DimpleReadPoints *self = g_new0 (DimpleReadPoints, 1);

  self->store = store;
  g_mutex_init (&self->reading);
  g_mutex_init (&self->lock);
  self->pinned = g_ptr_array_new ();
  self->spare = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_connection_free);
  self->head = new_point (self);
  return self;
}

gboolean
dimple_read_points_prepare (DimpleReadPoints  *self,
                            GError           **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  DimpleConnection *reader;

  if (self->spare->len > 0 || self->pinned->len > 0)
    return TRUE;
  reader = take_reader (self, error);
  if (reader == NULL)
    return FALSE;
  g_ptr_array_add (self->spare, reader);
  return TRUE;
}

void
dimple_read_points_close (DimpleReadPoints *self)
{
  g_mutex_lock (&self->reading);
  g_mutex_lock (&self->lock);
  while (self->pinned->len > 0)
    unpin (self, g_ptr_array_index (self->pinned, 0));
  g_ptr_array_set_size (self->spare, 0);
  g_mutex_unlock (&self->lock);
  g_mutex_unlock (&self->reading);
}

void
dimple_read_points_free (DimpleReadPoints *self)
{
  dimple_read_points_close (self);
  dimple_read_point_unref (self->head);
  g_ptr_array_unref (self->pinned);
  g_ptr_array_unref (self->spare);
  g_mutex_clear (&self->reading);
  g_mutex_clear (&self->lock);
  g_free (self);
}
