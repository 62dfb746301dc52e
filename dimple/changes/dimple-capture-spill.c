/* dimple-capture-spill.c: bytes kept in order, in memory at first and in an unlinked temporary file beyond a size
 *
 * A transaction may delete more than fits in memory.  The file is only appended to, and mapped to be read: nobody but
 * the kernel decides what of it is in memory.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-capture-spill-private.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "dimple-error.h"

/* What an ordinary transaction may keep for the next one */
#define KEPT_MEMORY (1024 * 1024)

void
dimple_capture_spill_init (DimpleCaptureSpill *self,
                           gsize               limit)
{
  *self = (DimpleCaptureSpill) { .memory = g_byte_array_new (), .limit = limit, .file = -1 };
}

void
dimple_capture_spill_clear (DimpleCaptureSpill *self)
{
  dimple_capture_spill_empty (self);
  g_clear_pointer (&self->memory, g_byte_array_unref);
}

void
dimple_capture_spill_empty (DimpleCaptureSpill *self)
{
  g_clear_pointer (&self->map, g_mapped_file_unref);
  if (self->file >= 0)
    close (self->file);
  self->file = -1;

  if (self->written > 0 || self->memory->len > KEPT_MEMORY)
    {
      g_byte_array_unref (self->memory);
      self->memory = g_byte_array_new ();
    }
  g_byte_array_set_size (self->memory, 0);
  self->written = 0;
}

guint64
dimple_capture_spill_get_end (DimpleCaptureSpill *self)
{
  return self->written + self->memory->len;
}

static void
set_error_from_errno (GError **error)
{
  int saved_errno = errno;

  if (saved_errno == ENOSPC || saved_errno == EDQUOT)
    g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_FULL,
                         _("There is no space left for temporary files. Make room and try again"));
  else
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED,
                 _("A temporary file could not be used. Check the folder “%s”: %s"),
                 g_get_tmp_dir (), g_strerror (saved_errno));
}

static gboolean
create_file (DimpleCaptureSpill  *self,
             GError             **error)
{
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "dimple-XXXXXX", NULL);

  self->file = g_mkstemp (path);
  if (self->file < 0)
    {
      set_error_from_errno (error);
      return FALSE;
    }
  g_unlink (path);
  return TRUE;
}

gboolean
dimple_capture_spill_settle (DimpleCaptureSpill  *self,
                             GError             **error)
{
  gsize done = 0;

  if (G_LIKELY (self->memory->len <= self->limit))
    return TRUE;
  if (self->file < 0 && !create_file (self, error))
    return FALSE;

  while (done < self->memory->len)
    {
      gssize n = pwrite (self->file, self->memory->data + done, self->memory->len - done,
                         (off_t) (self->written + done));

      if (n < 0 && errno != EINTR)
        {
          set_error_from_errno (error);
          return FALSE;
        }
      done += (gsize) MAX (n, 0);
    }
  self->written += done;
  g_byte_array_set_size (self->memory, 0);
  g_clear_pointer (&self->map, g_mapped_file_unref);
  return TRUE;
}

gboolean
dimple_capture_spill_open (DimpleCaptureSpill  *self,
                           GError             **error)
{
  g_autoptr(GError) map_error = NULL;

  if (self->written == 0 || self->map != NULL)
    return TRUE;

  self->map = g_mapped_file_new_from_fd (self->file, FALSE, &map_error);
  if (self->map == NULL)
    g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED, map_error->message);
  return self->map != NULL;
}

const guint8 *
dimple_capture_spill_at (DimpleCaptureSpill *self,
                         guint64             position)
{
  if (position < self->written)
    return (const guint8 *) g_mapped_file_get_contents (self->map) + position;
  return self->memory->data + (position - self->written);
}
