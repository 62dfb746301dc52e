/* notes-application.c: what lives as long as the program: the store, the sync, the settings
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "notes-application.h"

#include <dimple.h>
#include <glib/gi18n.h>

#include "notes-preferences.h"
#include "notes-settings.h"
#include "notes-store.h"
#include "notes-window.h"

struct _NotesApplication
{
  AdwApplication    parent_instance;

  DimpleStore      *store;          /* (nullable) it could not be opened */
  DimpleSyncClient *sync_client;
  DimpleStorage    *storage;        /* (nullable) that it syncs with */
  NotesSettings    *settings;
};

G_DEFINE_FINAL_TYPE (NotesApplication, notes_application, ADW_TYPE_APPLICATION)

/* -- Sync ---------------------------------------------------------------------------------------------------------- */

static void
use_settings (NotesApplication *self)
{
  if (self->storage != NULL)
    dimple_sync_client_remove_storage (self->sync_client, self->storage);
  g_clear_object (&self->storage);
  self->storage = notes_settings_create_storage (self->settings);
  if (self->storage != NULL)
    dimple_sync_client_add_storage (self->sync_client, self->storage);
  g_simple_action_set_enabled (G_SIMPLE_ACTION (g_action_map_lookup_action (G_ACTION_MAP (self), "sync")),
                               self->storage != NULL);
}

static void
secrets_loaded (GObject      *object,
                GAsyncResult *result,
                gpointer      user_data)
{
  g_autoptr(NotesApplication) self = user_data;
  g_autoptr(GError) error = NULL;

  if (!notes_settings_load_secrets_finish (NOTES_SETTINGS (object), result, &error))
    g_message ("The secrets have to be entered again in the preferences: %s", error->message);
  use_settings (self);
}

static void
load_settings (NotesApplication *self)
{
  self->settings = notes_settings_new ();
  use_settings (self);
  if (notes_settings_get_target (self->settings) == NOTES_TARGET_BUCKET ||
      notes_settings_needs_passphrase (self->settings))
    notes_settings_load_secrets_async (self->settings, NULL, secrets_loaded, g_object_ref (self));
}

static void
sync_activated (GSimpleAction *action,
                GVariant      *parameter,
                gpointer       user_data)
{
  NotesApplication *self = user_data;

  /* How it went is what the client's status says. */
  dimple_sync_client_sync_async (self->sync_client, NULL, NULL, NULL);
}

/* -- Windows ------------------------------------------------------------------------------------------------------- */

static void
preferences_activated (GSimpleAction *action,
                       GVariant      *parameter,
                       gpointer       user_data)
{
  NotesApplication *self = user_data;
  GtkWindow *parent = gtk_application_get_active_window (GTK_APPLICATION (self));
  NotesPreferences *preferences = notes_preferences_new (parent, self->settings, self->sync_client);

  g_signal_connect_object (preferences, "applied", G_CALLBACK (use_settings), self, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (preferences));
}

static void
about_activated (GSimpleAction *action,
                 GVariant      *parameter,
                 gpointer       user_data)
{
  adw_show_about_window (gtk_application_get_active_window (user_data),
                         "application-name", _("Notes"),
                         "application-icon", "accessories-text-editor",
                         "developer-name", _("The Dimple developers"),
                         "comments", _("Notes that live on your own devices. The demo of the library Dimple."),
                         "license-type", GTK_LICENSE_LGPL_2_1,
                         NULL);
}

static void
quit_activated (GSimpleAction *action,
                GVariant      *parameter,
                gpointer       user_data)
{
  g_autoptr(GList) windows = g_list_copy (gtk_application_get_windows (user_data));

  /* Closing saves what is being typed. */
  for (GList *link = windows; link != NULL; link = link->next)
    gtk_window_close (link->data);
}

static void
show_refusal (NotesApplication *self,
              const char       *message)
{
  GtkWidget *dialog = adw_message_dialog_new (NULL, _("The Notes Cannot Be Opened"), message);

  adw_message_dialog_add_response (ADW_MESSAGE_DIALOG (dialog), "close", _("_Close"));
  gtk_window_set_application (GTK_WINDOW (dialog), GTK_APPLICATION (self));
  gtk_window_present (GTK_WINDOW (dialog));
}

static gboolean
open_store (NotesApplication  *self,
            GError           **error)
{
  g_autofree char *path = g_build_filename (g_get_user_data_dir (), "dimple-notes", "notes.db", NULL);

  self->store = notes_store_open (path, error);
  if (self->store == NULL)
    return FALSE;
  self->sync_client = dimple_sync_client_new (self->store, NULL);
  load_settings (self);
  g_object_set (self->sync_client, "auto-sync", TRUE, NULL);
  return TRUE;
}

static void
notes_application_activate (GApplication *application)
{
  NotesApplication *self = NOTES_APPLICATION (application);
  GtkWindow *window = gtk_application_get_active_window (GTK_APPLICATION (self));
  g_autoptr(GError) error = NULL;

  if (window == NULL && self->store == NULL && !open_store (self, &error))
    {
      show_refusal (self, error->message);
      return;
    }
  if (window == NULL)
    window = GTK_WINDOW (notes_window_new (GTK_APPLICATION (self), self->store, self->sync_client));
  gtk_window_present (window);
}

static void
notes_application_startup (GApplication *application)
{
  static const GActionEntry entries[] = {
    { "sync", sync_activated },
    { "preferences", preferences_activated },
    { "about", about_activated },
    { "quit", quit_activated },
  };
  static const struct
  {
    const char *action;
    const char *accelerators[2];
  } accelerators[] = {
    { "app.sync", { "F5" } },
    { "app.preferences", { "<Control>comma" } },
    { "app.quit", { "<Control>q" } },
    { "window.close", { "<Control>w" } },
  };

  G_APPLICATION_CLASS (notes_application_parent_class)->startup (application);
  g_action_map_add_action_entries (G_ACTION_MAP (application), entries, G_N_ELEMENTS (entries), application);
  for (guint i = 0; i < G_N_ELEMENTS (accelerators); i++)
    gtk_application_set_accels_for_action (GTK_APPLICATION (application), accelerators[i].action,
                                           accelerators[i].accelerators);
}

static void
notes_application_shutdown (GApplication *application)
{
  NotesApplication *self = NOTES_APPLICATION (application);
  g_autoptr(GError) error = NULL;

  G_APPLICATION_CLASS (notes_application_parent_class)->shutdown (application);
  g_clear_object (&self->sync_client);
  if (self->store != NULL && !dimple_store_close (self->store, &error))
    g_warning ("%s", error->message);
  g_clear_object (&self->store);
}

static void
notes_application_finalize (GObject *object)
{
  NotesApplication *self = NOTES_APPLICATION (object);

  g_clear_object (&self->storage);
  g_clear_object (&self->settings);

  G_OBJECT_CLASS (notes_application_parent_class)->finalize (object);
}

static void
notes_application_class_init (NotesApplicationClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = notes_application_finalize;
  G_APPLICATION_CLASS (klass)->startup = notes_application_startup;
  G_APPLICATION_CLASS (klass)->activate = notes_application_activate;
  G_APPLICATION_CLASS (klass)->shutdown = notes_application_shutdown;
}

static void
notes_application_init (NotesApplication *self)
{
}

NotesApplication *
notes_application_new (void)
{
  return g_object_new (NOTES_TYPE_APPLICATION,
                       "application-id", "org.dimple.Notes",
                       "resource-base-path", "/org/dimple/Notes",
                       NULL);
}
