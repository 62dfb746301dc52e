/* notes-application.h: what lives as long as the program: the store, the sync, the settings
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define NOTES_TYPE_APPLICATION (notes_application_get_type ())
G_DECLARE_FINAL_TYPE (NotesApplication, notes_application, NOTES, APPLICATION, AdwApplication)

NotesApplication *notes_application_new (void);

G_END_DECLS
