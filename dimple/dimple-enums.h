/* dimple-enums.h: the enumerations of the public API
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include <glib.h>

G_BEGIN_DECLS

/**
 * DimpleOperation:
 * @DIMPLE_OPERATION_INSERT: a row came to be
 * @DIMPLE_OPERATION_UPDATE: columns of a row changed
 * @DIMPLE_OPERATION_DELETE: a row went
 *
 * What a change did to a row.
 */
typedef enum
{
  DIMPLE_OPERATION_INSERT,
  DIMPLE_OPERATION_UPDATE,
  DIMPLE_OPERATION_DELETE
} DimpleOperation;

/**
 * DimpleOrigin:
 * @DIMPLE_ORIGIN_LOCAL: this process
 * @DIMPLE_ORIGIN_PROCESS: another process that has the same file open
 * @DIMPLE_ORIGIN_SYNC: another device
 *
 * Who made a change.
 */
typedef enum
{
  DIMPLE_ORIGIN_LOCAL,
  DIMPLE_ORIGIN_PROCESS,
  DIMPLE_ORIGIN_SYNC
} DimpleOrigin;

/**
 * DimpleMerge:
 * @DIMPLE_MERGE_LAST_WRITER: the newest edit wins
 * @DIMPLE_MERGE_TEXT: concurrent edits of a text are merged
 * @DIMPLE_MERGE_SUM: concurrent changes of a number are added up
 *
 * How concurrent edits of a column merge.
 */
typedef enum
{
  DIMPLE_MERGE_LAST_WRITER,
  DIMPLE_MERGE_TEXT,
  DIMPLE_MERGE_SUM
} DimpleMerge;

/**
 * DimpleConflictReason:
 * @DIMPLE_CONFLICT_UNIQUE: an older row holds one of its UNIQUE values
 * @DIMPLE_CONFLICT_FOREIGN_KEY: a row that it references is not visible
 * @DIMPLE_CONFLICT_NOT_NULL: a column that may not be NULL is
 * @DIMPLE_CONFLICT_CHECK: a CHECK refuses it
 * @DIMPLE_CONFLICT_TYPE: a STRICT table refuses a value's type
 *
 * Why a row is shelved.
 */
typedef enum
{
  DIMPLE_CONFLICT_UNIQUE,
  DIMPLE_CONFLICT_FOREIGN_KEY,
  DIMPLE_CONFLICT_NOT_NULL,
  DIMPLE_CONFLICT_CHECK,
  DIMPLE_CONFLICT_TYPE
} DimpleConflictReason;

/**
 * DimpleSyncState:
 * @DIMPLE_SYNC_IDLE: nothing to do
 * @DIMPLE_SYNC_WAITING: a sync will start by itself soon
 * @DIMPLE_SYNC_SYNCING: a sync is under way
 * @DIMPLE_SYNC_OFFLINE: the storage cannot be reached; it is tried again by itself
 * @DIMPLE_SYNC_PAUSED: the connection is metered
 * @DIMPLE_SYNC_FAILED: the user has to act
 *
 * What a sync client is doing.
 */
typedef enum
{
  DIMPLE_SYNC_IDLE,
  DIMPLE_SYNC_WAITING,
  DIMPLE_SYNC_SYNCING,
  DIMPLE_SYNC_OFFLINE,
  DIMPLE_SYNC_PAUSED,
  DIMPLE_SYNC_FAILED
} DimpleSyncState;

/**
 * DimpleStorageOperation:
 * @DIMPLE_STORAGE_LIST: keys by prefix
 * @DIMPLE_STORAGE_PUT: write an object
 * @DIMPLE_STORAGE_GET: read an object
 * @DIMPLE_STORAGE_REMOVE: remove objects
 *
 * What is asked of a storage.
 */
typedef enum
{
  DIMPLE_STORAGE_LIST,
  DIMPLE_STORAGE_PUT,
  DIMPLE_STORAGE_GET,
  DIMPLE_STORAGE_REMOVE
} DimpleStorageOperation;

G_END_DECLS
