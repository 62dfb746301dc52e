/* disk.c: where a device's database is, and what a crash or a power cut leaves of it
 *
 * A VFS under the name of Dimple's own one for memory, on top of which it stands.  All that is here is what that one
 * need not have: files stay when they are closed, a disk can stop listening in the middle of a commit, and it remembers
 * what every file was when it was last synced.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <sqlite3.h>
#include <string.h>

#include "dimple-memory-vfs-private.h"

#include "simulator.h"

#define NAME_SIZE 64

enum { DATABASE, WAL, N_FILES };

struct _Disk
{
  char          name[NAME_SIZE];
  GByteArray   *synced[N_FILES];       /* (nullable) what a power cut leaves of a file */
  gint64        changed_from[N_FILES]; /* since then: nothing before it, */
  gint64        changed_to[N_FILES];   /* and nothing from here on */
  sqlite3_file *kept[N_FILES];         /* (nullable) a handle that keeps the file, whoever closes it */
  int           writes_left;           /* -1: no end */
  gboolean      dead;
  GThread      *deaf;                  /* its writes do not count for what follows */
  int           writes_untold;         /* -1: nothing is told */
  void        (*tell) (gpointer user_data);
  gpointer      tell_data;
};

/* Comes behind the handle of the VFS below. */
typedef struct
{
  Disk *disk;
  int   file;                          /* N_FILES: neither, such as a temporary one */
} Tail;

static sqlite3_vfs *below;
static sqlite3_vfs vfs;
static sqlite3_io_methods methods;
static const sqlite3_io_methods *methods_below;

static GMutex names_lock;
static GHashTable *names;              /* name that SQLite was given -> Disk */
static Disk *next;
static guint n_disks;

static Tail *
tail_of (sqlite3_file *handle)
{
  return (Tail *) ((guint8 *) handle + below->szOsFile);
}

static const char * const suffixes[] = { "", "-wal" };

static char *
file_name (Disk *self,
           int   file)
{
  return g_strconcat (self->name, suffixes[file], NULL);
}

static Disk *
find_disk (const char *name,
           int        *file)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&names_lock);
  GHashTableIter iter;
  gpointer disk;

  g_hash_table_iter_init (&iter, names);
  while (name != NULL && g_hash_table_iter_next (&iter, NULL, &disk))
    {
      gsize length = strlen (((Disk *) disk)->name);

      if (strncmp (name, ((Disk *) disk)->name, length) != 0)
        continue;
      for (*file = 0; *file < N_FILES; (*file)++)
        {
          if (strcmp (name + length, suffixes[*file]) == 0)
            return disk;
        }
    }
  *file = N_FILES;
  return NULL;
}

/* -- What a disk adds ---------------------------------------------------------------------------------------------- */

/* Whether one more write is heard. */
static gboolean
hears (sqlite3_file *handle)
{
  Disk *disk = tail_of (handle)->disk;

  if (disk == NULL)
    return TRUE;
  if (disk->writes_untold >= 0 && g_thread_self () != disk->deaf && disk->writes_untold-- == 0)
    disk->tell (disk->tell_data);
  if (!disk->dead && disk->writes_left >= 0 && disk->writes_left-- == 0)
    {
      count_add (COUNT_CRASH_WRITE, 1);
      sim_trace ("    the process is killed at a write to its database");
      disk->dead = TRUE;
    }
  return !disk->dead;
}

static void
note_change (sqlite3_file *handle,
             gint64        from,
             gint64        to)
{
  Tail *tail = tail_of (handle);

  if (tail->disk == NULL)
    return;
  tail->disk->changed_from[tail->file] = MIN (tail->disk->changed_from[tail->file], from);
  tail->disk->changed_to[tail->file] = MAX (tail->disk->changed_to[tail->file], to);
}

static int
on_write (sqlite3_file  *handle,
          const void    *buffer,
          int            amount,
          sqlite3_int64  offset)
{
  if (!hears (handle))
    return SQLITE_IOERR_WRITE;
  note_change (handle, offset, offset + amount);
  return methods_below->xWrite (handle, buffer, amount, offset);
}

static int
on_truncate (sqlite3_file  *handle,
             sqlite3_int64  size)
{
  if (!hears (handle))
    return SQLITE_IOERR_TRUNCATE;
  note_change (handle, size, G_MAXINT64);
  return methods_below->xTruncate (handle, size);
}

/* What was changed in the file, as most of a large one was not. */
static void
keep_synced (Disk         *self,
             int           file,
             sqlite3_file *handle)
{
  GByteArray *synced = self->synced[file];
  gint64 from = synced != NULL ? MIN (self->changed_from[file], (gint64) synced->len) : 0, to;
  sqlite3_int64 size = 0;

  methods_below->xFileSize (handle, &size);
  to = synced != NULL ? MIN (self->changed_to[file], size) : size;
  if (synced == NULL)
    synced = self->synced[file] = g_byte_array_new ();
  g_byte_array_set_size (synced, (guint) size);
  if (from < to)
    methods_below->xRead (handle, synced->data + from, (int) (to - from), from);
  self->changed_from[file] = G_MAXINT64;
  self->changed_to[file] = 0;
}

static void
forget_synced (Disk *self,
               int   file)
{
  g_clear_pointer (&self->synced[file], g_byte_array_unref);
}

static int
on_sync (sqlite3_file *handle,
         int           flags)
{
  Tail *tail = tail_of (handle);

  if (!hears (handle))
    return SQLITE_IOERR_FSYNC;
  if (tail->disk != NULL)
    keep_synced (tail->disk, tail->file, handle);
  return methods_below->xSync (handle, flags);
}

static sqlite3_file *
open_kept (Disk *self,
           int   file)
{
  g_autofree char *name = file_name (self, file);
  sqlite3_file *handle = g_malloc0 ((gsize) below->szOsFile);
  int result = below->xOpen (below, name, handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL, NULL);

  g_assert (result == SQLITE_OK);
  return handle;
}

static void
close_kept (Disk *self,
            int   file)
{
  if (self->kept[file] != NULL)
    self->kept[file]->pMethods->xClose (self->kept[file]);
  g_clear_pointer (&self->kept[file], g_free);
}

static int
on_open (sqlite3_vfs  *ignored,
         const char   *name,
         sqlite3_file *handle,
         int           flags,
         int          *flags_given)
{
  int file;
  Disk *disk = find_disk (name, &file);
  int result = below->xOpen (below, name, handle, flags, flags_given);

  if (result != SQLITE_OK)
    return result;
  methods_below = handle->pMethods;
  methods = *methods_below;
  methods.xWrite = on_write;
  methods.xTruncate = on_truncate;
  methods.xSync = on_sync;
  handle->pMethods = &methods;
  *tail_of (handle) = (Tail) { disk, file };
  if (disk != NULL && disk->kept[file] == NULL)
    disk->kept[file] = open_kept (disk, file);
  return SQLITE_OK;
}

static int
on_delete (sqlite3_vfs *ignored,
           const char  *name,
           int          sync_folder)
{
  int file;
  Disk *disk = find_disk (name, &file);
  int result;

  if (disk != NULL && disk->dead)
    return SQLITE_IOERR_DELETE;
  result = below->xDelete (below, name, sync_folder);
  if (disk != NULL)
    {
      close_kept (disk, file);
      /* The file system's journal may not have it yet: a WAL that is there again is replayed, and changes nothing. */
      forget_synced (disk, file);
    }
  return result;
}

/* The first name that is not known is the database of the disk in use. */
static int
on_full_pathname (sqlite3_vfs *ignored,
                  const char  *name,
                  int          size,
                  char        *path)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&names_lock);
  Disk *disk = g_hash_table_lookup (names, name);

  if (disk == NULL && next != NULL)
    {
      disk = g_steal_pointer (&next);
      g_hash_table_insert (names, g_strdup (name), disk);
    }
  g_strlcpy (path, disk != NULL ? disk->name : name, (gsize) size);
  return SQLITE_OK;
}

static void
register_vfs (void)
{
  const char *name = dimple_memory_vfs_get_name ();

  below = sqlite3_vfs_find (name);
  vfs = *below;
  vfs.szOsFile = below->szOsFile + (int) sizeof (Tail);
  vfs.xOpen = on_open;
  vfs.xDelete = on_delete;
  vfs.xFullPathname = on_full_pathname;
  names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  /* Of two with one name SQLite finds the one that came later. */
  if (sqlite3_vfs_register (&vfs, FALSE) != SQLITE_OK || sqlite3_vfs_find (name) != &vfs)
    g_error ("SQLite refuses the VFS of the simulator");
}

/* -- Disks --------------------------------------------------------------------------------------------------------- */

Disk *
disk_new (void)
{
  Disk *self = g_new0 (Disk, 1);

  if (below == NULL)
    register_vfs ();
  g_snprintf (self->name, sizeof self->name, "/disk-%u.db", n_disks++);
  self->writes_left = -1;
  self->writes_untold = -1;
  return self;
}

static gboolean
is_disk (gpointer name,
         gpointer disk,
         gpointer self)
{
  return disk == self;
}

void
disk_free (Disk *self)
{
  for (int file = 0; file < N_FILES; file++)
    {
      g_autofree char *name = file_name (self, file);

      close_kept (self, file);
      below->xDelete (below, name, FALSE);
      forget_synced (self, file);
    }
  g_mutex_lock (&names_lock);
  g_hash_table_foreach_remove (names, is_disk, self);
  if (next == self)
    next = NULL;
  g_mutex_unlock (&names_lock);
  g_free (self);
}

void
disk_use (Disk *self)
{
  g_mutex_lock (&names_lock);
  /* A store that is opened anew has another name for it. */
  g_hash_table_foreach_remove (names, is_disk, self);
  /* Found by its own name until then. */
  g_hash_table_insert (names, g_strdup (self->name), self);
  next = self;
  g_mutex_unlock (&names_lock);
}

void
disk_die_after (Disk  *self,
                guint  n)
{
  self->writes_left = (int) n;
}

void
disk_tell_after (Disk      *self,
                 guint      n,
                 void     (*func) (gpointer user_data),
                 gpointer   user_data)
{
  self->deaf = g_thread_self ();
  self->tell = func;
  self->tell_data = user_data;
  self->writes_untold = func != NULL ? (int) n : -1;
}

void
disk_die (Disk *self)
{
  self->dead = TRUE;
}

gboolean
disk_is_dead (Disk *self)
{
  return self->dead;
}

gboolean
disk_is_any_dead (void)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&names_lock);
  GHashTableIter iter;
  gpointer disk;

  g_hash_table_iter_init (&iter, names);
  while (g_hash_table_iter_next (&iter, NULL, &disk))
    {
      if (((Disk *) disk)->dead)
        return TRUE;
    }
  return FALSE;
}

/* `contents` NULL: there is no such file. */
static void
set_file (Disk       *self,
          int         file,
          GByteArray *contents)
{
  g_autofree char *name = file_name (self, file);

  close_kept (self, file);
  below->xDelete (below, name, FALSE);
  if (contents == NULL)
    return;
  self->kept[file] = open_kept (self, file);
  if (contents->len > 0)
    self->kept[file]->pMethods->xWrite (self->kept[file], contents->data, (int) contents->len, 0);
}

void
disk_revive (Disk     *self,
             gboolean  power_cut,
             Dice     *dice)
{
  self->dead = FALSE;
  self->writes_left = -1;
  for (int file = 0; power_cut && file < N_FILES; file++)
    {
      if (self->kept[file] == NULL)
        continue;
      /* What was not synced may have got to the disk all the same. */
      if (dice_chance (dice, 700))
        set_file (self, file, self->synced[file]);
      forget_synced (self, file);
      if (self->kept[file] != NULL)
        keep_synced (self, file, self->kept[file]);
    }
}

/* A database that is copied is whole on the new disk. */
Disk *
disk_copy (Disk *self)
{
  Disk *copy = disk_new ();

  for (int file = 0; file < N_FILES; file++)
    {
      if (self->kept[file] == NULL)
        continue;
      keep_synced (copy, file, self->kept[file]);
      set_file (copy, file, copy->synced[file]);
    }
  return copy;
}
