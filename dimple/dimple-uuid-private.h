/* dimple-uuid-private.h: UUIDs of version 7 (RFC 9562, section 5.7)
 *
 * An id is 48 bits of milliseconds since 1970, the version, 12 bits of count within the millisecond, and a tail of 62
 * random bits.  Its text is lower-case, so byte order is time order.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define DIMPLE_UUID_LENGTH 36
#define DIMPLE_UUID_SIZE (DIMPLE_UUID_LENGTH + 1)

/* Where the tail starts in an id's text: "xxxx-xxxxxxxxxxxx" */
#define DIMPLE_UUID_TAIL_OFFSET 19
#define DIMPLE_UUID_TAIL_MASK G_GUINT64_CONSTANT (0x3fffffffffffffff)

/* `time` is milliseconds << 12 | count: 60 bits that order ids */
#define DIMPLE_UUID_TIME(milliseconds, count) ((guint64) (milliseconds) << 12 | (count))
#define DIMPLE_UUID_MILLISECONDS(time) ((gint64) ((time) >> 12))

void     dimple_uuid7_format (guint64 time,
                              guint64 tail,
                              char    text[DIMPLE_UUID_SIZE]);
gboolean dimple_uuid7_parse  (const char *text,
                              guint64    *time,
                              guint64    *tail);
void     dimple_uuid7_new    (char text[DIMPLE_UUID_SIZE]);
guint64  dimple_random_tail  (void);

/* For simulations: from now on all ids and tails of this process follow from `seed`, and from no clock. */
void     dimple_uuid_repeat  (guint64 seed);

G_END_DECLS
