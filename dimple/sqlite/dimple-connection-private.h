/* dimple-connection-private.h: one connection to a database
 *
 * A thin, typed layer over sqlite3: opening with the settings that everything above relies on, statements kept
 * prepared, result codes as GErrors.  A connection belongs to one thread at a time; whoever owns it sees to that.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>
#include <sqlite3.h>

G_BEGIN_DECLS

typedef struct _DimpleConnection DimpleConnection;

/* Decides what the statements of an app may do while they are prepared and run; SQLite's authorizer callback. */
typedef int (*DimpleAuthorizer) (gpointer    user_data,
                                 int         action,
                                 const char *first,
                                 const char *second,
                                 const char *database,
                                 const char *trigger);

typedef enum
{
  DIMPLE_CONNECTION_WRITER    = 1 << 0,  /* creates the file and may write; else only reads */
  DIMPLE_CONNECTION_IN_MEMORY = 1 << 1   /* `path` is a name of the memory VFS */
} DimpleConnectionFlags;

DimpleConnection *dimple_connection_open          (const char             *path,
                                                   DimpleConnectionFlags   flags,
                                                   GError                **error);
void              dimple_connection_free          (DimpleConnection       *self);
sqlite3          *dimple_connection_get_handle    (DimpleConnection       *self);

/* Several statements without results. */
gboolean          dimple_connection_exec          (DimpleConnection       *self,
                                                   const char             *sql,
                                                   GError                **error);

/* A statement of the cache, reset and without bindings; give it back with dimple_statement_release().  The same SQL may
 * be in use twice at once.  One statement only: text after it is an error. */
sqlite3_stmt     *dimple_connection_prepare       (DimpleConnection       *self,
                                                   const char             *sql,
                                                   GError                **error);
void              dimple_connection_drop_statements (DimpleConnection     *self);
/* SQLite's number of the schema.  If it is another than the last time, statements of the cache are dropped and the
 * schema is read anew: until they are stepped, statements tell of the columns that there were. */
gboolean          dimple_connection_check_schema  (DimpleConnection       *self,
                                                   gint64                 *version,
                                                   GError                **error);

/* Lends the authorizer: prepare() asks it from now on (NULL: nobody). */
void              dimple_connection_set_authorizer (DimpleConnection      *self,
                                                    DimpleAuthorizer       authorizer,
                                                    gpointer               user_data);

/* While set, a running statement stops with SQLITE_INTERRUPT soon after the cancellable is cancelled. */
void              dimple_connection_set_cancellable (DimpleConnection     *self,
                                                     GCancellable         *cancellable);

/* What it runs now stops, and fails with DIMPLE_ERROR_CLOSED.  Any thread; to be called again as long as it is in use,
 * as what is about to begin is not stopped. */
void              dimple_connection_stop          (DimpleConnection       *self);

/* Makes a GError of the connection's last result code: DIMPLE_ERROR, or G_IO_ERROR_CANCELLED for an interrupt. */
void              dimple_connection_set_error     (DimpleConnection       *self,
                                                   int                     result_code,
                                                   GError                **error);

/* Steps once.  TRUE: a row; FALSE without an error: done; FALSE with an error: failed. */
gboolean          dimple_statement_step           (sqlite3_stmt           *statement,
                                                   GError                **error);
/* Steps once, for whether there is a row; FALSE: it failed. */
gboolean          dimple_statement_has_row        (sqlite3_stmt           *statement,
                                                   gboolean               *has_row,
                                                   GError                **error);
/* Steps to the end, and resets. */
gboolean          dimple_statement_run            (sqlite3_stmt           *statement,
                                                   GError                **error);
/* Resets and gives back to the cache of its connection. */
void              dimple_statement_release        (sqlite3_stmt           *statement);

typedef sqlite3_stmt DimpleStatement;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleConnection, dimple_connection_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleStatement, dimple_statement_release)

/* The first column of the first row; `fallback` if there is none or it is NULL. */
gboolean          dimple_connection_get_int64     (DimpleConnection       *self,
                                                   const char             *sql,
                                                   gint64                  fallback,
                                                   gint64                 *value,
                                                   GError                **error);

/* Whether a function gives the same for the same arguments; FALSE if it is not known.  Of readers alone. */
gboolean          dimple_connection_is_deterministic
                                                  (DimpleConnection       *self,
                                                   const char             *function);

G_END_DECLS
