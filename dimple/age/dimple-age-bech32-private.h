/* dimple-age-bech32-private.h: Bech32 (BIP 173), as age writes its keys
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-age-crypto-private.h"

G_BEGIN_DECLS

/* "AGE-SECRET-KEY-" and its data */
#define DIMPLE_AGE_BECH32_MAX_LENGTH (15 + 1 + 52 + 6)

/* `prefix` without the "1", in the case in which all of the text is to be */
gsize    dimple_age_bech32_encode (const char         *prefix,
                                   const DimpleAgeKey *key,
                                   char                text[DIMPLE_AGE_BECH32_MAX_LENGTH + 1]);
gboolean dimple_age_bech32_decode (const char         *text,
                                   gsize               length,
                                   const char         *prefix,
                                   DimpleAgeKey       *key);

G_END_DECLS
