/* dimple-changes-lookup-private.h: what became of the rows of a result, looked up before and now
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-kept-rows-private.h"

G_BEGIN_DECLS

/* The rows of `changes`, netted, and those that its other changes mean, all of them placed: of DimpleRowChange, with
 * sort keys in changes->keys.  Reads where the subscription shows rows, and what the hub reads now.  NULL if they are
 * so many that the result is better read anew, or if they cannot be read. */
GArray *dimple_changes_look_up (DimpleRowChanges   *changes,
                                DimpleKeptRows     *rows,
                                DimpleSubscription *subscription,
                                DimpleQueryHub     *hub);

G_END_DECLS
