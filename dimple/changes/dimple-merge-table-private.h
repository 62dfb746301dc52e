/* dimple-merge-table-private.h: what the merge does to one table
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-change-set-private.h"
#include "dimple-fold-private.h"
#include "dimple-shelf-private.h"

G_BEGIN_DECLS

/* Why SQLite took a row or not. */
typedef enum
{
  DIMPLE_TAKEN,
  DIMPLE_REFUSED_NOT_NULL,
  DIMPLE_REFUSED_CHECK,        /* CHECK, a trigger's RAISE */
  DIMPLE_REFUSED_TYPE,         /* a STRICT table's */
  DIMPLE_REFUSED_UNIQUE        /* another row is in the way */
} DimpleRefusal;

/* Which rows of a table came, went or became others. */
typedef struct
{
  const DimpleTable   *table;
  GArray              *hashes;             /* of gint64: of the rows' keys */
  gboolean             any;                /* which they are is not known */
} DimpleChangedRows;

typedef struct
{
  DimpleConnection    *connection;
  DimpleSchema        *schema;
  const DimpleTable   *table;
  const char          *database;           /* "main", or "temp" for a copy */
  DimpleTableChanges  *changes;            /* (nullable) */
  const guint8        *deleting;           /* the key (record) of the row that may be deleted now */

  gboolean             any_tombstones;
  gboolean             any_shelved;
  gboolean             any_waiting;        /* for other rows to go, or to come */
  gboolean             any_waits;          /* dimple_wait had something, of any table, when this was made */
  DimpleChangedRows    changed;            /* if any_waits */
  guint64              referenced;         /* columns out of the key that FOREIGN KEYs point at */
  gboolean             gained;             /* children may have found their parents */
  gboolean             lost;               /* children may be orphans */
  gboolean             freed;              /* UNIQUE values may be free */

  GPtrArray           *defaults;           /* of const guint8 *: what a column has of which nothing is known; records */
  GByteArray          *scratch;
  GHashTable          *updates;            /* SQL by mask of columns */
  char                *insert_sql;
  char                *upsert_sql;
  char                *find_sql;
  char                *delete_sql;
  char                *parents_sql;        /* (nullable) a row of values */
  char                *orphan_sql;         /* (nullable) one row of the table */
  char                *orphans_sql;        /* (nullable) all keys */
} DimpleMergeTable;

DimpleMergeTable *dimple_merge_table_new  (DimpleConnection      *connection,
                                           DimpleSchema          *schema,
                                           const DimpleTable     *table,
                                           DimpleChangeSet       *changes,
                                           GError               **error);
/* The same for a copy of it in the database temp, which knows of no parents in `group`. */
DimpleMergeTable *dimple_merge_table_new_copy (DimpleMergeTable  *self,
                                               DimpleSchema      *schema,
                                               GPtrArray         *group,
                                               GError           **error);
/* For new() alone. */
gboolean          dimple_merge_table_load_defaults (DimpleMergeTable *self,
                                                    GError          **error);
void              dimple_merge_table_free (DimpleMergeTable      *self);

/* Whether a row of that key is in the table; `rowid` and (nullable) `values`, kept in `fold`, are as it is there. */
gboolean dimple_merge_table_find    (DimpleMergeTable       *self,
                                     const guint8           *key,
                                     gboolean               *found,
                                     gint64                 *rowid,
                                     DimpleFold             *fold,
                                     DimpleRowValues        *values,
                                     GError                **error);
gboolean dimple_merge_table_insert  (DimpleMergeTable       *self,
                                     const guint8           *key,
                                     const DimpleRowValues  *values,
                                     DimpleRefusal          *refusal,
                                     GError                **error);
/* Writes the columns of `numbers`, which are in ascending order; `rowid` is of the row. */
gboolean dimple_merge_table_update  (DimpleMergeTable       *self,
                                     const guint8           *key,
                                     gint64                  rowid,
                                     const DimpleRowValues  *values,
                                     GArray                 *numbers,
                                     DimpleRefusal          *refusal,
                                     GError                **error);
gboolean dimple_merge_table_delete  (DimpleMergeTable       *self,
                                     const guint8           *key,
                                     gint64                  rowid,
                                     GError                **error);
/* Tries to insert, and tells in whose way the row is: `rival` receives a key of the table if the refusal is UNIQUE;
 * then nothing was written. */
gboolean dimple_merge_table_try     (DimpleMergeTable       *self,
                                     const guint8           *key,
                                     const DimpleRowValues  *values,
                                     DimpleRefusal          *refusal,
                                     GByteArray             *rival,
                                     GError                **error);
/* Whether a row of these values, in the table or not, would lack a parent. */
gboolean dimple_merge_table_lacks_parent (DimpleMergeTable      *self,
                                          const guint8          *key,
                                          const DimpleRowValues *values,
                                          gboolean              *lacks,
                                          GError               **error);
/* The same of a row that is in the table. */
gboolean dimple_merge_table_is_orphan (DimpleMergeTable     *self,
                                       const guint8         *key,
                                       gboolean             *orphan,
                                       GError              **error);
/* The keys (GBytes) of all rows of the table that lack a parent. */
GPtrArray *dimple_merge_table_list_orphans (DimpleMergeTable *self,
                                            GError          **error);

/* Notes that a row went from the table, or is known and not in it. */
gboolean dimple_merge_table_bury      (DimpleMergeTable      *self,
                                       const guint8          *key,
                                       GError               **error);
gboolean dimple_merge_table_is_buried (DimpleMergeTable      *self,
                                       const guint8          *key,
                                       gboolean              *buried,
                                       GError               **error);
/* A row that waits: with its values, and when it was created, it can be judged again without reading the log. */
typedef struct
{
  GByteArray      *key;
  const char      *created;    /* (nullable) */
  const guint8    *rival;      /* (nullable) the key of an older row that was in its way */
  DimpleRowValues *values;
} DimpleWaitingRow;

/* `rival` and `values` are nullable. */
gboolean dimple_merge_table_shelve    (DimpleMergeTable      *self,
                                       const guint8          *key,
                                       const char            *reason,
                                       const char            *created,
                                       const guint8          *rival,
                                       const DimpleRowValues *values,
                                       GError               **error);
gboolean dimple_merge_table_unshelve  (DimpleMergeTable      *self,
                                       const guint8          *key,
                                       GError               **error);
/* Takes rows from the shelf that are in the table: the app has inserted them anew.  Of those that `changes` names, or
 * (NULL) of all that wait for nobody. */
gboolean dimple_merge_table_unshelve_shown (DimpleMergeTable         *self,
                                            const DimpleTableChanges *changes,
                                            GError                  **error);
/* -- What a shelved row waits for ---------------------------------------------------------------------------------- */

void     dimple_changed_rows_init        (DimpleChangedRows        *self,
                                          const DimpleTable        *table);
void     dimple_changed_rows_clear       (DimpleChangedRows        *self);
void     dimple_changed_rows_add         (DimpleChangedRows        *self,
                                          const guint8             *key);
/* All that a commit changed; NULL: any may have. */
void     dimple_changed_rows_add_committed (DimpleChangedRows        *self,
                                            const DimpleTableChanges *changes);
/* `key_json` is on the shelf: for its parents, and for `rival`; NULL: for one that is not known, or, if the row is an
 * `orphan`, for none. */
gboolean dimple_merge_table_add_waits    (DimpleMergeTable        *self,
                                          const guint8            *key,
                                          const char              *key_json,
                                          const guint8            *rival,
                                          gboolean                 orphan,
                                          const DimpleRowValues   *values,
                                          GError                 **error);
/* And it waits for a row of `other`, a table that is settled together with this one; NULL: for any of them all. */
gboolean dimple_merge_table_add_wait     (DimpleMergeTable        *self,
                                          const guint8            *key,
                                          const DimpleTable       *other,
                                          const guint8            *other_key,
                                          GError                 **error);
gboolean dimple_merge_table_drop_waits   (DimpleMergeTable        *self,
                                          const char              *key_json,
                                          GError                 **error);
/* What has changed of a table; NULL: nothing. */
typedef const DimpleChangedRows *(*DimpleFindChanged) (const DimpleTable *table,
                                                       gpointer           user_data);
/* The shelved rows of the table, by their keys as JSON, that waited for what changed of it and of its parents; NULL:
 * all that wait are meant.  This alone says who is woken. */
gboolean dimple_waits_list_woken         (DimpleConnection        *connection,
                                          DimpleSchema            *schema,
                                          const DimpleTable       *table,
                                          DimpleFindChanged        find_changed,
                                          gpointer                 user_data,
                                          GHashTable             **woken,
                                          GError                 **error);
/* Those that waited for this row. */
gboolean dimple_merge_table_list_waiting_for (DimpleMergeTable    *self,
                                              const guint8        *rival,
                                              GHashTable         **woken,
                                              GError             **error);
/* The value of a column, from the key or from `values`; NULL of a generated one. */
const guint8 *dimple_merge_table_get_value (DimpleMergeTable      *self,
                                            const guint8          *key,
                                            const DimpleRowValues *values,
                                            guint                  column);

typedef gboolean (*DimpleWaitingFunc) (DimpleMergeTable       *table,
                                       const DimpleWaitingRow *row,
                                       gpointer                user_data,
                                       GError                **error);
/* The shelved rows that other rows are in the way of: those of `keys` (as JSON), or all.  Values are kept in `fold`. */
gboolean dimple_merge_table_visit_waiting (DimpleMergeTable   *self,
                                           GHashTable         *keys,
                                           DimpleFold         *fold,
                                           DimpleWaitingFunc   func,
                                           gpointer            user_data,
                                           GError            **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleMergeTable, dimple_merge_table_free)

G_END_DECLS
