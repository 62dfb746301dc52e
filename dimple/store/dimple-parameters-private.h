/* dimple-parameters-private.h: GVariants as the values of SQL parameters
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include "dimple-record-private.h"

G_BEGIN_DECLS

/* What a variant or a maybe holds, however deep; NULL for nothing.  Takes `variant`, which is returned itself if it is
 * neither. */
GVariant *dimple_parameter_unwrap      (GVariant              *variant);
/* What is in one that is unwrapped (NULL: NULL), ay being a blob: the value points into it.  DIMPLE_ERROR_PARAMETERS if
 * it cannot be stored. */
gboolean  dimple_parameter_read        (GVariant              *variant,
                                        DimpleValue           *value,
                                        GError               **error);
/* Both, and a copy as a parameter. */
gboolean  dimple_parameter_bind        (sqlite3_stmt          *statement,
                                        int                    position,
                                        GVariant              *variant,
                                        GError               **error);

/* `parameters`: NULL for none, a tuple for `?`, a{sv} for `:name`, one plain value for one `?`.  The values are copied.
 * DIMPLE_ERROR_PARAMETERS if number, names or types do not fit. */
gboolean  dimple_parameters_bind       (sqlite3_stmt          *statement,
                                        GVariant              *parameters,
                                        GError               **error);

/* Parameters that are bound as they are, and have to be held until the statement is released or bound anew */
typedef struct
{
  GVariant **variants;      /* of nullable ones */
  gsize      n;
  GVariant  *few[8];
} DimpleHeldParameters;

void      dimple_held_parameters_clear (DimpleHeldParameters  *self);
/* The same without copies.  `held`, whose first two members are 0, receives what has to live. */
gboolean  dimple_parameters_bind_held  (sqlite3_stmt          *statement,
                                        GVariant              *parameters,
                                        DimpleHeldParameters  *held,
                                        GError               **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DimpleHeldParameters, dimple_held_parameters_clear)

G_END_DECLS
