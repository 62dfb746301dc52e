/* bench-growth.c: what 10,000 edits of one row leave in the database and in the bucket
 *
 * With and without a limit to the history, synced every 100 edits; and how many requests that took, and bytes.  The
 * baseline is the database and the bucket of the row before it was edited.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <dimple-test.h>
#include <glib/gstdio.h>

#include "bench-stores.h"
#include "bench.h"

static int n_edits = 10000;
static int n_a_sync = 100;

typedef struct
{
  gsize  n_objects;
  gsize  bucket;       /* bytes */
  gsize  database;     /* bytes */
} Size;

static DimpleStore *
open_store (const char *path,
            gint64      history_max_age)
{
  DimpleStore *store = bench_store_open (path, NULL);

  g_object_set (store, "history-max-age", history_max_age, NULL);
  return store;
}

static void
edit (DimpleStore *store,
      int          number)
{
  g_autofree char *title = g_strdup_printf ("The title after %d edits", number);

  bench_store_execute (store, "UPDATE note SET title = ?, modified = ?",
                       g_variant_new ("(sx)", title, (gint64) number));
}

static void
measure_bucket (DimpleStorage *storage,
                Size          *size)
{
  GError *error = NULL;
  g_auto(GStrv) keys = dimple_storage_list (storage, "changes/", "", NULL, &error);

  bench_check (keys != NULL, error);
  size->n_objects = g_strv_length (keys);
  size->bucket = 0;
  for (guint i = 0; keys[i] != NULL; i++)
    {
      g_autoptr(GBytes) contents = dimple_storage_get (storage, keys[i], NULL, &error);

      bench_check (contents != NULL, error);
      size->bucket += g_bytes_get_size (contents);
    }
}

static void
measure_file (const char *path,
              Size       *size)
{
  GStatBuf status;

  size->database = g_stat (path, &status) == 0 ? (gsize) status.st_size : 0;
}

/* Of the row as it is written first. */
static void
measure_one_row (Size *size)
{
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();
  g_autofree char *path = bench_new_file ("notes.db");
  DimpleStore *store = open_store (path, 0);

  bench_store_insert (store, 0);
  bench_store_sync (store, storage);
  measure_bucket (storage, size);
  bench_store_close (store);
  measure_file (path, size);
}

static void
report (const char *id,
        const char *title,
        double      value,
        const char *unit)
{
  bench_report_value (id, title, BENCH_NO_BUDGET, value, unit);
}

static void
measure (const char *name,
         gint64      history_max_age,
         const Size *one_row)
{
  g_autoptr(DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr(DimpleStorage) storage = dimple_test_storage_new (memory);
  g_autofree char *path = bench_new_file ("notes.db");
  g_autofree char *bucket_id = g_strconcat ("growth-bucket-", name, NULL);
  g_autofree char *database_id = g_strconcat ("growth-database-", name, NULL);
  g_autofree char *objects_id = g_strconcat ("growth-objects-", name, NULL);
  g_autofree char *requests_id = g_strconcat ("growth-requests-", name, NULL);
  g_autofree char *title = g_strdup_printf ("%d edits of a row, history %s: bucket against that of the row", n_edits,
                                            name);
  DimpleStore *store = open_store (path, history_max_age);
  guint n_syncs = 0;
  Size size;

  bench_store_insert (store, 0);
  bench_store_sync (store, storage);
  for (int i = 0; i < n_edits; i++)
    {
      edit (store, i);
      if ((i + 1) % n_a_sync == 0)
        {
          bench_store_sync (store, storage);
          n_syncs++;
        }
    }
  /* Removes what the last one replaced. */
  bench_store_sync (store, storage);
  measure_bucket (storage, &size);
  bench_store_close (store);
  measure_file (path, &size);

  report (bucket_id, title, (double) size.bucket / (double) one_row->bucket, "x");
  report (database_id, "  database, against that of the row", (double) size.database / (double) one_row->database, "x");
  report (objects_id, "  objects in the bucket", (double) size.n_objects, "");
  report (requests_id, "  requests of a sync of 100 edits",
          dimple_test_storage_get_n_requests (DIMPLE_TEST_STORAGE (storage)) / (double) MAX (n_syncs, 1), "requests");
}

/* The size of the object that one changed title makes. */
static void
measure_one_change (const Size *one_row)
{
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();
  DimpleStore *store = open_store (NULL, 0);
  Size before, after;

  bench_store_insert (store, 0);
  bench_store_sync (store, storage);
  measure_bucket (storage, &before);
  edit (store, 0);
  bench_store_sync (store, storage);
  measure_bucket (storage, &after);
  bench_store_close (store);
  report ("bytes-row", "one row in the bucket", (double) one_row->bucket, "bytes");
  report ("bytes-change", "one changed title in the bucket", (double) (after.bucket - before.bucket), "bytes");
}

int
main (int   argc,
      char *argv[])
{
  const GOptionEntry entries[] = {
    { "edits", 0, 0, G_OPTION_ARG_INT, &n_edits, "Edits of the row", "N" },
    { NULL }
  };
  Size one_row;

  bench_init (&argc, &argv, "- what edits leave behind", entries);
  measure_one_row (&one_row);
  measure_one_change (&one_row);
  measure ("kept", 0, &one_row);
  measure ("pruned", 1, &one_row);
  return 0;
}
