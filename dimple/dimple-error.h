/* dimple-error.h: what can go wrong, by what the caller has to do about it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include <glib-object.h>

#include "dimple-version-macros.h"

G_BEGIN_DECLS

/**
 * DIMPLE_ERROR:
 *
 * The error domain of Dimple.  Its codes are of [error@Dimple.Error].
 */
#define DIMPLE_ERROR (dimple_error_quark ())

/**
 * DimpleError:
 * @DIMPLE_ERROR_FAILED: anything else; the message is all there is
 * @DIMPLE_ERROR_SQL: malformed SQL, an unknown table or column, or a statement that is refused here: fix the code
 * @DIMPLE_ERROR_PARAMETERS: the number, names or types of parameters or values do not fit: fix the code
 * @DIMPLE_ERROR_TYPE: an object's type or property does not fit the table, or a row type has other columns: fix the
 *   code
 * @DIMPLE_ERROR_MIGRATION: a migration failed, or changed since it ran: fix the code
 * @DIMPLE_ERROR_UNTRACKABLE: a table without a key that can be synced; the message says what to write
 * @DIMPLE_ERROR_CLOSED: the store is closed
 * @DIMPLE_ERROR_CONSTRAINT: UNIQUE, NOT NULL, CHECK or FOREIGN KEY refuses the values: choose others
 * @DIMPLE_ERROR_NOT_FOUND: there is no row, or no object, with that key
 * @DIMPLE_ERROR_BUSY: the file is locked by another process: try again
 * @DIMPLE_ERROR_READ_ONLY: the file, the row's origin, or an old version may not be written
 * @DIMPLE_ERROR_FULL: there is no space left: make room and try again
 * @DIMPLE_ERROR_CORRUPT: the file is damaged: restore a backup
 * @DIMPLE_ERROR_NOT_A_DATABASE: the file is something else
 * @DIMPLE_ERROR_TOO_NEW: written by a newer app or library: update the app
 * @DIMPLE_ERROR_OFFLINE: host not found, no route, or a time-out: try later
 * @DIMPLE_ERROR_DENIED: wrong keys, or no permission
 * @DIMPLE_ERROR_NO_SUCH_STORAGE: the bucket or folder does not exist
 * @DIMPLE_ERROR_STORAGE: the storage answers nonsense, or an error of its own
 * @DIMPLE_ERROR_REPOSITORY: the storage holds another repository than the one of this store
 * @DIMPLE_ERROR_ENCRYPTION: clear where sealed is expected, or the other way round
 * @DIMPLE_ERROR_PASSPHRASE: wrong passphrase or identity
 * @DIMPLE_ERROR_BAD_PACK: an object in the repository is damaged; its name is in the message
 *
 * Error codes of Dimple, grouped by what the caller has to do.
 *
 * A cancelled call fails with %G_IO_ERROR_CANCELLED instead.
 */
typedef enum
{
  DIMPLE_ERROR_FAILED,
  DIMPLE_ERROR_SQL,
  DIMPLE_ERROR_PARAMETERS,
  DIMPLE_ERROR_TYPE,
  DIMPLE_ERROR_MIGRATION,
  DIMPLE_ERROR_UNTRACKABLE,
  DIMPLE_ERROR_CLOSED,
  DIMPLE_ERROR_CONSTRAINT,
  DIMPLE_ERROR_NOT_FOUND,
  DIMPLE_ERROR_BUSY,
  DIMPLE_ERROR_READ_ONLY,
  DIMPLE_ERROR_FULL,
  DIMPLE_ERROR_CORRUPT,
  DIMPLE_ERROR_NOT_A_DATABASE,
  DIMPLE_ERROR_TOO_NEW,
  DIMPLE_ERROR_OFFLINE,
  DIMPLE_ERROR_DENIED,
  DIMPLE_ERROR_NO_SUCH_STORAGE,
  DIMPLE_ERROR_STORAGE,
  DIMPLE_ERROR_REPOSITORY,
  DIMPLE_ERROR_ENCRYPTION,
  DIMPLE_ERROR_PASSPHRASE,
  DIMPLE_ERROR_BAD_PACK
} DimpleError;

DIMPLE_AVAILABLE_IN_1_0
GQuark dimple_error_quark (void);

G_END_DECLS
