/* dimple-given-values-private.h: the values that an app gives for the columns of a row
 *
 * An a{sv} is read once, as looking at a GVariant costs more than what SQLite does with it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-schema-private.h"

G_BEGIN_DECLS

typedef struct
{
  guint     column;       /* index into the table's columns */
  GVariant *value;
} DimpleGivenValue;

typedef struct
{
  DimpleGivenValue *values;
  guint           n_values;
} DimpleGivenValues;

/* DIMPLE_ERROR_PARAMETERS for what is no a{sv}, DIMPLE_ERROR_SQL for a column that the table has not. */
gboolean  dimple_given_values_init  (DimpleGivenValues        *self,
                                     const DimpleTable        *table,
                                     GVariant                 *dictionary,
                                     GError                  **error);
void      dimple_given_values_clear (DimpleGivenValues        *self);

/* (nullable): what was given for a column */
GVariant *dimple_given_values_find  (const DimpleGivenValues  *self,
                                     guint                     column);
/* As the statement's first parameters; they have to live until the statement is released. */
gboolean  dimple_given_values_bind  (const DimpleGivenValues  *self,
                                     sqlite3_stmt             *statement,
                                     GError                  **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleGivenValues, dimple_given_values_clear)

G_END_DECLS
