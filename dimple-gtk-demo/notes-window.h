/* notes-window.h: the list of notes, and the note that is open
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <adwaita.h>
#include <dimple.h>

G_BEGIN_DECLS

#define NOTES_TYPE_WINDOW (notes_window_get_type ())
G_DECLARE_FINAL_TYPE (NotesWindow, notes_window, NOTES, WINDOW, AdwApplicationWindow)

NotesWindow *notes_window_new (GtkApplication   *application,
                               DimpleStore      *store,
                               DimpleSyncClient *sync_client);

G_END_DECLS
