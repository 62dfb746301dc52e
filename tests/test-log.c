/* test-log.c: the log of transactions: what is written, read back, appended, and shown to stock SQLite
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "dimple-change-reader-private.h"
#include "dimple-error.h"
#include "dimple-key-private.h"
#include "dimple-log-private.h"
#include "log-utils.h"

typedef struct
{
  DimpleConnection *connection;
  DimpleCapture    *capture;
  DimpleClock       clock;
  DimpleLogWriter  *log;
} Database;

static void
open_database (Database   *self,
               const char *path)
{
  g_autoptr(GError) error = NULL;

  self->connection = dimple_connection_open (path, DIMPLE_CONNECTION_WRITER, &error);
  g_assert_no_error (error);
  self->capture = dimple_capture_new (self->connection);
  g_assert_true (dimple_log_create_tables (self->connection, &error));
  g_assert_no_error (error);
  dimple_clock_init (&self->clock);
  self->log = dimple_log_writer_new (self->connection, &self->clock);
  g_assert_true (dimple_log_writer_load (self->log, &error));
  g_assert_no_error (error);
}

static void
close_database (Database *self)
{
  g_clear_pointer (&self->log, dimple_log_writer_free);
  g_clear_pointer (&self->capture, dimple_capture_free);
  g_clear_pointer (&self->connection, dimple_connection_free);
}

static void
set_up (Database      *self,
        gconstpointer  user_data)
{
  g_autofree char *path = g_build_filename (g_get_user_data_dir (), "test.db", NULL);
  g_autofree char *folder = g_path_get_dirname (path);

  g_mkdir_with_parents (folder, 0700);
  open_database (self, path);
}

static void
tear_down (Database      *self,
           gconstpointer  user_data)
{
  close_database (self);
}

static void
exec (Database   *self,
      const char *sql)
{
  g_autoptr(GError) error = NULL;

  dimple_connection_exec (self->connection, sql, &error);
  g_assert_no_error (error);
}

static void
create (Database   *self,
        const char *sql)
{
  g_autoptr(DimpleSchema) schema = NULL;
  g_autoptr(GError) error = NULL;

  exec (self, sql);
  schema = dimple_schema_load (self->connection, &error);
  g_assert_no_error (error);
  dimple_capture_set_schema (self->capture, schema);
}

static gboolean
add_row (const DimpleCapturedRow  *row,
         gpointer                  user_data,
         GError                  **error)
{
  return dimple_log_writer_add (user_data, row, NULL, error);
}

/* Runs SQL as one tracked transaction; its id is "" if it changed nothing. */
static void
edit (Database   *self,
      const char *sql,
      const char *label,
      char        id[DIMPLE_UUID_SIZE])
{
  g_autoptr(GError) error = NULL;

  exec (self, "BEGIN IMMEDIATE");
  dimple_log_writer_begin (self->log, label, 0);
  exec (self, sql);
  dimple_capture_net (self->capture, add_row, self->log, &error);
  g_assert_no_error (error);
  dimple_log_writer_end (self->log, id, &error);
  g_assert_no_error (error);
  exec (self, "COMMIT");
}

/* Asks as stock SQLite does: through a connection that knows nothing of Dimple. */
static char *
query (Database   *self,
       const char *sql)
{
  sqlite3 *stock = NULL;
  sqlite3_stmt *statement = NULL;
  GString *text = g_string_new (NULL);

  g_assert_cmpint (sqlite3_open (sqlite3_db_filename (dimple_connection_get_handle (self->connection), "main"), &stock),
                   ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_prepare_v2 (stock, sql, -1, &statement, NULL), ==, SQLITE_OK);
  while (sqlite3_step (statement) == SQLITE_ROW)
    for (int i = 0; i < sqlite3_column_count (statement); i++)
      {
        const char *value = (const char *) sqlite3_column_text (statement, i);

        g_string_append_printf (text, "%s%s", i > 0 ? "|" : text->len > 0 ? "\n" : "", value != NULL ? value : "NULL");
      }
  g_assert_cmpint (sqlite3_finalize (statement), ==, SQLITE_OK);
  sqlite3_close (stock);
  return g_string_free (text, FALSE);
}

static void
assert_query (Database   *self,
              const char *sql,
              const char *expected)
{
  g_autofree char *text = query (self, sql);

  g_assert_cmpstr (text, ==, expected);
}

static GPtrArray *
visit_since (Database *self,
             gint64    after)
{
  GPtrArray *transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);
  g_autoptr(GError) error = NULL;

  g_assert_true (dimple_log_visit_since (self->connection, after, log_collect, transactions, &error));
  g_assert_no_error (error);
  return transactions;
}

/* The transactions of one run. */
static GPtrArray *
read_range (Database   *self,
            const char *author,
            const char *first,
            const char *last)
{
  GPtrArray *transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);
  g_autoptr(GError) error = NULL;
  g_autoptr(GArray) places = dimple_log_find_range (self->connection, author, first, last, &error);

  for (guint i = 0; places != NULL && i < places->len && error == NULL; i++)
    g_ptr_array_add (transactions, dimple_log_read_transaction (self->connection,
                                                                g_array_index (places, DimpleLogPlace, i).seq, &error));
  g_assert_no_error (error);
  return transactions;
}

#define NOTES "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body, n INTEGER DEFAULT 0)"

/* -- What is written ----------------------------------------------------------------------------------------------- */

static void
test_format (Database      *self,
             gconstpointer  user_data)
{
  char id[DIMPLE_UUID_SIZE];

  create (self, NOTES "; CREATE TABLE tag (b INT, note TEXT, x, PRIMARY KEY (note, b)) WITHOUT ROWID;");
  edit (self, "INSERT INTO note VALUES ('k1', 'A', x'00ff', 1), ('k2', 'B', 2.0, 2); "
              "INSERT INTO tag VALUES (7, 'k1', NULL)",
        NULL, id);
  assert_query (self, "SELECT changes FROM dimple_log",
                "[{\"table\":\"note\",\"key\":[\"key\"],\"op\":\"insert\",\"columns\":[\"title\",\"body\",\"n\"],"
                "\"rows\":[[[\"k1\"],[\"A\",{\"hex\":\"00ff\"},1]],[[\"k2\"],[\"B\",2.0,2]]]},"
                "{\"table\":\"tag\",\"key\":[\"note\",\"b\"],\"op\":\"insert\",\"columns\":[\"x\"],"
                "\"rows\":[[[\"k1\",7],[null]]]}]");

  edit (self, "UPDATE note SET title = 'Z'; UPDATE note SET n = 3 WHERE key = 'k1'; DELETE FROM tag", "Rename", id);
  assert_query (self, "SELECT changes, label FROM dimple_log ORDER BY seq DESC LIMIT 1",
                "[{\"table\":\"note\",\"key\":[\"key\"],\"op\":\"update\",\"columns\":[\"title\",\"n\"],"
                "\"rows\":[[[\"k1\"],[\"Z\",3],[\"A\",1]]]},"
                "{\"table\":\"note\",\"key\":[\"key\"],\"op\":\"update\",\"columns\":[\"title\"],"
                "\"rows\":[[[\"k2\"],[\"Z\"],[\"B\"]]]},"
                "{\"table\":\"tag\",\"key\":[\"note\",\"b\"],\"op\":\"delete\",\"columns\":[\"x\"],"
                "\"rows\":[[[\"k1\",7],[null]]]}]|Rename");
  assert_query (self, "SELECT flags FROM dimple_log ORDER BY seq", "0\n8");
}

static void
test_nothing_changed (Database      *self,
                      gconstpointer  user_data)
{
  char id[DIMPLE_UUID_SIZE];

  create (self, NOTES);
  edit (self, "INSERT INTO note (key) VALUES ('k'); DELETE FROM note", NULL, id);
  g_assert_cmpstr (id, ==, "");
  assert_query (self, "SELECT count(*) FROM dimple_log", "0");
}

static void
test_chain (Database      *self,
            gconstpointer  user_data)
{
  char first[DIMPLE_UUID_SIZE], second[DIMPLE_UUID_SIZE], third[DIMPLE_UUID_SIZE], id[DIMPLE_UUID_SIZE];
  g_autoptr(GError) error = NULL;
  g_autofree char *chain = NULL;
  guint64 time;

  create (self, NOTES);
  edit (self, "INSERT INTO note (key) VALUES ('1')", NULL, first);
  edit (self, "INSERT INTO note (key) VALUES ('2')", NULL, second);

  /* what is undone leaves the chain as it was */
  exec (self, "BEGIN IMMEDIATE");
  dimple_log_writer_begin (self->log, NULL, 0);
  exec (self, "INSERT INTO note (key) VALUES ('x')");
  g_assert_true (dimple_capture_net (self->capture, add_row, self->log, &error));
  g_assert_true (dimple_log_writer_end (self->log, id, &error));
  exec (self, "ROLLBACK");
  dimple_log_writer_undo (self->log);

  edit (self, "INSERT INTO note (key) VALUES ('3')", NULL, third);
  chain = g_strdup_printf ("%s|NULL\n%s|%s\n%s|%s", first, second, first, third, second);
  assert_query (self, "SELECT id, previous FROM dimple_log ORDER BY seq", chain);
  g_assert_true (dimple_uuid7_parse (third, &time, NULL));
  g_assert_cmpint (time, <=, self->clock.last);
}

static void
test_next_run (Database      *self,
               gconstpointer  user_data)
{
  char first[DIMPLE_UUID_SIZE], second[DIMPLE_UUID_SIZE];
  g_autofree char *path = g_strdup (sqlite3_db_filename (dimple_connection_get_handle (self->connection), "main"));
  g_autofree char *expected = NULL;
  g_autofree char *author = g_strdup (dimple_log_writer_get_author (self->log));

  create (self, NOTES);
  self->clock.test_time = DIMPLE_UUID_MILLISECONDS (self->clock.last) + G_GINT64_CONSTANT (4000000000000);
  edit (self, "INSERT INTO note (key) VALUES ('1')", NULL, first);
  close_database (self);
  open_database (self, path);
  g_assert_cmpstr (author, ==, dimple_log_writer_get_author (self->log));
  create (self, "");
  edit (self, "INSERT INTO note (key) VALUES ('2')", NULL, second);
  g_assert_cmpstr (second, >, first);               /* though the wall clock went back */
  g_assert_cmpstr (first + DIMPLE_UUID_TAIL_OFFSET, !=, second + DIMPLE_UUID_TAIL_OFFSET);
  expected = g_strdup_printf ("%s", first);
  assert_query (self, "SELECT previous FROM dimple_log ORDER BY seq DESC LIMIT 1", expected);
}

static void
test_failed_commit (Database      *self,
                    gconstpointer  user_data)
{
  char first[DIMPLE_UUID_SIZE], second[DIMPLE_UUID_SIZE], id[DIMPLE_UUID_SIZE];
  g_autoptr(GError) error = NULL;

  create (self, NOTES);
  edit (self, "INSERT INTO note (key) VALUES ('1')", NULL, first);
  exec (self, "BEGIN IMMEDIATE");
  for (int unit = 0; unit < 2; unit++)
    {
      g_autofree char *sql = g_strdup_printf ("INSERT INTO note (key) VALUES ('unit %d')", unit);

      dimple_log_writer_begin (self->log, NULL, 0);
      exec (self, sql);
      g_assert_true (dimple_capture_net (self->capture, add_row, self->log, &error));
      g_assert_true (dimple_log_writer_end (self->log, id, &error));
    }
  exec (self, "ROLLBACK");
  g_assert_true (dimple_log_writer_load (self->log, &error));
  edit (self, "INSERT INTO note (key) VALUES ('2')", NULL, second);
  assert_query (self, "SELECT previous FROM dimple_log ORDER BY seq DESC LIMIT 1", first);
}

/* -- Parts and reading --------------------------------------------------------------------------------------------- */

static guint
count_rows (DimpleTransaction *transaction)
{
  g_auto(DimpleChangeReader) reader = { 0 };
  g_autoptr(GError) error = NULL;
  guint n_rows = 0;

  dimple_change_reader_init (&reader, transaction->changes, transaction->script);
  while (dimple_change_reader_next_group (&reader, &error))
    while (dimple_change_reader_next_row (&reader, &error))
      n_rows++;
  g_assert_no_error (error);
  return n_rows;
}

static void
test_parts (Database      *self,
            gconstpointer  user_data)
{
  char id[DIMPLE_UUID_SIZE], next[DIMPLE_UUID_SIZE];
  g_autoptr(GPtrArray) transactions = NULL;
  g_autoptr(GPtrArray) range = NULL;
  g_autoptr(GError) error = NULL;

  create (self, NOTES);
  edit (self, "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 5000) "
              "INSERT INTO note SELECT 'key ' || i, hex (randomblob (100)), i, i FROM c", "Import", id);
  edit (self, "UPDATE note SET n = 0 WHERE key = 'key 1'", NULL, next);

  assert_query (self, "SELECT count(*) > 3, count(DISTINCT id), sum (label IS NOT NULL) FROM dimple_log", "1|2|1");
  assert_query (self, "SELECT max (length (changes)) < 300000 FROM dimple_log", "1");
  assert_query (self, "SELECT count(*) FROM dimple_history", "5001");

  transactions = visit_since (self, 0);
  g_assert_cmpuint (transactions->len, ==, 2);
  g_assert_cmpuint (count_rows (g_ptr_array_index (transactions, 0)), ==, 5000);
  g_assert_cmpstr (((DimpleTransaction *) g_ptr_array_index (transactions, 0))->label, ==, "Import");
  g_assert_cmpstr (((DimpleTransaction *) g_ptr_array_index (transactions, 1))->previous, ==, id);

  range = read_range (self, dimple_log_writer_get_author (self->log), id, id);
  g_assert_cmpuint (range->len, ==, 1);
  g_assert_cmpuint (count_rows (g_ptr_array_index (range, 0)), ==, 5000);
}

static void
test_wide_table (Database      *self,
                 gconstpointer  user_data)
{
  g_autoptr(GString) sql = g_string_new ("CREATE TABLE wide (key TEXT PRIMARY KEY");
  char id[DIMPLE_UUID_SIZE];

  for (int i = 0; i < 100; i++)
    g_string_append_printf (sql, ", c%d", i);
  g_string_append_c (sql, ')');
  create (self, sql->str);
  edit (self, "INSERT INTO wide (key) VALUES ('a'), ('b')", NULL, id);
  edit (self, "UPDATE wide SET c80 = 1 WHERE key = 'a'; UPDATE wide SET c90 = 1 WHERE key = 'b'", NULL, id);
  assert_query (self, "SELECT key, columns, new FROM dimple_history WHERE operation = 'update'",
                "[\"a\"]|[\"c80\"]|{\"c80\":1}\n[\"b\"]|[\"c90\"]|{\"c90\":1}");
}

/* -- Transactions from elsewhere ----------------------------------------------------------------------------------- */

static DimpleTransaction *
make_transaction (const char *author,
                  guint64     time,
                  guint64     tail,
                  const char *changes)
{
  DimpleTransaction *self = g_new0 (DimpleTransaction, 1);

  dimple_uuid7_format (time, tail, self->id);
  g_strlcpy (self->author, author, sizeof self->author);
  self->changes = g_bytes_new (changes, strlen (changes));
  return self;
}

#define ELSEWHERE "0190a000-0000-7000-8000-00000000000a"

static void
test_append (Database      *self,
             gconstpointer  user_data)
{
  char first[DIMPLE_UUID_SIZE], second[DIMPLE_UUID_SIZE];
  g_autoptr(DimpleTransaction) old = make_transaction (ELSEWHERE, 5, 1, "[]");
  g_autoptr(DimpleTransaction) other_run = make_transaction (ELSEWHERE, 6, 2, "[]");
  g_autoptr(DimpleTransaction) future = NULL;
  g_autoptr(GPtrArray) transactions = NULL;
  g_autoptr(GPtrArray) range = NULL;
  g_autoptr(GError) error = NULL;
  guint64 time;

  create (self, NOTES);
  edit (self, "INSERT INTO note (key) VALUES ('1')", NULL, first);
  future = make_transaction (ELSEWHERE, self->clock.last + DIMPLE_UUID_TIME (1000000, 0), 1, "[]");
  exec (self, "BEGIN IMMEDIATE");
  g_assert_true (dimple_log_append (self->log, old, &error));
  g_assert_true (dimple_log_append (self->log, other_run, &error));
  g_assert_true (dimple_log_append (self->log, future, &error));
  g_assert_no_error (error);
  exec (self, "COMMIT");

  /* the log's end is somebody else's now, and far ahead: our chain and clock go on all the same */
  g_assert_true (dimple_log_writer_load (self->log, &error));
  dimple_clock_new_run (&self->clock);
  edit (self, "INSERT INTO note (key) VALUES ('2')", NULL, second);
  g_assert_cmpstr (second, >, future->id);
  assert_query (self, "SELECT previous FROM dimple_log ORDER BY seq DESC LIMIT 1", first);
  assert_query (self, "SELECT count(*) FROM dimple_log WHERE flags & 1", "3");

  transactions = visit_since (self, 0);
  g_assert_cmpuint (transactions->len, ==, 5);
  for (guint i = 0; i < transactions->len; i++)
    {
      DimpleTransaction *transaction = g_ptr_array_index (transactions, i);

      g_assert_true (dimple_uuid7_parse (transaction->id, &time, NULL));
      g_assert_cmpint ((gint64) time, <=, transaction->seq);
    }
  range = read_range (self, ELSEWHERE, old->id, future->id);
  g_assert_cmpuint (range->len, ==, 2);
  assert_query (self, "SELECT count(*) FROM (SELECT 1 FROM dimple_history)", "2");
}

static void
test_range_uses_index (Database      *self,
                       gconstpointer  user_data)
{
  g_autofree char *plan = query (self, "EXPLAIN QUERY PLAN SELECT seq, id FROM dimple_log "
                                       "WHERE flags & 1 AND id BETWEEN 'a' AND 'b' AND author = 1");

  g_assert_nonnull (strstr (plan, "dimple_log_foreign (author=? AND id>? AND id<?)"));
}

static void
test_bad_id (Database      *self,
             gconstpointer  user_data)
{
  g_autoptr(DimpleTransaction) transaction = make_transaction (ELSEWHERE, 5, 1, "[]");
  g_autoptr(GError) error = NULL;

  transaction->id[14] = '4';
  g_assert_false (dimple_log_append (self->log, transaction, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
}

static void
test_new_author (Database      *self,
                 gconstpointer  user_data)
{
  char id[DIMPLE_UUID_SIZE];
  g_autofree char *before = g_strdup (dimple_log_writer_get_author (self->log));
  g_autoptr(GError) error = NULL;

  create (self, NOTES);
  edit (self, "INSERT INTO note (key) VALUES ('1')", NULL, id);
  g_assert_true (dimple_log_add_author (self->connection, "Laptop", &error));
  g_assert_true (dimple_log_writer_load (self->log, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (before, !=, dimple_log_writer_get_author (self->log));
  edit (self, "INSERT INTO note (key) VALUES ('2')", NULL, id);
  assert_query (self, "SELECT previous IS NULL, (SELECT name FROM dimple_author WHERE number = author) "
                      "FROM dimple_log ORDER BY seq", "1|NULL\n1|Laptop");
}

/* -- Others -------------------------------------------------------------------------------------------------------- */

static void
test_history (Database      *self,
              gconstpointer  user_data)
{
  char id[DIMPLE_UUID_SIZE];
  g_autofree char *expected = NULL;

  create (self, NOTES);
  edit (self, "INSERT INTO note VALUES ('k', 'Größe', x'ff', NULL)", NULL, id);
  edit (self, "UPDATE note SET title = 'T'", "Rename", id);
  edit (self, "DELETE FROM note", NULL, id);
  assert_query (self, "SELECT \"table\", key, operation, columns, old, new FROM dimple_history",
                "note|[\"k\"]|insert|[\"title\",\"body\",\"n\"]|NULL|"
                "{\"title\":\"Größe\",\"body\":{\"hex\":\"ff\"},\"n\":null}\n"
                "note|[\"k\"]|update|[\"title\"]|{\"title\":\"Größe\"}|{\"title\":\"T\"}\n"
                "note|[\"k\"]|delete|[\"title\",\"body\",\"n\"]|"
                "{\"title\":\"T\",\"body\":{\"hex\":\"ff\"},\"n\":null}|NULL");
  expected = query (self, "SELECT strftime ('%Y-%m-%d', 'now')");
  assert_query (self, "SELECT DISTINCT substr (time, 1, 10) FROM dimple_history", expected);
}

static void
test_too_new (Database      *self,
              gconstpointer  user_data)
{
  g_autoptr(GError) error = NULL;

  exec (self, "UPDATE dimple_state SET value = 2 WHERE name = 'format'");
  g_assert_false (dimple_log_create_tables (self->connection, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TOO_NEW);
}

static void
test_damaged_changes (void)
{
  static const char * const bad[] = {
    "", "{}", "[", "[{}]", "[1]", "[{\"rows\":[]}]",
    "[{\"table\":\"t\",\"key\":[],\"op\":\"insert\",\"columns\":[],\"rows\":[]}]",
    "[{\"table\":\"t\",\"key\":[\"k\"],\"op\":\"replace\",\"columns\":[],\"rows\":[]}]",
    "[{\"table\":\"t\",\"key\":[\"k\"],\"op\":\"insert\",\"columns\":[\"a\"],\"rows\":[[[\"1\"],[]]]}]",
    "[{\"table\":\"t\",\"key\":[\"k\"],\"op\":\"insert\",\"columns\":[\"a\"],\"rows\":[[[\"1\"],[1,2]]]}]",
    "[{\"table\":\"t\",\"key\":[\"k\"],\"op\":\"insert\",\"columns\":[\"a\"],\"rows\":[[[\"1\",\"2\"],[1]]]}]",
    "[{\"table\":\"t\",\"key\":[\"k\"],\"op\":\"insert\",\"columns\":[\"a\"],\"rows\":[[[null],[1]]]}]",
    "[{\"table\":\"t\",\"key\":[\"k\"],\"op\":\"insert\",\"columns\":[\"a\"],\"rows\":[[[\"1\"]]]}]",
    "[{\"table\":\"t\",\"key\":[\"k\"],\"op\":\"update\",\"columns\":[\"a\"],\"rows\":[[[\"1\"],[1],[1],[\"\"]]]}]",
    "[{\"table\":\"t\",\"key\":[\"k\"],\"op\":\"insert\",\"columns\":[\"a\"],\"rows\":[]},]",
    "[{\"table\":\"t\",\"key\":[\"k\"],\"op\":\"insert\",\"columns\":[\"a\"],\"rows\":[]}] x",
    "[{\"table\":\"t\",\"key\":[\"k\"],\"op\":\"insert\",\"columns\":[\"a\"],\"rows\":[],\"x\":1}]",
  };
  static const char * const good[] = {
    "[]",
    "[{\"table\":\"t\",\"later\":{\"a\":[1]},\"key\":[\"k\"],\"op\":\"update\",\"columns\":[\"a\"],"
    "\"rows\":[[[\"1\"],[1]],[[\"1\"],[1],null],[[\"1\"],[1],[2]]]}]",
    "[{\"table\":\"t\",\"key\":[\"k\"],\"op\":\"delete\",\"columns\":[\"a\"],\"rows\":[[[\"1\"]],[[\"1\"],[2]]]}]",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad) + G_N_ELEMENTS (good); i++)
    {
      gboolean is_good = i >= G_N_ELEMENTS (bad);
      const char *json = is_good ? good[i - G_N_ELEMENTS (bad)] : bad[i];
      g_autoptr(GBytes) changes = g_bytes_new (json, strlen (json));
      g_auto(DimpleChangeReader) reader = { 0 };
      g_autoptr(GError) error = NULL;

      dimple_change_reader_init (&reader, changes, 0);
      while (error == NULL && dimple_change_reader_next_group (&reader, &error))
        while (dimple_change_reader_next_row (&reader, &error))
          ;
      if (is_good)
        g_assert_no_error (error);
      else
        g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
    }
}

static void
assert_key (Database   *self,
            const char *table_name,
            const char *insert,
            const char *expected)
{
  g_autoptr(DimpleSchema) schema = NULL;
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GByteArray) record = g_byte_array_new ();
  g_autoptr(GByteArray) parsed = g_byte_array_new ();
  g_autoptr(GString) key = g_string_new (NULL);
  g_autoptr(GError) error = NULL;
  const DimpleTable *table;

  schema = dimple_schema_load (self->connection, &error);
  table = dimple_schema_find (schema, table_name);
  statement = dimple_connection_prepare (self->connection, insert, &error);
  g_assert_no_error (error);
  g_assert_true (dimple_statement_step (statement, &error));
  for (int i = 0; i < sqlite3_column_count (statement); i++)
    dimple_record_append_column (record, statement, i);
  dimple_key_append_record (key, table, record->data);
  g_assert_cmpstr (key->str, ==, expected);
  g_assert_true (dimple_key_parse (table, key->str, parsed, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (parsed->data, parsed->len, record->data, record->len);
}

static void
test_keys (Database      *self,
           gconstpointer  user_data)
{
  g_autoptr(DimpleSchema) schema = NULL;
  g_autoptr(GByteArray) record = g_byte_array_new ();
  static const char * const bad[] = { "", "a", "[\"a\"]", "[\"a\",1,2]", "[\"a\",null]", "[\"a\",{\"pruned\":true}]",
                                      "[\"a\",1] ,", "{}" };

  create (self, "CREATE TABLE note (key TEXT PRIMARY KEY); CREATE TABLE pair (a TEXT, b INT, PRIMARY KEY (a, b));"
                "CREATE TABLE free (key PRIMARY KEY)");
  assert_key (self, "note", "SELECT 'plain'", "plain");
  assert_key (self, "note", "SELECT ''", "");
  assert_key (self, "note", "SELECT '[\"a\"]'", "[\"a\"]");
  assert_key (self, "note", "SELECT '[{\"text\":1}]'", "[{\"text\":\"5b7b2274657874223a317d5d\"}]");
  assert_key (self, "note", "SELECT '[{\"hex\":\"00ff\"}]'", "[{\"text\":\"5b7b22686578223a2230306666227d5d\"}]");
  assert_key (self, "note", "SELECT x'00ff'", "[{\"hex\":\"00ff\"}]");
  assert_key (self, "note", "SELECT CAST (x'ff' AS TEXT)", "[{\"text\":\"ff\"}]");
  assert_key (self, "pair", "SELECT 'a', 1", "[\"a\",1]");
  assert_key (self, "free", "SELECT 1.5", "[1.5]");

  schema = dimple_schema_load (self->connection, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_false (dimple_key_parse (dimple_schema_find (schema, "pair"), bad[i], record, &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
      g_assert_cmpuint (record->len, ==, 0);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

#define ADD(path, function) g_test_add (path, Database, NULL, set_up, function, tear_down)
  ADD ("/log/format", test_format);
  ADD ("/log/nothing-changed", test_nothing_changed);
  ADD ("/log/chain", test_chain);
  ADD ("/log/next-run", test_next_run);
  ADD ("/log/failed-commit", test_failed_commit);
  ADD ("/log/parts", test_parts);
  ADD ("/log/wide-table", test_wide_table);
  ADD ("/log/append", test_append);
  ADD ("/log/range-uses-index", test_range_uses_index);
  ADD ("/log/bad-id", test_bad_id);
  ADD ("/log/new-author", test_new_author);
  ADD ("/log/history", test_history);
  ADD ("/log/too-new", test_too_new);
  ADD ("/log/keys", test_keys);
  g_test_add_func ("/log/damaged-changes", test_damaged_changes);
  return g_test_run ();
}
