/* dimple-prune-private.h: dropping from the log what later changes have superseded
 *
 * A value may be dropped when a greater stamp of the same cell is known, and then only where it stands in a transaction
 * that is old enough.  A delete supersedes no value, as the row may come back.  What the merge needs stays: the
 * greatest edit and delete of a row, and its first insert, as a stub that says which columns the row was born with.
 *
 * What was dropped is still held, see dimple-held-private.h: save that first.  Some transactions stay though nothing is
 * left of them: the newest of each author, the last of the log, and the ends of own packs.
 *
 * The log is read in passes, each for a part of the rows, so that memory is bounded.  What a pass may drop stays so
 * whatever is committed meanwhile, as what is superseded stays superseded.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-fold-private.h"

G_BEGIN_DECLS

typedef struct _DimplePruner DimplePruner;

/* Transactions made before `before` (in ms since 1970) lose what is superseded, until `enough` bytes are freed. */
DimplePruner *dimple_pruner_new         (DimpleSchema      *schema,
                                         gint64             before,
                                         guint64            enough);
void          dimple_pruner_free        (DimplePruner      *self);
/* The first pass over the log. */
gboolean      dimple_pruner_look        (DimplePruner      *self,
                                         DimpleConnection  *reader,
                                         GError           **error);
guint         dimple_pruner_get_n_parts (DimplePruner      *self);
/* Where transactions begin that lose something, by what the rows of this part say: seqs, as gint64. */
GArray       *dimple_pruner_choose      (DimplePruner      *self,
                                         guint              part,
                                         DimpleConnection  *reader,
                                         GError           **error);
/* Rewrites the transaction at `seq`, which was just chosen, in the caller's write transaction. */
gboolean      dimple_pruner_rewrite     (DimplePruner      *self,
                                         DimpleConnection  *connection,
                                         gint64             seq,
                                         GError           **error);
/* The bytes of changes that go from all that was chosen. */
guint64       dimple_pruner_get_freed   (DimplePruner      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimplePruner, dimple_pruner_free)

G_END_DECLS
