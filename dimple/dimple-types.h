/* dimple-types.h: forward declarations, so that headers need not include each other
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include <gio/gio.h>

#include "dimple-version-macros.h"

G_BEGIN_DECLS

typedef struct _DimpleStore DimpleStore;

/**
 * DimpleChangeSet:
 *
 * What one or several commits changed: which rows of which tables, and which of their columns.
 *
 * [signal@Dimple.Store::changed] tells of it.  It never changes itself, so it may be kept, and read in any thread.
 */
typedef struct _DimpleChangeSet DimpleChangeSet;

typedef struct _DimpleChange DimpleChange;
typedef struct _DimpleConflict DimpleConflict;
typedef struct _DimpleRow DimpleRow;
typedef struct _DimpleQuery DimpleQuery;
typedef struct _DimpleStorage DimpleStorage;
typedef struct _DimpleSyncClient DimpleSyncClient;

G_END_DECLS
