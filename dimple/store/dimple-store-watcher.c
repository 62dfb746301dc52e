/* dimple-store-watcher.c: a store's ear for other processes
 *
 * The system tells of every write to the WAL, our own included, and being told costs more than a small commit.  So the
 * watcher stops listening at a commit of ours, and begins again when there was none for a while; in between every
 * transaction of ours finds out by itself what others have committed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include "dimple-file-watch-private.h"

#define QUIET_MS 200

/* Lives in the worker's thread, which may find the store gone at any moment. */
struct _DimpleStoreWatcher
{
  GWeakRef         store;
  DimpleWorker    *worker;
  char            *path;
  DimpleFileWatch *watch;         /* (nullable) */
  GSource         *quiet;         /* (nullable) when to look whether there was a commit of ours */

  gint             listening;     /* atomic */
  gint             committed;     /* atomic: since `quiet` began */
};

static gboolean listen (gpointer user_data);

/* Commits of other processes that cannot be read now are heard of at the next look. */
static gboolean
look (gpointer user_data)
{
  DimpleStoreWatcher *self = user_data;
  g_autoptr(DimpleStore) store = g_weak_ref_get (&self->store);
  g_autoptr(GError) error = NULL;

  if (store != NULL && !dimple_writer_notice_others (store->writer, &error))
    g_debug ("The commits of other processes could not be read: %s", error->message);
  return G_SOURCE_REMOVE;
}

static gboolean
listen_if_quiet (gpointer user_data)
{
  DimpleStoreWatcher *self = user_data;

  if (g_atomic_int_exchange (&self->committed, FALSE))
    return G_SOURCE_CONTINUE;
  g_clear_pointer (&self->quiet, g_source_unref);
  listen (self);
  return G_SOURCE_REMOVE;
}

static gboolean
listen (gpointer user_data)
{
  DimpleStoreWatcher *self = user_data;

  g_atomic_int_set (&self->listening, TRUE);
  self->watch = dimple_file_watch_new (self->path, look, self);
  /* What came while nobody listened. */
  return look (self);
}

static gboolean
stop_listening (gpointer user_data)
{
  DimpleStoreWatcher *self = user_data;

  g_clear_pointer (&self->watch, dimple_file_watch_free);
  if (self->quiet != NULL)
    return G_SOURCE_REMOVE;
  self->quiet = g_timeout_source_new (QUIET_MS);
  g_source_set_callback (self->quiet, listen_if_quiet, self, NULL);
  g_source_attach (self->quiet, g_main_context_get_thread_default ());
  return G_SOURCE_REMOVE;
}

static gboolean
stop (gpointer user_data)
{
  DimpleStoreWatcher *self = user_data;

  if (self->quiet != NULL)
    g_source_destroy (self->quiet);
  g_clear_pointer (&self->quiet, g_source_unref);
  g_clear_pointer (&self->watch, dimple_file_watch_free);
  g_weak_ref_clear (&self->store);
  g_free (self->path);
  g_free (self);
  return G_SOURCE_REMOVE;
}

DimpleStoreWatcher *
dimple_store_watcher_new (DimpleStore *store)
{
  DimpleStoreWatcher *self = g_new0 (DimpleStoreWatcher, 1);

  g_weak_ref_init (&self->store, store);
  self->worker = store->worker;
  self->path = g_strdup (store->path);
  dimple_worker_invoke (self->worker, listen, self);
  return self;
}

void
dimple_store_watcher_pause (DimpleStoreWatcher *self)
{
  g_atomic_int_set (&self->committed, TRUE);
  if (g_atomic_int_compare_and_exchange (&self->listening, TRUE, FALSE))
    dimple_worker_invoke (self->worker, stop_listening, self);
}

void
dimple_store_watcher_stop (DimpleStoreWatcher *self)
{
  dimple_worker_invoke (self->worker, stop, self);
}
