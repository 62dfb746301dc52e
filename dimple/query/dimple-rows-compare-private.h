/* dimple-rows-compare-private.h: which rows are the same in what was shown and what takes its place
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-kept-rows-private.h"
#include "dimple-result-private.h"

G_BEGIN_DECLS

typedef struct
{
  DimpleRows       *old;           /* (nullable) */
  DimpleQueryPlan  *old_plan;      /* (nullable) of it */
  GArray           *net;           /* (nullable) of DimpleRowChange: what happened since to rows that are kept row by row */
} DimpleRowsBefore;

/* Finds out what became of the rows before; on any thread, as long as nobody changes them.  `reader` is where the new
 * ones were read.  A result run again gets the ids of its rows. */
void          dimple_rows_compare (DimpleRows              *rows,
                                   DimpleQueryPlan         *plan,
                                   DimpleConnection        *reader,
                                   const DimpleRowsBefore  *before,
                                   DimpleRowsChange        *change);

G_END_DECLS
