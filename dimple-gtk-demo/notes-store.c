/* notes-store.c: the store of Notes, and its queries
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "notes-store.h"

/*
 * notes_store_open:
 * @path: (nullable): the file; NULL for one in memory
 *
 * Opens the store and brings its schema up to date.
 */
DimpleStore *
notes_store_open (const char  *path,
                  GError     **error)
{
  g_autoptr(DimpleStore) store = dimple_store_open (path, error);

  if (store == NULL || !dimple_store_migrate_resource (store, "/org/dimple/Notes/migrations", error))
    return NULL;
  /* For <lookup type="NotesItem"> in the .ui files. */
  if (dimple_store_define_row_type (store, "NotesItem", NOTES_LIST_SQL, error) == G_TYPE_INVALID)
    return NULL;
  return g_steal_pointer (&store);
}

/* The time as the column `modified` has it. */
char *
notes_store_now (void)
{
  g_autoptr(GDateTime) now = g_date_time_new_now_utc ();

  g_autofree char *seconds = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S");

  return g_strdup_printf ("%s.%03dZ", seconds, g_date_time_get_microsecond (now) / 1000);
}
