/* notes-editor.h: one note, to be written
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <dimple.h>
#include <gtk/gtk.h>

G_BEGIN_DECLS

#define NOTES_TYPE_EDITOR (notes_editor_get_type ())
G_DECLARE_FINAL_TYPE (NotesEditor, notes_editor, NOTES, EDITOR, GtkBox)

void        notes_editor_show        (NotesEditor *self,
                                      const char  *key);
void        notes_editor_flush       (NotesEditor *self);
GObject    *notes_editor_get_note    (NotesEditor *self);
void        notes_editor_grab_title  (NotesEditor *self);

G_END_DECLS
