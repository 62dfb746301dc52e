/* dimple-encrypted-storage.c: seals what another storage keeps
 *
 * An object `key` is kept as `key.age`, an age file (age-encryption.org/v1) for the X25519 identity of the repository,
 * which itself is kept in identities/{id}.age, sealed by the passphrase (see dimple-keyring-private.h).
 *
 * Markers, dimple/{repository}.json, stay in the clear: they say no more than {"format":1,"encryption":"age"}, and a
 * device without the passphrase has to be able to read that.  They are public and not authentic.
 *
 * What this layer does: whoever has the storage but not the passphrase can neither read an object, nor change, cut
 * short or extend one unnoticed.
 *
 * What it does not: it hides no names, sizes or times, and an object is sealed without its name.  Whoever has the
 * storage can remove objects, bring back old ones, and give one for another.  Whoever knows the repository's public key
 * (only those who can open its identity do) can make new ones.  That a pack is the one that its name says is checked by
 * who reads it: its author and range are inside.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-encrypted-state-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-age-private.h"
#include "dimple-blocking-call-private.h"
#include "dimple-crypto-pool-private.h"
#include "dimple-encrypted-names-private.h"
#include "dimple-error.h"

/**
 * DimpleEncryptedStorage:
 *
 * A storage that seals what another one keeps.
 *
 * Every object is an [age](https://age-encryption.org/v1) file, which the `age` command can open too.  Objects are
 * sealed for an identity of the repository, and that is sealed by the passphrase: so changing the passphrase changes
 * one small object, and the slow part of checking a passphrase, most of a second on a thread of its own, is done once.
 * The first device makes the identity when it first stores something.
 *
 * ```c
 * g_autoptr (DimpleStorage) folder = dimple_local_storage_new (file);
 * g_autoptr (DimpleStorage) storage = dimple_encrypted_storage_new (folder, passphrase);
 * ```
 *
 * The name of an object may have 1020 bytes, because `.age` is put behind it; `identities/` is kept for the identities;
 * and an object `dimple/{name}.json` stays in the clear, because it tells a device without the passphrase what this is.
 *
 * A passphrase that is lost cannot be recovered, and neither can what it sealed.  Contents are protected; the names,
 * sizes and times of objects are visible to whoever can read the other storage.
 *
 * Besides the errors of every [iface@Dimple.Storage] there are:
 *
 * - %DIMPLE_ERROR_PASSPHRASE: the passphrase or identity is not that of the repository; nothing has been written
 * - %DIMPLE_ERROR_ENCRYPTION: something in the repository is not encrypted
 * - %DIMPLE_ERROR_BAD_PACK: an object is damaged, or has been changed by somebody who has not got the identity
 *
 * It can be used from any thread.
 */
enum
{
  PROP_0,
  PROP_STORAGE,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static void storage_iface_init      (DimpleStorageInterface     *iface);
static void task_storage_iface_init (DimpleTaskStorageInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (DimpleEncryptedStorage, dimple_encrypted_storage, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_STORAGE, storage_iface_init)
                               G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_TASK_STORAGE, task_storage_iface_init))

/* Takes the task */
void
dimple_encrypted_storage_answer_error (GTask  *task,
                                       GError *error)
{
  dimple_task_storage_answer_error (task, error);
  g_object_unref (task);
}

/* --- Put --- */

static void
on_put (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (dimple_storage_put_finish (DIMPLE_STORAGE (source), result, &error))
    dimple_task_storage_answer_done (task);
  else
    dimple_task_storage_answer_error (task, error);
}

/* Takes the task */
static void
put_contents (GTask  *task,
              GBytes *contents)
{
  DimpleEncryptedStorage *self = g_task_get_source_object (task);
  g_autofree char *name = dimple_encrypted_name_seal (dimple_task_storage_request (task)->key);

  dimple_storage_put_async (self->storage, name, contents, g_task_get_cancellable (task), on_put, task);
}

static void
seal_contents (GTask        *job,
               gpointer      source,
               gpointer      task_data,
               GCancellable *cancellable)
{
  DimpleEncryptedStorage *self = source;
  GError *error = NULL;
  GBytes *sealed = dimple_keyring_seal (self->keyring, task_data, &error);

  if (sealed != NULL)
    g_task_return_pointer (job, sealed, (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_error (job, error);
}

static void
on_sealed (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  GTask *task = user_data;
  GError *error = NULL;
  g_autoptr (GBytes) sealed = g_task_propagate_pointer (G_TASK (result), &error);

  if (sealed != NULL)
    put_contents (task, sealed);
  else
    dimple_encrypted_storage_answer_error (task, error);
}

static void
on_loaded_for_put (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  GTask *task = user_data;
  DimpleEncryptedStorage *self = g_task_get_source_object (task);
  DimpleTaskRequest *request = dimple_task_storage_request (task);
  GError *error = NULL;
  g_autoptr (GTask) job = NULL;

  if (!dimple_keyring_load_finish (DIMPLE_KEYRING (source), result, &error))
    {
      dimple_encrypted_storage_answer_error (task, error);
      return;
    }
  if (dimple_encrypted_name_classify (request->key) == DIMPLE_NAME_MARKER)
    {
      put_contents (task, request->contents);
      return;
    }

  job = g_task_new (self, g_task_get_cancellable (task), on_sealed, task);
  g_task_set_source_tag (job, on_loaded_for_put);
  g_task_set_task_data (job, g_bytes_ref (request->contents), (GDestroyNotify) g_bytes_unref);
  dimple_crypto_pool_run (job, seal_contents);
}

/* A marker too is put only where the passphrase is right, and after the identity */
static void
put (DimpleEncryptedStorage *self,
     GTask                  *task)
{
  dimple_keyring_load_async (self->keyring, DIMPLE_KEYRING_CREATE, g_task_get_cancellable (task),
                             on_loaded_for_put, g_object_ref (task));
}

/* --- Remove --- */

static void
on_removed (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (dimple_storage_remove_finish (DIMPLE_STORAGE (source), result, &error))
    dimple_task_storage_answer_done (task);
  else
    dimple_task_storage_answer_error (task, error);
}

static void
on_loaded_for_remove (GObject      *source,
                      GAsyncResult *result,
                      gpointer      user_data)
{
  GTask *task = user_data;
  DimpleEncryptedStorage *self = g_task_get_source_object (task);
  DimpleTaskRequest *request = dimple_task_storage_request (task);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) names = NULL;
  GError *error = NULL;

  if (!dimple_keyring_load_finish (DIMPLE_KEYRING (source), result, &error))
    {
      dimple_encrypted_storage_answer_error (task, error);
      return;
    }

  for (gsize i = 0; request->keys[i] != NULL; i++)
    {
      g_autofree char *name = dimple_encrypted_name_seal (request->keys[i]);

      g_strv_builder_add (builder, name);
    }
  names = g_strv_builder_end (builder);
  dimple_storage_remove_async (self->storage, (const char * const *) names, g_task_get_cancellable (task),
                               on_removed, task);
}

static void
remove_objects (DimpleEncryptedStorage *self,
                GTask                  *task)
{
  dimple_keyring_load_async (self->keyring, DIMPLE_KEYRING_LOAD, g_task_get_cancellable (task),
                             on_loaded_for_remove, g_object_ref (task));
}

/* --- The interfaces --- */

static const char *
find_reserved (char **keys)
{
  for (gsize i = 0; keys[i] != NULL; i++)
    if (dimple_encrypted_name_classify (keys[i]) == DIMPLE_NAME_RESERVED)
      return keys[i];

  return NULL;
}

static void
dimple_encrypted_storage_run (DimpleTaskStorage *storage,
                              GTask             *task)
{
  DimpleEncryptedStorage *self = DIMPLE_ENCRYPTED_STORAGE (storage);
  DimpleTaskRequest *request = dimple_task_storage_request (task);
  const char *reserved = find_reserved (request->keys);

  if (self->keyring == NULL)
    {
      dimple_task_storage_answer_error (task, g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE,
                                                           "A %s has to be made by one of its constructors, which take "
                                                           "a passphrase or an identity.", G_OBJECT_TYPE_NAME (self)));
      return;
    }
  if (reserved != NULL)
    {
      dimple_task_storage_answer_error (task, g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
                                                           _("“%s” cannot be the name of an object here: the "
                                                             "identities of the repository are kept there."),
                                                           reserved));
      return;
    }

  switch (request->operation)
    {
    case DIMPLE_STORAGE_LIST:
      dimple_encrypted_storage_list (self, task);
      break;

    case DIMPLE_STORAGE_PUT:
      put (self, task);
      break;

    case DIMPLE_STORAGE_GET:
      dimple_encrypted_storage_open_object (self, task);
      break;

    case DIMPLE_STORAGE_REMOVE:
      remove_objects (self, task);
      break;

    default:
      g_assert_not_reached ();
    }
}

static char *
dimple_encrypted_storage_dup_description (DimpleStorage *storage)
{
  DimpleEncryptedStorage *self = DIMPLE_ENCRYPTED_STORAGE (storage);
  g_autofree char *description = dimple_storage_dup_description (self->storage);

  return g_strdup_printf (_("%s, encrypted"), description);
}

static void
storage_iface_init (DimpleStorageInterface *iface)
{
  dimple_task_storage_init_iface (iface);
  iface->dup_description = dimple_encrypted_storage_dup_description;
}

static void
task_storage_iface_init (DimpleTaskStorageInterface *iface)
{
  iface->run = dimple_encrypted_storage_run;
}

static void
dimple_encrypted_storage_get_property (GObject    *object,
                                       guint       property_id,
                                       GValue     *value,
                                       GParamSpec *pspec)
{
  DimpleEncryptedStorage *self = DIMPLE_ENCRYPTED_STORAGE (object);

  switch (property_id)
    {
    case PROP_STORAGE:
      g_value_set_object (value, self->storage);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
dimple_encrypted_storage_set_property (GObject      *object,
                                       guint         property_id,
                                       const GValue *value,
                                       GParamSpec   *pspec)
{
  DimpleEncryptedStorage *self = DIMPLE_ENCRYPTED_STORAGE (object);

  switch (property_id)
    {
    case PROP_STORAGE:
      self->storage = g_value_dup_object (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
dimple_encrypted_storage_finalize (GObject *object)
{
  DimpleEncryptedStorage *self = DIMPLE_ENCRYPTED_STORAGE (object);

  g_clear_object (&self->keyring);
  g_clear_object (&self->storage);

  G_OBJECT_CLASS (dimple_encrypted_storage_parent_class)->finalize (object);
}

static void
dimple_encrypted_storage_class_init (DimpleEncryptedStorageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = dimple_encrypted_storage_get_property;
  object_class->set_property = dimple_encrypted_storage_set_property;
  object_class->finalize = dimple_encrypted_storage_finalize;

  /**
   * DimpleEncryptedStorage:storage:
   *
   * The storage that keeps the sealed objects.
   */
  properties[PROP_STORAGE] =
    g_param_spec_object ("storage", NULL, NULL, DIMPLE_TYPE_STORAGE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
dimple_encrypted_storage_init (DimpleEncryptedStorage *self)
{
}

/**
 * dimple_encrypted_storage_new:
 * @storage: where the sealed objects are kept
 * @passphrase: the passphrase of the repository, or of the one that begins here
 *
 * Makes a storage that seals what @storage keeps.
 *
 * Nothing is read or written yet: whether the passphrase is right shows with the first object, or with
 * [method@Dimple.Storage.check].  @passphrase is copied into memory that is wiped when it is freed; what becomes of the
 * caller's own copy is up to the caller.
 *
 * Returns: (transfer full) (type DimpleEncryptedStorage): the storage
 */
DimpleStorage *
dimple_encrypted_storage_new (DimpleStorage *storage,
                              const char    *passphrase)
{
  DimpleEncryptedStorage *self;

  g_return_val_if_fail (DIMPLE_IS_STORAGE (storage), NULL);
  g_return_val_if_fail (passphrase != NULL, NULL);

  self = g_object_new (DIMPLE_TYPE_ENCRYPTED_STORAGE, "storage", storage, NULL);
  self->keyring = dimple_keyring_new_for_passphrase (storage, passphrase);
  return DIMPLE_STORAGE (self);
}

/**
 * dimple_encrypted_storage_new_for_identity:
 * @storage: where the sealed objects are kept
 * @identity: `AGE-SECRET-KEY-1…`, as `age-keygen` makes them and `age -d` prints those of a repository
 * @error: where to put an error
 *
 * Makes a storage that seals what @storage keeps for an identity of the app's, without a passphrase.
 *
 * Returns: (transfer full) (type DimpleEncryptedStorage): the storage; %NULL with %DIMPLE_ERROR_PASSPHRASE for a text
 * that is
 *   no identity
 */
DimpleStorage *
dimple_encrypted_storage_new_for_identity (DimpleStorage  *storage,
                                           const char     *identity,
                                           GError        **error)
{
  g_autoptr (DimpleAgeIdentity) parsed = NULL;
  DimpleEncryptedStorage *self;

  g_return_val_if_fail (DIMPLE_IS_STORAGE (storage), NULL);
  g_return_val_if_fail (identity != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  parsed = dimple_age_identity_new_for_text (identity, strlen (identity), error);
  if (parsed == NULL)
    return NULL;

  self = g_object_new (DIMPLE_TYPE_ENCRYPTED_STORAGE, "storage", storage, NULL);
  self->keyring = dimple_keyring_new_for_identity (storage, parsed);
  return DIMPLE_STORAGE (self);
}

void
dimple_encrypted_storage_set_work_factor (DimpleEncryptedStorage *self,
                                          guint                   work_factor)
{
  dimple_keyring_set_work_factor (self->keyring, work_factor);
}

gboolean
dimple_encrypted_storage_lacks_identity (DimpleEncryptedStorage *self)
{
  return self->keyring != NULL && dimple_keyring_lacks_identity (self->keyring);
}

gboolean
dimple_encrypted_storage_knows_passphrase (DimpleEncryptedStorage *self)
{
  return self->keyring != NULL && dimple_keyring_knows_passphrase (self->keyring);
}

/* --- Changing the passphrase --- */

static void
on_passphrase_changed (GObject      *source,
                       GAsyncResult *result,
                       gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (dimple_keyring_change_passphrase_finish (DIMPLE_KEYRING (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/**
 * dimple_encrypted_storage_change_passphrase_async:
 * @self: an encrypted storage
 * @passphrase: the new passphrase
 * @cancellable: (nullable): cancels the call
 * @callback: (scope async) (closure user_data): called with the result
 * @user_data: for @callback
 *
 * Changes the passphrase of the repository.
 *
 * See dimple_encrypted_storage_change_passphrase() for the blocking form.
 */
void
dimple_encrypted_storage_change_passphrase_async (DimpleEncryptedStorage *self,
                                                  const char             *passphrase,
                                                  GCancellable           *cancellable,
                                                  GAsyncReadyCallback     callback,
                                                  gpointer                user_data)
{
  GTask *task;

  g_return_if_fail (DIMPLE_IS_ENCRYPTED_STORAGE (self));
  g_return_if_fail (passphrase != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  g_return_if_fail (self->keyring != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, dimple_encrypted_storage_change_passphrase_async);
  g_task_set_check_cancellable (task, FALSE);
  dimple_keyring_change_passphrase_async (self->keyring, passphrase, cancellable, on_passphrase_changed, task);
}

/**
 * dimple_encrypted_storage_change_passphrase_finish:
 * @self: an encrypted storage
 * @result: what the callback was given
 * @error: where to put an error
 *
 * Ends dimple_encrypted_storage_change_passphrase_async().
 *
 * Returns: whether the passphrase has been changed; %FALSE with an error
 */
gboolean
dimple_encrypted_storage_change_passphrase_finish (DimpleEncryptedStorage  *self,
                                                   GAsyncResult            *result,
                                                   GError                 **error)
{
  g_return_val_if_fail (DIMPLE_IS_ENCRYPTED_STORAGE (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * dimple_encrypted_storage_change_passphrase:
 * @self: an encrypted storage
 * @passphrase: the new passphrase
 * @cancellable: (nullable): cancels the call
 * @error: where to put an error
 *
 * Changes the passphrase of the repository; blocks.
 *
 * Only the repository's identity is sealed anew, which is one small object.  Devices that have the old passphrase get
 * %DIMPLE_ERROR_PASSPHRASE when they next start.  The identity stays the same: somebody who knows the old passphrase
 * and has kept a copy of the old object can still open what is sealed later.
 *
 * If the call fails, the old passphrase is valid, and the new one may be valid too: call it again.
 *
 * A storage that was made for an identity gives the repository a passphrase for that identity, and takes no other one
 * away.
 *
 * Returns: whether the passphrase has been changed; %FALSE with an error
 */
gboolean
dimple_encrypted_storage_change_passphrase (DimpleEncryptedStorage  *self,
                                            const char              *passphrase,
                                            GCancellable            *cancellable,
                                            GError                 **error)
{
  g_auto (DimpleBlockingCall) call = { NULL };

  g_return_val_if_fail (DIMPLE_IS_ENCRYPTED_STORAGE (self), FALSE);
  g_return_val_if_fail (passphrase != NULL, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  dimple_blocking_call_begin (&call);
  dimple_encrypted_storage_change_passphrase_async (self, passphrase, cancellable, dimple_blocking_call_ready, &call);
  return dimple_encrypted_storage_change_passphrase_finish (self, dimple_blocking_call_wait (&call), error);
}
