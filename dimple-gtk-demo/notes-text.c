/* notes-text.c: text files, found and read
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "notes-text.h"

#include <glib/gi18n.h>
#include <string.h>

#define MAX_SIZE (4 * 1024 * 1024)

static GInputStream *
open_text (GFile         *file,
           GCancellable  *cancellable,
           GError       **error)
{
  g_autoptr(GInputStream) stream = G_INPUT_STREAM (g_file_read (file, cancellable, error));
  g_autofree char *name = g_file_get_basename (file);
  g_autoptr(GConverter) decompressor = NULL;

  if (stream == NULL || !g_str_has_suffix (name, ".gz"))
    return g_steal_pointer (&stream);

  decompressor = G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP));
  return g_converter_input_stream_new (stream, decompressor);
}

/*
 * notes_text_load:
 *
 * Reads a text file, or a compressed one (.gz).  What is not UTF-8 is taken for ISO 8859-1, as old files are.
 *
 * Returns: the text; NULL with an error if it cannot be read, is no text, or is too large for a note
 */
char *
notes_text_load (GFile         *file,
                 GCancellable  *cancellable,
                 GError       **error)
{
  g_autoptr(GInputStream) stream = open_text (file, cancellable, error);
  g_autofree char *contents = NULL;
  gsize size;

  if (stream == NULL)
    return NULL;

  contents = g_malloc (MAX_SIZE + 1);
  if (!g_input_stream_read_all (stream, contents, MAX_SIZE + 1, &size, cancellable, error))
    return NULL;
  if (size > MAX_SIZE)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE, _("The file is too large for a note."));
      return NULL;
    }
  if (memchr (contents, '\0', size) != NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, _("The file is not a text."));
      return NULL;
    }

  if (g_utf8_validate (contents, size, NULL))
    return g_strndup (contents, size);
  return g_convert (contents, size, "UTF-8", "ISO-8859-1", NULL, NULL, error);
}

/*
 * notes_text_find:
 * @files: (element-type GFile): where they are added
 *
 * Looks for files in a folder and its subfolders.  Symbolic links are not followed, and hidden files are left alone.
 */
gboolean
notes_text_find (GFile            *folder,
                 NotesTextFilter   filter,
                 GPtrArray        *files,
                 GCancellable     *cancellable,
                 GError          **error)
{
  g_autoptr(GFileEnumerator) enumerator =
    g_file_enumerate_children (folder,
                               G_FILE_ATTRIBUTE_STANDARD_NAME "," G_FILE_ATTRIBUTE_STANDARD_TYPE ","
                               G_FILE_ATTRIBUTE_STANDARD_IS_HIDDEN,
                               G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS, cancellable, error);
  GFileInfo *info;
  GFile *file;

  if (enumerator == NULL)
    return FALSE;

  do
    {
      if (!g_file_enumerator_iterate (enumerator, &info, &file, cancellable, error))
        return FALSE;
      if (info == NULL || g_file_info_get_is_hidden (info))
        continue;
      if (g_file_info_get_file_type (info) == G_FILE_TYPE_DIRECTORY &&
          !notes_text_find (file, filter, files, cancellable, error))
        return FALSE;
      if (g_file_info_get_file_type (info) == G_FILE_TYPE_REGULAR && filter (g_file_info_get_name (info)))
        g_ptr_array_add (files, g_object_ref (file));
    }
  while (info != NULL);
  return TRUE;
}
