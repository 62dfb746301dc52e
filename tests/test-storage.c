/* test-storage.c: what every kind of storage promises of its objects
 *
 * Which keys there may be is in test-storage-keys.c, and what several requests are to each other in
 * test-storage-async.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "storage-cases.h"

static void
test_round_trip (Place *place)
{
  g_autofree char *a = key_of (place, "folder/a.json.gz");
  g_autofree char *b = key_of (place, "folder/b.json.gz");
  const char *both[] = { a, b, NULL };
  g_autoptr (GError) error = NULL;

  assert_names (place, "", NULL, "");
  put (place, a, "first");
  put (place, b, "second");
  assert_contents (place, a, "first");
  assert_contents (place, b, "second");
  assert_names (place, "", NULL, "folder/a.json.gz folder/b.json.gz");

  dimple_storage_remove (place->storage, both, NULL, &error);
  g_assert_no_error (error);
  assert_missing (place, a);
  assert_names (place, "", NULL, "");
}

static void
test_overwrite (Place *place)
{
  g_autofree char *key = key_of (place, "again");

  put (place, key, "a long text at first");
  put (place, key, "short");
  assert_contents (place, key, "short");
  put (place, key, "and then a longer one than ever");
  assert_contents (place, key, "and then a longer one than ever");
  assert_names (place, "", NULL, "again");
}

static void
test_empty_object (Place *place)
{
  g_autofree char *key = key_of (place, "empty");

  put (place, key, "");
  assert_contents (place, key, "");
  assert_names (place, "", NULL, "empty");
}

static void
test_large_object (Place *place)
{
  gsize size = 5 * 1024 * 1024;
  g_autofree guint32 *data = g_malloc (size);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GBytes) same = NULL;
  g_autofree char *key = key_of (place, "large");
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < size / sizeof *data; i++)
    data[i] = g_test_rand_int ();
  bytes = g_bytes_new (data, size);

  dimple_storage_put (place->storage, key, bytes, NULL, &error);
  g_assert_no_error (error);
  same = dimple_storage_get (place->storage, key, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, same));
}

static void
test_missing (Place *place)
{
  g_autofree char *key = key_of (place, "not-there");
  g_autofree char *deep = key_of (place, "no/such/folder/either");
  g_autofree char *there = key_of (place, "there");
  g_autofree char *below = key_of (place, "there/below");
  const char *keys[] = { key, there, deep, NULL };
  const char *none[] = { NULL };
  g_autoptr (GError) error = NULL;

  put (place, there, "x");
  assert_missing (place, key);
  assert_missing (place, deep);
  assert_missing (place, below);

  dimple_storage_remove (place->storage, keys, NULL, &error);
  g_assert_no_error (error);
  assert_missing (place, there);
  dimple_storage_remove (place->storage, keys, NULL, &error);
  g_assert_no_error (error);
  dimple_storage_remove (place->storage, none, NULL, &error);
  g_assert_no_error (error);
}

/* Where keys are paths, a part of one is no object */
static void
test_part_of_a_key (Place *place)
{
  g_autofree char *key = key_of (place, "a/b/c");
  g_autofree char *part = key_of (place, "a/b");
  const char *keys[] = { part, NULL };
  g_autoptr (GError) error = NULL;

  put (place, key, "x");
  assert_missing (place, part);
  dimple_storage_remove (place->storage, keys, NULL, &error);
  g_assert_no_error (error);
  assert_contents (place, key, "x");
}

static void
test_description (Place *place)
{
  g_autofree char *description = dimple_storage_dup_description (place->storage);

  g_assert_cmpstr (description, !=, "");
  g_assert_true (g_utf8_validate (description, -1, NULL));
  if (place->secret != NULL)
    g_assert_null (strstr (description, place->secret));
}

static void
test_check (Place *place)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) left = NULL;

  dimple_storage_check (place->storage, NULL, &error);
  g_assert_no_error (error);

  left = dimple_storage_list (place->storage, "dimple-check", NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (left), ==, 0);
}

static const Case cases[] = {
  { "round-trip", test_round_trip },
  { "overwrite", test_overwrite },
  { "empty-object", test_empty_object },
  { "large-object", test_large_object },
  { "missing", test_missing },
  { "part-of-a-key", test_part_of_a_key },
  { "description", test_description },
  { "check", test_check },
};

int
main (int   argc,
      char *argv[])
{
  return run_cases (argc, argv, "storage", cases, G_N_ELEMENTS (cases));
}
