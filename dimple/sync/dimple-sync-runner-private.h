/* dimple-sync-runner-private.h: one sync at a time, and everybody who waits for it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-sync-session-private.h"

G_BEGIN_DECLS

/* Belongs to an object, which it calls in `context`; things under way keep the runner, and a sync keeps the owner. */
typedef struct _DimpleSyncRunner DimpleSyncRunner;

typedef struct
{
  /* Makes the sync that is to begin, which `cancellable` stops; NULL and an error if there can be none. */
  DimpleSyncSession *(*begin)    (gpointer             owner,
                                  GCancellable        *cancellable,
                                  GError             **error);
  void               (*progress) (gpointer             owner,
                                  double               fraction);
  /* `session` says what came of it; nothing runs any more. */
  void               (*end)      (gpointer             owner,
                                  DimpleSyncSession   *session,
                                  const GError        *error);
} DimpleSyncRunnerFuncs;

typedef void (*DimpleSyncDoneFunc) (const GError *error,       /* (nullable) */
                                    gpointer      user_data);

DimpleSyncRunner *dimple_sync_runner_new        (GObject                     *owner,
                                                 GMainContext                *context,
                                                 const DimpleSyncRunnerFuncs *funcs);
void              dimple_sync_runner_unref      (DimpleSyncRunner            *self);
gboolean          dimple_sync_runner_is_running (DimpleSyncRunner            *self);

/* Begins a sync, or joins the one that runs; any thread.  `done` is called in the context, perhaps at once. */
void              dimple_sync_runner_request    (DimpleSyncRunner            *self,
                                                 GObject                     *owner,
                                                 GCancellable                *cancellable,
                                                 DimpleSyncDoneFunc           done,
                                                 gpointer                     user_data);
/* The same, blocking. */
gboolean          dimple_sync_runner_run        (DimpleSyncRunner            *self,
                                                 GObject                     *owner,
                                                 GCancellable                *cancellable,
                                                 GError                     **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleSyncRunner, dimple_sync_runner_unref)

G_END_DECLS
