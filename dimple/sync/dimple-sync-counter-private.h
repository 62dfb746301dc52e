/* dimple-sync-counter-private.h: hears of local commits, and counts what no storage has yet
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-store-private.h"

G_BEGIN_DECLS

/* Belongs to an object, which it calls in `context`. */
typedef struct _DimpleSyncCounter DimpleSyncCounter;

typedef struct
{
  /* Something was committed, and not by a sync. */
  void (*changed) (gpointer owner);
  void (*counted) (gpointer owner,
                   guint    pending);
} DimpleSyncCounterFuncs;

DimpleSyncCounter *dimple_sync_counter_new   (GObject                      *owner,
                                              DimpleStore                  *store,
                                              GMainContext                 *context,
                                              const DimpleSyncCounterFuncs *funcs);
/* After this neither function is called any more. */
void               dimple_sync_counter_free  (DimpleSyncCounter            *self);
/* Counts on a thread; what is being counted already is counted anew. */
void               dimple_sync_counter_count (DimpleSyncCounter            *self,
                                              GPtrArray                    *storages);
/* What is being counted is of no interest any more. */
void               dimple_sync_counter_drop  (DimpleSyncCounter            *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleSyncCounter, dimple_sync_counter_free)

G_END_DECLS
