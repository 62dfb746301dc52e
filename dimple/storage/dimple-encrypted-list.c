/* dimple-encrypted-list.c: lists the objects of an encrypted storage by the keys that their names stand for
 *
 * What is no object of the repository is left out, so a page may take several of the storage beneath; and a pack that
 * is not sealed ends it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-encrypted-state-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-encrypted-names-private.h"
#include "dimple-error.h"

/* What has been listed for a task so far */
typedef struct
{
  GTask *task;
  GPtrArray *keys;
  GHashTable *identities;       /* set of their names, if all will be among what is listed; else NULL */
  char *last_name;
} Listing;

static void list_next (Listing *listing);

static void
listing_free (Listing *listing)
{
  g_object_unref (listing->task);
  g_ptr_array_unref (listing->keys);
  g_clear_pointer (&listing->identities, g_hash_table_unref);
  g_free (listing->last_name);
  g_free (listing);
}

static void
answer_page (Listing *listing)
{
  DimpleTaskRequest *request = dimple_task_storage_request (listing->task);

  dimple_task_storage_answer_keys (listing->task,
                                   dimple_storage_page_of_keys (listing->keys, request->key, request->start_after));
  listing_free (listing);
}

/* FALSE if one of them is a pack that should be sealed */
static gboolean
add_names (Listing  *listing,
           char    **names,
           GError  **error)
{
  DimpleTaskRequest *request = dimple_task_storage_request (listing->task);
  DimpleEncryptedStorage *self = g_task_get_source_object (listing->task);

  for (gsize i = 0; names[i] != NULL; i++)
    {
      g_autofree char *key = NULL;

      if (dimple_encrypted_name_is_clear_pack (names[i]))
        {
          g_autofree char *description = dimple_storage_dup_description (self->storage);

          g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_ENCRYPTION,
                       _("%s holds “%s”, which is not encrypted. Use it without a passphrase, or choose an empty "
                         "bucket or folder."), description, names[i]);
          return FALSE;
        }
      if (listing->identities != NULL && g_str_has_prefix (names[i], DIMPLE_IDENTITIES_PREFIX))
        g_hash_table_add (listing->identities, g_strdup (names[i]));
      key = dimple_encrypted_name_unseal (names[i]);
      if (key != NULL && g_str_has_prefix (key, request->key) && strcmp (key, request->start_after) > 0)
        g_ptr_array_add (listing->keys, g_steal_pointer (&key));
    }
  return TRUE;
}

/* A page of full size has to become one, or who reads it takes it for the last */
static gboolean
needs_more (Listing *listing,
            guint    n_names)
{
  DimpleTaskRequest *request = dimple_task_storage_request (listing->task);

  return listing->keys->len == 0 ||
         (listing->keys->len < DIMPLE_STORAGE_PAGE_SIZE && n_names >= DIMPLE_STORAGE_PAGE_SIZE) ||
         !dimple_encrypted_name_ends_page (listing->last_name, request->key, request->start_after);
}

/* Whether there is no identity behind the last name.  Where pages are not full, and there are more, one that is known
 * seems to be gone: who is told so looks again. */
static gboolean
has_passed_identities (Listing *listing,
                       guint    n_names)
{
  return n_names < DIMPLE_STORAGE_PAGE_SIZE ||
         (strcmp (listing->last_name, DIMPLE_IDENTITIES_PREFIX) > 0 &&
          !g_str_has_prefix (listing->last_name, DIMPLE_IDENTITIES_PREFIX));
}

static void
on_listed (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Listing *listing = user_data;
  GError *error = NULL;
  g_auto (GStrv) names = dimple_storage_list_finish (DIMPLE_STORAGE (source), result, &error);
  guint n_names = names != NULL ? g_strv_length (names) : 0;

  if (names == NULL || !add_names (listing, names, &error))
    {
      dimple_task_storage_answer_error (listing->task, error);
      listing_free (listing);
      return;
    }
  if (n_names > 0)
    {
      g_free (listing->last_name);
      listing->last_name = g_strdup (names[n_names - 1]);
    }
  if (listing->identities != NULL && has_passed_identities (listing, n_names))
    dimple_keyring_note_listed (DIMPLE_ENCRYPTED_STORAGE (g_task_get_source_object (listing->task))->keyring,
                                listing->identities);
  if (n_names > 0 && needs_more (listing, n_names))
    list_next (listing);
  else
    answer_page (listing);
}

static void
list_next (Listing *listing)
{
  DimpleEncryptedStorage *self = g_task_get_source_object (listing->task);

  dimple_storage_list_async (self->storage, dimple_task_storage_request (listing->task)->key, listing->last_name,
                             g_task_get_cancellable (listing->task), on_listed, listing);
}

void
dimple_encrypted_storage_list (DimpleEncryptedStorage *self,
                               GTask                  *task)
{
  Listing *listing = g_new0 (Listing, 1);
  DimpleTaskRequest *request = dimple_task_storage_request (task);

  if (*request->key == '\0' && strcmp (request->start_after, DIMPLE_IDENTITIES_PREFIX) < 0)
    listing->identities = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  listing->task = g_object_ref (task);
  listing->keys = g_ptr_array_new_with_free_func (g_free);
  /* Every name that sorts before this has a key that does */
  listing->last_name = g_strdup (request->start_after);
  list_next (listing);
}
