/* dimple-statement-policy-private.h: what SQL an app may run through a store
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-connection-private.h"

G_BEGIN_DECLS

/* For dimple_connection_set_authorizer(); to be kept while the app's statements run, as SQLite may prepare them
 * anew. */
int           dimple_statement_policy_authorize (gpointer           user_data,
                                                 int                action,
                                                 const char        *first,
                                                 const char        *second,
                                                 const char        *database,
                                                 const char        *trigger);
/* Prepares a statement of the app on a connection that asks the authorizer; DIMPLE_ERROR_SQL says what is refused. */
sqlite3_stmt *dimple_statement_policy_prepare   (DimpleConnection  *connection,
                                                 const char        *sql,
                                                 GError           **error);
/* The same for a statement that may only read. */
sqlite3_stmt *dimple_statement_policy_prepare_select (DimpleConnection  *connection,
                                                      const char        *sql,
                                                      GError           **error);

G_END_DECLS
