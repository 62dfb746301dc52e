/* dimple-row-private.h: what the files of rows share
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-row-shape-private.h"
#include "dimple-row-value-private.h"

G_BEGIN_DECLS

typedef struct
{
  const char *name;         /* as in SQL */
  const char *property;
  const char *origin;       /* (nullable) the column of the shape's table that it is */
  gboolean    writable;     /* save() may write it there */
  DimpleKind  kind;
} DimpleRowColumn;

struct _DimpleRowShape
{
  guint                n_columns;
  DimpleRowColumn     *columns;
  const char         **names;        /* NULL-terminated */
  const char          *table;        /* (nullable) */
  DimpleTable         *keyed;        /* (nullable) as much of the key's table as dimple_key_append() reads */
  guint               *key;          /* the columns that are its key, in the key's order */
  GType                gtype;        /* 0 until it is asked for */
  GPtrArray           *bindings;     /* of DimpleRowBinding */
};

/* How a class shows a shape: its properties by column. */
typedef struct
{
  DimpleRowShape  *shape;
  GType            gtype;
  gboolean         generated;        /* a row type made here: its properties are the row's columns themselves */
  gboolean         ready;            /* its class has been made */
  GParamSpec     **properties;       /* NULL where the class has none */
} DimpleRowBinding;

/* Immortal.  `type` is a class that check_type() accepts. */
DimpleRowBinding *dimple_row_shape_bind          (DimpleRowShape   *self,
                                                  GType             type);
/* That of a generated or registered type's new objects; NULL for other types. */
DimpleRowBinding *dimple_row_binding_of_type     (GType             type);
/* The column that a property shows, or -1. */
int               dimple_row_binding_find        (DimpleRowBinding *self,
                                                  GParamSpec       *property);

/* What getters gave out of a column */
typedef struct
{
  char   *string;
  GBytes *bytes;
  GValue  value;
} DimpleRowLent;

/* Reads the column of this name as it is now; -1 after a critical if there is none, else which one it is. */
int               dimple_row_read                (DimpleRow        *self,
                                                  const char       *name,
                                                  DimpleValue      *value);
/* Emptied when the column changes. */
DimpleRowLent    *dimple_row_get_lent            (DimpleRow        *self,
                                                  guint             column);

/* The DimpleRow side of the functions of dimple-row-shape-private.h, and the side of the app's own classes */
DimpleRowBinding *dimple_row_get_binding         (DimpleRow        *self);
void              dimple_row_load                (DimpleRow        *self,
                                                  DimpleRowBinding *binding,
                                                  const guint8     *record,
                                                  gsize             size);
void              dimple_row_update              (DimpleRow        *self,
                                                  const guint8     *record,
                                                  gsize             size);
gboolean          dimple_row_collect_edits       (DimpleRow        *self,
                                                  DimpleRowEdits   *edits,
                                                  GError          **error);
void              dimple_row_become_saved        (DimpleRow        *self,
                                                  const DimpleRowEdits *edits,
                                                  const char       *key,
                                                  const guint8     *record,
                                                  gsize             size);
void              dimple_row_class_install       (GObjectClass     *object_class,
                                                  DimpleRowBinding *binding);

GObject          *dimple_row_object_create       (DimpleRowBinding *binding,
                                                  const guint8     *record,
                                                  gsize             size);
void              dimple_row_object_update       (GObject          *object,
                                                  const guint8     *record,
                                                  gsize             size);
DimpleRowBinding *dimple_row_object_get_binding  (GObject          *object);
char             *dimple_row_object_dup_key      (GObject          *object);
gboolean          dimple_row_object_collect_edits (GObject         *object,
                                                  DimpleRowEdits   *edits,
                                                  GError          **error);
void              dimple_row_object_become_saved (GObject          *object,
                                                  const DimpleRowEdits *edits,    /* (nullable) what was saved */
                                                  const char       *key,
                                                  const guint8     *record,
                                                  gsize             size);

/* Adds one edit of save(); FALSE with DIMPLE_ERROR_READ_ONLY. */
gboolean          dimple_row_shape_add_edit      (DimpleRowShape   *self,
                                                  guint             column,
                                                  const DimpleValue *value,
                                                  DimpleRowEdits   *edits,
                                                  GError          **error);
/* The value of a column of a record; NULL where there is no record. */
void              dimple_row_read_column         (const guint8     *record,
                                                  guint             column,
                                                  DimpleValue      *value);
/* Appends a record of `values`, with a public key (nullable) in the key's columns. */
void              dimple_row_shape_append_saved  (DimpleRowShape   *self,
                                                  const DimpleValue *values,
                                                  const char       *key,
                                                  GByteArray       *record);

G_END_DECLS
