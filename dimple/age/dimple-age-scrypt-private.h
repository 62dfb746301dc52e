/* dimple-age-scrypt-private.h: the recipient type scrypt: a passphrase
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-age-header-private.h"
#include "dimple-age-identity-private.h"

G_BEGIN_DECLS

#define DIMPLE_AGE_SCRYPT_TYPE "scrypt"

/* (nullable): NULL if there is not enough memory for the work factor */
DimpleAgeStanza *dimple_age_scrypt_wrap       (const char            *passphrase,
                                               guint                  work_factor,
                                               const DimpleAgeKey    *file_key);
DimpleAgeMatch   dimple_age_scrypt_unwrap     (const char            *passphrase,
                                               const DimpleAgeHeader *header,
                                               DimpleAgeKey          *file_key);

G_END_DECLS
