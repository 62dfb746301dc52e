/* dimple-worker-private.h: a store's own thread
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _DimpleWorker DimpleWorker;

/* Does the task's work, in the worker's thread, and returns its result with g_task_return_…(). */
typedef void (*DimpleWorkerFunc) (GTask *task);

DimpleWorker *dimple_worker_new      (void);
/* Waits for what is under way; what is queued is done first.  Safe to call from the worker's own thread. */
void          dimple_worker_free     (DimpleWorker      *self);
/* Queues a task; they are done in order. */
void          dimple_worker_push     (DimpleWorker      *self,
                                      GTask             *task,
                                      DimpleWorkerFunc   func);
/* Calls `func` in the worker's thread after a while; a call that is still waiting is not repeated. */
void          dimple_worker_schedule (DimpleWorker      *self,
                                      guint              milliseconds,
                                      GSourceFunc        func,
                                      gpointer           user_data);
/* Calls `func` in the worker's thread, soon and before what is queued later. */
void          dimple_worker_invoke   (DimpleWorker      *self,
                                      GSourceFunc        func,
                                      gpointer           user_data);
guint         dimple_worker_get_n_queued (DimpleWorker  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleWorker, dimple_worker_free)

G_END_DECLS
