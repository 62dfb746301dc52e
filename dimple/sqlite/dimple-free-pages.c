/* dimple-free-pages.c: giving pages that a database no longer uses back to the file system
 *
 * A new file is made with auto_vacuum INCREMENTAL: SQLite then knows who points at each page, so that the last pages of
 * the file can be moved into free ones a few at a time, in transactions like any other.  VACUUM would do it for any
 * file, but copies all of it under the write lock, and may renumber the rows of a table.  A file that was made without
 * keeps its size: what is free in it is used by what comes next.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-free-pages-private.h"

#define AUTO_VACUUM_INCREMENTAL 2

/* It is worth it if a quarter of the file is free, and so many bytes … */
#define MIN_SHARE 4
#define MIN_BYTES (1024 * 1024)
/* … and then so much of what is in use stays free, for what comes next. */
#define SLACK 20

gboolean
dimple_free_pages_prepare (DimpleConnection  *connection,
                           GError           **error)
{
  return dimple_connection_exec (connection, "PRAGMA auto_vacuum = INCREMENTAL", error);
}

gboolean
dimple_free_pages_count (DimpleConnection  *connection,
                         gint64            *n_pages,
                         GError           **error)
{
  gint64 mode, page_size, n_all, n_free;

  *n_pages = 0;
  if (!dimple_connection_get_int64 (connection, "PRAGMA auto_vacuum", 0, &mode, error) ||
      !dimple_connection_get_int64 (connection, "PRAGMA page_size", 0, &page_size, error) ||
      !dimple_connection_get_int64 (connection, "PRAGMA page_count", 0, &n_all, error) ||
      !dimple_connection_get_int64 (connection, "PRAGMA freelist_count", 0, &n_free, error))
    return FALSE;
  if (mode == AUTO_VACUUM_INCREMENTAL && n_free > n_all / MIN_SHARE && n_free * page_size > MIN_BYTES)
    *n_pages = n_free - (n_all - n_free) / SLACK;
  return TRUE;
}

gboolean
dimple_free_pages_give_back (DimpleConnection  *connection,
                             gint64             n_pages,
                             GError           **error)
{
  g_autofree char *sql = g_strdup_printf ("PRAGMA incremental_vacuum (%" G_GINT64_FORMAT ")", n_pages);

  return dimple_connection_exec (connection, sql, error);
}
