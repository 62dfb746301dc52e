/* notes-settings.c: where the notes are synced to
 *
 * A key file in the user's configuration, and for the secret key the keyring (the Secret Service).  Where there is no
 * keyring the secret key lives as long as the program: it is never written to a file.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "notes-settings.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <libsecret/secret.h>

#define GROUP "Sync"

enum
{
  PROP_TARGET = 1,
  PROP_FOLDER,
  PROP_SERVER,
  PROP_BUCKET,
  PROP_REGION,
  PROP_ACCESS_KEY,
  PROP_SECRET_KEY,
  N_PROPERTIES
};

struct _NotesSettings
{
  GObject      parent_instance;
  NotesTarget  target;
  char        *values[N_PROPERTIES];   /* of the properties that are strings; never NULL */
};

static GParamSpec *properties[N_PROPERTIES];

static const char * const targets[] = { "none", "folder", "bucket" };

G_DEFINE_FINAL_TYPE (NotesSettings, notes_settings, G_TYPE_OBJECT)

/* -- The file --------------------------------------------------------------------------------------------------------- */

static char *
dup_path (void)
{
  return g_build_filename (g_get_user_config_dir (), "dimple-notes", "sync.ini", NULL);
}

static gboolean
is_in_file (guint id)
{
  return id >= PROP_FOLDER && id != PROP_SECRET_KEY;
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
 * Writes all but the secret key.
 */
gboolean
notes_settings_save (NotesSettings  *self,
                     GError        **error)
{
  g_autoptr(GKeyFile) file = g_key_file_new ();
  g_autofree char *path = dup_path ();
  g_autofree char *folder = g_path_get_dirname (path);

  g_key_file_set_string (file, GROUP, "target", targets[self->target]);
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

/* -- The keyring ------------------------------------------------------------------------------------------------------ */

static const SecretSchema schema = {
  "org.dimple.Notes", SECRET_SCHEMA_NONE,
  {
    { "server", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { "access-key", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { NULL, 0 }
  }
};

static void
secret_loaded (GObject      *object,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  NotesSettings *self = g_task_get_source_object (task);
  GError *error = NULL;
  char *secret = secret_password_lookup_finish (result, &error);

  if (error != NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  if (secret != NULL)
    g_object_set (self, "secret-key", secret, NULL);
  g_clear_pointer (&secret, secret_password_free);
  g_task_return_boolean (task, TRUE);
}

void
notes_settings_load_secret_async (NotesSettings       *self,
                                  GCancellable        *cancellable,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, notes_settings_load_secret_async);
  secret_password_lookup (&schema, cancellable, secret_loaded, task,
                          "server", self->values[PROP_SERVER], "access-key", self->values[PROP_ACCESS_KEY], NULL);
}

gboolean
notes_settings_load_secret_finish (NotesSettings  *self,
                                   GAsyncResult   *result,
                                   GError        **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
secret_saved (GObject      *object,
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

void
notes_settings_save_secret_async (NotesSettings       *self,
                                  GCancellable        *cancellable,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  g_autofree char *label = g_strdup_printf (_("Notes: secret key of the bucket “%s”"), self->values[PROP_BUCKET]);

  g_task_set_source_tag (task, notes_settings_save_secret_async);
  secret_password_store (&schema, SECRET_COLLECTION_DEFAULT, label, self->values[PROP_SECRET_KEY], cancellable,
                         secret_saved, task, "server", self->values[PROP_SERVER],
                         "access-key", self->values[PROP_ACCESS_KEY], NULL);
}

gboolean
notes_settings_save_secret_finish (NotesSettings  *self,
                                   GAsyncResult   *result,
                                   GError        **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* -- The storage ------------------------------------------------------------------------------------------------------ */

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

/*
 * notes_settings_create_storage:
 *
 * Returns: (transfer full) (nullable): the storage of the settings; NULL if none is wanted, or something is missing
 */
DimpleStorage *
notes_settings_create_storage (NotesSettings *self)
{
  g_return_val_if_fail (NOTES_IS_SETTINGS (self), NULL);

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

/* -- The object ------------------------------------------------------------------------------------------------------- */

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
notes_settings_set_property (GObject      *object,
                             guint         id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  NotesSettings *self = NOTES_SETTINGS (object);
  const char *string;

  if (id == PROP_TARGET)
    {
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
  g_free (self->values[id]);
  self->values[id] = g_strstrip (g_strdup (string != NULL ? string : ""));
  g_object_notify_by_pspec (object, pspec);
}

static void
notes_settings_finalize (GObject *object)
{
  NotesSettings *self = NOTES_SETTINGS (object);

  for (guint i = 0; i < N_PROPERTIES; i++)
    g_free (self->values[i]);

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
