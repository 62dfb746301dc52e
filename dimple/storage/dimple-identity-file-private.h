/* dimple-identity-file-private.h: identities as `age -i` reads them, sealed by a passphrase
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-age-private.h"

G_BEGIN_DECLS

/* (element-type DimpleAgeIdentity) */
GBytes    *dimple_identity_file_seal (GPtrArray                *identities,
                                      const DimpleAgeIdentity  *passphrase,
                                      guint                     work_factor,
                                      GError                  **error);
/* (transfer full) (element-type DimpleAgeIdentity): at least one */
GPtrArray *dimple_identity_file_open (GBytes                   *sealed,
                                      DimpleAgeIdentity        *passphrase,
                                      GError                  **error);

G_END_DECLS
