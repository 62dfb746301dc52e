/* test-sync-encrypted.c: sync through an encrypted storage, and what must never meet
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "devices.h"
#include "dimple-age-private.h"
#include "dimple-encrypted-storage-private.h"

#define MARKER "dimple/0192f000-0000-7000-8000-00000000cccc.json"

static DimpleStorage *
seal (DimpleStorage *inner,
      const char    *passphrase)
{
  DimpleStorage *storage = dimple_encrypted_storage_new (inner, passphrase);

  dimple_encrypted_storage_set_work_factor (DIMPLE_ENCRYPTED_STORAGE (storage), 4);
  return storage;
}

static void
test_two_devices (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(DimpleStorage) storage = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) same = seal (bucket->storage, "secret");
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) other = device_new (NULL, same);

  device_note (one, "a", "From one");
  device_sync (one);
  device_note (other, "b", "From other");
  device_sync (other);
  device_sync (one);
  assert_equal_devices (one, other);
  g_assert_cmpuint (device_count (one, "note"), ==, 2);

  g_assert_cmpuint (bucket_count (bucket, "identities/"), ==, 1);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 2);
  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *key = bucket_find (bucket, "changes/", i);
      GBytes *contents = g_hash_table_lookup (bucket->objects, key);

      g_assert_true (g_str_has_suffix (key, ".json.gz.age"));
      g_assert_true (g_str_has_prefix (g_bytes_get_data (contents, NULL), "age-encryption.org/v1\n"));
    }
}

/* Both come to an empty bucket, and neither sees what the other puts there: two markers and two identities are fine. */
static void
test_both_first (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(DimpleStorage) storage = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) same = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) third = seal (bucket->storage, "secret");
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) other = device_new (NULL, same);
  g_autoptr(Device) late = device_new (NULL, third);

  device_note (one, "a", "From one");
  device_note (other, "b", "From other");
  device_sync (one);
  bucket->hidden = "";
  device_sync (other);
  bucket_behave (bucket);
  g_assert_cmpuint (bucket_count (bucket, "identities/"), ==, 2);
  g_assert_cmpuint (bucket_count (bucket, "dimple/"), ==, 2);

  device_sync (one);
  device_sync (other);
  device_sync (late);
  assert_equal_devices (one, other);
  assert_equal_devices (one, late);
  g_assert_cmpuint (device_count (late, "note"), ==, 2);
}

/* Its identity, all identities, or all that it has: whoever has opened them puts them there again. */
static void
test_lost_identity (void)
{
  static const char * const lost[] = { "identities/", "" };

  for (guint i = 0; i < G_N_ELEMENTS (lost); i++)
    {
      g_autoptr(Bucket) bucket = bucket_new ();
      g_autoptr(DimpleStorage) storage = seal (bucket->storage, "secret");
      g_autoptr(DimpleStorage) same = seal (bucket->storage, "secret");
      g_autoptr(Device) one = device_new (NULL, storage);
      g_autoptr(Device) other = device_new (NULL, same);

      device_note (one, "a", "From one");
      device_sync (one);
      bucket_lose (bucket, lost[i]);
      device_note (one, "b", "From one");
      device_sync (one);
      g_assert_cmpuint (bucket_count (bucket, "identities/"), ==, 1);
      device_sync (other);
      assert_equal_devices (one, other);
      g_assert_cmpuint (device_count (other, "note"), ==, 2);
    }
}

/* Also by who has nothing else to put; and one of two. */
static void
test_lost_identity_of_two (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(DimpleStorage) storage = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) same = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) third = seal (bucket->storage, "secret");
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) other = device_new (NULL, same);
  g_autoptr(Device) late = device_new (NULL, third);

  device_note (one, "a", "From one");
  device_note (other, "b", "From other");
  device_sync (one);
  bucket->hidden = "";
  device_sync (other);
  bucket_behave (bucket);
  device_sync (one);
  device_sync (other);
  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *name = bucket_find (bucket, "identities/", i);
      g_autoptr(GBytes) contents = g_bytes_ref (g_hash_table_lookup (bucket->objects, name));

      bucket_lose (bucket, name);
      device_sync (one);
      g_assert_true (g_bytes_equal (g_hash_table_lookup (bucket->objects, name), contents));
      bucket_behave (bucket);
      device_sync (one);
      g_assert_cmpuint (bucket->n_requests, ==, 3);      /* LIST: keys, identities, the end */
    }
  device_sync (late);
  assert_equal_devices (one, late);
}

/* An identity that has got another object is not lost, for who knows the new passphrase and who does not. */
static void
test_changed_passphrase (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(DimpleStorage) storage = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) same = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) third = seal (bucket->storage, "secret");
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) other = device_new (NULL, same);
  g_autoptr(Device) late = device_new (NULL, third);
  g_autoptr(GError) error = NULL;

  device_note (one, "a", "From one");
  device_sync (one);
  device_sync (other);
  dimple_encrypted_storage_change_passphrase (DIMPLE_ENCRYPTED_STORAGE (storage), "new", NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 2; i++)
    {
      device_note (other, "b", i == 0 ? "From other" : "Again");
      device_sync (other);
      device_sync (one);
      g_assert_cmpuint (bucket_count (bucket, "identities/"), ==, 1);
    }
  bucket_behave (bucket);
  device_sync (other);
  g_assert_cmpuint (bucket->n_requests, ==, 3);
  device_sync_fails (late, DIMPLE_ERROR_PASSPHRASE);

  /* Only who knows the new one puts it there again. */
  bucket_lose (bucket, "identities/");
  device_sync (other);
  g_assert_cmpuint (bucket_count (bucket, "identities/"), ==, 0);
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "identities/"), ==, 1);
  device_sync_fails (late, DIMPLE_ERROR_PASSPHRASE);
  assert_equal_devices (one, other);
}

/* Whichever request fails, with its effect or not: the next sync puts it there. */
static void
test_lost_identity_and_cut_off (void)
{
  gboolean is_over = FALSE;

  for (guint at = 0; !is_over; at++)
    {
      g_autoptr(Bucket) bucket = bucket_new ();
      g_autoptr(DimpleStorage) storage = seal (bucket->storage, "secret");
      g_autoptr(DimpleStorage) same = seal (bucket->storage, "secret");
      g_autoptr(Device) one = device_new (NULL, storage);
      g_autoptr(Device) late = device_new (NULL, same);
      g_autoptr(GError) error = NULL;

      device_note (one, "a", "From one");
      device_sync (one);
      bucket_lose (bucket, "");
      bucket_fail_at (bucket, 1 + at / 2, at % 2 == 0, DIMPLE_ERROR_OFFLINE);
      is_over = dimple_sync_client_sync (one->client, NULL, &error);
      g_assert_true (is_over || g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE));
      bucket_behave (bucket);
      device_sync (one);
      g_assert_cmpuint (bucket_count (bucket, "identities/"), ==, 1);
      device_sync (late);
      assert_equal_devices (one, late);
    }
}

/* Nobody had it in memory: there is another one, and what it does not open is sealed for it by who has the contents. */
static void
test_forgotten_identity (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(DimpleStorage) storage = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) same = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) third = seal (bucket->storage, "secret");
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) late = device_new (NULL, third);

  device_note (one, "a", "From one");
  device_sync (one);
  bucket_lose (bucket, "identities/");
  dimple_sync_client_remove_storage (one->client, storage);
  dimple_sync_client_add_storage (one->client, same);
  device_sync_fails (late, DIMPLE_ERROR_PASSPHRASE);
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "identities/"), ==, 1);

  device_note (one, "b", "From one");
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "identities/"), ==, 1);
  for (guint i = 0; i < 9; i++)
    {
      g_assert_cmpuint (bucket_count (bucket, "damaged/"), ==, 0);
      device_sync_fails (late, DIMPLE_ERROR_BAD_PACK);
      g_assert_cmpuint (device_count (late, "note"), ==, 1);
    }
  g_assert_cmpuint (bucket_count (bucket, "damaged/"), ==, 1);
  device_sync (late);
  device_sync (one);
  device_sync (late);
  assert_equal_devices (one, late);
  g_assert_cmpuint (device_count (late, "note"), ==, 2);
}

/* Who has the contents need not wait: verify() sets aside what cannot be opened, and the next sync seals it anew. */
static void
test_verify_forgotten_identity (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(DimpleStorage) storage = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) same = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) third = seal (bucket->storage, "secret");
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) late = device_new (NULL, third);
  g_auto(GStrv) differing = NULL;
  g_autoptr(GError) error = NULL;

  device_note (one, "a", "From one");
  device_sync (one);
  bucket_lose (bucket, "identities/");
  dimple_sync_client_remove_storage (one->client, storage);
  dimple_sync_client_add_storage (one->client, same);
  device_sync (one);
  g_assert_false (dimple_sync_client_verify (one->client, NULL, &differing, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
  g_assert_cmpuint (bucket_count (bucket, "damaged/"), ==, 1);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 0);
  device_sync (one);
  device_sync (late);
  assert_equal_devices (one, late);
}

static guint
count_requests (DimpleStorage *storage,
                Device        *device)
{
  guint before = dimple_test_storage_get_n_requests (DIMPLE_TEST_STORAGE (storage));

  device_sync (device);
  return dimple_test_storage_get_n_requests (DIMPLE_TEST_STORAGE (storage)) - before;
}

/* Once the identity is known, sealing costs no request. */
static void
test_requests (void)
{
  g_autoptr(DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr(DimpleStorage) counted = dimple_test_storage_new (memory);
  g_autoptr(DimpleStorage) storage = seal (counted, "secret");
  g_autoptr(DimpleStorage) same = seal (counted, "secret");
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) other = device_new (NULL, same);

  device_note (one, "a", "");
  device_sync (one);
  device_sync (other);
  for (guint i = 0; i < 5; i++)
    {
      device_note (one, "a", i % 2 == 0 ? "Even" : "Odd");
      g_assert_cmpuint (count_requests (counted, one), ==, 2);
      g_assert_cmpuint (count_requests (counted, one), ==, 1);
      g_assert_cmpuint (count_requests (counted, other), ==, 2);
      g_assert_cmpuint (count_requests (counted, other), ==, 1);
    }
  assert_equal_devices (one, other);
}

/* However many objects there are, and however often it syncs: a session is a storage object. */
static void
test_scrypt_once (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  guint before = dimple_age_get_n_scrypt_runs ();

  for (guint session = 0; session < 3; session++)
    {
      g_autoptr(DimpleStorage) storage = seal (bucket->storage, "secret");
      g_autoptr(Device) one = device_new (NULL, storage);

      for (guint i = 0; i < 5; i++)
        {
          device_execute (one, "INSERT INTO note (key) VALUES ('%u-%u')", session, i);
          device_sync (one);
        }
      g_assert_cmpuint (device_count (one, "note"), ==, 5 * (session + 1));
      g_assert_cmpuint (dimple_age_get_n_scrypt_runs (), ==, before + session + 1);
    }
}

/* -- Nothing is written, and nothing is merged --------------------------------------------------------------------- */

static void
test_wrong_passphrase (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(DimpleStorage) storage = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) wrong = seal (bucket->storage, "Secret");
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) stranger = device_new (NULL, wrong);
  gboolean needs_attention;

  device_note (one, "a", "From one");
  device_sync (one);
  assert_untouched (bucket, stranger, DIMPLE_ERROR_PASSPHRASE);
  device_note (stranger, "c", "");
  assert_untouched (bucket, stranger, DIMPLE_ERROR_PASSPHRASE);
  g_object_get (stranger->client, "needs-attention", &needs_attention, NULL);
  g_assert_true (needs_attention);

  /* One that knows the repository, and has only to upload. */
  dimple_sync_client_remove_storage (one->client, storage);
  dimple_sync_client_add_storage (one->client, wrong);
  device_note (one, "b", "");
  assert_untouched (bucket, one, DIMPLE_ERROR_PASSPHRASE);
  g_assert_cmpuint (bucket_count (bucket, "damaged/"), ==, 0);
}

static void
test_clear_client (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(DimpleStorage) storage = seal (bucket->storage, "secret");
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) clear = device_new (NULL, bucket->storage);

  /* With a marker and an identity, and with packs. */
  device_sync (one);
  device_note (clear, "c", "");
  assert_untouched (bucket, clear, DIMPLE_ERROR_ENCRYPTION);
  device_note (one, "a", "From one");
  device_sync (one);
  assert_untouched (bucket, clear, DIMPLE_ERROR_ENCRYPTION);

  /* Also one that knows the repository. */
  dimple_sync_client_remove_storage (one->client, storage);
  dimple_sync_client_add_storage (one->client, bucket->storage);
  device_note (one, "b", "");
  assert_untouched (bucket, one, DIMPLE_ERROR_ENCRYPTION);
}

/* Each single object says it. */
static void
test_clear_client_beside (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) clear = device_new (NULL, bucket->storage);

  device_note (clear, "a", "");
  bucket_set (bucket, MARKER, "{\"format\":1,\"encryption\":\"age\"}");
  assert_untouched (bucket, clear, DIMPLE_ERROR_ENCRYPTION);
  bucket_set (bucket, MARKER, "{\"format\":1,\"encryption\":null}");
  bucket_set (bucket, "identities/0192f000-0000-7000-8000-00000000dddd.age", "x");
  assert_untouched (bucket, clear, DIMPLE_ERROR_ENCRYPTION);
}

static void
test_clear_repository (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) clear = device_new (NULL, bucket->storage);
  g_autoptr(DimpleStorage) storage = seal (bucket->storage, "secret");
  g_autoptr(Device) one = device_new (NULL, storage);

  /* With only a marker, and with packs. */
  device_sync (clear);
  device_note (one, "a", "");
  assert_untouched (bucket, one, DIMPLE_ERROR_ENCRYPTION);
  device_note (clear, "b", "");
  device_sync (clear);
  assert_untouched (bucket, one, DIMPLE_ERROR_ENCRYPTION);

  /* Also one that knows the repository. */
  dimple_sync_client_remove_storage (clear->client, bucket->storage);
  dimple_sync_client_add_storage (clear->client, storage);
  device_note (clear, "c", "");
  assert_untouched (bucket, clear, DIMPLE_ERROR_ENCRYPTION);
}

/* -- One repository in several places ------------------------------------------------------------------------------ */

/* It may be sealed in one place and clear in another. */
static void
test_both_kinds (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Bucket) house = bucket_new ();
  g_autoptr(DimpleStorage) sealed = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) same = seal (bucket->storage, "secret");
  g_autoptr(Device) one = device_new (NULL, sealed);
  g_autoptr(Device) other = device_new (NULL, same);
  g_autoptr(Device) home = device_new (NULL, house->storage);

  dimple_sync_client_add_storage (one->client, house->storage);
  device_note (one, "a", "");
  device_sync (one);
  device_note (home, "b", "");
  device_sync (home);
  device_sync (one);
  device_sync (other);
  assert_equal_devices (one, home);
  assert_equal_devices (one, other);
  g_assert_cmpuint (device_count (other, "note"), ==, 2);
}

/* -- Damage -------------------------------------------------------------------------------------------------------- */

typedef void (*Damage) (Bucket     *bucket,
                        const char *key);

/* The last byte belongs to the seal of the last chunk. */
static void
alter (Bucket     *bucket,
       const char *key)
{
  gsize size;
  const char *old = g_bytes_get_data (g_hash_table_lookup (bucket->objects, key), &size);
  char *contents = g_memdup2 (old, size);

  contents[size - 1] ^= 1;
  g_hash_table_insert (bucket->objects, g_strdup (key), g_bytes_new_take (contents, size));
}

/* What was not sealed by anybody of ours is not believed. */
static void
replace_by_clear (Bucket     *bucket,
                  const char *key)
{
  bucket_set (bucket, key, "{\"format\":1}");
}

static void
check_damage (Damage damage)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(DimpleStorage) storage = seal (bucket->storage, "secret");
  g_autoptr(DimpleStorage) same = seal (bucket->storage, "secret");
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(Device) other = device_new (NULL, same);
  g_autoptr(GError) error = NULL;
  g_autofree char *key = NULL;

  for (int i = 0; i < 3; i++)
    {
      device_execute (one, "INSERT INTO note (key) VALUES ('%d')", i);
      device_sync (one);
    }
  key = bucket_find (bucket, "changes/", 1);
  damage (bucket, key);

  g_assert_false (dimple_sync_client_sync (other->client, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
  g_assert_cmpuint (device_count (other, "note"), ==, 2);
  g_assert_cmpuint (bucket_count (bucket, "damaged/changes/"), ==, 1);
  g_assert_null (g_hash_table_lookup (bucket->objects, key));
  key[strlen (key) - strlen (".age")] = '\0';
  g_assert_nonnull (strstr (error->message, key));

  device_sync (one);
  device_sync (other);
  assert_equal_devices (one, other);
  g_assert_cmpuint (device_count (other, "note"), ==, 3);
}

static void
test_damaged (void)
{
  check_damage (bucket_truncate);
  check_damage (bucket_swap);
  check_damage (alter);
  check_damage (replace_by_clear);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/sync-encrypted/two-devices", test_two_devices);
  g_test_add_func ("/sync-encrypted/both-first", test_both_first);
  g_test_add_func ("/sync-encrypted/lost-identity", test_lost_identity);
  g_test_add_func ("/sync-encrypted/lost-identity-of-two", test_lost_identity_of_two);
  g_test_add_func ("/sync-encrypted/changed-passphrase", test_changed_passphrase);
  g_test_add_func ("/sync-encrypted/lost-identity-and-cut-off", test_lost_identity_and_cut_off);
  g_test_add_func ("/sync-encrypted/forgotten-identity", test_forgotten_identity);
  g_test_add_func ("/sync-encrypted/verify-forgotten-identity", test_verify_forgotten_identity);
  g_test_add_func ("/sync-encrypted/requests", test_requests);
  g_test_add_func ("/sync-encrypted/scrypt-once", test_scrypt_once);
  g_test_add_func ("/sync-encrypted/wrong-passphrase", test_wrong_passphrase);
  g_test_add_func ("/sync-encrypted/clear-client", test_clear_client);
  g_test_add_func ("/sync-encrypted/clear-client-beside", test_clear_client_beside);
  g_test_add_func ("/sync-encrypted/clear-repository", test_clear_repository);
  g_test_add_func ("/sync-encrypted/both-kinds", test_both_kinds);
  g_test_add_func ("/sync-encrypted/damaged", test_damaged);
  return g_test_run ();
}
