/* test-sync-healing.c: what is lost or damaged in a repository is named, set aside, and put there again
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "random-test.h"
#include "two-devices.h"

#define N_NOTES 3

static guint seed;

/* -- A repository -------------------------------------------------------------------------------------------------- */

/* Three packs of one transaction each. */
static void
set_up (Fixture       *fixture,
        gconstpointer  data)
{
  make_two_devices (fixture);
  for (int i = 0; i < N_NOTES; i++)
    {
      device_execute (fixture->one, "INSERT INTO note (key, title) VALUES ('%d', 'Title %d')", i, i);
      device_sync (fixture->one);
    }
  bucket_behave (fixture->bucket);
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  free_two_devices (fixture);
}

/* -- Lost objects -------------------------------------------------------------------------------------------------- */

/* Any pack, or any two, or all; put again by who wrote it, and by who did not. */
static void
test_deleted (Fixture       *fixture,
              gconstpointer  data)
{
  device_sync (fixture->other);
  for (guint lost = 1; lost < 8; lost++)
    {
      Device *healer = lost % 2 == 0 ? fixture->one : fixture->other;
      char *keys[3];

      for (guint i = 0; i < 3; i++)
        keys[i] = bucket_find (fixture->bucket, "changes/", i);
      for (guint i = 0; i < 3; i++)
        {
          if (lost & 1u << i && keys[i] != NULL)
            g_hash_table_remove (fixture->bucket->objects, keys[i]);
          g_free (keys[i]);
        }
      device_sync (healer);
      assert_settled (fixture, N_NOTES);
    }
}

static void
test_deleted_marker (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autofree char *marker = bucket_find (fixture->bucket, "dimple/", 0), *again = NULL;

  g_hash_table_remove (fixture->bucket->objects, marker);
  device_sync (fixture->one);
  again = bucket_find (fixture->bucket, "dimple/", 0);
  g_assert_cmpstr (marker, ==, again);
  assert_settled (fixture, N_NOTES);
}

/* An endpoint that lost everything, after packs were joined: filled by one that wrote none of it. */
static void
test_wiped (Fixture       *fixture,
            gconstpointer  data)
{
  for (int i = 0; i < 20; i++)
    {
      device_execute (fixture->one, "UPDATE note SET body = 'Body %d'", i);
      device_sync (fixture->one);
    }
  device_sync (fixture->other);
  g_hash_table_remove_all (fixture->bucket->objects);
  device_sync (fixture->other);
  g_assert_cmpuint (bucket_count (fixture->bucket, "changes/"), ==, 1);
  assert_settled (fixture, N_NOTES);
}

/* -- Damaged objects ----------------------------------------------------------------------------------------------- */

static void
check_damaged (Fixture    *fixture,
               const char *key)
{
  assert_named (fixture->other, key);
  assert_set_aside (fixture->bucket, key);
  g_assert_cmpuint (device_count (fixture->other, "note"), ==, 2);
  device_sync (fixture->other);
  assert_settled (fixture, N_NOTES);
}

static void
test_truncated (Fixture       *fixture,
                gconstpointer  data)
{
  g_autofree char *key = bucket_find (fixture->bucket, "changes/", 1);
  g_autoptr(GBytes) whole = g_bytes_ref (bucket_get_object (fixture->bucket, key)), some = NULL;
  gsize size = g_bytes_get_size (whole);

  some = g_bytes_new_from_bytes (whole, 0, size - GPOINTER_TO_SIZE (data));
  bucket_set_object (fixture->bucket, key, some);
  check_damaged (fixture, key);
}

/* A byte that was changed is noticed, or makes no difference (such as the time in gzip's header). */
static void
test_altered (Fixture       *fixture,
              gconstpointer  data)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (seed);
  g_autofree char *key = bucket_find (fixture->bucket, "changes/", 1);
  g_autoptr(GBytes) whole = g_bytes_ref (bucket_get_object (fixture->bucket, key));
  guint n_noticed = 0;

  for (guint i = 0; i < 40; i++)
    {
      g_autoptr(Device) late = device_new (NULL, fixture->bucket->storage);
      g_autoptr(GBytes) altered = NULL;
      g_autoptr(GError) error = NULL;
      gsize size;
      g_autofree guint8 *bytes = NULL;

      bytes = g_memdup2 (g_bytes_get_data (whole, &size), g_bytes_get_size (whole));
      bytes[g_rand_int_range (random, 0, (int) size)] ^= (guint8) (1 << g_rand_int_range (random, 0, 8));
      altered = g_bytes_new (bytes, size);
      bucket_set_object (fixture->bucket, key, altered);
      if (!dimple_sync_client_sync (late->client, NULL, &error))
        {
          g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
          g_assert_nonnull (strstr (error->message, key));
          g_assert_cmpuint (device_count (late, "note"), ==, 2);
          n_noticed++;
          device_sync (fixture->one);
          device_sync (late);
        }
      assert_equal_devices (fixture->one, late);
    }
  g_assert_cmpuint (n_noticed, >=, 10);
}

static void
test_swapped (Fixture       *fixture,
              gconstpointer  data)
{
  g_autofree char *first = bucket_find (fixture->bucket, "changes/", 0);
  g_autofree char *last = bucket_find (fixture->bucket, "changes/", 2);
  g_autoptr(GBytes) one = g_bytes_ref (bucket_get_object (fixture->bucket, first));
  g_autoptr(GBytes) other = g_bytes_ref (bucket_get_object (fixture->bucket, last));

  bucket_set_object (fixture->bucket, first, other);
  bucket_set_object (fixture->bucket, last, one);
  assert_named (fixture->other, "changes/");
  assert_set_aside (fixture->bucket, first);
  assert_set_aside (fixture->bucket, last);
  g_assert_cmpuint (device_count (fixture->other, "note"), ==, 1);
  assert_settled (fixture, N_NOTES);
}

/* A copy of a pack under the name of another author, of another range, and as if something had been pruned. */
static void
test_duplicated (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autofree char *key = bucket_find (fixture->bucket, "changes/", 1);
  g_autofree char *next = bucket_find (fixture->bucket, "changes/", 2);
  g_autofree char *others = NULL, *longer = NULL, *pruned = NULL;
  DimplePackName name, following;
  const char *copies[3];

  g_assert_true (dimple_pack_name_parse (&name, key));
  g_assert_true (dimple_pack_name_parse (&following, next));
  g_strlcpy (name.last, following.last, sizeof name.last);
  longer = dimple_pack_name_format (&name);
  g_assert_true (dimple_pack_name_parse (&name, key));
  g_strlcpy (name.digest, "0123456789abcdef", sizeof name.digest);
  pruned = dimple_pack_name_format (&name);
  g_assert_true (dimple_pack_name_parse (&name, key));
  dimple_uuid7_new (name.author);
  others = dimple_pack_name_format (&name);
  copies[0] = others;
  copies[1] = longer;
  copies[2] = pruned;
  for (guint i = 0; i < G_N_ELEMENTS (copies); i++)
    {
      g_autoptr(Device) late = device_new (NULL, fixture->bucket->storage);

      bucket_set_object (fixture->bucket, copies[i], bucket_get_object (fixture->bucket, key));
      device_sync_fails (late, DIMPLE_ERROR_BAD_PACK);
      assert_set_aside (fixture->bucket, copies[i]);
      device_sync (late);
      assert_equal_devices (fixture->one, late);
      g_assert_cmpuint (device_count (late, "dimple_log"), ==, 3);
    }
  assert_settled (fixture, N_NOTES);
}

/* Keys that are none of Dimple's are left alone. */
static void
test_strangers (Fixture       *fixture,
                gconstpointer  data)
{
  static const char * const keys[] = { "readme.txt", "changes/notes.txt", "changes/x/y_z.json.gz", "dimple/x.json",
                                       "dimple/0192f000-0000-7000-8000-00000000cccc.json.bak", "damaged/x" };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    bucket_set (fixture->bucket, keys[i], "Mine");
  device_sync (fixture->other);
  assert_settled (fixture, N_NOTES);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    g_assert_nonnull (bucket_get_object (fixture->bucket, keys[i]));
}

/* -- Packs that are well-formed and say nonsense ------------------------------------------------------------------- */

/* A pack of one transaction with these changes. */
static char *
add_pack (Fixture    *fixture,
          const char *changes)
{
  g_autoptr(DimplePack) pack = dimple_pack_new ();
  g_autoptr(GBytes) contents = NULL;
  g_autoptr(GError) error = NULL;
  DimpleTransaction *transaction = g_new0 (DimpleTransaction, 1);
  char *key;

  dimple_uuid7_new (pack->name.author);
  dimple_uuid7_new (transaction->id);
  transaction->changes = g_bytes_new (changes, strlen (changes));
  g_ptr_array_add (pack->transactions, transaction);
  dimple_pack_add_run (pack, "", transaction->id);
  contents = dimple_pack_encode (pack, &error);
  g_assert_no_error (error);
  key = dimple_pack_name_format (&pack->name);
  bucket_set_object (fixture->bucket, key, contents);
  return key;
}

static void
test_nonsense (Fixture       *fixture,
               gconstpointer  data)
{
  static const char * const changes[] = {
    "[1]", "[{}]", "[{\"table\":1}]",
    "[{\"table\":\"note\",\"key\":[\"key\"],\"op\":\"eat\",\"columns\":[],\"rows\":[]}]",
    "[{\"table\":\"note\",\"key\":[\"key\"],\"op\":\"insert\",\"columns\":[\"title\"],\"rows\":[[[\"x\"],[]]]}]",
    "[{\"table\":\"note\",\"key\":[\"key\"],\"op\":\"insert\",\"columns\":[\"title\"],\"rows\":[[[null],[\"T\"]]]}]",
  };

  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      g_autofree char *key = add_pack (fixture, changes[i]);
      g_autoptr(Device) late = device_new (NULL, fixture->bucket->storage);

      /* What else came is merged. */
      device_sync_fails (late, DIMPLE_ERROR_BAD_PACK);
      assert_set_aside (fixture->bucket, key);
      assert_equal_devices (fixture->one, late);
      device_sync (late);
    }
  assert_settled (fixture, N_NOTES);
}

/* -- Faults while setting aside ------------------------------------------------------------------------------------ */

/* What the storage does at the request with this number instead. */
typedef struct
{
  Fixture    *fixture;
  const char *key;
  GBytes     *contents;        /* (nullable) the object is set to that; NULL: removed */
  guint       at;
  guint       n;
} Trick;

static gboolean
on_request (DimpleCustomStorage  *storage,
            DimpleStorageRequest *request,
            gpointer              user_data)
{
  Trick *trick = user_data;

  if (trick->n++ != trick->at)
    return FALSE;
  if (trick->contents != NULL)
    bucket_set_object (trick->fixture->bucket, trick->key, trick->contents);
  else
    g_hash_table_remove (trick->fixture->bucket->objects, trick->key);
  return FALSE;
}

/* The other device syncs, and at one of its requests the object becomes something else. */
static gboolean
sync_with_trick (Fixture    *fixture,
                 const char *key,
                 GBytes     *contents,
                 guint       at,
                 GError    **error)
{
  Trick trick = { fixture, key, contents, at, 0 };
  gboolean synced;

  /* It is asked first, and leaves the request to the bucket. */
  g_signal_handlers_disconnect_by_data (fixture->bucket->storage, fixture->bucket);
  g_signal_connect (fixture->bucket->storage, "request", G_CALLBACK (on_request), &trick);
  g_signal_connect (fixture->bucket->storage, "request", G_CALLBACK (bucket_on_request), fixture->bucket);
  synced = dimple_sync_client_sync (fixture->other->client, NULL, error);
  g_signal_handlers_disconnect_by_data (fixture->bucket->storage, &trick);
  return synced;
}

/* An answer that was cut off once: the object is read again, and nothing is wrong with it. */
static void
test_read_again (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autofree char *key = bucket_find (fixture->bucket, "changes/", 1);
  g_autoptr(GBytes) whole = g_bytes_ref (bucket_get_object (fixture->bucket, key));
  g_autoptr(GError) error = NULL;

  bucket_truncate (fixture->bucket, key);
  /* LIST, its end, the marker, three packs */
  g_assert_true (sync_with_trick (fixture, key, whole, 6, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (bucket_count (fixture->bucket, "damaged/"), ==, 0);
  assert_settled (fixture, N_NOTES);
}

/* Somebody else sets it aside meanwhile: before it is read again, and before it is moved. */
static void
test_gone_meanwhile (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autofree char *key = bucket_find (fixture->bucket, "changes/", 1);
  g_autoptr(GError) error = NULL;

  bucket_truncate (fixture->bucket, key);
  g_assert_cmpint (sync_with_trick (fixture, key, NULL, GPOINTER_TO_UINT (data), &error), ==,
                   GPOINTER_TO_UINT (data) == 6);
  if (error != NULL)
    g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
  g_assert_cmpuint (device_count (fixture->other, "note"), ==, 2);
  assert_settled (fixture, N_NOTES);
}

/* Each request of reading again and setting aside fails, before its effect or after it. */
static void
test_every_request (Fixture       *fixture,
                    gconstpointer  data)
{
  for (guint n = 6; n <= 9; n++)
    for (guint applied = 0; applied <= 1; applied++)
      {
        g_autofree char *key = bucket_find (fixture->bucket, "changes/", 1);
        g_autoptr(Device) late = device_new (NULL, fixture->bucket->storage);

        bucket_truncate (fixture->bucket, key);
        bucket_fail_at (fixture->bucket, n, applied, DIMPLE_ERROR_STORAGE);
        device_sync_fails (late, DIMPLE_ERROR_STORAGE);
        bucket_behave (fixture->bucket);
        dimple_sync_client_sync (late->client, NULL, NULL);
        device_sync (fixture->one);
        device_sync (late);
        assert_equal_devices (fixture->one, late);
        g_assert_cmpuint (bucket_count (fixture->bucket, "changes/"), ==, 3);
      }
  device_sync (fixture->other);
  assert_settled (fixture, N_NOTES);
}

/* -- The wrong repository ------------------------------------------------------------------------------------------ */

/* Beside the right one: that is synced, and nothing of either gets into the other. */
static void
test_wrong_beside_right (Fixture       *fixture,
                         gconstpointer  data)
{
  g_autoptr(Bucket) wrong = bucket_new ();
  g_autoptr(Device) stranger = device_new (NULL, wrong->storage);
  g_autoptr(GError) error = NULL;

  device_note (stranger, "theirs", "");
  device_sync (stranger);
  bucket_behave (wrong);
  device_sync (fixture->other);
  dimple_sync_client_add_storage (fixture->other->client, wrong->storage);
  device_note (fixture->other, "0", "Changed");
  g_assert_false (dimple_sync_client_sync (fixture->other->client, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_REPOSITORY);
  g_assert_cmpuint (wrong->n_of[DIMPLE_STORAGE_PUT] + wrong->n_of[DIMPLE_STORAGE_REMOVE], ==, 0);
  g_assert_cmpuint (device_count (fixture->other, "note"), ==, 3);

  dimple_sync_client_remove_storage (fixture->other->client, wrong->storage);
  device_sync (fixture->other);
  assert_settled (fixture, N_NOTES);
}

#define ADD(name, data, func) g_test_add ("/sync-healing/" name, Fixture, data, set_up, func, tear_down)

int
main (int    argc,
      char **argv)
{
  seed = take_option (&argc, argv, "--seed", (guint) g_get_real_time ());
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_message ("--seed=%u", seed);

  ADD ("deleted", NULL, test_deleted);
  ADD ("deleted-marker", NULL, test_deleted_marker);
  ADD ("wiped", NULL, test_wiped);
  ADD ("truncated-by-one", GSIZE_TO_POINTER (1), test_truncated);
  ADD ("truncated-by-ten", GSIZE_TO_POINTER (10), test_truncated);
  ADD ("truncated-by-most", GSIZE_TO_POINTER (150), test_truncated);
  ADD ("altered", NULL, test_altered);
  ADD ("swapped", NULL, test_swapped);
  ADD ("duplicated", NULL, test_duplicated);
  ADD ("strangers", NULL, test_strangers);
  ADD ("nonsense", NULL, test_nonsense);
  ADD ("read-again", NULL, test_read_again);
  ADD ("gone-before-reading", GUINT_TO_POINTER (6), test_gone_meanwhile);
  ADD ("gone-before-moving", GUINT_TO_POINTER (7), test_gone_meanwhile);
  ADD ("every-request", NULL, test_every_request);
  ADD ("wrong-beside-right", NULL, test_wrong_beside_right);
  return g_test_run ();
}
