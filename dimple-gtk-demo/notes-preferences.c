/* notes-preferences.c: where the notes are synced to, to be chosen
 *
 * What is typed takes effect when it is applied (Enter, or the mark in the row), before a test or a sync, and when the
 * window is closed: never half a path.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "notes-preferences.h"

#include <glib/gi18n.h>

struct _NotesPreferences
{
  AdwPreferencesWindow  parent_instance;

  NotesSettings        *settings;
  DimpleSyncClient     *sync_client;

  AdwComboRow          *target_row;
  GtkWidget            *folder_group;
  GtkWidget            *bucket_group;
  GtkWidget            *passphrase_group;
  GtkWidget            *sync_group;
  GtkEditable          *folder_row;
  GtkEditable          *server_row;
  GtkEditable          *bucket_row;
  GtkEditable          *region_row;
  GtkEditable          *access_key_row;
  GtkEditable          *secret_key_row;
  GtkEditable          *passphrase_row;
  GtkLabel             *keyring_label;
  AdwActionRow         *test_row;
  GtkWidget            *test_button;
};

enum
{
  PROP_SYNC_CLIENT = 1,
  N_PROPERTIES
};

enum
{
  SIGNAL_APPLIED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (NotesPreferences, notes_preferences, ADW_TYPE_PREFERENCES_WINDOW)

/* -- The rows and the settings ------------------------------------------------------------------------------------- */

typedef struct
{
  const char *property;
  goffset     row;
} Field;

static const Field fields[] = {
  { "folder", G_STRUCT_OFFSET (NotesPreferences, folder_row) },
  { "server", G_STRUCT_OFFSET (NotesPreferences, server_row) },
  { "bucket", G_STRUCT_OFFSET (NotesPreferences, bucket_row) },
  { "region", G_STRUCT_OFFSET (NotesPreferences, region_row) },
  { "access-key", G_STRUCT_OFFSET (NotesPreferences, access_key_row) },
  { "secret-key", G_STRUCT_OFFSET (NotesPreferences, secret_key_row) },
  { "passphrase", G_STRUCT_OFFSET (NotesPreferences, passphrase_row) },
};

#define FIELD_ROW(self, field) (G_STRUCT_MEMBER (GtkEditable *, self, (field)->row))

static void
target_changed (NotesPreferences *self)
{
  NotesTarget target = adw_combo_row_get_selected (self->target_row);

  gtk_widget_set_visible (self->folder_group, target == NOTES_TARGET_FOLDER);
  gtk_widget_set_visible (self->bucket_group, target == NOTES_TARGET_BUCKET);
  gtk_widget_set_visible (self->passphrase_group, target != NOTES_TARGET_NONE);
  gtk_widget_set_visible (self->sync_group, target != NOTES_TARGET_NONE);
  adw_action_row_set_subtitle (self->test_row, "");
}

static void
show_settings (NotesPreferences *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      g_autofree char *value = NULL;

      g_object_get (self->settings, fields[i].property, &value, NULL);
      gtk_editable_set_text (FIELD_ROW (self, &fields[i]), value);
    }
  adw_combo_row_set_selected (self->target_row, notes_settings_get_target (self->settings));
  target_changed (self);
}

static void
secrets_saved (GObject      *object,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr(NotesPreferences) self = user_data;
  g_autoptr(GError) error = NULL;
  gboolean saved = notes_settings_save_secrets_finish (NOTES_SETTINGS (object), result, &error);

  if (!saved)
    g_debug ("The keyring: %s", error->message);
  gtk_widget_set_visible (GTK_WIDGET (self->keyring_label), !saved);
}

static gboolean
take_rows (NotesPreferences *self)
{
  guint target = adw_combo_row_get_selected (self->target_row);
  gboolean changed = target != notes_settings_get_target (self->settings);

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      const char *text = gtk_editable_get_text (FIELD_ROW (self, &fields[i]));
      g_autofree char *value = NULL;

      g_object_get (self->settings, fields[i].property, &value, NULL);
      if (g_str_equal (text, value))
        continue;
      g_object_set (self->settings, fields[i].property, text, NULL);
      changed = TRUE;
    }
  g_object_set (self->settings, "target", target, NULL);
  return changed;
}

static void
apply (NotesPreferences *self)
{
  g_autoptr(GError) error = NULL;

  if (!take_rows (self))
    return;
  if (!notes_settings_save (self->settings, &error))
    adw_preferences_window_add_toast (ADW_PREFERENCES_WINDOW (self), adw_toast_new (error->message));
  if (notes_settings_get_target (self->settings) != NOTES_TARGET_NONE)
    notes_settings_save_secrets_async (self->settings, NULL, secrets_saved, g_object_ref (self));
  g_signal_emit (self, signals[SIGNAL_APPLIED], 0);
}

/* -- The folder ---------------------------------------------------------------------------------------------------- */

static void
folder_answered (NotesPreferences     *self,
                 int                   response,
                 GtkFileChooserNative *chooser)
{
  g_autoptr(GFile) folder = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (chooser));
  g_autofree char *name = folder != NULL ? g_file_get_parse_name (folder) : NULL;

  if (response == GTK_RESPONSE_ACCEPT && name != NULL)
    {
      gtk_editable_set_text (self->folder_row, name);
      apply (self);
    }
  g_object_unref (chooser);
}

static void
choose_folder (NotesPreferences *self)
{
  GtkFileChooserNative *chooser =
    gtk_file_chooser_native_new (_("Folder to Sync With"), GTK_WINDOW (self), GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER,
                                 _("_Choose"), NULL);

  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect_object (chooser, "response", G_CALLBACK (folder_answered), self, G_CONNECT_SWAPPED);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

/* -- The test ------------------------------------------------------------------------------------------------------ */

static const char *
get_advice (NotesPreferences *self)
{
  if (notes_settings_needs_passphrase (self->settings))
    return _("Enter the passphrase first.");
  if (notes_settings_get_target (self->settings) == NOTES_TARGET_FOLDER)
    return _("Choose a folder first.");
  return _("Fill in the bucket, the access key and the secret key first.");
}

static void
tested (GObject      *object,
        GAsyncResult *result,
        gpointer      user_data)
{
  g_autoptr(NotesPreferences) self = user_data;
  g_autofree char *description = dimple_storage_dup_description (DIMPLE_STORAGE (object));
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;

  if (dimple_storage_check_finish (DIMPLE_STORAGE (object), result, &error))
    /* Translators: %s is a folder, or a bucket and its server */
    text = g_strdup_printf (_("%s can be read and written."), description);
  adw_action_row_set_subtitle (self->test_row, text != NULL ? text : error->message);
  gtk_widget_set_sensitive (self->test_button, TRUE);
}

static void
test_connection (NotesPreferences *self)
{
  g_autoptr(DimpleStorage) storage = NULL;

  apply (self);
  storage = notes_settings_create_storage (self->settings);
  if (storage == NULL)
    {
      adw_action_row_set_subtitle (self->test_row, get_advice (self));
      return;
    }
  adw_action_row_set_subtitle (self->test_row, _("Testing…"));
  gtk_widget_set_sensitive (self->test_button, FALSE);
  dimple_storage_check_async (storage, NULL, tested, g_object_ref (self));
}

static void
sync_now (NotesPreferences *self)
{
  apply (self);
  g_action_group_activate_action (G_ACTION_GROUP (g_application_get_default ()), "sync", NULL);
}

static gboolean
notes_preferences_close_request (GtkWindow *window)
{
  apply (NOTES_PREFERENCES (window));
  return GTK_WINDOW_CLASS (notes_preferences_parent_class)->close_request (window);
}

/* -- The object ---------------------------------------------------------------------------------------------------- */

NotesPreferences *
notes_preferences_new (GtkWindow        *parent,
                       NotesSettings    *settings,
                       DimpleSyncClient *sync_client)
{
  NotesPreferences *self =
    g_object_new (NOTES_TYPE_PREFERENCES, "transient-for", parent, "sync-client", sync_client, NULL);

  self->settings = g_object_ref (settings);
  show_settings (self);
  return self;
}

static void
notes_preferences_get_property (GObject    *object,
                                guint       id,
                                GValue     *value,
                                GParamSpec *pspec)
{
  if (id == PROP_SYNC_CLIENT)
    g_value_set_object (value, NOTES_PREFERENCES (object)->sync_client);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
notes_preferences_set_property (GObject      *object,
                                guint         id,
                                const GValue *value,
                                GParamSpec   *pspec)
{
  if (id == PROP_SYNC_CLIENT)
    NOTES_PREFERENCES (object)->sync_client = g_value_dup_object (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
notes_preferences_dispose (GObject *object)
{
  NotesPreferences *self = NOTES_PREFERENCES (object);

  g_clear_object (&self->sync_client);
  g_clear_object (&self->settings);

  G_OBJECT_CLASS (notes_preferences_parent_class)->dispose (object);
}

static void
notes_preferences_class_init (NotesPreferencesClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->get_property = notes_preferences_get_property;
  object_class->set_property = notes_preferences_set_property;
  object_class->dispose = notes_preferences_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = notes_preferences_close_request;

  properties[PROP_SYNC_CLIENT] =
    g_param_spec_object ("sync-client", NULL, NULL, DIMPLE_TYPE_SYNC_CLIENT,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  /* The settings are other ones now. */
  signals[SIGNAL_APPLIED] =
    g_signal_new ("applied", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/dimple/Notes/ui/notes-preferences.ui");
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, target_row);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, folder_group);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, bucket_group);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, passphrase_group);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, sync_group);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, folder_row);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, server_row);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, bucket_row);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, region_row);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, access_key_row);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, secret_key_row);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, passphrase_row);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, keyring_label);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, test_row);
  gtk_widget_class_bind_template_child (widget_class, NotesPreferences, test_button);
  gtk_widget_class_bind_template_callback (widget_class, apply);
  gtk_widget_class_bind_template_callback (widget_class, target_changed);
  gtk_widget_class_bind_template_callback (widget_class, choose_folder);
  gtk_widget_class_bind_template_callback (widget_class, test_connection);
  gtk_widget_class_bind_template_callback (widget_class, sync_now);
}

static void
notes_preferences_init (NotesPreferences *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
