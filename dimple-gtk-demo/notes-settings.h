/* notes-settings.h: where the notes are synced to
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <dimple.h>

G_BEGIN_DECLS

/* In the order of the choices in the preferences */
typedef enum
{
  NOTES_TARGET_NONE,
  NOTES_TARGET_FOLDER,
  NOTES_TARGET_BUCKET
} NotesTarget;

#define NOTES_TYPE_SETTINGS (notes_settings_get_type ())
G_DECLARE_FINAL_TYPE (NotesSettings, notes_settings, NOTES, SETTINGS, GObject)

NotesSettings *notes_settings_new                 (void);
NotesTarget    notes_settings_get_target          (NotesSettings        *self);
gboolean       notes_settings_needs_passphrase    (NotesSettings        *self);
gboolean       notes_settings_save                (NotesSettings        *self,
                                                   GError              **error);
DimpleStorage *notes_settings_create_storage      (NotesSettings        *self);

/* The secret key and the passphrase are kept in the keyring of the desktop, not in the file. */
void           notes_settings_load_secrets_async  (NotesSettings        *self,
                                                   GCancellable         *cancellable,
                                                   GAsyncReadyCallback   callback,
                                                   gpointer              user_data);
gboolean       notes_settings_load_secrets_finish (NotesSettings        *self,
                                                   GAsyncResult         *result,
                                                   GError              **error);
void           notes_settings_save_secrets_async  (NotesSettings        *self,
                                                   GCancellable         *cancellable,
                                                   GAsyncReadyCallback   callback,
                                                   gpointer              user_data);
gboolean       notes_settings_save_secrets_finish (NotesSettings        *self,
                                                   GAsyncResult         *result,
                                                   GError              **error);

G_END_DECLS
