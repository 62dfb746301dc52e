/* dimple-sync-session-private.h: one sync, as straight code on a thread of its own
 *
 * All storages are pulled from, then all are pushed to.  Nothing is kept about a storage: its listing is compared with
 * the log, so whatever fails on the way, the next sync repairs.  One storage that fails does not stop the others.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-held-private.h"
#include "dimple-repository-private.h"
#include "dimple-sync-staging-private.h"

G_BEGIN_DECLS

/* Comes on the thread of the sync; `fraction` never gets smaller. */
typedef void (*DimpleSyncProgressFunc) (double   fraction,
                                        gpointer user_data);

/* What a storage could not give, though it should; or may do later. */
typedef struct
{
  DimpleStorage  *storage;
  DimplePackName  name;
  gboolean        is_there;      /* it is sealed for a key that is not; else it is not there itself, and it is a part */
  gboolean        is_kept;       /* this device has what is in it: there is nothing to wait for */
} DimpleLostPack;

typedef struct
{
  DimpleStore            *store;
  GPtrArray              *storages;        /* of DimpleStorage */
  GCancellable           *cancellable;
  DimpleHeld             *held;            /* lent, from one sync to the next */
  DimpleSyncProgressFunc  progress_func;
  gpointer                progress_data;

  /* while it runs */
  DimpleRequests         *requests;
  GHashTable             *author_names;    /* author -> name, as told by packs of this sync */
  DimpleSyncStaging      *staging;         /* parts that wait for others; NULL: not looked at yet */
  GArray                 *lost;            /* of DimpleLostPack; of a transaction's parts and a storage one */
  GHashTable             *part_sets;       /* key of the first part, of what is in parts in some listing -> whether the
                                            * last is there, too */
  GError                 *note;            /* (nullable) the first damaged or too new object; the rest went on */
  char                  **authors;         /* that this database has written under */
  GHashTable             *sizes;           /* key of an own pack -> DimplePackSize */
  GHashTable             *unsaved;         /* set of its keys that the table of the store lacks */
  GHashTable             *listed;          /* set of keys of own packs that some storage needs */
  double                  phase_start;
  double                  phase_size;
  double                  progress;

  /* what came of it */
  guint                   uploaded;        /* transactions */
  guint                   downloaded;
  guint                   pending;         /* own transactions that some storage lacks */
} DimpleSyncSession;

DimpleSyncSession *dimple_sync_session_new         (DimpleStore        *store,
                                                    GPtrArray          *storages,
                                                    DimpleHeld         *held,
                                                    GCancellable       *cancellable);
void               dimple_sync_session_free        (DimpleSyncSession  *self);
gboolean           dimple_sync_session_run         (DimpleSyncSession  *self,
                                                    GError            **error);

/* -- For its parts ------------------------------------------------------------------------------------------------- */

/* How much of the present phase is done, 0 to 1. */
void               dimple_sync_session_report      (DimpleSyncSession  *self,
                                                    double              fraction);
/* Keeps the first; the sync goes on, and fails with it in the end. */
void               dimple_sync_session_note        (DimpleSyncSession  *self,
                                                    GError             *error);
gboolean           dimple_sync_session_update_held (DimpleSyncSession  *self,
                                                    GError            **error);

/* Gets what the listing has and this device does not hold; leaves in `listing` what is really there. */
gboolean           dimple_sync_pull                (DimpleSyncSession  *self,
                                                    DimpleStorage      *storage,
                                                    DimpleListing     **listing,
                                                    GError            **error);
void               dimple_sync_session_add_lost    (DimpleSyncSession     *self,
                                                    DimpleStorage         *storage,
                                                    const DimplePackName  *name,
                                                    gboolean               is_there);
/* After the last of them: notes what was lost, and sees to it that nobody waits for it in vain.  `is_complete`: all
 * storages were pulled from. */
gboolean           dimple_sync_end_pull            (DimpleSyncSession  *self,
                                                    gboolean            is_complete,
                                                    GError            **error);
/* Puts what this device holds and the listing lacks. */
gboolean           dimple_sync_push                (DimpleSyncSession  *self,
                                                    DimpleStorage      *storage,
                                                    DimpleListing      *listing,
                                                    GError            **error);

/* -- Own transactions that a storage lacks ------------------------------------------------------------------------- */

/* Counts them by what earlier syncs have noted; for the user's eyes only.  (any thread) */
gboolean           dimple_sync_count_pending       (DimpleStore        *store,
                                                    GPtrArray          *storages,
                                                    guint              *pending,
                                                    GError            **error);
/* Notes that a storage has what the log had up to `seq`. */
gboolean           dimple_sync_note_uploaded       (DimpleStore        *store,
                                                    GPtrArray          *storages,
                                                    guint               position,
                                                    gint64              seq,
                                                    GError            **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleSyncSession, dimple_sync_session_free)

G_END_DECLS
