/* dimple-given-values-private.h: the values that an app gives for the columns of a row
 *
 * Whatever they come in (an a{sv}, the edits of a row, a record) is read once, as looking at a GVariant costs more than
 * what SQLite does with it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-record-private.h"
#include "dimple-row-edits-private.h"
#include "dimple-schema-private.h"

G_BEGIN_DECLS

typedef struct
{
  guint        column;       /* index into the table's columns */
  DimpleValue  value;
  GVariant    *held;         /* (nullable) what it points into */
} DimpleGivenValue;

typedef struct
{
  DimpleGivenValue *values;
  guint             n_values;
} DimpleGivenValues;

/* All of these are to be cleared, also after they failed: with DIMPLE_ERROR_SQL for a column that the table has not,
 * and DIMPLE_ERROR_PARAMETERS for what is no a{sv}, or a value that cannot be stored. */
gboolean           dimple_given_values_init            (DimpleGivenValues        *self,
                                                        const DimpleTable        *table,
                                                        GVariant                 *dictionary,
                                                        GError                  **error);
/* `edits` (nullable) has to live as long. */
gboolean           dimple_given_values_init_from_edits (DimpleGivenValues        *self,
                                                        const DimpleTable        *table,
                                                        const DimpleRowEdits     *edits,
                                                        GError                  **error);
/* A whole row: a record of all columns, of which the generated ones are left out.  It has to live as long. */
void               dimple_given_values_init_from_row   (DimpleGivenValues        *self,
                                                        const DimpleTable        *table,
                                                        const guint8             *record);
void               dimple_given_values_clear           (DimpleGivenValues        *self);

/* One value more, which has to live as long. */
gboolean           dimple_given_values_add             (DimpleGivenValues        *self,
                                                        const DimpleTable        *table,
                                                        const char               *column,
                                                        const DimpleValue        *value,
                                                        GError                  **error);
/* (nullable): what was given for a column */
const DimpleValue *dimple_given_values_find            (const DimpleGivenValues  *self,
                                                        guint                     column);
/* As the statement's first parameters; they have to live until the statement is released. */
void               dimple_given_values_bind            (const DimpleGivenValues  *self,
                                                        sqlite3_stmt             *statement);

/* (transfer full) (nullable): what an a{sv} has for a column, whose name is compared as SQLite does */
GVariant          *dimple_given_values_look_up         (GVariant                 *dictionary,
                                                        const char               *column);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleGivenValues, dimple_given_values_clear)

G_END_DECLS
