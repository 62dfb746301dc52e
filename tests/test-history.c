/* test-history.c: what was changed, as a live list, and writing it back
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "store-exchange.h"

#include "dimple-error.h"

static const char * const migrations[] = {
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body TEXT, done BOOLEAN);"
  "CREATE TABLE tag (note TEXT, name TEXT, colour TEXT, PRIMARY KEY (note, name))",
  NULL
};

/* "insert:note:k1:title,body" of each, the newest first; a "!" before what lost something. */
static char *
describe (GListModel *history)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < g_list_model_get_n_items (history); i++)
    {
      g_autoptr(DimpleChange) change = g_list_model_get_item (history, i);
      g_autofree char *table = NULL, *key = NULL, *columns = NULL;
      g_auto(GStrv) names = NULL;
      DimpleOperation operation;
      gboolean won;

      g_object_get (change, "table", &table, "key", &key, "operation", &operation, "columns", &names, "won", &won,
                    NULL);
      columns = g_strjoinv (",", names);
      g_string_append_printf (text, "%s%s%c:%s:%s:%s", i > 0 ? " " : "", won ? "" : "!", "IUD"[operation], table, key,
                              columns);
    }
  return g_string_free (text, FALSE);
}

static void
assert_history (GListModel *history,
                const char *expected)
{
  g_autofree char *text = describe (history);

  g_assert_cmpstr (text, ==, expected);
}

static DimpleChange *
get_change (GListModel *history,
            guint       position)
{
  DimpleChange *change = g_list_model_get_item (history, position);

  g_assert_nonnull (change);
  return change;
}

static void
count_changes (GListModel *model,
               guint       position,
               guint       removed,
               guint       added,
               guint      *sums)
{
  sums[0]++;
  sums[1] += removed;
  sums[2] += added;
}

/* -- The list ------------------------------------------------------------------------------------------------------ */

static void
test_list (void)
{
  g_autoptr(DimpleStore) store = open_store (migrations);
  g_autoptr(GListModel) everything = NULL, table = NULL, row = NULL, none = NULL;
  guint sums[3] = { 0 };

  execute (store, "INSERT INTO note (key, title, done) VALUES ('k1', 'Milk', TRUE)");
  execute (store, "UPDATE note SET title = 'Bread', body = 'x' WHERE key = 'k1'");
  execute (store, "INSERT INTO tag VALUES ('k1', 'red', '#f00')");
  everything = dimple_store_get_history (store, NULL, NULL);
  table = dimple_store_get_history (store, "NOTE", NULL);
  row = dimple_store_get_history (store, "tag", "[\"k1\",\"red\"]");
  none = dimple_store_get_history (store, "note", "k2");
  g_assert_true (g_list_model_get_item_type (everything) == DIMPLE_TYPE_CHANGE);
  assert_history (everything, "I:tag:[\"k1\",\"red\"]:colour U:note:k1:title,body I:note:k1:title,body,done");
  assert_history (table, "U:note:k1:title,body I:note:k1:title,body,done");
  assert_history (row, "I:tag:[\"k1\",\"red\"]:colour");
  assert_history (none, "");

  /* it is live */
  g_signal_connect (everything, "items-changed", G_CALLBACK (count_changes), sums);
  execute (store, "DELETE FROM note");
  dimple_test_wait_idle (store);
  assert_history (everything, "D:note:k1:title,body,done I:tag:[\"k1\",\"red\"]:colour U:note:k1:title,body "
                              "I:note:k1:title,body,done");
  assert_history (table, "D:note:k1:title,body,done U:note:k1:title,body I:note:k1:title,body,done");
  g_assert_cmpuint (sums[0], ==, 1);
  g_assert_cmpuint (sums[1], ==, 0);
  g_assert_cmpuint (sums[2], ==, 1);
  g_assert_null (g_list_model_get_item (everything, 4));
}

static void
test_values (void)
{
  g_autoptr(DimpleStore) store = open_store (migrations);
  g_autoptr(GListModel) history = NULL;
  g_autoptr(DimpleChange) update = NULL, insert = NULL, again = NULL;
  g_autofree char *author = NULL, *own = NULL, *name = NULL, *id = NULL, *label = NULL, *when = NULL;
  g_autoptr(GDateTime) time = NULL;

  g_object_set (store, "author-name", "Laptop", NULL);
  set_second (store, 5);
  execute (store, "INSERT INTO note VALUES ('k1', 'Milk', NULL, TRUE)");
  execute (store, "UPDATE note SET title = NULL, body = x'0102', done = 7.5 WHERE key = 'k1'");
  history = dimple_store_get_history (store, "note", "k1");
  update = get_change (history, 0);
  insert = get_change (history, 1);
  again = get_change (history, 1);
  g_assert_true (again == insert);

  g_assert_cmpstr (g_value_get_string (dimple_change_get_new_value (insert, "title")), ==, "Milk");
  g_assert_true (g_value_get_boolean (dimple_change_get_new_value (insert, "DONE")));
  g_assert_null (dimple_change_get_new_value (insert, "body"));
  g_assert_null (dimple_change_get_new_value (insert, "nothing"));
  g_assert_null (dimple_change_get_old_value (insert, "title"));
  g_assert_cmpstr (g_value_get_string (dimple_change_get_old_value (update, "title")), ==, "Milk");
  g_assert_null (dimple_change_get_new_value (update, "title"));
  g_assert_cmpuint (g_bytes_get_size (g_value_get_boxed (dimple_change_get_new_value (update, "body"))), ==, 2);
  g_assert_cmpfloat (g_value_get_double (dimple_change_get_new_value (update, "done")), ==, 7.5);
  g_assert_true (dimple_change_get_new_value (update, "done") == dimple_change_get_new_value (update, "done"));

  g_object_get (insert, "transaction", &id, "author", &author, "author-name", &name, "time", &time, "label", &label,
                NULL);
  g_object_get (store, "author", &own, NULL);
  g_assert_cmpstr (author, ==, own);
  g_assert_cmpstr (name, ==, "Laptop");
  g_assert_null (label);
  g_assert_cmpuint (strlen (id), ==, 36);
  when = g_date_time_format_iso8601 (time);
  g_assert_cmpstr (when, ==, "2026-01-01T00:00:05Z");
}

static void
test_long (void)
{
  g_autoptr(DimpleStore) store = open_store (migrations);
  g_autoptr(GListModel) history = NULL;
  g_autoptr(DimpleChange) first = NULL, last = NULL;
  g_autofree char *first_key = NULL, *last_key = NULL;
  guint n_at_once;

  /* a transaction of several parts, and many more than are read at once */
  execute (store, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                  "INSERT INTO note (key, body) SELECT printf ('b%05d', i), hex (zeroblob (200)) FROM n");
  for (guint i = 0; i < 200; i++)
    {
      g_autofree char *sql = g_strdup_printf ("INSERT INTO note (key) VALUES ('s%03u')", i);

      execute (store, sql);
    }
  history = dimple_store_get_history (store, NULL, NULL);
  n_at_once = g_list_model_get_n_items (history);
  g_assert_cmpuint (n_at_once, >, 0);
  g_assert_cmpuint (n_at_once, <, 200);
  first = get_change (history, 0);
  dimple_test_wait_idle (store);
  g_assert_cmpuint (g_list_model_get_n_items (history), ==, 3200);
  last = get_change (history, 3199);
  g_object_get (first, "key", &first_key, NULL);
  g_object_get (last, "key", &last_key, NULL);
  g_assert_cmpstr (first_key, ==, "s199");
  g_assert_cmpstr (last_key, ==, "b03000");
}

/* Of which the log has several rows, each with several changes, while lists follow: where it is written, and merged. */
static void
test_pieces (void)
{
  const char *expected = "U:note:b:title I:note:f:title,body,done I:note:e:title,body,done I:note:d:title,body,done "
                         "I:note:c:title,body,done I:note:b:title,body,done I:note:a:title,body,done "
                         "I:note:before:title,body,done";
  g_autoptr(DimpleStore) a = open_store (migrations), b = open_store (migrations);
  g_autoptr(GListModel) own = dimple_store_get_history (a, NULL, NULL);
  g_autoptr(GListModel) merged = dimple_store_get_history (b, NULL, NULL);
  g_autoptr(GListModel) late = NULL;

  dimple_log_set_piece_size (150);
  set_second (a, 1);
  execute (a, "INSERT INTO note (key) VALUES ('before')");
  set_second (a, 2);
  execute (a, "INSERT INTO note (key) VALUES ('f'), ('e'), ('d'), ('c'), ('b'), ('a')");
  assert_values (a, "SELECT count (*) FROM dimple_log", "3");
  set_second (a, 3);
  execute (a, "UPDATE note SET title = 'b' WHERE key = 'b'");
  dimple_test_wait_idle (a);
  assert_history (own, expected);

  bring (a, b);
  dimple_log_set_piece_size (0);
  dimple_test_wait_idle (b);
  assert_history (merged, expected);
  late = dimple_store_get_history (a, NULL, NULL);
  dimple_test_wait_idle (a);
  assert_history (late, expected);
}

/* -- Merging ------------------------------------------------------------------------------------------------------- */

static void
notified (GObject    *object,
          GParamSpec *property,
          guint      *n)
{
  (*n)++;
}

static void
test_lost (void)
{
  g_autoptr(DimpleStore) a = open_store (migrations), b = open_store (migrations);
  g_autoptr(GListModel) history = NULL;
  g_autoptr(DimpleChange) change = NULL;
  guint n_notified = 0;
  gboolean won;

  set_second (a, 1);
  execute (a, "INSERT INTO note (key, title) VALUES ('k', 'base')");
  bring (a, b);
  set_second (a, 2);
  execute (a, "UPDATE note SET title = 'a'");
  history = dimple_store_get_history (a, "note", "k");
  change = get_change (history, 0);
  g_signal_connect (change, "notify::won", G_CALLBACK (notified), &n_notified);
  g_object_get (change, "won", &won, NULL);
  g_assert_true (won);

  /* the same at the same time elsewhere, a little later by the clock; and the body, which is no loss to anybody */
  set_second (b, 3);
  execute (b, "UPDATE note SET title = 'b', body = 'b'");
  bring (b, a);
  dimple_test_wait_idle (a);
  assert_history (history, "U:note:k:title,body !U:note:k:title I:note:k:title,body,done");
  g_assert_cmpuint (n_notified, ==, 1);

  /* an edit that has seen the other one is no loss */
  set_second (a, 4);
  execute (a, "UPDATE note SET title = 'c'");
  dimple_test_wait_idle (a);
  assert_history (history, "U:note:k:title U:note:k:title,body !U:note:k:title I:note:k:title,body,done");

  /* what comes late takes its place by time, and has lost */
  set_second (b, 3);
  execute (b, "UPDATE note SET title = 'late'");
  bring (b, a);
  dimple_test_wait_idle (a);
  assert_history (history,
                  "U:note:k:title !U:note:k:title U:note:k:title,body !U:note:k:title I:note:k:title,body,done");
}

static void
test_lost_delete (void)
{
  g_autoptr(DimpleStore) a = open_store (migrations), b = open_store (migrations);
  g_autoptr(GListModel) history = NULL;

  set_second (a, 1);
  execute (a, "INSERT INTO note (key, title) VALUES ('k', 'base')");
  bring (a, b);
  set_second (a, 2);
  execute (a, "DELETE FROM note");
  set_second (b, 3);
  execute (b, "UPDATE note SET title = 'edited'");
  bring_both (a, b);
  history = dimple_store_get_history (a, "note", "k");
  dimple_test_wait_idle (a);
  assert_history (history, "U:note:k:title !D:note:k:title,body,done I:note:k:title,body,done");
  assert_values (a, "SELECT title FROM note", "edited");

  /* deleted by one who knows all, and an edit that the deleter never saw */
  set_second (b, 5);
  execute (b, "UPDATE note SET body = 'unseen'");
  set_second (a, 6);
  execute (a, "DELETE FROM note");
  bring (b, a);
  dimple_test_wait_idle (a);
  assert_history (history, "D:note:k:title,body,done !U:note:k:body U:note:k:title !D:note:k:title,body,done "
                           "I:note:k:title,body,done");

  /* made again by one who knows of the delete: it won all the same */
  set_second (a, 7);
  execute (a, "INSERT INTO note (key, title) VALUES ('k', 'again')");
  dimple_test_wait_idle (a);
  assert_history (history, "I:note:k:title,body,done D:note:k:title,body,done !U:note:k:body U:note:k:title "
                           "!D:note:k:title,body,done I:note:k:title,body,done");
}

static void
test_unknown_table (void)
{
  static const char * const newer[] = {
    "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body TEXT, done BOOLEAN);"
    "CREATE TABLE tag (note TEXT, name TEXT, colour TEXT, PRIMARY KEY (note, name))",
    "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT)",
    NULL
  };
  g_autoptr(DimpleStore) a = open_store (newer), b = open_store (migrations);
  g_autoptr(GListModel) history = NULL;
  g_autoptr(DimpleChange) change = NULL;
  g_autoptr(GError) error = NULL;

  execute (a, "INSERT INTO folder VALUES ('f', 'Work')");
  bring (a, b);
  history = dimple_store_get_history (b, NULL, NULL);
  assert_history (history, "I:folder:f:name");
  change = get_change (history, 0);
  g_assert_cmpstr (g_value_get_string (dimple_change_get_new_value (change, "name")), ==, "Work");
  g_assert_false (dimple_change_restore (change, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
}

/* -- Restoring ----------------------------------------------------------------------------------------------------- */

static void
test_restore (void)
{
  g_autoptr(DimpleStore) a = open_store (migrations), b = open_store (migrations);
  g_autoptr(GListModel) history = NULL;
  g_autoptr(DimpleChange) lost = NULL, insert = NULL;
  g_autoptr(GError) error = NULL;

  set_second (a, 1);
  execute (a, "INSERT INTO note (key, title, body) VALUES ('k', 'base', 'text')");
  bring (a, b);
  set_second (a, 2);
  execute (a, "UPDATE note SET title = 'a', body = 'by a'");
  set_second (b, 3);
  execute (b, "UPDATE note SET title = 'b', body = 'by b'");
  bring_both (a, b);
  history = dimple_store_get_history (a, "note", "k");
  lost = get_change (history, 1);
  insert = get_change (history, 2);

  set_second (a, 4);
  dimple_change_restore (lost, "Title", &error);
  g_assert_no_error (error);
  assert_values (a, "SELECT title || '/' || body FROM note", "a/by b");
  dimple_change_restore (lost, NULL, &error);
  g_assert_no_error (error);
  assert_values (a, "SELECT title || '/' || body FROM note", "a/by a");
  dimple_change_restore (insert, NULL, &error);
  g_assert_no_error (error);
  bring (a, b);
  assert_values (b, "SELECT title || '/' || body FROM note", "base/text");

  g_assert_false (dimple_change_restore (lost, "done", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
}

static void
test_restore_deleted (void)
{
  g_autoptr(DimpleStore) a = open_store (migrations), b = open_store (migrations);
  g_autoptr(GListModel) history = NULL;
  g_autoptr(DimpleChange) gone = NULL, update = NULL;
  g_autoptr(GError) error = NULL;

  set_second (a, 1);
  execute (a, "INSERT INTO tag VALUES ('k', 'red', 'f00')");
  execute (a, "INSERT INTO note (key, title, body) VALUES ('k', 'base', 'text')");
  execute (a, "UPDATE note SET title = 'later'");
  execute (a, "DELETE FROM note");
  execute (a, "DELETE FROM tag");
  bring (a, b);
  history = dimple_store_get_history (a, NULL, NULL);
  g_assert_cmpuint (g_list_model_get_n_items (history), ==, 5);
  gone = get_change (history, 0);
  update = get_change (history, 2);
  dimple_change_restore (gone, NULL, &error);
  g_assert_no_error (error);
  assert_values (a, "SELECT note || name || colour FROM tag", "kredf00");
  /* an update of a row that is gone brings it back whole */
  dimple_change_restore (update, NULL, &error);
  g_assert_no_error (error);
  assert_values (a, "SELECT title || '/' || body FROM note", "later/text");
  bring (a, b);
  assert_values (b, "SELECT title || '/' || body FROM note", "later/text");
}

static void
restored (GObject      *object,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  dimple_change_restore_finish (DIMPLE_CHANGE (object), result, &error);
  *(int *) user_data = error == NULL ? 1 : error->code + 100;
}

static void
test_restore_async (void)
{
  g_autoptr(DimpleStore) store = open_store (migrations);
  g_autoptr(GListModel) history = NULL;
  g_autoptr(DimpleChange) insert = NULL;
  int result = 0;

  execute (store, "INSERT INTO note (key, title) VALUES ('k', 'first')");
  execute (store, "UPDATE note SET title = 'second'");
  history = dimple_store_get_history (store, "note", "k");
  insert = get_change (history, 1);
  dimple_change_restore_async (insert, "title", NULL, restored, &result);
  while (result == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (result, ==, 1);
  assert_values (store, "SELECT title FROM note", "first");
  result = 0;
  dimple_change_restore_async (insert, "nothing", NULL, restored, &result);
  while (result == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (result, ==, 100 + DIMPLE_ERROR_SQL);
}

static void
test_pruned (void)
{
  g_autoptr(DimpleStore) a = open_store (migrations);
  g_autoptr(GListModel) history = NULL;
  g_autoptr(DimpleChange) insert = NULL;
  g_autoptr(GPtrArray) transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);
  DimpleTransaction *transaction = g_new0 (DimpleTransaction, 1);
  static const char changes[] =
    "[{\"table\":\"note\",\"key\":[\"key\"],\"op\":\"insert\",\"columns\":[\"title\",\"body\"],"
                                "\"rows\":[[[\"k\"],[{\"pruned\":true},\"text\"]]]}]";
  g_autoptr(GError) error = NULL;

  dimple_uuid7_format (DIMPLE_UUID_TIME (1767225600000, 0), 7, transaction->id);
  g_strlcpy (transaction->author, "0190a000-0000-7000-8000-000000000001", sizeof transaction->author);
  transaction->pruned = TRUE;
  transaction->changes = g_bytes_new_static (changes, strlen (changes));
  g_ptr_array_add (transactions, transaction);
  dimple_store_apply (a, transactions, G_MAXINT64, &error);
  g_assert_no_error (error);
  history = dimple_store_get_history (a, "note", "k");
  assert_history (history, "I:note:k:title,body");
  insert = get_change (history, 0);
  g_assert_null (dimple_change_get_new_value (insert, "title"));
  g_assert_cmpstr (g_value_get_string (dimple_change_get_new_value (insert, "body")), ==, "text");
  g_assert_false (dimple_change_restore (insert, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND);
}

static void
test_pruned_meanwhile (void)
{
  g_autoptr(DimpleStore) store = open_store (migrations);
  g_autoptr(GListModel) history = NULL;
  g_autoptr(DimpleChange) kept = NULL, again = NULL;
  g_autoptr(GError) error = NULL;
  guint sums[3] = { 0 };
  guint n_items;

  set_second (store, 1);
  execute (store, "INSERT INTO note (key, title) VALUES ('k', 'first')");
  for (guint i = 0; i < 20; i++)
    {
      g_autofree char *sql = g_strdup_printf ("UPDATE note SET title = 'edit %u'", i);

      execute (store, sql);
    }
  history = dimple_store_get_history (store, "note", "k");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (g_list_model_get_n_items (history), ==, 21);
  kept = get_change (history, 0);
  g_signal_connect (history, "items-changed", G_CALLBACK (count_changes), sums);

  /* what goes from the log goes from the list */
  g_object_set (store, "history-max-age", G_GINT64_CONSTANT (1), NULL);
  dimple_store_prune (store, FALSE, &error);
  g_assert_no_error (error);
  dimple_test_wait_idle (store);
  n_items = g_list_model_get_n_items (history);
  g_assert_cmpuint (n_items, <, 21);
  g_assert_cmpuint (n_items, >=, 2);
  g_assert_cmpuint (sums[1] - sums[2], ==, 21 - n_items);
  again = get_change (history, 0);
  g_assert_true (again == kept);
  g_assert_cmpstr (g_value_get_string (dimple_change_get_new_value (again, "title")), ==, "edit 19");
  for (guint i = 0; i < n_items; i++)
    {
      g_autoptr(DimpleChange) change = get_change (history, i);
      g_autofree char *table = NULL;

      g_object_get (change, "table", &table, NULL);
      g_assert_cmpstr (table, ==, "note");
    }

  execute (store, "UPDATE note SET title = 'later'");
  dimple_test_wait_idle (store);
  g_assert_cmpuint (g_list_model_get_n_items (history), ==, n_items + 1);
}

/* Where a change stays and its values go, or another one of its transaction goes, there is another item in its
 * place. */
static void
test_values_pruned_meanwhile (void)
{
  g_autoptr(DimpleStore) store = open_store (migrations);
  g_autoptr(GListModel) history = NULL;
  g_autoptr(DimpleChange) newest = NULL, insert = NULL, oldest = NULL, now = NULL;
  g_autoptr(GError) error = NULL;
  guint sums[3] = { 0 };

  set_second (store, 1);
  execute (store, "INSERT INTO note (key, title, body) VALUES ('a', 'oldest', 'text')");
  execute (store, "INSERT INTO note (key, title, body) VALUES ('k', 'first', 'text')");
  dimple_store_begin (store, NULL);
  execute (store, "UPDATE note SET title = 'second' WHERE key = 'k'");
  execute (store, "INSERT INTO tag VALUES ('k', 'red', '#f00')");
  dimple_store_commit (store, NULL);
  execute (store, "UPDATE note SET title = 'third' WHERE key = 'k'");
  history = dimple_store_get_history (store, NULL, NULL);
  dimple_test_wait_idle (store);
  assert_history (history, "U:note:k:title U:note:k:title I:tag:[\"k\",\"red\"]:colour I:note:k:title,body,done "
                           "I:note:a:title,body,done");
  newest = get_change (history, 0);
  insert = get_change (history, 3);
  oldest = get_change (history, 4);
  g_signal_connect (history, "items-changed", G_CALLBACK (count_changes), sums);

  g_object_set (store, "history-max-age", G_GINT64_CONSTANT (1), NULL);
  dimple_store_prune (store, FALSE, &error);
  g_assert_no_error (error);
  dimple_test_wait_idle (store);
  assert_history (history, "U:note:k:title I:tag:[\"k\",\"red\"]:colour I:note:k:title,body,done "
                           "I:note:a:title,body,done");
  /* one emission: the second edit, the tag, which is now the first of its transaction, and the stub of the insert */
  g_assert_cmpuint (sums[0], ==, 1);
  g_assert_cmpuint (sums[1], ==, 3);
  g_assert_cmpuint (sums[2], ==, 2);
  now = get_change (history, 0);
  g_assert_true (now == newest);
  g_set_object (&now, NULL);
  now = get_change (history, 3);
  g_assert_true (now == oldest);
  g_set_object (&now, NULL);
  now = get_change (history, 2);
  g_assert_true (now != insert);
  g_assert_null (dimple_change_get_new_value (now, "title"));
  g_assert_cmpstr (g_value_get_string (dimple_change_get_new_value (now, "body")), ==, "text");
  /* what somebody has stays what it was */
  g_assert_cmpstr (g_value_get_string (dimple_change_get_new_value (insert, "title")), ==, "first");

  /* nothing more to prune: nothing is told */
  g_usleep (2000);
  dimple_store_prune (store, FALSE, &error);
  g_assert_no_error (error);
  dimple_test_wait_idle (store);
  g_assert_cmpuint (sums[0], ==, 1);
}

static void
test_closed (void)
{
  g_autoptr(DimpleStore) store = open_store (migrations);
  g_autoptr(GListModel) history = NULL, later = NULL;
  g_autoptr(DimpleChange) change = NULL;
  g_autoptr(GError) error = NULL;

  execute (store, "INSERT INTO note (key, title) VALUES ('k', 'first')");
  history = dimple_store_get_history (store, NULL, NULL);
  dimple_test_wait_idle (store);
  dimple_store_close (store, &error);
  g_assert_no_error (error);
  assert_history (history, "U:::");              /* nobody can tell any more what it was */
  change = get_change (history, 0);
  g_assert_false (dimple_change_restore (change, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED);
  later = dimple_store_get_history (store, NULL, NULL);
  dimple_test_wait_idle (store);
  g_assert_cmpuint (g_list_model_get_n_items (later), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/history/list", test_list);
  g_test_add_func ("/history/values", test_values);
  g_test_add_func ("/history/long", test_long);
  g_test_add_func ("/history/pieces", test_pieces);
  g_test_add_func ("/history/lost", test_lost);
  g_test_add_func ("/history/lost-delete", test_lost_delete);
  g_test_add_func ("/history/unknown-table", test_unknown_table);
  g_test_add_func ("/history/restore", test_restore);
  g_test_add_func ("/history/restore-deleted", test_restore_deleted);
  g_test_add_func ("/history/restore-async", test_restore_async);
  g_test_add_func ("/history/pruned", test_pruned);
  g_test_add_func ("/history/pruned-meanwhile", test_pruned_meanwhile);
  g_test_add_func ("/history/values-pruned-meanwhile", test_values_pruned_meanwhile);
  g_test_add_func ("/history/closed", test_closed);
  return g_test_run ();
}
