/* dimple-memory-vfs.c: databases in the heap that behave like files
 *
 * SQLite's own in-memory databases either cannot be shared, or make readers wait for the writer.  These are files to
 * SQLite, shared memory and locks included, so WAL works in them and an in-memory store behaves as one in a file does.
 *
 * A file is a list of chunks that never move, so it grows without being copied.  It is found by its name as long as it
 * is listed, and lives as long as a handle has it open: like a file in Unix.  Side files go with their database.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-memory-vfs-private.h"

#include <sqlite3.h>
#include <string.h>

#define VFS_NAME "dimple-memory"
#define MAX_NAME 512
#define CHUNK_SIZE (64 * 1024)
#define SECTOR_SIZE 4096

typedef struct _MemoryHandle MemoryHandle;

typedef struct
{
  char         *name;                               /* NULL: temporary */
  guint         n_handles;                          /* under files_lock */

  GRWLock       content_lock;
  GPtrArray    *chunks;
  gint64        size;

  GMutex        lock;                               /* of all that follows */
  guint         n_shared;                           /* handles with at least SQLITE_LOCK_SHARED */
  MemoryHandle *reserved;                           /* who has at least SQLITE_LOCK_RESERVED */
  MemoryHandle *pending;                            /* who has, or waits for, SQLITE_LOCK_EXCLUSIVE */

  GPtrArray    *regions;                            /* shared memory */
  guint         n_mapped;                           /* handles that use it */
  guint         shm_shared[SQLITE_SHM_NLOCK];
  MemoryHandle *shm_exclusive[SQLITE_SHM_NLOCK];
} MemoryFile;

/* SQLite allocates it, and knows only its beginning. */
struct _MemoryHandle
{
  sqlite3_file  base;
  MemoryFile   *file;
  gboolean      is_database;
  int           level;                              /* SQLITE_LOCK_NONE … SQLITE_LOCK_EXCLUSIVE */
  gboolean      is_mapped;
  guint         shm_shared;                         /* bit n: has shared lock n */
};

static GMutex files_lock;
static GHashTable *files;                           /* MemoryFile by name */
static guint n_files;                               /* nameless ones included */

/* In chunks, for all files */
static gsize used_size;
static gsize size_limit = G_MAXSIZE;

/* -- Files --------------------------------------------------------------------------------------------------------- */

static gboolean
take_space (void)
{
  if (g_atomic_pointer_add (&used_size, CHUNK_SIZE) + (gsize) CHUNK_SIZE <= size_limit)
    return TRUE;
  g_atomic_pointer_add (&used_size, -CHUNK_SIZE);
  return FALSE;
}

static void
chunk_free (gpointer chunk)
{
  g_atomic_pointer_add (&used_size, -CHUNK_SIZE);
  g_free (chunk);
}

static MemoryFile *
file_new (const char *name)
{
  MemoryFile *file = g_try_new0 (MemoryFile, 1);

  if (file == NULL)
    return NULL;
  file->name = g_strdup (name);
  file->chunks = g_ptr_array_new_with_free_func (chunk_free);
  file->regions = g_ptr_array_new_with_free_func (g_free);
  g_rw_lock_init (&file->content_lock);
  g_mutex_init (&file->lock);
  n_files++;
  return file;
}

static void
file_free (MemoryFile *file)
{
  n_files--;
  g_mutex_clear (&file->lock);
  g_rw_lock_clear (&file->content_lock);
  g_ptr_array_unref (file->regions);
  g_ptr_array_unref (file->chunks);
  g_free (file->name);
  g_free (file);
}

static gboolean
is_listed (MemoryFile *file)
{
  return file->name != NULL && g_hash_table_lookup (files, file->name) == file;
}

/* With files_lock held, like all of these. */
static void
unlist (const char *name)
{
  MemoryFile *file = g_hash_table_lookup (files, name);

  if (file == NULL)
    return;
  g_hash_table_remove (files, name);
  if (file->n_handles == 0)
    file_free (file);
}

static void
unlist_database (const char *name)
{
  static const char * const suffixes[] = { "", "-wal", "-journal" };
  g_autofree char *kept = g_strdup (name);

  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *side = g_strconcat (kept, suffixes[i], NULL);

      unlist (side);
    }
}

guint
dimple_memory_vfs_get_n_files (void)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&files_lock);

  return n_files;
}

gsize
dimple_memory_vfs_get_size (void)
{
  return (gsize) g_atomic_pointer_get (&used_size);
}

void
dimple_memory_vfs_set_limit (gsize limit)
{
  size_limit = limit;
}

/* -- Reading and writing ------------------------------------------------------------------------------------------- */

static MemoryFile *
file_of (sqlite3_file *handle)
{
  return ((MemoryHandle *) handle)->file;
}

/* Where the bytes at `offset` are, and how many of the `wanted` are there in one piece. */
static guint8 *
locate (MemoryFile *file,
        gint64      offset,
        gint64      wanted,
        gsize      *available)
{
  *available = (gsize) MIN (wanted, CHUNK_SIZE - offset % CHUNK_SIZE);
  return (guint8 *) g_ptr_array_index (file->chunks, (guint) (offset / CHUNK_SIZE)) + offset % CHUNK_SIZE;
}

static int
memory_read (sqlite3_file  *handle,
             void          *buffer,
             int            amount,
             sqlite3_int64  offset)
{
  MemoryFile *file = file_of (handle);
  guint8 *target = buffer;
  gint64 left;

  g_rw_lock_reader_lock (&file->content_lock);
  left = CLAMP (file->size - offset, 0, amount);
  amount -= (int) left;
  while (left > 0)
    {
      gsize n;
      const guint8 *source = locate (file, offset, left, &n);

      memcpy (target, source, n);
      target += n;
      offset += (gint64) n;
      left -= (gint64) n;
    }
  g_rw_lock_reader_unlock (&file->content_lock);

  if (amount == 0)
    return SQLITE_OK;
  memset (target, 0, (gsize) amount);
  return SQLITE_IOERR_SHORT_READ;
}

static gboolean
grow (MemoryFile *file,
      gint64      size)
{
  while ((gint64) file->chunks->len * CHUNK_SIZE < size)
    {
      guint8 *chunk = take_space () ? g_try_malloc0 (CHUNK_SIZE) : NULL;

      if (chunk == NULL)
        return FALSE;
      g_ptr_array_add (file->chunks, chunk);
    }
  file->size = MAX (file->size, size);
  return TRUE;
}

static int
memory_write (sqlite3_file  *handle,
              const void    *buffer,
              int            amount,
              sqlite3_int64  offset)
{
  MemoryFile *file = file_of (handle);
  const guint8 *source = buffer;
  gint64 left = amount;
  gboolean fits;

  g_rw_lock_writer_lock (&file->content_lock);
  fits = grow (file, offset + amount);
  while (fits && left > 0)
    {
      gsize n;
      guint8 *target = locate (file, offset, left, &n);

      memcpy (target, source, n);
      source += n;
      offset += (gint64) n;
      left -= (gint64) n;
    }
  g_rw_lock_writer_unlock (&file->content_lock);
  return fits ? SQLITE_OK : SQLITE_FULL;
}

static int
memory_truncate (sqlite3_file  *handle,
                 sqlite3_int64  size)
{
  MemoryFile *file = file_of (handle);
  guint n_chunks = (guint) ((size + CHUNK_SIZE - 1) / CHUNK_SIZE);

  g_rw_lock_writer_lock (&file->content_lock);
  if (n_chunks < file->chunks->len)
    g_ptr_array_set_size (file->chunks, (int) n_chunks);
  /* What comes after the end must be zero when the file grows again. */
  if (size < file->size && size % CHUNK_SIZE != 0)
    {
      gsize n;
      guint8 *end = locate (file, size, CHUNK_SIZE, &n);

      memset (end, 0, n);
    }
  file->size = MIN (file->size, size);
  g_rw_lock_writer_unlock (&file->content_lock);
  return SQLITE_OK;
}

static int
memory_sync (sqlite3_file *handle,
             int           flags)
{
  return SQLITE_OK;
}

static int
memory_file_size (sqlite3_file  *handle,
                  sqlite3_int64 *size)
{
  MemoryFile *file = file_of (handle);

  g_rw_lock_reader_lock (&file->content_lock);
  *size = file->size;
  g_rw_lock_reader_unlock (&file->content_lock);
  return SQLITE_OK;
}

static int
memory_file_control (sqlite3_file *handle,
                     int           operation,
                     void         *argument)
{
  return SQLITE_NOTFOUND;
}

static int
memory_sector_size (sqlite3_file *handle)
{
  return SECTOR_SIZE;
}

static int
memory_device_characteristics (sqlite3_file *handle)
{
  return SQLITE_IOCAP_ATOMIC | SQLITE_IOCAP_SAFE_APPEND | SQLITE_IOCAP_SEQUENTIAL | SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* -- Locks of the database ----------------------------------------------------------------------------------------- */

static int
lock_shared (MemoryFile *file)
{
  /* A writer that waits for the readers to end lets no new one in. */
  if (file->pending != NULL)
    return SQLITE_BUSY;
  file->n_shared++;
  return SQLITE_OK;
}

static int
lock_reserved (MemoryFile   *file,
               MemoryHandle *self)
{
  if (file->reserved != NULL && file->reserved != self)
    return SQLITE_BUSY;
  file->reserved = self;
  return SQLITE_OK;
}

static int
lock_exclusive (MemoryFile   *file,
                MemoryHandle *self)
{
  if (lock_reserved (file, self) != SQLITE_OK || (file->pending != NULL && file->pending != self))
    return SQLITE_BUSY;
  file->pending = self;
  if (file->n_shared == 1)
    return SQLITE_OK;
  self->level = SQLITE_LOCK_PENDING;
  return SQLITE_BUSY;
}

static int
memory_lock (sqlite3_file *handle,
             int           level)
{
  MemoryHandle *self = (MemoryHandle *) handle;
  MemoryFile *file = self->file;
  int result;

  if (level <= self->level)
    return SQLITE_OK;

  g_mutex_lock (&file->lock);
  switch (level)
    {
    case SQLITE_LOCK_SHARED:
      result = lock_shared (file);
      break;
    case SQLITE_LOCK_RESERVED:
      result = lock_reserved (file, self);
      break;
    default:
      result = lock_exclusive (file, self);
      break;
    }
  if (result == SQLITE_OK)
    self->level = level;
  g_mutex_unlock (&file->lock);
  return result;
}

static int
memory_unlock (sqlite3_file *handle,
               int           level)
{
  MemoryHandle *self = (MemoryHandle *) handle;
  MemoryFile *file = self->file;

  if (level >= self->level)
    return SQLITE_OK;

  g_mutex_lock (&file->lock);
  if (file->reserved == self)
    file->reserved = NULL;
  if (file->pending == self)
    file->pending = NULL;
  if (level == SQLITE_LOCK_NONE)
    file->n_shared--;
  self->level = level;
  g_mutex_unlock (&file->lock);
  return SQLITE_OK;
}

static int
memory_check_reserved_lock (sqlite3_file *handle,
                            int          *is_reserved)
{
  MemoryFile *file = file_of (handle);

  g_mutex_lock (&file->lock);
  *is_reserved = file->reserved != NULL;
  g_mutex_unlock (&file->lock);
  return SQLITE_OK;
}

/* -- Shared memory of the WAL's index ------------------------------------------------------------------------------ */

static int
memory_shm_map (sqlite3_file   *handle,
                int             region,
                int             size,
                int             extend,
                void volatile **memory)
{
  MemoryHandle *self = (MemoryHandle *) handle;
  MemoryFile *file = self->file;
  int result = SQLITE_OK;

  *memory = NULL;
  g_mutex_lock (&file->lock);
  if (!self->is_mapped)
    file->n_mapped++;
  self->is_mapped = TRUE;

  while (extend && result == SQLITE_OK && file->regions->len <= (guint) region)
    {
      gpointer added = g_try_malloc0 ((gsize) size);

      if (added != NULL)
        g_ptr_array_add (file->regions, added);
      else
        result = SQLITE_IOERR_NOMEM;
    }
  if ((guint) region < file->regions->len)
    *memory = g_ptr_array_index (file->regions, (guint) region);
  g_mutex_unlock (&file->lock);
  return result;
}

static void
shm_unlock (MemoryHandle *self,
            int           first,
            int           n)
{
  MemoryFile *file = self->file;

  for (int i = first; i < first + n; i++)
    {
      if (file->shm_exclusive[i] == self)
        file->shm_exclusive[i] = NULL;
      if (self->shm_shared & 1u << i)
        file->shm_shared[i]--;
      self->shm_shared &= ~(1u << i);
    }
}

static int
shm_lock_shared (MemoryHandle *self,
                 int           first,
                 int           n)
{
  MemoryFile *file = self->file;

  for (int i = first; i < first + n; i++)
    if (file->shm_exclusive[i] != NULL && file->shm_exclusive[i] != self)
      return SQLITE_BUSY;
  for (int i = first; i < first + n; i++)
    if ((self->shm_shared & 1u << i) == 0)
      {
        self->shm_shared |= 1u << i;
        file->shm_shared[i]++;
      }
  return SQLITE_OK;
}

static int
shm_lock_exclusive (MemoryHandle *self,
                    int           first,
                    int           n)
{
  MemoryFile *file = self->file;

  for (int i = first; i < first + n; i++)
    {
      guint own = self->shm_shared >> i & 1;

      if ((file->shm_exclusive[i] != NULL && file->shm_exclusive[i] != self) || file->shm_shared[i] > own)
        return SQLITE_BUSY;
    }
  for (int i = first; i < first + n; i++)
    file->shm_exclusive[i] = self;
  return SQLITE_OK;
}

static int
memory_shm_lock (sqlite3_file *handle,
                 int           first,
                 int           n,
                 int           flags)
{
  MemoryHandle *self = (MemoryHandle *) handle;
  int result = SQLITE_OK;

  g_mutex_lock (&self->file->lock);
  if (flags & SQLITE_SHM_UNLOCK)
    shm_unlock (self, first, n);
  else if (flags & SQLITE_SHM_SHARED)
    result = shm_lock_shared (self, first, n);
  else
    result = shm_lock_exclusive (self, first, n);
  g_mutex_unlock (&self->file->lock);
  return result;
}

/* Entering and leaving a mutex is how SQLite's own VFS does it, too: no reads and writes are moved across it. */
static void
memory_shm_barrier (sqlite3_file *handle)
{
  MemoryFile *file = file_of (handle);

  __atomic_thread_fence (__ATOMIC_SEQ_CST);
  g_mutex_lock (&file->lock);
  g_mutex_unlock (&file->lock);
}

static int
memory_shm_unmap (sqlite3_file *handle,
                  int           remove)
{
  MemoryHandle *self = (MemoryHandle *) handle;
  MemoryFile *file = self->file;

  g_mutex_lock (&file->lock);
  shm_unlock (self, 0, SQLITE_SHM_NLOCK);
  if (self->is_mapped && --file->n_mapped == 0)
    g_ptr_array_set_size (file->regions, 0);
  self->is_mapped = FALSE;
  g_mutex_unlock (&file->lock);
  return SQLITE_OK;
}

static int
memory_close (sqlite3_file *handle)
{
  MemoryHandle *self = (MemoryHandle *) handle;
  MemoryFile *file = self->file;

  memory_unlock (handle, SQLITE_LOCK_NONE);
  memory_shm_unmap (handle, FALSE);

  g_mutex_lock (&files_lock);
  file->n_handles--;
  if (file->n_handles == 0 && self->is_database && is_listed (file))
    unlist_database (file->name);
  else if (file->n_handles == 0 && !is_listed (file))
    file_free (file);
  g_mutex_unlock (&files_lock);
  return SQLITE_OK;
}

/* Version 2: no xFetch().  SQLite would read pages in place, and a truncation would have to wait for it. */
static const sqlite3_io_methods memory_methods = {
  .iVersion = 2,
  .xClose = memory_close,
  .xRead = memory_read,
  .xWrite = memory_write,
  .xTruncate = memory_truncate,
  .xSync = memory_sync,
  .xFileSize = memory_file_size,
  .xLock = memory_lock,
  .xUnlock = memory_unlock,
  .xCheckReservedLock = memory_check_reserved_lock,
  .xFileControl = memory_file_control,
  .xSectorSize = memory_sector_size,
  .xDeviceCharacteristics = memory_device_characteristics,
  .xShmMap = memory_shm_map,
  .xShmLock = memory_shm_lock,
  .xShmBarrier = memory_shm_barrier,
  .xShmUnmap = memory_shm_unmap,
};

/* -- The file system ----------------------------------------------------------------------------------------------- */

/* The file to open, made if it may be; NULL with a result code if not. */
static MemoryFile *
open_file (const char *name,
           int         flags,
           int        *result)
{
  MemoryFile *file = name != NULL ? g_hash_table_lookup (files, name) : NULL;

  *result = SQLITE_CANTOPEN;
  if (file != NULL)
    return flags & SQLITE_OPEN_EXCLUSIVE ? NULL : file;
  if (name != NULL && (flags & SQLITE_OPEN_CREATE) == 0)
    return NULL;

  file = file_new (name);
  *result = SQLITE_NOMEM;
  if (file != NULL && name != NULL)
    g_hash_table_insert (files, file->name, file);
  return file;
}

static int
memory_open (sqlite3_vfs  *vfs,
             const char   *name,
             sqlite3_file *handle,
             int           flags,
             int          *flags_given)
{
  MemoryHandle *self = (MemoryHandle *) handle;
  int result;

  *self = (MemoryHandle) { .level = SQLITE_LOCK_NONE, .is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0 };

  g_mutex_lock (&files_lock);
  self->file = open_file (name, flags, &result);
  if (self->file != NULL)
    self->file->n_handles++;
  g_mutex_unlock (&files_lock);
  /* Without methods, SQLite does not close it. */
  if (self->file == NULL)
    return result;

  self->base.pMethods = &memory_methods;
  if (flags_given != NULL)
    *flags_given = flags;
  return SQLITE_OK;
}

static int
memory_delete (sqlite3_vfs *vfs,
               const char  *name,
               int          sync_folder)
{
  gboolean exists;

  g_mutex_lock (&files_lock);
  exists = g_hash_table_contains (files, name);
  unlist (name);
  g_mutex_unlock (&files_lock);
  return exists ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
}

static int
memory_access (sqlite3_vfs *vfs,
               const char  *name,
               int          flags,
               int         *result)
{
  g_mutex_lock (&files_lock);
  *result = g_hash_table_contains (files, name);
  g_mutex_unlock (&files_lock);
  return SQLITE_OK;
}

static int
memory_full_pathname (sqlite3_vfs *vfs,
                      const char  *name,
                      int          size,
                      char        *path)
{
  return g_strlcpy (path, name, (gsize) size) < (gsize) size ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* What has nothing to do with files is left to the system's VFS. */

static sqlite3_vfs *
system_vfs (sqlite3_vfs *vfs)
{
  return vfs->pAppData;
}

static void *
memory_dl_open (sqlite3_vfs *vfs,
                const char  *name)
{
  return system_vfs (vfs)->xDlOpen (system_vfs (vfs), name);
}

static void
memory_dl_error (sqlite3_vfs *vfs,
                 int          size,
                 char        *message)
{
  system_vfs (vfs)->xDlError (system_vfs (vfs), size, message);
}

static void
(*memory_dl_sym (sqlite3_vfs *vfs,
                 void        *library,
                 const char  *symbol)) (void)
{
  return system_vfs (vfs)->xDlSym (system_vfs (vfs), library, symbol);
}

static void
memory_dl_close (sqlite3_vfs *vfs,
                 void        *library)
{
  system_vfs (vfs)->xDlClose (system_vfs (vfs), library);
}

static int
memory_randomness (sqlite3_vfs *vfs,
                   int          size,
                   char        *bytes)
{
  return system_vfs (vfs)->xRandomness (system_vfs (vfs), size, bytes);
}

static int
memory_sleep (sqlite3_vfs *vfs,
              int          microseconds)
{
  return system_vfs (vfs)->xSleep (system_vfs (vfs), microseconds);
}

static int
memory_current_time (sqlite3_vfs *vfs,
                     double      *julian_day)
{
  return system_vfs (vfs)->xCurrentTime (system_vfs (vfs), julian_day);
}

static int
memory_current_time_int64 (sqlite3_vfs   *vfs,
                           sqlite3_int64 *milliseconds)
{
  return system_vfs (vfs)->xCurrentTimeInt64 (system_vfs (vfs), milliseconds);
}

static int
memory_get_last_error (sqlite3_vfs *vfs,
                       int          size,
                       char        *message)
{
  return 0;
}

static sqlite3_vfs memory_vfs = {
  .iVersion = 2,
  .szOsFile = sizeof (MemoryHandle),
  .mxPathname = MAX_NAME,
  .zName = VFS_NAME,
  .xOpen = memory_open,
  .xDelete = memory_delete,
  .xAccess = memory_access,
  .xFullPathname = memory_full_pathname,
  .xDlOpen = memory_dl_open,
  .xDlError = memory_dl_error,
  .xDlSym = memory_dl_sym,
  .xDlClose = memory_dl_close,
  .xRandomness = memory_randomness,
  .xSleep = memory_sleep,
  .xCurrentTime = memory_current_time,
  .xGetLastError = memory_get_last_error,
  .xCurrentTimeInt64 = memory_current_time_int64,
};

const char *
dimple_memory_vfs_get_name (void)
{
  static gsize registered;

  if (g_once_init_enter (&registered))
    {
      files = g_hash_table_new (g_str_hash, g_str_equal);
      memory_vfs.pAppData = sqlite3_vfs_find (NULL);
      if (sqlite3_vfs_register (&memory_vfs, FALSE) != SQLITE_OK)
        g_error ("SQLite refuses the VFS " VFS_NAME);
      g_once_init_leave (&registered, 1);
    }
  return VFS_NAME;
}
