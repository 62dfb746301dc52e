/* two-devices.h: two devices and a bucket, and whether all is well with them, for the tests of sync
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "devices.h"

typedef struct
{
  Bucket *bucket;
  Device *one;         /* writes everything */
  Device *other;       /* has seen nothing yet */
} Fixture;

static inline void
make_two_devices (Fixture *self)
{
  self->bucket = bucket_new ();
  self->one = device_new (NULL, self->bucket->storage);
  self->other = device_new (NULL, self->bucket->storage);
}

static inline void
free_two_devices (Fixture *self)
{
  device_free (self->one);
  device_free (self->other);
  bucket_free (self->bucket);
}

/* All is everywhere when both have synced, on a third device, too; and then there is nothing to do, nor to keep. */
static inline void
assert_settled (Fixture *self,
                guint    n_notes)
{
  g_autoptr(Device) late = device_new (NULL, self->bucket->storage);

  bucket_behave (self->bucket);
  device_sync (self->one);
  device_sync (self->other);
  device_sync (late);
  g_assert_cmpuint (device_count (late, "note"), ==, n_notes);
  assert_equal_devices (self->one, self->other);
  assert_equal_devices (self->one, late);
  bucket_behave (self->bucket);
  device_sync (self->one);
  device_sync (self->other);
  g_assert_cmpuint (self->bucket->n_of[DIMPLE_STORAGE_LIST], ==, 4);      /* and its end */
  g_assert_cmpuint (self->bucket->n_requests, ==, 4);
  g_assert_cmpuint (device_count (self->other, "dimple_part"), ==, 0);
  g_assert_cmpuint (device_count (late, "dimple_part"), ==, 0);
}
