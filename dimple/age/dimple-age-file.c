/* dimple-age-file.c: from the header of a file to its payload, for both forms of sealing and opening
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-age-file-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-error.h"

/* A passphrase beside another recipient could be read by nobody: readers refuse it */
static gboolean
check_recipients (DimpleAgeRecipient * const  *recipients,
                  gsize                        n_recipients,
                  GError                     **error)
{
  if (!dimple_age_init (error))
    return FALSE;

  for (gsize i = 0; i < n_recipients; i++)
    if (n_recipients > 1 && dimple_age_recipient_is_passphrase (recipients[i]))
      {
        g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
                             _("A passphrase has to be the only recipient of an age file."));
        return FALSE;
      }

  if (n_recipients > 0)
    return TRUE;
  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS, _("An age file needs a recipient."));
  return FALSE;
}

GString *
dimple_age_file_begin (DimpleAgeRecipient * const  *recipients,
                       gsize                        n_recipients,
                       DimpleAgePayload            *payload,
                       GError                     **error)
{
  g_autoptr (DimpleAgeHeader) header = dimple_age_header_new ();
  g_autoptr (DimpleAgeKey) file_key = NULL;
  guint8 nonce[DIMPLE_AGE_NONCE_SIZE];
  GString *start;

  if (!check_recipients (recipients, n_recipients, error))
    return NULL;

  file_key = dimple_age_key_new ();
  dimple_age_random (file_key->bytes, DIMPLE_AGE_FILE_KEY_SIZE);
  for (gsize i = 0; i < n_recipients; i++)
    {
      DimpleAgeStanza *stanza = dimple_age_recipient_wrap (recipients[i], file_key, error);

      if (stanza == NULL)
        return NULL;
      g_ptr_array_add (header->stanzas, stanza);
    }

  dimple_age_random (nonce, sizeof nonce);
  dimple_age_payload_begin (payload, file_key, nonce);
  start = dimple_age_header_serialize (header, file_key);
  g_string_append_len (start, (const char *) nonce, sizeof nonce);
  return start;
}

static void
set_failure (DimpleAgeFailure *failure,
             DimpleAgeFailure  value)
{
  if (failure != NULL)
    *failure = value;
}

static gboolean
unwrap_file_key (const DimpleAgeHeader       *header,
                 DimpleAgeIdentity * const   *identities,
                 gsize                        n_identities,
                 DimpleAgeKey                *file_key,
                 DimpleAgeFailure            *failure,
                 GError                     **error)
{
  DimpleAgeMatch match = DIMPLE_AGE_MATCH_NO;

  for (gsize i = 0; match == DIMPLE_AGE_MATCH_NO && i < n_identities; i++)
    match = dimple_age_identity_unwrap (identities[i], header, file_key);

  switch (match)
    {
    case DIMPLE_AGE_MATCH_YES:
      return TRUE;

    case DIMPLE_AGE_MATCH_NO:
      set_failure (failure, DIMPLE_AGE_FAILURE_NO_MATCH);
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE,
                           _("It was sealed with another passphrase or for another identity."));
      return FALSE;

    case DIMPLE_AGE_MATCH_NO_MEMORY:
      set_failure (failure, DIMPLE_AGE_FAILURE_HEADER);
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED,
                           _("There is not enough memory to turn the passphrase into a key: close other apps."));
      return FALSE;

    case DIMPLE_AGE_MATCH_MALFORMED:
    default:
      set_failure (failure, DIMPLE_AGE_FAILURE_HEADER);
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK,
                           _("A recipient in the header of the age file is damaged."));
      return FALSE;
    }
}

gsize
dimple_age_file_unlock (const guint8               *data,
                        gsize                       size,
                        DimpleAgeIdentity * const  *identities,
                        gsize                       n_identities,
                        DimpleAgePayload           *payload,
                        DimpleAgeFailure           *failure,
                        GError                    **error)
{
  g_autoptr (DimpleAgeHeader) header = NULL;
  g_autoptr (DimpleAgeKey) file_key = NULL;

  set_failure (failure, DIMPLE_AGE_FAILURE_NONE);
  if (!dimple_age_init (error))
    return 0;

  header = dimple_age_header_parse (data, size, error);
  if (header == NULL)
    {
      set_failure (failure, DIMPLE_AGE_FAILURE_HEADER);
      return 0;
    }

  file_key = dimple_age_key_new ();
  if (!unwrap_file_key (header, identities, n_identities, file_key, failure, error))
    return 0;
  if (!dimple_age_header_verify (header, data, file_key))
    {
      set_failure (failure, DIMPLE_AGE_FAILURE_MAC);
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK,
                           _("The header of the age file was changed after it was sealed."));
      return 0;
    }
  if (size - header->size < DIMPLE_AGE_NONCE_SIZE)
    {
      set_failure (failure, DIMPLE_AGE_FAILURE_HEADER);
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK, _("The age file is cut short."));
      return 0;
    }

  dimple_age_payload_begin (payload, file_key, data + header->size);
  return header->size + DIMPLE_AGE_NONCE_SIZE;
}

void
dimple_age_set_payload_error (DimpleAgeFailure  *failure,
                              GError           **error)
{
  set_failure (failure, DIMPLE_AGE_FAILURE_PAYLOAD);
  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK,
                       _("The contents of the age file were cut short or changed after they were sealed."));
}
