/* dimple-conflict-private.h: shelved rows as objects
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-conflict.h"
#include "dimple-row-shape-private.h"
#include "dimple-shelf-private.h"
#include "dimple-store-private.h"

G_BEGIN_DECLS

/* What is known of a shelved row, read on any thread. */
typedef struct
{
  char           *table;
  char           *key;           /* the public one */
  char           *reason;        /* as dimple_shelf has it */
  gint64          time;          /* milliseconds */
  char           *author_name;   /* (nullable) */
  DimpleRowShape *shape;
  GBytes         *record;
  GPtrArray      *rivals;        /* (nullable) of GBytes, records; NULL: not asked for */
} DimpleConflictState;

/* `edit`: id of the transaction that it is the time and author of. */
DimpleConflictState *dimple_conflict_state_new      (DimpleConnection       *connection,
                                                     const DimpleShelvedRow *row,
                                                     const char             *edit);
void                 dimple_conflict_state_free     (DimpleConflictState    *self);
/* By table and key. */
int                  dimple_conflict_state_compare  (const DimpleConflictState *a,
                                                     const DimpleConflictState *b);

/* Both take `state`; in the main context of the list. */
DimpleConflict      *dimple_conflict_new            (DimpleStore            *store,
                                                     DimpleConflictState    *state);
void                 dimple_conflict_update         (DimpleConflict         *self,
                                                     DimpleConflictState    *state);
const DimpleConflictState *dimple_conflict_get_state (DimpleConflict        *self);
/* Somebody has asked for its rivals: they are to be kept up to date. */
gboolean             dimple_conflict_wants_rivals   (DimpleConflict         *self);

/* -- The list of them ---------------------------------------------------------------------------------------------- */

#define DIMPLE_TYPE_CONFLICT_LIST (dimple_conflict_list_get_type ())

G_DECLARE_FINAL_TYPE (DimpleConflictList, dimple_conflict_list, DIMPLE, CONFLICT_LIST, GObject)

DimpleConflictList  *dimple_conflict_list_new       (DimpleStore            *store);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleConflictState, dimple_conflict_state_free)

G_END_DECLS
