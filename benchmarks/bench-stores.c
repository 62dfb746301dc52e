/* bench-stores.c: stores with the notes that benchmarks write
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "bench-stores.h"

#include "bench.h"

DimpleStore *
bench_store_open (const char         *path,
                  const char * const *migrations)
{
  static const char * const notes[] = { BENCH_NOTES_SCHEMA, NULL };
  GError *error = NULL;
  DimpleStore *store = dimple_store_open (path, &error);

  bench_check (store != NULL, error);
  bench_check (dimple_store_migrate (store, migrations != NULL ? migrations : notes, &error), error);
  return store;
}

void
bench_store_close (DimpleStore *store)
{
  GError *error = NULL;

  bench_check (dimple_store_close (store, &error), error);
  g_object_unref (store);
}

void
bench_store_execute (DimpleStore *store,
                     const char  *sql,
                     GVariant    *parameters)
{
  GError *error = NULL;

  bench_check (dimple_store_execute (store, sql, parameters, &error), error);
}

void
bench_store_insert (DimpleStore *store,
                    guint        number)
{
  BenchNote note;

  bench_note_fill (&note, number);
  bench_store_execute (store, BENCH_INSERT, bench_note_to_tuple (&note));
}

void
bench_store_sync (DimpleStore   *store,
                  DimpleStorage *storage)
{
  g_autoptr(DimpleSyncClient) client = dimple_sync_client_new (store, storage);
  GError *error = NULL;

  bench_check (dimple_sync_client_sync (client, NULL, &error), error);
}
