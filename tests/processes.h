/* processes.h: devices in processes of their own, which sync through a folder, tell lines to who started them, and die
 *
 * Who starts them starts no threads, as those would not be there in its children.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "devices.h"

/* -- In a process -------------------------------------------------------------------------------------------------- */

static inline DimpleStorage *
open_bucket (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "bucket", NULL);
  g_autoptr(GFile) file = g_file_new_for_path (path);

  return dimple_local_storage_new (file);
}

static inline Device *
open_device (const char         *folder,
             guint               number,
             const char * const *migrations)
{
  g_autofree char *name = g_strdup_printf ("device-%u.db", number);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr(DimpleStorage) storage = open_bucket (folder);
  g_autoptr(GError) error = NULL;
  Device *self = g_new0 (Device, 1);

  self->store = dimple_store_open (path, &error);
  g_assert_no_error (error);
  dimple_store_migrate (self->store, migrations, &error);
  g_assert_no_error (error);
  self->client = dimple_sync_client_new (self->store, storage);
  return self;
}

/* Another process may be moving the same objects about in the same moment. */
static inline void
sync_with_others (Device *device)
{
  g_autoptr(GError) error = NULL;

  if (!dimple_sync_client_sync (device->client, NULL, &error))
    g_error ("A device cannot sync: %s", error->message);
}

static inline void
assert_sound (Device *device)
{
  g_autofree char *integrity = device_select (device, "PRAGMA integrity_check");
  g_autofree char *references = device_select (device, "PRAGMA foreign_key_check");

  g_assert_cmpstr (integrity, ==, "ok");
  g_assert_cmpstr (references, ==, NULL);
}

G_GNUC_PRINTF (2, 3) static inline void
tell (int         report,
      const char *format,
      ...)
{
  g_autofree char *text = NULL, *line = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  line = g_strconcat (text, "\n", NULL);
  g_assert_cmpint (write (report, line, strlen (line)), ==, strlen (line));
}

/* -- Outside ------------------------------------------------------------------------------------------------------- */

/* A folder for the devices and the bucket. */
static inline char *
make_folder (void)
{
  g_autoptr(GError) error = NULL;
  char *folder = g_dir_make_tmp ("dimple-kill-XXXXXX", &error);
  g_autofree char *bucket = NULL;

  g_assert_no_error (error);
  bucket = g_build_filename (folder, "bucket", NULL);
  g_assert_cmpint (g_mkdir (bucket, 0700), ==, 0);
  return folder;
}

/* Waits till it tells more; FALSE: it is dead. */
static inline gboolean
hear (int      report,
      GString *heard)
{
  char buffer[4096];
  gssize n = read (report, buffer, sizeof buffer);

  if (n > 0)
    g_string_append_len (heard, buffer, n);
  return n > 0;
}

/* All that it tells, and `heard` of it before, till it is dead. */
static inline void
read_report (int        report,
             GString   *heard,
             GPtrArray *lines)
{
  g_auto(GStrv) parts = NULL;

  while (hear (report, heard))
    ;
  close (report);
  parts = g_strsplit (heard->str, "\n", -1);
  /* What comes after the last newline was never said. */
  for (guint i = 0; parts[i] != NULL && parts[i + 1] != NULL; i++)
    g_ptr_array_add (lines, g_strdup (parts[i]));
}

static inline void
wait_for (pid_t  child,
          int    expected_signal)
{
  int status;

  while (waitpid (child, &status, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);
  if (expected_signal != 0)
    {
      g_assert_true (WIFSIGNALED (status));
      g_assert_cmpint (WTERMSIG (status), ==, expected_signal);
    }
  else
    {
      g_assert_true (WIFEXITED (status));
      g_assert_cmpint (WEXITSTATUS (status), ==, 0);
    }
}
