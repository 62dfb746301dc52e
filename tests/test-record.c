/* test-record.c: values in records come out as they went in, and equal values are equal bytes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "dimple-record-private.h"
#include "random-test.h"

static guint32 seed;

static sqlite3 *
open_memory (void)
{
  sqlite3 *db;

  g_assert_cmpint (sqlite3_open (":memory:", &db), ==, SQLITE_OK);
  return db;
}

static sqlite3_stmt *
prepare (sqlite3    *db,
         const char *sql)
{
  sqlite3_stmt *statement;

  g_assert_cmpint (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL), ==, SQLITE_OK);
  return statement;
}

/* A record with one value, packed and read again; bound to a statement, and packed again from there. */
static void
assert_round_trip (sqlite3_stmt      *echo,
                   const DimpleValue *value)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  g_autoptr(GByteArray) from_column = g_byte_array_new ();
  g_autoptr(GByteArray) from_value = g_byte_array_new ();
  DimpleValue read;

  dimple_record_append (record, value);
  g_assert_true (dimple_record_read (record->data, &read) == record->data + record->len);
  g_assert_true (dimple_record_skip (record->data, 1) == record->data + record->len);
  g_assert_true (dimple_value_equal (value, &read));

  g_assert_cmpint (dimple_value_bind (&read, echo, 1), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_step (echo), ==, SQLITE_ROW);
  dimple_record_append_column (from_column, echo, 0);
  dimple_record_append_sqlite (from_value, sqlite3_column_value (echo, 0));
  sqlite3_reset (echo);
  g_assert_cmpmem (from_column->data, from_column->len, record->data, record->len);
  g_assert_cmpmem (from_value->data, from_value->len, record->data, record->len);
}

static void
test_round_trip (void)
{
  static const gint64 integers[] = {
    0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, G_MAXINT32, G_MININT32,
    G_GINT64_CONSTANT (9007199254740993), G_MAXINT64, G_MININT64
  };
  static const double reals[] = { 0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, -2.5, INFINITY, -INFINITY };
  static const gsize sizes[] = { 0, 1, 127, 128, 16383, 16384, 300000 };
  sqlite3 *db = open_memory ();
  sqlite3_stmt *echo = prepare (db, "SELECT ?");
  g_autofree char *bytes = g_malloc (300000);

  for (guint i = 0; i < G_N_ELEMENTS (integers); i++)
    assert_round_trip (echo, &(DimpleValue) { .type = SQLITE_INTEGER, .integer = integers[i] });
  for (guint i = 0; i < G_N_ELEMENTS (reals); i++)
    assert_round_trip (echo, &(DimpleValue) { .type = SQLITE_FLOAT, .real = reals[i] });
  for (guint i = 0; i < 300000; i++)
    bytes[i] = (char) i;
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      assert_round_trip (echo, &(DimpleValue) { .type = SQLITE_BLOB, .bytes = bytes, .size = sizes[i] });
      assert_round_trip (echo, &(DimpleValue) { .type = SQLITE_TEXT, .bytes = bytes, .size = sizes[i] });
    }
  assert_round_trip (echo, &(DimpleValue) { .type = SQLITE_BLOB });
  assert_round_trip (echo, &(DimpleValue) { .type = SQLITE_TEXT });
  assert_round_trip (echo, &(DimpleValue) { .type = SQLITE_NULL });

  sqlite3_finalize (echo);
  sqlite3_close (db);
}

static void
test_pruned (void)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  sqlite3 *db = open_memory ();
  sqlite3_stmt *echo = prepare (db, "SELECT ?");
  DimpleValue value = { .type = DIMPLE_VALUE_PRUNED }, read;

  dimple_record_append (record, &value);
  dimple_record_append (record, &(DimpleValue) { .type = SQLITE_INTEGER, .integer = 7 });
  dimple_record_read (dimple_record_read (record->data, &value), &read);
  g_assert_cmpint (value.type, ==, DIMPLE_VALUE_PRUNED);
  g_assert_cmpint (read.integer, ==, 7);
  g_assert_cmpint (dimple_value_bind (&value, echo, 1), ==, SQLITE_MISUSE);

  sqlite3_finalize (echo);
  sqlite3_close (db);
}

static void
test_equal (void)
{
  const DimpleValue different[] = {
    { .type = SQLITE_NULL },
    { .type = SQLITE_INTEGER, .integer = 1 },
    { .type = SQLITE_INTEGER, .integer = -1 },
    { .type = SQLITE_FLOAT, .real = 1.0 },
    { .type = SQLITE_FLOAT, .real = 0.0 },
    { .type = SQLITE_FLOAT, .real = -0.0 },
    { .type = SQLITE_TEXT, .bytes = "", .size = 0 },
    { .type = SQLITE_TEXT, .bytes = "1", .size = 1 },
    { .type = SQLITE_TEXT, .bytes = "1\0", .size = 2 },
    { .type = SQLITE_BLOB, .bytes = "", .size = 0 },
    { .type = SQLITE_BLOB, .bytes = "1", .size = 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (different); i++)
    for (guint j = 0; j < G_N_ELEMENTS (different); j++)
      {
        g_autoptr(GByteArray) a = g_byte_array_new ();
        g_autoptr(GByteArray) b = g_byte_array_new ();

        dimple_record_append (a, &different[i]);
        dimple_record_append (b, &different[j]);
        g_assert_true (dimple_value_equal (&different[i], &different[j]) == (i == j));
        g_assert_true ((a->len == b->len && memcmp (a->data, b->data, a->len) == 0) == (i == j));
      }
}

/* A row of a table with every storage class, in a database of either encoding. */
static void
test_row (gconstpointer encoding)
{
  sqlite3 *db = open_memory ();
  sqlite3_stmt *select;
  g_autofree char *pragma = g_strdup_printf ("PRAGMA encoding = '%s'", (const char *) encoding);
  g_autoptr(GByteArray) record = g_byte_array_new ();
  const guint8 *position;
  DimpleValue value;

  g_assert_cmpint (sqlite3_exec (db, pragma, NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "CREATE TABLE t (a, b REAL, c TEXT, d, e);"
                                 "INSERT INTO t VALUES (-5, 2, 'gr\303\274n', zeroblob (3), NULL)", NULL, NULL, NULL),
                   ==, SQLITE_OK);
  select = prepare (db, "SELECT * FROM t");
  g_assert_cmpint (sqlite3_step (select), ==, SQLITE_ROW);
  for (int i = 0; i < 5; i++)
    dimple_record_append_column (record, select, i);
  sqlite3_finalize (select);

  position = dimple_record_read (record->data, &value);
  g_assert_cmpint (value.type, ==, SQLITE_INTEGER);
  g_assert_cmpint (value.integer, ==, -5);
  position = dimple_record_read (position, &value);
  g_assert_cmpint (value.type, ==, SQLITE_FLOAT);
  g_assert_cmpfloat (value.real, ==, 2.0);
  position = dimple_record_read (position, &value);
  g_assert_cmpint (value.type, ==, SQLITE_TEXT);
  g_assert_cmpmem (value.bytes, value.size, "gr\303\274n", 5);
  position = dimple_record_read (position, &value);
  g_assert_cmpint (value.type, ==, SQLITE_BLOB);
  g_assert_cmpmem (value.bytes, value.size, "\0\0\0", 3);
  position = dimple_record_read (position, &value);
  g_assert_cmpint (value.type, ==, SQLITE_NULL);
  g_assert_true (position == record->data + record->len);
  g_assert_true (dimple_record_skip (record->data, 5) == position);

  sqlite3_close (db);
}

static void
test_random (void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (seed);
  char bytes[40];

  for (int round = 0; round < 2000; round++)
    {
      g_autoptr(GByteArray) record = g_byte_array_new ();
      DimpleValue values[8], read;
      guint n = g_rand_int_range (random, 0, 9);
      const guint8 *position;

      for (guint i = 0; i < sizeof bytes; i++)
        bytes[i] = (char) g_rand_int (random);
      for (guint i = 0; i < n; i++)
        {
          values[i] = (DimpleValue) { .type = g_rand_int_range (random, SQLITE_INTEGER, SQLITE_NULL + 1) };
          values[i].integer = (gint64) ((guint64) g_rand_int (random) << 32 | g_rand_int (random))
                              >> g_rand_int_range (random, 0, 64);
          values[i].real = g_rand_double_range (random, -1e9, 1e9);
          values[i].bytes = bytes;
          values[i].size = g_rand_int_range (random, 0, sizeof bytes);
          dimple_record_append (record, &values[i]);
        }

      position = record->data;
      for (guint i = 0; i < n; i++)
        {
          g_assert_true (dimple_record_skip (record->data, i) == position);
          position = dimple_record_read (position, &read);
          g_assert_true (dimple_value_equal (&values[i], &read));
        }
      g_assert_true (position == record->data + record->len);
    }
}

int
main (int   argc,
      char *argv[])
{
  seed = take_option (&argc, argv, "--seed", g_random_int ());
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_message ("--seed=%u", seed);

  g_test_add_func ("/record/round-trip", test_round_trip);
  g_test_add_func ("/record/pruned", test_pruned);
  g_test_add_func ("/record/equal", test_equal);
  g_test_add_data_func ("/record/row/utf-8", "UTF-8", test_row);
  g_test_add_data_func ("/record/row/utf-16", "UTF-16le", test_row);
  g_test_add_func ("/record/random", test_random);

  return g_test_run ();
}
