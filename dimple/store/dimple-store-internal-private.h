/* dimple-store-internal-private.h: the store's own parts, for the files of the store alone
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-store-private.h"
#include "dimple-writer-private.h"

G_BEGIN_DECLS

struct _DimpleStore
{
  GObject           parent_instance;

  char             *path;             /* (nullable) */
  char             *name;             /* the path, or what connections in memory are opened by */
  char             *author;
  GMainContext     *context;          /* signals are emitted here */
  DimpleWriter     *writer;

  GMutex            readers_lock;     /* of this group */
  GCond             readers_changed;
  GPtrArray        *idle_readers;
  guint             n_readers;        /* lent ones too */
  gboolean          closed;

  GRecMutex         listeners_lock;
  GArray           *listeners;

  GMutex            pending_lock;     /* of this group */
  DimpleChangeSet  *pending;          /* (nullable) what `changed` has not told yet */
  GSource          *emission;         /* (nullable) */
  guint64           generation;
};

G_END_DECLS
