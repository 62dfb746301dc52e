/* dimple-query.h: a live result of SQL as a list model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-types.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_QUERY (dimple_query_get_type ())

DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (DimpleQuery, dimple_query, DIMPLE, QUERY, GObject)

DIMPLE_AVAILABLE_IN_1_0
DimpleQuery  *dimple_query_new            (DimpleStore          *store,
                                           const char           *sql,
                                           GVariant             *parameters);
DIMPLE_AVAILABLE_IN_1_0
DimpleQuery  *dimple_query_new_with_type  (DimpleStore          *store,
                                           GType                 type,
                                           const char           *sql,
                                           GVariant             *parameters);
DIMPLE_AVAILABLE_IN_1_0
void          dimple_query_set_parameters (DimpleQuery          *self,
                                           GVariant             *parameters);
DIMPLE_AVAILABLE_IN_1_0
void          dimple_query_set_sql        (DimpleQuery          *self,
                                           const char           *sql);
DIMPLE_AVAILABLE_IN_1_0
void          dimple_query_refresh        (DimpleQuery          *self);
DIMPLE_AVAILABLE_IN_1_0
void          dimple_query_load_async     (DimpleQuery          *self,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean      dimple_query_load_finish    (DimpleQuery          *self,
                                           GAsyncResult         *result,
                                           GError              **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean      dimple_query_find           (DimpleQuery          *self,
                                           const char           *key,
                                           guint                *position);
DIMPLE_AVAILABLE_IN_1_0
const char   *dimple_query_get_key        (DimpleQuery          *self,
                                           guint                 position);
DIMPLE_AVAILABLE_IN_1_0
GObject      *dimple_query_get_first      (DimpleQuery          *self);
DIMPLE_AVAILABLE_IN_1_0
void          dimple_query_get_section    (DimpleQuery          *self,
                                           guint                 position,
                                           guint                *start,
                                           guint                *end);
DIMPLE_AVAILABLE_IN_1_0
char         *dimple_query_explain        (DimpleQuery          *self);
DIMPLE_AVAILABLE_IN_1_0
const GError *dimple_query_get_error      (DimpleQuery          *self);

G_END_DECLS
