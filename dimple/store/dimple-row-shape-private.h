/* dimple-row-shape-private.h: the columns of a result, and the class of its rows
 *
 * Each distinct shape (names, declared types, table and key) is one immortal object with one run-time GObject class.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-row.h"
#include "dimple-schema-private.h"

G_BEGIN_DECLS

typedef struct _DimpleRowShape DimpleRowShape;

/* Interned; never freed.  `statement` has been prepared on a connection of `schema`. */
DimpleRowShape     *dimple_row_shape_for_statement (sqlite3_stmt       *statement,
                                                    DimpleSchema       *schema);
/* The shape of a table's own rows, as `SELECT *`. */
DimpleRowShape     *dimple_row_shape_for_table     (const DimpleTable  *table);
guint               dimple_row_shape_get_n_columns (DimpleRowShape     *self);
const char * const *dimple_row_shape_get_columns   (DimpleRowShape     *self);
/* (nullable) where save() writes: the table all of whose key columns are in the result, the first such one */
const char         *dimple_row_shape_get_table     (DimpleRowShape     *self);
/* The public key of a row; FALSE if the result has none (or it is NULL). */
gboolean            dimple_row_shape_append_key    (DimpleRowShape     *self,
                                                    const guint8       *record,
                                                    GString            *key);
/* The run-time subclass of DimpleRow, registered at the first call. */
GType               dimple_row_shape_get_gtype     (DimpleRowShape     *self);
/* Names it for templates: see dimple_store_define_row_type(). */
GType               dimple_row_shape_define_type   (DimpleRowShape     *self,
                                                    const char         *type_name,
                                                    GError            **error);

/* An object for a record of the shape's columns.  `type`: 0 or DIMPLE_TYPE_ROW for the shape's own class, a defined row
 * type, or any GObject class of the app (properties are set by name).  Main context of its owner only. */
GObject            *dimple_row_shape_create        (DimpleRowShape     *self,
                                                    GType               type,
                                                    DimpleStore        *store,
                                                    const guint8       *record,
                                                    gsize               size);
/* Brings an object made by create() up to date in place: only columns that differ notify, edited ones are kept. */
void                dimple_row_shape_update        (DimpleRowShape     *self,
                                                    GObject            *object,
                                                    const guint8       *record,
                                                    gsize               size);
/* FALSE with DIMPLE_ERROR_TYPE if `type` cannot show rows of this shape (a defined type with other columns). */
gboolean            dimple_row_shape_check_type    (DimpleRowShape     *self,
                                                    GType               type,
                                                    GError            **error);

/* -- For dimple_store_save() ------------------------------------------------------------------------------------------ */

DimpleRow          *dimple_row_new_unsaved         (DimpleStore        *store,
                                                    DimpleRowShape     *shape);
/* The columns set since loading and their values; a{sv}, or NULL if there are none. */
GVariant           *dimple_row_dup_edits           (DimpleRow          *self);
/* Saved: what was edited is the row's own now.  `key` names a row just inserted, `record` (nullable) is how the table
 * has it now (defaults, generated columns). */
void                dimple_row_set_saved           (DimpleRow          *self,
                                                    const char         *key,
                                                    const guint8       *record,
                                                    gsize               size);

G_END_DECLS
