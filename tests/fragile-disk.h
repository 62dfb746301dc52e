/* fragile-disk.h: a disk that fails when told to, and that can lose its power
 *
 * A layer over SQLite's file system.  It counts what is asked of the disk, so that any one operation can be made to
 * fail; and it knows which bytes were synced, so that it can tell what a power cut at this moment would leave.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

/* The smallest part of a write that a disk does whole. */
#define DISK_SECTOR 512

/* What of a file would survive; lives as long as it has a name or is open. */
typedef struct
{
  GByteArray *durable;
  GPtrArray  *unsynced;       /* of DiskWrite, in order */
} DiskContents;

typedef struct
{
  gint64  offset;
  GBytes *bytes;              /* NULL: the file is cut here */
} DiskWrite;

/* An open file; the real one follows. */
typedef struct
{
  sqlite3_file  base;
  DiskContents *contents;     /* NULL for a temporary file */
} DiskFile;

static struct
{
  GMutex       lock;          /* for all of it: stores write on several threads */
  sqlite3_vfs  vfs;
  sqlite3_vfs *real;
  GHashTable  *files;         /* path -> DiskContents */
  guint        n_operations;
  int          fail_at;       /* the operation with this number, from 0; -1: none */
  gboolean     stays_broken;  /* and all that follow */
  int          result;        /* (SQLite's) of a write that fails: SQLITE_FULL or SQLITE_IOERR_WRITE */
} disk = { .fail_at = -1 };

static inline void
disk_write_free (gpointer data)
{
  DiskWrite *self = data;

  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_free (self);
}

static inline void
disk_contents_clear (gpointer data)
{
  DiskContents *self = data;

  g_byte_array_unref (self->durable);
  g_ptr_array_unref (self->unsynced);
}

static inline void
disk_contents_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, disk_contents_clear);
}

static inline DiskContents *
disk_contents_new (const char *path)
{
  DiskContents *self = g_atomic_rc_box_new0 (DiskContents);
  g_autofree char *data = NULL;
  gsize size;

  self->durable = g_byte_array_new ();
  self->unsynced = g_ptr_array_new_with_free_func (disk_write_free);
  if (g_file_get_contents (path, &data, &size, NULL))
    g_byte_array_append (self->durable, (const guint8 *) data, (guint) size);
  return self;
}

/* Does a write, or the first `size` bytes of it. */
static inline void
disk_write_apply (const DiskWrite *self,
                  GByteArray      *contents,
                  gsize            size)
{
  guint end;

  if (self->bytes == NULL)
    {
      if (self->offset < contents->len)
        g_byte_array_set_size (contents, (guint) self->offset);
      return;
    }
  end = (guint) self->offset + (guint) size;
  if (end > contents->len)
    {
      guint old = contents->len;

      g_byte_array_set_size (contents, end);
      memset (contents->data + old, 0, end - old);
    }
  memcpy (contents->data + self->offset, g_bytes_get_data (self->bytes, NULL), size);
}

/* Whether this operation fails. */
static inline gboolean
disk_fails (void)
{
  guint n;

  g_mutex_lock (&disk.lock);
  n = disk.n_operations++;
  g_mutex_unlock (&disk.lock);
  return disk.fail_at >= 0 && (disk.stays_broken ? n >= (guint) disk.fail_at : n == (guint) disk.fail_at);
}

static inline void
disk_remember (DiskFile   *file,
               gint64      offset,
               const void *bytes,
               gsize       size)
{
  DiskWrite *write;

  if (file->contents == NULL)
    return;
  write = g_new0 (DiskWrite, 1);
  write->offset = offset;
  write->bytes = bytes != NULL ? g_bytes_new (bytes, size) : NULL;
  g_mutex_lock (&disk.lock);
  g_ptr_array_add (file->contents->unsynced, write);
  g_mutex_unlock (&disk.lock);
}

/* -- The methods of a file ----------------------------------------------------------------------------------------- */

static inline sqlite3_file *
disk_file_real (sqlite3_file *file)
{
  return (sqlite3_file *) ((DiskFile *) file + 1);
}

static int
disk_file_close (sqlite3_file *file)
{
  g_clear_pointer (&((DiskFile *) file)->contents, disk_contents_unref);
  return disk_file_real (file)->pMethods->xClose (disk_file_real (file));
}

static int
disk_file_read (sqlite3_file  *file,
                void          *buffer,
                int            size,
                sqlite3_int64  offset)
{
  if (disk_fails ())
    return SQLITE_IOERR_READ;
  return disk_file_real (file)->pMethods->xRead (disk_file_real (file), buffer, size, offset);
}

static int
disk_file_write (sqlite3_file  *file,
                 const void    *buffer,
                 int            size,
                 sqlite3_int64  offset)
{
  int result;

  if (disk_fails ())
    return disk.result;
  result = disk_file_real (file)->pMethods->xWrite (disk_file_real (file), buffer, size, offset);
  if (result == SQLITE_OK)
    disk_remember ((DiskFile *) file, offset, buffer, (gsize) size);
  return result;
}

static int
disk_file_truncate (sqlite3_file  *file,
                    sqlite3_int64  size)
{
  int result;

  if (disk_fails ())
    return SQLITE_IOERR_TRUNCATE;
  result = disk_file_real (file)->pMethods->xTruncate (disk_file_real (file), size);
  if (result == SQLITE_OK)
    disk_remember ((DiskFile *) file, size, NULL, 0);
  return result;
}

/* Nothing goes to the real disk: what counts is what this one believes. */
static int
disk_file_sync (sqlite3_file *file,
                int           flags)
{
  DiskContents *contents = ((DiskFile *) file)->contents;

  if (disk_fails ())
    return SQLITE_IOERR_FSYNC;
  if (contents == NULL)
    return SQLITE_OK;
  g_mutex_lock (&disk.lock);
  for (guint i = 0; i < contents->unsynced->len; i++)
    {
      const DiskWrite *write = g_ptr_array_index (contents->unsynced, i);

      disk_write_apply (write, contents->durable, write->bytes != NULL ? g_bytes_get_size (write->bytes) : 0);
    }
  g_ptr_array_set_size (contents->unsynced, 0);
  g_mutex_unlock (&disk.lock);
  return SQLITE_OK;
}

static int
disk_file_size (sqlite3_file  *file,
                sqlite3_int64 *size)
{
  if (disk_fails ())
    return SQLITE_IOERR_FSTAT;
  return disk_file_real (file)->pMethods->xFileSize (disk_file_real (file), size);
}

static int
disk_file_lock (sqlite3_file *file,
                int           level)
{
  return disk_file_real (file)->pMethods->xLock (disk_file_real (file), level);
}

static int
disk_file_unlock (sqlite3_file *file,
                  int           level)
{
  return disk_file_real (file)->pMethods->xUnlock (disk_file_real (file), level);
}

static int
disk_file_check_reserved_lock (sqlite3_file *file,
                               int          *reserved)
{
  return disk_file_real (file)->pMethods->xCheckReservedLock (disk_file_real (file), reserved);
}

static int
disk_file_control (sqlite3_file *file,
                   int           operation,
                   void         *argument)
{
  return disk_file_real (file)->pMethods->xFileControl (disk_file_real (file), operation, argument);
}

static int
disk_file_sector_size (sqlite3_file *file)
{
  return disk_file_real (file)->pMethods->xSectorSize (disk_file_real (file));
}

static int
disk_file_device_characteristics (sqlite3_file *file)
{
  return disk_file_real (file)->pMethods->xDeviceCharacteristics (disk_file_real (file));
}

static int
disk_file_shm_map (sqlite3_file   *file,
                   int             page,
                   int             page_size,
                   int             extend,
                   void volatile **memory)
{
  if (disk_fails ())
    return SQLITE_IOERR_SHMMAP;
  return disk_file_real (file)->pMethods->xShmMap (disk_file_real (file), page, page_size, extend, memory);
}

static int
disk_file_shm_lock (sqlite3_file *file,
                    int           offset,
                    int           n,
                    int           flags)
{
  return disk_file_real (file)->pMethods->xShmLock (disk_file_real (file), offset, n, flags);
}

static void
disk_file_shm_barrier (sqlite3_file *file)
{
  disk_file_real (file)->pMethods->xShmBarrier (disk_file_real (file));
}

static int
disk_file_shm_unmap (sqlite3_file *file,
                     int           remove)
{
  return disk_file_real (file)->pMethods->xShmUnmap (disk_file_real (file), remove);
}

static const sqlite3_io_methods disk_file_methods = {
  .iVersion = 2,
  .xClose = disk_file_close,
  .xRead = disk_file_read,
  .xWrite = disk_file_write,
  .xTruncate = disk_file_truncate,
  .xSync = disk_file_sync,
  .xFileSize = disk_file_size,
  .xLock = disk_file_lock,
  .xUnlock = disk_file_unlock,
  .xCheckReservedLock = disk_file_check_reserved_lock,
  .xFileControl = disk_file_control,
  .xSectorSize = disk_file_sector_size,
  .xDeviceCharacteristics = disk_file_device_characteristics,
  .xShmMap = disk_file_shm_map,
  .xShmLock = disk_file_shm_lock,
  .xShmBarrier = disk_file_shm_barrier,
  .xShmUnmap = disk_file_shm_unmap,
};

/* -- The file system ----------------------------------------------------------------------------------------------- */

/* A new reference. */
static DiskContents *
disk_get_contents (const char *path)
{
  DiskContents *contents;

  g_mutex_lock (&disk.lock);
  contents = g_hash_table_lookup (disk.files, path);
  if (contents == NULL)
    {
      contents = disk_contents_new (path);
      g_hash_table_insert (disk.files, g_strdup (path), contents);
    }
  g_atomic_rc_box_acquire (contents);
  g_mutex_unlock (&disk.lock);
  return contents;
}

static int
disk_open (sqlite3_vfs  *vfs,
           const char   *name,
           sqlite3_file *file,
           int           flags,
           int          *out_flags)
{
  DiskFile *self = (DiskFile *) file;
  int result;

  self->base.pMethods = NULL;
  if (disk_fails ())
    return SQLITE_CANTOPEN;
  self->contents = name != NULL ? disk_get_contents (name) : NULL;
  result = disk.real->xOpen (disk.real, name, disk_file_real (file), flags, out_flags);
  if (result == SQLITE_OK)
    self->base.pMethods = &disk_file_methods;
  else
    g_clear_pointer (&self->contents, disk_contents_unref);
  return result;
}

/* A file has no name any more. */
static inline void
disk_forget (const char *path)
{
  g_mutex_lock (&disk.lock);
  g_hash_table_remove (disk.files, path);
  g_mutex_unlock (&disk.lock);
}

static int
disk_delete (sqlite3_vfs *vfs,
             const char  *name,
             int          sync)
{
  int result;

  if (disk_fails ())
    return SQLITE_IOERR_DELETE;
  result = disk.real->xDelete (disk.real, name, sync);
  if (result == SQLITE_OK)
    disk_forget (name);
  return result;
}

/* From now on all stores in files are on this disk. */
static inline void
disk_install (void)
{
  disk.real = sqlite3_vfs_find (NULL);
  disk.files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, disk_contents_unref);
  disk.vfs = *disk.real;
  disk.vfs.zName = "fragile";
  disk.vfs.xOpen = disk_open;
  disk.vfs.xDelete = disk_delete;
  disk.vfs.szOsFile = (int) sizeof (DiskFile) + disk.real->szOsFile;
  g_assert_cmpint (sqlite3_vfs_register (&disk.vfs, 1), ==, SQLITE_OK);
}

/* -- Faults -------------------------------------------------------------------------------------------------------- */

/* From now on operation number `n` fails, and if it `stays_broken` all after it; a write with `result`. */
static inline void
disk_fail_at (guint    n,
              gboolean stays_broken,
              int      result)
{
  disk.n_operations = 0;
  disk.fail_at = (int) n;
  disk.stays_broken = stays_broken;
  disk.result = result;
}

/* Whether the operation that was to fail was asked for. */
static inline gboolean
disk_has_failed (void)
{
  return disk.fail_at >= 0 && disk.n_operations > (guint) disk.fail_at;
}

static inline void
disk_heal (void)
{
  disk.fail_at = -1;
}

/* Whether a power cut could still take something from a WAL. */
static inline gboolean
disk_has_unsynced_wal (void)
{
  gboolean unsynced = FALSE;
  GHashTableIter iter;
  gpointer path, contents;

  g_mutex_lock (&disk.lock);
  g_hash_table_iter_init (&iter, disk.files);
  while (g_hash_table_iter_next (&iter, &path, &contents))
    unsynced |= g_str_has_suffix (path, "-wal") && ((DiskContents *) contents)->unsynced->len > 0;
  g_mutex_unlock (&disk.lock);
  return unsynced;
}

/* What is left of a file: all that was synced, and of the rest what the disk happened to get done, in any order. */
static inline void
disk_contents_cut (const DiskContents *self,
                   GRand              *rand,
                   const char         *path)
{
  g_autoptr(GByteArray) left = g_byte_array_new ();
  g_autoptr(GError) error = NULL;
  int percent = g_rand_int_range (rand, 0, 101);

  g_byte_array_append (left, self->durable->data, self->durable->len);
  for (guint i = 0; i < self->unsynced->len; i++)
    {
      const DiskWrite *write = g_ptr_array_index (self->unsynced, i);
      gsize size = write->bytes != NULL ? g_bytes_get_size (write->bytes) : 0;

      if (g_rand_int_range (rand, 0, 100) >= percent)
        continue;
      if (size > DISK_SECTOR && g_rand_int_range (rand, 0, 8) == 0)
        size = DISK_SECTOR * (gsize) g_rand_int_range (rand, 1, (int) (size / DISK_SECTOR) + 1);
      disk_write_apply (write, left, size);
    }
  g_file_set_contents (path, (const char *) left->data, (gssize) left->len, &error);
  g_assert_no_error (error);
}

/* Writes into `folder` what a power cut now would leave of the files that lie beside each other in `from`. */
static inline void
disk_cut_power (const char *from,
                const char *folder,
                GRand      *rand)
{
  GHashTableIter iter;
  gpointer path, contents;

  g_mutex_lock (&disk.lock);
  g_hash_table_iter_init (&iter, disk.files);
  while (g_hash_table_iter_next (&iter, &path, &contents))
    {
      g_autofree char *parent = g_path_get_dirname (path);
      g_autofree char *name = g_path_get_basename (path);
      g_autofree char *copy = g_build_filename (folder, name, NULL);

      if (g_str_equal (parent, from))
        disk_contents_cut (contents, rand, copy);
    }
  g_mutex_unlock (&disk.lock);
}
