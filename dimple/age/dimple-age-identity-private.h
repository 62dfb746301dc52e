/* dimple-age-identity-private.h: who can open an age file, and for whom one is sealed
 *
 * Both are immutable and reference-counted, and can be used from any thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-age-header-private.h"

G_BEGIN_DECLS

/* 2^18 is 256 MiB and most of a second; 2^22, the most that is read, 4 GiB */
#define DIMPLE_AGE_WORK_FACTOR     18
#define DIMPLE_AGE_MAX_WORK_FACTOR 22

typedef struct _DimpleAgeIdentity DimpleAgeIdentity;
typedef struct _DimpleAgeRecipient DimpleAgeRecipient;

typedef enum
{
  DIMPLE_AGE_MATCH_YES,
  DIMPLE_AGE_MATCH_NO,
  DIMPLE_AGE_MATCH_MALFORMED,
  DIMPLE_AGE_MATCH_NO_MEMORY
} DimpleAgeMatch;

/* "AGE-SECRET-KEY-1…"; DIMPLE_ERROR_PASSPHRASE for another text */
DimpleAgeIdentity  *dimple_age_identity_new_for_text        (const char                *text,
                                                             gsize                      length,
                                                             GError                   **error);
DimpleAgeIdentity  *dimple_age_identity_new_for_passphrase  (const char                *passphrase);
DimpleAgeIdentity  *dimple_age_identity_generate            (GError                   **error);
DimpleAgeIdentity  *dimple_age_identity_ref                 (DimpleAgeIdentity         *self);
void                dimple_age_identity_unref               (DimpleAgeIdentity         *self);
gboolean            dimple_age_identity_equal               (const DimpleAgeIdentity   *self,
                                                             const DimpleAgeIdentity   *other);

/* Writes the text of a secret key and returns its length: wipe it */
gsize               dimple_age_identity_write_text          (const DimpleAgeIdentity   *self,
                                                             char                      *text,
                                                             gsize                      size);
/* (transfer full): for whom to seal so that this identity opens it, by its key or by its passphrase */
DimpleAgeRecipient *dimple_age_identity_get_recipient       (const DimpleAgeIdentity   *self);
DimpleAgeRecipient *dimple_age_identity_with_work_factor    (const DimpleAgeIdentity   *self,
                                                             guint                      work_factor);
DimpleAgeMatch      dimple_age_identity_unwrap              (const DimpleAgeIdentity   *self,
                                                             const DimpleAgeHeader     *header,
                                                             DimpleAgeKey              *file_key);

/* "age1…"; DIMPLE_ERROR_PARAMETERS for another text */
DimpleAgeRecipient *dimple_age_recipient_new_for_text       (const char                *text,
                                                             GError                   **error);
DimpleAgeRecipient *dimple_age_recipient_new_for_passphrase (const char                *passphrase,
                                                             guint                      work_factor);
DimpleAgeRecipient *dimple_age_recipient_ref                (DimpleAgeRecipient        *self);
void                dimple_age_recipient_unref              (DimpleAgeRecipient        *self);
/* (transfer full) (nullable): "age1…"; NULL of a passphrase */
char               *dimple_age_recipient_dup_text           (const DimpleAgeRecipient  *self);
gboolean            dimple_age_recipient_is_passphrase      (const DimpleAgeRecipient  *self);
DimpleAgeStanza    *dimple_age_recipient_wrap               (const DimpleAgeRecipient  *self,
                                                             const DimpleAgeKey        *file_key,
                                                             GError                   **error);

/* How often this process has run scrypt, for tests */
guint               dimple_age_get_n_scrypt_runs            (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleAgeIdentity, dimple_age_identity_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleAgeRecipient, dimple_age_recipient_unref)

G_END_DECLS
