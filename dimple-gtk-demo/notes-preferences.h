/* notes-preferences.h: where the notes are synced to, to be chosen
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <adwaita.h>
#include <dimple.h>

#include "notes-settings.h"

G_BEGIN_DECLS

#define NOTES_TYPE_PREFERENCES (notes_preferences_get_type ())
G_DECLARE_FINAL_TYPE (NotesPreferences, notes_preferences, NOTES, PREFERENCES, AdwPreferencesWindow)

NotesPreferences *notes_preferences_new (GtkWindow        *parent,
                                         NotesSettings    *settings,
                                         DimpleSyncClient *sync_client);

G_END_DECLS
