/* dimple-age-file-private.h: from the header of a file to its payload, for both forms of sealing and opening
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-age-payload-private.h"
#include "dimple-age-private.h"

G_BEGIN_DECLS

/* Returns the header and the nonce: what comes before the chunks */
GString *dimple_age_file_begin        (DimpleAgeRecipient * const *recipients,
                                       gsize                       n_recipients,
                                       DimpleAgePayload           *payload,
                                       GError                    **error);
/* Returns how many bytes come before the chunks; 0 with an error */
gsize    dimple_age_file_unlock       (const guint8               *data,
                                       gsize                       size,
                                       DimpleAgeIdentity * const  *identities,
                                       gsize                       n_identities,
                                       DimpleAgePayload           *payload,
                                       DimpleAgeFailure           *failure,
                                       GError                    **error);
void     dimple_age_set_payload_error (DimpleAgeFailure           *failure,
                                       GError                    **error);

G_END_DECLS
