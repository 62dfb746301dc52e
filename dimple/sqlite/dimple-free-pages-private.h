/* dimple-free-pages-private.h: giving pages that a database no longer uses back to the file system
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-connection-private.h"

G_BEGIN_DECLS

/* Before a new file's first page is written: it can be made smaller later.  Does nothing to a file that exists. */
gboolean dimple_free_pages_prepare   (DimpleConnection  *connection,
                                      GError           **error);
/* How many pages should go: 0 unless they are a good share of the file, and the file can be made smaller. */
gboolean dimple_free_pages_count     (DimpleConnection  *connection,
                                      gint64            *n_pages,
                                      GError           **error);
/* Takes `n_pages` at most off the end of the file, in the caller's write transaction. */
gboolean dimple_free_pages_give_back (DimpleConnection  *connection,
                                      gint64             n_pages,
                                      GError           **error);

G_END_DECLS
