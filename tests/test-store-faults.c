/* test-store-faults.c: a disk that fails at any moment, memory that runs out at any moment, and power cuts
 *
 * Whatever fails: a call says so by a clear error, what was reported as committed is there afterwards, whole, and the
 * history tells of all of it: another device that syncs has the same tables.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "devices.h"
#include "fragile-disk.h"
#include "random-test.h"

#define N_TRANSACTIONS 6

/* There are some 10,000 allocations; each one in turn takes a minute. */
#define ALLOCATION_STEP 13

static guint seed;

/* -- What is done -------------------------------------------------------------------------------------------------- */

/* The statements of transaction `i`. */
static char **
make_statements (guint i)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *insert = NULL, *update = NULL, *remove = NULL, *replace = NULL;

  insert = g_strdup_printf ("INSERT INTO note VALUES ('k%u', 'title %u', hex (zeroblob (300)))", i, i);
  update = g_strdup_printf ("UPDATE note SET title = title || ', again' WHERE key >= 'k%u'", i / 2);
  remove = g_strdup_printf ("DELETE FROM note WHERE key = 'k%u'", i - MIN (i, 3));
  replace = g_strdup_printf ("INSERT OR REPLACE INTO tag VALUES ('k', 't%u', 'color %u')", i % 2, i);
  g_strv_builder_add_many (builder, insert, update, remove, replace, NULL);
  return g_strv_builder_end (builder);
}

static gboolean
run_transaction (DimpleStore  *store,
                 guint         i,
                 gboolean     *reached_commit,
                 GError      **error)
{
  g_auto(GStrv) statements = make_statements (i);

  *reached_commit = FALSE;
  if (!dimple_store_begin (store, error))
    return FALSE;
  for (guint s = 0; statements[s] != NULL; s++)
    {
      if (!dimple_store_execute (store, statements[s], NULL, error))
        {
          dimple_store_rollback (store, NULL);
          return FALSE;
        }
    }
  *reached_commit = TRUE;
  return dimple_store_commit (store, error);
}

static int
append_row (gpointer   text,
            int        n_columns,
            char     **values,
            char     **names)
{
  for (int c = 0; c < n_columns; c++)
    g_string_append_printf (text, "%s|", values[c]);
  g_string_append_c (text, '\n');
  return 0;
}

/* What the tables hold if just these transactions took place. */
static char *
dump_expected (guint done)
{
  g_autoptr(GString) text = g_string_new (NULL);
  sqlite3 *handle;

  g_assert_cmpint (sqlite3_open (":memory:", &handle), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (handle, device_migrations[0], NULL, NULL, NULL), ==, SQLITE_OK);
  for (guint i = 0; i < 32; i++)
    {
      g_auto(GStrv) statements = make_statements (i);

      if (!(done & (1u << i)))
        continue;
      for (guint s = 0; statements[s] != NULL; s++)
        g_assert_cmpint (sqlite3_exec (handle, statements[s], NULL, NULL, NULL), ==, SQLITE_OK);
    }
  sqlite3_exec (handle, "SELECT * FROM note ORDER BY key; SELECT * FROM tag ORDER BY note, name", append_row, text,
                NULL);
  sqlite3_close (handle);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
dump_store (DimpleStore *store)
{
  g_autoptr(GString) text = g_string_new (NULL);
  g_autoptr(GError) error = NULL;
  DimpleConnection *reader = dimple_store_acquire_reader (store, &error);

  g_assert_no_error (error);
  sqlite3_exec (dimple_connection_get_handle (reader),
                "SELECT * FROM note ORDER BY key; SELECT * FROM tag ORDER BY note, name", append_row, text, NULL);
  dimple_store_release_reader (store, reader);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* The file is sound, and another device gets from its history what its tables show. */
static void
assert_sound (Device *device)
{
  g_autoptr(Device) other = device_new (NULL, NULL);
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();
  g_autofree char *integrity = device_select (device, "PRAGMA integrity_check");
  g_autofree char *tables = dump_store (device->store);
  g_autofree char *other_tables = NULL;

  g_assert_cmpstr (integrity, ==, "ok");
  dimple_sync_client_add_storage (device->client, storage);
  dimple_sync_client_add_storage (other->client, storage);
  device_sync (device);
  device_sync (other);
  other_tables = dump_store (other->store);
  g_assert_cmpstr (other_tables, ==, tables);
}

/* -- The disk or the memory fails ---------------------------------------------------------------------------------- */

static void
assert_clear (const GError *error)
{
  g_assert_nonnull (error);
  g_assert_true (error->domain == DIMPLE_ERROR);
  g_assert_cmpint (error->code, !=, DIMPLE_ERROR_SQL);
  g_assert_cmpint (error->code, !=, DIMPLE_ERROR_NOT_A_DATABASE);
  g_assert_cmpint (strlen (error->message), >, 10);
}

typedef struct
{
  guint done;      /* the transactions that were reported as committed */
  guint in_doubt;  /* (0 or one) the last one, whose COMMIT has failed: an error cannot say what got to the disk */
} Outcome;

static Outcome
work (const char *path)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStore) store = dimple_store_open (path, &error);
  Outcome outcome = { 0, 0 };

  if (store == NULL || !dimple_store_migrate (store, device_migrations, &error))
    {
      assert_clear (error);
      return outcome;
    }
  for (guint i = 0; i < N_TRANSACTIONS; i++)
    {
      gboolean reached_commit;

      if (run_transaction (store, i, &reached_commit, &error))
        {
          outcome.done |= 1u << i;
          outcome.in_doubt = 0;
          continue;
        }
      assert_clear (error);
      g_clear_error (&error);
      if (reached_commit)
        outcome.in_doubt = 1u << i;
    }
  if (!dimple_store_close (store, &error))
    assert_clear (error);
  return outcome;
}

static void
assert_outcome (const char *path,
                Outcome     outcome,
                guint       n)
{
  g_autoptr(Device) device = device_new (path, NULL);
  g_autofree char *tables = dump_store (device->store);
  g_autofree char *without = dump_expected (outcome.done);
  g_autofree char *with = dump_expected (outcome.done | outcome.in_doubt);

  if (!g_str_equal (tables, with) && !g_str_equal (tables, without))
    g_error ("After a fault at operation %u, transactions %x done, %x in doubt, the tables are\n%s\nand not\n%s",
             n, outcome.done, outcome.in_doubt, tables, without);
  assert_sound (device);
}

static void
remove_files (const char *path)
{
  const char * const suffixes[] = { "", "-wal", "-shm" };

  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *file = g_strconcat (path, suffixes[i], NULL);

      g_unlink (file);
      disk_forget (file);
    }
}

static void
check_disk (gboolean stays_broken,
            int      result,
            guint    step)
{
  g_autofree char *folder = g_dir_make_tmp ("dimple-faults-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "notes.db", NULL);
  gboolean failed = TRUE;
  guint n;

  for (n = 0; failed; n += step)
    {
      Outcome outcome;

      disk_fail_at (n, stays_broken, result);
      outcome = work (path);
      failed = disk_has_failed ();
      disk_heal ();
      assert_outcome (path, outcome, n);
      remove_files (path);
    }
  g_test_message ("%u operations were made to fail", n / step);
  g_assert_cmpuint (n / step, >, 100 / step);
  g_rmdir (folder);
}

static void
test_disk_once (void)
{
  check_disk (FALSE, SQLITE_IOERR_WRITE, 1);
}

static void
test_disk_for_good (void)
{
  check_disk (TRUE, SQLITE_IOERR_WRITE, 3);
}

static void
test_disk_full (void)
{
  check_disk (TRUE, SQLITE_FULL, 3);
}

/* -- Memory -------------------------------------------------------------------------------------------------------- */

static struct
{
  sqlite3_mem_methods real;
  int                 n;        /* atomic: since counting began */
  int                 fail_at;  /* atomic: -1: none */
} memory = { .fail_at = -1 };

static gboolean
memory_fails (void)
{
  return g_atomic_int_add (&memory.n, 1) == g_atomic_int_get (&memory.fail_at);
}

static void *
memory_allocate (int size)
{
  return memory_fails () ? NULL : memory.real.xMalloc (size);
}

static void *
memory_reallocate (void *block,
                   int   size)
{
  return memory_fails () ? NULL : memory.real.xRealloc (block, size);
}

/* Before SQLite is used at all. */
static void
memory_install (void)
{
  sqlite3_mem_methods methods;

  g_assert_cmpint (sqlite3_config (SQLITE_CONFIG_GETMALLOC, &memory.real), ==, SQLITE_OK);
  methods = memory.real;
  methods.xMalloc = memory_allocate;
  methods.xRealloc = memory_reallocate;
  g_assert_cmpint (sqlite3_config (SQLITE_CONFIG_MALLOC, &methods), ==, SQLITE_OK);
}

static void
test_memory (void)
{
  g_autofree char *folder = g_dir_make_tmp ("dimple-faults-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "notes.db", NULL);
  gboolean failed = TRUE;
  int n;

  for (n = 0; failed; n += ALLOCATION_STEP)
    {
      Outcome outcome;

      g_atomic_int_set (&memory.n, 0);
      g_atomic_int_set (&memory.fail_at, n);
      outcome = work (path);
      failed = g_atomic_int_get (&memory.n) > n;
      g_atomic_int_set (&memory.fail_at, -1);
      assert_outcome (path, outcome, (guint) n);
      remove_files (path);
    }
  g_test_message ("%d allocations were made to fail", n / ALLOCATION_STEP);
  g_assert_cmpint (n / ALLOCATION_STEP, >, 100);
  g_rmdir (folder);
}

/* -- Power --------------------------------------------------------------------------------------------------------- */

/* How many transactions a copy holds: always the first so many, as if the others had never begun. */
static guint
count_survivors (const char *path,
                 guint       n_committed)
{
  g_autoptr(Device) device = device_new (path, NULL);
  g_autofree char *tables = dump_store (device->store);

  assert_sound (device);
  for (guint n = 0; n <= n_committed; n++)
    {
      g_autofree char *expected = dump_expected ((1u << n) - 1);

      if (g_str_equal (tables, expected))
        return n;
    }
  g_error ("--seed=%u: a power cut after %u transactions left\n%s", seed, n_committed, tables);
}

static void
check_power_cut (const char *folder,
                 GRand      *rand,
                 guint       n_committed,
                 guint       n_synced)
{
  g_autofree char *left = g_dir_make_tmp ("dimple-power-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (left, "notes.db", NULL);

  disk_cut_power (folder, left, rand);
  g_assert_cmpuint (count_survivors (path, n_committed), >=, n_synced);
  remove_files (path);
  g_rmdir (left);
}

/* At most the last second is lost: nothing of what was synced to the disk, and nothing in part. */
static void
test_power_cut (void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed (seed);

  for (guint round = 0; round < 20; round++)
    {
      g_autofree char *folder = g_dir_make_tmp ("dimple-power-XXXXXX", NULL);
      g_autofree char *path = g_build_filename (folder, "notes.db", NULL);
      g_autoptr(Device) device = device_new (path, NULL);
      g_autoptr(GError) error = NULL;
      guint n_synced = 0;

      g_assert_true (dimple_store_sync_to_disk (device->store, &error));
      for (guint i = 0; i < 12; i++)
        {
          gboolean reached_commit;

          run_transaction (device->store, i, &reached_commit, &error);
          g_assert_no_error (error);
          if (g_rand_int_range (rand, 0, 4) == 0)
            {
              g_assert_true (dimple_store_sync_to_disk (device->store, &error));
              n_synced = i + 1;
            }
          if (g_rand_int_range (rand, 0, 3) == 0)
            check_power_cut (folder, rand, i + 1, n_synced);
        }
      g_clear_pointer (&device, device_free);
      /* Closed, all of it is in the file and on the disk. */
      check_power_cut (folder, rand, 12, 12);
      remove_files (path);
      g_rmdir (folder);
    }
}

/* A store that nobody asks to sync does so by itself, soon after a burst. */
static void
test_synced_after_burst (void)
{
  g_autofree char *folder = g_dir_make_tmp ("dimple-power-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "notes.db", NULL);
  g_autoptr(Device) device = device_new (path, NULL);
  g_autoptr(GError) error = NULL;
  gboolean reached_commit;

  for (guint i = 0; i < 3; i++)
    g_assert_true (run_transaction (device->store, i, &reached_commit, &error));
  g_assert_true (disk_has_unsynced_wal ());
  while (disk_has_unsynced_wal ())
    g_usleep (10 * 1000);
  g_clear_pointer (&device, device_free);
  remove_files (path);
  g_rmdir (folder);
}

int
main (int    argc,
      char **argv)
{
  seed = take_option (&argc, argv, "--seed", (guint) g_get_real_time ());
  memory_install ();
  disk_install ();
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_message ("--seed=%u", seed);

  g_test_add_func ("/store-faults/disk-once", test_disk_once);
  g_test_add_func ("/store-faults/disk-for-good", test_disk_for_good);
  g_test_add_func ("/store-faults/disk-full", test_disk_full);
  g_test_add_func ("/store-faults/memory", test_memory);
  g_test_add_func ("/store-faults/power-cut", test_power_cut);
  g_test_add_func ("/store-faults/synced-after-burst", test_synced_after_burst);
  return g_test_run ();
}
