/* test-kill.c: real processes are killed while they write and sync, and nothing is lost
 *
 * Each round a process opens the database of one of three devices, sometimes two processes the same one, writes and syncs
 * with a folder, and is killed at a random moment by SIGKILL.  It tells of each commit after it was reported to it.  The
 * next process on that database finds all of them, and both halves of each transaction.  In the end all devices are equal.
 *
 *   test-kill [--rounds=N] [--seed=N]
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dimple-error.h"

#include "devices.h"
#include "random-test.h"

#define N_DEVICES 3
#define MAX_PROCESSES 2
/* After that a process has been on its own for long enough. */
#define MAX_MILLISECONDS 40
/* Nor is it waited for longer. */
#define MAX_START_MS 10000

static guint n_rounds = 500;
static guint32 seed;
static char *folder;
static GPtrArray *reported[N_DEVICES];       /* what processes said to have committed */

static const char * const migrations[] = {
  "CREATE TABLE half (key TEXT PRIMARY KEY, which TEXT NOT NULL, entry TEXT NOT NULL, text, UNIQUE (entry, which));"
  "CREATE TABLE scratch (key TEXT PRIMARY KEY, value UNIQUE, half TEXT REFERENCES half (key) ON DELETE SET NULL)",
  NULL
};

/* -- What a process does ---------------------------------------------------------------------------------------------- */

static Device *
open_device (guint number)
{
  g_autofree char *name = g_strdup_printf ("device-%u.db", number);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *bucket = g_build_filename (folder, "bucket", NULL);
  g_autoptr(GFile) file = g_file_new_for_path (bucket);
  g_autoptr(DimpleStorage) storage = dimple_local_storage_new (file);
  g_autoptr(GError) error = NULL;
  Device *self = g_new0 (Device, 1);

  self->store = dimple_store_open (path, &error);
  g_assert_no_error (error);
  dimple_store_migrate (self->store, migrations, &error);
  g_assert_no_error (error);
  self->client = dimple_sync_client_new (self->store, storage);
  return self;
}

static void
check_entries (Device    *device,
               GPtrArray *entries,
               guint      first)
{
  g_autofree char *odd = device_select (device, "SELECT entry FROM half GROUP BY entry HAVING count (*) <> 2");

  g_assert_cmpstr (odd, ==, NULL);
  for (guint i = first; i < entries->len; i++)
    {
      g_autofree char *sql = g_strdup_printf ("SELECT count (*) FROM half WHERE entry = '%s'",
                                              (const char *) g_ptr_array_index (entries, i));
      g_autofree char *count = device_select (device, sql);

      if (strcmp (count, "2") != 0)
        g_error ("%s was committed, and %s halves are left", (const char *) g_ptr_array_index (entries, i), count);
    }
}

/* What constraints refuse is no harm: others write, too. */
static void
scribble (Device *device,
          GRand  *rand)
{
  g_autofree char *sql = NULL;
  g_autoptr(GError) error = NULL;
  gint32 key = g_rand_int_range (rand, 0, 10), value = g_rand_int_range (rand, 0, 20);

  if (g_rand_int_range (rand, 0, 4) == 0)
    sql = g_strdup_printf ("DELETE FROM scratch WHERE key = 'k%d'", key);
  else
    sql = g_strdup_printf ("INSERT INTO scratch SELECT 'k%d', %d, max (key) FROM half WHERE true "
                           "ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value);
  if (!dimple_store_execute (device->store, sql, NULL, &error))
    g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
}

static void
write_entry (Device     *device,
             const char *entry,
             GRand      *rand)
{
  g_autofree char *text = g_strnfill ((gsize) g_rand_int_range (rand, 0, 3000), 'x');
  g_autoptr(GError) error = NULL;

  if (!dimple_store_begin (device->store, &error))
    g_error ("%s", error->message);
  device_execute (device, "INSERT INTO half VALUES ('%s-a', 'a', '%s', '%s')", entry, entry, text);
  if (g_rand_boolean (rand))
    scribble (device, rand);
  device_execute (device, "INSERT INTO half VALUES ('%s-b', 'b', '%s', '%s')", entry, entry, text);
  dimple_store_commit (device->store, &error);
  g_assert_no_error (error);
}

/* Another process may be moving the same objects about in the same moment. */
static void
sync_with_others (Device *device)
{
  g_autoptr(GError) error = NULL;

  if (!dimple_sync_client_sync (device->client, NULL, &error))
    g_error ("A device cannot sync: %s", error->message);
}

static void
work (guint   number,
      guint   round,
      guint   process,
      guint   first_reported,
      guint32 process_seed,
      int     report)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed (process_seed);
  Device *device;

  /* A fork has the same random numbers as its twin, which real processes have not. */
  g_random_set_seed (process_seed);
  device = open_device (number);
  check_entries (device, reported[number], first_reported);
  for (guint n = 0; ; n++)
    {
      g_autofree char *entry = g_strdup_printf ("%u-%u-%u", round, process, n);
      g_autofree char *line = g_strconcat (entry, "\n", NULL);

      write_entry (device, entry, rand);
      g_assert_cmpint (write (report, line, strlen (line)), ==, strlen (line));
      if (g_rand_int_range (rand, 0, 3) == 0)
        sync_with_others (device);
    }
}

/* -- Rounds ----------------------------------------------------------------------------------------------------------- */

static void
read_report (int        report,
             GPtrArray *entries)
{
  g_autoptr(GString) text = g_string_new ("");
  g_auto(GStrv) lines = NULL;
  char buffer[4096];
  gssize n;

  while ((n = read (report, buffer, sizeof buffer)) > 0)
    g_string_append_len (text, buffer, n);
  close (report);
  lines = g_strsplit (text->str, "\n", -1);
  /* What comes after the last newline was never said. */
  for (guint i = 0; lines[i] != NULL && lines[i + 1] != NULL; i++)
    g_ptr_array_add (entries, g_strdup (lines[i]));
}

static void
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

/* Some processes die while they still open their database. */
static void
wait_for_a_while (GRand *rand,
                  int    report)
{
  struct pollfd file = { .fd = report, .events = POLLIN };

  if (g_rand_int_range (rand, 0, 4) > 0)
    poll (&file, 1, MAX_START_MS);
  g_usleep ((gulong) g_rand_int_range (rand, 0, MAX_MILLISECONDS * 1000));
}

static void
run_round (guint  round,
           GRand *rand,
           guint *first_reported)
{
  guint number = (guint) g_rand_int_range (rand, 0, N_DEVICES);
  guint n_processes = g_rand_int_range (rand, 0, 5) == 0 ? 2 : 1;
  pid_t children[MAX_PROCESSES];
  int reports[MAX_PROCESSES][2];
  guint before = reported[number]->len;

  for (guint i = 0; i < n_processes; i++)
    {
      guint32 process_seed = g_rand_int (rand);

      g_assert_cmpint (pipe (reports[i]), ==, 0);
      children[i] = fork ();
      if (children[i] == 0)
        {
          close (reports[i][0]);
          work (number, round, i, first_reported[number], process_seed, reports[i][1]);
        }
      close (reports[i][1]);
    }
  wait_for_a_while (rand, reports[0][0]);
  for (guint i = 0; i < n_processes; i++)
    kill (children[i], SIGKILL);
  for (guint i = 0; i < n_processes; i++)
    {
      wait_for (children[i], SIGKILL);
      read_report (reports[i][0], reported[number]);
    }
  first_reported[number] = before;
}

/* -- The end ---------------------------------------------------------------------------------------------------------- */

static char *
dump (Device *device)
{
  return device_select (device, "SELECT (SELECT group_concat (key || ' ' || quote (text), char (10)) FROM "
                                "(SELECT * FROM half ORDER BY key)) || "
                                "(SELECT group_concat (key || quote (value) || quote (half), char (10)) FROM "
                                "(SELECT * FROM scratch ORDER BY key))");
}

static void
check_all (void)
{
  Device *devices[N_DEVICES];
  g_autofree char *first = NULL;

  for (guint i = 0; i < N_DEVICES; i++)
    devices[i] = open_device (i);
  for (guint round = 0; round < 2; round++)
    {
      for (guint i = 0; i < N_DEVICES; i++)
        sync_with_others (devices[i]);
    }
  first = dump (devices[0]);
  for (guint i = 0; i < N_DEVICES; i++)
    {
      g_autofree char *shown = dump (devices[i]);
      g_autofree char *integrity = device_select (devices[i], "PRAGMA integrity_check");
      g_autofree char *references = device_select (devices[i], "PRAGMA foreign_key_check");

      g_assert_cmpstr (shown, ==, first);
      g_assert_cmpstr (integrity, ==, "ok");
      g_assert_cmpstr (references, ==, NULL);
      for (guint j = 0; j < N_DEVICES; j++)
        check_entries (devices[i], reported[j], 0);
    }
  for (guint i = 0; i < N_DEVICES; i++)
    device_free (devices[i]);
}

static void
remove_folder (const char *path)
{
  g_autoptr(GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_file_test (child, G_FILE_TEST_IS_DIR))
        remove_folder (child);
      else
        unlink (child);
    }
  rmdir (path);
}

static void
test_kill (void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr(GError) error = NULL;
  guint first_reported[N_DEVICES] = { 0 };
  g_autofree char *bucket = NULL;
  guint n_reported = 0;
  pid_t child;

  folder = g_dir_make_tmp ("dimple-kill-XXXXXX", &error);
  g_assert_no_error (error);
  bucket = g_build_filename (folder, "bucket", NULL);
  g_assert_cmpint (g_mkdir (bucket, 0700), ==, 0);
  for (guint i = 0; i < N_DEVICES; i++)
    reported[i] = g_ptr_array_new_with_free_func (g_free);

  /* This process starts no threads, as those would not be there in its children. */
  for (guint round = 0; round < n_rounds; round++)
    run_round (round, rand, first_reported);
  child = fork ();
  if (child == 0)
    {
      check_all ();
      _exit (0);
    }
  wait_for (child, 0);

  for (guint i = 0; i < N_DEVICES; i++)
    {
      n_reported += reported[i]->len;
      g_ptr_array_unref (reported[i]);
    }
  g_test_message ("%u rounds, %u transactions reported", n_rounds, n_reported);
  g_assert_cmpuint (n_reported, >, n_rounds);
  remove_folder (folder);
  g_free (folder);
}

int
main (int    argc,
      char **argv)
{
  n_rounds = take_option (&argc, argv, "--rounds", n_rounds);
  seed = take_option (&argc, argv, "--seed", g_random_int ());
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_message ("--seed=%u", seed);

  g_test_add_func ("/kill", test_kill);
  return g_test_run ();
}
