/* dimple-store.h: a database of the app's own tables, whose changes are followed
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-types.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_STORE (dimple_store_get_type ())

DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (DimpleStore, dimple_store, DIMPLE, STORE, GObject)

/**
 * DimpleTransactionFunc:
 * @store: the store
 * @user_data: what was given with the function
 * @error: return location for an error
 *
 * The work of one transaction.
 *
 * Returns: %TRUE to commit; %FALSE to roll back
 */
typedef gboolean (*DimpleTransactionFunc) (DimpleStore  *store,
                                           gpointer      user_data,
                                           GError      **error);

/* Life */

DIMPLE_AVAILABLE_IN_1_0
DimpleStore *dimple_store_open          (const char             *path,
                                         GError                **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_close         (DimpleStore            *self,
                                         GError                **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_migrate       (DimpleStore            *self,
                                         const char * const     *migrations,
                                         GError                **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_migrate_resource (DimpleStore         *self,
                                         const char             *resource_path,
                                         GError                **error);

/* Rows by key */

DIMPLE_AVAILABLE_IN_1_0
char        *dimple_store_insert        (DimpleStore            *self,
                                         const char             *table,
                                         GVariant               *values,
                                         GError                **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_update        (DimpleStore            *self,
                                         const char             *table,
                                         const char             *key,
                                         GVariant               *values,
                                         GError                **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_delete        (DimpleStore            *self,
                                         const char             *table,
                                         const char             *key,
                                         GError                **error);
DIMPLE_AVAILABLE_IN_1_0
GObject     *dimple_store_get           (DimpleStore            *self,
                                         const char             *table,
                                         const char             *key,
                                         GError                **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_save          (DimpleStore            *self,
                                         GObject                *object,
                                         GError                **error);
DIMPLE_AVAILABLE_IN_1_0
DimpleRow   *dimple_store_create_row    (DimpleStore            *self,
                                         const char             *table,
                                         GError                **error);

/* SQL */

DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_execute       (DimpleStore            *self,
                                         const char             *sql,
                                         GVariant               *parameters,
                                         GError                **error);

DIMPLE_AVAILABLE_IN_1_0
GListModel  *dimple_store_select        (DimpleStore            *self,
                                         const char             *sql,
                                         GVariant               *parameters,
                                         GError                **error);
DIMPLE_AVAILABLE_IN_1_0
GObject     *dimple_store_select_first  (DimpleStore            *self,
                                         const char             *sql,
                                         GVariant               *parameters,
                                         GError                **error);

/* Transactions */

DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_begin         (DimpleStore            *self,
                                         GError                **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_commit        (DimpleStore            *self,
                                         GError                **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_rollback      (DimpleStore            *self,
                                         GError                **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_transaction   (DimpleStore            *self,
                                         DimpleTransactionFunc   func,
                                         gpointer                user_data,
                                         GError                **error);

/* Types */

DIMPLE_AVAILABLE_IN_1_0
GType        dimple_store_define_row_type (DimpleStore          *self,
                                         const char             *type_name,
                                         const char             *sql,
                                         GError                **error);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_store_register_type (DimpleStore            *self,
                                         const char             *table,
                                         GType                   type);

/* Tables */

DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_set_local     (DimpleStore            *self,
                                         const char             *table,
                                         gboolean                local);

/* History */

DIMPLE_AVAILABLE_IN_1_0
GListModel  *dimple_store_get_history   (DimpleStore            *self,
                                         const char             *table,
                                         const char             *key);
DIMPLE_AVAILABLE_IN_1_0
GListModel  *dimple_store_get_conflicts (DimpleStore            *self);

/* The same without blocking: on the store's own thread, in the order of the calls */

DIMPLE_AVAILABLE_IN_1_0
void         dimple_store_open_async            (const char            *path,
                                                 GCancellable          *cancellable,
                                                 GAsyncReadyCallback    callback,
                                                 gpointer               user_data);
DIMPLE_AVAILABLE_IN_1_0
DimpleStore *dimple_store_open_finish           (GAsyncResult          *result,
                                                 GError               **error);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_store_close_async           (DimpleStore           *self,
                                                 GCancellable          *cancellable,
                                                 GAsyncReadyCallback    callback,
                                                 gpointer               user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_close_finish          (DimpleStore           *self,
                                                 GAsyncResult          *result,
                                                 GError               **error);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_store_migrate_async         (DimpleStore           *self,
                                                 const char * const    *migrations,
                                                 GCancellable          *cancellable,
                                                 GAsyncReadyCallback    callback,
                                                 gpointer               user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_migrate_finish        (DimpleStore           *self,
                                                 GAsyncResult          *result,
                                                 GError               **error);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_store_migrate_resource_async  (DimpleStore         *self,
                                                   const char          *resource_path,
                                                   GCancellable        *cancellable,
                                                   GAsyncReadyCallback  callback,
                                                   gpointer             user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_migrate_resource_finish (DimpleStore         *self,
                                                   GAsyncResult        *result,
                                                   GError             **error);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_store_insert_async          (DimpleStore           *self,
                                                 const char            *table,
                                                 GVariant              *values,
                                                 GCancellable          *cancellable,
                                                 GAsyncReadyCallback    callback,
                                                 gpointer               user_data);
DIMPLE_AVAILABLE_IN_1_0
char        *dimple_store_insert_finish         (DimpleStore           *self,
                                                 GAsyncResult          *result,
                                                 GError               **error);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_store_update_async          (DimpleStore           *self,
                                                 const char            *table,
                                                 const char            *key,
                                                 GVariant              *values,
                                                 GCancellable          *cancellable,
                                                 GAsyncReadyCallback    callback,
                                                 gpointer               user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_update_finish         (DimpleStore           *self,
                                                 GAsyncResult          *result,
                                                 GError               **error);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_store_delete_async          (DimpleStore           *self,
                                                 const char            *table,
                                                 const char            *key,
                                                 GCancellable          *cancellable,
                                                 GAsyncReadyCallback    callback,
                                                 gpointer               user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_delete_finish         (DimpleStore           *self,
                                                 GAsyncResult          *result,
                                                 GError               **error);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_store_execute_async         (DimpleStore           *self,
                                                 const char            *sql,
                                                 GVariant              *parameters,
                                                 GCancellable          *cancellable,
                                                 GAsyncReadyCallback    callback,
                                                 gpointer               user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_execute_finish        (DimpleStore           *self,
                                                 GAsyncResult          *result,
                                                 GError               **error);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_store_transaction_async     (DimpleStore           *self,
                                                 DimpleTransactionFunc  func,
                                                 gpointer               func_data,
                                                 GDestroyNotify         func_destroy,
                                                 GCancellable          *cancellable,
                                                 GAsyncReadyCallback    callback,
                                                 gpointer               user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_transaction_finish    (DimpleStore           *self,
                                                 GAsyncResult          *result,
                                                 GError               **error);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_store_get_async             (DimpleStore           *self,
                                                 const char            *table,
                                                 const char            *key,
                                                 GCancellable          *cancellable,
                                                 GAsyncReadyCallback    callback,
                                                 gpointer               user_data);
DIMPLE_AVAILABLE_IN_1_0
GObject     *dimple_store_get_finish            (DimpleStore           *self,
                                                 GAsyncResult          *result,
                                                 GError               **error);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_store_save_async            (DimpleStore           *self,
                                                 GObject               *object,
                                                 GCancellable          *cancellable,
                                                 GAsyncReadyCallback    callback,
                                                 gpointer               user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean     dimple_store_save_finish           (DimpleStore           *self,
                                                 GAsyncResult          *result,
                                                 GError               **error);
DIMPLE_AVAILABLE_IN_1_0
void         dimple_store_select_async          (DimpleStore           *self,
                                                 const char            *sql,
                                                 GVariant              *parameters,
                                                 GCancellable          *cancellable,
                                                 GAsyncReadyCallback    callback,
                                                 gpointer               user_data);
DIMPLE_AVAILABLE_IN_1_0
GListModel  *dimple_store_select_finish         (DimpleStore           *self,
                                                 GAsyncResult          *result,
                                                 GError               **error);

G_END_DECLS
