/* dimple-keyring-restore.c: puts identities there again that somebody has deleted
 *
 * What is sealed for an identity that is nowhere can be opened only as long as some device has it in memory, so that
 * one puts it back, in the very object that it was read from.  That is not wanted where the identity has only got
 * another object: a change of the passphrase removes what it replaces.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-keyring-state-private.h"

typedef struct
{
  GPtrArray *names;             /* (element-type utf8): of the objects to put */
  GPtrArray *contents;          /* (element-type GBytes) */
  guint n_put;
} Restoration;

static void put_next (GTask *task);

static void
restoration_free (gpointer data)
{
  Restoration *restoration = data;

  g_ptr_array_unref (restoration->names);
  g_ptr_array_unref (restoration->contents);
  g_free (restoration);
}

static gboolean
is_listed (const DimpleKeyringEntry *entry,
           GHashTable               *listed)
{
  return entry->name == NULL || g_hash_table_contains (listed, entry->name);
}

void
dimple_keyring_note_listed (DimpleKeyring *self,
                            GHashTable    *listed)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  self->is_lost = !self->is_given && self->entries->len == 0 && g_hash_table_size (listed) == 0;
  for (guint i = 0; i < self->entries->len; i++)
    {
      const DimpleKeyringEntry *entry = g_ptr_array_index (self->entries, i);

      self->is_lost |= entry->sealed != NULL && !is_listed (entry, listed);
    }
}

gboolean
dimple_keyring_lacks_identity (DimpleKeyring *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  return self->is_lost;
}

static gboolean
is_in_other_object (DimpleKeyring           *self,
                    const DimpleAgeIdentity *identity,
                    GHashTable              *listed)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      const DimpleKeyringEntry *entry = g_ptr_array_index (self->entries, i);

      if (is_listed (entry, listed) && dimple_keyring_entry_has (entry, identity))
        return TRUE;
    }
  return FALSE;
}

static gboolean
is_replaced (DimpleKeyring            *self,
             const DimpleKeyringEntry *entry,
             GHashTable               *listed)
{
  for (guint i = 0; i < entry->identities->len; i++)
    if (!is_in_other_object (self, g_ptr_array_index (entry->identities, i), listed))
      return FALSE;

  return TRUE;
}

/* Chooses what to put */
static void
find_lost (DimpleKeyring *self,
           Restoration   *restoration,
           GHashTable    *listed,
           gboolean       is_passphrase_changed)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  for (guint i = 0; i < self->entries->len; i++)
    {
      DimpleKeyringEntry *entry = g_ptr_array_index (self->entries, i);

      if (entry->sealed == NULL || is_listed (entry, listed))
        continue;
      if (is_passphrase_changed || is_replaced (self, entry, listed))
        {
          g_clear_pointer (&entry->sealed, g_bytes_unref);
          continue;
        }
      g_ptr_array_add (restoration->names, g_strdup (entry->name));
      g_ptr_array_add (restoration->contents, g_bytes_ref (entry->sealed));
    }
  self->is_lost = restoration->names->len > 0;
}

static void
on_put (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  GTask *task = user_data;
  Restoration *restoration = g_task_get_task_data (task);
  GError *error = NULL;

  if (!dimple_storage_put_finish (DIMPLE_STORAGE (source), result, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }
  restoration->n_put++;
  put_next (task);
}

static void
end (GTask *task)
{
  DimpleKeyring *self = g_task_get_source_object (task);

  g_mutex_lock (&self->mutex);
  self->is_lost = FALSE;
  g_mutex_unlock (&self->mutex);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
put_next (GTask *task)
{
  DimpleKeyring *self = g_task_get_source_object (task);
  Restoration *restoration = g_task_get_task_data (task);
  guint n = restoration->n_put;

  if (n == restoration->names->len)
    end (task);
  else
    dimple_storage_put_async (self->storage, g_ptr_array_index (restoration->names, n),
                              g_ptr_array_index (restoration->contents, n), g_task_get_cancellable (task), on_put,
                              task);
}

void
dimple_keyring_restore_async (DimpleKeyring       *self,
                              GHashTable          *listed,
                              gboolean             is_passphrase_changed,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Restoration *restoration = g_new0 (Restoration, 1);

  restoration->names = g_ptr_array_new_with_free_func (g_free);
  restoration->contents = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_task_set_source_tag (task, dimple_keyring_restore_async);
  g_task_set_task_data (task, restoration, restoration_free);
  find_lost (self, restoration, listed, is_passphrase_changed);
  put_next (task);
}

gboolean
dimple_keyring_restore_finish (DimpleKeyring  *self,
                               GAsyncResult   *result,
                               GError        **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
