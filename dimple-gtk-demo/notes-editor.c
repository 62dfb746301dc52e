/* notes-editor.c: one note, to be written
 *
 * Shows the first row of a live query for one key.  What is typed is set in the row at once, and saved after a short
 * rest.  A column that was set and not saved yet is left alone by the query, so nothing from another device overwrites
 * what is being typed; the other column follows.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "notes-editor.h"

#include <glib/gi18n.h>

#include "notes-store.h"

#define REST 500   /* ms without a key pressed until the note is saved */

struct _NotesEditor
{
  GtkBox         parent_instance;

  DimpleStore   *store;
  DimpleQuery   *query;         /* of the note that is shown */
  char          *key;           /* (nullable) of the note that is wanted */
  DimpleRow     *row;           /* (nullable) the note, as soon as it is loaded */
  gboolean       is_showing;    /* the widgets are being filled, nobody types */
  guint          timer;

  GtkStack      *stack;
  GtkText       *title;
  GtkTextView   *body;
  GtkTextBuffer *buffer;
};

enum
{
  PROP_STORE = 1,
  PROP_NOTE,
  N_PROPERTIES
};

enum
{
  SIGNAL_FAILED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (NotesEditor, notes_editor, GTK_TYPE_BOX)

/* -- From the row to the widgets ----------------------------------------------------------------------------------- */

static char *
dup_body (NotesEditor *self)
{
  GtkTextIter start, end;

  gtk_text_buffer_get_bounds (self->buffer, &start, &end);
  return gtk_text_buffer_get_text (self->buffer, &start, &end, TRUE);
}

/* Text that came from elsewhere; the cursor stays about where it was. */
static void
show_body (NotesEditor *self,
           const char  *body)
{
  g_autofree char *shown = dup_body (self);
  GtkTextIter iter;
  int offset;

  if (g_str_equal (shown, body))
    return;
  gtk_text_buffer_get_iter_at_mark (self->buffer, &iter, gtk_text_buffer_get_insert (self->buffer));
  offset = gtk_text_iter_get_offset (&iter);
  gtk_text_buffer_set_text (self->buffer, body, -1);
  gtk_text_buffer_get_iter_at_offset (self->buffer, &iter, offset);
  gtk_text_buffer_place_cursor (self->buffer, &iter);
}

static void
show_title (NotesEditor *self,
            const char  *title)
{
  int position = gtk_editable_get_position (GTK_EDITABLE (self->title));

  if (g_str_equal (gtk_editable_get_text (GTK_EDITABLE (self->title)), title))
    return;
  gtk_editable_set_text (GTK_EDITABLE (self->title), title);
  gtk_editable_set_position (GTK_EDITABLE (self->title), position);
}

static void
show_row (NotesEditor *self)
{
  g_autofree char *title = NULL;
  g_autofree char *body = NULL;

  if (self->row == NULL || self->is_showing)
    return;
  g_object_get (self->row, "title", &title, "body", &body, NULL);
  self->is_showing = TRUE;
  show_title (self, title != NULL ? title : "");
  show_body (self, body != NULL ? body : "");
  self->is_showing = FALSE;
}

/* -- From the widgets to the row, and to the store ----------------------------------------------------------------- */

/* It was deleted on another device while it was being written here: what was written is worth more. */
static void
bring_back (DimpleStore *store,
            DimpleRow   *row)
{
  g_autofree char *title = NULL;
  g_autofree char *body = NULL;
  g_autofree char *modified = NULL;

  g_object_get (row, "title", &title, "body", &body, "modified", &modified, NULL);
  dimple_store_insert_async (store, "note",
                             g_variant_new_parsed ("{'key': <%s>, 'title': <%s>, 'body': <%s>, 'modified': <%s>}",
                                                   dimple_row_get_key (row), title, body, modified),
                             NULL, NULL, NULL);
}

/* The window may be closed before a save has ended. */
typedef struct
{
  GWeakRef   editor;
  DimpleRow *row;
} Saving;

static Saving *
saving_new (NotesEditor *self)
{
  Saving *saving = g_new0 (Saving, 1);

  g_weak_ref_init (&saving->editor, self);
  saving->row = g_object_ref (self->row);
  return saving;
}

static void
saving_free (Saving *saving)
{
  g_weak_ref_clear (&saving->editor);
  g_object_unref (saving->row);
  g_free (saving);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Saving, saving_free)

static void
saved (GObject      *object,
       GAsyncResult *result,
       gpointer      user_data)
{
  g_autoptr(Saving) saving = user_data;
  g_autoptr(NotesEditor) self = g_weak_ref_get (&saving->editor);
  g_autoptr(GError) error = NULL;

  /* The row may be seen with what was saved for a moment, and then with what was typed meanwhile again. */
  if (self != NULL)
    self->is_showing = TRUE;
  dimple_store_save_finish (DIMPLE_STORE (object), result, &error);
  if (self != NULL)
    self->is_showing = FALSE;

  if (g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND))
    bring_back (DIMPLE_STORE (object), saving->row);
  else if (error != NULL && self != NULL)
    g_signal_emit (self, signals[SIGNAL_FAILED], 0, error);
  else if (error != NULL)
    g_warning ("A note could not be saved: %s", error->message);
  else if (self != NULL && saving->row == self->row)
    show_row (self);
  g_application_release (g_application_get_default ());
}

/*
 * notes_editor_flush:
 *
 * Saves what was typed, without waiting for a rest.  The program stays alive until that is done.
 */
void
notes_editor_flush (NotesEditor *self)
{
  g_autofree char *now = NULL;

  g_return_if_fail (NOTES_IS_EDITOR (self));

  g_clear_handle_id (&self->timer, g_source_remove);
  if (self->row == NULL || !dimple_row_is_edited (self->row))
    return;

  now = notes_store_now ();
  g_object_set (self->row, "modified", now, NULL);
  g_application_hold (g_application_get_default ());
  dimple_store_save_async (self->store, G_OBJECT (self->row), NULL, saved, saving_new (self));
}

static gboolean
rested (gpointer user_data)
{
  NotesEditor *self = user_data;

  self->timer = 0;
  notes_editor_flush (self);
  return G_SOURCE_REMOVE;
}

static void
save_after_rest (NotesEditor *self)
{
  g_clear_handle_id (&self->timer, g_source_remove);
  self->timer = g_timeout_add (REST, rested, self);
}

static void
title_typed (NotesEditor *self)
{
  if (self->is_showing || self->row == NULL)
    return;
  g_object_set (self->row, "title", gtk_editable_get_text (GTK_EDITABLE (self->title)), NULL);
  save_after_rest (self);
}

static void
body_typed (NotesEditor *self)
{
  g_autofree char *body = NULL;

  if (self->is_showing || self->row == NULL)
    return;
  body = dup_body (self);
  g_object_set (self->row, "body", body, NULL);
  save_after_rest (self);
}

static void
title_entered (NotesEditor *self)
{
  gtk_widget_grab_focus (GTK_WIDGET (self->body));
}

/* -- Which note ---------------------------------------------------------------------------------------------------- */

static void
set_row (NotesEditor *self,
         DimpleRow   *row)
{
  if (row == self->row)
    return;

  notes_editor_flush (self);
  if (self->row != NULL)
    g_signal_handlers_disconnect_by_data (self->row, self);
  g_set_object (&self->row, row);
  if (row != NULL)
    {
      g_signal_connect_swapped (row, "notify::title", G_CALLBACK (show_row), self);
      g_signal_connect_swapped (row, "notify::body", G_CALLBACK (show_row), self);
    }
  show_row (self);
  gtk_text_buffer_set_enable_undo (self->buffer, FALSE);
  gtk_text_buffer_set_enable_undo (self->buffer, TRUE);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NOTE]);
}

/* Right after another key was set, the query still has the last note. */
static void
first_changed (NotesEditor *self)
{
  DimpleRow *row = (DimpleRow *) dimple_query_get_first (self->query);

  set_row (self, row != NULL && g_strcmp0 (dimple_row_get_key (row), self->key) == 0 ? row : NULL);
}

/*
 * notes_editor_show:
 * @key: (nullable): the note's key; NULL: none
 */
void
notes_editor_show (NotesEditor *self,
                   const char  *key)
{
  g_return_if_fail (NOTES_IS_EDITOR (self));

  if (g_strcmp0 (self->key, key) == 0)
    return;
  set_row (self, NULL);
  g_free (self->key);
  self->key = g_strdup (key);
  gtk_stack_set_visible_child_name (self->stack, key != NULL ? "note" : "none");
  dimple_query_set_parameters (self->query, g_variant_new ("(s)", key != NULL ? key : ""));
  first_changed (self);
}

/*
 * notes_editor_get_note:
 *
 * Returns: (transfer none) (nullable): the row that is shown
 */
GObject *
notes_editor_get_note (NotesEditor *self)
{
  g_return_val_if_fail (NOTES_IS_EDITOR (self), NULL);

  return (GObject *) self->row;
}

void
notes_editor_grab_title (NotesEditor *self)
{
  g_return_if_fail (NOTES_IS_EDITOR (self));

  gtk_widget_grab_focus (GTK_WIDGET (self->title));
}

/* -- The object ---------------------------------------------------------------------------------------------------- */

static void
set_store (NotesEditor *self,
           DimpleStore *store)
{
  if (store == NULL || !g_set_object (&self->store, store))
    return;
  self->query = dimple_query_new (store, NOTES_NOTE_SQL, g_variant_new ("(s)", ""));
  g_signal_connect_object (self->query, "notify::first", G_CALLBACK (first_changed), self, G_CONNECT_SWAPPED);
}

static void
notes_editor_get_property (GObject    *object,
                           guint       id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  NotesEditor *self = NOTES_EDITOR (object);

  switch (id)
    {
    case PROP_STORE:
      g_value_set_object (value, self->store);
      break;
    case PROP_NOTE:
      g_value_set_object (value, self->row);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
notes_editor_set_property (GObject      *object,
                           guint         id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  if (id == PROP_STORE)
    set_store (NOTES_EDITOR (object), g_value_get_object (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
notes_editor_dispose (GObject *object)
{
  NotesEditor *self = NOTES_EDITOR (object);

  g_clear_handle_id (&self->timer, g_source_remove);
  if (self->row != NULL)
    g_signal_handlers_disconnect_by_data (self->row, self);
  g_clear_object (&self->row);
  g_clear_pointer (&self->key, g_free);
  g_clear_object (&self->query);
  g_clear_object (&self->store);

  G_OBJECT_CLASS (notes_editor_parent_class)->dispose (object);
}

static void
notes_editor_class_init (NotesEditorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->get_property = notes_editor_get_property;
  object_class->set_property = notes_editor_set_property;
  object_class->dispose = notes_editor_dispose;

  properties[PROP_STORE] =
    g_param_spec_object ("store", NULL, NULL, DIMPLE_TYPE_STORE, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  properties[PROP_NOTE] =
    g_param_spec_object ("note", NULL, NULL, G_TYPE_OBJECT, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  /* A note could not be saved; why. */
  signals[SIGNAL_FAILED] =
    g_signal_new ("failed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_ERROR);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/dimple/Notes/ui/notes-editor.ui");
  gtk_widget_class_bind_template_child (widget_class, NotesEditor, stack);
  gtk_widget_class_bind_template_child (widget_class, NotesEditor, title);
  gtk_widget_class_bind_template_child (widget_class, NotesEditor, body);
  gtk_widget_class_bind_template_child (widget_class, NotesEditor, buffer);
  gtk_widget_class_bind_template_callback (widget_class, title_typed);
  gtk_widget_class_bind_template_callback (widget_class, title_entered);
  gtk_widget_class_bind_template_callback (widget_class, body_typed);
}

static void
notes_editor_init (NotesEditor *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
