/* dimple-watch-set-private.h: what a SELECT reads, so that it is known which changes can matter to it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-change-set-private.h"
#include "dimple-row-filter-private.h"
#include "dimple-schema-private.h"

G_BEGIN_DECLS

typedef struct
{
  char    *table;
  guint64  columns;       /* DIMPLE_COLUMN_BIT each; the last bit always, as whether a row is there matters always */
} DimpleWatch;

typedef struct
{
  GArray    *watches;     /* of DimpleWatch */
  gboolean   everything;  /* reads what no change tells of: any commit matters */

  /* What else SQLite told while it prepared the statement. */
  guint      n_selects;
  gboolean   has_view;
  gboolean   is_recursive;
  gboolean   has_virtual;
  GPtrArray *functions;   /* of char */
} DimpleWatchSet;

/* Prepares one SELECT, and nothing else: DIMPLE_ERROR_SQL.  `self` is filled in; the statement is the caller's to
 * finalize. */
sqlite3_stmt *dimple_watch_set_prepare     (DimpleWatchSet    *self,
                                            DimpleConnection  *reader,
                                            DimpleSchema      *schema,
                                            const char        *sql,
                                            GError           **error);
void          dimple_watch_set_init        (DimpleWatchSet    *self);
void          dimple_watch_set_clear       (DimpleWatchSet    *self);
/* The columns of a table that are read; 0 if it is not read. */
guint64       dimple_watch_set_get_columns (DimpleWatchSet    *self,
                                            const char        *table);
/* Whether what `changes` says can have changed the result.  `filter` (nullable): which rows it reads. */
gboolean      dimple_watch_set_matches     (DimpleWatchSet    *self,
                                            DimpleChangeSet   *changes,
                                            DimpleRowFilter   *filter);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleWatchSet, dimple_watch_set_clear)

G_END_DECLS
