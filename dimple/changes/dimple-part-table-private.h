/* dimple-part-table-private.h: parts of transactions that came in, until all are there
 *
 *   dimple_part (pack, part, contents)
 *
 * `contents` is an object as the repository has it, unsealed; `pack` the name of the first part's.  They wait here, so
 * that a transaction too large to be held in memory is fetched part by part, whatever comes in between, and then merged
 * as one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-connection-private.h"

G_BEGIN_DECLS

gboolean dimple_part_table_create (DimpleConnection  *connection,
                                   GError           **error);
typedef void (*DimplePartFunc)    (const char        *pack,
                                   guint              part,
                                   gpointer           user_data);
gboolean dimple_part_table_list   (DimpleConnection  *connection,
                                   DimplePartFunc     func,
                                   gpointer           user_data,
                                   GError           **error);
gboolean dimple_part_table_add    (DimpleConnection  *connection,
                                   const char        *pack,
                                   guint              part,
                                   GBytes            *contents,
                                   GError           **error);
/* NULL without an error if it is not there. */
GBytes  *dimple_part_table_read   (DimpleConnection  *connection,
                                   const char        *pack,
                                   guint              part,
                                   GError           **error);
gboolean dimple_part_table_forget (DimpleConnection  *connection,
                                   const char        *pack,
                                   GError           **error);

G_END_DECLS
