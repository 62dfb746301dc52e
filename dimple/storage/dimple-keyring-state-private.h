/* dimple-keyring-state-private.h: what the parts of a keyring share
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-keyring-private.h"

G_BEGIN_DECLS

/* One object of identities */
typedef struct
{
  char *name;                   /* (nullable): NULL for an identity that the app gave */
  GPtrArray *identities;        /* (element-type DimpleAgeIdentity) */
  GBytes *sealed;               /* (nullable): the object, while it may have to be put there again */
} DimpleKeyringEntry;

struct _DimpleKeyring
{
  GObject parent_instance;

  DimpleStorage *storage;
  gboolean is_given;            /* the app gave the identity: there is nothing to load */

  GMutex mutex;                 /* of what follows */
  DimpleAgeIdentity *passphrase;
  guint work_factor;
  GPtrArray *entries;           /* (element-type DimpleKeyringEntry), by name */
  GHashTable *refused;          /* names that the passphrase does not open */
  GPtrArray *leftovers;         /* (element-type utf8): names that changes of the passphrase may have left behind */
  gboolean is_empty;            /* there were no identities when they were looked for */
  gboolean is_lost;             /* a listing lacked one that is known, or any */

  GTask *leader;                /* (unowned): the load that others wait for */
  GThread *leader_thread;
  GQueue waiting;               /* (element-type GTask) */
};

DimpleKeyringEntry *dimple_keyring_entry_new       (const char           *name,
                                                    GPtrArray            *identities,
                                                    GBytes               *sealed);
gboolean            dimple_keyring_entry_has       (const DimpleKeyringEntry *entry,
                                                    const DimpleAgeIdentity  *identity);
void                dimple_keyring_entry_free      (gpointer              entry);

/* Takes the entry */
void                dimple_keyring_add_entry       (DimpleKeyring        *self,
                                                    DimpleKeyringEntry   *entry);
/* (transfer full) (nullable): to be read without the lock */
DimpleAgeIdentity  *dimple_keyring_ref_passphrase  (DimpleKeyring        *self,
                                                    guint                *work_factor);
/* (transfer full) (element-type DimpleAgeIdentity): each once, the one to seal for first */
GPtrArray          *dimple_keyring_dup_identities  (DimpleKeyring        *self);
/* identities/{id}.age, with a new id */
char               *dimple_keyring_new_name        (void);

/* Makes the first identity of a repository */
void                dimple_keyring_create_async    (DimpleKeyring        *self,
                                                    GCancellable         *cancellable,
                                                    GAsyncReadyCallback   callback,
                                                    gpointer              user_data);
gboolean            dimple_keyring_create_finish   (DimpleKeyring        *self,
                                                    GAsyncResult         *result,
                                                    GError              **error);

/* Puts those there again that are known and not among the names in `listed`, unless others hold them.  Where the
 * passphrase has been changed, whoever knows the new one does that. */
void                dimple_keyring_restore_async   (DimpleKeyring        *self,
                                                    GHashTable           *listed,
                                                    gboolean              is_passphrase_changed,
                                                    GCancellable         *cancellable,
                                                    GAsyncReadyCallback   callback,
                                                    gpointer              user_data);
gboolean            dimple_keyring_restore_finish  (DimpleKeyring        *self,
                                                    GAsyncResult         *result,
                                                    GError              **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleKeyringEntry, dimple_keyring_entry_free)

G_END_DECLS
