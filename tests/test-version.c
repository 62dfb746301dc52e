/* test-version.c: the version, of the headers and of the library
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple.h"

static void
test_library (void)
{
  g_assert_cmpuint (dimple_get_major_version (), ==, DIMPLE_MAJOR_VERSION);
  g_assert_cmpuint (dimple_get_minor_version (), ==, DIMPLE_MINOR_VERSION);
  g_assert_cmpuint (dimple_get_micro_version (), ==, DIMPLE_MICRO_VERSION);
}

static void
test_check (void)
{
  const int major = DIMPLE_MAJOR_VERSION, minor = DIMPLE_MINOR_VERSION, micro = DIMPLE_MICRO_VERSION;

  g_assert_true (DIMPLE_CHECK_VERSION (major, minor, micro));
  g_assert_true (DIMPLE_CHECK_VERSION (major - 1, minor + 1, micro + 1));
  g_assert_false (DIMPLE_CHECK_VERSION (major, minor, micro + 1));
  g_assert_false (DIMPLE_CHECK_VERSION (major, minor + 1, 0));
  g_assert_false (DIMPLE_CHECK_VERSION (major + 1, 0, 0));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/version/library", test_library);
  g_test_add_func ("/version/check", test_check);
  return g_test_run ();
}
