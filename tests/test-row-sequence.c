/* test-row-sequence.c: sort keys against SQLite's ORDER BY, the sequence of rows against a sorted array
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-row-sequence-private.h"
#include "dimple-sort-key-private.h"

#include <malloc.h>
#include <string.h>

/* -- Sort keys ----------------------------------------------------------------------------------------------------- */

static const char * const values[] = {
  "NULL", "0", "-0.0", "1", "-1", "1.5", "-1.5", "1e300", "-1e300", "9e999", "-9e999", "0.1", "1e-300",
  "9223372036854775807", "9223372036854775806", "9223372036854775295", "-9223372036854775808", "-9223372036854775807",
  "9223372036854775807.0", "9007199254740991", "9007199254740992", "9007199254740993", "9007199254740992.0",
  "-9007199254740993", "9007199254740995", "9007199254740994.0",
  "''", "'a'", "'A'", "'b'", "'B'", "'aa'", "'a '", "'a  '", "' '", "'ab'", "'Ab '", "'ä'", "'Ä'", "'z'", "'_'", "'['",
  "CAST (x'61' AS TEXT)", "CAST (x'6100' AS TEXT)", "CAST (x'610061' AS TEXT)", "CAST (x'610062' AS TEXT)",
  "CAST (x'6101' AS TEXT)", "CAST (x'00' AS TEXT)", "CAST (x'ff' AS TEXT)", "CAST (x'61ff' AS TEXT)",
  "x''", "x'00'", "x'0000'", "x'61'", "x'6100'", "x'ff'", "x'00ff'", "x'0001'",
};

static void
check_order (sqlite3              *db,
             const char           *sql,
             const DimpleSortTerm *terms)
{
  g_autoptr(GByteArray) previous = g_byte_array_new ();
  sqlite3_stmt *statement = NULL;
  gint64 previous_group = 0;
  guint n_rows = 0;

  g_assert_cmpint (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL), ==, SQLITE_OK);
  while (sqlite3_step (statement) == SQLITE_ROW)
    {
      g_autoptr(GByteArray) key = g_byte_array_new ();
      int order, expected;

      for (int i = 0; i < 2; i++)
        {
          DimpleValue value;

          dimple_value_from_column (&value, statement, i);
          dimple_sort_key_append (key, &terms[i], &value);
        }
      /* Rows that SQLite finds equal are of one group. */
      order = dimple_sort_key_compare (previous->data, previous->len, key->data, key->len);
      expected = sqlite3_column_int64 (statement, 2) > previous_group ? -1 : 0;
      if ((order > 0) - (order < 0) != expected)
        g_error ("%s: row %u compares as %d, not %d", sql, n_rows, order, expected);
      previous_group = sqlite3_column_int64 (statement, 2);
      g_byte_array_set_size (previous, 0);
      g_byte_array_append (previous, key->data, key->len);
      n_rows++;
    }
  g_assert_cmpuint (n_rows, ==, G_N_ELEMENTS (values) * G_N_ELEMENTS (values));
  sqlite3_finalize (statement);
}

static void
test_sort_keys (void)
{
  static const char * const collations[] = { "BINARY", "NOCASE", "RTRIM" };
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open (":memory:", &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "CREATE TABLE v (x)", NULL, NULL, NULL), ==, SQLITE_OK);
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autofree char *sql = g_strdup_printf ("INSERT INTO v VALUES (%s)", values[i]);

      g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
    }
  for (guint c = 0; c < G_N_ELEMENTS (collations) * 8; c++)
    {
      DimpleSortTerm terms[2] = {
        { (DimpleCollation) (c / 8), (c & 1) != 0, (c & 2) != 0 },
        { DIMPLE_COLLATION_BINARY, (c & 4) != 0, FALSE },
      };
      g_autofree char *order = g_strdup_printf ("a.x COLLATE %s %s NULLS %s, b.x %s", collations[c / 8],
                                                terms[0].descending ? "DESC" : "ASC",
                                                terms[0].descending == terms[0].null_is_greatest ? "FIRST" : "LAST",
                                                terms[1].descending ? "DESC" : "ASC");
      g_autofree char *sql = g_strdup_printf ("SELECT a.x, b.x, dense_rank () OVER (ORDER BY %s) "
                                              "FROM v a, v b ORDER BY 3", order);
      DimpleCollation collation;

      g_assert_true (dimple_collation_from_name (collations[c / 8], &collation));
      g_assert_cmpint (collation, ==, terms[0].collation);
      check_order (db, sql, terms);
    }
  sqlite3_close (db);
}

/* -- The sequence -------------------------------------------------------------------------------------------------- */

typedef struct
{
  gint64  rowid;
  guint8  key[40];
  guint   size;
} Row;

static int
compare_rows (gconstpointer first,
              gconstpointer second)
{
  const Row *a = first, *b = second;
  int order = dimple_sort_key_compare (a->key, a->size, b->key, b->size);

  return order != 0 ? order : (a->rowid > b->rowid) - (a->rowid < b->rowid);
}

static void
fill_row (Row    *row,
          GRand  *random,
          gint64  rowid)
{
  row->rowid = rowid;
  row->size = (guint) g_rand_int_range (random, 0, 100) == 0 ? 0 : (guint) g_rand_int_range (random, 1, 6);
  for (guint i = 0; i < row->size; i++)
    row->key[i] = (guint8) g_rand_int_range (random, 0, 6);
}

static guint
place_of (GArray    *rows,
          const Row *row)
{
  guint low = 0, high = rows->len;

  while (low < high)
    {
      guint middle = (low + high) / 2;

      if (compare_rows (&g_array_index (rows, Row, middle), row) < 0)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

static void
check_all (DimpleRowSequence *sequence,
           GArray            *rows)
{
  g_assert_cmpuint (dimple_row_sequence_get_n_rows (sequence), ==, rows->len);
  for (guint i = 0; i < rows->len; i++)
    {
      const Row *row = &g_array_index (rows, Row, i);
      guint position, size;
      const guint8 *key = dimple_row_sequence_get_key (sequence, i, &size);

      g_assert_cmpint (dimple_row_sequence_get (sequence, i), ==, row->rowid);
      g_assert_cmpmem (key, size, row->key, row->size);
      g_assert_true (dimple_row_sequence_find (sequence, row->rowid, &position));
      g_assert_cmpuint (position, ==, i);
      g_assert_true (dimple_row_sequence_has_key (sequence, row->rowid, row->key, row->size));
    }
}

static void
test_random (gconstpointer data)
{
  guint n_loaded = GPOINTER_TO_UINT (data);
  g_autoptr(DimpleRowSequence) sequence = dimple_row_sequence_new ();
  g_autoptr(GArray) rows = g_array_new (FALSE, FALSE, sizeof (Row));
  g_autoptr(GRand) random = g_rand_new_with_seed (n_loaded + 1);
  gint64 next = 1;

  for (guint i = 0; i < n_loaded; i++)
    {
      Row row;

      fill_row (&row, random, next++);
      g_array_append_val (rows, row);
    }
  g_array_sort (rows, compare_rows);
  for (guint i = 0; i < rows->len; i++)
    {
      const Row *row = &g_array_index (rows, Row, i);

      g_assert_true (dimple_row_sequence_append (sequence, row->rowid, row->key, row->size));
      g_assert_false (dimple_row_sequence_append (sequence, row->rowid, row->key, row->size));
    }
  check_all (sequence, rows);

  for (guint i = 0; i < 30000; i++)
    {
      /* Grows, shrinks to nothing, grows again. */
      gboolean add = rows->len == 0 || (i / 5000) % 2 == (g_rand_int_range (random, 0, 10) < 3);
      guint place, position;

      if (add)
        {
          Row row;

          /* Rowids come back, as SQLite's do. */
          fill_row (&row, random, g_rand_boolean (random) ? next++ : g_rand_int_range (random, -2000, -1));
          if (row.rowid < 0 && dimple_row_sequence_find (sequence, row.rowid, NULL))
            continue;
          place = place_of (rows, &row);
          g_array_insert_val (rows, place, row);
          position = dimple_row_sequence_insert (sequence, row.rowid, row.key, row.size);
        }
      else
        {
          place = (guint) g_rand_int_range (random, 0, (gint32) rows->len);
          g_assert_true (dimple_row_sequence_remove (sequence, g_array_index (rows, Row, place).rowid, &position));
          g_assert_false (dimple_row_sequence_find (sequence, g_array_index (rows, Row, place).rowid, NULL));
          g_array_remove_index (rows, place);
        }
      g_assert_cmpuint (position, ==, place);
      if (i % 2500 == 0)
        check_all (sequence, rows);
    }
  check_all (sequence, rows);
  while (rows->len > 0)
    {
      g_assert_true (dimple_row_sequence_remove (sequence, g_array_index (rows, Row, rows->len / 2).rowid, NULL));
      g_array_remove_index (rows, rows->len / 2);
    }
  check_all (sequence, rows);
}

/* So many leaves that their numbers take bits from the hashes: rows are found all the same, also where most of them
 * went. */
static void
check_finding (DimpleRowSequence *sequence,
               guint              n_rows)
{
  guint position;

  for (guint i = 0; i < n_rows; i++)
    {
      g_assert_true (dimple_row_sequence_find (sequence, (gint64) i * 7919 % 1000003, &position));
      g_assert_cmpuint (position, ==, i);
    }
  for (guint i = 0; i < n_rows; i++)
    if (i % 100 != 0)
      g_assert_true (dimple_row_sequence_remove (sequence, (gint64) i * 7919 % 1000003, NULL));
  for (guint i = 0; i < n_rows; i++)
    {
      g_assert_true (dimple_row_sequence_find (sequence, (gint64) i * 7919 % 1000003, &position) == (i % 100 == 0));
      if (i % 100 == 0)
        g_assert_cmpuint (position, ==, i / 100);
    }
}

static void
test_large (void)
{
  g_autoptr(DimpleRowSequence) sequence = dimple_row_sequence_new ();
  struct mallinfo2 before = mallinfo2 ();
  struct mallinfo2 after;
  double size;

  for (guint32 i = 0; i < 1000000; i++)
    {
      guint32 big = GUINT32_TO_BE (i);
      guint8 key[9] = { 2, 0 };

      memcpy (key + 1, &big, sizeof big);
      g_assert_true (dimple_row_sequence_append (sequence, (gint64) i * 7919 % 1000003, key, sizeof key));
    }
  after = mallinfo2 ();
  size = (double) (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / 1000000;
  g_test_message ("%.1f bytes a row", size);
  g_assert_cmpfloat (size, <=, 40);
  check_finding (sequence, 1000000);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/sort-key/order", test_sort_keys);
  g_test_add_data_func ("/row-sequence/random/from-nothing", GUINT_TO_POINTER (0), test_random);
  g_test_add_data_func ("/row-sequence/random/loaded", GUINT_TO_POINTER (20000), test_random);
  g_test_add_func ("/row-sequence/large", test_large);
  return g_test_run ();
}
