/* processes.h: devices in processes of their own, which sync through a folder, tell lines to who started them, and die
 *
 * A test of them goes in rounds of random processes that are killed; in the end all devices are equal.  Who starts them
 * starts no threads, as those would not be there in its children.
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
#include "folder.h"
#include "random-test.h"

static guint n_rounds;
static guint32 seed;
static char *folder;         /* of the devices and the bucket */

/* -- In a process -------------------------------------------------------------------------------------------------- */

static inline DimpleStorage *
open_bucket (void)
{
  g_autofree char *path = g_build_filename (folder, "bucket", NULL);
  g_autoptr(GFile) file = g_file_new_for_path (path);

  return dimple_local_storage_new (file);
}

static inline Device *
open_device (guint               number,
             const char * const *migrations)
{
  g_autofree char *name = g_strdup_printf ("device-%u.db", number);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr(DimpleStorage) storage = open_bucket ();

  return device_new_with (path, storage, migrations);
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

/* Takes --rounds and --seed, and says how to do the same again; instead of g_test_init(). */
static inline void
processes_test_init (int    *argc,
                     char ***argv,
                     guint   fallback_rounds)
{
  n_rounds = take_option (argc, *argv, "--rounds", fallback_rounds);
  seed = take_option (argc, *argv, "--seed", g_random_int ());
  g_test_init (argc, argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_message ("--seed=%u", seed);
}

static inline void
make_folder (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *bucket = NULL;

  folder = g_dir_make_tmp ("dimple-kill-XXXXXX", &error);
  g_assert_no_error (error);
  bucket = g_build_filename (folder, "bucket", NULL);
  g_assert_cmpint (g_mkdir (bucket, 0700), ==, 0);
}

static inline void
end_folder (void)
{
  g_autoptr(GFile) file = g_file_new_for_path (folder);

  remove_folder (file);
  g_clear_pointer (&folder, g_free);
}

/* 0 in the new process.  `report` is where it tells, and where the other one hears. */
static inline pid_t
start_process (guint32  process_seed,
               int     *report)
{
  int ends[2];
  pid_t child;

  g_assert_cmpint (pipe (ends), ==, 0);
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  *report = ends[child == 0 ? 1 : 0];
  close (ends[child == 0 ? 0 : 1]);
  /* A fork has the same random numbers as its twin, which real processes have not. */
  if (child == 0)
    g_random_set_seed (process_seed);
  return child;
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

/* Does it in a process, as it starts threads. */
static inline void
run_process (void (*func) (void))
{
  pid_t child = fork ();

  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      func ();
      _exit (0);
    }
  wait_for (child, 0);
}

/* -- The end ------------------------------------------------------------------------------------------------------- */

/* Opens them, and syncs them till all have everything. */
static inline void
open_all (Device             **devices,
          guint                n_devices,
          const char * const  *migrations)
{
  for (guint i = 0; i < n_devices; i++)
    devices[i] = open_device (i, migrations);
  for (guint round = 0; round < 2; round++)
    {
      for (guint i = 0; i < n_devices; i++)
        sync_with_others (devices[i]);
    }
}

/* `dump` gives all that a device shows. */
static inline void
assert_all_equal (Device     **devices,
                  guint        n_devices,
                  const char  *dump)
{
  g_autofree char *first = device_select (devices[0], dump);

  for (guint i = 0; i < n_devices; i++)
    {
      g_autofree char *shown = device_select (devices[i], dump);

      g_assert_cmpstr (shown, ==, first);
      assert_sound (devices[i]);
    }
}

static inline void
free_all (Device **devices,
          guint    n_devices)
{
  for (guint i = 0; i < n_devices; i++)
    device_free (devices[i]);
}
