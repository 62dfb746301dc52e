/* dimple-age-identity.c: who can open an age file, and for whom one is sealed
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-age-identity-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-age-bech32-private.h"
#include "dimple-age-scrypt-private.h"
#include "dimple-age-x25519-private.h"
#include "dimple-error.h"

#define IDENTITY_PREFIX  "AGE-SECRET-KEY-"
#define RECIPIENT_PREFIX "age"

/* Either has a passphrase, or else a key */
struct _DimpleAgeIdentity
{
  gatomicrefcount ref_count;
  char *passphrase;             /* in secure memory */
  DimpleAgeKey *secret;
  guint8 point[DIMPLE_AGE_POINT_SIZE];
};

struct _DimpleAgeRecipient
{
  gatomicrefcount ref_count;
  char *passphrase;             /* in secure memory */
  guint work_factor;
  guint8 point[DIMPLE_AGE_POINT_SIZE];
};

static char *
secret_strdup (const char *text)
{
  char *copy = dimple_age_secret_alloc (strlen (text) + 1);

  strcpy (copy, text);
  return copy;
}

static void
secret_strfree (char *text)
{
  if (text != NULL)
    dimple_age_secret_free (text, strlen (text));
}

/* --- Identities --- */

static DimpleAgeIdentity *
identity_new (void)
{
  DimpleAgeIdentity *self = g_new0 (DimpleAgeIdentity, 1);

  g_atomic_ref_count_init (&self->ref_count);
  return self;
}

static DimpleAgeIdentity *
identity_new_for_key (DimpleAgeKey *secret)
{
  DimpleAgeIdentity *self = identity_new ();

  self->secret = secret;
  /* A secret is made a multiple of nothing but the base point's order, so there is always a product */
  dimple_age_x25519_multiply (secret->bytes, NULL, self->point);
  return self;
}

DimpleAgeIdentity *
dimple_age_identity_new_for_text (const char  *text,
                                  gsize        length,
                                  GError     **error)
{
  g_autoptr (DimpleAgeKey) secret = NULL;

  if (!dimple_age_init (error))
    return NULL;

  secret = dimple_age_key_new ();
  if (!dimple_age_bech32_decode (text, length, IDENTITY_PREFIX, secret))
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE,
                           _("This is not an age identity, which is a line of 74 characters that begins with "
                             "AGE-SECRET-KEY-1: check that it was copied whole."));
      return NULL;
    }
  return identity_new_for_key (g_steal_pointer (&secret));
}

DimpleAgeIdentity *
dimple_age_identity_new_for_passphrase (const char *passphrase)
{
  DimpleAgeIdentity *self;

  dimple_age_init (NULL);
  self = identity_new ();
  self->passphrase = secret_strdup (passphrase);
  return self;
}

DimpleAgeIdentity *
dimple_age_identity_generate (GError **error)
{
  DimpleAgeKey *secret;

  if (!dimple_age_init (error))
    return NULL;

  secret = dimple_age_key_new ();
  gcry_randomize (secret->bytes, sizeof secret->bytes, GCRY_VERY_STRONG_RANDOM);
  return identity_new_for_key (secret);
}

DimpleAgeIdentity *
dimple_age_identity_ref (DimpleAgeIdentity *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
dimple_age_identity_unref (DimpleAgeIdentity *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_pointer (&self->passphrase, secret_strfree);
  g_clear_pointer (&self->secret, dimple_age_key_free);
  g_free (self);
}

gboolean
dimple_age_identity_equal (const DimpleAgeIdentity *self,
                           const DimpleAgeIdentity *other)
{
  if (self->secret != NULL && other->secret != NULL)
    return memcmp (self->point, other->point, sizeof self->point) == 0;

  return g_strcmp0 (self->passphrase, other->passphrase) == 0;
}

gsize
dimple_age_identity_write_text (const DimpleAgeIdentity *self,
                                char                    *text,
                                gsize                    size)
{
  g_assert (self->secret != NULL);
  g_assert (size > DIMPLE_AGE_BECH32_MAX_LENGTH);

  return dimple_age_bech32_encode (IDENTITY_PREFIX, self->secret, text);
}

DimpleAgeMatch
dimple_age_identity_unwrap (const DimpleAgeIdentity *self,
                            const DimpleAgeHeader   *header,
                            DimpleAgeKey            *file_key)
{
  if (self->passphrase != NULL)
    return dimple_age_scrypt_unwrap (self->passphrase, header, file_key);

  return dimple_age_x25519_unwrap (self->secret, self->point, header, file_key);
}

/* --- Recipients --- */

static DimpleAgeRecipient *
recipient_new (void)
{
  DimpleAgeRecipient *self = g_new0 (DimpleAgeRecipient, 1);

  g_atomic_ref_count_init (&self->ref_count);
  return self;
}

DimpleAgeRecipient *
dimple_age_identity_get_recipient (const DimpleAgeIdentity *self)
{
  DimpleAgeRecipient *recipient = recipient_new ();

  g_assert (self->secret != NULL);
  memcpy (recipient->point, self->point, sizeof recipient->point);
  return recipient;
}

DimpleAgeRecipient *
dimple_age_identity_with_work_factor (const DimpleAgeIdentity *self,
                                      guint                    work_factor)
{
  g_assert (self->passphrase != NULL);

  return dimple_age_recipient_new_for_passphrase (self->passphrase, work_factor);
}

DimpleAgeRecipient *
dimple_age_recipient_new_for_text (const char  *text,
                                   GError     **error)
{
  g_autoptr (DimpleAgeKey) point = NULL;
  DimpleAgeRecipient *self;

  if (!dimple_age_init (error))
    return NULL;

  point = dimple_age_key_new ();
  if (!dimple_age_bech32_decode (text, strlen (text), RECIPIENT_PREFIX, point))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
                   _("“%s” is not an age recipient, which begins with age1."), text);
      return NULL;
    }
  self = recipient_new ();
  memcpy (self->point, point->bytes, sizeof self->point);
  return self;
}

DimpleAgeRecipient *
dimple_age_recipient_new_for_passphrase (const char *passphrase,
                                         guint       work_factor)
{
  DimpleAgeRecipient *self;

  g_assert (work_factor > 0 && work_factor <= DIMPLE_AGE_MAX_WORK_FACTOR);

  dimple_age_init (NULL);
  self = recipient_new ();
  self->passphrase = secret_strdup (passphrase);
  self->work_factor = work_factor;
  return self;
}

DimpleAgeRecipient *
dimple_age_recipient_ref (DimpleAgeRecipient *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
dimple_age_recipient_unref (DimpleAgeRecipient *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_pointer (&self->passphrase, secret_strfree);
  g_free (self);
}

char *
dimple_age_recipient_dup_text (const DimpleAgeRecipient *self)
{
  char text[DIMPLE_AGE_BECH32_MAX_LENGTH + 1];
  DimpleAgeKey point;

  if (self->passphrase != NULL)
    return NULL;

  memcpy (point.bytes, self->point, sizeof point.bytes);
  dimple_age_bech32_encode (RECIPIENT_PREFIX, &point, text);
  return g_strdup (text);
}

gboolean
dimple_age_recipient_is_passphrase (const DimpleAgeRecipient *self)
{
  return self->passphrase != NULL;
}

DimpleAgeStanza *
dimple_age_recipient_wrap (const DimpleAgeRecipient  *self,
                           const DimpleAgeKey        *file_key,
                           GError                   **error)
{
  DimpleAgeStanza *stanza;

  if (self->passphrase != NULL)
    {
      stanza = dimple_age_scrypt_wrap (self->passphrase, self->work_factor, file_key);
      if (stanza == NULL)
        g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED,
                             _("There is not enough memory to turn the passphrase into a key: close other apps."));
      return stanza;
    }

  stanza = dimple_age_x25519_wrap (self->point, file_key);
  if (stanza == NULL)
    g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS,
                         _("The age recipient is not a public key that anybody could have made."));
  return stanza;
}
