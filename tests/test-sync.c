/* test-sync.c: what devices have in common ends up the same on all of them
 *
 * Faults are in test-sync-faults.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>

#include "devices.h"
#include "dimple-auto-sync-private.h"
#include "dimple-sync-client-private.h"
#include "dimple-test.h"
#include "s3/real-servers.h"

/* -- Between devices ----------------------------------------------------------------------------------------------- */

static void
test_two_devices (void)
{
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) other = device_new (NULL, storage);
  g_autofree char *dump = NULL;

  device_note (one, "a", "From one");
  device_execute (one, "INSERT INTO tag VALUES ('a', 'red', NULL)");
  device_sync (one);
  device_sync (other);
  assert_equal_devices (one, other);

  /* Different columns of one row, and a delete. */
  device_note (one, "b", "To be deleted");
  device_sync (one);
  device_sync (other);
  device_execute (one, "UPDATE note SET title = 'Title' WHERE key = 'a'");
  device_execute (other, "UPDATE note SET body = 'Body' WHERE key = 'a'");
  device_execute (other, "DELETE FROM note WHERE key = 'b'");
  device_sync (one);
  device_sync (other);
  device_sync (one);
  assert_equal_devices (one, other);
  dump = device_dump (one);
  g_assert_cmpstr (dump, ==, "'a''Title''Body'\n--\n'a''red'NULL");
}

static void
test_folder (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_dir_make_tmp ("dimple-sync-XXXXXX", &error);
  g_autoptr(GFile) folder = g_file_new_for_path (path);
  g_autoptr(DimpleStorage) storage = dimple_local_storage_new (folder);
  g_autoptr(DimpleStorage) same = dimple_local_storage_new (folder);
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) other = device_new (NULL, same);

  device_note (one, "a", "From one");
  device_note (other, "b", "From other");
  device_sync (one);
  device_sync (other);
  device_sync (one);
  assert_equal_devices (one, other);
  g_assert_cmpuint (device_count (one, "note"), ==, 2);
}

/* one -- left -- middle -- right -- far: one in the middle carries everything over, also back. */
static void
test_bridge (void)
{
  g_autoptr(DimpleStorage) left = dimple_memory_storage_new ();
  g_autoptr(DimpleStorage) right = dimple_memory_storage_new ();
  g_autoptr(Device) one = device_new (NULL, left);
  g_autoptr(Device) middle = device_new (NULL, left);
  g_autoptr(Device) far = device_new (NULL, right);

  dimple_sync_client_add_storage (middle->client, right);
  device_note (one, "a", "From one");
  device_sync (one);
  device_sync (middle);
  device_note (far, "b", "From far");
  device_sync (far);
  assert_equal_devices (one, middle);
  device_sync (middle);
  device_sync (one);
  assert_equal_devices (one, far);
  g_assert_cmpuint (device_count (one, "note"), ==, 2);
}

/* What everybody wrote is put again by whoever syncs next. */
static void
test_refill (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autoptr(Device) late = device_new (NULL, bucket->storage);
  g_autofree char *marker = NULL, *new_marker = NULL;

  device_note (one, "a", "From one");
  device_note (other, "b", "From other");
  device_sync (one);
  device_sync (other);
  marker = bucket_find (bucket, "dimple/", 0);
  g_hash_table_remove_all (bucket->objects);

  device_sync (other);
  new_marker = bucket_find (bucket, "dimple/", 0);
  g_assert_cmpstr (marker, ==, new_marker);
  device_sync (late);
  assert_equal_devices (other, late);
  g_assert_cmpuint (device_count (late, "note"), ==, 2);
  bucket_behave (bucket);
  device_sync (other);
  g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_PUT], ==, 0);
}

/* Neither sees the other's marker; both stay valid. */
static void
test_two_markers (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autoptr(Device) late = device_new (NULL, bucket->storage);

  device_note (one, "a", "From one");
  device_note (other, "b", "From other");
  device_sync (one);
  bucket->hidden = "";
  device_sync (other);
  bucket_behave (bucket);
  g_assert_cmpuint (bucket_count (bucket, "dimple/"), ==, 2);

  device_sync (one);
  device_sync (other);
  device_sync (late);
  device_sync (one);
  assert_equal_devices (one, other);
  assert_equal_devices (one, late);
  g_assert_cmpuint (bucket_count (bucket, "dimple/"), ==, 2);

  /* A storage with either of them is ours. */
  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *marker = bucket_find (bucket, "dimple/", i);
      g_autoptr(Bucket) part = bucket_new ();
      g_autoptr(Device) third = device_new (NULL, bucket->storage);

      bucket_set (part, marker, "{\"format\":1,\"encryption\":null}");
      device_sync (third);
      dimple_sync_client_add_storage (third->client, part->storage);
      device_sync (third);
      g_assert_cmpuint (bucket_count (part, "dimple/"), ==, 2);
    }
}

/* A database that was copied: both go on, under two author ids. */
static void
test_copied_database (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("dimple-sync-XXXXXX", &error);
  g_autofree char *path = g_build_filename (folder, "one.db", NULL);
  g_autofree char *copy_path = g_build_filename (folder, "copy.db", NULL);
  g_autofree char *author = NULL, *copy_author = NULL, *contents = NULL;
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (path, bucket->storage);
  g_autoptr(Device) copy = NULL;
  gsize size;

  device_note (one, "a", "Before the copy");
  device_sync (one);
  g_clear_pointer (&one, device_free);
  g_assert_true (g_file_get_contents (path, &contents, &size, NULL));
  g_assert_true (g_file_set_contents (copy_path, contents, (gssize) size, NULL));

  one = device_new (path, bucket->storage);
  copy = device_new (copy_path, bucket->storage);
  for (int round = 0; round < 3; round++)
    {
      g_autofree char *key = g_strdup_printf ("one %d", round);
      g_autofree char *copy_key = g_strdup_printf ("copy %d", round);

      device_note (one, key, "");
      device_note (copy, copy_key, "");
      device_sync (one);
      device_sync (copy);
      device_sync (one);
    }
  assert_equal_devices (one, copy);
  g_assert_cmpuint (device_count (one, "note"), ==, 7);
  g_object_get (one->store, "author", &author, NULL);
  g_object_get (copy->store, "author", &copy_author, NULL);
  g_assert_cmpstr (author, !=, copy_author);
}

/* An old backup is put back: what it lacks comes from the repository, and nothing that is written then is lost. */
static void
test_restored_backup (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("dimple-sync-XXXXXX", &error);
  g_autofree char *path = g_build_filename (folder, "one.db", NULL);
  g_autofree char *contents = NULL;
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();
  g_autoptr(Device) one = device_new (path, storage);
  g_autoptr(Device) other = device_new (NULL, storage);
  gsize size;

  device_note (one, "a", "Before the backup");
  g_clear_pointer (&one, device_free);
  g_assert_true (g_file_get_contents (path, &contents, &size, NULL));
  one = device_new (path, storage);
  device_note (one, "b", "After the backup");
  device_sync (one);
  device_sync (other);
  g_clear_pointer (&one, device_free);
  g_assert_true (g_file_set_contents (path, contents, (gssize) size, NULL));

  one = device_new (path, storage);
  g_assert_cmpuint (device_count (one, "note"), ==, 1);
  device_note (one, "c", "After it was put back");
  device_sync (one);
  device_sync (other);
  assert_equal_devices (one, other);
  g_assert_cmpuint (device_count (other, "note"), ==, 3);
}

/* More than one pack, and more than one page of a listing. */
static void
test_many_packs (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autofree char *body = g_strnfill (2000, 'x');
  guint n_packs;

  for (guint i = 0; i < 2000; i++)
    device_execute (one, "INSERT INTO note VALUES ('%u', 'Title', '%s')", i, body);
  device_sync (one);
  n_packs = bucket_count (bucket, "changes/");
  g_assert_cmpuint (n_packs, >=, 4);
  g_assert_cmpuint (n_packs, <=, 6);

  bucket_behave (bucket);
  bucket->page_size = 2;
  device_sync (other);
  assert_equal_devices (one, other);
  g_assert_cmpuint (device_count (other, "note"), ==, 2000);
  g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_GET], ==, n_packs + 1);     /* and the marker */
  g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_LIST], ==, (n_packs + 1 + 1) / 2 + 1);
}

/* One transaction that is larger than a pack. */
static void
test_large_transaction (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);

  device_execute (one, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) "
                       "INSERT INTO note SELECT 'key ' || i, 'Title', hex (zeroblob (50)) FROM n");
  device_note (one, "last", "");
  device_sync (one);
  device_sync (other);
  assert_equal_devices (one, other);
  g_assert_cmpuint (device_count (other, "note"), ==, 30001);
}

/* An app that was opened often: one pack all the same. */
static void
test_many_runs (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("dimple-sync-XXXXXX", &error);
  g_autofree char *path = g_build_filename (folder, "one.db", NULL);
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = NULL, other = device_new (NULL, bucket->storage);

  for (int i = 0; i < 5; i++)
    {
      g_clear_pointer (&one, device_free);
      one = device_new (path, bucket->storage);
      device_execute (one, "INSERT INTO note (key) VALUES ('%d')", i);
    }
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 1);
  device_sync (other);
  assert_equal_devices (one, other);

  /* And what comes after that in another. */
  device_note (one, "later", "");
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 2);
  device_sync (other);
  assert_equal_devices (one, other);
}

static void
test_author_name (void)
{
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) other = device_new (NULL, storage);
  g_autofree char *author = NULL, *sql = NULL, *name = NULL;

  g_object_get (one->store, "author", &author, NULL);
  g_object_set (one->store, "author-name", "Ann's laptop", NULL);
  device_note (one, "a", "");
  device_sync (one);
  device_sync (other);
  sql = g_strdup_printf ("SELECT name FROM dimple_author WHERE id = '%s'", author);
  name = device_select (other, sql);
  g_assert_cmpstr (name, ==, "Ann's laptop");
}

/* -- Requests ------------------------------------------------------------------------------------------------------ */

static guint
count_requests (DimpleStorage *storage,
                Device        *device)
{
  guint before = dimple_test_storage_get_n_requests (DIMPLE_TEST_STORAGE (storage));

  device_sync (device);
  return dimple_test_storage_get_n_requests (DIMPLE_TEST_STORAGE (storage)) - before;
}

static void
test_requests (void)
{
  g_autoptr(DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr(DimpleStorage) storage = dimple_test_storage_new (memory);
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) other = device_new (NULL, storage);
  guint n_idle = 0;

  device_note (one, "a", "");
  g_assert_cmpuint (count_requests (storage, one), ==, 3);        /* LIST, the marker, a pack */
  g_assert_cmpuint (count_requests (storage, one), ==, 1);
  g_assert_cmpuint (count_requests (storage, other), ==, 3);
  for (guint i = 0; i < 10; i++)
    {
      device_note (one, "a", i % 2 == 0 ? "Even" : "Odd");
      g_assert_cmpuint (count_requests (storage, one), ==, 2);    /* LIST, PUT */
      n_idle += count_requests (storage, one);
      g_assert_cmpuint (count_requests (storage, other), ==, 2);  /* LIST, GET */
      g_assert_cmpuint (count_requests (storage, other), ==, 1);
    }
  /* One each, and once one more, that removed eight small packs. */
  g_assert_cmpuint (n_idle, ==, 11);
  assert_equal_devices (one, other);
}

/* -- The client ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  guint    n_done;
  guint    n_synced;
  guint    uploaded;
  guint    downloaded;
  double   progress;
  gboolean was_syncing;
  GError  *error;
} Log;

static void
on_synced (DimpleSyncClient *client,
           guint             uploaded,
           guint             downloaded,
           Log              *log)
{
  log->n_synced++;
  log->uploaded += uploaded;
  log->downloaded += downloaded;
}

static void
on_done (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Log *log = user_data;

  g_clear_error (&log->error);
  dimple_sync_client_sync_finish (DIMPLE_SYNC_CLIENT (source), result, &log->error);
  log->n_done++;
}

static void
on_progress (DimpleSyncClient *client,
             GParamSpec       *pspec,
             Log              *log)
{
  double progress;
  gboolean syncing;

  g_object_get (client, "progress", &progress, "syncing", &syncing, NULL);
  g_assert_cmpfloat (progress, >=, 0);
  g_assert_cmpfloat (progress, <=, 1);
  /* Within a sync it never goes back. */
  if (syncing && log->was_syncing)
    g_assert_cmpfloat (progress, >=, log->progress);
  log->progress = progress;
  log->was_syncing = syncing;
}

static void
wait_for (guint *counter,
          guint  n)
{
  while (*counter < n)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_async (void)
{
  g_autoptr(DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr(DimpleStorage) storage = dimple_test_storage_new (memory);
  g_autoptr(Device) one = device_new (NULL, storage);
  Log log = { 0 };

  dimple_test_storage_set_latency (DIMPLE_TEST_STORAGE (storage), 20);
  g_signal_connect (one->client, "synced", G_CALLBACK (on_synced), &log);
  g_signal_connect (one->client, "notify::progress", G_CALLBACK (on_progress), &log);
  device_note (one, "a", "");
  device_note (one, "b", "");

  /* Three that join each other make one sync. */
  for (int i = 0; i < 3; i++)
    dimple_sync_client_sync_async (one->client, NULL, on_done, &log);
  g_assert_cmpuint (log.n_done, ==, 0);
  wait_for (&log.n_done, 3);
  g_assert_no_error (log.error);
  g_assert_cmpuint (log.n_synced, ==, 1);
  g_assert_cmpuint (log.uploaded, ==, 2);
  g_assert_cmpuint (log.downloaded, ==, 0);
  g_assert_cmpuint (dimple_test_storage_get_n_requests (DIMPLE_TEST_STORAGE (storage)), ==, 3);
  g_assert_cmpfloat (log.progress, ==, 1);
}

static gpointer
sync_in_thread (gpointer data)
{
  device_sync (data);
  return NULL;
}

typedef struct
{
  GThread *thread;
  Device  *device;
  guint    n_done;
} Other;

static gpointer
sync_and_tell (gpointer data)
{
  Other *other = data;

  device_sync (other->device);
  g_atomic_int_inc ((int *) &other->n_done);
  g_main_context_wakeup (NULL);
  return NULL;
}

/* The blocking form on another thread, with a storage that lives in this one: whether this thread runs its main context
 * or not. */
static void
test_other_thread (void)
{
  g_autoptr(DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, memory);
  g_autoptr(Device) two = device_new (NULL, bucket->storage);
  Other other = { .device = two };

  device_note (one, "a", "");
  g_thread_join (g_thread_new ("other", sync_in_thread, one));

  device_note (two, "a", "");
  other.thread = g_thread_new ("other", sync_and_tell, &other);
  while (g_atomic_int_get ((int *) &other.n_done) == 0)
    g_main_context_iteration (NULL, TRUE);
  g_thread_join (other.thread);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 1);
}

/* A client of a thread with a main context of its own. */
static gpointer
run_other_context (gpointer data)
{
  GMainContext *context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  {
    g_autoptr(Bucket) bucket = bucket_new ();
    g_autoptr(Device) one = device_new (NULL, bucket->storage);

    device_note (one, "a", "");
    device_sync (one);
    g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 1);
  }
  while (g_main_context_iteration (context, FALSE))
    ;
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  return NULL;
}

static void
test_other_context (void)
{
  g_thread_join (g_thread_new ("other", run_other_context, NULL));
}

static void
assert_status (Device          *device,
               DimpleSyncState  state,
               guint            pending,
               const char      *status)
{
  DimpleSyncState actual_state;
  guint actual_pending;
  g_autofree char *actual_status = NULL;

  g_object_get (device->client, "state", &actual_state, "pending", &actual_pending, "status", &actual_status, NULL);
  g_assert_cmpstr (actual_status, ==, status);
  g_assert_cmpint (actual_state, ==, state);
  g_assert_cmpuint (actual_pending, ==, pending);
}

static guint
get_pending (Device *device)
{
  guint pending;

  g_object_get (device->client, "pending", &pending, NULL);
  return pending;
}

static void
wait_for_pending (Device *device,
                  guint   pending)
{
  while (get_pending (device) != pending)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_status (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, NULL);
  g_autoptr(GDateTime) last_synced = NULL;
  g_autoptr(GError) last_error = NULL;
  gboolean needs_attention;

  assert_status (one, DIMPLE_SYNC_IDLE, 0, "Sync is not set up");
  device_sync_fails (one, DIMPLE_ERROR_NO_SUCH_STORAGE);

  dimple_sync_client_add_storage (one->client, bucket->storage);
  assert_status (one, DIMPLE_SYNC_IDLE, 0, "Not synced yet");
  device_note (one, "a", "");
  wait_for_pending (one, 1);
  assert_status (one, DIMPLE_SYNC_IDLE, 1, "1 change waiting");
  device_note (one, "a2", "");
  wait_for_pending (one, 2);
  assert_status (one, DIMPLE_SYNC_IDLE, 2, "2 changes waiting");
  g_object_get (one->client, "last-synced", &last_synced, NULL);
  g_assert_null (last_synced);

  device_sync (one);
  assert_status (one, DIMPLE_SYNC_IDLE, 0, "Up to date");
  g_object_get (one->client, "last-synced", &last_synced, NULL);
  g_assert_nonnull (last_synced);

  bucket_fail_at (bucket, 0, FALSE, DIMPLE_ERROR_OFFLINE);
  device_note (one, "b", "");
  device_sync_fails (one, DIMPLE_ERROR_OFFLINE);
  assert_status (one, DIMPLE_SYNC_OFFLINE, 1, "1 change waiting: offline");
  g_object_get (one->client, "needs-attention", &needs_attention, "last-error", &last_error, NULL);
  g_assert_false (needs_attention);
  g_assert_error (last_error, DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE);
  g_clear_error (&last_error);

  bucket_fail_at (bucket, 0, FALSE, DIMPLE_ERROR_DENIED);
  device_sync_fails (one, DIMPLE_ERROR_DENIED);
  assert_status (one, DIMPLE_SYNC_FAILED, 1, "Request 0 fails");
  g_object_get (one->client, "needs-attention", &needs_attention, NULL);
  g_assert_true (needs_attention);

  bucket_behave (bucket);
  device_sync (one);
  assert_status (one, DIMPLE_SYNC_IDLE, 0, "Up to date");
  g_object_get (one->client, "needs-attention", &needs_attention, "last-error", &last_error, NULL);
  g_assert_false (needs_attention);
  g_assert_null (last_error);

  dimple_sync_client_remove_storage (one->client, bucket->storage);
  assert_status (one, DIMPLE_SYNC_IDLE, 0, "Sync is not set up");
}

/* By itself after a local change, and again after a failure. */
static void
test_auto_sync (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  DimpleAutoSync *auto_sync = dimple_sync_client_get_auto_sync (one->client);
  Log log = { 0 };

  dimple_auto_sync_set_delays (auto_sync, 1, 1);
  g_signal_connect (one->client, "synced", G_CALLBACK (on_synced), &log);
  device_note (one, "first", "");
  g_object_set (one->client, "auto-sync", TRUE, NULL);
  wait_for (&log.n_synced, 1);

  device_note (one, "a", "");
  wait_for (&log.n_synced, 2);
  device_note (one, "b", "");
  wait_for (&log.n_synced, 3);

  bucket_fail_at (bucket, 0, FALSE, DIMPLE_ERROR_OFFLINE);
  device_note (one, "c", "");
  wait_for (&log.n_synced, 4);
  wait_for_pending (one, 0);
  bucket_behave (bucket);

  /* Nothing more after it was switched off. */
  g_object_set (one->client, "auto-sync", FALSE, NULL);
  device_note (one, "d", "");
  wait_for_pending (one, 1);
  g_assert_false (dimple_auto_sync_is_waiting (auto_sync));
  g_assert_cmpuint (bucket->n_requests, ==, 0);

  /* What others did comes at the interval. */
  device_note (other, "e", "");
  device_sync (other);
  g_object_set (one->client, "auto-sync", TRUE, "interval", 1, NULL);
  wait_for (&log.downloaded, 1);
  g_object_set (one->client, "auto-sync", FALSE, NULL);
}

/* The store is closed in the middle. */
static void
test_close (void)
{
  g_autoptr(DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr(DimpleStorage) storage = dimple_test_storage_new (memory);
  g_autoptr(DimpleStore) store = dimple_store_open (NULL, NULL);
  g_autoptr(DimpleSyncClient) client = dimple_sync_client_new (store, storage);
  Log log = { 0 };
  g_autoptr(GError) error = NULL;

  g_assert_true (dimple_store_migrate (store, device_migrations, NULL));
  dimple_test_storage_set_latency (DIMPLE_TEST_STORAGE (storage), 20);
  dimple_sync_client_sync_async (client, NULL, on_done, &log);
  wait_for_request (DIMPLE_TEST_STORAGE (storage));
  g_assert_true (dimple_store_close (store, NULL));
  wait_for (&log.n_done, 1);
  g_assert_error (log.error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED);
  g_clear_error (&log.error);
  g_assert_false (dimple_sync_client_sync (client, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED);
}

/* -- Real servers, see tests/s3/start-s3 --------------------------------------------------------------------------- */

static void
test_server (gconstpointer data)
{
  const char *flavor = data;
  const char *names[] = { "ENDPOINT", "BUCKET", "ACCESS_KEY", "SECRET_KEY" };
  const char *values[4];
  g_autofree char *prefix = NULL;
  char id[DIMPLE_UUID_SIZE];
  DimpleStorage *storages[2];

  for (guint i = 0; i < 4; i++)
    {
      values[i] = get_variable (flavor, names[i]);
      if (values[i] == NULL)
        {
          g_test_skip ("no server: see tests/s3/start-s3");
          return;
        }
    }
  dimple_uuid7_new (id);
  prefix = g_strdup_printf ("test-sync-%s/", id);
  for (guint i = 0; i < 2; i++)
    {
      storages[i] = dimple_s3_storage_new (values[0], NULL, values[1], values[2], values[3]);
      g_object_set (storages[i], "prefix", prefix, NULL);
    }

  {
    g_autoptr(Device) one = device_new (NULL, storages[0]);
    g_autoptr(Device) other = device_new (NULL, storages[1]);
    g_autofree char *body = g_strnfill (2000, 'x');

    for (guint i = 0; i < 1500; i++)
      device_execute (one, "INSERT INTO note VALUES ('%u', 'Title', '%s')", i, body);
    device_note (other, "b", "From other");
    device_sync (one);
    device_sync (other);
    device_sync (one);
    assert_equal_devices (one, other);
    g_assert_cmpuint (device_count (one, "note"), ==, 1501);
  }
  g_object_unref (storages[0]);
  g_object_unref (storages[1]);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/sync/two-devices", test_two_devices);
  g_test_add_func ("/sync/folder", test_folder);
  g_test_add_func ("/sync/bridge", test_bridge);
  g_test_add_func ("/sync/refill", test_refill);
  g_test_add_func ("/sync/two-markers", test_two_markers);
  g_test_add_func ("/sync/copied-database", test_copied_database);
  g_test_add_func ("/sync/restored-backup", test_restored_backup);
  g_test_add_func ("/sync/many-packs", test_many_packs);
  g_test_add_func ("/sync/large-transaction", test_large_transaction);
  g_test_add_func ("/sync/many-runs", test_many_runs);
  g_test_add_func ("/sync/author-name", test_author_name);
  g_test_add_func ("/sync/requests", test_requests);
  g_test_add_func ("/sync/async", test_async);
  g_test_add_func ("/sync/other-thread", test_other_thread);
  g_test_add_func ("/sync/other-context", test_other_context);
  g_test_add_func ("/sync/status", test_status);
  g_test_add_func ("/sync/auto-sync", test_auto_sync);
  g_test_add_func ("/sync/close", test_close);
  g_test_add_data_func ("/sync/ceph", "S3", test_server);
  g_test_add_data_func ("/sync/swift", "SWIFT", test_server);
  return g_test_run ();
}
