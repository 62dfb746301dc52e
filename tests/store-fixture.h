/* store-fixture.h: stores with notes, and what stock SQLite reads in their files
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple.h"

#include <sqlite3.h>

static const char * const notes[] = {
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT, stars INTEGER CHECK (stars < 6),"
  "                   folder REFERENCES folder ON DELETE CASCADE);"
  "CREATE TABLE tag (note TEXT, name TEXT, PRIMARY KEY (note, name)) WITHOUT ROWID",
  NULL
};

static inline char *
make_path (const char *name)
{
  return g_build_filename (g_get_user_data_dir (), name, NULL);
}

static inline DimpleStore *
open_store (const char         *path,
            const char * const *migrations)
{
  g_autoptr(GError) error = NULL;
  DimpleStore *store = dimple_store_open (path, &error);

  g_assert_no_error (error);
  dimple_store_migrate (store, migrations, &error);
  g_assert_no_error (error);
  return store;
}

/* What stock SQLite reads: the first column of all rows, one a line. */
static inline char *
read_file (const char *path,
           const char *sql)
{
  g_autoptr(GString) text = g_string_new (NULL);
  sqlite3_stmt *statement = NULL;
  sqlite3 *handle = NULL;

  g_assert_cmpint (sqlite3_open_v2 (path, &handle, SQLITE_OPEN_READWRITE, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_prepare_v2 (handle, sql, -1, &statement, NULL), ==, SQLITE_OK);
  while (sqlite3_step (statement) == SQLITE_ROW)
    g_string_append_printf (text, "%s\n", sqlite3_column_text (statement, 0));
  sqlite3_finalize (statement);
  sqlite3_close (handle);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

#define assert_file(path, sql, wanted) G_STMT_START { \
    g_autofree char *found_ = read_file (path, sql); \
    g_assert_cmpstr (found_, ==, wanted); \
  } G_STMT_END

static inline char *
insert (DimpleStore *store,
        const char  *table,
        const char  *values)
{
  g_autoptr(GError) error = NULL;
  char *key = dimple_store_insert (store, table, g_variant_new_parsed (values), &error);

  g_assert_no_error (error);
  return key;
}

static inline void
execute (DimpleStore *store,
         const char  *sql)
{
  g_autoptr(GError) error = NULL;

  dimple_store_execute (store, sql, NULL, &error);
  g_assert_no_error (error);
}
