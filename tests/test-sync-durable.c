/* test-sync-durable.c: nothing is uploaded that a power cut could still take from the device
 *
 * A layer over SQLite's file system knows which of the WAL's bytes have not been synced to the disk yet.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>

#include "devices.h"

/* -- A file system that keeps count ----------------------------------------------------------------------------------- */

static int n_unsynced;          /* atomic: writes to WAL files since they were last synced */

/* A WAL; the real file follows. */
typedef struct
{
  sqlite3_file  base;
  sqlite3_file *real;
} Wal;

static int
wal_close (sqlite3_file *file)
{
  Wal *self = (Wal *) file;
  int result = self->real->pMethods->xClose (self->real);

  g_free (self->real);
  return result;
}

static int
wal_read (sqlite3_file *file,
          void         *buffer,
          int           size,
          sqlite3_int64 offset)
{
  Wal *self = (Wal *) file;

  return self->real->pMethods->xRead (self->real, buffer, size, offset);
}

static int
wal_write (sqlite3_file *file,
           const void   *buffer,
           int           size,
           sqlite3_int64 offset)
{
  Wal *self = (Wal *) file;

  g_atomic_int_inc (&n_unsynced);
  return self->real->pMethods->xWrite (self->real, buffer, size, offset);
}

static int
wal_truncate (sqlite3_file *file,
              sqlite3_int64 size)
{
  Wal *self = (Wal *) file;

  return self->real->pMethods->xTruncate (self->real, size);
}

static int
wal_sync (sqlite3_file *file,
          int           flags)
{
  Wal *self = (Wal *) file;
  int result = self->real->pMethods->xSync (self->real, flags);

  if (result == SQLITE_OK)
    g_atomic_int_set (&n_unsynced, 0);
  return result;
}

static int
wal_file_size (sqlite3_file  *file,
               sqlite3_int64 *size)
{
  Wal *self = (Wal *) file;

  return self->real->pMethods->xFileSize (self->real, size);
}

static int
wal_lock (sqlite3_file *file,
          int           level)
{
  return SQLITE_OK;
}

static int
wal_check_reserved_lock (sqlite3_file *file,
                         int          *reserved)
{
  *reserved = 0;
  return SQLITE_OK;
}

static int
wal_file_control (sqlite3_file *file,
                  int           operation,
                  void         *argument)
{
  return SQLITE_NOTFOUND;
}

static int
wal_sector_size (sqlite3_file *file)
{
  return 4096;
}

static int
wal_device_characteristics (sqlite3_file *file)
{
  return 0;
}

static const sqlite3_io_methods wal_methods = {
  .iVersion = 1,
  .xClose = wal_close,
  .xRead = wal_read,
  .xWrite = wal_write,
  .xTruncate = wal_truncate,
  .xSync = wal_sync,
  .xFileSize = wal_file_size,
  .xLock = wal_lock,
  .xUnlock = wal_lock,
  .xCheckReservedLock = wal_check_reserved_lock,
  .xFileControl = wal_file_control,
  .xSectorSize = wal_sector_size,
  .xDeviceCharacteristics = wal_device_characteristics,
};

static int
open_file (sqlite3_vfs  *vfs,
           const char   *name,
           sqlite3_file *file,
           int           flags,
           int          *out_flags)
{
  sqlite3_vfs *real = vfs->pAppData;
  Wal *wal = (Wal *) file;
  int result;

  if (!(flags & SQLITE_OPEN_WAL))
    return real->xOpen (real, name, file, flags, out_flags);

  wal->real = g_malloc0 ((gsize) real->szOsFile);
  result = real->xOpen (real, name, wal->real, flags, out_flags);
  wal->base.pMethods = result == SQLITE_OK ? &wal_methods : NULL;
  if (result != SQLITE_OK)
    g_free (wal->real);
  return result;
}

static void
install_file_system (void)
{
  static sqlite3_vfs vfs;
  sqlite3_vfs *real = sqlite3_vfs_find (NULL);

  vfs = *real;
  vfs.zName = "counting";
  vfs.pAppData = real;
  vfs.xOpen = open_file;
  vfs.szOsFile = MAX (real->szOsFile, (int) sizeof (Wal));
  g_assert_cmpint (sqlite3_vfs_register (&vfs, 1), ==, SQLITE_OK);
}

/* -- Tests ------------------------------------------------------------------------------------------------------------ */

static guint n_puts;

static gboolean
on_request (DimpleCustomStorage  *storage,
            DimpleStorageRequest *request,
            gpointer              user_data)
{
  const char *key = dimple_storage_request_get_key (request);

  if (dimple_storage_request_get_operation (request) != DIMPLE_STORAGE_PUT || !g_str_has_prefix (key, "changes/"))
    return FALSE;
  g_assert_cmpint (g_atomic_int_get (&n_unsynced), ==, 0);
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
      g_assert_cmpint (g_atomic_int_get (&n_unsynced), >, 0);
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
  install_file_system ();

  g_test_add_func ("/sync-durable/put", test_put);
  return g_test_run ();
}
