/* test-local-names.c: which name a file has for a key, so that every file system takes it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include <glib.h>

#include "dimple-local-names-private.h"

static void
test_plain_names (void)
{
  static const char * const plain[] = {
    "dimple/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b.json",
    "identities/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b.age",
    "changes/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b/"
    "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b_019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b.json.gz.age",
    "changes/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b/"
    "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b_019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b."
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.json.gz.age",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (plain); i++)
    {
      g_autofree char *path = dimple_local_path_from_key (plain[i]);
      g_autofree char *key = dimple_local_key_from_path (plain[i]);

      g_assert_cmpstr (path, ==, plain[i]);
      g_assert_cmpstr (key, ==, plain[i]);
    }
}

static void
test_escaped_names (void)
{
  static const struct
  {
    const char *key;
    const char *path;
  } pairs[] = {
    { "A b", "=41=20b" },
    { "what?", "what=3f" },
    { "=", "=3d" },
    { ".hidden/a.", "=2ehidden/a=2e" },
    { "...", "=2e.=2e" },
    { "con/nul.txt/com7/lpt", "=63on/=6eul.txt/=63om7/lpt" },
    { "desktop.ini", "=64esktop.ini" },
    { "caf\xc3\xa9", "caf=c3=a9" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autofree char *path = dimple_local_path_from_key (pairs[i].key);
      g_autofree char *key = dimple_local_key_from_path (pairs[i].path);

      g_assert_cmpstr (path, ==, pairs[i].path);
      g_assert_cmpstr (key, ==, pairs[i].key);
    }
}

static void
test_foreign_names (void)
{
  static const char * const foreign[] = {
    "", ".DS_Store", ".stfolder", "desktop.ini", "Thumbs.db", "thumbs.db", "name (conflicted copy).json", "A",
    "a.", ".a", "=41=4", "=zz", "=4A", "=61", "a=", "a=/b", "=00", "=2f", "con", "a//b", "a/", "/a", "=ff",
    "caf\xc3\xa9",
    "a.sync-conflict-20260101-120000-ABCDEFG.json", "~$a", "#recycle",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (foreign); i++)
    {
      g_autofree char *key = dimple_local_key_from_path (foreign[i]);

      g_assert_cmpstr (key, ==, NULL);
    }
}

static void
assert_takes_everywhere (const char *path)
{
  g_auto (GStrv) names = g_strsplit (path, "/", -1);

  for (gsize i = 0; names[i] != NULL; i++)
    {
      gsize length = strlen (names[i]);

      g_assert_cmpuint (length, >, 0);
      g_assert_cmpuint (length, <=, 201);
      g_assert_cmpuint (strspn (names[i], "abcdefghijklmnopqrstuvwxyz0123456789-_.="), ==, length);
      g_assert_cmpint (names[i][0], !=, '.');
      g_assert_cmpint (names[i][length - 1], !=, '.');
    }
}

/* Random keys of letters that matter */
static void
test_names_are_reversible (void)
{
  static const char letters[] = "aA.=/ -~:cCoOnN4\xc3\xa9";

  for (guint i = 0; i < 20000; i++)
    {
      g_autoptr (GString) key = g_string_new (NULL);
      gboolean is_long = i % 10 == 0;
      guint length = g_test_rand_int_range (1, is_long ? 1000 : 8);
      g_autofree char *path = NULL;
      g_autofree char *same = NULL;

      while (key->len < length)
        {
          char c = letters[g_test_rand_int_range (0, is_long ? 5 : sizeof letters - 3)];

          if (g_test_rand_int_range (0, 10) == 0)
            g_string_append (key, "\xc3\xa9");
          else if (c != '/')
            g_string_append_c (key, c);
          else if (key->len > 0 && key->str[key->len - 1] != '/' && key->str[key->len - 1] != '.')
            g_string_append_c (key, '/');
        }
      g_string_append_c (key, 'z');

      path = dimple_local_path_from_key (key->str);
      assert_takes_everywhere (path);
      same = dimple_local_key_from_path (path);
      g_assert_cmpstr (same, ==, strstr (key->str, "/./") || strstr (key->str, "/../") ||
                                 g_str_has_prefix (key->str, "./") || g_str_has_prefix (key->str, "../") ?
                                 NULL : key->str);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/local-names/plain-names", test_plain_names);
  g_test_add_func ("/local-names/escaped-names", test_escaped_names);
  g_test_add_func ("/local-names/foreign-names", test_foreign_names);
  g_test_add_func ("/local-names/names-are-reversible", test_names_are_reversible);

  return g_test_run ();
}
