/* dimple-sync-packs-private.h: the packs of a listing, which are superfluous, and which are better written anew
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-sync-parts-private.h"
#include "dimple-sync-session-private.h"

G_BEGIN_DECLS

/* One object; or all parts of a transaction, of which the first stands for all. */
typedef struct
{
  const DimplePackName *name;          /* the listing's, and its key */
  const char           *key;
  const DimplePartSet  *parts;         /* (nullable) */
  DimpleId              first;
  DimpleId              last;
  guint                 path;          /* where its path begins in `intervals`: from `last` back to `first` */
  guint                 n_intervals;
  DimpleId              before;        /* what comes before it in the log; all zero: nothing */
  gboolean              is_whole;      /* all of its path is held, and all of its parts are listed */
  gboolean              is_own;        /* its author is this database, now or earlier */
  gboolean              is_replaced;   /* another one has all of it */
  gboolean              is_chosen;     /* to be written anew, together with others */
} DimpleListedPack;

typedef struct
{
  DimpleSyncSession *session;
  GArray            *packs;            /* of DimpleListedPack, in the order of `first` */
  GArray            *intervals;        /* of DimpleInterval */
  GHashTable        *part_sets;        /* of the listing */
} DimpleSyncPacks;

DimpleSyncPacks *dimple_sync_packs_new     (DimpleSyncSession  *session,
                                            DimpleListing      *listing,
                                            DimpleConnection   *reader,
                                            GError            **error);
void             dimple_sync_packs_free    (DimpleSyncPacks    *self);

/* What the listed packs have; without those that are chosen, if there are. */
GArray          *dimple_sync_packs_cover   (DimpleSyncPacks    *self);
/* Chooses own packs to be written anew: many small ones, and such of which pruning has left little.  `is_writing`:
 * something new will be put anyway.  Returns whether there are any. */
gboolean         dimple_sync_packs_choose  (DimpleSyncPacks    *self,
                                            gboolean            is_writing);
/* Removes what is replaced: the pack that has all of it is listed, so it is there. */
gboolean         dimple_sync_packs_clean   (DimpleSyncPacks    *self,
                                            DimpleStorage      *storage,
                                            GError            **error);

/* -- What is known of own packs, see dimple-pack-table-private.h --------------------------------------------------- */

/* Measures what is not known yet, of some of the packs. */
gboolean         dimple_sync_packs_measure (DimpleSyncPacks    *self,
                                            DimpleConnection   *reader,
                                            GError            **error);
gboolean         dimple_sync_sizes_load    (DimpleSyncSession  *session,
                                            GError            **error);
/* An object was put. */
void             dimple_sync_sizes_note    (DimpleSyncSession  *session,
                                            const char         *key,
                                            gsize               size);
/* `is_complete`: all storages were listed, so what was not seen is nowhere. */
gboolean         dimple_sync_sizes_save    (DimpleSyncSession  *session,
                                            gboolean            is_complete,
                                            GError            **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleSyncPacks, dimple_sync_packs_free)

G_END_DECLS
