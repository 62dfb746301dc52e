/* dimple-task-storage-private.h: storages that take each request as a task
 *
 * A private interface.  A type that implements it gets all of DimpleStorage but the description from
 * dimple_task_storage_init_iface(), and has one function for all operations, which is given a GTask with the request as
 * its data.  The task is answered by one of the functions below, on any thread.  A cancelled task is answered at once,
 * even if what it does hangs; answers that come later are dropped.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-storage-private.h"

G_BEGIN_DECLS

typedef struct
{
  DimpleStorageOperation operation;
  char *key;            /* the prefix of a list, the first key of a removal */
  char *start_after;    /* of a list */
  char **keys;          /* of a removal, a get and a put */
  GBytes *contents;     /* of a put */

  GSource *cancellation;
  int answered;         /* atomic */
} DimpleTaskRequest;

#define DIMPLE_TYPE_TASK_STORAGE (dimple_task_storage_get_type ())
G_DECLARE_INTERFACE (DimpleTaskStorage, dimple_task_storage, DIMPLE, TASK_STORAGE, DimpleStorage)

struct _DimpleTaskStorageInterface
{
  GTypeInterface g_iface;

  /* (transfer none) task */
  void (*run) (DimpleTaskStorage *self,
               GTask             *task);
};

void               dimple_task_storage_init_iface      (DimpleStorageInterface *iface);

DimpleTaskRequest *dimple_task_storage_request         (GTask                  *task);
gboolean           dimple_task_storage_is_answered     (GTask                  *task);

/* All take what they are given */
void               dimple_task_storage_answer_keys     (GTask                  *task,
                                                        char                  **keys);
void               dimple_task_storage_answer_contents (GTask                  *task,
                                                        GBytes                 *contents);
void               dimple_task_storage_answer_done     (GTask                  *task);
void               dimple_task_storage_answer_error    (GTask                  *task,
                                                        GError                 *error);

G_END_DECLS
