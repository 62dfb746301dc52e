/* dimple-age-private.h: the age file format, version 1 (age-encryption.org/v1)
 *
 * Files that are sealed here are opened by the `age` command, and the other way round.  Binary files only, no armour;
 * the recipient types X25519 and scrypt.
 *
 *   g_autoptr (DimpleAgeIdentity) identity = dimple_age_identity_generate (&error);
 *   g_autoptr (DimpleAgeRecipient) recipient = dimple_age_identity_get_recipient (identity);
 *   g_autoptr (GBytes) sealed = dimple_age_seal (plaintext, &recipient, 1, &error);
 *   g_autoptr (GBytes) opened = dimple_age_open (sealed, &identity, 1, NULL, &error);
 *
 * Everything here blocks: scrypt for most of a second, the rest about 1 ms for each 2 MiB.  Any thread will do.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>

#include "dimple-age-identity-private.h"

G_BEGIN_DECLS

/* Why a file could not be opened.  All are DIMPLE_ERROR_BAD_PACK but for NO_MATCH, which is DIMPLE_ERROR_PASSPHRASE. */
typedef enum
{
  DIMPLE_AGE_FAILURE_NONE,      /* it was opened, or the input or output failed */
  DIMPLE_AGE_FAILURE_HEADER,    /* malformed, down to the nonce that follows it */
  DIMPLE_AGE_FAILURE_NO_MATCH,  /* for none of the identities */
  DIMPLE_AGE_FAILURE_MAC,       /* the header has been changed */
  DIMPLE_AGE_FAILURE_PAYLOAD    /* changed, cut short, or with something behind its end */
} DimpleAgeFailure;

/* Whether it starts as an age file of some version does */
gboolean dimple_age_is_sealed   (GBytes                     *contents);

/* A passphrase has to be the only recipient: DIMPLE_ERROR_PARAMETERS */
GBytes  *dimple_age_seal        (GBytes                     *plaintext,
                                 DimpleAgeRecipient * const *recipients,
                                 gsize                       n_recipients,
                                 GError                    **error);

/* All or nothing: no plaintext leaves these that is not known to be authentic to its end.  `failure` is nullable. */
GBytes  *dimple_age_open        (GBytes                     *sealed,
                                 DimpleAgeIdentity * const  *identities,
                                 gsize                       n_identities,
                                 DimpleAgeFailure           *failure,
                                 GError                    **error);
/* The same for a secret, which stays in secure memory */
GBytes  *dimple_age_open_secret (GBytes                     *sealed,
                                 DimpleAgeIdentity * const  *identities,
                                 gsize                       n_identities,
                                 DimpleAgeFailure           *failure,
                                 GError                    **error);

/* A chunk at a time, in about 200 KiB of memory.  What has been written when opening fails is authentic, but not all of
 * it: drop it.  Neither stream is closed. */
gboolean dimple_age_seal_stream (GInputStream               *plaintext,
                                 GOutputStream              *sealed,
                                 DimpleAgeRecipient * const *recipients,
                                 gsize                       n_recipients,
                                 GCancellable               *cancellable,
                                 GError                    **error);
gboolean dimple_age_open_stream (GInputStream               *sealed,
                                 GOutputStream              *plaintext,
                                 DimpleAgeIdentity * const  *identities,
                                 gsize                       n_identities,
                                 GCancellable               *cancellable,
                                 DimpleAgeFailure           *failure,
                                 GError                    **error);

G_END_DECLS
