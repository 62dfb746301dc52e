/* test-bucket-format.c: a repository is restored with nothing but age, gunzip, jq and sqlite3
 *
 * The programs are those that doc/bucket-format.md prints.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "age-command.h"
#include "dimple-pack-private.h"
#include "store-exchange.h"

#include <glib/gstdio.h>

#define PASSPHRASE "correct horse"

static const char * const migrations[] = {
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT UNIQUE COLLATE NOCASE);"
  "CREATE TABLE note (key TEXT PRIMARY KEY, folder TEXT REFERENCES folder (key), title TEXT NOT NULL,"
  "                   body TEXT DEFAULT 'none', n INTEGER, r REAL, b BLOB, size INTEGER AS (length (title)));"
  "CREATE TABLE tag (Note TEXT, name TEXT, colour TEXT, PRIMARY KEY (name, Note)) WITHOUT ROWID",
  "ALTER TABLE note ADD COLUMN stars INTEGER DEFAULT 1; UPDATE note SET stars = 5 WHERE title = 'Milk';"
  "CREATE UNIQUE INDEX note_title ON note (title) WHERE n > 0",
  NULL
};

/* Everything that the app sees, in an order of its own. */
static const char everything[] =
  "SELECT quote (key) || quote (name) FROM folder UNION ALL "
  "SELECT quote (key) || quote (folder) || hex (title) || quote (body) || quote (n) || quote (r) || quote (b) ||"
  "       quote (stars) FROM note UNION ALL "
  "SELECT quote (note) || quote (name) || quote (colour) FROM tag ORDER BY 1";

static DimpleStorage *
open_storage (const char *path,
              gboolean    sealed)
{
  g_autoptr(GFile) folder = g_file_new_for_path (path);
  g_autoptr(DimpleStorage) local = dimple_local_storage_new (folder);

  return sealed ? dimple_encrypted_storage_new (local, PASSPHRASE) : g_steal_pointer (&local);
}

static void
sync_store (DimpleStore *store,
            const char  *path,
            gboolean     sealed)
{
  g_autoptr(DimpleStorage) storage = open_storage (path, sealed);
  g_autoptr(DimpleSyncClient) client = dimple_sync_client_new (store, storage);
  g_autoptr(GError) error = NULL;

  dimple_sync_client_sync (client, NULL, &error);
  g_assert_no_error (error);
}

static DimpleStore *
open_old_store (void)
{
  const char *first[] = { migrations[0], NULL };

  return open_store (first);
}

/* The app comes in its second version. */
static void
upgrade (DimpleStore *store)
{
  g_autoptr(GError) error = NULL;

  dimple_store_migrate (store, migrations, &error);
  g_assert_no_error (error);
}

/* Two devices that edit at the same time: cells, deletes, UNIQUE, FOREIGN KEYs, a migration that comes late. */
static void
write_repository (DimpleStore *a,
                  DimpleStore *b,
                  const char  *path,
                  gboolean     sealed)
{
  set_second (a, 1);
  execute (a, "INSERT INTO folder VALUES ('f1', 'Work'), ('f2', 'Home'), ('f3', 'Gone')");
  execute (a, "INSERT INTO note (key, folder, title, n, r, b) VALUES"
              " ('n1', 'f1', 'Milk', 9007199254740993, 1.5, x'00ff'), ('n2', 'f3', 'it''s \"quoted\"', -1, 9e999, x''),"
              " ('n3', NULL, CAST (x'61ff62' AS TEXT), 3, -1e-9, NULL), ('n4', 'f2', 'deleted', 1, 2, NULL),"
              " ('n5', 'f2', 'edited', 1, 2, NULL)");
  execute (a, "INSERT INTO tag VALUES ('n1', 'red', 'f00'), ('n1', 'blue', NULL)");
  sync_store (a, path, sealed);
  sync_store (b, path, sealed);

  set_second (a, 10);
  execute (a, "UPDATE note SET title = 'Milk and bread', n = 1 WHERE key = 'n1'");
  execute (a, "DELETE FROM note WHERE key = 'n2'");
  execute (a, "DELETE FROM folder WHERE key = 'f3'");
  execute (a, "DELETE FROM note WHERE key = 'n5'");
  execute (a, "INSERT INTO folder VALUES ('f4', 'Private')");
  execute (a, "UPDATE tag SET note = 'n3' WHERE name = 'red'");

  set_second (b, 20);
  execute (b, "UPDATE note SET body = 'by b', n = 2 WHERE key = 'n1'");
  execute (b, "DELETE FROM note WHERE key = 'n4'");
  execute (b, "UPDATE note SET body = 'brings it back' WHERE key = 'n5'");
  execute (b, "INSERT INTO folder VALUES ('f5', 'PRIVATE')");
  execute (b, "INSERT INTO note (key, folder, title) VALUES ('n6', 'f3', 'orphan'), ('n7', 'f5', 'orphan, too')");
  upgrade (b);
  execute (b, "INSERT INTO note (key, title, n, stars) VALUES ('n8', 'Milk and bread', 1, 7)");

  sync_store (a, path, sealed);
  sync_store (b, path, sealed);
  set_second (a, 30);
  upgrade (a);
  execute (a, "UPDATE note SET stars = stars + 1 WHERE key = 'n1'");
  sync_store (a, path, sealed);
  sync_store (b, path, sealed);
  sync_store (a, path, sealed);
}

/* Adds the paths of all files below a folder to a set. */
static void
list_files (const char *path,
            GHashTable *files)
{
  g_autoptr(GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  if (folder == NULL)
    {
      g_hash_table_add (files, g_strdup (path));
      return;
    }
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      list_files (file, files);
    }
}

/* How many of them are parts of transactions. */
static guint
count_parts (GHashTable *files)
{
  GHashTableIter iter;
  gpointer path;
  guint n = 0;

  g_hash_table_iter_init (&iter, files);
  while (g_hash_table_iter_next (&iter, &path, NULL))
    n += g_regex_match_simple ("\\.[0-9]+of[0-9]+\\.json\\.gz", path, 0, 0);
  return n;
}

/* A transaction of which one part is missing: nobody knows of it. */
static void
write_half (DimpleStore *store,
            const char  *path,
            gboolean     sealed)
{
  g_autoptr(GHashTable) before = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GHashTable) after = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GHashTableIter iter;
  gpointer file;

  list_files (path, before);
  g_assert_cmpuint (count_parts (before), >=, 4);
  set_second (store, 40);
  execute (store, "INSERT INTO folder VALUES ('g1', hex (randomblob (400))), ('g2', hex (randomblob (400)))");
  sync_store (store, path, sealed);
  list_files (path, after);
  g_assert_cmpuint (count_parts (after), ==, count_parts (before) + 2);
  g_hash_table_iter_init (&iter, after);
  while (g_hash_table_iter_next (&iter, &file, NULL))
    {
      if (!g_hash_table_contains (before, file) && strstr (file, ".1of2.") != NULL)
        g_assert_cmpint (g_unlink (file), ==, 0);
    }
}

/* Writes a block of code of the documentation to a file. */
static void
extract (const char *text,
         const char *fence,
         const char *path)
{
  const char *start = strstr (text, fence);
  const char *end;
  g_autoptr(GError) error = NULL;

  g_assert_nonnull (start);
  start = strchr (start + 1, '\n') + 1;
  end = strstr (start, "\n```");
  g_assert_nonnull (end);
  g_file_set_contents (path, start, end + 1 - start, &error);
  g_assert_no_error (error);
}

static gboolean
has_programs (void)
{
  static const char * const programs[] = { "sh", "gunzip", "jq", "sqlite3", NULL };

  for (guint i = 0; programs[i] != NULL; i++)
    {
      g_autofree char *found = g_find_program_in_path (programs[i]);

      if (found != NULL)
        continue;
      g_test_skip_printf ("The command %s is not installed.", programs[i]);
      return FALSE;
    }
  return age_command_is_there ();
}

static char *
read_restored (const char *path)
{
  const char *argv[] = { "sqlite3", path, everything, NULL };
  g_autoptr(GBytes) output = NULL;
  char *text;

  g_assert_true (age_command_run (argv, &output));
  text = g_strndup (g_bytes_get_data (output, NULL), g_bytes_get_size (output));
  return g_strchomp (text);
}

static char *
read_store (DimpleStore *store)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GListModel) rows = dimple_store_select (store, everything, NULL, &error);
  GString *text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < g_list_model_get_n_items (rows); i++)
    {
      g_autoptr(DimpleRow) row = g_list_model_get_item (rows, i);

      g_string_append_printf (text, "%s%s", i > 0 ? "\n" : "",
                              dimple_row_get_string (row, dimple_row_get_columns (row)[0]));
    }
  return g_string_free (text, FALSE);
}

/* In a folder of its own, as the programs leave files where they run. */
static void
restore (const char *work,
         const char *repository,
         const char *restored)
{
  g_autofree char *chapter = g_test_build_filename (G_TEST_DIST, "..", "doc", "bucket-format.md", NULL);
  g_autofree char *schema = g_build_filename (work, "schema.sql", NULL);
  g_autofree char *script = g_build_filename (work, "restore.sh", NULL);
  g_autofree char *filter = g_build_filename (work, "restore.jq", NULL);
  g_autofree char *command = NULL;
  g_autofree char *text = NULL;
  g_autofree char *sql = g_strjoinv (";\n", (char **) migrations);
  g_autofree char *ended = g_strconcat (sql, ";\n", NULL);
  const char *argv[] = { "sh", "-c", NULL, NULL };
  g_autoptr(GError) error = NULL;

  g_file_get_contents (chapter, &text, NULL, &error);
  g_assert_no_error (error);
  extract (text, "\n```sh\n", script);
  extract (text, "\n```jq\n", filter);
  g_file_set_contents (schema, ended, -1, &error);
  g_assert_no_error (error);
  command = g_strdup_printf ("cd '%s' && sh restore.sh '%s' schema.sql '%s' 2>errors", work, repository, restored);
  argv[2] = command;
  g_assert_true (age_command_run_with_passphrase (argv, PASSPHRASE));
}

static void
test_restore (gconstpointer data)
{
  gboolean sealed = GPOINTER_TO_INT (data);
  g_autoptr(GError) error = NULL;
  g_autofree char *work = NULL;
  g_autofree char *repository = NULL;
  g_autofree char *restored = NULL;
  g_autofree char *identity = NULL;
  g_autofree char *expected = NULL;
  g_autofree char *other = NULL;
  g_autofree char *found = NULL;
  g_autoptr(DimpleStore) a = NULL;
  g_autoptr(DimpleStore) b = NULL;
  g_autoptr(GListModel) conflicts = NULL;

  if (!has_programs ())
    return;
  work = g_dir_make_tmp ("dimple-restore-XXXXXX", &error);
  g_assert_no_error (error);
  repository = g_build_filename (work, "repository", NULL);
  g_assert_cmpint (g_mkdir (repository, 0700), ==, 0);
  restored = g_build_filename (work, "restored.db", NULL);
  /* So large transactions are small ones. */
  dimple_log_set_piece_size (1);
  dimple_pack_set_size (500);
  a = open_old_store ();
  b = open_old_store ();
  write_repository (a, b, repository, sealed);

  expected = read_store (a);
  other = read_store (b);
  g_assert_cmpstr (expected, ==, other);
  conflicts = dimple_store_get_conflicts (a);
  g_assert_cmpuint (g_list_model_get_n_items (conflicts), ==, 4);

  write_half (a, repository, sealed);
  restore (work, repository, restored);
  found = read_restored (restored);
  g_assert_cmpstr (found, ==, expected);
  identity = g_build_filename (work, "identity", NULL);
  g_assert_false (g_file_test (identity, G_FILE_TEST_EXISTS));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_data_func ("/bucket-format/clear", GINT_TO_POINTER (FALSE), test_restore);
  g_test_add_data_func ("/bucket-format/sealed", GINT_TO_POINTER (TRUE), test_restore);
  return g_test_run ();
}
