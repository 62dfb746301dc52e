/* dimple-reader-pool.c: a few connections that read
 *
 * Opened when they are needed, kept for the next who asks.  More than a few gain nothing: they would share the disk.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-reader-pool-private.h"

#include "dimple-error.h"

#define MAX_READERS 4
#define STOP_INTERVAL_US (10 * 1000)

struct _DimpleReaderPool
{
  char                  *path;
  DimpleConnectionFlags  flags;
  GMutex                 lock;       /* of what follows */
  GCond                  changed;
  GPtrArray             *idle;
  GPtrArray             *lent;       /* not owned */
  guint                  n_open;     /* of both */
  gboolean               closed;
};

DimpleReaderPool *
dimple_reader_pool_new (const char            *path,
                        DimpleConnectionFlags  flags)
{
  DimpleReaderPool *self = g_new0 (DimpleReaderPool, 1);

  self->path = g_strdup (path);
  self->flags = flags;
  self->idle = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_connection_free);
  self->lent = g_ptr_array_new ();
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  return self;
}

void
dimple_reader_pool_free (DimpleReaderPool *self)
{
  g_ptr_array_unref (self->idle);
  g_ptr_array_unref (self->lent);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self->path);
  g_free (self);
}

gboolean
dimple_reader_pool_check_open (DimpleReaderPool  *self,
                               GError           **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->closed)
    g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED, "The store is closed");
  return !self->closed;
}

DimpleConnection *
dimple_reader_pool_acquire (DimpleReaderPool  *self,
                            GError           **error)
{
  DimpleConnection *reader = NULL;

  g_mutex_lock (&self->lock);
  while (!self->closed && self->idle->len == 0 && self->n_open >= MAX_READERS)
    g_cond_wait (&self->changed, &self->lock);
  if (self->closed)
    g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED, "The store is closed");
  else if (self->idle->len > 0)
    reader = g_ptr_array_steal_index_fast (self->idle, self->idle->len - 1);
  else
    {
      reader = dimple_connection_open (self->path, self->flags, error);
      self->n_open += reader != NULL;
    }
  if (reader != NULL)
    g_ptr_array_add (self->lent, reader);
  g_mutex_unlock (&self->lock);
  return reader;
}

void
dimple_reader_pool_release (DimpleReaderPool *self,
                            DimpleConnection *reader)
{
  g_mutex_lock (&self->lock);
  g_ptr_array_remove_fast (self->lent, reader);
  if (self->closed)
    {
      self->n_open--;
      dimple_connection_free (reader);
    }
  else
    g_ptr_array_add (self->idle, reader);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

void
dimple_reader_pool_close (DimpleReaderPool *self)
{
  g_mutex_lock (&self->lock);
  self->closed = TRUE;
  self->n_open -= self->idle->len;
  g_ptr_array_set_size (self->idle, 0);
  g_cond_broadcast (&self->changed);
  /* The last connection removes the WAL by its name; one that is closed later could remove that of another file that
   * was put in the place of this one.  What is about to begin is not stopped, so it is tried again. */
  while (self->n_open > 0)
    {
      for (guint i = 0; i < self->lent->len; i++)
        dimple_connection_stop (g_ptr_array_index (self->lent, i));
      g_cond_wait_until (&self->changed, &self->lock, g_get_monotonic_time () + STOP_INTERVAL_US);
    }
  g_mutex_unlock (&self->lock);
}
