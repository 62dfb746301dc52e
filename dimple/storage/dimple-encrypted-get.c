/* dimple-encrypted-get.c: reads an object of an encrypted storage and opens it
 *
 * One that none of the known identities opens may have been sealed for one that another device has made meanwhile: the
 * identities are looked for again, once.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-encrypted-state-private.h"

#include <glib/gi18n-lib.h>

#include "dimple-crypto-pool-private.h"
#include "dimple-encrypted-names-private.h"
#include "dimple-error.h"

/* An object on its way */
typedef struct
{
  GTask *task;
  GBytes *sealed;
  guint n_identities;           /* that have been tried */
  gboolean is_retry;
  GError *error;                /* of the first try */
} Opening;

static void open_sealed (Opening *opening);

static void
opening_free (Opening *opening)
{
  g_object_unref (opening->task);
  g_clear_pointer (&opening->sealed, g_bytes_unref);
  g_clear_error (&opening->error);
  g_free (opening);
}

/* Takes the opening and the error */
static void
fail_opening (Opening *opening,
              GError  *error)
{
  dimple_task_storage_answer_error (opening->task, error);
  opening_free (opening);
}

static void
on_refreshed (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  Opening *opening = user_data;
  DimpleKeyring *keyring = DIMPLE_KEYRING (source);
  GError *error = NULL;

  if (!dimple_keyring_load_finish (keyring, result, &error))
    fail_opening (opening, error);
  else if (dimple_keyring_get_n_identities (keyring) > opening->n_identities)
    open_sealed (opening);
  else
    fail_opening (opening, g_steal_pointer (&opening->error));
}

static void
on_opened (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Opening *opening = user_data;
  DimpleEncryptedStorage *self = DIMPLE_ENCRYPTED_STORAGE (source);
  g_autoptr (GError) error = NULL;
  GBytes *contents = g_task_propagate_pointer (G_TASK (result), &error);

  if (contents != NULL)
    {
      dimple_task_storage_answer_contents (opening->task, contents);
      opening_free (opening);
      return;
    }

  if (error->domain == DIMPLE_ERROR)
    g_prefix_error (&error, _("“%s” cannot be opened: "), dimple_task_storage_request (opening->task)->key);
  /* It may have been sealed for an identity that another device has made meanwhile */
  if (g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE) && !opening->is_retry)
    {
      opening->is_retry = TRUE;
      opening->error = g_steal_pointer (&error);
      dimple_keyring_load_async (self->keyring, DIMPLE_KEYRING_REFRESH, g_task_get_cancellable (opening->task),
                                 on_refreshed, opening);
      return;
    }
  fail_opening (opening, g_steal_pointer (&error));
}

static void
open_contents (GTask        *job,
               gpointer      source,
               gpointer      task_data,
               GCancellable *cancellable)
{
  DimpleEncryptedStorage *self = source;
  GError *error = NULL;
  GBytes *contents = dimple_keyring_open (self->keyring, task_data, &error);

  if (contents != NULL)
    g_task_return_pointer (job, contents, (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_error (job, error);
}

static void
open_sealed (Opening *opening)
{
  DimpleEncryptedStorage *self = g_task_get_source_object (opening->task);
  g_autoptr (GTask) job = g_task_new (self, g_task_get_cancellable (opening->task), on_opened, opening);

  opening->n_identities = dimple_keyring_get_n_identities (self->keyring);
  g_task_set_source_tag (job, open_sealed);
  g_task_set_task_data (job, g_bytes_ref (opening->sealed), (GDestroyNotify) g_bytes_unref);
  dimple_crypto_pool_run (job, open_contents);
}

static void
on_got_sealed (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  GTask *task = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) sealed = dimple_storage_get_finish (DIMPLE_STORAGE (source), result, &error);
  Opening *opening;

  if (g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND))
    {
      /* By the name that the caller knows */
      g_clear_error (&error);
      error = dimple_storage_not_found_error (dimple_task_storage_request (task)->key);
    }
  if (error != NULL)
    {
      dimple_encrypted_storage_answer_error (task, g_steal_pointer (&error));
      return;
    }

  opening = g_new0 (Opening, 1);
  opening->task = task;
  opening->sealed = g_steal_pointer (&sealed);
  open_sealed (opening);
}

static void
on_got_marker (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GBytes *contents = dimple_storage_get_finish (DIMPLE_STORAGE (source), result, &error);

  if (contents != NULL)
    dimple_task_storage_answer_contents (task, contents);
  else
    dimple_task_storage_answer_error (task, error);
}

static void
on_loaded_for_get (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  GTask *task = user_data;
  DimpleEncryptedStorage *self = g_task_get_source_object (task);
  g_autofree char *name = dimple_encrypted_name_seal (dimple_task_storage_request (task)->key);
  GError *error = NULL;

  if (dimple_keyring_load_finish (DIMPLE_KEYRING (source), result, &error))
    dimple_storage_get_async (self->storage, name, g_task_get_cancellable (task), on_got_sealed, task);
  else
    dimple_encrypted_storage_answer_error (task, error);
}

void
dimple_encrypted_storage_open_object (DimpleEncryptedStorage *self,
                                      GTask                  *task)
{
  const char *key = dimple_task_storage_request (task)->key;
  GCancellable *cancellable = g_task_get_cancellable (task);

  if (dimple_encrypted_name_classify (key) == DIMPLE_NAME_MARKER)
    dimple_storage_get_async (self->storage, key, cancellable, on_got_marker, g_object_ref (task));
  else
    dimple_keyring_load_async (self->keyring, DIMPLE_KEYRING_LOAD, cancellable, on_loaded_for_get,
                               g_object_ref (task));
}
