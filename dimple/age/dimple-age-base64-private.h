/* dimple-age-base64-private.h: base64 as age has it: the standard alphabet, no padding, canonical
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

void     dimple_age_base64_append       (GString      *text,
                                         const guint8 *bytes,
                                         gsize         size);
gboolean dimple_age_base64_decode       (const char   *text,
                                         gsize         length,
                                         GByteArray   *bytes);
/* TRUE if the text is of exactly `size` bytes */
gboolean dimple_age_base64_decode_fixed (const char   *text,
                                         gsize         length,
                                         guint8       *bytes,
                                         gsize         size);

G_END_DECLS
