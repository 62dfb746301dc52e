/* notes-list-row.c: a note in the list
 *
 * Shows what notes-list-item.ui binds to it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "notes-list-row.h"

#include <glib/gi18n.h>

struct _NotesListRow
{
  GtkBox    parent_instance;

  char     *title;       /* (nullable) */
  char     *preview;     /* (nullable) */
  char     *modified;    /* (nullable) */

  GtkLabel *title_label;
  GtkLabel *preview_label;
  GtkLabel *time_label;
};

enum
{
  PROP_TITLE = 1,
  PROP_PREVIEW,
  PROP_MODIFIED,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_FINAL_TYPE (NotesListRow, notes_list_row, GTK_TYPE_BOX)

static gboolean
is_blank (const char *text)
{
  g_autofree char *stripped = text != NULL ? g_strstrip (g_strdup (text)) : NULL;

  return stripped == NULL || *stripped == '\0';
}

static void
show_title (NotesListRow *self)
{
  gtk_label_set_label (self->title_label, is_blank (self->title) ? _("Untitled") : self->title);
}

/* The text runs on in one line. */
static void
show_preview (NotesListRow *self)
{
  g_auto(GStrv) words = g_strsplit_set (self->preview != NULL ? self->preview : "", " \t\r\n", -1);
  g_autoptr(GString) line = g_string_new (NULL);

  for (guint i = 0; words[i] != NULL; i++)
    if (*words[i] != '\0')
      g_string_append_printf (line, line->len > 0 ? " %s" : "%s", words[i]);
  gtk_label_set_label (self->preview_label, line->len > 0 ? line->str : _("No text"));
}

/* The time of today's notes, the date of older ones */
static void
show_modified (NotesListRow *self)
{
  g_autoptr(GDateTime) then = self->modified != NULL ? g_date_time_new_from_iso8601 (self->modified, NULL) : NULL;
  g_autoptr(GDateTime) now = g_date_time_new_now_local ();
  g_autoptr(GDateTime) local = then != NULL ? g_date_time_to_local (then) : NULL;
  g_autofree char *text = NULL;

  if (local == NULL)
    text = g_strdup ("");
  else if (g_date_time_get_year (local) != g_date_time_get_year (now))
    /* Translators: a date of another year, see g_date_time_format */
    text = g_date_time_format (local, _("%-d %b %Y"));
  else if (g_date_time_get_day_of_year (local) != g_date_time_get_day_of_year (now))
    /* Translators: a date of this year */
    text = g_date_time_format (local, _("%-d %b"));
  else
    /* Translators: a time of today */
    text = g_date_time_format (local, _("%H:%M"));
  gtk_label_set_label (self->time_label, text);
}

static void
notes_list_row_get_property (GObject    *object,
                             guint       id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  NotesListRow *self = NOTES_LIST_ROW (object);

  switch (id)
    {
    case PROP_TITLE:
      g_value_set_string (value, self->title);
      break;
    case PROP_PREVIEW:
      g_value_set_string (value, self->preview);
      break;
    case PROP_MODIFIED:
      g_value_set_string (value, self->modified);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
notes_list_row_set_property (GObject      *object,
                             guint         id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  NotesListRow *self = NOTES_LIST_ROW (object);

  switch (id)
    {
    case PROP_TITLE:
      g_free (self->title);
      self->title = g_value_dup_string (value);
      show_title (self);
      break;
    case PROP_PREVIEW:
      g_free (self->preview);
      self->preview = g_value_dup_string (value);
      show_preview (self);
      break;
    case PROP_MODIFIED:
      g_free (self->modified);
      self->modified = g_value_dup_string (value);
      show_modified (self);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
notes_list_row_finalize (GObject *object)
{
  NotesListRow *self = NOTES_LIST_ROW (object);

  g_free (self->title);
  g_free (self->preview);
  g_free (self->modified);

  G_OBJECT_CLASS (notes_list_row_parent_class)->finalize (object);
}

static void
notes_list_row_class_init (NotesListRowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->get_property = notes_list_row_get_property;
  object_class->set_property = notes_list_row_set_property;
  object_class->finalize = notes_list_row_finalize;

  properties[PROP_TITLE] =
    g_param_spec_string ("title", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  properties[PROP_PREVIEW] =
    g_param_spec_string ("preview", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  properties[PROP_MODIFIED] =
    g_param_spec_string ("modified", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/dimple/Notes/ui/notes-list-row.ui");
  gtk_widget_class_bind_template_child (widget_class, NotesListRow, title_label);
  gtk_widget_class_bind_template_child (widget_class, NotesListRow, preview_label);
  gtk_widget_class_bind_template_child (widget_class, NotesListRow, time_label);
}

static void
notes_list_row_init (NotesListRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
