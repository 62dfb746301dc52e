/* dimple-keyring-create.c: makes the first identity of a repository
 *
 * Before that, the repository's markers are read: an identity in a repository that is not encrypted would make it look
 * as if it were, and lock its other devices out.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-keyring-state-private.h"

#include <glib/gi18n-lib.h>
#include <json-glib/json-glib.h>

#include "dimple-crypto-pool-private.h"
#include "dimple-encrypted-names-private.h"
#include "dimple-error.h"
#include "dimple-identity-file-private.h"

typedef struct
{
  GStrv markers;
  guint n_read;
  char *name;
  GPtrArray *identities;        /* the new one */
  GBytes *sealed;
} Creation;

static void read_next (GTask *task);

static void
creation_free (gpointer data)
{
  Creation *creation = data;

  g_strfreev (creation->markers);
  g_free (creation->name);
  g_clear_pointer (&creation->identities, g_ptr_array_unref);
  g_clear_pointer (&creation->sealed, g_bytes_unref);
  g_free (creation);
}

/* Takes the task and the error */
static void
fail (GTask  *task,
      GError *error)
{
  g_task_return_error (task, error);
  g_object_unref (task);
}

static void
on_put (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  DimpleKeyring *self = g_task_get_source_object (task);
  Creation *creation = g_task_get_task_data (task);
  GError *error = NULL;

  if (!dimple_storage_put_finish (DIMPLE_STORAGE (source), result, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  dimple_keyring_add_entry (self, dimple_keyring_entry_new (creation->name, creation->identities, creation->sealed));
  g_mutex_lock (&self->mutex);
  self->is_lost = FALSE;
  g_mutex_unlock (&self->mutex);
  g_task_return_boolean (task, TRUE);
}

static void
generate (GTask        *job,
          gpointer      source,
          gpointer      task_data,
          GCancellable *cancellable)
{
  DimpleKeyring *self = source;
  Creation *creation = task_data;
  guint work_factor;
  g_autoptr (DimpleAgeIdentity) passphrase = dimple_keyring_ref_passphrase (self, &work_factor);
  GError *error = NULL;
  DimpleAgeIdentity *identity = dimple_age_identity_generate (&error);

  creation->identities = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_age_identity_unref);
  if (identity != NULL)
    {
      g_ptr_array_add (creation->identities, identity);
      creation->sealed = dimple_identity_file_seal (creation->identities, passphrase, work_factor, &error);
    }

  if (creation->sealed != NULL)
    g_task_return_boolean (job, TRUE);
  else
    g_task_return_error (job, error);
}

static void
on_generated (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  GTask *task = user_data;
  DimpleKeyring *self = DIMPLE_KEYRING (source);
  Creation *creation = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      fail (task, error);
      return;
    }

  creation->name = dimple_keyring_new_name ();
  dimple_storage_put_async (self->storage, creation->name, creation->sealed, g_task_get_cancellable (task),
                            on_put, task);
}

/* {"format":1,"encryption":"age"} */
static gboolean
is_marker_of_age (GBytes *contents)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  gsize size;
  const char *text = g_bytes_get_data (contents, &size);
  JsonNode *root;
  JsonNode *encryption;

  if (text == NULL || !json_parser_load_from_data (parser, text, size, NULL))
    return FALSE;

  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return FALSE;
  encryption = json_object_get_member (json_node_get_object (root), "encryption");
  return encryption != NULL && JSON_NODE_HOLDS_VALUE (encryption) &&
         g_strcmp0 (json_node_get_string (encryption), "age") == 0;
}

static void
on_read (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  GTask *task = user_data;
  DimpleKeyring *self = g_task_get_source_object (task);
  Creation *creation = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) contents = dimple_storage_get_finish (DIMPLE_STORAGE (source), result, &error);

  if (contents == NULL && !g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND))
    {
      fail (task, g_steal_pointer (&error));
      return;
    }
  if (contents != NULL && !is_marker_of_age (contents))
    {
      g_autofree char *description = dimple_storage_dup_description (self->storage);

      fail (task, g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_ENCRYPTION,
                               _("%s is not encrypted. Use it without a passphrase, or choose an empty bucket or "
                                 "folder."), description));
      return;
    }

  creation->n_read++;
  read_next (task);
}

static void
read_next (GTask *task)
{
  DimpleKeyring *self = g_task_get_source_object (task);
  Creation *creation = g_task_get_task_data (task);
  GCancellable *cancellable = g_task_get_cancellable (task);
  const char *marker;
  g_autoptr (GTask) job = NULL;

  while ((marker = creation->markers[creation->n_read]) != NULL &&
         dimple_encrypted_name_classify (marker) != DIMPLE_NAME_MARKER)
    creation->n_read++;
  if (marker != NULL)
    {
      dimple_storage_get_async (self->storage, marker, cancellable, on_read, task);
      return;
    }

  job = g_task_new (self, cancellable, on_generated, task);
  g_task_set_source_tag (job, read_next);
  g_task_set_task_data (job, creation, NULL);
  dimple_crypto_pool_run (job, generate);
}

static void
on_listed (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  GTask *task = user_data;
  Creation *creation = g_task_get_task_data (task);
  GError *error = NULL;

  creation->markers = dimple_storage_list_finish (DIMPLE_STORAGE (source), result, &error);
  if (creation->markers == NULL)
    fail (task, error);
  else
    read_next (task);
}

void
dimple_keyring_create_async (DimpleKeyring       *self,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, dimple_keyring_create_async);
  g_task_set_task_data (task, g_new0 (Creation, 1), creation_free);
  dimple_storage_list_async (self->storage, DIMPLE_MARKERS_PREFIX, NULL, cancellable, on_listed, task);
}

gboolean
dimple_keyring_create_finish (DimpleKeyring  *self,
                              GAsyncResult   *result,
                              GError        **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
