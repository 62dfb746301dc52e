/* dimple-reader-pool-private.h: a few connections that read
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-connection-private.h"

G_BEGIN_DECLS

typedef struct _DimpleReaderPool DimpleReaderPool;

DimpleReaderPool *dimple_reader_pool_new     (const char              *path,
                                              DimpleConnectionFlags    flags);
void              dimple_reader_pool_free    (DimpleReaderPool        *self);
/* DIMPLE_ERROR_CLOSED after close(). */
gboolean          dimple_reader_pool_check_open (DimpleReaderPool      *self,
                                                 GError               **error);
/* Any thread; waits while all are lent.  DIMPLE_ERROR_CLOSED after close(). */
DimpleConnection *dimple_reader_pool_acquire (DimpleReaderPool        *self,
                                              GError                 **error);
void              dimple_reader_pool_release (DimpleReaderPool        *self,
                                              DimpleConnection        *reader);
/* Stops what those that are lent are about, and waits for them. */
void              dimple_reader_pool_close   (DimpleReaderPool        *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleReaderPool, dimple_reader_pool_free)

G_END_DECLS
