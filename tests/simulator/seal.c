/* seal.c: buckets whose objects are sealed
 *
 * One identity for all, given to the storages as it is: scrypt would take a second for each device.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "dimple-age-private.h"

#include "simulator.h"

/* As `age-keygen` makes them, and nobody's. */
#define IDENTITY "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"

DimpleStorage *
seal_storage (DimpleStorage *storage)
{
  g_autoptr(DimpleStorage) below = storage;
  g_autoptr(GError) error = NULL;
  DimpleStorage *self = dimple_encrypted_storage_new_for_identity (below, IDENTITY, &error);

  g_assert_no_error (error);
  leaks_watch (self);
  return self;
}

GBytes *
seal_open (GBytes *sealed)
{
  g_autoptr(DimpleAgeIdentity) identity = dimple_age_identity_new_for_text (IDENTITY, strlen (IDENTITY), NULL);

  g_assert (identity != NULL);
  return dimple_age_open (sealed, &identity, 1, NULL, NULL);
}
