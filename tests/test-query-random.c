/* test-query-random.c: live queries of every kind under random writes, checked by the oracle
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "query-oracle.h"

static int n_seeds = 1000;
static int only_seed = -1;

/* -- Values and writes ---------------------------------------------------------------------------------------------- */

static const char * const words[] = { "Alpha", "alpha", "beta", "Beta ", "gamma", "", "ä", "Zeta", "a b", "zeta  " };

static char *
random_value (GRand *random)
{
  switch (g_rand_int_range (random, 0, 9))
    {
    case 0:
      return g_strdup ("NULL");
    case 1:
      return g_strdup_printf ("%d", g_rand_int_range (random, -3, 6));
    case 2:
      return g_strdup_printf ("%d.5", g_rand_int_range (random, -3, 6));
    case 3:
      return g_strdup_printf ("x'%02x'", (guint) g_rand_int_range (random, 65, 70));
    default:
      return g_strdup_printf ("'%s'", words[g_rand_int_range (random, 0, G_N_ELEMENTS (words))]);
    }
}

static void
execute (DimpleStore *store,
         char        *sql)
{
  g_autofree char *owned = sql;
  g_autoptr(GError) error = NULL;

  if (!dimple_store_execute (store, owned, NULL, &error) &&
      !g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT))
    g_error ("%s: %s", owned, error->message);
}

static void
write_row (DimpleStore *store,
           GRand       *random)
{
  g_autofree char *a = random_value (random), *b = random_value (random), *c = random_value (random);
  int key = g_rand_int_range (random, 0, 40), other = g_rand_int_range (random, 0, 40);
  int folder = g_rand_int_range (random, 0, 5);
  int tag = g_rand_int_range (random, 0, 4);

  switch (g_rand_int_range (random, 0, 16))
    {
    case 0:
    case 1:
    case 2:
      execute (store, g_strdup_printf ("INSERT OR REPLACE INTO note (key, title, body, folder, n, r, flag) "
                                       "VALUES ('k%02d', %s, %s, 'f%d', %s, %d.25, %d)",
                                       key, a, b, folder, c, key % 7, folder & 1));
      break;
    case 3:
      execute (store, g_strdup_printf ("DELETE FROM note WHERE key = 'k%02d'", key));
      break;
    case 4:
    case 5:
      execute (store, g_strdup_printf ("UPDATE note SET title = %s WHERE key = 'k%02d'", a, key));
      break;
    case 6:
      execute (store, g_strdup_printf ("UPDATE note SET n = %s, flag = 1 - flag WHERE key = 'k%02d'", c, key));
      break;
    case 7:
      execute (store, g_strdup_printf ("UPDATE note SET folder = 'f%d' WHERE key = 'k%02d'", folder, key));
      break;
    case 8:
      execute (store, g_strdup_printf ("UPDATE OR IGNORE note SET key = 'k%02d' WHERE key = 'k%02d'", other, key));
      break;
    case 9:
      execute (store, g_strdup_printf ("UPDATE note SET body = %s WHERE key = 'k%02d'", b, key));
      break;
    case 10:
      execute (store, g_strdup_printf ("INSERT OR REPLACE INTO folder VALUES ('f%d', %s)", folder, a));
      break;
    case 11:
      execute (store, g_strdup_printf ("DELETE FROM folder WHERE key = 'f%d'", folder));
      break;
    case 12:
    case 13:
      execute (store, g_strdup_printf ("INSERT OR REPLACE INTO tagged VALUES ('k%02d', 't%d', %s)", key, tag, c));
      break;
    case 14:
      execute (store, g_strdup_printf ("DELETE FROM tagged WHERE note = 'k%02d'", key));
      break;
    default:
      execute (store, g_strdup_printf ("UPDATE tagged SET weight = %s WHERE tag = 't%d'", c, tag));
      break;
    }
}

static void
write_many (DimpleStore *store,
            GRand       *random)
{
  g_autofree char *a = random_value (random);

  switch (g_rand_int_range (random, 0, 7))
    {
    case 0:
      execute (store, g_strdup ("DELETE FROM note"));
      break;
    case 1:
      execute (store, g_strdup_printf ("UPDATE note SET title = %s WHERE flag", a));
      break;
    case 2:
      execute (store, g_strdup ("UPDATE note SET n = -n, r = -r"));
      break;
    case 3:
      execute (store, g_strdup ("DELETE FROM note WHERE folder IN ('f1', 'f2')"));
      break;
    case 4:
      execute (store, g_strdup ("UPDATE note SET folder = 'f' || (1 + substr (folder, 2))"));
      break;
    default:
      execute (store, g_strdup_printf ("INSERT OR IGNORE INTO note (key, title, folder, n, flag) "
                                       "WITH RECURSIVE i (x) AS (SELECT %d UNION ALL SELECT x + 1 FROM i LIMIT %d) "
                                       "SELECT printf ('k%%02d', x), 'bulk ' || (x %% 4), 'f' || (x %% 5), x, x & 1 FROM i",
                                       g_rand_int_range (random, 0, 40), g_rand_int_range (random, 2, 30)));
      break;
    }
}

/* One commit, or none; returns what it was. */
static const char *
write_something (DimpleStore *store,
                 GRand       *random)
{
  g_autoptr(GError) error = NULL;
  int n;

  switch (g_rand_int_range (random, 0, 8))
    {
    case 0:
    case 1:
    case 2:
    case 3:
      write_row (store, random);
      return "one write";
    case 4:
      write_many (store, random);
      return "a bulk write";
    default:
      break;
    }

  dimple_store_begin (store, &error);
  g_assert_no_error (error);
  for (n = g_rand_int_range (random, 1, 8); n > 0; n--)
    write_row (store, random);
  if (g_rand_int_range (random, 0, 4) == 0)
    {
      dimple_store_rollback (store, &error);
      g_assert_no_error (error);
      return "a rollback";
    }
  dimple_store_commit (store, &error);
  g_assert_no_error (error);
  return "a transaction";
}

/* -- Queries -------------------------------------------------------------------------------------------------------- */

typedef struct
{
  char     *sql;
  gboolean  is_keyed;
  gboolean  is_ordered;
} Generated;

static const char *
pick (GRand              *random,
      const char * const *choices)
{
  return choices[g_rand_int_range (random, 0, (gint32) g_strv_length ((char **) choices))];
}

static char *
random_where (GRand *random)
{
  static const char * const conditions[] = {
    "", "", "", "WHERE flag", "WHERE folder = 'f1'", "WHERE folder IN ('f1', 'f3') AND n > 0", "WHERE title LIKE 'a%'",
    "WHERE n IS NULL OR n < 2", "WHERE length (title) > 3 OR body IS NOT NULL", "WHERE key > 'k20'", "WHERE NOT flag AND r < 3",
    "WHERE typeof (n) = 'text'", "WHERE key = 'k07'", NULL
  };

  return g_strdup (pick (random, conditions));
}

static char *
random_order (GRand    *random,
              gboolean *is_ordered)
{
  static const char * const terms[] = {
    "title", "title DESC", "title COLLATE NOCASE", "title COLLATE NOCASE DESC", "title COLLATE RTRIM", "n", "n DESC",
    "n NULLS LAST", "n DESC NULLS FIRST", "folder", "folder DESC", "r", "length (title)", "flag DESC", "n % 3", "abs (r)",
    "title || folder", "coalesce (n, title)", "1", NULL
  };
  GString *order = g_string_new (NULL);
  int n = g_rand_int_range (random, 0, 4);

  *is_ordered = FALSE;
  for (int i = 0; i < n; i++)
    g_string_append_printf (order, "%s%s", i > 0 ? ", " : "ORDER BY ", pick (random, terms));
  if (n > 0 && g_rand_int_range (random, 0, 4) > 0)
    {
      g_string_append (order, g_rand_boolean (random) ? ", key" : ", key DESC");
      *is_ordered = TRUE;
    }
  return g_string_free (order, FALSE);
}

static Generated
random_table_query (GRand *random)
{
  static const char * const lists[] = {
    "*", "key, title", "title, key, n", "key, upper (title) AS loud, folder", "key, n, r, flag", "rowid, key, body",
    "key AS id, title AS name", "key, coalesce (title, n) AS best, CAST (n AS TEXT) AS text", NULL
  };
  Generated query = { NULL, TRUE, FALSE };
  g_autofree char *where = random_where (random), *order = random_order (random, &query.is_ordered);

  query.sql = g_strdup_printf ("SELECT %s FROM note %s %s", pick (random, lists), where, order);
  return query;
}

static Generated
random_other_query (GRand *random)
{
  static const Generated queries[] = {
    { (char *) "SELECT count (*) AS n FROM note", FALSE, TRUE },
    { (char *) "SELECT count (*) AS n, max (title) AS t FROM note WHERE flag", FALSE, TRUE },
    { (char *) "SELECT folder, count (*) AS n, sum (r) AS s FROM note GROUP BY folder ORDER BY folder", FALSE, TRUE },
    { (char *) "SELECT DISTINCT folder FROM note ORDER BY folder DESC", FALSE, TRUE },
    { (char *) "SELECT n.key, n.title, f.name FROM note n JOIN folder f ON f.key = n.folder ORDER BY f.name, n.key", TRUE, TRUE },
    { (char *) "SELECT n.key, n.title, f.key AS fk, f.name FROM note n LEFT JOIN folder f ON f.key = n.folder "
               "ORDER BY n.title, n.key", TRUE, TRUE },
    { (char *) "SELECT n.key, t.tag, t.note, t.weight FROM tagged t JOIN note n ON n.key = t.note ORDER BY t.tag, n.key",
      TRUE, TRUE },
    { (char *) "SELECT n.key, t.weight FROM note n LEFT JOIN tagged t ON t.note = n.key ORDER BY n.key, t.tag", TRUE, TRUE },
    { (char *) "SELECT * FROM tagged ORDER BY weight, note, tag", TRUE, TRUE },
    { (char *) "SELECT key, title FROM note ORDER BY title, key LIMIT 5", TRUE, TRUE },
    { (char *) "SELECT key, title FROM note ORDER BY n DESC, key LIMIT 4 OFFSET 3", TRUE, TRUE },
    { (char *) "SELECT key, title, row_number () OVER (ORDER BY title, key) AS place FROM note ORDER BY place", TRUE, TRUE },
    { (char *) "WITH busy (folder) AS (SELECT folder FROM note GROUP BY folder HAVING count (*) > 2) "
               "SELECT key, title FROM note WHERE folder IN busy ORDER BY key", TRUE, TRUE },
    { (char *) "SELECT key, title FROM note WHERE folder IN (SELECT key FROM folder) ORDER BY title, key", TRUE, TRUE },
    { (char *) "SELECT key, (SELECT count (*) FROM tagged WHERE note = key) AS tags FROM note ORDER BY tags, key", TRUE, TRUE },
    { (char *) "SELECT key, title FROM note UNION ALL SELECT key, name FROM folder ORDER BY 2, 1", TRUE, TRUE },
    { (char *) "SELECT note.key, note.title FROM text JOIN note ON note.rowid = text.rowid WHERE text MATCH 'a* OR bulk' "
               "ORDER BY note.key", TRUE, TRUE },
    { (char *) "SELECT key, title FROM flagged ORDER BY title, key", TRUE, TRUE },
    { (char *) "SELECT title FROM note ORDER BY title", FALSE, TRUE },
    { (char *) "SELECT value FROM note, json_each ('[1, 2]') WHERE note.key < 'k10' ORDER BY value", FALSE, TRUE },
  };
  Generated query = queries[g_rand_int_range (random, 0, G_N_ELEMENTS (queries))];

  query.sql = g_strdup (query.sql);
  return query;
}

/* -- One seed ------------------------------------------------------------------------------------------------------- */

static DimpleStore *
open_store (GRand *random)
{
  g_autofree char *script = g_strdup_printf (
    "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT%s, body, folder TEXT, n, r REAL, flag BOOLEAN);"
    "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT);"
    "CREATE TABLE tagged (note TEXT, tag TEXT, weight INTEGER, PRIMARY KEY (note, tag))%s;"
    "CREATE VIEW flagged AS SELECT key, title FROM note WHERE flag;"
    "CREATE VIRTUAL TABLE text USING fts5 (title, content = 'note');"
    "CREATE TRIGGER note_insert AFTER INSERT ON note BEGIN "
    "  INSERT INTO text (rowid, title) VALUES (new.rowid, new.title); END;"
    "CREATE TRIGGER note_delete AFTER DELETE ON note BEGIN "
    "  INSERT INTO text (text, rowid, title) VALUES ('delete', old.rowid, old.title); END;"
    "CREATE TRIGGER note_update AFTER UPDATE ON note BEGIN "
    "  INSERT INTO text (text, rowid, title) VALUES ('delete', old.rowid, old.title); "
    "  INSERT INTO text (rowid, title) VALUES (new.rowid, new.title); END;%s",
    g_rand_boolean (random) ? " COLLATE NOCASE" : "", g_rand_boolean (random) ? " WITHOUT ROWID" : "",
    g_rand_boolean (random) ? "CREATE INDEX note_title ON note (title); CREATE INDEX note_n ON note (n DESC, folder)" : "");
  const char * const migrations[] = { script, NULL };
  g_autoptr(GError) error = NULL;
  DimpleStore *store = dimple_store_open (NULL, &error);

  g_assert_no_error (error);
  dimple_store_migrate (store, migrations, &error);
  g_assert_no_error (error);
  return store;
}

static void
settle (DimpleStore *store,
        GPtrArray   *oracles,
        GRand       *random)
{
  if (g_rand_int_range (random, 0, 3) == 0)
    for (guint i = 0; i < oracles->len; i++)
      dimple_query_refresh (((Oracle *) g_ptr_array_index (oracles, i))->query);
  else
    dimple_test_wait_idle (store);
}

static void
run_seed (guint32 seed)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (seed);
  g_autoptr(DimpleStore) store = open_store (random);
  g_autoptr(GPtrArray) oracles = g_ptr_array_new_with_free_func ((GDestroyNotify) oracle_free);
  int n_steps = g_rand_int_range (random, 4, 12);

  for (int n = g_rand_int_range (random, 0, 6); n > 0; n--)
    write_something (store, random);
  for (int n = g_rand_int_range (random, 1, 5); n > 0; n--)
    {
      Generated query = g_rand_boolean (random) ? random_table_query (random) : random_other_query (random);

      g_ptr_array_add (oracles, oracle_new (store, query.sql, NULL, g_rand_int_range (random, 0, 3) > 0, query.is_keyed,
                                            query.is_ordered));
      g_free (query.sql);
    }
  settle (store, oracles, random);
  for (guint i = 0; i < oracles->len; i++)
    oracle_check (g_ptr_array_index (oracles, i), "loading", 1);

  while (n_steps-- > 0)
    {
      g_autofree char *step = NULL;
      guint n_commits = g_rand_int_range (random, 0, 4) == 0 ? 3 : 1;

      for (guint i = 0; i < n_commits; i++)
        {
          g_free (step);
          step = g_strdup_printf ("seed %u: %s", seed, write_something (store, random));
        }
      settle (store, oracles, random);
      for (guint i = 0; i < oracles->len; i++)
        oracle_check (g_ptr_array_index (oracles, i), step, 1);
    }
}

static void
test_random (void)
{
  if (only_seed >= 0)
    {
      run_seed ((guint32) only_seed);
      return;
    }
  for (int i = 0; i < n_seeds; i++)
    run_seed ((guint32) i);
}

int
main (int    argc,
      char **argv)
{
  const GOptionEntry entries[] = {
    { "seeds", 0, 0, G_OPTION_ARG_INT, &n_seeds, "How many seeds", "N" },
    { "seed", 0, 0, G_OPTION_ARG_INT, &only_seed, "This seed only", "N" },
    { NULL }
  };
  g_autoptr(GOptionContext) options = g_option_context_new (NULL);

  g_option_context_add_main_entries (options, entries, NULL);
  g_option_context_set_ignore_unknown_options (options, TRUE);
  g_option_context_parse (options, &argc, &argv, NULL);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/query/random", test_random);
  return g_test_run ();
}
