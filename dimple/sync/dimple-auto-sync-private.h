/* dimple-auto-sync-private.h: when to sync by itself
 *
 * A few seconds after a burst of local changes, every so often for those of others, and again after a failure, each
 * time later.  Says when; does nothing itself.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _DimpleAutoSync DimpleAutoSync;

typedef struct
{
  void (*due)     (gpointer user_data);      /* sync now */
  void (*changed) (gpointer user_data);      /* is_waiting() or is_paused() may answer otherwise */
} DimpleAutoSyncFuncs;

/* All of it, the functions too, in the thread of `context`. */
DimpleAutoSync *dimple_auto_sync_new               (GMainContext              *context,
                                                    const DimpleAutoSyncFuncs *funcs,
                                                    gpointer                   user_data);
void            dimple_auto_sync_free              (DimpleAutoSync            *self);

void            dimple_auto_sync_set_enabled       (DimpleAutoSync            *self,
                                                    gboolean                   enabled);
/* In seconds; 0: only after local changes. */
void            dimple_auto_sync_set_interval      (DimpleAutoSync            *self,
                                                    guint                      interval);
void            dimple_auto_sync_set_allow_metered (DimpleAutoSync            *self,
                                                    gboolean                   allow_metered);
/* For tests: how long to wait after a local change, and after the first failure, in milliseconds. */
void            dimple_auto_sync_set_delays        (DimpleAutoSync            *self,
                                                    guint                      debounce,
                                                    guint                      retry);

/* Something was committed here. */
void            dimple_auto_sync_note_change       (DimpleAutoSync            *self);
/* A sync, whoever asked for it, began, or has ended.  `is_final`: trying again soon would be no use. */
void            dimple_auto_sync_note_begin        (DimpleAutoSync            *self);
void            dimple_auto_sync_note_end          (DimpleAutoSync            *self,
                                                    gboolean                   success,
                                                    gboolean                   is_final);

/* A sync is due soon: after a change or a failure. */
gboolean        dimple_auto_sync_is_waiting        (DimpleAutoSync            *self);
/* One would be due, but for the connection being metered. */
gboolean        dimple_auto_sync_is_paused         (DimpleAutoSync            *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleAutoSync, dimple_auto_sync_free)

G_END_DECLS
