/* notes-importer.h: a folder of text files, imported as notes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <dimple.h>

G_BEGIN_DECLS

#define NOTES_TYPE_IMPORTER (notes_importer_get_type ())
G_DECLARE_FINAL_TYPE (NotesImporter, notes_importer, NOTES, IMPORTER, GObject)

NotesImporter *notes_importer_new           (DimpleStore          *store);
void           notes_importer_import_async  (NotesImporter        *self,
                                             GFile                *folder,
                                             GCancellable         *cancellable,
                                             GAsyncReadyCallback   callback,
                                             gpointer              user_data);
gboolean       notes_importer_import_finish (NotesImporter        *self,
                                             GAsyncResult         *result,
                                             guint                *n_imported,
                                             guint                *n_skipped,
                                             GError              **error);

G_END_DECLS
