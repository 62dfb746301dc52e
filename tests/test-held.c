/* test-held.c: intervals of runs say the same as the set of transactions itself
 *
 * The naive model follows `previous` from transaction to transaction, as paths are defined.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "dimple-held-private.h"
#include "dimple-pack-private.h"
#include "seeds-test.h"

typedef struct
{
  DimpleId id;
  char     text[DIMPLE_UUID_SIZE];
  char     previous[DIMPLE_UUID_SIZE];
  int      before;                        /* position of `previous`, -1: none */
  gboolean held;
} Transaction;

/* -- Random histories: runs that go on, and runs that branch off (a copied or restored database) ------------------- */

static GArray *
make_history (GRand *random)
{
  GArray *history = g_array_new (FALSE, TRUE, sizeof (Transaction));
  guint64 time = DIMPLE_UUID_TIME (G_GINT64_CONSTANT (1700000000000), 0);
  int n_runs = g_rand_int_range (random, 1, 8);

  for (int run = 0; run < n_runs; run++)
    {
      int n = g_rand_int_range (random, 1, 8);
      int before = history->len == 0 || g_rand_int_range (random, 0, 10) == 0
                   ? -1 : g_rand_int_range (random, (gint32) history->len * 2 / 3, (gint32) history->len);

      for (int i = 0; i < n; i++)
        {
          Transaction t = { .before = before };

          time += (guint64) g_rand_int_range (random, 1, 4);      /* neighbours, too */
          t.id = (DimpleId) { time, 0x100 + (guint64) run };
          dimple_uuid7_format (t.id.time, t.id.tail, t.text);
          if (before >= 0)
            g_strlcpy (t.previous, g_array_index (history, Transaction, before).text, DIMPLE_UUID_SIZE);
          before = (int) history->len;
          g_array_append_val (history, t);
        }
    }
  return history;
}

static Transaction *
get (GArray *history,
     int     position)
{
  return &g_array_index (history, Transaction, position);
}

static gboolean
naive_has_path (GArray *history,
                int     first,
                int     last,
                GArray *path)            /* of int */
{
  for (int i = last; i >= 0; i = get (history, i)->before)
    {
      if (!get (history, i)->held)
        return FALSE;
      g_array_append_val (path, i);
      if (i == first)
        return TRUE;
    }
  return FALSE;
}

static gboolean
is_in (const DimpleId *id,
       GArray         *intervals)
{
  for (guint i = 0; i < intervals->len; i++)
    {
      const DimpleInterval *interval = &g_array_index (intervals, DimpleInterval, i);

      if (interval->tail == id->tail && interval->first <= id->time && id->time <= interval->last)
        return TRUE;
    }
  return FALSE;
}

static void
check_path (DimpleHeld *held,
            GArray     *history,
            int         first,
            int         last)
{
  g_autoptr(GArray) path = g_array_new (FALSE, FALSE, sizeof (DimpleInterval));
  g_autoptr(GArray) naive = g_array_new (FALSE, FALSE, sizeof (int));
  gboolean whole = dimple_held_get_path (held, &get (history, first)->id, &get (history, last)->id, path);

  g_assert_cmpint (whole, ==, naive_has_path (history, first, last, naive));
  for (guint i = 0; i < history->len; i++)
    {
      gboolean on_path = FALSE;

      for (guint n = 0; n < naive->len; n++)
        on_path |= g_array_index (naive, int, n) == (int) i;
      if (get (history, (int) i)->held)
        g_assert_cmpint (is_in (&get (history, (int) i)->id, path), ==, on_path);
    }
}

static void
check (DimpleHeld *held,
       GArray     *history)
{
  for (int i = 0; i < (int) history->len; i++)
    {
      g_assert_cmpint (dimple_held_has (held, get (history, i)->text), ==, get (history, i)->held);
      for (int j = 0; j <= i; j++)
        check_path (held, history, j, i);
    }
}

/* What is left after subtracting some paths is what is on none of them. */
static void
check_subtract (DimpleHeld *held,
                GArray     *history,
                GRand      *random)
{
  g_autoptr(GArray) covered = g_array_new (FALSE, FALSE, sizeof (DimpleInterval));
  g_autoptr(GArray) missing = NULL;

  for (int n = g_rand_int_range (random, 0, 5); n > 0; n--)
    {
      int first = g_rand_int_range (random, 0, (gint32) history->len);
      int last = g_rand_int_range (random, first, (gint32) history->len);

      dimple_held_get_path (held, &get (history, first)->id, &get (history, last)->id, covered);
    }
  missing = dimple_held_subtract (held, covered);
  for (int i = 0; i < (int) history->len; i++)
    g_assert_cmpint (is_in (&get (history, i)->id, missing), ==,
                     get (history, i)->held && !is_in (&get (history, i)->id, covered));
}

static void
hold (DimpleHeld  *held,
      Transaction *transaction)
{
  transaction->held = TRUE;
  g_assert_true (dimple_held_add (held, "0192f000-0000-7000-8000-00000000aaaa", transaction->previous,
                                  transaction->text));
}

static void
test_random (void)
{
  for (guint round = 0; round < n_seeds; round++)
    {
      g_autoptr(GRand) random = g_rand_new_with_seed (seed + round);
      g_autoptr(GArray) history = make_history (random);
      g_autoptr(DimpleHeld) held = dimple_held_new ();

      for (int n = g_rand_int_range (random, 1, 60); n > 0; n--)
        hold (held, get (history, g_rand_int_range (random, 0, (gint32) history->len)));
      check (held, history);
      check_subtract (held, history, random);
    }
}

/* An interval that a pack tells of holds everything between its ends. */
static void
test_intervals (void)
{
  g_autoptr(DimpleHeld) held = dimple_held_new ();
  char id[10][DIMPLE_UUID_SIZE], other[DIMPLE_UUID_SIZE];

  for (guint i = 0; i < 10; i++)
    dimple_uuid7_format (100 + i * 10, 1, id[i]);
  dimple_uuid7_format (50, 2, other);

  g_assert_true (dimple_held_add (held, "a", id[2], id[4]));
  g_assert_false (dimple_held_has (held, id[2]));
  g_assert_true (dimple_held_has (held, id[3]));
  g_assert_true (dimple_held_has (held, id[4]));
  g_assert_false (dimple_held_has (held, id[5]));
  g_assert_null (dimple_held_get_start (held, 1));

  g_assert_true (dimple_held_add (held, "a", id[5], id[7]));
  g_assert_false (dimple_held_has (held, id[5]));
  g_assert_true (dimple_held_add (held, "a", other, id[1]));
  g_assert_true (dimple_held_has (held, id[0]));
  g_assert_cmpstr (dimple_held_get_start (held, 1), ==, other);
  g_assert_true (dimple_held_add (held, "a", id[1], id[9]));
  for (guint i = 0; i < 10; i++)
    g_assert_true (dimple_held_has (held, id[i]));

  g_assert_false (dimple_held_add (held, "a", id[4], id[3]));
  g_assert_false (dimple_held_add (held, "a", id[3], id[3]));
  g_assert_false (dimple_held_add (held, "a", "x", id[3]));
  g_assert_false (dimple_held_add (held, "a", "", "x"));
  g_assert_false (dimple_held_has (held, "x"));
  g_assert_false (dimple_held_has (held, other));
}

/* -- In a database ------------------------------------------------------------------------------------------------- */

static DimpleConnection *
open_database (void)
{
  g_autoptr(GError) error = NULL;
  DimpleConnection *connection = dimple_connection_open ("/test-held",
                                                         DIMPLE_CONNECTION_WRITER | DIMPLE_CONNECTION_IN_MEMORY,
                                                         &error);

  g_assert_no_error (error);
  dimple_log_create_tables (connection, &error);
  g_assert_no_error (error);
  dimple_held_create_tables (connection, &error);
  g_assert_no_error (error);
  dimple_held_create_tables (connection, &error);
  g_assert_no_error (error);
  return connection;
}

static void
append (DimpleConnection *connection,
        Transaction      *transaction,
        gint64            seq)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection,
                                         "INSERT INTO dimple_log (seq, id, author, previous, script, flags, changes) "
                                         "VALUES (?1, ?2, 1, ?3, 0, 0, '[]')", &error);
  g_assert_no_error (error);
  sqlite3_bind_int64 (statement, 1, seq);
  sqlite3_bind_text (statement, 2, transaction->text, -1, SQLITE_TRANSIENT);
  if (*transaction->previous != '\0')
    sqlite3_bind_text (statement, 3, transaction->previous, -1, SQLITE_TRANSIENT);
  dimple_statement_run (statement, &error);
  g_assert_no_error (error);
  transaction->held = TRUE;
}

static void
update (DimpleHeld       *held,
        DimpleConnection *connection)
{
  g_autoptr(GError) error = NULL;

  dimple_held_update (held, connection, &error);
  g_assert_no_error (error);
}

static void
save (DimpleHeld       *held,
      DimpleConnection *connection)
{
  g_autoptr(GError) error = NULL;

  dimple_held_save (held, connection, &error);
  g_assert_no_error (error);
  g_assert_false (dimple_held_needs_save (held));
}

/* Two that read the same log, save and are opened anew at any time know the same as the log. */
static void
test_log (void)
{
  for (guint round = 0; round < MAX (1, n_seeds / 10); round++)
    {
      g_autoptr(GRand) random = g_rand_new_with_seed (seed + round);
      g_autoptr(GArray) history = make_history (random);
      g_autoptr(DimpleConnection) connection = open_database ();
      g_autoptr(DimpleHeld) one = dimple_held_new ();
      g_autoptr(DimpleHeld) other = dimple_held_new ();
      gint64 seq = 0;

      for (int n = g_rand_int_range (random, 1, 60); n > 0; n--)
        {
          Transaction *transaction = get (history, g_rand_int_range (random, 0, (gint32) history->len));

          if (transaction->held)
            continue;
          append (connection, transaction, ++seq);
          if (g_rand_int_range (random, 0, 3) == 0)
            append (connection, transaction, ++seq);          /* its second part */
          switch (g_rand_int_range (random, 0, 5))
            {
            case 0:
              update (one, connection);
              break;
            case 1:
              update (one, connection);
              save (one, connection);
              break;
            case 2:
              g_clear_pointer (&one, dimple_held_free);
              one = g_steal_pointer (&other);
              other = dimple_held_new ();
              break;
            default:
              break;
            }
        }
      update (one, connection);
      check (one, history);
      update (other, connection);
      check (other, history);
    }
}

/* What the log does not say is kept, also when another process saves in between. */
static void
test_save (void)
{
  g_autoptr(DimpleConnection) connection = open_database ();
  g_autoptr(DimpleHeld) one = dimple_held_new ();
  g_autoptr(DimpleHeld) other = dimple_held_new ();
  g_autoptr(DimpleHeld) third = dimple_held_new ();
  char id[10][DIMPLE_UUID_SIZE];

  for (guint i = 0; i < 10; i++)
    dimple_uuid7_format (100 + i * 10, 1, id[i]);
  update (one, connection);
  update (other, connection);
  g_assert_false (dimple_held_needs_save (one));

  g_assert_true (dimple_held_add (one, "a", id[0], id[3]));
  g_assert_true (dimple_held_needs_save (one));
  save (one, connection);
  g_assert_true (dimple_held_add (one, "a", id[1], id[2]));
  g_assert_false (dimple_held_needs_save (one));

  g_assert_true (dimple_held_add (other, "a", "", id[1]));
  g_assert_true (dimple_held_add (other, "a", id[6], id[8]));
  save (other, connection);
  g_assert_true (dimple_held_add (one, "a", id[8], id[9]));
  save (one, connection);

  update (third, connection);
  for (guint i = 0; i < 10; i++)
    g_assert_cmpint (dimple_held_has (third, id[i]), ==, i <= 3 || i >= 7);
  g_assert_cmpstr (dimple_held_get_start (third, 1), ==, "");
  g_assert_cmpstr (dimple_held_get_author (third, 1), ==, "a");
}

/* -- After pruning ------------------------------------------------------------------------------------------------- */

static void
execute (DimpleConnection *connection,
         const char       *format,
         ...) G_GNUC_PRINTF (2, 3);

static void
execute (DimpleConnection *connection,
         const char       *format,
         ...)
{
  g_autofree char *sql = NULL;
  va_list arguments;

  va_start (arguments, format);
  sql = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_assert_true (dimple_connection_exec (connection, sql, NULL));
}

/* The one before it on its path, of those that the log has still: `in_log` is by position. */
static void
check_before (DimpleHeld       *held,
              DimpleConnection *connection,
              GArray           *history,
              const gboolean   *in_log,
              const char       *author,
              int               position)
{
  g_autoptr(GError) error = NULL;
  DimpleId before;
  int naive = get (history, position)->before;

  while (naive >= 0 && !in_log[naive])
    naive = get (history, naive)->before;
  dimple_held_find_before (held, connection, author, TRUE, &get (history, position)->id, &before, &error);
  g_assert_no_error (error);
  if (naive < 0)
    g_assert_true (before.time == 0 && before.tail == 0);
  else
    g_assert_cmpint (dimple_id_compare (&before, &get (history, naive)->id), ==, 0);
}

/* What is dropped from the log goes on being held, also by who had not read it yet; and neighbours are found across
 * it. */
static void
test_pruned (void)
{
  for (guint round = 0; round < MAX (1, n_seeds / 10); round++)
    {
      g_autoptr(GRand) random = g_rand_new_with_seed (seed + round);
      g_autoptr(GArray) history = make_history (random);
      g_autoptr(DimpleConnection) connection = open_database ();
      g_autoptr(DimpleHeld) pruner = dimple_held_new (), reader = dimple_held_new ();
      g_autofree gboolean *in_log = g_new0 (gboolean, history->len);
      g_autofree char *author = NULL;
      g_autoptr(DimpleStatement) statement = dimple_connection_prepare (connection, "SELECT id FROM dimple_author",
                                                                        NULL);

      g_assert_true (dimple_statement_step (statement, NULL));
      author = g_strdup ((const char *) sqlite3_column_text (statement, 0));
      for (int i = 0; i < (int) history->len; i++)
        {
          append (connection, get (history, i), (gint64) get (history, i)->id.time);
          if (g_rand_int_range (random, 0, 4) == 0)
            execute (connection, "UPDATE dimple_log SET flags = 1 WHERE id = '%s'", get (history, i)->text);
          if (i == (int) history->len / 2)
            update (reader, connection);
        }
      update (pruner, connection);
      save (pruner, connection);
      for (int i = 0; i < (int) history->len; i++)
        {
          in_log[i] = g_rand_boolean (random);
          if (!in_log[i])
            execute (connection, "DELETE FROM dimple_log WHERE id = '%s'", get (history, i)->text);
        }

      update (reader, connection);
      check (reader, history);
      for (int i = 0; i < (int) history->len; i++)
        check_before (reader, connection, history, in_log, author, i);

      /* What was found is kept until it is forgotten. */
      memset (in_log, 0, history->len * sizeof *in_log);
      execute (connection, "DELETE FROM dimple_log");
      dimple_held_forget_before (reader);
      for (int i = 0; i < (int) history->len; i++)
        check_before (reader, connection, history, in_log, author, i);
    }
}

int
main (int    argc,
      char **argv)
{
  seeds_test_init (&argc, &argv, 300);

  g_test_add_func ("/held/random", test_random);
  g_test_add_func ("/held/intervals", test_intervals);
  g_test_add_func ("/held/log", test_log);
  g_test_add_func ("/held/save", test_save);
  g_test_add_func ("/held/pruned", test_pruned);
  return g_test_run ();
}
