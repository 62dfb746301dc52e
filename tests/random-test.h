/* random-test.h: the options of randomised tests
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* Takes “--NAME=NUMBER” out of the arguments; `fallback` if it is not there.  Before g_test_init(), which has a --seed
 * of another form. */
static inline guint
take_option (int        *argc,
             char       *argv[],
             const char *name,
             guint       fallback)
{
  int left = 1;

  for (int i = 1; i < *argc; i++)
    if (g_str_has_prefix (argv[i], name) && argv[i][strlen (name)] == '=')
      fallback = (guint) strtoul (argv[i] + strlen (name) + 1, NULL, 10);
    else
      argv[left++] = argv[i];
  *argc = left;
  return fallback;
}
