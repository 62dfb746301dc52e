/* storage-kinds.h: every kind of storage there is, each made by a function
 *
 * Add a kind by a function that makes one; a kind that is not there (a server, say) gives the reason instead, and its
 * cases are skipped with it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <string.h>

#include <dimple.h>

#include "dimple-encrypted-storage-private.h"
#include "s3/real-servers.h"

typedef struct _Place Place;

typedef struct
{
  const char *name;
  /* Sets `secret` if there is one; NULL and `reason` if there is no such storage here */
  DimpleStorage *(*make) (Place *place);
} Kind;

struct _Place
{
  DimpleStorage *storage;
  char *base;                   /* the prefix of the case */
  const char *reason;           /* why there is no storage */
  const char *secret;           /* what a description may not show */
  char *folder;                 /* to be removed */
  gsize suffix_length;          /* of what the storage puts behind keys */
  guint page_size;              /* how many keys it lists at once, at most */
};

static inline DimpleStorage *
make_memory (Place *place)
{
  return dimple_memory_storage_new ();
}

static inline DimpleStorage *
make_local (Place *place)
{
  g_autoptr (GFile) folder = NULL;

  place->folder = g_dir_make_tmp ("dimple-storage-XXXXXX", NULL);
  g_assert_nonnull (place->folder);
  folder = g_file_new_for_path (place->folder);
  return dimple_local_storage_new (folder);
}

static inline DimpleStorage *
make_test (Place *place)
{
  g_autoptr (DimpleStorage) memory = dimple_memory_storage_new ();

  return dimple_test_storage_new (memory);
}

static inline DimpleStorage *
make_slow_test (Place *place)
{
  DimpleStorage *storage = make_test (place);

  dimple_test_storage_set_latency (DIMPLE_TEST_STORAGE (storage), 1);
  return storage;
}

static inline DimpleStorage *
make_encrypted (Place *place)
{
  g_autoptr (DimpleStorage) memory = dimple_memory_storage_new ();

  DimpleStorage *storage;

  place->secret = "correct horse";
  place->suffix_length = strlen (".age");
  storage = dimple_encrypted_storage_new (memory, place->secret);
  /* Each case has a storage of its own, and no time for the safe one */
  dimple_encrypted_storage_set_work_factor (DIMPLE_ENCRYPTED_STORAGE (storage), 2);
  return storage;
}

static inline void
answer_request (DimpleStorageRequest *request,
                GHashTable           *objects)
{
  const char *key = dimple_storage_request_get_key (request);
  const char * const *keys = dimple_storage_request_get_keys (request);
  g_autofree gpointer *all = NULL;
  GBytes *contents;

  switch (dimple_storage_request_get_operation (request))
    {
    case DIMPLE_STORAGE_LIST:
      all = g_hash_table_get_keys_as_array (objects, NULL);
      dimple_storage_request_complete_list (request, (const char * const *) all);
      break;

    case DIMPLE_STORAGE_PUT:
      g_hash_table_replace (objects, g_strdup (key), g_bytes_ref (dimple_storage_request_get_contents (request)));
      dimple_storage_request_complete (request, NULL);
      break;

    case DIMPLE_STORAGE_GET:
      contents = g_hash_table_lookup (objects, key);
      if (contents != NULL)
        dimple_storage_request_complete (request, contents);
      else
        {
          g_autoptr (GError) error = g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND, "No “%s” here.", key);

          dimple_storage_request_fail (request, error);
        }
      break;

    case DIMPLE_STORAGE_REMOVE:
      for (gsize i = 0; keys[i] != NULL; i++)
        g_hash_table_remove (objects, keys[i]);
      dimple_storage_request_complete (request, NULL);
      break;

    default:
      g_assert_not_reached ();
    }
}

static inline gboolean
on_request (DimpleCustomStorage  *storage,
            DimpleStorageRequest *request,
            gpointer              user_data)
{
  answer_request (request, user_data);
  return TRUE;
}

static inline DimpleStorage *
make_custom (Place *place)
{
  DimpleStorage *storage = dimple_custom_storage_new ();
  GHashTable *objects = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);

  g_signal_connect_data (storage, "request", G_CALLBACK (on_request), objects,
                         (GClosureNotify) (GCallback) g_hash_table_unref, 0);
  return storage;
}

/* `flavor` is that of get_variable() */
static inline DimpleStorage *
make_s3 (Place      *place,
         const char *flavor,
         const char *endpoint)
{
  if (endpoint == NULL)
    {
      place->reason = "no server: see tests/s3/start-s3";
      return NULL;
    }

  place->secret = get_variable (flavor, "SECRET_KEY");
  return dimple_s3_storage_new (endpoint, NULL, get_variable (flavor, "BUCKET"), get_variable (flavor, "ACCESS_KEY"),
                                place->secret);
}

static inline DimpleStorage *
make_ceph (Place *place)
{
  return make_s3 (place, "S3", get_variable ("S3", "ENDPOINT"));
}

static inline DimpleStorage *
make_ceph_with_tls (Place *place)
{
  DimpleStorage *storage = make_s3 (place, "S3", get_variable ("S3", "TLS_ENDPOINT"));
  g_autoptr (GTlsDatabase) authorities = NULL;
  g_autoptr (GError) error = NULL;

  if (storage == NULL)
    return NULL;

  authorities = g_tls_file_database_new (get_variable ("S3", "CA"), &error);
  g_assert_no_error (error);
  g_object_set (storage, "tls-database", authorities, "path-style", FALSE, NULL);
  return storage;
}

static inline DimpleStorage *
make_swift (Place *place)
{
  /* See PAGE in s3/swift_server.py */
  place->page_size = 100;
  return make_s3 (place, "SWIFT", get_variable ("SWIFT", "ENDPOINT"));
}

static const Kind kinds[] = {
  { "memory", make_memory },
  { "local", make_local },
  { "custom", make_custom },
  { "test", make_test },
  { "test-slow", make_slow_test },
  { "encrypted", make_encrypted },
  { "ceph", make_ceph },
  { "ceph-tls", make_ceph_with_tls },
  { "swift", make_swift },
};
