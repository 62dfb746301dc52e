/* dimple-version-macros.h: which symbol came with which version
 *
 * Every public symbol carries DIMPLE_AVAILABLE_IN_…; nothing else is exported.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#if !defined (DIMPLE_INSIDE) && !defined (DIMPLE_COMPILATION)
#error "Only <dimple.h> can be included directly."
#endif

#include <glib.h>

#ifndef _DIMPLE_EXTERN
#define _DIMPLE_EXTERN __attribute__ ((visibility ("default"))) extern
#endif

#define DIMPLE_AVAILABLE_IN_ALL _DIMPLE_EXTERN
#define DIMPLE_AVAILABLE_IN_1_0 _DIMPLE_EXTERN
