/* notes-list-row.h: a note in the list
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define NOTES_TYPE_LIST_ROW (notes_list_row_get_type ())
G_DECLARE_FINAL_TYPE (NotesListRow, notes_list_row, NOTES, LIST_ROW, GtkBox)

G_END_DECLS
