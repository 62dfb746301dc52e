/* dimple-keyring-passphrase.c: changes the passphrase of a repository
 *
 * No object is ever overwritten, so all identities are sealed by the new passphrase in one new object, which is read
 * back before the old ones are removed.  Wherever this stops, there is an object that holds the identities, and another
 * change removes what this one has left behind.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-keyring-state-private.h"

#include <glib/gi18n-lib.h>

#include "dimple-crypto-pool-private.h"
#include "dimple-error.h"
#include "dimple-identity-file-private.h"

typedef struct
{
  DimpleAgeIdentity *passphrase;
  char *name;
  GPtrArray *identities;
  GBytes *sealed;
} Change;

static void
change_free (gpointer data)
{
  Change *change = data;

  g_clear_pointer (&change->passphrase, dimple_age_identity_unref);
  g_free (change->name);
  g_clear_pointer (&change->identities, g_ptr_array_unref);
  g_clear_pointer (&change->sealed, g_bytes_unref);
  g_free (change);
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
use_new_passphrase (DimpleKeyring *self,
                    Change        *change)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  g_hash_table_remove_all (self->refused);
  g_ptr_array_set_size (self->leftovers, 0);
  if (self->is_given)
    return;

  g_clear_pointer (&self->passphrase, dimple_age_identity_unref);
  self->passphrase = g_steal_pointer (&change->passphrase);
  g_ptr_array_set_size (self->entries, 0);
  g_ptr_array_add (self->entries, dimple_keyring_entry_new (change->name, change->identities, change->sealed));
}

static void
on_removed (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (!dimple_storage_remove_finish (DIMPLE_STORAGE (source), result, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  use_new_passphrase (g_task_get_source_object (task), g_task_get_task_data (task));
  g_task_return_boolean (task, TRUE);
}

/* The names of all objects that the new one replaces */
static GStrv
collect_old_names (DimpleKeyring *self,
                   Change        *change)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  for (guint i = 0; i < self->entries->len; i++)
    {
      const DimpleKeyringEntry *entry = g_ptr_array_index (self->entries, i);

      if (entry->name != NULL)
        g_strv_builder_add (names, entry->name);
    }
  for (guint i = 0; i < self->leftovers->len; i++)
    if (!g_str_equal (g_ptr_array_index (self->leftovers, i), change->name))
      g_strv_builder_add (names, g_ptr_array_index (self->leftovers, i));

  return g_strv_builder_end (names);
}

static void
on_read_back (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  GTask *task = user_data;
  DimpleKeyring *self = g_task_get_source_object (task);
  Change *change = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GBytes) contents = dimple_storage_get_finish (DIMPLE_STORAGE (source), result, &error);
  g_auto (GStrv) names = NULL;

  if (contents == NULL)
    {
      fail (task, error);
      return;
    }
  if (!g_bytes_equal (contents, change->sealed))
    {
      fail (task, g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                               _("The storage gives back something else for “%s” than what was put there. The "
                                 "passphrase has not been changed."), change->name));
      return;
    }

  names = collect_old_names (self, change);
  if (names[0] != NULL)
    {
      dimple_storage_remove_async (self->storage, (const char * const *) names, g_task_get_cancellable (task),
                                   on_removed, task);
      return;
    }
  use_new_passphrase (self, change);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
on_put (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  GTask *task = user_data;
  DimpleKeyring *self = g_task_get_source_object (task);
  Change *change = g_task_get_task_data (task);
  GError *error = NULL;

  if (dimple_storage_put_finish (DIMPLE_STORAGE (source), result, &error))
    dimple_storage_get_async (self->storage, change->name, g_task_get_cancellable (task), on_read_back, task);
  else
    fail (task, error);
}

static void
seal_identities (GTask        *job,
                 gpointer      source,
                 gpointer      task_data,
                 GCancellable *cancellable)
{
  DimpleKeyring *self = source;
  Change *change = task_data;
  guint work_factor;
  g_autoptr (DimpleAgeIdentity) old_passphrase = dimple_keyring_ref_passphrase (self, &work_factor);
  GError *error = NULL;

  change->identities = dimple_keyring_dup_identities (self);
  change->sealed = dimple_identity_file_seal (change->identities, change->passphrase, work_factor, &error);
  if (change->sealed != NULL)
    g_task_return_boolean (job, TRUE);
  else
    g_task_return_error (job, error);
}

static void
on_sealed (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  GTask *task = user_data;
  DimpleKeyring *self = DIMPLE_KEYRING (source);
  Change *change = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      fail (task, error);
      return;
    }

  change->name = dimple_keyring_new_name ();
  /* Whether it gets there or not: an answer may be lost */
  g_mutex_lock (&self->mutex);
  g_ptr_array_add (self->leftovers, g_strdup (change->name));
  g_mutex_unlock (&self->mutex);
  dimple_storage_put_async (self->storage, change->name, change->sealed, g_task_get_cancellable (task), on_put, task);
}

static void
on_loaded (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  GTask *task = user_data;
  DimpleKeyring *self = DIMPLE_KEYRING (source);
  GError *error = NULL;
  g_autoptr (GTask) job = NULL;

  if (!dimple_keyring_load_finish (self, result, &error))
    {
      fail (task, error);
      return;
    }

  job = g_task_new (self, g_task_get_cancellable (task), on_sealed, task);
  g_task_set_source_tag (job, on_loaded);
  g_task_set_task_data (job, g_task_get_task_data (task), NULL);
  dimple_crypto_pool_run (job, seal_identities);
}

void
dimple_keyring_change_passphrase_async (DimpleKeyring       *self,
                                        const char          *passphrase,
                                        GCancellable        *cancellable,
                                        GAsyncReadyCallback  callback,
                                        gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Change *change = g_new0 (Change, 1);

  change->passphrase = dimple_age_identity_new_for_passphrase (passphrase);
  g_task_set_source_tag (task, dimple_keyring_change_passphrase_async);
  g_task_set_task_data (task, change, change_free);
  /* Once the old passphrase has been removed, nobody is told that it has not */
  g_task_set_check_cancellable (task, FALSE);
  dimple_keyring_load_async (self, DIMPLE_KEYRING_CREATE | DIMPLE_KEYRING_REFRESH, cancellable, on_loaded, task);
}

gboolean
dimple_keyring_change_passphrase_finish (DimpleKeyring  *self,
                                         GAsyncResult   *result,
                                         GError        **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
