/* bench-naive.c: a live query as it is done without Dimple: run again on each change, compare
 *
 * With care: one prepared statement, rows packed one after the other, rows at either end compared first, and a hash of
 * keys only for what lies between.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "bench-naive.h"

#include <string.h>

/* Columns as texts with their ends; the key is the first. */
typedef struct
{
  GByteArray *bytes;
  GArray     *starts;     /* of gsize, one more than there are rows */
} Rows;

struct _BenchNaive
{
  sqlite3      *db;
  sqlite3_stmt *statement;
  Rows         *rows;
};

static Rows *
rows_new (void)
{
  Rows *self = g_new0 (Rows, 1);
  gsize start = 0;

  self->bytes = g_byte_array_new ();
  self->starts = g_array_new (FALSE, FALSE, sizeof (gsize));
  g_array_append_val (self->starts, start);
  return self;
}

static void
rows_free (Rows *self)
{
  g_byte_array_unref (self->bytes);
  g_array_unref (self->starts);
  g_free (self);
}

static guint
rows_count (const Rows *self)
{
  return self->starts->len - 1;
}

static const char *
rows_get (const Rows *self,
          guint       row,
          gsize      *size)
{
  gsize start = g_array_index (self->starts, gsize, row);

  *size = g_array_index (self->starts, gsize, row + 1) - start;
  return (const char *) self->bytes->data + start;
}

static gboolean
have_equal_keys (const Rows *a,
                 guint       a_row,
                 const Rows *b,
                 guint       b_row)
{
  gsize size;

  return strcmp (rows_get (a, a_row, &size), rows_get (b, b_row, &size)) == 0;
}

static gboolean
have_equal_values (const Rows *a,
                   guint       a_row,
                   const Rows *b,
                   guint       b_row)
{
  gsize a_size, b_size;
  const char *a_bytes = rows_get (a, a_row, &a_size), *b_bytes = rows_get (b, b_row, &b_size);

  return a_size == b_size && memcmp (a_bytes, b_bytes, a_size) == 0;
}

BenchNaive *
bench_naive_new (const char *path,
                 const char *sql)
{
  BenchNaive *self = g_new0 (BenchNaive, 1);

  if (sqlite3_open_v2 (path, &self->db, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
      sqlite3_exec (self->db, "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY", NULL, NULL, NULL) !=
        SQLITE_OK ||
      sqlite3_prepare_v3 (self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &self->statement, NULL) != SQLITE_OK)
    g_error ("%s", sqlite3_errmsg (self->db));
  return self;
}

void
bench_naive_free (BenchNaive *self)
{
  g_clear_pointer (&self->rows, rows_free);
  sqlite3_finalize (self->statement);
  sqlite3_close (self->db);
  g_free (self);
}

guint
bench_naive_get_n_rows (BenchNaive *self)
{
  return rows_count (self->rows);
}

static Rows *
read_rows (BenchNaive *self)
{
  Rows *rows = rows_new ();

  while (sqlite3_step (self->statement) == SQLITE_ROW)
    {
      gsize end;

      for (int i = 0; i < sqlite3_column_count (self->statement); i++)
        {
          const char *text = (const char *) sqlite3_column_text (self->statement, i);

          g_byte_array_append (rows->bytes, (const guint8 *) (text != NULL ? text : ""),
                               (guint) sqlite3_column_bytes (self->statement, i) + 1);
        }
      end = rows->bytes->len;
      g_array_append_val (rows->starts, end);
    }
  sqlite3_reset (self->statement);
  return rows;
}

static void
match_middle (const Rows      *old,
              const Rows      *new,
              BenchDifference *difference)
{
  g_autoptr(GHashTable) keys = g_hash_table_new (g_str_hash, g_str_equal);
  gsize size;

  for (guint i = 0; i < difference->n_removed; i++)
    g_hash_table_insert (keys, (char *) rows_get (old, difference->position + i, &size),
                         GUINT_TO_POINTER (difference->position + i + 1));
  for (guint i = 0; i < difference->n_added; i++)
    {
      guint row = difference->position + i;
      guint old_row = GPOINTER_TO_UINT (g_hash_table_lookup (keys, rows_get (new, row, &size)));

      if (old_row == 0)
        continue;
      difference->n_moved++;
      difference->n_updated += !have_equal_values (new, row, old, old_row - 1);
    }
}

BenchDifference
bench_naive_refresh (BenchNaive *self)
{
  Rows *new = read_rows (self), *old = self->rows != NULL ? self->rows : rows_new ();
  guint n_new = rows_count (new), n_old = rows_count (old), common = MIN (n_new, n_old), head = 0, tail = 0;
  BenchDifference difference = { 0, };

  for (; head < common && have_equal_keys (new, head, old, head); head++)
    difference.n_updated += !have_equal_values (new, head, old, head);
  for (; head + tail < common && have_equal_keys (new, n_new - tail - 1, old, n_old - tail - 1); tail++)
    difference.n_updated += !have_equal_values (new, n_new - tail - 1, old, n_old - tail - 1);
  difference.position = head;
  difference.n_removed = n_old - head - tail;
  difference.n_added = n_new - head - tail;
  match_middle (old, new, &difference);
  rows_free (old);
  self->rows = new;
  return difference;
}

guint
bench_naive_run_once (BenchNaive *self)
{
  guint n_rows = 0, checksum = 0;

  for (; sqlite3_step (self->statement) == SQLITE_ROW; n_rows++)
    for (int i = 0; i < sqlite3_column_count (self->statement); i++)
      {
        sqlite3_column_text (self->statement, i);
        checksum += (guint) sqlite3_column_bytes (self->statement, i);
      }
  sqlite3_reset (self->statement);
  return checksum > 0 ? n_rows : 0;
}
