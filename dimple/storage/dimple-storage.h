/* dimple-storage.h: a place for objects, such as a bucket or a folder
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include "dimple-enums.h"
#include "dimple-types.h"

G_BEGIN_DECLS

#define DIMPLE_TYPE_STORAGE (dimple_storage_get_type ())
DIMPLE_AVAILABLE_IN_1_0
G_DECLARE_INTERFACE (DimpleStorage, dimple_storage, DIMPLE, STORAGE, GObject)

/**
 * DimpleStorageInterface:
 * @g_iface: the parent
 * @list_async: gives the keys that start with a prefix and sort after another key; neither is ever %NULL
 * @list_finish: (skip): gives the keys in byte order, as many as one request gives; an empty array is the end
 * @put_async: stores an object, whole or not at all, in place of the one of that name
 * @put_finish: ends `put_async`
 * @get_async: reads a whole object
 * @get_finish: ends `get_async`; %DIMPLE_ERROR_NOT_FOUND if there is no such object
 * @remove_async: removes objects; what is not there counts as removed
 * @remove_finish: ends `remove_async`
 * @dup_description: a sentence's worth of where this is, for the user, without secrets
 *
 * What a storage written in C implements.
 *
 * The arguments have been checked: keys are valid, and there is at least one key to remove.  A callback comes exactly
 * once, in the thread-default main context of the call, and never before the call has returned.  Calls may come from
 * any thread, and several may be under way at once.
 *
 * Don't give a task the address of a public function, such as dimple_storage_put_async(), as source tag: the
 * interface itself marks its own tasks so.
 *
 * An error that is neither in [error@Dimple.Error] nor %G_IO_ERROR_CANCELLED is translated to the nearest one of
 * Dimple.  See [class@Dimple.CustomStorage] for what to use in other languages.
 */
struct _DimpleStorageInterface
{
  GTypeInterface g_iface;

  void     (*list_async)      (DimpleStorage       *self,
                               const char          *prefix,
                               const char          *start_after,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data);
  char   **(*list_finish)     (DimpleStorage       *self,
                               GAsyncResult        *result,
                               GError             **error);
  void     (*put_async)       (DimpleStorage       *self,
                               const char          *key,
                               GBytes              *contents,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data);
  gboolean (*put_finish)      (DimpleStorage       *self,
                               GAsyncResult        *result,
                               GError             **error);
  void     (*get_async)       (DimpleStorage       *self,
                               const char          *key,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data);
  GBytes  *(*get_finish)      (DimpleStorage       *self,
                               GAsyncResult        *result,
                               GError             **error);
  void     (*remove_async)    (DimpleStorage       *self,
                               const char * const  *keys,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data);
  gboolean (*remove_finish)   (DimpleStorage       *self,
                               GAsyncResult        *result,
                               GError             **error);
  char    *(*dup_description) (DimpleStorage       *self);
};

DIMPLE_AVAILABLE_IN_1_0
char     **dimple_storage_list            (DimpleStorage        *self,
                                           const char           *prefix,
                                           const char           *start_after,
                                           GCancellable         *cancellable,
                                           GError              **error);
DIMPLE_AVAILABLE_IN_1_0
void       dimple_storage_list_async      (DimpleStorage        *self,
                                           const char           *prefix,
                                           const char           *start_after,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
DIMPLE_AVAILABLE_IN_1_0
char     **dimple_storage_list_finish     (DimpleStorage        *self,
                                           GAsyncResult         *result,
                                           GError              **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean   dimple_storage_put             (DimpleStorage        *self,
                                           const char           *key,
                                           GBytes               *contents,
                                           GCancellable         *cancellable,
                                           GError              **error);
DIMPLE_AVAILABLE_IN_1_0
void       dimple_storage_put_async       (DimpleStorage        *self,
                                           const char           *key,
                                           GBytes               *contents,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean   dimple_storage_put_finish      (DimpleStorage        *self,
                                           GAsyncResult         *result,
                                           GError              **error);
DIMPLE_AVAILABLE_IN_1_0
GBytes    *dimple_storage_get             (DimpleStorage        *self,
                                           const char           *key,
                                           GCancellable         *cancellable,
                                           GError              **error);
DIMPLE_AVAILABLE_IN_1_0
void       dimple_storage_get_async       (DimpleStorage        *self,
                                           const char           *key,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
DIMPLE_AVAILABLE_IN_1_0
GBytes    *dimple_storage_get_finish      (DimpleStorage        *self,
                                           GAsyncResult         *result,
                                           GError              **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean   dimple_storage_remove          (DimpleStorage        *self,
                                           const char * const   *keys,
                                           GCancellable         *cancellable,
                                           GError              **error);
DIMPLE_AVAILABLE_IN_1_0
void       dimple_storage_remove_async    (DimpleStorage        *self,
                                           const char * const   *keys,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean   dimple_storage_remove_finish   (DimpleStorage        *self,
                                           GAsyncResult         *result,
                                           GError              **error);
DIMPLE_AVAILABLE_IN_1_0
gboolean   dimple_storage_check           (DimpleStorage        *self,
                                           GCancellable         *cancellable,
                                           GError              **error);
DIMPLE_AVAILABLE_IN_1_0
void       dimple_storage_check_async     (DimpleStorage        *self,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
DIMPLE_AVAILABLE_IN_1_0
gboolean   dimple_storage_check_finish    (DimpleStorage        *self,
                                           GAsyncResult         *result,
                                           GError              **error);
DIMPLE_AVAILABLE_IN_1_0
char      *dimple_storage_dup_description (DimpleStorage        *self);

DIMPLE_AVAILABLE_IN_1_0
DimpleStorage *dimple_storage_new_for_uri (const char  *uri,
                                           GError     **error);

G_END_DECLS
