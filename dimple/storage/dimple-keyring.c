/* dimple-keyring.c: the identities of an encrypted repository
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-keyring-state-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-encrypted-names-private.h"
#include "dimple-error.h"
#include "dimple-uuid-private.h"

G_DEFINE_FINAL_TYPE (DimpleKeyring, dimple_keyring, G_TYPE_OBJECT)

DimpleKeyringEntry *
dimple_keyring_entry_new (const char *name,
                          GPtrArray  *identities,
                          GBytes     *sealed)
{
  DimpleKeyringEntry *entry = g_new0 (DimpleKeyringEntry, 1);

  entry->name = g_strdup (name);
  entry->identities = g_ptr_array_ref (identities);
  entry->sealed = sealed != NULL ? g_bytes_ref (sealed) : NULL;
  return entry;
}

void
dimple_keyring_entry_free (gpointer data)
{
  DimpleKeyringEntry *entry = data;

  g_free (entry->name);
  g_ptr_array_unref (entry->identities);
  g_clear_pointer (&entry->sealed, g_bytes_unref);
  g_free (entry);
}

static int
compare_entries (gconstpointer a,
                 gconstpointer b)
{
  const DimpleKeyringEntry *entry_a = *(DimpleKeyringEntry * const *) a;
  const DimpleKeyringEntry *entry_b = *(DimpleKeyringEntry * const *) b;

  return g_strcmp0 (entry_a->name, entry_b->name);
}

void
dimple_keyring_add_entry (DimpleKeyring      *self,
                          DimpleKeyringEntry *entry)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  /* Two loads at once read the same */
  for (guint i = 0; i < self->entries->len; i++)
    {
      const DimpleKeyringEntry *other = g_ptr_array_index (self->entries, i);

      if (g_strcmp0 (other->name, entry->name) == 0)
        {
          dimple_keyring_entry_free (entry);
          return;
        }
    }

  g_ptr_array_add (self->entries, entry);
  g_ptr_array_sort (self->entries, compare_entries);
}

DimpleAgeIdentity *
dimple_keyring_ref_passphrase (DimpleKeyring *self,
                               guint         *work_factor)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  if (work_factor != NULL)
    *work_factor = self->work_factor;
  return self->passphrase != NULL ? dimple_age_identity_ref (self->passphrase) : NULL;
}

static gboolean
has_identity (GPtrArray               *identities,
              const DimpleAgeIdentity *identity)
{
  for (guint i = 0; i < identities->len; i++)
    if (dimple_age_identity_equal (g_ptr_array_index (identities, i), identity))
      return TRUE;

  return FALSE;
}

gboolean
dimple_keyring_entry_has (const DimpleKeyringEntry *entry,
                          const DimpleAgeIdentity  *identity)
{
  return has_identity (entry->identities, identity);
}

GPtrArray *
dimple_keyring_dup_identities (DimpleKeyring *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);
  GPtrArray *identities = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_age_identity_unref);

  for (guint i = 0; i < self->entries->len; i++)
    {
      const DimpleKeyringEntry *entry = g_ptr_array_index (self->entries, i);

      for (guint j = 0; j < entry->identities->len; j++)
        {
          DimpleAgeIdentity *identity = g_ptr_array_index (entry->identities, j);

          if (!has_identity (identities, identity))
            g_ptr_array_add (identities, dimple_age_identity_ref (identity));
        }
    }
  return identities;
}

guint
dimple_keyring_get_n_identities (DimpleKeyring *self)
{
  g_autoptr (GPtrArray) identities = dimple_keyring_dup_identities (self);

  return identities->len;
}

gboolean
dimple_keyring_knows_passphrase (DimpleKeyring *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  return !self->is_given && self->entries->len > 0 && g_hash_table_size (self->refused) == 0;
}

char *
dimple_keyring_new_name (void)
{
  char id[DIMPLE_UUID_SIZE];

  dimple_uuid7_new (id);
  return g_strconcat (DIMPLE_IDENTITIES_PREFIX, id, DIMPLE_SEALED_SUFFIX, NULL);
}

/* --- Sealing and opening --- */

GBytes *
dimple_keyring_seal (DimpleKeyring  *self,
                     GBytes         *plaintext,
                     GError        **error)
{
  g_autoptr (GPtrArray) identities = dimple_keyring_dup_identities (self);
  g_autoptr (DimpleAgeRecipient) recipient = NULL;

  g_return_val_if_fail (identities->len > 0, NULL);

  recipient = dimple_age_identity_get_recipient (g_ptr_array_index (identities, 0));
  return dimple_age_seal (plaintext, &recipient, 1, error);
}

GBytes *
dimple_keyring_open (DimpleKeyring  *self,
                     GBytes         *sealed,
                     GError        **error)
{
  g_autoptr (GPtrArray) identities = dimple_keyring_dup_identities (self);
  DimpleAgeIdentity *passphrase = dimple_keyring_ref_passphrase (self, NULL);

  if (!dimple_age_is_sealed (sealed))
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_ENCRYPTION, _("It is not encrypted."));
      g_clear_pointer (&passphrase, dimple_age_identity_unref);
      return NULL;
    }

  /* Costs something only where the file is sealed by a passphrase itself */
  if (passphrase != NULL)
    g_ptr_array_add (identities, passphrase);
  return dimple_age_open (sealed, (DimpleAgeIdentity * const *) identities->pdata, identities->len, NULL, error);
}

/* --- Life --- */

static void
dimple_keyring_finalize (GObject *object)
{
  DimpleKeyring *self = DIMPLE_KEYRING (object);

  g_object_unref (self->storage);
  g_clear_pointer (&self->passphrase, dimple_age_identity_unref);
  g_ptr_array_unref (self->entries);
  g_hash_table_unref (self->refused);
  g_ptr_array_unref (self->leftovers);
  g_queue_clear (&self->waiting);
  g_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (dimple_keyring_parent_class)->finalize (object);
}

static void
dimple_keyring_class_init (DimpleKeyringClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = dimple_keyring_finalize;
}

static void
dimple_keyring_init (DimpleKeyring *self)
{
  g_mutex_init (&self->mutex);
  g_queue_init (&self->waiting);
  self->work_factor = DIMPLE_AGE_WORK_FACTOR;
  self->entries = g_ptr_array_new_with_free_func (dimple_keyring_entry_free);
  self->refused = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->leftovers = g_ptr_array_new_with_free_func (g_free);
}

DimpleKeyring *
dimple_keyring_new_for_passphrase (DimpleStorage *storage,
                                   const char    *passphrase)
{
  DimpleKeyring *self = g_object_new (DIMPLE_TYPE_KEYRING, NULL);

  self->storage = g_object_ref (storage);
  self->passphrase = dimple_age_identity_new_for_passphrase (passphrase);
  return self;
}

DimpleKeyring *
dimple_keyring_new_for_identity (DimpleStorage     *storage,
                                 DimpleAgeIdentity *identity)
{
  DimpleKeyring *self = g_object_new (DIMPLE_TYPE_KEYRING, NULL);
  g_autoptr (GPtrArray) identities = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_age_identity_unref);

  g_ptr_array_add (identities, dimple_age_identity_ref (identity));
  self->storage = g_object_ref (storage);
  self->is_given = TRUE;
  dimple_keyring_add_entry (self, dimple_keyring_entry_new (NULL, identities, NULL));
  return self;
}

void
dimple_keyring_set_work_factor (DimpleKeyring *self,
                                guint          work_factor)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  self->work_factor = work_factor;
}
