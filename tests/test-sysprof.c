/* test-sysprof.c: the marks that Sysprof gets, recorded by Sysprof
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>
#include <sysprof.h>

#include "query-fixture.h"

/* What the recorded process does: an insert, a query, a refresh, a sync. */
static void
use_everything (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, "SELECT key, title FROM note", NULL);
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();
  g_autoptr(DimpleSyncClient) client = dimple_sync_client_new (store, storage);

  dimple_test_wait_idle (store);
  fixture_add (store, "a");
  dimple_query_refresh (query);
  g_assert_true (dimple_sync_client_sync (client, NULL, NULL));
}

static void
on_failed (SysprofProfiler *profiler,
           const GError    *error,
           gpointer         user_data)
{
  g_error ("%s", error->message);
}

static void
on_stopped (SysprofProfiler *profiler,
            gboolean        *stopped)
{
  *stopped = TRUE;
}

/* Runs the rest of this test in a process that Sysprof records. */
static void
record (const char *path)
{
  g_autoptr(SysprofProfiler) profiler = sysprof_local_profiler_new ();
  g_autoptr(SysprofControlSource) source = sysprof_control_source_new ();
  SysprofCaptureWriter *writer = sysprof_capture_writer_new (path, 0);
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  const char *command[] = { program, "-p", "/sysprof/marks", "-q", "--GTestSubprocess", NULL };
  gboolean stopped = FALSE;

  sysprof_profiler_add_source (profiler, SYSPROF_SOURCE (source));
  sysprof_profiler_set_spawn (profiler, TRUE);
  sysprof_profiler_set_spawn_inherit_environ (profiler, TRUE);
  sysprof_profiler_set_spawn_argv (profiler, command);
  sysprof_profiler_set_writer (profiler, writer);
  g_signal_connect (profiler, "failed", G_CALLBACK (on_failed), NULL);
  g_signal_connect (profiler, "stopped", G_CALLBACK (on_stopped), &stopped);
  sysprof_profiler_start (profiler);
  while (!stopped)
    g_main_context_iteration (NULL, TRUE);
  sysprof_capture_writer_flush (writer);
  sysprof_capture_writer_unref (writer);
}

/* How many marks of Dimple have this name and message. */
static guint
count_marks (const char *path,
             const char *name,
             const char *message)
{
  SysprofCaptureReader *reader = sysprof_capture_reader_new (path);
  SysprofCaptureFrameType type;
  guint n = 0;

  g_assert_nonnull (reader);
  while (sysprof_capture_reader_peek_type (reader, &type))
    {
      const SysprofCaptureMark *mark = NULL;

      if (type == SYSPROF_CAPTURE_FRAME_MARK)
        mark = sysprof_capture_reader_read_mark (reader);
      else if (!sysprof_capture_reader_skip (reader))
        break;
      if (mark != NULL && g_str_equal (mark->group, "Dimple") && g_str_equal (mark->name, name) &&
          (message == NULL || g_str_equal (mark->message, message)))
        n++;
    }
  sysprof_capture_reader_unref (reader);
  return n;
}

static void
test_marks (void)
{
  g_autofree char *path = NULL;

  if (g_test_subprocess ())
    {
      use_everything ();
      return;
    }

  g_close (g_file_open_tmp ("dimple-XXXXXX.syscap", &path, NULL), NULL);
  record (path);
  g_assert_cmpuint (count_marks (path, "transaction", NULL), ==, 1);
  g_assert_cmpuint (count_marks (path, "query run", "SELECT key, title FROM note"), >=, 1);
  g_assert_cmpuint (count_marks (path, "query shown", "SELECT key, title FROM note"), >=, 1);
  g_assert_cmpuint (count_marks (path, "query refreshed", NULL), ==, 1);
  g_assert_cmpuint (count_marks (path, "sync", NULL), ==, 1);
  g_unlink (path);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/sysprof/marks", test_marks);
  return g_test_run ();
}
