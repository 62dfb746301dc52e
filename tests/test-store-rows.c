/* test-store-rows.c: rows as objects: reading, saving, types
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple.h"

static const char * const migrations[] = {
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT NOT NULL, stars INTEGER DEFAULT 1, body TEXT,"
  "                   size INTEGER AS (length (title)));"
  "CREATE TABLE tag (note TEXT, name TEXT, PRIMARY KEY (note, name))",
  NULL
};

static DimpleStore *
open_store (void)
{
  g_autoptr(GError) error = NULL;
  DimpleStore *store = dimple_store_open (NULL, &error);

  g_assert_no_error (error);
  dimple_store_migrate (store, migrations, &error);
  g_assert_no_error (error);
  return store;
}

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

static gint64
count_transactions (DimpleStore *store)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GObject) row = dimple_store_select_first (store, "SELECT count (*) AS n FROM dimple_log", NULL, &error);

  g_assert_no_error (error);
  return dimple_row_get_int64 (DIMPLE_ROW (row), "n");
}

static void
test_select (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autofree char *milk = insert (store, "note", "{'title': <'Milk'>}");
  g_autofree char *bread = insert (store, "note", "{'title': <'Bread'>, 'stars': <5>}");
  g_autoptr(GError) error = NULL;
  g_autoptr(GListModel) rows = NULL;
  g_autoptr(GObject) first = NULL, again = NULL, none = NULL;
  g_autofree char *title = NULL;

  rows = dimple_store_select (store, "SELECT * FROM note WHERE stars > ? ORDER BY title", g_variant_new_int32 (0),
                              &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_list_model_get_n_items (rows), ==, 2);
  first = g_list_model_get_item (rows, 0);
  again = g_list_model_get_item (rows, 0);
  g_assert_true (first == again);
  g_assert_null (g_list_model_get_item (rows, 2));
  g_object_get (first, "title", &title, NULL);
  g_assert_cmpstr (title, ==, "Bread");
  g_assert_cmpint (dimple_row_get_int64 (DIMPLE_ROW (first), "size"), ==, 5);
  g_assert_cmpstr (dimple_row_get_key (DIMPLE_ROW (first)), ==, bread);

  none = dimple_store_select_first (store, "SELECT * FROM note WHERE stars > 9", NULL, &error);
  g_assert_no_error (error);
  g_assert_null (none);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *sql;
    int         code;
  } cases[] = {
    { "SELECT * FROM nothing", DIMPLE_ERROR_SQL },
    { "DELETE FROM note", DIMPLE_ERROR_SQL },
    { "INSERT INTO note (title) VALUES ('x') RETURNING key", DIMPLE_ERROR_SQL },
    { "BEGIN", DIMPLE_ERROR_SQL },
    { "PRAGMA journal_mode = DELETE", DIMPLE_ERROR_SQL },
    { "SELECT ?", DIMPLE_ERROR_PARAMETERS },
  };
  g_autoptr(DimpleStore) store = open_store ();
  g_autofree char *key = insert (store, "note", "{'title': <'Milk'>}");
  g_autoptr(GObject) row = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint inside = 0; inside < 2; inside++)
      {
        g_autoptr(GError) error = NULL;

        g_test_message ("%s", cases[i].sql);
        if (inside)
          g_assert_true (dimple_store_begin (store, NULL));
        g_assert_null (dimple_store_select (store, cases[i].sql, NULL, &error));
        g_assert_error (error, DIMPLE_ERROR, cases[i].code);
        if (inside)
          g_assert_true (dimple_store_rollback (store, NULL));
      }
  g_assert_cmpint (count_transactions (store), ==, 1);
}

/* The same SQL again, of which the statement is still there. */
static void
test_select_after_migration (void)
{
  const char * const further[] = { migrations[0], "ALTER TABLE note ADD COLUMN colour TEXT DEFAULT 'red'", NULL };
  g_autoptr(DimpleStore) store = open_store ();
  g_autofree char *key = insert (store, "note", "{'title': <'Milk'>}");
  g_autoptr(GObject) before = dimple_store_select_first (store, "SELECT * FROM note", NULL, NULL);
  g_autoptr(GObject) after = NULL;
  g_autoptr(GError) error = NULL;

  dimple_store_migrate (store, further, &error);
  g_assert_no_error (error);
  after = dimple_store_select_first (store, "SELECT * FROM note", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (after), "colour"), ==, "red");
  g_assert_nonnull (before);
}

static void
test_inside_transaction (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(GError) error = NULL;
  g_autoptr(GListModel) inside = NULL, after = NULL;
  g_autofree char *key = NULL;

  g_assert_true (dimple_store_begin (store, &error));
  key = insert (store, "note", "{'title': <'Milk'>}");
  inside = dimple_store_select (store, "SELECT key FROM note", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_list_model_get_n_items (inside), ==, 1);
  g_assert_true (dimple_store_rollback (store, &error));
  after = dimple_store_select (store, "SELECT key FROM note", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_list_model_get_n_items (after), ==, 0);
}

static void
test_get (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autofree char *key = insert (store, "note", "{'title': <'Milk'>}");
  g_autofree char *tag = insert (store, "tag", "{'note': <'a'>, 'name': <'b'>}");
  g_autoptr(GError) error = NULL;
  g_autoptr(GObject) note = dimple_store_get (store, "note", key, &error);
  g_autoptr(GObject) pair = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (dimple_row_get_table (DIMPLE_ROW (note)), ==, "note");
  pair = dimple_store_get (store, "tag", tag, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (dimple_row_get_key (DIMPLE_ROW (pair)), ==, tag);

  g_assert_null (dimple_store_get (store, "note", "nobody", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (dimple_store_get (store, "nothing", "x", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_clear_error (&error);
  g_assert_null (dimple_store_get (store, "tag", "no array", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
}

/* The key that insert() gives is the row's, whoever chose it. */
static void
test_insert_keys (void)
{
  static const char * const scripts[] = {
    "CREATE TABLE own (key TEXT PRIMARY KEY, n INT);"
    "CREATE TABLE made (key TEXT PRIMARY KEY DEFAULT ('made ' || hex (randomblob (4))), n INT);"
    "CREATE TABLE pair (a TEXT, b INT DEFAULT 7, \"odd \"\"name\" TEXT, PRIMARY KEY (a, b));"
    "CREATE TABLE number (n NUMERIC PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TRIGGER refuse BEFORE INSERT ON own WHEN new.n < 0 BEGIN SELECT RAISE (IGNORE); END;"
    "CREATE TRIGGER refuse_made BEFORE INSERT ON made WHEN new.n < 0 BEGIN SELECT RAISE (IGNORE); END;",
    NULL
  };
  static const struct
  {
    const char *table;
    const char *values;
    const char *key;              /* NULL: whatever it is */
    int         code;             /* 0: it succeeds */
  } cases[] = {
    { "own", "{'n': <1>, 'key': <'given'>}", "given" },
    { "own", "{'KEY': <'Other case'>}", "Other case" },
    { "own", "{'key': <b'blob'>}", "[{\"hex\":\"626c6f6200\"}]" },
    { "own", "{'key': <5>}", "5" },
    { "own", "{'key': <<'boxed'>>}", "boxed" },
    { "own", "{'n': <1>}", NULL },
    { "own", "@a{sv} {}", NULL },
    { "own", "{'key': <'given'>}", NULL, DIMPLE_ERROR_CONSTRAINT },
    { "own", "{'key': <@ms nothing>}", NULL, DIMPLE_ERROR_CONSTRAINT },
    { "own", "{'n': <-1>}", NULL, DIMPLE_ERROR_CONSTRAINT },
    { "own", "{'m': <-1>}", NULL, DIMPLE_ERROR_SQL },
    { "own", "{'n': <{'a': 1}>}", NULL, DIMPLE_ERROR_PARAMETERS },
    { "own", "('n', 1)", NULL, DIMPLE_ERROR_PARAMETERS },
    { "made", "@a{sv} {}", NULL },
    { "made", "{'n': <-1>}", NULL, DIMPLE_ERROR_CONSTRAINT },
    { "pair", "{'odd \"name': <'x'>, 'a': <'one'>}", "[\"one\",7]" },
    { "number", "{'n': <'12'>}", "[12]" },
  };
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStore) store = dimple_store_open (NULL, &error);

  g_assert_no_error (error);
  dimple_store_migrate (store, scripts, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *key = dimple_store_insert (store, cases[i].table, g_variant_new_parsed (cases[i].values),
                                                  &error);
      g_autoptr(GObject) row = NULL;

      g_test_message ("%s %s: %s", cases[i].table, cases[i].values, key != NULL ? key : error->message);
      if (cases[i].code != 0)
        {
          g_assert_null (key);
          g_assert_error (error, DIMPLE_ERROR, cases[i].code);
          g_clear_error (&error);
          continue;
        }
      g_assert_no_error (error);
      if (cases[i].key != NULL)
        g_assert_cmpstr (key, ==, cases[i].key);
      row = dimple_store_get (store, cases[i].table, key, &error);
      g_assert_no_error (error);
    }
}

static void
test_save (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleRow) row = dimple_store_create_row (store, "note", &error);
  g_autoptr(GObject) read = NULL;

  g_assert_no_error (error);
  g_assert_null (dimple_row_get_key (row));

  /* What the schema refuses leaves the row as it was, its edits included. */
  g_object_set (row, "body", "two bottles", NULL);
  g_assert_false (dimple_store_save (store, G_OBJECT (row), &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
  g_clear_error (&error);
  g_assert_true (dimple_row_is_edited (row));

  g_object_set (row, "title", "Milk", NULL);
  g_assert_true (dimple_store_save (store, G_OBJECT (row), &error));
  g_assert_no_error (error);
  g_assert_false (dimple_row_is_edited (row));
  g_assert_nonnull (dimple_row_get_key (row));
  /* The table's DEFAULT and generated column. */
  g_assert_cmpint (dimple_row_get_int64 (row, "stars"), ==, 1);
  g_assert_cmpint (dimple_row_get_int64 (row, "size"), ==, 4);

  /* Nothing set: nothing written. */
  g_assert_true (dimple_store_save (store, G_OBJECT (row), &error));
  g_assert_cmpint (count_transactions (store), ==, 1);

  /* Only what was set: what another has written stays. */
  g_object_set (row, "stars", G_GINT64_CONSTANT (4), NULL);
  dimple_store_update (store, "note", dimple_row_get_key (row), g_variant_new_parsed ("{'title': <'Butter'>}"), &error);
  g_assert_no_error (error);
  g_assert_true (dimple_store_save (store, G_OBJECT (row), &error));
  g_assert_no_error (error);
  g_assert_cmpstr (dimple_row_get_string (row, "title"), ==, "Butter");
  read = dimple_store_get (store, "note", dimple_row_get_key (row), &error);
  g_assert_no_error (error);
  g_assert_cmpint (dimple_row_get_int64 (DIMPLE_ROW (read), "stars"), ==, 4);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (read), "title"), ==, "Butter");

  dimple_store_delete (store, "note", dimple_row_get_key (row), &error);
  g_assert_no_error (error);
  g_object_set (row, "stars", G_GINT64_CONSTANT (3), NULL);
  g_assert_false (dimple_store_save (store, G_OBJECT (row), &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND);
}

static void
test_save_refused (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autofree char *key = insert (store, "note", "{'title': <'Milk'>}");
  g_autoptr(GError) error = NULL;
  g_autoptr(GObject) count = dimple_store_select_first (store, "SELECT count (*) AS n FROM note", NULL, &error);
  g_autoptr(GObject) stranger = g_object_new (G_TYPE_OBJECT, NULL);

  g_assert_no_error (error);
  g_assert_false (dimple_store_save (store, count, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_READ_ONLY);
  g_clear_error (&error);
  g_assert_false (dimple_store_save (store, stranger, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE);
  g_clear_error (&error);
  g_assert_null (dimple_store_create_row (store, "nothing", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
}

static void
test_define (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autofree char *key = insert (store, "note", "{'title': <'Milk'>}");
  g_autoptr(GError) error = NULL;
  GType type = dimple_store_define_row_type (store, "StoreNoteRow", "SELECT key, title FROM note", &error);
  g_autoptr(GObject) row = NULL;

  g_assert_no_error (error);
  g_assert_true (g_type_is_a (type, DIMPLE_TYPE_ROW));
  g_assert_cmpuint (g_type_from_name ("StoreNoteRow"), ==, type);
  g_assert_cmpuint (dimple_store_define_row_type (store, "StoreNoteRow", "SELECT key, title FROM note WHERE 1", &error),
                    ==, type);
  g_assert_no_error (error);
  row = dimple_store_select_first (store, "SELECT key, title FROM note", NULL, &error);
  g_assert_cmpuint (G_OBJECT_TYPE (row), ==, type);

  g_assert_cmpuint (dimple_store_define_row_type (store, "StoreNoteRow", "SELECT key FROM note", &error), ==,
                    G_TYPE_INVALID);
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE);
  g_clear_error (&error);
  g_assert_cmpuint (dimple_store_define_row_type (store, "Other", "SELEKT", &error), ==, G_TYPE_INVALID);
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
}

/* -- Without blocking ---------------------------------------------------------------------------------------------- */

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

static void
test_async (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(GAsyncResult) saved = NULL, got = NULL, selected = NULL, missing = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleRow) row = dimple_store_create_row (store, "note", &error);
  g_autoptr(GObject) read = NULL;
  g_autoptr(GListModel) rows = NULL;

  g_object_set (row, "title", "Milk", "body", "one", NULL);
  dimple_store_save_async (store, G_OBJECT (row), NULL, take_result, &saved);
  /* Set while the save is under way: not saved, and not lost. */
  g_object_set (row, "body", "two", NULL);
  g_assert_true (dimple_store_save_finish (store, wait_for (&saved), &error));
  g_assert_no_error (error);
  g_assert_true (dimple_row_is_edited (row));
  g_assert_cmpstr (dimple_row_get_string (row, "body"), ==, "two");

  dimple_store_get_async (store, "note", dimple_row_get_key (row), NULL, take_result, &got);
  dimple_store_get_async (store, "note", "nobody", NULL, take_result, &missing);
  dimple_store_select_async (store, "SELECT * FROM note", NULL, NULL, take_result, &selected);
  read = dimple_store_get_finish (store, wait_for (&got), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (read), "body"), ==, "one");
  rows = dimple_store_select_finish (store, wait_for (&selected), &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_list_model_get_n_items (rows), ==, 1);
  g_assert_null (dimple_store_get_finish (store, wait_for (&missing), &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND);
  g_clear_error (&error);

  g_clear_object (&saved);
  dimple_store_save_async (store, G_OBJECT (row), NULL, take_result, &saved);
  g_assert_true (dimple_store_save_finish (store, wait_for (&saved), &error));
  g_assert_false (dimple_row_is_edited (row));
}

/* The same where the column is shown by another name. */
static void
test_async_alias (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autofree char *key = insert (store, "note", "{'title': <'Milk'>, 'body': <'none'>}");
  g_autoptr(GAsyncResult) saved = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GObject) row = dimple_store_select_first (store, "SELECT key, title, body AS words FROM note", NULL,
                                                      &error);

  g_assert_no_error (error);
  g_object_set (row, "words", "one", NULL);
  dimple_store_save_async (store, row, NULL, take_result, &saved);
  g_object_set (row, "words", "two", NULL);
  g_assert_true (dimple_store_save_finish (store, wait_for (&saved), &error));
  g_assert_no_error (error);
  g_assert_true (dimple_row_is_edited (DIMPLE_ROW (row)));
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "words"), ==, "two");
  g_assert_true (dimple_store_save (store, row, &error));
  g_assert_no_error (error);
  g_assert_false (dimple_row_is_edited (DIMPLE_ROW (row)));
}

/* What begins like a key that is no text is returned as one, so that the row is found by it. */
static void
test_special_key (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autofree char *key = insert (store, "note", "{'key': <'[{\"hex\":'>, 'title': <'Milk'>}");
  g_autoptr(GError) error = NULL;

  g_assert_true (dimple_store_update (store, "note", key, g_variant_new_parsed ("{'title': <'Bread'>}"), &error));
  g_assert_no_error (error);
}

static void
test_cancelled (void)
{
  g_autoptr(DimpleStore) store = open_store ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  dimple_store_select_async (store, "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n)"
                             " SELECT count (*) FROM n", NULL, cancellable, take_result, &result);
  g_usleep (1000);
  g_cancellable_cancel (cancellable);
  g_assert_null (dimple_store_select_finish (store, wait_for (&result), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/store-rows/select", test_select);
  g_test_add_func ("/store-rows/refused", test_refused);
  g_test_add_func ("/store-rows/inside-transaction", test_inside_transaction);
  g_test_add_func ("/store-rows/select-after-migration", test_select_after_migration);
  g_test_add_func ("/store-rows/get", test_get);
  g_test_add_func ("/store-rows/insert-keys", test_insert_keys);
  g_test_add_func ("/store-rows/save", test_save);
  g_test_add_func ("/store-rows/save-refused", test_save_refused);
  g_test_add_func ("/store-rows/define", test_define);
  g_test_add_func ("/store-rows/async", test_async);
  g_test_add_func ("/store-rows/async-alias", test_async_alias);
  g_test_add_func ("/store-rows/special-key", test_special_key);
  g_test_add_func ("/store-rows/cancelled", test_cancelled);
  return g_test_run ();
}
