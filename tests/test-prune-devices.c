/* test-prune-devices.c: what is superseded goes from the bucket, and all devices end the same
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "prune-fixture.h"
#include "seeds-test.h"

/* -- Buckets ------------------------------------------------------------------------------------------------------- */

static gsize
bucket_size (Bucket *bucket)
{
  GHashTableIter iter;
  gpointer key, contents;
  gsize size = 0;

  g_hash_table_iter_init (&iter, bucket->objects);
  while (g_hash_table_iter_next (&iter, &key, &contents))
    size += g_str_has_prefix (key, "changes/") ? g_bytes_get_size (contents) : 0;
  return size;
}

static void
verify (Device *device)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) differing = NULL;

  g_assert_true (dimple_sync_client_verify (device->client, NULL, &differing, &error));
  g_assert_no_error (error);
}

/* The same in the bucket: after 100 syncs of 100 edits each, after one of all, and with the last one pruning. */
static void
check_bucket (guint    n_syncs,
              gboolean prunes_last)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autoptr(Device) late = device_new (NULL, bucket->storage);
  g_autofree char *author = NULL, *prefix = NULL;

  device_execute (one, "INSERT INTO note VALUES ('a', 'A title', 'A text')");
  device_sync (one);
  device_sync (other);
  for (guint i = 0; i < n_syncs; i++)
    {
      edit_often (one, i * (10000 / n_syncs), 10000 / n_syncs);
      if (!prunes_last)
        {
          limit_age (one);
          prune (one);
        }
      device_sync (one);
      if (i == n_syncs / 2)
        device_sync (other);
    }
  if (prunes_last)
    g_assert_cmpuint (bucket_size (bucket), >, 100000);
  limit_age (one);
  for (guint i = 0; i < 4; i++)
    {
      prune (one);
      device_sync (one);
    }
  g_test_message ("%u syncs: %u objects of %" G_GSIZE_FORMAT " bytes, %" G_GINT64_FORMAT " rows in the log", n_syncs,
                  bucket_count (bucket, "changes/"), bucket_size (bucket),
                  number (one, "SELECT count (*) FROM dimple_log"));
  g_assert_cmpuint (bucket_size (bucket), <, 8000);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log"), <=, 40);
  g_assert_cmpint (log_size (one), <, 1000);

  /* Whoever saw everything, some or nothing ends the same, and nobody puts back what was pruned. */
  device_sync (other);
  device_sync (late);
  assert_equal_devices (one, other);
  assert_equal_devices (one, late);
  verify (other);
  verify (late);
  g_object_get (one->store, "author", &author, NULL);
  prefix = g_strdup_printf ("changes/%s/", author);
  g_assert_cmpuint (bucket_count (bucket, prefix), ==, bucket_count (bucket, "changes/"));
  bucket_behave (bucket);
  device_sync (one);
  device_sync (other);
  device_sync (late);
  g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_LIST], ==, 6);
  g_assert_cmpuint (bucket->n_requests, ==, 6);

  /* A bucket that was lost is filled again by each of them. */
  g_hash_table_remove_all (bucket->objects);
  device_sync (one);
  device_sync (late);
  bucket_behave (bucket);
  device_sync (one);
  device_sync (late);
  g_assert_cmpuint (bucket->n_requests, ==, 4);
}

static void
test_bucket (void)
{
  check_bucket (100, FALSE);
  check_bucket (100, TRUE);
  check_bucket (1, TRUE);
}

/* One pack, and the same with less in it, under a name that says so. */
static void
test_same_ends (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) late = device_new (NULL, bucket->storage);
  g_autofree char *full = NULL, *pruned = NULL;
  g_autoptr(GBytes) contents = NULL;

  device_execute (one, "INSERT INTO note VALUES ('a', 'A title', 'A text')");
  edit_often (one, 0, 1000);
  device_sync (one);
  full = bucket_find (bucket, "changes/", 0);
  contents = g_bytes_ref (g_hash_table_lookup (bucket->objects, full));
  limit_age (one);
  prune (one);
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 2);
  g_assert_nonnull (g_hash_table_lookup (bucket->objects, full));
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 1);
  pruned = bucket_find (bucket, "changes/", 0);
  g_assert_true (strncmp (full, pruned, strlen (full) - strlen (".json.gz")) == 0);
  g_assert_cmpuint (strlen (pruned), ==, strlen (full) + 1 + 16);

  /* Somebody's listing was stale: the full one comes back, and goes again. */
  g_hash_table_insert (bucket->objects, g_strdup (full), g_bytes_ref (contents));
  device_sync (late);
  assert_equal_devices (one, late);
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 1);
  g_assert_nonnull (g_hash_table_lookup (bucket->objects, pruned));
}

/* A pack that is pruned once and again is written anew each time, under names that have no order of their own. */
static void
test_pruned_again (void)
{
  for (guint i = 0; i < 8; i++)
    {
      g_autoptr(Bucket) bucket = bucket_new ();
      g_autoptr(Device) one = device_new (NULL, bucket->storage);
      g_autoptr(Device) other = device_new (NULL, bucket->storage);

      limit_age (one);
      device_execute (one, "INSERT INTO note VALUES ('a', 'A', hex (randomblob (8000))),"
                           "('b', 'B', hex (randomblob (4000)))");
      device_sync (one);
      for (guint j = 0; j < 2; j++)
        {
          device_sync (other);
          device_execute (other, "UPDATE note SET body = 'Short' WHERE key = '%c'", (int) ('a' + j));
          device_sync (other);
          device_sync (one);
          prune (one);
          device_sync (one);
          device_sync (one);
        }
      device_sync (one);
      bucket_behave (bucket);
      device_sync (one);
      g_assert_cmpuint (bucket->n_requests, ==, 2);      /* the end of this bucket's listing is another request */
    }
}

/* Takes the only pack out of the bucket. */
static GBytes *
take_pack (Bucket  *bucket,
           char   **key)
{
  GBytes *contents;

  *key = bucket_find (bucket, "changes/", 0);
  contents = g_bytes_ref (g_hash_table_lookup (bucket->objects, *key));
  g_hash_table_remove (bucket->objects, *key);
  return contents;
}

static void
put_pack (Bucket     *bucket,
          const char *key,
          GBytes     *contents)
{
  g_hash_table_insert (bucket->objects, g_strdup (key), g_bytes_ref (contents));
}

/* Listings that did not show everything have led to two packs that share some transactions.  What pruning leaves of one
 * cannot be written anew by itself, as the other has a part of it. */
static void
test_overlapping (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autofree char *first = NULL, *longer = NULL, *second = NULL;
  g_autoptr(GBytes) first_contents = NULL, longer_contents = NULL, second_contents = NULL;

  limit_age (one);
  device_execute (one, "INSERT INTO note VALUES ('a', 'A', 'text')");
  device_sync (one);
  first_contents = take_pack (bucket, &first);
  device_execute (one, "INSERT INTO note VALUES ('b', 'B', hex (randomblob (8000)))");
  device_sync (one);
  longer_contents = take_pack (bucket, &longer);
  put_pack (bucket, first, first_contents);
  device_execute (one, "INSERT INTO note VALUES ('c', 'C', hex (randomblob (8000)))");
  device_sync (one);
  g_hash_table_remove (bucket->objects, first);
  second_contents = take_pack (bucket, &second);
  put_pack (bucket, longer, longer_contents);
  put_pack (bucket, second, second_contents);

  device_sync (other);
  device_execute (other, "UPDATE note SET body = 'Short' WHERE key >= 'b'");
  device_sync (other);
  device_sync (one);
  prune (one);
  device_sync (one);
  device_sync (one);
  /* The other device's, and one of this in the place of both. */
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 2);
  g_assert_null (g_hash_table_lookup (bucket->objects, longer));
  g_assert_null (g_hash_table_lookup (bucket->objects, second));
  bucket_behave (bucket);
  device_sync (one);
  g_assert_cmpuint (bucket->n_requests, ==, 2);      /* the end of this bucket's listing is another request */
  assert_equal_devices (one, other);
}

/* A transaction of several rows of the log loses some of them. */
static void
test_large_transaction (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) late = device_new (NULL, bucket->storage);
  g_autofree char *before = NULL, *after = NULL;
  gint64 n_rows;

  device_execute (one, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) "
                       "INSERT INTO note SELECT 'key ' || i, 'Title', hex (zeroblob (50)) FROM n");
  device_execute (one, "UPDATE note SET title = 'Other', body = NULL");
  device_execute (one, "UPDATE note SET title = 'Last', body = 'Last' WHERE key < 'key 5'");
  n_rows = number (one, "SELECT count (*) FROM dimple_log");
  g_assert_cmpint (n_rows, >, 12);
  before = device_dump (one);
  limit_age (one);
  prune (one);
  after = device_dump (one);
  g_assert_cmpstr (before, ==, after);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log"), <, n_rows);
  g_assert_cmpint (number (one, "SELECT count (DISTINCT id) FROM dimple_log"), ==, 3);
  g_assert_cmpint (number (one, "SELECT count (*) FROM dimple_log WHERE NOT flags & 4"), ==, 3);

  device_sync (one);
  device_sync (late);
  assert_equal_devices (one, late);
}

/* -- Migrations ---------------------------------------------------------------------------------------------------- */

static void
migrate (Device     *device,
         const char *second,
         const char *third)
{
  const char *scripts[] = { device_migrations[0], second, third, NULL };
  g_autoptr(GError) error = NULL;

  dimple_store_migrate (device->store, scripts, &error);
  g_assert_no_error (error);
}

#define SECOND "UPDATE note SET title = title || '!'; INSERT OR IGNORE INTO note VALUES ('b', 'Made', 'by a script')"
#define THIRD "UPDATE note SET title = title || '?', body = 'rewritten'; DELETE FROM tag"

/* What scripts wrote is superseded, too, and keeps the anchors of what is left of it. */
static void
test_migrations (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autoptr(Device) keeper = device_new (NULL, bucket->storage);
  g_autoptr(Device) late = device_new (NULL, bucket->storage);
  g_autofree char *scripts = NULL;

  device_execute (one, "INSERT INTO note VALUES ('a', 'A title', 'A text')");
  device_execute (one, "INSERT INTO tag VALUES ('a', 'x', 'red'), ('a', 'y', 'green')");
  device_sync (one);
  device_sync (other);
  device_sync (keeper);
  migrate (one, SECOND, NULL);
  migrate (other, SECOND, NULL);
  device_execute (other, "UPDATE note SET body = 'From other'");
  device_sync (one);
  device_sync (other);
  migrate (other, SECOND, THIRD);
  migrate (one, SECOND, THIRD);
  device_execute (one, "UPDATE note SET title = 'Typed' WHERE key = 'a'");
  device_execute (one, "UPDATE note SET body = 'Typed, too' WHERE key = 'b'");
  for (int i = 0; i < 2; i++)
    {
      device_sync (one);
      device_sync (other);
      device_sync (keeper);
    }
  migrate (keeper, SECOND, THIRD);
  device_sync (keeper);
  device_sync (one);
  device_sync (other);
  assert_equal_devices (one, other);
  assert_equal_devices (one, keeper);

  limit_age (one);
  limit_age (other);
  prune (one);
  prune (other);
  scripts = device_select (one, "SELECT count (*) FROM dimple_log WHERE script > 0 AND flags & 2");
  g_assert_cmpint (atoi (scripts), >=, 2);

  /* From what is left, a device that saw nothing gets to the same, whatever it has run by then. */
  g_hash_table_remove_all (bucket->objects);
  device_sync (one);
  device_sync (late);
  migrate (late, SECOND, THIRD);
  device_sync (late);
  device_sync (one);
  device_sync (other);
  device_sync (keeper);
  device_sync (late);
  assert_equal_devices (one, other);
  assert_equal_devices (one, keeper);
  assert_equal_devices (one, late);
}

/* -- At random ----------------------------------------------------------------------------------------------------- */

static void
edit (Device *device,
      GRand  *random,
      guint   round)
{
  guint key = (guint) g_rand_int_range (random, 0, 4);

  switch (g_rand_int_range (random, 0, 6))
    {
    case 0:
      device_execute (device, "DELETE FROM note WHERE key = '%u'", key);
      break;
    case 1:
      device_execute (device, "INSERT OR REPLACE INTO note VALUES ('%u', 'Title %u', 'Body %u')", key, round, round);
      break;
    case 2:
      device_execute (device, "UPDATE note SET title = 'Title %u' WHERE key = '%u'", round, key);
      break;
    case 3:
      device_execute (device, "UPDATE note SET title = 'T %u', body = 'B %u'", round, round);
      break;
    case 4:
      device_execute (device, "INSERT INTO tag VALUES ('%u', 'x', '%u') ON CONFLICT DO UPDATE "
                              "SET color = excluded.color",
                      key, round);
      break;
    default:
      device_execute (device, "UPDATE note SET body = 'Body %u' WHERE key >= '%u'", round, key);
    }
}

/* Devices that prune, one that never does and two buckets: all end the same, and as if nothing had been pruned. */
static void
simulate (guint number)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (number);
  g_autoptr(Bucket) left = bucket_new ();
  g_autoptr(Bucket) right = bucket_new ();
  g_autoptr(Bucket) full = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, left->storage);
  g_autoptr(Device) two = device_new (NULL, left->storage);
  g_autoptr(Device) three = device_new (NULL, right->storage);
  g_autoptr(Device) keeper = device_new (NULL, left->storage);
  g_autoptr(Device) late = device_new (NULL, right->storage);
  g_autoptr(Device) unpruned = device_new (NULL, full->storage);
  Device *devices[] = { one, two, three, keeper };

  dimple_sync_client_add_storage (two->client, right->storage);
  dimple_sync_client_add_storage (keeper->client, right->storage);
  device_sync (keeper);
  for (guint i = 0; i < 3; i++)
    {
      device_sync (devices[i]);
      limit_age (devices[i]);
    }
  for (guint round = 0; round < 120; round++)
    {
      Device *device = devices[g_rand_int_range (random, 0, 4)];
      Bucket *bucket = g_rand_boolean (random) ? left : right;

      switch (g_rand_int_range (random, 0, 12))
        {
        case 0:
          bucket_fail_at (bucket, (guint) g_rand_int_range (random, 0, 6), g_rand_boolean (random),
                          DIMPLE_ERROR_OFFLINE);
          break;
        case 1:
          bucket_behave (bucket);
          bucket_freeze (bucket);
          break;
        case 2:
          bucket_behave (bucket);
          break;
        case 3:
        case 4:
        case 5:
          dimple_sync_client_sync (device->client, NULL, NULL);
          break;
        case 6:
          if (device != keeper)
            prune (device);
          break;
        case 7:
          if (g_rand_int_range (random, 0, 4) == 0)
            g_hash_table_remove_all (bucket->objects);
          break;
        default:
          edit (device, random, round);
        }
    }

  bucket_behave (left);
  bucket_behave (right);
  for (int i = 0; i < 3; i++)
    for (int n = 0; n < 4; n++)
      device_sync (devices[n]);
  device_sync (late);
  assert_equal_devices (one, keeper);
  assert_equal_devices (two, keeper);
  assert_equal_devices (three, keeper);
  assert_equal_devices (late, keeper);

  prune (one);
  prune (two);
  prune (three);
  for (int n = 0; n < 4; n++)
    device_sync (devices[n]);
  dimple_sync_client_remove_storage (one->client, left->storage);
  dimple_sync_client_add_storage (one->client, full->storage);
  g_hash_table_remove_all (full->objects);
  device_sync (one);
  device_sync (unpruned);
  assert_equal_devices (unpruned, keeper);
}

static void
test_random (void)
{
  run_seeds (simulate);
}

int
main (int    argc,
      char **argv)
{
  seeds_test_init (&argc, &argv, 15);

  g_test_add_func ("/prune-devices/bucket", test_bucket);
  g_test_add_func ("/prune-devices/same-ends", test_same_ends);
  g_test_add_func ("/prune-devices/pruned-again", test_pruned_again);
  g_test_add_func ("/prune-devices/overlapping", test_overlapping);
  g_test_add_func ("/prune-devices/large-transaction", test_large_transaction);
  g_test_add_func ("/prune-devices/migrations", test_migrations);
  g_test_add_func ("/prune-devices/random", test_random);
  return g_test_run ();
}
