/* test-store.c: writing, and what the history says of it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "store-fixture.h"

/* Changes as the history has them: operation, table, key, and what changed */
#define HISTORY "SELECT operation || ' ' || \"table\" || ' ' || key || ' ' || coalesce (old, '-') || ' ' ||" \
                " coalesce (new, '-') FROM dimple_history "

static void
test_rows (void)
{
  g_autofree char *path = make_path ("rows.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);
  g_autoptr(GError) error = NULL;
  g_autofree char *key = insert (store, "note", "{'title': <'Milk'>, 'stars': <3>}");
  g_autofree char *tag = insert (store, "tag", "{'note': <'a'>, 'name': <'b'>}");

  g_assert_cmpuint (strlen (key), ==, 36);
  g_assert_cmpstr (tag, ==, "[\"a\",\"b\"]");
  assert_file (path, "SELECT title || stars FROM note", "Milk3\n");

  g_assert_true (dimple_store_update (store, "note", key, g_variant_new_parsed ("{'stars': <4>}"), &error));
  g_assert_no_error (error);
  assert_file (path, "SELECT operation || columns || old || new FROM dimple_history ORDER BY seq DESC LIMIT 1",
               "update[\"stars\"]{\"stars\":3}{\"stars\":4}\n");

  g_assert_true (dimple_store_delete (store, "tag", tag, &error));
  g_assert_no_error (error);
  assert_file (path, HISTORY "WHERE script = 0 ORDER BY seq DESC LIMIT 1", "delete tag [\"a\",\"b\"] {} -\n");

  g_assert_false (dimple_store_delete (store, "tag", tag, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_false (dimple_store_update (store, "note", "nobody", g_variant_new_parsed ("{'stars': <4>}"), &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND);
}

static void
test_no_op (void)
{
  g_autofree char *path = make_path ("no-op.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);
  g_autofree char *key = insert (store, "note", "{'title': <'Milk'>}");
  g_autofree char *before = read_file (path, "SELECT count (*) FROM dimple_log");
  g_autoptr(GError) error = NULL;

  dimple_store_update (store, "note", key, g_variant_new_parsed ("{'title': <'Milk'>}"), &error);
  g_assert_no_error (error);
  execute (store, "UPDATE note SET title = title || ''");
  g_assert_true (dimple_store_begin (store, &error));
  execute (store, "UPDATE note SET title = 'Bread'");
  execute (store, "UPDATE note SET title = 'Milk'");
  execute (store, "INSERT INTO folder VALUES ('f', 'n')");
  execute (store, "DELETE FROM folder");
  g_assert_true (dimple_store_commit (store, &error));
  assert_file (path, "SELECT count (*) FROM dimple_log", before);
}

/* Whatever changes a row, the history has it. */
static void
test_capture (void)
{
  static const struct
  {
    const char *sql;
    const char *history;          /* newest first is not wanted: as the log has it */
  } cases[] = {
    { "INSERT INTO folder VALUES ('f', 'F'), ('g', 'G')",
      "insert folder [\"f\"] - {\"name\":\"F\"}\ninsert folder [\"g\"] - {\"name\":\"G\"}\n" },
    { "INSERT INTO note VALUES ('1', 'One', NULL, NULL, 'f')",
      "insert note [\"1\"] - {\"title\":\"One\",\"body\":null,\"stars\":null,\"folder\":\"f\"}\n" },
    { "REPLACE INTO folder VALUES ('x', 'G')",
      "insert folder [\"x\"] - {\"name\":\"G\"}\ndelete folder [\"g\"] {\"name\":\"G\"} -\n" },
    { "UPDATE folder SET key = 'y' WHERE key = 'x'",
      "insert folder [\"y\"] - {\"name\":\"G\"}\ndelete folder [\"x\"] {\"name\":\"G\"} -\n" },
    { "INSERT INTO note VALUES ('1', 'Uno', NULL, 1, 'f') ON CONFLICT (key) DO UPDATE SET title = excluded.title",
      "update note [\"1\"] {\"title\":\"One\"} {\"title\":\"Uno\"}\n" },
    { "DELETE FROM folder WHERE key = 'f'",
      "delete folder [\"f\"] {\"name\":\"F\"} -\n"
      "delete note [\"1\"] {\"title\":\"Uno\",\"body\":null,\"stars\":null,\"folder\":\"f\"} -\n" },
    { "INSERT INTO tag VALUES ('n', 't')", "insert tag [\"n\",\"t\"] - {}\n" },
    { "DELETE FROM tag", "delete tag [\"n\",\"t\"] {} -\n" },
    { "DELETE FROM folder", "delete folder [\"y\"] {\"name\":\"G\"} -\n" },
  };
  g_autofree char *path = make_path ("capture.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      execute (store, cases[i].sql);
      assert_file (path, HISTORY "WHERE seq = (SELECT max (seq) FROM dimple_log)", cases[i].history);
    }
}

static gboolean
fail_half_way (DimpleStore  *store,
               gpointer      user_data,
               GError      **error)
{
  execute (store, "INSERT INTO folder VALUES ('half', 'way')");
  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED, "on purpose");
  return FALSE;
}

static void
test_transactions (void)
{
  g_autofree char *path = make_path ("transactions.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);
  g_autoptr(GError) error = NULL;

  g_assert_false (dimple_store_transaction (store, fail_half_way, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "on purpose");
  g_clear_error (&error);

  g_assert_true (dimple_store_begin (store, &error));
  execute (store, "INSERT INTO folder VALUES ('a', 'A')");
  g_assert_true (dimple_store_begin (store, &error));
  execute (store, "INSERT INTO folder VALUES ('b', 'B')");
  g_assert_true (dimple_store_rollback (store, &error));
  g_assert_true (dimple_store_begin (store, &error));
  execute (store, "INSERT INTO folder VALUES ('c', 'C')");
  g_assert_true (dimple_store_commit (store, &error));
  g_assert_true (dimple_store_commit (store, &error));
  g_assert_no_error (error);
  assert_file (path, "SELECT key FROM folder ORDER BY key", "a\nc\n");
  assert_file (path, "SELECT count (*) FROM dimple_log", "1\n");

  /* A call that fails has changed nothing, also where SQLite would keep the half of it. */
  g_assert_true (dimple_store_begin (store, &error));
  g_assert_false (dimple_store_execute (store, "INSERT OR FAIL INTO folder VALUES ('d', 'D'), ('e', 'A')", NULL,
                                        &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
  g_clear_error (&error);
  g_assert_false (dimple_store_execute (store, "INSERT INTO folder VALUES ('d', 'D'), ('e', 'A')", NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
  g_clear_error (&error);
  execute (store, "INSERT INTO folder VALUES ('f', 'F')");
  g_assert_true (dimple_store_commit (store, &error));
  g_assert_no_error (error);
  assert_file (path, "SELECT key FROM folder ORDER BY key", "a\nc\nf\n");

  g_assert_false (dimple_store_commit (store, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_clear_error (&error);
  g_assert_false (dimple_store_rollback (store, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
}

/* Bad input: its own code, and nothing changed. */
static void
test_refused (void)
{
  static const struct
  {
    const char *sql;
    const char *parameters;      /* NULL: none */
    int         code;
  } cases[] = {
    { "SELEKT 1", NULL, DIMPLE_ERROR_SQL },
    { "SELECT * FROM nothing", NULL, DIMPLE_ERROR_SQL },
    { "UPDATE note SET nothing = 1", NULL, DIMPLE_ERROR_SQL },
    { "UPDATE note SET title = \"nothing\"", NULL, DIMPLE_ERROR_SQL },
    { "SELECT 1; SELECT 2", NULL, DIMPLE_ERROR_SQL },
    { "", NULL, DIMPLE_ERROR_SQL },
    { "BEGIN", NULL, DIMPLE_ERROR_SQL },
    { "COMMIT", NULL, DIMPLE_ERROR_SQL },
    { "SAVEPOINT x", NULL, DIMPLE_ERROR_SQL },
    { "ATTACH ':memory:' AS x", NULL, DIMPLE_ERROR_SQL },
    { "  /* so */ -- so\n VACUUM", NULL, DIMPLE_ERROR_SQL },
    { "PRAGMA foreign_keys = OFF", NULL, DIMPLE_ERROR_SQL },
    { "CREATE TABLE x (key TEXT PRIMARY KEY)", NULL, DIMPLE_ERROR_SQL },
    { "DROP TABLE note", NULL, DIMPLE_ERROR_SQL },
    { "DELETE FROM dimple_log", NULL, DIMPLE_ERROR_SQL },
    { "UPDATE dimple_state SET value = 7", NULL, DIMPLE_ERROR_SQL },
    { "UPDATE note SET title = ?", NULL, DIMPLE_ERROR_PARAMETERS },
    { "UPDATE note SET title = ?", "('a', 'b')", DIMPLE_ERROR_PARAMETERS },
    { "UPDATE note SET title = ?", "([1, 2],)", DIMPLE_ERROR_PARAMETERS },
    { "UPDATE note SET title = :t", "{'u': <'x'>}", DIMPLE_ERROR_PARAMETERS },
    { "UPDATE note SET title = :t", "{'t': <'x'>, 'u': <'x'>}", DIMPLE_ERROR_PARAMETERS },
    { "UPDATE note SET title = 'x'", "'y'", DIMPLE_ERROR_PARAMETERS },
    { "UPDATE note SET title = NULL", NULL, DIMPLE_ERROR_CONSTRAINT },
    { "UPDATE note SET stars = 6", NULL, DIMPLE_ERROR_CONSTRAINT },
    { "UPDATE note SET folder = 'nobody'", NULL, DIMPLE_ERROR_CONSTRAINT },
    { "INSERT INTO note VALUES (NULL, 'a', NULL, NULL, NULL)", NULL, DIMPLE_ERROR_CONSTRAINT },
  };
  g_autofree char *path = make_path ("refused.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);
  g_autofree char *key = insert (store, "note", "{'title': <'Milk'>}");
  g_autofree char *before = read_file (path, "SELECT count (*) || max (seq) FROM dimple_log");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;
      GVariant *parameters = cases[i].parameters != NULL ? g_variant_new_parsed (cases[i].parameters) : NULL;

      g_test_message ("%s", cases[i].sql);
      g_assert_false (dimple_store_execute (store, cases[i].sql, parameters, &error));
      g_assert_error (error, DIMPLE_ERROR, cases[i].code);
      g_assert_cmpuint (strlen (error->message), >, 10);
    }
  assert_file (path, "SELECT count (*) || max (seq) FROM dimple_log", before);
  assert_file (path, "SELECT title FROM note", "Milk\n");
}

static void
test_refused_rows (void)
{
  static const struct
  {
    const char *table;
    const char *values;
    int         code;
  } cases[] = {
    { "nothing", "{'title': <'x'>}", DIMPLE_ERROR_SQL },
    { "note", "{'nothing': <'x'>}", DIMPLE_ERROR_SQL },
    { "note", "{'title': <(1, 2)>}", DIMPLE_ERROR_PARAMETERS },
    { "note", "{'title': <@ms nothing>}", DIMPLE_ERROR_CONSTRAINT },
    { "note", "'title'", DIMPLE_ERROR_PARAMETERS },
    { "folder", "{'name': <'taken'>}", DIMPLE_ERROR_CONSTRAINT },
  };
  g_autofree char *path = make_path ("refused-rows.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);
  g_autofree char *key = insert (store, "folder", "{'name': <'taken'>}");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (dimple_store_insert (store, cases[i].table, g_variant_new_parsed (cases[i].values), &error));
      g_assert_error (error, DIMPLE_ERROR, cases[i].code);
    }
  assert_file (path, "SELECT count (*) FROM dimple_log", "1\n");
}

/* -- Batches ------------------------------------------------------------------------------------------------------- */

static void
test_batch (void)
{
  g_autofree char *path = make_path ("batch.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);
  g_autoptr(DimpleBatch) batch = dimple_batch_new (store);
  g_autoptr(DimpleBatch) failing = dimple_batch_new (store);
  g_autoptr(GError) error = NULL;
  g_autofree char *key = dimple_batch_insert (batch, "note", g_variant_new_parsed ("{'title': <'Milk'>}"));
  g_autofree char *given = dimple_batch_insert (batch, "folder",
                                                g_variant_new_parsed ("{'key': <'f'>, 'name': <'F'>}"));
  g_autofree char *pair = dimple_batch_insert (batch, "tag", g_variant_new_parsed ("{'note': <'n'>, 'name': <'t'>}"));

  g_assert_cmpuint (strlen (key), ==, 36);
  g_assert_cmpstr (given, ==, "f");
  g_assert_null (pair);
  dimple_batch_update (batch, "note", key, g_variant_new_parsed ("{'folder': <'f'>}"));
  dimple_batch_execute (batch, "UPDATE note SET stars = ?", g_variant_new_int32 (2));
  dimple_batch_delete (batch, "tag", "[\"n\",\"t\"]");
  assert_file (path, "SELECT count (*) FROM note", "0\n");
  g_assert_true (dimple_batch_commit (batch, &error));
  g_assert_no_error (error);
  assert_file (path, "SELECT title || folder || stars FROM note", "Milkf2\n");
  assert_file (path, "SELECT count (*) FROM dimple_log", "1\n");
  assert_file (path, "SELECT count (*) FROM tag", "0\n");
  g_assert_false (dimple_batch_commit (batch, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED);
  g_clear_error (&error);

  dimple_batch_execute (failing, "DELETE FROM note", NULL);
  dimple_batch_delete (failing, "note", "nobody");
  g_assert_false (dimple_batch_commit (failing, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "Step 2"));
  assert_file (path, "SELECT count (*) FROM note", "1\n");
}

static void
test_batch_keys (void)
{
  const char * const renamed[] = { "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT)",
                                   "ALTER TABLE note RENAME COLUMN key TO id", NULL };
  const char * const first[] = { renamed[0], NULL };
  g_autoptr(DimpleStore) store = dimple_store_open (NULL, NULL);
  g_autoptr(DimpleBatch) batch = dimple_batch_new (store);
  g_autoptr(DimpleBatch) without = dimple_batch_new (store);
  g_autoptr(DimpleBatch) late = dimple_batch_new (store);
  g_autofree char *given = NULL, *none = NULL, *fresh = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (dimple_store_migrate (store, first, &error));
  given = dimple_batch_insert (batch, "note", g_variant_new_parsed ("{'title': <'Milk'>, 'KEY': <'k'>}"));
  g_assert_cmpstr (given, ==, "k");
  g_assert_true (dimple_batch_commit (batch, &error));
  g_assert_no_error (error);

  /* NULL is no key, and no wish for a new one either. */
  none = dimple_batch_insert (without, "note", g_variant_new_parsed ("{'title': <'Milk'>, 'key': <@ms nothing>}"));
  g_assert_null (none);
  g_assert_false (dimple_batch_commit (without, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
  g_clear_error (&error);

  fresh = dimple_batch_insert (late, "note", g_variant_new_parsed ("{'title': <'Milk'>}"));
  g_assert_nonnull (fresh);
  g_assert_true (dimple_store_migrate (store, renamed, &error));
  g_assert_false (dimple_batch_commit (late, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
}

/* -- Who, and when ------------------------------------------------------------------------------------------------- */

static void
test_author (void)
{
  g_autofree char *path = make_path ("author.db");
  g_autofree char *first = NULL, *again = NULL, *name = NULL, *renamed = NULL;
  g_autoptr(DimpleStore) store = open_store (path, notes);

  g_object_get (store, "author", &first, "author-name", &name, NULL);
  g_assert_true (g_uuid_string_is_valid (first));
  g_assert_cmpuint (strlen (name), >, 0);
  g_object_set (store, "author-name", "Kitchen", NULL);
  g_clear_object (&store);
  store = open_store (path, notes);
  g_object_get (store, "author", &again, "author-name", &renamed, NULL);
  g_assert_cmpstr (first, ==, again);
  g_assert_cmpstr (renamed, ==, "Kitchen");
}

static void
test_clock (void)
{
  g_autofree char *path = make_path ("clock.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);
  g_autoptr(GDateTime) future = g_date_time_new_utc (2100, 1, 2, 3, 4, 5);
  g_autoptr(GDateTime) past = g_date_time_new_utc (1980, 1, 2, 3, 4, 5);

  dimple_test_set_time (store, future);
  g_free (insert (store, "note", "{'title': <'x'>}"));
  dimple_test_set_time (store, past);
  g_free (insert (store, "note", "{'title': <'y'>}"));
  assert_file (path, "SELECT time FROM dimple_history ORDER BY \"transaction\"",
               "2100-01-02T03:04:05.000Z\n2100-01-02T03:04:05.000Z\n");
  assert_file (path, "SELECT count (DISTINCT id) FROM dimple_log", "2\n");
}

/* A time that no id can say is not the real one instead. */
static void
test_clock_long_ago (void)
{
  g_autofree char *path = make_path ("long-ago.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);
  g_autoptr(GDateTime) time = g_date_time_new_utc (1023, 1, 2, 3, 4, 5);

  dimple_test_set_time (store, time);
  g_free (insert (store, "note", "{'title': <'x'>}"));
  assert_file (path, "SELECT time FROM dimple_history", "1970-01-01T00:00:00.000Z\n");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/store/rows", test_rows);
  g_test_add_func ("/store/no-op", test_no_op);
  g_test_add_func ("/store/capture", test_capture);
  g_test_add_func ("/store/transactions", test_transactions);
  g_test_add_func ("/store/refused", test_refused);
  g_test_add_func ("/store/refused-rows", test_refused_rows);
  g_test_add_func ("/store/batch", test_batch);
  g_test_add_func ("/store/batch-keys", test_batch_keys);
  g_test_add_func ("/store/author", test_author);
  g_test_add_func ("/store/clock", test_clock);
  g_test_add_func ("/store/clock-long-ago", test_clock_long_ago);
  return g_test_run ();
}
