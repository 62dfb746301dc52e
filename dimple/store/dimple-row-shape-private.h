/* dimple-row-shape-private.h: the columns of a result, and the objects that show its rows
 *
 * Each distinct shape (names, kinds of types, table and key) is one immortal object with one run-time GObject class, or
 * more where names were given to it.  Rows are shown by that class, or by any class of the app.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-row-edits-private.h"
#include "dimple-row.h"
#include "dimple-schema-private.h"

G_BEGIN_DECLS

typedef struct _DimpleRowShape DimpleRowShape;

/* Interned; never freed; any thread.  `statement` has been prepared on a connection of `schema`. */
DimpleRowShape     *dimple_row_shape_for_statement (sqlite3_stmt       *statement,
                                                    DimpleSchema       *schema);
/* The shape of a table's own rows, as `SELECT *`. */
DimpleRowShape     *dimple_row_shape_for_table     (const DimpleTable  *table);
guint               dimple_row_shape_get_n_columns (DimpleRowShape     *self);
const char * const *dimple_row_shape_get_columns   (DimpleRowShape     *self);
/* (nullable) where save() writes: the table all of whose key columns are in the result, the first such one.  NULL for a
 * UNION and such: which of its tables a row is of cannot be told. */
const char         *dimple_row_shape_get_table     (DimpleRowShape     *self);
/* The public key of a row; FALSE if the result has none (or it is NULL). */
gboolean            dimple_row_shape_append_key    (DimpleRowShape     *self,
                                                    const guint8       *record,
                                                    GString            *key);
/* The class of the shape's rows: the first name given to it, or else one registered at the first call. */
GType               dimple_row_shape_get_gtype     (DimpleRowShape     *self);
/* Names it for templates: see dimple_store_define_row_type().  0 with DIMPLE_ERROR_TYPE. */
GType               dimple_row_shape_define_type   (DimpleRowShape     *self,
                                                    const char         *type_name,
                                                    GError            **error);
/* FALSE with DIMPLE_ERROR_TYPE if `type` cannot show rows of this shape: a row type with other columns, a class that
 * cannot be made, that has no property of a column's name, or one whose type no value of SQL has. */
gboolean            dimple_row_shape_check_type    (DimpleRowShape     *self,
                                                    GType               type,
                                                    GError            **error);

/* -- Objects: in the main context of their owner only -------------------------------------------------------------- */

/* An object for a record of the shape's columns.  `type`: 0 or DIMPLE_TYPE_ROW for the shape's own class, or any that
 * check_type() accepts: a class derived from DimpleRow is made as it is, and the properties that a class of the app has
 * are set by their names. */
GObject            *dimple_row_shape_create        (DimpleRowShape     *self,
                                                    GType               type,
                                                    const guint8       *record,
                                                    gsize               size);
/* Brings an object made by create() up to date in place: only columns that differ notify, edited ones are kept. */
void                dimple_row_shape_update        (DimpleRowShape     *self,
                                                    GObject            *object,
                                                    const guint8       *record,
                                                    gsize               size);

/* -- For dimple_store_save(): a DimpleRow, or any object of the app ------------------------------------------------ */

/* An unsaved row, as every new object of a row type is. */
DimpleRow          *dimple_row_new_unsaved         (DimpleRowShape     *shape);
/* What the app's new objects of this class are: unsaved rows of this shape. */
void                dimple_row_shape_register      (DimpleRowShape     *self,
                                                    GType               type);
/* NULL: one of a class of the app that is not registered. */
DimpleRowShape     *dimple_row_shape_of            (GObject            *object);
/* (nullable) the public key that the object was loaded or saved with; NULL: unsaved, or without a key. */
char               *dimple_row_dup_key             (GObject            *object);
/* The columns of the table that were set since loading, and their values; NULL if there are none.  Of an unsaved
 * object of the app's own class: all that are not NULL.  FALSE with DIMPLE_ERROR_READ_ONLY if a column was set that is
 * none of the table's, or is generated. */
gboolean            dimple_row_dup_edits           (GObject            *object,
                                                    DimpleRowEdits    **edits,
                                                    GError            **error);
/* Sets a column of the row, as dimple_row_set_value() does. */
void                dimple_row_edit                (DimpleRow          *self,
                                                    guint               column,
                                                    const DimpleValue  *value);
/* Saved: `edits` (NULL: all that there are) are the row's own now.  `key` (nullable) names a row just inserted;
 * `record` (nullable) is how it is now, in the columns of dimple_row_shape_of(): with defaults and generated
 * columns. */
void                dimple_row_set_saved           (GObject            *object,
                                                    const DimpleRowEdits *edits,
                                                    const char         *key,
                                                    const guint8       *record,
                                                    gsize               size);

G_END_DECLS
