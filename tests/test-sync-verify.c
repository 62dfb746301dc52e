/* test-sync-verify.c: comparing a store with its storages
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>

#include "devices.h"

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
  g_test_add_func ("/sync-verify/schema", test_schema);
  g_test_add_func ("/sync-verify/storages", test_storages);
  g_test_add_func ("/sync-verify/faults", test_faults);
  g_test_add_func ("/sync-verify/async", test_async);
  return g_test_run ();
}
