/* test-encrypted-storage.c: what an encrypted storage adds to the one beneath it
 *
 * That it is a storage at all is tested with all others in test-storage.c, its identities in test-encrypted-identity.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "encrypted-fixture.h"

#include <glib/gstdio.h>

#include "age-command.h"

/* --- What is where --- */

static void
test_names (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (DimpleStorage) wrapped = NULL;
  g_autofree char *identity = NULL;
  g_autofree char *names = NULL;
  g_autofree char *expected = NULL;
  g_autofree char *description = NULL;
  g_autoptr (GError) error = NULL;

  put (storage, MARKER, MARKER_TEXT);
  put (storage, PACK, "pack");
  put (storage, "other.age", "other");
  put (inner, "README.txt", "somebody else's");
  put (inner, MARKER ".age", "somebody else's");
  put (inner, ".age", "somebody else's");

  identity = first_identity (inner);
  names = list_all (inner, "");
  expected = g_strdup_printf (".age README.txt " PACK ".age " MARKER " " MARKER ".age %s other.age.age ", identity);
  g_assert_cmpstr (names, ==, expected);
  assert_list (storage, "", PACK " " MARKER " other.age ");
  assert_list (storage, "changes/", PACK " ");
  assert_list (storage, "other.age.", "");
  assert_list (storage, "identities/", "");

  assert_get (inner, MARKER, MARKER_TEXT);
  assert_get (storage, MARKER, MARKER_TEXT);
  assert_get (storage, PACK, "pack");
  assert_get_fails (storage, PACK ".age", DIMPLE_ERROR_NOT_FOUND);
  assert_get_fails (storage, "README.txt", DIMPLE_ERROR_NOT_FOUND);

  remove_object (storage, PACK);
  remove_object (storage, MARKER);
  assert_list (storage, "", "other.age ");

  g_object_get (storage, "storage", &wrapped, NULL);
  g_assert_true (wrapped == inner);
  description = dimple_storage_dup_description (storage);
  g_assert_cmpstr (description, ==, "Memory of this program, encrypted");
  g_assert_true (dimple_storage_check (storage, NULL, &error));
  g_assert_no_error (error);
}

/* What prints an object's properties finds no secret */
static void
test_properties (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  guint n_properties;
  g_autofree GParamSpec **properties = g_object_class_list_properties (G_OBJECT_GET_CLASS (storage), &n_properties);

  g_assert_cmpuint (n_properties, ==, 1);
  g_assert_cmpstr (properties[0]->name, ==, "storage");
}

static void
test_reserved_names (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (GBytes) contents = g_bytes_new ("x", 1);
  const char * const keys[] = { "a", "identities/a", NULL };
  g_autoptr (GError) error = NULL;

  g_assert_false (dimple_storage_put (storage, "identities/a", contents, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
  g_clear_error (&error);
  g_assert_false (dimple_storage_remove (storage, keys, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
  assert_get_fails (storage, "identities/a", DIMPLE_ERROR_PARAMETERS);
  assert_list (inner, "", "");
}

static void
on_keys (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (DimpleStorageRequest) request = user_data;
  g_auto (GStrv) keys = dimple_storage_list_finish (DIMPLE_STORAGE (source), result, NULL);
  guint page_size = GPOINTER_TO_UINT (g_object_get_data (source, "page-size"));

  for (guint i = g_strv_length (keys); i > page_size; i--)
    g_clear_pointer (&keys[i - 1], g_free);
  dimple_storage_request_complete_list (request, (const char * const *) keys);
}

static gboolean
on_list_request (DimpleStorage        *storage,
                 DimpleStorageRequest *request,
                 gpointer              user_data)
{
  if (dimple_storage_request_get_operation (request) != DIMPLE_STORAGE_LIST)
    return FALSE;

  dimple_storage_list_async (user_data, dimple_storage_request_get_key (request),
                             dimple_storage_request_get_start_after (request), NULL, on_keys, g_object_ref (request));
  return TRUE;
}

/* Names and their keys sort differently: each page has to be right whatever its size */
static void
test_order (void)
{
  static const char * const keys[] = {
    "a", "a b", "a!", "a-b", "a-b/c", "a.b", "a.age", "a/b", "a/b-c", "a0", "ab", "ab-", "b", "b-c-d", "b-c", "b--",
  };
  static const char * const prefixes[] = { "", "a", "a-", "a.", "a/b", "b-c" };
  g_autoptr (DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) clear = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) writer = open_storage (memory, PASSPHRASE);

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      put (writer, keys[i], "x");
      put (clear, keys[i], "x");
    }

  for (guint page_size = 1; page_size < 8; page_size++)
    {
      g_autoptr (DimpleStorage) custom = dimple_custom_storage_new ();
      g_autoptr (DimpleStorage) storage = open_storage (custom, PASSPHRASE);

      g_object_set_data (G_OBJECT (memory), "page-size", GUINT_TO_POINTER (page_size));
      g_signal_connect (custom, "request", G_CALLBACK (on_list_request), memory);
      for (gsize i = 0; i < G_N_ELEMENTS (prefixes); i++)
        {
          g_autofree char *expected = list_all (clear, prefixes[i]);

          assert_list (storage, prefixes[i], expected);
        }
      for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
        {
          g_auto (GStrv) expected = dimple_storage_list (clear, NULL, keys[i], NULL, NULL);
          g_auto (GStrv) found = dimple_storage_list (storage, NULL, keys[i], NULL, NULL);

          g_assert_cmpstr (found[0], ==, expected[0]);
        }
    }
}

/* A page that is not full is the last one: sync relies on it, so that one with nothing to do is one request */
static void
test_full_pages (void)
{
  g_autoptr (DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) inner = dimple_test_storage_new (memory);
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_auto (GStrv) page = NULL;
  g_autofree char *last = NULL;
  g_autoptr (GError) error = NULL;
  guint n_requests;

  put (storage, PACK, "pack");
  put (storage, MARKER, MARKER_TEXT);
  n_requests = dimple_test_storage_get_n_requests (DIMPLE_TEST_STORAGE (inner));
  page = dimple_storage_list (storage, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (page), ==, 2);
  g_assert_cmpuint (dimple_test_storage_get_n_requests (DIMPLE_TEST_STORAGE (inner)), ==, n_requests + 1);

  for (guint i = 0; i < 2500; i++)
    {
      g_autofree char *name = g_strdup_printf ("changes/0190163d-8694-739b-aea5-966c26f8ad91/%04u.json.gz.age", i);

      put (memory, name, "x");
      if (i % 10 == 0)
        {
          g_autofree char *foreign = g_strdup_printf ("changes/0190163d-8694-739b-aea5-966c26f8ad91/%04u.tmp", i);

          put (memory, foreign, "x");
        }
    }
  for (guint i = 0; i < 3; i++)
    {
      g_clear_pointer (&page, g_strfreev);
      page = dimple_storage_list (storage, NULL, last, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (g_strv_length (page), ==, i < 2 ? 1000 : 502);
      g_free (last);
      last = g_strdup (page[g_strv_length (page) - 1]);
    }
}

/* --- Mixed and damaged repositories --- */

static void
test_mixed (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (GError) error = NULL;

  put (storage, PACK, "pack");
  put (inner, "changes/a/3.json.gz.age", "{}");
  assert_get_fails (storage, "changes/a/3.json.gz", DIMPLE_ERROR_ENCRYPTION);
  put (inner, "changes/a/4.json.gz", "{}");
  g_assert_null (dimple_storage_list (storage, NULL, NULL, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_ENCRYPTION);
  g_assert_nonnull (strstr (error->message, "changes/a/4.json.gz"));
}

/* No identity gets into a repository that is not encrypted */
static void
test_clear_repository (void)
{
  static const char * const markers[] = { CLEAR_MARKER, "{\"format\":1}", "damaged", "", "[]" };
  g_autoptr (GBytes) contents = g_bytes_new ("x", 1);

  for (gsize i = 0; i < G_N_ELEMENTS (markers); i++)
    {
      g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
      g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
      g_autoptr (GError) error = NULL;

      put (inner, MARKER, markers[i]);
      g_assert_false (dimple_storage_put (storage, PACK, contents, NULL, &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_ENCRYPTION);
      g_clear_error (&error);
      g_assert_false (dimple_storage_check (storage, NULL, &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_ENCRYPTION);
      assert_list (inner, "", MARKER " ");
    }
}

static void
test_marker_of_age (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);

  put (inner, MARKER, MARKER_TEXT);
  put (storage, PACK, "pack");
  assert_get (storage, PACK, "pack");
}

static void
test_damaged (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (GBytes) sealed = NULL;
  g_autoptr (GBytes) cut = NULL;
  g_autoptr (GError) error = NULL;

  put (storage, PACK, "pack");
  sealed = dimple_storage_get (inner, PACK ".age", NULL, &error);
  g_assert_no_error (error);
  cut = g_bytes_new_from_bytes (sealed, 0, g_bytes_get_size (sealed) - 1);
  dimple_storage_put (inner, PACK ".age", cut, NULL, &error);
  g_assert_no_error (error);
  assert_get_fails (storage, PACK, DIMPLE_ERROR_BAD_PACK);
}

static void
test_damaged_identity (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (DimpleStorage) again = NULL;
  g_autoptr (DimpleStorage) without = NULL;
  g_autofree char *name = NULL;
  g_autoptr (GBytes) contents = g_bytes_new ("x", 1);
  g_autoptr (GError) error = NULL;

  put (storage, PACK, "pack");
  name = first_identity (inner);
  put (inner, "identities/damaged.age", "age-encryption.org/v1\n-> scr");
  put (inner, "identities/README", "somebody else's");

  /* Beside one that is good it does no harm */
  again = open_storage (inner, PASSPHRASE);
  assert_get (again, PACK, "pack");

  remove_object (inner, name);
  without = open_storage (inner, PASSPHRASE);
  g_assert_false (dimple_storage_put (without, PACK, contents, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
  g_assert_nonnull (strstr (error->message, "identities/damaged.age"));
}

static void
test_too_many_identities (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);

  for (guint i = 0; i < 65; i++)
    {
      g_autofree char *name = g_strdup_printf ("identities/%u.age", i);

      put (inner, name, "x");
    }
  assert_get_fails (storage, PACK, DIMPLE_ERROR_STORAGE);
}

static void
test_sealed_by_passphrase (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (DimpleStorage) wrong = open_storage (inner, "wrong");
  g_autoptr (DimpleAgeRecipient) recipient = dimple_age_recipient_new_for_passphrase (PASSPHRASE, WORK_FACTOR);
  g_autoptr (GBytes) contents = g_bytes_new ("pack", 4);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) sealed = dimple_age_seal (contents, &recipient, 1, &error);

  g_assert_no_error (error);
  dimple_storage_put (inner, PACK ".age", sealed, NULL, &error);
  g_assert_no_error (error);

  /* In a repository without an identity, and in one with one */
  assert_get (storage, PACK, "pack");
  assert_get_fails (wrong, PACK, DIMPLE_ERROR_PASSPHRASE);
  g_assert_cmpuint (count_keys (inner, "identities/"), ==, 0);
  put (storage, "changes/a/2.json.gz", "two");
  assert_get (storage, PACK, "pack");
}

/* A large object, and one of every size around a chunk */
static void
test_sizes (void)
{
  static const gsize sizes[] = { 0, 1, 65535, 65536, 65537, 5 * 1024 * 1024 };
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) contents = g_bytes_new_take (g_strnfill (sizes[i], 'x'), sizes[i]);
      g_autoptr (GBytes) opened = NULL;
      g_autoptr (GError) error = NULL;

      dimple_storage_put (storage, PACK, contents, NULL, &error);
      g_assert_no_error (error);
      opened = dimple_storage_get (storage, PACK, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (opened, contents));
    }
}

/* --- Stock tools --- */

/* What doc/security.md says: the identity by the passphrase, and by the identity everything else */
static void
test_stock_age (void)
{
  g_autofree char *folder = g_dir_make_tmp ("dimple-age-XXXXXX", NULL);
  g_autofree char *identity_path = g_build_filename (folder, "identity.age", NULL);
  g_autofree char *key_path = g_build_filename (folder, "key.txt", NULL);
  g_autofree char *pack_path = g_build_filename (folder, "pack.age", NULL);
  g_autofree char *plain_path = g_build_filename (folder, "plain", NULL);
  const char * const open_identity[] = { "age", "-d", "-o", key_path, identity_path, NULL };
  const char * const open_pack[] = { "age", "-d", "-i", key_path, pack_path, NULL };
  const char * const print_recipient[] = { "age-keygen", "-y", key_path, NULL };
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = dimple_encrypted_storage_new (inner, PASSPHRASE);
  g_autofree char *name = NULL;
  g_autofree char *recipient = NULL;
  g_autoptr (GBytes) identity = NULL;
  g_autoptr (GBytes) pack = NULL;
  g_autoptr (GBytes) opened = NULL;
  g_autoptr (GBytes) output = NULL;
  g_autoptr (GBytes) plaintext = g_bytes_new ("written by age", strlen ("written by age"));
  g_autoptr (GBytes) sealed = NULL;

  if (!age_command_is_there ())
    {
      g_rmdir (folder);
      return;
    }

  put (storage, PACK, "pack");
  name = first_identity (inner);
  identity = dimple_storage_get (inner, name, NULL, NULL);
  pack = dimple_storage_get (inner, PACK ".age", NULL, NULL);
  age_command_write (identity_path, identity);
  age_command_write (pack_path, pack);
  g_assert_true (age_command_run_with_passphrase (open_identity, PASSPHRASE));
  g_assert_true (age_command_run (open_pack, &opened));
  g_assert_cmpmem (g_bytes_get_data (opened, NULL), g_bytes_get_size (opened), "pack", 4);

  g_assert_true (age_command_run (print_recipient, &output));
  recipient = g_strndup (g_bytes_get_data (output, NULL), g_bytes_get_size (output));
  g_strstrip (recipient);
  age_command_write (plain_path, plaintext);
  {
    const char * const seal_pack[] = { "age", "-r", recipient, "-o", pack_path, plain_path, NULL };

    g_assert_true (age_command_run (seal_pack, NULL));
  }
  sealed = age_command_read (pack_path);
  dimple_storage_put (inner, "changes/b/1.json.gz.age", sealed, NULL, NULL);
  assert_get (storage, "changes/b/1.json.gz", "written by age");

  g_unlink (identity_path);
  g_unlink (key_path);
  g_unlink (pack_path);
  g_unlink (plain_path);
  g_rmdir (folder);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/encrypted-storage/names", test_names);
  g_test_add_func ("/encrypted-storage/properties", test_properties);
  g_test_add_func ("/encrypted-storage/reserved-names", test_reserved_names);
  g_test_add_func ("/encrypted-storage/order", test_order);
  g_test_add_func ("/encrypted-storage/full-pages", test_full_pages);
  g_test_add_func ("/encrypted-storage/mixed", test_mixed);
  g_test_add_func ("/encrypted-storage/clear-repository", test_clear_repository);
  g_test_add_func ("/encrypted-storage/marker-of-age", test_marker_of_age);
  g_test_add_func ("/encrypted-storage/damaged", test_damaged);
  g_test_add_func ("/encrypted-storage/damaged-identity", test_damaged_identity);
  g_test_add_func ("/encrypted-storage/too-many-identities", test_too_many_identities);
  g_test_add_func ("/encrypted-storage/sealed-by-passphrase", test_sealed_by_passphrase);
  g_test_add_func ("/encrypted-storage/sizes", test_sizes);
  g_test_add_func ("/encrypted-storage/stock-age", test_stock_age);
  return g_test_run ();
}
