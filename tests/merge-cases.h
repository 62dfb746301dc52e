/* merge-cases.h: what tests/model/generate_merges.py makes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

/* For messages. */
static inline char *
dup_scripts (JsonObject *test_case)
{
  return json_to_string (json_object_get_member (test_case, "scripts"), TRUE);
}

typedef void (*CaseFunc) (JsonObject *test_case,
                          gpointer    user_data);

/* Has the model make cases, or apps, and calls `func` for each. */
static inline void
for_each_case (const char *kind,
               guint       first_seed,
               guint       n_seeds,
               CaseFunc    func,
               gpointer    user_data)
{
  g_autofree char *generator = g_test_build_filename (G_TEST_DIST, "model", "generate_merges.py", NULL);
  g_autofree char *first = g_strdup_printf ("%u", first_seed);
  g_autofree char *last = g_strdup_printf ("%u", first_seed + n_seeds);
  g_autoptr(GError) error = NULL;
  g_autoptr(GSubprocess) process = NULL;
  g_autoptr(GDataInputStream) lines = NULL;
  char *line;
  guint n_cases = 0;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, "/usr/bin/python3", generator, first, last,
                              kind, NULL);
  g_assert_no_error (error);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  while ((line = g_data_input_stream_read_line (lines, NULL, NULL, &error)) != NULL)
    {
      g_autofree char *owned = line;
      g_autoptr(JsonNode) node = json_from_string (owned, &error);

      g_assert_no_error (error);
      func (json_node_get_object (node), user_data);
      n_cases++;
    }
  g_assert_no_error (error);
  g_subprocess_wait_check (process, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n_cases, ==, n_seeds);
}
