/* test-store-open.c: opening, migrating and closing
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>

#include "store-fixture.h"

static void
test_migrations (void)
{
  static const char * const second[] = {
    "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT)",
    "ALTER TABLE note ADD COLUMN stars INTEGER DEFAULT 1; UPDATE note SET stars = 5 WHERE title = 'Milk'",
    NULL
  };
  static const char * const changed[] = { "CREATE TABLE note (key TEXT PRIMARY KEY, title)", second[1], NULL };
  static const char * const first[] = { second[0], NULL };
  static const char * const broken[] = { second[0], second[1], "UPDATE note SET stars = 0; DROP TABLE nothing", NULL };
  static const char * const keyless[] = { second[0], second[1], "CREATE TABLE draft (id INTEGER PRIMARY KEY)", NULL };
  g_autofree char *path = make_path ("migrations.db");
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStore) store = open_store (path, first);
  g_autofree char *milk = insert (store, "note", "{'title': <'Milk'>}");
  g_autofree char *bread = insert (store, "note", "{'title': <'Bread'>}");

  g_assert_true (dimple_store_migrate (store, second, &error));
  g_assert_no_error (error);
  assert_file (path, "SELECT title || stars FROM note ORDER BY title", "Bread1\nMilk5\n");
  /* Only what differs from the DEFAULT is a change, and it is the script's. */
  assert_file (path, "SELECT script || operation || columns || new FROM dimple_history WHERE script > 0",
               "2update[\"stars\"]{\"stars\":5}\n");

  g_assert_false (dimple_store_migrate (store, first, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TOO_NEW);
  g_clear_error (&error);
  g_assert_false (dimple_store_migrate (store, changed, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION);
  g_clear_error (&error);
  g_assert_false (dimple_store_migrate (store, broken, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION);
  g_clear_error (&error);
  g_assert_false (dimple_store_migrate (store, keyless, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_UNTRACKABLE);
  g_clear_error (&error);
  assert_file (path, "SELECT stars FROM note ORDER BY title", "1\n5\n");
  assert_file (path, "SELECT count (*) FROM dimple_migration", "2\n");

  /* What failed left nothing behind: the store goes on. */
  g_assert_true (dimple_store_set_local (store, "draft", TRUE));
  g_assert_true (dimple_store_migrate (store, keyless, &error));
  g_assert_no_error (error);
  execute (store, "INSERT INTO draft DEFAULT VALUES");
  execute (store, "UPDATE note SET stars = 2 WHERE title = 'Milk'");
  assert_file (path, "SELECT count (*) FROM dimple_history WHERE script = 0", "3\n");
}

/* A rebuild under the same name deletes nothing and changes nothing. */
static void
test_rebuild (void)
{
  static const char * const rebuilt[] = {
    "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT)",
    "CREATE TABLE new_note (key TEXT PRIMARY KEY, title TEXT NOT NULL, name TEXT);"
    "INSERT INTO new_note SELECT key, title, upper (title) FROM note;"
    "DROP TABLE note; ALTER TABLE new_note RENAME TO note",
    NULL
  };
  static const char * const first[] = { rebuilt[0], NULL };
  g_autofree char *path = make_path ("rebuild.db");
  g_autoptr(DimpleStore) store = open_store (path, first);
  g_autofree char *key = insert (store, "note", "{'title': <'Milk'>}");
  g_autoptr(GError) error = NULL;

  g_assert_true (dimple_store_migrate (store, rebuilt, &error));
  g_assert_no_error (error);
  assert_file (path, "SELECT operation || \"table\" || new FROM dimple_history WHERE script > 0",
               "updatenote{\"name\":\"MILK\"}\n");
}

static void
test_open_errors (void)
{
  g_autofree char *path = make_path ("text.db");
  g_autofree char *below = make_path ("text.db/below/x.db");
  g_autofree char *newer = make_path ("newer.db");
  g_autofree char *text = g_strnfill (4096, 'x');
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStore) store = NULL;

  g_mkdir_with_parents (g_get_user_data_dir (), 0700);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_null (dimple_store_open (path, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_A_DATABASE);
  g_clear_error (&error);
  g_assert_null (dimple_store_open (below, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_READ_ONLY);
  g_clear_error (&error);

  store = open_store (newer, notes);
  g_assert_true (dimple_store_close (store, &error));
  g_free (read_file (newer, "UPDATE dimple_state SET value = 99 WHERE name = 'format' RETURNING value"));
  g_assert_null (dimple_store_open (newer, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TOO_NEW);
}

static gpointer
open_and_close (gpointer path)
{
  DimpleStore *store = open_store (path, notes);
  g_autoptr(GError) error = NULL;

  dimple_store_close (store, &error);
  g_assert_no_error (error);
  g_object_unref (store);
  return NULL;
}

/* Two processes of an app that start for the first time, say: here they are threads, which SQLite tells apart as
 * well. */
static void
test_open_at_once (void)
{
  for (guint i = 0; i < 30; i++)
    {
      g_autofree char *name = g_strdup_printf ("at-once-%u.db", i);
      g_autofree char *path = make_path (name);
      GThread *threads[4];

      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        threads[j] = g_thread_new ("opens", open_and_close, path);
      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        g_thread_join (threads[j]);
    }
}

static void
test_close (void)
{
  g_autoptr(DimpleStore) store = open_store (NULL, notes);
  g_autoptr(GError) error = NULL;

  g_assert_true (dimple_store_begin (store, &error));
  g_assert_false (dimple_store_close (store, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_clear_error (&error);
  g_assert_true (dimple_store_rollback (store, &error));
  g_assert_true (dimple_store_close (store, &error));
  g_assert_true (dimple_store_close (store, &error));
  g_assert_false (dimple_store_execute (store, "DELETE FROM note", NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (dimple_store_migrate (store, notes, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/store-open/migrations", test_migrations);
  g_test_add_func ("/store-open/rebuild", test_rebuild);
  g_test_add_func ("/store-open/open-errors", test_open_errors);
  g_test_add_func ("/store-open/open-at-once", test_open_at_once);
  g_test_add_func ("/store-open/close", test_close);
  return g_test_run ();
}
