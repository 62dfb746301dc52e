/* dimple-file-watch-private.h: hearing that a database's file was written to
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _DimpleFileWatch DimpleFileWatch;

/* Calls `func` in the thread-default main context of this call a moment after the WAL of the database at `path` was
 * written to, by whomever.  NULL if that cannot be watched (the reason is in the debug log): commits of other processes
 * are then heard of at this one's next. */
DimpleFileWatch *dimple_file_watch_new  (const char      *path,
                                         GSourceFunc      func,
                                         gpointer         user_data);
void             dimple_file_watch_free (DimpleFileWatch *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleFileWatch, dimple_file_watch_free)

G_END_DECLS
