/* test-sync-faults.c: whatever fails on the way, the next sync repairs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>

#include "devices.h"
#include "seeds-test.h"

/* -- Every request ------------------------------------------------------------------------------------------------- */

typedef gboolean (*Round) (guint    n,
                           gboolean applied);

/* Request number `n` fails, before its effect or after it; FALSE when there is no such request any more. */
static gboolean
fail_at (guint    n,
         gboolean applied)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autofree char *body = g_strnfill (2000, 'x');
  gboolean happened;

  device_note (other, "a", "From other");
  device_sync (other);
  device_note (other, "b", "From other, too");
  device_sync (other);
  for (guint i = 0; i < 1200; i++)
    device_execute (one, "INSERT INTO note VALUES ('%u', 'Title', '%s')", i, body);

  bucket_fail_at (bucket, n, applied, n % 2 == 0 ? DIMPLE_ERROR_OFFLINE : DIMPLE_ERROR_STORAGE);
  happened = !dimple_sync_client_sync (one->client, NULL, NULL);
  bucket_behave (bucket);

  device_sync (one);
  device_sync (other);
  assert_equal_devices (one, other);
  g_assert_cmpuint (device_count (other, "note"), ==, 1202);
  g_assert_cmpuint (bucket_count (bucket, "damaged/"), ==, 0);
  g_assert_cmpuint (bucket_count (bucket, "dimple/"), ==, 1);

  /* No transaction was taken twice. */
  g_assert_cmpuint (device_count (one, "dimple_log"), ==, device_count (other, "dimple_log"));
  bucket_behave (bucket);
  device_sync (one);
  device_sync (other);
  g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_LIST], ==, 4);       /* and an empty page each */
  g_assert_cmpuint (bucket->n_requests, ==, 4);
  return happened;
}

static void
test_every_request (void)
{
  for (guint applied = 0; applied <= 1; applied++)
    {
      guint n = 0;

      while (fail_at (n, applied))
        n++;
      g_assert_cmpuint (n, >=, 8);
    }
}

/* The same of the very first sync into an empty bucket. */
static void
test_first_sync (void)
{
  for (guint applied = 0; applied <= 1; applied++)
    {
      gboolean happened = TRUE;

      for (guint n = 0; happened; n++)
        {
          g_autoptr(Bucket) bucket = bucket_new ();
          g_autoptr(Device) one = device_new (NULL, bucket->storage);
          g_autoptr(Device) other = device_new (NULL, bucket->storage);

          device_note (one, "a", "");
          bucket_fail_at (bucket, n, applied, DIMPLE_ERROR_OFFLINE);
          happened = !dimple_sync_client_sync (one->client, NULL, NULL);
          bucket_behave (bucket);
          device_sync (one);
          device_sync (other);
          assert_equal_devices (one, other);
        }
    }
}

static void
test_cancel (void)
{
  gboolean happened = TRUE;

  for (guint n = 0; happened; n++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(Bucket) bucket = bucket_new ();
      g_autoptr(Device) one = device_new (NULL, bucket->storage);
      g_autoptr(Device) other = device_new (NULL, bucket->storage);

      device_note (one, "a", "");
      device_note (other, "b", "");
      device_sync (other);
      bucket_behave (bucket);
      bucket->act_at = (int) n;
      bucket->cancel = cancellable;
      dimple_sync_client_sync (one->client, cancellable, &error);
      happened = bucket->n_requests > n;
      if (error != NULL)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      else
        g_assert_cmpuint (n, >=, 3);                /* the last request's effect may be all */

      bucket_behave (bucket);
      device_sync (one);
      device_sync (other);
      assert_equal_devices (one, other);
    }
}

static void
on_done (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  GError **error = user_data;

  if (dimple_sync_client_sync_finish (DIMPLE_SYNC_CLIENT (source), result, error))
    *error = g_error_new (G_IO_ERROR, G_IO_ERROR_EXISTS, "It went well");
}

/* One that gives up leaves the others their sync; one that comes while it is being cancelled gets its own. */
static void
test_cancel_joined (void)
{
  g_autoptr(DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr(DimpleStorage) storage = dimple_test_storage_new (memory);
  g_autoptr(Device) one = device_new (NULL, storage);
  g_autoptr(GCancellable) first = g_cancellable_new (), second = g_cancellable_new ();
  GError *errors[3] = { NULL };

  dimple_test_storage_set_latency (DIMPLE_TEST_STORAGE (storage), 20);
  dimple_sync_client_sync_async (one->client, first, on_done, &errors[0]);
  dimple_sync_client_sync_async (one->client, NULL, on_done, &errors[1]);
  wait_for_request (DIMPLE_TEST_STORAGE (storage));
  g_cancellable_cancel (first);
  while (errors[0] == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (errors[0], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_no_error (errors[1]);
  while (errors[1] == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (errors[1], G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_clear_error (&errors[0]);
  g_clear_error (&errors[1]);

  dimple_sync_client_sync_async (one->client, second, on_done, &errors[0]);
  while (!g_main_context_iteration (NULL, FALSE))
    ;
  g_cancellable_cancel (second);
  dimple_sync_client_sync_async (one->client, NULL, on_done, &errors[1]);
  /* Cancelled before it began. */
  dimple_sync_client_sync_async (one->client, second, on_done, &errors[2]);
  while (errors[0] == NULL || errors[1] == NULL || errors[2] == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (errors[0], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_error (errors[1], G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_assert_error (errors[2], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  for (guint i = 0; i < 3; i++)
    g_clear_error (&errors[i]);
}

/* One storage fails; the other gets everything, and the error is told. */
static void
test_one_of_two (void)
{
  g_autoptr(Bucket) broken = bucket_new ();
  g_autoptr(Bucket) working = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, broken->storage);
  g_autoptr(Device) other = device_new (NULL, working->storage);
  guint pending;

  dimple_sync_client_add_storage (one->client, working->storage);
  device_sync (one);
  device_note (other, "b", "");
  device_sync (other);
  device_note (one, "a", "");
  bucket_fail_at (broken, 0, FALSE, DIMPLE_ERROR_OFFLINE);
  device_sync_fails (one, DIMPLE_ERROR_OFFLINE);
  device_sync (other);
  assert_equal_devices (one, other);
  g_assert_cmpuint (device_count (one, "note"), ==, 2);
  g_object_get (one->client, "pending", &pending, NULL);
  g_assert_cmpuint (pending, ==, 1);

  bucket_behave (broken);
  device_sync (one);
  g_assert_cmpuint (bucket_count (broken, "changes/"), ==, bucket_count (working, "changes/"));
}

/* -- Listings that lie --------------------------------------------------------------------------------------------- */

static void
test_hidden (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);

  device_note (one, "a", "");
  device_sync (one);
  device_sync (other);
  bucket->hidden = "changes/";
  device_note (one, "b", "");
  device_sync (one);
  device_sync (other);
  bucket->hidden = "dimple/";
  device_sync (one);
  bucket->hidden = "";
  device_note (other, "c", "");
  device_sync (other);
  bucket_behave (bucket);
  device_sync (one);
  device_sync (other);
  assert_equal_devices (one, other);
  g_assert_cmpuint (device_count (one, "note"), ==, 3);
  g_assert_cmpuint (bucket_count (bucket, "dimple/"), ==, 1);
}

/* What is listed is gone: replaced by another pack since. */
static void
test_gone (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autoptr(Device) bridge = NULL;
  g_autofree char *key = NULL;

  device_note (one, "a", "");
  device_sync (one);
  key = bucket_find (bucket, "changes/", 0);
  bucket->stale = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_add (bucket->stale, g_strdup (key));
  g_hash_table_add (bucket->stale, bucket_find (bucket, "dimple/", 0));
  g_hash_table_remove (bucket->objects, key);

  device_sync (other);                           /* finds nothing, and that is no error */
  g_assert_cmpuint (device_count (other, "note"), ==, 0);
  bucket_behave (bucket);
  device_sync (one);
  device_sync (other);
  assert_equal_devices (one, other);
}

/* -- Damaged objects ----------------------------------------------------------------------------------------------- */

typedef void (*Damage) (Bucket     *bucket,
                        const char *key);

static void
replace_by_garbage (Bucket     *bucket,
                    const char *key)
{
  bucket_set (bucket, key, "This is no pack.");
}

static void
empty_object (Bucket     *bucket,
              const char *key)
{
  bucket_set (bucket, key, "");
}

static void
check_damage (Damage damage)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autofree char *key = NULL;

  for (int i = 0; i < 3; i++)
    {
      device_execute (one, "INSERT INTO note (key) VALUES ('%d')", i);
      device_sync (one);
    }
  key = bucket_find (bucket, "changes/", 1);
  damage (bucket, key);

  /* The rest goes on, and the error names the object. */
  assert_named (other, key);
  g_assert_cmpuint (device_count (other, "note"), ==, 2);
  g_assert_cmpuint (bucket_count (bucket, "damaged/changes/"), ==, 1);
  assert_set_aside (bucket, key);

  /* Whoever has its transactions puts them there again. */
  device_sync (other);
  device_sync (one);
  device_sync (other);
  assert_equal_devices (one, other);
  g_assert_cmpuint (device_count (other, "note"), ==, 3);
  bucket_behave (bucket);
  device_sync (one);
  device_sync (other);
  g_assert_cmpuint (bucket->n_requests, ==, 4);
}

static void
test_damaged (void)
{
  check_damage (replace_by_garbage);
  check_damage (bucket_truncate);
  check_damage (empty_object);
  check_damage (bucket_swap);
}

/* A pack that a later library wrote is left alone. */
static void
test_newer_pack (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  const char *key = "changes/0192f000-0000-7000-8000-00000000aaaa/0192f000-0000-7000-8000-00000000bbbb_"
                    "0192f000-0000-7000-8000-00000000bbbb.json.gz";
  g_autoptr(GZlibCompressor) compressor = g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, 6);
  g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable ();
  g_autoptr(GOutputStream) stream = g_converter_output_stream_new (memory, G_CONVERTER (compressor));

  g_assert_true (g_output_stream_write_all (stream, "{\"format\":2}", 12, NULL, NULL, NULL));
  g_assert_true (g_output_stream_close (stream, NULL, NULL));
  device_sync (one);
  g_hash_table_insert (bucket->objects, g_strdup (key),
                       g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (memory)));
  device_note (one, "a", "");
  device_sync_fails (one, DIMPLE_ERROR_TOO_NEW);
  g_assert_nonnull (g_hash_table_lookup (bucket->objects, key));
  g_assert_cmpuint (bucket_count (bucket, "damaged/"), ==, 0);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 2);
}

/* -- What is not ours ---------------------------------------------------------------------------------------------- */

static void
test_other_repository (void)
{
  g_autoptr(Bucket) ours = bucket_new ();
  g_autoptr(Bucket) theirs = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, ours->storage);
  g_autoptr(Device) stranger = device_new (NULL, theirs->storage);
  g_autoptr(GError) error = NULL;
  g_autofree char *our_marker = NULL, *their_marker = NULL;

  device_note (one, "a", "Ours");
  device_note (stranger, "b", "Theirs");
  device_sync (one);
  device_sync (stranger);
  dimple_sync_client_remove_storage (one->client, ours->storage);
  dimple_sync_client_add_storage (one->client, theirs->storage);
  assert_untouched (theirs, one, DIMPLE_ERROR_REPOSITORY);

  g_object_get (one->client, "last-error", &error, NULL);
  our_marker = bucket_find (ours, "dimple/", 0);
  their_marker = bucket_find (theirs, "dimple/", 0);
  our_marker[strlen ("dimple/") + DIMPLE_UUID_LENGTH] = their_marker[strlen ("dimple/") + DIMPLE_UUID_LENGTH] = '\0';
  g_assert_nonnull (strstr (error->message, our_marker + strlen ("dimple/")));
  g_assert_nonnull (strstr (error->message, their_marker + strlen ("dimple/")));
}

#define MARKER "dimple/0192f000-0000-7000-8000-00000000cccc.json"

static void
test_newer_repository (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);

  bucket_set (bucket, MARKER, "{\"format\":2,\"x\":[]}");
  assert_untouched (bucket, one, DIMPLE_ERROR_TOO_NEW);

  /* Beside one that is known. */
  g_hash_table_remove_all (bucket->objects);
  device_sync (one);
  bucket_set (bucket, MARKER, "{\"format\":2,\"encryption\":null}");
  assert_untouched (bucket, one, DIMPLE_ERROR_TOO_NEW);
}

static void
test_damaged_marker (void)
{
  static const char * const contents[] = { "", "x", "{}", "[]", "{\"format\":0}", "{\"format\":\"1\"}",
                                           "{\"format\":1,\"encryption\":\"rot13\"}" };

  for (guint i = 0; i < G_N_ELEMENTS (contents); i++)
    {
      g_autoptr(Bucket) bucket = bucket_new ();
      g_autoptr(Device) one = device_new (NULL, bucket->storage);

      bucket_set (bucket, MARKER, contents[i]);
      assert_untouched (bucket, one, DIMPLE_ERROR_BAD_PACK);
    }
}

/* -- Everything at random ------------------------------------------------------------------------------------------ */

static void
edit (Device *device,
      GRand  *random,
      guint   round)
{
  g_autofree char *key = g_strdup_printf ("%d", g_rand_int_range (random, 0, 6));

  switch (g_rand_int_range (random, 0, 4))
    {
    case 0:
      device_execute (device, "DELETE FROM note WHERE key = '%s'", key);
      break;
    case 1:
      device_execute (device, "UPDATE note SET body = 'Round %u' WHERE key = '%s'", round, key);
      break;
    default:
      {
        g_autofree char *title = g_strdup_printf ("Round %u", round);

        device_note (device, key, title);
      }
    }
}

/* Three devices and two buckets, of which one device knows both, with requests that fail and listings that lie. */
static void
simulate (guint number)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (number);
  g_autoptr(Bucket) left = bucket_new ();
  g_autoptr(Bucket) right = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, left->storage);
  g_autoptr(Device) two = device_new (NULL, left->storage);
  g_autoptr(Device) three = device_new (NULL, right->storage);
  Device *devices[] = { one, two, three };
  Bucket *buckets[] = { left, right };

  dimple_sync_client_add_storage (two->client, right->storage);
  device_sync (two);                                          /* the buckets are one repository */
  for (guint round = 0; round < 60; round++)
    {
      Device *device = devices[g_rand_int_range (random, 0, 3)];
      Bucket *bucket = buckets[g_rand_int_range (random, 0, 2)];

      switch (g_rand_int_range (random, 0, 8))
        {
        case 0:
          bucket_fail_at (bucket, (guint) g_rand_int_range (random, 0, 6), g_rand_boolean (random),
                          DIMPLE_ERROR_OFFLINE);
          break;
        case 1:
          bucket->hidden = g_rand_boolean (random) ? "changes/" : "dimple/";
          break;
        case 2:
          bucket_behave (bucket);
          break;
        case 3:
        case 4:
          dimple_sync_client_sync (device->client, NULL, NULL);
          break;
        default:
          edit (device, random, round);
        }
    }

  bucket_behave (left);
  bucket_behave (right);
  for (int i = 0; i < 2; i++)
    {
      for (int n = 2; n >= 0; n--)
        device_sync (devices[n]);
      for (int n = 0; n < 3; n++)
        device_sync (devices[n]);
    }
  assert_equal_devices (one, two);
  assert_equal_devices (one, three);
  g_assert_cmpuint (device_count (one, "dimple_log"), ==, device_count (two, "dimple_log"));
  g_assert_cmpuint (device_count (one, "dimple_log"), ==, device_count (three, "dimple_log"));
}

static void
test_random (void)
{
  run_seeds (simulate);
}

/* A device knows of a gap, and carries on what it has; when the gap is filled, it carries that on, too. */
static void
test_gap_is_relayed (void)
{
  g_autoptr(Bucket) one = bucket_new (), two = bucket_new ();
  g_autoptr(Device) writer = device_new (NULL, two->storage);
  g_autoptr(Device) bridge = device_new (NULL, two->storage);
  g_autoptr(Device) reader = NULL;
  g_autofree char *first = NULL;

  device_sync (writer);
  device_note (writer, "a", "First");
  device_sync (writer);
  first = bucket_find (two, "changes/", 0);
  device_note (writer, "b", "Second");
  device_sync (writer);
  g_assert_cmpuint (bucket_count (two, "changes/"), ==, 2);

  two->hidden = first;
  dimple_sync_client_add_storage (bridge->client, one->storage);
  for (guint i = 0; i < 3; i++)
    device_sync (bridge);
  g_assert_cmpuint (device_count (bridge, "note"), ==, 1);
  bucket_behave (two);
  device_sync (bridge);
  g_assert_cmpuint (device_count (bridge, "note"), ==, 2);

  reader = device_new (NULL, one->storage);
  device_sync (reader);
  assert_equal_devices (writer, reader);
  dimple_sync_client_remove_storage (bridge->client, one->storage);
}

int
main (int    argc,
      char **argv)
{
  seeds_test_init (&argc, &argv, 20);

  g_test_add_func ("/sync-faults/every-request", test_every_request);
  g_test_add_func ("/sync-faults/first-sync", test_first_sync);
  g_test_add_func ("/sync-faults/cancel", test_cancel);
  g_test_add_func ("/sync-faults/cancel-joined", test_cancel_joined);
  g_test_add_func ("/sync-faults/one-of-two", test_one_of_two);
  g_test_add_func ("/sync-faults/hidden", test_hidden);
  g_test_add_func ("/sync-faults/gone", test_gone);
  g_test_add_func ("/sync-faults/damaged", test_damaged);
  g_test_add_func ("/sync-faults/newer-pack", test_newer_pack);
  g_test_add_func ("/sync-faults/other-repository", test_other_repository);
  g_test_add_func ("/sync-faults/newer-repository", test_newer_repository);
  g_test_add_func ("/sync-faults/damaged-marker", test_damaged_marker);
  g_test_add_func ("/sync-faults/random", test_random);
  g_test_add_func ("/sync-faults/gap-is-relayed", test_gap_is_relayed);
  return g_test_run ();
}
