/* dimple-parameters-private.h: GVariants as the values of SQL parameters
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/* NULL for none, a tuple for `?`, a{sv} for `:name`, one plain value for one `?`.  The values are copied.
 * DIMPLE_ERROR_PARAMETERS if number, names or types do not fit. */
gboolean dimple_parameters_bind       (sqlite3_stmt  *statement,
                                       GVariant      *parameters,
                                       GError       **error);
/* One value; nothing (m*) is NULL, ay a blob. */
gboolean dimple_parameter_bind        (sqlite3_stmt  *statement,
                                       int            position,
                                       GVariant      *value,
                                       GError       **error);
/* Without a copy: the caller keeps a reference on `value` itself until the statement is released or bound anew. */
gboolean dimple_parameter_bind_static (sqlite3_stmt  *statement,
                                       int            position,
                                       GVariant      *value,
                                       GError       **error);

G_END_DECLS
