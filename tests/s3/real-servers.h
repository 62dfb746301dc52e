/* real-servers.h: where the servers are that tests/s3/start-s3 has started
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

/* One of the variables that start-s3 prints, of which `flavor` is the middle: “S3” or “SWIFT”.  NULL if it has not
 * run. */
static inline const char *
get_variable (const char *flavor,
              const char *name)
{
  g_autofree char *variable = g_strconcat ("DIMPLE_TEST_", flavor, "_", name, NULL);

  return g_getenv (variable);
}
