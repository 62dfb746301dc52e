/* bench-writes.c: what writing through a store costs, against the same rows written by raw SQLite
 *
 * Both have the same schema and settings.  Dimple's side is the public API as an app calls it: values as GVariants, the
 * changes captured, the history written.  As a dictionary of six values takes GLib longer than SQLite needs for the row, the
 * lines with “both from tuples” give the raw side GVariants too: what they show is the price of tracking.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <dimple.h>

#include "bench-notes.h"
#include "bench.h"

static int n_rows = 100000;      /* in one transaction */
static int n_single = 20000;     /* in a transaction each */

typedef struct
{
  DimpleStore *store;
  BenchRaw    *raw;
} Sides;

/* One workload, done by one side */
typedef void (*Work) (Sides *sides);

static guint
pick_row (int i)
{
  return (guint) i * 7919u % (guint) n_rows;
}

/* -- Dimple ------------------------------------------------------------------------------------------------------- */

static void
begin (DimpleStore *store)
{
  GError *error = NULL;

  bench_check (dimple_store_begin (store, &error), error);
}

static void
commit (DimpleStore *store)
{
  GError *error = NULL;

  bench_check (dimple_store_commit (store, &error), error);
}

static void
insert (DimpleStore *store,
        guint        number)
{
  g_autofree char *key = NULL;
  GError *error = NULL;
  BenchNote note;

  bench_note_fill (&note, number);
  key = dimple_store_insert (store, "note", bench_note_to_variant (&note), &error);
  bench_check (key != NULL, error);
}

static void
set_title (DimpleStore *store,
           guint        number,
           guint        version)
{
  GError *error = NULL;
  BenchNote note;

  bench_note_fill (&note, number);
  bench_note_set_title (&note, version);
  bench_check (dimple_store_update (store, "note", note.key, bench_note_title_to_variant (&note), &error), error);
}

static void
insert_rows (Sides *sides)
{
  begin (sides->store);
  for (int i = 0; i < n_rows; i++)
    insert (sides->store, (guint) i);
  commit (sides->store);
}

static void
insert_single_rows (Sides *sides)
{
  for (int i = 0; i < n_single; i++)
    insert (sides->store, (guint) (n_rows + i));
}

static void
update_single_rows (Sides *sides)
{
  for (int i = 0; i < n_single; i++)
    set_title (sides->store, pick_row (i), 1);
}

static void
update_rows (Sides *sides)
{
  begin (sides->store);
  for (int i = 0; i < n_rows; i++)
    set_title (sides->store, (guint) i, 2);
  commit (sides->store);
}

static void
delete_rows (Sides *sides)
{
  GError *error = NULL;

  bench_check (dimple_store_execute (sides->store, "DELETE FROM note", NULL, &error), error);
}

static void
insert_by_sql (DimpleStore *store,
               guint        number)
{
  GError *error = NULL;
  BenchNote note;

  bench_note_fill (&note, number);
  bench_check (dimple_store_execute (store, BENCH_INSERT, bench_note_to_tuple (&note), &error), error);
}

static void
set_title_by_sql (DimpleStore *store,
                  guint        number,
                  guint        version)
{
  GError *error = NULL;
  BenchNote note;

  bench_note_fill (&note, number);
  bench_note_set_title (&note, version);
  bench_check (dimple_store_execute (store, BENCH_UPDATE, bench_note_title_to_tuple (&note), &error), error);
}

static void
insert_rows_by_sql (Sides *sides)
{
  begin (sides->store);
  for (int i = 0; i < n_rows; i++)
    insert_by_sql (sides->store, (guint) i);
  commit (sides->store);
}

static void
insert_single_rows_by_sql (Sides *sides)
{
  for (int i = 0; i < n_single; i++)
    insert_by_sql (sides->store, (guint) (n_rows + i));
}

static void
update_single_rows_by_sql (Sides *sides)
{
  for (int i = 0; i < n_single; i++)
    set_title_by_sql (sides->store, pick_row (i), 1);
}

static void
update_rows_by_sql (Sides *sides)
{
  begin (sides->store);
  for (int i = 0; i < n_rows; i++)
    set_title_by_sql (sides->store, (guint) i, 2);
  commit (sides->store);
}

static void
insert_rows_by_batch (Sides *sides)
{
  g_autoptr(DimpleBatch) batch = dimple_batch_new (sides->store);
  GError *error = NULL;

  for (int i = 0; i < n_rows; i++)
    {
      BenchNote note;

      bench_note_fill (&note, (guint) i);
      g_free (dimple_batch_insert (batch, "note", bench_note_to_variant (&note)));
    }
  bench_check (dimple_batch_commit (batch, &error), error);
}

static void
insert_rows_as_objects (Sides *sides)
{
  begin (sides->store);
  for (int i = 0; i < n_rows; i++)
    {
      GError *error = NULL;
      BenchNote note;
      g_autoptr(DimpleRow) row = dimple_store_create_row (sides->store, "note", &error);

      bench_check (row != NULL, error);
      bench_note_fill (&note, (guint) i);
      g_object_set (row, "key", note.key, "title", note.title, "body", note.body, "folder", note.folder,
                    "modified", note.modified, "starred", (gint64) note.starred, NULL);
      bench_check (dimple_store_save (sides->store, G_OBJECT (row), &error), error);
    }
  commit (sides->store);
}

/* -- Raw SQLite --------------------------------------------------------------------------------------------------- */

static void
raw_insert (BenchRaw *raw,
            guint     number)
{
  BenchNote note;

  bench_note_fill (&note, number);
  bench_raw_insert (raw, &note);
}

static void
raw_set_title (BenchRaw *raw,
               guint     number,
               guint     version)
{
  BenchNote note;

  bench_note_fill (&note, number);
  bench_note_set_title (&note, version);
  bench_raw_set_title (raw, &note);
}

static void
raw_insert_rows (Sides *sides)
{
  bench_raw_begin (sides->raw);
  for (int i = 0; i < n_rows; i++)
    raw_insert (sides->raw, (guint) i);
  bench_raw_commit (sides->raw);
}

static void
raw_insert_single_rows (Sides *sides)
{
  for (int i = 0; i < n_single; i++)
    {
      bench_raw_begin (sides->raw);
      raw_insert (sides->raw, (guint) (n_rows + i));
      bench_raw_commit (sides->raw);
    }
}

static void
raw_update_single_rows (Sides *sides)
{
  for (int i = 0; i < n_single; i++)
    {
      bench_raw_begin (sides->raw);
      raw_set_title (sides->raw, pick_row (i), 1);
      bench_raw_commit (sides->raw);
    }
}

static void
raw_update_rows (Sides *sides)
{
  bench_raw_begin (sides->raw);
  for (int i = 0; i < n_rows; i++)
    raw_set_title (sides->raw, (guint) i, 2);
  bench_raw_commit (sides->raw);
}

/* -- Raw SQLite, from tuples ---------------------------------------------------------------------------------------- */

static void
raw_insert_tuple (BenchRaw *raw,
                  guint     number)
{
  BenchNote note;

  bench_note_fill (&note, number);
  bench_raw_insert_tuple (raw, bench_note_to_tuple (&note));
}

static void
raw_update_tuple (BenchRaw *raw,
                  guint     number,
                  guint     version)
{
  BenchNote note;

  bench_note_fill (&note, number);
  bench_note_set_title (&note, version);
  bench_raw_update_tuple (raw, bench_note_title_to_tuple (&note));
}

static void
raw_insert_tuples (Sides *sides)
{
  bench_raw_begin (sides->raw);
  for (int i = 0; i < n_rows; i++)
    raw_insert_tuple (sides->raw, (guint) i);
  bench_raw_commit (sides->raw);
}

static void
raw_insert_single_tuples (Sides *sides)
{
  for (int i = 0; i < n_single; i++)
    {
      bench_raw_begin (sides->raw);
      raw_insert_tuple (sides->raw, (guint) (n_rows + i));
      bench_raw_commit (sides->raw);
    }
}

static void
raw_update_single_tuples (Sides *sides)
{
  for (int i = 0; i < n_single; i++)
    {
      bench_raw_begin (sides->raw);
      raw_update_tuple (sides->raw, pick_row (i), 1);
      bench_raw_commit (sides->raw);
    }
}

static void
raw_update_tuples (Sides *sides)
{
  bench_raw_begin (sides->raw);
  for (int i = 0; i < n_rows; i++)
    raw_update_tuple (sides->raw, (guint) i, 2);
  bench_raw_commit (sides->raw);
}

/* With a condition, as SQLite would drop the pages of all rows at once without one, and no row would be looked at. */
static void
raw_delete_rows (Sides *sides)
{
  bench_raw_begin (sides->raw);
  bench_raw_execute (sides->raw, "DELETE FROM note WHERE key > ''");
  bench_raw_commit (sides->raw);
}

/* -- In turns ----------------------------------------------------------------------------------------------------- */

typedef struct
{
  const char *id;
  const char *title;       /* what is done; %d: how many */
  int        *n;
  double      budget;
  Work        work;
  Work        baseline;
  gboolean    afresh;      /* begins with an empty table; else it goes on with what the one before left */
} Workload;

static const Workload workloads[] = {
  { "insert-bulk", "insert %d rows in one transaction", &n_rows, 1.6, insert_rows, raw_insert_rows, TRUE },
  { "insert-single", "insert %d rows, a transaction each", &n_single, 1.5, insert_single_rows,
    raw_insert_single_rows },
  { "update-single", "update a column of %d rows, a transaction each", &n_single, 1.5, update_single_rows,
    raw_update_single_rows },
  { "update-bulk", "update a column of %d rows in one transaction", &n_rows, 1.9, update_rows, raw_update_rows },
  { "delete-bulk", "delete all of %d rows", &n_rows, BENCH_NO_BUDGET, delete_rows, raw_delete_rows },
  { "insert-bulk-sql", "insert %d rows in one transaction, by execute ()", &n_rows, BENCH_NO_BUDGET,
    insert_rows_by_sql, raw_insert_rows, TRUE },
  { "insert-bulk-tuples", "insert %d rows in one transaction, both from tuples", &n_rows, 1.6, insert_rows_by_sql,
    raw_insert_tuples, TRUE },
  { "insert-single-tuples", "insert %d rows, a transaction each, both from tuples", &n_single, 1.5,
    insert_single_rows_by_sql, raw_insert_single_tuples },
  { "update-single-tuples", "update a column of %d rows, a transaction each, both from tuples", &n_single, 1.5,
    update_single_rows_by_sql, raw_update_single_tuples },
  { "update-bulk-tuples", "update a column of %d rows in one transaction, both from tuples", &n_rows, 1.9,
    update_rows_by_sql, raw_update_tuples },
  { "insert-bulk-batch", "insert %d rows in one transaction, by a DimpleBatch", &n_rows, BENCH_NO_BUDGET,
    insert_rows_by_batch, raw_insert_rows, TRUE },
  { "insert-bulk-objects", "insert %d rows in one transaction, by g_object_set () and save ()", &n_rows,
    BENCH_NO_BUDGET, insert_rows_as_objects, raw_insert_rows, TRUE },
};

static void
open_sides (Sides *sides)
{
  static const char * const migrations[] = { BENCH_NOTES_SCHEMA, NULL };
  g_autofree char *tracked = bench_new_file ("tracked.db");
  g_autofree char *raw = bench_new_file ("raw.db");
  GError *error = NULL;

  sides->store = dimple_store_open (tracked, &error);
  bench_check (sides->store != NULL, error);
  bench_check (dimple_store_migrate (sides->store, migrations, &error), error);
  sides->raw = bench_raw_open (raw);
}

static void
close_sides (Sides *sides)
{
  GError *error = NULL;

  if (sides->store == NULL)
    return;
  bench_check (dimple_store_close (sides->store, &error), error);
  g_clear_object (&sides->store);
  g_clear_pointer (&sides->raw, bench_raw_close);
}

static void
take_turn (Sides       *sides,
           Work         work,
           BenchSeries *series)
{
  bench_series_start (series);
  work (sides);
  bench_series_stop (series);
}

static void
report (const Workload    *workload,
        const BenchSeries *measured,
        const BenchSeries *baseline)
{
  g_auto(GStrv) parts = g_strsplit (workload->title, "%d", 2);
  g_autofree char *title = g_strdup_printf ("%s%d%s", parts[0], *workload->n, parts[1]);

  bench_report_ratio (workload->id, title, workload->budget, measured, baseline, *workload->n, "rows");
}

int
main (int   argc,
      char *argv[])
{
  const GOptionEntry entries[] = {
    { "rows", 0, 0, G_OPTION_ARG_INT, &n_rows, "Rows in one transaction", "N" },
    { "single", 0, 0, G_OPTION_ARG_INT, &n_single, "Rows in a transaction each", "N" },
    { NULL }
  };
  BenchSeries *measured[G_N_ELEMENTS (workloads)], *baseline[G_N_ELEMENTS (workloads)];
  Sides sides = { NULL };

  bench_init (&argc, &argv, "- writing through a store, against raw SQLite", entries);
  for (guint i = 0; i < G_N_ELEMENTS (workloads); i++)
    {
      measured[i] = bench_series_new ();
      baseline[i] = bench_series_new ();
    }

  for (int round = 0; round < bench_get_n_rounds (); round++)
    for (guint i = 0; i < G_N_ELEMENTS (workloads); i++)
      {
        if (workloads[i].afresh)
          {
            close_sides (&sides);
            open_sides (&sides);
          }
        take_turn (&sides, workloads[i].baseline, baseline[i]);
        take_turn (&sides, workloads[i].work, measured[i]);
      }
  close_sides (&sides);

  for (guint i = 0; i < G_N_ELEMENTS (workloads); i++)
    {
      report (&workloads[i], measured[i], baseline[i]);
      bench_series_free (measured[i]);
      bench_series_free (baseline[i]);
    }
  return 0;
}
