/* dimple-repository.c: what a storage holds, and whether it is ours
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-repository-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "dimple-custom-storage.h"
#include "dimple-encrypted-names-private.h"
#include "dimple-encrypted-storage-private.h"
#include "dimple-error.h"
#include "dimple-json-private.h"
#include "dimple-local-storage.h"
#include "dimple-storage-private.h"

#define SUFFIX ".json"
#define DAMAGED_PREFIX "damaged/"

/* In dimple_state: the ids of the repository, with commas between them. */
#define STATE "repositories"

/* What a storage forwards to, such as what the encrypted one puts its objects into; NULL if it keeps them itself. */
static DimpleStorage *
get_inner_storage (DimpleStorage *storage)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (storage), "storage");
  DimpleStorage *inner = NULL;

  if (pspec != NULL && g_type_is_a (pspec->value_type, DIMPLE_TYPE_STORAGE))
    g_object_get (storage, "storage", &inner, NULL);
  return inner;
}

gboolean
dimple_storage_is_folder (DimpleStorage *storage)
{
  g_autoptr(DimpleStorage) inner = get_inner_storage (storage);

  return DIMPLE_IS_LOCAL_STORAGE (storage) || (inner != NULL && dimple_storage_is_folder (inner));
}

gboolean
dimple_storage_lacks_key (DimpleStorage *storage)
{
  g_autoptr(DimpleStorage) inner = get_inner_storage (storage);

  if (DIMPLE_IS_ENCRYPTED_STORAGE (storage))
    return dimple_encrypted_storage_knows_passphrase (DIMPLE_ENCRYPTED_STORAGE (storage));
  return inner != NULL && dimple_storage_lacks_key (inner);
}

/* -- Listings ------------------------------------------------------------------------------------------------------ */

DimpleListing *
dimple_listing_new (void)
{
  DimpleListing *self = g_new0 (DimpleListing, 1);

  self->markers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->packs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
dimple_listing_free (DimpleListing *self)
{
  g_hash_table_unref (self->markers);
  g_hash_table_unref (self->packs);
  g_free (self);
}

/* The repository id in a marker's key, or NULL. */
static char *
parse_marker (const char *key)
{
  gsize length = strlen (key);

  if (length != strlen (DIMPLE_MARKERS_PREFIX) + DIMPLE_UUID_LENGTH + strlen (SUFFIX) ||
      !g_str_has_prefix (key, DIMPLE_MARKERS_PREFIX) || !g_str_has_suffix (key, SUFFIX))
    return NULL;
  return g_strndup (key + strlen (DIMPLE_MARKERS_PREFIX), DIMPLE_UUID_LENGTH);
}

static char *
format_marker (const char *id)
{
  return g_strconcat (DIMPLE_MARKERS_PREFIX, id, SUFFIX, NULL);
}

/* Keys that are none of Dimple's are nobody's business. */
static void
add_key (DimpleListing *self,
         const char    *key)
{
  DimplePackName name;
  char *marker;

  if (dimple_pack_name_parse (&name, key))
    {
      g_hash_table_insert (self->packs, g_strdup (key), g_memdup2 (&name, sizeof name));
      return;
    }
  marker = parse_marker (key);
  if (marker != NULL)
    g_hash_table_add (self->markers, marker);
  else if (g_str_has_suffix (key, DIMPLE_SEALED_SUFFIX) &&
           (g_str_has_prefix (key, "changes/") || g_str_has_prefix (key, DIMPLE_IDENTITIES_PREFIX)))
    self->has_sealed = TRUE;
}

void
dimple_listing_add (DimpleListing      *self,
                    const char * const *keys)
{
  for (guint i = 0; keys[i] != NULL; i++)
    add_key (self, keys[i]);
}

/* How many keys an app's own storage gives at once is its own business. */
static gboolean
has_short_pages (DimpleStorage *storage)
{
  g_autoptr(DimpleStorage) inner = get_inner_storage (storage);

  return DIMPLE_IS_CUSTOM_STORAGE (storage) || (inner != NULL && has_short_pages (inner));
}

DimpleListing *
dimple_listing_load (DimpleRequests  *requests,
                     DimpleStorage   *storage,
                     GError         **error)
{
  g_autoptr(DimpleListing) listing = dimple_listing_new ();
  g_autofree char *last = g_strdup ("");

  while (TRUE)
    {
      g_auto(GStrv) keys = dimple_requests_list_now (requests, storage, "", last, error);
      guint n;

      if (keys == NULL)
        return NULL;
      dimple_listing_add (listing, (const char * const *) keys);
      n = g_strv_length (keys);
      /* A page that is not full is the last one of all storages that come with Dimple. */
      if (n == 0 || (n < DIMPLE_STORAGE_PAGE_SIZE && !has_short_pages (storage)))
        return g_steal_pointer (&listing);
      if (strcmp (keys[n - 1], last) <= 0)
        {
          g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                               _("The storage lists its objects over and over. Try again later."));
          return NULL;
        }
      g_free (last);
      last = g_strdup (keys[n - 1]);
    }
}

/* -- Markers ------------------------------------------------------------------------------------------------------- */

gboolean
dimple_storage_is_sealed (DimpleStorage *storage)
{
  g_autoptr(DimpleStorage) inner = NULL;

  if (DIMPLE_IS_ENCRYPTED_STORAGE (storage))
    return TRUE;
  inner = get_inner_storage (storage);
  return inner != NULL && dimple_storage_is_sealed (inner);
}

/* The storage that an object's sealed bytes are in, and what it is called there. */
static DimpleStorage *
find_raw (DimpleStorage  *storage,
          const char     *key,
          char          **raw_key)
{
  g_autoptr(DimpleStorage) inner = NULL;

  *raw_key = g_strdup (key);
  if (!dimple_storage_is_sealed (storage))
    return g_object_ref (storage);

  inner = get_inner_storage (storage);
  if (!dimple_storage_is_sealed (inner))
    {
      g_free (*raw_key);
      *raw_key = g_strconcat (key, DIMPLE_SEALED_SUFFIX, NULL);
      return g_steal_pointer (&inner);
    }
  g_free (*raw_key);
  return find_raw (inner, key, raw_key);
}

gboolean
dimple_repository_set_aside (DimpleRequests  *requests,
                             DimpleStorage   *storage,
                             const char      *key,
                             GError         **error)
{
  g_autofree char *raw_key = NULL, *new_key = NULL;
  g_autoptr(DimpleStorage) raw = find_raw (storage, key, &raw_key);
  g_autoptr(GError) failure = NULL;
  g_autoptr(GBytes) contents = dimple_requests_get_now (requests, raw, raw_key, &failure);
  const char *keys[] = { raw_key, NULL };

  if (contents == NULL)
    {
      if (g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND))
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  new_key = g_strconcat (DAMAGED_PREFIX, raw_key, NULL);
  return dimple_requests_put_now (requests, raw, new_key, contents, error) &&
         dimple_requests_remove_now (requests, raw, keys, error);
}

static GBytes *
make_marker (gboolean sealed)
{
  char *text = g_strdup_printf ("{\"format\":%d,\"encryption\":%s}\n", DIMPLE_REPOSITORY_FORMAT,
                                sealed ? "\"age\"" : "null");

  return g_bytes_new_take (text, strlen (text));
}

static gboolean
set_encryption_error (DimpleStorage  *storage,
                      gboolean        sealed,
                      GError        **error)
{
  g_autofree char *description = dimple_storage_dup_description (storage);

  if (sealed)
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_ENCRYPTION,
                 _("%s is encrypted. Enter its passphrase."), description);
  else
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_ENCRYPTION,
                 _("%s is not encrypted. Use it without a passphrase, or choose an empty bucket or folder."),
                 description);
  return FALSE;
}

/* Reads {"format":1,"encryption":null}, and skips what else there is. */
static gboolean
parse_marker_contents (GBytes   *contents,
                       gint64   *format,
                       gboolean *sealed)
{
  g_auto(DimpleJsonReader) reader = { 0 };
  gsize size;
  const char *text = g_bytes_get_data (contents, &size);
  DimpleJsonToken token;

  *format = 0;
  *sealed = FALSE;
  dimple_json_reader_init (&reader, text != NULL ? text : "", size);
  if (!dimple_json_reader_expect (&reader, DIMPLE_JSON_BEGIN_OBJECT))
    return FALSE;
  while ((token = dimple_json_reader_next (&reader)) == DIMPLE_JSON_NAME)
    {
      if (dimple_json_reader_is (&reader, "format"))
        {
          if (!dimple_json_reader_expect (&reader, DIMPLE_JSON_NUMBER) || reader.value.type != SQLITE_INTEGER)
            return FALSE;
          *format = reader.value.integer;
        }
      else if (dimple_json_reader_is (&reader, "encryption"))
        {
          token = dimple_json_reader_next (&reader);
          *sealed = token == DIMPLE_JSON_STRING && dimple_json_reader_is (&reader, "age");
          if (!*sealed && token != DIMPLE_JSON_NULL)
            return FALSE;
        }
      else if (!dimple_json_reader_skip (&reader))
        {
          return FALSE;
        }
    }
  return token == DIMPLE_JSON_END_OBJECT && *format >= 1;
}

static gboolean
check_marker (DimpleStorage  *storage,
              const char     *key,
              GBytes         *contents,
              GError        **error)
{
  g_autofree char *description = dimple_storage_dup_description (storage);
  gint64 format;
  gboolean sealed, readable = parse_marker_contents (contents, &format, &sealed);

  if (format > DIMPLE_REPOSITORY_FORMAT)
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TOO_NEW,
                   _("%s was written by a newer version of the app. Update the app on this device."), description);
      return FALSE;
    }
  if (!readable)
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK,
                   _("“%s” in %s is damaged. Delete it, and sync again."), key, description);
      return FALSE;
    }
  if (sealed != dimple_storage_is_sealed (storage))
    return set_encryption_error (storage, sealed, error);
  return TRUE;
}

/* Reads one marker.  TRUE and not `*there` if a stale listing showed it. */
static gboolean
read_marker (DimpleRequests  *requests,
             DimpleStorage   *storage,
             const char      *id,
             gboolean        *there,
             GError         **error)
{
  g_autofree char *key = format_marker (id);
  g_autoptr(GError) failure = NULL;
  g_autoptr(GBytes) contents = dimple_requests_get_now (requests, storage, key, &failure);

  *there = contents != NULL;
  if (contents != NULL)
    return check_marker (storage, key, contents, error);
  if (g_error_matches (failure, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* -- Identity ------------------------------------------------------------------------------------------------------ */

static GHashTable *
load_known (DimpleStore  *store,
            GError      **error)
{
  g_autoptr(GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GError) failure = NULL;
  g_autofree char *state = dimple_store_dup_state (store, STATE, &failure);
  g_auto(GStrv) ids = NULL;

  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  ids = g_strsplit (state != NULL ? state : "", ",", -1);
  for (guint i = 0; ids[i] != NULL; i++)
    {
      if (*ids[i] != '\0')
        g_hash_table_add (known, g_strdup (ids[i]));
    }
  return g_steal_pointer (&known);
}

static int
compare_texts (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

/* The ids in order, with commas. */
static char *
join_ids (GHashTable *ids)
{
  guint n;
  g_autofree gpointer *sorted = g_hash_table_get_keys_as_array (ids, &n);

  qsort (sorted, n, sizeof *sorted, compare_texts);
  return g_strjoinv (",", (char **) sorted);
}

static gboolean
has_common (GHashTable *a,
            GHashTable *b)
{
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, a);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    {
      if (g_hash_table_contains (b, id))
        return TRUE;
    }
  return FALSE;
}

/* A stale listing may hide our markers: asks for them by name. */
static gboolean
look_for_known (DimpleRequests  *requests,
                DimpleStorage   *storage,
                GHashTable      *known,
                GHashTable      *there,
                GError         **error)
{
  g_autofree char *description = dimple_storage_dup_description (storage);
  g_autofree char *ours = join_ids (known), *theirs = join_ids (there);
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, known);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    {
      gboolean is_there;

      if (!read_marker (requests, storage, id, &is_there, error))
        return FALSE;
      if (is_there)
        g_hash_table_add (there, g_strdup (id));
    }
  if (has_common (known, there))
    return TRUE;

  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_REPOSITORY,
               _("%s holds other data (%s) than what is on this device (%s). Nothing was synced. Choose another bucket "
                 "or folder."), description, theirs, ours);
  return FALSE;
}

/* Reads the markers that are new to this store.  One it knows was read before, or written by it. */
static gboolean
read_new_markers (DimpleRequests  *requests,
                  DimpleStorage   *storage,
                  GHashTable      *known,
                  GHashTable      *there,
                  gboolean         read_all,
                  GError         **error)
{
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, there);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    {
      gboolean is_there;

      if (!read_all && g_hash_table_contains (known, id))
        continue;
      if (!read_marker (requests, storage, id, &is_there, error))
        return FALSE;
      if (!is_there)
        g_hash_table_iter_remove (&iter);
    }
  return TRUE;
}

/* Whether an identity is gone: it, or another one, comes with the next object that is put. */
static gboolean
lacks_identity (DimpleStorage *storage)
{
  g_autoptr(DimpleStorage) inner = get_inner_storage (storage);

  if (DIMPLE_IS_ENCRYPTED_STORAGE (storage) &&
      dimple_encrypted_storage_lacks_identity (DIMPLE_ENCRYPTED_STORAGE (storage)))
    return TRUE;
  return inner != NULL && lacks_identity (inner);
}

/* Writes those of `wanted` that are not there; all of them if something has to be written. */
static gboolean
write_markers (DimpleRequests  *requests,
               DimpleStorage   *storage,
               GHashTable      *wanted,
               GHashTable      *there,
               GError         **error)
{
  g_autoptr(GBytes) marker = make_marker (dimple_storage_is_sealed (storage));
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, wanted);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    {
      g_autofree char *key = format_marker (id);

      if (g_hash_table_contains (there, id) && !lacks_identity (storage))
        continue;
      if (!dimple_requests_put_now (requests, storage, key, marker, error))
        return FALSE;
      g_hash_table_add (there, g_strdup (id));
    }
  return TRUE;
}

static gboolean
remember (DimpleStore  *store,
          GHashTable   *known,
          GHashTable   *there,
          GError      **error)
{
  g_autofree char *before = join_ids (known);
  g_autofree char *now = NULL;
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, there);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    g_hash_table_add (known, g_strdup (id));
  now = join_ids (known);
  return g_str_equal (before, now) || dimple_store_set_state (store, STATE, now, error);
}

/* Whether the storage holds the repository with the ids `known`, or none.  Leaves in `listing` the markers there
 * are. */
static gboolean
check (GHashTable      *known,
       DimpleRequests  *requests,
       DimpleStorage   *storage,
       DimpleListing   *listing,
       GError         **error)
{
  GHashTable *there = listing->markers;

  if (listing->has_sealed && !dimple_storage_is_sealed (storage))
    return set_encryption_error (storage, TRUE, error);
  if (g_hash_table_size (known) > 0 && g_hash_table_size (there) > 0 && !has_common (known, there) &&
      !look_for_known (requests, storage, known, there, error))
    return FALSE;
  /* Without packs only the marker tells whether the repository is encrypted. */
  return read_new_markers (requests, storage, known, there, g_hash_table_size (listing->packs) == 0, error);
}

gboolean
dimple_repository_check (DimpleStore     *store,
                         DimpleRequests  *requests,
                         DimpleStorage   *storage,
                         DimpleListing   *listing,
                         GError         **error)
{
  g_autoptr(GHashTable) known = load_known (store, error);

  return known != NULL && check (known, requests, storage, listing, error);
}

gboolean
dimple_repository_identify (DimpleStore     *store,
                            DimpleRequests  *requests,
                            DimpleStorage   *storage,
                            DimpleListing   *listing,
                            GError         **error)
{
  g_autoptr(GHashTable) known = load_known (store, error);
  GHashTable *there = listing->markers;

  if (known == NULL || !check (known, requests, storage, listing, error))
    return FALSE;

  if (g_hash_table_size (known) == 0 && g_hash_table_size (there) == 0)
    {
      g_autoptr(GHashTable) fresh = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      char id[DIMPLE_UUID_SIZE];

      dimple_uuid7_new (id);
      g_hash_table_add (fresh, g_strdup (id));
      if (!write_markers (requests, storage, fresh, there, error))
        return FALSE;
    }
  else if (!write_markers (requests, storage, known, there, error))
    {
      return FALSE;
    }
  return remember (store, known, there, error);
}
