/* test-merge-rules.c: the smallest cases behind the rules of merging
 *
 * Each is merged in every order in which its transactions can arrive, one by one, and must show the same.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple.h"

#include "merge-changes.h"
#include "merge-utils.h"
#include "store-exchange.h"

/* A transaction of the case: when, by which script (0: an edit), and what. */
typedef struct
{
  guint64     time;
  int         script;
  const char *changes;
} Case;

#define END { 0, 0, NULL }

static guint
count_cases (const Case *cases)
{
  guint n = 0;

  while (cases[n].changes != NULL)
    n++;
  return n;
}

static void
merge_in_order (const char  *schema,
                const Case  *cases,
                const guint *order,
                guint        n,
                const char  *sql,
                const char  *expected)
{
  g_auto(Database) database = { 0 };
  g_autofree char *shown = NULL;
  g_autofree char *orphans = NULL;

  open_database (&database, schema);
  for (guint i = 0; i < n; i++)
    merge_one (&database, cases[order[i]].time, cases[order[i]].script, cases[order[i]].changes, NULL);
  shown = query (&database, sql);
  g_assert_cmpstr (shown, ==, expected);
  orphans = query (&database, "PRAGMA foreign_key_check");
  g_assert_cmpstr (orphans, ==, "");
}

/* Calls itself for each that may come at `position`. */
static void
permute (const char *schema,
         const Case *cases,
         guint      *order,
         guint       position,
         guint       n,
         const char *sql,
         const char *expected)
{
  if (position == n)
    merge_in_order (schema, cases, order, n, sql, expected);
  for (guint i = position; i < n; i++)
    {
      guint swapped = order[position];

      order[position] = order[i];
      order[i] = swapped;
      permute (schema, cases, order, position + 1, n, sql, expected);
      order[i] = order[position];
      order[position] = swapped;
    }
}

static void
assert_shows (const char *schema,
              const Case *cases,
              const char *sql,
              const char *expected)
{
  guint order[] = { 0, 1, 2, 3, 4, 5, 6, 7 };

  permute (schema, cases, order, 0, count_cases (cases), sql, expected);
}

/* Ids as dimple_uuid7_format (TIME, 7) makes them. */
#define ID(time) "00000000-0000-700" #time "-8000-000000000007"

/* A migration's change: what it saw of the row, and of the one value that it replaced. */
#define REWRITE(table, column, key, value, saw) \
  GROUP (table, "update", "\"" column "\"", "[[\"" key "\"],[" value "],null,[\"" saw "\",\"" saw "\"]]")
#define SEED(table, column, key, value) \
  GROUP (table, "insert", "\"" column "\"", "[[\"" key "\"],[" value "],[\"\",\"\"]]")

#define NOTES "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body TEXT)"

static void
test_migration_beats_what_it_rewrites (void)
{
  const Case cases[] = {
    { 1, 0, "[" INSERT ("note", "\"title\"", "n", "\"a\"") "]" },
    { 9, 2, "[" REWRITE ("note", "title", "n", "\"A\"", ID (1)) "]" },
    END
  };

  assert_shows (NOTES, cases, "SELECT title FROM note", "[\"A\"]");
}

static void
test_late_migration_beats_nothing_typed_since (void)
{
  const Case cases[] = {
    { 1, 0, "[" INSERT ("note", "\"title\"", "n", "\"a\"") "]" },
    { 5, 0, "[" UPDATE ("note", "\"title\"", "n", "\"typed\"") "]" },
    { 99, 2, "[" REWRITE ("note", "title", "n", "\"A\"", ID (1)) "]" },
    END
  };

  assert_shows (NOTES, cases, "SELECT title FROM note", "[\"typed\"]");
}

static void
test_earlier_script_run_later (void)
{
  const Case cases[] = {
    { 1, 0, "[" INSERT ("note", "\"title\"", "n", "\"a\"") "]" },
    { 5, 3, "[" REWRITE ("note", "title", "n", "\"by script 3\"", ID (1)) "]" },
    { 9, 2, "[" REWRITE ("note", "title", "n", "\"by script 2\"", ID (1)) "]" },
    END
  };

  assert_shows (NOTES, cases, "SELECT title FROM note", "[\"by script 3\"]");
}

static void
test_seeded_again_stays_deleted (void)
{
  const Case cases[] = {
    { 1, 2, "[" SEED ("note", "title", "inbox", "\"Inbox\"") "]" },
    { 5, 0, "[" DELETE ("note", "inbox") "]" },
    { 9, 2, "[" SEED ("note", "title", "inbox", "\"Inbox\"") "]" },
    END
  };

  assert_shows (NOTES, cases, "SELECT title FROM note", "");
}

static void
test_update_without_insert (void)
{
  const Case update[] = { { 5, 0, "[" UPDATE ("note", "\"title\"", "n", "\"b\"") "]" }, END };
  const Case whole[] = {
    { 1, 0, "[" INSERT ("note", "\"title\",\"body\"", "n", "\"a\",\"text\"") "]" },
    { 5, 0, "[" UPDATE ("note", "\"title\"", "n", "\"b\"") "]" },
    END
  };

  assert_shows (NOTES, update, "SELECT title FROM note", "");
  assert_shows (NOTES, update, "SELECT reason FROM dimple_shelf", "[\"incomplete\"]");
  assert_shows (NOTES, whole, "SELECT title, body FROM note", "[\"b\",\"text\"]");
}

static void
test_edit_brings_back_every_column (void)
{
  const Case cases[] = {
    { 1, 0, "[" INSERT ("note", "\"title\",\"body\"", "n", "\"a\",\"text\"") "]" },
    { 5, 0, "[" DELETE ("note", "n") "]" },
    { 6, 0, "[" UPDATE ("note", "\"title\"", "n", "\"b\"") "]" },
    END
  };
  /* the same, if the first was pruned down to what the last has not replaced */
  const Case pruned[] = {
    { 1, 0, "[" INSERT ("note", "\"title\",\"body\"", "n", "{\"pruned\":true},\"text\"") "]" },
    { 5, 0, "[" DELETE ("note", "n") "]" },
    { 6, 0, "[" UPDATE ("note", "\"title\"", "n", "\"b\"") "]" },
    END
  };
  const Case alone[] = { { 1, 0, "[" INSERT ("note", "\"title\",\"body\"", "n", "{\"pruned\":true},\"text\"") "]" },
                         END };

  assert_shows (NOTES, cases, "SELECT title, body FROM note", "[\"b\",\"text\"]");
  assert_shows (NOTES, pruned, "SELECT title, body FROM note", "[\"b\",\"text\"]");
  assert_shows (NOTES, alone, "SELECT reason FROM dimple_shelf", "[\"incomplete\"]");
}

static void
test_key_change (void)
{
  /* one edits the row that the other gave another key: both are there, and nothing is lost */
  const Case cases[] = {
    { 1, 0, "[" INSERT ("note", "\"title\",\"body\"", "n", "\"a\",\"text\"") "]" },
    { 5, 0, "[" DELETE ("note", "n") "," INSERT ("note", "\"title\",\"body\"", "m", "\"a\",\"text\"") "]" },
    { 6, 0, "[" UPDATE ("note", "\"title\"", "n", "\"b\"") "]" },
    END
  };

  assert_shows (NOTES, cases, "SELECT key, title, body FROM note", "[\"m\",\"a\",\"text\"]\n[\"n\",\"b\",\"text\"]");
}

/* -- Constraints --------------------------------------------------------------------------------------------------- */

#define FOLDERS \
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT UNIQUE);" \
  "CREATE TABLE note (key TEXT PRIMARY KEY, folder TEXT REFERENCES folder (key) ON DELETE CASCADE, slug TEXT UNIQUE)"

static void
test_hidden_child_holds_nothing (void)
{
  /* g loses to f, so n, which is older than m, is hidden with it: m may have the slug, and loses it when g is
   * renamed */
  const Case cases[] = {
    { 1, 0, "[" INSERT ("folder", "\"name\"", "f", "\"Work\"") "]" },
    { 2, 0, "[" INSERT ("folder", "\"name\"", "g", "\"Work\"") "]" },
    { 3, 0, "[" INSERT ("note", "\"folder\",\"slug\"", "n", "\"g\",\"x\"") "]" },
    { 4, 0, "[" INSERT ("note", "\"folder\",\"slug\"", "m", "\"f\",\"x\"") "]" },
    END
  };
  const Case renamed[] = {
    { 1, 0, "[" INSERT ("folder", "\"name\"", "f", "\"Work\"") "]" },
    { 2, 0, "[" INSERT ("folder", "\"name\"", "g", "\"Work\"") "]" },
    { 3, 0, "[" INSERT ("note", "\"folder\",\"slug\"", "n", "\"g\",\"x\"") "]" },
    { 4, 0, "[" INSERT ("note", "\"folder\",\"slug\"", "m", "\"f\",\"x\"") "]" },
    { 5, 0, "[" UPDATE ("folder", "\"name\"", "g", "\"Other\"") "]" },
    END
  };

  assert_shows (FOLDERS, cases, "SELECT key FROM note", "[\"m\"]");
  assert_shows (FOLDERS, renamed, "SELECT key FROM note", "[\"n\"]");
}

#define TREE \
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT UNIQUE, " \
  "parent TEXT REFERENCES folder (key) ON DELETE CASCADE)"

static void
test_row_that_would_hide_its_parent (void)
{
  /* s is older than p, has its name, and is its child */
  const Case cases[] = {
    { 1, 0, "[" INSERT ("folder", "\"name\",\"parent\"", "s", "\"x\",\"p\"") "]" },
    { 2, 0, "[" INSERT ("folder", "\"name\",\"parent\"", "p", "\"x\",null") "]" },
    END
  };

  assert_shows (TREE, cases, "SELECT key FROM folder", "[\"p\"]");
}

static void
test_pairs_that_hide_each_other (void)
{
  const Case cases[] = {
    { 1, 0, "[" INSERT ("folder", "\"name\",\"parent\"", "s1", "\"a\",\"p1\"") "]" },
    { 2, 0, "[" INSERT ("folder", "\"name\",\"parent\"", "s2", "\"b\",\"p2\"") "]" },
    { 3, 0, "[" INSERT ("folder", "\"name\",\"parent\"", "p1", "\"b\",null") "]" },
    { 4, 0, "[" INSERT ("folder", "\"name\",\"parent\"", "p2", "\"a\",null") "]" },
    END
  };

  assert_shows (TREE, cases, "SELECT key FROM folder", "[\"p1\"]\n[\"s1\"]");
}

static void
test_each_others_parents (void)
{
  const Case cases[] = {
    { 1, 0, "[" INSERT ("folder", "\"name\",\"parent\"", "a", "\"a\",\"b\"") "]" },
    { 2, 0, "[" INSERT ("folder", "\"name\",\"parent\"", "b", "\"b\",\"a\"") "]" },
    END
  };

  assert_shows (TREE, cases, "SELECT key FROM folder", "[\"a\"]\n[\"b\"]");
}

static void
test_keys_equal_to_sqlite (void)
{
  const Case cases[] = {
    { 1, 0, "[" INSERT ("tag", "\"n\"", "a", "1") "]" },
    { 2, 0, "[" INSERT ("tag", "\"n\"", "A", "2") "]" },
    END
  };

  assert_shows ("CREATE TABLE tag (key TEXT PRIMARY KEY COLLATE NOCASE, n)", cases, "SELECT key, n FROM tag",
                "[\"a\",1]");
}

static void
test_chain (void)
{
  /* each is in the way of the next in one index or the other: the second waits for the first, so the third has room */
  const Case cases[] = {
    { 1, 0, "[" INSERT ("t", "\"a\",\"b\"", "k1", "1,1") "]" },
    { 2, 0, "[" INSERT ("t", "\"a\",\"b\"", "k2", "1,2") "]" },
    { 3, 0, "[" INSERT ("t", "\"a\",\"b\"", "k3", "3,2") "]" },
    { 4, 0, "[" INSERT ("t", "\"a\",\"b\"", "k4", "3,4") "]" },
    END
  };
  const Case freed[] = {
    { 1, 0, "[" INSERT ("t", "\"a\",\"b\"", "k1", "1,1") "]" },
    { 2, 0, "[" INSERT ("t", "\"a\",\"b\"", "k2", "1,2") "]" },
    { 3, 0, "[" INSERT ("t", "\"a\",\"b\"", "k3", "3,2") "]" },
    { 4, 0, "[" INSERT ("t", "\"a\",\"b\"", "k4", "3,4") "]" },
    { 5, 0, "[" DELETE ("t", "k1") "]" },
    END
  };

  assert_shows ("CREATE TABLE t (key TEXT PRIMARY KEY, a UNIQUE, b UNIQUE)", cases, "SELECT key FROM t",
                "[\"k1\"]\n[\"k3\"]");
  assert_shows ("CREATE TABLE t (key TEXT PRIMARY KEY, a UNIQUE, b UNIQUE)", freed, "SELECT key FROM t",
                "[\"k2\"]\n[\"k4\"]");
}

static void
test_taken_out_parent_does_not_cascade (void)
{
  /* p has to make room for a moment, or for ever; its child goes with it only if it does, and is not deleted */
  const Case cases[] = {
    { 2, 0, "[" INSERT ("folder", "\"name\"", "p", "\"Work\"") "," INSERT ("note", "\"folder\"", "c", "\"p\"") "]" },
    { 3, 0, "[" UPDATE ("folder", "\"name\"", "p", "\"Home\"") "]" },
    { 1, 0, "[" INSERT ("folder", "\"name\"", "older", "\"Work\"") "]" },
    END
  };

  assert_shows (FOLDERS, cases, "SELECT key FROM note", "[\"c\"]");
  assert_shows (FOLDERS, cases, "SELECT count(*) FROM dimple_log WHERE flags & 8", "[0]");
}

static void
test_rebuild_does_not_cascade (void)
{
  const char *first[] = { FOLDERS, NULL };
  const char *rebuilt[] = {
    FOLDERS,
    "CREATE TABLE other (key TEXT PRIMARY KEY, name TEXT UNIQUE, colour TEXT);"
    "INSERT INTO other SELECT key, name, NULL FROM folder; DROP TABLE folder; ALTER TABLE other RENAME TO folder",
    NULL
  };
  g_autoptr(DimpleStore) store = open_store (first);
  g_autoptr(GError) error = NULL;

  execute (store, "INSERT INTO folder VALUES ('f', 'Work')");
  execute (store, "INSERT INTO note VALUES ('n', 'f', 'x')");
  dimple_store_migrate (store, rebuilt, &error);
  g_assert_no_error (error);
  assert_values (store, "SELECT key FROM note", "n");
  assert_values (store, "SELECT count (*) FROM dimple_log", "2");       /* it changed no row */
}

/* -- Transactions -------------------------------------------------------------------------------------------------- */

static void
test_whole_or_not_at_all (void)
{
  g_auto(Database) database = { 0 };
  g_autoptr(GPtrArray) transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);
  g_autoptr(GError) error = NULL;

  /* applied, that is: of its rows each is shown or shelved for itself */
  open_database (&database, FOLDERS);
  merge_one (&database, 1, 0, "[" INSERT ("folder", "\"name\"", "f", "\"Work\"") "]", NULL);
  merge_one (&database, 2, 0,
             "[" INSERT ("folder", "\"name\"", "g", "\"Work\"") "," INSERT ("folder", "\"name\"", "h", "\"x\"") "]",
             NULL);
  assert_query (&database, "SELECT key FROM folder", "[\"f\"]\n[\"h\"]");
  assert_query (&database, "SELECT key FROM dimple_shelf", "[\"[\\\"g\\\"]\"]");

  g_ptr_array_add (transactions, make_transaction (3, 0, "[" INSERT ("folder", "\"name\"", "i", "\"y\"") ","
                                                         INSERT ("folder", "\"name\"", "j", "") "]"));
  g_assert_false (apply (&database, transactions, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
  assert_query (&database, "SELECT key FROM folder", "[\"f\"]\n[\"h\"]");
  assert_query (&database, "SELECT count(*) FROM dimple_log", "[2]");
}

static void
test_same_twice (void)
{
  const char *scripts[] = { NOTES, NULL };
  g_autoptr(DimpleStore) a = open_store (scripts), b = open_store (scripts);
  g_autoptr(GPtrArray) transactions = NULL;
  g_autoptr(GError) error = NULL;

  /* what another process has merged meanwhile is left out */
  execute (a, "INSERT INTO note (key, title) VALUES ('n', 'a')");
  transactions = exchange_read_log (a);
  dimple_store_apply (b, transactions, 0, &error);
  g_assert_no_error (error);
  dimple_store_apply (b, transactions, 0, &error);
  g_assert_no_error (error);
  assert_values (b, "SELECT count (*) FROM dimple_log", "1");
  assert_values (b, "SELECT title FROM note", "a");
}

static void
test_local_tables (void)
{
  const char *scripts[] = { "SELECT dimple_set_local ('draft'); "
                            "CREATE TABLE draft (key TEXT PRIMARY KEY, title TEXT);" NOTES, NULL };
  g_autoptr(DimpleStore) a = open_store (scripts), b = open_store (scripts);
  g_autoptr(GPtrArray) transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);
  g_autoptr(GError) error = NULL;

  execute (a, "INSERT INTO draft VALUES ('d', 'mine')");
  execute (a, "INSERT INTO note (key, title) VALUES ('n', 'a')");
  bring (a, b);
  assert_values (b, "SELECT count (*) FROM draft", "0");
  assert_values (b, "SELECT title FROM note", "a");
  /* a table of that name that is synced elsewhere stays away from it */
  g_ptr_array_add (transactions, make_transaction (5, 0, "[" INSERT ("draft", "\"title\"", "d", "\"theirs\"") "]"));
  dimple_store_apply (a, transactions, G_MAXINT64, &error);
  g_assert_no_error (error);
  assert_values (a, "SELECT title FROM draft", "mine");
}

static void
test_relayed_to_a_newer_app (void)
{
  const char *old[] = { NOTES, NULL };
  const char *new[] = { NOTES, "ALTER TABLE note ADD COLUMN stars INTEGER DEFAULT 1; "
                               "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT)", NULL };
  g_autoptr(DimpleStore) a = open_store (new), b = open_store (old), c = open_store (new);
  g_autoptr(GError) error = NULL;

  /* b knows neither the column nor the table; what it has of them goes on to c, and appears when b is upgraded */
  execute (a, "INSERT INTO note VALUES ('n', 'a', NULL, 5)");
  execute (a, "INSERT INTO folder VALUES ('f', 'Work')");
  bring (a, b);
  execute (b, "UPDATE note SET title = 'b'");
  bring (b, c);
  assert_values (c, "SELECT title || stars FROM note", "b5");
  assert_values (c, "SELECT name FROM folder", "Work");
  dimple_store_migrate (b, new, &error);
  g_assert_no_error (error);
  assert_values (b, "SELECT title || stars FROM note", "b5");
  assert_values (b, "SELECT name FROM folder", "Work");
}

static void
test_late_script_of_a_device (void)
{
  const char *old[] = { NOTES, NULL };
  const char *new[] = { NOTES, "UPDATE note SET title = upper (title); INSERT OR IGNORE INTO note (key, title) "
                               "VALUES ('inbox', 'INBOX')", NULL };
  g_autoptr(DimpleStore) a = open_store (old), b = open_store (old);
  g_autoptr(GError) error = NULL;

  set_second (a, 1);
  execute (a, "INSERT INTO note (key, title) VALUES ('n', 'a')");
  bring (a, b);
  set_second (a, 2);
  dimple_store_migrate (a, new, &error);
  g_assert_no_error (error);
  set_second (a, 3);
  execute (a, "UPDATE note SET title = 'typed' WHERE key = 'n'");
  execute (a, "DELETE FROM note WHERE key = 'inbox'");
  /* a month later the old laptop upgrades, before it hears of any of that */
  set_second (b, 30 * 24 * 3600);
  dimple_store_migrate (b, new, &error);
  g_assert_no_error (error);
  bring_both (a, b);
  assert_values (a, "SELECT key || title FROM note", "ntyped");
  assert_values (b, "SELECT key || title FROM note", "ntyped");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/merge-rules/migration/beats-what-it-rewrites", test_migration_beats_what_it_rewrites);
  g_test_add_func ("/merge-rules/migration/late", test_late_migration_beats_nothing_typed_since);
  g_test_add_func ("/merge-rules/migration/earlier-script-later", test_earlier_script_run_later);
  g_test_add_func ("/merge-rules/migration/seeded-again", test_seeded_again_stays_deleted);
  g_test_add_func ("/merge-rules/migration/late-device", test_late_script_of_a_device);
  g_test_add_func ("/merge-rules/row/update-without-insert", test_update_without_insert);
  g_test_add_func ("/merge-rules/row/brought-back", test_edit_brings_back_every_column);
  g_test_add_func ("/merge-rules/row/key-change", test_key_change);
  g_test_add_func ("/merge-rules/constraint/hidden-child", test_hidden_child_holds_nothing);
  g_test_add_func ("/merge-rules/constraint/hides-its-parent", test_row_that_would_hide_its_parent);
  g_test_add_func ("/merge-rules/constraint/pairs", test_pairs_that_hide_each_other);
  g_test_add_func ("/merge-rules/constraint/each-others-parents", test_each_others_parents);
  g_test_add_func ("/merge-rules/constraint/equal-keys", test_keys_equal_to_sqlite);
  g_test_add_func ("/merge-rules/constraint/chain", test_chain);
  g_test_add_func ("/merge-rules/constraint/no-cascade", test_taken_out_parent_does_not_cascade);
  g_test_add_func ("/merge-rules/constraint/rebuild", test_rebuild_does_not_cascade);
  g_test_add_func ("/merge-rules/transaction/whole", test_whole_or_not_at_all);
  g_test_add_func ("/merge-rules/transaction/twice", test_same_twice);
  g_test_add_func ("/merge-rules/transaction/local-tables", test_local_tables);
  g_test_add_func ("/merge-rules/transaction/relayed", test_relayed_to_a_newer_app);
  return g_test_run ();
}
