/* devices.h: devices and a bucket for the tests of sync
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <string.h>

#include "dimple.h"

#include "dimple-pack-private.h"
#include "dimple-store-private.h"
#include "dimple-test.h"

/* -- A bucket that does as it is told ------------------------------------------------------------------------------ */

typedef struct
{
  DimpleStorage *storage;        /* a custom one, made in this thread */
  GHashTable    *objects;        /* key -> GBytes */
  guint          n_requests;
  guint          n_of[4];        /* by DimpleStorageOperation */
  guint          page_size;

  int            act_at;         /* the request with this number, from 0: -1: none */
  gboolean       applied;        /* has its effect */
  GError        *fault;          /* (nullable) what it fails with */
  GCancellable  *cancel;         /* (nullable) what it cancels */
  const char    *hidden;         /* (nullable) the prefix of what listings hide */
  GHashTable    *stale;          /* (nullable) set of keys: all that listings show, there or not */
  guint          n_stale;        /* so many listings: 0: all */
} Bucket;

static inline int
bucket_compare_keys (gconstpointer a,
                     gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

static inline void
bucket_list (Bucket               *self,
             DimpleStorageRequest *request)
{
  const char *prefix = dimple_storage_request_get_key (request);
  const char *start_after = dimple_storage_request_get_start_after (request);
  g_autoptr(GPtrArray) keys = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->stale != NULL ? self->stale : self->objects);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      if (g_str_has_prefix (key, prefix) && strcmp (key, start_after) > 0 &&
          (self->hidden == NULL || !g_str_has_prefix (key, self->hidden)))
        g_ptr_array_add (keys, key);
    }
  g_ptr_array_sort (keys, bucket_compare_keys);
  if (keys->len > self->page_size)
    g_ptr_array_set_size (keys, (int) self->page_size);
  g_ptr_array_add (keys, NULL);
  dimple_storage_request_complete_list (request, (const char * const *) keys->pdata);
  if (self->n_stale > 0 && --self->n_stale == 0)
    g_clear_pointer (&self->stale, g_hash_table_unref);
}

/* From now on listings show what is there now, whatever comes and goes. */
static inline void
bucket_freeze (Bucket *self)
{
  GHashTableIter iter;
  gpointer key;

  g_clear_pointer (&self->stale, g_hash_table_unref);
  self->stale = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_iter_init (&iter, self->objects);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    g_hash_table_add (self->stale, g_strdup (key));
}

static inline void
bucket_get (Bucket               *self,
            DimpleStorageRequest *request)
{
  GBytes *contents = g_hash_table_lookup (self->objects, dimple_storage_request_get_key (request));
  g_autoptr(GError) error = NULL;

  if (contents != NULL)
    {
      dimple_storage_request_complete (request, contents);
      return;
    }
  error = g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND, "There is no such object");
  dimple_storage_request_fail (request, error);
}

static inline void
bucket_apply (Bucket               *self,
              DimpleStorageRequest *request)
{
  const char * const *keys = dimple_storage_request_get_keys (request);

  if (dimple_storage_request_get_operation (request) == DIMPLE_STORAGE_PUT)
    g_hash_table_insert (self->objects, g_strdup (keys[0]),
                         g_bytes_ref (dimple_storage_request_get_contents (request)));
  else if (dimple_storage_request_get_operation (request) == DIMPLE_STORAGE_REMOVE)
    for (guint i = 0; keys[i] != NULL; i++)
      g_hash_table_remove (self->objects, keys[i]);
}

static inline gboolean
bucket_on_request (DimpleCustomStorage  *storage,
                   DimpleStorageRequest *request,
                   gpointer              user_data)
{
  Bucket *self = user_data;
  gboolean act = (int) self->n_requests++ == self->act_at;

  self->n_of[dimple_storage_request_get_operation (request)]++;
  if (act && self->cancel != NULL)
    g_cancellable_cancel (self->cancel);
  if (!act || self->fault == NULL || self->applied)
    bucket_apply (self, request);

  if (act && self->fault != NULL)
    dimple_storage_request_fail (request, self->fault);
  else if (dimple_storage_request_get_operation (request) == DIMPLE_STORAGE_LIST)
    bucket_list (self, request);
  else if (dimple_storage_request_get_operation (request) == DIMPLE_STORAGE_GET)
    bucket_get (self, request);
  else
    dimple_storage_request_complete (request, NULL);
  return TRUE;
}

static inline Bucket *
bucket_new (void)
{
  Bucket *self = g_new0 (Bucket, 1);

  self->storage = dimple_custom_storage_new ();
  self->objects = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  self->page_size = 1000;
  self->act_at = -1;
  g_signal_connect (self->storage, "request", G_CALLBACK (bucket_on_request), self);
  return self;
}

static inline void
bucket_free (Bucket *self)
{
  g_signal_handlers_disconnect_by_data (self->storage, self);
  g_object_unref (self->storage);
  g_hash_table_unref (self->objects);
  g_clear_pointer (&self->stale, g_hash_table_unref);
  g_clear_error (&self->fault);
  g_free (self);
}

/* From now on request number `n` fails with `code`. */
static inline void
bucket_fail_at (Bucket  *self,
                guint    n,
                gboolean applied,
                int      code)
{
  self->n_requests = 0;
  self->act_at = (int) n;
  self->applied = applied;
  g_clear_error (&self->fault);
  self->fault = g_error_new (DIMPLE_ERROR, code, "Request %u fails", n);
}

static inline void
bucket_behave (Bucket *self)
{
  self->act_at = -1;
  self->n_requests = 0;
  memset (self->n_of, 0, sizeof self->n_of);
  g_clear_error (&self->fault);
  g_clear_pointer (&self->stale, g_hash_table_unref);
  self->n_stale = 0;
  self->cancel = NULL;
  self->hidden = NULL;
}

/* Somebody deletes what has a prefix. */
static inline void
bucket_lose (Bucket     *self,
             const char *prefix)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->objects);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      if (g_str_has_prefix (key, prefix))
        g_hash_table_iter_remove (&iter);
    }
}

/* The keys that have a prefix, in order. */
static inline GPtrArray *
bucket_get_keys (Bucket     *self,
                 const char *prefix)
{
  GPtrArray *keys = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->objects);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      if (g_str_has_prefix (key, prefix))
        g_ptr_array_add (keys, g_strdup (key));
    }
  g_ptr_array_sort (keys, bucket_compare_keys);
  return keys;
}

/* The `n`th of them; NULL if there are fewer. */
static inline char *
bucket_find (Bucket     *self,
             const char *prefix,
             guint       n)
{
  g_autoptr(GPtrArray) keys = bucket_get_keys (self, prefix);

  return n < keys->len ? g_strdup (g_ptr_array_index (keys, n)) : NULL;
}

static inline guint
bucket_count (Bucket     *self,
              const char *prefix)
{
  g_autoptr(GPtrArray) keys = bucket_get_keys (self, prefix);

  return keys->len;
}

/* NULL: there is none. */
static inline GBytes *
bucket_get_object (Bucket     *self,
                   const char *key)
{
  return g_hash_table_lookup (self->objects, key);
}

static inline void
bucket_set_object (Bucket     *self,
                   const char *key,
                   GBytes     *contents)
{
  g_hash_table_insert (self->objects, g_strdup (key), g_bytes_ref (contents));
}

static inline DimplePack *
bucket_open_pack (Bucket     *self,
                  const char *key)
{
  g_autoptr(GError) error = NULL;
  DimplePack *pack = dimple_pack_decode (key, bucket_get_object (self, key), &error);

  g_assert_no_error (error);
  return pack;
}

static inline void
bucket_set (Bucket     *self,
            const char *key,
            const char *contents)
{
  g_hash_table_insert (self->objects, g_strdup (key), g_bytes_new (contents, strlen (contents)));
}

/* Cuts an object in half. */
static inline void
bucket_truncate (Bucket     *self,
                 const char *key)
{
  GBytes *contents = bucket_get_object (self, key);

  g_hash_table_insert (self->objects, g_strdup (key),
                       g_bytes_new_from_bytes (contents, 0, g_bytes_get_size (contents) / 2));
}

/* Gives the contents of the third pack for those of another one. */
static inline void
bucket_swap (Bucket     *self,
             const char *key)
{
  g_autofree char *other = bucket_find (self, "changes/", 2);

  g_assert_cmpstr (other, !=, key);
  bucket_set_object (self, key, bucket_get_object (self, other));
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Bucket, bucket_free)

/* -- A device ------------------------------------------------------------------------------------------------------ */

static const char * const device_migrations[] = {
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body TEXT);"
  "CREATE TABLE tag (note TEXT, name TEXT, color TEXT, PRIMARY KEY (note, name))",
  NULL
};

typedef struct
{
  DimpleStore      *store;
  DimpleSyncClient *client;
} Device;

static inline Device *
device_new_with (const char         *path,
                 DimpleStorage      *storage,
                 const char * const *migrations)
{
  Device *self = g_new0 (Device, 1);
  g_autoptr(GError) error = NULL;

  self->store = dimple_store_open (path, &error);
  g_assert_no_error (error);
  dimple_store_migrate (self->store, migrations, &error);
  g_assert_no_error (error);
  self->client = dimple_sync_client_new (self->store, storage);
  return self;
}

static inline Device *
device_new (const char    *path,
            DimpleStorage *storage)
{
  return device_new_with (path, storage, device_migrations);
}

static inline void
device_free (Device *self)
{
  g_autoptr(GError) error = NULL;

  g_assert_finalize_object (self->client);
  dimple_store_close (self->store, &error);
  g_assert_no_error (error);
  g_object_unref (self->store);
  g_free (self);
}

static inline void
device_execute (Device     *self,
                const char *format,
                ...) G_GNUC_PRINTF (2, 3);

static inline void
device_execute (Device     *self,
                const char *format,
                ...)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *sql = NULL;
  va_list arguments;

  va_start (arguments, format);
  sql = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  dimple_store_execute (self->store, sql, NULL, &error);
  g_assert_no_error (error);
}

static inline void
device_note (Device     *self,
             const char *key,
             const char *title)
{
  device_execute (self, "INSERT INTO note (key, title) VALUES ('%s', '%s') "
                        "ON CONFLICT (key) DO UPDATE SET title = excluded.title", key, title);
}

/* What one SQL value is, as text. */
static inline char *
device_select (Device     *self,
               const char *sql)
{
  g_autoptr(GError) error = NULL;
  DimpleConnection *reader = dimple_store_acquire_reader (self->store, &error);
  sqlite3_stmt *statement;
  char *text = NULL;

  g_assert_no_error (error);
  statement = dimple_connection_prepare (reader, sql, &error);
  g_assert_no_error (error);
  if (dimple_statement_step (statement, &error))
    text = g_strdup ((const char *) sqlite3_column_text (statement, 0));
  g_assert_no_error (error);
  dimple_statement_release (statement);
  dimple_store_release_reader (self->store, reader);
  return text;
}

/* Everything that its tables show. */
static inline char *
device_dump (Device *self)
{
  g_autofree char *notes = device_select (self,
    "SELECT group_concat (quote (key) || quote (title) || quote (body), char (10)) FROM (SELECT * FROM note "
    "ORDER BY key)");
  g_autofree char *tags = device_select (self,
    "SELECT group_concat (quote (note) || quote (name) || quote (color), char (10)) "
    "FROM (SELECT * FROM tag ORDER BY note, name)");

  return g_strdup_printf ("%s\n--\n%s", notes != NULL ? notes : "", tags != NULL ? tags : "");
}

static inline guint
device_count (Device     *self,
              const char *table)
{
  g_autofree char *sql = g_strdup_printf ("SELECT count (*) FROM %s", table);
  g_autofree char *count = device_select (self, sql);

  return (guint) atoi (count);
}

static inline void
device_sync (Device *self)
{
  g_autoptr(GError) error = NULL;

  dimple_sync_client_sync (self->client, NULL, &error);
  g_assert_no_error (error);
}

static inline void
device_sync_fails (Device *self,
                   int     code)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (dimple_sync_client_sync (self->client, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, code);
}

/* Till a sync has asked for something. */
static inline void
wait_for_request (DimpleTestStorage *storage)
{
  while (dimple_test_storage_get_n_requests (storage) == 0)
    {
      g_main_context_iteration (NULL, FALSE);
      g_usleep (1000);
    }
}

static inline void
assert_equal_devices (Device *one,
                      Device *other)
{
  g_autofree char *a = device_dump (one);
  g_autofree char *b = device_dump (other);

  g_assert_cmpstr (a, ==, b);
}

/* A sync fails, and names what is damaged or was lost. */
static inline void
assert_named (Device     *device,
              const char *key)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (dimple_sync_client_sync (device->client, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
  g_assert_nonnull (strstr (error->message, key));
}

static inline void
assert_set_aside (Bucket     *bucket,
                  const char *key)
{
  g_autofree char *aside = g_strconcat ("damaged/", key, NULL);

  g_assert_nonnull (bucket_get_object (bucket, aside));
  g_assert_null (bucket_get_object (bucket, key));
}

/* A sync fails, and has changed neither. */
static inline void
assert_untouched (Bucket *bucket,
                  Device *device,
                  int     code)
{
  guint n_objects = g_hash_table_size (bucket->objects);
  g_autofree char *before = device_dump (device);
  g_autofree char *after = NULL;

  bucket_behave (bucket);
  device_sync_fails (device, code);
  after = device_dump (device);
  g_assert_cmpstr (before, ==, after);
  g_assert_cmpuint (g_hash_table_size (bucket->objects), ==, n_objects);
  g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_PUT], ==, 0);
  g_assert_cmpuint (bucket->n_of[DIMPLE_STORAGE_REMOVE], ==, 0);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Device, device_free)
