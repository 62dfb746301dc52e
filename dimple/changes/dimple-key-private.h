/* dimple-key-private.h: the public key of a row
 *
 * The PRIMARY KEY's text; where it is composite or not of TEXT affinity, a JSON array of its values in the order of the
 * PRIMARY KEY.  A TEXT column may hold what no string can say (a blob, text that is not UTF-8 or holds NUL): such a key
 * is the JSON array of its one value too, [{"hex":"00ff"}].
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-schema-private.h"
#include "dimple-record-private.h"

G_BEGIN_DECLS

/* `values`: as many as table->key has columns, in its order. */
void     dimple_key_append        (GString            *key,
                                   const DimpleTable  *table,
                                   const DimpleValue  *values);
/* The same from a record of those values. */
void     dimple_key_append_record (GString            *key,
                                   const DimpleTable  *table,
                                   const guint8       *record);
/* Appends the record of the key's values.  DIMPLE_ERROR_PARAMETERS if `text` is no key of `table`. */
gboolean dimple_key_parse         (const DimpleTable  *table,
                                   const char         *text,
                                   GByteArray         *record,
                                   GError            **error);

G_END_DECLS
