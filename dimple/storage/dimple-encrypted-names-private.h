/* dimple-encrypted-names-private.h: what objects are called in an encrypted repository
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define DIMPLE_SEALED_SUFFIX     ".age"
#define DIMPLE_IDENTITIES_PREFIX "identities/"
#define DIMPLE_MARKERS_PREFIX    "dimple/"

typedef enum
{
  DIMPLE_NAME_SEALED,           /* is called so with ".age" behind it */
  DIMPLE_NAME_MARKER,           /* stays in the clear */
  DIMPLE_NAME_RESERVED          /* the repository's identities: not for those above */
} DimpleNameKind;

DimpleNameKind  dimple_encrypted_name_classify       (const char *key);
char           *dimple_encrypted_name_seal           (const char *key);
/* (nullable): NULL for the name of an object that is not for those above */
char           *dimple_encrypted_name_unseal         (const char *name);
/* Whether it is the name of a pack that is not sealed */
gboolean        dimple_encrypted_name_is_clear_pack  (const char *name);
/* Whether all keys have been seen that sort before those of names up to this one */
gboolean        dimple_encrypted_name_ends_page      (const char *name,
                                                      const char *prefix,
                                                      const char *start_after);

G_END_DECLS
