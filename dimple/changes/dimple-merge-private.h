/* dimple-merge-private.h: making the tables what the set of known transactions says
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-change-set-private.h"
#include "dimple-log-private.h"

G_BEGIN_DECLS

/* Appends transactions from elsewhere to the log and brings the tables up to date, inside the caller's write
 * transaction (BEGIN IMMEDIATE, foreign_keys off, capture paused, authorizer free).  Those known already must have been
 * left out.  `changes` collects what became different in the tables.  On an error the caller rolls back. */
gboolean dimple_merge_apply        (DimpleConnection   *connection,
                                    DimpleSchema       *schema,
                                    DimpleLogWriter    *log,
                                    GPtrArray          *transactions,   /* of DimpleTransaction */
                                    DimpleChangeSet    *changes,
                                    GError            **error);

/* For tests: after how many rows that a merge has touched it settles them, and of how many it looks for the parents one
 * by one; 0: as ever. */
void     dimple_merge_set_max_touched (guint              n_rows);

/* Whether rows are on the shelf; if so, wakes() is asked before each local commit. */
gboolean dimple_merge_is_waiting   (DimpleConnection   *connection,
                                    gboolean           *waiting,
                                    GError            **error);
/* In a transaction that has changed `committed`, before its commit: whether settle() would do anything after it.  Only
 * reads, and little.  What another process does between the two is judged by that process, with what was committed here
 * before its eyes. */
gboolean dimple_merge_wakes        (DimpleConnection   *connection,
                                    DimpleSchema       *schema,
                                    DimpleChangeSet    *committed,
                                    gboolean           *wakes,
                                    GError            **error);
/* After a local commit that changed `committed` (NULL: after opening, anything may have), in a write transaction of its
 * own, prepared like that of a merge: shows what nothing is in the way of any more.  `changes` collects that. */
gboolean dimple_merge_settle       (DimpleConnection   *connection,
                                    DimpleSchema       *schema,
                                    DimpleChangeSet    *committed,
                                    DimpleChangeSet    *changes,
                                    GError            **error);

/* After a migration's script was run and logged: takes the rows that collide in an index, which is not UNIQUE yet, out
 * of their table and puts them on the shelf; refresh() then shows again which may be shown.  Does nothing if there is
 * no such index, or its table is local. */
gboolean dimple_merge_set_aside_duplicates (DimpleConnection   *connection,
                                            DimpleSchema       *schema,
                                            const char         *index,
                                            DimpleChangeSet    *changes,
                                            GError            **error);
/* After a migration's script was run and logged as `id` ("": it changed no row), in its transaction: shows what the log
 * has of the tables and columns that are new in `schema`, and settles anew what is shelved, what lacks a parent, and
 * those of the script's changes that lose. */
gboolean dimple_merge_refresh      (DimpleConnection   *connection,
                                    DimpleSchema       *before,
                                    DimpleSchema       *schema,
                                    const char         *id,
                                    DimpleChangeSet    *changes,
                                    GError            **error);

G_END_DECLS
