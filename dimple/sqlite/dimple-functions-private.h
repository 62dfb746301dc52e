/* dimple-functions-private.h: the SQL functions and the collation that Dimple adds
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/* uuid7 (), uuid7_time (id), casefold (text), fts_query (text), COLLATE LOCALE.  Returns SQLite's result code. */
int dimple_functions_register        (sqlite3 *handle);
/* The collation alone. */
int dimple_functions_register_locale (sqlite3 *handle);

G_END_DECLS
