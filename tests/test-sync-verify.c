/* test-sync-verify.c: comparing a store with its storages
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>

#include "devices.h"

#include "dimple-sync-verify-private.h"

/* Writes what no log knows, as a mistake of the merge would. */
static gboolean
write_past_the_log (DimpleConnection  *connection,
                    gpointer           user_data,
                    GError           **error)
{
  return dimple_connection_exec (connection, user_data, error);
}

static void
tamper (Device     *device,
        const char *sql)
{
  g_autoptr(GError) error = NULL;

  dimple_store_write_own (device->store, write_past_the_log, (gpointer) sql, &error);
  g_assert_no_error (error);
}

static void
assert_differing (Device     *device,
                  const char *expected)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) differing = NULL;
  g_autofree char *joined = NULL;

  g_assert_true (dimple_sync_client_verify (device->client, NULL, &differing, &error));
  g_assert_no_error (error);
  joined = g_strjoinv (" ", differing);
  g_assert_cmpstr (joined, ==, expected);
}

static void
assert_fails (Device *device,
              GQuark  domain,
              int     code)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) differing = NULL;

  g_assert_false (dimple_sync_client_verify (device->client, NULL, &differing, &error));
  g_assert_error (error, domain, code);
  g_assert_null (differing);
}

/* Nothing is left behind where the copy was. */
static void
assert_no_scratch (void)
{
  g_autoptr(GDir) folder = g_dir_open (g_get_user_cache_dir (), 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    g_assert_false (g_str_has_prefix (name, "dimple-verify"));
}

static void
test_rows (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);

  for (int i = 0; i < 20; i++)
    device_execute (one, "INSERT INTO note VALUES ('%d', 'Title', NULL)", i);
  device_execute (one, "INSERT INTO tag VALUES ('0', 'red', x'00ff'), ('0', 'green', 1), ('1', 'red', 1.0)");
  device_sync (one);
  device_execute (other, "INSERT INTO note VALUES ('from other', '', '')");
  device_sync (other);
  device_execute (other, "DELETE FROM note WHERE key = '3'");
  device_sync (other);
  device_sync (one);
  assert_differing (one, "");
  assert_differing (other, "");

  /* A changed value, a missing row, one too many. */
  tamper (one, "UPDATE note SET title = 'Tampered' WHERE key = '7'");
  assert_differing (one, "note/7");
  tamper (one, "DELETE FROM note WHERE key = '5'");
  assert_differing (one, "note/5 note/7");
  tamper (one, "INSERT INTO note VALUES ('new', '', '')");
  assert_differing (one, "note/5 note/7 note/new");
  tamper (one, "UPDATE tag SET color = x'00fe' WHERE note = '0' AND name = 'red'");
  assert_differing (one, "note/5 note/7 note/new tag/[\"0\",\"red\"]");
  assert_differing (other, "");
  assert_no_scratch ();
}

/* Equal to SQL, but not the same. */
static void
test_types (void)
{
  static const char * const migrations[] = { "CREATE TABLE thing (key TEXT COLLATE NOCASE PRIMARY KEY, "
                                             "value, twice AS (value || value)) WITHOUT ROWID", NULL };
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();
  g_autoptr(GError) error = NULL;
  Device device = { .store = dimple_store_open (NULL, &error) };

  g_assert_true (dimple_store_migrate (device.store, migrations, &error));
  device.client = dimple_sync_client_new (device.store, storage);
  device_execute (&device, "INSERT INTO thing VALUES ('a', 1), ('b', 'text'), ('C', NULL)");
  device_sync (&device);
  assert_differing (&device, "");
  tamper (&device, "UPDATE thing SET value = 1.0 WHERE key = 'a'");
  assert_differing (&device, "thing/a");
  tamper (&device, "UPDATE thing SET value = CAST ('text' AS BLOB) WHERE key = 'b'");
  assert_differing (&device, "thing/a thing/b");
  tamper (&device, "UPDATE thing SET key = 'c' WHERE key = 'C'");
  /* two keys, of which each has only one */
  assert_differing (&device, "thing/C thing/a thing/b thing/c");

  g_object_unref (device.client);
  g_assert_true (dimple_store_close (device.store, NULL));
  g_object_unref (device.store);
}

static char *
compare (DimpleStore        *one,
         DimpleStore        *other,
         DimpleSyncFindings *findings)
{
  g_auto(GStrv) differing = NULL;
  g_autoptr(GError) error = NULL;

  dimple_sync_findings_init (findings);
  g_assert_true (dimple_sync_compare (one, other, findings, NULL, &error));
  g_assert_no_error (error);
  differing = dimple_sync_findings_steal (findings);
  dimple_sync_findings_clear (findings);
  return g_strjoinv (" ", differing);
}

/* Rows are compared of those tables only whose digests differ. */
static void
test_digests (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *nothing = NULL, *some = NULL;
  g_autoptr(GError) error = NULL;
  DimpleSyncFindings findings;

  device_execute (one, "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
                  "INSERT INTO note SELECT 'n' || i, 'Title', NULL FROM n");
  device_execute (one, "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
                  "INSERT INTO tag SELECT 'n' || (i %% 7), 't' || i, 'red' FROM n");
  device_sync (one);
  device_sync (other);
  nothing = compare (one->store, other->store, &findings);
  g_assert_cmpstr (nothing, ==, "");
  g_assert_cmpuint (findings.n_digested, ==, 2 * 1500);
  g_assert_cmpuint (findings.n_compared, ==, 0);

  tamper (one, "DELETE FROM tag WHERE name = 't500'; UPDATE tag SET color = 'Red' WHERE name = 't14'");
  tamper (other, "INSERT INTO tag VALUES ('n0', 't0', 'red'), ('n9', 't0', 'red')");
  some = compare (one->store, other->store, &findings);
  g_assert_cmpstr (some, ==, "tag/[\"n0\",\"t0\"] tag/[\"n0\",\"t14\"] tag/[\"n3\",\"t500\"] tag/[\"n9\",\"t0\"]");
  g_assert_cmpuint (findings.n_digested, ==, 2 * 1500 - 1 + 2);
  g_assert_cmpuint (findings.n_compared, ==, 2 * 500 - 1 + 2);

  dimple_sync_findings_init (&findings);
  g_cancellable_cancel (cancellable);
  g_assert_false (dimple_sync_compare (one->store, other->store, &findings, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (findings.n_digested, ==, 0);
  dimple_sync_findings_clear (&findings);
}

/* Keys of every type and collation, in any order. */
static void
test_order (void)
{
  static const char * const migrations[] = {
    "CREATE TABLE mixed (a, b TEXT COLLATE NOCASE, value, PRIMARY KEY (b DESC, a)) WITHOUT ROWID;"
    "CREATE TABLE folded (key TEXT COLLATE NOCASE, value, PRIMARY KEY (key COLLATE BINARY)) WITHOUT ROWID;"
    "CREATE TABLE plain (key TEXT PRIMARY KEY, value)", NULL };
  static const char * const rows[] = {
    "INSERT INTO mixed VALUES (1, 'b', 0), (1.5, 'b', 0), ('1', 'b', 0), (x'31', 'b', 0), (2, 'B', 0), (-9, 'a', 0)",
    "INSERT INTO folded VALUES ('k', 0), ('K', 0), ('l', 0)",
    "INSERT INTO plain VALUES ('', 0), ('a', 0), ('B', 0), ('ä', 0), (x'00', 0), (x'', 0)" };
  static const struct
  {
    const char *change;
    const char *expected;
  } cases[] = {
    { "DELETE FROM mixed WHERE a = 1.5", "mixed/[\"b\",1.5]" },
    { "UPDATE mixed SET b = 'A' WHERE a = -9", "mixed/[\"A\",-9] mixed/[\"a\",-9]" },
    { "DELETE FROM mixed WHERE a = x'31' OR a = 2", "mixed/[\"B\",2] mixed/[\"b\",{\"hex\":\"31\"}]" },
    { "DELETE FROM mixed", NULL },
    { "DELETE FROM folded WHERE key = 'k' COLLATE BINARY", "folded/k" },
    { "UPDATE folded SET value = 1 WHERE key = 'K' COLLATE BINARY", "folded/K" },
    { "DELETE FROM plain WHERE key = x'00'", "plain/[{\"hex\":\"00\"}]" },
    { "UPDATE plain SET value = 0.0 WHERE key = '' OR key = 'ä'", "plain/ plain/ä" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;
      Device devices[2] = { { .store = dimple_store_open (NULL, &error) },
                            { .store = dimple_store_open (NULL, &error) } };
      g_autofree char *differing = NULL, *back = NULL;
      g_auto(GStrv) words = NULL;
      DimpleSyncFindings findings;

      for (guint j = 0; j < 2; j++)
        {
          g_assert_true (dimple_store_migrate (devices[j].store, migrations, &error));
          for (guint k = 0; k < G_N_ELEMENTS (rows); k++)
            tamper (&devices[j], rows[j == 0 ? k : G_N_ELEMENTS (rows) - 1 - k]);
        }
      g_assert_no_error (error);
      differing = compare (devices[0].store, devices[1].store, &findings);
      g_assert_cmpstr (differing, ==, "");
      g_clear_pointer (&differing, g_free);

      tamper (&devices[1], cases[i].change);
      differing = compare (devices[0].store, devices[1].store, &findings);
      words = g_strsplit (differing, " ", -1);
      back = compare (devices[1].store, devices[0].store, &findings);
      g_assert_cmpstr (differing, ==, back);
      if (cases[i].expected != NULL)
        g_assert_cmpstr (differing, ==, cases[i].expected);
      else
        g_assert_cmpuint (g_strv_length (words), ==, 6);
      for (guint j = 0; j < 2; j++)
        {
          g_assert_true (dimple_store_close (devices[j].store, NULL));
          g_object_unref (devices[j].store);
        }
    }
}

/* Different versions of an app: what both have is compared. */
static void
test_versions (void)
{
  static const char * const migrations[] = { "CREATE TABLE note (key TEXT PRIMARY KEY, title)",
                                             "ALTER TABLE note ADD COLUMN body DEFAULT 1",
                                             "CREATE TABLE page (key TEXT PRIMARY KEY)", NULL };
  const char * const old[] = { migrations[0], NULL };
  g_autoptr(GError) error = NULL;
  Device one = { .store = dimple_store_open (NULL, &error) }, other = { .store = dimple_store_open (NULL, &error) };
  g_autofree char *nothing = NULL, *note = NULL;
  DimpleSyncFindings findings;

  g_assert_true (dimple_store_migrate (one.store, old, &error));
  g_assert_true (dimple_store_migrate (other.store, migrations, &error));
  tamper (&one, "INSERT INTO note VALUES ('a', 'A')");
  tamper (&other, "INSERT INTO note VALUES ('a', 'A', 'Text')");
  tamper (&other, "INSERT INTO page VALUES ('p')");
  nothing = compare (one.store, other.store, &findings);
  g_assert_cmpstr (nothing, ==, "");
  tamper (&other, "UPDATE note SET title = 'B'");
  note = compare (other.store, one.store, &findings);
  g_assert_cmpstr (note, ==, "note/a");

  g_assert_true (dimple_store_close (one.store, NULL));
  g_object_unref (one.store);
  g_assert_true (dimple_store_close (other.store, NULL));
  g_object_unref (other.store);
}

/* Whatever else a schema has. */
static void
test_schema (void)
{
  static const char * const migrations[] = {
    "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT UNIQUE);"
    "CREATE TABLE page (key TEXT PRIMARY KEY, folder TEXT REFERENCES folder ON DELETE CASCADE, body TEXT NOT NULL);"
    "CREATE INDEX page_folder ON page (folder);"
    "CREATE VIRTUAL TABLE search USING fts5 (body);"
    "CREATE TRIGGER page_search AFTER INSERT ON page BEGIN INSERT INTO search VALUES (new.body); END;"
    "CREATE VIEW pages AS SELECT body FROM page;",
    "ALTER TABLE page ADD COLUMN \"order\" INTEGER DEFAULT 5;"
    "INSERT INTO folder VALUES ('inbox', 'Inbox')",
    "CREATE TABLE draft (id INTEGER PRIMARY KEY, text TEXT); SELECT dimple_set_local ('draft')",
    NULL };
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();
  g_autoptr(GError) error = NULL;
  Device device = { .store = dimple_store_open (NULL, &error) };

  g_assert_true (dimple_store_migrate (device.store, migrations, &error));
  g_assert_no_error (error);
  device.client = dimple_sync_client_new (device.store, storage);
  device_execute (&device, "INSERT INTO folder VALUES ('f', 'A'), ('g', 'B')");
  device_execute (&device, "INSERT INTO page (key, folder, body) VALUES ('p', 'f', 'Text'), ('q', 'g', 'Text')");
  device_execute (&device, "INSERT INTO draft (text) VALUES ('Text')");
  device_execute (&device, "DELETE FROM folder WHERE key = 'g'");
  device_sync (&device);
  assert_differing (&device, "");
  tamper (&device, "UPDATE page SET \"order\" = 6; UPDATE draft SET text = 'Other'");
  assert_differing (&device, "page/p");

  g_object_unref (device.client);
  g_assert_true (dimple_store_close (device.store, NULL));
  g_object_unref (device.store);
}

/* What is not synced yet, and a storage that lacks something. */
static void
test_storages (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Bucket) empty = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, NULL);
  g_autofree char *key = NULL;

  assert_fails (one, DIMPLE_ERROR, DIMPLE_ERROR_NO_SUCH_STORAGE);
  dimple_sync_client_add_storage (one->client, bucket->storage);
  device_note (one, "a", "");
  assert_differing (one, "note/a");
  g_assert_cmpuint (g_hash_table_size (bucket->objects), ==, 0);
  device_sync (one);
  assert_differing (one, "");
  device_note (one, "b", "");
  assert_differing (one, "note/b");

  /* Each storage is to have everything. */
  dimple_sync_client_add_storage (one->client, empty->storage);
  assert_differing (one, "note/a note/b");
  device_sync (one);
  assert_differing (one, "");
  key = bucket_find (empty, "changes/", 0);
  g_hash_table_remove (empty->objects, key);
  assert_differing (one, "note/a note/b");
  device_sync (one);
  assert_differing (one, "");
}

static void
test_faults (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Bucket) theirs = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) stranger = device_new (NULL, theirs->storage);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  g_autofree char *key = NULL;
  guint n;

  for (int i = 0; i < 3; i++)
    {
      device_execute (one, "INSERT INTO note (key) VALUES ('%d')", i);
      device_sync (one);
    }
  bucket_behave (bucket);
  assert_differing (one, "");
  n = bucket->n_requests;
  for (guint i = 0; i < n; i++)
    {
      bucket_fail_at (bucket, i, FALSE, DIMPLE_ERROR_OFFLINE);
      assert_fails (one, DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE);
    }
  bucket_behave (bucket);
  g_assert_cmpuint (n, >=, 5);
  g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_PUT], ==, 0);

  g_cancellable_cancel (cancellable);
  g_assert_false (dimple_sync_client_verify (one->client, cancellable, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  /* A damaged object is named, and the next sync repairs it. */
  key = bucket_find (bucket, "changes/", 1);
  bucket_truncate (bucket, key);
  assert_fails (one, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
  g_assert_cmpuint (bucket_count (bucket, "damaged/"), ==, 1);
  device_sync (one);
  assert_differing (one, "");

  device_sync (stranger);
  dimple_sync_client_remove_storage (one->client, bucket->storage);
  dimple_sync_client_add_storage (one->client, theirs->storage);
  assert_fails (one, DIMPLE_ERROR, DIMPLE_ERROR_REPOSITORY);
  assert_no_scratch ();
}

static void
on_verified (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  char ***differing = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_true (dimple_sync_client_verify_finish (DIMPLE_SYNC_CLIENT (source), result, differing, &error));
  g_assert_no_error (error);
}

static gpointer
verify_in_thread (gpointer data)
{
  assert_differing (data, "note/a");
  return NULL;
}

static void
test_async (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) two = device_new (NULL, memory);
  g_auto(GStrv) differing = NULL;

  device_note (one, "a", "");
  dimple_sync_client_verify_async (one->client, NULL, on_verified, &differing);
  while (differing == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (g_strv_length (differing), ==, 1);
  g_assert_cmpstr (differing[0], ==, "note/a");

  device_note (two, "a", "");
  g_thread_join (g_thread_new ("other", verify_in_thread, two));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/sync-verify/rows", test_rows);
  g_test_add_func ("/sync-verify/types", test_types);
  g_test_add_func ("/sync-verify/digests", test_digests);
  g_test_add_func ("/sync-verify/order", test_order);
  g_test_add_func ("/sync-verify/versions", test_versions);
  g_test_add_func ("/sync-verify/schema", test_schema);
  g_test_add_func ("/sync-verify/storages", test_storages);
  g_test_add_func ("/sync-verify/faults", test_faults);
  g_test_add_func ("/sync-verify/async", test_async);
  return g_test_run ();
}
