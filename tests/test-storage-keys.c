/* test-storage-keys.c: which keys every kind of storage takes, and how it lists them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "storage-cases.h"

static int
compare_strings (gconstpointer a,
                 gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

static void
test_awkward_keys (Place *place)
{
  static const char * const awkward[] = {
    "with space", " leading space", "trailing space ", "a+b", "100%", "per%20cent", "%2F", "=41", "=", "a=/b",
    "quote\"s", "apostrophe's", "&amp;", "<tag>", "~tilde", "colon:", "semi;colon", "question?", "star*", "back\\slash",
    "hash#tag", "comma,", "at@", "pipe|", "[brackets]", "{braces}", "(parentheses)", "$dollar", "!bang", "caret^", "`",
    ".leading-dot", "trailing-dot.", "...", "UPPER", "Upper", "upper", "con", "nul.json", "com1", "aux/lpt9.txt",
    "caf\xc3\xa9", "cafe\xcc\x81", "\xe6\x97\xa5\xe6\x9c\xac/\xe8\xaa\x9e", "\xf0\x9f\x97\x92", "\xd0\x9f\xd0\xb8",
    "order/b", "order-b", "order.b", "order0b", "order b",
  };
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) listed = NULL;
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  gsize rest = 1024 - strlen (place->base) - place->suffix_length;

  for (gsize i = 0; i < G_N_ELEMENTS (awkward); i++)
    g_ptr_array_add (names, g_strdup (awkward[i]));
  g_ptr_array_add (names, g_strnfill (rest, 'x'));
  g_ptr_array_add (names, g_strnfill (rest, '.'));
  g_ptr_array_add (names, g_strnfill (rest, 'X'));
  g_ptr_array_add (names, g_strnfill (300, 'x'));

  for (guint i = 0; i < names->len; i++)
    put_name (place, names->pdata[i]);
  for (guint i = 0; i < names->len; i++)
    {
      g_ptr_array_add (keys, key_of (place, names->pdata[i]));
      assert_contents (place, keys->pdata[i], names->pdata[i]);
    }

  g_ptr_array_sort (names, compare_strings);
  listed = list_names (place, "", NULL, NULL);
  for (guint i = 0; i < names->len; i++)
    g_assert_cmpstr (listed[i], ==, names->pdata[i]);
  g_assert_null (listed[names->len]);

  /* Each one is found right after the one before, wherever a listing starts */
  for (guint i = 0; i + 1 < names->len; i++)
    {
      g_autofree char *before = key_of (place, names->pdata[i]);
      g_auto (GStrv) after = dimple_storage_list (place->storage, place->base, before, NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (after[0] + strlen (place->base), ==, names->pdata[i + 1]);
    }

  g_ptr_array_add (keys, NULL);
  dimple_storage_remove (place->storage, (const char * const *) keys->pdata, NULL, &error);
  g_assert_no_error (error);
  assert_names (place, "", NULL, "");
}

static void
test_invalid_keys (Place *place)
{
  static const char * const invalid[] = {
    "", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "../a", "a/../b", "a/./b", "a/..", "\xff", "a\xc3",
    "a\nb", "\x7f",
  };
  g_autofree char *too_long = g_strnfill (1025, 'x');
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);

  for (gsize i = 0; i <= G_N_ELEMENTS (invalid); i++)
    {
      const char *key = i < G_N_ELEMENTS (invalid) ? invalid[i] : too_long;
      const char *keys[] = { "fine", key, NULL };
      g_autoptr (GError) put_error = NULL;
      g_autoptr (GError) get_error = NULL;
      g_autoptr (GError) remove_error = NULL;

      g_assert_false (dimple_storage_put (place->storage, key, contents, NULL, &put_error));
      g_assert_error (put_error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
      g_assert_true (g_utf8_validate (put_error->message, -1, NULL));
      g_assert_null (dimple_storage_get (place->storage, key, NULL, &get_error));
      g_assert_error (get_error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
      g_assert_false (dimple_storage_remove (place->storage, keys, NULL, &remove_error));
      g_assert_error (remove_error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
    }
}

static void
test_invalid_prefixes (Place *place)
{
  g_autofree char *too_long = g_strnfill (1025, 'x');
  const char *invalid[] = { too_long, "\xff", "a\xc3" };

  for (gsize i = 0; i < G_N_ELEMENTS (invalid); i++)
    {
      g_autoptr (GError) prefix_error = NULL;
      g_autoptr (GError) start_error = NULL;

      g_assert_null (dimple_storage_list (place->storage, invalid[i], NULL, NULL, &prefix_error));
      g_assert_error (prefix_error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
      g_assert_null (dimple_storage_list (place->storage, NULL, invalid[i], NULL, &start_error));
      g_assert_error (start_error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
    }
}

static void
test_prefixes (Place *place)
{
  static const char * const names[] = { "a", "ab/c", "ab/d", "ab-c", "abc", "b/a/x", "b/b/x", "c" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    put_name (place, names[i]);

  /* Byte order has the dash before the slash, and the slash before letters */
  assert_names (place, "", NULL, "a ab-c ab/c ab/d abc b/a/x b/b/x c");
  assert_names (place, "ab", NULL, "ab-c ab/c ab/d abc");
  assert_names (place, "ab/", NULL, "ab/c ab/d");
  assert_names (place, "b/b", NULL, "b/b/x");
  assert_names (place, "nothing", NULL, "");
  assert_names (place, "ab/c/", NULL, "");

  assert_names (place, "", "ab/c", "ab/d abc b/a/x b/b/x c");
  assert_names (place, "", "ab/", "ab/c ab/d abc b/a/x b/b/x c");
  assert_names (place, "", "ab/cc", "ab/d abc b/a/x b/b/x c");
  assert_names (place, "", "b/a/x/y", "b/b/x c");
  assert_names (place, "", "c", "");
  assert_names (place, "", "z", "");
  assert_names (place, "b/", "a", "b/a/x b/b/x");
  assert_names (place, "b/", "b/a/x", "b/b/x");
  assert_names (place, "ab", "b", "");
}

static void
test_whole_listing (Place *place)
{
  g_autofree char *key = key_of (place, "somewhere");
  g_autofree char *last = NULL;
  gboolean found = FALSE;

  put (place, key, "x");
  while (TRUE)
    {
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) keys = dimple_storage_list (place->storage, NULL, last, NULL, &error);
      guint n_keys;

      g_assert_no_error (error);
      n_keys = g_strv_length (keys);
      if (n_keys == 0)
        break;
      found |= g_strv_contains ((const char * const *) keys, key);
      g_free (last);
      last = g_strdup (keys[n_keys - 1]);
    }

  g_assert_true (found);
}

static void
test_many_keys (Place *place)
{
  const guint n_many = place->page_size + 5;
  g_auto (Answers) answers = { NULL };
  g_auto (GStrv) names = NULL;
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  guint n_pages;

  answers_init (&answers, n_many);
  for (guint i = 0; i < n_many; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u/%04u", i % 3, i);
      g_autoptr (GBytes) contents = g_bytes_new (name, strlen (name));

      g_ptr_array_add (keys, key_of (place, name));
      dimple_storage_put_async (place->storage, keys->pdata[i], contents, NULL, on_answer, &answers);
      while (answers.n_pending > n_many - i + 15)
        g_main_context_iteration (NULL, TRUE);
    }
  answers_wait (&answers);
  for (guint i = 0; i < n_many; i++)
    {
      dimple_storage_put_finish (place->storage, answers.results->pdata[i], &error);
      g_assert_no_error (error);
    }

  names = list_names (place, "", NULL, &n_pages);
  g_assert_cmpuint (g_strv_length (names), ==, n_many);
  g_assert_cmpuint (n_pages, >=, 2);
  for (guint i = 0; i + 1 < n_many; i++)
    g_assert_cmpint (strcmp (names[i], names[i + 1]), <, 0);

  g_ptr_array_add (keys, NULL);
  dimple_storage_remove (place->storage, (const char * const *) keys->pdata, NULL, &error);
  g_assert_no_error (error);
  assert_names (place, "", NULL, "");
}

static const Case cases[] = {
  { "awkward-keys", test_awkward_keys },
  { "invalid-keys", test_invalid_keys },
  { "invalid-prefixes", test_invalid_prefixes },
  { "prefixes", test_prefixes },
  { "whole-listing", test_whole_listing },
  { "many-keys", test_many_keys },
};

int
main (int   argc,
      char *argv[])
{
  return run_cases (argc, argv, "storage-keys", cases, G_N_ELEMENTS (cases));
}
