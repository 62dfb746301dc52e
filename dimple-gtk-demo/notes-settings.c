/* notes-settings.c: where the notes are synced to
 *
 * A key file in the user's configuration, and for the secret key and the passphrase the keyring (the Secret Service).
 * Where there is no keyring they live as long as the program: they are never written to a file.  The file says whether
 * there is a passphrase, so that nothing is synced in the clear while that is not known.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "notes-settings.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <libsecret/secret.h>

#define GROUP     "Sync"
#define ENCRYPTED "encrypted"

enum
{
  PROP_TARGET = 1,
  PROP_FOLDER,
  PROP_SERVER,
  PROP_BUCKET,
  PROP_REGION,
  PROP_ACCESS_KEY,
  PROP_SECRET_KEY,
  PROP_PASSPHRASE,
  N_PROPERTIES
};

struct _NotesSettings
{
  GObject      parent_instance;
  NotesTarget  target;
  gboolean     is_encrypted;
  char        *values[N_PROPERTIES];   /* of the properties that are strings; never NULL */
};

static GParamSpec *properties[N_PROPERTIES];

static const char * const targets[] = { "none", "folder", "bucket" };

G_DEFINE_FINAL_TYPE (NotesSettings, notes_settings, G_TYPE_OBJECT)

/* -- The file ------------------------------------------------------------------------------------------------------ */

static char *
dup_path (void)
{
  return g_build_filename (g_get_user_config_dir (), "dimple-notes", "sync.ini", NULL);
}

static gboolean
is_secret (guint id)
{
  return id == PROP_SECRET_KEY || id == PROP_PASSPHRASE;
}

static gboolean
is_in_file (guint id)
{
  return id >= PROP_FOLDER && !is_secret (id);
}

static void
load (NotesSettings *self)
{
  g_autoptr(GKeyFile) file = g_key_file_new ();
  g_autofree char *path = dup_path ();
  g_autofree char *target = NULL;
  g_autoptr(GError) error = NULL;

  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, &error))
    {
      if (!g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        g_warning ("%s: %s", path, error->message);
      return;
    }

  target = g_key_file_get_string (file, GROUP, "target", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (targets); i++)
    if (g_strcmp0 (target, targets[i]) == 0)
      self->target = i;
  self->is_encrypted = g_key_file_get_boolean (file, GROUP, ENCRYPTED, NULL);
  for (guint i = 1; i < N_PROPERTIES; i++)
    {
      g_autofree char *value = is_in_file (i) ? g_key_file_get_string (file, GROUP, properties[i]->name, NULL) : NULL;

      if (value != NULL)
        {
          g_free (self->values[i]);
          self->values[i] = g_steal_pointer (&value);
        }
    }
}

/*
 * notes_settings_save:
 *
 * Writes all but the secrets.
 */
gboolean
notes_settings_save (NotesSettings  *self,
                     GError        **error)
{
  g_autoptr(GKeyFile) file = g_key_file_new ();
  g_autofree char *path = dup_path ();
  g_autofree char *folder = g_path_get_dirname (path);

  g_key_file_set_string (file, GROUP, "target", targets[self->target]);
  g_key_file_set_boolean (file, GROUP, ENCRYPTED, self->is_encrypted);
  for (guint i = 1; i < N_PROPERTIES; i++)
    if (is_in_file (i))
      g_key_file_set_string (file, GROUP, properties[i]->name, self->values[i]);

  if (g_mkdir_with_parents (folder, 0700) != 0)
    {
      g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), _("The folder “%s” cannot be made."), folder);
      return FALSE;
    }
  return g_key_file_save_to_file (file, path, error);
}

/* -- The keyring --------------------------------------------------------------------------------------------------- */

static const SecretSchema secret_key_schema = {
  "org.dimple.Notes", SECRET_SCHEMA_NONE,
  {
    { "server", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { "access-key", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { NULL, 0 }
  }
};

static const SecretSchema passphrase_schema = {
  "org.dimple.Notes.Passphrase", SECRET_SCHEMA_NONE,
  {
    { "place", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { NULL, 0 }
  }
};

/* One for each folder, or bucket and folder in it */
static char *
dup_place (NotesSettings *self)
{
  if (self->target == NOTES_TARGET_FOLDER)
    return g_strdup (self->values[PROP_FOLDER]);
  return g_strstrip (g_strdup_printf ("%s %s", self->values[PROP_SERVER], self->values[PROP_BUCKET]));
}

/* FALSE, and the task is done, if the keyring did not answer */
static gboolean
take_secret (GTask        *task,
             GAsyncResult *result,
             const char   *property)
{
  GError *error = NULL;
  char *secret = secret_password_lookup_finish (result, &error);

  if (error != NULL)
    {
      g_task_return_error (task, error);
      return FALSE;
    }
  if (secret != NULL)
    g_object_set (g_task_get_source_object (task), property, secret, NULL);
  secret_password_free (secret);
  return TRUE;
}

static void
passphrase_loaded (GObject      *object,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;

  if (take_secret (task, result, "passphrase"))
    g_task_return_boolean (task, TRUE);
}

static void
load_passphrase (GTask *task)
{
  NotesSettings *self = g_task_get_source_object (task);
  g_autofree char *place = dup_place (self);

  if (self->is_encrypted)
    {
      secret_password_lookup (&passphrase_schema, g_task_get_cancellable (task), passphrase_loaded, g_object_ref (task),
                              "place", place, NULL);
      return;
    }
  g_task_return_boolean (task, TRUE);
}

static void
secret_key_loaded (GObject      *object,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;

  if (take_secret (task, result, "secret-key"))
    load_passphrase (task);
}

void
notes_settings_load_secrets_async (NotesSettings       *self,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, notes_settings_load_secrets_async);
  if (self->target == NOTES_TARGET_BUCKET)
    secret_password_lookup (&secret_key_schema, cancellable, secret_key_loaded, g_object_ref (task),
                            "server", self->values[PROP_SERVER], "access-key", self->values[PROP_ACCESS_KEY], NULL);
  else
    load_passphrase (task);
}

gboolean
notes_settings_load_secrets_finish (NotesSettings  *self,
                                    GAsyncResult   *result,
                                    GError        **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
passphrase_saved (GObject      *object,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;

  if (secret_password_store_finish (result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
passphrase_forgotten (GObject      *object,
                      GAsyncResult *result,
                      gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) error = NULL;

  /* Where there is no keyring there is nothing to forget. */
  if (!secret_password_clear_finish (result, &error) && error != NULL)
    g_debug ("The keyring: %s", error->message);
  g_task_return_boolean (task, TRUE);
}

static void
save_passphrase (GTask *task)
{
  NotesSettings *self = g_task_get_source_object (task);
  g_autofree char *place = dup_place (self);
  g_autofree char *label = g_strdup_printf (_("Notes: passphrase of “%s”"), place);

  if (self->is_encrypted)
    secret_password_store (&passphrase_schema, SECRET_COLLECTION_DEFAULT, label, self->values[PROP_PASSPHRASE],
                           g_task_get_cancellable (task), passphrase_saved, g_object_ref (task), "place", place, NULL);
  else
    secret_password_clear (&passphrase_schema, g_task_get_cancellable (task), passphrase_forgotten,
                           g_object_ref (task), "place", place, NULL);
}

static void
secret_key_saved (GObject      *object,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;

  if (secret_password_store_finish (result, &error))
    save_passphrase (task);
  else
    g_task_return_error (task, error);
}

void
notes_settings_save_secrets_async (NotesSettings       *self,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autofree char *label = g_strdup_printf (_("Notes: secret key of the bucket “%s”"), self->values[PROP_BUCKET]);

  g_task_set_source_tag (task, notes_settings_save_secrets_async);
  if (self->target == NOTES_TARGET_BUCKET)
    secret_password_store (&secret_key_schema, SECRET_COLLECTION_DEFAULT, label, self->values[PROP_SECRET_KEY],
                           cancellable, secret_key_saved, g_object_ref (task), "server", self->values[PROP_SERVER],
                           "access-key", self->values[PROP_ACCESS_KEY], NULL);
  else
    save_passphrase (task);
}

gboolean
notes_settings_save_secrets_finish (NotesSettings  *self,
                                    GAsyncResult   *result,
                                    GError        **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* -- The storage --------------------------------------------------------------------------------------------------- */

static const char *
get_or_null (NotesSettings *self,
             guint          id)
{
  return *self->values[id] != '\0' ? self->values[id] : NULL;
}

static DimpleStorage *
create_folder_storage (NotesSettings *self)
{
  const char *path = get_or_null (self, PROP_FOLDER);
  g_autoptr(GFile) folder = path != NULL ? g_file_parse_name (path) : NULL;

  return folder != NULL ? dimple_local_storage_new (folder) : NULL;
}

/* `name` or `name/folder/in/it` */
static DimpleStorage *
create_bucket_storage (NotesSettings *self)
{
  g_auto(GStrv) bucket = g_strsplit (self->values[PROP_BUCKET], "/", 2);
  DimpleStorage *storage;

  if (bucket[0] == NULL || *bucket[0] == '\0' ||
      get_or_null (self, PROP_ACCESS_KEY) == NULL || get_or_null (self, PROP_SECRET_KEY) == NULL)
    return NULL;

  storage = dimple_s3_storage_new (get_or_null (self, PROP_SERVER), get_or_null (self, PROP_REGION), bucket[0],
                                   self->values[PROP_ACCESS_KEY], self->values[PROP_SECRET_KEY]);
  if (bucket[1] != NULL && *bucket[1] != '\0')
    {
      g_autofree char *prefix = g_strconcat (bucket[1], g_str_has_suffix (bucket[1], "/") ? NULL : "/", NULL);

      g_object_set (storage, "prefix", prefix, NULL);
    }
  return storage;
}

NotesTarget
notes_settings_get_target (NotesSettings *self)
{
  g_return_val_if_fail (NOTES_IS_SETTINGS (self), NOTES_TARGET_NONE);

  return self->target;
}

static DimpleStorage *
create_clear_storage (NotesSettings *self)
{
  switch (self->target)
    {
    case NOTES_TARGET_FOLDER:
      return create_folder_storage (self);
    case NOTES_TARGET_BUCKET:
      return create_bucket_storage (self);
    case NOTES_TARGET_NONE:
    default:
      return NULL;
    }
}

/*
 * notes_settings_needs_passphrase:
 *
 * Returns: whether the passphrase, which is not in the file, is not in the keyring either
 */
gboolean
notes_settings_needs_passphrase (NotesSettings *self)
{
  g_return_val_if_fail (NOTES_IS_SETTINGS (self), FALSE);

  return self->is_encrypted && get_or_null (self, PROP_PASSPHRASE) == NULL;
}

/*
 * notes_settings_create_storage:
 *
 * Returns: (transfer full) (nullable): the storage of the settings; NULL if none is wanted, or something is missing
 */
DimpleStorage *
notes_settings_create_storage (NotesSettings *self)
{
  g_autoptr(DimpleStorage) storage = NULL;

  g_return_val_if_fail (NOTES_IS_SETTINGS (self), NULL);

  if (notes_settings_needs_passphrase (self))
    return NULL;
  storage = create_clear_storage (self);
  if (storage == NULL || !self->is_encrypted)
    return g_steal_pointer (&storage);
  return dimple_encrypted_storage_new (storage, self->values[PROP_PASSPHRASE]);
}

/* -- The object ---------------------------------------------------------------------------------------------------- */

NotesSettings *
notes_settings_new (void)
{
  return g_object_new (NOTES_TYPE_SETTINGS, NULL);
}

static void
notes_settings_get_property (GObject    *object,
                             guint       id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  NotesSettings *self = NOTES_SETTINGS (object);

  if (id == PROP_TARGET)
    g_value_set_uint (value, self->target);
  else if (id < N_PROPERTIES)
    g_value_set_string (value, self->values[id]);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
free_value (NotesSettings *self,
            guint          id)
{
  if (is_secret (id))
    secret_password_free (g_steal_pointer (&self->values[id]));
  else
    g_clear_pointer (&self->values[id], g_free);
}

/* What is not known any more was for the place before. */
static void
forget_lost_passphrase (NotesSettings *self,
                        guint          changed)
{
  if (changed != PROP_REGION && changed != PROP_ACCESS_KEY && changed != PROP_SECRET_KEY &&
      *self->values[PROP_PASSPHRASE] == '\0')
    self->is_encrypted = FALSE;
}

static void
set_value (NotesSettings *self,
           guint          id,
           const char    *string)
{
  char *copy = g_strdup (string != NULL ? string : "");

  forget_lost_passphrase (self, id);
  free_value (self, id);
  /* A space may be meant in a passphrase; anywhere else it came along when something was copied. */
  self->values[id] = id == PROP_PASSPHRASE ? copy : g_strstrip (copy);
  if (id == PROP_PASSPHRASE)
    self->is_encrypted = *copy != '\0';
}

static void
notes_settings_set_property (GObject      *object,
                             guint         id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  NotesSettings *self = NOTES_SETTINGS (object);
  const char *string;

  if (id == PROP_TARGET)
    {
      if (self->target != g_value_get_uint (value))
        forget_lost_passphrase (self, id);
      self->target = g_value_get_uint (value);
      g_object_notify_by_pspec (object, pspec);
      return;
    }
  if (id >= N_PROPERTIES)
    {
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      return;
    }
  string = g_value_get_string (value);
  if (g_strcmp0 (self->values[id], string) == 0)
    return;
  set_value (self, id, string);
  g_object_notify_by_pspec (object, pspec);
}

static void
notes_settings_finalize (GObject *object)
{
  NotesSettings *self = NOTES_SETTINGS (object);

  for (guint i = 0; i < N_PROPERTIES; i++)
    free_value (self, i);

  G_OBJECT_CLASS (notes_settings_parent_class)->finalize (object);
}

static void
notes_settings_class_init (NotesSettingsClass *klass)
{
  static const char * const names[N_PROPERTIES] = {
    [PROP_FOLDER] = "folder",
    [PROP_SERVER] = "server",
    [PROP_BUCKET] = "bucket",
    [PROP_REGION] = "region",
    [PROP_ACCESS_KEY] = "access-key",
    [PROP_SECRET_KEY] = "secret-key",
    [PROP_PASSPHRASE] = "passphrase",
  };
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = notes_settings_get_property;
  object_class->set_property = notes_settings_set_property;
  object_class->finalize = notes_settings_finalize;

  properties[PROP_TARGET] = g_param_spec_uint ("target", NULL, NULL, 0, NOTES_TARGET_BUCKET, NOTES_TARGET_NONE, flags);
  for (guint i = PROP_FOLDER; i < N_PROPERTIES; i++)
    properties[i] = g_param_spec_string (names[i], NULL, NULL, "", flags);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
notes_settings_init (NotesSettings *self)
{
  for (guint i = PROP_FOLDER; i < N_PROPERTIES; i++)
    self->values[i] = g_strdup ("");
  load (self);
}
