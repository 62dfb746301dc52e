/* dimple-error.c: the error domain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-error.h"

G_DEFINE_QUARK (dimple-error-quark, dimple_error)
