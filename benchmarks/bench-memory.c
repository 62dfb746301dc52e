/* bench-memory.c: how much memory one big transaction takes on its way from device to device
 *
 * Each step is a process of its own, which tells the peak of its memory beyond what it had when the store was open: the
 * device that writes the rows, its upload, a new device, one that has written later itself (so nothing that comes is
 * newer than all that it knows), and one that gets an update of all rows.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench-stores.h"
#include "bench.h"

static int n_rows = 200000;
static char *step;
static char *place;

/* -- The steps, each in a process of its own ----------------------------------------------------------------------- */

static DimpleStore *
open_store (const char *name)
{
  g_autofree char *path = g_build_filename (place, name, NULL);

  return bench_store_open (path, NULL);
}

static void
write_rows (DimpleStore *store)
{
  GError *error = NULL;

  bench_check (dimple_store_begin (store, &error), error);
  for (int i = 0; i < n_rows; i++)
    bench_store_insert (store, (guint) i);
  bench_check (dimple_store_commit (store, &error), error);
}

static void
sync_store (DimpleStore *store)
{
  g_autofree char *path = g_build_filename (place, "bucket", NULL);
  g_autoptr(GFile) folder = g_file_new_for_path (path);
  g_autoptr(DimpleStorage) storage = dimple_local_storage_new (folder);

  g_mkdir (path, 0700);
  bench_store_sync (store, storage);
}

static void
run_step (void)
{
  gboolean is_author = g_str_equal (step, "write") || g_str_equal (step, "push") || g_str_equal (step, "update");
  gboolean is_late = g_str_equal (step, "pull-late");
  DimpleStore *store = open_store (is_author ? "author.db" : is_late ? "late.db" : "new.db");
  BenchNote note;
  double before;

  /* The keys are kept by what makes them. */
  bench_note_fill (&note, (guint) n_rows + 100000);
  if (is_late)
    bench_store_insert (store, (guint) n_rows + g_random_int () % 100000);
  before = bench_get_memory ("VmRSS:");
  if (g_str_equal (step, "write"))
    write_rows (store);
  else if (g_str_equal (step, "update"))
    bench_store_execute (store, "UPDATE note SET title = title || '!', modified = modified + 1", NULL);
  else
    sync_store (store);
  g_print ("%.1f\n", bench_get_memory ("VmHWM:") - before);
  bench_store_close (store);
}

/* -- All of them --------------------------------------------------------------------------------------------------- */

static void
measure (const char *program,
         const char *name,
         const char *title)
{
  g_autofree char *rows = g_strdup_printf ("--rows=%d", n_rows);
  g_autofree char *in = g_strdup_printf ("--place=%s", bench_get_folder ());
  g_autofree char *of = g_strdup_printf ("--step=%s", name), *output = NULL, *id = g_strconcat ("memory-", name, NULL);
  char *argv[] = { (char *) program, rows, in, of, NULL };
  GError *error = NULL;
  int status;

  bench_check (g_spawn_sync (NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, &status, &error), error);
  bench_check (g_spawn_check_wait_status (status, &error), error);
  bench_report_value (id, title, BENCH_NO_BUDGET, g_ascii_strtod (output, NULL), "MiB");
}

int
main (int   argc,
      char *argv[])
{
  const GOptionEntry entries[] = {
    { "rows", 0, 0, G_OPTION_ARG_INT, &n_rows, "Rows in one transaction", "N" },
    { "step", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &step, NULL, NULL },
    { "place", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &place, NULL, NULL },
    { NULL }
  };
  const char *program = argv[0];

  bench_init (&argc, &argv, "- memory of one big transaction", entries);
  if (step != NULL)
    {
      run_step ();
      return EXIT_SUCCESS;
    }
  measure (program, "write", "rows in one transaction: the device that inserts them");
  measure (program, "push", "  its upload");
  measure (program, "pull", "  a new device");
  measure (program, "pull-late", "  a device that has written later itself");
  measure (program, "update", "an update of all of them: the device that makes it");
  /* `push` again: there is something new */
  measure (program, "push", "  its upload");
  measure (program, "pull", "  a device that has them");
  measure (program, "pull-late", "  one that has written later itself");
  return EXIT_SUCCESS;
}
