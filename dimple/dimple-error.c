/* dimple-error.c: the error domain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-error.h"

/**
 * dimple_error_quark:
 *
 * The quark of [error@Dimple.Error].
 *
 * Returns: the error domain
 */
G_DEFINE_QUARK (dimple-error-quark, dimple_error)
