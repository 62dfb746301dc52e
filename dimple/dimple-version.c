/* dimple-version.c: the version of the library at run time
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-version.h"

/**
 * dimple_get_major_version:
 *
 * Gets the major version of the library that the program runs with, which may be newer than its headers.
 *
 * Returns: the major version
 */
guint
dimple_get_major_version (void)
{
  return DIMPLE_MAJOR_VERSION;
}

/**
 * dimple_get_minor_version:
 *
 * Gets the minor version of the library that the program runs with.
 *
 * Returns: the minor version
 */
guint
dimple_get_minor_version (void)
{
  return DIMPLE_MINOR_VERSION;
}

/**
 * dimple_get_micro_version:
 *
 * Gets the micro version of the library that the program runs with.
 *
 * Returns: the micro version
 */
guint
dimple_get_micro_version (void)
{
  return DIMPLE_MICRO_VERSION;
}
