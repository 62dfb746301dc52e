/* test-sync-durable.c: nothing is uploaded that a power cut could still take from the device
 *
 * A layer over SQLite's file system knows what has not been synced to the disk yet.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "devices.h"
#include "fragile-disk.h"

static guint n_puts;

static gboolean
on_request (DimpleCustomStorage  *storage,
            DimpleStorageRequest *request,
            gpointer              user_data)
{
  const char *key = dimple_storage_request_get_key (request);

  if (dimple_storage_request_get_operation (request) != DIMPLE_STORAGE_PUT || !g_str_has_prefix (key, "changes/"))
    return FALSE;
  g_assert_false (disk_has_unsynced_wal ());
  n_puts++;
  return FALSE;
}

static void
test_put (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("dimple-sync-XXXXXX", &error);
  g_autofree char *path = g_build_filename (folder, "one.db", NULL);
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = NULL, other = NULL;

  n_puts = 0;
  g_signal_handlers_disconnect_by_data (bucket->storage, bucket);
  g_signal_connect (bucket->storage, "request", G_CALLBACK (on_request), NULL);
  g_signal_connect (bucket->storage, "request", G_CALLBACK (bucket_on_request), bucket);
  one = device_new (path, bucket->storage);
  other = device_new (NULL, bucket->storage);

  for (guint i = 0; i < 20; i++)
    {
      device_note (one, "a", i % 2 == 0 ? "Even" : "Odd");
      g_assert_true (disk_has_unsynced_wal ());
      device_sync (one);
      g_assert_cmpuint (n_puts, ==, i + 1);
    }

  /* Also what came from elsewhere, before it is carried on: another storage may be the only one that has it. */
  {
    g_autoptr(Bucket) house = bucket_new ();

    device_sync (other);
    device_note (other, "b", "From other");
    dimple_sync_client_add_storage (other->client, house->storage);
    dimple_sync_client_remove_storage (other->client, bucket->storage);
    device_sync (other);
    n_puts = 0;
    dimple_sync_client_add_storage (one->client, house->storage);
    device_sync (one);
    g_assert_cmpuint (n_puts, ==, 1);
    dimple_sync_client_remove_storage (one->client, house->storage);
    dimple_sync_client_remove_storage (other->client, house->storage);
  }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  disk_install ();

  g_test_add_func ("/sync-durable/put", test_put);
  return g_test_run ();
}
