/* dimple-follower.c: keeping a list of a store's own tables up to date
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-follower-private.h"

#include "dimple-store-internal-private.h"

/* Of three: the owner, the store's list of observers, and what is under way. */
struct _DimpleFollower
{
  gatomicrefcount            ref_count;
  DimpleStore               *store;
  GMainContext              *context;
  const DimpleFollowerFuncs *funcs;
  GWeakRef                   owner;

  GMutex                     lock;         /* of all below */
  gboolean                   changed;      /* since the last reading began */
  gboolean                   busy;         /* scheduled, or reading */
};

typedef struct
{
  DimpleFollower *follower;
  gpointer        data;          /* the request, then the result */
} Reading;

static gboolean begin (gpointer user_data);

static void
unref (DimpleFollower *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_weak_ref_clear (&self->owner);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  g_object_unref (self->store);
  g_free (self);
}

static Reading *
reading_new (DimpleFollower *follower,
             gpointer        data)
{
  Reading *reading = g_new (Reading, 1);

  g_atomic_ref_count_inc (&follower->ref_count);
  dimple_store_begin_work (follower->store);
  *reading = (Reading) { follower, data };
  return reading;
}

static void
reading_free (gpointer data)
{
  Reading *reading = data;

  dimple_store_end_work (reading->follower->store);
  unref (reading->follower);
  g_free (reading);
}

static void
attach (DimpleFollower *self,
        GSourceFunc     func,
        gpointer        data)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (source, "[dimple] list of changes");
  g_source_set_callback (source, func, reading_new (self, data), reading_free);
  g_source_attach (source, self->context);
}

/* Under the lock. */
static void
schedule (DimpleFollower *self)
{
  self->changed = TRUE;
  if (self->busy)
    return;
  self->busy = TRUE;
  attach (self, begin, NULL);
}

static gboolean
end (gpointer user_data)
{
  Reading *reading = user_data;
  DimpleFollower *self = reading->follower;
  g_autoptr(GObject) owner = g_weak_ref_get (&self->owner);
  gpointer result = g_steal_pointer (&reading->data);
  gboolean more = FALSE;

  if (result != NULL && owner != NULL)
    more = self->funcs->take (owner, result);
  else if (result != NULL)
    self->funcs->free_result (result);

  g_mutex_lock (&self->lock);
  self->busy = FALSE;
  if (owner != NULL && (more || self->changed))
    schedule (self);
  g_mutex_unlock (&self->lock);
  return G_SOURCE_REMOVE;
}

static gboolean
run (gpointer user_data)
{
  Reading *reading = user_data;
  DimpleFollower *self = reading->follower;

  reading->data = self->funcs->read (self->store, reading->data);
  attach (self, end, reading->data);
  reading_free (reading);
  return G_SOURCE_REMOVE;
}

static gboolean
begin (gpointer user_data)
{
  Reading *reading = user_data;
  DimpleFollower *self = reading->follower;
  g_autoptr(GObject) owner = g_weak_ref_get (&self->owner);

  g_mutex_lock (&self->lock);
  self->changed = FALSE;
  self->busy = owner != NULL;
  g_mutex_unlock (&self->lock);
  if (owner != NULL)
    dimple_worker_invoke (self->store->reading_worker, run, reading_new (self, self->funcs->prepare (owner)));
  return G_SOURCE_REMOVE;
}

/* -- Commits ------------------------------------------------------------------------------------------------------- */

void
dimple_follower_start (DimpleFollower *self)
{
  g_mutex_lock (&self->lock);
  schedule (self);
  g_mutex_unlock (&self->lock);
}

static void
after_commit (DimpleChangeSet *changes,
              gboolean         committed,
              gpointer         user_data)
{
  if (committed)
    dimple_follower_start (user_data);
}

static void
after_silent_commit (gpointer user_data)
{
  dimple_follower_start (user_data);
}

static const DimpleObserver observer = { NULL, after_commit, after_silent_commit };

DimpleFollower *
dimple_follower_new (DimpleStore               *store,
                     GMainContext              *context,
                     const DimpleFollowerFuncs *funcs,
                     GObject                   *owner)
{
  DimpleFollower *self = g_new0 (DimpleFollower, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->store = g_object_ref (store);
  self->context = g_main_context_ref (context);
  self->funcs = funcs;
  g_weak_ref_init (&self->owner, owner);
  g_mutex_init (&self->lock);
  dimple_store_add_observer (store, &observer, self);
  return self;
}

void
dimple_follower_free (DimpleFollower *self)
{
  /* From here on no commit reaches it any more. */
  dimple_store_remove_observer (self->store, &observer, self);
  unref (self);
}
