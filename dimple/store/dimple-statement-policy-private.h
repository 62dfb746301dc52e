/* dimple-statement-policy-private.h: what SQL an app may run through a store
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-connection-private.h"

G_BEGIN_DECLS

/* For dimple_connection_set_authorizer(). */
int      dimple_statement_policy_authorize (gpointer      user_data,
                                            int           action,
                                            const char   *first,
                                            const char   *second,
                                            const char   *database,
                                            const char   *trigger);
/* What SQLite does not ask the authorizer about: DIMPLE_ERROR_SQL for a VACUUM. */
gboolean dimple_statement_policy_check     (const char   *sql,
                                            GError      **error);
/* Says which rule refused a statement that could not be prepared. */
void     dimple_statement_policy_explain   (const char   *sql,
                                            GError      **error);

G_END_DECLS
