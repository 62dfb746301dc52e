/* test-prune.c: what is superseded goes from the log of a device, and nothing else does
 *
 * What that is to buckets and other devices is in test-prune-devices.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-fold-private.h"
#include "dimple-prune-changes-private.h"
#include "prune-fixture.h"

/* Of what is in use: freed pages are used by what comes next. */
static gint64
database_size (Device *device)
{
  return (number (device, "PRAGMA page_count") - number (device, "PRAGMA freelist_count")) *
         number (device, "PRAGMA page_size");
}

static void
test_one_row (void)
{
  g_autoptr(Device) one = device_new (NULL, NULL);
  g_autofree char *before = NULL, *after = NULL;
  gint64 size_of_one, grown;

  device_execute (one, "INSERT INTO note VALUES ('a', 'A title', 'A text')");
  size_of_one = database_size (one);
  edit_often (one, 0, 10000);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log"), ==, 10001);
  grown = database_size (one);
  g_assert_cmpint (grown, >, 2000000);
  before = device_dump (one);

  /* Without a limit everything stays. */
  prune (one);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log"), ==, 10001);

  limit_age (one);
  prune (one);
  after = device_dump (one);
  g_assert_cmpstr (before, ==, after);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log"), ==, 2);
  g_assert_cmpint (log_size (one), <, 400);
  g_assert_cmpint (database_size (one), <=, size_of_one + 4 * number (one, "PRAGMA page_size"));

  /* And the file does not grow when it goes on. */
  for (guint i = 0; i < 5; i++)
    {
      edit_often (one, i * 2000, 2000);
      prune (one);
    }
  g_assert_cmpint (number (one, "PRAGMA page_count") * number (one, "PRAGMA page_size"), <=, grown);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log"), ==, 2);
}

/* -- What stays ---------------------------------------------------------------------------------------------------- */

/* The changes of the log as text, one transaction a line. */
static char *
dump_log (Device *device)
{
  return device_select (device, "SELECT group_concat (flags || ' ' || changes, char (10)) "
                                "FROM (SELECT * FROM dimple_log ORDER BY seq)");
}

static void
test_stubs (void)
{
  g_autoptr(Device) one = device_new (NULL, NULL);
  g_autofree char *log = NULL, *again = NULL;

  limit_age (one);
  device_execute (one, "INSERT INTO note VALUES ('a', 'Old title', 'Old body')");
  device_execute (one, "UPDATE note SET title = 'New title', body = 'Newer body'");
  device_execute (one, "UPDATE note SET body = 'New body'");
  device_execute (one, "INSERT INTO tag VALUES ('a', 'x', 'red'), ('a', 'y', 'green')");
  device_execute (one, "UPDATE tag SET color = 'blue' WHERE name = 'x'");
  device_execute (one, "DELETE FROM tag WHERE name = 'x'");
  device_execute (one, "INSERT INTO tag VALUES ('a', 'x', 'black')");
  device_execute (one, "DELETE FROM tag WHERE name = 'x'");
  prune (one);
  log = dump_log (one);
  /* The insert's stub; the update without the body; the last values; an insert of which one row was superseded; a row
   * that was deleted keeps its last values. */
  g_assert_cmpstr (log, ==,
    "2 [{\"table\":\"note\",\"key\":[\"key\"],\"op\":\"insert\",\"columns\":[\"title\",\"body\"],"
    "\"rows\":[[[\"a\"],[{\"pruned\":true},{\"pruned\":true}]]]}]\n"
    "2 [{\"table\":\"note\",\"key\":[\"key\"],\"op\":\"update\",\"columns\":[\"title\"],"
    "\"rows\":[[[\"a\"],[\"New title\"]]]}]\n"
    "0 [{\"table\":\"note\",\"key\":[\"key\"],\"op\":\"update\",\"columns\":[\"body\"],"
    "\"rows\":[[[\"a\"],[\"New body\"],[\"Newer body\"]]]}]\n"
    "2 [{\"table\":\"tag\",\"key\":[\"note\",\"name\"],\"op\":\"insert\",\"columns\":[\"color\"],"
    "\"rows\":[[[\"a\",\"x\"],[{\"pruned\":true}]],[[\"a\",\"y\"],[\"green\"]]]}]\n"
    "0 [{\"table\":\"tag\",\"key\":[\"note\",\"name\"],\"op\":\"insert\",\"columns\":[\"color\"],"
    "\"rows\":[[[\"a\",\"x\"],[\"black\"]]]}]\n"
    "8 [{\"table\":\"tag\",\"key\":[\"note\",\"name\"],\"op\":\"delete\",\"columns\":[\"color\"],"
    "\"rows\":[[[\"a\",\"x\"],[\"black\"]]]}]");
  prune (one);
  again = dump_log (one);
  g_assert_cmpstr (log, ==, again);
}

/* A value is dropped for its own age, not for that of what replaced it. */
static void
test_age (void)
{
  g_autoptr(Device) one = device_new (NULL, NULL);

  device_note (one, "a", "Old");
  device_note (one, "a", "New");
  g_object_set (one->store, "history-max-age", (gint64) G_TIME_SPAN_DAY, NULL);
  prune (one);
  g_assert_cmpint (number (one, "SELECT sum (flags & 2) FROM dimple_log"), ==, 0);
  limit_age (one);
  prune (one);
  g_assert_cmpint (number (one, "SELECT sum (flags & 2) FROM dimple_log"), ==, 2);
}

/* The oldest goes first, and no more than has to. */
static void
test_size (void)
{
  g_autoptr(Device) one = device_new (NULL, NULL);
  gint64 n_left;

  device_execute (one, "INSERT INTO note VALUES ('a', 'A title', 'A text')");
  edit_often (one, 0, 2000);
  g_object_set (one->store, "history-max-size", (guint64) 100000, NULL);
  prune (one);
  n_left = number (one, "SELECT count (*) FROM dimple_log");
  g_test_message ("%" G_GINT64_FORMAT " bytes are left", log_size (one));
  g_assert_cmpint (log_size (one), <=, 100000);
  g_assert_cmpint (log_size (one), >=, 30000);
  g_assert_cmpint (n_left, >, 100);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log WHERE flags & 2"), ==, 1);

  /* Enough room: nothing more. */
  prune (one);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log"), ==, n_left);

  /* Both limits. */
  edit_often (one, 2000, 1000);
  g_object_set (one->store, "history-max-age", (gint64) G_TIME_SPAN_DAY, NULL);
  prune (one);
  g_assert_cmpint (log_size (one), <=, 100000);

  /* What does not fit though nothing is superseded stays. */
  device_execute (one, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                       "INSERT INTO note SELECT 'key ' || i, 'Title', hex (zeroblob (50)) FROM n");
  prune (one);
  g_assert_cmpint (log_size (one), >, 100000);
  g_assert_cmpint (number (one, "SELECT count (*) FROM note"), ==, 3001);
}

static gboolean
add_rule (DimpleConnection  *connection,
          gpointer           user_data,
          GError           **error)
{
  return dimple_connection_exec (connection, "INSERT INTO dimple_merge_rule VALUES ('NOTE', 'Title', 1)", error);
}

static void
test_rules (void)
{
  g_autoptr(Device) one = device_new (NULL, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_true (dimple_store_write_own (one->store, add_rule, NULL, &error));
  limit_age (one);
  device_execute (one, "INSERT INTO note VALUES ('a', 'One', 'Body')");
  device_execute (one, "UPDATE note SET title = 'Two', body = 'Other'");
  device_execute (one, "UPDATE note SET title = 'Three', body = 'Last'");
  prune (one);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log WHERE changes LIKE '%One%'"), ==, 1);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log WHERE changes LIKE '%[\"Two\"]%'"), ==, 1);
}

static gboolean
always (const char *table,
        const char *column,
        gpointer    user_data)
{
  return TRUE;
}

/* Every kind of change that a script makes, reduced. */
static void
test_anchors (void)
{
#define HEAD "\"table\":\"note\",\"key\":[\"key\"],"
  static const char id[] = "0192f000-0000-7001-8000-00000000aaaa", later[] = "0192f000-0000-7002-8000-00000000aaaa";
  g_autoptr(Device) one = device_new (NULL, NULL);
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (one->store);
  g_autoptr(DimpleFold) fold = dimple_fold_new (schema);
  g_autoptr(GBytes) changes = NULL, edits = NULL, left = NULL, nothing = NULL;
  g_autoptr(GError) error = NULL;
  g_auto(DimpleChangeReader) reader = { 0 };
  g_auto(DimpleChangeGroup) group = { 0 };
  const char *script =
    "[{" HEAD "\"op\":\"update\",\"columns\":[\"title\",\"body\"],\"rows\":["
    "[[\"a\"],[\"T\",\"B\"],[\"t\",\"b\"],[\"0\",\"00\",\"000\"]],"
    "[[\"b\"],[\"T\",\"B\"],[\"t\",\"b\"],[\"0\",\"00\",\"000\"]]]},"
    "{" HEAD "\"op\":\"insert\",\"columns\":[\"title\",\"body\"],\"rows\":[[[\"c\"],[\"T\",\"B\"],[\"\",\"\",\"\"]]]},"
    "{" HEAD "\"op\":\"delete\",\"columns\":[\"title\"],"
    "\"rows\":[[[\"d\"],[\"t\"],[\"0\"]],[[\"e\"],[\"t\"],[\"0\"]]]}]";
  const char *edit =
    "[{" HEAD "\"op\":\"update\",\"columns\":[\"title\"],"
    "\"rows\":[[[\"a\"],[\"N\"],[\"T\"]],[[\"c\"],[\"N\"],[\"T\"]]]},"
    "{" HEAD "\"op\":\"delete\",\"columns\":[\"title\"],\"rows\":[[[\"e\"],[\"t\"]]]}]";
  const char *expected =
    "[{" HEAD "\"op\":\"update\",\"columns\":[\"body\"],\"rows\":[[[\"a\"],[\"B\"],null,[\"0\",\"000\"]]]},"
    "{" HEAD "\"op\":\"update\",\"columns\":[\"title\",\"body\"],\"rows\":["
    "[[\"b\"],[\"T\",\"B\"],[\"t\",\"b\"],[\"0\",\"00\",\"000\"]]]},"
    "{" HEAD "\"op\":\"insert\",\"columns\":[\"title\",\"body\"],\"rows\":["
    "[[\"c\"],[{\"pruned\":true},\"B\"],[\"\",\"\",\"\"]]]},"
    "{" HEAD "\"op\":\"delete\",\"columns\":[\"title\"],\"rows\":[[[\"d\"],[\"t\"],[\"0\"]]]}]";
#undef HEAD
  gboolean is_empty;

  changes = g_bytes_new_static (script, strlen (script));
  edits = g_bytes_new_static (edit, strlen (edit));
  dimple_change_group_init (&group);
  for (int i = 0; i < 2; i++)
    {
      dimple_change_reader_init (&reader, i == 0 ? changes : edits, i == 0 ? 1 : 0);
      while (dimple_change_reader_next_group (&reader, &error))
        {
          dimple_change_group_set (&group, fold, &reader);
          while (dimple_change_reader_next_row (&reader, &error))
            {
              dimple_change_group_set_key (&group, &reader);
              dimple_fold_join_row (fold, dimple_fold_want (fold, group.table, group.table_name, group.key->data,
                                                            group.key->len),
                                    i == 0 ? id : later, i == 0 ? 1 : 0, NULL, &group, &reader);
            }
          g_assert_no_error (error);
        }
      g_assert_no_error (error);
      dimple_change_reader_clear (&reader);
    }

  g_assert_true (dimple_prune_changes (fold, id, 1, changes, always, NULL, &left, &is_empty, &error));
  g_assert_no_error (error);
  g_assert_false (is_empty);
  g_assert_cmpmem (g_bytes_get_data (left, NULL), g_bytes_get_size (left), expected, strlen (expected));
  /* And again: that is all. */
  g_assert_true (dimple_prune_changes (fold, id, 1, left, always, NULL, &nothing, &is_empty, &error));
  g_assert_null (nothing);
  g_assert_true (dimple_prune_changes (fold, later, 0, edits, always, NULL, &nothing, &is_empty, &error));
  g_assert_null (nothing);
}

/* -- By itself ----------------------------------------------------------------------------------------------------- */

static void
check_due (Device  *device,
           gboolean due)
{
  g_autofree char *before = device_select (device, "SELECT value FROM dimple_state WHERE name = 'pruned'");
  g_autofree char *after = NULL;
  g_autoptr(GError) error = NULL;

  g_usleep (2000);
  dimple_store_prune (device->store, TRUE, &error);
  g_assert_no_error (error);
  after = device_select (device, "SELECT value FROM dimple_state WHERE name = 'pruned'");
  g_assert_cmpint (g_strcmp0 (before, after) != 0, ==, due);
}

static void
on_notify (GObject    *object,
           GParamSpec *pspec,
           gpointer    user_data)
{
  (*(guint *) user_data)++;
}

static void
test_due (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(GError) error = NULL;
  guint n_notified = 0;
  gint64 max_age;
  guint64 max_size;

  g_signal_connect (one->store, "notify::history-max-age", G_CALLBACK (on_notify), &n_notified);
  g_object_get (one->store, "history-max-age", &max_age, "history-max-size", &max_size, NULL);
  g_assert_cmpint (max_age, ==, 0);
  g_assert_cmpuint (max_size, ==, 0);
  device_execute (one, "INSERT INTO note VALUES ('a', 'A title', 'A text')");
  check_due (one, FALSE);

  limit_age (one);
  limit_age (one);
  g_assert_cmpuint (n_notified, ==, 1);
  check_due (one, TRUE);
  check_due (one, FALSE);
  edit_often (one, 0, 10);
  check_due (one, FALSE);
  edit_often (one, 0, 400);
  check_due (one, TRUE);
  check_due (one, FALSE);
  /* A sync looks, too. */
  edit_often (one, 0, 400);
  g_usleep (2000);
  device_sync (one);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log"), <, 10);

  g_object_set (one->store, "history-max-age", G_GINT64_CONSTANT (0), "history-max-size", G_GUINT64_CONSTANT (50000),
                NULL);
  edit_often (one, 0, 200);
  check_due (one, FALSE);
  edit_often (one, 0, 400);
  check_due (one, TRUE);
  g_assert_cmpint (log_size (one), <=, 50000);

  dimple_store_close (one->store, &error);
  g_assert_no_error (error);
  g_assert_false (dimple_store_prune (one->store, FALSE, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED);
}

/* After a while, without anybody asking. */
static void
test_by_itself (void)
{
  g_autoptr(Device) one = device_new (NULL, NULL);

  limit_age (one);
  edit_often (one, 0, 1);
  device_execute (one, "INSERT INTO note VALUES ('a', 'A title', 'A text')");
  edit_often (one, 0, 500);
  while (number (one, "SELECT count (*) FROM dimple_log") > 3)
    g_usleep (100000);
}

/* -- Damage -------------------------------------------------------------------------------------------------------- */

static gboolean
damage_log (DimpleConnection  *connection,
            gpointer           user_data,
            GError           **error)
{
  return dimple_connection_exec (connection, user_data, error);
}

static void
test_damaged_log (void)
{
  const char * const damages[] = {
    "UPDATE dimple_log SET changes = 'x' WHERE seq = (SELECT max (seq) FROM dimple_log)",
    "DROP TABLE dimple_pack",
    "DROP TABLE dimple_merge_rule",
    "DROP TABLE dimple_run",
  };

  for (guint i = 0; i < G_N_ELEMENTS (damages); i++)
    {
      g_autoptr(Device) one = device_new (NULL, NULL);
      g_autoptr(GError) error = NULL;

      device_note (one, "a", "Old");
      device_note (one, "a", "New");
      limit_age (one);
      g_assert_true (dimple_store_write_own (one->store, damage_log, (gpointer) damages[i], &error));
      g_assert_false (dimple_store_prune (one->store, FALSE, &error));
      g_assert_nonnull (error);
      g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log"), ==, 2);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/prune/one-row", test_one_row);
  g_test_add_func ("/prune/stubs", test_stubs);
  g_test_add_func ("/prune/age", test_age);
  g_test_add_func ("/prune/size", test_size);
  g_test_add_func ("/prune/rules", test_rules);
  g_test_add_func ("/prune/anchors", test_anchors);
  g_test_add_func ("/prune/due", test_due);
  g_test_add_func ("/prune/by-itself", test_by_itself);
  g_test_add_func ("/prune/damaged-log", test_damaged_log);
  return g_test_run ();
}
