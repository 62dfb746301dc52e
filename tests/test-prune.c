/* test-prune.c: what is superseded goes from the log and the bucket, and all devices end the same
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "devices.h"
#include "dimple-fold-private.h"
#include "dimple-prune-changes-private.h"
#include "seeds-test.h"

/* -- Helpers ---------------------------------------------------------------------------------------------------------- */

static gint64
number (Device     *device,
        const char *sql)
{
  g_autofree char *text = device_select (device, sql);

  return text != NULL ? g_ascii_strtoll (text, NULL, 10) : 0;
}

static void
prune (Device *device)
{
  g_autoptr(GError) error = NULL;

  g_usleep (2000);                                /* an id counts milliseconds */
  dimple_store_prune (device->store, FALSE, &error);
  g_assert_no_error (error);
}

static gint64
log_size (Device *device)
{
  return number (device, "SELECT sum (length (changes)) FROM dimple_log");
}

/* Of what is in use: freed pages are used by what comes next. */
static gint64
database_size (Device *device)
{
  return (number (device, "PRAGMA page_count") - number (device, "PRAGMA freelist_count")) *
         number (device, "PRAGMA page_size");
}

static gsize
bucket_size (Bucket *bucket)
{
  GHashTableIter iter;
  gpointer key, contents;
  gsize size = 0;

  g_hash_table_iter_init (&iter, bucket->objects);
  while (g_hash_table_iter_next (&iter, &key, &contents))
    size += g_str_has_prefix (key, "changes/") ? g_bytes_get_size (contents) : 0;
  return size;
}

static void
limit_age (Device *device)
{
  g_object_set (device->store, "history-max-age", G_GINT64_CONSTANT (1), NULL);
}

static void
verify (Device *device)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) differing = NULL;

  g_assert_true (dimple_sync_client_verify (device->client, NULL, &differing, &error));
  g_assert_no_error (error);
}

static void
edit_often (Device *device,
            guint   first,
            guint   n)
{
  for (guint i = first; i < first + n; i++)
    device_execute (device, "UPDATE note SET body = 'This is text number %u of the note' WHERE key = 'a'", i);
}

/* -- One row ---------------------------------------------------------------------------------------------------------- */

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

/* The same in the bucket: after 100 syncs of 100 edits each, after one of all, and with the last one pruning. */
static void
check_bucket (guint    n_syncs,
              gboolean prunes_last)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autoptr(Device) late = device_new (NULL, bucket->storage);
  g_autofree char *author = NULL, *prefix = NULL;

  device_execute (one, "INSERT INTO note VALUES ('a', 'A title', 'A text')");
  device_sync (one);
  device_sync (other);
  for (guint i = 0; i < n_syncs; i++)
    {
      edit_often (one, i * (10000 / n_syncs), 10000 / n_syncs);
      if (!prunes_last)
        {
          limit_age (one);
          prune (one);
        }
      device_sync (one);
      if (i == n_syncs / 2)
        device_sync (other);
    }
  if (prunes_last)
    g_assert_cmpuint (bucket_size (bucket), >, 100000);
  limit_age (one);
  for (guint i = 0; i < 4; i++)
    {
      prune (one);
      device_sync (one);
    }
  g_test_message ("%u syncs: %u objects of %" G_GSIZE_FORMAT " bytes, %" G_GINT64_FORMAT " rows in the log", n_syncs,
                  bucket_count (bucket, "changes/"), bucket_size (bucket),
                  number (one, "SELECT count (*) FROM dimple_log"));
  g_assert_cmpuint (bucket_size (bucket), <, 8000);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log"), <=, 40);
  g_assert_cmpint (log_size (one), <, 1000);

  /* Whoever saw everything, some or nothing ends the same, and nobody puts back what was pruned. */
  device_sync (other);
  device_sync (late);
  assert_equal_devices (one, other);
  assert_equal_devices (one, late);
  verify (other);
  verify (late);
  g_object_get (one->store, "author", &author, NULL);
  prefix = g_strdup_printf ("changes/%s/", author);
  g_assert_cmpuint (bucket_count (bucket, prefix), ==, bucket_count (bucket, "changes/"));
  bucket_behave (bucket);
  device_sync (one);
  device_sync (other);
  device_sync (late);
  g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_LIST], ==, 6);
  g_assert_cmpuint (bucket->n_requests, ==, 6);

  /* A bucket that was lost is filled again by each of them. */
  g_hash_table_remove_all (bucket->objects);
  device_sync (one);
  device_sync (late);
  bucket_behave (bucket);
  device_sync (one);
  device_sync (late);
  g_assert_cmpuint (bucket->n_requests, ==, 4);
}

/* One pack, and the same with less in it, under a name that says so. */
static void
test_same_ends (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) late = device_new (NULL, bucket->storage);
  g_autofree char *full = NULL, *pruned = NULL;
  g_autoptr(GBytes) contents = NULL;

  device_execute (one, "INSERT INTO note VALUES ('a', 'A title', 'A text')");
  edit_often (one, 0, 1000);
  device_sync (one);
  full = bucket_find (bucket, "changes/", 0);
  contents = g_bytes_ref (g_hash_table_lookup (bucket->objects, full));
  limit_age (one);
  prune (one);
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 2);
  g_assert_nonnull (g_hash_table_lookup (bucket->objects, full));
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 1);
  pruned = bucket_find (bucket, "changes/", 0);
  g_assert_true (strncmp (full, pruned, strlen (full) - strlen (".json.gz")) == 0);
  g_assert_cmpuint (strlen (pruned), ==, strlen (full) + 1 + 16);

  /* Somebody's listing was stale: the full one comes back, and goes again. */
  g_hash_table_insert (bucket->objects, g_strdup (full), g_bytes_ref (contents));
  device_sync (late);
  assert_equal_devices (one, late);
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 1);
  g_assert_nonnull (g_hash_table_lookup (bucket->objects, pruned));
}

static void
test_bucket (void)
{
  check_bucket (100, FALSE);
  check_bucket (100, TRUE);
  check_bucket (1, TRUE);
}

/* A pack that is pruned once and again is written anew each time, under names that have no order of their own. */
static void
test_pruned_again (void)
{
  for (guint i = 0; i < 8; i++)
    {
      g_autoptr(Bucket) bucket = bucket_new ();
      g_autoptr(Device) one = device_new (NULL, bucket->storage);
      g_autoptr(Device) other = device_new (NULL, bucket->storage);

      limit_age (one);
      device_execute (one, "INSERT INTO note VALUES ('a', 'A', hex (randomblob (8000))),"
                           "('b', 'B', hex (randomblob (4000)))");
      device_sync (one);
      for (guint j = 0; j < 2; j++)
        {
          device_sync (other);
          device_execute (other, "UPDATE note SET body = 'Short' WHERE key = '%c'", (int) ('a' + j));
          device_sync (other);
          device_sync (one);
          prune (one);
          device_sync (one);
          device_sync (one);
        }
      device_sync (one);
      bucket_behave (bucket);
      device_sync (one);
      g_assert_cmpuint (bucket->n_requests, ==, 2);      /* the end of this bucket's listing is another request */
    }
}

/* Takes the only pack out of the bucket. */
static GBytes *
take_pack (Bucket  *bucket,
           char   **key)
{
  GBytes *contents;

  *key = bucket_find (bucket, "changes/", 0);
  contents = g_bytes_ref (g_hash_table_lookup (bucket->objects, *key));
  g_hash_table_remove (bucket->objects, *key);
  return contents;
}

static void
put_pack (Bucket     *bucket,
          const char *key,
          GBytes     *contents)
{
  g_hash_table_insert (bucket->objects, g_strdup (key), g_bytes_ref (contents));
}

/* Listings that did not show everything have led to two packs that share some transactions.  What pruning leaves of one cannot
 * be written anew by itself, as the other has a part of it. */
static void
test_overlapping (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autofree char *first = NULL, *longer = NULL, *second = NULL;
  g_autoptr(GBytes) first_contents = NULL, longer_contents = NULL, second_contents = NULL;

  limit_age (one);
  device_execute (one, "INSERT INTO note VALUES ('a', 'A', 'text')");
  device_sync (one);
  first_contents = take_pack (bucket, &first);
  device_execute (one, "INSERT INTO note VALUES ('b', 'B', hex (randomblob (8000)))");
  device_sync (one);
  longer_contents = take_pack (bucket, &longer);
  put_pack (bucket, first, first_contents);
  device_execute (one, "INSERT INTO note VALUES ('c', 'C', hex (randomblob (8000)))");
  device_sync (one);
  g_hash_table_remove (bucket->objects, first);
  second_contents = take_pack (bucket, &second);
  put_pack (bucket, longer, longer_contents);
  put_pack (bucket, second, second_contents);

  device_sync (other);
  device_execute (other, "UPDATE note SET body = 'Short' WHERE key >= 'b'");
  device_sync (other);
  device_sync (one);
  prune (one);
  device_sync (one);
  device_sync (one);
  /* The other device's, and one of this in the place of both. */
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 2);
  g_assert_null (g_hash_table_lookup (bucket->objects, longer));
  g_assert_null (g_hash_table_lookup (bucket->objects, second));
  bucket_behave (bucket);
  device_sync (one);
  g_assert_cmpuint (bucket->n_requests, ==, 2);      /* the end of this bucket's listing is another request */
  assert_equal_devices (one, other);
}

/* -- What stays ------------------------------------------------------------------------------------------------------- */

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

/* A transaction of several rows of the log loses some of them. */
static void
test_large_transaction (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) late = device_new (NULL, bucket->storage);
  g_autofree char *before = NULL, *after = NULL;
  gint64 n_rows;

  device_execute (one, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) "
                       "INSERT INTO note SELECT 'key ' || i, 'Title', hex (zeroblob (50)) FROM n");
  device_execute (one, "UPDATE note SET title = 'Other', body = NULL");
  device_execute (one, "UPDATE note SET title = 'Last', body = 'Last' WHERE key < 'key 5'");
  n_rows = number (one, "SELECT count (*) FROM dimple_log");
  g_assert_cmpint (n_rows, >, 12);
  before = device_dump (one);
  limit_age (one);
  prune (one);
  after = device_dump (one);
  g_assert_cmpstr (before, ==, after);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log"), <, n_rows);
  g_assert_cmpint (number (one, "SELECT count (DISTINCT id) FROM dimple_log"), ==, 3);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log WHERE NOT flags & 4"), ==, 3);

  device_sync (one);
  device_sync (late);
  assert_equal_devices (one, late);
}

/* -- Migrations ------------------------------------------------------------------------------------------------------- */

static void
migrate (Device     *device,
         const char *second,
         const char *third)
{
  const char *scripts[] = { device_migrations[0], second, third, NULL };
  g_autoptr(GError) error = NULL;

  dimple_store_migrate (device->store, scripts, &error);
  g_assert_no_error (error);
}

#define SECOND "UPDATE note SET title = title || '!'; INSERT OR IGNORE INTO note VALUES ('b', 'Made', 'by a script')"
#define THIRD "UPDATE note SET title = title || '?', body = 'rewritten'; DELETE FROM tag"

/* What scripts wrote is superseded, too, and keeps the anchors of what is left of it. */
static void
test_migrations (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autoptr(Device) keeper = device_new (NULL, bucket->storage);
  g_autoptr(Device) late = device_new (NULL, bucket->storage);
  g_autofree char *scripts = NULL;

  device_execute (one, "INSERT INTO note VALUES ('a', 'A title', 'A text')");
  device_execute (one, "INSERT INTO tag VALUES ('a', 'x', 'red'), ('a', 'y', 'green')");
  device_sync (one);
  device_sync (other);
  device_sync (keeper);
  migrate (one, SECOND, NULL);
  migrate (other, SECOND, NULL);
  device_execute (other, "UPDATE note SET body = 'From other'");
  device_sync (one);
  device_sync (other);
  migrate (other, SECOND, THIRD);
  migrate (one, SECOND, THIRD);
  device_execute (one, "UPDATE note SET title = 'Typed' WHERE key = 'a'");
  device_execute (one, "UPDATE note SET body = 'Typed, too' WHERE key = 'b'");
  for (int i = 0; i < 2; i++)
    {
      device_sync (one);
      device_sync (other);
      device_sync (keeper);
    }
  migrate (keeper, SECOND, THIRD);
  device_sync (keeper);
  device_sync (one);
  device_sync (other);
  assert_equal_devices (one, other);
  assert_equal_devices (one, keeper);

  limit_age (one);
  limit_age (other);
  prune (one);
  prune (other);
  scripts = device_select (one, "SELECT count (*) FROM dimple_log WHERE script > 0 AND flags & 2");
  g_assert_cmpint (atoi (scripts), >=, 2);

  /* From what is left, a device that saw nothing gets to the same, whatever it has run by then. */
  g_hash_table_remove_all (bucket->objects);
  device_sync (one);
  device_sync (late);
  migrate (late, SECOND, THIRD);
  device_sync (late);
  device_sync (one);
  device_sync (other);
  device_sync (keeper);
  device_sync (late);
  assert_equal_devices (one, other);
  assert_equal_devices (one, keeper);
  assert_equal_devices (one, late);
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
    "{" HEAD "\"op\":\"delete\",\"columns\":[\"title\"],\"rows\":[[[\"d\"],[\"t\"],[\"0\"]],[[\"e\"],[\"t\"],[\"0\"]]]}]";
  const char *edit =
    "[{" HEAD "\"op\":\"update\",\"columns\":[\"title\"],\"rows\":[[[\"a\"],[\"N\"],[\"T\"]],[[\"c\"],[\"N\"],[\"T\"]]]},"
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

/* -- By itself -------------------------------------------------------------------------------------------------------- */

static void
check_due (Device  *device,
           gboolean due)
{
  g_autofree char *before = device_select (device, "SELECT value FROM dimple_state WHERE name = 'pruned'"), *after = NULL;
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

  g_object_set (one->store, "history-max-age", G_GINT64_CONSTANT (0), "history-max-size", G_GUINT64_CONSTANT (50000), NULL);
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

/* -- Damage ----------------------------------------------------------------------------------------------------------- */

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

/* -- At random -------------------------------------------------------------------------------------------------------- */

static void
edit (Device *device,
      GRand  *random,
      guint   round)
{
  guint key = (guint) g_rand_int_range (random, 0, 4);

  switch (g_rand_int_range (random, 0, 6))
    {
    case 0:
      device_execute (device, "DELETE FROM note WHERE key = '%u'", key);
      break;
    case 1:
      device_execute (device, "INSERT OR REPLACE INTO note VALUES ('%u', 'Title %u', 'Body %u')", key, round, round);
      break;
    case 2:
      device_execute (device, "UPDATE note SET title = 'Title %u' WHERE key = '%u'", round, key);
      break;
    case 3:
      device_execute (device, "UPDATE note SET title = 'T %u', body = 'B %u'", round, round);
      break;
    case 4:
      device_execute (device, "INSERT INTO tag VALUES ('%u', 'x', '%u') ON CONFLICT DO UPDATE SET color = excluded.color",
                      key, round);
      break;
    default:
      device_execute (device, "UPDATE note SET body = 'Body %u' WHERE key >= '%u'", round, key);
    }
}

/* Devices that prune, one that never does and two buckets: all end the same, and as if nothing had been pruned. */
static void
simulate (guint number)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (number);
  g_autoptr(Bucket) left = bucket_new ();
  g_autoptr(Bucket) right = bucket_new ();
  g_autoptr(Bucket) full = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, left->storage);
  g_autoptr(Device) two = device_new (NULL, left->storage);
  g_autoptr(Device) three = device_new (NULL, right->storage);
  g_autoptr(Device) keeper = device_new (NULL, left->storage);
  g_autoptr(Device) late = device_new (NULL, right->storage);
  g_autoptr(Device) unpruned = device_new (NULL, full->storage);
  Device *devices[] = { one, two, three, keeper };

  dimple_sync_client_add_storage (two->client, right->storage);
  dimple_sync_client_add_storage (keeper->client, right->storage);
  device_sync (keeper);
  for (guint i = 0; i < 3; i++)
    {
      device_sync (devices[i]);
      limit_age (devices[i]);
    }
  for (guint round = 0; round < 120; round++)
    {
      Device *device = devices[g_rand_int_range (random, 0, 4)];
      Bucket *bucket = g_rand_boolean (random) ? left : right;

      switch (g_rand_int_range (random, 0, 12))
        {
        case 0:
          bucket_fail_at (bucket, (guint) g_rand_int_range (random, 0, 6), g_rand_boolean (random), DIMPLE_ERROR_OFFLINE);
          break;
        case 1:
          bucket_behave (bucket);
          bucket_freeze (bucket);
          break;
        case 2:
          bucket_behave (bucket);
          break;
        case 3:
        case 4:
        case 5:
          dimple_sync_client_sync (device->client, NULL, NULL);
          break;
        case 6:
          if (device != keeper)
            prune (device);
          break;
        case 7:
          if (g_rand_int_range (random, 0, 4) == 0)
            g_hash_table_remove_all (bucket->objects);
          break;
        default:
          edit (device, random, round);
        }
    }

  bucket_behave (left);
  bucket_behave (right);
  for (int i = 0; i < 3; i++)
    for (int n = 0; n < 4; n++)
      device_sync (devices[n]);
  device_sync (late);
  assert_equal_devices (one, keeper);
  assert_equal_devices (two, keeper);
  assert_equal_devices (three, keeper);
  assert_equal_devices (late, keeper);

  prune (one);
  prune (two);
  prune (three);
  for (int n = 0; n < 4; n++)
    device_sync (devices[n]);
  dimple_sync_client_remove_storage (one->client, left->storage);
  dimple_sync_client_add_storage (one->client, full->storage);
  g_hash_table_remove_all (full->objects);
  device_sync (one);
  device_sync (unpruned);
  assert_equal_devices (unpruned, keeper);
}

static void
test_random (void)
{
  run_seeds (simulate);
}

int
main (int    argc,
      char **argv)
{
  seeds_test_init (&argc, &argv, 15);

  g_test_add_func ("/prune/one-row", test_one_row);
  g_test_add_func ("/prune/bucket", test_bucket);
  g_test_add_func ("/prune/same-ends", test_same_ends);
  g_test_add_func ("/prune/pruned-again", test_pruned_again);
  g_test_add_func ("/prune/overlapping", test_overlapping);
  g_test_add_func ("/prune/stubs", test_stubs);
  g_test_add_func ("/prune/age", test_age);
  g_test_add_func ("/prune/size", test_size);
  g_test_add_func ("/prune/rules", test_rules);
  g_test_add_func ("/prune/large-transaction", test_large_transaction);
  g_test_add_func ("/prune/migrations", test_migrations);
  g_test_add_func ("/prune/anchors", test_anchors);
  g_test_add_func ("/prune/due", test_due);
  g_test_add_func ("/prune/by-itself", test_by_itself);
  g_test_add_func ("/prune/damaged-log", test_damaged_log);
  g_test_add_func ("/prune/random", test_random);
  return g_test_run ();
}
