/* dimple-row-changes-private.h: what commits did to the rows that a query may show
 *
 * Collected commit by commit; then netted: which row of before is which row now, whatever happened in between.  A row
 * of before is named by its rowid then, a row of now by its rowid now; it is the same row as long as its key is the
 * same.  Of other rows only the key is known, and what they mean for the result must be looked up.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  gint64    from;          /* the rowid before, if `had_row` */
  gint64    to;            /* the rowid now, if `has_row` */
  guint32   key;           /* where its sort key begins in `keys` */
  guint32   key_size;
  guint     had_row : 1;   /* else it is new */
  guint     has_row : 1;   /* else it is gone from the table */
  guint     is_placed : 1; /* whether it belongs to the result, and its sort key, are known; else they are what they were */
  guint     belongs : 1;
} DimpleRowChange;

typedef struct
{
  guint32   table;         /* 0: the base table of the plan; n: the n-th that is joined to it */
  guint32   key;           /* where its public key, or its rowid if it has none, begins in `other_keys` */
} DimpleOtherChange;

typedef struct
{
  GArray     *rows;        /* of DimpleRowChange */
  GByteArray *keys;        /* the sort keys */
  GString    *names;       /* the public keys of the rows, each ended by NUL; empty if their rowids are their keys */
  GArray     *others;      /* of DimpleOtherChange */
  GString    *other_keys;  /* each ended by NUL */
  gboolean    lost;        /* it is not known where rows belong: they must be read anew */
  gboolean    unknown;     /* nor which rows changed: there are none here */
} DimpleRowChanges;

DimpleRowChanges *dimple_row_changes_new         (void);
void              dimple_row_changes_free        (DimpleRowChanges       *self);
gboolean          dimple_row_changes_is_empty    (DimpleRowChanges       *self);
void              dimple_row_changes_clear       (DimpleRowChanges       *self);
void              dimple_row_changes_add_other   (DimpleRowChanges       *self,
                                                  guint                   table,
                                                  const char             *key);
const char       *dimple_row_changes_get_other   (DimpleRowChanges       *self,
                                                  guint                   position,
                                                  guint                  *table);
/* Whether there are rows of the base table of which only the key is known. */
gboolean          dimple_row_changes_has_named   (DimpleRowChanges       *self);
/* Forgets all but the keys of the rows of the base table; FALSE if they have no names. */
gboolean          dimple_row_changes_name_all    (DimpleRowChanges       *self);
/* How many there are, of rows and others. */
guint             dimple_row_changes_count       (DimpleRowChanges       *self);
/* It is not known what happened. */
void              dimple_row_changes_set_unknown (DimpleRowChanges       *self);
/* Adds what happened later. */
void              dimple_row_changes_join        (DimpleRowChanges       *self,
                                                  DimpleRowChanges       *later);
/* `rows` as if all had happened at once; their sort keys are in self->keys. */
GArray           *dimple_row_changes_net         (DimpleRowChanges       *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleRowChanges, dimple_row_changes_free)

G_END_DECLS
