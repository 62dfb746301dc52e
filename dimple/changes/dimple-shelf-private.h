/* dimple-shelf-private.h: the rows that exist and are not shown
 *
 * The merge puts rows on the shelf (the table dimple_shelf) and takes them from there; here they are read, and edited:
 * no SQL of the app's reaches them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-capture-private.h"
#include "dimple-change-set-private.h"
#include "dimple-record-private.h"

G_BEGIN_DECLS

/* The values of a whole row: one pointer to a record of one for each column of the table; NULL for generated ones. */
typedef GPtrArray DimpleRowValues;

typedef struct
{
  const DimpleTable *table;
  char              *key_json;     /* as dimple_shelf has it */
  GByteArray        *key;          /* a record */
  char              *reason;       /* "unique", "foreign-key", "not-null", "check", "type" */
  char              *created;      /* (nullable) id of the transaction */
  char              *json;         /* the values by column */
  GByteArray        *record;       /* of all columns of the table, in order; generated ones are NULL */
} DimpleShelvedRow;

void              dimple_shelved_row_free     (DimpleShelvedRow   *self);

/* Those that have all their values, by table and key; of the tables of `schema`, which must stay. */
GPtrArray        *dimple_shelf_read           (DimpleConnection   *connection,
                                               DimpleSchema       *schema,
                                               GError            **error);
/* NULL without an error if it is not there. */
DimpleShelvedRow *dimple_shelf_find           (DimpleConnection   *connection,
                                               const DimpleTable  *table,
                                               const guint8       *key,
                                               GError            **error);

/* The keys (GBytes, records) of those rows of the table that `changes` names, or (NULL: any row may have changed) of
 * all that wait for nobody. */
GPtrArray        *dimple_shelf_list_named     (DimpleConnection         *connection,
                                               const DimpleTable        *table,
                                               const DimpleTableChanges *changes,
                                               GError                  **error);

/* The rows of its table, a hundred at most, that hold one of its UNIQUE values: GBytes, records as that of `row`. */
GPtrArray        *dimple_shelf_find_rivals    (DimpleConnection        *connection,
                                               const DimpleShelvedRow  *row,
                                               GError                 **error);

/* -- Editing, in a transaction of the app's ------------------------------------------------------------------------ */

/* The row is as `record` (of all columns) says, or NULL: deleted. */
gboolean          dimple_shelf_edit           (DimpleConnection   *connection,
                                               DimpleShelvedRow   *row,
                                               const guint8       *record,
                                               GError            **error);
/* Before COMMIT: calls `func` for each row that is another now, and notes the tables in `changes`, so that settling
 * judges the rows anew. */
gboolean          dimple_shelf_flush_edits    (DimpleConnection   *connection,
                                               DimpleSchema       *schema,
                                               DimpleChangeSet    *changes,
                                               DimpleCaptureFunc   func,
                                               gpointer            user_data,
                                               GError            **error);

/* -- As JSON ------------------------------------------------------------------------------------------------------- */

/* The key as the JSON array that dimple_tombstone and dimple_shelf have. */
char             *dimple_key_to_json          (const guint8       *key,
                                               guint               n_values);
gboolean          dimple_key_from_json        (const char         *json,
                                               guint               n_values,
                                               GByteArray         *key);
/* The values of the columns that are neither generated nor in the key. */
char             *dimple_shelf_values_to_json (const DimpleTable     *table,
                                               const DimpleRowValues *values);
/* The same back; what it does not name is NULL.  NULL: that is no JSON of ours. */
DimpleRowValues  *dimple_shelf_values_from_json (const DimpleTable *table,
                                                 const char        *json);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleShelvedRow, dimple_shelved_row_free)

G_END_DECLS
