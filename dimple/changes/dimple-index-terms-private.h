/* dimple-index-terms-private.h: what a UNIQUE index compares, as SQL
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-schema-private.h"

G_BEGIN_DECLS

typedef struct
{
  GPtrArray *terms;        /* expressions over the table's columns */
  GPtrArray *collations;   /* their names */
  char      *condition;    /* (nullable) of a partial index */
} DimpleIndexTerms;

DimpleIndexTerms *dimple_index_terms_load (DimpleConnection         *connection,
                                           const DimpleTable        *table,
                                           const DimpleUniqueIndex  *index,
                                           GError                  **error);
void              dimple_index_terms_free (DimpleIndexTerms         *self);

/* From the opening bracket of a table's CREATE TABLE on. */
char             *dimple_index_terms_get_table_body (DimpleConnection  *connection,
                                                     const char        *table,
                                                     GError           **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleIndexTerms, dimple_index_terms_free)

G_END_DECLS
