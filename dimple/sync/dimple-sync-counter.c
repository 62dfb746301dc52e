/* dimple-sync-counter.c: hears of local commits, and counts what no storage has yet
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-counter-private.h"

#include "dimple-post-private.h"
#include "dimple-sync-session-private.h"

/* What threads and sources use; outlives the counter. */
typedef struct
{
  GWeakRef                owner;
  GMainContext           *context;
  DimpleSyncCounterFuncs  funcs;
  int                     is_scheduled;      /* atomic: on_changed() is */
  guint                   round;             /* of counting; a result of an older one is dropped */
} Shared;

struct _DimpleSyncCounter
{
  DimpleStore *store;
  Shared      *shared;
};

/* Goes to a thread and back. */
typedef struct
{
  Shared      *shared;
  DimpleStore *store;
  GPtrArray   *storages;
  guint        round;
  gboolean     is_counted;
  guint        pending;
} Count;

static void
shared_clear (gpointer data)
{
  Shared *shared = data;

  g_weak_ref_clear (&shared->owner);
  g_main_context_unref (shared->context);
}

static void
shared_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, shared_clear);
}

static gboolean
on_changed (gpointer user_data)
{
  Shared *shared = user_data;
  g_autoptr(GObject) owner = g_weak_ref_get (&shared->owner);

  g_atomic_int_set (&shared->is_scheduled, FALSE);
  if (owner != NULL)
    shared->funcs.changed (owner);
  return G_SOURCE_REMOVE;
}

/* Under the write lock, on any thread. */
static void
after_commit (DimpleChangeSet *changes,
              gboolean         committed,
              gpointer         user_data)
{
  Shared *shared = user_data;

  if (!committed || dimple_change_set_get_origin (changes) == DIMPLE_ORIGIN_SYNC)
    return;
  if (g_atomic_int_compare_and_exchange (&shared->is_scheduled, FALSE, TRUE))
    dimple_post (shared->context, 0, on_changed, g_atomic_rc_box_acquire (shared), shared_unref);
}

static const DimpleObserver observer = { .after_commit = after_commit };

DimpleSyncCounter *
dimple_sync_counter_new (GObject                      *owner,
                         DimpleStore                  *store,
                         GMainContext                 *context,
                         const DimpleSyncCounterFuncs *funcs)
{
  DimpleSyncCounter *self = g_new0 (DimpleSyncCounter, 1);

  self->store = g_object_ref (store);
  self->shared = g_atomic_rc_box_new0 (Shared);
  g_weak_ref_init (&self->shared->owner, owner);
  self->shared->context = g_main_context_ref (context);
  self->shared->funcs = *funcs;
  dimple_store_add_observer (store, &observer, self->shared);
  return self;
}

void
dimple_sync_counter_free (DimpleSyncCounter *self)
{
  dimple_store_remove_observer (self->store, &observer, self->shared);
  g_weak_ref_set (&self->shared->owner, NULL);
  shared_unref (self->shared);
  g_object_unref (self->store);
  g_free (self);
}

static void
count_free (gpointer data)
{
  Count *count = data;

  shared_unref (count->shared);
  g_object_unref (count->store);
  g_ptr_array_unref (count->storages);
  g_free (count);
}

static gboolean
on_counted (gpointer user_data)
{
  Count *count = user_data;
  g_autoptr(GObject) owner = g_weak_ref_get (&count->shared->owner);

  if (owner != NULL && count->is_counted && count->round == count->shared->round)
    count->shared->funcs.counted (owner, count->pending);
  return G_SOURCE_REMOVE;
}

static void
count_in_thread (GTask        *task,
                 gpointer      source,
                 gpointer      task_data,
                 GCancellable *cancellable)
{
  Count *count = task_data;

  count->is_counted = dimple_sync_count_pending (count->store, count->storages, &count->pending, NULL);
  dimple_post (count->shared->context, 0, on_counted, count, count_free);
}

void
dimple_sync_counter_count (DimpleSyncCounter *self,
                           GPtrArray         *storages)
{
  g_autoptr(GTask) task = g_task_new (NULL, NULL, NULL, NULL);
  Count *count = g_new0 (Count, 1);

  count->shared = g_atomic_rc_box_acquire (self->shared);
  count->store = g_object_ref (self->store);
  count->storages = g_ptr_array_ref (storages);
  count->round = ++self->shared->round;
  g_task_set_source_tag (task, dimple_sync_counter_count);
  g_task_set_task_data (task, count, NULL);
  g_task_run_in_thread (task, count_in_thread);
}

void
dimple_sync_counter_drop (DimpleSyncCounter *self)
{
  self->shared->round++;
}
