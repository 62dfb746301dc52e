/* dimple-row-value-private.h: SQL values as GValues, and back
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib-object.h>

#include "dimple-record-private.h"

G_BEGIN_DECLS

/* What a column holds by its declaration.  SQLite may store anything else in it all the same. */
typedef enum
{
  DIMPLE_KIND_ANY,
  DIMPLE_KIND_BOOLEAN,
  DIMPLE_KIND_INT64,
  DIMPLE_KIND_STRING,
  DIMPLE_KIND_DOUBLE,
  DIMPLE_KIND_BYTES
} DimpleKind;

/* `declared_type` (nullable): what CREATE TABLE or CAST says. */
DimpleKind  dimple_kind_from_declared_type (const char        *declared_type);
/* The type of a property for such a column. */
GType       dimple_kind_get_gtype          (DimpleKind         kind);

/* Any value as the type asked for, as SQL's CAST does; NULL is 0, FALSE or NULL.  Strings are valid UTF-8. */
gint64      dimple_value_to_int64          (const DimpleValue *value);
double      dimple_value_to_double         (const DimpleValue *value);
gboolean    dimple_value_to_boolean        (const DimpleValue *value);
char       *dimple_value_dup_string        (const DimpleValue *value);
GBytes     *dimple_value_dup_bytes         (const DimpleValue *value);
/* ISO 8601 text or Unix seconds; in UTC.  NULL for anything else. */
GDateTime  *dimple_value_dup_date_time     (const DimpleValue *value);
/* Nothing (m*) for NULL. */
GVariant   *dimple_value_to_variant        (const DimpleValue *value);

/* Initialises `target` by what the value is: int64, double, string, GBytes, or boolean where the kind says so.  NULL is
 * a NULL string. */
void        dimple_value_init_gvalue       (const DimpleValue *value,
                                            DimpleKind         kind,
                                            GValue            *target);
/* Sets a GValue of a type that a column can be shown in. */
gboolean    dimple_value_is_type_supported (GType              type);
void        dimple_value_set_gvalue        (const DimpleValue *value,
                                            DimpleKind         kind,
                                            GValue            *target);
/* Appends a GValue to a record; an empty one, and any NULL pointer, is NULL.  FALSE for a type that no column can
 * hold. */
gboolean    dimple_record_append_gvalue    (GByteArray        *record,
                                            const GValue      *value,
                                            DimpleKind         kind);

/* GTK and GBinding move values by GObject's transforms: makes those for properties of G_TYPE_VALUE. */
void        dimple_value_register_transforms (void);

G_END_DECLS
