/* dimple-settle-decide-private.h: which rows are shown of those that may be each other's parents and rivals
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-settle-private.h"

G_BEGIN_DECLS

/* What a row holds or wants is a text of a slot and values as their collations fold them: equal texts are equal
 * values. */
typedef struct
{
  DimpleFoldedRow *row;
  GPtrArray       *entries;    /* of const char *: of UNIQUE indexes */
  GPtrArray       *wants;      /* of const char *: of parents in the group */
  GPtrArray       *offers;     /* of const char *: to children in the group */
  gboolean         decided;
  gboolean         shown;
  gboolean         tied;       /* step 3 was needed while it was undecided: any other row may matter to it */
} DimpleCandidate;

/* A set of rows with what they hold and offer. */
typedef struct
{
  GHashTable *holders;         /* DimpleCandidate by entry */
  GHashTable *offers;          /* how many, by offer */
} DimpleRowSet;

DimpleCandidate *dimple_candidate_new        (DimpleFoldedRow *row);
void             dimple_candidate_free       (gpointer         self);

void             dimple_row_set_init         (DimpleRowSet    *self);
void             dimple_row_set_clear        (DimpleRowSet    *self);
/* (nullable) a row of the set that `row` collides with */
DimpleCandidate *dimple_row_set_find_rival   (DimpleRowSet    *self,
                                              DimpleCandidate *row);
/* (nullable) something that `row` wants and no row of the set offers; it may be its own parent */
const char      *dimple_row_set_find_missing (DimpleRowSet    *self,
                                              DimpleCandidate *row);

/* Sets which of the candidates, oldest first, are shown; `shown`, empty before, receives them. */
void             dimple_candidates_decide    (GPtrArray       *candidates,
                                              DimpleRowSet    *shown);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleRowSet, dimple_row_set_clear)

G_END_DECLS
