/* walkthrough-device.h: a device of the walk-through: a store, a live list that says what changes in it, a sync
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <dimple.h>

G_BEGIN_DECLS

#define WALKTHROUGH_TYPE_DEVICE (walkthrough_device_get_type ())
G_DECLARE_FINAL_TYPE (WalkthroughDevice, walkthrough_device, WALKTHROUGH, DEVICE, GObject)

WalkthroughDevice *walkthrough_device_new       (const char         *name,
                                                 const char         *folder,
                                                 GError            **error);
DimpleStore       *walkthrough_device_get_store (WalkthroughDevice  *self);
gboolean           walkthrough_device_import    (WalkthroughDevice  *self,
                                                 GPtrArray          *files,
                                                 guint               at_most,
                                                 guint              *n_imported,
                                                 GError            **error);
gboolean           walkthrough_device_sync      (WalkthroughDevice  *self,
                                                 DimpleStorage      *storage,
                                                 GError            **error);
gboolean           walkthrough_device_settle    (WalkthroughDevice  *self,
                                                 GError            **error);
char              *walkthrough_device_digest    (WalkthroughDevice  *self,
                                                 GError            **error);

G_END_DECLS
