/* test-store.c: opening, migrating and writing, and what the history says of it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple.h"

#include <glib/gstdio.h>
#include <sqlite3.h>

static const char * const notes[] = {
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT, stars INTEGER CHECK (stars < 6),"
  "                   folder REFERENCES folder ON DELETE CASCADE);"
  "CREATE TABLE tag (note TEXT, name TEXT, PRIMARY KEY (note, name)) WITHOUT ROWID",
  NULL
};

static char *
make_path (const char *name)
{
  return g_build_filename (g_get_user_data_dir (), name, NULL);
}

static DimpleStore *
open_store (const char         *path,
            const char * const *migrations)
{
  g_autoptr(GError) error = NULL;
  DimpleStore *store = dimple_store_open (path, &error);

  g_assert_no_error (error);
  dimple_store_migrate (store, migrations, &error);
  g_assert_no_error (error);
  return store;
}

/* What stock SQLite reads: the first column of all rows, one a line. */
static char *
read_file (const char *path,
           const char *sql)
{
  g_autoptr(GString) text = g_string_new (NULL);
  sqlite3_stmt *statement = NULL;
  sqlite3 *handle = NULL;

  g_assert_cmpint (sqlite3_open_v2 (path, &handle, SQLITE_OPEN_READWRITE, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_prepare_v2 (handle, sql, -1, &statement, NULL), ==, SQLITE_OK);
  while (sqlite3_step (statement) == SQLITE_ROW)
    g_string_append_printf (text, "%s\n", sqlite3_column_text (statement, 0));
  sqlite3_finalize (statement);
  sqlite3_close (handle);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

#define assert_file(path, sql, wanted) G_STMT_START { \
    g_autofree char *found_ = read_file (path, sql); \
    g_assert_cmpstr (found_, ==, wanted); \
  } G_STMT_END

/* Each change since the transaction numbered `after`: operation, table, and what changed. */
#define HISTORY "SELECT operation || ' ' || \"table\" || ' ' || key || ' ' || coalesce (old, '-') || ' ' || coalesce (new, '-')" \
                " FROM dimple_history WHERE script = 0 ORDER BY seq DESC LIMIT "

static char *
insert (DimpleStore *store,
        const char  *table,
        const char  *values)
{
  g_autoptr(GError) error = NULL;
  char *key = dimple_store_insert (store, table, g_variant_new_parsed (values), &error);

  g_assert_no_error (error);
  return key;
}

static void
execute (DimpleStore *store,
         const char  *sql)
{
  g_autoptr(GError) error = NULL;

  dimple_store_execute (store, sql, NULL, &error);
  g_assert_no_error (error);
}

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
  assert_file (path, HISTORY "1", "delete tag [\"a\",\"b\"] {} -\n");

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
      assert_file (path, "SELECT operation || ' ' || \"table\" || ' ' || key || ' ' || coalesce (old, '-') || ' ' ||"
                   " coalesce (new, '-') FROM dimple_history WHERE seq = (SELECT max (seq) FROM dimple_log)",
                   cases[i].history);
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
  g_assert_false (dimple_store_execute (store, "INSERT OR FAIL INTO folder VALUES ('d', 'D'), ('e', 'A')", NULL, &error));
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

static void
test_migrations (void)
{
  static const char * const second[] = {
    "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT)",
    "ALTER TABLE note ADD COLUMN stars INTEGER DEFAULT 1; UPDATE note SET stars = 5 WHERE title = 'Milk'",
    NULL
  };
  static const char * const changed[] = { "CREATE TABLE note (key TEXT PRIMARY KEY, title)", second[1], NULL };
  static const char * const first[] = { second[0], NULL };
  static const char * const broken[] = { second[0], second[1], "UPDATE note SET stars = 0; DROP TABLE nothing", NULL };
  static const char * const keyless[] = { second[0], second[1], "CREATE TABLE draft (id INTEGER PRIMARY KEY)", NULL };
  g_autofree char *path = make_path ("migrations.db");
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStore) store = open_store (path, first);
  g_autofree char *milk = insert (store, "note", "{'title': <'Milk'>}");
  g_autofree char *bread = insert (store, "note", "{'title': <'Bread'>}");

  g_assert_true (dimple_store_migrate (store, second, &error));
  g_assert_no_error (error);
  assert_file (path, "SELECT title || stars FROM note ORDER BY title", "Bread1\nMilk5\n");
  /* Only what differs from the DEFAULT is a change, and it is the script's. */
  assert_file (path, "SELECT script || operation || columns || new FROM dimple_history WHERE script > 0",
               "2update[\"stars\"]{\"stars\":5}\n");

  g_assert_false (dimple_store_migrate (store, first, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TOO_NEW);
  g_clear_error (&error);
  g_assert_false (dimple_store_migrate (store, changed, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION);
  g_clear_error (&error);
  g_assert_false (dimple_store_migrate (store, broken, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION);
  g_clear_error (&error);
  g_assert_false (dimple_store_migrate (store, keyless, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_UNTRACKABLE);
  g_clear_error (&error);
  assert_file (path, "SELECT stars FROM note ORDER BY title", "1\n5\n");
  assert_file (path, "SELECT count (*) FROM dimple_migration", "2\n");

  /* What failed left nothing behind: the store goes on. */
  g_assert_true (dimple_store_set_local (store, "draft", TRUE));
  g_assert_true (dimple_store_migrate (store, keyless, &error));
  g_assert_no_error (error);
  execute (store, "INSERT INTO draft DEFAULT VALUES");
  execute (store, "UPDATE note SET stars = 2 WHERE title = 'Milk'");
  assert_file (path, "SELECT count (*) FROM dimple_history WHERE script = 0", "3\n");
}

/* A rebuild under the same name deletes nothing and changes nothing. */
static void
test_rebuild (void)
{
  static const char * const rebuilt[] = {
    "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT)",
    "CREATE TABLE new_note (key TEXT PRIMARY KEY, title TEXT NOT NULL, name TEXT);"
    "INSERT INTO new_note SELECT key, title, upper (title) FROM note;"
    "DROP TABLE note; ALTER TABLE new_note RENAME TO note",
    NULL
  };
  static const char * const first[] = { rebuilt[0], NULL };
  g_autofree char *path = make_path ("rebuild.db");
  g_autoptr(DimpleStore) store = open_store (path, first);
  g_autofree char *key = insert (store, "note", "{'title': <'Milk'>}");
  g_autoptr(GError) error = NULL;

  g_assert_true (dimple_store_migrate (store, rebuilt, &error));
  g_assert_no_error (error);
  assert_file (path, "SELECT operation || \"table\" || new FROM dimple_history WHERE script > 0",
               "updatenote{\"name\":\"MILK\"}\n");
}

static void
test_open_errors (void)
{
  g_autofree char *path = make_path ("text.db");
  g_autofree char *below = make_path ("text.db/below/x.db");
  g_autofree char *newer = make_path ("newer.db");
  g_autofree char *text = g_strnfill (4096, 'x');
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStore) store = NULL;

  g_mkdir_with_parents (g_get_user_data_dir (), 0700);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_null (dimple_store_open (path, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_A_DATABASE);
  g_clear_error (&error);
  g_assert_null (dimple_store_open (below, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_READ_ONLY);
  g_clear_error (&error);

  store = open_store (newer, notes);
  g_assert_true (dimple_store_close (store, &error));
  g_free (read_file (newer, "UPDATE dimple_state SET value = 99 WHERE name = 'format' RETURNING value"));
  g_assert_null (dimple_store_open (newer, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TOO_NEW);
}

static void
test_close (void)
{
  g_autoptr(DimpleStore) store = open_store (NULL, notes);
  g_autoptr(GError) error = NULL;

  g_assert_true (dimple_store_begin (store, &error));
  g_assert_false (dimple_store_close (store, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_clear_error (&error);
  g_assert_true (dimple_store_rollback (store, &error));
  g_assert_true (dimple_store_close (store, &error));
  g_assert_true (dimple_store_close (store, &error));
  g_assert_false (dimple_store_execute (store, "DELETE FROM note", NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (dimple_store_migrate (store, notes, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CLOSED);
}

static void
count_changed (DimpleStore     *store,
               DimpleChangeSet *changes,
               GPtrArray       *sets)
{
  g_ptr_array_add (sets, dimple_change_set_ref (changes));
}

static void
test_changed (void)
{
  g_autoptr(DimpleStore) store = open_store (NULL, notes);
  g_autoptr(GPtrArray) sets = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_change_set_unref);
  g_auto(GStrv) keys = NULL;
  DimpleChangeSet *changes;

  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_signal_connect (store, "changed", G_CALLBACK (count_changed), sets);
  execute (store, "INSERT INTO folder VALUES ('a', 'A')");
  execute (store, "INSERT INTO folder VALUES ('b', 'B')");
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (sets->len, ==, 1);
  changes = g_ptr_array_index (sets, 0);
  g_assert_cmpint (dimple_change_set_get_origin (changes), ==, DIMPLE_ORIGIN_LOCAL);
  g_assert_true (g_strv_equal (dimple_change_set_get_tables (changes), (const char *[]) { "folder", NULL }));
  keys = dimple_change_set_dup_keys (changes, "folder");
  g_assert_true (g_strv_equal ((const char **) keys, (const char *[]) { "a", "b", NULL }));

  execute (store, "UPDATE folder SET name = 'C' WHERE key = 'a'");
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (sets->len, ==, 2);
  changes = g_ptr_array_index (sets, 1);
  g_assert_true (dimple_change_set_has_column (changes, "folder", "name"));
  g_assert_false (dimple_change_set_has_column (changes, "folder", "key"));
  g_assert_false (dimple_change_set_has_column (changes, "note", "title"));
}

static gpointer
write_a_hundred (gpointer store)
{
  for (guint i = 0; i < 100; i++)
    g_free (insert (store, "note", "{'title': <'x'>}"));
  return NULL;
}

static void
test_threads (void)
{
  g_autofree char *path = make_path ("threads.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("writer", write_a_hundred, store);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  assert_file (path, "SELECT count (*) FROM note", "400\n");
  /* In one chain: each names the one before it. */
  assert_file (path, "SELECT count (*) FROM dimple_log a JOIN dimple_log b ON a.previous = b.id", "399\n");
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
test_batch (void)
{
  g_autofree char *path = make_path ("batch.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);
  g_autoptr(DimpleBatch) batch = dimple_batch_new (store);
  g_autoptr(DimpleBatch) failing = dimple_batch_new (store);
  g_autoptr(GError) error = NULL;
  g_autofree char *key = dimple_batch_insert (batch, "note", g_variant_new_parsed ("{'title': <'Milk'>}"));
  g_autofree char *given = dimple_batch_insert (batch, "folder", g_variant_new_parsed ("{'key': <'f'>, 'name': <'F'>}"));
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

/* -- Without blocking ----------------------------------------------------------------------------------------------- */

static void
take_result (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static GAsyncResult *
wait_for (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return *result;
}

static gboolean
rename_notes (DimpleStore  *store,
              gpointer      main_thread,
              GError      **error)
{
  g_assert_true (g_thread_self () != main_thread);
  return dimple_store_execute (store, "UPDATE note SET title = ?", g_variant_new_string ("Bread"), error);
}

static void
test_async (void)
{
  g_autofree char *path = make_path ("async.db");
  g_autoptr(GAsyncResult) opened = NULL, migrated = NULL, inserted = NULL, refused = NULL, changed = NULL, closed = NULL;
  g_autoptr(DimpleStore) store = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *key = NULL;

  dimple_store_open_async (path, NULL, take_result, &opened);
  store = dimple_store_open_finish (wait_for (&opened), &error);
  g_assert_no_error (error);

  /* In the order of the calls, without waiting between them. */
  dimple_store_migrate_async (store, notes, NULL, take_result, &migrated);
  dimple_store_insert_async (store, "note", g_variant_new_parsed ("{'title': <'Milk'>}"), NULL, take_result, &inserted);
  dimple_store_execute_async (store, "SELEKT", NULL, NULL, take_result, &refused);
  dimple_store_transaction_async (store, rename_notes, g_thread_self (), NULL, NULL, take_result, &changed);
  dimple_store_close_async (store, NULL, take_result, &closed);
  wait_for (&closed);

  g_assert_true (dimple_store_migrate_finish (store, migrated, &error));
  key = dimple_store_insert_finish (store, inserted, &error);
  g_assert_no_error (error);
  g_assert_false (dimple_store_execute_finish (store, refused, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_clear_error (&error);
  g_assert_true (dimple_store_transaction_finish (store, changed, &error));
  g_assert_true (dimple_store_close_finish (store, closed, &error));
  g_assert_no_error (error);
  assert_file (path, "SELECT title FROM note", "Bread\n");
}

static void
test_cancelled (void)
{
  g_autoptr(DimpleStore) store = open_store (NULL, notes);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *key = NULL;

  g_cancellable_cancel (cancellable);
  dimple_store_insert_async (store, "note", g_variant_new_parsed ("{'title': <'Milk'>}"), cancellable, take_result,
                             &result);
  key = dimple_store_insert_finish (store, wait_for (&result), &error);
  g_assert_null (key);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_batch_async (void)
{
  g_autoptr(DimpleStore) store = open_store (NULL, notes);
  g_autoptr(DimpleBatch) batch = dimple_batch_new (store);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  guint n_changed = 0;

  dimple_test_wait_idle (store);
  g_signal_connect_swapped (store, "changed", G_CALLBACK (g_atomic_int_inc), &n_changed);
  for (guint i = 0; i < 100; i++)
    g_free (dimple_batch_insert (batch, "note", g_variant_new_parsed ("{'title': <'x'>}")));
  dimple_batch_commit_async (batch, NULL, take_result, &result);
  g_assert_true (dimple_batch_commit_finish (batch, wait_for (&result), &error));
  g_assert_no_error (error);
  dimple_test_wait_idle (store);
  g_assert_cmpuint (n_changed, ==, 1);
}

/* A store whose last reference is dropped while its thread works ends all the same. */
static void
test_dropped (void)
{
  g_autofree char *path = make_path ("dropped.db");
  DimpleStore *store = open_store (path, notes);

  for (guint i = 0; i < 20; i++)
    dimple_store_insert_async (store, "note", g_variant_new_parsed ("{'title': <'x'>}"), NULL, NULL, NULL);
  g_object_add_weak_pointer (G_OBJECT (store), (gpointer *) &store);
  g_object_unref (store);
  while (store != NULL)
    g_main_context_iteration (NULL, FALSE);
  assert_file (path, "SELECT count (*) FROM note", "20\n");
}

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

/* Runs the main loop until a set has come; an hour would be a hang. */
static DimpleChangeSet *
wait_for_set (GPtrArray *sets)
{
  while (sets->len == 0)
    g_main_context_iteration (NULL, TRUE);
  return g_ptr_array_index (sets, 0);
}

/* Two connections to one file are to each other what two processes are. */
static void
test_other_process (void)
{
  g_autofree char *path = make_path ("others.db");
  g_autoptr(DimpleStore) store = open_store (path, notes);
  g_autoptr(DimpleStore) other = open_store (path, notes);
  g_autoptr(GPtrArray) sets = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_change_set_unref);
  g_auto(GStrv) keys = NULL;
  DimpleChangeSet *changes;

  dimple_test_wait_idle (store);
  g_signal_connect (store, "changed", G_CALLBACK (count_changed), sets);
  execute (other, "INSERT INTO folder VALUES ('a', 'A')");
  changes = wait_for_set (sets);
  g_assert_cmpint (dimple_change_set_get_origin (changes), ==, DIMPLE_ORIGIN_PROCESS);
  keys = dimple_change_set_dup_keys (changes, "folder");
  g_assert_true (g_strv_equal ((const char **) keys, (const char *[]) { "a", NULL }));
  g_assert_false (dimple_change_set_has_column (changes, "note", "title"));
  dimple_test_wait_idle (store);
  g_ptr_array_set_size (sets, 0);

  /* Somebody who knows nothing of Dimple: anything may have changed. */
  g_free (read_file (path, "INSERT INTO note (key, title) VALUES ('x', 'X') RETURNING key"));
  changes = wait_for_set (sets);
  g_assert_true (dimple_change_set_has_column (changes, "note", "title"));

  /* The two write in turn, and each builds on what the other wrote. */
  execute (store, "UPDATE folder SET name = 'B'");
  execute (other, "UPDATE folder SET name = 'C'");
  execute (store, "UPDATE folder SET name = 'D'");
  assert_file (path, "SELECT name FROM folder", "D\n");
  assert_file (path, "SELECT count (DISTINCT id) FROM dimple_log", "4\n");
  dimple_test_wait_idle (store);
  dimple_test_wait_idle (other);
}

static gpointer
open_and_close (gpointer path)
{
  DimpleStore *store = open_store (path, notes);
  g_autoptr(GError) error = NULL;

  dimple_store_close (store, &error);
  g_assert_no_error (error);
  g_object_unref (store);
  return NULL;
}

/* Two processes of an app that start for the first time, say: here they are threads, which SQLite tells apart as well. */
static void
test_open_at_once (void)
{
  for (guint i = 0; i < 30; i++)
    {
      g_autofree char *name = g_strdup_printf ("at-once-%u.db", i);
      g_autofree char *path = make_path (name);
      GThread *threads[4];

      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        threads[j] = g_thread_new ("opens", open_and_close, path);
      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        g_thread_join (threads[j]);
    }
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
  g_test_add_func ("/store/migrations", test_migrations);
  g_test_add_func ("/store/rebuild", test_rebuild);
  g_test_add_func ("/store/open-errors", test_open_errors);
  g_test_add_func ("/store/open-at-once", test_open_at_once);
  g_test_add_func ("/store/close", test_close);
  g_test_add_func ("/store/changed", test_changed);
  g_test_add_func ("/store/batch", test_batch);
  g_test_add_func ("/store/batch-keys", test_batch_keys);
  g_test_add_func ("/store/threads", test_threads);
  g_test_add_func ("/store/async", test_async);
  g_test_add_func ("/store/cancelled", test_cancelled);
  g_test_add_func ("/store/batch-async", test_batch_async);
  g_test_add_func ("/store/dropped", test_dropped);
  g_test_add_func ("/store/author", test_author);
  g_test_add_func ("/store/clock", test_clock);
  g_test_add_func ("/store/clock-long-ago", test_clock_long_ago);
  g_test_add_func ("/store/other-process", test_other_process);
  return g_test_run ();
}
