/* dimple-requests-private.h: several requests to a storage at once, made and awaited by one thread
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-enums.h"
#include "dimple-storage.h"

G_BEGIN_DECLS

typedef struct
{
  DimpleStorageOperation   operation;
  char                    *key;          /* LIST: the prefix; REMOVE: the first one */
  guint                    weight;       /* the caller's */

  /* the answer */
  char                   **keys;         /* LIST */
  GBytes                  *contents;     /* GET; PUT: what was put */
  GError                  *error;        /* (nullable) */
} DimpleRequest;

void            dimple_request_free         (DimpleRequest  *self);

typedef struct _DimpleRequests DimpleRequests;

/* Makes a main context, and pushes it as the thread's own until free(): both on the thread that makes the requests. */
DimpleRequests *dimple_requests_new         (GCancellable   *cancellable);
void            dimple_requests_free        (DimpleRequests *self);

void            dimple_requests_list        (DimpleRequests      *self,
                                             DimpleStorage       *storage,
                                             const char          *prefix,
                                             const char          *start_after);
void            dimple_requests_get         (DimpleRequests      *self,
                                             DimpleStorage       *storage,
                                             const char          *key);
void            dimple_requests_put         (DimpleRequests      *self,
                                             DimpleStorage       *storage,
                                             const char          *key,
                                             GBytes              *contents,
                                             guint                weight);
/* `keys` are at least one, and at most DIMPLE_STORAGE_PAGE_SIZE. */
void            dimple_requests_remove      (DimpleRequests      *self,
                                             DimpleStorage       *storage,
                                             const char * const  *keys);
guint           dimple_requests_get_n_open  (DimpleRequests *self);
/* The next answer, whichever it is; waits for it.  There must be a request under way. */
DimpleRequest  *dimple_requests_wait        (DimpleRequests *self);

/* One request and its answer, when no other is under way. */
char          **dimple_requests_list_now    (DimpleRequests      *self,
                                             DimpleStorage       *storage,
                                             const char          *prefix,
                                             const char          *start_after,
                                             GError             **error);
GBytes         *dimple_requests_get_now     (DimpleRequests      *self,
                                             DimpleStorage       *storage,
                                             const char          *key,
                                             GError             **error);
gboolean        dimple_requests_put_now     (DimpleRequests      *self,
                                             DimpleStorage       *storage,
                                             const char          *key,
                                             GBytes              *contents,
                                             GError             **error);
gboolean        dimple_requests_remove_now  (DimpleRequests      *self,
                                             DimpleStorage       *storage,
                                             const char * const  *keys,
                                             GError             **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleRequest, dimple_request_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleRequests, dimple_requests_free)

G_END_DECLS
