/* test-store-errors.c: files that cannot be used, and disks that are full: the right code, and nothing lost
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <unistd.h>

#include "dimple-memory-vfs-private.h"

#define NOBODY 65534

static const char * const migrations[] = { "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT)", NULL };

static char *
make_path (const char *name)
{
  g_mkdir_with_parents (g_get_user_data_dir (), 0700);
  return g_build_filename (g_get_user_data_dir (), name, NULL);
}

static DimpleStore *
open_store (const char *path)
{
  g_autoptr(GError) error = NULL;
  DimpleStore *store = dimple_store_open (path, &error);

  g_assert_no_error (error);
  dimple_store_migrate (store, migrations, &error);
  g_assert_no_error (error);
  return store;
}

static gint64
count_notes (DimpleStore *store)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GObject) row = dimple_store_select_first (store, "SELECT count (*) AS n FROM note", NULL, &error);

  g_assert_no_error (error);
  return dimple_row_get_int64 (DIMPLE_ROW (row), "n");
}

static gint64
count_logged (DimpleStore *store)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GObject) row = dimple_store_select_first (store, "SELECT count (*) AS n FROM dimple_history", NULL, &error);

  g_assert_no_error (error);
  return dimple_row_get_int64 (DIMPLE_ROW (row), "n");
}

/* A transaction that does not fit is undone as a whole, and the store goes on when there is room again. */
static void
test_full (void)
{
  g_autoptr(DimpleStore) store = open_store (NULL);
  g_autoptr(GError) error = NULL;
  gint64 before = 0, after;

  dimple_memory_vfs_set_limit (dimple_memory_vfs_get_size () + 4 * 1024 * 1024);
  for (guint i = 0; error == NULL; i++)
    {
      before = count_notes (store);
      dimple_store_execute (store,
                            "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 500)"
                            " INSERT INTO note SELECT uuid7 (), hex (zeroblob (500)) FROM n", NULL, &error);
      g_assert_cmpuint (i, <, 1000);
    }
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_FULL);
  g_clear_error (&error);
  dimple_memory_vfs_set_limit (G_MAXSIZE);

  after = count_notes (store);
  g_assert_cmpint (after, ==, before);
  g_assert_cmpint (count_logged (store), ==, after);
  dimple_store_execute (store, "INSERT INTO note VALUES ('last', 'x')", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (count_logged (store), ==, after + 1);
}

static void
test_locked (void)
{
  g_autofree char *path = make_path ("locked.db");
  g_autoptr(DimpleStore) store = open_store (path);
  g_autoptr(GError) error = NULL;
  sqlite3 *other = NULL;

  g_assert_cmpint (sqlite3_open (path, &other), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_false (dimple_store_execute (store, "INSERT INTO note VALUES ('a', 'x')", NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BUSY);
  g_clear_error (&error);
  /* Reading goes on meanwhile. */
  g_assert_cmpint (count_notes (store), ==, 0);

  g_assert_cmpint (sqlite3_exec (other, "ROLLBACK", NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (other);
  dimple_store_execute (store, "INSERT INTO note VALUES ('a', 'x')", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (count_logged (store), ==, 1);
}

/* Root may write anything, so it steps aside for the while. */
static void
test_read_only (void)
{
  g_autofree char *folder = g_dir_make_tmp ("dimple-read-only-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "read-only.db", NULL);
  g_autofree char *other = g_build_filename (folder, "new.db", NULL);
  g_autoptr(DimpleStore) store = open_store (path);
  g_autoptr(GError) error = NULL;
  gboolean is_root = geteuid () == 0;

  g_assert_true (dimple_store_close (store, &error));
  g_assert_cmpint (g_chmod (path, 0444), ==, 0);
  g_assert_cmpint (g_chmod (folder, 0555), ==, 0);
  if (is_root)
    g_assert_cmpint (seteuid (NOBODY), ==, 0);

  g_assert_null (dimple_store_open (path, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_READ_ONLY);
  g_clear_error (&error);
  g_assert_null (dimple_store_open (other, &error));
  g_assert_nonnull (error);
  g_assert_true (error->domain == DIMPLE_ERROR);

  if (is_root)
    g_assert_cmpint (seteuid (0), ==, 0);
  g_assert_cmpint (g_chmod (folder, 0755), ==, 0);
  g_remove (path);
  g_rmdir (folder);
}

/* Bytes in the middle are not what they were. */
static void
test_damaged (void)
{
  g_autofree char *path = make_path ("damaged.db");
  g_autoptr(DimpleStore) store = open_store (path);
  g_autoptr(GError) error = NULL;
  g_autofree char *contents = NULL;
  gsize size;

  dimple_store_execute (store,
                        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 500)"
                        " INSERT INTO note SELECT uuid7 (), hex (zeroblob (200)) FROM n", NULL, &error);
  g_assert_no_error (error);
  g_assert_true (dimple_store_close (store, &error));
  g_clear_object (&store);

  g_assert_true (g_file_get_contents (path, &contents, &size, NULL));
  memset (contents + 4096, 0x5a, size - 4096);
  g_assert_true (g_file_set_contents (path, contents, (gssize) size, NULL));
  store = dimple_store_open (path, &error);
  g_assert_null (store);
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CORRUPT);
}

static void
test_set_local_in_script (void)
{
  static const char * const scripts[] = {
    "SELECT dimple_set_local ('draft'); CREATE TABLE draft (id INTEGER PRIMARY KEY, text TEXT)", NULL
  };
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStore) store = dimple_store_open (NULL, &error);

  dimple_store_migrate (store, scripts, &error);
  g_assert_no_error (error);
  dimple_store_execute (store, "INSERT INTO draft (text) VALUES ('x')", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (count_logged (store), ==, 0);
  g_assert_false (dimple_store_execute (store, "SELECT dimple_set_local ('draft')", NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
}

static void
test_no_resource (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStore) store = dimple_store_open (NULL, &error);

  g_assert_false (dimple_store_migrate_resource (store, "/no/such/folder", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/store-errors/full", test_full);
  g_test_add_func ("/store-errors/locked", test_locked);
  g_test_add_func ("/store-errors/read-only", test_read_only);
  g_test_add_func ("/store-errors/damaged", test_damaged);
  g_test_add_func ("/store-errors/set-local-in-script", test_set_local_in_script);
  g_test_add_func ("/store-errors/no-resource", test_no_resource);
  return g_test_run ();
}
