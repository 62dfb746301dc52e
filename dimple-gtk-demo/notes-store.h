/* notes-store.h: the store of Notes, and its queries
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <dimple.h>

G_BEGIN_DECLS

/* What the list shows.  Without a search it depends on one table alone, so a change costs the same in any list. */
#define NOTES_LIST_COLUMNS "key, title, CAST (substr (body, 1, 200) AS TEXT) AS preview, modified"
#define NOTES_LIST_ORDER   "ORDER BY modified DESC, key DESC"
#define NOTES_LIST_SQL     "SELECT " NOTES_LIST_COLUMNS " FROM note WHERE :text = '' " NOTES_LIST_ORDER
#define NOTES_SEARCH_SQL \
  "SELECT " NOTES_LIST_COLUMNS " FROM note " \
  "WHERE rowid IN (SELECT rowid FROM note_words WHERE note_words MATCH fts_query (:text)) " NOTES_LIST_ORDER
/* What the editor shows */
#define NOTES_NOTE_SQL     "SELECT key, title, body, modified FROM note WHERE key = ?"

DimpleStore *notes_store_open (const char  *path,
                               GError     **error);
char        *notes_store_now  (void);

G_END_DECLS
