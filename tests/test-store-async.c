/* test-store-async.c: a store that several use: what it tells of changes, threads, other processes, and calls that do
 * not block
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "store-fixture.h"

#include "dimple-table-changes-private.h"

/* -- Signals and other processes ----------------------------------------------------------------------------------- */

static void
count_changed (DimpleStore     *store,
               DimpleChangeSet *changes,
               GPtrArray       *sets)
{
  g_ptr_array_add (sets, dimple_change_set_ref (changes));
}

static void
test_changed (void)
{
  g_autoptr(DimpleStore) store = open_store (NULL, notes);
  g_autoptr(GPtrArray) sets = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_change_set_unref);
  g_auto(GStrv) keys = NULL;
  DimpleChangeSet *changes;

  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_signal_connect (store, "changed", G_CALLBACK (count_changed), sets);
  execute (store, "INSERT INTO folder VALUES ('a', 'A')");
  execute (store, "INSERT INTO folder VALUES ('b', 'B')");
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (sets->len, ==, 1);
  changes = g_ptr_array_index (sets, 0);
  g_assert_cmpint (dimple_change_set_get_origin (changes), ==, DIMPLE_ORIGIN_LOCAL);
  g_assert_true (g_strv_equal (dimple_change_set_get_tables (changes), (const char *[]) { "folder", NULL }));
  keys = dimple_change_set_dup_keys (changes, "folder");
  g_assert_true (g_strv_equal ((const char **) keys, (const char *[]) { "a", "b", NULL }));

  execute (store, "UPDATE folder SET name = 'C' WHERE key = 'a'");
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (sets->len, ==, 2);
  changes = g_ptr_array_index (sets, 1);
  g_assert_true (dimple_change_set_has_column (changes, "folder", "name"));
  g_assert_false (dimple_change_set_has_column (changes, "folder", "key"));
  g_assert_false (dimple_change_set_has_column (changes, "note", "title"));
}

/* Of too many rows, in one commit or several that are told of together, none is named. */
static void
test_changed_many (void)
{
  g_autoptr(DimpleStore) store = open_store (NULL, notes);
  g_autoptr(GPtrArray) sets = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_change_set_unref);

  while (g_main_context_iteration (NULL, FALSE))
    ;
  dimple_table_changes_set_max_named (3);
  g_signal_connect (store, "changed", G_CALLBACK (count_changed), sets);
  execute (store, "INSERT INTO folder VALUES ('a', 'A'), ('b', 'B'), ('c', 'C')");
  while (g_main_context_iteration (NULL, FALSE))
    ;
  execute (store, "UPDATE folder SET name = name || 'x' WHERE key < 'c'");
  execute (store, "UPDATE folder SET name = name || 'y' WHERE key < 'c'");
  while (g_main_context_iteration (NULL, FALSE))
    ;
  execute (store, "INSERT INTO folder VALUES ('d', 'D')");
  execute (store, "UPDATE folder SET name = name || 'z'");
  execute (store, "DELETE FROM folder WHERE key = 'd'");
  while (g_main_context_iteration (NULL, FALSE))
    ;
  dimple_table_changes_set_max_named (0);

  g_assert_cmpuint (sets->len, ==, 3);
  for (guint i = 0; i < sets->len; i++)
    {
      g_auto(GStrv) keys = dimple_change_set_dup_keys (sets->pdata[i], "folder");

      g_assert_cmpuint (g_strv_length (keys), ==, i == 0 ? 3 : 0);
      g_assert_true (g_strv_equal (dimple_change_set_get_tables (sets->pdata[i]), (const char *[]) { "folder", NULL }));
      g_assert_true (dimple_change_set_has_column (sets->pdata[i], "folder", "name"));
    }
}

/* Runs the main loop until a set has come; an hour would be a hang. */
static DimpleChangeSet *
wait_for_set (GPtrArray *sets)
{
  while (sets->len == 0)
    g_main_context_iteration (NULL, TRUE);
  return g_ptr_array_index (sets, 0);
}

/* Two connections to one file are to each other what two processes are. */
static void
test_other_process (void)
{
  g_autofree char *path = make_path ("others.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);
  g_autoptr(DimpleStore) other = open_store (path, notes);
  g_autoptr(GPtrArray) sets = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_change_set_unref);
  g_auto(GStrv) keys = NULL;
  DimpleChangeSet *changes;

  /* So that it knows of what the other one wrote when it was opened. */
  execute (store, "DELETE FROM folder");
  dimple_test_wait_idle (store);
  g_signal_connect (store, "changed", G_CALLBACK (count_changed), sets);
  execute (other, "INSERT INTO folder VALUES ('a', 'A')");
  changes = wait_for_set (sets);
  g_assert_cmpint (dimple_change_set_get_origin (changes), ==, DIMPLE_ORIGIN_PROCESS);
  keys = dimple_change_set_dup_keys (changes, "folder");
  g_assert_true (g_strv_equal ((const char **) keys, (const char *[]) { "a", NULL }));
  g_assert_false (dimple_change_set_has_column (changes, "note", "title"));
  dimple_test_wait_idle (store);
  g_ptr_array_set_size (sets, 0);

  /* Somebody who knows nothing of Dimple: anything may have changed. */
  g_free (read_file (path, "INSERT INTO note (key, title) VALUES ('x', 'X') RETURNING key"));
  changes = wait_for_set (sets);
  g_assert_true (dimple_change_set_has_column (changes, "note", "title"));

  /* The two write in turn, and each builds on what the other wrote. */
  execute (store, "UPDATE folder SET name = 'B'");
  execute (other, "UPDATE folder SET name = 'C'");
  execute (store, "UPDATE folder SET name = 'D'");
  assert_file (path, "SELECT name FROM folder", "D\n");
  assert_file (path, "SELECT count (DISTINCT id) FROM dimple_log", "4\n");
  dimple_test_wait_idle (store);
  dimple_test_wait_idle (other);
}

/* -- Threads ------------------------------------------------------------------------------------------------------- */

static gpointer
write_a_hundred (gpointer store)
{
  for (guint i = 0; i < 100; i++)
    g_free (insert (store, "note", "{'title': <'x'>}"));
  return NULL;
}

static void
test_threads (void)
{
  g_autofree char *path = make_path ("threads.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("writer", write_a_hundred, store);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  assert_file (path, "SELECT count (*) FROM note", "400\n");
  /* In one chain: each names the one before it. */
  assert_file (path, "SELECT count (*) FROM dimple_log a JOIN dimple_log b ON a.previous = b.id", "399\n");
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* -- Without blocking ---------------------------------------------------------------------------------------------- */

static void
take_result (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static GAsyncResult *
wait_for (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return *result;
}

static gboolean
rename_notes (DimpleStore  *store,
              gpointer      main_thread,
              GError      **error)
{
  g_assert_true (g_thread_self () != main_thread);
  return dimple_store_execute (store, "UPDATE note SET title = ?", g_variant_new_string ("Bread"), error);
}

static void
test_async (void)
{
  g_autofree char *path = make_path ("async.db");
  g_autoptr(GAsyncResult) opened = NULL, migrated = NULL, inserted = NULL, refused = NULL, changed = NULL;
  g_autoptr(GAsyncResult) closed = NULL;
  g_autoptr(DimpleStore) store = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *key = NULL;

  dimple_store_open_async (path, NULL, take_result, &opened);
  store = dimple_store_open_finish (wait_for (&opened), &error);
  g_assert_no_error (error);

  /* In the order of the calls, without waiting between them. */
  dimple_store_migrate_async (store, notes, NULL, take_result, &migrated);
  dimple_store_insert_async (store, "note", g_variant_new_parsed ("{'title': <'Milk'>}"), NULL, take_result, &inserted);
  dimple_store_execute_async (store, "SELEKT", NULL, NULL, take_result, &refused);
  dimple_store_transaction_async (store, rename_notes, g_thread_self (), NULL, NULL, take_result, &changed);
  dimple_store_close_async (store, NULL, take_result, &closed);
  wait_for (&closed);

  g_assert_true (dimple_store_migrate_finish (store, migrated, &error));
  key = dimple_store_insert_finish (store, inserted, &error);
  g_assert_no_error (error);
  g_assert_false (dimple_store_execute_finish (store, refused, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_clear_error (&error);
  g_assert_true (dimple_store_transaction_finish (store, changed, &error));
  g_assert_true (dimple_store_close_finish (store, closed, &error));
  g_assert_no_error (error);
  assert_file (path, "SELECT title FROM note", "Bread\n");
}

static void
test_cancelled (void)
{
  g_autoptr(DimpleStore) store = open_store (NULL, notes);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *key = NULL;

  g_cancellable_cancel (cancellable);
  dimple_store_insert_async (store, "note", g_variant_new_parsed ("{'title': <'Milk'>}"), cancellable, take_result,
                             &result);
  key = dimple_store_insert_finish (store, wait_for (&result), &error);
  g_assert_null (key);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_batch_async (void)
{
  g_autoptr(DimpleStore) store = open_store (NULL, notes);
  g_autoptr(DimpleBatch) batch = dimple_batch_new (store);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  guint n_changed = 0;

  dimple_test_wait_idle (store);
  g_signal_connect_swapped (store, "changed", G_CALLBACK (g_atomic_int_inc), &n_changed);
  for (guint i = 0; i < 100; i++)
    g_free (dimple_batch_insert (batch, "note", g_variant_new_parsed ("{'title': <'x'>}")));
  dimple_batch_commit_async (batch, NULL, take_result, &result);
  g_assert_true (dimple_batch_commit_finish (batch, wait_for (&result), &error));
  g_assert_no_error (error);
  dimple_test_wait_idle (store);
  g_assert_cmpuint (n_changed, ==, 1);
}

/* A store whose last reference is dropped while its thread works ends all the same. */
static void
test_dropped (void)
{
  g_autofree char *path = make_path ("dropped.db");
  DimpleStore *store = open_store (path, notes);

  for (guint i = 0; i < 20; i++)
    dimple_store_insert_async (store, "note", g_variant_new_parsed ("{'title': <'x'>}"), NULL, NULL, NULL);
  g_object_add_weak_pointer (G_OBJECT (store), (gpointer *) &store);
  g_object_unref (store);
  while (store != NULL)
    g_main_context_iteration (NULL, FALSE);
  assert_file (path, "SELECT count (*) FROM note", "20\n");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/store-async/changed", test_changed);
  g_test_add_func ("/store-async/changed-many", test_changed_many);
  g_test_add_func ("/store-async/threads", test_threads);
  g_test_add_func ("/store-async/async", test_async);
  g_test_add_func ("/store-async/cancelled", test_cancelled);
  g_test_add_func ("/store-async/batch-async", test_batch_async);
  g_test_add_func ("/store-async/dropped", test_dropped);
  g_test_add_func ("/store-async/other-process", test_other_process);
  return g_test_run ();
}
