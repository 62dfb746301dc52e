/* dimple-statement-trace-private.h: DIMPLE_DEBUG=sql,slow for statements
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

typedef struct _DimpleStatementTrace DimpleStatementTrace;

/* NULL if nobody wants to be told of statements.  `name` says which connection it is. */
DimpleStatementTrace *dimple_statement_trace_new    (sqlite3              *handle,
                                                     const char           *name);
void                  dimple_statement_trace_free   (DimpleStatementTrace *self);
/* Warns of statements that were slow, with how SQLite found their rows.  Not while SQLite is at work. */
void                  dimple_statement_trace_report (DimpleStatementTrace *self);

G_END_DECLS
