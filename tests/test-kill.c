/* test-kill.c: real processes are killed while they write and sync, and nothing is lost
 *
 * Each round a process opens the database of one of three devices, sometimes two processes the same one, writes and
 * syncs with a folder, and is killed at a random moment by SIGKILL.  It tells of each commit after it was reported to
 * it.  The next process on that database finds all of them, and both halves of each transaction.  In the end all
 * devices are equal.
 *
 *   test-kill [--rounds=N] [--seed=N]
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <poll.h>

#include "dimple-error.h"

#include "processes.h"

#define N_DEVICES 3
#define MAX_PROCESSES 2
/* After that a process has been on its own for long enough. */
#define MAX_MILLISECONDS 40
/* Nor is it waited for longer. */
#define MAX_START_MS 10000

static GPtrArray *reported[N_DEVICES];       /* what processes said to have committed */

static const char * const migrations[] = {
  "CREATE TABLE half (key TEXT PRIMARY KEY, which TEXT NOT NULL, entry TEXT NOT NULL, text, UNIQUE (entry, which));"
  "CREATE TABLE scratch (key TEXT PRIMARY KEY, value UNIQUE, half TEXT REFERENCES half (key) ON DELETE SET NULL)",
  NULL
};

/* -- What a process does ------------------------------------------------------------------------------------------- */

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

  device = open_device (number, migrations);
  check_entries (device, reported[number], first_reported);
  for (guint n = 0; ; n++)
    {
      g_autofree char *entry = g_strdup_printf ("%u-%u-%u", round, process, n);

      write_entry (device, entry, rand);
      tell (report, "%s", entry);
      if (g_rand_int_range (rand, 0, 3) == 0)
        sync_with_others (device);
    }
}

/* -- Rounds -------------------------------------------------------------------------------------------------------- */

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
  int reports[MAX_PROCESSES];
  guint before = reported[number]->len;

  for (guint i = 0; i < n_processes; i++)
    {
      guint32 process_seed = g_rand_int (rand);

      children[i] = start_process (process_seed, &reports[i]);
      if (children[i] == 0)
        work (number, round, i, first_reported[number], process_seed, reports[i]);
    }
  wait_for_a_while (rand, reports[0]);
  for (guint i = 0; i < n_processes; i++)
    kill (children[i], SIGKILL);
  for (guint i = 0; i < n_processes; i++)
    {
      g_autoptr(GString) heard = g_string_new ("");

      wait_for (children[i], SIGKILL);
      read_report (reports[i], heard, reported[number]);
    }
  first_reported[number] = before;
}

/* -- The end ------------------------------------------------------------------------------------------------------- */

static const char dump[] =
  "SELECT (SELECT group_concat (key || ' ' || quote (text), char (10)) FROM (SELECT * FROM half ORDER BY key)) || "
  "(SELECT group_concat (key || quote (value) || quote (half), char (10)) FROM (SELECT * FROM scratch ORDER BY key))";

static void
check_all (void)
{
  Device *devices[N_DEVICES];

  open_all (devices, N_DEVICES, migrations);
  assert_all_equal (devices, N_DEVICES, dump);
  for (guint i = 0; i < N_DEVICES; i++)
    {
      for (guint j = 0; j < N_DEVICES; j++)
        check_entries (devices[i], reported[j], 0);
    }
  free_all (devices, N_DEVICES);
}

static void
test_kill (void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed (seed);
  guint first_reported[N_DEVICES] = { 0 };
  guint n_reported = 0;

  make_folder ();
  for (guint i = 0; i < N_DEVICES; i++)
    reported[i] = g_ptr_array_new_with_free_func (g_free);

  for (guint round = 0; round < n_rounds; round++)
    run_round (round, rand, first_reported);
  run_process (check_all);

  for (guint i = 0; i < N_DEVICES; i++)
    {
      n_reported += reported[i]->len;
      g_ptr_array_unref (reported[i]);
    }
  g_test_message ("%u rounds, %u transactions reported", n_rounds, n_reported);
  g_assert_cmpuint (n_reported, >, n_rounds);
  end_folder ();
}

int
main (int    argc,
      char **argv)
{
  processes_test_init (&argc, &argv, 500);
  g_test_add_func ("/kill", test_kill);
  return g_test_run ();
}
