/* test-sync-packs.c: a repository's objects stay few, and none goes before what replaces it is there
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "devices.h"
#include "seeds-test.h"

/* -- Looking into a bucket ----------------------------------------------------------------------------------------- */

/* Counts in which packs, of all that there ever were, each transaction was. */
static void
count_transactions (Bucket     *bucket,
                    GHashTable *seen,      /* of keys of packs */
                    GHashTable *times)     /* id -> how often it was put */
{
  g_autoptr(GPtrArray) keys = bucket_get_keys (bucket, "changes/");

  for (guint i = 0; i < keys->len; i++)
    {
      const char *key = g_ptr_array_index (keys, i);
      g_autoptr(DimplePack) pack = NULL;

      if (!g_hash_table_add (seen, g_strdup (key)))
        continue;
      pack = bucket_open_pack (bucket, key);
      for (guint n = 0; n < pack->transactions->len; n++)
        {
          const DimpleTransaction *transaction = g_ptr_array_index (pack->transactions, n);
          guint before = GPOINTER_TO_UINT (g_hash_table_lookup (times, transaction->id));

          g_hash_table_insert (times, g_strdup (transaction->id), GUINT_TO_POINTER (before + 1));
        }
    }
}

/* The ids of what all packs of the bucket have. */
static GHashTable *
list_transactions (Bucket *bucket)
{
  g_autoptr(GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GHashTable *times = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  count_transactions (bucket, seen, times);
  return times;
}

static guint
greatest (GHashTable *times)
{
  GHashTableIter iter;
  gpointer value;
  guint result = 0;

  g_hash_table_iter_init (&iter, times);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    result = MAX (result, GPOINTER_TO_UINT (value));
  return result;
}

/* -- Compaction ---------------------------------------------------------------------------------------------------- */

/* 700 syncs of one change each. */
static void
test_few_objects (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) late = device_new (NULL, bucket->storage);
  g_autoptr(GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GHashTable) times = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint n_objects = 0;

  for (guint i = 0; i < 700; i++)
    {
      device_execute (one, "INSERT INTO note VALUES ('%u', 'A title', 'Some text')", i);
      device_sync (one);
      count_transactions (bucket, seen, times);
      n_objects = MAX (n_objects, bucket_count (bucket, "changes/"));
    }
  g_assert_cmpuint (g_hash_table_size (times), ==, 700);
  g_test_message ("at most %u objects; a transaction was put %u times at most", n_objects, greatest (times));
  g_assert_cmpuint (n_objects, <=, 40);
  /* When it was made, and once a size. */
  g_assert_cmpuint (greatest (times), <=, 6);

  device_sync (late);
  assert_equal_devices (one, late);
  bucket_behave (bucket);
  device_sync (late);
  g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_PUT] + bucket->n_of[DIMPLE_STORAGE_REMOVE], ==, 0);
}

/* An app that is opened anew for each change: packs of all its runs are joined. */
static void
test_many_runs (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("dimple-packs-XXXXXX", &error);
  g_autofree char *path = g_build_filename (folder, "one.db", NULL);
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = NULL, late = device_new (NULL, bucket->storage);

  g_assert_no_error (error);
  for (int i = 0; i < 40; i++)
    {
      g_clear_pointer (&one, device_free);
      one = device_new (path, bucket->storage);
      device_execute (one, "INSERT INTO note (key) VALUES ('%d')", i);
      device_sync (one);
    }
  g_assert_cmpuint (bucket_count (bucket, "changes/"), <=, 20);
  device_sync (late);
  assert_equal_devices (one, late);
}

/* The sync that writes a pack removes none that it replaces, even if that sync writes nothing else. */
static void
test_order (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  guint n_removed = 0;

  for (guint i = 0; i < 60; i++)
    {
      g_autoptr(GHashTable) before = list_transactions (bucket), after = NULL;
      guint n_before = bucket_count (bucket, "changes/");

      device_execute (one, "INSERT INTO note (key) VALUES ('%u')", i);
      bucket_behave (bucket);
      bucket_freeze (bucket);
      device_sync (one);
      after = list_transactions (bucket);
      g_assert_cmpuint (g_hash_table_size (after), ==, g_hash_table_size (before) + 1);
      g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_PUT], <=, 2);
      n_removed += n_before + bucket->n_of[DIMPLE_STORAGE_PUT] - bucket_count (bucket, "changes/");
    }
  g_assert_cmpuint (n_removed, >=, 40);
}

/* Two devices each go on from the listing of long ago, and a third reads in between. */
static void
test_stale_listings (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autoptr(Device) reader = device_new (NULL, bucket->storage);

  for (guint i = 0; i < 200; i++)
    {
      Device *device = i % 3 == 0 ? other : one;

      if (i % 7 == 0)
        bucket_behave (bucket);
      if (i % 7 == 1)
        bucket_freeze (bucket);
      device_execute (device, "INSERT INTO note (key) VALUES ('%u')", i);
      device_sync (device);
      if (i % 10 == 0)
        device_sync (reader);
    }
  bucket_behave (bucket);
  device_sync (one);
  device_sync (other);
  device_sync (one);
  device_sync (reader);
  assert_equal_devices (one, other);
  assert_equal_devices (one, reader);
  g_assert_cmpuint (device_count (one, "dimple_log"), ==, 200);
  g_assert_cmpuint (device_count (reader, "dimple_log"), ==, 200);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), <=, 80);
}

/* What a reader was listed has been replaced and removed before it asks. */
static void
test_reader_in_between (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) reader = device_new (NULL, bucket->storage);
  g_autoptr(GHashTable) then = NULL;

  for (guint i = 0; i < 8; i++)
    {
      device_execute (one, "INSERT INTO note (key) VALUES ('%u')", i);
      device_sync (one);
    }
  bucket_freeze (bucket);
  then = g_steal_pointer (&bucket->stale);
  device_execute (one, "INSERT INTO note (key) VALUES ('more')");
  device_sync (one);
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 1);

  bucket_behave (bucket);
  bucket->stale = g_steal_pointer (&then);
  bucket->n_stale = 2;                            /* the listing, and the empty page that ends it */
  device_sync (reader);
  g_assert_null (bucket->stale);
  g_assert_cmpuint (device_count (reader, "note"), ==, 9);
  assert_equal_devices (one, reader);
}

/* Whoever may not remove anything syncs all the same. */
static void
test_may_not_remove (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);

  for (guint i = 0; i < 9; i++)
    {
      device_execute (one, "INSERT INTO note (key) VALUES ('%u')", i);
      device_sync (one);
    }
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 9);
  bucket_fail_at (bucket, 2, FALSE, DIMPLE_ERROR_DENIED);      /* LIST and its end, REMOVE */
  device_sync (one);
  g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_REMOVE], >, 0);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 9);

  /* Another error is told, and the next sync does it. */
  bucket_behave (bucket);
  bucket_fail_at (bucket, 2, FALSE, DIMPLE_ERROR_OFFLINE);
  device_sync_fails (one, DIMPLE_ERROR_OFFLINE);
  bucket_behave (bucket);
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 1);
}

/* An author that is gone for good: what it left replaced is removed by others. */
static void
test_dead_author (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Bucket) elsewhere = bucket_new ();
  g_autoptr(Device) dead = device_new (NULL, bucket->storage);
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) late = NULL;
  GHashTableIter iter;
  gpointer key, contents;

  device_sync (dead);
  device_sync (one);
  for (guint i = 0; i < 70; i++)
    {
      device_execute (dead, "INSERT INTO note (key) VALUES ('%u')", i);
      bucket->hidden = "changes/";                              /* so that nothing is joined */
      device_sync (dead);
      g_hash_table_iter_init (&iter, bucket->objects);
      while (g_hash_table_iter_next (&iter, &key, &contents))
        g_hash_table_insert (elsewhere->objects, g_strdup (key), g_bytes_ref (contents));
    }
  bucket_behave (bucket);
  g_hash_table_iter_init (&iter, elsewhere->objects);
  while (g_hash_table_iter_next (&iter, &key, &contents))
    g_hash_table_insert (bucket->objects, g_strdup (key), g_bytes_ref (contents));
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 70);

  device_sync (one);
  device_sync (one);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 1);

  /* And its log is carried to wherever it is missing. */
  g_hash_table_remove_all (bucket->objects);
  device_sync (one);
  late = device_new (NULL, bucket->storage);
  device_sync (late);
  assert_equal_devices (dead, late);
  g_assert_cmpuint (device_count (late, "note"), ==, 70);
}

/* What one storage has joined already is not forgotten while another one has it. */
static void
test_two_storages (void)
{
  g_autoptr(Bucket) often = bucket_new ();
  g_autoptr(Bucket) seldom = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, often->storage);
  GHashTableIter iter;
  gpointer key;

  dimple_sync_client_add_storage (one->client, seldom->storage);
  for (guint i = 0; i < 100; i++)
    {
      device_execute (one, "INSERT INTO note (key) VALUES ('%u')", i);
      if (i % 10 == 9)
        bucket_behave (seldom);
      else
        bucket_fail_at (seldom, 0, FALSE, DIMPLE_ERROR_OFFLINE);
      dimple_sync_client_sync (one->client, NULL, NULL);
    }
  bucket_behave (seldom);
  device_sync (one);
  device_sync (one);
  g_assert_cmpuint (bucket_count (seldom, "changes/"), <=, 20);
  g_assert_cmpuint (bucket_count (often, "changes/"), <=, 20);
  g_hash_table_iter_init (&iter, seldom->objects);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      g_autofree char *sql = g_strdup_printf ("SELECT count (*) FROM dimple_pack WHERE key = '%s'", (const char *) key);
      g_autofree char *known = device_select (one, sql);

      g_assert_cmpint (atoi (known), ==, g_str_has_prefix (key, "changes/"));
    }
}

/* The copy of a database goes on from the same packs. */
static void
test_copied_database (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("dimple-packs-XXXXXX", &error);
  g_autofree char *path = g_build_filename (folder, "one.db", NULL), *copy = g_build_filename (folder, "two.db", NULL);
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (path, bucket->storage), two = NULL;
  g_autofree char *contents = NULL;
  gsize size;

  g_assert_no_error (error);
  for (guint i = 0; i < 7; i++)
    {
      device_execute (one, "INSERT INTO note (key) VALUES ('%u')", i);
      device_sync (one);
    }
  g_clear_pointer (&one, device_free);
  g_assert_true (g_file_get_contents (path, &contents, &size, &error));
  g_assert_true (g_file_set_contents (copy, contents, (gssize) size, &error));

  one = device_new (path, bucket->storage);
  two = device_new (copy, bucket->storage);
  for (guint i = 0; i < 100; i++)
    {
      device_note (one, "one", i % 2 == 0 ? "Even" : "Odd");
      device_note (two, "two", i % 2 == 0 ? "Even" : "Odd");
      device_sync (i % 3 == 0 ? two : one);
      device_sync (i % 3 == 1 ? two : one);
    }
  device_sync (one);
  device_sync (two);
  device_sync (one);
  assert_equal_devices (one, two);
  g_assert_cmpuint (device_count (one, "dimple_log"), ==, 207);
  g_assert_cmpuint (device_count (two, "dimple_log"), ==, 207);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), <=, 80);
}

/* Sealed, too; and what is in the way of reading an object goes to damaged/ as it is. */
static void
test_sealed (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(DimpleStorage) sealed = dimple_encrypted_storage_new (bucket->storage, "A passphrase");
  g_autoptr(Device) one = device_new (NULL, sealed);
  g_autoptr(Device) late = device_new (NULL, sealed);
  g_autofree char *key = NULL;
  guint n_packs;

  for (guint i = 0; i < 30; i++)
    {
      device_execute (one, "INSERT INTO note (key) VALUES ('%u')", i);
      device_sync (one);
    }
  n_packs = bucket_count (bucket, "changes/");
  g_assert_cmpuint (n_packs, <=, 20);
  key = bucket_find (bucket, "changes/", n_packs - 1);
  g_assert_true (g_str_has_suffix (key, ".json.gz.age"));
  bucket_truncate (bucket, key);
  device_sync_fails (late, DIMPLE_ERROR_BAD_PACK);
  assert_set_aside (bucket, key);
  device_sync (one);
  device_sync (late);
  assert_equal_devices (one, late);
  g_assert_cmpuint (device_count (late, "note"), ==, 30);
}

/* -- Many and large transactions ----------------------------------------------------------------------------------- */

typedef struct
{
  guint  n_commits;        /* that changed a note */
  gint64 n_notes;          /* after the last one */
} Arrivals;

static void
before_commit (DimpleConnection *connection,
               DimpleChangeSet  *changes,
               gpointer          user_data)
{
  Arrivals *arrivals = user_data;

  if (dimple_change_set_find (changes, "note") == NULL)
    return;
  arrivals->n_commits++;
  g_assert_true (dimple_connection_get_int64 (connection, "SELECT count (*) FROM note", 0, &arrivals->n_notes, NULL));
}

static const DimpleObserver observer = { .before_commit = before_commit };

/* None is larger than it should be. */
static void
assert_small_packs (Bucket *bucket)
{
  g_autoptr(GPtrArray) keys = bucket_get_keys (bucket, "changes/");

  for (guint i = 0; i < keys->len; i++)
    {
      g_autoptr(DimplePack) pack = bucket_open_pack (bucket, g_ptr_array_index (keys, i));
      gsize size = 0;

      for (guint n = 0; n < pack->transactions->len; n++)
        size += dimple_transaction_measure (g_ptr_array_index (pack->transactions, n));
      g_assert_cmpuint (size, <=, dimple_pack_get_size ());
    }
}

/* One transaction of 200,000 rows is written in parts, and comes in one commit. */
static void
test_large_transaction (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autofree char *ids = NULL, *parts = NULL;
  Arrivals arrivals = { 0 };
  guint n_objects;

  device_execute (one, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
                       "INSERT INTO note SELECT 'key ' || i, 'Title', 'Text number ' || i FROM n");
  ids = device_select (one, "SELECT count (DISTINCT id) FROM dimple_log");
  parts = device_select (one, "SELECT count (*) FROM dimple_log");
  g_assert_cmpstr (ids, ==, "1");
  g_assert_cmpint (atoi (parts), >, 10);
  device_sync (one);
  n_objects = bucket_count (bucket, "changes/");
  g_assert_cmpuint (n_objects, >=, 10);
  assert_small_packs (bucket);

  dimple_store_add_observer (other->store, &observer, &arrivals);
  device_sync (other);
  dimple_store_remove_observer (other->store, &observer, &arrivals);
  g_assert_cmpuint (arrivals.n_commits, ==, 1);
  g_assert_cmpint (arrivals.n_notes, ==, 200000);
  assert_equal_devices (one, other);

  /* What is written after it goes into a pack of its own, and leaves these alone. */
  for (guint i = 0; i < 20; i++)
    {
      device_execute (one, "UPDATE note SET title = 'Title %u' WHERE key = 'key 1'", i);
      device_sync (one);
      device_sync (other);
    }
  g_assert_cmpuint (bucket_count (bucket, "changes/"), <=, n_objects + 9);
  assert_equal_devices (one, other);
}

/* A sync that is cut off in the middle goes on from there: what was merged is not fetched again. */
static void
test_resumed (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autofree char *body = g_strnfill (4000, 'x');
  guint n_packs, n_gets;

  for (guint i = 0; i < 5000; i++)
    device_execute (one, "INSERT INTO note VALUES ('%u', 'Title', '%s')", i, body);

  /* After half of the uploads. */
  bucket_fail_at (bucket, 12, FALSE, DIMPLE_ERROR_OFFLINE);
  device_sync_fails (one, DIMPLE_ERROR_OFFLINE);
  n_packs = bucket_count (bucket, "changes/");
  g_assert_cmpuint (n_packs, >=, 8);
  bucket_behave (bucket);
  device_sync (one);
  g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_PUT], ==, bucket_count (bucket, "changes/") - n_packs);
  n_packs = bucket_count (bucket, "changes/");

  /* After half of the downloads. */
  bucket_fail_at (bucket, 15, FALSE, DIMPLE_ERROR_OFFLINE);
  device_sync_fails (other, DIMPLE_ERROR_OFFLINE);
  n_gets = bucket->n_of[DIMPLE_STORAGE_GET];
  g_assert_cmpuint (device_count (other, "note"), >, 1000);
  bucket_behave (bucket);
  device_sync (other);
  g_assert_cmpuint (device_count (other, "note"), ==, 5000);
  /* But for those that were under way. */
  g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_GET], <=, n_packs - (n_gets - 1) + 8);
  assert_equal_devices (one, other);
}

/* -- At random ----------------------------------------------------------------------------------------------------- */

/* However requests fail and listings lie, no transaction that was in the bucket ever is not. */
static void
simulate (guint number)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (number);
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  g_autoptr(Device) other = device_new (NULL, bucket->storage);
  g_autoptr(GHashTable) then = list_transactions (bucket);

  for (guint i = 0; i < 150; i++)
    {
      Device *device = g_rand_boolean (random) ? one : other;
      g_autoptr(GHashTable) now = NULL;
      GHashTableIter iter;
      gpointer id;

      switch (g_rand_int_range (random, 0, 8))
        {
        case 0:
          bucket_behave (bucket);
          break;
        case 1:
          bucket_freeze (bucket);
          break;
        case 2:
          bucket_fail_at (bucket, (guint) g_rand_int_range (random, 0, 6), g_rand_boolean (random),
                          DIMPLE_ERROR_STORAGE);
          break;
        default:
          device_note (device, "a", i % 2 == 0 ? "Even" : "Odd");
        }
      dimple_sync_client_sync (device->client, NULL, NULL);

      now = list_transactions (bucket);
      g_hash_table_iter_init (&iter, then);
      while (g_hash_table_iter_next (&iter, &id, NULL))
        g_assert_true (g_hash_table_contains (now, id));
      g_hash_table_unref (then);
      then = g_steal_pointer (&now);
    }

  bucket_behave (bucket);
  device_sync (one);
  device_sync (other);
  device_sync (one);
  assert_equal_devices (one, other);
  g_assert_cmpuint (device_count (one, "dimple_log"), ==, device_count (other, "dimple_log"));
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
  seeds_test_init (&argc, &argv, 10);

  g_test_add_func ("/sync-packs/few-objects", test_few_objects);
  g_test_add_func ("/sync-packs/many-runs", test_many_runs);
  g_test_add_func ("/sync-packs/order", test_order);
  g_test_add_func ("/sync-packs/stale-listings", test_stale_listings);
  g_test_add_func ("/sync-packs/reader-in-between", test_reader_in_between);
  g_test_add_func ("/sync-packs/may-not-remove", test_may_not_remove);
  g_test_add_func ("/sync-packs/dead-author", test_dead_author);
  g_test_add_func ("/sync-packs/two-storages", test_two_storages);
  g_test_add_func ("/sync-packs/copied-database", test_copied_database);
  g_test_add_func ("/sync-packs/sealed", test_sealed);
  g_test_add_func ("/sync-packs/large-transaction", test_large_transaction);
  g_test_add_func ("/sync-packs/resumed", test_resumed);
  g_test_add_func ("/sync-packs/random", test_random);
  return g_test_run ();
}
