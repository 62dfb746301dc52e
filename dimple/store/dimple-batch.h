/* dimple-batch.h: many writes, one transaction
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-types.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_BATCH (dimple_batch_get_type ())

DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (DimpleBatch, dimple_batch, DIMPLE, BATCH, GObject)

DIMPLE_AVAILABLE_IN_1_0
DimpleBatch *dimple_batch_new     (DimpleStore  *store);
DIMPLE_AVAILABLE_IN_1_0
char        *dimple_batch_insert  (DimpleBatch  *self,
                                   const char   *table,
                                   GVariant     *values);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_batch_update  (DimpleBatch  *self,
                                   const char   *table,
                                   const char   *key,
                                   GVariant     *values);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_batch_delete  (DimpleBatch  *self,
                                   const char   *table,
                                   const char   *key);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_batch_execute (DimpleBatch  *self,
                                   const char   *sql,
                                   GVariant     *parameters);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_batch_commit  (DimpleBatch  *self,
                                   GError      **error);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_batch_commit_async  (DimpleBatch          *self,
                                         GCancellable         *cancellable,
                                         GAsyncReadyCallback   callback,
                                         gpointer              user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_batch_commit_finish (DimpleBatch          *self,
                                         GAsyncResult         *result,
                                         GError              **error);

G_END_DECLS
