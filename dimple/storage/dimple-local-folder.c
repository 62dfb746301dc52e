/* dimple-local-folder.c: the operations of a storage on a folder, blocking
 *
 * An object is written under a temporary name beside its place, synced to the disk, and moved: it is there whole or not
 * at all, whenever the process or the machine stops.  Temporary names are of no key, so they are never listed; those
 * that a crash left behind are removed by a later listing.
 *
 * A listing goes through the folders in the order of keys, enters only those that can hold wanted ones, and ends when a
 * page is full.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <gio/gfiledescriptorbased.h>
#include <glib/gi18n-lib.h>

#include "dimple-error.h"
#include "dimple-local-folder-private.h"
#include "dimple-local-names-private.h"
#include "dimple-storage-private.h"

#define TEMPORARY_PREFIX ".dimple-"
#define TEMPORARY_SUFFIX ".tmp"
#define TEMPORARY_MAX_AGE G_TIME_SPAN_DAY

#define FOLDER_ATTRIBUTES \
  G_FILE_ATTRIBUTE_STANDARD_NAME "," G_FILE_ATTRIBUTE_STANDARD_TYPE "," G_FILE_ATTRIBUTE_TIME_MODIFIED

typedef struct
{
  GFile *folder;
  const char *prefix;
  const char *start_after;
  GCancellable *cancellable;
  GPtrArray *page;              /* of keys */
} Listing;

typedef struct
{
  char *key;                    /* a folder's ends with a slash: so folders and objects sort as their keys do */
  char *path;
} Entry;

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_free (entry->key);
  g_free (entry->path);
  g_free (entry);
}

static int
compare_entries (gconstpointer a,
                 gconstpointer b)
{
  return strcmp ((*(const Entry * const *) a)->key, (*(const Entry * const *) b)->key);
}

static gboolean
is_missing (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
}

static gboolean
is_folder (GFile *file)
{
  return g_file_query_file_type (file, G_FILE_QUERY_INFO_NONE, NULL) == G_FILE_TYPE_DIRECTORY;
}

/* Says what is wrong in terms of the folder that the user chose; takes the error */
static void
explain_error (GFile   *folder,
               GError  *original,
               GError **error)
{
  g_autoptr (GError) cause = original;
  g_autofree char *name = g_file_get_parse_name (folder);

  if (is_missing (cause) && !is_folder (folder))
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NO_SUCH_STORAGE,
                 _("There is no folder “%s”. Choose another one, or connect the drive that it is on."), name);
  else if (is_missing (cause))
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                 _("Something in the folder “%s” is in the way: %s"), name, cause->message);
  else if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED) ||
           g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_READ_ONLY))
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_DENIED,
                 _("You may not write to the folder “%s”, or not read it. Change its permissions, or choose another "
                   "one."),
                 name);
  else if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_NO_SPACE))
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_FULL,
                 _("There is no space left in the folder “%s”. Make room and try again."), name);
  else
    {
      dimple_storage_translate_error (&cause);
      g_propagate_error (error, g_steal_pointer (&cause));
    }
}

static gboolean
is_wanted_folder (const Listing *listing,
                  const char    *key)
{
  return (g_str_has_prefix (key, listing->prefix) || g_str_has_prefix (listing->prefix, key)) &&
         (strcmp (key, listing->start_after) > 0 || g_str_has_prefix (listing->start_after, key));
}

static gboolean
is_wanted_object (const Listing *listing,
                  const char    *key)
{
  return g_str_has_prefix (key, listing->prefix) && strcmp (key, listing->start_after) > 0;
}

/* Whose writer must have died: a day is far longer than any write takes, and than clocks of file servers are wrong */
static void
remove_if_abandoned (GFile     *folder,
                     GFileInfo *info)
{
  g_autoptr (GDateTime) modified = g_file_info_get_modification_date_time (info);
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autoptr (GFile) file = NULL;

  if (modified == NULL || g_date_time_difference (now, modified) < TEMPORARY_MAX_AGE)
    return;

  file = g_file_get_child (folder, g_file_info_get_name (info));
  g_file_delete (file, NULL, NULL);
}

static void
add_entry (Listing    *listing,
           GPtrArray  *entries,
           const char *path,
           gboolean    is_folder)
{
  g_autofree char *name = dimple_local_key_from_path (path);
  g_autofree char *key = NULL;
  Entry *entry;

  if (name == NULL)
    return;

  key = g_strconcat (name, is_folder ? "/" : NULL, NULL);
  if (!(is_folder ? is_wanted_folder (listing, key) : is_wanted_object (listing, key)))
    return;

  entry = g_new (Entry, 1);
  entry->key = g_steal_pointer (&key);
  entry->path = g_strconcat (path, is_folder ? "/" : NULL, NULL);
  g_ptr_array_add (entries, entry);
}

/* Reads one folder; `path` is empty or ends with a slash.  A folder in which long names go on is part of this one. */
static gboolean
read_folder (Listing     *listing,
             const char  *path,
             GPtrArray   *entries,
             GError     **error)
{
  g_autoptr (GFile) folder = g_file_resolve_relative_path (listing->folder, path);
  g_autoptr (GFileEnumerator) enumerator = NULL;
  g_autoptr (GError) local_error = NULL;
  GFileInfo *info;

  enumerator = g_file_enumerate_children (folder, FOLDER_ATTRIBUTES, G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS,
                                          listing->cancellable, &local_error);
  while (enumerator != NULL &&
         g_file_enumerator_iterate (enumerator, &info, NULL, listing->cancellable, &local_error) && info != NULL)
    {
      const char *name = g_file_info_get_name (info);
      GFileType type = g_file_info_get_file_type (info);
      g_autofree char *child = g_strconcat (path, name, NULL);

      if (type == G_FILE_TYPE_DIRECTORY && g_str_has_suffix (name, DIMPLE_LOCAL_PATH_CONTINUES))
        {
          g_autofree char *rest = g_strconcat (child, "/", NULL);

          if (strlen (rest) <= 4 * DIMPLE_STORAGE_KEY_LENGTH && !read_folder (listing, rest, entries, error))
            return FALSE;
        }
      else if (type == G_FILE_TYPE_DIRECTORY || type == G_FILE_TYPE_REGULAR)
        add_entry (listing, entries, child, type == G_FILE_TYPE_DIRECTORY);

      if (g_str_has_prefix (name, TEMPORARY_PREFIX) && g_str_has_suffix (name, TEMPORARY_SUFFIX))
        remove_if_abandoned (folder, info);
    }

  /* A folder that somebody removed meanwhile holds nothing */
  if (local_error == NULL || (is_missing (local_error) && *path != '\0'))
    return TRUE;

  explain_error (listing->folder, g_steal_pointer (&local_error), error);
  return FALSE;
}

static gboolean
list_folder (Listing     *listing,
             const char  *path,
             GError     **error)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func (entry_free);

  if (!read_folder (listing, path, entries, error))
    return FALSE;

  g_ptr_array_sort (entries, compare_entries);
  for (guint i = 0; i < entries->len && listing->page->len < DIMPLE_STORAGE_PAGE_SIZE; i++)
    {
      Entry *entry = g_ptr_array_index (entries, i);

      if (!g_str_has_suffix (entry->key, "/"))
        g_ptr_array_add (listing->page, g_steal_pointer (&entry->key));
      else if (!list_folder (listing, entry->path, error))
        return FALSE;
    }

  return TRUE;
}

char **
dimple_local_folder_list (GFile         *folder,
                          const char    *prefix,
                          const char    *start_after,
                          GCancellable  *cancellable,
                          GError       **error)
{
  g_autoptr (GPtrArray) page = g_ptr_array_new_with_free_func (g_free);
  Listing listing = { folder, prefix, start_after, cancellable, page };

  if (!list_folder (&listing, "", error))
    return NULL;

  g_ptr_array_add (page, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&page), FALSE);
}

/* Some file systems, mostly those of FUSE, cannot sync; they do what they can on their own */
static gboolean
sync_descriptor (int      fd,
                 GError **error)
{
  int code;

  if (fsync (fd) == 0 || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
    return TRUE;

  code = errno;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
               _("The file could not be written to the disk: %s"), g_strerror (code));
  return FALSE;
}

/* So that the names in a folder outlast a power cut; only a local folder can be asked to */
static gboolean
sync_folder (GFile   *folder,
             GError **error)
{
  const char *path = g_file_peek_path (folder);
  gboolean synced;
  int fd;

  if (path == NULL)
    return TRUE;
  fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return TRUE;

  synced = sync_descriptor (fd, error);
  close (fd);
  return synced;
}

/* Makes the folders between the storage's own and the file */
static gboolean
make_folders (GFile         *folder,
              GFile         *file,
              GCancellable  *cancellable,
              GError       **error)
{
  g_autofree char *path = g_file_get_relative_path (folder, file);
  g_auto (GStrv) names = g_strsplit (path, "/", -1);
  g_autoptr (GFile) parent = g_object_ref (folder);

  for (gsize i = 0; names[i + 1] != NULL; i++)
    {
      g_autoptr (GFile) child = g_file_get_child (parent, names[i]);
      g_autoptr (GError) local_error = NULL;

      if (g_file_make_directory (child, cancellable, &local_error))
        {
          if (!sync_folder (parent, error))
            return FALSE;
        }
      else if (!g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_EXISTS))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }
      g_set_object (&parent, child);
    }

  return TRUE;
}

static GFileOutputStream *
create_temporary_file (GFile         *parent,
                       GFile        **file,
                       GCancellable  *cancellable,
                       GError       **error)
{
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *name = g_strconcat (TEMPORARY_PREFIX, uuid, TEMPORARY_SUFFIX, NULL);

  g_set_object (file, NULL);
  *file = g_file_get_child (parent, name);
  return g_file_create (*file, G_FILE_CREATE_NONE, cancellable, error);
}

static gboolean
write_and_sync (GFileOutputStream  *stream,
                GBytes             *contents,
                GCancellable       *cancellable,
                GError            **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (contents, &size);

  if (!g_output_stream_write_all (G_OUTPUT_STREAM (stream), data, size, NULL, cancellable, error))
    return FALSE;
  if (G_IS_FILE_DESCRIPTOR_BASED (stream) &&
      !sync_descriptor (g_file_descriptor_based_get_fd (G_FILE_DESCRIPTOR_BASED (stream)), error))
    return FALSE;
  return g_output_stream_close (G_OUTPUT_STREAM (stream), cancellable, error);
}

static gboolean
put_file (GFile         *folder,
          GFile         *file,
          GBytes        *contents,
          GCancellable  *cancellable,
          GError       **error)
{
  g_autoptr (GFile) parent = g_file_get_parent (file);
  g_autoptr (GFile) temporary = NULL;
  g_autoptr (GFileOutputStream) stream = NULL;
  g_autoptr (GError) local_error = NULL;

  stream = create_temporary_file (parent, &temporary, cancellable, &local_error);
  if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      g_clear_error (&local_error);
      if (make_folders (folder, file, cancellable, &local_error))
        stream = create_temporary_file (parent, &temporary, cancellable, &local_error);
    }
  if (stream == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }

  if (write_and_sync (stream, contents, cancellable, error) &&
      g_file_move (temporary, file, G_FILE_COPY_OVERWRITE | G_FILE_COPY_NO_FALLBACK_FOR_MOVE, cancellable, NULL, NULL,
                   error))
    return sync_folder (parent, error);

  g_file_delete (temporary, NULL, NULL);
  return FALSE;
}

gboolean
dimple_local_folder_put (GFile         *folder,
                         const char    *key,
                         GBytes        *contents,
                         GCancellable  *cancellable,
                         GError       **error)
{
  g_autofree char *path = dimple_local_path_from_key (key);
  g_autoptr (GFile) file = g_file_resolve_relative_path (folder, path);
  g_autoptr (GError) local_error = NULL;

  if (put_file (folder, file, contents, cancellable, &local_error))
    return TRUE;

  explain_error (folder, g_steal_pointer (&local_error), error);
  return FALSE;
}

/* The folder is there, but there is no such file in it, or a folder in its place */
static gboolean
is_no_object (GFile        *folder,
              const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_EMPTY) ||
         (is_missing (error) && is_folder (folder));
}

GBytes *
dimple_local_folder_get (GFile         *folder,
                         const char    *key,
                         GCancellable  *cancellable,
                         GError       **error)
{
  g_autofree char *path = dimple_local_path_from_key (key);
  g_autoptr (GFile) file = g_file_resolve_relative_path (folder, path);
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GBytes) contents = NULL;

  contents = g_file_load_bytes (file, cancellable, NULL, &local_error);
  if (contents != NULL)
    return g_steal_pointer (&contents);

  if (is_no_object (folder, local_error))
    g_propagate_error (error, dimple_storage_not_found_error (key));
  else
    explain_error (folder, g_steal_pointer (&local_error), error);
  return NULL;
}

gboolean
dimple_local_folder_remove (GFile               *folder,
                            const char * const  *keys,
                            GCancellable        *cancellable,
                            GError             **error)
{
  for (gsize i = 0; keys[i] != NULL; i++)
    {
      g_autofree char *path = dimple_local_path_from_key (keys[i]);
      g_autoptr (GFile) file = g_file_resolve_relative_path (folder, path);
      g_autoptr (GError) local_error = NULL;

      if (!g_file_delete (file, cancellable, &local_error) && !is_no_object (folder, local_error))
        {
          explain_error (folder, g_steal_pointer (&local_error), error);
          return FALSE;
        }
    }

  return TRUE;
}
