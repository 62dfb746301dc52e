/* test-sync-parts.c: a transaction too large for one pack travels in parts, and is seen whole or not at all
 *
 * Packs are tiny here, so that a few rows are many.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>

#include "dimple-sync-staging-private.h"

#include "folder.h"
#include "prune-fixture.h"
#include "two-devices.h"

#define PACK_SIZE 900
#define N_ROWS 40
/* With the two small ones around them. */
#define N_NOTES (N_ROWS + 2)

/* -- Looking into a bucket ----------------------------------------------------------------------------------------- */

static GPtrArray *
list_parts (Bucket *bucket)
{
  GPtrArray *keys = bucket_get_keys (bucket, "changes/");

  for (guint i = keys->len; i-- > 0;)
    {
      DimplePackName name;

      if (!dimple_pack_name_parse (&name, g_ptr_array_index (keys, i)) || name.part == 0)
        g_ptr_array_remove_index (keys, i);
    }
  return keys;
}

/* The key of a part of the only transaction that has any, from 1 on. */
static char *
find_part (Bucket *bucket,
           guint   part)
{
  g_autoptr(GPtrArray) keys = list_parts (bucket);
  DimplePackName name;

  g_assert_cmpuint (keys->len, >, 0);
  g_assert_true (dimple_pack_name_parse (&name, g_ptr_array_index (keys, 0)));
  return dimple_pack_name_format_part (&name, part);
}

static guint
count_parts (Bucket *bucket)
{
  g_autoptr(GPtrArray) keys = list_parts (bucket);

  return keys->len;
}

static void
write_rows (Device *device)
{
  device_execute (device, "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < %d) "
                          "INSERT INTO note SELECT 'key ' || i, hex (randomblob (150)), 'text' FROM c", N_ROWS);
}

static void
set_up (Fixture       *self,
        gconstpointer  data)
{
  dimple_log_set_piece_size (1);
  dimple_pack_set_size (PACK_SIZE);
  make_two_devices (self);
  device_note (self->one, "before", "a small one");
  write_rows (self->one);
  device_note (self->one, "after", "another one");
}

static void
tear_down (Fixture       *self,
           gconstpointer  data)
{
  free_two_devices (self);
  dimple_log_set_piece_size (0);
  dimple_pack_set_size (0);
  dimple_pack_set_limit (0);
}

/* It has all of it or nothing. */
static void
assert_nothing (Device *device)
{
  g_autofree char *rows = device_select (device, "SELECT count (*) FROM note WHERE key LIKE 'key %'");
  g_autofree char *logged = device_select (device, "SELECT count (*) FROM dimple_history WHERE key LIKE '%key %'");

  g_assert_cmpstr (rows, ==, "0");
  g_assert_cmpstr (logged, ==, "0");
}

/* -- Parts --------------------------------------------------------------------------------------------------------- */

static void
test_sizes (Fixture       *self,
            gconstpointer  data)
{
  g_autoptr(GPtrArray) parts = NULL;
  guint n_rows = 0;

  device_sync (self->one);
  parts = list_parts (self->bucket);
  g_assert_cmpuint (parts->len, >=, 5);
  g_assert_cmpuint (bucket_count (self->bucket, "changes/"), ==, parts->len + 2);
  for (guint i = 0; i < parts->len; i++)
    {
      const char *key = g_ptr_array_index (parts, i);
      g_autoptr(DimplePack) pack = bucket_open_pack (self->bucket, key);
      DimpleTransaction *transaction;

      g_assert_cmpuint (pack->name.n_parts, ==, parts->len);
      transaction = g_ptr_array_index (pack->transactions, 0);
      g_assert_cmpuint (dimple_transaction_measure (transaction), <=, PACK_SIZE);
      n_rows += 1;
    }
  g_assert_cmpuint (n_rows, ==, parts->len);
  device_sync (self->other);
  assert_settled (self, N_NOTES);
}

/* Also one that is newer than nothing, and one that is relayed by a device with other ideas of what is large. */
static void
test_late (Fixture       *self,
           gconstpointer  data)
{
  device_sync (self->one);
  device_note (self->other, "key 3", "newer");
  device_note (self->other, "its own", "text");
  device_sync (self->other);
  device_sync (self->one);
  assert_equal_devices (self->one, self->other);
  g_assert_cmpuint (device_count (self->one, "note"), ==, N_ROWS + 3);
}

static void
test_relay (Fixture       *self,
            gconstpointer  data)
{
  g_autoptr(GPtrArray) before = NULL, after = NULL;

  device_sync (self->one);
  device_sync (self->other);
  before = list_parts (self->bucket);
  g_hash_table_remove_all (self->bucket->objects);
  device_sync (self->other);
  after = list_parts (self->bucket);
  g_assert_cmpuint (before->len, ==, after->len);
  for (guint i = 0; i < before->len; i++)
    g_assert_cmpstr (g_ptr_array_index (before, i), ==, g_ptr_array_index (after, i));

  dimple_pack_set_size (3 * PACK_SIZE);
  g_hash_table_remove_all (self->bucket->objects);
  device_sync (self->other);
  g_assert_cmpuint (count_parts (self->bucket), <, before->len);
  dimple_pack_set_size (PACK_SIZE);
  assert_settled (self, N_NOTES);
}

/* -- Cut off ------------------------------------------------------------------------------------------------------- */

/* At any request, which has its effect or not: what is there is not put again, and nobody sees a part of it. */
static void
test_push_cut_off (Fixture       *self,
                   gconstpointer  data)
{
  guint n_parts, n_objects;

  device_sync (self->one);
  n_parts = count_parts (self->bucket);
  n_objects = g_hash_table_size (self->bucket->objects);
  for (guint at = 0; at < 2 * (n_parts - 1); at++)
    {
      g_autoptr(Device) reader = device_new (NULL, self->bucket->storage);
      guint n_before;

      g_hash_table_remove_all (self->bucket->objects);
      bucket_fail_at (self->bucket, 3 + at / 2, at % 2 == 0, DIMPLE_ERROR_OFFLINE);
      device_sync_fails (self->one, DIMPLE_ERROR_OFFLINE);
      bucket_behave (self->bucket);
      n_before = g_hash_table_size (self->bucket->objects);
      g_assert_cmpuint (count_parts (self->bucket), <, n_parts);

      device_sync (reader);
      assert_nothing (reader);
      bucket_behave (self->bucket);
      device_sync (self->one);
      g_assert_cmpuint (self->bucket->n_of[DIMPLE_STORAGE_PUT], ==, n_objects - n_before);
      g_assert_cmpuint (g_hash_table_size (self->bucket->objects), ==, n_objects);
      device_sync (reader);
      assert_equal_devices (self->one, reader);
    }
  assert_settled (self, N_NOTES);
}

static void
test_pull_cut_off (Fixture       *self,
                   gconstpointer  data)
{
  guint n_parts, n_objects;

  device_sync (self->one);
  n_parts = count_parts (self->bucket);
  n_objects = bucket_count (self->bucket, "changes/");
  for (guint at = 0; at < n_parts; at++)
    {
      g_autoptr(Device) reader = device_new (NULL, self->bucket->storage);
      guint n_staged;

      bucket_fail_at (self->bucket, 3 + at, FALSE, DIMPLE_ERROR_OFFLINE);
      device_sync_fails (reader, DIMPLE_ERROR_OFFLINE);
      bucket_behave (self->bucket);
      assert_nothing (reader);
      n_staged = device_count (reader, "dimple_part");
      g_assert_cmpuint (n_staged, >=, at > 1 ? at - 1 : 0);
      g_assert_cmpuint (n_staged, <, n_parts);

      device_sync (reader);
      g_assert_cmpuint (self->bucket->n_of[DIMPLE_STORAGE_GET], <=, n_objects - n_staged + 1);
      assert_equal_devices (self->one, reader);
      g_assert_cmpuint (device_count (reader, "dimple_part"), ==, 0);
    }
}

/* All parts are there, and the process was killed before it merged them; and then the bucket is empty. */
static void
test_merge_cut_off (Fixture       *self,
                    gconstpointer  data)
{
  g_autoptr(GPtrArray) parts = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleSyncStaging) staging = dimple_sync_staging_new (self->other->store, &error);

  g_assert_no_error (error);
  device_sync (self->one);
  parts = list_parts (self->bucket);
  for (guint i = 0; i < parts->len; i++)
    {
      DimplePackName name;

      g_assert_true (dimple_pack_name_parse (&name, g_ptr_array_index (parts, i)));
      dimple_sync_staging_add (staging, &name, bucket_get_object (self->bucket, g_ptr_array_index (parts, i)), &error);
      g_assert_no_error (error);
      g_hash_table_remove (self->bucket->objects, g_ptr_array_index (parts, i));
    }
  dimple_sync_staging_flush (staging, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (device_count (self->other, "dimple_part"), ==, parts->len);
  device_sync (self->other);
  g_assert_cmpuint (count_parts (self->bucket), ==, parts->len);
  assert_settled (self, N_NOTES);
}

/* -- Lost, damaged, stale ------------------------------------------------------------------------------------------ */

/* Any part: it is named, unless it is the last, without which the others may still be on their way.  Who names it sets
 * the last aside. */
static void
test_lost (Fixture       *self,
           gconstpointer  data)
{
  guint n_parts;

  device_sync (self->one);
  n_parts = count_parts (self->bucket);
  for (guint part = 1; part <= n_parts; part++)
    {
      g_autofree char *key = find_part (self->bucket, part);
      g_autoptr(Device) reader = device_new (NULL, self->bucket->storage);

      g_hash_table_remove (self->bucket->objects, key);
      if (part < n_parts)
        assert_named (reader, key);
      else
        device_sync (reader);
      assert_nothing (reader);

      bucket_behave (self->bucket);
      device_sync (self->one);
      g_assert_cmpuint (self->bucket->n_of[DIMPLE_STORAGE_PUT], ==, part < n_parts ? 2 : 1);
      bucket_behave (self->bucket);
      device_sync (reader);
      g_assert_cmpuint (self->bucket->n_of[DIMPLE_STORAGE_GET], <=, part < n_parts ? 1 : n_parts);
      assert_equal_devices (self->one, reader);
    }
  assert_settled (self, N_NOTES);
}

static void
test_damaged (Fixture       *self,
              gconstpointer  data)
{
  guint n_parts;

  device_sync (self->one);
  n_parts = count_parts (self->bucket);
  for (guint part = 1; part <= n_parts; part++)
    {
      g_autofree char *key = find_part (self->bucket, part), *another = find_part (self->bucket, part % n_parts + 1);
      g_autoptr(Device) reader = device_new (NULL, self->bucket->storage);

      if (part % 2 == 0)
        bucket_truncate (self->bucket, key);
      else
        bucket_set_object (self->bucket, key, bucket_get_object (self->bucket, another));
      assert_named (reader, key);
      assert_nothing (reader);
      assert_set_aside (self->bucket, key);

      bucket_behave (self->bucket);
      device_sync (self->one);
      g_assert_cmpuint (self->bucket->n_of[DIMPLE_STORAGE_PUT], ==, 1);
      device_sync (reader);
      assert_equal_devices (self->one, reader);
    }
  assert_settled (self, N_NOTES);
}

/* Each part may be read, but together they are not what they say. */
static void
test_forged (Fixture       *self,
             gconstpointer  data)
{
  g_autofree char *key = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) contents = NULL;
  g_autoptr(DimplePack) pack = NULL;
  DimpleTransaction *transaction;
  const char *member = data;

  device_sync (self->one);
  key = find_part (self->bucket, 2);
  pack = bucket_open_pack (self->bucket, key);
  transaction = g_ptr_array_index (pack->transactions, 0);
  if (g_str_equal (member, "changes"))
    {
      g_bytes_unref (transaction->changes);
      transaction->changes = g_bytes_new_static ("[]", 2);
    }
  else
    {
      transaction->pruned = TRUE;
    }
  contents = dimple_pack_encode (pack, &error);
  g_assert_no_error (error);
  bucket_set_object (self->bucket, key, contents);

  device_sync_fails (self->other, DIMPLE_ERROR_BAD_PACK);
  assert_nothing (self->other);
  g_assert_cmpuint (count_parts (self->bucket), ==, 0);
  assert_settled (self, N_NOTES);
}

/* A listing that hides parts is no matter: they are asked for by name. */
static void
test_stale_listing (Fixture       *self,
                    gconstpointer  data)
{
  guint n_parts;

  device_sync (self->one);
  n_parts = count_parts (self->bucket);
  bucket_freeze (self->bucket);
  for (guint part = 2; part < n_parts; part++)
    {
      g_autofree char *key = find_part (self->bucket, part);

      if (part % 3 != 0)
        g_hash_table_remove (self->bucket->stale, key);
    }
  device_sync (self->other);
  assert_equal_devices (self->one, self->other);
  assert_settled (self, N_NOTES);
}

/* One that hides the last shows a transaction that is still on its way. */
static void
test_hidden_last (Fixture       *self,
                  gconstpointer  data)
{
  g_autofree char *last = NULL;

  device_sync (self->one);
  last = find_part (self->bucket, count_parts (self->bucket));
  bucket_freeze (self->bucket);
  g_hash_table_remove (self->bucket->stale, last);
  device_sync (self->other);
  assert_nothing (self->other);
  g_assert_cmpuint (device_count (self->other, "note"), ==, 2);
  assert_settled (self, N_NOTES);
}

/* Each of two buckets has lost another part, and nobody is left who had all. */
static void
test_two_buckets (Fixture       *self,
                  gconstpointer  data)
{
  g_autoptr(Bucket) second = bucket_new ();
  g_autofree char *lost = NULL, *lost_too = NULL;
  g_autoptr(Device) reader = NULL;

  dimple_sync_client_add_storage (self->one->client, second->storage);
  device_sync (self->one);
  lost = find_part (self->bucket, 2);
  lost_too = find_part (second, 4);
  g_hash_table_remove (self->bucket->objects, lost);
  g_hash_table_remove (second->objects, lost_too);

  /* Nor does it matter that somebody came who knows only one of them. */
  if (data != NULL)
    assert_named (self->other, lost);
  reader = device_new (NULL, self->bucket->storage);
  dimple_sync_client_add_storage (reader->client, second->storage);
  if (data != NULL)
    assert_named (reader, lost_too);
  device_sync (reader);
  assert_equal_devices (self->one, reader);
  g_assert_true (g_hash_table_contains (self->bucket->objects, lost));
  g_assert_true (g_hash_table_contains (second->objects, lost_too));
}

/* Nobody has it any more: that is told once, and then nobody waits for it. */
static void
test_lost_for_good (Fixture       *self,
                    gconstpointer  data)
{
  g_autofree char *lost = NULL, *last = NULL;
  g_autoptr(Device) newcomer = device_new (NULL, self->bucket->storage);

  device_sync (self->one);
  lost = find_part (self->bucket, 2);
  last = find_part (self->bucket, count_parts (self->bucket));
  g_hash_table_remove (self->bucket->objects, lost);
  assert_named (self->other, lost);
  assert_set_aside (self->bucket, last);

  device_sync (self->other);
  device_sync (newcomer);
  assert_nothing (self->other);
  assert_equal_devices (self->other, newcomer);
  bucket_behave (self->bucket);
  device_sync (newcomer);
  g_assert_cmpuint (self->bucket->n_requests, ==, 2);      /* LIST and its end */

  /* Nor does anybody keep the other parts for ever. */
  for (guint i = 0; i < 8; i++)
    {
      g_assert_cmpuint (device_count (self->other, "dimple_part"), >, 0);
      device_sync (self->other);
    }
  g_assert_cmpuint (device_count (self->other, "dimple_part"), ==, 0);
  assert_settled (self, N_NOTES);
}

/* The path of the second of some parts. */
static char *
find_in_folder (DimpleStorage *storage,
                const char    *path)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) keys = dimple_storage_list (storage, "changes/", "", NULL, &error);

  g_assert_no_error (error);
  for (guint i = 0; keys[i] != NULL; i++)
    {
      if (strstr (keys[i], ".2of") != NULL)
        return g_build_filename (path, keys[i], NULL);
    }
  g_assert_not_reached ();
}

/* A folder that some service carries may get the last part before the others: they are waited for, and come. */
static void
test_folder (Fixture       *self,
             gconstpointer  data)
{
  g_autofree char *path = g_dir_make_tmp ("dimple-parts-XXXXXX", NULL);
  g_autoptr(GFile) folder = g_file_new_for_path (path);
  g_autoptr(DimpleStorage) storage = dimple_local_storage_new (folder);
  g_autoptr(Device) author = device_new (NULL, storage);
  g_autoptr(Device) reader = device_new (NULL, storage);
  g_autofree char *late = NULL, *away = g_build_filename (path, "away", NULL);
  g_autoptr(GPtrArray) parts = NULL;

  write_rows (author);
  device_sync (author);
  late = find_in_folder (storage, path);
  g_assert_cmpint (g_rename (late, away), ==, 0);
  for (guint i = 0; i < 8; i++)
    device_sync (reader);
  assert_nothing (reader);
  if (data == NULL)
    {
      g_assert_cmpint (g_rename (away, late), ==, 0);
    }
  else
    {
      device_sync_fails (reader, DIMPLE_ERROR_BAD_PACK);
      device_sync (reader);
      device_sync (author);
    }
  device_sync (reader);
  assert_equal_devices (author, reader);
  remove_folder (folder);
}

/* What is missing is put there while the last part is set aside: who did that has all. */
static void
test_found_too_late (Fixture       *self,
                     gconstpointer  data)
{
  g_autofree char *lost = NULL;
  g_autoptr(GBytes) contents = NULL;
  guint n_parts;

  device_sync (self->one);
  n_parts = count_parts (self->bucket);
  lost = find_part (self->bucket, 2);
  contents = g_bytes_ref (bucket_get_object (self->bucket, lost));
  g_hash_table_remove (self->bucket->objects, lost);
  assert_named (self->other, lost);
  bucket_set_object (self->bucket, lost, contents);

  bucket_behave (self->bucket);
  device_sync (self->other);
  g_assert_cmpuint (self->bucket->n_of[DIMPLE_STORAGE_GET], ==, 1);
  g_assert_cmpuint (self->bucket->n_of[DIMPLE_STORAGE_PUT], ==, 1);
  g_assert_cmpuint (count_parts (self->bucket), ==, n_parts);
  assert_equal_devices (self->one, self->other);
  assert_settled (self, N_NOTES);
}

/* More are missing than are asked for. */
static void
test_many_lost (Fixture       *self,
                gconstpointer  data)
{
  guint n_parts;

  dimple_pack_set_size (1);
  device_sync (self->one);
  n_parts = count_parts (self->bucket);
  g_assert_cmpuint (n_parts, ==, N_ROWS);
  for (guint part = 2; part < n_parts; part++)
    {
      g_autofree char *key = find_part (self->bucket, part);

      g_hash_table_remove (self->bucket->objects, key);
    }
  device_sync_fails (self->other, DIMPLE_ERROR_BAD_PACK);
  assert_nothing (self->other);
  g_assert_cmpuint (count_parts (self->bucket), ==, 1);
  bucket_behave (self->bucket);
  device_sync (self->other);
  g_assert_cmpuint (self->bucket->n_requests, ==, 2);      /* LIST and its end */
  assert_settled (self, N_NOTES);
}

/* A listing that hides as many is no matter after a few syncs. */
static void
test_many_hidden (Fixture       *self,
                  gconstpointer  data)
{
  guint n_parts;

  dimple_pack_set_size (1);
  device_sync (self->one);
  n_parts = count_parts (self->bucket);
  bucket_freeze (self->bucket);
  for (guint part = 2; part < n_parts; part++)
    {
      g_autofree char *key = find_part (self->bucket, part);

      g_hash_table_remove (self->bucket->stale, key);
    }
  device_sync (self->other);
  assert_nothing (self->other);
  device_sync (self->other);
  assert_equal_devices (self->one, self->other);
  assert_settled (self, N_NOTES);
}

/* Whichever request of it fails, with its effect or not, the last part is set aside by the next sync, or was. */
static void
test_lost_and_cut_off (Fixture       *self,
                       gconstpointer  data)
{
  g_autofree char *lost = NULL, *last = NULL, *aside = NULL;
  gboolean is_over = FALSE;

  device_sync (self->one);
  lost = find_part (self->bucket, 2);
  last = find_part (self->bucket, count_parts (self->bucket));
  aside = g_strconcat ("damaged/", last, NULL);
  for (guint at = 0; !is_over; at++)
    {
      g_autoptr(Device) reader = device_new (NULL, self->bucket->storage);
      g_autoptr(GError) error = NULL;

      g_hash_table_remove (self->bucket->objects, lost);
      g_hash_table_remove (self->bucket->objects, aside);
      bucket_fail_at (self->bucket, 1 + at / 2, at % 2 == 0, DIMPLE_ERROR_OFFLINE);
      g_assert_false (dimple_sync_client_sync (reader->client, NULL, &error));
      is_over = g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
      g_assert_true (is_over || g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE));

      bucket_behave (self->bucket);
      if (g_hash_table_contains (self->bucket->objects, last))
        assert_named (reader, lost);
      device_sync (reader);
      assert_nothing (reader);
      g_assert_true (g_hash_table_contains (self->bucket->objects, aside));
      device_sync (self->one);
      device_sync (reader);
      assert_equal_devices (self->one, reader);
    }
  assert_settled (self, N_NOTES);
}

/* What waits for parts of which no other is there any more goes. */
static void
test_waits_in_vain (Fixture       *self,
                    gconstpointer  data)
{
  g_autofree char *key = NULL;
  g_autoptr(GPtrArray) parts = NULL;

  device_sync (self->one);
  key = find_part (self->bucket, 3);
  g_hash_table_remove (self->bucket->objects, key);
  assert_named (self->other, key);
  g_assert_cmpuint (device_count (self->other, "dimple_part"), >, 0);
  parts = list_parts (self->bucket);
  for (guint i = 0; i < parts->len; i++)
    g_hash_table_remove (self->bucket->objects, g_ptr_array_index (parts, i));
  device_sync (self->other);
  g_assert_cmpuint (device_count (self->other, "dimple_part"), ==, 0);
  assert_settled (self, N_NOTES);
}

/* -- Pruning ------------------------------------------------------------------------------------------------------- */

/* The author writes anew what little is left, removes what that replaces, and is done. */
static void
test_pruned (Fixture       *self,
             gconstpointer  data)
{
  g_autoptr(GPtrArray) before = NULL;
  guint n_left = 0;

  device_sync (self->one);
  before = list_parts (self->bucket);
  for (guint i = 0; i < 3; i++)
    device_execute (self->one, "UPDATE note SET title = '%u', body = '%u' WHERE key LIKE 'key %%'", i, i);
  limit_age (self->one);
  prune (self->one);
  for (guint i = 0; i < 5; i++)
    device_sync (self->one);
  for (guint i = 0; i < before->len; i++)
    n_left += g_hash_table_contains (self->bucket->objects, g_ptr_array_index (before, i));
  g_assert_cmpuint (n_left, ==, 0);
  bucket_behave (self->bucket);
  device_sync (self->one);
  g_assert_cmpuint (self->bucket->n_requests, ==, 2);
  assert_settled (self, N_NOTES);
}

/* An upload that was cut off, and then pruned: what is left of it goes. */
static void
test_pruned_while_cut_off (Fixture       *self,
                           gconstpointer  data)
{
  g_autoptr(GPtrArray) before = NULL;

  bucket_fail_at (self->bucket, 7, FALSE, DIMPLE_ERROR_OFFLINE);
  device_sync_fails (self->one, DIMPLE_ERROR_OFFLINE);
  bucket_behave (self->bucket);
  before = list_parts (self->bucket);
  g_assert_cmpuint (before->len, >, 0);
  for (guint i = 0; i < 3; i++)
    device_execute (self->one, "UPDATE note SET title = '%u', body = '%u' WHERE key LIKE 'key %%'", i, i);
  limit_age (self->one);
  prune (self->one);
  for (guint i = 0; i < 5; i++)
    device_sync (self->one);
  for (guint i = 0; i < before->len; i++)
    g_assert_false (g_hash_table_contains (self->bucket->objects, g_ptr_array_index (before, i)));
  assert_settled (self, N_NOTES);
}

/* The last rows of the log stay, whatever is left of them: the next transaction may not take their place, as the log
 * has been read up to there. */
static void
test_pruned_end (Fixture       *self,
                 gconstpointer  data)
{
  g_autofree char *before = NULL, *after = NULL;

  device_sync (self->one);
  device_sync (self->other);
  device_execute (self->one, "UPDATE note SET title = 'older'");
  g_usleep (2000);
  device_execute (self->other, "UPDATE note SET title = 'newer'");
  device_sync (self->one);
  device_sync (self->other);
  before = device_select (self->other, "SELECT max (seq) FROM dimple_log");
  g_object_set (self->other->store, "history-max-age", G_GINT64_CONSTANT (1), NULL);
  prune (self->other);
  after = device_select (self->other, "SELECT max (seq) FROM dimple_log");
  g_assert_cmpstr (before, ==, after);
}

/* -- What is too large all the same -------------------------------------------------------------------------------- */

/* One row that no object can have: it is named, and nothing waits for it. */
static void
test_too_large (Fixture       *self,
                gconstpointer  data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *long_text = g_strnfill (3 * PACK_SIZE, 'x');

  device_execute (self->one, "INSERT INTO note VALUES ('a', 'x', ''), ('large', '%s', ''), ('z', 'x', '')", long_text);
  device_note (self->one, "after all", "text");
  dimple_pack_set_limit (4096 + 2 * PACK_SIZE);
  g_assert_false (dimple_sync_client_sync (self->one->client, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED);
  device_sync (self->other);
  g_assert_cmpuint (device_count (self->other, "note"), ==, N_ROWS + 3);
  dimple_pack_set_limit (0);
  device_sync (self->one);
  device_sync (self->other);
  assert_equal_devices (self->one, self->other);
}

#define ADD(name, func, data) g_test_add ("/sync-parts/" name, Fixture, data, set_up, func, tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  ADD ("sizes", test_sizes, NULL);
  ADD ("late", test_late, NULL);
  ADD ("relay", test_relay, NULL);
  ADD ("push-cut-off", test_push_cut_off, NULL);
  ADD ("pull-cut-off", test_pull_cut_off, NULL);
  ADD ("merge-cut-off", test_merge_cut_off, NULL);
  ADD ("lost", test_lost, NULL);
  ADD ("damaged", test_damaged, NULL);
  ADD ("forged-changes", test_forged, "changes");
  ADD ("forged-head", test_forged, "pruned");
  ADD ("stale-listing", test_stale_listing, NULL);
  ADD ("hidden-last", test_hidden_last, NULL);
  ADD ("lost-for-good", test_lost_for_good, NULL);
  ADD ("folder", test_folder, NULL);
  ADD ("folder-in-vain", test_folder, "in vain");
  ADD ("found-too-late", test_found_too_late, NULL);
  ADD ("many-lost", test_many_lost, NULL);
  ADD ("many-hidden", test_many_hidden, NULL);
  ADD ("lost-and-cut-off", test_lost_and_cut_off, NULL);
  ADD ("two-buckets", test_two_buckets, NULL);
  ADD ("two-buckets-one-by-one", test_two_buckets, "one by one");
  ADD ("waits-in-vain", test_waits_in_vain, NULL);
  ADD ("pruned", test_pruned, NULL);
  ADD ("pruned-while-cut-off", test_pruned_while_cut_off, NULL);
  ADD ("pruned-end", test_pruned_end, NULL);
  ADD ("too-large", test_too_large, NULL);
  return g_test_run ();
}
