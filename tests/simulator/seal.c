/* seal.c: buckets whose objects are sealed
 *
 * For one identity that all devices are given, or by a passphrase: then the identities are in the bucket, where
 * somebody may delete them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "dimple-encrypted-storage-private.h"
#include "dimple-identity-file-private.h"

#include "simulator.h"

/* As `age-keygen` makes them, and nobody's. */
#define IDENTITY "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define PASSPHRASE "a passphrase"

/* Of scrypt, which else would take a second. */
#define WORK_FACTOR 1

static DimpleStorage *
make_storage (DimpleStorage *below,
              gboolean       by_passphrase)
{
  g_autoptr(GError) error = NULL;
  DimpleStorage *self;

  if (by_passphrase)
    {
      self = dimple_encrypted_storage_new (below, PASSPHRASE);
      dimple_encrypted_storage_set_work_factor (DIMPLE_ENCRYPTED_STORAGE (self), WORK_FACTOR);
      return self;
    }
  self = dimple_encrypted_storage_new_for_identity (below, IDENTITY, &error);
  g_assert_no_error (error);
  return self;
}

DimpleStorage *
seal_storage (DimpleStorage *storage,
              gboolean       by_passphrase)
{
  g_autoptr(DimpleStorage) below = storage;
  DimpleStorage *self = make_storage (below, by_passphrase);

  leaks_watch (self);
  return self;
}

GPtrArray *
seal_read_identities (GBytes *contents)
{
  g_autoptr(DimpleAgeIdentity) passphrase = dimple_age_identity_new_for_passphrase (PASSPHRASE);
  GPtrArray *identities = dimple_identity_file_open (contents, passphrase, NULL);

  return identities != NULL ? identities : g_ptr_array_new ();
}

GBytes *
seal_open (GBytes    *sealed,
           GPtrArray *identities)
{
  g_autoptr(DimpleAgeIdentity) given = dimple_age_identity_new_for_text (IDENTITY, strlen (IDENTITY), NULL);

  g_assert (given != NULL);
  if (identities == NULL)
    return dimple_age_open (sealed, &given, 1, NULL, NULL);
  return dimple_age_open (sealed, (DimpleAgeIdentity * const *) identities->pdata, identities->len, NULL, NULL);
}
