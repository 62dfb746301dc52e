/* dimple-row.h: one row of a result
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-types.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_ROW (dimple_row_get_type ())

DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (DimpleRow, dimple_row, DIMPLE, ROW, GObject)

struct _DimpleRowClass
{
  GObjectClass parent_class;

  /*< private >*/
  gpointer     padding[8];
};

DIMPLE_AVAILABLE_IN_1_0
const GValue       *dimple_row_get_value         (DimpleRow     *self,
                                                  const char    *column);
DIMPLE_AVAILABLE_IN_1_0
const char         *dimple_row_get_string        (DimpleRow     *self,
                                                  const char    *column);
DIMPLE_AVAILABLE_IN_1_0
gint64              dimple_row_get_int64         (DimpleRow     *self,
                                                  const char    *column);
DIMPLE_AVAILABLE_IN_1_0
double              dimple_row_get_double        (DimpleRow     *self,
                                                  const char    *column);
DIMPLE_AVAILABLE_IN_1_0
gboolean            dimple_row_get_boolean       (DimpleRow     *self,
                                                  const char    *column);
DIMPLE_AVAILABLE_IN_1_0
GBytes             *dimple_row_get_bytes         (DimpleRow     *self,
                                                  const char    *column);
DIMPLE_AVAILABLE_IN_1_0
GDateTime          *dimple_row_dup_date_time     (DimpleRow     *self,
                                                  const char    *column);
DIMPLE_AVAILABLE_IN_1_0
gboolean            dimple_row_is_null           (DimpleRow     *self,
                                                  const char    *column);
DIMPLE_AVAILABLE_IN_1_0
void                dimple_row_set_value         (DimpleRow     *self,
                                                  const char    *column,
                                                  const GValue  *value);
DIMPLE_AVAILABLE_IN_1_0
const char         *dimple_row_get_key           (DimpleRow     *self);
DIMPLE_AVAILABLE_IN_1_0
const char         *dimple_row_get_table         (DimpleRow     *self);
DIMPLE_AVAILABLE_IN_1_0
const char * const *dimple_row_get_columns       (DimpleRow     *self);
DIMPLE_AVAILABLE_IN_1_0
const char         *dimple_row_get_property_name (DimpleRow     *self,
                                                  const char    *column);
DIMPLE_AVAILABLE_IN_1_0
gboolean            dimple_row_is_edited         (DimpleRow     *self);
DIMPLE_AVAILABLE_IN_1_0
void                dimple_row_revert            (DimpleRow     *self);

G_END_DECLS
