/* bench-writes.c: what writing through a store costs, against the same rows written by raw SQLite
 *
 * Both have the same schema and settings.  Dimple's side is the public API as an app calls it: values as GVariants, the
 * changes captured, the history written.  As a dictionary of six values takes GLib longer than SQLite needs for the
 * row, the lines with “both from tuples” give the raw side GVariants too: what they show is the price of tracking.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "bench-stores.h"
#include "bench.h"

static int n_rows = 100000;      /* in one transaction */
static int n_single = 20000;     /* in a transaction each */
static char *only;               /* (nullable) */

typedef struct
{
  DimpleStore *store;
  DimpleBatch *batch;      /* (nullable) while it is filled */
  BenchRaw    *raw;
  guint        version;    /* of titles: each turn of updates changes them */
} Sides;

/* What a transaction begins and ends with */
typedef void (*Step) (Sides *sides);

/* Writes the row with a number */
typedef void (*Write) (Sides *sides,
                       guint  number);

/* How one side does a workload */
typedef struct
{
  Step  begin;             /* (nullable) each write is a transaction by itself */
  Write write;
  Step  commit;
} Way;

static BenchNote
new_note (guint number)
{
  BenchNote note;

  bench_note_fill (&note, number);
  return note;
}

static BenchNote
changed_note (Sides *sides,
              guint  number)
{
  BenchNote note = new_note (number);

  bench_note_set_title (&note, sides->version);
  return note;
}

/* -- Dimple ------------------------------------------------------------------------------------------------------- */

static void
begin (Sides *sides)
{
  GError *error = NULL;

  bench_check (dimple_store_begin (sides->store, &error), error);
}

static void
commit (Sides *sides)
{
  GError *error = NULL;

  bench_check (dimple_store_commit (sides->store, &error), error);
}

static void
insert (Sides *sides,
        guint  number)
{
  BenchNote note = new_note (number);
  GError *error = NULL;
  g_autofree char *key = dimple_store_insert (sides->store, "note", bench_note_to_variant (&note), &error);

  bench_check (key != NULL, error);
}

static void
update (Sides *sides,
        guint  number)
{
  BenchNote note = changed_note (sides, number);
  GError *error = NULL;
  gboolean updated = dimple_store_update (sides->store, "note", note.key, bench_note_title_to_variant (&note), &error);

  bench_check (updated, error);
}

static void
insert_by_sql (Sides *sides,
               guint  number)
{
  BenchNote note = new_note (number);

  bench_store_execute (sides->store, BENCH_INSERT, bench_note_to_tuple (&note));
}

static void
update_by_sql (Sides *sides,
               guint  number)
{
  BenchNote note = changed_note (sides, number);

  bench_store_execute (sides->store, BENCH_UPDATE, bench_note_title_to_tuple (&note));
}

static void
delete_all (Sides *sides,
            guint  number)
{
  bench_store_execute (sides->store, "DELETE FROM note", NULL);
}

static void
begin_batch (Sides *sides)
{
  sides->batch = dimple_batch_new (sides->store);
}

static void
commit_batch (Sides *sides)
{
  GError *error = NULL;

  bench_check (dimple_batch_commit (sides->batch, &error), error);
  g_clear_object (&sides->batch);
}

static void
insert_by_batch (Sides *sides,
                 guint  number)
{
  BenchNote note = new_note (number);

  g_free (dimple_batch_insert (sides->batch, "note", bench_note_to_variant (&note)));
}

static void
insert_object (Sides *sides,
               guint  number)
{
  BenchNote note = new_note (number);
  GError *error = NULL;
  g_autoptr(DimpleRow) row = dimple_store_create_row (sides->store, "note", &error);

  bench_check (row != NULL, error);
  g_object_set (row, "key", note.key, "title", note.title, "body", note.body, "folder", note.folder,
                "modified", note.modified, "starred", (gint64) note.starred, NULL);
  bench_check (dimple_store_save (sides->store, G_OBJECT (row), &error), error);
}

/* -- Raw SQLite --------------------------------------------------------------------------------------------------- */

static void
raw_begin (Sides *sides)
{
  bench_raw_begin (sides->raw);
}

static void
raw_commit (Sides *sides)
{
  bench_raw_commit (sides->raw);
}

static void
raw_insert (Sides *sides,
            guint  number)
{
  BenchNote note = new_note (number);

  bench_raw_insert (sides->raw, &note);
}

static void
raw_update (Sides *sides,
            guint  number)
{
  BenchNote note = changed_note (sides, number);

  bench_raw_set_title (sides->raw, &note);
}

static void
raw_insert_tuple (Sides *sides,
                  guint  number)
{
  BenchNote note = new_note (number);

  bench_raw_insert_tuple (sides->raw, bench_note_to_tuple (&note));
}

static void
raw_update_tuple (Sides *sides,
                  guint  number)
{
  BenchNote note = changed_note (sides, number);

  bench_raw_update_tuple (sides->raw, bench_note_title_to_tuple (&note));
}

/* With a condition, as SQLite would drop the pages of all rows at once without one, and no row would be looked at. */
static void
raw_delete_all (Sides *sides,
                guint  number)
{
  bench_raw_execute (sides->raw, "DELETE FROM note WHERE key > ''");
}

/* -- Workloads ---------------------------------------------------------------------------------------------------- */

typedef enum
{
  FIRST_ROWS,              /* one after the other, in one transaction */
  ONE_STATEMENT,           /* the same, but one write does all */
  FURTHER_ROWS,            /* one after the other behind the first, a transaction each */
  SCATTERED_ROWS           /* of the first ones, a transaction each */
} Rows;

typedef struct
{
  const char *id;
  const char *title;       /* what is done; %d: how many */
  Rows        rows;
  double      budget;
  Way         dimple;
  Way         baseline;
  gboolean    afresh;      /* begins with an empty table; else it goes on with what the one before left */
} Workload;

#define IN_ONE(write) { begin, write, commit }
#define BY_ITSELF(write) { NULL, write, NULL }
#define RAW(write) { raw_begin, write, raw_commit }

static const Workload workloads[] = {
  { "insert-bulk", "insert %d rows in one transaction", FIRST_ROWS, 1.6, IN_ONE (insert), RAW (raw_insert), TRUE },
  { "insert-single", "insert %d rows, a transaction each", FURTHER_ROWS, 1.5, BY_ITSELF (insert), RAW (raw_insert) },
  { "update-single", "update a column of %d rows, a transaction each", SCATTERED_ROWS, 1.5, BY_ITSELF (update),
    RAW (raw_update) },
  { "update-bulk", "update a column of %d rows in one transaction", FIRST_ROWS, 1.9, IN_ONE (update),
    RAW (raw_update) },
  { "delete-bulk", "delete all of %d rows", ONE_STATEMENT, BENCH_NO_BUDGET, BY_ITSELF (delete_all),
    RAW (raw_delete_all) },
  { "insert-bulk-sql", "insert %d rows in one transaction, by execute ()", FIRST_ROWS, BENCH_NO_BUDGET,
    IN_ONE (insert_by_sql), RAW (raw_insert), TRUE },
  { "insert-bulk-tuples", "insert %d rows in one transaction, both from tuples", FIRST_ROWS, 1.6,
    IN_ONE (insert_by_sql), RAW (raw_insert_tuple), TRUE },
  { "insert-single-tuples", "insert %d rows, a transaction each, both from tuples", FURTHER_ROWS, 1.5,
    BY_ITSELF (insert_by_sql), RAW (raw_insert_tuple) },
  { "update-single-tuples", "update a column of %d rows, a transaction each, both from tuples", SCATTERED_ROWS, 1.5,
    BY_ITSELF (update_by_sql), RAW (raw_update_tuple) },
  { "update-bulk-tuples", "update a column of %d rows in one transaction, both from tuples", FIRST_ROWS, 1.9,
    IN_ONE (update_by_sql), RAW (raw_update_tuple) },
  { "insert-bulk-batch", "insert %d rows in one transaction, by a DimpleBatch", FIRST_ROWS, BENCH_NO_BUDGET,
    { begin_batch, insert_by_batch, commit_batch }, RAW (raw_insert), TRUE },
  { "insert-bulk-objects", "insert %d rows in one transaction, by g_object_set () and save ()", FIRST_ROWS,
    BENCH_NO_BUDGET, IN_ONE (insert_object), RAW (raw_insert), TRUE },
};

static gboolean
is_bulk (const Workload *workload)
{
  return workload->rows == FIRST_ROWS || workload->rows == ONE_STATEMENT;
}

static int
count_rows (const Workload *workload)
{
  return is_bulk (workload) ? n_rows : n_single;
}

static guint
pick_row (Rows  rows,
          guint i)
{
  switch (rows)
    {
    case FURTHER_ROWS:
      return (guint) n_rows + i;
    case SCATTERED_ROWS:
      return i * 7919u % (guint) n_rows;
    default:
      return i;
    }
}

static void
take_step (Step   step,
           Sides *sides)
{
  if (step != NULL)
    step (sides);
}

static void
do_work (const Workload *workload,
         const Way      *way,
         Sides          *sides)
{
  guint n_writes = workload->rows == ONE_STATEMENT ? 1 : (guint) count_rows (workload);
  gboolean bulk = is_bulk (workload);

  for (guint i = 0; i < n_writes; i++)
    {
      if (!bulk || i == 0)
        take_step (way->begin, sides);
      way->write (sides, pick_row (workload->rows, i));
      if (!bulk || i == n_writes - 1)
        take_step (way->commit, sides);
    }
}

/* -- In turns ----------------------------------------------------------------------------------------------------- */

static void
take_turn (const Workload *workload,
           const Way      *way,
           Sides          *sides,
           BenchSeries    *series)
{
  sides->version++;
  bench_series_start (series);
  do_work (workload, way, sides);
  bench_series_stop (series);
}

static void
open_sides (Sides *sides)
{
  g_autofree char *tracked = bench_new_file ("tracked.db");
  g_autofree char *raw = bench_new_file ("raw.db");

  sides->store = bench_store_open (tracked, NULL);
  sides->raw = bench_raw_open (raw);
}

static void
close_sides (Sides *sides)
{
  if (sides->store == NULL)
    return;
  bench_store_close (g_steal_pointer (&sides->store));
  g_clear_pointer (&sides->raw, bench_raw_close);
}

static void
report (const Workload    *workload,
        const BenchSeries *measured,
        const BenchSeries *baseline)
{
  g_auto(GStrv) parts = g_strsplit (workload->title, "%d", 2);
  int n = count_rows (workload);
  g_autofree char *title = g_strdup_printf ("%s%d%s", parts[0], n, parts[1]);

  bench_report_ratio (workload->id, title, workload->budget, measured, baseline, n, "rows");
}

/* One that goes on with what others left needs them. */
static gboolean
is_needed (guint i)
{
  if (only == NULL)
    return TRUE;
  for (guint j = i; j < G_N_ELEMENTS (workloads) && (j == i || !workloads[j].afresh); j++)
    if (g_str_equal (workloads[j].id, only))
      return TRUE;
  return FALSE;
}

static void
run_round (BenchSeries *measured[],
           BenchSeries *baseline[])
{
  Sides sides = { NULL };

  for (guint i = 0; i < G_N_ELEMENTS (workloads); i++)
    {
      if (!is_needed (i))
        continue;
      if (workloads[i].afresh)
        {
          close_sides (&sides);
          open_sides (&sides);
        }
      take_turn (&workloads[i], &workloads[i].baseline, &sides, baseline[i]);
      take_turn (&workloads[i], &workloads[i].dimple, &sides, measured[i]);
    }
  close_sides (&sides);
}

int
main (int   argc,
      char *argv[])
{
  const GOptionEntry entries[] = {
    { "rows", 0, 0, G_OPTION_ARG_INT, &n_rows, "Rows in one transaction", "N" },
    { "single", 0, 0, G_OPTION_ARG_INT, &n_single, "Rows in a transaction each", "N" },
    { "only", 0, 0, G_OPTION_ARG_STRING, &only, "Only this workload, as --json names it", "ID" },
    { NULL }
  };
  BenchSeries *measured[G_N_ELEMENTS (workloads)], *baseline[G_N_ELEMENTS (workloads)];

  bench_init (&argc, &argv, "- writing through a store, against raw SQLite", entries);
  for (guint i = 0; i < G_N_ELEMENTS (workloads); i++)
    {
      measured[i] = bench_series_new ();
      baseline[i] = bench_series_new ();
    }
  /* The notes are made here, not by whoever asks for them first. */
  for (guint i = 0; i < (guint) (n_rows + n_single); i++)
    new_note (i);
  for (int round = 0; round < bench_get_n_rounds (); round++)
    run_round (measured, baseline);
  for (guint i = 0; i < G_N_ELEMENTS (workloads); i++)
    {
      if (only == NULL || g_str_equal (workloads[i].id, only))
        report (&workloads[i], measured[i], baseline[i]);
      bench_series_free (measured[i]);
      bench_series_free (baseline[i]);
    }
  return 0;
}
