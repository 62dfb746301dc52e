/* test-conflicts.c: rows that cannot be shown: the list of them, and how they are resolved
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "store-exchange.h"

#include "dimple-error.h"

static const char * const migrations[] = {
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
  "                     stars INTEGER CHECK (stars < 9));"
  "CREATE TABLE note (key TEXT PRIMARY KEY, folder TEXT REFERENCES folder (key) ON DELETE CASCADE, title TEXT,"
  "                   done BOOLEAN, slug TEXT AS (lower (title)));"
  "CREATE UNIQUE INDEX note_title ON note (lower (title)) WHERE done IS NOT TRUE;"
  "CREATE TABLE tag (note TEXT, name TEXT COLLATE NOCASE, colour TEXT, PRIMARY KEY (note, name))",
  NULL
};

/* Two devices that do not know of each other's folder "Work". */
static void
open_devices (DimpleStore **a,
              DimpleStore **b)
{
  *a = open_store (migrations);
  *b = open_store (migrations);
  g_object_set (*a, "author-name", "Laptop", NULL);
  g_object_set (*b, "author-name", "Phone", NULL);
  set_second (*a, 1);
  execute (*a, "INSERT INTO folder (key, name) VALUES ('f1', 'Work')");
  set_second (*b, 2);
  execute (*b, "INSERT INTO folder (key, name, stars) VALUES ('f2', 'WORK', 3)");
}

static DimpleConflict *
get_only (GListModel *conflicts)
{
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 1);
  return g_list_model_get_item (conflicts, 0);
}

static void
assert_rivals (DimpleConflict *conflict,
               const char     *expected)
{
  g_autoptr(GListModel) rivals = NULL;
  g_autoptr(GString) keys = g_string_new (NULL);

  g_object_get (conflict, "rivals", &rivals, NULL);
  for (guint i = 0; i < g_list_model_get_n_items (rivals); i++)
    {
      g_autoptr(DimpleRow) row = g_list_model_get_item (rivals, i);

      g_string_append_printf (keys, "%s%s", i > 0 ? " " : "", dimple_row_get_string (row, "key"));
    }
  g_assert_cmpstr (keys->str, ==, expected);
}

static void
count_changes (GListModel *model,
               guint       position,
               guint       removed,
               guint       added,
               guint      *n)
{
  (*n)++;
}

/* -- What is told -------------------------------------------------------------------------------------------------- */

static void
test_properties (void)
{
  g_autoptr(DimpleStore) a = NULL, b = NULL;
  g_autoptr(GListModel) conflicts = NULL, again = NULL;
  g_autoptr(DimpleConflict) conflict = NULL;
  g_autoptr(DimpleRow) row = NULL;
  g_autoptr(GDateTime) time = NULL;
  g_autofree char *table = NULL, *key = NULL, *message = NULL, *name = NULL, *when = NULL;
  DimpleConflictReason reason;

  open_devices (&a, &b);
  conflicts = dimple_store_get_conflicts (a);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 0);
  g_assert_true (g_list_model_get_item_type (conflicts) == DIMPLE_TYPE_CONFLICT);
  bring (b, a);
  dimple_test_wait_idle (a);
  conflict = get_only (conflicts);
  g_object_get (conflict, "table", &table, "key", &key, "reason", &reason, "message", &message, "row", &row, "time",
                &time, "author-name", &name, NULL);
  g_assert_cmpstr (table, ==, "folder");
  g_assert_cmpstr (key, ==, "f2");
  g_assert_cmpint (reason, ==, DIMPLE_CONFLICT_UNIQUE);
  g_assert_nonnull (strstr (message, "folder"));
  g_assert_cmpstr (dimple_row_get_string (row, "name"), ==, "WORK");
  g_assert_cmpint (dimple_row_get_int64 (row, "stars"), ==, 3);
  when = g_date_time_format_iso8601 (time);
  g_assert_cmpstr (when, ==, "2026-01-01T00:00:02Z");
  g_assert_null (name);               /* names come with packs, and not with what was brought here */
  assert_rivals (conflict, "f1");

  again = dimple_store_get_conflicts (a);
  g_assert_true (again == conflicts);
}

static void
test_author (void)
{
  g_autoptr(DimpleStore) a = NULL, b = NULL;
  g_autoptr(GListModel) conflicts = NULL;
  g_autoptr(DimpleConflict) conflict = NULL;
  g_autoptr(GDateTime) time = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *name = NULL, *when = NULL;

  /* the younger row is this device's own; the other one edits it, and is the last to do so */
  open_devices (&a, &b);
  bring (b, a);
  set_second (a, 7);
  dimple_store_update (a, "folder", "f2", g_variant_new_parsed ("{'stars': <int64 5>}"), &error);
  g_assert_no_error (error);
  conflicts = dimple_store_get_conflicts (a);
  dimple_test_wait_idle (a);
  conflict = get_only (conflicts);
  g_object_get (conflict, "time", &time, "author-name", &name, NULL);
  when = g_date_time_format_iso8601 (time);
  g_assert_cmpstr (when, ==, "2026-01-01T00:00:07Z");
  g_assert_cmpstr (name, ==, "Laptop");
  bring (a, b);
  assert_values (b, "SELECT name FROM folder", "Work");
}

static void
test_reasons (void)
{
  g_autoptr(DimpleStore) a = open_store (migrations), b = open_store (migrations);
  g_autoptr(GListModel) conflicts = dimple_store_get_conflicts (a);
  g_autoptr(DimpleConflict) orphan = NULL;
  g_autofree char *message = NULL;
  DimpleConflictReason reason;

  set_second (a, 1);
  execute (a, "INSERT INTO folder (key, name) VALUES ('f', 'Work')");
  bring (a, b);
  set_second (b, 2);
  execute (b, "INSERT INTO note (key, folder, title) VALUES ('n', 'f', 'Milk')");
  set_second (a, 3);
  execute (a, "DELETE FROM folder");
  bring_both (a, b);
  dimple_test_wait_idle (a);
  orphan = get_only (conflicts);
  g_object_get (orphan, "reason", &reason, "message", &message, NULL);
  g_assert_cmpint (reason, ==, DIMPLE_CONFLICT_FOREIGN_KEY);
  g_assert_nonnull (strstr (message, "belongs"));
  assert_rivals (orphan, "");

  /* the folder comes back, and the note with it */
  set_second (a, 4);
  execute (a, "INSERT INTO folder (key, name) VALUES ('f', 'Work again')");
  dimple_test_wait_idle (a);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 0);
  assert_values (a, "SELECT key FROM note", "n");
  bring (a, b);
  assert_values (b, "SELECT key FROM note", "n");
}

static void
test_type_and_null (void)
{
  static const char * const loose[] = { "CREATE TABLE t (key TEXT PRIMARY KEY, n INTEGER, m INTEGER)", NULL };
  static const char * const tight[] = { "CREATE TABLE t (key TEXT PRIMARY KEY, n INTEGER NOT NULL, m INTEGER) STRICT",
                                        NULL };
  g_autoptr(DimpleStore) a = open_store (loose), b = open_store (tight);
  g_autoptr(GListModel) conflicts = dimple_store_get_conflicts (b);
  g_autoptr(GString) reasons = g_string_new (NULL);
  g_autoptr(GError) error = NULL;

  execute (a, "INSERT INTO t VALUES ('k1', NULL, 1), ('k2', 1, 'text'), ('k3', 1, 1)");
  bring (a, b);
  dimple_test_wait_idle (b);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 2);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(DimpleConflict) conflict = g_list_model_get_item (conflicts, i);
      g_autofree char *message = NULL;
      DimpleConflictReason reason;

      g_object_get (conflict, "reason", &reason, "message", &message, NULL);
      g_assert_cmpstr (message, !=, "");
      g_string_append_printf (reasons, "%d ", reason);
    }
  g_assert_cmpstr (reasons->str, ==, "2 4 ");

  dimple_store_update (b, "t", "k1", g_variant_new_parsed ("{'n': <int64 7>}"), &error);
  g_assert_no_error (error);
  dimple_store_update (b, "t", "k2", g_variant_new_parsed ("{'m': <'8'>}"), &error);    /* as INTEGER converts it */
  g_assert_no_error (error);
  dimple_test_wait_idle (b);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 0);
  assert_values (b, "SELECT key || n || typeof (m) FROM t ORDER BY key", "k17integer k21integer k31integer");
}

/* -- Resolving ----------------------------------------------------------------------------------------------------- */

static void
test_rival_edited (void)
{
  g_autoptr(DimpleStore) a = NULL, b = NULL;
  g_autoptr(GListModel) conflicts = NULL;
  g_autoptr(DimpleConflict) conflict = NULL;
  g_autoptr(GListModel) rivals = NULL;
  g_autoptr(DimpleRow) rival = NULL;
  g_autoptr(GError) error = NULL;
  guint n_changes = 0;

  open_devices (&a, &b);
  bring (b, a);
  conflicts = dimple_store_get_conflicts (a);
  g_signal_connect (conflicts, "items-changed", G_CALLBACK (count_changes), &n_changes);
  conflict = get_only (conflicts);
  g_object_get (conflict, "rivals", &rivals, NULL);
  rival = g_list_model_get_item (rivals, 0);

  /* the rival is a row like any other; a change that does not matter leaves all as it is */
  execute (a, "UPDATE folder SET stars = 4 WHERE key = 'f1'");
  dimple_test_wait_idle (a);
  g_assert_cmpuint (n_changes, ==, 0);
  g_assert_cmpint (dimple_row_get_int64 (rival, "stars"), ==, 4);

  g_object_set (rival, "name", "Office", NULL);
  dimple_store_save (a, G_OBJECT (rival), &error);
  g_assert_no_error (error);
  dimple_test_wait_idle (a);
  g_assert_cmpuint (n_changes, ==, 1);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 0);
  assert_values (a, "SELECT name FROM folder ORDER BY key", "Office WORK");
  bring (a, b);
  assert_values (b, "SELECT name FROM folder ORDER BY key", "Office WORK");
}

static void
test_row_saved (void)
{
  g_autoptr(DimpleStore) a = NULL, b = NULL;
  g_autoptr(GListModel) conflicts = NULL;
  g_autoptr(DimpleConflict) conflict = NULL;
  g_autoptr(DimpleRow) row = NULL;
  g_autoptr(GError) error = NULL;

  open_devices (&a, &b);
  bring (b, a);
  conflicts = dimple_store_get_conflicts (a);
  conflict = get_only (conflicts);
  g_object_get (conflict, "row", &row, NULL);

  /* still in the way */
  g_object_set (row, "name", "wOrk", NULL);
  dimple_store_save (a, G_OBJECT (row), &error);
  g_assert_no_error (error);
  dimple_test_wait_idle (a);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 1);
  g_assert_cmpstr (dimple_row_get_string (row, "name"), ==, "wOrk");

  g_object_set (row, "name", "Phone’s", NULL);
  dimple_store_save (a, G_OBJECT (row), &error);
  g_assert_no_error (error);
  dimple_test_wait_idle (a);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 0);
  assert_values (a, "SELECT name || ifnull (stars, '-') FROM folder ORDER BY key", "Work- Phone’s3");
  bring (a, b);
  assert_values (b, "SELECT name || ifnull (stars, '-') FROM folder ORDER BY key", "Work- Phone’s3");
}

static void
test_row_deleted (void)
{
  g_autoptr(DimpleStore) a = NULL, b = NULL;
  g_autoptr(GListModel) conflicts = NULL;
  g_autoptr(GError) error = NULL;

  open_devices (&a, &b);
  bring (b, a);
  conflicts = dimple_store_get_conflicts (a);
  dimple_store_delete (a, "folder", "f2", &error);
  g_assert_no_error (error);
  dimple_test_wait_idle (a);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 0);
  bring (a, b);
  assert_values (b, "SELECT name FROM folder", "Work");
  g_assert_false (dimple_store_delete (a, "folder", "f2", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND);
}

static void
test_rival_deleted (void)
{
  g_autoptr(DimpleStore) a = NULL, b = NULL;
  g_autoptr(GListModel) conflicts = NULL;
  g_autoptr(GError) error = NULL;

  open_devices (&a, &b);
  bring_both (a, b);
  conflicts = dimple_store_get_conflicts (b);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 1);
  execute (a, "DELETE FROM folder WHERE key = 'f1'");
  bring (a, b);
  dimple_test_wait_idle (b);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 0);
  assert_values (b, "SELECT name FROM folder", "WORK");
}

static void
test_key_changed (void)
{
  g_autoptr(DimpleStore) a = open_store (migrations), b = open_store (migrations);
  g_autoptr(GListModel) conflicts = dimple_store_get_conflicts (a);
  g_autoptr(DimpleConflict) conflict = NULL;
  g_autofree char *key = NULL;
  g_autoptr(GError) error = NULL;

  set_second (a, 1);
  execute (a, "INSERT INTO tag VALUES ('n', 'red', NULL)");
  set_second (b, 2);
  execute (b, "INSERT INTO tag VALUES ('n', 'RED', '#f00')");
  bring (b, a);
  dimple_test_wait_idle (a);
  conflict = get_only (conflicts);
  g_object_get (conflict, "key", &key, NULL);
  g_assert_cmpstr (key, ==, "[\"n\",\"RED\"]");
  dimple_store_update (a, "tag", key, g_variant_new_parsed ("{'name': <'crimson'>}"), &error);
  g_assert_no_error (error);
  dimple_test_wait_idle (a);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 0);
  bring (a, b);
  assert_values (b, "SELECT name || ifnull (colour, '-') FROM tag ORDER BY name", "crimson#f00 red-");
}

static void
test_same_key_inserted (void)
{
  g_autoptr(DimpleStore) a = NULL, b = NULL;
  g_autoptr(GListModel) conflicts = NULL;
  g_autoptr(GError) error = NULL;

  /* the app knows nothing of the shelf, and makes a row of the same key, having set the shelved one in the same
   * breath */
  open_devices (&a, &b);
  bring (b, a);
  conflicts = dimple_store_get_conflicts (a);
  dimple_store_begin (a, &error);
  g_assert_true (dimple_store_update (a, "folder", "f2", g_variant_new_parsed ("{'stars': <int64 1>}"), &error));
  execute (a, "INSERT INTO folder (key, name) VALUES ('f2', 'Mine')");
  dimple_store_commit (a, &error);
  g_assert_no_error (error);
  dimple_test_wait_idle (a);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 0);
  bring (a, b);
  assert_values (b, "SELECT name || ifnull (stars, '-') FROM folder ORDER BY key", "Work- Mine-");
}

static void
test_refused_key_inserted (void)
{
  g_autoptr(DimpleStore) a = open_store (migrations), b = open_store (migrations);
  g_autoptr(GListModel) conflicts = dimple_store_get_conflicts (a);

  /* the sum of two edits is what CHECK refuses, which waits for no other row; then the app makes the row anew */
  set_second (a, 1);
  execute (a, "INSERT INTO folder VALUES ('f', 'Work', 1)");
  bring (a, b);
  execute (a, "UPDATE folder SET name = 'Office'");
  set_second (b, 2);
  execute (b, "DELETE FROM folder");
  bring (b, a);
  {
    static const char * const loose[] = { "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT, stars INTEGER)",
                                          NULL };
    g_autoptr(DimpleStore) c = open_store (loose);

    set_second (c, 3);
    execute (c, "INSERT INTO folder VALUES ('f', 'Work', 99)");
    bring (c, a);
  }
  dimple_test_wait_idle (a);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 1);
  execute (a, "INSERT INTO folder VALUES ('f', 'Mine', 2)");
  dimple_test_wait_idle (a);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 0);
  assert_values (a, "SELECT count (*) FROM dimple_shelf", "0");
  bring (a, b);
  assert_values (b, "SELECT name FROM folder", "Mine");
}

static void
test_rolled_back (void)
{
  g_autoptr(DimpleStore) a = NULL, b = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *before = NULL;

  open_devices (&a, &b);
  bring (b, a);
  before = list_values (a, "SELECT count (*) FROM dimple_log");
  dimple_store_begin (a, &error);
  dimple_store_begin (a, &error);
  g_assert_true (dimple_store_update (a, "folder", "f2", g_variant_new_parsed ("{'name': <'Other'>}"), &error));
  dimple_store_rollback (a, &error);
  dimple_store_commit (a, &error);
  g_assert_no_error (error);
  assert_values (a, "SELECT name FROM folder", "Work");
  assert_values (a, "SELECT count (*) FROM dimple_log", before);

  g_assert_false (dimple_store_update (a, "folder", "f2", g_variant_new_parsed ("{'nothing': <1>}"), &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_clear_error (&error);
  g_assert_false (dimple_store_update (a, "folder", "f2", g_variant_new_parsed ("{'name': <[1]>}"), &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
  g_clear_error (&error);
  assert_values (a, "SELECT json_extract (row, '$.name') FROM dimple_shelf", "WORK");

  g_assert_false (dimple_store_update (a, "folder", "f2", g_variant_new_parsed ("{'name': <@ms nothing>}"), &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
  g_clear_error (&error);

  /* renamed to a key that is taken: nothing of it is done */
  g_assert_false (dimple_store_update (a, "folder", "f2", g_variant_new_parsed ("{'key': <'f1'>}"), &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
  assert_values (a, "SELECT json_extract (row, '$.name') FROM dimple_shelf", "WORK");
}

static void
test_generated (void)
{
  g_autoptr(DimpleStore) a = open_store (migrations), b = open_store (migrations);
  g_autoptr(GListModel) conflicts = NULL;
  g_autoptr(DimpleConflict) conflict = NULL;
  g_autoptr(GError) error = NULL;

  /* a partial index over an expression */
  set_second (a, 1);
  execute (a, "INSERT INTO note (key, title, done) VALUES ('n1', 'Milk', FALSE)");
  execute (a, "INSERT INTO note (key, title, done) VALUES ('n0', 'Milk', TRUE)");
  set_second (b, 2);
  execute (b, "INSERT INTO note (key, title) VALUES ('n2', 'MILK')");
  bring_both (a, b);
  conflicts = dimple_store_get_conflicts (b);
  conflict = get_only (conflicts);
  assert_rivals (conflict, "n1");
  g_assert_false (dimple_store_update (b, "note", "n2", g_variant_new_parsed ("{'slug': <'x'>}"), &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_clear_error (&error);
  dimple_store_update (b, "note", "n2", g_variant_new_parsed ("{'done': <true>}"), &error);
  g_assert_no_error (error);
  assert_values (b, "SELECT slug FROM note WHERE key = 'n2'", "milk");
}

/* -- The list ------------------------------------------------------------------------------------------------------ */

static void
test_same_objects (void)
{
  g_autoptr(DimpleStore) a = NULL, b = NULL;
  g_autoptr(GListModel) conflicts = NULL;
  g_autoptr(DimpleConflict) conflict = NULL, later = NULL, other = NULL;
  guint n_changes = 0;

  open_devices (&a, &b);
  bring (b, a);
  conflicts = dimple_store_get_conflicts (a);
  conflict = get_only (conflicts);
  g_signal_connect (conflicts, "items-changed", G_CALLBACK (count_changes), &n_changes);
  set_second (b, 3);
  execute (b, "INSERT INTO note (key, title) VALUES ('n', 'Milk')");
  execute (b, "INSERT INTO folder (key, name) VALUES ('f0', 'Private')");
  set_second (a, 1);
  execute (a, "INSERT INTO folder (key, name) VALUES ('f9', 'Private')");
  bring (b, a);
  dimple_test_wait_idle (a);
  g_assert_cmpuint (n_changes, ==, 1);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 2);
  other = g_list_model_get_item (conflicts, 0);
  later = g_list_model_get_item (conflicts, 1);
  g_assert_true (later == conflict);
  g_assert_true (other != conflict);
}

static void
test_closed (void)
{
  g_autoptr(DimpleStore) a = NULL, b = NULL;
  g_autoptr(GListModel) conflicts = NULL;
  g_autoptr(DimpleConflict) conflict = NULL;
  g_autoptr(GError) error = NULL;

  open_devices (&a, &b);
  bring (b, a);
  conflicts = dimple_store_get_conflicts (a);
  dimple_test_wait_idle (a);
  dimple_store_close (a, &error);
  g_assert_no_error (error);
  conflict = get_only (conflicts);
  assert_rivals (conflict, "");              /* nobody can tell any more */
}

/* The last process ended between a commit and what follows from it: the row is shown when the file is opened. */
static void
test_opened (void)
{
  g_autofree char *path = g_build_filename (g_get_user_data_dir (), "opened.db", NULL);
  g_autoptr(DimpleStore) a = open_store (migrations), b = NULL;
  g_autoptr(GError) error = NULL;
  sqlite3 *handle = NULL;

  set_second (a, 1);
  execute (a, "INSERT INTO folder (key, name) VALUES ('f1', 'Work')");
  b = dimple_store_open (path, &error);
  g_assert_no_error (error);
  g_assert_true (dimple_store_migrate (b, migrations, &error));
  set_second (b, 2);
  execute (b, "INSERT INTO folder (key, name) VALUES ('f2', 'Work')");
  bring (a, b);
  assert_values (b, "SELECT key FROM folder", "f1");
  dimple_store_close (b, NULL);
  g_clear_object (&b);

  g_assert_cmpint (sqlite3_open_v2 (path, &handle, SQLITE_OPEN_READWRITE, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (handle, "DELETE FROM folder", NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (handle);

  b = dimple_store_open (path, &error);
  g_assert_no_error (error);
  assert_values (b, "SELECT key FROM folder", "f2");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/conflicts/properties", test_properties);
  g_test_add_func ("/conflicts/author", test_author);
  g_test_add_func ("/conflicts/reasons", test_reasons);
  g_test_add_func ("/conflicts/type-and-null", test_type_and_null);
  g_test_add_func ("/conflicts/rival-edited", test_rival_edited);
  g_test_add_func ("/conflicts/row-saved", test_row_saved);
  g_test_add_func ("/conflicts/row-deleted", test_row_deleted);
  g_test_add_func ("/conflicts/rival-deleted", test_rival_deleted);
  g_test_add_func ("/conflicts/key-changed", test_key_changed);
  g_test_add_func ("/conflicts/same-key-inserted", test_same_key_inserted);
  g_test_add_func ("/conflicts/refused-key-inserted", test_refused_key_inserted);
  g_test_add_func ("/conflicts/rolled-back", test_rolled_back);
  g_test_add_func ("/conflicts/generated", test_generated);
  g_test_add_func ("/conflicts/same-objects", test_same_objects);
  g_test_add_func ("/conflicts/closed", test_closed);
  g_test_add_func ("/conflicts/opened", test_opened);
  return g_test_run ();
}
