/* prune-fixture.h: devices that prune, and how large what they have is, for tests
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "devices.h"

static inline gint64
number (Device     *device,
        const char *sql)
{
  g_autofree char *text = device_select (device, sql);

  return text != NULL ? g_ascii_strtoll (text, NULL, 10) : 0;
}

static inline void
prune (Device *device)
{
  g_autoptr(GError) error = NULL;

  g_usleep (2000);                                /* an id counts milliseconds */
  dimple_store_prune (device->store, FALSE, &error);
  g_assert_no_error (error);
}

static inline gint64
log_size (Device *device)
{
  return number (device, "SELECT sum (length (changes)) FROM dimple_log");
}

static inline void
limit_age (Device *device)
{
  g_object_set (device->store, "history-max-age", G_GINT64_CONSTANT (1), NULL);
}

static inline void
edit_often (Device *device,
            guint   first,
            guint   n)
{
  for (guint i = first; i < first + n; i++)
    device_execute (device, "UPDATE note SET body = 'This is text number %u of the note' WHERE key = 'a'", i);
}
