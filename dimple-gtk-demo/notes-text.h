/* notes-text.h: text files, found and read
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Whether a file of this name is wanted. */
typedef gboolean (*NotesTextFilter) (const char *name);

/* Both block. */
char    *notes_text_load (GFile            *file,
                          GCancellable     *cancellable,
                          GError          **error);
gboolean notes_text_find (GFile            *folder,
                          NotesTextFilter   filter,
                          GPtrArray        *files,
                          GCancellable     *cancellable,
                          GError          **error);

G_END_DECLS
