/* dimple-held-private.h: which transactions a device holds
 *
 * Ids of one tail were written by one run of one process, in order, so what is held is told by intervals of runs, and
 * the work is by runs and not by transactions.  The path of a transaction leads back through its run to the run's
 * start, on from what came before that, and so on; an object of the repository names its ends, and is held if all of
 * its path is.  That an id lies between two others says nothing: a database that was copied or restored makes a branch.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-connection-private.h"
#include "dimple-uuid-private.h"

G_BEGIN_DECLS

/* The id of a transaction in 16 bytes; `time` is 60 bits that order the ids of one tail. */
typedef struct
{
  guint64 time;
  guint64 tail;
} DimpleId;

gboolean dimple_id_parse   (DimpleId       *self,
                            const char     *text);
int      dimple_id_compare (const DimpleId *a,
                            const DimpleId *b);

/* The transactions of one run with first <= time <= last.  An interval that begins with its run has 0 as first. */
typedef struct
{
  guint64 tail;
  guint64 first;
  guint64 last;
} DimpleInterval;

typedef struct _DimpleHeld DimpleHeld;

DimpleHeld *dimple_held_new           (void);
void        dimple_held_free          (DimpleHeld        *self);

/* The table that keeps what was read out of the log, so that opening a long log does not read it again. */
gboolean    dimple_held_create_tables (DimpleConnection  *connection,
                                       GError           **error);
/* Takes in what the table and the log have that was not seen yet. */
gboolean    dimple_held_update        (DimpleHeld        *self,
                                       DimpleConnection  *connection,
                                       GError           **error);
/* Whether saving is worth a write: something is known that the log does not say, or much was read since. */
gboolean    dimple_held_needs_save    (DimpleHeld        *self);
/* In the caller's write transaction; if that is not committed, reset `self`. */
gboolean    dimple_held_save          (DimpleHeld        *self,
                                       DimpleConnection  *connection,
                                       GError           **error);

/* Forgets everything; update() reads it again. */
void        dimple_held_reset         (DimpleHeld        *self);

/* Adds the transactions of the run of `last` after `after` up to `last`.  An `after` of another run says that the run
 * began then, and what its author wrote before; "" that there was nothing before.  FALSE, and nothing is added, if that
 * cannot be: a malformed id, or an `after` that is not before `last`. */
gboolean    dimple_held_add           (DimpleHeld        *self,
                                       const char        *author,
                                       const char        *after,
                                       const char        *last);
gboolean    dimple_held_has           (DimpleHeld        *self,
                                       const char        *id);
/* Appends to `path` the DimpleIntervals from `last` back to `first`, as far as they are held; TRUE if that is all. */
gboolean    dimple_held_get_path      (DimpleHeld        *self,
                                       const DimpleId    *first,
                                       const DimpleId    *last,
                                       GArray            *path);

/* What began before a run, "" if nothing did; NULL if its start is not held. */
const char *dimple_held_get_start     (DimpleHeld        *self,
                                       guint64            tail);
const char *dimple_held_get_author    (DimpleHeld        *self,
                                       guint64            tail);
/* The last row of the log that was taken in. */
gint64      dimple_held_get_seq       (DimpleHeld        *self);
/* The transaction that comes before `first` on its path, of those that the log has: pruning may have dropped some in
 * between.  All zero if there is none, or what comes before is not held.  `is_own`: this database may have written
 * it. */
gboolean    dimple_held_find_before   (DimpleHeld        *self,
                                       DimpleConnection  *connection,
                                       const char        *author,
                                       gboolean           is_own,
                                       const DimpleId    *first,
                                       DimpleId          *before,
                                       GError           **error);
/* What find_before() has found is kept; the log was pruned since. */
void        dimple_held_forget_before (DimpleHeld        *self);
/* Where the interval of a held transaction begins. */
guint64     dimple_held_get_first     (DimpleHeld        *self,
                                       const DimpleId    *id);
/* What is held but in none of the intervals of `covered`, which gets sorted: a new array, by run, then in order. */
GArray     *dimple_held_subtract      (DimpleHeld        *self,
                                       GArray            *covered);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleHeld, dimple_held_free)

G_END_DECLS
