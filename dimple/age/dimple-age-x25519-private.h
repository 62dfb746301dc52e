/* dimple-age-x25519-private.h: the recipient type X25519
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-age-header-private.h"
#include "dimple-age-identity-private.h"

G_BEGIN_DECLS

#define DIMPLE_AGE_X25519_TYPE "X25519"
#define DIMPLE_AGE_POINT_SIZE  32

/* `point` is NULL for the base point; FALSE if the product is no secret: all zeros */
gboolean         dimple_age_x25519_multiply (const guint8           scalar[DIMPLE_AGE_KEY_SIZE],
                                             const guint8          *point,
                                             guint8                 product[DIMPLE_AGE_POINT_SIZE]);

/* (nullable): NULL for a recipient that is no key */
DimpleAgeStanza *dimple_age_x25519_wrap     (const guint8           recipient[DIMPLE_AGE_POINT_SIZE],
                                             const DimpleAgeKey    *file_key);
DimpleAgeMatch   dimple_age_x25519_unwrap   (const DimpleAgeKey    *secret,
                                             const guint8           recipient[DIMPLE_AGE_POINT_SIZE],
                                             const DimpleAgeHeader *header,
                                             DimpleAgeKey          *file_key);

G_END_DECLS
