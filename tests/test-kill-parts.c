/* test-kill-parts.c: real processes are killed while a transaction travels in parts, and it is whole everywhere or
 * nowhere
 *
 * Packs are tiny, so that each transaction has many parts.  Each round one or two processes open the databases of
 * devices; some write such a transaction; all sync with one folder, and are killed by SIGKILL at a random moment of
 * that.  The next process looks which transactions there are, and what of others lies about in the folder and in its
 * database.  The rounds end when enough pushes and pulls were cut in the middle.  In the end all devices are equal, and
 * nothing lies about.
 *
 *   test-kill-parts [--rounds=N] [--seed=N]
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <poll.h>

#include "dimple-log-private.h"
#include "dimple-pack-private.h"

#include "processes.h"

#define N_DEVICES 3
#define MAX_PROCESSES 2
#define PACK_SIZE 900
#define N_ROWS 60
/* So many pushes, and so many pulls, have to be cut in the middle. */
#define MIN_CUT 5
/* A sync is left alone no longer than that. */
#define MAX_MILLISECONDS 60

typedef struct
{
  guint    device;
  pid_t    child;
  int      report;
  GString *heard;
} Process;

static GPtrArray *written[N_DEVICES];        /* transactions that processes said to have committed */
static GHashTable *cut_pushes;               /* keys of packs of which the folder had some parts */
static GHashTable *cut_pulls;                /* the same of a device's database */
static guint n_synced;

static const char * const migrations[] = {
  "CREATE TABLE line (key TEXT PRIMARY KEY, bulk TEXT NOT NULL, text TEXT)",
  NULL
};

/* -- What a process does ------------------------------------------------------------------------------------------- */

static void
check_transactions (Device    *device,
                    GPtrArray *expected)
{
  g_autofree char *sql = g_strdup_printf ("SELECT bulk FROM line GROUP BY bulk HAVING count (*) <> %d", N_ROWS);
  g_autofree char *part = device_select (device, sql);

  g_assert_cmpstr (part, ==, NULL);
  for (guint i = 0; i < expected->len; i++)
    {
      const char *bulk = g_ptr_array_index (expected, i);
      g_autofree char *count_sql = g_strdup_printf ("SELECT count (*) FROM line WHERE bulk = '%s'", bulk);
      g_autofree char *count = device_select (device, count_sql);

      if (atoi (count) != N_ROWS)
        g_error ("%s was committed, and %s rows are left", bulk, count);
    }
}

/* Keys of the first parts of transactions, of which the folder has not all. */
static GPtrArray *
list_cut_pushes (void)
{
  g_autoptr(DimpleStorage) storage = open_bucket ();
  g_autoptr(GHashTable) n_missing = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GPtrArray *cut = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *last = NULL;
  GHashTableIter iter;
  gpointer key, value;
  gsize n_keys;

  do
    {
      g_autoptr(GError) error = NULL;
      g_auto(GStrv) keys = dimple_storage_list (storage, "changes/", last, NULL, &error);

      g_assert_no_error (error);
      n_keys = g_strv_length (keys);
      for (gsize i = 0; i < n_keys; i++)
        {
          DimplePackName name;
          char *first;

          if (!dimple_pack_name_parse (&name, keys[i]) || name.part == 0)
            continue;
          first = dimple_pack_name_format_part (&name, 1);
          if (!g_hash_table_lookup_extended (n_missing, first, NULL, &value))
            value = GUINT_TO_POINTER (name.n_parts);
          g_hash_table_insert (n_missing, first, GUINT_TO_POINTER (GPOINTER_TO_UINT (value) - 1));
        }
      if (n_keys > 0)
        {
          g_free (last);
          last = g_strdup (keys[n_keys - 1]);
        }
    }
  while (n_keys > 0);
  g_hash_table_iter_init (&iter, n_missing);
  while (g_hash_table_iter_next (&iter, &key, &value))
    if (value != NULL)
      g_ptr_array_add (cut, g_strdup (key));
  return cut;
}

/* What earlier processes have left. */
static void
tell_cut (Device *device,
          int     report)
{
  g_autoptr(GPtrArray) cut = list_cut_pushes ();
  g_autofree char *staged = device_select (device, "SELECT min (pack) FROM dimple_part");

  for (guint i = 0; i < cut->len; i++)
    tell (report, "push %s", (const char *) g_ptr_array_index (cut, i));
  if (staged != NULL)
    tell (report, "pull %s", staged);
}

static void
work (guint    number,
      guint    round,
      gboolean alone,
      guint32  process_seed,
      int      report)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed (process_seed);
  Device *device;

  dimple_log_set_piece_size (1);
  dimple_pack_set_size (PACK_SIZE);
  device = open_device (number, migrations);
  assert_sound (device);
  check_transactions (device, written[number]);
  /* Another one may be pushing just now. */
  if (alone)
    tell_cut (device, report);
  if (g_rand_int_range (rand, 0, 3) == 0)
    {
      device_execute (device, "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < %d) "
                              "INSERT INTO line SELECT '%u-%u-' || i, '%u-%u', hex (randomblob (150)) FROM c",
                      N_ROWS, round, number, round, number);
      tell (report, "wrote %u-%u", round, number);
    }
  tell (report, "syncs");
  sync_with_others (device);
  tell (report, "synced");
  while (TRUE)
    pause ();
}

/* -- Rounds -------------------------------------------------------------------------------------------------------- */

static Process
start (guint    number,
       guint    round,
       gboolean alone,
       guint32  process_seed)
{
  Process self = { .device = number, .heard = g_string_new ("") };

  self.child = start_process (process_seed, &self.report);
  if (self.child == 0)
    work (number, round, alone, process_seed, self.report);
  return self;
}

static void
finish (Process *self)
{
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);

  kill (self->child, SIGKILL);
  wait_for (self->child, SIGKILL);
  read_report (self->report, self->heard, lines);
  for (guint i = 0; i < lines->len; i++)
    {
      const char *line = g_ptr_array_index (lines, i), *what = strchr (line, ' ');

      if (g_str_has_prefix (line, "wrote "))
        g_ptr_array_add (written[self->device], g_strdup (what + 1));
      else if (g_str_has_prefix (line, "push "))
        g_hash_table_add (cut_pushes, g_strdup (what + 1));
      else if (g_str_has_prefix (line, "pull "))
        g_hash_table_add (cut_pulls, g_strdup_printf ("%u %s", self->device, what + 1));
      n_synced += strcmp (line, "synced") == 0;
    }
  g_string_free (self->heard, TRUE);
}

/* Till one has synced, or for a random while. */
static void
let_sync (Process *processes,
          guint    n_processes,
          GRand   *rand)
{
  struct pollfd files[MAX_PROCESSES];

  for (guint i = 0; i < n_processes; i++)
    {
      while (strstr (processes[i].heard->str, "syncs\n") == NULL)
        if (!hear (processes[i].report, processes[i].heard))
          g_error ("A process died by itself");
      files[i] = (struct pollfd) { .fd = processes[i].report, .events = POLLIN };
    }
  poll (files, n_processes, g_rand_int_range (rand, 0, MAX_MILLISECONDS));
}

static void
run_round (guint  round,
           GRand *rand)
{
  guint n_processes = g_rand_int_range (rand, 0, 4) == 0 ? MAX_PROCESSES : 1;
  guint number = (guint) g_rand_int_range (rand, 0, N_DEVICES);
  Process processes[MAX_PROCESSES];

  for (guint i = 0; i < n_processes; i++)
    processes[i] = start ((number + i) % N_DEVICES, round, n_processes == 1, g_rand_int (rand));
  let_sync (processes, n_processes, rand);
  for (guint i = 0; i < n_processes; i++)
    finish (&processes[i]);
}

/* -- The end ------------------------------------------------------------------------------------------------------- */

static const char dump[] =
  "SELECT group_concat (key || ' ' || bulk || ' ' || text, char (10)) FROM (SELECT * FROM line ORDER BY key)";

/* And one that was never killed. */
static void
check_all (void)
{
  Device *devices[N_DEVICES + 1];
  g_autoptr(GPtrArray) cut = NULL;

  dimple_log_set_piece_size (1);
  dimple_pack_set_size (PACK_SIZE);
  open_all (devices, G_N_ELEMENTS (devices), migrations);
  assert_all_equal (devices, G_N_ELEMENTS (devices), dump);
  for (guint i = 0; i < G_N_ELEMENTS (devices); i++)
    {
      g_assert_cmpuint (device_count (devices[i], "dimple_part"), ==, 0);
      for (guint j = 0; j < N_DEVICES; j++)
        check_transactions (devices[i], written[j]);
    }
  cut = list_cut_pushes ();
  g_assert_cmpuint (cut->len, ==, 0);
  free_all (devices, G_N_ELEMENTS (devices));
}

static void
test_parts (void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed (seed);
  guint round = 0, n_written = 0;

  make_folder ();
  cut_pushes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  cut_pulls = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < N_DEVICES; i++)
    written[i] = g_ptr_array_new_with_free_func (g_free);

  while (round < n_rounds || g_hash_table_size (cut_pushes) < MIN_CUT || g_hash_table_size (cut_pulls) < MIN_CUT)
    run_round (round++, rand);
  run_process (check_all);

  for (guint i = 0; i < N_DEVICES; i++)
    {
      n_written += written[i]->len;
      g_ptr_array_unref (written[i]);
    }
  g_test_message ("%u rounds, %u transactions, %u pushes and %u pulls cut in the middle, %u syncs that were not", round,
                  n_written, g_hash_table_size (cut_pushes), g_hash_table_size (cut_pulls), n_synced);
  g_hash_table_unref (cut_pushes);
  g_hash_table_unref (cut_pulls);
  end_folder ();
}

int
main (int    argc,
      char **argv)
{
  processes_test_init (&argc, &argv, 60);
  g_test_add_func ("/kill/parts", test_parts);
  return g_test_run ();
}
