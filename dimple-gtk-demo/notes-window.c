/* notes-window.c: the list of notes, and the note that is open
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "notes-window.h"

#include <glib/gi18n.h>

#include "notes-editor.h"
#include "notes-importer.h"
#include "notes-list-row.h"
#include "notes-store.h"

struct _NotesWindow
{
  AdwApplicationWindow  parent_instance;

  DimpleStore          *store;
  DimpleSyncClient     *sync_client;
  DimpleQuery          *notes;
  NotesImporter        *importer;        /* (nullable) while it imports */

  AdwToastOverlay      *toasts;
  AdwLeaflet           *leaflet;
  GtkSearchEntry       *search_entry;
  GtkStack             *list_stack;
  AdwStatusPage        *empty_page;
  GtkListView          *list;
  GtkSingleSelection   *selection;
  GtkRevealer          *import_revealer;
  GtkProgressBar       *import_progress;
  NotesEditor          *editor;
};

enum
{
  PROP_STORE = 1,
  PROP_SYNC_CLIENT,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_FINAL_TYPE (NotesWindow, notes_window, ADW_TYPE_APPLICATION_WINDOW)

static void
show_toast (NotesWindow *self,
            const char  *text)
{
  AdwToast *toast = adw_toast_new (text);

  adw_toast_overlay_add_toast (self->toasts, toast);
}

/* -- The list ------------------------------------------------------------------------------------------------------ */

static const char *
get_search (NotesWindow *self)
{
  return gtk_editable_get_text (GTK_EDITABLE (self->search_entry));
}

static void
search_changed (NotesWindow *self)
{
  g_autofree char *text = g_strstrip (g_strdup (get_search (self)));

  g_object_set (self->notes,
                "sql", *text != '\0' ? NOTES_SEARCH_SQL : NOTES_LIST_SQL,
                "parameters", g_variant_new_parsed ("{'text': <%s>}", text),
                NULL);
}

static void
show_list_or_not (NotesWindow *self)
{
  gboolean searching = *get_search (self) != '\0';

  if (g_list_model_get_n_items (G_LIST_MODEL (self->notes)) > 0)
    {
      gtk_stack_set_visible_child_name (self->list_stack, "list");
      return;
    }
  adw_status_page_set_icon_name (self->empty_page, searching ? "edit-find-symbolic" : "document-new-symbolic");
  adw_status_page_set_title (self->empty_page, searching ? _("Nothing Found") : _("No Notes Yet"));
  adw_status_page_set_description (self->empty_page, searching ? _("No note has all of these words.")
                                                               : _("Press + to write one, or import a folder."));
  gtk_stack_set_visible_child_name (self->list_stack, "empty");
}

static void
selection_changed (NotesWindow *self)
{
  guint position = gtk_single_selection_get_selected (self->selection);
  const char *key = position != GTK_INVALID_LIST_POSITION ? dimple_query_get_key (self->notes, position) : NULL;

  notes_editor_show (self->editor, key);
  if (key != NULL)
    adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_FORWARD);
}

/* On a narrow window, a click on the selected note opens it again. */
static void
row_activated (NotesWindow *self)
{
  adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_FORWARD);
}

static void
note_changed (NotesWindow *self)
{
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.delete", notes_editor_get_note (self->editor) != NULL);
}

static void
save_failed (NotesWindow  *self,
             const GError *error)
{
  g_autofree char *text = g_strdup_printf (_("The note could not be saved: %s"), error->message);

  show_toast (self, text);
}

/* -- New ----------------------------------------------------------------------------------------------------------- */

typedef struct
{
  NotesWindow *window;
  char        *key;
} Creation;

static void
creation_free (Creation *creation)
{
  g_object_unref (creation->window);
  g_free (creation->key);
  g_free (creation);
}

static void
list_loaded (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  Creation *creation = user_data;
  NotesWindow *self = creation->window;
  guint position;

  if (dimple_query_load_finish (DIMPLE_QUERY (object), result, NULL) &&
      dimple_query_find (self->notes, creation->key, &position))
    {
      gtk_single_selection_set_selected (self->selection, position);
      gtk_widget_activate_action (GTK_WIDGET (self->list), "list.scroll-to-item", "u", position);
      notes_editor_grab_title (self->editor);
    }
  creation_free (creation);
}

static void
note_inserted (GObject      *object,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr(NotesWindow) self = user_data;
  g_autoptr(GError) error = NULL;
  g_autofree char *key = dimple_store_insert_finish (DIMPLE_STORE (object), result, &error);
  Creation *creation;

  if (key == NULL)
    {
      save_failed (self, error);
      return;
    }
  creation = g_new0 (Creation, 1);
  creation->window = g_object_ref (self);
  creation->key = g_steal_pointer (&key);
  dimple_query_load_async (self->notes, NULL, list_loaded, creation);
}

static void
insert (NotesWindow *self,
        GVariant    *values)
{
  dimple_store_insert_async (self->store, "note", values, NULL, note_inserted, g_object_ref (self));
}

static void
new_activated (GtkWidget  *widget,
               const char *action,
               GVariant   *parameter)
{
  NotesWindow *self = NOTES_WINDOW (widget);

  gtk_editable_set_text (GTK_EDITABLE (self->search_entry), "");
  insert (self, g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
}

/* -- Delete -------------------------------------------------------------------------------------------------------- */

static void
undo_clicked (AdwToast *toast,
              gpointer  user_data)
{
  insert (user_data, g_object_get_data (G_OBJECT (toast), "note"));
}

static void
offer_undo (NotesWindow *self,
            GVariant    *note)
{
  AdwToast *toast = adw_toast_new (_("Note deleted"));

  adw_toast_set_button_label (toast, _("_Undo"));
  g_object_set_data_full (G_OBJECT (toast), "note", g_variant_ref_sink (note), (GDestroyNotify) g_variant_unref);
  g_signal_connect_object (toast, "button-clicked", G_CALLBACK (undo_clicked), self, 0);
  adw_toast_overlay_add_toast (self->toasts, toast);
}

static void
delete_activated (GtkWidget  *widget,
                  const char *action,
                  GVariant   *parameter)
{
  NotesWindow *self = NOTES_WINDOW (widget);
  DimpleRow *row = DIMPLE_ROW (notes_editor_get_note (self->editor));
  g_autofree char *key = g_strdup (dimple_row_get_key (row));
  g_autofree char *title = NULL;
  g_autofree char *body = NULL;
  g_autofree char *modified = NULL;

  g_object_get (row, "title", &title, "body", &body, "modified", &modified, NULL);
  /* First of all what is being typed is saved: the note may come back from the history. */
  notes_editor_show (self->editor, NULL);
  dimple_store_delete_async (self->store, "note", key, NULL, NULL, NULL);
  adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
  offer_undo (self, g_variant_new_parsed ("{'key': <%s>, 'title': <%s>, 'body': <%s>, 'modified': <%s>}",
                                          key, title, body, modified));
}

/* -- Import -------------------------------------------------------------------------------------------------------- */

static void
imported (GObject      *object,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr(NotesWindow) self = user_data;
  guint n_imported, n_skipped;
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;

  if (!notes_importer_import_finish (NOTES_IMPORTER (object), result, &n_imported, &n_skipped, &error))
    text = g_strdup_printf (_("The folder could not be imported: %s"), error->message);
  else if (n_imported == 0)
    text = g_strdup (_("There are no .md or .txt files in that folder."));
  else if (n_skipped > 0)
    text = g_strdup_printf (_("%u notes imported, %u files skipped"), n_imported, n_skipped);
  else
    text = g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u note imported", "%u notes imported", n_imported),
                            n_imported);
  show_toast (self, text);

  g_clear_object (&self->importer);
  gtk_revealer_set_reveal_child (self->import_revealer, FALSE);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.import", TRUE);
}

static void
import_folder (NotesWindow *self,
               GFile       *folder)
{
  self->importer = notes_importer_new (self->store);
  g_object_bind_property (self->importer, "progress", self->import_progress, "fraction", G_BINDING_SYNC_CREATE);
  gtk_revealer_set_reveal_child (self->import_revealer, TRUE);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.import", FALSE);
  notes_importer_import_async (self->importer, folder, NULL, imported, g_object_ref (self));
}

static void
import_answered (NotesWindow       *self,
                 int                response,
                 GtkFileChooserNative *chooser)
{
  g_autoptr(GFile) folder = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (chooser));

  if (response == GTK_RESPONSE_ACCEPT && folder != NULL)
    import_folder (self, folder);
  g_object_unref (chooser);
}

static void
import_activated (GtkWidget  *widget,
                  const char *action,
                  GVariant   *parameter)
{
  GtkFileChooserNative *chooser =
    gtk_file_chooser_native_new (_("Import a Folder of Text Files"), GTK_WINDOW (widget),
                                 GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, _("_Import"), NULL);

  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect_object (chooser, "response", G_CALLBACK (import_answered), widget, G_CONNECT_SWAPPED);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

/* -- The rest ------------------------------------------------------------------------------------------------------ */

static void
search_activated (GtkWidget  *widget,
                  const char *action,
                  GVariant   *parameter)
{
  NotesWindow *self = NOTES_WINDOW (widget);

  adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
  gtk_widget_grab_focus (GTK_WIDGET (self->search_entry));
}

static void
back_activated (GtkWidget  *widget,
                const char *action,
                GVariant   *parameter)
{
  adw_leaflet_navigate (NOTES_WINDOW (widget)->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
}

static gboolean
notes_window_close_request (GtkWindow *window)
{
  notes_editor_flush (NOTES_WINDOW (window)->editor);
  return GTK_WINDOW_CLASS (notes_window_parent_class)->close_request (window);
}

/* -- The object ---------------------------------------------------------------------------------------------------- */

NotesWindow *
notes_window_new (GtkApplication   *application,
                  DimpleStore      *store,
                  DimpleSyncClient *sync_client)
{
  return g_object_new (NOTES_TYPE_WINDOW,
                       "application", application,
                       "store", store,
                       "sync-client", sync_client,
                       NULL);
}

static void
notes_window_get_property (GObject    *object,
                           guint       id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  NotesWindow *self = NOTES_WINDOW (object);

  switch (id)
    {
    case PROP_STORE:
      g_value_set_object (value, self->store);
      break;
    case PROP_SYNC_CLIENT:
      g_value_set_object (value, self->sync_client);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
notes_window_set_property (GObject      *object,
                           guint         id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  NotesWindow *self = NOTES_WINDOW (object);

  switch (id)
    {
    case PROP_STORE:
      self->store = g_value_dup_object (value);
      break;
    case PROP_SYNC_CLIENT:
      self->sync_client = g_value_dup_object (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
notes_window_constructed (GObject *object)
{
  NotesWindow *self = NOTES_WINDOW (object);

  G_OBJECT_CLASS (notes_window_parent_class)->constructed (object);
  search_changed (self);
  show_list_or_not (self);
  note_changed (self);
}

static void
notes_window_dispose (GObject *object)
{
  NotesWindow *self = NOTES_WINDOW (object);

  g_clear_object (&self->importer);
  g_clear_object (&self->sync_client);
  g_clear_object (&self->store);

  G_OBJECT_CLASS (notes_window_parent_class)->dispose (object);
}

static void
install_actions (GtkWidgetClass *widget_class)
{
  gtk_widget_class_install_action (widget_class, "win.new", NULL, new_activated);
  gtk_widget_class_install_action (widget_class, "win.delete", NULL, delete_activated);
  gtk_widget_class_install_action (widget_class, "win.import", NULL, import_activated);
  gtk_widget_class_install_action (widget_class, "win.search", NULL, search_activated);
  gtk_widget_class_install_action (widget_class, "win.back", NULL, back_activated);

  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_n, GDK_CONTROL_MASK, "win.new", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_d, GDK_CONTROL_MASK, "win.delete", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_f, GDK_CONTROL_MASK, "win.search", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Left, GDK_ALT_MASK, "win.back", NULL);
}

static void
notes_window_class_init (NotesWindowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->get_property = notes_window_get_property;
  object_class->set_property = notes_window_set_property;
  object_class->constructed = notes_window_constructed;
  object_class->dispose = notes_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = notes_window_close_request;

  properties[PROP_STORE] = g_param_spec_object ("store", NULL, NULL, DIMPLE_TYPE_STORE, flags);
  properties[PROP_SYNC_CLIENT] =
    g_param_spec_object ("sync-client", NULL, NULL, DIMPLE_TYPE_SYNC_CLIENT, flags);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  g_type_ensure (NOTES_TYPE_EDITOR);
  g_type_ensure (NOTES_TYPE_LIST_ROW);
  g_type_ensure (DIMPLE_TYPE_QUERY);
  gtk_widget_class_set_template_from_resource (widget_class, "/org/dimple/Notes/ui/notes-window.ui");
  gtk_widget_class_bind_template_child (widget_class, NotesWindow, toasts);
  gtk_widget_class_bind_template_child (widget_class, NotesWindow, leaflet);
  gtk_widget_class_bind_template_child (widget_class, NotesWindow, search_entry);
  gtk_widget_class_bind_template_child (widget_class, NotesWindow, list_stack);
  gtk_widget_class_bind_template_child (widget_class, NotesWindow, empty_page);
  gtk_widget_class_bind_template_child (widget_class, NotesWindow, list);
  gtk_widget_class_bind_template_child (widget_class, NotesWindow, selection);
  gtk_widget_class_bind_template_child (widget_class, NotesWindow, notes);
  gtk_widget_class_bind_template_child (widget_class, NotesWindow, import_revealer);
  gtk_widget_class_bind_template_child (widget_class, NotesWindow, import_progress);
  gtk_widget_class_bind_template_child (widget_class, NotesWindow, editor);
  gtk_widget_class_bind_template_callback (widget_class, search_changed);
  gtk_widget_class_bind_template_callback (widget_class, show_list_or_not);
  gtk_widget_class_bind_template_callback (widget_class, selection_changed);
  gtk_widget_class_bind_template_callback (widget_class, row_activated);
  gtk_widget_class_bind_template_callback (widget_class, note_changed);
  gtk_widget_class_bind_template_callback (widget_class, save_failed);
  install_actions (widget_class);
}

static void
notes_window_init (NotesWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
