/* dimple-sort-key-private.h: the values that rows are ordered by, as bytes that memcmp() orders the same
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-record-private.h"

G_BEGIN_DECLS

typedef enum
{
  DIMPLE_COLLATION_BINARY,
  DIMPLE_COLLATION_NOCASE,
  DIMPLE_COLLATION_RTRIM,
  DIMPLE_COLLATION_LOCALE
} DimpleCollation;

/* One term of ORDER BY, as SQLite's sorter understood it. */
typedef struct
{
  DimpleCollation collation;
  gboolean        descending;
  gboolean        null_is_greatest;   /* before `descending` turns it round */
} DimpleSortTerm;

/* FALSE if there is no such collation here. */
gboolean dimple_collation_from_name (const char            *name,
                                     DimpleCollation       *collation);
/* Appends a value; no value of a term is the beginning of another, so the next term's can follow. */
void     dimple_sort_key_append     (GByteArray            *key,
                                     const DimpleSortTerm  *term,
                                     const DimpleValue     *value);
int      dimple_sort_key_compare    (const guint8          *a,
                                     gsize                  a_size,
                                     const guint8          *b,
                                     gsize                  b_size);

G_END_DECLS
