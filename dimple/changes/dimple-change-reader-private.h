/* dimple-change-reader-private.h: the changes of a transaction, one row at a time
 *
 * Reads the JSON of dimple-log-private.h without keeping more of it than the group and the row at hand.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-enums.h"
#include "dimple-json-private.h"

G_BEGIN_DECLS

/* "insert", "update" or "delete" */
const char *dimple_operation_get_name (DimpleOperation operation);

typedef struct
{
  DimpleJsonReader  json;
  gboolean          migration;      /* rows end in anchors */

  /* the group: rows of one table, operation and set of columns */
  char             *table;
  GPtrArray        *key;            /* names of the PRIMARY KEY's columns */
  GPtrArray        *columns;
  DimpleOperation   operation;

  /* the row */
  GByteArray       *key_values;     /* records */
  GByteArray       *new_values;     /* insert and update: one value a column */
  GByteArray       *old_values;     /* update and delete: one value a column, or empty where pruning dropped them */
  GPtrArray        *anchors;        /* in a migration: 1 + number of columns (a delete: 1), else empty */
  gboolean          has_old;
} DimpleChangeReader;

/* `changes` must stay; `script` is the transaction's. */
void     dimple_change_reader_init       (DimpleChangeReader  *self,
                                          GBytes              *changes,
                                          int                  script);
/* Goes on with those of another transaction, in the memory that it has. */
void     dimple_change_reader_restart    (DimpleChangeReader  *self,
                                          GBytes              *changes,
                                          int                  script);
void     dimple_change_reader_clear      (DimpleChangeReader  *self);
/* TRUE: there is one.  FALSE without an error: the end; else DIMPLE_ERROR_BAD_PACK: this is no list of changes. */
gboolean dimple_change_reader_next_group (DimpleChangeReader  *self,
                                          GError             **error);
gboolean dimple_change_reader_next_row   (DimpleChangeReader  *self,
                                          GError             **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleChangeReader, dimple_change_reader_clear)

G_END_DECLS
