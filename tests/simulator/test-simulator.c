/* test-simulator.c: devices, clocks, schemas, edits and faults at random, and what must hold all the same
 *
 *   test-simulator [--first=N] [--seeds=N] [--jobs=N] [--minutes=N] [--shrink=0] [--until-failure] [--leaks]
 *   test-simulator --seed=N [--steps=3,7-9]
 *
 * Prints the seed of what fails, shrunk to a short script.  --seed tells all that one seed does.  With --leaks and a
 * build for it LeakSanitizer looks at each seed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "simulator.h"

static const char *
find_option (int         argc,
             char       *argv[],
             const char *name)
{
  for (int i = 1; i < argc; i++)
    {
      if (g_str_has_prefix (argv[i], name) && argv[i][strlen (name)] == '=')
        return argv[i] + strlen (name) + 1;
    }
  return NULL;
}

static guint
find_number (int         argc,
             char       *argv[],
             const char *name,
             guint       fallback)
{
  const char *text = find_option (argc, argv, name);

  return text != NULL ? (guint) strtoul (text, NULL, 10) : fallback;
}

int
main (int   argc,
      char *argv[])
{
  RunOptions options = { .jobs = find_number (argc, argv, "--jobs", 2), .steps = find_option (argc, argv, "--steps") };
  const char *minutes = find_option (argc, argv, "--minutes");

  setlocale (LC_CTYPE, "C.UTF-8");
  options.first = find_number (argc, argv, "--first", 0);
  options.last = options.first + find_number (argc, argv, "--seeds", 2000);
  options.minutes = minutes != NULL ? g_ascii_strtod (minutes, NULL) : 0;
  options.until_failure = g_strv_contains ((const char * const *) argv, "--until-failure");
  options.leaks = g_strv_contains ((const char * const *) argv, "--leaks");
  options.shrink = find_number (argc, argv, "--shrink", TRUE) != 0;
  if (find_option (argc, argv, "--seed") != NULL)
    {
      options.first = find_number (argc, argv, "--seed", 0);
      options.last = options.first + 1;
    }
  return run (&options) > 0;
}
