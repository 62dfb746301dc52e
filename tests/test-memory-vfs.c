/* test-memory-vfs.c: databases in the heap: snapshots, threads, no space, and nothing left behind
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <sqlite3.h>
#include <string.h>

#include "dimple-memory-vfs-private.h"
#include "random-test.h"

static guint32 seed;

static sqlite3 *
open_database (const char *name)
{
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open_v2 (name, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                    dimple_memory_vfs_get_name ()), ==, SQLITE_OK);
  sqlite3_busy_timeout (db, 60000);
  return db;
}

static void
exec (sqlite3    *db,
      const char *sql)
{
  if (sqlite3_exec (db, sql, NULL, NULL, NULL) != SQLITE_OK)
    g_error ("%s: %s", sql, sqlite3_errmsg (db));
}

/* The first column of the first row, as text; free with g_free(). */
static char *
query (sqlite3    *db,
       const char *sql)
{
  sqlite3_stmt *statement = NULL;
  char *text = NULL;

  if (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL) != SQLITE_OK || sqlite3_step (statement) != SQLITE_ROW)
    g_error ("%s: %s", sql, sqlite3_errmsg (db));
  text = g_strdup ((const char *) sqlite3_column_text (statement, 0));
  sqlite3_finalize (statement);
  return text;
}

static void
assert_query (sqlite3    *db,
              const char *sql,
              const char *expected)
{
  g_autofree char *text = query (db, sql);

  g_assert_cmpstr (text, ==, expected);
}

static void
assert_nothing_left (void)
{
  g_assert_cmpuint (dimple_memory_vfs_get_n_files (), ==, 0);
  g_assert_cmpuint (dimple_memory_vfs_get_size (), ==, 0);
}

/* Two connections see one database, two names are two, and each is gone with its last connection. */
static void
test_life (gconstpointer journal_mode)
{
  g_autofree char *pragma = g_strdup_printf ("PRAGMA journal_mode = %s", (const char *) journal_mode);
  sqlite3 *a = open_database ("one"), *b, *other, *missing = NULL;

  assert_query (a, pragma, journal_mode);
  exec (a, "CREATE TABLE t (v); INSERT INTO t VALUES (1), (2), (3)");
  b = open_database ("one");
  other = open_database ("other");
  assert_query (b, "SELECT count(*) FROM t", "3");
  exec (b, "DELETE FROM t WHERE v = 2");
  assert_query (a, "SELECT group_concat (v) FROM t", "1,3");
  assert_query (other, "SELECT count (*) FROM sqlite_schema", "0");
  g_assert_cmpint (sqlite3_open_v2 ("missing", &missing, SQLITE_OPEN_READWRITE, dimple_memory_vfs_get_name ()),
                   ==, SQLITE_CANTOPEN);
  sqlite3_close (missing);

  g_assert_cmpint (sqlite3_close (a), ==, SQLITE_OK);
  assert_query (b, "SELECT group_concat (v) FROM t", "1,3");
  g_assert_cmpint (sqlite3_close (b), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_close (other), ==, SQLITE_OK);
  assert_nothing_left ();

  a = open_database ("one");
  assert_query (a, "SELECT count (*) FROM sqlite_schema", "0");
  sqlite3_close (a);
  assert_nothing_left ();
}

/* A reader keeps what it began with, while the writer commits, checkpoints and truncates. */
static void
test_snapshot (void)
{
  sqlite3 *writer = open_database ("store"), *reader;

  exec (writer, "PRAGMA journal_mode = WAL; CREATE TABLE t (v); INSERT INTO t VALUES (1)");
  reader = open_database ("store");
  exec (reader, "BEGIN");
  assert_query (reader, "SELECT count (*) FROM t", "1");

  exec (writer, "BEGIN IMMEDIATE; INSERT INTO t VALUES (2)");
  assert_query (reader, "SELECT count (*) FROM t", "1");
  exec (writer, "COMMIT; INSERT INTO t SELECT zeroblob (10000) FROM t; PRAGMA wal_checkpoint");
  assert_query (reader, "SELECT count (*) FROM t", "1");
  exec (reader, "COMMIT");
  assert_query (reader, "SELECT count (*) FROM t", "4");
  exec (writer, "DELETE FROM t; VACUUM; PRAGMA wal_checkpoint (TRUNCATE)");
  assert_query (reader, "SELECT count (*) FROM t", "0");

  /* One writer at a time */
  exec (writer, "BEGIN IMMEDIATE");
  sqlite3_busy_timeout (reader, 0);
  g_assert_cmpint (sqlite3_exec (reader, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_BUSY);
  exec (writer, "ROLLBACK");
  exec (reader, "BEGIN IMMEDIATE; ROLLBACK");

  /* The reader goes last: the side files are not removed by who wrote them. */
  sqlite3_close (writer);
  sqlite3_close (reader);
  assert_nothing_left ();
}

/* -- Threads ------------------------------------------------------------------------------------------------------- */

static gint stopped;

static gpointer
read_snapshots (gpointer data)
{
  sqlite3 *db = open_database ("threads");
  guint n = 0;

  while (!g_atomic_int_get (&stopped) || n == 0)
    {
      g_autofree char *first = NULL, *second = NULL;

      exec (db, "BEGIN");
      first = query (db, "SELECT count (*) || ' ' || coalesce (sum (v), 0) || ' ' || coalesce (max (v), 0) FROM t");
      g_usleep (100);
      second = query (db, "SELECT count (*) || ' ' || coalesce (sum (v), 0) || ' ' || coalesce (max (v), 0) FROM t");
      g_assert_cmpstr (first, ==, second);
      exec (db, "COMMIT");
      n++;
    }
  sqlite3_close (db);
  return GUINT_TO_POINTER (n);
}

static void
test_readers (void)
{
  sqlite3 *db = open_database ("threads");
  GThread *readers[3];

  exec (db, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 20; CREATE TABLE t (v, filler)");
  g_atomic_int_set (&stopped, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    readers[i] = g_thread_new ("reader", read_snapshots, NULL);
  for (guint i = 0; i < 1500; i++)
    {
      g_autofree char *sql = g_strdup_printf ("INSERT INTO t VALUES (%u, zeroblob (%u))", i, i * 7 % 3000);

      exec (db, sql);
      if (i % 100 == 99)
        exec (db, "DELETE FROM t WHERE v % 3 = 0");
    }
  g_atomic_int_set (&stopped, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    g_assert_cmpuint (GPOINTER_TO_UINT (g_thread_join (readers[i])), >, 0);
  assert_query (db, "SELECT count (*) FROM t", "1000");
  assert_query (db, "PRAGMA integrity_check", "ok");
  sqlite3_close (db);
  assert_nothing_left ();
}

/* Adds and takes away such that the sum of all balances stays; checks that it does. */
static gpointer
transfer (gpointer data)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (seed + GPOINTER_TO_UINT (data));
  sqlite3 *db = open_database ("bank");

  for (guint i = 0; i < 200; i++)
    {
      int from = g_rand_int_range (random, 0, 50), to = g_rand_int_range (random, 0, 50);
      int amount = g_rand_int_range (random, 1, 100);
      g_autofree char *sql =
        g_strdup_printf ("BEGIN IMMEDIATE;"
                         "UPDATE account SET balance = balance - %d, note = zeroblob (%d) WHERE id = %d;"
                         "UPDATE account SET balance = balance + %d WHERE id = %d; %s",
                         amount, g_rand_int_range (random, 0, 9000), from, amount, to,
                         g_rand_int_range (random, 0, 5) == 0 ? "ROLLBACK" : "COMMIT");

      switch (g_rand_int_range (random, 0, 12))
        {
        case 0:
          exec (db, "PRAGMA wal_checkpoint (PASSIVE)");
          break;
        case 1:
          exec (db, "CREATE TEMP TABLE IF NOT EXISTS scratch (v); INSERT INTO scratch SELECT note FROM account;"
                    "DELETE FROM scratch");
          break;
        case 2:
          sqlite3_close (db);
          db = open_database ("bank");
          break;
        default:
          exec (db, sql);
          break;
        }
      assert_query (db, "SELECT sum (balance) FROM account", "0");
    }
  sqlite3_close (db);
  return NULL;
}

static void
test_threads (void)
{
  sqlite3 *db = open_database ("bank");
  GThread *threads[4];

  exec (db, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 50;"
            "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER, note);"
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49)"
            "  INSERT INTO account SELECT i, 0, NULL FROM n");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("transfer", transfer, GUINT_TO_POINTER (i));
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  assert_query (db, "PRAGMA integrity_check", "ok");
  assert_query (db, "SELECT count (*) || ' ' || sum (balance) FROM account", "50 0");
  sqlite3_close (db);
  assert_nothing_left ();
}

/* -- Edges --------------------------------------------------------------------------------------------------------- */

/* With no space left a statement fails, the transaction can be rolled back, and what was there still is. */
static void
test_full (gconstpointer journal_mode)
{
  g_autofree char *pragma = g_strdup_printf ("PRAGMA journal_mode = %s", (const char *) journal_mode);
  sqlite3 *db = open_database ("full");
  int result;

  exec (db, pragma);
  exec (db, "PRAGMA cache_size = 10; CREATE TABLE t (v); INSERT INTO t VALUES (zeroblob (100000))");
  dimple_memory_vfs_set_limit (2000000);
  result = sqlite3_exec (db, "BEGIN; INSERT INTO t VALUES (zeroblob (1000000)), (zeroblob (3000000)); COMMIT",
                         NULL, NULL, NULL);
  g_assert_cmpint (result, ==, SQLITE_FULL);
  if (!sqlite3_get_autocommit (db))
    exec (db, "ROLLBACK");
  dimple_memory_vfs_set_limit (G_MAXSIZE);

  assert_query (db, "SELECT count (*) || ' ' || sum (length (v)) FROM t", "1 100000");
  assert_query (db, "PRAGMA integrity_check", "ok");
  exec (db, "INSERT INTO t VALUES (zeroblob (3000000))");
  sqlite3_close (db);
  assert_nothing_left ();
}

/* Sorting, temporary tables and big statements use files without names. */
static void
test_temporary (void)
{
  sqlite3 *db = open_database ("temporary");

  exec (db, "PRAGMA temp_store = FILE; PRAGMA cache_size = 5; PRAGMA journal_mode = WAL; CREATE TABLE t (v);"
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
            "  INSERT INTO t SELECT (i * 7919 % 20011) || hex (zeroblob (50)) FROM n;"
            "CREATE TEMP TABLE u AS SELECT * FROM t; UPDATE u SET v = v || v; CREATE INDEX temp.i ON u (v)");
  assert_query (db, "SELECT count (DISTINCT v) FROM u", "20000");
  g_assert_cmpuint (dimple_memory_vfs_get_n_files (), >, 3);
  sqlite3_close (db);
  assert_nothing_left ();
}

/* The bytes of files themselves, without a database around them */
static void
test_bytes (void)
{
  sqlite3_vfs *vfs = sqlite3_vfs_find (dimple_memory_vfs_get_name ());
  g_autofree sqlite3_file *file = g_malloc0 ((gsize) vfs->szOsFile);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB;
  g_autofree guint8 *mirror = g_malloc0 (400000), *read = g_malloc0 (400000), *random_bytes = g_malloc (100000);
  g_autoptr(GRand) random = g_rand_new_with_seed (seed);
  sqlite3_int64 size = 0, told;
  int exists;

  for (guint i = 0; i < 100000; i++)
    random_bytes[i] = (guint8) g_rand_int (random);
  g_assert_cmpint (vfs->xAccess (vfs, "bytes", SQLITE_ACCESS_EXISTS, &exists), ==, SQLITE_OK);
  g_assert_false (exists);
  g_assert_cmpint (vfs->xOpen (vfs, "bytes", file, flags, NULL), ==, SQLITE_OK);
  g_assert_cmpint (vfs->xAccess (vfs, "bytes", SQLITE_ACCESS_EXISTS, &exists), ==, SQLITE_OK);
  g_assert_true (exists);

  for (guint i = 0; i < 3000; i++)
    {
      int offset = g_rand_int_range (random, 0, 300000), amount = g_rand_int_range (random, 0, 100000);

      switch (g_rand_int_range (random, 0, 5))
        {
        case 0:
          g_assert_cmpint (file->pMethods->xTruncate (file, MIN (offset, size)), ==, SQLITE_OK);
          size = MIN (offset, size);
          memset (mirror + size, 0, (gsize) (400000 - size));
          break;
        case 1:
        case 2:
          amount /= 20;
          g_assert_cmpint (file->pMethods->xWrite (file, random_bytes + i, amount, offset), ==, SQLITE_OK);
          memcpy (mirror + offset, random_bytes + i, (gsize) amount);
          size = MAX (size, offset + amount);
          break;
        default:
          memset (read, 0xff, (gsize) amount);
          g_assert_cmpint (file->pMethods->xRead (file, read, amount, offset), ==,
                           offset + amount <= size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ);
          g_assert_cmpmem (read, amount, mirror + offset, amount);
          break;
        }
      g_assert_cmpint (file->pMethods->xFileSize (file, &told), ==, SQLITE_OK);
      g_assert_cmpint (told, ==, size);
    }

  /* Deleted while open, as in Unix: it stays until it is closed, and the name is free. */
  g_assert_cmpint (vfs->xDelete (vfs, "bytes", FALSE), ==, SQLITE_OK);
  g_assert_cmpint (vfs->xDelete (vfs, "bytes", FALSE), ==, SQLITE_IOERR_DELETE_NOENT);
  g_assert_cmpint (vfs->xAccess (vfs, "bytes", SQLITE_ACCESS_EXISTS, &exists), ==, SQLITE_OK);
  g_assert_false (exists);
  g_assert_cmpint (file->pMethods->xFileSize (file, &told), ==, SQLITE_OK);
  g_assert_cmpint (told, ==, size);
  file->pMethods->xClose (file);
  assert_nothing_left ();
}

static void
test_names (void)
{
  g_autofree char *long_name = g_strnfill (2000, 'x');
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open_v2 (long_name, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                    dimple_memory_vfs_get_name ()), ==, SQLITE_CANTOPEN);
  sqlite3_close (db);
  assert_nothing_left ();
}

int
main (int   argc,
      char *argv[])
{
  seed = take_option (&argc, argv, "--seed", g_random_int ());
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_message ("--seed=%u", seed);

  g_test_add_data_func ("/memory-vfs/life/wal", "wal", test_life);
  g_test_add_data_func ("/memory-vfs/life/delete", "delete", test_life);
  g_test_add_data_func ("/memory-vfs/life/truncate", "truncate", test_life);
  g_test_add_func ("/memory-vfs/snapshot", test_snapshot);
  g_test_add_func ("/memory-vfs/readers", test_readers);
  g_test_add_func ("/memory-vfs/threads", test_threads);
  g_test_add_data_func ("/memory-vfs/full/wal", "wal", test_full);
  g_test_add_data_func ("/memory-vfs/full/delete", "delete", test_full);
  g_test_add_func ("/memory-vfs/temporary", test_temporary);
  g_test_add_func ("/memory-vfs/bytes", test_bytes);
  g_test_add_func ("/memory-vfs/names", test_names);

  return g_test_run ();
}
